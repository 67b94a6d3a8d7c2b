package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"mpicsim/perspectives/audit"
)

func newAuditCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Verify audit logs",
		Long: `A coordinator keeps the records of BR 5.4.1(2)(7) and (8) in files whose lines are
chained by SHA-256, so that an auditor sees whether any was changed, removed,
inserted or moved since.`,
		Example: `  mpicsim audit verify /var/log/mpicsim`,
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditVerifyCommand(s))
	return cmd
}

// auditVerify are the flags of "mpicsim audit verify".
type auditVerify struct {
	expected audit.Expected
	asJSON   bool
}

func newAuditVerifyCommand(s streams) *cobra.Command {
	var f auditVerify
	cmd := &cobra.Command{
		Use:   "verify FILE|DIR...",
		Short: "Say whether an audit log is as it was written",
		Long: `Verify reads the files of one log, oldest first (a folder stands for the files
named audit-NNNNNN.jsonl in it, in the order of their numbers), and names every line
that does not follow from the one before it.

The chain shows lines that were changed, removed, inserted or moved, and files that
are missing, renamed or swapped. A log begins with line 1: where older files are in
an archive, say with --after which hash they end with.

A chain alone shows neither that lines are missing at its end nor that somebody who
can write to the folder wrote it anew from some line on. Against both, keep the head
that verify prints where that somebody cannot write: --head wants the chain to end
with it, --holds, for a log that has grown since, to have it somewhere. What stands
after the last head that is known elsewhere is shown to be consistent, not complete.

Exit code 0: the chain holds. Exit code 1: it does not, or there is no line.`,
		Example: `  mpicsim audit verify /var/log/mpicsim
  mpicsim audit verify audit-000001.jsonl audit-000002.jsonl --json

  # Files 1 to 6 have gone to the archive; what verify said of them last ended with
  # "head 41210 9f2c..."
  mpicsim audit verify /var/log/mpicsim --after 9f2c...`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("no file: want the files of one audit log, or its folder")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return runAuditVerify(s, args, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.expected.After, "after", "", "the `HASH` that the files before the first one end with")
	flags.StringVar(&f.expected.Head, "head", "", "the `HASH` that the chain must end with")
	flags.StringArrayVar(&f.expected.Holds, "holds", nil, "a `HASH` that a line must have; may be repeated")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	flags.SortFlags = false
	return cmd
}

// hashPattern is a line's hash.
const hashPattern = "64 hexadecimal digits in lower case"

// validate returns an error for a hash that no line can have.
func (f auditVerify) validate() error {
	for flag, hashes := range map[string][]string{
		"--after": {f.expected.After}, "--head": {f.expected.Head}, "--holds": f.expected.Holds,
	} {
		for _, h := range hashes {
			if h == "" && flag != "--holds" {
				continue // not given
			}
			if len(h) != 64 || strings.Trim(h, "0123456789abcdef") != "" {
				return fmt.Errorf("%s: found %.80q, expected %s", flag, h, hashPattern)
			}
		}
	}
	return nil
}

func runAuditVerify(s streams, paths []string, f auditVerify) error {
	if err := f.validate(); err != nil {
		return err
	}
	files, others, err := auditFiles(paths)
	if err != nil {
		return err
	}
	report, err := f.expected.Verify(files)
	if err != nil {
		return err
	}
	for _, path := range others {
		s.notef("%s: not read: no file of this log\n", path)
	}
	err = writeOutput(s, "", func(w *bufio.Writer) error {
		if f.asJSON {
			return writeJSON(w, report)
		}
		for _, fault := range report.Faults {
			fmt.Fprintln(w, fault.Error())
		}
		verdict := "the chain holds"
		if n := len(report.Faults) + report.MoreFaults; n > 0 {
			verdict = fmt.Sprintf("BROKEN in %d places", n)
		}
		_, err := fmt.Fprintf(w, "%d lines in %d files, from line %d of the chain: %s\nhead %d %s\n",
			report.Lines, report.Files, report.First, verdict, report.Head.Seq, report.Head.Hash)
		return err
	})
	if err == nil && len(report.Faults) > 0 {
		return &exitError{code: exitNo}
	}
	return err
}

// auditFiles returns the files that paths stand for, and what else is in folders
// among them.
func auditFiles(paths []string) (files, others []string, err error) {
	for _, path := range paths {
		stat, err := os.Stat(path)
		if err != nil {
			return nil, nil, err
		}
		if !stat.IsDir() {
			files = append(files, path)
			continue
		}
		found, err := audit.Files(path, "")
		if err != nil {
			return nil, nil, err
		}
		if len(found) == 0 {
			return nil, nil, fmt.Errorf("%s: found no audit-*.jsonl", path)
		}
		more, err := audit.Others(path, "")
		if err != nil {
			return nil, nil, err
		}
		files, others = append(files, found...), append(others, more...)
	}
	return files, others, nil
}

package main

import (
	"bufio"
	"fmt"
	"os"

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

func newAuditVerifyCommand(s streams) *cobra.Command {
	var head string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE|DIR...",
		Short: "Say whether an audit log is as it was written",
		Long: `Verify reads the files of one log, oldest first (a folder stands for the files
named audit-*.jsonl in it), and names every line that does not follow from the one
before it. A chain alone cannot show that lines are missing at its end: keep the
head that verify prints in another place, and give it with --head next time.

Exit code 0: the chain holds. Exit code 1: it does not.`,
		Example: `  mpicsim audit verify /var/log/mpicsim
  mpicsim audit verify audit-000001.jsonl audit-000002.jsonl --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("no file: want the files of one audit log, or its folder")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return runAuditVerify(s, args, head, asJSON) },
	}
	cmd.Flags().StringVar(&head, "head", "", "the `HASH` that the chain must end with")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

func runAuditVerify(s streams, paths []string, head string, asJSON bool) error {
	var files []string
	for _, path := range paths {
		stat, err := os.Stat(path)
		if err != nil {
			return err
		}
		if !stat.IsDir() {
			files = append(files, path)
			continue
		}
		found, err := audit.Files(path, "")
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%s: found no audit-*.jsonl", path)
		}
		files = append(files, found...)
	}
	report, err := audit.Verify(files)
	if err != nil {
		return err
	}
	if head != "" && head != report.Head.Hash {
		report.Faults = append(report.Faults, audit.Fault{
			File: files[len(files)-1], Line: report.Lines, Reason: fmt.Sprintf("the chain ends with %s, expected %s", report.Head.Hash, head),
		})
	}
	err = writeOutput(s, "", func(w *bufio.Writer) error {
		if asJSON {
			return writeJSON(w, report)
		}
		for _, f := range report.Faults {
			fmt.Fprintln(w, f.Error())
		}
		verdict := "the chain holds"
		if len(report.Faults) > 0 {
			verdict = fmt.Sprintf("BROKEN in %d places", len(report.Faults))
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

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
)

// verifyFlags are the flags of "mpicsim verify" as given.
type verifyFlags struct {
	study   string
	workers int
	json    bool
}

// verifyReport is the command's JSON.
type verifyReport struct {
	Directory  string `json:"directory"`
	Reproduced bool   `json:"reproduced"`
	Why        string `json:"why,omitempty"`
	Hijacks    int64  `json:"hijacks"`
	SHA256     string `json:"sha256"`
	// Version computed the results, Verifier compared them.
	Version  string `json:"version"`
	Verifier string `json:"verifier"`
}

func newVerifyCommand(s streams) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Compute a study again and compare it with stored results, byte for byte",
		Long: `Verify reads the study that is stored beside the results, computes all of it again
without storing anything, and compares every file with the manifest.

A study that names files (a topology, weights) by relative paths is looked for
beside them: say with --study where it is. It must be the same file.

Exit code 0: reproduced. Exit code 1: not reproduced.`,
		Example: `  mpicsim verify results
  mpicsim verify results --study ../inputs/study.yaml`,
		Args: exactlyOne("the directory of a study's results"),
		RunE: func(cmd *cobra.Command, args []string) error { return runVerify(cmd.Context(), s, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.study, "study", "", "`FILE` of the study, DIR/study.yaml if not given")
	flags.IntVar(&f.workers, "workers", 0, "how many CPUs to use, 0 for all")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	flags.SortFlags = false
	return cmd
}

func runVerify(ctx context.Context, s streams, dir string, f verifyFlags) error {
	if f.workers < 0 {
		return fmt.Errorf("--workers: found %d: want 0 or more", f.workers)
	}
	stored, err := openResults(dir)
	if err != nil {
		return err
	}
	path := f.study
	if path == "" {
		path = filepath.Join(dir, result.StudyName)
	}
	src, err := scenarios.ReadStudy(path)
	if err != nil {
		return err
	}
	workers := f.workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	m := &stored.Manifest
	plan, err := study.Prepare(ctx, study.Options{Source: src, Aggregate: m.Aggregate, Workers: workers, Version: version()})
	if err != nil {
		return err
	}
	progress := newStudyProgress(s, time.Now)
	err = plan.Verify(ctx, stored, progress.show)
	progress.end()
	no := errors.Is(err, study.ErrNotReproduced)
	switch {
	case errors.Is(err, study.ErrInterrupted):
		return fault(err)
	case err != nil && !no:
		return err
	}
	report := verifyReport{
		Directory: dir, Reproduced: !no, Hijacks: m.Counts.Hijacks, SHA256: m.SHA256, Version: m.Version, Verifier: version(),
	}
	if no {
		report.Why = err.Error()
	}
	if err := writeOutput(s, "", func(w *bufio.Writer) error { return printVerify(w, report, f.json) }); err != nil {
		return err
	}
	if no {
		return &exitError{code: exitNo}
	}
	return nil
}

func printVerify(w *bufio.Writer, r verifyReport, asJSON bool) error {
	if asJSON {
		return writeJSON(w, r)
	}
	if !r.Reproduced {
		_, err := fmt.Fprintf(w, "NOT REPRODUCED  %s\n", r.Why)
		return err
	}
	_, err := fmt.Fprintf(w, "Reproduced  all %s hijacks, byte for byte\nSHA-256     %s\n", grouped(r.Hijacks), r.SHA256)
	return err
}

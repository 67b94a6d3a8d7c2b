package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
)

func newStudyCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "study",
		Short: "Compute many hijacks, without packets, and store what came of them",
		Long: `A study is a YAML file: a topology, victims, attackers, shapes of attack and
viewpoints. Every victim is attacked by every attacker, and each viewpoint is asked
whom it reaches, with ties falling to the attacker, as the study says, and to the
victim. Results are Parquet files, for DuckDB, Polars, pandas and 'mpicsim report'.`,
		Example: `  # All hijacks of a study; the same command takes up a run that was interrupted
  mpicsim study run study.yaml -o results

  # What is in there?
  mpicsim study info results
  mpicsim study export results --csv | head

  # What would that CA have withstood under these rules?
  mpicsim study resilience results --perspectives openmpic-default --rule br --rule 5/6

  # Attacks and attack surfaces in one table, computed at once
  mpicsim study compare study.yaml`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newStudyRunCommand(s), newStudyInfoCommand(s), newStudyExportCommand(s), newStudyResilienceCommand(s), newStudyCompareCommand(s))
	return cmd
}

// studyFlags are the flags of "mpicsim study run" as given.
type studyFlags struct {
	output    string
	aggregate bool
	workers   int
	plan      bool
	json      bool
}

func newStudyRunCommand(s streams) *cobra.Command {
	var f studyFlags
	cmd := &cobra.Command{
		Use:   "run STUDY -o DIR",
		Short: "Compute the hijacks of a study and store the results",
		Long: `Run prints what it is going to do (hijacks, expected time, memory and disk), and
then does it. It may be interrupted or killed at any moment: run the same command
again, and it goes on where it was; the results are the same bytes, for any number
of workers. Inputs that have changed in between are refused. In a directory that is
complete, files that were lost or have changed since are computed anew.

Exit code 0: the results are complete. Exit code 3: interrupted, or the directory
cannot be written; what is finished is kept.`,
		Example: `  # Every hijack of the study
  mpicsim study run study.yaml -o results

  # Only what it would take
  mpicsim study run study.yaml --plan

  # Distinct outcomes with their counts instead of a row for each hijack
  mpicsim study run study.yaml -o results --aggregate`,
		Args: exactlyOne("the study's file"),
		RunE: func(cmd *cobra.Command, args []string) error { return runStudy(cmd.Context(), s, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "`DIR` for the results: new, empty, or of an earlier run of the same study")
	flags.BoolVar(&f.aggregate, "aggregate", false, "store distinct outcomes of each victim with their counts, not each hijack")
	flags.IntVar(&f.workers, "workers", 0, "how many CPUs to use, 0 for all; the results are the same")
	flags.BoolVar(&f.plan, "plan", false, "print what a run would take, and stop")
	flags.BoolVar(&f.json, "json", false, "print the manifest, or with --plan the plan, as JSON")
	flags.SortFlags = false
	return cmd
}

// studyGCPercent keeps the heap small: what a study holds, it holds for long.
const studyGCPercent = 50

func runStudy(ctx context.Context, s streams, path string, f studyFlags) error {
	switch {
	case f.output == "" && !f.plan:
		return errors.New("-o: missing: want a directory for the results")
	case f.workers < 0:
		return fmt.Errorf("--workers: found %d: want 0 or more", f.workers)
	}
	if s.env("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(studyGCPercent))
	}
	plan, err := prepareStudy(ctx, s, path, f)
	if err != nil {
		return err
	}
	estimate, err := plan.Estimate(ctx, time.Now)
	if err != nil {
		return fault(err)
	}
	if f.plan {
		return writeOutput(s, "", func(w *bufio.Writer) error {
			if f.json {
				return writeJSON(w, studyPlanJSON(plan, estimate))
			}
			return printStudyPlan(w, plan, estimate)
		})
	}
	if err := writeBuffered(s.err, func(w *bufio.Writer) error { return printStudyPlan(w, plan, estimate) }); err != nil {
		return fault(err)
	}
	progress := newStudyProgress(s, time.Now)
	m, err := plan.Run(ctx, study.RunOptions{Directory: f.output, Progress: progress.show})
	progress.end()
	if err != nil {
		return unlessDirectory(err)
	}
	return writeOutput(s, "", func(w *bufio.Writer) error {
		if f.json {
			return writeJSON(w, m)
		}
		return printStudyResult(w, f.output, m)
	})
}

func prepareStudy(ctx context.Context, s streams, path string, f studyFlags) (*study.Plan, error) {
	src, err := scenarios.ReadStudy(path)
	if err != nil {
		return nil, err
	}
	workers := f.workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	plan, err := study.Prepare(ctx, study.Options{Source: src, Aggregate: f.aggregate, Workers: workers, Version: version()})
	if err != nil && ctx.Err() != nil {
		return nil, fault(err)
	}
	return plan, err
}

// unlessDirectory marks an error of a run as a fault, unless the directory that
// the user named is another study's or cannot be opened.
func unlessDirectory(err error) error {
	if errors.Is(err, study.ErrInterrupted) || isDiskError(err) {
		return fault(err)
	}
	return err
}

// isDiskError says whether writing went wrong in a directory that was fine.
func isDiskError(err error) bool {
	path, ok := errors.AsType[*fs.PathError](err)
	return ok && (path.Op == "write" || path.Op == "sync" || path.Op == "close")
}

// openResults opens the results of a finished study.
func openResults(dir string) (*result.Directory, error) {
	d, err := study.Open(dir)
	if errors.Is(err, result.ErrUnfinished) {
		if _, stat := os.Stat(dir); stat != nil {
			return nil, fmt.Errorf("reading results: %w", stat)
		}
	}
	return d, err
}

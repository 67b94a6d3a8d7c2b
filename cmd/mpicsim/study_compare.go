package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"mpicsim/reports/resilience"
	"mpicsim/reports/table"
	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
)

// studyCompareFlags are the flags of "mpicsim study compare" as given.
type studyCompareFlags struct {
	judged  studyResilienceFlags
	workers int
}

func newStudyCompareCommand(s streams) *cobra.Command {
	var f studyCompareFlags
	cmd := &cobra.Command{
		Use:   "compare STUDY|DIR",
		Short: "Compute a study and compare attacks and attack surfaces in one table",
		Long: `Compare computes the hijacks of a study, or reads those of a finished one, and
prints how many attackers get no certificate: a row for each way of attack and for
the best of all for each attacker; if the victims are domains, for each surface:
their web servers only, with the name servers that DNSSEC does not protect, and with
all name servers. A perspective is fooled if it is at any address of the surface.

A study that is computed is held in memory and not stored: 'mpicsim study run' does
that, and then DIR can be compared under many rules.`,
		Example: `  mpicsim study compare docs/defended/study.yaml --perspectives openmpic-default --rule br@2026-12-15
  mpicsim study compare results --perspectives aws/us-east-2:aws/us-west-1,aws/eu-west-1 --rule 1/2 --json`,
		Args: exactlyOne("a study's file, or the directory of its results"),
		RunE: func(cmd *cobra.Command, args []string) error { return runStudyCompare(cmd.Context(), s, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.judged.perspectives, "perspectives", nil, "`SET` of the catalog, or PRIMARY:REMOTE,REMOTE,...; may be repeated (default openmpic-default)")
	flags.StringArrayVar(&f.judged.rules, "rule", nil, "quorum `RULE`: br, br@DATE, K/N or a preset; may be repeated (default br)")
	flags.StringVar(&f.judged.date, "date", "", "`YYYY-MM-DD` for which the rule br is meant (default: today)")
	flags.IntVar(&f.workers, "workers", 0, "how many CPUs to use, 0 for all; the results are the same")
	flags.BoolVar(&f.judged.json, "json", false, "print JSON")
	flags.StringVarP(&f.judged.output, "output", "o", "", "write to `FILE` instead of standard output")
	flags.SortFlags = false
	return cmd
}

// studyComparison is the JSON form of a comparison.
type studyComparison struct {
	// Manifest says what was computed; without files if nothing is stored.
	Manifest *result.Manifest `json:"manifest"`
	// Seconds is how long it took, on so many Workers.
	Seconds float64 `json:"seconds"`
	Workers int     `json:"workers"`
	*resilience.Comparison
}

// hijacksOf are the hijacks of a study, computed or read.
type hijacksOf struct {
	manifest   result.Manifest
	viewpoints []result.Viewpoint
	domains    *result.Domains
	// each hands on all hijacks, and returns how they were computed.
	each func(func(*result.Hijack) error) (result.Engine, error)
}

func runStudyCompare(ctx context.Context, s streams, path string, f studyCompareFlags) error {
	start := time.Now()
	if f.workers < 0 {
		return fmt.Errorf("--workers: found %d: want 0 or more", f.workers)
	}
	if f.workers == 0 {
		f.workers = runtime.GOMAXPROCS(0)
	}
	if s.env("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(studyGCPercent))
	}
	h, err := f.hijacks(ctx, s, path)
	if err != nil {
		return err
	}
	if len(f.judged.perspectives) == 0 {
		f.judged.perspectives = []string{"openmpic-default"}
	}
	options, err := resilienceOptions(&h.manifest, h.viewpoints, f.judged, start.UTC())
	if err != nil {
		return err
	}
	c, err := compareHijacks(h, options)
	if ctx.Err() != nil {
		return fault(context.Cause(ctx))
	}
	if err != nil {
		return err
	}
	took := time.Since(start)
	return writeOutput(s, f.judged.output, func(w *bufio.Writer) error {
		if f.judged.json {
			return writeJSON(w, studyComparison{&h.manifest, took.Seconds(), f.workers, c})
		}
		fmt.Fprintf(w, "Study       %s\n", titled(h.manifest.Name, h.manifest.Title))
		printStudyInputs(w, &h.manifest)
		fmt.Fprintf(w, "Computed    %s\n", computed(h.manifest.Engine))
		fmt.Fprintf(w, "Took        %.1f s on %s\n\n", took.Seconds(), counted(int64(f.workers), "worker"))
		return table.Comparison(w, c, table.ResilienceOptions{Color: toStdout(f.judged.output) && useColor(s.out, os.Getenv)})
	})
}

// hijacks opens results, or prepares a study.
func (f studyCompareFlags) hijacks(ctx context.Context, s streams, path string) (*hijacksOf, error) {
	if stat, err := os.Stat(path); err == nil && stat.IsDir() {
		d, err := openResults(path)
		if err != nil {
			return nil, err
		}
		return &hijacksOf{d.Manifest, d.Viewpoints, d.Domains, func(each func(*result.Hijack) error) (result.Engine, error) {
			return d.Manifest.Engine, stored(d, each)
		}}, nil
	}
	plan, err := prepareStudy(ctx, s, path, studyFlags{workers: f.workers})
	if err != nil {
		return nil, err
	}
	if _, traced := plan.Swept(); len(traced) > 0 { // which can take long
		estimate, err := plan.Estimate(ctx, time.Now)
		if err != nil {
			return nil, fault(err)
		}
		if err := writeBuffered(s.err, func(w *bufio.Writer) error { return printStudyPlan(w, plan, estimate) }); err != nil {
			return nil, fault(err)
		}
	}
	return &hijacksOf{plan.Manifest(), plan.Viewpoints(), plan.Domains(), func(each func(*result.Hijack) error) (result.Engine, error) {
		progress := newStudyProgress(s, time.Now)
		defer progress.end()
		return plan.ComputeAll(ctx, each, func(p study.Progress) { progress.show(p) })
	}}, nil
}

// compareHijacks applies policies to hijacks, of every surface if victims are
// domains. It notes in the manifest how they were computed.
func compareHijacks(h *hijacksOf, o resilience.Options) (*resilience.Comparison, error) {
	if h.domains == nil {
		report, err := accumulate(o, resilience.ReportOptions{}, func(each func(*result.Hijack) error) (err error) {
			h.manifest.Engine, err = h.each(each)
			return err
		})
		if err != nil {
			return nil, err
		}
		return resilience.Compare(h.manifest.Attacks, []resilience.Compared{{Report: report}}), nil
	}
	domains, err := resilience.NewDomains(h.domains, len(h.viewpoints), h.manifest.Attackers.Count, len(h.manifest.Attacks))
	if err != nil {
		return nil, err
	}
	if h.manifest.Engine, err = h.each(domains.Add); err != nil {
		return nil, err
	}
	o.Names = domains.Names()
	var apart resilience.Apart
	var reports []resilience.Compared
	for _, surface := range domains.Surfaces() {
		report, err := accumulate(o, resilience.ReportOptions{}, func(each func(*result.Hijack) error) (err error) {
			apart, err = domains.Each(surface, each)
			return err
		})
		if err != nil {
			return nil, err
		}
		reports = append(reports, resilience.Compared{Surface: surface, Report: report})
	}
	c := resilience.Compare(h.manifest.Attacks, reports)
	c.Apart = &apart
	return c, nil
}

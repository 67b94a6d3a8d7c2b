// Performance runs the project's benchmarks and writes what they measured, each
// with its inputs, as Markdown: docs/performance.md is its output.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "performance:", err)
		os.Exit(2)
	}
}

// routing are the benchmarks that peers have numbers for.
const routing = "^Benchmark(OpenPlain|OpenBzip2|PropagateFull|Sweep)$"

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("performance", flag.ContinueOnError)
	output := flags.String("o", "", "write to `FILE` instead of standard output")
	bench := flags.String("bench", ".", "`REGEXP` of benchmarks")
	benchtime := flags.String("benchtime", "1s", "for how long, or how often, each is run")
	count := flags.Int("count", 3, "how many times; medians are printed")
	peers := flags.Bool("peers", false, "only what other simulators have numbers for, with these")
	if err := flags.Parse(args); err != nil {
		return err
	}
	packages := flags.Args()
	if *peers {
		*bench = routing
		packages = append(packages, "./topology/asrel", "./sim/route", "./sim/sweep")
	}
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	started := time.Now()
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{
		"test", "-run", "^$", "-bench", *bench, "-benchmem", "-benchtime", *benchtime, "-count", fmt.Sprint(*count), "-timeout", "2h", "-p", "1",
	}, packages)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, os.Stderr), os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running the benchmarks: %w", err)
	}
	results, err := parse(&out)
	if err != nil {
		return err
	}
	if len(results.benchmarks) == 0 {
		return fmt.Errorf("no benchmark matches %q in %v", *bench, packages)
	}
	var page bytes.Buffer
	write(&page, results, about{
		date: started, goVersion: runtime.Version(), cpus: runtime.GOMAXPROCS(0), count: *count, benchtime: *benchtime, command: cmd.Args,
	})
	if *output == "" {
		_, err = page.WriteTo(os.Stdout)
		return err
	}
	return os.WriteFile(*output, page.Bytes(), 0o644)
}

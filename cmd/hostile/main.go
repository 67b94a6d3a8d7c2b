// Hostile makes checks against servers that send what costs most, reads files that
// unpack to more than they are, and prints a table of what each cost: processor time
// and heap above what an honest input of its kind costs, messages sent, verdict. It
// exits with 1 if one exceeds the bound.
//
// The servers are in the same process and answer from memory; what they use up counts,
// too. Figures are medians. Timeouts are shortened, so that servers that stay silent
// or are slow take less time; no other limit is changed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exceeded, err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(2)
	case exceeded > 0:
		fmt.Fprintf(os.Stderr, "hostile: %d inputs exceed the bound\n", exceeded)
		os.Exit(1)
	}
}

// allowance is what a hostile check may cost more than an honest one.
func allowance() cost { return cost{cpu: 50 * time.Millisecond, peak: 8 << 20} }

// run prints the table and returns how many rows exceed their bound.
func run(ctx context.Context, args []string, out io.Writer) (exceeded int, err error) {
	flags := flag.NewFlagSet("hostile", flag.ContinueOnError)
	only := flags.String("run", ".", "`REGEXP` of the inputs to measure")
	runs := flags.Int("count", 5, "how often each is measured; medians are printed")
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return 0, fmt.Errorf("--run: %w", err)
	}
	if *runs < 1 {
		return 0, fmt.Errorf("--count: found %d, expected 1 or more", *runs)
	}
	rows, closeAll, err := table(ctx)
	defer closeAll()
	if err != nil {
		return 0, err
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(r.name))
	}
	const columns = "%-*s  %7v %7v %7v  %8v %7v %7v  %8v  %s%s\n"
	fmt.Fprintf(out, columns, width, "input", "CPU ms", "honest", "at most", "heap MiB", "honest", "at most", "messages", "verdict", "")
	for _, r := range rows {
		if !pattern.MatchString(r.name) || ctx.Err() != nil {
			continue
		}
		m := r.measure(*runs)
		mark := ""
		if m.exceeds() {
			mark = "  EXCEEDED"
			exceeded++
		}
		fmt.Fprintf(out, columns, width, r.name,
			ms(m.hostile.cpu), ms(m.honest.cpu), ms(m.most.cpu), mib(m.hostile.peak), mib(m.honest.peak), mib(m.most.peak),
			m.report.messages, m.report.verdict, mark)
	}
	return exceeded, ctx.Err()
}

// measured is what a row cost.
type measured struct {
	hostile, honest, most cost
	report                report
}

func (m measured) exceeds() bool {
	return m.hostile.cpu > m.most.cpu || m.hostile.peak > m.most.peak || m.report.wrong
}

func (r row) measure(runs int) measured {
	var m measured
	m.honest = measure(runs, func() { r.honest() })
	m.hostile = measure(runs, func() { m.report = r.hostile() })
	m.most = cost{m.honest.cpu + allowance().cpu, m.honest.peak + allowance().peak}
	if r.most != nil {
		m.most = r.most(m.honest)
	}
	return m
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }

func mib(n uint64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// about says how a page came to be.
type about struct {
	date      time.Time
	goVersion string
	cpus      int
	count     int
	benchtime string
	command   []string
}

// write prints the page.
func write(w io.Writer, r *results, a about) {
	fmt.Fprintf(w, "# Performance\n\n")
	fmt.Fprintf(w, "Written by `make performance` on %s: %s, %d of its cores, %s. Medians of %d runs of %s each, the least and the greatest in brackets.\n",
		a.date.UTC().Format(time.DateOnly), r.cpu, a.cpus, a.goVersion, a.count, a.benchtime)
	fmt.Fprintf(w, "Machines differ and are noisy: compare within a column, not with your own.\n\n    %s\n", strings.Join(a.command, " "))
	pkg := ""
	for n, b := range r.benchmarks {
		if b.pkg != pkg {
			pkg = b.pkg
			fmt.Fprintf(w, "\n## %s\n\n| benchmark | time | also |\n|---|---|---|\n", strings.TrimPrefix(pkg, "mpicsim/"))
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", b.name, b.time(), b.also())
		if last := n == len(r.benchmarks)-1 || r.benchmarks[n+1].pkg != pkg; last {
			writeInputs(w, r.benchmarks, pkg)
		}
	}
	writeValidation(w, r.benchmarks)
	writePeers(w)
}

// writeValidation prints what origin validation costs sweeps, one line for each kind
// of hijack: nothing if those benchmarks were not run.
func writeValidation(w io.Writer, all []*benchmark) {
	var kinds, shares []string
	rates := map[[2]string]float64{}
	for _, b := range all {
		kind, share, ok := strings.Cut(strings.TrimPrefix(b.name, "ROV/"), "/")
		values := b.values["hijacks/s"]
		if !ok || !strings.HasPrefix(b.name, "ROV/") || len(values) == 0 {
			continue
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
		if !slices.Contains(shares, share) {
			shares = append(shares, share)
		}
		_, rates[[2]string{kind, share}], _ = spread(values)
	}
	if len(kinds) == 0 {
		return
	}
	fmt.Fprintf(w, `
## What origin validation costs a sweep

Hijacks a second where a share of all ASes validates origins and the victim has a ROA, and how much longer one takes than where
nobody does; the inputs are those of ROV under sim/sweep. Where validation makes a difference both sides have to be followed
together, for three ways to break ties and for what no pick can go beyond.

| hijack | %s |
|---|%s
`, strings.Join(shares, " | "), strings.Repeat("---|", len(shares)))
	for _, kind := range kinds {
		fmt.Fprintf(w, "| %s |", kind)
		for _, share := range shares {
			rate, times := rates[[2]string{kind, share}], ""
			if base := rates[[2]string{kind, shares[0]}]; share != shares[0] && rate > 0 {
				times = fmt.Sprintf(" (%s times)", number(base/rate))
			}
			fmt.Fprintf(w, " %s%s |", number(rate), times)
		}
		fmt.Fprintln(w)
	}
}

// writeInputs prints what a package's benchmarks ran on.
func writeInputs(w io.Writer, all []*benchmark, pkg string) {
	fmt.Fprintln(w)
	for _, b := range all {
		if b.pkg == pkg && b.inputs != "" {
			fmt.Fprintf(w, "- %s: %s\n", b.name, strings.TrimPrefix(strings.TrimPrefix(b.inputs, "inputs: "), "input: "))
		}
	}
}

// time returns how long one operation took.
func (b *benchmark) time() string {
	values := b.values["ns/op"]
	if len(values) == 0 {
		return ""
	}
	least, median, most := spread(values)
	return fmt.Sprintf("%s (%s to %s)", duration(median), duration(least), duration(most))
}

// also returns the medians of a benchmark's other measurements.
func (b *benchmark) also() string {
	var parts []string
	for _, unit := range b.units {
		if unit == "ns/op" {
			continue
		}
		_, median, _ := spread(b.values[unit])
		switch unit {
		case "B/op":
			parts = append(parts, size(median)+" allocated")
		case "allocs/op":
		default:
			parts = append(parts, number(median)+" "+unit)
		}
	}
	return strings.Join(parts, ", ")
}

// duration returns nanoseconds with three significant digits.
func duration(ns float64) string {
	for _, u := range []struct {
		name string
		ns   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if ns >= u.ns {
			return number(ns/u.ns) + " " + u.name
		}
	}
	return number(ns) + " ns"
}

func size(n float64) string {
	switch {
	case n >= 1e6:
		return number(n/1e6) + " MB"
	case n >= 1e3:
		return number(n/1e3) + " kB"
	}
	return number(n) + " B"
}

// number returns three significant digits, with thousands set apart.
func number(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.3g million", v/1e6)
	case v >= 1000:
		whole := fmt.Sprintf("%.0f", v)
		return whole[:len(whole)-3] + "," + whole[len(whole)-3:]
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}

// peer is another simulator, as measured.
type peer struct {
	name, load, hijack, memory, how string
}

// writePeers prints what other simulators took for one hijack.
func writePeers(w io.Writer) {
	fmt.Fprintf(w, `
## Other simulators

One equally-specific origin hijack over CAIDA's serial-2 file of 2025-09-01, 78,643 ASes; medians, measured on 2026-11-23 on
2 virtual cores of an Intel Xeon, 24 GiB, Debian 12. Theirs and ours were not run at the same moment; ours above is on the machine
named there. "Whole" is the route of every AS, "viewpoints" only whom some of them reach.

| simulator | load | one hijack | memory | how it was run |
|---|---|---|---|---|
`)
	for _, p := range []peer{
		{"BGPy 13.0.11, PyPy 3.9", "4.98 s", "0.885 s, whole", "2.4 GB", "its engine on 30 random pairs, through a small script"},
		{"BGPy 13.0.11, CPython 3.11", "15.8 s", "4.39 s, whole", "1.39 GB", "the same on 8 pairs"},
		{"bgpsimulator, PyPy", "3.0 s", "0.989 s, whole", "2.3 GB", "its engine, after converting the topology to JSON (25.6 s)"},
		{"pki-topology-simulator, CPython", "0.64 s", "0.829 s, 22 viewpoints", "220 MB", "its route tree on 20 pairs; its command `simulate.py --threads 2` takes 0.92 s"},
		{"mtkabir7443/bgp_simulator, C++", "0.42 s", "25.4 ms (38 ms of CPU), whole", "0.54 to 1.8 GB", "40 prefixes against 1, its two threads, five runs"},
		{"Same4254/BGPExtrapolator, C++", "1.2 s", "5.45 ms, whole", "1.95 GB", "1,000 prefixes in one run; 8 to 43 % of the decisions differ from BGPy's"},
		{"TopologyMapping/bgpsim", "5.6 s", "3.36 s, and 6.36 s to clone, whole", "1.3 GB", "`python -O`; keeps ties"},
		{"nhoeger/bgpsim", "3.4 s", "5.4 s, whole", "345 MB", "first arrival wins ties"},
		{"C-BGP 2.2", "11 s", "19 to 41 s, whole", "1.9 GB", "50,244 ASes, renumbered: it holds 16-bit numbers only"},
	} {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", p.name, p.load, p.hijack, p.memory, p.how)
	}
}

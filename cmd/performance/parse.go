package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results are what "go test -bench" printed.
type results struct {
	cpu        string
	benchmarks []*benchmark // in the order of the first line of each
}

// benchmark is all lines of one benchmark.
type benchmark struct {
	pkg, name string
	inputs    string
	units     []string // as first printed
	values    map[string][]float64
}

var (
	resultLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.+)$`)
	logLine    = regexp.MustCompile(`^\s+\w+\.go:\d+: (inputs?: .*)$`)
	blockLine  = regexp.MustCompile(`^--- BENCH: Benchmark(\S+?)(?:-\d+)?$`)
)

// parse reads the output of "go test -bench".
func parse(r io.Reader) (*results, error) {
	var all results
	at := map[string]*benchmark{}
	pkg, block := "", ""
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = rest
		}
		if rest, ok := strings.CutPrefix(line, "cpu: "); ok {
			all.cpu = rest
		}
		if m := blockLine.FindStringSubmatch(line); m != nil {
			block = pkg + " " + m[1]
		}
		if m := logLine.FindStringSubmatch(line); m != nil && at[block] != nil {
			at[block].inputs = m[1]
		}
		m := resultLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		id := pkg + " " + m[1]
		b := at[id]
		if b == nil {
			b = &benchmark{pkg: pkg, name: m[1], values: map[string][]float64{}}
			at[id] = b
			all.benchmarks = append(all.benchmarks, b)
		}
		fields := strings.Fields(m[2])
		if len(fields)%2 != 0 {
			return nil, fmt.Errorf("line %d of the output: found %q, expected numbers and units in turn", n, line)
		}
		for f := 0; f < len(fields); f += 2 {
			v, err := strconv.ParseFloat(fields[f], 64)
			if err != nil {
				return nil, fmt.Errorf("line %d of the output: %w", n, err)
			}
			unit := fields[f+1]
			if !slices.Contains(b.units, unit) {
				b.units = append(b.units, unit)
			}
			b.values[unit] = append(b.values[unit], v)
		}
	}
	return &all, lines.Err()
}

// spread returns the least, the median and the greatest of some values.
func spread(values []float64) (least, median, most float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return sorted[0], (sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[n-1]
}

package main

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

const output = `goos: linux
pkg: mpicsim/sim/sweep
cpu: A Processor
BenchmarkSweep/equal-prefix-2   	      14	 180000000 ns/op	        98.12 engine-heap-MB	    437264 hijacks/s
--- BENCH: BenchmarkSweep/equal-prefix-2
    bench_test.go:55: inputs: 78643 ASes
BenchmarkSweep/equal-prefix-2   	      14	 160000000 ns/op	        98.12 engine-heap-MB	    1437264 hijacks/s
BenchmarkSweep/equal-prefix-2   	      14	 170000000 ns/op	        98.12 engine-heap-MB	    537264 hijacks/s	  1200 B/op	       3 allocs/op
BenchmarkROV/equal-prefix/0%-2   	 10	 100000000 ns/op	    800000 hijacks/s
BenchmarkROV/equal-prefix/15%-2   	 10	 200000000 ns/op	    200000 hijacks/s
PASS
pkg: mpicsim/sim/route
BenchmarkTiny   	 1000000	       1.5 ns/op	       0 B/op	       0 allocs/op
`

func TestPage(t *testing.T) {
	g := NewWithT(t)
	r, err := parse(strings.NewReader(output))
	g.Expect(err).NotTo(HaveOccurred())
	var page strings.Builder
	write(&page, r, about{date: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), goVersion: "go1.26", cpus: 2, count: 3, benchtime: "1s", command: []string{"go", "test"}})
	g.Expect(page.String()).To(And(
		ContainSubstring("on 2026-11-24: A Processor, 2 of its cores, go1.26. Medians of 3 runs of 1s each"),
		ContainSubstring("| Sweep/equal-prefix | 170 ms (160 ms to 180 ms) | 98.1 engine-heap-MB, 537,264 hijacks/s, 1.2 kB allocated |"),
		ContainSubstring("- Sweep/equal-prefix: 78643 ASes\n"),
		ContainSubstring("## sim/route\n"),
		ContainSubstring("| Tiny | 1.5 ns (1.5 ns to 1.5 ns) | 0 B allocated |"),
		ContainSubstring("| hijack | 0% | 15% |\n|---|---|---|\n| equal-prefix | 800,000 | 200,000 (4 times) |\n"),
		ContainSubstring("| BGPy 13.0.11, PyPy 3.9 | 4.98 s | 0.885 s, whole |"),
	))
}

func TestBadOutput(t *testing.T) {
	g := NewWithT(t)
	_, err := parse(strings.NewReader("BenchmarkX 1 2 ns/op 3\n"))
	g.Expect(err).To(MatchError(ContainSubstring("line 1 of the output")))
	_, err = parse(strings.NewReader("BenchmarkX 1 two ns/op\n"))
	g.Expect(err).To(MatchError(ContainSubstring("line 1 of the output")))
}

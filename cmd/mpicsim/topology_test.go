package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology/synth"
)

// TestQuantiles compares with the definition: the least value that so many of
// the ASes do not exceed.
func TestQuantiles(t *testing.T) {
	g := NewWithT(t)
	definition := func(values []int, permille int) int {
		for v := 0; ; v++ {
			within := 0
			for _, x := range values {
				if x <= v {
					within++
				}
			}
			if within*1000 >= permille*len(values) {
				return v
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for size := 1; size <= 2100; size += 1 + size/20 {
		values := make([]int, size)
		for k := range values {
			values[k] = rng.IntN(50)
		}
		slices.Sort(values)
		q := quantilesOf(values)
		g.Expect([]int{q.P50, q.P90, q.P99, q.P999, q.Most}).To(Equal([]int{
			definition(values, 500), definition(values, 900), definition(values, 990), definition(values, 999), definition(values, 1000),
		}), "of %d values", size)
	}
	g.Expect(quantilesOf([]int{1, 2, 2})).To(Equal(quantiles{Average: 1.67, Most: 2, P50: 2, P90: 2, P99: 2, P999: 2}))
	g.Expect(quantilesOf(nil)).To(Equal(quantiles{}))
}

// TestManyRepairsAreCutInTheTextOnly: 20 are printed, and all are in the JSON.
func TestManyRepairsAreCutInTheTextOnly(t *testing.T) {
	g := NewWithT(t)
	for repairs, want := range map[int]string{20: "", 21: "  and 1 more: --json lists all\n"} {
		file := filepath.Join(t.TempDir(), "t.txt")
		g.Expect(os.WriteFile(file, []byte(strings.Repeat("1|2|-1\n", 1+repairs)), 0o600)).To(Succeed())
		var text, data, stderr bytes.Buffer
		g.Expect(run([]string{"topology", "info", file}, testStreams(&text, &stderr))).To(Equal(exitDone))
		g.Expect(text.String()).To(HaveSuffix(file+":21: duplicate link: 1 provider of 2, already on line 1; dropped\n"+want), "%d repairs", repairs)
		g.Expect(run([]string{"topology", "info", file, "--json"}, testStreams(&data, &stderr))).To(Equal(exitDone))
		g.Expect(strings.Count(data.String(), `"kind": "duplicate link"`)).To(Equal(repairs))
		g.Expect(stderr.String()).To(BeEmpty())
	}
}

// TestAnInterruptEndsGeneration: with an error, not with half an Internet.
func TestAnInterruptEndsGeneration(t *testing.T) {
	g := NewWithT(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(fmt.Errorf("interrupted"))
	f := syntheticFlags{ases: synth.MinASes}
	_, err := f.generate(ctx)
	g.Expect(err).To(MatchError("generating 10 ASes: interrupted"))
	g.Expect(codeOf(err)).To(Equal(exitFault))
}

// TestUnwritableTopologyIsAFault: plain and compressed.
func TestUnwritableTopologyIsAFault(t *testing.T) {
	g := NewWithT(t)
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("SKIPPED: no /dev/full here, a file that cannot be written")
	}
	packed := filepath.Join(t.TempDir(), "full.gz")
	g.Expect(os.Symlink("/dev/full", packed)).To(Succeed())
	for _, path := range []string{"/dev/full", packed} {
		var stderr bytes.Buffer
		g.Expect(run([]string{"topology", "generate", "--ases", "10", "-o", path}, testStreams(&bytes.Buffer{}, &stderr))).To(Equal(exitFault))
		g.Expect(stderr.String()).To(ContainSubstring("writing the result: "))
		g.Expect(stderr.String()).NotTo(ContainSubstring("the places"), "nothing was written")
	}
}

package replay_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"mpicsim/scenarios"
	"mpicsim/scenarios/library"
	"mpicsim/scenarios/replay"
)

// controlPlanes returns a library scenario with each control plane, without what
// it expects.
func controlPlanes(tb testing.TB, name string) map[string]*scenarios.Source {
	tb.Helper()
	data, file, err := library.Text(name)
	if err != nil {
		tb.Fatal(err)
	}
	out := map[string]*scenarios.Source{}
	for _, plane := range []string{scenarios.ControlOutOfBand, scenarios.ControlEmulated} {
		text, _, _ := strings.Cut(string(data), "\nexpect:")
		src, err := scenarios.Parse([]byte(text+"\n"), file)
		if err != nil {
			tb.Fatal(err)
		}
		if src, _, err = src.With(scenarios.Overrides{ControlPlane: plane}); err != nil {
			tb.Fatal(err)
		}
		out[plane] = src
	}
	return out
}

// BenchmarkControlPlane is what an emulated control plane costs: a whole replay of
// one scenario with four checks, and one check of five remotes in a world that is
// up.
func BenchmarkControlPlane(b *testing.B) {
	sources := controlPlanes(b, "near-primary")
	b.Logf("inputs: near-primary (1 primary, 5 remotes; 4 checks, 3 of which ask remotes), GOMAXPROCS %d", runtime.GOMAXPROCS(0))
	for _, plane := range []string{scenarios.ControlOutOfBand, scenarios.ControlEmulated} {
		src := sources[plane]
		b.Run("replay/"+plane, func(b *testing.B) {
			for b.Loop() {
				if _, err := replay.Run(context.Background(), replay.Options{Source: src}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("check/"+plane, func(b *testing.B) {
			w, err := replay.Build(context.Background(), replay.Options{Source: src})
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			checks := w.CheckEvents()
			owner := *checks[len(checks)-1].Check
			at := 400 * time.Second
			for b.Loop() {
				c, err := w.Check(context.Background(), owner, at)
				if err != nil || !c.Decision.Issue {
					b.Fatalf("check failed: %v %+v", err, c)
				}
				at += time.Second
			}
		})
	}
}

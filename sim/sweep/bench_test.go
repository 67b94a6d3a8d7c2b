package sweep_test

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strconv"
	"testing"

	"mpicsim/sim/route"
	"mpicsim/sim/sweep"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
	"mpicsim/topology/synth"
)

// benchmark measures sweeps of all attackers against one victim after another.
func benchmark(b *testing.B, load func() *topology.Graph, h hijack) {
	b.Helper()
	before := heapMB()
	g := load()
	const seed, count, viewpoints = 1, 50, 200
	rng := rand.New(rand.NewPCG(seed, 0))
	router := route.NewEngine(g)
	e, err := sweep.New(router, draw(rng, g, viewpoints), route.Options{TieBreak: route.TieBreakSeeded, Seed: seed})
	if err != nil {
		b.Fatal(err)
	}
	workers := runtime.GOMAXPROCS(0)
	attackers, err := e.Attackers(all(g), h.shape(), workers)
	if err != nil {
		b.Fatal(err)
	}
	victims, s := draw(rng, g, count), e.NewSweeper(workers)
	held := heapMB() - before
	o := e.NewOutcomes(attackers.Len())
	b.Logf("inputs: %v; %d random viewpoints, %d relevant ASes; %d attackers in %d columns (%.1f MB); %d random victims, seed %d; path lengths %d and %d; lower, seeded and upper; %d workers",
		g, viewpoints, e.Relevant(), attackers.Len(), attackers.Columns(), float64(attackers.Bytes())/1e6, count, seed, h.victim, h.attacker, workers)
	n := 0
	for b.Loop() {
		if err := s.Sweep(h.contest(victims[n%count]), attackers, o); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n)*float64(attackers.Len()-1)/b.Elapsed().Seconds(), "hijacks/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/float64(attackers.Len()-1), "ns/hijack")
	b.ReportMetric(held, "topology-and-engine-MB")
}

// heapMB returns what is alive on the heap.
func heapMB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

func BenchmarkSweep(b *testing.B) {
	b.Run("equal-prefix", func(b *testing.B) { benchmark(b, func() *topology.Graph { return internet(b) }, hijack{1, 1}) })
	b.Run("forged-origin", func(b *testing.B) { benchmark(b, func() *topology.Graph { return internet(b) }, hijack{1, 2}) })
}

// BenchmarkScaling is the same on synthetic Internets of growing size.
func BenchmarkScaling(b *testing.B) {
	for size := 5000; size <= 320_000; size *= 4 {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			benchmark(b, func() *topology.Graph {
				internet, err := synth.Generate(synth.Options{ASes: size, Seed: 1})
				if err != nil {
					b.Fatal(err)
				}
				return internet.Graph
			}, hijack{1, 1})
		})
	}
}

// BenchmarkPrepare measures what is done once for a set of attackers: all ASes.
func BenchmarkPrepare(b *testing.B) {
	g := internet(b)
	const seed, viewpoints = 1, 200
	e, err := sweep.New(route.NewEngine(g), draw(rand.New(rand.NewPCG(seed, 0)), g, viewpoints), route.Options{TieBreak: route.TieBreakSeeded, Seed: seed})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("inputs: %v; %d random viewpoints, seed %d, %d relevant ASes; all ASes attack; %d workers", g, viewpoints, seed, e.Relevant(), runtime.GOMAXPROCS(0))
	for b.Loop() {
		if _, err := e.Attackers(all(g), sweep.Shape{Length: 1}, runtime.GOMAXPROCS(0)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkROV is BenchmarkSweep against prefixes with a ROA, where shares of all
// ASes, drawn by seed, validate origins. An equal-prefix hijack is invalid then; a
// forged origin is valid, so that nobody rejects it. It runs on a synthetic Internet
// where the real topology is not there.
func BenchmarkROV(b *testing.B) {
	g := internetOrSynthetic(b)
	for _, kind := range []struct {
		name string
		h    hijack
	}{{"equal-prefix", hijack{1, 1}}, {"forged-origin", hijack{1, 2}}} {
		for _, share := range []float64{0, 0.15, 0.5, 1} {
			b.Run(kind.name+"/"+strconv.FormatFloat(share*100, 'f', -1, 64)+"%", func(b *testing.B) { benchmarkROV(b, g, kind.h, share) })
		}
	}
}

func benchmarkROV(b *testing.B, g *topology.Graph, h hijack, share float64) {
	b.Helper()
	const seed, count, viewpoints = 1, 50, 200
	rng := rand.New(rand.NewPCG(seed, 0))
	points, victims := draw(rng, g, viewpoints), draw(rng, g, count)
	vrps, prefixes := make([]rpki.VRP, count), make([]netip.Prefix, count)
	for n, v := range victims {
		prefixes[n] = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n), 0, 0}), 24)
		vrps[n] = rpki.VRP{Prefix: prefixes[n], MaxLength: 24, Origin: g.ASN(v)}
	}
	roas, err := rpki.NewVRPs(vrps)
	if err != nil {
		b.Fatal(err)
	}
	asns, err := route.DeployFraction(g, share, seed)
	if err != nil {
		b.Fatal(err)
	}
	policies, err := route.NewPolicies(g, route.PoliciesOptions{
		VRPs: roas, Deployments: []route.Deployment{{ASes: asns, Policy: route.Policy{ROV: route.ROVOn}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	e, err := sweep.New(route.NewEngine(g), points, route.Options{TieBreak: route.TieBreakSeeded, Seed: seed, Policies: policies})
	if err != nil {
		b.Fatal(err)
	}
	workers := runtime.GOMAXPROCS(0)
	attackers, err := e.Attackers(all(g), h.shape(), workers)
	if err != nil {
		b.Fatal(err)
	}
	s, o := e.NewSweeper(workers), e.NewOutcomes(attackers.Len())
	b.Logf("inputs: %v; %d random viewpoints, %d relevant ASes; %d attackers in %d columns (%.1f MB); %d random victims, seed %d, each with a ROA; %d ASes validate origins (share %v, seed %d); path lengths %d and %d; lower, seeded, upper and what no pick can go beyond; %d workers",
		g, viewpoints, e.Relevant(), attackers.Len(), attackers.Columns(), float64(attackers.Bytes())/1e6, count, seed, len(asns), share, seed, h.victim, h.attacker, workers)
	n := 0
	for b.Loop() {
		at := n % count
		c := h.contest(victims[at])
		c.Prefix = prefixes[at]
		if err := s.Sweep(c, attackers, o); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n)*float64(attackers.Len()-1)/b.Elapsed().Seconds(), "hijacks/s")
	b.ReportMetric(float64(o.Filtered)/float64(o.Len()), "filtered")
}

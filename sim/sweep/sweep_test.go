package sweep_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/route"
	"mpicsim/sim/sweep"
	"mpicsim/topology"
	"mpicsim/topology/place"
	"mpicsim/topology/synth"
)

// hijack has announced path lengths of a victim and an attacker. An attacker of
// length 2 forges the origin.
type hijack struct{ victim, attacker int }

func (h hijack) shape() sweep.Shape {
	return sweep.Shape{Length: h.attacker, ForgedOrigin: h.attacker == 2}
}

func (h hijack) contest(v int32) sweep.Contest { return sweep.Contest{Victim: v, Length: h.victim} }

// compare compares sweeps of the same pairs with package route at every
// viewpoint. Engines are over the same topology.
func compare(router *route.Engine, engines []*sweep.Engine, outcomes []*sweep.Outcomes, v int32, list []int32, h hijack) error {
	var r route.Routes
	for n, a := range list {
		if a == v {
			for _, o := range outcomes {
				if slices.Max(slices.Concat(o.Reached(n), o.Lower(n), o.Picked(n), o.Upper(n))) != 0 {
					return fmt.Errorf("victim and attacker %d are the same AS: %x reach it", v, o.Reached(n))
				}
			}
			continue
		}
		anns := announcements(router.Graph().ASN(v), router.Graph().ASN(a), h)
		done := map[route.Options]bool{}
		for _, e := range engines {
			for _, options := range []route.Options{bound(e, route.TieBreakAttacker), bound(e, route.TieBreakVictim), e.Options()} {
				if done[options] {
					continue
				}
				done[options] = true
				if err := router.PropagateInto(&r, anns, options); err != nil {
					return err
				}
				for k, other := range engines {
					if err := agree(&r, other, outcomes[k], n); err != nil {
						return fmt.Errorf("path lengths %+v, AS %v of %d viewpoints: %w", h, anns, len(other.Viewpoints()), err)
					}
				}
			}
		}
	}
	return nil
}

// bound returns the options for all ties to one side.
func bound(e *sweep.Engine, tie route.TieBreak) route.Options {
	return route.Options{TieBreak: tie, Policies: e.Options().Policies}
}

// agree compares the outcome of one pair with routes, if it is about their
// tie-break.
func agree(r *route.Routes, e *sweep.Engine, o *sweep.Outcomes, n int) error {
	var set, routed []uint64
	switch r.Options() {
	case e.Options():
		set, routed = o.Picked(n), o.Reached(n)
	case bound(e, route.TieBreakAttacker):
		set, routed = o.Lower(n), o.ReachedLower(n)
	case bound(e, route.TieBreakVictim):
		set, routed = o.Upper(n), o.ReachedUpper(n)
	default:
		return nil
	}
	for at, i := range e.Viewpoints() {
		ann, ok := r.Announcement(i)
		got, reached := set[at/64]>>(at%64)&1 != 0, routed[at/64]>>(at%64)&1 != 0
		if got != (ok && ann.Attacker) || reached != ok {
			return fmt.Errorf("%v at AS %v: attacker reached %v, has a route %v; want %v, %v",
				r.Options().TieBreak, r.Graph().ASN(i), got, reached, ok && ann.Attacker, ok)
		}
	}
	return nil
}

func announcements(v, a topology.ASN, h hijack) []route.Announcement {
	prefix := netip.MustParsePrefix("203.0.113.0/24")
	victim, attacker := make([]topology.ASN, h.victim), make([]topology.ASN, h.attacker)
	for n := range victim {
		victim[n] = v
	}
	for n := range attacker {
		attacker[n] = a
		if n > 0 && h.attacker == 2 {
			attacker[n] = v // a forged origin
		}
	}
	return []route.Announcement{{Prefix: prefix, Path: victim}, {Prefix: prefix, Path: attacker, Attacker: true}}
}

// random returns a small Internet, connected or not, with places for most ASes.
func random(t *testing.T, rng *rand.Rand) *topology.Graph {
	t.Helper()
	var b topology.Builder
	n := 2 + rng.IntN(18)
	density, peering := rng.Float64(), rng.Float64()
	for i := range n {
		b.AddAS(topology.ASN(i + 1))
		if rng.IntN(4) > 0 {
			b.SetPlace(topology.ASN(i+1), place.Location{Lat: float64(rng.IntN(3) * 10), Lon: float64(rng.IntN(3) * 10)})
		}
	}
	rank := rng.Perm(n) // providers have the lower rank; AS numbers say nothing
	for i := range n {
		for j := range i {
			a, c := topology.ASN(rank[j]+1), topology.ASN(rank[i]+1)
			switch x := rng.Float64() * 3; {
			case x < density:
				b.AddLink(topology.Link{A: a, B: c, Kind: topology.Transit})
			case x < density+peering:
				b.AddLink(topology.Link{A: a, B: c, Kind: topology.Peering})
			}
		}
	}
	g, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func picks() []route.TieBreak {
	return []route.TieBreak{route.TieBreakLowestNeighbor, route.TieBreakSeeded, route.TieBreakNearest}
}

func all(g *topology.Graph) (list []int32) {
	for i := range int32(g.Len()) {
		list = append(list, i)
	}
	return list
}

// TestSmallInternets compares every pair of ASes at every AS of thousands of
// small topologies with package route, whatever the lengths of the paths.
func TestSmallInternets(t *testing.T) {
	const seed = 4
	rng := rand.New(rand.NewPCG(seed, 0))
	pairs, cut, split := 0, 0, 0
	for n := range 3000 {
		g := random(t, rng)
		router := route.NewEngine(g)
		viewpoints := all(g)
		if n%2 == 1 { // some, in any order, one twice
			rng.Shuffle(len(viewpoints), func(i, j int) { viewpoints[i], viewpoints[j] = viewpoints[j], viewpoints[i] })
			viewpoints = append(viewpoints[:1+rng.IntN(len(viewpoints))], viewpoints[0])
		}
		e, err := sweep.New(router, viewpoints, route.Options{TieBreak: picks()[n%3], Seed: rng.Uint64()})
		if err != nil {
			t.Fatal(err)
		}
		s := e.NewSweeper(1 + n%2)
		h := []hijack{{1, 1}, {1, 2}, {1, 3}, {2, 1}, {3, 3}, {4, 2}, {2, 29}, {28, 28}}[rng.IntN(8)]
		attackers, err := e.Attackers(all(g), h.shape(), 1)
		if err != nil {
			t.Fatal(err)
		}
		o := e.NewOutcomes(g.Len())
		for v := range int32(g.Len()) {
			if err := s.Sweep(h.contest(v), attackers, o); err != nil {
				t.Fatal(err)
			}
			if err := compare(router, []*sweep.Engine{e}, []*sweep.Outcomes{o}, v, all(g), h); err != nil {
				t.Fatal(err)
			}
			pairs, cut, split = pairs+o.Len(), cut+o.Cut, split+o.Split
		}
	}
	t.Logf("seed %d: %d pairs equal, of which %d with one announcer on the other's way, %d twins told apart", seed, pairs, cut, split)
	NewWithT(t).Expect([]int{cut, split}).To(HaveEach(BeNumerically(">", 100)))
}

// TestSyntheticInternet compares random pairs on a generated Internet.
func TestSyntheticInternet(t *testing.T) {
	internet, err := synth.Generate(synth.Options{ASes: 3000, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	sample(t, internet.Graph, 100)
}

// TestInternet compares 20,000 random pairs on the real topology.
func TestInternet(t *testing.T) {
	victims := 100
	if testing.Short() {
		victims = 4
	}
	sample(t, internet(t), victims)
}

// sample compares random victims with 100 random attackers each, every second
// time with a forged origin: 1, 6, 30 and 200 viewpoints, all tie-breaks.
func sample(t *testing.T, g *topology.Graph, victims int) {
	t.Helper()
	const seed, attackers = 3, 100
	router := route.NewEngine(g)
	viewpoints := draw(rand.New(rand.NewPCG(seed, 0)), g, 200)
	var engines []*sweep.Engine
	for _, count := range []int{1, 6, 30, 200} {
		for _, tie := range picks() {
			e, err := sweep.New(router, viewpoints[:count], route.Options{TieBreak: tie, Seed: 11})
			if err != nil {
				t.Fatal(err)
			}
			engines = append(engines, e)
		}
	}
	var next, compared, cut atomic.Int64
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for n := next.Add(1); n <= int64(victims) && !t.Failed(); n = next.Add(1) {
				rng := rand.New(rand.NewPCG(seed, uint64(n)))
				v, list := rng.Int32N(int32(g.Len())), draw(rng, g, attackers)
				if providers := g.Providers(v); len(providers) > 0 { // more near the victim than chance would give
					list[0] = providers[rng.IntN(len(providers))]
					if customers := g.Customers(list[0]); len(customers) > 0 {
						list[1] = customers[rng.IntN(len(customers))]
					}
				}
				for _, h := range []hijack{{1, 1}, {1, 2}} {
					outcomes := make([]*sweep.Outcomes, len(engines))
					for n, e := range engines {
						set, err := e.Attackers(list, h.shape(), 1)
						if err != nil {
							t.Error(err)
							return
						}
						outcomes[n] = e.NewOutcomes(len(list))
						if err := e.NewSweeper(1).Sweep(h.contest(v), set, outcomes[n]); err != nil {
							t.Error(err)
							return
						}
						cut.Add(int64(outcomes[n].Cut))
					}
					if err := compare(router, engines, outcomes, v, list, h); err != nil {
						t.Error(err)
						return
					}
					compared.Add(attackers)
				}
			}
		})
	}
	group.Wait()
	t.Logf("seed %d: %d pairs equal at 1, 6, 30 and 200 viewpoints under all tie-breaks (%d runs with a cut)", seed, compared.Load(), cut.Load())
}

func draw(rng *rand.Rand, g *topology.Graph, n int) []int32 {
	list := make([]int32, n)
	for i := range list {
		list[i] = rng.Int32N(int32(g.Len()))
	}
	return list
}

// TestLongPaths checks that pairs whose paths are too long for a pass are still
// exact, and counted.
func TestLongPaths(t *testing.T) {
	g := NewWithT(t)
	var b topology.Builder
	const length = 45
	for i := topology.ASN(1); i < length; i++ { // two chains of providers with a common top
		b.AddLink(topology.Link{A: i, B: i + 1, Kind: topology.Transit})
		b.AddLink(topology.Link{A: 100 + i, B: 101 + i, Kind: topology.Transit})
	}
	b.AddLink(topology.Link{A: 1, B: 101, Kind: topology.Transit})
	graph, _, err := b.Build()
	g.Expect(err).NotTo(HaveOccurred())
	router := route.NewEngine(graph)
	e, err := sweep.New(router, all(graph), route.Options{TieBreak: route.TieBreakSeeded})
	g.Expect(err).NotTo(HaveOccurred())
	attackers, err := e.Attackers(all(graph), sweep.Shape{Length: 1}, 1)
	g.Expect(err).NotTo(HaveOccurred())
	o := e.NewOutcomes(graph.Len())
	for v := range int32(graph.Len()) {
		g.Expect(e.NewSweeper(1).Sweep(sweep.Contest{Victim: v, Length: 1}, attackers, o)).To(Succeed())
		g.Expect(o.Routed).To(BeNumerically(">", 0))
		g.Expect(compare(router, []*sweep.Engine{e}, []*sweep.Outcomes{o}, v, all(graph), hijack{1, 1})).To(Succeed())
	}
}

// TestWorkers checks that outcomes do not depend on how many goroutines there are.
func TestWorkers(t *testing.T) {
	g := NewWithT(t)
	internet, err := synth.Generate(synth.Options{ASes: 4000, Seed: 6})
	g.Expect(err).NotTo(HaveOccurred())
	rng := rand.New(rand.NewPCG(9, 9))
	e, err := sweep.New(route.NewEngine(internet.Graph), draw(rng, internet.Graph, 70), route.Options{TieBreak: route.TieBreakSeeded})
	g.Expect(err).NotTo(HaveOccurred())
	v := rng.Int32N(4000)
	var want [][]uint64
	for _, workers := range []int{1, 2, 8} {
		attackers, err := e.Attackers(all(internet.Graph), sweep.Shape{Length: 2, ForgedOrigin: true}, workers)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(attackers.Columns()).To(BeNumerically("<", attackers.Len()*9/10))
		o := e.NewOutcomes(attackers.Len())
		s := e.NewSweeper(workers)
		g.Expect(s.Sweep(sweep.Contest{Victim: (v + 1) % 4000, Length: 1}, attackers, o)).To(Succeed()) // what another sweep leaves behind does not matter
		g.Expect(s.Sweep(sweep.Contest{Victim: v, Length: 1}, attackers, o)).To(Succeed())
		var got [][]uint64
		for n := range attackers.Len() {
			got = append(got, slices.Concat(o.Reached(n), o.Lower(n), o.Picked(n), o.Upper(n)))
		}
		if want == nil {
			want = got
		}
		g.Expect(got).To(Equal(want))
	}
}

// TestBadArguments checks that what makes no sense is refused.
func TestBadArguments(t *testing.T) {
	g := NewWithT(t)
	internet, err := synth.Generate(synth.Options{ASes: 100, Seed: 6})
	g.Expect(err).NotTo(HaveOccurred())
	router := route.NewEngine(internet.Graph)
	_, err = sweep.New(router, nil, route.Options{})
	g.Expect(err).To(MatchError(ContainSubstring("no viewpoints")))
	_, err = sweep.New(router, []int32{0, 100}, route.Options{})
	g.Expect(err).To(MatchError(ContainSubstring("viewpoint 2: index 100: want 0 to 99")))
	_, err = sweep.New(router, []int32{0}, route.Options{TieBreak: route.TieBreakVictim})
	g.Expect(err).To(MatchError(ContainSubstring("is a bound")))
	e, err := sweep.New(router, []int32{0}, route.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = e.Attackers(nil, sweep.Shape{Length: 1}, 1)
	g.Expect(err).To(MatchError(ContainSubstring("no attackers")))
	_, err = e.Attackers([]int32{-1}, sweep.Shape{Length: 1}, 1)
	g.Expect(err).To(MatchError(ContainSubstring("attacker 1: index -1")))
	_, err = e.Attackers([]int32{1}, sweep.Shape{Length: 1, ForgedOrigin: true}, 1)
	g.Expect(err).To(MatchError(ContainSubstring("length 1: want 2 to")))
	attackers, err := e.Attackers([]int32{1, 2}, sweep.Shape{Length: 1}, 1)
	g.Expect(err).NotTo(HaveOccurred())
	s := e.NewSweeper(0)
	g.Expect(s.Sweep(sweep.Contest{Victim: 100, Length: 1}, attackers, e.NewOutcomes(2))).To(MatchError(ContainSubstring("victim: index 100")))
	g.Expect(s.Sweep(sweep.Contest{Victim: 1}, attackers, e.NewOutcomes(2))).To(MatchError(ContainSubstring("length 0")))
	g.Expect(s.Sweep(sweep.Contest{Victim: 1, Length: 1}, attackers, e.NewOutcomes(3))).To(MatchError(ContainSubstring("want 2 and 1")))
	other, err := sweep.New(router, []int32{0}, route.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(other.NewSweeper(1).Sweep(sweep.Contest{Victim: 1, Length: 1}, attackers, e.NewOutcomes(2))).To(MatchError(ContainSubstring("another engine")))
}

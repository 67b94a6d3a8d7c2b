package sweep_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/route"
	"mpicsim/sim/sweep"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// everyPick is routing in its dumbest form, for origin validation alone: each AS
// decides once, customers before providers, and where several candidates are equally
// good, every one of them is picked in turn, for every AS on its own.
type everyPick struct {
	g        *topology.Graph
	policies *route.Policies
	at       [2]int32 // the announcers: victim, attacker
	lengths  [2]int
	invalid  [2]bool
	order    []int32 // customers before providers

	options, picks []int // of each choice among several so far
	choices        int
}

// chosen is an AS's route: side 0 is the victim's, 1 the attacker's.
type chosen struct {
	rel          topology.Relationship
	length, side int
	has          bool
}

// enumerate calls visit with the routes of all ASes for every combination of picks,
// up to limit of them, and returns how many it saw.
func (e *everyPick) enumerate(limit int, visit func([]chosen)) int {
	for n := 1; ; n++ {
		visit(e.route())
		for len(e.picks) > 0 && e.picks[len(e.picks)-1] == e.options[len(e.picks)-1]-1 {
			e.picks = e.picks[:len(e.picks)-1]
		}
		if len(e.picks) == 0 || n == limit {
			e.picks = nil
			return n
		}
		e.picks[len(e.picks)-1]++
		e.options = e.options[:len(e.picks)]
	}
}

// route computes the routes for the picks so far, and the first ones where there are
// more choices.
func (e *everyPick) route() []chosen {
	e.choices = 0
	best := make([]chosen, e.g.Len())
	for _, i := range e.order { // own and customer routes
		for side, announcer := range e.at {
			if announcer == i {
				best[i] = chosen{topology.Own, e.lengths[side], side, true}
			}
		}
		e.decide(best, best, i, topology.Customer)
	}
	climbed := slices.Clone(best)
	for _, i := range e.order {
		e.decide(climbed, best, i, topology.Peer)
	}
	for _, i := range slices.Backward(e.order) {
		e.decide(best, best, i, topology.Provider)
	}
	return best
}

// decide gives AS i one of the best routes that neighbours of one kind have, if it has
// none.
func (e *everyPick) decide(from, to []chosen, i int32, rel topology.Relationship) {
	if to[i].has {
		return
	}
	var candidates []chosen
	for _, n := range e.g.Neighbors(i, rel) {
		c := from[n]
		if !c.has || e.invalid[c.side] && e.rejects(i, rel) {
			continue
		}
		c.rel, c.length = rel, c.length+1
		switch {
		case len(candidates) == 0 || c.length < candidates[0].length:
			candidates = []chosen{c}
		case c.length == candidates[0].length:
			candidates = append(candidates, c)
		}
	}
	switch len(candidates) {
	case 0:
	case 1:
		to[i] = candidates[0]
	default:
		if e.choices == len(e.picks) {
			e.picks, e.options = append(e.picks, 0), append(e.options[:len(e.picks)], len(candidates))
		}
		to[i] = candidates[e.picks[e.choices]]
		e.choices++
	}
}

func (e *everyPick) rejects(i int32, rel topology.Relationship) bool {
	switch e.policies.Of(i).ROV {
	case route.ROVOn:
		return true
	case route.ROVCustomersExempt:
		return rel != topology.Customer
	case route.ROVPeers:
		return rel == topology.Peer
	case route.ROVOff, route.ROVPreferValid:
	}
	return false
}

// customersFirst orders ASes so that customers come before their providers.
func customersFirst(g *topology.Graph) (order []int32) {
	seen := make([]bool, g.Len())
	var visit func(int32)
	visit = func(i int32) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, c := range g.Customers(i) {
			visit(c)
		}
		order = append(order, i)
	}
	for i := range int32(g.Len()) {
		visit(i)
	}
	return order
}

// seen counts what picks came to at one viewpoint.
type seen struct{ all, attacker int }

// checkSpan compares one attacker's sets with every pick, and returns how many ASes
// the bounds have too many.
func checkSpan(o *sweep.Outcomes, n int, viewpoints []int32, saw []seen, complete bool) (loose, split int, err error) {
	has := func(set []uint64, at int) bool { return set[at/64]>>(at%64)&1 != 0 }
	for at, i := range viewpoints {
		s := saw[i]
		possible, certain := has(o.Possible(n), at), has(o.Certain(n), at)
		switch {
		case s.attacker > 0 && !possible:
			return 0, 0, fmt.Errorf("AS %d reaches the attacker with %d of %d picks: not possible", i, s.attacker, s.all)
		case s.attacker < s.all && certain:
			return 0, 0, fmt.Errorf("AS %d reaches the attacker with %d of %d picks: certain", i, s.attacker, s.all)
		case complete && (possible != (s.attacker > 0) || certain != (s.attacker == s.all)):
			loose++
		}
		for _, set := range [][]uint64{o.Lower(n), o.Picked(n), o.Upper(n)} {
			if has(set, at) && !possible || !has(set, at) && certain {
				return 0, 0, fmt.Errorf("AS %d: one of the results lies outside of the bounds", i)
			}
		}
		if s.attacker > 0 && s.attacker < s.all {
			split++
		}
	}
	return loose, split, nil
}

// TestSpanHoldsEveryPick routes small Internets that validate origins with every
// combination of picks: whom Certain holds reaches the attacker under all of them,
// and whom any of them leads there is in Possible.
func TestSpanHoldsEveryPick(t *testing.T) {
	const seed, limit = 7, 3000
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	var pairs, combinations, incomplete, ases, loose, split, outside int
	for world := range 10_000 {
		graph := random(t, rng)
		router := route.NewEngine(graph)
		v := rng.Int32N(int32(graph.Len()))
		policies := mix(t, rng, graph, payloads(t, rng, graph, graph.ASN(v)), false)
		e, err := sweep.New(router, all(graph), route.Options{TieBreak: picks()[world%3], Seed: rng.Uint64(), Policies: policies})
		g.Expect(err).NotTo(HaveOccurred())
		h := []hijack{{1, 1}, {1, 1}, {1, 3}, {2, 1}, {3, 3}}[rng.IntN(5)]
		attackers, err := e.Attackers(all(graph), h.shape(), 1)
		g.Expect(err).NotTo(HaveOccurred())
		o := e.NewOutcomes(graph.Len())
		c := h.contest(v)
		c.Prefix = announced
		g.Expect(e.NewSweeper(1).Sweep(c, attackers, o)).To(Succeed())
		g.Expect(o.Estimated).To(BeZero())
		invalid := func(i int32) bool { return policies.Validity(announced, graph.ASN(i)) == rpki.Invalid }
		order := customersFirst(graph)
		for range 4 {
			a := rng.Int32N(int32(graph.Len()))
			if a == v {
				continue
			}
			all := everyPick{g: graph, policies: policies, at: [2]int32{v, a}, lengths: [2]int{h.victim, h.attacker}, invalid: [2]bool{invalid(v), invalid(a)}, order: order}
			saw := make([]seen, graph.Len())
			n := all.enumerate(limit, func(best []chosen) {
				for i, b := range best {
					saw[i].all++
					if b.has && b.side == 1 {
						saw[i].attacker++
					}
				}
			})
			l, s, err := checkSpan(o, int(a), e.Viewpoints(), saw, n < limit)
			g.Expect(err).NotTo(HaveOccurred(), "world %d, victim %d, attacker %d, %+v", world, v, a, h)
			if n == limit {
				incomplete++
			} else {
				g.Expect(sampleTies(router, announcements(graph.ASN(v), graph.ASN(a), h), policies, saw)).To(Succeed(), "world %d", world)
			}
			pairs, combinations, ases, loose, split = pairs+1, combinations+n, ases+graph.Len(), loose+l, split+s
			outside += outsideOfTies(o, int(a), e.Viewpoints(), saw)
		}
	}
	t.Logf("seed %d: %d pairs, %d combinations of picks (%d pairs with more than %d); of %d ASes %d are led to either side, %d are bounded wider than need be, %d lie outside of the results with all ties to one side",
		seed, pairs, combinations, incomplete, limit, ases, split, loose, outside)
	g.Expect(split).To(BeNumerically(">", 1000))
	g.Expect(outside).To(BeNumerically(">", 0), "Lower and Upper are no bounds here")
}

// sampleTies routes with package route under several seeds: what comes of them must be
// what some combination of picks came to.
func sampleTies(router *route.Engine, anns []route.Announcement, policies *route.Policies, saw []seen) error {
	for seed := range uint64(3) {
		r, err := router.Propagate(anns, route.Options{TieBreak: route.TieBreakSeeded, Seed: seed, Policies: policies})
		if err != nil {
			return err
		}
		for i, s := range saw {
			ann, ok := r.Announcement(int32(i))
			if led := ok && ann.Attacker; led && s.attacker == 0 || !led && s.attacker == s.all {
				return fmt.Errorf("AS %d, seed %d: attacker reached %v, with %d of %d combinations of picks", i, seed, led, s.attacker, s.all)
			}
		}
	}
	return nil
}

// outsideOfTies counts the ASes for which Lower and Upper are no bounds.
func outsideOfTies(o *sweep.Outcomes, n int, viewpoints []int32, saw []seen) (outside int) {
	for at, i := range viewpoints {
		lower, upper := o.Lower(n)[at/64]>>(at%64)&1 != 0, o.Upper(n)[at/64]>>(at%64)&1 != 0
		if saw[i].attacker > 0 && !lower || saw[i].attacker < saw[i].all && upper {
			outside++
		}
	}
	return outside
}

// TestEstimatesHoldTheThreeResults: for attackers left to package route, Possible and
// Certain are estimates, and hold what was computed.
func TestEstimatesHoldTheThreeResults(t *testing.T) {
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(8, 0))
	estimated := 0
	for world := range 400 {
		graph := random(t, rng)
		v := rng.Int32N(int32(graph.Len()))
		policies := mix(t, rng, graph, payloads(t, rng, graph, graph.ASN(v)), true)
		e, err := sweep.New(route.NewEngine(graph), all(graph), route.Options{TieBreak: picks()[world%3], Policies: policies})
		g.Expect(err).NotTo(HaveOccurred())
		attackers, err := e.Attackers(all(graph), sweep.Shape{Length: 2, ForgedOrigin: true}, 1)
		g.Expect(err).NotTo(HaveOccurred())
		o := e.NewOutcomes(graph.Len())
		g.Expect(e.NewSweeper(1).Sweep(sweep.Contest{Victim: v, Length: 1, Prefix: announced}, attackers, o)).To(Succeed())
		estimated += o.Estimated
		for n := range o.Len() {
			_, _, err := checkSpan(o, n, e.Viewpoints(), make([]seen, graph.Len()), false)
			g.Expect(err).NotTo(HaveOccurred())
		}
	}
	g.Expect(estimated).To(BeNumerically(">", 1000))
}

// TestSpanOfLongPaths is TestSpanHoldsEveryPick where announcements are so long that
// some picks lead to paths beyond what the span tells apart.
func TestSpanOfLongPaths(t *testing.T) {
	const seed, limit, most = 9, 3000, 31
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	var pairs, long, loose, split int
	for world := range 10_000 {
		graph := random(t, rng)
		router := route.NewEngine(graph)
		v, a := rng.Int32N(int32(graph.Len())), rng.Int32N(int32(graph.Len()))
		policies := mix(t, rng, graph, payloads(t, rng, graph, graph.ASN(v)), false)
		e, err := sweep.New(router, all(graph), route.Options{TieBreak: picks()[world%3], Seed: rng.Uint64(), Policies: policies})
		g.Expect(err).NotTo(HaveOccurred())
		h := hijack{20 + rng.IntN(10), 20 + rng.IntN(10)}
		attackers, err := e.Attackers([]int32{a}, h.shape(), 1)
		g.Expect(err).NotTo(HaveOccurred())
		o := e.NewOutcomes(1)
		c := h.contest(v)
		c.Prefix = announced
		g.Expect(e.NewSweeper(1).Sweep(c, attackers, o)).To(Succeed())
		if a == v || o.Routed > 0 { // even the results with all ties to one side are long
			continue
		}
		invalid := func(i int32) bool { return policies.Validity(announced, graph.ASN(i)) == rpki.Invalid }
		pick := everyPick{
			g: graph, policies: policies, at: [2]int32{v, a}, lengths: [2]int{h.victim, h.attacker},
			invalid: [2]bool{invalid(v), invalid(a)}, order: customersFirst(graph),
		}
		saw, longest := make([]seen, graph.Len()), 0
		n := pick.enumerate(limit, func(best []chosen) {
			for i, b := range best {
				saw[i].all++
				longest = max(longest, b.length)
				if b.has && b.side == 1 {
					saw[i].attacker++
				}
			}
		})
		l, s, err := checkSpan(o, 0, e.Viewpoints(), saw, n < limit)
		g.Expect(err).NotTo(HaveOccurred(), "world %d, victim %d, attacker %d, %+v", world, v, a, h)
		pairs, loose, split = pairs+1, loose+l, split+s
		if longest >= most {
			long++
		}
	}
	t.Logf("seed %d: %d pairs, %d of them with picks that lead to paths of %d ASes or more; %d ASes are led to either side, %d are bounded wider than need be", seed, pairs, long, most, split, loose)
	g.Expect(long).To(BeNumerically(">", 30))
}

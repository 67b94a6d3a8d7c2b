package route_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// describe prints a case so that a failure can be replayed by hand.
func describe(w world, anns []route.Announcement, opt route.Options) string {
	var b strings.Builder
	for _, l := range w.links {
		fmt.Fprintln(&b, l)
	}
	for _, a := range anns {
		fmt.Fprintln(&b, "announce", a, "attacker:", a.Attacker)
	}
	fmt.Fprintf(&b, "tie-break %v seed %d", opt.TieBreak, opt.Seed)
	return b.String()
}

// TestAgainstMessagePassing compares every AS of thousands of random worlds with
// the oracle: path, relationship, announcement, reason and all losers.
func TestAgainstMessagePassing(t *testing.T) {
	const worlds = 3000
	prefix := netip.MustParsePrefix("203.0.113.0/24")
	var used route.Routes // over and over: nothing may stick
	seen := map[route.Reason]int{}
	unreached := 0
	for n := range uint64(worlds) {
		rng := rand.New(rand.NewPCG(n, 1))
		w := randomWorld(rng)
		g := w.graph()
		e := route.NewEngine(g)
		anns := randomAnnouncements(rng, w, prefix)
		o := newOracle(w)
		for _, tb := range route.TieBreaks() {
			opt := route.Options{TieBreak: tb, Seed: n}
			o.run(anns, opt)
			if err := e.PropagateInto(&used, anns, opt); err != nil {
				t.Fatalf("world %d: %v\n%s", n, err, describe(w, anns, opt))
			}
			for i := range int32(g.Len()) {
				if diff := compareAt(o, &used, i, anns); diff != "" {
					t.Fatalf("world %d, AS %d: %s\n%s", n, g.ASN(i), diff, describe(w, anns, opt))
				}
				why, ok := used.Reason(i)
				seen[why]++
				if !ok {
					unreached++
				}
				for _, c := range used.Explain(i).Losers {
					seen[c.Reason]++
				}
			}
		}
	}
	for _, why := range []route.Reason{
		route.ReasonOwn, route.ReasonOnlyRoute, route.ReasonRelationship, route.ReasonPathLength,
		route.ReasonTieBreak, route.ReasonEarlierAnnouncement, route.ReasonOwnASNInPath,
	} {
		if seen[why] == 0 {
			t.Errorf("the random worlds never showed reason %q", why)
		}
	}
	if unreached == 0 {
		t.Error("the random worlds never showed an AS without a route")
	}
}

// compareAt returns how the engine's route and explanation at index i differ
// from the oracle's, "" if they do not.
func compareAt(o *oracle, r *route.Routes, i int32, anns []route.Announcement) string {
	g := r.Graph()
	asn := g.ASN(i)
	want, ok := o.best[asn]
	got, gotOK := r.Route(i)
	next, own, nextOK := r.NextHop(i)
	if gotOK != ok || nextOK != ok {
		return fmt.Sprintf("has a route: %v, NextHop %v; want %v", gotOK, nextOK, ok)
	}
	if !ok {
		if p := r.Path(i); p != nil || next != -1 || own {
			return fmt.Sprintf("no route, but path %v, next hop %d, own %v", p, next, own)
		}
		return compareExplanation(o, r, i, anns)
	}
	path := r.Path(i)
	if !slices.Equal(path, want.path) || got.Relationship != want.rel || got.Announcement != want.announcement || got.Length != len(want.path) {
		return fmt.Sprintf("path %v %+v; want %+v", path, got, want)
	}
	if own != (want.from == 0) || next != got.NextHop || !own && g.ASN(next) != want.from || own && next != -1 {
		return fmt.Sprintf("next hop %d, own %v; want from %d", next, own, want.from)
	}
	origin, _ := r.Origin(i)
	announcer, _ := r.Announcer(i)
	if a := anns[want.announcement]; origin != a.Path[len(a.Path)-1] || announcer != a.Path[0] {
		return fmt.Sprintf("origin %d, announcer %d; want those of %v", origin, announcer, a)
	}
	return compareExplanation(o, r, i, anns)
}

// compareExplanation works out from the oracle's RIB-in who lost and why.
func compareExplanation(o *oracle, r *route.Routes, i int32, anns []route.Announcement) string {
	asn := r.Graph().ASN(i)
	x := r.Explain(i)
	best, ok := o.best[asn]
	var want []route.Candidate
	steps := []route.Reason{route.ReasonOnlyRoute}
	for _, h := range o.candidates(asn, anns) {
		c := candidate(h)
		if h.equal(best) {
			continue
		}
		switch {
		case h.rel != best.rel:
			c.Reason = route.ReasonRelationship
		case len(h.path) != len(best.path):
			c.Reason = route.ReasonPathLength
		case h.rel == topology.Own && (x.TieBreak < route.TieBreakAttacker || anns[h.announcement].Attacker == anns[best.announcement].Attacker):
			c.Reason = route.ReasonEarlierAnnouncement
		default:
			c.Reason = route.ReasonTieBreak
		}
		steps = append(steps, c.Reason)
		want = append(want, c)
	}
	for _, h := range o.ribIn[asn] {
		if h.looped {
			c := candidate(h)
			c.Reason = route.ReasonOwnASNInPath
			want = append(want, c)
		}
	}
	sortCandidates := func(cs []route.Candidate) []route.Candidate {
		return slices.SortedFunc(slices.Values(cs), func(a, b route.Candidate) int {
			return cmp.Or(cmp.Compare(a.Neighbor, b.Neighbor), cmp.Compare(a.Announcement, b.Announcement))
		})
	}
	if got := fmt.Sprint(sortCandidates(x.Losers)); got != fmt.Sprint(sortCandidates(want)) {
		return fmt.Sprintf("losers %v; want %v", got, want)
	}
	why, _ := r.Reason(i)
	if !ok {
		if x.Winner != nil || why != "" {
			return fmt.Sprintf("no route, but winner %v, reason %q", x.Winner, why)
		}
		return ""
	}
	winner := candidate(best)
	order := []route.Reason{route.ReasonOnlyRoute, route.ReasonRelationship, route.ReasonPathLength, route.ReasonTieBreak}
	winner.Reason = order[0]
	for _, s := range steps {
		if slices.Index(order, s) > slices.Index(order, winner.Reason) {
			winner.Reason = s
		}
	}
	if best.rel == topology.Own {
		winner.Reason = route.ReasonOwn
	}
	if x.Winner == nil || fmt.Sprint(*x.Winner) != fmt.Sprint(winner) || why != winner.Reason {
		return fmt.Sprintf("winner %v, reason %q; want %v", x.Winner, why, winner)
	}
	return ""
}

func candidate(h heard) route.Candidate {
	return route.Candidate{Neighbor: h.from, Relationship: h.rel, Path: h.path, Length: len(h.path), Announcement: h.announcement}
}

// TestBoundsAreExact: without foreign AS numbers in announced paths no tie-break
// changes relationship or length, and whoever the attacker's bound leaves with
// the victim stays there under every tie-break, and the other way round.
func TestBoundsAreExact(t *testing.T) {
	prefix := netip.MustParsePrefix("2001:db8::/32")
	undecided := 0
	for n := range uint64(1500) {
		rng := rand.New(rand.NewPCG(n, 2))
		w := randomWorld(rng)
		g := w.graph()
		e := route.NewEngine(g)
		anns := randomAnnouncements(rng, w, prefix)
		for k := range anns {
			a := &anns[k]
			for h := range a.Path {
				a.Path[h] = a.Path[0]
			}
		}
		results := map[route.TieBreak]*route.Routes{}
		for _, tb := range route.TieBreaks() {
			r, err := e.Propagate(anns, route.Options{TieBreak: tb, Seed: n})
			if err != nil {
				t.Fatal(err)
			}
			results[tb] = r
		}
		for i := range int32(g.Len()) {
			side := func(tb route.TieBreak) bool {
				a, _ := results[tb].Announcement(i)
				return a.Attacker
			}
			lowest, _ := results[route.TieBreakLowestNeighbor].Route(i)
			for _, tb := range route.TieBreaks() {
				got, _ := results[tb].Route(i)
				if got.Relationship != lowest.Relationship || got.Length != lowest.Length {
					t.Fatalf("world %d: %v changes %+v to %+v", n, tb, lowest, got)
				}
				if side(tb) && !side(route.TieBreakAttacker) || !side(tb) && side(route.TieBreakVictim) {
					t.Fatalf("world %d, AS %d: %v lies outside of the bounds", n, g.ASN(i), tb)
				}
			}
			if side(route.TieBreakAttacker) != side(route.TieBreakVictim) {
				undecided++
			}
		}
	}
	if undecided == 0 {
		t.Error("no tie between the two sides in any world: the test shows nothing")
	}
}

// TestTableLooksUpTheLongestPrefix compares PropagateAll and Lookup with one
// oracle for each prefix.
func TestTableLooksUpTheLongestPrefix(t *testing.T) {
	prefixes := []netip.Prefix{
		netip.MustParsePrefix("203.0.112.0/22"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("203.0.113.128/25"),
		netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2001:db8:1::/48"),
	}
	addrs := []netip.Addr{
		netip.MustParseAddr("203.0.113.200"), netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.115.255"), netip.MustParseAddr("::ffff:203.0.113.130"),
		netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8:1::1"), netip.MustParseAddr("2001:db8:2::1"), netip.MustParseAddr("2001:db9::1"),
	}
	for n := range uint64(500) {
		rng := rand.New(rand.NewPCG(n, 3))
		w := randomWorld(rng)
		g := w.graph()
		var anns []route.Announcement
		oracles := map[netip.Prefix]*oracle{}
		for _, p := range prefixes {
			if rng.IntN(2) == 0 {
				continue
			}
			one := randomAnnouncements(rng, w, p)
			oracles[p] = newOracle(w)
			oracles[p].run(one, route.Options{})
			anns = append(anns, one...)
		}
		table, err := route.NewEngine(g).PropagateAll(anns, route.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(table.Routes()) != len(oracles) {
			t.Fatalf("world %d: %d prefixes in the table, want %d", n, len(table.Routes()), len(oracles))
		}
		for _, addr := range addrs {
			for i := range int32(g.Len()) {
				var want netip.Prefix
				for p, o := range oracles {
					if _, has := o.best[g.ASN(i)]; has && p.Contains(addr.Unmap()) && (!want.IsValid() || p.Bits() > want.Bits()) {
						want = p
					}
				}
				r, ok := table.Lookup(i, addr)
				if ok != want.IsValid() || ok && r.Prefix() != want {
					t.Fatalf("world %d, AS %d looks up %v: got %v, want %v", n, g.ASN(i), addr, r, want)
				}
				if ok && !slices.Equal(r.Path(i), oracles[want].best[g.ASN(i)].path) {
					t.Fatalf("world %d, AS %d, %v: path %v", n, g.ASN(i), want, r.Path(i))
				}
			}
		}
	}
}

func TestTableReplacesAPrefix(t *testing.T) {
	g := NewWithT(t)
	e := route.NewEngine(chain(3))
	first, err := e.Propagate([]route.Announcement{announce(t, "1=203.0.113.0/24")}, route.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	second, err := e.Propagate([]route.Announcement{announce(t, "3=203.0.113.0/24")}, route.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	var table route.Table
	table.Add(first)
	table.Add(second)
	g.Expect(table.Routes()).To(HaveLen(1))
	g.Expect(table.Get(second.Prefix())).To(BeIdenticalTo(second))
	g.Expect(table.Get(netip.MustParsePrefix("203.0.112.0/24"))).To(BeNil())
}

// TestSeededPicksAreIndependent: over many seeds each of two equal providers wins
// half of the time, and what one AS picks says nothing about what another picks.
func TestSeededPicksAreIndependent(t *testing.T) {
	g := NewWithT(t)
	const seeds = 20_000
	var first, second, both int
	for seed := range uint64(seeds) {
		a := route.SeededHash(seed, 10, 3) < route.SeededHash(seed, 10, 4)
		b := route.SeededHash(seed, 11, 3) < route.SeededHash(seed, 11, 4)
		for _, c := range []struct {
			hit bool
			n   *int
		}{{a, &first}, {b, &second}, {a && b, &both}} {
			if c.hit {
				*c.n++
			}
		}
	}
	// Five standard deviations of a fair binomial draw.
	g.Expect(float64(first) / seeds).To(BeNumerically("~", 0.5, 0.018))
	g.Expect(float64(second) / seeds).To(BeNumerically("~", 0.5, 0.018))
	g.Expect(float64(both) / seeds).To(BeNumerically("~", 0.25, 0.016))
}

// TestSeededHashStays pins the documented function: results of old seeds must
// stay reproducible. SplitMix64 of state 0 is the published first output.
func TestSeededHashStays(t *testing.T) {
	g := NewWithT(t)
	g.Expect(splitMix(0)).To(Equal(uint64(0xe220a8397b1dcdaf)))
	g.Expect(route.SeededHash(42, 64500, 64501)).To(Equal(splitMix(splitMix(42) ^ (64500<<32 | 64501))))
}

func announce(t *testing.T, s string) route.Announcement {
	t.Helper()
	a, err := route.ParseAnnouncement(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// chain returns ASes 1..n, each the provider of the next.
func chain(n topology.ASN) *topology.Graph {
	var b topology.Builder
	for asn := topology.ASN(1); asn < n; asn++ {
		b.AddLink(topology.Link{A: asn, B: asn + 1, Kind: topology.Transit})
	}
	g, _, err := b.Build()
	if err != nil {
		panic(err)
	}
	return g
}

package topology_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology"
	"mpicsim/topology/place"
)

func transit(a, b topology.ASN, line int32) topology.Link {
	return topology.Link{A: a, B: b, Kind: topology.Transit, Line: line}
}

func peering(a, b topology.ASN, line int32) topology.Link {
	return topology.Link{A: a, B: b, Kind: topology.Peering, Line: line}
}

func build(t *testing.T, b *topology.Builder) (*topology.Graph, []topology.Finding) {
	t.Helper()
	g, findings, err := b.Build()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return g, findings
}

// graphOf builds the graph of links and isolated ASes.
func graphOf(t *testing.T, links []topology.Link) (*topology.Graph, []topology.Finding) {
	t.Helper()
	var b topology.Builder
	for _, l := range links {
		b.AddLink(l)
	}
	return build(t, &b)
}

func TestEveryKindOfFinding(t *testing.T) {
	for _, c := range []struct {
		name  string
		links []topology.Link
		want  []topology.Finding
		text  string // of the last one
	}{
		{
			"a clean graph",
			[]topology.Link{transit(1, 2, 1), peering(2, 3, 2)},
			nil, "",
		},
		{
			"a transit link again",
			[]topology.Link{transit(1, 2, 4), transit(1, 2, 7)},
			[]topology.Finding{{Kind: topology.Duplicate, Dropped: transit(1, 2, 7), Kept: transit(1, 2, 4)}},
			"duplicate link: 1 provider of 2, already on line 4; dropped",
		},
		{
			"a peering again, the other way round, twice",
			[]topology.Link{peering(2, 1, 4), peering(1, 2, 7), peering(2, 1, 9)},
			[]topology.Finding{
				{Kind: topology.Duplicate, Dropped: peering(1, 2, 7), Kept: peering(2, 1, 4)},
				{Kind: topology.Duplicate, Dropped: peering(2, 1, 9), Kept: peering(2, 1, 4)},
			},
			"duplicate link: 2 peer of 1, already on line 4; dropped",
		},
		{
			"provider and customer swapped",
			[]topology.Link{transit(1, 2, 1), transit(2, 1, 2)},
			[]topology.Finding{{Kind: topology.Contradiction, Dropped: transit(2, 1, 2), Kept: transit(1, 2, 1)}},
			"contradictory link: 2 provider of 1, but 1 provider of 2 on line 1; kept the earlier",
		},
		{
			"peers, then provider; what was dropped does not count later",
			[]topology.Link{peering(1, 2, 1), transit(1, 2, 2), transit(1, 2, 3)},
			[]topology.Finding{
				{Kind: topology.Contradiction, Dropped: transit(1, 2, 2), Kept: peering(1, 2, 1)},
				{Kind: topology.Contradiction, Dropped: transit(1, 2, 3), Kept: peering(1, 2, 1)},
			},
			"contradictory link: 1 provider of 2, but 1 peer of 2 on line 1; kept the earlier",
		},
		{
			"self links",
			[]topology.Link{peering(5, 5, 3), transit(4, 4, 8)},
			[]topology.Finding{
				{Kind: topology.SelfLink, Dropped: peering(5, 5, 3)},
				{Kind: topology.SelfLink, Dropped: transit(4, 4, 8)},
			},
			"self link: AS 4 linked to itself; dropped",
		},
		{
			"a cycle loses the link added last, wherever it stands",
			[]topology.Link{transit(3, 1, 1), transit(1, 2, 2), transit(2, 3, 3), transit(9, 1, 4)},
			[]topology.Finding{{Kind: topology.Cycle, Dropped: transit(2, 3, 3), ASes: []topology.ASN{3, 1, 2}}},
			"provider cycle: 3 > 1 > 2 > 3; dropped 2 provider of 3",
		},
		{
			"two cycles through one link, added first, lose one link each",
			[]topology.Link{transit(1, 2, 1), transit(2, 3, 2), transit(2, 4, 3), transit(3, 1, 4), transit(4, 1, 5)},
			[]topology.Finding{
				{Kind: topology.Cycle, Dropped: transit(3, 1, 4), ASes: []topology.ASN{1, 2, 3}},
				{Kind: topology.Cycle, Dropped: transit(4, 1, 5), ASes: []topology.ASN{1, 2, 4}},
			},
			"provider cycle: 1 > 2 > 4 > 1; dropped 4 provider of 1",
		},
		{
			"two cycles through one link, added last, lose that link only",
			[]topology.Link{transit(2, 3, 1), transit(2, 4, 2), transit(3, 1, 3), transit(4, 1, 4), transit(1, 2, 5)},
			[]topology.Finding{{Kind: topology.Cycle, Dropped: transit(1, 2, 5), ASes: []topology.ASN{2, 3, 1}}},
			"provider cycle: 2 > 3 > 1 > 2; dropped 1 provider of 2",
		},
		{
			"a circle of peers is no cycle",
			[]topology.Link{peering(1, 2, 1), peering(2, 3, 2), peering(3, 1, 3)},
			nil, "",
		},
		{
			"findings come in the order of the dropped lines, whatever their kind",
			[]topology.Link{transit(1, 2, 1), transit(2, 3, 2), transit(3, 1, 3), peering(9, 9, 4), transit(1, 2, 5), peering(2, 1, 6)},
			[]topology.Finding{
				{Kind: topology.Cycle, Dropped: transit(3, 1, 3), ASes: []topology.ASN{1, 2, 3}},
				{Kind: topology.SelfLink, Dropped: peering(9, 9, 4)},
				{Kind: topology.Duplicate, Dropped: transit(1, 2, 5), Kept: transit(1, 2, 1)},
				{Kind: topology.Contradiction, Dropped: peering(2, 1, 6), Kept: transit(1, 2, 1)},
			},
			"contradictory link: 2 peer of 1, but 1 provider of 2 on line 1; kept the earlier",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			graph, findings := graphOf(t, c.links)
			g.Expect(graph.Links()).To(Equal(len(c.links) - len(c.want)))
			if len(c.want) == 0 {
				g.Expect(findings).To(BeEmpty())
				return
			}
			g.Expect(findings).To(Equal(c.want))
			g.Expect(findings[len(findings)-1].String()).To(Equal(c.text))
		})
	}
}

func TestFindingsAgainstAnExtendedGraph(t *testing.T) {
	g := NewWithT(t)
	base, _ := graphOf(t, []topology.Link{transit(1, 2, 1), peering(4, 3, 2), transit(2, 3, 3)})
	more := topology.Extend(base)
	more.AddLink(transit(1, 2, 0))
	more.AddLink(peering(3, 4, 0))
	more.AddLink(transit(3, 4, 0))
	more.AddLink(transit(3, 1, 0))
	_, findings := build(t, more)
	var texts []string
	for _, f := range findings {
		texts = append(texts, f.String())
	}
	g.Expect(texts).To(Equal([]string{
		"duplicate link: 1 provider of 2, already in the graph; dropped",
		"duplicate link: 3 peer of 4, already in the graph; dropped",
		"contradictory link: 3 provider of 4, but 3 peer of 4 in the graph; kept the earlier",
		"provider cycle: 1 > 2 > 3 > 1; dropped 3 provider of 1",
	}))
}

func TestBuildRefuses(t *testing.T) {
	for want, add := range map[string]func(b *topology.Builder){
		"line 3: link 0 provider of 1: AS number 0 is reserved (RFC 7607)": func(b *topology.Builder) { b.AddLink(transit(0, 1, 3)) },
		"link 1 peer of 0: AS number 0 is reserved (RFC 7607)":             func(b *topology.Builder) { b.AddLink(peering(1, 0, 0)) },
		"AS number 0 is reserved (RFC 7607)":                               func(b *topology.Builder) { b.AddAS(0) },
		"place of AS 1: latitude 91: want a number from -90 to 90": func(b *topology.Builder) {
			b.SetPlace(1, place.Location{Lat: 91})
		},
	} {
		var b topology.Builder
		b.AddLink(transit(1, 2, 1))
		add(&b)
		_, _, err := b.Build()
		NewWithT(t).Expect(err).To(MatchError(want))
	}
}

func TestPlacesAndLonelyASes(t *testing.T) {
	g := NewWithT(t)
	fra, ord := place.Location{Lat: 50.11, Lon: 8.68}, place.Location{Lat: 41.88, Lon: -87.63}
	var b topology.Builder
	b.AddLink(transit(math.MaxUint32, 7, 0))
	b.AddAS(9)
	b.AddAS(9)
	b.SetPlace(5, ord)
	b.SetPlace(7, ord)
	b.SetPlace(7, fra)
	graph, _ := build(t, &b)
	g.Expect(graph.ASNs()).To(Equal([]topology.ASN{5, 7, 9, math.MaxUint32}))
	g.Expect(graph.String()).To(Equal("4 ASes, 1 provider-to-customer and 0 peer-to-peer links, 2 ASes placed"))
	at, ok := graph.Place(1)
	g.Expect(ok).To(BeTrue())
	g.Expect(at).To(Equal(fra), "the last call counts")
	_, ok = graph.Place(2)
	g.Expect(ok).To(BeFalse())
	var empty topology.Graph
	g.Expect(empty.String()).To(Equal("0 ASes, 0 provider-to-customer and 0 peer-to-peer links, 0 ASes placed"))
}

// randomLinks returns links among ASes 1 to n, with every irregularity likely.
func randomLinks(rng *rand.Rand, n, links int, peers float64) []topology.Link {
	out := make([]topology.Link, links)
	for i := range out {
		out[i] = topology.Link{A: topology.ASN(1 + rng.IntN(n)), B: topology.ASN(1 + rng.IntN(n)), Line: int32(i + 1)}
		if rng.Float64() < peers {
			out[i].Kind = topology.Peering
		}
	}
	return out
}

// oracle is the dumb way: it adds links one by one to maps.
type oracle struct {
	customers map[topology.ASN]map[topology.ASN]bool
	peers     map[topology.ASN]map[topology.ASN]bool
	dropped   []topology.Finding // without ASes
}

func (o *oracle) reaches(from, to topology.ASN) bool {
	if from == to {
		return true
	}
	for c := range o.customers[from] {
		if o.reaches(c, to) {
			return true
		}
	}
	return false
}

func newOracle(links []topology.Link) *oracle {
	o := &oracle{customers: map[topology.ASN]map[topology.ASN]bool{}, peers: map[topology.ASN]map[topology.ASN]bool{}}
	set := func(m map[topology.ASN]map[topology.ASN]bool, a, b topology.ASN) {
		if m[a] == nil {
			m[a] = map[topology.ASN]bool{}
		}
		m[a][b] = true
	}
	first := map[[2]topology.ASN]topology.Link{}
	var transits []topology.Link
	for _, l := range links { // self links and repetitions go first
		pair := [2]topology.ASN{min(l.A, l.B), max(l.A, l.B)}
		kept, again := first[pair]
		switch {
		case l.A == l.B:
			o.dropped = append(o.dropped, topology.Finding{Kind: topology.SelfLink, Dropped: l})
		case again && kept.Kind == l.Kind && (l.Kind == topology.Peering || kept.A == l.A):
			o.dropped = append(o.dropped, topology.Finding{Kind: topology.Duplicate, Dropped: l, Kept: kept})
		case again:
			o.dropped = append(o.dropped, topology.Finding{Kind: topology.Contradiction, Dropped: l, Kept: kept})
		default:
			first[pair] = l
			if l.Kind == topology.Peering {
				set(o.peers, l.A, l.B)
				set(o.peers, l.B, l.A)
			} else {
				transits = append(transits, l)
			}
		}
	}
	for _, l := range transits {
		if o.reaches(l.B, l.A) {
			o.dropped = append(o.dropped, topology.Finding{Kind: topology.Cycle, Dropped: l})
		} else {
			set(o.customers, l.A, l.B)
		}
	}
	slices.SortFunc(o.dropped, func(x, y topology.Finding) int { return int(x.Dropped.Line - y.Dropped.Line) })
	return o
}

func TestRandomGraphsAgainstTheOracle(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	cycles := 0
	for range 2000 {
		n := 2 + rng.IntN(12)
		links := randomLinks(rng, n, rng.IntN(4*n), 0.3)
		graph, findings := graphOf(t, links)
		want := newOracle(links)
		g := NewWithT(t)
		for k, f := range findings {
			if f.Kind == topology.Cycle {
				cycles++
				expectCycle(g, want, f)
			}
			findings[k].ASes = nil
		}
		if len(want.dropped) > 0 || len(findings) > 0 {
			g.Expect(findings).To(Equal(want.dropped))
		}
		expectNeighbours(g, graph, want)
	}
	NewWithT(t).Expect(cycles).To(BeNumerically(">", 500), "the graphs must have cycles to break")
}

// expectCycle checks that f's ASes form a cycle that only its dropped link closes.
func expectCycle(g *WithT, o *oracle, f topology.Finding) {
	last := len(f.ASes) - 1
	g.Expect([]topology.ASN{f.ASes[last], f.ASes[0]}).To(Equal([]topology.ASN{f.Dropped.A, f.Dropped.B}))
	for k := range last {
		g.Expect(o.customers[f.ASes[k]]).To(HaveKey(f.ASes[k+1]))
	}
}

func expectNeighbours(g *WithT, graph *topology.Graph, o *oracle) {
	links := 0
	for i := range int32(graph.Len()) {
		var customers, peers, providers []int32
		for j := range int32(graph.Len()) {
			a, b := graph.ASN(i), graph.ASN(j)
			rel, linked := graph.RelationshipTo(i, j)
			switch {
			case o.customers[a][b]:
				customers = append(customers, j)
				g.Expect(rel).To(Equal(topology.Customer))
			case o.peers[a][b]:
				peers = append(peers, j)
				g.Expect(rel).To(Equal(topology.Peer))
			case o.customers[b][a]:
				providers = append(providers, j)
				g.Expect(rel).To(Equal(topology.Provider))
			default:
				g.Expect(linked).To(BeFalse())
			}
		}
		g.Expect(slices.Equal(graph.Customers(i), customers)).To(BeTrue())
		g.Expect(slices.Equal(graph.Peers(i), peers)).To(BeTrue())
		g.Expect(slices.Equal(graph.Providers(i), providers)).To(BeTrue())
		g.Expect(graph.Degree(i)).To(Equal(len(customers) + len(peers) + len(providers)))
		links += graph.Degree(i)
	}
	g.Expect(graph.Links()).To(Equal(links / 2))
}

// acyclic is Kahn's algorithm on maps, apart from the package's own.
func acyclic(g *topology.Graph) bool {
	providers := map[int32]int{}
	var ready []int32
	for i := range int32(g.Len()) {
		if providers[i] = len(g.Providers(i)); providers[i] == 0 {
			ready = append(ready, i)
		}
	}
	done := 0
	for ; done < len(ready); done++ {
		for _, c := range g.Customers(ready[done]) {
			if providers[c]--; providers[c] == 0 {
				ready = append(ready, c)
			}
		}
	}
	return done == g.Len()
}

// A file with the relationship's sign turned round at random has thousands of
// cycles. It must still be loaded: within the steps that Build takes at most.
func TestThousandsOfCyclesAreBroken(t *testing.T) {
	g := NewWithT(t)
	graph, findings := graphOf(t, randomLinks(rand.New(rand.NewPCG(3, 3)), 10_000, 30_000, 0))
	t.Logf("%v with %d findings", graph, len(findings))
	g.Expect(acyclic(graph)).To(BeTrue())
	g.Expect(len(findings)).To(BeNumerically(">", 3000))
}

// TestTooIrregular: what Build keeps of findings, and how long it looks for cycles, is
// bounded; up to the bound everything is repaired.
func TestTooIrregular(t *testing.T) {
	g := NewWithT(t)
	var b topology.Builder
	for n := range topology.MaxFindings + 1 {
		b.AddLink(transit(1, 2, int32(n+1)))
	}
	_, findings, err := b.Build()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(findings).To(HaveLen(topology.MaxFindings))
	b.AddLink(transit(1, 2, topology.MaxFindings+2))
	_, _, err = b.Build()
	g.Expect(err).To(MatchError(topology.ErrIrregular))
	g.Expect(err).To(MatchError(ContainSubstring("found 65537 links between ASes that a link joins already, more than 65536")))

	var cycles topology.Builder
	for _, l := range randomLinks(rand.New(rand.NewPCG(4, 4)), 3000, 90_000, 0) {
		cycles.AddLink(l)
	}
	_, _, err = cycles.Build()
	g.Expect(err).To(MatchError(topology.ErrIrregular))
	g.Expect(err).To(MatchError(ContainSubstring("provider cycles: ")))
}

// One long circle, each link added against the order of AS numbers.
func TestOneLongCycle(t *testing.T) {
	g := NewWithT(t)
	const n = 20_000
	var links []topology.Link
	for a := topology.ASN(1); a < n; a++ {
		links = append(links, transit(a+1, a, int32(a)))
	}
	links = append(links, transit(1, n, n))
	graph, findings := graphOf(t, links)
	g.Expect(findings).To(HaveLen(1))
	g.Expect(findings[0].Dropped).To(Equal(transit(1, n, n)))
	g.Expect(findings[0].ASes).To(HaveLen(n))
	g.Expect(acyclic(graph)).To(BeTrue())
}

func TestExtendEqualsAFullRebuild(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 5))
	for range 2000 {
		g := NewWithT(t)
		base, _ := graphOf(t, randomLinks(rng, 1+rng.IntN(12), rng.IntN(30), 0.4))
		before := base.String()
		full, extended := rebuildOf(base), topology.Extend(base)
		both := []*topology.Builder{full, extended}
		if rng.IntN(2) == 0 { // place some, so that extending starts from places as well
			at := place.Location{Lat: float64(rng.IntN(90)), Lon: float64(rng.IntN(180))}
			somewhere := topology.ASN(1 + rng.IntN(12))
			for k, b := range both {
				b.SetPlace(somewhere, at)
				graph, _ := build(t, b)
				both[k] = topology.Extend(graph)
			}
			graph, _ := build(t, both[0])
			both[0] = rebuildOf(graph)
		}
		for _, l := range randomLinks(rng, 16, rng.IntN(8), 0.3) {
			l.A, l.B = spread(l.A), spread(l.B)
			both[0].AddLink(l)
			both[1].AddLink(l)
		}
		lonely, at := spread(topology.ASN(1+rng.IntN(20))), place.Location{Lat: 1, Lon: 2}
		for _, b := range both {
			b.AddAS(lonely)
			if lonely%2 == 0 {
				b.SetPlace(lonely, at)
			}
		}
		want, wantFindings := build(t, both[0])
		got, findings := build(t, both[1])
		g.Expect(got).To(Equal(want))
		g.Expect(findings).To(Equal(wantFindings))
		g.Expect(base.String()).To(Equal(before), "the base stays as it is")
	}
}

// spread puts some ASes below, between and above those of the base.
func spread(asn topology.ASN) topology.ASN {
	if asn > 13 {
		return asn * 300_000
	}
	return asn
}

// rebuildOf returns a builder that holds all of g, link by link.
func rebuildOf(g *topology.Graph) *topology.Builder {
	var b topology.Builder
	for i := range int32(g.Len()) {
		b.AddAS(g.ASN(i))
		for _, c := range g.Customers(i) {
			b.AddLink(transit(g.ASN(i), g.ASN(c), 0))
		}
		for _, p := range g.Peers(i) {
			if i < p {
				b.AddLink(peering(g.ASN(i), g.ASN(p), 0))
			}
		}
		if at, ok := g.Place(i); ok {
			b.SetPlace(g.ASN(i), at)
		}
	}
	return &b
}

// Above 2^15 links, AS numbers are looked up in another way.
func TestManyLinksAreNumberedLikeFew(t *testing.T) {
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(1, 9))
	links := randomLinks(rng, 2_000_000, 40_000, 1)
	whole, _ := graphOf(t, links)
	var few topology.Builder
	for _, l := range links[:20_000] {
		few.AddLink(l)
	}
	half, _ := build(t, &few)
	more := topology.Extend(half)
	for _, l := range links[20_000:] {
		more.AddLink(l)
	}
	again, _ := build(t, more)
	g.Expect(again.ASNs()).To(Equal(whole.ASNs()))
	g.Expect(again.String()).To(Equal(whole.String()))
}

func TestParseASN(t *testing.T) {
	g := NewWithT(t)
	for s, want := range map[string]topology.ASN{"1": 1, "AS3356": 3356, "as7": 7, "4294967295": math.MaxUint32} {
		g.Expect(topology.ParseASN(s)).To(Equal(want))
	}
	for _, s := range []string{"", "0", "AS", "AS0", "-1", "+1", "1.0", "4294967296", "x", "AS 1"} {
		_, err := topology.ParseASN(s)
		g.Expect(err).To(MatchError(ContainSubstring("want a number from 1 to 4294967295")), s)
	}
}

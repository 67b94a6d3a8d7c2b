package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mpicsim/topology/place"
)

// LinkKind is the business relationship of a link.
type LinkKind uint8

// The kinds of link. With Transit the first AS is the provider of the second;
// with Peering the order means nothing.
const (
	Transit LinkKind = iota
	Peering
)

func (k LinkKind) String() string {
	if k == Transit {
		return "provider-to-customer"
	}
	return "peer-to-peer"
}

// Link is one link as it was added. Line is the line of the input that it came
// from, 0 if it came from none.
type Link struct {
	A, B ASN
	Kind LinkKind
	Line int32
}

func (l Link) String() string {
	if l.Kind == Transit {
		return fmt.Sprintf("%d provider of %d", l.A, l.B)
	}
	return fmt.Sprintf("%d peer of %d", l.A, l.B)
}

// ends returns the two ASes of the link in ascending order.
func (l Link) ends() (lo, hi ASN) { return min(l.A, l.B), max(l.A, l.B) }

// FindingKind is what [Builder.Build] found wrong with its input.
type FindingKind uint8

// The findings. A Duplicate repeats a link exactly; a Contradiction gives a
// linked pair another relationship; a SelfLink joins an AS to itself; a Cycle
// makes an AS an indirect provider of itself, which Gao-Rexford excludes.
const (
	Duplicate FindingKind = iota
	Contradiction
	SelfLink
	Cycle
)

var findingNames = [...]string{"duplicate link", "contradictory link", "self link", "provider cycle"}

func (k FindingKind) String() string { return findingNames[k] }

// Finding is one irregularity that Build repaired by dropping Dropped.
// Kept is the earlier link that it repeats or contradicts; for a Cycle, ASes
// holds the cycle, each AS the provider of the next and the last of the first,
// and Dropped is the link from the last to the first.
type Finding struct {
	Kind    FindingKind
	Dropped Link
	Kept    Link
	ASes    []ASN
}

// String says what was found and what was done, without the file's name.
func (f Finding) String() string {
	switch f.Kind {
	case Duplicate:
		return fmt.Sprintf("duplicate link: %v, already on line %d; dropped", f.Dropped, f.Kept.Line)
	case Contradiction:
		return fmt.Sprintf("contradictory link: %v, but line %d says %v; kept line %d", f.Dropped, f.Kept.Line, f.Kept, f.Kept.Line)
	case SelfLink:
		return fmt.Sprintf("self link: AS %d linked to itself; dropped", f.Dropped.A)
	default:
		var b strings.Builder
		for _, asn := range f.ASes {
			fmt.Fprintf(&b, "%d > ", asn)
		}
		return fmt.Sprintf("provider cycle: %s%d; dropped %v", b.String(), f.ASes[0], f.Dropped)
	}
}

// Builder collects ASes and links. The zero value is ready to use. It is not
// safe for concurrent use.
type Builder struct {
	links    []Link
	isolated []ASN
	places   map[ASN]place.Location
	base     *Graph
}

// Extend returns a builder that starts from g, so that ASes and links can be
// added to a graph that has been built. g itself stays as it is.
func Extend(g *Graph) *Builder {
	b := &Builder{base: g, places: map[ASN]place.Location{}}
	b.links = make([]Link, 0, g.links+64)
	for i := range int32(g.Len()) {
		asn := g.asns[i]
		if g.Degree(i) == 0 {
			b.isolated = append(b.isolated, asn)
		}
		for _, c := range g.Customers(i) {
			b.links = append(b.links, Link{A: asn, B: g.asns[c], Kind: Transit})
		}
		for _, p := range g.Peers(i) {
			if i < p {
				b.links = append(b.links, Link{A: asn, B: g.asns[p], Kind: Peering})
			}
		}
		if at, ok := g.Place(i); ok {
			b.places[asn] = at
		}
	}
	return b
}

// Grow reserves room for n more links.
func (b *Builder) Grow(n int) { b.links = slices.Grow(b.links, n) }

// AddAS adds an AS that may have no link. Adding an AS twice is harmless.
func (b *Builder) AddAS(asn ASN) { b.isolated = append(b.isolated, asn) }

// AddLink adds a link. Irregular links are found by Build.
func (b *Builder) AddLink(l Link) { b.links = append(b.links, l) }

// SetPlace says where an AS is; it adds the AS if need be. The last call for an
// AS counts.
func (b *Builder) SetPlace(asn ASN, at place.Location) {
	if b.places == nil {
		b.places = map[ASN]place.Location{}
	}
	b.isolated = append(b.isolated, asn)
	b.places[asn] = at
}

// Build returns the graph and what it repaired: of links between the same two
// ASes the first one added stays, self links are dropped, and each provider
// cycle loses the link that was added last among its links. Findings come in
// the order of their dropped links' lines. It returns an error if an AS number
// is 0 (RFC 7607). The builder can be used further.
func (b *Builder) Build() (*Graph, []Finding, error) {
	asns, err := b.collectASNs()
	if err != nil {
		return nil, nil, err
	}
	g := &Graph{asns: asns}
	kept, findings := dedupe(b.links)
	edges := make([]edge, len(kept))
	for n, l := range kept {
		a, _ := g.Index(l.A)
		c, _ := g.Index(l.B)
		edges[n] = edge{a, c, l}
	}
	edges, cycles := breakCycles(g, edges)
	findings = append(findings, cycles...)
	slices.SortStableFunc(findings, func(x, y Finding) int { return cmp.Compare(x.Dropped.Line, y.Dropped.Line) })
	g.fill(edges)
	if len(b.places) > 0 {
		g.places = make([]place.Location, len(asns))
		g.placed = make([]bool, len(asns))
		for asn, at := range b.places {
			i, _ := g.Index(asn)
			g.places[i], g.placed[i] = at, true
		}
	}
	return g, findings, nil
}

func (b *Builder) collectASNs() ([]ASN, error) {
	asns := make([]ASN, 0, 2*len(b.links)+len(b.isolated))
	for _, l := range b.links {
		if l.A == 0 || l.B == 0 {
			return nil, fmt.Errorf("link %v on line %d: AS number 0 is reserved (RFC 7607)", l, l.Line)
		}
		asns = append(asns, l.A, l.B)
	}
	for _, asn := range b.isolated {
		if asn == 0 {
			return nil, fmt.Errorf("AS number 0 is reserved (RFC 7607)")
		}
		asns = append(asns, asn)
	}
	slices.Sort(asns)
	return slices.Clip(slices.Compact(asns)), nil
}

// edge is a link with its ends' indexes.
type edge struct {
	a, b int32
	link Link
}

// dedupe drops self links and all but the first link of each pair of ASes.
// The links that stay keep their order.
func dedupe(links []Link) (kept []Link, findings []Finding) {
	order := make([]int32, 0, len(links))
	for n, l := range links {
		if l.A == l.B {
			findings = append(findings, Finding{Kind: SelfLink, Dropped: l})
			continue
		}
		order = append(order, int32(n))
	}
	slices.SortFunc(order, func(x, y int32) int {
		xl, xh := links[x].ends()
		yl, yh := links[y].ends()
		return cmp.Or(cmp.Compare(xl, yl), cmp.Compare(xh, yh), cmp.Compare(x, y))
	})
	drop := make([]bool, len(links))
	for n := 1; n < len(order); n++ {
		first, again := links[order[n-1]], links[order[n]]
		fl, fh := first.ends()
		al, ah := again.ends()
		if fl != al || fh != ah {
			continue
		}
		kind := Contradiction
		if first.Kind == again.Kind && (first.Kind == Peering || first.A == again.A) {
			kind = Duplicate
		}
		findings = append(findings, Finding{Kind: kind, Dropped: again, Kept: first})
		drop[order[n]] = true
		order[n] = order[n-1] // later ones are compared with the first
	}
	kept = make([]Link, 0, len(order))
	for n, l := range links {
		if l.A != l.B && !drop[n] {
			kept = append(kept, l)
		}
	}
	return kept, findings
}

// fill builds the neighbour lists.
func (g *Graph) fill(edges []edge) {
	g.links = len(edges)
	n := len(g.asns)
	for k := range g.adjacency {
		g.adjacency[k].off = make([]int32, n+1)
	}
	customers, peers, providers := &g.adjacency[0], &g.adjacency[1], &g.adjacency[2]
	for _, e := range edges {
		if e.link.Kind == Transit {
			customers.off[e.a+1]++
			providers.off[e.b+1]++
		} else {
			peers.off[e.a+1]++
			peers.off[e.b+1]++
		}
	}
	next := make([][]int32, 3)
	for k := range g.adjacency {
		r := &g.adjacency[k]
		for i := range n {
			r.off[i+1] += r.off[i]
		}
		r.to = make([]int32, r.off[n])
		next[k] = slices.Clone(r.off[:n])
	}
	put := func(k int, from, to int32) {
		g.adjacency[k].to[next[k][from]] = to
		next[k][from]++
	}
	for _, e := range edges {
		if e.link.Kind == Transit {
			put(0, e.a, e.b)
			put(2, e.b, e.a)
		} else {
			put(1, e.a, e.b)
			put(1, e.b, e.a)
		}
	}
	for k := range g.adjacency {
		for i := range int32(n) {
			slices.Sort(g.adjacency[k].row(i))
		}
	}
}

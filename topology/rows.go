package topology

import (
	"fmt"
	"slices"
)

// rows holds one neighbour list for each AS: row i is to[off[i]:off[i+1]].
type rows struct {
	off []int32
	to  []int32
}

func (r *rows) row(i int32) []int32 {
	lo, hi := r.off[i], r.off[i+1]
	return r.to[lo:hi:hi]
}

// adjacency holds the neighbour lists for Customer, Peer and Provider.
type adjacency [3]rows

// of returns the lists for a relationship. It panics for Own.
func (a *adjacency) of(rel Relationship) *rows { return &a[rel-Customer] }

// edge is a link between two different ASes of the graph, by index: a is the
// provider with Transit. at is its position among the links that were added.
type edge struct {
	a, b int32
	at   int32
	kind LinkKind
}

// ends returns the two indexes in ascending order.
func (e edge) ends() (lo, hi int32) { return min(e.a, e.b), max(e.a, e.b) }

// sortByEnds sorts edges by their lower and then their higher end; edges with
// the same ends keep their order. n is the number of ASes. It is a counting sort
// by each end in turn, linear in len(edges) + n.
func sortByEnds(edges []edge, n int) {
	byHi := make([]edge, len(edges))
	pass := func(dst, src []edge, key func(e edge) int32) {
		next := make([]int32, n+1)
		for _, e := range src {
			next[key(e)+1]++
		}
		for i := range n {
			next[i+1] += next[i]
		}
		for _, e := range src {
			k := key(e)
			dst[next[k]] = e
			next[k]++
		}
	}
	pass(byHi, edges, func(e edge) int32 { return max(e.a, e.b) })
	pass(edges, byHi, func(e edge) int32 { return min(e.a, e.b) })
}

// dedupe returns the edges to keep, sorted by their ends: no self links, and of
// the links between two ASes the first, unless base has one already. n is the
// number of ASes. It overwrites edges. It returns an error if more than MaxFindings
// links are not kept.
func (b *Builder) dedupe(base *Graph, edges []edge, n int) (kept []edge, found []finding, err error) {
	sortByEnds(edges, n)
	kept = edges[:0]
	var first Link // of the pair that the loop is at
	lo, hi := int32(-1), int32(-1)
	if n := surplus(edges); n > MaxFindings {
		return nil, nil, tooIrregular(fmt.Sprintf("%d links between ASes that a link joins already, more than %d", n, MaxFindings))
	}
	for _, e := range edges {
		if e.a == e.b {
			found = append(found, finding{Finding{Kind: SelfLink, Dropped: b.links[e.at]}, e.at})
			continue
		}
		if x, y := e.ends(); x != lo || y != hi {
			lo, hi = x, y
			l := b.links[e.at]
			earlier, ok := base.linkBetween(l.A, l.B)
			if !ok {
				first = l
				kept = append(kept, e)
				continue
			}
			first = earlier
		}
		l := b.links[e.at]
		kind := Contradiction
		if first.Kind == l.Kind && (l.Kind == Peering || first.A == l.A) {
			kind = Duplicate
		}
		found = append(found, finding{Finding{Kind: kind, Dropped: l, Kept: first}, e.at})
	}
	return kept, found, nil
}

// surplus returns how many edges, sorted by their ends, are self links or have the
// ends of the one before.
func surplus(edges []edge) (n int) {
	lo, hi := int32(-1), int32(-1)
	for _, e := range edges {
		x, y := e.ends()
		if x == y || x == lo && y == hi {
			n++
		}
		lo, hi = x, y
	}
	return n
}

// linkBetween returns the link between two ASes, and whether there is one.
func (g *Graph) linkBetween(a, b ASN) (Link, bool) {
	if g.links == 0 {
		return Link{}, false
	}
	i, ok := g.Index(a)
	if !ok {
		return Link{}, false
	}
	j, ok := g.Index(b)
	if !ok {
		return Link{}, false
	}
	rel, ok := g.RelationshipTo(i, j)
	switch {
	case !ok:
		return Link{}, false
	case rel == Customer:
		return Link{A: a, B: b, Kind: Transit}, true
	case rel == Provider:
		return Link{A: b, B: a, Kind: Transit}, true
	default:
		return Link{A: min(a, b), B: max(a, b), Kind: Peering}, true
	}
}

// join sets g's links to those of base and the edges, which are sorted by their
// ends and are not in base.
func (g *Graph) join(base *Graph, num *numbering, edges []edge) {
	g.links = base.links + len(edges)
	g.adjacency = fill(edges, len(g.asns))
	if base.links == 0 {
		return
	}
	for k := range g.adjacency {
		g.adjacency[k] = merge(&base.adjacency[k], &g.adjacency[k], num.index)
	}
}

// fill builds the neighbour lists of n ASes. Taking the edges by ascending ends
// makes every row ascending: row i first gets its lower neighbours, as their
// higher end, then its higher ones.
func fill(edges []edge, n int) adjacency {
	var lists adjacency
	for k := range lists {
		lists[k].off = make([]int32, n+1)
	}
	customers, peers, providers := lists.of(Customer), lists.of(Peer), lists.of(Provider)
	for _, e := range edges {
		if e.kind == Transit {
			customers.off[e.a+1]++
			providers.off[e.b+1]++
		} else {
			peers.off[e.a+1]++
			peers.off[e.b+1]++
		}
	}
	var next [3][]int32
	for k := range lists {
		r := &lists[k]
		for i := range n {
			r.off[i+1] += r.off[i]
		}
		r.to = make([]int32, r.off[n])
		next[k] = append(next[k], r.off[:n]...)
	}
	put := func(rel Relationship, from, to int32) {
		at := &next[rel-Customer][from]
		lists.of(rel).to[*at] = to
		*at++
	}
	for _, e := range edges {
		if e.kind == Transit {
			put(Customer, e.a, e.b)
			put(Provider, e.b, e.a)
		} else {
			put(Peer, e.a, e.b)
			put(Peer, e.b, e.a)
		}
	}
	return lists
}

// merge returns the union of old, whose row i and neighbours become index[i],
// and added, which has one row for each AS of the result. index ascends, so rows
// stay ascending.
func merge(old, added *rows, index []int32) rows {
	n, oldLen := len(added.off)-1, len(old.off)-1
	shifted := oldLen > 0 && index[oldLen-1] != int32(oldLen-1)
	out := rows{off: make([]int32, n+1), to: make([]int32, 0, len(old.to)+len(added.to))}
	o := 0 // the next row of old
	for i := range int32(n) {
		start := len(out.to)
		if o < oldLen && index[o] == i {
			out.to = append(out.to, old.row(int32(o))...)
			if shifted {
				for k, j := range out.to[start:] {
					out.to[start+k] = index[j]
				}
			}
			o++
		}
		if more := added.row(i); len(more) > 0 {
			out.to = append(out.to, more...)
			slices.Sort(out.to[start:])
		}
		out.off[i+1] = int32(len(out.to))
	}
	return out
}

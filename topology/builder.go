package topology

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"mpicsim/topology/place"
)

// Builder collects ASes and links. The zero value is ready to use. It is not
// safe for concurrent use.
type Builder struct {
	base     *Graph // what was built before, clean; nil if nothing
	links    []Link
	isolated []ASN
	placed   []placement
}

// placement is one call of SetPlace.
type placement struct {
	asn ASN
	at  place.Location
}

// Extend returns a builder that starts from g, so that ASes and links can be
// added to a graph that has been built. g itself stays as it is. Build then
// returns the graph that it would return if all links of g had been added first;
// it costs a copy of g, not another build: 8 to 10 ms for ten ASes on 78,643 (AMD
// EPYC, 2026-11-23).
func Extend(g *Graph) *Builder { return &Builder{base: g} }

// Grow reserves room for n more links.
func (b *Builder) Grow(n int) { b.links = slices.Grow(b.links, n) }

// AddAS adds an AS that may have no link. Adding an AS twice is harmless.
func (b *Builder) AddAS(asn ASN) { b.isolated = append(b.isolated, asn) }

// AddLink adds a link. Irregular links are found by Build.
func (b *Builder) AddLink(l Link) { b.links = append(b.links, l) }

// SetPlace says where an AS is; it adds the AS if need be. The last call for an
// AS counts. Build returns an error if the place is not on Earth.
func (b *Builder) SetPlace(asn ASN, at place.Location) {
	b.placed = append(b.placed, placement{asn, at})
}

// Build returns the graph and what it repaired: self links are dropped; of the
// links between the same two ASes the first one added stays; and a
// provider-to-customer link is dropped if the links added before it, and kept,
// already make its customer an indirect provider of its provider, so that each
// cycle loses the link that was added last. Findings come in the order in which
// their dropped links were added.
//
// It returns an error if an AS number is 0 (RFC 7607), a place is out of range
// or there are more than 2^30-1 links; and one that wraps [ErrIrregular] if there is
// more to repair than [MaxFindings], or if breaking cycles takes more than 2^26 steps
// and 64 for each link. The builder can be used further.
func (b *Builder) Build() (*Graph, []Finding, error) {
	if err := b.check(); err != nil {
		return nil, nil, err
	}
	base := b.base
	if base == nil {
		base = &Graph{}
	}
	num, edges := number(base, b)
	g := &Graph{asns: num.asns}
	kept, found, err := b.dedupe(base, edges, len(num.asns))
	if err != nil {
		return nil, nil, err
	}
	g.join(base, num, kept)
	if live := g.inCycles(kept); live != nil {
		dropped, err := g.breakCycles(b.links, base, num, live, kept)
		if err != nil {
			return nil, nil, err
		}
		kept = slices.DeleteFunc(kept, func(e edge) bool {
			_, drop := slices.BinarySearchFunc(dropped, e.at, finding.compareAt)
			return drop
		})
		found = append(found, dropped...)
		g.join(base, num, kept)
	}
	g.place(base, num, b.placed)
	slices.SortFunc(found, func(x, y finding) int { return cmp.Compare(x.at, y.at) })
	findings := make([]Finding, len(found))
	for i, f := range found {
		findings[i] = f.Finding
	}
	return g, findings, nil
}

// MaxFindings is how many links [Builder.Build] drops. What is known of each takes
// several times the memory of a link. CAIDA's files need none or a few.
const MaxFindings = 1 << 16

// ErrIrregular is wrapped by the errors about links that take too much to repair.
var ErrIrregular = errors.New("too irregular")

func tooIrregular(what string) error {
	return fmt.Errorf("%w: found %s, expected links of which few have to be dropped", ErrIrregular, what)
}

// finding is a Finding about b.links[at].
type finding struct {
	Finding
	at int32
}

func (f finding) compareAt(at int32) int { return cmp.Compare(f.at, at) }

var errZero = errors.New("AS number 0 is reserved (RFC 7607)")

// maxLinks keeps the offsets of peer rows, two for each link, within an int32.
const maxLinks = math.MaxInt32 / 2

func (b *Builder) check() error {
	total := len(b.links)
	if b.base != nil {
		total += b.base.links
	}
	if total > maxLinks {
		return fmt.Errorf("%d links: want at most %d", total, maxLinks)
	}
	for _, l := range b.links {
		if l.A != 0 && l.B != 0 {
			continue
		}
		if l.Line > 0 {
			return fmt.Errorf("line %d: link %v: %w", l.Line, l, errZero)
		}
		return fmt.Errorf("link %v: %w", l, errZero)
	}
	if slices.Contains(b.isolated, 0) {
		return errZero
	}
	for _, p := range b.placed {
		if p.asn == 0 {
			return errZero
		}
		if err := p.at.Validate(); err != nil {
			return fmt.Errorf("place of AS %d: %w", p.asn, err)
		}
	}
	return nil
}

// numbering gives every AS its index in the graph to come. An AS has an earlier
// id as well: its index in the base, or base.Len() plus the order of appearance
// of those that are new.
type numbering struct {
	asns  []ASN   // ascending
	index []int32 // id -> index into asns
}

// number numbers the ASes of base and b, and returns b's links as edges in the
// order in which they were added.
func number(base *Graph, b *Builder) (*numbering, []edge) {
	ids := newRegister(base, len(b.links))
	edges := make([]edge, len(b.links))
	lastASN, lastID := ASN(0), int32(0) // files are grouped by A
	for n, l := range b.links {
		if l.A != lastASN {
			lastASN, lastID = l.A, ids.id(l.A)
		}
		edges[n] = edge{a: lastID, b: ids.id(l.B), at: int32(n), kind: l.Kind}
	}
	for _, asn := range b.isolated {
		ids.id(asn)
	}
	for _, p := range b.placed {
		ids.id(p.asn)
	}
	num := &numbering{}
	num.rank(base.asns, ids.fresh)
	for n := range edges {
		e := &edges[n]
		e.a, e.b = num.index[e.a], num.index[e.b]
	}
	return num, edges
}

// register hands out ids.
type register struct {
	base  *Graph
	fresh []ASN         // the ASes that are not in base, in order of appearance
	high  map[ASN]int32 // AS -> position in fresh
	low   []int32       // AS below len(low) -> position in fresh + 1
}

// newRegister returns a register for about the ends of the given number of
// links. From lowLinks on, ASNs below lowASNs, nearly all that are in use, are
// looked up in an array instead of a map: that pays for its 2 MiB then.
func newRegister(base *Graph, links int) *register {
	const lowLinks, lowASNs = 1 << 15, 1 << 19
	r := &register{base: base, high: map[ASN]int32{}}
	if links >= lowLinks {
		r.low = make([]int32, lowASNs)
	}
	return r
}

func (r *register) id(asn ASN) int32 {
	if len(r.base.asns) > 0 {
		if i, ok := r.base.Index(asn); ok {
			return i
		}
	}
	if int(asn) < len(r.low) {
		if r.low[asn] == 0 {
			r.fresh = append(r.fresh, asn)
			r.low[asn] = int32(len(r.fresh))
		}
		return int32(len(r.base.asns)) + r.low[asn] - 1
	}
	k, ok := r.high[asn]
	if !ok {
		k = int32(len(r.fresh))
		r.fresh = append(r.fresh, asn)
		r.high[asn] = k
	}
	return int32(len(r.base.asns)) + k
}

// rank merges old, which is ascending, with fresh, which is not, into asns, and
// fills index.
func (num *numbering) rank(old, fresh []ASN) {
	order := make([]uint64, len(fresh)) // AS number and position, sorted as one
	for k, asn := range fresh {
		order[k] = uint64(asn)<<32 | uint64(k)
	}
	slices.Sort(order)
	num.asns = make([]ASN, 0, len(old)+len(fresh))
	num.index = make([]int32, len(old)+len(fresh))
	i := 0
	for _, packed := range order {
		k := uint32(packed)
		for ; i < len(old) && old[i] < fresh[k]; i++ {
			num.index[i] = int32(len(num.asns))
			num.asns = append(num.asns, old[i])
		}
		num.index[len(old)+int(k)] = int32(len(num.asns))
		num.asns = append(num.asns, fresh[k])
	}
	for ; i < len(old); i++ {
		num.index[i] = int32(len(num.asns))
		num.asns = append(num.asns, old[i])
	}
}

// place carries base's places over and adds those that were set since.
func (g *Graph) place(base *Graph, num *numbering, set []placement) {
	if base.places == nil && len(set) == 0 {
		return
	}
	g.places = make([]place.Location, len(g.asns))
	g.placed = make([]bool, len(g.asns))
	for i, ok := range base.placed {
		if ok {
			g.places[num.index[i]], g.placed[num.index[i]] = base.places[i], true
		}
	}
	for _, p := range set {
		i, _ := g.Index(p.asn)
		g.places[i], g.placed[i] = p.at, true
	}
}

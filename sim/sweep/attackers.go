package sweep

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"mpicsim/topology"
)

// Attackers is a set of attackers prepared for any number of victims: their
// customer and peer routes. It is immutable and safe for concurrent use. Create
// it with [Engine.Attackers].
type Attackers struct {
	engine *Engine
	shape  Shape
	list   []int32
	// column has the column of each graph index, -1 for ASes that are not in
	// list; an AS may share it with its twins.
	column []int32
	// members has, for each column, the places in list.
	members rows
	// possible are the lengths of customer routes to any of them, by graph index.
	possible []levels
	// cone is how many of the attackers' columns each AS has a customer route to,
	// by graph index.
	cone   []int32
	blocks []block // lanes columns each
	// joint returns the blocks for [joint], and rejected those for attackers whom
	// everybody who validates origins finds invalid. They build them once.
	joint, rejected func() []block
	built           []block // what rejected was asked for at once
	// unusual are the places of attackers whom policies may treat unlike others.
	unusual []int32
}

// block is what up to lanes attackers reach by customer and peer routes.
type block struct {
	as []int32 // of each lane, a graph index
	// reached are the ASes with a customer route to some attacker, and the
	// attackers themselves, as graph indexes. Slot s has the lengths found[s];
	// the attackers reached at the n-th of them are routes[off[s]+n].
	reached []int32
	found   []levels
	off     []int32
	routes  []vec
	// The same for the peer routes of each node, without attackers to whom it
	// has a customer route.
	peerFound  []levels
	peerOff    []int32
	peerRoutes []vec
	// Blocks for [joint] have, instead, the slots that offer each node their routes as
	// peers.
	beside rows
	// deep says that a path is too long for a pass.
	deep bool
}

// Attackers prepares a set of attackers, graph indexes, all of whom announce paths
// of one shape. The outcomes of [Sweeper.Sweep] are in the order of list, which is
// copied and may hold an AS twice. Up to workers goroutines share the work; the
// result does not depend on how many.
func (e *Engine) Attackers(list []int32, shape Shape, workers int) (*Attackers, error) {
	if len(list) == 0 {
		return nil, errors.New("sweep: no attackers")
	}
	if err := shape.check(); err != nil {
		return nil, err
	}
	for n, i := range list {
		if i < 0 || int(i) >= e.graph.Len() {
			return nil, fmt.Errorf("sweep: attacker %d: index %d: want 0 to %d", n+1, i, e.graph.Len()-1)
		}
	}
	s := &Attackers{engine: e, shape: shape, list: slices.Clone(list)}
	reps := s.collapse()
	build := func(o blockOptions) []block { return e.buildAll(reps, shape.Length, workers, o) }
	s.blocks = build(blockOptions{})
	s.joint = sync.OnceValue(func() []block { return build(blockOptions{joint: true}) })
	s.rejected = sync.OnceValue(func() []block { return build(blockOptions{joint: true, rejected: true}) })
	if e.filters != nil && !shape.ForgedOrigin { // a forged origin is the victim's, and seldom invalid
		s.built = s.rejected()
	}
	if err := s.findUnusual(); err != nil {
		return nil, err
	}
	s.possible, s.cone = make([]levels, e.graph.Len()), make([]int32, e.graph.Len())
	for n := range s.blocks {
		b := &s.blocks[n]
		for at, i := range b.reached {
			s.possible[i] |= b.found[at]
			for r := b.off[at]; r < b.off[at+1]; r++ {
				s.cone[i] += int32(b.routes[r].count())
			}
		}
	}
	return s, nil
}

// blockOptions say what blocks are for: a joint run, and attackers whom ASes that
// validate origins reject.
type blockOptions struct{ joint, rejected bool }

// buildAll returns the blocks of attackers.
func (e *Engine) buildAll(as []int32, length, workers int, o blockOptions) []block {
	blocks := make([]block, (len(as)+lanes-1)/lanes)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(max(workers, 1), len(blocks)) {
		group.Go(func() {
			b := newBuilder(e)
			for n := int(next.Add(1)) - 1; n < len(blocks); n = int(next.Add(1)) - 1 {
				b.build(&blocks[n], as[n*lanes:min((n+1)*lanes, len(as))], length, o)
				blocks[n].clip()
			}
		})
	}
	group.Wait()
	return blocks
}

// Len returns the number of attackers.
func (s *Attackers) Len() int { return len(s.list) }

// At returns the n-th attacker's graph index.
func (s *Attackers) At(n int) int32 { return s.list[n] }

// Columns returns how many attackers are computed, without twins.
func (s *Attackers) Columns() int { return len(s.members.off) - 1 }

// Bytes returns about how much memory the set takes.
func (s *Attackers) Bytes() int {
	n := 4 * (len(s.list) + len(s.column) + len(s.members.to) + len(s.members.off))
	for _, b := range slices.Concat(s.blocks, s.built) {
		n += width*8*(len(b.routes)+len(b.peerRoutes)) + 4*(len(b.as)+3*len(b.reached)+2*len(b.peerFound)+len(b.beside.to)+len(b.beside.off))
	}
	return n
}

// collapse fills column and members, and returns the AS that stands for each
// column. Columns are sorted by their providers, so that those of a block have
// much of their way up in common.
func (s *Attackers) collapse() (reps []int32) {
	g := s.engine.graph
	places := make([]int32, len(s.list))
	for n := range places {
		places[n] = int32(n)
	}
	slices.SortFunc(places, func(a, b int32) int {
		x, y := s.list[a], s.list[b]
		return cmp.Or(
			slices.Compare(g.Providers(x), g.Providers(y)),
			slices.Compare(g.Peers(x), g.Peers(y)),
			cmp.Compare(x, y), cmp.Compare(a, b))
	})
	s.column = make([]int32, g.Len())
	for i := range s.column {
		s.column[i] = -1
	}
	for _, n := range places {
		i := s.list[n]
		if len(reps) == 0 || !s.engine.twins(reps[len(reps)-1], i) {
			s.members.close()
			reps = append(reps, i)
		}
		s.members.to = append(s.members.to, n)
		s.column[i] = int32(len(reps) - 1)
	}
	s.members.close()
	return reps
}

// twins says whether two ASes have the same neighbours and no customers, and
// neither is a viewpoint or above one.
func (e *Engine) twins(a, b int32) bool {
	if a == b {
		return true
	}
	g := e.graph
	return e.node[a] < 0 && e.node[b] < 0 && len(g.Customers(a)) == 0 && len(g.Customers(b)) == 0 &&
		slices.Equal(g.Providers(a), g.Providers(b)) && slices.Equal(g.Peers(a), g.Peers(b))
}

// builder makes blocks. It is for one goroutine.
type builder struct {
	*Engine
	slot   []int32 // of each graph index, -1 if not reached
	seen   []vec   // of each slot
	offers []offer // all of them, by ascending length
	bits   []vec   // of each offer
	latest []int32 // of each slot: its last offer, -1 for none
}

// offer is an AS that learns of attackers at one length.
type offer struct {
	slot   int32
	length int32
}

func newBuilder(e *Engine) *builder {
	b := &builder{Engine: e, slot: make([]int32, e.graph.Len())}
	for i := range b.slot {
		b.slot[i] = -1
	}
	return b
}

// build makes k the block of attackers who announce a path of length AS numbers. The
// memory of k is used again, as is referred to.
func (b *builder) build(k *block, as []int32, length int, o blockOptions) {
	k.as, k.reached, k.deep = as, k.reached[:0], false
	b.seen, b.offers, b.bits, b.latest = b.seen[:0], b.offers[:0], b.bits[:0], b.latest[:0]
	b.climb(k, length, o.rejected)
	b.pack(k)
	if o.joint {
		k.beside.invert(len(b.nodes), len(k.reached), func(s int32, each func(int32)) {
			for _, x := range b.peering.row(k.reached[s]) {
				if !o.rejected || !b.rejects(b.nodes[x], topology.Peer) {
					each(x)
				}
			}
		})
	} else {
		b.cross(k)
	}
	for _, i := range k.reached {
		b.slot[i] = -1
	}
}

// clip gives back memory that is not used.
func (k *block) clip() {
	k.reached, k.found, k.off, k.routes = slices.Clip(k.reached), slices.Clip(k.found), slices.Clip(k.off), slices.Clip(k.routes)
	k.peerFound, k.peerOff, k.peerRoutes = slices.Clip(k.peerFound), slices.Clip(k.peerOff), slices.Clone(k.peerRoutes)
	k.beside.off, k.beside.to = slices.Clip(k.beside.off), slices.Clip(k.beside.to)
}

// resize returns s with length n and nothing in it, reallocated if it is too small.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// offer returns the bits of AS i that are new at a length, which never falls
// from call to call.
func (b *builder) offer(k *block, i int32, length int) (slot int32, bits *vec) {
	s := b.slot[i]
	if s < 0 {
		s = int32(len(k.reached))
		b.slot[i] = s
		k.reached = append(k.reached, i)
		b.seen = append(b.seen, vec{})
		b.latest = append(b.latest, -1)
	}
	if n := b.latest[s]; n >= 0 && b.offers[n].length == int32(length) {
		return s, &b.bits[n]
	}
	b.latest[s] = int32(len(b.offers))
	b.offers = append(b.offers, offer{slot: s, length: int32(length)})
	b.bits = append(b.bits, vec{})
	return s, &b.bits[len(b.bits)-1]
}

// climb spreads routes to providers, length by length.
func (b *builder) climb(k *block, length int, rejected bool) {
	if length > maxLength {
		k.deep = true
		return
	}
	for lane, i := range k.as {
		s, bits := b.offer(k, i, length)
		bits.set(lane)
		b.seen[s].set(lane)
	}
	for n := 0; n < len(b.offers); n++ {
		o, bits := b.offers[n], b.bits[n]
		for _, p := range b.graph.Providers(k.reached[o.slot]) {
			fresh := bits
			if s := b.slot[p]; s >= 0 {
				fresh.minus(&b.seen[s])
				if !fresh.any() {
					continue
				}
			}
			switch {
			case rejected && b.rejects(p, topology.Customer):
				continue
			case o.length == maxLength:
				k.deep = true
				return
			}
			s, at := b.offer(k, p, int(o.length)+1)
			at.or(&fresh)
			b.seen[s].or(&fresh)
		}
	}
}

// pack sorts the offers by AS.
func (b *builder) pack(k *block) {
	k.found, k.off = resize(k.found, len(k.reached)), resize(k.off, len(k.reached)+1)
	for _, o := range b.offers {
		k.found[o.slot] |= 1 << o.length
		k.off[o.slot+1]++
	}
	for s := range k.reached {
		k.off[s+1] += k.off[s]
	}
	k.routes = resize(k.routes, len(b.offers))
	for n, o := range b.offers { // by ascending length, each AS once for each
		k.routes[k.off[o.slot]+int32(k.found[o.slot].rank(int(o.length)))] = b.bits[n]
	}
}

// cross spreads routes to those peers that are nodes, unless some would be too long.
func (b *builder) cross(k *block) {
	for s := range k.reached {
		k.deep = k.deep || k.found[s].has(maxLength)
	}
	if k.deep {
		return
	}
	k.peerFound, k.peerOff = resize(k.peerFound, len(b.nodes)), resize(k.peerOff, len(b.nodes)+1)
	for s, i := range k.reached {
		for _, x := range b.peering.row(i) {
			k.peerFound[x] |= k.found[s] << 1
		}
	}
	for x := range b.nodes {
		k.peerOff[x+1] = k.peerOff[x] + int32(k.peerFound[x].count())
	}
	k.peerRoutes = resize(k.peerRoutes, int(k.peerOff[len(b.nodes)]))
	routes := k.peerRoutes
	for s, i := range k.reached {
		for n, found := k.off[s], k.found[s]; found != 0; n, found = n+1, found&(found-1) {
			for _, x := range b.peering.row(i) {
				routes[k.peerOff[x]+int32(k.peerFound[x].rank(found.lowest()+1))].or(&k.routes[n])
			}
		}
	}
	b.shorten(k)
}

// shorten leaves each attacker at the least of a node's lengths only, and nowhere
// if the node has a customer route.
func (b *builder) shorten(k *block) {
	kept, routes := int32(0), k.peerRoutes
	for x, i := range b.nodes {
		var seen vec
		if s := b.slot[i]; s >= 0 {
			seen = b.seen[s]
		}
		n, found := k.peerOff[x], k.peerFound[x]
		k.peerOff[x], k.peerFound[x] = kept, 0
		for ; found != 0; n, found = n+1, found&(found-1) {
			at := routes[n]
			at.minus(&seen)
			if !at.any() {
				continue
			}
			seen.or(&at)
			k.peerFound[x] |= 1 << found.lowest()
			routes[kept] = at
			kept++
		}
	}
	k.peerOff[len(b.nodes)] = kept
	k.peerRoutes = routes[:kept]
}

package event

import (
	"time"

	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// router is the routers of all ASes for one prefix: their RIBs, timers and the
// messages between them. Slots are those of the network.
type router struct {
	net   *network
	part  *part
	paths *paths
	queue queue
	now   time.Duration

	// per AS: the Loc-RIB
	best []choice
	// per slot: the Adj-RIB-In without what was rejected, and how it ranks
	in    []int32
	ranks []rank
	// per slot: the Adj-RIB-Out as last sent, and the timer
	sent  []int32
	ready []time.Duration // when the next message may be sent
	timed []bool          // whether an expiry is in the queue
	// per slot: when the last message to it is processed, which life of the session
	// it is in, and whether it is down
	order []time.Duration
	life  []uint32
	down  []bool

	// per announcement
	invalid []bool
	side    []rank
	claims  map[int32][]int32 // active announcements by AS

	jitter, processing stream
	path               []topology.ASN // scratch

	log      []logged
	rumours  rumours
	phase    Phase
	messages []Message
	left     int // messages that may still be sent before the bound
}

// choice is a best route: the node as received, where, and its rank. An own
// route has no slot and the best rank.
type choice struct {
	node, slot int32
	rank       rank
}

// logged is a change of a best route.
type logged struct {
	entry
	as int32
}

func newRouter(n *network) *router {
	ases, slots := n.graph.Len(), len(n.peer)
	return &router{
		net: n, best: make([]choice, ases),
		in: make([]int32, slots), ranks: make([]rank, slots), sent: make([]int32, slots),
		ready: make([]time.Duration, slots), timed: make([]bool, slots),
		order: make([]time.Duration, slots), life: make([]uint32, slots), down: make([]bool, slots),
	}
}

// load makes the router ready for a prefix that nobody has heard of.
func (r *router) load(p *part) {
	r.part = p
	r.paths = &paths{graph: r.net.graph, anns: p.anns, byPair: map[pair]int32{}}
	r.queue.items = r.queue.items[:0]
	r.now, r.log, r.messages = 0, nil, nil
	for i := range r.best {
		r.best[i] = choice{noNode, noSlot, unranked}
	}
	for s := range r.in {
		r.in[s], r.ranks[s], r.sent[s] = noNode, unranked, noNode
	}
	clear(r.ready)
	clear(r.timed)
	clear(r.order)
	clear(r.life)
	clear(r.down)
	r.invalid = make([]bool, len(p.anns))
	r.side, r.claims = make([]rank, len(p.anns)), map[int32][]int32{}
	for n := range p.anns {
		a := &p.anns[n]
		r.side[n] = sideOf(r.net.options.Routing.TieBreak, a)
		r.invalid[n] = r.net.options.Routing.Policies.Validity(p.prefix, a.Origin()) == rpki.Invalid
	}
	r.rumours = rumours{}
	if r.net.rovpp != nil {
		r.rumours.turns = map[int32][]time.Duration{}
	}
	r.jitter = newStream(r.net.options.Seed, "MRAI", p.prefix)
	r.processing = newStream(r.net.options.Seed, "processing", p.prefix)
}

// receive takes over what the neighbour at slot s advertises, noNode for a
// withdrawal, and runs the decision process (RFC 4271 9.1).
func (r *router) receive(s, n int32) {
	i := r.net.owner(s)
	if has(r.net.rovpp, i) {
		r.rumours.hear(s, r.now, n != noNode && r.invalid[r.paths.at(n).ann])
	}
	k := unranked
	if n != noNode && !r.accepts(i, s, n) {
		n = noNode
	}
	if n != noNode {
		k = r.rank(i, s, n)
	}
	if r.in[s] == n {
		return
	}
	r.in[s], r.ranks[s] = n, k
	switch b := &r.best[i]; {
	case b.node != noNode && b.slot == noSlot: // its own stays
		return
	case k < b.rank:
		r.choose(i, choice{n, s, k})
	case b.slot == s:
		r.choose(i, r.search(i))
	}
}

// search returns the best of an AS's Adj-RIBs-In.
func (r *router) search(i int32) choice {
	found := choice{noNode, noSlot, unranked}
	lo := r.net.off[i]
	for k, rank := range r.ranks[lo:r.net.off[i+1]] {
		if rank < found.rank {
			found.slot, found.rank = lo+int32(k), rank
		}
	}
	if found.slot != noSlot {
		found.node = r.in[found.slot]
	}
	return found
}

// choose installs a best route and, if it is another, tells the neighbours.
func (r *router) choose(i int32, c choice) {
	b := &r.best[i]
	if b.node == c.node && b.slot == c.slot {
		return
	}
	*b = c
	r.log = append(r.log, logged{entry{r.now, c.node, c.slot}, i})
	r.phase.Decisions++
	r.phase.Settled = r.now
	r.advertise(i)
}

// advertise brings every neighbour of AS i up to date, now or when its timer
// expires.
func (r *router) advertise(i int32) {
	e := r.exporter(i)
	for s := r.net.off[i]; s < r.net.off[i+1]; s++ {
		if want := e.to(s); want != r.sent[s] {
			r.update(s, want)
		}
	}
}

// update sends node want over slot s, which differs from what was sent last, or
// lets the timer do so.
func (r *router) update(s, want int32) {
	switch t := &r.net.options.Timers; {
	case r.down[s]:
	case want == noNode && t.ExemptWithdrawals:
		r.send(s, want)
	case r.now >= r.ready[s]:
		r.send(s, want)
		if mrai := r.mrai(s); mrai > 0 {
			a, b := r.ends(s)
			part := t.JitterMin + (t.JitterMax-t.JitterMin)*r.jitter.unit(a, b, r.now)
			r.ready[s] = r.now + time.Duration(float64(mrai)*part)
		}
	case !r.timed[s]:
		r.timed[s] = true
		r.queue.put(item{at: r.ready[s], slot: s, node: timer, gen: r.life[s]})
	}
}

// expire is the end of a timer: what is now the best is sent, if that is news.
func (r *router) expire(s int32) {
	r.timed[s] = false
	e := r.exporter(r.net.owner(s))
	if want := e.to(s); want != r.sent[s] {
		r.update(s, want)
	}
}

func (r *router) mrai(s int32) time.Duration {
	if r.net.mrai != nil {
		return r.net.mrai[r.net.owner(s)]
	}
	return r.net.options.Timers.MRAI
}

// ends returns the AS that a slot belongs to and its neighbour there.
func (r *router) ends(s int32) (from, to topology.ASN) {
	return r.net.graph.ASN(r.net.owner(s)), r.net.graph.ASN(r.net.peer[s])
}

// send puts a message on its way: it is processed after the link's delay and the
// time that the receiver takes, but not before the message ahead of it.
func (r *router) send(s, n int32) {
	r.sent[s] = n
	from, to := r.ends(s)
	t := &r.net.options.Timers
	took := t.ProcessingMin + time.Duration(float64(t.ProcessingMax-t.ProcessingMin)*r.processing.unit(from, to, r.now))
	back := r.net.back[s]
	at := max(r.now+time.Duration(r.net.delay[s])*time.Microsecond+took, r.order[back])
	r.order[back] = at
	it := item{at: at, slot: back, node: n, gen: r.life[s], msg: -1}
	if n == noNode {
		r.phase.Withdrawals++
	} else {
		r.phase.Announcements++
	}
	r.left--
	if r.net.options.Record {
		it.msg = int32(len(r.messages))
		m := Message{Sent: r.now, Received: at, From: r.net.owner(s), To: r.net.peer[s]}
		if n != noNode {
			m.Path = r.paths.append(nil, n)
		}
		r.messages = append(r.messages, m)
	}
	r.queue.put(it)
}

// accepts is the import filter of AS i for a route at slot s: loops, policies, and
// its own announcements, which it knows again even if they do not name it.
func (r *router) accepts(i, s, n int32) bool {
	if r.part.by[r.paths.at(n).ann] == i {
		return false
	}
	p := r.net.options.Routing.Policies
	if p == nil {
		return !r.paths.holds(n, i)
	}
	r.path = r.paths.append(r.path[:0], n)
	u := route.Update{
		Prefix: r.part.prefix, Path: r.path, Neighbor: r.net.graph.ASN(r.net.peer[s]),
		Relationship: r.net.rel[s], OTC: r.paths.at(n).otc,
	}
	return p.Reject(r.net.graph, i, &u) == ""
}

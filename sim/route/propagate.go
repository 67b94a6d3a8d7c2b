package route

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"mpicsim/topology"
)

// Propagate returns the best route of every AS for one prefix. All
// announcements must be for that prefix; their slice is copied, their paths are
// not and must stay as they are. It returns an error, which wraps
// [ErrUnknownAS] where that is the cause, that names the first announcement at
// fault.
func (e *Engine) Propagate(anns []Announcement, o Options) (*Routes, error) {
	r := &Routes{}
	if err := e.propagate(r, &scratch{}, anns, o); err != nil {
		return nil, err
	}
	return r, nil
}

// PropagateInto is [Engine.Propagate] into r, whose memory it reuses: in a
// steady state it allocates nothing. What r held before is gone, unless there
// is an error: then r is as it was. The zero Routes is a valid argument.
func (e *Engine) PropagateInto(r *Routes, anns []Announcement, o Options) error {
	if r.scratch == nil {
		r.scratch = &scratch{}
	}
	return e.propagate(r, r.scratch, anns, o)
}

// scratch is the memory of one propagation that its result does not need.
type scratch struct {
	down    []key   // per transit position: what its customers are offered
	queue   []int32 // positions with own and customer routes, by ascending length
	own     []int32 // positions of the announcers, by ascending length
	guarded []bool  // per position: has an import filter; empty if there are none
	guards  []int32 // the guarded positions, ascending

	// Only the general engine needs these.
	flags   []flags // per position, of flagsOf in the order of flagsIn; empty without policies
	flagsOf *Policies
	flagsIn *Engine
	cone    []int32 // positions that may get customer routes, descending
	inCone  []bool  // per position, all false between runs
	downMet []flags // per transit position: the filters that meet what it offers
	states  []pathState
}

// propagation is one run: e.best is the state, everything refers to positions.
type propagation struct {
	*Engine
	*scratch
	best      []key
	anns      []Announcement
	tieBreak  TieBreak
	byKey     bool
	mixedSeed uint64
}

func (e *Engine) propagate(r *Routes, s *scratch, anns []Announcement, o Options) error {
	if err := e.check(anns, o); err != nil {
		return err
	}
	r.engine, r.options = e, o
	r.anns = append(r.anns[:0], anns...)
	r.best = resize(r.best, len(e.order))
	for x := range r.best {
		r.best[x] = noRoute
	}
	p := propagation{
		Engine: e, scratch: s, best: r.best, anns: r.anns,
		tieBreak: o.TieBreak, byKey: o.TieBreak.byKey(), mixedSeed: mix(o.Seed),
	}
	r.plan.compile(e, r.anns, o.Policies)
	p.guard()
	if r.plan.method == MethodGeneral {
		(&general{propagation: p, plan: &r.plan, r: r}).run()
	} else {
		p.announce()
		p.climb()
		p.cross()
		p.descend()
	}
	p.unguard()
	return nil
}

// resize returns s with length n, reallocated only if it is too small.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (e *Engine) check(anns []Announcement, o Options) error {
	if len(anns) == 0 {
		return errors.New("no announcement to propagate")
	}
	if len(anns) > MaxAnnouncements {
		return fmt.Errorf("%d announcements for %v: want at most %d", len(anns), anns[0].Prefix, MaxAnnouncements)
	}
	if int(o.TieBreak) >= len(tieBreakNames) {
		return fmt.Errorf("unknown tie-break %v", o.TieBreak)
	}
	if o.Policies != nil && o.Policies.graph != e.graph {
		return errors.New("policies were made for another topology")
	}
	longest := 0
	for n := range anns {
		a := &anns[n]
		if err := e.checkOne(a); err != nil {
			return fmt.Errorf("announcement %d (%v): %w", n+1, a, err)
		}
		if a.Prefix != anns[0].Prefix {
			return fmt.Errorf("announcement %d (%v): prefix differs from %v, the first one's", n+1, a, anns[0].Prefix)
		}
		longest = max(longest, len(a.Path))
	}
	// A path climbs and descends at most one chain of providers each.
	if longest+2*e.levels > maxLength {
		return fmt.Errorf("the topology has a chain of %d providers: AS paths may exceed %d numbers", e.levels, maxLength)
	}
	return nil
}

func (e *Engine) checkOne(a *Announcement) error {
	if err := a.Validate(); err != nil {
		return err
	}
	if _, ok := e.graph.Index(a.Announcer()); !ok {
		return fmt.Errorf("AS %d is %w", a.Announcer(), ErrUnknownAS)
	}
	return e.checkScope(a)
}

// guard marks the ASes that filter what they import: those other than its
// announcer that an announced path names, who reject it as a loop.
func (p *propagation) guard() {
	p.guards = p.guards[:0]
	for n := range p.anns {
		before := p.anns[n].Announcer()
		for _, asn := range p.anns[n].Path {
			if asn == before { // prepended: the number before it was looked at
				continue
			}
			before = asn
			i, ok := p.graph.Index(asn)
			if !ok {
				continue
			}
			p.guarded = resize(p.guarded, len(p.order))
			if x := p.position[i]; !p.guarded[x] {
				p.guarded[x] = true
				p.guards = append(p.guards, x)
			}
		}
	}
	slices.Sort(p.guards)
}

// unguard leaves the marks clean for the next run.
func (p *propagation) unguard() {
	for _, x := range p.guards {
		p.guarded[x] = false
	}
}

// accepts is the import filter of a guarded AS for route k from a neighbour.
func (p *propagation) accepts(x int32, k key) bool {
	path := p.anns[k.announcement()].Path
	return !slices.Contains(path, p.graph.ASN(p.order[x]))
}

// improves says whether AS x prefers route k to route old, which may be noRoute.
func (p *propagation) improves(x int32, k, old key) bool {
	if p.byKey {
		return k < old
	}
	if a, b := k>>sideShift, old>>sideShift; a != b {
		return a < b
	}
	return p.prefer(x, k.next(), old.next())
}

// prefer says whether AS x ranks neighbour a before neighbour b, both graph
// indexes, among equally good candidates. It is for the tie-breaks that depend
// on both ends of a link.
func (p *propagation) prefer(x, a, b int32) bool {
	g, i := p.graph, p.order[x]
	if p.tieBreak == TieBreakSeeded {
		asn := g.ASN(i)
		return seededHash(p.mixedSeed, asn, g.ASN(a)) < seededHash(p.mixedSeed, asn, g.ASN(b))
	}
	return nearer(g, i, a, b)
}

// offer gives route k to AS x, which keeps it if it is acceptable and better
// than what it has. It says whether the AS had no route and has one now.
func (p *propagation) offer(x int32, k key) (first bool) {
	old := p.best[x]
	if !p.improves(x, k, old) || len(p.guards) > 0 && p.guarded[x] && !p.accepts(x, k) {
		return false
	}
	p.best[x] = k
	return old == noRoute
}

// announce installs the announcers' own routes. Of several announcements at one
// AS the shortest stays, then the one on the preferred side, then the earliest.
func (p *propagation) announce() {
	p.own = p.own[:0]
	for n := range p.anns {
		a := &p.anns[n]
		i, _ := p.graph.Index(a.Announcer())
		x := p.position[i]
		if p.best[x] == noRoute {
			p.own = append(p.own, x)
		}
		p.best[x] = min(p.best[x], ownKey(len(a.Path), n, p.tieBreak.sideBit(a.Attacker)))
	}
	slices.SortFunc(p.own, func(x, y int32) int {
		return cmp.Compare(p.best[x].length(), p.best[y].length())
	})
}

// climb spreads own and customer routes to providers, in order of length: what
// an AS is offered first is shortest, and all offers of one length are made
// before any AS that took one passes it on.
func (p *propagation) climb() {
	queue, own := p.queue[:0], p.own
	for head := 0; head < len(queue) || len(own) > 0; {
		length := 0
		if head < len(queue) {
			length = p.best[queue[head]].length()
		} else {
			length = p.best[own[0]].length()
		}
		for len(own) > 0 && p.best[own[0]].length() == length {
			queue = append(queue, own[0])
			own = own[1:]
		}
		for end := len(queue); head < end; head++ {
			x := queue[head]
			k := p.best[x].exported(topology.Customer, p.order[x])
			for _, y := range p.providers.row(x) {
				if p.offer(y, k) {
					queue = append(queue, y)
				}
			}
		}
	}
	p.queue = queue
}

// cross spreads own and customer routes to peers, which keep them to themselves
// and their customers: the queue does not grow.
func (p *propagation) cross() {
	plain := p.byKey && len(p.guards) == 0
	for _, x := range p.queue {
		k := p.best[x].exported(topology.Peer, p.order[x])
		if !plain {
			for _, y := range p.peers.row(x) {
				if k>>sideShift <= p.best[y]>>sideShift { // most offers fail here
					p.offer(y, k)
				}
			}
			continue
		}
		for _, y := range p.peers.row(x) {
			if k < p.best[y] {
				p.best[y] = k
			}
		}
	}
}

// descend lets every AS without a better route take one from its providers.
// Those come before it in the order, so their routes are final.
func (p *propagation) descend() {
	p.down = resize(p.down, int(p.transit))
	from := int32(0)
	for _, x := range p.guards {
		p.pull(from, x)
		p.pullOne(x)
		from = x + 1
	}
	p.pull(from, int32(len(p.order)))
}

// pull lets the unguarded ASes at positions from <= x < to choose.
func (p *propagation) pull(from, to int32) {
	if !p.byKey {
		p.pullRanked(from, to)
		return
	}
	best, down, order, off, providers := p.best, p.down, p.order, p.providers.off, p.providers.to
	x := from
	for ; x < min(to, p.transit); x++ {
		k := best[x]
		for _, y := range providers[off[x]:off[x+1]] {
			k = min(k, down[y])
		}
		best[x] = k
		down[x] = handDown(k, order[x])
	}
	// The many with one or two providers go without a loop whose end the processor
	// would have to guess.
	x = max(x, min(to, p.stubs[1]))
	for o := off[x]; x < min(to, p.stubs[2]); x, o = x+1, o+1 {
		best[x] = min(best[x], down[providers[o]])
	}
	for o := off[x]; x < min(to, p.stubs[3]); x, o = x+1, o+2 {
		best[x] = min(best[x], down[providers[o]], down[providers[o+1]])
	}
	for ; x < to; x++ {
		k := best[x]
		for _, y := range providers[off[x]:off[x+1]] {
			k = min(k, down[y])
		}
		best[x] = k
	}
}

// pullRanked is pull for the tie-breaks that packed routes do not decide. Only
// an AS with several shortest provider routes ranks its providers.
func (p *propagation) pullRanked(from, to int32) {
	for x := from; x < to; x++ {
		row := p.providers.row(x)
		k := p.best[x]
		for _, y := range row {
			k = min(k, p.down[y])
		}
		if k != p.best[x] {
			for _, y := range row {
				if rival := p.down[y]; rival>>sideShift == k>>sideShift && rival != k && p.prefer(x, rival.next(), k.next()) {
					k = rival
				}
			}
			p.best[x] = k
		}
		if x < p.transit {
			p.down[x] = handDown(k, p.order[x])
		}
	}
}

// pullOne lets one AS choose, guarded or not, with any tie-break.
func (p *propagation) pullOne(x int32) {
	for _, y := range p.providers.row(x) {
		if k := p.down[y]; k != noRoute {
			p.offer(x, k)
		}
	}
	if x < p.transit {
		p.down[x] = handDown(p.best[x], p.order[x])
	}
}

// handDown returns what an AS with route k offers its customers.
func handDown(k key, from int32) key {
	if k == noRoute {
		return noRoute
	}
	return k.exported(topology.Provider, from)
}

package route

import (
	"cmp"
	"slices"

	"mpicsim/topology"
)

// general is a propagation with policies and scoped announcements. Relationship
// comes first in every rank and the provider graph has no cycle, so three sweeps
// in the order of that graph are exact for any filter and any rank within a
// relationship: customers to providers, one hop across peerings, providers to
// customers. At each step an AS picks among routes that will not change any more.
type general struct {
	propagation
	*plan
	r *Routes
}

func (p *general) run() {
	p.placeFlags()
	if p.deep() {
		p.states = resize(p.states, int(p.transit))
	}
	p.guardOdd()
	p.announceOwn()
	p.climbInOrder()
	p.crossOnce()
	p.descendInOrder()
}

// placeFlags brings the policies' flags into the engine's order, once for the
// same engine and policies.
func (p *general) placeFlags() {
	switch {
	case p.policies == nil:
		p.flags, p.flagsOf, p.flagsIn = p.flags[:0], nil, nil
	case p.flagsOf != p.policies || p.flagsIn != p.Engine:
		p.flags = resize(p.flags, len(p.order))
		for x, i := range p.order {
			p.flags[x] = p.policies.flags[i]
		}
		p.flagsOf, p.flagsIn = p.policies, p.Engine
	}
}

// guardOdd adds to the guards the announcers that do not use their announcements,
// since they must not come back to them, and everybody who learns from an AS that
// sends its neighbours different things.
func (p *general) guardOdd() {
	mark := func(x int32) {
		p.guarded = resize(p.guarded, len(p.order))
		if !p.guarded[x] {
			p.guarded[x] = true
			p.guards = append(p.guards, x)
		}
	}
	for n := range p.anns {
		if p.anns[n].Forwards {
			mark(p.position[p.terms[n].by])
		}
	}
	for _, y := range p.odds {
		for _, i := range p.graph.Customers(p.order[y]) {
			mark(p.position[i])
		}
	}
	slices.Sort(p.guards)
}

// announceOwn installs the announcements that their announcers use themselves,
// and collects everybody who may get a customer route: the announcers, their
// providers, theirs and so on, customers first.
func (p *general) announceOwn() {
	p.cone = p.cone[:0]
	p.inCone = resize(p.inCone, len(p.order))
	add := func(x int32) {
		if !p.inCone[x] {
			p.inCone[x] = true
			p.cone = append(p.cone, x)
		}
	}
	for n := range p.anns {
		a := &p.anns[n]
		x := p.position[p.terms[n].by]
		add(x)
		if !a.Forwards {
			p.best[x] = min(p.best[x], ownKey(len(a.Path), n, p.tieBreak.sideBit(a.Attacker)))
		}
	}
	for head := 0; head < len(p.cone); head++ {
		for _, y := range p.providers.row(p.cone[head]) {
			add(y)
		}
	}
	for _, x := range p.cone {
		p.inCone[x] = false
	}
	slices.SortFunc(p.cone, func(a, b int32) int { return cmp.Compare(b, a) })
}

// climbInOrder is the first sweep.
func (p *general) climbInOrder() {
	for _, y := range p.cone {
		if y < p.transit && p.deep() {
			p.settle(y)
		}
		p.spread(y, topology.Customer, p.providers.row(y))
	}
}

// crossOnce is the second sweep. What an AS has learnt from a peer does not pass
// on: spread sends no such route.
func (p *general) crossOnce() {
	for _, y := range p.cone {
		p.spread(y, topology.Peer, p.peers.row(y))
	}
}

// spread offers what AS y sends to its providers or peers, to whom it is rel.
func (p *general) spread(y int32, rel topology.Relationship, row []int32) {
	if p.isOdd(y) {
		for _, x := range row {
			if k, ok := p.r.sends(p.order[y], p.order[x], rel); ok {
				p.consider(x, k, p.met(k))
			}
		}
		return
	}
	k := p.best[y]
	if k == noRoute || k.relationship() > topology.Customer || p.r.stays(k) {
		return
	}
	k = k.exported(rel, p.order[y])
	met := p.met(k)
	for _, x := range row {
		p.consider(x, k, met)
	}
}

// met returns the filters that reject route k, as received, of those that are
// active.
func (p *general) met(k key) flags {
	if p.active == 0 {
		return 0
	}
	c, rel := &p.terms[k.announcement()], k.relationship()
	f := c.reject[rel-topology.Customer]
	if k.next() == c.by {
		f |= c.direct
	}
	if rel == topology.Peer && k.next() == c.otcBy {
		f &^= otc // the peer's own mark
	}
	if p.dynamic != 0 {
		f |= p.sent(k).rejects(rel) & p.dynamic
	}
	return f & p.active
}

// consider offers route k, which meets the filters met, to AS x.
func (p *general) consider(x int32, k key, met flags) {
	if p.better(x, k, p.best[x]) && (met == 0 || p.flags[x]&met == 0) && (len(p.guards) == 0 || !p.guarded[x] || p.takes(x, k)) {
		p.best[x] = k
	}
}

// takes is the loop check of a guarded AS.
func (p *general) takes(x int32, k key) bool {
	return p.accepts(x, k) && p.terms[k.announcement()].by != p.order[x]
}

// better says whether AS x ranks route k before route old, which may be noRoute.
func (p *general) better(x int32, k, old key) bool {
	if p.ranking == 0 || old == noRoute || k.relationship() != old.relationship() {
		return p.improves(x, k, old)
	}
	f := p.flags[x] & p.ranking
	if f&preferValid != 0 {
		if a, b := p.terms[k.announcement()].invalid, p.terms[old.announcement()].invalid; a != b {
			return b
		}
	}
	if f&bgpsec != 0 && k.length() == old.length() {
		if a, b := p.sent(k).signed, p.sent(old).signed; a != b {
			return a
		}
	}
	return p.improves(x, k, old)
}

// descendInOrder is the third sweep. As in the plain engine the guarded ASes
// split the order into runs that need no guard.
func (p *general) descendInOrder() {
	p.down = resize(p.down, int(p.transit))
	p.downMet = resize(p.downMet, int(p.transit))
	from := int32(0)
	for _, x := range p.guards {
		p.pullMany(from, x)
		p.pullAsking(x)
		from = x + 1
	}
	p.pullMany(from, int32(len(p.order)))
}

// pullMany lets the ASes at positions from <= x < to choose among what their
// providers hand down to everybody.
func (p *general) pullMany(from, to int32) {
	best, down, met := p.best, p.down, p.downMet
	off, providers := p.providers.off, p.providers.to
	for x := from; x < to; x++ {
		f := flags(0)
		if len(p.flags) > 0 {
			f = p.flags[x] & (p.active | p.ranking)
		}
		row := providers[off[x]:off[x+1]]
		k := best[x]
		switch {
		case !p.byKey || f&p.ranking != 0:
			p.pullEach(x, row)
		case f == 0:
			for _, y := range row {
				k = min(k, down[y])
			}
			best[x] = k
		default:
			for _, y := range row {
				if d := down[y]; d < k && f&met[y] == 0 {
					k = d
				}
			}
			best[x] = k
		}
		if x < p.transit {
			p.handOut(x)
		}
	}
}

// pullEach is pullMany for one AS whose rank is not the order of packed routes.
func (p *general) pullEach(x int32, row []int32) {
	for _, y := range row {
		if d := p.down[y]; d != noRoute {
			p.consider(x, d, p.downMet[y])
		}
	}
}

// pullAsking lets one AS choose that may be guarded or have odd providers, which
// it asks one by one.
func (p *general) pullAsking(x int32) {
	for _, y := range p.providers.row(x) {
		if !p.isOdd(y) {
			if d := p.down[y]; d != noRoute {
				p.consider(x, d, p.downMet[y])
			}
			continue
		}
		if k, ok := p.r.sends(p.order[y], p.order[x], topology.Provider); ok {
			p.consider(x, k, p.met(k))
		}
	}
	if x < p.transit {
		p.handOut(x)
	}
}

// handOut sets what AS x, whose choice is final, hands down to its customers.
func (p *general) handOut(x int32) {
	if p.deep() {
		p.settle(x)
	}
	k := p.best[x]
	if k == noRoute || p.isOdd(x) || p.r.stays(k) {
		p.down[x], p.downMet[x] = noRoute, 0
		return
	}
	k = k.exported(topology.Provider, p.order[x])
	p.down[x], p.downMet[x] = k, p.met(k)
}

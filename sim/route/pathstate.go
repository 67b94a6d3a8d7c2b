package route

import (
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// pathState is what filters need to know of a path, so that it need not be walked
// at every neighbour: one more AS in front changes it as [Policies.prepend] says.
// Numbers count ASes, repetitions collapsed.
type pathState struct {
	length uint16
	// up and down are the ramps of ASPA verification: how many ASes from the origin,
	// and from the front, lie before the first hop that an ASPA denies.
	up, down uint16
	// locked: the path holds a protected AS. cut: the path-end record denies the last
	// hop. signed: everybody on the path does BGPsec.
	locked, cut, signed bool
}

// startOf returns the state of a path as announced; f are the announcer's flags.
func (p *Policies) startOf(a *Announcement, f flags) pathState {
	path := a.Path
	s := pathState{length: 1, up: 1, down: 1, locked: p.protects(last(path)), signed: f&bgpsec != 0 && !a.stripped()}
	for at := len(path) - 2; at >= 0; at-- {
		if path[at] != path[at+1] {
			s = p.prepend(s, path[at+1], path[at])
			s.signed = false
		}
	}
	s.cut = p.pathEnds.Validate(path) == rpki.Invalid
	return s
}

// prepend returns the state of a path that begins with first after next was put
// in front of it.
func (p *Policies) prepend(s pathState, first, next topology.ASN) pathState {
	if s.up == s.length && p.aspas.Authorized(first, next) != rpki.NotProvider {
		s.up++
	}
	if p.aspas.Authorized(next, first) != rpki.NotProvider {
		s.down++
	} else {
		s.down = 1
	}
	s.length++
	s.locked = s.locked || p.protects(next)
	return s
}

// rejects returns the filters that reject the path if it comes from a neighbour
// of kind rel.
func (s pathState) rejects(rel topology.Relationship) flags {
	f := flags(0)
	if s.locked && rel == topology.Customer {
		f |= peerlock
	}
	if s.cut {
		f |= pathEnd
	}
	ramps := s.up
	if rel == topology.Provider {
		ramps += s.down
	}
	if ramps < s.length {
		f |= aspa
	}
	return f
}

// settle fills the state of the route that the AS at position x has chosen.
func (p *general) settle(x int32) {
	k := p.best[x]
	if k == noRoute || k.relationship() == topology.Own {
		return
	}
	g := p.graph
	c, i := &p.terms[k.announcement()], p.order[x]
	s, first := p.sent(k), g.ASN(k.next())
	if k.next() == c.by {
		first = p.anns[k.announcement()].Path[0]
	}
	s = p.policies.prepend(s, first, g.ASN(i))
	if k.next() == c.by && c.open {
		neighbors, _ := p.policies.pathEnds.Neighbors(p.anns[k.announcement()].Origin())
		s.cut = !contains(neighbors, g.ASN(i))
	}
	s.signed = s.signed && p.policies.has(i, bgpsec)
	p.states[x] = s
}

// sent returns the state of the path of route k as its next hop sends it.
func (p *general) sent(k key) pathState {
	if c := &p.terms[k.announcement()]; k.next() == c.by {
		return c.start
	}
	return p.states[p.position[k.next()]]
}

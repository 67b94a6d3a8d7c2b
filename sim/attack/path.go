package attack

import (
	"cmp"
	"slices"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// shaped returns the one announcement that the fields of the attack describe, and
// false after a refusal.
func (p *planning) shaped() (route.Announcement, bool) {
	a := &p.Attack
	path, ok := p.path()
	if !ok {
		return route.Announcement{}, false
	}
	return route.Announcement{
		Prefix: a.Prefix, Path: path, Attacker: true,
		Export: a.Export, NoExport: a.NoExport, Withhold: a.Withhold,
	}, true
}

// path returns the AS path as announced: the attacker, repeated as it prepends,
// then the poisoned ASes, then the forged hops and the victim, or, behind poison
// and with type 0, the attacker once more, so that it is still the origin.
func (p *planning) path() ([]topology.ASN, bool) {
	a := &p.Attack
	hops := a.hops(p.spec)
	if len(a.Via) == 0 && hops > 1 {
		via, ok := p.plausible(hops - 1)
		if !ok {
			p.refuse(NoPlausiblePath, "AS %d has no chain of %d links for the forged path", a.Victim, hops-1)
			return nil, false
		}
		a.Via = via
		p.assume("the forged path goes by %s", route.FormatPath(via))
	}
	var path []topology.ASN
	for range 1 + a.Prepend {
		path = append(path, a.Attacker)
	}
	path = append(path, a.Poison...)
	switch {
	case hops > 0:
		path = append(append(path, a.Via...), a.Victim)
	case len(a.Poison) > 0:
		path = append(path, a.Attacker)
	}
	return path, true
}

// plausible returns n ASes that stand before the victim on a path of real links,
// nearest to the victim last. Each one is a provider of the next if it has any,
// else a peer, else a customer; of these the one with the fewest links, since all
// that a path names reject it; then the one with the lowest number.
func (p *planning) plausible(n int) ([]topology.ASN, bool) {
	g := p.in.Engine.Graph()
	if p.victim < 0 {
		return nil, false
	}
	used := []int32{p.attacker, p.victim}
	at := p.victim
	var via []topology.ASN
	for range n {
		next := int32(-1)
		for _, rel := range [...]topology.Relationship{topology.Provider, topology.Peer, topology.Customer} {
			free := slices.DeleteFunc(slices.Clone(g.Neighbors(at, rel)), func(i int32) bool { return slices.Contains(used, i) })
			if len(free) > 0 {
				next = slices.MinFunc(free, func(a, b int32) int { return cmp.Or(cmp.Compare(g.Degree(a), g.Degree(b)), cmp.Compare(a, b)) })
				break
			}
		}
		if next < 0 {
			return nil, false
		}
		used = append(used, next)
		via = append(via, g.ASN(next))
		at = next
	}
	slices.Reverse(via)
	return via, true
}

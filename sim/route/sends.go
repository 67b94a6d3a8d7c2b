package route

import (
	"slices"

	"mpicsim/topology"
)

// contains is a binary search in ascending AS numbers.
func contains(asns []topology.ASN, asn topology.ASN) bool {
	_, ok := slices.BinarySearch(asns, asn)
	return ok
}

// inverse returns what an AS is to its neighbour that is rel to it.
func inverse(rel topology.Relationship) topology.Relationship {
	switch rel {
	case topology.Customer:
		return topology.Provider
	case topology.Provider:
		return topology.Customer
	case topology.Own, topology.Peer:
	}
	return rel
}

// sends returns what AS j sends to its neighbour i, to which j is rel, as i would
// hold it. If exported is false, j has nothing for i; if then k is a route, i
// would get that but for the scope of an announcement.
func (r *Routes) sends(j, i int32, rel topology.Relationship) (k key, exported bool) {
	k = r.at(j)
	odd := r.plan.isOdd(r.engine.position[j])
	if odd {
		if said, ok := r.says(j, i, rel); ok {
			return said.exported(rel, j), true
		}
	}
	if k == noRoute || rel != topology.Provider && k.relationship() > topology.Customer {
		return noRoute, false
	}
	kept := odd && (k.relationship() == topology.Own || r.withheld(k, j, i)) || r.stays(k)
	return k.exported(rel, j), !kept
}

// says returns the best announcement that AS j itself makes to neighbour i, and
// whether there is any.
func (r *Routes) says(j, i int32, rel topology.Relationship) (key, bool) {
	best := noRoute
	g := r.engine.graph
	for n := range r.plan.terms {
		if r.plan.terms[n].by != j {
			continue
		}
		a := &r.anns[n]
		// A marked route goes to customers only (RFC 9234 section 5, egress rule 2).
		marked := a.OTC != 0 && rel != topology.Provider && r.plan.policies.has(j, otc)
		k := ownKey(len(a.Path), n, r.options.TieBreak.sideBit(a.Attacker))
		if !marked && a.Export.Covers(g.ASN(i), inverse(rel)) && !r.withheld(k, j, i) {
			best = min(best, k)
		}
	}
	return best, best != noRoute
}

// withheld says whether AS j is asked to keep route k from its neighbour i.
func (r *Routes) withheld(k key, j, i int32) bool {
	edges := r.anns[k.announcement()].Withhold
	return len(edges) > 0 && slices.Contains(edges, Edge{r.engine.graph.ASN(j), r.engine.graph.ASN(i)})
}

// stays says whether an AS with route k keeps it to itself: it has it from the
// announcer with NO_EXPORT.
func (r *Routes) stays(k key) bool {
	n := k.announcement()
	return r.anns[n].NoExport && k.relationship() != topology.Own && k.next() == r.by(n)
}

// by returns the graph index of the announcer of announcement n.
func (r *Routes) by(n int) int32 { return r.plan.terms[n].by }

// OTC returns the value of the Only to Customers attribute (RFC 9234) of the best
// route of AS i as it holds it, and whether the route carries the attribute. The
// AS that leaks the route passes it on.
func (r *Routes) OTC(i int32) (topology.ASN, bool) {
	k := r.at(i)
	if k == noRoute {
		return 0, false
	}
	value := r.anns[k.announcement()].OTC
	if k.relationship() != topology.Own {
		value = r.receivedOTC(k, i)
	}
	return value, value != 0
}

// receivedOTC returns the attribute's value of route k, which AS i has from its
// next hop, after i has marked it itself where it does that; 0 for none.
func (r *Routes) receivedOTC(k key, i int32) topology.ASN {
	value := r.sentOTC(k)
	if value == 0 && k.relationship() != topology.Customer && r.plan.policies.has(i, otc) {
		return r.engine.graph.ASN(k.next())
	}
	return value
}

// sentOTC returns the attribute's value of route k as its next hop sends it.
func (r *Routes) sentOTC(k key) topology.ASN {
	j := k.next()
	value := r.anns[k.announcement()].OTC
	if j != r.by(k.announcement()) {
		value = r.receivedOTC(r.at(j), j)
	}
	if value == 0 && k.relationship() != topology.Customer && r.plan.policies.has(j, otc) {
		return r.engine.graph.ASN(j)
	}
	return value
}

// sendsInvalid says whether AS j sends its neighbour i a route that is invalid by
// origin validation. Nobody sends a route back to where it is from.
func (r *Routes) sendsInvalid(j, i int32) bool {
	rel, ok := r.engine.graph.RelationshipTo(i, j)
	if !ok {
		return false
	}
	k, exported := r.sends(j, i, rel)
	if !exported || !r.plan.terms[k.announcement()].invalid {
		return false
	}
	best := r.at(j)
	if best == noRoute || best.relationship() == topology.Own || best.next() != i {
		return true
	}
	_, itself := r.says(j, i, rel)
	return itself
}

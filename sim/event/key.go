package event

import (
	"math"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// rank is how an AS ranks a route from a neighbour: the lower is preferred.
//
//	55..44  preference        of Options.Prefer, the most preferred first
//	43..42  relationship
//	41      invalid           1 if the AS prefers valid routes and this is invalid
//	40..25  length            of the path as advertised
//	24      unsigned          1 if the AS prefers signed paths and this is not
//	23      side              0 for the side that an attacker or victim bound prefers
//	22..0   slot              among the AS's own: the tie-break
type rank uint64

const (
	slotBits    = 23
	sideShift   = slotBits
	signShift   = sideShift + 1
	lengthShift = signShift + 1
	validShift  = lengthShift + 16
	relShift    = validShift + 1
	preferShift = relShift + 2
	preferBits  = 12

	unranked rank = math.MaxUint64
)

// rank returns how AS i ranks a route that it accepts at slot s.
func (r *router) rank(i, s, n int32) rank {
	at := r.paths.at(n)
	k := rank(r.net.rel[s])<<relShift | rank(at.length)<<lengthShift | r.side[at.ann] | rank(s-r.net.off[i])
	if r.net.prefer != nil {
		k |= rank(r.net.prefer[s]) << preferShift
	}
	if has(r.net.preferValid, i) && r.invalid[at.ann] {
		k |= 1 << validShift
	}
	if has(r.net.bgpsec, i) && !at.signed {
		k |= 1 << signShift
	}
	return k
}

// sideOf returns the side bit of an announcement.
func sideOf(t route.TieBreak, a *route.Announcement) rank {
	if t == route.TieBreakAttacker && !a.Attacker || t == route.TieBreakVictim && a.Attacker {
		return 1 << sideShift
	}
	return 0
}

// exportable says whether a route learnt from a neighbour of kind from goes to
// one of kind to (Gao-Rexford): routes of customers to all, others to customers.
func exportable(from, to topology.Relationship) bool {
	return from <= topology.Customer || to == topology.Customer
}

package route

import (
	"cmp"
	"net/netip"
	"slices"

	"mpicsim/topology"
)

// Reason is a stable identifier of the step of the decision that a route was
// chosen or dropped at.
type Reason string

// The reasons. A winner has one of the first five, the step that left no other
// candidate; a loser has the step at which it was dropped.
const (
	// ReasonOwn: the AS announces the prefix itself.
	ReasonOwn Reason = "own"
	// ReasonOnlyRoute: no other acceptable candidate.
	ReasonOnlyRoute Reason = "only-route"
	// ReasonRelationship: customer before peer before provider.
	ReasonRelationship Reason = "relationship"
	// ReasonPathLength: the shorter AS path.
	ReasonPathLength Reason = "path-length"
	// ReasonTieBreak: what [Options] says.
	ReasonTieBreak Reason = "tie-break"
	// ReasonEarlierAnnouncement: the same AS made an equally good announcement
	// before this one. It only drops candidates.
	ReasonEarlierAnnouncement Reason = "earlier-announcement"
	// ReasonOwnASNInPath: rejected, the path holds the AS's own number. It only
	// drops candidates.
	ReasonOwnASNInPath Reason = "own-asn-in-path"

	// ReasonValidity: the AS prefers routes that are not invalid (ROVPreferValid).
	// Between relationship and path length.
	ReasonValidity Reason = "validity"
	// ReasonPathSecurity: the AS prefers signed paths (BGPsec). Between path length
	// and tie-break.
	ReasonPathSecurity Reason = "path-security"

	// ReasonNotExported: the neighbour keeps the route from this AS, because of the
	// announcement's Export, NoExport or Withhold or of RFC 9234. It only drops
	// candidates, as do all that follow: the filters of [Policy].
	ReasonNotExported Reason = "not-exported"
	// ReasonFirstAS: the path does not begin with the neighbour.
	ReasonFirstAS Reason = "first-as"
	// ReasonTooLong: the prefix is longer than the AS accepts.
	ReasonTooLong Reason = "prefix-too-long"
	// ReasonROVInvalid: invalid by origin validation.
	ReasonROVInvalid Reason = "rov-invalid"
	// ReasonASPAInvalid: a leaked or forged path by provider authorizations.
	ReasonASPAInvalid Reason = "aspa-invalid"
	// ReasonOTCLeak: marked Only to Customers, from a customer or peer.
	ReasonOTCLeak Reason = "otc-leak"
	// ReasonPeerlock: the path from a customer holds a protected AS.
	ReasonPeerlock Reason = "peerlock"
	// ReasonPathEnd: the origin's path-end record does not name the last hop.
	ReasonPathEnd Reason = "path-end"
)

// Reasons returns all reasons: of winners and losers, then the filters in the
// order in which they are applied.
func Reasons() []Reason {
	return []Reason{
		ReasonOwn, ReasonOnlyRoute, ReasonRelationship, ReasonValidity, ReasonPathLength, ReasonPathSecurity, ReasonTieBreak,
		ReasonEarlierAnnouncement, ReasonNotExported, ReasonOwnASNInPath, ReasonFirstAS, ReasonTooLong, ReasonROVInvalid,
		ReasonASPAInvalid, ReasonOTCLeak, ReasonPeerlock, ReasonPathEnd,
	}
}

// Candidate is a route that an AS could choose.
type Candidate struct {
	// Neighbor is the AS that it was learnt from, 0 for an own announcement.
	Neighbor     topology.ASN
	Relationship topology.Relationship
	// Path is as [Routes.Path] would show it if it won.
	Path []topology.ASN
	// Length is the number of AS numbers in Path.
	Length int
	// Announcement is an index into [Routes.Announcements].
	Announcement int
	// Reason says why the candidate lost, or, of a winner, which step left no
	// other candidate.
	Reason Reason
}

// Explanation is the decision of one AS for one prefix.
type Explanation struct {
	AS       topology.ASN
	Prefix   netip.Prefix
	TieBreak TieBreak
	// Winner is the best route, nil if the AS has none.
	Winner *Candidate
	// Losers are all other candidates that the AS's neighbours export to it and
	// that it announces itself: the better ones first, by relationship, length
	// and AS number; the rejected ones last.
	Losers []Candidate
}

// Reason returns the step of the decision that left only the best route of AS
// i, and whether it has a route. It is worked out from the neighbours' final
// routes.
func (r *Routes) Reason(i int32) (Reason, bool) {
	best := r.at(i)
	if best == noRoute {
		return "", false
	}
	if best.relationship() == topology.Own {
		return ReasonOwn, true
	}
	decisive, step := ReasonOnlyRoute, 0
	r.offers(i, func(k key) {
		why := lostTo(best, k)
		if s := steps(why); k.next() != best.next() && s > step && !r.loops(i, k) {
			decisive, step = why, s
		}
	})
	return decisive, true
}

// Explain returns the decision of AS i with all candidates.
func (r *Routes) Explain(i int32) Explanation {
	g := r.engine.graph
	x := Explanation{AS: g.ASN(i), Prefix: r.Prefix(), TieBreak: r.options.TieBreak}
	best := r.at(i)
	for n, a := range r.anns {
		if a.Announcer() != x.AS {
			continue
		}
		k := ownKey(len(a.Path), n, r.options.TieBreak.sideBit(a.Attacker))
		c := Candidate{Path: slices.Clone(a.Path), Length: len(a.Path), Announcement: n, Reason: ReasonOwn}
		if k == best {
			x.Winner = &c
			continue
		}
		c.Reason = lostTo(best, k)
		x.Losers = append(x.Losers, c)
	}
	r.offers(i, func(k key) {
		c := Candidate{
			Neighbor: g.ASN(k.next()), Relationship: k.relationship(), Length: k.length(), Announcement: k.announcement(),
			Path: r.AppendPath([]topology.ASN{x.AS}, k.next()),
		}
		switch {
		case k == best:
			c.Reason, _ = r.Reason(i)
			x.Winner = &c
			return
		case r.loops(i, k):
			c.Reason = ReasonOwnASNInPath
		default:
			c.Reason = lostTo(best, k)
		}
		x.Losers = append(x.Losers, c)
	})
	slices.SortStableFunc(x.Losers, func(a, b Candidate) int {
		return cmp.Or(
			compareBool(a.Reason == ReasonOwnASNInPath, b.Reason == ReasonOwnASNInPath),
			cmp.Compare(a.Relationship, b.Relationship), cmp.Compare(a.Length, b.Length),
			cmp.Compare(a.Neighbor, b.Neighbor), cmp.Compare(a.Announcement, b.Announcement))
	})
	return x
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// offers calls f with every route that a neighbour of AS i exports to it,
// whether AS i accepts it or not: customers' and peers' own and customer
// routes, all routes of providers.
func (r *Routes) offers(i int32, f func(key)) {
	g := r.engine.graph
	for _, rel := range [...]topology.Relationship{topology.Customer, topology.Peer, topology.Provider} {
		for _, j := range g.Neighbors(i, rel) {
			k := r.at(j)
			if k == noRoute || rel != topology.Provider && k.relationship() > topology.Customer {
				continue
			}
			f(k.exported(rel, j))
		}
	}
}

// loops says whether the path of route k, as a neighbour exports it to AS i,
// holds the number of AS i.
func (r *Routes) loops(i int32, k key) bool {
	j := k.next()
	for {
		if j == i {
			return true
		}
		at := r.at(j)
		if at.relationship() == topology.Own {
			return slices.Contains(r.anns[at.announcement()].Path, r.engine.graph.ASN(i))
		}
		j = at.next()
	}
}

// lostTo returns the step at which route k loses to best. Between two own
// routes the tie-break is the side, then the order of announcements.
func lostTo(best, k key) Reason {
	switch {
	case k.relationship() != best.relationship():
		return ReasonRelationship
	case k.length() != best.length():
		return ReasonPathLength
	case best.relationship() == topology.Own && k>>sideShift == best>>sideShift:
		return ReasonEarlierAnnouncement
	}
	return ReasonTieBreak
}

// steps returns how many steps of the decision a reason to lose took.
func steps(why Reason) int {
	switch why {
	case ReasonRelationship:
		return 1
	case ReasonPathLength:
		return 2
	case ReasonTieBreak:
		return 3
	default:
	}
	return 0
}

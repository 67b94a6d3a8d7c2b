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
	r.offers(i, func(k key, exported bool) {
		if !exported || k == best {
			return
		}
		why := r.lostTo(i, best, k)
		if s := steps(why); s > step && r.rejects(i, k) == "" {
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
		if r.by(n) != i || a.Forwards {
			continue
		}
		k := ownKey(len(a.Path), n, r.options.TieBreak.sideBit(a.Attacker))
		c := Candidate{Path: slices.Clone(a.Path), Length: len(a.Path), Announcement: n, Reason: ReasonOwn}
		if k == best {
			x.Winner = &c
			continue
		}
		c.Reason = r.lostTo(i, best, k)
		x.Losers = append(x.Losers, c)
	}
	r.offers(i, func(k key, exported bool) {
		c := Candidate{
			Neighbor: g.ASN(k.next()), Relationship: k.relationship(), Length: k.length(), Announcement: k.announcement(),
			Path: r.appendSent([]topology.ASN{x.AS}, k),
		}
		if k == best {
			c.Reason, _ = r.Reason(i)
			x.Winner = &c
			return
		}
		c.Reason = ReasonNotExported
		if exported {
			c.Reason = cmp.Or(r.rejects(i, k), r.lostTo(i, best, k))
		}
		x.Losers = append(x.Losers, c)
	})
	slices.SortStableFunc(x.Losers, func(a, b Candidate) int {
		return cmp.Or(
			compareBool(a.Reason.rejection(), b.Reason.rejection()),
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

// offers calls f with every route that a neighbour of AS i sends to it, whether AS
// i accepts it or not, and, with exported false, with those that only the scope of
// an announcement keeps from it.
func (r *Routes) offers(i int32, f func(k key, exported bool)) {
	g := r.engine.graph
	for _, rel := range [...]topology.Relationship{topology.Customer, topology.Peer, topology.Provider} {
		for _, j := range g.Neighbors(i, rel) {
			if k, exported := r.sends(j, i, rel); k != noRoute {
				f(k, exported)
			}
		}
	}
}

// rejects returns why AS i rejects route k as a neighbour sends it, "" if it
// accepts it. A route that goes back to an announcement of its own, which it does
// not use, is one with its own number.
func (r *Routes) rejects(i int32, k key) Reason {
	n := k.announcement()
	if r.plan.policies == nil {
		if r.loops(i, k) {
			return ReasonOwnASNInPath
		}
		return ""
	}
	if r.by(n) == i {
		return ReasonOwnASNInPath
	}
	g := r.engine.graph
	return r.plan.policies.Reject(g, i, &Update{
		Prefix: r.Prefix(), Path: r.appendSent(make([]topology.ASN, 0, k.length()), k),
		Neighbor: g.ASN(k.next()), Relationship: k.relationship(), OTC: r.sentOTC(k),
	})
}

// loops says whether the path of route k, as a neighbour sends it to AS i, holds
// the number of AS i, or goes back to its own announcement.
func (r *Routes) loops(i int32, k key) bool {
	n := k.announcement()
	by := r.by(n)
	for ; k.next() != by; k = r.at(k.next()) {
		if k.next() == i {
			return true
		}
	}
	return by == i || slices.Contains(r.anns[n].Path, r.engine.graph.ASN(i))
}

// lostTo returns the step at which AS i drops route k for best. Between two own
// routes the tie-break is the side, then the order of announcements.
func (r *Routes) lostTo(i int32, best, k key) Reason {
	p := &r.plan
	switch {
	case k.relationship() != best.relationship():
		return ReasonRelationship
	case best.relationship() == topology.Own && k.length() == best.length() && k>>sideShift == best>>sideShift:
		return ReasonEarlierAnnouncement
	case best.relationship() != topology.Own && p.policies.has(i, preferValid) &&
		p.terms[k.announcement()].invalid != p.terms[best.announcement()].invalid:
		return ReasonValidity
	case k.length() != best.length():
		return ReasonPathLength
	case best.relationship() != topology.Own && p.policies.has(i, bgpsec) && r.signed(k) != r.signed(best):
		return ReasonPathSecurity
	}
	return ReasonTieBreak
}

// signed says whether every AS on the path of route k, as a neighbour sends it,
// signs it.
func (r *Routes) signed(k key) bool {
	n := k.announcement()
	for by := r.by(n); k.next() != by; k = r.at(k.next()) {
		if !r.plan.policies.has(k.next(), bgpsec) {
			return false
		}
	}
	return r.plan.terms[n].start.signed
}

// rejection says whether the reason is that a route never became a candidate.
func (why Reason) rejection() bool {
	return slices.Index(Reasons(), why) >= slices.Index(Reasons(), ReasonNotExported)
}

// steps returns how many steps of the decision a reason to lose took.
func steps(why Reason) int {
	order := [...]Reason{ReasonRelationship, ReasonValidity, ReasonPathLength, ReasonPathSecurity, ReasonTieBreak}
	return slices.Index(order[:], why) + 1
}

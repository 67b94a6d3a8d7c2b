package route

import (
	"net/netip"
	"slices"

	"mpicsim/topology"
)

// Routes holds the best route of every AS for one prefix. It is filled by
// [Engine.Propagate] or [Engine.PropagateInto] and read-only, and safe for
// concurrent use, from then on until it is filled again. Methods that take an
// AS take its index in the engine's graph. The zero value is only good for
// PropagateInto.
type Routes struct {
	engine  *Engine
	options Options
	anns    []Announcement
	plan    plan
	best    []key    // by position in the engine's order
	scratch *scratch // kept for PropagateInto
}

// Route is the best route of one AS.
type Route struct {
	// Relationship is what the neighbour that it was learnt from is to the AS;
	// Own for an announcement of its own.
	Relationship topology.Relationship
	// Length is the number of AS numbers in the path, the AS's own included.
	Length int
	// NextHop is the graph index of that neighbour, -1 for an own route.
	NextHop int32
	// Announcement is an index into [Routes.Announcements].
	Announcement int
}

// Graph returns the topology.
func (r *Routes) Graph() *topology.Graph { return r.engine.graph }

// Prefix returns the prefix that the routes are for.
func (r *Routes) Prefix() netip.Prefix { return r.anns[0].Prefix }

// Options returns the options of the propagation.
func (r *Routes) Options() Options { return r.options }

// Announcements returns the announcements that were propagated, in the order
// given. The caller must not change them.
func (r *Routes) Announcements() []Announcement { return r.anns }

// Method returns which engine computed the routes: the general one if policies or
// scoped announcements are there and can make a difference.
func (r *Routes) Method() Method { return r.plan.method }

// BoundsExact says whether, for these announcements and policies, the results with
// TieBreakAttacker and TieBreakVictim are exact bounds over all picks among equally
// good candidates. If not they are estimates; see the package comment.
func (r *Routes) BoundsExact() bool { return r.plan.exact }

func (r *Routes) at(i int32) key { return r.best[r.engine.position[i]] }

// Route returns the best route of AS i, and whether it has any.
func (r *Routes) Route(i int32) (Route, bool) {
	k := r.at(i)
	if k == noRoute {
		return Route{NextHop: -1, Announcement: -1}, false
	}
	best := Route{k.relationship(), k.length(), k.next(), k.announcement()}
	if best.Relationship == topology.Own {
		best.NextHop = -1
	}
	return best, true
}

// NextHop returns where AS i sends packets for the prefix: to the neighbour with
// graph index next, or, if own is true, to itself, and next is -1. If ok is
// false it has no route and next is -1.
func (r *Routes) NextHop(i int32) (next int32, own, ok bool) {
	k := r.at(i)
	switch {
	case k == noRoute:
		return -1, false, false
	case k.relationship() == topology.Own:
		return -1, true, true
	}
	return k.next(), false, true
}

// Announcement returns the announcement that the best route of AS i goes back
// to, and whether it has a route.
func (r *Routes) Announcement(i int32) (Announcement, bool) {
	k := r.at(i)
	if k == noRoute {
		return Announcement{}, false
	}
	return r.anns[k.announcement()], true
}

// Origin returns the origin that the AS path at AS i names, which may be
// forged, and whether the AS has a route. Where packets really go is
// [Routes.Announcer] and [Routes.Trace].
func (r *Routes) Origin(i int32) (topology.ASN, bool) {
	a, ok := r.Announcement(i)
	return a.Origin(), ok
}

// Announcer returns the AS that announces what the best route of AS i goes back
// to, and whether AS i has a route. Packets from AS i arrive there; with
// [Announcement].Forwards they pass through and go on ([Routes.Trace]).
func (r *Routes) Announcer(i int32) (topology.ASN, bool) {
	a, ok := r.Announcement(i)
	return a.Announcer(), ok
}

// Path returns the AS path of AS i as its local RIB shows it: its own number,
// the ASes in between, then the announced path. It is nil without a route. The
// caller owns the slice.
func (r *Routes) Path(i int32) []topology.ASN { return r.AppendPath(nil, i) }

// AppendPath appends what [Routes.Path] returns to path.
func (r *Routes) AppendPath(path []topology.ASN, i int32) []topology.ASN {
	k := r.at(i)
	if k == noRoute {
		return path
	}
	path = slices.Grow(path, k.length())
	if k.relationship() != topology.Own {
		path = append(path, r.engine.graph.ASN(i))
		return r.appendSent(path, k)
	}
	return append(path, r.anns[k.announcement()].Path...)
}

// appendSent appends the AS path of route k, learnt from a neighbour, as the
// neighbour sends it. An announcer that forwards has a best route of its own: the
// path ends at the announcer of k, whatever that is.
func (r *Routes) appendSent(path []topology.ASN, k key) []topology.ASN {
	n := k.announcement()
	for by := r.by(n); k.next() != by; k = r.at(k.next()) {
		path = append(path, r.engine.graph.ASN(k.next()))
	}
	return append(path, r.anns[n].Path...)
}

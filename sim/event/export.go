package event

import (
	"cmp"
	"slices"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// exporter says what an AS has to tell each neighbour: the Adj-RIBs-Out that its
// Loc-RIB and its announcements amount to.
type exporter struct {
	*router
	as     int32
	best   choice
	claims []int32
	from   topology.Relationship // of best
	otc    topology.ASN          // of best as the AS holds it
	closed bool                  // best is for nobody
	// the node for best with the mark that it has and with the one that the AS puts
	// on it, made when needed
	kept, marked int32
}

func (r *router) exporter(i int32) exporter {
	e := exporter{router: r, as: i, best: r.best[i], claims: r.claims[i], kept: noNode, marked: noNode}
	switch {
	case e.best.node == noNode || e.best.slot == noSlot:
		e.closed = true // nothing learnt
		return e
	default:
		e.from = r.net.rel[e.best.slot]
	}
	n := r.paths.at(e.best.node)
	e.closed = n.parent == noNode && r.part.anns[n.ann].NoExport
	e.otc = r.net.onIngress(i, e.best.slot, n.otc)
	return e
}

// onIngress returns what Only to Customers says on a route with the mark otc after
// AS i has taken it over at slot s (RFC 9234 section 5, on ingress).
func (n *network) onIngress(i, s int32, otc topology.ASN) topology.ASN {
	if otc == 0 && n.rel[s] != topology.Customer && has(n.otc, i) {
		return n.graph.ASN(n.peer[s])
	}
	return otc
}

// to returns the node to advertise over slot s, noNode for none.
func (e *exporter) to(s int32) int32 {
	if len(e.claims) > 0 {
		if n := e.claim(s); n != noNode {
			return n
		}
	}
	if e.closed || s == e.best.slot {
		return noNode // a route is not sent back to where it came from
	}
	rel := e.net.rel[s]
	if !exportable(e.from, rel) {
		return noNode
	}
	if edges := e.part.anns[e.paths.at(e.best.node).ann].Withhold; len(edges) > 0 && e.withheld(edges, s) {
		return noNode
	}
	otc, ok := e.mark(e.otc, rel)
	if !ok {
		return noNode
	}
	at := &e.kept
	if otc != e.otc {
		at = &e.marked
	}
	if *at == noNode {
		*at = e.paths.extend(e.as, e.best.node, otc, has(e.net.bgpsec, e.as))
	}
	return *at
}

// claim returns the node of the announcement that the AS makes to the neighbour
// at slot s: of those that go there the shortest, then that of the preferred side,
// then the earliest.
func (e *exporter) claim(s int32) int32 {
	best, mark := noNode, topology.ASN(0)
	for _, n := range e.claims {
		a := &e.part.anns[n]
		rel := e.net.rel[s]
		if !a.Export.Covers(e.net.graph.ASN(e.net.peer[s]), rel) || e.withheld(a.Withhold, s) {
			continue
		}
		otc, ok := e.mark(a.OTC, rel)
		if ok && (best == noNode || e.compareOwn(n, best) < 0) {
			best, mark = n, otc
		}
	}
	if best == noNode {
		return noNode
	}
	return e.paths.own(e.as, best, mark, has(e.net.bgpsec, e.as))
}

// mark returns what Only to Customers says on a route with the mark otc that is
// sent to a neighbour of kind rel, and whether it may be sent at all (RFC 9234
// section 5, on egress).
func (e *exporter) mark(otc topology.ASN, rel topology.Relationship) (topology.ASN, bool) {
	switch {
	case !has(e.net.otc, e.as):
		return otc, true
	case otc != 0:
		return otc, rel == topology.Customer
	case rel == topology.Provider:
		return 0, true
	}
	return e.net.graph.ASN(e.as), true
}

func (e *exporter) withheld(edges []route.Edge, s int32) bool {
	return slices.Contains(edges, route.Edge{AS: e.net.graph.ASN(e.as), Neighbor: e.net.graph.ASN(e.net.peer[s])})
}

// compareOwn orders two announcements of one AS, the better first.
func (r *router) compareOwn(a, b int32) int {
	return cmp.Or(
		cmp.Compare(len(r.part.anns[a].Path), len(r.part.anns[b].Path)),
		cmp.Compare(r.side[a], r.side[b]),
		cmp.Compare(a, b),
	)
}

// originate chooses anew at an AS whose announcements changed, and tells the
// neighbours.
func (r *router) originate(i int32) {
	mine := noNode
	for _, n := range r.claims[i] {
		if !r.part.anns[n].Forwards && (mine == noNode || r.compareOwn(n, mine) < 0) {
			mine = n
		}
	}
	c := r.search(i)
	if mine != noNode {
		c = choice{node: r.paths.own(i, mine, r.part.anns[mine].OTC, has(r.net.bgpsec, i)), slot: noSlot}
	}
	before := r.best[i]
	r.choose(i, c)
	if r.best[i] == before {
		r.advertise(i) // the same best route, but other announcements
	}
}

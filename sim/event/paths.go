package event

import (
	"slices"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Marks for "none".
const (
	noNode int32 = -1
	noSlot int32 = -1
)

// paths holds every route that was ever advertised, once: a route is the AS that
// advertises it and the route that it holds itself, so paths that end alike share
// their ends. Two routes are the same if and only if their numbers are.
type paths struct {
	graph  *topology.Graph
	anns   []route.Announcement
	nodes  []node
	byPair map[pair]int32
}

// node is a route as one AS advertises it.
type node struct {
	as     int32 // who advertises it
	parent int32 // what as holds, noNode if it is its own announcement
	ann    int32
	length uint16       // numbers in the AS path as advertised
	signed bool         // by everybody on the way (BGPsec)
	otc    topology.ASN // Only to Customers, 0 if not marked
}

// pair is what makes a node: for an announcement of as, from is -2 - ann.
type pair struct {
	as, from int32
	otc      topology.ASN
}

func (p *paths) at(n int32) *node { return &p.nodes[n] }

// own returns the node of an announcement, made if need be.
func (p *paths) own(as, ann int32, otc topology.ASN, signs bool) int32 {
	return p.intern(pair{as, -2 - ann, otc}, func() node {
		path := p.anns[ann].Path
		return node{
			as: as, parent: noNode, ann: ann, length: uint16(len(path)), otc: otc,
			signed: signs && !slices.ContainsFunc(path, func(asn topology.ASN) bool { return asn != p.graph.ASN(as) }),
		}
	})
}

// extend returns the node for as advertising the route parent, made if need be.
func (p *paths) extend(as, parent int32, otc topology.ASN, signs bool) int32 {
	return p.intern(pair{as, parent, otc}, func() node {
		held := p.at(parent)
		return node{
			as: as, parent: parent, ann: held.ann, length: held.length + 1, otc: otc,
			signed: signs && held.signed,
		}
	})
}

func (p *paths) intern(key pair, build func() node) int32 {
	if n, ok := p.byPair[key]; ok {
		return n
	}
	n := int32(len(p.nodes))
	p.nodes = append(p.nodes, build())
	p.byPair[key] = n
	return n
}

// append appends the AS path of a node, as advertised.
func (p *paths) append(path []topology.ASN, n int32) []topology.ASN {
	for {
		at := p.at(n)
		if at.parent == noNode {
			return append(path, p.anns[at.ann].Path...)
		}
		path = append(path, p.graph.ASN(at.as))
		n = at.parent
	}
}

// holds says whether the AS path of a node, as advertised, has AS x in it.
func (p *paths) holds(n, x int32) bool {
	for {
		at := p.at(n)
		if at.parent == noNode {
			path := p.anns[at.ann].Path
			if len(path) == 1 && path[0] == p.graph.ASN(at.as) { // by far the most
				return at.as == x
			}
			return slices.Contains(path, p.graph.ASN(x))
		}
		if at.as == x {
			return true
		}
		n = at.parent
	}
}

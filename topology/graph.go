// Package topology is the map: autonomous systems (ASes), the business
// relationships between them, and where they are.
//
// Modelled: one node for each AS; provider-to-customer and peer-to-peer links;
// a location for some ASes. Not modelled: several links between the same two
// ASes, hybrid or partial-transit relationships, siblings, routers and
// points of presence inside an AS, capacities.
//
// A [Graph] is immutable once [Builder.Build] has returned it and safe for
// concurrent use.
package topology

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mpicsim/topology/place"
)

// ASN is an autonomous system number (RFC 6793: 32 bits).
type ASN uint32

// String returns the number in asplain notation (RFC 5396), without "AS".
func (a ASN) String() string { return strconv.FormatUint(uint64(a), 10) }

// ParseASN reads an AS number in asplain notation, with or without a leading
// "AS". AS 0 is refused (RFC 7607).
func ParseASN(s string) (ASN, error) {
	digits := s
	if len(s) > 2 && strings.EqualFold(s[:2], "AS") {
		digits = s[2:]
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("AS number %q: want a number from 1 to 4294967295", s)
	}
	return ASN(n), nil
}

// Relationship says what a neighbour is to an AS, or how the AS learnt a route.
// Lower values are preferred (Gao-Rexford).
type Relationship uint8

// The relationships. Own marks a route that the AS itself announces.
const (
	Own Relationship = iota
	Customer
	Peer
	Provider
)

func (r Relationship) String() string {
	switch r {
	case Own:
		return "own"
	case Customer:
		return "customer"
	case Peer:
		return "peer"
	case Provider:
		return "provider"
	default:
		return fmt.Sprintf("Relationship(%d)", uint8(r))
	}
}

// Graph is an AS-level topology in compressed sparse rows. ASes are numbered
// from 0 to Len()-1 in ascending order of their AS numbers, so that comparing
// two indexes compares two AS numbers. The zero value is an empty graph.
type Graph struct {
	asns      []ASN
	adjacency adjacency
	places    []place.Location
	placed    []bool
	links     int
}

// Len returns the number of ASes.
func (g *Graph) Len() int { return len(g.asns) }

// Links returns the number of links; each is counted once.
func (g *Graph) Links() int { return g.links }

// LinksOf returns how many links are provider-to-customer and how many are
// peer-to-peer.
func (g *Graph) LinksOf() (transit, peering int) {
	return len(g.adjacency.of(Customer).to), len(g.adjacency.of(Peer).to) / 2
}

// String returns one line for people: how many ASes, links of each kind and
// known places.
func (g *Graph) String() string {
	transit, peering := g.LinksOf()
	return fmt.Sprintf("%d ASes, %d provider-to-customer and %d peer-to-peer links, %d ASes placed",
		g.Len(), transit, peering, g.Placed())
}

// ASN returns the AS number of index i.
func (g *Graph) ASN(i int32) ASN { return g.asns[i] }

// ASNs returns all AS numbers in ascending order. The caller must not change
// the slice.
func (g *Graph) ASNs() []ASN { return g.asns }

// Index returns the index of an AS, and whether the graph holds it.
func (g *Graph) Index(asn ASN) (int32, bool) {
	i, ok := slices.BinarySearch(g.asns, asn)
	return int32(i), ok
}

// Neighbors returns the indexes, ascending, of the neighbours of AS i that are
// its customers, peers or providers, as rel says. The caller must not change
// the slice. It panics for Own.
func (g *Graph) Neighbors(i int32, rel Relationship) []int32 {
	return g.adjacency.of(rel).row(i)
}

// Providers returns the indexes of the providers of AS i, ascending. The caller
// must not change the slice.
func (g *Graph) Providers(i int32) []int32 { return g.Neighbors(i, Provider) }

// Customers returns the indexes of the customers of AS i, ascending. The caller
// must not change the slice.
func (g *Graph) Customers(i int32) []int32 { return g.Neighbors(i, Customer) }

// Peers returns the indexes of the peers of AS i, ascending. The caller must
// not change the slice.
func (g *Graph) Peers(i int32) []int32 { return g.Neighbors(i, Peer) }

// Degree returns the number of links of AS i.
func (g *Graph) Degree(i int32) int {
	return len(g.Providers(i)) + len(g.Customers(i)) + len(g.Peers(i))
}

// RelationshipTo returns what AS j is to AS i, and whether they are linked.
func (g *Graph) RelationshipTo(i, j int32) (Relationship, bool) {
	for _, rel := range []Relationship{Customer, Peer, Provider} {
		if _, ok := slices.BinarySearch(g.Neighbors(i, rel), j); ok {
			return rel, true
		}
	}
	return Own, false
}

// Place returns where AS i is, and whether that is known.
func (g *Graph) Place(i int32) (place.Location, bool) {
	if g.places == nil || !g.placed[i] {
		return place.Location{}, false
	}
	return g.places[i], true
}

// Placed returns how many ASes have a known place.
func (g *Graph) Placed() int {
	n := 0
	for _, p := range g.placed {
		if p {
			n++
		}
	}
	return n
}

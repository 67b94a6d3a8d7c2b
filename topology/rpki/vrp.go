package rpki

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"mpicsim/topology"
)

// VRP is a validated ROA payload (RFC 6811 section 2): Origin may announce Prefix
// and everything in it up to MaxLength.
type VRP struct {
	// Prefix has no host bits set and is not an IPv4 prefix written as IPv6.
	Prefix netip.Prefix
	// MaxLength is in bits, from the length of Prefix to 32 or 128. It has no
	// default here: a ROA without one stands for the length of its prefix, and what
	// reads files fills that in.
	MaxLength int
	// Origin 0 makes a statement too: nobody may announce the prefix (RFC 6483
	// section 4).
	Origin topology.ASN
	// TrustAnchor is where it comes from, such as "arin"; it may be empty and
	// has no influence.
	TrustAnchor string
}

// String returns the payload for people: "10.0.0.0/8-24 AS 64500 (arin)".
func (v VRP) String() string {
	s := v.Prefix.String()
	if v.MaxLength != v.Prefix.Bits() {
		s = fmt.Sprintf("%s-%d", s, v.MaxLength)
	}
	s = fmt.Sprintf("%s AS %d", s, v.Origin)
	if v.TrustAnchor != "" {
		s += " (" + v.TrustAnchor + ")"
	}
	return s
}

// check returns what is wrong with the payload, by field.
func (v VRP) check() error {
	if err := checkPrefix(v.Prefix); err != nil {
		return err
	}
	if low, high := v.Prefix.Bits(), v.Prefix.Addr().BitLen(); v.MaxLength < low || v.MaxLength > high {
		return fmt.Errorf("max length %d of %v: want %d to %d", v.MaxLength, v.Prefix, low, high)
	}
	return nil
}

// checkPrefix returns what keeps a prefix out of a VRP.
func checkPrefix(p netip.Prefix) error {
	switch {
	case !p.IsValid():
		return fmt.Errorf("prefix %v: want an IPv4 or IPv6 prefix", p)
	case p.Addr().Is4In6():
		return fmt.Errorf("prefix %v: want IPv4 in its own notation, not inside IPv6", p)
	case p != p.Masked():
		return fmt.Errorf("prefix %v: want %v, without host bits", p, p.Masked())
	}
	return nil
}

// VRPs is a set of payloads, prepared for validation. It takes 32 bytes for each
// prefix and 12 for each payload, and what its lists have room for beyond that.
type VRPs struct {
	v4, v6  table
	anchors []string // anchors[0] is ""
}

// table holds the VRPs of one address family. Prefixes are in ascending order of
// address, then length, so that a prefix comes right before all that it covers.
type table struct {
	nodes    []node
	payloads []payload
}

// node is one prefix that has VRPs: payloads[first:] up to those of the next node.
type node struct {
	key    key
	parent int32 // the longest shorter prefix that covers it; -1: none
	first  int32
}

// key is a prefix whose bits stand at the top of (hi, lo). Lengths of more than 64
// bits are rare, but exist.
type key struct {
	hi, lo uint64
	bits   uint8
}

type payload struct {
	origin topology.ASN
	anchor uint32
	max    uint8
}

// NewVRPs returns the set of the VRPs, which it does not keep. Equal ones count
// once; those that differ in their trust anchor alone are kept. It returns an error
// that names the first payload that is out of range.
func NewVRPs(vrps []VRP) (*VRPs, error) {
	if len(vrps) > math.MaxInt32 {
		return nil, fmt.Errorf("%d VRPs: want at most %d", len(vrps), math.MaxInt32)
	}
	for i, v := range vrps {
		if err := v.check(); err != nil {
			return nil, fmt.Errorf("VRP %d (AS %d): %w", i, v.Origin, err)
		}
	}
	sorted := slices.Clone(vrps)
	slices.SortFunc(sorted, compareVRPs)
	sorted = slices.Compact(sorted)
	set := &VRPs{anchors: []string{""}}
	index := map[string]uint32{"": 0}
	for _, v := range sorted {
		anchor, ok := index[v.TrustAnchor]
		if !ok {
			anchor = uint32(len(set.anchors))
			index[v.TrustAnchor] = anchor
			set.anchors = append(set.anchors, v.TrustAnchor)
		}
		set.family(v.Prefix).add(keyOf(v.Prefix), payload{origin: v.Origin, anchor: anchor, max: uint8(v.MaxLength)})
	}
	return set, nil
}

// compareVRPs orders by prefix as a table does, then by the other fields.
func compareVRPs(a, b VRP) int {
	return cmp.Or(
		a.Prefix.Addr().Compare(b.Prefix.Addr()), // IPv4 first
		cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()),
		cmp.Compare(a.MaxLength, b.MaxLength),
		cmp.Compare(a.Origin, b.Origin),
		cmp.Compare(a.TrustAnchor, b.TrustAnchor),
	)
}

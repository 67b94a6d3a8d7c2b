package rpki

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"slices"
	"sort"

	"mpicsim/topology"
)

// Len returns the number of payloads.
func (s *VRPs) Len() int {
	if s == nil {
		return 0
	}
	return len(s.v4.payloads) + len(s.v6.payloads)
}

// All returns the payloads in ascending order: IPv4 first, then by address, length,
// maximum length, origin and trust anchor. To add payloads to a set, collect them,
// append, and make a new set.
func (s *VRPs) All() iter.Seq[VRP] {
	return func(yield func(VRP) bool) {
		if s == nil {
			return
		}
		for _, t := range []*table{&s.v4, &s.v6} {
			for at := range t.nodes {
				prefix := t.nodes[at].key.prefix(t == &s.v4)
				for _, p := range t.of(int32(at)) {
					if !yield(s.vrp(prefix, p)) {
						return
					}
				}
			}
		}
	}
}

// vrp returns a payload as it was given.
func (s *VRPs) vrp(prefix netip.Prefix, p payload) VRP {
	return VRP{Prefix: prefix, MaxLength: int(p.max), Origin: p.origin, TrustAnchor: s.anchors[p.anchor]}
}

// Validate returns the state of a route to prefix from origin (RFC 6811 section
// 2). Origin 0 stands for a route without one: no payload matches it, nor does a
// payload of AS 0 match anything (RFC 6483 section 4, RFC 7607). Host bits of the
// prefix do not count; the zero prefix is NotFound. It does not allocate.
func (s *VRPs) Validate(prefix netip.Prefix, origin topology.ASN) Validity {
	if s == nil || !prefix.IsValid() {
		return NotFound
	}
	k, t := keyOf(prefix), s.family(prefix)
	at := t.longest(k)
	if at < 0 {
		return NotFound
	}
	if origin == 0 {
		return Invalid
	}
	for ; at >= 0; at = t.nodes[at].parent {
		for _, p := range t.of(at) {
			if p.origin == origin && k.bits <= p.max {
				return Valid
			}
		}
	}
	return Invalid
}

// Covering returns the payloads whose prefix covers the prefix or equals it,
// whatever their maximum length, in ascending order of length, maximum length,
// origin and trust anchor; nil if there are none.
func (s *VRPs) Covering(prefix netip.Prefix) []VRP {
	if s == nil || !prefix.IsValid() {
		return nil
	}
	k, t := keyOf(prefix), s.family(prefix)
	var chain []int32
	for at := t.longest(k); at >= 0; at = t.nodes[at].parent {
		chain = append(chain, at)
	}
	var out []VRP
	for _, at := range slices.Backward(chain) {
		covering := t.nodes[at].key.prefix(t == &s.v4)
		for _, p := range t.of(at) {
			out = append(out, s.vrp(covering, p))
		}
	}
	return out
}

// family returns the table that a prefix belongs to.
func (s *VRPs) family(p netip.Prefix) *table {
	if p.Addr().Is4() {
		return &s.v4
	}
	return &s.v6
}

// keyOf returns a valid prefix as a key, host bits cleared.
func keyOf(p netip.Prefix) key {
	k := key{bits: uint8(p.Bits())}
	if p.Addr().Is4() {
		a := p.Addr().As4()
		k.hi = uint64(binary.BigEndian.Uint32(a[:])) << 32
	} else {
		a := p.Addr().As16()
		k.hi, k.lo = binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
	}
	return k.truncated(k.bits)
}

// prefix returns the prefix that a key stands for.
func (k key) prefix(is4 bool) netip.Prefix {
	var a [16]byte
	binary.BigEndian.PutUint64(a[:8], k.hi)
	binary.BigEndian.PutUint64(a[8:], k.lo)
	if is4 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(a[:4])), int(k.bits))
	}
	return netip.PrefixFrom(netip.AddrFrom16(a), int(k.bits))
}

// truncated returns the first bits of a key. Go shifts all bits out where the count
// is 64 or more.
func (k key) truncated(bits uint8) key {
	if bits <= 64 {
		return key{hi: k.hi &^ (^uint64(0) >> bits), bits: bits}
	}
	return key{hi: k.hi, lo: k.lo &^ (^uint64(0) >> (bits - 64)), bits: bits}
}

// covers says whether the prefix k covers the prefix other or equals it.
func (k key) covers(other key) bool { return k.bits <= other.bits && other.truncated(k.bits) == k }

// after says whether k comes after other in a table.
func (k key) after(other key) bool {
	if k.hi != other.hi {
		return k.hi > other.hi
	}
	if k.lo != other.lo {
		return k.lo > other.lo
	}
	return k.bits > other.bits
}

// add appends a payload. Prefixes come in a table's order.
func (t *table) add(k key, p payload) {
	if last := len(t.nodes) - 1; last < 0 || t.nodes[last].key != k {
		parent := int32(last)
		for parent >= 0 && !t.nodes[parent].key.covers(k) {
			parent = t.nodes[parent].parent
		}
		t.nodes = append(t.nodes, node{key: k, parent: parent, first: int32(len(t.payloads))})
	}
	t.payloads = append(t.payloads, p)
}

// of returns the payloads of a node.
func (t *table) of(at int32) []payload {
	if int(at)+1 == len(t.nodes) {
		return t.payloads[t.nodes[at].first:]
	}
	return t.payloads[t.nodes[at].first:t.nodes[at+1].first]
}

// longest returns the node of the longest prefix that covers k, or -1. What covers
// k comes at or before k; all that stands between the two lies in it as well. So the
// last node not after k is the one sought or below it.
func (t *table) longest(k key) int32 {
	at := int32(sort.Search(len(t.nodes), func(i int) bool { return t.nodes[i].key.after(k) })) - 1
	for at >= 0 && !t.nodes[at].key.covers(k) {
		at = t.nodes[at].parent
	}
	return at
}

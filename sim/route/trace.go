package route

import (
	"fmt"
	"net/netip"
)

// Fate is what becomes of packets.
type Fate uint8

// The fates.
const (
	// Delivered: they reach an AS that announces the prefix and uses its announcement.
	Delivered Fate = iota
	// Unrouted: they reach an AS without a route.
	Unrouted
	// Blackholed: they reach an AS that drops them on purpose ([Policy].ROVPP).
	Blackholed
	// Looping: they go round in circles.
	Looping
)

func (f Fate) String() string {
	switch f {
	case Delivered:
		return "delivered"
	case Unrouted:
		return "unrouted"
	case Blackholed:
		return "blackholed"
	case Looping:
		return "looping"
	default:
		return fmt.Sprintf("Fate(%d)", uint8(f))
	}
}

// Trace follows packets for the prefix from AS i, next hop by next hop, and
// returns where they end and how. Without announcements that forward
// ([Announcement].Forwards) they follow the AS path to the announcer. The end of a
// loop is some AS in it. Prefixes other than this one do not count; see
// [Table.Trace]. It does not allocate.
func (r *Routes) Trace(i int32) (end int32, fate Fate) {
	return follow(i, r.Graph().Len(), r.step, nil)
}

// AppendTrace is [Routes.Trace] that appends the graph indexes of all ASes that
// the packets pass, from i to the end, to hops. Of a loop it appends one round at
// least.
func (r *Routes) AppendTrace(hops []int32, i int32) ([]int32, Fate) {
	_, fate := follow(i, r.Graph().Len(), r.step, func(at int32) { hops = append(hops, at) })
	return hops, fate
}

func (r *Routes) step(i int32) (next int32, fate Fate) {
	next, own, ok := r.NextHop(i)
	switch {
	case !ok:
		return -1, Unrouted
	case own:
		return -1, Delivered
	}
	return next, Delivered
}

// Trace follows packets to addr from AS i, where every AS on the way looks up the
// longest prefix that it has a route for ([Table.Lookup]), and returns where they
// end and how. It does not allocate.
func (t *Table) Trace(i int32, addr netip.Addr) (end int32, fate Fate) {
	if len(t.routes) == 0 {
		return i, Unrouted
	}
	return follow(i, t.routes[0].Graph().Len(), func(i int32) (int32, Fate) { return t.step(i, addr) }, nil)
}

// AppendTrace is [Table.Trace] that appends the graph indexes of all ASes that the
// packets pass, from i to the end, to hops. Of a loop it appends one round at
// least.
func (t *Table) AppendTrace(hops []int32, i int32, addr netip.Addr) ([]int32, Fate) {
	if len(t.routes) == 0 {
		return append(hops, i), Unrouted
	}
	_, fate := follow(i, t.routes[0].Graph().Len(), func(i int32) (int32, Fate) { return t.step(i, addr) }, func(at int32) { hops = append(hops, at) })
	return hops, fate
}

func (t *Table) step(i int32, addr netip.Addr) (next int32, fate Fate) {
	r, hole := t.lookup(i, addr)
	switch {
	case hole != nil:
		return -1, Blackholed
	case r == nil:
		return -1, Unrouted
	}
	return r.step(i)
}

// follow takes steps from AS i until there is no next one. A loop is found by
// Brent's method: the walker meets an AS that it left a power of two of steps ago.
// n is the number of ASes.
func follow(i int32, n int, step func(int32) (int32, Fate), visit func(int32)) (end int32, fate Fate) {
	landmark := int32(-1)
	for steps, renew := 0, 1; ; steps++ {
		if visit != nil {
			visit(i)
		}
		if i == landmark || steps > 4*n {
			return i, Looping
		}
		if steps == renew {
			landmark, renew = i, 2*renew
		}
		next, fate := step(i)
		if next < 0 {
			return i, fate
		}
		i = next
	}
}

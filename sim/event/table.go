package event

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"mpicsim/sim/route"
)

// Table is the state of all prefixes at one time: what package route's Table is
// for routes that have settled. It is a view of its history, read-only and safe
// for concurrent use.
type Table struct {
	states  []State // in the order of History.Prefixes
	longest []State // longest prefix first
}

// At returns the state of all prefixes at a time, the changes of that moment
// included.
func (h *History) At(t time.Duration) *Table {
	table := &Table{states: make([]State, len(h.timelines))}
	for n, tl := range h.timelines {
		table.states[n] = tl.At(t)
	}
	table.longest = slices.Clone(table.states)
	slices.SortStableFunc(table.longest, func(a, b State) int { return cmp.Compare(b.Prefix().Bits(), a.Prefix().Bits()) })
	return table
}

// Times returns 0 and the moments at which some AS's best route changed, ascending,
// each rounded up to a multiple of grain, of which the same are counted once. With
// a grain of 0 they are exact. Between two of them, and with a grain of 0, nothing
// changes: they are the epochs of a forwarding table.
func (h *History) Times(grain time.Duration) []time.Duration {
	out := []time.Duration{0}
	for _, tl := range h.timelines {
		out = append(out, tl.Times(grain)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// States returns the states in the order of [History.Prefixes]. The caller must not
// change the slice.
func (t *Table) States() []State { return t.states }

// Get returns the state of exactly prefix p, and whether there is one.
func (t *Table) Get(p netip.Prefix) (State, bool) {
	for _, s := range t.states {
		if s.Prefix() == p {
			return s, true
		}
	}
	return State{}, false
}

// Lookup returns the state of the longest prefix that contains addr and for which
// AS i (a graph index) has a route; false if there is none or the AS drops such
// packets ([Table.Blackhole]). An IPv4-mapped address is looked up as the IPv4
// address that it stands for.
func (t *Table) Lookup(i int32, addr netip.Addr) (State, bool) {
	s, hole := t.lookup(i, addr)
	return s, s.tl != nil && hole.tl == nil
}

// Blackhole returns the state of the prefix because of which AS i drops packets to
// addr, and whether there is one, as [route.Table.Blackhole] does.
func (t *Table) Blackhole(i int32, addr netip.Addr) (State, bool) {
	_, hole := t.lookup(i, addr)
	return hole, hole.tl != nil
}

// lookup returns the state of the longest prefix that AS i has a route for, and
// that of the longest blackhole below it; zero values for none.
func (t *Table) lookup(i int32, addr netip.Addr) (s, hole State) {
	addr = addr.Unmap()
	for n, s := range t.longest {
		if !s.Prefix().Contains(addr) {
			continue
		}
		e := s.entry(i)
		switch {
		case e.node == noNode:
			continue
		case e.slot == noSlot:
			return s, State{}
		}
		for _, q := range t.longest[:n] {
			if q.Prefix().Bits() > s.Prefix().Bits() && q.Prefix().Contains(addr) && q.hearsInvalid(e.slot) {
				return s, q
			}
		}
		return s, State{}
	}
	return State{}, State{}
}

// Trace follows packets to addr from AS i, where every AS on the way looks up the
// longest prefix that it has a route for, and returns where they end and how, if
// nothing changes while they are under way.
func (t *Table) Trace(i int32, addr netip.Addr) (end int32, fate route.Fate) {
	hops, fate := t.AppendTrace(nil, i, addr)
	return hops[len(hops)-1], fate
}

// AppendTrace is [Table.Trace] that appends the graph indexes of all ASes that the
// packets pass, from i to the end, to hops. Of a loop it appends one round and the
// AS that closes it.
func (t *Table) AppendTrace(hops []int32, i int32, addr netip.Addr) ([]int32, route.Fate) {
	return follow(hops, i, func(i int32) (int32, route.Fate) {
		s, hole := t.lookup(i, addr)
		switch {
		case hole.tl != nil:
			return -1, route.Blackholed
		case s.tl == nil:
			return -1, route.Unrouted
		}
		return s.step(i)
	})
}

// follow takes steps from AS i until there is no next one or one comes again.
func follow(hops []int32, i int32, step func(int32) (next int32, fate route.Fate)) ([]int32, route.Fate) {
	from := len(hops)
	for {
		looping := slices.Contains(hops[from:], i)
		hops = append(hops, i)
		if looping {
			return hops, route.Looping
		}
		next, fate := step(i)
		if next < 0 {
			return hops, fate
		}
		i = next
	}
}

// rumours are the invalid routes that ASes with ROV++ hear, which they reject but
// act on: for each slot the times at which one came, or, after an odd number of
// times, ceased.
type rumours struct {
	turns map[int32][]time.Duration // nil if no AS has the policy
}

// hear notes whether what is now heard at slot s is invalid.
func (r *rumours) hear(s int32, at time.Duration, invalid bool) {
	if r.turns == nil {
		return
	}
	if n := len(r.turns[s]); invalid != (n%2 == 1) {
		r.turns[s] = append(r.turns[s], at)
	}
}

// settle makes what is heard now what is heard at time 0.
func (r *rumours) settle() {
	for s, turns := range r.turns {
		if len(turns)%2 == 1 {
			r.turns[s] = []time.Duration{0}
		} else {
			delete(r.turns, s)
		}
	}
}

// hearsInvalid says whether the owner of a slot, who follows ROV++, hears an
// invalid route there.
func (s State) hearsInvalid(slot int32) bool {
	turns := s.tl.rumours.turns[slot]
	n, _ := slices.BinarySearchFunc(turns, s.at, func(turn, at time.Duration) int {
		if turn <= at {
			return -1
		}
		return 1
	})
	return n%2 == 1
}

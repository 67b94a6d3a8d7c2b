package route

import (
	"cmp"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"mpicsim/topology"
)

// Table holds the routes of several prefixes. The zero value is empty and ready
// to use. It is safe for concurrent reading.
type Table struct {
	routes []*Routes // longest prefix first
}

// Add adds the routes of a prefix, in place of those that the table may hold
// for it.
func (t *Table) Add(r *Routes) {
	at, found := slices.BinarySearchFunc(t.routes, r.Prefix(), func(r *Routes, p netip.Prefix) int {
		return comparePrefixes(r.Prefix(), p)
	})
	if found {
		t.routes[at] = r
		return
	}
	t.routes = slices.Insert(t.routes, at, r)
}

// comparePrefixes orders longer prefixes first, then by address, IPv4 first.
func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(cmp.Compare(b.Bits(), a.Bits()), a.Addr().Compare(b.Addr()))
}

// Routes returns the routes of all prefixes: longest first, then by address. The
// caller must not change the slice.
func (t *Table) Routes() []*Routes { return t.routes }

// Get returns the routes of exactly prefix p, nil if there are none.
func (t *Table) Get(p netip.Prefix) *Routes {
	for _, r := range t.routes {
		if r.Prefix() == p {
			return r
		}
	}
	return nil
}

// Lookup returns the routes of the longest prefix that contains addr and for
// which AS i (a graph index) has a route; nil, false if there is none or the AS
// drops such packets ([Table.Blackhole]). An IPv4-mapped address is looked up as the
// IPv4 address that it stands for.
func (t *Table) Lookup(i int32, addr netip.Addr) (*Routes, bool) {
	r, hole := t.lookup(i, addr)
	if r == nil || hole != nil {
		return nil, false
	}
	return r, true
}

// Blackhole returns the routes of the prefix because of which AS i drops packets
// to addr, and whether there is one: it follows ROV++ ([Policy].ROVPP), has a route
// for a prefix that contains addr, and its next hop there sends it an invalid
// route for a longer prefix that contains addr too.
func (t *Table) Blackhole(i int32, addr netip.Addr) (*Routes, bool) {
	_, hole := t.lookup(i, addr)
	return hole, hole != nil
}

// lookup returns the routes of the longest prefix that AS i has a route for, and
// those of the longest blackhole below it; nil for nothing.
func (t *Table) lookup(i int32, addr netip.Addr) (r, hole *Routes) {
	addr = addr.Unmap()
	for n, r := range t.routes {
		if !r.Prefix().Contains(addr) {
			continue
		}
		k := r.at(i)
		if k == noRoute {
			continue
		}
		if k.relationship() == topology.Own {
			return r, nil
		}
		for _, q := range t.routes[:n] {
			if q.options.Policies.has(i, rovpp) && q.Prefix().Contains(addr) && q.sendsInvalid(k.next(), i) {
				return r, q
			}
		}
		return r, nil
	}
	return nil, nil
}

// PropagateAll groups announcements by prefix and propagates each group with
// the order of its announcements kept, on up to GOMAXPROCS goroutines; the
// result does not depend on how many. The error, if any, is that of the first
// announcement at fault, counted from 1 in anns. Without announcements the
// table is empty.
func (e *Engine) PropagateAll(anns []Announcement, o Options) (*Table, error) {
	for n := range anns { // before they are grouped, so that errors count as the caller does
		if err := e.checkOne(&anns[n]); err != nil {
			return nil, fmt.Errorf("announcement %d (%v): %w", n+1, anns[n], err)
		}
	}
	groups := groupByPrefix(anns)
	results, errs := make([]*Routes, len(groups)), make([]error, len(groups))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(len(groups), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			var s scratch
			for n := int(next.Add(1)) - 1; n < len(groups); n = int(next.Add(1)) - 1 {
				results[n] = &Routes{}
				errs[n] = e.propagate(results[n], &s, groups[n], o)
			}
		})
	}
	workers.Wait()
	t := &Table{}
	for n, r := range results {
		if errs[n] != nil {
			return nil, errs[n]
		}
		t.Add(r)
	}
	return t, nil
}

// groupByPrefix returns the announcements of each prefix, prefixes in the order
// in which they first appear.
func groupByPrefix(anns []Announcement) [][]Announcement {
	var groups [][]Announcement
	at := map[netip.Prefix]int{}
	for _, a := range anns {
		n, ok := at[a.Prefix]
		if !ok {
			n = len(groups)
			at[a.Prefix] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], a)
	}
	return groups
}

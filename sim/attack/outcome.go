package attack

import (
	"fmt"
	"net/netip"
	"slices"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Outcome is where packets to one address go.
type Outcome struct {
	// Table holds the routes of every prefix that holds the address.
	Table   *route.Table
	Address netip.Addr
	// Captured says, by graph index, whose packets reach the attacker, to stay or to
	// be handed on. The attacker's own do.
	Captured []bool
	// Kept is the way of the attacker's own packets, itself first, where they are
	// delivered to another AS; else nil.
	Kept []int32
}

// Count returns how many ASes are captured, the attacker not counted.
func (o *Outcome) Count() int {
	n := -1
	for _, c := range o.Captured {
		if c {
			n++
		}
	}
	return n
}

// Outcome returns what comes of announcements, those of the attack and those
// without it, for packets to an address. Announcements of prefixes that do not
// hold it do not count. The options' policies must be those of the time: a [Plan]
// that changes the RPKI needs others.
func (in Setting) Outcome(anns []route.Announcement, attacker int32, addr netip.Addr) (*Outcome, error) {
	anns = slices.DeleteFunc(slices.Clone(anns), func(a route.Announcement) bool { return !a.Prefix.Contains(addr) })
	table, err := in.Engine.PropagateAll(anns, in.Options)
	if err != nil {
		return nil, fmt.Errorf("routes to %v: %w", addr, err)
	}
	o := &Outcome{Table: table, Address: addr, Captured: captured(table, in.Engine.Graph().Len(), attacker, addr)}
	if hops, fate := table.AppendTrace(nil, attacker, addr); fate == route.Delivered && len(hops) > 1 {
		o.Kept = hops
	}
	return o, nil
}

// captured follows the packets of n ASes, each hop once: what is known of an AS
// holds for all before it.
func captured(table *route.Table, n int, attacker int32, addr netip.Addr) []bool {
	const (
		unknown = iota
		walking // on the present walk: met again, it is a loop without the attacker
		spared
		taken
	)
	state := make([]uint8, n)
	state[attacker] = taken
	var walk []int32
	for i := range int32(n) {
		walk = walk[:0]
		at := i
		for at >= 0 && state[at] == unknown {
			state[at] = walking
			walk = append(walk, at)
			at = nextHop(table, at, addr)
		}
		end := uint8(spared)
		if at >= 0 && state[at] == taken {
			end = taken
		}
		for _, x := range walk {
			state[x] = end
		}
	}
	out := make([]bool, n)
	for i, s := range state {
		out[i] = s == taken
	}
	return out
}

// nextHop returns where AS i sends packets, -1 for nowhere.
func nextHop(table *route.Table, i int32, addr netip.Addr) int32 {
	r, ok := table.Lookup(i, addr)
	if !ok {
		return -1
	}
	next, _, _ := r.NextHop(i)
	return next
}

// address returns the address whose packets count; the announced prefix holds it.
func (p *planning) address() netip.Addr {
	if p.Attack.Address.IsValid() {
		return p.Attack.Address
	}
	return p.Attack.Prefix.Addr()
}

// numbers returns the AS numbers of graph indexes.
func (p *planning) numbers(indexes []int32) []topology.ASN {
	var asns []topology.ASN
	for _, i := range indexes {
		asns = append(asns, p.in.Engine.Graph().ASN(i))
	}
	return asns
}

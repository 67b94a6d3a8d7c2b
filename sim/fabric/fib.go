package fabric

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/gaissmai/bart"
)

// PrefixRoutes says, for one prefix, where each AS sends packets. AS indexes
// are those of the fabric's graph. Package route's Routes is one. NextHop must
// be safe for concurrent use.
type PrefixRoutes interface {
	Prefix() netip.Prefix
	// NextHop returns the neighbour that AS i forwards to; own means that the
	// prefix is i's own and packets are delivered there; ok is false if i has no
	// route.
	NextHop(i int32) (next int32, own, ok bool)
}

// Epoch is the forwarding state from one virtual time to the next epoch's.
type Epoch struct {
	From   time.Duration
	Routes []PrefixRoutes
	// Drops, if not nil, says whether AS as drops packets for dst on purpose, although
	// it has a route. It must be safe for concurrent use.
	Drops func(as int32, dst netip.Addr) bool
	// Diverts are what hosts take of the packets that cross their AS.
	Diverts []Divert
}

// Divert is what is not forwarded although routes lead on: in AS, packets to an
// address in To, from one in From, go to the host of that AS that has the address
// they are for, as if the prefix were the AS's own. If there is none, or it sends
// them itself, they are forwarded.
type Divert struct {
	AS   int32
	From []netip.Prefix
	To   netip.Prefix
}

func (d *Divert) takes(as int32, src, dst netip.Addr) bool {
	return d.AS == as && d.To.Contains(dst) && slices.ContainsFunc(d.From, func(p netip.Prefix) bool { return p.Contains(src) })
}

// fib is the forwarding tables of all ASes over time: one trie of prefixes for
// each epoch, the per-AS part being the PrefixRoutes.
type fib struct {
	from   []time.Duration
	tables []forwardingTables
}

// forwardingTables are those of all ASes during one epoch.
type forwardingTables struct {
	*bart.Table[PrefixRoutes]
	drops   func(as int32, dst netip.Addr) bool
	diverts []Divert
}

func newFIB(epochs []Epoch) (*fib, error) {
	if len(epochs) == 0 || epochs[0].From != 0 {
		return nil, errors.New("epochs: the first must start at 0")
	}
	t := &fib{}
	for n, e := range epochs {
		if n > 0 && e.From <= epochs[n-1].From {
			return nil, fmt.Errorf("epoch %d starts at %v, want later than %v", n, e.From, epochs[n-1].From)
		}
		table := new(bart.Table[PrefixRoutes])
		for _, r := range e.Routes {
			if _, taken := table.Get(r.Prefix()); taken {
				return nil, fmt.Errorf("epoch %d: prefix %v is given twice", n, r.Prefix())
			}
			table.Insert(r.Prefix(), r)
		}
		t.from = append(t.from, e.From)
		t.tables = append(t.tables, forwardingTables{table, e.Drops, e.Diverts})
	}
	return t, nil
}

// at returns the tables in force at virtual time t.
func (t *fib) at(at time.Duration) *forwardingTables {
	n := sort.Search(len(t.from), func(n int) bool { return t.from[n] > at })
	return &t.tables[max(n-1, 0)]
}

// diverted says whether AS as takes a packet on its way.
func (t *forwardingTables) diverted(as int32, src, dst netip.Addr) bool {
	return slices.ContainsFunc(t.diverts, func(d Divert) bool { return d.takes(as, src, dst) })
}

// lookup returns AS as's next hop for dst by longest-prefix match among the
// prefixes that this AS has a route for.
func (t *forwardingTables) lookup(as int32, dst netip.Addr) (next int32, own, ok bool) {
	r, found := t.Lookup(dst)
	if !found || t.drops != nil && t.drops(as, dst) {
		return 0, false, false
	}
	if next, own, ok = r.NextHop(as); ok {
		return next, own, true
	}
	for _, shorter := range t.Supernets(r.Prefix()) {
		if next, own, ok = shorter.NextHop(as); ok {
			return next, own, true
		}
	}
	return 0, false, false
}

package fabric

import (
	"errors"
	"fmt"
	"net/netip"
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
}

// fib is the forwarding tables of all ASes over time: one trie of prefixes for
// each epoch, the per-AS part being the PrefixRoutes.
type fib struct {
	from   []time.Duration
	tables []*bart.Table[PrefixRoutes]
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
		t.tables = append(t.tables, table)
	}
	return t, nil
}

// at returns the tables in force at virtual time t.
func (t *fib) at(at time.Duration) *bart.Table[PrefixRoutes] {
	n := sort.Search(len(t.from), func(n int) bool { return t.from[n] > at })
	return t.tables[max(n-1, 0)]
}

// lookup returns AS as's next hop for dst by longest-prefix match among the
// prefixes that this AS has a route for.
func lookup(table *bart.Table[PrefixRoutes], as int32, dst netip.Addr) (next int32, own, ok bool) {
	r, found := table.Lookup(dst)
	if !found {
		return 0, false, false
	}
	if next, own, ok = r.NextHop(as); ok {
		return next, own, true
	}
	for _, shorter := range table.Supernets(r.Prefix()) {
		if next, own, ok = shorter.NextHop(as); ok {
			return next, own, true
		}
	}
	return 0, false, false
}

package replay

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"time"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/event"
	"mpicsim/sim/fabric"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// course is how routes go through the story under one tie-break: tables, each from
// one time to the next. It is read-only.
type course struct {
	from   []time.Duration
	tables []tables
	// history is nil if routes change everywhere at once.
	history *event.History
}

// tables are the routes of all prefixes: package route's or package event's.
type tables interface {
	// AppendTrace appends the ASes that packets pass, and says what becomes of them.
	AppendTrace(hops []int32, i int32, addr netip.Addr) ([]int32, route.Fate)
}

// forwarding returns the routes of all prefixes, and who drops packets on purpose.
func forwarding(t tables) (routes []fabric.PrefixRoutes, drops func(as int32, dst netip.Addr) bool) {
	switch t := t.(type) {
	case *route.Table:
		return prefixRoutes(t.Routes()), func(as int32, dst netip.Addr) bool { _, hole := t.Blackhole(as, dst); return hole }
	case *event.Table:
		return prefixRoutes(t.States()), func(as int32, dst netip.Addr) bool { _, hole := t.Blackhole(as, dst); return hole }
	}
	return nil, nil
}

func prefixRoutes[T fabric.PrefixRoutes](list []T) (out []fabric.PrefixRoutes) {
	for _, r := range list {
		out = append(out, r)
	}
	return out
}

// maxEpochs bounds how many tables a story has.
const maxEpochs = 20_000

// at returns the index of the tables in force at a time.
func (c *course) at(t time.Duration) int {
	return max(0, sort.Search(len(c.from), func(n int) bool { return c.from[n] > t })-1)
}

// courseOf computes the course of the prefixes that keep says, nil for all.
func (w *World) courseOf(o route.Options, keep func(netip.Prefix) bool) (*course, error) {
	if w.source.Routing.Convergence != nil {
		return w.converge(o, keep)
	}
	return w.settle(o, keep)
}

// settle has routes change everywhere at once. A prefix is propagated again only
// if its announcements, or the policies, have changed.
func (w *World) settle(o route.Options, keep func(netip.Prefix) bool) (*course, error) {
	type known struct {
		policies *route.Policies
		anns     string
	}
	done := map[known]*route.Routes{}
	c := &course{}
	for _, m := range w.moments {
		o.Policies = m.policies
		table := new(route.Table)
		for _, p := range m.anns.prefixes() {
			if keep != nil && !keep(p) {
				continue
			}
			k := known{m.policies, announcedKey(m.anns[p])}
			if done[k] == nil {
				r, err := w.engine.Propagate(m.anns[p], o)
				if err != nil {
					return nil, fmt.Errorf("routes for %v: %w", p, err)
				}
				done[k] = r
			}
			table.Add(done[k])
		}
		c.from, c.tables = append(c.from, m.from), append(c.tables, table)
	}
	return c, nil
}

// converge has routes change message by message. What is announced at the start of
// the story has settled.
func (w *World) converge(o route.Options, keep func(netip.Prefix) bool) (*course, error) {
	options := w.source.Routing.Convergence.Options()
	o.Policies = w.moments[0].policies
	options.Routing = o
	options.Delays = event.Delays{KmPerMs: w.delays.KmPerMs, PerHop: w.delays.PerHop, Unplaced: w.delays.Unplaced}
	h, err := event.Run(w.graph, w.schedule(keep), options)
	if err != nil {
		return nil, fmt.Errorf("convergence: %w", err)
	}
	c := &course{history: h, from: h.Times(w.source.Routing.Convergence.Fine())}
	for _, m := range w.moments {
		c.from = append(c.from, m.from)
	}
	slices.Sort(c.from)
	if c.from = slices.Compact(c.from); len(c.from) > maxEpochs {
		return nil, w.source.FieldError("routing.convergence.grain", fmt.Sprintf("%v: %d moments at which routes change", w.source.Routing.Convergence.Fine(), len(c.from)),
			fmt.Sprintf("a coarser grain, for %d at most; or a shorter max-time, if routes do not settle", maxEpochs))
	}
	for _, t := range c.from {
		c.tables = append(c.tables, h.At(t))
	}
	return c, nil
}

// schedule turns moments into changes.
func (w *World) schedule(keep func(netip.Prefix) bool) event.Schedule {
	of := func(m moment) announcements {
		out := announcements{}
		for p, list := range m.anns {
			if keep == nil || keep(p) {
				out[p] = list
			}
		}
		return out
	}
	before := of(w.moments[0])
	s := event.Schedule{Standing: before.all()}
	for _, m := range w.moments[1:] {
		now := of(m)
		if c := change(before, now); len(c.Withdraw)+len(c.Announce) > 0 {
			c.At = m.from
			s.Changes = append(s.Changes, c)
		}
		before = now
	}
	return s
}

// change says what leads from some announcements to others.
func change(before, now announcements) (c event.Change) {
	by := func(list []route.Announcement, as topology.ASN) (out []route.Announcement) {
		for _, a := range list {
			if a.Announcer() == as {
				out = append(out, a)
			}
		}
		return out
	}
	seen := map[event.Withdrawal]bool{}
	look := func(from announcements, each func(at event.Withdrawal)) {
		for _, p := range from.prefixes() {
			for _, a := range from[p] {
				if at := (event.Withdrawal{Prefix: p, AS: a.Announcer()}); !seen[at] {
					seen[at] = true
					each(at)
				}
			}
		}
	}
	look(now, func(at event.Withdrawal) {
		if is := by(now[at.Prefix], at.AS); !slices.EqualFunc(by(before[at.Prefix], at.AS), is, route.Announcement.Equal) {
			c.Announce = append(c.Announce, is...)
		}
	})
	look(before, func(at event.Withdrawal) { c.Withdraw = append(c.Withdraw, at) })
	return c
}

// epochs returns the course as forwarding tables.
func (w *World) epochs(c *course) []fabric.Epoch {
	holes := slices.ContainsFunc(w.source.Routing.Policies, func(p scenarios.RoutingPolicy) bool { return p.ROVPP })
	out := make([]fabric.Epoch, len(c.from))
	for n, from := range c.from {
		e := fabric.Epoch{From: from, Diverts: w.diverts(from)}
		if e.Routes, e.Drops = forwarding(c.tables[n]); !holes {
			e.Drops = nil // nobody is asked in vain
		}
		out[n] = e
	}
	return out
}

// momentAt returns what holds at a time.
func (w *World) momentAt(t time.Duration) *moment {
	n := sort.Search(len(w.moments), func(n int) bool { return w.moments[n].from > t })
	return &w.moments[max(0, n-1)]
}

// diverts returns what the attacker takes of the packets that he hands on: those of
// the CA's perspectives and coordinators.
func (w *World) diverts(at time.Duration) []fabric.Divert {
	handled := w.momentAt(at).handled
	if len(handled) == 0 {
		return nil
	}
	var from []netip.Prefix
	for _, name := range append(slices.Clone(w.order), scenarios.Coordinator) {
		prefixes, _ := w.hostsOfCA(name)
		for _, o := range prefixes {
			from = append(from, o.Prefix)
		}
	}
	as, _ := w.graph.Index(w.source.Attacker.AS)
	var out []fabric.Divert
	for _, p := range handled {
		out = append(out, fabric.Divert{AS: as, From: from, To: p})
	}
	return out
}

// describeConvergence says how the changed prefixes came to rest, or not.
func (w *World) describeConvergence() []result.Convergence {
	if w.course.history == nil {
		return nil
	}
	var out []result.Convergence
	for _, tl := range w.course.history.Timelines() {
		if len(tl.Phases()) == 0 && tl.Outcome() == event.Converged {
			continue
		}
		c := result.Convergence{Prefix: tl.Prefix().String(), Outcome: tl.Outcome().String(), Changes: []result.RouteChange{}}
		for _, p := range tl.Phases() {
			c.Changes = append(c.Changes, result.RouteChange{
				At: p.At, Messages: p.Announcements + p.Withdrawals, Decisions: p.Decisions, Settled: p.Settled,
			})
		}
		for _, a := range tl.Cycle() {
			alt := result.Alternation{AS: a.AS, Paths: [][]topology.ASN{}}
			for _, r := range a.Routes {
				alt.Paths = append(alt.Paths, append([]topology.ASN{}, r.Path...))
			}
			c.Cycle = append(c.Cycle, alt)
		}
		out = append(out, c)
	}
	return out
}

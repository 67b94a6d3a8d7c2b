package event

import (
	"net/netip"
	"slices"
	"sort"
	"time"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// History is what came out of a run: for each prefix, which AS had which best
// route when. It is read-only and safe for concurrent use.
type History struct {
	net       *network
	prefixes  []netip.Prefix
	timelines []*Timeline
}

// Graph returns the topology.
func (h *History) Graph() *topology.Graph { return h.net.graph }

// Prefixes returns all prefixes that are announced at some time, by address and
// then length. The caller must not change the slice.
func (h *History) Prefixes() []netip.Prefix { return h.prefixes }

// Timelines returns the timeline of each prefix, in the order of Prefixes. The
// caller must not change the slice.
func (h *History) Timelines() []*Timeline { return h.timelines }

// Of returns the timeline of a prefix, nil if it is never announced.
func (h *History) Of(p netip.Prefix) *Timeline {
	if n := slices.Index(h.prefixes, p); n >= 0 {
		return h.timelines[n]
	}
	return nil
}

// Outcome says how a run for one prefix ended.
type Outcome uint8

// The outcomes.
const (
	// Converged: after the last change there came a time when no message was under
	// way and none was waiting.
	Converged Outcome = iota
	// Oscillates: a bound of Options was reached while ASes kept going back to
	// routes that they had had before. See [Timeline.Cycle].
	Oscillates
	// Unfinished: a bound was reached before, without such ASes.
	Unfinished
)

func (o Outcome) String() string {
	switch o {
	case Converged:
		return "converged"
	case Oscillates:
		return "oscillates"
	case Unfinished:
		return "unfinished"
	default:
		return "unknown"
	}
}

// Phase is what happened from one change of the schedule until the next.
type Phase struct {
	// At is the time of the change.
	At time.Duration
	// Announcements and Withdrawals are the messages sent.
	Announcements, Withdrawals int
	// Decisions is how often an AS's best route changed.
	Decisions int
	// Settled is the time of the last such change, and Quiet the time when the last
	// message had been processed: both At if nothing happened. The convergence time
	// is Settled - At.
	Settled, Quiet time.Duration
}

// Message is one UPDATE.
type Message struct {
	// Sent, Received: Received is when it had been processed by To.
	Sent, Received time.Duration
	From, To       int32
	// Path is the AS path as sent, nil for a withdrawal.
	Path []topology.ASN
	// Lost: the session went down before it was processed.
	Lost bool
}

// Decision is a best route, and from when on an AS has it.
type Decision struct {
	At time.Duration
	// Route is as in package route; Announcement is an index into
	// [Timeline.Announcements].
	Route route.Route
	// OK is false if the AS has no route; Route then has -1 as next hop.
	OK bool
	// Path is the AS path with the AS's own number first.
	Path []topology.ASN
}

// Timeline is the history of one prefix. It is read-only and safe for concurrent
// use.
type Timeline struct {
	net      *network
	part     *part
	paths    *paths
	off      []int32 // per AS: its entries
	entries  []entry
	phases   []Phase
	standing Phase
	outcome  Outcome
	cycle    []Alternation
	messages []Message
	rumours  rumours
}

// entry is a best route at one AS: node and the slot of the session that it came
// over, noSlot for an own one, and noNode without a route.
type entry struct {
	at         time.Duration
	node, slot int32
}

// Prefix returns the prefix.
func (tl *Timeline) Prefix() netip.Prefix { return tl.part.prefix }

// Announcements returns all announcements for the prefix that there were at some
// time, the standing ones first, then in the order in which they began. The caller
// must not change the slice.
func (tl *Timeline) Announcements() []route.Announcement { return tl.part.anns }

// Outcome says how the run ended.
func (tl *Timeline) Outcome() Outcome { return tl.outcome }

// Cycle returns the ASes that keep changing their mind, ascending, if the outcome
// is Oscillates.
func (tl *Timeline) Cycle() []Alternation { return tl.cycle }

// Phases returns one phase for each moment at which something changed for the
// prefix, in order. It does not hold what happened before time 0.
func (tl *Timeline) Phases() []Phase { return tl.phases }

// Standing returns what it took to settle the standing announcements, with times
// counted from their own beginning, long before time 0.
func (tl *Timeline) Standing() Phase { return tl.standing }

// Messages returns all messages from time 0 on in the order in which they were
// sent, if Options.Record is set.
func (tl *Timeline) Messages() []Message { return tl.messages }

// Decisions returns the best routes that AS i (a graph index) had, in order. The
// first is that at time 0, if the AS had one then.
func (tl *Timeline) Decisions(i int32) []Decision {
	rows := tl.entries[tl.off[i]:tl.off[i+1]]
	out := make([]Decision, len(rows))
	for n, e := range rows {
		out[n].At = e.at
		out[n].Route, out[n].OK = tl.route(e)
		out[n].Path = tl.appendPath(nil, i, e)
	}
	return out
}

// Times returns the moments at which some AS's best route changed, ascending, each
// rounded up to a multiple of grain, of which the same are counted once. With a
// grain of 0 they are exact.
func (tl *Timeline) Times(grain time.Duration) []time.Duration {
	out := make([]time.Duration, 0, len(tl.entries))
	for _, e := range tl.entries {
		at := e.at
		if grain > 0 {
			at = (at + grain - 1) / grain * grain
		}
		out = append(out, at)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// At returns the state at a time, the changes of that moment included.
func (tl *Timeline) At(t time.Duration) State { return State{tl, t} }

// End returns the state after everything.
func (tl *Timeline) End() State { return State{tl, 1<<63 - 1} }

func (tl *Timeline) route(e entry) (route.Route, bool) {
	if e.node == noNode {
		return route.Route{NextHop: -1, Announcement: -1}, false
	}
	n := tl.paths.at(e.node)
	if e.slot == noSlot {
		return route.Route{Relationship: topology.Own, Length: int(n.length), NextHop: -1, Announcement: int(n.ann)}, true
	}
	return route.Route{
		Relationship: tl.net.rel[e.slot], Length: int(n.length) + 1,
		NextHop: tl.net.peer[e.slot], Announcement: int(n.ann),
	}, true
}

func (tl *Timeline) appendPath(path []topology.ASN, i int32, e entry) []topology.ASN {
	switch {
	case e.node == noNode:
		return path
	case e.slot != noSlot:
		path = append(path, tl.net.graph.ASN(i))
	}
	return tl.paths.append(path, e.node)
}

// State is the best routes of all ASes for one prefix at one time. It is a view
// of its timeline, costs nothing to copy and is safe for concurrent use. Methods
// that take an AS take its index in the graph.
type State struct {
	tl *Timeline
	at time.Duration
}

// Time returns the time of the state.
func (s State) Time() time.Duration { return s.at }

// Prefix returns the prefix that the routes are for.
func (s State) Prefix() netip.Prefix { return s.tl.Prefix() }

// entry returns what holds at AS i.
func (s State) entry(i int32) entry {
	rows := s.tl.entries[s.tl.off[i]:s.tl.off[i+1]]
	n := sort.Search(len(rows), func(n int) bool { return rows[n].at > s.at })
	if n == 0 {
		return entry{node: noNode, slot: noSlot}
	}
	return rows[n-1]
}

// Route returns the best route of AS i, and whether it has any.
func (s State) Route(i int32) (route.Route, bool) { return s.tl.route(s.entry(i)) }

// NextHop returns where AS i sends packets for the prefix, as [route.Routes.NextHop]
// does.
func (s State) NextHop(i int32) (next int32, own, ok bool) {
	e := s.entry(i)
	switch {
	case e.node == noNode:
		return -1, false, false
	case e.slot == noSlot:
		return -1, true, true
	}
	return s.tl.net.peer[e.slot], false, true
}

// Path returns the AS path of AS i, its own number first; nil without a route.
func (s State) Path(i int32) []topology.ASN { return s.tl.appendPath(nil, i, s.entry(i)) }

// Announcement returns the announcement that the best route of AS i goes back to,
// and whether it has a route. It may have been withdrawn already.
func (s State) Announcement(i int32) (route.Announcement, bool) {
	e := s.entry(i)
	if e.node == noNode {
		return route.Announcement{}, false
	}
	return s.tl.part.anns[s.tl.paths.at(e.node).ann], true
}

// OTC returns the value of the Only to Customers attribute (RFC 9234) of the best
// route of AS i as it holds it, and whether the route carries the attribute.
func (s State) OTC(i int32) (topology.ASN, bool) {
	e := s.entry(i)
	if e.node == noNode {
		return 0, false
	}
	value := s.tl.paths.at(e.node).otc
	if e.slot != noSlot {
		value = s.tl.net.onIngress(i, e.slot, value)
	}
	return value, value != 0
}

// Trace follows packets for the prefix from AS i, next hop by next hop, and returns
// where they end and how, if nothing changes while they are under way and no other
// prefix holds their destination. While routes converge the way need not be the AS
// path. The end of a loop is some AS in it.
func (s State) Trace(i int32) (end int32, fate route.Fate) {
	hops, fate := s.AppendTrace(nil, i)
	return hops[len(hops)-1], fate
}

// AppendTrace is [State.Trace] that appends the graph indexes of all ASes that the
// packets pass, from i to the end, to hops. Of a loop it appends one round and the
// AS that closes it.
func (s State) AppendTrace(hops []int32, i int32) ([]int32, route.Fate) {
	return follow(hops, i, s.step)
}

func (s State) step(i int32) (next int32, fate route.Fate) {
	next, own, ok := s.NextHop(i)
	switch {
	case !ok:
		return -1, route.Unrouted
	case own:
		return -1, route.Delivered
	}
	return next, route.Delivered
}

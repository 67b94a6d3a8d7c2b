package event

import (
	"fmt"
	"slices"
	"time"

	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// Options are the inputs of a run beside topology and schedule. The zero value
// is good.
type Options struct {
	// Routing is tie-break and policies, as in package route.
	Routing route.Options
	// Timers, if zero, are [DefaultTimers].
	Timers Timers
	// MRAI is an AS's own [Timers].MRAI, for all its sessions.
	MRAI map[topology.ASN]time.Duration
	// Delays, if zero, are [DefaultDelays].
	Delays Delays
	// Prefer is a what-if: a preference (LOCAL_PREF) of an AS for routes from a
	// neighbour, decided before the relationship; the higher is preferred, 0 is that
	// of neighbours without one. Whom a route is exported to stays as it is. With it
	// there may be several stable states, or none.
	Prefer map[topology.ASN]map[topology.ASN]int
	// Seed draws jitter.
	Seed uint64
	// Record keeps every message, for [Timeline.Messages].
	Record bool
	// MaxMessages and MaxTime bound the run for one prefix: how many messages are
	// sent after any change and until the next, and the virtual time after the last
	// change. If zero, they are [DefaultMaxMessages] and [DefaultMaxTime].
	MaxMessages int
	MaxTime     time.Duration
}

// The bounds unless Options say otherwise.
const (
	DefaultMaxMessages = 100_000_000
	DefaultMaxTime     = 6 * time.Hour
)

// Timers are the times that a router takes. The zero value is replaced by
// [DefaultTimers]; to set one to 0, take those and change it.
type Timers struct {
	// MRAI is the MinRouteAdvertisementIntervalTimer: how long a router waits after
	// an UPDATE to a neighbour before the next one to it for the same prefix (RFC 4271
	// 9.2.1.1). What is selected meanwhile is not sent, except for the last.
	MRAI time.Duration
	// JitterMin and JitterMax: each time the timer is set, it is set to a part of
	// MRAI drawn evenly between them (RFC 4271 10).
	JitterMin, JitterMax float64
	// ExemptWithdrawals sends withdrawals at once, whatever the timer says, as RFC
	// 1771 9.2.3.1 had it and many routers do. RFC 4271 9.2.1.1 exempts nothing.
	ExemptWithdrawals bool
	// ProcessingMin and ProcessingMax: from the arrival of a message to its
	// consequences passes a time drawn evenly between them. Messages of one session
	// are never overtaken by later ones.
	ProcessingMin, ProcessingMax time.Duration
}

// DefaultTimers returns what RFC 4271 section 10 suggests between ASes: 30 s with
// a jitter of 0.75 to 1, withdrawals included. A message is processed in 10 to
// 100 ms, which is an assumption of this model; no measurement stands behind it.
func DefaultTimers() Timers {
	return Timers{
		MRAI: 30 * time.Second, JitterMin: 0.75, JitterMax: 1,
		ProcessingMin: 10 * time.Millisecond, ProcessingMax: 100 * time.Millisecond,
	}
}

func (t Timers) check() error {
	switch {
	case t.MRAI < 0 || t.MRAI > time.Hour:
		return fmt.Errorf("MRAI %v: want 0 to 1h", t.MRAI)
	case !(t.JitterMin >= 0 && t.JitterMin <= t.JitterMax && t.JitterMax <= 1):
		return fmt.Errorf("MRAI jitter %v to %v: want 0 <= least <= most <= 1", t.JitterMin, t.JitterMax)
	case t.ProcessingMin < 0 || t.ProcessingMin > t.ProcessingMax || t.ProcessingMax > time.Hour:
		return fmt.Errorf("processing %v to %v: want 0 <= least <= most <= 1h", t.ProcessingMin, t.ProcessingMax)
	}
	return nil
}

// Delays turns a link into time, by the same model as package fabric's: what a
// packet takes over a link, a message does.
type Delays struct {
	// KmPerMs is how far light gets in fibre in a millisecond.
	KmPerMs float64
	// PerHop is added for every link.
	PerHop time.Duration
	// Unplaced is the rest for a link of which an end's place is not known.
	Unplaced time.Duration
}

// DefaultDelays returns 200 km per millisecond (light in glass of refractive
// index 1.5), 0.2 ms for each link and 3 ms for one between ASes of which one has
// no known place. The last two are assumptions of this model.
func DefaultDelays() Delays {
	return Delays{KmPerMs: 200, PerHop: 200 * time.Microsecond, Unplaced: 3 * time.Millisecond}
}

func (d Delays) check() error {
	switch {
	case !(d.KmPerMs > 0):
		return fmt.Errorf("delay: %v km/ms: want more than 0", d.KmPerMs)
	case d.PerHop < 0 || d.PerHop > time.Hour || d.Unplaced < 0 || d.Unplaced > time.Hour:
		return fmt.Errorf("delay: %v per hop, %v without a place: want 0 to 1h", d.PerHop, d.Unplaced)
	}
	return nil
}

// link returns the time over the link between two ASes.
func (d Delays) link(g *topology.Graph, a, b int32) time.Duration {
	here, okA := g.Place(a)
	there, okB := g.Place(b)
	if !okA || !okB {
		return d.PerHop + d.Unplaced
	}
	ms := place.ArcKm(here, there) / d.KmPerMs
	return d.PerHop + time.Duration(ms*float64(time.Millisecond)).Round(time.Microsecond)
}

// complete fills in defaults and checks.
func (o Options) complete(g *topology.Graph) (Options, error) {
	if o.Timers == (Timers{}) {
		o.Timers = DefaultTimers()
	}
	if o.Delays == (Delays{}) {
		o.Delays = DefaultDelays()
	}
	if o.MaxMessages == 0 {
		o.MaxMessages = DefaultMaxMessages
	}
	if o.MaxTime == 0 {
		o.MaxTime = DefaultMaxTime
	}
	if err := o.Timers.check(); err != nil {
		return o, err
	}
	if err := o.Delays.check(); err != nil {
		return o, err
	}
	for asn, mrai := range o.MRAI {
		if _, ok := g.Index(asn); !ok {
			return o, fmt.Errorf("MRAI of AS %d: the AS is %w", asn, route.ErrUnknownAS)
		}
		if err := (Timers{MRAI: mrai}).check(); err != nil {
			return o, fmt.Errorf("AS %d: %w", asn, err)
		}
	}
	switch {
	case o.MaxMessages < 0 || o.MaxMessages > 1<<31:
		return o, fmt.Errorf("bound of %d messages: want 1 to 2147483648", o.MaxMessages)
	case o.MaxTime < 0:
		return o, fmt.Errorf("bound of %v of virtual time: want more than 0", o.MaxTime)
	case o.Routing.Policies != nil && o.Routing.Policies.Graph() != g:
		return o, fmt.Errorf("policies are for another topology")
	}
	if !slices.Contains(route.TieBreaks(), o.Routing.TieBreak) {
		return o, fmt.Errorf("unknown tie-break %v", o.Routing.TieBreak)
	}
	return o, nil
}

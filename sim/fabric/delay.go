package fabric

import (
	"fmt"
	"time"

	"mpicsim/topology/place"
)

// Delays turns a path into time. The zero value is replaced by [DefaultDelays].
type Delays struct {
	// KmPerMs is how far light gets in fibre in a millisecond.
	KmPerMs float64
	// PerHop is added for every AS that forwards the packet to another.
	PerHop time.Duration
	// Unplaced is added for every AS on the way whose place is not known.
	Unplaced time.Duration
}

// DefaultDelays returns 200 km per millisecond (light in glass of refractive
// index 1.5), 0.2 ms for each hop and 3 ms for each AS without a known place.
// The last two are assumptions of this model; no measurement stands behind them.
func DefaultDelays() Delays {
	return Delays{KmPerMs: 200, PerHop: 200 * time.Microsecond, Unplaced: 3 * time.Millisecond}
}

// String states the assumptions in one line.
func (d Delays) String() string {
	return fmt.Sprintf("%g km/ms along great circles between ASes with a known place, %v per hop, %v per AS without a place",
		d.KmPerMs, d.PerHop, d.Unplaced)
}

// odometer adds up one packet's delay. It remembers the last place that it was
// sure of, so that a path through ASes without places still takes the time from
// its first to its last known place.
type odometer struct {
	last  place.Location
	known bool
	total time.Duration
}

// enter moves the packet to an AS or host at a place; hop is false if it stays
// within one AS.
func (o *odometer) enter(d Delays, at place.Location, known, hop bool) {
	if hop {
		o.total += d.PerHop
	}
	if !known {
		if hop {
			o.total += d.Unplaced
		}
		return
	}
	if o.known {
		ms := place.ArcKm(o.last, at) / d.KmPerMs
		o.total += time.Duration(ms * float64(time.Millisecond)).Round(time.Microsecond)
	}
	o.last, o.known = at, true
}

package fabric

import (
	"sync/atomic"
	"time"
)

// clock is a virtual time that only moves forward. The zero value stands at 0.
type clock struct {
	ns atomic.Int64
}

func (c *clock) now() time.Duration { return time.Duration(c.ns.Load()) }

// advance moves the clock to t unless it is there already.
func (c *clock) advance(t time.Duration) {
	for {
		was := c.ns.Load()
		if int64(t) <= was || c.ns.CompareAndSwap(was, int64(t)) {
			return
		}
	}
}

// alarm turns a deadline on the operating system's clock into virtual time: if
// it fires, the virtual clock moves by the time that the deadline was set for.
type alarm struct {
	at atomic.Int64 // virtual, 0 if no deadline is set
}

// set remembers a deadline; the zero time clears it. What is left until then is
// rounded to 10 ms, from a second on to 100 ms, so that the time spent between
// computing the deadline and setting it does not show, not even on a busy machine.
func (a *alarm) set(c *clock, deadline time.Time) {
	if deadline.IsZero() {
		a.at.Store(0)
		return
	}
	left := time.Until(deadline) //nolint:forbidigo // a net.Conn's deadline is the operating system's time
	grain := 10 * time.Millisecond
	if left > time.Second-50*time.Millisecond {
		grain = 100 * time.Millisecond
	}
	left = max(0, left.Round(grain))
	a.at.Store(int64(c.now() + left))
}

// due returns the virtual time of the deadline, 0 if none is set.
func (a *alarm) due() time.Duration { return time.Duration(a.at.Load()) }

// left returns how long it is until the deadline, 0 if none is set.
func (a *alarm) left(c *clock) time.Duration {
	if a.due() == 0 {
		return 0
	}
	return max(a.due()-c.now(), 1)
}

// fire moves the clock to the deadline.
func (a *alarm) fire(c *clock) { c.advance(time.Duration(a.at.Load())) }

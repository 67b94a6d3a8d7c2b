package scenarios

import (
	"fmt"
	"time"

	"mpicsim/sim/event"
	"mpicsim/topology"
)

// Convergence makes routes change message by message, as package event does it,
// instead of everywhere at once: checks meanwhile see some ASes before and some
// behind the change.
type Convergence struct {
	// MRAI, optional, is how long a router waits between two messages to a neighbour
	// about a prefix (RFC 4271 9.2.1.1); 30s by default.
	MRAI *time.Duration `yaml:"mrai"`
	// ExemptWithdrawals, optional, sends withdrawals at once, as many routers do.
	ExemptWithdrawals bool `yaml:"exempt-withdrawals"`
	// Seed, optional, draws the jitter of timers and processing; 0 by default.
	Seed uint64 `yaml:"seed"`
	// Grain, optional, is how finely the story looks at time: changes within one grain
	// happen together, at its end; 10ms by default.
	Grain *time.Duration `yaml:"grain"`
	// MaxTime, optional, is when a change that has not settled is given up: an outcome
	// of its own; 6h by default.
	MaxTime *time.Duration `yaml:"max-time"`
	// Prefer, optional, is a what-if: ASes that prefer a neighbour whatever the
	// relationship. With it routes need not settle.
	Prefer []Preference `yaml:"prefer"`
}

// Preference is what one AS thinks of one neighbour.
type Preference struct {
	AS       topology.ASN `yaml:"as"`
	Neighbor topology.ASN `yaml:"neighbor"`
	// Value is above or below 0, that of other neighbours.
	Value int `yaml:"value"`
}

const (
	// DefaultGrain is [Convergence].Grain if it says nothing.
	DefaultGrain = 10 * time.Millisecond
	maxGrain     = time.Minute
	minGrain     = time.Millisecond
)

// Fine returns the grain.
func (c *Convergence) Fine() time.Duration {
	if c.Grain == nil {
		return DefaultGrain
	}
	return *c.Grain
}

// Options returns those of package event, without routing.
func (c *Convergence) Options() event.Options {
	o := event.Options{Timers: event.DefaultTimers(), Seed: c.Seed, Prefer: map[topology.ASN]map[topology.ASN]int{}}
	o.Timers.ExemptWithdrawals = c.ExemptWithdrawals
	if c.MRAI != nil {
		o.Timers.MRAI = *c.MRAI
	}
	if c.MaxTime != nil {
		o.MaxTime = *c.MaxTime
	}
	for _, p := range c.Prefer {
		if o.Prefer[p.AS] == nil {
			o.Prefer[p.AS] = map[topology.ASN]int{}
		}
		o.Prefer[p.AS][p.Neighbor] = p.Value
	}
	return o
}

func (v *validation) convergence() {
	c := v.s.Routing.Convergence
	if c == nil {
		return
	}
	const field = "routing.convergence"
	v.check(c.MRAI == nil || *c.MRAI <= time.Hour, field+".mrai", text0(c.MRAI), "at most 1h")
	v.check(c.Grain == nil || *c.Grain >= minGrain && *c.Grain <= maxGrain, field+".grain", text0(c.Grain), fmt.Sprintf("%v to %v", minGrain, maxGrain))
	v.check(c.MaxTime == nil || *c.MaxTime > 0 && *c.MaxTime <= MaxTime, field+".max-time", text0(c.MaxTime), fmt.Sprintf("more than 0, at most %v", MaxTime))
	seen := map[[2]topology.ASN]bool{}
	for n, p := range c.Prefer {
		at := fmt.Sprintf("%s.prefer[%d]", field, n)
		v.check(p.AS != 0, at+".as", "nothing", "an AS number")
		v.check(p.Neighbor != 0, at+".neighbor", "nothing", "an AS number")
		v.check(p.Value != 0, at+".value", "0", "a number above or below 0, that of other neighbours")
		v.check(!seen[[2]topology.ASN{p.AS, p.Neighbor}], at, fmt.Sprintf("AS %v and its neighbour %v a second time", p.AS, p.Neighbor), "each pair once")
		seen[[2]topology.ASN{p.AS, p.Neighbor}] = true
	}
	for n, e := range v.s.Timeline {
		at := fmt.Sprintf("timeline[%d]", n)
		const want = "no convergence: what changes the RPKI takes hold everywhere at once"
		v.check(e.RPKI == nil, at+".rpki", "a change of the RPKI with routing.convergence", want)
		v.check(e.Attack == nil || !e.Attack.changesRPKI(), at+".attack.kind", "an attack by ROAs with routing.convergence", want)
	}
}

func text0(d *time.Duration) string {
	if d == nil {
		return "nothing"
	}
	return d.String()
}

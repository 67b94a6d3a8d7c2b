package attack

import (
	"time"

	"mpicsim/sim/route"
)

// flapping: the announcement comes and goes.
func flapping() spec {
	return spec{
		kind:  Flapping,
		takes: shape | fieldHold | fieldGap | fieldTimes,
		needs: fieldHold | fieldGap | fieldTimes,
		types: [2]int{1, MaxType},
		describe: func() Description {
			return Description{
				Title:     "Flapping",
				Source:    "Villamizar, Chandra, Govindan: BGP Route Flap Damping, RFC 2439; Labovitz, Ahuja, Bose, Jahanian: Delayed Internet Routing Convergence, SIGCOMM 2000.",
				What:      "The attacker announces for hold, withdraws for gap, and again, times over. With each change networks explore other paths, so that perspectives disagree and retries meet different routes.",
				Needs:     "As the announcement.",
				StoppedBy: "As the announcement. Route flap damping, which is not modelled, slows it down.",
			}
		},
		announce: func(p *planning) error { return p.repeat(p.Attack.Times) },
	}
}

// schedule returns n rounds of announcement and withdrawal.
func (p *planning) schedule(n int, a route.Announcement) []Step {
	var steps []Step
	for round := range n {
		from := time.Duration(round) * (p.Attack.Hold + p.Attack.Gap)
		steps = append(steps,
			Step{After: from, Announce: []route.Announcement{a}},
			Step{After: from + p.Attack.Hold, Withdraw: []Withdrawn{{a.Announcer(), a.Prefix}}})
	}
	return steps
}

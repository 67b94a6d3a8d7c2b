package resilience

import (
	"errors"
	"fmt"

	"mpicsim/scenarios/result"
)

// Surface returns the hijack of a whole domain: what one attacker comes to that
// hijacks any of several targets, such as the ASes of its web and name servers. A
// viewpoint is fooled if it is at any target (Cimaszewski et al., USENIX Security
// 2023), and has a route if it is fooled or has one to all of them: who cannot
// reach the name servers validates nothing. Of one that ties alone may fool, the
// latter is not told apart.
//
// All hijacks must be by the same attacker in the same way, of whom the first
// target's weights are taken. Its victim stands for the domain.
func Surface(targets ...*result.Hijack) (result.Hijack, error) {
	if len(targets) == 0 {
		return result.Hijack{}, errors.New("a domain without targets")
	}
	first := targets[0]
	out := *first
	for _, set := range []*result.Set{&out.Reached, &out.Lower, &out.Picked, &out.Upper} {
		*set = append(result.Set(nil), *set...)
	}
	for _, h := range targets {
		if h.Attacker != first.Attacker || h.Attacker == 0 || h.Attack != first.Attack {
			return result.Hijack{}, fmt.Errorf("targets AS %v and AS %v: hijacked by AS %v (%s) and AS %v (%s)",
				first.Victim, h.Victim, first.Attacker, first.Attack, h.Attacker, h.Attack)
		}
		for _, n := range [...]int{len(h.Reached), len(h.Lower), len(h.Picked), len(h.Upper)} {
			if n != len(out.Reached) {
				return result.Hijack{}, fmt.Errorf("target AS %v: a set of %d words, expected %d", h.Victim, n, len(out.Reached))
			}
		}
		for i := range out.Reached {
			out.Reached[i] &= h.Reached[i]
			out.Lower[i] |= h.Lower[i]
			out.Picked[i] |= h.Picked[i]
			out.Upper[i] |= h.Upper[i]
		}
	}
	for i, fooled := range out.Lower {
		out.Reached[i] |= fooled
	}
	return out, nil
}

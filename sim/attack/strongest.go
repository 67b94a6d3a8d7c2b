package attack

import (
	"errors"
	"fmt"
	"net/netip"

	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// Search asks for the strongest attack of one attacker on one prefix.
type Search struct {
	Attacker, Victim topology.ASN
	Target           netip.Prefix
	// Address is the one of Target that matters, by default the first.
	Address netip.Addr
	// Viewpoints are graph indexes of the ASes that count, nil for all but the
	// attacker's.
	Viewpoints []int32
	// MaxType is the greatest type of forged origins that is tried, 0 for 1. Types
	// above 1 help only against path-end validation and ASPA; their paths are the
	// default ones.
	MaxType int
	// Others are tried too, after those that are tried anyway. They must not change
	// the RPKI: their routes would need other policies.
	Others []Attack
	// Score says how good it is for the attacker whom of the viewpoints it fools; the
	// default is how many. A quorum's is 1 or 0.
	Score func(fooled []bool) float64
}

// Trial is what one attack comes to.
type Trial struct {
	Plan *Plan
	// Fooled says by viewpoint whose packets reach the attacker; nil if the attack
	// cannot be launched.
	Fooled []bool
	Score  float64
}

// Launchable returns the kinds that everybody who has BGP neighbours can launch by
// its announcements alone, the first that [Setting.Strongest] tries.
func Launchable() []Kind { return []Kind{EqualPrefix, SubPrefix, ForgedOrigin, ForgedOriginSubPrefix} }

// Strongest tries the kinds of [Launchable] and returns all trials, and which one
// is the best: the first of those with the highest score, -1 if no attack can be
// launched. Origin validation and the other policies of the options decide what
// an attack is worth, so where they bite a forged origin comes out on top. A
// sub-prefix is tried at the longest accepted length; one with a forged origin
// also at the longest that is not invalid. Per attacker, the share of attackers
// whose best attack succeeds gives resilience against an attacker who chooses: one
// minus the mean of the maximum over the kinds.
//
// It returns an error if an attack is not valid or does not fit the topology.
func (in Setting) Strongest(s Search) (trials []Trial, best int, err error) {
	if in.Engine == nil {
		return nil, -1, errors.New("setting without an engine")
	}
	if !s.Address.IsValid() {
		s.Address = s.Target.Addr()
	}
	best = -1
	for _, a := range append(in.candidates(s), s.Others...) {
		t, err := in.attempt(a, s)
		if err != nil {
			return nil, -1, fmt.Errorf("%v: %w", a, err)
		}
		trials = append(trials, t)
		if t.Plan.Viable() && (best < 0 || t.Score > trials[best].Score) {
			best = len(trials) - 1
		}
	}
	return trials, best, nil
}

// candidates returns the attacks that are tried anyway.
func (in Setting) candidates(s Search) []Attack {
	var all []Attack
	for _, k := range Launchable() {
		a := Attack{Kind: k, Attacker: s.Attacker, Victim: s.Victim, Target: s.Target}
		switch k {
		case ForgedOrigin:
			for t := range max(1, s.MaxType) {
				a.Type = t + 1
				all = append(all, a)
			}
		case SubPrefix:
			a.Address = s.Address
			all = append(all, a)
		case ForgedOriginSubPrefix:
			a.Address = s.Address
			for t := range max(1, s.MaxType) {
				a.Type, a.Prefix = t+1, netip.Prefix{}
				all = append(all, a)
				if p := in.longestNotInvalid(s); p.IsValid() {
					a.Prefix = p
					all = append(all, a)
				}
			}
		default:
			all = append(all, a)
		}
	}
	return all
}

// longestNotInvalid returns the longest part of the target around the address
// that is not invalid with the victim as the origin, if it is shorter than the
// longest that is accepted; else the zero prefix.
func (in Setting) longestNotInvalid(s Search) netip.Prefix {
	longest := in.longest(s.Target)
	for bits := longest; bits > s.Target.Bits(); bits-- {
		p := netip.PrefixFrom(s.Address, bits).Masked()
		if in.Options.Policies.Validity(p, s.Victim) == rpki.Invalid {
			continue
		}
		if bits == longest {
			break
		}
		return p
	}
	return netip.Prefix{}
}

// attempt plans one attack and finds whom it fools.
func (in Setting) attempt(a Attack, s Search) (Trial, error) {
	p, err := a.Plan(in)
	if err != nil || !p.Viable() {
		return Trial{Plan: p}, err
	}
	if p.ChangesVRPs() {
		return Trial{}, errors.New("the attack changes the RPKI: want one by announcements alone")
	}
	attacker, _ := in.Engine.Graph().Index(s.Attacker)
	o, err := in.Outcome(p.At(0, in.Standing), attacker, s.Address)
	if err != nil {
		return Trial{}, err
	}
	t := Trial{Plan: p, Fooled: o.Captured}
	if s.Viewpoints != nil {
		t.Fooled = make([]bool, len(s.Viewpoints))
		for n, i := range s.Viewpoints {
			t.Fooled[n] = o.Captured[i]
		}
	} else {
		t.Fooled[attacker] = false
	}
	if s.Score != nil {
		t.Score = s.Score(t.Fooled)
		return t, nil
	}
	for _, f := range t.Fooled {
		if f {
			t.Score++
		}
	}
	return t, nil
}

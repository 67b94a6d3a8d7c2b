package resilience

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"mpicsim/scenarios/result"
)

// Options say what an [Accumulator] computes.
type Options struct {
	// Viewpoints are the study's, in its order. They are not changed.
	Viewpoints []result.Viewpoint
	// Policies are what to apply to each hijack.
	Policies []Policy
	// Attackers asks for results by attacker too. They need 24 bytes for each
	// attacker, policy and definition (with or without primary).
	Attackers bool
}

// The order of bounds in arrays.
const (
	lower = iota
	picked
	upper
	ways // how many there are
)

// A policy has two definitions, and each of them ways values.
const (
	withPrimary = iota
	withoutPrimary
	definitions
)

// slot returns where a result stands among all of one hijack.
func slot(policyIndex, definition, way int) int {
	return (policyIndex*definitions+definition)*ways + way
}

// Accumulator takes hijacks one by one and sums up what policies make of them.
// Its memory does not grow with hijacks but with victims (96 bytes for each and
// policy) and, if asked for, attackers. Create it with [NewAccumulator].
type Accumulator struct {
	o          Options
	predicates []*Predicate
	sliced     []sliced
	columns    []column // the viewpoints that some policy uses
	words      int      // of a set
	padding    uint64   // bits of the last word that stand for no viewpoint
	slots      int
	attacks    []*tally // in order of first appearance
	last       *tally
}

// column is where a viewpoint's bit is in a set.
type column struct{ word, shift int }

// NewAccumulator compiles all policies. The error is that of [Compile], or names
// the option that makes no sense.
func NewAccumulator(o Options) (*Accumulator, error) {
	if len(o.Policies) == 0 {
		return nil, errors.New("no policies")
	}
	a := &Accumulator{o: o, words: (len(o.Viewpoints) + 63) / 64, slots: len(o.Policies) * definitions * ways}
	if n := len(o.Viewpoints) % 64; n != 0 {
		a.padding = ^uint64(0) << n
	}
	index := map[int]int{}
	for _, p := range o.Policies {
		c, err := Compile(o.Viewpoints, p)
		if err != nil {
			return nil, err
		}
		for _, v := range c.members {
			if _, ok := index[v]; !ok {
				index[v] = len(a.columns)
				a.columns = append(a.columns, column{v / 64, v % 64})
			}
		}
		a.predicates = append(a.predicates, c)
		a.sliced = append(a.sliced, c.slice(index))
	}
	return a, nil
}

// Add takes one hijack. Nothing of it is kept. The error names what makes it no
// hijack of the study; the accumulator is then as before.
func (a *Accumulator) Add(h *result.Hijack) error {
	if err := a.check(h); err != nil {
		return fmt.Errorf("hijack of AS %v by AS %v: %w", h.Victim, h.Attacker, err)
	}
	t := a.tally(h.Attack)
	if err := t.add(h, 1); err != nil {
		return fmt.Errorf("hijack of AS %v by AS %v: %w", h.Victim, h.Attacker, err)
	}
	return nil
}

// AddPattern takes what count attackers of one victim have in common, of whom h
// has the victim, the attack, the weights (its AttackerWeight is their mean) and
// the sets; h.Attacker means nothing. Results by attacker, and what resampling
// attackers would tell, are then not to be had.
func (a *Accumulator) AddPattern(h *result.Hijack, count int) error {
	if count < 1 {
		return fmt.Errorf("pattern of AS %v: %d attackers", h.Victim, count)
	}
	if err := a.check(h); err != nil {
		return fmt.Errorf("pattern of AS %v: %w", h.Victim, err)
	}
	t := a.tally(h.Attack)
	t.patterns = true
	if err := t.add(h, count); err != nil {
		return fmt.Errorf("pattern of AS %v: %w", h.Victim, err)
	}
	return nil
}

func (a *Accumulator) check(h *result.Hijack) error {
	for _, set := range [...]result.Set{h.Reached, h.Lower, h.Picked, h.Upper} {
		if len(set) != a.words {
			return fmt.Errorf("a set of %d words, expected %d for %d viewpoints", len(set), a.words, len(a.o.Viewpoints))
		}
	}
	var outside uint64
	for i, reached := range h.Reached {
		outside |= h.Upper[i]&^h.Picked[i] | h.Picked[i]&^h.Lower[i] | h.Lower[i]&^reached
	}
	if outside != 0 {
		return errors.New("sets of viewpoints are not nested as upper, picked, lower, reached")
	}
	if a.padding != 0 && h.Reached[a.words-1]&a.padding != 0 {
		return fmt.Errorf("a set has viewpoints beyond the %d of the study", len(a.o.Viewpoints))
	}
	for _, w := range [...]float64{h.VictimWeight, h.AttackerWeight} {
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("weight %v: expected 0 or more", w)
		}
	}
	return nil
}

func (a *Accumulator) tally(attack string) *tally {
	if a.last != nil && a.last.attack == attack {
		return a.last
	}
	at := slices.IndexFunc(a.attacks, func(t *tally) bool { return t.attack == attack })
	if at < 0 {
		at = len(a.attacks)
		a.attacks = append(a.attacks, newTally(a, attack))
	}
	a.last = a.attacks[at]
	return a.last
}

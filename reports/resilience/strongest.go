package resilience

import (
	"errors"
	"fmt"
	"math/bits"

	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// Strongest is the name of the attack in a report that stands for the best of all
// shapes for each attacker: who succeeds with any of them succeeds,
//
//	Res(v) = 1 − Σ w(a)·max over shapes of success(v,a) / Σ w(a)
//
// which where origins are validated is what is left against an attacker who takes
// the shape that passes (Cimaszewski et al., USENIX Security 2023).
const Strongest = "strongest"

// strongest puts together what one attacker does to one victim by several shapes of
// attack. The hijacks of a victim must come together.
type strongest struct {
	t      *tally // of the best, which is given no hijacks but their outcomes
	shapes map[string]bool
	done   map[topology.ASN]bool
	now    result.Hijack // victim and weight
	// index has the place of each attacker of the current victim.
	index   map[topology.ASN]int32
	weights []float64
	asns    []topology.ASN
	// success and lacking have a row of bits by place for each slot.
	success, lacking [][]uint64
}

func newStrongest(a *Accumulator) *strongest {
	t := newTally(a, Strongest)
	t.pairwise = nil // it does not depend on rules, and a viewpoint is no victim of shapes
	return &strongest{
		t: t, shapes: map[string]bool{}, done: map[topology.ASN]bool{}, index: map[topology.ASN]int32{},
		success: make([][]uint64, a.slots), lacking: make([][]uint64, a.slots),
	}
}

// next makes ready for a hijack. The error names what forbids to compare shapes.
func (s *strongest) next(h *result.Hijack, flush func() error) error {
	if h.Attacker == 0 {
		return errors.New("attackers are not told apart: the strongest attack of each needs that")
	}
	if h.Victim != s.now.Victim {
		if s.done[h.Victim] {
			return fmt.Errorf("hijacks of AS %v do not come together, which the strongest attack needs", h.Victim)
		}
		if err := flush(); err != nil {
			return err
		}
		s.now, s.done[h.Victim] = result.Hijack{Victim: h.Victim, VictimWeight: h.VictimWeight}, true
	}
	s.shapes[h.Attack] = true
	if _, known := s.index[h.Attacker]; !known {
		s.index[h.Attacker] = int32(len(s.asns))
		s.asns, s.weights = append(s.asns, h.Attacker), append(s.weights, h.AttackerWeight)
	}
	return nil
}

// mark notes in which of a block's hijacks the attack succeeds, or fails for want of
// a route.
func (s *strongest) mark(t *tally) {
	note := func(rows [][]uint64, words []uint64) {
		for slot, word := range words {
			for ; word != 0; word &= word - 1 {
				place := s.index[t.attackers.asns[t.block.attackers[bits.TrailingZeros64(word)]]]
				for int(place)/64 >= len(rows[slot]) {
					rows[slot] = append(rows[slot], 0)
				}
				rows[slot][place/64] |= 1 << (place % 64)
			}
		}
	}
	note(s.success, t.out)
	if t.block.lost {
		note(s.lacking, t.lacking)
	}
}

// close adds the current victim to the sums.
func (s *strongest) close() error {
	if len(s.asns) == 0 {
		return nil
	}
	t := s.t
	victim, err := t.victims.at(s.now.Victim, s.now.VictimWeight)
	if err != nil {
		return err
	}
	for len(t.unrouted) < len(t.victims.success) {
		t.unrouted = append(t.unrouted, 0)
	}
	places := make([]int32, len(s.asns))
	for n, asn := range s.asns {
		if places[n], err = t.attackers.at(asn, s.weights[n]); err != nil {
			return err
		}
		if t.outcomes != nil {
			if err := t.outcomes.meet(victim, places[n]); err != nil {
				return err
			}
		}
		t.attackers.total[places[n]] += s.now.VictimWeight
		t.victims.total[victim] += s.weights[n]
		t.weighted = t.weighted || s.weights[n] != 1
	}
	t.hijacks += int64(len(s.asns))
	for slot := range s.success {
		at := int(victim)*t.a.slots + slot
		eachBit(s.success[slot], func(n int) {
			t.victims.success[at] += s.weights[n]
			if t.outcomes != nil {
				t.outcomes.succeed(victim, places[n], slot)
			}
			if t.attackers.slots > 0 {
				t.attackers.success[int(places[n])*t.a.slots+slot] += s.now.VictimWeight
			}
		})
		for i := range s.lacking[slot] {
			if i < len(s.success[slot]) {
				s.lacking[slot][i] &^= s.success[slot][i]
			}
		}
		eachBit(s.lacking[slot], func(n int) { t.unrouted[at] += s.weights[n] })
		clear(s.success[slot])
		clear(s.lacking[slot])
	}
	clear(s.index)
	s.asns, s.weights = s.asns[:0], s.weights[:0]
	return nil
}

func eachBit(words []uint64, f func(int)) {
	for i, word := range words {
		for ; word != 0; word &= word - 1 {
			f(i*64 + bits.TrailingZeros64(word))
		}
	}
}

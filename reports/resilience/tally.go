package resilience

import (
	"fmt"
	"math/bits"
	"slices"

	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// tally is the sums for one shape of attack.
type tally struct {
	a        *Accumulator
	attack   string
	hijacks  int
	patterns bool
	weighted bool // some attacker's weight is not 1
	victims  parties
	// attackers has no sums if they are not asked for.
	attackers parties
	// unrouted has, for each victim and slot, the weight of the attackers who
	// fail only because some perspective has no route.
	unrouted []float64
	block    block
	out      []uint64 // of the block, by slot
	lacking  []uint64
}

// parties are the victims or the attackers of a tally.
type parties struct {
	index   map[topology.ASN]int32
	asns    []topology.ASN
	weights []float64
	// total is the weight of the others that each party met, success that of
	// those against (or for) whom the attack succeeded, by party and slot.
	total, success []float64
	slots          int
	last           int32
}

// block is up to 64 hijacks that wait to be judged.
type block struct {
	n                  int
	victims, attackers [64]int32
	weights            [64]float64 // of the attackers, times their count
	uniform            bool        // all weights are 1
	// columns are whom the viewpoints reach; unreached those without a route.
	columns   [ways][]uint64
	unreached []uint64
	scratch   []uint64
}

func newTally(a *Accumulator, attack string) *tally {
	t := &tally{a: a, attack: attack}
	t.victims = parties{index: map[topology.ASN]int32{}, slots: a.slots}
	t.attackers = parties{index: map[topology.ASN]int32{}}
	if a.o.Attackers {
		t.attackers.slots = a.slots
	}
	t.block.uniform = true
	for way := range ways {
		t.block.columns[way] = make([]uint64, len(a.columns))
	}
	t.block.unreached = make([]uint64, len(a.columns))
	t.block.scratch = make([]uint64, len(a.columns))
	t.out = make([]uint64, a.slots)
	t.lacking = make([]uint64, a.slots)
	return t
}

// at returns the place of a party, which has always the same weight.
func (p *parties) at(asn topology.ASN, weight float64) (int32, error) {
	i, ok := p.near(asn)
	if !ok {
		if i, ok = p.index[asn]; !ok {
			i = int32(len(p.asns))
			p.index[asn] = i
			p.asns = append(p.asns, asn)
			p.weights = append(p.weights, weight)
			p.total = append(p.total, 0)
			p.success = append(p.success, make([]float64, p.slots)...)
		}
	}
	if p.weights[i] != weight {
		return 0, fmt.Errorf("AS %v has weight %v, and had %v before", asn, weight, p.weights[i])
	}
	p.last = i
	return i, nil
}

// near looks where a party is in most streams: at the same place as the last or
// at the next.
func (p *parties) near(asn topology.ASN) (int32, bool) {
	for i := p.last; i < min(p.last+2, int32(len(p.asns))); i++ {
		if p.asns[i] == asn {
			return i, true
		}
	}
	return 0, false
}

func (t *tally) add(h *result.Hijack, count int) error {
	victim, err := t.victims.at(h.Victim, h.VictimWeight)
	if err != nil {
		return err
	}
	for len(t.unrouted) < len(t.victims.success) {
		t.unrouted = append(t.unrouted, 0)
	}
	var attacker int32
	if !t.patterns {
		if attacker, err = t.attackers.at(h.Attacker, h.AttackerWeight); err != nil {
			return err
		}
		t.attackers.total[attacker] += h.VictimWeight
	}
	weight := h.AttackerWeight * float64(count)
	t.weighted = t.weighted || h.AttackerWeight != 1
	t.hijacks += count
	t.victims.total[victim] += weight
	b := &t.block
	b.victims[b.n], b.attackers[b.n], b.weights[b.n] = victim, attacker, weight
	b.uniform = b.uniform && weight == 1
	b.put(t.a.columns, h)
	if b.n++; b.n == len(b.victims) {
		t.flush()
	}
	return nil
}

// put turns a hijack's bits into those of columns.
func (b *block) put(columns []column, h *result.Hijack) {
	row := b.n
	for i, c := range columns {
		b.columns[lower][i] |= h.Lower[c.word] >> c.shift & 1 << row
		b.columns[picked][i] |= h.Picked[c.word] >> c.shift & 1 << row
		b.columns[upper][i] |= h.Upper[c.word] >> c.shift & 1 << row
		b.unreached[i] |= ^h.Reached[c.word] >> c.shift & 1 << row
	}
}

// flush judges the hijacks of the block and empties it.
func (t *tally) flush() {
	b := &t.block
	if b.n == 0 {
		return
	}
	used := ^uint64(0) >> (64 - b.n)
	unreached := slices.ContainsFunc(b.unreached, func(word uint64) bool { return word != 0 })
	for i := range t.a.sliced {
		t.judge(i, used, unreached)
	}
	t.count(unreached)
	for way := range ways {
		clear(b.columns[way])
	}
	clear(b.unreached)
	b.n, b.uniform = 0, true
}

// judge fills the block's outcomes for one policy.
func (t *tally) judge(i int, used uint64, unreached bool) {
	b, s := &t.block, &t.a.sliced[i]
	for way := range ways {
		with, without := s.succeeds(b.columns[way])
		first, second := slot(i, withPrimary, way), slot(i, withoutPrimary, way)
		t.out[first], t.out[second] = with&used, without&used
		if !unreached {
			t.lacking[first], t.lacking[second] = 0, 0
			continue
		}
		for n, word := range b.columns[way] {
			b.scratch[n] = word | b.unreached[n]
		}
		all, others := s.succeeds(b.scratch)
		t.lacking[first], t.lacking[second] = all&^with&used, others&^without&used
	}
}

// count adds the block's outcomes to the parties' sums.
func (t *tally) count(unreached bool) {
	b := &t.block
	for from := 0; from < b.n; {
		to := from + 1
		for to < b.n && b.victims[to] == b.victims[from] {
			to++
		}
		run := ^uint64(0) >> (64 - (to - from)) << from
		at := int(b.victims[from]) * t.a.slots
		b.sum(t.victims.success[at:at+t.a.slots], t.out, run)
		if unreached {
			b.sum(t.unrouted[at:at+t.a.slots], t.lacking, run)
		}
		from = to
	}
	if t.attackers.slots == 0 || t.patterns {
		return
	}
	for s, word := range t.out {
		for ; word != 0; word &= word - 1 {
			row := bits.TrailingZeros64(word)
			t.attackers.success[int(b.attackers[row])*t.a.slots+s] += t.victims.weights[b.victims[row]]
		}
	}
}

// sum adds to each sum the weight of the hijacks of the run that its word has.
func (b *block) sum(sums []float64, words []uint64, run uint64) {
	for s, word := range words {
		word &= run
		if b.uniform {
			sums[s] += float64(bits.OnesCount64(word))
			continue
		}
		for ; word != 0; word &= word - 1 {
			sums[s] += b.weights[bits.TrailingZeros64(word)]
		}
	}
}

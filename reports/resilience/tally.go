package resilience

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// tally is the sums for one shape of attack.
type tally struct {
	a        *Accumulator
	attack   string
	hijacks  int64
	patterns bool // some hijacks do not tell attackers apart
	weighted bool // some attacker's weight is not 1
	victims  parties
	// attackers has no sums if they are not asked for.
	attackers parties
	// unrouted has, for each victim and slot, the weight of the attackers who
	// fail only because some perspective has no route.
	unrouted []float64
	pairwise *pairwise // nil if not asked for
	outcomes *outcomes // nil if not needed
	block    block
	out      []uint64 // of the block, by slot
	lacking  []uint64
	counts   []tallied // by roster
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
	weights            [64]float64 // of the attackers
	uniform            bool        // all weights are 1
	// rows are whom the viewpoints reach, and last those without a route, as they
	// come: a byte for each hijack and eight columns. columns are the same turned
	// over, when the block is judged.
	rows    [ways + 1][][64]byte
	columns [ways + 1][]uint64
	scratch []uint64
	// Some hijack's lower and upper differ, or some column has no route.
	tied, lost bool
}

func newTally(a *Accumulator, attack string) *tally {
	t := &tally{a: a, attack: attack}
	t.victims = parties{index: map[topology.ASN]int32{}, slots: a.slots}
	t.attackers = parties{index: map[topology.ASN]int32{}}
	if a.o.Attackers {
		t.attackers.slots = a.slots
	}
	if a.o.Pairwise {
		t.pairwise = newPairwise(a.o.Viewpoints)
	}
	if s := a.o.Sampling; s != nil && s.Attackers {
		t.outcomes = &outcomes{slots: a.slots, limit: s.MaxBytes}
	}
	t.block.uniform = true
	for i := range t.block.rows {
		t.block.rows[i] = make([][64]byte, (len(a.columns)+7)/8)
		t.block.columns[i] = make([]uint64, len(a.columns))
	}
	t.block.scratch = make([]uint64, len(t.block.columns[0]))
	t.out = make([]uint64, a.slots)
	t.lacking = make([]uint64, a.slots)
	t.counts = make([]tallied, len(a.rosters))
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

func (t *tally) add(h *result.Hijack, d doubt) error {
	victim, err := t.victims.at(h.Victim, h.VictimWeight)
	if err != nil {
		return err
	}
	for len(t.unrouted) < len(t.victims.success) {
		t.unrouted = append(t.unrouted, 0)
	}
	var attacker int32
	if t.patterns = t.patterns || h.Attacker == 0; !t.patterns {
		if attacker, err = t.attackers.at(h.Attacker, h.AttackerWeight); err != nil {
			return err
		}
	}
	if err := t.addPair(h, victim, attacker); err != nil {
		return err
	}
	weight := h.AttackerWeight
	t.weighted = t.weighted || weight != float64(h.Count)
	t.hijacks += h.Count
	t.victims.total[victim] += weight
	b := &t.block
	b.victims[b.n], b.attackers[b.n], b.weights[b.n] = victim, attacker, weight
	b.uniform = b.uniform && weight == 1
	b.put(t.a.columns, h, d)
	if b.n++; b.n == len(b.victims) {
		t.flush()
	}
	return nil
}

// addPair takes a hijack for what is kept beside the sums.
func (t *tally) addPair(h *result.Hijack, victim, attacker int32) error {
	if t.outcomes != nil {
		if t.patterns {
			return errors.New("attackers are said to be sampled, and not told apart")
		}
		if err := t.outcomes.meet(victim, attacker); err != nil {
			return err
		}
	}
	if t.pairwise != nil {
		if err := t.pairwise.add(h); err != nil {
			return err
		}
	}
	if !t.patterns {
		t.attackers.total[attacker] += h.VictimWeight
	}
	return nil
}

// put gathers a hijack's bits. Most have no ties that matter, and routes to all.
func (b *block) put(columns []column, h *result.Hijack, d doubt) {
	row := b.n & 63
	b.tied, b.lost = b.tied || d.tied, b.lost || d.lost
	for i := range b.rows[lower] {
		eight := columns[i*8 : min(i*8+8, len(columns))]
		all := gather(eight, h.Lower)
		some, least, lost := all, all, byte(0)
		if d.tied {
			some, least = gather(eight, h.Picked), gather(eight, h.Upper)
		}
		if d.lost {
			lost = ^gather(eight, h.Reached)
		}
		b.rows[lower][i][row], b.rows[picked][i][row], b.rows[upper][i][row], b.rows[unreached][i][row] = all, some, least, lost
	}
}

// gather returns the bits of up to eight columns, the last one lowest. Inlined it would run out of
// registers, and take twice as long.
//
//go:noinline
func gather(columns []column, set result.Set) byte {
	out := 0
	for _, c := range columns {
		bit := 0
		if set[c.word]&c.mask != 0 {
			bit = 1
		}
		out = out<<1 | bit
	}
	return byte(out)
}

// turn makes columns out of rows.
func (b *block) turn(set int) {
	clear(b.columns[set])
	for i := range b.rows[set] {
		rows, columns := &b.rows[set][i], b.columns[set][i*8:min(i*8+8, len(b.columns[set]))]
		for at := 0; at < 64; at += 8 {
			eight := transpose(binary.LittleEndian.Uint64(rows[at : at+8]))
			for c := range columns {
				columns[len(columns)-1-c] |= eight & 255 << at
				eight >>= 8
			}
		}
	}
}

// transpose turns over the 8 by 8 bits of which x has a row in each byte (Warren,
// Hacker's Delight, section 7-3).
func transpose(x uint64) uint64 {
	t := (x ^ x>>7) & 0x00aa00aa00aa00aa
	x ^= t ^ t<<7
	t = (x ^ x>>14) & 0x0000cccc0000cccc
	x ^= t ^ t<<14
	t = (x ^ x>>28) & 0x00000000f0f0f0f0
	return x ^ t ^ t<<28
}

// flush judges the hijacks of the block and empties it.
func (t *tally) flush() {
	b := &t.block
	if b.n == 0 {
		return
	}
	used := ^uint64(0) >> (64 - b.n)
	b.turn(lower)
	if b.tied {
		b.turn(picked)
		b.turn(upper)
	} else {
		copy(b.columns[picked], b.columns[lower])
		copy(b.columns[upper], b.columns[lower])
	}
	for way := range ways {
		if way > lower && !b.tied {
			t.copyLower(way)
			continue
		}
		t.judge(judgement{columns: b.columns[way], way: way, used: used, out: t.out})
	}
	if b.lost {
		t.judgeLost(used)
	}
	t.count()
	b.n, b.uniform, b.tied, b.lost = 0, true, false, false
}

// judgement is what to judge, and where the outcomes go.
type judgement struct {
	columns []uint64
	way     int
	used    uint64 // hijacks of the block
	out     []uint64
}

// judge fills the outcomes of all policies for one way.
func (t *tally) judge(j judgement) {
	for i := range t.a.rosters {
		t.a.rosters[i].tally(j.columns, &t.counts[i])
	}
	some := uint64(0)
	for i := range t.a.sliced {
		with, without := t.a.sliced[i].succeeds(j.columns, t.a.rosters, t.counts)
		j.out[slot(i, withPrimary, j.way)], j.out[slot(i, withoutPrimary, j.way)] = with&j.used, without&j.used
		some |= with & j.used
	}
	if t.a.o.Across {
		j.out[slot(len(t.a.sliced), withPrimary, j.way)] = some
	}
}

// copyLower fills a way's outcomes where no tie matters.
func (t *tally) copyLower(way int) {
	for at := 0; at < len(t.out); at += ways {
		t.out[at+way] = t.out[at+lower]
	}
}

// judgeLost finds the attacks that fail only because some perspective has no route.
func (t *tally) judgeLost(used uint64) {
	b := &t.block
	b.turn(unreached)
	for way := range ways {
		for i, word := range b.columns[way] {
			b.scratch[i] = word | b.columns[unreached][i]
		}
		t.judge(judgement{columns: b.scratch, way: way, used: used, out: t.lacking})
	}
	for s, word := range t.out {
		t.lacking[s] &^= word
	}
}

// count adds the block's outcomes to the parties' sums.
func (t *tally) count() {
	b := &t.block
	for from := 0; from < b.n; {
		to := from + 1
		for to < b.n && b.victims[to] == b.victims[from] {
			to++
		}
		run := ^uint64(0) >> (64 - (to - from)) << from
		at := int(b.victims[from]) * t.a.slots
		b.sum(t.victims.success[at:at+t.a.slots], t.out, run)
		if b.lost {
			b.sum(t.unrouted[at:at+t.a.slots], t.lacking, run)
		}
		from = to
	}
	if t.outcomes != nil {
		t.keep()
	}
	if t.a.strongest != nil {
		t.a.strongest.mark(t)
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

// keep notes which of the block's attacks succeed.
func (t *tally) keep() {
	for s, word := range t.out {
		for ; word != 0; word &= word - 1 {
			row := bits.TrailingZeros64(word)
			t.outcomes.succeed(t.block.victims[row], t.block.attackers[row], s)
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

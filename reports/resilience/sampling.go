package resilience

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"mpicsim/scenarios/result"
)

// Sampling says which parties of a study were drawn at random from those that its
// results are meant for. Resilience then comes with percentile bootstrap intervals
// (Efron, Annals of Statistics 7, 1979): what was drawn is drawn again, with
// replacement, and what it was drawn from is not. If both were, victims and
// attackers are drawn again independently of each other and a pair counts as often
// as both together (the pigeonhole bootstrap of Owen, Annals of Applied Statistics
// 1, 2007, which errs on the side of too wide). Where everybody was computed there
// is nothing to be unsure of, and no interval: the topology itself is no matter of
// chance, and what ties leave open beside chance is in [Spread].MeanWithTies.
type Sampling struct {
	Victims   bool
	Attackers bool
	// VictimDraws and AttackerDraws say of a weighted sample how many independent
	// draws there were. Weights are then how often a party was drawn, and all draws
	// are drawn again, not the parties: three hundred thousand draws of the same two
	// thousand ASes say more than three hundred. With 0, parties were drawn once each,
	// all equally likely; their weights, if they have some, are something else.
	VictimDraws, AttackerDraws int
	// Replicates is how often to draw, 1000 if 0.
	Replicates int
	// Level is the share of replicates inside the interval, 0.95 if 0.
	Level float64
	// Seed is of the draws.
	Seed uint64
	// MaxBytes is how much memory outcomes may take, 512 MiB if 0. It is only
	// needed if attackers were sampled: a bit for each pair, and one more for
	// each policy, definition and way of ties.
	MaxBytes int64
}

// SamplingOf returns what of a study was drawn at random, nil if nothing was. Attackers
// that an aggregated study does not tell apart cannot be drawn again: they are left
// out, see [NotDrawnAgain].
func SamplingOf(m *result.Manifest) *Sampling {
	s := &Sampling{Victims: m.Victims.Sampled() || m.Domains != nil && m.Domains.Draws > 0, Attackers: m.Attackers.Sampled() && !m.Aggregate, Seed: m.Seed}
	if !s.Victims && !s.Attackers {
		return nil
	}
	const weighted = "weighted-sample"
	if s.Victims && m.Victims.How == weighted {
		s.VictimDraws = m.Victims.Draws
	}
	if s.Attackers && m.Attackers.How == weighted {
		s.AttackerDraws = m.Attackers.Draws
	}
	return s
}

// NotDrawnAgain says who was sampled without being part of the intervals of
// [SamplingOf], "" if nobody was.
func NotDrawnAgain(m *result.Manifest) string {
	if m.Aggregate && m.Attackers.Sampled() {
		return "attackers"
	}
	return ""
}

// Interval is where a share of the replicates lies.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Intervals are one for each way in which ties may fall.
type Intervals struct {
	Lower  Interval `json:"lower"`
	Picked Interval `json:"picked"`
	Upper  Interval `json:"upper"`
}

// Spread is what sampling leaves open.
type Spread struct {
	// Resampled says who was drawn again: "victims", "attackers" or "victims and
	// attackers".
	Resampled string `json:"resampled"`
	// VictimDraws and AttackerDraws are those of [Sampling].
	VictimDraws   int       `json:"victim_draws,omitempty"`
	AttackerDraws int       `json:"attacker_draws,omitempty"`
	Replicates    int       `json:"replicates"`
	Level         float64   `json:"level"`
	Mean          Intervals `json:"mean"`
	Median        Intervals `json:"median"`
	// MeanWithTies and MedianWithTies are what sampling and ties leave open together:
	// from the low end of the interval with all ties to the attacker to the high end of
	// that with all ties to the victim. However ties fall, the interval of that way
	// lies inside.
	MeanWithTies   Interval `json:"mean_with_ties"`
	MedianWithTies Interval `json:"median_with_ties"`
}

// withTies returns the interval that holds those of all ways.
func (i Intervals) withTies() Interval {
	return Interval{min(i.Lower.Low, i.Picked.Low, i.Upper.Low), max(i.Lower.High, i.Picked.High, i.Upper.High)}
}

func (i *Intervals) at(way int) *Interval {
	return [...]*Interval{lower: &i.Lower, picked: &i.Picked, upper: &i.Upper}[way]
}

// complete returns s with its defaults, or an error that names a number which
// makes no sense.
func (s Sampling) complete() (Sampling, error) {
	s.Replicates = cmp.Or(s.Replicates, 1000)
	s.Level = cmp.Or(s.Level, 0.95)
	s.MaxBytes = cmp.Or(s.MaxBytes, 512<<20)
	switch {
	case !s.Victims && !s.Attackers:
		return s, errors.New("sampling: neither victims nor attackers were sampled")
	case s.VictimDraws < 0 || s.AttackerDraws < 0 || s.VictimDraws > 0 && !s.Victims || s.AttackerDraws > 0 && !s.Attackers:
		return s, fmt.Errorf("sampling: %d draws of victims and %d of attackers: expected 0 or more, of those who were sampled", s.VictimDraws, s.AttackerDraws)
	case s.Replicates < 2:
		return s, fmt.Errorf("sampling: %d replicates: expected 2 or more", s.Replicates)
	case !(s.Level > 0 && s.Level < 1):
		return s, fmt.Errorf("sampling: level %v: expected more than 0 and less than 1", s.Level)
	}
	return s, nil
}

func (s Sampling) resampled() string {
	switch {
	case s.Victims && s.Attackers:
		return "victims and attackers"
	case s.Victims:
		return "victims"
	default:
		return "attackers"
	}
}

// outcomes are the results of single pairs, one bit each.
type outcomes struct {
	slots int
	// met has a row for each victim, success one for each victim and slot; bits
	// are attackers.
	met, success [][]uint64
	bytes, limit int64
}

// meet notes that two parties met.
func (o *outcomes) meet(victim, attacker int32) error {
	for int(victim) >= len(o.met) {
		o.met = append(o.met, nil)
		o.success = append(o.success, make([][]uint64, o.slots)...)
	}
	word, bit := attacker/64, uint64(1)<<(attacker%64)
	o.grow(&o.met[victim], word)
	if o.bytes > o.limit {
		return fmt.Errorf("outcomes for the intervals take more than %d bytes: apply fewer policies at a time, or allow more", o.limit)
	}
	if o.met[victim][word]&bit != 0 {
		return errors.New("the same pair came before")
	}
	o.met[victim][word] |= bit
	return nil
}

// succeed notes that an attack succeeded.
func (o *outcomes) succeed(victim, attacker int32, slot int) {
	row := &o.success[int(victim)*o.slots+slot]
	o.grow(row, attacker/64)
	(*row)[attacker/64] |= 1 << (attacker % 64)
}

func (o *outcomes) grow(row *[]uint64, word int32) {
	before := cap(*row)
	for int(word) >= len(*row) {
		*row = append(*row, 0)
	}
	o.bytes += int64(cap(*row)-before) * 8
}

// draw returns how often each of n is drawn in n draws with replacement.
func draw(r *rand.Rand, n int) []float64 {
	times := make([]float64, n)
	for range n {
		times[r.IntN(n)]++
	}
	return times
}

// byteSums are the sums of weights for all values of each byte of a bit row.
type byteSums [][256]float64

func sumsOf(weights []float64) byteSums {
	sums := make(byteSums, (len(weights)+7)/8)
	for i := range sums {
		for value := 1; value < 256; value++ {
			low := value & -value
			bit := i * 8
			for v := low; v > 1; v >>= 1 {
				bit++
			}
			sums[i][value] = sums[i][value&^low]
			if bit < len(weights) {
				sums[i][value] += weights[bit]
			}
		}
	}
	return sums
}

// of returns the sum of the weights of a row's bits.
func (s byteSums) of(row []uint64) (sum float64) {
	for i, word := range row {
		for at := i * 8; word != 0; at++ {
			sum += s[at][word&255]
			word >>= 8
		}
	}
	return sum
}

// byASN returns the places of parties in order of AS number, so that draws do not
// depend on the order in which hijacks came.
func (p *parties) byASN() []int {
	order := make([]int, 0, len(p.asns))
	for i, total := range p.total {
		if total > 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p.asns[a], p.asns[b]) })
	return order
}

// replicate is the parties' weights in one draw.
type replicate struct {
	victims   []float64 // by place
	attackers byteSums  // nil if they are not drawn
}

func (t *tally) replicate(s Sampling, n int) (replicate, error) {
	r := rand.New(rand.NewPCG(s.Seed, uint64(n)))
	out := replicate{victims: slices.Clone(t.victims.weights)}
	if s.Victims {
		if err := t.victims.redraw(r, out.victims, s.VictimDraws > 0); err != nil {
			return out, fmt.Errorf("victims: %w", err)
		}
	}
	if s.Attackers {
		weights := slices.Clone(t.attackers.weights)
		if err := t.attackers.redraw(r, weights, s.AttackerDraws > 0); err != nil {
			return out, fmt.Errorf("attackers: %w", err)
		}
		out.attackers = sumsOf(weights)
	}
	return out, nil
}

// redraw changes weights to those of one replicate. If they are numbers of draws, the
// draws are drawn again, otherwise the parties.
func (p *parties) redraw(r *rand.Rand, weights []float64, draws bool) error {
	order := p.byASN()
	if !draws {
		for i, times := range draw(r, len(order)) {
			weights[order[i]] *= times
		}
		return nil
	}
	drawn := make([]float64, len(order))
	for i, at := range order {
		drawn[i] = weights[at]
	}
	times, err := timesOf(drawn)
	if err != nil {
		return err
	}
	for i, again := range multinomial(r, times) {
		weights[order[i]] = float64(again)
	}
	return nil
}

// values returns the victims' resilience in a replicate, of one slot.
func (t *tally) values(r replicate, totals []float64, slot int, values []weighted) []weighted {
	values = values[:0]
	for v, weight := range r.victims {
		if weight == 0 || totals[v] == 0 {
			continue
		}
		at := v*t.a.slots + slot
		success := t.victims.success[at]
		if r.attackers != nil {
			success = r.attackers.of(t.outcomes.success[at])
		}
		values = append(values, weighted{1 - success/totals[v], weight})
	}
	return values
}

// spreads returns the spread for each of the given slots, three in a row being
// those of one outcome. It returns nil if fewer than two parties were drawn, which
// says nothing of others; and an error if weights are no numbers of draws and should
// be.
func (t *tally) spreads(s Sampling, slots []int) ([]*Spread, error) {
	if s.Victims && t.victims.met() < 2 || s.Attackers && t.attackers.met() < 2 {
		return nil, nil
	}
	means, medians := make([][]float64, len(slots)), make([][]float64, len(slots))
	var values []weighted
	totals := make([]float64, len(t.victims.asns))
	for n := range s.Replicates {
		r, err := t.replicate(s, n)
		if err != nil {
			return nil, err
		}
		copy(totals, t.victims.total)
		if r.attackers != nil {
			clear(totals)
			for v, met := range t.outcomes.met {
				totals[v] = r.attackers.of(met)
			}
		}
		for i, slot := range slots {
			if values = t.values(r, totals, slot, values); len(values) > 0 {
				means[i] = append(means[i], mean(values))
				medians[i] = append(medians[i], median(values))
			}
		}
	}
	out := make([]*Spread, len(slots)/ways)
	for i := range slots {
		if i%ways == 0 {
			out[i/ways] = &Spread{
				Resampled: s.resampled(), VictimDraws: s.VictimDraws, AttackerDraws: s.AttackerDraws, Replicates: s.Replicates, Level: s.Level,
			}
		}
		*out[i/ways].Mean.at(i % ways) = middle(means[i], s.Level)
		*out[i/ways].Median.at(i % ways) = middle(medians[i], s.Level)
	}
	for _, x := range out {
		x.MeanWithTies, x.MedianWithTies = x.Mean.withTies(), x.Median.withTies()
	}
	return out, nil
}

// middle returns the interval that leaves as many values below as above.
func middle(values []float64, level float64) Interval {
	if len(values) == 0 {
		return Interval{}
	}
	slices.Sort(values)
	out := int(math.Floor((1 - level) / 2 * float64(len(values))))
	return Interval{values[out], values[len(values)-1-out]}
}

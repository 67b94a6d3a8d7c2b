package resilience_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// population is ASes of which some are far likelier than others to be drawn, as
// certificates are distributed, and to each how easily it is hijacked by each attacker.
type population struct {
	weights []float64
	// fooled[v][a] is the outcome, the same for lower, picked and upper.
	fooled [][]bool
}

// heavy returns n ASes, with weights as of Zipf's law, and attackers.
func heavy(seed uint64, n, attackers int) population {
	r := rand.New(rand.NewPCG(seed, 4))
	p := population{}
	ease := make([]float64, attackers)
	for a := range ease {
		ease[a] = r.NormFloat64()
	}
	for v := range n {
		p.weights = append(p.weights, 1/float64(v+1))
		own := 2 * r.NormFloat64()
		row := make([]bool, attackers)
		for a := range row {
			row[a] = own+ease[a]+r.NormFloat64() > 0
		}
		p.fooled = append(p.fooled, row)
	}
	return p
}

// resilience is the mean over the whole population, attackers weighted as given.
func (p population) resilience(attackers []float64) float64 {
	sum, all := 0.0, 0.0
	for v, w := range p.weights {
		sum += w * p.of(v, attackers)
		all += w
	}
	return sum / all
}

func (p population) of(v int, attackers []float64) float64 {
	withstood, all := 0.0, 0.0
	for a, w := range attackers {
		if all += w; !p.fooled[v][a] {
			withstood += w
		}
	}
	return withstood / all
}

// drawByWeight draws so many times by weight, and returns how often each was.
func drawByWeight(r *rand.Rand, weights []float64, draws int) []float64 {
	sums := make([]float64, len(weights))
	total := 0.0
	for i, w := range weights {
		total += w
		sums[i] = total
	}
	times := make([]float64, len(weights))
	for range draws {
		at, _ := slices.BinarySearch(sums, r.Float64()*total)
		times[min(at, len(times)-1)]++
	}
	return times
}

// drawn is the study of who was drawn, with how often as weights.
func (p population) drawn(victims, attackers []float64) study {
	s := study{viewpoints: line(1), victims: len(victims), attackers: len(attackers)}
	for v, vw := range victims {
		for a, aw := range attackers {
			if vw == 0 || aw == 0 {
				continue
			}
			set := setOf(1, func(int) bool { return p.fooled[v][a] })
			s.hijacks = append(s.hijacks, result.Hijack{
				Victim: topology.ASN(v + 1), Attacker: topology.ASN(100_000 + a), Attack: "equal-prefix", VictimWeight: vw, AttackerWeight: aw, Count: 1,
				Reached: setOf(1, func(int) bool { return true }), Lower: set, Picked: set, Upper: set,
			})
		}
	}
	return s
}

func ones(n int) []float64 { return slices.Repeat([]float64{1}, n) }

// expanded is the oracle: it writes down every draw, draws as many of these with
// replacement, one by one, and takes the mean over them; and so for attackers if they
// are to be drawn again.
func (p population) expanded(r *rand.Rand, victims, attackers []float64, alsoAttackers bool, replicates int) (low, high float64) {
	expand := func(times []float64) (out []int) {
		for i, n := range times {
			out = append(out, slices.Repeat([]int{i}, int(n))...)
		}
		return out
	}
	again := func(each []int, parties int) []float64 {
		out := make([]float64, parties)
		for range each {
			out[each[r.IntN(len(each))]]++
		}
		return out
	}
	each, eachAttacker := expand(victims), expand(attackers)
	var means []float64
	for range replicates {
		vs, as := again(each, len(victims)), attackers
		if alsoAttackers {
			as = again(eachAttacker, len(attackers))
		}
		sum := 0.0
		for v, n := range vs {
			if n > 0 {
				sum += n * p.of(v, as)
			}
		}
		means = append(means, sum/float64(len(each)))
	}
	slices.Sort(means)
	out := int(0.025 * float64(replicates))
	return means[out], means[replicates-1-out]
}

// TestWeightedSampleAgainstExpandedDraws holds the intervals of weighted samples
// against the oracle: of victims, of attackers' weights beside, and of both.
func TestWeightedSampleAgainstExpandedDraws(t *testing.T) {
	for name, c := range map[string]struct {
		victimDraws, attackerDraws int // attackers are all alike and not sampled if 0
	}{
		"40 draws":                     {40, 0},
		"2000 draws":                   {2000, 0},
		"400 draws, and of attackers":  {400, 150},
		"50 draws, and many attackers": {50, 3000},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := rand.New(rand.NewPCG(7, uint64(c.victimDraws)))
			p := heavy(3, 60, 30)
			victims, attackers := drawByWeight(r, p.weights, c.victimDraws), ones(30)
			sampling := resilience.Sampling{Victims: true, VictimDraws: c.victimDraws, Replicates: 4000, Seed: 1}
			if c.attackerDraws > 0 {
				attackers = drawByWeight(r, p.weights[:30], c.attackerDraws)
				sampling.Attackers, sampling.AttackerDraws = true, c.attackerDraws
			}
			x := spreadOf(t, p.drawn(victims, attackers), sampling)
			low, high := p.expanded(r, victims, attackers, c.attackerDraws > 0, 4000)
			t.Logf("%.4f to %.4f, by expanded draws %.4f to %.4f", x.Mean.Picked.Low, x.Mean.Picked.High, low, high)
			g.Expect(x.Mean.Picked.Low).To(BeNumerically("~", low, (high-low)/15))
			g.Expect(x.Mean.Picked.High).To(BeNumerically("~", high, (high-low)/15))
			g.Expect(x.VictimDraws).To(Equal(c.victimDraws))
			g.Expect(x.AttackerDraws).To(Equal(c.attackerDraws))
		})
	}
}

// TestWidthShrinksWithDraws: a thousand times as many draws make the interval some
// thirty times as narrow, although the distinct ASes are hardly more.
func TestWidthShrinksWithDraws(t *testing.T) {
	g := NewWithT(t)
	p := heavy(5, 200, 20)
	width := func(draws int) float64 {
		r := rand.New(rand.NewPCG(9, 9))
		x := spreadOf(t, p.drawn(drawByWeight(r, p.weights, draws), ones(20)), resilience.Sampling{Victims: true, VictimDraws: draws, Replicates: 2000})
		t.Logf("%d draws: %.2f points wide", draws, 100*(x.Mean.Picked.High-x.Mean.Picked.Low))
		return x.Mean.Picked.High - x.Mean.Picked.Low
	}
	few, many := width(300), width(300_000)
	g.Expect(few / many).To(BeNumerically("~", math.Sqrt(1000), math.Sqrt(1000)/5))
}

// TestWeightedIntervalsCover draws many studies of a population whose resilience is
// known, and counts how often the interval has it: of victims alone, for all
// attackers; and of both, each side drawn by weight. Percentile intervals of some tens
// of draws cover a little less than they say; those of both sides more.
func TestWeightedIntervalsCover(t *testing.T) {
	g := NewWithT(t)
	const studies = 120
	p := heavy(11, 150, 60)
	everybody := ones(60)
	byWeight := p.weights[:60]
	victimsOnly, both, distinct := 0, 0, 0
	for seed := range uint64(studies) {
		r := rand.New(rand.NewPCG(seed, 12))
		inside := func(attackers []float64, truth float64, s resilience.Sampling, victims []float64) bool {
			s.Replicates, s.Seed = 300, seed
			x := spreadOf(t, p.drawn(victims, attackers), s)
			return x.Mean.Picked.Low <= truth && truth <= x.Mean.Picked.High
		}
		victims := drawByWeight(r, p.weights, 120)
		if inside(everybody, p.resilience(everybody), resilience.Sampling{Victims: true, VictimDraws: 120}, victims) {
			victimsOnly++
		}
		if inside(everybody, p.resilience(everybody), resilience.Sampling{Victims: true}, victims) {
			distinct++
		}
		attackers := drawByWeight(r, byWeight, 100)
		if inside(attackers, p.resilience(byWeight), resilience.Sampling{Victims: true, VictimDraws: 120, Attackers: true, AttackerDraws: 100}, victims) {
			both++
		}
	}
	t.Logf("of %d studies: victims %d, both %d; if distinct ASes were drawn again %d", studies, victimsOnly, both, distinct)
	g.Expect(victimsOnly).To(BeNumerically("~", 0.95*studies, 0.05*studies))
	g.Expect(both).To(BeNumerically(">=", 0.92*studies))
	g.Expect(both).To(BeNumerically("<", studies+1))
}

// TestIntervalWithTies: it holds the intervals of all three ways, from the low end of
// the lowest to the high end of the highest.
func TestIntervalWithTies(t *testing.T) {
	g := NewWithT(t)
	s := effects(2, 30, 20)
	for i := range s.hijacks {
		h := &s.hijacks[i] // a third of ties
		if i%3 == 0 {
			h.Lower = setOf(1, func(int) bool { return true })
		}
		if i%3 == 1 {
			h.Picked, h.Upper = h.Lower, setOf(1, func(int) bool { return false })
		}
	}
	x := spreadOf(t, s, resilience.Sampling{Victims: true, Attackers: true, Replicates: 200})
	g.Expect(x.MeanWithTies).To(Equal(resilience.Interval{Low: x.Mean.Lower.Low, High: x.Mean.Upper.High}))
	g.Expect(x.MedianWithTies).To(Equal(resilience.Interval{Low: x.Median.Lower.Low, High: x.Median.Upper.High}))
	g.Expect(x.MeanWithTies.Low).To(BeNumerically("<", x.Mean.Picked.Low))
	g.Expect(x.MeanWithTies.High).To(BeNumerically(">", x.Mean.Picked.High))
}

// TestWeightedSamplingRefuses what is no number of draws.
func TestWeightedSamplingRefuses(t *testing.T) {
	g := NewWithT(t)
	single := resilience.Policy{Deployment: resilience.Deployment{Primary: 0}, Rule: named(t, "primary-only")}
	for want, s := range map[string]resilience.Sampling{
		"sampling: -1 draws of victims":                  {Victims: true, VictimDraws: -1},
		"sampling: 3 draws of victims and 0":             {Attackers: true, VictimDraws: 3},
		"sampling: 0 draws of victims and 3 of attacker": {Victims: true, AttackerDraws: 3},
	} {
		_, err := resilience.NewAccumulator(resilience.Options{Viewpoints: line(1), Policies: []resilience.Policy{single}, Sampling: &s})
		g.Expect(err).To(MatchError(ContainSubstring(want)))
	}
	half := effects(3, 4, 5)
	for i := range half.hijacks {
		half.hijacks[i].VictimWeight = 1.5
	}
	a := accumulate(t, half, resilience.Options{Viewpoints: half.viewpoints, Policies: []resilience.Policy{single}, Sampling: &resilience.Sampling{Victims: true, VictimDraws: 6}})
	_, err := a.Report(resilience.ReportOptions{})
	g.Expect(err).To(MatchError(ContainSubstring("victims: a party of a weighted sample: found weight 1.5, expected how often it was drawn")))
}

// TestSamplingOf: weights are numbers of draws in a weighted sample only, and not the
// weights of sampled domains.
func TestSamplingOf(t *testing.T) {
	g := NewWithT(t)
	all := result.Selection{How: "all"}
	weighted := result.Selection{How: "weighted-sample", Draws: 300, Seed: 3}
	sample := result.Selection{How: "sample", Draws: 20, Seed: 3}
	for name, c := range map[string]struct {
		m    result.Manifest
		want *resilience.Sampling
		left string
	}{
		"nothing":             {result.Manifest{Victims: all, Attackers: all}, nil, ""},
		"weights":             {result.Manifest{Victims: result.Selection{How: "weights"}, Attackers: all}, nil, ""},
		"a sample":            {result.Manifest{Victims: sample, Attackers: all, Seed: 7}, &resilience.Sampling{Victims: true, Seed: 7}, ""},
		"a weighted sample":   {result.Manifest{Victims: weighted, Attackers: all}, &resilience.Sampling{Victims: true, VictimDraws: 300}, ""},
		"of both":             {result.Manifest{Victims: sample, Attackers: weighted}, &resilience.Sampling{Victims: true, Attackers: true, AttackerDraws: 300}, ""},
		"of both, aggregated": {result.Manifest{Victims: weighted, Attackers: weighted, Aggregate: true}, &resilience.Sampling{Victims: true, VictimDraws: 300}, "attackers"},
		"aggregated":          {result.Manifest{Victims: all, Attackers: sample, Aggregate: true}, nil, "attackers"},
		"domains": {
			result.Manifest{Victims: result.Selection{How: "domains"}, Domains: &result.DomainSelection{Draws: 5}, Attackers: all},
			&resilience.Sampling{Victims: true}, "",
		},
	} {
		g.Expect(resilience.SamplingOf(&c.m)).To(Equal(c.want), name)
		g.Expect(resilience.NotDrawnAgain(&c.m)).To(Equal(c.left), name)
	}
}

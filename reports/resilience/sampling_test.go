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

// effects draws a study with one viewpoint, in which how easy a hijack is depends
// on the victim and on the attacker: the resilience of an infinite study is 1/2.
func effects(seed uint64, victims, attackers int) study {
	r := rand.New(rand.NewPCG(seed, 3))
	ease := func(n int) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = r.NormFloat64()
		}
		return out
	}
	v, a := ease(victims), ease(attackers)
	s := study{viewpoints: line(1), victims: victims, attackers: attackers}
	for i := range v {
		for j := range a {
			fooled := v[i]+a[j]+r.NormFloat64() > 0
			set := setOf(1, func(int) bool { return fooled })
			s.hijacks = append(s.hijacks, result.Hijack{
				Victim: topology.ASN(i + 1), Attacker: topology.ASN(1000 + j), Attack: "equal-prefix", VictimWeight: 1, AttackerWeight: 1, Count: 1,
				Reached: setOf(1, func(int) bool { return true }), Lower: set, Picked: set, Upper: set,
			})
		}
	}
	return s
}

func spreadOf(t *testing.T, s study, sampling resilience.Sampling) *resilience.Spread {
	t.Helper()
	single := resilience.Policy{Deployment: resilience.Deployment{Primary: 0}, Rule: named(t, "primary-only")}
	return report(t, s, resilience.Options{Policies: []resilience.Policy{single}, Sampling: &sampling}).Policies[0].WithPrimary.Spread
}

// TestIntervalsCover draws many studies and counts how often the interval has the
// value that they were drawn from.
func TestIntervalsCover(t *testing.T) {
	g := NewWithT(t)
	const studies = 150
	both, victimsOnly := 0, 0
	for seed := range uint64(studies) {
		s := effects(seed, 40, 30)
		x := spreadOf(t, s, resilience.Sampling{Victims: true, Attackers: true, Replicates: 200, Seed: seed})
		if x.Mean.Picked.Low <= 0.5 && 0.5 <= x.Mean.Picked.High {
			both++
		}
		x = spreadOf(t, s, resilience.Sampling{Victims: true, Replicates: 200, Seed: seed})
		if x.Mean.Picked.Low <= 0.5 && 0.5 <= x.Mean.Picked.High {
			victimsOnly++
		}
	}
	t.Logf("of %d intervals of 95 %%, %d have the value; %d if attackers are taken for all there are", studies, both, victimsOnly)
	g.Expect(both).To(BeNumerically(">", studies*88/100))
	g.Expect(victimsOnly).To(BeNumerically("<", studies*85/100), "what is drawn must be drawn again")
}

// TestIntervalOfTheMeanOfVictims is as wide as the textbook says: 2 · 1.96 · s/√n.
func TestIntervalOfTheMeanOfVictims(t *testing.T) {
	g := NewWithT(t)
	s := effects(7, 200, 50)
	wins := map[topology.ASN]float64{}
	for _, h := range s.hijacks {
		if h.Picked.Has(0) {
			wins[h.Victim]++
		}
	}
	sum, squares := 0.0, 0.0
	for v := range 200 {
		x := 1 - wins[topology.ASN(v+1)]/50
		sum += x
		squares += x * x
	}
	mean := sum / 200
	deviation := math.Sqrt(squares/200 - mean*mean)
	x := spreadOf(t, s, resilience.Sampling{Victims: true, Replicates: 4000})
	g.Expect(x.Resampled).To(Equal("victims"))
	g.Expect(x.Replicates).To(Equal(4000))
	g.Expect(x.Level).To(Equal(0.95))
	half := 1.96 * deviation / math.Sqrt(200)
	g.Expect(x.Mean.Picked.Low).To(BeNumerically("~", mean-half, half/10))
	g.Expect(x.Mean.Picked.High).To(BeNumerically("~", mean+half, half/10))
	g.Expect(x.Median.Picked.High-x.Median.Picked.Low).To(BeNumerically(">", 2*half), "the median is less sure than the mean")
}

// TestResamplingAttackersEqualsLoops: the replicates are those that plain loops over
// pairs give. Weights that are powers of two keep sums exact in any order.
func TestResamplingAttackersEqualsLoops(t *testing.T) {
	g := NewWithT(t)
	s := effects(9, 6, 37)
	for i := range s.hijacks {
		s.hijacks[i].AttackerWeight = float64(int(1) << (s.hijacks[i].Attacker % 3))
		s.hijacks[i].VictimWeight = float64(int(1) << (s.hijacks[i].Victim % 2))
	}
	const replicates = 39 // 2.5 % of them are none: the interval is the whole range
	x := spreadOf(t, s, resilience.Sampling{Victims: true, Attackers: true, Replicates: replicates, Seed: 5})
	low, high := math.Inf(1), math.Inf(-1)
	for n := range uint64(replicates) {
		r := rand.New(rand.NewPCG(5, n))
		times := func(count, first int) map[topology.ASN]float64 {
			out := map[topology.ASN]float64{}
			for range count {
				out[topology.ASN(first+r.IntN(count))]++
			}
			return out
		}
		victims := times(6, 1)
		attackers := times(37, 1000)
		success, total := map[topology.ASN]float64{}, map[topology.ASN]float64{}
		for _, h := range s.hijacks {
			w := attackers[h.Attacker] * h.AttackerWeight
			total[h.Victim] += w
			if h.Picked.Has(0) {
				success[h.Victim] += w
			}
		}
		sum, weight := 0.0, 0.0
		for v := range total {
			w := victims[v] * float64(int(1)<<(v%2))
			sum += w * (1 - success[v]/total[v])
			weight += w
		}
		low, high = min(low, sum/weight), max(high, sum/weight)
	}
	g.Expect(x.Mean.Picked.Low).To(BeNumerically("~", low, 1e-12))
	g.Expect(x.Mean.Picked.High).To(BeNumerically("~", high, 1e-12))
}

// TestIntervalsDoNotDependOnOrder, nor on other policies beside.
func TestIntervalsDoNotDependOnOrder(t *testing.T) {
	g := NewWithT(t)
	s := effects(3, 10, 20)
	sampling := resilience.Sampling{Victims: true, Attackers: true, Replicates: 100, Seed: 1}
	want := spreadOf(t, s, sampling)
	backwards := s
	backwards.hijacks = slices.Clone(s.hijacks)
	slices.Reverse(backwards.hijacks)
	got := spreadOf(t, backwards, sampling)
	g.Expect(got.Mean.Picked.Low).To(BeNumerically("~", want.Mean.Picked.Low, 1e-12))
	g.Expect(got.Median.Picked.High).To(BeNumerically("~", want.Median.Picked.High, 1e-12))
	sampling.Seed = 2
	g.Expect(spreadOf(t, s, sampling)).NotTo(Equal(want))
}

func TestNoIntervalWithoutSampling(t *testing.T) {
	g := NewWithT(t)
	s := effects(3, 10, 20)
	single := resilience.Policy{Deployment: resilience.Deployment{Primary: 0}, Rule: named(t, "primary-only")}
	g.Expect(report(t, s, resilience.Options{Policies: []resilience.Policy{single}}).Policies[0].WithPrimary.Spread).To(BeNil())
	g.Expect(spreadOf(t, effects(3, 1, 20), resilience.Sampling{Victims: true})).To(BeNil(), "one victim says nothing of others")
}

func TestSamplingRefuses(t *testing.T) {
	g := NewWithT(t)
	s := effects(3, 2, 3)
	single := resilience.Policy{Deployment: resilience.Deployment{Primary: 0}, Rule: named(t, "primary-only")}
	o := resilience.Options{Viewpoints: s.viewpoints, Policies: []resilience.Policy{single}}
	for want, sampling := range map[string]resilience.Sampling{
		"neither victims nor attackers": {},
		"-1 replicates":                 {Victims: true, Replicates: -1},
		"level 1":                       {Victims: true, Level: 1},
	} {
		o.Sampling = &sampling
		_, err := resilience.NewAccumulator(o)
		g.Expect(err).To(MatchError(ContainSubstring(want)))
	}
	o.Sampling = &resilience.Sampling{Attackers: true}
	a := accumulate(t, s, o)
	g.Expect(a.Add(&s.hijacks[0])).To(MatchError(ContainSubstring("the same pair came before")))
	pattern := s.hijacks[0]
	pattern.Attacker, pattern.Count = 0, 5
	g.Expect(a.Add(&pattern)).To(MatchError(ContainSubstring("not told apart")))

	o.Sampling = &resilience.Sampling{Attackers: true, MaxBytes: 8}
	a, err := resilience.NewAccumulator(o)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.Add(&s.hijacks[0])).To(Succeed())
	g.Expect(a.Add(&s.hijacks[len(s.hijacks)-1])).To(MatchError(ContainSubstring("more than 8 bytes")))
}

package resilience_test

import (
	"math"
	"slices"
	"sort"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// sums is what the oracle keeps of one party: weights of others, in plain maps.
type sums struct {
	weight, total    float64
	success, unknown [3]float64
}

// oracle goes through hijacks with booleans and policy.Decide.
func oracle(t *testing.T, s study, p resilience.Policy, withPrimary bool) (victims, attackers map[topology.ASN]*sums) {
	victims, attackers = map[topology.ASN]*sums{}, map[topology.ASN]*sums{}
	for _, h := range s.hijacks {
		if victims[h.Victim] == nil {
			victims[h.Victim] = &sums{weight: h.VictimWeight}
		}
		if attackers[h.Attacker] == nil {
			attackers[h.Attacker] = &sums{weight: h.AttackerWeight}
		}
		v, a := victims[h.Victim], attackers[h.Attacker]
		v.total += h.AttackerWeight
		a.total += h.VictimWeight
		for way, set := range []result.Set{h.Lower, h.Picked, h.Upper} {
			if decide(t, s.viewpoints, p, withPrimary, set.Has) {
				v.success[way] += h.AttackerWeight
				a.success[way] += h.VictimWeight
			} else if decide(t, s.viewpoints, p, withPrimary, func(i int) bool { return set.Has(i) || !h.Reached.Has(i) }) {
				v.unknown[way] += h.AttackerWeight
			}
		}
	}
	return victims, attackers
}

// plainMedian repeats every value as often as its weight in halves says.
func plainMedian(values, weights []float64) float64 {
	var all []float64
	for i, v := range values {
		for range int(2 * weights[i]) {
			all = append(all, v)
		}
	}
	sort.Float64s(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}

func list(b resilience.Bounds) []float64 { return []float64{b.Lower, b.Picked, b.Upper} }

func near(b resilience.Bounds) OmegaMatcher {
	const tolerance = 1e-9
	return WithTransform(list, HaveExactElements(
		BeNumerically("~", b.Lower, tolerance), BeNumerically("~", b.Picked, tolerance), BeNumerically("~", b.Upper, tolerance)))
}

func expectOutcome(t *testing.T, s study, p resilience.Policy, withPrimary bool, got *resilience.Outcome) {
	t.Helper()
	g := NewWithT(t)
	victims, attackers := oracle(t, s, p, withPrimary)
	var asns []topology.ASN
	for asn := range victims {
		asns = append(asns, asn)
	}
	slices.Sort(asns)
	var mean, median, unknown [3]float64
	for way := range 3 {
		var values, weights []float64
		total := 0.0
		for _, asn := range asns {
			v := victims[asn]
			res := 1 - v.success[way]/v.total
			values, weights = append(values, res), append(weights, v.weight)
			mean[way] += res * v.weight
			unknown[way] += v.unknown[way] / v.total * v.weight
			total += v.weight
		}
		mean[way] /= total
		unknown[way] /= total
		median[way] = plainMedian(values, weights)
		steps := [][]resilience.Step{got.CDF.Lower, got.CDF.Picked, got.CDF.Upper}[way]
		for _, step := range steps {
			share := 0.0
			for i, v := range values {
				if v <= step.Resilience+1e-12 {
					share += weights[i] / total
				}
			}
			g.Expect(step.Share).To(BeNumerically("~", share, 1e-9))
		}
		g.Expect(steps[len(steps)-1].Share).To(BeNumerically("~", 1, 1e-12))
	}
	bounds := func(x [3]float64) resilience.Bounds { return resilience.Bounds{Lower: x[0], Picked: x[1], Upper: x[2]} }
	g.Expect(got.Mean).To(near(bounds(mean)), "mean")
	g.Expect(got.Median).To(near(bounds(median)), "median")
	g.Expect(got.Unreached).To(near(bounds(unknown)), "unreached")
	g.Expect(got.Victims).To(HaveLen(len(victims)))
	last := math.Inf(-1)
	for _, v := range got.Victims {
		want := victims[v.ASN]
		for way := range 3 {
			g.Expect(list(v.Resilience)[way]).To(BeNumerically("~", 1-want.success[way]/want.total, 1e-9))
			g.Expect(list(v.Unreached)[way]).To(BeNumerically("~", want.unknown[way]/want.total, 1e-9))
		}
		g.Expect(v.Weight).To(Equal(want.weight))
		g.Expect(v.Resilience.Picked).To(BeNumerically(">=", last))
		last = v.Resilience.Picked
	}
	g.Expect(got.Attackers).To(HaveLen(len(attackers)))
	last = math.Inf(1)
	for _, a := range got.Attackers {
		want := attackers[a.ASN]
		for way := range 3 {
			g.Expect(list(a.Success)[way]).To(BeNumerically("~", want.success[way]/want.total, 1e-9))
		}
		g.Expect(a.Success.Picked).To(BeNumerically("<=", last))
		last = a.Success.Picked
	}
}

// accumulate adds all hijacks of a study.
func accumulate(t testing.TB, s study, o resilience.Options) *resilience.Accumulator {
	t.Helper()
	o.Viewpoints = s.viewpoints
	a, err := resilience.NewAccumulator(o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.hijacks {
		if err := a.Add(&s.hijacks[i]); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// TestAccumulatorEqualsOracle applies several policies at once to studies with and
// without weights and routes.
func TestAccumulatorEqualsOracle(t *testing.T) {
	for name, d := range map[string]drawing{
		"plain":                  {viewpoints: 9, victims: 6, attackers: 30, seed: 1},
		"weights":                {viewpoints: 9, victims: 6, attackers: 30, seed: 2, weights: true},
		"no routes":              {viewpoints: 9, victims: 6, attackers: 30, seed: 3, unreached: 0.1},
		"weights and no routes":  {viewpoints: 70, victims: 5, attackers: 21, seed: 4, weights: true, unreached: 0.1},
		"a block that is full":   {viewpoints: 9, victims: 1, attackers: 65, seed: 5},
		"two words of viewpoint": {viewpoints: 128, victims: 3, attackers: 40, seed: 6},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := draw(d)
			wide := resilience.Deployment{Name: "wide", Primary: d.viewpoints - 1, Remotes: []int{d.viewpoints - 2, 3, 0, 5, 1, 4}}
			none := span(5)
			none.Primary = resilience.NoPrimary
			policies := []resilience.Policy{
				{Deployment: span(5), Rule: on(t, "2026-12-15")},
				{Deployment: wide, Rule: on(t, "2026-12-15")},
				{Deployment: span(3), Rule: named(t, "lets-encrypt-2020")},
				{Deployment: none, Rule: named(t, "n-1")},
				{Deployment: span(5), Rule: named(t, "primary-only")},
				{Deployment: wide, Rule: named(t, "all")},
			}
			if d.viewpoints == 70 || d.viewpoints == 128 {
				for i := range policies {
					policies[i].Rule.MinDistanceKm = 0 // the line goes round
				}
			}
			report, err := accumulate(t, s, resilience.Options{Policies: policies, Attackers: true}).Report(resilience.ReportOptions{List: -1, Steps: -1})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(report.Attacks).To(HaveLen(1))
			got := report.Attacks[0]
			g.Expect(got.Hijacks).To(BeEquivalentTo(len(s.hijacks)))
			g.Expect(got.Victims).To(Equal(d.victims))
			g.Expect(got.Weighted).To(Equal(d.weights))
			for i, p := range policies {
				r := got.Policies[i]
				g.Expect(r.WithPrimary == nil).To(Equal(p.Deployment.Primary == resilience.NoPrimary))
				if r.WithPrimary != nil {
					expectOutcome(t, s, p, true, r.WithPrimary)
				}
				g.Expect(r.WithoutPrimary == nil).To(Equal(p.Rule.Name == "primary-only"))
				if r.WithoutPrimary != nil {
					expectOutcome(t, s, p, false, r.WithoutPrimary)
				}
			}
		})
	}
}

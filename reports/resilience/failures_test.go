package resilience_test

import (
	"math"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/reports/resilience"
	"mpicsim/topology/place"
)

// refusedByHand goes through every set of members that fail, each with its
// probability, and asks policy.Decide.
func refusedByHand(t *testing.T, n int, p resilience.Policy, probability func(failed int) float64) (all, remotes float64, counts []float64) {
	viewpoints := line(n)
	counts = make([]float64, len(p.Deployment.Remotes)+1)
	vouched := 0.0
	for failed := range 1 << n {
		chance := probability(failed)
		vouches := func(i int) bool { return failed>>i&1 == 0 }
		issued := decide(t, viewpoints, p, true, vouches)
		if !issued {
			all += chance
		}
		k := 0
		for _, r := range p.Deployment.Remotes {
			if !vouches(r) {
				k++
			}
		}
		counts[k] += chance
		if vouches(0) || p.Deployment.Primary == resilience.NoPrimary {
			vouched += chance
			if !issued {
				remotes += chance
			}
		}
	}
	return all, remotes / vouched, counts
}

// TestBenignEqualsEnumeration holds each model against its definition.
func TestBenignEqualsEnumeration(t *testing.T) {
	none := span(5)
	none.Primary = resilience.NoPrimary
	monitoring := on(t, "2026-12-15")
	monitoring.Enforced = false
	regions := on(t, "2026-12-15")
	regions.MinRIRs = 5 // all of them must be there
	policies := map[string]resilience.Policy{
		"five remotes":      {Deployment: span(5), Rule: on(t, "2026-12-15")},
		"six remotes":       {Deployment: span(6), Rule: on(t, "2026-12-15")},
		"five regions":      {Deployment: span(6), Rule: regions},
		"without a primary": {Deployment: none, Rule: named(t, "n-1")},
		"all":               {Deployment: span(3), Rule: named(t, "all")},
		"primary only":      {Deployment: span(3), Rule: named(t, "primary-only")},
		"monitoring":        {Deployment: span(5), Rule: monitoring},
	}
	const n = 7
	independent := func(rates func(int) float64) func(int) float64 {
		return func(failed int) float64 {
			out := 1.0
			for i := range n {
				if failed>>i&1 != 0 {
					out *= rates(i)
				} else {
					out *= 1 - rates(i)
				}
			}
			return out
		}
	}
	differing := map[int]float64{0: 0.3, 2: 0.5, 5: 0.05}
	rate := func(i int) float64 {
		if r, ok := differing[i]; ok {
			return r
		}
		return 0.1
	}
	models := map[string]struct {
		failures    resilience.Failures
		probability func(int) float64
	}{
		"independent": {resilience.Failures{Rate: 0.1, Rates: differing}, independent(rate)},
		"never":       {resilience.Failures{}, independent(func(int) float64 { return 0 })},
		"shock": {resilience.Failures{Rate: 0.1, Rates: differing, Shock: 0.04}, func(failed int) float64 {
			out := 0.96 * independent(func(i int) float64 { return (rate(i) - 0.04) / 0.96 })(failed)
			if failed == 1<<n-1 {
				out += 0.04
			}
			return out
		}},
		// The mean over the rate, by the midpoint rule.
		"beta-binomial": {resilience.Failures{Rate: 0.25, Correlation: 0.2}, func(failed int) float64 {
			const a, b, steps = 0.25 * 0.8 / 0.2, 0.75 * 0.8 / 0.2, 20000 // 1 and 3: density 3(1-x)²
			sum := 0.0
			for i := range steps {
				x := (float64(i) + 0.5) / steps
				sum += independent(func(int) float64 { return x })(failed) * math.Pow(x, a-1) * math.Pow(1-x, b-1) * 3
			}
			return sum / steps
		}},
	}
	for name, p := range policies {
		for model, m := range models {
			t.Run(name+", "+model, func(t *testing.T) {
				g := NewWithT(t)
				c, err := resilience.Compile(line(n), p)
				g.Expect(err).NotTo(HaveOccurred())
				got, err := c.Benign(m.failures)
				g.Expect(err).NotTo(HaveOccurred())
				all, remotes, counts := refusedByHand(t, n, p, m.probability)
				const tolerance = 1e-6
				g.Expect(got.Refused).To(BeNumerically("~", all, tolerance))
				g.Expect(got.RefusedByRemotes).To(BeNumerically("~", remotes, tolerance))
				g.Expect(got.NonCorroborations).To(HaveLen(len(counts)))
				for k, want := range counts {
					g.Expect(got.NonCorroborations[k]).To(BeNumerically("~", want, tolerance), "%d fail", k)
				}
			})
		}
	}
}

// TestCorrelationKeepsRates: whatever the correlation, every perspective fails as
// often as is said, and more correlation makes failures more alike.
func TestCorrelationKeepsRates(t *testing.T) {
	g := NewWithT(t)
	c, err := resilience.Compile(line(6), resilience.Policy{Deployment: span(5), Rule: on(t, "2026-12-15")})
	g.Expect(err).NotTo(HaveOccurred())
	last := 0.0
	for _, f := range []resilience.Failures{{Rate: 0.1}, {Rate: 0.1, Correlation: 0.1}, {Rate: 0.1, Correlation: 0.5}, {Rate: 0.1, Correlation: 0.99}, {Rate: 0.1, Shock: 0.1}} {
		b, err := c.Benign(f)
		g.Expect(err).NotTo(HaveOccurred())
		expected := 0.0
		for k, chance := range b.NonCorroborations {
			expected += float64(k) * chance
		}
		g.Expect(expected).To(BeNumerically("~", 0.5, 1e-9))
		g.Expect(b.NonCorroborations[5]).To(BeNumerically(">", last))
		last = b.NonCorroborations[5]
	}
}

// TestGroupsFailTogether: of remotes too near to each other one that fails is
// enough, so they vouch less often than one alone.
func TestGroupsFailTogether(t *testing.T) {
	g := NewWithT(t)
	viewpoints := line(7)
	viewpoints[6].Location = viewpoints[5].Location
	viewpoints[6].RIR = place.LACNIC
	p := resilience.Policy{Deployment: span(6), Rule: on(t, "2026-12-15")}
	c, err := resilience.Compile(viewpoints, p)
	g.Expect(err).NotTo(HaveOccurred())
	for _, f := range []resilience.Failures{{Rate: 0.2}, {Rate: 0.2, Correlation: 0.3}} {
		b, err := c.Benign(f)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(b.NonCorroborations).To(HaveLen(6), "six remotes count as five")
		none := math.Pow(0.8, 6)
		if f.Correlation > 0 {
			none = 1 // the product over i of (β+i)/(α+β+i)
			const a, b = 0.2 * 0.7 / 0.3, 0.8 * 0.7 / 0.3
			for i := range 6 {
				none *= (b + float64(i)) / (a + b + float64(i))
			}
		}
		g.Expect(b.NonCorroborations[0]).To(BeNumerically("~", none, 1e-9))
	}
}

// TestLadderTradesResilienceForRefusals: each further non-corroboration that is
// tolerated costs resilience and spares honest requests.
func TestLadderTradesResilienceForRefusals(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 7, victims: 5, attackers: 60, seed: 71})
	var policies []resilience.Policy
	rules := resilience.Ladder(on(t, "2026-12-15"), 6)
	g.Expect(rules).To(HaveLen(6))
	for m, q := range rules {
		g.Expect(q.Validate()).To(Succeed())
		g.Expect(q.Required(6)).To(Equal(6 - m))
		g.Expect(q.MinRIRs).To(Equal(2))
		policies = append(policies, resilience.Policy{Deployment: span(6), Rule: q})
	}
	policies[4].Rule.MinRIRs, policies[5].Rule.MinRIRs = 0, 0
	got := report(t, s, resilience.Options{Policies: policies, Failures: &resilience.Failures{Rate: 0.05, Shock: 0.01}}).Policies
	for m := range got {
		g.Expect(got[m].Failures.Rate).To(Equal(0.05), "the assumption goes with what follows from it")
		if m > 0 {
			g.Expect(got[m].WithPrimary.Mean.Picked).To(BeNumerically("<", got[m-1].WithPrimary.Mean.Picked))
			g.Expect(got[m].Benign.Refused).To(BeNumerically("<", got[m-1].Benign.Refused))
		}
		g.Expect(got[m].Benign.Refused).To(BeNumerically(">=", 0.05), "the primary alone")
	}
}

func TestFailuresRefuse(t *testing.T) {
	for name, tc := range map[string]struct {
		failures resilience.Failures
		want     string
	}{
		"more than always":                 {resilience.Failures{Rate: 1.1}, "expected 0 to 1"},
		"no number":                        {resilience.Failures{Rate: math.NaN()}, "expected 0 to 1"},
		"full correlation":                 {resilience.Failures{Rate: 0.1, Correlation: 1}, "less than 1"},
		"two correlations":                 {resilience.Failures{Rate: 0.1, Correlation: 0.1, Shock: 0.1}, "not defined"},
		"correlation of rates that differ": {resilience.Failures{Rate: 0.1, Correlation: 0.1, Rates: map[int]float64{1: 0.2}}, "not defined"},
		"a shock beyond the rate":          {resilience.Failures{Rate: 0.1, Shock: 0.2}, "part of it"},
		"a shock beyond one rate":          {resilience.Failures{Rate: 0.1, Shock: 0.05, Rates: map[int]float64{3: 0.01}}, "viewpoint 3: expected 0.05 to 1"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := resilience.NewAccumulator(resilience.Options{
				Viewpoints: line(2), Failures: &tc.failures,
				Policies: []resilience.Policy{{Deployment: span(1), Rule: named(t, "1/1")}},
			})
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

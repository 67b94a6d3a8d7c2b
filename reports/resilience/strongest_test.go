package resilience_test

import (
	"cmp"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// TestStrongestEqualsOracle lets every attacker choose among three shapes: the one
// that succeeds, pair by pair, and for each policy and way of ties by itself.
func TestStrongestEqualsOracle(t *testing.T) {
	for name, d := range map[string]drawing{
		"plain":                 {viewpoints: 9, victims: 5, attackers: 30, seed: 1},
		"weights and no routes": {viewpoints: 9, victims: 4, attackers: 71, seed: 2, weights: true, unreached: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var s study
			for n, shape := range []string{"equal-prefix", "forged-origin", "another"} {
				d.seed += 10
				one := draw(d)
				s.viewpoints = one.viewpoints
				for _, h := range one.hijacks {
					h.Attack = shape
					if n < 2 || h.Attacker%3 > 0 { // not everybody is able to launch all
						s.hijacks = append(s.hijacks, h)
					}
				}
			}
			slices.SortStableFunc(s.hijacks, func(a, b result.Hijack) int { return cmp.Compare(a.Victim, b.Victim) })
			policies := []resilience.Policy{
				{Deployment: span(5), Rule: on(t, "2026-12-15")},
				{Deployment: span(3), Rule: named(t, "lets-encrypt-2020")},
			}
			report, err := accumulate(t, s, resilience.Options{Policies: policies, Attackers: true, Strongest: true}).Report(resilience.ReportOptions{List: -1, Steps: -1})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(report.Attacks).To(HaveLen(4))
			g.Expect(report.Attacks[3].Attack).To(Equal(resilience.Strongest))
			for i, p := range policies {
				for _, withPrimary := range []bool{true, false} {
					got := report.Attacks[3].Policies[i].WithPrimary
					if !withPrimary {
						got = report.Attacks[3].Policies[i].WithoutPrimary
					}
					expectStrongest(t, s, p, withPrimary, got)
				}
				for _, other := range report.Attacks[:3] {
					g.Expect(report.Attacks[3].Policies[i].WithPrimary.Mean.Picked).To(BeNumerically("<", other.Policies[i].WithPrimary.Mean.Picked))
				}
			}
			g.Expect(report.Attacks[3].Hijacks).To(BeEquivalentTo(d.victims * (d.attackers - 1)))
		})
	}
}

// expectStrongest goes through pairs with plain maps.
func expectStrongest(t *testing.T, s study, p resilience.Policy, withPrimary bool, got *resilience.Outcome) {
	t.Helper()
	g := NewWithT(t)
	type pair struct{ victim, attacker topology.ASN }
	var success, unknown [3]map[pair]bool
	weights := map[pair]float64{}
	for way := range 3 {
		success[way], unknown[way] = map[pair]bool{}, map[pair]bool{}
		for _, h := range s.hijacks {
			who := pair{h.Victim, h.Attacker}
			weights[who] = h.AttackerWeight
			set := []result.Set{h.Lower, h.Picked, h.Upper}[way]
			if decide(t, s.viewpoints, p, withPrimary, set.Has) {
				success[way][who] = true
			} else if decide(t, s.viewpoints, p, withPrimary, func(i int) bool { return set.Has(i) || !h.Reached.Has(i) }) {
				unknown[way][who] = true
			}
		}
	}
	for _, v := range got.Victims {
		for way := range 3 {
			var total, won, lost float64
			for who, w := range weights {
				if who.victim != v.ASN {
					continue
				}
				total += w
				switch {
				case success[way][who]:
					won += w
				case unknown[way][who]:
					lost += w
				}
			}
			g.Expect(list(v.Resilience)[way]).To(BeNumerically("~", 1-won/total, 1e-9))
			g.Expect(list(v.Unreached)[way]).To(BeNumerically("~", lost/total, 1e-9))
		}
	}
	for _, a := range got.Attackers {
		g.Expect(a.Success.Lower).To(BeNumerically(">=", a.Success.Upper))
	}
}

// TestStrongestNeedsPairs: attackers told apart, and victims one after the other.
func TestStrongestNeedsPairs(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 6, victims: 2, attackers: 5, seed: 3})
	a, err := resilience.NewAccumulator(resilience.Options{
		Viewpoints: s.viewpoints, Policies: []resilience.Policy{{Deployment: span(5), Rule: on(t, "2026-12-15")}}, Strongest: true,
	})
	g.Expect(err).NotTo(HaveOccurred())
	first, last := s.hijacks[0], s.hijacks[len(s.hijacks)-1]
	g.Expect(a.Add(&first)).To(Succeed())
	g.Expect(a.Add(&last)).To(Succeed())
	g.Expect(a.Add(&first)).To(MatchError(ContainSubstring("do not come together, which the strongest attack needs")))
	last.Attacker = 0
	g.Expect(a.Add(&last)).To(MatchError(ContainSubstring("attackers are not told apart")))
}

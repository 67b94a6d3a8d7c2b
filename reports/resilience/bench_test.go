package resilience_test

import (
	"fmt"
	"testing"

	"mpicsim/perspectives/policy"
	"mpicsim/reports/resilience"
)

// BenchmarkAdd applies quorum rules to hijacks of a study with 200 viewpoints: a
// primary and five remotes spread over them, all rules together, each judged for
// three ways in which ties may fall, with and without the primary.
func BenchmarkAdd(b *testing.B) {
	const victims, attackers = 2, 512 // rows stay in the cache, as decoded ones do
	for _, d := range []drawing{
		{viewpoints: 200, victims: victims, attackers: attackers, seed: 1},
		{viewpoints: 200, victims: victims, attackers: attackers, seed: 1, unreached: 0.01},
		{viewpoints: 200, victims: victims, attackers: attackers, seed: 1, weights: true},
	} {
		s := draw(d)
		deployment := resilience.Deployment{Name: "six of 200", Primary: 3, Remotes: []int{40, 77, 118, 151, 199}}
		for _, rules := range []int{1, 6, 24} {
			for _, byAttacker := range []bool{false, true} {
				policies := make([]resilience.Policy, rules)
				for i := range policies {
					q := policy.Quorum{
						Name: fmt.Sprint(i), Clause: "bench", MinRemotes: 5, Allowed: i % 5, MinRIRs: i % 4, Enforced: true,
					}
					policies[i] = resilience.Policy{Deployment: deployment, Rule: q}
				}
				name := fmt.Sprintf("viewpoints=200,perspectives=6,rules=%d,unreached=%v,weights=%v,attackers=%v", rules, d.unreached, d.weights, byAttacker)
				b.Run(name, func(b *testing.B) {
					a, err := resilience.NewAccumulator(resilience.Options{Viewpoints: s.viewpoints, Policies: policies, Attackers: byAttacker})
					if err != nil {
						b.Fatal(err)
					}
					for i := range s.hijacks { // memory for all parties
						if err := a.Add(&s.hijacks[i]); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportAllocs()
					n := 0
					for b.Loop() {
						if err := a.Add(&s.hijacks[n]); err != nil {
							b.Fatal(err)
						}
						if n++; n == len(s.hijacks) {
							n = 0
						}
					}
					each := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
					b.ReportMetric(1e3/each, "Mhijacks/s")
					b.ReportMetric(float64(rules)*1e3/each, "Mevaluations/s")
				})
			}
		}
	}
}

// BenchmarkBestAdditions tries all pairs out of the other viewpoints.
func BenchmarkBestAdditions(b *testing.B) {
	for _, viewpoints := range []int{40, 200} {
		s := draw(drawing{viewpoints: viewpoints, victims: 50, attackers: 1000, seed: 1})
		q := on(b, "2026-12-15")
		q.MinDistanceKm = 0
		o := resilience.AdditionOptions{Viewpoints: s.viewpoints, Policy: resilience.Policy{Deployment: span(5), Rule: q}, Attack: "equal-prefix"}
		for i := range viewpoints {
			o.Candidates = append(o.Candidates, i)
		}
		a, err := resilience.NewAdditions(o)
		if err != nil {
			b.Fatal(err)
		}
		for i := range s.hijacks {
			if err := a.Add(&s.hijacks[i]); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("hijacks=%d,candidates=%d,add=2", len(s.hijacks), viewpoints-6), func(b *testing.B) {
			for b.Loop() {
				best, err := a.Best(2, 10)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(best.Tried), "sets")
			}
		})
	}
}

// BenchmarkAddPairwise sums up every viewpoint by itself.
func BenchmarkAddPairwise(b *testing.B) {
	s := draw(drawing{viewpoints: 200, victims: 1, attackers: 512, seed: 1})
	b.Run("viewpoints=200", func(b *testing.B) {
		a := accumulate(b, s, resilience.Options{Pairwise: true})
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			if err := a.Add(&s.hijacks[n%len(s.hijacks)]); err != nil {
				b.Fatal(err)
			}
			n++
		}
	})
}

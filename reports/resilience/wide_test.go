package resilience_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/policy"
	"mpicsim/reports/resilience"
)

// TestWideDeploymentsEqualSingleRows judges many remotes 64 hijacks at once and one
// by one: counts around the powers of two where bit planes carry, and remotes that
// count as one.
func TestWideDeploymentsEqualSingleRows(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 64, victims: 2, attackers: 150, seed: 81, unreached: 0.01})
	for i := range s.viewpoints {
		s.viewpoints[i].Location = onEquator(float64(i) * 200) // three in a row within 500 km
		s.viewpoints[i].RIR = line(64)[i].RIR
	}
	succeeded := 0
	for _, n := range []int{7, 8, 14, 15, 16, 17, 31, 32, 47, 63} {
		var policies []resilience.Policy
		for _, allowed := range []int{0, 1, n / 4, n / 2, n - 2, n - 1} {
			policies = append(policies, resilience.Policy{Deployment: span(n), Rule: policy.Quorum{
				Name: fmt.Sprint(n, allowed), Clause: "test", MinRemotes: n, Allowed: allowed, MinRIRs: allowed % 4, Enforced: true,
			}})
		}
		for _, every := range []int{2, 3, 4} { // pairs, which chains make one if they are close
			d := resilience.Deployment{Primary: 0}
			for at := every + 3; at+1 < 64 && len(d.Remotes)+2 <= n; at += every {
				d.Remotes = append(d.Remotes, at, at+1)
			}
			policies = append(policies, resilience.Policy{Deployment: d, Rule: policy.Quorum{
				Name: fmt.Sprint("every", every), Clause: "test", MinRemotes: 1, MinDistanceKm: 450, Enforced: true,
			}})
		}
		var compiled []resilience.Policy
		for _, p := range policies {
			if _, err := resilience.Compile(s.viewpoints, p); err == nil {
				compiled = append(compiled, p)
			}
		}
		g.Expect(len(compiled)).To(BeNumerically(">=", 6))
		got := report(t, s, resilience.Options{Policies: compiled})
		for i, p := range compiled {
			c, err := resilience.Compile(s.viewpoints, p)
			g.Expect(err).NotTo(HaveOccurred())
			wins := 0
			for _, h := range s.hijacks {
				if c.Succeeds(h.Picked) {
					wins++
				}
			}
			succeeded += wins
			g.Expect(got.Policies[i].WithPrimary.Mean.Picked).To(BeNumerically("~", 1-float64(wins)/float64(len(s.hijacks)), 1e-12), "%d remotes, %s", n, p.Rule.Name)
		}
	}
	g.Expect(succeeded).To(BeNumerically(">", 1000))
}

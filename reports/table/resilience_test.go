package table

import (
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/policy"
	"mpicsim/reports/resilience"
	"mpicsim/topology/place"
)

// judged is a small report with one row of each kind.
func judged() *resilience.Report {
	outcome := resilience.Outcome{
		Median:    resilience.Bounds{Lower: 0.5, Picked: 0.75, Upper: 0.875},
		Mean:      resilience.Bounds{Lower: 0.625, Picked: 0.625, Upper: 0.625},
		Unreached: resilience.Bounds{Lower: 0.01, Picked: 0.01, Upper: 0.02},
		Victims:   []resilience.Victim{{ASN: 64500, Weight: 2, Resilience: resilience.Bounds{Picked: 0.25, Upper: 0.5}}, {ASN: 64501, Weight: 1}},
		Attackers: []resilience.Attacker{{ASN: 64510, Success: resilience.Bounds{Lower: 1, Picked: 1, Upper: 1}}},
		Spread: &resilience.Spread{Resampled: "victims", Replicates: 1000, Level: 0.95, Median: resilience.Intervals{
			Picked: resilience.Interval{Low: 0.7, High: 0.8},
		}},
	}
	alone := resilience.Outcome{Median: resilience.Bounds{Lower: 0.4, Picked: 0.4, Upper: 0.4}}
	failures := &resilience.Failures{Rate: 0.02, Shock: 0.005}
	return &resilience.Report{Attacks: []resilience.Attack{{
		Attack: "equal-prefix", Hijacks: 78642, Victims: 2, Attackers: 39321, Weighted: true,
		Policies: []resilience.PolicyResult{{
			Deployment: "ours", Rule: policy.Quorum{Name: "br@2026-12-15"}, Needs: "primary and 4 of 5 remotes",
			WithPrimary: &outcome, WithoutPrimary: &alone, Benign: &resilience.Benign{Refused: 0.0251}, Failures: failures,
		}},
		Across:     &alone,
		Viewpoints: []resilience.Viewpoint{{Name: "a", RIR: place.ARIN, Victims: 1, Resilience: resilience.Bounds{Lower: 0.5, Picked: 0.5, Upper: 0.5}, Group: 1}, {Name: "b", RIR: place.RIPE, Unreached: 1, Group: 2}},
		Regions:    []resilience.Region{{RIR: place.ARIN, Viewpoints: 1}},
	}, {Attack: "forged-origin", Hijacks: 5, Victims: 1}}}
}

func TestResilience(t *testing.T) {
	g := NewWithT(t)
	var b strings.Builder
	g.Expect(Resilience(&b, judged(), ResilienceOptions{List: 2})).To(Succeed())
	got := b.String()
	for _, want := range []string{
		"Resilience to equal-prefix hijacks, % of attackers who get no certificate\n",
		"78,642 hijacks of 2 victims, 39,321 attackers, by weight.",
		"primary and 4 of 5 remotes", "50.0 / 75.0 / 87.5", "62.5 ", "1.0 / 1.0 / 2.0", "2.51",
		"the same, whatever the primary sees", "any of them",
		"ours under br@2026-12-15: who withstands least, who succeeds most",
		"AS 64500", "0.0 / 25.0 / 50.0", "AS 64510", "100.0",
		"no route to anybody", "RIPE NCC",
		"\n\nResilience to forged-origin hijacks", "attackers not told apart, all alike",
	} {
		g.Expect(got).To(ContainSubstring(want))
	}
	prose := strings.Join(strings.Fields(got), " ")
	g.Expect(prose).To(ContainSubstring("if the sampled victims are drawn again, 1,000 times, the median lies between 70.0 and 80.0"))
	g.Expect(prose).To(ContainSubstring("assuming that each perspective fails for 2 % of them, all at once for 0.5 %."))
	g.Expect(prose).To(ContainSubstring("5 hijacks of 1 victim, attackers"))
	g.Expect(got).NotTo(ContainSubstring("\x1b"))
	g.Expect(strings.Index(got, "RIPE NCC")).To(BeNumerically("<", strings.LastIndex(got, "ARIN")), "the weakest viewpoint comes first")

	b.Reset()
	g.Expect(Resilience(&b, judged(), ResilienceOptions{Color: true})).To(Succeed())
	g.Expect(b.String()).To(ContainSubstring("\x1b[1m"))
	g.Expect(b.String()).NotTo(ContainSubstring("AS 64500"), "no list was asked for")
}

func TestResilienceReportsAWriteError(t *testing.T) {
	g := NewWithT(t)
	full := errors.New("disk full")
	g.Expect(Resilience(brokenWriter{full}, judged(), ResilienceOptions{})).To(MatchError(full))
}

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

// TestViewpointsAlike: viewpoints that cannot be told apart are one row.
func TestViewpointsAlike(t *testing.T) {
	g := NewWithT(t)
	r := &resilience.Report{Attacks: []resilience.Attack{{Attack: "equal-prefix", Hijacks: 5, Victims: 1}}}
	for n, name := range []string{"gcp/a", "aws/a", "aws/b", "gcp/b", "gcp/c", "gcp/d"} {
		v := resilience.Viewpoint{Name: name, RIR: place.ARIN, Victims: 1, Group: 2, Resilience: resilience.Bounds{Lower: 0.5, Picked: 0.5 + float64(n)/100, Upper: 0.75}}
		if n == 0 {
			v.Group, v.Resilience.Lower = 1, 0.25
		}
		r.Attacks[0].Viewpoints = append(r.Attacks[0].Viewpoints, v)
	}
	var b strings.Builder
	g.Expect(Resilience(&b, r, ResilienceOptions{List: 2})).To(Succeed())
	g.Expect(b.String()).To(ContainSubstring(`
  viewpoint               RIR   reaches the victim  without a route
  ───────────────────────────────────────────────────────────────────
  gcp/a                   ARIN  25.0 / 50.0 / 75.0  0.0
  2 of aws/*, 3 of gcp/*        50.0 to 75.0 %      0.0
  Viewpoints in one row cannot be told apart`))
}

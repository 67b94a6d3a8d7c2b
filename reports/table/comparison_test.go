package table_test

import (
	"bytes"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/reports/resilience"
	"mpicsim/reports/table"
)

// TestComparison: one table for each policy, rows by attack and surface, and what is
// left out.
func TestComparison(t *testing.T) {
	g := NewWithT(t)
	row := func(rule, attack, surface string, mean float64) resilience.ComparisonRow {
		return resilience.ComparisonRow{
			Deployment: "ours", Rule: rule, Needs: "primary and 2 of 3 remotes", Attack: attack, Surface: surface, Victims: 1, Hijacks: 1200,
			Median: &resilience.Bounds{Lower: 0.5, Picked: 0.5, Upper: 0.5}, Mean: &resilience.Bounds{Lower: mean, Picked: 0.5, Upper: 1},
			Unreached: &resilience.Bounds{},
		}
	}
	c := &resilience.Comparison{Apart: &resilience.Apart{Incomplete: 2, IncompleteWeight: 2.5, Own: 1}, Rows: []resilience.ComparisonRow{
		row("2/3", "equal-prefix", "web", 0.25), row("2/3", "equal-prefix", "web+dns", 0.125), row("2/3", "leak", "web", 0.25), row("2/3", resilience.Strongest, "dnssec", 0),
		row("3/3", "forged-origin", "", 0.5),
		{Deployment: "ours", Rule: "4/4", Needs: "primary and 4 of 4 remotes", Attack: "equal-prefix", Victims: 1, Hijacks: 1200, NeverIssues: "no route to any victim or attacker at a"},
	}}
	c.Rows[1].Unreached.Lower = 0.1
	var out bytes.Buffer
	g.Expect(table.Comparison(&out, c, table.ResilienceOptions{})).To(Succeed())
	g.Expect(out.String()).To(Equal(`Resilience, % of attackers who get no certificate
ours under 2/3: an attacker has to fool primary and 2 of 3 remotes.
Ties between equally good routes: all to the attacker / as picked / all to the victim.
  attack                 surface                     median  mean                 no route
  ──────────────────────────────────────────────────────────────────────────────────────────────────
  equal-prefix (type 0)  web only                    50.0    25.0 / 50.0 / 100.0
                         web + DNS                   50.0    12.5 / 50.0 / 100.0  10.0 / 0.0 / 0.0
  leak                   web only                    50.0    25.0 / 50.0 / 100.0
  the better of both     web + DNS, DNSSEC protects  50.0    0.0 / 50.0 / 100.0
No route: the part of the mean in which only a perspective without a route saves the victim.
1,200 hijacks of 1 victim in each row.

Resilience, % of attackers who get no certificate
ours under 3/3: an attacker has to fool primary and 2 of 3 remotes.
Ties between equally good routes: all to the attacker / as picked / all to the victim.
  attack                  median  mean
  ─────────────────────────────────────────────────────
  forged-origin (type 1)  50.0    50.0 / 50.0 / 100.0
1,200 hijacks of 1 victim in each row.

Resilience, % of attackers who get no certificate
ours under 4/4: an attacker has to fool primary and 4 of 4 remotes.
Ties between equally good routes: all to the attacker / as picked / all to the victim.
  attack                 median        mean
  ──────────────────────────────────────────────────────────────────────────────
  equal-prefix (type 0)  cannot issue  no route to any victim or attacker at a
1,200 hijacks of 1 victim in each row.
Not in the table, and not safe: 2 domains not known in full (weight 2.5).
Not in the table: 1 pair of a domain and an attacker who originates what it depends on.
`))
}

package table

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"mpicsim/reports/resilience"
)

// Comparison prints what policies withstand, one table for each policy with a row
// for each way of attack and surface. Numbers are percentages, as lower / as picked
// / upper.
func Comparison(w io.Writer, c *resilience.Comparison, o ResilienceOptions) error {
	p := &withstood{w: w, o: o}
	for from := 0; from < len(c.Rows); {
		first, to := c.Rows[from], from
		for to < len(c.Rows) && c.Rows[to].Deployment == first.Deployment && c.Rows[to].Rule == first.Rule {
			to++
		}
		if from > 0 {
			p.printf("\n")
		}
		p.compared(c.Rows[from:to])
		from = to
	}
	if a := c.Apart; a != nil && a.Incomplete > 0 {
		p.printf("%s\n", wrap(fmt.Sprintf("Not in the table, and not safe: %s not known in full (weight %g).", many(a.Incomplete, "domain"), a.IncompleteWeight), width, "", ""))
	}
	if a := c.Apart; a != nil && a.Own > 0 {
		p.printf("%s\n", wrap(fmt.Sprintf("Not in the table: %s of a domain and an attacker who originates what it depends on.", many(int(a.Own), "pair")), width, "", ""))
	}
	return p.err
}

// compared prints the rows of one policy.
func (p *withstood) compared(rows []resilience.ComparisonRow) {
	first := rows[0]
	p.printf("%s\n", p.bold("Resilience, % of attackers who get no certificate"))
	p.printf("%s under %s: an attacker has to fool %s.\n", first.Deployment, first.Rule, first.Needs)
	p.printf("Ties between equally good routes: all to the attacker / as picked / all to the victim.\n")
	var out []table.Row
	ways := map[string]bool{}
	for _, r := range rows {
		ways[r.Attack] = true
	}
	attack, spread, unreached := "", false, false
	for _, r := range rows {
		name := attackName(r.Attack, len(ways)-1)
		if r.Attack == attack {
			name = ""
		}
		attack = r.Attack
		if r.Mean == nil {
			out = append(out, table.Row{name, surfaceName(r.Surface), "cannot issue", r.NeverIssues, "", "", ""})
			continue
		}
		lost, interval, ties := "", "", ""
		if *r.Unreached != (resilience.Bounds{}) {
			lost, unreached = three(*r.Unreached), true
		}
		if r.Spread != nil {
			spread = true
			interval = fmt.Sprintf("%.1f to %.1f", 100*r.Spread.Mean.Picked.Low, 100*r.Spread.Mean.Picked.High)
			ties = fmt.Sprintf("%.1f to %.1f", 100*r.Spread.MeanWithTies.Low, 100*r.Spread.MeanWithTies.High)
		}
		out = append(out, table.Row{name, surfaceName(r.Surface), three(*r.Median), three(*r.Mean), interval, ties, lost})
	}
	p.table(table.Row{"attack", "surface", "median", "mean", "drawn again", "and ties", "no route"}, out)
	if unreached {
		p.printf("No route: the part of the mean in which only a perspective without a route saves the victim.\n")
	}
	p.printf("%s of %s in each row.\n", many(int(first.Hijacks), "hijack"), many(first.Victims, "victim"))
	if s := first.Spread; spread {
		p.printf("%s\n", wrap(fmt.Sprintf("Drawn again: if the sampled %s are, %s times, the mean as picked lies between the two in %g %% of draws. And ties: the same however ties fall.",
			drawnAgain(s), thousands(s.Replicates), 100*s.Level), width, "", ""))
	}
}

// attackName says what a row is about, of so many ways of attack.
func attackName(attack string, ways int) string {
	switch attack {
	case resilience.Strongest:
		if ways == 2 {
			return "the better of both"
		}
		return "the best of all"
	case "equal-prefix":
		return "equal-prefix (type 0)"
	case "forged-origin":
		return "forged-origin (type 1)"
	}
	return attack
}

// surfaceName says what an attacker can choose from.
func surfaceName(surface string) string {
	switch surface {
	case "web":
		return "web only"
	case "dnssec":
		return "web + DNS, DNSSEC protects"
	case "web+dns":
		return "web + DNS"
	case "dns-dnssec":
		return "DNS, DNSSEC protects"
	case "dns":
		return "DNS"
	}
	return surface
}

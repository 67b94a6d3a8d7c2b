package table

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"mpicsim/reports/assessment"
)

// additions prints what would best be added, in groups that are alike.
func (p *page) additions(a assessment.Attack) {
	if len(a.Additions) == 0 {
		return
	}
	p.heading("Best regions to add (" + a.Attack + ", " + a.AdditionsRule + ")")
	var rows []table.Row
	for n, best := range a.Additions {
		if n == 0 && best.Now != nil {
			b := best.Now
			rows = append(rows, table.Row{"", "none", b.Needs, limits(b.Median.Lower, b.Median.Upper), limits(b.Mean.Lower, b.Mean.Upper)})
		}
		for _, g := range best.Groups {
			for i, line := range describe(g.Sets) {
				row := table.Row{"", line, "", "", ""}
				if i == 0 {
					row = table.Row{g.Rank, line, g.Needs, limits(g.Median.Lower, g.Median.Upper), limits(g.Mean.Lower, g.Mean.Upper)}
				}
				rows = append(rows, row)
			}
		}
	}
	p.table(table.Row{"rank", "added", "an attacker has to fool", "median", "mean"}, rows)
	p.prose("From all ties to the attacker to all ties to the victim. Sets in one row cannot be told apart: which of them a tie-break favours is the noise of one seed (--json names them all). " +
		"Rows of one rank cannot be ranked: one is better by one bound, another by another.")
	for n, best := range a.Additions {
		said := fmt.Sprintf("%s added: %s sets tried, %s more that the rule does not allow", []string{"One", "Two"}[n], thousands(best.Tried), thousands(best.Unlawful))
		if best.Further > 0 {
			said += fmt.Sprintf("; %s further groups, %s of which cannot be ranked below these", thousands(best.Further), thousands(best.Unranked))
		}
		p.prose(said + ".")
	}
	p.prose("A perspective without a route counts as fooled here.")
}

// limits prints a share by its bounds.
func limits(lower, upper float64) string {
	l, u := fmt.Sprintf("%.1f", 100*lower), fmt.Sprintf("%.1f", 100*upper)
	if l == u {
		return l + " %"
	}
	return l + " to " + u + " %"
}

// describe names the sets of a group in a few lines: a single one by its members,
// others by how many there are and what they are made of.
func describe(sets [][]string) []string {
	if len(sets) == 1 {
		return []string{strings.Join(sets[0], " + ")}
	}
	lines := []string{fmt.Sprintf("%s sets that cannot be told apart:", thousands(len(sets)))}
	const most = 6
	if len(sets) <= most {
		for _, set := range sets {
			lines = append(lines, "  "+strings.Join(set, " + "))
		}
		return lines
	}
	made := map[string]int{}
	for _, set := range sets {
		made[strings.Join(providers(set), " + ")]++
	}
	for n, kind := range slices.Sorted(maps.Keys(made)) {
		if n == most {
			return append(lines, fmt.Sprintf("  and %d kinds more", len(made)-most))
		}
		count := thousands(made[kind])
		if made[kind] == 1 {
			i := slices.IndexFunc(sets, func(set []string) bool { return strings.Join(providers(set), " + ") == kind })
			lines = append(lines, "  "+strings.Join(sets[i], " + "))
			continue
		}
		lines = append(lines, fmt.Sprintf("  %s of %s", count, kind))
	}
	return lines
}

// providers replaces the regions of a set by their clouds: aws/us-east-1 by aws/*.
func providers(set []string) []string {
	out := make([]string, len(set))
	for n, name := range set {
		out[n] = name
		if cloud, _, ok := strings.Cut(name, "/"); ok {
			out[n] = cloud + "/*"
		}
	}
	slices.Sort(out)
	return out
}

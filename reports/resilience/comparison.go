package resilience

import (
	"cmp"
	"slices"
)

// ComparisonSchema names the version of [Comparison]'s JSON form.
const ComparisonSchema = "mpicsim/comparison/v2"

// Comparison is what policies withstand by way of attack and surface, in rows.
type Comparison struct {
	Schema string `json:"schema"`
	// Apart is what is in no row, absent if victims are ASes.
	Apart *Apart          `json:"apart,omitempty"`
	Rows  []ComparisonRow `json:"rows"`
}

// ComparisonRow is one policy against one way of attack on one surface.
type ComparisonRow struct {
	Deployment string `json:"deployment"`
	Rule       string `json:"rule"`
	// Needs says what an attacker must fool.
	Needs string `json:"needs"`
	// Attack is the way of attack, [Strongest] for the best of all for each attacker.
	Attack string `json:"attack"`
	// Surface is empty if victims are ASes.
	Surface string `json:"surface,omitempty"`
	Victims int    `json:"victims"`
	Hijacks int64  `json:"hijacks"`
	// NeverIssues says why nobody gets a certificate under the policy, as in
	// [PolicyResult]; then there are no measures.
	NeverIssues string  `json:"never_issues,omitempty"`
	Median      *Bounds `json:"median"`
	Mean        *Bounds `json:"mean"`
	// Unreached is the part of the mean that only a lack of routes withstands.
	Unreached *Bounds `json:"unreached"`
	// Spread is nil if everybody was computed.
	Spread *Spread `json:"spread,omitempty"`
}

// Compared is the report about one surface, "" if victims are ASes.
type Compared struct {
	Surface string
	*Report
}

// Compare puts reports of the same study together: by policy, then by attack in the
// order given and the strongest last, then by surface. With a primary it is looked
// at, too.
func Compare(attacks []string, reports []Compared) *Comparison {
	c := &Comparison{Schema: ComparisonSchema, Rows: []ComparisonRow{}}
	type placed struct {
		policy, attack, surface int
		row                     ComparisonRow
	}
	var all []placed
	for surface, r := range reports {
		for _, a := range r.Attacks {
			at := slices.Index(attacks, a.Attack)
			if at < 0 {
				at = len(attacks)
			}
			for n, p := range a.Policies {
				o := p.WithPrimary
				if o == nil {
					o = p.WithoutPrimary
				}
				row := ComparisonRow{
					Deployment: p.Deployment, Rule: p.Rule.Name, Needs: p.Needs, Attack: a.Attack, Surface: r.Surface, Victims: a.Victims, Hijacks: a.Hijacks,
					NeverIssues: p.NeverIssues,
				}
				if o != nil {
					row.Median, row.Mean, row.Unreached, row.Spread = &o.Median, &o.Mean, &o.Unreached, o.Spread
				}
				all = append(all, placed{n, at, surface, row})
			}
		}
	}
	slices.SortStableFunc(all, func(x, y placed) int {
		return cmp.Or(cmp.Compare(x.policy, y.policy), cmp.Compare(x.attack, y.attack), cmp.Compare(x.surface, y.surface))
	})
	for _, p := range all {
		c.Rows = append(c.Rows, p.row)
	}
	return c
}

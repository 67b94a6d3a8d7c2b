package assessment

import (
	"cmp"
	"slices"
	"time"
)

// Verdict says whether the deployment may go live.
type Verdict struct {
	// Compliant is about the day of the assessment: as far as requirements were
	// examined.
	Compliant bool `json:"compliant"`
	// NotCompliantFrom is the first day, of the assessment's and later ones, on which
	// the deployment as it is does not comply, YYYY-MM-DD; empty if no such day is
	// known.
	NotCompliantFrom string `json:"not_compliant_from,omitempty"`
	// By is the day up to which compliance is demanded, empty for the day of the
	// assessment.
	By string `json:"by,omitempty"`
	// CannotIssue says why the deployment's own rule can never be met on the day;
	// empty if it can.
	CannotIssue string `json:"cannot_issue,omitempty"`
	// MinResilience is the bar, 0 for none. Resilience is the median under the
	// CA's own rule with all ties to the attacker, the least of all shapes of
	// attack; nil if the deployment cannot issue.
	MinResilience float64  `json:"min_resilience,omitempty"`
	Resilience    *float64 `json:"resilience"`
	Pass          bool     `json:"pass"`
}

// Demands are what a deployment must satisfy to pass, beside compliance on the day
// and the ability to issue.
type Demands struct {
	// MinResilience is the least median resilience, 0 for none.
	MinResilience float64
	// By, if not zero, is a day up to which the deployment must comply.
	By time.Time
}

// Decide fills in the verdict.
func (a *Assessment) Decide(d Demands) {
	today := a.Compliance[0]
	v := Verdict{Compliant: today.Compliant, CannotIssue: today.NeverIssues(), MinResilience: d.MinResilience}
	if n := slices.IndexFunc(a.Compliance, func(c Compliance) bool { return !c.Compliant }); n >= 0 {
		v.NotCompliantFrom = a.Compliance[n].From
	}
	lasts := v.Compliant
	if !d.By.IsZero() {
		v.By = d.By.Format(time.DateOnly)
		lasts = v.NotCompliantFrom == "" || v.NotCompliantFrom > v.By // both as YYYY-MM-DD
	}
	for _, attack := range a.Attacks {
		v.CannotIssue = cmp.Or(v.CannotIssue, attack.Rules[0].NeverIssues)
		if own := attack.Rules[0]; own.Result != nil && (v.Resilience == nil || own.Result.Median.Lower < *v.Resilience) {
			v.Resilience = new(own.Result.Median.Lower)
		}
	}
	v.Pass = lasts && v.CannotIssue == "" && v.Resilience != nil && *v.Resilience >= d.MinResilience
	a.Verdict = v
}

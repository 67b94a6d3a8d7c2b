package replay

import (
	"fmt"
	"slices"

	"mpicsim/scenarios/result"
)

// judgeVerdict holds what a scenario says about MPIC to what its checks came to: one
// expectation for each check that the verdict names.
func judgeVerdict(v *result.Verdict, checks []result.Check) []result.Expectation {
	var out []result.Expectation
	if v == nil {
		return nil
	}
	word := func(stopped bool, under string) string {
		if stopped {
			return fmt.Sprintf("stopped under %s", under)
		}
		return fmt.Sprintf("not stopped under %s", under)
	}
	for _, name := range v.Checks {
		n := slices.IndexFunc(checks, func(c result.Check) bool { return c.Name == name })
		c := checks[n] // validation has seen to it that there is one
		e := result.Expectation{
			Check: name, Field: "verdict", Expected: word(v.Stopped, v.Under), Found: word(!c.Decision.Issue, c.Rule),
		}
		if c.NeverIssues != "" { // refused whoever reaches whom: nothing was stopped
			e.Found = "never issues under " + c.Rule
		}
		e.Met = e.Expected == e.Found
		out = append(out, e)
	}
	return out
}

// Package assessment judges one CA's MPIC deployment: whether it complies with
// the Baseline Requirements on given days, and, from the hijacks of a study, what
// its quorum withstands and what would improve it.
//
// Modelled: the rules of BR 3.2.2.9 on the number, distance and RIR regions of
// perspectives and their resolvers by effective date, and the days from which
// validation methods are discouraged or banned. Not modelled, because no program
// can see it: hosting, network security, and whether stated places are true.
package assessment

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/topology/place"
)

// Schema names the version of [Assessment]'s JSON form.
const Schema = "mpicsim/assessment/v1"

// Assessment is what a deployment came to.
type Assessment struct {
	Schema  string `json:"schema"`
	Version string `json:"version"` // of the program
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	// Date is the day of the assessment, YYYY-MM-DD.
	Date   string `json:"date"`
	Inputs Inputs `json:"inputs"`
	// Perspectives are the primary, then the remotes as configured.
	Perspectives []Perspective `json:"perspectives"`
	// Compliance is by day: that of the assessment, then each on which a stricter
	// rule takes effect.
	Compliance []Compliance `json:"compliance"`
	Methods    []Method     `json:"methods"`
	// Attacks are the resilience by shape of attack.
	Attacks []Attack `json:"attacks"`
	// Failures is what Benign rests on.
	Failures resilience.Failures `json:"failures"`
	// Verdict is what the exit code says.
	Verdict Verdict `json:"verdict"`
}

// Inputs are what the result rests on.
type Inputs struct {
	Topology result.Topology `json:"topology"`
	TieBreak string          `json:"tie_break"`
	Seed     uint64          `json:"seed"`
	Egress   string          `json:"egress"`
	// Policies are what ASes do beyond Gao-Rexford, RPKI what they judge by, and
	// Prefixes which prefix each victim announces; absent if there are no policies.
	Policies  []result.RoutingPolicy `json:"policies,omitempty"`
	RPKI      *result.RPKI           `json:"rpki,omitempty"`
	Prefixes  string                 `json:"prefixes,omitempty"`
	Victims   result.Selection       `json:"victims"`
	Attackers result.Selection       `json:"attackers"`
	Hijacks   int64                  `json:"hijacks"`
	Candidate int                    `json:"candidates"` // regions that could be added
}

// Perspective is one of the deployment's.
type Perspective struct {
	perspectives.Perspective
	Primary bool `json:"primary"`
	// Nearest is the perspective nearest to it, NearestKm how far that is.
	Nearest   string  `json:"nearest,omitempty"`
	NearestKm float64 `json:"nearest_km,omitempty"`
}

// Compliance is how a deployment stands to a rule.
type Compliance struct {
	// From is the first day of the rule, or the day of the assessment.
	From         string             `json:"from"`
	Rule         string             `json:"rule"`
	Clause       string             `json:"clause"`
	Compliant    bool               `json:"compliant"`
	Requirements []Requirement      `json:"requirements"`
	Violations   []policy.Violation `json:"violations,omitempty"`
}

// Requirement is one demand of a rule.
type Requirement struct {
	What  string `json:"what"`
	Found string `json:"found"`
	Want  string `json:"want"`
	Met   bool   `json:"met"`
}

// Method is a validation method that the CA uses.
type Method struct {
	Method      perspectives.Method `json:"method"`
	Section     string              `json:"section"`
	Discouraged string              `json:"discouraged_from,omitempty"`
	Banned      string              `json:"banned_from,omitempty"`
	Allowed     bool                `json:"allowed"` // on the day of the assessment
}

// Attack is the resilience against one shape of attack.
type Attack struct {
	Attack string `json:"attack"`
	// Rules are the CA's own rule first, then the phases of the BR.
	Rules []Rule `json:"rules"`
	// Weakest are the victims with the least resilience under the CA's own rule,
	// Strongest the attackers who succeed most.
	Weakest   []resilience.Victim   `json:"weakest"`
	Strongest []resilience.Attacker `json:"strongest"`
	// Additions are the best one and the best two regions to add, under
	// AdditionsRule: the CA's own if that is the table of the BR, else the BR's of
	// the day; nil if it asks no remotes.
	Additions     []*resilience.Best `json:"additions,omitempty"`
	AdditionsRule string             `json:"additions_rule,omitempty"`
}

// Rule is what one rule would make of the deployment.
type Rule struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"`
	Own  bool   `json:"own"`
	// Issues is false if the deployment could not issue at all under the rule.
	Issues bool                `json:"issues"`
	Needs  string              `json:"needs,omitempty"`
	Result *resilience.Outcome `json:"result,omitempty"`
	Benign *resilience.Benign  `json:"benign,omitempty"`
}

// Verdict says whether the deployment may go live.
type Verdict struct {
	Compliant bool `json:"compliant"`
	// MinResilience is the bar, 0 for none. Resilience is the median under the
	// CA's own rule with all ties to the attacker, the least of all shapes of
	// attack.
	MinResilience float64 `json:"min_resilience,omitempty"`
	Resilience    float64 `json:"resilience"`
	Pass          bool    `json:"pass"`
}

// Places lists the perspectives of a set with their nearest neighbours.
func Places(set perspectives.Set) []Perspective {
	all := append([]perspectives.Perspective{set.Primary}, set.Remotes...)
	var list []Perspective
	for n, p := range all {
		out := Perspective{Perspective: p, Primary: n == 0}
		for k, other := range all {
			if k == n {
				continue
			}
			if km := place.DistanceKm(p.Location, other.Location); out.Nearest == "" || km < out.NearestKm {
				out.Nearest, out.NearestKm = other.Name, km
			}
		}
		list = append(list, out)
	}
	return list
}

// Calendar returns how a set stands to the rule of a day and to each later phase
// of the BR.
func Calendar(set perspectives.Set, day time.Time) []Compliance {
	list := []Compliance{Judge(set, policy.QuorumAt(day), day)}
	for _, q := range policy.Phases() {
		if q.Effective.After(day) {
			list = append(list, Judge(set, q, q.Effective))
		}
	}
	return list
}

// Judge says clause by clause how a set stands to a rule.
func Judge(set perspectives.Set, q policy.Quorum, from time.Time) Compliance {
	c := Compliance{From: from.Format(time.DateOnly), Rule: q.Name, Clause: q.Clause, Violations: policy.CheckSet(q, set)}
	c.Compliant = len(c.Violations) == 0
	violated := func(reasons ...string) bool {
		return slices.ContainsFunc(c.Violations, func(v policy.Violation) bool { return slices.Contains(reasons, v.Reason) })
	}
	need := func(met bool, what, found, want string) {
		c.Requirements = append(c.Requirements, Requirement{what, found, want, met})
	}
	few := slices.ContainsFunc(c.Violations, func(v policy.Violation) bool { // of the set; with names it is about a distance
		return v.A == "" && slices.Contains([]string{policy.TooFewRemotes, policy.TooManyRemotes, policy.NotDistinct}, v.Reason)
	})
	need(!few, "remote perspectives", fmt.Sprint(len(set.Remotes)), fmt.Sprintf("%d or more", q.MinRemotes))
	if q.MinRIRs > 0 {
		regions := map[place.RIR]bool{}
		for _, r := range set.Remotes {
			regions[r.RIR] = true
		}
		need(!violated(policy.TooFewRIRs), "their RIR regions", fmt.Sprint(len(regions)), fmt.Sprintf("%d or more", q.MinRIRs))
	}
	if q.MinDistanceKm > 0 {
		want := fmt.Sprintf("%.0f km or more", q.MinDistanceKm)
		all := append([]perspectives.Perspective{set.Primary}, set.Remotes...)
		found, km := closest(all, perspectiveAt)
		need(km >= q.MinDistanceKm && !violated(policy.BadPlace), "between perspectives", found, want)
		found, km = closest(all, resolverAt)
		need(km >= q.MinDistanceKm && !violated(policy.ResolverDistance), "between resolvers", found, want)
		need(!violated(policy.ResolverRegion), "resolvers' RIR regions", resolverRegions(all), "those of their perspectives")
	}
	need(!violated(policy.DuplicateName), "names", fmt.Sprintf("%d", len(set.Remotes)+1), "each once")
	return c
}

func resolverAt(p perspectives.Perspective) place.Location {
	at, _ := p.ResolverLocation()
	return at
}

func perspectiveAt(p perspectives.Perspective) place.Location { return p.Location }

// closest describes the two perspectives that are nearest to each other, and says
// how far apart they are.
func closest(all []perspectives.Perspective, at func(perspectives.Perspective) place.Location) (text string, km float64) {
	type pair struct {
		km   float64
		text string
	}
	var pairs []pair
	for n, a := range all {
		for _, b := range all[:n] {
			km := place.DistanceKm(at(a), at(b))
			pairs = append(pairs, pair{km, fmt.Sprintf("%.0f km, %s and %s", km, b.Name, a.Name)})
		}
	}
	if len(pairs) == 0 {
		return "one place", math.Inf(1)
	}
	least := slices.MinFunc(pairs, func(a, b pair) int { return cmp.Compare(a.km, b.km) })
	return least.text, least.km
}

// resolverRegions describes where resolvers stand.
func resolverRegions(all []perspectives.Perspective) string {
	var elsewhere []string
	for _, p := range all {
		if _, rir := p.ResolverLocation(); rir != p.RIR {
			elsewhere = append(elsewhere, fmt.Sprintf("%s: %v", p.Name, rir))
		}
	}
	if len(elsewhere) > 0 {
		return strings.Join(elsewhere, ", ")
	}
	return "the same"
}

// MethodsAt returns what the BR say about validation methods on a day. The error
// names one that is not known.
func MethodsAt(methods []string, day time.Time) ([]Method, error) {
	list := []Method{}
	for _, m := range methods {
		rule, err := policy.MethodAt(perspectives.Method(m), day)
		if err != nil {
			return nil, err
		}
		out := Method{Method: rule.Method, Section: cmp.Or(rule.Section, rule.AddressSection), Allowed: !rule.Banned}
		if !rule.DiscouragedFrom.IsZero() {
			out.Discouraged = rule.DiscouragedFrom.Format(time.DateOnly)
		}
		if !rule.BannedFrom.IsZero() {
			out.Banned = rule.BannedFrom.Format(time.DateOnly)
		}
		list = append(list, out)
	}
	return list, nil
}

// Decide fills in the verdict.
func (a *Assessment) Decide(minResilience float64) {
	v := Verdict{Compliant: a.Compliance[0].Compliant, MinResilience: minResilience, Resilience: 1}
	for _, m := range a.Methods {
		v.Compliant = v.Compliant && m.Allowed
	}
	for _, attack := range a.Attacks {
		if own := attack.Rules[0]; own.Result != nil {
			v.Resilience = min(v.Resilience, own.Result.Median.Lower)
		}
	}
	v.Pass = v.Compliant && v.Resilience >= minResilience
	a.Verdict = v
}

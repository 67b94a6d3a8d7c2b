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
	"mpicsim/topology/place"
)

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

// Deployment is what a CA says of itself.
type Deployment struct {
	Set perspectives.Set
	// Rule is the CA's own quorum rule, as [policy.ParseRule] reads it: br is that
	// of each day. CAARule is the one for CAA checks, empty for the same: the quorum
	// of BR 3.2.2.9 must be met for both.
	Rule, CAARule string
	// Methods are the validation methods that it uses.
	Methods []string
}

// Calendar returns how a deployment stands to the BR of a day and of each later one
// from which it is known that they are stricter: the phases of BR 3.2.2.9, and the
// days on which a method that it uses is banned. The error is about a rule or a
// method that is not known.
func (d Deployment) Calendar(day time.Time) ([]Compliance, error) {
	days := []time.Time{day}
	for _, q := range policy.Phases() {
		days = append(days, q.Effective)
	}
	for _, m := range d.Methods {
		rule, err := policy.MethodAt(perspectives.Method(m), day)
		if err != nil {
			return nil, err
		}
		days = append(days, rule.BannedFrom)
	}
	days = slices.DeleteFunc(days, func(t time.Time) bool { return t.Before(day) })
	slices.SortFunc(days, time.Time.Compare)
	var list []Compliance
	for n, t := range days {
		if n > 0 && t.Format(time.DateOnly) == days[n-1].Format(time.DateOnly) {
			continue
		}
		c, err := d.On(t)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// On says requirement by requirement how a deployment stands to the BR of a day.
// The errors are those of [Deployment.Calendar].
func (d Deployment) On(day time.Time) (Compliance, error) {
	q := policy.QuorumAt(day)
	c := Judge(d.Set, q, day)
	var err error
	if c.Own, err = c.judgeRule("the CA's rule", d.Rule, q, d.Set, day); err != nil {
		return c, err
	}
	if d.CAARule != "" && d.CAARule != d.Rule {
		own, err := c.judgeRule("its rule for CAA", d.CAARule, q, d.Set, day)
		if err != nil {
			return c, err
		}
		c.OwnCAA = &own
	}
	methods, err := MethodsAt(d.Methods, day)
	if err != nil {
		return c, err
	}
	if len(methods) > 0 {
		var banned []string
		for _, m := range methods {
			if !m.Allowed {
				banned = append(banned, fmt.Sprintf("%s, banned from %s", m.Method, m.Banned))
			}
		}
		found := fmt.Sprintf("%d, all allowed", len(methods))
		if len(banned) > 0 {
			found = strings.Join(banned, "; ")
		}
		c.Requirements = append(c.Requirements, Requirement{"validation methods", found, "none that is banned", len(banned) == 0})
	}
	c.Compliant = !slices.ContainsFunc(c.Requirements, func(r Requirement) bool { return !r.Met })
	return c, nil
}

// judgeRule compares a rule of the CA's own with that of the BR, and adds the
// requirement. Names that are not unique are a violation of their own, and nothing
// can be decided with them.
func (c *Compliance) judgeRule(what, rule string, by policy.Quorum, set perspectives.Set, day time.Time) (OwnRule, error) {
	own, err := policy.ParseRule(rule, day)
	if err != nil {
		return OwnRule{}, err
	}
	out, err := compareRules(own, by, set)
	if err == nil {
		c.Requirements = append(c.Requirements, Requirement{
			What: what, Found: foundRule(own, out), Want: "refuses whatever " + by.Name + " refuses", Met: out.Counterexample == nil,
		})
	}
	return out, err
}

func compareRules(own, by policy.Quorum, set perspectives.Set) (OwnRule, error) {
	out := OwnRule{Name: own.Name}
	if slices.ContainsFunc(policy.CheckSet(by, set), func(v policy.Violation) bool { return v.Reason == policy.DuplicateName }) {
		return out, nil
	}
	why, err := policy.NeverIssues(own, set)
	if err != nil {
		return out, err
	}
	out.NeverIssues = why
	out.Counterexample, err = policy.Counterexample(own, by, set)
	return out, err
}

// foundRule says what the CA's rule is in a few words.
func foundRule(own policy.Quorum, o OwnRule) string {
	b := o.Counterexample
	switch {
	case b != nil && len(b.Corroborating)+len(b.Missing) == 0:
		return o.Name + " asks no remote"
	case b != nil:
		return fmt.Sprintf("%s issues with %d of %d", o.Name, len(b.Corroborating), len(b.Corroborating)+len(b.Missing))
	case o.NeverIssues != "":
		return o.Name + " never issues"
	case own.MinRemotes == 0:
		return o.Name + " asks no remote"
	}
	return o.Name
}

// Judge says requirement by requirement how a set stands to a rule; of the CA's
// own rule it says nothing.
func Judge(set perspectives.Set, q policy.Quorum, from time.Time) Compliance {
	c := Compliance{From: from.Format(time.DateOnly), Rule: q.Name, Clause: q.Clause, Violations: policy.CheckSet(q, set)}
	c.Compliant = len(c.Violations) == 0
	first := func(reasons ...string) *policy.Violation {
		n := slices.IndexFunc(c.Violations, func(v policy.Violation) bool { return slices.Contains(reasons, v.Reason) })
		if n < 0 {
			return nil
		}
		return &c.Violations[n]
	}
	need := func(met bool, what, found, want string) {
		c.Requirements = append(c.Requirements, Requirement{what, found, want, met})
	}
	few := slices.ContainsFunc(c.Violations, func(v policy.Violation) bool { // of the set; with names it is about a distance
		return v.A == "" && slices.Contains([]string{policy.TooFewRemotes, policy.TooManyRemotes, policy.NotDistinct}, v.Reason)
	})
	need(!few, "remote perspectives", foundRemotes(q, set), wantedRemotes(q))
	if q.MinRIRs > 0 {
		regions := q.Regions(set)
		need(first(policy.TooFewRIRs) == nil, "their RIR regions", strings.TrimSuffix(fmt.Sprintf("%d: %s", len(regions), joined(regions)), ": "), fmt.Sprintf("%d or more", q.MinRIRs))
	}
	all := append([]perspectives.Perspective{set.Primary}, set.Remotes...)
	if q.MinDistanceKm > 0 || q.MinRIRs > 0 {
		found, bad := "all on Earth, in an RIR region", first(policy.BadPlace)
		if bad != nil {
			found = bad.Detail
		}
		need(bad == nil, "places", found, "coordinates and an RIR region")
	}
	if q.MinDistanceKm > 0 {
		want := place.FormatKm(q.MinDistanceKm) + " km or more"
		found, km := closest(all, perspectiveAt)
		need(km >= q.MinDistanceKm, "between perspectives", found, want)
		found, km = closest(all, resolverAt)
		need(km >= q.MinDistanceKm, "between resolvers", found, want)
		need(first(policy.ResolverRegion) == nil, "resolvers' RIR regions", resolverRegions(all), "those of their perspectives")
	}
	found, twice := "all different", first(policy.DuplicateName)
	if twice != nil {
		found = twice.Detail
	}
	need(twice == nil, "names", found, "each once")
	return c
}

// foundRemotes says how many remotes there are, and how many of them count if that
// is not the same.
func foundRemotes(q policy.Quorum, set perspectives.Set) string {
	if n := q.Distinct(set); n != len(set.Remotes) {
		return fmt.Sprintf("%d distinct of %d", n, len(set.Remotes))
	}
	return fmt.Sprint(len(set.Remotes))
}

func wantedRemotes(q policy.Quorum) string {
	switch q.MaxRemotes {
	case 0:
		return fmt.Sprintf("%d or more", q.MinRemotes)
	case q.MinRemotes:
		return fmt.Sprint(q.MinRemotes)
	default:
		return fmt.Sprintf("%d to %d", q.MinRemotes, q.MaxRemotes)
	}
}

func joined(regions []place.RIR) string {
	names := make([]string, len(regions))
	for n, r := range regions {
		names[n] = r.String()
	}
	return strings.Join(names, ", ")
}

func resolverAt(p perspectives.Perspective) place.Location {
	at, _ := p.ResolverLocation()
	return at
}

func perspectiveAt(p perspectives.Perspective) place.Location { return p.Location }

// closest describes the two perspectives that are nearest to each other, and says
// how far apart they are: not a number if a place is none.
func closest(all []perspectives.Perspective, at func(perspectives.Perspective) place.Location) (text string, km float64) {
	type pair struct {
		km   float64
		text string
	}
	var pairs []pair
	for n, a := range all {
		for _, b := range all[:n] {
			km := place.DistanceKm(at(a), at(b))
			pairs = append(pairs, pair{km, fmt.Sprintf("%s km, %s and %s", place.FormatKm(km), b.Name, a.Name)})
		}
	}
	if len(pairs) == 0 {
		return "one place", math.Inf(1)
	}
	least := slices.MinFunc(pairs, func(a, b pair) int { return cmp.Compare(a.km, b.km) }) // NaN before all numbers
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

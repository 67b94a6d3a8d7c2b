package resilience

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mpicsim/perspectives/policy"
	"mpicsim/topology"
)

// Schema names the version of [Report]'s JSON form.
const Schema = "mpicsim/resilience/v1"

// Report is what the hijacks of a study came to.
type Report struct {
	Schema string `json:"schema"`
	// Attacks are in order of name: shapes of attack are never mixed.
	Attacks []Attack `json:"attacks"`
}

// Attack is the results for one shape of attack.
type Attack struct {
	Attack string `json:"attack"`
	// Hijacks, Victims and Attackers say how many there were; Attackers is 0 if
	// they were not told apart.
	Hijacks   int64 `json:"hijacks"`
	Victims   int   `json:"victims"`
	Attackers int   `json:"attackers,omitempty"`
	// Weighted is true if some victim's or attacker's weight is not 1.
	Weighted bool `json:"weighted"`
	// Policies are in the order of [Options].
	Policies []PolicyResult `json:"policies"`
	// Across is for an attacker to whom a certificate under any of the policies
	// will do. It is exact; the least of their resilience is no more than a limit
	// to it.
	Across *Outcome `json:"across,omitempty"`
	// Viewpoints are in the study's order, Regions in that of their names.
	Viewpoints []Viewpoint `json:"viewpoints,omitempty"`
	Regions    []Region    `json:"regions,omitempty"`
}

// PolicyResult is what one policy withstands.
type PolicyResult struct {
	Deployment string `json:"deployment"`
	// Primary is empty if there is none.
	Primary string        `json:"primary,omitempty"`
	Remotes []string      `json:"remotes"`
	Rule    policy.Quorum `json:"rule"`
	// Needs says what an attacker must fool, such as "primary and 4 of 5 remotes".
	Needs string `json:"needs"`
	// NeverIssues says why nobody gets a certificate under the policy: perspectives
	// have no route to anybody. Then there is nothing that it withstands, and there are
	// no outcomes.
	NeverIssues string `json:"never_issues,omitempty"`
	// WithPrimary demands that the primary is fooled too; nil without a primary.
	WithPrimary *Outcome `json:"with_primary,omitempty"`
	// WithoutPrimary looks at the remotes alone; nil if the rule does not.
	WithoutPrimary *Outcome `json:"without_primary,omitempty"`
	// Benign is the price in honest requests, under Failures; nil if none were
	// assumed.
	Benign   *Benign   `json:"benign,omitempty"`
	Failures *Failures `json:"failures,omitempty"`
}

// Outcome is resilience by one definition.
type Outcome struct {
	// Mean and Median are over victims, by their weights.
	Mean   Bounds `json:"mean"`
	Median Bounds `json:"median"`
	// Spread is nil if everybody was computed.
	Spread *Spread `json:"spread,omitempty"`
	// Unreached is the mean share of attackers who fail only because some
	// perspective has no route: they count as withstood in Mean.
	Unreached Bounds `json:"unreached"`
	// CDF is over victims.
	CDF Distribution `json:"cdf"`
	// Victims are those with the least resilience first, by Picked, then by ASN;
	// Attackers are those who succeed most.
	Victims   []Victim   `json:"victims,omitempty"`
	Attackers []Attacker `json:"attackers,omitempty"`
}

// Distribution is a CDF for each way in which ties may fall.
type Distribution struct {
	Lower  []Step `json:"lower"`
	Picked []Step `json:"picked"`
	Upper  []Step `json:"upper"`
}

// Victim is one victim's resilience.
type Victim struct {
	// ASN is 0 if the victim is a domain, Name empty if it is an AS.
	ASN        topology.ASN `json:"asn,omitempty"`
	Name       string       `json:"domain,omitempty"`
	Weight     float64      `json:"weight"`
	Resilience Bounds       `json:"resilience"`
	Unreached  Bounds       `json:"unreached"`
}

// Attacker is one attacker's success.
type Attacker struct {
	ASN    topology.ASN `json:"asn"`
	Weight float64      `json:"weight"`
	// Success is the share of victims, by weight, that it gets a certificate for.
	// Lower, as everywhere, has ties falling to the attacker and so is the
	// largest.
	Success Bounds `json:"success"`
}

// ReportOptions say how long a report is.
type ReportOptions struct {
	// List is how many victims and attackers are listed, -1 for all.
	List int
	// Steps is how many steps of a CDF are kept, spread evenly over them with the
	// first and the last among them; -1 for all.
	Steps int
}

// Report returns what the hijacks so far came to. More may be added afterwards,
// but with Pairwise or Strongest only of other victims.
func (a *Accumulator) Report(o ReportOptions) (*Report, error) {
	r := &Report{Schema: Schema}
	attacks := a.attacks
	if s := a.strongest; s != nil {
		if err := a.closeVictim(); err != nil {
			return nil, err
		}
		if len(s.shapes) > 1 { // the best of one is that one
			attacks = append(slices.Clip(attacks), s.t)
		}
	}
	for _, t := range attacks {
		t.flush()
		attack, err := t.report(o)
		if err != nil {
			return nil, fmt.Errorf("attack %q: %w", t.attack, err)
		}
		r.Attacks = append(r.Attacks, attack)
	}
	slices.SortFunc(r.Attacks, func(a, b Attack) int { return cmp.Compare(a.Attack, b.Attack) })
	return r, nil
}

func (t *tally) report(o ReportOptions) (Attack, error) {
	out := Attack{
		Attack: t.attack, Hijacks: t.hijacks,
		Victims:  t.victims.met(),
		Weighted: t.weighted || t.victims.weighted(),
	}
	if !t.patterns {
		out.Attackers = t.attackers.met()
	}
	if t.pairwise != nil {
		out.Viewpoints, out.Regions = t.pairwise.report()
	}
	for i, p := range t.a.o.Policies {
		r := PolicyResult{Deployment: p.Deployment.Name, Rule: p.Rule, Needs: t.a.predicates[i].String()}
		r.Primary, r.Remotes = p.Deployment.names(t.a.o.Viewpoints)
		if r.NeverIssues = t.a.neverIssues(i); r.NeverIssues != "" {
			out.Policies = append(out.Policies, r)
			continue
		}
		if t.a.predicates[i].primary {
			r.WithPrimary = t.outcome(i, withPrimary, o)
		}
		if !t.a.predicates[i].alone {
			r.WithoutPrimary = t.outcome(i, withoutPrimary, o)
		}
		if f := t.a.o.Failures; f != nil {
			benign, err := t.a.predicates[i].Benign(*f)
			if err != nil {
				return Attack{}, err
			}
			r.Benign, r.Failures = &benign, f
		}
		out.Policies = append(out.Policies, r)
	}
	if t.a.o.Across {
		out.Across = t.outcome(len(t.a.predicates), withPrimary, o)
	}
	return out, t.addSpreads(&out)
}

// neverIssues says why nobody gets a certificate under a policy, "" if somebody may:
// it is not met if all perspectives pass that had a route in some hijack.
func (a *Accumulator) neverIssues(i int) string {
	c := a.predicates[i]
	if c.Succeeds(a.routed) {
		return ""
	}
	var lost []string
	for _, v := range c.members {
		if !a.routed.Has(v) {
			lost = append(lost, a.o.Viewpoints[v].Name)
		}
	}
	return "no route to any victim or attacker at " + strings.Join(lost, ", ")
}

// addSpreads puts the intervals to all outcomes. Every policy is judged by the same
// draws.
func (t *tally) addSpreads(a *Attack) error {
	if t.a.o.Sampling == nil {
		return nil
	}
	var outcomes []*Outcome
	var slots []int
	add := func(o *Outcome, i, definition int) {
		if o != nil {
			outcomes = append(outcomes, o)
			slots = append(slots, slot(i, definition, lower), slot(i, definition, picked), slot(i, definition, upper))
		}
	}
	for i, p := range a.Policies {
		add(p.WithPrimary, i, withPrimary)
		add(p.WithoutPrimary, i, withoutPrimary)
	}
	add(a.Across, len(a.Policies), withPrimary)
	spreads, err := t.spreads(*t.a.o.Sampling, slots)
	for i, s := range spreads {
		outcomes[i].Spread = s
	}
	return err
}

// met returns how many parties have met some weight of others.
func (p *parties) met() (n int) {
	for _, total := range p.total {
		if total > 0 {
			n++
		}
	}
	return n
}

func (p *parties) weighted() bool {
	return slices.ContainsFunc(p.weights, func(w float64) bool { return w != 1 })
}

// outcome sums up one policy by one definition.
func (t *tally) outcome(i, definition int, o ReportOptions) *Outcome {
	out := &Outcome{Victims: t.victimList(i, definition)}
	for way := range ways {
		values, unreached := make([]weighted, len(out.Victims)), make([]weighted, len(out.Victims))
		for n, v := range out.Victims {
			values[n] = weighted{*v.Resilience.at(way), v.Weight}
			unreached[n] = weighted{*v.Unreached.at(way), v.Weight}
		}
		*out.Mean.at(way) = mean(values)
		*out.Unreached.at(way) = mean(unreached)
		*out.Median.at(way) = median(values)
		*out.CDF.at(way) = thin(cdf(values), o.Steps)
	}
	slices.SortFunc(out.Victims, func(a, b Victim) int {
		return cmp.Or(cmp.Compare(a.Resilience.Picked, b.Resilience.Picked), cmp.Compare(a.ASN, b.ASN))
	})
	out.Victims = first(out.Victims, o.List)
	if names := t.a.o.Names; names != nil {
		for n := range out.Victims {
			v := &out.Victims[n]
			v.ASN, v.Name = 0, names[v.ASN-1]
		}
	}
	if t.attackers.slots > 0 && !t.patterns {
		out.Attackers = first(t.attackerList(i, definition), o.List)
	}
	return out
}

// victimList returns all victims in order of ASN.
func (t *tally) victimList(i, definition int) []Victim {
	var list []Victim
	for n, total := range t.victims.total {
		if total == 0 {
			continue
		}
		v := Victim{ASN: t.victims.asns[n], Weight: t.victims.weights[n]}
		for way := range ways {
			at := n*t.a.slots + slot(i, definition, way)
			*v.Resilience.at(way) = 1 - t.victims.success[at]/total
			*v.Unreached.at(way) = t.unrouted[at] / total
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b Victim) int { return cmp.Compare(a.ASN, b.ASN) })
	return list
}

// attackerList returns all attackers, those who succeed most first.
func (t *tally) attackerList(i, definition int) []Attacker {
	var list []Attacker
	for n, total := range t.attackers.total {
		if total == 0 {
			continue
		}
		a := Attacker{ASN: t.attackers.asns[n], Weight: t.attackers.weights[n]}
		for way := range ways {
			*a.Success.at(way) = t.attackers.success[n*t.a.slots+slot(i, definition, way)] / total
		}
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b Attacker) int {
		return cmp.Or(cmp.Compare(b.Success.Picked, a.Success.Picked), cmp.Compare(a.ASN, b.ASN))
	})
	return list
}

// at returns the field of a way.
func (b *Bounds) at(way int) *float64 {
	return [...]*float64{lower: &b.Lower, picked: &b.Picked, upper: &b.Upper}[way]
}

func (d *Distribution) at(way int) *[]Step {
	return [...]*[]Step{lower: &d.Lower, picked: &d.Picked, upper: &d.Upper}[way]
}

// first returns up to n of a list, all if n is negative.
func first[T any](list []T, n int) []T {
	if n < 0 || n > len(list) {
		n = len(list)
	}
	return slices.Clip(list[:n])
}

// thin returns n of the steps, all if n is negative.
func thin(steps []Step, n int) []Step {
	if n < 0 || n >= len(steps) {
		return steps
	}
	out := make([]Step, n)
	for i := range out {
		at := len(steps) - 1
		if n > 1 {
			at = i * (len(steps) - 1) / (n - 1)
		}
		out[i] = steps[at]
	}
	return out
}

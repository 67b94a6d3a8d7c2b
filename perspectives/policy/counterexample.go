package policy

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/topology/place"
)

// Breach is an attempt on which one rule issues and another refuses, found by
// [Counterexample]. The primary passes, and so does each remote of Corroborating;
// the others do not. It holds for the domain validation and for the CAA check
// alike, whose quorums are judged by the same rule.
type Breach struct {
	// Rule and By are the names of the two rules.
	Rule string `json:"rule"`
	By   string `json:"by"`
	// Corroborating and Missing are the remotes by name, in the order of the set.
	// Both are empty if the rule asks no remotes at all.
	Corroborating []string `json:"corroborating"`
	Missing       []string `json:"missing"`
	// Reason, Detail and Clause say why By refuses, as in a decision.
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	Clause string `json:"clause"`
}

// String says in a sentence what happens.
func (b Breach) String() string {
	when := "although no remote is asked"
	switch {
	case len(b.Corroborating) > 0 && len(b.Missing) == 0:
		when = "if all " + fmt.Sprint(len(b.Corroborating)) + " remotes corroborate"
	case len(b.Corroborating) > 0:
		when = "if only " + strings.Join(b.Corroborating, ", ") + " corroborate"
	case len(b.Missing) > 0:
		when = "although no remote corroborates"
	}
	return fmt.Sprintf("rule %s issues %s; %s refuses: %s", b.Rule, when, b.By, b.Detail)
}

// Counterexample looks for an attempt by set on which own issues although by
// refuses, the primary passing: nil if own is at least as strict as by for the
// remotes of this set. It names an attempt from which no corroboration can be
// taken away without own refusing, too.
//
// The answer is exact, without trying all 2^n attempts: both rules are monotone in
// who corroborates, so that only the largest attempts that by refuses need to be
// tried on own. by refuses for one of three reasons: the set as it is; too few
// distinct remotes, of which the largest attempts lack one more than by tolerates;
// or too few RIR regions, where they have all remotes of as many regions as are too
// few. The errors are those of [Decide].
func Counterexample(own, by Quorum, set perspectives.Set) (*Breach, error) {
	c := comparison{own: own, by: by, set: set, passing: make([]bool, len(set.Remotes))}
	if own.MinRemotes == 0 && by.MinRemotes > 0 { // such a CA need not ask those that it has
		d, err := Decide(by, SameSet(c.primary()))
		if err != nil {
			return nil, err
		}
		return c.breach(d, nil, nil), nil
	}
	for _, lack := range c.lacking() {
		for n := range c.passing {
			c.passing[n] = !slices.Contains(lack, n)
		}
		found, d, err := c.breached()
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		return c.least(d)
	}
	return nil, nil //nolint:nilnil // said above
}

// comparison is one search.
type comparison struct {
	own, by Quorum
	set     perspectives.Set
	passing []bool // by remote
}

func (c *comparison) primary() Answer {
	return Answer{Perspective: c.set.Primary, DCV: perspectives.Pass, CAA: perspectives.Pass}
}

// breached reports whether own issues and by refuses if those pass who do now, and
// what by decides.
func (c *comparison) breached() (bool, perspectives.Decision, error) {
	answers := make([]Answer, len(c.set.Remotes))
	for n, r := range c.set.Remotes {
		answers[n].Perspective = r
		if c.passing[n] {
			answers[n].DCV, answers[n].CAA = perspectives.Pass, perspectives.Pass
		}
	}
	attempt := SameSet(c.primary(), answers...)
	d, err := Decide(c.own, attempt)
	if err != nil || !d.Issue {
		return false, d, err
	}
	d, err = Decide(c.by, attempt)
	return !d.Issue, d, err
}

// least takes corroborations away from a breach for as long as own issues, the
// last remotes first.
func (c *comparison) least(d perspectives.Decision) (*Breach, error) {
	for n := range slices.Backward(c.passing) {
		if !c.passing[n] {
			continue
		}
		c.passing[n] = false
		found, less, err := c.breached()
		if err != nil {
			return nil, err
		}
		if found {
			d = less
		} else {
			c.passing[n] = true
		}
	}
	var with, without []string
	for n, r := range c.set.Remotes {
		if c.passing[n] {
			with = append(with, r.Name)
		} else {
			without = append(without, r.Name)
		}
	}
	return c.breach(d, with, without), nil
}

func (c *comparison) breach(d perspectives.Decision, with, without []string) *Breach {
	return &Breach{
		Rule: c.own.Name, By: c.by.Name, Reason: d.Reason, Detail: d.Detail, Clause: d.Clause,
		Corroborating: append([]string{}, with...), Missing: append([]string{}, without...),
	}
}

// lacking returns the remotes, by index, that do not corroborate in each of the
// attempts to try.
func (c *comparison) lacking() (all [][]int) {
	groups := c.groups()
	all = append(all, nil)
	if spare := len(groups) - c.by.Required(len(groups)); spare < len(groups) {
		all = c.choose(all, groups, spare+1, nil)
	}
	if c.by.MinRIRs == 0 {
		return all
	}
	for few := range 1 << len(place.RIRs()) {
		if bits.OnesCount(uint(few)) != c.by.MinRIRs-1 {
			continue
		}
		var others []remoteGroup // those in further regions
		for _, g := range groups {
			if at := slices.Index(place.RIRs(), g.region); at >= 0 && few>>at&1 == 0 {
				others = append(others, g)
			}
		}
		all = c.choose(all, others, len(others), nil)
	}
	return all
}

// remoteGroup is remotes that by counts as one.
type remoteGroup struct {
	members []int // of the set
	region  place.RIR
	like    int // the first group that no rule can tell from it
}

// groups returns the remotes as by counts them, without those that it does not.
func (c *comparison) groups() []remoteGroup {
	at := make(map[string]int, len(c.set.Remotes))
	for n, r := range c.set.Remotes {
		at[r.Name] = n
	}
	alone := map[string]bool{} // that own counts by themselves
	for _, g := range c.own.group(c.set.Primary, c.set.Remotes) {
		alone[g[0].Name] = len(g) == 1
	}
	type kind struct {
		region place.RIR
		alone  bool
	}
	first := map[kind]int{}
	var out []remoteGroup
	for _, g := range c.by.group(c.set.Primary, c.set.Remotes) {
		r := remoteGroup{region: regionOf(g), like: len(out)}
		for _, p := range g {
			r.members = append(r.members, at[p.Name])
		}
		if one := g[0]; len(g) == 1 && alone[one.Name] {
			k := kind{one.RIR, true}
			if n, ok := first[k]; ok {
				r.like = n
			} else {
				first[k] = r.like
			}
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b remoteGroup) int { return a.like - b.like })
	slices.Reverse(out) // those named first stay the longest
	return out
}

// choose appends to all each way to take one member of k of the groups away, but
// only one of those ways that differ in groups that are alike.
func (c *comparison) choose(all [][]int, groups []remoteGroup, k int, taken []int) [][]int {
	if k == 0 {
		return append(all, slices.Clone(taken))
	}
	for n := 0; len(groups)-n >= k; n++ {
		if n > 0 && groups[n].like == groups[n-1].like {
			continue // as if the one before had been taken
		}
		for _, m := range groups[n].members {
			all = c.choose(all, groups[n+1:], k-1, append(taken, m))
		}
	}
	return all
}

// NeverIssues says why q refuses every attempt by set, as a sentence: "" if it
// issues when all perspectives pass. The errors are those of [Decide].
func NeverIssues(q Quorum, set perspectives.Set) (string, error) {
	answers := make([]Answer, len(set.Remotes))
	for n, r := range set.Remotes {
		answers[n] = Answer{Perspective: r, DCV: perspectives.Pass, CAA: perspectives.Pass}
	}
	d, err := Decide(q, SameSet(Answer{Perspective: set.Primary, DCV: perspectives.Pass, CAA: perspectives.Pass}, answers...))
	if err != nil || d.Issue {
		return "", err
	}
	return fmt.Sprintf("%s (%s)", d.Detail, d.Reason), nil
}

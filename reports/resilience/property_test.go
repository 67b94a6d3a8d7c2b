package resilience_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/policy"
	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// report judges a study.
func report(t testing.TB, s study, o resilience.Options) resilience.Attack {
	t.Helper()
	r, err := accumulate(t, s, o).Report(resilience.ReportOptions{List: -1, Steps: -1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Attacks) != 1 {
		t.Fatalf("%d attacks", len(r.Attacks))
	}
	return r.Attacks[0]
}

// byASN returns victims in order of ASN.
func byASN(victims []resilience.Victim) []resilience.Victim {
	out := slices.Clone(victims)
	slices.SortFunc(out, func(a, b resilience.Victim) int { return int(a.ASN) - int(b.ASN) })
	return out
}

// TestNestedQuorumsAreMonotone: who tolerates more non-corroborations, asks for
// fewer RIR regions or does without the primary withstands no more, victim by
// victim.
func TestNestedQuorumsAreMonotone(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 8, victims: 8, attackers: 60, seed: 11, unreached: 0.02})
	var policies []resilience.Policy
	for minRIRs := range 5 {
		for allowed := range 7 {
			policies = append(policies, resilience.Policy{Deployment: span(7), Rule: policy.Quorum{
				Name: fmt.Sprint(allowed, minRIRs), Clause: "test", MinRemotes: 7, Allowed: allowed, MinRIRs: minRIRs, Enforced: true,
			}})
		}
	}
	got := report(t, s, resilience.Options{Policies: policies}).Policies
	strict := 0
	compare := func(less, more *resilience.Outcome) {
		for i, v := range byASN(less.Victims) {
			w := byASN(more.Victims)[i]
			for way := range 3 {
				g.Expect(list(v.Resilience)[way]).To(BeNumerically("<=", list(w.Resilience)[way]))
				if list(v.Resilience)[way] < list(w.Resilience)[way] {
					strict++
				}
			}
		}
	}
	for i := range got {
		if i%7 > 0 {
			compare(got[i].WithPrimary, got[i-1].WithPrimary)
		}
		if i >= 7 {
			compare(got[i-7].WithPrimary, got[i].WithPrimary)
		}
		compare(got[i].WithoutPrimary, got[i].WithPrimary)
	}
	g.Expect(strict).To(BeNumerically(">", 500), "the order is put to the test")
}

// TestSixthRemoteNeverRaisesResilience is a theorem about the table of BR 3.2.2.9:
// five remotes tolerate one non-corroboration and six tolerate two, so that who
// fools enough of five fools enough of them and a sixth.
func TestSixthRemoteNeverRaisesResilience(t *testing.T) {
	g := NewWithT(t)
	br := on(t, "2026-12-15")
	lower := 0
	for seed := range uint64(20) {
		s := draw(drawing{viewpoints: 12, victims: 4, attackers: 50, seed: seed, unreached: 0.02})
		r := rand.New(rand.NewPCG(seed, 2))
		for i := range s.viewpoints {
			s.viewpoints[i].RIR = place.RIRs()[r.IntN(3)]
		}
		s.viewpoints[1].RIR, s.viewpoints[2].RIR = place.ARIN, place.RIPE // lawful in any case
		five := resilience.Policy{Deployment: span(5), Rule: br}
		policies := []resilience.Policy{five}
		for sixth := 6; sixth < 12; sixth++ {
			p := five
			p.Deployment.Remotes = append(slices.Clone(p.Deployment.Remotes), sixth)
			policies = append(policies, p)
		}
		got := report(t, s, resilience.Options{Policies: policies}).Policies
		for _, six := range got[1:] {
			g.Expect(six.Needs).To(Equal("primary and 4 of 6 remotes in 2 RIR regions"))
			for _, outcomes := range [][2]*resilience.Outcome{{six.WithPrimary, got[0].WithPrimary}, {six.WithoutPrimary, got[0].WithoutPrimary}} {
				for i, v := range byASN(outcomes[0].Victims) {
					w := byASN(outcomes[1].Victims)[i]
					for way := range 3 {
						g.Expect(list(v.Resilience)[way]).To(BeNumerically("<=", list(w.Resilience)[way]))
						if list(v.Resilience)[way] < list(w.Resilience)[way] {
							lower++
						}
					}
				}
			}
		}
	}
	g.Expect(lower).To(BeNumerically(">", 500), "the sixth does cost something")
}

// TestFifthRemoteCanRaiseResilience is the other side: within a row of the table
// one more must be fooled.
func TestFifthRemoteCanRaiseResilience(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 6, victims: 4, attackers: 50, seed: 1})
	br := on(t, "2026-06-15")
	got := report(t, s, resilience.Options{Policies: []resilience.Policy{{Deployment: span(4), Rule: br}, {Deployment: span(5), Rule: br}}}).Policies
	g.Expect(got[1].WithPrimary.Mean.Picked).To(BeNumerically(">", got[0].WithPrimary.Mean.Picked))
}

// TestSymmetricDrawsGiveOneHalf: if victims and attackers are the same ASes, all
// announce alike and a tie falls to either side as often, then a single viewpoint
// reaches the victim half of the time. Preferences are a score for each AS with
// ties, as path lengths have them.
func TestSymmetricDrawsGiveOneHalf(t *testing.T) {
	g := NewWithT(t)
	const n, viewpoints = 200, 3
	r := rand.New(rand.NewPCG(5, 1))
	var score [viewpoints][n]int
	for v := range viewpoints {
		for a := range n {
			score[v][a] = r.IntN(5)
		}
	}
	s := study{viewpoints: line(viewpoints)}
	for v := range n {
		for a := range n {
			if v == a {
				continue
			}
			set := func(tie func(int) bool) result.Set {
				return setOf(viewpoints, func(i int) bool {
					return score[i][a] < score[i][v] || score[i][a] == score[i][v] && tie(i)
				})
			}
			s.hijacks = append(s.hijacks, result.Hijack{
				Victim: topology.ASN(v + 1), Attacker: topology.ASN(a + 1), Attack: "equal-prefix", VictimWeight: 1, AttackerWeight: 1, Count: 1,
				Reached: setOf(viewpoints, func(int) bool { return true }),
				Lower:   set(func(int) bool { return true }),
				// The pick depends on the pair, not on who hijacks whom.
				Picked: set(func(i int) bool { return (min(v, a)*7+max(v, a)*13+i)%2 == 0 == (v < a) }),
				Upper:  set(func(int) bool { return false }),
			})
		}
	}
	single := resilience.Policy{Deployment: resilience.Deployment{Primary: 0}, Rule: named(t, "primary-only")}
	got := report(t, s, resilience.Options{Policies: []resilience.Policy{single}, Pairwise: true})
	g.Expect(got.Policies[0].WithPrimary.Mean.Picked).To(BeNumerically("~", 0.5, 1e-12))
	for _, v := range got.Viewpoints {
		g.Expect(v.Resilience.Picked).To(BeNumerically("~", 0.5, 1e-12))
		g.Expect(v.Resilience.Lower + v.Resilience.Upper).To(BeNumerically("~", 1, 1e-12))
		g.Expect(v.Resilience.Lower).To(BeNumerically("<", 0.45))
	}
}

// TestUnreachedIsNotSafe: a deployment whose perspectives reach nobody issues
// nothing and so withstands nothing, and the report says for want of what. With as
// few of them without routes as the rule tolerates there is a resilience again.
func TestUnreachedIsNotSafe(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 6, victims: 3, attackers: 10, seed: 1, unreached: 1})
	got := report(t, s, resilience.Options{Policies: []resilience.Policy{{Deployment: span(5), Rule: on(t, "2026-12-15")}}, Pairwise: true})
	g.Expect(got.Policies[0].WithPrimary).To(BeNil())
	g.Expect(got.Policies[0].WithoutPrimary).To(BeNil())
	g.Expect(got.Policies[0].NeverIssues).To(Equal("no route to any victim or attacker at v0, v1, v2, v3, v4, v5"))
	g.Expect(got.Viewpoints[0].Unreached).To(Equal(1.0))
	g.Expect(got.Viewpoints[0].Victims).To(Equal(0), "nothing to be resilient in")
	g.Expect(got.Regions).To(BeEmpty())

	for dead, issues := range map[int]bool{1: true, 2: false} {
		s := draw(drawing{viewpoints: 6, victims: 3, attackers: 10, seed: 1})
		for i := range s.hijacks {
			for _, set := range []result.Set{s.hijacks[i].Reached, s.hijacks[i].Lower, s.hijacks[i].Picked, s.hijacks[i].Upper} {
				set[0] &^= (1<<dead - 1) << (6 - dead)
			}
		}
		got := report(t, s, resilience.Options{Policies: []resilience.Policy{{Deployment: span(5), Rule: on(t, "2026-12-15")}}})
		if p := got.Policies[0]; issues {
			g.Expect(p.WithPrimary).NotTo(BeNil(), "%d of 5 remotes without a route", dead)
			g.Expect(p.NeverIssues).To(BeEmpty())
		} else {
			g.Expect(p.WithPrimary).To(BeNil(), "%d of 5 remotes without a route", dead)
			g.Expect(p.NeverIssues).NotTo(BeEmpty())
		}
	}
}

// TestBoundsHoldForEveryHijack looks at single hijacks, each a study of its own.
func TestBoundsHoldForEveryHijack(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 7, victims: 6, attackers: 60, seed: 21, unreached: 0.05})
	p := resilience.Policy{Deployment: span(6), Rule: on(t, "2026-12-15")}
	differ := 0
	for i := range s.hijacks {
		one := study{viewpoints: s.viewpoints, hijacks: s.hijacks[i : i+1]}
		o := report(t, one, resilience.Options{Policies: []resilience.Policy{p}}).Policies[0].WithPrimary
		if o == nil {
			continue // too many perspectives without a route
		}
		b := o.Mean
		g.Expect(b.Lower).To(BeNumerically("<=", b.Picked))
		g.Expect(b.Picked).To(BeNumerically("<=", b.Upper))
		if b.Lower < b.Upper {
			differ++
		}
	}
	g.Expect(differ).To(BeNumerically(">", 10))
}

// TestMaxRule: a quorum that asks everybody withstands what its best perspective
// does, and more.
func TestMaxRule(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 4, victims: 6, attackers: 40, seed: 31})
	policies := []resilience.Policy{{Deployment: span(3), Rule: named(t, "all")}}
	for i := range 4 {
		policies = append(policies, resilience.Policy{Deployment: resilience.Deployment{Primary: i}, Rule: named(t, "primary-only")})
	}
	got := report(t, s, resilience.Options{Policies: policies}).Policies
	for _, single := range got[1:] {
		for i, v := range byASN(single.WithPrimary.Victims) {
			g.Expect(byASN(got[0].WithPrimary.Victims)[i].Resilience.Picked).To(BeNumerically(">=", v.Resilience.Picked))
		}
	}
}

// TestAcrossIsAnyOfThePolicies compares with the oracle, and with the least of the
// policies' resilience, which it never exceeds.
func TestAcrossIsAnyOfThePolicies(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 9, victims: 4, attackers: 40, seed: 41})
	none := resilience.Deployment{Primary: resilience.NoPrimary, Remotes: []int{5, 6, 7}}
	policies := []resilience.Policy{
		{Deployment: span(3), Rule: named(t, "all")},
		{Deployment: none, Rule: named(t, "all")},
	}
	got := report(t, s, resilience.Options{Policies: policies, Across: true})
	success := 0
	for _, h := range s.hijacks {
		if decide(t, s.viewpoints, policies[0], true, h.Picked.Has) || decide(t, s.viewpoints, policies[1], true, h.Picked.Has) {
			success++
		}
	}
	g.Expect(got.Across.Mean.Picked).To(BeNumerically("~", 1-float64(success)/float64(len(s.hijacks)), 1e-12))
	least := min(got.Policies[0].WithPrimary.Mean.Picked, got.Policies[1].WithoutPrimary.Mean.Picked)
	g.Expect(got.Across.Mean.Picked).To(BeNumerically("<", least))
}

// TestPatternsEqualRows: hijacks that came to the same may be added as one.
func TestPatternsEqualRows(t *testing.T) {
	for _, weights := range []bool{false, true} {
		g := NewWithT(t)
		s := draw(drawing{viewpoints: 6, victims: 5, attackers: 300, seed: 51, unreached: 0.02, weights: weights})
		merged, at := s, map[string]int{}
		merged.hijacks = nil
		for _, h := range s.hijacks {
			key := fmt.Sprint(h.Victim, h.Reached, h.Lower, h.Picked, h.Upper)
			i, ok := at[key]
			if !ok {
				at[key] = len(merged.hijacks)
				h.Attacker = 0
				merged.hijacks = append(merged.hijacks, h)
				continue
			}
			merged.hijacks[i].Count++
			merged.hijacks[i].AttackerWeight += h.AttackerWeight
		}
		g.Expect(len(merged.hijacks)).To(BeNumerically("<", len(s.hijacks)*9/10))
		o := resilience.Options{Policies: []resilience.Policy{{Deployment: span(5), Rule: on(t, "2026-12-15")}}, Pairwise: true, Across: true}
		want, got := report(t, s, o), report(t, merged, o)
		g.Expect(want.Attackers).To(Equal(300))
		g.Expect(got.Attackers).To(Equal(0), "they are not told apart")
		want.Attackers = 0
		g.Expect(round(t, got)).To(Equal(round(t, want)))
	}
}

// round returns a report as JSON with numbers cut to nine digits.
func round(t *testing.T, a resilience.Attack) string {
	t.Helper()
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				v[k] = walk(v[k])
			}
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case float64:
			return fmt.Sprintf("%.9f", v)
		}
		return v
	}
	data, err = json.Marshal(walk(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestAttacksAreKeptApart: shapes of attack have results of their own.
func TestAttacksAreKeptApart(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 6, victims: 3, attackers: 40, seed: 61})
	o := resilience.Options{Policies: []resilience.Policy{{Deployment: span(5), Rule: on(t, "2026-12-15")}}}
	want := report(t, s, o)
	both := study{viewpoints: s.viewpoints}
	for _, h := range s.hijacks {
		both.hijacks = append(both.hijacks, h)
		h.Attack = "another"
		h.Lower, h.Picked, h.Upper = make(result.Set, 1), make(result.Set, 1), make(result.Set, 1)
		both.hijacks = append(both.hijacks, h)
	}
	r, err := accumulate(t, both, o).Report(resilience.ReportOptions{List: -1, Steps: -1})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.Attacks).To(HaveLen(2))
	g.Expect(r.Attacks[0].Attack).To(Equal("another"))
	g.Expect(r.Attacks[0].Policies[0].WithPrimary.Mean.Lower).To(Equal(1.0))
	g.Expect(r.Attacks[1]).To(Equal(want))
}

func TestAddRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*result.Hijack)
		want   string
	}{
		"too short a set":         {func(h *result.Hijack) { h.Picked = nil }, "sets of 1, 1, 0 and 1 words, expected 1 for 6 viewpoints"},
		"sets that do not nest":   {func(h *result.Hijack) { h.Upper = result.Set{63}; h.Lower = result.Set{1} }, "not nested"},
		"fooled without a route":  {func(h *result.Hijack) { h.Reached = result.Set{0}; h.Lower = result.Set{1} }, "not nested"},
		"a viewpoint beyond":      {func(h *result.Hijack) { h.Reached = result.Set{127} }, "beyond the 6"},
		"a negative weight":       {func(h *result.Hijack) { h.AttackerWeight = -1 }, "weights 1 and -1"},
		"another victim's weight": {func(h *result.Hijack) { h.VictimWeight = 2 }, "AS 1 has weight 2, and had 1 before"},
		"no count":                {func(h *result.Hijack) { h.Count = 0 }, "stands for 0 hijacks"},
		"one attacker many times": {func(h *result.Hijack) { h.Count = 2 }, "stands for 2 hijacks"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := draw(drawing{viewpoints: 6, victims: 1, attackers: 4, seed: 1})
			a := accumulate(t, s, resilience.Options{Policies: []resilience.Policy{{Deployment: span(5), Rule: on(t, "2026-12-15")}}})
			before, err := a.Report(resilience.ReportOptions{List: -1})
			g.Expect(err).NotTo(HaveOccurred())
			h := s.hijacks[0]
			h.Lower, h.Picked, h.Upper = slices.Clone(h.Lower), slices.Clone(h.Picked), slices.Clone(h.Upper)
			tc.change(&h)
			g.Expect(a.Add(&h)).To(MatchError(ContainSubstring(tc.want)))
			g.Expect(a.Report(resilience.ReportOptions{List: -1})).To(Equal(before))
		})
	}
}

// TestAddDoesNotAllocate once all parties are known.
func TestAddDoesNotAllocate(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 200, victims: 2, attackers: 65, seed: 1, unreached: 0.1})
	br := on(t, "2026-12-15")
	br.MinDistanceKm = 0
	a := accumulate(t, s, resilience.Options{Policies: []resilience.Policy{{Deployment: span(6), Rule: br}}, Attackers: true, Across: true})
	n := 0
	g.Expect(testing.AllocsPerRun(200, func() {
		if err := a.Add(&s.hijacks[n%len(s.hijacks)]); err != nil {
			t.Fatal(err)
		}
		n++
	})).To(BeZero())
}

package resilience_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/topology/place"
)

// rules returns rules of every kind: all phases of the BR, all presets, k of n, and
// variants that nobody uses.
func rules(t *testing.T) []policy.Quorum {
	all := policy.Presets()
	for _, date := range []string{"2025-01-01", "2025-03-15", "2025-09-15", "2026-03-15", "2026-06-15", "2026-12-15"} {
		all = append(all, on(t, date))
	}
	for _, name := range []string{"1/1", "2/3", "3/4", "1/5", "5/5"} {
		all = append(all, named(t, name))
	}
	for _, minRIRs := range []int{1, 3} {
		q := on(t, "2026-03-15")
		q.MinRIRs, q.MinDistanceKm = minRIRs, 0
		all = append(all, q)
		q.Enforced = false
		q.MinDistanceKm = 900
		all = append(all, q)
	}
	return all
}

// agree compares a compiled policy with the oracle for every set of fooled
// perspectives, and returns how many attacks succeed and fail.
func agree(t *testing.T, viewpoints []result.Viewpoint, p resilience.Policy) (succeed, fail int) {
	t.Helper()
	c, err := resilience.Compile(viewpoints, p)
	n := len(viewpoints)
	everybody := func(int) bool { return true }
	if errors.Is(err, resilience.ErrNeverIssues) {
		if decide(t, viewpoints, p, true, everybody) {
			t.Fatalf("%+v: %v, but it issues", p, err)
		}
		return 0, 0
	}
	if err != nil {
		t.Fatal(err)
	}
	for mask := range 1 << n {
		fooled := func(i int) bool { return mask>>i&1 != 0 }
		set := setOf(n, fooled)
		with, without := decide(t, viewpoints, p, true, fooled), decide(t, viewpoints, p, false, fooled)
		if got := c.Succeeds(set); got != with {
			t.Fatalf("%+v fooled %b: succeeds %v, want %v", p, mask, got, with)
		}
		if got := c.SucceedsWithoutPrimary(set); got != without {
			t.Fatalf("%+v fooled %b: succeeds without the primary %v, want %v", p, mask, got, without)
		}
		if with {
			succeed++
		} else {
			fail++
		}
	}
	return succeed, fail
}

// TestCompiledRuleEqualsDecide enumerates up to seven distinct remotes with and
// without a primary, and every set of fooled perspectives: over three RIR regions
// up to five in every way that differs, over two in some ways above.
func TestCompiledRuleEqualsDecide(t *testing.T) {
	g := NewWithT(t)
	succeed, fail := 0, 0
	for n := range 8 {
		regions := 3
		if n > 5 {
			regions = 2
		}
		for spread := range int(math.Pow(float64(regions), float64(n))) {
			viewpoints, used := line(n+1), 0
			for i, rest := 1, spread; i <= n; i, rest = i+1, rest/regions {
				viewpoints[i].RIR = place.RIRs()[rest%regions]
				if rest%regions == used {
					used++
				}
				if rest%regions > used { // another spread with regions renamed
					used = math.MaxInt
				}
			}
			if used == math.MaxInt || n > 5 && spread%11 != 0 {
				continue
			}
			for _, q := range rules(t) {
				for _, primary := range []int{0, resilience.NoPrimary} {
					if primary == resilience.NoPrimary && (spread%7 != 0 || q.MinRemotes == 0 || !q.Enforced) {
						continue
					}
					d := span(n)
					d.Primary = primary
					s, f := agree(t, viewpoints, resilience.Policy{Deployment: d, Rule: q})
					succeed, fail = succeed+s, fail+f
				}
			}
		}
	}
	t.Logf("%d attacks succeed, %d fail", succeed, fail)
	g.Expect(min(succeed, fail)).To(BeNumerically(">", 10000))
}

// TestCompiledGeographyEqualsDecide draws remotes that stand too near to the
// primary or to each other, in chains, and resolvers somewhere else.
func TestCompiledGeographyEqualsDecide(t *testing.T) {
	g := NewWithT(t)
	r := rand.New(rand.NewPCG(3, 1))
	succeed, fail, refused := 0, 0, 0
	for range 1000 {
		n := 2 + r.IntN(6)
		viewpoints := line(n + 1)
		set := perspectives.Set{Primary: perspectives.Perspective{Name: "p", RIR: place.ARIN}}
		for i := range n {
			at := *onEquator(float64(300 * r.IntN(14)))
			p := perspectives.Perspective{Name: fmt.Sprint(i), Location: at, RIR: place.RIRs()[r.IntN(3)]}
			if r.IntN(8) == 0 {
				p.Resolver = &perspectives.ResolverSite{Location: *onEquator(float64(300 * r.IntN(30))), RIR: p.RIR}
			}
			set.Remotes = append(set.Remotes, p)
			viewpoints[i+1].Location, viewpoints[i+1].RIR = &at, p.RIR
		}
		all := rules(t)
		d := span(n)
		if r.IntN(2) == 0 {
			d.Set = &set
		}
		s, f := agree(t, viewpoints, resilience.Policy{Deployment: d, Rule: all[r.IntN(len(all))]})
		succeed, fail = succeed+s, fail+f
		if s == 0 {
			refused++
		}
	}
	t.Logf("%d attacks succeed, %d fail, %d sets are never issued to", succeed, fail, refused)
	g.Expect(min(succeed, fail)).To(BeNumerically(">", 5000))
	g.Expect(refused).To(BeNumerically(">", 30))
}

func TestCompileRefuses(t *testing.T) {
	br := on(t, "2026-12-15")
	for name, tc := range map[string]struct {
		change func(*resilience.Policy, []result.Viewpoint)
		want   string
	}{
		"four remotes where five are needed": {
			func(p *resilience.Policy, _ []result.Viewpoint) { p.Deployment.Remotes = []int{1, 2, 3, 4} },
			"never issues: 4 remotes for the domain validation, at least 5 needed (too-few-remotes)",
		},
		"remotes in one region": {
			func(_ *resilience.Policy, v []result.Viewpoint) {
				for i := range v {
					v[i].RIR = place.ARIN
				}
			}, "never issues: the remotes that corroborate",
		},
		"an unknown region":   {func(_ *resilience.Policy, v []result.Viewpoint) { v[2].RIR = place.Unknown }, `viewpoint "v2" has no RIR region`},
		"an unknown place":    {func(_ *resilience.Policy, v []result.Viewpoint) { v[0].Location = nil }, `viewpoint "v0" has no location`},
		"a viewpoint twice":   {func(p *resilience.Policy, _ []result.Viewpoint) { p.Deployment.Remotes[1] = 1 }, `two answers by "v1"`},
		"a primary beyond":    {func(p *resilience.Policy, _ []result.Viewpoint) { p.Deployment.Primary = 6 }, "primary at viewpoint 6 of 6"},
		"a remote beyond":     {func(p *resilience.Policy, _ []result.Viewpoint) { p.Deployment.Remotes[4] = -1 }, "remote at viewpoint -1 of 6"},
		"too many remotes":    {func(p *resilience.Policy, _ []result.Viewpoint) { p.Deployment.Remotes = make([]int, 64) }, "64 remotes: at most 63"},
		"a set of other size": {func(p *resilience.Policy, _ []result.Viewpoint) { p.Deployment.Set = &perspectives.Set{} }, "0 remotes at 5 viewpoints"},
		"a primary in the set alone": {
			func(p *resilience.Policy, _ []result.Viewpoint) {
				p.Deployment.Primary = resilience.NoPrimary
				p.Deployment.Set = &perspectives.Set{Primary: perspectives.Perspective{Name: "p"}}
			}, `primary "p" without a viewpoint`,
		},
		"no rule": {func(p *resilience.Policy, _ []result.Viewpoint) { p.Rule = policy.Quorum{} }, "without name"},
		"nobody decides": {
			func(p *resilience.Policy, _ []result.Viewpoint) {
				p.Rule.Enforced = false
				p.Deployment.Primary = resilience.NoPrimary
			}, "there is none",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			viewpoints := line(6)
			p := resilience.Policy{Deployment: span(5), Rule: br}
			g.Expect(resilience.Compile(viewpoints, p)).Error().NotTo(HaveOccurred(), "the policy before the change")
			tc.change(&p, viewpoints)
			_, err := resilience.Compile(viewpoints, p)
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

// TestTwoPerspectivesMayShareAViewpoint: a topology has one AS for many regions.
func TestTwoPerspectivesMayShareAViewpoint(t *testing.T) {
	g := NewWithT(t)
	viewpoints := line(2)
	d := resilience.Deployment{Primary: 0, Remotes: []int{1, 1}, Set: &perspectives.Set{
		Primary: perspectives.Perspective{Name: "p"},
		Remotes: []perspectives.Perspective{{Name: "a"}, {Name: "b"}},
	}}
	c, err := resilience.Compile(viewpoints, resilience.Policy{Deployment: d, Rule: named(t, "2/2")})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.String()).To(Equal("primary and 2 of 2 remotes"))
	g.Expect(c.Succeeds(result.Set{0b11})).To(BeTrue())
	g.Expect(c.Succeeds(result.Set{0b01})).To(BeFalse())
	g.Expect(slices.Contains(d.Remotes, 0)).To(BeFalse())
}

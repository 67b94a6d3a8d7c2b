package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

// issues reports what a rule makes of the remotes of a set that corroborate.
func issues(t *testing.T, q policy.Quorum, s perspectives.Set, passing func(n int) bool) bool {
	t.Helper()
	var answers []policy.Answer
	for n, r := range s.Remotes {
		a := policy.Answer{Perspective: r, DCV: errd, CAA: fail}
		if passing(n) {
			a.DCV, a.CAA = pass, pass
		}
		answers = append(answers, a)
	}
	d, err := policy.Decide(q, policy.SameSet(policy.Answer{Perspective: s.Primary, DCV: pass, CAA: pass}, answers...))
	if err != nil {
		t.Fatal(err)
	}
	return d.Issue
}

// TestCounterexampleIsEnumeration draws sets of up to seven remotes, some too near
// to each other or to the primary, and compares every rule with the BR of every
// phase: there is a counterexample if and only if one of the 2^n attempts is one,
// and what is returned is one that has nothing to spare.
func TestCounterexampleIsEnumeration(t *testing.T) {
	const seed = 11
	rng := rand.New(rand.NewPCG(seed, 0))
	rules := append(policy.Presets(), policy.Phases()...)
	for k := 1; k <= 7; k++ {
		for n := k; n <= 7; n++ {
			q, err := policy.KOfN(k, n)
			if err != nil {
				t.Fatal(err)
			}
			rules = append(rules, q)
		}
	}
	dates := append(policy.Phases(), on("2025-03-14"))
	found, none := 0, 0
	for range 60 {
		s := perspectives.Set{Primary: primary().Perspective}
		places := 1 + rng.IntN(14)
		for n := range rng.IntN(8) {
			r := place.RIRs()[rng.IntN(1+rng.IntN(4))]
			if rng.IntN(20) == 0 {
				r = place.Unknown
			}
			km := 400 + 800*float64(rng.IntN(places)) + float64(rng.IntN(200))
			s.Remotes = append(s.Remotes, remoteAt(fmt.Sprintf("r%d", n), km, r, pass).Perspective)
		}
		attempts := func(q policy.Quorum) (issued []bool) {
			for mask := range 1 << len(s.Remotes) {
				issued = append(issued, issues(t, q, s, func(n int) bool { return mask>>n&1 == 1 }))
			}
			return issued
		}
		var allowed [][]bool // by date
		for _, by := range dates {
			allowed = append(allowed, attempts(by))
		}
		for _, own := range rules {
			issued := attempts(own)
			for d, by := range dates {
				want := false
				for mask := range issued {
					want = want || issued[mask] && !allowed[d][mask]
				}
				want = want || own.MinRemotes == 0 && by.MinRemotes > 0
				b, err := policy.Counterexample(own, by, s)
				if err != nil {
					t.Fatal(err)
				}
				if (b != nil) != want {
					t.Fatalf("seed %d: %s against %s of %+v: found %v, expected %v", seed, own.Name, by.Name, s, b, want)
				}
				if b == nil {
					none++
					continue
				}
				found++
				checkBreach(t, own, by, s, b)
			}
		}
	}
	t.Logf("%d counterexamples, none for %d", found, none)
	if found < 1_000 || none < 8_000 {
		t.Fatalf("seed %d: %d with and %d without", seed, found, none)
	}
}

// checkBreach decides the attempt that a breach names.
func checkBreach(t *testing.T, own, by policy.Quorum, s perspectives.Set, b *policy.Breach) {
	t.Helper()
	if own.MinRemotes == 0 && by.MinRemotes > 0 {
		if len(b.Corroborating)+len(b.Missing) > 0 || b.Reason != policy.TooFewRemotes {
			t.Fatalf("%+v: expected that nobody is asked", b)
		}
		return
	}
	if len(b.Corroborating)+len(b.Missing) != len(s.Remotes) {
		t.Fatalf("%+v of %d remotes", b, len(s.Remotes))
	}
	without := func(name string) func(n int) bool {
		return func(n int) bool {
			return s.Remotes[n].Name != name && slices.Contains(b.Corroborating, s.Remotes[n].Name)
		}
	}
	if !issues(t, own, s, without("")) || issues(t, by, s, without("")) {
		t.Fatalf("%+v is no counterexample", b)
	}
	for _, name := range b.Corroborating {
		if issues(t, own, s, without(name)) {
			t.Fatalf("%+v: %s could be spared", b, name)
		}
	}
	if b.Rule != own.Name || b.By != by.Name || b.Clause != by.Clause || b.Reason == "" || b.Detail == "" {
		t.Fatalf("%+v", b)
	}
}

// TestCounterexampleSaid holds the sentence that an auditor reads.
func TestCounterexampleSaid(t *testing.T) {
	five := setOf(primary(), remotes(0, arin, arin, arin, arin, ripe)...)
	for rule, want := range map[string]string{
		"primary-only":  "rule primary-only issues although no remote is asked; br@2026-06-15 refuses: 0 remotes for the domain validation, at least 4 needed",
		"2/5":           "rule 2/5 issues if only a, b corroborate; br@2026-06-15 refuses: 2 of 5 remotes corroborate the domain validation, 4 needed; not: c, d, e",
		"n-2":           "rule n-2 issues if only a, b, c corroborate; br@2026-06-15 refuses: 3 of 5 remotes corroborate the domain validation, 4 needed; not: d, e",
		"4/5":           "rule 4/5 issues if only a, b, c, d corroborate; br@2026-06-15 refuses: the remotes that corroborate the domain validation lie in 1 RIR regions, at least 2 needed",
		"br@2025-04-01": "rule br@2025-03-15 issues although no remote corroborates; br@2026-06-15 refuses: 0 of 5 remotes corroborate the domain validation, 4 needed; not: a, b, c, d, e",
		"5/5":           "", "all": "", "br": "", "boulder": "", "br@2026-12-15": "", "3/3": "",
	} {
		t.Run(rule, func(t *testing.T) {
			g := gomega.NewWithT(t)
			own, err := policy.ParseRule(rule, mustDate("2026-11-28"))
			g.Expect(err).NotTo(gomega.HaveOccurred())
			b, err := policy.Counterexample(own, on("2026-11-28"), five)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			if want == "" {
				g.Expect(b).To(gomega.BeNil())
				return
			}
			g.Expect(b.String()).To(gomega.Equal(want))
		})
	}
}

// TestCounterexampleOfMany is about the cost: the largest deployment there is, with
// remotes in five regions, is compared with few decisions.
func TestCounterexampleOfMany(t *testing.T) {
	g := gomega.NewWithT(t)
	s := perspectives.Set{Primary: primary().Perspective}
	for n := range 200 {
		s.Remotes = append(s.Remotes, perspectives.Perspective{
			Name: fmt.Sprint("r", n), RIR: place.RIRs()[n%5],
			Location: place.Location{Lat: float64(n%15)*10 - 70, Lon: float64(n/15)*25 - 170},
		})
	}
	lax, err := policy.KOfN(197, 200)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(policy.Counterexample(lax, on("2026-12-15"), s)).NotTo(gomega.BeNil())
	strict, err := policy.KOfN(198, 200)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(policy.Counterexample(strict, on("2026-12-15"), s)).To(gomega.BeNil())
}

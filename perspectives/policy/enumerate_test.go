package policy_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

// oracleIssue is the rule of BR 3.2.2.9 for a passing primary and distinct
// remotes, written as the tables of the text: dates as strings, regions as
// strings, one letter for each remote that corroborates (lower case for one that
// does not).
func oracleIssue(date, votes string) bool {
	minimum := 0
	for _, row := range []struct {
		from string
		n    int
	}{{"2025-03-15", 2}, {"2026-03-15", 3}, {"2026-06-15", 4}, {"2026-12-15", 5}} {
		if date >= row.from {
			minimum = row.n
		}
	}
	if minimum == 0 {
		return true
	}
	if len(votes) < minimum {
		return false
	}
	if date < "2025-09-15" {
		return true
	}
	lower := 0
	for _, c := range "abc" {
		lower += strings.Count(votes, string(c))
	}
	tolerated := map[int]int{2: 1, 3: 1, 4: 1, 5: 1, 6: 2, 7: 2, 8: 2}[len(votes)]
	if lower > tolerated {
		return false
	}
	if date < "2026-03-15" {
		return true
	}
	seen := 0
	for _, c := range "ABC" {
		if strings.ContainsRune(votes, c) {
			seen++
		}
	}
	return seen >= 2
}

// assignments calls f with every way to spread n remotes over at most regions
// RIR regions, up to renaming of regions.
func assignments(n, regions int, f func([]int)) {
	a := make([]int, n)
	var walk func(i, used int)
	walk = func(i, used int) {
		if i == n {
			f(a)
			return
		}
		for r := range min(used+1, regions) {
			a[i] = r
			walk(i+1, max(used, r+1))
		}
	}
	walk(0, 0)
}

// TestDecideEqualsTables compares Decide with the oracle for the day before and
// the first day of every phase, 0 to 8 remotes, every set of corroborating
// remotes and every spread over RIR regions: three of them up to 6 remotes; two
// above, on the last day of a phase only.
func TestDecideEqualsTables(t *testing.T) {
	g := gomega.NewWithT(t)
	dates := []string{
		"2025-03-14", "2025-03-15", "2025-09-14", "2025-09-15", "2026-03-14",
		"2026-03-15", "2026-06-14", "2026-06-15", "2026-12-14", "2026-12-15",
	}
	quorums := make([]policy.Quorum, len(dates))
	for i, d := range dates {
		quorums[i] = on(d)
	}
	silence := []perspectives.Verdict{fail, errd, none}
	cases, issuedCases := 0, 0
	for n := range 9 {
		regions := 3
		if n > 6 {
			regions = 2
		}
		assignments(n, regions, func(a []int) {
			answers := make([]policy.Answer, n)
			for mask := range 1 << n {
				letters := make([]byte, n)
				for i := range n {
					answers[i] = remoteAt(string(rune('a'+i)), float64(i+1)*2000, place.RIRs()[a[i]], pass)
					letters[i] = "ABC"[a[i]]
					if mask>>i&1 == 0 {
						letters[i] += 'a' - 'A'
						// Both questions, or one of them.
						v := silence[(mask+i)%3]
						answers[i].DCV, answers[i].CAA = v, v
					}
				}
				attempt := policy.SameSet(primary(), answers...)
				for i, q := range quorums {
					if n > 6 && i%2 == 1 {
						continue
					}
					d, err := policy.Decide(q, attempt)
					if err != nil {
						t.Fatal(err)
					}
					if want := oracleIssue(dates[i], string(letters)); d.Issue != want {
						t.Fatalf("%s %s: issue %v (%s), want %v", dates[i], letters, d.Issue, d.Reason, want)
					}
					cases++
					if d.Issue {
						issuedCases++
					}
				}
			}
		})
	}
	t.Logf("%d cases, %d issued", cases, issuedCases)
	g.Expect(issuedCases).To(gomega.BeNumerically(">", cases/100))
	g.Expect(issuedCases).To(gomega.BeNumerically("<", cases*99/100))
}

// TestDecideTakesTheWorseQuestion enumerates both questions independently: the
// decision is to issue exactly if each question alone is.
func TestDecideTakesTheWorseQuestion(t *testing.T) {
	for _, date := range []string{"2025-04-01", "2025-10-01", "2026-04-01"} {
		for n := range 5 {
			assignments(n, 3, func(a []int) {
				letters := func(mask int) string {
					b := make([]byte, n)
					for i := range n {
						b[i] = "ABC"[a[i]]
						if mask>>i&1 == 0 {
							b[i] += 'a' - 'A'
						}
					}
					return string(b)
				}
				for mask := range 1 << (2 * n) {
					dcv, caa := mask&(1<<n-1), mask>>n
					answers := make([]policy.Answer, n)
					for i := range n {
						answers[i] = remoteAt(string(rune('a'+i)), float64(i+1)*2000, place.RIRs()[a[i]], fail)
						if dcv>>i&1 == 1 {
							answers[i].DCV = pass
						}
						if caa>>i&1 == 1 {
							answers[i].CAA = pass
						}
					}
					d, err := policy.Decide(on(date), policy.SameSet(primary(), answers...))
					if err != nil {
						t.Fatal(err)
					}
					want := oracleIssue(date, letters(dcv)) && oracleIssue(date, letters(caa))
					if d.Issue != want {
						t.Fatalf("%s dcv %s caa %s: issue %v (%s), want %v", date, letters(dcv), letters(caa), d.Issue, d.Reason, want)
					}
				}
			})
		}
	}
}

// TestSixthRemoteNeverHelps is a theorem about the table: whoever fools the
// primary and enough of five remotes also fools enough of the same five and a
// sixth, because five tolerate one non-corroboration and six tolerate two, and
// one more remote cannot take an RIR region away. The reverse does not hold, so
// going from five to six remotes can only lose.
func TestSixthRemoteNeverHelps(t *testing.T) {
	q := on("2026-12-15")
	wins := func(answers []policy.Answer) bool {
		d, err := policy.Decide(q, policy.SameSet(primary(), answers...))
		if err != nil {
			t.Fatal(err)
		}
		return d.Issue
	}
	five, six, lost := 0, 0, 0
	assignments(6, 3, func(a []int) {
		for fooled := range 1 << 6 {
			answers := make([]policy.Answer, 6)
			for i := range answers {
				v := fail
				if fooled>>i&1 == 1 {
					v = pass
				}
				answers[i] = remoteAt(string(rune('a'+i)), float64(i+1)*2000, place.RIRs()[a[i]], v)
			}
			sixWins := wins(answers)
			for out := range answers {
				fiveWins := wins(slices.Delete(slices.Clone(answers), out, out+1))
				switch {
				case fiveWins && !sixWins:
					t.Fatalf("regions %v, fooled %06b: beats the five without %d and not all six", a, fooled, out)
				case fiveWins:
					five++
				case sixWins:
					lost++
				}
			}
			if sixWins {
				six++
			}
		}
	})
	t.Logf("hijacks that beat six: %d; (six, five) pairs beaten both: %d; only the six: %d", six, five, lost)
	if five == 0 || lost == 0 {
		t.Fatal("the property was never put to the test")
	}
}

// TestFifthRemoteCanHelp is the other side of the theorem: within one row of the
// table another remote must be fooled as well.
func TestFifthRemoteCanHelp(t *testing.T) {
	g := gomega.NewWithT(t)
	q := on("2026-07-01")
	four := remotes(1, arin, ripe, arin, ripe)
	g.Expect(policy.Decide(q, policy.SameSet(primary(), four...))).To(gomega.HaveField("Issue", true))
	fifth := append(four, remoteAt("e", 10000, arin, fail))
	g.Expect(policy.Decide(q, policy.SameSet(primary(), fifth...))).To(gomega.HaveField("Issue", false))
}

// TestDecideIgnoresOrder checks that every order of the answers gives the same
// decision to the letter.
func TestDecideIgnoresOrder(t *testing.T) {
	g := gomega.NewWithT(t)
	answers := append(remotes(2, arin, ripe, apnic, arin), remoteAt("e", 8480, ripe, fail), remoteAt("near", 300, apnic, pass))
	answers[1].CAA = fail
	answers[2].Perspective.Resolver = &perspectives.ResolverSite{RIR: apnic}
	answers[3].Perspective.Resolver = &perspectives.ResolverSite{RIR: apnic}
	for _, date := range []string{"2025-04-01", "2025-10-01", "2026-03-20"} {
		want, err := policy.Decide(on(date), policy.SameSet(primary(), answers...))
		g.Expect(err).NotTo(gomega.HaveOccurred())
		permute(answers, func(p []policy.Answer) {
			g.Expect(policy.Decide(on(date), policy.SameSet(primary(), p...))).To(gomega.Equal(want))
		})
	}
}

// permute calls f with every order of s.
func permute(s []policy.Answer, f func([]policy.Answer)) {
	var walk func(k int)
	walk = func(k int) {
		if k == len(s) {
			f(s)
			return
		}
		for i := k; i < len(s); i++ {
			s[k], s[i] = s[i], s[k]
			walk(k + 1)
			s[k], s[i] = s[i], s[k]
		}
	}
	walk(0)
}

func TestDecideRefusesBadInput(t *testing.T) {
	g := gomega.NewWithT(t)
	two := remotes(0, arin, ripe)
	twice := append(slices.Clone(two), two[0])
	_, err := policy.Decide(on("2025-10-01"), policy.SameSet(primary(), twice...))
	g.Expect(errors.Is(err, policy.ErrDuplicate)).To(gomega.BeTrue())
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(`"a"`)))

	named := slices.Clone(two)
	named[1].Perspective.Name = "primary"
	_, err = policy.Decide(on("2025-10-01"), policy.SameSet(primary(), named...))
	g.Expect(err).To(gomega.MatchError(policy.ErrDuplicate))

	attempt := policy.SameSet(primary(), two...)
	attempt.CAA = append(attempt.CAA, attempt.CAA[0])
	_, err = policy.Decide(on("2025-10-01"), attempt)
	g.Expect(err).To(gomega.MatchError(policy.ErrDuplicate))

	_, err = policy.Decide(policy.Quorum{}, policy.SameSet(primary(), two...))
	g.Expect(err).To(gomega.HaveOccurred())

	// Coordinates that are no number are no distance.
	lost := remotes(0, arin, ripe, arin)
	lost[0].Perspective.Location.Lat = math.NaN()
	g.Expect(policy.Decide(on("2026-04-01"), policy.SameSet(primary(), lost...))).
		To(gomega.HaveField("Reason", policy.NotDistinct))
}

// BenchmarkDecide decides on a primary and six remotes under the rule of
// 2026-12-15.
func BenchmarkDecide(b *testing.B) {
	q := on("2026-12-15")
	a := policy.SameSet(primary(), remotes(2, arin, ripe, arin, ripe, arin, ripe)...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.Decide(q, a); err != nil {
			b.Fatal(err)
		}
	}
}

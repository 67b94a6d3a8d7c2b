package policy_test

import (
	"fmt"
	"testing"

	"github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

// rules returns rules of every kind: each phase of the BR, that of monitoring and
// that before all of them, and those without a date.
func rules(t *testing.T) []policy.Quorum {
	t.Helper()
	var out []policy.Quorum
	for _, name := range []string{
		"br@2025-03-14", "br@2025-03-15", "br@2025-09-15", "br@2026-03-15", "br@2026-06-15", "br@2026-12-15",
		"primary-only", "all", "n-1", "n-2", "boulder", "lets-encrypt-2020", "2/4",
	} {
		q, err := policy.ParseRule(name, mustDate("2026-12-15"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, q)
	}
	watched, err := policy.ParseRule("boulder", mustDate("2026-12-15"))
	if err != nil {
		t.Fatal(err)
	}
	watched.Name, watched.Enforced = "boulder, not enforced", false // monitoring with an RIR rule
	return append(out, watched)
}

// bits are what must not change once it is certain.
type bits struct{ issue, monitoring bool }

func bitsOf(t *testing.T, q policy.Quorum, a policy.Attempt) bits {
	t.Helper()
	d, err := policy.Decide(q, a)
	if err != nil {
		t.Fatal(err)
	}
	return bits{d.Issue, d.Monitoring}
}

// everyBits returns the bits of an attempt for each way in which those that are
// open can answer: the dumb oracle.
func everyBits(t *testing.T, q policy.Quorum, questions perspectives.Questions, primary policy.Answer, remotes []policy.Answer, open []bool) map[bits]bool {
	t.Helper()
	seen := map[bits]bool{}
	var walk func(i int)
	walk = func(i int) {
		if i == len(remotes) {
			a := policy.SameSet(primary, remotes...)
			a.Questions = questions
			seen[bitsOf(t, q, a)] = true
			return
		}
		if !open[i] {
			walk(i + 1)
			return
		}
		before := remotes[i]
		for _, v := range answersTo(questions) {
			remotes[i].DCV, remotes[i].CAA = v[0], v[1]
			walk(i + 1)
		}
		remotes[i] = before
	}
	walk(0)
	return seen
}

// answersTo returns what a remote can say, to domain validation and CAA.
func answersTo(q perspectives.Questions) [][2]perspectives.Verdict {
	if q == perspectives.OnlyDCV {
		return [][2]perspectives.Verdict{{pass, none}, {errd, none}}
	}
	return [][2]perspectives.Verdict{{pass, pass}, {pass, fail}, {errd, pass}, {none, fail}}
}

// TestCertainIsExact compares Certain with all completions of every partial
// attempt: for one question up to five remotes, for both up to three, in up to two
// RIR regions, with sets that are lawful and sets that are not.
func TestCertainIsExact(t *testing.T) {
	certain, open := 0, 0
	for _, domain := range []struct {
		questions perspectives.Questions
		most      int
	}{{perspectives.OnlyDCV, 5}, {perspectives.Both, 3}} {
		for n := range domain.most + 1 {
			assignments(n, 2, func(regions []int) {
				remotes := make([]policy.Answer, n)
				for i := range remotes {
					remotes[i] = remoteAt(string(rune('a'+i)), float64(i+1)*2000, place.RIRs()[regions[i]], none)
				}
				for _, q := range rules(t) {
					c, o := exact(t, q, domain.questions, primary(), remotes)
					certain, open = certain+c, open+o
				}
			})
		}
	}
	t.Logf("%d partial attempts are certain, %d are not", certain, open)
	gomega.NewWithT(t).Expect(min(certain, open)).To(gomega.BeNumerically(">", 1000))
}

// TestCertainWithPairsThatCountAsOne does so for a set in which two remotes are too
// near to each other, one is too near to the primary, and two share a region.
func TestCertainWithPairsThatCountAsOne(t *testing.T) {
	remotes := []policy.Answer{
		remoteAt("a", 2000, arin, none), remoteAt("b", 2300, ripe, none), remoteAt("c", 6000, ripe, none),
		remoteAt("d", 8000, arin, none), remoteAt("near", 300, apnic, none),
	}
	for _, q := range rules(t) {
		exact(t, q, perspectives.OnlyDCV, primary(), remotes)
	}
	failed := primary()
	failed.DCV = fail
	c, o := exact(t, on("2026-12-15"), perspectives.OnlyDCV, failed, remotes)
	gomega.NewWithT(t).Expect([]int{c, o}).To(gomega.Equal([]int{243, 0}), "nothing helps a primary that fails")
}

// exact goes through all partial attempts of the remotes and returns how many are
// certain and how many are not.
func exact(t *testing.T, q policy.Quorum, questions perspectives.Questions, primary policy.Answer, remotes []policy.Answer) (certain, uncertain int) {
	t.Helper()
	open := make([]bool, len(remotes))
	var walk func(i int)
	walk = func(i int) {
		if i < len(remotes) {
			before := remotes[i]
			for _, v := range answersTo(questions) {
				remotes[i].DCV, remotes[i].CAA, open[i] = v[0], v[1], false
				walk(i + 1)
			}
			remotes[i], open[i] = before, true
			walk(i + 1)
			return
		}
		a := policy.SameSet(primary, remotes...)
		a.Questions = questions
		got, err := policy.Certain(q, a, func(name string) bool {
			for i, r := range remotes {
				if r.Perspective.Name == name {
					return open[i]
				}
			}
			return false
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := len(everyBits(t, q, questions, primary, remotes, open)) == 1; got != want {
			t.Fatalf("%s: %s: certain %v, want %v", q.Name, shown(remotes, open), got, want)
		}
		if got {
			certain++
		} else {
			uncertain++
		}
	}
	walk(0)
	return certain, uncertain
}

func shown(remotes []policy.Answer, open []bool) (text string) {
	for i, r := range remotes {
		if open[i] {
			text += fmt.Sprintf(" %s (%v) open", r.Perspective.Name, r.Perspective.RIR)
		} else {
			text += fmt.Sprintf(" %s (%v) %v/%v", r.Perspective.Name, r.Perspective.RIR, r.DCV, r.CAA)
		}
	}
	return text
}

func TestCertainRefusesBadInput(t *testing.T) {
	g := gomega.NewWithT(t)
	two := remotes(0, arin, ripe)
	nobody := func(string) bool { return false }
	_, err := policy.Certain(policy.Quorum{}, policy.SameSet(primary(), two...), nobody)
	g.Expect(err).To(gomega.HaveOccurred())
	_, err = policy.Certain(on("2025-10-01"), policy.SameSet(primary(), append(two, two[0])...), nobody)
	g.Expect(err).To(gomega.MatchError(policy.ErrDuplicate))
}

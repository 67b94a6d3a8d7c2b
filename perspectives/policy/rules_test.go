package policy_test

import (
	"math"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
)

func TestQuorumAt(t *testing.T) {
	g := gomega.NewWithT(t)
	for _, c := range []struct {
		date       string
		minRemotes int
		minRIRs    int
		enforced   bool
		clause     string
	}{
		{"2025-03-14", 0, 0, false, "BR 3.2.2.9 (required from 2025-03-15)"},
		{"2025-03-15", 2, 0, false, "BR 3.2.2.9 (effective 2025-03-15)"},
		{"2025-09-14", 2, 0, false, "BR 3.2.2.9 (effective 2025-03-15)"},
		{"2025-09-15", 2, 0, true, "BR 3.2.2.9 (effective 2025-09-15)"},
		{"2026-03-14", 2, 0, true, "BR 3.2.2.9 (effective 2025-09-15)"},
		{"2026-03-15", 3, 2, true, "BR 3.2.2.9 (effective 2026-03-15)"},
		{"2026-06-14", 3, 2, true, "BR 3.2.2.9 (effective 2026-03-15)"},
		{"2026-06-15", 4, 2, true, "BR 3.2.2.9 (effective 2026-06-15)"},
		{"2026-12-14", 4, 2, true, "BR 3.2.2.9 (effective 2026-06-15)"},
		{"2026-12-15", 5, 2, true, "BR 3.2.2.9 (effective 2026-12-15)"},
	} {
		q := on(c.date)
		g.Expect(q.Validate()).To(gomega.Succeed(), c.date)
		g.Expect([]any{q.MinRemotes, q.MinRIRs, q.Enforced, q.Clause}).
			To(gomega.Equal([]any{c.minRemotes, c.minRIRs, c.enforced, c.clause}), c.date)
	}
}

// TestQuorumAtReadsTheDayInUTC: the same instant is one day everywhere.
func TestQuorumAtReadsTheDayInUTC(t *testing.T) {
	g := gomega.NewWithT(t)
	west := time.FixedZone("UTC-8", -8*3600)
	g.Expect(policy.QuorumAt(time.Date(2026, 12, 14, 15, 59, 59, 0, west)).MinRemotes).To(gomega.Equal(4))
	g.Expect(policy.QuorumAt(time.Date(2026, 12, 14, 16, 0, 0, 0, west)).MinRemotes).To(gomega.Equal(5))
	east := time.FixedZone("UTC+9", 9*3600)
	g.Expect(policy.QuorumAt(time.Date(2026, 12, 15, 8, 59, 59, 0, east)).MinRemotes).To(gomega.Equal(4))
}

func TestAllowedNonCorroborations(t *testing.T) {
	g := gomega.NewWithT(t)
	allowed := []int{0, 0, 1, 1, 1, 1, 2, 2, 2, 2}
	required := []int{0, 1, 1, 2, 3, 4, 4, 5, 6, 7}
	for n := range allowed {
		g.Expect(policy.AllowedNonCorroborations(n)).To(gomega.Equal(allowed[n]), "%d remotes", n)
		g.Expect(on("2026-12-15").Required(n)).To(gomega.Equal(required[n]), "%d remotes", n)
	}
}

func TestParseRule(t *testing.T) {
	g := gomega.NewWithT(t)
	today := mustDate("2026-07-01")
	for rule, want := range map[string]struct {
		name          string
		min, required int
	}{
		"br":                {"br@2026-06-15", 4, 3},
		"br@2026-12-15":     {"br@2026-12-15", 5, 4},
		"br@2027-01-01":     {"br@2026-12-15", 5, 4},
		"br@2025-01-01":     {"br@2025-01-01", 0, 0},
		"2/3":               {"2/3", 3, 2},
		"1/1":               {"1/1", 1, 1},
		"all":               {"all", 1, 1},
		"n-1":               {"n-1", 2, 1},
		"n-2":               {"n-2", 3, 1},
		"primary-only":      {"primary-only", 0, 0},
		"lets-encrypt-2020": {"lets-encrypt-2020", 3, 2},
		"boulder":           {"boulder", 3, 2},
	} {
		q, err := policy.ParseRule(rule, today)
		g.Expect(err).NotTo(gomega.HaveOccurred(), rule)
		g.Expect(q.Validate()).To(gomega.Succeed(), rule)
		g.Expect(q.Name).To(gomega.Equal(want.name), rule)
		g.Expect(q.MinRemotes).To(gomega.Equal(want.min), rule)
		g.Expect(q.Required(q.MinRemotes)).To(gomega.Equal(want.required), rule)
	}
	for rule, says := range map[string]string{
		"":              "want one of br, br@YYYY-MM-DD, k/n, primary-only",
		"BR":            "want one of",
		"br@":           `date ""`,
		"br@15.12.2026": "want a day as YYYY-MM-DD",
		"br@2026-02-30": "want a day as YYYY-MM-DD",
		"0/3":           "1 <= k <= n",
		"4/3":           "1 <= k <= n",
		"-1/3":          "1 <= k <= n",
		"2/":            "want a whole number",
		"x/3":           "want a whole number",
		"02/3":          "want a whole number",
		"2/3/4":         "want a whole number",
	} {
		_, err := policy.ParseRule(rule, today)
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(says)), "%q", rule)
	}
}

// FuzzParseRule: a rule that is accepted is valid and its name means the same
// rule again.
func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"br", "br@2026-12-15", "br@x", "2/3", "3/2", "x/3", "2/x", "all", "primary-only", "?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		q, err := policy.ParseRule(rule, mustDate("2026-07-01"))
		if err != nil {
			return
		}
		if err := q.Validate(); err != nil {
			t.Fatalf("%q: %v", rule, err)
		}
		again, err := policy.ParseRule(q.Name, mustDate("2001-01-01"))
		if err != nil || again != q {
			t.Fatalf("%q: name %q gives %v, %v", rule, q.Name, again, err)
		}
	})
}

func TestQuorumValidate(t *testing.T) {
	g := gomega.NewWithT(t)
	for says, change := range map[string]func(*policy.Quorum){
		"without name":    func(q *policy.Quorum) { q.Name = "" },
		"negative":        func(q *policy.Quorum) { q.MinRemotes = -1 },
		"at most 4":       func(q *policy.Quorum) { q.MaxRemotes = 4 },
		"by table and":    func(q *policy.Quorum) { q.Allowed = 1 },
		"nobody need":     func(q *policy.Quorum) { q.ByTable, q.Allowed = false, 5 },
		"6 RIR regions":   func(q *policy.Quorum) { q.MinRIRs = 6 },
		"distance -1 km":  func(q *policy.Quorum) { q.MinDistanceKm = -1 },
		"distance NaN km": func(q *policy.Quorum) { q.MinDistanceKm = math.NaN() },
	} {
		q := on("2026-12-15")
		change(&q)
		g.Expect(q.Validate()).To(gomega.MatchError(gomega.ContainSubstring(says)))
	}
}

// TestRulesWithoutGeography: rules older than the BR know no distances.
func TestRulesWithoutGeography(t *testing.T) {
	g := gomega.NewWithT(t)
	rule := func(s string) policy.Quorum {
		q, err := policy.ParseRule(s, mustDate("2026-12-15"))
		g.Expect(err).NotTo(gomega.HaveOccurred())
		return q
	}
	near := func(fails int) policy.Attempt {
		answers := remotes(fails, arin, arin, arin)
		for i := range answers {
			answers[i].Perspective.Location = primary().Perspective.Location
			answers[i].Perspective.Resolver = &perspectives.ResolverSite{RIR: ripe}
		}
		return policy.SameSet(primary(), answers...)
	}
	for _, c := range []struct {
		rule   string
		fails  int
		reason string
	}{
		{"2/3", 0, policy.QuorumMet},
		{"2/3", 1, policy.QuorumMet},
		{"2/3", 2, policy.TooFewCorroborations},
		{"1/2", 0, policy.TooManyRemotes},
		{"4/4", 0, policy.TooFewRemotes},
		{"lets-encrypt-2020", 1, policy.QuorumMet},
		{"lets-encrypt-2020", 2, policy.TooFewCorroborations},
		{"all", 0, policy.QuorumMet},
		{"all", 1, policy.TooFewCorroborations},
		{"n-1", 1, policy.QuorumMet},
		{"n-1", 2, policy.TooFewCorroborations},
		{"n-2", 2, policy.QuorumMet},
		{"n-2", 3, policy.TooFewCorroborations},
		{"primary-only", 3, policy.NotRequired},
		{"boulder", 0, policy.TooFewRIRs},
		{"br", 0, policy.TooFewRemotes},
	} {
		d, err := policy.Decide(rule(c.rule), near(c.fails))
		g.Expect(err).NotTo(gomega.HaveOccurred())
		wantIssue := c.reason == policy.QuorumMet || c.reason == policy.NotRequired
		g.Expect(d.Reason).To(gomega.Equal(c.reason), "%s, %d of 3 fail", c.rule, c.fails)
		g.Expect(d.Issue).To(gomega.Equal(wantIssue), "%s, %d of 3 fail", c.rule, c.fails)
	}
}

// TestCheckSetFindsEverything plants one fault of each kind in one set.
func TestCheckSetFindsEverything(t *testing.T) {
	g := gomega.NewWithT(t)
	answers := append(remotes(0, ripe, ripe), remoteAt("a", 8000, ripe, pass), remoteAt("d", 8400, ripe, pass), remoteAt("e", -100, apnic, pass))
	answers[1].Perspective.Resolver = &perspectives.ResolverSite{Location: answers[0].Perspective.Location, RIR: arin}
	answers[3].Perspective.Location.Lat = 91
	set := setOf(primary(), answers...)
	var found []string
	for _, v := range policy.CheckSet(on("2026-12-15"), set) {
		found = append(found, v.Reason+" "+v.A+" "+v.B)
		g.Expect(v.Clause).NotTo(gomega.BeEmpty())
		g.Expect(v.String()).To(gomega.ContainSubstring(v.Detail))
	}
	g.Expect(found).To(gomega.Equal([]string{
		"duplicate-name a a",
		"bad-place d ",
		"near-primary primary e",
		"resolver-distance a b",
		"resolver-region b ",
		"too-few-remotes  ",
		"too-few-rir-regions  ",
	}))

	q, err := policy.KOfN(3, 4)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(policy.CheckSet(q, set)).To(gomega.ConsistOf(
		gomega.HaveField("Reason", policy.DuplicateName), gomega.HaveField("Reason", policy.TooManyRemotes)))
}

package assessment_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/perspectives/policy"
	"mpicsim/reports/assessment"
	"mpicsim/reports/resilience"
	"mpicsim/topology/place"
)

func set(t *testing.T, name string) perspectives.Set {
	t.Helper()
	s, err := catalog.ParseSet(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRequirementsAreTheRules draws sets of regions, some with resolvers elsewhere:
// all requirements are met if and only if policy finds no violation.
func TestRequirementsAreTheRules(t *testing.T) {
	g := NewWithT(t)
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, 0))
	regions := catalog.Regions()
	compliant := 0
	for range 5000 {
		draw := func() perspectives.Perspective {
			p := regions[rng.IntN(len(regions))].Perspective
			if rng.IntN(10) == 0 {
				other := regions[rng.IntN(len(regions))].Perspective
				p.Resolver = &perspectives.ResolverSite{Location: other.Location, RIR: other.RIR}
			}
			return p
		}
		s := perspectives.Set{Primary: draw()}
		for range rng.IntN(8) {
			s.Remotes = append(s.Remotes, draw())
		}
		for _, q := range policy.Phases() {
			c := assessment.Judge(s, q, q.Effective)
			met := !slices.ContainsFunc(c.Requirements, func(r assessment.Requirement) bool { return !r.Met })
			g.Expect(met).To(Equal(len(policy.CheckSet(q, s)) == 0), "%v by %s: %+v %v", s, q.Name, c.Requirements, c.Violations)
			g.Expect(c.Compliant).To(Equal(met))
			if met {
				compliant++
			}
		}
	}
	g.Expect(compliant).To(BeNumerically(">", 1000), "seed %d", seed)
}

func TestCalendar(t *testing.T) {
	g := NewWithT(t)
	day := time.Date(2026, 4, 1, 13, 0, 0, 0, time.UTC)
	days := func(methods ...string) (list []string) {
		all, err := assessment.Deployment{Set: set(t, "lets-encrypt-2020"), Rule: "br", Methods: methods}.Calendar(day)
		g.Expect(err).NotTo(HaveOccurred())
		for _, c := range all {
			list = append(list, c.From+" "+c.Rule)
			g.Expect(c.Own.Name).To(Equal(c.Rule), "br is the rule of each day")
		}
		return list
	}
	g.Expect(days("acme-http-01")).To(Equal([]string{"2026-04-01 br@2026-03-15", "2026-06-15 br@2026-06-15", "2026-12-15 br@2026-12-15"}))
	g.Expect(days("contact-email-txt", "acme-http-01", "reverse-address-lookup")).To(Equal([]string{
		"2026-04-01 br@2026-03-15", "2026-06-15 br@2026-06-15", "2026-12-15 br@2026-12-15", "2027-03-15 br@2026-12-15", "2028-03-15 br@2026-12-15",
	}), "and those on which a method is banned")
	day = time.Date(2026, 12, 15, 13, 0, 0, 0, time.UTC)
	g.Expect(days()).To(Equal([]string{"2026-12-15 br@2026-12-15"}))
	_, err := assessment.Deployment{Set: set(t, "lets-encrypt-2020"), Rule: "most"}.Calendar(day)
	g.Expect(err).To(HaveOccurred())
	_, err = assessment.Deployment{Set: set(t, "lets-encrypt-2020"), Rule: "br", Methods: []string{"telepathy"}}.Calendar(day)
	g.Expect(err).To(HaveOccurred())
}

// TestOwnRule: a CA's rule is judged by the BR of the day, whatever its perspectives.
func TestOwnRule(t *testing.T) {
	for name, c := range map[string]struct {
		set, rule, day string
		compliant      bool
		never          string
		found          string
	}{
		"the table":                        {"example-five-remotes", "br", "2026-11-28", true, "", "br@2026-06-15"},
		"stricter than the table":          {"example-five-remotes", "5/5", "2026-11-28", true, "", "5/5"},
		"four of five in four regions":     {"example-five-remotes", "4/5", "2026-11-28", true, "", "4/5"},
		"primary only":                     {"example-five-remotes", "primary-only", "2026-11-28", false, "", "primary-only asks no remote"},
		"two of five":                      {"example-five-remotes", "2/5", "2026-11-28", false, "", "2/5 issues with 2 of 5"},
		"all but two":                      {"example-five-remotes", "n-2", "2026-11-28", false, "", "n-2 issues with 3 of 5"},
		"all but two of six":               {"example-six-remotes", "n-2", "2026-11-28", true, "", "n-2"},
		"an older phase":                   {"example-five-remotes", "br@2025-03-15", "2026-11-28", false, "", "br@2025-03-15 issues with 0 of 5"},
		"monitoring in its time":           {"example-five-remotes", "br", "2025-04-01", true, "", "br@2025-03-15"},
		"monitoring, but no remote":        {"example-five-remotes", "primary-only", "2025-04-01", false, "", "primary-only asks no remote"},
		"before there was a rule":          {"example-five-remotes", "primary-only", "2025-03-14", true, "", "primary-only asks no remote"},
		"a rule for another number":        {"example-five-remotes", "2/3", "2026-11-28", true, "5 remotes for the domain validation, the rule is for 3 (too-many-remotes)", "2/3 never issues"},
		"too few remotes for the BR alone": {"lets-encrypt-2020", "lets-encrypt-2020", "2026-11-28", false, "", "lets-encrypt-2020 issues with 2 of 3"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			day, err := policy.ParseDate(c.day)
			g.Expect(err).NotTo(HaveOccurred())
			got, err := assessment.Deployment{Set: set(t, c.set), Rule: c.rule}.On(day)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.Compliant).To(Equal(c.compliant))
			g.Expect(got.Own.NeverIssues).To(Equal(c.never))
			g.Expect(got.Requirements).To(ContainElement(And(HaveField("What", "the CA's rule"), HaveField("Found", c.found), HaveField("Met", got.Own.Counterexample == nil))))
		})
	}
}

// TestCAARule: the quorum must be met for the CAA check, too.
func TestCAARule(t *testing.T) {
	g := NewWithT(t)
	day, err := policy.ParseDate("2026-11-28")
	g.Expect(err).NotTo(HaveOccurred())
	on := func(rule string) assessment.Compliance {
		c, err := assessment.Deployment{Set: set(t, "example-five-remotes"), Rule: "br", CAARule: rule}.On(day)
		g.Expect(err).NotTo(HaveOccurred())
		return c
	}
	g.Expect(on("")).To(Equal(on("br")))
	g.Expect(on("br").OwnCAA).To(BeNil())
	g.Expect(on("5/5").Compliant).To(BeTrue())
	lax := on("primary-only")
	g.Expect(lax.Compliant).To(BeFalse())
	g.Expect(lax.Own.Counterexample).To(BeNil())
	g.Expect(lax.OwnCAA.Counterexample.Rule).To(Equal("primary-only"))
	g.Expect(lax.Requirements).To(ContainElement(assessment.Requirement{
		What: "its rule for CAA", Found: "primary-only asks no remote", Want: "refuses whatever br@2026-06-15 refuses",
	}))
	g.Expect(on("2/3").NeverIssues()).To(ContainSubstring("the rule is for 3"))
}

// TestFoundAgrees: what is printed as found does not contradict the verdict beside
// it, at the limits too.
func TestFoundAgrees(t *testing.T) {
	g := NewWithT(t)
	q, err := policy.ParseRule("br@2026-12-15", time.Time{})
	g.Expect(err).NotTo(HaveOccurred())
	row := func(s perspectives.Set, what string) assessment.Requirement {
		for _, r := range assessment.Judge(s, q, q.Effective).Requirements {
			if r.What == what {
				return r
			}
		}
		t.Fatalf("no requirement %q", what)
		return assessment.Requirement{}
	}
	five := set(t, "example-five-remotes")
	g.Expect(row(five, "remote perspectives")).To(Equal(assessment.Requirement{What: "remote perspectives", Found: "5", Want: "5 or more", Met: true}))

	near := five
	near.Remotes = slices.Clone(five.Remotes)
	near.Remotes[4].Location = near.Remotes[1].Location
	near.Remotes[4].Location.Lat += 499.6 / 111.19 // a chord of just less
	g.Expect(row(near, "remote perspectives")).To(Equal(assessment.Requirement{What: "remote perspectives", Found: "4 distinct of 5", Want: "5 or more", Met: false}))
	between := row(near, "between perspectives")
	g.Expect(between).To(And(HaveField("Met", false), HaveField("Found", HavePrefix("499.4 km, vultr/nrt and "))))

	near.Remotes[4].RIR = place.RIPE
	near.Remotes = near.Remotes[1:]
	g.Expect(row(near, "their RIR regions")).To(And(HaveField("Met", true), HaveField("Found", "2: LACNIC, RIPE NCC")), "a pair of two regions counts for none")

	nowhere := five
	nowhere.Remotes = slices.Clone(five.Remotes)
	nowhere.Remotes[2].Location.Lat, nowhere.Remotes[3].RIR = 91, place.Unknown
	g.Expect(row(nowhere, "places")).To(And(HaveField("Met", false), HaveField("Found", ContainSubstring("latitude 91"))))

	twice := five
	twice.Remotes = append(slices.Clone(five.Remotes), five.Remotes[0])
	g.Expect(row(twice, "names")).To(And(HaveField("Met", false), HaveField("Found", ContainSubstring(`two perspectives are named "gcp/us-west1"`))))
}

// TestNotExamined: each clause is named by its number on the day.
func TestNotExamined(t *testing.T) {
	g := NewWithT(t)
	clauses := func(day string) (list []string) {
		at, err := policy.ParseDate(day)
		g.Expect(err).NotTo(HaveOccurred())
		for _, u := range assessment.NotExamined(at) {
			g.Expect(u.Level).To(BeElementOf("MUST", "SHOULD", "MAY"))
			list = append(list, u.Clause+": "+u.What)
		}
		return list
	}
	for _, day := range []string{"2025-03-15", "2026-11-28", "2027-03-15"} {
		all := clauses(day)
		for _, what := range []string{"encrypted channel", "BGP routing incidents", "shared DNS cache", "earlier", "each validation method", "CAA records", "the log has", "two years", "delegated", "hosting:"} {
			g.Expect(all).To(ContainElement(ContainSubstring(what)), day)
		}
	}
	for day, clause := range map[string]string{"2026-06-15": "BR 3.2.2.8", "2026-06-16": "BR 4.2.2.1, 4.2.2.1.1"} {
		g.Expect(clauses(day)).To(ContainElement(HavePrefix(clause+": CAA records")), day)
	}
	for day, clause := range map[string]string{"2026-03-15": "BR 3.2.2.4, 3.2.2.8.1", "2026-06-16": "BR 3.2.2.4, 4.2.2.1.3", "2026-09-07": "BR 4.2.2.2"} {
		g.Expect(clauses(day)).To(ContainElement(HavePrefix(clause+": the primary validates DNSSEC")), day)
	}
	g.Expect(clauses("2026-03-14")).NotTo(ContainElement(ContainSubstring("DNSSEC")))
	g.Expect(clauses("2025-03-14")).NotTo(ContainElement(HavePrefix("BR 3.2.2.9:")))
}

func TestPlaces(t *testing.T) {
	g := NewWithT(t)
	s := set(t, "lets-encrypt-2020")
	for n, p := range assessment.Places(s) {
		g.Expect(p.Primary).To(Equal(n == 0))
		for _, other := range append(slices.Clone(s.Remotes), s.Primary) {
			if other.Name != p.Name {
				g.Expect(p.NearestKm).To(BeNumerically("<=", place.DistanceKm(p.Location, other.Location)))
			}
			if other.Name == p.Nearest {
				g.Expect(p.NearestKm).To(Equal(place.DistanceKm(p.Location, other.Location)))
			}
		}
	}
}

func TestMethods(t *testing.T) {
	g := NewWithT(t)
	methods := []string{"acme-http-01", "contact-email-txt"}
	list, err := assessment.MethodsAt(methods, time.Date(2028, 3, 14, 0, 0, 0, 0, time.UTC))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveEach(HaveField("Allowed", true)))
	list, err = assessment.MethodsAt(methods, time.Date(2028, 3, 15, 0, 0, 0, 0, time.UTC))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]bool{list[0].Allowed, list[1].Allowed}).To(Equal([]bool{true, false}))
	_, err = assessment.MethodsAt([]string{"telepathy"}, time.Time{})
	g.Expect(err).To(HaveOccurred())
}

func TestVerdict(t *testing.T) {
	g := NewWithT(t)
	bounds := func(lower float64) *resilience.Outcome {
		return &resilience.Outcome{Median: resilience.Bounds{Lower: lower, Picked: 0.95, Upper: 1}}
	}
	a := assessment.Assessment{
		Compliance: []assessment.Compliance{{From: "2026-11-28", Compliant: true}, {From: "2026-12-15"}}, // not any more
		Attacks: []assessment.Attack{
			{Rules: []assessment.Rule{{Result: bounds(0.9)}}},
			{Rules: []assessment.Rule{{Result: bounds(0.8)}}},
		},
	}
	for bar, pass := range map[float64]bool{0: true, 0.8: true, 0.81: false} {
		a.Decide(assessment.Demands{MinResilience: bar})
		g.Expect(a.Verdict).To(Equal(assessment.Verdict{
			Compliant: true, NotCompliantFrom: "2026-12-15", MinResilience: bar, Resilience: new(0.8), Pass: pass,
		}))
	}
	for by, pass := range map[string]bool{"2026-11-28": true, "2026-12-14": true, "2026-12-15": false, "2027-01-01": false} {
		day, err := policy.ParseDate(by)
		g.Expect(err).NotTo(HaveOccurred())
		a.Decide(assessment.Demands{By: day})
		g.Expect(a.Verdict).To(And(HaveField("Pass", pass), HaveField("Compliant", true), HaveField("By", by)), by)
	}

	// Whoever cannot issue passes nothing, and has no resilience.
	a.Compliance[0].Own.NeverIssues = "5 remotes, the rule is for 3"
	a.Attacks[0].Rules[0].Result, a.Attacks[1].Rules[0].Result = nil, nil
	a.Decide(assessment.Demands{})
	g.Expect(a.Verdict).To(And(HaveField("Pass", false), HaveField("CannotIssue", "5 remotes, the rule is for 3"), HaveField("Resilience", BeNil())))
	text, err := json.Marshal(a)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(And(ContainSubstring(`"resilience":null`), ContainSubstring(`"result":null`), Not(ContainSubstring(`"resilience":1`))))

	a = assessment.Assessment{Compliance: []assessment.Compliance{{From: "2026-11-28", Compliant: true}}, Attacks: []assessment.Attack{{Rules: []assessment.Rule{{NeverIssues: "no route"}}}}}
	a.Decide(assessment.Demands{})
	g.Expect(a.Verdict).To(And(HaveField("Pass", false), HaveField("CannotIssue", "no route")))

	a = assessment.Assessment{Compliance: []assessment.Compliance{{From: "2026-11-28"}}, Attacks: []assessment.Attack{{Rules: []assessment.Rule{{Result: bounds(1)}}}}}
	a.Decide(assessment.Demands{})
	g.Expect(a.Verdict).To(And(HaveField("Pass", false), HaveField("NotCompliantFrom", "2026-11-28")))
}

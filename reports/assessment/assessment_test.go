package assessment_test

import (
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
	day := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	var rules []string
	for _, c := range assessment.Calendar(set(t, "lets-encrypt-2020"), day) {
		rules = append(rules, c.From+" "+c.Rule)
	}
	g.Expect(rules).To(Equal([]string{"2026-04-01 br@2026-03-15", "2026-06-15 br@2026-06-15", "2026-12-15 br@2026-12-15"}))
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
	a := assessment.Assessment{
		Compliance: []assessment.Compliance{{Compliant: true}, {Compliant: false}}, // not yet
		Methods:    []assessment.Method{{Allowed: true}},
		Attacks: []assessment.Attack{
			{Rules: []assessment.Rule{{Result: &resilience.Outcome{Median: resilience.Bounds{Lower: 0.9, Picked: 0.95, Upper: 1}}}}},
			{Rules: []assessment.Rule{{Result: &resilience.Outcome{Median: resilience.Bounds{Lower: 0.8, Picked: 0.95, Upper: 1}}}}},
		},
	}
	for bar, pass := range map[float64]bool{0: true, 0.8: true, 0.81: false} {
		a.Decide(bar)
		g.Expect(a.Verdict).To(Equal(assessment.Verdict{Compliant: true, MinResilience: bar, Resilience: 0.8, Pass: pass}))
	}
	a.Methods[0].Allowed = false
	a.Decide(0)
	g.Expect(a.Verdict.Pass).To(BeFalse())
	a.Methods, a.Compliance[0].Compliant = nil, false
	a.Decide(0)
	g.Expect(a.Verdict.Pass).To(BeFalse())
}

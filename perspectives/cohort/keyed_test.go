package cohort

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

func key() []byte { return []byte("0123456789abcdef") }

// rule is BR 3.2.2.9 with a number of remotes.
func rule(remotes int) policy.Quorum {
	q := policy.QuorumAt(mustDate("2026-12-15"))
	q.MinRemotes = remotes
	return q
}

func keyed(g Gomega, fleet []perspectives.Perspective, change ...func(*Options)) *Keyed {
	o := Options{Key: key(), Quorum: rule(5), Primary: primary(), Fleet: fleet, Sets: 3}
	for _, c := range change {
		c(&o)
	}
	k, err := NewKeyed(o)
	g.Expect(err).NotTo(HaveOccurred())
	return k
}

func primary() perspectives.Perspective {
	return perspectives.Perspective{Name: "primary", Location: place.Location{Lat: 40, Lon: -83}, RIR: place.ARIN}
}

// crowd returns n perspectives at places drawn from a seed: some too near to each
// other, some to the primary, some with resolvers elsewhere.
func crowd(seed uint64, n int) []perspectives.Perspective {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]perspectives.Perspective, n)
	for i := range out {
		at := place.Location{Lat: r.Float64()*100 - 40, Lon: r.Float64()*300 - 150}
		if i%5 == 4 {
			at = out[i-1].Location // a neighbour
		}
		out[i] = perspectives.Perspective{Name: fmt.Sprintf("p%02d", i), Location: at, RIR: place.RIRs()[r.IntN(5)]}
		if i%7 == 6 {
			out[i].Resolver = &perspectives.ResolverSite{Location: out[i-2].Location, RIR: out[i].RIR}
		}
	}
	return out
}

func targets(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("site%d.example", i)
	}
	return out
}

func TestEveryCohortMeetsTheRule(t *testing.T) {
	g := NewWithT(t)
	for seed := range uint64(5) {
		fleet := crowd(seed, 24)
		byName := map[string]perspectives.Perspective{}
		for _, p := range fleet {
			byName[p.Name] = p
		}
		for _, target := range targets(20) {
			cohorts, err := keyed(g, fleet).Cohorts(target, 5)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(cohorts).To(HaveLen(3), "bounded by Sets, however often somebody tries")
			for _, names := range cohorts {
				set := perspectives.Set{Primary: primary()}
				for _, name := range names {
					set.Remotes = append(set.Remotes, byName[name])
				}
				g.Expect(set.Remotes).To(HaveLen(5))
				g.Expect(policy.CheckSet(rule(5), set)).To(BeEmpty())
			}
		}
	}
}

// TestOnlyCohortsThatHeldItChange: a perspective leaves the fleet, and comes
// back.
func TestOnlyCohortsThatHeldItChange(t *testing.T) {
	g := NewWithT(t)
	changed, kept := 0, 0
	for seed := range uint64(4) {
		fleet := crowd(seed, 20)
		before := keyed(g, fleet)
		for i, gone := range fleet {
			after := keyed(g, slices.Delete(slices.Clone(fleet), i, i+1))
			for _, target := range targets(12) {
				old, err := before.Cohorts(target, 5)
				g.Expect(err).NotTo(HaveOccurred())
				now, err := after.Cohorts(target, 5)
				g.Expect(err).NotTo(HaveOccurred())
				for n := range old {
					if slices.Contains(old[n], gone.Name) {
						g.Expect(now[n]).NotTo(ContainElement(gone.Name))
						changed++
						continue
					}
					g.Expect(now[n]).To(Equal(old[n]), "%s cohort %d without %s", target, n, gone.Name)
					kept++
				}
			}
		}
	}
	g.Expect(changed).To(BeNumerically(">", 100))
	g.Expect(kept).To(BeNumerically(">", 100))
}

func TestChoiceIsTheSameForTheSameIdentifier(t *testing.T) {
	g := NewWithT(t)
	k := keyed(g, crowd(1, 24))
	want, err := k.Cohorts("example.com", 5)
	g.Expect(err).NotTo(HaveOccurred())
	for _, spelling := range []string{"EXAMPLE.com", "*.example.com", "example.com.", "www.example.com", "*.a.b.example.com", "_acme-challenge.example.com"} {
		g.Expect(k.Cohorts(spelling, 5)).To(Equal(want), spelling)
	}
	g.Expect(k.Cohorts("example.net", 5)).NotTo(Equal(want))
	shuffled := crowd(1, 24)
	slices.Reverse(shuffled)
	g.Expect(keyed(g, shuffled).Cohorts("example.com", 5)).To(Equal(want), "the order of the configuration is no input")
	otherKey := keyed(g, crowd(1, 24), func(o *Options) { o.Key = []byte("fedcba9876543210") })
	g.Expect(otherKey.Cohorts("example.com", 5)).NotTo(Equal(want))
}

func TestIdentifier(t *testing.T) {
	for target, want := range map[string]string{
		"example.com":                      "example.com",
		"*.Example.COM.":                   "example.com",
		"a.b.example.co.uk":                "example.co.uk",
		"bücher.example":                   "xn--bcher-kva.example",
		"www.xn--bcher-kva.example":        "xn--bcher-kva.example",
		"one.github.io":                    "one.github.io", // other people's subdomains are others
		"two.github.io":                    "two.github.io",
		"com":                              "com",
		"192.0.2.1":                        "192.0.2.1",
		"::ffff:192.0.2.1":                 "192.0.2.1",
		"2001:DB8:0::1":                    "2001:db8::1",
		"[2001:db8::1]":                    "2001:db8::1",
		"_x.example.com":                   "example.com",
		"1.\u05d9\u05e9\u05e8\u05d0\u05dc": "1.xn--4dbrk0ce",
		"1.xn--4dbrk0ce":                   "1.xn--4dbrk0ce",
	} {
		NewWithT(t).Expect(Identifier(target)).To(Equal(want), target)
	}
	for _, target := range []string{"", ".", "*."} {
		_, err := Identifier(target)
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring("expected a name")), "%q", target)
	}
}

func TestNoCohort(t *testing.T) {
	g := NewWithT(t)
	near := crowd(2, 6)
	for i := range near {
		near[i].Location = place.Location{Lat: 10 + float64(i), Lon: 10} // 111 km apart
		near[i].Resolver = nil
	}
	_, err := keyed(g, near).Cohorts("example.com", 5)
	g.Expect(err).To(MatchError(ErrNone))
	_, err = keyed(g, crowd(2, 4)).Cohorts("example.com", 5)
	g.Expect(err).To(MatchError(ErrNone))
	_, err = keyed(g, crowd(2, 24)).Cohorts("example.com", 4)
	g.Expect(err).To(MatchError(ErrNone), "the rule asks for five")
	oneRegion := crowd(3, 24)
	for i := range oneRegion {
		oneRegion[i].RIR = place.ARIN
		oneRegion[i].Resolver = nil
	}
	_, err = keyed(g, oneRegion).Cohorts("example.com", 5)
	g.Expect(err).To(MatchError(ErrNone))
}

func TestOptionsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"cohort key: found 15":   func(o *Options) { o.Key = o.Key[:15] },
		"quorum rule without":    func(o *Options) { o.Quorum = policy.Quorum{} },
		"cohort sets: found -1":  func(o *Options) { o.Sets = -1 },
		`perspective: "p00"`:     func(o *Options) { o.Fleet = append(o.Fleet, o.Fleet[0]) },
		`perspective: "primary"`: func(o *Options) { o.Fleet = append(o.Fleet, o.Primary) },
	} {
		o := Options{Key: key(), Quorum: rule(5), Primary: primary(), Fleet: crowd(1, 6)}
		change(&o)
		_, err := NewKeyed(o)
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring(want)))
	}
}

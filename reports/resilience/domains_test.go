package resilience_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// estate is a random set of domains with the hijacks of their targets.
type estate struct {
	domains *result.Domains
	hijacks []result.Hijack // of targets, in order
}

// settle draws an estate: some prefixes have several origins, some origins are
// attackers.
func settle(seed uint64, viewpoints, attackers int, attacks ...string) estate {
	random := rand.New(rand.NewPCG(seed, 1))
	e := estate{domains: &result.Domains{}}
	var prefixes [][]int32
	for n := range 9 {
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n), 0, 0}), 16)
		var origins []int32
		for k := range 1 + random.IntN(3)/2 {
			origins = append(origins, int32(len(e.domains.Targets)))
			e.domains.Targets = append(e.domains.Targets, result.Target{Victim: topology.ASN(3*n + k + 1), Prefix: prefix})
		}
		prefixes = append(prefixes, origins)
	}
	for n := range 7 {
		d := result.Domain{Name: fmt.Sprintf("d%d.example", n), Weight: float64(n%3 + 1)}
		var targets [][]int32
		for _, name := range []string{"web", "dnssec", "web+dns"} {
			for range 1 + random.IntN(2) {
				if p := prefixes[random.IntN(len(prefixes))]; !slices.ContainsFunc(targets, func(q []int32) bool { return slices.Equal(p, q) }) {
					targets = append(slices.Clip(targets), p)
				}
			}
			d.Surfaces = append(d.Surfaces, result.Surface{Surface: name, Targets: targets})
		}
		e.domains.Domains = append(e.domains.Domains, d)
	}
	for _, t := range e.domains.Targets {
		for _, attack := range attacks {
			for a := range attackers {
				h := result.Hijack{
					Victim: t.Victim, Prefix: t.Prefix, VictimWeight: 1, Attacker: topology.ASN(5*a + 1), AttackerWeight: float64(a%2 + 1), Attack: attack, Count: 1,
				}
				if h.Attacker == h.Victim {
					continue
				}
				sets := [4]result.Set{}
				for k := range sets {
					sets[k] = make(result.Set, (viewpoints+63)/64)
					for v := range viewpoints {
						if (k == 0 || sets[k-1].Has(v)) && random.IntN(4) > 0 {
							sets[k][v/64] |= 1 << (v % 64)
						}
					}
				}
				h.Reached, h.Lower, h.Picked, h.Upper = sets[0], sets[1], sets[2], sets[3]
				e.hijacks = append(e.hijacks, h)
			}
		}
	}
	return e
}

// find returns one hijack of a target.
func (e estate) find(target int32, attacker topology.ASN, attack string) *result.Hijack {
	t := e.domains.Targets[target]
	n := slices.IndexFunc(e.hijacks, func(h result.Hijack) bool {
		return h.Victim == t.Victim && h.Prefix == t.Prefix && h.Attacker == attacker && h.Attack == attack
	})
	return &e.hijacks[n]
}

// TestDomainsEqualOracle looks every hijack of every domain up, viewpoint by
// viewpoint.
func TestDomainsEqualOracle(t *testing.T) {
	own, several := int64(0), 0
	for _, viewpoints := range []int{5, 64, 70} {
		g := NewWithT(t)
		e := settle(uint64(viewpoints), viewpoints, 8, "equal-prefix", "forged-origin")
		e.domains.Domains[3].Surfaces[2].Unmapped = 1
		e.domains.Domains[4].Gaps = 2
		e.domains.Domains[5].Surfaces[0].Targets = nil // as DNSSEC may leave a method that looks at the DNS alone
		d, err := resilience.NewDomains(e.domains, viewpoints, 8, 2)
		g.Expect(err).NotTo(HaveOccurred())
		for n := range e.hijacks {
			g.Expect(d.Add(&e.hijacks[n])).To(Succeed())
		}
		g.Expect(d.Surfaces()).To(Equal([]string{"web", "dnssec", "web+dns"}))
		g.Expect(d.Names()).To(HaveLen(7))
		for at, surface := range d.Surfaces() {
			seen := map[string]bool{}
			apart, err := d.Each(surface, func(h *result.Hijack) error {
				domain := e.domains.Domains[h.Victim-1]
				key := fmt.Sprint(h.Victim, h.Attacker, h.Attack)
				g.Expect(seen[key]).To(BeFalse())
				seen[key] = true
				g.Expect([]any{h.VictimWeight, h.AttackerWeight, h.Count}).To(Equal([]any{domain.Weight, float64((h.Attacker/5)%2 + 1), int64(1)}))
				var simple []*result.Hijack
				for v := range viewpoints {
					lower, picked, upper, reached := false, false, false, true
					for _, origins := range domain.Surfaces[at].Targets {
						some, all := false, true
						for _, o := range origins {
							x := e.find(o, h.Attacker, h.Attack)
							some, all = some || x.Lower.Has(v), all && x.Upper.Has(v)
						}
						first := e.find(origins[0], h.Attacker, h.Attack)
						lower, upper, picked, reached = lower || some, upper || all, picked || first.Picked.Has(v), reached && first.Reached.Has(v)
						if v == 0 {
							simple = append(simple, first)
						}
						if len(origins) > 1 {
							several++
						}
					}
					if len(domain.Surfaces[at].Targets) == 0 { // nobody is fooled; who has a route to all of it
						for _, origins := range domain.Surfaces[2].Targets {
							reached = reached && e.find(origins[0], h.Attacker, h.Attack).Reached.Has(v)
						}
					}
					g.Expect([]bool{h.Lower.Has(v), h.Picked.Has(v), h.Upper.Has(v), h.Reached.Has(v)}).To(Equal([]bool{lower, picked, upper, reached || lower}), key)
				}
				if one := slices.ContainsFunc(domain.Surfaces[at].Targets, func(o []int32) bool { return len(o) > 1 }); !one && len(simple) > 0 {
					want, err := resilience.Surface(simple...)
					g.Expect(err).NotTo(HaveOccurred())
					g.Expect([]result.Set{h.Reached, h.Lower, h.Picked, h.Upper}).To(Equal([]result.Set{want.Reached, want.Lower, want.Picked, want.Upper}))
				}
				return nil
			})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect([]any{apart.Incomplete, apart.IncompleteWeight}).To(Equal([]any{2, 1.0 + 2.0}))
			g.Expect(seen).To(HaveLen(2 * (5*8 - int(apart.Own))))
			own += apart.Own
		}
	}
	NewWithT(t).Expect(several).To(BeNumerically(">", 0), "some prefixes have several origins")
	NewWithT(t).Expect(own).To(BeNumerically(">", 0), "some attackers originate what a domain depends on")
}

// TestDomainsRefuse says what cannot be put together.
func TestDomainsRefuse(t *testing.T) {
	g := NewWithT(t)
	e := settle(1, 5, 4, "equal-prefix")
	d, err := resilience.NewDomains(e.domains, 5, 4, 1)
	g.Expect(err).NotTo(HaveOccurred())
	for n := range e.hijacks[1:] {
		g.Expect(d.Add(&e.hijacks[n+1])).To(Succeed())
	}
	nothing := func(*result.Hijack) error { return nil }
	_, err = d.Each("web", nothing)
	g.Expect(err).To(MatchError(MatchRegexp(`^\d+ hijacks of \d+ targets by 4 attackers in 1 ways: want \d+$`)), "one is missing, and would pass for one that fools nobody")
	g.Expect(d.Add(&e.hijacks[0])).To(Succeed())
	_, err = d.Each("web", nothing)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = d.Each("mail", nothing)
	g.Expect(err).To(MatchError(`surface "mail": want one of [web dnssec web+dns]`))
	stop := fmt.Errorf("enough")
	_, err = d.Each("web", func(*result.Hijack) error { return stop })
	g.Expect(err).To(MatchError(stop))
	h := e.hijacks[0]
	h.Prefix = netip.MustParsePrefix("192.0.2.0/24")
	g.Expect(d.Add(&h)).To(MatchError(HaveSuffix("no domain depends on it")))
	h = e.hijacks[0]
	h.Attacker = 0
	g.Expect(d.Add(&h)).To(MatchError(ContainSubstring("attackers are not told apart")))
	h = e.hijacks[0]
	h.Attacker = 999
	g.Expect(d.Add(&h)).To(MatchError(HaveSuffix("more than 4 attackers")))
	h = e.hijacks[0]
	h.Upper = nil
	g.Expect(d.Add(&h)).To(MatchError(HaveSuffix("a set of 0 words, expected 1")))
	_, err = resilience.NewDomains(e.domains, 200, 1<<30, 9)
	g.Expect(err).To(MatchError(ContainSubstring("want at most")))
}

// TestCompare: rows by policy, attack and surface, the strongest last, and never
// above what it is the strongest of.
func TestCompare(t *testing.T) {
	g := NewWithT(t)
	e := settle(3, 9, 12, "forged-origin", "equal-prefix")
	d, err := resilience.NewDomains(e.domains, 9, 12, 2)
	g.Expect(err).NotTo(HaveOccurred())
	for n := range e.hijacks {
		g.Expect(d.Add(&e.hijacks[n])).To(Succeed())
	}
	var reports []resilience.Compared
	for _, surface := range d.Surfaces() {
		sum, err := resilience.NewAccumulator(resilience.Options{
			Viewpoints: line(9), Names: d.Names(), Strongest: true,
			Policies: []resilience.Policy{{Deployment: span(5), Rule: on(t, "2026-12-15")}, {Deployment: span(3), Rule: named(t, "lets-encrypt-2020")}},
		})
		g.Expect(err).NotTo(HaveOccurred())
		_, err = d.Each(surface, sum.Add)
		g.Expect(err).NotTo(HaveOccurred())
		report, err := sum.Report(resilience.ReportOptions{List: 2})
		g.Expect(err).NotTo(HaveOccurred())
		victims := report.Attacks[0].Policies[0].WithPrimary.Victims
		g.Expect(victims[0].Name).To(MatchRegexp(`^d\d\.example$`))
		g.Expect(victims[0].ASN).To(BeZero())
		reports = append(reports, resilience.Compared{Surface: surface, Report: report})
	}
	c := resilience.Compare([]string{"forged-origin", "equal-prefix"}, reports)
	var rows []string
	for _, r := range c.Rows {
		rows = append(rows, r.Deployment+" "+r.Attack+" "+r.Surface)
	}
	var want []string
	for _, deployment := range []string{"5 remotes", "3 remotes"} {
		for _, attack := range []string{"forged-origin", "equal-prefix", resilience.Strongest} {
			for _, surface := range []string{"web", "dnssec", "web+dns"} {
				want = append(want, deployment+" "+attack+" "+surface)
			}
		}
	}
	g.Expect(rows).To(Equal(want))
	for n, r := range c.Rows {
		g.Expect(r.Mean.Lower).To(BeNumerically("<=", r.Mean.Picked))
		g.Expect(r.Mean.Picked).To(BeNumerically("<=", r.Mean.Upper))
		if n%3 > 0 {
			g.Expect(r.Mean.Upper).To(BeNumerically("<=", c.Rows[n-1].Mean.Upper), "a larger surface is never safer")
		}
		if r.Attack == resilience.Strongest {
			for _, other := range []resilience.ComparisonRow{c.Rows[n-3], c.Rows[n-6]} {
				g.Expect(r.Mean.Picked).To(BeNumerically("<=", other.Mean.Picked))
			}
		}
	}
	_, err = resilience.NewAccumulator(resilience.Options{Viewpoints: line(9), Names: d.Names(), Pairwise: true})
	g.Expect(err).To(MatchError(ContainSubstring("against domains")))
}

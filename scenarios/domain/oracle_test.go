package domain_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios/domain"
)

// TestTraceAgreesWithZones: a survey of servers and a look at their zones make the
// same domain.
func TestTraceAgreesWithZones(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			spec, domains := randomWorld(rand.New(rand.NewPCG(seed, 1)), 4)
			w := launch(t, spec)
			for _, name := range domains {
				g := NewWithT(t)
				traced := domain.FromSurvey(w.survey(t, name))
				described, err := domain.FromHierarchy(w.hierarchy, name)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(traced.Gaps).To(BeEmpty(), name)
				g.Expect(traced.Validate()).To(Succeed())
				g.Expect(text(traced)).To(Equal(text(described)), name)
			}
		})
	}
}

// TestWhatCountsCanBeUsed hijacks every name server of small worlds, with every
// set of the others out of order, and resolves the domain with and without
// validation. Whatever gets the attacker through counts. And what counts gets the
// attacker through, but for a few servers of zones that depend on each other in a
// circle: it takes a resolver that asks in another order than ours to need them.
func TestWhatCountsCanBeUsed(t *testing.T) {
	tried, unused := 0, 0
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			spec, domains := randomWorld(rand.New(rand.NewPCG(seed, 2)), 4)
			w := launch(t, spec)
			for _, name := range domains[:8] {
				d, err := domain.FromHierarchy(w.hierarchy, name)
				NewWithT(t).Expect(err).NotTo(HaveOccurred())
				for surface, validate := range map[domain.Surface]bool{domain.WebDNS: false, domain.WebDNSSEC: true} {
					counts := d.In(domain.Scope{Surface: surface, Upper: domain.UpperRoot})
					for _, a := range w.addresses() {
						tried++
						switch through := w.fooled(t, name, a, validate); {
						case through && !slices.Contains(counts, a):
							t.Errorf("%s, %s: a hijack of %v gets through and does not count\n%v", name, surface, a, text(d))
						case !through && slices.Contains(counts, a):
							unused++
						}
					}
				}
			}
		})
	}
	NewWithT(t).Expect(tried).To(BeNumerically(">", 500))
	NewWithT(t).Expect(float64(unused)).To(BeNumerically("<", 0.02*float64(tried)), "of %d", tried)
}

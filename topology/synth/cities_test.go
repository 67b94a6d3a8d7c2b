package synth

import (
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology/place"
)

func TestCities(t *testing.T) {
	g := NewWithT(t)
	names, regions, total := map[string]bool{}, map[place.RIR]bool{}, 0
	for _, c := range cities() {
		g.Expect(c.Location.Validate()).To(Succeed(), c.Name)
		g.Expect(c.weight).To(BeNumerically(">", 0), c.Name)
		g.Expect(c.Country).To(HaveLen(2), c.Name)
		g.Expect(names).NotTo(HaveKey(c.Name))
		names[c.Name], regions[c.RIR] = true, true
	}
	g.Expect(regions).To(HaveLen(len(place.RIRs())))
	g.Expect(regions).NotTo(HaveKey(place.Unknown))
	g.Expect(len(names)).To(BeNumerically("<=", 256), "home is a uint8")
	for _, r := range place.RIRs() {
		total += regionWeight(r)
	}
	g.Expect(total).To(Equal(1000))
}

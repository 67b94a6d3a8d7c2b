package place_test

import (
	"math"
	"testing"

	"github.com/onsi/gomega"

	"mpicsim/topology/place"
)

// TestNearestCity holds the table against places that are not in it, at both sides
// of the borders of service regions: the nearest city of its own region is no more
// than 1,000 km away, and of a wrong one is farther than that unless it is next door.
func TestNearestCity(t *testing.T) {
	g := gomega.NewWithT(t)
	for name, c := range map[string]struct {
		at  place.Location
		rir place.RIR
	}{
		"Cologne": {at(50.94, 6.96), place.RIPE}, "Omsk": {at(54.99, 73.37), place.RIPE}, "Gao": {at(16.27, -0.04), place.AFRINIC},
		"Mombasa": {at(-4.05, 39.67), place.AFRINIC}, "Port Elizabeth": {at(-33.96, 25.60), place.AFRINIC}, "Townsville": {at(-19.26, 146.82), place.APNIC},
		"Kashgar": {at(39.47, 75.99), place.APNIC}, "Quetta": {at(30.18, 66.98), place.APNIC}, "Edmonton": {at(53.55, -113.49), place.ARIN},
		"Regina": {at(50.45, -104.62), place.ARIN}, "Ciudad Juárez": {at(31.69, -106.42), place.LACNIC}, "Rio Branco": {at(-9.97, -67.81), place.LACNIC},
		"Ushuaia": {at(-54.80, -68.30), place.LACNIC}, "Kingstown": {at(13.16, -61.22), place.ARIN},
	} {
		_, km, ok := place.NearestCity(c.rir, c.at)
		g.Expect(ok).To(gomega.BeTrue())
		g.Expect(km).To(gomega.BeNumerically("<", 1000), name)
	}
	for name, c := range map[string]struct {
		at  place.Location
		rir place.RIR
	}{
		"Paris": {at(48.86, 2.35), place.ARIN}, "Singapore": {at(1.35, 103.82), place.RIPE}, "São Paulo": {at(-23.55, -46.63), place.AFRINIC},
		"Tokyo": {at(35.68, 139.69), place.ARIN}, "Denver": {at(39.74, -104.99), place.APNIC},
	} {
		_, km, _ := place.NearestCity(c.rir, c.at)
		g.Expect(km).To(gomega.BeNumerically(">", 1000), name)
	}
	city, km, ok := place.NearestCity(place.RIPE, at(50.11, 8.68))
	g.Expect(city.Name).To(gomega.Equal("Frankfurt"))
	g.Expect(km).To(gomega.BeZero())
	g.Expect(ok).To(gomega.BeTrue())
	_, _, ok = place.NearestCity(place.Unknown, at(50.11, 8.68))
	g.Expect(ok).To(gomega.BeFalse())
}

// TestFormatKm: what is less than a limit does not read as the limit.
func TestFormatKm(t *testing.T) {
	g := gomega.NewWithT(t)
	for km, want := range map[float64]string{
		0: "0", 499.6: "499.6", 499.99: "499.9", math.Nextafter(500, 0): "499.9", 500: "500", 500.04: "500", 999.99: "999.9", 1999.9: "1999",
	} {
		g.Expect(place.FormatKm(km)).To(gomega.Equal(want))
	}
	g.Expect(place.FormatKm(math.NaN())).To(gomega.Equal("NaN"))
}

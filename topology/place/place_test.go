package place_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology/place"
)

func at(lat, lon float64) place.Location { return place.Location{Lat: lat, Lon: lon} }

// Pairs of cloud regions that are closer than 500 km, with the great-circle
// distances of their cities.
func TestPairsOfRegionsThatAreTooClose(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b place.Location
		km   float64
	}{
		{"ap-southeast-1 (Singapore), ap-southeast-5 (Kuala Lumpur)", at(1.3521, 103.8198), at(3.14, 101.69), 309},
		{"eu-west-1 (Dublin), eu-west-2 (London)", at(53.3498, -6.2603), at(51.51, -0.13), 463},
		{"eu-central-1 (Frankfurt), eu-west-3 (Paris)", at(50.1109, 8.6821), at(48.8566, 2.3522), 478},
		{"eu-central-2 (Zurich), eu-west-3 (Paris)", at(47.38, 8.54), at(48.8566, 2.3522), 488},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(place.ArcKm(c.a, c.b)).To(BeNumerically("~", c.km, 1))
			g.Expect(place.DistanceKm(c.a, c.b)).To(BeNumerically("<", place.MinDistinctKm))
		})
	}
}

func TestChordAndArc(t *testing.T) {
	degrees := func(km float64) float64 { return km / place.EarthRadiusKm * 180 / math.Pi }
	origin := at(0, 0)
	for _, c := range []struct {
		name       string
		b          place.Location
		arc, chord float64
	}{
		{"the same point", origin, 0, 0},
		{"500 km along the equator are 499.87 km straight", at(0, degrees(500)), 500, 499.8717},
		{"500 km straight are 500.13 km of arc", at(degrees(500.1284), 0), 500.1284, 500},
		{"a quarter of the way round", at(0, 90), math.Pi / 2 * place.EarthRadiusKm, math.Sqrt2 * place.EarthRadiusKm},
		{"the antipode", at(0, 180), math.Pi * place.EarthRadiusKm, 2 * place.EarthRadiusKm},
		{"pole to pole", at(90, 0), math.Pi / 2 * place.EarthRadiusKm, math.Sqrt2 * place.EarthRadiusKm},
		{"across the date line", at(0, -179), math.Pi / 180 * 179 * place.EarthRadiusKm, 2 * place.EarthRadiusKm * math.Sin(89.5*math.Pi/180)},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(place.ArcKm(origin, c.b)).To(BeNumerically("~", c.arc, 1e-3))
			g.Expect(place.DistanceKm(origin, c.b)).To(BeNumerically("~", c.chord, 1e-3))
		})
	}
	g := NewWithT(t)
	g.Expect(place.DistanceKm(at(10, 179.5), at(10, -179.5))).To(BeNumerically("<", 112), "the short way over the date line")
	g.Expect(place.DistanceKm(at(-90, 12), at(-90, 99))).To(BeNumerically("~", 0, 1e-6), "the pole has every longitude")
}

// The chord from the points' Cartesian coordinates, the dumb way.
func TestDistanceAgainstVectors(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	vector := func(l place.Location) [3]float64 {
		lat, lon := l.Lat*math.Pi/180, l.Lon*math.Pi/180
		return [3]float64{math.Cos(lat) * math.Cos(lon), math.Cos(lat) * math.Sin(lon), math.Sin(lat)}
	}
	g := NewWithT(t)
	for range 2000 {
		a, b := at(rng.Float64()*180-90, rng.Float64()*360-180), at(rng.Float64()*180-90, rng.Float64()*360-180)
		va, vb := vector(a), vector(b)
		chord := place.EarthRadiusKm * math.Hypot(math.Hypot(va[0]-vb[0], va[1]-vb[1]), va[2]-vb[2])
		g.Expect(place.DistanceKm(a, b)).To(BeNumerically("~", chord, 1e-6))
		g.Expect(place.DistanceKm(b, a)).To(Equal(place.DistanceKm(a, b)))
		g.Expect(place.ArcKm(a, b)).To(BeNumerically(">=", place.DistanceKm(a, b)))
	}
}

func TestValidate(t *testing.T) {
	g := NewWithT(t)
	for _, l := range []place.Location{at(0, 0), at(90, 180), at(-90, -180), at(50.11, 8.68)} {
		g.Expect(l.Validate()).To(Succeed())
	}
	over := math.Nextafter(90, 91)
	for _, c := range []struct {
		l    place.Location
		want string
	}{
		{at(over, 0), "latitude 90.00000000000001: want a number from -90 to 90"},
		{at(-over, 0), "latitude -90.00000000000001: want"},
		{at(math.NaN(), 0), "latitude NaN: want"},
		{at(math.Inf(1), 0), "latitude +Inf: want"},
		{at(0, 180.5), "longitude 180.5: want a number from -180 to 180"},
		{at(0, -180.5), "longitude -180.5: want"},
		{at(0, math.NaN()), "longitude NaN: want"},
	} {
		g.Expect(c.l.Validate()).To(MatchError(ContainSubstring(c.want)))
	}
}

func TestRIRNames(t *testing.T) {
	g := NewWithT(t)
	for name, want := range map[string]place.RIR{
		"AFRINIC": place.AFRINIC, "apnic": place.APNIC, "Arin": place.ARIN, "LACNIC": place.LACNIC,
		"RIPE NCC": place.RIPE, "RIPE": place.RIPE, "ripe ncc": place.RIPE, "ripe": place.RIPE,
	} {
		g.Expect(place.ParseRIR(name)).To(Equal(want))
	}
	for _, name := range []string{"", "unknown", "RIPENCC", "RIPE-NCC", " ARIN", "IANA", "ARIN\x00"} {
		got, err := place.ParseRIR(name)
		g.Expect(err).To(MatchError(ContainSubstring("want AFRINIC, APNIC, ARIN, LACNIC or RIPE NCC")), name)
		g.Expect(got).To(Equal(place.Unknown))
	}
	g.Expect(place.RIPE.String()).To(Equal("RIPE NCC"))
	g.Expect(place.Unknown.String()).To(Equal("unknown"))
	g.Expect(place.RIR(9).String()).To(Equal("RIR(9)"))
	g.Expect(place.RIRs()).To(HaveLen(5))
}

// TestRIRAsJSON looks at every value of the type: what can be written can be read
// back, and nothing else can be written.
func TestRIRAsJSON(t *testing.T) {
	g := NewWithT(t)
	written := 0
	for value := range 256 {
		rir := place.RIR(value)
		text, err := json.Marshal(rir)
		if rir != place.Unknown && !slices.Contains(place.RIRs(), rir) {
			g.Expect(err).To(MatchError(ContainSubstring("want 0 to 5")), "%v", rir)
			continue
		}
		g.Expect(err).NotTo(HaveOccurred())
		back := place.RIR(255)
		g.Expect(json.Unmarshal(text, &back)).To(Succeed(), "%s", text)
		g.Expect(back).To(Equal(rir))
		written++
	}
	g.Expect(written).To(Equal(6))
	for _, name := range []string{`"mars"`, `"Unknown"`, `""`, `"RIR(9)"`} {
		rir := place.ARIN
		g.Expect(json.Unmarshal([]byte(name), &rir)).To(MatchError(ContainSubstring("RIR region " + name)))
		g.Expect(rir).To(Equal(place.ARIN), "a failed parse changes nothing")
	}
}

func FuzzParseRIR(f *testing.F) {
	for _, seed := range []string{"AFRINIC", "APNIC", "ARIN", "LACNIC", "RIPE", "RIPE NCC", "", "ripe\u017f", "K\u212a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rir, err := place.ParseRIR(s)
		if err != nil {
			return
		}
		if again, err := place.ParseRIR(rir.String()); err != nil || again != rir {
			t.Fatalf("%q is %v, but its name is %v, %v", s, rir, again, err)
		}
	})
}

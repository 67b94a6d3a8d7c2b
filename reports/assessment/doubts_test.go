package assessment_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/reports/assessment"
	"mpicsim/topology/place"
)

// TestNoRegionIsInDoubt: what the catalog says of places is taken as it is.
func TestNoRegionIsInDoubt(t *testing.T) {
	g := NewWithT(t)
	for _, r := range catalog.Regions() {
		g.Expect(assessment.Doubts(perspectives.Set{Primary: r.Perspective}, "file", nil)).To(BeEmpty(), r.Name)
	}
	for _, s := range catalog.Sets() {
		g.Expect(assessment.Doubts(s.Set, "synthetic", nil)).To(BeEmpty(), s.Name)
	}
}

func TestDoubts(t *testing.T) {
	at := func(lat, lon float64) place.Location { return place.Location{Lat: lat, Lon: lon} }
	for name, c := range map[string]struct {
		at   place.Location
		rir  place.RIR
		kind string
		said string
	}{
		"Singapore":                    {at(1.35, 103.82), place.APNIC, "", ""},
		"a town far out":               {at(62.03, 129.73), place.RIPE, "", ""},
		"Perth":                        {at(-31.95, 115.86), place.APNIC, "", ""},
		"Tijuana and San Diego":        {at(32.72, -117.16), place.LACNIC, "", ""}, // too near to tell
		"zero, zero":                   {at(0, 0), place.AFRINIC, assessment.NullIsland, "b is at 0, 0, which is in the Atlantic Ocean"},
		"Singapore in RIPE":            {at(1.35, 103.82), place.RIPE, assessment.FarFromRegion, ", and in Singapore, region APNIC"},
		"Paris in ARIN":                {at(48.86, 2.35), place.ARIN, assessment.FarFromRegion, "the nearest city that is known in its region ARIN"},
		"Tel Aviv in AFRINIC":          {at(32.09, 34.78), place.AFRINIC, assessment.FarFromRegion, "km from Cairo, the nearest city that is known in its region AFRINIC, and in Tel Aviv, region RIPE NCC"},
		"the South Pacific":            {at(-47, -126), place.APNIC, assessment.FarFromRegion, "b is at -47, -126, "},
		"Stockholm swapped":            {at(18.07, 59.33), place.RIPE, assessment.SwappedCoordinates, "with latitude and longitude swapped it would be 0 km from Stockholm"},
		"Frankfurt swapped":            {at(8.68, 50.11), place.RIPE, assessment.SwappedCoordinates, "with latitude and longitude swapped it would be 0 km from Frankfurt"},
		"Helsinki swapped":             {at(24.94, 60.17), place.RIPE, assessment.SwappedCoordinates, "with latitude and longitude swapped it would be 0 km from Helsinki"},
		"Tomsk":                        {at(56.49, 84.95), place.RIPE, "", ""},
		"Kamyshin":                     {at(50.08, 45.40), place.RIPE, "", ""},
		"Ashburn without a sign":       {at(39.04, 77.49), place.ARIN, assessment.SwappedCoordinates, "with the other sign of the longitude it would be 0 km from Ashburn"},
		"Sydney without a sign":        {at(33.87, 151.21), place.APNIC, assessment.SwappedCoordinates, "with the other sign of the latitude it would be 0 km from Sydney"},
		"no coordinates: a violation":  {at(103.82, 1.35), place.APNIC, "", ""},
		"no RIR region: a violation":   {at(1.35, 103.82), place.Unknown, "", ""},
		"on the equator, but not both": {at(0, 103.82), place.APNIC, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			p := perspectives.Perspective{Name: "b", Location: c.at, RIR: c.rir}
			got := assessment.Doubts(perspectives.Set{Primary: p}, "file", nil)
			resolver := perspectives.Perspective{Name: "a", Location: at(50.11, 8.68), RIR: place.RIPE, Resolver: &perspectives.ResolverSite{Location: c.at, RIR: c.rir}}
			alsoThere := assessment.Doubts(perspectives.Set{Primary: resolver}, "file", nil)
			if c.kind == "" {
				g.Expect(got).To(BeEmpty())
				g.Expect(alsoThere).To(BeEmpty())
				return
			}
			g.Expect(got).To(HaveLen(1))
			g.Expect(got[0]).To(And(HaveField("Kind", c.kind), HaveField("About", "b"), HaveField("Detail", ContainSubstring(c.said))))
			g.Expect(got[0].Found).NotTo(BeEmpty())
			g.Expect(alsoThere).To(HaveLen(1))
			g.Expect(alsoThere[0].Detail).To(HavePrefix("the resolver of a is at "))
		})
	}
}

func TestDoubtsOfPairsAndNumbers(t *testing.T) {
	g := NewWithT(t)
	s := set(t, "example-five-remotes")
	s.Remotes[3].Location = s.Remotes[1].Location
	s.Remotes[3].RIR = s.Remotes[1].RIR
	g.Expect(assessment.Doubts(s, "file", nil)).To(Equal([]assessment.Doubt{{
		Kind: assessment.SamePlace, About: "azure/brazilsouth", Found: "35.68, 139.69",
		Detail: "vultr/nrt and azure/brazilsouth have the same coordinates, 35.68, 139.69",
	}}))
	numbers := []assessment.Numbers{{Field: "perspectives.primary", Named: []string{"AS 16509"}}}
	five := set(t, "example-five-remotes")
	g.Expect(assessment.Doubts(five, "file", numbers)).To(BeEmpty())
	g.Expect(assessment.Doubts(five, "inline", numbers)).To(BeEmpty())
	g.Expect(assessment.Doubts(five, "synthetic", numbers)).To(ConsistOf(And(
		HaveField("Kind", assessment.MadeUpASes), HaveField("About", "perspectives.primary"), HaveField("Found", "AS 16509"),
		HaveField("Detail", ContainSubstring("its AS numbers are made up")))))
}

package cohort

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/topology/place"
)

// fleetOfTen is the fleet of the vectors in this file, which were made with
// open-mpic-core 6.5.0 and the secret "test_secret".
func fleetOfTen() []Candidate {
	return []Candidate{
		{"us-east-1", place.ARIN, []string{"us-east-2"}},
		{"us-east-2", place.ARIN, []string{"us-east-1"}},
		{"us-west-2", place.ARIN, nil},
		{"eu-west-2", place.RIPE, []string{"eu-west-3"}},
		{"eu-west-3", place.RIPE, []string{"eu-west-2"}},
		{"eu-central-1", place.RIPE, nil},
		{"ap-southeast-1", place.APNIC, nil},
		{"ap-northeast-1", place.APNIC, nil},
		{"sa-east-1", place.LACNIC, nil},
		{"af-south-1", place.AFRINIC, nil},
	}
}

func vectors() OpenMPIC { return OpenMPIC{Secret: "test_secret", Fleet: fleetOfTen()} }

func TestMersenneTwisterAsPythonSeedsIt(t *testing.T) {
	g := NewWithT(t)
	seed := sha256.Sum256([]byte("test_secretexample.com"))
	m := newMersenne(seed[:])
	var got []uint32
	for range 5 {
		got = append(got, m.uint32())
	}
	g.Expect(got).To(Equal([]uint32{2454124826, 3843549144, 755189044, 4008953802, 866778437}))
	for range 1000 - 6 { // beyond one refill of the state
		m.uint32()
	}
	g.Expect(m.uint32()).To(Equal(uint32(4216352126)))

	// Seeds whose number starts with zero limbs, and of lengths that fill none.
	g.Expect(newMersenne(make([]byte, 32)).uint32()).To(Equal(uint32(1202356522)))
	g.Expect(newMersenne([]byte("abc")).uint32()).To(Equal(uint32(3315820543)))
	g.Expect(newMersenne(nil).uint32()).To(Equal(uint32(4124137760)))
}

func TestOrderOfTheVectors(t *testing.T) {
	g := NewWithT(t)
	var order []string
	for _, c := range vectors().shuffled("example.com") {
		order = append(order, c.Code)
	}
	g.Expect(order).To(Equal(strings.Split("sa-east-1 eu-west-3 af-south-1 ap-northeast-1 us-east-2 eu-west-2 us-east-1 eu-central-1 ap-southeast-1 us-west-2", " ")))
}

func TestCohortsOfTheVectors(t *testing.T) {
	for size, want := range map[int]string{
		2: "sa-east-1 eu-west-3|af-south-1 ap-northeast-1|us-east-2 eu-west-2|ap-southeast-1 us-east-1|eu-central-1 us-west-2",
		3: "sa-east-1 eu-central-1 ap-southeast-1|eu-west-3 af-south-1 us-east-2|eu-west-2 ap-northeast-1 us-east-1",
		4: "sa-east-1 eu-west-2 eu-central-1 ap-northeast-1|eu-west-3 af-south-1 us-east-2 ap-southeast-1",
		5: "sa-east-1 eu-west-2 eu-central-1 ap-northeast-1 us-east-2|eu-west-3 af-south-1 ap-southeast-1 us-east-1 us-west-2",
		6: "sa-east-1 eu-west-3 eu-central-1 af-south-1 ap-northeast-1 us-east-2",
	} {
		g := NewWithT(t)
		cohorts, err := vectors().Cohorts("example.com", size)
		g.Expect(err).NotTo(HaveOccurred())
		var got []string
		for _, c := range cohorts {
			got = append(got, strings.Join(c, " "))
		}
		g.Expect(strings.Join(got, "|")).To(Equal(want), "cohorts of %d", size)
	}
}

func TestOpenMPICAtTheEdges(t *testing.T) {
	g := NewWithT(t)
	for _, size := range []int{-1, 0, 1} {
		_, err := vectors().Cohorts("example.com", size)
		g.Expect(err).To(MatchError(ContainSubstring("want 2 or more")))
	}
	g.Expect(vectors().Cohorts("example.com", 11)).To(BeEmpty())
	oneRegion := OpenMPIC{Fleet: []Candidate{{"a", place.ARIN, nil}, {"b", place.ARIN, nil}, {"c", place.ARIN, nil}}}
	g.Expect(oneRegion.Cohorts("example.com", 3)).To(BeEmpty(), "two regions are required from three on")
	g.Expect(oneRegion.Cohorts("example.com", 2)).To(HaveLen(1))
	g.Expect(OpenMPIC{}.Cohorts("example.com", 2)).To(BeEmpty())

	// Its defects, which are kept: the first two members are not held to distance,
	// and the relation has a direction.
	near := OpenMPIC{Fleet: []Candidate{{"miami", place.ARIN, []string{"havana"}}, {"havana", place.LACNIC, []string{"miami"}}, {"oslo", place.RIPE, nil}}}
	cohorts, err := near.Cohorts("b.example", 3)
	g.Expect(err).NotTo(HaveOccurred())
	for _, c := range cohorts {
		g.Expect(c).To(ContainElements("miami", "havana"))
	}
	plain, err := vectors().Cohorts("example.com", 4)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(vectors().Cohorts("EXAMPLE.com", 4)).To(Equal(plain))
	g.Expect(vectors().Cohorts("*.example.com", 4)).NotTo(Equal(plain), "a wildcard draws anew")
}

// TestOpenMPICCohortsAreDisjoint holds the algorithm to what does not depend on
// draws, for many targets and sizes.
func TestOpenMPICCohortsAreDisjoint(t *testing.T) {
	g := NewWithT(t)
	rir := map[string]place.RIR{}
	for _, c := range fleetOfTen() {
		rir[c.Code] = c.RIR
	}
	for _, target := range []string{"example.com", "a.example", "b.example", "192.0.2.1", "xn--bcher-kva.example", "c.example", "d.example"} {
		for size := 2; size <= 10; size++ {
			cohorts, err := vectors().Cohorts(target, size)
			g.Expect(err).NotTo(HaveOccurred())
			var used []string
			for _, c := range cohorts {
				g.Expect(c).To(HaveLen(size))
				regions := map[place.RIR]bool{}
				for _, code := range c {
					g.Expect(used).NotTo(ContainElement(code))
					used = append(used, code)
					regions[rir[code]] = true
				}
				if size > 2 {
					g.Expect(len(regions)).To(BeNumerically(">=", 2))
				}
			}
		}
	}
}

func TestCandidatesKnowTheirNeighboursBothWays(t *testing.T) {
	g := NewWithT(t)
	at := func(name string, lat, lon float64) perspectives.Perspective {
		return perspectives.Perspective{Name: name, Location: place.Location{Lat: lat, Lon: lon}, RIR: place.RIPE}
	}
	got := Candidates([]perspectives.Perspective{at("london", 51.5, -0.1), at("paris", 48.9, 2.4), at("oslo", 59.9, 10.8)}, 500)
	g.Expect(got[0].TooClose).To(Equal([]string{"paris"}))
	g.Expect(got[1].TooClose).To(Equal([]string{"london"}))
	g.Expect(got[2].TooClose).To(BeEmpty())
	g.Expect(slices.IndexFunc(got, func(c Candidate) bool { return c.RIR != place.RIPE })).To(Equal(-1))
}

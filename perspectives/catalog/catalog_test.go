package catalog_test

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

func TestRegionsAreValid(t *testing.T) {
	g := gomega.NewWithT(t)
	name := regexp.MustCompile(`^[a-z]+/[a-z]+[a-z0-9-]*$`)
	seen := map[string]bool{}
	count := map[string]int{}
	for _, r := range catalog.Regions() {
		g.Expect(r.Name).To(gomega.MatchRegexp(name.String()))
		g.Expect(r.Name).To(gomega.Equal(r.Provider + "/" + r.Code))
		g.Expect(seen[r.Name]).To(gomega.BeFalse(), "%s twice", r.Name)
		seen[r.Name] = true
		count[r.Provider]++
		g.Expect(r.Location.Validate()).To(gomega.Succeed(), r.Name)
		g.Expect(r.Location).NotTo(gomega.Equal(place.Location{}), r.Name)
		g.Expect(place.RIRs()).To(gomega.ContainElement(r.RIR), r.Name)
		g.Expect(r.ASN).NotTo(gomega.BeZero(), r.Name)
		g.Expect(r.City).NotTo(gomega.BeEmpty(), r.Name)
		for _, source := range []string{r.Sources.Region, r.Sources.Location, r.Sources.RIR, r.Sources.ASN} {
			g.Expect(source).NotTo(gomega.BeEmpty(), r.Name)
		}
		g.Expect(r.Sources.ASN).To(gomega.ContainSubstring("AS"+strconv.Itoa(int(r.ASN))), r.Name)
		g.Expect(catalog.Lookup(r.Name)).To(gomega.Equal(r.Perspective))
	}
	g.Expect(count).To(gomega.Equal(map[string]int{
		"aws": 30, "gcp": 40, "azure": 17, "vultr": 32, "ovh": 12, "hetzner": 6, "digitalocean": 9,
	}))
}

// TestOneCityOnePlace: the same city has the same coordinates whoever is there.
func TestOneCityOnePlace(t *testing.T) {
	at := map[string]catalog.Region{}
	for _, r := range catalog.Regions() {
		if other, ok := at[r.City]; ok && (other.Location != r.Location || other.Country != r.Country) {
			t.Errorf("%s is at %v for %s and at %v for %s", r.City, other.Location, other.Name, r.Location, r.Name)
		}
		at[r.City] = r
	}
}

// TestRegionsAgainstCompiledData compares the table with an independently
// compiled one, where that is present.
func TestRegionsAgainstCompiledData(t *testing.T) {
	g := gomega.NewWithT(t)
	f, err := os.Open(filepath.Join(dataDir(t), "cloud_regions.csv"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() { _ = f.Close() })
	rows, err := csv.NewReader(f).ReadAll()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(len(rows) - 1).To(gomega.Equal(len(catalog.Regions())))
	worst := 0.0
	for _, row := range rows[1:] {
		p, err := catalog.Lookup(strings.ToLower(row[0]) + "/" + row[1])
		g.Expect(err).NotTo(gomega.HaveOccurred())
		lat, err := strconv.ParseFloat(row[3], 64)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		lon, err := strconv.ParseFloat(row[4], 64)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		d := place.DistanceKm(p.Location, place.Location{Lat: lat, Lon: lon})
		g.Expect(d).To(gomega.BeNumerically("<", 60), p.Name)
		worst = max(worst, d)
		g.Expect(p.RIR.String()).To(gomega.Equal(row[5]), p.Name)
		g.Expect(strings.Split(row[6], "/")).To(gomega.ContainElement(strconv.Itoa(int(p.ASN))), p.Name)
	}
	t.Logf("%d regions, at most %.1f km apart", len(rows)-1, worst)
}

// dataDir returns the folder of real data: $MPICSIM_DATA, or ../shared/data seen
// from the folder of go.mod. It skips the test where neither is there.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if filepath.Dir(root) == root {
				t.Fatal("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "data")
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SKIPPED, not compared with real data: %s is absent (set MPICSIM_DATA)", dir)
	}
	return dir
}

// TestKnownDistances: pairs below 500 km that Open MPIC's region table does not
// list as too close, by great circle between cities.
func TestKnownDistances(t *testing.T) {
	g := gomega.NewWithT(t)
	for pair, km := range map[[2]string]float64{
		{"aws/ap-southeast-1", "aws/ap-southeast-5"}: 309,
		{"aws/eu-west-1", "aws/eu-west-2"}:           463,
		{"aws/eu-central-1", "aws/eu-west-3"}:        478,
		{"aws/eu-central-2", "aws/eu-west-3"}:        488,
	} {
		a, err := catalog.Lookup(pair[0])
		g.Expect(err).NotTo(gomega.HaveOccurred())
		b, err := catalog.Lookup(pair[1])
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(place.ArcKm(a.Location, b.Location)).To(gomega.BeNumerically("~", km, 3), "%v", pair)
		g.Expect(place.DistanceKm(a.Location, b.Location)).To(gomega.BeNumerically("<", place.MinDistinctKm))
	}
}

func TestLookupSuggests(t *testing.T) {
	g := gomega.NewWithT(t)
	for name, suggestion := range map[string]string{
		"aws/eu-centrl-1":  "aws/eu-central-1",
		"AWS/EU-WEST-1":    "aws/eu-west-1",
		"gcp/asia-east-1":  "gcp/asia-east1",
		"eu-central-1":     "aws/eu-central-1",
		"digitalocean/fra": "digitalocean/fra1",
	} {
		p, err := catalog.Lookup(name)
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(suggestion)), name)
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(strconv.Quote(name))), name)
		g.Expect(p).To(gomega.Equal(perspectives.Perspective{}), name)
	}
}

func TestMatch(t *testing.T) {
	g := gomega.NewWithT(t)
	names := func(pattern string) []string {
		found, err := catalog.Match(pattern)
		g.Expect(err).NotTo(gomega.HaveOccurred(), pattern)
		var out []string
		for _, r := range found {
			out = append(out, r.Name)
		}
		return out
	}
	g.Expect(names("aws/*")).To(gomega.HaveLen(30))
	g.Expect(names("*/*")).To(gomega.HaveLen(146))
	g.Expect(names("*/fra*")).To(gomega.Equal([]string{"vultr/fra", "digitalocean/fra1"}))
	g.Expect(names("aws/eu-west-[12]")).To(gomega.Equal([]string{"aws/eu-west-1", "aws/eu-west-2"}))
	g.Expect(names("ovh/gra")).To(gomega.Equal([]string{"ovh/gra"}))
	for _, pattern := range []string{"aws/[", "aws", "*", "", "nobody/*"} {
		_, err := catalog.Match(pattern)
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(strconv.Quote(pattern))))
	}
}

// TestRegionsAreFresh: a caller may change what it was given.
func TestRegionsAreFresh(t *testing.T) {
	g := gomega.NewWithT(t)
	for _, r := range catalog.Regions() {
		for i := range r.OtherASNs {
			r.OtherASNs[i] = 0
		}
	}
	for _, r := range catalog.Regions() {
		g.Expect(r.OtherASNs).NotTo(gomega.ContainElement(uint32(0)))
	}
}

// TestSetsAreWhatTheyClaim checks every set against the rule of each phase of
// the BR and against its own.
func TestSetsAreWhatTheyClaim(t *testing.T) {
	phases := []string{"2025-03-15", "2025-09-15", "2026-03-15", "2026-06-15", "2026-12-15"}
	type faults map[string][]string // phase -> reasons of violations
	near := []string{policy.NotDistinct}
	few := []string{policy.TooFewRemotes}
	for name, want := range map[string]faults{
		"lets-encrypt-2020":    {"2026-06-15": few, "2026-12-15": few},
		"openmpic-2024":        {},
		"openmpic-default":     {},
		"openmpic-containers":  {},
		"mpiclabs-2025-03":     {"2025-03-15": near, "2025-09-15": near, "2026-03-15": near, "2026-06-15": near, "2026-12-15": near},
		"example-two-remotes":  {"2026-03-15": few, "2026-06-15": few, "2026-12-15": few},
		"example-five-remotes": {},
		"example-six-remotes":  {},
	} {
		g := gomega.NewWithT(t)
		s, err := catalog.Set(name)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		for _, phase := range phases {
			date, err := policy.ParseDate(phase)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			var reasons []string
			for _, v := range policy.CheckSet(policy.QuorumAt(date), s.Set) {
				reasons = append(reasons, v.Reason)
			}
			g.Expect(reasons).To(gomega.Equal(want[phase]), "%s on %s", name, phase)
		}
	}
	g := gomega.NewWithT(t)
	var names []string
	for _, s := range catalog.Sets() {
		names = append(names, s.Name)
		g.Expect(s.Source).NotTo(gomega.BeEmpty())
		status := catalog.Published
		if strings.HasPrefix(s.Name, "example-") {
			status = catalog.Example
		}
		g.Expect(s.Status).To(gomega.Equal(status), s.Name)
		if s.Rule != "" {
			q, err := policy.ParseRule(s.Rule, time.Time{})
			g.Expect(err).NotTo(gomega.HaveOccurred(), s.Name)
			g.Expect(policy.CheckSet(q, s.Set)).To(gomega.BeEmpty(), s.Name)
		}
	}
	g.Expect(names).To(gomega.HaveLen(8))
	g.Expect(slices.Compact(slices.Sorted(slices.Values(names)))).To(gomega.HaveLen(8))
}

// TestSixIsFivePlusOne: the two examples are nested, for the comparison that
// they are made for.
func TestSixIsFivePlusOne(t *testing.T) {
	g := gomega.NewWithT(t)
	five, err := catalog.Set("example-five-remotes")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	six, err := catalog.Set("example-six-remotes")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(six.Primary).To(gomega.Equal(five.Primary))
	g.Expect(six.Remotes[:5]).To(gomega.Equal(five.Remotes))
	g.Expect(six.Remotes).To(gomega.HaveLen(6))
}

func TestParseSet(t *testing.T) {
	g := gomega.NewWithT(t)
	set, err := catalog.ParseSet("aws/us-east-2:aws/eu-central-1,gcp/asia-east1")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(set.Name).To(gomega.Equal("aws/us-east-2:aws/eu-central-1,gcp/asia-east1"))
	g.Expect(set.Primary.City).To(gomega.Equal("Columbus"))
	g.Expect(set.Remotes).To(gomega.HaveExactElements(
		gomega.HaveField("City", "Frankfurt"), gomega.HaveField("City", "Changhua")))

	set, err = catalog.ParseSet("openmpic-default")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(set.Remotes).To(gomega.HaveLen(6))

	for text, says := range map[string]string{
		"":                             "want lets-encrypt-2020, openmpic-2024",
		"openmpic":                     `"openmpic" is unknown: want`,
		"aws/us-east-2":                "PRIMARY:REMOTE,REMOTE",
		"aws/us-east-2:":               "remote 1 is empty",
		":aws/us-east-2":               "primary is empty",
		"aws/us-east-2:aws/us-west-2,": "remote 2 is empty",
		"aws/us-east-2:aws/us-west-2, aws/eu-west-1": `remote 2: region " aws/eu-west-1" is unknown: did you mean aws/eu-west-1`,
		"aws/us-east-2:aws/us-east-2":                `remote 1: "aws/us-east-2" is named twice`,
		"aws/us-east-2:aws/eu-west-1,aws/eu-west-1":  "remote 2: \"aws/eu-west-1\" is named twice",
		"aws/us-eest-2:aws/eu-west-1":                "primary: region \"aws/us-eest-2\" is unknown: did you mean aws/us-east-2",
		"aws/us-east-2:aws/eu-west-1:aws/eu-west-2":  "remote 1: region",
	} {
		_, err := catalog.ParseSet(text)
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(says)), text)
	}
}

// FuzzParseSet: what is accepted names different regions and means the same
// again when written out from its parts.
func FuzzParseSet(f *testing.F) {
	for _, s := range []string{
		"aws/us-east-2:aws/eu-central-1,gcp/asia-east1", "openmpic-default", "x", "", ":", "a:", "aws/us-east-2:aws/us-east-2",
		"aws/us-east-2:aws/us-west-2,", "aws/us-east-2:aws/us-west-2,aws/us-west-2", "aws/us-east-2:\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := catalog.ParseSet(text)
		if err != nil {
			return
		}
		if !strings.Contains(text, ":") {
			if set.Name != text {
				t.Fatalf("%q gives the set %q", text, set.Name)
			}
			return
		}
		var names []string
		for _, r := range set.Remotes {
			names = append(names, r.Name)
		}
		if again := set.Primary.Name + ":" + strings.Join(names, ","); again != text || len(names) == 0 {
			t.Fatalf("%q gives %q", text, again)
		}
		names = append(names, set.Primary.Name)
		if slices.Sort(names); len(slices.Compact(names)) != len(set.Remotes)+1 {
			t.Fatalf("%q names a region twice", text)
		}
	})
}

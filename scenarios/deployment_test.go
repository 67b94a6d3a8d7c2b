package scenarios_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
)

// TestExampleDeployments reads the files that the documentation has.
func TestExampleDeployments(t *testing.T) {
	g := NewWithT(t)
	files, err := filepath.Glob("../docs/ca/*.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(files)).To(BeNumerically(">=", 3))
	for _, file := range files {
		d, err := scenarios.ReadDeployment(file)
		g.Expect(err).NotTo(HaveOccurred())
		set, sites := d.Set(), d.Sites()
		g.Expect(sites[0].Perspective).To(Equal(set.Primary))
		for n, r := range set.Remotes {
			g.Expect(sites[n+1].Perspective).To(Equal(r))
		}
		seen := map[string]bool{}
		for _, s := range sites {
			g.Expect(seen[s.Perspective.Name]).To(BeFalse(), s.Perspective.Name)
			seen[s.Perspective.Name] = true
		}
	}
}

// TestDeploymentDefaults: what a file leaves out is as documented.
func TestDeploymentDefaults(t *testing.T) {
	g := NewWithT(t)
	d, err := scenarios.ParseDeployment([]byte("name: a\nperspectives: {set: example-five-remotes}\n"), "a.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Rule).To(Equal("br"))
	g.Expect(d.Study.Victims.Sample).To(Equal(100))
	g.Expect(d.Study.Attackers.All).To(BeTrue())
	g.Expect(d.Study.Attacks).To(Equal([]scenarios.StudyAttack{{Kind: "equal-prefix"}}))
	g.Expect(d.Study.Topology.Synthetic.ASes).To(Equal(5000))
	g.Expect([]float64{*d.Failures.Rate, *d.Failures.Correlation}).To(Equal([]float64{0.01, 0.1}))
}

func FuzzDeployment(f *testing.F) {
	files, err := filepath.Glob("../docs/ca/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("no examples", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("name: a\nperspectives: {primary: {name: x, lat: 1, lon: 2, rir: ARIN, resolver: {lat: 99}}}\nfailures: {rate: -1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := scenarios.ParseDeployment(data, "fuzz.yaml")
		if err != nil {
			return
		}
		expectAccepted(t, deploymentFile, string(data), "what is accepted, the schema accepts")
		if set := d.Set(); len(d.Sites()) < len(set.Remotes)+1 {
			t.Fatalf("%d sites for %d remotes", len(d.Sites()), len(set.Remotes))
		}
	})
}

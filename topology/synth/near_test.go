package synth_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology/asrel"
	"mpicsim/topology/synth"
)

// The package comment says how near the real Internet a synthetic one is.
func TestNearTheRealInternet(t *testing.T) {
	g := NewWithT(t)
	file, err := asrel.Open(realFile(t))
	g.Expect(err).NotTo(HaveOccurred())
	want := synth.ShapeOf(file.Graph)
	t.Logf("real: %v", want)
	for _, seed := range []uint64{1, 2, 3} {
		in, err := synth.Generate(synth.Options{ASes: want.ASes, Seed: seed})
		g.Expect(err).NotTo(HaveOccurred())
		got := synth.ShapeOf(in.Graph)
		d := got.Distance(want)
		t.Logf("seed %d: %v\n%v", seed, got, d)
		g.Expect(d.Degrees).To(BeNumerically("<", 0.0195))
		g.Expect(d.Providers).To(BeNumerically("<", 0.0085))
		g.Expect(d.Customers).To(BeNumerically("<", 0.0155))
		g.Expect(d.Peers).To(BeNumerically("<", 0.0125))
		g.Expect(got.StubShare).To(BeNumerically("~", 0.842, 0.0005))
		g.Expect(got.MultihomedShare).To(BeNumerically("~", 0.568, 0.0035))
		g.Expect(got.PeeringShare).To(BeNumerically("~", 0.209, 0.0015))
		g.Expect(float64(got.Transit) / float64(got.ASes)).To(BeNumerically("~", 2.02, 0.02))
		g.Expect(2 * float64(got.Peering) / float64(got.ASes)).To(BeNumerically("~", 10.6, 0.15))
	}
}

package examples_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/attack"
	"mpicsim/sim/attack/examples"
)

// TestExamples runs every example and compares announcements and the route of every
// AS with what is written there.
func TestExamples(t *testing.T) {
	for _, x := range examples.All() {
		t.Run(x.Title, func(t *testing.T) {
			g := NewWithT(t)
			r, err := x.Run()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Plan.Obstacle).To(BeEmpty(), r.Plan.Why)
			g.Expect(r.Announced).To(Equal(x.Announced))
			g.Expect(r.Routes).To(Equal(x.Lines()))
		})
	}
}

// TestEveryKindHasAnExample: beside its defended ones each kind has one without
// policies.
func TestEveryKindHasAnExample(t *testing.T) {
	g := NewWithT(t)
	undefended := map[attack.Kind]int{}
	for _, x := range examples.All() {
		if len(x.Policies) == 0 {
			undefended[x.Attack.Kind]++
		}
	}
	for _, k := range attack.Kinds() {
		g.Expect(undefended).To(HaveKey(k))
	}
}

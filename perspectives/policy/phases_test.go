package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/policy"
)

func TestPhases(t *testing.T) {
	g := NewWithT(t)
	var names []string
	for _, q := range policy.Phases() {
		names = append(names, q.Name)
		g.Expect(policy.QuorumAt(q.Effective)).To(Equal(q))
		g.Expect(policy.QuorumAt(q.Effective.AddDate(0, 0, -1))).NotTo(Equal(q))
	}
	g.Expect(names).To(Equal([]string{"br@2025-03-15", "br@2025-09-15", "br@2026-03-15", "br@2026-06-15", "br@2026-12-15"}))
}

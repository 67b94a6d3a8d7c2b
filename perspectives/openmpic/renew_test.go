package openmpic

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestRenewed: a server with another configuration goes on counting where the old
// one stopped.
func TestRenewed(t *testing.T) {
	g := NewWithT(t)
	s := serve(g, atCaller)
	ask := func() { s.mpic(g, `{"domain_or_ip_target":"example.com","check_type":"caa"}`) }
	ask()
	old, o := s.server, s.server.o
	o.DefaultCount = 6
	var err error
	s.server, err = old.Renewed(o)
	g.Expect(err).NotTo(HaveOccurred())
	ask()
	g.Expect(s.remotes[5].asked).To(HaveLen(1), "the old server asks five")
	g.Expect(testutil.ToFloat64(old.metrics.requests)).To(Equal(2.), "one series for both")

	o.DefaultCount = -1
	_, err = old.Renewed(o)
	g.Expect(err).To(MatchError(ContainSubstring("negative")))
	o.DefaultCount, o.Registry = 6, prometheus.NewRegistry()
	_, err = old.Renewed(o)
	g.Expect(err).To(MatchError(ContainSubstring("registry of the old one")))
}

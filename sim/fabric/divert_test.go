package fabric_test

import (
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/sim/fabric"
	"mpicsim/topology"
)

var _ = Describe("What is done to packets on their way", func() {
	divert := func(from ...netip.Prefix) func(*topology.Graph, *fabric.Epoch) {
		return func(g *topology.Graph, e *fabric.Epoch) {
			i, _ := g.Index(3)
			e.Diverts = []fabric.Divert{{AS: i, From: from, To: serverPrefix}}
		}
	}

	It("gives a host the packets that it takes, and answers come back to who sent them", func() {
		w := newLine(0, false, divert(netip.PrefixFrom(clientAddr, 32)))
		other, err := w.AddHost(fabric.HostConfig{Name: "other", AS: 1, Addrs: []netip.Addr{netip.MustParseAddr("198.18.1.20"), netip.MustParseAddr("2001:db8:1::20")}})
		Expect(err).NotTo(HaveOccurred())
		for _, h := range []*fabric.Host{w.server, w.attacker} {
			serveHTTP(h, serverAddr, 80, nil)
			serveHTTP(h, serverAddr6, 80, nil)
		}
		s := w.client.NewSession(0)
		Expect(fetch(s, "http://203.0.113.80/")).To(Equal("attacker"))
		Expect(s.Flows()[0].Path).To(Equal([]topology.ASN{1, 2, 3}))
		Expect(s.Elapsed()).To(Equal(2*oneWay), "half the way")
		By("leaving alone what others send, and what goes elsewhere")
		Expect(fetch(other.NewSession(0), "http://203.0.113.80/")).To(Equal("server"))
		Expect(fetch(w.client.NewSession(0), "http://[2001:db8:5::80]/")).To(Equal("server"))
	})

	It("forwards what no host is there for, and what the host sends itself", func() {
		w := newLine(0, false, divert(clientPrefix, netip.MustParsePrefix("198.18.3.0/24")))
		other, err := w.AddHost(fabric.HostConfig{Name: "other", AS: 5, Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.81")}})
		Expect(err).NotTo(HaveOccurred())
		serveHTTP(other, netip.MustParseAddr("203.0.113.81"), 80, nil)
		Expect(fetch(w.client.NewSession(0), "http://203.0.113.81/")).To(Equal("other"))
	})

	It("tells the sender that an AS drops its packets", func() {
		w := newLine(0, false, func(g *topology.Graph, e *fabric.Epoch) {
			i, _ := g.Index(4)
			e.Drops = func(as int32, dst netip.Addr) bool { return as == i && serverPrefix.Contains(dst) }
		})
		serveHTTP(w.server, serverAddr, 80, nil)
		serveHTTP(w.server, serverAddr6, 80, nil)
		s := w.client.NewSession(0)
		_, err := fetch(s, "http://203.0.113.80/")
		Expect(err).To(MatchError(ContainSubstring("unreachable")))
		Expect(s.Flows()[0].To).To(BeEmpty())
		Expect(s.Flows()[0].Path).To(Equal([]topology.ASN{1, 2, 3, 4}))
		Expect(fetch(w.client.NewSession(0), "http://[2001:db8:5::80]/")).To(Equal("server"))
	})
})

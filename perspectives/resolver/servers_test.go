package resolver_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
)

// noIPv6 has no route for IPv6, or says so in another way.
type noIPv6 struct {
	perspectives.Network
	says error
}

func (n noIPv6) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if strings.HasPrefix(address, "[") {
		return nil, &net.OpError{Op: "dial", Net: network, Err: cmp.Or(n.says, errors.New("network is unreachable"))}
	}
	return n.Network.DialContext(ctx, network, address)
}

var _ = Describe("The addresses of a zone's servers", func() {
	v4only := func(o *resolver.Options) { o.Network = noIPv6{Network: o.Network} }
	www := func(ctx SpecContext, w *resolvertest.World, change ...func(*resolver.Options)) {
		GinkgoHelper()
		a, err := newResolver(w, change...).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
	}
	// refers makes the TLD refer example.test to a host in hoster.test with glue as
	// given, and hoster.test to ns2.
	refers := func(glue ...string) resolvertest.Server {
		tb := GinkgoTB()
		return resolvertest.Server{Addr: tldAddr, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
			m := resolvertest.Reply(q)
			m.Authoritative = false
			if dns.IsSubDomain("hoster.test.", dns.CanonicalName(q.Question[0].Name)) {
				m.Ns = rrs("hoster.test. 300 NS ns0.hoster.test.")
				m.Extra = rrs("ns0.hoster.test. 300 A " + ns2)
			} else {
				m.Ns = rrs("example.test. 300 NS ns.hoster.test.")
				for _, g := range glue {
					m.Extra = append(m.Extra, resolvertest.RR(tb, "ns.hoster.test. 300 "+g))
				}
			}
			_ = w.WriteMsg(m)
		}}
	}
	hoster := func(records string) resolvertest.Server {
		return resolvertest.Server{Addr: ns2, Zones: []resolvertest.Zone{{Origin: "hoster.test.", Records: records}}}
	}
	DescribeTable("are asked of the servers' own zone if glue",
		func(ctx SpecContext, glue ...string) {
			www(ctx, start(rootServer(), refers(glue...), hoster("ns A "+ns1), zoneServer(ns1, "www A 203.0.113.7")), v4only)
		},
		Entry("is missing"),
		Entry("is of a family that does not work here", "AAAA 2001:db8::53"),
		Entry("leads to nobody", "A 127.0.0.99"),
		Entry("leads to a server that is lame", "A "+ns2),
		Entry("leads to either", "A 127.0.0.99", "A "+ns2, "AAAA 2001:db8::53"),
	)

	It("are those of the parent if the servers' own zone gives none that works", func(ctx SpecContext) {
		for _, own := range []string{"ns A 127.0.0.99", "ns AAAA 2001:db8::53", "other A 127.0.0.99"} {
			// elsewhere has glue for the host, because it serves elsewhere, too.
			w := start(resolvertest.Server{Addr: rootAddr, Zones: []resolvertest.Zone{{Origin: ".", Records: `
test.            NS  a.nic.test.
a.nic.test.      A   127.0.0.3
elsewhere.       NS  ns.elsewhere.
ns.elsewhere.    A   127.0.0.4`}}}, tldServer("example NS ns.elsewhere."),
				resolvertest.Server{Addr: ns1, Zones: []resolvertest.Zone{
					{Origin: "elsewhere.", Records: own}, {Origin: "example.test.", Records: "www A 203.0.113.7"},
				}})
			www(ctx, w, v4only)
		}
	})

	It("include those of servers that only the zone itself names", func(ctx SpecContext) {
		tb := GinkgoTB()
		half := resolvertest.Server{Addr: ns1, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
			m := resolvertest.Reply(q)
			switch name := dns.CanonicalName(q.Question[0].Name); {
			case name == "ns2.example.test." && q.Question[0].Qtype == dns.TypeA:
				m.Answer = []dns.RR{resolvertest.RR(tb, "ns2.example.test. A "+ns2)}
			case q.Question[0].Qtype == dns.TypeTXT:
				m.Answer = []dns.RR{resolvertest.RR(tb, name+` TXT "x"`)}
				m.Ns = rrs("example.test. 300 NS ns1.example.test. | example.test. 300 NS ns2.example.test.")
			default:
				m.Rcode = dns.RcodeServerFailure
			}
			_ = w.WriteMsg(m)
		}}
		s := newResolver(start(rootServer(), tldServer(oneServer), half, zoneServer(ns2, "www A 203.0.113.7"))).NewSession()
		_, err := s.Lookup(ctx, "www.example.test", dns.TypeTXT)
		Expect(err).NotTo(HaveOccurred())
		a, err := s.Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
	})

	It("are asked once each, however many names and zones lead there", func(ctx SpecContext) {
		var zone strings.Builder
		for n := range 13 {
			fmt.Fprintf(&zone, "example NS ns%d.example\n", n)
			for range 4 {
				fmt.Fprintf(&zone, "ns%d.example A %s\n", n, ns1)
			}
		}
		w := start(rootServer(), tldServer(zone.String()), resolvertest.Server{Addr: ns1, Handler: rcode(dns.RcodeServerFailure)})
		_, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).To(MatchError(resolver.ErrServerFailure))
		asked := 0
		for _, q := range w.Queries() {
			if strings.HasPrefix(q, ns1) {
				asked++
			}
		}
		Expect(asked).To(Equal(1))
	})

	It("that were silent are known to be, for another zone of the session as well", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(twoServers+"\nsecond NS ns1.second\nns1.second A "+ns1+"\nsecond NS ns2.second\nns2.second A "+ns2),
			resolvertest.Server{Addr: ns1, Handler: silent},
			resolvertest.Server{Addr: ns2, Zones: []resolvertest.Zone{{Origin: "example.test.", Records: "www A 203.0.113.7"}, {Origin: "second.test.", Records: "www A 203.0.113.7"}}})
		s := newResolver(w).NewSession()
		for _, name := range []string{"www.example.test", "www.second.test"} {
			_, err := s.Lookup(ctx, name, dns.TypeA)
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(w.Queries()).To(ContainElement(HavePrefix(ns1)))
		Expect(w.Queries()[4:]).NotTo(ContainElement(HavePrefix(ns1)))
	})

	It("cost no more than a bounded number of messages if none works", func(ctx SpecContext) {
		w := start(rootServer(), refers("A 127.0.0.99"), hoster("ns A 127.0.0.98"))
		_, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).To(MatchError(resolver.ErrUnreachable))
		Expect(len(resolver.TraceOf(err))).To(BeNumerically("<", 12))
	})
})

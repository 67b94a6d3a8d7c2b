package resolver_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
)

var _ = Describe("Bailiwick", func() {
	It("makes the resolver ignore an address for a name outside the zone asked", func(ctx SpecContext) {
		// The server of example.test has no say about elsewhere: it must not be
		// able to place an address there with the answer.
		w := start(rootServer(), tldServer(oneServer),
			resolvertest.Server{Addr: ns1, Handler: says(true, []string{
				"www.example.test. CNAME host.elsewhere.",
				"host.elsewhere. A 192.0.2.66",
			}, nil, nil)},
			resolvertest.Server{Addr: other, Zones: []resolvertest.Zone{{Origin: "elsewhere.", Records: "host A 203.0.113.9"}}})
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.9"}))
	})

	It("makes the resolver look up a name server whose glue lies outside the zone", func(ctx SpecContext) {
		w := start(rootServer(),
			resolvertest.Server{Addr: tldAddr, Handler: says(false, nil,
				[]string{"example.test. NS ns.hoster.elsewhere."}, []string{"ns.hoster.elsewhere. A 127.0.0.5"})},
			resolvertest.Server{Addr: other, Zones: []resolvertest.Zone{{Origin: "elsewhere.", Records: "ns.hoster A 127.0.0.4"}}},
			zoneServer(ns1, "www A 203.0.113.7"), zoneServer(ns2, "www A 192.0.2.66"))
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
	})

	It("makes the resolver ignore glue for a host that is no name server of the zone", func(ctx SpecContext) {
		w := start(rootServer(),
			resolvertest.Server{Addr: tldAddr, Handler: says(false, nil, []string{"example.test. NS ns1.example.test."},
				[]string{"ns2.example.test. A 127.0.0.5", "ns1.example.test. A 127.0.0.4"})},
			zoneServer(ns1, "www A 203.0.113.7"), zoneServer(ns2, "www A 192.0.2.66"))
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
	})

	It("does not let a server of one zone delegate another", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer),
			resolvertest.Server{Addr: ns1, Handler: says(false, nil, []string{"elsewhere. NS ns1.example.test."},
				[]string{"ns1.example.test. A 127.0.0.4"})})
		_, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).To(MatchError(resolver.ErrLame))
	})
})

var _ = Describe("Hostile delegations", func() {
	It("without any address end with no usable name server", func(ctx SpecContext) {
		w := start(rootServer(), tldServer("example NS ns1.example"))
		_, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).To(MatchError(resolver.ErrNoServers))
	})

	It("that depend on each other come to an end", func(ctx SpecContext) {
		w := start(rootServer(), tldServer("example NS ns.partner\npartner NS ns.example"))
		_, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).To(MatchError(resolver.ErrNoServers))
		Expect(len(w.Queries())).To(BeNumerically("<", 20))
	})

	DescribeTable("to many names are looked up only up to the limit (NXNS)",
		func(ctx SpecContext, names, glueless, want int) {
			var zone strings.Builder
			for i := range names {
				fmt.Fprintf(&zone, "example NS ns%d.elsewhere.\n", i)
			}
			w := start(rootServer(), tldServer(zone.String()),
				resolvertest.Server{Addr: other, Zones: []resolvertest.Zone{{Origin: "elsewhere."}}})
			_, err := newResolver(w, withLimits(resolver.Limits{Glueless: glueless})).Lookup(ctx, "www.example.test", dns.TypeA)
			Expect(err).To(HaveOccurred())
			asked := 0
			for _, q := range w.Queries() {
				if strings.HasPrefix(q, other) {
					asked++
				}
			}
			Expect(asked).To(Equal(want), "A and AAAA of each")
		},
		Entry("one below", 2, 3, 4),
		Entry("at it", 3, 3, 6),
		Entry("above", 40, 3, 6),
	)

	DescribeTable("with many addresses are tried only up to the limits",
		func(ctx SpecContext, limits resolver.Limits, want int) {
			// Nothing listens on these addresses: each try fails at once.
			var zone strings.Builder
			for n := range 5 {
				fmt.Fprintf(&zone, "example NS ns%d.example\n", n)
				for i := range 5 {
					fmt.Fprintf(&zone, "ns%d.example A 127.0.9.%d\n", n, 10*n+i)
				}
			}
			w := start(rootServer(), tldServer(zone.String()))
			_, err := newResolver(w, withLimits(limits)).Lookup(ctx, "www.example.test", dns.TypeA)
			Expect(err).To(MatchError(resolver.ErrUnreachable))
			Expect(resolver.TraceOf(err)).To(HaveLen(2 + want))
		},
		Entry("name servers and addresses", resolver.Limits{NameServers: 2, Addresses: 3}, 6),
		Entry("exactly as many as there are", resolver.Limits{NameServers: 5, Addresses: 5}, 25),
		Entry("more than there are", resolver.Limits{NameServers: 6, Addresses: 6}, 25),
	)

	DescribeTable("that need each other's addresses nest only up to the limit",
		func(ctx SpecContext, depth int, matchError OmegaMatcher) {
			// z0 is served by a host in z1, that by one in z2, that by one with glue.
			w := start(rootServer(), tldServer("z0 NS ns.z1\nz1 NS ns.z2\nz2 NS ns.z3\nz3 NS ns.z3\nns.z3 A 127.0.0.4"),
				resolvertest.Server{Addr: ns1, Zones: []resolvertest.Zone{
					{Origin: "z3.test", Records: "ns A 127.0.0.4"},
					{Origin: "z2.test", Records: "ns A 127.0.0.4"},
					{Origin: "z1.test", Records: "ns A 127.0.0.4"},
					{Origin: "z0.test", Records: "www A 203.0.113.7"},
				}})
			_, err := newResolver(w, withLimits(resolver.Limits{Depth: depth})).Lookup(ctx, "www.z0.test", dns.TypeA)
			Expect(err).To(matchError)
		},
		Entry("one too deep", 1, MatchError(resolver.ErrLimit)),
		Entry("as deep as allowed", 2, Not(HaveOccurred())),
		Entry("less deep", 3, Not(HaveOccurred())),
	)

	It("that never end are cut off by the number of referrals", func(ctx SpecContext) {
		name := strings.Repeat("a.", 30) + "test"
		w := start(rootServer(), resolvertest.Server{Addr: tldAddr, Handler: endlessReferral()})
		_, err := newResolver(w, withLimits(resolver.Limits{Delegations: 5})).Lookup(ctx, name, dns.TypeA)
		Expect(err).To(MatchError(resolver.ErrLimit))
		Expect(w.Queries()).To(HaveLen(6))
	})

	DescribeTable("are cut off by the number of queries",
		func(ctx SpecContext, queries int, matchError OmegaMatcher) {
			w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "www A 203.0.113.7"))
			_, err := newResolver(w, withLimits(resolver.Limits{Queries: queries})).Lookup(ctx, "www.example.test", dns.TypeA)
			Expect(err).To(matchError)
			Expect(len(w.Queries())).To(BeNumerically("<=", queries))
		},
		Entry("one too few", 2, MatchError(resolver.ErrLimit)),
		Entry("just enough", 3, Not(HaveOccurred())),
		Entry("one to spare", 4, Not(HaveOccurred())),
	)

	It("to refused addresses are never contacted", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "www A 203.0.113.7"))
		r := newResolver(w, func(o *resolver.Options) {
			o.Allowed = func(a netip.Addr) error {
				if a == netip.MustParseAddr(ns1) {
					return errors.New("reserved")
				}
				return nil
			}
		})
		_, err := r.Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).To(MatchError(resolver.ErrRefusedAddress))
		Expect(w.Queries()).NotTo(ContainElement(HavePrefix(ns1)))
	})
})

// endlessReferral refers every question one label further down, to itself.
func endlessReferral() dns.HandlerFunc {
	var asked atomic.Int32
	tb := GinkgoTB()
	return func(w dns.ResponseWriter, q *dns.Msg) {
		depth := int(asked.Add(1)) + 1
		labels := dns.SplitDomainName(q.Question[0].Name)
		zone := strings.Join(labels[len(labels)-depth:], ".") + "."
		m := resolvertest.Reply(q)
		m.Authoritative = false
		m.Ns = []dns.RR{resolvertest.RR(tb, zone+" NS ns."+zone)}
		m.Extra = []dns.RR{resolvertest.RR(tb, "ns."+zone+" A "+tldAddr)}
		_ = w.WriteMsg(m)
	}
}

var _ = Describe("Bad input", func() {
	DescribeTable("is refused by New",
		func(change func(*resolver.Options), text string) {
			o := resolver.Options{Network: &net.Dialer{}, Clock: tick(), Roots: resolver.RealRoots()}
			change(&o)
			_, err := resolver.New(o)
			Expect(err).To(MatchError(ContainSubstring(text)))
		},
		Entry("no network", func(o *resolver.Options) { o.Network = nil }, "Network and Clock are required"),
		Entry("no clock", func(o *resolver.Options) { o.Clock = nil }, "Network and Clock are required"),
		Entry("no roots", func(o *resolver.Options) { o.Roots = nil }, "no root hints"),
		Entry("root without address", func(o *resolver.Options) { o.Roots = []resolver.Root{{Name: "a"}} }, `root "a": no address`),
		Entry("root without port", func(o *resolver.Options) {
			o.Roots = []resolver.Root{{Name: "a", Addrs: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), 0)}}}
		}, "expected an IP address and a port"),
		Entry("negative limit", func(o *resolver.Options) { o.Limits.Tries = -1 }, "limit Tries: found -1"),
		Entry("negative timeout", func(o *resolver.Options) { o.Limits.Timeout = -1 }, "limit Timeout"),
	)

	DescribeTable("is refused by Lookup without a query",
		func(ctx SpecContext, name string) {
			w := start(rootServer())
			_, err := newResolver(w).Lookup(ctx, name, dns.TypeA)
			Expect(err).To(MatchError(resolver.ErrName))
			Expect(w.Queries()).To(BeEmpty())
		},
		Entry("empty name", ""),
		Entry("empty label", "a..test"),
		Entry("label of 64 octets", strings.Repeat("a", 64)+".test"),
		Entry("name of more than 255 octets", strings.Repeat("abcdefg.", 33)+"test"),
	)

	It("does not occur in the public root hints", func() {
		roots := resolver.RealRoots()
		Expect(roots).To(HaveLen(13))
		for _, r := range roots {
			Expect(r.Addrs).To(HaveLen(2))
			Expect(r.Addrs[0].Addr().Is4()).To(BeTrue())
			Expect(r.Addrs[1].Addr().Is6()).To(BeTrue())
		}
	})
})

package resolver_test

import (
	"bytes"
	"net"
	"strings"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
)

var _ = Describe("QNAME minimisation (RFC 9156)", func() {
	tb := GinkgoTB
	fullNames := func(o *resolver.Options) { o.FullNames = true }

	It("shows servers above the zone only the labels that they must know", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "a.b.c A 203.0.113.7"))
		a, err := newResolver(w).Lookup(ctx, "a.b.c.example.test", dns.TypeTXT)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Rcode).To(Equal(dns.RcodeSuccess))
		Expect(w.Queries()).To(Equal([]string{
			rootAddr + " udp test. A", tldAddr + " udp example.test. A",
			ns1 + " udp c.example.test. A", ns1 + " udp b.c.example.test. A", ns1 + " udp a.b.c.example.test. TXT",
		}))
	})

	It("can be turned off", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "a.b.c A 203.0.113.7"))
		_, err := newResolver(w, fullNames).Lookup(ctx, "a.b.c.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(w.Queries()).To(HaveExactElements(HaveSuffix(" a.b.c.example.test. A"), HaveSuffix(" a.b.c.example.test. A"), HaveSuffix(" a.b.c.example.test. A")))
	})

	DescribeTable("costs no query for a name one label below its zone",
		func(ctx SpecContext, name string, qtypes []uint16, want int) {
			w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "@ A 203.0.113.7\n@ AAAA 2001:db8::7\nwww A 203.0.113.7\n_acme-challenge TXT x"))
			s := newResolver(w).NewSession()
			for _, qtype := range qtypes {
				_, err := s.Lookup(ctx, name, qtype)
				Expect(err).NotTo(HaveOccurred())
			}
			Expect(w.Queries()).To(HaveLen(want))
		},
		Entry("A and AAAA of the domain", "example.test", []uint16{dns.TypeAAAA, dns.TypeA}, 4),
		Entry("CAA of the domain", "example.test", []uint16{dns.TypeCAA}, 3),
		Entry("A and AAAA of a host", "www.example.test", []uint16{dns.TypeAAAA, dns.TypeA}, 4),
		Entry("TXT of a challenge", "_acme-challenge.example.test", []uint16{dns.TypeTXT}, 3),
		Entry("a name that does not exist", "nope.example.test", []uint16{dns.TypeA}, 3),
	)

	It("asks about a shortened name once in a session", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "a.b A 203.0.113.7"))
		s := newResolver(w).NewSession()
		for range 3 {
			_, err := s.Lookup(ctx, "a.b.example.test", dns.TypeA)
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(strings.Count(strings.Join(w.Queries(), "\n"), " b.example.test. A")).To(Equal(1))
	})

	It("does not ask about a label that begins with an underscore by itself", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "a._x._y A 203.0.113.7"))
		_, err := newResolver(w).Lookup(ctx, "a._x._y.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(w.Queries()).To(HaveLen(3))
	})

	DescribeTable("asks in full if a server",
		func(ctx SpecContext, other func(w dns.ResponseWriter, q *dns.Msg)) {
			full := resolvertest.RR(tb(), "a.b.example.test. A 203.0.113.7")
			w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
				if dns.CanonicalName(q.Question[0].Name) != full.Header().Name {
					other(w, q)
					return
				}
				m := resolvertest.Reply(q)
				m.Answer = []dns.RR{full}
				_ = w.WriteMsg(m)
			}})
			a, err := newResolver(w).Lookup(ctx, "a.b.example.test", dns.TypeA)
			Expect(err).NotTo(HaveOccurred())
			Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
			Expect(w.Queries()).To(HaveLen(4))
		},
		Entry("denies empty non-terminals", func(w dns.ResponseWriter, q *dns.Msg) { rcode(dns.RcodeNameError)(w, q) }),
		Entry("refuses shortened names", func(w dns.ResponseWriter, q *dns.Msg) { rcode(dns.RcodeRefused)(w, q) }),
		Entry("fails at shortened names", func(w dns.ResponseWriter, q *dns.Msg) { rcode(dns.RcodeServerFailure)(w, q) }),
		Entry("has an alias at the shortened name", func(w dns.ResponseWriter, q *dns.Msg) {
			m := resolvertest.Reply(q)
			m.Answer = []dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeCNAME, Class: 1, Ttl: 60}, Target: "c.example.test."}}
			_ = w.WriteMsg(m)
		}),
	)

	It("asks in full if the servers are silent to shortened names, and from then on", func(ctx SpecContext) {
		full := resolvertest.RR(tb(), "a.b.example.test. A 203.0.113.7")
		handler := func(w dns.ResponseWriter, q *dns.Msg) {
			if dns.CanonicalName(q.Question[0].Name) == full.Header().Name {
				m := resolvertest.Reply(q)
				m.Answer = []dns.RR{full}
				_ = w.WriteMsg(m)
			}
		}
		w := start(rootServer(), tldServer(twoServers), resolvertest.Server{Addr: ns1, Handler: handler}, resolvertest.Server{Addr: ns2, Handler: handler})
		s := newResolver(w).NewSession()
		for range 2 {
			a, err := s.Lookup(ctx, "a.b.example.test", dns.TypeA)
			Expect(err).NotTo(HaveOccurred())
			Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
		}
		Expect(w.Queries()[2:]).To(Equal([]string{
			ns1 + " udp b.example.test. A", ns2 + " udp b.example.test. A",
			ns1 + " udp a.b.example.test. A", ns1 + " udp a.b.example.test. A",
		}))
	})

	It("asks a server that is silent to everything as often as without shortened names", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: silent})
		_, err := newResolver(w).Lookup(ctx, "a.b.example.test", dns.TypeA)
		Expect(err).To(MatchError(resolver.ErrTimeout))
		Expect(w.Queries()[2:]).To(Equal([]string{ns1 + " udp b.example.test. A", ns1 + " udp a.b.example.test. A"}))
	})

	It("asks at most ten times about one name", func(ctx SpecContext) {
		name := strings.Repeat("a.", 60) + "example.test"
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, strings.Repeat("a.", 59)+"a A 203.0.113.7"))
		_, err := newResolver(w).Lookup(ctx, name, dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(len(w.Queries())).To(BeNumerically("<=", 2+10+1))
	})
})

var _ = Describe("The case of questions (0x20)", func() {
	tb := GinkgoTB

	It("is random, drawn from the source given, and echoed by the server", func(ctx SpecContext) {
		asked := make(chan string, 2)
		w := start(resolvertest.Server{Addr: rootAddr, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
			asked <- q.Question[0].Name
			_ = w.WriteMsg(resolvertest.Reply(q))
		}})
		for range 2 {
			r := newResolver(w, func(o *resolver.Options) {
				o.FullNames, o.Rand = true, strings.NewReader("\x12\x34\x55\x01")
			})
			a, err := r.Lookup(ctx, "Wide.Test-1.b", dns.TypeA)
			Expect(err).NotTo(HaveOccurred())
			Expect(a.Trace[0].Query).To(Equal("wide.test-1.b A"), "evidence does not depend on chance")
		}
		for range 2 {
			Expect(asked).To(Receive(Equal("WiDe.TeSt-1.B.")))
		}
	})

	It("does not show in the answer", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "www A 203.0.113.7"))
		r := newResolver(w, func(o *resolver.Options) { o.Rand = strings.NewReader(strings.Repeat("\xff", 100)) })
		a, err := r.Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Records[0].Header().Name).To(Equal("www.example.test."))
	})

	// folding answers over UDP in lower case, as some servers do.
	folding := func(tcp bool) resolvertest.Server {
		return resolvertest.Server{Addr: ns1, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
			m := resolvertest.Reply(q)
			m.Question[0].Name = dns.CanonicalName(m.Question[0].Name)
			m.Answer = []dns.RR{resolvertest.RR(tb(), "www.example.test. A 203.0.113.7")}
			if w.LocalAddr().Network() == "tcp" && !tcp {
				_ = w.Close()
				return
			}
			_ = w.WriteMsg(m)
		}}
	}
	upper := func(o *resolver.Options) { o.Rand = repeating{0xff} }

	It("that a server does not echo makes the resolver ask it over TCP", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), folding(true))
		s := newResolver(w, upper).NewSession()
		for range 2 {
			a, err := s.Lookup(ctx, "www.example.test", dns.TypeA)
			Expect(err).NotTo(HaveOccurred())
			Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
		}
		Expect(w.Queries()[2:]).To(HaveExactElements(HavePrefix(ns1+" udp"), HavePrefix(ns1+" tcp"), HavePrefix(ns1+" tcp")))
	})

	It("is given up for a server that does not echo it and has no TCP", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), folding(false))
		a, err := newResolver(w, upper).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
		Expect(w.Queries()[2:]).To(HaveExactElements(HavePrefix(ns1+" udp"), HavePrefix(ns1+" tcp"), HavePrefix(ns1+" udp")))
	})

	It("exposes a forger who guessed the ID but not the case", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
			m := resolvertest.Reply(q)
			m.Answer = []dns.RR{resolvertest.RR(tb(), "www.example.test. A 203.0.113.7")}
			if w.LocalAddr().Network() == "udp" {
				forged := m.Copy()
				forged.Question[0].Name = strings.ToLower(q.Question[0].Name)
				forged.Answer = []dns.RR{resolvertest.RR(tb(), "www.example.test. A 192.0.2.66")}
				_ = w.WriteMsg(forged)
			}
			_ = w.WriteMsg(m)
		}})
		a, err := newResolver(w, upper).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
	})
})

// repeating is a source of one byte.
type repeating struct{ b byte }

func (r repeating) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte{r.b}, len(p))), nil
}

var _ = Describe("DNAME (RFC 6672)", func() {
	It("redirects what lies below it, unsigned zones included", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer),
			resolvertest.Server{Addr: ns1, Handler: says(true, []string{"old.example.test. DNAME new.elsewhere."}, nil, nil)},
			resolvertest.Server{Addr: other, Zones: []resolvertest.Zone{{Origin: "elsewhere.", Records: "a.b.new A 203.0.113.9"}}})
		a, err := newResolver(w).Lookup(ctx, "a.b.old.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.CNAMEs).To(Equal([]string{"a.b.new.elsewhere."}))
		Expect(data(a)).To(Equal([]string{"203.0.113.9"}))
	})

	It("does not trust a CNAME record that contradicts it", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer),
			resolvertest.Server{Addr: ns1, Handler: says(true, []string{"old.example.test. DNAME new.elsewhere.", "a.old.example.test. CNAME evil.elsewhere."}, nil, nil)},
			resolvertest.Server{Addr: other, Zones: []resolvertest.Zone{{Origin: "elsewhere.", Records: "a.new A 203.0.113.9\nevil A 192.0.2.66"}}})
		a, err := newResolver(w).Lookup(ctx, "a.old.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.9"}))
	})

	It("of a zone is not taken from a server of another", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer),
			resolvertest.Server{Addr: ns1, Handler: says(true, []string{"test. DNAME elsewhere."}, nil, nil)})
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.CNAMEs).To(BeEmpty())
	})

	It("that makes a name too long is an error", func(ctx SpecContext) {
		long := strings.Repeat(strings.Repeat("x", 60)+".", 3)
		w := start(rootServer(), tldServer(oneServer),
			resolvertest.Server{Addr: ns1, Handler: says(true, []string{"old.example.test. DNAME " + long + "elsewhere."}, nil, nil)})
		_, err := newResolver(w).Lookup(ctx, strings.Repeat(strings.Repeat("y", 30)+".", 2)+"old.example.test", dns.TypeA)
		Expect(err).To(MatchError(ContainSubstring("more than 255 octets")))
	})
})

var _ = Describe("Trust anchors", func() {
	DescribeTable("that cannot be used are refused by New",
		func(anchor, text string) {
			_, err := resolver.New(resolver.Options{Network: &net.Dialer{}, Clock: tick(), Roots: resolver.RealRoots(), TrustAnchors: []string{anchor}})
			Expect(err).To(MatchError(And(ContainSubstring("trust anchor"), ContainSubstring(text))))
		},
		Entry("no record", "20326", "trust anchor"),
		Entry("nothing", "", "expected a DS or DNSKEY record"),
		Entry("another type", ". IN A 192.0.2.1", "expected a DS or DNSKEY record"),
		Entry("SHA-1 signatures", ". IN DS 1 5 2 "+strings.Repeat("00", 32), "found algorithm 5"),
		Entry("SHA-1 digest", ". IN DS 1 8 1 "+strings.Repeat("00", 20), "found digest type 1"),
		Entry("a key that signs no zone", ". IN DNSKEY 0 3 13 AAAA", "expected a zone key"),
		Entry("a key that is none", ". IN DNSKEY 257 3 13 AAAA", "P-256 key of 3 octets"),
		Entry("a key with an exponent of 72 bits", ". IN DNSKEY 257 3 8 CQEAAAAAAAAAAf"+strings.Repeat("//", 42)+"8=", "unsupported key"),
		Entry("a revoked key", ". IN DNSKEY 385 3 13 AAAA", "expected a zone key"),
	)

	It("of the public DNS are the two that IANA publishes", func() {
		_, err := resolver.New(resolver.Options{Network: &net.Dialer{}, Clock: tick(), Roots: resolver.RealRoots(), TrustAnchors: resolver.RootAnchors()})
		Expect(err).NotTo(HaveOccurred())
		Expect(resolver.RootAnchors()).To(HaveExactElements(HavePrefix(". IN DS 20326 8 2 E06D44B8"), HavePrefix(". IN DS 38696 8 2 683D2D0A")))
	})
})

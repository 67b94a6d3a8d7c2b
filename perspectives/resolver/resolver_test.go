package resolver_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
)

// The name servers of all specs. Root and TLD are always the first two.
const (
	rootAddr = "127.0.0.2"
	tldAddr  = "127.0.0.3"
	ns1      = "127.0.0.4"
	ns2      = "127.0.0.5"
	other    = "127.0.0.6"
)

func rootServer() resolvertest.Server {
	return resolvertest.Server{Addr: rootAddr, Zones: []resolvertest.Zone{{Origin: ".", Records: `
test.          NS  a.nic.test.
a.nic.test.    A   127.0.0.3
elsewhere.     NS  a.nic.elsewhere.
a.nic.elsewhere. A 127.0.0.6`}}}
}

func tldServer(delegations string) resolvertest.Server {
	return resolvertest.Server{Addr: tldAddr, Zones: []resolvertest.Zone{{Origin: "test.", Records: delegations}}}
}

const oneServer = `
example      NS  ns1.example
ns1.example  A   127.0.0.4`

const twoServers = oneServer + `
example      NS  ns2.example
ns2.example  A   127.0.0.5`

func zoneServer(addr, records string) resolvertest.Server {
	return resolvertest.Server{Addr: addr, Zones: []resolvertest.Zone{{Origin: "example.test.", Records: records}}}
}

// tick is a clock that advances by one second with every reading.
func tick() func() time.Time {
	now := time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func newResolver(w *resolvertest.World, change ...func(*resolver.Options)) *resolver.Resolver {
	GinkgoHelper()
	o := resolver.Options{
		Network: &net.Dialer{},
		Clock:   tick(),
		Roots:   w.Roots(rootAddr),
		Port:    w.Port,
		Limits:  resolver.Limits{Timeout: 150 * time.Millisecond},
	}
	for _, f := range change {
		f(&o)
	}
	r, err := resolver.New(o)
	Expect(err).NotTo(HaveOccurred())
	return r
}

func withLimits(l resolver.Limits) func(*resolver.Options) {
	return func(o *resolver.Options) {
		if l.Timeout == 0 {
			l.Timeout = o.Limits.Timeout
		}
		o.Limits = l
	}
}

// data returns the RDATA of each record.
func data(a *resolver.Answer) []string {
	var out []string
	for _, rr := range a.Records {
		out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return out
}

func start(servers ...resolvertest.Server) *resolvertest.World {
	GinkgoHelper()
	return resolvertest.Start(GinkgoTB(), servers...)
}

// silent never answers.
func silent(dns.ResponseWriter, *dns.Msg) {}

// rcode answers every question with code.
func rcode(code int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(q, code)) }
}

// says answers every question with the records given.
func says(authoritative bool, answer, authority, additional []string) dns.HandlerFunc {
	tb := GinkgoTB()
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := resolvertest.Reply(q)
		m.Authoritative = authoritative
		for _, s := range []struct {
			to   *[]dns.RR
			from []string
		}{{&m.Answer, answer}, {&m.Ns, authority}, {&m.Extra, additional}} {
			for _, text := range s.from {
				*s.to = append(*s.to, resolvertest.RR(tb, text))
			}
		}
		_ = w.WriteMsg(m)
	}
}

var _ = Describe("An iterative lookup", func() {
	It("follows referrals from the root to the zone and returns its records", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "www A 203.0.113.7"))
		a, err := newResolver(w).Lookup(ctx, "WWW.Example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
		Expect(a.Server).To(Equal(w.At(ns1)))
		Expect(a.Zone).To(Equal("example.test."))
		Expect(w.Queries()).To(Equal([]string{
			rootAddr + " udp test. A",
			tldAddr + " udp example.test. A",
			ns1 + " udp www.example.test. A",
		}))
	})

	It("keeps every exchange as evidence, stamped by the perspective's clock", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "www A 203.0.113.7"))
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Trace).To(HaveLen(3))
		last := a.Trace[2]
		Expect(last.Kind).To(Equal("dns"))
		Expect(last.Query).To(Equal("www.example.test A"))
		Expect(last.Server).To(Equal(w.At(ns1).String()))
		Expect(last.Status).To(Equal("NOERROR"))
		Expect(last.Answer).To(Equal([]string{"www.example.test. 300 IN A 203.0.113.7"}))
		Expect(last.Started).To(Equal(time.Date(2026, 12, 15, 0, 0, 5, 0, time.UTC)))
		Expect(last.Took).To(Equal(time.Second))
		Expect(a.Trace[0].Answer).To(ContainElement("a.nic.test. 300 IN A 127.0.0.3"))
	})

	It("asks again over TCP when the reply is truncated", func(ctx SpecContext) {
		long := strings.Repeat("x", 250)
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, strings.Repeat("big TXT "+long+"\n", 1)+
			"big TXT a"+long+"\nbig TXT b"+long+"\nbig TXT c"+long+"\nbig TXT d"+long+"\nbig TXT e"+long))
		a, err := newResolver(w).Lookup(ctx, "big.example.test", dns.TypeTXT)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Records).To(HaveLen(6))
		Expect(w.Queries()).To(HaveExactElements(HavePrefix(rootAddr), HavePrefix(tldAddr),
			HavePrefix(ns1+" udp"), HavePrefix(ns1+" tcp")))
	})

	It("finds the address of a name server that came without glue", func(ctx SpecContext) {
		w := start(rootServer(), tldServer("example NS ns.hoster.elsewhere."),
			resolvertest.Server{Addr: other, Zones: []resolvertest.Zone{{Origin: "elsewhere.", Records: "ns.hoster A 127.0.0.4"}}},
			zoneServer(ns1, "www A 203.0.113.7"))
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
		Expect(w.Queries()).To(ContainElement(other + " udp ns.hoster.elsewhere. A"))
	})

	It("remembers delegations within a session, and nothing in the next", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "www A 203.0.113.7\nwww AAAA 2001:db8::7"))
		r := newResolver(w)
		for range 2 {
			s := r.NewSession()
			for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
				_, err := s.Lookup(ctx, "www.example.test", qtype)
				Expect(err).NotTo(HaveOccurred())
			}
		}
		one := []any{HavePrefix(rootAddr), HavePrefix(tldAddr), HaveSuffix(" A"), HaveSuffix(" AAAA")}
		Expect(w.Queries()).To(HaveExactElements(append(one, one...)...))
	})

	It("drops EDNS for a server that does not know it", func(ctx SpecContext) {
		tb := GinkgoTB()
		w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
			m := resolvertest.Reply(q)
			if q.IsEdns0() != nil {
				m.Rcode = dns.RcodeFormatError
			} else {
				m.Answer = []dns.RR{resolvertest.RR(tb, "www.example.test. A 203.0.113.7")}
			}
			_ = w.WriteMsg(m)
		}})
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
	})

	It("skips datagrams that answer another question or carry another ID", func(ctx SpecContext) {
		tb := GinkgoTB()
		w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
			m := resolvertest.Reply(q)
			m.Answer = []dns.RR{resolvertest.RR(tb, "www.example.test. A 192.0.2.66")}
			asked := m.Question[0].Name
			m.Id++
			_ = w.WriteMsg(m)
			m.Id--
			m.Question[0].Name = "mail.example.test."
			_ = w.WriteMsg(m)
			m.Question[0].Name = asked
			m.Answer = []dns.RR{resolvertest.RR(tb, "www.example.test. A 203.0.113.7")}
			_ = w.WriteMsg(m)
		}})
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
	})

	It("draws message IDs from the source given", func(ctx SpecContext) {
		ids := make(chan uint16, 1)
		w := start(resolvertest.Server{Addr: rootAddr, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
			ids <- q.Id
			_ = w.WriteMsg(resolvertest.Reply(q))
		}})
		r := newResolver(w, func(o *resolver.Options) { o.Rand, o.PlainCase = strings.NewReader("\x12\x34"), true })
		_, err := r.Lookup(ctx, "test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(ids).To(Receive(Equal(uint16(0x1234))))
		_, err = r.Lookup(ctx, "test", dns.TypeA)
		Expect(err).To(MatchError(ContainSubstring("drawing a message ID")), "the source is exhausted")
	})
})

var _ = Describe("Aliases", func() {
	It("are followed across zones, and the chain is reported", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "www CNAME web\nweb CNAME host.cdn.elsewhere."),
			resolvertest.Server{Addr: other, Zones: []resolvertest.Zone{{Origin: "elsewhere.", Records: "host.cdn A 203.0.113.9"}}})
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.CNAMEs).To(Equal([]string{"web.example.test.", "host.cdn.elsewhere."}))
		Expect(data(a)).To(Equal([]string{"203.0.113.9"}))
		Expect(a.Server).To(Equal(w.At(other)))
	})

	It("to a name that does not exist are NXDOMAIN of the target", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "www CNAME gone"))
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Rcode).To(Equal(dns.RcodeNameError))
		Expect(a.CNAMEs).To(Equal([]string{"gone.example.test."}))
	})

	DescribeTable("that lead back to themselves end the lookup",
		func(ctx SpecContext, records string) {
			w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, records),
				resolvertest.Server{Addr: other, Zones: []resolvertest.Zone{{Origin: "elsewhere.", Records: "back CNAME www.example.test."}}})
			_, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
			Expect(err).To(MatchError(resolver.ErrLoop))
			Expect(len(w.Queries())).To(BeNumerically("<", 12))
		},
		Entry("at once", "www CNAME www"),
		Entry("within the zone", "www CNAME a\na CNAME b\nb CNAME www"),
		Entry("not at the first name", "www CNAME a\na CNAME b\nb CNAME a"),
		Entry("over another zone", "www CNAME back.elsewhere."),
	)

	DescribeTable("are followed up to the limit",
		func(ctx SpecContext, length int, matchError OmegaMatcher) {
			var zone strings.Builder
			for i := range length {
				fmt.Fprintf(&zone, "c%d CNAME c%d\n", i, i+1)
			}
			fmt.Fprintf(&zone, "c%d A 203.0.113.7\n", length)
			w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, zone.String()))
			_, err := newResolver(w, withLimits(resolver.Limits{CNAMEs: 4})).Lookup(ctx, "c0.example.test", dns.TypeA)
			Expect(err).To(matchError)
		},
		Entry("one below", 3, Not(HaveOccurred())),
		Entry("at it", 4, Not(HaveOccurred())),
		Entry("one above", 5, MatchError(resolver.ErrLimit)),
	)
})

var _ = Describe("A negative answer", func() {
	DescribeTable("is an answer, not an error",
		func(ctx SpecContext, name string, code int) {
			w := start(rootServer(), tldServer(oneServer), zoneServer(ns1, "www A 203.0.113.7\na.b A 203.0.113.8"))
			a, err := newResolver(w).Lookup(ctx, name, dns.TypeTXT)
			Expect(err).NotTo(HaveOccurred())
			Expect(a.Records).To(BeEmpty())
			Expect(a.Rcode).To(Equal(code))
		},
		Entry("NODATA at a name with other types", "www.example.test", dns.RcodeSuccess),
		Entry("NODATA at an empty non-terminal", "b.example.test", dns.RcodeSuccess),
		Entry("NXDOMAIN in the zone", "nope.example.test", dns.RcodeNameError),
		Entry("NXDOMAIN in the TLD", "nope.test", dns.RcodeNameError),
		Entry("NXDOMAIN in the root", "www.example.nope", dns.RcodeNameError),
	)

	It("needs no SOA if the server is authoritative (RFC 2308 2.2)", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: says(true, nil, nil, nil)})
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Records).To(BeEmpty())
	})
})

var _ = Describe("A server that is of no use", func() {
	DescribeTable("is passed over for the next one of the zone",
		func(ctx SpecContext, handler func() dns.HandlerFunc) {
			w := start(rootServer(), tldServer(twoServers), resolvertest.Server{Addr: ns1, Handler: handler()},
				zoneServer(ns2, "www A 203.0.113.7"))
			a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
			Expect(err).NotTo(HaveOccurred())
			Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
			Expect(a.Server).To(Equal(w.At(ns2)))
		},
		Entry("silent", func() dns.HandlerFunc { return silent }),
		Entry("REFUSED", func() dns.HandlerFunc { return rcode(dns.RcodeRefused) }),
		Entry("SERVFAIL", func() dns.HandlerFunc { return rcode(dns.RcodeServerFailure) }),
		Entry("recursive", func() dns.HandlerFunc {
			tb := GinkgoTB()
			return func(w dns.ResponseWriter, q *dns.Msg) {
				m := resolvertest.Reply(q)
				m.Authoritative, m.RecursionAvailable = false, true
				m.Answer = []dns.RR{resolvertest.RR(tb, "www.example.test. A 192.0.2.66")}
				_ = w.WriteMsg(m)
			}
		}),
		Entry("refers upwards", func() dns.HandlerFunc {
			return says(false, nil, []string{"test. NS a.nic.test."}, []string{"a.nic.test. A 127.0.0.3"})
		}),
		Entry("refers to its own zone", func() dns.HandlerFunc {
			return says(false, nil, []string{"example.test. NS ns1.example.test."}, nil)
		}),
		Entry("refers to a sibling", func() dns.HandlerFunc {
			return says(false, nil, []string{"mail.example.test. NS ns1.example.test."}, nil)
		}),
		Entry("contradictory aliases", func() dns.HandlerFunc {
			return says(true, []string{"www.example.test. CNAME a.example.test.", "www.example.test. CNAME b.example.test."}, nil, nil)
		}),
		Entry("answers for another name", func() dns.HandlerFunc {
			return says(false, []string{"example.test. A 192.0.2.66"}, nil, nil)
		}),
		Entry("garbage", func() dns.HandlerFunc {
			return func(w dns.ResponseWriter, q *dns.Msg) {
				_, _ = w.Write([]byte{byte(q.Id >> 8), byte(q.Id), 0x84, 0, 0, 1, 0, 9, 0, 0, 0, 0, 0xff, 0xff, 0xff})
			}
		}),
		Entry("truncated over TCP as well", func() dns.HandlerFunc {
			return func(w dns.ResponseWriter, q *dns.Msg) {
				m := resolvertest.Reply(q)
				m.Truncated = true
				_ = w.WriteMsg(m)
			}
		}),
	)

	It("is passed over if nothing listens at its address", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(twoServers), zoneServer(ns2, "www A 203.0.113.7"))
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Server).To(Equal(w.At(ns2)))
		Expect(a.Trace).To(ContainElement(HaveField("Answer", ContainElement(ContainSubstring("unreachable")))))
	})

	It("is asked last in the rest of the session once it was silent", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(twoServers), resolvertest.Server{Addr: ns1, Handler: silent},
			zoneServer(ns2, "www A 203.0.113.7"))
		s := newResolver(w).NewSession()
		for range 3 {
			_, err := s.Lookup(ctx, "www.example.test", dns.TypeA)
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(w.Queries()).To(ContainElement(HavePrefix(ns1)))
		Expect(w.Queries()[3:]).To(HaveExactElements(HavePrefix(ns2), HavePrefix(ns2), HavePrefix(ns2)))
	})

	It("is asked a second time after all others if it was silent", func(ctx SpecContext) {
		var asked atomic.Int32
		tb := GinkgoTB()
		w := start(rootServer(), tldServer(twoServers), resolvertest.Server{Addr: ns1, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
			if asked.Add(1) > 1 { // the first query is lost
				m := resolvertest.Reply(q)
				m.Answer = []dns.RR{resolvertest.RR(tb, "www.example.test. A 203.0.113.7")}
				_ = w.WriteMsg(m)
			}
		}}, resolvertest.Server{Addr: ns2, Handler: rcode(dns.RcodeRefused)})
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
		Expect(w.Queries()[2:]).To(HaveExactElements(HavePrefix(ns1), HavePrefix(ns2), HavePrefix(ns1)))
	})

	DescribeTable("says why, if there is no other",
		func(ctx SpecContext, handler dns.HandlerFunc, why error) {
			w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: handler})
			_, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeA)
			Expect(err).To(MatchError(why))
			Expect(err.Error()).To(And(HavePrefix("looking up www.example.test A: "), ContainSubstring(ns1)))
			Expect(len(resolver.TraceOf(err))).To(BeNumerically(">=", 3))
		},
		Entry("silent", dns.HandlerFunc(silent), resolver.ErrTimeout),
		Entry("SERVFAIL", rcode(dns.RcodeServerFailure), resolver.ErrServerFailure),
		Entry("REFUSED", rcode(dns.RcodeRefused), resolver.ErrServerFailure),
		Entry("YXDOMAIN", rcode(dns.RcodeYXDomain), resolver.ErrServerFailure),
	)

	It("never turns into a negative answer when the context ends", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: silent})
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := newResolver(w, withLimits(resolver.Limits{Timeout: time.Minute})).Lookup(short, "www.example.test", dns.TypeA)
		Expect(err).To(And(MatchError(resolver.ErrTimeout), MatchError(context.DeadlineExceeded)))

		cancelled, cancelNow := context.WithCancel(ctx)
		time.AfterFunc(50*time.Millisecond, cancelNow)
		_, err = newResolver(w, withLimits(resolver.Limits{Timeout: time.Minute})).Lookup(cancelled, "www.example.test", dns.TypeA)
		Expect(err).To(MatchError(context.Canceled))
	})
})

package caa_test

import (
	"net"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"mpicsim/perspectives"
	"mpicsim/perspectives/caa"
	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
)

// Absence of records is permission: what servers say without records is judged here
// by what becomes of the check.
var _ = Describe("The CAA records of a zone that forbid", func() {
	const first, second, third = "127.0.0.3", "127.0.0.4", "127.0.0.5"
	says := func(fill func(m *dns.Msg)) dns.HandlerFunc {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			m := resolvertest.Reply(q)
			fill(m)
			_ = w.WriteMsg(m)
		}
	}
	record := func(m *dns.Msg, owner string) {
		rr, err := dns.NewRR(owner + ` 300 CAA 0 issue "other.example"`)
		if err != nil {
			panic(err)
		}
		m.Answer = []dns.RR{rr}
	}
	authority := func(m *dns.Msg, text string) {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m.Ns = []dns.RR{rr}
	}
	forbids := says(func(m *dns.Msg) { record(m, "shop.test.") })
	broken := map[string]dns.HandlerFunc{
		"says nothing at all":       says(func(*dns.Msg) {}),
		"says NXDOMAIN without SOA": says(func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }),
		"refers upwards":            says(func(m *dns.Msg) { authority(m, ". 300 NS a.root-servers.test.") }),
		"speaks for another zone":   says(func(m *dns.Msg) { authority(m, "test. 300 SOA a. b. 1 2 3 4 5") }),
		"denies without AA": says(func(m *dns.Msg) {
			m.Authoritative = false
			authority(m, "shop.test. 300 SOA a. b. 1 2 3 4 5")
		}),
		"is recursive": says(func(m *dns.Msg) {
			m.Authoritative, m.RecursionAvailable = false, true
			authority(m, "shop.test. 300 SOA a. b. 1 2 3 4 5")
		}),
		"truncates": says(func(m *dns.Msg) { m.Truncated = true }),
		"answers another question": says(func(m *dns.Msg) {
			record(m, "mail.shop.test.")
		}),
		"fails": says(func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }),
	}
	check := func(ctx SpecContext, handlers ...dns.HandlerFunc) perspectives.Outcome {
		GinkgoHelper()
		w := resolvertest.Start(GinkgoTB(),
			resolvertest.Server{Addr: rootAddr, Zones: []resolvertest.Zone{{Origin: ".", Records: `
shop.test.      NS  ns1.shop.test.
shop.test.      NS  ns2.shop.test.
shop.test.      NS  ns3.shop.test.
ns1.shop.test.  A   127.0.0.3
ns2.shop.test.  A   127.0.0.4
ns3.shop.test.  A   127.0.0.5`}}},
			resolvertest.Server{Addr: first, Handler: handlers[0]},
			resolvertest.Server{Addr: second, Handler: handlers[1]},
			resolvertest.Server{Addr: third, Handler: handlers[2]})
		r, err := resolver.New(resolver.Options{
			Network: &net.Dialer{}, Clock: func() time.Time { return time.Time{} }, Roots: w.Roots(rootAddr), Port: w.Port,
			Limits: resolver.Limits{Timeout: 500 * time.Millisecond},
		})
		Expect(err).NotTo(HaveOccurred())
		k := caa.Checker{Retry: func() caa.Resolver { return r.NewSession() }}
		return k.Check(ctx, r.NewSession(), perspectives.Check{
			Domain: "shop.test", IssuerDomains: []string{"ca.example"}, CAA: perspectives.CAAParameters{AllowLookupFailure: true},
		})
	}
	for text, bad := range broken {
		It("are found although the first of three servers "+text, func(ctx SpecContext) {
			Expect(check(ctx, bad, forbids, forbids)).To(be(perspectives.Fail, caa.ReasonNotAuthorized, "shop.test"))
		})
		It("are found although two of three servers do: one "+text, func(ctx SpecContext) {
			Expect(check(ctx, bad, bad, forbids)).To(be(perspectives.Fail, caa.ReasonNotAuthorized, "shop.test"))
		})
	}

	DescribeTable("are known of though no proper answer came",
		func(ctx SpecContext, handler dns.HandlerFunc, match types.GomegaMatcher) {
			o := check(ctx, handler, handler, handler)
			Expect(o).To(match)
			Expect(o.LookupFailure).To(BeNil(), "nothing to be excused")
		},
		Entry("without AA", says(func(m *dns.Msg) {
			m.Authoritative = false
			record(m, "shop.test.")
		}), be(perspectives.Fail, caa.ReasonNotAuthorized, "shop.test")),
		Entry("from recursive servers", says(func(m *dns.Msg) {
			m.Authoritative, m.RecursionAvailable = false, true
			record(m, "shop.test.")
		}), be(perspectives.Fail, caa.ReasonNotAuthorized, "shop.test")),
		Entry("with SERVFAIL", says(func(m *dns.Msg) {
			m.Rcode = dns.RcodeServerFailure
			record(m, "shop.test.")
		}), be(perspectives.Error, caa.ReasonLookupFailed, "SERVFAIL")),
		Entry("truncated everywhere", says(func(m *dns.Msg) { m.Truncated = true }), be(perspectives.Error, caa.ReasonLookupFailed, "truncated")),
	)
})

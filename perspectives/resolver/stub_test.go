package resolver_test

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
)

// recursive is a resolver that says what it is told: the reply to each question,
// and whether it sets AD for the root.
func recursive(validates bool, fill func(q, m *dns.Msg)) resolvertest.Server {
	return resolvertest.Server{Addr: rootAddr, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable = true
		m.SetEdns0(1232, true)
		if q.Question[0].Name == "." {
			m.AuthenticatedData = validates
		} else {
			fill(q, m)
		}
		_ = w.WriteMsg(m)
	}}
}

// elsewhere leads every address to the one server there is.
type elsewhere struct{ to netip.AddrPort }

func (e elsewhere) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, e.to.String())
}

func newStub(w *resolvertest.World, change ...func(*resolver.StubOptions)) *resolver.Stub {
	GinkgoHelper()
	o := resolver.StubOptions{
		Network: elsewhere{w.At(rootAddr)}, Clock: tick(), Server: netip.MustParseAddrPort("127.0.0.1:53"),
		Limits: resolver.Limits{Timeout: 150 * time.Millisecond},
	}
	for _, f := range change {
		f(&o)
	}
	s, err := resolver.NewStub(o)
	Expect(err).NotTo(HaveOccurred())
	return s
}

var _ = Describe("A stub of a co-located validating resolver", func() {
	tb := GinkgoTB
	positive := func(ad bool) func(q, m *dns.Msg) {
		rr := resolvertest.RR(tb(), "www.example.test. A 203.0.113.7")
		return func(_, m *dns.Msg) { m.Answer, m.AuthenticatedData = []dns.RR{rr}, ad }
	}
	far := func(o *resolver.StubOptions) { o.Server = netip.MustParseAddrPort("192.0.2.53:53") }
	authenticated := func(o *resolver.StubOptions) { o.Authenticated = true }

	DescribeTable("trusts the AD flag over the loopback or an authenticated channel only",
		func(ctx SpecContext, ad, validates bool, status resolver.Status, reason string, change ...func(*resolver.StubOptions)) {
			w := start(recursive(validates, positive(ad)))
			a, err := newStub(w, change...).Lookup(ctx, "www.example.test", dns.TypeA)
			Expect(err).NotTo(HaveOccurred())
			Expect(data(a)).To(Equal([]string{"203.0.113.7"}))
			Expect(a.Status).To(Equal(status))
			Expect(a.Reason).To(ContainSubstring(reason))
		},
		Entry("loopback, AD", true, true, resolver.Secure, ""),
		Entry("loopback, no AD from a resolver that validates", false, true, resolver.Insecure, "does not vouch for the answer"),
		Entry("loopback, no AD from a resolver that does not validate", false, false, resolver.Indeterminate, "does not validate"),
		Entry("far away, AD", true, true, resolver.Indeterminate, "authenticated channel", far),
		Entry("far away, no AD", false, true, resolver.Indeterminate, "authenticated channel", far),
		Entry("far away over an authenticated channel, AD", true, true, resolver.Secure, "", far, authenticated),
		Entry("far away over an authenticated channel, no AD", false, true, resolver.Insecure, "", far, authenticated),
	)

	It("asks for recursion, for signatures and for the resolver's word", func(ctx SpecContext) {
		asked := make(chan *dns.Msg, 1)
		w := start(recursive(true, func(q, m *dns.Msg) {
			asked <- q
			positive(true)(q, m)
		}))
		_, err := newStub(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		var q *dns.Msg
		Expect(asked).To(Receive(&q))
		Expect(q.RecursionDesired).To(BeTrue())
		Expect(q.AuthenticatedData).To(BeTrue())
		Expect(q.CheckingDisabled).To(BeFalse())
		Expect(q.IsEdns0().Do()).To(BeTrue())
	})

	It("follows the aliases in the answer, to a name that does not exist, too", func(ctx SpecContext) {
		w := start(recursive(true, func(_, m *dns.Msg) {
			m.AuthenticatedData, m.Rcode = true, dns.RcodeNameError
			m.Answer = []dns.RR{
				resolvertest.RR(tb(), "www.example.test. CNAME a.example.test."),
				resolvertest.RR(tb(), "example.test. DNAME elsewhere."),
			}
		}))
		a, err := newStub(w).Lookup(ctx, "mail.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.CNAMEs).To(Equal([]string{"mail.elsewhere."}))
		Expect(a.Rcode).To(Equal(dns.RcodeNameError))
		Expect(a.Status).To(Equal(resolver.Secure))
	})

	DescribeTable("reads why the resolver refuses",
		func(ctx SpecContext, code int, why error, verdict string) {
			w := start(recursive(true, func(_, m *dns.Msg) {
				m.Rcode = dns.RcodeServerFailure
				if code >= 0 {
					m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: uint16(code), ExtraText: "so"}}
				}
			}))
			a, err := newStub(w).Lookup(ctx, "www.example.test", dns.TypeA)
			Expect(err).To(MatchError(why))
			Expect(seen(a, err)).To(Equal(verdict))
		},
		Entry("bogus", 6, resolver.ErrBogus, "bogus 6"),
		Entry("expired", 7, resolver.ErrBogus, "bogus 7"),
		Entry("no denial", 12, resolver.ErrBogus, "bogus 12"),
		Entry("no authority reachable", 22, resolver.ErrServerFailure, "indeterminate failure"),
		Entry("no reason given", -1, resolver.ErrServerFailure, "indeterminate failure"),
	)

	It("asks once more if the resolver is silent, and then says so", func(ctx SpecContext) {
		w := start(resolvertest.Server{Addr: rootAddr, Handler: silent})
		_, err := newStub(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).To(MatchError(resolver.ErrTimeout))
		Expect(w.Queries()).To(HaveLen(2))
	})

	It("does not take a server that is not recursive for one", func(ctx SpecContext) {
		w := start(resolvertest.Server{Addr: rootAddr, Handler: says(true, []string{"www.example.test. A 203.0.113.7"}, nil, nil)})
		_, err := newStub(w).Lookup(ctx, "www.example.test", dns.TypeA)
		Expect(err).To(MatchError(resolver.ErrLame))
	})

	It("refuses to be made without a server", func() {
		_, err := resolver.NewStub(resolver.StubOptions{Network: &net.Dialer{}, Clock: tick()})
		Expect(err).To(MatchError(ContainSubstring("expected an IP address and a port")))
	})
})

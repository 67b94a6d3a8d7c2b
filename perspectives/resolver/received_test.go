package resolver_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
)

// udpOnly is a network whose name servers refuse TCP.
type udpOnly struct{}

func (udpOnly) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "tcp" {
		return nil, errors.New("connection refused")
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// A caller that may take a failure for permission must know what came all the same.
var _ = Describe("A lookup that fails", func() {
	const prohibition = `www.example.test. 300 CAA 0 issue "other.example"`
	withRecords := func(change func(m *dns.Msg)) dns.HandlerFunc {
		return replying(func(m *dns.Msg) {
			m.Answer = rrs(prohibition)
			change(m)
		})
	}
	// raw sends the reply as change makes it.
	raw := func(change func(wire []byte) []byte) dns.HandlerFunc {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			m := resolvertest.Reply(q)
			m.Answer = rrs(prohibition)
			wire, err := m.Pack()
			if err == nil {
				_, _ = w.Write(change(wire))
			}
		}
	}

	DescribeTable("says that records were received which were of no use:",
		func(ctx SpecContext, received bool, handler func() dns.HandlerFunc) {
			w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: handler()})
			_, err := newResolver(w, func(o *resolver.Options) { o.Network = udpOnly{} }).Lookup(ctx, "www.example.test", dns.TypeCAA)
			e, ok := errors.AsType[*resolver.Error](err)
			Expect(ok).To(BeTrue(), "%v", err)
			Expect(e.Received).To(Equal(received))
		},
		Entry("none came", false, func() dns.HandlerFunc { return rcode(dns.RcodeServerFailure) }),
		Entry("nothing came", false, func() dns.HandlerFunc { return silent }),
		Entry("in a reply without question", true, func() dns.HandlerFunc {
			return withRecords(func(m *dns.Msg) { m.Question = nil })
		}),
		Entry("in a reply with another question", true, func() dns.HandlerFunc {
			return withRecords(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY })
		}),
		Entry("in a message that does not say that it is a reply", true, func() dns.HandlerFunc {
			return withRecords(func(m *dns.Msg) { m.Response = false })
		}),
		Entry("in a reply of another kind", true, func() dns.HandlerFunc {
			return withRecords(func(m *dns.Msg) { m.Opcode = dns.OpcodeStatus })
		}),
		Entry("with a code that says that there are none", true, func() dns.HandlerFunc {
			return withRecords(func(m *dns.Msg) { m.Rcode = dns.RcodeRefused })
		}),
		Entry("before an authority section that cannot be read", true, func() dns.HandlerFunc {
			return raw(func(wire []byte) []byte {
				wire[9]++
				return wire
			})
		}),
		Entry("in the authority section", true, func() dns.HandlerFunc {
			return replying(func(m *dns.Msg) { m.Ns = rrs(prohibition) })
		}),
		Entry("under another name", true, func() dns.HandlerFunc {
			return replying(func(m *dns.Msg) {
				m.Answer = rrs(`*.example.test. 300 CAA 0 issue "other.example"`)
				m.Ns = rrs(soaOfZone)
			})
		}),
		Entry("perhaps, in a reply of which a part came before the server fell silent", true, func() dns.HandlerFunc {
			var n atomic.Int32
			return func(w dns.ResponseWriter, q *dns.Msg) {
				if n.Add(1) > 1 {
					return
				}
				m := resolvertest.Reply(q)
				m.Question[0].Name, m.Truncated = strings.ToLower(q.Question[0].Name), true
				_ = w.WriteMsg(m)
			}
		}),
		Entry("perhaps, in a part of a reply of a server that is silent with EDNS", true, func() dns.HandlerFunc {
			return func(w dns.ResponseWriter, q *dns.Msg) {
				if q.IsEdns0() != nil {
					return
				}
				m := resolvertest.Reply(q)
				m.Truncated = true
				_ = w.WriteMsg(m)
			}
		}),
	)

	failing := func(addr string) resolvertest.Server {
		return resolvertest.Server{Addr: addr, Handler: rcode(dns.RcodeServerFailure)}
	}
	It("names the budget if that was used up, whatever the last reply was", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(twoServers), failing(ns1), failing(ns2))
		_, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeCAA)
		Expect(err).NotTo(MatchError(resolver.ErrLimit))
		n := len(w.Queries())
		for queries := 1; queries <= n; queries++ {
			_, err := newResolver(w, withLimits(resolver.Limits{Queries: queries})).Lookup(ctx, "www.example.test", dns.TypeCAA)
			Expect(err).To(MatchError(resolver.ErrLimit), "%d of %d queries", queries, n)
		}
	})

	DescribeTable("names the limit that left servers out",
		func(ctx SpecContext, delegations string, limits resolver.Limits, limited bool) {
			w := start(rootServer(), tldServer(delegations), failing(ns1), failing(ns2))
			_, err := newResolver(w, withLimits(limits)).Lookup(ctx, "www.example.test", dns.TypeCAA)
			Expect(err).To(MatchError(resolver.ErrServerFailure))
			Expect(errors.Is(err, resolver.ErrLimit)).To(Equal(limited))
		},
		Entry("none", twoServers, resolver.Limits{NameServers: 2, Addresses: 1}, false),
		Entry("name servers", twoServers, resolver.Limits{NameServers: 1}, true),
		Entry("addresses of one", oneServer+"\nns1.example A "+ns2+"\n", resolver.Limits{Addresses: 1}, true),
	)

	It("does not take the word of the servers that a limit leaves for that of all", func(ctx SpecContext) {
		weak := resolvertest.Server{Addr: ns1, Handler: replying(form{aa: true}.fill)}
		w := start(rootServer(), tldServer(twoServers), weak, zoneServer(ns2, `www CAA 0 issue "other.example"`))
		_, err := newResolver(w, withLimits(resolver.Limits{NameServers: 1})).Lookup(ctx, "www.example.test", dns.TypeCAA)
		Expect(err).To(MatchError(resolver.ErrLimit))
	})
})

package resolver_test

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
)

// replying answers every question as fill says, from an empty authoritative reply.
func replying(fill func(m *dns.Msg)) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := resolvertest.Reply(q)
		fill(m)
		_ = w.WriteMsg(m)
	}
}

// rrs returns the records in texts, separated by " | ".
func rrs(texts string) []dns.RR {
	var out []dns.RR
	for text := range strings.SplitSeq(texts, " | ") {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		out = append(out, rr)
	}
	return out
}

// form is a kind of reply without the records asked for.
type form struct {
	rcode          int
	aa, ra         bool
	answer, author string
}

func (f form) fill(m *dns.Msg) {
	m.Rcode, m.Authoritative, m.RecursionAvailable = f.rcode, f.aa, f.ra
	if f.answer != "" {
		m.Answer = rrs(f.answer)
	}
	if f.author != "" {
		m.Ns = rrs(f.author)
	}
}

const (
	soaOfZone   = "example.test. 300 SOA a.test. b.test. 1 2 3 4 5"
	soaOfParent = "test. 300 SOA a.test. b.test. 1 2 3 4 5"
	soaOfName   = "www.example.test. 300 SOA a.test. b.test. 1 2 3 4 5"
	soaBeside   = "mail.example.test. 300 SOA a.test. b.test. 1 2 3 4 5"
	nsOfZone    = "example.test. 300 NS ns1.example.test."
	nsOfRoot    = ". 300 NS a.root-servers.test."
	nsOfParent  = "test. 300 NS a.nic.test."
	nsBeside    = "mail.example.test. 300 NS ns1.example.test."
)

// What a denial must be like, for a zone with two servers.
type belief int

const (
	believed belief = iota // from one server, whatever the other one has
	agreed                 // only if both say so
	never
)

var _ = Describe("A reply without the records asked for", func() {
	const nxdomain = dns.RcodeNameError
	forms := []struct {
		text   string
		form   form
		belief belief
		why    error // if it is not believed
	}{
		{"AA, SOA of the zone", form{aa: true, author: soaOfZone}, believed, nil},
		{"AA, SOA of the zone, RA", form{aa: true, ra: true, author: soaOfZone}, believed, nil},
		{"AA, SOA and NS of the zone", form{aa: true, author: soaOfZone + " | " + nsOfZone}, believed, nil},
		{"AA, SOA of a zone below that holds the name", form{aa: true, author: soaOfName}, believed, nil},
		{"AA, SOA, NXDOMAIN", form{rcode: nxdomain, aa: true, author: soaOfZone}, believed, nil},
		{"AA, SOA, records of another name", form{aa: true, answer: "mail.example.test. 300 A 192.0.2.1", author: soaOfZone}, believed, nil},

		{"AA, nothing", form{aa: true}, agreed, resolver.ErrLame},
		{"AA, NS of the zone", form{aa: true, author: nsOfZone}, agreed, resolver.ErrLame},
		{"AA, NXDOMAIN without SOA", form{rcode: nxdomain, aa: true}, agreed, resolver.ErrLame},
		{"AA, NXDOMAIN, NS of the zone", form{rcode: nxdomain, aa: true, author: nsOfZone}, agreed, resolver.ErrLame},
		{"AA, nothing but records outside the zone", form{aa: true, answer: "www.elsewhere. 300 CAA 0 issue \"ca.example\""}, agreed, resolver.ErrLame},
		{"SOA of the zone without AA", form{author: soaOfZone}, agreed, resolver.ErrLame},
		{"NXDOMAIN, SOA of the zone without AA", form{rcode: nxdomain, author: soaOfZone}, agreed, resolver.ErrLame},

		{"AA, referral to the root", form{aa: true, author: nsOfRoot}, never, resolver.ErrLame},
		{"AA, NXDOMAIN, referral to the root", form{rcode: nxdomain, aa: true, author: nsOfRoot}, never, resolver.ErrLame},
		{"AA, referral to the parent", form{aa: true, author: nsOfParent}, never, resolver.ErrLame},
		{"AA, referral to the zone itself and upwards", form{aa: true, author: nsOfZone + " | " + nsOfRoot}, never, resolver.ErrLame},
		{"AA, referral beside", form{aa: true, author: nsBeside}, never, resolver.ErrLame},
		{"AA, SOA of the parent", form{aa: true, author: soaOfParent}, never, resolver.ErrLame},
		{"AA, NXDOMAIN, SOA of the parent", form{rcode: nxdomain, aa: true, author: soaOfParent}, never, resolver.ErrLame},
		{"AA, SOA of a zone beside", form{aa: true, author: soaBeside}, never, resolver.ErrLame},
		{"nothing, without AA", form{}, never, resolver.ErrLame},
		{"NXDOMAIN, without AA and SOA", form{rcode: nxdomain}, never, resolver.ErrLame},
		{"NS of the zone, without AA", form{author: nsOfZone}, never, resolver.ErrLame},
		{"SOA of the zone, RA without AA", form{ra: true, author: soaOfZone}, never, resolver.ErrLame},
		{"NXDOMAIN, SOA of the zone, RA without AA", form{rcode: nxdomain, ra: true, author: soaOfZone}, never, resolver.ErrLame},
		{"AA, records of another name", form{aa: true, answer: `mail.example.test. 300 CAA 0 issue "ca.example"`}, never, resolver.ErrMalformed},
		{"AA, SOA, records of the type at another name", form{aa: true, answer: `*.example.test. 300 CAA 0 issue "ca.example"`, author: soaOfZone}, never, resolver.ErrMalformed},
		{"AA, SOA, records of the type in another class", form{aa: true, answer: `www.example.test. 300 CH CAA 0 issue "ca.example"`, author: soaOfZone}, never, resolver.ErrMalformed},
		{"AA, SOA, records of the type beside it", form{aa: true, author: soaOfZone + ` | www.example.test. 300 CAA 0 issue "ca.example"`}, never, resolver.ErrMalformed},
		{"AA, records of another type", form{aa: true, answer: "www.example.test. 300 A 192.0.2.1"}, never, resolver.ErrMalformed},
		{"AA, NXDOMAIN, SOA, records of another type", form{rcode: nxdomain, aa: true, answer: "www.example.test. 300 A 192.0.2.1", author: soaOfZone}, never, resolver.ErrMalformed},
		{"AA, NXDOMAIN, SOA, records below the name", form{rcode: nxdomain, aa: true, answer: "a.www.example.test. 300 A 192.0.2.1", author: soaOfZone}, never, resolver.ErrMalformed},
		{"AA, NXDOMAIN, SOA, the very records", form{rcode: nxdomain, aa: true, answer: `www.example.test. 300 CAA 0 issue "ca.example"`, author: soaOfZone}, never, resolver.ErrMalformed},
		{"AA, SERVFAIL, SOA", form{rcode: dns.RcodeServerFailure, aa: true, author: soaOfZone}, never, resolver.ErrServerFailure},
		{"AA, REFUSED, SOA", form{rcode: dns.RcodeRefused, aa: true, author: soaOfZone}, never, resolver.ErrServerFailure},
		{"AA, NXRRSET, SOA", form{rcode: dns.RcodeNXRrset, aa: true, author: soaOfZone}, never, resolver.ErrServerFailure},
	}
	holder := zoneServer(ns2, `www CAA 0 issue "other.example"`)
	lookup := func(ctx SpecContext, delegations string, servers ...resolvertest.Server) (*resolver.Answer, error) {
		GinkgoHelper()
		w := start(append([]resolvertest.Server{rootServer(), tldServer(delegations)}, servers...)...)
		return newResolver(w).Lookup(ctx, "www.example.test", dns.TypeCAA)
	}
	for _, f := range forms {
		one, two := resolvertest.Server{Addr: ns1, Handler: replying(f.form.fill)}, resolvertest.Server{Addr: ns2, Handler: replying(f.form.fill)}

		It("of the only server is worth what it says: "+f.text, func(ctx SpecContext) {
			a, err := lookup(ctx, oneServer, one)
			if f.belief == never {
				Expect(err).To(MatchError(f.why))
				return
			}
			Expect(err).NotTo(HaveOccurred())
			Expect(a.Records).To(BeEmpty())
			Expect(a.Rcode).To(Equal(f.form.rcode))
		})

		It("of both servers is worth the same: "+f.text, func(ctx SpecContext) {
			_, err := lookup(ctx, twoServers, one, two)
			Expect(err == nil).To(Equal(f.belief != never))
		})

		It("of one server does not hide the records of the other, but: "+f.text, func(ctx SpecContext) {
			a, err := lookup(ctx, twoServers, one, holder)
			Expect(err).NotTo(HaveOccurred())
			if f.belief == believed {
				Expect(a.Records).To(BeEmpty())
			} else {
				Expect(data(a)).To(Equal([]string{`0 issue "other.example"`}))
			}
		})

		if f.belief == agreed {
			for text, bad := range map[string]dns.HandlerFunc{
				"silent": silent, "SERVFAIL": rcode(dns.RcodeServerFailure),
				"lame":      replying(form{aa: true, author: nsOfRoot}.fill),
				"truncated": replying(func(m *dns.Msg) { m.Truncated = true }),
			} {
				It("is not believed if the other server is "+text+": "+f.text, func(ctx SpecContext) {
					_, err := lookup(ctx, twoServers, one, resolvertest.Server{Addr: ns2, Handler: bad})
					Expect(err).To(MatchError(f.why))
				})
			}
		}
	}

	weak := resolvertest.Server{Addr: ns1, Handler: replying(form{aa: true}.fill)}
	It("is worth less than a denial with SOA of another server", func(ctx SpecContext) {
		a, err := lookup(ctx, twoServers, weak, zoneServer(ns2, "@ A 192.0.2.1"))
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Rcode).To(Equal(dns.RcodeNameError))
	})

	It("is not believed while a server's address cannot be found", func(ctx SpecContext) {
		_, err := lookup(ctx, oneServer+"\nexample NS ns.partner\npartner NS ns0.partner\nns0.partner A "+ns2, weak,
			resolvertest.Server{Addr: ns2, Handler: rcode(dns.RcodeServerFailure)})
		Expect(err).To(MatchError(resolver.ErrLame))
	})

	It("is believed although the servers' IPv6 addresses cannot be reached from here", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer+"\nns1.example AAAA 2001:db8::4"), weak)
		r := newResolver(w, func(o *resolver.Options) { o.Network = noIPv6{Network: o.Network} })
		_, err := r.Lookup(ctx, "www.example.test", dns.TypeCAA)
		Expect(err).NotTo(HaveOccurred())
	})

	It("is not believed while a server refuses at an IPv6 address, which was reached", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer+"\nexample NS ns2.example\nns2.example AAAA 2001:db8::5"), weak)
		r := newResolver(w, func(o *resolver.Options) {
			o.Network = noIPv6{Network: o.Network, says: os.NewSyscallError("read", syscall.ECONNREFUSED)}
		})
		_, err := r.Lookup(ctx, "www.example.test", dns.TypeCAA)
		Expect(err).To(And(MatchError(resolver.ErrLame), MatchError(resolver.ErrUnreachable)))
	})

	It("NXDOMAIN for the zone's own name is believed of all servers only (RFC 4074 4.2)", func(ctx SpecContext) {
		broken := resolvertest.Server{Addr: ns1, Handler: replying(form{rcode: nxdomain, aa: true, author: soaOfZone}.fill)}
		w := start(rootServer(), tldServer(twoServers), broken, zoneServer(ns2, `@ CAA 0 issue "other.example"`))
		a, err := newResolver(w).Lookup(ctx, "example.test", dns.TypeCAA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{`0 issue "other.example"`}))
		w = start(rootServer(), tldServer(oneServer), broken)
		_, err = newResolver(w).Lookup(ctx, "example.test", dns.TypeCAA)
		Expect(err).NotTo(HaveOccurred())
	})

	It("NXDOMAIN behind an alias is about the target, which is asked for (RFC 6604 2)", func(ctx SpecContext) {
		aliased := form{rcode: nxdomain, aa: true, answer: "www.example.test. 300 CNAME host.elsewhere.", author: soaOfZone}
		w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: replying(aliased.fill)},
			resolvertest.Server{Addr: other, Zones: []resolvertest.Zone{{Origin: "elsewhere.", Records: `host CAA 0 issue "other.example"`}}})
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeCAA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{`0 issue "other.example"`}))
	})
})

var _ = Describe("An answer without AA", func() {
	record := `www.example.test. 300 CAA 0 issue "other.example"`
	It("is believed of a server that is not recursive", func(ctx SpecContext) {
		for _, f := range []form{{answer: record}, {answer: record, author: nsOfZone}, {answer: record, author: nsOfRoot}} {
			w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: replying(f.fill)})
			a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeCAA)
			Expect(err).NotTo(HaveOccurred())
			Expect(data(a)).To(Equal([]string{`0 issue "other.example"`}))
		}
	})

	It("of a recursive server is believed if no other server gives one", func(ctx SpecContext) {
		hearsay := resolvertest.Server{Addr: ns1, Handler: replying(form{ra: true, answer: record}.fill)}
		w := start(rootServer(), tldServer(twoServers), hearsay, resolvertest.Server{Addr: ns2, Handler: rcode(dns.RcodeRefused)})
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeCAA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{`0 issue "other.example"`}))
		for _, absent := range []resolvertest.Server{{Addr: ns2, Handler: silent}, {Addr: other, Handler: silent}} { // nothing listens at ns2
			_, err = newResolver(start(rootServer(), tldServer(twoServers), hearsay, absent)).Lookup(ctx, "www.example.test", dns.TypeCAA)
			Expect(err).To(MatchError(resolver.ErrLame), "the other server may have other records")
		}
		w = start(rootServer(), tldServer(twoServers), hearsay, zoneServer(ns2, `www CAA 0 issue "ca.example"`))
		a, err = newResolver(w).Lookup(ctx, "www.example.test", dns.TypeCAA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{`0 issue "ca.example"`}))
	})

	It("is followed if it is an alias", func(ctx SpecContext) {
		w := start(rootServer(), tldServer(oneServer),
			resolvertest.Server{Addr: ns1, Handler: replying(form{answer: "www.example.test. 300 CNAME host.elsewhere."}.fill)},
			resolvertest.Server{Addr: other, Zones: []resolvertest.Zone{{Origin: "elsewhere.", Records: `host CAA 0 issue "other.example"`}}})
		a, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeCAA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{`0 issue "other.example"`}))
	})

	It("that comes with a referral is glue: the zone itself is asked", func(ctx SpecContext) {
		w := start(rootServer(),
			resolvertest.Server{Addr: tldAddr, Handler: says(false, []string{"ns1.example.test. A 192.0.2.66"}, []string{"example.test. NS ns1.example.test."}, []string{"ns1.example.test. A " + ns1})},
			zoneServer(ns1, "ns1 A 127.0.0.4"))
		a, err := newResolver(w).Lookup(ctx, "ns1.example.test", dns.TypeA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{ns1}))
	})

	DescribeTable("that is of no use is known to have held records",
		func(ctx SpecContext, fill func(m *dns.Msg), received bool) {
			w := start(rootServer(), tldServer(oneServer), resolvertest.Server{Addr: ns1, Handler: replying(fill)})
			_, err := newResolver(w).Lookup(ctx, "www.example.test", dns.TypeCAA)
			Expect(err).To(HaveOccurred())
			e, ok := errors.AsType[*resolver.Error](err)
			Expect(ok).To(BeTrue())
			Expect(e.Received).To(Equal(received))
		},
		Entry("of a recursive server, with NXDOMAIN", form{rcode: dns.RcodeNameError, ra: true, answer: record}.fill, true),
		Entry("with NXDOMAIN", form{rcode: dns.RcodeNameError, aa: true, answer: record}.fill, true),
		Entry("with SERVFAIL", form{rcode: dns.RcodeServerFailure, answer: record}.fill, true),
		Entry("at another name", form{aa: true, answer: `mail.example.test. 300 CAA 0 issue ";"`}.fill, true),
		Entry("garbled", func(m *dns.Msg) { // a CAA record of one octet
			m.Answer = []dns.RR{&dns.RFC3597{Hdr: dns.RR_Header{Name: "www.example.test.", Rrtype: dns.TypeCAA, Class: dns.ClassINET}, Rdata: "00ff"}}
		}, true),
		Entry("truncated", func(m *dns.Msg) { m.Truncated = true }, true),
		Entry("but not SERVFAIL without records", form{rcode: dns.RcodeServerFailure}.fill, false),
		Entry("but not records of another type", form{ra: true, answer: "www.example.test. 300 A 192.0.2.1"}.fill, false),
		Entry("but not an upward referral", form{aa: true, author: nsOfRoot}.fill, false),
	)
})

var _ = Describe("A stub", func() {
	ra := func(f form) resolvertest.Server {
		return recursive(true, func(q, m *dns.Msg) {
			f.ra, f.aa = true, false
			f.fill(m)
			m.AuthenticatedData = true
		})
	}
	DescribeTable("takes for a denial",
		func(ctx SpecContext, f form, why error) {
			a, err := newStub(start(ra(f))).Lookup(ctx, "www.example.test", dns.TypeCAA)
			if why != nil {
				Expect(err).To(MatchError(why))
				return
			}
			Expect(err).NotTo(HaveOccurred())
			Expect(a.Records).To(BeEmpty())
			Expect(a.Rcode).To(Equal(f.rcode))
		},
		Entry("NODATA with SOA", form{author: soaOfZone}, nil),
		Entry("NODATA with the SOA of a zone above", form{author: soaOfParent}, nil),
		Entry("NXDOMAIN with SOA", form{rcode: dns.RcodeNameError, author: soaOfZone}, nil),
		Entry("NXDOMAIN without", form{rcode: dns.RcodeNameError}, nil),
		Entry("an empty reply", form{}, nil),
		Entry("but no referral", form{author: nsOfZone}, resolver.ErrLame),
		Entry("but no upward referral", form{author: nsOfRoot}, resolver.ErrLame),
		Entry("but no SOA of a zone that does not hold the name", form{author: soaBeside}, resolver.ErrMalformed),
		Entry("but no answer to another question", form{answer: `mail.example.test. 300 CAA 0 issue ";"`}, resolver.ErrMalformed),
		Entry("but no NXDOMAIN with the very records", form{rcode: dns.RcodeNameError, answer: `www.example.test. 300 CAA 0 issue ";"`}, resolver.ErrMalformed),
		Entry("but no truncated reply", form{rcode: dns.RcodeServerFailure}, resolver.ErrServerFailure),
	)

	// The resolver follows the alias no further than its reply shows.
	chasing := func(target form) resolvertest.Server {
		return recursive(true, func(q, m *dns.Msg) {
			m.AuthenticatedData = true
			if dns.CanonicalName(q.Question[0].Name) == "www.example.test." {
				m.Answer = rrs("www.example.test. 300 CNAME host.elsewhere.")
				return
			}
			target.fill(m)
			m.RecursionAvailable, m.AuthenticatedData = true, false
		})
	}
	It("asks for the target of an alias that the resolver did not follow", func(ctx SpecContext) {
		a, err := newStub(start(chasing(form{answer: `host.elsewhere. 300 CAA 0 issue "other.example"`}))).Lookup(ctx, "www.example.test", dns.TypeCAA)
		Expect(err).NotTo(HaveOccurred())
		Expect(data(a)).To(Equal([]string{`0 issue "other.example"`}))
		Expect(a.CNAMEs).To(Equal([]string{"host.elsewhere."}))
		Expect(a.Status).To(Equal(resolver.Insecure), "the weaker of both")
	})
	It("does not go around in circles with such", func(ctx SpecContext) {
		w := start(chasing(form{answer: "host.elsewhere. 300 CNAME www.example.test."}))
		_, err := newStub(w).Lookup(ctx, "www.example.test", dns.TypeCAA)
		Expect(err).To(MatchError(resolver.ErrLoop))
		Expect(len(w.Queries())).To(BeNumerically("<", 6))
	})
})

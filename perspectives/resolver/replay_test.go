package resolver_test

import (
	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
)

// signedSet fetches the records of a type at a name with their signatures.
func signedSet(w *world, name string, qtype uint16) []dns.RR {
	GinkgoHelper()
	return signedIn(w, question{name, qtype}, name, qtype)
}

type question struct {
	name  string
	qtype uint16
}

// signedIn takes the records of a type at owner, with their signatures, from what
// the victim's server says to a question.
func signedIn(w *world, q question, owner string, rrtype uint16) []dns.RR {
	GinkgoHelper()
	m := new(dns.Msg).SetQuestion(q.name, q.qtype)
	m.SetEdns0(1232, true)
	query, err := m.Pack()
	Expect(err).NotTo(HaveOccurred())
	wire, err := w.reply("udp", addr(victimIP)[0], query)
	Expect(err).NotTo(HaveOccurred())
	Expect(m.Unpack(wire)).To(Succeed())
	var out []dns.RR
	for _, rr := range append(m.Answer, m.Ns...) {
		sig, ok := rr.(*dns.RRSIG)
		if rr.Header().Name == owner && (rr.Header().Rrtype == rrtype || ok && sig.TypeCovered == rrtype) {
			out = append(out, rr)
		}
	}
	Expect(out).To(HaveLen(2), "%v", m)
	return out
}

// at returns copies of records as if they had been found at owner.
func at(owner string, records []dns.RR) []dns.RR {
	var out []dns.RR
	for _, rr := range records {
		rr = dns.Copy(rr)
		rr.Header().Name = owner
		out = append(out, rr)
	}
	return out
}

var _ = Describe("A forger who replays the zone's own signatures", func() {
	var w *world
	BeforeEach(func() { w = launch(GinkgoTB(), guarded(signed(), signed())) })

	// forge replaces the replies about name, except to questions for DS.
	forge := func(name string, fill func(m *dns.Msg)) {
		w.spoil = func(_ int, reply []byte) []byte {
			m := new(dns.Msg)
			if m.Unpack(reply) != nil || !dns.IsSubDomain(name, m.Question[0].Name) || m.Question[0].Qtype == dns.TypeDS {
				return reply
			}
			m.Answer, m.Ns, m.Extra, m.Rcode = nil, nil, nil, dns.RcodeSuccess
			m.Authoritative = true
			fill(m)
			wire, err := m.Pack()
			if err != nil {
				panic(err)
			}
			return wire
		}
	}
	expectBogus := func(ctx SpecContext, question string) {
		GinkgoHelper()
		a, err := ask(ctx, w.resolver(GinkgoTB()), question)
		Expect(err).To(MatchError(resolver.ErrBogus), "%v", a)
	}

	It("cannot take a wildcard's NSEC record for another name's (RFC 4035 5.4)", func(ctx SpecContext) {
		nsec := signedSet(w, "*.wild.victim.example.", dns.TypeNSEC)
		// A name that stands before the next one in the canonical order.
		forge("!x.wild.victim.example.", func(m *dns.Msg) { m.Ns = at("!x.wild.victim.example.", nsec) })
		expectBogus(ctx, "!x.wild.victim.example A")
	})

	It("cannot expand a wildcard where a closer name exists", func(ctx SpecContext) {
		txt := signedSet(w, "*.wild.victim.example.", dns.TypeTXT)
		nsec := append(signedSet(w, "*.wild.victim.example.", dns.TypeNSEC), signedSet(w, "x.y.wild.victim.example.", dns.TypeNSEC)...)
		forge("z.y.wild.victim.example.", func(m *dns.Msg) {
			m.Answer, m.Ns = at("z.y.wild.victim.example.", txt), nsec
		})
		expectBogus(ctx, "z.y.wild.victim.example TXT")
	})

	It("cannot move a record to a name that it was not signed for", func(ctx SpecContext) {
		a := signedSet(w, "www.sub.victim.example.", dns.TypeA)
		forge("www.victim.example.", func(m *dns.Msg) { m.Answer = at("www.victim.example.", a) })
		expectBogus(ctx, "www.victim.example A")
	})

	It("cannot deny a name below a delegation with the parent's NSEC record (RFC 6840 4.1)", func(ctx SpecContext) {
		nsec := signedIn(w, question{"safe0.victim.example.", dns.TypeA}, "safe.victim.example.", dns.TypeNSEC)
		forge("safe.victim.example.", func(m *dns.Msg) { m.Rcode, m.Ns = dns.RcodeNameError, nsec })
		expectBogus(ctx, "www.safe.victim.example A")
	})

	It("cannot make a signed delegation insecure with the proof of another", func(ctx SpecContext) {
		nsec := signedIn(w, question{"open.victim.example.", dns.TypeDS}, "open.victim.example.", dns.TypeNSEC)
		ns := []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: "safe.victim.example.", Rrtype: dns.TypeNS, Class: 1, Ttl: 60}, Ns: "ns.open.victim.example."}}
		forge("safe.victim.example.", func(m *dns.Msg) { m.Authoritative, m.Ns = false, append(ns, nsec...) })
		a, err := ask(ctx, w.resolver(GinkgoTB()), "www.safe.victim.example A")
		Expect(err).To(HaveOccurred(), "%v", a)
		Expect(resolver.StatusOf(err)).NotTo(Equal(resolver.Insecure))
	})

	It("cannot make records last longer than they were signed for (RFC 4035 5.3.3)", func(ctx SpecContext) {
		a := signedSet(w, "www.victim.example.", dns.TypeA)
		forge("www.victim.example.", func(m *dns.Msg) {
			m.Answer = at("www.victim.example.", a)
			m.Answer[0].Header().Ttl = 1 << 30
		})
		ttl := func() uint32 {
			GinkgoHelper()
			a, err := ask(ctx, w.resolver(GinkgoTB()), "www.victim.example A")
			Expect(err).NotTo(HaveOccurred())
			return a.Records[0].Header().Ttl
		}
		Expect(ttl()).To(BeEquivalentTo(300))
		w.now = signed().Expiration.Add(-10 * seconds(1))
		Expect(ttl()).To(BeEquivalentTo(10))
	})

	It("cannot say NODATA with the proof that the name does not exist; the reverse proves NODATA", func(ctx SpecContext) {
		w.spoil = func(_ int, reply []byte) []byte {
			if reply[2]&4 == 0 { // a referral
				return reply
			}
			if reply[3]&0xf == dns.RcodeNameError {
				reply[3] ^= dns.RcodeNameError
			} else if reply[7] == 0 { // no answer records
				reply[3] |= dns.RcodeNameError
			}
			return reply
		}
		expectBogus(ctx, "nowhere.victim.example A")
		for _, question := range []string{"b.deep.victim.example TXT", "www.victim.example TXT", "x.wild.victim.example MX"} {
			for _, full := range []bool{false, true} {
				a, err := ask(ctx, w.resolver(GinkgoTB(), func(o *resolver.Options) { o.FullNames = full }), question)
				Expect(err).NotTo(HaveOccurred(), question)
				Expect(a.Rcode).To(Equal(dns.RcodeSuccess), question)
				Expect(a.Status).To(Equal(resolver.Secure), question)
			}
		}
	})
})

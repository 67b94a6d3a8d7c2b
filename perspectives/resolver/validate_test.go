package resolver_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
	"mpicsim/sim/names"
)

// verdicts asks all questions, each in a session of its own.
func verdicts(tb testing.TB, w *world, want map[string]string) (got map[string]string, said string) {
	tb.Helper()
	got = map[string]string{}
	r := w.resolver(tb)
	for question := range want {
		a, err := ask(tb.Context(), r, question)
		got[question] = seen(a, err)
		if got[question] != want[question] && err != nil {
			said += err.Error() + "\n"
		}
	}
	return got, said
}

// TestStatuses goes through the ways to sign a zone and the shapes of answers.
// The verdicts are those that unbound gives to the same zones.
func TestStatuses(t *testing.T) {
	for flavour, spec := range map[string]*names.SigningSpec{
		"RSASHA256":       signed(algorithm(names.RSASHA256)),
		"RSASHA512":       signed(algorithm(names.RSASHA512)),
		"ECDSAP256SHA256": signed(),
		"ECDSAP384SHA384": signed(algorithm(names.ECDSAP384SHA384)),
		"ED25519":         signed(algorithm(names.ED25519)),
		"one key":         signed(func(s *names.SigningSpec) { s.SingleKey = true }),
		"SHA-384 digest":  signed(func(s *names.SigningSpec) { s.Digests = []names.Digest{names.SHA384Digest} }),
		"NSEC3":           signed(nsec3(0, "", false)),
		"NSEC3, salted":   signed(nsec3(5, "\xAB\xCD", false)),
		"NSEC3, opt-out":  signed(nsec3(1, "salt", true)),
	} {
		t.Run(flavour, func(t *testing.T) {
			// RFC 5155 9.2: an opt-out span does not say what may lie in it.
			byOptOut := "secure"
			if spec.NSEC3 != nil && spec.NSEC3.OptOut {
				byOptOut = "insecure"
			}
			want := map[string]string{
				"victim.example A":                "secure",
				"victim.example CAA":              "secure",
				"WWW.victim.example AAAA":         "secure",
				"alias.victim.example A":          "secure",
				"alias.victim.example CNAME":      "secure",
				"tovictim2.victim.example A":      "secure",
				"toplain.victim.example A":        "insecure",
				"tonowhere.victim.example A":      byOptOut,
				"moved.victim.example DNAME":      "secure",
				"www.moved.victim.example A":      "secure", // synthesised CNAME
				"www.moved.victim.example CNAME":  "secure",
				"no.moved.victim.example A":       byOptOut,
				"x.away.victim.example A":         "insecure",
				"x.wild.victim.example TXT":       byOptOut, // wildcard answer
				"z.x.wild.victim.example TXT":     byOptOut, // over two labels
				"y.wild.victim.example TXT":       "secure", // an empty non-terminal, not the wildcard
				"z.y.wild.victim.example TXT":     byOptOut, // below it there is no wildcard
				"x.wild.victim.example MX":        byOptOut, // wildcard NODATA
				"c.b.*.wild.victim.example TXT":   byOptOut,
				"*.wild.victim.example TXT":       "secure",
				"x.calias.victim.example A":       byOptOut,
				"www.victim.example CAA":          "secure", // NODATA
				"b.deep.victim.example TXT":       "secure", // empty non-terminal
				"nowhere.victim.example A":        byOptOut, // NXDOMAIN
				"a.a.b.deep.victim.example A":     byOptOut,
				"open.victim.example DS":          byOptOut,
				"www.open.victim.example A":       "insecure",
				"www.open.victim.example CAA":     "insecure",
				"no.open.victim.example A":        "insecure",
				"safe.victim.example DS":          "secure",
				"www.child.victim.example A":      "secure",
				"child.victim.example A":          "secure",
				"child.victim.example DS":         "secure",
				"no.child.victim.example A":       byOptOut,
				"x.child.victim.example TXT":      byOptOut,
				"out.child.victim.example A":      "secure",
				"tochild.victim.example A":        "secure",
				"toplainch.victim.example A":      "insecure",
				"www.a.b.child.victim.example A":  "secure",
				"b.child.victim.example A":        "secure",
				"no.b.child.victim.example A":     byOptOut,
				"www.plainchild.victim.example A": "insecure",
				"no.plainchild.victim.example A":  "insecure",
				"plainchild.victim.example DS":    byOptOut,
				"victim.example DNSKEY":           "secure",
				"victim.example DS":               "secure",
				"www.victim.example DS":           "secure",
				"victim.example ANY":              "secure",
				"example DS":                      "secure",
				"example SOA":                     "secure",
				". DNSKEY":                        "secure",
				". NS":                            "secure",
				". DS":                            "secure",
				"plain.example A":                 "insecure",
				"plain.example DS":                byOptOut,
				"x.plain.example A":               "insecure",
				"x.plain.example CAA":             "insecure",
				"nowhere A":                       byOptOut,
				"nowhere.example CAA":             byOptOut,
			}
			got, said := verdicts(t, launch(t, guarded(spec, spec)), want)
			NewWithT(t).Expect(got).To(Equal(want), said)
		})
	}
}

// TestFaults breaks the victim's zone in each way.
func TestFaults(t *testing.T) {
	const answer, wildcard, nodata, nxdomain, plain = "www.victim.example A", "x.wild.victim.example TXT",
		"www.victim.example CAA", "nowhere.victim.example A", "plain.example A"
	all := func(verdict string) map[string]string {
		return map[string]string{answer: verdict, wildcard: verdict, nodata: verdict, nxdomain: verdict, plain: "insecure"}
	}
	fault := func(kind names.FaultKind) func(*names.SigningSpec) { return faulty(names.Fault{Kind: kind}) }
	onlyA := func(kind names.FaultKind) func(*names.SigningSpec) {
		return faulty(names.Fault{Kind: kind, Name: "www", Type: "A"})
	}
	onlyNSEC := func(kind names.FaultKind) func(*names.SigningSpec) {
		return faulty(names.Fault{Kind: kind, Type: "NSEC"})
	}
	justA := func(verdict string) map[string]string {
		return map[string]string{answer: verdict, wildcard: "secure", nodata: "secure", nxdomain: "secure", plain: "insecure"}
	}
	justDenial := func(verdict string) map[string]string {
		return map[string]string{answer: "secure", wildcard: verdict, nodata: verdict, nxdomain: verdict, plain: "insecure"}
	}
	digests := func(d ...names.Digest) func(*names.SigningSpec) {
		return func(s *names.SigningSpec) { s.Digests = d }
	}
	for name, tc := range map[string]struct {
		sign func(*names.SigningSpec)
		want map[string]string
	}{
		"nothing":                      {algorithm(0), all("secure")},
		"expired":                      {fault(names.Expired), all("bogus 7")},
		"not yet valid":                {fault(names.NotYetValid), all("bogus 8")},
		"missing signature":            {fault(names.MissingSignature), all("bogus 10")},
		"flipped bit":                  {fault(names.FlippedBit), all("bogus 6")},
		"wrong signer":                 {fault(names.WrongSigner), all("bogus 10")},
		"foreign key":                  {fault(names.ForeignKey), all("bogus 6")},
		"expired, one RRset":           {onlyA(names.Expired), justA("bogus 7")},
		"not yet valid, one RRset":     {onlyA(names.NotYetValid), justA("bogus 8")},
		"missing signature, one RRset": {onlyA(names.MissingSignature), justA("bogus 10")},
		"flipped bit, one RRset":       {onlyA(names.FlippedBit), justA("bogus 6")},
		"wrong signer, one RRset":      {onlyA(names.WrongSigner), justA("bogus 10")},
		"foreign key, one RRset":       {onlyA(names.ForeignKey), justA("bogus 6")},
		"expired denial":               {onlyNSEC(names.Expired), justDenial("bogus 7")},
		"unsigned denial":              {onlyNSEC(names.MissingSignature), justDenial("bogus 10")},
		"missing denial":               {fault(names.MissingDenial), justDenial("bogus 12")},
		"stripped":                     {fault(names.Stripped), all("bogus 9")},
		"wrong DS":                     {fault(names.WrongDS), all("bogus 9")},
		"an island":                    {func(s *names.SigningSpec) { s.Island = true }, all("insecure")},
		"an algorithm nobody knows":    {algorithm(names.Unassigned), all("insecure 1")},
		"SHA-1 signatures":             {algorithm(names.RSASHA1), all("insecure 1")},
		"a digest nobody knows":        {digests(names.UnassignedDigest), all("insecure 2")},
		"a SHA-1 digest":               {digests(names.SHA1Digest), all("insecure 2")},
		"a SHA-1 digest and a good one": {
			digests(names.SHA1Digest, names.SHA256Digest), all("secure"),
		},
		"an unknown digest and a good one": {digests(names.UnassignedDigest, names.SHA384Digest), all("secure")},
		"as many iterations as allowed":    {nsec3(50, "", false), all("secure")},
		"too many iterations":              {nsec3(51, "", false), justDenial("insecure 27")},
		"very many iterations":             {nsec3(150, "", false), justDenial("insecure 27")},
		"far too many iterations":          {nsec3(151, "", false), justDenial("bogus 27")},
		"a key trap":                       {faultyTrap, all("bogus 6")},
	} {
		t.Run(name, func(t *testing.T) {
			got, said := verdicts(t, launch(t, guarded(signed(), signed(tc.sign))), tc.want)
			NewWithT(t).Expect(got).To(Equal(tc.want), said)
		})
	}
}

// BenchmarkValidatedLookup looks up A and AAAA in one session, from the root down,
// on a network that answers at once; "off" does so without trust anchors.
func BenchmarkValidatedLookup(b *testing.B) {
	for name, anchors := range map[string]bool{"on": true, "off": false} {
		b.Run(name, func(b *testing.B) {
			w := launch(b, guarded(signed(), signed()))
			r := w.resolver(b, func(o *resolver.Options) {
				if !anchors {
					o.TrustAnchors = nil
				}
			})
			b.ReportAllocs()
			for b.Loop() {
				s := r.NewSession()
				for _, qtype := range []uint16{28, 1} {
					if _, err := s.Lookup(b.Context(), "www.victim.example", qtype); err != nil {
						b.Fatal(err)
					}
				}
				w.queries()
			}
		})
	}
}

func faultyTrap(s *names.SigningSpec) {
	s.Algorithm, s.Faults = names.ED25519, []names.Fault{{Kind: names.KeyTrap}}
}

// TestFaultsOfTheRegistry breaks the zone above: what it says about delegations
// cannot be believed any more.
func TestFaultsOfTheRegistry(t *testing.T) {
	for name, tc := range map[string]struct {
		fault names.Fault
		want  map[string]string
	}{
		"unsigned DS":       {names.Fault{Kind: names.MissingSignature, Name: "victim", Type: "DS"}, map[string]string{"www.victim.example A": "bogus 10", "plain.example A": "insecure"}},
		"expired DS":        {names.Fault{Kind: names.Expired, Name: "victim", Type: "DS"}, map[string]string{"www.victim.example A": "bogus 7", "plain.example A": "insecure"}},
		"expired no-DS":     {names.Fault{Kind: names.Expired, Name: "plain", Type: "NSEC"}, map[string]string{"www.victim.example A": "secure", "plain.example A": "bogus 7"}},
		"missing denial":    {names.Fault{Kind: names.MissingDenial}, map[string]string{"www.victim.example A": "secure", "plain.example A": "bogus 12"}},
		"stripped registry": {names.Fault{Kind: names.Stripped}, map[string]string{"www.victim.example A": "bogus 9", "plain.example A": "bogus 9"}},
		"expired keys":      {names.Fault{Kind: names.Expired, Type: "DNSKEY"}, map[string]string{"www.victim.example A": "bogus 7", "plain.example A": "bogus 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := guarded(signed(), signed())
			spec.Registries[0].Sign = signed(faulty(tc.fault))
			got, said := verdicts(t, launch(t, spec), tc.want)
			NewWithT(t).Expect(got).To(Equal(tc.want), said)
		})
	}
}

var _ = Describe("A validating lookup", func() {
	It("costs a question for the keys of each zone and no other", func(ctx SpecContext) {
		w := launch(GinkgoTB(), guarded(signed(), signed()))
		_, err := w.resolver(GinkgoTB()).Lookup(ctx, "www.victim.example", 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(w.queries()).To(Equal([]string{
			rootIP + " udp example. A", rootIP + " udp . DNSKEY",
			tldIP + " udp victim.example. A", tldIP + " udp example. DNSKEY",
			victimIP + " udp www.victim.example. A", victimIP + " udp victim.example. DNSKEY",
		}))
	})

	It("keeps the chain of trust from the anchor to the records as evidence", func(ctx SpecContext) {
		w := launch(GinkgoTB(), guarded(signed(), signed()))
		a, err := w.resolver(GinkgoTB()).Lookup(ctx, "www.victim.example", 1)
		Expect(err).NotTo(HaveOccurred())
		var steps []string
		for _, link := range a.Chain {
			steps = append(steps, link.Zone+" says "+link.Owner+" "+link.Type+" "+link.Status.String())
		}
		Expect(steps).To(Equal([]string{
			". says . DS secure", ". says . DNSKEY secure",
			". says example. DS secure", "example. says example. DNSKEY secure",
			"example. says victim.example. DS secure", "victim.example. says victim.example. DNSKEY secure",
			"victim.example. says www.victim.example. A secure",
		}))
		Expect(a.Chain[6].Algorithm).To(BeEquivalentTo(13))
		Expect(a.Chain[6].Expiration).To(Equal(signed().Expiration))
		Expect(a.Reason).To(BeEmpty())
	})

	It("names the insecure delegation", func(ctx SpecContext) {
		w := launch(GinkgoTB(), guarded(signed(), signed()))
		a, err := w.resolver(GinkgoTB()).Lookup(ctx, "plain.example", 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Reason).To(Equal("plain.example. DS: proven to have no DS records"))
		Expect(a.Chain[len(a.Chain)-1].Status).To(Equal(resolver.Insecure))
	})

	It("says nothing about security without trust anchors, and asks for no signatures", func(ctx SpecContext) {
		w := launch(GinkgoTB(), guarded(signed(), signed(faulty(names.Fault{Kind: names.Expired}))))
		r := w.resolver(GinkgoTB(), func(o *resolver.Options) { o.TrustAnchors = nil })
		a, err := r.Lookup(ctx, "www.victim.example", 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(resolver.Indeterminate))
		Expect(a.Chain).To(BeEmpty())
		Expect(w.queries()).To(HaveLen(3))
	})

	It("is indeterminate outside the zones of its trust anchors and validates inside", func(ctx SpecContext) {
		w := launch(GinkgoTB(), guarded(signed(), signed()))
		r := w.resolver(GinkgoTB(), func(o *resolver.Options) {
			o.TrustAnchors = w.hierarchy.Zone("victim.example").TrustAnchor().DNSKEY
		})
		for question, want := range map[string]resolver.Status{
			"www.victim.example A": resolver.Secure, "plain.example A": resolver.Indeterminate, "www.victim2.example A": resolver.Indeterminate,
			"tovictim2.victim.example A": resolver.Indeterminate, "www.open.victim.example A": resolver.Insecure,
		} {
			a, err := ask(ctx, r, question)
			Expect(err).NotTo(HaveOccurred(), question)
			Expect(a.Status).To(Equal(want), question)
		}
	})

	It("validates a zone with a trust anchor even if its parent's server never refers to it", func(ctx SpecContext) {
		w := launch(GinkgoTB(), guarded(signed(), signed()))
		r := w.resolver(GinkgoTB(), func(o *resolver.Options) {
			o.TrustAnchors = w.hierarchy.Zone("child.victim.example").TrustAnchor().DS
		})
		for question, want := range map[string]resolver.Status{
			"www.child.victim.example A": resolver.Secure, "no.child.victim.example A": resolver.Secure, "www.victim.example A": resolver.Indeterminate,
		} {
			a, err := ask(ctx, r, question)
			Expect(err).NotTo(HaveOccurred(), question)
			Expect(a.Status).To(Equal(want), question)
		}
	})

	It("judges signatures by the clock given", func(ctx SpecContext) {
		w := launch(GinkgoTB(), guarded(signed(), signed()))
		first, last := signed().Inception, signed().Expiration
		for _, tc := range []struct {
			at   int // seconds
			of   string
			want string
		}{{-1, "first", "bogus 8"}, {0, "first", "secure"}, {0, "last", "secure"}, {1, "last", "bogus 7"}} {
			if w.now = first; tc.of == "last" {
				w.now = last
			}
			w.now = w.now.Add(seconds(tc.at))
			a, err := w.resolver(GinkgoTB()).Lookup(ctx, "www.victim.example", 1)
			Expect(seen(a, err)).To(Equal(tc.want), "%d s from the %s", tc.at, tc.of)
		}
	})

	It("reports the proven insecurity of a domain whose servers fail, as the CAA carve-out asks", func(ctx SpecContext) {
		spec := guarded(signed(), signed())
		zoneOf(&spec, "plain.example").Behaviour = names.ServFail
		zoneOf(&spec, "victim.example").Behaviour = names.ServFail
		r := launch(GinkgoTB(), spec).resolver(GinkgoTB())
		_, err := r.Lookup(ctx, "www.plain.example", 257)
		Expect(err).To(MatchError(resolver.ErrServerFailure))
		Expect(resolver.StatusOf(err)).To(Equal(resolver.Insecure))
		e, _ := errors.AsType[*resolver.Error](err)
		Expect(e.Chain[len(e.Chain)-1]).To(HaveField("Detail", "proven to have no DS records"))

		_, err = r.Lookup(ctx, "www.victim.example", 257)
		Expect(err).To(MatchError(resolver.ErrServerFailure))
		Expect(resolver.StatusOf(err)).To(Equal(resolver.Indeterminate))
	})

	It("knows that an insecure domain has records though nothing that came is an answer", func(ctx SpecContext) {
		w := launch(GinkgoTB(), guarded(signed(), signed()))
		w.spoil = func(_ int, reply []byte) []byte {
			m := new(dns.Msg)
			if m.Unpack(reply) == nil && len(m.Answer) > 0 && strings.EqualFold(m.Question[0].Name, "plain.example.") {
				reply[3] |= dns.RcodeServerFailure
			}
			return reply
		}
		_, err := w.resolver(GinkgoTB()).Lookup(ctx, "plain.example", 1)
		Expect(err).To(MatchError(resolver.ErrServerFailure))
		Expect(resolver.StatusOf(err)).To(Equal(resolver.Insecure))
		e, _ := errors.AsType[*resolver.Error](err)
		Expect(e.Received).To(BeTrue())
	})

	It("asks another server of the zone if one gives bogus replies", func(ctx SpecContext) {
		spec := guarded(signed(), signed())
		victim := zoneOf(&spec, "victim.example")
		victim.NameServers = append(victim.NameServers, names.NameServer{Name: "ns2.victim.example", Addrs: addr("192.0.2.9")})
		w := launch(GinkgoTB(), spec)
		stale := guarded(signed(), signed(faulty(names.Fault{Kind: names.Expired})))
		old, err := stale.Build()
		Expect(err).NotTo(HaveOccurred())
		w.serve(GinkgoTB(), addr(victimIP)[0], names.Config{Zones: []*names.Zone{old.Zone("victim.example")}})
		a, err := w.resolver(GinkgoTB()).Lookup(ctx, "www.victim.example", 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(resolver.Secure))
		Expect(a.Server.Addr()).To(Equal(addr("192.0.2.9")[0]))
	})
})

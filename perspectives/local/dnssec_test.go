package local_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/caa"
	"mpicsim/perspectives/dcv"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/resolver"
	"mpicsim/sim/names"
	"mpicsim/topology/place"
)

// atAddresses leads to emulated name servers on the loopback, by the addresses
// that the hierarchy gives them.
type atAddresses map[netip.Addr]netip.AddrPort

func (m atAddresses) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	real, ok := m[at.Addr()]
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("network is unreachable")}
	}
	return (&net.Dialer{}).DialContext(ctx, network, real.String())
}

// signedWorld is a signed root and a signed test. with registrants' zones below
// it that are signed, unsigned or broken; "down" zones answer SERVFAIL.
func signedWorld(now time.Time) local.Config {
	GinkgoHelper()
	server := func(name, addr string) []names.NameServer {
		return []names.NameServer{{Name: name, Addrs: []netip.Addr{netip.MustParseAddr(addr)}}}
	}
	sign := func(faults ...names.Fault) *names.SigningSpec {
		return &names.SigningSpec{
			SingleKey: true, Seed: "local", Inception: now.AddDate(0, 0, -1), Expiration: now.AddDate(0, 0, 1), Faults: faults,
		}
	}
	const records = "_acme-challenge IN TXT \"" + digest + "\"\n@ IN CAA 0 issue \"ca.example\""
	zone := func(origin string, signed *names.SigningSpec, b names.Behaviour) names.ZoneSpec {
		return names.ZoneSpec{
			Origin: origin, NameServers: server("ns."+origin, "203.0.113.53"), Records: records, Sign: signed, Behaviour: b,
		}
	}
	h, err := names.HierarchySpec{
		Root: server("a.root.test", "198.51.100.1"), DefaultRegistry: server("a.nic.test", "198.51.100.2"), Sign: sign(),
		Zones: []names.ZoneSpec{
			zone("signed.test", sign(), names.Normal),
			zone("plain.test", nil, names.Normal),
			zone("expired.test", sign(names.Fault{Kind: names.Expired}), names.Normal),
			zone("downplain.test", nil, names.ServFail),
			zone("downsigned.test", sign(), names.ServFail),
		},
	}.Build()
	Expect(err).NotTo(HaveOccurred())

	network := atAddresses{}
	for _, p := range h.Placements {
		for _, a := range p.Addrs {
			if network[a].IsValid() {
				continue
			}
			s, err := names.Serve(context.Background(), &net.ListenConfig{}, names.Config{
				Addrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Zones: h.ZonesAt(a),
			})
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(s.Close)
			network[a] = s.Addrs()[0]
		}
	}
	c := local.Config{
		Perspective: perspectives.Perspective{Name: "test/one", RIR: place.RIPE}, Network: network,
		Clock: func() time.Time { return now }, TrustAnchors: h.TrustAnchor.DS,
		Limits: resolver.Limits{Timeout: 500 * time.Millisecond},
	}
	for _, hint := range h.RootHints {
		c.Roots = append(c.Roots, resolver.Root{Name: hint.Name, Addrs: []netip.AddrPort{netip.AddrPortFrom(hint.Addrs[0], 53)}})
	}
	return c
}

var _ = Describe("A perspective that validates", Ordered, func() {
	// Ordered only to sign the zones once: no entry depends on another.
	var l *local.Local
	BeforeAll(func() {
		var err error
		l, err = local.New(signedWorld(time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)))
		Expect(err).NotTo(HaveOccurred())
	})

	DescribeTable("gives both outcomes their status",
		func(ctx SpecContext, domain string, allow bool, status perspectives.DNSSEC, dcvReason, caaReason string, corroborates bool) {
			c := check(domain, perspectives.DNS01)
			c.CAA.AllowLookupFailure = allow
			r := l.Run(ctx, c)
			Expect(r.DCV).To(And(HaveField("Reason", dcvReason), HaveField("DNSSEC", status)), r.DCV.Detail)
			Expect(r.CAA).To(And(HaveField("Reason", caaReason), HaveField("DNSSEC", status)), r.CAA.Detail)
			Expect(r.Corroborates()).To(Equal(corroborates))
			Expect(r.CAA.Chain).NotTo(BeEmpty())
		},
		Entry("signed", "signed.test", false, perspectives.Secure, dcv.ReasonMatches, caa.ReasonAuthorized, true),
		Entry("unsigned", "plain.test", false, perspectives.Insecure, dcv.ReasonMatches, caa.ReasonAuthorized, true),
		Entry("signatures that have expired", "expired.test", false, perspectives.Bogus, dcv.ReasonBogus, caa.ReasonBogus, false),
		Entry("signatures that have expired, and failures are allowed", "expired.test", true, perspectives.Bogus, dcv.ReasonBogus, caa.ReasonBogus, false),
		Entry("unsigned, its servers fail", "downplain.test", false, perspectives.Insecure, dcv.ReasonLookupFailed, caa.ReasonLookupFailed, false),
	)

	It("takes a failed CAA lookup for permission in a zone that is Insecure, with the proof", func(ctx SpecContext) {
		c := check("downplain.test", perspectives.DNS01)
		c.Questions, c.CAA.AllowLookupFailure = perspectives.OnlyCAA, true
		o := l.Run(ctx, c).CAA
		Expect(o).To(And(HaveField("Verdict", perspectives.Pass), HaveField("Reason", caa.ReasonLookupFailurePermitted)), o.Detail)
		Expect(o.LookupFailure.Complete()).To(BeTrue())
		Expect(o.LookupFailure.Outside).To(MatchRegexp(`203\.0\.113\.53:53 gave no usable answer while .*198\.51\.100\.2:53.* answered`))
		Expect(o.LookupFailure.Chain).To(ContainElement(And(
			HaveField("Owner", "downplain.test."), HaveField("Status", perspectives.Insecure))))
	})

	It("takes none for permission in a zone that should be Secure", func(ctx SpecContext) {
		c := check("downsigned.test", perspectives.DNS01)
		c.Questions, c.CAA.AllowLookupFailure = perspectives.OnlyCAA, true
		o := l.Run(ctx, c).CAA
		Expect(o.Verdict).To(Equal(perspectives.Error), o.Detail)
		Expect(o.LookupFailure.Missing).To(Equal([]string{"insecure"}), o.Detail)
	})
})

package domain_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios/domain"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// country is a table of origins: AS n has 10.n.0.0/16, and AS 3 the IPv6 of all.
func country(t *testing.T, ases int) *domain.Origins {
	t.Helper()
	var text strings.Builder
	text.WriteString("prefix,asn\n2001:db8::/32,3\n")
	for n := range ases {
		fmt.Fprintf(&text, "10.%d.0.0/16,%d\n", n+1, n+1)
	}
	o, err := domain.ParseOrigins([]byte(text.String()), "o.csv")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return o
}

// TestSynthesize: valid domains whose addresses all have an origin, the same for the
// same seed, with the shares that were asked for.
func TestSynthesize(t *testing.T) {
	g := NewWithT(t)
	o := country(t, 40)
	options := domain.SynthOptions{Count: 400, Seed: 7, Providers: 3, OwnDNS: 0.25, Signed: 0.5}
	all, err := domain.Synthesize(o, options)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all).To(HaveLen(400))
	signed, own, names := 0, 0, map[string]bool{}
	for _, d := range all {
		g.Expect(d.Validate()).To(Succeed())
		g.Expect(d.Name).To(MatchRegexp(`^synthetic-\d{6}\.(example|test)$`))
		names[d.Name] = true
		web := o.Map(&d, domain.Scope{Surface: domain.WebOnly})
		dns := o.Map(&d, domain.Scope{Surface: domain.WebDNS, Upper: domain.UpperNone})
		whole := o.Map(&d, domain.Scope{Surface: domain.WebDNS, Upper: domain.UpperRoot})
		g.Expect(whole.Unmapped).To(BeEmpty())
		g.Expect(web.ASes).To(HaveLen(1))
		if len(dns.ASes) == 1 {
			own++
		}
		if d.Addresses[len(d.Addresses)-1].Protected {
			signed++
			g.Expect(d.In(domain.Scope{Surface: domain.WebDNSSEC, Upper: domain.UpperRoot})).To(Equal(d.In(domain.Scope{Surface: domain.WebOnly})))
		}
	}
	g.Expect(names).To(HaveLen(400))
	g.Expect(signed).To(BeNumerically("~", 200, 40))
	g.Expect(own).To(BeNumerically("~", 100+300/40, 40))
	again, err := domain.Synthesize(o, options)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).To(Equal(all))
	options.Hosts, options.Weight = []topology.ASN{5, 6, 999}, []float64{1, 3, 100}
	hosted, err := domain.Synthesize(o, options)
	g.Expect(err).NotTo(HaveOccurred())
	at := map[topology.ASN]int{}
	for _, d := range hosted {
		at[o.Map(&d, domain.Scope{Surface: domain.WebOnly}).ASes[0]]++
	}
	g.Expect(at).To(HaveLen(2), "one has no prefix")
	g.Expect(at[6]).To(BeNumerically("~", 300, 40))
	for want, o := range map[string]domain.SynthOptions{
		"count: found 0":     {Providers: 1},
		"providers: found 0": {Count: 1},
		"own-dns: found 2":   {Count: 1, Providers: 1, OwnDNS: 2},
		"signed: found -1":   {Count: 1, Providers: 1, Signed: -1},
		"hosts: found none":  {Count: 1, Providers: 1, Hosts: []topology.ASN{999}},
		"1 weights of 2":     {Count: 1, Providers: 1, Hosts: []topology.ASN{1, 2}, Weight: []float64{1}},
	} {
		_, err := domain.Synthesize(country(t, 3), o)
		g.Expect(err).To(MatchError(ContainSubstring(want)))
	}
}

// TestWriteOrigins: what VRPs say can be read again; AS0 originates nothing.
func TestWriteOrigins(t *testing.T) {
	g := NewWithT(t)
	vrp := func(prefix string, origin topology.ASN) rpki.VRP {
		p := netip.MustParsePrefix(prefix)
		return rpki.VRP{Prefix: p, MaxLength: p.Bits(), Origin: origin}
	}
	long := vrp("10.0.0.0/8", 2)
	long.MaxLength = 24
	var out bytes.Buffer
	g.Expect(domain.WriteOrigins(&out, []rpki.VRP{vrp("2001:db8::/32", 9), vrp("10.0.0.0/8", 2), long, vrp("10.0.0.0/8", 1), vrp("11.0.0.0/8", 0), vrp("10.0.0.0/25", 3)})).To(Succeed())
	g.Expect(out.String()).To(Equal("prefix,asn\n10.0.0.0/8,1\n10.0.0.0/8,2\n10.0.0.0/25,3\n2001:db8::/32,9\n"))
	o, err := domain.ParseOrigins(out.Bytes(), "o.csv")
	g.Expect(err).NotTo(HaveOccurred())
	at := netip.MustParseAddr("10.0.0.1")
	_, ases := o.Lookup(at)
	g.Expect(ases).To(Equal([]topology.ASN{3}))
	p, ases := o.Accepted(at)
	g.Expect([]any{p, ases}).To(Equal([]any{netip.MustParsePrefix("10.0.0.0/8"), []topology.ASN{1, 2}}), "a /25 is not accepted")
	_, ases = o.Accepted(netip.MustParseAddr("2001:db8::1"))
	g.Expect(ases).To(Equal([]topology.ASN{9}))
}

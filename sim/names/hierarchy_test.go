package names

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, text := range texts {
		out = append(out, netip.MustParseAddr(text))
	}
	return out
}

// kingdom is the name space that the specs vary: a victim with name servers in
// its own zone and at a hoster under another top-level domain.
func kingdom() HierarchySpec {
	return HierarchySpec{
		Root: []NameServer{{"a.root-servers.net", addrs("198.41.0.4", "2001:503:ba3e::2:30")}},
		Registries: []ZoneSpec{
			{Origin: "uk", NameServers: []NameServer{{"nsa.nic.uk", addrs("156.154.100.3")}}},
			{Origin: "net", NameServers: []NameServer{{"a.gtld-servers.net", addrs("192.5.6.30")}}},
		},
		Zones: []ZoneSpec{
			{
				Origin: "victim.co.uk", Records: "@ IN A 203.0.113.80\nwww IN CNAME @\n",
				NameServers: []NameServer{{"ns1.victim.co.uk", addrs("203.0.113.53")}, {Name: "ns.hoster.net"}},
			},
			{Origin: "hoster.net", NameServers: []NameServer{{"ns.hoster.net", addrs("192.0.2.53")}}},
		},
	}
}

// walk resolves a name from the root hints by asking the placements, without a
// network, and returns the answer and the servers' names that it asked for the
// name itself.
func walk(h *Hierarchy, qname string, qtype uint16) (*dns.Msg, []string) {
	GinkgoHelper()
	var trace []string
	servers := h.RootHints
	for range 10 {
		trace = append(trace, servers[0].Name)
		r := &responder{zones: map[string]*Zone{}, udpSize: defaultSize}
		for _, z := range h.ZonesAt(servers[0].Addrs[0]) {
			r.zones[z.apex] = z
		}
		wire, event := r.respond(new(dns.Msg).SetQuestion(qname, qtype), false)
		var m dns.Msg
		Expect(m.Unpack(wire)).To(Succeed())
		if event.Outcome != Referral {
			return &m, trace
		}
		servers = nil
		for _, rr := range m.Ns {
			ns := NameServer{Name: rr.(*dns.NS).Ns}
			for _, extra := range m.Extra {
				if a, ok := extra.(*dns.A); ok && key(a.Hdr.Name) == key(ns.Name) {
					ns.Addrs = append(ns.Addrs, netip.AddrFrom4([4]byte(a.A.To4())))
				}
			}
			if ns.Addrs == nil {
				glueless, _ := walk(h, ns.Name, dns.TypeA)
				for _, a := range glueless.Answer {
					ns.Addrs = append(ns.Addrs, netip.AddrFrom4([4]byte(a.(*dns.A).A.To4())))
				}
			}
			servers = append(servers, ns)
		}
		Expect(servers[0].Addrs).NotTo(BeEmpty(), "no address for %s", servers[0].Name)
	}
	Fail(fmt.Sprintf("%s: still no answer after %v", qname, trace))
	return nil, nil
}

// text returns a zone's records without TTL and class, one string each.
func text(z *Zone) []string {
	GinkgoHelper()
	Expect(z).NotTo(BeNil())
	var rrs []dns.RR
	for rr, parser := dns.RR(nil), dns.NewZoneParser(strings.NewReader(z.Text()), ".", ""); ; rrs = append(rrs, rr) {
		var ok bool
		if rr, ok = parser.Next(); !ok {
			break
		}
	}
	return slices.DeleteFunc(lines(rrs), func(l string) bool { return strings.Contains(l, " SOA ") })
}

var _ = Describe("A name space", func() {
	var spec HierarchySpec
	BeforeEach(func() { spec = kingdom() })

	build := func() *Hierarchy {
		GinkgoHelper()
		h, err := spec.Build()
		Expect(err).NotTo(HaveOccurred())
		return h
	}

	It("leads a resolver from the root hints to the victim's own server", func() {
		h := build()
		Expect(h.RootHints).To(Equal([]NameServer{{"a.root-servers.net.", addrs("198.41.0.4", "2001:503:ba3e::2:30")}}))
		m, trace := walk(h, "victim.co.uk.", dns.TypeA)
		Expect(lines(m.Answer)).To(ConsistOf("victim.co.uk. A 203.0.113.80"))
		Expect(trace).To(Equal([]string{"a.root-servers.net.", "nsa.nic.uk.", "ns1.victim.co.uk."}))
	})

	It("resolves the name of every name server in it", func() {
		h := build()
		for _, p := range h.Placements {
			m, _ := walk(h, p.Name, dns.TypeA)
			Expect(m.Authoritative).To(BeTrue(), p.Name)
			Expect(lines(m.Answer)).To(ConsistOf(fmt.Sprintf("%s A %v", p.Name, p.Addrs[0])))
		}
	})

	It("says what each name server has to serve", func() {
		served := map[string][]string{}
		h := build()
		for _, p := range h.Placements {
			for _, z := range p.Zones {
				served[fmt.Sprint(p.Name, p.Addrs)] = append(served[fmt.Sprint(p.Name, p.Addrs)], z.Origin())
			}
		}
		Expect(served).To(Equal(map[string][]string{
			"a.root-servers.net.[198.41.0.4 2001:503:ba3e::2:30]": {"."},
			"a.gtld-servers.net.[192.5.6.30]":                     {"net."},
			"nsa.nic.uk.[156.154.100.3]":                          {"uk."},
			"ns1.victim.co.uk.[203.0.113.53]":                     {"victim.co.uk."},
			"ns.hoster.net.[192.0.2.53]":                          {"hoster.net.", "victim.co.uk."},
		}))
	})

	It("gives glue only for names below the zone that delegates", func() {
		h := build()
		Expect(text(h.Zone("uk"))).To(Equal([]string{
			"uk. NS nsa.nic.uk.",
			"victim.co.uk. NS ns1.victim.co.uk.",
			"victim.co.uk. NS ns.hoster.net.",
			"ns1.victim.co.uk. A 203.0.113.53",
			"nsa.nic.uk. A 156.154.100.3",
		}), "no address for ns.hoster.net: net's business")
		Expect(text(h.Zone("."))).To(Equal([]string{
			". NS a.root-servers.net.",
			"net. NS a.gtld-servers.net.",
			"a.gtld-servers.net. A 192.5.6.30",
			"a.root-servers.net. A 198.41.0.4",
			"a.root-servers.net. AAAA 2001:503:ba3e::2:30",
			"uk. NS nsa.nic.uk.",
			"nsa.nic.uk. A 156.154.100.3",
		}))
	})

	It("gives the glue of sibling zones where it is known", func() {
		spec.Zones = append(spec.Zones, ZoneSpec{Origin: "shop.net", NameServers: []NameServer{{Name: "NS.hoster.net"}}})
		h := build()
		Expect(text(h.Zone("net"))).To(ContainElements("shop.net. NS ns.hoster.net.", "ns.hoster.net. A 192.0.2.53"))
		m, trace := walk(h, "shop.net.", dns.TypeSOA)
		Expect(m.Answer).To(HaveLen(1))
		Expect(trace).To(HaveLen(3))
	})

	It("has a registry between the top-level domain and the victim only if one is asked for", func() {
		Expect(build().Zone("co.uk")).To(BeNil())
		spec.Registries = append(spec.Registries, ZoneSpec{Origin: "co.uk", NameServers: []NameServer{{"ns.nominet.co.uk", addrs("213.248.216.1")}}})
		h := build()
		_, trace := walk(h, "www.victim.co.uk.", dns.TypeA)
		Expect(trace).To(Equal([]string{"a.root-servers.net.", "nsa.nic.uk.", "ns.nominet.co.uk.", "ns1.victim.co.uk."}))
		Expect(text(h.Zone("uk"))).NotTo(ContainElement(ContainSubstring("victim")))
	})

	It("delegates a registrant's zone from another registrant's zone", func() {
		spec.Zones = append(spec.Zones, ZoneSpec{Origin: "dev.victim.co.uk", NameServers: []NameServer{{"ns.dev.victim.co.uk", addrs("203.0.113.54")}}})
		_, trace := walk(build(), "x.dev.victim.co.uk.", dns.TypeA)
		Expect(trace[2:]).To(Equal([]string{"ns1.victim.co.uk.", "ns.dev.victim.co.uk."}))
	})

	It("puts top-level domains that nobody lists on the default registry", func() {
		spec.DefaultRegistry = []NameServer{{"a.registry.net", addrs("192.0.2.1")}}
		spec.Zones = append(spec.Zones, ZoneSpec{Origin: "shop.example", NameServers: []NameServer{{Name: "ns.hoster.net"}}})
		m, trace := walk(build(), "shop.example.", dns.TypeNS)
		Expect(lines(m.Answer)).To(ConsistOf("shop.example. NS ns.hoster.net."))
		Expect(trace).To(Equal([]string{"a.root-servers.net.", "a.registry.net.", "ns.hoster.net."}))
	})

	It("takes a name server's addresses from the records of its own zone", func() {
		spec.Zones[1] = ZoneSpec{Origin: "hoster.net", Records: "@ IN NS ns\nns IN A 192.0.2.99\n@ IN SOA ns h 7 1 1 1 1\n"}
		h := build()
		Expect(h.ZonesAt(netip.MustParseAddr("192.0.2.99"))).To(Equal([]*Zone{h.Zone("hoster.net"), h.Zone("victim.co.uk")}))
	})

	It("leaves a delegation alone that is written out, right or wrong", func() {
		spec.Registries[0].Records = "victim.co IN NS ns.forgotten.example.\n"
		Expect(text(build().Zone("uk"))).To(Equal([]string{
			"uk. NS nsa.nic.uk.",
			"victim.co.uk. NS ns.forgotten.example.",
			"nsa.nic.uk. A 156.154.100.3",
		}))
	})

	It("lets two zones wait for each other's name servers", func() {
		spec.Zones = append(spec.Zones,
			ZoneSpec{Origin: "egg.net", NameServers: []NameServer{{Name: "ns.hen.uk", Addrs: addrs("192.0.2.7")}}},
			ZoneSpec{Origin: "hen.uk", NameServers: []NameServer{{Name: "ns.egg.net", Addrs: addrs("192.0.2.8")}}},
		)
		h := build()
		Expect(text(h.Zone("net"))).To(ContainElement("egg.net. NS ns.hen.uk."))
		Expect(h.Zone("net").Text()).NotTo(ContainSubstring("ns.egg.net"))
		Expect(h.Zone("uk").Text()).NotTo(ContainSubstring("ns.hen.uk"))
	})

	It("is the same whatever the order of its zones", func() {
		forward := build()
		slices.Reverse(spec.Zones)
		slices.Reverse(spec.Registries)
		backward := build()
		Expect(backward.Placements).To(HaveLen(len(forward.Placements)))
		for i, p := range forward.Placements {
			Expect(backward.Placements[i].NameServer).To(Equal(p.NameServer))
			for k, z := range p.Zones {
				Expect(backward.Placements[i].Zones[k].Text()).To(Equal(z.Text()))
			}
		}
	})

	DescribeTable("is refused if",
		func(spoil func(*HierarchySpec), want string) {
			spoil(&spec)
			_, err := spec.Build()
			Expect(err).To(MatchError(ContainSubstring(want)))
		},
		Entry("the root has no server", func(s *HierarchySpec) { s.Root = nil }, "the root has no name server"),
		Entry("a root server has no address", func(s *HierarchySpec) { s.Root[0].Addrs = nil },
			"zone .: no address is known for its name server a.root-servers.net."),
		Entry("nobody serves a top-level domain", func(s *HierarchySpec) { s.Registries = s.Registries[:1] },
			"zone hoster.net.: nobody serves the top-level domain net."),
		Entry("a zone is listed twice", func(s *HierarchySpec) {
			s.Zones = append(s.Zones, ZoneSpec{Origin: "VICTIM.co.uk", NameServers: s.Zones[0].NameServers})
		},
			"zone VICTIM.co.uk. is listed twice"),
		Entry("the root is listed", func(s *HierarchySpec) { s.Zones[0].Origin = "." }, "zone . is listed twice"),
		Entry("a name server has two lists of addresses", func(s *HierarchySpec) { s.Zones[0].NameServers[1].Addrs = addrs("192.0.2.54") },
			"name server ns.hoster.net. has the addresses"),
		Entry("its own zone gives a name server other addresses", func(s *HierarchySpec) { s.Zones[1].Records = "ns IN A 192.0.2.54\n" },
			"zone hoster.net.: its records give ns.hoster.net. the addresses [192.0.2.53 192.0.2.54]"),
		Entry("the zone of a name server is missing", func(s *HierarchySpec) { s.Zones = s.Zones[:1]; s.Zones[0].NameServers[1].Addrs = addrs("192.0.2.53") },
			"zone victim.co.uk.: name server ns.hoster.net. lies in no registrant's zone"),
		Entry("a name server has no address anywhere", func(s *HierarchySpec) { s.Zones[1].NameServers[0].Addrs = nil },
			"no address is known for its name server ns.hoster.net."),
		Entry("a zone's records are bad", func(s *HierarchySpec) { s.Zones[0].Records = "\n\n@ IN A nonsense\n" },
			"zone victim.co.uk:3: dns: bad A A"),
		Entry("a record lies below a delegation", func(s *HierarchySpec) { s.Registries[0].Records = "www.victim.co IN TXT x\n" },
			"zone uk:1: www.victim.co.uk. TXT: never answered: victim.co.uk. is delegated"),
		Entry("a TTL is no number of seconds", func(s *HierarchySpec) { s.TTL = 1 }, "TTL 1ns"),
	)
})

var _ = Describe("A signed name space", func() {
	var spec HierarchySpec
	BeforeEach(func() {
		spec = kingdom()
		spec.Sign = signedFor(nil)
		spec.Zones[0].Sign = signedFor(func(s *SigningSpec) { s.Algorithm = ED25519 })
	})

	build := func() *Hierarchy {
		GinkgoHelper()
		h, err := spec.Build()
		Expect(err).NotTo(HaveOccurred())
		return h
	}
	// vouched returns the zones that have DS records in the zone above, and how
	// many.
	vouched := func(h *Hierarchy) map[string]int {
		out := map[string]int{}
		for _, z := range h.zones {
			for _, n := range z.nodes {
				for _, ds := range n.set(dns.TypeDS) {
					out[ds.Header().Name]++
				}
			}
		}
		return out
	}

	It("signs the root and the registries, and of the registrants those that ask for it", func() {
		h := build()
		for origin, signed := range map[string]bool{".": true, "uk": true, "net": true, "victim.co.uk": true, "hoster.net": false} {
			Expect(h.Zone(origin).denial != nil).To(Equal(signed), origin)
		}
		Expect(vouched(h)).To(Equal(map[string]int{"uk.": 1, "net.": 1, "victim.co.uk.": 1}))
	})

	It("hands out the root's trust anchor", func() {
		h := build()
		Expect(h.TrustAnchor).To(Equal(h.Zone(".").TrustAnchor()))
		Expect(h.TrustAnchor.Zone).To(Equal("."))
		Expect(h.TrustAnchor.DS).To(ConsistOf(MatchRegexp(`^\. 300 IN DS \d+ 13 2 [0-9A-F]{64}$`)))
		spec.Sign = nil
		Expect(build().TrustAnchor).To(BeZero())
	})

	It("vouches for a zone with the very records of its trust anchor", func() {
		h := build()
		ds := h.Zone("uk").nodes["victim.co.uk."].set(dns.TypeDS)
		Expect(h.Zone("victim.co.uk").TrustAnchor().DS).To(ConsistOf(line(ds[0])))
	})

	It("vouches with as many digests as asked for", func() {
		spec.Zones[0].Sign.Digests = []Digest{SHA256Digest, SHA384Digest}
		Expect(vouched(build())).To(HaveKeyWithValue("victim.co.uk.", 2))
	})

	It("does not vouch for an island", func() {
		spec.Zones[0].Sign.Island = true
		h := build()
		Expect(vouched(h)).NotTo(HaveKey("victim.co.uk."))
		Expect(h.Zone("victim.co.uk").denial).NotTo(BeNil())
	})

	It("does not vouch in a registry that is left unsigned", func() {
		spec.Registries[0].Unsigned = true
		h := build()
		Expect(vouched(h)).To(Equal(map[string]int{"net.": 1}))
		Expect(h.Zone("uk").denial).To(BeNil())
	})

	It("signs a registry in its own way", func() {
		spec.Registries[0].Sign = signedFor(func(s *SigningSpec) { s.NSEC3 = &NSEC3Spec{OptOut: true} })
		h := build()
		Expect(h.Zone("uk").denial).To(BeAssignableToTypeOf(&nsec3Chain{}))
		Expect(h.Zone("net").denial).To(BeAssignableToTypeOf(&nsecChain{}))
	})

	It("signs a registry that nobody lists", func() {
		spec.DefaultRegistry = []NameServer{{"a.registry.net", addrs("192.0.2.1")}}
		spec.Zones = append(spec.Zones, ZoneSpec{Origin: "shop.example", NameServers: []NameServer{{Name: "ns.hoster.net"}}})
		Expect(vouched(build())).To(HaveKey("example."))
	})

	It("leaves DS records alone that are written out", func() {
		spec.Registries[0].Records = "victim.co IN DS 1 13 2 00\nvictim.co IN NS ns1.victim.co\nns1.victim.co IN A 203.0.113.53\n"
		Expect(text(build().Zone("uk"))).To(ContainElement("victim.co.uk. DS 1 13 2 00"))
		Expect(vouched(build())).To(HaveKeyWithValue("victim.co.uk.", 1))
	})

	It("vouches beside a delegation that is written out", func() {
		spec.Registries[0].Records = "victim.co IN NS ns.forgotten.example.\n"
		Expect(vouched(build())).To(HaveKeyWithValue("victim.co.uk.", 1))
	})

	It("vouches for what is stripped", func() {
		spec.Zones[0].Sign.Faults = []Fault{{Kind: Stripped}}
		h := build()
		Expect(vouched(h)).To(HaveKey("victim.co.uk."))
		Expect(h.Zone("victim.co.uk").Text()).NotTo(ContainSubstring("RRSIG"))
	})

	It("vouches for another key where the DS records are to be wrong", func() {
		right := build().Zone("victim.co.uk").TrustAnchor()
		spec.Zones[0].Sign.Faults = []Fault{{Kind: WrongDS}}
		wrong := build().Zone("victim.co.uk").TrustAnchor()
		Expect(wrong.DNSKEY).To(Equal(right.DNSKEY))
		Expect(wrong.DS).NotTo(Equal(right.DS))
	})

	It("is the same whatever the order of its zones", func() {
		forward := build()
		slices.Reverse(spec.Zones)
		slices.Reverse(spec.Registries)
		backward := build()
		for apex, z := range forward.zones {
			Expect(backward.Zone(apex).Text()).To(Equal(z.Text()))
		}
	})

	DescribeTable("is refused if",
		func(spoil func(*HierarchySpec), want string) {
			spoil(&spec)
			_, err := spec.Build()
			Expect(err).To(MatchError(ContainSubstring(want)))
		},
		Entry("its dates are missing", func(s *HierarchySpec) { s.Sign = &SigningSpec{} }, "name space: zone .: sign: signatures from"),
		Entry("a registrant's fault fits nothing", func(s *HierarchySpec) { s.Zones[0].Sign.Faults = []Fault{{Kind: Expired, Type: "MX"}} },
			"name space: zone victim.co.uk.: sign: fault 1, expired: fits no RRset"),
	)
})

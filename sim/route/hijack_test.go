package route_test

import (
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// The same small Internet for every spec. Providers stand above customers, ==
// is a peering:
//
//	     10 ====== 20
//	    /  \      /  \
//	  30    40  50 == 60
//	  |     |   |     |
//	victim  |   |  attacker
//	  1     2   3     4
const victim, attacker = 1, 4

var _ = Describe("A prefix hijack", func() {
	var engine *route.Engine

	BeforeEach(func() {
		var b topology.Builder
		for _, l := range [][2]topology.ASN{{10, 30}, {10, 40}, {20, 50}, {20, 60}, {30, victim}, {40, 2}, {50, 3}, {60, attacker}} {
			b.AddLink(topology.Link{A: l[0], B: l[1], Kind: topology.Transit})
		}
		b.AddLink(topology.Link{A: 10, B: 20, Kind: topology.Peering})
		b.AddLink(topology.Link{A: 50, B: 60, Kind: topology.Peering})
		g, findings, err := b.Build()
		Expect(err).NotTo(HaveOccurred())
		Expect(findings).To(BeEmpty())
		engine = route.NewEngine(g)
	})

	// reached returns where packets from each AS to addr arrive, 0 for nowhere.
	reached := func(addr string, announcements ...string) map[topology.ASN]topology.ASN {
		GinkgoHelper()
		var anns []route.Announcement
		for _, text := range announcements {
			a, err := route.ParseAnnouncement(text)
			Expect(err).NotTo(HaveOccurred())
			anns = append(anns, a)
		}
		table, err := engine.PropagateAll(anns, route.Options{})
		Expect(err).NotTo(HaveOccurred())
		at := map[topology.ASN]topology.ASN{}
		for i, asn := range engine.Graph().ASNs() {
			if r, ok := table.Lookup(int32(i), netip.MustParseAddr(addr)); ok {
				at[asn], _ = r.Announcer(int32(i))
			} else {
				at[asn] = 0
			}
		}
		return at
	}
	type catchment = map[topology.ASN]topology.ASN

	DescribeTable("splits the Internet by relationship and length",
		func(announcements []string, want catchment) {
			Expect(reached("203.0.113.1", announcements...)).To(Equal(want))
		},
		Entry("everybody reaches the victim while nobody attacks",
			[]string{"1=203.0.113.0/24"},
			catchment{1: 1, 2: 1, 3: 1, 4: 1, 10: 1, 20: 1, 30: 1, 40: 1, 50: 1, 60: 1}),
		Entry("an equally-specific prefix captures the attacker's half",
			[]string{"1=203.0.113.0/24", "4=203.0.113.0/24"},
			catchment{1: 1, 2: 1, 3: 4, 4: 4, 10: 1, 20: 4, 30: 1, 40: 1, 50: 4, 60: 4}),
		Entry("a forged origin captures the same half, because customer routes win at any length",
			[]string{"1=203.0.113.0/24", "4 1=203.0.113.0/24"},
			catchment{1: 1, 2: 1, 3: 4, 4: 4, 10: 1, 20: 4, 30: 1, 40: 1, 50: 4, 60: 4}),
		Entry("prepending does not help the victim against a peer's and a customer's route",
			[]string{"1=203.0.113.0/24", "4 4 4 4 4=203.0.113.0/24"},
			catchment{1: 1, 2: 1, 3: 4, 4: 4, 10: 1, 20: 4, 30: 1, 40: 1, 50: 4, 60: 4}),
		Entry("a sub-prefix captures everybody, the victim's own AS included",
			[]string{"1=203.0.112.0/23", "4=203.0.113.0/24"},
			catchment{1: 4, 2: 4, 3: 4, 4: 4, 10: 4, 20: 4, 30: 4, 40: 4, 50: 4, 60: 4}),
		Entry("a sub-prefix with a forged origin captures everybody but the victim, who rejects its own number",
			[]string{"1=203.0.112.0/23", "4 1=203.0.113.0/24"},
			catchment{1: 1, 2: 4, 3: 4, 4: 4, 10: 4, 20: 4, 30: 4, 40: 4, 50: 4, 60: 4}),
		Entry("a poisoned path is rejected by the AS that it names, and by all who hear it only from there",
			[]string{"1=203.0.113.0/24", "4 20 4=203.0.113.0/24"},
			catchment{1: 1, 2: 1, 3: 4, 4: 4, 10: 1, 20: 1, 30: 1, 40: 1, 50: 4, 60: 4}),
	)

	It("leaves addresses outside of the sub-prefix with the victim", func() {
		Expect(reached("203.0.112.1", "1=203.0.112.0/23", "4=203.0.113.0/24")).To(HaveEach(topology.ASN(victim)))
	})

	It("does not carry a peer's route up to a provider", func() {
		var b topology.Builder
		b.AddLink(topology.Link{A: 20, B: 4, Kind: topology.Transit})
		b.AddLink(topology.Link{A: 3, B: 4, Kind: topology.Peering})
		g, _, err := b.Build()
		Expect(err).NotTo(HaveOccurred())
		engine = route.NewEngine(g)
		Expect(reached("203.0.113.1", "3=203.0.113.0/24")).To(Equal(catchment{3: 3, 4: 3, 20: 0}))
	})
})

package route_test

import (
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// TestInfluence has one case for each thing that can make a difference, and what
// takes its effect away.
func TestInfluence(t *testing.T) {
	g := NewWithT(t)
	var b topology.Builder
	b.AddLink(topology.Link{A: 1, B: 2, Kind: topology.Transit})
	b.AddLink(topology.Link{A: 1, B: 3, Kind: topology.Transit})
	graph, _, err := b.Build()
	g.Expect(err).NotTo(HaveOccurred())
	e := route.NewEngine(graph)
	prefix := netip.MustParsePrefix("203.0.113.0/24")
	vrps, err := rpki.NewVRPs([]rpki.VRP{{Prefix: prefix, MaxLength: 24, Origin: 2}})
	g.Expect(err).NotTo(HaveOccurred())
	aspas, err := rpki.NewASPAs([]rpki.ASPA{{Customer: 2, Providers: []topology.ASN{1}}})
	g.Expect(err).NotTo(HaveOccurred())
	ends, err := rpki.NewPathEnds([]rpki.PathEnd{{Origin: 2, Neighbors: []topology.ASN{1}}})
	g.Expect(err).NotTo(HaveOccurred())
	victim := route.Announcement{Prefix: prefix, Path: []topology.ASN{2}}
	plain := route.Announcement{Prefix: prefix, Path: []topology.ASN{3}, Attacker: true}
	forged := route.Announcement{Prefix: prefix, Path: []topology.ASN{3, 2}, Attacker: true}
	leaked := forged
	leaked.Forwards = true
	for _, c := range []struct {
		what   string
		o      route.PoliciesOptions
		attack route.Announcement
		want   route.Influence
	}{
		{"nothing", route.PoliciesOptions{}, plain, route.InfluenceNone},
		{"a scope", route.PoliciesOptions{}, leaked, route.InfluencePath},
		{"ROV without VRPs", route.PoliciesOptions{Default: route.Policy{ROV: route.ROVOn}}, plain, route.InfluenceNone},
		{"ROV", route.PoliciesOptions{VRPs: vrps, Default: route.Policy{ROV: route.ROVOn}}, plain, route.InfluenceOrigin},
		{"VRPs without ROV", route.PoliciesOptions{VRPs: vrps}, plain, route.InfluenceNone},
		{"ROV and a forged origin", route.PoliciesOptions{VRPs: vrps, Default: route.Policy{ROV: route.ROVOn}}, forged, route.InfluenceNone},
		{"ROV++", route.PoliciesOptions{VRPs: vrps, Default: route.Policy{ROVPP: true}}, plain, route.InfluenceOrigin},
		{"prefer valid", route.PoliciesOptions{VRPs: vrps, Default: route.Policy{ROV: route.ROVPreferValid}}, plain, route.InfluencePath},
		{"prefer valid, both valid", route.PoliciesOptions{VRPs: vrps, Default: route.Policy{ROV: route.ROVPreferValid}}, forged, route.InfluenceNone},
		{"ASPA", route.PoliciesOptions{ASPAs: aspas, Default: route.Policy{ASPA: true}}, forged, route.InfluencePath},
		{"ASPA without attestations", route.PoliciesOptions{Default: route.Policy{ASPA: true}}, forged, route.InfluenceNone},
		{"path-end", route.PoliciesOptions{PathEnds: ends, Default: route.Policy{PathEnd: true}}, forged, route.InfluencePath},
		{"peerlock", route.PoliciesOptions{Protected: []topology.ASN{1}, Default: route.Policy{PeerlockLite: true}}, plain, route.InfluencePath},
		{"OTC, no mark", route.PoliciesOptions{Default: route.Policy{OTC: true}}, plain, route.InfluenceNone},
		{"first AS", route.PoliciesOptions{Default: route.Policy{FirstAS: true}}, forged, route.InfluenceNone},
		{"BGPsec", route.PoliciesOptions{Default: route.Policy{BGPsec: true}}, forged, route.InfluencePath},
		{"too long", route.PoliciesOptions{LongestIPv4: 23}, plain, route.InfluencePath},
	} {
		policies, err := route.NewPolicies(graph, c.o)
		g.Expect(err).NotTo(HaveOccurred())
		anns := []route.Announcement{victim, c.attack}
		got, err := e.Influence(anns, policies)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(Equal(c.want), c.what)
		r, err := e.Propagate(anns, route.Options{Policies: policies})
		g.Expect(err).NotTo(HaveOccurred())
		plain := r.Method() == route.MethodPlain
		g.Expect(plain).To(Equal(c.want == route.InfluenceNone), c.what)
	}
	_, err = e.Influence(nil, nil)
	g.Expect(err).To(MatchError(ContainSubstring("no announcement")))
}

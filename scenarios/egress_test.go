package scenarios_test

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/scenarios"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

func TestParseEgress(t *testing.T) {
	for text, want := range map[string]scenarios.Egress{
		"":           {Model: scenarios.EgressAuto, Providers: 2},
		"auto":       {Model: scenarios.EgressAuto, Providers: 2},
		"backbone":   {Model: scenarios.EgressBackbone, Providers: 2},
		"neighbors":  {Model: scenarios.EgressNeighbors, Providers: 2},
		"nearest":    {Model: scenarios.EgressNearest, Providers: 2},
		"nearest:1":  {Model: scenarios.EgressNearest, Providers: 1},
		"nearest:64": {Model: scenarios.EgressNearest, Providers: 64},
	} {
		t.Run("good "+text, func(t *testing.T) {
			g := NewWithT(t)
			e, err := scenarios.ParseEgress(text)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e).To(Equal(want))
			g.Expect(e.Assumption()).To(HavePrefix("each region "))
		})
	}
	for _, text := range []string{"far", "Auto", " auto", "auto:2", "backbone:", "nearest:", "nearest:0", "nearest:65", "nearest:-1", "nearest:two", "nearest:2:3", ":2"} {
		t.Run("bad "+text, func(t *testing.T) {
			g := NewWithT(t)
			_, err := scenarios.ParseEgress(text)
			g.Expect(err).To(MatchError(HavePrefix(`egress model "` + text + `": want auto, backbone, neighbors, nearest or nearest:N`)))
		})
	}
}

// attachGraph has a cloud (AS 100: providers 1 and 2, peers 3 and 4), a lonely
// cloud with nothing but a customer (AS 200), and transit ASes along the equator:
// AS n at n degrees east.
func attachGraph(t *testing.T) *topology.Graph {
	t.Helper()
	var b topology.Builder
	link := func(a, c topology.ASN, kind topology.LinkKind) { b.AddLink(topology.Link{A: a, B: c, Kind: kind}) }
	link(1, 100, topology.Transit)
	link(2, 100, topology.Transit)
	link(3, 100, topology.Peering)
	link(100, 4, topology.Peering)
	link(200, 201, topology.Transit)
	for _, as := range []topology.ASN{1, 2, 3} {
		for customer := range topology.ASN(5) {
			link(as, 1000+10*as+customer, topology.Transit)
		}
		b.SetPlace(as, place.Location{Lon: float64(as)})
	}
	link(5, 1050, topology.Transit) // nearer, but with one customer only
	b.SetPlace(5, place.Location{Lon: 0.5})
	b.SetPlace(1050, place.Location{Lon: 0.1}) // nearest, but no transit AS
	g, findings, err := b.Build()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(findings).To(BeEmpty())
	return g
}

func region(name string, cloud uint32) scenarios.ResolvedSite {
	return scenarios.ResolvedSite{Perspective: perspectives.Perspective{Name: name, RIR: place.AFRINIC, ASN: cloud}}
}

func TestAttach(t *testing.T) {
	explicit := region("a", 100)
	explicit.Providers, explicit.Peers = []topology.ASN{4, 1}, []topology.ASN{2}
	inAS := region("a", 100)
	inAS.AS = 1012
	for name, c := range map[string]struct {
		site             scenarios.ResolvedSite
		egress           string
		model            string
		providers, peers []topology.ASN
		inside           []topology.ASN
	}{
		"backbone":             {region("a", 100), "backbone", "backbone", []topology.ASN{100}, nil, []topology.ASN{100}},
		"neighbors":            {region("a", 100), "neighbors", "neighbors", []topology.ASN{1, 2}, []topology.ASN{3, 4}, []topology.ASN{100}},
		"nearest":              {region("a", 100), "nearest", "nearest", []topology.ASN{1, 2}, nil, []topology.ASN{100}},
		"nearest one":          {region("a", 100), "nearest:1", "nearest", []topology.ASN{1}, nil, []topology.ASN{100}},
		"nearest three":        {region("a", 100), "nearest:3", "nearest", []topology.ASN{1, 2, 3}, nil, []topology.ASN{100}},
		"nearest of too few":   {region("a", 100), "nearest:4", "nearest", []topology.ASN{5, 1, 2, 3}, nil, []topology.ASN{100}},
		"nearest of even less": {region("a", 100), "nearest:9", "nearest", []topology.ASN{5, 1, 2, 3}, nil, []topology.ASN{100}},
		"auto with its cloud":  {region("a", 100), "auto", "neighbors", []topology.ASN{1, 2}, []topology.ASN{3, 4}, []topology.ASN{100}},
		"auto without":         {region("a", 65000), "auto", "nearest", []topology.ASN{1, 2}, nil, nil},
		"auto without a cloud": {region("a", 0), "auto", "nearest", []topology.ASN{1, 2}, nil, nil},
		"explicit":             {explicit, "backbone", "explicit", []topology.ASN{4, 1}, []topology.ASN{2}, nil},
		"in an AS":             {inAS, "backbone", "as", nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			graph := attachGraph(t)
			before := graph.String()
			egress, err := scenarios.ParseEgress(c.egress)
			g.Expect(err).NotTo(HaveOccurred())
			extended, out, err := scenarios.Attach(graph, []scenarios.ResolvedSite{c.site}, egress)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(graph.String()).To(Equal(before), "the original stays")
			g.Expect(out).To(HaveLen(1))
			g.Expect(out[0].Model).To(Equal(c.model))
			g.Expect(out[0].Site).To(Equal(c.site))
			i, ok := extended.Index(out[0].ASN)
			g.Expect(ok).To(BeTrue())
			if c.model == "as" {
				g.Expect(out[0]).To(HaveField("Virtual", false))
				g.Expect(out[0].ASN).To(BeEquivalentTo(1012))
				g.Expect(extended.String()).To(Equal(before))
				return
			}
			g.Expect(out[0]).To(HaveField("Virtual", true))
			g.Expect(out[0].ASN).To(And(BeNumerically(">=", 4200000000), BeNumerically("<=", 4294967294)), "RFC 6996")
			_, taken := graph.Index(out[0].ASN)
			g.Expect(taken).To(BeFalse())
			asns := func(list []int32) (asns []topology.ASN) {
				for _, n := range list {
					asns = append(asns, extended.ASN(n))
				}
				return asns
			}
			g.Expect(extended.Customers(i)).To(BeEmpty())
			g.Expect(out[0].Inside).To(ConsistOf(c.inside))
			if len(c.inside) > 0 { // the region's own links, then those of its way out
				g.Expect(asns(extended.Providers(i))).To(Equal([]topology.ASN{out[0].Exit}))
				g.Expect(asns(extended.Peers(i))).To(ConsistOf(c.inside))
				exit, ok := extended.Index(out[0].Exit)
				g.Expect(ok).To(BeTrue())
				g.Expect(asns(extended.Customers(exit))).To(Equal([]topology.ASN{out[0].ASN}))
				at, placed := extended.Place(exit)
				g.Expect(placed).To(BeTrue())
				g.Expect(at).To(Equal(c.site.Perspective.Location))
				g.Expect(out[0].Links).To(HaveLen(1 + len(c.providers) + len(c.peers) + len(c.inside)))
				g.Expect(asns(extended.Providers(exit))).To(ConsistOf(c.providers))
				g.Expect(asns(extended.Peers(exit))).To(ConsistOf(c.peers))
			} else {
				g.Expect(out[0].Exit).To(BeZero())
				g.Expect(asns(extended.Providers(i))).To(ConsistOf(c.providers))
				g.Expect(asns(extended.Peers(i))).To(ConsistOf(c.peers))
				g.Expect(out[0].Links).To(HaveLen(len(c.providers) + len(c.peers)))
			}
			g.Expect(out[0].Neighbors()).To(Equal(len(c.providers) + len(c.peers) + len(c.inside)))
			g.Expect(extended.Links()).To(Equal(graph.Links() + len(out[0].Links)))
			at, placed := extended.Place(i)
			g.Expect(placed).To(BeTrue())
			g.Expect(at).To(Equal(c.site.Perspective.Location))
		})
	}
}

// On a topology whose AS numbers are made up, a region has nothing inside, and older
// ones than the region have another AS of its operator.
func TestAttachOperator(t *testing.T) {
	g := NewWithT(t)
	var b topology.Builder
	for _, l := range []topology.Link{{A: 1, B: 16509}, {A: 16509, B: 14618}, {A: 1, B: 24940}, {A: 2, B: 24940, Kind: topology.Peering}} {
		b.AddLink(l)
	}
	b.SetPlace(1, place.Location{})
	graph, _, err := b.Build()
	g.Expect(err).NotTo(HaveOccurred())
	attach := func(name, egress, kind string) scenarios.Attachment {
		p, err := catalog.Lookup(name)
		g.Expect(err).NotTo(HaveOccurred())
		e, err := scenarios.ParseEgress(egress)
		g.Expect(err).NotTo(HaveOccurred())
		e, err = e.On(kind)
		g.Expect(err).NotTo(HaveOccurred())
		_, out, err := scenarios.Attach(graph, []scenarios.ResolvedSite{{Perspective: p}}, e)
		g.Expect(err).NotTo(HaveOccurred())
		return out[0]
	}
	for _, egress := range []string{"auto", "neighbors", "backbone", "nearest"} {
		g.Expect(attach("aws/eu-west-1", egress, "file").Inside).To(Equal([]topology.ASN{14618, 16509}), egress)
	}
	g.Expect(attach("hetzner/ash", "auto", "file")).To(And(
		HaveField("Inside", []topology.ASN{24940}), HaveField("Providers", []topology.ASN{1}), HaveField("Peers", []topology.ASN{2})),
		"AS 213230 is younger than the topology")
	for _, kind := range []string{"synthetic", "inline"} {
		g.Expect(attach("aws/eu-west-1", "auto", kind)).To(And(HaveField("Inside", BeEmpty()), HaveField("Model", "nearest"), HaveField("Exit", BeZero())), kind)
		g.Expect(attach("aws/eu-west-1", "nearest", kind).Inside).To(BeEmpty(), kind)
	}
	for _, model := range []string{"backbone", "neighbors"} {
		e, _ := scenarios.ParseEgress(model)
		_, err := e.On("synthetic")
		g.Expect(err).To(MatchError(ContainSubstring("a synthetic Internet has no clouds")))
	}
}

// A region's AS number follows from its name alone, so that its seeded ties fall
// the same way in every set that it is part of.
func TestAttachNumbers(t *testing.T) {
	g := NewWithT(t)
	graph := attachGraph(t)
	number := func(graph *topology.Graph, names ...string) map[string]topology.ASN {
		var sites []scenarios.ResolvedSite
		for _, n := range names {
			sites = append(sites, region(n, 100))
		}
		_, out, err := scenarios.Attach(graph, sites, scenarios.Egress{Model: scenarios.EgressBackbone})
		g.Expect(err).NotTo(HaveOccurred())
		numbers := map[string]topology.ASN{}
		for _, a := range out {
			numbers[a.Site.Perspective.Name] = a.ASN
		}
		return numbers
	}
	all := number(graph, "a", "b", "c")
	g.Expect(all).To(HaveLen(3))
	g.Expect(number(graph, "c", "a")).To(Equal(map[string]topology.ASN{"a": all["a"], "c": all["c"]}))
	g.Expect(all["a"]).NotTo(Equal(all["b"]))

	// If the number is in use, the next one is taken.
	b := topology.Extend(graph)
	b.AddAS(all["a"])
	taken, _, err := b.Build()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(number(taken, "a")["a"]).To(Equal(all["a"] + 1))
}

func TestAttachErrors(t *testing.T) {
	with := func(s scenarios.ResolvedSite, f func(*scenarios.ResolvedSite)) scenarios.ResolvedSite {
		f(&s)
		return s
	}
	var b topology.Builder
	b.AddLink(topology.Link{A: 1, B: 2})
	nowhere, _, err := b.Build()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for name, c := range map[string]struct {
		graph  *topology.Graph
		site   scenarios.ResolvedSite
		egress string
		want   string
	}{
		"an AS that is not there":       {attachGraph(t), with(region("a", 0), func(s *scenarios.ResolvedSite) { s.AS = 7 }), "auto", "AS 7 is not in the topology"},
		"a provider that is not there":  {attachGraph(t), with(region("a", 0), func(s *scenarios.ResolvedSite) { s.Providers = []topology.ASN{1, 7} }), "auto", "neighbour AS 7 is not in the topology"},
		"a peer that is not there":      {attachGraph(t), with(region("a", 0), func(s *scenarios.ResolvedSite) { s.Peers = []topology.ASN{7} }), "auto", "neighbour AS 7 is not in the topology"},
		"a cloud that is not there":     {attachGraph(t), region("a", 300), "backbone", "egress model backbone: its cloud's AS 300 is not in the topology"},
		"neighbours of an absent cloud": {attachGraph(t), region("a", 300), "neighbors", "egress model neighbors: its cloud's AS 300 is not in the topology"},
		"a cloud without providers":     {attachGraph(t), region("a", 200), "neighbors", "its cloud's AS 200 has neither providers nor peers"},
		"a map without places":          {nowhere, region("a", 0), "nearest", "egress model nearest: no transit AS of the topology has a known place, and the perspective names no as, providers or peers"},
		"a map without places, auto":    {nowhere, region("a", 0), "auto", "egress model nearest: no transit AS of the topology has a known place, and the perspective names no as, providers or peers"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			egress, err := scenarios.ParseEgress(c.egress)
			g.Expect(err).NotTo(HaveOccurred())
			_, _, err = scenarios.Attach(c.graph, []scenarios.ResolvedSite{c.site}, egress)
			g.Expect(errors.Is(err, scenarios.ErrCannotAttach)).To(BeTrue())
			g.Expect(err).To(MatchError(`perspective "a": ` + c.want + ": cannot be attached to the topology"))
		})
	}
}

package resolver_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
	"mpicsim/sim/names"
)

func surveyOf(t *testing.T, r *resolver.Resolver, name string, limits resolver.SurveyLimits) *resolver.Survey {
	t.Helper()
	s, err := r.NewSurveyor(limits)
	if err != nil {
		t.Fatal(err)
	}
	survey, err := s.Survey(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return survey
}

// brief is what tests compare of a survey.
func brief(s *resolver.Survey) (namesFound, zones []string) {
	for _, n := range s.Names {
		text := fmt.Sprintf("%s in %s %v", n.Name, n.Zone, n.Status)
		if n.Alias != "" {
			text += " -> " + n.Alias
		}
		for _, a := range n.Addresses {
			text += " " + a.String()
		}
		namesFound = append(namesFound, text)
	}
	for _, z := range s.Zones {
		text := fmt.Sprintf("%s %v", z.Name, z.Status)
		for _, server := range z.Servers {
			text += " " + server.Name
			if len(server.Glue) == 0 {
				text += "(no glue)"
			}
			if !server.Apex && z.Name != "." {
				text += "(parent only)"
			}
			if !server.Delegated {
				text += "(child only)"
			}
		}
		zones = append(zones, text)
	}
	return namesFound, zones
}

// TestSurveySeesEveryServer: those without glue with their own chain, those that
// only the zone itself names, and the targets of aliases.
func TestSurveySeesEveryServer(t *testing.T) {
	g := NewWithT(t)
	w := resolvertest.Start(t,
		resolvertest.Server{Addr: "127.0.0.2", Zones: []resolvertest.Zone{{Origin: ".", Records: `
test.  NS a.nic.test.
a.nic.test. A 127.0.0.3
`}}},
		resolvertest.Server{Addr: "127.0.0.3", Zones: []resolvertest.Zone{{Origin: "test.", Records: `
@ NS a.nic
shop NS ns1.host
shop NS ns.shop
ns.shop A 127.0.0.4
host NS ns.host
ns.host A 127.0.0.5
cdn NS ns.cdn
ns.cdn A 127.0.0.6
`}}},
		resolvertest.Server{Addr: "127.0.0.4", Zones: []resolvertest.Zone{{Origin: "shop.test.", Records: `
@ NS ns
@ NS ns2.cdn.test.
@ A 192.0.2.1
ns A 127.0.0.4
www CNAME edge.cdn.test.
a.b A 192.0.2.2
`}}},
		resolvertest.Server{Addr: "127.0.0.5", Zones: []resolvertest.Zone{{Origin: "host.test.", Records: "@ NS ns\nns A 127.0.0.5\nns1 A 127.0.0.7\nns1 AAAA ::1\n"}}},
		resolvertest.Server{Addr: "127.0.0.6", Zones: []resolvertest.Zone{{Origin: "cdn.test.", Records: "@ NS ns\nns A 127.0.0.6\nns2 A 127.0.0.8\nedge A 192.0.2.3\nedge AAAA 2001:db8::3\n"}}},
	)
	r, err := resolver.New(resolver.Options{Network: &net.Dialer{}, Clock: tick(), Roots: w.Roots("127.0.0.2"), Port: w.Port})
	g.Expect(err).NotTo(HaveOccurred())
	found, zones := brief(surveyOf(t, r, "www.shop.test", resolver.SurveyLimits{}))
	g.Expect(found).To(Equal([]string{
		"www.shop.test. in shop.test. indeterminate -> edge.cdn.test.",
		"ns1.host.test. in host.test. indeterminate 127.0.0.7 ::1",
		"ns2.cdn.test. in cdn.test. indeterminate 127.0.0.8",
		"edge.cdn.test. in cdn.test. indeterminate 192.0.2.3 2001:db8::3",
	}))
	g.Expect(zones).To(Equal([]string{
		". indeterminate a.root-servers.test.",
		"test. indeterminate a.nic.test.",
		"shop.test. indeterminate ns1.host.test.(no glue)(parent only) ns.shop.test. ns2.cdn.test.(no glue)(child only)",
		"host.test. indeterminate ns.host.test.",
		"cdn.test. indeterminate ns.cdn.test.",
	}))
	found, _ = brief(surveyOf(t, r, "a.b.shop.test.", resolver.SurveyLimits{}))
	g.Expect(found[0]).To(Equal("a.b.shop.test. in shop.test. indeterminate 192.0.2.2"), "below a name that holds nothing")
}

// TestSurveySaysWhatIsSigned: statuses of names and zones, cuts that no referral
// shows, and what is broken.
func TestSurveySaysWhatIsSigned(t *testing.T) {
	g := NewWithT(t)
	spec := guarded(signed(), signed())
	zoneOf(&spec, "victim2.example").Sign = signed(faulty(names.Fault{Kind: names.Expired}))
	w := launch(t, spec)
	r := w.resolver(t)
	for name, want := range map[string]string{
		"www.victim.example":            "www.victim.example. in victim.example. secure 192.0.2.80 2001:db8::80",
		"www.open.victim.example":       "www.open.victim.example. in open.victim.example. insecure 192.0.2.91",
		"www.child.victim.example":      "www.child.victim.example. in child.victim.example. secure 192.0.2.92",
		"www.plainchild.victim.example": "www.plainchild.victim.example. in plainchild.victim.example. insecure 192.0.2.93",
		"tochild.victim.example":        "tochild.victim.example. in victim.example. secure -> www.child.victim.example.",
		"toplainch.victim.example":      "toplainch.victim.example. in victim.example. secure -> www.plainchild.victim.example.",
		"www.moved.victim.example":      "www.moved.victim.example. in victim.example. secure -> www.sub.victim.example.",
		"any.plain.example":             "any.plain.example. in plain.example. insecure 192.0.2.5",
		"x.calias.victim.example":       "x.calias.victim.example. in victim.example. secure -> www.victim.example.",
		"nowhere.victim.example":        "nowhere.victim.example. in victim.example. secure",
		"www.victim2.example":           "www.victim2.example. in victim2.example. bogus",
	} {
		survey := surveyOf(t, r, name, resolver.SurveyLimits{})
		found, _ := brief(survey)
		g.Expect(found[0]).To(Equal(want))
		g.Expect(survey.Trace).NotTo(BeEmpty())
		if name != "www.victim2.example" {
			for _, n := range survey.Names {
				g.Expect(n.Gaps).To(BeEmpty(), name)
			}
			continue
		}
		g.Expect(survey.Names[0].Gaps).To(ContainElement(ContainSubstring("Signature Expired")))
		g.Expect(survey.Zones[2].Status).To(Equal(resolver.Bogus))
	}
}

// TestSurveyIsBounded: a limit leaves a gap; so does whoever does not answer.
func TestSurveyIsBounded(t *testing.T) {
	g := NewWithT(t)
	// Every zone's only name server is in the next zone, without end.
	spec := names.HierarchySpec{
		Root:       []names.NameServer{{Name: "a.root-servers.example", Addrs: addr(rootIP)}},
		Registries: []names.ZoneSpec{{Origin: "example", NameServers: []names.NameServer{{Name: "a.nic.example", Addrs: addr(tldIP)}}, Records: "a.root-servers IN A " + rootIP}},
	}
	const zones = 30
	for n := range zones {
		server := names.NameServer{Name: fmt.Sprintf("ns.z%d.test%d", n+1, n+1), Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + n)})}}
		if n == zones-1 {
			server.Name, server.Addrs = fmt.Sprintf("ns.z%d.test%d", n, n), addr("192.0.2.128")
		}
		origin := fmt.Sprintf("z%d.test%d", n, n)
		spec.Zones = append(spec.Zones, names.ZoneSpec{Origin: origin, NameServers: []names.NameServer{server}, Records: "@ IN A 192.0.2.1"})
	}
	spec.DefaultRegistry = []names.NameServer{{Name: "b.nic.example", Addrs: addr("192.0.2.99")}}
	w := launch(t, spec)
	r := w.resolver(t)

	all := surveyOf(t, r, "z28.test28", resolver.SurveyLimits{})
	g.Expect(all.Gaps).To(BeEmpty())
	few := surveyOf(t, r, "z20.test20", resolver.SurveyLimits{Names: 3})
	g.Expect(few.Names).To(HaveLen(3))
	g.Expect(few.Gaps).To(ConsistOf(ContainSubstring("more than 3 names")))
	shallow := surveyOf(t, r, "z25.test25", resolver.SurveyLimits{Depth: 2})
	g.Expect(shallow.Gaps).To(ConsistOf("ns.z28.test28.: name servers without glue nest more than 2 deep"))
	short := surveyOf(t, r, "z25.test25", resolver.SurveyLimits{Queries: 5})
	g.Expect(fmt.Sprint(short.Names)).To(ContainSubstring("limit reached"))

	_, err := r.NewSurveyor(resolver.SurveyLimits{Names: -1})
	g.Expect(err).To(MatchError(ContainSubstring("survey limit Names: found -1")))
	s, err := r.NewSurveyor(resolver.SurveyLimits{})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = s.Survey(t.Context(), "a..b")
	g.Expect(err).To(MatchError(resolver.ErrName))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Survey(ctx, "z1.test1")
	g.Expect(err).To(MatchError(context.Canceled))

	delete(w.servers, netip.MustParseAddr("192.0.2.99"))
	dead := surveyOf(t, r, "www.z3.test3", resolver.SurveyLimits{})
	g.Expect(dead.Names[0].Zone).To(Equal("test3."))
	g.Expect(dead.Names[0].Gaps).To(ConsistOf(ContainSubstring("server unreachable")))
}

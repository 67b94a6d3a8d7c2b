package route_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// bgpyCase is one engine test of BGPy (jfuruness/bgpy_pkg, MIT) as a black box.
type bgpyCase struct {
	Name  string `json:"name"`
	Links struct {
		Transit [][2]topology.ASN `json:"p2c"`
		Peering [][2]topology.ASN `json:"p2p"`
	} `json:"links"`
	Scenario  string         `json:"scenario"`
	Attackers []topology.ASN `json:"attackers"`
	Victims   []topology.ASN `json:"victims"`
	Seeds     []struct {
		Prefix netip.Prefix   `json:"prefix"`
		Path   []topology.ASN `json:"as_path"`
		AS     topology.ASN   `json:"seed_asn"`
	} `json:"seeds"`
	ROAs []struct {
		Prefix    netip.Prefix `json:"prefix"`
		Origin    topology.ASN `json:"origin"`
		MaxLength int          `json:"max_length"`
	} `json:"roas"`
	Policies map[topology.ASN]string `json:"policies"`
	Expect   struct {
		RIB       map[topology.ASN][]bgpyRoute `json:"local_rib"`
		DataPlane map[topology.ASN]string      `json:"data_plane"`
	} `json:"expect"`
}

type bgpyRoute struct {
	Prefix   netip.Prefix   `json:"prefix"`
	Path     []topology.ASN `json:"as_path"`
	Received string         `json:"recv"`
}

// outOfScope returns why a case cannot be expressed, "" if it can.
func (c bgpyCase) outOfScope() string {
	for _, p := range c.Policies {
		if p == "RoSTFull" {
			return "RoST is no policy here: it undoes routes that live on because AS 666 suppresses a withdrawal, so that the outcome depends on what was announced before"
		}
	}
	return ""
}

// bgpyPolicies returns what BGPy's policies are here, without the suffix Full,
// which keeps RIBs-in and decides alike. Its ASPA and PathEnd validate origins too.
// Its PeerROV is nothing here, with [bgpyCase.expectPeerROVIdle].
func bgpyPolicies() map[string]route.Policy {
	return map[string]route.Policy{
		"BGP": {}, "ROV": {ROV: route.ROVOn}, "ASPA": {ROV: route.ROVOn, ASPA: true}, "OnlyToCustomers": {OTC: true},
		"PathEnd": {ROV: route.ROVOn, PathEnd: true}, "BGPSec": {BGPsec: true}, "ROVPPV1Lite": {ROVPP: true},
		"PeerROV": {}, "ShortestPathPrefixASPAAttacker": {},
	}
}

// policies compiles the case's policies: who does ASPA attests all its providers,
// and who validates path ends has a record.
func (c bgpyCase) policies(t *testing.T, g *topology.Graph) *route.Policies {
	t.Helper()
	asns := func(indexes []int32) (of []topology.ASN) {
		for _, i := range indexes {
			of = append(of, g.ASN(i))
		}
		return of
	}
	var vrps []rpki.VRP
	for _, r := range c.ROAs {
		vrps = append(vrps, rpki.VRP{Prefix: r.Prefix, MaxLength: r.MaxLength, Origin: r.Origin})
	}
	var aspas []rpki.ASPA
	var ends []rpki.PathEnd
	o := route.PoliciesOptions{PerAS: map[topology.ASN]route.Policy{}}
	for i, asn := range g.ASNs() {
		policy, ok := bgpyPolicies()[strings.TrimSuffix(c.Policies[asn], "Full")]
		if !ok {
			t.Fatalf("AS %d has the unknown policy %q", asn, c.Policies[asn])
		}
		o.PerAS[asn] = policy
		providers := asns(g.Providers(int32(i)))
		if policy.ASPA {
			aspas = append(aspas, rpki.ASPA{Customer: asn, Providers: append([]topology.ASN{0}, providers...)})
		}
		if policy.PathEnd {
			ends = append(ends, rpki.PathEnd{Origin: asn, Neighbors: slices.Concat(providers, asns(g.Peers(int32(i))), asns(g.Customers(int32(i))))})
		}
	}
	var errs [4]error
	o.VRPs, errs[0] = rpki.NewVRPs(vrps)
	o.ASPAs, errs[1] = rpki.NewASPAs(aspas)
	o.PathEnds, errs[2] = rpki.NewPathEnds(ends)
	policies, err := route.NewPolicies(g, o)
	errs[3] = err
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return policies
}

// announcements returns what is announced when the last round is over.
func (c bgpyCase) announcements(t *testing.T, e *route.Engine, o route.Options) []route.Announcement {
	t.Helper()
	var anns []route.Announcement
	for _, s := range c.Seeds {
		// In the other cases of several rounds 666 begins to leak, or 777 is back.
		if slices.Contains(c.Victims, s.AS) && (c.Scenario == "WithdrawalToPopulatedRIBsInScenario" || c.Scenario == "InvalidAnnPostWithdrawalScenario") {
			continue // 777 has withdrawn
		}
		a := route.Announcement{Prefix: s.Prefix, Path: s.Path}
		if s.Path[0] != s.AS {
			a.By = s.AS
		}
		switch {
		case c.Scenario == "AccidentalRouteLeak" && slices.Contains(c.Attackers, s.AS):
			before, err := e.Propagate(anns, o)
			if err != nil {
				t.Fatal(err)
			}
			i, _ := e.Graph().Index(s.AS)
			a.OTC, _ = before.OTC(i)
		case c.Policies[s.AS] == "ShortestPathPrefixASPAAttacker":
			// Customers are told the shortest path of all, since they expect it to come down.
			short := route.Announcement{Prefix: s.Prefix, Path: []topology.ASN{s.AS, a.Origin()}, Forwards: true}
			short.Export.Classes = route.ToCustomers
			a.Export.Classes = route.ToPeers | route.ToProviders
			anns = append(anns, short)
		}
		anns = append(anns, a)
	}
	return anns
}

// TestBGPyCases compares local RIB and data plane of every AS in BGPy's cases. Those
// that cannot be expressed are skipped by name, with the reason.
func TestBGPyCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(dataDir(t), "bgpy-cases", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	equal, ases := 0, 0
	var skipped []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c bgpyCase
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		why := c.outOfScope()
		if why != "" {
			skipped = append(skipped, c.Name+": "+why)
		}
		passed := t.Run(c.Name, func(t *testing.T) {
			if why != "" {
				t.Skip("SKIPPED:", why)
			}
			c.run(t)
		})
		if passed && why == "" {
			equal, ases = equal+1, ases+len(c.Policies)
		}
	}
	t.Logf("%d cases: %d equal at every AS (%d ASes), %d skipped\n%s", len(files), equal, ases, len(skipped), strings.Join(skipped, "\n"))
	if len(files) != 39 || len(skipped) != 2 {
		t.Errorf("%d cases, %d skipped, want 39 and 2", len(files), len(skipped))
	}
}

func (c bgpyCase) run(t *testing.T) {
	var b topology.Builder
	for asn := range c.Policies {
		b.AddAS(asn)
	}
	for _, l := range c.Links.Transit {
		b.AddLink(topology.Link{A: l[0], B: l[1], Kind: topology.Transit})
	}
	for _, l := range c.Links.Peering {
		b.AddLink(topology.Link{A: l[0], B: l[1], Kind: topology.Peering})
	}
	g, findings, err := b.Build()
	if err != nil || len(findings) > 0 {
		t.Fatal(findings, err)
	}
	engine, options := route.NewEngine(g), route.Options{Policies: c.policies(t, g)}
	table, err := engine.PropagateAll(c.announcements(t, engine, options), options)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Expect.RIB) != g.Len() || len(c.Expect.DataPlane) != g.Len() {
		t.Fatalf("%d ASes, but %d RIBs and %d outcomes", g.Len(), len(c.Expect.RIB), len(c.Expect.DataPlane))
	}
	c.expectPeerROVIdle(t, table)
	for i := range int32(g.Len()) {
		c.compareRIB(t, table, i)
		if got, want := c.trace(g, table, i), c.Expect.DataPlane[g.ASN(i)]; got != want {
			t.Errorf("AS %d: packets reach %s, want %s", g.ASN(i), got, want)
		}
	}
}

// expectPeerROVIdle holds PeerROV to having nothing to do. BGPy's asks how the
// neighbour learnt the route, not how the AS does: it rejects invalid routes that a
// neighbour has from a peer. By that only providers' routes can be rejected, and
// invalid ones from the AS's own peers are accepted, which is not what [route.ROVPeers]
// does, nor any other policy here. Where no provider has an invalid route from a
// peer, it is as no policy at all.
func (c bgpyCase) expectPeerROVIdle(t *testing.T, table *route.Table) {
	for i, asn := range table.Routes()[0].Graph().ASNs() {
		if strings.TrimSuffix(c.Policies[asn], "Full") != "PeerROV" {
			continue
		}
		for _, r := range table.Routes() {
			for _, p := range r.Graph().Providers(int32(i)) {
				best, ok := r.Route(p)
				ann, _ := r.Announcement(p)
				if ok && best.Relationship == topology.Peer && r.Options().Policies.Validity(r.Prefix(), ann.Origin()) == rpki.Invalid {
					t.Errorf("AS %d: PeerROV would reject %v from AS %d", asn, r.Prefix(), r.Graph().ASN(p))
				}
			}
		}
	}
}

func (c bgpyCase) compareRIB(t *testing.T, table *route.Table, i int32) {
	received := []string{topology.Own: "ORIGIN", topology.Customer: "CUSTOMERS", topology.Peer: "PEERS", topology.Provider: "PROVIDERS"}
	g := table.Routes()[0].Graph()
	want := c.Expect.RIB[g.ASN(i)]
	var got []bgpyRoute
	for _, r := range table.Routes() {
		if best, ok := r.Route(i); ok {
			got = append(got, bgpyRoute{r.Prefix(), r.Path(i), received[best.Relationship]})
		}
		// BGPy keeps what it drops packets for in the RIB, as learnt from the next hop
		// of the covering prefix.
		if hole, ok := table.Blackhole(i, r.Prefix().Addr()); ok && hole == r {
			for _, covering := range table.Routes() {
				if best, ok := covering.Route(i); ok && covering.Prefix().Contains(r.Prefix().Addr()) {
					got = append(got, bgpyRoute{r.Prefix(), append([]topology.ASN{g.ASN(i)}, r.Path(best.NextHop)...), received[best.Relationship]})
					break
				}
			}
		}
	}
	equal := func(a, b bgpyRoute) bool {
		return a.Prefix == b.Prefix && slices.Equal(a.Path, b.Path) && a.Received == b.Received
	}
	for _, r := range got {
		if !slices.ContainsFunc(want, func(w bgpyRoute) bool { return equal(w, r) }) {
			t.Errorf("AS %d: %v, want one of %v", g.ASN(i), r, want)
		}
	}
	if len(got) != len(want) {
		t.Errorf("AS %d: %v, want %v", g.ASN(i), got, want)
	}
}

// trace follows packets to an address in the longest prefix, hop by hop, as BGPy
// does: whoever is the victim or an attacker keeps them, whatever its routes.
func (c bgpyCase) trace(g *topology.Graph, table *route.Table, i int32) string {
	addr := table.Routes()[0].Prefix().Addr()
	for range g.Len() + 1 {
		switch asn := g.ASN(i); {
		case slices.Contains(c.Attackers, asn):
			return "ATTACKER"
		case slices.Contains(c.Victims, asn):
			return "VICTIM"
		}
		r, ok := table.Lookup(i, addr)
		if !ok {
			return "DISCONNECTED"
		}
		next, own, _ := r.NextHop(i)
		if own {
			return "a third party, AS " + strconv.Itoa(int(g.ASN(i)))
		}
		i = next
	}
	return "a loop"
}

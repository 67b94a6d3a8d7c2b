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
)

// bgpyCase is one engine test of BGPy (jfuruness/bgpy_pkg, MIT) as a black box.
type bgpyCase struct {
	Name  string `json:"name"`
	Links struct {
		Transit [][2]topology.ASN `json:"p2c"`
		Peering [][2]topology.ASN `json:"p2p"`
	} `json:"links"`
	Rounds    int            `json:"propagation_rounds"`
	Attackers []topology.ASN `json:"attackers"`
	Victims   []topology.ASN `json:"victims"`
	Seeds     []struct {
		Prefix netip.Prefix   `json:"prefix"`
		Path   []topology.ASN `json:"as_path"`
		AS     topology.ASN   `json:"seed_asn"`
	} `json:"seeds"`
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

// outOfScope returns why a case is none of plain BGP's, "" if it is.
func (c bgpyCase) outOfScope() string {
	policies := map[string]bool{}
	for _, p := range c.Policies {
		// BGPFull is BGP that also keeps its RIBs-in; its decisions are the same.
		if p != "BGP" && p != "BGPFull" {
			policies[p] = true
		}
	}
	names := make([]string, 0, len(policies))
	for p := range policies {
		names = append(names, p)
	}
	slices.Sort(names)
	if len(names) > 0 {
		return "needs the policies " + strings.Join(names, ", ")
	}
	if c.Rounds != 1 {
		return "several rounds: withdrawals or leaks over time"
	}
	for _, s := range c.Seeds {
		if s.Path[0] != s.AS {
			return "the announcer strips its own AS number"
		}
	}
	return ""
}

// TestBGPyCases compares local RIB and data plane of every AS in BGPy's plain
// BGP cases. The others are skipped by name, with the reason.
func TestBGPyCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(dataDir(t), "bgpy-cases", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	inScope := 0
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
		if why == "" {
			inScope++
		}
		t.Run(c.Name, func(t *testing.T) {
			if why != "" {
				t.Skip("SKIPPED:", why)
			}
			c.run(t)
		})
	}
	if inScope < 4 {
		t.Errorf("%d cases in scope, want the 4 of plain BGP", inScope)
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
	var anns []route.Announcement
	for _, s := range c.Seeds {
		anns = append(anns, route.Announcement{Prefix: s.Prefix, Path: s.Path})
	}
	table, err := route.NewEngine(g).PropagateAll(anns, route.Options{TieBreak: route.TieBreakLowestNeighbor})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Expect.RIB) != g.Len() || len(c.Expect.DataPlane) != g.Len() {
		t.Fatalf("%d ASes, but %d RIBs and %d outcomes", g.Len(), len(c.Expect.RIB), len(c.Expect.DataPlane))
	}
	for i := range int32(g.Len()) {
		c.compareRIB(t, table, i)
		if got, want := c.trace(g, table, i), c.Expect.DataPlane[g.ASN(i)]; got != want {
			t.Errorf("AS %d: packets reach %s, want %s", g.ASN(i), got, want)
		}
	}
}

func (c bgpyCase) compareRIB(t *testing.T, table *route.Table, i int32) {
	received := []string{topology.Own: "ORIGIN", topology.Customer: "CUSTOMERS", topology.Peer: "PEERS", topology.Provider: "PROVIDERS"}
	routes := 0
	for _, r := range table.Routes() {
		best, ok := r.Route(i)
		if !ok {
			continue
		}
		routes++
		if !slices.ContainsFunc(c.Expect.RIB[r.Graph().ASN(i)], func(want bgpyRoute) bool {
			return want.Prefix == r.Prefix() && slices.Equal(want.Path, r.Path(i)) && want.Received == received[best.Relationship]
		}) {
			t.Errorf("AS %d: %v by %v from %v, want one of %v", r.Graph().ASN(i), r.Prefix(), r.Path(i), best.Relationship, c.Expect.RIB[r.Graph().ASN(i)])
		}
	}
	if want := len(c.Expect.RIB[table.Routes()[0].Graph().ASN(i)]); routes != want {
		t.Errorf("index %d: %d routes, want %d", i, routes, want)
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

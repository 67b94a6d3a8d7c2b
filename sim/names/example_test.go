package names_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"mpicsim/sim/names"
)

// A signed root and top level, with zones below that fail in the ways that CAA
// checkers are tested by. A validating resolver starts from h.RootHints and
// h.TrustAnchor.DS; each of h.Placements is one server to start.
func ExampleHierarchySpec() {
	at := func(name, addr string) []names.NameServer {
		return []names.NameServer{{Name: name, Addrs: []netip.Addr{netip.MustParseAddr(addr)}}}
	}
	sign := func(faults ...names.Fault) *names.SigningSpec {
		return &names.SigningSpec{
			Seed:       "caa",
			Inception:  time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
			Expiration: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC),
			Faults:     faults,
		}
	}
	const servers = "ns.caatestsuite-dnssec.com"
	zone := func(label string, behaviour names.Behaviour, faults ...names.Fault) names.ZoneSpec {
		return names.ZoneSpec{
			Origin:      strings.TrimPrefix(label+".caatestsuite-dnssec.com", "."),
			NameServers: []names.NameServer{{Name: servers}},
			Behaviour:   behaviour,
			Sign:        sign(faults...),
		}
	}
	apex := zone("", names.Normal)
	apex.NameServers = at(servers, "192.0.2.53")
	h, err := names.HierarchySpec{
		Root:            at("a.root-servers.net", "198.41.0.4"),
		DefaultRegistry: at("a.tld-servers.net", "192.0.2.1"),
		Sign:            sign(),
		Zones: []names.ZoneSpec{
			apex,
			zone("expired", names.Normal, names.Fault{Kind: names.Expired}),
			zone("missing", names.Normal, names.Fault{Kind: names.Stripped}),
			zone("blackhole", names.Drop),
			zone("refused", names.Refuse),
			zone("servfail", names.ServFail),
			{Origin: "tld-servers.net", NameServers: at("a.tld-servers.net", "192.0.2.1")},
		},
	}.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, ds := range h.TrustAnchor.DS {
		fmt.Println(ds)
	}
	for _, z := range h.ZonesAt(netip.MustParseAddr("192.0.2.53")) {
		fmt.Println(z.Origin(), len(z.TrustAnchor().DS))
	}
	// Output:
	// . 300 IN DS 11754 13 2 498AF8428CDEEC68EFEC72C81CB12167C213EE80086B8600AE57E9030172885E
	// caatestsuite-dnssec.com. 1
	// blackhole.caatestsuite-dnssec.com. 1
	// expired.caatestsuite-dnssec.com. 1
	// missing.caatestsuite-dnssec.com. 1
	// refused.caatestsuite-dnssec.com. 1
	// servfail.caatestsuite-dnssec.com. 1
}

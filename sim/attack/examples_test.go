package attack_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// The same small Internet for every example. Providers stand above customers, ==
// is a peering; the attacker has two providers:
//
//	     10 ====== 20
//	    /  \      /  \
//	  30    40  50 == 60
//	  |    /  \  |    |
//	  1   2     4     3
//	victim    attacker
const (
	victim, attacker = 1, 4
	target           = "203.0.112.0/22"
	address          = "203.0.113.7"
)

func smallInternet() *topology.Graph {
	return build(
		[][2]topology.ASN{{10, 30}, {10, 40}, {20, 50}, {20, 60}, {30, victim}, {40, 2}, {40, attacker}, {50, attacker}, {60, 3}},
		[][2]topology.ASN{{10, 20}, {50, 60}})
}

func build(transit, peering [][2]topology.ASN) *topology.Graph {
	GinkgoHelper()
	var b topology.Builder
	for _, l := range transit {
		b.AddLink(topology.Link{A: l[0], B: l[1], Kind: topology.Transit})
	}
	for _, l := range peering {
		b.AddLink(topology.Link{A: l[0], B: l[1], Kind: topology.Peering})
	}
	g, findings, err := b.Build()
	Expect(err).NotTo(HaveOccurred())
	Expect(findings).To(BeEmpty())
	return g
}

// example is one attack on the small Internet.
type example struct {
	attack attack.Attack // attacker, victim and target are filled in
	after  time.Duration
	// policies are everybody's, with the payloads, beside those of the attack.
	policies map[topology.ASN]route.Policy
	payloads []rpki.VRP
	// the announced AS paths, "path > whom" for a scope
	announced []string
	// the route of every AS that decides about packets to the address, "prefix length:
	// AS path", one for each line; those that are captured have an exclamation mark
	routes string
}

// run plans the attack, propagates, and returns what is announced and every AS's
// route.
func (x example) run() (announced []string, routes string) {
	GinkgoHelper()
	g := smallInternet()
	in := attack.Setting{Engine: route.NewEngine(g), Standing: []route.Announcement{{Prefix: netip.MustParsePrefix(target), Path: []topology.ASN{victim}}}}
	x.attack.Attacker, x.attack.Victim, x.attack.Target = attacker, victim, netip.MustParsePrefix(target)
	compile := func(vrps *rpki.VRPs) {
		var err error
		in.Options.Policies, err = route.NewPolicies(g, route.PoliciesOptions{VRPs: vrps, PerAS: x.policies})
		Expect(err).NotTo(HaveOccurred())
	}
	vrps, err := rpki.NewVRPs(x.payloads)
	Expect(err).NotTo(HaveOccurred())
	compile(vrps)
	plan, err := x.attack.Plan(in)
	Expect(err).NotTo(HaveOccurred())
	Expect(plan.Obstacle).To(BeEmpty(), plan.Why)
	vrps, err = plan.ApplyVRPs(vrps)
	Expect(err).NotTo(HaveOccurred())
	compile(vrps)
	for _, a := range plan.Announcements() {
		announced = append(announced, strings.Replace(a.String(), "="+target, "", 1))
	}
	i, _ := g.Index(attacker)
	addr := netip.MustParseAddr(address)
	o, err := in.Outcome(plan.At(x.after, in.Standing), i, addr)
	Expect(err).NotTo(HaveOccurred())
	var b strings.Builder
	for i, asn := range g.ASNs() {
		what := "none"
		if r, ok := o.Table.Lookup(int32(i), addr); ok {
			what = fmt.Sprintf("/%d %s", r.Prefix().Bits(), route.FormatPath(r.Path(int32(i))))
		}
		mark := ""
		if o.Captured[i] {
			mark = " !"
		}
		fmt.Fprintf(&b, "%d: %s%s\n", asn, what, mark)
	}
	return announced, b.String()
}

func lines(s string) []string {
	var out []string
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// rov is route origin validation at some ASes.
func rov(asns ...topology.ASN) map[topology.ASN]route.Policy {
	return policyAt(route.Policy{ROV: route.ROVOn}, asns...)
}

func policyAt(p route.Policy, asns ...topology.ASN) map[topology.ASN]route.Policy {
	at := map[topology.ASN]route.Policy{}
	for _, asn := range asns {
		at[asn] = p
	}
	return at
}

func payload(prefix string, maxLength int, origin topology.ASN) rpki.VRP {
	return rpki.VRP{Prefix: netip.MustParsePrefix(prefix), MaxLength: maxLength, Origin: origin}
}

// The address that counts, and the part of the target that holds it.
var (
	at   = netip.MustParseAddr(address)
	part = netip.MustParsePrefix("203.0.113.0/24")
)

// holds is the body of the tables of examples.
func holds(x example) {
	GinkgoHelper()
	announced, routes := x.run()
	Expect(announced).To(Equal(x.announced))
	Expect(lines(routes)).To(Equal(lines(x.routes)), "routes:\n%s", routes)
}

// Package examples holds attacks on one small Internet, each with the route of
// every AS that comes of it. Tests hold the program to them, and docs/attacks.md
// prints them, so that neither can drift from the other.
//
// Routes are written out and checked against the drawing: a change of them needs a
// reason that can be drawn.
//
// All functions are pure; what they return belongs to the caller.
package examples

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// The parties of every example.
const (
	Victim   topology.ASN = 1
	Attacker topology.ASN = 4
	// target is the victim's prefix, address one inside its second /24.
	target  = "203.0.112.0/22"
	address = "203.0.113.7"
)

// Drawing is the Internet of every example: providers stand above customers, ==
// is a peering, and the attacker has two providers.
const Drawing = `    10 ========= 20
   /  \         /  \
 30    40     50 == 60
 |    /  \   /      |
 1   2     4        3
victim  attacker`

// Internet returns what [Drawing] shows.
func Internet() *topology.Graph {
	var b topology.Builder
	for _, l := range [][2]topology.ASN{{10, 30}, {10, 40}, {20, 50}, {20, 60}, {30, Victim}, {40, 2}, {40, Attacker}, {50, Attacker}, {60, 3}} {
		b.AddLink(topology.Link{A: l[0], B: l[1], Kind: topology.Transit})
	}
	for _, l := range [][2]topology.ASN{{10, 20}, {50, 60}} {
		b.AddLink(topology.Link{A: l[0], B: l[1], Kind: topology.Peering})
	}
	g, findings, err := b.Build()
	if err != nil || len(findings) > 0 {
		panic("examples: the drawing is no topology") // it is a constant
	}
	return g
}

// Target returns the victim's prefix.
func Target() netip.Prefix { return netip.MustParsePrefix(target) }

// Address returns the address whose packets the examples follow.
func Address() netip.Addr { return netip.MustParseAddr(address) }

// Example is one attack on the small Internet.
type Example struct {
	// Title is a sentence without its period.
	Title string
	// Attack lacks attacker, victim and target, which are always the same.
	Attack attack.Attack
	// After is the time since the attack's beginning at which routes are looked at.
	After time.Duration
	// Policies are what ASes do, the rest what they judge by beside what the attack
	// brings along.
	Policies []route.Deployment
	VRPs     []rpki.VRP
	ASPAs    []rpki.ASPA
	PathEnds []rpki.PathEnd
	// Protected are the ASes that peerlock-lite looks for.
	Protected []topology.ASN
	TieBreak  route.TieBreak
	// Announced is what is announced in the attack's first step, as
	// [route.Announcement] prints it, without the prefix if it is the target.
	Announced []string
	// Routes has a line for each AS: its number, the length of the prefix that decides
	// about packets to [Address] and the AS path, or "none" or "drops"; behind it an
	// exclamation mark if the packets reach the attacker.
	Routes string
}

// All returns the examples, in the order of [attack.Kinds], the undefended ones of
// each kind first.
func All() []Example {
	all := slices.Concat(hijacks(), roas(), scopes(), origins(), paths(), whatIfs())
	kinds := attack.Kinds()
	slices.SortStableFunc(all, func(a, b Example) int {
		return cmp.Or(slices.Index(kinds, a.Attack.Kind)-slices.Index(kinds, b.Attack.Kind), min(1, len(a.Policies))-min(1, len(b.Policies)))
	})
	return all
}

// Lines returns the lines of Routes, without space around them.
func (x Example) Lines() []string {
	var out []string
	for l := range strings.Lines(x.Routes) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// part is the /24 of the target that holds the address.
func part() netip.Prefix { return netip.MustParsePrefix("203.0.113.0/24") }

// at is a policy at some ASes.
func at(p route.Policy, asns ...topology.ASN) []route.Deployment {
	return []route.Deployment{{ASes: asns, Policy: p}}
}

// rov is route origin validation at some ASes.
func rov(asns ...topology.ASN) []route.Deployment { return at(route.Policy{ROV: route.ROVOn}, asns...) }

// tight is the victim's ROA for what it announces, and nothing longer.
func tight() []rpki.VRP {
	return []rpki.VRP{{Prefix: Target(), MaxLength: 22, Origin: Victim}}
}

// everybody is a policy at all ASes but the attacker.
func everybody(p route.Policy) []route.Deployment {
	return at(p, slices.DeleteFunc(slices.Clone(Internet().ASNs()), func(asn topology.ASN) bool { return asn == Attacker })...)
}

// attests is the ASPA of one customer.
func attests(customer topology.ASN, providers ...topology.ASN) []rpki.ASPA {
	return []rpki.ASPA{{Customer: customer, Providers: providers}}
}

// ends is the path-end record of one origin.
func ends(origin topology.ASN, neighbors ...topology.ASN) []rpki.PathEnd {
	return []rpki.PathEnd{{Origin: origin, Neighbors: neighbors}}
}

// tops are the ASes without providers.
func tops() []topology.ASN { return []topology.ASN{10, 20} }

package replay_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/replay"
	"mpicsim/sim/attack"
	"mpicsim/topology"
	"mpicsim/topology/synth"
)

// attackFields are what a kind needs, or what it is worth trying with.
func attackFields(k attack.Kind, neighbor, other topology.ASN) string {
	switch k {
	case attack.Prepended:
		return ", prepend: 1, victim-prepend: 2"
	case attack.Poisoned:
		return fmt.Sprintf(", poison: [%v]", other)
	case attack.Scoped:
		return fmt.Sprintf(", export: {to: [%v]}", neighbor)
	case attack.Withdrawal:
		return ", hold: 10m"
	case attack.Flapping:
		return ", hold: 10m, gap: 10s, times: 3"
	case attack.MaliciousROA:
		return ", revoke-roas: true"
	default:
		return ""
	}
}

// takesWhole says whether a kind may be against a prefix that has no parts.
func takesWhole(k attack.Kind) bool {
	return !slices.Contains([]attack.Kind{attack.SubPrefix, attack.ForgedOriginSubPrefix, attack.LooseROA}, k)
}

// attacked is a story on a synthetic Internet of 80 ASes: one kind of attack, with
// policies, looked at from five ASes.
func attacked(tb testing.TB, random *rand.Rand, k attack.Kind, of, tie string, convergence bool) *scenarios.Source {
	tb.Helper()
	seed := random.Uint64N(1000)
	net, err := synth.Generate(synth.Options{ASes: 80, Seed: seed})
	NewWithT(tb).Expect(err).NotTo(HaveOccurred())
	g := net.Graph
	pick := random.Perm(g.Len())
	as := func(n int) topology.ASN { return g.ASN(int32(pick[n])) }
	victim, attacker := as(0), as(1)
	i, _ := g.Index(attacker)
	var neighbor topology.ASN
	for _, rel := range []topology.Relationship{topology.Provider, topology.Peer, topology.Customer} {
		for _, n := range g.Neighbors(i, rel) {
			neighbor = g.ASN(n)
		}
	}
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("name: attacked\ntitle: Attacked\nclaim: Whatever comes of it.\ntopology: {synthetic: {ases: 80, seed: %d}}", seed)
	say("routing:\n  tie-break: %s", tie)
	if convergence {
		say("  convergence: {seed: %d, mrai: 5s}", seed)
	}
	rov := []string{"on", "customers-exempt", "peers", "prefer-valid"}[random.IntN(4)]
	say("  policies: [{rov: %s, fraction: 0.4, seed: %d}, {aspa: true, otc: true, fraction: 0.3, seed: %d}, {rov-plus-plus: true, fraction: 0.2, seed: 9}]", rov, seed, seed+1)
	say("rpki: {vrps: [203.0.112.0/22-23 %v]}", victim)
	say("victim: {as: %v, prefixes: [203.0.112.0/22], domain: shop.example, web: [203.0.113.80], name-servers: [{name: ns1.shop.example, as: %v, prefix: 198.51.100.0/24, address: 198.51.100.53}]}", victim, as(2))
	say("dns: {root-as: %v, tld-as: %v, signed: %v}", as(10), as(11), random.IntN(2) == 0)
	fields := attackFields(k, neighbor, as(9))
	if of != "" {
		fields += ", of: " + of
	}
	say("attacker: {as: %v}\nca:\n  date: 2026-12-15\n  method: acme-http-01\n  rule: 4/5\n  perspectives:\n    primary: {region: aws/us-east-2, as: %v}\n    remotes:", attacker, as(3))
	for n, region := range []string{"gcp/us-west1", "aws/eu-central-1", "azure/brazilsouth", "aws/ap-northeast-1", "aws/af-south-1"} {
		say("      - {region: %s, as: %v}", region, as(4+n))
	}
	say("timeline:\n  - {at: 0s, announce: {}}\n  - {at: 10s, attack: {kind: %s%s}}\n  - {at: 5m, check: {name: settled}}", k, fields)
	if convergence {
		say("  - {at: 6m, withdraw: {by: attacker}}\n  - {at: 6m1s, check: {name: changing}}")
	}
	s, err := scenarios.Parse([]byte(b.String()), "attacked.yaml")
	NewWithT(tb).Expect(err).NotTo(HaveOccurred(), b.String())
	return s
}

// TestAttacksByPacketsAndByRoutes: whom packets reach is whom routes lead to. With
// all ties given to one side, that is the bound of this side, which is computed
// without packets; while routes change, it lies between the bounds.
func TestAttacksByPacketsAndByRoutes(t *testing.T) {
	random := rand.New(rand.NewPCG(20261215, 1))
	tally := map[string]int{}
	for _, k := range attack.Kinds() {
		for n := range 12 {
			tie := []string{"attacker", "victim"}[n%2]
			convergence := n%4 > 1 && k != attack.MaliciousROA && k != attack.LooseROA
			of := ""
			if takesWhole(k) {
				of = []string{"", "", "", scenarios.RootServer, scenarios.TLDServer, "azure/brazilsouth"}[n%6]
			}
			s := attacked(t, random, k, of, tie, convergence)
			r, err := replay.Run(t.Context(), replay.Options{Source: s})
			g := NewWithT(t)
			about := fmt.Sprintf("%s of %q, ties to the %s, convergence %v: %+v", k, of, tie, convergence, s.Topology.Synthetic)
			g.Expect(err).NotTo(HaveOccurred(), about)
			plan := r.Timeline[1].Plan
			g.Expect(plan).NotTo(BeNil())
			tally[string(k)+" launched"] += one(plan.Obstacle == "")
			c := r.Checks[0]
			bound := c.Bounds.Lower
			if tie == "victim" {
				bound = c.Bounds.Upper
			}
			g.Expect(c.Fooled).To(Equal(bound.Fooled), about)
			g.Expect(c.Decision.Issue).To(Equal(bound.Issue), about)
			g.Expect(c.Decision.Reason).To(Equal(bound.Reason), about)
			tally[string(k)+" fooled"] += c.Fooled
			if of != "" {
				tally["of "+of] += c.Fooled
			}
			for _, row := range c.Rows {
				tally["bogus"] += one(row.DCV.Reason == "dnssec-bogus")
			}
			for _, row := range c.Rows {
				tally[string(k)+" "+row.Reached]++
			}
			if convergence {
				g.Expect(r.Convergence != nil).To(Equal(plan.Obstacle == ""), about)
				for _, c := range r.Convergence {
					g.Expect(c.Outcome).To(Equal("converged"), about)
				}
				last := r.Checks[1]
				g.Expect(last.Bounds.Lower.Fooled).To(BeNumerically(">=", one(tie == "attacker")*last.Fooled), about)
				g.Expect(one(tie == "victim")*last.Bounds.Upper.Fooled).To(BeNumerically("<=", last.Fooled), about)
			}
		}
	}
	g := NewWithT(t)
	g.Expect(tally["bogus"]).To(BeNumerically(">=", 3), "some zones are signed, and some answers forged")
	g.Expect(tally["of "+scenarios.RootServer]).To(BeNumerically(">", 0))
	g.Expect(tally["of "+scenarios.TLDServer]).To(BeNumerically(">", 0))
	for _, k := range attack.Kinds() {
		g.Expect(tally[string(k)+" launched"]).To(BeNumerically(">=", 3), "%s: %v", k, tally)
		if k != attack.RouteLeak { // the victim answers
			g.Expect(tally[string(k)+" fooled"]).To(BeNumerically(">", 0), "%s: %v", k, tally)
		}
	}
	t.Log(tally)
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

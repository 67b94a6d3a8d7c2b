package rpki_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// The ASes of the examples that draft-ietf-sidrops-aspa-verification-28 section 6.1
// refers to (Sriram, Borchert, Matejka: ASPA-based AS Path Verification Examples).
//
//	   F ----- G            customers below providers,
//	  / \     / \           lateral peers on one level
//	 /   \   /   \
//	C ---- D ---- E
//	 \    /        \
//	   A            B
const (
	exA topology.ASN = 65000 + 10*iota
	exB
	exC
	exD
	exE
	exF
	exG
)

// exampleASPAs: E and F have none, G says that it has no providers.
func exampleASPAs(tb testing.TB) *rpki.ASPAs {
	tb.Helper()
	return aspas(tb, map[topology.ASN][]topology.ASN{
		exA: {exC, exD}, exB: {exE}, exC: {exF}, exD: {exF, exG}, exG: {0},
	})
}

// TestUpstreamExamples is table 1, its ramps included.
func TestUpstreamExamples(t *testing.T) {
	g := NewWithT(t)
	set := exampleASPAs(t)
	for i, c := range []struct {
		path            []topology.ASN
		n, maxUp, minUp int
		want            rpki.PathValidity
	}{
		{path(exF, exC, exA), 3, 3, 3, rpki.ASPAValid},
		{path(exD, exC, exA), 3, 2, 2, rpki.ASPAInvalid},
		{path(exD, exF, exC, exA), 4, 4, 3, rpki.ASPAUnknown},
		{path(exD, exE, exB), 3, 3, 2, rpki.ASPAUnknown},
		{path(exA, exD, exE, exB), 4, 3, 2, rpki.ASPAInvalid},
		{path(exA, exD, exG, exE, exB), 5, 3, 2, rpki.ASPAInvalid},
		{path(exA, exC, exF), 3, 2, 1, rpki.ASPAInvalid},
		{path(exA, exC, exF, exG), 4, 1, 1, rpki.ASPAInvalid},
		{path(exE, exB), 2, 2, 2, rpki.ASPAValid},
	} {
		r := set.Ramps(c.path)
		g.Expect([]int{r.Length, r.MaxUp, r.MinUp}).To(Equal([]int{c.n, c.maxUp, c.minUp}), "example %d", i+1)
		g.Expect(r.Upstream()).To(Equal(c.want), "example %d", i+1)
		g.Expect(set.VerifyUpstream(c.path)).To(Equal(c.want), "example %d", i+1)
	}
}

// TestDownstreamExamples is table 2, its ramps included. In the last two, a provider
// forges a path to its own customer, which ASPA cannot see.
func TestDownstreamExamples(t *testing.T) {
	g := NewWithT(t)
	set := exampleASPAs(t)
	for i, c := range []struct {
		path []topology.ASN
		want rpki.Ramps
		is   rpki.PathValidity
	}{
		{path(exE, exG, exF, exC, exA), rpki.Ramps{Length: 5, MaxUp: 4, MaxDown: 2, MinUp: 3, MinDown: 1}, rpki.ASPAUnknown},
		{path(exE, exG, exD, exA), rpki.Ramps{Length: 4, MaxUp: 3, MaxDown: 2, MinUp: 3, MinDown: 1}, rpki.ASPAValid},
		{path(exE, exD, exC, exA), rpki.Ramps{Length: 4, MaxUp: 2, MaxDown: 2, MinUp: 2, MinDown: 1}, rpki.ASPAUnknown},
		{path(exE, exG, exD, exC, exA), rpki.Ramps{Length: 5, MaxUp: 2, MaxDown: 2, MinUp: 2, MinDown: 1}, rpki.ASPAInvalid},
		{path(exC, exF, exD, exG), rpki.Ramps{Length: 4, MaxUp: 1, MaxDown: 4, MinUp: 1, MinDown: 2}, rpki.ASPAUnknown},
		{path(exD, exG, exE, exB), rpki.Ramps{Length: 4, MaxUp: 3, MaxDown: 2, MinUp: 2, MinDown: 2}, rpki.ASPAValid},
		{path(exC, exD, exG, exE, exB), rpki.Ramps{Length: 5, MaxUp: 3, MaxDown: 1, MinUp: 2, MinDown: 1}, rpki.ASPAInvalid},
		{path(exF, exC, exA), rpki.Ramps{Length: 3, MaxUp: 3, MaxDown: 2, MinUp: 3, MinDown: 1}, rpki.ASPAValid},
		{path(exE, exA), rpki.Ramps{Length: 2, MaxUp: 1, MaxDown: 2, MinUp: 1, MinDown: 1}, rpki.ASPAValid},
		{path(exE, exC, exA), rpki.Ramps{Length: 3, MaxUp: 2, MaxDown: 2, MinUp: 2, MinDown: 1}, rpki.ASPAValid},
	} {
		g.Expect(set.Ramps(c.path)).To(Equal(c.want), "example %d", i+1)
		g.Expect(set.VerifyDownstream(c.path)).To(Equal(c.is), "example %d", i+1)
	}
}

// TestComplexExamples is table 3: pairs of ASes that are provider and customer for
// some prefixes and peers for others. H, K, P and Q have no providers, J no ASPA.
func TestComplexExamples(t *testing.T) {
	g := NewWithT(t)
	const h, j, k, l, p, q, r, s = 1, 2, 3, 4, 5, 6, 7, 8
	set := aspas(t, map[topology.ASN][]topology.ASN{h: {0}, k: {0}, l: {k}, p: {0}, q: {0}, r: {q}, s: {r}})
	g.Expect(set.VerifyUpstream(path(j, h))).To(Equal(rpki.ASPAInvalid))
	g.Expect(set.Ramps(path(k, j, h))).To(Equal(rpki.Ramps{Length: 3, MaxUp: 1, MaxDown: 1, MinUp: 1, MinDown: 1}))
	g.Expect(set.VerifyDownstream(path(k, j, h))).To(Equal(rpki.ASPAInvalid))
	g.Expect(set.VerifyUpstream(path(q, p))).To(Equal(rpki.ASPAInvalid))
}

// TestImplementersExamples are shapes that implementers compared their code by at an
// IETF hackathon, redrawn: valleys, plateaus of several unattested ASes, leaks.
func TestImplementersExamples(t *testing.T) {
	type providers = map[topology.ASN][]topology.ASN
	const up, down = false, true
	for name, c := range map[string]struct {
		aspas      providers
		path       []topology.ASN
		downstream bool
		want       rpki.PathValidity
	}{
		"up, over to a peer, down": {providers{80: {70}, 70: {40}, 20: {30}}, path(20, 30, 40, 70, 80), down, rpki.ASPAValid},
		"a valley, the tops without ASPAs": {
			providers{80: {70}, 70: {40}, 20: {30}, 90: {30, 40}}, path(20, 30, 90, 40, 70, 80), down, rpki.ASPAUnknown,
		},
		"a valley, the tops without providers": {
			providers{80: {70}, 70: {40}, 20: {30}, 90: {30, 40}, 30: {0}, 40: {0}}, path(20, 30, 90, 40, 70, 80), down, rpki.ASPAInvalid,
		},
		"a plateau of one AS without ASPA":    {providers{80: {70}, 70: {40}, 20: {30}}, path(20, 30, 90, 40, 70, 80), down, rpki.ASPAUnknown},
		"a plateau of two ASes without ASPAs": {providers{80: {70}, 70: {40}, 20: {30}}, path(20, 30, 90, 100, 40, 70, 80), down, rpki.ASPAUnknown},
		"a plateau between tops without providers": {
			providers{80: {70}, 70: {40}, 20: {30}, 30: {0}, 40: {0}}, path(20, 30, 90, 100, 40, 70, 80), down, rpki.ASPAInvalid,
		},
		"a plateau denied on one side": {
			providers{80: {70}, 70: {40}, 20: {30}, 30: {0}, 90: {0}}, path(20, 30, 90, 100, 40, 70, 80), down, rpki.ASPAUnknown,
		},
		"a plateau denied in its middle": {
			providers{80: {70}, 70: {40}, 20: {30}, 90: {0}, 100: {0}}, path(20, 30, 90, 100, 40, 70, 80), down, rpki.ASPAUnknown,
		},
		"down from the origin": {providers{70: {80}}, path(100, 30, 40, 50, 60, 70, 80), up, rpki.ASPAInvalid},
		"down from the origin, without ASPAs": {
			providers{100: {0}}, path(100, 30, 40, 50, 60, 70, 80), up, rpki.ASPAUnknown,
		},
		"only up": {providers{40: {30}, 30: {20}}, path(20, 30, 40), up, rpki.ASPAValid},
		"two summits": {
			providers{120: {110}, 110: {100}, 100: {90}, 80: {90}, 60: {50}, 40: {50}, 30: {40}, 20: {30}},
			path(20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120), down, rpki.ASPAInvalid,
		},
		"two summits, their inner feet without ASPAs": {
			providers{120: {110}, 110: {100}, 100: {90}, 40: {50}, 30: {40}, 20: {30}},
			path(20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120), down, rpki.ASPAUnknown,
		},
		"from the origin, which is a provider":   {nil, path(20), down, rpki.ASPAValid},
		"from the origin, which is a customer":   {nil, path(20), up, rpki.ASPAValid},
		"two tops, one of which is the provider": {providers{20: {0}, 30: {0}}, path(20, 30), down, rpki.ASPAValid},
		"two tops, one of which is the customer": {providers{20: {0}, 30: {0}}, path(20, 30), up, rpki.ASPAInvalid},
		"two ASes without ASPAs":                 {nil, path(20, 30), up, rpki.ASPAUnknown},
		"a peer's route on to a provider": {
			providers{60: {50}, 50: {0}, 40: {30}, 30: {20}, 20: {0}}, path(20, 30, 40, 50, 60), up, rpki.ASPAInvalid,
		},
		"mutual transit all the way": {
			providers{60: {50}, 50: {40, 60}, 40: {30, 50}, 30: {20, 40}, 20: {30}}, path(20, 30, 40, 50, 60), up, rpki.ASPAValid,
		},
		"prepends by all": {providers{40: {30}, 30: {20}}, path(20, 20, 30, 30, 30, 40, 40), up, rpki.ASPAValid},
		"a loop":          {providers{40: {30}, 30: {20}, 20: {30}}, path(30, 20, 30, 40), up, rpki.ASPAValid},
		"AS 0 on the way": {providers{40: {0}}, path(20, 0, 40), up, rpki.ASPAInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			set := aspas(t, c.aspas)
			got := set.VerifyUpstream(c.path)
			if c.downstream {
				got = set.VerifyDownstream(c.path)
			}
			g.Expect(got).To(Equal(c.want))
			g.Expect(splits(set, c.path, c.downstream)).To(Equal(c.want), "the oracle")
		})
	}
}

package rpki_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// path is a short way to write AS paths, neighbour first.
func path(asns ...topology.ASN) []topology.ASN { return asns }

func aspas(tb testing.TB, providers map[topology.ASN][]topology.ASN) *rpki.ASPAs {
	tb.Helper()
	var list []rpki.ASPA
	for customer, p := range providers {
		list = append(list, rpki.ASPA{Customer: customer, Providers: p})
	}
	set, err := rpki.NewASPAs(list)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

func TestAuthorized(t *testing.T) {
	g := NewWithT(t)
	set, err := rpki.NewASPAs([]rpki.ASPA{
		{Customer: 1, Providers: path(30, 20)},
		{Customer: 2, Providers: path(0)},
		{Customer: 3, Providers: path(0, 20)},
		{Customer: 1, Providers: path(40, 20)},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(set.Len()).To(Equal(3))
	for provider, want := range map[topology.ASN]rpki.Authorization{
		20: rpki.Provider, 30: rpki.Provider, 40: rpki.Provider, 10: rpki.NotProvider, 50: rpki.NotProvider, 0: rpki.NotProvider,
	} {
		g.Expect(set.Authorized(1, provider)).To(Equal(want), "several ASPAs count as their union: %d", provider)
	}
	g.Expect(set.Authorized(2, 20)).To(Equal(rpki.NotProvider), "AS 0 alone: no providers")
	g.Expect(set.Authorized(2, 0)).To(Equal(rpki.NotProvider))
	g.Expect(set.Authorized(3, 20)).To(Equal(rpki.Provider), "AS 0 beside others has no influence")
	g.Expect(set.Authorized(4, 20)).To(Equal(rpki.NoAttestation))
	got, ok := set.Providers(1)
	g.Expect(got).To(Equal(path(20, 30, 40)))
	g.Expect(ok).To(BeTrue())
	var none *rpki.ASPAs
	g.Expect(none.Authorized(1, 20)).To(Equal(rpki.NoAttestation))
	g.Expect(none.Len()).To(BeZero())
	g.Expect(none.VerifyUpstream(path(1))).To(Equal(rpki.ASPAValid))
	g.Expect(none.VerifyUpstream(path(1, 2))).To(Equal(rpki.ASPAUnknown))
	g.Expect(none.VerifyDownstream(path(1, 2))).To(Equal(rpki.ASPAValid))
	g.Expect(none.VerifyDownstream(path(1, 2, 3))).To(Equal(rpki.ASPAUnknown))
}

func TestNewASPAsRefuses(t *testing.T) {
	g := NewWithT(t)
	for want, bad := range map[string]rpki.ASPA{
		"ASPA 0 (AS 0): customer AS 0: want a number from 1 to 4294967295": {Providers: path(1)},
		"ASPA 0 (AS 7): no providers: want at least one":                   {Customer: 7},
		"ASPA 0 (AS 7): provider AS 7: want another AS than the customer":  {Customer: 7, Providers: path(1, 7)},
	} {
		_, err := rpki.NewASPAs([]rpki.ASPA{bad})
		g.Expect(err).To(MatchError(ContainSubstring(want)))
	}
}

// climbs says whether an ASPA assignment lets every hop of asns, from the first AS
// to the last, go from a customer to a provider: for certain if no hop is without
// attestation, perhaps if none is denied.
func climbs(set *rpki.ASPAs, asns []topology.ASN) (certainly, perhaps bool) {
	certainly, perhaps = true, true
	for i := range len(asns) - 1 {
		switch set.Authorized(asns[i], asns[i+1]) {
		case rpki.NoAttestation:
			certainly = false
		case rpki.NotProvider:
			certainly, perhaps = false, false
		case rpki.Provider:
		}
	}
	return certainly, perhaps
}

// splits verifies in another way than the draft's ramps: it tries every place where
// a path, origin first, could turn from climbing to descending. The two ASes at the
// turn are one and the same, or lateral peers.
func splits(set *rpki.ASPAs, received []topology.ASN, downstream bool) rpki.PathValidity {
	var up []topology.ASN // origin first, without prepends
	for _, asn := range slices.Backward(received) {
		if len(up) == 0 || up[len(up)-1] != asn {
			up = append(up, asn)
		}
	}
	down := make([]topology.ASN, len(up)) // neighbour first
	for i, asn := range up {
		down[len(up)-1-i] = asn
	}
	best := rpki.ASPAInvalid
	for top := range up { // the last AS of the climb
		if !downstream && top < len(up)-1 {
			continue
		}
		for _, turn := range []int{top, top + 1} { // the first AS of the descent
			if turn == len(up) {
				continue
			}
			upSure, upMaybe := climbs(set, up[:top+1])
			downSure, downMaybe := climbs(set, down[:len(up)-turn])
			switch {
			case upSure && downSure:
				return rpki.ASPAValid
			case upMaybe && downMaybe:
				best = rpki.ASPAUnknown
			}
		}
	}
	return best
}

// TestVerifyAgainstSplits looks at every path of up to 5 hops through 5 ASes under
// many random sets of ASPAs, prepends and loops included.
func TestVerifyAgainstSplits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 22))
	seen := map[rpki.PathValidity]int{}
	for range 40 {
		providers := map[topology.ASN][]topology.ASN{}
		for customer := topology.ASN(1); customer <= 5; customer++ {
			if rng.IntN(4) == 0 {
				continue
			}
			providers[customer] = path(0)
			for p := topology.ASN(1); p <= 5; p++ {
				if p != customer && rng.IntN(2) == 0 {
					providers[customer] = append(providers[customer], p)
				}
			}
		}
		set := aspas(t, providers)
		for length := 1; length <= 5; length++ {
			asns := make([]topology.ASN, length)
			for n := range pow(5, length) {
				for i := range asns {
					asns[i] = topology.ASN(n%5 + 1)
					n /= 5
				}
				up, down := set.VerifyUpstream(asns), set.VerifyDownstream(asns)
				if want := splits(set, asns, false); up != want {
					t.Fatalf("upstream %v: %v, want %v: %v", asns, up, want, providers)
				}
				if want := splits(set, asns, true); down != want {
					t.Fatalf("downstream %v: %v, want %v: %v", asns, down, want, providers)
				}
				seen[down]++
			}
		}
	}
	NewWithT(t).Expect(seen).To(HaveLen(3), "all outcomes: %v", seen)
}

func pow(base, exponent int) int {
	n := 1
	for range exponent {
		n *= base
	}
	return n
}

func TestEmptyPaths(t *testing.T) {
	g := NewWithT(t)
	set := aspas(t, nil)
	g.Expect(set.VerifyUpstream(nil)).To(Equal(rpki.ASPAInvalid))
	g.Expect(set.VerifyDownstream(nil)).To(Equal(rpki.ASPAInvalid))
}

func TestVerifyDoesNotAllocate(t *testing.T) {
	g := NewWithT(t)
	set := aspas(t, map[topology.ASN][]topology.ASN{3: {2}, 1: {0}})
	p := path(1, 2, 2, 3)
	g.Expect(testing.AllocsPerRun(100, func() { set.VerifyDownstream(p); set.VerifyUpstream(p) })).To(BeZero())
}

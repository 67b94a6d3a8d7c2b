package rpki_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

func vrp(prefix string, maxLength int, origin topology.ASN) rpki.VRP {
	return rpki.VRP{Prefix: netip.MustParsePrefix(prefix), MaxLength: maxLength, Origin: origin}
}

func TestValidate(t *testing.T) {
	g := NewWithT(t)
	set, err := rpki.NewVRPs([]rpki.VRP{
		vrp("10.0.0.0/8", 8, 1),
		vrp("10.1.0.0/16", 24, 2),
		vrp("10.1.0.0/16", 16, 3),
		vrp("10.2.0.0/16", 24, 0),
		vrp("10.2.3.0/24", 24, 4),
		vrp("2001:db8::/32", 48, 1),
		vrp("2001:db8::1/128", 128, 2),
		vrp("::/0", 0, 9),
	})
	g.Expect(err).NotTo(HaveOccurred())
	for _, c := range []struct {
		prefix string
		origin topology.ASN
		want   rpki.Validity
		why    string
	}{
		{"10.0.0.0/8", 1, rpki.Valid, "prefix, length and origin match"},
		{"10.0.0.0/8", 2, rpki.Invalid, "another origin"},
		{"10.0.0.0/9", 1, rpki.Invalid, "longer than the maximum"},
		{"10.0.0.0/7", 1, rpki.NotFound, "shorter than the VRP's prefix"},
		{"11.0.0.0/8", 1, rpki.NotFound, "elsewhere"},
		{"10.1.0.0/24", 2, rpki.Valid, "at the maximum"},
		{"10.1.0.0/25", 2, rpki.Invalid, "one bit more"},
		{"10.1.0.0/16", 3, rpki.Valid, "the second VRP of the prefix"},
		{"10.1.0.0/17", 3, rpki.Invalid, "another origin's maximum does not help"},
		{"10.1.0.0/16", 1, rpki.Invalid, "the covering VRP's maximum is 8"},
		{"10.2.0.0/16", 0, rpki.Invalid, "a VRP of AS 0 matches nothing"},
		{"10.2.0.0/16", 7, rpki.Invalid, "AS 0 forbids it"},
		{"10.2.3.0/24", 4, rpki.Valid, "another VRP allows it"},
		{"192.0.2.0/24", 0, rpki.NotFound, "no origin, no VRP"},
		{"2001:db8::/48", 1, rpki.Valid, "IPv6"},
		{"2001:db8::/49", 1, rpki.Invalid, "IPv6 too long"},
		{"2001:db8::1/128", 2, rpki.Valid, "a host"},
		{"2001:db8::2/128", 2, rpki.Invalid, "the next host"},
		{"::/0", 9, rpki.Valid, "everything"},
		{"::ffff:10.0.0.0/104", 1, rpki.Invalid, "IPv4 in IPv6 is IPv6"},
		{"10.1.0.77/24", 2, rpki.Valid, "host bits do not count"},
	} {
		g.Expect(set.Validate(netip.MustParsePrefix(c.prefix), c.origin)).To(Equal(c.want), "%s from AS %d: %s", c.prefix, c.origin, c.why)
	}
	g.Expect(set.Len()).To(Equal(8))
	g.Expect(set.Validate(netip.Prefix{}, 1)).To(Equal(rpki.NotFound))
	g.Expect(set.Covering(netip.MustParsePrefix("10.1.2.0/24"))).To(Equal([]rpki.VRP{
		vrp("10.0.0.0/8", 8, 1), vrp("10.1.0.0/16", 16, 3), vrp("10.1.0.0/16", 24, 2),
	}))
	g.Expect(set.Covering(netip.MustParsePrefix("11.0.0.0/8"))).To(BeNil())

	var none *rpki.VRPs
	g.Expect(none.Validate(netip.MustParsePrefix("10.0.0.0/8"), 1)).To(Equal(rpki.NotFound))
	g.Expect(none.Covering(netip.MustParsePrefix("10.0.0.0/8"))).To(BeNil())
	g.Expect(none.Len()).To(BeZero())
}

func TestNewVRPsRefuses(t *testing.T) {
	g := NewWithT(t)
	good := vrp("10.0.0.0/8", 8, 1)
	for want, bad := range map[string]rpki.VRP{
		"VRP 1 (AS 7): prefix invalid Prefix: want an IPv4 or IPv6 prefix":        {Origin: 7},
		"VRP 1 (AS 7): prefix 10.1.0.0/8: want 10.0.0.0/8, without host bits":     vrp("10.1.0.0/8", 8, 7),
		"VRP 1 (AS 7): prefix ::ffff:10.0.0.0/104: want IPv4 in its own notation": vrp("::ffff:10.0.0.0/104", 104, 7),
		"VRP 1 (AS 7): max length 7 of 10.0.0.0/8: want 8 to 32":                  vrp("10.0.0.0/8", 7, 7),
		"VRP 1 (AS 7): max length 33 of 10.0.0.0/8: want 8 to 32":                 vrp("10.0.0.0/8", 33, 7),
		"VRP 1 (AS 7): max length 0 of 10.0.0.0/8: want 8 to 32":                  vrp("10.0.0.0/8", 0, 7),
		"VRP 1 (AS 7): max length -1 of 0.0.0.0/0: want 0 to 32":                  vrp("0.0.0.0/0", -1, 7),
		"VRP 1 (AS 7): max length 129 of 2001:db8::/32: want 32 to 128":           vrp("2001:db8::/32", 129, 7),
		"VRP 1 (AS 0): max length 256 of 2001:db8::/32: want 32 to 128":           vrp("2001:db8::/32", 256, 0),
	} {
		_, err := rpki.NewVRPs([]rpki.VRP{good, bad})
		g.Expect(err).To(MatchError(ContainSubstring(want)))
	}
}

// universe returns VRPs of 5 origins, AS 0 among them, in a few bits of address
// space: below a base prefix, lengths from the base on.
func universe(rng *rand.Rand, base netip.Prefix, bits, n int) []rpki.VRP {
	var out []rpki.VRP
	for range n {
		p := prefixIn(rng, base, bits)
		out = append(out, rpki.VRP{
			Prefix: p, MaxLength: min(p.Bits()+rng.IntN(4), base.Bits()+bits), Origin: topology.ASN(rng.IntN(5)),
			TrustAnchor: []string{"", "arin", "ripe"}[rng.IntN(3)],
		})
	}
	return out
}

// prefixIn returns a random prefix in base, at most bits longer.
func prefixIn(rng *rand.Rand, base netip.Prefix, bits int) netip.Prefix {
	b := base.Addr().AsSlice()
	for i := base.Bits(); i < base.Bits()+bits; i++ {
		if rng.IntN(2) == 1 {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(addr, base.Bits()+rng.IntN(bits+1)).Masked()
}

// scan validates by looking at every VRP.
func scan(vrps []rpki.VRP, prefix netip.Prefix, origin topology.ASN) (rpki.Validity, []rpki.VRP) {
	state := rpki.NotFound
	var covering []rpki.VRP
	for _, v := range vrps {
		if v.Prefix.Bits() > prefix.Bits() || !v.Prefix.Contains(prefix.Addr()) {
			continue
		}
		covering = append(covering, v)
		if v.Origin == origin && origin != 0 && prefix.Bits() <= v.MaxLength {
			state = rpki.Valid
		} else if state == rpki.NotFound {
			state = rpki.Invalid
		}
	}
	return state, covering
}

// TestAgainstAScan looks at every prefix of small universes of VRPs, at the root of
// the address space, deep in it, and across the middle of an IPv6 address.
func TestAgainstAScan(t *testing.T) {
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(6, 811))
	const bits = 5
	for _, base := range []string{"0.0.0.0/0", "10.20.30.0/24", "10.20.30.32/27", "::/0", "2001:db8::/32", "2001:db8:1:20::/61", "2001:db8::20/123"} {
		base := netip.MustParsePrefix(base)
		for range 60 {
			vrps := universe(rng, base, bits, rng.IntN(30))
			set, err := rpki.NewVRPs(vrps)
			g.Expect(err).NotTo(HaveOccurred())
			distinct := map[rpki.VRP]bool{}
			for _, v := range vrps {
				distinct[v] = true
			}
			g.Expect(set.Len()).To(Equal(len(distinct)))
			for range 150 {
				prefix := prefixIn(rng, base, bits)
				for origin := range topology.ASN(6) {
					want, covering := scan(vrps, prefix, origin)
					if got := set.Validate(prefix, origin); got != want {
						t.Fatalf("%v from AS %d is %v, want %v\n%v", prefix, origin, got, want, vrps)
					}
					got := set.Covering(prefix)
					for _, v := range covering {
						if !slices.Contains(got, v) {
							t.Fatalf("covering %v: %v, not %v", prefix, got, v)
						}
					}
					for _, v := range got {
						if !slices.Contains(covering, v) {
							t.Fatalf("covering %v: %v, but %v does not", prefix, got, v)
						}
					}
				}
			}
		}
	}
}

// TestValidateConcurrently gives the race detector something to look at.
func TestValidateConcurrently(t *testing.T) {
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(1, 2))
	base := netip.MustParsePrefix("10.0.0.0/8")
	set, err := rpki.NewVRPs(universe(rng, base, 10, 500))
	g.Expect(err).NotTo(HaveOccurred())
	var prefixes []netip.Prefix
	for range 200 {
		prefixes = append(prefixes, prefixIn(rng, netip.MustParsePrefix("10.0.0.0/7"), 11))
	}
	states := make([][]rpki.Validity, 4)
	var wg sync.WaitGroup
	for i := range states {
		wg.Go(func() {
			for _, p := range prefixes {
				states[i] = append(states[i], set.Validate(p, 1))
				set.Covering(p)
			}
		})
	}
	wg.Wait()
	for _, s := range states[1:] {
		g.Expect(s).To(Equal(states[0]))
	}
	g.Expect(states[0]).To(ContainElements(rpki.Valid, rpki.Invalid, rpki.NotFound))
}

func TestStrings(t *testing.T) {
	g := NewWithT(t)
	for want, value := range map[string]fmt.Stringer{
		"not found": rpki.NotFound, "valid": rpki.Valid, "invalid": rpki.Invalid, "Validity(3)": rpki.Validity(3),
		"no attestation": rpki.NoAttestation, "provider": rpki.Provider, "not provider": rpki.NotProvider,
		"Authorization(3)": rpki.Authorization(3), "unknown": rpki.ASPAUnknown, "PathValidity(3)": rpki.PathValidity(3),
		"10.0.0.0/8 AS 1": vrp("10.0.0.0/8", 8, 1), "10.0.0.0/8-24 AS 0 (ripe)": anchored(vrp("10.0.0.0/8", 24, 0), "ripe"),
	} {
		g.Expect(value.String()).To(Equal(want))
	}
	g.Expect([]string{rpki.ASPAValid.String(), rpki.ASPAInvalid.String()}).To(Equal([]string{"valid", "invalid"}))
}

func TestAll(t *testing.T) {
	g := NewWithT(t)
	vrps := []rpki.VRP{vrp("10.0.0.0/8", 9, 1), anchored(vrp("10.0.0.0/8", 9, 1), "arin"), vrp("2001:db8::/32", 48, 1), vrp("2001:db8::1/128", 128, 2)}
	set, err := rpki.NewVRPs([]rpki.VRP{vrps[3], vrps[1], vrps[0], vrps[2], vrps[0]})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(slices.Collect(set.All())).To(Equal(vrps))
	for v := range set.All() { // stops where asked to
		g.Expect(v).To(Equal(vrps[0]))
		break
	}
	var none *rpki.VRPs
	g.Expect(slices.Collect(none.All())).To(BeEmpty())
}

func TestValidateDoesNotAllocate(t *testing.T) {
	set, err := rpki.NewVRPs([]rpki.VRP{vrp("10.0.0.0/8", 8, 1), vrp("10.0.0.0/16", 16, 2)})
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	p := netip.MustParsePrefix("10.0.0.0/24")
	g.Expect(testing.AllocsPerRun(100, func() { set.Validate(p, 3) })).To(BeZero())
}

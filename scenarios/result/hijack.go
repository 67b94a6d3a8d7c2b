package result

import (
	"math/bits"
	"net/netip"

	"mpicsim/topology"
	"mpicsim/topology/place"
)

// Viewpoint is where a study asks whom packets reach: an AS, or a cloud region
// attached to the topology.
type Viewpoint struct {
	// Name is the catalog's name of a region, such as aws/us-east-2, or "AS" and a
	// number.
	Name string `json:"name"`
	// ASN is the AS in the topology, for a region that of its cloud.
	ASN topology.ASN `json:"asn"`
	// City, RIR and Location are where it is; absent if not known.
	City     string          `json:"city,omitempty"`
	RIR      place.RIR       `json:"rir,omitempty"`
	Location *place.Location `json:"location,omitempty"`
	// Attached is how it was attached to the topology: "as" if it stands in the
	// AS itself, or the name of an egress model.
	Attached string `json:"attached,omitempty"`
	// Providers are those of an attached region, Peers how many peers it has.
	Providers []topology.ASN `json:"providers,omitempty"`
	Peers     int            `json:"peers,omitempty"`
	// Inside are the ASes of the region's operator, which it reaches directly.
	Inside []topology.ASN `json:"inside,omitempty"`
}

// Hijack is one hijack of a study: one victim, one attacker, one way of attack,
// and whom each viewpoint reaches. Sets of viewpoints refer to the study's list.
//
// In an aggregated study it stands for all hijacks of a victim by one way of
// attack that came to the same, but for those by attackers in whose AS a viewpoint
// stands.
type Hijack struct {
	Victim topology.ASN
	// Prefix is what the victim announces.
	Prefix netip.Prefix
	// Attacker is 0 if the hijack stands for several.
	Attacker topology.ASN
	// Attack names the way: "equal-prefix", "forged-origin".
	Attack string
	// VictimWeight and AttackerWeight are 1 in a study without weights. A hijack
	// counts as their product. AttackerWeight is the sum over the hijacks that
	// this one stands for.
	VictimWeight, AttackerWeight float64
	// Count is how many hijacks this one stands for, 1 if it stands for itself.
	Count int64
	// Reached has the viewpoints with a route to either if ties fall as the study
	// says, and those of Lower; the others are counted apart.
	Reached Set
	// Lower has the viewpoints that reach the attacker in some way in which ties can
	// fall, so that resilience is at its lower bound; Picked if they fall as the study
	// says; Upper those that do in every way. Each is a subset of Reached, Upper of
	// both others, and both of Lower. Without policies Lower is what comes of all ties
	// falling to the attacker, and Upper of all falling to the victim.
	Lower, Picked, Upper Set
}

// Target is a prefix and the AS that originates it: what is hijacked if the
// victims of a study are domains.
type Target struct {
	Victim topology.ASN `json:"victim"`
	Prefix netip.Prefix `json:"prefix"`
}

// Domains are the domains of a study, and what they depend on.
type Domains struct {
	// Targets are the victims of the hijacks, in the order of the study.
	Targets []Target `json:"targets"`
	Domains []Domain `json:"domains"`
}

// Domain is one domain.
type Domain struct {
	Name   string  `json:"domain"`
	Weight float64 `json:"weight"`
	// Surfaces are sets of addresses, the smallest first; each holds the one before.
	Surfaces []Surface `json:"surfaces"`
	// Gaps is how many things could not be found out about it: there may be more
	// addresses.
	Gaps int `json:"gaps,omitempty"`
	// NoWeb says that it has no web address although checks look at the web, so that
	// there is nothing to check.
	NoWeb bool `json:"no_web,omitempty"`
}

// Surface is what to hijack to fool a check of a domain: any of the targets.
type Surface struct {
	// Surface is "web", "dnssec" (and the name servers that DNSSEC does not protect)
	// or "web+dns" (and all name servers); "dns-dnssec" and "dns" are the last two
	// without web addresses, for methods that look at the DNS alone.
	Surface string `json:"surface"`
	// Targets are the prefixes that hold the addresses, each once: places in
	// [Domains].Targets, ascending, of which there are several if the prefix has several
	// origins. Nobody knows which of these announces it, so that lower counts the
	// hijack of any, upper that of all, and picked that of the first.
	Targets [][]int32 `json:"targets"`
	// Unmapped is how many addresses have no known origin in the topology. Who could
	// hijack them is not known: the domain must not count as safe.
	Unmapped int `json:"unmapped,omitempty"`
}

// Complete says whether everything is known that the domain depends on, so that it
// can be said how safe it is.
func (d *Domain) Complete() bool {
	if d.Gaps > 0 || d.NoWeb {
		return false
	}
	for _, s := range d.Surfaces {
		if s.Unmapped > 0 {
			return false
		}
	}
	return true
}

// Set is a set of viewpoints: bit i%64 of word i/64 for the i-th.
type Set []uint64

// Has says whether the i-th viewpoint is in the set.
func (s Set) Has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }

// Len returns how many viewpoints are in the set.
func (s Set) Len() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

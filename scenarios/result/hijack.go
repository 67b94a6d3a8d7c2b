package result

import (
	"math/bits"

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
}

// Hijack is one hijack of a study: one victim, one attacker, one shape of attack,
// and whom each viewpoint reaches. Sets of viewpoints refer to the study's list.
//
// In an aggregated study it stands for all hijacks of a victim by one shape of
// attack that came to the same, but for those by attackers in whose AS a viewpoint
// stands.
type Hijack struct {
	Victim topology.ASN
	// Attacker is 0 if the hijack stands for several.
	Attacker topology.ASN
	// Attack names the shape: "equal-prefix", "forged-origin".
	Attack string
	// VictimWeight and AttackerWeight are 1 in a study without weights. A hijack
	// counts as their product. AttackerWeight is the sum over the hijacks that
	// this one stands for.
	VictimWeight, AttackerWeight float64
	// Count is how many hijacks this one stands for, 1 if it stands for itself.
	Count int64
	// Reached has the viewpoints with a route to either; those without are
	// counted apart.
	Reached Set
	// Lower has the viewpoints that reach the attacker if all ties fall to the
	// attacker, so that resilience is at its lower bound; Picked if they fall as
	// the study says; Upper even if all fall to the victim. Each is a subset of
	// Reached, Upper of both others, and both of Lower.
	Lower, Picked, Upper Set
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

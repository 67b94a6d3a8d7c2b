package route

import (
	"fmt"
	"math"
	"strings"

	"mpicsim/topology"
	"mpicsim/topology/place"
)

// TieBreak says which of several candidates with the same relationship and path
// length an AS picks. The zero value is TieBreakLowestNeighbor.
type TieBreak uint8

// The tie-breaks.
const (
	// TieBreakLowestNeighbor picks the route from the neighbour with the lowest
	// AS number. It stands in for the lowest BGP identifier (RFC 4271 9.1.2.2 f).
	TieBreakLowestNeighbor TieBreak = iota
	// TieBreakSeeded picks the candidate whose neighbour has the lowest
	// [SeededHash] for the deciding AS: an independent pick for each AS. Like a
	// router identifier it does not depend on the prefix, so that an AS that
	// ranks one neighbour over another does so for all prefixes of a scenario,
	// and a victim's web and name server prefixes are not drawn separately.
	TieBreakSeeded
	// TieBreakNearest picks the geographically nearest neighbour by
	// [place.ArcKm]. A neighbour without a place ranks behind those that have
	// one; equal distances, and all neighbours of an AS without a place, are
	// decided by the lowest AS number.
	TieBreakNearest
	// TieBreakAttacker prefers candidates of the attacker's announcements, then
	// the lowest AS number: the best case for the attacker.
	TieBreakAttacker
	// TieBreakVictim prefers candidates of announcements that are not the
	// attacker's, then the lowest AS number: the worst case for the attacker.
	TieBreakVictim
)

var tieBreakNames = [...]string{"lowest-neighbor", "seeded", "nearest", "attacker", "victim"} //nolint:gochecknoglobals // immutable table

// TieBreaks returns all tie-breaks.
func TieBreaks() []TieBreak {
	return []TieBreak{TieBreakLowestNeighbor, TieBreakSeeded, TieBreakNearest, TieBreakAttacker, TieBreakVictim}
}

func (t TieBreak) String() string {
	if int(t) < len(tieBreakNames) {
		return tieBreakNames[t]
	}
	return fmt.Sprintf("TieBreak(%d)", uint8(t))
}

// ParseTieBreak reads a tie-break's name as String returns it.
func ParseTieBreak(s string) (TieBreak, error) {
	for _, t := range TieBreaks() {
		if s == t.String() {
			return t, nil
		}
	}
	return 0, fmt.Errorf("tie-break %q: want %s", s, strings.Join(tieBreakNames[:], ", "))
}

// MarshalText implements [encoding.TextMarshaler] with [TieBreak.String].
func (t TieBreak) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with [ParseTieBreak].
func (t *TieBreak) UnmarshalText(text []byte) error {
	v, err := ParseTieBreak(string(text))
	if err != nil {
		return err
	}
	*t = v
	return nil
}

// Options are the inputs of a propagation beside topology and announcements.
// The zero value breaks ties by the lowest neighbour.
type Options struct {
	TieBreak TieBreak
	Seed     uint64 // used by TieBreakSeeded only
	// Policies are what ASes do beyond Gao-Rexford, nil for nothing. They must have
	// been made for the engine's topology.
	Policies *Policies
}

// SeededHash ranks neighbours for TieBreakSeeded: an AS picks the candidate with
// the lowest value. It is mix(mix(seed) XOR (as·2³² + neighbor)), where mix(z) is
// one output of SplitMix64 for the state z: with all arithmetic modulo 2⁶⁴,
//
//	z += 0x9e3779b97f4a7c15
//	z = (z XOR z>>30) · 0xbf58476d1ce4e5b9
//	z = (z XOR z>>27) · 0x94d049bb133111eb
//	z = z XOR z>>31
//
// For one seed it is a bijection, so two neighbours never have the same value.
func SeededHash(seed uint64, as, neighbor topology.ASN) uint64 {
	return seededHash(mix(seed), as, neighbor)
}

func seededHash(mixedSeed uint64, as, neighbor topology.ASN) uint64 {
	return mix(mixedSeed ^ (uint64(as)<<32 | uint64(neighbor)))
}

func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// byKey says whether the order of packed routes decides ties by itself, so that
// two candidates are compared as numbers (see the layout in key.go).
func (t TieBreak) byKey() bool { return t != TieBreakSeeded && t != TieBreakNearest }

// sideBit returns the side bit of a packed route: 0 for the preferred side.
func (t TieBreak) sideBit(attacker bool) uint64 {
	if t == TieBreakAttacker && !attacker || t == TieBreakVictim && attacker {
		return 1 << sideShift
	}
	return 0
}

// nearer says whether AS x ranks neighbour a before neighbour b under
// TieBreakNearest. All three are graph indexes, which ascend with AS numbers.
func nearer(g *topology.Graph, x, a, b int32) bool {
	here, known := g.Place(x)
	if !known {
		return a < b
	}
	atA, okA := g.Place(a)
	atB, okB := g.Place(b)
	switch {
	case okA != okB:
		return okA
	case !okA:
		return a < b
	}
	kmA, kmB := place.ArcKm(here, atA), place.ArcKm(here, atB)
	if kmA != kmB {
		return kmA < kmB
	}
	return a < b
}

// Rank returns where AS x ranks its neighbour n, both graph indexes, among
// equally good candidates: the lowest value is picked, and of equal ones the
// neighbour with the lowest AS number. It panics for TieBreakAttacker and
// TieBreakVictim, which do not rank neighbours.
func (o Options) Rank(g *topology.Graph, x, n int32) uint64 {
	switch o.TieBreak {
	case TieBreakLowestNeighbor:
		return 0
	case TieBreakSeeded:
		return SeededHash(o.Seed, g.ASN(x), g.ASN(n))
	case TieBreakNearest:
		here, known := g.Place(x)
		if !known {
			return 0
		}
		there, known := g.Place(n)
		if !known {
			return math.MaxUint64
		}
		return math.Float64bits(place.ArcKm(here, there)) // ascends with numbers that are not negative
	case TieBreakAttacker, TieBreakVictim:
	}
	panic(fmt.Sprintf("route: tie-break %v ranks no neighbours", o.TieBreak))
}

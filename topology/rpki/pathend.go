package rpki

import (
	"fmt"
	"slices"

	"mpicsim/topology"
)

// PathEnd is a path-end record: the only ASes through which Origin is reached
// (Cohen, Gilad, Herzberg, Schapira: Jumpstarting BGP Security with Path-End
// Validation, SIGCOMM 2016).
type PathEnd struct {
	Origin topology.ASN
	// Neighbors may be empty: then only the origin itself may announce it.
	Neighbors []topology.ASN
	// NonTransit says that Origin forwards nobody else's routes: whatever it stands
	// on the way of is a leak or forged.
	NonTransit bool
}

// PathEnds is a set of records, prepared for validation.
type PathEnds struct {
	neighbors  map[topology.ASN][]topology.ASN // ascending
	nonTransit map[topology.ASN]bool
}

// NewPathEnds returns the set of the records, which it does not keep. Several of
// one origin count as their union, and one that says NonTransit is enough. It returns an error that names the first record
// that cannot be one.
func NewPathEnds(records []PathEnd) (*PathEnds, error) {
	set := &PathEnds{
		neighbors:  make(map[topology.ASN][]topology.ASN, len(records)),
		nonTransit: map[topology.ASN]bool{},
	}
	for i, r := range records {
		switch {
		case r.Origin == 0:
			return nil, fmt.Errorf("path-end record %d: origin AS 0: want a number from 1 to 4294967295", i)
		case slices.Contains(r.Neighbors, 0):
			return nil, fmt.Errorf("path-end record %d (AS %d): neighbour AS 0: want a number from 1 to 4294967295", i, r.Origin)
		case slices.Contains(r.Neighbors, r.Origin):
			return nil, fmt.Errorf("path-end record %d (AS %d): neighbour AS %d: want another AS than the origin", i, r.Origin, r.Origin)
		}
		set.neighbors[r.Origin] = append(set.neighbors[r.Origin], r.Neighbors...)
		if r.NonTransit {
			set.nonTransit[r.Origin] = true
		}
	}
	for origin, neighbors := range set.neighbors {
		slices.Sort(neighbors)
		set.neighbors[origin] = slices.Clip(slices.Compact(neighbors))
	}
	return set, nil
}

// Len returns the number of origins that have a record.
func (s *PathEnds) Len() int {
	if s == nil {
		return 0
	}
	return len(s.neighbors)
}

// Neighbors returns the neighbours that the records of an origin name, ascending,
// and whether there is any record. The caller must not change the slice.
func (s *PathEnds) Neighbors(origin topology.ASN) ([]topology.ASN, bool) {
	if s == nil {
		return nil, false
	}
	neighbors, ok := s.neighbors[origin]
	return neighbors, ok
}

// Validate returns the state of a path's last hop, with origin validation's words:
// NotFound if the origin has no record, Valid if the AS before it is one of its
// neighbours or the path is the origin alone, Invalid if not, or if the path goes
// through an AS that is NonTransit. Prepends do not count. An empty path is NotFound.
// It does not allocate.
func (s *PathEnds) Validate(path []topology.ASN) Validity {
	if s == nil || len(path) == 0 {
		return NotFound
	}
	origin := path[len(path)-1]
	last := len(path) - 2 // the AS before the origin
	for last >= 0 && path[last] == origin {
		last--
	}
	if len(s.nonTransit) > 0 {
		for _, asn := range path[:last+1] {
			if s.nonTransit[asn] {
				return Invalid
			}
		}
	}
	neighbors, ok := s.neighbors[origin]
	if !ok {
		return NotFound
	}
	if last < 0 {
		return Valid
	}
	if _, ok := slices.BinarySearch(neighbors, path[last]); ok {
		return Valid
	}
	return Invalid
}

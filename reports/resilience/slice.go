package resilience

import (
	"math/bits"

	"mpicsim/topology/place"
)

// Sixty-four hijacks are judged at once: a column is one word with a bit for each
// of them, and counts are kept in bit planes, the n-th plane holding the n-th bit
// of 64 counts.

// sliced is a predicate over columns.
type sliced struct {
	primary int // its column, -1 without one
	alone   bool
	groups  []slicedGroup
	// The counts start where required more make them overflow their planes.
	planes, preset   int
	minRIRs          int
	rirPlanes, rirAt int
}

type slicedGroup struct {
	columns []int
	region  place.RIR
}

// slice prepares p for columns; column has that of each viewpoint.
func (p *Predicate) slice(column map[int]int) sliced {
	s := sliced{primary: -1, alone: p.alone, minRIRs: p.minRIRs}
	if p.primary {
		s.primary = column[p.members[0]]
	}
	for _, g := range p.groups {
		columns := make([]int, len(g.members))
		for i, m := range g.members {
			columns[i] = column[p.members[m]]
		}
		s.groups = append(s.groups, slicedGroup{columns, g.region})
	}
	s.planes = bits.Len(uint(len(p.groups)))
	s.preset = 1<<s.planes - p.required
	s.rirPlanes = bits.Len(uint(len(place.RIRs())))
	s.rirAt = 1<<s.rirPlanes - p.minRIRs
	return s
}

// counts are 64 counts with a flag each for overflow.
type counts struct {
	planes [6]uint64
	over   uint64
}

// preset returns 64 counts of n, in so many planes.
func preset(n, planes int) (c counts) {
	for k := range planes {
		c.planes[k] = -uint64(n >> k & 1)
	}
	return c
}

func (c *counts) add(word uint64, planes int) {
	for k := range planes {
		c.planes[k], word = c.planes[k]^word, c.planes[k]&word
	}
	c.over |= word
}

// remotes returns the hijacks that fool enough remotes.
func (s *sliced) remotes(columns []uint64) uint64 {
	if s.alone {
		return ^uint64(0)
	}
	c := preset(s.preset, s.planes)
	var regions [place.RIPE + 1]uint64
	for i := range s.groups {
		g := &s.groups[i]
		word := columns[g.columns[0]]
		for _, at := range g.columns[1:] {
			word &= columns[at]
		}
		c.add(word, s.planes)
		regions[g.region] |= word
	}
	if s.minRIRs == 0 {
		return c.over
	}
	r := preset(s.rirAt, s.rirPlanes)
	for _, word := range regions[place.Unknown+1:] {
		r.add(word, s.rirPlanes)
	}
	return c.over & r.over
}

// succeeds returns the hijacks that succeed with and without the primary's vote.
func (s *sliced) succeeds(columns []uint64) (with, without uint64) {
	without = s.remotes(columns)
	with = without
	if s.primary >= 0 {
		with &= columns[s.primary]
	}
	return with, without
}

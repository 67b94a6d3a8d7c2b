package resilience

import (
	"slices"

	"mpicsim/topology/place"
)

// Sixty-four hijacks are judged at once: a column is one word with a bit for each
// of them, and counts are kept in bit planes, the n-th plane holding the n-th bit
// of 64 counts.

// roster is remotes as they count, whom any number of rules may share, over
// columns.
type roster struct {
	groups  []slicedGroup
	planes  int // that counts of groups need
	regions int // up to how many RIR regions some rule asks for
}

// slicedGroup is one remote that counts, or several that count as one.
type slicedGroup struct {
	column int
	others []int // columns
	region place.RIR
}

// fooled returns the hijacks that fool the whole group.
func (g *slicedGroup) fooled(columns []uint64) uint64 {
	word := columns[g.column]
	for _, at := range g.others {
		word &= columns[at]
	}
	return word
}

func (g slicedGroup) equal(h slicedGroup) bool {
	return g.column == h.column && g.region == h.region && slices.Equal(g.others, h.others)
}

// sliced is a predicate over columns.
type sliced struct {
	primary           int // its column, -1 without one
	alone             bool
	roster            int
	required, minRIRs int
}

// slice prepares p for columns; column has that of each viewpoint. Its roster is
// put to the others if none is the same.
func (p *Predicate) slice(rosters *[]roster, column map[int]int) sliced {
	s := sliced{primary: -1, alone: p.alone, required: p.required, minRIRs: p.minRIRs}
	if p.primary {
		s.primary = column[p.members[0]]
	}
	groups := make([]slicedGroup, len(p.groups))
	for n, g := range p.groups {
		columns := make([]int, len(g.members))
		for i, m := range g.members {
			columns[i] = column[p.members[m]]
		}
		groups[n] = slicedGroup{columns[0], columns[1:], g.region}
	}
	s.roster = slices.IndexFunc(*rosters, func(r roster) bool { return slices.EqualFunc(r.groups, groups, slicedGroup.equal) })
	if s.roster < 0 {
		s.roster = len(*rosters)
		*rosters = append(*rosters, roster{groups: groups, planes: 4})
	}
	r := &(*rosters)[s.roster]
	r.regions = max(r.regions, p.minRIRs)
	if len(groups) > 15 {
		r.planes = 6
	}
	return s
}

// tallied is how many remotes, and how many regions, 64 hijacks fool.
type tallied struct {
	planes [6]uint64 // of the number of remotes
	// regions[n] has the hijacks that fool remotes in n regions or more.
	regions [place.RIPE + 1]uint64
}

// tally counts whom hijacks fool.
func (r *roster) tally(columns []uint64, t *tallied) {
	var p0, p1, p2, p3, p4, p5 uint64
	var in [place.RIPE + 1]uint64
	for i := range r.groups {
		word := r.groups[i].fooled(columns)
		in[r.groups[i].region] |= word
		carry0 := p0 & word
		carry1 := p1 & carry0
		carry2 := p2 & carry1
		p0, p1, p2 = p0^word, p1^carry0, p2^carry1
		p3, carry2 = p3^carry2, p3&carry2
		if carry2 != 0 { // beyond 15
			p5 ^= p4 & carry2
			p4 ^= carry2
		}
	}
	t.planes = [...]uint64{p0, p1, p2, p3, p4, p5}
	t.regions = [place.RIPE + 1]uint64{^uint64(0)}
	for _, word := range in[place.Unknown+1:] {
		for n := r.regions; n > 0; n-- {
			t.regions[n] |= t.regions[n-1] & word
		}
	}
}

// atLeast returns the hijacks that fool n remotes or more, if counts need no more
// planes than given.
func (t *tallied) atLeast(n, planes int) uint64 {
	if n>>planes != 0 {
		return 0
	}
	more, same := uint64(0), ^uint64(0)
	for k := planes - 1; k >= 0; k-- {
		if n>>k&1 != 0 {
			same &= t.planes[k]
		} else {
			more |= same & t.planes[k]
			same &^= t.planes[k]
		}
	}
	return more | same
}

// succeeds returns the hijacks that succeed with and without the primary's vote.
func (s *sliced) succeeds(columns []uint64, rosters []roster, counts []tallied) (with, without uint64) {
	without = ^uint64(0)
	if !s.alone {
		t := &counts[s.roster]
		without = t.atLeast(s.required, rosters[s.roster].planes) & t.regions[s.minRIRs]
	}
	with = without
	if s.primary >= 0 {
		with &= columns[s.primary]
	}
	return with, without
}

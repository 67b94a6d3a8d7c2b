package resilience

import (
	"math/bits"

	"mpicsim/topology/place"
)

// frame is what the deployment as it is makes of all hijacks, so that an addition
// only has to say whom it adds. It is for one number of additions and one way.
type frame struct {
	a   *Additions
	way int
	// remotes[n] has the hijacks that need n more remotes or fewer; regions[n]
	// those that need n more regions or fewer; in[r] those that fool some remote
	// in region r; primary those that fool the primary.
	remotes, regions [3][]uint64
	in               [place.RIPE + 1][]uint64
	primary          []uint64
	nobody           []uint64 // no bits
}

func (a *Additions) frame(k, way int) *frame {
	f := &frame{a: a, way: way, nobody: make([]uint64, (a.rows+63)/64)}
	rosters := []roster{}
	s := a.base.slice(&rosters, a.at)
	required := a.o.Policy.Rule.Required(len(a.base.groups) + k)
	columns := make([]uint64, len(a.columns))
	var t tallied
	for word := range f.nobody {
		for i := range columns {
			columns[i] = a.bits[way][i][word]
		}
		rosters[0].tally(columns, &t)
		for n := range f.remotes {
			f.remotes[n] = append(f.remotes[n], t.atLeast(max(0, required-n), rosters[0].planes))
			f.regions[n] = append(f.regions[n], t.regions[max(0, s.minRIRs-n)])
		}
		for r := range f.in {
			f.in[r] = append(f.in[r], 0)
		}
		for _, g := range rosters[0].groups {
			f.in[g.region][word] |= g.fooled(columns)
		}
		primary := ^uint64(0)
		if s.primary >= 0 {
			primary = columns[s.primary]
		}
		f.primary = append(f.primary, primary)
	}
	return f
}

// values returns each victim's resilience with up to two remotes added.
func (f *frame) values(added []int) []weighted {
	a, x := f.a, f.extra(added)
	success := make([]float64, len(a.victims.asns))
	for _, r := range a.runs {
		sum := 0.0
		for word := r.from; word < r.to; word++ {
			won := f.won(word, &x)
			if a.uniform {
				sum += float64(bits.OnesCount64(won))
				continue
			}
			for ; won != 0; won &= won - 1 {
				sum += a.weights[word*64+bits.TrailingZeros64(won)]
			}
		}
		success[r.victim] += sum
	}
	var values []weighted
	for v, total := range a.victims.total {
		if total > 0 {
			values = append(values, weighted{1 - success[v]/total, a.victims.weights[v]})
		}
	}
	return values
}

// extra is up to two remotes that were added: the hijacks that fool each, and
// those that already fool some remote in its region.
type extra struct {
	fooled, in [2][]uint64
	apart      uint64 // all bits if they are in two regions
}

func (f *frame) extra(added []int) extra {
	x := extra{apart: ^uint64(0)}
	for n := range x.fooled {
		x.fooled[n], x.in[n] = f.nobody, f.nobody
	}
	for n, v := range added {
		x.fooled[n], x.in[n] = f.a.bits[f.way][f.a.at[v]], f.in[f.a.o.Viewpoints[v].RIR]
	}
	if len(added) == 2 && f.a.o.Viewpoints[added[0]].RIR == f.a.o.Viewpoints[added[1]].RIR {
		x.apart = 0
	}
	return x
}

// won returns the hijacks of a word that succeed.
func (f *frame) won(word int, x *extra) uint64 {
	one, two := x.fooled[0][word], x.fooled[1][word]
	first, second := one&^x.in[0][word], two&^x.in[1][word] // in a region of its own
	remotes := f.remotes[0][word] | f.remotes[1][word]&(one|two) | f.remotes[2][word]&one&two
	regions := f.regions[0][word] | f.regions[1][word]&(first|second) | f.regions[2][word]&first&second&x.apart
	return remotes & regions & f.primary[word]
}

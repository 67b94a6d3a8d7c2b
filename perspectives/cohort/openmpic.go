package cohort

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/topology/place"
)

// Candidate is a perspective as Open MPIC's table of regions describes it.
type Candidate struct {
	Code string
	RIR  place.RIR
	// TooClose are the codes of perspectives that must not be added to a cohort
	// which holds this one's neighbour. The relation is read in one direction
	// only: a candidate is held back if its own list names a member.
	TooClose []string
}

// Candidates describes a fleet for [OpenMPIC.Cohorts]: two perspectives that are
// less than minKm apart name each other. Open MPIC itself has its operator write
// the pairs down.
func Candidates(fleet []perspectives.Perspective, minKm float64) []Candidate {
	out := make([]Candidate, len(fleet))
	for i, p := range fleet {
		out[i] = Candidate{Code: p.Name, RIR: p.RIR}
		for j, q := range fleet {
			if i != j && !(place.DistanceKm(p.Location, q.Location) >= minKm) {
				out[i].TooClose = append(out[i].TooClose, q.Name)
			}
		}
	}
	return out
}

// OpenMPIC chooses as Open MPIC's reference implementation does (open-mpic-core
// 6.5.0), draw for draw, so that a coordinator can take over from it without any
// identifier's perspectives changing. Its known weaknesses are kept: the target
// is read as the request spells it, the first two members of a cohort and pairs
// are never held to distance, and any change of the fleet reshuffles everything.
type OpenMPIC struct {
	// Secret is its hash_secret.
	Secret string
	// Fleet is everybody there is; the order does not matter.
	Fleet []Candidate
}

// Cohorts returns the disjoint cohorts of size members that the algorithm makes
// for a target, in the order in which attempts use them. There may be none. Sizes
// below 2 are an error.
func (o OpenMPIC) Cohorts(target string, size int) ([][]string, error) {
	if size < 2 {
		return nil, fmt.Errorf("cohorts of %d: want 2 or more", size)
	}
	b := bucketsOf(o.shuffled(target))
	var cohorts [][]Candidate
	switch {
	case size == 2:
		cohorts = b.pairs()
	case len(b.order) >= 2:
		cohorts = b.fill(b.startedCohorts(b.left()/size), size)
	}
	out := make([][]string, len(cohorts))
	for i, c := range cohorts {
		for _, member := range c {
			out[i] = append(out[i], member.Code)
		}
	}
	return out, nil
}

// shuffled returns the fleet in the order that the target and the secret give.
func (o OpenMPIC) shuffled(target string) []Candidate {
	seed := sha256.Sum256([]byte(o.Secret + strings.ToLower(target)))
	all := slices.SortedStableFunc(slices.Values(o.Fleet), func(a, b Candidate) int { return cmp.Compare(a.Code, b.Code) })
	newMersenne(seed[:]).shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// buckets holds the candidates that are still free, by RIR region in the order
// in which the regions first appeared.
type buckets struct {
	order []place.RIR
	free  map[place.RIR][]Candidate
	turn  int // whose turn it is in order, for all cohorts
}

func bucketsOf(all []Candidate) *buckets {
	b := &buckets{free: map[place.RIR][]Candidate{}}
	for _, c := range all {
		if !slices.Contains(b.order, c.RIR) {
			b.order = append(b.order, c.RIR)
		}
		b.putBack(c)
	}
	return b
}

func (b *buckets) putBack(all ...Candidate) {
	for _, c := range all {
		b.free[c.RIR] = append(b.free[c.RIR], c)
	}
}

func (b *buckets) left() int {
	n := 0
	for _, free := range b.free {
		n += len(free)
	}
	return n
}

// take removes the first free candidate of a region, if there is one.
func (b *buckets) take(r place.RIR) (Candidate, bool) {
	free := b.free[r]
	if len(free) == 0 {
		return Candidate{}, false
	}
	b.free[r] = free[1:]
	return free[0], true
}

// nextRegion returns the regions in turn, for ever.
func (b *buckets) nextRegion() place.RIR {
	r := b.order[b.turn]
	b.turn = (b.turn + 1) % len(b.order)
	return r
}

// pairs makes as many pairs as there can be, one region after the other.
func (b *buckets) pairs() [][]Candidate {
	pairs := make([][]Candidate, b.left()/2)
	for i := range pairs {
		for len(pairs[i]) < 2 {
			if c, ok := b.take(b.nextRegion()); ok {
				pairs[i] = append(pairs[i], c)
			}
		}
	}
	return pairs
}

// startedCohorts gives at most n cohorts two members each from two regions, and
// returns them in the order in which they got the second.
func (b *buckets) startedCohorts(n int) [][]Candidate {
	waiting := make([][]Candidate, n)
	var started [][]Candidate
	at := 0
	for _, region := range b.order {
		for len(waiting) > 0 {
			if slices.ContainsFunc(waiting[at], func(c Candidate) bool { return c.RIR == region }) {
				break // everybody has one of this region
			}
			c, ok := b.take(region)
			if !ok {
				break
			}
			if waiting[at] = append(waiting[at], c); len(waiting[at]) == 2 {
				started = append(started, waiting[at])
				waiting = slices.Delete(waiting, at, at+1)
			} else {
				at++
			}
			if at >= len(waiting) {
				at = 0
			}
		}
	}
	for _, w := range waiting {
		b.putBack(w...)
	}
	return started
}

// fill completes cohorts one after the other, and dissolves those for which not
// enough is left.
func (b *buckets) fill(cohorts [][]Candidate, size int) [][]Candidate {
	var full [][]Candidate
	for _, cohort := range cohorts {
		var heldBack []Candidate
		for len(cohort) < size && size-len(cohort) <= b.left() {
			for region := b.nextRegion(); ; {
				c, ok := b.take(region)
				if !ok {
					break
				}
				if !c.tooClose(cohort) {
					cohort = append(cohort, c)
					break
				}
				heldBack = append(heldBack, c)
			}
		}
		if len(cohort) == size {
			full = append(full, cohort)
		} else {
			b.putBack(cohort...)
		}
		b.putBack(heldBack...)
	}
	return full
}

func (c Candidate) tooClose(cohort []Candidate) bool {
	return slices.ContainsFunc(cohort, func(member Candidate) bool { return slices.Contains(c.TooClose, member.Code) })
}

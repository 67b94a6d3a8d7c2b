package resilience

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Standing is the resilience of a deployment, over victims by weight, with the
// primary if there is one. Unlike in [Outcome], a perspective without a route counts
// as fooled: where nobody can validate is no place for a perspective.
type Standing struct {
	Needs  string `json:"needs"`
	Median Bounds `json:"median"`
	Mean   Bounds `json:"mean"`
}

// Extremes are a measure with all ties to the attacker and with all to the victim.
type Extremes struct {
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
}

// Picks are the least and the most of a measure, as the study's tie-break picked,
// over sets that are alike.
type Picks struct {
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
}

// Alike is a group of additions that the model cannot tell apart: whichever of its
// sets is added, Median and Mean are the same with all ties to the attacker, and the
// same with all to the victim. The picks of a tie-break differ, but that is the
// noise of one seed.
type Alike struct {
	// Rank is 1 for the best. A group ranks below another if no bound of its median
	// or mean is above the other's, and some bound is below; groups of one rank
	// cannot be ranked among each other.
	Rank int `json:"rank"`
	// Sets are the names of the viewpoints added, each set in the study's order.
	Sets         [][]string `json:"sets"`
	Needs        string     `json:"needs"`
	Median       Extremes   `json:"median"`
	Mean         Extremes   `json:"mean"`
	PickedMedian Picks      `json:"picked_median"`
	PickedMean   Picks      `json:"picked_mean"`
}

// Best is what a search came to.
type Best struct {
	// Now is the deployment as it is; nil if it never issues.
	Now *Standing `json:"now,omitempty"`
	// Groups are the best additions in groups that are alike, by what they withstand
	// with all ties to the attacker: the median, then the mean; then with all to the
	// victim. No pick of a tie-break matters.
	Groups []Alike `json:"groups"`
	// Further is how many groups there are beyond Groups, and Unranked how many of
	// these do not rank below any of Groups: they may be as good.
	Further  int `json:"further"`
	Unranked int `json:"unranked"`
	// Tried is how many sets were compared, Unlawful how many others the rule
	// refuses or does not count all of, such as regions too near.
	Tried    int `json:"tried"`
	Unlawful int `json:"unlawful"`
}

// Best tries every set of k candidates, 1 or 2, and returns the n best groups of
// them, all if n is negative.
func (a *Additions) Best(k, n int) (*Best, error) {
	if k != 1 && k != 2 {
		return nil, fmt.Errorf("%d additions: expected 1 or 2", k)
	}
	out := &Best{Groups: []Alike{}}
	var groups []*Alike
	byBounds := map[[4]float64]*Alike{}
	frames := [ways]*frame{lower: a.frame(k, lower), picked: a.frame(k, picked), upper: a.frame(k, upper)}
	known := map[[2]int][4]float64{} // by classes
	classes := a.classes()
	for _, added := range a.choices(k) {
		p, err := a.extend(added)
		if err != nil {
			return nil, err
		}
		if p == nil {
			out.Unlawful++
			continue
		}
		out.Tried++
		key := [2]int{classes[added[0]], -1}
		if k == 2 {
			key[1] = classes[added[1]]
			slices.Sort(key[:])
		}
		bounds, ok := known[key]
		if !ok {
			l, u := frames[lower].values(added), frames[upper].values(added)
			bounds = [4]float64{rounded(median(l)), rounded(mean(l)), rounded(median(u)), rounded(mean(u))}
			known[key] = bounds
		}
		g := byBounds[bounds]
		if g == nil {
			g = &Alike{Needs: p.String(), Median: Extremes{bounds[0], bounds[2]}, Mean: Extremes{bounds[1], bounds[3]}}
			g.PickedMedian, g.PickedMean = Picks{math.Inf(1), math.Inf(-1)}, Picks{math.Inf(1), math.Inf(-1)}
			byBounds[bounds] = g
			groups = append(groups, g)
		}
		values := frames[picked].values(added)
		g.PickedMedian.add(median(values))
		g.PickedMean.add(mean(values))
		names := make([]string, len(added))
		for n, v := range added {
			names[n] = a.o.Viewpoints[v].Name
		}
		g.Sets = append(g.Sets, names)
	}
	slices.SortStableFunc(groups, func(x, y *Alike) int { return compareBounds(y, x) })
	for i, g := range groups {
		below := slices.ContainsFunc(out.Groups, func(b Alike) bool { return g.worse(&b) })
		if n >= 0 && i >= n {
			out.Further++
			if !below {
				out.Unranked++
			}
			continue
		}
		g.Rank = 1
		for _, b := range out.Groups { // whatever is better comes before
			if g.worse(&b) {
				g.Rank = max(g.Rank, b.Rank+1)
			}
		}
		out.Groups = append(out.Groups, *g)
	}
	if a.issues {
		out.Now = a.now()
	}
	return out, nil
}

// now returns the resilience of the deployment as it is.
func (a *Additions) now() *Standing {
	s := &Standing{Needs: a.base.String()}
	for way := range ways {
		values := a.frame(0, way).values(nil)
		*s.Mean.at(way), *s.Median.at(way) = mean(values), median(values)
	}
	return s
}

// rounded drops what sums in another order may differ by.
func rounded(x float64) float64 {
	const billion = 1e9
	return math.Round(x*billion) / billion
}

func (p *Picks) add(x float64) { p.Least, p.Most = min(p.Least, x), max(p.Most, x) }

// compareBounds orders groups by what is certain first.
func compareBounds(x, y *Alike) int {
	return cmp.Or(
		cmp.Compare(x.Median.Lower, y.Median.Lower), cmp.Compare(x.Mean.Lower, y.Mean.Lower),
		cmp.Compare(x.Median.Upper, y.Median.Upper), cmp.Compare(x.Mean.Upper, y.Mean.Upper),
	)
}

// worse reports whether no bound of g is above that of b, and some is below. Two
// groups never have the same bounds.
func (g *Alike) worse(b *Alike) bool {
	return g.Median.Lower <= b.Median.Lower && g.Median.Upper <= b.Median.Upper && g.Mean.Lower <= b.Mean.Lower && g.Mean.Upper <= b.Mean.Upper
}

// classes numbers the candidates: those of one class are in one RIR region and are
// fooled by the same hijacks with all ties to the attacker, and by the same with all
// to the victim.
func (a *Additions) classes() map[int]int {
	byBits := map[string][]int{}
	out := map[int]int{}
	for _, v := range a.o.Candidates {
		at := a.at[v]
		key := fmt.Sprint(a.o.Viewpoints[v].RIR, hashed(a.bits[lower][at]), hashed(a.bits[upper][at]))
		same := slices.IndexFunc(byBits[key], func(other int) bool {
			to := a.at[other]
			return slices.Equal(a.bits[lower][at], a.bits[lower][to]) && slices.Equal(a.bits[upper][at], a.bits[upper][to])
		})
		if same >= 0 {
			out[v] = out[byBits[key][same]]
			continue
		}
		byBits[key] = append(byBits[key], v)
		out[v] = len(out)
	}
	return out
}

// hashed mixes the words of a column (FNV-1a by words).
func hashed(words []uint64) uint64 {
	h := uint64(14695981039346656037)
	for _, w := range words {
		h = (h ^ w) * 1099511628211
	}
	return h
}

// choices returns every set of k candidates.
func (a *Additions) choices(k int) (all [][]int) {
	for i, one := range a.o.Candidates {
		if k == 1 {
			all = append(all, []int{one})
			continue
		}
		for _, other := range a.o.Candidates[i+1:] {
			all = append(all, []int{one, other})
		}
	}
	return all
}

package resilience

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"mpicsim/scenarios/result"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// Viewpoint is the pairwise resilience of one viewpoint: how often it reaches the
// victim if it has a route at all.
//
// Lad et al. (DSN 2007, the base of Counter-RAPTOR, IEEE S&P 2017) define it, for a
// viewpoint p and a victim v over all N−2 other ASes a, as
//
//	Res(p,v) = Σ β(p,v,a) / (N−2)
//
// with β = 1 if p prefers its routes to v, 0 if those to a, and n(v)/(n(v)+n(a))
// if it likes the best of both alike, n being their numbers. A study does not keep
// these numbers. Here ties count 0 (Lower), 1 (Upper) or as they were picked; where
// the numbers are known use [Lad]. Attackers are those of the study, by weight, but
// for the viewpoint's own AS if attackers are told apart; the mean is over victims,
// by weight, but for that AS.
type Viewpoint struct {
	Name string       `json:"name"`
	ASN  topology.ASN `json:"asn"`
	RIR  place.RIR    `json:"rir,omitempty"`
	// Resilience is over hijacks in which the viewpoint has a route, of Victims
	// victims for whom there is one.
	Resilience Bounds `json:"resilience"`
	Victims    int    `json:"victims"`
	// Unreached is the share of hijacks, by weight, in which it has no route.
	Unreached float64 `json:"unreached"`
	// Group is the same for viewpoints that the model cannot tell apart: with all ties
	// to the attacker they have the same resilience, and with all to the victim, and
	// only the picks of a tie-break differ. Groups are numbered from 1, the least
	// resilient first: by the lower bound, then the upper.
	Group int `json:"group"`
}

// Region is the mean over the viewpoints in one RIR region that have some route,
// all alike.
type Region struct {
	RIR        place.RIR `json:"rir"`
	Viewpoints int       `json:"viewpoints"`
	Resilience Bounds    `json:"resilience"`
	Unreached  float64   `json:"unreached"`
}

// pairwise sums up each viewpoint by itself. Hijacks of one victim must come
// together: only one victim's sums are kept.
type pairwise struct {
	viewpoints []result.Viewpoint
	own        map[topology.ASN]result.Set // the viewpoints in an AS
	nobody     result.Set
	all        result.Set
	victim     topology.ASN // 0 before the first
	weight     float64      // of the victim
	done       map[topology.ASN]bool
	total      float64 // weight of this victim's attackers
	now        []pairSums
	sums       []viewpointSums
}

// pairSums are the weights of the attackers of one victim who fool a viewpoint, to
// whom (or the victim) it has no route, and who are in its AS.
type pairSums struct {
	fooled         [ways]float64
	unrouted, self float64
}

// viewpointSums are over victims, each with its weight.
type viewpointSums struct {
	resilience       [ways]float64
	routed           float64 // weight of the victims that resilience is over
	unrouted, weight float64
	victims          int
}

func newPairwise(viewpoints []result.Viewpoint) *pairwise {
	words := (len(viewpoints) + 63) / 64
	p := &pairwise{
		viewpoints: viewpoints, own: map[topology.ASN]result.Set{}, nobody: make(result.Set, words), all: make(result.Set, words),
		done: map[topology.ASN]bool{}, now: make([]pairSums, len(viewpoints)), sums: make([]viewpointSums, len(viewpoints)),
	}
	for i, v := range viewpoints {
		if p.own[v.ASN] == nil {
			p.own[v.ASN] = make(result.Set, words)
		}
		p.own[v.ASN][i/64] |= 1 << (i % 64)
		p.all[i/64] |= 1 << (i % 64)
	}
	return p
}

// add takes one hijack.
func (p *pairwise) add(h *result.Hijack) error {
	if h.Victim != p.victim {
		if p.done[h.Victim] {
			return fmt.Errorf("hijacks of AS %v do not come together, which pairwise resilience needs", h.Victim)
		}
		p.close()
		p.victim, p.weight = h.Victim, h.VictimWeight
		p.done[h.Victim] = true
	}
	own, ok := p.own[h.Attacker]
	if !ok {
		own = p.nobody
	}
	w := h.AttackerWeight
	p.total += w
	// Sets are nested: count the largest, and take off what the others lack.
	for i, self := range own {
		now := p.now[i*64:]
		for word := h.Lower[i] &^ self; word != 0; word &= word - 1 {
			s := &now[bits.TrailingZeros64(word)]
			s.fooled[lower] += w
			s.fooled[picked] += w
			s.fooled[upper] += w
		}
		for word := h.Lower[i] &^ h.Upper[i] &^ self; word != 0; word &= word - 1 {
			now[bits.TrailingZeros64(word)].fooled[upper] -= w
		}
		for word := h.Lower[i] &^ h.Picked[i] &^ self; word != 0; word &= word - 1 {
			now[bits.TrailingZeros64(word)].fooled[picked] -= w
		}
		for word := p.all[i] &^ h.Reached[i] &^ self; word != 0; word &= word - 1 {
			now[bits.TrailingZeros64(word)].unrouted += w
		}
		for word := self; word != 0; word &= word - 1 {
			now[bits.TrailingZeros64(word)].self += w
		}
	}
	return nil
}

// close adds the current victim to the sums.
func (p *pairwise) close() {
	for i := range p.now {
		n, s := &p.now[i], &p.sums[i]
		met := p.total - n.self
		if p.viewpoints[i].ASN == p.victim || met <= 0 {
			*n = pairSums{}
			continue
		}
		s.weight += p.weight
		s.unrouted += p.weight * n.unrouted / met
		if routed := met - n.unrouted; routed > 0 {
			s.victims++
			s.routed += p.weight
			for way, fooled := range n.fooled {
				s.resilience[way] += p.weight * (1 - fooled/routed)
			}
		}
		*n = pairSums{}
	}
	p.total = 0
}

// report returns all viewpoints in order, and the regions that some are in.
func (p *pairwise) report() (viewpoints []Viewpoint, regions []Region) {
	p.close()
	byRIR := make([]Region, place.RIPE+1)
	for i, v := range p.viewpoints {
		s := &p.sums[i]
		out := Viewpoint{Name: v.Name, ASN: v.ASN, RIR: v.RIR, Victims: s.victims}
		if s.weight > 0 {
			out.Unreached = s.unrouted / s.weight
		}
		if s.routed > 0 {
			for way, sum := range s.resilience {
				*out.Resilience.at(way) = sum / s.routed
			}
			if v.RIR != place.Unknown && v.RIR <= place.RIPE {
				byRIR[v.RIR].add(out)
			}
		}
		viewpoints = append(viewpoints, out)
	}
	groupAlike(viewpoints)
	for rir, r := range byRIR {
		if n := float64(r.Viewpoints); n > 0 {
			r.RIR = place.RIR(rir)
			for way := range ways {
				*r.Resilience.at(way) /= n
			}
			r.Unreached /= n
			regions = append(regions, r)
		}
	}
	return viewpoints, regions
}

// groupAlike numbers the groups of viewpoints.
func groupAlike(viewpoints []Viewpoint) {
	type bounds struct{ none, lower, upper, unreached float64 }
	of := func(v Viewpoint) bounds {
		b := bounds{0, rounded(v.Resilience.Lower), rounded(v.Resilience.Upper), rounded(v.Unreached)}
		if v.Victims == 0 { // behind all that have some route
			b.none = 1
		}
		return b
	}
	var all []bounds
	for _, v := range viewpoints {
		all = append(all, of(v))
	}
	slices.SortFunc(all, func(x, y bounds) int {
		return cmp.Or(cmp.Compare(x.none, y.none), cmp.Compare(x.lower, y.lower), cmp.Compare(x.upper, y.upper), cmp.Compare(y.unreached, x.unreached))
	})
	all = slices.Compact(all)
	for n := range viewpoints {
		viewpoints[n].Group = 1 + slices.Index(all, of(viewpoints[n]))
	}
}

func (r *Region) add(v Viewpoint) {
	r.Viewpoints++
	for way := range ways {
		*r.Resilience.at(way) += *v.Resilience.at(way)
	}
	r.Unreached += v.Unreached
}

// Paths are the numbers of equally good best routes of one viewpoint to the victim
// and to one attacker, 0 for the one whom it likes less.
type Paths struct{ Victim, Attacker int }

// Lad returns the resilience of one viewpoint for one victim by the formula of Lad
// et al., see [Viewpoint], over the attackers whose paths are given: Σ β over their
// number, each tied attacker being a term of its own. Attackers without paths to
// either side are left out and counted. It returns an error for numbers below 0.
func Lad(attackers []Paths) (resilience float64, unreached int, err error) {
	sum := 0.0
	for _, p := range attackers {
		switch {
		case p.Victim < 0 || p.Attacker < 0:
			return 0, 0, fmt.Errorf("%d paths to the victim, %d to the attacker", p.Victim, p.Attacker)
		case p.Victim+p.Attacker == 0:
			unreached++
		default:
			sum += float64(p.Victim) / float64(p.Victim+p.Attacker)
		}
	}
	if n := len(attackers) - unreached; n > 0 {
		return sum / float64(n), unreached, nil
	}
	return 0, unreached, nil
}

package resilience

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"mpicsim/perspectives"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// AdditionOptions say what could be added to what.
type AdditionOptions struct {
	Viewpoints []result.Viewpoint
	// Policy is the deployment as it is, under the rule that the result must meet.
	// It need not meet it yet.
	Policy Policy
	// Candidates are the viewpoints that may become remotes.
	Candidates []int
	// Attack is the shape of attack to look at; others are passed over.
	Attack string
}

// Addition is a deployment with remotes added.
type Addition struct {
	// Added are the names of the viewpoints, in the study's order.
	Added []string `json:"added"`
	Needs string   `json:"needs"`
	// Median and Mean are the resilience over victims by weight, with the primary
	// if there is one. Unlike in [Outcome], a perspective without a route counts
	// as fooled: where nobody can validate is no place for a perspective.
	Median Bounds `json:"median"`
	Mean   Bounds `json:"mean"`
}

// Best is what a search came to.
type Best struct {
	// Now is the deployment as it is; nil if it never issues.
	Now *Addition `json:"now,omitempty"`
	// Best are the best additions: by the median, then the mean, both as ties were
	// picked, then by name.
	Best []Addition `json:"best"`
	// Tried is how many sets were compared, Unlawful how many others the rule
	// refuses or does not count all of, such as regions too near.
	Tried    int `json:"tried"`
	Unlawful int `json:"unlawful"`
}

// Additions keeps hijacks to find the remotes that would best be added to a
// deployment, by trying all. It needs three bits for each hijack that fools the
// primary and each candidate or perspective, and eight bytes for its weight. Create
// it with [NewAdditions].
type Additions struct {
	o       AdditionOptions
	base    *Predicate
	issues  bool             // as it is
	words   int              // of a set
	columns []int            // viewpoints: of the deployment, then candidates
	at      map[int]int      // the column of a viewpoint
	bits    [ways][][]uint64 // by column
	weights []float64        // by row
	rows    int              // the last word may be filled in part
	uniform bool             // all weights are 1
	victims parties
	runs    []run
}

// run is the words that hold hijacks of one victim.
type run struct {
	victim   int32
	from, to int
}

// NewAdditions prepares a search. It returns an error if the rule does not ask
// remotes, and those of [Compile] but for [ErrNeverIssues].
func NewAdditions(o AdditionOptions) (*Additions, error) {
	a := &Additions{o: o, words: (len(o.Viewpoints) + 63) / 64, at: map[int]int{}, uniform: true}
	a.victims.index = map[topology.ASN]int32{}
	if o.Policy.Rule.MinRemotes == 0 || !o.Policy.Rule.Enforced {
		return nil, fmt.Errorf("rule %q does not depend on remotes", o.Policy.Rule.Name)
	}
	_, err := Compile(o.Viewpoints, o.Policy)
	if a.issues = err == nil; !a.issues && !errors.Is(err, ErrNeverIssues) {
		return nil, err
	}
	if a.base, _, err = prepare(o.Viewpoints, o.Policy); err != nil {
		return nil, err
	}
	members := slices.Clone(o.Policy.Deployment.Remotes)
	if p := o.Policy.Deployment.Primary; p != NoPrimary {
		members = append(members, p)
	}
	for _, v := range slices.Concat(members, o.Candidates) {
		if v < 0 || v >= len(o.Viewpoints) {
			return nil, fmt.Errorf("candidate %d of %d viewpoints", v, len(o.Viewpoints))
		}
		if _, ok := a.at[v]; !ok {
			a.at[v] = len(a.columns)
			a.columns = append(a.columns, v)
		}
	}
	a.o.Candidates = slices.Compact(slices.Sorted(slices.Values(o.Candidates)))
	a.o.Candidates = slices.DeleteFunc(a.o.Candidates, func(v int) bool { return slices.Contains(members, v) })
	for way := range ways {
		a.bits[way] = make([][]uint64, len(a.columns))
	}
	return a, nil
}

// Add takes one hijack, or what several attackers have in common.
func (a *Additions) Add(h *result.Hijack) error {
	if h.Attack != a.o.Attack {
		return nil
	}
	for _, n := range [...]int{len(h.Reached), len(h.Lower), len(h.Picked), len(h.Upper)} {
		if n != a.words {
			return fmt.Errorf("hijack of AS %v by AS %v: a set of %d words, expected %d", h.Victim, h.Attacker, n, a.words)
		}
	}
	victim, err := a.victims.at(h.Victim, h.VictimWeight)
	if err != nil {
		return fmt.Errorf("hijack of AS %v by AS %v: %w", h.Victim, h.Attacker, err)
	}
	a.victims.total[victim] += h.AttackerWeight
	if p := a.o.Policy.Deployment.Primary; p != NoPrimary && h.Reached.Has(p) && !h.Lower.Has(p) {
		return nil // fails whatever is added
	}
	a.row(victim)
	word, bit := a.rows/64, uint64(1)<<(a.rows%64)
	a.rows++
	a.weights = append(a.weights, h.AttackerWeight)
	a.uniform = a.uniform && h.AttackerWeight == 1
	for column, v := range a.columns {
		lost := !h.Reached.Has(v)
		for way, set := range [...]result.Set{lower: h.Lower, picked: h.Picked, upper: h.Upper} {
			if lost || set.Has(v) {
				a.bits[way][column][word] |= bit
			}
		}
	}
	return nil
}

// row makes room for a row of a victim, who starts with a word of its own.
func (a *Additions) row(victim int32) {
	n := len(a.runs)
	same := n > 0 && a.runs[n-1].victim == victim
	if same && a.rows%64 != 0 {
		return
	}
	for a.rows%64 != 0 {
		a.rows++
		a.weights = append(a.weights, 0)
	}
	for way := range ways {
		for column := range a.bits[way] {
			a.bits[way][column] = append(a.bits[way][column], 0)
		}
	}
	if !same {
		a.runs = append(a.runs, run{victim, a.rows / 64, a.rows / 64})
		n++
	}
	a.runs[n-1].to++
}

// Best tries every set of k candidates, 1 or 2, and returns the n best.
func (a *Additions) Best(k, n int) (*Best, error) {
	if k != 1 && k != 2 {
		return nil, fmt.Errorf("%d additions: expected 1 or 2", k)
	}
	out := &Best{}
	var found []choice
	frame := a.frame(k, picked)
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
		values := frame.values(added)
		found = append(found, choice{added: added, predicate: p, mean: mean(values), median: median(values)})
	}
	slices.SortStableFunc(found, func(x, y choice) int {
		return cmp.Or(cmp.Compare(y.median, x.median), cmp.Compare(y.mean, x.mean))
	})
	for _, c := range first(found, n) {
		out.Best = append(out.Best, Addition{Needs: c.predicate.String()})
		for _, v := range c.added {
			out.Best[len(out.Best)-1].Added = append(out.Best[len(out.Best)-1].Added, a.o.Viewpoints[v].Name)
		}
	}
	if a.issues {
		out.Now = &Addition{Needs: a.base.String()}
	}
	a.measure(out, found, k)
	return out, nil
}

// choice is candidates and what adding them comes to.
type choice struct {
	added        []int
	predicate    *Predicate
	mean, median float64
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

// measure fills in the numbers of those that were found, for all ways.
func (a *Additions) measure(out *Best, found []choice, k int) {
	for way := range ways {
		frame := a.frame(k, way)
		for i := range out.Best {
			values := frame.values(found[i].added)
			*out.Best[i].Mean.at(way), *out.Best[i].Median.at(way) = mean(values), median(values)
		}
		if out.Now != nil {
			values := a.frame(0, way).values(nil)
			*out.Now.Mean.at(way), *out.Now.Median.at(way) = mean(values), median(values)
		}
	}
}

// extend returns the policy with remotes added, nil if the rule refuses it or does
// not count all that were added.
func (a *Additions) extend(added []int) (*Predicate, error) {
	p := a.o.Policy
	p.Deployment.Remotes = slices.Concat(p.Deployment.Remotes, added)
	if set := p.Deployment.Set; set != nil {
		extended := perspectives.Set{Name: set.Name, Primary: set.Primary, Remotes: slices.Clone(set.Remotes)}
		for _, v := range added {
			remote, err := stand(a.o.Viewpoints[v], p.Rule.MinDistanceKm > 0, p.Rule.MinRIRs > 0)
			if err != nil {
				return nil, err
			}
			extended.Remotes = append(extended.Remotes, remote)
		}
		p.Deployment.Set = &extended
	}
	c, err := Compile(a.o.Viewpoints, p)
	switch {
	case errors.Is(err, ErrNeverIssues):
		return nil, nil //nolint:nilnil // said above
	case err != nil:
		return nil, err
	case len(c.groups) != len(a.base.groups)+len(added):
		return nil, nil //nolint:nilnil // said above
	}
	return c, nil
}

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

package resilience

import (
	"errors"
	"fmt"
	"slices"

	"mpicsim/perspectives"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
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

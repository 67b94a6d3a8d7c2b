package event

import (
	"cmp"
	"slices"

	"mpicsim/topology"
)

// Alternation is an AS that keeps going back to routes that it had before.
type Alternation struct {
	AS topology.ASN
	// Routes are those that it came back to, the most frequent first.
	Routes []Recurrence
}

// Recurrence is a best route that an AS chose again and again.
type Recurrence struct {
	// Path is the AS path with the AS's own number first; nil stands for no route.
	Path []topology.ASN
	// Times is how often it was chosen in the later half of all decisions since the
	// last change.
	Times int
}

// recurs is how often an AS must choose a route for it to be more than one of
// those that convergence goes through.
const recurs = 3

// cycle returns the ASes that alternate, ascending.
func (r *router) cycle() []Alternation {
	from := 0
	for n, l := range r.log {
		if l.at < r.phase.At {
			from = n + 1
		}
	}
	tail := r.log[from+(len(r.log)-from)/2:]
	times := map[logged]int{}
	for _, l := range tail {
		l.at = 0
		times[l]++
	}
	byAS := map[int32][]Recurrence{}
	tl := &Timeline{net: r.net, part: r.part, paths: r.paths}
	for l, n := range times {
		if n >= recurs {
			byAS[l.as] = append(byAS[l.as], Recurrence{tl.appendPath(nil, l.as, l.entry), n})
		}
	}
	var out []Alternation
	for i, routes := range byAS {
		if len(routes) < 2 {
			continue
		}
		slices.SortFunc(routes, func(a, b Recurrence) int {
			return cmp.Or(cmp.Compare(b.Times, a.Times), slices.Compare(a.Path, b.Path))
		})
		out = append(out, Alternation{r.net.graph.ASN(i), routes})
	}
	slices.SortFunc(out, func(a, b Alternation) int { return cmp.Compare(a.AS, b.AS) })
	return out
}

package topology

import (
	"cmp"
	"fmt"
	"slices"
)

// inCycles returns which ASes lie on or between provider cycles, nil if there is
// none. Without the edges given, there is none.
func (g *Graph) inCycles(added []edge) []bool {
	up, down := g.adjacency.of(Provider), g.adjacency.of(Customer)
	if !slices.ContainsFunc(added, func(e edge) bool {
		return e.kind == Transit && len(up.row(e.a)) > 0 && len(down.row(e.b)) > 0
	}) {
		return nil
	}
	live := make([]bool, len(g.asns))
	for i := range live {
		live[i] = true
	}
	if peel(live, down, up) == 0 {
		return nil
	}
	peel(live, up, down)
	return live
}

// peel takes ASes that have no live neighbour in next out of live, again and
// again (Kahn's algorithm), and returns how many are left. back is next turned
// round.
func peel(live []bool, next, back *rows) (left int) {
	count := make([]int32, len(live)) // of live neighbours in next
	var queue []int32
	for i := range int32(len(live)) {
		if !live[i] {
			continue
		}
		left++
		for _, j := range next.row(i) {
			if live[j] {
				count[i]++
			}
		}
		if count[i] == 0 {
			queue = append(queue, i)
		}
	}
	for len(queue) > 0 {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		live[i] = false
		left--
		for _, j := range back.row(i) {
			if count[j]--; count[j] == 0 && live[j] {
				queue = append(queue, j)
			}
		}
	}
	return left
}

// The steps that breaking cycles may take, of 10 to 80 ns each. Thirty thousand links
// with a random sign between ten thousand ASes take some forty million.
const (
	freeSteps    = 1 << 26
	stepsPerLink = 1 << 6
)

// breakCycles takes the transit links between live ASes in the order in which
// they were added, base's first, and returns those that would close a cycle
// with the links kept before them, by ascending position. It returns an error if
// there are more than MaxFindings, or if finding them takes too many steps: in the
// worst case their number is that of links times that of ASes.
func (g *Graph) breakCycles(links []Link, base *Graph, num *numbering, live []bool, kept []edge) ([]finding, error) {
	order := newTopological(g.arrange(live))
	most := freeSteps + stepsPerLink*int64(g.links)
	for i := range int32(base.Len()) {
		for _, c := range base.Customers(i) {
			if a, b := num.index[i], num.index[c]; live[a] && live[b] {
				order.add(a, b) // base has no cycle
			}
		}
	}
	var transit []edge
	for _, e := range kept {
		if e.kind == Transit && live[e.a] && live[e.b] {
			transit = append(transit, e)
		}
	}
	slices.SortFunc(transit, func(x, y edge) int { return cmp.Compare(x.at, y.at) })
	var found []finding
	for _, e := range transit {
		if order.steps > most || len(found) > MaxFindings {
			return nil, tooIrregular(fmt.Sprintf("provider cycles: %d up to line %d", len(found), links[e.at].Line))
		}
		path := order.add(e.a, e.b)
		order.steps += int64(len(path))
		if path == nil {
			continue
		}
		f := Finding{Kind: Cycle, Dropped: links[e.at]}
		for _, i := range path {
			f.ASes = append(f.ASes, num.asns[i])
		}
		found = append(found, finding{f, e.at})
	}
	return found, nil
}

// arrange returns an order, AS -> rank, in which most transit links between live
// ASes lead from a lower to a higher rank: ASes without providers go to the
// front and those without customers to the back, again and again; where all have
// both, the one with the greatest excess of customers goes to the front. (After
// Eades, Lin, Smyth, "A fast and effective heuristic for the feedback arc set
// problem", IPL 47, 1993, but with the excess of the start.)
func (g *Graph) arrange(live []bool) (rank []int32) {
	up, down := g.adjacency.of(Provider), g.adjacency.of(Customer)
	n := len(live)
	rank = make([]int32, n)
	customers, providers := make([]int32, n), make([]int32, n) // live and not ranked yet
	ranked := make([]bool, n)
	var byExcess, queue []int32
	for i := range int32(n) {
		if ranked[i] = !live[i]; ranked[i] {
			continue
		}
		customers[i], providers[i] = countLive(down.row(i), live), countLive(up.row(i), live)
		byExcess = append(byExcess, i)
	}
	excess := func(i int32) int32 { return customers[i] - providers[i] }
	slices.SortStableFunc(byExcess, func(x, y int32) int { return cmp.Compare(excess(y), excess(x)) })
	front, back := int32(0), int32(n-1)
	for _, first := range byExcess {
		queue = append(queue[:0], first)
		for len(queue) > 0 {
			i := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			if ranked[i] {
				continue
			}
			ranked[i] = true
			if customers[i] == 0 && providers[i] > 0 {
				rank[i] = back
				back--
			} else {
				rank[i] = front
				front++
			}
			for _, c := range down.row(i) {
				if providers[c]--; providers[c] == 0 {
					queue = append(queue, c)
				}
			}
			for _, p := range up.row(i) {
				if customers[p]--; customers[p] == 0 {
					queue = append(queue, p)
				}
			}
		}
	}
	return rank
}

func countLive(row []int32, live []bool) (n int32) {
	for _, j := range row {
		if live[j] {
			n++
		}
	}
	return n
}

// topological is a topological order of a graph that grows link by link. A link
// that fits the order costs nothing; another one searches only the ASes that
// stand between its ends (Pearce and Kelly, "A Dynamic Topological Sort
// Algorithm for Directed Acyclic Graphs", JEA 11, 2006).
type topological struct {
	rank    []int32 // AS -> its place in the order
	out, in [][]int32
	from    []int32 // AS -> where the search came from
	seen    []int32 // AS -> the last search that met it
	search  int32
	// steps counts the links that searches have looked at.
	steps int64
}

// newTopological returns a graph of len(rank) ASes without links, in an order to
// start from. It takes rank over.
func newTopological(rank []int32) *topological {
	n := len(rank)
	return &topological{
		rank: rank, from: make([]int32, n), seen: make([]int32, n), out: make([][]int32, n), in: make([][]int32, n),
	}
}

// add adds the link from a to b, or, if there is a path from b to a, returns a
// shortest one, both ends included, and leaves the graph as it is.
func (t *topological) add(a, b int32) (path []int32) {
	lo, hi := t.rank[b], t.rank[a]
	if lo < hi {
		below := t.reach(b, t.out, func(i int32) bool { return t.rank[i] <= hi })
		if t.seen[a] == t.search {
			for i := a; i != b; i = t.from[i] {
				path = append(path, i)
			}
			path = append(path, b)
			slices.Reverse(path)
			return path
		}
		above := t.reach(a, t.in, func(i int32) bool { return t.rank[i] >= lo })
		t.reorder(above, below)
	}
	t.out[a] = append(t.out[a], b)
	t.in[b] = append(t.in[b], a)
	return nil
}

// reach returns all ASes that a breadth-first search from start meets.
func (t *topological) reach(start int32, next [][]int32, within func(int32) bool) []int32 {
	t.search++
	t.seen[start] = t.search
	met := []int32{start}
	for k := 0; k < len(met); k++ {
		i := met[k]
		t.steps += 1 + int64(len(next[i]))
		for _, j := range next[i] {
			if t.seen[j] != t.search && within(j) {
				t.seen[j], t.from[j] = t.search, i
				met = append(met, j)
			}
		}
	}
	return met
}

// reorder puts all of above before all of below on the ranks that they hold
// together; each group keeps its order.
func (t *topological) reorder(above, below []int32) {
	byRank := func(x, y int32) int { return cmp.Compare(t.rank[x], t.rank[y]) }
	slices.SortFunc(above, byRank)
	slices.SortFunc(below, byRank)
	both := append(above, below...)
	ranks := make([]int32, len(both))
	for k, i := range both {
		ranks[k] = t.rank[i]
	}
	slices.Sort(ranks)
	for k, i := range both {
		t.rank[i] = ranks[k]
	}
}

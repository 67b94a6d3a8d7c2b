package route

import (
	"cmp"
	"slices"
	"sort"

	"mpicsim/topology"
)

// Engine is a topology compiled for propagation. It is immutable and safe for
// concurrent use. Create it with [NewEngine].
//
// Inside, ASes are renumbered so that each one comes behind all its providers,
// and ASes without customers come last, ordered by their number of providers:
// the downward pass is then one sequential sweep that reads its neighbours'
// routes from the short front part of an array.
type Engine struct {
	graph *topology.Graph
	// place in the order -> graph index, and back
	order, position []int32
	// transit is how many ASes have customers: positions below it.
	transit int32
	// stubs[n] is the first position of the ASes without customers that have n
	// providers or more.
	stubs [4]int32
	// providers and peers hold positions, ascending within a row.
	providers, peers adjacency
	// levels is the number of ASes on the longest chain of providers.
	levels int
}

// adjacency holds a neighbour list for each position: row x is to[off[x]:off[x+1]].
type adjacency struct {
	off, to []int32
}

func (a *adjacency) row(x int32) []int32 { return a.to[a.off[x]:a.off[x+1]] }

// NewEngine compiles g, which takes tens of milliseconds for the whole
// Internet. It keeps a reference to g.
func NewEngine(g *topology.Graph) *Engine {
	e := &Engine{graph: g}
	e.sortTopologically()
	e.providers = e.transpose(topology.Customer)
	e.peers = e.transpose(topology.Peer)
	for n := range e.stubs {
		e.stubs[n] = e.transit + int32(sort.Search(len(e.order)-int(e.transit), func(k int) bool {
			return len(e.providers.row(e.transit+int32(k))) >= n
		}))
	}
	return e
}

// Graph returns the topology that the engine was compiled from.
func (e *Engine) Graph() *topology.Graph { return e.graph }

// sortTopologically fills order, position, transit and levels. The depth of an
// AS is the length of its longest chain of providers (Kahn's algorithm).
func (e *Engine) sortTopologically() {
	g := e.graph
	n := int32(g.Len())
	depth, waiting := make([]int32, n), make([]int32, n)
	queue := make([]int32, 0, n)
	for i := range n {
		waiting[i] = int32(len(g.Providers(i)))
		if waiting[i] == 0 {
			queue = append(queue, i)
		}
		if len(g.Customers(i)) > 0 {
			e.transit++
		}
	}
	for head := 0; head < len(queue); head++ {
		i := queue[head]
		e.levels = max(e.levels, int(depth[i])+1)
		for _, c := range g.Customers(i) {
			depth[c] = max(depth[c], depth[i]+1)
			if waiting[c]--; waiting[c] == 0 {
				queue = append(queue, c)
			}
		}
	}
	if int32(len(queue)) != n { // the topology's builder breaks cycles
		panic("route: provider cycle in a built topology")
	}
	rank := func(i int32) (stub, within int32) {
		if len(g.Customers(i)) > 0 {
			return 0, depth[i]
		}
		return 1, int32(len(g.Providers(i)))
	}
	slices.SortFunc(queue, func(a, b int32) int {
		stubA, withinA := rank(a)
		stubB, withinB := rank(b)
		return cmp.Or(cmp.Compare(stubA, stubB), cmp.Compare(withinA, withinB), cmp.Compare(a, b))
	})
	e.order = queue
	e.position = make([]int32, n)
	for x, i := range e.order {
		e.position[i] = int32(x)
	}
}

// transpose returns, for each position, the positions of the ASes that have it
// among their neighbours of kind rel. Walking the ASes in order leaves every row
// sorted.
func (e *Engine) transpose(rel topology.Relationship) adjacency {
	n := len(e.order)
	a := adjacency{off: make([]int32, n+1)}
	for _, i := range e.order {
		for _, j := range e.graph.Neighbors(i, rel) {
			a.off[e.position[j]+1]++
		}
	}
	for x := range n {
		a.off[x+1] += a.off[x]
	}
	a.to = make([]int32, a.off[n])
	next := slices.Clone(a.off[:n])
	for x, i := range e.order {
		for _, j := range e.graph.Neighbors(i, rel) {
			y := e.position[j]
			a.to[next[y]] = int32(x)
			next[y]++
		}
	}
	return a
}

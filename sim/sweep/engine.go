package sweep

import (
	"errors"
	"fmt"
	"slices"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Engine is a topology compiled for the question whom a set of viewpoints
// reaches. It is immutable and safe for concurrent use. Create it with [New].
type Engine struct {
	graph   *topology.Graph
	router  *route.Engine // for pairs whose paths are longer than a pass can hold
	options route.Options
	// viewpoints are graph indexes; viewpointNode their nodes.
	viewpoints, viewpointNode []int32
	// nodes are the relevant ASes as graph indexes, each behind its providers;
	// node is the way back, -1 for other ASes.
	nodes, node []int32
	// providers has nodes for each node, in the node's order of preference.
	providers rows
	// peers has graph indexes for each node, in the node's order of preference.
	peers rows
	// peering has, for each graph index, the nodes that it peers with.
	peering rows
	// customers has graph indexes for each graph index, in order of preference.
	customers rows
	// filters says whose invalid routes each AS rejects, by graph index: bit 0 for
	// customers, 1 for peers, 2 for providers; nil if nobody does.
	filters []uint8
}

// rows is a list of lists: row x is to[off[x]:off[x+1]].
type rows struct {
	off, to []int32
}

func (r *rows) row(x int32) []int32 { return r.to[r.off[x]:r.off[x+1]] }

func (r *rows) close() { r.off = append(r.off, int32(len(r.to))) }

// New compiles the topology of router for viewpoints, which are graph indexes,
// as many and as often as the caller likes. Ties are picked by o, whose tie-break
// must not be a bound. Compiling takes some tens of milliseconds for the whole
// Internet.
func New(router *route.Engine, viewpoints []int32, o route.Options) (*Engine, error) {
	switch o.TieBreak {
	case route.TieBreakLowestNeighbor, route.TieBreakSeeded, route.TieBreakNearest:
	case route.TieBreakAttacker, route.TieBreakVictim:
		return nil, fmt.Errorf("sweep: tie-break %v is a bound, which every sweep computes: want lowest-neighbor, seeded or nearest", o.TieBreak)
	default:
		return nil, fmt.Errorf("sweep: unknown tie-break %v", o.TieBreak)
	}
	if len(viewpoints) == 0 {
		return nil, errors.New("sweep: no viewpoints")
	}
	g := router.Graph()
	e := &Engine{graph: g, router: router, options: o, viewpoints: slices.Clone(viewpoints)}
	for n, i := range viewpoints {
		if i < 0 || int(i) >= g.Len() {
			return nil, fmt.Errorf("sweep: viewpoint %d: index %d: want 0 to %d", n+1, i, g.Len()-1)
		}
	}
	if p := o.Policies; p != nil && p.Graph() != g {
		return nil, errors.New("sweep: the policies were made for another topology")
	}
	e.gather()
	e.connect()
	e.filter()
	e.viewpointNode = make([]int32, len(viewpoints))
	for n, i := range viewpoints {
		e.viewpointNode[n] = e.node[i]
	}
	return e, nil
}

// Graph returns the topology.
func (e *Engine) Graph() *topology.Graph { return e.graph }

// Viewpoints returns the viewpoints as given to [New]. The caller must not
// change the slice.
func (e *Engine) Viewpoints() []int32 { return e.viewpoints }

// Options returns how ties are picked.
func (e *Engine) Options() route.Options { return e.options }

// Relevant returns how many ASes can influence what the viewpoints reach.
func (e *Engine) Relevant() int { return len(e.nodes) }

// gather fills nodes and node: viewpoints and all above them, in reverse
// postorder of the way up, so that each comes behind its providers.
func (e *Engine) gather() {
	g := e.graph
	e.node = make([]int32, g.Len())
	const unseen, seen = -1, -2
	for i := range e.node {
		e.node[i] = unseen
	}
	type frame struct {
		as   int32
		next int
	}
	var stack []frame
	for _, root := range e.viewpoints {
		if e.node[root] != unseen {
			continue
		}
		e.node[root] = seen
		stack = append(stack, frame{as: root})
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if providers := g.Providers(top.as); top.next < len(providers) {
				p := providers[top.next]
				top.next++
				if e.node[p] == unseen {
					e.node[p] = seen
					stack = append(stack, frame{as: p})
				}
				continue
			}
			e.node[top.as] = int32(len(e.nodes)) // all its providers have been placed
			e.nodes = append(e.nodes, top.as)
			stack = stack[:len(stack)-1]
		}
	}
}

// connect fills the neighbour lists.
func (e *Engine) connect() {
	g := e.graph
	var sorter ranking
	e.providers.close()
	e.peers.close()
	for _, i := range e.nodes {
		for _, p := range sorter.sort(g, e.options, i, g.Providers(i)) {
			e.providers.to = append(e.providers.to, e.node[p])
		}
		e.providers.close()
		e.peers.to = append(e.peers.to, sorter.sort(g, e.options, i, g.Peers(i))...)
		e.peers.close()
	}
	e.peering.close()
	e.customers.close()
	for i := range int32(g.Len()) {
		for _, p := range g.Peers(i) {
			if n := e.node[p]; n >= 0 {
				e.peering.to = append(e.peering.to, n)
			}
		}
		e.peering.close()
		e.customers.to = append(e.customers.to, sorter.sort(g, e.options, i, g.Customers(i))...)
		e.customers.close()
	}
	for _, r := range []*rows{&e.providers, &e.peers, &e.peering, &e.customers} {
		r.off, r.to = slices.Clip(r.off), slices.Clip(r.to)
	}
}

// filter fills filters.
func (e *Engine) filter() {
	p := e.options.Policies
	if p == nil {
		return
	}
	const customers, peers, providers = 1, 2, 4
	filters, some := make([]uint8, e.graph.Len()), uint8(0)
	for i := range filters {
		switch p.Of(int32(i)).ROV {
		case route.ROVOn:
			filters[i] = customers | peers | providers
		case route.ROVCustomersExempt:
			filters[i] = peers | providers
		case route.ROVPeers:
			filters[i] = peers
		case route.ROVOff, route.ROVPreferValid:
		}
		some |= filters[i]
	}
	if some != 0 {
		e.filters = filters
	}
}

// rejects says whether AS i rejects invalid routes from neighbours of kind rel.
func (e *Engine) rejects(i int32, rel topology.Relationship) bool {
	return e.filters != nil && e.filters[i]>>(rel-topology.Customer)&1 != 0
}

// ranking sorts neighbours by preference.
type ranking struct {
	list []ranked
	out  []int32
}

type ranked struct {
	rank uint64
	as   int32
}

// sort returns the neighbours of AS x in its order of preference. The result is
// good until the next call.
func (r *ranking) sort(g *topology.Graph, o route.Options, x int32, neighbors []int32) []int32 {
	if o.TieBreak == route.TieBreakLowestNeighbor || len(neighbors) < 2 {
		return neighbors
	}
	r.list, r.out = r.list[:0], r.out[:0]
	for _, n := range neighbors {
		r.list = append(r.list, ranked{o.Rank(g, x, n), n})
	}
	slices.SortFunc(r.list, func(a, b ranked) int {
		switch {
		case a.rank < b.rank, a.rank == b.rank && a.as < b.as:
			return -1
		}
		return 1
	})
	for _, n := range r.list {
		r.out = append(r.out, n.as)
	}
	return r.out
}

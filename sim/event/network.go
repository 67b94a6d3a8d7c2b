package event

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// network is the graph and the options compiled for a run. It is immutable.
//
// A session has two slots, one at each end: slot s belongs to AS owner, which
// sees its neighbour peer[s] there, and back[s] is that neighbour's slot for the
// same session. The slots of AS i are off[i] <= s < off[i+1], the better ranked by
// the tie-break first.
type network struct {
	graph   *topology.Graph
	options Options
	off     []int32
	peer    []int32
	back    []int32
	rel     []topology.Relationship // what peer[s] is to the owner
	delay   []int32                 // in microseconds
	prefer  []uint16                // per slot: 0 for the most preferred; nil without Options.Prefer
	mrai    []time.Duration         // per AS; nil if all are the same

	// per AS, nil if no AS has the policy
	otc, preferValid, bgpsec, rovpp []bool
}

// maxPreferences is the greatest number of different preferences at one AS.
const maxPreferences = 1 << preferBits

func newNetwork(g *topology.Graph, o Options) (*network, error) {
	n := &network{graph: g, options: o, off: make([]int32, g.Len()+1)}
	for i := range int32(g.Len()) {
		n.off[i+1] = n.off[i] + int32(g.Degree(i))
	}
	slots := n.off[g.Len()]
	n.peer, n.back = make([]int32, slots), make([]int32, slots)
	n.rel, n.delay = make([]topology.Relationship, slots), make([]int32, slots)
	n.fill()
	n.pairUp()
	for i := range int32(g.Len()) {
		for s := n.off[i]; s < n.off[i+1]; s++ {
			n.delay[s] = int32(o.Delays.link(g, i, n.peer[s]) / time.Microsecond)
		}
	}
	if len(o.MRAI) > 0 {
		n.mrai = slices.Repeat([]time.Duration{o.Timers.MRAI}, g.Len())
		for asn, mrai := range o.MRAI {
			i, _ := g.Index(asn)
			n.mrai[i] = mrai
		}
	}
	n.policies()
	return n, n.preferences()
}

// fill sets peer and rel of every slot, ranked.
func (n *network) fill() {
	type neighbor struct {
		rank uint64
		as   int32
		rel  topology.Relationship
	}
	ranks := n.options.Routing.TieBreak != route.TieBreakAttacker && n.options.Routing.TieBreak != route.TieBreakVictim
	var row []neighbor
	for i := range int32(n.graph.Len()) {
		row = row[:0]
		for _, rel := range []topology.Relationship{topology.Customer, topology.Peer, topology.Provider} {
			for _, j := range n.graph.Neighbors(i, rel) {
				next := neighbor{as: j, rel: rel}
				if ranks {
					next.rank = n.options.Routing.Rank(n.graph, i, j)
				}
				row = append(row, next)
			}
		}
		slices.SortFunc(row, func(a, b neighbor) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.as, b.as)) })
		for k, next := range row {
			n.peer[n.off[i]+int32(k)], n.rel[n.off[i]+int32(k)] = next.as, next.rel
		}
	}
}

// pairUp sets back: walking the ASes in order meets each one's neighbours in
// order too.
func (n *network) pairUp() {
	byPeer := make([]int32, len(n.peer)) // the slots of each AS by ascending neighbour
	for s := range byPeer {
		byPeer[s] = int32(s)
	}
	for i := range n.graph.Len() {
		slices.SortFunc(byPeer[n.off[i]:n.off[i+1]], func(a, b int32) int { return cmp.Compare(n.peer[a], n.peer[b]) })
	}
	next := slices.Clone(n.off)
	for i := range int32(n.graph.Len()) {
		for _, s := range byPeer[n.off[i]:n.off[i+1]] {
			j := n.peer[s]
			n.back[s] = byPeer[next[j]]
			next[j]++
		}
	}
}

// preferences ranks the preferences at each AS.
func (n *network) preferences() error {
	if len(n.options.Prefer) == 0 {
		return nil
	}
	n.prefer = make([]uint16, len(n.peer))
	for asn, of := range n.options.Prefer {
		i, ok := n.graph.Index(asn)
		if !ok {
			return fmt.Errorf("preferences of AS %d: the AS is %w", asn, route.ErrUnknownAS)
		}
		ranked := []int{0}
		for neighbor, v := range of {
			j, ok := n.graph.Index(neighbor)
			if _, linked := n.graph.RelationshipTo(i, max(j, 0)); !ok || !linked {
				return fmt.Errorf("preference of AS %d for AS %d: they are not neighbours", asn, neighbor)
			}
			ranked = append(ranked, v)
		}
		slices.SortFunc(ranked, func(a, b int) int { return cmp.Compare(b, a) })
		ranked = slices.Compact(ranked)
		if len(ranked) > maxPreferences {
			return fmt.Errorf("preferences of AS %d: %d different ones: want at most %d, 0 included", asn, len(ranked), maxPreferences)
		}
		for s := n.off[i]; s < n.off[i+1]; s++ {
			n.prefer[s] = uint16(slices.Index(ranked, of[n.graph.ASN(n.peer[s])]))
		}
	}
	return nil
}

// owner returns the AS that a slot belongs to.
func (n *network) owner(s int32) int32 { return n.peer[n.back[s]] }

// slot returns the slot of AS a for its session with AS b, which it has.
func (n *network) slot(a, b int32) int32 {
	return n.off[a] + int32(slices.Index(n.peer[n.off[a]:n.off[a+1]], b))
}

func has(policy []bool, i int32) bool { return policy != nil && policy[i] }

// mark sets policy[i], of n ASes, if on.
func mark(policy *[]bool, i, n int32, on bool) {
	if !on {
		return
	}
	if *policy == nil {
		*policy = make([]bool, n)
	}
	(*policy)[i] = true
}

func (n *network) policies() {
	p := n.options.Routing.Policies
	if p == nil {
		return
	}
	for i, ases := int32(0), int32(n.graph.Len()); i < ases; i++ {
		q := p.Of(i)
		mark(&n.otc, i, ases, q.OTC)
		mark(&n.preferValid, i, ases, q.ROV == route.ROVPreferValid)
		mark(&n.bgpsec, i, ases, q.BGPsec)
		mark(&n.rovpp, i, ases, q.ROVPP)
	}
}

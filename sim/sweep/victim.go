package sweep

import (
	"cmp"
	"slices"
)

// victim is one side of a hijack: who has a customer or peer route to the victim
// if nobody else announces. It is read-only once found.
type victim struct {
	as     int32
	length int
	// level is the length of each AS's customer route, by graph index; the
	// victim's own path counts as one. 0 is no route.
	level []uint8
	// closure are the ASes with a level, by ascending level; place is the way
	// back, by graph index.
	closure, place []int32
	// peer is the length of each node's peer route, 0 if it has none.
	peer []uint8
	deep bool
	// below and beside say with whom the victim's best route competes at each
	// place of the closure, among customers, and at each node, among peers.
	below, beside []contest
	rivals        []int32 // of all contests
}

// contest is what decides a tie between a route to the victim and equally long
// ones to attackers, if an AS learns them from neighbours of one kind.
type contest struct {
	// first is the first neighbour, in order of preference, with a customer route
	// to the victim of the length in question; -1 if nobody has.
	first int32
	// rivals[from:to] are the neighbours before it who may have such routes to
	// attackers, attackers themselves aside; in any order.
	from, to int32
}

func newVictim(e *Engine) *victim {
	return &victim{
		level: make([]uint8, e.graph.Len()), place: make([]int32, e.graph.Len()), peer: make([]uint8, len(e.nodes)),
		beside: make([]contest, len(e.nodes)),
	}
}

// find computes the routes to AS i, which announces a path of length AS numbers.
func (v *victim) find(e *Engine, i int32, length int) {
	for _, y := range v.closure {
		v.level[y] = 0
	}
	clear(v.peer)
	v.as, v.length, v.deep, v.closure = i, length, length >= maxLength, append(v.closure[:0], i)
	if v.deep {
		return
	}
	v.level[i], v.place[i] = uint8(length), 0
	for n := 0; n < len(v.closure); n++ {
		y := v.closure[n]
		next := v.level[y] + 1
		if next >= maxLength { // its peers would be at maxLength+1
			v.deep = true
			return
		}
		for _, p := range e.graph.Providers(y) {
			if v.level[p] == 0 {
				v.level[p], v.place[p] = next, int32(len(v.closure))
				v.closure = append(v.closure, p)
			}
		}
	}
	for _, y := range v.closure {
		next := v.level[y] + 1
		for _, x := range e.peering.row(y) {
			if v.level[e.nodes[x]] == 0 && v.peer[x] == 0 { // ascending: the first is shortest
				v.peer[x] = next
			}
		}
	}
}

// contend fills in the contests with a set of attackers.
func (v *victim) contend(e *Engine, attackers *Attackers) {
	if v.deep {
		return
	}
	v.rivals, v.below = v.rivals[:0], v.below[:0]
	for _, i := range v.closure {
		v.below = append(v.below, v.contest(e.customers.row(i), int(v.level[i])-1, attackers))
	}
	for x, length := range v.peer {
		if length != 0 {
			v.beside[x] = v.contest(e.peers.row(int32(x)), int(length)-1, attackers)
		}
	}
}

// contest finds who competes among neighbours for routes of a length, as they
// hold them.
func (v *victim) contest(neighbors []int32, length int, attackers *Attackers) contest {
	c := contest{first: -1, from: int32(len(v.rivals))}
	if length >= attackers.shape.Length {
		for _, i := range neighbors {
			if int(v.level[i]) == length {
				c.first = i
				break
			}
			if length > attackers.shape.Length && attackers.possible[i].has(length) {
				v.rivals = append(v.rivals, i)
			}
		}
	}
	c.to = int32(len(v.rivals))
	slices.SortFunc(v.rivals[c.from:], func(a, b int32) int { // what many attackers reach is looked at first
		return cmp.Compare(attackers.cone[b], attackers.cone[a])
	})
	return c
}

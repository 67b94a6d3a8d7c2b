package sweep

import "slices"

// ascent is a victim with everybody above it, in the order in which routes climb.
// It is read-only once found.
type ascent struct {
	engine *Engine
	as     int32
	length int
	// closure are the victim and all its direct and indirect providers, customers
	// first, as graph indexes; place is the way back, -1 for other ASes.
	closure, place []int32
	// below has, for each place, the places of its customers in the closure; beside,
	// for each node, those of its peers in it. Both in any order.
	below, beside rows
	stack         []climber
}

// climber is an AS on the way up, and how many of its providers have been taken.
type climber struct {
	as   int32
	next int
}

func newAscent(e *Engine) *ascent {
	a := &ascent{engine: e, place: make([]int32, e.graph.Len())}
	for i := range a.place {
		a.place[i] = -1
	}
	return a
}

// find fills the ascent for AS i, which announces a path of length AS numbers.
func (a *ascent) find(i int32, length int) {
	g := a.engine.graph
	for _, y := range a.closure {
		a.place[y] = -1
	}
	a.as, a.length, a.closure = i, length, a.closure[:0]
	const seen = 0 // to be replaced
	a.place[i] = seen
	a.stack = append(a.stack[:0], climber{as: i})
	for len(a.stack) > 0 {
		top := &a.stack[len(a.stack)-1]
		if providers := g.Providers(top.as); top.next < len(providers) {
			p := providers[top.next]
			top.next++
			if a.place[p] < 0 {
				a.place[p] = seen
				a.stack = append(a.stack, climber{as: p})
			}
			continue
		}
		a.closure = append(a.closure, top.as) // all its providers have been placed
		a.stack = a.stack[:len(a.stack)-1]
	}
	slices.Reverse(a.closure)
	for at, y := range a.closure {
		a.place[y] = int32(at)
	}
	a.below.invert(len(a.closure), len(a.closure), func(at int32, each func(int32)) {
		for _, p := range g.Providers(a.closure[at]) {
			each(a.place[p])
		}
	})
	a.beside.invert(len(a.engine.nodes), len(a.closure), func(at int32, each func(int32)) {
		for _, x := range a.engine.peering.row(a.closure[at]) {
			each(x)
		}
	})
}

// invert fills r with n rows from a list of pairs: for each of m numbers, list
// calls its argument with the rows that the number belongs to.
func (r *rows) invert(n, m int, list func(number int32, each func(row int32))) {
	r.off = resize(r.off, n+2) // shifted by one, so that filling a row leaves its beginning
	total := int32(0)
	for number := range int32(m) {
		list(number, func(row int32) { r.off[row+2]++; total++ })
	}
	for row := 2; row < len(r.off); row++ {
		r.off[row] += r.off[row-1]
	}
	r.to = grow(r.to, int(total))
	for number := range int32(m) {
		list(number, func(row int32) { r.to[r.off[row+1]] = number; r.off[row+1]++ })
	}
	r.off = r.off[:n+1]
}

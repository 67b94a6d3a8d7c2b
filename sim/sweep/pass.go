package sweep

import "math/bits"

// pass finds the best routes of all nodes for one victim and one block of
// attackers. It is for one goroutine, for any number of runs.
type pass struct {
	*Engine
	slot []int32 // of each graph index in the block, -1 if not reached

	v      *victim
	k      *block
	length int // of the attackers' announced paths
	// lengths and off say which lengths the routes of each node have, and where
	// in routes they begin, by ascending length.
	lengths []levels
	off     []int32
	routes  []ways
	// best is the node under way, at its lengths.
	best  [maxLength + 1]ways
	found levels
	// picked is, for each place in the victim's closure, which attackers win
	// there the tie that they have with the victim; good from runs on.
	picked []vec
	done   []bool
	deep   bool
}

// ways is one length of a node's best routes: attackers with whom it may lead to
// the attacker, with whom it may lead to the victim, and with whom it is picked
// to lead to the attacker.
type ways struct {
	attacker, victim, picked vec
}

func newPass(e *Engine) *pass {
	p := &pass{Engine: e, slot: make([]int32, e.graph.Len()), lengths: make([]levels, len(e.nodes)), off: make([]int32, len(e.nodes))}
	for i := range p.slot {
		p.slot[i] = -1
	}
	return p
}

// run computes the routes of all nodes. The victim's contests must be those with
// the set that the block is from, whose paths are length AS numbers long.
func (p *pass) run(v *victim, k *block, length int) {
	p.v, p.k, p.length, p.deep = v, k, length, v.deep || k.deep
	if p.deep {
		return
	}
	for s, i := range k.reached {
		p.slot[i] = int32(s)
	}
	if n := len(v.closure); cap(p.done) < n {
		p.done, p.picked = make([]bool, n), make([]vec, n)
	}
	p.done, p.picked = p.done[:len(v.closure)], p.picked[:len(v.closure)]
	clear(p.done)
	all := first(len(k.as))
	p.routes = append(p.routes[:0], ways{victim: all}) // for all nodes where no attacker competes
	for x := range int32(len(p.nodes)) {
		p.decide(x, all)
	}
	for _, i := range k.reached {
		p.slot[i] = -1
	}
}

// at returns the routes under way of a length, none at first.
func (p *pass) at(length int) *ways {
	w := &p.best[length]
	if !p.found.has(length) {
		p.found |= 1 << length
		*w = ways{}
	}
	return w
}

// decide finds the best routes of node x with the attackers in open, which has
// all of them.
func (p *pass) decide(x int32, open vec) {
	if length := p.unopposed(x); length != 0 {
		p.lengths[x], p.off[x] = 1<<length, 0
		return
	}
	p.found = 0
	if !p.ownOrCustomers(x, &open) && !p.fromPeers(x, &open) {
		p.fromProviders(x, &open)
	}
	p.lengths[x], p.off[x] = p.found, int32(len(p.routes))
	for found := p.found; found != 0; found &= found - 1 {
		p.routes = append(p.routes, p.best[found.lowest()])
	}
}

// unopposed returns the length of node x's route to the victim if no attacker has
// as good a one, as far as it takes no more than a look; else 0.
func (p *pass) unopposed(x int32) uint8 {
	i := p.nodes[x]
	level := p.v.level[i]
	switch s := p.slot[i]; {
	case i == p.v.as:
		return level
	case s >= 0:
		if level != 0 && p.k.found[s].lowest() > int(level) {
			return level
		}
		return 0
	case level != 0:
		return level
	}
	if peer := p.v.peer[x]; peer != 0 && p.k.peerFound[x].rank(int(peer)+1) == 0 {
		return peer
	}
	return 0
}

// ownOrCustomers takes the attackers with whom node x has an own or customer route
// out of open, and says whether none is left.
func (p *pass) ownOrCustomers(x int32, open *vec) (none bool) {
	i := p.nodes[x]
	level := int(p.v.level[i])
	if i == p.v.as {
		p.at(level).victim = *open
		return true
	}
	if s := p.slot[i]; s >= 0 {
		for n, found := p.k.off[s], p.k.found[s]; found != 0; n, found = n+1, found&(found-1) {
			length := found.lowest()
			if level != 0 && length > level {
				break
			}
			to := p.k.routes[n].and(open)
			w := p.at(length)
			if length == level {
				w.attacker.or(&to)
				tie := p.pick(i)
				tie = tie.and(open)
				w.picked.or(&tie)
				break
			}
			w.attacker.or(&to)
			w.picked.or(&to)
			open.minus(&to)
		}
	}
	if level != 0 {
		p.at(level).victim = *open
		return true
	}
	return !open.any()
}

// fromPeers is ownOrCustomers for peer routes.
func (p *pass) fromPeers(x int32, open *vec) (none bool) {
	level := int(p.v.peer[x])
	for n, found := p.k.peerOff[x], p.k.peerFound[x]; found != 0; n, found = n+1, found&(found-1) {
		length := found.lowest()
		if level != 0 && length > level {
			break
		}
		to := p.k.peerRoutes[n].and(open)
		w := p.at(length)
		w.attacker.or(&to)
		if length == level {
			tie := p.settle(p.nodes[x], p.v.beside[x], level-1, &to)
			w.picked.or(&tie)
			break
		}
		w.picked.or(&to)
		open.minus(&to)
	}
	if level != 0 {
		p.at(level).victim.or(open)
		return true
	}
	return !open.any()
}

// pick returns the attackers who win AS i, which has equally long customer routes
// to them and to the victim.
func (p *pass) pick(i int32) vec {
	at := p.v.place[i]
	if p.done[at] {
		return p.picked[at]
	}
	level := int(p.v.level[i])
	var won vec
	if tie := p.customerRoutes(i, level); tie != nil && i != p.v.as {
		won = p.settle(i, p.v.below[at], level-1, tie)
	}
	p.done[at], p.picked[at] = true, won
	return won
}

// settle returns the attackers in tie who win AS i, whose neighbours' routes are
// of the given length.
func (p *pass) settle(i int32, c contest, length int, tie *vec) (won vec) {
	if c.first < 0 { // AS i is the attacker, on the victim's way: that is set apart
		return won
	}
	if length == p.length { // the neighbours are attackers themselves, and the victim's side
		limit := p.options.Rank(p.graph, i, c.first)
		for w, word := range tie {
			for ; word != 0; word &= word - 1 {
				lane := w*64 + bits.TrailingZeros64(word)
				a := p.k.as[lane]
				if rank := p.options.Rank(p.graph, i, a); rank < limit || rank == limit && a < c.first {
					won.set(lane)
				}
			}
		}
	}
	for _, rival := range p.v.rivals[c.from:c.to] {
		if to := p.customerRoutes(rival, length); to != nil {
			won.or(to)
			if tie.within(&won) {
				return *tie
			}
		}
	}
	if int(p.v.level[c.first]) == length {
		both := p.pick(c.first) // who win the first of the victim's side win what it passes on
		won.or(&both)
	}
	return won.and(tie)
}

// customerRoutes returns the attackers to whom AS i has a customer route of a
// length, nil for none.
func (p *pass) customerRoutes(i int32, length int) *vec {
	s := p.slot[i]
	if s < 0 || !p.k.found[s].has(length) {
		return nil
	}
	return &p.k.routes[p.k.off[s]+int32(p.k.found[s].rank(length))]
}

// fromProviders takes the routes that the providers of node x pass on.
func (p *pass) fromProviders(x int32, open *vec) {
	providers := p.providers.row(x)
	var offered levels
	for _, y := range providers {
		offered |= p.lengths[y]
	}
	if offered.has(maxLength) {
		p.deep = true
		return
	}
	for ; offered != 0; offered &= offered - 1 {
		length := offered.lowest()
		var got ways
		for _, y := range providers {
			if p.lengths[y].has(length) {
				got.add(&p.routes[p.off[y]+int32(p.lengths[y].rank(length))])
			}
		}
		if got.take(p, length+1, open) {
			return
		}
	}
}

// add adds the routes of the next provider in order of preference.
func (w *ways) add(from *ways) {
	for n := range w.attacker {
		a, v := from.attacker[n], from.victim[n]
		w.picked[n] |= from.picked[n] &^ (w.attacker[n] | w.victim[n])
		w.attacker[n] |= a
		w.victim[n] |= v
	}
}

// take makes the routes in w those of the node under way for the attackers in
// open, takes these out, and says whether none is left.
func (w *ways) take(p *pass, length int, open *vec) (none bool) {
	var some uint64
	for n := range open {
		some |= (w.attacker[n] | w.victim[n]) & open[n]
	}
	if some == 0 {
		return false
	}
	at := p.at(length)
	left := uint64(0)
	for n := range open {
		o := open[n]
		a, v := w.attacker[n]&o, w.victim[n]&o
		at.attacker[n] |= a
		at.victim[n] |= v
		at.picked[n] |= w.picked[n] & o
		open[n] = o &^ (a | v)
		left |= open[n]
	}
	return left == 0
}

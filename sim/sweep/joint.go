package sweep

import (
	"mpicsim/topology"
)

// joint finds the best routes of all nodes for one victim and one block of
// attackers, both sides together: each tie-break is run by itself, and every AS
// has one route for each attacker. That is right for any filter that goes by the
// AS, the kind of neighbour and the side, and for announcers on each other's way.
// It is for one goroutine, for any number of runs.
type joint struct {
	*Engine
	slot []int32 // of each graph index in the block, -1 if not reached

	a      *ascent
	k      *block
	length int // of the attackers' announced paths
	treatment
	all vec
	// own has, for each place of the ascent, the attackers who are that AS.
	own []vec
	// up and across are what ASes outside the ascent, who can only reach attackers,
	// offer to each place of it as customers, and to each node as peers.
	up, across offers
	// climbed are the routes of the ascent, final those of the nodes.
	climbed, final routing
	ways           [3][]vecs // of the viewpoints, for each tie-break: see outcome
	tie            plane     // of the run: lower, picked or upper
	deep           bool

	// best is the AS under way, at its lengths.
	best  [maxLength + 2]vecs
	found levels
	open  vec
}

// vecs are attackers with whom a route leads to the attacker, and with whom to the
// victim.
type vecs struct {
	attacker, victim vec
}

// offers holds, for each of some ASes, attackers by length of the route as the AS
// would hold it, by ascending length.
type offers struct {
	found []levels
	off   []int32
	at    []vec
}

// routing holds the routes of some ASes by ascending length.
type routing struct {
	found []levels
	off   []int32
	at    []vecs
}

func newJoint(e *Engine) *joint {
	j := &joint{Engine: e, slot: make([]int32, e.graph.Len())}
	for i := range j.slot {
		j.slot[i] = -1
	}
	for n := range j.ways {
		j.ways[n] = make([]vecs, len(e.nodes))
	}
	return j
}

// run computes the routes of all nodes, and says whether a path was too long for
// it. The block has been built for attackers that are rejected if the treatment
// says that they are invalid.
func (j *joint) run(a *ascent, k *block, length int, t treatment) (deep bool) {
	j.a, j.k, j.length, j.treatment = a, k, length, t
	j.deep = k.deep || a.length > maxLength || length > maxLength
	if j.deep {
		return true
	}
	for s, i := range k.reached {
		j.slot[i] = int32(s)
	}
	j.all = first(len(k.as))
	j.own = resize(j.own, len(a.closure))
	for lane, i := range k.as {
		if at := a.place[i]; at >= 0 {
			j.own[at].set(lane)
		}
	}
	j.offerUp()
	j.offerAcross()
	for n, tie := range [...]plane{lower, picked, upper} {
		j.tie = tie
		j.climb()
		j.finish()
		for _, x := range j.viewpointNode {
			var sum vecs
			for r := range j.final.found[x].count() {
				from := &j.final.at[int(j.final.off[x])+r]
				sum.attacker.or(&from.attacker)
				sum.victim.or(&from.victim)
			}
			j.ways[n][x] = sum
		}
	}
	for _, i := range k.reached {
		j.slot[i] = -1
	}
	return j.deep
}

// outcome returns whom node x, a viewpoint, reaches.
func (j *joint) outcome(x int32, s *[allPlanes]vec) {
	for n, to := range [...]struct{ fooled, reached plane }{{lower, reachedLower}, {picked, reached}, {upper, reachedUpper}} {
		w := &j.ways[n][x]
		s[to.fooled], s[to.reached] = w.attacker, w.attacker
		s[to.reached].or(&w.victim)
	}
}

// takesAttackers says whether AS i takes routes to attackers from neighbours of
// kind rel, takesVictim the same for the victim.
func (j *joint) takesAttackers(i int32, rel topology.Relationship) bool {
	return !j.attackerInvalid || !j.rejects(i, rel)
}

func (j *joint) takesVictim(i int32, rel topology.Relationship) bool {
	return !j.victimInvalid || !j.rejects(i, rel)
}

// offerUp fills up.
func (j *joint) offerUp() {
	each := func(s int, offer func(to int32)) {
		for _, p := range j.graph.Providers(j.k.reached[s]) {
			if at := j.a.place[p]; at >= 0 && j.takesAttackers(p, topology.Customer) {
				offer(at)
			}
		}
	}
	j.fill(&j.up, len(j.a.closure), each)
}

// offerAcross fills across.
func (j *joint) offerAcross() {
	each := func(s int, offer func(to int32)) {
		for _, x := range j.peering.row(j.k.reached[s]) {
			if j.takesAttackers(j.nodes[x], topology.Peer) {
				offer(x)
			}
		}
	}
	j.fill(&j.across, len(j.nodes), each)
}

// fill fills o for n ASes with what each calls offer for: the ASes to which a slot
// of the block, outside the ascent, sends its routes.
func (j *joint) fill(o *offers, n int, each func(s int, offer func(to int32))) {
	o.found, o.off = resize(o.found, n), grow(o.off, n+1)
	for s, i := range j.k.reached {
		if j.a.place[i] < 0 {
			if j.k.found[s].has(maxLength) {
				j.deep = true
			}
			each(s, func(to int32) { o.found[to] |= j.k.found[s] << 1 })
		}
	}
	total := int32(0)
	for at, found := range o.found {
		o.off[at] = total
		total += int32(found.count())
	}
	o.off[n] = total
	o.at = resize(o.at, int(total))
	for s, i := range j.k.reached {
		if j.a.place[i] >= 0 {
			continue
		}
		each(s, func(to int32) {
			from, mine := j.k.off[s], o.found[to]
			for found := j.k.found[s]; found != 0; from, found = from+1, found&(found-1) {
				o.at[o.off[to]+int32(mine.rank(found.lowest()+1))].or(&j.k.routes[from])
			}
		})
	}
}

// get returns the offers to the AS at a place, of a length; nil for none.
func (o *offers) get(at int32, length int) *vec {
	if !o.found[at].has(length) {
		return nil
	}
	return &o.at[o.off[at]+int32(o.found[at].rank(length))]
}

// get returns the routes of the AS at a place, of a length; nil for none.
func (r *routing) get(at int32, length int) *vecs {
	if !r.found[at].has(length) {
		return nil
	}
	return &r.at[r.off[at]+int32(r.found[at].rank(length))]
}

func (r *routing) reset(n int) {
	r.found, r.off, r.at = resize(r.found, n), grow(r.off, n), r.at[:0]
}

// begin makes ready for the next AS.
func (j *joint) begin() { j.found, j.open = 0, j.all }

// hold returns the routes under way of a length, none at first.
func (j *joint) hold(length int) *vecs {
	if !j.found.has(length) {
		j.found |= 1 << length
		j.best[length] = vecs{}
	}
	return &j.best[length]
}

// end stores what was found as that of the AS at a place.
func (j *joint) end(r *routing, at int32) {
	r.found[at], r.off[at] = j.found, int32(len(r.at))
	for found := j.found; found != 0; found &= found - 1 {
		r.at = append(r.at, j.best[found.lowest()])
	}
}

// climb finds the own and customer routes of the ascent.
func (j *joint) climb() {
	a := j.a
	j.climbed.reset(len(a.closure))
	for at, i := range a.closure {
		j.begin()
		j.climbOne(int32(at), i)
		j.end(&j.climbed, int32(at))
	}
}

func (j *joint) climbOne(at, i int32) {
	if i == j.a.as {
		j.hold(j.a.length).victim = j.all
		return
	}
	if own := &j.own[at]; own.any() {
		j.hold(j.length).attacker = *own
		j.open.minus(own)
	}
	offered := j.up.found[at]
	for _, c := range j.a.below.row(at) {
		if j.climbed.found[c].has(maxLength) {
			j.deep = true
			return
		}
		offered |= j.climbed.found[c] << 1
	}
	attackers, victim := j.takesAttackers(i, topology.Customer), j.takesVictim(i, topology.Customer)
	for ; offered != 0; offered &= offered - 1 {
		length := offered.lowest()
		var got vecs
		if from := j.up.get(at, length); from != nil {
			got.attacker = *from
		}
		j.gather(&got, j.a.below.row(at), length-1, attackers, victim)
		if tied := got.tied(&j.open); tied.any() {
			won := j.settle(i, j.customers.row(i), length-1, tied)
			got.give(&tied, &won)
		}
		if j.take(length, &got) {
			return
		}
	}
}

// gather adds the routes of some places of the ascent, of a length.
func (j *joint) gather(to *vecs, places []int32, length int, attackers, victim bool) {
	for _, c := range places {
		from := j.climbed.get(c, length)
		if from == nil {
			continue
		}
		if attackers {
			to.attacker.or(&from.attacker)
		}
		if victim {
			to.victim.or(&from.victim)
		}
	}
}

// tied returns the attackers in open with whom both sides are offered.
func (w *vecs) tied(open *vec) vec {
	both := w.attacker.and(&w.victim)
	return both.and(open)
}

// give leaves the attackers in tied to one side: those in won to the attacker's.
func (w *vecs) give(tied, won *vec) {
	lost := *tied
	lost.minus(won)
	w.attacker.minus(&lost)
	w.victim.minus(won)
}

// settle returns the attackers in tied who win AS i, whose neighbours of one kind,
// in its order of preference, have routes of a length to both sides.
func (j *joint) settle(i int32, neighbors []int32, length int, tied vec) (won vec) {
	switch j.tie {
	case lower:
		return tied
	case upper:
		return won
	default:
	}
	for _, y := range neighbors {
		if at := j.a.place[y]; at >= 0 {
			from := j.climbed.get(at, length)
			if from == nil {
				continue
			}
			to := from.attacker.and(&tied)
			won.or(&to)
			tied.minus(&from.attacker)
			tied.minus(&from.victim)
		} else {
			s := j.slot[y]
			if s < 0 || !j.k.found[s].has(length) {
				continue
			}
			from := &j.k.routes[j.k.off[s]+int32(j.k.found[s].rank(length))]
			to := from.and(&tied)
			won.or(&to)
			tied.minus(from)
		}
		if !tied.any() {
			return won
		}
	}
	return won
}

// take makes the routes in got those of the AS under way, for the attackers that
// are open, closes these, and says whether none is left.
func (j *joint) take(length int, got *vecs) (none bool) {
	a, v := got.attacker.and(&j.open), got.victim.and(&j.open)
	if !a.any() && !v.any() {
		return false
	}
	w := j.hold(length)
	w.attacker.or(&a)
	w.victim.or(&v)
	j.open.minus(&a)
	j.open.minus(&v)
	return !j.open.any()
}

// finish finds the best routes of the nodes, each behind its providers.
func (j *joint) finish() {
	j.final.reset(len(j.nodes))
	for x := range int32(len(j.nodes)) {
		j.begin()
		if !j.fromBelow(x) && !j.fromPeers(x) {
			j.fromProviders(x)
		}
		j.end(&j.final, x)
		if j.deep {
			return
		}
	}
}

// fromBelow takes the own and customer routes of node x, and says whether no
// attacker is left open.
func (j *joint) fromBelow(x int32) (none bool) {
	i := j.nodes[x]
	if at := j.a.place[i]; at >= 0 {
		from := j.climbed.off[at]
		for found := j.climbed.found[at]; found != 0; from, found = from+1, found&(found-1) {
			if j.take(found.lowest(), &j.climbed.at[from]) {
				return true
			}
		}
		return false
	}
	s := j.slot[i]
	if s < 0 {
		return false
	}
	from := j.k.off[s]
	for found := j.k.found[s]; found != 0; from, found = from+1, found&(found-1) {
		if j.take(found.lowest(), &vecs{attacker: j.k.routes[from]}) {
			return true
		}
	}
	return false
}

// fromPeers is fromBelow for peer routes.
func (j *joint) fromPeers(x int32) (none bool) {
	i, beside := j.nodes[x], j.a.beside.row(x)
	offered := j.across.found[x]
	for _, c := range beside {
		if j.climbed.found[c].has(maxLength) {
			j.deep = true
			return true
		}
		offered |= j.climbed.found[c] << 1
	}
	attackers, victim := j.takesAttackers(i, topology.Peer), j.takesVictim(i, topology.Peer)
	for ; offered != 0; offered &= offered - 1 {
		length := offered.lowest()
		var got vecs
		if from := j.across.get(x, length); from != nil {
			got.attacker = *from
		}
		j.gather(&got, beside, length-1, attackers, victim)
		if tied := got.tied(&j.open); tied.any() {
			won := j.settle(i, j.peers.row(x), length-1, tied)
			got.give(&tied, &won)
		}
		if j.take(length, &got) {
			return true
		}
	}
	return false
}

// fromProviders takes the routes that the providers of node x pass on.
func (j *joint) fromProviders(x int32) {
	i, providers := j.nodes[x], j.providers.row(x)
	var offered levels
	for _, y := range providers {
		offered |= j.final.found[y]
	}
	if offered.has(maxLength) {
		j.deep = true
		return
	}
	attackers, victim := j.takesAttackers(i, topology.Provider), j.takesVictim(i, topology.Provider)
	for ; offered != 0; offered &= offered - 1 {
		length := offered.lowest()
		var got vecs
		for _, y := range providers {
			if from := j.final.get(y, length); from != nil {
				got.add(from, attackers, victim, j.tie)
			}
		}
		if j.take(length+1, &got) {
			return
		}
	}
}

// add adds the routes of the next provider in order of preference; ties fall as
// tie says.
func (w *vecs) add(from *vecs, attackers, victim bool, tie plane) {
	for n := range w.attacker {
		a, v := from.attacker[n], from.victim[n]
		if !attackers {
			a = 0
		}
		if !victim {
			v = 0
		}
		switch tie {
		case lower:
			w.attacker[n] |= a
			w.victim[n] = (w.victim[n] | v) &^ w.attacker[n]
		case upper:
			w.victim[n] |= v
			w.attacker[n] = (w.attacker[n] | a) &^ w.victim[n]
		default:
			taken := w.attacker[n] | w.victim[n]
			w.attacker[n] |= a &^ taken
			w.victim[n] |= v &^ taken
		}
	}
}

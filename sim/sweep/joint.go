package sweep

import "mpicsim/topology"

// joint finds the best routes of all nodes for one victim and one block of
// attackers, both sides together: each tie-break is run by itself, and every AS
// has one route for each attacker. That is right for any filter that goes by the
// AS, the kind of neighbour and the side, and for announcers on each other's way.
// It is for one goroutine, for any number of runs.
type joint struct {
	*Engine
	slot []int32 // of each graph index in the block, -1 if not reached

	a *ascent
	k *block
	treatment
	all vec
	// own has, for each place of the ascent, the attackers who are that AS; outside
	// says of each slot that it is not in the ascent, so that it has routes to
	// attackers only.
	own     []vec
	outside []bool
	// up is what slots outside offer to each place of the ascent as customers.
	up   offers
	runs [3]tieRun
	span span
	deep bool
}

// tieRun is one of the runs, whose ties fall to the attacker, as the engine's options
// say, or to the victim.
type tieRun struct {
	tie plane
	// climbed are the routes of the ascent, final those of the nodes.
	climbed, final routing
	// best is the AS under way, at its lengths; open are the attackers with whom it
	// has none yet.
	best  [maxLength + 1]vecs
	found levels
	open  vec
}

func newJoint(e *Engine) *joint {
	j := &joint{Engine: e, slot: make([]int32, e.graph.Len())}
	for i := range j.slot {
		j.slot[i] = -1
	}
	for n, tie := range [...]plane{lower, picked, upper} {
		j.runs[n].tie = tie
	}
	return j
}

// run computes the routes of all nodes, and says whether a path was too long for
// it. The attackers announce length AS numbers. The block has been built for a joint
// run, and for attackers that are rejected if the treatment says that they are
// invalid.
func (j *joint) run(a *ascent, k *block, length int, t treatment) (deep bool) {
	j.a, j.k, j.treatment = a, k, t
	j.deep = k.deep || a.length > maxLength || length > maxLength
	if j.deep {
		return true
	}
	j.all = first(len(k.as))
	j.outside = grow(j.outside, len(k.reached))
	for s, i := range k.reached {
		j.slot[i] = int32(s)
		j.outside[s] = a.place[i] < 0
		j.deep = j.deep || k.found[s].has(maxLength)
	}
	j.own = resize(j.own, len(a.closure))
	for lane, i := range k.as {
		if at := a.place[i]; at >= 0 {
			j.own[at].set(lane)
		}
	}
	if !j.deep {
		j.offerUp()
		for n := range j.runs {
			j.climb(&j.runs[n], length)
		}
		j.climbSpan(length)
	}
	if !j.deep {
		j.finish()
	}
	for _, i := range k.reached {
		j.slot[i] = -1
	}
	return j.deep
}

// outcome returns whom node x reaches.
func (j *joint) outcome(x int32, s *[allPlanes]vec) {
	for n, to := range [...]plane{reachedLower, reached, reachedUpper} {
		r := &j.runs[n]
		var sum vecs
		for from := range r.final.of(x) {
			w := &r.final.of(x)[from]
			sum.attacker.or(&w.attacker)
			sum.victim.or(&w.victim)
		}
		s[r.tie], s[to] = sum.attacker, sum.attacker
		s[to].or(&sum.victim)
	}
	final := &j.span.final
	s[possible] = final.sum[x].attacker
	s[certain] = s[possible].and(&final.closed[x])
	s[certain].minus(&final.sum[x].victim)
}

// takes says whether AS i takes the routes of a side, whose announcement is invalid
// or not, from neighbours of kind rel.
func (j *joint) takes(invalid bool, i int32, rel topology.Relationship) bool {
	return !invalid || !j.rejects(i, rel)
}

// offerUp fills up.
func (j *joint) offerUp() {
	o, k, n := &j.up, j.k, len(j.a.closure)
	o.found, o.off = resize(o.found, n), grow(o.off, n+1)
	for s, i := range k.reached {
		if j.outside[s] {
			for _, p := range j.graph.Providers(i) {
				if at := j.a.place[p]; at >= 0 && j.takes(j.attackerInvalid, p, topology.Customer) {
					o.found[at] |= k.found[s] << 1
				}
			}
		}
	}
	total := int32(0)
	for at, found := range o.found {
		o.off[at] = total
		total += int32(found.count())
	}
	o.off[n] = total
	o.at = resize(o.at, int(total))
	for s, i := range k.reached {
		if !j.outside[s] {
			continue
		}
		for _, p := range j.graph.Providers(i) {
			at := j.a.place[p]
			if at < 0 || o.found[at] == 0 {
				continue
			}
			for from, found := k.off[s], k.found[s]; found != 0; from, found = from+1, found&(found-1) {
				o.get(at, found.lowest()+1).or(&k.routes[from])
			}
		}
	}
}

// hold returns the routes under way of a length, none at first.
func (r *tieRun) hold(length int) *vecs {
	if !r.found.has(length) {
		r.found |= 1 << length
		r.best[length] = vecs{}
	}
	return &r.best[length]
}

// store makes what is under way the routes of the AS at a place of to.
func (r *tieRun) store(to *routing, at int32) {
	to.found[at], to.off[at] = r.found, int32(len(to.at))
	for found := r.found; found != 0; found &= found - 1 {
		to.at = append(to.at, r.best[found.lowest()])
	}
}

// take makes the routes in w those of the AS under way, for the attackers that are
// open, closes these, and says whether none is left.
func (r *tieRun) take(length int, w *vecs) (none bool) {
	some := uint64(0)
	for n, open := range &r.open {
		some |= (w.attacker[n] | w.victim[n]) & open
	}
	if some == 0 {
		return false
	}
	at, left := r.hold(length), uint64(0)
	for n, open := range &r.open {
		a, v := w.attacker[n]&open, w.victim[n]&open
		at.attacker[n] |= a
		at.victim[n] |= v
		r.open[n] = open &^ (a | v)
		left |= r.open[n]
	}
	return left == 0
}

// climb finds the own and customer routes of the ascent.
func (j *joint) climb(r *tieRun, length int) {
	r.climbed.reset(len(j.a.closure))
	for at, i := range j.a.closure {
		r.found, r.open = 0, j.all
		if i == j.a.as {
			r.hold(j.a.length).victim = j.all
		} else {
			if own := &j.own[at]; own.any() {
				r.hold(length).attacker = *own
				r.open.minus(own)
			}
			j.fromCustomers(r, int32(at), i)
		}
		r.store(&r.climbed, int32(at))
	}
}

// fromCustomers takes what is offered to AS i, at a place of the ascent.
func (j *joint) fromCustomers(r *tieRun, at, i int32) {
	offered := j.up.found[at] | r.offered(j.a.below.row(at))
	attackers, victim := j.takes(j.attackerInvalid, i, topology.Customer), j.takes(j.victimInvalid, i, topology.Customer)
	for ; offered != 0; offered &= offered - 1 {
		length := offered.lowest()
		var got vecs
		if from := j.up.get(at, length); from != nil {
			got.attacker = *from
		}
		r.gather(&got, j.a.below.row(at), length-1, attackers, victim)
		j.settle(r, &got, i, j.customers.row(i), length-1)
		if r.take(length, &got) {
			break
		}
	}
	j.deep = j.deep || r.found.has(maxLength)
}

// offered returns the lengths of what some places of the ascent offer.
func (r *tieRun) offered(places []int32) (offered levels) {
	for _, c := range places {
		offered |= r.climbed.found[c] << 1
	}
	return offered
}

// gather adds the routes of some places of the ascent, of a length.
func (r *tieRun) gather(to *vecs, places []int32, length int, attackers, victim bool) {
	for _, c := range places {
		from := r.climbed.get(c, length)
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

// settle leaves the attackers with whom both sides' routes in w are open to one of
// them. They are offered to AS i by neighbours of one kind, in its order of
// preference, whose routes are of a length.
func (j *joint) settle(r *tieRun, w *vecs, i int32, neighbors []int32, length int) {
	tied := w.attacker.and(&w.victim)
	tied = tied.and(&r.open)
	if !tied.any() {
		return
	}
	switch r.tie {
	case lower:
		w.victim.minus(&tied)
	case upper:
		w.attacker.minus(&tied)
	default:
		won := j.pick(r, neighbors, length, tied)
		w.victim.minus(&won)
		tied.minus(&won)
		w.attacker.minus(&tied)
	}
}

// pick returns the attackers in tied who win.
func (j *joint) pick(r *tieRun, neighbors []int32, length int, tied vec) (won vec) {
	for _, y := range neighbors {
		if at := j.a.place[y]; at >= 0 {
			from := r.climbed.get(at, length)
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
			from := j.k.get(s, length)
			to := from.and(&tied)
			won.or(&to)
			tied.minus(from)
		}
		if !tied.any() {
			break
		}
	}
	return won
}

// get returns the routes of a slot, which has some of that length.
func (k *block) get(s int32, length int) *vec {
	return &k.routes[k.off[s]+int32(k.found[s].rank(length))]
}

// finish finds the best routes of the nodes, each behind its providers.
func (j *joint) finish() {
	for n := range j.runs {
		j.runs[n].final.reset(len(j.nodes))
	}
	j.span.final.reset(len(j.nodes))
	for x := range int32(len(j.nodes)) {
		j.spanBelow(x)
		some := j.span.open.any()
		for n := range j.runs {
			r := &j.runs[n]
			r.found, r.open = 0, j.all
			some = !j.fromBelow(r, x) || some
		}
		if some {
			j.fromPeers(x)
		}
		for n := range j.runs {
			r := &j.runs[n]
			if r.open.any() {
				j.fromProviders(r, x)
			}
			r.store(&r.final, x)
		}
		j.spanProviders(x)
		j.span.store(&j.span.final, x)
		if j.deep {
			return
		}
	}
}

// fromBelow takes the own and customer routes of node x, and says whether no
// attacker is left open.
func (j *joint) fromBelow(r *tieRun, x int32) (none bool) {
	i := j.nodes[x]
	if at := j.a.place[i]; at >= 0 {
		found := r.climbed.found[at]
		for n := range r.climbed.of(at) {
			none = r.take(found.lowest(), &r.climbed.of(at)[n])
			found &= found - 1
		}
		return none
	}
	s := j.slot[i]
	if s < 0 {
		return false
	}
	from := j.k.off[s]
	for found := j.k.found[s]; found != 0; from, found = from+1, found&(found-1) {
		none = r.take(found.lowest(), &vecs{attacker: j.k.routes[from]})
	}
	return none
}

// fromPeers is fromBelow for peer routes and all runs, which have what peers outside
// the ascent offer in common.
func (j *joint) fromPeers(x int32) {
	i, beside := j.nodes[x], j.a.beside.row(x)
	attackers, victim := j.takes(j.attackerInvalid, i, topology.Peer), j.takes(j.victimInvalid, i, topology.Peer)
	slots := j.k.beside.row(x)
	var across levels
	for _, s := range slots {
		if j.outside[s] {
			across |= j.k.found[s] << 1
		}
	}
	var offered [3]levels
	for n := range j.runs {
		offered[n] = j.runs[n].offered(beside)
	}
	spanned := j.span.climbed.offered(beside).next()
	for left := across | spanned | offered[0] | offered[1] | offered[2]; left != 0; left &= left - 1 {
		length := left.lowest()
		var outside vec
		open := j.span.open
		for n := range j.runs {
			open.or(&j.runs[n].open)
		}
		if !open.any() {
			return
		}
		if across.has(length) {
			j.gatherAcross(&outside, slots, length-1, &open)
		}
		for n := range j.runs {
			r := &j.runs[n]
			got := vecs{attacker: outside}
			if offered[n].has(length) {
				r.gather(&got, beside, length-1, attackers, victim)
				j.settle(r, &got, i, j.peers.row(x), length-1)
			}
			r.take(length, &got)
		}
		got, sure := vecs{attacker: outside}, outside
		if spanned.has(length) {
			j.span.climbed.gatherNext(&got, &sure, beside, length, attackers, victim)
		}
		j.span.may(length, &got, &sure)
	}
}

// gatherAcross adds the routes of the slots outside the ascent, of a length, until
// all attackers in enough are there.
func (j *joint) gatherAcross(to *vec, slots []int32, length int, enough *vec) {
	for n, s := range slots {
		if !j.outside[s] || !j.k.found[s].has(length) {
			continue
		}
		to.or(j.k.get(s, length))
		if n&15 == 15 && enough.within(to) {
			return
		}
	}
}

// fromProviders takes the routes that the providers of node x pass on.
func (j *joint) fromProviders(r *tieRun, x int32) {
	i, providers := j.nodes[x], j.providers.row(x)
	var offered levels
	for _, y := range providers {
		offered |= r.final.found[y]
	}
	if offered.has(maxLength) {
		j.deep = true
		return
	}
	attackers, victim := j.takes(j.attackerInvalid, i, topology.Provider), j.takes(j.victimInvalid, i, topology.Provider)
	for ; offered != 0; offered &= offered - 1 {
		length := offered.lowest()
		var got vecs
		for _, y := range providers {
			if from := r.final.get(y, length); from != nil {
				got.add(from, attackers, victim, r.tie)
			}
		}
		if r.take(length+1, &got) {
			return
		}
	}
}

package sweep

import "mpicsim/topology"

// span is what no pick among equally good routes can go beyond. For each AS it
// holds the routes that it may have under some picks, and which it has at the
// least under all. An AS may have a route that a neighbour may offer, unless
// another one surely offers a better one. That picks of different ASes hang
// together is left out of account, so that the span may be wider than need be, and
// is never too narrow. maxLength stands for all lengths from there on: among those
// nothing is known to be better, so that long ways that hardly any pick leads to cost
// no more than some width.
type span struct {
	climbed, final spans
	best           [maxLength + 1]vecs
	found          levels
	open           vec // without a sure route so far
	all            vec
}

// spans are the routes that some ASes may have, by ascending length.
type spans struct {
	routing
	// sure has, beside each length, the attackers with whom the AS surely has a route
	// that is no longer.
	sure []vec
	// sum are the routes of all lengths, of each AS; closed are those with whom it
	// surely has one.
	sum    []vecs
	closed []vec
}

func (s *spans) reset(n int) {
	s.routing.reset(n)
	s.sure, s.sum, s.closed = s.sure[:0], grow(s.sum, n), grow(s.closed, n)
}

// begin makes ready for the next AS.
func (s *span) begin() { s.found, s.open = 0, s.all }

// may adds routes of a length that the AS under way may have; with those in sure it
// has one.
func (s *span) may(length int, w *vecs, sure *vec) {
	a, v := w.attacker.and(&s.open), w.victim.and(&s.open)
	if a.any() || v.any() {
		if !s.found.has(length) {
			s.found |= 1 << length
			s.best[length] = vecs{}
		}
		s.best[length].attacker.or(&a)
		s.best[length].victim.or(&v)
	}
	s.open.minus(sure)
}

// store makes what is under way that of the AS at a place of to.
func (s *span) store(to *spans, at int32) {
	from := len(to.at)
	to.found[at], to.off[at], to.sum[at], to.closed[at] = s.found, int32(from), vecs{}, s.all
	to.closed[at].minus(&s.open)
	for found := s.found; found != 0; found &= found - 1 {
		to.at = append(to.at, s.best[found.lowest()])
		to.sure = append(to.sure, vec{})
	}
	left, sum := to.closed[at], &to.sum[at]
	for n := len(to.at) - 1; n >= from; n-- {
		w := &to.at[n]
		to.sure[n] = left
		left.minus(&w.attacker)
		left.minus(&w.victim)
		sum.attacker.or(&w.attacker)
		sum.victim.or(&w.victim)
	}
}

// gather adds to w what some ASes may offer at a length, and to sure where one of
// them surely has a route that is no longer; sides that are not taken count for
// nothing.
func (s *spans) gather(w *vecs, sure *vec, places []int32, length int, attackers, victim bool) {
	for _, c := range places {
		if !s.found[c].has(length) {
			continue
		}
		n := s.off[c] + int32(s.found[c].rank(length))
		from, certain := &s.at[n], s.sure[n]
		if attackers {
			w.attacker.or(&from.attacker)
		} else {
			certain.minus(&s.sum[c].attacker)
		}
		if victim {
			w.victim.or(&from.victim)
		} else {
			certain.minus(&s.sum[c].victim)
		}
		sure.or(&certain)
	}
}

// gatherNext is gather for what is of the length next door.
func (s *spans) gatherNext(w *vecs, sure *vec, places []int32, length int, attackers, victim bool) {
	s.gather(w, sure, places, length-1, attackers, victim)
	if length == maxLength {
		s.gather(w, sure, places, maxLength, attackers, victim)
	}
}

// next returns the lengths that routes of some lengths have next door.
func (s levels) next() levels { return s<<1 | s&(1<<maxLength) }

// offered returns the lengths of what some ASes may have.
func (s *spans) offered(places []int32) (offered levels) {
	for _, c := range places {
		offered |= s.found[c]
	}
	return offered
}

// climbSpan finds the own and customer routes that the ascent may have.
func (j *joint) climbSpan(length int) {
	s := &j.span
	s.all = j.all
	s.climbed.reset(len(j.a.closure))
	for at, i := range j.a.closure {
		s.begin()
		if i == j.a.as {
			s.may(j.a.length, &vecs{victim: j.all}, &j.all)
		} else {
			if own := &j.own[at]; own.any() {
				s.may(length, &vecs{attacker: *own}, own)
			}
			j.spanCustomers(int32(at), i)
		}
		s.store(&s.climbed, int32(at))
	}
}

func (j *joint) spanCustomers(at, i int32) {
	s, below := &j.span, j.a.below.row(at)
	attackers, victim := j.takes(j.attackerInvalid, i, topology.Customer), j.takes(j.victimInvalid, i, topology.Customer)
	for offered := j.up.found[at] | s.climbed.offered(below).next(); offered != 0 && s.open.any(); offered &= offered - 1 {
		length := offered.lowest()
		var got vecs
		if from := j.up.get(at, length); from != nil {
			got.attacker = *from
		}
		sure := got.attacker // of ASes that have no other routes
		s.climbed.gatherNext(&got, &sure, below, length, attackers, victim)
		s.may(length, &got, &sure)
	}
}

// spanBelow takes the own and customer routes of node x.
func (j *joint) spanBelow(x int32) {
	s, i := &j.span, j.nodes[x]
	s.begin()
	if at := j.a.place[i]; at >= 0 {
		found := s.climbed.found[at]
		var none vec
		for n := range s.climbed.of(at) {
			s.may(found.lowest(), &s.climbed.of(at)[n], &none)
			found &= found - 1
		}
		s.open.minus(&s.climbed.closed[at])
		return
	}
	if slot := j.slot[i]; slot >= 0 {
		from := j.k.off[slot]
		for found := j.k.found[slot]; found != 0; from, found = from+1, found&(found-1) {
			s.may(found.lowest(), &vecs{attacker: j.k.routes[from]}, &j.k.routes[from])
		}
	}
}

// spanProviders takes what the providers of node x may pass on.
func (j *joint) spanProviders(x int32) {
	s, i, providers := &j.span, j.nodes[x], j.providers.row(x)
	attackers, victim := j.takes(j.attackerInvalid, i, topology.Provider), j.takes(j.victimInvalid, i, topology.Provider)
	for offered := s.final.offered(providers).next(); offered != 0 && s.open.any(); offered &= offered - 1 {
		length := offered.lowest()
		var got vecs
		var sure vec
		s.final.gatherNext(&got, &sure, providers, length, attackers, victim)
		s.may(length, &got, &sure)
	}
}

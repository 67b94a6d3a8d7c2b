package sweep

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

// of returns all routes of the AS at a place.
func (r *routing) of(at int32) []vecs { return r.at[r.off[at]:][:r.found[at].count()] }

func (r *routing) reset(n int) {
	r.found, r.off, r.at = resize(r.found, n), grow(r.off, n), r.at[:0]
}

// add adds the routes of the next provider in order of preference; ties fall as
// tie says.
func (w *vecs) add(from *vecs, attackers, victim bool, tie plane) {
	a, v := uint64(0), uint64(0)
	if attackers {
		a = ^a
	}
	if victim {
		v = ^v
	}
	switch tie {
	case lower:
		for n := range w.attacker {
			w.attacker[n] |= from.attacker[n] & a
			w.victim[n] = (w.victim[n] | from.victim[n]&v) &^ w.attacker[n]
		}
	case upper:
		for n := range w.attacker {
			w.victim[n] |= from.victim[n] & v
			w.attacker[n] = (w.attacker[n] | from.attacker[n]&a) &^ w.victim[n]
		}
	default:
		for n := range w.attacker {
			taken := w.attacker[n] | w.victim[n]
			w.attacker[n] |= from.attacker[n] & a &^ taken
			w.victim[n] |= from.victim[n] & v &^ taken
		}
	}
}

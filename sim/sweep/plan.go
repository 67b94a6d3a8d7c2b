package sweep

import (
	"cmp"
	"slices"

	"mpicsim/sim/route"
)

// plan is the work of a sweep: the prepared blocks, and what they cannot answer
// for.
type plan struct {
	jobs []job
	// special are the columns that are set apart; specials lists them.
	special  []bool
	specials []int32
	// lanesAS and lanePlaces have, for each attacker that is set apart, its graph
	// index and its places in the outcomes, with those of its twins that come to the
	// same.
	lanesAS    []int32
	lanePlaces rows
	alone      []alone
	ties       []tied
	sides      []sided
}

// job is some attackers that are run together: those of a block, whose columns
// begin at column, or, if that is nil, the lanes from <= n < to.
type job struct {
	treatment
	block    *block
	column   int
	from, to int
	// joint says that both sides' routes are computed together, which is always
	// right; else as [pass] does.
	joint bool
}

// alone is one attacker who is run jointly or routed.
type alone struct {
	treatment
	as    int32
	place int32
}

// tied is a tie between members of a column and the victim's side at AS as, whose
// best neighbour on that side is first.
type tied struct {
	column, as, first int32
}

// sided is a member of a column: its place in the list, and on which side of each
// tie it stands.
type sided struct {
	side  uint64
	place int32
}

func (s *Sweeper) size(j *job) int {
	if j.block != nil {
		return len(j.block.as)
	}
	return j.to - j.from
}

// prepare lists the jobs of a sweep.
func (s *Sweeper) prepare(attackers *Attackers, o *Outcomes) error {
	for _, c := range s.specials {
		s.special[c] = false
	}
	s.specials, s.jobs, s.alone = s.specials[:0], s.jobs[:0], s.alone[:0]
	s.lanesAS, s.lanePlaces.off, s.lanePlaces.to = s.lanesAS[:0], append(s.lanePlaces.off[:0], 0), s.lanePlaces.to[:0]
	if len(s.special) < attackers.Columns() {
		s.special = make([]bool, attackers.Columns())
	}
	usual, err := s.judgeAll(attackers)
	if err != nil {
		return err
	}
	s.victim.find(s.engine, s.contest.Victim, s.contest.Length)
	switch usual.influence {
	case route.InfluenceNone:
		s.victim.contend(s.engine, attackers)
		s.planBlocks(attackers.blocks, job{treatment: usual})
		s.planCuts(attackers, o)
		s.planSplits(attackers, o)
	case route.InfluenceOrigin:
		blocks := attackers.joint
		if usual.attackerInvalid {
			blocks = attackers.rejected
		}
		s.planBlocks(blocks(), job{treatment: usual, joint: true})
		s.splitAll(usual, attackers, o)
	case route.InfluencePath:
		s.routeAll(usual, attackers)
	}
	s.planAlone()
	if slices.ContainsFunc(s.jobs, func(j job) bool { return j.joint }) {
		s.ascent.find(s.contest.Victim, s.contest.Length)
	}
	return nil
}

func (s *Sweeper) planBlocks(blocks []block, like job) {
	for n := range blocks {
		j := like
		j.block, j.column = &blocks[n], n*lanes
		s.jobs = append(s.jobs, j)
	}
}

// setApart marks a column, and says whether it was not marked.
func (s *Sweeper) setApart(column int32) bool {
	if s.special[column] {
		return false
	}
	s.special[column] = true
	s.specials = append(s.specials, column)
	return true
}

// addAlone has one attacker computed by itself.
func (s *Sweeper) addAlone(t treatment, as, place int32) {
	s.alone = append(s.alone, alone{treatment: t, as: as, place: place})
}

// addColumn has each attacker of a column computed by itself, and says how many.
func (s *Sweeper) addColumn(t treatment, attackers *Attackers, column int32) (n int) {
	for _, place := range attackers.members.row(column) {
		if i := attackers.list[place]; i != s.contest.Victim {
			s.addAlone(t, i, place)
			n++
		}
	}
	return n
}

// routedTogether is how many attackers a job has that are left to package route:
// few, since each takes long.
const routedTogether = 4

// planAlone makes jobs of those who are computed by themselves, those of the same
// treatment together.
func (s *Sweeper) planAlone() {
	slices.SortFunc(s.alone, func(a, b alone) int {
		return cmp.Or(cmp.Compare(a.key(), b.key()), cmp.Compare(a.place, b.place))
	})
	for n := range s.alone {
		a := &s.alone[n]
		last := len(s.jobs) - 1
		limit := lanes
		if a.influence == route.InfluencePath {
			limit = routedTogether
		}
		if n == 0 || s.alone[n-1].treatment != a.treatment || s.jobs[last].to-s.jobs[last].from == limit {
			at := len(s.lanesAS)
			s.jobs = append(s.jobs, job{treatment: a.treatment, from: at, to: at, joint: true})
			last++
		}
		s.lanesAS = append(s.lanesAS, a.as)
		s.lanePlaces.to = append(s.lanePlaces.to, a.place)
		s.lanePlaces.close()
		s.jobs[last].to++
	}
}

func (a *alone) key() int {
	k := int(a.influence) << 2
	if a.victimInvalid {
		k |= 2
	}
	if a.attackerInvalid {
		k |= 1
	}
	return k
}

// planCuts finds the attackers that lie on the victim's way up, or the victim on
// theirs, with an own path that is no shorter than the route that comes by.
func (s *Sweeper) planCuts(attackers *Attackers, o *Outcomes) {
	v, length := s.victim, attackers.shape.Length
	if v.deep {
		return
	}
	if length > 1 {
		for _, i := range v.closure {
			if int(v.level[i]) > length {
				break
			}
			if c := attackers.column[i]; i != v.as && c >= 0 && s.setApart(c) {
				o.Cut += s.addColumn(treatment{}, attackers, c)
			}
		}
	}
	if v.length == 1 {
		return
	}
	for n := range attackers.blocks {
		b := &attackers.blocks[n]
		at := slices.Index(b.reached, v.as)
		if at < 0 {
			continue
		}
		for r, found := b.off[at], b.found[at]; found != 0 && found.lowest() <= v.length; r, found = r+1, found&(found-1) {
			for lane := range b.as {
				if c := int32(n*lanes + lane); b.routes[r].get(lane) && b.as[lane] != v.as && s.setApart(c) {
					o.Cut += s.addColumn(treatment{}, attackers, c)
				}
			}
		}
	}
}

// twinTies calls each with every AS that may have to choose between members of a
// column, as its neighbours, and the victim's side, to whom the route is as long.
// first is its best neighbour on that side.
func (s *Sweeper) twinTies(attackers *Attackers, each func(column, as, first int32)) {
	v, e, length := s.victim, s.engine, attackers.shape.Length
	if v.deep { // all go to package route
		return
	}
	for at, y := range v.closure {
		if int(v.level[y]) == length+1 && v.below[at].first >= 0 {
			attackers.eachTwin(e.customers.row(y), func(c int32) { each(c, y, v.below[at].first) })
		}
	}
	for x, level := range v.peer {
		if int(level) == length+1 && v.beside[x].first >= 0 {
			attackers.eachTwin(e.peers.row(int32(x)), func(c int32) { each(c, e.nodes[x], v.beside[x].first) })
		}
	}
}

// eachTwin calls each with the columns of the ASes that share theirs with others.
func (s *Attackers) eachTwin(ases []int32, each func(column int32)) {
	for _, i := range ases {
		if c := s.column[i]; c >= 0 && len(s.members.row(c)) > 1 {
			each(c)
		}
	}
}

// planSplits tells twins apart between whom a tie with the victim may tell, that
// is, who do not all stand on the same side of each. Twins that do are one lane.
func (s *Sweeper) planSplits(attackers *Attackers, o *Outcomes) {
	s.ties = s.ties[:0]
	s.twinTies(attackers, func(column, as, first int32) {
		s.ties = append(s.ties, tied{column, as, first})
	})
	if c := attackers.column[s.contest.Victim]; c >= 0 {
		s.ties = append(s.ties, tied{c, -1, -1})
	}
	slices.SortFunc(s.ties, func(a, b tied) int {
		return cmp.Or(cmp.Compare(a.column, b.column), cmp.Compare(a.as, b.as), cmp.Compare(a.first, b.first))
	})
	from, ties := len(s.lanesAS), slices.Compact(s.ties)
	for len(ties) > 0 {
		n := 1
		for n < len(ties) && ties[n].column == ties[0].column {
			n++
		}
		s.split(ties[:n], attackers, o)
		ties = ties[n:]
	}
	for ; from < len(s.lanesAS); from += lanes {
		s.jobs = append(s.jobs, job{from: from, to: min(from+lanes, len(s.lanesAS))})
	}
}

// split adds a lane for the members of a column on each combination of sides.
func (s *Sweeper) split(ties []tied, attackers *Attackers, o *Outcomes) {
	column, own := ties[0].column, ties[0].as < 0
	s.sides = s.sides[:0]
	for _, n := range attackers.members.row(column) {
		if i := attackers.list[n]; i != s.contest.Victim {
			s.sides = append(s.sides, sided{s.side(ties, i), n})
		}
	}
	slices.SortFunc(s.sides, func(a, b sided) int { return cmp.Or(cmp.Compare(a.side, b.side), cmp.Compare(a.place, b.place)) })
	if len(s.sides) == 0 || !own && s.sides[0].side == s.sides[len(s.sides)-1].side || !s.setApart(column) {
		return
	}
	for n, m := range s.sides {
		if n == 0 || m.side != s.sides[n-1].side {
			if n > 0 {
				s.lanePlaces.close()
			}
			s.lanesAS = append(s.lanesAS, attackers.list[m.place])
			o.Split++
		}
		s.lanePlaces.to = append(s.lanePlaces.to, m.place)
	}
	s.lanePlaces.close()
}

// side returns on which side of each tie attacker i stands. From 64 ties on it is
// a number of its own.
func (s *Sweeper) side(ties []tied, i int32) (side uint64) {
	if len(ties) >= 64 {
		return uint64(i)
	}
	e := s.engine
	for n, t := range ties {
		if t.as < 0 {
			continue
		}
		mine, other := e.options.Rank(e.graph, t.as, i), e.options.Rank(e.graph, t.as, t.first)
		if mine < other || mine == other && i < t.first {
			side |= 1 << n
		}
	}
	return side
}

// splitAll tells all twins apart between whom a tie may tell in a joint run, where
// the routes on the victim's side may be longer than the shortest.
func (s *Sweeper) splitAll(t treatment, attackers *Attackers, o *Outcomes) {
	v, e, length := s.victim, s.engine, attackers.shape.Length
	split := func(column int32) {
		if s.setApart(column) {
			o.Split += s.addColumn(t, attackers, column)
		}
	}
	if v.deep { // what it found is not all
		for c := range int32(attackers.Columns()) {
			if len(attackers.members.row(c)) > 1 {
				split(c)
			}
		}
	}
	for _, y := range v.closure {
		if level := int(v.level[y]); level <= length+1 && y != v.as {
			attackers.eachTwin(e.customers.row(y), split)
		}
		if int(v.level[y]) <= length {
			for _, x := range e.peering.row(y) {
				attackers.eachTwin(e.peers.row(x), split)
			}
		}
	}
	if c := attackers.column[s.contest.Victim]; c >= 0 {
		split(c)
	}
}

// routeAll leaves all attackers that are not set apart to package route.
func (s *Sweeper) routeAll(t treatment, attackers *Attackers) {
	for c := range int32(attackers.Columns()) {
		if !s.special[c] {
			s.setApart(c)
			s.addColumn(t, attackers, c)
		}
	}
}

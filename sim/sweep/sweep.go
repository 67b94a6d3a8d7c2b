package sweep

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Sweeper runs sweeps one after the other and keeps its memory between them. It
// is not safe for concurrent use; several of one engine are.
type Sweeper struct {
	engine  *Engine
	victim  *victim
	workers []*worker
	// special are the columns that the blocks of the attackers cannot answer
	// for; specials lists them.
	special  []bool
	specials []int32
	jobs     []job
}

// worker is what one goroutine needs.
type worker struct {
	*pass
	builder   *builder
	collector collector
	alone     *victim // the victim's side with a cut
	full      route.Routes
}

// job is some attackers that are run together.
type job struct {
	block *block // nil if it is yet to be built
	as    []int32
	// to has, for each of as, a place in the outcomes; unused with a block, whose
	// columns begin at column.
	to     []int32
	column int
	// cutVictim and cutAttacker say whose way the other announcer cuts.
	cutVictim, cutAttacker bool
}

// NewSweeper returns a sweeper that shares each sweep among up to workers
// goroutines, one at least. Outcomes do not depend on how many.
func (e *Engine) NewSweeper(workers int) *Sweeper {
	s := &Sweeper{engine: e, victim: newVictim(e)}
	for range max(workers, 1) {
		s.workers = append(s.workers, &worker{pass: newPass(e), builder: newBuilder(e), alone: newVictim(e)})
	}
	return s
}

// Sweep fills o with whom the viewpoints reach if victim, a graph index, announces
// a prefix with a path of length AS numbers, 1 for its own number alone, and each
// of the attackers in turn announces the same prefix. It returns an error if the
// arguments do not belong together.
func (s *Sweeper) Sweep(victim int32, length int, attackers *Attackers, o *Outcomes) error {
	e := s.engine
	switch {
	case victim < 0 || int(victim) >= e.graph.Len():
		return fmt.Errorf("sweep: victim: index %d: want 0 to %d", victim, e.graph.Len()-1)
	case length < 1:
		return fmt.Errorf("sweep: victim's path length %d: want 1 or more", length)
	case attackers.engine != e:
		return fmt.Errorf("sweep: the attackers were prepared for another engine")
	case o.attackers != attackers.Len() || o.viewpoints != len(e.viewpoints):
		return fmt.Errorf("sweep: outcomes for %d attackers and %d viewpoints: want %d and %d",
			o.attackers, o.viewpoints, attackers.Len(), len(e.viewpoints))
	}
	o.Cut, o.Routed, o.Split = 0, 0, 0
	s.victim.find(e, victim, length, -1)
	s.victim.contend(e, attackers)
	s.plan(attackers, o)
	var next, routed atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for _, w := range s.workers[:min(len(s.workers), len(s.jobs))] {
		group.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(s.jobs); n = int(next.Add(1)) - 1 {
				count, err := s.do(w, &s.jobs[n], attackers, o)
				routed.Add(int64(count))
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	group.Wait()
	o.Routed = int(routed.Load())
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// plan lists the jobs of a sweep: the prepared blocks, then what they cannot
// answer for.
func (s *Sweeper) plan(attackers *Attackers, o *Outcomes) {
	s.jobs = s.jobs[:0]
	for n := range attackers.blocks {
		b := &attackers.blocks[n]
		s.jobs = append(s.jobs, job{block: b, as: b.as, column: n * lanes})
	}
	for _, c := range s.specials {
		s.special[c] = false
	}
	s.specials = s.specials[:0]
	if len(s.special) < attackers.Columns() {
		s.special = make([]bool, attackers.Columns())
	}
	s.planCuts(attackers, o)
	s.planSplits(attackers, o)
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

// planCuts finds the attackers that lie on the victim's way up, or the victim on
// theirs, with an own path that is no shorter than the route that comes by.
func (s *Sweeper) planCuts(attackers *Attackers, o *Outcomes) {
	v := s.victim
	if attackers.length > 1 {
		for _, i := range v.closure {
			c := attackers.column[i]
			if i == v.as || int(v.level[i]) > attackers.length || c < 0 || !s.setApart(c) {
				continue
			}
			s.addAlone(attackers, c, job{cutVictim: true}, o)
		}
	}
	if v.length == 1 {
		return
	}
	for n := range attackers.blocks {
		b := &attackers.blocks[n]
		for at, i := range b.reached {
			if i != v.as {
				continue
			}
			for r, found := b.off[at], b.found[at]; found != 0 && found.lowest() <= v.length; r, found = r+1, found&(found-1) {
				for lane := range b.as {
					if c := int32(n*lanes + lane); b.routes[r].get(lane) && b.as[lane] != v.as && s.setApart(c) {
						s.addAlone(attackers, c, job{cutAttacker: true}, o)
					}
				}
			}
		}
	}
}

// addAlone adds a job for each attacker of a column.
func (s *Sweeper) addAlone(attackers *Attackers, column int32, like job, o *Outcomes) {
	members := attackers.members.row(column)
	for n := range members {
		if attackers.list[members[n]] == s.victim.as {
			continue
		}
		like.as, like.to = attackers.list[members[n]:members[n]+1], members[n:n+1]
		s.jobs = append(s.jobs, like)
		o.Cut++
	}
}

// planSplits finds the twins between whom a tie with the victim may tell: those
// with a neighbour to whom the victim's route is as long as theirs.
func (s *Sweeper) planSplits(attackers *Attackers, o *Outcomes) {
	v, e := s.victim, s.engine
	var as, to []int32
	flush := func() {
		if len(as) > 0 {
			s.jobs = append(s.jobs, job{as: as, to: to})
			as, to = nil, nil
		}
	}
	split := func(i int32) {
		c := attackers.column[i]
		if c < 0 || len(attackers.members.row(c)) == 1 && i != v.as || !s.setApart(c) {
			return
		}
		for _, n := range attackers.members.row(c) {
			if attackers.list[n] == v.as {
				clear(o.rows[int(n)*int(planes)*o.words : int(n+1)*int(planes)*o.words])
				continue
			}
			as, to = append(as, attackers.list[n]), append(to, n)
			o.Split++
			if len(as) == lanes {
				flush()
			}
		}
	}
	split(v.as)
	for _, y := range v.closure {
		switch int(v.level[y]) {
		case attackers.length + 1:
			for _, i := range e.customers.row(y) {
				split(i)
			}
		case attackers.length:
			for _, x := range e.peering.row(y) {
				if int(v.peer[x]) == attackers.length+1 {
					for _, i := range e.peers.row(x) {
						split(i)
					}
				}
			}
		}
	}
	flush()
}

// do runs one job, and returns how many attackers were left to package route.
func (s *Sweeper) do(w *worker, j *job, attackers *Attackers, o *Outcomes) (routed int, err error) {
	v := s.victim
	if j.cutVictim {
		v = w.alone
		v.find(s.engine, s.victim.as, s.victim.length, j.as[0])
		v.contend(s.engine, attackers)
	}
	b := j.block
	if b == nil {
		cut := int32(-1)
		if j.cutAttacker {
			cut = v.as
		}
		built := w.builder.build(j.as, attackers.length, cut)
		b = &built
	}
	w.run(v, b, attackers.length)
	if !w.deep {
		w.collector.collect(w.pass, o.words)
	}
	size := int(planes) * o.words
	for lane := range j.as {
		to := j.to
		if j.block != nil {
			c := int32(j.column + lane)
			if s.special[c] {
				continue
			}
			to = attackers.members.row(c)
		} else {
			to = to[lane : lane+1]
		}
		if w.deep {
			for _, n := range to {
				if err := s.route(w, attackers.list[n], attackers.length, o, int(n)); err != nil {
					return routed, err
				}
				routed++
			}
			continue
		}
		from := w.collector.rows[lane*size : (lane+1)*size]
		for _, n := range to {
			copy(o.rows[int(n)*size:], from)
		}
	}
	return routed, nil
}

// route answers for one attacker by three propagations over all ASes.
func (s *Sweeper) route(w *worker, attacker int32, length int, o *Outcomes, n int) error {
	e, g := s.engine, s.engine.graph
	prefix := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	anns := []route.Announcement{
		{Prefix: prefix, Path: repeat(g.ASN(s.victim.as), s.victim.length)},
		{Prefix: prefix, Path: repeat(g.ASN(attacker), length), Attacker: true},
	}
	clear(o.rows[n*int(planes)*o.words : (n+1)*int(planes)*o.words])
	for pl, options := range map[plane]route.Options{
		lower: {TieBreak: route.TieBreakAttacker}, picked: e.options, upper: {TieBreak: route.TieBreakVictim},
	} {
		if err := e.router.PropagateInto(&w.full, anns, options); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		for at, i := range e.viewpoints {
			bit := uint64(1) << (at & 63)
			who, ok := w.full.Announcer(i)
			if ok {
				o.row(n, reached)[at>>6] |= bit
			}
			if ok && who == g.ASN(attacker) {
				o.row(n, pl)[at>>6] |= bit
			}
		}
	}
	return nil
}

// repeat returns a path of n equal AS numbers: what a forged origin's numbers are
// does not matter here.
func repeat(as topology.ASN, n int) []topology.ASN {
	path := make([]topology.ASN, n)
	for i := range path {
		path[i] = as
	}
	return path
}

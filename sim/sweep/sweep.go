package sweep

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"mpicsim/sim/route"
)

// Sweeper runs sweeps one after the other and keeps its memory between them. It
// is not safe for concurrent use; several of one engine are.
type Sweeper struct {
	engine  *Engine
	contest Contest
	victim  *victim
	ascent  *ascent
	workers []*worker
	plan
}

// worker is what one goroutine needs.
type worker struct {
	*pass
	joint     *joint
	builder   *builder
	built     block
	collector collector
	full      route.Routes
	counts    counts
}

// counts are those of [Outcomes].
type counts struct {
	routed, filtered, estimated int
}

// NewSweeper returns a sweeper that shares each sweep among up to workers
// goroutines, one at least. Outcomes do not depend on how many.
func (e *Engine) NewSweeper(workers int) *Sweeper {
	s := &Sweeper{engine: e, victim: newVictim(e), ascent: newAscent(e)}
	for range max(workers, 1) {
		s.workers = append(s.workers, &worker{pass: newPass(e), joint: newJoint(e), builder: newBuilder(e)})
	}
	return s
}

// Sweep fills o with whom the viewpoints reach if the victim of c announces its
// prefix and each of the attackers in turn announces it too. It returns an error
// if the arguments do not belong together.
func (s *Sweeper) Sweep(c Contest, attackers *Attackers, o *Outcomes) error {
	e := s.engine
	if err := c.check(e.graph); err != nil {
		return err
	}
	switch {
	case attackers.engine != e:
		return errors.New("sweep: the attackers were prepared for another engine")
	case o.attackers != attackers.Len() || o.viewpoints != len(e.viewpoints) || o.planes != e.planes():
		return fmt.Errorf("sweep: outcomes for %d attackers and %d viewpoints: want %d and %d",
			o.attackers, o.viewpoints, attackers.Len(), len(e.viewpoints))
	}
	s.contest = c
	o.Cut, o.Split, o.Routed, o.Filtered, o.Estimated = 0, 0, 0, 0, 0
	if err := s.prepare(attackers, o); err != nil {
		return err
	}
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for _, w := range s.workers[:min(len(s.workers), len(s.jobs))] {
		w.counts = counts{}
		group.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(s.jobs); n = int(next.Add(1)) - 1 {
				if err := s.do(w, &s.jobs[n], attackers, o); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	group.Wait()
	for _, w := range s.workers[:min(len(s.workers), len(s.jobs))] {
		o.Routed += w.counts.routed
		o.Filtered += w.counts.filtered
		o.Estimated += w.counts.estimated
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	s.clearOwn(attackers, o)
	return nil
}

// clearOwn leaves the victim's own rows empty, if it is in the set.
func (s *Sweeper) clearOwn(attackers *Attackers, o *Outcomes) {
	if c := attackers.column[s.contest.Victim]; c >= 0 {
		for _, n := range attackers.members.row(c) {
			if attackers.list[n] == s.contest.Victim {
				clear(o.all(int(n)))
			}
		}
	}
}

// do runs one job.
func (s *Sweeper) do(w *worker, j *job, attackers *Attackers, o *Outcomes) error {
	if j.influence == route.InfluencePath {
		return s.routeLanes(w, j, attackers, o)
	}
	b := j.block
	if b == nil {
		w.builder.build(&w.built, s.lanesAS[j.from:j.to], attackers.shape.Length, blockOptions{joint: j.joint, rejected: j.attackerInvalid})
		b = &w.built
	}
	var deep bool
	if j.joint {
		deep = w.joint.run(s.ascent, b, attackers.shape.Length, j.treatment)
		if !deep {
			w.collector.collect(len(b.as), w.joint.outcome, w.viewpointNode, o)
		}
	} else {
		w.run(s.victim, b, attackers.shape.Length)
		if deep = w.deep; !deep {
			w.collector.collect(len(b.as), w.outcome, w.viewpointNode, o)
		}
	}
	if deep {
		return s.routeLanes(w, j, attackers, o)
	}
	size := o.planes * o.words
	for lane := range b.as {
		places := s.places(j, lane, attackers)
		for _, n := range places {
			copy(o.rows[int(n)*size:], w.collector.rows[lane*size:(lane+1)*size])
		}
		if j.influence == route.InfluenceOrigin {
			w.counts.filtered += len(places)
		}
	}
	return nil
}

// places returns where in the outcomes a lane belongs, nothing if its column is
// set apart.
func (s *Sweeper) places(j *job, lane int, attackers *Attackers) []int32 {
	if j.block == nil {
		return s.lanePlaces.row(int32(j.from + lane))
	}
	if c := int32(j.column + lane); !s.special[c] {
		return attackers.members.row(c)
	}
	return nil
}

// routeLanes answers for the attackers of a job by package route.
func (s *Sweeper) routeLanes(w *worker, j *job, attackers *Attackers, o *Outcomes) error {
	for lane := range s.size(j) {
		for _, n := range s.places(j, lane, attackers) {
			i := attackers.list[n]
			if i == s.contest.Victim {
				continue
			}
			if err := s.route(w, attackers, i, o.all(int(n)), o); err != nil {
				return err
			}
			w.counts.routed++
			if j.influence != route.InfluenceNone { // else it is as without policies
				w.counts.estimated++
			}
		}
	}
	return nil
}

// route fills one row by three propagations over all ASes.
func (s *Sweeper) route(w *worker, attackers *Attackers, attacker int32, row []uint64, o *Outcomes) error {
	e, g := s.engine, s.engine.graph
	anns := s.contest.announcements(g, attackers.shape, attacker)
	clear(row)
	ways := [...]struct {
		options         route.Options
		fooled, reached plane
	}{
		{route.Options{TieBreak: route.TieBreakAttacker, Policies: e.options.Policies}, lower, reachedLower},
		{e.options, picked, reached},
		{route.Options{TieBreak: route.TieBreakVictim, Policies: e.options.Policies}, upper, reachedUpper},
	}
	for _, way := range ways {
		if err := e.router.PropagateInto(&w.full, anns, way.options); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		for at, i := range e.viewpoints {
			who, ok := w.full.Announcer(i)
			if !ok {
				continue
			}
			word, bit := at>>6, uint64(1)<<(at&63)
			if int(way.reached) < o.planes {
				row[int(way.reached)*o.words+word] |= bit
			}
			if who == g.ASN(attacker) {
				row[int(way.fooled)*o.words+word] |= bit
			}
		}
	}
	if int(certain) < o.planes {
		for word := range o.words {
			at := func(p plane) uint64 { return row[int(p)*o.words+word] }
			row[int(possible)*o.words+word] = at(lower) | at(picked) | at(upper)
			row[int(certain)*o.words+word] = at(lower) & at(picked) & at(upper)
		}
	}
	return nil
}

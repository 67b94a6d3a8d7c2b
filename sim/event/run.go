package event

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mpicsim/topology"
)

// Run exchanges messages as the schedule and the options say. The result does not
// depend on the number of processors. It returns an error that names what is wrong
// with an option, the n-th announcement or the n-th change; an AS that the topology
// does not hold wraps [route.ErrUnknownAS]. That routes do not converge is not an
// error but an [Outcome].
//
// Prefixes run side by side, on up to GOMAXPROCS goroutines.
func Run(g *topology.Graph, s Schedule, o Options) (*History, error) {
	o, err := o.complete(g)
	if err != nil {
		return nil, err
	}
	prog, err := s.compile(g)
	if err != nil {
		return nil, err
	}
	net, err := newNetwork(g, o)
	if err != nil {
		return nil, err
	}
	h := &History{net: net, prefixes: prog.prefixes, timelines: make([]*Timeline, len(prog.parts))}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(len(prog.parts), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			r := newRouter(net)
			for n := int(next.Add(1)) - 1; n < len(prog.parts); n = int(next.Add(1)) - 1 {
				h.timelines[n] = r.run(&prog.parts[n])
			}
		})
	}
	workers.Wait()
	return h, nil
}

// run is the whole history of one prefix.
func (r *router) run(p *part) *Timeline {
	r.load(p)
	tl := &Timeline{net: r.net, part: p, paths: r.paths}
	if len(p.standing) > 0 {
		r.start(0)
		r.apply(&step{begin: p.standing})
		tl.outcome = r.until(r.net.options.MaxTime, true)
		tl.standing = r.phase
		if tl.outcome == Converged {
			r.settle()
		}
	}
	for n := range p.steps {
		if tl.outcome != Converged {
			break
		}
		st := &p.steps[n]
		r.start(st.at)
		r.apply(st)
		if n+1 < len(p.steps) {
			tl.outcome = r.until(p.steps[n+1].at, false)
		} else {
			tl.outcome = r.until(st.at+r.net.options.MaxTime, true)
		}
		tl.phases = append(tl.phases, r.phase)
	}
	if tl.outcome != Converged {
		if tl.cycle = r.cycle(); len(tl.cycle) > 0 {
			tl.outcome = Oscillates
		}
	}
	tl.messages, tl.rumours = r.messages, r.rumours
	tl.file(r.log, len(r.best))
	return tl
}

// start begins a phase.
func (r *router) start(at time.Duration) {
	r.now = at
	r.phase = Phase{At: at, Settled: at, Quiet: at}
	r.left = r.net.options.MaxMessages
}

// until lets things happen that happen before a time. It returns Unfinished if
// the bound for messages is reached, or, if the phase is the last, the time.
func (r *router) until(end time.Duration, last bool) Outcome {
	for len(r.queue.items) > 0 {
		if r.queue.items[0].at >= end {
			if last {
				return Unfinished
			}
			return Converged
		}
		it := r.queue.take()
		r.now = it.at
		switch {
		case it.gen != r.life[it.slot]: // of a session that went down since
		case it.node == timer:
			r.expire(it.slot)
		default:
			r.phase.Quiet = r.now
			r.receive(it.slot, it.node)
		}
		if r.left < 0 {
			return Unfinished
		}
	}
	return Converged
}

// settle makes what has settled the state at time 0.
func (r *router) settle() {
	r.log, r.messages = r.log[:0], nil
	for i, b := range r.best {
		if b.node != noNode {
			r.log = append(r.log, logged{entry{0, b.node, b.slot}, int32(i)})
		}
	}
	r.rumours.settle()
	clear(r.ready)
	clear(r.timed)
	clear(r.order)
}

// apply makes a change happen.
func (r *router) apply(st *step) {
	var touched []int32
	touch := func(i int32) {
		if !slices.Contains(touched, i) {
			touched = append(touched, i)
		}
	}
	for _, l := range st.down {
		for _, s := range r.slots(l) {
			r.down[s] = true
			r.life[s]++
			r.in[s], r.ranks[s], r.sent[s] = noNode, unranked, noNode
			r.ready[s], r.timed[s], r.order[s] = 0, false, 0
			r.rumours.hear(s, r.now, false)
			touch(r.net.owner(s))
		}
		r.lose(l)
	}
	for _, l := range st.up {
		for _, s := range r.slots(l) {
			r.down[s] = false
			touch(r.net.owner(s))
		}
	}
	for _, n := range st.end {
		i := r.part.by[n]
		r.claims[i] = slices.DeleteFunc(r.claims[i], func(m int32) bool { return m == n })
		touch(i)
	}
	for _, n := range st.begin {
		i := r.part.by[n]
		r.claims[i] = append(r.claims[i], n)
		touch(i)
	}
	slices.Sort(touched)
	for _, i := range touched {
		r.originate(i)
	}
}

func (r *router) slots(l link) [2]int32 {
	s := r.net.slot(l.a, l.b)
	return [2]int32{s, r.net.back[s]}
}

// lose marks the recorded messages that are under way over a link.
func (r *router) lose(l link) {
	for n := range r.messages {
		m := &r.messages[n]
		if m.Received >= r.now && (m.From == l.a && m.To == l.b || m.From == l.b && m.To == l.a) {
			m.Lost = true
		}
	}
}

// file sorts the log by AS.
func (tl *Timeline) file(log []logged, ases int) {
	tl.off = make([]int32, ases+1)
	for _, l := range log {
		tl.off[l.as+1]++
	}
	for i := range ases {
		tl.off[i+1] += tl.off[i]
	}
	tl.entries = make([]entry, len(log))
	next := slices.Clone(tl.off)
	for _, l := range log {
		tl.entries[next[l.as]] = l.entry
		next[l.as]++
	}
}

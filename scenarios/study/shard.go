package study

import (
	"context"
	"io"

	"mpicsim/scenarios/result"
	"mpicsim/sim/sweep"
)

// worker computes shards, one after the other.
type worker struct {
	*Plan
	sweeper  *sweep.Sweeper
	outcomes *sweep.Outcomes
	tracer   *tracer
	reached  result.Set // what sets returns, where it is not what was computed
	patterns patterns
	// every is 1, or more if only every n-th attacker is traced.
	every int
}

func (p *Plan) newWorker() *worker { return p.worker(1) }

// worker returns one that shares each sweep or trace among some goroutines.
func (p *Plan) worker(goroutines int) *worker {
	w := &worker{Plan: p, sweeper: p.engine.NewSweeper(goroutines), outcomes: p.engine.NewOutcomes(len(p.attackers.index)), every: 1}
	w.reached = make(result.Set, w.outcomes.Words())
	if _, traced := p.Swept(); len(traced) > 0 {
		w.tracer = newTracer(p, goroutines)
	}
	return w
}

// record is what a shard came to.
type record struct {
	File   result.File   `json:"file"`
	Engine result.Engine `json:"engine"`
}

// shard returns the places of the n-th shard's victims.
func (p *Plan) shard(n int) (from, to int) {
	return n * p.shardSize, min((n+1)*p.shardSize, len(p.victims.index))
}

// compute writes the hijacks of some victims as a Parquet file. It calls done
// with the number of hijacks after each step.
func (w *worker) compute(ctx context.Context, to io.Writer, from, end int, done func(hijacks int64)) (record, error) {
	hash := result.NewHashWriter(to)
	out := result.NewHijackWriter(hash, len(w.viewpoints))
	engine, err := w.sweep(ctx, out.Write, from, end, done)
	if err != nil {
		return record{}, err
	}
	if err := out.Close(); err != nil {
		return record{}, err
	}
	r := record{File: hash.File(), Engine: engine}
	r.File.Rows, r.File.Hijacks = out.Rows(), w.hijacksOf(w.victims.index[from:end])*int64(len(w.attacks))
	return r, nil
}

// sweep computes the hijacks of some victims.
func (w *worker) sweep(ctx context.Context, each func(*result.Hijack) error, from, end int, done func(hijacks int64)) (e result.Engine, err error) {
	pass := w.rows
	if w.options.Aggregate {
		pass = w.aggregate
	}
	for v := from; v < end; v++ {
		hijacks := w.hijacksOf(w.victims.index[v : v+1])
		for n := range w.attacks {
			if ctx.Err() != nil {
				return e, context.Cause(ctx)
			}
			a := &w.attacks[n]
			var err error
			if a.prepared != nil {
				err = w.sweepOne(&e, v, a)
			} else {
				err = w.tracer.trace(ctx, &e, traced{victim: v, way: a, every: w.every, done: done})
			}
			if err == nil {
				err = pass(each, v, a)
			}
			if err != nil {
				return e, err
			}
			if a.prepared != nil {
				done(hijacks)
			}
		}
	}
	return e, nil
}

// sweepOne computes what all attackers do to one victim in one way.
func (w *worker) sweepOne(e *result.Engine, v int, a *way) error {
	c := sweep.Contest{Victim: w.victims.index[v], Length: a.length, Prefix: w.targets[v].prefix}
	o := w.outcomes
	if err := w.sweeper.Sweep(c, a.prepared, o); err != nil {
		return err
	}
	e.Add(result.Engine{Cut: int64(o.Cut), Filtered: int64(o.Filtered), Routed: int64(o.Routed), Estimated: int64(o.Estimated)})
	return nil
}

// put fills in what the n-th attacker comes to. The sets are good until the next
// call.
func (w *worker) put(h *result.Hijack, a *way, n int) {
	h.Attacker, h.AttackerWeight = w.graph.ASN(w.attackers.index[n]), w.attackers.weight[n]
	if a.prepared == nil {
		sets := w.tracer.sets(n)
		h.Reached, h.Lower, h.Picked, h.Upper = sets[0], sets[1], sets[2], sets[3]
		return
	}
	o := w.outcomes
	h.Reached, h.Lower, h.Picked, h.Upper = o.Reached(n), o.Possible(n), o.Picked(n), o.Certain(n)
	if w.policies != nil { // ties decide who has a route
		for i := range w.reached {
			w.reached[i] = h.Reached[i] | h.Lower[i]
		}
		h.Reached = w.reached
	}
}

// hijack returns what all hijacks of a victim in one way have in common.
func (w *worker) hijack(v int, a *way) result.Hijack {
	return result.Hijack{
		Victim: w.graph.ASN(w.victims.index[v]), Prefix: w.targets[v].prefix, VictimWeight: w.victims.weight[v], Attack: a.name, Count: 1,
	}
}

// Compute calls each with every hijack in the order of the study: by victim,
// attack and attacker, aggregated if the plan is. Nothing is stored. What each is
// given is good until it returns; its error ends the computation.
func (p *Plan) Compute(ctx context.Context, each func(*result.Hijack) error) error {
	_, err := p.ComputeAll(ctx, each, nil)
	return err
}

// ComputeAll is Compute that also says how hijacks were computed and, if tell is
// not nil, how far it has come.
func (p *Plan) ComputeAll(ctx context.Context, each func(*result.Hijack) error, tell func(Progress)) (result.Engine, error) {
	t := &tracker{tell: tell, now: Progress{Total: p.Hijacks()}}
	return p.worker(p.options.Workers).sweep(ctx, each, 0, len(p.victims.index), func(hijacks int64) { t.add(Progress{Done: hijacks}) })
}

// rows passes on one hijack for each attacker.
func (w *worker) rows(each func(*result.Hijack) error, v int, a *way) error {
	h := w.hijack(v, a)
	for n, i := range w.attackers.index {
		if i == w.victims.index[v] || a.prepared == nil && n%w.every != 0 {
			continue
		}
		w.put(&h, a, n)
		if err := each(&h); err != nil {
			return err
		}
	}
	return nil
}

// aggregate passes on one for each outcome that some attackers have in common, in
// the order in which they are first met. Before these come the attackers in whose
// AS a viewpoint stands, each by itself: what they do to that viewpoint is no part
// of its resilience.
func (w *worker) aggregate(each func(*result.Hijack) error, v int, a *way) error {
	h := w.hijack(v, a)
	w.patterns.reset(w.outcomes.Words())
	for n, i := range w.attackers.index {
		if i == w.victims.index[v] || a.prepared == nil && n%w.every != 0 {
			continue
		}
		w.put(&h, a, n)
		if w.hosts[h.Attacker] {
			if err := each(&h); err != nil {
				return err
			}
			continue
		}
		w.patterns.add(h.AttackerWeight, h.Reached, h.Lower, h.Picked, h.Upper)
	}
	h.Attacker = 0
	for n := range w.patterns.count {
		sets := w.patterns.sets(n)
		h.Count, h.AttackerWeight = w.patterns.count[n], w.patterns.weight[n]
		h.Reached, h.Lower, h.Picked, h.Upper = sets[0], sets[1], sets[2], sets[3]
		if err := each(&h); err != nil {
			return err
		}
	}
	return nil
}

// patterns counts outcomes. The zero value is ready for reset.
type patterns struct {
	words  int // of a set
	rows   []uint64
	count  []int64
	weight []float64
	index  map[string]int32
	key    []byte
}

func (p *patterns) reset(words int) {
	if p.index == nil {
		p.index = map[string]int32{}
	}
	clear(p.index)
	p.words, p.rows, p.count, p.weight = words, p.rows[:0], p.count[:0], p.weight[:0]
}

func (p *patterns) add(weight float64, sets ...[]uint64) {
	p.key = p.key[:0]
	for _, set := range sets {
		for _, word := range set {
			p.key = append(p.key, byte(word), byte(word>>8), byte(word>>16), byte(word>>24),
				byte(word>>32), byte(word>>40), byte(word>>48), byte(word>>56))
		}
	}
	n, known := p.index[string(p.key)]
	if !known {
		n = int32(len(p.count))
		p.index[string(p.key)] = n
		p.count, p.weight = append(p.count, 0), append(p.weight, 0)
		for _, set := range sets {
			p.rows = append(p.rows, set...)
		}
	}
	p.count[n]++
	p.weight[n] += weight
}

// sets returns those of the n-th pattern, as given to add.
func (p *patterns) sets(n int) (sets [4][]uint64) {
	for k := range sets {
		sets[k] = p.rows[(n*len(sets)+k)*p.words:][:p.words]
	}
	return sets
}

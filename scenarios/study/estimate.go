package study

import (
	"context"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"mpicsim/scenarios/result"
)

// Estimate is what a run is expected to take.
type Estimate struct {
	// Duration is for the plan's workers on this machine as busy as it was.
	Duration time.Duration
	// Disk is the size of the results, Memory the most that is held, in bytes.
	Disk, Memory int64
	// Measured is how many hijacks were computed to tell.
	Measured int64
}

// calibration is how long measuring goes on, not counting the victim that is
// under way; enough how many hijacks are measured if a twentieth of the study is
// fewer and there is time.
const (
	calibration = time.Second
	enough      = 1 << 14
	maxSteps    = 1000
	// fewAttackers is about how many attackers of a victim are measured for attacks
	// that are traced.
	fewAttackers = 4
)

// Estimate computes the hijacks of a few victims that lie evenly among all, of
// attacks that are traced those by a few attackers, and extrapolates. The clock is
// now.
func (p *Plan) Estimate(ctx context.Context, now func() time.Time) (Estimate, error) {
	w := p.newWorker()
	bulk, slow := p.Swept()
	workers := min(p.options.Workers, p.Shards(), runtime.GOMAXPROCS(0))
	hash := result.NewHashWriter(io.Discard)
	out := result.NewHijackWriter(hash, len(p.viewpoints))
	var e Estimate
	for _, kind := range [...]struct {
		attacks int
		swept   bool
	}{{len(bulk), true}, {len(slow), false}} {
		if kind.attacks == 0 {
			continue
		}
		took, measured, err := w.measure(ctx, now, out, kind.swept)
		if err != nil {
			return Estimate{}, err
		}
		share := float64(p.hijacksOf(p.victims.index)) * float64(kind.attacks) / float64(max(measured, 1))
		e.Duration += time.Duration(float64(took) * share / float64(workers))
		e.Measured += measured
	}
	if err := out.Close(); err != nil {
		return Estimate{}, err
	}
	e.Disk = int64(float64(hash.File().Bytes) * float64(p.Hijacks()) / float64(max(e.Measured, 1)))
	e.Memory = p.memory()
	return e, nil
}

// measure computes some of the attacks, those that are swept or the others, and
// says how long it took and how many hijacks that were.
func (w *worker) measure(ctx context.Context, now func() time.Time, out *result.HijackWriter, bulk bool) (time.Duration, int64, error) {
	part := *w.Plan
	part.attacks = slices.DeleteFunc(slices.Clone(w.attacks), func(a way) bool { return (a.prepared != nil) != bulk })
	of := *w
	of.Plan = &part
	all, perVictim := len(part.victims.index), len(part.attackers.index)*len(part.attacks)
	steps := min(max(all/20, (enough+perVictim-1)/perVictim), maxSteps, all)
	if !bulk {
		of.every = max(len(part.attackers.index)/fewAttackers, 1)
	}
	var measured atomic.Int64
	start := now()
	for n := range steps {
		v := (2*n + 1) * all / (2 * steps)
		if _, err := of.sweep(ctx, out.Write, v, v+1, func(hijacks int64) { measured.Add(hijacks) }); err != nil {
			return 0, 0, err
		}
		if now().Sub(start) > calibration {
			break
		}
	}
	return now().Sub(start), measured.Load(), nil
}

// memory returns about how many bytes a run holds: the topology and the engine,
// the attackers, and for each worker the outcomes of one victim and a row group.
func (p *Plan) memory() int64 {
	const (
		perAS, perLink = 200, 40  // of topology and engines together
		perWorker      = 32 << 20 // columns, dictionaries, packed pages
		perRow         = 4 * 8    // four sets, in words of 8 bytes
		program        = 24 << 20 // code and runtime
		slack          = 2.25     // what waits to be collected
	)
	n := int64(perAS*p.graph.Len() + perLink*p.graph.Links())
	for _, a := range p.attacks {
		if a.prepared != nil {
			n += int64(a.prepared.Bytes())
			continue
		}
		const perRoute = 3 * 2 * 8 // three ways, two prefixes
		n += int64(p.options.Workers) * perRoute * int64(p.graph.Len())
	}
	words := int64(len(p.viewpoints)+63) / 64
	n += int64(p.options.Workers) * (perWorker + perRow*words*int64(len(p.attackers.index)))
	return program + int64(slack*float64(n))
}

// ASes returns how many victims and attackers there are.
func (p *Plan) ASes() (victims, attackers int) { return len(p.victims.index), len(p.attackers.index) }

package study

import (
	"context"
	"io"
	"runtime"
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
)

// Estimate computes the hijacks of a few victims that lie evenly among all, and
// extrapolates. The clock is now.
func (p *Plan) Estimate(ctx context.Context, now func() time.Time) (Estimate, error) {
	w := p.newWorker()
	all := len(p.victims.index)
	perVictim := len(p.attackers.index) * len(p.attacks)
	steps := min(max(all/20, (enough+perVictim-1)/perVictim), maxSteps, all)
	hash := result.NewHashWriter(io.Discard)
	out := result.NewHijackWriter(hash, len(p.viewpoints))
	var e Estimate
	start := now()
	for n := range steps {
		v := (2*n + 1) * all / (2 * steps)
		if _, err := w.sweep(ctx, out.Write, v, v+1, func(hijacks int64) { e.Measured += hijacks }); err != nil {
			return Estimate{}, err
		}
		if now().Sub(start) > calibration {
			break
		}
	}
	if err := out.Close(); err != nil {
		return Estimate{}, err
	}
	workers := min(p.options.Workers, p.Shards(), runtime.GOMAXPROCS(0))
	share := float64(p.Hijacks()) / float64(max(e.Measured, 1))
	e.Duration = time.Duration(float64(now().Sub(start)) * share / float64(workers))
	e.Disk = int64(float64(hash.File().Bytes) * share)
	e.Memory = p.memory()
	return e, nil
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
		n += int64(a.prepared.Bytes())
	}
	words := int64(len(p.viewpoints)+63) / 64
	n += int64(p.options.Workers) * (perWorker + perRow*words*int64(len(p.attackers.index)))
	return program + int64(slack*float64(n))
}

// ASes returns how many victims and attackers there are.
func (p *Plan) ASes() (victims, attackers int) { return len(p.victims.index), len(p.attackers.index) }

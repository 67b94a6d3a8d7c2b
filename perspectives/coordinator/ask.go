package coordinator

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"mpicsim/perspectives"
)

// RunnerPanic is what [Coordinator.Corroborate] panics with if a Runner did.
type RunnerPanic struct {
	Perspective string
	Value       any    // what the Runner panicked with
	Stack       []byte // of the Runner's goroutine
}

func (p RunnerPanic) Error() string {
	return fmt.Sprintf("perspective %q panicked: %v\n%s", p.Perspective, p.Value, p.Stack)
}

// ask runs the check at everybody and puts the answers in the same places of
// answers. It returns when all have returned. If any panicked, it panics with
// the first of them.
func (co *Coordinator) ask(ctx context.Context, everybody []perspective, check perspectives.Check, answers []Answer) {
	workers := len(everybody)
	if co.config.Workers > 0 {
		workers = min(workers, co.config.Workers)
	}
	panics := make([]*RunnerPanic, len(everybody))
	next := make(chan int)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for i := range next {
				answers[i], panics[i] = co.askOne(ctx, everybody[i], check)
			}
		})
	}
	for i := range everybody {
		next <- i
	}
	close(next)
	running.Wait()
	for _, p := range panics {
		if p != nil {
			panic(*p)
		}
	}
}

// askOne runs the check at one perspective, within the timeout.
func (co *Coordinator) askOne(ctx context.Context, p perspective, check perspectives.Check) (a Answer, panicked *RunnerPanic) {
	defer func() {
		if v := recover(); v != nil {
			panicked = &RunnerPanic{Perspective: p.Name, Value: v, Stack: debug.Stack()}
		}
	}()
	if co.config.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, co.config.Timeout)
		defer cancel()
	}
	a = Answer{Perspective: p.Perspective, Attempted: true}
	a.Result = p.runner.Run(ctx, check)
	switch {
	case ctx.Err() != nil:
		a.Fault = TimedOut
	case a.Result.Perspective != p.Name || a.Result.RIR != p.RIR || a.Result.Questions != check.Questions:
		a.Fault = Misconfigured
	}
	return a, nil
}

package coordinator

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

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

// errCertain is the cause of the end of a straggler's context.
var errCertain = errors.New("the decision is certain without it")

// ask runs the check at everybody and puts the answers in the same places of
// answers. It returns when all have returned. If any panicked, it panics with
// the first of them.
//
// certain is called after each answer once everybody was asked, with the answers
// and which of them are still to come; when it says true, those are cancelled. nil
// waits for all.
func (co *Coordinator) ask(
	ctx context.Context, everybody []perspective, check perspectives.Check, answers []Answer, certain func([]Answer, []bool) bool,
) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := len(everybody)
	if co.config.Workers > 0 {
		workers = min(workers, co.config.Workers)
	}
	panics := make([]*RunnerPanic, len(everybody))
	next, finished := make(chan int), make(chan finish, len(everybody))
	for range workers {
		go func() {
			for i := range next {
				var f finish
				f.answer, f.panicked = co.askOne(ctx, everybody[i], check)
				f.i = i
				finished <- f
			}
		}()
	}
	open := make([]bool, len(everybody))
	for i := range everybody {
		open[i] = true
		next <- i
	}
	close(next)
	for range everybody {
		f := <-finished
		answers[f.i], panics[f.i], open[f.i] = f.answer, f.panicked, false
		if certain != nil && slices.Contains(open, true) && certain(answers, open) {
			cancel(errCertain)
			certain = nil
		}
	}
	for _, p := range panics {
		if p != nil {
			panic(*p)
		}
	}
}

// finish is how asking the i-th perspective ended.
type finish struct {
	i        int
	answer   Answer
	panicked *RunnerPanic
}

// maxAnswer is about how many octets of JSON are kept of what one perspective says:
// several times what a perspective of this program sends by default. What is judged of
// an answer is never cut.
const maxAnswer = 4 * perspectives.MaxEvidence

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
	case errors.Is(context.Cause(ctx), errCertain):
		a.Fault = Cancelled
	case ctx.Err() != nil:
		a.Fault = TimedOut
	case a.Result.Perspective != p.Name || a.Result.RIR != p.RIR || a.Result.Questions != check.Questions:
		a.Fault = Misconfigured
	}
	a.Result.Bound(maxAnswer)
	return a, nil
}

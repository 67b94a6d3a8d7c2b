package coordinator_test

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

const (
	token   = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
	keyAuth = token + ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI" // RFC 8555 8.3, RFC 7638 3.1
)

func check() perspectives.Check {
	return perspectives.Check{
		Domain: "example.com", Method: perspectives.HTTP01, Token: token, KeyAuthorization: keyAuth,
		IssuerDomains: []string{"ca.example"},
	}
}

// epoch is what the clock of every spec shows.
func epoch() time.Time { return time.Date(2026, 12, 15, 12, 0, 0, 0, time.UTC) }

// fake is a perspective that says what it was told to say.
type fake struct {
	perspectives.Perspective
	// says returns what is seen in the given run, counted from 1.
	says func(ctx context.Context, run int, r *perspectives.Result)
	runs atomic.Int32
	last atomic.Pointer[perspectives.Check]
}

func (f *fake) Describe() perspectives.Perspective { return f.Perspective }

func (f *fake) Run(ctx context.Context, c perspectives.Check) perspectives.Result {
	f.last.Store(&c)
	r := perspectives.Result{Perspective: f.Name, RIR: f.RIR, Questions: c.Questions, Started: epoch(), Finished: epoch()}
	f.says(ctx, int(f.runs.Add(1)), &r)
	return r
}

func outcome(v perspectives.Verdict, reason string) perspectives.Outcome {
	return perspectives.Outcome{Verdict: v, Reason: reason}
}

// The things a perspective can say.
func ok(_ context.Context, _ int, r *perspectives.Result) {
	r.DCV, r.CAA = outcome(perspectives.Pass, "matched"), outcome(perspectives.Pass, "no-records")
}

func hijackBlocked(_ context.Context, _ int, r *perspectives.Result) {
	r.DCV, r.CAA = outcome(perspectives.Fail, "mismatch"), outcome(perspectives.Pass, "no-records")
}

func servfail(_ context.Context, _ int, r *perspectives.Result) {
	r.DCV, r.CAA = outcome(perspectives.Pass, "matched"), outcome(perspectives.Error, "servfail")
}

func impostor(ctx context.Context, run int, r *perspectives.Result) {
	ok(ctx, run, r)
	r.Perspective = "somebody-else"
}

func displaced(ctx context.Context, run int, r *perspectives.Result) {
	ok(ctx, run, r)
	r.RIR = place.AFRINIC
}

// afterOneFailure fails in the first run and passes in later ones.
func afterOneFailure(ctx context.Context, run int, r *perspectives.Result) {
	if run == 1 {
		hijackBlocked(ctx, run, r)
		return
	}
	ok(ctx, run, r)
}

// world is a primary and five remotes in two regions, 2000 km apart.
type world struct {
	primary *fake
	remotes []*fake
	config  coordinator.Config
}

// newWorld returns a world under the rule of 2026-12-15 in which everybody says
// ok. The remotes are named a to e.
func newWorld() *world {
	w := &world{primary: &fake{Perspective: perspectives.Perspective{Name: "primary", RIR: place.ARIN}, says: ok}}
	for i, r := range []place.RIR{place.ARIN, place.RIPE, place.ARIN, place.RIPE, place.ARIN} {
		w.remotes = append(w.remotes, &fake{
			Perspective: perspectives.Perspective{
				Name: string(rune('a' + i)), RIR: r, Location: place.Location{Lon: float64(i+1) * 18},
			},
			says: ok,
		})
	}
	w.config = coordinator.Config{
		Quorum: policy.QuorumAt(epoch()),
		Clock:  epoch,
	}
	return w
}

// let makes the named perspectives say something else.
func (w *world) let(names string, says func(context.Context, int, *perspectives.Result)) *world {
	for _, f := range append([]*fake{w.primary}, w.remotes...) {
		for name := range strings.FieldsSeq(names) {
			if f.Name == name {
				f.says = says
			}
		}
	}
	return w
}

func (w *world) build() (*coordinator.Coordinator, error) {
	w.config.Primary = w.primary
	w.config.Remotes = nil
	for _, r := range w.remotes {
		w.config.Remotes = append(w.config.Remotes, r)
	}
	return coordinator.New(w.config)
}

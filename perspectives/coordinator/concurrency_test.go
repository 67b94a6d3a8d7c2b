package coordinator_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
)

// silentUntil answers nothing useful until the context ends.
func silentUntil(ctx context.Context, _ int, r *perspectives.Result) {
	<-ctx.Done()
	r.DCV, r.CAA = outcome(perspectives.Error, "timeout"), outcome(perspectives.Error, "timeout")
}

// after says something after d on the bubble's clock, whatever the context says.
func after(d time.Duration, says func(context.Context, int, *perspectives.Result)) func(context.Context, int, *perspectives.Result) {
	return func(ctx context.Context, run int, r *perspectives.Result) {
		<-time.NewTimer(d).C
		says(ctx, run, r)
	}
}

func TestTimeoutIsForEachPerspective(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*world)
		want   string
		reason string
		took   time.Duration
	}{
		{"1 of 5 remotes never answers -> issued 4/5", func(w *world) { w.let("a", silentUntil) }, "4/5", policy.QuorumMet, 10 * time.Second},
		{"2 of 5 remotes never answer -> refused 3/5", func(w *world) { w.let("a e", silentUntil) }, "3/5", policy.TooFewCorroborations, 10 * time.Second},
		{"a pass after the timeout is none", func(w *world) { w.let("a e", after(11*time.Second, ok)) }, "3/5", policy.TooFewCorroborations, 11 * time.Second},
		{"a pass just in time counts", func(w *world) { w.let("a e", after(9*time.Second, ok)) }, "5/5", policy.QuorumMet, 9 * time.Second},
		{"the primary never answers -> refused", func(w *world) { w.let("primary", silentUntil) }, "0/0", policy.PrimaryDCVError, 10 * time.Second},
		{"the primary's time is not the remotes'", func(w *world) {
			w.let("primary", after(9*time.Second, ok)).let("a b c d e", after(9*time.Second, ok))
		}, "5/5", policy.QuorumMet, 18 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gomega.NewWithT(t)
				w := newWorld()
				w.config.Timeout = 10 * time.Second
				c.change(w)
				co, err := w.build()
				g.Expect(err).NotTo(gomega.HaveOccurred())
				start := time.Now()
				report, err := co.Corroborate(t.Context(), check())
				g.Expect(err).NotTo(gomega.HaveOccurred())
				g.Expect(report.Decision.Quorum).To(gomega.Equal(c.want))
				g.Expect(report.Decision.Reason).To(gomega.Equal(c.reason))
				g.Expect(time.Since(start)).To(gomega.Equal(c.took))
			})
		})
	}
}

// TestLateReplyIsKept: a reply after the timeout does not count and is evidence.
func TestLateReplyIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gomega.NewWithT(t)
		w := newWorld().let("a", after(time.Minute, ok))
		w.config.Timeout = time.Second
		co, err := w.build()
		g.Expect(err).NotTo(gomega.HaveOccurred())
		report, err := co.Corroborate(t.Context(), check())
		g.Expect(err).NotTo(gomega.HaveOccurred())
		late := report.Attempts[0].Remotes[0]
		g.Expect(late.Fault).To(gomega.Equal(coordinator.TimedOut))
		g.Expect(late.Corroborates()).To(gomega.BeFalse())
		g.Expect(late.Result.Corroborates()).To(gomega.BeTrue())
	})
}

// TestWorkersChangeOnlyTheTime: with enough workers five slow remotes take as
// long as one; with w workers never more than w run, and the report is the same.
func TestWorkersChangeOnlyTheTime(t *testing.T) {
	var reports []coordinator.Report
	for _, c := range []struct {
		workers int
		took    time.Duration
	}{{0, time.Second}, {1, 5 * time.Second}, {2, 3 * time.Second}, {5, time.Second}, {8, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			g := gomega.NewWithT(t)
			w := newWorld()
			w.config.Workers = c.workers
			var mu sync.Mutex
			running, most := 0, 0
			slow := func(says func(context.Context, int, *perspectives.Result)) func(context.Context, int, *perspectives.Result) {
				return func(ctx context.Context, run int, r *perspectives.Result) {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					<-time.NewTimer(time.Second).C
					mu.Lock()
					running--
					mu.Unlock()
					says(ctx, run, r)
				}
			}
			w.let("a c e", slow(ok)).let("b", slow(hijackBlocked)).let("d", slow(impostor))
			co, err := w.build()
			g.Expect(err).NotTo(gomega.HaveOccurred())
			start := time.Now()
			report, err := co.Corroborate(t.Context(), check())
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(time.Since(start)).To(gomega.Equal(c.took), "%d workers", c.workers)
			if c.workers > 0 {
				g.Expect(most).To(gomega.Equal(min(c.workers, 5)))
			}
			reports = append(reports, report)
		})
	}
	g := gomega.NewWithT(t)
	for _, r := range reports[1:] {
		g.Expect(r).To(gomega.Equal(reports[0]))
	}
}

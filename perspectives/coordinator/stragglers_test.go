package coordinator_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
)

type script = func(context.Context, int, *perspectives.Result)

// in says something after d on the bubble's clock, or gives up with the context.
func in(d time.Duration, says script) script {
	return func(ctx context.Context, run int, r *perspectives.Result) {
		select {
		case <-time.NewTimer(d).C:
			says(ctx, run, r)
		case <-ctx.Done():
			r.DCV, r.CAA = outcome(perspectives.Error, "cancelled"), outcome(perspectives.Error, "cancelled")
		}
	}
}

// orders calls f with every order of 0 to n-1.
func orders(n int, f func([]int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var walk func(k int)
	walk = func(k int) {
		if k == n {
			f(order)
		}
		for i := k; i < n; i++ {
			order[k], order[i] = order[i], order[k]
			walk(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	walk(0)
}

// TestStragglersInEveryOrder: four remotes, of which each passes, fails one question
// or answers under another name, one answer a second in every order, under rules of
// every kind. With and without cancelling, the same is issued; and who is cancelled
// is who answers after the first moment at which all that can still come ends alike.
func TestStragglersInEveryOrder(t *testing.T) {
	scripts := []script{ok, hijackBlocked, servfail, impostor}
	passes := [][2]bool{{true, true}, {false, true}, {true, false}, {false, false}} // as the scripts above do
	for _, rule := range []string{"br@2025-04-01", "br@2025-10-01", "br@2026-07-01", "br@2026-12-15", "n-2", "all"} {
		t.Run(rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gomega.NewWithT(t)
				quorum, err := policy.ParseRule(rule, epoch())
				g.Expect(err).NotTo(gomega.HaveOccurred())
				all, cut, attempts := bitsOf(t, quorum, passes), 0, 0
				for votes := range all {
					chosen := []int{votes & 3, votes >> 2 & 3, votes >> 4 & 3, votes >> 6}
					if slices.Contains(chosen[1:], 3) {
						continue // one impostor will do, and saves half of the time
					}
					attempts += 24
					report := func(order []int, cancel bool) coordinator.Report {
						w := newWorld()
						w.remotes = four(w)
						w.config.Quorum, w.config.ReportOnly, w.config.CancelStragglers = quorum, true, cancel
						for when, who := range order {
							w.remotes[who].says = in(time.Duration(when+1)*time.Second, scripts[chosen[who]])
						}
						co, err := w.build()
						g.Expect(err).NotTo(gomega.HaveOccurred())
						report, err := co.Corroborate(t.Context(), check())
						g.Expect(err).NotTo(gomega.HaveOccurred())
						return report
					}
					full := report([]int{0, 1, 2, 3}, false).Decision
					orders(4, func(order []int) {
						started := time.Now()
						got := report(order, true)
						need := needed(all, votes, order)
						d := got.Decision
						if d.Issue != full.Issue || d.Monitoring != full.Monitoring || d.Required != full.Required || d.Clause != full.Clause {
							t.Fatalf("%v in order %v: %+v, want %+v", chosen, order, d, full)
						}
						if took := time.Since(started); took != time.Duration(need)*time.Second {
							t.Fatalf("%v in order %v: took %v, want %d s", chosen, order, took, need)
						}
						for when, who := range order {
							if a := got.Attempts[0].Remotes[who]; !a.Attempted || (a.Fault == coordinator.Cancelled) != (when >= need) {
								t.Fatalf("%v in order %v: %d answers suffice, but %s has the fault %q", chosen, order, need, a.Perspective.Name, a.Fault)
							}
						}
						if need < 4 {
							cut++
						}
					})
				}
				t.Logf("%d of %d attempts were cut short", cut, attempts)
				g.Expect(cut).To(gomega.BeNumerically(">", attempts/10))
			})
		})
	}
}

// four returns four remotes, the last of which alone lies in another RIR region.
func four(w *world) []*fake {
	w.remotes[1].RIR = w.remotes[0].RIR
	return w.remotes[:4]
}

// bitsOf returns what the rule decides, Issue and Monitoring, for every way in which
// four remotes can follow the scripts: two bits of the index for each of them.
func bitsOf(t *testing.T, q policy.Quorum, passes [][2]bool) (all [256][2]bool) {
	t.Helper()
	w := newWorld()
	for votes := range all {
		var answers []policy.Answer
		for i, f := range four(w) {
			a := policy.Answer{Perspective: f.Perspective, DCV: perspectives.Fail, CAA: perspectives.Fail}
			if passes[votes>>(2*i)&3][0] {
				a.DCV = perspectives.Pass
			}
			if passes[votes>>(2*i)&3][1] {
				a.CAA = perspectives.Pass
			}
			answers = append(answers, a)
		}
		primary := policy.Answer{Perspective: w.primary.Perspective, DCV: perspectives.Pass, CAA: perspectives.Pass}
		d, err := policy.Decide(q, policy.SameSet(primary, answers...))
		if err != nil {
			t.Fatal(err)
		}
		all[votes] = [2]bool{d.Issue, d.Monitoring}
	}
	return all
}

// needed returns after how many answers of the order the decision is the same
// whatever comes, but at least one: by looking at all that can come.
func needed(all [256][2]bool, votes int, order []int) int {
	for n := 1; n < len(order); n++ {
		open := 0
		for _, who := range order[n:] {
			open |= 3 << (2 * who)
		}
		same := true
		for other, bits := range all {
			same = same && (other&^open != votes&^open || bits == all[votes])
		}
		if same {
			return n
		}
	}
	return len(order)
}

// TestStragglersAreOnRecord: report and log say who was cancelled, and how many
// answered.
func TestStragglersAreOnRecord(t *testing.T) {
	for _, c := range []struct {
		name      string
		change    func(*world)
		issue     bool
		quorum    string
		cancelled []string
		count     coordinator.Count
		detail    string
		record    string
	}{
		{
			"4 of 5 pass -> issued, the fifth is cancelled", func(w *world) { w.let("c", silentUntil) },
			true, "4/5",
			[]string{"c"},
			coordinator.Count{Asked: 5, Answered: 4, Cancelled: 1},
			"the primary and 4 of 5 remotes agree, 4 needed; certain without c",
			`"remotes_asked":5,"remotes_answered":4,"remotes_cancelled":1}`,
		},
		{
			"2 of 5 are hijacked -> refused, the others are cancelled",
			func(w *world) { w.let("a b", hijackBlocked).let("c d e", silentUntil) },
			false, "0/5",
			[]string{"c", "d", "e"},
			coordinator.Count{Asked: 5, Answered: 2, Cancelled: 3},
			"0 of 5 remotes corroborate the domain validation, 4 needed; not: a, b, c, d, e; certain without c, d, e",
			`"remotes_asked":5,"remotes_answered":2,"remotes_cancelled":3}`,
		},
		{
			"3 pass, 2 are awaited -> nothing is certain, the silent ones time out",
			func(w *world) { w.let("a", silentUntil).let("b", in(5*time.Second, hijackBlocked)) },
			false, "3/5", nil,
			coordinator.Count{Asked: 5, Answered: 4, Cancelled: 0},
			"3 of 5 remotes corroborate the domain validation, 4 needed; not: a, b",
			`"remotes_asked":5,"remotes_answered":4,"remotes_cancelled":0}`,
		},
		{
			"4 pass and lie in one RIR region -> the fifth is awaited",
			func(w *world) {
				for _, f := range w.remotes[:4] {
					f.RIR = w.remotes[0].RIR
				}
				w.remotes[4].RIR = w.remotes[0].RIR + 1
				w.let("e", in(5*time.Second, ok))
			},
			true, "5/5", nil,
			coordinator.Count{Asked: 5, Answered: 5, Cancelled: 0},
			"the primary and 5 of 5 remotes agree, 4 needed",
			`"remotes_asked":5,"remotes_answered":5,"remotes_cancelled":0}`,
		},
		{
			"monitoring: 1 of 2 passes, which is the quorum -> recorded, the other is cancelled",
			func(w *world) {
				w.remotes = w.remotes[:2]
				w.config.Quorum = policy.QuorumAt(time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC))
				w.let("b", silentUntil)
			},
			true, "1/2",
			[]string{"b"},
			coordinator.Count{Asked: 2, Answered: 1, Cancelled: 1},
			"the primary and 1 of 2 remotes agree, 1 needed; certain without b",
			`"remotes_asked":2,"remotes_answered":1,"remotes_cancelled":1}`,
		},
		{
			"the primary fails -> nobody else is asked", func(w *world) { w.let("primary", hijackBlocked) },
			false, "0/0", nil,
			coordinator.Count{},
			"the primary primary does not see the domain controlled: nothing to corroborate",
			`"remotes_asked":0,"remotes_answered":0,"remotes_cancelled":0}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gomega.NewWithT(t)
				var log bytes.Buffer
				w := newWorld()
				c.change(w)
				w.config.CancelStragglers, w.config.Timeout = true, time.Minute
				w.config.Log = slog.New(slog.NewJSONHandler(&log, nil))
				co, err := w.build()
				g.Expect(err).NotTo(gomega.HaveOccurred())
				report, err := co.Corroborate(t.Context(), check())
				g.Expect(err).NotTo(gomega.HaveOccurred())
				g.Expect(report.Decision.Issue).To(gomega.Equal(c.issue))
				g.Expect(report.Decision.Quorum).To(gomega.Equal(c.quorum))
				g.Expect(report.Decision.Detail).To(gomega.Equal(c.detail))
				g.Expect(report.Attempts[0].Count()).To(gomega.Equal(c.count))
				var cancelled []string
				for _, r := range report.Attempts[0].Remotes {
					if r.Fault == coordinator.Cancelled {
						cancelled = append(cancelled, r.Perspective.Name)
						g.Expect(r.Corroborates()).To(gomega.BeFalse())
						g.Expect(log.String()).To(gomega.MatchRegexp(
							`"perspective":"%s".*"domain_validation":"fail","domain_validation_reason":"cancelled","caa":"prohibition","caa_reason":"cancelled"`, r.Perspective.Name))
					}
				}
				g.Expect(cancelled).To(gomega.Equal(c.cancelled))
				g.Expect(log.String()).To(gomega.ContainSubstring(c.record))
			})
		})
	}
}

// TestAStragglerThatDoesNotListen: whoever answers after the decision does not
// change it any more, and is kept as evidence.
func TestAStragglerThatDoesNotListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gomega.NewWithT(t)
		w := newWorld().let("e", after(time.Minute, hijackBlocked))
		w.config.CancelStragglers = true
		co, err := w.build()
		g.Expect(err).NotTo(gomega.HaveOccurred())
		report, err := co.Corroborate(t.Context(), check())
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(report.Decision).To(issued("4/5"))
		late := report.Attempts[0].Remotes[4]
		g.Expect(late.Fault).To(gomega.Equal(coordinator.Cancelled))
		g.Expect(late.Result.DCV.Reason).To(gomega.Equal("mismatch"))
	})
}

// TestCancellingIsNotTheCallersContext: the end of the caller's context is still an
// error and no decision, and a panic still one.
func TestCancellingIsNotTheCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gomega.NewWithT(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w := newWorld().let("a b", silentUntil)
		w.config.CancelStragglers = true
		co, err := w.build()
		g.Expect(err).NotTo(gomega.HaveOccurred())
		_, err = co.Corroborate(ctx, check())
		g.Expect(err).To(gomega.MatchError(context.DeadlineExceeded))

		w.let("a b", ok).let("e", func(context.Context, int, *perspectives.Result) { panic("broken") })
		g.Expect(func() { _, _ = co.Corroborate(t.Context(), check()) }).To(gomega.PanicWith(gomega.HaveField("Perspective", "e")))
	})
}

// TestCancellingNeedsAllToBeAsked: with fewer workers some would never be asked.
func TestCancellingNeedsAllToBeAsked(t *testing.T) {
	g := gomega.NewWithT(t)
	for workers, want := range map[int]bool{0: true, 4: false, 5: true, 6: true} {
		w := newWorld()
		w.config.CancelStragglers, w.config.Workers = true, workers
		_, err := w.build()
		if want {
			g.Expect(err).NotTo(gomega.HaveOccurred())
		} else {
			g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("workers 4: want 5, the number of remotes, or 0 to cancel stragglers")))
		}
	}
}

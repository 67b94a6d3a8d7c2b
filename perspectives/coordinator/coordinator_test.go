package coordinator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

func issued(quorum string) types.GomegaMatcher {
	return And(HaveField("Issue", true), HaveField("Reason", policy.QuorumMet), HaveField("Quorum", quorum))
}

func refused(reason, quorum string) types.GomegaMatcher {
	return And(HaveField("Issue", false), HaveField("Reason", reason), HaveField("Quorum", quorum))
}

var _ = Describe("one request", func() {
	corroborate := func(ctx context.Context, w *world) coordinator.Report {
		GinkgoHelper()
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		report, err := co.Corroborate(ctx, check())
		Expect(err).NotTo(HaveOccurred())
		return report
	}

	DescribeTable("votes under the rule of 2026-12-15",
		func(ctx SpecContext, change func(*world), want types.GomegaMatcher) {
			w := newWorld()
			change(w)
			report := corroborate(ctx, w)
			Expect(report.Decision).To(want)
			Expect(report.Decision.Clause).To(Equal("BR 3.2.2.9 (effective 2026-12-15)"))
			Expect(report.Attempts).To(HaveLen(1))
		},
		Entry("primary ok, 5 of 5 remotes ok -> issued 5/5", func(*world) {}, issued("5/5")),
		Entry("primary ok, 1 of 5 remotes hijacked -> issued 4/5",
			func(w *world) { w.let("c", hijackBlocked) }, issued("4/5")),
		Entry("primary ok, 2 of 5 remotes hijacked -> refused 3/5",
			func(w *world) { w.let("b c", hijackBlocked) }, refused(policy.TooFewCorroborations, "3/5")),
		Entry("primary ok, both RIPE remotes hijacked -> refused 3/5, the number is looked at first",
			func(w *world) { w.let("b d", hijackBlocked) }, refused(policy.TooFewCorroborations, "3/5")),
		Entry("primary ok, 1 remote fails DCV and another CAA -> issued 4/5, each question has its quorum",
			func(w *world) { w.let("a", hijackBlocked).let("b", servfail) }, issued("4/5")),
		Entry("primary ok, 2 remotes fail CAA -> refused 3/5",
			func(w *world) { w.let("a b", servfail) }, refused(policy.TooFewCorroborations, "3/5")),
		Entry("primary hijacked -> refused, no remote asked",
			func(w *world) { w.let("primary", hijackBlocked) }, refused(policy.PrimaryDCVFailed, "0/0")),
		Entry("primary gets SERVFAIL for CAA -> refused, no remote asked",
			func(w *world) { w.let("primary", servfail) }, refused(policy.PrimaryCAAError, "0/0")),
		Entry("1 remote answers under another name -> issued 4/5",
			func(w *world) { w.let("a", impostor) }, issued("4/5")),
		Entry("2 remotes answer from another RIR region -> refused 3/5",
			func(w *world) { w.let("a b", displaced) }, refused(policy.TooFewCorroborations, "3/5")),
		Entry("the primary answers under another name -> refused",
			func(w *world) { w.let("primary", impostor) }, refused(policy.PrimaryDCVError, "0/0")),
	)

	It("does not ask the remotes if the primary fails, and says so", func(ctx SpecContext) {
		w := newWorld().let("primary", hijackBlocked)
		report := corroborate(ctx, w)
		Expect(report.Attempts[0].Primary.Attempted).To(BeTrue())
		Expect(report.Attempts[0].Remotes).To(HaveLen(5))
		for i, r := range report.Attempts[0].Remotes {
			Expect(r.Perspective.Name).To(Equal(w.remotes[i].Name))
			Expect(r.Attempted).To(BeFalse())
			Expect(w.remotes[i].runs.Load()).To(BeZero())
		}
	})

	It("keeps what everybody saw, in the order of the configuration", func(ctx SpecContext) {
		attempt := corroborate(ctx, newWorld().let("a", impostor).let("b", hijackBlocked)).Attempts[0]
		Expect(attempt.Primary.Result.DCV.Reason).To(Equal("matched"))
		Expect(attempt.Remotes[0].Fault).To(Equal(coordinator.Misconfigured))
		Expect(attempt.Remotes[0].Result.Perspective).To(Equal("somebody-else"))
		Expect(attempt.Remotes[1].Fault).To(BeEmpty())
		Expect(attempt.Remotes[1].Result.DCV.Reason).To(Equal("mismatch"))
		var corroborating []string
		for _, r := range attempt.Remotes {
			if r.Corroborates() {
				corroborating = append(corroborating, r.Perspective.Name)
			}
		}
		Expect(corroborating).To(Equal([]string{"c", "d", "e"}))
	})

	It("asks everybody about the normalized name", func(ctx SpecContext) {
		w := newWorld()
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		c := check()
		c.Domain, c.IssuerDomains = "MÜNCHEN.example.", []string{"CA.Example."}
		report, err := co.Corroborate(ctx, c)
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Check.Domain).To(Equal("xn--mnchen-3ya.example"))
		for _, f := range append(w.remotes, w.primary) {
			Expect(*f.last.Load()).To(Equal(report.Check))
		}
		Expect(c.IssuerDomains).To(Equal([]string{"CA.Example."}), "the caller's check is not changed")
	})

	It("asks nobody about a name that is none", func(ctx SpecContext) {
		w := newWorld()
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		c := check()
		c.Domain = "example..com"
		_, err = co.Corroborate(ctx, c)
		Expect(err).To(MatchError(coordinator.ErrBadCheck))
		Expect(w.primary.runs.Load()).To(BeZero())
	})

	It("stops with the caller's context and decides nothing", func(ctx SpecContext) {
		w := newWorld()
		cancelled, cancel := context.WithCancel(ctx)
		w.let("c", func(ctx context.Context, run int, r *perspectives.Result) { cancel(); ok(ctx, run, r) })
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		report, err := co.Corroborate(cancelled, check())
		Expect(err).To(MatchError(context.Canceled))
		Expect(report.Decision.Issue).To(BeFalse())
		Expect(report.Attempts).To(BeEmpty())
	})

	It("does not hide a panic", func(ctx SpecContext) {
		w := newWorld().let("b d", func(context.Context, int, *perspectives.Result) { panic("broken") })
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		Expect(func() { _, _ = co.Corroborate(ctx, check()) }).To(PanicWith(
			And(HaveField("Perspective", "b"), HaveField("Value", "broken"), HaveField("Stack", ContainSubstring("world_test.go")))))
		for _, r := range w.remotes {
			Expect(r.runs.Load()).To(Equal(int32(1)), "the others are still waited for")
		}
	})
})

var _ = Describe("retries", func() {
	run := func(ctx context.Context, w *world, attempts int) coordinator.Report {
		GinkgoHelper()
		w.config.MaxAttempts = attempts
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		report, err := co.Corroborate(ctx, check())
		Expect(err).NotTo(HaveOccurred())
		return report
	}
	It("keeps a refusal if there is only one attempt", func(ctx SpecContext) {
		Expect(run(ctx, newWorld().let("a b", afterOneFailure), 1).Decision).
			To(refused(policy.TooFewCorroborations, "3/5"))
	})
	It("issues after a second attempt that meets the quorum by itself", func(ctx SpecContext) {
		w := newWorld().let("a b", afterOneFailure)
		report := run(ctx, w, 3)
		Expect(report.Decision).To(issued("5/5"))
		Expect(report.Attempts).To(HaveLen(2))
		Expect(report.Attempts[0].Decision).To(refused(policy.TooFewCorroborations, "3/5"))
		Expect(w.remotes[4].runs.Load()).To(Equal(int32(2)), "who had passed is asked again")
	})
	It("never adds corroborations of two attempts up", func(ctx SpecContext) {
		inRuns := func(good int) func(context.Context, int, *perspectives.Result) {
			return func(ctx context.Context, run int, r *perspectives.Result) {
				if run == good {
					ok(ctx, run, r)
				} else {
					hijackBlocked(ctx, run, r)
				}
			}
		}
		w := newWorld().let("a b", inRuns(1)).let("c d", inRuns(2))
		report := run(ctx, w, 2)
		Expect(report.Decision).To(refused(policy.TooFewCorroborations, "3/5"))
		Expect(report.Attempts).To(HaveLen(2))
	})
	It("asks the primary again too", func(ctx SpecContext) {
		report := run(ctx, newWorld().let("primary", afterOneFailure), 2)
		Expect(report.Decision).To(issued("5/5"))
		Expect(report.Attempts[0].Decision).To(refused(policy.PrimaryDCVFailed, "0/0"))
	})
	It("does not try again what the set itself rules out", func(ctx SpecContext) {
		w := newWorld()
		w.remotes = w.remotes[:4]
		w.config.ReportOnly = true
		report := run(ctx, w, 3)
		Expect(report.Decision).To(refused(policy.TooFewRemotes, "4/4"))
		Expect(report.Attempts).To(HaveLen(1))
	})
})

var _ = Describe("a configuration", func() {
	DescribeTable("is refused if",
		func(change func(*world), says ...string) {
			w := newWorld()
			change(w)
			_, err := w.build()
			for _, s := range says {
				Expect(err).To(MatchError(ContainSubstring(s)))
			}
		},
		Entry("two perspectives share a name", func(w *world) { w.remotes[1].Name = "a" }, `two perspectives are named "a"`),
		Entry("a remote is named like the primary", func(w *world) { w.remotes[1].Name = "primary" }, `named "primary"`),
		Entry("a perspective has no name", func(w *world) { w.remotes[1].Name = "" }, "without a name"),
		Entry("there is one remote too few", func(w *world) { w.remotes = w.remotes[1:] },
			"too-few-remotes", "4 distinct remotes of 4, at least 5 needed", "BR 3.2.2.9 (effective 2026-12-15)"),
		Entry("it has several faults, all of them listed", func(w *world) {
			w.remotes[1].Location = w.remotes[0].Location
			w.remotes[2].Resolver = &perspectives.ResolverSite{Location: w.remotes[2].Location, RIR: place.LACNIC}
		}, "not-distinct: a and b are 0 km apart", "resolver-region: c", "too-few-remotes"),
		Entry("there is no clock", func(w *world) { w.config.Clock = nil }, "no clock"),
		Entry("the rule is none", func(w *world) { w.config.Quorum = policy.Quorum{} }, "quorum rule"),
		Entry("the timeout is negative", func(w *world) { w.config.Timeout = -1 }, "timeout"),
		Entry("the workers are negative", func(w *world) { w.config.Workers = -1 }, "workers"),
		Entry("the attempts are negative", func(w *world) { w.config.MaxAttempts = -1 }, "attempts"),
	)
	It("is refused without a primary or with a remote that is nil", func() {
		c := newWorld().config
		_, err := coordinator.New(c)
		Expect(err).To(MatchError(ContainSubstring("no primary")))
		c.Primary, c.Remotes = newWorld().primary, []coordinator.Runner{nil}
		_, err = coordinator.New(c)
		Expect(err).To(MatchError(ContainSubstring("remote 0 is nil")))
	})
	It("may be history: violations are reported and the rule still decides", func(ctx SpecContext) {
		w := newWorld()
		w.remotes[1].Location = w.remotes[0].Location
		w.config.Quorum = policy.QuorumAt(epoch().AddDate(0, 0, -1)) // four needed
		w.config.ReportOnly = true
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		Expect(co.Violations()).To(ConsistOf(HaveField("Reason", policy.NotDistinct)))
		report, err := co.Corroborate(ctx, check())
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Violations).To(Equal(co.Violations()))
		Expect(report.Decision).To(issued("4/4"))
	})
})

var _ = Describe("the log of BR 5.4.1(2)", func() {
	records := func(ctx context.Context, w *world) []map[string]any {
		GinkgoHelper()
		var buffer bytes.Buffer
		w.config.Log = slog.New(slog.NewJSONHandler(&buffer, nil))
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		_, err = co.Corroborate(ctx, check())
		Expect(err).NotTo(HaveOccurred())
		var out []map[string]any
		for line := range strings.Lines(buffer.String()) {
			var m map[string]any
			Expect(json.Unmarshal([]byte(line), &m)).To(Succeed())
			out = append(out, m)
		}
		return out
	}
	It("has a record from each perspective and one of the quorum", func(ctx SpecContext) {
		got := records(ctx, newWorld().let("b", hijackBlocked).let("d", impostor))
		Expect(got).To(HaveLen(7))
		for i, name := range []string{"primary", "a", "b", "c", "d", "e"} {
			Expect(got[i]).To(And(
				HaveKeyWithValue("msg", "perspective result"),
				HaveKeyWithValue("time", "2026-12-15T12:00:00Z"),
				HaveKeyWithValue("perspective", name),
				HaveKeyWithValue("domain", "example.com"),
				HaveKeyWithValue("primary", i == 0)))
		}
		Expect(got[1]).To(And(HaveKeyWithValue("domain_validation", "pass"), HaveKeyWithValue("caa", "permission")))
		Expect(got[2]).To(And(HaveKeyWithValue("domain_validation", "fail"), HaveKeyWithValue("domain_validation_reason", "mismatch")))
		Expect(got[4]).To(And(HaveKeyWithValue("caa", "prohibition"), HaveKeyWithValue("caa_reason", coordinator.Misconfigured)))
		Expect(got[6]).To(And(
			HaveKeyWithValue("msg", "quorum result"),
			HaveKeyWithValue("quorum", "3/5"),
			HaveKeyWithValue("issue", false),
			HaveKeyWithValue("reason", policy.TooFewCorroborations),
			HaveKeyWithValue("clause", "BR 3.2.2.9 (effective 2026-12-15)")))
	})
	It("has no record from a remote that was not asked", func(ctx SpecContext) {
		got := records(ctx, newWorld().let("primary", servfail))
		Expect(got).To(HaveLen(2))
		Expect(got[0]).To(HaveKeyWithValue("caa_reason", "servfail"))
		Expect(got[1]).To(HaveKeyWithValue("quorum", "0/0"))
	})
	It("has records of every attempt", func(ctx SpecContext) {
		w := newWorld().let("a b", afterOneFailure)
		w.config.MaxAttempts = 2
		got := records(ctx, w)
		Expect(got).To(HaveLen(14))
		Expect(got[6]).To(And(HaveKeyWithValue("attempt", 1.0), HaveKeyWithValue("quorum", "3/5")))
		Expect(got[13]).To(And(HaveKeyWithValue("attempt", 2.0), HaveKeyWithValue("quorum", "5/5")))
	})
})

package coordinator_test

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
)

// What a perspective says that answers one question only.
func dcvOnly(v perspectives.Verdict) func(context.Context, int, *perspectives.Result) {
	return func(_ context.Context, _ int, r *perspectives.Result) { r.DCV = outcome(v, "seen") }
}

func caaOnly(v perspectives.Verdict) func(context.Context, int, *perspectives.Result) {
	return func(_ context.Context, _ int, r *perspectives.Result) { r.CAA = outcome(v, "seen") }
}

var _ = Describe("a request that asks one question", func() {
	DescribeTable("is decided by that question alone",
		func(ctx SpecContext, questions perspectives.Questions, change func(*world), want types.GomegaMatcher) {
			w := newWorld()
			change(w)
			co, err := w.build()
			Expect(err).NotTo(HaveOccurred())
			c := check()
			c.Questions = questions
			report, err := co.Corroborate(ctx, c)
			Expect(err).NotTo(HaveOccurred())
			Expect(report.Decision).To(want, report.Decision.Detail)
		},
		Entry("domain control, all pass", perspectives.OnlyDCV,
			func(w *world) { w.let("primary a b c d e", dcvOnly(perspectives.Pass)) }, issued("5/5")),
		Entry("CAA, all pass", perspectives.OnlyCAA,
			func(w *world) { w.let("primary a b c d e", caaOnly(perspectives.Pass)) }, issued("5/5")),
		Entry("domain control, two fail", perspectives.OnlyDCV,
			func(w *world) {
				w.let("primary a b c d e", dcvOnly(perspectives.Pass)).let("a b", dcvOnly(perspectives.Fail))
			}, refused(policy.TooFewCorroborations, "3/5")),
		Entry("CAA, two fail", perspectives.OnlyCAA,
			func(w *world) {
				w.let("primary a b c d e", caaOnly(perspectives.Pass)).let("a b", caaOnly(perspectives.Error))
			}, refused(policy.TooFewCorroborations, "3/5")),
		Entry("domain control, the primary fails", perspectives.OnlyDCV,
			func(w *world) { w.let("primary", dcvOnly(perspectives.Fail)) }, refused(policy.PrimaryDCVFailed, "0/0")),
		Entry("CAA, the primary fails", perspectives.OnlyCAA,
			func(w *world) { w.let("primary", caaOnly(perspectives.Fail)) }, refused(policy.PrimaryCAAForbids, "0/0")),
		Entry("domain control, and the answers are about CAA", perspectives.OnlyDCV,
			func(w *world) { w.let("primary", caaOnly(perspectives.Pass)) }, refused(policy.PrimaryDCVError, "0/0")),
		Entry("both, and everybody answers one", perspectives.Both,
			func(w *world) { w.let("primary a b c d e", dcvOnly(perspectives.Pass)) }, refused(policy.PrimaryCAAError, "0/0")),
	)

	It("does not count a reply to another question than was asked", func(ctx SpecContext) {
		w := newWorld()
		w.let("a b", func(ctx context.Context, run int, r *perspectives.Result) {
			dcvOnly(perspectives.Pass)(ctx, run, r)
			r.Questions = perspectives.OnlyDCV // which alone would corroborate
		})
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		report, err := co.Corroborate(ctx, check())
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Decision).To(refused(policy.TooFewCorroborations, "3/5"))
		Expect(report.Attempts[0].Remotes[0].Fault).To(Equal("misconfigured"))
	})

	It("logs the result of that question only", func(ctx SpecContext) {
		w := newWorld()
		var buf bytes.Buffer
		w.config.Log = slog.New(slog.NewJSONHandler(&buf, nil))
		w.let("primary a b c d e", caaOnly(perspectives.Pass))
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		c := check()
		c.Questions, c.Method = perspectives.OnlyCAA, ""
		_, err = co.Corroborate(ctx, c)
		Expect(err).NotTo(HaveOccurred())
		Expect(buf.String()).To(ContainSubstring(`"caa":"permission"`))
		Expect(buf.String()).NotTo(ContainSubstring("domain_validation"))
	})
})

var _ = Describe("a request that the rules of the day forbid", func() {
	DescribeTable("is refused before anybody is asked",
		func(ctx SpecContext, change func(*perspectives.Check), date string, reason, clause string) {
			w := newWorld()
			var buf bytes.Buffer
			w.config.Log = slog.New(slog.NewJSONHandler(&buf, nil))
			w.config.RuleDate = func() time.Time {
				on, err := policy.ParseDate(date)
				Expect(err).NotTo(HaveOccurred())
				return on
			}
			co, err := w.build()
			Expect(err).NotTo(HaveOccurred())
			c := check()
			change(&c)
			report, err := co.Corroborate(ctx, c)
			Expect(err).NotTo(HaveOccurred())
			if reason == "" {
				Expect(report.Decision).To(issued("5/5"))
				return
			}
			Expect(report.Decision).To(And(HaveField("Issue", false), HaveField("Reason", reason), HaveField("Clause", clause)))
			Expect(report.Attempts).To(BeEmpty())
			Expect(w.primary.runs.Load()).To(BeZero())
			Expect(buf.String()).To(ContainSubstring(`"reason":"` + reason + `"`))
		},
		Entry("ip-address on its last day", ipAddress, "2026-03-14", "", ""),
		Entry("ip-address on the first day after", ipAddress, "2026-03-15", policy.MethodBanned, "BR 3.2.2.4.8 (banned from 2026-03-15)"),
		Entry("reverse lookup on its last day", reverseLookup, "2027-03-14", "", ""),
		Entry("reverse lookup on the first day after", reverseLookup, "2027-03-15", policy.MethodBanned, "BR 3.2.2.5.3 (banned from 2027-03-15)"),
		Entry("a name in a reverse zone, in time", reverseZone, "2026-03-14", "", ""),
		Entry("a name in a reverse zone, too late", reverseZone, "2026-03-15", policy.ReverseZoneName, "BR 4.2.2 (effective 2026-03-15)"),
		Entry("http-01, for ever", func(*perspectives.Check) {}, "2040-01-01", "", ""),
	)

	It("knows no such rules without a date", func(ctx SpecContext) {
		w := newWorld()
		co, err := w.build()
		Expect(err).NotTo(HaveOccurred())
		c := check()
		ipAddress(&c)
		report, err := co.Corroborate(ctx, c)
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Decision).To(issued("5/5"))
	})
})

func ipAddress(c *perspectives.Check) {
	c.Method, c.DCV.ChallengeValue = perspectives.IPAddress, "192.0.2.1"
}

func reverseLookup(c *perspectives.Check) {
	c.Domain, c.Method, c.DCV.ChallengeValue = "192.0.2.1", perspectives.ReverseAddressLookup, "www.example.com"
}

func reverseZone(c *perspectives.Check) { c.Domain = "1.2.0.192.in-addr.arpa" }

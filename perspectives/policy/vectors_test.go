package policy_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

// issued matches a decision to issue with this reason and quorum; refused one to
// refuse.
func issued(reason, quorum string) types.GomegaMatcher  { return decided(true, reason, quorum) }
func refused(reason, quorum string) types.GomegaMatcher { return decided(false, reason, quorum) }

func decided(issue bool, reason, quorum string) types.GomegaMatcher {
	return And(
		HaveField("Issue", issue), HaveField("Reason", reason), HaveField("Quorum", quorum),
		HaveField("Clause", ContainSubstring("BR 3.2.2.9")), HaveField("Detail", Not(BeEmpty())),
		HaveField("Monitoring", reason == policy.Monitoring),
	)
}

var _ = Describe("the decision about one attempt", func() {
	decide := func(date string, answers []policy.Answer, want types.GomegaMatcher) {
		GinkgoHelper()
		d, err := policy.Decide(on(date), policy.SameSet(primary(), answers...))
		Expect(err).NotTo(HaveOccurred())
		Expect(d).To(want)
	}

	DescribeTable("by the date, with a passing primary", decide,
		Entry("before the rule, 2025-03-14: no remote, issued",
			"2025-03-14", remotes(0), issued(policy.NotRequired, "0/0")),
		Entry("before the rule, 2025-03-14: both remotes fail, issued",
			"2025-03-14", remotes(2, arin, ripe), issued(policy.NotRequired, "0/2")),

		Entry("monitoring phase: both of 2 remotes fail, issued and recorded",
			"2025-04-01", remotes(2, arin, ripe), issued(policy.Monitoring, "0/2")),
		Entry("monitoring phase: 1 of 2 remotes fails, the quorum is met",
			"2025-04-01", remotes(1, arin, ripe), issued(policy.QuorumMet, "1/2")),
		Entry("monitoring phase: only 1 remote, refused although it agrees",
			"2025-04-01", remotes(0, arin), refused(policy.TooFewRemotes, "1/1")),

		Entry("two remotes, blocking: both agree, issued",
			"2025-10-01", remotes(0, arin, arin), issued(policy.QuorumMet, "2/2")),
		Entry("two remotes, blocking: 1 of 2 in one region fails, issued, no RIR rule yet",
			"2025-10-01", remotes(1, arin, arin), issued(policy.QuorumMet, "1/2")),
		Entry("two remotes, blocking: both fail, refused",
			"2025-10-01", remotes(2, arin, arin), refused(policy.TooFewCorroborations, "0/2")),

		Entry("three remotes needed: 2 that agree are refused",
			"2026-04-01", remotes(0, arin, ripe), refused(policy.TooFewRemotes, "2/2")),
		Entry("three remotes needed: all 3 agree from 2 regions, issued",
			"2026-04-01", remotes(0, arin, arin, ripe), issued(policy.QuorumMet, "3/3")),
		Entry("three remotes needed: all 3 agree from 1 region, refused",
			"2026-04-01", remotes(0, ripe, ripe, ripe), refused(policy.TooFewRIRs, "3/3")),
		Entry("three remotes needed: 1 of 3 fails, the others are in 2 regions, issued",
			"2026-04-01", remotes(1, arin, ripe, apnic), issued(policy.QuorumMet, "2/3")),
		Entry("three remotes needed: the only one outside ARIN fails, refused",
			"2026-04-01", remotes(1, arin, arin, ripe), refused(policy.TooFewRIRs, "2/3")),

		Entry("four remotes needed: 3 that agree are refused",
			"2026-07-01", remotes(0, arin, ripe, apnic), refused(policy.TooFewRemotes, "3/3")),
		Entry("four remotes needed: all 4 agree, issued 4/4",
			"2026-07-01", remotes(0, arin, ripe, apnic, arin), issued(policy.QuorumMet, "4/4")),
		Entry("four remotes needed: 1 of 4 fails, issued 3/4",
			"2026-07-01", remotes(1, arin, ripe, apnic, arin), issued(policy.QuorumMet, "3/4")),
		Entry("four remotes needed: 2 of 4 fail, refused 2/4",
			"2026-07-01", remotes(2, arin, ripe, apnic, arin), refused(policy.TooFewCorroborations, "2/4")),

		Entry("five remotes needed, the day before: 4 that agree are issued",
			"2026-12-14", remotes(0, arin, ripe, apnic, arin), issued(policy.QuorumMet, "4/4")),
		Entry("five remotes needed, from this day: 4 that agree are refused",
			"2026-12-15", remotes(0, arin, ripe, apnic, arin), refused(policy.TooFewRemotes, "4/4")),
		Entry("five remotes needed: 1 of 5 fails, issued 4/5",
			"2026-12-15", remotes(1, arin, ripe, arin, ripe, arin), issued(policy.QuorumMet, "4/5")),
		Entry("five remotes needed: 2 of 5 fail, refused 3/5",
			"2026-12-15", remotes(2, arin, ripe, arin, ripe, arin), refused(policy.TooFewCorroborations, "3/5")),
		Entry("six remotes used: 1 of 6 fails, issued 5/6",
			"2026-12-15", remotes(1, arin, ripe, arin, ripe, arin, ripe), issued(policy.QuorumMet, "5/6")),
		Entry("six remotes used: 2 of 6 fail, issued 4/6",
			"2026-12-15", remotes(2, arin, ripe, arin, ripe, arin, ripe), issued(policy.QuorumMet, "4/6")),
		Entry("six remotes used: 3 of 6 fail, refused 3/6",
			"2026-12-15", remotes(3, arin, ripe, arin, ripe, arin, ripe), refused(policy.TooFewCorroborations, "3/6")),
	)

	DescribeTable("by the primary, with five remotes that agree",
		func(dcv, caa perspectives.Verdict, want types.GomegaMatcher) {
			for _, date := range []string{"2025-03-14", "2025-04-01", "2025-10-01", "2026-12-15"} {
				p := primary()
				p.DCV, p.CAA = dcv, caa
				d, err := policy.Decide(on(date), policy.SameSet(p, remotes(0, arin, ripe, arin, ripe, arin)...))
				Expect(err).NotTo(HaveOccurred())
				Expect(d).To(want, date)
			}
		},
		Entry("it does not see the challenge: refused", fail, pass, refused(policy.PrimaryDCVFailed, "5/5")),
		Entry("it gets no answer to the challenge: refused", errd, pass, refused(policy.PrimaryDCVError, "5/5")),
		Entry("it was never asked: refused", none, pass, refused(policy.PrimaryDCVError, "5/5")),
		Entry("its CAA records forbid: refused", pass, fail, refused(policy.PrimaryCAAForbids, "5/5")),
		Entry("its CAA lookup ends in SERVFAIL: refused, never permission", pass, errd, refused(policy.PrimaryCAAError, "5/5")),
		Entry("it was never asked about CAA: refused", pass, none, refused(policy.PrimaryCAAError, "5/5")),
	)

	DescribeTable("by the kind of silence: only a pass corroborates",
		func(v perspectives.Verdict) {
			answers := remotes(0, arin, ripe, arin, ripe, arin)
			answers[0].DCV, answers[1].DCV = v, v
			decide("2026-12-15", answers, refused(policy.TooFewCorroborations, "3/5"))
			answers[0].DCV = pass
			decide("2026-12-15", answers, issued(policy.QuorumMet, "4/5"))
		},
		Entry("no answer", none), Entry("a fail", fail), Entry("an error", errd), Entry("a verdict that does not exist", errd+1),
	)

	Describe("different sets for the two questions", func() {
		attempt := func(dcvFails, caaFails int) policy.Attempt {
			caa := policy.SameSet(primary(), remotes(caaFails, arin, ripe, arin, ripe, arin, ripe)...)
			dcv := policy.SameSet(primary(), remotes(dcvFails, arin, ripe, arin, ripe, arin, ripe)...)
			for i := range dcv.DCV { // g to l, elsewhere
				dcv.DCV[i].Perspective.Name = string(rune('g' + i))
				dcv.DCV[i].Perspective.Location.Lat = 30
			}
			return policy.Attempt{Primary: primary(), DCV: dcv.DCV, CAA: caa.CAA}
		}
		DescribeTable("both must meet the quorum",
			func(dcvFails, caaFails int, want types.GomegaMatcher) {
				Expect(policy.Decide(on("2026-12-15"), attempt(dcvFails, caaFails))).To(want)
			},
			Entry("CAA by a-f 4/6, DCV by g-l 4/6: issued", 2, 2, issued(policy.QuorumMet, "4/6")),
			Entry("CAA by a-f 3/6, DCV by g-l 6/6: refused", 0, 3, refused(policy.TooFewCorroborations, "3/6")),
			Entry("CAA by a-f 6/6, DCV by g-l 3/6: refused", 3, 0, refused(policy.TooFewCorroborations, "3/6")),
		)
		It("lets different remotes of one set corroborate the two questions", func() {
			answers := remotes(0, arin, ripe, arin, ripe, arin)
			answers[0].DCV, answers[1].CAA = fail, fail
			decide("2026-12-15", answers, issued(policy.QuorumMet, "4/5"))
			answers[2].CAA = fail
			decide("2026-12-15", answers, refused(policy.TooFewCorroborations, "3/5"))
		})
	})
})

var _ = Describe("the place of perspectives", func() {
	regions := []place.RIR{arin, ripe, arin, ripe, arin, ripe}

	// six remotes of which f stands km east of e.
	pair := func(km float64, fails ...string) []policy.Answer {
		answers := remotes(0, regions...)
		answers[5] = remoteAt("f", 10000+km, arin, pass) // e is at 10000, in ARIN
		for _, name := range fails {
			i := name[0] - 'a'
			answers[i].DCV = fail
		}
		return answers
	}
	DescribeTable("two of six remotes near to each other",
		func(km float64, fails []string, want types.GomegaMatcher, violations types.GomegaMatcher) {
			answers := pair(km, fails...)
			Expect(policy.Decide(on("2026-12-15"), policy.SameSet(primary(), answers...))).To(want)
			Expect(policy.CheckSet(on("2026-12-15"), setOf(primary(), answers...))).To(violations)
		},
		Entry("480 km apart, all agree: count as five, and the set is refused", 480.0, nil,
			issued(policy.QuorumMet, "5/5"),
			ConsistOf(And(HaveField("Reason", policy.NotDistinct), HaveField("A", "e"), HaveField("B", "f"),
				HaveField("DistanceKm", BeNumerically("~", 480, 0.2))))),
		Entry("480 km apart, one of the two fails: the pair does not corroborate", 480.0, []string{"e"},
			issued(policy.QuorumMet, "4/5"), HaveLen(1)),
		Entry("480 km apart, both fail: one remote fails", 480.0, []string{"e", "f"},
			issued(policy.QuorumMet, "4/5"), HaveLen(1)),
		Entry("480 km apart, two more fail: refused, five allow one", 480.0, []string{"a", "b"},
			refused(policy.TooFewCorroborations, "3/5"), HaveLen(1)),
		Entry("a 500 km arc is a chord below 500 km: not distinct", 500.0, []string{"a", "b"},
			refused(policy.TooFewCorroborations, "3/5"), HaveLen(1)),
		Entry("501 km apart, two fail: issued, six allow two", 501.0, []string{"a", "b"},
			issued(policy.QuorumMet, "4/6"), BeEmpty()),
	)

	It("refuses five remotes of which two are near to each other: four are left", func() {
		answers := pair(480)[1:]
		Expect(policy.Decide(on("2026-12-15"), policy.SameSet(primary(), answers...))).To(refused(policy.NotDistinct, "4/4"))
		Expect(policy.Decide(on("2026-12-14"), policy.SameSet(primary(), answers...))).To(issued(policy.QuorumMet, "4/4"))
		Expect(policy.CheckSet(on("2026-12-15"), setOf(primary(), answers...))).To(ConsistOf(
			HaveField("Reason", policy.NotDistinct), HaveField("Reason", policy.TooFewRemotes)))
	})

	It("counts a chain of near remotes as one", func() {
		answers := append(remotes(0, regions[:4]...),
			remoteAt("x", 20000-1200, arin, pass), remoteAt("y", 20000-800, arin, pass), remoteAt("z", 20000-400, arin, pass))
		Expect(policy.Decide(on("2026-12-15"), policy.SameSet(primary(), answers...))).To(issued(policy.QuorumMet, "5/5"))
	})

	DescribeTable("a remote near to the primary",
		func(km float64, others int, want types.GomegaMatcher, reasons []string) {
			answers := append(remotes(0, regions[:others]...), remoteAt("near", -km, apnic, pass))
			Expect(policy.Decide(on("2026-12-15"), policy.SameSet(primary(), answers...))).To(want)
			var found []string
			for _, v := range policy.CheckSet(on("2026-12-15"), setOf(primary(), answers...)) {
				found = append(found, v.Reason)
			}
			Expect(found).To(Equal(reasons))
		},
		Entry("at 300 km beside five others: dropped from the count", 300.0, 5,
			issued(policy.QuorumMet, "5/5"), []string{policy.NearPrimary}),
		Entry("at 300 km beside four others: too few are left", 300.0, 4,
			refused(policy.NotDistinct, "4/4"), []string{policy.NearPrimary, policy.TooFewRemotes}),
		Entry("at 501 km beside four others: it is a remote", 501.0, 4,
			issued(policy.QuorumMet, "5/5"), nil),
	)

	It("does not count the RIR region of a remote near to the primary", func() {
		answers := append(remotes(0, ripe, ripe, ripe, ripe, ripe), remoteAt("near", -300, apnic, pass))
		Expect(policy.Decide(on("2026-12-15"), policy.SameSet(primary(), answers...))).To(refused(policy.TooFewRIRs, "5/5"))
	})

	It("does not count the primary's RIR region", func() {
		answers := remotes(0, ripe, ripe, ripe, ripe, ripe)
		Expect(policy.Decide(on("2026-12-15"), policy.SameSet(primary(), answers...))).To(refused(policy.TooFewRIRs, "5/5"))
	})

	It("does not count an unknown RIR region", func() {
		answers := remotes(0, ripe, ripe, ripe, ripe, place.Unknown)
		Expect(policy.Decide(on("2026-12-15"), policy.SameSet(primary(), answers...))).To(refused(policy.TooFewRIRs, "5/5"))
		Expect(policy.CheckSet(on("2026-12-15"), setOf(primary(), answers...))).To(ConsistOf(
			HaveField("Reason", policy.BadPlace), HaveField("Reason", policy.TooFewRIRs)))
	})
})

var _ = Describe("the place of resolvers", func() {
	// resolvers moves the resolvers of a (at 2000 km) and b (at 4000 km).
	resolvers := func(a, b float64, region place.RIR) []policy.Answer {
		answers := remotes(0, arin, ripe, arin, ripe, arin)
		answers[0].Perspective.Resolver = &perspectives.ResolverSite{Location: place.Location{Lon: a / kmPerDegree}, RIR: region}
		answers[1].Perspective.Resolver = &perspectives.ResolverSite{Location: place.Location{Lon: b / kmPerDegree}, RIR: ripe}
		return answers
	}
	DescribeTable("of a perspective that has one elsewhere",
		func(a, b float64, region place.RIR, want types.GomegaMatcher, violations types.GomegaMatcher) {
			answers := resolvers(a, b, region)
			Expect(policy.Decide(on("2026-12-15"), policy.SameSet(primary(), answers...))).To(want)
			Expect(policy.Decide(on("2025-04-01"), policy.SameSet(primary(), answers...))).To(want)
			Expect(policy.CheckSet(on("2026-12-15"), setOf(primary(), answers...))).To(violations)
		},
		Entry("200 km apart: refused, in the monitoring phase too", 3000.0, 3200.0, arin,
			refused(policy.ResolverRule, "5/5"),
			ConsistOf(And(HaveField("Reason", policy.ResolverDistance), HaveField("A", "a"), HaveField("B", "b"),
				HaveField("DistanceKm", BeNumerically("~", 200, 0.1))))),
		Entry("501 km apart: issued", 3000.0, 3501.0, arin, issued(policy.QuorumMet, "5/5"), BeEmpty()),
		Entry("200 km from the primary's: refused", -200.0, 3000.0, arin, refused(policy.ResolverRule, "5/5"),
			ConsistOf(And(HaveField("Reason", policy.ResolverDistance), HaveField("A", "primary"), HaveField("B", "a")))),
		Entry("200 km from a remote with a co-located resolver: refused", 6200.0, 4000.0, arin, refused(policy.ResolverRule, "5/5"),
			ConsistOf(And(HaveField("Reason", policy.ResolverDistance), HaveField("A", "a"), HaveField("B", "c")))),
		Entry("in another RIR region: refused", 3000.0, 4000.0, ripe, refused(policy.ResolverRule, "5/5"),
			ConsistOf(And(HaveField("Reason", policy.ResolverRegion), HaveField("A", "a")))),
	)

	It("refuses a primary whose resolver is in another region", func() {
		p := primary()
		p.Perspective.Resolver = &perspectives.ResolverSite{Location: p.Perspective.Location, RIR: ripe}
		Expect(policy.Decide(on("2026-12-15"), policy.SameSet(p, remotes(0, arin, ripe, arin, ripe, arin)...))).
			To(refused(policy.ResolverRule, "5/5"))
	})
})

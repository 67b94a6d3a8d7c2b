package replay_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

const (
	hijackAll   = "{at: 60s, hijack: {prefixes: [203.0.112.0/23]}}"
	announceAll = "{at: 0s, announce: {}}"
)

var _ = Describe("A hijack of the web server's prefix", func() {
	It("fools those in the attacker's reach and nobody else", func(ctx SpecContext) {
		c := check(run(ctx, tell()), "during")
		Expect(reached(c)).To(Equal(fooled(inCone...)))
		Expect(c.Fooled).To(Equal(2))
		Expect(c.Decision.Issue).To(BeFalse())
		Expect(c.Decision.Reason).To(Equal(policy.TooFewCorroborations))
		Expect(c.Decision.Quorum).To(Equal("1/5"))
		Expect(row(c, "primary").Path).To(Equal([]topology.ASN{12, 11, 10, 14, 64666}))
		Expect(row(c, "tokyo").Path).To(Equal([]topology.ASN{32, 30, 20, 64500}))
		Expect(row(c, "primary").Via).To(Equal("web"))
	})

	It("that never happens fools nobody", func(ctx SpecContext) {
		c := check(run(ctx, tell(timeline(announceAll, "{at: 90s, check: {name: quiet}}")...)), "quiet")
		Expect(reached(c)).To(Equal(fooled()))
		Expect(c.Fooled).To(BeZero())
		Expect(c.Decision.Reason).To(Equal(policy.PrimaryDCVFailed), "the attacker asked")
		Expect(c.Bounds.Lower.Fooled).To(BeZero())
	})

	It("is over when it is withdrawn, and the owner gets the certificate", func(ctx SpecContext) {
		r := run(ctx, tell(timeline(announceAll,
			"{at: 30s, check: {name: before, applicant: victim}}", hijackAll, "{at: 90s, check: {name: during, applicant: victim}}",
			"{at: 120s, withdraw: {by: attacker}}", "{at: 150s, check: {name: after, applicant: victim}}")...))
		Expect(reached(check(r, "during"))).To(Equal(fooled(inCone...)))
		before, after := check(r, "before"), check(r, "after")
		Expect(before.Decision.Issue).To(BeTrue())
		Expect(after.Decision).To(Equal(before.Decision))
		for n := range after.Rows {
			Expect(after.Rows[n].Path).To(Equal(before.Rows[n].Path))
			Expect(after.Rows[n].Finished - after.At).To(Equal(before.Rows[n].Finished - before.At))
		}
	})

	It("of a more specific prefix reaches everybody", func(ctx SpecContext) {
		r := run(ctx, tell("prefixes: [203.0.112.0/23]}", "prefixes: [203.0.113.0/24]}"))
		c := check(r, "during")
		Expect(reached(c)).To(Equal(fooled(everybody...)))
		Expect(c.Decision.Issue).To(BeTrue())
		Expect(r.Timeline[1].Attack).To(Equal("sub-prefix"))
	})

	It("of a part of the prefix without the web server reaches nobody", func(ctx SpecContext) {
		c := check(run(ctx, tell("prefixes: [203.0.112.0/23]}", "prefixes: [203.0.112.0/24]}")), "during")
		Expect(reached(c)).To(Equal(fooled()))
		Expect(c.Bounds.Lower.Fooled).To(BeZero())
	})

	It("with a forged origin carries the victim's AS behind the attacker's", func(ctx SpecContext) {
		r := run(ctx, tell("prefixes: [203.0.112.0/23]}", "prefixes: [203.0.112.0/23], forged-origin: true}"))
		Expect(r.Timeline[1].Attack).To(Equal("forged-origin equal-prefix"))
		c := check(r, "during")
		Expect(reached(c)).To(Equal(fooled(inCone...)))
		Expect(row(c, "primary").Path).To(Equal([]topology.ASN{12, 11, 10, 14, 64666}), "packets end at the attacker, whatever the path says")
	})

	It("announced to one neighbour, who must tell nobody, fools those whose packets pass there", func(ctx SpecContext) {
		scoped := func(prefix string) []string {
			return []string{
				"14 > 64666", "14 > 64666, 11 > 64666",
				"prefixes: [203.0.112.0/23]}", "prefixes: [" + prefix + "], export: {to: [11]}, no-export: true}",
			}
		}
		r := run(ctx, tell(scoped("203.0.113.0/24")...))
		Expect(reached(check(r, "during"))).To(Equal(fooled("primary")))
		Expect(row(check(r, "during"), "primary").Path).To(Equal([]topology.ASN{12, 11, 64666}))
		Expect(check(r, "during").Bounds.Lower.Fooled).To(Equal(1))
		Expect(r.Timeline[1]).To(And(HaveField("To", []topology.ASN{11}), HaveField("NoExport", true)))

		c := check(run(ctx, tell(scoped("203.0.112.0/23")...)), "during")
		Expect(reached(c)).To(HaveKeyWithValue("primary", "nobody"), "its provider has a route that it must not pass on, and passes on no other")
	})

	It("with a path of its own is as long as that", func(ctx SpecContext) {
		r := run(ctx, tell("prefixes: [203.0.112.0/23]}", "prefixes: [203.0.112.0/23], path: [64666, 64510], prepend: 1}"))
		Expect(r.Timeline[1].Attack).To(Equal("forged-origin equal-prefix"))
		Expect(r.Timeline[1].Path).To(Equal([]topology.ASN{64666, 64666, 64510}))
		Expect(reached(check(r, "during"))).To(Equal(fooled(inCone...)), "relationships come before lengths")
	})

	It("announced again in another way replaces the announcement before", func(ctx SpecContext) {
		// The victim's provider prefers its customer; only 30's side chooses by
		// length, and a forged origin makes the attacker's path longer.
		nearBoth := []string{"30 > 64501]", "30 > 64501, 30 > 40, 40 > 64500, 30 > 64666]"}
		r := run(ctx, tell(append(timeline(announceAll, hijackAll, "{at: 70s, check: {name: plain}}",
			"{at: 80s, hijack: {prefixes: [203.0.112.0/23], forged-origin: true}}", "{at: 90s, check: {name: forged}}"), nearBoth...)...))
		Expect(reached(check(r, "plain"))).To(HaveKeyWithValue("tokyo", "attacker"))
		c := check(r, "forged")
		Expect(row(c, "tokyo").Tie).To(Equal("attacker"), "the paths are equally long now: %v", row(c, "tokyo").Path)
		Expect(reached(c)).To(HaveKeyWithValue("tokyo", "victim"))
	})

	It("takes a perspective in the attacker's own AS, and none in the victim's", func(ctx SpecContext) {
		c := check(run(ctx, tell("rir: APNIC, as: 32", "rir: APNIC, as: 64666", "rir: APNIC, as: 33", "rir: APNIC, as: 64500")), "during")
		Expect(reached(c)).To(Equal(fooled("primary", "west", "tokyo")))
		Expect(row(c, "tokyo").Path).To(Equal([]topology.ASN{64666}))
		Expect(row(c, "sydney").Path).To(Equal([]topology.ASN{64500}))
	})

	It("is stopped by CAA records where DNS is honest", func(ctx SpecContext) {
		c := check(run(ctx, tell(`0 issue "ca.example"`, `0 issue "other.example"`)), "during")
		Expect(row(c, "primary").DCV.Verdict).To(Equal(perspectives.Pass))
		Expect(row(c, "primary").CAA.Verdict).To(Equal(perspectives.Fail))
		Expect(c.Decision.Reason).To(Equal(policy.PrimaryCAAForbids))
		Expect(c.Bounds.Lower).To(Equal(result.Bound{Fooled: 2, Issue: false, Reason: policy.PrimaryCAAForbids}))
	})

	It("is stopped by CAA records that name the owner's account", func(ctx SpecContext) {
		r := run(ctx, tell(append(timeline(announceAll, hijackAll, "{at: 90s, check: {name: attacker}}",
			"{at: 100s, withdraw: {by: attacker}}", "{at: 110s, check: {name: victim, applicant: victim}}"),
			`0 issue "ca.example"`, `0 issue "ca.example; accounturi=https://ca.example/acct/victim"`)...))
		c := check(r, "attacker")
		Expect(row(c, "primary").DCV.Verdict).To(Equal(perspectives.Pass))
		Expect(row(c, "primary").CAA.Reason).To(Equal("account-not-authorized"))
		Expect(c.Decision.Reason).To(Equal(policy.PrimaryCAAForbids))
		Expect(c.Bounds.Lower).To(Equal(result.Bound{Fooled: 2, Issue: false, Reason: policy.PrimaryCAAForbids}))
		owner := check(r, "victim")
		Expect(owner.Decision.Issue).To(BeTrue())
		Expect(owner.Bounds.Upper.Issue).To(BeTrue(), "what the zone permits depends on who asks")
	})

	It("changes nothing for dns-01", func(ctx SpecContext) {
		src := tell(append(timeline(announceAll, hijackAll, "{at: 90s, check: {name: attacker}}", "{at: 100s, check: {name: victim, applicant: victim}}"),
			"acme-http-01", "acme-dns-01")...)
		r := run(ctx, src)
		Expect(reached(check(r, "attacker"))).To(Equal(fooled()))
		Expect(check(r, "attacker").Decision.Issue).To(BeFalse())
		Expect(check(r, "victim").Decision.Issue).To(BeTrue())
		Expect(row(check(r, "victim"), "tokyo").Via).To(Equal("dns"))
	})
})

var _ = Describe("A hijack while a check is under way", func() {
	It("changes exactly the packets that are sent after it", func(ctx SpecContext) {
		const ask = "{at: 90s, check: {name: asked, applicant: victim}}"
		quiet := check(run(ctx, tell(timeline(announceAll, ask)...)), "asked")
		Expect(quiet.Decision.Issue).To(BeTrue())
		// The hijack starts just before west, a remote in the attacker's reach,
		// opens its connection to the web server; the primary has long finished.
		west := row(quiet, "west")
		toWeb := slices.IndexFunc(west.Flows, func(f result.Flow) bool { return strings.HasSuffix(f.Remote, ":80") })
		start := west.Flows[toWeb].SentAt - 1
		Expect(row(quiet, "primary").Finished).To(BeNumerically("<", start))

		c := check(run(ctx, tell(timeline(announceAll, ask, fmt.Sprintf("{at: %v, hijack: {prefixes: [203.0.112.0/23]}}", start))...)), "asked")
		Expect(reached(c)).To(Equal(fooled("west")))
		Expect(c.Decision.Issue).To(BeTrue(), "one of five may fail")
		Expect(c.Decision.Quorum).To(Equal("4/5"))
		before, after := 0, 0
		for n, r := range c.Rows {
			for m, f := range r.Flows {
				if m >= len(quiet.Rows[n].Flows) {
					break
				}
				if f.SentAt < start {
					before++
					Expect(f).To(Equal(quiet.Rows[n].Flows[m]))
				} else if r.Perspective != "west" {
					after++
					Expect(f).To(Equal(quiet.Rows[n].Flows[m]), "out of the attacker's reach")
				}
			}
		}
		Expect(before).To(BeNumerically(">", 10))
		Expect(after).To(BeNumerically(">", 5))
		hit := row(c, "west").Flows[toWeb]
		Expect(hit.SentAt).To(Equal(start + 1))
		Expect(hit.To).To(Equal("attacker"))
		Expect(c.Bounds.Upper.Fooled).To(Equal(0), "at the better moment")
		Expect(c.Bounds.Lower.Fooled).To(Equal(1), "at the worse one; the primary was through")
	})

	It("that starts a nanosecond after the last packet changes nothing but the bounds", func(ctx SpecContext) {
		const ask = "{at: 90s, check: {name: asked, applicant: victim}}"
		quiet := check(run(ctx, tell(timeline(announceAll, ask)...)), "asked")
		late := run(ctx, tell(timeline(announceAll, ask, fmt.Sprintf("{at: %v, hijack: {prefixes: [203.0.112.0/23]}}", quiet.Finished+1))...))
		Expect(check(late, "asked")).To(Equal(quiet))
	})

	It("cuts a connection that has begun", func(ctx SpecContext) {
		const ask = "{at: 90s, check: {name: asked, applicant: victim}}"
		quiet := check(run(ctx, tell(timeline(announceAll, ask)...)), "asked")
		west := row(quiet, "west")
		toWeb := slices.IndexFunc(west.Flows, func(f result.Flow) bool { return strings.HasSuffix(f.Remote, ":80") })
		start := west.Flows[toWeb].SentAt + 1 // behind the SYN
		c := check(run(ctx, tell(timeline(announceAll, ask, fmt.Sprintf("{at: %v, hijack: {prefixes: [203.0.112.0/23]}}", start))...)), "asked")
		Expect(row(c, "west").DCV.Verdict).To(Equal(perspectives.Error), row(c, "west").DCV.Detail)
		Expect(row(c, "west").Finished-row(c, "west").Started).To(BeNumerically("<", 5*time.Second), "a reset, not a timeout")
	})
})

var _ = Describe("A remote that is not asked", func() {
	It("shows by a probe where its packets would go", func(ctx SpecContext) {
		// The owner's own check of a story in which the primary is fooled: the
		// primary fails, and nobody else is asked.
		r := run(ctx, tell(timeline(announceAll, hijackAll, "{at: 90s, check: {name: owner, applicant: victim}}", "{at: 91s, check: {name: attacker}}")...))
		spared, asked := check(r, "owner"), check(r, "attacker")
		Expect(spared.Decision.Reason).To(Equal(policy.PrimaryDCVFailed))
		for n, r := range spared.Rows[1:] {
			Expect(r.Asked).To(BeFalse())
			Expect(r.DCV.Verdict).To(Equal(perspectives.Unanswered))
			Expect(r.Flows).To(HaveLen(2), "one for the name server, one for the web server")
			Expect(r.Path).To(Equal(asked.Rows[n+1].Path))
			Expect(r.Reached).To(Equal(asked.Rows[n+1].Reached))
			Expect([]time.Duration{r.Started, r.Finished}).To(Equal([]time.Duration{spared.At, spared.At}))
		}
	})
})

var _ = Describe("A victim that nobody announces", func() {
	It("is reached by nobody, at once", func(ctx SpecContext) {
		r := run(ctx, tell(timeline("{at: 0s, check: {name: too-early, applicant: victim}}", "{at: 1s, announce: {}}", "{at: 60s, withdraw: {by: victim}}",
			"{at: 90s, check: {name: gone, applicant: victim}}")...))
		for _, name := range []string{"too-early", "gone"} {
			c := check(r, name)
			Expect(reached(c)).To(Equal(sides("nobody", everybody, "")))
			Expect(c.Decision.Reason).To(Equal(policy.PrimaryDCVError))
			Expect(row(c, "primary").Via).To(Equal("dns"), "its name server is gone too")
			Expect(c.Finished - c.At).To(BeNumerically("<", 2*time.Second))
			Expect(c.Bounds.Lower.Reason).To(Equal(policy.PrimaryDCVError))
		}
	})

	It("fails to connect if the name server is still there", func(ctx SpecContext) {
		c := check(run(ctx, tell(timeline(announceAll, "{at: 60s, withdraw: {by: victim, prefixes: [203.0.112.0/23]}}", "{at: 90s, check: {name: gone, applicant: victim}}")...)), "gone")
		Expect(reached(c)).To(Equal(sides("nobody", everybody, "")))
		Expect(row(c, "primary").Via).To(Equal("web"))
		Expect(row(c, "primary").DCV.Reason).To(Equal("connection-failed"))
		Expect(row(c, "primary").Path).To(Equal([]topology.ASN{12}), "its own router says that there is no route")
	})

	It("leaves everything to the attacker", func(ctx SpecContext) {
		c := check(run(ctx, tell(timeline(announceAll, hijackAll, "{at: 70s, withdraw: {by: victim, prefixes: [203.0.112.0/23]}}", "{at: 90s, check: {name: alone}}")...)), "alone")
		Expect(reached(c)).To(Equal(fooled(everybody...)))
		Expect(c.Decision.Issue).To(BeTrue())
		Expect(c.Bounds.Upper.Fooled).To(Equal(6))
	})
})

var _ = Describe("A victim with IPv6", func() {
	const v4 = "  prefixes: [203.0.112.0/23]\n  domain: shop.example\n  web: [203.0.113.80]\n"
	hijack := func(prefix string) []string {
		return timeline(announceAll, "{at: 60s, hijack: {prefixes: ['"+prefix+"']}}", "{at: 90s, check: {name: attacker}}", "{at: 91s, check: {name: victim, applicant: victim}}")
	}

	It("alone is reached and hijacked like any other", func(ctx SpecContext) {
		r := run(ctx, tell(append(hijack("2001:db8:1::/48"),
			v4, "  prefixes: ['2001:db8:1::/48']\n  domain: shop.example\n  web: ['2001:db8:1::80']\n",
			"prefix: 198.51.100.0/24, address: 198.51.100.53", "prefix: '2001:db8:2::/48', address: '2001:db8:2::53'",
			"attacker: {as: 64666}", "attacker: {as: 64666, prefix: '2001:db8:66::/48', address: '2001:db8:66::66'}")...))
		c := check(r, "attacker")
		Expect(reached(c)).To(Equal(fooled(inCone...)))
		Expect(row(c, "tokyo").Path).To(Equal([]topology.ASN{32, 30, 20, 64500}))
		Expect(c.Decision.Quorum).To(Equal("1/5"))
	})

	It("and IPv4 is validated over IPv6: hijacking IPv4 does not help", func(ctx SpecContext) {
		both := []string{v4, "  prefixes: [203.0.112.0/23, '2001:db8:1::/48']\n  domain: shop.example\n  web: [203.0.113.80, '2001:db8:1::80']\n"}
		r := run(ctx, tell(append(hijack("203.0.112.0/23"), both...)...))
		Expect(reached(check(r, "attacker"))).To(Equal(fooled()))
		Expect(check(r, "victim").Decision.Issue).To(BeTrue())
		Expect(check(r, "attacker").Bounds.Lower.Fooled).To(BeZero())

		r = run(ctx, tell(append(hijack("2001:db8:1::/48"), both...)...))
		Expect(reached(check(r, "attacker"))).To(Equal(fooled(inCone...)))
	})

	It("that has withdrawn it is reached over IPv4", func(ctx SpecContext) {
		r := run(ctx, tell(append(timeline(announceAll, hijackAll, "{at: 61s, withdraw: {by: victim, prefixes: ['2001:db8:1::/48']}}", "{at: 90s, check: {name: attacker}}"),
			v4, "  prefixes: [203.0.112.0/23, '2001:db8:1::/48']\n  domain: shop.example\n  web: [203.0.113.80, '2001:db8:1::80']\n")...))
		Expect(reached(check(r, "attacker"))).To(Equal(fooled(inCone...)))
		Expect(check(r, "attacker").Bounds.Lower.Fooled).To(Equal(2))
	})

	It("on the web server only, with a name server on IPv4", func(ctx SpecContext) {
		r := run(ctx, tell(append(hijack("2001:db8:1::/48"), v4, "  prefixes: ['2001:db8:1::/48']\n  domain: shop.example\n  web: ['2001:db8:1::80']\n")...))
		Expect(reached(check(r, "attacker"))).To(Equal(fooled(inCone...)))
	})
})

var _ = Describe("A hijack of a name server", func() {
	const (
		ns1  = "    - {name: ns1.shop.example, as: 23, prefix: 198.51.100.0/24, address: 198.51.100.53}\n"
		ns2  = "    - {name: ns2.shop.example, as: 64501, prefix: 192.0.2.0/24, address: 192.0.2.53}\n"
		ns1s = "prefixes: [198.51.100.0/24]"
		ns2s = "prefixes: [192.0.2.0/24]"
	)
	attack := func(prefixes string, more ...string) []string {
		events := append([]string{announceAll, "{at: 60s, hijack: {" + prefixes + "}}"}, more...)
		return timeline(append(events, "{at: 90s, check: {name: attacker}}", "{at: 91s, check: {name: victim, applicant: victim}}")...)
	}

	It("makes the attacker's addresses and his missing CAA records count", func(ctx SpecContext) {
		c := check(run(ctx, tell(append(attack(ns1s), `0 issue "ca.example"`, `0 issue ";"`)...)), "attacker")
		Expect(reached(c)).To(Equal(fooled(inCone...)))
		Expect(row(c, "primary").Via).To(Equal("dns"))
		Expect(verdicts(c)).To(HaveKeyWithValue("primary", "pass key-authorization-matches, pass no-caa-records"))
		Expect(verdicts(c)).To(HaveKeyWithValue("tokyo", "fail http-status, fail issuance-forbidden"))
		Expect(row(c, "primary").Flows[len(row(c, "primary").Flows)-1].To).NotTo(BeEmpty())
	})

	It("makes dns-01 pass for the attacker", func(ctx SpecContext) {
		c := check(run(ctx, tell(append(attack(ns1s), "acme-http-01", "acme-dns-01")...)), "attacker")
		Expect(reached(c)).To(Equal(fooled(inCone...)))
		Expect(row(c, "primary").DCV.Verdict).To(Equal(perspectives.Pass))
		Expect(row(c, "natal").DCV.Verdict).To(Equal(perspectives.Fail))
		Expect(c.Decision.Quorum).To(Equal("1/5"))
	})

	It("that is asked first fools", func(ctx SpecContext) {
		r := run(ctx, tell(append(attack(ns1s), ns1, ns1+ns2)...))
		Expect(reached(check(r, "attacker"))).To(Equal(fooled(inCone...)))
		Expect(check(r, "attacker").Bounds.Lower.Fooled).To(Equal(2))
	})

	It("that is asked only if the first is silent does not", func(ctx SpecContext) {
		r := run(ctx, tell(append(attack(ns2s), ns1, ns1+ns2)...))
		Expect(reached(check(r, "attacker"))).To(Equal(fooled()))
		Expect(check(r, "attacker").Bounds.Lower.Fooled).To(BeZero())
		Expect(check(r, "victim").Decision.Issue).To(BeTrue())
	})

	It("fools when the other one is gone", func(ctx SpecContext) {
		r := run(ctx, tell(append(attack(ns2s, "{at: 70s, withdraw: {by: victim, "+ns1s+"}}"), ns1, ns1+ns2)...))
		c := check(r, "attacker")
		Expect(reached(c)).To(Equal(fooled(inCone...)))
		Expect(c.Bounds.Lower.Fooled).To(Equal(2))
	})

	It("with a name in another top-level domain, found without glue", func(ctx SpecContext) {
		r := run(ctx, tell(append(attack(ns1s), "name: ns1.shop.example", "name: ns1.dns-host.test")...))
		c := check(r, "attacker")
		Expect(reached(c)).To(Equal(fooled(inCone...)))
		var asked []string
		for _, e := range row(c, "tokyo").DCV.Evidence {
			asked = append(asked, e.Query)
		}
		Expect(asked).To(ContainElement("ns1.dns-host.test A"), "the resolver had to find the name server itself")
		quiet := run(ctx, tell(append(timeline(announceAll, "{at: 90s, check: {name: victim, applicant: victim}}"), "name: ns1.shop.example", "name: ns1.dns-host.test")...))
		Expect(check(quiet, "victim").Decision.Issue).To(BeTrue())
	})

	It("with glue is asked before one without", func(ctx SpecContext) {
		elsewhere := "    - {name: ns0.dns-host.test, as: 64501, prefix: 192.0.2.0/24, address: 192.0.2.53}\n"
		r := run(ctx, tell(append(attack(ns1s), ns1, elsewhere+ns1)...))
		Expect(reached(check(r, "attacker"))).To(Equal(fooled(inCone...)))
		Expect(check(r, "attacker").Bounds.Lower.Fooled).To(Equal(2))
	})

	It("beside the web server takes both", func(ctx SpecContext) {
		r := run(ctx, tell(append(attack("prefixes: [203.0.112.0/23]"), "as: 23, prefix: 198.51.100.0/24, address: 198.51.100.53", "prefix: 203.0.112.0/23, address: 203.0.112.53")...))
		c := check(r, "attacker")
		Expect(reached(c)).To(Equal(fooled(inCone...)))
		Expect(row(c, "primary").Via).To(Equal("dns"))
	})
})

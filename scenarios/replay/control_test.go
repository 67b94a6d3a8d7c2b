package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/perspectives/remote"
	"mpicsim/scenarios"
	"mpicsim/scenarios/replay"
	"mpicsim/scenarios/result"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// overNetwork is the change of the story to an emulated control plane.
var overNetwork = []string{"  method: acme-http-01\n", "  method: acme-http-01\n  control-plane: emulated\n"}

// twoSided makes the attacker a customer of AS 20 too, so that AS 20 and what is
// below it follow him wherever they have no customer route of the same length.
var twoSided = []string{"14 > 64666", "14 > 64666, 20 > 64666"}

// askOwner is the timeline of one check by the owner while the prefixes of some are
// hijacked.
func askOwner(of string) []string {
	return timeline(announceAll, "{at: 60s, hijack: {prefixes-of: ["+of+"]}}", "{at: 90s, check: {name: owner, applicant: victim}}")
}

// control says how the coordinator's calls ended, by remote: "answered", or whom
// they reached or their answers strayed to, with the reason.
func control(c result.Check) map[string]string {
	out := map[string]string{}
	for _, r := range c.Rows {
		switch {
		case r.Control == nil:
		case r.Control.Answered:
			out[r.Perspective] = "answered"
		case r.Control.Astray != "":
			out[r.Perspective] = "back to " + r.Control.Astray + ": " + r.Control.Reason
		default:
			out[r.Perspective] = r.Control.Reached + ": " + r.Control.Reason
		}
	}
	return out
}

// calls says that all remotes answered but some.
func calls(others string, names ...string) map[string]string {
	out := map[string]string{}
	for _, name := range everybody[1:] {
		out[name] = "answered"
		if slices.Contains(names, name) {
			out[name] = others
		}
	}
	return out
}

// replayed is run without the claim that nobody waits: where answers go astray,
// virtual timeouts pass. Really nobody waits even then.
func replayed(ctx context.Context, src *scenarios.Source, workers int) *result.Replay {
	GinkgoHelper()
	r, err := replay.Run(ctx, replay.Options{Source: src, Workers: workers, Version: "test"})
	Expect(err).NotTo(HaveOccurred())
	return r
}

func change(parts ...[]string) *scenarios.Source {
	GinkgoHelper()
	return tell(slices.Concat(parts...)...)
}

var _ = Describe("An emulated control plane", func() {
	quiet := timeline(announceAll, "{at: 90s, check: {name: owner, applicant: victim}}")

	It("changes nothing but times where nobody attacks it", func(ctx SpecContext) {
		for _, events := range [][]string{quiet, timeline(announceAll, hijackAll, "{at: 90s, check: {name: owner}}")} {
			plain, real := check(run(ctx, change(events)), "owner"), check(run(ctx, change(events, overNetwork)), "owner")
			Expect(real.Decision).To(Equal(plain.Decision))
			Expect(real.Bounds).To(Equal(plain.Bounds))
			Expect(verdicts(real)).To(Equal(verdicts(plain)))
			Expect(control(real)).To(Equal(calls("")))
			Expect(control(plain)).To(BeEmpty())
			for n, row := range real.Rows {
				Expect(row.Path).To(Equal(plain.Rows[n].Path))
				Expect(row.Finished-row.Started).To(Equal(plain.Rows[n].Finished-plain.Rows[n].Started), "a check takes as long")
				Expect(row.DCV.Evidence).To(HaveLen(len(plain.Rows[n].DCV.Evidence)))
				Expect(row.DCV.Seen).To(Equal(plain.Rows[n].DCV.Seen), "what was seen comes through the protocol whole")
			}
		}
	})

	It("carries time: with the handshakes of TCP and TLS the request takes three ways there and two back, the answer one", func(ctx SpecContext) {
		c := check(run(ctx, change(quiet, overNetwork)), "owner")
		for _, row := range c.Rows[1:] {
			Expect(row.Control.Started).To(Equal(c.Rows[0].Finished), "remotes are asked when the primary has passed")
			way := row.Control.Finished - row.Finished
			Expect(way).To(BeNumerically(">", time.Millisecond))
			there := way
			if row.Perspective == "natal" { // whose AS has a known place; the coordinator's has none
				there -= 3 * time.Millisecond
			}
			Expect(row.Started-row.Control.Started).To(Equal(3*there+2*way), row.Perspective)
			Expect(c.Finished).To(BeNumerically(">=", row.Control.Finished))
		}
	})

	It("starts beside the primary, in a prefix of its own", func(ctx SpecContext) {
		r := run(ctx, change(quiet, overNetwork))
		Expect(r.Parties.Coordinators).To(Equal([]result.Coordinator{{Beside: "primary", AS: 12, Prefix: "10.0.6.0/24", Address: "10.0.6.10"}}))
		tokyo := row(check(r, "owner"), "tokyo").Control
		Expect(tokyo.Path).To(Equal([]topology.ASN{12, 11, 10, 30, 32}))
		Expect([]string{tokyo.To, tokyo.Address}).To(Equal([]string{"tokyo", "10.0.3.10:8443"}))
		Expect(r.Perspectives[3].Prefixes).To(Equal([]string{"10.0.3.0/24"}))
	})

	It("asks nobody if the primary fails", func(ctx SpecContext) {
		c := check(run(ctx, change(timeline(announceAll, "{at: 90s, check: {name: attacker}}"), overNetwork)), "attacker")
		Expect(c.Decision.Reason).To(Equal(policy.PrimaryDCVFailed))
		Expect(control(c)).To(BeEmpty())
	})

	It("shows in captures and changes no result for it", func(ctx SpecContext) {
		src := change(askOwner("frankfurt"), overNetwork)
		var capture bytes.Buffer
		r, err := replay.Run(ctx, replay.Options{Source: src, Version: "test", Capture: &capture})
		Expect(err).NotTo(HaveOccurred())
		Expect(r).To(Equal(run(ctx, src)))
		Expect(capture.Bytes()).To(ContainSubstring("coordinator@primary"))
	})

	It("has a coordinator beside each primary", func(ctx SpecContext) {
		other := "perspectives: {primary: {name: tokyo, lat: 36, lon: 140, rir: APNIC, as: 32}, remotes: [{name: primary, lat: 40, lon: -83, rir: ARIN, as: 12}, {name: frankfurt, lat: 50, lon: 9, rir: RIPE NCC, as: 22}]}"
		r := run(ctx, change(timeline(announceAll, "{at: 90s, check: {name: owner, applicant: victim}}",
			"{at: 100s, check: {name: from-tokyo, applicant: victim, date: 2025-10-01, "+other+"}}"), overNetwork))
		Expect(r.Parties.Coordinators).To(HaveLen(2))
		c := check(r, "from-tokyo")
		Expect(row(c, "primary").Control.Path).To(Equal([]topology.ASN{32, 30, 10, 11, 12}))
		Expect(c.Decision.Issue).To(BeTrue(), c.Decision.Detail)
	})

	It("is there for any check that is put to the world", func(ctx SpecContext) {
		w, err := replay.Build(GinkgoT().Context(), replay.Options{Source: change(askOwner("frankfurt"), overNetwork)})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(w.Close)
		ask, err := w.Request("owner")
		Expect(err).NotTo(HaveOccurred())
		during, err := w.Corroborate(ctx, replay.Corroboration{Event: "owner", At: 90 * time.Second, Check: ask})
		Expect(err).NotTo(HaveOccurred())
		Expect(during.Decision.Quorum).To(Equal("4/5"))
		before, err := w.Corroborate(ctx, replay.Corroboration{Event: "owner", At: 30 * time.Second, Check: ask})
		Expect(err).NotTo(HaveOccurred())
		Expect(before.Decision.Quorum).To(Equal("5/5"))
		By("which is refused by remotes for the names of another CA, as the protocol has it")
		ask.IssuerDomains = []string{"other-ca.example"}
		ask.Questions = perspectives.OnlyDCV
		other, err := w.Corroborate(ctx, replay.Corroboration{Event: "owner", At: 30 * time.Second, Check: ask})
		Expect(err).NotTo(HaveOccurred())
		Expect(other.Attempts[0].Remotes[0].Result.DCV.Reason).To(Equal(remote.ReasonRefused))
	})
})

var _ = Describe("A hijack of the path to a remote", func() {
	It("is noticed by the key: TLS with the attacker's host fails, and the remote does not corroborate", func(ctx SpecContext) {
		c := check(run(ctx, change(askOwner("frankfurt"), overNetwork)), "owner")
		Expect(control(c)).To(Equal(calls("attacker: "+remote.ReasonAuthentication, "frankfurt")))
		f := row(c, "frankfurt")
		Expect(f.DCV.Detail).To(ContainSubstring("no answer of frankfurt: tls: failed to verify certificate"))
		Expect(f.Control.Path).To(Equal([]topology.ASN{12, 11, 10, 14, 64666}))
		Expect(f.Control.To).To(Equal("attacker"))
		Expect(f.Reached).To(Equal("victim"), "probes show where its packets would have gone")
		Expect(f.Asked).To(BeTrue())
		Expect(c.Decision.Quorum).To(Equal("4/5"))
		Expect(c.Decision.Issue).To(BeTrue(), "one of five may be missing")
	})

	It("ends in a refused connection if the attacker does not answer", func(ctx SpecContext) {
		c := check(run(ctx, change(askOwner("frankfurt"), overNetwork, []string{"attacker: {as: 64666}", "attacker: {as: 64666, impersonates: false}"})), "owner")
		Expect(control(c)).To(Equal(calls("attacker: "+remote.ReasonUnreachable, "frankfurt")))
		Expect(row(c, "frankfurt").DCV.Detail).To(HaveSuffix("connection refused"))
	})

	It("of two remotes denies the owner the certificate", func(ctx SpecContext) {
		c := check(run(ctx, change(askOwner("frankfurt, tokyo"), overNetwork)), "owner")
		Expect(c.Decision.Reason).To(Equal(policy.TooFewCorroborations))
		Expect(c.Decision.Detail).To(ContainSubstring("not: frankfurt, tokyo"))
	})

	It("obtains no certificate for who also takes the victim's prefix and says pass in place of the others", func(ctx SpecContext) {
		// Everybody in the cone is fooled, everybody else cut off: if the attacker's
		// word counted, five of five would corroborate.
		c := check(run(ctx, change(timeline(announceAll, "{at: 60s, hijack: {prefixes: [203.0.112.0/23], prefixes-of: [frankfurt, tokyo, sydney, natal]}}", "{at: 90s, check: {name: attacker}}"), overNetwork)), "attacker")
		Expect(row(c, "primary").DCV.Verdict).To(Equal(perspectives.Pass))
		Expect(control(c)).To(Equal(calls("attacker: "+remote.ReasonAuthentication, "frankfurt", "tokyo", "sydney", "natal")))
		Expect(c.Decision.Quorum).To(Equal("1/5"))
		Expect(c.Decision.Issue).To(BeFalse())
	})

	It("is over when it is withdrawn", func(ctx SpecContext) {
		r := run(ctx, change(timeline(announceAll, "{at: 60s, hijack: {prefixes-of: [frankfurt, tokyo], forged-origin: true}}", "{at: 90s, check: {name: both, applicant: victim}}",
			"{at: 100s, withdraw: {by: attacker, prefixes-of: [tokyo]}}", "{at: 110s, check: {name: one, applicant: victim}}",
			"{at: 120s, withdraw: {by: attacker}}", "{at: 130s, check: {name: none, applicant: victim}}"), overNetwork))
		var quorums []string
		for _, c := range r.Checks {
			quorums = append(quorums, c.Decision.Quorum)
		}
		Expect(quorums).To(Equal([]string{"3/5", "4/5", "5/5"}))
		Expect(r.Timeline[1]).To(And(HaveField("Hosts", []string{"frankfurt", "tokyo"}), HaveField("Prefixes", []string{"10.0.2.0/24", "10.0.3.0/24"}),
			HaveField("Attack", "forged-origin equal-prefix")))
	})

	It("takes both address families", func(ctx SpecContext) {
		const v4 = "  prefixes: [203.0.112.0/23]\n  domain: shop.example\n  web: [203.0.113.80]\n"
		r := run(ctx, change(askOwner("frankfurt"), overNetwork, []string{v4, "  prefixes: [203.0.112.0/23, '2001:db8:1::/48']\n  domain: shop.example\n  web: [203.0.113.80, '2001:db8:1::80']\n"}))
		Expect(r.Timeline[1].Prefixes).To(Equal([]string{"10.0.2.0/24", "fd10:2::/48"}))
		Expect(check(r, "owner").Decision.Quorum).To(Equal("4/5"))
	})

	It("of one that the coordinator reaches all the same keeps answers to its queries from coming back", func(ctx SpecContext) {
		for _, plane := range [][]string{nil, overNetwork} {
			c := check(replayed(ctx, change(askOwner("west"), twoSided, plane), 0), "owner")
			west := row(c, "west")
			Expect(west.DCV.Verdict).To(Equal(perspectives.Error))
			Expect(west.DCV.Reason).To(Equal("lookup-failed"))
			Expect(west.DCV.Detail).To(ContainSubstring("no answer in time"))
			n := slices.IndexFunc(west.Flows, func(f result.Flow) bool { return f.Astray == "attacker" })
			Expect(n).To(BeNumerically(">=", 0), "answers ended at the attacker's host")
			Expect(west.Flows[n].To).NotTo(Equal("attacker"), "the queries did not")
			Expect(west.Finished - west.Started).To(BeNumerically(">=", 5*time.Second))
			Expect(c.Decision.Quorum).To(Equal("4/5"))
			Expect(c.Bounds.Lower).To(And(HaveField("Issue", true), HaveField("Fooled", 0)))
			if plane != nil {
				Expect(control(c)).To(Equal(calls("")), "it answers that it could not look")
			}
		}
	}, SpecTimeout(20*time.Second))
})

var _ = Describe("A hijack of the coordinator's own prefix", func() {
	It("lets its questions get there and the answers not come back", func(ctx SpecContext) {
		started := time.Now()
		c := check(replayed(ctx, change(askOwner("coordinator"), twoSided, overNetwork), 0), "owner")
		Expect(time.Since(started)).To(BeNumerically("<", 20*time.Second), "nobody waits really, not even 40 s")
		Expect(control(c)).To(Equal(calls("back to attacker: "+remote.ReasonTimeout, "frankfurt", "tokyo", "sydney", "natal")))
		f := row(c, "frankfurt")
		Expect(f.Control.Reached).To(Equal("remote"))
		Expect(f.Control.Finished - f.Control.Started).To(Equal(40 * time.Second))
		Expect(c.Finished).To(Equal(f.Control.Finished))
		Expect(f.DCV.Detail).To(ContainSubstring("no answer of frankfurt: no answer in time"))
		Expect(c.Decision.Quorum).To(Equal("1/5"))
		Expect(c.Decision.Issue).To(BeFalse())
		Expect([]string{c.Bounds.Lower.Reason, c.Bounds.Upper.Reason}).To(HaveEach(policy.TooFewCorroborations))
		Expect(row(c, "primary").DCV.Verdict).To(Equal(perspectives.Pass), "the primary has another prefix")
	}, SpecTimeout(30*time.Second))

	It("that begins while a remote checks loses its answer", func(ctx SpecContext) {
		quiet := check(run(ctx, change(timeline(announceAll, "{at: 90s, check: {name: owner, applicant: victim}}"), twoSided, overNetwork)), "owner")
		begins := row(quiet, "frankfurt").Finished - time.Millisecond
		c := check(replayed(ctx, change(timeline(announceAll, "{at: 90s, check: {name: owner, applicant: victim}}",
			fmt.Sprintf("{at: %v, hijack: {prefixes-of: [coordinator]}}", begins)), twoSided, overNetwork), 0), "owner")
		f := row(c, "frankfurt")
		Expect(control(c)).To(HaveKeyWithValue("frankfurt", "back to attacker: "+remote.ReasonTimeout))
		Expect(f.Flows).To(Equal(row(quiet, "frankfurt").Flows), "it had checked")
		Expect(f.Control.Finished - f.Control.Started).To(BeNumerically(">=", 40*time.Second))
	}, SpecTimeout(30*time.Second))

	It("has the same result however many remotes are asked at a time", func(ctx SpecContext) {
		src := change(timeline(announceAll, "{at: 60s, hijack: {prefixes-of: [coordinator, west]}}", "{at: 90s, check: {name: owner, applicant: victim}}"), twoSided, overNetwork)
		var first []byte
		for _, workers := range []int{1, 8, 0, 2} {
			data, err := json.Marshal(replayed(ctx, src, workers))
			Expect(err).NotTo(HaveOccurred())
			if first == nil {
				first = data
			}
			Expect(string(data)).To(Equal(string(first)), "%d workers", workers)
		}
	}, SpecTimeout(60*time.Second))
})

var _ = Describe("Control connections", func() {
	It("reach the host that routes name, by the path that they name", func(ctx SpecContext) {
		tally := map[string]int{}
		for n := range 24 {
			l := &lottery{rand.New(rand.NewPCG(11, uint64(n))), newInternet(200, uint64(n%4)), map[topology.ASN]bool{}, false}
			victim, attacker, ns, primary := l.as(), l.as(), l.as(), l.as()
			var remotes []topology.ASN
			var sites, names strings.Builder
			for i := range 8 {
				remotes = append(remotes, l.as())
				fmt.Fprintf(&sites, "      - {name: r%d, lat: %d, lon: %d, rir: RIPE NCC, as: %v}\n", i, l.IntN(120)-60, l.IntN(360)-180, remotes[i])
				fmt.Fprintf(&names, "r%d, ", i)
			}
			tie := route.TieBreaks()[n%len(route.TieBreaks())]
			text := fmt.Sprintf(`name: drawn
title: Drawn
claim: By lot
topology: {synthetic: {ases: 200, seed: %d}}
routing: {tie-break: %v, seed: %d}
victim:
  as: %v
  prefixes: [203.0.113.0/24]
  domain: shop.example
  web: [203.0.113.80]
  name-servers: [{name: ns.shop.example, as: %v, prefix: 198.51.100.0/24, address: 198.51.100.53}]
attacker: {as: %v}
ca:
  date: 2026-12-15
  method: acme-http-01
  control-plane: emulated
  perspectives:
    primary: {name: p, lat: 10, lon: 10, rir: ARIN, as: %v}
    remotes:
%stimeline:
  - {at: 0s, announce: {}}
  - {at: 60s, hijack: {prefixes-of: [%s]}}
  - {at: 90s, check: {name: owner, applicant: victim}}
`, n%4, tie, n, victim, ns, attacker, primary, sites.String(), strings.TrimSuffix(names.String(), ", "))
			src, err := scenarios.Parse([]byte(text), "drawn.yaml")
			Expect(err).NotTo(HaveOccurred(), text)
			r, err := replay.Run(ctx, replay.Options{Source: src, Loader: l.internet.load})
			Expect(err).NotTo(HaveOccurred())
			engine := route.NewEngine(l.internet.graph)
			from, _ := l.internet.graph.Index(primary)
			for i, row := range check(r, "owner").Rows[1:] {
				p := netip.MustParsePrefix(r.Perspectives[i+1].Prefixes[0])
				routes, err := engine.Propagate([]route.Announcement{{Prefix: p, Path: []topology.ASN{remotes[i]}}, {Prefix: p, Path: []topology.ASN{attacker}, Attacker: true}},
					route.Options{TieBreak: tie, Seed: uint64(n)})
				Expect(err).NotTo(HaveOccurred())
				origin, _ := routes.Origin(from)
				want := map[topology.ASN]string{remotes[i]: "remote", attacker: "attacker"}[origin]
				say := fmt.Sprintf("story %d, %s (AS %v), coordinator in AS %v, attacker AS %v, ties %v", n, row.Perspective, remotes[i], primary, attacker, tie)
				Expect(row.Control).NotTo(BeNil(), say)
				Expect(row.Control.Reached).To(Equal(want), say)
				Expect(row.Control.Path).To(Equal(routes.Path(from)), say)
				Expect(row.Control.Answered).To(Equal(want == "remote"), say)
				tally[want]++
			}
		}
		AddReportEntry("connections by whom they reached", fmt.Sprint(tally))
		Expect(tally["remote"] + tally["attacker"]).To(Equal(192))
		Expect(min(tally["remote"], tally["attacker"])).To(BeNumerically(">=", 40))
	}, SpecTimeout(3*time.Minute))
})

package scenarios_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/sim/attack"
	"mpicsim/topology"
)

// withEvent is the template with its hijack replaced by an event.
func withEvent(tb testing.TB, event string) string {
	tb.Helper()
	const hijack = "hijack: {prefixes: [203.0.113.0/24]}}"
	text := template(tb)
	NewWithT(tb).Expect(strings.Count(text, "\n  - {at: 60s, "+hijack)).To(Equal(1))
	if strings.HasPrefix(event, "rpki") { // then there is nothing to withdraw
		text = strings.Replace(text, "\n  - {at: 5m, withdraw: {by: attacker}}", "\n#", 1)
	}
	return strings.Replace(text, hijack, event+"}", 1)
}

func TestAttackEvents(t *testing.T) {
	g := NewWithT(t)
	for _, event := range []string{
		"attack: {kind: equal-prefix}",
		"attack: {kind: equal-prefix, target: 198.51.100.0/24}",
		"attack: {kind: equal-prefix, of: aws/us-east-2}",
		"attack: {kind: forged-origin, of: tld-server, type: 2, via: [20]}",
		"attack: {kind: forged-origin, type: 2}",
		"attack: {kind: prepended, prepend: 1, victim-prepend: 2}",
		"attack: {kind: poisoned, poison: [21]}",
		"attack: {kind: scoped, export: {to: [12]}}",
		"attack: {kind: scoped, export: {classes: [providers], except: [12]}, no-export: true}",
		`attack: {kind: scoped, withhold: ["12 > 10"]}`,
		"attack: {kind: interception, communities: true, answers: false}",
		"attack: {kind: route-leak, type: 1, answers: true}",
		"attack: {kind: malicious-roa, revoke-roas: true, silent: true, roa-origin: 31, max-length: 24}",
		"attack: {kind: withdrawal, hold: 10s}",
		"attack: {kind: flapping, hold: 10s, gap: 5s, times: 3}",
		"rpki: {add: [203.0.113.0/24 AS64500]}",
		"rpki: {remove: [203.0.113.0/24 AS64500], add: [203.0.113.0/24 AS0]}",
	} {
		text := withEvent(t, event)
		s := parse(t, text)
		expectAccepted(t, scenarioFile, text, event)
		if a := s.Timeline[2].Attack; a != nil {
			target := s.TargetOf(*a)
			if a.Of != "" {
				target = s.Owned()[0]
			}
			order := a.Order(s.Attacker.AS, target, s.MattersTo(target.Prefix))
			g.Expect(order.Validate()).To(Succeed(), event)
		}
	}
	s := parse(t, withEvent(t, `attack: {kind: scoped, prefix: 203.0.113.0/24, export: {classes: [peers, providers], except: [12]}, withhold: ["12 > 10"], prepend: 2}`))
	order := s.Timeline[2].Attack.Order(64666, scenarios.Owned{Prefix: s.Victim.Prefixes[0], AS: 64500}, s.Victim.Web[0])
	g.Expect(order.Kind).To(Equal(attack.Scoped))
	g.Expect(order.Export.Classes.String()).To(Equal("peers,providers"))
	g.Expect(order.Export.Except).To(Equal([]topology.ASN{12}))
	g.Expect(order.Withhold[0].String()).To(Equal("12>10"))
	g.Expect(order.Address).To(Equal(s.Victim.Web[0]))
}

func TestAttackErrors(t *testing.T) {
	for event, want := range map[string]string{
		"attack: {}":                                                              "timeline[2].attack.kind: found nothing, expected one of equal-prefix, sub-prefix,",
		"attack: {kind: hijack}":                                                  `timeline[2].attack.kind: found "hijack", expected one of equal-prefix, sub-prefix,`,
		"attack: {kind: sub-prefix}":                                              "",
		"attack: {kind: prepended}":                                               "timeline[2].attack.prepend, victim-prepend: found nothing, expected a value, of one of them at least",
		"attack: {kind: equal-prefix, type: 1}":                                   "timeline[2].attack.type: found a value, expected none: the kind does not take it",
		"attack: {kind: forged-origin, type: 99}":                                 "timeline[2].attack.type: found 99, expected 1 to 16",
		"attack: {kind: forged-origin, via: [1, 2]}":                              "timeline[2].attack.via: found 1 2, expected 0 ASes, as type 1 has",
		"attack: {kind: sub-prefix, prefix: 10.9.0.0/24}":                         "timeline[2].attack.prefix: found 10.9.0.0/24, expected the target 203.0.113.0/24 or a part of it",
		"attack: {kind: sub-prefix, prefix: 203.0.113.0/25}":                      "timeline[2].attack.prefix: found 203.0.113.0/25, expected a length from 1 to 24, or routing.policies with accepts-long",
		"attack: {kind: equal-prefix, target: 192.0.2.0/24}":                      "timeline[2].attack.target: found 192.0.2.0/24, expected one of 203.0.113.0/24, 198.51.100.0/24",
		"attack: {kind: equal-prefix, target: 203.0.113.0/24, of: aws/us-east-2}": "timeline[2].attack.target: found target beside of, expected one or the other",
		"attack: {kind: equal-prefix, of: nobody}":                                `timeline[2].attack.of: found "nobody", expected one of aws/us-east-2,`,
		"attack: {kind: equal-prefix, of: coordinator}":                           "the coordinator's host only with control-plane: emulated",
		"attack: {kind: sub-prefix, of: aws/us-east-2, prefix: 203.0.113.0/24}":   "timeline[2].attack.prefix: found 203.0.113.0/24, expected none: the prefix of a perspective is announced as it is",
		"attack: {kind: equal-prefix, answers: true}":                             "timeline[2].attack.answers: found a value, expected none: only who intercepts or leaks hands packets on",
		"attack: {kind: scoped, export: {}}":                                      "timeline[2].attack.export: found nothing, expected to, classes or except",
		"attack: {kind: scoped, export: {to: [12, 12]}}":                          "timeline[2].attack.export.to[1]: found AS 12 a second time",
		"attack: {kind: scoped, export: {to: [31]}}":                              "timeline[2].attack.export.to[0]: found AS 31, expected a neighbour of the attacker's AS 64666",
		"attack: {kind: scoped, export: {except: [77]}}":                          "timeline[2].attack.export.except[0]: found AS 77, expected a neighbour of the attacker's AS 64666",
		"attack: {kind: scoped, export: {classes: [friends]}}":                    `timeline[2].attack.export.classes[0]: found "friends", expected`,
		"attack: {kind: scoped, export: {classes: [peers, peers]}}":               `timeline[2].attack.export.classes[1]: found "peers" a second time`,
		`attack: {kind: scoped, withhold: ["10 - 20"]}`:                           `timeline[2].attack.withhold[0]: found "10 - 20", expected two neighbours`,
		`attack: {kind: scoped, withhold: ["10 > 21"]}`:                           "timeline[2].attack.withhold[0]: found 10 > 21, expected two neighbours of the topology",
		"attack: {kind: flapping, hold: 10s}":                                     "timeline[2].attack.gap: found 0s, expected more than 0",
		"attack: {kind: malicious-roa, max-length: 40}":                           "timeline[2].attack.max-length: found 40, expected 24 to 32",
		"rpki: {}":                      "timeline[2].rpki: found nothing, expected add or remove",
		"rpki: {add: [203.0.113.0/24]}": "timeline[2].rpki.add[0]: found \"203.0.113.0/24\", expected a prefix",
		"rpki: {add: [203.0.113.0/24 AS1, 203.0.113.0/24 AS1]}":              "timeline[2].rpki.add[1]: found 203.0.113.0/24 AS1 a second time",
		"rpki: {add: [203.0.113.0/24 AS1], remove: [203.0.113.0/24 AS1]}":    "timeline[2].rpki.remove[0]: found 203.0.113.0/24 AS1, which is added, expected another VRP",
		"rpki: {remove: [203.0.113.0/24 AS1]}, attack: {kind: equal-prefix}": "timeline[2]: found 2 of announce, hijack, attack, withdraw, rpki and check, expected exactly one",
	} {
		t.Run(event, func(t *testing.T) {
			g := NewWithT(t)
			_, err := scenarios.Parse([]byte(withEvent(t, event)), "s.yaml")
			if want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(want)))
			g.Expect(err).To(MatchError(MatchRegexp(`^s\.yaml:\d+:\d+: timeline`)))
		})
	}
}

func TestConvergence(t *testing.T) {
	g := NewWithT(t)
	with := func(convergence, event string) string {
		return strings.Replace(withEvent(t, event), "  tie-break: lowest-neighbor", "  convergence: "+convergence+"\n  tie-break: lowest-neighbor", 1)
	}
	text := with("{mrai: 5s, seed: 3, grain: 1ms, exempt-withdrawals: true, max-time: 1h, prefer: [{as: 20, neighbor: 10, value: 1}, {as: 20, neighbor: 21, value: -1}]}", "attack: {kind: equal-prefix}")
	c := parse(t, text).Routing.Convergence
	expectAccepted(t, scenarioFile, text, "convergence")
	g.Expect(c.Fine()).To(Equal(time.Millisecond))
	o := c.Options()
	g.Expect(o.Timers.MRAI).To(Equal(5 * time.Second))
	g.Expect(o.Timers.ExemptWithdrawals).To(BeTrue())
	g.Expect(o.Seed).To(Equal(uint64(3)))
	g.Expect(o.MaxTime).To(Equal(time.Hour))
	g.Expect(o.Prefer).To(Equal(map[topology.ASN]map[topology.ASN]int{20: {10: 1, 21: -1}}))
	c = parse(t, with("{}", "attack: {kind: equal-prefix}")).Routing.Convergence
	g.Expect(c.Fine()).To(Equal(scenarios.DefaultGrain))
	g.Expect(c.Options().Timers.MRAI).To(Equal(30 * time.Second))
	for convergence, want := range map[string]string{
		"{mrai: 2h}":     "routing.convergence.mrai: found 2h0m0s, expected at most 1h",
		"{grain: 1us}":   "routing.convergence.grain: found 1µs, expected 1ms to 1m0s",
		"{max-time: 0s}": "routing.convergence.max-time: found 0s, expected more than 0",
		"{prefer: [{as: 20, neighbor: 10, value: 0}]}":                                   "routing.convergence.prefer[0].value: found 0, expected a number above or below 0",
		"{prefer: [{as: 20, neighbor: 22, value: 1}, {as: 20, neighbor: 22, value: 2}]}": "routing.convergence.prefer[1]: found AS 20 and its neighbour 22 a second time",
		"{prefer: [{as: 20, neighbor: 31, value: 1}]}":                                   "routing.convergence.prefer[0]: found AS 20 and AS 31, expected two neighbours of the topology",
	} {
		_, err := scenarios.Parse([]byte(with(convergence, "attack: {kind: equal-prefix}")), "s.yaml")
		g.Expect(err).To(MatchError(ContainSubstring(want)), convergence)
	}
	for event, want := range map[string]string{
		"attack: {kind: malicious-roa}":         "timeline[2].attack.kind: found an attack by ROAs with routing.convergence",
		"rpki: {add: [203.0.113.0/24 AS64500]}": "timeline[2].rpki: found a change of the RPKI with routing.convergence",
	} {
		_, err := scenarios.Parse([]byte(with("{}", event)), "s.yaml")
		g.Expect(err).To(MatchError(ContainSubstring(want)), event)
	}
}

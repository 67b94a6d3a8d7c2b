package scenarios_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/topology/unpack/unpacktest"
)

// FuzzParse holds the parser to three promises on any input: it does not panic;
// errors say where; what it accepts is valid, and is the same when read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(base))
	for _, seed := range []string{
		// Shapes of a document.
		"", "# nothing", "---\n...\n", "word", "- list", "{}", "---\na: b\n---\nc: d\n", "name: [", "\t", "%YAML 9.9\n---\n", "\xff", "a: \x00",
		// Nodes.
		"name: &a x\ntitle: *a\n", "dns: {<<: {root-as: 1}}", "? [a]\n: b\n", "name: !!str x", "name: !x y", "name: x\nname: y\n", "title: |\n  two\n  lines\n",
		"dns: ~", "timeline: [{announce: }]", "expect: [{issue: ~}]", "topology: {synthetic: ~}", strings.Repeat("[", 40), "victim: {web: {a: b}}",
		// One scalar of each type.
		"victim: {as: 0}", "timeline: [{at: -1s}]", "victim: {prefixes: [10.0.0.1/8]}", "victim: {web: [fe80::1%a]}", "ca: {perspectives: {primary: {rir: x}}}",
		"expect: [{issue: yes}]", "topology: {synthetic: {ases: 1e3, seed: -1}}", "topology: {places: [{as: 1, lat: nan, lon: 1e999}]}", "topology: {links: [1 > 0, 1 ~ 2]}",
		// Each form of topology and perspectives.
		"topology: {file: x}", "topology: {synthetic: {ases: 10}}", "ca: {perspectives: {set: openmpic-default}}", "ca: {perspectives: {set: 'aws/us-east-2:'}}",
		"ca: {perspectives: {primary: {region: aws/us-east-2, providers: [1, 1]}, remotes: [{name: a, lat: 91, lon: 0, rir: ARIN}]}}",
		// What the RPKI holds.
		"rpki: {vrps: [203.0.113.0/24 AS64500, 198.51.100.0/22-24 AS0]}", "rpki: {aspas: ['AS64500: 10 20']}", "rpki: {path-ends: ['AS64500: 10 non-transit']}", "rpki: {file: x}", "rpki: {vrps: [x]}",
		// Each event.
		"timeline: [{withdraw: {by: victim}}, {hijack: {prefixes: [192.0.2.0/24]}}, {check: {name: a, date: x, rule: 1/0}}]",
	} {
		f.Add([]byte(seed))
		if strings.Contains(seed, ": ") && !strings.Contains(seed, "\n") { // and in a scenario that is fine otherwise
			f.Add([]byte(base + seed))
		}
	}
	for _, c := range [][2]string{
		{"10 > 11", "11 > 10"},
		{"as: 64666", "as: 64500"},
		{"as: 64666", "as: 64510"},
		{"203.0.113.80]", "203.0.113.80, 203.0.113.80]"},
		{"198.51.100.53}", "203.0.113.80}"},
		{"ns1.shop.example", "shop.example"},
		{"'0 issue \"ca.example\"'", `"0 issue x\n@ A 1.2.3.4"`},
		{"2026-12-15", "0000-01-01"},
		{"at: 120s", "at: 90s"},
		{"name: there", "name: attacker"},
		{"shop.example\n", "xn--99999999.example\n"},
		{"egress: auto", "control-plane: emulated"},
		{"hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes-of: [there, coordinator, nobody]}"},
		{"hijack: {prefixes: [203.0.113.0/24]}", "attack: {kind: interception, communities: true, answers: false}"},
		{"hijack: {prefixes: [203.0.113.0/24]}", "attack: {kind: equal-prefix, of: tld-server}"},
		{"hijack: {prefixes: [203.0.113.0/24]}", "attack: {kind: forged-origin, type: 2, via: [7], export: {classes: [peers], except: [10]}, withhold: [10 > 11]}"},
		{"hijack: {prefixes: [203.0.113.0/24]}", "attack: {kind: flapping, hold: 1s, gap: 1s, times: 2}"},
		{"hijack: {prefixes: [203.0.113.0/24]}", "rpki: {add: [203.0.113.0/24 AS1], remove: [203.0.113.0/24-25 AS0]}"},
		{"  tie-break: lowest-neighbor", "  convergence: {mrai: 1s, prefer: [{as: 10, neighbor: 11, value: 1}]}\n  tie-break: lowest-neighbor"},
		{"by: attacker}", "by: attacker, prefixes-of: [there]}"},
		{"fooled: [there]", "cut-off: [there, aws/us-east-2]"},
		{"address: 198.18.66.66", "impersonates: false"},
		// Each way to say who has a policy.
		{"  seed: 3", "  seed: 3\n  policies: [{rov: on, ases: [10]}]"},
		{"  seed: 3", "  seed: 3\n  policies: [{rov: peers, fraction: 0.5, seed: 3}]"},
		{"  seed: 3", "  seed: 3\n  policies: [{aspa: true, otc: true, largest: 2}]"},
		{"  seed: 3", "  seed: 3\n  policies: [{path-end: true, scores: x.csv, at-least: 0.9}]"},
		{"  seed: 3", "  seed: 3\n  policies: [{bgpsec: true, rov-plus-plus: true, perspectives: true}]"},
		{"  seed: 3", "  seed: 3\n  policies: [{peerlock-lite: true, first-as: true, accepts-long: true}]\n  protected: [10]"},
	} {
		f.Add([]byte(strings.Replace(base, c[0], c[1], 1)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g := NewWithT(t)
		var s *scenarios.Source
		var err error
		unpacktest.Within(t, len(data), func() { s, err = scenarios.Parse(data, "s.yaml") })
		if err != nil {
			for _, m := range messages(err) {
				g.Expect(m).To(MatchRegexp(`(?s)^s\.yaml(:\d+:\d+)?: .*found .*, expected `))
			}
			return
		}
		expectAccepted(t, scenarioFile, string(data), "what is accepted, the schema accepts")
		g.Expect(s.Validate()).To(Succeed())
		again, err := scenarios.Parse(data, "s.yaml")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(again).To(Equal(s))
		for _, e := range s.Timeline {
			if e.Check != nil {
				sites, err := s.Resolve(*e.Check)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(sites[0].Primary).To(BeTrue())
			}
		}
		same, changed, err := s.With(scenarios.Overrides{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(changed).To(BeFalse())
		g.Expect(same.Scenario).To(Equal(s.Scenario))
	})
}

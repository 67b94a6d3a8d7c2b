package scenarios_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
)

func TestControlPlane(t *testing.T) {
	g := NewWithT(t)
	g.Expect(parse(t, base).CA.ControlPlane).To(Equal(scenarios.ControlOutOfBand), "the default")
	s := parse(t, change(t, change(t, change(t, change(t, base, "egress: auto", "egress: auto\n  control-plane: emulated"),
		"hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes-of: [there, coordinator, aws/us-east-2]}"),
		"fooled: [there]", "cut-off: [there]"),
		"address: 198.18.66.66", "address: 198.18.66.66\n  impersonates: false"))
	g.Expect(s.CA.ControlPlane).To(Equal(scenarios.ControlEmulated))
	g.Expect(s.Timeline[1].Hijack.PrefixesOf).To(Equal([]string{"there", "coordinator", "aws/us-east-2"}))
	g.Expect(*s.Expect[0].CutOff).To(Equal([]string{"there"}))
	g.Expect(*s.Attacker.Impersonates).To(BeFalse())
	parse(t, change(t, base, "fooled: [there]", "cut-off: []")) // nobody is, out of band
	parse(t, change(t, base, "withdraw: {by: attacker}", "hijack: {prefixes-of: [there]}}\n  - {at: 130s, withdraw: {by: attacker, prefixes: [203.0.113.0/24], prefixes-of: [there]}"))
	parse(t, change(t, change(t, base, "hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes-of: [there]}"), "at: 120s, withdraw: {by: attacker}",
		"at: 120s, withdraw: {by: attacker}}\n  - {at: 121s, hijack: {prefixes-of: [there]}"))
}

func TestValidateControlPlane(t *testing.T) {
	const (
		hijack   = "hijack: {prefixes: [203.0.113.0/24]}"
		withdraw = "withdraw: {by: attacker}"
		one      = "expected one of aws/us-east-2, there, root-server, tld-server"
		by       = ", expected one whose prefixes the attacker announces at this time, and by: attacker"
	)
	for name, c := range map[string]badCase{
		"an unknown one":         {"egress: auto", "control-plane: «in-band", []string{`@1: ca.control-plane: found "in-band", expected out-of-band or emulated`}},
		"a switch":               {"egress: auto", "control-plane: «true", []string{`@1: ca.control-plane: found "true", expected out-of-band or emulated`}},
		"the path to a stranger": {hijack, "hijack: {prefixes-of: [there, «here]}", []string{`@1: timeline[1].hijack.prefixes-of[1]: found "here", ` + one}},
		"the path to it twice":   {hijack, "hijack: {prefixes-of: [there, «there]}", []string{`@1: timeline[1].hijack.prefixes-of[1]: found "there" a second time, expected each name once`}},
		"a path without a coordinator": {hijack, "hijack: {prefixes-of: [«coordinator]}", []string{
			`@1: timeline[1].hijack.prefixes-of[0]: found "coordinator", ` + one + "; the coordinator's host only with control-plane: emulated",
		}},
		"a path to the attacker's own AS": {"as: 21}\ntimeline:\n  - {at: 0s, announce: {}}\n  - {at: 60s, " + hijack, "as: 64666}\ntimeline:\n  - {at: 0s, announce: {}}\n  - {at: 60s, hijack: {prefixes-of: [«there]}", []string{
			`@1: timeline[1].hijack.prefixes-of[0]: found "there" in the attacker's AS 64666, expected somebody in another AS`,
		}},
		"prefixes, not a list":   {hijack, "hijack: {prefixes-of: «there}", []string{`@1: timeline[1].hijack.prefixes-of: found "there", expected a list, each item text`}},
		"withdrawn for nobody":   {withdraw, "withdraw: {by: attacker, prefixes-of: [«there]}", []string{`@1: timeline[3].withdraw.prefixes-of[0]: found "there"` + by}},
		"withdrawn by the wrong": {withdraw, "hijack: {prefixes-of: [there]}}\n  - {at: 121s, withdraw: {by: victim, prefixes-of: [«there]}", []string{`@1: timeline[4].withdraw.prefixes-of[0]: found "there"` + by}},
		"withdrawn twice": {hijack, "hijack: {prefixes-of: [there]}}\n  - {at: 70s, withdraw: {by: attacker, prefixes-of: [there, «there]}}\n  - {at: 80s, " + hijack, []string{
			`@1: timeline[2].withdraw.prefixes-of[1]: found "there"` + by,
		}},
		"cut off out of band":  {"fooled: [there]", "cut-off: «[there]", []string{`@1: expect[0].cut-off: found names with the control plane "out-of-band", expected none, or control-plane: emulated`}},
		"impersonating maybe":  {"address: 198.18.66.66", "impersonates: «maybe", []string{`@1: attacker.impersonates: found "maybe", expected true or false`}},
		"a perspective's name": {"{name: there, city", "«{name: coordinator, city", []string{`@1: ca.perspectives.remotes[0]: found perspective "coordinator", expected another name than that of a host in the story, or of nobody`, `s.yaml:50:77: expect[0].fooled[0]: found "there", expected a perspective of this check`}},
	} {
		t.Run(name, c.run)
	}
	g := NewWithT(t)
	_, err := scenarios.Parse([]byte(change(t, change(t, base, "egress: auto", "control-plane: emulated"), "fooled: [there]", "cut-off: [there, aws/us-east-2]")), "s.yaml")
	g.Expect(messages(err)).To(Equal([]string{`s.yaml:50:85: expect[0].cut-off[1]: found "aws/us-east-2", expected a remote of this check`}))
}

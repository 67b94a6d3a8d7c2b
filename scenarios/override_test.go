package scenarios_test

import (
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// Each flag replaces its field and nothing else; what the file expected no
// longer counts.
func TestWith(t *testing.T) {
	seed, zero, half := uint64(9), uint64(0), 0.5
	for name, c := range map[string]struct {
		o     scenarios.Overrides
		apply func(s *scenarios.Scenario) // what must come out, on the original
	}{
		"topology": {scenarios.Overrides{TopologyFile: "as-rel.txt"}, func(s *scenarios.Scenario) { s.Topology = scenarios.Topology{File: "as-rel.txt"} }},
		"synthetic": {scenarios.Overrides{SyntheticASes: 100}, func(s *scenarios.Scenario) {
			s.Topology = scenarios.Topology{Synthetic: &scenarios.Synthetic{ASes: 100}}
		}},
		"victim":   {scenarios.Overrides{Victim: 11}, func(s *scenarios.Scenario) { s.Victim.AS = 11 }},
		"attacker": {scenarios.Overrides{Attacker: 11}, func(s *scenarios.Scenario) { s.Attacker.AS = 11 }},
		"both":     {scenarios.Overrides{Victim: 64666, Attacker: 64500}, func(s *scenarios.Scenario) { s.Victim.AS, s.Attacker.AS = 64666, 64500 }},
		"perspectives": {scenarios.Overrides{Perspectives: "aws/us-east-2:gcp/us-west1"}, func(s *scenarios.Scenario) {
			s.CA.Perspectives = scenarios.Perspectives{Set: "aws/us-east-2:gcp/us-west1"}
		}},
		"egress":        {scenarios.Overrides{Egress: "nearest:3"}, func(s *scenarios.Scenario) { s.CA.Egress = "nearest:3" }},
		"date":          {scenarios.Overrides{Date: "2025-10-01"}, func(s *scenarios.Scenario) { s.CA.Date = "2025-10-01" }},
		"rule":          {scenarios.Overrides{Rule: "2/3"}, func(s *scenarios.Scenario) { s.CA.Rule = "2/3" }},
		"method":        {scenarios.Overrides{Method: "acme-dns-01"}, func(s *scenarios.Scenario) { s.CA.Method = "acme-dns-01" }},
		"control plane": {scenarios.Overrides{ControlPlane: "emulated"}, func(s *scenarios.Scenario) { s.CA.ControlPlane = "emulated" }},
		"tie-break":     {scenarios.Overrides{TieBreak: "victim"}, func(s *scenarios.Scenario) { s.Routing.TieBreak = "victim" }},
		"seed":          {scenarios.Overrides{Seed: &seed}, func(s *scenarios.Scenario) { s.Routing.Seed = 9 }},
		"attack": {scenarios.Overrides{Attack: attack.ForgedOrigin}, func(s *scenarios.Scenario) {
			s.Timeline[1] = scenarios.Event{At: s.Timeline[1].At, Attack: &scenarios.Attack{Kind: attack.ForgedOrigin, Target: s.Victim.Prefixes[0]}}
		}},
		"VRPs": {scenarios.Overrides{VRPs: "vrps.csv"}, func(s *scenarios.Scenario) { s.RPKI = &scenarios.RPKI{File: "vrps.csv"} }},
		"ROV": {scenarios.Overrides{ROV: &half}, func(s *scenarios.Scenario) {
			s.Routing.Policies = []scenarios.RoutingPolicy{{ROV: route.ROVOn, Fraction: &half, Seed: s.Routing.Seed}}
			s.RPKI = &scenarios.RPKI{}
			for _, o := range s.Owned() {
				s.RPKI.VRPs = append(s.RPKI.VRPs, scenarios.VRP{VRP: rpki.VRP{Prefix: o.Prefix, MaxLength: o.Prefix.Bits(), Origin: o.AS}})
			}
		}},
		"ROV and VRPs": {scenarios.Overrides{ROV: &half, VRPs: "vrps.csv"}, func(s *scenarios.Scenario) {
			s.Routing.Policies = []scenarios.RoutingPolicy{{ROV: route.ROVOn, Fraction: &half, Seed: s.Routing.Seed}}
			s.RPKI = &scenarios.RPKI{File: "vrps.csv"}
		}},
		"seed 0": {scenarios.Overrides{Seed: &zero}, func(s *scenarios.Scenario) { s.Routing.Seed = 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := parse(t, base)
			out, changed, err := s.With(c.o)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(changed).To(BeTrue())
			want := parse(t, base).Scenario
			c.apply(&want)
			want.Expect = nil
			g.Expect(out.Scenario).To(Equal(want))
			g.Expect(s.Scenario).To(Equal(parse(t, base).Scenario), "the original stays")
		})
	}
}

func TestWithNothing(t *testing.T) {
	g := NewWithT(t)
	s := parse(t, base)
	out, changed, err := s.With(scenarios.Overrides{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(changed).To(BeFalse())
	g.Expect(out.Scenario).To(Equal(s.Scenario))
}

func TestWithKeepsTheSyntheticSeed(t *testing.T) {
	g := NewWithT(t)
	text := change(t, base, "  links:\n    - 10 - 20\n    - 10 > 11\n    - 20 > 21\n    - 20 > 64500\n    - 10 > 64666\n    - 20 > 64510\n  places:\n    - {as: 10, lat: 41.88, lon: -87.63}\n",
		"  synthetic: {ases: 300, seed: 5}\n")
	out, _, err := parse(t, text).With(scenarios.Overrides{SyntheticASes: 100})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*out.Topology.Synthetic).To(Equal(scenarios.Synthetic{ASes: 100, Seed: 5}))
}

// What a single check has of its own gives way to the command line.
func TestWithReplacesWhatChecksHave(t *testing.T) {
	g := NewWithT(t)
	s := parse(t, change(t, base, "check: {name: during}}",
		"check: {name: during}}\n  - {at: 91s, check: {name: own, date: 2025-10-01, rule: 2/3, perspectives: {set: 'aws/eu-west-1:gcp/us-west1'}}}"))
	own := func(s *scenarios.Source) scenarios.CheckEvent { return *s.Timeline[3].Check }

	out, _, err := s.With(scenarios.Overrides{Perspectives: "aws/us-east-2:gcp/us-west1"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(own(out).Perspectives).To(BeNil())
	g.Expect(own(out).Date).To(Equal("2025-10-01"))
	sites, err := out.Resolve(own(out))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sites).To(HaveLen(2))

	out, _, err = s.With(scenarios.Overrides{Date: "2026-06-15"})
	g.Expect(err).NotTo(HaveOccurred())
	date, rule := out.DateAndRule(own(out))
	g.Expect([]string{date, rule}).To(Equal([]string{"2026-06-15", "2/3"}))

	out, _, err = s.With(scenarios.Overrides{Rule: "all"})
	g.Expect(err).NotTo(HaveOccurred())
	date, rule = out.DateAndRule(own(out))
	g.Expect([]string{date, rule}).To(Equal([]string{"2025-10-01", "all"}))

	g.Expect(own(s).Perspectives).NotTo(BeNil(), "the original stays")
}

// An error about what the command line says names the flag, not the file.
func TestWithNamesTheFlag(t *testing.T) {
	for name, c := range map[string]struct {
		o    scenarios.Overrides
		want []string
	}{
		"two topologies":     {scenarios.Overrides{TopologyFile: "x", SyntheticASes: 100}, []string{"flag --synthetic: found 2 of synthetic, file and links, expected exactly one"}},
		"negative ASes":      {scenarios.Overrides{SyntheticASes: -1}, []string{"flag --synthetic: found -1, expected a number of ASes from 10 to 1000000"}},
		"a victim outside":   {scenarios.Overrides{Victim: 1}, []string{"flag --victim: found AS 1, expected an AS of the topology (7 ASes)"}},
		"an attacker":        {scenarios.Overrides{Attacker: 1}, []string{"flag --attacker: found AS 1, expected an AS of the topology (7 ASes)"}},
		"the attacker's AS":  {scenarios.Overrides{Victim: 64666}, []string{"flag --victim: found AS 64666, expected another AS than the attacker's"}},
		"the victim's AS":    {scenarios.Overrides{Attacker: 64500}, []string{"flag --attacker: found AS 64500, expected another AS than the victim's"}},
		"the same for both":  {scenarios.Overrides{Victim: 11, Attacker: 11}, []string{"flag --attacker: found AS 11, expected another AS than the victim's"}},
		"the name servers'":  {scenarios.Overrides{Attacker: 64510}, []string{"flag --attacker: found AS 64510, expected another AS than that of the victim's name server ns1.shop.example"}},
		"an unfinished set":  {scenarios.Overrides{Perspectives: "aws/us-east-2:"}, nil},
		"a remote twice":     {scenarios.Overrides{Perspectives: "aws/us-east-2:aws/us-east-2"}, nil},
		"an egress":          {scenarios.Overrides{Egress: "far"}, []string{`flag --egress: found "far", expected auto, backbone, neighbors, nearest or nearest:N`}},
		"a date":             {scenarios.Overrides{Date: "soon"}, []string{`flag --date: found "soon", expected a date such as 2026-12-15, from 1970 to 2200`}},
		"a method":           {scenarios.Overrides{Method: "tls"}, []string{`flag --method: found "tls", expected acme-http-01 or acme-dns-01`}},
		"a tie-break":        {scenarios.Overrides{TieBreak: "coin"}, []string{`flag --tie-break: found "coin", expected lowest-neighbor, seeded, nearest, attacker or victim`}},
		"a rule":             {scenarios.Overrides{Rule: "4/3"}, []string{`flag --rule: found "4/3", expected a quorum rule: quorum rule "4/3": quorum 4/3: want k/n with 1 <= k <= n`}},
		"two bad flags":      {scenarios.Overrides{Date: "soon", Method: "tls"}, []string{`flag --date: found "soon", expected a date such as 2026-12-15, from 1970 to 2200`, `flag --method: found "tls", expected acme-http-01 or acme-dns-01`}},
		"a date, and a rule": {scenarios.Overrides{Date: "soon", Rule: "all"}, []string{`flag --date: found "soon", expected a date such as 2026-12-15, from 1970 to 2200`}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			out, _, err := parse(t, base).With(c.o)
			g.Expect(out).To(BeNil())
			if c.want == nil { // the catalog's words
				g.Expect(messages(err)).To(HaveLen(1))
				g.Expect(err).To(MatchError(HavePrefix(`flag --perspectives: found "` + c.o.Perspectives + `", expected a perspective set: `)))
				return
			}
			g.Expect(messages(err)).To(Equal(c.want))
		})
	}
}

// The victim's name servers move with the victim; those of others stay.
func TestWithMovesNameServers(t *testing.T) {
	g := NewWithT(t)
	s := parse(t, change(t, base, "  name-servers:\n", "  name-servers:\n    - {name: ns2.shop.example, prefix: 192.0.2.0/24, address: 192.0.2.53}\n"))
	out, _, err := s.With(scenarios.Overrides{Victim: 21})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Victim.NameServers[0].AS).To(BeEquivalentTo(21))
	g.Expect(out.Victim.NameServers[1].AS).To(BeEquivalentTo(64510))
	g.Expect(s.Victim.NameServers[0].AS).To(BeEquivalentTo(64500))
}

func TestFromFlag(t *testing.T) {
	g := NewWithT(t)
	s := parse(t, base)
	out, _, err := s.With(scenarios.Overrides{Victim: 21})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.FromFlag("victim.as")).To(BeTrue())
	g.Expect(out.FromFlag("attacker.as")).To(BeFalse())
	again, changed, err := out.With(scenarios.Overrides{Date: "2026-06-15"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(changed).To(BeTrue())
	g.Expect(again.FromFlag("victim.as")).To(BeTrue(), "flags add up")
	g.Expect(out.FromFlag("ca.date")).To(BeFalse())
	g.Expect(s.FromFlag("victim.as")).To(BeFalse())
}

// What the RPKI says of a side it says of the new one; ASPAs and others stay.
func TestWithMovesOrigins(t *testing.T) {
	g := NewWithT(t)
	text := base + "rpki: {vrps: [203.0.113.0/24 AS64500, 192.0.2.0/24 AS7], aspas: [\"AS64500: 11\"]}\n"
	text = strings.Replace(text, "hijack: {prefixes: [203.0.113.0/24]}", "rpki: {add: [203.0.113.0/24 AS64666], remove: [203.0.113.0/24 AS64500]}", 1)
	text = regexp.MustCompile(`(?m)^.*withdraw: .*\n`).ReplaceAllString(text, "")
	s := parse(t, text)
	out, _, err := s.With(scenarios.Overrides{Victim: 64666, Attacker: 64500})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.RPKI.VRPs).To(HaveExactElements(HaveField("Origin", topology.ASN(64666)), HaveField("Origin", topology.ASN(7))))
	g.Expect(out.RPKI.ASPAs).To(Equal(s.RPKI.ASPAs))
	for _, e := range out.Timeline {
		if e.RPKI != nil {
			g.Expect(e.RPKI.Add).To(HaveExactElements(HaveField("Origin", topology.ASN(64500))))
			g.Expect(e.RPKI.Remove).To(HaveExactElements(HaveField("Origin", topology.ASN(64666))))
		}
	}
	g.Expect(s.RPKI.VRPs).To(HaveExactElements(HaveField("Origin", topology.ASN(64500)), HaveField("Origin", topology.ASN(7))), "the original stays")
}

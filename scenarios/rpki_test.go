package scenarios_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

const defended = `
routing:
  tie-break: lowest-neighbor
  policies:
    - {rov: on, ases: [10, AS20]}
    - {rov: peers, fraction: 0.5, seed: 3}
    - {aspa: true, otc: true, largest: 2}
    - {peerlock-lite: true, path-end: true, first-as: true}
    - {rov: customers-exempt, scores: scores.csv, at-least: 0.9}
    - {bgpsec: true, rov-plus-plus: true, accepts-long: true, perspectives: true}
rpki:
  vrps: [203.0.113.0/24 AS64500, 198.51.100.0/22-24 64510, 2001:db8::/32-48 AS0]
  aspas: ["AS64500: 21 22", "10: AS0"]
  path-ends: ["64500: 21 non-transit", "AS64510: 22"]
  file: vrps.csv
`

// withDefences parses the template with text in the place of its routing, in a
// folder with the files that it may name.
func withDefences(tb testing.TB, text string) (*scenarios.Source, error) {
	tb.Helper()
	dir := tb.TempDir()
	for name, data := range map[string]string{
		"scores.csv": "ASN,rovista_score\n31,0.95\n32,0.5\n99999,1\n",
		"vrps.csv":   "ASN,IP Prefix,Max Length,Trust Anchor\nAS7,192.0.2.0/24,24,arin\n",
	} {
		NewWithT(tb).Expect(os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600)).To(Succeed())
	}
	return scenarios.Parse([]byte(defendedText(tb, text)), filepath.Join(dir, "s.yaml"))
}

// defendedText is the template with text in the place of its routing.
func defendedText(tb testing.TB, text string) string {
	tb.Helper()
	before, rest, _ := strings.Cut(template(tb), "\nrouting:")
	_, rest, _ = strings.Cut(rest, "\nvictim:")
	return before + text + "\nvictim:" + rest
}

func TestDefences(t *testing.T) {
	g := NewWithT(t)
	s, err := withDefences(t, defended)
	g.Expect(err).NotTo(HaveOccurred())
	base, err := s.InlineGraph()
	g.Expect(err).NotTo(HaveOccurred())
	b := topology.Extend(base)
	b.AddLink(topology.Link{A: 10, B: 4200000001, Kind: topology.Transit})
	graph, _, err := b.Build()
	g.Expect(err).NotTo(HaveOccurred())
	d, err := s.Defences(base, graph)
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(d.Payloads.VRPs).To(ConsistOf(
		HaveField("Origin", topology.ASN(64500)), SatisfyAll(HaveField("Origin", topology.ASN(64510)), HaveField("MaxLength", 24)),
		SatisfyAll(HaveField("Origin", topology.ASN(0)), HaveField("MaxLength", 48)), HaveField("Origin", topology.ASN(7)),
	))
	g.Expect(d.RPKI()).To(HaveField("VRPs", 4))
	g.Expect(d.RPKI().File).To(Equal("vrps.csv"))
	g.Expect(d.RPKI().SHA256).To(HaveLen(64))
	g.Expect(d.RPKI().ASPAs).To(Equal(2))
	g.Expect(d.RPKI().PathEnds).To(Equal(2))
	g.Expect(d.Inputs).To(HaveExactElements(HaveField("Role", "scores")))
	half, err := route.DeployFraction(base, 0.5, 3)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Policies).To(Equal([]result.RoutingPolicy{
		{Policy: "ROV", Where: "AS 10, 20", ASes: 2},
		{Policy: "ROV (peers)", Where: "a share of 0.5 of the ASes, seed 3", ASes: len(half)},
		{Policy: "ASPA, OTC", Where: "the 2 largest by customer cone", ASes: 2},
		{Policy: "peerlock-lite, path-end validation, first-AS check", Where: "every AS", ASes: graph.Len()},
		{Policy: "ROV (customers-exempt)", Where: "a score of 0.9 or more in scores.csv", ASes: 1},
		{Policy: "BGPsec, ROV++, accepts long prefixes", Where: "cloud regions", ASes: 1},
	}))

	vrps, err := rpki.NewVRPs(d.Payloads.VRPs)
	g.Expect(err).NotTo(HaveOccurred())
	p, err := d.Compile(vrps)
	g.Expect(err).NotTo(HaveOccurred())
	of := func(asn topology.ASN) route.Policy { i, _ := graph.Index(asn); return p.Of(i) }
	g.Expect(of(31).ROV).To(Equal(route.ROVCustomersExempt))
	g.Expect(of(4200000001)).To(Equal(route.Policy{ROV: route.ROVOn, BGPsec: true, ROVPP: true, AcceptsLong: true, PeerlockLite: true, PathEnd: true, FirstAS: true}))
	g.Expect(p.Validity(s.Victim.Prefixes[0], 64666)).To(Equal(rpki.Invalid))

	plain, err := scenarios.Parse([]byte(template(t)), "s.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	d, err = plain.Defences(base, base)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.RPKI()).To(BeNil())
	g.Expect(d.Policies).To(BeEmpty())
	expectAccepted(t, scenarioFile, defendedText(t, defended), "with policies and payloads")
}

// TestPayloadsRoundTrip: what is read is written the same.
func TestPayloadsRoundTrip(t *testing.T) {
	g := NewWithT(t)
	for _, text := range []string{"203.0.113.0/24 AS64500", "198.51.100.0/22-24 AS64510", "2001:db8::/32-48 AS0"} {
		var v scenarios.VRP
		g.Expect(v.UnmarshalText([]byte(text))).To(Succeed())
		g.Expect(v.MarshalText()).To(BeEquivalentTo(text))
	}
	for _, text := range []string{"AS64500: 21 22", "AS10: 0"} {
		var a scenarios.ASPA
		g.Expect(a.UnmarshalText([]byte(text))).To(Succeed())
		g.Expect(a.MarshalText()).To(BeEquivalentTo(text))
	}
	for _, text := range []string{"AS64500: 21 non-transit", "AS64500: 21 22"} {
		var p scenarios.PathEnd
		g.Expect(p.UnmarshalText([]byte(text))).To(Succeed())
		g.Expect(p.MarshalText()).To(BeEquivalentTo(text))
	}
}

func TestDefencesErrors(t *testing.T) {
	const policies, vrps, aspas, ends = "routing: {policies: [%]}\n", "rpki: {vrps: [%]}\n", "rpki: {aspas: [%]}\n", "rpki: {path-ends: [%]}\n"
	for name, c := range map[string]struct{ form, item, want string }{
		"nothing":            {policies, "{ases: [10]}", "routing.policies[0]: found nothing that ASes do, expected one of rov, aspa"},
		"off":                {policies, "{rov: off}", "routing.policies[0]: found nothing that ASes do"},
		"an unknown ROV":     {policies, "{rov: maybe}", `routing.policies[0].rov: found "maybe", expected one of off, on, customers-exempt, peers, prefer-valid`},
		"two choices":        {policies, "{rov: on, ases: [10], largest: 2}", "routing.policies[0]: found ases beside largest, expected one of ases, fraction"},
		"no AS":              {policies, "{rov: on, ases: []}", "routing.policies[0].ases: found an empty list, expected at least one AS"},
		"an AS twice":        {policies, "{rov: on, ases: [10, 10]}", "routing.policies[0].ases[1]: found AS 10 a second time, expected each AS once"},
		"more than all":      {policies, "{rov: on, fraction: 1.5}", "routing.policies[0].fraction: found 1.5, expected a share from 0 to 1"},
		"not a share":        {policies, "{rov: on, fraction: NaN}", "routing.policies[0].fraction: found NaN, expected a share from 0 to 1"},
		"a lonely seed":      {policies, "{rov: on, seed: 4}", "routing.policies[0].seed: found a seed, expected a seed only of fraction"},
		"none of the ASes":   {policies, "{rov: on, largest: 0}", "routing.policies[0].largest: found 0, expected how many ASes, 1 or more"},
		"scores alone":       {policies, "{rov: on, scores: x.csv}", "routing.policies[0].at-least: found one of scores and at-least, expected both or neither"},
		"a score above 1":    {policies, "{rov: on, scores: x.csv, at-least: 90}", "routing.policies[0].at-least: found 90, expected a score from 0 to 1"},
		"no perspectives":    {policies, "{rov: on, perspectives: false}", "routing.policies[0].perspectives: found false, expected true, or nothing"},
		"protected twice":    {"routing: {protected: [%]}\n", "10, 10", "routing.protected[1]: found AS 10 a second time"},
		"no origin":          {vrps, "203.0.113.0/24", `rpki.vrps[0]: found "203.0.113.0/24", expected a prefix, perhaps a maximum length, and an origin`},
		"host bits":          {vrps, "203.0.113.1/24 AS1", "rpki.vrps[0]: found"},
		"too long":           {vrps, "203.0.113.0/24-33 AS1", "rpki.vrps[0]: found"},
		"shorter than short": {vrps, "203.0.113.0/24-23 AS1", "rpki.vrps[0]: found"},
		"not an origin":      {vrps, "203.0.113.0/24 me", "rpki.vrps[0]: found"},
		"a VRP twice":        {vrps, "203.0.113.0/24 AS1, 203.0.113.0/24-24 1", "rpki.vrps[1]: found 203.0.113.0/24 AS1 a second time, expected each VRP once"},
		"no colon":           {aspas, "AS1", `rpki.aspas[0]: found "AS1", expected a customer and its providers`},
		"a provider itself":  {aspas, `"AS1: 1"`, "rpki.aspas[0]: found"},
		"no neighbour":       {ends, `"AS1: x"`, `rpki.path-ends[0]: found "AS1: x", expected an origin and its neighbours`},
		"an empty name":      {"rpki: {file: %}\n", `""`, "rpki.file: found nothing, expected a file's name"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := withDefences(t, "\n"+strings.Replace(c.form, "%", c.item, 1))
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.want)))
		})
	}
	g := NewWithT(t)
	for text, want := range map[string]string{
		"routing: {policies: [{rov: on, ases: [77]}]}":                      "routing.policies[0].ases[0]: found AS 77, expected an AS of the topology (12 ASes)",
		"routing: {policies: [{rov: on, scores: none.csv, at-least: 0.5}]}": "none.csv: no such file",
		"routing: {policies: [{rov: on, scores: vrps.csv, at-least: 0.5}]}": "vrps.csv:1",
		"rpki: {file: none.csv}":                                            "none.csv: no such file",
		"rpki: {file: scores.csv}":                                          "scores.csv",
		"rpki: {aspas: [\"AS1: 2\"], path-ends: [\"AS1: 2\", \"AS1: 3\"]}":  "",
	} {
		s, err := withDefences(t, "\n"+text)
		g.Expect(err).NotTo(HaveOccurred(), text)
		base, err := s.InlineGraph()
		g.Expect(err).NotTo(HaveOccurred())
		_, err = s.Defences(base, base)
		if want == "" {
			g.Expect(err).NotTo(HaveOccurred(), text)
			continue
		}
		g.Expect(err).To(MatchError(ContainSubstring(want)), text)
	}
}

package scenarios_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/topology"
	"mpicsim/topology/unpack/unpacktest"
)

const baseStudy = `name: base
title: A title
topology: {synthetic: {ases: 300, seed: 4}}
routing: {tie-break: seeded, seed: 7}
victims: {sample: 20, seed: 3}
attackers: all
attacks: [equal-prefix, forged-origin]
viewpoints: [aws/us-*, AS12, aws/us-east-2]
egress: nearest:3
`

func TestParseStudy(t *testing.T) {
	g := NewWithT(t)
	s, err := scenarios.ParseStudy([]byte(baseStudy), "dir/s.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Victims).To(Equal(scenarios.Population{Sample: 20, Seed: 3}))
	g.Expect(s.Attackers).To(Equal(scenarios.Population{All: true}))
	g.Expect(s.Path("w.csv")).To(Equal(filepath.Join("dir", "w.csv")))
	g.Expect(s.Path("/w.csv")).To(Equal("/w.csv"))
	g.Expect(s.SHA256).To(HaveLen(64))
	sites, err := s.Sites()
	g.Expect(err).NotTo(HaveOccurred())
	var names []string
	for _, site := range sites {
		names = append(names, site.Perspective.Name)
	}
	g.Expect(names).To(Equal([]string{"aws/us-east-1", "aws/us-east-2", "aws/us-west-1", "aws/us-west-2", "AS12"}), "each once")
	egress, err := s.ResolveEgress("file")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(egress).To(Equal(scenarios.Egress{Model: scenarios.EgressNearest, Providers: 3}))

	short, err := scenarios.ParseStudy([]byte("name: a\ntopology: {file: t.txt}\nvictims: [1, AS2]\nattackers: {weights: w.csv, column: hijacker, sample: 5, seed: 0}\n"+
		"attacks: [equal-prefix]\nviewpoints: [1]\n"), "s.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(short.Victims).To(Equal(scenarios.Population{ASes: []topology.ASN{1, 2}}))
	g.Expect(short.Attackers).To(Equal(scenarios.Population{Weights: "w.csv", Column: "hijacker", Sample: 5}))
	g.Expect(short.Routing.TieBreak).To(Equal("seeded"))
	egress, err = short.ResolveEgress("inline")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(egress.Model).To(Equal(scenarios.EgressNearest), "made-up AS numbers are no cloud's")
	egress, err = short.ResolveEgress("file")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(egress.Model).To(Equal(scenarios.EgressAuto))
}

// TestStudyErrors: every mistake is located, with what was found and expected.
func TestStudyErrors(t *testing.T) {
	const forms = "expected all, a list of AS numbers, or a mapping with sample and seed, weights, or both"
	for name, c := range map[string]struct{ old, new, want string }{
		"no victims":            {"victims: {sample: 20, seed: 3}\n", "", "s.yaml:1:1: victims: found nothing, " + forms},
		"a word":                {"attackers: all", "attackers: everybody", `s.yaml:6:12: attackers: found "everybody", ` + forms},
		"nothing":               {"attackers: all", "attackers:", "s.yaml:6:11: attackers: found nothing, " + forms},
		"an empty list":         {"attackers: all", "attackers: []", "s.yaml:6:12: attackers: found an empty list, " + forms},
		"an empty mapping":      {"attackers: all", "attackers: {}", "s.yaml:6:12: attackers: found neither sample nor weights, " + forms},
		"an AS twice":           {"attackers: all", "attackers: [7, AS7]", "s.yaml:6:16: attackers[1]: found AS 7 a second time, expected each AS once"},
		"AS 0":                  {"attackers: all", "attackers: [0]", `s.yaml:6:13: attackers[0]: found "0", expected an AS number`},
		"a sample of none":      {"sample: 20", "sample: 0", `s.yaml:5:19: victims.sample: found 0, expected how many ASes, 1 or more`},
		"a sample, no seed":     {", seed: 3", "", "victims.seed: found one of sample and seed, expected both or neither"},
		"a seed, no sample":     {"{sample: 20, seed: 3}", "{weights: w, seed: 3}", "s.yaml:5:29: victims.seed: found one of sample and seed, expected both or neither"},
		"a column, no file":     {"seed: 3}", "seed: 3, column: x}", `victims.column: found "x", expected a column only of a file of weights`},
		"an unknown field":      {"seed: 3}", "seeds: 3}", `s.yaml:5:23: victims: found unknown field "seeds", expected one of sample, seed, weights, column`},
		"a VRP twice":           {"egress: nearest:3", "rpki: {vrps: [10.0.0.0/8 AS1, 10.0.0.0/8 AS1]}", "s.yaml:9:31: rpki.vrps[1]: found 10.0.0.0/8 AS1 a second time, expected each VRP once"},
		"a policy of nothing":   {"seed: 7}", "seed: 7, policies: [{fraction: 0.3}]}", "routing.policies[0]: found nothing that ASes do"},
		"a bound":               {"tie-break: seeded", "tie-break: victim", `s.yaml:4:22: routing.tie-break: found "victim", expected lowest-neighbor, seeded or nearest: the bounds attacker and victim are computed beside it`},
		"an unknown tie-break":  {"tie-break: seeded", "tie-break: coin", `found "coin", expected lowest-neighbor, seeded or nearest`},
		"no attacks":            {"attacks: [equal-prefix, forged-origin]\n", "", "attacks: found nothing, expected a list of attacks, each one of equal-prefix, sub-prefix, "},
		"an attack twice":       {"forged-origin]", "equal-prefix]", `s.yaml:7:25: attacks[1]: found "equal-prefix" a second time, expected each attack once, by name`},
		"no such attack":        {"forged-origin]", "subprefix]", `s.yaml:7:25: attacks[1]: found "subprefix", expected one of equal-prefix, sub-prefix, forged-origin, `},
		"with a timeline":       {"forged-origin]", "flapping]", `s.yaml:7:25: attacks[1]: found "flapping", expected one of`},
		"a kind, mapped":        {"forged-origin]", "{kind: flap}]", `s.yaml:7:32: attacks[1].kind: found "flap", expected one of`},
		"no kind":               {"forged-origin]", "{type: 2}]", `s.yaml:7:25: attacks[1]: found "-2", expected one of`},
		"an attack as a list":   {"forged-origin]", "[x]]", `s.yaml:7:25: attacks[1]: found a list, expected one of`},
		"a type":                {"forged-origin]", "forged-origin-17]", `s.yaml:7:25: attacks[1]: found 17, expected 1 to 16`},
		"a type, mapped":        {"forged-origin]", "{kind: forged-origin, type: 0}]", `s.yaml:7:53: attacks[1].type: found 0, expected 1 or more`},
		"a type for none":       {"forged-origin]", "equal-prefix-1]", `s.yaml:7:25: attacks[1]: found a value, expected none: the kind does not take it`},
		"a name is needed":      {"forged-origin]", "{kind: prepended, prepend: 2}]", `attacks[1].name: found nothing, expected a name, because there is more than a kind and a type`},
		"a name of the attack":  {"forged-origin]", "{kind: prepended, prepend: 2, name: A b}]", `attacks[1].name: found "A b", expected lower-case letters`},
		"the name of the best":  {"forged-origin]", "{kind: forged-origin, name: strongest}]", `attacks[1].name: found "strongest", expected another name`},
		"a name twice":          {"forged-origin]", "{kind: forged-origin, name: equal-prefix}]", `attacks[1]: found "equal-prefix" a second time`},
		"prepending":            {"forged-origin]", "{kind: prepended, prepend: 65, name: x}]", `s.yaml:7:52: attacks[1].prepend: found 65, expected 0 to 64`},
		"no field for the kind": {"forged-origin]", "{kind: equal-prefix, poison: [7], name: x}]", `s.yaml:7:54: attacks[1].poison: found a value, expected none`},
		"what the kind needs":   {"forged-origin]", "prepended]", `s.yaml:7:25: attacks[1]: found nothing, expected a value, of one of them at least`},
		"neighbours":            {"forged-origin]", "{kind: scoped, to: [friends], name: x}]", `attacks[1].to[0]: found "friends", expected customers, peers or providers`},
		"domains, no origins":   {"{sample: 20, seed: 3}", "{domains: d.jsonl}", "victims.origins: found nothing, expected a file of prefixes and their origins"},
		"origins, no domains":   {"{sample: 20, seed: 3}", "{sample: 2, seed: 3, origins: o.csv}", "victims.domains: found nothing, expected a file of domains beside origins"},
		"attacking domains":     {"attackers: all", "attackers: {domains: d, origins: o}", "s.yaml:6:22: attackers.domains: found a value, expected none: attackers are ASes"},
		"domains by weight":     {"{sample: 20, seed: 3}", "{domains: d, origins: o, weights: w}", "victims.weights: found a value, expected none beside domains"},
		"upper":                 {"{sample: 20, seed: 3}", "{domains: d, origins: o, upper: all}", `victims.upper: found "all", expected none, tld or root`},
		"no viewpoints":         {"viewpoints: [aws/us-*, AS12, aws/us-east-2]", "viewpoints: []", `viewpoints: found nothing, expected a list of regions`},
		"no such region":        {"aws/us-*", "aws/mars-*", `s.yaml:8:14: viewpoints[0]: found "aws/mars-*", expected a region's name, a pattern such as aws/*, or an AS number`},
		"a bad pattern":         {"aws/us-*", "'aws/['", `viewpoints[0]: found "aws/[", expected a region's name`},
		"an AS viewpoint twice": {"aws/us-east-2]", "12]", "viewpoints[2]: found AS 12 a second time, expected each AS once"},
		"an egress model":       {"nearest:3", "farthest", `egress: found "farthest", expected auto, backbone, neighbors, nearest or nearest:N`},
		"two topologies":        {"{synthetic: {ases: 300, seed: 4}}", "{synthetic: {ases: 300}, file: x}", "topology: found 2 of synthetic, file and links, expected exactly one"},
		"an inline cycle":       {"{synthetic: {ases: 300, seed: 4}}", "{links: [1 > 2, 2 > 1]}", "s.yaml:3:27: topology.links[1]: found 2 > 1"},
		"a name":                {"name: base", "name: Base Case", `s.yaml:1:7: name: found "Base Case", expected lower-case letters, digits and hyphens`},
		"a title with a bell":   {"title: A title", `title: "a\ab"`, "title: found the character U+0007, expected printable text"},
		"a victim's prefix":     {"attackers: all", "attackers: all\nprefix: 10.0.0.0/8", `found unknown field "prefix", expected one of name, title, topology, routing, victims`},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(baseStudy).To(ContainSubstring(c.old))
			_, err := scenarios.ParseStudy([]byte(strings.Replace(baseStudy, c.old, c.new, 1)), "s.yaml")
			g.Expect(err).To(MatchError(ContainSubstring(c.want)))
		})
	}
	g := NewWithT(t)
	_, err := scenarios.ParseStudy([]byte("name: A\nattacks: [x]\n"), "s.yaml")
	g.Expect(messages(err)).To(HaveLen(6), "all of them, not only the first: %v", err)
	_, err = scenarios.ReadStudy("nowhere.yaml")
	g.Expect(err).To(MatchError(ContainSubstring("reading a study: open nowhere.yaml")))
	s, err := scenarios.ParseStudy([]byte(strings.Replace(baseStudy, "nearest:3", "backbone", 1)), "s.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	_, err = s.ResolveEgress("synthetic")
	g.Expect(err).To(MatchError(ContainSubstring(`s.yaml:9:9: egress: found "backbone", expected nearest or nearest:N: a synthetic Internet has no clouds`)))
}

// FuzzParseStudy: no panic; errors say where; what is accepted is valid, and the
// same when read again.
func FuzzParseStudy(f *testing.F) {
	f.Add([]byte(baseStudy))
	for _, c := range [][2]string{
		{"attackers: all", "attackers: [1, 2]"},
		{"attackers: all", "attackers: {weights: w.json}"},
		{"attackers: all", "attackers: {weights: w.csv, column: x, sample: 3, seed: 4}"},
		{"attackers: all", "attackers: &a all"},
		{"attackers: all", "attackers: ~"},
		{"attackers: all", "attackers: !!str all"},
		{"attackers: all", "attackers: [[1]]"},
		{"{synthetic: {ases: 300, seed: 4}}", "{links: [1 > 2, 2 - 3], places: [{as: 1, lat: 1, lon: 2}]}"},
		{"{synthetic: {ases: 300, seed: 4}}", "{file: x.bz2}"},
		{"egress: nearest:3", "rpki: x"},
		{"egress: nearest:3", "rpki: {file: x, vrps: [10.0.0.0/8-24 AS1], aspas: ['AS1: 2']}"},
		{"seed: 7}", "seed: 7, policies: [{fraction: 0.3, seed: 1, rov: on}, {largest: 5, aspa: true}], protected: [1]}"},
		{"{sample: 20, seed: 3}", "{domains: d.jsonl, origins: o.csv, upper: root, sample: 5, seed: 1}"},
		{"[equal-prefix, forged-origin]", "[forged-origin-2, {kind: prepended, name: a, prepend: 1, type: 1}]"},
		{"[equal-prefix, forged-origin]", "[{kind: scoped, name: a, to: [peers], no-export: true, poison: [7], via: [8], type: 2}]"},
		{"[equal-prefix, forged-origin]", "[{kind: malicious-roa, name: a, roa-origin: 7, revoke-roas: true}, route-leak-6]"},
		{"aws/us-*", "'*/*'"},
		{"aws/us-*", "'['"},
		{"[equal-prefix, forged-origin]", "[sub-prefix]"},
		{"tie-break: seeded", "tie-break: nearest"},
	} {
		f.Add([]byte(strings.Replace(baseStudy, c[0], c[1], 1)))
	}
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, data []byte) {
		g := NewWithT(t)
		s, err := scenarios.ParseStudy(data, "s.yaml")
		if err != nil {
			for _, m := range messages(err) {
				g.Expect(m).To(MatchRegexp(`(?s)^s\.yaml(:\d+:\d+)?: .*found .*, expected `))
			}
			return
		}
		expectAccepted(t, studyFile, string(data), "what is accepted, the schema accepts")
		g.Expect(s.Validate()).To(Succeed())
		sites, err := s.Sites()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(sites).NotTo(BeEmpty())
		again, err := scenarios.ParseStudy(data, "s.yaml")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(again).To(Equal(s))
	})
}

func TestReadWeights(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		g.Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
		return path
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write([]byte(`{"7": 2, "3": 1.5, "{5,6}": 4, "{8}": 1}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(z.Close()).To(Succeed())
	for name, c := range map[string]struct {
		text, column string
		ases         []topology.ASN
		weight       []float64
		sets         int
		setsWeight   float64
	}{
		"JSON":            {` {"7": 2, "3": 1.5}` + "\n", "", []topology.ASN{3, 7}, []float64{1.5, 2}, 0, 0},
		"JSON, gzip":      {zipped.String(), "", []topology.ASN{3, 7}, []float64{1.5, 2}, 2, 5},
		"CSV":             {"asn,weight\nAS7,2\n3,1\n7,0.5\n", "", []topology.ASN{3, 7}, []float64{1, 2.5}, 0, 0},
		"CSV, other ones": {"x,weight,asn\n1,4,7\n2,5,3\n", "", []topology.ASN{3, 7}, []float64{5, 4}, 0, 0},
		"CSV, counted":    {"hijackerASN,victimASN,type\n7,1,0\n3,1,0\n7,2,1\n", "hijackerASN", []topology.ASN{3, 7}, []float64{1, 2}, 0, 0},
		"CSV, a set":      {"asn\n7\n\"{1,2}\"\n", "", []topology.ASN{7}, []float64{1}, 1, 1},
	} {
		w, err := scenarios.ReadWeights(write("w", c.text), c.column)
		g.Expect(err).NotTo(HaveOccurred(), name)
		g.Expect(w.ASes).To(Equal(c.ases), name)
		g.Expect(w.Weight).To(Equal(c.weight), name)
		g.Expect([]any{w.Sets, w.SetsWeight}).To(Equal([]any{c.sets, c.setsWeight}), name)
		g.Expect(w.SHA256).To(HaveLen(64), name)
	}
	for name, c := range map[string]struct{ text, column, want string }{
		"empty":             {"", "", "w: found nothing, expected a header"},
		"only a header":     {"asn\n", "", "w: found no AS, expected AS numbers and weights"},
		"no such column":    {"as,weight\n1,2\n", "", `w:1:1: found the columns ["as" "weight"], expected a header with the column "asn"`},
		"a short line":      {"asn,weight\n1,2\n3\n", "", "w:3:1: found wrong number of fields, expected as many"},
		"no AS":             {"asn,weight\n1,2\nx,3\n", "", `w:3:1: asn: found "x", expected an AS number`},
		"weight 0":          {"asn,weight\n1,0\n", "", `w:2:1: weight: found "0", expected a number above 0`},
		"not a number":      {"asn,weight\n1,NaN\n", "", `w:2:1: weight: found "NaN"`},
		"infinite":          {"asn,weight\n1,1e999\n", "", `w:2:1: weight: found "1e999"`},
		"an infinite sum":   {"asn,weight\n1,1e308\n2,1e308\n", "", "weights without a finite sum"},
		"JSON, cut":         {`{"1": 2,`, "", "w:1:1: found"},
		"JSON, a list":      {"{\n\"1\": [2]}", "", `w:2:1: weight: found "[", expected a number above 0`},
		"JSON, twice":       {`{"1": 2, "AS1": 3}`, "", "w:1:1: found AS 1 a second time"},
		"JSON, more":        {`{"1": 2} {}`, "", "w:1:1: found more behind the object"},
		"JSON, a column":    {`{"1": 2}`, "x", `w: found JSON, expected CSV with the column "x"`},
		"gzip, cut":         {zipped.String()[:20], "", "w: gzip: unexpected EOF"},
		"JSON, negative":    {`{"1": -2}`, "", `w:1:1: weight: found "-2"`},
		"a quote left open": {"asn\n\"1\n", "", "w:"},
	} {
		_, err := scenarios.ParseWeights([]byte(c.text), "w", c.column)
		g.Expect(err).To(MatchError(HavePrefix("w")), name)
		g.Expect(err).To(MatchError(ContainSubstring(c.want)), name)
	}
	_, err = scenarios.ReadWeights(filepath.Join(dir, "nowhere"), "")
	g.Expect(err).To(MatchError(ContainSubstring("reading weights: open")))
}

// FuzzParseWeights: no panic; what is accepted is in order and can be added up.
func FuzzParseWeights(f *testing.F) {
	for _, text := range []string{`{"7": 2, "3": 1.5, "{5,6}": 4}`, "asn,weight\n7,2\n", "asn\n7\n7\n", "", "{", "\x1f\x8b", "asn\n\"", `{"1": 1e308, "2": 1e308}`, "asn\n{1}\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g := NewWithT(t)
		var w *scenarios.Weights
		var err error
		unpacktest.Within(t, len(data), func() { w, err = scenarios.ParseWeights(data, "w", "") })
		if err != nil {
			g.Expect(err.Error()).To(HavePrefix("w"))
			return
		}
		g.Expect(w.Weight).To(HaveLen(len(w.ASes)))
		for n := range w.ASes {
			g.Expect(w.Weight[n]).To(BeNumerically(">", 0))
			g.Expect(n == 0 || w.ASes[n-1] < w.ASes[n]).To(BeTrue())
		}
	})
}

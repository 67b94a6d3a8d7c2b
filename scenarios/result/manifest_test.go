package result_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
)

// TestManifestSchemaFitsOutput: what studies really store fits the schema.
func TestManifestSchemaFitsOutput(t *testing.T) {
	for name, text := range map[string]string{
		"all, by AS": "topology: {links: [1 > 2, 1 > 3]}\nvictims: all\nattackers: all\nviewpoints: [1]\n",
		"listed":     "title: A title\ntopology: {synthetic: {ases: 30}}\nvictims: [1]\nattackers: [2, 3]\nviewpoints: [aws/*]\n",
		"sampled":    "topology: {synthetic: {ases: 30}}\nvictims: {sample: 3, seed: 0}\nattackers: {sample: 4, seed: 1}\nviewpoints: [aws/*]\n",
		"weighted":   "topology: {synthetic: {ases: 30}}\nvictims: {weights: w.csv}\nattackers: {weights: w.csv, sample: 5, seed: 2}\nviewpoints: [1]\n",
		"from a file": "topology: {file: t.txt, places: [{as: 1, lat: 0, lon: 0}]}\nvictims: all\nattackers: all\n" +
			"viewpoints: [aws/us-east-2]\nrouting: {tie-break: lowest-neighbor}\n",
		"defended": "topology: {synthetic: {ases: 30}}\nvictims: all\nattackers: {sample: 4, seed: 1}\nviewpoints: [1]\n" +
			"rpki: {file: vrps.csv, vrps: [10.0.0.0/8 AS3], aspas: ['AS3: 1']}\nrouting: {policies: [{fraction: 0.3, seed: 1, rov: on}, {scores: scores.csv, at-least: 0.5, aspa: true}]}\n",
		"domains": "topology: {synthetic: {ases: 30}}\nvictims: {domains: d.jsonl, origins: o.csv, sample: 1, seed: 1, upper: root}\nattackers: all\nviewpoints: [1]\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := t.TempDir()
			g.Expect(os.WriteFile(filepath.Join(dir, "w.csv"), []byte("asn,weight\n1,2\n2,3\n4000,1\n"), 0o600)).To(Succeed())
			g.Expect(os.WriteFile(filepath.Join(dir, "t.txt"), []byte("1|2|-1\n1|2|-1\n"), 0o600)).To(Succeed())
			for file, text := range map[string]string{
				"vrps.csv":   "ASN,IP Prefix,Max Length,Trust Anchor\nAS1,192.0.2.0/24,24,arin\n",
				"scores.csv": "ASN,rovista_score\n1,1.0\n",
				"o.csv":      "prefix,asn\n192.0.2.0/24,1\n",
				"d.jsonl": `{"domain":"a.example","addresses":[{"address":"192.0.2.1","role":"web","name":"a.example"}]}` + "\n" +
					`{"domain":"b.example","addresses":[{"address":"192.0.2.2","role":"web","name":"b.example"}]}` + "\n",
			} {
				g.Expect(os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600)).To(Succeed())
			}
			src, err := scenarios.ParseStudy([]byte("name: t\nattacks: [equal-prefix]\n"+text), filepath.Join(dir, "study.yaml"))
			g.Expect(err).NotTo(HaveOccurred())
			for _, aggregate := range []bool{false, name != "domains"} {
				p, err := study.Prepare(t.Context(), study.Options{Source: src, Version: "test", Aggregate: aggregate})
				g.Expect(err).NotTo(HaveOccurred())
				out := t.TempDir()
				_, err = p.Run(t.Context(), study.RunOptions{Directory: out})
				g.Expect(err).NotTo(HaveOccurred())
				data, err := os.ReadFile(filepath.Join(out, result.ManifestName))
				g.Expect(err).NotTo(HaveOccurred())
				schema := decode(t, result.ManifestSchemaJSON()).(object)
				c := &checker{root: schema}
				c.check("$", schema, decode(t, data))
				g.Expect(c.errs).To(BeEmpty())
			}
		})
	}
}

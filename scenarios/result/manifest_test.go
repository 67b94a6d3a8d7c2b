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
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := t.TempDir()
			g.Expect(os.WriteFile(filepath.Join(dir, "w.csv"), []byte("asn,weight\n1,2\n2,3\n4000,1\n"), 0o600)).To(Succeed())
			g.Expect(os.WriteFile(filepath.Join(dir, "t.txt"), []byte("1|2|-1\n1|2|-1\n"), 0o600)).To(Succeed())
			src, err := scenarios.ParseStudy([]byte("name: t\nattacks: [equal-prefix]\n"+text), filepath.Join(dir, "study.yaml"))
			g.Expect(err).NotTo(HaveOccurred())
			for _, aggregate := range []bool{false, true} {
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

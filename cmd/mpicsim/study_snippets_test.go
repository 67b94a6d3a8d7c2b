package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/reports/resilience"
)

// The release of the npm package with which the tests run SQL on Parquet; the Makefile
// installs it below the user's cache folder.
const duckDB = "duckdb-node-api-1.5.6-r.1"

// snippets returns the code of a language on the page about studies.
func snippets(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "studies.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```\n").FindAllSubmatch(page, -1) {
		out = append(out, string(m[1]))
	}
	return out
}

// weightedStudies runs a study in which both sides have weights and attacks differ,
// with a row for each hijack and aggregated, and returns folders that have each as
// "results" and "hijacks.csv".
func weightedStudies(t *testing.T) []string {
	t.Helper()
	g := NewWithT(t)
	input := t.TempDir()
	g.Expect(os.WriteFile(filepath.Join(input, "victims.csv"), []byte("asn,weight\n1,20\n150,0.5\n200,1\n299,4.25\n33,3\n12,2\n"), 0o600)).To(Succeed())
	var attackers strings.Builder
	attackers.WriteString("asn,weight\n")
	for asn := 1; asn <= 300; asn += 3 {
		fmt.Fprintf(&attackers, "%d,%g\n", asn, 1+100/float64(asn))
	}
	attackers.WriteString("12,9\n")
	g.Expect(os.WriteFile(filepath.Join(input, "attackers.csv"), []byte(attackers.String()), 0o600)).To(Succeed())
	study := filepath.Join(input, "study.yaml")
	g.Expect(os.WriteFile(study, []byte(`name: weighted
topology: {synthetic: {ases: 300, seed: 2}}
victims: {weights: victims.csv}
attackers: {weights: attackers.csv, sample: 200, seed: 5}
attacks: [equal-prefix, forged-origin]
viewpoints: [AS12, "aws/*", gcp/asia-east1]
`), 0o600)).To(Succeed())
	var folders []string
	for _, flags := range [][]string{nil, {"--aggregate"}} {
		folder := t.TempDir()
		results := filepath.Join(folder, "results")
		var stderr bytes.Buffer
		s := testStreams(&bytes.Buffer{}, &stderr)
		g.Expect(run(append([]string{"study", "run", study, "-o", results}, flags...), s)).To(Equal(exitDone), stderr.String())
		g.Expect(run([]string{"study", "export", results, "--csv", "-o", filepath.Join(folder, "hijacks.csv")}, s)).To(Equal(exitDone), stderr.String())
		folders = append(folders, folder)
	}
	return folders
}

// judged is what the command says of the results that snippets are run on.
func judged(t *testing.T, folder string) (means map[string]float64, viewpoints map[string]resilience.Bounds) {
	t.Helper()
	g := NewWithT(t)
	var stdout, stderr bytes.Buffer
	g.Expect(run([]string{
		"study", "resilience", filepath.Join(folder, "results"), "--json", "--pairwise",
		"--perspectives", "aws/us-east-2:aws/us-west-1,aws/eu-west-1,gcp/asia-east1", "--rule", "2/3",
	}, testStreams(&stdout, &stderr))).To(Equal(exitDone), stderr.String())
	var report resilience.Report
	g.Expect(json.Unmarshal(stdout.Bytes(), &report)).To(Succeed())
	means, viewpoints = map[string]float64{}, map[string]resilience.Bounds{}
	for _, a := range report.Attacks {
		if a.Attack == resilience.Strongest {
			continue
		}
		means[a.Attack] = a.Policies[0].WithPrimary.Mean.Picked
		for _, v := range a.Viewpoints {
			if v.Victims > 0 {
				viewpoints[a.Attack+" "+v.Name] = v.Resilience
			}
		}
	}
	g.Expect(means).To(HaveLen(2))
	g.Expect(means["equal-prefix"]).NotTo(BeNumerically("~", means["forged-origin"], 0.001), "attacks that differ")
	return means, viewpoints
}

// execute runs a program in a folder and returns what it prints.
func execute(t *testing.T, folder, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.WaitDelay = folder, 10*time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return out
}

// TestDocumentedSQL runs the page's SQL on the Parquet files of weighted studies, with
// DuckDB: what comes out is what the command says.
func TestDocumentedSQL(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("SKIPPED: no cache folder, where `make packages` puts DuckDB: %v", err)
	}
	module := filepath.Join(cache, "mpicsim", duckDB, "node_modules", "@duckdb", "node-api")
	if _, err := os.Stat(module); err != nil {
		t.Skipf("SKIPPED: no DuckDB, which `make packages` installs from npm: %v", err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("SKIPPED: no node to run DuckDB: %v", err)
	}
	g := NewWithT(t)
	code := snippets(t, "sql")
	g.Expect(code).To(HaveLen(2))
	const program = `const {DuckDBInstance} = require(process.argv[1]);
(async () => {
  const db = await (await DuckDBInstance.create(":memory:")).connect();
  const [macro, query] = process.argv[2].split(/;\n/);
  await db.run(macro);
  console.log(JSON.stringify((await db.runAndReadAll(query)).getRowObjectsJson()));
})().catch(e => { console.error(e); process.exit(1); });`
	for _, folder := range weightedStudies(t) {
		means, viewpoints := judged(t, folder)
		var each []struct {
			Attack, Name         string
			Lower, Picked, Upper float64
		}
		g.Expect(json.Unmarshal(execute(t, folder, node, "-e", program, module, code[0]), &each)).To(Succeed())
		g.Expect(each).To(HaveLen(len(viewpoints)))
		for _, v := range each {
			want := viewpoints[v.Attack+" "+v.Name]
			g.Expect([]float64{v.Lower, v.Picked, v.Upper}).To(HaveExactElements(
				BeNumerically("~", want.Lower, 1e-9), BeNumerically("~", want.Picked, 1e-9), BeNumerically("~", want.Upper, 1e-9)), "%s %s", v.Attack, v.Name)
		}
		var of []struct {
			Attack string
			Mean   float64
		}
		g.Expect(json.Unmarshal(execute(t, folder, node, "-e", program, module, code[1]), &of)).To(Succeed())
		g.Expect(of).To(HaveLen(len(means)))
		for _, row := range of {
			g.Expect(row.Mean).To(BeNumerically("~", means[row.Attack], 1e-9), row.Attack)
		}
	}
}

// TestDocumentedPython runs the page's Python on the exported rows of weighted
// studies.
func TestDocumentedPython(t *testing.T) {
	python := ""
	for _, name := range []string{"python3", "/usr/bin/python3"} { // Debian's, if another is first
		if exec.CommandContext(t.Context(), name, "-c", "import numpy, pandas").Run() == nil {
			python = name
			break
		}
	}
	if python == "" {
		t.Skip("SKIPPED: no python3 with numpy and pandas, which `make packages` installs on Debian")
	}
	g := NewWithT(t)
	code := snippets(t, "python")
	g.Expect(code).To(HaveLen(1))
	for _, folder := range weightedStudies(t) {
		want, _ := judged(t, folder)
		var means map[string]float64
		g.Expect(json.Unmarshal(execute(t, folder, python, "-c", code[0]), &means)).To(Succeed())
		g.Expect(means).To(HaveLen(len(want)))
		for attack, mean := range want {
			g.Expect(means[attack]).To(BeNumerically("~", mean, 1e-9), attack)
		}
	}
}

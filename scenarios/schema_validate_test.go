package scenarios_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v4"

	"mpicsim/scenarios"
	"mpicsim/scenarios/library"
)

// The schemas' files.
const (
	scenarioFile   = "scenario.schema.json"
	studyFile      = "study.schema.json"
	deploymentFile = "deployment.schema.json"
)

// judge is a process with a JSON Schema validator that is not ours; see
// ../tools/jsonschema.
type judge struct {
	questions io.Writer
	answers   *bufio.Reader
}

// startJudge builds and starts the validator, once for all tests. It ends with
// its input, when the tests do.
var startJudge = sync.OnceValues(func() (*judge, error) {
	args := []string{"-C", filepath.Join("..", "tools"), "run", "./jsonschema"}
	for _, file := range []string{scenarioFile, studyFile, deploymentFile} {
		path, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		args = append(args, path)
	}
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &judge{in, bufio.NewReader(out)}, nil
})

// refused returns why a schema refuses a YAML file, "" if it accepts it.
func refused(tb testing.TB, schema, text string) string {
	tb.Helper()
	g := NewWithT(tb)
	j, err := startJudge()
	g.Expect(err).NotTo(HaveOccurred())
	path, err := filepath.Abs(schema)
	g.Expect(err).NotTo(HaveOccurred())
	line, err := json.Marshal(map[string]any{"schema": path, "value": toJSON(tb, text)})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = fmt.Fprintf(j.questions, "%s\n", line)
	g.Expect(err).NotTo(HaveOccurred(), "asking the validator")
	reply, err := j.answers.ReadBytes('\n')
	g.Expect(err).NotTo(HaveOccurred(), "hearing the validator")
	var a struct{ Refused string }
	g.Expect(json.Unmarshal(reply, &a)).To(Succeed())
	return a.Refused
}

// toJSON reads YAML as an editor does: by YAML's core schema, in which dates are
// text.
func toJSON(tb testing.TB, text string) any {
	tb.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return nodeToJSON(tb, doc.Content[0])
}

func nodeToJSON(tb testing.TB, n *yaml.Node) any {
	tb.Helper()
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = nodeToJSON(tb, n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, item := range n.Content {
			out = append(out, nodeToJSON(tb, item))
		}
		return out
	case yaml.AliasNode:
		return nodeToJSON(tb, n.Alias)
	default:
		return scalarToJSON(n)
	}
}

func scalarToJSON(n *yaml.Node) any {
	var v any
	switch n.ShortTag() {
	case "!!int", "!!float", "!!bool", "!!null":
		if err := n.Decode(&v); err != nil {
			return n.Value
		}
		if f, ok := v.(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
			return json.Number("1e999") // JSON has no such number; this one is as good
		}
		return v
	default:
		return n.Value
	}
}

// accepted says whether the schema of a file accepts what its parser does.
func expectAccepted(tb testing.TB, schema, text, name string) {
	tb.Helper()
	NewWithT(tb).Expect(refused(tb, schema, text)).To(BeEmpty(), name)
}

// TestSchemasAcceptExamples: every file that is shown to people.
func TestSchemasAcceptExamples(t *testing.T) {
	for _, name := range library.Names() {
		data, _, err := library.Text(name)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		expectAccepted(t, scenarioFile, string(data), name)
	}
	expectAccepted(t, scenarioFile, base, "the tests' base")
	expectAccepted(t, studyFile, baseStudy, "the tests' study")
	for pattern, schema := range map[string]string{"../docs/ca/*.yaml": deploymentFile, "../docs/study*.yaml": studyFile} {
		files, err := filepath.Glob(pattern)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		NewWithT(t).Expect(files).NotTo(BeEmpty(), pattern)
		for _, file := range files {
			data, err := os.ReadFile(file)
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			expectAccepted(t, schema, string(data), file)
		}
	}
}

// TestSchemasRefuse: what is wrong with the structure of studies and deployments
// shows in an editor already. (Scenarios: TestStrictReading.)
func TestSchemasRefuse(t *testing.T) {
	const ca = "name: a\nperspectives: {set: example-five-remotes}\n"
	for name, c := range map[string]struct{ schema, text, old, new string }{
		"a study without victims":    {studyFile, baseStudy, "victims: {sample: 20, seed: 3}\n", ""},
		"a word for attackers":       {studyFile, baseStudy, "attackers: all", "attackers: everybody"},
		"nobody":                     {studyFile, baseStudy, "attackers: all", "attackers:"},
		"an empty list of attackers": {studyFile, baseStudy, "attackers: all", "attackers: []"},
		"an empty mapping":           {studyFile, baseStudy, "attackers: all", "attackers: {}"},
		"AS 0":                       {studyFile, baseStudy, "attackers: all", "attackers: [0]"},
		"an AS twice":                {studyFile, baseStudy, "attackers: all", "attackers: [7, 7]"},
		"a sample of none":           {studyFile, baseStudy, "sample: 20", "sample: 0"},
		"a sample, no seed":          {studyFile, baseStudy, ", seed: 3", ""},
		"a seed, no sample":          {studyFile, baseStudy, "{sample: 20, seed: 3}", "{weights: w, seed: 3}"},
		"a column, no file":          {studyFile, baseStudy, "seed: 3}", "seed: 3, column: x}"},
		"an unknown field":           {studyFile, baseStudy, "seed: 3}", "seeds: 3}"},
		"a bound":                    {studyFile, baseStudy, "tie-break: seeded", "tie-break: victim"},
		"no attacks":                 {studyFile, baseStudy, "attacks: [equal-prefix, forged-origin]\n", ""},
		"an attack twice":            {studyFile, baseStudy, "forged-origin]", "equal-prefix]"},
		"no such attack":             {studyFile, baseStudy, "forged-origin]", "shouting]"},
		"no viewpoints":              {studyFile, baseStudy, "viewpoints: [aws/us-*, AS12, aws/us-east-2]", "viewpoints: []"},
		"no such region":             {studyFile, baseStudy, "aws/us-east-2]", "aws/mars-1]"},
		"an egress model":            {studyFile, baseStudy, "nearest:3", "farthest"},
		"too many providers":         {studyFile, baseStudy, "nearest:3", "nearest:65"},
		"two topologies":             {studyFile, baseStudy, "{synthetic: {ases: 300, seed: 4}}", "{synthetic: {ases: 300}, file: x}"},
		"a name with a space":        {studyFile, baseStudy, "name: base", "name: Base Case"},
		"a CA without a name":        {deploymentFile, ca, "name: a\n", ""},
		"no perspectives":            {deploymentFile, ca, "perspectives: {set: example-five-remotes}\n", ""},
		"two forms of perspectives":  {deploymentFile, ca, "five-remotes}", "five-remotes, primary: {region: aws/us-east-2}}"},
		"no such set":                {deploymentFile, ca, "example-five-remotes", "example-fifty-remotes"},
		"a rule":                     {deploymentFile, ca, "name: a", "name: a\nrule: most"},
		"a method":                   {deploymentFile, ca, "name: a", "name: a\nmethods: [acme-http-1]"},
		"a rate above 1":             {deploymentFile, ca, "name: a", "name: a\nfailures: {rate: 1.5}"},
		"a correlation of 1":         {deploymentFile, ca, "name: a", "name: a\nfailures: {correlation: 1}"},
		"a place without RIR":        {deploymentFile, ca, "set: example-five-remotes", "primary: {name: x, lat: 1, lon: 2}"},
		"a region with a place":      {deploymentFile, ca, "set: example-five-remotes", "primary: {region: aws/us-east-2, lat: 1}"},
		"in an AS and below another": {deploymentFile, ca, "set: example-five-remotes", "primary: {region: aws/us-east-2, as: 1, providers: [2]}"},
		"a resolver's RIR":           {deploymentFile, ca, "set: example-five-remotes", "primary: {region: aws/us-east-2, resolver: {lat: 1, lon: 2}}"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			expectAccepted(t, c.schema, c.text, "before")
			text := change(t, c.text, c.old, c.new)
			g.Expect(refused(t, c.schema, text)).NotTo(BeEmpty())
			var err error
			if c.schema == studyFile {
				_, err = scenarios.ParseStudy([]byte(text), "s.yaml")
			} else {
				_, err = scenarios.ParseDeployment([]byte(text), "s.yaml")
			}
			g.Expect(err).To(HaveOccurred(), "the parser refuses it as well")
		})
	}
}

// TestSchemasAcceptForms: what may be written in several ways may be written so
// under an editor's eyes.
func TestSchemasAcceptForms(t *testing.T) {
	for name, c := range map[string]struct{ old, new string }{
		"an AS with letters":       {"as: 64666", "as: AS64666"},
		"an AS in quotes":          {"as: 64666", `as: "64666"`},
		"a title that is a number": {"title: A title", "title: 2018"},
		"a title that is a truth":  {"title: A title", "title: true"},
		"a number in quotes":       {"seed: 3", "seed: '3'"},
		"a truth in quotes":        {"issue: false", "issue: 'false'"},
		"a place in quotes":        {"lat: 1.5", "lat: '1.5'"},
		"an exponent":              {"lat: 1.5", "lat: 15e-1"},
		"no time at all":           {"at: 0s, ", ""},
		"a time of 0":              {"at: 0s", "at: 0"},
		"a fraction of a time":     {"at: 120s", "at: 1.5h2.m"},
		"microseconds":             {"at: 120s", "at: 1h3\u00b5s4\u03bcs"},
		"a link with more space":   {"10 - 20", "10   -  AS20"},
		"a RIR in small letters":   {"RIPE NCC", "ripe"},
		"an empty choice":          {"tie-break: lowest-neighbor", "tie-break: ''"},
		"an empty rule":            {"rule: br", "rule: ''"},
		"an empty list":            {"sources: [one]", "sources: []"},
		"a list that says nothing": {"topology:\n", "topology:\n  file: ''\n"},
		"nothing announced":        {"announce: {}", "announce:"},
		"a set":                    {"method: acme-http-01", "method: acme-dns-01\n  control-plane: emulated"},
	} {
		t.Run(name, func(t *testing.T) {
			text := change(t, base, c.old, c.new)
			parse(t, text)
			expectAccepted(t, scenarioFile, text, "")
		})
	}
	for _, populations := range []string{"all", "[1, AS2]", "{weights: w.csv}", "{weights: w.csv, column: x, sample: 5, seed: 0}", "{sample: 1, seed: 0, weights: ''}"} {
		text := change(t, baseStudy, "attackers: all", "attackers: "+populations)
		_, err := scenarios.ParseStudy([]byte(text), "s.yaml")
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		expectAccepted(t, studyFile, text, populations)
	}
}

// TestSchemaJSON: what is embedded is what is in the repository.
func TestSchemaJSON(t *testing.T) {
	for file, get := range map[string]func() []byte{
		scenarioFile: scenarios.SchemaJSON, studyFile: scenarios.StudySchemaJSON, deploymentFile: scenarios.DeploymentSchemaJSON,
	} {
		g := NewWithT(t)
		want, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		got := get()
		g.Expect(got).To(Equal(want))
		got[0] = 'x'
		g.Expect(get()).To(Equal(want), "the caller owns the slice")
		g.Expect(strings.Count(string(want), `"description"`)).To(BeNumerically(">", 20), "comments are found")
	}
}

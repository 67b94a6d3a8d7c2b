package scenarios_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
)

func template(tb testing.TB) string {
	tb.Helper()
	data, err := scenarios.Template("my-own")
	NewWithT(tb).Expect(err).NotTo(HaveOccurred())
	return string(data)
}

// properties returns the names of all fields of a scenario's file.
func properties(tb testing.TB) []string {
	tb.Helper()
	type fields struct{ Properties map[string]any }
	var schema struct {
		fields
		Defs map[string]fields `json:"$defs"`
	}
	NewWithT(tb).Expect(json.Unmarshal(scenarios.SchemaJSON(), &schema)).To(Succeed())
	names := slices.Collect(maps.Keys(schema.Properties))
	for _, def := range schema.Defs {
		names = slices.AppendSeq(names, maps.Keys(def.Properties))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestTemplate(t *testing.T) {
	g := NewWithT(t)
	text := template(t)
	s := parse(t, text)
	g.Expect(s.Name).To(Equal("my-own"))
	g.Expect(s.Expect).NotTo(BeEmpty())
	g.Expect(s.Topology.Links).To(HaveLen(12))
	g.Expect(text).To(HavePrefix("# yaml-language-server: $schema=scenario.schema.json\n"))
	g.Expect(text).To(ContainSubstring("mpicsim replay ./my-own.yaml"))
	g.Expect(text).NotTo(ContainSubstring(scenarios.TemplateName))
	expectAccepted(t, scenarioFile, text, "the template")
	for _, name := range []string{"", "My", "a b", "a/b", "-", "a\nb"} {
		_, err := scenarios.Template(name)
		g.Expect(err).To(MatchError(ContainSubstring("expected lower-case letters, digits and hyphens")), name)
	}
}

// TestTemplateExplainsFields: who has read it knows what can be said.
func TestTemplateExplainsFields(t *testing.T) {
	text := template(t)
	for _, name := range properties(t) {
		if !regexp.MustCompile(`(?m)(^|[\s{(])` + name + `($|[\s,:)])`).MatchString(text) {
			t.Errorf("template.yaml says nothing about the field %s", name)
		}
	}
}

// TestTemplateComments: what is commented out is right as well.
func TestTemplateComments(t *testing.T) {
	names := properties(t)
	lines := 0
	text := regexp.MustCompile(`(?m)^( *)# ([a-z-]+)(: .*)$`).ReplaceAllStringFunc(template(t), func(line string) string {
		indent, rest, _ := strings.Cut(line, "# ")
		name, _, _ := strings.Cut(rest, ":")
		if !slices.Contains(names, name) || name == "file" || name == "synthetic" { // in place of links
			return line
		}
		lines++
		return indent + rest
	})
	NewWithT(t).Expect(lines).To(BeNumerically(">=", 8))
	parse(t, text)
	expectAccepted(t, scenarioFile, text, "the template without comments")
	for _, other := range []string{"file", "synthetic"} {
		one := regexp.MustCompile(`(?m)^  # (`+other+`: .*)$`).ReplaceAllString(template(t), "  $1")
		one = regexp.MustCompile(`(?s)  links:.*?(\n  [^ ])`).ReplaceAllString(one, "$1")
		NewWithT(t).Expect(one).NotTo(ContainSubstring("links:  "))
		parse(t, one)
		expectAccepted(t, scenarioFile, one, other)
	}
}

package scenarios

import (
	"flag"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
)

var update = flag.Bool("update", false, "rewrite the schemas")

// TestSchemasAreGenerated holds the schemas to the types: fields, their
// comments, limits and choices.
func TestSchemasAreGenerated(t *testing.T) {
	g := NewWithT(t)
	c := &comments{map[string]*packageComments{}}
	used, known := map[string]bool{}, map[string]bool{}
	for file, of := range map[string]struct {
		root  reflect.Type
		what  string
		rules []map[string]object
	}{
		"scenario.schema.json":   {reflect.TypeFor[Scenario](), "scenario", nil},
		"study.schema.json":      {reflect.TypeFor[Study](), "study", []map[string]object{studyRules()}},
		"deployment.schema.json": {reflect.TypeFor[Deployment](), "deployment", []map[string]object{studyRules()}},
	} {
		rules := append([]map[string]object{fieldRules()}, of.rules...)
		want, gen := generate(c, of.root, "urn:mpicsim:"+of.what+":v1", "mpicsim "+of.what, rules...)
		g.Expect(gen.errs).To(BeEmpty(), file)
		maps.Copy(used, gen.used)
		for _, r := range rules {
			for key := range r {
				known[key] = true
			}
		}
		if *update {
			g.Expect(os.WriteFile(file, want, 0o644)).To(Succeed()) //nolint:gosec // a file of the repository
			continue
		}
		got, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		if string(got) != string(want) {
			t.Errorf("%s is not what the types say: run `make schemas` (go test ./scenarios -run TestSchemasAreGenerated -update) and look at the difference", file)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		g.Expect(used).To(HaveKey(key), "a rule for a field that there is not: see fieldRules in schema_rules_test.go")
	}
}

// ranking reads itself from text.
type ranking struct{ order []int }

func (r *ranking) UnmarshalText([]byte) error { r.order = nil; return nil }

// TestSchemaGenerator: a field that is new is described by itself, one of a type
// that nobody has described is not passed over.
func TestSchemaGenerator(t *testing.T) {
	type part struct {
		Web  netip.Addr `yaml:"web"`
		When *bool      `yaml:"when"`
	}
	type good struct {
		Parts []part      `yaml:"parts"`
		Many  int         `yaml:"many"`
		Which EgressModel `yaml:"which"`
		Other string
		None  string `yaml:"-"`
	}
	c := &comments{map[string]*packageComments{}}
	g := NewWithT(t)
	text, gen := generate(c, reflect.TypeFor[good](), "urn:x", "x", map[string]object{"good.Many": between(1, 9)})
	g.Expect(gen.errs).To(BeEmpty())
	g.Expect(text).To(MatchJSON(`{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:x", "title": "x", "type": "object", "additionalProperties": false,
		"properties": {
			"parts": {"type": "array", "items": {"$ref": "#/$defs/part"}},
			"many": {"type": ["integer", "string"], "pattern": "^[-+]?[0-9]+$", "minimum": 1, "maximum": 9},
			"which": {"$ref": "#/$defs/egress-model"}
		},
		"required": ["parts", "many", "which"],
		"$defs": {
			"addr": {
				"description": "An IPv4 or IPv6 address.", "type": "string", "examples": ["203.0.113.80", "2001:db8::80"],
				"pattern": "^([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$"
			},
			"egress-model": {"description": "EgressModel names an assumption.", "enum": ["auto", "backbone", "neighbors", "nearest"]},
			"part": {
				"type": "object", "additionalProperties": false,
				"properties": {"web": {"$ref": "#/$defs/addr"}, "when": {"type": ["boolean", "string"], "pattern": "^(true|false)$"}},
				"required": ["web", "when"]
			}
		}
	}`))
	for want, of := range map[string]reflect.Type{
		"odd.Odd[]: a scenarios.ranking has a form of its own: describe it in scalarRules": reflect.TypeFor[struct {
			Odd []ranking `yaml:"odd"`
		}](),
		"odd.Odd: nobody reads a map[string]int": reflect.TypeFor[struct {
			Odd map[string]int `yaml:"odd"`
		}](),
		"odd.Odd: nobody reads a uint8": reflect.TypeFor[struct {
			Odd uint8 `yaml:"odd"`
		}](),
	} {
		gen := &generator{comments: c, used: map[string]bool{}, types: map[string]reflect.Type{}}
		gen.value(of.Field(0).Type, "odd.Odd")
		g.Expect(gen.errs).To(ConsistOf(MatchError(ContainSubstring(want))))
	}
}

// TestSchemaDescriptions: comments become what an editor shows.
func TestSchemaDescriptions(t *testing.T) {
	p := &packageComments{constants: map[string]string{"On": "on"}}
	for comment, want := range map[string]string{
		"":                       "",
		"optional, 0 by default": "Optional, 0 by default.",
		"Rule is\na rule; see [policy.ParseRule].":                                    "`rule` is a rule.",
		"Rule, optional, is a rule, as [policy.ParseRule] reads it; \"br\" if empty.": "`rule`, optional, is a rule; \"br\" if empty.",
		"Rule is [On] or [Off].":                                                      "`rule` is \"on\" or Off.",
		"Rule Number 1.":                                                              "Rule Number 1.",
	} {
		NewWithT(t).Expect(p.describe(comment, map[string]string{"Rule": "rule"})).To(Equal(want))
	}
}

package result_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/ijson"
	"mpicsim/scenarios"
	"mpicsim/scenarios/library"
	"mpicsim/scenarios/replay"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// object is a JSON object.
type object = map[string]any

// checker validates values against the part of JSON Schema that the project's
// schemas use. A keyword that it does not know is an error, so that nothing in a
// schema goes unchecked.
type checker struct {
	root object
	errs []string
}

func (c *checker) fail(path, format string, args ...any) {
	c.errs = append(c.errs, path+": "+fmt.Sprintf(format, args...))
}

// typeOf returns the JSON Schema types that a decoded value has.
func typesOf(v any) []string {
	switch v := v.(type) {
	case nil:
		return []string{"null"}
	case bool:
		return []string{"boolean"}
	case string:
		return []string{"string"}
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			return []string{"integer", "number"}
		}
		return []string{"number"}
	case []any:
		return []string{"array"}
	case object:
		return []string{"object"}
	}
	return nil
}

// resolve follows a reference into $defs.
func (c *checker) resolve(ref string) object {
	name, ok := strings.CutPrefix(ref, "#/$defs/")
	def, found := c.root["$defs"].(object)[name].(object)
	if !ok || !found {
		c.fail(ref, "no such definition")
	}
	return def
}

func (c *checker) check(path string, schema object, v any) {
	for _, keyword := range slices.Sorted(maps.Keys(schema)) {
		want := schema[keyword]
		switch keyword {
		case "$schema", "$id", "$defs", "title", "description", "contentEncoding", "required":
		case "$ref":
			c.check(path, c.resolve(want.(string)), v)
		case "type":
			types, several := want.([]any)
			if !several {
				types = []any{want}
			}
			if !slices.ContainsFunc(types, func(t any) bool { return slices.Contains(typesOf(v), t.(string)) }) {
				c.fail(path, "found %v, expected %v", typesOf(v), want)
			}
		case "const":
			if !reflect.DeepEqual(v, want) {
				c.fail(path, "found %v, expected %v", v, want)
			}
		case "enum":
			if !slices.Contains(want.([]any), v) {
				c.fail(path, "found %v, expected one of %v", v, want)
			}
		case "additionalProperties":
			if want != false {
				c.fail(path, "additionalProperties %v is not known here", want)
			}
		case "properties":
			c.properties(path, schema, v)
		case "items":
			items, _ := v.([]any)
			for n, item := range items {
				c.check(fmt.Sprintf("%s[%d]", path, n), want.(object), item)
			}
		default:
			c.limits(path, keyword, want, v)
		}
	}
}

// properties checks an object, which may have no property that is not listed.
func (c *checker) properties(path string, schema, v any) {
	known := schema.(object)["properties"].(object)
	value, ok := v.(object)
	if !ok {
		return // "type" says so
	}
	for _, name := range slices.Sorted(maps.Keys(value)) {
		if _, listed := known[name]; !listed {
			c.fail(path+"."+name, "not in the schema")
			continue
		}
		c.check(path+"."+name, known[name].(object), value[name])
	}
	for _, name := range schema.(object)["required"].([]any) {
		if _, given := value[name.(string)]; !given {
			c.fail(path+"."+name.(string), "missing")
		}
	}
}

// limits checks keywords that bound a value.
func (c *checker) limits(path, keyword string, want, v any) {
	number := func(x any) float64 {
		n, _ := x.(json.Number)
		f, err := n.Float64()
		if err != nil {
			return math.NaN()
		}
		return f
	}
	switch keyword {
	case "minimum":
		if !(number(v) >= number(want)) {
			c.fail(path, "found %v, expected at least %v", v, want)
		}
	case "maximum":
		if !(number(v) <= number(want)) {
			c.fail(path, "found %v, expected at most %v", v, want)
		}
	case "minItems":
		if list, _ := v.([]any); float64(len(list)) < number(want) {
			c.fail(path, "found %d items, expected at least %v", len(list), want)
		}
	case "pattern":
		if s, _ := v.(string); !regexp.MustCompile(want.(string)).MatchString(s) {
			c.fail(path, "found %q, expected %v", v, want)
		}
	case "format":
		if s, _ := v.(string); want != "date-time" || !isDateTime(s) {
			c.fail(path, "found %q, expected %v", v, want)
		}
	default:
		c.fail(path, "the keyword %q is not known here", keyword)
	}
}

func isDateTime(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	NewWithT(t).Expect(d.Decode(&v)).To(Succeed())
	return v
}

// problems returns what is wrong with a replay's JSON.
func problems(t *testing.T, data []byte) []string {
	t.Helper()
	schema := decode(t, result.ReplaySchemaJSON()).(object)
	c := &checker{root: schema}
	c.check("$", schema, decode(t, data))
	return c.errs
}

func replayed(t *testing.T, src *scenarios.Source) []byte {
	t.Helper()
	g := NewWithT(t)
	r, err := replay.Run(t.Context(), replay.Options{Source: src, Version: "test"})
	g.Expect(err).NotTo(HaveOccurred())
	data, err := json.Marshal(r)
	g.Expect(err).NotTo(HaveOccurred())
	return data
}

func source(t *testing.T, name string, changes ...string) *scenarios.Source {
	t.Helper()
	g := NewWithT(t)
	data, file, err := library.Text(name)
	g.Expect(err).NotTo(HaveOccurred())
	text := string(data)
	for n := 0; n < len(changes); n += 2 {
		g.Expect(text).To(ContainSubstring(changes[n]))
		text = strings.Replace(text, changes[n], changes[n+1], 1)
	}
	src, err := scenarios.Parse([]byte(text), file)
	g.Expect(err).NotTo(HaveOccurred())
	return src
}

// What replays really print fits the schema.
func TestSchemaFitsOutput(t *testing.T) {
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(problems(t, replayed(t, source(t, name)))).To(BeEmpty())
		})
	}
	expect := regexp.MustCompile(`(?s)\nexpect:.*`)
	base, _, err := library.Text("two-remotes")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	expectations := expect.FindString(string(base))
	for name, changes := range map[string][]string{
		"nothing expected":    {expectations, "\n"},
		"dns-01":              {expectations, "\n", "method: acme-http-01", "method: acme-dns-01"},
		"nobody reached":      {expectations, "\n", "hijack: {prefixes: [203.0.113.0/24]}", "withdraw: {by: victim}"},
		"a forged origin":     {expectations, "\n", "hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes: [203.0.113.0/24], forged-origin: true}"},
		"a glueless server":   {expectations, "\n", "ns1.shop.example", "ns1.dns-host.test"},
		"a virtual AS":        {expectations, "\n", "region: aws/ap-south-1, as: 34", "region: aws/ap-south-1, providers: [34, 33]"},
		"the CA's own hosts":  append([]string{expectations, "\n"}, controlChanges()...),
		"an IPv6 name server": {expectations, "\n", "prefix: 198.51.100.0/24, address: 198.51.100.53", "prefix: '2001:db8::/32', address: '2001:db8::53'"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(problems(t, replayed(t, source(t, "two-remotes", changes...)))).To(BeEmpty())
		})
	}
}

// controlChanges turn the story into one of control connections that fail in both
// ways.
func controlChanges() []string {
	return []string{
		"method: acme-http-01", "method: acme-http-01\n  control-plane: emulated", "10 > 64666", "20 > 64666", "{name: five-remotes}", "{name: five-remotes, applicant: victim}",
		"hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes-of: [coordinator, aws/us-west-2, aws/eu-central-1]}",
	}
}

// They do fail, so that the schema of what is said then is held to something.
func TestSchemaSeesControlConnections(t *testing.T) {
	data := string(replayed(t, source(t, "two-remotes", append(controlChanges(), "checks: [five-remotes]", "checks: [two-remotes]")...)))
	for _, want := range []string{
		`"coordinators":[{`, `"hosts":["coordinator",`, `"control":{`, `"reached":"remote","astray":"attacker","answered":false,"reason":"remote-timeout"`,
		`"astray":"attacker"}]`, `"answered":true`,
	} {
		NewWithT(t).Expect(data).To(ContainSubstring(want))
	}
}

// The checker finds each kind of misfit, so that the test above can fail.
func TestSchemaFindsMisfits(t *testing.T) {
	good := string(replayed(t, source(t, "near-primary")))
	for name, c := range map[string]struct{ old, new, want string }{
		"another version":    {`"schema":"mpicsim/replay/v1"`, `"schema":"mpicsim/replay/v2"`, "$.schema: found mpicsim/replay/v2, expected mpicsim/replay/v1"},
		"a field too many":   {`"version":"test"`, `"version":"test","revision":""`, "$.revision: not in the schema"},
		"a field too few":    {`"version":"test",`, ``, "$.version: missing"},
		"another type":       {`"changed":false`, `"changed":"no"`, "$.scenario.changed: found [string], expected boolean"},
		"a word of its own":  {`"tie_break":"lowest-neighbor"`, `"tie_break":"lowest"`, "$.inputs.tie_break: found lowest, expected one of"},
		"AS 0":               {`"victim_as":64500`, `"victim_as":0`, "$.parties.victim_as: found 0, expected at least 1"},
		"a fraction":         {`"victim_as":64500`, `"victim_as":1.5`, "$.parties.victim_as: found [number], expected integer"},
		"off the Earth":      {`"lat":39.96`, `"lat":93.96`, "location.lat: found 93.96, expected at most 90"},
		"null for a list":    {`"repairs":[]`, `"repairs":null`, "$.inputs.topology.repairs: found [null], expected array"},
		"an empty list":      {`"web":["203.0.113.80"]`, `"web":[]`, "$.parties.web: found 0 items, expected at least 1"},
		"a quorum":           {`"quorum":"0/5"`, `"quorum":"none"`, `decision.quorum: found "none", expected ^[0-9]+/[0-9]+$`},
		"a date":             {`"started":"2026-12-15T12:00:30Z"`, `"started":"now"`, `evidence[0].started: found "now", expected date-time`},
		"inside a list":      {`"kind":"announce"`, `"kind":"shout"`, "$.timeline[0].kind: found shout, expected one of"},
		"a control plane":    {`"control_plane":"out-of-band"`, `"control_plane":"in-band"`, "$.inputs.control_plane: found in-band, expected one of"},
		"a verdict's number": {`"verdict":"pass"`, `"verdict":1`, ".verdict: found [integer number], expected string"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(good).To(ContainSubstring(c.old))
			bad := problems(t, []byte(strings.Replace(good, c.old, c.new, 1)))
			g.Expect(bad).To(ContainElement(ContainSubstring(c.want)))
		})
	}
}

// scalars are the types that are written as one JSON value, with the definition
// that describes them, "" for none of their own.
func scalars() map[reflect.Type]string {
	return map[reflect.Type]string{
		reflect.TypeFor[topology.ASN]():         "asn",
		reflect.TypeFor[time.Duration]():        "",
		reflect.TypeFor[time.Time]():            "date_time",
		reflect.TypeFor[place.RIR]():            "rir",
		reflect.TypeFor[perspectives.Verdict](): "verdict",
		reflect.TypeFor[perspectives.DNSSEC]():  "dnssec",
		reflect.TypeFor[[]byte]():               "",
	}
}

// comparison walks the Go types and the schema side by side.
type comparison struct {
	*checker
	seen map[string]reflect.Type // definitions that describe a struct
}

// TestSchemaFitsTypes holds the schema to the Go types: every field that is
// written is described, required exactly if it is always written, and nothing
// else is described.
func TestSchemaFitsTypes(t *testing.T) {
	g := NewWithT(t)
	g.Expect(ijson.Check(result.ReplaySchemaJSON(), nil, ijson.IgnoreUnknown)).To(Succeed(), "each member once")
	schema := decode(t, result.ReplaySchemaJSON()).(object)
	c := &comparison{&checker{root: schema}, map[string]reflect.Type{}}
	c.structure("$", schema, reflect.TypeFor[result.Replay]())
	g.Expect(c.errs).To(BeEmpty())
	for name := range schema["$defs"].(object) {
		def := schema["$defs"].(object)[name].(object)
		g.Expect(def).To(HaveKeyWithValue("description", Not(BeEmpty())), name)
		if def["type"] == "object" {
			g.Expect(c.seen).To(HaveKey(name), "a definition that describes no type")
		}
		g.Expect(bytes.Count(result.ReplaySchemaJSON(), fmt.Appendf(nil, `"#/$defs/%s"`, name))).To(BeNumerically(">", 0), "%s is referred to", name)
	}
}

func (c *comparison) structure(path string, schema object, t reflect.Type) {
	if schema["additionalProperties"] != false {
		c.fail(path, "additionalProperties: found %v, expected false", schema["additionalProperties"])
	}
	properties, _ := schema["properties"].(object)
	required, _ := schema["required"].([]any)
	written := map[string]bool{}
	for f := range t.Fields() {
		tag := strings.Split(f.Tag.Get("json"), ",")
		name := tag[0]
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			c.fail(path, "%s has no json tag", f.Name)
			continue
		}
		written[name] = true
		property, ok := properties[name].(object)
		if !ok {
			c.fail(path+"."+name, "not in the schema")
			continue
		}
		optional := slices.Contains(tag, "omitempty") || slices.Contains(tag, "omitzero")
		if slices.Contains(required, any(name)) == optional {
			c.fail(path+"."+name, "optional is %v, required lists %v", optional, required)
		}
		c.value(path+"."+name, property, f.Type)
	}
	for name := range properties {
		if !written[name] {
			c.fail(path+"."+name, "in the schema, but not in %v", t)
		}
	}
}

// value compares a property with the type of its field.
func (c *comparison) value(path string, schema object, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	ref, _ := schema["$ref"].(string)
	name := strings.TrimPrefix(ref, "#/$defs/")
	if schema["description"] == nil && ref == "" && !strings.HasSuffix(path, "[]") {
		c.fail(path, "no description")
	}
	if want, ok := scalars()[t]; ok {
		if want != "" && name != want {
			c.fail(path, "found %q, expected %s", name, want)
		}
		return
	}
	if ref != "" {
		schema = c.resolve(ref)
	}
	var want string
	switch t.Kind() {
	case reflect.Struct:
		if ref == "" {
			c.fail(path, "a struct has a definition of its own")
			return
		}
		if before, again := c.seen[name]; again {
			if before != t {
				c.fail(path, "%s describes %v and %v", name, before, t)
			}
			return
		}
		c.seen[name] = t
		c.structure(path, schema, t)
		return
	case reflect.Slice:
		items, _ := schema["items"].(object)
		if items == nil {
			c.fail(path, "no items")
			return
		}
		c.value(path+"[]", items, t.Elem())
		want = "array"
	case reflect.String:
		want = "string"
	case reflect.Bool:
		want = "boolean"
	case reflect.Float64:
		want = "number"
	default:
		want = "integer"
		if t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
			c.fail(path, "%v writes itself: list it as a scalar", t)
		}
	}
	types, several := schema["type"].([]any)
	if !several {
		types = []any{schema["type"]}
	}
	if schema["const"] == nil && !slices.Contains(types, any(want)) {
		c.fail(path, "found %v, expected %s", schema["type"], want)
	}
}

func TestSchemaJSON(t *testing.T) {
	g := NewWithT(t)
	file, err := os.ReadFile("replay.schema.json")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(utf8.Valid(file)).To(BeTrue())
	first := result.ReplaySchemaJSON()
	g.Expect(first).To(Equal(file))
	first[0] = 'x'
	g.Expect(result.ReplaySchemaJSON()).To(Equal(file), "the caller owns the slice")
	schema := decode(t, file).(object)
	g.Expect(schema["properties"].(object)["schema"].(object)["const"]).To(Equal(result.ReplaySchema))
	g.Expect(schema["$schema"]).To(Equal("https://json-schema.org/draft/2020-12/schema"))
}

package scenarios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

func (o object) has(key string) bool {
	return slices.ContainsFunc(o, func(m member) bool { return m.key == key })
}

// generator derives a JSON Schema from a Go type as the strict decoder reads it:
// what is a scalar, what has forms of its own and what may be null, the decoder
// is asked. So a field that is new is described by itself; a type that the rules
// do not know is an error, and so is a rule that no field needs. A field is
// required unless its comment says optional, or shapes says otherwise. A text's
// type with constants is a choice among them.
type generator struct {
	comments *comments
	rules    map[string]object
	named    []member
	used     map[string]bool // keys of rules
	types    map[string]reflect.Type
	defs     []member
	errs     []error
}

// generate returns the schema of a file that holds one value of type t.
func generate(c *comments, t reflect.Type, id, title string, rules ...map[string]object) ([]byte, *generator) {
	g := &generator{comments: c, rules: map[string]object{}, named: namedRules(), used: map[string]bool{}, types: map[string]reflect.Type{}}
	for _, r := range rules {
		maps.Copy(g.rules, r)
	}
	for of, rule := range scalarRules() {
		g.named = append(g.named, member{defName(of), rule})
	}
	root := object{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"$id", id}, {"title", title}}
	root = append(root, g.mapping(t)...)
	g.shared(root)
	slices.SortFunc(g.defs, func(a, b member) int { return strings.Compare(a.key, b.key) })
	root = append(root, member{"$defs", object(g.defs)})
	data, err := layout(root, "")
	if err != nil {
		g.fail("%s: %w", title, err)
	}
	return append(data, '\n'), g
}

// layout writes a value as JSON: on one line if it is short.
func layout(v any, indent string) ([]byte, error) {
	const width = 120
	line, err := compact(v)
	o, isObject := v.(object)
	list := reflect.ValueOf(v)
	if err != nil || len(indent)+len(line) <= width || !isObject && list.Kind() != reflect.Slice {
		return line, err
	}
	var b bytes.Buffer
	next := indent + "  "
	if isObject {
		for n, m := range o {
			value, err := layout(m.value, next)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "%s\n%s%q: %s", map[bool]string{true: "{", false: ","}[n == 0], next, m.key, value)
		}
		fmt.Fprintf(&b, "\n%s}", indent)
		return b.Bytes(), nil
	}
	for n := range list.Len() {
		value, err := layout(list.Index(n).Interface(), next)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s\n%s%s", map[bool]string{true: "[", false: ","}[n == 0], next, value)
	}
	fmt.Fprintf(&b, "\n%s]", indent)
	return b.Bytes(), nil
}

// compact writes a value as JSON on one line, with a space behind colons and
// commas.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	list := reflect.ValueOf(v)
	switch o, isObject := v.(object); {
	case isObject:
		seen := map[string]bool{}
		b.WriteByte('{')
		for n, m := range o {
			value, err := compact(m.value)
			if err != nil {
				return nil, err
			}
			if seen[m.key] {
				return nil, fmt.Errorf("keyword %q a second time", m.key)
			}
			seen[m.key] = true
			fmt.Fprintf(&b, "%s%q: %s", map[bool]string{false: ", "}[n == 0], m.key, value)
		}
		b.WriteByte('}')
	case list.Kind() == reflect.Slice:
		b.WriteByte('[')
		for n := range list.Len() {
			value, err := compact(list.Index(n).Interface())
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "%s%s", map[bool]string{false: ", "}[n == 0], value)
		}
		b.WriteByte(']')
	default:
		if err := e.Encode(v); err != nil {
			return nil, err
		}
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// shared adds the named rules that are referred to.
func (g *generator) shared(root object) {
	for again := true; again; {
		again = false
		text, err := compact(append(slices.Clone(root), member{"$defs", object(g.defs)}))
		if err != nil {
			return // which generate finds as well
		}
		for _, m := range g.named {
			if bytes.Contains(text, []byte(`"#/$defs/`+m.key+`"`)) && !object(g.defs).has(m.key) {
				g.defs, again = append(g.defs, m), true
			}
		}
	}
}

func (g *generator) fail(format string, args ...any) object {
	g.errs = append(g.errs, fmt.Errorf(format, args...))
	return nil
}

// rule returns the rule with a key, nil if there is none.
func (g *generator) rule(key string) object {
	g.used[key] = true
	return g.rules[key]
}

// special says whether the decoder reads t from a node of some kind by itself.
func special(t reflect.Type) bool {
	return slices.ContainsFunc([]yaml.Kind{yaml.ScalarNode, yaml.SequenceNode, yaml.MappingNode}, func(k yaml.Kind) bool {
		d := &decoder{at: map[string]position{}}
		return d.special(&yaml.Node{Kind: k}, reflect.New(t).Elem(), "", 0)
	})
}

// value returns the schema of a value of type t; key is that of its rule.
func (g *generator) value(t reflect.Type, key string) object {
	if t.Kind() == reflect.Pointer {
		of := g.value(t.Elem(), key)
		if t.Elem().Kind() == reflect.Struct && allOptional(t.Elem()) {
			return anyOf(of, object{{"type", "null"}})
		}
		return of
	}
	if special(t) && unions()[t] == nil {
		return g.fail("%s: the decoder reads %v from forms of its own: describe them in unions of schema_rules_test.go", key, t)
	}
	if scalarParser(reflect.New(t).Elem()) != nil {
		return g.scalar(t, key)
	}
	switch t.Kind() {
	case reflect.Struct:
		return g.define(t, func() object {
			of := g.mapping(t)
			if union := unions()[t]; union != nil {
				return union(of)
			}
			return of
		})
	case reflect.Slice:
		of := object{{"type", "array"}, {"items", g.value(t.Elem(), key+"[]")}}
		return append(of, g.rule(key)...)
	default:
		return g.fail("%s: nobody reads a %v: the decoder of strict.go does not know it, nor do the rules of schema_rules_test.go", key, t)
	}
}

// scalar returns the schema of a single value.
func (g *generator) scalar(t reflect.Type, key string) object {
	rule := g.rule(key)
	if _, ok := scalarRules()[t]; ok {
		return append(ref(defName(t)), rule...)
	}
	if p, err := g.comments.of(t.PkgPath()); t.PkgPath() != "" && err == nil && t.Kind() == reflect.String && len(p.choices[t.Name()]) > 0 {
		return append(g.define(t, func() object {
			return append(object{{"description", p.describe(p.types[t.Name()], nil)}}, enum(p.choices[t.Name()]...)...)
		}), rule...)
	}
	if t.PkgPath() != "" {
		return g.fail("%s: a %v has a form of its own: describe it in scalarRules of schema_rules_test.go", key, t)
	}
	number := func(integer, pattern string) object {
		return append(object{{"type", []string{integer, "string"}}, {"pattern", pattern}}, rule...)
	}
	switch t.Kind() {
	case reflect.String:
		if rule != nil {
			return rule
		}
		return object{{"type", textTypes()}}
	case reflect.Bool:
		return append(object{{"type", []string{"boolean", "string"}}, {"pattern", "^(true|false)$"}}, rule...)
	case reflect.Int:
		return number("integer", "^[-+]?[0-9]+$")
	case reflect.Uint64:
		if rule == nil {
			rule = between(0, uint64(math.MaxUint64))
		}
		return number("integer", "^[0-9]+$")
	case reflect.Float64:
		return number("number", "^[-+]?[0-9.][0-9A-Fa-fXxPp_.+-]*$")
	default:
		return g.fail("%s: no rule for the kind %v", key, t.Kind())
	}
}

// define makes a definition of a type and returns a reference to it.
func (g *generator) define(t reflect.Type, schema func() object) object {
	name := defName(t)
	switch before, ok := g.types[name]; {
	case !ok:
		g.types[name] = t
		g.defs = append(g.defs, member{name, schema()})
	case before != t:
		g.fail("%v and %v are both called %s", before, t, name)
	}
	return ref(name)
}

// defName returns a type's name as names in files are written: "name-server".
func defName(t reflect.Type) string {
	var b strings.Builder
	runes := []rune(t.Name())
	for n, r := range runes {
		if n > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[n-1]) || n+1 < len(runes) && unicode.IsLower(runes[n+1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// mapping returns the schema of a struct.
func (g *generator) mapping(t reflect.Type) object {
	p, err := g.comments.of(t.PkgPath())
	if err != nil {
		return g.fail("%v: %w", t, err)
	}
	properties, required := object{}, []string{}
	names := fieldNames(t)
	shaped := shapes()[t]
	for f := range t.Fields() {
		name, comment := names[f.Name], p.fields[t.Name()][f.Name]
		if name == "" {
			continue
		}
		optional := optionalPattern.MatchString(comment) || shaped != nil
		of := g.value(f.Type, t.Name()+"."+f.Name)
		if optional && f.Type.Kind() == reflect.String && !acceptsEmpty(of) {
			of = anyOf(of, object{{"type", "string"}, {"maxLength", 0}})
		}
		if !optional {
			required = append(required, name)
		}
		if text := p.describe(comment, names); text != "" && text != "Optional." {
			of = append(object{{"description", text}}, slices.DeleteFunc(slices.Clone(of), func(m member) bool { return m.key == "description" })...)
		}
		properties = append(properties, member{name, of})
	}
	out := object{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}}
	delete(names, "AS") // in a type's comment the word
	if text := p.describe(p.types[t.Name()], names); text != "" {
		out = append(object{{"description", text}}, out...)
	}
	if shaped != nil {
		return append(out, shaped(shape{g, t, fieldNames(t)})...)
	}
	if len(required) > 0 {
		out = append(out, member{"required", required})
	}
	return out
}

// acceptsEmpty says whether a schema of text has no rule against an empty one.
func acceptsEmpty(o object) bool {
	return !slices.ContainsFunc(o, func(m member) bool {
		return slices.Contains([]string{"$ref", "enum", "pattern", "minLength", "anyOf"}, m.key)
	})
}

// shape builds what a struct says about its fields together, by their Go names.
type shape struct {
	g     *generator
	t     reflect.Type
	names map[string]string
}

// name returns what a field is called in a file.
func (s shape) name(field string) string {
	if s.names[field] == "" {
		s.g.fail("shapes in schema_rules_test.go: %v has no field %s in a file", s.t, field)
	}
	return s.names[field]
}

// allBut returns the fields other than these, in order.
func (s shape) allBut(fields ...string) (others []string) {
	for f := range s.t.Fields() {
		if s.names[f.Name] != "" && !slices.Contains(fields, f.Name) {
			others = append(others, f.Name)
		}
	}
	for _, f := range fields {
		s.name(f)
	}
	return others
}

// given holds if a field is there and says something: an empty text or list is
// as good as none.
func (s shape) given(field string) object {
	name := s.name(field)
	given := object{{"required", []string{name}}}
	f, _ := s.t.FieldByName(field)
	var empty any
	switch f.Type.Kind() {
	case reflect.String:
		empty = ""
	case reflect.Slice:
		empty = []string{}
	default:
		return given
	}
	return append(given, member{"properties", object{{name, object{{"not", object{{"const", empty}}}}}}})
}

func (s shape) each(fields []string) (given []object) {
	for _, f := range fields {
		given = append(given, s.given(f))
	}
	return given
}

// one holds if exactly one of the fields is given.
func (s shape) one(fields []string) object { return object{{"oneOf", s.each(fields)}} }

// any holds if at least one of the fields is given.
func (s shape) any(fields []string) object { return object{{"anyOf", s.each(fields)}} }

// none holds if no field is given.
func (s shape) none(fields ...string) object { return object{{"not", s.any(fields)}} }

// required holds if each field is there.
func (s shape) required(fields ...string) object {
	var names []string
	for _, f := range fields {
		names = append(names, s.name(f))
	}
	return object{{"required", names}}
}

// either holds if with is true where the field is given, and without elsewhere.
func (s shape) either(field string, with, without object) object {
	return object{{"if", s.given(field)}, {"then", with}, {"else", without}}
}

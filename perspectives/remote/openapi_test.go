package remote

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/topology/place"
)

var update = flag.Bool("update", false, "rewrite the schemas of openapi.json from the Go types")

// TestOpenAPISchemas: components.schemas of openapi.json is what the Go types and
// their comments say, every field of it. Its other parts are written by hand.
func TestOpenAPISchemas(t *testing.T) {
	g := NewWithT(t)
	var document map[string]any
	g.Expect(json.Unmarshal(openAPI, &document)).To(Succeed())
	s := &schemas{t: t, all: map[string]any{}, comments: map[string]string{}}
	for _, dir := range []string{".", "..", "../../topology/place"} {
		s.read(dir)
	}
	for _, v := range []any{Request{}, Answer{}, Info{}, Refusal{}, Health{}, OpenMPICRequest{}, OpenMPICResponse{}} {
		s.of(reflect.TypeOf(v))
	}
	for _, strict := range []string{"Request", "Check", "DCVParameters", "CAAParameters"} {
		s.all[strict].(map[string]any)["additionalProperties"] = false
	}
	s.all["Refusal"].(map[string]any)["properties"].(map[string]any)["code"].(map[string]any)["enum"] = names(codes(), func(c code) string { return c.name })
	if *update {
		components, _ := document["components"].(map[string]any)
		components["schemas"] = s.all
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		g.Expect(e.Encode(document)).To(Succeed())
		g.Expect(os.WriteFile("openapi.json", out.Bytes(), 0o600)).To(Succeed())
		return
	}
	want, err := json.Marshal(s.all)
	g.Expect(err).NotTo(HaveOccurred())
	got, err := json.Marshal(document["components"].(map[string]any)["schemas"])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(MatchJSON(want), "go test ./perspectives/remote -run OpenAPI -update")
}

// TestOpenAPIPaths: the file has the server's paths with their methods, each
// reference leads somewhere, and each schema is referred to.
func TestOpenAPIPaths(t *testing.T) {
	g := NewWithT(t)
	var document struct {
		OpenAPI    string                               `json:"openapi"`
		Paths      map[string]map[string]map[string]any `json:"paths"`
		Components map[string]map[string]any            `json:"components"`
	}
	g.Expect(json.Unmarshal(openAPI, &document)).To(Succeed())
	g.Expect(document.OpenAPI).To(Equal("3.1.0"))
	var served, written []string
	for _, r := range (&Server{}).table() {
		served = append(served, r.method+" "+r.path)
	}
	for path, methods := range document.Paths {
		for method, operation := range methods {
			written = append(written, strings.ToUpper(method)+" "+path)
			g.Expect(operation).To(And(HaveKey("summary"), HaveKey("operationId"), HaveKeyWithValue("responses", HaveKey("200"))), path)
		}
	}
	g.Expect(written).To(ConsistOf(served))
	referred := map[string]bool{}
	for rest := string(openAPI); ; {
		_, after, found := strings.Cut(rest, `"$ref": "#/components/`)
		if !found {
			break
		}
		var ref string
		ref, rest, _ = strings.Cut(after, `"`)
		kind, name, _ := strings.Cut(ref, "/")
		g.Expect(document.Components[kind]).To(HaveKey(name))
		referred[ref] = true
	}
	for kind, all := range document.Components {
		for name := range all {
			if kind != "securitySchemes" {
				g.Expect(referred).To(HaveKey(kind + "/" + name))
			}
		}
	}
}

// schemas makes JSON schemas of Go types.
type schemas struct {
	t        *testing.T
	all      map[string]any
	comments map[string]string // by "Type" and "Type.Field"
}

// read takes the comments of a package.
func (s *schemas) read(dir string) {
	s.t.Helper()
	packages, err := parser.ParseDir(token.NewFileSet(), dir, nil, parser.ParseComments) //nolint:staticcheck // comments are all that is wanted
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range packages {
		ast.Inspect(p, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok {
				return true
			}
			for _, spec := range d.Specs {
				s.readType(d, spec)
			}
			return true
		})
	}
}

func (s *schemas) readType(d *ast.GenDecl, spec ast.Spec) {
	t, ok := spec.(*ast.TypeSpec)
	if !ok {
		return
	}
	s.comments[t.Name.Name] = sentence(d.Doc.Text() + t.Doc.Text())
	fields, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range fields.Fields.List {
		for _, name := range f.Names {
			s.comments[t.Name.Name+"."+name.Name] = sentence(f.Doc.Text() + f.Comment.Text())
		}
	}
}

func sentence(comment string) string {
	return strings.NewReplacer("[", "", "]", "").Replace(strings.Join(strings.Fields(comment), " "))
}

// of returns the schema of a type; structs are put in s.all and referred to.
func (s *schemas) of(t reflect.Type) map[string]any {
	enum := func(values ...string) map[string]any { return map[string]any{"type": "string", "enum": values} }
	switch reflect.Zero(t).Interface().(type) {
	case time.Time:
		return map[string]any{"type": "string", "format": "date-time"}
	case time.Duration:
		return map[string]any{"type": "integer", "description": "nanoseconds"}
	case netip.Addr:
		return map[string]any{"type": "string"}
	case Base64:
		return map[string]any{"type": "string", "pattern": "^[A-Za-z0-9_-]*$"}
	case []byte:
		return map[string]any{"type": []string{"string", "null"}, "contentEncoding": "base64"}
	case place.RIR:
		return enum(names(place.RIRs(), place.RIR.String)...)
	case perspectives.Verdict:
		return enum(names(perspectives.Verdicts(), perspectives.Verdict.String)...)
	case perspectives.Method:
		return enum(append(names(perspectives.Methods(), func(m perspectives.Method) string { return string(m) }), "")...)
	case perspectives.Questions:
		return enum("", "dcv", "caa")
	case perspectives.CertificateType:
		return enum("", "tls-server", "s-mime")
	case perspectives.DNSSEC:
		return enum("", "secure", "insecure", "bogus", "indeterminate")
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Int, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return map[string]any{"type": "integer"}
	case reflect.Interface: // there is one
		var kinds []any
		for _, k := range []any{OpenMPICWeb{}, OpenMPICDNS{}, OpenMPICTLS{}, OpenMPICCAADetails{}} {
			kinds = append(kinds, s.of(reflect.TypeOf(k)))
		}
		return map[string]any{"anyOf": kinds}
	case reflect.Struct:
		s.object(t)
		return map[string]any{"$ref": "#/components/schemas/" + t.Name()}
	default:
		s.t.Fatalf("no schema for %v", t)
		return nil
	}
}

func (s *schemas) object(t reflect.Type) {
	if s.all[t.Name()] != nil {
		return
	}
	properties, required := map[string]any{}, []string{}
	schema := map[string]any{"type": "object", "description": s.comments[t.Name()], "properties": properties}
	s.all[t.Name()] = schema
	s.fields(t, func(name string, p map[string]any, always bool) {
		properties[name] = p
		if always {
			required = append(required, name)
		}
	})
	if len(required) > 0 {
		schema["required"] = required
	}
}

// fields calls add for each member of a struct's JSON object.
func (s *schemas) fields(t reflect.Type, add func(name string, schema map[string]any, always bool)) {
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			s.t.Fatalf("%v.%s has no JSON name", t, f.Name)
		}
		schema := s.of(f.Type)
		if nullable(f, options) {
			nullableType(schema)
		}
		if c := s.comments[t.Name()+"."+f.Name]; c != "" {
			schema["description"] = strings.TrimPrefix(c+"; "+asText(schema["description"]), "; ")
			schema["description"] = strings.TrimSuffix(asText(schema["description"]), "; ")
		}
		add(name, schema, options == "" || f.Name == "Signature")
	}
}

// nullable says whether Go writes null for the zero value.
func nullable(f reflect.StructField, options string) bool {
	return options == "" && (f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() != reflect.Uint8 || f.Type.Kind() == reflect.Pointer)
}

func nullableType(schema map[string]any) {
	if one, ok := schema["type"].(string); ok {
		schema["type"] = []string{one, "null"}
	}
}

func asText(v any) string {
	text, _ := v.(string)
	return text
}

func names[T any](all []T, name func(T) string) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = name(v)
	}
	return slices.Clip(out)
}

package openmpic

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v4"

	"mpicsim/perspectives"
)

// published is Open MPIC's OpenAPI file.
type published struct {
	Components struct {
		Schemas map[string]*schema `yaml:"schemas"`
	} `yaml:"components"`
}

// schema is as much of OpenAPI 3.0.3 as the file uses.
type schema struct {
	Ref        string             `yaml:"$ref"`
	Type       string             `yaml:"type"`
	Nullable   bool               `yaml:"nullable"`
	Enum       []string           `yaml:"enum"`
	Required   []string           `yaml:"required"`
	Properties map[string]*schema `yaml:"properties"`
	Items      *schema            `yaml:"items"`
	AllOf      []*schema          `yaml:"allOf"`
	OneOf      []*schema          `yaml:"oneOf"`
}

// readPublished reads the file of version 3.5.0; the test is skipped where it is
// absent.
func readPublished(t *testing.T) published {
	t.Helper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	text, err := os.ReadFile(filepath.Join(dir, "openmpic-3.5.0.openapi.yaml"))
	if err != nil {
		t.Skipf("SKIPPED: Open MPIC's OpenAPI file is absent: %v; set MPICSIM_DATA to the folder that holds it", err)
	}
	var p published
	NewWithT(t).Expect(yaml.Unmarshal(text, &p)).To(Succeed())
	NewWithT(t).Expect(p.Components.Schemas).To(HaveKey("CAAResponse"))
	return p
}

// check says how a value breaks a schema.
func (p published) check(at string, s *schema, v any) error {
	if s.Ref != "" {
		return p.check(at, p.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")], v)
	}
	if v == nil {
		if s.Nullable {
			return nil
		}
		return fmt.Errorf("%s: null, which the schema has not", at)
	}
	for _, part := range s.AllOf {
		if err := p.check(at, part, v); err != nil {
			return err
		}
	}
	if len(s.OneOf) > 0 {
		var all []error
		for _, part := range s.OneOf {
			err := p.check(at, part, v)
			if err == nil {
				all = nil
				break
			}
			all = append(all, err)
		}
		if all != nil {
			return errors.Join(all...)
		}
	}
	return p.checkType(at, s, v)
}

func (p published) checkType(at string, s *schema, v any) error {
	wrong := fmt.Errorf("%s: found %T, expected %s", at, v, s.Type)
	switch x := v.(type) {
	case map[string]any:
		if s.Type != "" && s.Type != "object" {
			return wrong
		}
		for _, name := range s.Required {
			if _, there := x[name]; !there {
				return fmt.Errorf("%s.%s: required", at, name)
			}
		}
		for name, part := range s.Properties {
			if member, there := x[name]; there {
				if err := p.check(at+"."+name, part, member); err != nil {
					return err
				}
			}
		}
	case []any:
		if s.Type != "" && s.Type != "array" {
			return wrong
		}
		for i, item := range x {
			if s.Items != nil {
				if err := p.check(fmt.Sprintf("%s[%d]", at, i), s.Items, item); err != nil {
					return err
				}
			}
		}
	case string:
		if s.Type != "" && s.Type != "string" || len(s.Enum) > 0 && !slices.Contains(s.Enum, x) {
			return wrong
		}
	case bool:
		if s.Type != "" && s.Type != "boolean" {
			return wrong
		}
	case json.Number, float64:
		if s.Type != "" && s.Type != "integer" {
			return wrong
		}
	}
	return nil
}

// TestAnswersFollowTheSpecification holds answers, whatever was seen, to the
// published schema. A null for errors is in the file's own example, though not in
// its schema.
func TestAnswersFollowTheSpecification(t *testing.T) {
	p := readPublished(t)
	errorList := p.Components.Schemas["BaseCheckResponse"].Properties["errors"]
	errorList.Nullable = true
	web := &perspectives.Seen{Web: &perspectives.SeenWeb{URL: "http://h/", Status: 200, Address: "192.0.2.1:80", Hops: []perspectives.Hop{{URL: "http://h/1", Status: 302, Location: "/"}}}}
	dns := &perspectives.Seen{DNS: &perspectives.SeenDNS{Name: "h", Records: []string{"0 issue \"ca.example\""}, CNAMEs: []string{"x."}}}
	bodies := map[string]*perspectives.Seen{
		`"check_type":"caa"`: dns,
		`"check_type":"caa","caa_check_parameters":{"certificate_type":"s-mime","caa_domains":["ca.example"]}`:                                                   dns,
		`"check_type":"dcv","dcv_check_parameters":{"validation_method":"acme-http-01","token":"` + token + `","key_authorization":"` + keyAuth + `"}`:           web,
		`"check_type":"dcv","dcv_check_parameters":{"validation_method":"website-change","challenge_value":"Xyz1","http_token_path":"f.txt","match_regex":null}`: web,
		`"check_type":"dcv","dcv_check_parameters":{"validation_method":"acme-dns-01","key_authorization_hash":"` + hash + `"}`:                                  dns,
		`"check_type":"dcv","dcv_check_parameters":{"validation_method":"dns-change","challenge_value":"v","dns_record_type":"CAA"}`:                             dns,
		`"check_type":"dcv","dcv_check_parameters":{"validation_method":"contact-phone-caa","challenge_value":"555"}`:                                            dns,
		`"check_type":"dcv","dcv_check_parameters":{"validation_method":"acme-tls-alpn-01","key_authorization_hash":"` + hashHex + `"}`:                          {TLS: &perspectives.SeenTLS{CommonName: "h"}},
	}
	for body, seen := range bodies {
		t.Run(body, func(t *testing.T) {
			g := NewWithT(t)
			body = `{"domain_or_ip_target":"example.com","trace_identifier":"t","orchestration_parameters":{"perspective_count":3,"max_attempts":2},` + body + `}`
			s := serve(g, under("boulder"))
			for _, o := range []perspectives.Outcome{
				{Verdict: perspectives.Pass, Seen: seen},
				{Verdict: perspectives.Fail, Seen: seen, Reason: "http-status"},
				{Verdict: perspectives.Error, Reason: "timeout"},
				{Verdict: perspectives.Pass, Seen: &perspectives.Seen{DNS: &perspectives.SeenDNS{Name: "h"}}},
			} {
				s.let("a b c d e f", says(o))
				out := s.mpic(g, body)
				name := "DCVResponse"
				if out["check_type"] == "caa" {
					name = "CAAResponse"
				}
				g.Expect(p.check("", p.Components.Schemas[name], out)).To(Succeed(), "%v: %s", o.Verdict, mustJSON(out))
			}
			s.let("primary", says(perspectives.Outcome{Verdict: perspectives.Fail}))
			out := s.mpic(g, body)
			g.Expect(at(out, "perspectives")).To(HaveLen(3))
		})
	}
}

// TestTheSchemaIsLookedAt: what the specification has not is found.
func TestTheSchemaIsLookedAt(t *testing.T) {
	g := NewWithT(t)
	p := readPublished(t)
	core := serve(g, core).let("a b c d e", says(perspectives.Outcome{Verdict: perspectives.Error}))
	out := core.mpic(g, fmt.Sprintf(caaRequest, "null"))
	g.Expect(p.check("", p.Components.Schemas["CAAResponse"], out)).To(MatchError(ContainSubstring("caa_record_present: null")))
	delete(out, "is_valid")
	g.Expect(p.check("", p.Components.Schemas["CAAResponse"], out)).To(MatchError(ContainSubstring(".is_valid: required")))
}

package openmpic

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/costtest"
)

// TestAmbiguousJSON: what two programs could read in two ways is refused, at every
// level and on both paths.
func TestAmbiguousJSON(t *testing.T) {
	const good = `{"domain_or_ip_target":"example.com","check_type":"caa","caa_check_parameters":{"caa_domains":["ca.example"]}}`
	for name, tc := range map[string]struct{ body, want string }{
		"nothing":                  {good, ""},
		"an unknown member":        {`{"x":{"y":1.5},` + good[1:], ""},
		"the target twice":         {`{"domain_or_ip_target":"a.example",` + good[1:], `names "domain_or_ip_target" and "domain_or_ip_target"`},
		"the target in two cases":  {`{"Domain_Or_IP_Target":"a.example",` + good[1:], `found field "Domain_Or_IP_Target", expected "domain_or_ip_target"`},
		"an unknown one twice":     {`{"x":1,"X":2,` + good[1:], `names "x" and "X" differ in nothing but case`},
		"a quorum in another case": {`{"orchestration_parameters":{"Quorum_Count":0},` + good[1:], `found field "Quorum_Count", expected "quorum_count"`},
		"a quorum twice":           {`{"orchestration_parameters":{"quorum_count":4,"quorum_count":0},` + good[1:], `names "quorum_count" and "quorum_count"`},
		"the CA twice":             {strings.Replace(good, `"caa_domains"`, `"caa_domains":[],"caa_domain\u0073"`, 1), `names "caa_domains" and "caa_domains"`},
		"a lone surrogate":         {strings.Replace(good, `"ca.example"`, `"\udc00"`, 1), `lone surrogate \udc00`},
		"not UTF-8":                {strings.Replace(good, `ca.example`, "\xff", 1), "not valid UTF-8"},
		"33 levels":                {`{"x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `,` + good[1:], "more than 32 levels"},
		"a huge number":            {`{"x":` + strings.Repeat("9", 100) + `,` + good[1:], "a number of 100 octets"},
		"trailing data":            {good + `{}`, "after top-level value"},
		"a method twice":           {`{"method":"dns","method":"caa","domain":"example.com"}`, `names "method" and "method"`},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			for _, path := range []string{"/mpic", "/mpic/draft-00"} {
				if tc.want == "" && path != "/mpic" {
					continue
				}
				s := serve(g)
				status, out := s.post(g, path, tc.body)
				if tc.want == "" {
					g.Expect(status).To(Equal(http.StatusOK), "%v", out)
					continue
				}
				if path != "/mpic" && strings.Contains(tc.want, "expected") { // the draft has no such member
					continue
				}
				g.Expect(status).To(Equal(http.StatusBadRequest), path)
				g.Expect(out["error"]).To(Equal(requestInvalid))
				g.Expect(at(out, "validation_issues", 0, "message")).To(ContainSubstring(tc.want))
				g.Expect(s.primary.asked).To(BeEmpty())
			}
		})
	}
}

// everyString calls each for every string that a type reads, with a document that
// has a value in its place.
func everyString(t reflect.Type, document func(value string) string, each func(name string, document func(string) string)) {
	for field := range t.Fields() {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		at := func(form string) func(string) string {
			return func(value string) string { return document(fmt.Sprintf("%q:"+form, tag, value)) }
		}
		kind := field.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		switch {
		case tag == "":
		case kind.Kind() == reflect.String:
			each(tag, at("%s"))
		case kind == reflect.TypeFor[[]string]():
			each(tag, at(`["x",%s]`))
		case kind == reflect.TypeFor[map[string]string]():
			each(tag, at(`{"X-Name":%s}`))
		}
	}
}

// TestEveryMemberIsBounded: no string of a request, also one that a later version
// adds, may be as long as its caller likes, whatever the method makes of it; and
// what is refused for its length is not repeated.
func TestEveryMemberIsBounded(t *testing.T) {
	g := NewWithT(t)
	long := `"` + strings.Repeat("x", 20_000) + `"`
	members := 0
	for _, tc := range []struct {
		path     string
		of       reflect.Type
		document func(string) string
	}{
		{"/mpic", reflect.TypeFor[request](), func(m string) string { return "{" + m + "}" }},
		{"/mpic", reflect.TypeFor[dcvParameters](), func(m string) string {
			return `{"domain_or_ip_target":"example.com","check_type":"dcv","dcv_check_parameters":{` + m + `}}`
		}},
		{"/mpic", reflect.TypeFor[caaParameters](), func(m string) string {
			return `{"domain_or_ip_target":"example.com","check_type":"caa","caa_check_parameters":{` + m + `}}`
		}},
		{"/mpic/draft-00", reflect.TypeFor[draftRequest](), func(m string) string { return "{" + m + "}" }},
	} {
		everyString(tc.of, tc.document, func(name string, document func(string) string) {
			members++
			status, out := serve(g).post(g, tc.path, document(long))
			g.Expect(status).To(Equal(http.StatusBadRequest), name)
			g.Expect(at(out, "validation_issues", 0, "message")).To(MatchRegexp(name+`(\[1\])?: found \d+ octets, expected at most \d+$`), name)
			g.Expect(len(mustJSON(out))).To(BeNumerically("<", 500), name)
		})
	}
	g.Expect(members).To(Equal(3 + 14 + 4 + 9))

	s := serve(g)
	for most, fits := range map[int]int{maxTrace: http.StatusOK, maxTrace + 1: http.StatusBadRequest} {
		status, _ := s.post(g, "/mpic", `{"trace_identifier":"`+strings.Repeat("t", most)+`",`+fmt.Sprintf(caaRequest, "null")[1:])
		g.Expect(status).To(Equal(fits))
	}
	_, out := s.post(g, "/mpic", fmt.Sprintf(caaRequest, `{"quorum_count":"`+strings.Repeat("x", 10_000)+`"}`))
	g.Expect(at(out, "validation_issues", 0, "message")).To(Equal("Invalid quorum count: " + strings.Repeat("x", 40) + "..."))
}

// hostileBodies are requests of about 256 KiB that are as expensive as they can be
// made.
func hostileBodies() map[string]string {
	const size = 250 << 10
	many := func(form string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, form, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	dcv := func(m string) string {
		return `{"domain_or_ip_target":"example.com","check_type":"dcv","dcv_check_parameters":{"validation_method":"website-change",` + m + `}}`
	}
	return map[string]string{
		"a long trace":    `{"trace_identifier":"` + strings.Repeat("t", size) + `",` + fmt.Sprintf(caaRequest, "null")[1:],
		"a long target":   `{"domain_or_ip_target":"` + strings.Repeat("a.", size/2) + `example","check_type":"caa"}`,
		"members":         `{` + many(`"%d":0,`) + `}`,
		"headers":         dcv(`"http_headers":{` + many(`"X-%d":"",`) + `}`),
		"issuers":         dcv(`"issuer_domain_names":[` + many(`"%d.example",`) + `]`),
		"an expression":   dcv(`"http_token_path":"x","challenge_value":"","match_regex":"(?:` + strings.Repeat("ab|", 60) + `x){1000}"`),
		"a long one":      dcv(`"http_token_path":"x","challenge_value":"","match_regex":"` + strings.Repeat(`\\pL`, 60<<10) + `"`),
		"nested":          `{"x":` + strings.Repeat(`[`, size/2) + strings.Repeat(`]`, size/2) + `}`,
		"a long method":   dcv(`"validation_method":"` + strings.Repeat("m", size) + `"`),
		"echo":            `{"x":"` + strings.Repeat("x", size) + `",` + fmt.Sprintf(caaRequest, `{"max_attempts":1000000}`)[1:],
		"escaped":         `{"trace_identifier":"` + strings.Repeat(`\u0074`, size/6) + `"}`,
		"an unknown list": `{"x":[` + many(`%d,`) + `]}`,
	}
}

// TestHostileBodiesCost at most 100 ms of processor time and 8 MiB, with all six
// perspectives.
func TestHostileBodiesCost(t *testing.T) {
	for name, body := range hostileBodies() {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := serve(g)
			costtest.AtMost(t, costtest.Cost{CPU: 100 * time.Millisecond, Allocated: 8 << 20}, func() {
				g.Expect(post(s, "/mpic", body)).To(Or(Equal(http.StatusOK), Equal(http.StatusBadRequest)))
			})
		})
	}
}

// post sends a body and returns the status.
func post(s *service, path, body string) int {
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, posted(path, body))
	return w.Code
}

// FuzzServe: no body is the service's own fault, costs much, or is answered with
// much more than was asked.
func FuzzServe(f *testing.F) {
	for _, body := range []string{
		fmt.Sprintf(caaRequest, "null"), fmt.Sprintf(caaRequest, `{"perspective_count":6,"quorum_count":0,"max_attempts":3,"cohort_for_single_attempt":null}`),
		`{"domain_or_ip_target":"example.com","check_type":"dcv","dcv_check_parameters":{"validation_method":"website-change","challenge_value":"v","http_token_path":"x","match_regex":"a{3}"}}`,
		`{"domain_or_ip_target":"1.2.0.192.in-addr.arpa","check_type":"dcv","dcv_check_parameters":{"validation_method":"reverse-address-lookup","challenge_value":"a.example"}}`,
		`{"check_type":7}`, `{"Check_Type":"caa"}`, `{"x":1,"X":2}`, `{"method":"caa","domain":"example.com"}`, `[]`, ``,
	} {
		f.Add("/mpic", body)
		f.Add("/mpic/draft-00", body)
	}
	s := serve(NewWithT(f), core)
	f.Fuzz(func(t *testing.T, path, body string) {
		if path != "/mpic" && path != "/mpic/draft-00" {
			return
		}
		status := 0
		costtest.AtMost(t, costtest.Cost{CPU: 300 * time.Millisecond, Allocated: 4<<20 + 512*uint64(len(body))}, func() { status = post(s, path, body) })
		if status >= 500 && !strings.Contains(body, "cohort_for_single_attempt") {
			t.Fatalf("%s: %q: status %d", path, body, status)
		}
	})
}

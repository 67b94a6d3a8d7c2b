package conformance_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/openmpic"
	"mpicsim/scenarios/conformance"
)

// TestJudge: each kind of expectation, met and missed.
func TestJudge(t *testing.T) {
	yes, no := true, false
	passed := func(list string) string {
		var out []string
		for p := range strings.FieldsSeq(list) {
			out = append(out, `{"perspective_code":"p","check_response":{"check_passed":`+p+`,"errors":[{"error_type":"mpic_error:http"}],"details":{"cname_chain":["a.example.","b.example."]}}}`)
		}
		return "[" + strings.Join(out, ",") + "]"
	}
	valid := func(is, list string) string { return `{"is_valid":` + is + `,"perspectives":` + passed(list) + `}` }
	for name, tc := range map[string]struct {
		want   conformance.Expectation
		status int
		body   string
		faults []string // parts of them, in order
	}{
		"valid":                {conformance.Expectation{Valid: &yes}, 200, valid("true", "true true"), nil},
		"not valid":            {conformance.Expectation{Valid: &no}, 200, valid("false", "false false"), nil},
		"not valid, nobody":    {conformance.Expectation{Valid: &no}, 200, valid("false", ""), nil},
		"should be valid":      {conformance.Expectation{Valid: &yes}, 200, valid("false", "true"), []string{"is_valid false, expected true (mpic_error:http)"}},
		"should not be valid":  {conformance.Expectation{Valid: &no}, 200, valid("true", "false"), []string{"is_valid true, expected false"}},
		"one does not pass":    {conformance.Expectation{Valid: &yes}, 200, valid("true", "true false true"), []string{"check_passed in 2 of 3 perspectives, expected in all"}},
		"one passes":           {conformance.Expectation{Valid: &no}, 200, valid("false", "true false"), []string{"check_passed in 1 of 2 perspectives, expected in none"}},
		"nobody passes":        {conformance.Expectation{Valid: &yes}, 200, valid("true", ""), []string{"check_passed in 0 of 0"}},
		"none, and valid":      {conformance.Expectation{Valid: &yes, Passed: conformance.None}, 200, valid("true", "false"), nil},
		"no is_valid":          {conformance.Expectation{}, 200, `{}`, []string{"no is_valid"}},
		"why":                  {conformance.Expectation{Valid: &yes, Passed: conformance.None}, 200, `{"is_valid":false,"decision":{"reason":"too-few","detail":"1 of 4"}}`, []string{"(too-few: 1 of 4)"}},
		"count":                {conformance.Expectation{Perspectives: 2}, 200, valid("true", "true false"), nil},
		"other count":          {conformance.Expectation{Perspectives: 3}, 200, valid("true", "true false"), []string{"2 perspectives, expected 3"}},
		"error type":           {conformance.Expectation{ErrorType: "mpic_error:http"}, 200, valid("false", "false"), nil},
		"error of the primary": {conformance.Expectation{ErrorType: "x"}, 200, `{"is_valid":false,"primary":{"check_response":{"errors":[{"error_type":"x"}]}}}`, nil},
		"other error type":     {conformance.Expectation{ErrorType: "x"}, 200, valid("false", "false"), []string{`expected "x"`}},
		"chain":                {conformance.Expectation{CNAMEChain: []string{"A.example.", "b.example."}}, 200, valid("true", "true"), nil},
		"other chain":          {conformance.Expectation{CNAMEChain: []string{"a.example", "b.example"}}, 200, valid("true", "true"), []string{"cname_chain"}},
		"status":               {conformance.Expectation{Status: 400}, 400, `{"error":"bad"}`, nil},
		"other status":         {conformance.Expectation{Status: 400}, 200, valid("true", "true"), []string{"status 200, expected 400"}},
		"status not expected":  {conformance.Expectation{Valid: &no}, 500, `{"error":"bad"}`, []string{"status 500, expected 200"}},
		"error":                {conformance.Expectation{Status: 400, Error: "bad", IssueType: "y"}, 400, `{"error":"bad","validation_issues":[{"issue_type":"x"},{"issue_type":"y"}]}`, nil},
		"other error":          {conformance.Expectation{Status: 400, Error: "bad"}, 400, `{"error":"worse"}`, []string{`error "worse", expected "bad"`}},
		"other issue":          {conformance.Expectation{Status: 400, IssueType: "y"}, 400, `{"validation_issues":[{"issue_type":"x"}]}`, []string{`expected "y"`}},
		"no JSON":              {conformance.Expectation{}, 200, `<html>`, []string{"no response of Open MPIC's API"}},
		"no JSON, and status":  {conformance.Expectation{}, 502, ``, []string{"status 502, expected 200", "no response of Open MPIC's API"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			faults := tc.want.Judge(tc.status, []byte(tc.body))
			g.Expect(faults).To(HaveLen(len(tc.faults)))
			for n, part := range tc.faults {
				g.Expect(faults[n]).To(ContainSubstring(part))
			}
		})
	}
}

// TestClient: what a service gets to see, and what comes of one that is none.
func TestClient(t *testing.T) {
	t.Run("headers and body", func(t *testing.T) {
		g := NewWithT(t)
		seen := make(chan *http.Request, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen <- r
			_, _ = w.Write([]byte(`{"is_valid":true}`))
		}))
		defer server.Close()
		c := conformance.Client{URL: server.URL + "/mpic", HTTP: server.Client(), Header: http.Header{"x-api-key": {"k"}}}
		r := c.Ask(t.Context(), conformance.Case{Request: []byte(`{}`)})
		g.Expect(r.Passed).To(BeTrue())
		got := <-seen
		g.Expect(got.Method + " " + got.URL.Path).To(Equal("POST /mpic"))
		g.Expect(got.Header.Get("X-Api-Key")).To(Equal("k"))
		g.Expect(got.Header.Get("Content-Type")).To(Equal("application/json"))
	})
	t.Run("nobody answers", func(t *testing.T) {
		g := NewWithT(t)
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		c := conformance.Client{URL: server.URL, HTTP: http.DefaultClient}
		r := c.Ask(t.Context(), conformance.Case{Request: []byte(`{}`)})
		g.Expect(r.Passed).To(BeFalse())
		g.Expect(r.Status).To(BeZero())
		g.Expect(r.Faults).To(HaveLen(1))
	})
	t.Run("results keep the order, and end with the context", func(t *testing.T) {
		g := NewWithT(t)
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"is_valid":true}`))
		}))
		defer server.Close()
		cases := conformance.Cases()[:20]
		c := conformance.Client{URL: server.URL, HTTP: server.Client(), Workers: 3}
		results, err := c.Run(ctx, cases)
		g.Expect(err).NotTo(HaveOccurred())
		for n, r := range results {
			g.Expect(r.Case.Name).To(Equal(cases[n].Name))
		}
		cancel()
		results, err = c.Run(ctx, cases)
		g.Expect(err).To(MatchError(context.Canceled))
		g.Expect(results).To(BeEmpty())
	})
	t.Run("nothing to ask with", func(t *testing.T) {
		_, err := conformance.Client{}.Run(t.Context(), nil)
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring("URL and HTTP")))
	})
}

// TestRecords: a service in the world keeps the records of BR 5.4.1(2).
func TestRecords(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	w, err := conformance.Build(t.Context(), conformance.Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { g.Expect(w.Close()).To(Succeed()) }()
	o, err := w.Service()
	g.Expect(err).NotTo(HaveOccurred())
	_, remotes, _ := o.Fleet.Describe()
	_, err = o.Fleet.Attempt(t.Context(), openmpic.Attempt{
		Check:   perspectives.Check{Domain: "example.com", Questions: perspectives.OnlyCAA, IssuerDomains: []string{conformance.DefaultIssuer}},
		Remotes: []string{remotes[0].Name, remotes[1].Name, remotes[2].Name}, Quorum: w.Rule(), Number: 1,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.String()).To(ContainSubstring("quorum=3/3"))
}

// TestBuild: what is no world is refused, by name.
func TestBuild(t *testing.T) {
	g := NewWithT(t)
	_, err := conformance.Build(t.Context(), conformance.Options{Set: "aws/us-east-2:aws/atlantis"})
	g.Expect(err).To(MatchError(ContainSubstring("aws/atlantis")))
	w, err := conformance.Build(t.Context(), conformance.Options{Primary: "nobody"})
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { g.Expect(w.Close()).To(Succeed()) }()
	_, err = w.Service()
	g.Expect(err).To(MatchError(ContainSubstring(`"nobody"`)))
}

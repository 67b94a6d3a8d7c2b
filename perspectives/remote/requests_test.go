package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/remote"
)

// request returns a request that is in order, with a nonce of 16 octets n.
func request(n byte) remote.Request {
	return remote.Request{
		APIVersion: remote.APIVersion, Perspective: fra().Name, Nonce: bytes.Repeat([]byte{n}, 16),
		NotBefore: epoch(), NotAfter: epoch().Add(time.Minute), TraceIdentifier: "t-1", Check: check(),
	}
}

// post sends a body and returns status, code and Retry-After.
func (w *world) post(path string, body any) (status int, code, retry string) {
	w.t.Helper()
	raw, ok := body.(string)
	if !ok {
		encoded, err := json.Marshal(body)
		w.g.Expect(err).NotTo(HaveOccurred())
		raw = string(encoded)
	}
	return w.do(http.MethodPost, path, "application/json", raw)
}

func (w *world) do(method, path, kind, body string) (status int, code, retry string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.client.URL+path, strings.NewReader(body))
	w.g.Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Content-Type", kind)
	response, err := w.http().Do(r)
	w.g.Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	w.g.Expect(err).NotTo(HaveOccurred())
	var refusal remote.Refusal
	if response.StatusCode != http.StatusOK {
		w.g.Expect(json.Unmarshal(answer, &refusal)).To(Succeed(), string(answer))
		w.g.Expect(refusal.Status).To(Equal(response.StatusCode))
		w.g.Expect(refusal.APIVersion).To(Equal(remote.APIVersion))
	}
	return response.StatusCode, refusal.Code, response.Header.Get("Retry-After")
}

// TestRefusals: each has its status and code, beside the request that is taken.
func TestRefusals(t *testing.T) {
	w := start(t, let(func(p *remote.Partner) { p.Methods = []perspectives.Method{perspectives.HTTP01} }))
	change := func(f func(*remote.Request)) func() any {
		return func() any {
			r := request(1)
			f(&r)
			return r
		}
	}
	raw := func(old, new string) func() any {
		return func() any {
			body, err := json.Marshal(request(1))
			w.g.Expect(err).NotTo(HaveOccurred())
			w.g.Expect(string(body)).To(ContainSubstring(old))
			return strings.Replace(string(body), old, new, 1)
		}
	}
	nonces := byte(0)
	for name, tc := range map[string]struct {
		path   string
		body   func() any
		status int
		code   string
	}{
		"in order":                {remote.PathCheck, change(func(r *remote.Request) { nonces++; r.Nonce[0] = nonces + 100 }), 200, ""},
		"no JSON":                 {remote.PathCheck, func() any { return "GET /" }, 400, "bad-request"},
		"an array":                {remote.PathCheck, func() any { return "[]" }, 400, "bad-request"},
		"nothing":                 {remote.PathCheck, func() any { return "" }, 400, "bad-request"},
		"a field too many":        {remote.PathCheck, raw(`"nonce"`, `"extra":1,"nonce"`), 400, "bad-request"},
		"a field twice":           {remote.PathCheck, raw(`"nonce"`, `"Nonce":"","nonce"`), 400, "bad-request"},
		"a field of another kind": {remote.PathCheck, raw(`"api_version":"1"`, `"api_version":1`), 400, "bad-request"},
		"something after it":      {remote.PathCheck, func() any { return `{} {}` }, 400, "bad-request"},
		"another version":         {remote.PathCheck, change(func(r *remote.Request) { r.APIVersion = "2" }), 400, "unsupported-version"},
		"for another perspective": {remote.PathCheck, change(func(r *remote.Request) { r.Perspective = "test/ord" }), 421, "wrong-perspective"},
		"a nonce of 15 octets":    {remote.PathCheck, change(func(r *remote.Request) { r.Nonce = r.Nonce[:15] }), 400, "bad-request"},
		"a nonce of 64 octets":    {remote.PathCheck, change(func(r *remote.Request) { r.Nonce = make([]byte, 64) }), 200, ""},
		"a nonce of 65 octets":    {remote.PathCheck, change(func(r *remote.Request) { r.Nonce = make([]byte, 65) }), 400, "bad-request"},
		"valid for 10 minutes":    {remote.PathCheck, change(func(r *remote.Request) { r.NotAfter = epoch().Add(remote.MaxValidity); r.Nonce[0] = 90 }), 200, ""},
		"valid for longer":        {remote.PathCheck, change(func(r *remote.Request) { r.NotAfter = epoch().Add(remote.MaxValidity + 1) }), 400, "bad-request"},
		"valid never":             {remote.PathCheck, change(func(r *remote.Request) { r.NotAfter = r.NotBefore }), 400, "bad-request"},
		"valid in 30 s":           {remote.PathCheck, change(func(r *remote.Request) { r.NotBefore = epoch().Add(30 * time.Second); r.Nonce[0] = 91 }), 200, ""},
		"valid later than that":   {remote.PathCheck, change(func(r *remote.Request) { r.NotBefore = epoch().Add(30*time.Second + 1) }), 400, "not-yet-valid"},
		"expired 30 s ago": {remote.PathCheck, change(func(r *remote.Request) {
			r.NotBefore, r.NotAfter = epoch().Add(-time.Minute), epoch().Add(-30*time.Second)
			r.Nonce[0] = 92
		}), 200, ""},
		"expired before": {remote.PathCheck, change(func(r *remote.Request) {
			r.NotBefore, r.NotAfter = epoch().Add(-time.Minute), epoch().Add(-30*time.Second-1)
		}), 400, "expired"},
		"a trace of 257 octets":           {remote.PathCheck, change(func(r *remote.Request) { r.TraceIdentifier = strings.Repeat("x", 257) }), 400, "bad-request"},
		"a method that is not allowed":    {remote.PathCheck, change(func(r *remote.Request) { r.Check.Method = perspectives.DNS01 }), 403, "method-refused"},
		"CAA alone has no method":         {remote.PathCAA, change(func(r *remote.Request) { r.Check.Questions, r.Check.Method, r.Nonce[0] = "caa", "", 93 }), 200, ""},
		"another CA's domain":             {remote.PathCheck, change(func(r *remote.Request) { r.Check.IssuerDomains = []string{"ca.example", "rival.example"} }), 403, "issuer-refused"},
		"a check that makes no sense":     {remote.PathCheck, change(func(r *remote.Request) { r.Check.Domain = "EXAMPLE.com" }), 400, "bad-check"},
		"other questions than the path's": {remote.PathDCV, change(func(r *remote.Request) { r.Check.Questions = "caa" }), 400, "bad-check"},
		"no questions at such a path":     {remote.PathDCV, change(func(*remote.Request) {}), 400, "bad-check"},
		"too many octets":                 {remote.PathCheck, func() any { return `{"nonce":"` + strings.Repeat("A", remote.MaxRequest) }, 413, "request-too-large"},
		"another path":                    {"/perspective/v2/check", func() any { return "{}" }, 404, "not-found"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			status, code, _ := w.post(tc.path, tc.body())
			g.Expect(code).To(Equal(tc.code))
			g.Expect(status).To(Equal(tc.status))
		})
	}
	status, code, _ := w.do(http.MethodPost, remote.PathCheck, "text/plain", "{}")
	w.g.Expect([]any{status, code}).To(Equal([]any{415, "wrong-content-type"}))
	status, code, _ = w.do(http.MethodGet, remote.PathCheck, "application/json", "")
	w.g.Expect([]any{status, code}).To(Equal([]any{405, "http-method-refused"}))
	w.g.Expect(w.logs.String()).To(ContainSubstring(`"code":"issuer-refused"`))
}

// TestReplay: a nonce counts once until its request has expired, for one partner.
func TestReplay(t *testing.T) {
	w := start(t, func(w *world) { w.config.MaxNonces = 2 })
	ask := func(n byte) (int, string) {
		r := request(n)
		r.NotBefore = w.clock.Now()
		r.NotAfter = r.NotBefore.Add(time.Minute)
		status, code, _ := w.post(remote.PathCheck, r)
		return status, code
	}
	expect := func(n byte, status int, code string) {
		t.Helper()
		gotStatus, gotCode := ask(n)
		w.g.Expect(gotCode).To(Equal(code))
		w.g.Expect(gotStatus).To(Equal(status))
	}
	expect(1, 200, "")
	expect(1, 409, "replayed")
	expect(2, 200, "")
	expect(3, 503, "busy") // two are remembered, which is all that are allowed
	w.clock.advance(time.Minute + remote.ClockSkew)
	expect(1, 409, "replayed") // the first request is still valid, just so
	w.clock.advance(1)
	expect(3, 200, "")
	expect(1, 200, "")
}

// TestRate: n-1, n and n+1 requests at once, and what time gives back.
func TestRate(t *testing.T) {
	w := start(t, let(func(p *remote.Partner) { p.ChecksPerSecond, p.Burst = 0.5, 3 }))
	nonce := byte(0)
	ask := func() (string, string) {
		nonce++
		r := request(nonce)
		r.NotAfter = epoch().Add(remote.MaxValidity)
		_, code, retry := w.post(remote.PathCheck, r)
		return code, retry
	}
	expect := func(code, retry string) {
		t.Helper()
		gotCode, gotRetry := ask()
		w.g.Expect([]string{gotCode, gotRetry}).To(Equal([]string{code, retry}))
	}
	expect("", "")
	expect("", "")
	expect("", "")
	expect("rate-limited", "2")
	w.clock.advance(1999 * time.Millisecond)
	expect("rate-limited", "1")
	w.clock.advance(time.Millisecond)
	expect("", "")
	expect("rate-limited", "2")
	w.clock.advance(time.Minute) // no more than the burst
	expect("", "")
	expect("", "")
	expect("", "")
	expect("rate-limited", "2")
	w.clock.advance(-time.Minute) // a clock that goes back gives nothing
	expect("rate-limited", "2")
}

// TestQuota: n-1, n and n+1 checks of a day in UTC; a refused one is not counted.
func TestQuota(t *testing.T) {
	w := start(t, let(func(p *remote.Partner) { p.DailyQuota = 2 }))
	nonce := byte(0)
	expect := func(code, retry string, change func(*remote.Request)) {
		t.Helper()
		nonce++
		r := request(nonce)
		r.NotBefore = w.clock.Now()
		r.NotAfter = r.NotBefore.Add(time.Minute)
		change(&r)
		_, gotCode, gotRetry := w.post(remote.PathCheck, r)
		w.g.Expect([]string{gotCode, gotRetry}).To(Equal([]string{code, retry}))
	}
	asIs := func(*remote.Request) {}
	expect("", "", asIs)
	expect("bad-check", "", func(r *remote.Request) { r.Check.Domain = "" })
	expect("", "", asIs)
	expect("over-quota", "43200", asIs) // it is noon
	w.clock.advance(12*time.Hour - time.Second)
	expect("over-quota", "1", asIs)
	w.clock.advance(time.Second)
	expect("", "", asIs)
	w.clock.advance(-time.Second) // yesterday again: the day's quota is not
	expect("", "", asIs)
	expect("over-quota", "86401", asIs)
}

// TestConcurrency: n checks at a time, and the next when one has ended.
func TestConcurrency(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	w := start(t, let(func(p *remote.Partner) { p.Concurrent = 1 }), func(w *world) {
		w.runner.says = func(context.Context, perspectives.Check, *perspectives.Result) {
			begun <- struct{}{}
			<-finish
		}
	})
	client := w.dial()
	results := make(chan perspectives.Result, 2)
	run := func() { results <- client.Run(t.Context(), check()) }
	go run()
	<-begun
	status, code, retry := w.post(remote.PathCheck, request(1))
	w.g.Expect([]any{status, code, retry}).To(Equal([]any{503, "busy", "1"}))
	finish <- struct{}{}
	w.g.Expect(reasonOf(<-results)).To(Equal("an answer"))
	go run()
	<-begun
	finish <- struct{}{}
	w.g.Expect(reasonOf(<-results)).To(Equal("an answer"))
}

// TestFaultsOfTheRunner: a check has its time, and a panic is the server's own.
func TestFaultsOfTheRunner(t *testing.T) {
	w := start(t, func(w *world) {
		w.config.CheckTimeout = time.Millisecond
		w.runner.says = func(ctx context.Context, c perspectives.Check, r *perspectives.Result) {
			if c.Domain == "panic.example" {
				panic("no such luck")
			}
			<-ctx.Done()
			r.DCV.Verdict, r.DCV.Reason = perspectives.Error, "timeout"
		}
	})
	w.g.Expect(w.dial().Run(t.Context(), check()).DCV.Reason).To(Equal("timeout"))
	broken := request(1)
	broken.Check.Domain = "panic.example"
	status, code, _ := w.post(remote.PathCheck, broken)
	w.g.Expect([]any{status, code}).To(Equal([]any{500, "internal"}))
	w.g.Expect(w.logs.String()).To(ContainSubstring("no such luck"))
	w.g.Expect(w.dial().Run(t.Context(), check()).DCV.Reason).To(Equal("timeout"), "the server goes on")
}

// TestLogAndMetrics: who looked, at what, with what result (BR 5.4.1(2)(7)).
func TestLogAndMetrics(t *testing.T) {
	w := start(t)
	w.g.Expect(reasonOf(w.dial().Run(t.Context(), check()))).To(Equal("an answer"))
	var record map[string]any
	w.g.Expect(json.Unmarshal([]byte(strings.SplitAfter(w.logs.String(), "\n")[0]), &record)).To(Succeed())
	w.g.Expect(record).To(And(
		HaveKeyWithValue("partner", "ca"), HaveKeyWithValue("perspective", "test/fra"), HaveKeyWithValue("domain", "example.com"),
		HaveKeyWithValue("dcv", HaveKeyWithValue("verdict", "pass")), HaveKeyWithValue("caa", HaveKeyWithValue("verdict", "pass")),
	))
	response, err := w.http().Get(w.client.URL + remote.PathMetrics)
	w.g.Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(string(text)).To(ContainSubstring(
		`mpic_perspective_checks_total{method="acme-http-01",partner="ca",question="dcv",verdict="pass"} 1`))
}

// TestPathsOfOperatorsAndOpenMPIC are for those who are named for them.
func TestPathsOfOperatorsAndOpenMPIC(t *testing.T) {
	w := start(t, let(func(p *remote.Partner) { p.Operator, p.OpenMPIC = false, false }))
	for path, method := range map[string]string{
		remote.PathMetrics: http.MethodGet, remote.PathOpenMPICDCV: http.MethodPost, remote.PathOpenMPICCAA: http.MethodPost,
	} {
		status, code, _ := w.do(method, path, "application/json", "{}")
		w.g.Expect([]any{path, status, code}).To(Equal([]any{path, 403, "path-refused"}))
	}
}

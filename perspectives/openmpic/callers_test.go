package openmpic

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/remote"
)

// callers are the clients of these tests: one with a certificate, one with an API
// key, which may only ask about CAA, and one that has used up its key.
type callers struct {
	list        *access.List
	key         string
	certificate *tls.ConnectionState
}

func newCallers(g *WithT, change func(ra *access.Client)) callers {
	ca, err := remote.NewAuthority("callers", epoch().Add(-time.Hour), epoch().AddDate(1, 0, 0))
	g.Expect(err).NotTo(HaveOccurred())
	const identity = "spiffe://ca.example/caller"
	pair, err := ca.Issue(remote.Leaf{CommonName: "ca", Identity: identity, NotBefore: epoch().Add(-time.Hour), NotAfter: epoch().AddDate(0, 1, 0)})
	g.Expect(err).NotTo(HaveOccurred())
	leaf, err := remote.ParseCertificates(pair.Certificate)
	g.Expect(err).NotTo(HaveOccurred())
	out := callers{certificate: &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf[0], ca.Certificate}}}}
	var kept access.Key
	out.key, kept = access.NewKey()
	ra := access.Client{Name: "ra", Keys: []access.Key{kept}, IssuerDomains: []string{"ra.example"}}
	change(&ra)
	out.list, err = access.NewList([]access.Client{
		{Name: "ca", Identity: identity, Roots: []*x509.Certificate{ca.Certificate}, Methods: perspectives.Methods(), IssuerDomains: []string{"ca.example"}, Operator: true},
		ra,
	})
	g.Expect(err).NotTo(HaveOccurred())
	return out
}

// TestCallers: who asks decides what may be asked; the record says who it was.
func TestCallers(t *testing.T) {
	g := NewWithT(t)
	who := newCallers(g, func(*access.Client) {})
	var records bytes.Buffer
	s := serve(g, func(o *Options, c *DeploymentConfig) {
		o.Clients = who.list
		c.Log = slog.New(slog.NewJSONHandler(&records, nil))
	})
	caa := fmt.Sprintf(caaRequest, "null")
	for name, tc := range map[string]struct {
		change func(r *http.Request)
		body   string
		want   int
		says   string
	}{
		"a certificate":                 {func(r *http.Request) { r.TLS = who.certificate }, caa, 200, ""},
		"an API key":                    {func(r *http.Request) { r.Header.Set("x-api-key", who.key) }, strings.ReplaceAll(caa, "ca.example", "ra.example"), 200, ""},
		"nobody":                        {func(*http.Request) {}, caa, 403, "no-credentials: expected a client certificate or the header X-Api-Key"},
		"another key":                   {func(r *http.Request) { r.Header.Set("x-api-key", who.key+"x") }, caa, 403, "unknown-client: the API key is not known here"},
		"an empty key":                  {func(r *http.Request) { r.Header.Set("x-api-key", "") }, caa, 403, "unknown-client"},
		"two keys":                      {func(r *http.Request) { r.Header["X-Api-Key"] = []string{who.key, who.key} }, caa, 403, "more than one header"},
		"a certificate, another's key":  {func(r *http.Request) { r.TLS = who.certificate; r.Header.Set("x-api-key", who.key) }, caa, 403, "belong to two clients"},
		"a certificate and a wrong key": {func(r *http.Request) { r.TLS = who.certificate; r.Header.Set("x-api-key", "x") }, caa, 403, "unknown-client"},
		"an unverified certificate": {func(r *http.Request) {
			r.TLS = &tls.ConnectionState{PeerCertificates: who.certificate.VerifiedChains[0]}
		}, caa, 403, "no-credentials"},
		"another's issuer domain": {
			func(r *http.Request) { r.Header.Set("x-api-key", who.key) },
			`{"domain_or_ip_target":"example.com","check_type":"caa","caa_check_parameters":{"caa_domains":["ca.example"]}}`,
			403, `issuer-refused: issuer domain \"ca.example\"`,
		},
		"a method that it may not use": {
			func(r *http.Request) { r.Header.Set("x-api-key", who.key) },
			`{"domain_or_ip_target":"example.com","check_type":"dcv","dcv_check_parameters":{"validation_method":"dns-change","challenge_value":"v","dns_record_type":"TXT"}}`,
			403, `method-refused: method \"dns-change\"`,
		},
		"a page of others": {func(r *http.Request) { r.TLS = who.certificate; r.Header.Set("Origin", "https://evil.example") }, caa, 403, "Origin: "},
		"a name of others": {func(r *http.Request) { r.TLS = who.certificate; r.Host = "evil.example" }, caa, 421, "Host: "},
		"a form":           {func(r *http.Request) { r.TLS = who.certificate; r.Header.Set("Content-Type", "text/plain") }, caa, 415, "Content-Type: "},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			asked := len(s.remotes[0].asked)
			r := posted("/mpic", tc.body)
			tc.change(r)
			w := httptest.NewRecorder()
			s.server.ServeHTTP(w, r)
			g.Expect(w.Code).To(Equal(tc.want), w.Body.String())
			g.Expect(w.Body.String()).To(ContainSubstring(tc.says))
			if tc.want != 200 {
				g.Expect(s.remotes[0].asked).To(HaveLen(asked), "nobody is asked")
			}
		})
	}
	g.Expect(records.String()).To(MatchRegexp(`"client":"ra","credential":"api-key [0-9a-f]{16}"`))
	g.Expect(records.String()).To(MatchRegexp(`"client":"ca","credential":"certificate [0-9a-f]{16}"`))
	g.Expect(records.String()).NotTo(ContainSubstring(who.key))
	g.Expect(testutil.ToFloat64(s.server.metrics.denials.WithLabelValues("ra", "issuer-refused"))).To(Equal(1.))
	g.Expect(testutil.ToFloat64(s.server.metrics.denials.WithLabelValues("", "no-credentials"))).To(Equal(2.))
}

// TestIssuersOfTheCaller stand in for those that a request does not name.
func TestIssuersOfTheCaller(t *testing.T) {
	g := NewWithT(t)
	who := newCallers(g, func(*access.Client) {})
	s := serve(g, func(o *Options, _ *DeploymentConfig) { o.Clients, o.DefaultIssuers = who.list, []string{"ca.example"} })
	for _, path := range []string{"/mpic", "/mpic/draft-00"} {
		body := `{"domain_or_ip_target":"example.com","check_type":"caa"}`
		if path != "/mpic" {
			body = `{"method":"caa","domain":"example.com"}`
		}
		r := posted(path, body)
		r.Header.Set("x-api-key", who.key)
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		g.Expect(w.Code).To(Equal(200), w.Body.String())
		asked := s.remotes[0].asked
		g.Expect(asked[len(asked)-1].IssuerDomains).To(Equal([]string{"ra.example"}))
	}
}

// TestCallersHaveBounds: rate, quota and checks at a time, and a reload forgets none
// of what was used up.
func TestCallersHaveBounds(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*access.Client)
		want   int
		says   string
	}{
		"a rate":  {func(c *access.Client) { c.ChecksPerSecond, c.Burst = 0.01, 2 }, 429, "rate-limited: "},
		"a quota": {func(c *access.Client) { c.DailyQuota = 2 }, 429, "over-quota: "},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			who := newCallers(g, tc.change)
			s := serve(g, func(o *Options, _ *DeploymentConfig) { o.Clients = who.list })
			ask := func() *httptest.ResponseRecorder {
				r := posted("/mpic", `{"domain_or_ip_target":"example.com","check_type":"caa"}`)
				r.Header.Set("x-api-key", who.key)
				w := httptest.NewRecorder()
				s.server.ServeHTTP(w, r)
				return w
			}
			for range 2 {
				g.Expect(ask().Code).To(Equal(200))
			}
			next, err := s.server.Renewed(s.server.o)
			g.Expect(err).NotTo(HaveOccurred())
			s.server = next
			w := ask()
			g.Expect(w.Code).To(Equal(tc.want), w.Body.String())
			g.Expect(w.Body.String()).To(ContainSubstring(tc.says))
			g.Expect(w.Header().Get("Retry-After")).To(MatchRegexp(`^[1-9][0-9]*$`))
		})
	}
}

// TestChecksAtATime: what there is no slot for is told to come back.
func TestChecksAtATime(t *testing.T) {
	g := NewWithT(t)
	begun, end := make(chan struct{}), make(chan struct{})
	s := serve(g, func(o *Options, _ *DeploymentConfig) { o.Slots = access.NewSlots(1) })
	var once sync.Once
	s.let("a", func(perspectives.Check, *perspectives.Result) {
		once.Do(func() {
			close(begun)
			<-end
		})
	})
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, posted("/mpic", fmt.Sprintf(caaRequest, "null")))
		return w
	}
	var first sync.WaitGroup
	first.Go(func() { ask() })
	<-begun
	w := ask()
	g.Expect(w.Code).To(Equal(http.StatusServiceUnavailable))
	g.Expect(w.Header().Get("Retry-After")).To(Equal("1"))
	g.Expect(w.Body.String()).To(ContainSubstring("busy: more than 1 checks at a time"))
	close(end)
	first.Wait()
	g.Expect(ask().Code).To(Equal(200))
}

// TestWhatOthersRead: health says nothing but itself to strangers, metrics are for
// operators, the configuration for clients.
func TestWhatOthersRead(t *testing.T) {
	g := NewWithT(t)
	who := newCallers(g, func(*access.Client) {})
	healthy := error(nil)
	s := serve(g, func(o *Options, _ *DeploymentConfig) {
		o.Clients, o.Healthy = who.list, func() error { return healthy }
	})
	get := func(handler http.Handler, path, host string, change func(*http.Request)) (int, string) {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "http://127.0.0.1"+path, nil)
		r.Host = host
		change(r)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	nobody := func(*http.Request) {}
	certificate := func(r *http.Request) { r.TLS = who.certificate }
	key := func(r *http.Request) { r.Header.Set("x-api-key", who.key) }
	for _, tc := range []struct {
		path   string
		change func(*http.Request)
		want   int
	}{
		{"/healthz", nobody, 200},
		{"/metrics", nobody, 403},
		{"/metrics", key, 403},
		{"/metrics", certificate, 200},
		{"/configz", nobody, 403},
		{"/configz", key, 200},
		{"/configz", certificate, 200},
		{"/nothing", nobody, 403},
		{"/nothing", key, 404},
	} {
		code, body := get(s.server, tc.path, "127.0.0.1", tc.change)
		g.Expect(code).To(Equal(tc.want), "%s: %s", tc.path, body)
	}
	healthy = errors.New("audit log: /var/log/x: no space left")
	code, body := get(s.server, "/healthz", "mpic.example", nobody)
	g.Expect([]any{code, strings.TrimSpace(body)}).To(Equal([]any{503, `{"status":"unhealthy"}`}))
	_, body = get(s.server.Local(), "/healthz", "127.0.0.1:8081", nobody)
	g.Expect(body).To(ContainSubstring("no space left"))
	for path, want := range map[string]int{"/healthz": 503, "/metrics": 200, "/configz": 404} {
		code, _ = get(s.server.Local(), path, "127.0.0.1:8081", nobody)
		g.Expect(code).To(Equal(want), path)
		code, _ = get(s.server.Local(), path, "rebound.example:8081", nobody)
		g.Expect(code).To(Equal(421), path)
	}
}

package remote_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/remote"
	"mpicsim/topology/place"
)

const (
	token    = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
	keyAuth  = token + ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI" // RFC 8555 8.3, RFC 7638 3.1
	identity = "spiffe://ca.example/mpic"
)

func epoch() time.Time { return time.Date(2026, 12, 15, 12, 0, 0, 0, time.UTC) }

// hands is a clock that moves when it is told to.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func newHands() *hands { return &hands{now: epoch()} }

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func fra() perspectives.Perspective {
	return perspectives.Perspective{
		Name: "test/fra", City: "Frankfurt", RIR: place.RIPE, ASN: 64500, Location: place.Location{Lat: 50.11, Lon: 8.68},
	}
}

// runner is a perspective that says what it is told to.
type runner struct {
	perspectives.Perspective
	says func(ctx context.Context, c perspectives.Check, r *perspectives.Result)
}

func (f *runner) Describe() perspectives.Perspective { return f.Perspective }

func (f *runner) Run(ctx context.Context, c perspectives.Check) perspectives.Result {
	r := perspectives.Result{
		Perspective: f.Name, RIR: f.RIR, Questions: c.Questions, TargetAddresses: []string{"192.0.2.1:80"},
		Started: epoch(), Finished: epoch().Add(time.Millisecond),
	}
	if c.Questions.DCV() {
		r.DCV = perspectives.Outcome{
			Verdict: perspectives.Pass, Reason: "matches", Detail: "ünï\u2028code <&>", Clause: "BR 3.2.2.4.19", DNSSEC: perspectives.Secure,
			Evidence: []perspectives.Evidence{{Kind: "http", Query: "http://example.com/", Server: "192.0.2.1:80", Answer: []string{"200"}, Status: "200", Started: epoch(), Took: 12345}},
			Seen:     &perspectives.Seen{Web: &perspectives.SeenWeb{URL: "http://example.com/", Status: 200, Address: "192.0.2.1:80", Page: []byte("\x00\xff")}},
			Chain:    []perspectives.ChainLink{{Zone: ".", Owner: "com.", Type: "DS", Status: perspectives.Secure, Algorithm: 13, KeyTag: 1}},
		}
	}
	if c.Questions.CAA() {
		r.CAA = perspectives.Outcome{Verdict: perspectives.Pass, Reason: "authorized"}
	}
	if f.says != nil {
		f.says(ctx, c, &r)
	}
	return r
}

func check() perspectives.Check {
	return perspectives.Check{
		Domain: "example.com", Method: perspectives.HTTP01, Token: token, KeyAuthorization: keyAuth,
		IssuerDomains: []string{"ca.example"},
	}
}

// world is one perspective that is served on the loopback, its CA and a client's
// configuration.
type world struct {
	t         testing.TB
	g         *WithT
	clock     *hands
	authority *remote.Authority
	runner    *runner
	server    *remote.Server
	config    remote.ServerConfig
	client    remote.ClientConfig
	logs      lines
	stop      func() error // drains the server and says how that went
	addr      string
}

// lines keeps log records.
type lines struct {
	mu   sync.Mutex
	text []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// start serves one perspective after change.
func start(t testing.TB, change ...func(*world)) *world {
	t.Helper()
	w := &world{t: t, g: NewWithT(t), clock: newHands(), runner: &runner{Perspective: fra()}}
	w.authority = authority(t)
	public, signing := newKey(t)
	w.config = remote.ServerConfig{
		Runner: w.runner, Clock: w.clock.Now, Software: "test", Log: slog.New(slog.NewJSONHandler(&w.logs, nil)),
		Credentials: remote.Credentials{
			Certificate: issue(t, w.authority, remote.Leaf{CommonName: "fra", Hosts: []string{"127.0.0.1", "fra.example"}}),
			SigningKey:  signing,
			Partners:    []remote.Partner{w.partner()},
		},
	}
	for _, c := range change {
		c(w)
	}
	var err error
	w.server, err = remote.NewServer(w.config)
	w.g.Expect(err).NotTo(HaveOccurred())
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	w.g.Expect(err).NotTo(HaveOccurred())
	w.addr = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.server.Serve(ctx, listener) }()
	w.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	w.client = remote.ClientConfig{
		Perspective: fra(), URL: "https://" + w.addr, Roots: pool(w.authority), Key: public, Clock: w.clock.Now,
		Certificates: []tls.Certificate{issue(t, w.authority, remote.Leaf{CommonName: "ca", Identity: identity})},
	}
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	return w
}

// partner may do everything without bounds.
func (w *world) partner() remote.Partner {
	return remote.Partner{
		Client: access.Client{
			Name: "ca", Identity: identity, Roots: []*x509.Certificate{w.authority.Certificate},
			Methods: perspectives.Methods(), IssuerDomains: []string{"ca.example"}, Operator: true,
		},
		OpenMPIC: true, Log: slog.New(slog.NewJSONHandler(&w.logs, nil)),
	}
}

// let changes the only partner, before the start.
func let(change func(*remote.Partner)) func(*world) {
	return func(w *world) { change(&w.config.Credentials.Partners[0]) }
}

// dial returns a client after change, closed at the end.
func (w *world) dial(change ...func(*remote.ClientConfig)) *remote.Client {
	w.t.Helper()
	config := w.client
	for _, c := range change {
		c(&config)
	}
	client, err := remote.New(config)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.t.Cleanup(client.Close)
	return client
}

// http returns a plain HTTPS client with the partner's certificate.
func (w *world) http() *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: w.client.Roots, Certificates: w.client.Certificates, Time: w.clock.Now, MinVersion: tls.VersionTLS13,
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func authority(t testing.TB) *remote.Authority {
	t.Helper()
	a, err := remote.NewAuthority("test CA", epoch().Add(-time.Hour), epoch().AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t testing.TB, a *remote.Authority, l remote.Leaf) tls.Certificate {
	t.Helper()
	if l.NotBefore.IsZero() {
		l.NotBefore, l.NotAfter = epoch().Add(-time.Hour), epoch().AddDate(0, 6, 0)
	}
	pair, err := a.Issue(l)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func newKey(t testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

func pool(as ...*remote.Authority) *x509.CertPool {
	p := x509.NewCertPool()
	for _, a := range as {
		p.AddCert(a.Certificate)
	}
	return p
}

// reasonOf returns the reasons of a result that is no answer, once if both are
// the same.
func reasonOf(r perspectives.Result) string {
	if r.DCV.Verdict != perspectives.Error || r.CAA.Verdict != perspectives.Error {
		return "an answer"
	}
	if r.DCV.Reason != r.CAA.Reason {
		return r.DCV.Reason + " and " + r.CAA.Reason
	}
	return r.DCV.Reason
}

// direct gives a body to the server's handler without a network, as the partner,
// and returns the status.
func (w *world) direct(path string, body []byte) int {
	leaf := w.client.Certificates[0].Leaf
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf, w.authority.Certificate}}}
	recorder := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(recorder, r)
	return recorder.Code
}

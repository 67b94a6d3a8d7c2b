package remote_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/remote"
)

// TestIdentityIsComparedExactly: certificates whose names only mean the same as the
// partner's are nobody's. Package access has more of them.
func TestIdentityIsComparedExactly(t *testing.T) {
	w := start(t)
	for name, octets := range map[string]string{
		"the identity":       identity,
		"another case":       "SPIFFE" + identity[len("spiffe"):],
		"an empty fragment":  identity + "#",
		"an escaped letter":  identity[:len(identity)-1] + "%" + "6" + identity[len(identity)-1:],
		"an empty user info": "spiffe://@" + identity[len("spiffe://"):],
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := w.dial(func(c *remote.ClientConfig) {
				c.Certificates = []tls.Certificate{issue(t, w.authority, remote.Leaf{CommonName: "ca", Identity: octets})}
			}).Run(t.Context(), check())
			if name == "the identity" {
				g.Expect(reasonOf(r)).To(Equal("an answer"))
				return
			}
			g.Expect(reasonOf(r)).To(Equal(remote.ReasonRefused))
			g.Expect(r.DCV.Detail).To(ContainSubstring("unknown-partner"))
		})
	}
}

// TestIssueKeepsOctets: a leaf has the identity as it was given, or none is issued.
func TestIssueKeepsOctets(t *testing.T) {
	g := NewWithT(t)
	leaf := issue(t, authority(t), remote.Leaf{CommonName: "ca", Identity: "SPIFFE://CA.example/a#"}).Leaf
	g.Expect(string(leaf.Raw)).To(ContainSubstring("SPIFFE://CA.example/a#"))
	g.Expect(leaf.URIs).To(HaveLen(1))
	g.Expect(leaf.URIs[0]).To(Equal(&url.URL{Scheme: "spiffe", Host: "CA.example", Path: "/a"}))
}

// TestRevokedUnderAConnection: a CRL that a reload brings holds for the next request
// on a connection that is open.
func TestRevokedUnderAConnection(t *testing.T) {
	w := start(t)
	client := w.dial()
	w.g.Expect(reasonOf(client.Run(t.Context(), check()))).To(Equal("an answer"))
	reload := func(serials ...*big.Int) {
		crl, err := w.authority.Revoke(serials, w.clock.Now().Add(-time.Minute), w.clock.Now().Add(time.Hour))
		w.g.Expect(err).NotTo(HaveOccurred())
		next := w.config.Credentials
		next.Partners = []remote.Partner{w.partner()}
		next.Partners[0].Revocations, err = access.ParseRevocations(crl, []*x509.Certificate{w.authority.Certificate}, w.clock.Now())
		w.g.Expect(err).NotTo(HaveOccurred())
		w.g.Expect(w.server.Reload(next)).To(Succeed())
	}
	reload(big.NewInt(1))
	w.g.Expect(reasonOf(client.Run(t.Context(), check()))).To(Equal("an answer"), "another is revoked")
	reload(w.client.Certificates[0].Leaf.SerialNumber)
	r := client.Run(t.Context(), check())
	w.g.Expect(reasonOf(r)).To(Equal(remote.ReasonRefused))
	w.g.Expect(r.DCV.Detail).To(ContainSubstring("status 403, revoked: "))
	reload(big.NewInt(1))
	w.clock.advance(2 * time.Hour)
	r = client.Run(t.Context(), check())
	w.g.Expect(r.DCV.Detail).To(ContainSubstring("status 403, revocation-unknown: the CRL of CN=test CA is not current"))
}

// TestStrangersDoNotKeepPartnersOut: many connections that say nothing, some of them
// half way through TLS.
func TestStrangersDoNotKeepPartnersOut(t *testing.T) {
	w := start(t, func(w *world) { w.config.Bounds = access.Bounds{Connections: 32, Checks: 8} })
	connect := func(hello []byte) {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.addr)
		w.g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(func() { _ = c.Close() })
		_, _ = c.Write(hello)
	}
	for i := range 200 {
		connect([]byte{0x16, 0x03, 0x01}[:i%4*3/4])
	}
	w.g.Expect(reasonOf(w.dial().Run(t.Context(), check()))).To(Equal("an answer"))
	metrics := w.metrics()
	w.g.Expect(metrics).To(ContainSubstring(`mpic_perspective_connections_closed_total{kind="refused"} 0`))
	w.g.Expect(metrics).To(MatchRegexp(`mpic_perspective_connections_closed_total\{kind="stranger"\} 19\d`))
	w.g.Expect(metrics).To(MatchRegexp(`mpic_perspective_connections\{owner="unknown"\} [5-8]\n`))
}

// metrics returns what an operator reads.
func (w *world) metrics() string {
	response, err := w.http().Get("https://" + w.addr + remote.PathMetrics)
	w.g.Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	w.g.Expect(err).NotTo(HaveOccurred())
	return string(text)
}

// TestChecksOfAllTogether are bounded, whoever asks.
func TestChecksOfAllTogether(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	w := start(t, func(w *world) {
		w.config.Bounds = access.Bounds{Connections: 32, Checks: 2}
		w.runner.says = func(context.Context, perspectives.Check, *perspectives.Result) {
			begun <- struct{}{}
			<-end
		}
	})
	client := w.dial()
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() { _ = client.Run(t.Context(), check()) })
		<-begun
	}
	r := client.Run(t.Context(), check())
	w.g.Expect(r.DCV.Detail).To(ContainSubstring("status 503, busy: more than 2 checks at a time"))
	close(end)
	running.Wait()
}

// TestSecretsOfOthers: key files that others can read are not read.
func TestSecretsOfOthers(t *testing.T) {
	g := NewWithT(t)
	_, signing := newKey(t)
	text, err := remote.MarshalKey(signing)
	g.Expect(err).NotTo(HaveOccurred())
	path := filepath.Join(t.TempDir(), "signing-key.pem")
	g.Expect(os.WriteFile(path, text, 0o600)).To(Succeed())
	_, err = remote.ReadSigningKey(path, access.Secrets{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.Chmod(path, 0o640)).To(Succeed())
	_, err = remote.ReadSigningKey(path, access.Secrets{})
	g.Expect(err).To(MatchError(ContainSubstring("signing-key.pem: mode: found 0640")))
	_, err = remote.ReadSigningKey(path, access.Secrets{GroupReadable: true})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.Chmod(path, 0o604)).To(Succeed())
	_, err = remote.ReadSigningKey(path, access.Secrets{GroupReadable: true})
	g.Expect(err).To(MatchError(ContainSubstring("signing-key.pem: mode: found 0604")))
}

// TestHealthIsNotForPages: a page whose name leads to this machine reads no metrics.
func TestHealthIsNotForPages(t *testing.T) {
	w := start(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	w.g.Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.server.ServeHealth(ctx, listener) }()
	t.Cleanup(func() { cancel(); <-done })
	for host, want := range map[string]int{"": 200, "localhost:8081": 200, "rebound.example:8081": 421} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+remote.PathMetrics, nil)
		w.g.Expect(err).NotTo(HaveOccurred())
		r.Host = host
		response, err := http.DefaultClient.Do(r)
		w.g.Expect(err).NotTo(HaveOccurred())
		w.g.Expect(response.Body.Close()).To(Succeed())
		w.g.Expect(response.StatusCode).To(Equal(want), host)
	}
}

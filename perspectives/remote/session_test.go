package remote_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/remote"
)

// TestAnswerComesAsItWasGiven: nothing of a result is lost on the way.
func TestAnswerComesAsItWasGiven(t *testing.T) {
	w := start(t)
	for _, q := range []perspectives.Questions{perspectives.Both, perspectives.OnlyDCV, perspectives.OnlyCAA} {
		c := check()
		c.Questions = q
		var request, answer []byte
		client := w.dial(func(c *remote.ClientConfig) { c.OnAnswer = func(r, a []byte) { request, answer = r, a } })
		got := client.Run(t.Context(), c)
		w.g.Expect(got).To(Equal(w.runner.Run(t.Context(), c)))
		w.g.Expect(got.Corroborates()).To(BeTrue())

		// What was kept is proof, much later as well.
		kept, err := remote.Expected{Perspective: fra(), Key: w.client.Key, Request: request}.Verify(answer)
		w.g.Expect(err).NotTo(HaveOccurred())
		w.g.Expect(kept.Result).To(Equal(got))
	}
	info, err := w.dial().Info(t.Context())
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(info.Perspective).To(Equal(fra()))
	w.g.Expect(info.PublicKey).To(BeEquivalentTo(w.client.Key))
	w.g.Expect(info.Partner.UsedToday).To(Equal(3))
	w.g.Expect(info.Partner.Methods).To(Equal(perspectives.Methods()))
}

// TestHandshakes: who is let in, by both sides.
func TestHandshakes(t *testing.T) {
	stranger := authority(t)
	leaf := func(l remote.Leaf) func(*world, *remote.ClientConfig) {
		return func(w *world, c *remote.ClientConfig) {
			c.Certificates = []tls.Certificate{issue(w.t, w.authority, l)}
		}
	}
	for name, tc := range map[string]struct {
		change func(*world, *remote.ClientConfig)
		reason string
		detail string
	}{
		"the partner's certificate": {func(*world, *remote.ClientConfig) {}, "an answer", ""},
		"no certificate": {func(_ *world, c *remote.ClientConfig) {
			c.Certificates = []tls.Certificate{{}}
		}, remote.ReasonAuthentication, "certificate"},
		"the identity, but another CA": {func(w *world, c *remote.ClientConfig) {
			c.Certificates = []tls.Certificate{issue(w.t, stranger, remote.Leaf{Identity: identity})}
		}, remote.ReasonAuthentication, ""},
		"another identity":          {leaf(remote.Leaf{Identity: identity + "/x"}), remote.ReasonRefused, "unknown-partner"},
		"no identity":               {leaf(remote.Leaf{CommonName: "ca"}), remote.ReasonRefused, "0 URI names"},
		"a server's certificate":    {leaf(remote.Leaf{Identity: identity, Hosts: []string{"x.example"}}), remote.ReasonAuthentication, ""},
		"an expired certificate":    {leaf(remote.Leaf{Identity: identity, NotBefore: epoch().Add(-2 * time.Hour), NotAfter: epoch().Add(-time.Hour)}), remote.ReasonAuthentication, ""},
		"a certificate of tomorrow": {leaf(remote.Leaf{Identity: identity, NotBefore: epoch().Add(time.Hour), NotAfter: epoch().Add(2 * time.Hour)}), remote.ReasonAuthentication, ""},
		"a server of another CA": {func(_ *world, c *remote.ClientConfig) {
			c.Roots = pool(stranger)
		}, remote.ReasonAuthentication, "unknown authority"},
		"a server of another name": {func(w *world, c *remote.ClientConfig) {
			c.URL = "https://ord.example"
			c.Address = addrPort(w.addr)
		}, remote.ReasonAuthentication, "fra.example"},
		"a server by its name": {func(w *world, c *remote.ClientConfig) {
			c.URL = "https://fra.example"
			c.Address = addrPort(w.addr)
		}, "an answer", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			client := w.dial(func(c *remote.ClientConfig) { tc.change(w, c) })
			r := client.Run(t.Context(), check())
			w.g.Expect(reasonOf(r)).To(Equal(tc.reason), r.DCV.Detail)
			w.g.Expect(r.DCV.Detail).To(ContainSubstring(tc.detail))
		})
	}
}

// TestOldTLSIsRefused: TLS 1.2 is not spoken.
func TestOldTLSIsRefused(t *testing.T) {
	w := start(t)
	dial := func(version uint16) error {
		dialer := tls.Dialer{Config: &tls.Config{
			MinVersion: tls.VersionTLS12, MaxVersion: version, RootCAs: w.client.Roots, Certificates: w.client.Certificates, Time: w.clock.Now,
		}}
		conn, err := dialer.DialContext(t.Context(), "tcp", w.addr)
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	w.g.Expect(dial(tls.VersionTLS12)).To(MatchError(ContainSubstring("protocol version")))
	w.g.Expect(dial(tls.VersionTLS13)).To(Succeed())
}

// TestPartnersHaveTheirOwnCAs: one partner's CA cannot make another partner's
// certificate.
func TestPartnersHaveTheirOwnCAs(t *testing.T) {
	other := authority(t)
	w := start(t, func(w *world) {
		second := w.partner()
		second.Name, second.Identity, second.Roots = "other", "spiffe://other.example/mpic", []*x509.Certificate{other.Certificate}
		second.IssuerDomains = []string{"other.example"}
		w.config.Credentials.Partners = append(w.config.Credentials.Partners, second)
	})
	as := func(a *remote.Authority, identity string) perspectives.Result {
		return w.dial(func(c *remote.ClientConfig) {
			c.Certificates = []tls.Certificate{issue(t, a, remote.Leaf{Identity: identity})}
		}).Run(t.Context(), check())
	}
	w.g.Expect(reasonOf(as(w.authority, identity))).To(Equal("an answer"))
	r := as(other, identity)
	w.g.Expect(reasonOf(r)).To(Equal(remote.ReasonRefused))
	w.g.Expect(r.DCV.Detail).To(ContainSubstring("another root"))
	r = as(other, "spiffe://other.example/mpic")
	w.g.Expect(r.DCV.Detail).To(ContainSubstring(`issuer domain "ca.example"`), "each has its own issuer domains")
}

// TestReload: keys and partners change under a connection that is kept.
func TestReload(t *testing.T) {
	w := start(t, let(func(p *remote.Partner) { p.DailyQuota = 4 }))
	client := w.dial()
	ask := func() perspectives.Result { return client.Run(t.Context(), check()) }
	w.g.Expect(reasonOf(ask())).To(Equal("an answer"))

	next := w.config.Credentials
	_, next.SigningKey = newKey(t)
	w.g.Expect(w.server.Reload(next)).To(Succeed())
	w.g.Expect(reasonOf(ask())).To(Equal(remote.ReasonBadSignature), "the client knows the old key")

	w.g.Expect(w.server.Reload(w.config.Credentials)).To(Succeed())
	w.g.Expect(reasonOf(ask())).To(Equal("an answer"))

	gone := w.config.Credentials
	gone.Partners = nil
	w.g.Expect(w.server.Reload(gone)).To(Succeed())
	w.g.Expect(reasonOf(ask())).To(Equal(remote.ReasonRefused), "the connection does not outlive the partner")

	broken := w.config.Credentials
	broken.SigningKey = broken.SigningKey[:5]
	w.g.Expect(w.server.Reload(broken)).To(MatchError(ContainSubstring("signing key")))
	w.g.Expect(reasonOf(ask())).To(Equal(remote.ReasonRefused), "a broken reload changes nothing")

	moved := w.config.Credentials
	moved.Certificate = issue(t, authority(t), remote.Leaf{Hosts: []string{"127.0.0.1"}})
	w.g.Expect(w.server.Reload(moved)).To(Succeed())
	w.g.Expect(reasonOf(ask())).To(Equal("an answer"), "quota 4 of 4; the connection was made before")
	w.g.Expect(reasonOf(ask())).To(Equal(remote.ReasonRefused), "what is used up stays used up")
	client.Close()
	w.g.Expect(reasonOf(ask())).To(Equal(remote.ReasonAuthentication), "the next handshake shows the new certificate")
}

// TestDrain: what runs is answered, what comes later is not taken.
func TestDrain(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	w := start(t, func(w *world) {
		w.runner.says = func(context.Context, perspectives.Check, *perspectives.Result) {
			close(begun)
			<-finish
		}
	})
	client := w.dial()
	results, stopped := make(chan perspectives.Result, 1), make(chan error, 1)
	go func() { results <- client.Run(t.Context(), check()) }()
	<-begun
	go func() { stopped <- w.stop() }()
	w.g.Eventually(func() string {
		return reasonOf(w.dial().Run(t.Context(), check()))
	}).Should(Equal(remote.ReasonUnreachable), "nobody listens any more")
	w.g.Expect(stopped).NotTo(Receive(), "a check runs")
	close(finish)
	w.g.Expect(reasonOf(<-results)).To(Equal("an answer"))
	w.g.Expect(<-stopped).To(Succeed())
}

// TestDrainEnds: a check that does not end is cut off.
func TestDrainEnds(t *testing.T) {
	begun := make(chan struct{})
	w := start(t, func(w *world) {
		w.config.DrainTimeout = time.Millisecond
		w.runner.says = func(ctx context.Context, _ perspectives.Check, _ *perspectives.Result) {
			close(begun)
			<-ctx.Done()
		}
	})
	client := w.dial()
	results := make(chan perspectives.Result, 1)
	go func() { results <- client.Run(t.Context(), check()) }()
	<-begun
	stop := w.stop
	w.stop = func() error { return nil }
	w.g.Expect(stop()).To(MatchError(ContainSubstring("drain")))
	w.g.Expect(reasonOf(<-results)).To(Equal(remote.ReasonUnreachable))
}

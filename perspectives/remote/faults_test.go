package remote_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gleak"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/catalog"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/dcv"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/policy"
	"mpicsim/perspectives/remote"
)

// ailing is one of five remotes: a perspective of its own behind a server of its
// own, as the coordinator's client knows it. A fault changes what it likes.
type ailing struct {
	perspective perspectives.Perspective
	net         *detour      // what its packets meet
	checks      local.Config // how it checks
	server      remote.ServerConfig
	key         ed25519.PrivateKey
	client      remote.ClientConfig
	runner      func(remote.Runner) remote.Runner // around its checks
	stop        context.CancelFunc                // ends its server
	done        chan struct{}                     // closed when that has ended
}

// fault is what befalls a remote: before its server starts, or after.
type fault struct {
	before, after func(*ailing)
	reason        string // of the culprit's answer
	detail        string // part of its detail
	// late is how long the coordinator waits, a minute if 0.
	late time.Duration
}

// detour is the loopback, some of whose addresses lead elsewhere.
type detour struct {
	net.Dialer

	to map[string]string
}

func (d *detour) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if other := d.to[address]; other != "" {
		address = other
	}
	return d.Dialer.DialContext(ctx, network, address)
}

// patient bounds what is expected to be done; impatient what is expected to hang.
const (
	patient   = 20 * time.Second
	impatient = time.Second
)

var _ = Describe("A corroboration by five remotes over mutual TLS", func() {
	var before []gleak.Goroutine
	BeforeEach(func() {
		before = gleak.Goroutines()
		DeferCleanup(func() { // the last of all
			Eventually(gleak.Goroutines).WithTimeout(patient).ShouldNot(gleak.HaveLeaked(before))
		})
	})

	DescribeTable("issues with one and refuses with two, whom it names, that",
		func(ctx SpecContext, f fault) {
			for _, culprits := range []int{1, 2} {
				By(fmt.Sprintf("striking %d of 5", culprits), func() {
					names, report, log := corroborateWith(ctx, f, culprits)
					Expect(report.Decision).To(And(
						HaveField("Issue", culprits == 1), HaveField("Quorum", fmt.Sprintf("%d/5", 5-culprits))), report.Decision.Detail)
					for i, a := range report.Attempts[0].Remotes {
						reason, record := matches, `"domain_validation":"pass","domain_validation_reason":"`+matches+`"`
						if i < culprits {
							reason, record = f.reason, `"domain_validation":"fail","domain_validation_reason":"`+f.reason+`"`
							Expect(a.Result.DCV.Detail).To(ContainSubstring(f.detail))
						}
						Expect(reasonOfAnswer(a)).To(Equal(reason), "%s: %s", names[i], a.Result.DCV.Detail)
						Expect(log).To(MatchRegexp(`"perspective":"%s".*%s`, names[i], record))
					}
					if culprits == 2 {
						Expect(report.Decision.Reason).To(Equal(policy.TooFewCorroborations))
						Expect(report.Decision.Detail).To(ContainSubstring(names[0]))
						Expect(report.Decision.Detail).To(ContainSubstring(names[1]))
					}
					text, err := json.Marshal(report)
					Expect(err).NotTo(HaveOccurred())
					Expect(len(text)).To(BeNumerically("<", 128<<10), "no body is kept")
				})
			}
		},

		Entry("are killed before they are asked", fault{
			after:  func(m *ailing) { m.stop(); <-m.done },
			reason: remote.ReasonUnreachable, detail: "refused",
		}),
		Entry("are killed while they check", fault{
			before: func(m *ailing) {
				m.server.DrainTimeout = time.Millisecond
				m.runner = func(remote.Runner) remote.Runner {
					return &runner{Perspective: m.perspective, says: func(ctx context.Context, _ perspectives.Check, _ *perspectives.Result) {
						m.stop()
						<-ctx.Done()
					}}
				}
			},
			reason: remote.ReasonUnreachable,
		}),
		Entry("hang", fault{before: hangs(impatient), reason: remote.ReasonTimeout}),
		Entry("hang for longer than the coordinator waits", fault{before: hangs(patient), reason: coordinator.TimedOut, late: impatient}),
		Entry("stall in the TLS handshake", fault{
			after: func(m *ailing) {
				m.client.Timeout, m.client.URL = impatient, "https://"+listen(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
			},
			reason: remote.ReasonTimeout, detail: "no answer of ",
		}),
		Entry("answer garbage", fault{
			after: answering(func(_ *ailing, w http.ResponseWriter, _ *http.Request, _ []byte) {
				_, _ = w.Write([]byte("\x00\xff<html>"))
			}),
			reason: remote.ReasonBadAnswer,
		}),
		Entry("answer without end", fault{
			after:  answering(func(_ *ailing, w http.ResponseWriter, r *http.Request, _ []byte) { flood(w, r) }),
			reason: remote.ReasonTooLarge, detail: "1048576 octets",
		}),
		Entry("answer for another perspective", fault{
			after:  saying(func(a *remote.Answer) { a.Perspective, a.Result.Perspective = "test/ord", "test/ord" }),
			reason: remote.ReasonWrongPerspective, detail: `"test/ord"`,
		}),
		Entry("are another perspective", fault{
			before: func(m *ailing) {
				m.runner = func(r remote.Runner) remote.Runner {
					return &runner{Perspective: perspectives.Perspective{Name: "test/ord", RIR: r.Describe().RIR}}
				}
			},
			reason: remote.ReasonRefused, detail: "status 421, wrong-perspective",
		}),
		Entry("replay an old answer", fault{
			after: func(m *ailing) {
				var old []byte
				m.client.OnAnswer = func(_, answer []byte) { old = answer }
				client, err := remote.New(m.client)
				Expect(err).NotTo(HaveOccurred())
				Expect(client.Run(context.Background(), check()).Corroborates()).To(BeTrue(), "a good answer, once")
				client.Close()
				answering(func(_ *ailing, w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = w.Write(old) })(m)
			},
			reason: remote.ReasonReplayed, detail: "nonce",
		}),
		Entry("sign with a wrong key", fault{
			before: func(m *ailing) { _, m.server.Credentials.SigningKey = newKey(GinkgoTB()) },
			reason: remote.ReasonBadSignature, detail: "key",
		}),
		Entry("have another CA's certificate", fault{
			before: func(m *ailing) {
				m.server.Credentials.Certificate = issue(GinkgoTB(), authority(GinkgoTB()), remote.Leaf{Hosts: []string{"127.0.0.1"}})
			},
			reason: remote.ReasonAuthentication, detail: "unknown authority",
		}),
		Entry("have a clock an hour ahead", fault{before: clockOff(time.Hour), reason: remote.ReasonRefused, detail: "status 400, expired"}),
		Entry("have a clock an hour behind", fault{before: clockOff(-time.Hour), reason: remote.ReasonRefused, detail: "status 400, not-yet-valid"}),
		Entry("sign with a clock an hour ahead, and do not look at the request's", fault{
			after:  saying(func(a *remote.Answer) { a.AnsweredAt = epoch().Add(time.Hour) }),
			reason: remote.ReasonClockSkew,
		}),

		Entry("are led to a body of 10 GB", fault{
			before: func(m *ailing) {
				var sent atomic.Int64
				m.website(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Length", fmt.Sprint(10<<30))
					n, _ := io.CopyN(w, zeros{}, 10<<30)
					sent.Add(n)
				})
				DeferCleanup(func() {
					Eventually(sent.Load).Should(BeNumerically("<", 64<<20), "what sockets buffer, and not more")
				})
			},
			reason: dcv.ReasonMismatch, detail: "and more",
		}),
		Entry("are led to a body of 10 GB in pieces of one octet", fault{
			before: func(m *ailing) {
				m.website(func(w http.ResponseWriter, r *http.Request) {
					for range int64(10 << 30) {
						if _, err := w.Write([]byte("x")); err != nil || r.Context().Err() != nil {
							return
						}
						_ = http.NewResponseController(w).Flush()
					}
				})
			},
			reason: dcv.ReasonMismatch, detail: "and more",
		}),
		Entry("are led to a server that accepts and says nothing", fault{
			before: func(m *ailing) {
				m.checks.Timeout = impatient
				m.net.to[m.web()] = listen(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
			},
			reason: dcv.ReasonTimeout,
		}),
		Entry("are led to a server whose TLS stalls", fault{
			before: func(m *ailing) {
				m.checks.Timeout = impatient
				stalled := netip.MustParseAddrPort(listen(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }))
				m.checks.HTTPSPort = stalled.Port()
				m.website(func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, "https://example.com"+r.URL.Path, http.StatusFound)
				})
			},
			reason: dcv.ReasonTimeout, detail: "https://example.com",
		}),
		Entry("are led to redirects that go round", fault{
			before: func(m *ailing) {
				m.website(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
			},
			reason: dcv.ReasonRedirectLoop,
		}),
		Entry("are led to a zone whose aliases go round", fault{
			before: func(m *ailing) {
				m.zone(func(name string) dns.RR { return alias(name, "loop.example.com.", "example.com.") })
			},
			reason: dcv.ReasonLookupFailed, detail: "leads back to",
		}),
		Entry("are led to a zone whose aliases never end", fault{
			before: func(m *ailing) {
				var asked atomic.Int64
				m.zone(func(name string) dns.RR { return alias(name, fmt.Sprintf("n%d.example.com.", asked.Add(1)), "") })
			},
			reason: dcv.ReasonLookupFailed, detail: "limit reached: more than ",
		}),
		Entry("are led to a zone that delegates to itself", fault{
			before: func(m *ailing) {
				m.zone(func(name string) dns.RR {
					return &dns.NS{Hdr: dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 1}, Ns: "ns1.example.com."}
				})
			},
			reason: dcv.ReasonLookupFailed, detail: "lame server",
		}),
		Entry("are led to a zone that does not answer", fault{
			before: func(m *ailing) {
				m.checks.Limits.Timeout = impatient / 3
				m.zone(func(string) dns.RR { return nil })
			},
			reason: dcv.ReasonLookupFailed, detail: "no answer in time",
		}),
	)
})

// corroborateWith makes one attempt with five remotes of which the first are struck,
// and returns the remotes' names, the report and the coordinator's records. All
// that it started has ended by then.
func corroborateWith(ctx context.Context, f fault, culprits int) (names []string, report coordinator.Report, log string) {
	GinkgoHelper()
	t := GinkgoTB()
	set, err := catalog.ParseSet("example-five-remotes")
	Expect(err).NotTo(HaveOccurred())
	at, a := serveInternet(t), authority(t)
	own := issue(t, a, remote.Leaf{CommonName: "ca", Identity: identity})
	var records bytes.Buffer
	c := coordinator.Config{
		Primary: at.at(t, set.Primary), Quorum: policy.QuorumAt(epoch()), Clock: at.clock.Now, Timeout: cmp.Or(f.late, time.Minute),
		Log: slog.New(slog.NewJSONHandler(&records, nil)),
	}
	for i, p := range set.Remotes {
		m := newAiling(at, a, own, p)
		if i < culprits && f.before != nil {
			f.before(m)
		}
		m.start()
		if i < culprits && f.after != nil {
			f.after(m)
		}
		client, err := remote.New(m.client)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(client.Close)
		c.Remotes, names = append(c.Remotes, client), append(names, p.Name)
	}
	co, err := coordinator.New(c)
	Expect(err).NotTo(HaveOccurred())
	report, err = co.Corroborate(ctx, check())
	Expect(err).NotTo(HaveOccurred())
	return names, report, records.String()
}

// newAiling returns a remote in good health that does not serve yet.
func newAiling(at *internet, a *remote.Authority, client tls.Certificate, p perspectives.Perspective) *ailing {
	t := GinkgoTB()
	public, private := newKey(t)
	m := &ailing{perspective: p, net: &detour{to: map[string]string{}}, key: private, done: make(chan struct{})}
	m.checks = local.Config{
		Perspective: p, Network: m.net, Clock: at.clock.Now, Roots: at.roots, DNSPort: at.dnsPort, HTTPPort: at.httpPort,
	}
	m.server = remote.ServerConfig{
		Clock: at.clock.Now,
		Credentials: remote.Credentials{
			Certificate: issue(t, a, remote.Leaf{CommonName: p.Name, Hosts: []string{"127.0.0.1"}}), SigningKey: private,
			Partners: []remote.Partner{{Client: access.Client{
				Name: "ca", Identity: identity, Roots: []*x509.Certificate{a.Certificate}, Methods: perspectives.Methods(),
				IssuerDomains: []string{"ca.example"},
			}}},
		},
	}
	m.client = remote.ClientConfig{
		Perspective: p, Roots: pool(a), Certificates: []tls.Certificate{client}, Key: public, Clock: at.clock.Now, Timeout: patient,
	}
	return m
}

// start serves the remote until the spec ends.
func (m *ailing) start() {
	GinkgoHelper()
	checks, err := local.New(m.checks)
	Expect(err).NotTo(HaveOccurred())
	m.server.Runner = checks
	if m.runner != nil {
		m.server.Runner = m.runner(checks)
	}
	s, err := remote.NewServer(m.server)
	Expect(err).NotTo(HaveOccurred())
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	m.client.URL = "https://" + listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() {
		defer close(m.done)
		_ = s.Serve(ctx, listener) // how it ends is the client's to see
	}()
	DeferCleanup(func() { m.stop(); <-m.done })
}

// reasonOfAnswer is why an answer is what it is.
func reasonOfAnswer(a coordinator.Answer) string {
	if a.Fault != "" {
		return a.Fault
	}
	return a.Result.DCV.Reason
}

// web is the address of the target's web server.
func (m *ailing) web() string { return fmt.Sprintf("127.0.0.1:%d", m.checks.HTTPPort) }

// website leads this remote alone to another web server.
func (m *ailing) website(h http.HandlerFunc) {
	s := httptest.NewServer(h)
	DeferCleanup(func() { s.CloseClientConnections(); s.Close() })
	m.net.to[m.web()] = s.Listener.Addr().String()
}

// zone leads this remote alone to another name server of example.com. It answers
// with one record, a referral if that is NS, and not at all to nil.
func (m *ailing) zone(record func(name string) dns.RR) {
	GinkgoHelper()
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		rr := record(q.Question[0].Name)
		if rr == nil {
			return
		}
		r := new(dns.Msg).SetReply(q)
		if _, referral := rr.(*dns.NS); referral {
			r.Ns = []dns.RR{rr}
		} else {
			r.Authoritative, r.Answer = true, []dns.RR{rr}
		}
		_ = w.WriteMsg(r)
	})
	packets, err := (&net.ListenConfig{}).ListenPacket(context.Background(), "udp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	server := &dns.Server{PacketConn: packets, Handler: handler}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ActivateAndServe()
	}()
	DeferCleanup(func() { _ = packets.Close(); <-done })
	m.net.to[fmt.Sprintf("127.0.0.4:%d", m.checks.DNSPort)] = packets.LocalAddr().String()
}

// alias leads from a name to another, or to the third if it is the other already.
func alias(name, to, back string) dns.RR {
	if back != "" && strings.EqualFold(name, to) {
		to = back
	}
	return &dns.CNAME{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 1}, Target: to}
}

// hangs makes checks last until somebody gives up, the client after a time.
func hangs(client time.Duration) func(*ailing) {
	return func(m *ailing) {
		m.client.Timeout = client
		m.runner = func(remote.Runner) remote.Runner {
			return &runner{Perspective: m.perspective, says: func(ctx context.Context, _ perspectives.Check, _ *perspectives.Result) { <-ctx.Done() }}
		}
	}
}

// clockOff makes the remote's clock differ from everybody else's.
func clockOff(by time.Duration) func(*ailing) {
	return func(m *ailing) {
		right := m.server.Clock // certificates are valid from an hour ago
		m.server.Clock = func() time.Time { return right().Add(by) }
	}
}

// answering leads the client to a server with the right certificate that does what
// it likes, given the request's body.
func answering(answer func(m *ailing, w http.ResponseWriter, r *http.Request, body []byte)) func(*ailing) {
	return func(m *ailing) {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				answer(m, w, r, body)
			}
		}))
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		s.TLS = &tls.Config{Certificates: []tls.Certificate{m.server.Credentials.Certificate}, MinVersion: tls.VersionTLS13}
		s.StartTLS()
		DeferCleanup(func() { s.CloseClientConnections(); s.Close() })
		m.client.URL = "https://" + s.Listener.Addr().String()
	}
}

// saying leads the client to a server that signs an answer, with the right key, in
// which something is wrong.
func saying(change func(*remote.Answer)) func(*ailing) {
	return answering(func(m *ailing, w http.ResponseWriter, _ *http.Request, body []byte) {
		defer GinkgoRecover()
		_, _ = w.Write(answerTo(GinkgoTB(), body, m.key, func(a *remote.Answer) {
			a.Perspective, a.RIR = m.perspective.Name, m.perspective.RIR
			a.Result.Perspective, a.Result.RIR = a.Perspective, a.RIR
			change(a)
		}))
	})
}

// listen serves TCP connections until the spec ends, and returns the address.
func listen(serve func(net.Conn)) string {
	GinkgoHelper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			} else if err != nil {
				continue
			}
			serve(conn) // one at a time: each test makes one, or dials again later
			_ = conn.Close()
		}
	}()
	DeferCleanup(func() { _ = listener.Close(); <-done })
	return listener.Addr().String()
}

// zeros is a body without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

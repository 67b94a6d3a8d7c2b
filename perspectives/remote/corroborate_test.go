package remote_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/catalog"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/policy"
	"mpicsim/perspectives/remote"
	"mpicsim/perspectives/resolver"
	"mpicsim/sim/names"
	"mpicsim/sim/web"
)

// loopback is the operating system as a host of servers.
type loopback struct{ net.ListenConfig }

// internet is a name space and a web server on the loopback.
type internet struct {
	clock    *hands
	roots    []resolver.Root
	dnsPort  uint16
	httpPort uint16
}

// serveInternet starts the servers of example.com: root, com and its own.
func serveInternet(t testing.TB) *internet {
	t.Helper()
	g := NewWithT(t)
	server := func(name, addr string) []names.NameServer {
		return []names.NameServer{{Name: name, Addrs: []netip.Addr{netip.MustParseAddr(addr)}}}
	}
	h, err := names.HierarchySpec{
		Root: server("a.root.example", "127.0.0.2"), DefaultRegistry: server("a.nic.example", "127.0.0.3"),
		Zones: []names.ZoneSpec{{Origin: "example.com", NameServers: server("ns1.example.com", "127.0.0.4"), Records: "@ A 127.0.0.1\n@ CAA 0 issue \"ca.example\""}},
	}.Build()
	g.Expect(err).NotTo(HaveOccurred())
	world := &internet{clock: newHands()}
	for _, addr := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"} {
		addr := netip.MustParseAddr(addr)
		s, err := names.Serve(context.Background(), &loopback{}, names.Config{
			Addrs: []netip.AddrPort{netip.AddrPortFrom(addr, world.dnsPort)}, Zones: h.ZonesAt(addr),
		})
		g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(func() { _ = s.Close() })
		world.dnsPort = s.Addrs()[0].Port()
	}
	for _, r := range h.RootHints {
		world.roots = append(world.roots, resolver.Root{Name: r.Name, Addrs: []netip.AddrPort{netip.AddrPortFrom(r.Addrs[0], world.dnsPort)}})
	}
	s, err := web.Serve(context.Background(), &loopback{}, web.Config{
		HTTP: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Site: web.Site{Owner: "victim", Challenges: map[string]string{token: keyAuth}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = s.Close() })
	world.httpPort = s.HTTPAddrs()[0].Port()
	return world
}

// at returns a perspective on the loopback.
func (w *internet) at(t testing.TB, p perspectives.Perspective) *local.Local {
	t.Helper()
	l, err := local.New(local.Config{
		Perspective: p, Network: &net.Dialer{}, Clock: w.clock.Now, Roots: w.roots, DNSPort: w.dnsPort, HTTPPort: w.httpPort,
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return l
}

// fleet is a set of five remotes, each behind a server of its own.
type fleet struct {
	primary perspectives.Perspective
	configs []remote.ClientConfig
	stops   []func() error
	at      *internet
}

func serveFleet(t testing.TB) *fleet {
	t.Helper()
	g := NewWithT(t)
	set, err := catalog.ParseSet("example-five-remotes")
	g.Expect(err).NotTo(HaveOccurred())
	f, a := &fleet{primary: set.Primary, at: serveInternet(t)}, authority(t)
	client := issue(t, a, remote.Leaf{CommonName: "ca", Identity: identity})
	for _, p := range set.Remotes {
		public, signing := newKey(t)
		s, err := remote.NewServer(remote.ServerConfig{
			Runner: f.at.at(t, p), Clock: f.at.clock.Now,
			Credentials: remote.Credentials{
				Certificate: issue(t, a, remote.Leaf{CommonName: p.Name, Hosts: []string{"127.0.0.1"}}), SigningKey: signing,
				Partners: []remote.Partner{{Client: access.Client{
					Name: "ca", Identity: identity, Roots: []*x509.Certificate{a.Certificate}, Methods: perspectives.Methods(),
					IssuerDomains: []string{"ca.example"},
				}}},
			},
		})
		g.Expect(err).NotTo(HaveOccurred())
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		g.Expect(err).NotTo(HaveOccurred())
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, listener) }()
		stop := sync.OnceValue(func() error {
			cancel()
			return <-done
		})
		t.Cleanup(func() { _ = stop() })
		f.stops = append(f.stops, stop)
		f.configs = append(f.configs, remote.ClientConfig{
			Perspective: p, URL: "https://" + listener.Addr().String(), Roots: pool(a), Certificates: []tls.Certificate{client},
			Key: public, Clock: f.at.clock.Now,
		})
	}
	return f
}

// coordinate returns a coordinator over the fleet.
func (f *fleet) coordinate(t testing.TB) *coordinator.Coordinator {
	t.Helper()
	g := NewWithT(t)
	c := coordinator.Config{Primary: f.at.at(t, f.primary), Quorum: policy.QuorumAt(epoch()), Clock: f.at.clock.Now}
	for _, config := range f.configs {
		client, err := remote.New(config)
		g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(client.Close)
		c.Remotes = append(c.Remotes, client)
	}
	co, err := coordinator.New(c)
	g.Expect(err).NotTo(HaveOccurred())
	return co
}

const matches = "key-authorization-matches"

// reasons returns the reasons of the remotes of the last attempt.
func reasons(r coordinator.Report) (dcv []string) {
	for _, a := range r.Attempts[len(r.Attempts)-1].Remotes {
		dcv = append(dcv, a.Result.DCV.Reason)
	}
	return dcv
}

// TestCorroboration: a CA with five remotes over mutual TLS, names and web on the
// loopback. One culprit is outvoted and named, two are enough to refuse.
func TestCorroboration(t *testing.T) {
	g := NewWithT(t)
	f := serveFleet(t)
	co := f.coordinate(t)
	report, err := co.Corroborate(t.Context(), check())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(report.Decision.Issue).To(BeTrue(), "%+v", report.Decision)
	g.Expect(report.Decision.Quorum).To(Equal("5/5"))

	g.Expect(f.stops[1]()).To(Succeed())
	report, err = co.Corroborate(t.Context(), check())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(report.Decision.Issue).To(BeTrue(), "%+v", report.Decision)
	g.Expect(report.Decision.Quorum).To(Equal("4/5"))
	g.Expect(reasons(report)).To(Equal([]string{matches, remote.ReasonUnreachable, matches, matches, matches}))

	f.configs[3].Key, _ = newKey(t)
	report, err = f.coordinate(t).Corroborate(t.Context(), check())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(report.Decision.Issue).To(BeFalse())
	g.Expect(report.Decision.Quorum).To(Equal("3/5"))
	g.Expect(reasons(report)).To(Equal([]string{matches, remote.ReasonUnreachable, matches, remote.ReasonBadSignature, matches}))
}

// TestTwoPerspectivesAtOneServer: the URL of one perspective leads to another.
func TestTwoPerspectivesAtOneServer(t *testing.T) {
	g := NewWithT(t)
	f := serveFleet(t)
	f.configs[0].URL = f.configs[1].URL
	report, err := f.coordinate(t).Corroborate(t.Context(), check())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(report.Decision.Quorum).To(Equal("4/5"))
	first := report.Attempts[0].Remotes[0].Result
	g.Expect(first.DCV.Reason).To(Equal(remote.ReasonRefused))
	g.Expect(first.DCV.Detail).To(ContainSubstring("status 421, wrong-perspective"))
}

// BenchmarkCorroborate is one http-01 check with CAA at a primary and five
// remotes, all in this process, over kept connections.
func BenchmarkCorroborate(b *testing.B) {
	f := serveFleet(b)
	co := f.coordinate(b)
	b.ReportAllocs()
	for b.Loop() {
		report, err := co.Corroborate(b.Context(), check())
		if err != nil || !report.Decision.Issue {
			b.Fatal(err, report.Decision)
		}
	}
}

// BenchmarkAsk is the protocol alone: one check at a remote that knows the answer.
func BenchmarkAsk(b *testing.B) {
	w := start(b)
	client := w.dial()
	b.ReportAllocs()
	for b.Loop() {
		if r := client.Run(b.Context(), check()); !r.Corroborates() {
			b.Fatal(r.DCV.Detail)
		}
	}
}

var _ coordinator.Runner = (*remote.Client)(nil)

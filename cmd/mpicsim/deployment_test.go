package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"mpicsim/perspectives/remote"
	"mpicsim/sim/names"
)

// patience is how long a process may take to say or do something.
const patience = 30 * time.Second

const (
	challengePrefix = "/.well-known/acme-challenge/"
	challengeToken  = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
	gatedToken      = "gated-" + challengeToken // its requests wait until they are let in
	thumbprint      = "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
)

// targets are what perspectives look at, in this process: root, top level and
// authoritative name servers and a web server, each at an address of its own on
// the loopback. Every name below example.test has the web server's address; the
// three zones may be signed.
type targets struct {
	network networkFile // for configurations
	// arrived gets a value for each request of the gated token, which waits for
	// one out of let.
	arrived, let chan struct{}
}

const (
	rootServer = "127.0.53.1"
	tldServer  = "127.0.53.2"
	zoneServer = "127.0.53.3"
	webServer  = "127.0.53.4"
)

// serveTargets skips the test where the loopback has one address only.
func serveTargets(tb testing.TB, signed bool) *targets {
	tb.Helper()
	if runtime.GOOS != "linux" {
		tb.Skip("needs 127.0.0.0/8 whole, which is Linux's way")
	}
	g := NewWithT(tb)
	at := func(name, addr string) []names.NameServer {
		return []names.NameServer{{Name: name, Addrs: []netip.Addr{netip.MustParseAddr(addr)}}}
	}
	spec := names.HierarchySpec{
		Root:       at("a.nic.test", rootServer),
		Registries: []names.ZoneSpec{{Origin: "test", NameServers: at("b.nic.test", tldServer), Records: "a.nic IN A " + rootServer}},
		Zones: []names.ZoneSpec{{
			Origin: "example.test", NameServers: at("ns.example.test", zoneServer),
			Records: "@ IN CAA 0 issue \"ca.example\"\n* IN A " + webServer + "\n@ IN A " + webServer,
		}},
	}
	if signed {
		sign := &names.SigningSpec{Seed: "load", Inception: time.Now().Add(-time.Hour), Expiration: time.Now().Add(24 * time.Hour)}
		spec.Sign, spec.Zones[0].Sign = sign, sign
	}
	h, err := spec.Build()
	g.Expect(err).NotTo(HaveOccurred())
	t := &targets{arrived: make(chan struct{}, 100), let: make(chan struct{}, 100)}
	t.network.TrustAnchors = h.TrustAnchor.DS
	t.network.AllowedPrefixes = []netip.Prefix{netip.MustParsePrefix("127.0.53.0/24")}
	g.Eventually(func() error { return t.serveNames(tb, h) }).Should(Succeed(), "a port that is free at all addresses")
	t.serveWeb(tb)
	return t
}

// osHost is the operating system's network.
type osHost struct{ net.ListenConfig }

// serveNames serves the zones, all servers on one port.
func (t *targets) serveNames(tb testing.TB, h *names.Hierarchy) (err error) {
	var servers []*names.Server
	port := uint16(0)
	for _, p := range h.Placements {
		addr := netip.AddrPortFrom(p.Addrs[0], port)
		s, err := names.Serve(context.Background(), &osHost{}, names.Config{Addrs: []netip.AddrPort{addr}, Zones: p.Zones})
		if err != nil {
			for _, s := range servers {
				err = errors.Join(err, s.Close())
			}
			return err
		}
		servers = append(servers, s)
		port = s.Addrs()[0].Port()
	}
	for _, s := range servers {
		tb.Cleanup(func() { _ = s.Close() })
	}
	t.network.DNSPort = port
	t.network.Roots = nil
	for _, hint := range h.RootHints {
		t.network.Roots = append(t.network.Roots, rootFile{Name: hint.Name, Addresses: []netip.AddrPort{netip.AddrPortFrom(hint.Addrs[0], port)}})
	}
	return nil
}

// serveWeb answers every http-01 challenge below the host's name.
func (t *targets) serveWeb(tb testing.TB) {
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", webServer+":0")
	NewWithT(tb).Expect(err).NotTo(HaveOccurred())
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.URL.Path, challengePrefix)
		if !ok || strings.Contains(token, "/") {
			http.NotFound(w, r)
			return
		}
		if token == gatedToken {
			t.arrived <- struct{}{}
			select {
			case <-t.let:
			case <-r.Context().Done():
			}
		}
		_, _ = fmt.Fprint(w, token+"."+thumbprint)
	})}
	go func() { _ = server.Serve(listener) }()
	tb.Cleanup(func() { _ = server.Close() })
	t.network.HTTPPort = netip.MustParseAddrPort(listener.Addr().String()).Port()
}

// deployment is a coordinator and five perspectives, each a process, from the
// files of `keys new`.
type deployment struct {
	tb           testing.TB
	g            *WithT
	dir          string // of the files
	url          string // of the coordinator
	coordinator  *gexec.Session
	perspectives []process
}

// process is one remote perspective.
type process struct {
	*gexec.Session
	name   string // such as "gcp/us-west1"
	config string // path
	health string // URL
}

// deploy starts all six. Each audit, if wanted, is a folder.
func deploy(tb testing.TB, t *targets, args ...string) *deployment {
	tb.Helper()
	d := &deployment{tb: tb, g: NewWithT(tb), dir: filepath.Join(tb.TempDir(), "pki")}
	out, code := d.run("keys", "new", "--perspectives", "example-five-remotes", "-o", d.dir)
	d.g.Expect(code).To(Equal(exitDone), out)
	var remotes remote.RemotesFile
	d.g.Expect(remote.ReadJSON(d.path(remotesPath), &remotes)).To(Succeed())
	for i, r := range remotes.Remotes {
		p := process{name: r.Perspective.Name, config: d.path("perspectives", fileName(r.Perspective), "perspective.json")}
		edit(d.g, p.config, func(f *perspectiveFile) {
			f.Network, f.Listen, f.HealthListen = t.network, "127.0.0.1:0", "127.0.0.1:0"
			f.Partners[0].ChecksPerSecond, f.Partners[0].Burst, f.Partners[0].Concurrent = 0, 0, 0
		})
		p.Session = d.start("serve", "perspective", "--config", p.config)
		remotes.Remotes[i].URL = "https://" + d.said(p.Session, `"msg":"serving","perspective":"[^"]+","listen":"([^"]+)"`)
		p.health = "http://" + d.said(p.Session, `"msg":"serving health","listen":"([^"]+)"`)
		d.perspectives = append(d.perspectives, p)
	}
	write(d.g, d.path(remotesPath), remotes)
	edit(d.g, d.path(coordinatorPath), func(f *coordinatorFile) { f.Network, f.ReloadInterval = t.network, 0 })
	d.coordinator = d.start(append([]string{"serve", "coordinator", "--config", d.path(coordinatorPath), "--listen", "127.0.0.1:0"}, args...)...)
	d.g.Eventually(d.coordinator, patience).Should(gbytes.Say(`listening on http://\S+\n`), string(d.coordinator.Err.Contents()))
	d.url = strings.TrimPrefix(strings.TrimSpace(string(d.coordinator.Out.Contents())), "listening on ")
	return d
}

func (d *deployment) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

// start starts a command of the program, which is ended with the test.
func (d *deployment) start(args ...string) *gexec.Session {
	d.tb.Helper()
	session, err := gexec.Start(exec.Command("mpicsim", args...), nil, nil)
	d.g.Expect(err).NotTo(HaveOccurred())
	d.tb.Cleanup(func() {
		if d.tb.Failed() {
			d.tb.Logf("mpicsim %s: exit code %d\n%s", strings.Join(args, " "), session.ExitCode(), session.Err.Contents())
		}
		<-session.Kill().Exited
	})
	return session
}

// run runs a command of the program to its end.
func (d *deployment) run(args ...string) (output string, code int) {
	d.tb.Helper()
	session := d.start(args...)
	d.g.Eventually(session, patience).Should(gexec.Exit())
	return string(session.Out.Contents()) + string(session.Err.Contents()), session.ExitCode()
}

// said waits until a process writes to standard error what matches, and returns
// the group.
func (d *deployment) said(p *gexec.Session, pattern string) string {
	d.tb.Helper()
	d.g.Eventually(p.Err, patience).Should(gbytes.Say(pattern))
	return lastMatch(pattern, string(p.Err.Contents()))
}

// check asks the coordinator for an http-01 validation of a name, with all five.
func (d *deployment) check(token string) (output string, code int) {
	d.tb.Helper()
	return d.run(d.checkArgs(token)...)
}

func (d *deployment) checkArgs(token string) []string {
	return []string{
		"check", "--url", d.url, "--domain", "www.example.test", "--method", "acme-http-01",
		"--token", token, "--key-authorization", token + "." + thumbprint,
	}
}

// terminate sends SIGTERM and wants the exit code 0.
func (d *deployment) terminate(p *gexec.Session) {
	d.tb.Helper()
	p.Signal(syscall.SIGTERM)
	d.g.Eventually(p, patience).Should(gexec.Exit(exitDone))
}

// edit changes a configuration.
func edit[T any](g *WithT, path string, change func(*T)) {
	var f T
	g.Expect(remote.ReadJSON(path, &f)).To(Succeed())
	change(&f)
	write(g, path, f)
}

// write puts a configuration in place as an operator should: whole.
func write(g *WithT, path string, v any) {
	text, err := asJSON(v)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(path+".next", text, 0o600)).To(Succeed())
	g.Expect(os.Rename(path+".next", path)).To(Succeed())
}

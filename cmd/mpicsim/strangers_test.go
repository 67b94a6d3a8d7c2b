package main

import (
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"mpicsim/perspectives"
	"mpicsim/perspectives/remote"
)

// limited starts a command of the program that may have so many files open, and ends
// it with the test.
func (d *deployment) limited(files string, args ...string) *gexec.Session {
	d.tb.Helper()
	shell := append([]string{"-c", `ulimit -n "$0" && exec mpicsim "$@"`, files}, args...)
	session, err := gexec.Start(exec.Command("sh", shell...), nil, nil)
	d.g.Expect(err).NotTo(HaveOccurred())
	d.tb.Cleanup(func() {
		if d.tb.Failed() {
			d.tb.Logf("%v: exit code %d\n%s", args, session.ExitCode(), session.Err.Contents())
		}
		<-session.Kill().Exited
	})
	return session
}

// strangers opens so many connections to an address that say nothing, from an
// address of the loopback, until the test ends.
func strangers(tb testing.TB, to, from string, count int) {
	tb.Helper()
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	for range count {
		c, err := d.DialContext(tb.Context(), "tcp", to)
		NewWithT(tb).Expect(err).NotTo(HaveOccurred())
		tb.Cleanup(func() { _ = c.Close() })
	}
}

// TestIdleStrangers: a perspective that may have 1,024 files open answers 200 checks
// of a partner, 20 at a time, while 1,300 connections of others say nothing, and
// others come all the time.
func TestIdleStrangers(t *testing.T) {
	targets := serveTargets(t, false)
	d := &deployment{tb: t, g: NewWithT(t), dir: filepath.Join(t.TempDir(), "pki")}
	out, code := d.run("keys", "new", "--perspectives", "example-five-remotes", "-o", d.dir)
	d.g.Expect(code).To(Equal(exitDone), out)
	config := d.path("perspectives", "gcp-us-west1", "perspective.json")
	edit(d.g, config, func(f *perspectiveFile) {
		f.Network, f.Listen, f.HealthListen = targets.network, "127.0.0.1:0", "127.0.0.1:0"
		f.Partners[0].ChecksPerSecond, f.Partners[0].Burst = 0, 0
	})
	p := d.limited("1024", "serve", "perspective", "--config", config)
	address := d.said(p, `"msg":"serving","perspective":"[^"]+","listen":"([^"]+)"`)
	health := "http://" + d.said(p, `"msg":"serving health","listen":"([^"]+)"`)
	edit(d.g, d.path(remotesPath), func(f *remote.RemotesFile) { f.Remotes[0].URL = "https://" + address })
	_, clients, err := remote.ReadRemotes(d.path(remotesPath), remote.ClientConfig{Clock: time.Now, Timeout: patience})
	d.g.Expect(err).NotTo(HaveOccurred())
	defer clients[0].Close()

	strangers(t, address, "127.0.0.2", 1300)
	stop, coming := make(chan struct{}), sync.WaitGroup{}
	coming.Go(func() {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for range 1000 { // bounded, whatever happens
			select {
			case <-stop:
				return
			case <-ticker.C:
				strangers(t, address, "127.0.0.2", 1)
			}
		}
	})
	defer coming.Wait()
	defer close(stop)
	var asking sync.WaitGroup
	wrong := make(chan string, 200)
	for range 20 {
		asking.Go(func() {
			for range 10 {
				r := clients[0].Run(t.Context(), perspectives.Check{
					Domain: "www.example.test", Method: perspectives.HTTP01, Token: challengeToken,
					KeyAuthorization: challengeToken + "." + thumbprint, IssuerDomains: []string{"ca.example"},
				})
				if r.DCV.Verdict != perspectives.Pass || r.CAA.Verdict != perspectives.Pass {
					wrong <- r.DCV.Reason + ": " + r.DCV.Detail + "; " + r.CAA.Reason
				}
			}
		})
	}
	asking.Wait()
	close(wrong)
	var all []string
	for w := range wrong {
		all = append(all, w)
	}
	d.g.Expect(all).To(BeEmpty())
	s := measure(d.g, health)
	t.Logf("%d files open of 1024", s.files)
	d.g.Expect(s.files).To(BeNumerically("<", 1024-64))
}

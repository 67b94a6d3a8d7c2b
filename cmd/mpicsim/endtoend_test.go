package main

import (
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"mpicsim/perspectives/remote"
)

// lastMatch returns the group of the last match of a pattern.
func lastMatch(pattern, text string) string {
	all := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return ""
	}
	last := all[len(all)-1]
	return last[len(last)-1]
}

// TestSixProcesses: from keys to a certificate's permission, and to a refusal that
// names who is gone. Real processes, sockets, mutual TLS and signed zones.
func TestSixProcesses(t *testing.T) {
	targets := serveTargets(t, true)
	d := deploy(t, targets, "--audit", t.TempDir())

	out, code := d.check(challengeToken)
	d.g.Expect(code).To(Equal(exitDone), out)
	d.g.Expect(out).To(HavePrefix("www.example.test, acme-http-01: VALID\n5 of 5 perspectives corroborate, 4 asked for, attempt 1\n"))
	d.g.Expect(out).To(MatchRegexp(`(?m)^\S+ +primary +pass `))
	out, code = d.run("check", "--url", d.url, "--domain", "www.example.test")
	d.g.Expect(code).To(Equal(exitDone), out)
	d.g.Expect(out).To(ContainSubstring("5 of 5 perspectives corroborate"), "the CAA record is the domain's")

	for _, p := range d.perspectives {
		out, code := d.run("health", p.health)
		d.g.Expect(code).To(Equal(exitDone), out)
	}
	gone := d.perspectives[1:3]
	for _, p := range gone {
		<-p.Kill().Exited
	}
	out, code = d.check(challengeToken)
	d.g.Expect(code).To(Equal(exitNo), out)
	d.g.Expect(out).To(HavePrefix("www.example.test, acme-http-01: NOT VALID\n3 of 5 perspectives corroborate, 4 asked for, attempt 1\ntoo-few-corroborations: "))
	for _, p := range gone {
		d.g.Expect(out).To(MatchRegexp(`(?m)^%s +remote +no answer +no answer of %s: .*connection refused`, p.name, p.name))
		said, code := d.run("health", p.health)
		d.g.Expect(code).To(Equal(exitNo), said)
	}
	for _, p := range append(d.perspectives[:1:1], d.perspectives[3:]...) {
		d.g.Expect(out).To(MatchRegexp(`(?m)^%s +remote +pass `, p.name))
	}
}

// TestDrain: a check that has begun is answered in full, by processes that have
// been told to stop: first a perspective, then the coordinator.
func TestDrain(t *testing.T) {
	targets := serveTargets(t, false)
	d := deploy(t, targets)
	begin := func() *gexec.Session {
		check := d.start(d.checkArgs(gatedToken)...)
		<-targets.arrived // the primary
		targets.let <- struct{}{}
		for range d.perspectives {
			<-targets.arrived
		}
		return check
	}
	finish := func(check *gexec.Session) {
		for range d.perspectives {
			targets.let <- struct{}{}
		}
		d.g.Eventually(check, patience).Should(gexec.Exit(exitDone))
		d.g.Expect(check.Out).To(gbytes.Say("5 of 5 perspectives corroborate"))
	}

	check := begin()
	leaving := d.perspectives[0]
	leaving.Signal(syscall.SIGTERM)
	d.g.Eventually(func() string {
		out, _ := d.run("health", leaving.health)
		return out
	}, patience).Should(Or(ContainSubstring("draining"), ContainSubstring("connection refused")))
	d.g.Expect(leaving.ExitCode()).To(Equal(-1), "it waits for the check")
	finish(check)
	d.g.Eventually(leaving, patience).Should(gexec.Exit(exitDone))
	d.g.Expect(leaving.Err).To(gbytes.Say(`"msg":"stopped"`))

	d.perspectives = d.perspectives[1:]
	check = begin()
	d.coordinator.Signal(syscall.SIGTERM)
	d.g.Eventually(func() string {
		out, _ := d.run("health", d.url)
		return out
	}, patience).Should(ContainSubstring("connection refused"))
	d.g.Expect(d.coordinator.ExitCode()).To(Equal(-1), "it waits for the check")
	for range d.perspectives {
		targets.let <- struct{}{}
	}
	d.g.Eventually(check, patience).Should(gexec.Exit(exitDone))
	d.g.Expect(check.Out).To(gbytes.Say("4 of 5 perspectives corroborate"))
	d.g.Eventually(d.coordinator, patience).Should(gexec.Exit(exitDone))
	for _, p := range d.perspectives {
		d.terminate(p.Session)
	}
}

// TestCoordinatorReloads: new keys of the client, another list of remotes and a
// mistake, while checks go on and none is lost.
func TestCoordinatorReloads(t *testing.T) {
	targets := serveTargets(t, false)
	d := deploy(t, targets)
	var failed atomic.Pointer[string]
	var checks atomic.Int64
	stop := make(chan struct{})
	var asking sync.WaitGroup
	client := newLoadClient(d.url)
	for range 4 {
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := client.check(checks.Add(1)); err != nil {
					failed.Store(new(err.Error()))
				}
			}
		})
	}
	defer asking.Wait()
	stopAsking := sync.OnceFunc(func() { close(stop) })
	defer stopAsking()
	more := func() {
		before := checks.Load()
		d.g.Eventually(checks.Load, patience).Should(BeNumerically(">", before+20))
	}
	reload := func(says string) {
		d.coordinator.Signal(syscall.SIGHUP)
		d.g.Eventually(d.coordinator.Err, patience).Should(gbytes.Say(says))
		more()
	}
	more()

	// A client certificate of another CA, whom the perspectives learn of first.
	next := filepath.Join(t.TempDir(), "next")
	out, code := d.run("keys", "new", "--perspectives", "example-five-remotes", "-o", next)
	d.g.Expect(code).To(Equal(exitDone), out)
	read := func(path string) []byte {
		text, err := os.ReadFile(path)
		d.g.Expect(err).NotTo(HaveOccurred())
		return text
	}
	put := func(text []byte, path string) { d.g.Expect(os.WriteFile(path, text, 0o600)).To(Succeed()) }
	put(append(read(d.path(caPath)), read(filepath.Join(next, caPath))...), d.path(caPath))
	for _, p := range d.perspectives {
		p.Signal(syscall.SIGHUP)
		d.g.Eventually(p.Err, patience).Should(gbytes.Say(`"msg":"reloaded"`))
	}
	put(read(filepath.Join(next, "coordinator/client-key.pem")), d.path("coordinator/client-key.pem"))
	reload(`reload failed, the old configuration stays" error="\S+coordinator.json: remotes_file: \S+remotes.json: certificate_file, key_file: \S+client.pem, \S+client-key.pem: tls: private key does not match`)
	put(read(filepath.Join(next, "coordinator/client.pem")), d.path("coordinator/client.pem"))
	reload(`msg=reloaded remotes_file=remotes.json remotes=5`)

	// One remote less.
	edit(d.g, d.path(remotesPath), func(f *remote.RemotesFile) { f.Remotes = f.Remotes[1:] })
	edit(d.g, d.path(coordinatorPath), func(f *coordinatorFile) { f.DefaultCount = 4 })
	reload(`msg=reloaded remotes_file=remotes.json remotes=4`)
	out, code = d.check(challengeToken)
	d.g.Expect(code).To(Equal(exitDone), out)
	d.g.Expect(out).To(ContainSubstring("4 of 4 perspectives corroborate"))

	// A mistake.
	d.g.Expect(os.WriteFile(d.path(coordinatorPath), []byte("{\n  \"remotes\": 1\n}"), 0o600)).To(Succeed())
	reload(`reload failed, the old configuration stays" error="\S+coordinator.json:2:3: field \\"remotes\\" is unknown`)
	out, code = d.check(challengeToken)
	d.g.Expect(code).To(Equal(exitDone), out)
	stopAsking()
	asking.Wait()
	if err := failed.Load(); err != nil {
		t.Errorf("of %d checks one failed: %s", checks.Load(), *err)
	}
	d.terminate(d.coordinator)
}

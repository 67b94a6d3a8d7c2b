package main

import (
	"bytes"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/remote"
)

// TestCallersOfTheCoordinator: a coordinator with TLS, a caller with a certificate
// and one with an API key that is made while it serves; a key that is taken out of
// the file, and a certificate that a CRL lists, are refused from then on.
func TestCallersOfTheCoordinator(t *testing.T) {
	d := &deployment{tb: t, g: NewWithT(t), dir: filepath.Join(t.TempDir(), "pki")}
	out, code := d.run("keys", "new", "--perspectives", "example-five-remotes", "--host", "%s.invalid", "--port", "1", "-o", d.dir)
	d.g.Expect(code).To(Equal(exitDone), out)
	keys, crl := d.path("coordinator", "api-keys.json"), d.path("coordinator", "callers.crl")
	authority, err := remote.ReadAuthority(d.path(caPath), d.path("ca-key.pem"), access.Secrets{})
	d.g.Expect(err).NotTo(HaveOccurred())
	edit(d.g, d.path(coordinatorPath), func(f *coordinatorFile) {
		f.ReloadInterval, f.HealthListen, f.PrimaryAt = remote.Duration(10*time.Millisecond), "127.0.0.1:0", "caller"
		f.APIKeysFile, f.Clients[0].CRLFile = "api-keys.json", "callers.crl"
		f.DefaultCount = 0
		f.Clients = append(f.Clients, clientFile{Name: "ra", Methods: []perspectives.Method{}, IssuerDomains: []string{"ra.example"}})
	})
	revoke := func(serials ...*big.Int) {
		list, err := authority.Revoke(serials, time.Now().Add(-time.Minute), time.Now().Add(time.Hour))
		d.g.Expect(err).NotTo(HaveOccurred())
		replace(d.g, crl, list)
	}
	revoke()
	key := d.path("ra.key")
	newKey := func() {
		secret, code := d.run("keys", "api", "--client", "ra", "--file", keys)
		d.g.Expect(code).To(Equal(exitDone), secret)
		replace(d.g, key, []byte(strings.Split(secret, "\n")[0]+"\n"))
	}
	newKey()
	audit := t.TempDir()
	d.coordinator = d.start("serve", "coordinator", "--config", d.path(coordinatorPath), "--listen", "0.0.0.0:0", "--audit", audit)
	d.g.Eventually(d.coordinator, patience).Should(gbytes.Say(`listening on https://\S+\n`), string(d.coordinator.Err.Contents()))
	_, port, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(d.coordinator.Out.Contents())), "listening on https://"), "]:")
	d.url = "https://127.0.0.1:" + port
	check := func(args ...string) (string, int) {
		return d.run(append([]string{"check", "--url", d.url, "--cacert", d.path(caPath), "--domain", "example.com", "--count", "5"}, args...)...)
	}
	certificate := []string{"--cert", d.path("caller", "client.pem"), "--key", d.path("caller", "client-key.pem")}

	out, code = check(certificate...)
	d.g.Expect([]any{code, out}).To(HaveExactElements(exitNo, HavePrefix("example.com, CAA: NOT VALID\n")))
	out, code = check("--api-key-file", key)
	d.g.Expect([]any{code, out}).To(HaveExactElements(exitNo, HavePrefix("example.com, CAA: NOT VALID\n")))
	out, code = check("--api-key-file", key, "--caa-domain", "ca.example")
	d.g.Expect([]any{code, out}).To(HaveExactElements(exitBadInput, ContainSubstring(`the service answers 403: issuer-refused: issuer domain "ca.example"`)))
	out, code = check()
	d.g.Expect([]any{code, out}).To(HaveExactElements(exitBadInput, ContainSubstring("the service answers 403: no-credentials: ")))
	log, err := os.ReadFile(filepath.Join(audit, "audit-000001.jsonl"))
	d.g.Expect(err).NotTo(HaveOccurred())
	d.g.Expect(string(log)).To(And(
		MatchRegexp(`"client":"caller","credential":"certificate [0-9a-f]{16}"`), MatchRegexp(`"client":"ra","credential":"api-key [0-9a-f]{16}"`)))

	replace(d.g, keys, []byte(`{"keys": []}`))
	d.g.Eventually(func() string { out, _ := check("--api-key-file", key); return out }, patience).Should(ContainSubstring("403: "))
	newKey()
	d.g.Eventually(func() int { _, code := check("--api-key-file", key); return code }, patience).Should(Equal(exitNo))
	leaf, err := remote.ReadCertificates(d.path("caller", "client.pem"))
	d.g.Expect(err).NotTo(HaveOccurred())
	revoke(leaf[0].SerialNumber)
	d.g.Eventually(func() string { out, _ := check(certificate...); return out }, patience).Should(ContainSubstring("403: revoked: "))
	d.terminate(d.coordinator)
}

// TestPagesAreNoCallers: what a browser on the operator's machine would send for a
// page of others is refused by `serve coordinator --scenario` as well.
func TestPagesAreNoCallers(t *testing.T) {
	d := &deployment{tb: t, g: NewWithT(t), dir: t.TempDir()}
	d.coordinator = d.start("serve", "coordinator", "--scenario", "two-remotes", "--listen", "127.0.0.1:0", "--host", "mpic.example")
	d.g.Eventually(d.coordinator, patience).Should(gbytes.Say(`listening on http://\S+\n`))
	d.url = strings.TrimPrefix(strings.TrimSpace(string(d.coordinator.Out.Contents())), "listening on ")
	for name, tc := range map[string]struct {
		host, kind, origin, site string
		want                     int
	}{
		"a program":               {"", "application/json", "", "", 200},
		"a name of --host":        {"mpic.example:8000", "application/json", "", "", 200},
		"a name bound anew":       {"evil.example", "application/json", "", "", 421},
		"a form":                  {"", "text/plain", "", "", 415},
		"a page with its origin":  {"", "application/json", "https://evil.example", "", 403},
		"a page across sites":     {"", "application/json", "", "cross-site", 403},
		"a page of no origin":     {"", "application/json", "null", "", 403},
		"a name for the loopback": {"localhost", "application/json", "", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/mpic",
				bytes.NewReader([]byte(`{"check_type":"caa","domain_or_ip_target":"shop.example"}`)))
			g.Expect(err).NotTo(HaveOccurred())
			r.Host = tc.host
			for name, value := range map[string]string{"Content-Type": tc.kind, "Origin": tc.origin, "Sec-Fetch-Site": tc.site} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			response, err := http.DefaultClient.Do(r)
			g.Expect(err).NotTo(HaveOccurred())
			body, err := io.ReadAll(response.Body)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(response.Body.Close()).To(Succeed())
			g.Expect(response.StatusCode).To(Equal(tc.want), string(body))
			g.Expect(response.Header).NotTo(HaveKey("Access-Control-Allow-Origin"))
		})
	}
}

// TestStrangersOfTheCoordinator: one that may have 1,024 files open answers a caller
// while 1,300 connections say nothing.
func TestStrangersOfTheCoordinator(t *testing.T) {
	d := &deployment{tb: t, g: NewWithT(t), dir: t.TempDir()}
	d.coordinator = d.limited("1024", "serve", "coordinator", "--scenario", "two-remotes", "--listen", "127.0.0.1:0")
	d.g.Eventually(d.coordinator, patience).Should(gbytes.Say(`listening on http://\S+\n`))
	d.url = strings.TrimPrefix(strings.TrimSpace(string(d.coordinator.Out.Contents())), "listening on ")
	strangers(t, strings.TrimPrefix(d.url, "http://"), "127.0.0.2", 1300)
	for range 5 {
		out, code := d.run("check", "--url", d.url, "--domain", "shop.example", "--caa-domain", "ca.example")
		d.g.Expect(code).To(Equal(exitDone), out)
	}
	s := measure(d.g, d.url)
	d.g.Expect(s.files).To(BeNumerically("<", 1024-64))
	t.Logf("%d files open of 1024", s.files)
}

// replace puts a file in place whole, with another time and size than before.
func replace(g *WithT, path string, data []byte) {
	g.Expect(os.WriteFile(path+".next", data, 0o600)).To(Succeed())
	g.Expect(os.Rename(path+".next", path)).To(Succeed())
}

// TestExpiredCertificates: neither service starts with one, and --check says so.
func TestExpiredCertificates(t *testing.T) {
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), "pki")
	g.Expect(run([]string{"keys", "new", "--perspectives", "example-five-remotes", "--host", "%s.invalid", "-o", dir}, testStreams(io.Discard, io.Discard))).To(Equal(exitDone))
	authority, err := remote.ReadAuthority(filepath.Join(dir, caPath), filepath.Join(dir, "ca-key.pem"), access.Secrets{})
	g.Expect(err).NotTo(HaveOccurred())
	pair, err := authority.Issue(remote.Leaf{
		CommonName: "x", Hosts: []string{"localhost"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	})
	g.Expect(err).NotTo(HaveOccurred())
	perspective := filepath.Join(dir, "perspectives", "gcp-us-west1")
	for _, tc := range []struct {
		certificate, key string
		args             []string
		want             string
	}{
		{filepath.Join(perspective, "server.pem"), filepath.Join(perspective, "server-key.pem"), []string{"perspective", "--config", filepath.Join(perspective, "perspective.json")}, "certificate_file, key_file: "},
		{filepath.Join(dir, "coordinator", "server.pem"), filepath.Join(dir, "coordinator", "server-key.pem"), []string{"coordinator", "--config", filepath.Join(dir, coordinatorPath)}, "tls: certificate_file, key_file: "},
		{filepath.Join(dir, "coordinator", "client.pem"), filepath.Join(dir, "coordinator", "client-key.pem"), []string{"coordinator", "--config", filepath.Join(dir, coordinatorPath)}, "remotes.json: certificate_file, key_file: "},
	} {
		before := map[string][]byte{}
		for path, data := range map[string][]byte{tc.certificate: pair.Certificate, tc.key: pair.Key} {
			before[path], err = os.ReadFile(path)
			g.Expect(err).NotTo(HaveOccurred())
			replace(g, path, data)
		}
		for _, more := range [][]string{{"--check"}, nil} {
			var stderr strings.Builder
			g.Expect(run(append(append([]string{"serve"}, tc.args...), more...), testStreams(io.Discard, &stderr))).To(Equal(exitBadInput), tc.certificate)
			g.Expect(stderr.String()).To(And(ContainSubstring(tc.want+tc.certificate+": expired: notAfter: found "), ContainSubstring(", expected ")))
		}
		for path, data := range before {
			replace(g, path, data)
		}
	}
}

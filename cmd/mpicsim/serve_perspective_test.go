package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/remote"
)

// operator is somebody who runs one perspective of a fresh PKI on a free port.
type operator struct {
	t       *testing.T
	g       *WithT
	dir     string // the PKI's
	config  string // the perspective's configuration
	events  *bufio.Scanner
	stop    context.CancelFunc
	done    chan error
	address string
}

// operate makes the PKI and starts the perspective, after change.
func operate(t *testing.T, change func(*perspectiveFile)) *operator {
	t.Helper()
	o := &operator{t: t, g: NewWithT(t), dir: filepath.Join(t.TempDir(), "pki")}
	code := run([]string{"keys", "new", "--perspectives", "example-two-remotes", "-o", o.dir}, testStreams(io.Discard, io.Discard))
	o.g.Expect(code).To(Equal(exitDone))
	o.config = filepath.Join(o.dir, "perspectives", "aws-us-west-2", "perspective.json")
	o.edit(func(f *perspectiveFile) {
		f.Listen, f.ReloadInterval = "127.0.0.1:0", 0
		change(f)
	})
	in, out := io.Pipe()
	o.events = bufio.NewScanner(in)
	service, err := newPerspectiveService(t.Context(), o.config, slog.New(slog.NewJSONHandler(out, nil)), false)
	o.g.Expect(err).NotTo(HaveOccurred())
	ctx, stop := context.WithCancel(t.Context())
	o.stop, o.done = stop, make(chan error, 1)
	go func() {
		o.done <- service.run(ctx)
		service.logs.close()
		_ = out.Close()
	}()
	o.address = o.event("serving")["listen"].(string)
	t.Cleanup(func() {
		stop()
		_, _ = io.Copy(io.Discard, in)
	})
	return o
}

// edit changes the configuration.
func (o *operator) edit(change func(*perspectiveFile)) {
	o.t.Helper()
	var f perspectiveFile
	o.g.Expect(remote.ReadJSON(o.config, &f)).To(Succeed())
	change(&f)
	text, err := asJSON(f)
	o.g.Expect(err).NotTo(HaveOccurred())
	o.g.Expect(os.WriteFile(o.config, text, 0o600)).To(Succeed())
}

// event waits for a message in the operator's log.
func (o *operator) event(msg string) map[string]any {
	o.t.Helper()
	for o.events.Scan() {
		var e map[string]any
		o.g.Expect(json.Unmarshal(o.events.Bytes(), &e)).To(Succeed())
		if e["msg"] == msg {
			return e
		}
	}
	o.t.Fatalf("the log ended before %q", msg)
	return nil
}

// client returns a client by the files of the PKI.
func (o *operator) client() *remote.Client {
	o.t.Helper()
	path := filepath.Join(o.dir, filepath.FromSlash(remotesPath))
	var f remote.RemotesFile
	o.g.Expect(remote.ReadJSON(path, &f)).To(Succeed())
	f.Remotes[0].URL = "https://" + o.address
	text, err := asJSON(f)
	o.g.Expect(err).NotTo(HaveOccurred())
	o.g.Expect(os.WriteFile(path, text, 0o600)).To(Succeed())
	_, clients, err := remote.ReadRemotes(path, remote.ClientConfig{Clock: time.Now, MaxIdle: -1})
	o.g.Expect(err).NotTo(HaveOccurred())
	return clients[0]
}

// ask asks for a check of an address that no perspective may contact, and returns
// the reason.
func (o *operator) ask() string {
	o.t.Helper()
	r := o.client().Run(o.t.Context(), perspectives.Check{
		Domain: "127.0.0.1", Questions: perspectives.OnlyDCV, Method: perspectives.WebsiteChange,
		DCV: perspectives.DCVParameters{ChallengeValue: "value", HTTPTokenPath: "file"},
	})
	return r.DCV.Reason
}

// TestServePerspective: from keys to an answer, with its record, until the end.
func TestServePerspective(t *testing.T) {
	o := operate(t, func(*perspectiveFile) {})
	o.g.Expect(o.ask()).To(Equal("address-forbidden"))
	log, err := os.ReadFile(filepath.Join(filepath.Dir(o.config), "ca.jsonl"))
	o.g.Expect(err).NotTo(HaveOccurred())
	o.g.Expect(string(log)).To(And(ContainSubstring(`"msg":"check"`), ContainSubstring(`"perspective":"aws/us-west-2"`)))
	info, err := o.client().Info(t.Context())
	o.g.Expect(err).NotTo(HaveOccurred())
	o.g.Expect(info.Partner.UsedToday).To(Equal(1))
	o.stop()
	o.event("stopped")
	o.g.Expect(<-o.done).To(Succeed())
}

// TestReloadOnHangup: a partner's rights and a key change without a restart; a
// mistake changes nothing.
func TestReloadOnHangup(t *testing.T) {
	o := operate(t, func(*perspectiveFile) {})
	hangup := func() { o.g.Expect(syscall.Kill(os.Getpid(), syscall.SIGHUP)).To(Succeed()) }
	o.g.Expect(o.ask()).To(Equal("address-forbidden"))
	o.edit(func(f *perspectiveFile) { f.Partners[0].Methods = []perspectives.Method{} })
	hangup()
	o.event("reloaded")
	o.g.Expect(o.ask()).To(Equal(remote.ReasonRefused))

	o.g.Expect(os.WriteFile(o.config, []byte("{\n  \"partner\": []\n}"), 0o600)).To(Succeed())
	hangup()
	o.g.Expect(o.event("reload failed, the old configuration stays")["error"]).To(HaveSuffix(`perspective.json:2:3: field "partner" is unknown`))
	o.g.Expect(o.ask()).To(Equal(remote.ReasonRefused))
}

// TestReloadOnChange: a file that is replaced is noticed.
func TestReloadOnChange(t *testing.T) {
	o := operate(t, func(f *perspectiveFile) { f.ReloadInterval = remote.Duration(time.Millisecond) })
	o.g.Expect(o.ask()).To(Equal("address-forbidden"))
	dir := filepath.Dir(o.config)
	key, err := os.ReadFile(filepath.Join(o.dir, "perspectives", "aws-eu-central-1", "signing-key.pem"))
	o.g.Expect(err).NotTo(HaveOccurred())
	o.g.Expect(os.WriteFile(filepath.Join(dir, "next.pem"), key, 0o600)).To(Succeed())
	o.g.Expect(os.Chtimes(filepath.Join(dir, "next.pem"), time.Time{}, time.Unix(1, 0))).To(Succeed())
	o.g.Expect(os.Rename(filepath.Join(dir, "next.pem"), filepath.Join(dir, "signing-key.pem"))).To(Succeed())
	o.event("reloaded")
	o.g.Expect(o.ask()).To(Equal(remote.ReasonBadSignature))
	o.edit(func(f *perspectiveFile) { f.Listen = "127.0.0.1:1" })
	o.g.Expect(o.event("changes that need a restart")["fields"]).To(Equal("listen"))
}

// TestHealthListen serves health and metrics without TLS, on the loopback only.
func TestHealthListen(t *testing.T) {
	o := operate(t, func(f *perspectiveFile) { f.HealthListen = "127.0.0.1:0" })
	address, _ := o.event("serving health")["listen"].(string)
	get := func(path string) (int, string) {
		response, err := http.Get("http://" + address + path)
		o.g.Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		o.g.Expect(err).NotTo(HaveOccurred())
		return response.StatusCode, string(body)
	}
	status, body := get("/healthz")
	o.g.Expect([]any{status, body}).To(Equal([]any{200, `{"status":"healthy"}`}))
	_, body = get("/metrics")
	o.g.Expect(body).To(ContainSubstring("go_goroutines"))
	status, _ = get("/perspective/v1/info")
	o.g.Expect(status).To(Equal(http.StatusNotFound))
}

// TestConfigurationFaults: each names the field, what was found and what is
// wanted.
func TestConfigurationFaults(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	g := NewWithT(t)
	g.Expect(run([]string{"keys", "new", "--perspectives", "example-two-remotes", "-o", dir}, testStreams(io.Discard, io.Discard))).To(Equal(exitDone))
	good := filepath.Join(dir, "perspectives", "aws-us-west-2", "perspective.json")
	text, err := os.ReadFile(good)
	g.Expect(err).NotTo(HaveOccurred())
	for name, tc := range map[string]struct{ old, new, want string }{
		"nothing wrong":        {`"listen"`, `"listen"`, ""},
		"no JSON":              {`"listen":`, `"listen"`, "broken.json:12:"},
		"an unknown field":     {`"listen"`, `"listn"`, `field "listn" is unknown`},
		"no listen":            {`"127.0.0.1:9001"`, `""`, "listen: missing"},
		"an unknown region":    {`"ARIN"`, `"EUROPE"`, `RIR region "EUROPE"`},
		"no name":              {`"name": "aws/us-west-2"`, `"name": ""`, "perspective.name: missing"},
		"a place that is none": {`"lon": -`, `"lon": -1`, "perspective.location: longitude"},
		"a key that is no key": {`"signing-key.pem"`, `"server-key.pem"`, "signing_key_file: "},
		"another server's key": {`"server-key.pem"`, `"../aws-eu-central-1/server-key.pem"`, "certificate_file, key_file: "},
		"an absent file":       {`"../../ca.pem"`, `"absent.pem"`, "partners[0].roots_file: "},
		"a number for a text":  {`"30s"`, `30`, "check_timeout"},
		"a duration without":   {`"30s"`, `"30"`, `duration "30": expected one such as "30s"`},
		"an unknown method":    {`"all"`, `"acme-http-02"`, `method "acme-http-02"`},
		"a rate without burst": {`"burst": 200`, `"burst": 0`, "burst 0: expected 1 or more"},
		"no list of methods": {`"issuer_domains": [
        "ca.example"
      ]`, `"issuer_domains": null`, "want both, [] for none"},
		"a partner as a path":   {`"name": "ca"`, `"name": "../ca"`, "want a name that can be a file's"},
		"an identity as a name": {`"spiffe://ca.example/mpic/ca"`, `"ca"`, `identity "ca"`},
		"health for everybody":  {`"listen"`, `"health_listen": ":8081", "listen"`, "expected a loopback address"},
		"anchors alone":         {`"listen"`, `"network": {"trust_anchors": ["x"]}, "listen"`, "want network.roots"},
		"a budget":              {`"listen"`, `"budget": {"messages": 500, "work": 5000000, "time": "20s"}, "listen"`, ""},
		"less than no budget":   {`"listen"`, `"budget": {"octets": -1}, "listen"`, "budget.octets: found -1, expected a positive number or 0 for the default"},
		"a budget of nothing":   {`"listen"`, `"budget": {"memory": 1}, "listen"`, `field "memory" is unknown`},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(string(text)).To(ContainSubstring(tc.old))
			broken := filepath.Join(filepath.Dir(good), "broken.json")
			g.Expect(os.WriteFile(broken, []byte(strings.Replace(string(text), tc.old, tc.new, 1)), 0o600)).To(Succeed())
			var stderr strings.Builder
			code := run([]string{"serve", "perspective", "--check", "--config", broken}, testStreams(io.Discard, &stderr))
			if tc.want == "" {
				g.Expect(code).To(Equal(exitDone), stderr.String())
				return
			}
			g.Expect(code).To(Equal(exitBadInput))
			g.Expect(stderr.String()).To(And(HavePrefix("mpicsim: --config: "), ContainSubstring(tc.want)))
		})
	}
}

// TestKeysAreNobodyElses: what keys new makes only its owner can read.
func TestKeysAreNobodyElses(t *testing.T) {
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), "pki")
	g.Expect(run([]string{"keys", "new", "--perspectives", "example-two-remotes", "-o", dir}, testStreams(io.Discard, io.Discard))).To(Equal(exitDone))
	files := 0
	g.Expect(filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.IsDir() {
			g.Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o700)), path)
		} else if err == nil {
			files++
			g.Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o600)), path)
		}
		return err
	})).To(Succeed())
	g.Expect(files).To(Equal(7 + 2*4))
}

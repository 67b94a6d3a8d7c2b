package remote_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/remote"
	"mpicsim/topology/place"
)

// answerTo returns the answer that an honest perspective gives, after change,
// signed.
func answerTo(t testing.TB, body []byte, key ed25519.PrivateKey, change func(*remote.Answer)) []byte {
	t.Helper()
	var q remote.Request
	if err := json.Unmarshal(body, &q); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(body)
	a := remote.Answer{
		APIVersion: remote.APIVersion, Perspective: fra().Name, RIR: fra().RIR, RequestDigest: digest[:], Nonce: q.Nonce,
		TraceIdentifier: q.TraceIdentifier, AnsweredAt: epoch(),
		Result: (&runner{Perspective: fra()}).Run(t.Context(), q.Check),
	}
	change(&a)
	signed, err := a.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestWrongAnswers: what a server with the right key can get wrong has a reason
// each.
func TestWrongAnswers(t *testing.T) {
	_, other := newKey(t)
	for name, tc := range map[string]struct {
		change func(*remote.Answer)
		key    ed25519.PrivateKey // nil for the right one
		reason string
	}{
		"nothing":                       {func(*remote.Answer) {}, nil, "an answer"},
		"another key":                   {func(*remote.Answer) {}, other, remote.ReasonBadSignature},
		"another version":               {func(a *remote.Answer) { a.APIVersion = "2" }, nil, remote.ReasonWrongVersion},
		"another name":                  {func(a *remote.Answer) { a.Perspective, a.Result.Perspective = "test/ord", "test/ord" }, nil, remote.ReasonWrongPerspective},
		"another name in the result":    {func(a *remote.Answer) { a.Result.Perspective = "test/ord" }, nil, remote.ReasonWrongPerspective},
		"another region":                {func(a *remote.Answer) { a.RIR, a.Result.RIR = place.ARIN, place.ARIN }, nil, remote.ReasonWrongRegion},
		"another region in the result":  {func(a *remote.Answer) { a.Result.RIR = place.ARIN }, nil, remote.ReasonWrongRegion},
		"another nonce":                 {func(a *remote.Answer) { a.Nonce = make([]byte, 16) }, nil, remote.ReasonReplayed},
		"another request":               {func(a *remote.Answer) { a.RequestDigest = make([]byte, 32) }, nil, remote.ReasonWrongRequest},
		"another trace":                 {func(a *remote.Answer) { a.TraceIdentifier = "x" }, nil, remote.ReasonWrongRequest},
		"one question only":             {func(a *remote.Answer) { a.Result.Questions = perspectives.OnlyDCV }, nil, remote.ReasonWrongQuestions},
		"no verdict":                    {func(a *remote.Answer) { a.Result.CAA = perspectives.Outcome{} }, nil, remote.ReasonMissingVerdict},
		"a clock 30 s behind":           {func(a *remote.Answer) { a.AnsweredAt = epoch().Add(-30 * time.Second) }, nil, "an answer"},
		"a clock further behind":        {func(a *remote.Answer) { a.AnsweredAt = epoch().Add(-30*time.Second - 1) }, nil, remote.ReasonClockSkew},
		"a clock 30 s ahead":            {func(a *remote.Answer) { a.AnsweredAt = epoch().Add(30 * time.Second) }, nil, "an answer"},
		"a clock an hour ahead":         {func(a *remote.Answer) { a.AnsweredAt = epoch().Add(time.Hour) }, nil, remote.ReasonClockSkew},
		"a clock that stands elsewhere": {func(a *remote.Answer) { a.AnsweredAt = time.Time{} }, nil, remote.ReasonClockSkew},
	} {
		t.Run(name, func(t *testing.T) {
			w := hostile(t, nil)
			_, key := newKey(t)
			w.client.Key = key.Public().(ed25519.PublicKey)
			if tc.key != nil {
				key = tc.key
			}
			w.answer = func(rw http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				w.g.Expect(err).NotTo(HaveOccurred())
				_, _ = rw.Write(answerTo(t, body, key, tc.change))
			}
			r := w.dial().Run(t.Context(), check())
			w.g.Expect(reasonOf(r)).To(Equal(tc.reason), r.DCV.Detail)
			w.g.Expect(r.Perspective).To(Equal(fra().Name), "whose fault it is")
			w.g.Expect(r.RIR).To(Equal(fra().RIR))
		})
	}
}

// hostileWorld is a client with a server that does what it likes.
type hostileWorld struct {
	*world
	answer http.HandlerFunc
}

// hostile starts a server that serves answer behind the TLS that is expected.
func hostile(t testing.TB, answer http.HandlerFunc) *hostileWorld {
	t.Helper()
	w := &hostileWorld{&world{t: t, g: NewWithT(t), clock: newHands()}, answer}
	w.authority = authority(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.answer(rw, r) }))
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{issue(t, w.authority, remote.Leaf{Hosts: []string{"127.0.0.1"}})}, MinVersion: tls.VersionTLS13,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	w.addr = server.Listener.Addr().String()
	public, _ := newKey(t)
	w.client = remote.ClientConfig{
		Perspective: fra(), URL: "https://" + w.addr, Roots: pool(w.authority), Key: public, Clock: w.clock.Now,
		Certificates: []tls.Certificate{issue(t, w.authority, remote.Leaf{Identity: identity})}, MaxIdle: -1,
	}
	return w
}

// TestHostileServers: whatever comes is an outcome with a reason, soon.
func TestHostileServers(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server looks for the end of the connection after that
		<-r.Context().Done()
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		reason string
		detail string
	}{
		"garbage":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x00\xff<html>")) }, remote.ReasonBadAnswer, "UTF-8"},
		"no answer":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, remote.ReasonBadAnswer, ""},
		"another object": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"api_version":"1"}`)) }, remote.ReasonBadSignature, ""},
		"deep nesting": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat(`{"a":`, 500) + `1` + strings.Repeat(`}`, 500)))
		}, remote.ReasonBadAnswer, "levels"},
		"without end":     {func(w http.ResponseWriter, r *http.Request) { flood(w, r) }, remote.ReasonTooLarge, "4096 octets"},
		"a longer header": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 100_000)) }, remote.ReasonUnreachable, "headers"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://192.0.2.1/", http.StatusTemporaryRedirect)
		}, remote.ReasonRefused, "307"},
		"a page":             {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "<h1>", http.StatusBadGateway) }, remote.ReasonRefused, "502 without a code"},
		"a page without end": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); flood(w, r) }, remote.ReasonRefused, "500"},
		"an escape code": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			_, _ = w.Write([]byte(`{"code":"\u001b[2J"}`))
		}, remote.ReasonRefused, "403, .[2J"},
		"silence": {hang, remote.ReasonTimeout, ""},
		"half an answer": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{`))
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}, remote.ReasonTimeout, ""},
		"a broken promise": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{`))
		}, remote.ReasonUnreachable, ""},
		"a closed door": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, remote.ReasonUnreachable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := hostile(t, tc.answer)
			client := w.dial(func(c *remote.ClientConfig) { c.MaxAnswer, c.Timeout = 4096, 5*time.Second })
			if tc.reason == remote.ReasonTimeout {
				client = w.dial(func(c *remote.ClientConfig) { c.Timeout = 50 * time.Millisecond })
			}
			r := client.Run(t.Context(), check())
			w.g.Expect(reasonOf(r)).To(Equal(tc.reason), r.DCV.Detail)
			w.g.Expect(r.DCV.Detail).To(ContainSubstring(tc.detail))
		})
	}
}

// flood writes until the client has gone.
func flood(w io.Writer, r *http.Request) {
	chunk := []byte(strings.Repeat(" ", 1<<16))
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// TestHostileSockets: peers that never come as far as HTTP.
func TestHostileSockets(t *testing.T) {
	for name, tc := range map[string]struct {
		serve  func(net.Conn)
		reason string
	}{
		"closes":       {func(c net.Conn) { _ = c.Close() }, remote.ReasonUnreachable},
		"stalls TLS":   {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, remote.ReasonTimeout},
		"is not TLS":   {func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-server\r\n")); _ = c.Close() }, remote.ReasonAuthentication},
		"stops midway": {func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 10)); _ = c.Close() }, remote.ReasonUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			g.Expect(err).NotTo(HaveOccurred())
			done := make(chan struct{})
			t.Cleanup(func() { _ = listener.Close(); <-done })
			go func() {
				defer close(done)
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					tc.serve(conn)
					_ = conn.Close()
				}
			}()
			w := hostile(t, nil)
			w.client.URL = "https://" + listener.Addr().String()
			r := w.dial(func(c *remote.ClientConfig) { c.Timeout = 200 * time.Millisecond }).Run(t.Context(), check())
			g.Expect(reasonOf(r)).To(Equal(tc.reason), r.DCV.Detail)
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		w := hostile(t, nil)
		w.client.URL = "https://127.0.0.1:1"
		w.g.Expect(reasonOf(w.dial().Run(t.Context(), check()))).To(Equal(remote.ReasonUnreachable))
	})
	t.Run("the caller gives up", func(t *testing.T) {
		w := hostile(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w.g.Expect(reasonOf(w.dial().Run(ctx, check()))).To(Equal(remote.ReasonCancelled))
	})
}

// TestKeptConnectionThatBroke: the server may restart between two checks.
func TestKeptConnectionThatBroke(t *testing.T) {
	_, key := newKey(t)
	var dropped bool
	w := hostile(t, nil)
	w.client.Key = key.Public().(ed25519.PublicKey)
	requests := 0
	w.answer = func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.g.Expect(err).NotTo(HaveOccurred())
		requests++
		if requests == 2 {
			dropped = true
			panic(http.ErrAbortHandler)
		}
		_, _ = rw.Write(answerTo(t, body, key, func(*remote.Answer) {}))
	}
	client := w.dial(func(c *remote.ClientConfig) { c.MaxIdle = 2 })
	w.g.Expect(reasonOf(client.Run(t.Context(), check()))).To(Equal("an answer"))
	w.g.Expect(reasonOf(client.Run(t.Context(), check()))).To(Equal("an answer"))
	w.g.Expect(dropped).To(BeTrue())
	w.g.Expect(requests).To(Equal(3), "the second check is asked anew, with a nonce of its own")
}

// TestTampering: an answer of which anything was changed is refused: each value,
// each member left out, each member added.
func TestTampering(t *testing.T) {
	g := NewWithT(t)
	public, private := newKey(t)
	body, err := json.Marshal(request(1))
	g.Expect(err).NotTo(HaveOccurred())
	signed := answerTo(t, body, private, func(*remote.Answer) {})
	expected := remote.Expected{Perspective: fra(), Key: public, Request: body, Sent: epoch(), Received: epoch()}
	_, err = expected.Verify(signed)
	g.Expect(err).NotTo(HaveOccurred())

	var tree map[string]any
	g.Expect(json.Unmarshal(signed, &tree)).To(Succeed())
	changes := 0
	tamper(tree, func(where string) {
		changes++
		changed, err := json.Marshal(tree)
		g.Expect(err).NotTo(HaveOccurred())
		_, err = expected.Verify(changed)
		g.Expect(err).To(HaveOccurred(), where)
	})
	g.Expect(changes).To(BeNumerically(">", 100))
	reordered, err := json.MarshalIndent(tree, " ", "\t")
	g.Expect(err).NotTo(HaveOccurred())
	_, err = expected.Verify(reordered)
	g.Expect(err).NotTo(HaveOccurred(), "order and white space mean nothing")
	for i := range signed { // every octet, in another way
		changed := append([]byte{}, signed...)
		changed[i] ^= 0x01
		if _, err = expected.Verify(changed); err == nil {
			t.Fatalf("octet %d: %q for %q is taken", i, changed[i], signed[i])
		}
	}
}

// tamper makes each single change of a JSON tree in turn, calls look and takes it
// back.
func tamper(v any, look func(where string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			for _, other := range others(value) {
				if reflect.DeepEqual(other, value) {
					continue
				}
				v[name] = other
				look(fmt.Sprintf("%s = %v", name, other))
			}
			delete(v, name)
			look("without " + name)
			v[name] = value
			tamper(value, look)
		}
		v["added"] = "x"
		look("added")
		delete(v, "added")
	case []any:
		for i, value := range v {
			for _, other := range others(value) {
				v[i] = other
				look(fmt.Sprintf("element %d = %v", i, other))
			}
			v[i] = value
			tamper(value, look)
		}
	}
}

func others(v any) []any {
	switch v := v.(type) {
	case string:
		return []any{v + "x", v[:len(v)/2], nil, 1.0}
	case float64:
		return []any{v + 1, 0.5, nil, "1"}
	case bool:
		return []any{!v, nil}
	default:
		return []any{nil, "x"}
	}
}

// TestNothingLeaks: goroutines end with client and server.
func TestNothingLeaks(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("traffic", func(t *testing.T) {
		w := start(t)
		client := w.dial()
		results := make(chan perspectives.Result)
		const checks = 50
		for range checks {
			go func() { results <- client.Run(t.Context(), check()) }()
		}
		for range checks {
			w.g.Expect(reasonOf(<-results)).To(Equal("an answer"))
		}
	})
	NewWithT(t).Eventually(runtime.NumGoroutine).WithTimeout(5*time.Second).Should(BeNumerically("<=", before), stacks)
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

package remote_test

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"mpicsim/perspectives/remote"
)

// TestConnectionLog: each error is counted, one a minute and kind is written, with
// how many were left out.
func TestConnectionLog(t *testing.T) {
	g := NewWithT(t)
	clock, out, registry := newHands(), &lines{}, prometheus.NewRegistry()
	l, err := remote.ConnectionLog("errors_total", slog.New(slog.NewJSONHandler(out, nil)), clock.Now, registry)
	g.Expect(err).NotTo(HaveOccurred())
	for range 1000 {
		l.Print("http: TLS handshake error from 192.0.2.1:1: EOF")
	}
	l.Print("http: Accept error: too many open files; retrying in 5ms")
	l.Print("http: " + strings.Repeat("x", 100_000))
	g.Expect(strings.Count(out.String(), "\n")).To(Equal(3), "one for each kind")
	g.Expect(len(out.String())).To(BeNumerically("<", 1500))
	clock.advance(time.Minute)
	l.Print("http: TLS handshake error from 192.0.2.1:2: EOF")
	g.Expect(out.String()).To(HaveSuffix(`"kind":"tls-handshake","error":"TLS handshake error from 192.0.2.1:2: EOF","omitted":999}` + "\n"))
	families, err := registry.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	counts := map[string]float64{}
	for _, m := range families[0].GetMetric() {
		counts[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	g.Expect(counts).To(Equal(map[string]float64{"tls-handshake": 1001, "accept": 1, "other": 1}))
	_, err = remote.ConnectionLog("errors_total", slog.Default(), clock.Now, registry)
	g.Expect(err).To(HaveOccurred())
}

// TestConnectionsWithoutRequests: strangers who connect and leave write no line
// each.
func TestConnectionsWithoutRequests(t *testing.T) {
	w := start(t)
	const strangers = 50
	for range strangers {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.addr)
		w.g.Expect(err).NotTo(HaveOccurred())
		w.g.Expect(conn.Close()).To(Succeed())
	}
	counted := func() string {
		r, err := w.http().Get("https://" + w.addr + remote.PathMetrics)
		if err != nil || r.StatusCode != http.StatusOK {
			return "no metrics"
		}
		defer r.Body.Close()
		var text strings.Builder
		_ = r.Write(&text)
		return text.String()
	}
	w.g.Eventually(counted).WithTimeout(10 * time.Second).Should(ContainSubstring(`mpic_perspective_connection_errors_total{kind="tls-handshake"} 50`))
	w.g.Expect(strings.Count(w.logs.String(), "\n")).To(Equal(1), w.logs.String())
}

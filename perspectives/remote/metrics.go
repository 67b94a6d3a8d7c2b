package remote

import (
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
)

// metrics are what a server counts, in a registry of its own.
type metrics struct {
	registry *prometheus.Registry
	checks   *prometheus.CounterVec
	refusals *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	active   *prometheus.GaugeVec
	// unrecorded counts checks that had no answer because their record could not be
	// written.
	unrecorded *prometheus.CounterVec
	// connections gets the errors of connections that bring no request.
	connections *log.Logger
}

func newMetrics(lines *slog.Logger, clock perspectives.Clock, connections func() (open, strangers int, closed access.Closed)) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpic_perspective_checks_total", Help: "Verdicts by partner, question, method (of domain control) and verdict.",
		}, []string{"partner", "question", "method", "verdict"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpic_perspective_refusals_total", Help: "Requests that were refused, by partner (empty if unknown) and code.",
		}, []string{"partner", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mpic_perspective_check_seconds", Help: "How long checks took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"partner"}),
		active: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mpic_perspective_checks_running", Help: "Checks that run now.",
		}, []string{"partner"}),
		unrecorded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpic_perspective_unrecorded_total", Help: "Checks without an answer because their record could not be written.",
		}, []string{"partner"}),
	}
	m.registry.MustRegister(m.checks, m.refusals, m.seconds, m.active, m.unrecorded,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(access.Collectors("mpic_perspective", connections)...)
	// The registry is new: there is no other metric of the name.
	m.connections, _ = ConnectionLog("mpic_perspective_connection_errors_total", lines, clock, m.registry)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) refused(partner, code string) { m.refusals.WithLabelValues(partner, code).Inc() }

// running counts a check that has begun until the function returned is called.
func (m *metrics) running(partner string) func() {
	gauge := m.active.WithLabelValues(partner)
	gauge.Inc()
	return gauge.Dec
}

func (m *metrics) checked(partner string, c perspectives.Check, r perspectives.Result, took time.Duration) {
	m.seconds.WithLabelValues(partner).Observe(took.Seconds())
	if c.Questions.DCV() {
		m.checks.WithLabelValues(partner, "dcv", string(c.Method), r.DCV.Verdict.String()).Inc()
	}
	if c.Questions.CAA() {
		m.checks.WithLabelValues(partner, "caa", "", r.CAA.Verdict.String()).Inc()
	}
}

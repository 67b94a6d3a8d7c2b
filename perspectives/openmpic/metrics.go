package openmpic

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mpicsim/perspectives/access"
)

// metrics are what Open MPIC measures, under Prometheus' names.
type metrics struct {
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	responses *prometheus.CounterVec
	attempts  *prometheus.CounterVec
	denials   *prometheus.CounterVec
	// unrecorded counts checks that had no answer because a record of theirs could
	// not be written.
	unrecorded prometheus.Counter
}

func newMetrics(to prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpic_requests_total", Help: "Requests by check type, result and whether they were answered.",
		}, []string{"check_type", "is_valid", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mpic_coordinator_duration_seconds", Help: "How long requests took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300},
		}, []string{"check_type"}),
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpic_perspective_responses_total", Help: "Responses of perspectives, the included primary's among them.",
		}, []string{"check_type", "perspective_code", "check_passed", "check_completed"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpic_decisions_total", Help: "Attempts by reason of the decision.",
		}, []string{"check_type", "reason"}),
		denials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpic_denials_total", Help: "Requests that were denied, by client (empty if unknown) and cause.",
		}, []string{"client", "cause"}),
		unrecorded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mpic_unrecorded_total", Help: "Checks without an answer because their audit record could not be written.",
		}),
	}
	return m, errors.Join(to.Register(m.requests), to.Register(m.duration), to.Register(m.responses), to.Register(m.attempts),
		to.Register(m.denials), to.Register(m.unrecorded))
}

// request counts a request. Labels are bounded: an unknown check type is none.
func (m *metrics) request(checkType string, valid bool, err error, took time.Duration) {
	status := "ok"
	if err != nil {
		status = "error"
	}
	if checkType != "dcv" && checkType != "caa" {
		checkType = ""
	}
	m.requests.WithLabelValues(checkType, strconv.FormatBool(valid), status).Inc()
	m.duration.WithLabelValues(checkType).Observe(took.Seconds())
}

// denied counts a request that was denied.
func (m *metrics) denied(client string, cause access.Cause) {
	m.denials.WithLabelValues(client, string(cause)).Inc()
}

func (m *metrics) attempt(checkType, reason string, all ...perspectiveResponse) {
	m.attempts.WithLabelValues(checkType, reason).Inc()
	for _, p := range all {
		m.responses.WithLabelValues(checkType, p.Code,
			strconv.FormatBool(p.Response.Passed), strconv.FormatBool(p.Response.Completed)).Inc()
	}
}

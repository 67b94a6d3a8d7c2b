// Package openmpic serves Open MPIC's API for a whole MPIC service: POST /mpic,
// as its specification 3.5 to 3.9 says and as the reference implementation speaks
// it, with GET /healthz, /configz and /metrics; and POST /mpic/draft-00 of
// draft-westerbaan-secdispatch-mpic-00.
//
// # The primary
//
// Open MPIC knows no primary: its perspectives are all remotes, and whoever calls
// it holds the primary's result. The Baseline Requirements do know one. A
// [Fleet] says which of two deployments it is:
//
//   - [PrimaryIncluded]: the service has the primary. It is asked first, and the
//     remotes only if it passes. is_valid is the whole decision of BR 3.2.2.9.
//   - [PrimaryAtCaller]: as in Open MPIC. is_valid says that the remotes
//     corroborate, provided that the caller's primary passed. Where the caller's
//     primary stands must be configured all the same, since a remote must be 500
//     km away from it.
//
// Either way perspectives[] and the counts are about remotes alone; an included
// primary's result is in the additional member "primary". The additional member
// "decision" names the reason and the clause.
//
// # The quorum
//
// The rule of the [Fleet] holds: a request can ask for more corroborations than
// it demands, never for less. With quorum_count 0, monitoring, is_valid is true
// whatever the remotes see, and decision says what would have been decided; an
// included primary must pass all the same. From 2025-09-15 the Baseline Requirements
// forbid to issue on that: under a rule that enforces the quorum it is answered with
// 400 unless [Options.AllowMonitoring] is set.
//
// # The record
//
// An answer 200 is given only when [Options.Records], and the Fleet's log, have what
// it says: is_valid as the caller is told, monitoring included. Otherwise it is 503.
//
// # Callers
//
// Options.Clients are who may ask: by a client certificate, which TLS in front of
// the handler has verified, or by an API key in the header x-api-key. Each has rights,
// a rate, a quota and a number of checks at a time (package access). Without a list
// anyone may who can connect. What a web page had a browser send is refused either
// way, and so are bodies that are not application/json.
//
// Not modelled: TLS, which belongs in front of the handler; asynchronous answers;
// choice of perspectives by name.
//
// A [Server] is safe for concurrent use if its Fleet is.
package openmpic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
)

// Fleet is who can be asked. Its methods are called by many goroutines at once.
type Fleet interface {
	// Describe returns the primary, the remotes there are, and who asks the
	// primary; always the same.
	Describe() (primary perspectives.Perspective, remotes []perspectives.Perspective, mode Primary)
	// Rule is the rule in force now.
	Rule() policy.Quorum
	// Attempt makes one attempt from scratch. The error wraps
	// [coordinator.ErrBadCheck] if the check makes no sense. A check that is
	// refused before anybody is asked has a report without attempts.
	Attempt(ctx context.Context, a Attempt) (coordinator.Report, error)
}

// Attempt is what a [Fleet] is asked to do.
type Attempt struct {
	Check perspectives.Check
	// Remotes are the names of those to ask, in order.
	Remotes []string
	// Quorum is the rule to decide by.
	Quorum policy.Quorum
	// Number counts the attempts of one request from 1.
	Number int
	// Trace is the caller's trace_identifier, for the records; may be empty.
	Trace string
	// Client is the name of the caller and Credential what it has shown, for the
	// records; both empty if anyone may ask.
	Client, Credential string
	// Monitoring says that the answers are wanted for themselves: everybody's is
	// waited for.
	Monitoring bool
}

// RecordAttrs returns what all records of an attempt say besides the check.
func (a Attempt) RecordAttrs() []any {
	attrs := []any{slog.String("trace_identifier", a.Trace), slog.Int("request_attempt", a.Number)}
	if a.Client != "" {
		attrs = append(attrs, slog.String("client", a.Client), slog.String("credential", a.Credential))
	}
	return attrs
}

// Primary says who asks the primary.
type Primary string

// The two kinds of deployment: see the package comment.
const (
	PrimaryIncluded Primary = "included"
	PrimaryAtCaller Primary = "caller"
)

// Cohorts chooses the remotes for a target: cohort.Keyed and cohort.OpenMPIC do.
// Attempts of one request use the cohorts in turn.
type Cohorts interface {
	Cohorts(target string, size int) ([][]string, error)
}

// Dialect is a way to write responses where the specification and the reference
// implementation differ.
type Dialect string

// The dialects. DialectSpec follows the OpenAPI file: response_history has
// response_status_code and response_url, response_page is text, response_url that
// of the final response, records_seen of CAA one string. DialectCore follows
// open-mpic-core: status_code and url (of the next hop), base64, the URL that was
// asked for, a list; no resolved_ip; and the parameters it fixes are echoed.
const (
	DialectSpec Dialect = "spec"
	DialectCore Dialect = "core"
)

// SpecVersion is the version of Open MPIC's specification that responses follow.
const SpecVersion = "3.9.0"

// Options are how to serve. Fleet, Cohorts, Clock and Registry are required.
type Options struct {
	Fleet   Fleet
	Cohorts Cohorts
	// Clock dates what the coordinator says itself, and measures durations.
	Clock perspectives.Clock
	// Registry gets the metrics and is shown at /metrics.
	Registry *prometheus.Registry
	// Dialect of the responses, DialectSpec if empty.
	Dialect Dialect
	// DefaultCount is the number of remotes for requests that do not say, 0 for
	// the least that the rule demands, but at least 2.
	DefaultCount int
	// MaxAttempts bounds max_attempts, 0 for 3.
	MaxAttempts int
	// DefaultIssuers are the CAA domains for requests without caa_domains.
	DefaultIssuers []string
	// Clients are who may ask; nil for anyone.
	Clients *access.List
	// Slots bound the checks of all callers together; nil for no bound.
	Slots *access.Slots
	// Browser says under which names the service may be asked.
	Browser access.Browser
	// AllowMonitoring answers quorum_count 0, under any rule. Without it that is 400
	// under a rule that is enforced, as those of BR 3.2.2.9 are from 2025-09-15.
	AllowMonitoring bool
	// RefuseMonitoring answers quorum_count 0 with 400 under any rule, also that of
	// the monitoring phase of BR 3.2.2.9. Not with AllowMonitoring.
	RefuseMonitoring bool
	// Timeout bounds one request, on the operating system's clock; 0 for 5 minutes.
	Timeout time.Duration
	// Version of the program, for /configz.
	Version string
	// Healthy says why the service is not; nil means it always is.
	Healthy func() error
	// Log gets internal faults; nil for none. The records of BR 5.4.1(2)(7) and (8)
	// are the Fleet's.
	Log *slog.Logger
	// Records gets one record for each answer 200, before it is sent: what the caller
	// is told. nil for none. What its handler does not take is answered with 503.
	Records *slog.Logger
}

const (
	healthPath      = "/healthz"
	maxBody         = 256 << 10 // octets of a request
	defaultTimeout  = 5 * time.Minute
	defaultAttempts = 3
)

// Server is the API as an [http.Handler].
type Server struct {
	o       Options
	mux     *http.ServeMux
	metrics *metrics
	usages  *access.Usages // of Clients
	primary perspectives.Perspective
	remotes []perspectives.Perspective
	mode    Primary
}

// New checks the options and registers the metrics.
func New(o Options) (*Server, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(o.Registry); err != nil {
		return nil, fmt.Errorf("open mpic: %w", err)
	}
	return s, nil
}

// Renewed returns a server with other options and the same registry, which counts
// in the metrics of s. Both can serve at once: requests that s has begun it ends.
func (s *Server) Renewed(o Options) (*Server, error) {
	next, err := newServer(o)
	if err != nil {
		return nil, err
	}
	if o.Registry != s.o.Registry {
		return nil, errors.New("open mpic: a renewed server wants the registry of the old one")
	}
	next.metrics, next.usages = s.metrics, s.usages
	return next, nil
}

// newServer checks the options; the metrics are the caller's.
func newServer(o Options) (*Server, error) {
	if o.Fleet == nil || o.Cohorts == nil || o.Clock == nil || o.Registry == nil {
		return nil, errors.New("open mpic: Fleet, Cohorts, Clock and Registry are required")
	}
	if o.Dialect == "" {
		o.Dialect = DialectSpec
	}
	if o.Dialect != DialectSpec && o.Dialect != DialectCore {
		return nil, fmt.Errorf("open mpic: dialect %q: want %s or %s", o.Dialect, DialectSpec, DialectCore)
	}
	if o.MaxAttempts < 0 || o.DefaultCount < 0 || o.Timeout < 0 {
		return nil, errors.New("open mpic: a negative MaxAttempts, DefaultCount or Timeout")
	}
	if o.AllowMonitoring && o.RefuseMonitoring {
		return nil, errors.New("open mpic: both AllowMonitoring and RefuseMonitoring, expected one of them at most")
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = defaultAttempts
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	s := &Server{o: o, mux: http.NewServeMux(), usages: &access.Usages{}}
	s.primary, s.remotes, s.mode = o.Fleet.Describe()
	if s.mode != PrimaryIncluded && s.mode != PrimaryAtCaller {
		return nil, fmt.Errorf("open mpic: primary %q: want %s or %s", s.mode, PrimaryIncluded, PrimaryAtCaller)
	}
	s.mux.HandleFunc("POST /mpic", s.serveMPIC)
	s.mux.HandleFunc("POST /mpic/draft-00", s.serveDraft)
	s.mux.HandleFunc("GET /healthz", s.serveHealth)
	s.mux.HandleFunc("GET /configz", s.serveConfig)
	s.mux.Handle("GET /metrics", s.operators(s.metricsHandler()))
	return s, nil
}

func (s *Server) metricsHandler() http.Handler {
	return promhttp.HandlerFor(s.o.Registry, promhttp.HandlerOpts{})
}

// Describe returns what [Fleet] says of itself.
func (s *Server) Describe() (primary perspectives.Perspective, remotes []perspectives.Perspective, mode Primary) {
	return s.primary, s.remotes, s.mode
}

// HTTPServer returns a server for the handler with bounds on what a client can
// make it wait for and hold. The caller listens and shuts it down.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      s.o.Timeout + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
}

// ServeHTTP implements [http.Handler]. A panic is logged and answered with 500
// without detail.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.o.Timeout)
	defer cancel()
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if s.o.Log != nil {
			s.o.Log.ErrorContext(ctx, "internal fault", slog.String("path", r.URL.Path), slog.String("fault", fmt.Sprint(v)))
		}
		writeJSON(w, http.StatusInternalServerError, errorBody{Error: "internal server error"})
	}()
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	r = r.WithContext(ctx)
	if r.URL.Path == healthPath { // for load balancers, which may have no name for it
		s.mux.ServeHTTP(w, r)
		return
	}
	if status := s.o.Browser.Judge(r); status != nil {
		writeJSON(w, status.Code, errorBody{Error: status.Detail})
		return
	}
	in, done, err := s.enter(w, r)
	if err != nil {
		s.fail(ctx, w, err)
		return
	}
	defer done()
	s.mux.ServeHTTP(w, in)
}

// errorBody is the body of every response that is not 200.
type errorBody struct {
	Error  string  `json:"error"`
	Issues []issue `json:"validation_issues,omitempty"`
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // only values of our own types come here
		status, text = http.StatusInternalServerError, []byte(`{"error":"internal server error"}`)
	}
	writeText(w, status, text)
}

func writeText(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a client that has gone need not be told
}

// fail answers with a status other than 200.
func (s *Server) fail(ctx context.Context, w http.ResponseWriter, err error) {
	if invalid := invalidError(nil); errors.As(err, &invalid) {
		writeJSON(w, http.StatusBadRequest, errorBody{Error: requestInvalid, Issues: invalid})
		return
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		writeJSON(w, http.StatusRequestEntityTooLarge, errorBody{Error: fmt.Sprintf("the request has more than %d octets", tooLarge.Limit)})
		return
	}
	if denied := (deniedError{}); errors.As(err, &denied) {
		s.deny(w, denied)
		return
	}
	if known := cohortError(""); errors.As(err, &known) {
		writeJSON(w, http.StatusInternalServerError, errorBody{Error: string(known)})
		return
	}
	if s.o.Log != nil {
		s.o.Log.ErrorContext(ctx, "request failed", slog.String("error", err.Error()))
	}
	if errors.Is(err, coordinator.ErrNotRecorded) {
		s.metrics.unrecorded.Inc()
		writeJSON(w, http.StatusServiceUnavailable, errorBody{Error: coordinator.ErrNotRecorded.Error() + ": there is no answer without it (BR 5.4.1)"})
		return
	}
	writeJSON(w, http.StatusInternalServerError, errorBody{Error: "the request could not be carried out"})
}

// answer records what the caller is told and tells it.
func (s *Server) answer(ctx context.Context, w http.ResponseWriter, body any, told ...slog.Attr) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	if caller := callerOf(ctx); caller.Name != "" {
		told = append(told, slog.String("client", caller.Name), slog.String("credential", caller.Credential))
	}
	if err := coordinator.Record(ctx, s.o.Records, s.o.Clock(), "answer", told...); err != nil {
		return err
	}
	writeText(w, http.StatusOK, text)
	return nil
}

func (s *Server) serveMPIC(w http.ResponseWriter, r *http.Request) {
	started := s.o.Clock()
	request, err := readRequest(r.Body)
	var response *response
	if err == nil {
		response, err = s.corroborate(r.Context(), request)
	}
	if err == nil {
		err = s.answer(r.Context(), w, response, response.told()...)
	}
	checkType, valid := "", false
	if request != nil {
		checkType = request.CheckType
	}
	if err == nil {
		valid = response.IsValid
	}
	s.metrics.request(checkType, valid, err, s.o.Clock().Sub(started))
	if err != nil {
		s.fail(r.Context(), w, err)
	}
}

func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	// Why the service is not healthy may name files: not for strangers.
	s.writeHealth(w, s.o.Clients == nil && s.o.Browser.Judge(r) == nil)
}

func (s *Server) writeHealth(w http.ResponseWriter, withReason bool) {
	if s.o.Healthy != nil {
		if err := s.o.Healthy(); err != nil {
			body := map[string]string{"status": "unhealthy"}
			if withReason {
				body["reason"] = err.Error()
			}
			writeJSON(w, http.StatusServiceUnavailable, body)
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "healthy"})
}

// serveConfig says how the service is configured; no secrets and no endpoints.
func (s *Server) serveConfig(w http.ResponseWriter, _ *http.Request) {
	rule := s.o.Fleet.Rule()
	writeJSON(w, http.StatusOK, map[string]any{
		"open_mpic_api_spec_version": SpecVersion,
		"app_version":                s.o.Version,
		"dialect":                    s.o.Dialect,
		"primary":                    s.mode,
		"primary_perspective":        s.primary,
		"perspectives":               s.remotes,
		"rule":                       rule,
		"default_perspective_count":  s.defaultCount(rule),
		"absolute_max_attempts":      s.o.MaxAttempts,
		"default_caa_domains":        append([]string{}, s.o.DefaultIssuers...),
		"monitoring_allowed":         s.monitors(rule),
		"methods":                    perspectives.Methods(),
		"request_timeout_seconds":    s.o.Timeout.Seconds(),
	})
}

// monitors reports whether quorum_count 0 is answered under a rule.
func (s *Server) monitors(rule policy.Quorum) bool {
	return s.o.AllowMonitoring || !s.o.RefuseMonitoring && !rule.Enforced
}

func (s *Server) defaultCount(rule policy.Quorum) int {
	if s.o.DefaultCount > 0 {
		return s.o.DefaultCount
	}
	return max(2, rule.MinRemotes)
}

// cohortError is an answer 500 that says why no cohort could be used.
type cohortError string

func (e cohortError) Error() string { return string(e) }

func noCohort(size int) cohortError {
	return cohortError(fmt.Sprintf("The coordinator could not construct a cohort of size %d", size))
}

func noCohortNumber(number int) cohortError {
	return cohortError(fmt.Sprintf("The coordinator could not select cohort number %d from available cohorts.", number))
}

// lower is for words of protocols.
func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

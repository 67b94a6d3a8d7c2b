package openmpic

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
)

// keyHeader is where Open MPIC's clients put their API key.
const keyHeader = "X-Api-Key"

// anyone stands for all callers of a service without a list of them, where
// connections are counted.
const anyone = "anyone"

// deniedError is a request that is not for its caller, or not now.
type deniedError struct {
	*access.Denial
	client string // empty if unknown
}

func (e deniedError) Error() string { return string(e.Cause) + ": " + e.Detail }

// statusOf returns the HTTP status of a denial.
func statusOf(c access.Cause) int {
	switch c {
	case access.RateLimited, access.OverQuota:
		return http.StatusTooManyRequests
	case access.Busy:
		return http.StatusServiceUnavailable
	case access.NoCredentials, access.Unknown, access.Revoked, access.RevocationUnknown, access.MethodRefused, access.IssuerRefused:
	}
	return http.StatusForbidden
}

// callerKey is that of the caller in the context of a request.
type callerKey struct{}

// callerOf returns who asks, nothing if anyone may.
func callerOf(ctx context.Context) access.Caller {
	c, _ := ctx.Value(callerKey{}).(access.Caller)
	return c
}

// enter lets a request in, and returns it with its caller, and with its body read if
// it is for a check, which then has one of the slots until done is called. Nothing of
// the body has been looked at before.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) (in *http.Request, done func(), err error) {
	caller, denial := s.identify(r)
	if denial != nil {
		return nil, nil, deniedError{denial, caller.Name}
	}
	name := anyone
	if s.o.Clients != nil {
		name = caller.Name
	}
	if denial := access.Admit(r.Context(), name); denial != nil {
		w.Header().Set("Connection", "close")
		return nil, nil, deniedError{denial, caller.Name}
	}
	in = r.WithContext(context.WithValue(r.Context(), callerKey{}, caller))
	if r.Method != http.MethodPost {
		return in, func() {}, nil
	}
	usage := s.usages.Of(caller.Name)
	if denial := usage.TakeToken(caller.Client, s.o.Clock()); denial != nil {
		return nil, nil, deniedError{denial, caller.Name}
	}
	// Read before a slot is taken: a slow caller keeps nobody waiting.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	if denial := usage.Enter(caller.Client); denial != nil {
		return nil, nil, deniedError{denial, caller.Name}
	}
	if denial := s.o.Slots.Enter(); denial != nil {
		usage.Leave()
		return nil, nil, deniedError{denial, caller.Name}
	}
	in.Body = io.NopCloser(bytes.NewReader(body))
	return in, func() {
		s.o.Slots.Leave()
		usage.Leave()
	}, nil
}

// identify finds out who asks. Whoever shows a certificate and an API key must be
// the same by both.
func (s *Server) identify(r *http.Request) (access.Caller, *access.Denial) {
	if s.o.Clients == nil {
		return access.Caller{}, nil
	}
	now := s.o.Clock()
	keys := r.Header.Values(keyHeader)
	byCertificate, denial := s.o.Clients.ByCertificate(r.TLS, now)
	switch {
	case len(keys) == 0 && denial != nil && denial.Cause == access.NoCredentials:
		return byCertificate, &access.Denial{Cause: access.NoCredentials, Detail: "expected a client certificate or the header " + keyHeader}
	case len(keys) == 0:
		return byCertificate, denial
	case denial != nil && denial.Cause != access.NoCredentials:
		return byCertificate, denial
	case len(keys) > 1:
		return byCertificate, &access.Denial{Cause: access.Unknown, Detail: "found more than one header " + keyHeader}
	}
	byKey, unknown := s.o.Clients.ByKey(keys[0], now)
	if unknown == nil && denial == nil && byKey.Name != byCertificate.Name {
		return byKey, &access.Denial{Cause: access.Unknown, Detail: "the certificate and the API key belong to two clients"}
	}
	return byKey, unknown
}

// permit returns why the caller may not have a check made, and counts it if it may.
func (s *Server) permit(ctx context.Context, c perspectives.Check) error {
	if s.o.Clients == nil {
		return nil
	}
	caller := callerOf(ctx)
	if denial := caller.Authorize(c); denial != nil {
		return deniedError{denial, caller.Name}
	}
	if denial := s.usages.Of(caller.Name).TakeQuota(caller.Client, s.o.Clock()); denial != nil {
		return deniedError{denial, caller.Name}
	}
	return nil
}

// issuers returns the CAA domains for a request without any: the caller's, or those
// of the service.
func (s *Server) issuers(ctx context.Context) []string {
	if own := callerOf(ctx).IssuerDomains; len(own) > 0 {
		return slices.Clone(own)
	}
	return s.o.DefaultIssuers
}

// deny answers a request that was denied.
func (s *Server) deny(w http.ResponseWriter, e deniedError) {
	s.metrics.denied(e.client, e.Cause)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(max(e.RetryAfter, time.Second).Seconds()))))
	}
	writeJSON(w, statusOf(e.Cause), errorBody{Error: e.Error()})
}

// operators lets through who may read what names all clients.
func (s *Server) operators(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if caller := callerOf(r.Context()); s.o.Clients != nil && !caller.Operator {
			writeJSON(w, http.StatusForbidden, errorBody{Error: strconv.Quote(caller.Name) + " may not read the metrics"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Local returns the handler of a listener for the machine itself, without TLS and
// without callers: /healthz and /metrics.
func (s *Server) Local() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) { s.writeHealth(w, true) })
	mux.Handle("GET /metrics", s.metricsHandler())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := (access.Browser{}).Judge(r); status != nil {
			writeJSON(w, status.Code, errorBody{Error: status.Detail})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

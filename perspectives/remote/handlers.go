package remote

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // openapi.json
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/ijson"
)

//go:embed openapi.json
var openAPI []byte

// OpenAPI returns the description of the server's interface for programs
// (OpenAPI 3.1, JSON).
func OpenAPI() []byte { return bytes.Clone(openAPI) }

// route is one path with the only HTTP method it takes.
type route struct {
	method, path string
	// serve writes the response, or returns why not.
	serve func(w http.ResponseWriter, r *http.Request, p Partner) *Refusal
}

func (s *Server) table() []route {
	return []route{
		{http.MethodPost, PathCheck, s.check(perspectives.Both)},
		{http.MethodPost, PathDCV, s.check(perspectives.OnlyDCV)},
		{http.MethodPost, PathCAA, s.check(perspectives.OnlyCAA)},
		{http.MethodGet, PathInfo, s.info},
		{http.MethodGet, PathHealth, func(w http.ResponseWriter, r *http.Request, _ Partner) *Refusal {
			s.health(w, r)
			return nil
		}},
		{http.MethodGet, PathMetrics, s.serveMetrics},
		{http.MethodGet, PathOpenAPI, func(w http.ResponseWriter, _ *http.Request, _ Partner) *Refusal {
			writeBody(w, http.StatusOK, openAPI)
			return nil
		}},
		{http.MethodPost, PathOpenMPICDCV, s.openMPIC(perspectives.OnlyDCV)},
		{http.MethodPost, PathOpenMPICCAA, s.openMPIC(perspectives.OnlyCAA)},
	}
}

// routes returns the handler of the partners' listener. Every path wants a
// partner; paths that there are not say so to partners only.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.table() {
		mux.Handle(r.path, s.asPartner(r))
	}
	mux.Handle("/", s.asPartner(route{serve: func(_ http.ResponseWriter, r *http.Request, _ Partner) *Refusal {
		return refuse(codeNotFound, "no such path: %.100q", r.URL.Path)
	}}))
	return mux
}

// asPartner finds out who asks, and writes what a route refuses.
func (s *Server) asPartner(to route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, refusal := s.identify(r.TLS)
		if refusal == nil {
			if denial := access.Admit(r.Context(), p.Name); denial != nil {
				w.Header().Set("Connection", "close")
				refusal = refused(denial)
			}
		}
		switch {
		case refusal != nil:
		case to.method != "" && r.Method != to.method:
			w.Header().Set("Allow", to.method)
			refusal = refuse(codeHTTPMethod, "found %.20q, expected %s", r.Method, to.method)
		case s.draining.Load() && to.method == http.MethodPost:
			w.Header().Set("Connection", "close")
			refusal = refuse(codeDraining, "the perspective is about to stop").after(requestTimeout)
		default:
			refusal = s.guarded(to, w, r, p)
		}
		if refusal == nil {
			return
		}
		s.metrics.refused(p.Name, refusal.Code)
		s.logRefusal(r, p, refusal)
		if refusal.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(refusal.RetryAfter))
		}
		writeJSON(w, refusal.Status, refusal)
	})
}

// guarded serves a route; a panic on the way, which is a fault of the program, is
// logged and refused.
func (s *Server) guarded(to route, w http.ResponseWriter, r *http.Request, p Partner) (refusal *Refusal) {
	defer func() {
		if v := recover(); v != nil {
			s.config.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("partner", p.Name),
				slog.String("path", to.path), slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
			refusal = refuse(codeInternal, "an internal fault, which is logged")
		}
	}()
	return to.serve(w, r, p)
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	if s.draining.Load() {
		writeJSON(w, http.StatusServiceUnavailable, Health{"draining"})
		return
	}
	writeJSON(w, http.StatusOK, Health{"healthy"})
}

func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request, p Partner) *Refusal {
	if !p.Operator {
		return refuse(codePathRefused, "partner %q may not read the metrics", p.Name)
	}
	s.metrics.handler().ServeHTTP(w, r)
	return nil
}

func (s *Server) info(w http.ResponseWriter, _ *http.Request, p Partner) *Refusal {
	c, now := s.current.Load(), s.config.Clock()
	writeJSON(w, http.StatusOK, Info{
		APIVersions: []string{APIVersion}, Software: s.config.Software, Perspective: s.config.Runner.Describe(),
		EgressAddresses: s.config.EgressAddresses, PublicKey: Base64(c.public), KeyID: c.keyID, Time: now,
		Limits: InfoLimits{
			RequestOctets: MaxRequest, ValiditySeconds: int(MaxValidity.Seconds()),
			ClockSkewSeconds: int(ClockSkew.Seconds()), CheckTimeoutMillis: int(s.config.CheckTimeout.Milliseconds()),
		},
		Partner: InfoPartner{
			Name: p.Name, Methods: append([]perspectives.Method{}, p.Methods...),
			IssuerDomains: append([]string{}, p.IssuerDomains...), OpenMPIC: p.OpenMPIC,
			ChecksPerSecond: p.ChecksPerSecond, Burst: p.Burst, DailyQuota: p.DailyQuota,
			UsedToday: s.usages.Of(p.Name).UsedOn(now),
		},
	})
	return nil
}

// check serves a path of version 1. A path that stands for one question wants the
// check to say the same, since the path is not part of what is signed.
func (s *Server) check(fixed perspectives.Questions) func(http.ResponseWriter, *http.Request, Partner) *Refusal {
	return func(w http.ResponseWriter, r *http.Request, p Partner) *Refusal {
		// The keys of one moment for all of the answer.
		keys := s.current.Load()
		body, refusal := s.readBody(w, r, p)
		if refusal != nil {
			return refusal
		}
		var q Request
		if _, err := decode(body, &q, ijson.RefuseUnknown); err != nil {
			return refuse(codeBadRequest, "the request: %v", err)
		}
		if refusal := s.admissible(q); refusal != nil {
			return refusal
		}
		if fixed != perspectives.Both && q.Check.Questions != fixed {
			return refuse(codeBadCheck, "check.questions: found %.64q, expected %q at this path", q.Check.Questions, fixed)
		}
		nonce := func() *Refusal { return s.takeNonce(p, q) }
		result, refusal := s.run(r.Context(), p, job{check: q.Check, trace: q.TraceIdentifier, path: r.URL.Path, admit: nonce})
		if refusal != nil {
			return refusal
		}
		return s.answer(w, keys, q, body, result)
	}
}

func (s *Server) answer(w http.ResponseWriter, keys *credentials, q Request, body []byte, result perspectives.Result) *Refusal {
	digest := sha256.Sum256(body)
	a := Answer{
		APIVersion: APIVersion, Perspective: result.Perspective, RIR: result.RIR,
		RequestDigest: digest[:], Nonce: q.Nonce, TraceIdentifier: q.TraceIdentifier,
		AnsweredAt: s.config.Clock().UTC(), Result: result,
	}
	signed, err := a.Sign(keys.SigningKey)
	if errors.Is(err, errNotText) {
		if a.Result, err = inUTF8(result); err == nil {
			signed, err = a.Sign(keys.SigningKey)
		}
	}
	if err != nil {
		s.config.Log.LogAttrs(context.Background(), slog.LevelError, "sign", slog.String("error", err.Error()))
		return refuse(codeInternal, "the answer could not be signed")
	}
	writeBody(w, http.StatusOK, signed)
	return nil
}

// readBody takes a token of the partner's and reads its request.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, p Partner) ([]byte, *Refusal) {
	if denial := s.usages.Of(p.Name).TakeToken(p.Client, s.config.Clock()); denial != nil {
		return nil, refused(denial)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, refuse(codeContentType, "found %.100q, expected application/json", r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, refuse(codeTooLarge, "expected at most %d octets", MaxRequest)
	}
	if err != nil {
		return nil, refuse(codeBadRequest, "the request did not come completely: %v", err)
	}
	return body, nil
}

// admissible judges what a request says about itself.
func (s *Server) admissible(q Request) *Refusal {
	now := s.config.Clock()
	validity := q.NotAfter.Sub(q.NotBefore)
	switch name := s.config.Runner.Describe().Name; {
	case q.APIVersion != APIVersion:
		return refuse(codeVersion, "api_version: found %.20q, expected %q", q.APIVersion, APIVersion)
	case q.Perspective != name:
		return refuse(codeMisdirected, "perspective: found %.100q, this is %q", q.Perspective, name)
	case len(q.Nonce) < minNonce || len(q.Nonce) > maxNonce:
		return refuse(codeBadRequest, "nonce: found %d octets, expected %d to %d", len(q.Nonce), minNonce, maxNonce)
	case len(q.TraceIdentifier) > maxTrace:
		return refuse(codeBadRequest, "trace_identifier: found %d octets, expected at most %d", len(q.TraceIdentifier), maxTrace)
	case validity <= 0 || validity > MaxValidity:
		return refuse(codeBadRequest, "not_before and not_after: found %v apart, expected more than 0 and at most %v", validity, MaxValidity)
	case now.Add(ClockSkew).Before(q.NotBefore):
		return refuse(codeNotYetValid, "not_before: %s is to come, it is %s", stamp(q.NotBefore), stamp(now))
	case now.After(q.NotAfter.Add(ClockSkew)):
		return refuse(codeExpired, "not_after: %s is over, it is %s", stamp(q.NotAfter), stamp(now))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// takeNonce remembers the request until nobody would take it any more.
func (s *Server) takeNonce(p Partner, q Request) *Refusal {
	fresh, full := s.memoryOf(p.Name).remember(q.Nonce, q.NotAfter.Add(ClockSkew), s.config.Clock(), s.config.MaxNonces)
	switch {
	case full:
		return refuse(codeBusy, "%d requests are remembered until they expire", s.config.MaxNonces).after(requestTimeout)
	case !fresh:
		return refuse(codeReplayed, "nonce: already used")
	}
	return nil
}

// job is one check of a partner's.
type job struct {
	check perspectives.Check
	trace string
	path  string
	// admit is asked last before the check is counted and run.
	admit func() *Refusal
}

// run makes one check, if the partner may have it.
func (s *Server) run(ctx context.Context, p Partner, j job) (perspectives.Result, *Refusal) {
	none := perspectives.Result{}
	if err := j.check.Bounded(); err != nil {
		return none, refuse(codeBadCheck, "check: %v", err)
	}
	if denial := p.Authorize(j.check); denial != nil {
		return none, refused(denial)
	}
	if err := j.check.Acceptable(); err != nil {
		return none, refuse(codeBadCheck, "check: %v", err)
	}
	u := s.usages.Of(p.Name)
	if denial := u.Enter(p.Client); denial != nil {
		return none, refused(denial)
	}
	defer u.Leave()
	if denial := s.slots.Enter(); denial != nil {
		return none, refused(denial)
	}
	defer s.slots.Leave()
	if refusal := j.admit(); refusal != nil {
		return none, refusal
	}
	if denial := u.TakeQuota(p.Client, s.config.Clock()); denial != nil {
		return none, refused(denial)
	}
	defer s.metrics.running(p.Name)()
	ctx, cancel := context.WithTimeout(ctx, s.config.CheckTimeout)
	defer cancel()
	started := s.config.Clock()
	result := s.config.Runner.Run(ctx, j.check)
	result.Questions = j.check.Questions
	s.metrics.checked(p.Name, j.check, result, s.config.Clock().Sub(started))
	// The record is kept although the caller may have gone.
	if err := s.logCheck(context.WithoutCancel(ctx), p, j, result); err != nil {
		s.metrics.unrecorded.WithLabelValues(p.Name).Inc()
		s.config.Log.LogAttrs(ctx, slog.LevelError, "the record of a check could not be written", slog.String("partner", p.Name), slog.String("error", err.Error()))
		return none, refuse(codeInternal, "the record of the check could not be written: there is no answer without it (BR 5.4.1)")
	}
	return result, nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // our own types always encode
		body, status = []byte(`{}`), http.StatusInternalServerError
	}
	writeBody(w, status, body)
}

func writeBody(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who is gone needs no answer
}

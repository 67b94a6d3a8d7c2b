package openmpic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
)

// plan is how a request is carried out.
type plan struct {
	count    int // remotes of an attempt
	required int // of them that must corroborate, 0 for monitoring
	rule     policy.Quorum
	attempts int
	cohorts  [][]string
	only     int // the one cohort to use, from 1; 0 for all in turn
}

// plan holds the request's counts to the fleet and the rule.
func (s *Server) plan(r *request) (plan, error) {
	p := plan{rule: s.o.Fleet.Rule(), attempts: 1}
	c := r.counts
	p.count = s.defaultCount(p.rule)
	var issues invalidError
	if n := c.PerspectiveCount; n != nil {
		if p.count = n.value; !n.ok || n.value < 2 || n.value > len(s.remotes) {
			return p, append(issues, issue{invalidCount, "Invalid perspective count: " + n.text, "orchestration_parameters.perspective_count"})
		}
	}
	if p.count > len(s.remotes) {
		return p, noCohort(p.count)
	}
	p.required = p.rule.Required(p.count)
	if q := c.QuorumCount; q != nil {
		least := p.count - policy.AllowedNonCorroborations(p.count)
		why := ""
		switch {
		case q.ok && q.value == 0 && s.monitors(p.rule):
		case q.ok && q.value == 0:
			why = ": this service does not allow monitoring: " + p.rule.Clause + " is enforced"
			fallthrough
		case !q.ok || q.value < least || q.value > p.count:
			issues = append(issues, issue{invalidQuorum, "Invalid quorum count: " + q.text + why, "orchestration_parameters.quorum_count"})
		}
		p.ask(q.value)
	}
	if m := c.MaxAttempts; m != nil {
		if !m.ok || m.value < 1 {
			issues = append(issues, issue{invalidAttempts, "Invalid max attempts: " + m.text, "orchestration_parameters.max_attempts"})
		}
		p.attempts = min(m.value, s.o.MaxAttempts)
	}
	if n := c.Cohort; n != nil {
		if !n.ok || n.value < 1 {
			issues = append(issues, issue{invalidCohort, "Invalid cohort for single attempt: " + n.text, "orchestration_parameters.cohort_for_single_attempt"})
		}
		p.only, p.attempts = n.value, 1
	}
	if len(issues) > 0 {
		return p, issues
	}
	var err error
	if p.cohorts, err = s.o.Cohorts.Cohorts(r.Target, p.count); err != nil || len(p.cohorts) == 0 {
		if err != nil && s.o.Log != nil {
			s.o.Log.Warn("no cohort", slog.String("target", r.Target), slog.Int("size", p.count), slog.String("error", err.Error()))
		}
		return p, noCohort(p.count)
	}
	if p.only > len(p.cohorts) {
		return p, noCohortNumber(p.only)
	}
	return p, nil
}

// ask raises the rule's quorum to what the request asks for. It never lowers it;
// 0 asks for monitoring.
func (p *plan) ask(quorum int) {
	if quorum == 0 {
		p.required = 0
		return
	}
	if quorum > p.required {
		p.required = quorum
		p.rule.ByTable, p.rule.Allowed = false, p.count-quorum
	}
}

// cohort returns who is asked in an attempt, counted from 1.
func (p *plan) cohort(attempt int) []string {
	if p.only > 0 {
		return p.cohorts[p.only-1]
	}
	return p.cohorts[(attempt-1)%len(p.cohorts)]
}

// corroborate carries out a request: attempts until one succeeds or all that were
// asked for are made. No attempt knows of another's results.
func (s *Server) corroborate(ctx context.Context, r *request) (*response, error) {
	p, err := s.plan(r)
	if err != nil {
		return nil, err
	}
	v := s.view(r, s.issuers(ctx))
	if err := s.permit(ctx, v.check); err != nil {
		return nil, err
	}
	out := s.begin(r, p)
	caller := callerOf(ctx)
	for n := 1; n <= p.attempts; n++ {
		remotes := p.cohort(n)
		report, err := s.o.Fleet.Attempt(ctx, Attempt{
			Check: v.check, Remotes: remotes, Quorum: p.rule, Number: n, Trace: value(r.Trace), Monitoring: p.required == 0,
			Client: caller.Name, Credential: caller.Credential,
		})
		if out.Perspectives != nil {
			out.Previous = append(out.Previous, out.Perspectives)
		}
		out.Actual.Attempts = n
		switch {
		case errors.Is(err, coordinator.ErrBadCheck):
			return s.unasked(out, v, remotes, perspectives.Decision{Reason: "bad-check", Detail: err.Error()}), nil
		case err != nil:
			return nil, fmt.Errorf("%s %s: %w", r.CheckType, r.Target, err)
		case len(report.Attempts) == 0:
			return s.unasked(out, v, remotes, report.Decision), nil
		}
		attempt := report.Attempts[len(report.Attempts)-1]
		s.judge(out, v, p, attempt)
		if out.IsValid {
			break
		}
	}
	return out, nil
}

// judge fills in what came of an attempt.
func (s *Server) judge(out *response, v view, p plan, a coordinator.Attempt) {
	out.Perspectives, out.Primary = nil, nil
	open := 0 // checks without an answer
	for _, answer := range a.Remotes {
		response := v.perspective(answer)
		if !response.Response.Completed && answer.Fault != coordinator.Cancelled {
			open++ // whoever was cancelled was not missed
		}
		out.Perspectives = append(out.Perspectives, response)
	}
	out.Completed = open <= p.count-p.required
	counted := out.Perspectives
	if s.mode == PrimaryIncluded {
		primary := v.perspective(a.Primary)
		out.Primary = &primary
		counted = append(slices.Clip(counted), primary)
		if !a.Primary.Corroborates() { // and no remote was asked
			out.Completed = primary.Response.Completed
			counted = counted[len(counted)-1:]
		}
	}
	decision := a.Decision
	out.Decision = &decision
	out.monitoring = p.required == 0 && !decision.Issue && (s.mode == PrimaryAtCaller || a.Primary.Corroborates())
	out.IsValid = decision.Issue || out.monitoring
	s.metrics.attempt(out.CheckType, decision.Reason, counted...)
}

// told returns what the record of an answer says, in the words of Open MPIC's API:
// whether the caller may go on, and whether that is so only because it asked for
// monitoring.
func (r *response) told() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("trace_identifier", value(r.Trace)), slog.String("domain", r.Target), slog.String("check_type", r.CheckType),
		slog.Bool("is_valid", r.IsValid), slog.Bool("mpic_completed", r.Completed), slog.Bool("monitoring", r.monitoring),
		slog.Int("perspective_count", r.Actual.Count), slog.Int("quorum_count", r.Actual.Quorum), slog.Int("attempt_count", r.Actual.Attempts),
	}
	if d := r.Decision; d != nil {
		attrs = append(attrs, slog.Bool("issue", d.Issue), slog.String("quorum", d.Quorum), slog.String("reason", d.Reason))
	}
	return attrs
}

// unasked answers for a check that was refused before anybody was asked: every
// perspective would have had to refuse it.
func (s *Server) unasked(out *response, v view, remotes []string, d perspectives.Decision) *response {
	out.Perspectives = nil
	for _, name := range remotes {
		out.Perspectives = append(out.Perspectives, v.refusal(name, d))
	}
	out.Decision, out.Completed = &d, true
	s.metrics.attempt(out.CheckType, d.Reason)
	return out
}

// begin returns the response as far as it is known from the request.
func (s *Server) begin(r *request, p plan) *response {
	out := &response{
		CheckType: r.CheckType, Target: r.Target, Trace: r.Trace, APIVersion: SpecVersion,
		Actual:  actualOrchestration{Count: p.count, Quorum: p.required},
		Request: json.RawMessage("null"),
	}
	if !isNull(r.Orchestration) {
		out.Request = r.Orchestration
		if s.o.Dialect == DialectCore {
			out.Request = mustJSON(r.counts)
		}
	}
	switch {
	case r.CheckType == "dcv":
		out.DCV = s.echo(r)
	case isNull(r.CAA):
		out.CAA = json.RawMessage("null")
	default:
		out.CAA = r.CAA
	}
	return out
}

// echo returns the parameters as they came; the reference implementation's
// dialect adds those that it fixes.
func (s *Server) echo(r *request) json.RawMessage {
	if s.o.Dialect != DialectCore {
		return r.DCV
	}
	var fields map[string]any
	if err := json.Unmarshal(r.DCV, &fields); err != nil {
		return r.DCV
	}
	fix := func(name string, v any) {
		if fields[name] == nil {
			fields[name] = v
		}
	}
	method := perspectives.Method(r.dcv.Method)
	if prefix := fixedPrefix(method); prefix != "" {
		fix("dns_name_prefix", prefix)
		fix("dns_record_type", "TXT")
	}
	switch method {
	case perspectives.ContactEmailCAA, perspectives.ContactPhoneCAA:
		fix("dns_record_type", "CAA")
	case perspectives.ReverseAddressLookup:
		fix("dns_record_type", "PTR")
	case perspectives.HTTP01, perspectives.DNS01, perspectives.WebsiteChange, perspectives.DNSChange:
		fix("require_exact_case", true)
	case perspectives.TLSALPN01, perspectives.DNSAccount01, perspectives.DNSPersistent, perspectives.IPPersistent,
		perspectives.ContactEmailTXT, perspectives.ContactPhoneTXT, perspectives.IPAddress:
	}
	return mustJSON(fields)
}

// mustJSON writes what was read from JSON.
func mustJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return text
}

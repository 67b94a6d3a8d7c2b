package remote

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"mpicsim/perspectives"
)

// maxRecordDetail bounds an outcome's detail in a record, in octets.
const maxRecordDetail = 1000

// logCheck writes the record of BR 5.4.1(2)(7) to the partner's log: who looked,
// at what, and what came of it. It returns the error of the log's handler.
func (s *Server) logCheck(ctx context.Context, p Partner, j job, r perspectives.Result) error {
	if p.Log == nil || !p.Log.Enabled(ctx, slog.LevelInfo) {
		return nil
	}
	attrs := []slog.Attr{
		slog.String("partner", p.Name), slog.String("path", j.path), slog.String("trace_identifier", j.trace),
		slog.String("perspective", r.Perspective), slog.String("rir", r.RIR.String()),
		slog.String("domain", j.check.Domain), slog.String("questions", string(j.check.Questions)),
		slog.Time("started", r.Started), slog.Time("finished", r.Finished),
		slog.Any("target_addresses", r.TargetAddresses),
	}
	if j.check.Questions.DCV() {
		attrs = append(attrs, slog.String("method", string(j.check.Method)), slog.GroupAttrs("dcv", outcomeAttrs(r.DCV)...))
	}
	if j.check.Questions.CAA() {
		attrs = append(attrs, slog.Any("issuer_domains", j.check.IssuerDomains), slog.GroupAttrs("caa", outcomeAttrs(r.CAA)...))
	}
	record := slog.NewRecord(s.config.Clock(), slog.LevelInfo, "check", 0)
	record.AddAttrs(attrs...)
	return p.Log.Handler().Handle(ctx, record) // LogAttrs would drop the error
}

func outcomeAttrs(o perspectives.Outcome) []slog.Attr {
	return []slog.Attr{
		slog.String("verdict", o.Verdict.String()), slog.String("reason", o.Reason), slog.String("detail", cut(o.Detail, maxRecordDetail)),
		slog.String("clause", o.Clause),
	}
}

// maxPath bounds a path in a record, in octets; those that there are have fewer.
const maxPath = 100

// refusalLogEvery is how often a record says that a partner asks more often than it
// may, or that somebody asks who is no partner: whoever repeats that must not fill
// the disk.
const refusalLogEvery = time.Second

// repeated reports whether a refusal is one that costs its sender nothing to cause.
func repeated(code string) bool {
	switch code {
	case codeRate.name, codeQuota.name, codeBusy.name, codeDraining.name, codeUnknownPartner.name:
		return true
	}
	return false
}

// logRefusal writes what was refused to the partner's log, to the operator's if
// there is no partner. Of refusals that can be repeated at will there is one record
// a second, partner and code, with how many were left out before.
func (s *Server) logRefusal(r *http.Request, p Partner, refusal *Refusal) {
	log := p.Log
	if p.Name == "" {
		log = s.config.Log
	}
	if log == nil {
		return
	}
	attrs := []slog.Attr{
		slog.String("partner", p.Name), slog.String("path", cut(r.URL.Path, maxPath)),
		slog.String("from", r.RemoteAddr), slog.Int("status", refusal.Status), slog.String("code", refusal.Code),
		slog.String("detail", refusal.Detail),
	}
	if repeated(refusal.Code) {
		omitted, due := s.refusals.due(p.Name + " " + refusal.Code)
		if !due {
			return
		}
		if omitted > 0 {
			attrs = append(attrs, slog.Int("omitted", omitted))
		}
	}
	log.LogAttrs(r.Context(), slog.LevelWarn, "refused", attrs...)
}

package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"mpicsim/perspectives"
)

// log writes the records that BR 5.4.1(2) asks of an attempt: (7) from each
// perspective its identifier, the domain and the result; (8) the quorum as
// "k/n". Records are dated by the coordinator's Clock and follow the order of
// the configuration. A remote that was not asked has no record, a question that
// was not asked no result. One that was cancelled has a record with the reason
// "cancelled", and the quorum's says how many were asked, answered and cancelled
// (see [Count]). The error wraps [ErrNotRecorded].
func (co *Coordinator) log(ctx context.Context, number int, check perspectives.Check, a Attempt) error {
	write := func(message string, attrs ...slog.Attr) error {
		return co.write(ctx, a.Finished, message, append([]slog.Attr{
			slog.String("domain", check.Domain), slog.Int("attempt", number),
		}, attrs...))
	}
	for i, answer := range append([]Answer{a.Primary}, a.Remotes...) {
		if !answer.Attempted {
			continue
		}
		dcv, caa := answer.Verdicts()
		attrs := []slog.Attr{
			slog.String("perspective", answer.Perspective.Name),
			slog.String("rir", answer.Perspective.RIR.String()),
			slog.Bool("primary", i == 0),
		}
		if check.Questions.DCV() {
			attrs = append(attrs, slog.String("domain_validation", word(dcv, "pass", "fail")),
				slog.String("domain_validation_reason", reason(answer, answer.Result.DCV)))
		}
		if check.Questions.CAA() {
			attrs = append(attrs, slog.String("caa", word(caa, "permission", "prohibition")),
				slog.String("caa_reason", reason(answer, answer.Result.CAA)))
		}
		if err := write("perspective result", append(attrs, slog.String("method", string(check.Method)))...); err != nil {
			return err
		}
	}
	n := a.Count()
	return write("quorum result",
		slog.String("quorum", a.Decision.Quorum),
		slog.Bool("issue", a.Decision.Issue),
		slog.Bool("monitoring", a.Decision.Monitoring),
		slog.String("reason", a.Decision.Reason),
		slog.String("clause", a.Decision.Clause),
		slog.Int("remotes_asked", n.Asked),
		slog.Int("remotes_answered", n.Answered),
		slog.Int("remotes_cancelled", n.Cancelled),
	)
}

// logRefusal writes that a check was refused before anybody was asked.
func (co *Coordinator) logRefusal(ctx context.Context, check perspectives.Check, d perspectives.Decision) error {
	return co.write(ctx, co.config.Clock(), "refused before validation", []slog.Attr{
		slog.String("domain", check.Domain), slog.String("method", string(check.Method)),
		slog.Bool("issue", d.Issue), slog.String("reason", d.Reason), slog.String("clause", d.Clause),
	})
}

func (co *Coordinator) write(ctx context.Context, at time.Time, message string, attrs []slog.Attr) error {
	return Record(ctx, co.config.Log, at, message, attrs...)
}

// ErrNotRecorded is wrapped by the error of a check of which a record could not be
// written. Records are kept so that auditors see every decision (BR 5.4.1(2)): what
// is not recorded must not be acted on.
var ErrNotRecorded = errors.New("the audit record could not be written")

// Record writes one record at level INFO and returns when the logger's handler has
// taken it; slog's own methods would drop the handler's error. A nil logger keeps
// none. The error wraps [ErrNotRecorded].
func Record(ctx context.Context, to *slog.Logger, at time.Time, message string, attrs ...slog.Attr) error {
	if to == nil || !to.Enabled(ctx, slog.LevelInfo) {
		return nil
	}
	r := slog.NewRecord(at, slog.LevelInfo, message, 0)
	r.AddAttrs(attrs...)
	if err := to.Handler().Handle(ctx, r); err != nil {
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	return nil
}

// word puts a verdict in the words of BR 5.4.1(2)(7)(iii): what is not a pass is
// a fail, and what is not permission is prohibition.
func word(v perspectives.Verdict, pass, other string) string {
	if v == perspectives.Pass {
		return pass
	}
	return other
}

// maxReason bounds a reason in a record, in octets: a remote of somebody else's may
// answer with any. Those that there are have fewer than half of it.
const maxReason = 100

func reason(a Answer, o perspectives.Outcome) string {
	if a.Fault != "" {
		return a.Fault
	}
	if len(o.Reason) > maxReason {
		return strings.ToValidUTF8(o.Reason[:maxReason], "") + "..."
	}
	return o.Reason
}

package remote_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/remote"
)

// full is a handler whose disk has no room for the records of checks.
type full struct{ slog.Handler }

func (f full) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "check" {
		return errors.New("no space left on device")
	}
	return f.Handler.Handle(ctx, r)
}

func (f full) WithAttrs(attrs []slog.Attr) slog.Handler { return full{f.Handler.WithAttrs(attrs)} }

// TestNoAnswerWithoutRecord: a check that the partner's log cannot take is refused,
// on every path, and the operator sees it.
func TestNoAnswerWithoutRecord(t *testing.T) {
	w := start(t, let(func(p *remote.Partner) { p.Log = slog.New(full{p.Log.Handler()}) }))
	r := w.dial().Run(t.Context(), check())
	w.g.Expect(reasonOf(r)).To(Equal(remote.ReasonRefused))
	w.g.Expect(r.DCV.Detail).To(ContainSubstring("status 500, internal: the record of the check could not be written"))
	w.g.Expect(w.direct(remote.PathOpenMPICCAA, []byte(`{"domain_or_ip_target":"example.com"}`))).To(Equal(500))
	w.g.Expect(w.logs.String()).To(ContainSubstring(`"msg":"the record of a check could not be written","partner":"ca","error":"no space left on device"`))
	response, err := w.http().Get("https://" + w.addr + remote.PathMetrics)
	w.g.Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	var text strings.Builder
	w.g.Expect(response.Write(&text)).To(Succeed())
	w.g.Expect(text.String()).To(ContainSubstring(`mpic_perspective_unrecorded_total{partner="ca"} 2`))
}

// TestRecordsAreBounded, whatever the target's servers make an outcome say.
func TestRecordsAreBounded(t *testing.T) {
	w := start(t)
	w.runner.says = func(_ context.Context, _ perspectives.Check, r *perspectives.Result) {
		r.DCV.Detail, r.CAA.Detail = strings.Repeat("x", 1<<20), strings.Repeat("ü", 1<<20)
	}
	w.g.Expect(reasonOf(w.dial(func(c *remote.ClientConfig) { c.MaxAnswer = 8 << 20 }).Run(t.Context(), check()))).To(Equal("an answer"))
	w.g.Expect(len(w.logs.String())).To(BeNumerically("<", 4<<10))
}

// TestRefusalsDoNotFillTheDisk: a partner that asks more often than it may gets a
// line a second, with how many were left out.
func TestRefusalsDoNotFillTheDisk(t *testing.T) {
	w := start(t, let(func(p *remote.Partner) { p.ChecksPerSecond, p.Burst = 1, 1 }))
	ask := func() int { return w.direct(remote.PathOpenMPICCAA, []byte(`{"domain_or_ip_target":"example.com"}`)) }
	w.g.Expect(ask()).To(Equal(200))
	for range 1000 {
		w.g.Expect(ask()).To(Equal(429))
	}
	w.g.Expect(strings.Count(w.logs.String(), `"code":"rate-limited"`)).To(Equal(1))
	w.clock.advance(time.Second)
	w.g.Expect(ask()).To(Equal(200))
	w.g.Expect(ask()).To(Equal(429))
	w.g.Expect(strings.Count(w.logs.String(), `"code":"rate-limited"`)).To(Equal(2))
	w.g.Expect(w.logs.String()).To(HaveSuffix(`"omitted":999}` + "\n"))
}

package openmpic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"mpicsim/perspectives"
	"mpicsim/perspectives/audit"
)

var errDiskFull = errors.New("no space left on device")

// recorder keeps records, until the one that does not fit any more; -1 for never.
type recorder struct {
	slog.Handler
	room *int
}

func (r recorder) Handle(ctx context.Context, record slog.Record) error {
	if *r.room == 0 {
		return errDiskFull
	}
	*r.room--
	return r.Handler.Handle(ctx, record)
}

func (r recorder) WithAttrs(attrs []slog.Attr) slog.Handler {
	return recorder{r.Handler.WithAttrs(attrs), r.room}
}

// recorded serves with records, room of which can be written.
func recorded(g Gomega, room int, change ...func(*Options, *DeploymentConfig)) (s *service, records *bytes.Buffer, stderr *bytes.Buffer) {
	records, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	logger := slog.New(recorder{slog.NewJSONHandler(records, nil), &room})
	s = serve(g, append(change, func(o *Options, c *DeploymentConfig) {
		o.Records, c.Log = logger, logger
		o.Log = slog.New(slog.NewTextHandler(stderr, nil))
	})...)
	return s, records, stderr
}

// recordsOf returns records by their message.
func recordsOf(g Gomega, text *bytes.Buffer) map[string][]map[string]any {
	all := map[string][]map[string]any{}
	for line := range strings.SplitSeq(strings.TrimSpace(text.String()), "\n") {
		var r map[string]any
		g.Expect(json.Unmarshal([]byte(line), &r)).To(Succeed(), line)
		message, _ := r["msg"].(string)
		all[message] = append(all[message], r)
	}
	return all
}

// TestNoAnswerWithoutRecord: whichever record of a check cannot be written, the
// caller gets an error that says so, and never "valid"; the operator sees it on
// standard error and in the metrics.
func TestNoAnswerWithoutRecord(t *testing.T) {
	const draft = `{"method":"caa","domain":"example.com"}`
	for name, tc := range map[string]struct {
		path, body string
		let        string
		records    int // that an answer takes
	}{
		"valid":          {"/mpic", fmt.Sprintf(caaRequest, "null"), "", 8},
		"not valid":      {"/mpic", fmt.Sprintf(caaRequest, "null"), "a b", 8},
		"monitoring":     {"/mpic", fmt.Sprintf(caaRequest, `{"quorum_count":0}`), "a b", 8},
		"two attempts":   {"/mpic", fmt.Sprintf(caaRequest, `{"max_attempts":2}`), "a b", 15},
		"a bad check":    {"/mpic", `{"domain_or_ip_target":"_a","check_type":"caa"}`, "", 1},
		"draft-00":       {"/mpic/draft-00", draft, "", 8},
		"primary refuse": {"/mpic", fmt.Sprintf(caaRequest, "null"), "primary", 3},
	} {
		t.Run(name, func(t *testing.T) {
			for room := 0; room <= tc.records; room++ {
				g := NewWithT(t)
				s, _, stderr := recorded(g, room, monitors)
				s.let(tc.let, says(mismatch()))
				status, out := s.post(g, tc.path, tc.body)
				if room == tc.records {
					g.Expect(status).To(Equal(http.StatusOK))
					g.Expect(stderr.String()).To(BeEmpty())
					continue
				}
				g.Expect(status).To(Equal(http.StatusServiceUnavailable), "room for %d records", room)
				g.Expect(mustJSON(out)).To(MatchJSON(`{"error":"the audit record could not be written: there is no answer without it (BR 5.4.1)"}`))
				g.Expect(stderr.String()).To(ContainSubstring("no space left on device"))
				g.Expect(testutil.ToFloat64(s.server.metrics.unrecorded)).To(Equal(1.0))
				w := httptest.NewRecorder()
				s.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8000/metrics", nil))
				g.Expect(w.Body.String()).NotTo(ContainSubstring(`is_valid="true"`))
			}
		})
	}
}

// TestTheRecordSaysWhatTheCallerIsTold: is_valid, and whether that is so for
// monitoring alone, is in the record of the answer as it is in the answer; and no
// perspective is shown to pass that is not recorded to.
func TestTheRecordSaysWhatTheCallerIsTold(t *testing.T) {
	failed := perspectives.Outcome{Verdict: perspectives.Error, Reason: "remote-unreachable"}
	for name, tc := range map[string]struct {
		change     func(*Options, *DeploymentConfig)
		counts     string
		let        func(*service)
		valid      bool
		monitoring bool
		issue      bool
		attempts   int
	}{
		"valid":                            {monitors, `null`, func(*service) {}, true, false, true, 1},
		"too few":                          {monitors, `null`, func(s *service) { s.let("a b", says(mismatch())) }, false, false, false, 1},
		"some without answer":              {monitors, `{"perspective_count":6}`, func(s *service) { s.let("a b", says(failed)) }, true, false, true, 1},
		"monitoring, too few":              {monitors, `{"quorum_count":0}`, func(s *service) { s.let("a b", says(mismatch())) }, true, true, false, 1},
		"monitoring, enough":               {monitors, `{"quorum_count":0}`, func(*service) {}, true, false, true, 1},
		"monitoring, the primary fails":    {monitors, `{"quorum_count":0}`, func(s *service) { s.let("primary", says(mismatch())) }, false, false, false, 1},
		"monitoring, the caller's primary": {atCaller, `{"quorum_count":0}`, func(s *service) { s.server.o.AllowMonitoring = true; s.let("a b c", says(mismatch())) }, true, true, false, 1},
		"another's answers": {monitors, `null`, func(s *service) {
			s.let("a b", func(_ perspectives.Check, r *perspectives.Result) { r.Perspective = "x" })
		}, false, false, false, 1},
		"more attempts":                   {monitors, `{"max_attempts":2}`, func(s *service) { s.let("a b", says(mismatch())) }, false, false, false, 2},
		"the monitoring phase itself":     {under("br@2025-03-15"), `{"perspective_count":2}`, func(s *service) { s.let("a b", says(mismatch())) }, true, false, true, 1},
		"a pass that claims a failed CAA": {monitors, `null`, func(s *service) { s.let("a b", says(perspectives.Outcome{Verdict: perspectives.Fail, Reason: "ok"})) }, false, false, false, 1},
		"a reason of a hundred kilo-octets": {monitors, `null`, func(s *service) {
			s.let("a", says(perspectives.Outcome{Verdict: perspectives.Fail, Reason: strings.Repeat("r", 100_000)}))
		}, true, false, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s, text, _ := recorded(g, -1, tc.change)
			tc.let(s)
			out := s.mpic(g, `{"trace_identifier":"t-1",`+fmt.Sprintf(caaRequest, tc.counts)[1:])
			g.Expect(text.Len()).To(BeNumerically("<", 8000))
			records := recordsOf(g, text)
			g.Expect(records["answer"]).To(HaveLen(1))
			told := records["answer"][0]
			g.Expect(out["is_valid"]).To(Equal(tc.valid))
			g.Expect(told).To(And(
				HaveKeyWithValue("is_valid", out["is_valid"]), HaveKeyWithValue("mpic_completed", out["mpic_completed"]),
				HaveKeyWithValue("monitoring", tc.monitoring), HaveKeyWithValue("issue", tc.issue),
				HaveKeyWithValue("domain", "example.com"), HaveKeyWithValue("trace_identifier", "t-1"), HaveKeyWithValue("check_type", "caa"),
				HaveKeyWithValue("reason", at(out, "decision", "reason")), HaveKeyWithValue("attempt_count", float64(tc.attempts)),
				HaveKeyWithValue("quorum_count", at(out, "actual_orchestration_parameters", "quorum_count"))))
			g.Expect(records["quorum result"]).To(HaveLen(tc.attempts))
			g.Expect(records["quorum result"][tc.attempts-1]["issue"]).To(Equal(tc.issue), "what policy decided")
			passes := map[any]bool{}
			for _, r := range records["perspective result"][len(records["perspective result"])*(tc.attempts-1)/tc.attempts:] {
				passes[r["perspective"]] = r["caa"] == "permission"
			}
			shown, _ := out["perspectives"].([]any)
			for _, p := range shown {
				g.Expect(at(p, "check_response", "check_passed")).To(Equal(passes[at(p, "perspective_code")]), "%v", p)
			}
		})
	}
}

// TestAuditLogDecides: the same with the log itself, whose file somebody else has
// written to.
func TestAuditLogDecides(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	log, err := audit.Open(audit.Options{Dir: dir, Clock: epoch})
	g.Expect(err).NotTo(HaveOccurred())
	s := serve(g, func(o *Options, c *DeploymentConfig) {
		o.Records, c.Log, o.Healthy = slog.New(log.Handler()), slog.New(log.Handler()), log.Err
	})
	s.mpic(g, fmt.Sprintf(caaRequest, "null"))
	head := log.Head()
	g.Expect(head.Seq).To(Equal(uint64(8)))
	g.Expect(log.Close()).To(Succeed())
	status, out := s.post(g, "/mpic", fmt.Sprintf(caaRequest, "null"))
	g.Expect(status).To(Equal(http.StatusServiceUnavailable))
	g.Expect(out).NotTo(HaveKey("is_valid"))
	files, err := audit.Files(dir, "")
	g.Expect(err).NotTo(HaveOccurred())
	report, err := audit.Expected{Head: head.Hash}.Verify(files)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(report.Faults).To(BeEmpty())
}

// TestConcurrentAnswersAreRecorded: each answer has its own record.
func TestConcurrentAnswersAreRecorded(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	log, err := audit.Open(audit.Options{Dir: dir, Clock: epoch})
	g.Expect(err).NotTo(HaveOccurred())
	s := serve(g, func(o *Options, c *DeploymentConfig) {
		o.Records, c.Log = slog.New(log.Handler()), slog.New(log.Handler())
	})
	var running sync.WaitGroup
	for range 20 {
		running.Go(func() { post(s, "/mpic", fmt.Sprintf(caaRequest, "null")) })
	}
	running.Wait()
	g.Expect(log.Head().Seq).To(Equal(uint64(20 * 8)))
	g.Expect(log.Close()).To(Succeed())
}

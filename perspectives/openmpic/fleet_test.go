package openmpic

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

func epoch() time.Time { return time.Date(2026, time.December, 15, 12, 0, 0, 0, time.UTC) }

// fake is a perspective that says what it was told to say.
type fake struct {
	perspectives.Perspective
	says func(c perspectives.Check, r *perspectives.Result)

	mu    sync.Mutex
	asked []perspectives.Check
}

func (f *fake) Describe() perspectives.Perspective { return f.Perspective }

func (f *fake) Run(_ context.Context, c perspectives.Check) perspectives.Result {
	f.mu.Lock()
	f.asked = append(f.asked, c)
	f.mu.Unlock()
	r := perspectives.Result{Perspective: f.Name, RIR: f.RIR, Questions: c.Questions, Started: epoch(), Finished: epoch()}
	if f.says != nil {
		f.says(c, &r)
	} else {
		answer(c, &r, perspectives.Outcome{Verdict: perspectives.Pass, Reason: "ok"})
	}
	return r
}

// answer gives the same outcome to all that is asked.
func answer(c perspectives.Check, r *perspectives.Result, o perspectives.Outcome) {
	if c.Questions.DCV() {
		r.DCV = o
	}
	if c.Questions.CAA() {
		r.CAA = o
	}
}

func says(o perspectives.Outcome) func(perspectives.Check, *perspectives.Result) {
	return func(c perspectives.Check, r *perspectives.Result) { answer(c, r, o) }
}

func mismatch() perspectives.Outcome {
	return perspectives.Outcome{Verdict: perspectives.Fail, Reason: "txt-mismatch", Detail: "another value"}
}

// inOrder gives the fleet's remotes in order, in disjoint cohorts.
type inOrder []string

func (names inOrder) Cohorts(_ string, size int) ([][]string, error) {
	var out [][]string
	for c := range slices.Chunk(names, size) {
		if len(c) == size {
			out = append(out, c)
		}
	}
	return out, nil
}

// service is a server with its fakes: a primary and six remotes a to f in two RIR
// regions, 2000 km apart, under the rule of 2026-12-15.
type service struct {
	primary *fake
	remotes []*fake
	server  *Server
}

func serve(g Gomega, change ...func(*Options, *DeploymentConfig)) *service {
	s := &service{primary: &fake{Perspective: perspectives.Perspective{Name: "primary", RIR: place.ARIN}}}
	config := DeploymentConfig{
		Primary: s.primary, Clock: epoch, Quorum: func() policy.Quorum { return policy.QuorumAt(epoch()) },
	}
	var names inOrder
	for i, r := range []place.RIR{place.ARIN, place.RIPE, place.ARIN, place.RIPE, place.ARIN, place.RIPE} {
		f := &fake{Perspective: perspectives.Perspective{
			Name: string(rune('a' + i)), RIR: r, Location: place.Location{Lon: float64(i+1) * 18},
		}}
		s.remotes, config.Remotes, names = append(s.remotes, f), append(config.Remotes, f), append(names, f.Name)
	}
	o := Options{Cohorts: names, Clock: epoch, Registry: prometheus.NewRegistry(), DefaultIssuers: []string{"ca.example"}, Version: "test"}
	for _, c := range change {
		c(&o, &config)
	}
	fleet, err := NewDeployment(config)
	g.Expect(err).NotTo(HaveOccurred())
	o.Fleet = fleet
	s.server, err = New(o)
	g.Expect(err).NotTo(HaveOccurred())
	return s
}

func core(o *Options, _ *DeploymentConfig) { o.Dialect = DialectCore }

// atCaller has the caller ask the primary.
func atCaller(_ *Options, c *DeploymentConfig) {
	c.Primary, c.Caller = nil, &perspectives.Perspective{Name: "caller", RIR: place.ARIN}
}

// monitors allows quorum_count 0.
func monitors(o *Options, _ *DeploymentConfig) { o.AllowMonitoring = true }

// under has another rule.
func under(rule string) func(*Options, *DeploymentConfig) {
	return func(_ *Options, c *DeploymentConfig) {
		c.Quorum = func() policy.Quorum {
			q, err := policy.ParseRule(rule, epoch())
			if err != nil {
				panic(err)
			}
			return q
		}
	}
}

// let has the named perspectives say something.
func (s *service) let(names string, says func(perspectives.Check, *perspectives.Result)) *service {
	for _, f := range append([]*fake{s.primary}, s.remotes...) {
		if slices.Contains(strings.Fields(names), f.Name) {
			f.says = says
		}
	}
	return s
}

// post sends a body and returns the status and the answer.
func (s *service) post(g Gomega, path, body string) (int, map[string]any) {
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, posted(path, body))
	var out map[string]any
	g.Expect(json.Unmarshal(w.Body.Bytes(), &out)).To(Succeed(), w.Body.String())
	g.Expect(w.Header().Get("Content-Type")).To(Equal("application/json"))
	return w.Code, out
}

// mpic sends a request that is answered.
func (s *service) mpic(g Gomega, body string) map[string]any {
	status, out := s.post(g, "/mpic", body)
	g.Expect(status).To(Equal(http.StatusOK), "%v", out)
	return out
}

const caaRequest = `{"domain_or_ip_target":"example.com","check_type":"caa","orchestration_parameters":%s}`

// at walks into an answer.
func at(v any, path ...any) any {
	for _, p := range path {
		switch key := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = m[key]
		case int:
			l, ok := v.([]any)
			if !ok || key >= len(l) {
				return nil
			}
			v = l[key]
		}
	}
	return v
}

var _ coordinator.Runner = (*fake)(nil)

// posted is a request as a client on the machine itself makes it.
func posted(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8000"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

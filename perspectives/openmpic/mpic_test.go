package openmpic

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
)

func caaSeen() *perspectives.Seen {
	return &perspectives.Seen{DNS: &perspectives.SeenDNS{Name: "example.com", FoundAt: "example.com", Records: []string{`0 issue "ca.example"`}}}
}

// TestCAAAsTheReferenceImplementationSaysIt is a whole exchange, nulls included.
func TestCAAAsTheReferenceImplementationSaysIt(t *testing.T) {
	g := NewWithT(t)
	s := serve(g, core, atCaller, under("2/2"), func(o *Options, _ *DeploymentConfig) { o.MaxAttempts = 2 })
	s.let("a b", says(perspectives.Outcome{Verdict: perspectives.Pass, Reason: "issuer-authorized", Seen: caaSeen()}))
	out := s.mpic(g, `{"domain_or_ip_target":"example.com","check_type":"caa","trace_identifier":"t-1",
		"orchestration_parameters":{"perspective_count":2,"quorum_count":2,"max_attempts":2,"cohort_for_single_attempt":null},
		"caa_check_parameters":{"certificate_type":"tls-server","caa_domains":["ca.example"],"allow_lookup_failure":false}}`)
	delete(out, "decision")
	g.Expect(mustJSON(out)).To(MatchJSON(`{"mpic_completed":true,
		"request_orchestration_parameters":{"perspective_count":2,"quorum_count":2,"max_attempts":2,"cohort_for_single_attempt":null},
		"actual_orchestration_parameters":{"perspective_count":2,"quorum_count":2,"attempt_count":1},
		"check_type":"caa","domain_or_ip_target":"example.com","is_valid":true,"trace_identifier":"t-1","api_version":"3.9.0",
		"perspectives":[
		{"perspective_code":"a","check_response":{"check_completed":true,"check_passed":true,"errors":null,"timestamp_ns":1797336000000000000,"check_type":"caa",
		"details":{"caa_record_present":true,"found_at":"example.com","records_seen":["0 issue \"ca.example\""]}}},
		{"perspective_code":"b","check_response":{"check_completed":true,"check_passed":true,"errors":null,"timestamp_ns":1797336000000000000,"check_type":"caa",
		"details":{"caa_record_present":true,"found_at":"example.com","records_seen":["0 issue \"ca.example\""]}}}],
		"caa_check_parameters":{"certificate_type":"tls-server","caa_domains":["ca.example"],"allow_lookup_failure":false},
		"previous_attempt_results":null}`))
	asked := s.remotes[0].asked[0]
	g.Expect(asked.Questions).To(Equal(perspectives.OnlyCAA))
	g.Expect(asked.IssuerDomains).To(Equal([]string{"ca.example"}))
	g.Expect(asked.CAA).To(Equal(perspectives.CAAParameters{CertificateType: "tls-server"}))
}

func TestCAADetails(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Options, *DeploymentConfig)
		o      perspectives.Outcome
		want   string
		errors string
	}{
		"one string in the specification": {
			nil,
			perspectives.Outcome{Verdict: perspectives.Fail, Seen: &perspectives.Seen{DNS: &perspectives.SeenDNS{Name: "com", Records: []string{"0 a \"x\"", "0 b \"y\""}}}},
			`{"caa_record_present":true,"found_at":"com","records_seen":"0 a \"x\"\n0 b \"y\""}`, `null`,
		},
		"no records":        {core, perspectives.Outcome{Verdict: perspectives.Pass, Seen: &perspectives.Seen{DNS: &perspectives.SeenDNS{Name: "com"}}}, `{"caa_record_present":false,"found_at":null,"records_seen":null}`, `null`},
		"an error":          {core, perspectives.Outcome{Verdict: perspectives.Error, Detail: "timed out"}, `{"caa_record_present":null,"found_at":null,"records_seen":null}`, `[{"error_type":"mpic_error:caa_checker:lookup","error_message":"There was an error looking up the CAA record: timed out"}]`},
		"a permitted error": {core, perspectives.Outcome{Verdict: perspectives.Pass, LookupFailure: &perspectives.LookupFailure{}}, `{"caa_record_present":null,"found_at":null,"records_seen":null}`, `null`},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := serve(g, func(o *Options, c *DeploymentConfig) {
				if tc.change != nil {
					tc.change(o, c)
				}
			}).let("a", says(tc.o))
			out := s.mpic(g, fmt.Sprintf(caaRequest, "null"))
			response := at(out, "perspectives", 0, "check_response")
			g.Expect(mustJSON(at(response, "details"))).To(MatchJSON(tc.want))
			g.Expect(mustJSON(at(response, "errors"))).To(MatchJSON(tc.errors))
			g.Expect(at(response, "check_completed")).To(Equal(tc.o.Verdict != perspectives.Error))
			g.Expect(at(response, "check_passed")).To(Equal(tc.o.Verdict == perspectives.Pass))
		})
	}
}

func TestAPerspectiveThatCannotBeReached(t *testing.T) {
	g := NewWithT(t)
	s := serve(g, core).let("c", func(_ perspectives.Check, r *perspectives.Result) { r.Perspective = "somebody-else" })
	out := s.mpic(g, strings.Replace(fmt.Sprintf(caaRequest, "null"), "{", `{"trace_identifier":"t-1",`, 1))
	response := at(out, "perspectives", 2, "check_response")
	g.Expect(at(response, "check_completed")).To(BeFalse())
	g.Expect(at(response, "check_passed")).To(BeFalse())
	g.Expect(at(response, "errors", 0, "error_type")).To(Equal("mpic_error:coordinator:remote_check"))
	g.Expect(at(response, "errors", 0, "error_message")).To(And(
		HavePrefix("The remote check failed to complete: Check failed for perspective c, target example.com: the answer is of perspective \"somebody-else\""),
		HaveSuffix("; trace ID: t-1")))
	g.Expect(mustJSON(at(response, "details"))).To(MatchJSON(`{"caa_record_present":null,"found_at":null,"records_seen":null}`))
	g.Expect(at(out, "is_valid")).To(BeTrue(), "4 of 5 corroborate")
	g.Expect(at(out, "mpic_completed")).To(BeTrue(), "as many may be without answer as need not corroborate")
}

// TestQuorum: what a request may ask for, and that it never gets less than the
// rule demands.
func TestQuorum(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Options, *DeploymentConfig)
		counts string
		fooled string
		valid  bool
		reason string
		actual string // count/quorum
	}{
		"5 by default, 1 may fail":                   {nil, `null`, "c", true, policy.QuorumMet, "5/4"},
		"5 by default, 2 fail":                       {nil, `null`, "c d", false, policy.TooFewCorroborations, "5/4"},
		"6, 2 may fail":                              {nil, `{"perspective_count":6}`, "c d", true, policy.QuorumMet, "6/4"},
		"6 of 6 are asked for":                       {nil, `{"perspective_count":6,"quorum_count":6}`, "c", false, policy.TooFewCorroborations, "6/6"},
		"5 of 6 are asked for":                       {nil, `{"perspective_count":6,"quorum_count":5}`, "c", true, policy.QuorumMet, "6/5"},
		"5 of 5 without a count":                     {nil, `{"quorum_count":5}`, "c", false, policy.TooFewCorroborations, "5/5"},
		"3 are too few for the rule":                 {nil, `{"perspective_count":3,"quorum_count":2}`, "", false, policy.TooFewRemotes, "3/2"},
		"monitoring":                                 {monitors, `{"quorum_count":0}`, "a b c d e", true, policy.TooFewCorroborations, "5/0"},
		"monitoring with a count":                    {monitors, `{"perspective_count":6,"quorum_count":0}`, "a b c", true, policy.TooFewCorroborations, "6/0"},
		"monitoring, and the primary fails":          {monitors, `{"quorum_count":0}`, "primary", false, policy.PrimaryCAAForbids, "5/0"},
		"one RIR region left":                        {under("boulder"), `{"perspective_count":3,"quorum_count":2}`, "b", false, policy.TooFewRIRs, "3/2"},
		"a stricter rule is not lowered":             {under("all"), `{"perspective_count":4,"quorum_count":3}`, "b", false, policy.TooFewCorroborations, "4/4"},
		"the primary fails":                          {nil, `null`, "primary", false, policy.PrimaryCAAForbids, "5/4"},
		"the caller's primary is not asked":          {atCaller, `null`, "primary c", true, policy.QuorumMet, "5/4"},
		"the caller's primary, and too many remotes": {atCaller, `null`, "b c", false, policy.TooFewCorroborations, "5/4"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := serve(g, func(o *Options, c *DeploymentConfig) {
				if tc.change != nil {
					tc.change(o, c)
				}
			}).let(tc.fooled, says(mismatch()))
			out := s.mpic(g, fmt.Sprintf(caaRequest, tc.counts))
			g.Expect(at(out, "is_valid")).To(Equal(tc.valid))
			g.Expect(at(out, "decision", "reason")).To(Equal(tc.reason))
			g.Expect(fmt.Sprintf("%v/%v", at(out, "actual_orchestration_parameters", "perspective_count"), at(out, "actual_orchestration_parameters", "quorum_count"))).To(Equal(tc.actual))
			g.Expect(mustJSON(out["request_orchestration_parameters"])).To(MatchJSON(tc.counts))
		})
	}
}

// TestInvalidRequests: status, error and the first issue's type.
func TestInvalidRequests(t *testing.T) {
	counts := func(s string) string { return fmt.Sprintf(caaRequest, s) }
	dcv := func(s string) string {
		return `{"domain_or_ip_target":"example.com","check_type":"dcv","dcv_check_parameters":` + s + `}`
	}
	for body, want := range map[string]string{
		counts(`{"perspective_count":6,"quorum_count":1}`):                   invalidQuorum + "|Invalid quorum count: 1",
		counts(`{"perspective_count":6,"quorum_count":-1}`):                  invalidQuorum + "|Invalid quorum count: -1",
		counts(`{"perspective_count":6,"quorum_count":10}`):                  invalidQuorum + "|Invalid quorum count: 10",
		counts(`{"perspective_count":6,"quorum_count":"abc"}`):               invalidQuorum + "|Invalid quorum count: abc",
		counts(`{"perspective_count":6,"quorum_count":9223372036854775808}`): invalidQuorum + "|Invalid quorum count: 9223372036854775808",
		counts(`{"perspective_count":3,"quorum_count":5}`):                   invalidQuorum + "|Invalid quorum count: 5",
		counts(`{"quorum_count":99}`):                                        invalidQuorum + "|Invalid quorum count: 99",
		counts(`{"perspective_count":1}`):                                    invalidCount + "|Invalid perspective count: 1",
		counts(`{"perspective_count":0}`):                                    invalidCount + "|Invalid perspective count: 0",
		counts(`{"perspective_count":7}`):                                    invalidCount + "|Invalid perspective count: 7",
		counts(`{"perspective_count":2.5}`):                                  invalidCount + "|Invalid perspective count: 2.5",
		counts(`{"max_attempts":0}`):                                         invalidAttempts + "|Invalid max attempts: 0",
		counts(`{"cohort_for_single_attempt":0}`):                            invalidCohort + "|Invalid cohort for single attempt: 0",
		counts(`7`): requestInvalid + "|orchestration_parameters: expected an object",
		`{"domain_or_ip_target":"a.example","check_type":"invalid_check_type"}`: requestInvalid + `|check_type: found "invalid_check_type"`,
		`{"check_type":"caa"}`: requestInvalid + "|domain_or_ip_target: required",
		`{"check_type":7}`:     requestInvalid + "|check_type: found a JSON number",
		`[]`:                   requestInvalid + "|the body is not a JSON object",
		``:                     requestInvalid + "|the body is not a JSON object",
		`{} {}`:                requestInvalid + "|the body is not JSON",
		`{"domain_or_ip_target":"a.example","check_type":"caa","caa_check_parameters":{"certificate_type":"x"}}`: invalidCertificate + "|Invalid 'certificate_type' value: x",
		`{"domain_or_ip_target":"a.example","check_type":"caa","caa_check_parameters":{"caa_domains":"x"}}`:      requestInvalid + "|caa_check_parameters.caa_domains: found a JSON string",
		dcv(`null`): requestInvalid + "|dcv_check_parameters: required",
		dcv(`{}`):   requestInvalid + "|dcv_check_parameters.validation_method: found \"\"",
		dcv(`{"validation_method":"acme-http-01","token":"x"}`):                                                              requestInvalid + "|dcv_check_parameters.key_authorization: required by acme-http-01",
		dcv(`{"validation_method":"acme-http-01","token":7}`):                                                                requestInvalid + "|dcv_check_parameters.token: found a JSON number",
		dcv(`{"validation_method":"acme-dns-01","key_authorization_hash":null}`):                                             requestInvalid + "|dcv_check_parameters.key_authorization_hash: required",
		dcv(`{"validation_method":"website-change","challenge_value":"","http_token_path":"x"}`):                             emptyChallenge + "|challenge_value: empty",
		dcv(`{"validation_method":"website-change","challenge_value":"","match_regex":"","http_token_path":"x"}`):            emptyChallenge + "|challenge_value: empty",
		dcv(`{"validation_method":"website-change","challenge_value":"v","http_token_path":"x","url_scheme":"ftp"}`):         requestInvalid + "|dcv_check_parameters.url_scheme",
		dcv(`{"validation_method":"dns-change","challenge_value":"v","dns_record_type":"A"}`):                                invalidRecordType + "|Invalid validation method",
		dcv(`{"validation_method":"dns-change","challenge_value":"v"}`):                                                      requestInvalid + "|dcv_check_parameters.dns_record_type: required",
		dcv(`{"validation_method":"ip-address","challenge_value":"v","dns_record_type":"TXT"}`):                              invalidRecordType + "|Invalid validation method",
		dcv(`{"validation_method":"dns-persistent","issuer_domain_names":[],"expected_account_uri":"https://ca.example/1"}`): requestInvalid + "|dcv_check_parameters.issuer_domain_names: required",
	} {
		t.Run(body, func(t *testing.T) {
			g := NewWithT(t)
			status, out := serve(g).post(g, "/mpic", body)
			g.Expect(status).To(Equal(http.StatusBadRequest))
			g.Expect(out["error"]).To(Equal("request-validation-failed"))
			g.Expect(fmt.Sprintf("%v|%v", at(out, "validation_issues", 0, "issue_type"), at(out, "validation_issues", 0, "message"))).To(HavePrefix(want))
		})
	}
}

// TestMonitoringIsNotTheDefault: from 2025-09-15 a quorum that is missed forbids
// issuance, so that nobody is told "valid" without one unless the service is
// configured to.
func TestMonitoringIsNotTheDefault(t *testing.T) {
	refuse := func(o *Options, _ *DeploymentConfig) { o.RefuseMonitoring = true }
	unchanged := func(*Options, *DeploymentConfig) {}
	for name, tc := range map[string]struct {
		rule    string
		options func(*Options, *DeploymentConfig)
		allowed bool
	}{
		"2026-12-15":                        {"br@2026-12-15", unchanged, false},
		"2025-09-15":                        {"br@2025-09-15", unchanged, false},
		"2025-09-14":                        {"br@2025-09-14", unchanged, true},
		"2025-09-14, refused":               {"br@2025-09-14", refuse, false},
		"2025-09-15, allowed":               {"br@2025-09-15", monitors, true},
		"2026-12-15, allowed":               {"br@2026-12-15", monitors, true},
		"a rule of a CA's own":              {"boulder", unchanged, false},
		"without corroboration":             {"primary-only", unchanged, false},
		"a rule of a CA's own, and allowed": {"boulder", monitors, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := serve(g, under(tc.rule), tc.options).let("b c", says(mismatch()))
			for _, counts := range []string{`{"quorum_count":0}`, `{"perspective_count":3,"quorum_count":0}`, `{"perspective_count":3,"quorum_count":0,"max_attempts":3}`} {
				status, out := s.post(g, "/mpic", fmt.Sprintf(caaRequest, counts))
				if tc.allowed {
					g.Expect(status).To(Equal(http.StatusOK))
					g.Expect(out["is_valid"]).To(BeTrue())
					continue
				}
				g.Expect(status).To(Equal(http.StatusBadRequest))
				g.Expect(at(out, "validation_issues", 0, "issue_type")).To(Equal(invalidQuorum))
				g.Expect(at(out, "validation_issues", 0, "message")).To(HavePrefix("Invalid quorum count: 0: this service does not allow monitoring"))
				g.Expect(out).NotTo(HaveKey("is_valid"))
				g.Expect(s.primary.asked).To(BeEmpty())
			}
			w := httptest.NewRecorder()
			s.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8000/configz", nil))
			g.Expect(w.Body.String()).To(ContainSubstring(fmt.Sprintf(`"monitoring_allowed":%t`, tc.allowed)))
		})
	}
	g := NewWithT(t)
	o := serve(g).server.o
	o.AllowMonitoring, o.RefuseMonitoring = true, true
	_, err := New(o)
	g.Expect(err).To(MatchError(ContainSubstring("both AllowMonitoring and RefuseMonitoring")))
}

// TestCohortErrors are answers 500, as Open MPIC gives them.
func TestCohortErrors(t *testing.T) {
	g := NewWithT(t)
	status, out := serve(g, func(o *Options, _ *DeploymentConfig) { o.DefaultCount = 7 }).post(g, "/mpic", fmt.Sprintf(caaRequest, "null"))
	g.Expect(status).To(Equal(http.StatusInternalServerError))
	g.Expect(mustJSON(out)).To(MatchJSON(`{"error":"The coordinator could not construct a cohort of size 7"}`))

	status, out = serve(g, func(o *Options, _ *DeploymentConfig) { o.Cohorts = inOrder{} }).post(g, "/mpic", fmt.Sprintf(caaRequest, "null"))
	g.Expect(status).To(Equal(http.StatusInternalServerError))
	g.Expect(mustJSON(out)).To(MatchJSON(`{"error":"The coordinator could not construct a cohort of size 5"}`))

	status, out = serve(g).post(g, "/mpic", fmt.Sprintf(caaRequest, `{"perspective_count":3,"cohort_for_single_attempt":3}`))
	g.Expect(status).To(Equal(http.StatusInternalServerError))
	g.Expect(mustJSON(out)).To(MatchJSON(`{"error":"The coordinator could not select cohort number 3 from available cohorts."}`))
}

// TestAttempts: cohorts in turn, results never carried over, failed ones shown.
func TestAttempts(t *testing.T) {
	g := NewWithT(t)
	two := under("boulder") // three remotes make a cohort
	s := serve(g, two).let("a b", says(mismatch()))
	out := s.mpic(g, fmt.Sprintf(caaRequest, `{"perspective_count":3,"max_attempts":3}`))
	g.Expect(out["is_valid"]).To(BeTrue())
	g.Expect(at(out, "actual_orchestration_parameters", "attempt_count")).To(BeEquivalentTo(2))
	g.Expect(at(out, "previous_attempt_results")).To(HaveLen(1))
	g.Expect(at(out, "previous_attempt_results", 0, 0, "perspective_code")).To(Equal("a"))
	g.Expect(at(out, "perspectives", 0, "perspective_code")).To(Equal("d"))

	s = serve(g, two).let("a b d e", says(mismatch()))
	out = s.mpic(g, fmt.Sprintf(caaRequest, `{"perspective_count":3,"max_attempts":9}`))
	g.Expect(out["is_valid"]).To(BeFalse())
	g.Expect(at(out, "actual_orchestration_parameters", "attempt_count")).To(BeEquivalentTo(defaultAttempts), "the service's bound")
	g.Expect(at(out, "previous_attempt_results")).To(HaveLen(2))
	g.Expect(at(out, "perspectives", 0, "perspective_code")).To(Equal("a"), "the first cohort's turn again")
	g.Expect(s.remotes[0].asked).To(HaveLen(2), "and it is asked again")

	s = serve(g, two).let("a b", says(mismatch()))
	out = s.mpic(g, fmt.Sprintf(caaRequest, `{"perspective_count":3,"max_attempts":3,"cohort_for_single_attempt":2}`))
	g.Expect(out["is_valid"]).To(BeTrue())
	g.Expect(at(out, "actual_orchestration_parameters", "attempt_count")).To(BeEquivalentTo(1))
	g.Expect(at(out, "perspectives")).To(HaveLen(3))
	g.Expect(at(out, "perspectives", 0, "perspective_code")).To(Equal("d"))
}

func TestTheIncludedPrimaryIsShown(t *testing.T) {
	g := NewWithT(t)
	out := serve(g).mpic(g, fmt.Sprintf(caaRequest, "null"))
	g.Expect(at(out, "primary", "perspective_code")).To(Equal("primary"))
	g.Expect(at(out, "perspectives")).To(HaveLen(5), "the remotes alone")

	out = serve(g).let("primary", says(perspectives.Outcome{Verdict: perspectives.Error, Detail: "SERVFAIL"})).mpic(g, fmt.Sprintf(caaRequest, "null"))
	g.Expect(at(out, "is_valid")).To(BeFalse())
	g.Expect(at(out, "mpic_completed")).To(BeFalse())
	g.Expect(at(out, "perspectives", 0, "check_response", "errors", 0, "error_message")).To(ContainSubstring("not asked"))

	out = serve(g, atCaller).mpic(g, fmt.Sprintf(caaRequest, "null"))
	g.Expect(out).NotTo(HaveKey("primary"))
}

func TestHealthConfigAndMetrics(t *testing.T) {
	g := NewWithT(t)
	get := func(s *service, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8000"+path, nil))
		return w
	}
	s := serve(g)
	g.Expect(get(s, "/healthz").Body.String()).To(MatchJSON(`{"status":"healthy"}`))
	sick := serve(g, func(o *Options, _ *DeploymentConfig) { o.Healthy = func() error { return fmt.Errorf("disk full") } })
	g.Expect(get(sick, "/healthz").Code).To(Equal(http.StatusServiceUnavailable))
	g.Expect(get(sick, "/healthz").Body.String()).To(MatchJSON(`{"status":"unhealthy","reason":"disk full"}`))
	g.Expect(get(s, "/configz").Body.String()).To(And(
		ContainSubstring(`"open_mpic_api_spec_version":"3.9.0"`), ContainSubstring(`"default_perspective_count":5`), ContainSubstring(`"primary":"included"`)))

	s.mpic(g, fmt.Sprintf(caaRequest, "null"))
	s.post(g, "/mpic", `{"check_type":"nonsense"}`)
	g.Expect(get(s, "/metrics").Body.String()).To(And(
		ContainSubstring(`mpic_requests_total{check_type="caa",is_valid="true",status="ok"} 1`),
		ContainSubstring(`mpic_requests_total{check_type="",is_valid="false",status="error"} 1`),
		ContainSubstring(`mpic_perspective_responses_total{check_completed="true",check_passed="true",check_type="caa",perspective_code="primary"} 1`),
		ContainSubstring(`mpic_decisions_total{check_type="caa",reason="quorum-met"} 1`)))
	g.Expect(testutil.GatherAndLint(s.server.o.Registry)).To(BeEmpty())

	g.Expect(get(s, "/mpic").Code).To(Equal(http.StatusMethodNotAllowed))
	g.Expect(get(s, "/nowhere").Code).To(Equal(http.StatusNotFound))
}

func TestBoundsAndPanics(t *testing.T) {
	g := NewWithT(t)
	s := serve(g).let("c", func(perspectives.Check, *perspectives.Result) { panic("a secret") })
	status, out := s.post(g, "/mpic", fmt.Sprintf(caaRequest, "null"))
	g.Expect(status).To(Equal(http.StatusInternalServerError))
	g.Expect(mustJSON(out)).To(MatchJSON(`{"error":"internal server error"}`))

	status, _ = s.post(g, "/mpic", `{"x":"`+strings.Repeat("x", maxBody)+`"}`)
	g.Expect(status).To(Equal(http.StatusRequestEntityTooLarge))

	h := s.server.HTTPServer()
	for _, bound := range []time.Duration{h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout} {
		g.Expect(bound).To(BeNumerically(">", 0))
	}
}

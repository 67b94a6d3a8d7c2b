package remote_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/remote"
)

// exchange sends a body as the partner and returns status and body.
func (w *world) exchange(path, body string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.client.URL+path, strings.NewReader(body))
	w.g.Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Content-Type", "application/json")
	response, err := w.http().Do(r)
	w.g.Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	w.g.Expect(err).NotTo(HaveOccurred())
	return response.StatusCode, string(answer)
}

// TestOpenMPIC: the bodies of Open MPIC's own containers, there and back.
func TestOpenMPIC(t *testing.T) {
	const hash = "61rBZ_4knHblO0MNoxFsXZ_eTFUHum0B6IVRbhvUn5I"
	const hashInHex = "eb5ac167fe249c76e53b430da3116c5d9fde4c5507ba6d01e885516e1bd49f92"
	seen := func(o *perspectives.Outcome, s perspectives.Seen) { o.Seen = &s }
	for name, tc := range map[string]struct {
		path, body string
		says       func(r *perspectives.Result)
		asked      perspectives.Check
		answer     string
	}{
		"acme-http-01": {
			remote.PathOpenMPICDCV,
			`{"domain_or_ip_target":"example.com","trace_identifier":"t","dcv_check_parameters":{"validation_method":"acme-http-01","token":"` + token + `","key_authorization":"` + keyAuth + `","http_headers":null}}`,
			func(r *perspectives.Result) {
				seen(&r.DCV, perspectives.Seen{Web: &perspectives.SeenWeb{
					URL: "http://b/", Status: 200, Address: "192.0.2.1:80", Page: []byte("x"),
					Hops: []perspectives.Hop{{URL: "http://a/", Status: 302, Location: "/b"}},
				}})
			},
			perspectives.Check{
				Domain: "example.com", Questions: "dcv", Method: perspectives.HTTP01, Token: token, KeyAuthorization: keyAuth,
				DCV: perspectives.DCVParameters{ForeignToken: true},
			},
			`{"check_completed":true,"check_passed":true,"errors":null,"timestamp_ns":1797336000001000000,"check_type":"dcv","details":{"validation_method":"acme-http-01",
			 "response_history":[{"response_status_code":302,"response_url":"http://a/","status_code":302,"url":"/b"}],"response_url":"http://b/","response_status_code":200,"response_page":"eA==","resolved_ip":"192.0.2.1"}}`,
		},
		"acme-tls-alpn-01 in hexadecimal": {
			remote.PathOpenMPICDCV,
			`{"domain_or_ip_target":"192.0.2.1","dcv_check_parameters":{"validation_method":"acme-tls-alpn-01","key_authorization_hash":"` + hashInHex + `"}}`,
			func(r *perspectives.Result) { r.DCV.Verdict = perspectives.Fail; r.DCV.Seen = nil },
			perspectives.Check{Domain: "192.0.2.1", Questions: "dcv", Method: perspectives.TLSALPN01, DCV: perspectives.DCVParameters{KeyAuthorizationHash: hash}},
			`{"check_completed":true,"check_passed":false,"errors":null,"timestamp_ns":1797336000001000000,"check_type":"dcv","details":{"validation_method":"acme-tls-alpn-01","common_name":""}}`,
		},
		"dns-change that fails to be looked up": {
			remote.PathOpenMPICDCV,
			`{"domain_or_ip_target":"example.com","unknown":1,"dcv_check_parameters":{"validation_method":"dns-change","challenge_value":"v","dns_record_type":"TXT","dns_name_prefix":"_dcv","require_exact_match":false,"require_exact_case":false}}`,
			func(r *perspectives.Result) {
				r.DCV = perspectives.Outcome{Verdict: perspectives.Error, Reason: "timeout", Detail: "no reply"}
			},
			perspectives.Check{
				Domain: "example.com", Questions: "dcv", Method: perspectives.DNSChange,
				DCV: perspectives.DCVParameters{ChallengeValue: "v", DNSRecordType: "TXT", DNSNamePrefix: "_dcv", IgnoreCase: true},
			},
			`{"check_completed":false,"check_passed":false,"errors":[{"error_type":"mpic_error:dcv_checker:lookup","error_message":"timeout: no reply"}],"timestamp_ns":1797336000001000000,"check_type":"dcv",
			 "details":{"validation_method":"dns-change","records_seen":[],"response_code":0,"ad_flag":false,"found_at":"","cname_chain":null}}`,
		},
		"CAA with the partner's domains": {
			remote.PathOpenMPICCAA, `{"domain_or_ip_target":"example.com","caa_check_parameters":null}`,
			func(r *perspectives.Result) {
				seen(&r.CAA, perspectives.Seen{DNS: &perspectives.SeenDNS{Name: "example.com", FoundAt: "example.com", Records: []string{`0 issue "ca.example"`}}})
			},
			perspectives.Check{Domain: "example.com", Questions: "caa", IssuerDomains: []string{"ca.example"}},
			`{"check_completed":true,"check_passed":true,"errors":null,"timestamp_ns":1797336000001000000,"check_type":"caa","details":{"caa_record_present":true,"found_at":"example.com","records_seen":["0 issue \"ca.example\""]}}`,
		},
		"CAA without an answer": {
			remote.PathOpenMPICCAA, `{"domain_or_ip_target":"example.com","caa_check_parameters":{"certificate_type":"s-mime","caa_domains":["ca.example"],"allow_lookup_failure":true}}`,
			func(r *perspectives.Result) {
				r.CAA = perspectives.Outcome{Verdict: perspectives.Error, Reason: "servfail", Detail: "SERVFAIL"}
			},
			perspectives.Check{
				Domain: "example.com", Questions: "caa", IssuerDomains: []string{"ca.example"},
				CAA: perspectives.CAAParameters{CertificateType: perspectives.SMIME, AllowLookupFailure: true},
			},
			`{"check_completed":false,"check_passed":false,"errors":[{"error_type":"mpic_error:caa_checker:lookup","error_message":"servfail: SERVFAIL"}],"timestamp_ns":1797336000001000000,"check_type":"caa","details":{"caa_record_present":null,"found_at":null,"records_seen":null}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var asked perspectives.Check
			w := start(t, func(w *world) {
				w.runner.says = func(_ context.Context, c perspectives.Check, r *perspectives.Result) {
					asked = c
					tc.says(r)
				}
			})
			status, answer := w.exchange(tc.path, tc.body)
			w.g.Expect(status).To(Equal(http.StatusOK), answer)
			w.g.Expect(answer).To(MatchJSON(tc.answer))
			w.g.Expect(asked).To(Equal(tc.asked))
		})
	}
	w := start(t)
	for _, body := range []string{`{"domain_or_ip_target":"example.com"}`, `{"domain_or_ip_target":"a b","dcv_check_parameters":{"validation_method":"acme-dns-01"}}`} {
		status, answer := w.exchange(remote.PathOpenMPICDCV, body)
		var refusal remote.Refusal
		w.g.Expect(json.Unmarshal([]byte(answer), &refusal)).To(Succeed())
		w.g.Expect([]any{status, refusal.Code}).To(Equal([]any{400, "bad-check"}))
	}
}

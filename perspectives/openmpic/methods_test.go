package openmpic

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
	"mpicsim/perspectives/remote"
)

const (
	hash    = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"
	hashHex = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	token   = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
	keyAuth = token + ".NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
)

// TestParametersOfAllMethods: what each body makes the perspectives look for.
func TestParametersOfAllMethods(t *testing.T) {
	type dcv = perspectives.DCVParameters
	const account = "https://ca.example/acct/1"
	for body, tc := range map[string]struct {
		target string
		want   perspectives.Check // Questions and default issuers left out
	}{
		`{"validation_method":"acme-http-01","token":"` + token + `","key_authorization":"` + keyAuth + `","http_headers":{"User-Agent":"ca"}}`: {
			"", perspectives.Check{Token: token, KeyAuthorization: keyAuth, DCV: dcv{ForeignToken: true, HTTPHeaders: map[string]string{"User-Agent": "ca"}}},
		},
		`{"validation_method":"acme-dns-01","key_authorization_hash":"` + hash + `"}`:         {"", perspectives.Check{DCV: dcv{KeyAuthorizationHash: hash}}},
		`{"validation_method":"acme-tls-alpn-01","key_authorization_hash":"` + hashHex + `"}`: {"", perspectives.Check{DCV: dcv{KeyAuthorizationHash: hash}}},
		`{"validation_method":"acme-tls-alpn-01","key_authorization_hash":"` + hash + `"}`:    {"", perspectives.Check{DCV: dcv{KeyAuthorizationHash: hash}}},
		`{"validation_method":"dns-account-01","key_authorization_hash":"` + hash + `","acme_account_url":"` + account + `"}`: {
			"", perspectives.Check{DCV: dcv{KeyAuthorizationHash: hash}, AccountURI: account},
		},
		`{"validation_method":"website-change","challenge_value":"Xyz1","http_token_path":"f.txt","url_scheme":"https","match_regex":"^Xyz1$","http_headers":null,"require_exact_case":false}`: {
			"", perspectives.Check{DCV: dcv{ChallengeValue: "Xyz1", HTTPTokenPath: "f.txt", URLScheme: "https", MatchRegex: "^Xyz1$", IgnoreCase: true}},
		},
		`{"validation_method":"website-change","challenge_value":"","http_token_path":"f.txt","url_scheme":null,"match_regex":".*","require_exact_case":null}`: {
			"", perspectives.Check{DCV: dcv{HTTPTokenPath: "f.txt", MatchRegex: ".*"}},
		},
		`{"validation_method":"dns-change","challenge_value":"v","dns_record_type":"TXT","dns_name_prefix":"_dcv","require_exact_match":true,"require_exact_case":true}`: {
			"", perspectives.Check{DCV: dcv{ChallengeValue: "v", DNSRecordType: "TXT", DNSNamePrefix: "_dcv", RequireExactMatch: true}},
		},
		`{"validation_method":"dns-change","challenge_value":"v","dns_record_type":"CNAME","dns_name_prefix":null}`: {
			"", perspectives.Check{DCV: dcv{ChallengeValue: "v", DNSRecordType: "CNAME", IgnoreCase: true}},
		},
		`{"validation_method":"dns-persistent","issuer_domain_names":["ca.example"],"expected_account_uri":"` + account + `"}`: {
			"", perspectives.Check{IssuerDomains: []string{"ca.example"}, AccountURI: account},
		},
		`{"validation_method":"ip-persistent","issuer_domain_names":["ca.example"],"expected_account_uri":"` + account + `"}`: {
			"192.0.2.1", perspectives.Check{IssuerDomains: []string{"ca.example"}, AccountURI: account},
		},
		`{"validation_method":"contact-email-txt","challenge_value":"a@example.com","dns_name_prefix":"_validation-contactemail"}`: {"", perspectives.Check{DCV: dcv{ChallengeValue: "a@example.com", IgnoreCase: true}}},
		`{"validation_method":"contact-email-caa","challenge_value":"a@example.com"}`:                                              {"", perspectives.Check{DCV: dcv{ChallengeValue: "a@example.com", IgnoreCase: true}}},
		`{"validation_method":"contact-phone-txt","challenge_value":"555"}`:                                                        {"", perspectives.Check{DCV: dcv{ChallengeValue: "555", IgnoreCase: true}}},
		`{"validation_method":"contact-phone-caa","challenge_value":"555","dns_name_prefix":null}`:                                 {"", perspectives.Check{DCV: dcv{ChallengeValue: "555", IgnoreCase: true}}},
		`{"validation_method":"ip-address","dns_record_type":"AAAA","challenge_value":"2001:db8::1"}`:                              {"", perspectives.Check{DCV: dcv{ChallengeValue: "2001:db8::1", DNSRecordType: "AAAA"}}},
		`{"validation_method":"reverse-address-lookup","challenge_value":"host.example."}`:                                         {"1.2.0.192.in-addr.arpa", perspectives.Check{Domain: "192.0.2.1", DCV: dcv{ChallengeValue: "host.example."}}},
	} {
		t.Run(body, func(t *testing.T) {
			g := NewWithT(t)
			var method struct {
				Method perspectives.Method `json:"validation_method"`
			}
			g.Expect(json.Unmarshal([]byte(body), &method)).To(Succeed())
			want := tc.want
			want.Method, want.Questions = method.Method, perspectives.OnlyDCV
			target := tc.target
			if target == "" {
				target = "example.com"
			}
			if want.Domain == "" {
				want.Domain = target
			}
			if want.IssuerDomains == nil {
				want.IssuerDomains = []string{"ca.example"}
			}
			r, err := readRequest(strings.NewReader(`{"domain_or_ip_target":"` + target + `","check_type":"dcv","trace_identifier":null,"orchestration_parameters":null,"dcv_check_parameters":` + body + `}`))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.check([]string{"ca.example"})).To(Equal(want))

			s := serve(g)
			out := s.mpic(g, `{"domain_or_ip_target":"`+target+`","check_type":"dcv","dcv_check_parameters":`+body+`}`)
			g.Expect(out["is_valid"]).To(BeTrue(), "%v", out)
			g.Expect(mustJSON(out["dcv_check_parameters"])).To(MatchJSON(body), "echoed as it came")
			g.Expect(at(out, "perspectives", 0, "check_response", "details", "validation_method")).To(Equal(string(method.Method)))
			g.Expect(s.remotes[0].asked).To(HaveLen(1))
		})
	}
}

func TestEveryMethodHasAName(t *testing.T) {
	g := NewWithT(t)
	for _, m := range perspectives.Methods() {
		issues := (&dcvParameters{Method: string(m)}).issues()
		for _, i := range issues {
			g.Expect(i.Field).NotTo(HaveSuffix("validation_method"), "%s is known", m)
		}
		g.Expect(issues).NotTo(BeEmpty(), "%s needs something", m)
	}
}

func TestAddressOfReverse(t *testing.T) {
	for name, want := range map[string]string{
		"1.2.0.192.in-addr.arpa":  "192.0.2.1",
		"1.2.0.192.IN-ADDR.ARPA.": "192.0.2.1",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": "2001:db8::1",
		"192.0.2.1":                "192.0.2.1",
		"2.0.192.in-addr.arpa":     "2.0.192.in-addr.arpa",
		"x.2.0.192.in-addr.arpa":   "x.2.0.192.in-addr.arpa",
		"999.2.0.192.in-addr.arpa": "999.2.0.192.in-addr.arpa",
		"in-addr.arpa":             "in-addr.arpa",
		"arpa":                     "arpa",
		"":                         "",
	} {
		NewWithT(t).Expect(addressOfReverse(name)).To(Equal(want), name)
	}
}

// TestDetails: what perspectives saw, in both dialects.
func TestDetails(t *testing.T) {
	web := &perspectives.Seen{Web: &perspectives.SeenWeb{
		URL: "http://h/redirect-target", Status: 200, Address: "[2001:db8::1]:80", Page: []byte("päge"),
		Hops: []perspectives.Hop{{URL: "http://h/.well-known/acme-challenge/T", Status: 302, Location: "/redirect-target"}},
	}}
	dns := &perspectives.Seen{DNS: &perspectives.SeenDNS{
		Name: "_acme-challenge.h", FoundAt: "t2.example", Records: []string{"v"}, CNAMEs: []string{"t1.example.", "t2.example."}, DNSSEC: perspectives.Secure,
	}}
	const http01, dns01, alpn = perspectives.HTTP01, perspectives.DNS01, perspectives.TLSALPN01
	for name, tc := range map[string]struct {
		method  perspectives.Method
		dialect Dialect
		seen    *perspectives.Seen
		want    string
	}{
		"HTTP in the specification": {http01, DialectSpec, web, `{"validation_method":"acme-http-01","response_history":[{"response_status_code":302,"response_url":"http://h/.well-known/acme-challenge/T"}],
			"response_url":"http://h/redirect-target","response_status_code":200,"response_page":"päge","resolved_ip":"2001:db8::1"}`},
		"HTTP in the reference implementation": {http01, DialectCore, web, `{"validation_method":"acme-http-01","response_history":[{"status_code":302,"url":"/redirect-target"}],
			"response_url":"http://h/.well-known/acme-challenge/T","response_status_code":200,"response_page":"cMOkZ2U="}`},
		"HTTP without answer": {http01, DialectCore, nil, `{"validation_method":"acme-http-01","response_history":null,"response_url":null,"response_status_code":null,"response_page":null}`},
		"DNS":                 {dns01, DialectCore, dns, `{"validation_method":"acme-dns-01","records_seen":["v"],"response_code":0,"ad_flag":true,"found_at":"_acme-challenge.h","cname_chain":["t1.example.","t2.example."]}`},
		"DNS without records": {
			dns01, DialectSpec, &perspectives.Seen{DNS: &perspectives.SeenDNS{Name: "h", Rcode: 3, DNSSEC: perspectives.Insecure}},
			`{"validation_method":"acme-dns-01","records_seen":[],"response_code":3,"ad_flag":false,"found_at":"h","cname_chain":[]}`,
		},
		"DNS without answer": {dns01, DialectSpec, nil, `{"validation_method":"acme-dns-01","records_seen":null,"response_code":null,"ad_flag":null,"found_at":null,"cname_chain":null}`},
		"TLS":                {alpn, DialectSpec, &perspectives.Seen{TLS: &perspectives.SeenTLS{CommonName: "h"}}, `{"validation_method":"acme-tls-alpn-01","common_name":"h"}`},
		"TLS without answer": {alpn, DialectCore, nil, `{"validation_method":"acme-tls-alpn-01","common_name":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			v := view{check: perspectives.Check{Questions: perspectives.OnlyDCV, Method: tc.method}, method: tc.method, dialect: tc.dialect, pageLen: 100}
			NewWithT(t).Expect(mustJSON(v.details(tc.seen, perspectives.Outcome{}))).To(MatchJSON(tc.want))
		})
	}
}

// TestPages: 100 octets as text, a character more or less; or as many octets as
// the value has in base64.
func TestPages(t *testing.T) {
	g := NewWithT(t)
	page := func(d Dialect, pageLen int, body string) string {
		v := view{dialect: d, pageLen: pageLen}
		return *v.web(&perspectives.SeenWeb{Page: []byte(body)}).Page
	}
	g.Expect(page(DialectSpec, 100, strings.Repeat("x", 99)+"ä")).To(Equal(strings.Repeat("x", 99)))
	g.Expect(page(DialectSpec, 100, strings.Repeat("x", 98)+"ä.")).To(Equal(strings.Repeat("x", 98) + "ä"))
	g.Expect(page(DialectSpec, 100, "a\xffb")).To(Equal("a\ufffdb"))
	g.Expect(page(DialectSpec, 100, "")).To(BeEmpty())
	g.Expect(page(DialectCore, 3, "abcd")).To(Equal("YWJj"))
}

// TestErrors: Open MPIC's error types and messages for reasons.
func TestErrors(t *testing.T) {
	fail, broken := perspectives.Fail, perspectives.Error
	hops := &perspectives.Seen{Web: &perspectives.SeenWeb{Status: 303, Hops: []perspectives.Hop{{Status: 303, Location: "http://x:8080/"}}}}
	for reason, tc := range map[string]struct {
		verdict perspectives.Verdict
		seen    *perspectives.Seen
		want    string
	}{
		"txt-mismatch":                       {fail, nil, "null"},
		"lookup-failed":                      {broken, nil, `[{"error_type":"mpic_error:dcv_checker:lookup","error_message":"There was an error looking up the DCV record. Error type: lookup-failed, Error message: why"}]`},
		"something-new":                      {broken, nil, `[{"error_type":"mpic_error:dcv_checker:lookup","error_message":"There was an error looking up the DCV record. Error type: something-new, Error message: why"}]`},
		"http-status":                        {fail, &perspectives.Seen{Web: &perspectives.SeenWeb{Status: 404}}, `[{"error_type":"mpic_error:http","error_message":"An HTTP error occurred: Response status 404, Response reason: Not Found"}]`},
		"redirect-loop":                      {fail, &perspectives.Seen{Web: &perspectives.SeenWeb{Status: 301, Hops: []perspectives.Hop{{Status: 301}}}}, `[{"error_type":"mpic_error:redirect:invalid","error_message":"Invalid redirect. Redirect code: 301, target: why"}]`},
		"redirect-forbidden":                 {fail, hops, `[{"error_type":"mpic_error:redirect:invalid","error_message":"Invalid redirect. Redirect code: 303, target: http://x:8080/"}]`},
		"invalid-check":                      {fail, nil, `[{"error_type":"mpic_error:dcv_checker:parameter","error_message":"The provided parameter was invalid: why, Value provided: h"}]`},
		"certificate-not-one-san":            {fail, nil, `[{"error_type":"mpic_error:dcv_checker:tls_alpn:certificate:no_single_san","error_message":"why"}]`},
		"certificate-extension-not-critical": {fail, nil, `[{"error_type":"mpic_error:dcv_checker:tls_alpn:certificate:noncritical_alpn_extension","error_message":"why"}]`},
		"certificate-not-self-signed":        {fail, nil, `[{"error_type":"mpic_error:dcv_checker:tls_alpn:certificate:not-self-signed","error_message":"why"}]`},
	} {
		v := view{check: perspectives.Check{Questions: perspectives.OnlyDCV}, target: "h"}
		got := v.errors(perspectives.Outcome{Verdict: tc.verdict, Reason: reason, Detail: "why", Seen: tc.seen})
		NewWithT(t).Expect(mustJSON(got)).To(MatchJSON(tc.want), reason)
	}
}

// TestReasonsAreThoseOfOtherPackages: this package knows them as words.
func TestReasonsAreThoseOfOtherPackages(t *testing.T) {
	g := NewWithT(t)
	for reason, want := range map[string]string{
		dcv.ReasonLookupFailed: errorDCVLookup, dcv.ReasonBogus: errorDCVLookup, dcv.ReasonNameNotFound: errorDCVLookup,
		dcv.ReasonNoAddress: errorDCVLookup, dcv.ReasonConnectionFailed: errorDCVLookup, dcv.ReasonTimeout: errorDCVLookup,
		dcv.ReasonAddressForbidden: errorDCVLookup, dcv.ReasonNoTXT: errorDCVLookup, dcv.ReasonNoRecord: errorDCVLookup,
		dcv.ReasonALPN: errorDCVLookup, dcv.ReasonStatus: errorHTTP, dcv.ReasonRedirectForbidden: errorRedirect,
		dcv.ReasonRedirectLoop: errorRedirect, dcv.ReasonTooManyRedirects: errorRedirect, dcv.ReasonInvalidCheck: errorParameter,
		dcv.ReasonWildcard: errorParameter, dcv.ReasonValueInRequest: errorParameter,
		dcv.ReasonExtensionMissing: errorCertificate + "extension_missing", dcv.ReasonNotOneSAN: errorCertificate + "no_single_san",
		dcv.ReasonExtensionNotCritical: errorCertificate + "noncritical_alpn_extension",
		dcv.ReasonSANType:              errorCertificate + "san_type_not_match", dcv.ReasonSANMismatch: errorCertificate + "san_not_hostname",
		dcv.ReasonMismatch: "", dcv.ReasonTXTMismatch: "", dcv.ReasonValueNotFound: "", dcv.ReasonMatches: "",
	} {
		g.Expect(errorType(reason)).To(Equal(want), reason)
	}
	for _, reason := range []string{
		remote.ReasonUnreachable, remote.ReasonTimeout, remote.ReasonCancelled, remote.ReasonAuthentication, remote.ReasonRefused,
		remote.ReasonTooLarge, remote.ReasonBadRequest, remote.ReasonBadAnswer, remote.ReasonWrongVersion, remote.ReasonBadSignature,
		remote.ReasonWrongPerspective, remote.ReasonWrongRegion, remote.ReasonReplayed, remote.ReasonWrongRequest,
		remote.ReasonWrongQuestions, remote.ReasonClockSkew, remote.ReasonMissingVerdict, remote.ReasonUnaskedVerdict,
	} {
		g.Expect(unanswered(reason)).To(BeTrue(), reason)
	}
	g.Expect(unanswered(dcv.ReasonTimeout)).To(BeFalse())
}

// TestFixedParametersAreEchoed in the reference implementation's dialect.
func TestFixedParametersAreEchoed(t *testing.T) {
	g := NewWithT(t)
	out := serve(g, core).mpic(g, `{"domain_or_ip_target":"example.com","check_type":"dcv","dcv_check_parameters":{"validation_method":"contact-email-txt","challenge_value":"a@example.com","dns_name_prefix":null}}`)
	g.Expect(mustJSON(out["dcv_check_parameters"])).To(MatchJSON(`{"validation_method":"contact-email-txt","challenge_value":"a@example.com","dns_name_prefix":"_validation-contactemail","dns_record_type":"TXT"}`))
}

// TestChecksThatMakeNoSense are answered 200: nobody could have seen anything.
func TestChecksThatMakeNoSense(t *testing.T) {
	for body, inReason := range map[string]string{
		`{"domain_or_ip_target":"not a name","check_type":"caa"}`: "not a name",
		`{"domain_or_ip_target":"example.com","check_type":"dcv","dcv_check_parameters":{"validation_method":"acme-http-01","token":"` + token + `","key_authorization":"wrong"}}`:                        "wrong",
		`{"domain_or_ip_target":"example.com","check_type":"dcv","dcv_check_parameters":{"validation_method":"acme-tls-alpn-01","key_authorization_hash":"zz"}}`:                                          "zz",
		`{"domain_or_ip_target":"example.com","check_type":"dcv","orchestration_parameters":{"quorum_count":0},"dcv_check_parameters":{"validation_method":"acme-dns-01","key_authorization_hash":"zz"}}`: "zz",
	} {
		t.Run(body, func(t *testing.T) {
			g := NewWithT(t)
			s := serve(g, monitors)
			out := s.mpic(g, body)
			g.Expect(out["is_valid"]).To(BeFalse())
			g.Expect(out["mpic_completed"]).To(BeTrue())
			g.Expect(at(out, "decision", "reason")).To(Equal("bad-check"))
			g.Expect(at(out, "perspectives")).To(HaveLen(5))
			g.Expect(at(out, "perspectives", 4, "check_response", "errors", 0, "error_message")).To(ContainSubstring(inReason))
			g.Expect(s.primary.asked).To(BeEmpty())
		})
	}
}

func TestDraft(t *testing.T) {
	g := NewWithT(t)
	letsencrypt := &perspectives.Seen{DNS: &perspectives.SeenDNS{Name: "example.com", Records: []string{`0 issue "letsencrypt.org"`}}}
	s := serve(g)
	for _, f := range s.remotes {
		f.says = says(perspectives.Outcome{Verdict: perspectives.Pass, Seen: letsencrypt})
	}
	status, out := s.post(g, "/mpic/draft-00", `{"method":"caa","domain":"www.example.com"}`)
	g.Expect(status).To(Equal(http.StatusOK))
	delete(out, "decision")
	g.Expect(mustJSON(out)).To(MatchJSON(`{"success":true,"perspectives":{"a":{"success":true},"b":{"success":true},"c":{"success":true},"d":{"success":true},"e":{"success":true}},
		"caa":{"domain":"example.com","records":["AAVpc3N1ZWxldHNlbmNyeXB0Lm9yZw=="]}}`))

	asked := func(body string) perspectives.Check {
		s := serve(g)
		status, out := s.post(g, "/mpic/draft-00", body)
		g.Expect(status).To(Equal(http.StatusOK), "%v", out)
		g.Expect(out["success"]).To(BeTrue(), "%v", out)
		return s.primary.asked[0]
	}
	http01 := `"token":"` + token + `","key_authorization":"` + keyAuth + `"}`
	g.Expect(asked(`{"method":"http-acme","domain_or_ip":"example.com",` + http01).Questions).To(Equal(perspectives.Both))
	g.Expect(asked(`{"method":"http-acme","domain_or_ip":"example.com","caa_check":false,` + http01).Questions).To(Equal(perspectives.OnlyDCV))
	g.Expect(asked(`{"method":"http-acme","domain_or_ip":"192.0.2.1",` + http01).Questions).To(Equal(perspectives.OnlyDCV))
	dns := asked(`{"method":"dns","domain":"example.com","record-type":"TXT","prefix":"_dcv","expected":"v","caa":false}`)
	g.Expect(dns.DCV).To(Equal(perspectives.DCVParameters{DNSRecordType: "TXT", DNSNamePrefix: "_dcv", ChallengeValue: "v", RequireExactMatch: true}))

	_, out = serve(g).let("a b", says(mismatch())).post(g, "/mpic/draft-00", `{"method":"caa","domain":"example.com"}`)
	g.Expect(out["success"]).To(BeFalse())
	g.Expect(out["error"]).To(ContainSubstring("3 of 5 remotes corroborate"))
	for _, bad := range []string{`{}`, `{"method":"caa"}`, `{"method":"dns","domain":"a.example"}`, `{"method":"http-acme","domain_or_ip":"a.example"}`, `x`} {
		status, _ := serve(g).post(g, "/mpic/draft-00", bad)
		g.Expect(status).To(Equal(http.StatusBadRequest), bad)
	}
	_, out = serve(g).post(g, "/mpic/draft-00", `{"method":"caa","domain":"not a name"}`)
	g.Expect(out["success"]).To(BeFalse())
}

func TestCAAWire(t *testing.T) {
	g := NewWithT(t)
	wire := func(s string) string {
		b, ok := caaWire(s)
		g.Expect(ok).To(BeTrue(), s)
		return string(b)
	}
	g.Expect(wire(`128 iodef "a\"b\\c\010"`)).To(Equal("\x80\x05iodefa\"b\\c\n"))
	g.Expect(wire(`0 issue ";"`)).To(Equal("\x00\x05issue;"))
	g.Expect(wire(`0 issue ""`)).To(Equal("\x00\x05issue"))
	for _, bad := range []string{"", "0", "0 issue", "256 issue x", "x issue y"} {
		_, ok := caaWire(bad)
		g.Expect(ok).To(BeFalse(), bad)
	}
}

// FuzzRequest: no body makes the decoder panic, and what is understood means the
// same when it is written again.
func FuzzRequest(f *testing.F) {
	f.Add(`{"domain_or_ip_target":"example.com","check_type":"caa","orchestration_parameters":{"perspective_count":4,"quorum_count":3,"max_attempts":2,"cohort_for_single_attempt":null},"caa_check_parameters":{"certificate_type":"tls-server","caa_domains":["ca.example"],"allow_lookup_failure":false}}`)
	for _, p := range []string{
		`{"validation_method":"acme-http-01","token":"T","key_authorization":"T.thumb","http_headers":null}`,
		`{"validation_method":"acme-tls-alpn-01","key_authorization_hash":"` + hashHex + `"}`,
		`{"validation_method":"website-change","challenge_value":"v","http_token_path":"f.txt","url_scheme":"http","match_regex":null,"require_exact_case":true}`,
		`{"validation_method":"dns-change","challenge_value":"v","dns_record_type":"TXT","dns_name_prefix":"_dcv"}`,
		`{"validation_method":"dns-persistent","issuer_domain_names":["ca.example"],"expected_account_uri":"https://ca.example/acct/1"}`,
		`{"validation_method":"reverse-address-lookup","challenge_value":"host.example."}`,
		`{"validation_method":"ip-address","dns_record_type":"A","challenge_value":"192.0.2.1"}`,
	} {
		f.Add(`{"domain_or_ip_target":"1.2.0.192.in-addr.arpa","check_type":"dcv","dcv_check_parameters":` + p + `}`)
	}
	f.Add(`{"orchestration_parameters":{"quorum_count":"abc"}}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := readRequest(strings.NewReader(body))
		if err != nil {
			return
		}
		check := r.check(nil)
		again, err := readRequest(strings.NewReader(string(mustJSON(r))))
		if err != nil {
			t.Fatalf("%s: %v", mustJSON(r), err)
		}
		if before, after := string(mustJSON(check)), string(mustJSON(again.check(nil))); before != after {
			t.Fatalf("%s became %s", before, after)
		}
	})
}

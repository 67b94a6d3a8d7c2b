package openmpic

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"mpicsim/perspectives/ijson"
)

// The issue types of Open MPIC's answers 400.
const (
	requestInvalid     = "request-validation-failed"
	invalidCount       = "invalid-perspective-count"
	invalidQuorum      = "invalid-quorum-count"
	invalidCertificate = "invalid-certificate-type"
	invalidRecordType  = "invalid-validation-method-record-type-combination"
	emptyChallenge     = "empty-challenge-value"
	invalidAttempts    = "invalid-max-attempts" // ours
	invalidCohort      = "invalid-cohort-for-single-attempt"
)

// issue is one thing that is wrong with a request.
type issue struct {
	Type    string `json:"issue_type"`
	Message string `json:"message"`
	// Field is where, such as "dcv_check_parameters.token"; Open MPIC has no such
	// member.
	Field string `json:"field,omitempty"`
}

// invalidError is an answer 400.
type invalidError []issue

func (e invalidError) Error() string {
	lines := make([]string, len(e))
	for i, x := range e {
		lines[i] = x.Message
	}
	return strings.Join(lines, "; ")
}

// request is the body of POST /mpic. Explicit nulls are as good as absence, and
// members that nobody knows are ignored, as the reference implementation does; one
// whose name differs from a known one in nothing but case is refused. What each
// member may hold is in bounds.go.
type request struct {
	Target        string          `json:"domain_or_ip_target"`
	CheckType     string          `json:"check_type"`
	Trace         *string         `json:"trace_identifier"`
	Orchestration json.RawMessage `json:"orchestration_parameters"`
	DCV           json.RawMessage `json:"dcv_check_parameters"`
	CAA           json.RawMessage `json:"caa_check_parameters"`
	counts        orchestration   // what Orchestration says
	dcv           *dcvParameters  // what DCV says
	caa           *caaParameters  // what CAA says
}

// orchestration are the request's orchestration_parameters.
type orchestration struct {
	PerspectiveCount *count `json:"perspective_count"`
	QuorumCount      *count `json:"quorum_count"`
	MaxAttempts      *count `json:"max_attempts"`
	Cohort           *count `json:"cohort_for_single_attempt"`
}

// count is a whole number as it was written, so that an error can repeat what
// was found.
type count struct {
	value int
	ok    bool
	text  string
}

// UnmarshalJSON implements [json.Unmarshaler]; what is not a whole number of 32
// bits is kept as not ok.
func (c *count) UnmarshalJSON(text []byte) error {
	c.text = strings.Trim(string(text), `"`)
	if len(c.text) > maxCount {
		c.text = c.text[:maxCount] + "..."
	}
	var value int32
	if err := json.Unmarshal(text, &value); err == nil {
		c.value, c.ok = int(value), true
	}
	return nil
}

// MarshalJSON implements [json.Marshaler].
func (c count) MarshalJSON() ([]byte, error) { return json.Marshal(c.value) }

// dcvParameters are all parameters of all methods.
type dcvParameters struct {
	Method             string            `json:"validation_method"`
	Token              *string           `json:"token"`
	KeyAuthorization   *string           `json:"key_authorization"`
	KeyHash            *string           `json:"key_authorization_hash"`
	HTTPHeaders        map[string]string `json:"http_headers"`
	ChallengeValue     *string           `json:"challenge_value"`
	HTTPTokenPath      *string           `json:"http_token_path"`
	URLScheme          *string           `json:"url_scheme"`
	MatchRegex         *string           `json:"match_regex"`
	RequireExactCase   *bool             `json:"require_exact_case"`
	RequireExactMatch  *bool             `json:"require_exact_match"`
	DNSRecordType      *string           `json:"dns_record_type"`
	DNSNamePrefix      *string           `json:"dns_name_prefix"`
	IssuerDomains      []string          `json:"issuer_domain_names"`
	ExpectedAccountURI *string           `json:"expected_account_uri"`
	ACMEAccountURL     *string           `json:"acme_account_url"`
}

// caaParameters are the parameters of a CAA check. AccountURI and
// ValidationMethods (RFC 8657) are ours.
type caaParameters struct {
	CertificateType    *string  `json:"certificate_type"`
	Domains            []string `json:"caa_domains"`
	AllowLookupFailure *bool    `json:"allow_lookup_failure"`
	AccountURI         *string  `json:"account_uri"`
	ValidationMethods  []string `json:"validation_methods"`
}

// readRequest decodes a body and says what is wrong with it by itself. Whether
// the counts fit the fleet is for later. The request is nil if nothing could be
// read.
func readRequest(body io.Reader) (*request, error) {
	r := &request{}
	if err := decode(body, r); err != nil {
		return nil, err
	}
	var issues invalidError
	add := func(kind, field, format string, args ...any) {
		issues = append(issues, issue{kind, fmt.Sprintf(format, args...), field})
	}
	if issues = r.bounds(); len(issues) > 0 {
		return &request{}, issues // nothing of it is repeated
	}
	if r.Target == "" {
		add(requestInvalid, "domain_or_ip_target", "domain_or_ip_target: required")
	}
	if !isNull(r.Orchestration) {
		if err := decodePart("orchestration_parameters", r.Orchestration, &r.counts); err != nil {
			issues = append(issues, *err)
		}
	}
	switch r.CheckType {
	case "dcv":
		r.dcv = &dcvParameters{}
		if isNull(r.DCV) {
			add(requestInvalid, "dcv_check_parameters", "dcv_check_parameters: required")
		} else if err := decodePart("dcv_check_parameters", r.DCV, r.dcv); err != nil {
			issues = append(issues, *err)
		} else if out := r.dcv.bounds(); len(out) > 0 {
			return &request{CheckType: r.CheckType}, append(issues, out...)
		} else {
			issues = append(issues, r.dcv.issues()...)
		}
	case "caa":
		r.caa = &caaParameters{}
		if !isNull(r.CAA) {
			if err := decodePart("caa_check_parameters", r.CAA, r.caa); err != nil {
				issues = append(issues, *err)
			}
			if out := r.caa.bounds(); len(out) > 0 {
				return &request{CheckType: r.CheckType}, append(issues, out...)
			}
		}
		if t := value(r.caa.CertificateType); t != "" && t != "tls-server" && t != "s-mime" {
			add(invalidCertificate, "caa_check_parameters.certificate_type", "Invalid 'certificate_type' value: %s: expected tls-server or s-mime", t)
		}
	default:
		add(requestInvalid, "check_type", "check_type: found %q, expected dcv or caa", r.CheckType)
	}
	if len(issues) > 0 {
		return r, issues
	}
	return r, nil
}

// decode reads one JSON object and nothing behind it, under the rules of
// [ijson.Check]: what two programs could read in two ways is refused.
func decode(body io.Reader, into any) error {
	text, err := io.ReadAll(body)
	if err != nil {
		return unreadable(err)
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || trimmed[0] != '{' {
		return invalidError{{requestInvalid, "the body is not a JSON object", ""}}
	}
	if err := ijson.Decode(text, into, ijson.IgnoreUnknown); err != nil {
		return invalidError{jsonIssue("", err)}
	}
	return nil
}

// unreadable is the error for a body that did not come as it should.
func unreadable(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return err
	}
	return invalidError{{requestInvalid, "the body could not be read", ""}}
}

func decodePart(name string, text json.RawMessage, into any) *issue {
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || trimmed[0] != '{' {
		return &issue{requestInvalid, name + ": expected an object", name}
	}
	if err := ijson.Decode(text, into, ijson.IgnoreUnknown); err != nil {
		i := jsonIssue(name+".", err)
		return &i
	}
	return nil
}

// jsonIssue puts an error of the decoder in the words of a request.
func jsonIssue(prefix string, err error) issue {
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		field := strings.TrimSuffix(prefix+wrong.Field, ".")
		return issue{requestInvalid, fmt.Sprintf("%s: found a JSON %s, expected another type", field, wrong.Value), field}
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return issue{requestInvalid, "the body is not JSON: " + err.Error(), ""}
	}
	field := strings.TrimSuffix(prefix, ".")
	return issue{requestInvalid, fmt.Sprintf("%s: %v", cmp.Or(field, "the body"), err), field}
}

func isNull(text json.RawMessage) bool {
	trimmed := bytes.TrimSpace(text)
	return len(trimmed) == 0 || string(trimmed) == "null"
}

// value returns what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// issues says which parameters the method misses or cannot have.
func (d *dcvParameters) issues() (out invalidError) {
	const where = "dcv_check_parameters."
	require := func(name string, there bool) {
		if !there {
			out = append(out, issue{requestInvalid, where + name + ": required by " + d.Method, where + name})
		}
	}
	oneOf := func(types ...string) {
		require("dns_record_type", d.DNSRecordType != nil)
		if t := value(d.DNSRecordType); t != "" && !strings.Contains(" "+strings.Join(types, " ")+" ", " "+t+" ") {
			out = append(out, issue{invalidRecordType, fmt.Sprintf("Invalid validation method / record type combination: %s / %s", d.Method, t), where + "dns_record_type"})
		}
	}
	switch d.Method {
	case "acme-http-01":
		require("token", d.Token != nil)
		require("key_authorization", d.KeyAuthorization != nil)
	case "acme-dns-01", "acme-tls-alpn-01":
		require("key_authorization_hash", d.KeyHash != nil)
	case "dns-account-01":
		require("key_authorization_hash", d.KeyHash != nil)
		require("acme_account_url", d.ACMEAccountURL != nil)
	case "website-change":
		require("http_token_path", d.HTTPTokenPath != nil)
		require("challenge_value", d.ChallengeValue != nil)
		if d.ChallengeValue != nil && *d.ChallengeValue == "" && value(d.MatchRegex) == "" {
			out = append(out, issue{emptyChallenge, "challenge_value: empty, and no match_regex", where + "challenge_value"})
		}
		if s := value(d.URLScheme); s != "" && s != "http" && s != "https" {
			out = append(out, issue{requestInvalid, fmt.Sprintf("%surl_scheme: found %q, expected http or https", where, s), where + "url_scheme"})
		}
	case "dns-change":
		require("challenge_value", d.ChallengeValue != nil)
		oneOf("CNAME", "TXT", "CAA")
	case "ip-address":
		require("challenge_value", d.ChallengeValue != nil)
		oneOf("A", "AAAA")
	case "contact-email-txt", "contact-phone-txt", "contact-email-caa", "contact-phone-caa", "reverse-address-lookup":
		require("challenge_value", d.ChallengeValue != nil)
	case "dns-persistent", "ip-persistent":
		require("issuer_domain_names", len(d.IssuerDomains) > 0)
		require("expected_account_uri", d.ExpectedAccountURI != nil)
	default:
		out = append(out, issue{requestInvalid, fmt.Sprintf("%svalidation_method: found %q, expected a method of Open MPIC", where, d.Method), where + "validation_method"})
	}
	return out
}

package remote

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"

	"mpicsim/perspectives"
	"mpicsim/perspectives/ijson"
)

// This file speaks to a coordinator of Open MPIC, which calls a perspective's
// /dcv and /caa (API 3.5 to 3.9 as open-mpic-core sends it). Requests have neither
// nonce nor expiry, answers neither identity nor signature: a partner must be
// allowed to use these paths.

// OpenMPICRequest is what Open MPIC's coordinator sends to one perspective.
// Members that it does not name are ignored, but for those that differ from one
// in nothing but case.
type OpenMPICRequest struct {
	Target          string       `json:"domain_or_ip_target"`
	TraceIdentifier string       `json:"trace_identifier,omitempty"`
	DCV             *OpenMPICDCV `json:"dcv_check_parameters,omitempty"`
	CAA             *OpenMPICCAA `json:"caa_check_parameters,omitempty"`
}

// OpenMPICDCV are the parameters of a domain control validation, those of all
// methods in one. A nil pointer stands for Open MPIC's default.
type OpenMPICDCV struct {
	ValidationMethod     perspectives.Method `json:"validation_method"`
	Token                string              `json:"token,omitempty"`
	KeyAuthorization     string              `json:"key_authorization,omitempty"`
	KeyAuthorizationHash string              `json:"key_authorization_hash,omitempty"`
	ChallengeValue       string              `json:"challenge_value,omitempty"`
	HTTPTokenPath        string              `json:"http_token_path,omitempty"`
	URLScheme            string              `json:"url_scheme,omitempty"`
	MatchRegex           string              `json:"match_regex,omitempty"`
	HTTPHeaders          map[string]string   `json:"http_headers,omitempty"`
	RequireExactMatch    bool                `json:"require_exact_match,omitempty"`
	RequireExactCase     *bool               `json:"require_exact_case,omitempty"`
	DNSRecordType        string              `json:"dns_record_type,omitempty"`
	DNSNamePrefix        string              `json:"dns_name_prefix,omitempty"`
	IssuerDomainNames    []string            `json:"issuer_domain_names,omitempty"`
	ExpectedAccountURI   string              `json:"expected_account_uri,omitempty"`
}

// OpenMPICCAA are the parameters of a CAA check.
type OpenMPICCAA struct {
	CertificateType    perspectives.CertificateType `json:"certificate_type,omitempty"`
	CAADomains         []string                     `json:"caa_domains,omitempty"`
	AllowLookupFailure bool                         `json:"allow_lookup_failure,omitempty"`
}

// OpenMPICResponse is what Open MPIC's coordinator expects of one perspective.
type OpenMPICResponse struct {
	CheckCompleted bool            `json:"check_completed"`
	CheckPassed    bool            `json:"check_passed"`
	Errors         []OpenMPICError `json:"errors"`
	TimestampNS    int64           `json:"timestamp_ns"`
	CheckType      string          `json:"check_type"`
	Details        OpenMPICDetails `json:"details"`
}

// OpenMPICError is an error in Open MPIC's words.
type OpenMPICError struct {
	Type    string `json:"error_type"`
	Message string `json:"error_message"`
}

// OpenMPICDetails is what was seen: an [OpenMPICWeb], [OpenMPICDNS],
// [OpenMPICTLS] or [OpenMPICCAADetails].
type OpenMPICDetails interface{ openMPIC() }

func (OpenMPICWeb) openMPIC()        {}
func (OpenMPICDNS) openMPIC()        {}
func (OpenMPICTLS) openMPIC()        {}
func (OpenMPICCAADetails) openMPIC() {}

// OpenMPICWeb is what HTTP methods saw.
type OpenMPICWeb struct {
	ValidationMethod   perspectives.Method `json:"validation_method"`
	ResponseHistory    []OpenMPICHop       `json:"response_history"`
	ResponseURL        string              `json:"response_url"`
	ResponseStatusCode int                 `json:"response_status_code"`
	// ResponsePage is the beginning of the body, in base64.
	ResponsePage []byte `json:"response_page"`
	ResolvedIP   string `json:"resolved_ip,omitempty"`
}

// OpenMPICHop is one redirect, in both spellings that are in use.
type OpenMPICHop struct {
	ResponseStatusCode int    `json:"response_status_code"`
	ResponseURL        string `json:"response_url"` // what was asked
	StatusCode         int    `json:"status_code"`
	URL                string `json:"url"` // where it led
}

// OpenMPICDNS is what DNS methods saw.
type OpenMPICDNS struct {
	ValidationMethod perspectives.Method `json:"validation_method"`
	RecordsSeen      []string            `json:"records_seen"`
	ResponseCode     int                 `json:"response_code"`
	ADFlag           bool                `json:"ad_flag"`
	FoundAt          string              `json:"found_at"`
	CNAMEChain       []string            `json:"cname_chain"`
}

// OpenMPICTLS is what acme-tls-alpn-01 saw.
type OpenMPICTLS struct {
	ValidationMethod perspectives.Method `json:"validation_method"`
	CommonName       string              `json:"common_name"`
}

// OpenMPICCAADetails is what the CAA check saw; null stands for an error.
type OpenMPICCAADetails struct {
	CAARecordPresent *bool    `json:"caa_record_present"`
	FoundAt          *string  `json:"found_at"`
	RecordsSeen      []string `json:"records_seen"`
}

// openMPIC serves one of Open MPIC's paths.
func (s *Server) openMPIC(question perspectives.Questions) func(http.ResponseWriter, *http.Request, Partner) *Refusal {
	return func(w http.ResponseWriter, r *http.Request, p Partner) *Refusal {
		if !p.OpenMPIC {
			return refuse(codePathRefused, "partner %q may not use Open MPIC's paths", p.Name)
		}
		body, refusal := s.readBody(w, r, p)
		if refusal != nil {
			return refusal
		}
		var q OpenMPICRequest
		if err := ijson.Decode(body, &q, ijson.IgnoreUnknown); err != nil {
			return refuse(codeBadRequest, "the request: %v", wellPut(err))
		}
		c, err := q.check(question, p)
		if err != nil {
			return refuse(codeBadCheck, "the request: %v", err)
		}
		if len(q.TraceIdentifier) > maxTrace {
			return refuse(codeBadRequest, "trace_identifier: found %d octets, expected at most %d", len(q.TraceIdentifier), maxTrace)
		}
		admitted := func() *Refusal { return nil }
		result, refusal := s.run(r.Context(), p, job{check: c, trace: q.TraceIdentifier, path: r.URL.Path, admit: admitted})
		if refusal != nil {
			return refusal
		}
		writeJSON(w, http.StatusOK, openMPICResponse(c, result))
		return nil
	}
}

// check returns the request as a check. The issuer domains of a CAA check without
// any are all of the partner's.
func (q OpenMPICRequest) check(question perspectives.Questions, p Partner) (perspectives.Check, error) {
	c := perspectives.Check{Domain: q.Target, Questions: question}
	if question == perspectives.OnlyCAA {
		c.IssuerDomains = p.IssuerDomains
		if q.CAA != nil {
			c.CAA.CertificateType, c.CAA.AllowLookupFailure = q.CAA.CertificateType, q.CAA.AllowLookupFailure
			if len(q.CAA.CAADomains) > 0 {
				c.IssuerDomains = q.CAA.CAADomains
			}
		}
		return c, nil
	}
	if q.DCV == nil {
		return c, errors.New("dcv_check_parameters: missing")
	}
	d := *q.DCV
	c.Method, c.Token, c.KeyAuthorization = d.ValidationMethod, d.Token, d.KeyAuthorization
	c.IssuerDomains, c.AccountURI = d.IssuerDomainNames, d.ExpectedAccountURI
	c.DCV = perspectives.DCVParameters{
		KeyAuthorizationHash: unhex(d.KeyAuthorizationHash), ChallengeValue: d.ChallengeValue,
		HTTPTokenPath: d.HTTPTokenPath, URLScheme: d.URLScheme, MatchRegex: d.MatchRegex, HTTPHeaders: d.HTTPHeaders,
		RequireExactMatch: d.RequireExactMatch, IgnoreCase: d.RequireExactCase != nil && !*d.RequireExactCase,
		DNSRecordType: d.DNSRecordType, DNSNamePrefix: d.DNSNamePrefix,
	}
	switch c.Method {
	case perspectives.HTTP01:
		c.DCV.ForeignToken = true // nothing in the API says that the two agree
	case perspectives.ContactEmailTXT, perspectives.ContactEmailCAA, perspectives.ContactPhoneTXT, perspectives.ContactPhoneCAA:
		c.DCV.IgnoreCase = true // as open-mpic-core compares contacts
		c.DCV.DNSNamePrefix = ""
	default:
	}
	return c, nil
}

// unhex returns a digest of 64 hexadecimal digits, as open-mpic-core has it for
// acme-tls-alpn-01, in base64url; anything else as it is.
func unhex(digest string) string {
	if octets, err := hex.DecodeString(digest); err == nil && len(octets) == 32 {
		return base64.RawURLEncoding.EncodeToString(octets)
	}
	return digest
}

// openMPICResponse returns what was seen in Open MPIC's words.
func openMPICResponse(c perspectives.Check, r perspectives.Result) OpenMPICResponse {
	out, o := OpenMPICResponse{CheckType: "dcv", TimestampNS: r.Finished.UnixNano()}, r.DCV
	if c.Questions == perspectives.OnlyCAA {
		out.CheckType, o = "caa", r.CAA
		out.Details = caaDetails(o)
	} else {
		out.Details = dcvDetails(c.Method, o)
	}
	out.CheckPassed = o.Verdict == perspectives.Pass
	out.CheckCompleted = out.CheckPassed || o.Verdict == perspectives.Fail
	if o.Verdict == perspectives.Error {
		kind := "mpic_error:" + out.CheckType + "_checker:lookup"
		if _, web := out.Details.(OpenMPICWeb); web {
			kind = "mpic_error:http"
		}
		out.Errors = []OpenMPICError{{Type: kind, Message: o.Reason + ": " + o.Detail}}
	}
	return out
}

func dcvDetails(m perspectives.Method, o perspectives.Outcome) OpenMPICDetails {
	seen := o.Seen
	if seen == nil {
		seen = &perspectives.Seen{}
	}
	switch m {
	case perspectives.HTTP01, perspectives.WebsiteChange:
		return webDetails(m, seen.Web)
	case perspectives.TLSALPN01:
		d := OpenMPICTLS{ValidationMethod: m}
		if seen.TLS != nil {
			d.CommonName = seen.TLS.CommonName
		}
		return d
	default:
		return dnsDetails(m, seen.DNS)
	}
}

func webDetails(m perspectives.Method, seen *perspectives.SeenWeb) OpenMPICWeb {
	if seen == nil {
		return OpenMPICWeb{ValidationMethod: m}
	}
	d := OpenMPICWeb{ValidationMethod: m, ResponseURL: seen.URL, ResponseStatusCode: seen.Status, ResponsePage: seen.Page}
	if server, err := netip.ParseAddrPort(seen.Address); err == nil {
		d.ResolvedIP = server.Addr().String()
	}
	for _, h := range seen.Hops {
		d.ResponseHistory = append(d.ResponseHistory, OpenMPICHop{
			ResponseStatusCode: h.Status, ResponseURL: h.URL, StatusCode: h.Status, URL: h.Location,
		})
	}
	return d
}

func dnsDetails(m perspectives.Method, seen *perspectives.SeenDNS) OpenMPICDNS {
	if seen == nil {
		return OpenMPICDNS{ValidationMethod: m, RecordsSeen: []string{}}
	}
	return OpenMPICDNS{
		ValidationMethod: m, RecordsSeen: append([]string{}, seen.Records...), ResponseCode: seen.Rcode, FoundAt: seen.FoundAt,
		ADFlag: seen.DNSSEC == perspectives.Secure, CNAMEChain: seen.CNAMEs,
	}
}

func caaDetails(o perspectives.Outcome) OpenMPICCAADetails {
	if o.Verdict == perspectives.Error || o.Verdict == perspectives.Unanswered {
		return OpenMPICCAADetails{}
	}
	present := o.Seen != nil && o.Seen.DNS != nil && len(o.Seen.DNS.Records) > 0
	d := OpenMPICCAADetails{CAARecordPresent: &present}
	if present {
		d.FoundAt, d.RecordsSeen = &o.Seen.DNS.Name, o.Seen.DNS.Records
	}
	return d
}

package openmpic

import (
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"
	"unicode/utf8"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
)

// response is the body of an answer 200.
type response struct {
	Completed    bool                    `json:"mpic_completed"`
	Request      json.RawMessage         `json:"request_orchestration_parameters"`
	Actual       actualOrchestration     `json:"actual_orchestration_parameters"`
	CheckType    string                  `json:"check_type"`
	Target       string                  `json:"domain_or_ip_target"`
	IsValid      bool                    `json:"is_valid"`
	Trace        *string                 `json:"trace_identifier,omitempty"`
	DCV          json.RawMessage         `json:"dcv_check_parameters,omitempty"`
	CAA          json.RawMessage         `json:"caa_check_parameters,omitempty"`
	Perspectives []perspectiveResponse   `json:"perspectives"`
	Previous     [][]perspectiveResponse `json:"previous_attempt_results"`
	APIVersion   string                  `json:"api_version"`
	// Decision and Primary are ours: see the package comment.
	Decision *perspectives.Decision `json:"decision,omitempty"`
	Primary  *perspectiveResponse   `json:"primary,omitempty"`

	// monitoring says that IsValid is true although Decision refuses.
	monitoring bool
}

type actualOrchestration struct {
	Count    int `json:"perspective_count"`
	Quorum   int `json:"quorum_count"`
	Attempts int `json:"attempt_count"`
}

type perspectiveResponse struct {
	Code     string        `json:"perspective_code"`
	Response checkResponse `json:"check_response"`
}

type checkResponse struct {
	Completed bool         `json:"check_completed"`
	Passed    bool         `json:"check_passed"`
	Errors    []checkError `json:"errors"`
	Timestamp int64        `json:"timestamp_ns"`
	CheckType string       `json:"check_type"`
	Details   any          `json:"details"`
}

type checkError struct {
	Type    string `json:"error_type"`
	Message string `json:"error_message"`
}

// The details of a check by what was looked at. Members are null if nothing came.
type (
	dnsDetails struct {
		Method  perspectives.Method `json:"validation_method"`
		Records []string            `json:"records_seen"`
		Code    *int                `json:"response_code"`
		AD      *bool               `json:"ad_flag"`
		FoundAt *string             `json:"found_at"`
		CNAMEs  []string            `json:"cname_chain"`
	}
	httpDetails struct {
		Method     perspectives.Method `json:"validation_method"`
		History    []any               `json:"response_history"`
		URL        *string             `json:"response_url"`
		Status     *int                `json:"response_status_code"`
		Page       *string             `json:"response_page"`
		ResolvedIP *string             `json:"resolved_ip,omitempty"`
	}
	tlsDetails struct {
		Method     perspectives.Method `json:"validation_method"`
		CommonName *string             `json:"common_name"`
	}
	caaDetails struct {
		Present *bool   `json:"caa_record_present"`
		FoundAt *string `json:"found_at"`
		Records any     `json:"records_seen"` // a list, or one string in DialectSpec
	}
	hopSpec struct {
		Status int    `json:"response_status_code"`
		URL    string `json:"response_url"`
	}
	hopCore struct {
		Status int    `json:"status_code"`
		URL    string `json:"url"`
	}
)

// view shows the answers to one request in a dialect.
type view struct {
	check   perspectives.Check
	method  perspectives.Method // as the request names it
	dialect Dialect
	target  string
	trace   string
	pageLen int // octets of a page, for DialectCore
	clock   perspectives.Clock
}

func (s *Server) view(r *request, issuers []string) view {
	v := view{check: r.check(issuers), dialect: s.o.Dialect, target: r.Target, trace: value(r.Trace), clock: s.o.Clock, pageLen: 100}
	if r.dcv != nil {
		v.method = perspectives.Method(r.dcv.Method)
		v.pageLen = max(100, len(value(r.dcv.ChallengeValue)), len(value(r.dcv.MatchRegex)), len(value(r.dcv.KeyAuthorization)))
	}
	return v
}

func (v view) checkType() string {
	if v.check.Questions == perspectives.OnlyCAA {
		return "caa"
	}
	return "dcv"
}

// outcome returns the answer to the question that was asked; of two, the one that
// does not pass.
func (v view) outcome(r perspectives.Result) perspectives.Outcome {
	switch {
	case v.check.Questions == perspectives.OnlyCAA,
		v.check.Questions == perspectives.Both && r.DCV.Verdict == perspectives.Pass && r.CAA.Verdict != perspectives.Pass:
		return r.CAA
	}
	return r.DCV
}

// perspective shows one perspective's answer.
func (v view) perspective(a coordinator.Answer) perspectiveResponse {
	out := perspectiveResponse{Code: a.Perspective.Name, Response: checkResponse{CheckType: v.checkType()}}
	at := a.Result.Finished
	if at.IsZero() {
		at = v.clock()
	}
	out.Response.Timestamp = at.UnixNano()
	o := v.outcome(a.Result)
	if !a.Attempted || a.Fault != "" || o.Verdict == perspectives.Unanswered || o.Verdict == perspectives.Error && unanswered(o.Reason) {
		out.Response.Errors = []checkError{v.remoteCheck(a)}
		out.Response.Details = v.details(nil, perspectives.Outcome{})
		return out
	}
	out.Response.Completed = o.Verdict != perspectives.Error
	out.Response.Passed = a.Corroborates()
	out.Response.Errors = v.errors(o)
	out.Response.Details = v.details(o.Seen, o)
	return out
}

// refusal shows that nobody needed to be asked.
func (v view) refusal(name string, d perspectives.Decision) perspectiveResponse {
	kind, message := errorParameter, "The provided parameter was invalid: "+d.Detail+", Value provided: "+v.target
	if v.checkType() == "caa" {
		kind, message = errorCAALookup, "There was an error looking up the CAA record: "+d.Detail
	}
	return perspectiveResponse{Code: name, Response: checkResponse{
		Completed: true, CheckType: v.checkType(), Timestamp: v.clock().UnixNano(),
		Errors: []checkError{{kind, message}}, Details: v.details(nil, perspectives.Outcome{}),
	}}
}

// details shows what a perspective saw.
func (v view) details(seen *perspectives.Seen, o perspectives.Outcome) any {
	if seen == nil {
		seen = &perspectives.Seen{}
	}
	if v.checkType() == "caa" {
		return v.caa(seen.DNS, o)
	}
	switch v.check.Method {
	case perspectives.HTTP01, perspectives.WebsiteChange:
		return v.web(seen.Web)
	case perspectives.TLSALPN01:
		d := tlsDetails{Method: v.method}
		if seen.TLS != nil {
			d.CommonName = &seen.TLS.CommonName
		} else if v.dialect != DialectCore {
			d.CommonName = new(string) // the specification has no null here
		}
		return d
	case perspectives.DNS01, perspectives.DNSChange, perspectives.DNSAccount01, perspectives.DNSPersistent,
		perspectives.ContactEmailTXT, perspectives.ContactEmailCAA, perspectives.ContactPhoneTXT,
		perspectives.ContactPhoneCAA, perspectives.IPAddress, perspectives.ReverseAddressLookup, perspectives.IPPersistent:
	}
	return v.dns(seen.DNS)
}

func (v view) dns(seen *perspectives.SeenDNS) dnsDetails {
	d := dnsDetails{Method: v.method}
	if seen == nil {
		return d
	}
	secure := seen.DNSSEC == perspectives.Secure
	d.Records, d.CNAMEs = append([]string{}, seen.Records...), append([]string{}, seen.CNAMEs...)
	d.Code, d.AD, d.FoundAt = &seen.Rcode, &secure, &seen.Name
	return d
}

func (v view) web(seen *perspectives.SeenWeb) httpDetails {
	d := httpDetails{Method: v.method}
	if seen == nil {
		return d
	}
	d.History = []any{}
	url := seen.URL
	for _, hop := range seen.Hops {
		if v.dialect == DialectCore {
			d.History = append(d.History, hopCore{hop.Status, hop.Location})
		} else {
			d.History = append(d.History, hopSpec{hop.Status, hop.URL})
		}
	}
	if v.dialect == DialectCore {
		if len(seen.Hops) > 0 {
			url = seen.Hops[0].URL
		}
		page := base64.StdEncoding.EncodeToString(seen.Page[:min(len(seen.Page), v.pageLen)])
		d.Page = &page
	} else {
		page := text(seen.Page[:min(len(seen.Page), 100)])
		d.Page = &page
		if addr, err := netip.ParseAddrPort(seen.Address); err == nil {
			ip := addr.Addr().String()
			d.ResolvedIP = &ip
		}
	}
	d.URL = &url
	if seen.Status != 0 {
		d.Status = &seen.Status
	}
	return d
}

// text returns octets as text; a character that was cut off at the end is left
// out, others that are none are replaced.
func text(b []byte) string {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if last := b[len(b)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				b = b[:len(b)-n]
			}
			break
		}
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}

func (v view) caa(seen *perspectives.SeenDNS, o perspectives.Outcome) caaDetails {
	var d caaDetails
	if o.Verdict != perspectives.Pass && o.Verdict != perspectives.Fail || o.LookupFailure != nil {
		if v.dialect != DialectCore {
			d.Present = new(bool) // the specification has no null here
		}
		return d // nothing is known about records
	}
	present := seen != nil && len(seen.Records) > 0
	d.Present = &present
	if !present {
		return d
	}
	d.FoundAt = &seen.Name
	if v.dialect == DialectCore {
		d.Records = seen.Records
	} else {
		d.Records = strings.Join(seen.Records, "\n")
	}
	return d
}

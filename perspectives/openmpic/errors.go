package openmpic

import (
	"fmt"
	"net/http"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
)

// Open MPIC's error types, as far as a perspective's answer has them.
const (
	errorCAALookup   = "mpic_error:caa_checker:lookup"
	errorDCVLookup   = "mpic_error:dcv_checker:lookup"
	errorParameter   = "mpic_error:dcv_checker:parameter"
	errorRemoteCheck = "mpic_error:coordinator:remote_check"
	errorHTTP        = "mpic_error:http"
	errorRedirect    = "mpic_error:redirect:invalid"
	errorCertificate = "mpic_error:dcv_checker:tls_alpn:certificate:"
)

// errorType returns Open MPIC's error type for the reason of a domain control
// validation, "" where it has none: a value that does not match is a result, not
// an error.
func errorType(reason string) string {
	switch reason {
	case "lookup-failed", "dnssec-bogus", "name-not-found", "no-address", "connection-failed", "timeout", "address-forbidden",
		"no-txt-record", "no-record", "alpn-not-negotiated":
		return errorDCVLookup
	case "http-status":
		return errorHTTP
	case "redirect-forbidden", "redirect-loop", "too-many-redirects":
		return errorRedirect
	case "invalid-check", "wildcard-not-suitable", "value-in-request":
		return errorParameter
	case "certificate-extension-missing":
		return errorCertificate + "extension_missing"
	case "certificate-extension-not-critical":
		return errorCertificate + "noncritical_alpn_extension"
	case "certificate-not-one-san":
		return errorCertificate + "no_single_san"
	case "certificate-san-type":
		return errorCertificate + "san_type_not_match"
	case "certificate-san-mismatch":
		return errorCertificate + "san_not_hostname"
	case "certificate-malformed", "certificate-duplicate-extension", "certificate-not-self-signed", "certificate-extension-malformed":
		return errorCertificate + reason[len("certificate-"):] // ours
	}
	return ""
}

// unanswered says whether a reason of package remote means that there is no answer
// of the perspective, or none to believe, rather than one about the target.
func unanswered(reason string) bool {
	switch reason {
	case "remote-unreachable", "remote-timeout", "cancelled", "remote-authentication", "refused-by-remote", "answer-too-large",
		"bad-request", "bad-answer", "wrong-version", "bad-signature", "wrong-perspective", "wrong-region", "replayed",
		"wrong-request", "wrong-questions", "clock-skew", "missing-verdict", "unrequested-answer":
		return true
	}
	return false
}

// errors returns what kept a perspective from seeing what it should, nil if
// nothing did.
func (v view) errors(o perspectives.Outcome) []checkError {
	if o.Verdict == perspectives.Pass {
		return nil
	}
	if v.checkType() == "caa" {
		if o.Verdict == perspectives.Fail {
			return nil // the records forbid it, which is a result
		}
		return []checkError{{errorCAALookup, fmt.Sprintf("There was an error looking up the CAA record: %s", o.Detail)}}
	}
	kind := errorType(o.Reason)
	if kind == "" && o.Verdict == perspectives.Error {
		kind = errorDCVLookup
	}
	if kind == "" {
		return nil
	}
	status := 0
	if o.Seen != nil && o.Seen.Web != nil {
		status = o.Seen.Web.Status
	}
	message := o.Detail
	switch kind {
	case errorDCVLookup:
		message = fmt.Sprintf("There was an error looking up the DCV record. Error type: %s, Error message: %s", o.Reason, o.Detail)
	case errorHTTP:
		message = fmt.Sprintf("An HTTP error occurred: Response status %d, Response reason: %s", status, http.StatusText(status))
	case errorRedirect:
		target := o.Detail
		if w := o.Seen; w != nil && w.Web != nil && len(w.Web.Hops) > 0 {
			if last := w.Web.Hops[len(w.Web.Hops)-1]; last.Location != "" {
				target = last.Location
			}
		}
		message = fmt.Sprintf("Invalid redirect. Redirect code: %d, target: %s", status, target)
	case errorParameter:
		message = fmt.Sprintf("The provided parameter was invalid: %s, Value provided: %s", o.Detail, v.target)
	}
	return []checkError{{kind, message}}
}

// remoteCheck says why there is no answer of a perspective that counts.
func (v view) remoteCheck(a coordinator.Answer) checkError {
	why := "no answer"
	switch {
	case !a.Attempted:
		why = "not asked, since the primary does not pass"
	case a.Fault == coordinator.Misconfigured:
		why = fmt.Sprintf("the answer is of perspective %q in %v, or to another question", a.Result.Perspective, a.Result.RIR)
	case a.Fault == coordinator.TimedOut:
		why = "timed out"
	case a.Fault == coordinator.Cancelled:
		why = "cancelled, since the decision was certain without it"
	case a.Fault != "":
		why = a.Fault
	case v.outcome(a.Result).Detail != "":
		why = v.outcome(a.Result).Detail
	}
	return checkError{errorRemoteCheck, fmt.Sprintf(
		"The remote check failed to complete: Check failed for perspective %s, target %s: %s; trace ID: %s",
		a.Perspective.Name, v.target, why, v.trace)}
}

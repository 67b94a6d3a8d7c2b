package dcv

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"mpicsim/perspectives"
)

// challengePath is where an http-01 response lies (RFC 8555 8.3).
const challengePath = "/.well-known/acme-challenge/"

// slack is how many octets of trailing white space a body may have.
const slack = 128

// http01 is one http-01 check under way.
type http01 struct {
	*Validator
	resolver Resolver
	check    perspectives.Check
	evidence []perspectives.Evidence
	targets  []string
}

// run fetches the challenge from port 80 of the domain, follows redirects as far
// as they are allowed, and compares the body with the key authorization
// (RFC 8555 8.3, BR 3.2.2.4.19).
func (h *http01) run(ctx context.Context) perspectives.Outcome {
	if strings.HasPrefix(h.check.Domain, "*.") {
		return failed(ReasonWildcard, "http-01 cannot validate the wildcard name %s", h.check.Domain)
	}
	at := &url.URL{Scheme: "http", Host: h.check.Domain, Path: challengePath + h.check.Token}
	visited := []string{at.String()}
	for {
		resp, end := h.get(ctx, at)
		if end != nil {
			return *end
		}
		if !resp.isRedirect() {
			return h.judge(at, resp)
		}
		next, err := h.judgeRedirect(at, resp)
		switch {
		case err != nil:
			return failed(ReasonRedirectForbidden, "%s redirects with %s: %v", at, resp.status, err)
		case slices.Contains(visited, next.String()):
			return failed(ReasonRedirectLoop, "%s redirects back to %s", at, next)
		case len(visited) > h.o.MaxRedirects:
			return failed(ReasonTooManyRedirects, "more than %d redirects, the last one to %s", h.o.MaxRedirects, next)
		}
		visited = append(visited, next.String())
		at = next
	}
}

// judge compares the final response with the key authorization. The BR ask for
// any 2xx status. White space at the end of the body is ignored, and nothing
// else (RFC 8555 8.3).
func (h *http01) judge(at *url.URL, resp *response) perspectives.Outcome {
	if resp.code < 200 || resp.code > 299 {
		return failed(ReasonStatus, "%s answered %s, expected 2xx", at, resp.status)
	}
	o := perspectives.Outcome{Clause: clauseBody}
	if !resp.cut && strings.TrimRight(resp.body, " \t\r\n\v\f") == h.check.KeyAuthorization {
		o.Verdict, o.Reason = perspectives.Pass, ReasonMatches
		o.Detail = fmt.Sprintf("%s has the key authorization", at)
		return o
	}
	o.Verdict, o.Reason = perspectives.Fail, ReasonMismatch
	o.Detail = fmt.Sprintf("%s has %s, expected the key authorization %q", at, resp.quoted(), h.check.KeyAuthorization)
	return o
}

func failed(reason, format string, args ...any) perspectives.Outcome {
	return perspectives.Outcome{
		Verdict: perspectives.Fail, Reason: reason, Clause: clauseHTTP01, Detail: fmt.Sprintf(format, args...),
	}
}

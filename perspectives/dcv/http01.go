package dcv

import (
	"context"
	"net/url"
	"strings"

	"mpicsim/perspectives"
)

// challengePath is where an http-01 response lies (RFC 8555 8.3).
const challengePath = "/.well-known/acme-challenge/"

// slack is how many octets of trailing white space a body may have.
const slack = 128

// http01 fetches the challenge from port 80 of the domain or IP address, follows
// redirects as far as they are allowed, and compares the body with the key
// authorization (RFC 8555 8.3, RFC 8738 4; BR 3.2.2.4.19, 3.2.2.5.6). White space
// at the end of the body is ignored, and nothing else.
func (v *validation) http01(ctx context.Context) perspectives.Outcome {
	want := v.check.KeyAuthorization
	start := &url.URL{Scheme: "http", Host: v.urlHost(), Path: challengePath + v.check.Token}
	resp, at, end := v.follow(ctx, start, fetch{limit: len(want) + slack})
	if end == nil {
		end = v.judgeStatus(at, resp)
	}
	if end != nil {
		return *end
	}
	v.clause = clauseBody
	if !resp.cut && strings.TrimRight(resp.body, " \t\r\n\v\f") == want {
		return v.passed(ReasonMatches, "%s has the key authorization", at)
	}
	return v.failed(ReasonMismatch, "%s has %s, expected the key authorization %q", at, resp.quoted(), want)
}

// urlHost returns the target as the host of a URL.
func (v *validation) urlHost() string {
	if addr, ok := v.check.Address(); ok && addr.Is6() {
		return "[" + addr.String() + "]"
	}
	return v.check.Domain
}

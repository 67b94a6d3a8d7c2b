package dcv

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/resolver"
)

// validateDNS01 looks for the digest of the key authorization in a TXT record
// at _acme-challenge under the domain, or where an alias there leads
// (RFC 8555 8.4). One of several records is enough; the strings of a record are
// concatenated. A wildcard is validated at the name below it.
func validateDNS01(ctx context.Context, r Resolver, c perspectives.Check) (perspectives.Outcome, []string) {
	name := "_acme-challenge." + strings.TrimPrefix(c.Domain, "*.")
	o := perspectives.Outcome{Clause: clauseDNS01}
	a, err := r.Lookup(ctx, name, dns.TypeTXT)
	if err != nil {
		o.Verdict, o.Reason, o.Detail = perspectives.Error, ReasonLookupFailed, err.Error()
		o.Evidence = resolver.TraceOf(err)
		return o, nil
	}
	o.Evidence = a.Trace
	targets := []string{a.Server.String()}

	digest := sha256.Sum256([]byte(c.KeyAuthorization))
	want := base64.RawURLEncoding.EncodeToString(digest[:])
	records := 0
	for _, rr := range a.Records {
		txt, ok := rr.(*dns.TXT)
		if !ok {
			continue
		}
		records++
		// Package dns escapes what is not plain text; nothing escaped can equal
		// base64url.
		if strings.Join(txt.Txt, "") == want {
			o.Verdict, o.Reason = perspectives.Pass, ReasonMatches
			o.Detail = fmt.Sprintf("a TXT record at %s has the digest of the key authorization", name)
			return o, targets
		}
	}
	o.Verdict = perspectives.Fail
	switch {
	case records > 0:
		o.Reason = ReasonTXTMismatch
		o.Detail = fmt.Sprintf("none of the %d TXT records at %s is %q", records, name, want)
	case a.Rcode == dns.RcodeNameError:
		o.Reason, o.Detail = ReasonNoTXT, name+" does not exist"
	default:
		o.Reason, o.Detail = ReasonNoTXT, name+" has no TXT record"
	}
	return o, targets
}

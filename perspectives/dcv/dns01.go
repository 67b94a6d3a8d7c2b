package dcv

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
)

// dns01 looks for the digest of the key authorization in a TXT record at
// _acme-challenge under the domain, or where an alias there leads
// (RFC 8555 8.4, BR 3.2.2.4.7). A wildcard is validated at the name below it.
func (v *validation) dns01(ctx context.Context) perspectives.Outcome {
	return v.digestRecord(ctx, "_acme-challenge."+v.check.Name())
}

// dnsAccount01 looks for it at a name that belongs to the account
// (draft-ietf-acme-dns-account-label-00, BR 3.2.2.4.21).
func (v *validation) dnsAccount01(ctx context.Context) perspectives.Outcome {
	return v.digestRecord(ctx, AccountLabel(v.check.AccountURI)+"._acme-challenge."+v.check.Name())
}

// AccountLabel returns the label that stands for an account in dns-account-01:
// an underscore and the first ten octets of the SHA-256 of the account's URI in
// lower-case base32.
func AccountLabel(accountURI string) string {
	digest := sha256.Sum256([]byte(accountURI))
	return "_" + strings.ToLower(base32.StdEncoding.EncodeToString(digest[:10]))
}

// digestRecord passes if one of the TXT records at name is the digest of the key
// authorization, to the octet; the strings of a record are joined.
func (v *validation) digestRecord(ctx context.Context, name string) perspectives.Outcome {
	a, end := v.records(ctx, name, dns.TypeTXT)
	if end != nil {
		return *end
	}
	found, want := texts(a), v.check.KeyHash()
	switch {
	case slices.Contains(found, want):
		return v.passed(ReasonMatches, "a TXT record at %s has the digest of the key authorization", name)
	case len(found) > 0:
		return v.failed(ReasonTXTMismatch, "none of the %d TXT records at %s is %q", len(found), name, want)
	}
	return v.absent(ReasonNoTXT, name, a, "TXT")
}

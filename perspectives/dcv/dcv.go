// Package dcv validates the control of a domain as one perspective sees it, one
// file for each method: http-01 (BR 3.2.2.4.19, RFC 8555 8.3) and dns-01
// (BR 3.2.2.4.7, RFC 8555 8.4).
//
// Names are resolved by the resolver given, connections are made through the
// network given, and nothing else of the host is used: no proxy, no cookie, no
// kept connection, no cache. Requests are made one after the other.
//
// Not modelled: ACME orders, the age of a token, domain reuse, proofs for IP
// addresses and for onion names.
//
// Timeouts run on the operating system's clock, time stamps on the perspective's.
// A [Validator] is immutable and safe for concurrent use.
package dcv

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/resolver"
)

// The reasons of an outcome.
const (
	// ReasonMatches: the key authorization, or its digest for dns-01, was
	// found. Pass.
	ReasonMatches = "key-authorization-matches"
	// ReasonMismatch: the body is not the key authorization. Fail.
	ReasonMismatch = "key-authorization-mismatch"
	// ReasonStatus: the HTTP status is neither 2xx nor a redirect. Fail.
	ReasonStatus = "http-status"
	// ReasonRedirectForbidden: a redirect with another status than 301, 302, 307
	// and 308, or to a target that may not be followed. The target was not
	// contacted. Fail.
	ReasonRedirectForbidden = "redirect-forbidden"
	// ReasonRedirectLoop: a redirect to a URL already fetched. Fail.
	ReasonRedirectLoop = "redirect-loop"
	// ReasonTooManyRedirects: more redirects than Options.MaxRedirects. Fail.
	ReasonTooManyRedirects = "too-many-redirects"
	// ReasonConnectionFailed: the web server could not be reached, or broke off,
	// or speaks neither HTTP nor TLS 1.2. Error.
	ReasonConnectionFailed = "connection-failed"
	// ReasonTimeout: the web server did not answer in time. Error.
	ReasonTimeout = "timeout"
	// ReasonNameNotFound: the name of the web server does not exist. Fail.
	ReasonNameNotFound = "name-not-found"
	// ReasonNoAddress: the name has neither A nor AAAA records. Fail.
	ReasonNoAddress = "no-address"
	// ReasonAddressForbidden: all its addresses are refused by Options.Allowed.
	// None was contacted. Fail.
	ReasonAddressForbidden = "address-forbidden"
	// ReasonLookupFailed: no usable answer from the DNS. Error.
	ReasonLookupFailed = "lookup-failed"
	// ReasonNoTXT: there is no TXT record where dns-01 wants one. Fail.
	ReasonNoTXT = "no-txt-record"
	// ReasonTXTMismatch: no TXT record has the digest. Fail.
	ReasonTXTMismatch = "txt-mismatch"
	// ReasonWildcard: the method cannot validate wildcard names. Fail.
	ReasonWildcard = "wildcard-not-suitable"
	// ReasonInvalidCheck: the check is not one that can be made, see
	// [Acceptable]. Nothing was contacted. Error.
	ReasonInvalidCheck = "invalid-check"
)

const (
	clauseHTTP01 = "BR 3.2.2.4.19"
	clauseDNS01  = "BR 3.2.2.4.7"
	clauseBody   = "RFC 8555 8.3"
	clauseKey    = "RFC 8555 8.1"
)

// Resolver looks up records, aliases included: a fresh session of package
// resolver, used by one check only.
type Resolver interface {
	Lookup(ctx context.Context, name string, qtype uint16) (*resolver.Answer, error)
}

// Options says how a [Validator] reaches web servers.
type Options struct {
	// Network carries the connections. Required.
	Network perspectives.Network
	// Clock stamps the evidence. Required.
	Clock perspectives.Clock
	// Allowed refuses addresses of web servers by returning an error; they are
	// then not contacted. Production uses [PublicOnly]; nil allows all.
	Allowed func(netip.Addr) error
	// UserAgent is sent with every request, "mpicsim" by default.
	UserAgent string
	// Timeout is how long each step may take: one connection, or one request
	// with its response. Default 10 s. DNS lookups have the resolver's limits,
	// and the whole check that of its context.
	Timeout time.Duration
	// MaxRedirects is how many redirects are followed, default 12. The BR set no
	// limit.
	MaxRedirects int
	// HTTPPort and HTTPSPort are where ports 80 and 443 are really connected
	// to: those two by default. Anything else is for tests on the loopback; URLs
	// and rules go on speaking of 80 and 443.
	HTTPPort, HTTPSPort uint16
}

// Validator makes the checks of one perspective. Create it with [New].
type Validator struct {
	o Options
}

// New returns a Validator, or an error that names the option that is missing or
// impossible.
func New(o Options) (*Validator, error) {
	switch {
	case o.Network == nil || o.Clock == nil:
		return nil, errors.New("dcv: Network and Clock are required")
	case o.Timeout < 0:
		return nil, fmt.Errorf("dcv: Timeout: found %v, expected a positive duration or 0 for the default", o.Timeout)
	case o.MaxRedirects < 0:
		return nil, fmt.Errorf("dcv: MaxRedirects: found %d, expected a positive number or 0 for the default", o.MaxRedirects)
	}
	if o.UserAgent == "" {
		o.UserAgent = "mpicsim"
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxRedirects == 0 {
		o.MaxRedirects = 12
	}
	if o.HTTPPort == 0 {
		o.HTTPPort = 80
	}
	if o.HTTPSPort == 0 {
		o.HTTPSPort = 443
	}
	return &Validator{o}, nil
}

// Validate makes the check by the method that it names. It returns the outcome
// with its evidence, and the addresses "ip:port" that were connected to, in
// order; for dns-01 that of the name server that gave the answer.
func (v *Validator) Validate(ctx context.Context, r Resolver, c perspectives.Check) (perspectives.Outcome, []string) {
	if err := Acceptable(c); err != nil {
		return perspectives.Outcome{
			Verdict: perspectives.Error, Reason: ReasonInvalidCheck, Clause: clauseKey, Detail: err.Error(),
		}, nil
	}
	if c.Method == perspectives.DNS01 {
		return validateDNS01(ctx, r, c)
	}
	h := &http01{Validator: v, resolver: r, check: c}
	o := h.run(ctx)
	o.Evidence = h.evidence
	return o, h.targets
}

// Acceptable returns an error that names the field that makes c no check that
// package dcv can make: an unknown method, a domain that is not a lower-case
// A-label name without trailing dot, a token or key authorization that is not
// of the form in RFC 8555 8.1.
func Acceptable(c perspectives.Check) error {
	if c.Method != perspectives.HTTP01 && c.Method != perspectives.DNS01 {
		return fmt.Errorf("method %q: expected %s or %s", c.Method, perspectives.HTTP01, perspectives.DNS01)
	}
	if err := checkDomain(c.Domain); err != nil {
		return fmt.Errorf("domain %q: %w", c.Domain, err)
	}
	token, thumbprint, found := strings.Cut(c.KeyAuthorization, ".")
	if !found || !isBase64URL(token) || !isBase64URL(thumbprint) {
		return fmt.Errorf("key authorization %q: expected TOKEN.THUMBPRINT, both in base64url without padding", c.KeyAuthorization)
	}
	if c.Method == perspectives.HTTP01 && c.Token != token {
		return fmt.Errorf("token %q: expected that of the key authorization, %q", c.Token, token)
	}
	return nil
}

func isBase64URL(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetterOrDigit(c) && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

func isLetterOrDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// checkDomain refuses what cannot be a dNSName in a certificate, but for a
// leading "*.".
func checkDomain(domain string) error {
	name := strings.TrimPrefix(domain, "*.")
	if name != strings.ToLower(name) {
		return errors.New("expected lower case")
	}
	if strings.Contains(name, "_") {
		return errors.New("expected letters, digits and hyphens only")
	}
	return checkHost(name)
}

// checkHost refuses what is not a host name of labels of letters, digits,
// hyphens and underscores; and names whose last label is a number, which some
// programs read as IP addresses.
func checkHost(name string) error {
	if len(name) > 253 {
		return fmt.Errorf("found %d octets, expected at most 253", len(name))
	}
	var last string
	for label := range strings.SplitSeq(name, ".") {
		last = label
		if label == "" || len(label) > 63 {
			return fmt.Errorf("label %q: expected 1 to 63 octets", label)
		}
		for i := range len(label) {
			if c := label[i]; !isLetterOrDigit(c) && c != '-' && c != '_' {
				return fmt.Errorf("label %q: expected letters, digits and hyphens", label)
			}
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return fmt.Errorf("label %q: expected no hyphen at its ends", label)
		}
	}
	if strings.Trim(last, "0123456789") == "" {
		return fmt.Errorf("top-level label %q: expected a name, not a number", last)
	}
	return nil
}

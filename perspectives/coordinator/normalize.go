package coordinator

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"mpicsim/perspectives"
)

// ErrBadCheck is wrapped by every error about a [perspectives.Check] that cannot
// be carried out as it stands.
var ErrBadCheck = errors.New("bad check")

const (
	maxNameLength  = 253 // RFC 1035 2.3.4, in presentation form without trailing dot
	maxLabelLength = 63
	// minTokenLength is how many base64url characters hold the 128 bits of
	// entropy that RFC 8555 8.3 demands of a token.
	minTokenLength = 22
	// thumbprintLength is a SHA-256 digest in base64url (RFC 8555 8.1).
	thumbprintLength = 43
)

// NormalizeCheck returns c as every perspective is to see it: names in lower
// case as A-labels (IDNA 2008 by the Lookup profile of UTS 46) without trailing
// dot. The caller's check is not changed. The error wraps [ErrBadCheck] and
// names the field, what was found and what was expected.
//
// A wildcard keeps its "*." and cannot be asked for by acme-http-01
// (BR 3.2.2.4.19).
func NormalizeCheck(c perspectives.Check) (perspectives.Check, error) {
	name, wildcard := strings.CutPrefix(c.Domain, "*.")
	name, err := normalizeName(name)
	if err != nil {
		return perspectives.Check{}, fmt.Errorf("%w: domain %q: %w", ErrBadCheck, c.Domain, err)
	}
	c.Domain = name
	if wildcard {
		c.Domain = "*." + name
	}
	if len(c.Domain) > maxNameLength {
		return perspectives.Check{}, fmt.Errorf("%w: domain %q: %d characters, at most %d allowed",
			ErrBadCheck, c.Domain, len(c.Domain), maxNameLength)
	}
	if c.Method == perspectives.HTTP01 && wildcard {
		return perspectives.Check{}, fmt.Errorf("%w: domain %q: %s cannot validate a wildcard (BR 3.2.2.4.19)",
			ErrBadCheck, c.Domain, c.Method)
	}
	if err := checkChallenge(c); err != nil {
		return perspectives.Check{}, fmt.Errorf("%w: %w", ErrBadCheck, err)
	}
	c.IssuerDomains = slices.Clone(c.IssuerDomains)
	if len(c.IssuerDomains) == 0 {
		return perspectives.Check{}, fmt.Errorf("%w: issuer domains: none, want at least one (BR 4.2)", ErrBadCheck)
	}
	for i, issuer := range c.IssuerDomains {
		if c.IssuerDomains[i], err = normalizeName(issuer); err != nil {
			return perspectives.Check{}, fmt.Errorf("%w: issuer domain %q: %w", ErrBadCheck, issuer, err)
		}
	}
	return c, nil
}

// normalizeName returns a domain name in lower-case A-labels without trailing
// dot.
func normalizeName(name string) (string, error) {
	if strings.Contains(name, "*") {
		return "", errors.New(`a "*" may only be the whole first label`)
	}
	if !utf8.ValidString(name) {
		return "", errors.New("not valid UTF-8")
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", errors.New("an IP address, want a domain name")
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		return "", fmt.Errorf("want letters, digits and hyphens, or an internationalized name: %w", err)
	}
	ascii = strings.TrimSuffix(ascii, ".")
	labels := strings.Split(ascii, ".")
	for _, l := range labels {
		if err := checkLabel(l); err != nil {
			return "", err
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return "", fmt.Errorf("last label %q is a number, want a domain name", last)
	}
	if len(ascii) > maxNameLength {
		return "", fmt.Errorf("%d characters, at most %d allowed", len(ascii), maxNameLength)
	}
	return ascii, nil
}

// checkLabel says what keeps l from being an LDH label (RFC 5890 2.3.1) in lower
// case.
func checkLabel(l string) error {
	switch {
	case l == "":
		return errors.New("an empty label")
	case len(l) > maxLabelLength:
		return fmt.Errorf("label %q: %d characters, at most %d allowed", l, len(l), maxLabelLength)
	case strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-"):
		return fmt.Errorf("label %q: a hyphen at its edge", l)
	}
	for _, r := range l {
		if r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
			return fmt.Errorf("label %q: %q is no letter, digit or hyphen", l, r)
		}
	}
	return nil
}

// checkChallenge says what is wrong with the method, the token or the key
// authorization (RFC 8555 8.1: token, a dot, the thumbprint of the account key).
func checkChallenge(c perspectives.Check) error {
	switch c.Method {
	case perspectives.HTTP01:
	case perspectives.DNS01:
		if c.Token == "" { // not used by the method
			return checkKeyAuthorization(c.KeyAuthorization)
		}
	default:
		return fmt.Errorf("method %q: want %s or %s", c.Method, perspectives.HTTP01, perspectives.DNS01)
	}
	if err := checkToken(c.Token); err != nil {
		return fmt.Errorf("token %q: %w", c.Token, err)
	}
	if err := checkKeyAuthorization(c.KeyAuthorization); err != nil {
		return err
	}
	if token, _, _ := strings.Cut(c.KeyAuthorization, "."); token != c.Token {
		return fmt.Errorf("key authorization %q: want one that starts with the token %q (RFC 8555 8.1)", c.KeyAuthorization, c.Token)
	}
	return nil
}

func checkKeyAuthorization(k string) error {
	token, thumbprint, ok := strings.Cut(k, ".")
	if !ok {
		return fmt.Errorf("key authorization %q: want TOKEN.THUMBPRINT (RFC 8555 8.1)", k)
	}
	if err := checkToken(token); err != nil {
		return fmt.Errorf("key authorization %q: token: %w", k, err)
	}
	if len(thumbprint) != thumbprintLength {
		return fmt.Errorf("key authorization %q: thumbprint of %d characters, want %d (RFC 8555 8.1)",
			k, len(thumbprint), thumbprintLength)
	}
	return checkBase64URL(thumbprint)
}

func checkToken(token string) error {
	if len(token) < minTokenLength {
		return fmt.Errorf("%d characters, want at least %d (128 bits, RFC 8555 8.3)", len(token), minTokenLength)
	}
	return checkBase64URL(token)
}

func checkBase64URL(s string) error {
	for _, r := range s {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return fmt.Errorf("%q is not in the base64url alphabet", r)
		}
	}
	return nil
}

package coordinator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/idn"
	"mpicsim/perspectives/policy"
)

// ErrBadCheck is wrapped by every error about a [perspectives.Check] that cannot
// be carried out as it stands.
var ErrBadCheck = errors.New("bad check")

const (
	maxNameLength = 253 // RFC 1035 2.3.4, in presentation form without trailing dot
	// minTokenLength is how many base64url characters hold the 128 bits of
	// entropy that RFC 8555 8.3 demands of a token.
	minTokenLength = 22
	// thumbprintLength is a SHA-256 digest in base64url (RFC 8555 8.1).
	thumbprintLength = 43
)

// NormalizeCheck returns c as every perspective is to see it: names in lower
// case as A-labels ([idn.ToASCII]) without trailing dot, IP addresses in the form of [netip.Addr], the digest of a key
// authorization in base64url. The caller's check is not changed. The error wraps
// [ErrBadCheck] and names the field, what was found and what was expected.
//
// A wildcard keeps its "*."; methods that are not suitable for wildcards are
// refused with their section of the BR. A reverse-address-lookup or
// ip-persistent may name its IP address by the name in the reverse zone, as Open
// MPIC does. Tokens and thumbprints of ACME must have the length that RFC 8555
// asks for.
func NormalizeCheck(c perspectives.Check) (perspectives.Check, error) {
	c.IssuerDomains = slices.Clone(c.IssuerDomains)
	c.CAA.ValidationMethods = slices.Clone(c.CAA.ValidationMethods)
	c.DCV.HTTPHeaders = maps.Clone(c.DCV.HTTPHeaders)
	for _, step := range []func(*perspectives.Check) error{
		func(c *perspectives.Check) error { return c.Bounded() }, normalizeQuestions, normalizeTarget, normalizeWildcard, normalizeChallenge, normalizeIssuers,
		func(c *perspectives.Check) error { return c.Acceptable() },
	} {
		if err := step(&c); err != nil {
			return perspectives.Check{}, fmt.Errorf("%w: %w", ErrBadCheck, err)
		}
	}
	return c, nil
}

// normalizeQuestions refuses what is no question or no method before anything
// depends on it.
func normalizeQuestions(c *perspectives.Check) error {
	if !c.Questions.Known() {
		return fmt.Errorf("questions %q: want dcv, caa or nothing for both", c.Questions)
	}
	if c.Questions.DCV() && !c.Method.Known() {
		return fmt.Errorf("method %q: want one of %v", c.Method, perspectives.Methods())
	}
	return nil
}

// normalizeTarget brings the domain or IP address into the contract's form.
func normalizeTarget(c *perspectives.Check) error {
	_, addresses := c.Method.Targets()
	if addr, err := netip.ParseAddr(c.Domain); err == nil {
		switch {
		case addr.Zone() != "":
			return fmt.Errorf("domain %q: an IP address with a zone", c.Domain)
		case c.Questions.DCV() && !addresses:
			return fmt.Errorf("domain %q: an IP address, want a domain name, as %s is not for IP addresses", c.Domain, c.Method)
		}
		c.Domain = addr.Unmap().String()
		return nil
	}
	name, wildcard := strings.CutPrefix(c.Domain, "*.")
	normal, err := normalizeName(name)
	if err != nil {
		return fmt.Errorf("domain %q: %w", c.Domain, err)
	}
	if addr, ok := addressOf(normal); ok && !wildcard && c.Questions.DCV() && isReverse(c.Method) {
		c.Domain = addr.String()
		return nil
	}
	if wildcard {
		normal = "*." + normal
	}
	if len(normal) > maxNameLength {
		return fmt.Errorf("domain %q: %d characters, at most %d allowed", normal, len(normal), maxNameLength)
	}
	c.Domain = normal
	return nil
}

func isReverse(m perspectives.Method) bool {
	return m == perspectives.ReverseAddressLookup || m == perspectives.IPPersistent
}

// addressOf reads the name of an IP address in its reverse zone (RFC 1035 3.5,
// RFC 3596 2.5), which must be whole.
func addressOf(name string) (netip.Addr, bool) {
	if labels, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		octets := strings.Split(labels, ".")
		slices.Reverse(octets)
		addr, err := netip.ParseAddr(strings.Join(octets, "."))
		return addr, err == nil && addr.Is4()
	}
	labels, ok := strings.CutSuffix(name, ".ip6.arpa")
	nibbles := strings.Split(labels, ".")
	if !ok || len(nibbles) != 32 {
		return netip.Addr{}, false
	}
	slices.Reverse(nibbles)
	var text strings.Builder
	for i, n := range nibbles {
		if len(n) != 1 {
			return netip.Addr{}, false
		}
		if i > 0 && i%4 == 0 {
			text.WriteByte(':')
		}
		text.WriteString(n)
	}
	addr, err := netip.ParseAddr(text.String())
	return addr, err == nil && !addr.Is4In6()
}

// normalizeWildcard refuses a method that the BR do not hold suitable for
// wildcard names.
func normalizeWildcard(c *perspectives.Check) error {
	if !c.Questions.DCV() || !c.Wildcard() {
		return nil
	}
	rule, err := policy.MethodAt(c.Method, time.Time{})
	if err != nil {
		return err
	}
	if !rule.Wildcard && rule.Section != "" {
		return fmt.Errorf("domain %q: %s cannot validate a wildcard (%s)", c.Domain, c.Method, rule.Section)
	}
	return nil
}

// normalizeChallenge brings digest and names among the parameters into the
// contract's form and checks the lengths that ACME asks for.
func normalizeChallenge(c *perspectives.Check) error {
	if !c.Questions.DCV() {
		return nil
	}
	if h := c.DCV.KeyAuthorizationHash; len(h) == 2*sha256.Size {
		digest, err := hex.DecodeString(h)
		if err != nil {
			return fmt.Errorf("key authorization hash %q: want a SHA-256 digest in hexadecimal or base64url: %w", h, err)
		}
		c.DCV.KeyAuthorizationHash = base64.RawURLEncoding.EncodeToString(digest)
	}
	switch c.Method {
	case perspectives.HTTP01, perspectives.DNS01, perspectives.DNSAccount01, perspectives.TLSALPN01:
		return checkACME(*c)
	case perspectives.ReverseAddressLookup:
		name, err := normalizeName(c.DCV.ChallengeValue)
		if err != nil {
			return fmt.Errorf("challenge value %q: %w", c.DCV.ChallengeValue, err)
		}
		c.DCV.ChallengeValue = name
	default:
	}
	return nil
}

// normalizeIssuers brings the names that the CA goes by into the contract's
// form. A check that reads no record with such names needs none.
func normalizeIssuers(c *perspectives.Check) error {
	persistent := c.Questions.DCV() && (c.Method == perspectives.DNSPersistent || c.Method == perspectives.IPPersistent)
	_, isAddress := c.Address()
	if len(c.IssuerDomains) == 0 && (persistent || c.Questions.CAA() && !isAddress) {
		return errors.New("issuer domains: none, want at least one (BR 4.2)")
	}
	for i, issuer := range c.IssuerDomains {
		name, err := normalizeName(issuer)
		if err != nil {
			return fmt.Errorf("issuer domain %q: %w", issuer, err)
		}
		c.IssuerDomains[i] = name
	}
	return nil
}

// normalizeName returns a domain name in lower-case A-labels without trailing
// dot.
func normalizeName(name string) (string, error) {
	if strings.Contains(name, "*") {
		return "", errors.New(`a "*" may only be the whole first label`)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", errors.New("an IP address, want a domain name")
	}
	ascii, err := idn.ToASCII(name)
	if err != nil {
		return "", err
	}
	if last := ascii[strings.LastIndexByte(ascii, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return "", fmt.Errorf("last label %q is a number, want a domain name", last)
	}
	return ascii, nil
}

// checkACME says what is wrong with the token or the key authorization
// (RFC 8555 8.1: token, a dot, the thumbprint of the account key).
func checkACME(c perspectives.Check) error {
	if c.Method != perspectives.HTTP01 {
		if c.KeyAuthorization == "" && c.DCV.KeyAuthorizationHash != "" {
			return nil // all there is
		}
		if c.Token == "" { // not used by the method
			return checkKeyAuthorization(c.KeyAuthorization)
		}
	}
	if err := checkToken(c.Token); err != nil {
		return fmt.Errorf("token %q: %w", c.Token, err)
	}
	if err := checkKeyAuthorization(c.KeyAuthorization); err != nil {
		return err
	}
	foreign := c.DCV.ForeignToken && c.Method == perspectives.HTTP01
	if token, _, _ := strings.Cut(c.KeyAuthorization, "."); token != c.Token && !foreign {
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

package perspectives

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Acceptable returns an error that names the first field which makes c no check
// that a perspective can make: it exceeds its bound ([Check.Bounded]), does not
// have the form that [Check] asks for, or lacks what its method needs, or the
// method is not for such a target. That a method cannot validate a wildcard is no
// error but an outcome.
func (c Check) Acceptable() error {
	if err := c.Bounded(); err != nil {
		return err
	}
	if !c.Questions.Known() {
		return fmt.Errorf("questions %q: expected dcv, caa or nothing for both", c.Questions)
	}
	if t := c.CAA.CertificateType; t != "" && t != TLSServer && t != SMIME {
		return fmt.Errorf("certificate type %q: expected %s or %s", t, TLSServer, SMIME)
	}
	if c.Questions.DCV() && !c.Method.Known() {
		return fmt.Errorf("method %q: expected one of %s", c.Method, joined(Methods()))
	}
	if err := c.checkTarget(); err != nil {
		return err
	}
	if !c.Questions.DCV() {
		return nil
	}
	return c.checkParameters()
}

func joined(methods []Method) string {
	names := make([]string, len(methods))
	for i, m := range methods {
		names[i] = string(m)
	}
	return strings.Join(names, ", ")
}

// Targets says whether m can validate names and whether it can validate IP
// addresses; neither for an unknown method.
func (m Method) Targets() (names, addresses bool) {
	switch m {
	case WebsiteChange, HTTP01, TLSALPN01:
		return true, true
	case ReverseAddressLookup, IPPersistent:
		return false, true
	case DNS01, DNSChange, DNSAccount01, DNSPersistent, ContactEmailTXT, ContactEmailCAA,
		ContactPhoneTXT, ContactPhoneCAA, IPAddress:
		return true, false
	}
	return false, false
}

// checkTarget refuses a Domain in another form than the contract's, and one that
// the method is not for.
func (c Check) checkTarget() error {
	names, addresses := c.Method.Targets()
	addr, isAddress := c.Address()
	if !isAddress {
		if err := checkDomain(c.Domain); err != nil {
			return fmt.Errorf("domain %q: %w", c.Domain, err)
		}
		if c.Questions.DCV() && !names {
			return fmt.Errorf("domain %q: expected an IP address, as %s is not for names", c.Domain, c.Method)
		}
		return nil
	}
	if addr.Zone() != "" || addr.Is4In6() || addr.String() != c.Domain {
		return fmt.Errorf("domain %q: expected the IP address as %s", c.Domain, addr.Unmap().WithZone(""))
	}
	if c.Questions.DCV() && !addresses {
		return fmt.Errorf("domain %q: expected a name, as %s is not for IP addresses", c.Domain, c.Method)
	}
	return nil
}

// checkParameters refuses what the method cannot work with.
func (c Check) checkParameters() error {
	d := c.DCV
	if err := checkHeaders(d.HTTPHeaders); err != nil {
		return fmt.Errorf("HTTP headers: %w", err)
	}
	if d.DNSNamePrefix != "" && c.Method != DNSChange {
		return fmt.Errorf("DNS name prefix %q: expected none, as the name of %s is fixed", d.DNSNamePrefix, c.Method)
	}
	switch c.Method {
	case HTTP01:
		return c.checkHTTP01()
	case DNS01, TLSALPN01:
		return c.checkKey()
	case DNSAccount01:
		return cmp.Or(c.checkKey(), c.checkAccount())
	case DNSPersistent, IPPersistent:
		return cmp.Or(c.checkAccount(), c.checkIssuers())
	case WebsiteChange:
		return c.checkWebsite()
	case DNSChange:
		return c.checkDNSChange()
	case IPAddress:
		return cmp.Or(c.checkValue(), d.checkRecordType("A", "AAAA"))
	case ContactEmailTXT, ContactEmailCAA, ContactPhoneTXT, ContactPhoneCAA, ReverseAddressLookup:
		return c.checkValue()
	}
	return nil
}

func (c Check) checkHTTP01() error {
	token, _, err := splitKeyAuthorization(c.KeyAuthorization)
	if err != nil {
		return err
	}
	if c.DCV.ForeignToken && !isBase64URL(c.Token) {
		return fmt.Errorf("token %q: expected base64url without padding", c.Token)
	}
	if !c.DCV.ForeignToken && c.Token != token {
		return fmt.Errorf("token %q: expected that of the key authorization, %q", c.Token, token)
	}
	return nil
}

// checkKey wants a key authorization, or its digest, or both if they agree.
func (c Check) checkKey() error {
	if c.DCV.KeyAuthorizationHash == "" {
		_, _, err := splitKeyAuthorization(c.KeyAuthorization)
		return err
	}
	// Strict refuses digests that differ in bits which are not decoded.
	digest, err := base64.RawURLEncoding.Strict().DecodeString(c.DCV.KeyAuthorizationHash)
	if err != nil || len(digest) != 32 || strings.ContainsAny(c.DCV.KeyAuthorizationHash, "\r\n") {
		return fmt.Errorf("key authorization hash %q: expected a SHA-256 digest in base64url without padding",
			c.DCV.KeyAuthorizationHash)
	}
	if c.KeyAuthorization == "" {
		return nil
	}
	if _, _, err := splitKeyAuthorization(c.KeyAuthorization); err != nil {
		return err
	}
	if own := KeyAuthorizationHash(c.KeyAuthorization); own != c.DCV.KeyAuthorizationHash {
		return fmt.Errorf("key authorization hash %q: expected that of the key authorization, %q",
			c.DCV.KeyAuthorizationHash, own)
	}
	return nil
}

func splitKeyAuthorization(k string) (token, thumbprint string, err error) {
	token, thumbprint, found := strings.Cut(k, ".")
	if !found || !isBase64URL(token) || !isBase64URL(thumbprint) {
		return "", "", fmt.Errorf("key authorization %q: expected TOKEN.THUMBPRINT, both in base64url without padding", k)
	}
	return token, thumbprint, nil
}

// checkAccount wants an absolute URI of the characters that a CAA parameter can
// hold (RFC 8657 3, RFC 8659 4.2).
func (c Check) checkAccount() error {
	u, err := url.Parse(c.AccountURI)
	if err != nil || !u.IsAbs() || strings.ContainsFunc(c.AccountURI, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' }) {
		return fmt.Errorf("account URI %q: expected an absolute URI in ASCII without spaces and semicolons", c.AccountURI)
	}
	return nil
}

func (c Check) checkIssuers() error {
	if len(c.IssuerDomains) == 0 || slices.Contains(c.IssuerDomains, "") {
		return fmt.Errorf("issuer domains: %s needs at least one and none empty", c.Method)
	}
	return nil
}

func (c Check) checkValue() error {
	if c.DCV.ChallengeValue == "" {
		return fmt.Errorf("challenge value: %s needs one", c.Method)
	}
	return nil
}

func (c Check) checkDNSChange() error {
	if p := c.DCV.DNSNamePrefix; p != "" {
		if !strings.HasPrefix(p, "_") || len(p) < 2 || len(p) > 63 || strings.TrimFunc(p[1:], isLDH) != "" {
			return fmt.Errorf("DNS name prefix %q: expected one label that begins with an underscore (BR 3.2.2.4.7)", p)
		}
		if err := checkHost(p + "." + c.Name()); err != nil {
			return fmt.Errorf("DNS name prefix %q: %w", p, err)
		}
	}
	return cmp.Or(c.checkValue(), c.DCV.checkRecordType("TXT", "CNAME", "CAA"))
}

func (d DCVParameters) checkRecordType(types ...string) error {
	if d.DNSRecordType != "" && !slices.Contains(types, d.DNSRecordType) {
		return fmt.Errorf("DNS record type %q: expected one of %s", d.DNSRecordType, strings.Join(types, ", "))
	}
	return nil
}

// checkWebsite keeps the path below /.well-known/pki-validation and the value
// out of the request (BR 3.2.2.4.18).
func (c Check) checkWebsite() error {
	d := c.DCV
	if d.URLScheme != "" && d.URLScheme != "http" && d.URLScheme != "https" {
		return fmt.Errorf("URL scheme %q: expected http or https", d.URLScheme)
	}
	if d.ChallengeValue == "" && d.MatchRegex == "" {
		return errors.New("challenge value: website-change needs one, or a regular expression")
	}
	if err := CheckPattern(d.MatchRegex); err != nil {
		return err
	}
	if err := checkTokenPath(d.HTTPTokenPath); err != nil {
		return fmt.Errorf("HTTP token path %q: %w", d.HTTPTokenPath, err)
	}
	request := []string{"https://" + c.Domain + "/.well-known/pki-validation/" + d.HTTPTokenPath}
	for _, name := range slices.Sorted(maps.Keys(d.HTTPHeaders)) {
		request = append(request, name+": "+d.HTTPHeaders[name])
	}
	for _, line := range request {
		if d.ChallengeValue != "" && Contains(line, d.ChallengeValue, d.IgnoreCase) {
			return fmt.Errorf("challenge value: found in the request (%s), expected nowhere in it (BR 3.2.2.4.18)", line)
		}
	}
	return nil
}

// Contains says whether value is part of text, with or without regard to the
// case of ASCII letters.
func Contains(text, value string, ignoreCase bool) bool {
	if ignoreCase {
		return strings.Contains(lowerASCII(text), lowerASCII(value))
	}
	return strings.Contains(text, value)
}

// EqualFoldASCII says whether a and b are equal but for the case of ASCII
// letters, as domain names are (RFC 4343).
func EqualFoldASCII(a, b string) bool { return len(a) == len(b) && lowerASCII(a) == lowerASCII(b) }

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// checkTokenPath accepts segments of the characters that a URL path may hold
// unescaped (RFC 3986 3.3).
func checkTokenPath(p string) error {
	for segment := range strings.SplitSeq(p, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("found segment %q, expected a file below /.well-known/pki-validation", segment)
		}
		for _, r := range segment {
			if !isLDH(r) && !strings.ContainsRune("._~!$&'()*+,;=:@", r) {
				return fmt.Errorf("found %q, expected characters of a path that need no escape", r)
			}
		}
	}
	return nil
}

// checkHeaders refuses what would make another request of it, or none.
func checkHeaders(headers map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value := headers[name]
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isLDH(r) && !strings.ContainsRune("!#$%&'*+.^_`|~", r) }) {
			return fmt.Errorf("name %q: expected a token (RFC 9110 5.6.2)", name)
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return fmt.Errorf("%s: found a control character in the value", name)
		}
		switch lower := lowerASCII(name); {
		case slices.Contains([]string{
			"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect",
			"cookie", "range", "keep-alive",
		}, lower), strings.HasPrefix(lower, "proxy-"), strings.HasPrefix(lower, "if-"):
			return fmt.Errorf("%s: expected none that steers the connection or the response", name)
		}
	}
	return nil
}

func isBase64URL(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isLDH(r) && r != '_' })
}

func isLDH(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '-'
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
		if strings.ContainsFunc(label, func(r rune) bool { return !isLDH(r) && r != '_' }) {
			return fmt.Errorf("label %q: expected letters, digits and hyphens", label)
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

// CheckHost returns an error if host is neither a host name of at most 253
// octets, in labels of letters, digits, hyphens and underscores without trailing
// dot and not ending in a number, nor an IP address without zone.
func CheckHost(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return errors.New("an address with a zone")
		}
		return nil
	}
	return checkHost(host)
}

package perspectives

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// The bounds of a [Check], in octets unless they count something. They hold before
// anything is made of a check, wherever it comes from, so that what a caller writes
// is never more than that in a request, a message or a record.
const (
	// MaxDomain bounds Domain as a caller may write it: with U-labels, which are
	// longer in UTF-8 than the 253 octets of the A-labels that they stand for.
	MaxDomain = 1024
	// MaxToken and MaxKeyAuthorization bound what RFC 8555 8.1 leaves open; the
	// digest of a key authorization has 43 characters, or 64 in hexadecimal.
	MaxToken                = 512
	MaxKeyAuthorization     = 1024
	MaxKeyAuthorizationHash = 64
	// MaxIssuerDomains counts IssuerDomains.
	MaxIssuerDomains = 100
	// MaxIssuerDomain bounds each of them.
	MaxIssuerDomain = 1024
	// MaxAccountURI bounds AccountURI.
	MaxAccountURI = 1024
	// MaxChallengeValue bounds ChallengeValue.
	MaxChallengeValue = 4096
	// MaxHTTPTokenPath and MaxRegex bound HTTPTokenPath and MatchRegex.
	MaxHTTPTokenPath = 1024
	MaxRegex         = 1024
	// MaxHeaders counts HTTPHeaders.
	MaxHeaders = 32
	// MaxHeaderOctets bounds all of them together.
	MaxHeaderOctets = 8 << 10
	// MaxDNSNamePrefix bounds DNSNamePrefix.
	MaxDNSNamePrefix = 64
	// MaxValidationMethods counts CAAParameters.ValidationMethods, each of at most
	// MaxWord.
	MaxValidationMethods = 32
	// MaxWord bounds what is one of a few words: a method, a type, a scheme.
	MaxWord = 64
)

// Bounded returns an error that names the first field of c which is longer than
// its bound or not UTF-8.
func (c Check) Bounded() error {
	d := c.DCV
	for _, f := range []struct {
		name, value string
		most        int
	}{
		{"domain", c.Domain, MaxDomain},
		{"questions", string(c.Questions), MaxWord},
		{"method", string(c.Method), MaxWord},
		{"token", c.Token, MaxToken},
		{"key authorization", c.KeyAuthorization, MaxKeyAuthorization},
		{"account URI", c.AccountURI, MaxAccountURI},
		{"key authorization hash", d.KeyAuthorizationHash, MaxKeyAuthorizationHash},
		{"challenge value", d.ChallengeValue, MaxChallengeValue},
		{"HTTP token path", d.HTTPTokenPath, MaxHTTPTokenPath},
		{"URL scheme", d.URLScheme, MaxWord},
		{"regular expression", d.MatchRegex, MaxRegex},
		{"DNS record type", d.DNSRecordType, MaxWord},
		{"DNS name prefix", d.DNSNamePrefix, MaxDNSNamePrefix},
		{"certificate type", string(c.CAA.CertificateType), MaxWord},
	} {
		if err := boundedText(f.value, f.most); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if err := boundedList(c.IssuerDomains, MaxIssuerDomains, MaxIssuerDomain); err != nil {
		return fmt.Errorf("issuer domains: %w", err)
	}
	if err := boundedList(c.CAA.ValidationMethods, MaxValidationMethods, MaxWord); err != nil {
		return fmt.Errorf("validation methods: %w", err)
	}
	if err := boundedHeaders(d.HTTPHeaders); err != nil {
		return fmt.Errorf("HTTP headers: %w", err)
	}
	return nil
}

func boundedText(s string, most int) error {
	if len(s) > most {
		return fmt.Errorf("found %d octets, expected at most %d", len(s), most)
	}
	if !utf8.ValidString(s) {
		return errors.New("not valid UTF-8")
	}
	return nil
}

func boundedList(all []string, most, octets int) error {
	if len(all) > most {
		return fmt.Errorf("found %d, expected at most %d", len(all), most)
	}
	for i, s := range all {
		if err := boundedText(s, octets); err != nil {
			return fmt.Errorf("number %d: %w", i+1, err)
		}
	}
	return nil
}

func boundedHeaders(headers map[string]string) error {
	if len(headers) > MaxHeaders {
		return fmt.Errorf("found %d, expected at most %d", len(headers), MaxHeaders)
	}
	octets := 0
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if !utf8.ValidString(name) || !utf8.ValidString(headers[name]) {
			return errors.New("not valid UTF-8")
		}
		octets += len(name) + len(headers[name])
	}
	if octets > MaxHeaderOctets {
		return fmt.Errorf("found %d octets, expected at most %d", octets, MaxHeaderOctets)
	}
	return nil
}

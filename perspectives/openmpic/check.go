package openmpic

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"mpicsim/perspectives"
)

// check returns what the perspectives are asked. It does not fail: what makes no
// sense is left for the coordinator to refuse.
func (r *request) check(defaultIssuers []string) perspectives.Check {
	c := perspectives.Check{Domain: r.Target, IssuerDomains: slices.Clone(defaultIssuers)}
	if r.caa != nil {
		c.Questions = perspectives.OnlyCAA
		if len(r.caa.Domains) > 0 {
			c.IssuerDomains = slices.Clone(r.caa.Domains)
		}
		c.AccountURI = value(r.caa.AccountURI)
		c.CAA = perspectives.CAAParameters{
			CertificateType:    perspectives.CertificateType(value(r.caa.CertificateType)),
			ValidationMethods:  r.caa.ValidationMethods,
			AllowLookupFailure: value(r.caa.AllowLookupFailure),
		}
		return c
	}
	c.Questions = perspectives.OnlyDCV
	r.dcv.fill(&c)
	return c
}

// fill sets what the method reads.
func (d *dcvParameters) fill(c *perspectives.Check) {
	c.Method = perspectives.Method(d.Method)
	c.DCV = perspectives.DCVParameters{ChallengeValue: value(d.ChallengeValue), HTTPHeaders: d.HTTPHeaders}
	switch c.Method {
	case perspectives.HTTP01:
		c.Token, c.KeyAuthorization = value(d.Token), value(d.KeyAuthorization)
		c.DCV.ForeignToken = true // nothing in the API says that the two agree
	case perspectives.DNS01:
		c.DCV.KeyAuthorizationHash = value(d.KeyHash)
	case perspectives.TLSALPN01:
		c.DCV.KeyAuthorizationHash = base64OfHex(value(d.KeyHash))
	case perspectives.DNSAccount01:
		c.DCV.KeyAuthorizationHash, c.AccountURI = value(d.KeyHash), value(d.ACMEAccountURL)
	case perspectives.WebsiteChange:
		c.DCV.HTTPTokenPath, c.DCV.MatchRegex = value(d.HTTPTokenPath), value(d.MatchRegex)
		c.DCV.URLScheme = value(d.URLScheme)
		c.DCV.IgnoreCase = d.RequireExactCase != nil && !*d.RequireExactCase
	case perspectives.DNSChange:
		c.DCV.DNSRecordType, c.DCV.DNSNamePrefix = value(d.DNSRecordType), value(d.DNSNamePrefix)
		c.DCV.RequireExactMatch = value(d.RequireExactMatch)
		// The reference implementation has no exact case but for TXT.
		c.DCV.IgnoreCase = c.DCV.DNSRecordType != "TXT" || d.RequireExactCase != nil && !*d.RequireExactCase
	case perspectives.IPAddress:
		c.DCV.DNSRecordType = value(d.DNSRecordType)
	case perspectives.ContactEmailTXT, perspectives.ContactPhoneTXT, perspectives.ContactEmailCAA, perspectives.ContactPhoneCAA:
		c.DCV.IgnoreCase = true
		if p := value(d.DNSNamePrefix); p != fixedPrefix(c.Method) {
			c.DCV.DNSNamePrefix = p // for the perspectives' contract to refuse
		}
	case perspectives.DNSPersistent, perspectives.IPPersistent:
		c.IssuerDomains, c.AccountURI = slices.Clone(d.IssuerDomains), value(d.ExpectedAccountURI)
		if _, isAddress := c.Address(); isAddress {
			c.Method = perspectives.IPPersistent // BR 3.2.2.5.8, for which Open MPIC has no name
		}
	case perspectives.ReverseAddressLookup:
		c.Domain = addressOfReverse(c.Domain)
	}
}

// base64OfHex returns a digest in base64url without padding, in which the
// specification has it, also where the caller has written it in hexadecimal as
// the reference implementation wants it.
func base64OfHex(digest string) string {
	raw, err := hex.DecodeString(digest)
	if err != nil || len(raw) != 32 {
		return digest
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// addressOfReverse returns the IP address whose reverse name (RFC 1035 3.5, RFC
// 3596 2.5) is given, or the name if it is none: Open MPIC's callers give the
// name, ours the address.
func addressOfReverse(name string) string {
	labels := strings.Split(strings.TrimSuffix(lower(name), "."), ".")
	suffix := strings.Join(labels[max(0, len(labels)-2):], ".")
	labels = labels[:max(0, len(labels)-2)]
	slices.Reverse(labels)
	text := ""
	switch {
	case suffix == "in-addr.arpa" && len(labels) == 4:
		text = strings.Join(labels, ".")
	case suffix == "ip6.arpa" && len(labels) == 32:
		var groups []string
		for four := range slices.Chunk(labels, 4) {
			groups = append(groups, strings.Join(four, ""))
		}
		text = strings.Join(groups, ":")
	default:
		return name
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return name
	}
	return addr.String()
}

// fixedPrefix is the label that a method looks below, "" if it has none.
func fixedPrefix(m perspectives.Method) string {
	switch m {
	case perspectives.DNS01, perspectives.DNSAccount01:
		return "_acme-challenge"
	case perspectives.DNSPersistent:
		return "_validation-persist"
	case perspectives.IPPersistent:
		return "_ip-validation-persist"
	case perspectives.ContactEmailTXT:
		return "_validation-contactemail"
	case perspectives.ContactPhoneTXT:
		return "_validation-contactphone"
	case perspectives.WebsiteChange, perspectives.HTTP01, perspectives.DNSChange, perspectives.TLSALPN01,
		perspectives.ContactEmailCAA, perspectives.ContactPhoneCAA, perspectives.IPAddress, perspectives.ReverseAddressLookup:
	}
	return ""
}

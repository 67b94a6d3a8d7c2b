package perspectives

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
)

// Method is a validation method by the name that Open MPIC uses.
type Method string

// The validation methods that package dcv implements. Open MPIC has no name for
// BR 3.2.2.5.8, the persistent TXT record of an IP address in its reverse zone;
// IPPersistent is ours.
const (
	WebsiteChange        Method = "website-change"         // BR 3.2.2.4.18, 3.2.2.5.1
	HTTP01               Method = "acme-http-01"           // BR 3.2.2.4.19, 3.2.2.5.6, RFC 8555 8.3
	DNS01                Method = "acme-dns-01"            // BR 3.2.2.4.7, RFC 8555 8.4
	DNSChange            Method = "dns-change"             // BR 3.2.2.4.7
	TLSALPN01            Method = "acme-tls-alpn-01"       // BR 3.2.2.4.20, 3.2.2.5.7, RFC 8737, RFC 8738
	DNSAccount01         Method = "dns-account-01"         // BR 3.2.2.4.21
	DNSPersistent        Method = "dns-persistent"         // BR 3.2.2.4.22
	ContactEmailTXT      Method = "contact-email-txt"      // BR 3.2.2.4.14
	ContactEmailCAA      Method = "contact-email-caa"      // BR 3.2.2.4.13
	ContactPhoneTXT      Method = "contact-phone-txt"      // BR 3.2.2.4.16
	ContactPhoneCAA      Method = "contact-phone-caa"      // BR 3.2.2.4.17
	IPAddress            Method = "ip-address"             // BR 3.2.2.4.8
	ReverseAddressLookup Method = "reverse-address-lookup" // BR 3.2.2.5.3
	IPPersistent         Method = "ip-persistent"          // BR 3.2.2.5.8
)

// Methods returns all validation methods in the order of their declaration.
func Methods() []Method {
	return []Method{
		WebsiteChange, HTTP01, DNS01, DNSChange, TLSALPN01, DNSAccount01, DNSPersistent,
		ContactEmailTXT, ContactEmailCAA, ContactPhoneTXT, ContactPhoneCAA,
		IPAddress, ReverseAddressLookup, IPPersistent,
	}
}

// Known says whether m is one of [Methods].
func (m Method) Known() bool { return slices.Contains(Methods(), m) }

// Questions says which of the two questions a check asks. The zero value asks
// both.
type Questions string

// The sets of questions.
const (
	Both    Questions = ""    // domain control and CAA
	OnlyDCV Questions = "dcv" // domain control alone
	OnlyCAA Questions = "caa" // CAA alone: no method, no challenge
)

// DCV says whether domain control is asked for.
func (q Questions) DCV() bool { return q != OnlyCAA }

// CAA says whether permission by CAA is asked for.
func (q Questions) CAA() bool { return q != OnlyDCV }

// Known says whether q is one of the three sets.
func (q Questions) Known() bool { return q == Both || q == OnlyDCV || q == OnlyCAA }

// CertificateType says which CAA property restricts a certificate, in Open
// MPIC's words. The zero value stands for TLSServer.
type CertificateType string

// The certificate types.
const (
	TLSServer CertificateType = "tls-server" // issue, issuewild: RFC 8659
	SMIME     CertificateType = "s-mime"     // issuemail: RFC 9495
)

// Check is what every perspective of one attempt is asked to do: one domain
// control validation and one CAA check for the same target, or one of the two.
//
// Which fields a method reads is said with the fields; the others are ignored, but
// bounded like all ([Check.Bounded]).
// A perspective expects the form that coordinator.NormalizeCheck returns.
type Check struct {
	// Domain is what is to be certified: a name as a lower-case A-label FQDN
	// without trailing dot, where a leading "*." asks for a wildcard
	// certificate; or an IP address in the text form of [netip.Addr], without
	// zone, IPv4 never mapped into IPv6. See [Check.Address].
	Domain string `json:"domain"`
	// Questions says what is asked about it, both if empty.
	Questions Questions `json:"questions,omitempty"`
	// Method is how control is validated; not read by OnlyCAA but for the labels
	// of [CAAParameters].
	Method Method `json:"method"`
	// Token and KeyAuthorization are those of RFC 8555 8.1. HTTP01 uses both,
	// DNS01, DNSAccount01 and TLSALPN01 only the latter, or
	// DCVParameters.KeyAuthorizationHash in its place.
	Token            string `json:"token"`
	KeyAuthorization string `json:"key_authorization"`
	// IssuerDomains are the Issuer Domain Names that the CA recognises in CAA
	// records (RFC 8659 4.2) and persistent TXT records (BR 3.2.2.4.22) as its
	// own.
	IssuerDomains []string `json:"issuer_domains"`
	// AccountURI is the applicant's account (RFC 8657 3), compared to the octet.
	// DNSAccount01, DNSPersistent and IPPersistent require it; in CAA records an
	// accounturi parameter matches nobody if it is empty.
	AccountURI string `json:"account_uri,omitempty"`
	// DCV has the parameters of the methods that are not ACME's.
	DCV DCVParameters `json:"dcv_parameters,omitzero"`
	// CAA has the parameters of the CAA check.
	CAA CAAParameters `json:"caa_parameters,omitzero"`
}

// Address returns the IP address that c is about, and whether it is about one.
func (c Check) Address() (netip.Addr, bool) {
	a, err := netip.ParseAddr(c.Domain)
	return a, err == nil
}

// Wildcard says whether c is about a wildcard name.
func (c Check) Wildcard() bool { return strings.HasPrefix(c.Domain, "*.") }

// Name returns the domain without a leading "*.".
func (c Check) Name() string { return strings.TrimPrefix(c.Domain, "*.") }

// DCVParameters are what the methods other than ACME's look for and where. Each
// method reads the fields that name it; zero values are defaults unless a field
// says otherwise.
type DCVParameters struct {
	// KeyAuthorizationHash is the SHA-256 digest of the key authorization in
	// base64url without padding (43 characters), for callers that do not
	// disclose the key authorization: DNS01, DNSAccount01, TLSALPN01.
	KeyAuthorizationHash string `json:"key_authorization_hash,omitempty"`
	// ForeignToken lets HTTP01 look below another token than that of the key
	// authorization. RFC 8555 8.1 has the two agree; in Open MPIC's API they are
	// two values that the caller chooses. What is found must be the whole key
	// authorization all the same.
	ForeignToken bool `json:"foreign_token,omitempty"`
	// ChallengeValue is what must be found: the Random Value or Request Token
	// for WebsiteChange and DNSChange; the contact address for the contact
	// methods; the IP address for IPAddress; the FQDN for ReverseAddressLookup.
	// Required by all of them, but WebsiteChange takes MatchRegex as well.
	ChallengeValue string `json:"challenge_value,omitempty"`
	// HTTPTokenPath is the path below /.well-known/pki-validation/, required by
	// WebsiteChange.
	HTTPTokenPath string `json:"http_token_path,omitempty"`
	// URLScheme is "http" (default) or "https", for WebsiteChange.
	URLScheme string `json:"url_scheme,omitempty"`
	// MatchRegex is a regular expression in RE2 syntax that the body of
	// WebsiteChange must match somewhere, in addition to ChallengeValue if both
	// are given. What it expands to is bounded (see [CompilePattern]).
	MatchRegex string `json:"match_regex,omitempty"`
	// HTTPHeaders are sent with the first request of WebsiteChange and HTTP01, the
	// one to the name or address of the check, never after a redirect.
	HTTPHeaders map[string]string `json:"http_headers,omitempty"`
	// RequireExactMatch asks DNSChange for a record that is the value, rather
	// than one that contains it.
	RequireExactMatch bool `json:"require_exact_match,omitempty"`
	// IgnoreCase lets WebsiteChange, DNSChange and the contact methods compare
	// without regard to the case of ASCII letters. It is the opposite of Open
	// MPIC's require_exact_case, so that the zero value is the strict one. Domain
	// names, such as a CNAME's target, are always compared so.
	IgnoreCase bool `json:"ignore_case,omitempty"`
	// DNSRecordType is "TXT" (default), "CNAME" or "CAA" for DNSChange, "A"
	// (default) or "AAAA" for IPAddress.
	DNSRecordType string `json:"dns_record_type,omitempty"`
	// DNSNamePrefix is put before the domain by DNSChange, with a dot between:
	// empty, or one label that begins with an underscore (BR 3.2.2.4.7).
	DNSNamePrefix string `json:"dns_name_prefix,omitempty"`
}

// CAAParameters are what the CAA check takes besides the issuer domains.
type CAAParameters struct {
	// CertificateType is TLSServer if empty.
	CertificateType CertificateType `json:"certificate_type,omitempty"`
	// ValidationMethods are the labels by which the CA calls the method of this
	// check in validationmethods parameters (RFC 8657 4), such as "http-01" or
	// "ca-tbr-18". Package caa derives them from Method if there are none.
	ValidationMethods []string `json:"validation_methods,omitempty"`
	// AllowLookupFailure lets a failed lookup be permission if the three proofs
	// of BR 3.2.2.8 can be had (see [LookupFailure]); it is never permission
	// without them, nor if CAA records came that were of no use as an answer.
	AllowLookupFailure bool `json:"allow_lookup_failure,omitempty"`
}

// KeyAuthorizationHash returns the SHA-256 digest of a key authorization as
// dns-01 publishes it: in base64url without padding (RFC 8555 8.4).
func KeyAuthorizationHash(keyAuthorization string) string {
	digest := sha256.Sum256([]byte(keyAuthorization))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// KeyHash returns the digest that the challenge is about: the one given, or that
// of the key authorization.
func (c Check) KeyHash() string {
	if c.DCV.KeyAuthorizationHash != "" {
		return c.DCV.KeyAuthorizationHash
	}
	return KeyAuthorizationHash(c.KeyAuthorization)
}

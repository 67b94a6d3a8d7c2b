package dcv

// The reasons of an outcome that methods share.
const (
	// ReasonMatches: the key authorization, or its digest for the methods that
	// look for that, was found. Pass.
	ReasonMatches = "key-authorization-matches"
	// ReasonInvalidCheck: the check is not one that can be made, see
	// [perspectives.Check.Acceptable]. Nothing was contacted. Error.
	ReasonInvalidCheck = "invalid-check"
	// ReasonWildcard: the method cannot validate wildcard names. Fail.
	ReasonWildcard = "wildcard-not-suitable"
	// ReasonAddressForbidden: the IP address to validate, or all those that a
	// name leads to, are refused by Options.Allowed. None was contacted. Fail.
	ReasonAddressForbidden = "address-forbidden"
	// ReasonLookupFailed: no usable answer from the DNS. Error.
	ReasonLookupFailed = "lookup-failed"
	// ReasonBogus: the answer from the DNS fails DNSSEC validation. Error.
	ReasonBogus = "dnssec-bogus"
)

// The reasons of the methods that reach a server of the target.
const (
	// ReasonNameNotFound: the name of the server does not exist. Fail.
	ReasonNameNotFound = "name-not-found"
	// ReasonNoAddress: the name has neither A nor AAAA records. Fail.
	ReasonNoAddress = "no-address"
	// ReasonConnectionFailed: the server could not be reached, or broke off, or
	// speaks neither HTTP nor TLS 1.2. Error.
	ReasonConnectionFailed = "connection-failed"
	// ReasonTimeout: the server did not answer in time. Error.
	ReasonTimeout = "timeout"
)

// The reasons of http-01 and website-change.
const (
	// ReasonMismatch: the body is not the key authorization. Fail.
	ReasonMismatch = "key-authorization-mismatch"
	// ReasonValueFound: the body has the value, or matches the regular
	// expression. Pass.
	ReasonValueFound = "value-found"
	// ReasonValueNotFound: it does not. Fail.
	ReasonValueNotFound = "value-not-found"
	// ReasonValueInRequest: what was looked for was wholly in the request, so that
	// finding it proves nothing. Fail.
	ReasonValueInRequest = "value-in-request"
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
)

// The reasons of the methods that read a record set.
const (
	// ReasonNoTXT: there is no TXT record where the method wants one. Fail.
	ReasonNoTXT = "no-txt-record"
	// ReasonTXTMismatch: no TXT record has the digest. Fail.
	ReasonTXTMismatch = "txt-mismatch"
	// ReasonNoRecord: there is no record of the type that the method wants. Fail.
	ReasonNoRecord = "no-record"
	// ReasonRecordMatches: a record has what was looked for: the value, the IP
	// address, the FQDN. Pass.
	ReasonRecordMatches = "record-matches"
	// ReasonRecordMismatch: no record has it. Fail.
	ReasonRecordMismatch = "record-mismatch"
)

// The reasons of the contact methods.
const (
	// ReasonContactMatches: a record has the contact. Pass.
	ReasonContactMatches = "contact-matches"
	// ReasonContactMismatch: the records have other contacts. Fail.
	ReasonContactMismatch = "contact-mismatch"
	// ReasonContactUnusable: no record's whole value is a contact. Fail.
	ReasonContactUnusable = "contact-unusable"
	// ReasonNoContact: the relevant record set has no contact property. Fail.
	ReasonNoContact = "no-contact-record"
)

// The reasons of dns-persistent and ip-persistent. If several records fail, the
// one that came nearest to passing gives the reason.
const (
	// ReasonPersistentMatches: a record authorizes the account at the CA. Pass.
	ReasonPersistentMatches = "persistent-record-matches"
	// ReasonPersistentIssuer: the records name other CAs. Fail.
	ReasonPersistentIssuer = "persistent-issuer-mismatch"
	// ReasonPersistentMalformed: a record that names the CA is not an
	// issue-value, or has a parameter twice, or its persistUntil is no number.
	// Fail.
	ReasonPersistentMalformed = "persistent-record-malformed"
	// ReasonPersistentNoAccount: a record that names the CA lacks accounturi.
	// Fail.
	ReasonPersistentNoAccount = "persistent-account-missing"
	// ReasonPersistentAccount: it names another account. Fail.
	ReasonPersistentAccount = "persistent-account-mismatch"
	// ReasonPersistentWildcard: it does not allow wildcards, and
	// Options.PersistentWildcardPolicy asks for that. Fail.
	ReasonPersistentWildcard = "persistent-wildcard-not-allowed"
	// ReasonPersistentExpired: its persistUntil has passed. Fail.
	ReasonPersistentExpired = "persistent-record-expired"
)

// The reasons of tls-alpn-01. All but the first are Fail.
const (
	// ReasonCertificateMatches: the certificate is the one that RFC 8737 wants.
	// Pass.
	ReasonCertificateMatches = "certificate-matches"
	// ReasonALPN: the server did not negotiate acme-tls/1.
	ReasonALPN = "alpn-not-negotiated"
	// ReasonCertificateMalformed: it sent no certificate that can be read.
	ReasonCertificateMalformed = "certificate-malformed"
	// ReasonDuplicateExtension: two extensions of the certificate have the same
	// object identifier.
	ReasonDuplicateExtension = "certificate-duplicate-extension"
	// ReasonNotSelfSigned: the certificate is not signed by its own key, or its
	// issuer is not its subject.
	ReasonNotSelfSigned = "certificate-not-self-signed"
	// ReasonExtensionMissing: it lacks the subjectAltName or the acmeIdentifier
	// extension.
	ReasonExtensionMissing = "certificate-extension-missing"
	// ReasonNotOneSAN: its subjectAltName is not exactly one name.
	ReasonNotOneSAN = "certificate-not-one-san"
	// ReasonSANType: the one name is not a dNSName, or for an IP address not an
	// iPAddress.
	ReasonSANType = "certificate-san-type"
	// ReasonSANMismatch: it is another name or address.
	ReasonSANMismatch = "certificate-san-mismatch"
	// ReasonExtensionNotCritical: the acmeIdentifier extension is not critical.
	ReasonExtensionNotCritical = "certificate-extension-not-critical"
	// ReasonExtensionMalformed: it is not the DER encoding of an OCTET STRING of
	// 32 octets and nothing else.
	ReasonExtensionMalformed = "certificate-extension-malformed"
	// ReasonDigestMismatch: it is the digest of something else.
	ReasonDigestMismatch = "certificate-digest-mismatch"
)

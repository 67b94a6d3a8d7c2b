// Package access decides who may ask a service, for what and how much: the
// coordinator's callers and a perspective's partners alike.
//
// A [Client] is known by its certificate (mutual TLS), whose only URI name must be,
// octet by octet, the one configured, or by an API key, of which only the SHA-256
// digest is kept. Certificates can be revoked by CRLs ([Revocations]). A client has
// methods, issuer domains, a rate, a daily quota and a number of checks at a time
// ([Usage]). [Admission] bounds connections before any of this is known, [Slots] the
// checks of all clients together, [Browser] refuses what a web page had a browser
// send, and [Secrets] reads files that nobody else may read.
//
// Not modelled: OCSP, delta CRLs and indirect CRLs; quotas that outlive the process.
//
// Times are the caller's clock. Everything but [Client] is safe for concurrent use.
package access

import (
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives"
)

// Client is somebody who may ask, and what for.
type Client struct {
	// Name is for logs, records and metrics. Unique.
	Name string
	// Identity is the URI that the client's certificates carry as their only URI
	// name (subjectAltName), such as "spiffe://ca.example/mpic". Unique. It is
	// compared octet by octet. Empty if the client has API keys only.
	Identity string
	// Roots issue the client's certificates. A certificate with the identity that
	// was issued by another client's root is refused.
	Roots []*x509.Certificate
	// Revocations are the CRLs of those roots; nil if none are consulted.
	Revocations *Revocations
	// Keys are the client's API keys. A client without identity whose last key was
	// taken away stays a client; it can only not ask.
	Keys []Key
	// Methods are those that it may validate by; none means CAA alone.
	Methods []perspectives.Method
	// IssuerDomains are the domains that a check may name as the CA's own, in
	// lower-case A-labels.
	IssuerDomains []string
	// ChecksPerSecond and Burst are a token bucket for requests, 0 for no bound.
	// Burst is how many may come at once, at least 1 if there is a rate.
	ChecksPerSecond float64
	Burst           int
	// DailyQuota is how many checks it may have in a day (UTC), 0 for no bound.
	DailyQuota int
	// Concurrent is how many of its checks may run at a time, 0 for no bound.
	Concurrent int
	// Operator lets it read the metrics, which name all clients.
	Operator bool
}

// Validate returns an error that names the client and the field.
func (c Client) Validate() error {
	if c.Name == "" {
		return errors.New("a client without a name")
	}
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("client %q: %w", c.Name, fmt.Errorf(format, args...))
	}
	if err := checkIdentity(c.Identity); c.Identity != "" && err != nil {
		return wrong("%w", err)
	}
	if (c.Identity == "") != (len(c.Roots) == 0) {
		return wrong("roots: expected the certificate of at least one CA with an identity, and none without")
	}
	if c.Revocations != nil && c.Identity == "" {
		return wrong("revocations: expected none without an identity")
	}
	for _, m := range c.Methods {
		if !m.Known() {
			return wrong("method %q: expected one of %v", m, perspectives.Methods())
		}
	}
	for _, d := range c.IssuerDomains {
		if d == "" || d != strings.ToLower(d) || strings.HasSuffix(d, ".") {
			return wrong("issuer domain %q: expected a name in lower case without trailing dot", d)
		}
	}
	switch {
	case !(c.ChecksPerSecond >= 0) || math.IsInf(c.ChecksPerSecond, 0):
		return wrong("checks per second %v: expected 0 or more", c.ChecksPerSecond)
	case c.ChecksPerSecond > 0 && c.Burst < 1:
		return wrong("burst %d: expected 1 or more with a rate", c.Burst)
	case c.ChecksPerSecond == 0 && c.Burst != 0:
		return wrong("burst %d: expected 0 without a rate", c.Burst)
	case c.DailyQuota < 0:
		return wrong("daily quota %d: expected 0 or more", c.DailyQuota)
	case c.Concurrent < 0:
		return wrong("concurrent checks %d: expected 0 or more", c.Concurrent)
	}
	return nil
}

// checkIdentity wants a URI with an authority, in the characters of RFC 3986. That
// is for finding mistakes: identities are compared as octets.
func checkIdentity(identity string) error {
	scheme, rest, found := strings.Cut(identity, "://")
	if !found || scheme == "" || rest == "" {
		return fmt.Errorf("identity %q: expected a URI such as spiffe://ca.example/mpic", identity)
	}
	if i := strings.IndexFunc(identity, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>\^{|}`+"`", r) }); i >= 0 {
		return fmt.Errorf("identity %q: found %q, expected the characters of a URI", identity, identity[i])
	}
	return nil
}

// Authorize returns why c may not ask for a check, nil if it may.
func (c Client) Authorize(check perspectives.Check) *Denial {
	if check.Questions.DCV() && !slices.Contains(c.Methods, check.Method) {
		return deny(MethodRefused, "method %q: %q may use %v", check.Method, c.Name, c.Methods)
	}
	for _, d := range check.IssuerDomains {
		if !slices.Contains(c.IssuerDomains, d) {
			return deny(IssuerRefused, "issuer domain %q: %q may name %v", d, c.Name, c.IssuerDomains)
		}
	}
	return nil
}

// Cause is why a request is denied; a stable word.
type Cause string

// The causes.
const (
	// NoCredentials: neither a certificate nor an API key.
	NoCredentials Cause = "no-credentials"
	// Unknown: credentials, but nobody's here.
	Unknown Cause = "unknown-client"
	// Revoked: a CRL lists the certificate.
	Revoked Cause = "revoked"
	// RevocationUnknown: no current CRL says whether the certificate is revoked.
	RevocationUnknown Cause = "revocation-unknown"
	// MethodRefused, IssuerRefused: not for this client.
	MethodRefused Cause = "method-refused"
	IssuerRefused Cause = "issuer-refused"
	// RateLimited, OverQuota: later.
	RateLimited Cause = "rate-limited"
	OverQuota   Cause = "over-quota"
	// Busy: too much at a time, of this client or of all.
	Busy Cause = "busy"
)

// Denial is why a request is not served.
type Denial struct {
	Cause Cause
	// Detail is a sentence for people.
	Detail string
	// RetryAfter is when it is worth another try, 0 if never.
	RetryAfter time.Duration
}

func deny(cause Cause, format string, args ...any) *Denial {
	return &Denial{Cause: cause, Detail: fmt.Sprintf(format, args...)}
}

func (d *Denial) after(wait time.Duration) *Denial {
	d.RetryAfter = max(wait, time.Nanosecond)
	return d
}

// Caller is a client with the credential that it has shown.
type Caller struct {
	Client
	// Credential is for records: "certificate" or "api-key", and the beginning of
	// the SHA-256 digest of it in hexadecimal.
	Credential string
}

// List is the clients of a service, made by [NewList]. It is immutable.
type List struct {
	clients []Client
	roots   *x509.CertPool
}

// NewList checks clients. The error names the first that is incomplete or not
// unique.
func NewList(clients []Client) (*List, error) {
	l := &List{clients: slices.Clone(clients), roots: x509.NewCertPool()}
	names, identities, keys := map[string]bool{}, map[string]string{}, map[[32]byte]string{}
	for _, c := range l.clients {
		if err := c.Validate(); err != nil {
			return nil, err
		}
		if names[c.Name] {
			return nil, fmt.Errorf("client %q: expected no second one of the name", c.Name)
		}
		if other, double := identities[c.Identity]; double && c.Identity != "" {
			return nil, fmt.Errorf("client %q: identity %q: already that of %q", c.Name, c.Identity, other)
		}
		names[c.Name], identities[c.Identity] = true, c.Name
		for _, k := range c.Keys {
			if other, double := keys[k.SHA256]; double {
				return nil, fmt.Errorf("client %q: API key %s: already that of %q", c.Name, k.ID(), other)
			}
			keys[k.SHA256] = c.Name
		}
		for _, r := range c.Roots {
			l.roots.AddCert(r)
		}
	}
	return l, nil
}

// Len returns how many clients there are.
func (l *List) Len() int { return len(l.clients) }

// Roots returns the roots of all clients, for [tls.Config.ClientCAs].
func (l *List) Roots() *x509.CertPool { return l.roots }

// HasCertificates reports whether any client has an identity.
func (l *List) HasCertificates() bool {
	return slices.ContainsFunc(l.clients, func(c Client) bool { return c.Identity != "" })
}

// HasKeys reports whether any client is known by API keys: it has one, or no
// identity.
func (l *List) HasKeys() bool {
	return slices.ContainsFunc(l.clients, func(c Client) bool { return len(c.Keys) > 0 || c.Identity == "" })
}

// ByCertificate returns the client of a connection whose client certificate has
// been verified against [List.Roots]. It is asked for every request: since the
// handshake the certificate may have expired or been revoked.
func (l *List) ByCertificate(state *tls.ConnectionState, now time.Time) (Caller, *Denial) {
	if state == nil || len(state.VerifiedChains) == 0 {
		return Caller{}, deny(NoCredentials, "no verified client certificate")
	}
	leaf := state.VerifiedChains[0][0]
	identity, denial := identityOf(leaf)
	if denial != nil {
		return Caller{}, denial
	}
	i := slices.IndexFunc(l.clients, func(c Client) bool { return c.Identity == identity })
	if i < 0 {
		return Caller{}, deny(Unknown, "%q is not known here", identity)
	}
	c := l.clients[i]
	chains := slices.DeleteFunc(slices.Clone(state.VerifiedChains), func(chain []*x509.Certificate) bool {
		return !slices.ContainsFunc(c.Roots, chain[len(chain)-1].Equal)
	})
	if len(chains) == 0 {
		return Caller{}, deny(Unknown, "the certificate of %q was issued by another root than that client's", identity)
	}
	if leaf.NotAfter.Before(now) {
		return Caller{}, deny(Unknown, "the client certificate has expired since the connection was made")
	}
	if c.Revocations != nil {
		if denial := c.Revocations.judge(chains, now); denial != nil {
			return Caller{}, denial
		}
	}
	return Caller{c, "certificate " + shortDigest(digest(leaf.Raw))}, nil
}

// ByKey returns the client of an API key as it was presented. Every key is compared,
// in constant time.
func (l *List) ByKey(presented string, now time.Time) (Caller, *Denial) {
	sum := digest([]byte(presented))
	found := Caller{}
	var key Key
	for _, c := range l.clients {
		for _, k := range c.Keys {
			if subtle.ConstantTimeCompare(k.SHA256[:], sum[:]) == 1 {
				found, key = Caller{c, "api-key " + k.ID()}, k
			}
		}
	}
	switch {
	case found.Name == "":
		return Caller{}, deny(Unknown, "the API key is not known here")
	case !key.NotAfter.IsZero() && now.After(key.NotAfter):
		return Caller{}, deny(Unknown, "the API key has expired")
	}
	return found, nil
}

package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"

	"mpicsim/perspectives"
)

// Partner is a CA that may use the perspective, and what it may ask for.
type Partner struct {
	// Name is for logs and metrics. Unique.
	Name string
	// Identity is the URI that the partner's client certificates carry as their
	// only URI name (subjectAltName), such as "spiffe://ca.example/mpic". Unique.
	Identity string
	// Roots issue the partner's client certificates. A certificate with the
	// identity that was issued by another partner's root is refused.
	Roots []*x509.Certificate
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
	// OpenMPIC lets it use Open MPIC's paths, where requests have neither nonce
	// nor expiry and answers no signature.
	OpenMPIC bool
	// Operator lets it read the metrics, which name all partners.
	Operator bool
	// Log gets the records of the partner's requests; nil for none.
	Log *slog.Logger
}

// validate returns an error that names the field.
func (p Partner) validate() error {
	if p.Name == "" {
		return errors.New("a partner without a name")
	}
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("partner %q: %w", p.Name, fmt.Errorf(format, args...))
	}
	if scheme, rest, found := strings.Cut(p.Identity, "://"); !found || scheme == "" || rest == "" {
		return wrong("identity %q: expected a URI such as spiffe://ca.example/mpic", p.Identity)
	}
	if len(p.Roots) == 0 {
		return wrong("roots: expected the certificate of at least one CA")
	}
	for _, m := range p.Methods {
		if !m.Known() {
			return wrong("method %q: expected one of %v", m, perspectives.Methods())
		}
	}
	for _, d := range p.IssuerDomains {
		if d == "" || d != strings.ToLower(d) || strings.HasSuffix(d, ".") {
			return wrong("issuer domain %q: expected a name in lower case without trailing dot", d)
		}
	}
	switch {
	case !(p.ChecksPerSecond >= 0) || math.IsInf(p.ChecksPerSecond, 0):
		return wrong("checks per second %v: expected 0 or more", p.ChecksPerSecond)
	case p.ChecksPerSecond > 0 && p.Burst < 1:
		return wrong("burst %d: expected 1 or more with a rate", p.Burst)
	case p.ChecksPerSecond == 0 && p.Burst != 0:
		return wrong("burst %d: expected 0 without a rate", p.Burst)
	case p.DailyQuota < 0:
		return wrong("daily quota %d: expected 0 or more", p.DailyQuota)
	case p.Concurrent < 0:
		return wrong("concurrent checks %d: expected 0 or more", p.Concurrent)
	}
	return nil
}

// validatePartners returns the first error of a list.
func validatePartners(partners []Partner) error {
	names, identities := map[string]bool{}, map[string]string{}
	for _, p := range partners {
		if err := p.validate(); err != nil {
			return err
		}
		if names[p.Name] {
			return fmt.Errorf("partner %q: expected no second one of the name", p.Name)
		}
		if other, double := identities[p.Identity]; double {
			return fmt.Errorf("partner %q: identity %q: already that of %q", p.Name, p.Identity, other)
		}
		names[p.Name], identities[p.Identity] = true, p.Name
	}
	return nil
}

// identify returns the partner of a connection whose client certificate chains
// to a root of any partner.
func identify(partners []Partner, state *tls.ConnectionState) (Partner, *Refusal) {
	if state == nil || len(state.VerifiedChains) == 0 {
		return Partner{}, refuse(codeUnknownPartner, "no verified client certificate")
	}
	leaf := state.VerifiedChains[0][0]
	if len(leaf.URIs) != 1 {
		return Partner{}, refuse(codeUnknownPartner, "the client certificate has %d URI names, expected one", len(leaf.URIs))
	}
	identity := leaf.URIs[0].String()
	for _, p := range partners {
		if p.Identity != identity {
			continue
		}
		for _, chain := range state.VerifiedChains {
			if slices.ContainsFunc(p.Roots, chain[len(chain)-1].Equal) {
				return p, nil
			}
		}
		return Partner{}, refuse(codeUnknownPartner, "the certificate of %q was issued by another root than the partner's", identity)
	}
	return Partner{}, refuse(codeUnknownPartner, "%q is no partner", identity)
}

// authorize says whether p may ask for a check.
func (p Partner) authorize(c perspectives.Check) *Refusal {
	if c.Questions.DCV() && !slices.Contains(p.Methods, c.Method) {
		return refuse(codeMethodRefused, "method %q: partner %q may use %v", c.Method, p.Name, p.Methods)
	}
	for _, d := range c.IssuerDomains {
		if !slices.Contains(p.IssuerDomains, d) {
			return refuse(codeIssuerRefused, "issuer domain %q: partner %q may name %v", d, p.Name, p.IssuerDomains)
		}
	}
	return nil
}

package remote

import (
	"crypto/tls"
	"fmt"
	"log/slog"

	"mpicsim/perspectives/access"
)

// Partner is a CA that may use the perspective, and what it may ask for. It is known
// by its certificate: API keys are not taken here.
type Partner struct {
	access.Client
	// OpenMPIC lets it use Open MPIC's paths, where requests have neither nonce
	// nor expiry and answers no signature.
	OpenMPIC bool
	// Log gets the records of the partner's requests; nil for none.
	Log *slog.Logger
}

// partners are the partners of one moment.
type partners struct {
	list   *access.List
	byName map[string]Partner
}

func newPartners(all []Partner) (partners, error) {
	p := partners{byName: map[string]Partner{}}
	var clients []access.Client
	for _, one := range all {
		if len(one.Keys) > 0 || one.Identity == "" {
			return p, fmt.Errorf("partner %q: expected an identity, and no API keys", one.Name)
		}
		clients = append(clients, one.Client)
		p.byName[one.Name] = one
	}
	var err error
	p.list, err = access.NewList(clients)
	return p, err
}

// identify returns the partner of a connection whose client certificate chains to a
// root of any partner.
func (s *Server) identify(state *tls.ConnectionState) (Partner, *Refusal) {
	all := s.current.Load().partners
	caller, denial := all.list.ByCertificate(state, s.config.Clock())
	if denial != nil {
		return Partner{}, refused(denial)
	}
	return all.byName[caller.Name], nil
}

// refused puts a denial in the words of the protocol.
func refused(d *access.Denial) *Refusal {
	codes := map[access.Cause]code{
		access.MethodRefused: codeMethodRefused, access.IssuerRefused: codeIssuerRefused,
		access.RateLimited: codeRate, access.OverQuota: codeQuota, access.Busy: codeBusy,
		access.Revoked: codeRevoked, access.RevocationUnknown: codeNoRevocations,
	}
	c, ok := codes[d.Cause]
	if !ok {
		c = codeUnknownPartner
	}
	r := refuse(c, "%s", d.Detail)
	if d.RetryAfter > 0 {
		r = r.after(d.RetryAfter)
	}
	return r
}

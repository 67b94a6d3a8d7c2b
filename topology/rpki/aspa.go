package rpki

import (
	"fmt"
	"slices"

	"mpicsim/topology"
)

// ASPA is a validated ASPA payload: Customer names all its providers
// (draft-ietf-sidrops-aspa-profile).
type ASPA struct {
	Customer topology.ASN
	// Providers is not empty. AS 0 alone says that there are none; beside others it
	// has no influence.
	Providers []topology.ASN
}

// check returns what is wrong with the payload, by field.
func (a ASPA) check() error {
	switch {
	case a.Customer == 0:
		return fmt.Errorf("customer AS 0: want a number from 1 to 4294967295")
	case len(a.Providers) == 0:
		return fmt.Errorf("no providers: want at least one; AS 0 says that there are none")
	case slices.Contains(a.Providers, a.Customer):
		return fmt.Errorf("provider AS %d: want another AS than the customer", a.Customer)
	}
	return nil
}

// ASPAs is a set of payloads, prepared for verification. Sections are those of
// draft-ietf-sidrops-aspa-verification-28.
type ASPAs struct {
	providers map[topology.ASN][]topology.ASN // ascending, without AS 0
}

// NewASPAs returns the set of the ASPAs, which it does not keep. Several of one
// customer count as their union. It returns an error that names the first payload
// that cannot be one.
func NewASPAs(aspas []ASPA) (*ASPAs, error) {
	set := &ASPAs{providers: make(map[topology.ASN][]topology.ASN, len(aspas))}
	for i, a := range aspas {
		if err := a.check(); err != nil {
			return nil, fmt.Errorf("ASPA %d (AS %d): %w", i, a.Customer, err)
		}
		set.providers[a.Customer] = append(set.providers[a.Customer], a.Providers...)
	}
	for customer, providers := range set.providers {
		slices.Sort(providers)
		providers = slices.Compact(providers)
		if providers[0] == 0 {
			providers = providers[1:]
		}
		set.providers[customer] = slices.Clip(providers)
	}
	return set, nil
}

// Len returns the number of customers that have an ASPA.
func (s *ASPAs) Len() int {
	if s == nil {
		return 0
	}
	return len(s.providers)
}

// Providers returns the providers that the ASPAs of a customer name, ascending,
// without AS 0, and whether there is any ASPA. The caller must not change the slice.
func (s *ASPAs) Providers(customer topology.ASN) ([]topology.ASN, bool) {
	if s == nil {
		return nil, false
	}
	providers, ok := s.providers[customer]
	return providers, ok
}

// Authorized returns what the customer's ASPAs say of a provider: the function
// authorized(customer, provider) of section 5.3. AS 0 is nobody's provider.
func (s *ASPAs) Authorized(customer, provider topology.ASN) Authorization {
	providers, ok := s.Providers(customer)
	if !ok {
		return NoAttestation
	}
	if _, ok := slices.BinarySearch(providers, provider); ok {
		return Provider
	}
	return NotProvider
}

// VerifyUpstream returns the outcome for a path that came from a customer or a
// lateral peer: it may only climb, from customer to provider, from the origin to
// the neighbour (section 5.5). An empty path is invalid. That the path starts with
// the neighbour is for the caller to see to. It does not allocate.
func (s *ASPAs) VerifyUpstream(path []topology.ASN) PathValidity {
	up := s.climb(path, len(path)-1, -1)
	return Ramps{Length: up.length, MaxUp: up.max, MinUp: up.min}.Upstream()
}

// VerifyDownstream returns the outcome for a path that came from a provider: it may
// climb from the origin, cross between two lateral peers once, and descend to the
// neighbour (section 5.6). An empty path is invalid. That the path starts with the
// neighbour is for the caller to see to. It does not allocate.
func (s *ASPAs) VerifyDownstream(path []topology.ASN) PathValidity {
	return s.Ramps(path).Downstream()
}

// Ramps are how far an AS path climbs from its origin (up) and, seen from there, from
// the neighbour (down), in numbers of ASes, prepends collapsed (section 5.4). They
// say why a path is valid or not.
type Ramps struct {
	// Length is the number of ASes on the path.
	Length int
	// MaxUp and MaxDown end before the first hop that an ASPA denies.
	MaxUp, MaxDown int
	// MinUp and MinDown end before the first hop that no ASPA attests.
	MinUp, MinDown int
}

// Ramps measures a path. All numbers of an empty one are 0.
func (s *ASPAs) Ramps(path []topology.ASN) Ramps {
	up, down := s.climb(path, len(path)-1, -1), s.climb(path, 0, 1)
	return Ramps{Length: up.length, MaxUp: up.max, MinUp: up.min, MaxDown: down.max, MinDown: down.min}
}

// Upstream returns the outcome for a path from a customer or a lateral peer.
func (r Ramps) Upstream() PathValidity {
	switch {
	case r.Length == 0 || r.MaxUp < r.Length:
		return ASPAInvalid
	case r.MinUp < r.Length:
		return ASPAUnknown
	default:
		return ASPAValid
	}
}

// Downstream returns the outcome for a path from a provider.
func (r Ramps) Downstream() PathValidity {
	switch {
	case r.Length == 0 || r.MaxUp+r.MaxDown < r.Length:
		return ASPAInvalid
	case r.MinUp+r.MinDown < r.Length:
		return ASPAUnknown
	default:
		return ASPAValid
	}
}

// ramp is one side of [Ramps].
type ramp struct{ max, min, length int }

// climb returns the ramp from path[from] on: the up-ramp from the origin with step
// -1, the down-ramp, seen from the neighbour, with step 1.
func (s *ASPAs) climb(path []topology.ASN, from, step int) ramp {
	if len(path) == 0 {
		return ramp{}
	}
	r := ramp{length: 1}
	for at := from + step; at >= 0 && at < len(path); at += step {
		customer, provider := path[at-step], path[at]
		if customer == provider {
			continue // a prepend
		}
		if r.max == 0 { // else its length alone is still sought
			answer := s.Authorized(customer, provider)
			if answer != Provider && r.min == 0 {
				r.min = r.length
			}
			if answer == NotProvider {
				r.max = r.length
			}
		}
		r.length++
	}
	if r.max == 0 {
		r.max = r.length
	}
	if r.min == 0 {
		r.min = r.length
	}
	return r
}

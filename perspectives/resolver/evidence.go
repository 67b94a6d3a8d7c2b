package resolver

import (
	"slices"

	"mpicsim/perspectives"
)

// DNSSEC returns s in the words of an outcome.
func (s Status) DNSSEC() perspectives.DNSSEC {
	switch s {
	case Insecure:
		return perspectives.Insecure
	case Secure:
		return perspectives.Secure
	case Bogus:
		return perspectives.Bogus
	case Indeterminate:
	}
	return perspectives.Indeterminate
}

// Weakest returns the status of something that rests on answers of all the
// statuses given: Bogus before Indeterminate before Insecure before Secure;
// Secure if there are none.
func Weakest(statuses ...Status) Status {
	weakest := Secure
	for _, s := range statuses {
		weakest = weakest.weaker(s)
	}
	return weakest
}

// maxChain is how many links an outcome has at most: many more than the zones and
// records that one check needs.
const maxChain = 256

// AppendChain appends links to chain in the form of an outcome's evidence,
// leaving out what is there already: lookups of one session share most of their
// chains. A chain of maxChain links is not appended to.
func AppendChain(chain []perspectives.ChainLink, links []Link) []perspectives.ChainLink {
	for _, l := range links {
		if len(chain) >= maxChain {
			return chain
		}
		link := perspectives.ChainLink{
			Zone: l.Zone, Owner: l.Owner, Type: l.Type, Status: l.Status.DNSSEC(),
			Algorithm: l.Algorithm, KeyTag: l.KeyTag, Inception: l.Inception, Expiration: l.Expiration, Detail: l.Detail,
		}
		if l.EDE != nil {
			link.EDE = l.EDE.String()
		}
		if !slices.Contains(chain, link) {
			chain = append(chain, link)
		}
	}
	return chain
}

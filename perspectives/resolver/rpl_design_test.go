package resolver_test

import (
	"fmt"
	"slices"
)

// rplDesign says in which steps of a scenario the resolver differs from its peers by
// design. The zero value is for scenarios in which it does not.
type rplDesign struct {
	steps  []int
	reason string
}

// complaint returns what is wrong with a run: steps that differ and should not, and
// steps that should differ and do not.
func (d rplDesign) complaint(p *rplPlay, err error) error {
	var found []int
	for _, w := range p.wrong {
		found = append(found, w.step)
	}
	switch {
	case !p.ended:
		return fmt.Errorf("found a run that breaks off, expected one to the end: %w", err)
	case slices.Equal(found, d.steps):
		return nil
	case len(found) == 0:
		return fmt.Errorf("found no difference, expected the steps %v to differ: %s", d.steps, d.reason)
	}
	return fmt.Errorf("found a difference in the steps %v, expected %v: %w", found, d.steps, err)
}

// rplByDesign are the scenarios in which the resolver differs from its peers. One that
// is in the table and passes fails the test.
func rplByDesign() map[string]rplDesign {
	const (
		sha1      = "SHA-1 is not supported: a zone that only RSASHA1 signs is Insecure, never Secure"
		namesA    = "shortened names are asked for with type A (RFC 9156 2.1), and the servers know them with type NS only"
		checking  = "there is no way to ask without validation (CD): an answer that fails it is never returned"
		malformed = "a malformed record makes the whole reply malformed: the lookup fails before validation, and no extended error says Other"
	)
	return map[string]rplDesign{
		"deckard/iter_minim_a":                   {[]int{10}, namesA},
		"deckard/iter_minim_nonempty":            {[]int{10}, namesA},
		"deckard/iter_validate_nsec_nxdomain":    {[]int{10}, sha1},
		"deckard/val_referral_nods":              {[]int{20, 40}, sha1},
		"deckard/world_cz_rhybar":                {[]int{10}, checking},
		"deckard/world_mx_nic_www":               {[]int{21}, sha1},
		"unbound/iter_resolve_minimised_timeout": {[]int{40, 50}, "the full name is asked for with the type wanted at once, not first with type A, so the query that the server drops is never sent"},
		"unbound/iter_stubfirst":                 {[]int{10}, "there are no zones with servers of their own, and so none whose servers give way to the public ones"},
		"unbound/val_scrub_rr_length":            {[]int{10}, malformed},
	}
}

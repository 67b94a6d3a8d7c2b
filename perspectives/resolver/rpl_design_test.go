package resolver_test

// rplByDesign are the scenarios in which the resolver differs from its peers, with
// the reason. A scenario in the table that passes is an error, too.
func rplByDesign() map[string]string {
	const (
		sha1     = "SHA-1 is not supported: a zone that only RSASHA1 signs is Insecure, never Secure"
		namesA   = "shortened names are asked for with type A (RFC 9156 2.1), and the servers know them with type NS only"
		checking = "there is no way to ask without validation (CD): an answer that fails it is never returned"
		scrubbed = "a malformed record makes the whole reply malformed instead of being left out, so the signature is not looked at and no extended error says Other"
	)
	return map[string]string{
		"deckard/iter_minim_a":                   namesA,
		"deckard/iter_minim_nonempty":            namesA,
		"deckard/iter_validate_nsec_nxdomain":    sha1,
		"deckard/val_referral_nods":              sha1,
		"deckard/world_cz_rhybar":                checking,
		"deckard/world_mx_nic_www":               namesA,
		"unbound/iter_resolve_minimised_timeout": "the full name is asked for with the type wanted at once, not first with type A, so no query for the type that the server drops is sent",
		"unbound/iter_stubfirst":                 "there are no zones with servers of their own, and none that give way to the public ones",
		"unbound/val_scrub_rr_length":            scrubbed,
	}
}

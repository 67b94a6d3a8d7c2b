package resolver_test

// rplByDesign are the scenarios in which the resolver differs from its peers, with
// the reason. A scenario in the table that passes is an error, too.
func rplByDesign() map[string]string {
	const (
		sha1     = "SHA-1 is not supported: a zone that only RSASHA1 signs is Insecure, never Secure"
		namesA   = "shortened names are asked for with type A (RFC 9156 2.1), and the servers know them with type NS only"
		checking = "there is no way to ask without validation (CD): an answer that fails it is never returned"
		lame     = "to be mended: an answer without AA is taken for lame"
		upward   = "to be mended: an empty reply with AA and an upward referral is taken for NODATA"
		lastWord = "to be mended: a server that sets RA and not AA is not even the last resort"
		parental = "to be mended: addresses of the parent's side, or of the other family, are not looked up after glue has failed"
		scrubbed = "a malformed record makes the whole reply malformed instead of being left out, so the signature is not looked at and no extended error says Other"
	)
	return map[string]string{
		"deckard/iter_cname_badauth":              lame,
		"deckard/iter_cname_cache":                lame,
		"deckard/iter_escape_bailiwick":           lame,
		"deckard/iter_hint_lame":                  lame,
		"deckard/iter_lame_aaaa":                  upward,
		"deckard/iter_minim_a":                    namesA,
		"deckard/iter_minim_nonempty":             namesA,
		"deckard/iter_mod":                        lame,
		"deckard/iter_ns_badglue":                 lame,
		"deckard/iter_ns_noglue":                  lame,
		"deckard/iter_ns_spoof":                   lame,
		"deckard/iter_pcdiff":                     parental,
		"deckard/iter_validate_nsec_nxdomain":     sha1,
		"deckard/nsec_wildcard_answer_response":   lame,
		"deckard/val_ad_qtype_ds":                 lastWord,
		"deckard/val_nsec3_cnametocnamewctoposwc": lame,
		"deckard/val_referral_nods":               sha1,
		"deckard/world_cz_rhybar":                 checking,
		"deckard/world_mx_nic_www":                namesA,
		"unbound/iter_cname_cache":                lame,
		"unbound/iter_dp_ip6useless":              lame,
		"unbound/iter_got6only":                   parental,
		"unbound/iter_hint_lame":                  lame,
		"unbound/iter_lame_aaaa":                  upward,
		"unbound/iter_mod":                        lame,
		"unbound/iter_ns_spoof":                   lame,
		"unbound/iter_pcdiff":                     parental,
		"unbound/iter_ranoaa_lame":                lame,
		"unbound/iter_resolve_minimised_nx":       lame,
		"unbound/iter_resolve_minimised_timeout":  "the full name is asked for with the type wanted at once, not first with type A, so no query for the type that the server drops is sent",
		"unbound/iter_scrub_ns_side":              lame,
		"unbound/iter_stub_noroot":                lame,
		"unbound/iter_stubfirst":                  "there are no zones with servers of their own, and none that give way to the public ones",
		"unbound/iter_timeout_ra_aaaa":            lastWord,
		"unbound/val_cnametocnamewctoposwc":       lame,
		"unbound/val_nodata_failwc":               lame,
		"unbound/val_nsec3_cnametocnamewctoposwc": lame,
		"unbound/val_scrub_rr_length":             scrubbed,
	}
}

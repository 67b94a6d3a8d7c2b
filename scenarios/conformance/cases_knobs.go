package conformance

// knobCases are about what implementations are known to differ in, with the
// expectation of the Baseline Requirements or of the RFC that they name.
func knobCases() []Case {
	const group = "D choices"
	page := func(file, value string) object {
		return dcv(ours, "website-change", object{"http_token_path": file, "challenge_value": value})
	}
	trim := dcv(ours, "acme-http-01", object{"token": tokenStem + "A", "key_authorization": keyAuth})
	alpn := dcv(hostNoALPN, "acme-tls-alpn-01", object{"key_authorization_hash": keyAuthHash})
	failed := func(name string, allow bool) object {
		return caa(name, object{"caa_domains": []string{DefaultIssuer}, "allow_lookup_failure": allow})
	}
	monitored := Case{
		Group: group, Name: "refuses example.com: quorum_count 0 asks to be told valid without a quorum",
		Request: text(with(caa("example.com", issuers(DefaultIssuer)), "orchestration_parameters", object{"quorum_count": 0})),
		Want:    Expectation{Status: 400, Error: "request-validation-failed", IssueType: "invalid-quorum-count"},
	}
	return append(climbCases(),
		expect(group, true, page("status-203.txt", "found-with-203"), "the value comes with status 203").
			because("strict_2xx", "Open MPIC takes status 200 alone"),
		expect(group, false, page("status-303.txt", "found-with-203"), "status 303 is no redirect that may be followed").
			erring(errorRedirect),
		expect(group, true, page("split.txt", "found-after-many-packets"), "the value comes after many packets").
			because("", "Open MPIC reads the first packets of a body alone"),
		expect(group, false, trim, "a space before the key authorization").
			because("trim", "Open MPIC ignores white space on both sides"),
		expect(group, false, alpn, "the server does not negotiate acme-tls/1").
			because("alpn_strict", "Open MPIC does not ask what was negotiated"),
		expect(group, false, persistent("upper."+ours, persistAcct), "the account URI differs in case").
			because("acct_case", "Open MPIC ignores case"),
		expect(group, true, persistent("*.plain."+ours, persistAcct), "a persistent record without policy").
			because("wild_policy", "Boulder asks wildcards for policy=wildcard"),
		expect(group, true, caa("flag1."+ours, issuers(DefaultIssuer)), "the flag with the value 1 is not critical").
			because("crit_bit", "Boulder takes it for critical"),
		expect(group, true, caa("192.0.2.80", issuers(DefaultIssuer)), "CAA does not apply to IP addresses").
			because("caa_ip", "Open MPIC looks the address up as a name; Boulder rejects it"),
		expect(group, true, failed("insecure-servfail."+ours, true), "a failed lookup in a zone that is proved to be Insecure").
			because("carve_out", "Open MPIC asks for no proof; Boulder never permits"),
		expect(group, false, failed("insecure-servfail."+ours, false), "a failed lookup without allow_lookup_failure").
			erring(errorCAALookup),
		expect(group, false, failed("expired."+caaSuiteSEC, true), "an expired signature is no lookup failure").
			erring(errorCAALookup).because("dnssec", "Open MPIC's resolver cannot tell it from one"),
		monitored.because("monitor", "Open MPIC's specification has it always succeed, its implementation rejects it only with a perspective_count"),
	)
}

// climbCases are names of the CAA test suite on which RFC 8659 and the older RFC
// 6844 differ: the climb goes on from the name asked for, not from the target of
// an alias.
func climbCases() []Case {
	const group = "D climb"
	other := issuers("example.com")
	suite := func(name string) object { return caa(name+caaSuite, other) }
	return []Case{
		expect(group, true, suite("dname-deny.basic."), "a DNAME record does not redirect its own name").
			because("climb", "the published suite skips it: denied by RFC 6844"),
		expect(group, true, suite("cname-deny-sub.basic."), "the parent of an alias's target does not count").
			because("climb", "the published suite skips it: denied by RFC 6844"),
		expect(group, true, suite("sub.dname-deny.basic."), "the parent of a DNAME record's target does not count").
			because("climb", ""),
		expect(group, false, suite("cname-permit-sub.deny.basic."), "an alias of a permitted name, below a denied one").
			because("climb", ""),
		expect(group, false, suite("dname-permit.deny.basic."), "a DNAME record to a permitted name, below a denied one").
			because("climb", ""),
		expect(group, false, suite("cname-loop.basic."), "aliases that lead back to themselves").erring(errorCAALookup),
	}
}

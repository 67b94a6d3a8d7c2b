package conformance

import "strings"

// What the CAA cases say of why something is published under a name, in both
// groups that ask for it.
type suiteName struct{ name, why string }

// denied are the names of the CAA test suite that forbid issuance to anybody but
// suiteIssuer.
func denied() []suiteName {
	return []suiteName{
		{"deny.basic.", "an issue property"},
		{"uppercase-deny.basic.", "a tag in upper case"},
		{"mixedcase-deny.basic.", "a tag in mixed case"},
		{"big.basic.", "a set of 1001 records, which takes TCP"},
		{"sub1.deny.basic.", "the parent's records"},
		{"sub2.sub1.deny.basic.", "the grandparent's records, below a name that does not exist"},
		{"cname-deny.basic.", "an alias's target has the records"},
		{"cname-cname-deny.basic.", "a chain of aliases leads to the records"},
		{"sub1.cname-deny.basic.", "the parent is an alias of a name with records"},
		{"deny.permit.basic.", "its own records come before the parent's"},
	}
}

const denyGroup, permitGroup = "A caa deny", "A caa permit"

func caaCases() []Case {
	out := []Case{expect("A caa smoke", true, caa("example.com", nil), "there are no CAA records")}
	const deny = denyGroup
	other := issuers("example.com")
	add := func(name, why string) {
		out = append(out, expect(deny, false, caa(name, other), why))
	}
	add("empty.basic."+caaSuite, "an issue property that names nobody")
	for _, d := range denied() {
		add(d.name+caaSuite, d.why)
	}
	add("critical1.basic."+caaSuite, "a critical property that nobody knows")
	add("critical2.basic."+caaSuite, "a critical property with a reserved flag besides")
	add("ipv6only."+caaSuite, "records on a name server with an IPv6 address only")
	add("xss."+caaSuite, "markup in the value")
	add("*.deny.basic."+caaSuite, "an issue property, for a wildcard")
	add("*.deny-wild.basic."+caaSuite, "an issuewild property, for a wildcard")
	for _, broken := range []suiteName{
		{"blackhole.", "a name server that never replies"},
		{"servfail.", "a name server that replies SERVFAIL"},
		{"refused.", "a name server that replies REFUSED"},
	} {
		out = append(out, expect(deny, false, caa(broken.name+caaSuiteSEC, other), broken.why).erring(errorCAALookup))
	}
	for _, bogus := range []suiteName{
		{"expired.", "signatures have expired"},
		{"missing.", "signatures are missing below a DS record"},
	} {
		// With the issuer that the records permit, so that nothing but the
		// signatures stands in the way.
		out = append(out, expect(deny, false, caa(bogus.name+caaSuiteSEC, issuers(suiteIssuer)), bogus.why).erring(errorCAALookup).
			because("dnssec", "the published suites leave it out, since Open MPIC does not require DNSSEC; the BR do at the primary"))
	}
	const wildcard = "A caa wildcard"
	out = append(out,
		expect(wildcard, false, caa("*.deny.basic."+caaSuite, nil), "an issue property, without parameters"),
		expect(wildcard, false, caa("*.deny-wild.basic."+caaSuite, nil), "an issuewild property, without parameters"))
	const permit = permitGroup
	own := object{"certificate_type": "tls-server", "caa_domains": []string{suiteIssuer, "example.com"}}
	for _, d := range denied() {
		out = append(out, expect(permit, true, caa(d.name+caaSuite, own), d.why))
	}
	return append(out,
		expect(permit, true, caa("*.deny.basic."+caaSuite, own), "an issue property, for a wildcard"),
		expect(permit, true, caa("*.deny-wild.basic."+caaSuite, own), "an issuewild property, for a wildcard"),
		expect(permit, true, caa("permit.basic."+caaSuite, own), "no property restricts issuance"))
}

func smimeCases() []Case {
	const group = "A s-mime"
	mail := func(name, issuer string) object {
		return caa(name+"."+integration, object{"certificate_type": "s-mime", "caa_domains": []string{issuer}})
	}
	return []Case{
		expect(group, true, mail("smime-standard", "example-ca.example.com"), "issuemail names the CA"),
		expect(group, true, mail("contact-phone-caa", "example-ca.example.com"), "CAA records without issuemail"),
		expect(group, true, mail("dns-phone-txt", "example-ca.example.com"), "no CAA records"),
		expect(group, true, mail("smime-with-issue", "example-ca2.example.com"), "issuemail names the CA, issue another one"),
		expect(group, false, mail("smime-standard", "example-ca1.example.com"), "issuemail names another CA"),
		expect(group, false, mail("smime-with-issue", "example-ca1.example.com"), "issue names the CA, issuemail another one"),
	}
}

// awsCases are those of the suite of the AWS deployment: the CAA cases of group A
// by two of three perspectives, and what it has beyond them. Its bodies have an
// explicit null for every member that is left out.
func awsCases() []Case {
	const group, failure = "B orchestration", "B lookup failure"
	smoke := []string{"mozilla.com"}
	cohort := Case{
		Group: group, Name: "asks exactly the two perspectives of the second cohort",
		Request: text(counted("example.com", smoke, counts(2, 2, 2))),
		Want:    Expectation{Perspectives: 2, Passed: All},
	}
	quorum := Case{
		Group: group, Name: "rejects a quorum of 5 of 3 perspectives",
		Request: text(counted("example.com", smoke, counts(3, 5, nil))),
		Want:    Expectation{Status: 400, Error: "request-validation-failed", IssueType: "invalid-quorum-count"},
	}
	kind := Case{
		Group: group, Name: "rejects a check type that nobody knows",
		Request: text(object{"domain_or_ip_target": "example.com", "check_type": "invalid_check_type", "caa_check_parameters": nil}),
		Want:    Expectation{Status: 400, Error: "request-validation-failed"},
	}
	leave := caa("servfail."+caaSuiteSEC, object{"certificate_type": nil, "caa_domains": []string{"example.com"}, "allow_lookup_failure": true})
	return append(countedCases(), cohort, quorum, kind,
		expect(failure, false, leave, "SERVFAIL below a DS record, with allow_lookup_failure").erring(errorCAALookup).
			because("carve_out", "the published suite expects true; the BR permit a failed lookup only where the domain is proved to be Insecure"))
}

// countedCases are the CAA cases of group A with a count and a quorum.
func countedCases() []Case {
	smoke := expect("B caa", true, counted("example.com", []string{"mozilla.com"}, counts(3, 2, nil)), "there are no CAA records")
	smoke.Want.Perspectives = 3
	out := []Case{smoke}
	for _, c := range caaCases() {
		domains := []string{"example.com"}
		switch {
		case c.Group == permitGroup:
			domains = []string{suiteIssuer, "example.com"}
		case c.Group != denyGroup || c.Differs != "":
			continue
		}
		c.Request = text(counted(c.Target(), domains, counts(3, 2, nil)))
		c.Group, c.Name = "B"+strings.TrimPrefix(c.Group, "A"), c.Name+", by 2 of 3"
		c.Want.Perspectives = 3
		out = append(out, c)
	}
	return out
}

// counts are orchestration parameters.
func counts(count, quorum, cohort any) object {
	return object{"perspective_count": count, "quorum_count": quorum, "max_attempts": nil, "cohort_for_single_attempt": cohort}
}

// counted is the body of a CAA check with orchestration parameters.
func counted(target string, domains []string, orchestration object) object {
	body := caa(target, object{"certificate_type": "tls-server", "caa_domains": domains, "allow_lookup_failure": false})
	return with(with(body, "orchestration_parameters", orchestration), "trace_identifier", nil)
}

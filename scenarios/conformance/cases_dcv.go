package conformance

import "strings"

// at returns a name of the integration zone.
func at(label string) string { return label + "." + integration }

func challengeCases() []Case {
	const dns, http, alpn = "A acme-dns-01", "A acme-http-01", "A acme-tls-alpn-01"
	txt := func(label string) object {
		return dcv(at(label), "acme-dns-01", object{"key_authorization_hash": dns01Hash})
	}
	chain := func(c Case, labels ...string) Case {
		for _, l := range labels {
			c.Want.CNAMEChain = append(c.Want.CNAMEChain, at(l)+".")
		}
		return c
	}
	get := func(letter, thumb string) object {
		return dcv(integration, "acme-http-01", object{"token": tokenStem + letter, "key_authorization": tokenStem + "A." + thumb})
	}
	const multi = "dns-01-cname-multi-"
	return []Case{
		expect(dns, true, txt("dns-01"), "the TXT record is the digest"),
		expect(dns, true, txt("dns-01-multi"), "one of several TXT records is the digest"),
		chain(expect(dns, true, txt("dns-01-cname"), "an alias leads to the digest"), "dns-01-cname-landing"),
		chain(expect(dns, true, txt("dns-01-cname-multi"), "a chain of aliases leads to the digest"),
			multi+"target-1", multi+"target-2", multi+"target-3", multi+"landing").because("dot", ""),
		expect(dns, false, txt("dns-01-leading-whitespace"), "a space before the digest"),
		expect(dns, false, txt("dns-01-trailing-whitespace"), "a space behind the digest"),
		expect(dns, false, txt("dns-01-nxdomain"), "the name does not exist").erring(errorDCVLookup),

		expect(http, true, get("A", thumbprint), "the file is the key authorization"),
		expect(http, true, get("B", thumbprint), "status 302 leads to the key authorization"),
		expect(http, false, get("A", wrongThumb), "the file is another key authorization"),
		expect(http, false, get("B", wrongThumb), "status 302 leads to another key authorization"),
		expect(http, false, get("Z", wrongThumb), "there is no such file").erring(errorHTTP),
		expect(http, false, get("C", thumbprint), "status 302 leads to port 8080").erring(errorRedirect).because("ssrf_probe", ""),

		expect(alpn, true, dcv(at("tls-alpn"), "acme-tls-alpn-01", object{"key_authorization_hash": keyAuthHash}),
			"the certificate has the digest"),
	}
}

func websiteCases() []Case {
	const group = "A website-change"
	get := func(file, value string) object {
		return dcv(integration, "website-change", object{"http_token_path": file, "challenge_value": value})
	}
	return []Case{
		expect(group, true, get("validation-doc.txt", "test-validation"), "the file has the value"),
		expect(group, true, get("validation-doc-redirect.txt", "test-validation-redirect"), "status 302 leads to the value"),
		expect(group, true, get("validation-long-redirect.txt", "test-validation-long-redirect"), "12 redirects lead to the value").
			because("max_hops", ""),
		expect(group, false, get("validation-doc-bad-port-redirect.txt", "test-validation-redirect"), "status 302 leads to port 8080").
			erring(errorRedirect).because("ssrf_probe", ""),
	}
}

func changeCases() []Case {
	const group = "A dns-change"
	change := func(label, kind string) object {
		return dcv(at(label), "dns-change", object{"challenge_value": changeValue, "dns_record_type": kind, "dns_name_prefix": ""})
	}
	return []Case{
		expect(group, true, change("dns-change-txt", "TXT"), "the TXT record has the value"),
		expect(group, true, change("dns-change-cname", "CNAME"), "the CNAME record has the value"),
		expect(group, true, change("dns-change-caa", "CAA"), "the CAA record has the value"),
	}
}

// contact is the body of a check for a contact.
func contact(method, label, value string) object {
	return dcv(at(label), method, object{"challenge_value": value})
}

func contactTXTCases() []Case {
	const phones, mails = "A contact-phone-txt", "A contact-email-txt"
	call := func(valid bool, label, value, why string) Case {
		return expect(phones, valid, contact("contact-phone-txt", label, value), why)
	}
	mail := func(valid bool, label, value, why string) Case {
		return expect(mails, valid, contact("contact-email-txt", label, value), why)
	}
	const wrongPhone = "+1-123-456-7891"
	return []Case{
		call(true, "dns-phone-txt", phone, "the TXT record is the number"),
		call(true, "dns-phone-cname-txt", phone, "an alias leads to the number"),
		call(false, "dns-phone-txt", wrongPhone, "the TXT record is another number"),
		call(false, "dns-phone-cname-txt", wrongPhone, "an alias leads to another number"),
		call(false, "dns-phone-txt-whitespace", phone, "white space around the number"),

		mail(true, "dns-email-txt", txtMail, "the TXT record is the address"),
		mail(true, "dns-email-txt-cname", cnameMail, "an alias leads to the address"),
		mail(false, "dns-email-txt", "testadmin2.email.txt@example.com", "the TXT record is another address"),
		mail(false, "dns-email-txt-cname", "testadmin2.cname.target@example.com", "an alias leads to another address"),
		mail(false, "dns-email-txt-whitespace", "testadmin.email.txt.whitespace@example.com", "white space around the address"),
		mail(false, "dns-email-txt-null-char", "testadmin.email.txt.null.char@example.com", "a null character behind the address"),
		mail(false, "dns-email-txt-junk", "testadmin.email.txt.junk@example.com", "words around the address"),
	}
}

func contactCAACases() []Case {
	const mails, phones = "A contact-email-caa", "A contact-phone-caa"
	var out []Case
	mail := func(valid bool, label, value, why string) {
		out = append(out, expect(mails, valid, contact("contact-email-caa", label, value), why))
	}
	published := []struct{ label, value, where string }{
		{"contact-email-caa", caaMail, "the contactemail property"},
		{"contact-email-caa-critical", caaMail, "a critical contactemail property"},
		{"sub.contact-email-caa", caaMail, "the parent's contactemail property"},
		{"nxsub.sub.contact-email-caa", caaMail, "the grandparent's contactemail property"},
		{"contact-email-caa-cname", caaMail, "the contactemail property of an alias's target"},
		{"contact-email-caa-multi", "caa1.contactemail@example.com", "one of several contactemail properties"},
	}
	for _, p := range published {
		mail(true, p.label, p.value, p.where+" is the address")
	}
	for _, p := range published {
		user, _ := strings.CutSuffix(p.value, "@example.com")
		mail(false, p.label, user+"1@example.com", p.where+" is not the address")
	}
	mail(false, "contact-email-caa-whitespace", caaMail, "white space around the address")
	mail(false, "contact-email-caa-null", caaMail, "a null character behind the address")
	mail(false, "contact-email-no-record-set", caaMail, "no CAA records")

	const wrong = "+1-123-456-7891"
	call := func(valid bool, label, value, why string) {
		out = append(out, expect(phones, valid, contact("contact-phone-caa", label, value), why))
	}
	for _, p := range []suiteName{
		{"contact-phone-caa", "the contactphone property"},
		{"contact-phone-caa-multi", "one of several contactphone properties"},
		{"contact-phone-caa-critical", "a critical contactphone property"},
	} {
		call(true, p.name, phone, p.why+" is the number")
		call(false, p.name, wrong, p.why+" is not the number")
	}
	call(false, "contact-phone-caa-whitespace", phone, "white space around the number")
	return out
}

func addressCases() []Case {
	const group = "A ip-address"
	address := func(valid bool, label, kind, value, why string) Case {
		return expect(group, valid, dcv(at(label), "ip-address", object{"challenge_value": value, "dns_record_type": kind}), why)
	}
	return []Case{
		address(true, "ip-address", "A", "1.2.3.4", "the A record is the address"),
		address(true, "ip-address-cname", "A", "1.2.3.4", "an alias leads to the address"),
		address(true, "ip-address-multi", "A", "1.2.3.4", "one of several A records is the address"),
		address(true, "ip-address-v6", "AAAA", "2001:4860:4860::8888", "the AAAA record is the address"),
		address(true, "ip-address-v6", "AAAA", "2001:4860:4860:0:00:000:0000:8888", "the AAAA record is the address, written out"),
		address(false, "ip-address", "A", "1.2.3.5", "the A record is another address"),
		address(false, "ip-address-nxdomain", "A", "1.2.3.4", "the name does not exist").erring(errorDCVLookup),
		address(false, "contact-phone-caa", "A", "1.2.3.4", "the name has no A records").erring(errorDCVLookup),
		address(false, "ip-address-v6", "AAAA", "2001:4860:4860::8889", "the AAAA record is another address"),
		address(false, "ip-address-v6", "AAAA", "2001:4860:4860:0:0:0:0:0:8889", "the value has too many groups"),
		address(false, "ip-address-v6", "AAAA", "2001:4860:4860:0:0:0:00000:8889", "the value has a group of five digits"),
		address(false, "ip-address", "AAAA", "1.2.3.4", "the value is no IPv6 address"),
	}
}

// persistent is the body of a dns-persistent check.
func persistent(target, account string) object {
	return dcv(target, "dns-persistent", object{"issuer_domain_names": []string{persistCA}, "expected_account_uri": account})
}

// containerCases are what the suite of the containers has beyond group B.
func containerCases() []Case {
	const group = "C dns-persistent"
	return []Case{
		expect(group, true, persistent(at("dns-persist"), persistAcct), "the record names the CA and the account"),
		// Not in the published suite: that the record is read at all.
		expect(group, false, persistent(at("dns-persist"), persistAcct+"4"), "the record names another account"),
	}
}

package openmpic

import (
	"fmt"

	"mpicsim/perspectives"
)

// The bounds of a request's members, in octets of what they say, are those of a
// perspectives.Check, whatever the method makes of them: a response repeats the
// parameters, and records hold the target and the trace_identifier. docs/run-a-perspective.md
// lists them.
const (
	// maxTrace bounds trace_identifier, as the protocol for one remote does.
	maxTrace = 256
	// maxCount bounds what is repeated of a count that is none.
	maxCount = 40
)

// bounded is one member with its bound; nil if there is none.
type bounded struct {
	name  string
	value *string
	most  int
}

// exceeding returns an issue for each member that has more than its bound.
func exceeding(where string, all ...bounded) (out invalidError) {
	for _, b := range all {
		if b.value == nil || len(*b.value) <= b.most {
			continue
		}
		out = append(out, issue{
			requestInvalid, fmt.Sprintf("%s%s: found %d octets, expected at most %d", where, b.name, len(*b.value), b.most), where + b.name,
		})
	}
	return out
}

// exceedingList is exceeding for a list.
func exceedingList(where, name string, all []string, most, octets int) (out invalidError) {
	if len(all) > most {
		return invalidError{{requestInvalid, fmt.Sprintf("%s%s: found %d, expected at most %d", where, name, len(all), most), where + name}}
	}
	for i := range all {
		out = append(out, exceeding(where, bounded{fmt.Sprintf("%s[%d]", name, i), &all[i], octets})...)
	}
	return out
}

func (r *request) bounds() invalidError {
	return exceeding(
		"", bounded{"domain_or_ip_target", &r.Target, perspectives.MaxDomain},
		bounded{"check_type", &r.CheckType, perspectives.MaxWord},
		bounded{"trace_identifier", r.Trace, maxTrace},
	)
}

func (d *dcvParameters) bounds() invalidError {
	const where = "dcv_check_parameters."
	out := exceeding(
		where,
		bounded{"validation_method", &d.Method, perspectives.MaxWord},
		bounded{"token", d.Token, perspectives.MaxToken},
		bounded{"key_authorization", d.KeyAuthorization, perspectives.MaxKeyAuthorization},
		bounded{"key_authorization_hash", d.KeyHash, perspectives.MaxKeyAuthorizationHash},
		bounded{"challenge_value", d.ChallengeValue, perspectives.MaxChallengeValue},
		bounded{"http_token_path", d.HTTPTokenPath, perspectives.MaxHTTPTokenPath},
		bounded{"url_scheme", d.URLScheme, perspectives.MaxWord},
		bounded{"match_regex", d.MatchRegex, perspectives.MaxRegex},
		bounded{"dns_record_type", d.DNSRecordType, perspectives.MaxWord},
		bounded{"dns_name_prefix", d.DNSNamePrefix, perspectives.MaxDNSNamePrefix},
		bounded{"expected_account_uri", d.ExpectedAccountURI, perspectives.MaxAccountURI},
		bounded{"acme_account_url", d.ACMEAccountURL, perspectives.MaxAccountURI},
	)
	out = append(out, exceedingList(where, "issuer_domain_names", d.IssuerDomains, perspectives.MaxIssuerDomains, perspectives.MaxIssuerDomain)...)
	if len(d.HTTPHeaders) > perspectives.MaxHeaders {
		out = append(out, issue{requestInvalid, fmt.Sprintf("%shttp_headers: found %d, expected at most %d",
			where, len(d.HTTPHeaders), perspectives.MaxHeaders), where + "http_headers"})
	}
	octets := 0
	for name, value := range d.HTTPHeaders {
		octets += len(name) + len(value)
	}
	if octets > perspectives.MaxHeaderOctets {
		out = append(out, issue{requestInvalid, fmt.Sprintf("%shttp_headers: found %d octets, expected at most %d",
			where, octets, perspectives.MaxHeaderOctets), where + "http_headers"})
	}
	return out
}

func (c *caaParameters) bounds() invalidError {
	const where = "caa_check_parameters."
	out := exceeding(
		where,
		bounded{"certificate_type", c.CertificateType, perspectives.MaxWord},
		bounded{"account_uri", c.AccountURI, perspectives.MaxAccountURI},
	)
	out = append(out, exceedingList(where, "caa_domains", c.Domains, perspectives.MaxIssuerDomains, perspectives.MaxIssuerDomain)...)
	return append(out, exceedingList(where, "validation_methods", c.ValidationMethods, perspectives.MaxValidationMethods, perspectives.MaxWord)...)
}

// bounds returns what is too long in a request of the draft.
func (d draftRequest) bounds() invalidError {
	return exceeding(
		"",
		bounded{"method", &d.Method, perspectives.MaxWord},
		bounded{"domain", &d.Domain, perspectives.MaxDomain},
		bounded{"domain_or_ip", &d.DomainOrIP, perspectives.MaxDomain},
		bounded{"token", &d.Token, perspectives.MaxToken},
		bounded{"key_authorization", &d.KeyAuthorization, perspectives.MaxKeyAuthorization},
		bounded{"record-type", &d.RecordType, perspectives.MaxWord},
		bounded{"record_type", &d.RecordType2, perspectives.MaxWord},
		bounded{"prefix", &d.Prefix, perspectives.MaxDNSNamePrefix},
		bounded{"expected", &d.Expected, perspectives.MaxChallengeValue},
	)
}

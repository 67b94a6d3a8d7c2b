package caa

import (
	"fmt"
	"slices"
	"strings"

	"mpicsim/perspectives"
)

// accountFault returns why the accounturi parameter is not satisfied (RFC 8657
// 3), "" if it is or if there is none. URIs are compared octet by octet. A
// property that has the parameter twice is for nobody.
func (q Query) accountFault(params []Parameter) string {
	values := valuesOf(params, "accounturi")
	switch {
	case len(values) == 0:
		return ""
	case len(values) > 1:
		return "accounturi twice"
	case values[0] != q.AccountURI || q.AccountURI == "":
		return fmt.Sprintf("only for the account %q", values[0])
	}
	return ""
}

// methodFault returns why the validationmethods parameter is not satisfied
// (RFC 8657 4), "" if it is or if there is none. It is a list of labels with
// commas between; an empty one, one outside of that grammar and one that is
// there twice are for nobody.
func (q Query) methodFault(params []Parameter) string {
	values := valuesOf(params, "validationmethods")
	switch {
	case len(values) == 0:
		return ""
	case len(values) > 1:
		return "validationmethods twice"
	case values[0] == "":
		return "for no validation method"
	}
	labels := strings.Split(values[0], ",")
	for _, l := range labels {
		if l == "" || strings.ContainsFunc(l, func(r rune) bool { return r != '-' && (r >= 0x80 || !isAlphanumeric(byte(r))) }) {
			return fmt.Sprintf("malformed validationmethods %q", values[0])
		}
	}
	if !slices.ContainsFunc(labels, func(l string) bool { return slices.Contains(q.Methods, l) }) {
		return "only by " + values[0]
	}
	return ""
}

func valuesOf(params []Parameter, tag string) []string {
	var out []string
	for _, p := range params {
		if strings.EqualFold(p.Tag, tag) {
			out = append(out, p.Value)
		}
	}
	return out
}

// MethodLabels returns the labels of a method in validationmethods: its name in
// ACME's registry if it has one, and with ofBR the label "ca-tbr-<n>" of its
// section BR 3.2.2.4.<n> (ballot SC-098). The order means nothing.
func MethodLabels(m perspectives.Method, ofBR bool) []string {
	acme, section := "", 0
	switch m {
	case perspectives.HTTP01:
		acme, section = "http-01", 19
	case perspectives.DNS01:
		acme, section = "dns-01", 7
	case perspectives.TLSALPN01:
		acme, section = "tls-alpn-01", 20
	case perspectives.DNSAccount01:
		acme, section = "dns-account-01", 21
	case perspectives.DNSPersistent:
		acme, section = "dns-persist-01", 22
	case perspectives.WebsiteChange:
		section = 18
	case perspectives.DNSChange:
		section = 7
	case perspectives.IPAddress:
		section = 8
	case perspectives.ContactEmailCAA:
		section = 13
	case perspectives.ContactEmailTXT:
		section = 14
	case perspectives.ContactPhoneTXT:
		section = 16
	case perspectives.ContactPhoneCAA:
		section = 17
	case perspectives.ReverseAddressLookup, perspectives.IPPersistent: // for IP addresses, which have no CAA
	}
	var labels []string
	if acme != "" {
		labels = append(labels, acme)
	}
	if ofBR && section > 0 {
		labels = append(labels, fmt.Sprintf("ca-tbr-%d", section))
	}
	return labels
}

package caa_test

import (
	"regexp"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/caa"
	"mpicsim/perspectives/costtest"
)

type params = []caa.Parameter

func accepted() []struct {
	value, domain string
	params        params
} {
	return []struct {
		value, domain string
		params        params
	}{
		{"", "", nil},
		{"   \t", "", nil},
		{"ca111.com", "ca111.com", nil},
		{"  ca111.com  ", "ca111.com", nil},
		{"\tca111.com\t", "ca111.com", nil},
		{"Ca111.com", "Ca111.com", nil},
		{"1ca111.com", "1ca111.com", nil},
		{"c-a-111.com", "c-a-111.com", nil},
		{"c--a.com", "c--a.com", nil},
		{"sub.ca111.com", "sub.ca111.com", nil},
		{"com", "com", nil},
		{"ca111.com;", "ca111.com", nil},
		{"ca111.com ; ", "ca111.com", nil},
		{";", "", nil},
		{" ; ", "", nil},
		{"ca111.com; policy=ev", "ca111.com", params{{"policy", "ev"}}},
		{"ca111.com;policy=ev ", "ca111.com", params{{"policy", "ev"}}},
		{"ca111.com; policy=ev;account=12345", "ca111.com", params{{"policy", "ev"}, {"account", "12345"}}},
		{"ca111.com; policy = ev; account = 12345", "ca111.com", params{{"policy", "ev"}, {"account", "12345"}}},
		{"ca111.com; policy=ev ;\taccount=12345", "ca111.com", params{{"policy", "ev"}, {"account", "12345"}}},
		{"ca111.com; validation---method=http-01", "ca111.com", params{{"validation---method", "http-01"}}},
		{"ca111.com; account=!@_[}#$z", "ca111.com", params{{"account", "!@_[}#$z"}}},
		{"ca111.com; account==a=b", "ca111.com", params{{"account", "=a=b"}}},
		{"ca111.com; policy=; account=12345", "ca111.com", params{{"policy", ""}, {"account", "12345"}}},
		{"ca111.com; policy=", "ca111.com", params{{"policy", ""}}},
		{"ca111.com; policy=a; policy=b", "ca111.com", params{{"policy", "a"}, {"policy", "b"}}},
		{"; policy=ev", "", params{{"policy", "ev"}}},
		{";policy=ev", "", params{{"policy", "ev"}}},
	}
}

func rejected() map[string]string {
	return map[string]string{
		"domain starts with a dot":         ".example.com",
		"domain ends in a dot":             "ca111.com.",
		"empty label":                      "example..com",
		"characters not in the grammar":    "ex@mple.com!",
		"underscore":                       "ex_mple.com",
		"label starts with a hyphen":       "sub.-example.com",
		"first label starts with a hyphen": "-example.com",
		"label ends in a hyphen":           "example-.com",
		"last label ends in a hyphen":      "example.com-",
		"two domains":                      "ca111.com ca222.com",
		"non-ASCII domain":                 "cä111.com",
		"parameter without semicolon":      "ca111.com policy=ev",
		"tag starts with a hyphen":         "ca111.com; -policy=ev",
		"tag ends in a hyphen":             "ca111.com; policy-=ev",
		"no equals sign":                   "ca111.org; policy",
		"no tag":                           "ca111.com; =ev",
		"value with a semicolon":           "ca111.com; account=12;345",
		"control character in the tag":     "ca111.com; pol\x01icy=ev",
		"control character in the value":   "ca111.com; policy=e\x01v",
		"newline at the end":               "ca111.com\n",
		"non-ASCII tag":                    "ca111.com; pölicy=ev",
		"non-ASCII value":                  "ca111.com; policy=ëv",
		"DEL in the value":                 "ca111.com; policy=e\x7fv",
		"space in the tag":                 "ca111.com; pol icy=ev",
		"space in the value":               "ca111.com; policy=e v",
		"semicolon after the last":         "ca111.com; policy=ev;",
		"semicolon and space after":        "ca111.com; policy=ev; ",
		"two semicolons":                   "ca111.com;;",
		"two semicolons only":              ";;",
		"empty parameter":                  "ca111.com; ; policy=ev",
	}
}

func TestParseIssueValueAccepts(t *testing.T) {
	for _, c := range accepted() {
		t.Run(c.value, func(t *testing.T) {
			g := NewWithT(t)
			domain, got, err := caa.ParseIssueValue(c.value)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(domain).To(Equal(c.domain))
			g.Expect(got).To(Equal(c.params))
		})
	}
}

func TestParseIssueValueRejects(t *testing.T) {
	for name, value := range rejected() {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			domain, got, err := caa.ParseIssueValue(value)
			g.Expect(err).To(MatchError(MatchRegexp(`^octet \d+: found .*, expected `)))
			g.Expect(domain).To(BeEmpty())
			g.Expect(got).To(BeNil())
		})
	}
}

// grammar is RFC 8659 4.2 as a regular expression: the oracle of FuzzIssueValue.
func grammar() *regexp.Regexp {
	const (
		wsp    = `[ \t]*`
		label  = `[A-Za-z0-9](?:-*[A-Za-z0-9])*`
		domain = label + `(?:\.` + label + `)*`
		param  = label + wsp + `=` + wsp + `[\x21-\x3A\x3C-\x7E]*`
		params = param + `(?:` + wsp + `;` + wsp + param + `)*`
	)
	return regexp.MustCompile(`\A` + wsp + `(?:(` + domain + `)` + wsp + `)?(?:;` + wsp + `(?:` + params + wsp + `)?)?\z`)
}

func FuzzIssueValue(f *testing.F) {
	for _, c := range accepted() {
		f.Add(c.value)
	}
	for _, v := range rejected() {
		f.Add(v)
	}
	oracle := grammar()
	f.Fuzz(func(t *testing.T, s string) {
		var domain string
		var err error
		costtest.AtMost(t, costFor(s), func() { domain, _, err = caa.ParseIssueValue(s) })
		match := oracle.FindStringSubmatch(s)
		switch {
		case (err == nil) != (match != nil):
			t.Fatalf("%q: parser says %v, grammar says %v", s, err, match != nil)
		case match != nil && match[1] != domain:
			t.Fatalf("%q: parser found %q, grammar %q", s, domain, match[1])
		}
	})
}

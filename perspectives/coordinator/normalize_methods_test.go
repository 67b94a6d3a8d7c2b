package coordinator_test

import (
	"testing"

	"github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
)

const (
	hexHash = "653471d42925d7eb4cd39a39cda8b34d3034c94cb90067ab78c8123560ba2e5f"
	b64Hash = "ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8"
)

// good returns a check that is acceptable for the method, in the contract's
// form.
func good(m perspectives.Method) perspectives.Check {
	c := perspectives.Check{Domain: "example.com", Method: m, IssuerDomains: []string{"ca.example"}}
	d := &c.DCV
	switch m {
	case perspectives.HTTP01:
		c.Token, c.KeyAuthorization = token, keyAuth
	case perspectives.DNS01, perspectives.TLSALPN01:
		d.KeyAuthorizationHash = b64Hash
	case perspectives.DNSAccount01:
		d.KeyAuthorizationHash, c.AccountURI = b64Hash, "https://ca.example/acct/1"
	case perspectives.DNSPersistent:
		c.AccountURI = "https://ca.example/acct/1"
	case perspectives.IPPersistent:
		c.Domain, c.AccountURI = "192.0.2.1", "https://ca.example/acct/1"
	case perspectives.ReverseAddressLookup:
		c.Domain, d.ChallengeValue = "2001:db8::1", "www.example.com"
	case perspectives.WebsiteChange:
		d.ChallengeValue, d.HTTPTokenPath = "value", "file.txt"
	default:
		d.ChallengeValue = "value"
	}
	return c
}

// TestNormalizeEveryMethod: a check in the contract's form stays as it is, and
// each method takes the targets that the BR give it.
func TestNormalizeEveryMethod(t *testing.T) {
	for _, m := range perspectives.Methods() {
		t.Run(string(m), func(t *testing.T) {
			g := gomega.NewWithT(t)
			c := good(m)
			got, err := coordinator.NormalizeCheck(c)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(got).To(gomega.Equal(c))
			names, addresses := m.Targets()
			for target, fits := range map[string]bool{"example.com": names, "192.0.2.1": addresses, "2001:db8::1": addresses} {
				c.Domain = target
				_, err := coordinator.NormalizeCheck(c)
				g.Expect(err == nil).To(gomega.Equal(fits), "%s: %v", target, err)
			}
			c.Domain = "*.example.com"
			_, err = coordinator.NormalizeCheck(c)
			g.Expect(err == nil).To(gomega.Equal(wildcards[m]), "wildcard: %v", err)
		})
	}
}

// wildcards are the methods that BR 3.2.2.4 says are suitable for wildcard names.
var wildcards = map[perspectives.Method]bool{
	perspectives.DNS01: true, perspectives.DNSChange: true, perspectives.DNSAccount01: true, perspectives.DNSPersistent: true,
	perspectives.ContactEmailTXT: true, perspectives.ContactEmailCAA: true,
	perspectives.ContactPhoneTXT: true, perspectives.ContactPhoneCAA: true,
}

func TestNormalizeCheckForms(t *testing.T) {
	with := func(m perspectives.Method, change func(*perspectives.Check)) perspectives.Check {
		c := good(m)
		change(&c)
		return c
	}
	domain := func(c perspectives.Check) any { return c.Domain }
	hash := func(c perspectives.Check) any { return c.DCV.KeyAuthorizationHash }
	value := func(c perspectives.Check) any { return c.DCV.ChallengeValue }
	at := func(m perspectives.Method, d string) perspectives.Check {
		return with(m, func(c *perspectives.Check) { c.Domain = d })
	}
	const nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
	for name, c := range map[string]struct {
		in   perspectives.Check
		part func(perspectives.Check) any
		want any
	}{
		"long IPv6":              {at(perspectives.WebsiteChange, "2001:DB8:0:0::0001"), domain, "2001:db8::1"},
		"IPv4 in IPv6":           {at(perspectives.WebsiteChange, "::ffff:192.0.2.1"), domain, "192.0.2.1"},
		"IPv4 reverse name":      {at(perspectives.ReverseAddressLookup, "1.2.0.192.in-addr.arpa."), domain, "192.0.2.1"},
		"IPv6 reverse name":      {at(perspectives.IPPersistent, nibbles), domain, "2001:db8::1"},
		"reverse name elsewhere": {at(perspectives.DNSChange, "1.2.0.192.in-addr.arpa"), domain, "1.2.0.192.in-addr.arpa"},
		"hash in hexadecimal": {
			with(perspectives.TLSALPN01, func(c *perspectives.Check) { c.DCV.KeyAuthorizationHash = hexHash }), hash, b64Hash,
		},
		"name to find": {
			with(perspectives.ReverseAddressLookup, func(c *perspectives.Check) { c.DCV.ChallengeValue = "WWW.Bücher.example." }),
			value, "www.xn--bcher-kva.example",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			got, err := coordinator.NormalizeCheck(c.in)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(c.part(got)).To(gomega.Equal(c.want))
		})
	}
}

func TestNormalizeCheckRefusesForms(t *testing.T) {
	for name, c := range map[string]struct {
		method perspectives.Method
		change func(*perspectives.Check)
		says   string
	}{
		"zone":                 {perspectives.TLSALPN01, func(c *perspectives.Check) { c.Domain = "fe80::1%eth0" }, "zone"},
		"wildcard of an IP":    {perspectives.WebsiteChange, func(c *perspectives.Check) { c.Domain = "*.192.0.2.1" }, "IP address"},
		"half a reverse name":  {perspectives.ReverseAddressLookup, func(c *perspectives.Check) { c.Domain = "2.0.192.in-addr.arpa" }, "expected an IP address"},
		"short IPv6 reverse":   {perspectives.IPPersistent, func(c *perspectives.Check) { c.Domain = "8.b.d.0.1.0.0.2.ip6.arpa" }, "expected an IP address"},
		"wildcard reverse":     {perspectives.IPPersistent, func(c *perspectives.Check) { c.Domain = "*.1.2.0.192.in-addr.arpa" }, "expected an IP address"},
		"no digits":            {perspectives.TLSALPN01, func(c *perspectives.Check) { c.DCV.KeyAuthorizationHash = "x" + hexHash[1:] }, "hexadecimal"},
		"short hash":           {perspectives.DNS01, func(c *perspectives.Check) { c.DCV.KeyAuthorizationHash = b64Hash[1:] }, "key authorization hash"},
		"loose bits":           {perspectives.DNS01, func(c *perspectives.Check) { c.DCV.KeyAuthorizationHash = b64Hash[:42] + "9" }, "key authorization hash"},
		"neither hash nor key": {perspectives.DNS01, func(c *perspectives.Check) { c.DCV.KeyAuthorizationHash = "" }, "TOKEN.THUMBPRINT"},
		"another's hash":       {perspectives.DNS01, func(c *perspectives.Check) { c.Token, c.KeyAuthorization = token, keyAuth }, "expected that of the key authorization"},
		"http-01 by hash":      {perspectives.HTTP01, func(c *perspectives.Check) { c.KeyAuthorization, c.DCV.KeyAuthorizationHash = "", b64Hash }, "TOKEN.THUMBPRINT"},
		"no account":           {perspectives.DNSAccount01, func(c *perspectives.Check) { c.AccountURI = "" }, "account URI"},
		"relative account":     {perspectives.DNSPersistent, func(c *perspectives.Check) { c.AccountURI = "/acct/1" }, "account URI"},
		"account with space":   {perspectives.DNSPersistent, func(c *perspectives.Check) { c.AccountURI += " x" }, "account URI"},
		"account with ;":       {perspectives.DNSPersistent, func(c *perspectives.Check) { c.AccountURI += ";x" }, "account URI"},
		"persistent, no CA": {perspectives.DNSPersistent, func(c *perspectives.Check) {
			c.Questions, c.IssuerDomains = perspectives.OnlyDCV, nil
		}, "issuer domains"},
		"no value":          {perspectives.ContactEmailTXT, func(c *perspectives.Check) { c.DCV.ChallengeValue = "" }, "challenge value"},
		"questions":         {perspectives.HTTP01, func(c *perspectives.Check) { c.Questions = "DCV" }, "questions"},
		"certificate type":  {perspectives.HTTP01, func(c *perspectives.Check) { c.CAA.CertificateType = "smime" }, "certificate type"},
		"PTR to no name":    {perspectives.ReverseAddressLookup, func(c *perspectives.Check) { c.DCV.ChallengeValue = "a b" }, "challenge value"},
		"prefix elsewhere":  {perspectives.ContactEmailCAA, func(c *perspectives.Check) { c.DCV.DNSNamePrefix = "_x" }, "prefix"},
		"prefix of a label": {perspectives.DNSChange, func(c *perspectives.Check) { c.DCV.DNSNamePrefix = "dcv" }, "underscore"},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			in := good(c.method)
			c.change(&in)
			_, err := coordinator.NormalizeCheck(in)
			g.Expect(err).To(gomega.MatchError(coordinator.ErrBadCheck))
			g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.says)))
		})
	}
}

// TestNormalizeOneQuestion: CAA alone needs no method and no challenge, domain
// control alone no issuers, an IP address neither.
func TestNormalizeOneQuestion(t *testing.T) {
	g := gomega.NewWithT(t)
	_, err := coordinator.NormalizeCheck(perspectives.Check{
		Domain: "*.Example.com", Questions: perspectives.OnlyCAA, IssuerDomains: []string{"CA.example"},
	})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = coordinator.NormalizeCheck(perspectives.Check{Domain: "example.com", Questions: perspectives.OnlyCAA})
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("issuer domains")))
	for _, domain := range []string{"example.com", "192.0.2.1"} {
		c := good(perspectives.HTTP01)
		c.Domain, c.Questions, c.IssuerDomains = domain, perspectives.OnlyDCV, nil
		_, err = coordinator.NormalizeCheck(c)
		g.Expect(err).NotTo(gomega.HaveOccurred())
	}
}

// TestNormalizeKeepsTheCallersCheck: maps and slices are copied.
func TestNormalizeKeepsTheCallersCheck(t *testing.T) {
	g := gomega.NewWithT(t)
	in := good(perspectives.WebsiteChange)
	in.IssuerDomains = []string{"CA.EXAMPLE"}
	in.DCV.HTTPHeaders = map[string]string{"X-A": "1"}
	in.CAA.ValidationMethods = []string{"a"}
	out, err := coordinator.NormalizeCheck(in)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	out.IssuerDomains[0], out.DCV.HTTPHeaders["X-A"], out.CAA.ValidationMethods[0] = "x", "x", "x"
	g.Expect(in.IssuerDomains).To(gomega.Equal([]string{"CA.EXAMPLE"}))
	g.Expect(in.DCV.HTTPHeaders).To(gomega.Equal(map[string]string{"X-A": "1"}))
	g.Expect(in.CAA.ValidationMethods).To(gomega.Equal([]string{"a"}))
}

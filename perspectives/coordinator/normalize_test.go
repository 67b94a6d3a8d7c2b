package coordinator_test

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
)

func TestNormalizeCheckNames(t *testing.T) {
	g := gomega.NewWithT(t)
	label63 := strings.Repeat("a", 63)
	name253 := strings.Repeat(label63+".", 3) + strings.Repeat("b", 61)
	for in, want := range map[string]string{
		"example.com":            "example.com",
		"EXAMPLE.Com.":           "example.com",
		"*.Example.com":          "*.example.com",
		"bücher.example":         "xn--bcher-kva.example",
		"BÜCHER.example":         "xn--bcher-kva.example",
		"faß.example":            "xn--fa-hia.example", // non-transitional
		"1.xn--4dbrk0ce":         "1.xn--4dbrk0ce",     // a digit beside right-to-left letters
		"*.1.xn--4dbrk0ce":       "*.1.xn--4dbrk0ce",
		"例え。テスト":                 "xn--r8jz45g.xn--zckzah",
		"xn--bcher-kva.example":  "xn--bcher-kva.example",
		"*.XN--BCHER-KVA.test.":  "*.xn--bcher-kva.test",
		"1.2.example":            "1.2.example",
		"a.1b":                   "a.1b",
		label63 + ".example":     label63 + ".example",
		name253:                  name253,
		name253 + ".":            name253,
		"www.a-b.c--d-e.example": "www.a-b.c--d-e.example", // hyphens are reserved in third and fourth place only
	} {
		c := check()
		c.Domain, c.Method = in, perspectives.DNS01
		got, err := coordinator.NormalizeCheck(c)
		g.Expect(err).NotTo(gomega.HaveOccurred(), in)
		g.Expect(got.Domain).To(gomega.Equal(want), in)
	}
}

func TestNormalizeCheckRefuses(t *testing.T) {
	g := gomega.NewWithT(t)
	label64 := strings.Repeat("a", 64)
	name254 := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 62)
	domain := func(s string) func(*perspectives.Check) {
		return func(c *perspectives.Check) { c.Domain, c.Method = s, perspectives.DNS01 }
	}
	for _, c := range []struct {
		name   string
		change func(*perspectives.Check)
		says   string
	}{
		{"no name", domain(""), "empty label"},
		{"root", domain("."), "empty label"},
		{"two dots", domain("a..example"), "empty label"},
		{"not UTF-8", domain("\xff.example"), "UTF-8"},
		{"leading dot", domain(".example"), "empty label"},
		{"two trailing dots", domain("example.."), "empty label"},
		{"bare wildcard", domain("*."), "empty label"},
		{"star", domain("*"), `"*" may only be`},
		{"inner wildcard", domain("a.*.example"), `"*" may only be`},
		{"partial wildcard", domain("a*.example"), `"*" may only be`},
		{"two wildcards", domain("*.*.example"), `"*" may only be`},
		{"underscore", domain("_a.example"), "letters, digits and hyphens"},
		{"space", domain("a b.example"), "letters, digits and hyphens"},
		{"leading space", domain(" a.example"), "letters, digits and hyphens"},
		{"newline", domain("a.example\n"), "letters, digits and hyphens"},
		{"URL", domain("http://a.example/"), "letters, digits and hyphens"},
		{"port", domain("a.example:80"), "letters, digits and hyphens"},
		{"hyphen first", domain("-a.example"), "domain"},
		{"hyphen last", domain("a-.example"), "domain"},
		{"reserved LDH label", domain("ab--c.example"), "domain"},
		{"bad punycode", domain("xn--99999999.example"), "not Punycode"},
		{"IPv4", domain("192.0.2.1"), "IP address"},
		{"IPv6", domain("2001:db8::1"), "IP address"},
		{"numeric top level", domain("a.1"), "is a number"},
		{"IPv4 with a dot", domain("192.0.2.1."), "is a number"},
		{"64 characters in a label", domain(label64 + ".example"), "at most 63"},
		{"254 characters", domain(name254), "at most 253"},
		{"wildcard over 253 characters", domain("*." + name254[1:]), "at most 253"},
		{"wildcard by http-01", func(c *perspectives.Check) { c.Domain = "*.example.com" }, "BR 3.2.2.4.19"},
		{"unknown method", func(c *perspectives.Check) { c.Method = "acme-http-02" }, "acme-http-01 acme-dns-01"},
		{"no token", func(c *perspectives.Check) { c.Token = "" }, "at least 22"},
		{"short token", func(c *perspectives.Check) { c.Token = token[:21] }, "at least 22"},
		{"path in the token", func(c *perspectives.Check) { c.Token = "../../../../etc/passwd" }, "base64url"},
		{"padding", func(c *perspectives.Check) { c.Token = token + "=" }, "base64url"},
		{"other token", func(c *perspectives.Check) { c.Token = token[1:] }, "starts with the token"},
		{"no key authorization", func(c *perspectives.Check) { c.KeyAuthorization = "" }, "TOKEN.THUMBPRINT"},
		{"short thumbprint", func(c *perspectives.Check) { c.KeyAuthorization = keyAuth[:len(keyAuth)-1] }, "want 43"},
		{"thumbprint not base64url", func(c *perspectives.Check) { c.KeyAuthorization = keyAuth[:len(keyAuth)-1] + "=" }, "base64url"},
		{"dns-01, bad token in the key authorization", func(c *perspectives.Check) {
			c.Method, c.Token, c.KeyAuthorization = perspectives.DNS01, "", "x"+keyAuth[len(token):]
		}, "at least 22"},
		{"no issuer", func(c *perspectives.Check) { c.IssuerDomains = nil }, "at least one"},
		{"bad issuer", func(c *perspectives.Check) { c.IssuerDomains = []string{"ca.example", "ca example"} }, `issuer domain "ca example"`},
		{"wildcard issuer", func(c *perspectives.Check) { c.IssuerDomains = []string{"*.example"} }, `issuer domain "*.example"`},
	} {
		in := check()
		c.change(&in)
		_, err := coordinator.NormalizeCheck(in)
		g.Expect(err).To(gomega.MatchError(coordinator.ErrBadCheck), c.name)
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.says)), c.name)
	}
}

// TestNormalizeCheckTokens: dns-01 works without a token, and 22 characters are
// enough.
func TestNormalizeCheckTokens(t *testing.T) {
	g := gomega.NewWithT(t)
	c := check()
	c.Method, c.Token = perspectives.DNS01, ""
	_, err := coordinator.NormalizeCheck(c)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	c = check()
	c.Token = token[:22]
	c.KeyAuthorization = c.Token + keyAuth[len(token):]
	_, err = coordinator.NormalizeCheck(c)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	c = check()
	c.Token, c.DCV.ForeignToken = token[:22], true
	_, err = coordinator.NormalizeCheck(c)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	c.Method = perspectives.DNS01
	_, err = coordinator.NormalizeCheck(c)
	g.Expect(err).To(gomega.MatchError(coordinator.ErrBadCheck), "only http-01 has two tokens")
}

// FuzzNormalizeCheck: what is accepted is an LDH name within the limits, and
// normalizing it again changes nothing.
func FuzzNormalizeCheck(f *testing.F) {
	for _, s := range []string{
		"example.com", "*.example.com.", "BÜCHER.example", "xn--bcher-kva.example", "例え。テスト", "a..b", "*", "a.*.b",
		"192.0.2.1", "a.1", "-a.b", "a_b.c", strings.Repeat("a", 64) + ".b", strings.Repeat("a.", 130), "ab--c.d", "\xff.a", "ª.b", "a\u200d.b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, domain string) {
		c := check()
		c.Domain, c.Method = domain, perspectives.DNS01
		once, err := coordinator.NormalizeCheck(c)
		if err != nil {
			return
		}
		name := strings.TrimPrefix(once.Domain, "*.")
		if len(once.Domain) > 253 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" ||
			strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
			t.Fatalf("%q gives %q", domain, once.Domain)
		}
		twice, err := coordinator.NormalizeCheck(once)
		if err != nil || twice.Domain != once.Domain {
			t.Fatalf("%q gives %q, then %q, %v", domain, once.Domain, twice.Domain, err)
		}
	})
}

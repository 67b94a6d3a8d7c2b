package dcv_test

import (
	"net/netip"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
)

func TestAcceptable(t *testing.T) {
	good := perspectives.Check{Domain: "www.example.test", Method: perspectives.HTTP01, Token: "tok-en_1", KeyAuthorization: "tok-en_1.thumb"}
	with := func(change func(*perspectives.Check)) perspectives.Check {
		c := good
		change(&c)
		return c
	}
	domain := func(d string) perspectives.Check { return with(func(c *perspectives.Check) { c.Domain = d }) }
	key := func(token, auth string) perspectives.Check {
		return with(func(c *perspectives.Check) { c.Token, c.KeyAuthorization = token, auth })
	}
	for name, c := range map[string]struct {
		check perspectives.Check
		text  string // "" if acceptable
	}{
		"good":                   {good, ""},
		"dns-01 without token":   {with(func(c *perspectives.Check) { c.Method, c.Token = perspectives.DNS01, "" }), ""},
		"wildcard":               {domain("*.example.test"), ""},
		"one label":              {domain("test"), ""},
		"A-label":                {domain("xn--bcher-kva.example"), ""},
		"digits first":           {domain("1.2.3.example"), ""},
		"label of 63 octets":     {domain(strings.Repeat("a", 63) + ".test"), ""},
		"name of 253 octets":     {domain(strings.Repeat("abcdefg.", 31) + "abcde"), ""},
		"unknown method":         {with(func(c *perspectives.Check) { c.Method = "acme-http-02" }), `method "acme-http-02"`},
		"no method":              {with(func(c *perspectives.Check) { c.Method = "" }), `method ""`},
		"no domain":              {domain(""), "expected 1 to 63 octets"},
		"label of 64 octets":     {domain(strings.Repeat("a", 64) + ".test"), "expected 1 to 63 octets"},
		"name of 254 octets":     {domain(strings.Repeat("abcdefg.", 31) + "abcdef"), "found 254 octets"},
		"upper case":             {domain("WWW.example.test"), "expected lower case"},
		"trailing dot":           {domain("www.example.test."), "expected 1 to 63 octets"},
		"leading dot":            {domain(".example.test"), "expected 1 to 63 octets"},
		"two wildcards":          {domain("*.*.example.test"), "letters, digits and hyphens"},
		"wildcard within":        {domain("www.*.test"), "letters, digits and hyphens"},
		"wildcard alone":         {domain("*"), "letters, digits and hyphens"},
		"underscore":             {domain("_acme.example.test"), "letters, digits and hyphens"},
		"hyphen first":           {domain("-www.example.test"), "no hyphen at its ends"},
		"hyphen last":            {domain("www-.example.test"), "no hyphen at its ends"},
		"Unicode":                {domain("bücher.example"), "letters, digits and hyphens"},
		"port":                   {domain("example.test:8080"), "letters, digits and hyphens"},
		"path":                   {domain("example.test/x"), "letters, digits and hyphens"},
		"IPv4 address":           {domain("192.0.2.1"), ""},
		"IPv6 address":           {domain("2001:db8::1"), ""},
		"token of another":       {key("other", "tok.thumb"), `token "other"`},
		"no token":               {key("", "tok.thumb"), `token ""`},
		"no key authorization":   {key("", ""), "key authorization"},
		"no thumbprint":          {key("tok", "tok."), "key authorization"},
		"no dot":                 {key("tok", "tok"), "key authorization"},
		"two dots":               {key("tok", "tok.thumb.x"), "key authorization"},
		"padding":                {key("tok=", "tok=.thumb"), "key authorization"},
		"base64 rather than url": {key("t+k", "t+k.thumb"), "key authorization"},
		"path in the token":      {key("../x", "../x.thumb"), "key authorization"},
		"escape in the token":    {key("%2e", "%2e.thumb"), "key authorization"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			err := dcv.Acceptable(c.check)
			if c.text == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(c.text)))
			// What is not acceptable must not cause a packet.
			w := newWorld()
			v, err := dcv.New(dcv.Options{Network: w, Clock: fixed})
			g.Expect(err).NotTo(HaveOccurred())
			o, targets := v.Validate(t.Context(), w, c.check)
			g.Expect(o.Verdict).To(Equal(perspectives.Error))
			g.Expect(o.Reason).To(Equal(dcv.ReasonInvalidCheck))
			g.Expect(targets).To(BeEmpty())
			g.Expect(w.asked).To(BeEmpty())
			g.Expect(w.dialled).To(BeEmpty())
		})
	}
}

// One address at each edge of each block, and its neighbours outside.
func TestPublicOnly(t *testing.T) {
	for name, addrs := range map[string][]string{
		"public": {
			"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
			"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.1.255",
			"192.0.3.0", "192.31.196.1", "192.52.193.1", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
			"192.175.48.1", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
			"223.255.255.255", "::ffff:1.1.1.1", "2001:200::", "2001:500:2::c", "2001:db7:ffff::", "2001:db9::", "2003::",
			"2620:4f:8000::1", "2a00:1450::1", "3ffe:ffff::", "3fff:1000::",
			"168.63.129.15", "168.63.129.17", "192.80.8.123", "192.80.8.125", "199.36.153.3", "199.36.153.12",
			"161.25.255.255", "161.27.0.0", "166.7.255.255", "166.12.0.0", "2600:2d00:2:fff::", "2600:2d00:2:1001::",
			"2600:2d00:2:1fff::", "2600:2d00:2:2001::",
		},
		"not public": {
			"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.0", "127.255.255.255",
			"169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.9", "192.0.0.255",
			"192.0.2.0", "192.0.2.255", "192.88.99.0", "192.88.99.255", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255",
			"198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
			"255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::", "100::", "100:0:0:1::1",
			"1fff:ffff::", "2001::", "2001::1", "2001:1::1", "2001:2::", "2001:10::", "2001:20::", "2001:1ff:ffff::", "2001:db8::",
			"2001:db8:ffff::", "2002::", "2002:a00:1::", "3fff::", "3fff:fff:ffff::", "4000::", "5f00::", "fc00::", "fd00::1", "fe80::1",
			"fec0::1", "ff02::1", "fe80::1%eth0", "2a00::1%eth0",
			// Platform services of clouds, wherever they lie.
			"168.63.129.16", "192.80.8.124", "199.36.153.4", "199.36.153.7", "199.36.153.8", "199.36.153.11",
			"161.26.0.0", "161.26.255.255", "166.8.0.0", "166.11.255.255", "2600:2d00:2:1000::", "2600:2d00:2:1000:ffff:ffff:ffff:ffff",
			"2600:2d00:2:2000::", "2600:2d00:2:2000:ffff:ffff:ffff:ffff",
			"100.100.100.200", "100.88.222.5", "192.0.0.192", "169.254.169.253", "169.254.170.2", "169.254.0.23", "169.254.42.42",
			"fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::23", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fd20:ce::254", "fe80::a9fe:a9fe",
			// 168.63.129.16 and 169.254.169.254 as IPv4-mapped, IPv4-compatible,
			// IPv4-translated (RFC 6052, RFC 7915), NAT64, 6to4 and Teredo addresses.
			"::ffff:168.63.129.16", "::ffff:169.254.169.254", "::168.63.129.16", "::169.254.169.254",
			"::ffff:0:168.63.129.16", "::ffff:0:169.254.169.254", "64:ff9b::168.63.129.16", "64:ff9b::169.254.169.254",
			"64:ff9b:1::168.63.129.16", "64:ff9b:1:a9fe:a9:fe00::", "2002:a83f:8110::1", "2002:a9fe:a9fe::1",
			"2001:0:a83f:8110::1", "2001::57c0:7eef", "2001::5601:5601",
		},
	} {
		for _, a := range addrs {
			t.Run(name+" "+a, func(t *testing.T) {
				g := NewWithT(t)
				err := dcv.PublicOnly(netip.MustParseAddr(a))
				if name == "public" {
					g.Expect(err).NotTo(HaveOccurred())
				} else {
					g.Expect(err).To(HaveOccurred())
				}
			})
		}
	}
	NewWithT(t).Expect(dcv.PublicOnly(netip.Addr{})).NotTo(Succeed(), "the zero address")
}

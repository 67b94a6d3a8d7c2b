package perspectives_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
)

// TestAcceptableParameters takes a good check of each method and spoils one
// field. Tokens, names and key authorizations have their table in package dcv.
func TestAcceptableParameters(t *testing.T) {
	base := map[perspectives.Method]perspectives.Check{
		perspectives.WebsiteChange: {Domain: "example.com", DCV: perspectives.DCVParameters{ChallengeValue: "value", HTTPTokenPath: "a/b.txt"}},
		perspectives.DNSChange:     {Domain: "example.com", DCV: perspectives.DCVParameters{ChallengeValue: "value", DNSNamePrefix: "_dcv"}},
		perspectives.IPAddress:     {Domain: "example.com", DCV: perspectives.DCVParameters{ChallengeValue: "192.0.2.1"}},
		perspectives.DNSPersistent: {Domain: "example.com", AccountURI: "acct:1", IssuerDomains: []string{"ca.example"}},
		perspectives.IPPersistent:  {Domain: "192.0.2.1", AccountURI: "acct:1", IssuerDomains: []string{"ca.example"}},
	}
	const (
		website    = perspectives.WebsiteChange
		change     = perspectives.DNSChange
		address    = perspectives.IPAddress
		persistent = perspectives.DNSPersistent
	)
	type check = perspectives.Check
	file := func(p string) func(*check) { return func(c *check) { c.DCV.HTTPTokenPath = p } }
	header := func(name, value string) func(*check) {
		return func(c *check) { c.DCV.HTTPHeaders = map[string]string{name: value} }
	}
	value := func(v string) func(*check) { return func(c *check) { c.DCV.ChallengeValue = v } }
	expression := func(v, r string) func(*check) {
		return func(c *check) { c.DCV.ChallengeValue, c.DCV.MatchRegex = v, r }
	}
	prefix := func(p string) func(*check) { return func(c *check) { c.DCV.DNSNamePrefix = p } }
	kind := func(k string) func(*check) { return func(c *check) { c.DCV.DNSRecordType = k } }
	for name, c := range map[string]struct {
		method perspectives.Method
		change func(*check)
		text   string // "" if acceptable
	}{
		"good website":                  {website, func(*check) {}, ""},
		"all that a path may hold":      {website, file("A-._~!$&'()*+,;=:@9/x"), ""},
		"no path":                       {website, file(""), "below /.well-known"},
		"parent":                        {website, file("../x"), "below /.well-known"},
		"parent within":                 {website, file("a/../../x"), "below /.well-known"},
		"this directory":                {website, file("./x"), "below /.well-known"},
		"absolute path":                 {website, file("/x"), "below /.well-known"},
		"directory":                     {website, file("x/"), "below /.well-known"},
		"two slashes":                   {website, file("a//x"), "below /.well-known"},
		"dots in a name":                {website, file("a..b"), ""},
		"query":                         {website, file("x?y"), `'?'`},
		"fragment":                      {website, file("x#y"), `'#'`},
		"escape":                        {website, file("%2e%2e/x"), `'%'`},
		"backslash":                     {website, file(`..\x`), `'\\'`},
		"space":                         {website, file("a b"), `' '`},
		"newline":                       {website, file("a\nb"), `'\n'`},
		"not ASCII":                     {website, file("ä"), `'ä'`},
		"long path":                     {website, file(strings.Repeat("a", 1025)), "1025 octets"},
		"ftp":                           {website, func(c *check) { c.DCV.URLScheme = "ftp" }, "URL scheme"},
		"https":                         {website, func(c *check) { c.DCV.URLScheme = "https" }, ""},
		"value and expression":          {website, expression("abc", ".*"), ""},
		"expression only":               {website, expression("", ".*"), ""},
		"value only":                    {website, expression("abc", ""), ""},
		"neither":                       {website, expression("", ""), "challenge value"},
		"broken expression":             {website, expression("abc", "("), "regular expression"},
		"expression outside of RE2":     {website, expression("abc", "(?=a)"), "regular expression"},
		"long expression":               {website, expression("abc", strings.Repeat("a", 1025)), "1025 octets"},
		"long value":                    {website, value(strings.Repeat("a", 4097)), "4097 octets"},
		"value is the file's name":      {website, value("b.txt"), "BR 3.2.2.4.18"},
		"value in other case in path":   {website, func(c *check) { c.DCV.ChallengeValue, c.DCV.IgnoreCase = "B.TXT", true }, "BR 3.2.2.4.18"},
		"value in the path, other case": {website, value("B.TXT"), ""},
		"value over a slash":            {website, value("a/b"), "BR 3.2.2.4.18"},
		"value in the domain":           {website, value("example"), "BR 3.2.2.4.18"},
		"value in a header":             {website, func(c *check) { header("X-A", "some value!")(c) }, "BR 3.2.2.4.18"},
		"part of the value in the path": {website, value("b.txt!"), ""},
		"header":                        {website, header("Authorization", "Bearer x"), ""},
		"host header":                   {website, header("HOST", "other"), "HTTP headers: HOST"},
		"cookie":                        {website, header("Cookie", "a=b"), "HTTP headers: Cookie"},
		"proxy":                         {website, header("Proxy-Authorization", "x"), "HTTP headers: Proxy-Authorization"},
		"range":                         {website, header("Range", "bytes=0-1"), "HTTP headers: Range"},
		"if-none-match":                 {website, header("If-None-Match", "*"), "HTTP headers: If-None-Match"},
		"length":                        {website, header("content-length", "5"), "HTTP headers: content-length"},
		"header with a space":           {website, header("X A", "x"), "token"},
		"header with a colon":           {website, header("X:", "x"), "token"},
		"header without a name":         {website, header("", "x"), "token"},
		"request in a header":           {website, header("X", "x\r\nHost: y"), "control character"},
		"long header":                   {website, header("X", strings.Repeat("x", 8192)), "8193 octets"},
		"name in a method for names":    {persistent, func(*check) {}, ""},
		"address in it":                 {persistent, func(c *check) { c.Domain = "192.0.2.1" }, "not for IP addresses"},
		"address in a method for those": {perspectives.IPPersistent, func(*check) {}, ""},
		"name in it":                    {perspectives.IPPersistent, func(c *check) { c.Domain = "example.com" }, "not for names"},
		"IPv4 in IPv6":                  {perspectives.IPPersistent, func(c *check) { c.Domain = "::ffff:192.0.2.1" }, "as 192.0.2.1"},
		"IPv6 written out":              {perspectives.IPPersistent, func(c *check) { c.Domain = "2001:db8:0::1" }, "as 2001:db8::1"},
		"zone":                          {perspectives.IPPersistent, func(c *check) { c.Domain = "fe80::1%e" }, "as fe80::1"},
		"an empty issuer":               {persistent, func(c *check) { c.IssuerDomains = []string{""} }, "issuer domains"},
		"good change":                   {change, func(*check) {}, ""},
		"no prefix":                     {change, prefix(""), ""},
		"two labels":                    {change, prefix("_a.b"), "underscore"},
		"underscore alone":              {change, prefix("_"), "underscore"},
		"two underscores":               {change, prefix("__a"), "underscore"},
		"hyphen at the end":             {change, prefix("_a-"), "hyphen"},
		"label of 63 octets":            {change, prefix("_" + strings.Repeat("a", 62)), ""},
		"label of 64 octets":            {change, prefix("_" + strings.Repeat("a", 63)), "underscore"},
		"CNAME":                         {change, kind("CNAME"), ""},
		"CAA":                           {change, kind("CAA"), ""},
		"A":                             {change, kind("A"), "expected one of TXT, CNAME, CAA"},
		"cname":                         {change, kind("cname"), "expected one of TXT, CNAME, CAA"},
		"AAAA":                          {address, kind("AAAA"), ""},
		"TXT":                           {address, kind("TXT"), "expected one of A, AAAA"},
		"no address":                    {address, value(""), "challenge value"},
		"a value that is no address, which is for the check to say": {address, value("1.2.3"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			in := base[c.method]
			in.Method = c.method
			c.change(&in)
			err := in.Acceptable()
			if c.text == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(c.text)))
		})
	}
}

// TestManyHeaders: the number of headers is bounded, too.
func TestManyHeaders(t *testing.T) {
	g := NewWithT(t)
	c := perspectives.Check{
		Domain: "example.com", Method: perspectives.DNSChange,
		DCV: perspectives.DCVParameters{ChallengeValue: "v", HTTPHeaders: map[string]string{}},
	}
	for i := range 32 {
		c.DCV.HTTPHeaders["X-"+strings.Repeat("a", i)] = ""
	}
	g.Expect(c.Acceptable()).To(Succeed())
	c.DCV.HTTPHeaders["Y"] = ""
	g.Expect(c.Acceptable()).To(MatchError(ContainSubstring("found 33")))
}

// TestCAAAloneNeedsNoMethod: only target, questions and type matter.
func TestCAAAloneNeedsNoMethod(t *testing.T) {
	g := NewWithT(t)
	c := perspectives.Check{Domain: "*.example.com", Questions: perspectives.OnlyCAA}
	g.Expect(c.Acceptable()).To(Succeed())
	c.Domain = "192.0.2.1"
	g.Expect(c.Acceptable()).To(Succeed())
	c.Domain = "Example.com"
	g.Expect(c.Acceptable()).To(MatchError(ContainSubstring("lower case")))
	c.Domain, c.CAA.CertificateType = "example.com", "code"
	g.Expect(c.Acceptable()).To(MatchError(ContainSubstring("certificate type")))
	c.CAA.CertificateType = perspectives.SMIME
	g.Expect(c.Acceptable()).To(Succeed())
	c.Questions = perspectives.OnlyDCV
	g.Expect(c.Acceptable()).To(MatchError(ContainSubstring("method")))
}

// TestDigestsHaveOneText: of the texts that encoding/base64 reads as one digest, only the
// canonical one is a digest here (RFC 4648 3.3, 3.5).
func TestDigestsHaveOneText(t *testing.T) {
	good := perspectives.KeyAuthorizationHash("token.thumbprint")
	last := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	next := string(last[strings.IndexByte(last, good[len(good)-1])+1]) // another bit that is not decoded
	for hash, ok := range map[string]bool{
		good: true, good + "=": false, good[:42] + next: false, good[:20] + "\n" + good[20:]: false, good + "\n": false,
		good[:40]: false, good + "AAAA": false, strings.Repeat("+", 43): false, "": false,
	} {
		c := perspectives.Check{Domain: "example.com", Method: perspectives.DNS01, Questions: perspectives.OnlyDCV}
		c.DCV.KeyAuthorizationHash = hash
		if err := c.Acceptable(); (err == nil) != ok {
			t.Errorf("%q: %v", hash, err)
		}
	}
}

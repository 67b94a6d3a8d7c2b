package dcv_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
)

const acct = "https://ca.example/acct/123"

// The first reading of the clock in a check that only asks the DNS.
const nowUnix = 1797292801 // 2026-12-15 00:00:01

var _ = Describe("dns-persistent", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld()
		w.check = perspectives.Check{
			Domain: "example.test", Method: perspectives.DNSPersistent,
			IssuerDomains: []string{"ca.example", "ca2.example"}, AccountURI: acct,
		}
	})
	const good = "ca.example; accounturi=" + acct
	quoted := func(values []string) []string {
		out := make([]string, len(values))
		for i, v := range values {
			out[i] = `"` + v + `"`
		}
		return out
	}

	DescribeTable("passes with",
		func(ctx SpecContext, values ...string) {
			w.names["_validation-persist.example.test TXT"] = quoted(values)
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Pass), HaveField("Reason", dcv.ReasonPersistentMatches),
				HaveField("Clause", "BR 3.2.2.4.22")), w.outcome.Detail)
		},
		Entry("the issuer and the account", good),
		Entry("the example of the BR", fmt.Sprintf("ca.example; accounturi=%s; persistUntil=%d", acct, nowUnix+1000)),
		Entry("the CA's other name", "ca2.example;accounturi="+acct),
		Entry("issuer and tags in other case", "CA.Example; AccountURI="+acct+"; PERSISTUNTIL=9999999999"),
		Entry("all white space that the grammar allows", " \t ca.example \t; accounturi \t= "+acct+" \t"),
		Entry("a record among others", "v=spf1 -all", ";;;", "other.example; accounturi="+acct, good, "ca.example"),
		Entry("parameters that are not known", "ca.example; x=1; "+"accounturi="+acct+"; y="),
		Entry("parameters that are not known, twice", "ca.example; x=1; x=2; accounturi="+acct),
		Entry("a policy, whatever it says", good+"; policy=dont"),
		Entry("a policy twice, which is not known here", good+"; policy=a; policy=b"),
		Entry("a time that has come this moment", fmt.Sprintf("%s; persistUntil=%d", good, nowUnix)),
		Entry("a time with zeros in front", good+"; persistUntil=0000000000000009999999999"),
		Entry("a time beyond 64 bits", good+"; persistUntil=99999999999999999999999999"),
	)

	DescribeTable("fails with",
		func(ctx SpecContext, reason string, values ...string) {
			w.names["_validation-persist.example.test TXT"] = quoted(values)
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Fail), HaveField("Reason", reason)), w.outcome.Detail)
		},
		// The records of Open MPIC's own tests, by the BR's reading.
		Entry("semicolons", dcv.ReasonPersistentIssuer, ";;;"),
		Entry("the issuer alone", dcv.ReasonPersistentNoAccount, "ca.example"),
		Entry("the issuer and a semicolon", dcv.ReasonPersistentNoAccount, "ca.example;"),
		Entry("a value without a tag", dcv.ReasonPersistentMalformed, "ca.example; =value"),
		Entry("a tag without a value", dcv.ReasonPersistentMalformed, "ca.example; accounturi"),
		Entry("only a time", dcv.ReasonPersistentNoAccount, "ca.example; persistUntil=9999999999"),
		Entry("a good account, then no parameter", dcv.ReasonPersistentMalformed, good+"; badparam"),
		Entry("no parameter, then a good account", dcv.ReasonPersistentMalformed, "ca.example; badparam; accounturi="+acct),
		Entry("the account twice", dcv.ReasonPersistentMalformed, good+"; accounturi="+acct),
		Entry("the account twice, in other case", dcv.ReasonPersistentMalformed, good+"; AccountURI=x"),
		Entry("the time twice", dcv.ReasonPersistentMalformed, good+"; persistUntil=9999999999; persistuntil=9999999999"),
		Entry("a time with letters", dcv.ReasonPersistentMalformed, good+"; persistUntil=9999999999foo"),

		Entry("a time with a sign", dcv.ReasonPersistentMalformed, good+"; persistUntil=+9999999999"),
		Entry("a negative time", dcv.ReasonPersistentMalformed, good+"; persistUntil=-1"),
		Entry("a time with underscores", dcv.ReasonPersistentMalformed, good+"; persistUntil=9_999_999_999"),
		Entry("a time in hexadecimal", dcv.ReasonPersistentMalformed, good+"; persistUntil=0xffffffffff"),
		Entry("a fraction", dcv.ReasonPersistentMalformed, good+"; persistUntil=9999999999.5"),
		Entry("an empty time", dcv.ReasonPersistentMalformed, good+"; persistUntil="),
		Entry("a time that passed a second ago", dcv.ReasonPersistentExpired, fmt.Sprintf("%s; persistUntil=%d", good, nowUnix-1)),
		Entry("a time long ago", dcv.ReasonPersistentExpired, good+"; persistUntil=0"),
		Entry("another account", dcv.ReasonPersistentAccount, "ca.example; accounturi="+acct+"4"),
		Entry("the account in other case: URIs are compared to the octet", dcv.ReasonPersistentAccount, "ca.example; accounturi=https://CA.example/acct/123"),
		Entry("an empty account", dcv.ReasonPersistentAccount, "ca.example; accounturi="),
		Entry("another issuer", dcv.ReasonPersistentIssuer, "other.example; accounturi="+acct),
		Entry("a name below the issuer", dcv.ReasonPersistentIssuer, "a.ca.example; accounturi="+acct),
		Entry("no issuer", dcv.ReasonPersistentIssuer, "; accounturi="+acct),
		Entry("the issuer with a dot at the end", dcv.ReasonPersistentIssuer, "ca.example.; accounturi="+acct),
		Entry("a semicolon at the end", dcv.ReasonPersistentMalformed, good+";"),
		Entry("a space in the account", dcv.ReasonPersistentMalformed, good+" x"),
		Entry("an octet beyond ASCII", dcv.ReasonPersistentMalformed, good+`\195`),
		Entry("parts in two records", dcv.ReasonPersistentNoAccount, "ca.example", "accounturi="+acct),
		Entry("several that fail: the nearest gives the reason", dcv.ReasonPersistentAccount,
			"other.example", "ca.example; =", "ca.example; accounturi=x:y", "ca.example"),
	)

	DescribeTable("asks wildcards for a policy only if told to",
		func(ctx SpecContext, domain string, asked bool, record string, verdict perspectives.Verdict, reason string) {
			w.check.Domain = domain
			w.options = func(o *dcv.Options) { o.PersistentWildcardPolicy = asked }
			w.names["_validation-persist.example.test TXT"] = []string{`"` + record + `"`}
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason)), w.outcome.Detail)
		},
		Entry("not told", "*.example.test", false, good, perspectives.Pass, dcv.ReasonPersistentMatches),
		Entry("told, no policy", "*.example.test", true, good, perspectives.Fail, dcv.ReasonPersistentWildcard),
		Entry("told, another policy", "*.example.test", true, good+"; policy=x", perspectives.Fail, dcv.ReasonPersistentWildcard),
		Entry("told, policy in other case", "*.example.test", true, good+"; Policy=WildCard", perspectives.Pass, dcv.ReasonPersistentMatches),
		Entry("told, policy twice", "*.example.test", true, good+"; policy=wildcard; policy=wildcard", perspectives.Fail, dcv.ReasonPersistentMalformed),
		Entry("told, no wildcard", "example.test", true, good, perspectives.Pass, dcv.ReasonPersistentMatches),
	)

	It("has no answer if the lookup fails", func(ctx SpecContext) {
		w.names["_validation-persist.example.test TXT"] = errServerFailure
		w.run(ctx)
		Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Error), HaveField("Reason", dcv.ReasonLookupFailed)))
	})

	It("fails without a record", func(ctx SpecContext) {
		w.run(ctx)
		Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Fail), HaveField("Reason", dcv.ReasonNoTXT)))
	})

	DescribeTable("validates an IP address in its reverse zone",
		func(ctx SpecContext, address, name string) {
			w.check.Domain, w.check.Method = address, perspectives.IPPersistent
			w.names[name+" TXT"] = []string{`"` + good + `"`}
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Pass), HaveField("Clause", "BR 3.2.2.5.8")), w.outcome.Detail)
		},
		Entry("IPv4", "192.0.2.1", "_ip-validation-persist.1.2.0.192.in-addr.arpa"),
		Entry("IPv6", "2001:db8::1",
			"_ip-validation-persist.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
	)
})

package dcv_test

import (
	"cmp"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
	"mpicsim/perspectives/resolver"
)

var _ = Describe("dns-change", func() {
	DescribeTable("judges the records of the domain",
		func(ctx SpecContext, kind string, records any, change func(*perspectives.DCVParameters), verdict perspectives.Verdict, reason string) {
			w := newWorld()
			w.check = perspectives.Check{
				Domain: "example.test", Method: perspectives.DNSChange,
				DCV: perspectives.DCVParameters{ChallengeValue: "AbC-123", DNSRecordType: kind},
			}
			change(&w.check.DCV)
			if kind == "" {
				kind = "TXT"
			}
			if records != nil {
				w.names["example.test "+kind] = records
			}
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason),
				HaveField("Clause", "BR 3.2.2.4.7")), w.outcome.Detail)
			Expect(w.asked).To(Equal([]string{"example.test " + kind}))
		},
		Entry("TXT that is the value", "", []string{"AbC-123"}, none, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("TXT that contains it", "TXT", []string{"other", "xAbC-123y"}, none, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("TXT that contains it, where it must be it", "TXT", []string{"xAbC-123"}, exact, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("TXT that is it, as it must be", "TXT", []string{"AbC-123"}, exact, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("TXT in two strings", "TXT", []string{`"AbC" "-123"`}, exact, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("TXT in two records", "TXT", []string{"AbC", "-123"}, none, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("TXT with escapes", "TXT", []string{`"\065bC-12\051"`}, exact, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("TXT in other case", "TXT", []string{"aBc-123"}, none, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("TXT in other case, which does not matter", "TXT", []string{"aBc-123"}, ignoreCase, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("TXT that is it in other case", "TXT", []string{"aBc-123"}, exactIgnoringCase, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("TXT that contains it in other case, where it must be it", "TXT", []string{"aBc-123x"}, exactIgnoringCase, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("no TXT", "TXT", []string{}, none, perspectives.Fail, dcv.ReasonNoRecord),
		Entry("no such name", "TXT", nil, none, perspectives.Fail, dcv.ReasonNoRecord),
		Entry("a failing lookup", "TXT", errServerFailure, none, perspectives.Error, dcv.ReasonLookupFailed),
		Entry("CNAME to it", "CNAME", []string{"abc-123."}, exact, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("CNAME that contains it, in any case", "CNAME", []string{"aBC-123.ca.example."}, none, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("CNAME that contains it, where it must be it", "CNAME", []string{"abc-123.ca.example."}, exact, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("CNAME to another", "CNAME", []string{"abc-124.ca.example."}, none, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("CAA with it in any property", "CAA", []string{`0 dnschange "AbC-123"`}, exact, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("CAA with it in the tag only", "CAA", []string{`0 AbC123 "x"`}, none, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("CAA in other case", "CAA", []string{`0 issue "abc-123"`}, none, perspectives.Fail, dcv.ReasonRecordMismatch),
	)

	It("looks at a label before the domain if told to, of a wildcard at the name below it", func(ctx SpecContext) {
		w := newWorld()
		w.check = perspectives.Check{
			Domain: "*.example.test", Method: perspectives.DNSChange,
			DCV: perspectives.DCVParameters{ChallengeValue: "v", DNSNamePrefix: "_dcv"},
		}
		w.names["_dcv.example.test TXT"] = []string{"v"}
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
	})

	It("reports the records, the aliases and the DNSSEC status", func(ctx SpecContext) {
		w := newWorld()
		w.status = resolver.Secure
		w.check = perspectives.Check{
			Domain: "example.test", Method: perspectives.DNSChange, DCV: perspectives.DCVParameters{ChallengeValue: "v"},
		}
		w.names["example.test TXT"] = []string{"CNAME t1.example.", "CNAME t2.example.", `"a b" "c"`}
		w.run(ctx)
		Expect(w.outcome.Seen).To(Equal(&perspectives.Seen{DNS: &perspectives.SeenDNS{
			Name: "example.test", FoundAt: "t2.example", Records: []string{"a bc"}, CNAMEs: []string{"t1.example.", "t2.example."},
			DNSSEC: perspectives.Secure,
		}}))
		Expect(w.outcome.DNSSEC).To(Equal(perspectives.Secure))
		Expect(w.targets).To(Equal([]string{"192.0.2.53:53"}))
	})
})

func exact(d *perspectives.DCVParameters)             { d.RequireExactMatch = true }
func exactIgnoringCase(d *perspectives.DCVParameters) { d.RequireExactMatch, d.IgnoreCase = true, true }

var _ = Describe("dns-account-01", func() {
	const account = "https://example.com/acme/acct/ExampleAccount"
	DescribeTable("judges the TXT records at the account's own label",
		func(ctx SpecContext, name, account string, verdict perspectives.Verdict) {
			w := newWorld()
			w.check.Method, w.check.Domain, w.check.AccountURI = perspectives.DNSAccount01, "*.example.test", account
			w.names[name+" TXT"] = []string{digest}
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Clause", "BR 3.2.2.4.21")), w.outcome.Detail)
		},
		Entry("the vector of the draft", "_ujmmovf2vn55tgye._acme-challenge.example.test", account, perspectives.Pass),
		Entry("another account", "_ujmmovf2vn55tgye._acme-challenge.example.test", account+"2", perspectives.Fail),
		Entry("dns-01's name", "_acme-challenge.example.test", account, perspectives.Fail),
	)
})

var _ = Describe("ip-address", func() {
	DescribeTable("looks for the address among those of the domain",
		func(ctx SpecContext, kind, value string, records any, verdict perspectives.Verdict, reason string) {
			w := newWorld()
			w.check = perspectives.Check{
				Domain: "www.example.test", Method: perspectives.IPAddress,
				DCV: perspectives.DCVParameters{ChallengeValue: value, DNSRecordType: kind},
			}
			if records != nil {
				w.names["www.example.test "+cmp.Or(kind, "A")] = records
			}
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason),
				HaveField("Clause", "BR 3.2.2.4.8")), w.outcome.Detail)
			Expect(w.dialled).To(BeEmpty())
		},
		Entry("A", "", "1.2.3.4", []string{"1.2.3.4"}, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("one of several", "A", "1.2.3.4", []string{"1.2.3.5", "1.2.3.4"}, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("another", "A", "1.2.3.5", []string{"1.2.3.4"}, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("AAAA", "AAAA", "2001:4860:4860::8888", []string{"2001:4860:4860::8888"}, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("AAAA written out", "AAAA", "2001:4860:4860:0:00:000:0000:8888", []string{"2001:4860:4860::8888"}, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("too many groups", "AAAA", "2001:4860:4860:0:0:0:0:0:8888", []string{"2001:4860:4860::8888"}, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("five digits in a group", "AAAA", "2001:4860:4860::88888", []string{"2001:4860:4860::8888"}, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("IPv4 in AAAA", "AAAA", "1.2.3.4", []string{"::ffff:1.2.3.4"}, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("no address", "A", "example.test", []string{"1.2.3.4"}, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("no record", "A", "1.2.3.4", []string{}, perspectives.Fail, dcv.ReasonNoRecord),
		Entry("no such name", "A", "1.2.3.4", nil, perspectives.Fail, dcv.ReasonNoRecord),
		Entry("a failing lookup", "A", "1.2.3.4", errServerFailure, perspectives.Error, dcv.ReasonLookupFailed),
	)

	It("cannot validate a wildcard", func(ctx SpecContext) {
		w := newWorld()
		w.check = perspectives.Check{
			Domain: "*.example.test", Method: perspectives.IPAddress, DCV: perspectives.DCVParameters{ChallengeValue: "1.2.3.4"},
		}
		w.run(ctx)
		Expect(w.outcome.Reason).To(Equal(dcv.ReasonWildcard))
	})
})

var _ = Describe("reverse-address-lookup", func() {
	DescribeTable("looks for the FQDN in the reverse zone",
		func(ctx SpecContext, address, name string, records any, verdict perspectives.Verdict, reason string) {
			w := newWorld()
			w.check = perspectives.Check{
				Domain: address, Method: perspectives.ReverseAddressLookup,
				DCV: perspectives.DCVParameters{ChallengeValue: "host.example.test"},
			}
			if records != nil {
				w.names[name+" PTR"] = records
			}
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason),
				HaveField("Clause", "BR 3.2.2.5.3")), w.outcome.Detail)
			Expect(w.asked).To(Equal([]string{name + " PTR"}))
		},
		Entry("IPv4", "192.0.2.1", "1.2.0.192.in-addr.arpa", []string{"host.example.test."}, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("IPv6, in other case, among others", "2001:db8::1",
			"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
			[]string{"x.example.test.", "HOST.example.test."}, perspectives.Pass, dcv.ReasonRecordMatches),
		Entry("another name", "192.0.2.1", "1.2.0.192.in-addr.arpa", []string{"a.host.example.test."}, perspectives.Fail, dcv.ReasonRecordMismatch),
		Entry("no record", "192.0.2.1", "1.2.0.192.in-addr.arpa", []string{}, perspectives.Fail, dcv.ReasonNoRecord),
		Entry("no such name", "192.0.2.1", "1.2.0.192.in-addr.arpa", nil, perspectives.Fail, dcv.ReasonNoRecord),
		Entry("a failing lookup", "192.0.2.1", "1.2.0.192.in-addr.arpa", errServerFailure, perspectives.Error, dcv.ReasonLookupFailed),
	)
})

var _ = Describe("an answer that fails DNSSEC validation", func() {
	DescribeTable("is never used",
		func(ctx SpecContext, m perspectives.Method, query string, change func(*perspectives.Check)) {
			w := newWorld()
			w.check.Domain, w.check.Method = "www.example.test", m
			change(&w.check)
			w.names[query] = fmt.Errorf("signature expired: %w", resolver.ErrBogus)
			w.failedStatus = resolver.Bogus
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Error), HaveField("Reason", dcv.ReasonBogus),
				HaveField("Clause", "BR 3.2.2.4 (DNSSEC)"), HaveField("DNSSEC", perspectives.Bogus)), w.outcome.Detail)
		},
		Entry("by http-01", perspectives.HTTP01, "www.example.test A", func(*perspectives.Check) {}),
		Entry("by dns-01", perspectives.DNS01, "_acme-challenge.www.example.test TXT", func(*perspectives.Check) {}),
		Entry("by dns-account-01", perspectives.DNSAccount01, "_ujmmovf2vn55tgye._acme-challenge.www.example.test TXT",
			func(c *perspectives.Check) { c.AccountURI = "https://example.com/acme/acct/ExampleAccount" }),
		Entry("by contact-email-caa", perspectives.ContactEmailCAA, "example.test CAA",
			func(c *perspectives.Check) { c.DCV.ChallengeValue = "a@example.test" }),
		Entry("by tls-alpn-01", perspectives.TLSALPN01, "www.example.test AAAA", func(*perspectives.Check) {}),
	)

	It("does not matter if the other family has an address, and is not part of the status then", func(ctx SpecContext) {
		w := newWorld()
		w.status, w.failedStatus = resolver.Insecure, resolver.Bogus
		w.names["www.example.test AAAA"] = resolver.ErrBogus
		w.names["www.example.test A"] = []string{"203.0.113.7"}
		w.web(serve(200, keyAuth), "203.0.113.7:80")
		w.run(ctx)
		Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Pass), HaveField("DNSSEC", perspectives.Insecure)))
	})
})

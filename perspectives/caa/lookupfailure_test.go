package caa_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/caa"
	"mpicsim/perspectives/resolver"
)

// scripted answers lookups as it is told to, name by name; NODATA otherwise.
type scripted struct {
	fail    map[string]error
	records map[string]string // an issue value
	status  resolver.Status   // of answers
	asked   []string
}

func (s *scripted) Lookup(_ context.Context, name string, qtype uint16) (*resolver.Answer, error) {
	s.asked = append(s.asked, name)
	if err := s.fail[name]; err != nil {
		return nil, err
	}
	a := &resolver.Answer{
		Server: netip.MustParseAddrPort("192.0.2.53:53"), Status: s.status, Trace: []perspectives.Evidence{exchange("192.0.2.53:53", "NOERROR", 0)},
		Chain: []resolver.Link{{Zone: ".", Owner: "test.", Type: "DS", Status: s.status}},
	}
	if value, ok := s.records[name]; ok {
		a.Records = []dns.RR{&dns.CAA{Hdr: dns.RR_Header{Name: name + ".", Rrtype: qtype, Class: dns.ClassINET}, Tag: "issue", Value: value}}
	}
	return a, nil
}

func exchange(server, status string, second int) perspectives.Evidence {
	return perspectives.Evidence{
		Kind: "dns", Query: "www.example.test CAA", Server: server, Status: status,
		Started: time.Date(2026, 12, 15, 0, 0, second, 0, time.UTC), Took: 500 * time.Millisecond,
	}
}

// failing is a lookup of which a TLD server answered the first exchange and the
// zone's server failed the second.
func failing(status resolver.Status, err error) *resolver.Error {
	return &resolver.Error{
		Name: "www.example.test", Type: dns.TypeCAA, Err: err, Status: status,
		Trace: []perspectives.Evidence{exchange("192.0.2.1:53", "NOERROR", 1), exchange("192.0.2.9:53", "", 2)},
		Chain: []resolver.Link{
			{Zone: ".", Owner: "test.", Type: "DS", Status: resolver.Secure, KeyTag: 7},
			{Zone: "test.", Owner: "example.test.", Type: "DS", Status: resolver.Insecure, EDE: &resolver.EDE{Code: 10}},
		},
	}
}

// alone is a lookup in which nobody answered.
func alone(err error) *resolver.Error {
	e := failing(resolver.Insecure, err)
	e.Trace = e.Trace[1:]
	return e
}

var _ = Describe("A CAA lookup that fails", func() {
	check := perspectives.Check{
		Domain: "www.example.test", Method: perspectives.DNS01, IssuerDomains: []string{"ca.example"},
		CAA: perspectives.CAAParameters{AllowLookupFailure: true},
	}
	const name = "www.example.test"
	ask := func(ctx context.Context, c perspectives.Check, first, second error) perspectives.Outcome {
		k := caa.Checker{}
		if second != nil {
			k.Retry = func() caa.Resolver { return &scripted{fail: map[string]error{name: second}} }
		}
		return k.Check(ctx, &scripted{fail: map[string]error{name: first}}, c)
	}

	It("is permission if it was tried again, lies outside, and the zone is Insecure", func(ctx SpecContext) {
		o := ask(ctx, check, failing(resolver.Insecure, resolver.ErrTimeout), failing(resolver.Insecure, resolver.ErrServerFailure))
		Expect(o).To(And(HaveField("Verdict", perspectives.Pass), HaveField("Reason", caa.ReasonLookupFailurePermitted),
			HaveField("Clause", "BR 3.2.2.8"), HaveField("DNSSEC", perspectives.Insecure)), o.Detail)
		f := o.LookupFailure
		Expect(f.Complete()).To(BeTrue())
		Expect(f.Name).To(Equal(name))
		Expect(f.Attempts).To(HaveLen(2))
		Expect(f.Attempts[1]).To(And(HaveField("Error", ContainSubstring("server failure")), HaveField("DNSSEC", perspectives.Insecure),
			HaveField("Took", 1500*time.Millisecond), HaveField("Evidence", HaveLen(2))))
		Expect(f.Outside).To(Equal("192.0.2.9:53 gave no usable answer while 192.0.2.1:53 answered"))
		Expect(f.OutsideEvidence).To(HaveLen(2))
		Expect(f.Chain).To(HaveLen(2))
		Expect(f.Chain[1]).To(Equal(perspectives.ChainLink{
			Zone: "test.", Owner: "example.test.", Type: "DS", Status: perspectives.Insecure, EDE: "EDE 10 (RRSIGs Missing)",
		}))
		Expect(o.Evidence).To(HaveLen(4), "both attempts")

		text, err := json.Marshal(f)
		Expect(err).NotTo(HaveOccurred())
		var read perspectives.LookupFailure
		Expect(json.Unmarshal(text, &read)).To(Succeed())
		Expect(&read).To(Equal(f), "the proof can be exported and read back")
	})

	DescribeTable("is no permission without",
		func(ctx SpecContext, first, second error, missing ...string) {
			o := ask(ctx, check, first, second)
			Expect(o).To(And(HaveField("Verdict", perspectives.Error), HaveField("Reason", caa.ReasonLookupFailed)), o.Detail)
			Expect(o.LookupFailure.Missing).To(Equal(missing))
			Expect(o.LookupFailure.Complete()).To(BeFalse())
		},
		Entry("a second try", failing(resolver.Insecure, resolver.ErrTimeout), nil, "retry"),
		Entry("anybody who answered in the first", alone(resolver.ErrTimeout), failing(resolver.Insecure, resolver.ErrTimeout), "outside-infrastructure"),
		Entry("anybody who answered in the second", failing(resolver.Insecure, resolver.ErrTimeout), alone(resolver.ErrUnreachable), "outside-infrastructure"),
		Entry("a zone that is Insecure: Secure", failing(resolver.Secure, resolver.ErrTimeout), failing(resolver.Secure, resolver.ErrTimeout), "insecure"),
		Entry("a zone that is Insecure: Indeterminate", failing(resolver.Insecure, resolver.ErrTimeout), failing(resolver.Indeterminate, resolver.ErrTimeout), "insecure"),
		Entry("any of them", &resolver.Error{Err: resolver.ErrTimeout}, nil, "retry", "outside-infrastructure", "insecure"),
	)

	DescribeTable("is never excused, and not tried to be, if",
		func(ctx SpecContext, first, second error, reason string) {
			o := ask(ctx, check, first, second)
			Expect(o).To(And(HaveField("Verdict", perspectives.Error), HaveField("Reason", reason), HaveField("LookupFailure", BeNil())), o.Detail)
		},
		Entry("the answer is bogus", failing(resolver.Bogus, resolver.ErrBogus), failing(resolver.Insecure, resolver.ErrTimeout), caa.ReasonBogus),
		Entry("the second answer is bogus", failing(resolver.Insecure, resolver.ErrTimeout), failing(resolver.Bogus, resolver.ErrBogus), caa.ReasonBogus),
		Entry("one server's answer is bogus", failing(resolver.Insecure, fmt.Errorf("%w: %w", resolver.ErrTimeout, resolver.ErrBogus)),
			failing(resolver.Insecure, resolver.ErrTimeout), caa.ReasonBogus),
		Entry("a key is one that the resolver does not compute with", failing(resolver.Insecure, resolver.ErrUnsupportedKey),
			failing(resolver.Insecure, resolver.ErrTimeout), caa.ReasonLookupFailed),
		Entry("the resolver gave up", failing(resolver.Insecure, resolver.ErrLimit), failing(resolver.Insecure, resolver.ErrTimeout), caa.ReasonLookupFailed),
		Entry("the address policy refused a server", failing(resolver.Insecure, resolver.ErrRefusedAddress), failing(resolver.Insecure, resolver.ErrTimeout), caa.ReasonLookupFailed),
		Entry("the caller gave up", failing(resolver.Insecure, context.DeadlineExceeded), failing(resolver.Insecure, resolver.ErrTimeout), caa.ReasonLookupFailed),
		Entry("its aliases lead back to themselves", failing(resolver.Insecure, resolver.ErrLoop), failing(resolver.Insecure, resolver.ErrTimeout), caa.ReasonLookupFailed),
		Entry("they do so at the second try", failing(resolver.Insecure, resolver.ErrTimeout), failing(resolver.Insecure, resolver.ErrLoop), caa.ReasonLookupFailed),
		Entry("one server says so and another nothing", failing(resolver.Insecure, fmt.Errorf("%w: %w", resolver.ErrTimeout, resolver.ErrLoop)),
			failing(resolver.Insecure, resolver.ErrTimeout), caa.ReasonLookupFailed),
		Entry("records were received that are no answer", received(), failing(resolver.Insecure, resolver.ErrTimeout), caa.ReasonLookupFailed),
		Entry("they were at the second try", failing(resolver.Insecure, resolver.ErrTimeout), received(), caa.ReasonLookupFailed),
		Entry("the zone said YXDOMAIN", yxdomain(), yxdomain(), caa.ReasonLookupFailed),
	)

	It("rests on BR 3.2.2.8.1 if the answer is bogus, whatever the caller allows", func(ctx SpecContext) {
		for _, allow := range []bool{false, true} {
			c := check
			c.CAA.AllowLookupFailure = allow
			o := ask(ctx, c, failing(resolver.Bogus, resolver.ErrBogus), nil)
			Expect(o).To(And(HaveField("Verdict", perspectives.Error), HaveField("Clause", "BR 3.2.2.8.1"), HaveField("DNSSEC", perspectives.Bogus)))
		}
	})

	It("is not tried again unless the caller allows it", func(ctx SpecContext) {
		c := check
		c.CAA.AllowLookupFailure = false
		o := ask(ctx, c, failing(resolver.Insecure, resolver.ErrTimeout), failing(resolver.Insecure, resolver.ErrTimeout))
		Expect(o).To(And(HaveField("Verdict", perspectives.Error), HaveField("LookupFailure", BeNil()), HaveField("Evidence", HaveLen(2))))
	})

	DescribeTable("at another name than before has not been tried again yet,",
		func(ctx SpecContext, failed []string, verdict perspectives.Verdict, missing ...string) {
			next := func() caa.Resolver {
				s := &scripted{status: resolver.Insecure, fail: map[string]error{failed[0]: failing(resolver.Insecure, resolver.ErrTimeout)}}
				failed = failed[1:]
				return s
			}
			tries := len(failed)
			o := caa.Checker{Retry: next}.Check(ctx, next(), check)
			Expect(o.Verdict).To(Equal(verdict), o.Detail)
			Expect(o.LookupFailure).To(And(HaveField("Attempts", HaveLen(tries)), HaveField("Missing", HaveLen(len(missing)))))
			Expect(o.LookupFailure.Complete()).To(Equal(len(missing) == 0))
		},
		Entry("so it is", []string{name, "example.test", "example.test"}, perspectives.Pass),
		Entry("not without end", []string{name, "example.test", "test"}, perspectives.Error, "retry"),
		Entry("as is the first one", []string{name, "example.test", name}, perspectives.Pass),
	)

	DescribeTable("is judged by the records if the second try finds them",
		func(ctx SpecContext, value string, verdict perspectives.Verdict) {
			k := caa.Checker{Retry: func() caa.Resolver { return &scripted{records: map[string]string{name: value}} }}
			o := k.Check(ctx, &scripted{fail: map[string]error{name: failing(resolver.Insecure, resolver.ErrTimeout)}}, check)
			Expect(o).To(And(HaveField("Verdict", verdict), HaveField("Evidence", HaveLen(3))), o.Detail)
		},
		Entry("which permit", "ca.example", perspectives.Pass),
		Entry("which forbid", "other.example", perspectives.Fail),
	)
})

// received is a lookup in which CAA records came without AA from a recursive server.
func received() *resolver.Error {
	e := failing(resolver.Insecure, resolver.ErrLame)
	e.Received = true
	return e
}

func yxdomain() *resolver.Error {
	e := failing(resolver.Insecure, resolver.ErrServerFailure)
	e.Trace[1].Status = "YXDOMAIN"
	return e
}

var _ = Describe("A CAA check", func() {
	It("does not apply to IP addresses", func(ctx SpecContext) {
		r := &scripted{}
		o := caa.Check(ctx, r, perspectives.Check{Domain: "2001:db8::1", IssuerDomains: []string{"ca.example"}})
		Expect(o).To(And(HaveField("Verdict", perspectives.Pass), HaveField("Reason", caa.ReasonNotApplicable)))
		Expect(r.asked).To(BeEmpty())
	})

	It("is not made for a type of certificate that nobody knows", func(ctx SpecContext) {
		r := &scripted{}
		o := caa.Check(ctx, r, perspectives.Check{Domain: "example.test", CAA: perspectives.CAAParameters{CertificateType: "code"}})
		Expect(o).To(And(HaveField("Verdict", perspectives.Error), HaveField("Reason", caa.ReasonInvalidCheck)))
		Expect(r.asked).To(BeEmpty())
	})

	It("reports the records, where they were found, and the weakest status of the climb", func(ctx SpecContext) {
		r := &scripted{records: map[string]string{"example.test": "ca.example"}, status: resolver.Insecure}
		o := caa.Check(ctx, r, perspectives.Check{Domain: "a.example.test", IssuerDomains: []string{"ca.example"}})
		Expect(o.Seen.DNS).To(Equal(&perspectives.SeenDNS{
			Name: "example.test", FoundAt: "example.test", Records: []string{`0 issue "ca.example"`}, DNSSEC: perspectives.Insecure,
		}))
		Expect(o.DNSSEC).To(Equal(perspectives.Insecure))
		Expect(o.Chain).To(HaveLen(1), "each link once")
	})

	DescribeTable("compares the labels of the method",
		func(ctx SpecContext, k caa.Checker, change func(*perspectives.Check), reason string) {
			r := &scripted{records: map[string]string{"example.test": "ca.example; validationmethods=ca-tbr-7,ca-mine"}}
			c := perspectives.Check{Domain: "example.test", Method: perspectives.DNSChange, IssuerDomains: []string{"ca.example"}}
			change(&c)
			Expect(k.Check(ctx, r, c).Reason).To(Equal(reason))
		},
		Entry("which dns-change has none of", caa.Checker{}, func(*perspectives.Check) {}, caa.ReasonMethod),
		Entry("those of SC-098", caa.Checker{BRLabels: true}, func(*perspectives.Check) {}, caa.ReasonAuthorized),
		Entry("those of SC-098 for another method", caa.Checker{BRLabels: true},
			func(c *perspectives.Check) { c.Method = perspectives.HTTP01 }, caa.ReasonMethod),
		Entry("the caller's own", caa.Checker{},
			func(c *perspectives.Check) { c.CAA.ValidationMethods = []string{"ca-mine"} }, caa.ReasonAuthorized),
		Entry("the caller's own, which are others", caa.Checker{BRLabels: true},
			func(c *perspectives.Check) { c.CAA.ValidationMethods = []string{"ca-yours"} }, caa.ReasonMethod),
		Entry("unless told not to", caa.Checker{IgnoreParameters: true}, func(*perspectives.Check) {}, caa.ReasonAuthorized),
	)
})

package local_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
	"mpicsim/perspectives/caa"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/resolver/resolvertest"
)

// limit returns limits with n of one resource and the defaults of all others.
func limit(r budget.Resource, n int) budget.Limits {
	switch r {
	case budget.Messages:
		return budget.Limits{Messages: n}
	case budget.Octets:
		return budget.Limits{Octets: n}
	case budget.Evidence:
		return budget.Limits{Evidence: n}
	case budget.Aliases:
		return budget.Limits{Aliases: n}
	case budget.Signatures:
		return budget.Limits{Signatures: n}
	case budget.Endpoints:
		return budget.Limits{Endpoints: n}
	case budget.Work:
		return budget.Limits{Work: n}
	case budget.Time:
		return budget.Limits{Time: time.Duration(n)}
	}
	return budget.Limits{}
}

var _ = Describe("The budget of a check", Ordered, func() {
	// Ordered only to sign the zones once: no entry depends on another.
	var config local.Config
	BeforeAll(func() { config = signedWorld(time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)) })
	run := func(ctx SpecContext, limits budget.Limits, domain string) perspectives.Result {
		GinkgoHelper()
		c := config
		c.Budget = limits
		l, err := local.New(c)
		Expect(err).NotTo(HaveOccurred())
		asked := check(domain, perspectives.DNS01)
		if domain == "downplain.test" { // where DCV asks first, no server answers CAA's first lookup
			asked.Questions, asked.CAA.AllowLookupFailure = perspectives.OnlyCAA, true
		}
		return l.Run(ctx, asked)
	}

	DescribeTable("ends it as an error with the resource's reason, or changes nothing, wherever it is used up",
		func(ctx SpecContext, domain string, resource budget.Resource, caaReason string) {
			whole := run(ctx, budget.Limits{}, domain)
			Expect(whole.CAA.Reason).To(Equal(caaReason))
			ended := 0
			for n := 1; ; n += max(1, n/4) {
				r := run(ctx, limit(resource, n), domain)
				for _, o := range [][2]perspectives.Outcome{{r.DCV, whole.DCV}, {r.CAA, whole.CAA}} {
					if o[0].Reason != resource.Reason() {
						Expect(o[0].Verdict).To(Equal(o[1].Verdict), "%d: %s", n, o[0].Detail)
						Expect(o[0].Reason).To(Equal(o[1].Reason), "%d: %s", n, o[0].Detail)
						continue
					}
					Expect(o[0].Verdict).To(Equal(perspectives.Error), "%d: %s", n, o[0].Detail)
					Expect(o[0].Detail).To(ContainSubstring(fmt.Sprintf("more than %d %v for one check", n, resource)))
				}
				if r.CAA.Reason == caaReason {
					break
				}
				ended++
			}
			Expect(ended).To(BeNumerically(">", 0), "so few are not enough")
		},
		Entry("messages, signed", "signed.test", budget.Messages, caa.ReasonAuthorized),
		Entry("octets, signed", "signed.test", budget.Octets, caa.ReasonAuthorized),
		Entry("signatures, signed", "signed.test", budget.Signatures, caa.ReasonAuthorized),
		Entry("endpoints, signed", "signed.test", budget.Endpoints, caa.ReasonAuthorized),
		Entry("work, signed", "signed.test", budget.Work, caa.ReasonAuthorized),
		Entry("messages, a failure that is excused", "downplain.test", budget.Messages, caa.ReasonLookupFailurePermitted),
		Entry("octets, a failure that is excused", "downplain.test", budget.Octets, caa.ReasonLookupFailurePermitted),
		Entry("signatures, a failure that is excused", "downplain.test", budget.Signatures, caa.ReasonLookupFailurePermitted),
		Entry("endpoints, a failure that is excused", "downplain.test", budget.Endpoints, caa.ReasonLookupFailurePermitted),
		Entry("work, a failure that is excused", "downplain.test", budget.Work, caa.ReasonLookupFailurePermitted),
	)

	It("ends it when the time is up", func(ctx SpecContext) {
		r := run(ctx, budget.Limits{Time: time.Nanosecond}, "signed.test")
		Expect(r.DCV.Reason).To(Equal("budget-time"))
		Expect(r.CAA.Reason).To(Equal("budget-time"))
		Expect(r.CAA.Verdict).To(Equal(perspectives.Error))
	})

	It("cuts evidence, says so, and decides the same", func(ctx SpecContext) {
		whole := run(ctx, budget.Limits{}, "downplain.test")
		Expect(whole.CAA.EvidenceCut).To(BeFalse())
		r := run(ctx, budget.Limits{Evidence: 2000}, "downplain.test")
		Expect(r.CAA.Reason).To(Equal(whole.CAA.Reason))
		Expect(r.CAA.EvidenceCut).To(BeTrue())
		Expect(r.CAA.LookupFailure.Cut).To(BeTrue())
		data, err := json.Marshal(r)
		Expect(err).NotTo(HaveOccurred())
		Expect(len(data)).To(BeNumerically("<", 6000))
	})

	It("of less than nothing is refused", func() {
		c := config
		c.Budget.Work = -1
		_, err := local.New(c)
		Expect(err).To(MatchError(`perspective "test/one": budget work: found -1, expected a positive number or 0 for the default`))
	})
})

var _ = Describe("A zone of SERVFAILs with 64 kB of TXT beside", func() {
	DescribeTable("leaves evidence that is bounded and signed as cut",
		func(ctx SpecContext, octet string) {
			w := resolvertest.Start(GinkgoTB(),
				resolvertest.Server{Addr: rootAddr, Zones: []resolvertest.Zone{{Origin: ".", Records: "test. NS a.nic.test.\na.nic.test. A " + tldAddr}}},
				resolvertest.Server{Addr: tldAddr, Handler: func(rw dns.ResponseWriter, q *dns.Msg) {
					m := new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
					txt := &dns.TXT{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}}
					for range 250 {
						txt.Txt = append(txt.Txt, strings.Repeat(octet, 255))
					}
					if m.Answer = []dns.RR{txt}; rw.LocalAddr().Network() == "udp" {
						m.Truncate(512)
					}
					_ = rw.WriteMsg(m)
				}},
			)
			c := config(w, 80)
			l, err := local.New(c)
			Expect(err).NotTo(HaveOccurred())
			asked := check("example.test", perspectives.HTTP01)
			asked.CAA.AllowLookupFailure = true
			r := l.Run(ctx, asked)
			Expect(r.CAA.Verdict).To(Equal(perspectives.Error), r.CAA.Detail)
			data, err := json.Marshal(r)
			Expect(err).NotTo(HaveOccurred())
			Expect(len(data)).To(BeNumerically("<", perspectives.MaxEvidence))
			Expect(r.DCV.Evidence).To(ContainElement(And(HaveField("Status", "SERVFAIL"), HaveField("Cut", true))))
		},
		Entry("of letters", "x"),
		Entry("of octets that are escaped", `\255`),
		Entry("of quotes", `\"`),
		Entry("of markup, which JSON escapes", "<"),
	)
})

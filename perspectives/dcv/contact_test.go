package dcv_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
)

var _ = Describe("contact-email-txt and contact-phone-txt", func() {
	DescribeTable("judge the TXT records",
		func(ctx SpecContext, m perspectives.Method, value string, records any, change func(*perspectives.DCVParameters), verdict perspectives.Verdict, reason string) {
			w := newWorld()
			w.check = perspectives.Check{Domain: "*.example.test", Method: m, DCV: perspectives.DCVParameters{ChallengeValue: value}}
			change(&w.check.DCV)
			name, clause := "_validation-contactemail.example.test", "BR 3.2.2.4.14"
			if m == perspectives.ContactPhoneTXT {
				name, clause = "_validation-contactphone.example.test", "BR 3.2.2.4.16"
			}
			if records != nil {
				w.names[name+" TXT"] = records
			}
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason), HaveField("Clause", clause)), w.outcome.Detail)
			Expect(w.asked).To(Equal([]string{name + " TXT"}))
		},
		Entry("the address", email, "a.b@example.com", []string{"a.b@example.com"}, none, perspectives.Pass, dcv.ReasonContactMatches),
		Entry("among others", email, "a.b@example.com", []string{"c@example.com", "x", "a.b@example.com"}, none, perspectives.Pass, dcv.ReasonContactMatches),
		Entry("host in other case", email, "a.b@example.com", []string{"a.b@Example.COM"}, none, perspectives.Pass, dcv.ReasonContactMatches),
		Entry("local part in other case", email, "a.b@example.com", []string{"A.b@example.com"}, none, perspectives.Fail, dcv.ReasonContactMismatch),
		Entry("local part in other case, which does not matter", email, "a.b@example.com", []string{"A.b@example.com"}, ignoreCase, perspectives.Pass, dcv.ReasonContactMatches),
		Entry("beyond ASCII", email, "ä@bücher.example", []string{`"\195\164@b\195\188cher.example"`}, none, perspectives.Pass, dcv.ReasonContactMatches),
		Entry("another address", email, "a.b@example.com", []string{"a.c@example.com"}, none, perspectives.Fail, dcv.ReasonContactMismatch),
		Entry("white space around", email, "a@example.com", []string{`" a@example.com "`}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("a NUL before", email, "a@example.com", []string{`"\000a@example.com"`}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("a NUL before, as was selected", email, "\x00a@example.com", []string{`"\000a@example.com"`}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("junk around", email, "a@example.com", []string{`"\"a@example.com junk"`}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("a display name", email, "a@example.com", []string{`"A <a@example.com>"`}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("a mailto URI", email, "a@example.com", []string{"mailto:a@example.com"}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("octets that are no UTF-8", email, "a@example.com", []string{`"\255a@example.com"`}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("no record", email, "a@example.com", []string{}, none, perspectives.Fail, dcv.ReasonNoTXT),
		Entry("no such name", email, "a@example.com", nil, none, perspectives.Fail, dcv.ReasonNoTXT),
		Entry("a failing lookup", email, "a@example.com", errServerFailure, none, perspectives.Error, dcv.ReasonLookupFailed),

		Entry("the number", phone, "+1-123-456-7890", []string{"+1-123-456-7890"}, none, perspectives.Pass, dcv.ReasonContactMatches),
		Entry("the number with other separators (RFC 3966 4)", phone, "+11234567890", []string{"+1.(123)-456.7890"}, none, perspectives.Pass, dcv.ReasonContactMatches),
		Entry("another number", phone, "+1-123-456-7891", []string{"+1-123-456-7890"}, none, perspectives.Fail, dcv.ReasonContactMismatch),
		Entry("white space after", phone, "+1-123-456-7890", []string{`"+1-123-456-7890 "`}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("no plus sign", phone, "+1-123-456-7890", []string{"1-123-456-7890"}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("no digit", phone, "+-", []string{"+-"}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("an extension", phone, "+1-123", []string{`"+1-123;ext=4"`}, none, perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("selected without plus sign", phone, "1-123", []string{"+1-123"}, none, perspectives.Fail, dcv.ReasonContactMismatch),
	)
})

const (
	email = perspectives.ContactEmailTXT
	phone = perspectives.ContactPhoneTXT
)

var _ = Describe("contact-email-caa and contact-phone-caa", func() {
	DescribeTable("judge the CAA records that are relevant",
		func(ctx SpecContext, m perspectives.Method, domain, value string, verdict perspectives.Verdict, reason string) {
			w := newWorld()
			w.names = map[string]any{
				"example.test CAA": []string{
					`0 contactemail "a@example.com"`, `128 ContactEmail "b@example.com"`, `0 issue "ca.example"`,
					`0 contactphone "junk"`, `0 contactphone "+1-123"`,
				},
				"other.example.test CAA":  []string{`0 issue "ca.example"`},
				"space.example.test CAA":  []string{`0 contactemail "a@example.com "`},
				"nul.example.test CAA":    []string{`0 contactemail "a@example.com\000"`},
				"broken.example.test CAA": errServerFailure,
			}
			w.check = perspectives.Check{Domain: domain, Method: m, DCV: perspectives.DCVParameters{ChallengeValue: value}}
			w.run(ctx)
			clause := "BR 3.2.2.4.13"
			if m == perspectives.ContactPhoneCAA {
				clause = "BR 3.2.2.4.17"
			}
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason), HaveField("Clause", clause)), w.outcome.Detail)
			Expect(w.outcome.Evidence).To(HaveLen(len(w.asked)))
		},
		Entry("the address", emailCAA, "example.test", "a@example.com", perspectives.Pass, dcv.ReasonContactMatches),
		Entry("critical, tag in other case", emailCAA, "example.test", "b@example.com", perspectives.Pass, dcv.ReasonContactMatches),
		Entry("of a wildcard", emailCAA, "*.example.test", "a@example.com", perspectives.Pass, dcv.ReasonContactMatches),
		Entry("by climbing", emailCAA, "x.y.example.test", "a@example.com", perspectives.Pass, dcv.ReasonContactMatches),
		Entry("another address", emailCAA, "example.test", "c@example.com", perspectives.Fail, dcv.ReasonContactMismatch),
		Entry("a set without contact, where the climb ends", emailCAA, "other.example.test", "a@example.com", perspectives.Fail, dcv.ReasonNoContact),
		Entry("no set at all", emailCAA, "none.test", "a@example.com", perspectives.Fail, dcv.ReasonNoContact),
		Entry("white space", emailCAA, "space.example.test", "a@example.com", perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("a NUL", emailCAA, "nul.example.test", "a@example.com", perspectives.Fail, dcv.ReasonContactUnusable),
		Entry("a failing lookup", emailCAA, "broken.example.test", "a@example.com", perspectives.Error, dcv.ReasonLookupFailed),
		Entry("the number beside junk", phoneCAA, "example.test", "+1123", perspectives.Pass, dcv.ReasonContactMatches),
		Entry("another number", phoneCAA, "example.test", "+1124", perspectives.Fail, dcv.ReasonContactMismatch),
	)

	It("says where the records were found", func(ctx SpecContext) {
		w := newWorld()
		w.names["example.test CAA"] = []string{`0 contactemail "a@example.com"`}
		w.check = perspectives.Check{
			Domain: "x.example.test", Method: emailCAA, DCV: perspectives.DCVParameters{ChallengeValue: "a@example.com"},
		}
		w.run(ctx)
		Expect(w.outcome.Seen.DNS).To(And(HaveField("Name", "example.test"), HaveField("Records", []string{`0 contactemail "a@example.com"`})))
		Expect(w.targets).To(Equal([]string{"192.0.2.53:53"}))
		Expect(strings.Join(w.asked, "; ")).To(Equal("x.example.test CAA; example.test CAA"))
	})
})

const (
	emailCAA = perspectives.ContactEmailCAA
	phoneCAA = perspectives.ContactPhoneCAA
)

package dcv_test

import (
	"crypto/sha256"
	"encoding/base64"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
)

var _ = Describe("dns-01", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld()
		w.check.Method = perspectives.DNS01
		w.check.Domain = "example.test"
	})

	DescribeTable("judges the TXT records at _acme-challenge",
		func(ctx SpecContext, records any, verdict perspectives.Verdict, reason string) {
			if records != nil {
				w.names["_acme-challenge.example.test TXT"] = records
			}
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason),
				HaveField("Clause", "BR 3.2.2.4.7"), HaveField("Evidence", HaveLen(1))), w.outcome.Detail)
			Expect(w.asked).To(Equal([]string{"_acme-challenge.example.test TXT"}))
			Expect(w.dialled).To(BeEmpty())
		},
		Entry("the digest", []string{digest}, perspectives.Pass, dcv.ReasonMatches),
		Entry("among others", []string{"x", digest, "y"}, perspectives.Pass, dcv.ReasonMatches),
		Entry("in two strings", []string{`"` + digest[:20] + `" "` + digest[20:] + `"`}, perspectives.Pass, dcv.ReasonMatches),
		Entry("in two records", []string{digest[:20], digest[20:]}, perspectives.Fail, dcv.ReasonTXTMismatch),
		Entry("with padding", []string{digest + "="}, perspectives.Fail, dcv.ReasonTXTMismatch),
		Entry("with a space at the end", []string{`"` + digest + ` "`}, perspectives.Fail, dcv.ReasonTXTMismatch),
		Entry("with an escaped octet at the end", []string{`"` + digest + `\007"`}, perspectives.Fail, dcv.ReasonTXTMismatch),
		Entry("the key authorization itself", []string{keyAuth}, perspectives.Fail, dcv.ReasonTXTMismatch),
		Entry("an empty string", []string{`""`}, perspectives.Fail, dcv.ReasonTXTMismatch),
		Entry("no record", []string{}, perspectives.Fail, dcv.ReasonNoTXT),
		Entry("no such name", nil, perspectives.Fail, dcv.ReasonNoTXT),
		Entry("a failing lookup", errServerFailure, perspectives.Error, dcv.ReasonLookupFailed),
	)

	It("validates a wildcard at the name below it", func(ctx SpecContext) {
		w.check.Domain = "*.example.test"
		w.names["_acme-challenge.example.test TXT"] = []string{digest}
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
	})

	It("reports the name server that gave the answer", func(ctx SpecContext) {
		w.names["_acme-challenge.example.test TXT"] = []string{"wrong"}
		w.run(ctx)
		Expect(w.targets).To(Equal([]string{"192.0.2.53:53"}))
	})

	It("does not need the token", func(ctx SpecContext) {
		w.check.Token = ""
		w.names["_acme-challenge.example.test TXT"] = []string{digest}
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass))
	})

	It("wants the SHA-256 of the key authorization in base64url", func() {
		sum := sha256.Sum256([]byte(keyAuth))
		Expect(base64.RawURLEncoding.EncodeToString(sum[:])).To(Equal(digest))
	})
})

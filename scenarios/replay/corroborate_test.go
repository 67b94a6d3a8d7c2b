package replay_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
	"mpicsim/scenarios/replay"
)

var _ = Describe("Any check, put to a world", func() {
	var w *replay.World

	BeforeEach(func() {
		var err error
		w, err = replay.Build(GinkgoT().Context(), replay.Options{Source: tell(), Version: "test"}) // servers live as long as their context
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(w.Close)
	})
	corroborate := func(ctx context.Context, change func(*replay.Corroboration)) (coordinator.Report, error) {
		GinkgoHelper()
		ask, err := w.Request("during")
		Expect(err).NotTo(HaveOccurred())
		c := replay.Corroboration{Event: "during", At: 90 * time.Second, Check: ask}
		change(&c)
		return w.Corroborate(ctx, c)
	}
	fooled := func(r coordinator.Report) (names []string) {
		for _, a := range append([]coordinator.Answer{r.Attempts[0].Primary}, r.Attempts[0].Remotes...) {
			if a.Corroborates() { // it is the attacker's challenge
				names = append(names, a.Perspective.Name)
			}
		}
		return names
	}

	It("is answered as in the timeline at the same time", func(ctx SpecContext) {
		r, err := corroborate(ctx, func(*replay.Corroboration) {})
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Decision.Reason).To(Equal(policy.TooFewCorroborations))
		Expect(r.Decision.Quorum).To(Equal("1/5"))
		Expect(fooled(r)).To(Equal(inCone))
	})

	It("meets nobody fooled before the hijack", func(ctx SpecContext) {
		r, err := corroborate(ctx, func(c *replay.Corroboration) { c.At = 30 * time.Second })
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Decision.Reason).To(Equal(policy.PrimaryDCVFailed))
	})

	It("can be about CAA alone, with some of the remotes and another rule", func(ctx SpecContext) {
		r, err := corroborate(ctx, func(c *replay.Corroboration) {
			c.Check = perspectives.Check{Domain: "www.shop.example", Questions: perspectives.OnlyCAA, IssuerDomains: []string{"ca.example"}}
			c.Remotes = []string{"tokyo", "frankfurt"}
			c.Quorum, _ = policy.KOfN(2, 2)
		})
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Decision.Issue).To(BeTrue())
		Expect(r.Attempts[0].Remotes[0].Perspective.Name).To(Equal("tokyo"))
		Expect(r.Attempts[0].Remotes[0].Result.CAA.Seen.DNS.Name).To(Equal("shop.example"))
	})

	It("has the same result however many are asked at once", func(ctx SpecContext) {
		reports := make(chan coordinator.Report, 8)
		for range cap(reports) {
			go func() {
				defer GinkgoRecover()
				r, err := corroborate(ctx, func(*replay.Corroboration) {})
				Expect(err).NotTo(HaveOccurred())
				reports <- r
			}()
		}
		first := <-reports
		for range cap(reports) - 1 {
			Expect(<-reports).To(Equal(first))
		}
	})

	DescribeTable("is refused if it cannot be", func(ctx SpecContext, change func(*replay.Corroboration), want string) {
		_, err := corroborate(ctx, change)
		Expect(err).To(MatchError(ContainSubstring(want)))
	},
		Entry("an unknown check", func(c *replay.Corroboration) { c.Event = "never" }, `check "never": want one of the timeline: during`),
		Entry("an unknown remote", func(c *replay.Corroboration) { c.Remotes = []string{"mars"} }, `remote "mars" is not among`),
		Entry("a time before the beginning", func(c *replay.Corroboration) { c.At = -1 }, "want 0 or later"),
		Entry("a check that makes no sense", func(c *replay.Corroboration) { c.Check.Domain = strings.Repeat("x", 300) }, "bad check"),
	)
})

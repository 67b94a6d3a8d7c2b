package conformance_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"mpicsim/perspectives/local"
	"mpicsim/perspectives/openmpic"
	"mpicsim/perspectives/policy"
	"mpicsim/scenarios/conformance"
)

// serve starts our own coordinator in a world of its own, over HTTP on the
// loopback.
func serve(o conformance.Options) (*conformance.World, conformance.Client) {
	GinkgoHelper()
	world, err := conformance.Build(context.Background(), o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(world.Close()).To(Succeed()) })
	options, err := world.Service()
	Expect(err).NotTo(HaveOccurred())
	options.Registry = prometheus.NewRegistry()
	handler, err := openmpic.New(options)
	Expect(err).NotTo(HaveOccurred())
	server := httptest.NewServer(handler)
	DeferCleanup(server.Close)
	return world, conformance.Client{URL: server.URL + "/mpic", HTTP: server.Client()}
}

// groups declares a spec for each case. One world serves them all, because
// building it takes longer than a case and a case changes nothing in it.
func groups(o conformance.Options) {
	var (
		world  *conformance.World
		client conformance.Client
	)
	BeforeAll(func() { world, client = serve(o) })
	for _, group := range conformance.Groups(conformance.Cases()) {
		Context(group, func() {
			for _, c := range conformance.Cases() {
				if c.Group != group {
					continue
				}
				It(c.Name, func(ctx SpecContext) {
					r := client.Ask(ctx, c)
					Expect(r.Faults).To(BeEmpty(), "%s", r.Response)
				})
			}
		})
	}
	It("never contacts a port that is no Authorized Port", func() {
		Expect(world.Trespasses()).To(BeEmpty())
	})
}

var (
	_ = Describe("Our coordinator with a primary of its own", Ordered, ContinueOnFailure, func() {
		groups(conformance.Options{Primary: openmpic.PrimaryIncluded})
	})
	// Here the remotes are asked what a primary would refuse, too.
	_ = Describe("Our coordinator for callers with a primary", Ordered, ContinueOnFailure, func() {
		groups(conformance.Options{Primary: openmpic.PrimaryAtCaller})
	})
)

// failing returns the names of the cases that fail, of some groups or of all but
// B's, which repeats A's.
func failing(ctx context.Context, o conformance.Options, groups ...string) []string {
	GinkgoHelper()
	_, client := serve(o)
	client.Workers = 4
	cases := slices.DeleteFunc(conformance.Cases(), func(c conformance.Case) bool {
		if len(groups) == 0 {
			return strings.HasPrefix(c.Group, "B ")
		}
		return !slices.Contains(groups, c.Group)
	})
	results, err := client.Run(ctx, cases)
	Expect(err).NotTo(HaveOccurred())
	names := []string{}
	for _, r := range results {
		if !r.Passed {
			names = append(names, r.Case.Name)
		}
	}
	return names
}

var _ = Describe("The suite notices", func() {
	DescribeTable("perspectives that", func(ctx SpecContext, change func(*local.Config), want ...string) {
		Expect(failing(ctx, conformance.Options{Perspective: change})).To(ConsistOf(want))
	},
		Entry("do not validate DNSSEC", func(c *local.Config) { c.TrustAnchors = nil },
			"refuses expired.caatestsuite-dnssec.com: signatures have expired",
			"refuses missing.caatestsuite-dnssec.com: signatures are missing below a DS record",
			"refuses expired.caatestsuite-dnssec.com: an expired signature is no lookup failure",
			"allows insecure-servfail.conformance.example: a failed lookup in a zone that is proved to be Insecure"),
		Entry("take no status but 200", func(c *local.Config) { c.Only200 = true },
			"allows conformance.example: the value comes with status 203"),
		Entry("follow 11 redirects only", func(c *local.Config) { c.MaxRedirects = 11 },
			"allows integration-testing.open-mpic.org: 12 redirects lead to the value"),
		Entry("read the beginning of a body only", func(c *local.Config) { c.MaxBody = 1000 },
			"allows conformance.example: the value comes after many packets"),
		Entry("ask wildcards for a policy", func(c *local.Config) { c.PersistentWildcardPolicy = true },
			"allows *.plain.conformance.example: a persistent record without policy"),
		Entry("follow one CNAME record only", func(c *local.Config) { c.Limits.CNAMEs = 1 },
			"allows dns-01-cname-multi.integration-testing.open-mpic.org: a chain of aliases leads to the digest",
			"allows cname-cname-deny.basic.caatestsuite.com: a chain of aliases leads to the records"),
	)

	It("methods that are refused by date: ip-address from 2026-03-15 on", func(ctx SpecContext) {
		date, err := policy.ParseDate("2026-03-15")
		Expect(err).NotTo(HaveOccurred())
		methods := []string{"A ip-address", "A contact-email-caa", "A contact-phone-txt", "A website-change"}
		Expect(failing(ctx, conformance.Options{Date: date, Sunsets: true}, methods...)).To(ConsistOf(
			"allows ip-address.integration-testing.open-mpic.org: the A record is the address",
			"allows ip-address-cname.integration-testing.open-mpic.org: an alias leads to the address",
			"allows ip-address-multi.integration-testing.open-mpic.org: one of several A records is the address",
			"allows ip-address-v6.integration-testing.open-mpic.org: the AAAA record is the address",
			"allows ip-address-v6.integration-testing.open-mpic.org: the AAAA record is the address, written out",
			"refuses ip-address-nxdomain.integration-testing.open-mpic.org: the name does not exist",
			"refuses contact-phone-caa.integration-testing.open-mpic.org: the name has no A records",
		), "the last two for another error")
		date = date.AddDate(0, 0, -1)
		Expect(failing(ctx, conformance.Options{Date: date, Sunsets: true}, methods...)).To(BeEmpty())
	})

	It("rules that ask for more remotes than the requests of group B have", func(ctx SpecContext) {
		date, err := policy.ParseDate("2026-12-15")
		Expect(err).NotTo(HaveOccurred())
		Expect(failing(ctx, conformance.Options{Date: date}, "A caa smoke", "B caa", "B orchestration", "D choices")).
			To(ConsistOf("allows example.com: there are no CAA records"), "that of group B, by 3 remotes")
	})
})

var _ = Describe("The cases", func() {
	It("have names that are unique within their groups, and targets", func() {
		seen := map[string]bool{}
		for _, c := range conformance.Cases() {
			name := fmt.Sprintf("%s/%s", c.Group, c.Name)
			Expect(seen[name]).To(BeFalse(), name)
			seen[name] = true
			Expect(c.Target()).NotTo(BeEmpty(), name)
		}
	})
})

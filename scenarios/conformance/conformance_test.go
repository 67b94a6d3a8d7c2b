package conformance_test

import (
	"context"
	"net/http/httptest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"mpicsim/perspectives/openmpic"
	"mpicsim/scenarios/conformance"
)

// serve starts our own coordinator in a world of its own, over HTTP on the
// loopback.
func serve(change ...func(*openmpic.Options)) (*conformance.World, conformance.Client) {
	GinkgoHelper()
	world, err := conformance.Build(context.Background(), conformance.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(world.Close()).To(Succeed()) })
	options, err := world.Service()
	Expect(err).NotTo(HaveOccurred())
	options.Registry = prometheus.NewRegistry()
	for _, c := range change {
		c(&options)
	}
	handler, err := openmpic.New(options)
	Expect(err).NotTo(HaveOccurred())
	server := httptest.NewServer(handler)
	DeferCleanup(server.Close)
	return world, conformance.Client{URL: server.URL + "/mpic", HTTP: server.Client()}
}

// One world serves all cases, because building it takes longer than a case and a
// case changes nothing in it.
var _ = Describe("Our coordinator in the emulated Internet", Ordered, ContinueOnFailure, func() {
	var (
		world  *conformance.World
		client conformance.Client
	)
	BeforeAll(func() { world, client = serve() })

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
})

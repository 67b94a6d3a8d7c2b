package replay_test

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/replay"
	"mpicsim/scenarios/result"
)

// badGadget is three networks that each prefer the next one's route: what two of
// them agree on is what the third one upsets (Griffin, Shepherd, Wilfong, 2002).
const badGadget = `name: no-rest
title: Routes that never settle
claim: Three networks that each prefer the next one's route go round in circles.
topology:
  links: [10 - 20, 20 - 30, 10 - 30, 10 > 64500, 20 > 64500, 30 > 64500, 10 > 64666, 20 > 40]
routing:
  tie-break: lowest-neighbor
  convergence:
    max-time: 30m
    prefer: [{as: 10, neighbor: 20, value: 1}, {as: 20, neighbor: 30, value: 1}, {as: 30, neighbor: 10, value: %d}]
victim: {as: 64500, prefixes: [203.0.113.0/24], domain: shop.example, web: [203.0.113.80], name-servers: [{name: ns1.shop.example, as: 40, prefix: 198.51.100.0/24, address: 198.51.100.53}]}
attacker: {as: 64666}
ca:
  date: 2026-12-15
  method: acme-http-01
  rule: 1/1
  perspectives: {primary: {region: aws/us-east-2, as: 10}, remotes: [{region: aws/eu-central-1, as: 20}]}
timeline:
  - {at: 10s, announce: {}}
  - {at: 5m, check: {name: meanwhile, applicant: victim}}
`

func converge(t *testing.T, text string) *result.Replay {
	t.Helper()
	g := NewWithT(t)
	s, err := scenarios.Parse([]byte(text), "s.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	r, err := replay.Run(t.Context(), replay.Options{Source: s})
	g.Expect(err).NotTo(HaveOccurred())
	return r
}

func TestRoutesThatDoNotSettle(t *testing.T) {
	g := NewWithT(t)
	r := converge(t, fmt.Sprintf(badGadget, 1))
	g.Expect(r.Convergence).To(HaveLen(2))
	dns, web := r.Convergence[0], r.Convergence[1]
	g.Expect(dns.Outcome).To(Equal("converged"))
	g.Expect(web.Outcome).To(Equal("oscillates"))
	g.Expect(web.Cycle).To(HaveLen(5))
	g.Expect(web.Cycle[0]).To(Equal(result.Alternation{AS: 10, Paths: web.Cycle[0].Paths}))
	g.Expect(web.Cycle[0].Paths).To(ConsistOf(HaveLen(3), HaveLen(2)))
	g.Expect(r.Checks[0].Decision.Issue).To(BeTrue(), "all routes lead to the victim")

	r = converge(t, fmt.Sprintf(badGadget, -1))
	g.Expect(r.Convergence[1].Outcome).To(Equal("converged"), "one of them gives in")
	g.Expect(r.Convergence[1].Cycle).To(BeEmpty())
	g.Expect(r.Convergence[1].Changes[0].Settled).To(BeNumerically(">", 10*time.Second))
}

// TestSlowPerspectives: one that begins later sees the routes of then, by either
// control plane.
func TestSlowPerspectives(t *testing.T) {
	for _, plane := range []string{scenarios.ControlOutOfBand, scenarios.ControlEmulated} {
		t.Run(plane, func(t *testing.T) {
			g := NewWithT(t)
			r := converge(t, `name: slow
title: A slow perspective
claim: The hijack is over when the slow one looks.
topology: {links: [10 - 20, 10 > 64500, 20 > 64510, 20 > 64666]}
routing: {tie-break: attacker}
victim: {as: 64500, prefixes: [203.0.113.0/24], domain: shop.example, web: [203.0.113.80], name-servers: [{name: ns1.shop.example, as: 64510, prefix: 198.51.100.0/24, address: 198.51.100.53}]}
attacker: {as: 64666}
ca:
  date: 2026-12-15
  method: acme-http-01
  rule: n-1
  control-plane: `+plane+`
  perspectives:
    primary: {region: aws/us-east-2, as: 20}
    remotes: [{region: aws/eu-central-1, as: 20}, {region: aws/ap-northeast-1, as: 20, delay: 30s}, {region: aws/sa-east-1, as: 20, delay: 5m}]
timeline:
  - {at: 0s, announce: {}}
  - {at: 10s, hijack: {prefixes: [203.0.113.0/24]}}
  - {at: 15s, check: {name: during}}
  - {at: 40s, withdraw: {by: attacker}}
`)
			c := r.Checks[0]
			var reached []string
			for _, row := range c.Rows {
				reached = append(reached, row.Reached)
			}
			g.Expect(reached).To(Equal([]string{"attacker", "attacker", "victim", "victim"}))
			g.Expect(c.Decision.Issue).To(BeFalse())
			g.Expect(c.Rows[2].Started - c.Rows[1].Started).To(BeNumerically("~", 30*time.Second, time.Second))
			g.Expect(c.Finished).To(BeNumerically(">", 5*time.Minute))
			g.Expect(c.Bounds.Lower.Fooled).To(Equal(2))
		})
	}
}

// TestConvergenceIsReproducible: the same bytes again, and whoever works on it.
func TestConvergenceIsReproducible(t *testing.T) {
	g := NewWithT(t)
	first := converge(t, fmt.Sprintf(badGadget, 1))
	g.Expect(converge(t, fmt.Sprintf(badGadget, 1))).To(Equal(first))
}

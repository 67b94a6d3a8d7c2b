package replay_test

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/scenarios"
	"mpicsim/scenarios/replay"
)

var _ = Describe("Limits", func() {
	It("let as many perspectives check as a scenario may have", func(ctx SpecContext) {
		var sites strings.Builder
		for n := range scenarios.MaxPerspectives - 6 {
			fmt.Fprintf(&sites, "      - {name: site-%d, lat: %d, lon: %d, rir: APNIC, as: %d}\n", n, n%170-85, n-128, []int{11, 13, 22, 32}[n%4])
		}
		src, err := scenarios.Parse([]byte(strings.Replace(story, "timeline:", sites.String()+"timeline:", 1)), "wide.yaml")
		Expect(err).NotTo(HaveOccurred())
		r, err := replay.Run(ctx, replay.Options{Source: src})
		Expect(err).NotTo(HaveOccurred())
		c := check(r, "during")
		Expect(c.Rows).To(HaveLen(scenarios.MaxPerspectives))
		for _, row := range c.Rows {
			Expect(row.DCV.Verdict).To(Or(Equal(perspectives.Pass), Equal(perspectives.Fail)), "%s: %s", row.Perspective, row.DCV.Detail)
		}
		Expect(c.Fooled).To(Equal(2+63+63), "250 more, every fourth of them in AS 11 and in AS 13")
	}, SpecTimeout(5*time.Minute))

	It("let names be as long as DNS takes them", func(ctx SpecContext) {
		long := strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + ".example"
		src := tell(append(timeline(announceAll, "{at: 90s, check: {name: victim, applicant: victim}}"), "domain: shop.example", "domain: "+long)...)
		for _, method := range []string{"acme-http-01", "acme-dns-01"} {
			same, _, err := src.With(scenarios.Overrides{Method: method})
			Expect(err).NotTo(HaveOccurred())
			Expect(check(run(ctx, same), "victim").Decision.Issue).To(BeTrue(), method)
		}
	})

	It("let a zone have more challenges than fit into a datagram", func(ctx SpecContext) {
		events := []string{announceAll}
		for n := range scenarios.MaxChecks {
			events = append(events, fmt.Sprintf("{at: %ds, check: {name: c%d, applicant: victim}}", 10*n, n))
		}
		src := tell(append(timeline(events...), "acme-http-01", "acme-dns-01")...)
		r, err := replay.Run(ctx, replay.Options{Source: src})
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Checks).To(HaveLen(scenarios.MaxChecks))
		for _, c := range r.Checks {
			Expect(c.Decision.Issue).To(BeTrue(), c.Decision.Detail)
		}
		var tcp bool
		for _, f := range row(r.Checks[7], "tokyo").Flows {
			tcp = tcp || f.Network == "tcp"
		}
		Expect(tcp).To(BeTrue(), "the answer came over TCP")
	}, SpecTimeout(5*time.Minute))

	It("let a story last a year and begin in 1970", func(ctx SpecContext) {
		src := tell(append(timeline(announceAll, "{at: 8784h, check: {name: late, applicant: victim}}"), "date: 2026-12-15", "date: 1970-01-01")...)
		var capture bytes.Buffer
		r, err := replay.Run(ctx, replay.Options{Source: src, Capture: &capture})
		Expect(err).NotTo(HaveOccurred())
		Expect(check(r, "late").Decision.Issue).To(BeTrue())
		Expect(row(check(r, "late"), "west").Finished).To(BeNumerically(">", 8784*time.Hour))
	})
})

// Hosts that are there in every story must not share a name with a perspective:
// results and captures could not tell them apart.
var _ = DescribeTable("A perspective cannot be called like", func(name string) {
	_, err := scenarios.Parse([]byte(strings.Replace(story, "name: natal", "name: "+name, 1)), "story.yaml")
	Expect(err).To(MatchError(ContainSubstring(`found perspective "` + name + `", expected another name`)))
},
	func(name string) string { return name },
	Entry(nil, "root-server"), Entry(nil, "tld-server"), Entry(nil, "victim-web"), Entry(nil, "attacker"), Entry(nil, "ns1.shop.example"), Entry(nil, "nobody"), Entry(nil, "coordinator"))

var _ = Describe("Every host of a story", func() {
	It("is one that no perspective can be called like", func(ctx SpecContext) {
		r := run(ctx, tell())
		hosts := map[string]bool{}
		for _, c := range r.Checks {
			for _, row := range c.Rows {
				for _, f := range row.Flows {
					hosts[f.To] = true
				}
			}
		}
		Expect(hosts).To(HaveLen(5))
		for host := range hosts {
			_, err := scenarios.Parse([]byte(strings.Replace(story, "name: natal", "name: "+host, 1)), "story.yaml")
			Expect(err).To(HaveOccurred(), host)
		}
	})
})

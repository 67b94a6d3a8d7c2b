package replay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/replay"
	"mpicsim/scenarios/result"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/synth"
)

// internet is a synthetic Internet that many stories play on.
type internet struct {
	graph *topology.Graph
	ases  int
	seed  uint64
}

func newInternet(ases int, seed uint64) internet {
	GinkgoHelper()
	net, err := synth.Generate(synth.Options{ASes: ases, Seed: seed})
	Expect(err).NotTo(HaveOccurred())
	return internet{net.Graph, ases, seed}
}

// load saves generating it again for each story.
func (n internet) load(*scenarios.Source) (*replay.Map, error) {
	return &replay.Map{Graph: n.graph, Source: result.Topology{Kind: "synthetic", Repairs: []string{}}}, nil
}

// lottery draws stories. Whatever it draws is valid.
type lottery struct {
	*rand.Rand
	internet internet
	taken    map[topology.ASN]bool
}

func (l *lottery) as() topology.ASN {
	for {
		if as := l.internet.graph.ASN(l.Int32N(int32(l.internet.graph.Len()))); !l.taken[as] {
			l.taken[as] = true
			return as
		}
	}
}

func (l *lottery) one(of ...string) string { return of[l.IntN(len(of))] }

// party draws a victim with one or two web addresses and name servers.
func (l *lottery) party(b *strings.Builder) (hijackable []string) {
	victim := l.as()
	prefixes, web := []string{"203.0.112.0/23"}, []string{"203.0.113.80"}
	switch l.IntN(3) {
	case 0:
		prefixes, web = append(prefixes, `"2001:db8::/47"`), append(web, `"2001:db8:1::80"`)
	case 1:
		prefixes, web = []string{`"2001:db8::/47"`}, []string{`"2001:db8:1::80"`}
	}
	hijackable = slices.Clone(prefixes)
	hijackable = append(hijackable, map[bool]string{true: "203.0.113.0/24", false: `"2001:db8:1::/48"`}[web[0] == "203.0.113.80"])
	fmt.Fprintf(b, "victim:\n  as: %v\n  prefixes: [%s]\n  domain: shop.example\n  web: [%s]\n  caa: ['0 issue \"%s\"']\n  name-servers:\n",
		victim, strings.Join(prefixes, ", "), strings.Join(web, ", "), l.one("ca.example", "ca.example", "other.example"))
	for n := range 1 + l.IntN(2) {
		prefix := fmt.Sprintf("198.51.%d.0/24", n)
		fmt.Fprintf(b, "    - {name: ns%d.%s, as: %v, prefix: %s, address: 198.51.%d.53}\n", n, l.one("shop.example", "host.example", "host.test"), l.as(), prefix, n)
		hijackable = append(hijackable, prefix)
	}
	return hijackable
}

// draw returns a story's text without its tie-break.
func (l *lottery) draw() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: drawn\ntitle: Drawn\nclaim: By lot\ntopology: {synthetic: {ases: %d, seed: %d}}\nrouting: {tie-break: TIE, seed: %d}\n", l.internet.ases, l.internet.seed, l.IntN(100))
	hijackable := l.party(&b)
	fmt.Fprintf(&b, "attacker: {as: %v}\nca:\n  date: %s\n  method: %s\n  egress: nearest\n  perspectives:\n", l.as(), l.one("2026-12-15", "2025-10-01", "2025-04-01"), l.one("acme-http-01", "acme-http-01", "acme-dns-01"))
	for n := range 4 + l.IntN(3) {
		lead := "      - "
		switch n {
		case 0:
			lead = "    primary: "
		case 1:
			b.WriteString("    remotes:\n")
		}
		fmt.Fprintf(&b, "%s{name: site-%d, lat: %d, lon: %d, rir: %s", lead, n, l.IntN(120)-60, l.IntN(360)-180, l.one("ARIN", "APNIC", "RIPE NCC", "LACNIC"))
		if l.IntN(3) > 0 {
			fmt.Fprintf(&b, ", as: %v", l.as())
		}
		b.WriteString("}\n")
	}
	prefix := l.one(hijackable...)
	forged := l.one("", "", ", forged-origin: true")
	b.WriteString("timeline:\n  - {at: 0s, announce: {}}\n")
	fmt.Fprintf(&b, "  - {at: 60s, hijack: {prefixes: [%s]%s}}\n", prefix, forged)
	b.WriteString("  - {at: 90s, check: {name: attacker}}\n  - {at: 100s, check: {name: victim, applicant: victim}}\n")
	switch l.IntN(3) {
	case 0:
		fmt.Fprintf(&b, "  - {at: 110s, withdraw: {by: victim, prefixes: [%s]}}\n  - {at: 120s, check: {name: gone}}\n", hijackable[0])
	case 1:
		b.WriteString("  - {at: 110s, withdraw: {by: attacker}}\n  - {at: 120s, check: {name: over}}\n")
	}
	return b.String()
}

// play replays a drawn story under a tie-break.
func (l *lottery) play(ctx context.Context, text string, tie route.TieBreak) *result.Replay {
	GinkgoHelper()
	src, err := scenarios.Parse([]byte(strings.Replace(text, "TIE", tie.String(), 1)), "drawn.yaml")
	Expect(err).NotTo(HaveOccurred(), text)
	r, err := replay.Run(ctx, replay.Options{Source: src, Loader: l.internet.load})
	Expect(err).NotTo(HaveOccurred(), text)
	expectNoWaiting(r)
	return r
}

var _ = Describe("Bounds", func() {
	It("are what packets do if all ties fall to one side, and every other outcome lies between", func(ctx SpecContext) {
		fooledSomebody, tied := 0, 0
		const stories = 40
		for n := range stories {
			l := &lottery{rand.New(rand.NewPCG(42, uint64(n))), newInternet(120, uint64(n%5)), map[topology.ASN]bool{}}
			text := l.draw()
			bounds := l.play(ctx, text, route.TieBreakSeeded)
			worst, best := l.play(ctx, text, route.TieBreakAttacker), l.play(ctx, text, route.TieBreakVictim)
			for i, c := range bounds.Checks {
				say := fmt.Sprintf("story %d, check %q:\n%s", n, c.Name, text)
				for _, extreme := range []struct {
					check result.Check
					bound result.Bound
				}{{worst.Checks[i], c.Bounds.Lower}, {best.Checks[i], c.Bounds.Upper}} {
					Expect(result.Bound{Fooled: extreme.check.Fooled, Issue: extreme.check.Decision.Issue, Reason: extreme.check.Decision.Reason}).
						To(Equal(extreme.bound), say)
					Expect(extreme.check.Bounds).To(Equal(c.Bounds), say)
				}
				Expect(c.Fooled).To(And(BeNumerically("<=", c.Bounds.Lower.Fooled), BeNumerically(">=", c.Bounds.Upper.Fooled)), say)
				for m, row := range c.Rows {
					ends := [2]string{worst.Checks[i].Rows[m].Reached, best.Checks[i].Rows[m].Reached}
					switch row.Tie {
					case "":
						Expect(ends).To(Equal([2]string{row.Reached, row.Reached}), "ties do not matter to %s in %s", row.Perspective, say)
					default:
						tied++
						Expect(row.Tie).NotTo(Equal(row.Reached), say)
						Expect(ends[0]).To(Equal(scenarios.SideAttacker), "%s in %s", row.Perspective, say)
						Expect(ends[1]).NotTo(Equal(scenarios.SideAttacker), "%s in %s", row.Perspective, say)
					}
				}
				if c.Fooled > 0 {
					fooledSomebody++
				}
			}
		}
		AddReportEntry("drawn", fmt.Sprintf("%d stories, %d checks with somebody fooled, %d rows that a tie decides", stories, fooledSomebody, tied))
		Expect(fooledSomebody).To(BeNumerically(">", stories/2))
		Expect(tied).To(BeNumerically(">", 20))
	}, SpecTimeout(5*time.Minute))

	It("count as routes alone would, by the definition", func(ctx SpecContext) {
		// The oracle: the origin of each perspective's route for the web prefix.
		for n := range 10 {
			l := &lottery{rand.New(rand.NewPCG(7, uint64(n))), newInternet(300, uint64(n)), map[topology.ASN]bool{}}
			victim, attacker, ns := l.as(), l.as(), l.as()
			var viewpoints []topology.ASN
			for range 6 {
				viewpoints = append(viewpoints, l.as())
			}
			src := tell(topologyOf, fmt.Sprintf("topology: {synthetic: {ases: 300, seed: %d}}\n", n),
				"{tie-break: lowest-neighbor, seed: 1}", fmt.Sprintf("{tie-break: seeded, seed: %d}", n),
				"  as: 64500\n", fmt.Sprintf("  as: %v\n", victim), "as: 23,", fmt.Sprintf("as: %v,", ns), "{as: 64666}", fmt.Sprintf("{as: %v}", attacker),
				"rir: ARIN, as: 12}", fmt.Sprintf("rir: ARIN, as: %v}", viewpoints[0]), "rir: ARIN, as: 13}", fmt.Sprintf("rir: ARIN, as: %v}", viewpoints[1]),
				"RIPE NCC, as: 22}", fmt.Sprintf("RIPE NCC, as: %v}", viewpoints[2]), "140, rir: APNIC, as: 32}", fmt.Sprintf("140, rir: APNIC, as: %v}", viewpoints[3]),
				"151, rir: APNIC, as: 33}", fmt.Sprintf("151, rir: APNIC, as: %v}", viewpoints[4]), "LACNIC, as: 20}", fmt.Sprintf("LACNIC, as: %v}", viewpoints[5]))
			r, err := replay.Run(ctx, replay.Options{Source: src, Loader: l.internet.load})
			Expect(err).NotTo(HaveOccurred())
			c := check(r, "during")
			engine := route.NewEngine(l.internet.graph)
			count := func(o route.Options) (fooled int) {
				p := src.Victim.Prefixes[0]
				routes, err := engine.Propagate([]route.Announcement{{Prefix: p, Path: []topology.ASN{victim}}, {Prefix: p, Path: []topology.ASN{attacker}, Attacker: true}}, o)
				Expect(err).NotTo(HaveOccurred())
				for _, as := range viewpoints {
					i, _ := l.internet.graph.Index(as)
					if origin, _ := routes.Origin(i); origin == attacker {
						fooled++
					}
				}
				return fooled
			}
			Expect([]int{c.Bounds.Lower.Fooled, c.Fooled, c.Bounds.Upper.Fooled}).To(Equal([]int{
				count(route.Options{TieBreak: route.TieBreakAttacker}), count(route.Options{TieBreak: route.TieBreakSeeded, Seed: uint64(n)}),
				count(route.Options{TieBreak: route.TieBreakVictim}),
			}), "graph %d: victim %v, attacker %v, perspectives %v", n, victim, attacker, viewpoints)
		}
	})
})

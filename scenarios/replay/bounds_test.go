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

	"mpicsim/perspectives"
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
	// control makes stories in which the CA's own prefixes are hijacked too, mostly
	// with an emulated control plane.
	control bool
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
	fmt.Fprintf(&b, "attacker: {as: %v}\nca:\n  date: %s\n  method: %s\n  egress: nearest\n", l.as(), l.one("2026-12-15", "2025-10-01", "2025-04-01"), l.one("acme-http-01", "acme-http-01", "acme-dns-01"))
	emulated := l.control && l.IntN(4) > 0
	if emulated {
		b.WriteString("  control-plane: emulated\n")
	}
	b.WriteString("  perspectives:\n")
	sites := 4 + l.IntN(3)
	for n := range sites {
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
	what := "prefixes: [" + l.one(hijackable...) + "]" + l.one("", "", ", forged-origin: true")
	if l.control {
		what = l.one(what+", ", "") + "prefixes-of: [" + strings.Join(l.ownHosts(sites, emulated), ", ") + "]"
	}
	// A check may last minutes where answers go astray.
	fmt.Fprintf(&b, `timeline:
  - {at: 0s, announce: {}}
  - {at: 60s, hijack: {%s}}
  - {at: 90s, check: {name: attacker}}
  - {at: 1000s, check: {name: victim, applicant: victim}}
`, what)
	switch l.IntN(3) {
	case 0:
		fmt.Fprintf(&b, "  - {at: 2000s, withdraw: {by: victim, prefixes: [%s]}}\n  - {at: 3000s, check: {name: gone}}\n", hijackable[0])
	case 1:
		b.WriteString("  - {at: 2000s, withdraw: {by: attacker}}\n  - {at: 3000s, check: {name: over}}\n")
	}
	return b.String()
}

// ownHosts draws some of the CA's hosts.
func (l *lottery) ownHosts(sites int, emulated bool) []string {
	var names []string
	for n := range sites {
		if l.IntN(3) == 0 {
			names = append(names, fmt.Sprintf("site-%d", n))
		}
	}
	if emulated && l.IntN(3) == 0 {
		names = append(names, "coordinator")
	}
	if len(names) == 0 {
		names = []string{"site-1"}
	}
	return names
}

// play replays a drawn story under a tie-break.
func (l *lottery) play(ctx context.Context, text string, tie route.TieBreak) *result.Replay {
	GinkgoHelper()
	src, err := scenarios.Parse([]byte(strings.Replace(text, "TIE", tie.String(), 1)), "drawn.yaml")
	Expect(err).NotTo(HaveOccurred(), text)
	r, err := replay.Run(ctx, replay.Options{Source: src, Loader: l.internet.load})
	Expect(err).NotTo(HaveOccurred(), text)
	if !l.control {
		expectNoWaiting(r)
	}
	return r
}

// toll is what a comparison came across: checks with somebody fooled, and rows that
// a tie decides, whose control connection failed, that a tie decides that for, and
// with an answer that went astray.
type toll struct{ fooled, tied, cut, cutTied, astray int }

// compareBounds holds the bounds of drawn stories to what packets do at both
// extremes.
func compareBounds(ctx context.Context, stories int, control bool) (t toll) {
	GinkgoHelper()
	for n := range stories {
		l := &lottery{rand.New(rand.NewPCG(42, uint64(n))), newInternet(120, uint64(n%5)), map[topology.ASN]bool{}, control}
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
			if !control { // who is cut off is probed, who is not may get no answers
				Expect(c.Fooled).To(And(BeNumerically("<=", c.Bounds.Lower.Fooled), BeNumerically(">=", c.Bounds.Upper.Fooled)), say)
			}
			for m, row := range c.Rows {
				w, b := worst.Checks[i].Rows[m], best.Checks[i].Rows[m]
				t.row(row, w, b, say)
				if !control && row.Tie == "" {
					Expect([]string{w.Reached, b.Reached}).To(HaveEach(row.Reached), "ties do not matter to %s in %s", row.Perspective, say)
				}
			}
			if c.Fooled > 0 {
				t.fooled++
			}
		}
	}
	AddReportEntry("drawn", fmt.Sprintf("%d stories: %+v", stories, t))
	return t
}

// row holds a row's ties to the same row at both extremes.
func (t *toll) row(row, worst, best result.Row, say string) {
	GinkgoHelper()
	fooled := func(r result.Row) bool { return r.Reached == scenarios.SideAttacker }
	tied := fooled(worst) != fooled(best)
	if !tied {
		Expect(row.Tie).To(BeEmpty(), "ties do not matter to %s in %s", row.Perspective, say)
	} else {
		t.tied++
		Expect(row.Tie).To(Or(Equal(scenarios.SideAttacker), Equal(scenarios.SideVictim)), "%s in %s", row.Perspective, say)
		Expect(row.Tie).NotTo(Equal(row.Reached), say)
	}
	for _, f := range row.Flows {
		if f.Astray != "" {
			t.astray++
			break
		}
	}
	if row.Control == nil {
		return
	}
	if !row.Control.Answered {
		t.cut++
		Expect(row.DCV.Verdict).To(Equal(perspectives.Error), say)
	}
	if worst.Control == nil || best.Control == nil {
		return // the primary failed there
	}
	switch {
	case worst.Control.Answered == best.Control.Answered:
		Expect(row.Control.Tie).To(BeEmpty(), "ties do not matter to the call of %s in %s", row.Perspective, say)
	case row.Control.Answered:
		t.cutTied++
		Expect(row.Control.Tie).To(Equal(scenarios.SideAttacker), "the call of %s in %s", row.Perspective, say)
	default:
		t.cutTied++
		Expect(row.Control.Tie).To(Equal(scenarios.SideVictim), "the call of %s in %s", row.Perspective, say)
	}
}

var _ = Describe("Bounds", func() {
	It("are what packets do if all ties fall to one side, and every other outcome lies between", func(ctx SpecContext) {
		const stories = 40
		t := compareBounds(ctx, stories, false)
		Expect(t.fooled).To(BeNumerically(">", stories/2))
		Expect(t.tied).To(BeNumerically(">", 20))
	}, SpecTimeout(5*time.Minute))

	It("are so too where the paths to and from the CA's own hosts are hijacked", func(ctx SpecContext) {
		const stories = 40
		t := compareBounds(ctx, stories, true)
		Expect(t.fooled).To(BeNumerically(">", stories/4))
		Expect(t.cut).To(BeNumerically(">", stories/2))
		Expect(t.astray).To(BeNumerically(">", stories/2))
		Expect(t.cutTied).To(BeNumerically(">", 5))
	}, SpecTimeout(5*time.Minute))

	It("count as routes alone would, by the definition", func(ctx SpecContext) {
		// The oracle: the origin of each perspective's route for the web prefix.
		for n := range 10 {
			l := &lottery{rand.New(rand.NewPCG(7, uint64(n))), newInternet(300, uint64(n)), map[topology.ASN]bool{}, false}
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

package study_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// defended is a study in which some victims have VRPs and some ASes look at them.
const defended = `name: defended
topology: {synthetic: {ases: 200, seed: 4}}
routing:
  seed: 7
  policies: [{fraction: 0.4, seed: 2, rov: on}, {largest: 5, rov: customers-exempt}]
rpki:
  vrps: [10.0.0.0/16 AS7, 10.1.0.0/16-24 AS50, 10.2.0.0/24 AS120, 10.3.0.0/16 AS0, 10.0.0.0/8-24 AS9, 10.1.0.0/16-24 AS33]
victims: [7, 50, 77, 120]
attackers: {sample: 40, seed: 1}
attacks: [ATTACKS]
viewpoints: [aws/us-*, 'gcp/europe-*', AS12, AS90]
`

// rowsOf computes a study and returns its rows.
func rowsOf(t *testing.T, p *study.Plan) map[string]result.Hijack {
	t.Helper()
	rows := map[string]result.Hijack{}
	NewWithT(t).Expect(p.Compute(t.Context(), func(h *result.Hijack) error {
		c := *h
		for _, set := range []*result.Set{&c.Reached, &c.Lower, &c.Picked, &c.Upper} {
			*set = slices.Clone(*set)
		}
		rows[fmt.Sprint(h.Victim, h.Prefix, h.Attacker, h.Attack)] = c
		return nil
	})).To(Succeed())
	return rows
}

// within says whether a is a subset of b.
func within(a, b result.Set) bool {
	for i := range a {
		if a[i]&^b[i] != 0 {
			return false
		}
	}
	return true
}

// TestTracedIsSwept: what is computed in bulk is what full propagation and packets
// come to, with and without policies; and its bounds hold what three ways come to.
func TestTracedIsSwept(t *testing.T) {
	text := strings.Replace(defended, "ATTACKS", "equal-prefix, forged-origin, {kind: prepended, name: back, prepend: 2, type: 1}, {kind: prepended, name: own, victim-prepend: 1}", 1)
	plain := strings.Replace(text, "  policies: [{fraction: 0.4, seed: 2, rov: on}, {largest: 5, rov: customers-exempt}]\n", "", 1)
	paths := strings.Replace(text, "rov: customers-exempt", "otc: true", 1)
	for name, text := range map[string]string{"ROV": text, "no policies": plain, "OTC": paths} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			swept := prepare(t, text, study.Options{Workers: 2})
			bulk, slow := swept.Swept()
			g.Expect([]any{bulk, slow}).To(Equal([]any{[]string{"equal-prefix", "forged-origin", "back", "own"}, []string(nil)}))
			traced := prepare(t, text, study.Options{Workers: 2})
			traced.TraceAll()
			want, got := rowsOf(t, traced), rowsOf(t, swept)
			g.Expect(got).To(HaveLen(len(want)))
			wider := 0
			for key, a := range got {
				b := want[key]
				if !slices.Equal(a.Picked, b.Picked) || !within(b.Lower, a.Lower) || !within(a.Upper, b.Upper) ||
					!within(a.Picked, a.Lower) || !within(a.Upper, a.Picked) || !within(a.Lower, a.Reached) || !within(b.Reached, a.Reached) {
					t.Fatalf("%s: %+v in bulk, %+v traced", key, a, b)
				}
				if !slices.Equal(a.Lower, b.Lower) || !slices.Equal(a.Upper, b.Upper) {
					wider++
				}
			}
			if name == "no policies" {
				g.Expect(wider).To(BeZero(), "the bounds are exact")
			}
		})
	}
}

// TestTracedIsTheOracle: whom each attack fools is what package attack's own
// outcome says, propagated from scratch with all VRPs.
func TestTracedIsTheOracle(t *testing.T) {
	g := NewWithT(t)
	attacks := "sub-prefix, forged-origin-2, forged-origin-sub-prefix, {kind: poisoned, name: poisoned, poison: [3, 4]}, interception, route-leak, route-leak-6, " +
		"malicious-roa, {kind: malicious-roa, name: revoked, revoke-roas: true}, loose-roa, {kind: scoped, name: scoped, to: [peers, providers]}"
	p := prepare(t, strings.Replace(defended, "ATTACKS", attacks, 1), study.Options{Workers: 2})
	src := parse(t, strings.Replace(defended, "ATTACKS", attacks, 1))
	o := newOracle(t, src)
	rows := rowsOf(t, p)
	g.Expect(rows).To(HaveLen(11*(4*40) - 11*o.own(p)))
	fooled, launched := map[string]int{}, map[string]int{}
	for key, h := range rows {
		at := slices.IndexFunc(src.Attacks, func(a scenarios.StudyAttack) bool { return a.String() == h.Attack })
		lower, picked, upper, ok := o.fooled(src.Attacks[at], &h)
		if !slices.Equal(h.Lower, lower) || !slices.Equal(h.Picked, picked) || !slices.Equal(h.Upper, upper) {
			t.Fatalf("%s: %v %v %v, want %v %v %v", key, h.Lower, h.Picked, h.Upper, lower, picked, upper)
		}
		if ok {
			launched[h.Attack]++
		}
		fooled[h.Attack] += h.Picked.Len()
	}
	for _, a := range src.Attacks {
		g.Expect(fooled[a.String()]).To(BeNumerically(">", 0), a.String())
		g.Expect(launched[a.String()]).To(BeNumerically(">", 0), a.String())
	}
	g.Expect(fooled["forged-origin-2"]).To(BeNumerically("<", fooled["sub-prefix"]), "a part of the prefix wins wherever it is heard of")
	g.Expect(launched["sub-prefix"]).To(BeNumerically("<", len(rows)/11), "a /24 has no part that is accepted")
	e, err := p.ComputeAll(t.Context(), func(*result.Hijack) error { return nil }, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Traced).To(Equal(int64(len(rows))))
	g.Expect(e.Obstructed + e.Estimated).To(Equal(e.Traced))
	all := 0
	for _, n := range launched {
		all += n
	}
	g.Expect(e.Estimated).To(Equal(int64(all)))
}

// oracle knows a study's Internet.
type oracle struct {
	t        *testing.T
	engine   *route.Engine
	defences *scenarios.Defences
	vrps     *rpki.VRPs
	points   []int32
}

func newOracle(t *testing.T, src *scenarios.StudySource) *oracle {
	t.Helper()
	g := NewWithT(t)
	m, err := src.Map()
	g.Expect(err).NotTo(HaveOccurred())
	sites, err := src.Sites()
	g.Expect(err).NotTo(HaveOccurred())
	graph, attached, err := scenarios.Attach(m.Graph, sites, scenarios.Egress{Model: scenarios.EgressNearest, Providers: 2})
	g.Expect(err).NotTo(HaveOccurred())
	o := &oracle{t: t, engine: route.NewEngine(graph)}
	o.defences, err = src.Defences(m.Graph, graph)
	g.Expect(err).NotTo(HaveOccurred())
	o.vrps, err = rpki.NewVRPs(o.defences.Payloads.VRPs)
	g.Expect(err).NotTo(HaveOccurred())
	for _, a := range attached {
		i, _ := graph.Index(a.ASN)
		o.points = append(o.points, i)
	}
	return o
}

// own returns how many victims are attackers too.
func (o *oracle) own(p *study.Plan) (n int) {
	victims, attackers := p.ASes()
	return victims*attackers - int(p.Hijacks())/len(p.Manifest().Attacks)
}

// fooled returns the viewpoints that are under some way in which ties fall, as the
// study says, and under every way.
func (o *oracle) fooled(a scenarios.StudyAttack, h *result.Hijack) (lower, picked, upper result.Set, launched bool) {
	g := NewWithT(o.t)
	policies, err := o.defences.Compile(o.vrps)
	g.Expect(err).NotTo(HaveOccurred())
	picks := route.Options{TieBreak: route.TieBreakSeeded, Seed: 7, Policies: policies}
	in := attack.Setting{Engine: o.engine, Options: picks, Standing: []route.Announcement{{Prefix: h.Prefix, Path: []topology.ASN{h.Victim}}}}
	plan, err := a.Of(h.Attacker, h.Victim, h.Prefix, h.Prefix.Addr()).Plan(in)
	g.Expect(err).NotTo(HaveOccurred())
	words := (len(o.points) + 63) / 64
	lower, picked, upper = make(result.Set, words), make(result.Set, words), make(result.Set, words)
	if !plan.Viable() {
		return lower, picked, upper, false
	}
	vrps, err := plan.ApplyVRPs(o.vrps)
	g.Expect(err).NotTo(HaveOccurred())
	policies, err = o.defences.Compile(vrps)
	g.Expect(err).NotTo(HaveOccurred())
	attacker, _ := o.engine.Graph().Index(h.Attacker)
	for n := range o.points {
		upper[n/64] |= 1 << (n % 64)
	}
	for _, way := range []route.Options{{TieBreak: route.TieBreakAttacker}, picks, {TieBreak: route.TieBreakVictim}} {
		way.Policies = policies
		of := attack.Setting{Engine: o.engine, Options: way}
		out, err := of.Outcome(plan.At(0, in.Standing), attacker, h.Prefix.Addr())
		g.Expect(err).NotTo(HaveOccurred())
		for n, i := range o.points {
			bit := uint64(1) << (n % 64)
			switch {
			case !out.Captured[i]:
				upper[n/64] &^= bit
			case way.TieBreak == route.TieBreakSeeded:
				picked[n/64] |= bit
				fallthrough
			default:
				lower[n/64] |= bit
			}
		}
	}
	return lower, picked, upper, true
}

// TestPrefixRule: a victim has the first IPv4 prefix that a VRP names it for, and
// others one that no VRP covers.
func TestPrefixRule(t *testing.T) {
	g := NewWithT(t)
	p := prepare(t, strings.Replace(defended, "ATTACKS", "equal-prefix", 1), study.Options{})
	prefixes := map[topology.ASN]netip.Prefix{}
	for _, h := range rowsOf(t, p) {
		prefixes[h.Victim] = h.Prefix
	}
	g.Expect(prefixes).To(Equal(map[topology.ASN]netip.Prefix{
		7: netip.MustParsePrefix("10.0.0.0/16"), 50: netip.MustParsePrefix("10.1.0.0/16"),
		77: netip.MustParsePrefix("198.18.0.0/22"), 120: netip.MustParsePrefix("10.2.0.0/24"),
	}))
	g.Expect(p.Manifest().Prefixes).To(Equal("the first IPv4 prefix of /24 or shorter that a VRP names the victim for (3 of 4 victims), else 198.18.0.0/22, which no VRP covers"))
	g.Expect(p.Manifest().Policies).To(HaveLen(2))
	g.Expect(p.Manifest().RPKI.VRPs).To(Equal(6))

	covered := strings.NewReplacer("ATTACKS", "equal-prefix", "10.3.0.0/16 AS0", "198.18.0.0/15 AS0").Replace(defended)
	p = prepare(t, covered, study.Options{})
	g.Expect(p.Manifest().Prefixes).To(HaveSuffix("else 192.0.2.0/24, which no VRP covers"))
	all := strings.NewReplacer("ATTACKS", "equal-prefix", "10.3.0.0/16 AS0", "0.0.0.0/0 AS0").Replace(defended)
	_, err := study.Prepare(t.Context(), study.Options{Source: parse(t, all)})
	g.Expect(err).To(MatchError(ContainSubstring("rpki: found VRPs that cover all of 198.18.0.0/22")))
}

// TestTracedStudyIsTheSame: stored results of traced attacks do not depend on the
// number of workers, and are reproduced.
func TestTracedStudyIsTheSame(t *testing.T) {
	g := NewWithT(t)
	text := strings.Replace(defended, "ATTACKS", "equal-prefix, sub-prefix, forged-origin-2, {kind: malicious-roa, name: roa}", 1)
	var want map[string]string
	for _, workers := range []int{1, 3} {
		dir := t.TempDir()
		p := prepare(t, text, study.Options{Workers: workers})
		m := run(t, p, dir)
		g.Expect(m.Engine.Traced).To(Equal(m.Counts.Hijacks / 4 * 3))
		g.Expect(m.Engine.Filtered).To(BeNumerically(">", 0))
		if want == nil {
			want = contents(t, dir)
		}
		expectSame(t, contents(t, dir), want)
		d, err := result.Open(dir)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(p.Verify(t.Context(), d, nil)).To(Succeed())
		e, err := p.Estimate(t.Context(), stepClock())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.Measured).To(BeNumerically(">", 0))
		g.Expect(e.Duration).To(BeNumerically(">", 0))
	}
}

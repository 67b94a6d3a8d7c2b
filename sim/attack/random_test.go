package attack_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// world is a small random Internet with a victim and an attacker.
type world struct {
	attack.Setting
	g                *topology.Graph
	victim, attacker topology.ASN
	target           netip.Prefix
	vrps             []rpki.VRP
	policies         map[topology.ASN]route.Policy
}

// randomWorld draws one. With policies, some ASes filter and the victim may have a
// ROA.
func randomWorld(t *testing.T, rng *rand.Rand, ases int, filtering bool) world {
	t.Helper()
	n := 4 + rng.IntN(ases-3)
	asns := rng.Perm(3 * n)[:n]
	transit, peering := 0.15+0.35*rng.Float64(), 0.3*rng.Float64()
	var b topology.Builder
	for hi, x := range asns { // providers come first: no cycles
		b.AddAS(topology.ASN(x + 1))
		for _, y := range asns[hi+1:] {
			switch p := rng.Float64(); {
			case p < transit:
				b.AddLink(topology.Link{A: topology.ASN(x + 1), B: topology.ASN(y + 1), Kind: topology.Transit})
			case p < transit+peering:
				b.AddLink(topology.Link{A: topology.ASN(x + 1), B: topology.ASN(y + 1), Kind: topology.Peering})
			}
		}
	}
	g, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	pick := rng.Perm(n)
	w := world{
		g: g, victim: topology.ASN(asns[pick[0]] + 1), attacker: topology.ASN(asns[pick[1]] + 1),
		target: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 96, 0}), 20+rng.IntN(5)),
	}
	w.Engine = route.NewEngine(g)
	w.Standing = []route.Announcement{{Prefix: w.target, Path: []topology.ASN{w.victim}}}
	w.Options.TieBreak = []route.TieBreak{route.TieBreakLowestNeighbor, route.TieBreakSeeded, route.TieBreakAttacker, route.TieBreakVictim}[rng.IntN(4)]
	w.Options.Seed = rng.Uint64()
	if filtering {
		w.filter(t, rng)
	}
	return w
}

func (w *world) filter(t *testing.T, rng *rand.Rand) {
	t.Helper()
	if rng.IntN(3) > 0 {
		w.vrps = []rpki.VRP{{Prefix: w.target, MaxLength: w.target.Bits() + rng.IntN(25-w.target.Bits()), Origin: w.victim}}
	}
	w.policies = map[topology.ASN]route.Policy{}
	for _, asn := range w.g.ASNs() {
		if rng.IntN(2) == 0 {
			w.policies[asn] = route.Policy{ROV: route.ROVs()[rng.IntN(len(route.ROVs()))], OTC: rng.IntN(3) == 0, FirstAS: rng.IntN(3) == 0}
		}
	}
	w.Options.Policies = w.compile(t, w.vrps)
}

func (w *world) compile(t *testing.T, vrps []rpki.VRP) *route.Policies {
	t.Helper()
	set, err := rpki.NewVRPs(vrps)
	if err != nil {
		t.Fatal(err)
	}
	p, err := route.NewPolicies(w.g, route.PoliciesOptions{VRPs: set, PerAS: w.policies})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *world) index(asn topology.ASN) int32 {
	i, _ := w.g.Index(asn)
	return i
}

// walk follows packets one hop at a time, by the table alone: the ASes that they
// pass and whether they arrive.
func walk(table *route.Table, i int32, addr netip.Addr) (hops []int32, arrives bool) {
	for !slices.Contains(hops, i) {
		hops = append(hops, i)
		r, ok := table.Lookup(i, addr)
		if !ok {
			return hops, false
		}
		next, own, _ := r.NextHop(i)
		if own {
			return hops, true
		}
		i = next
	}
	return hops, false
}

// outcome propagates announcements and returns whose packets meet the attacker
// (itself not counted), and its own way if packets arrive on it.
func (w *world) outcome(t *testing.T, anns []route.Announcement, addr netip.Addr) (captured []bool, way []int32) {
	t.Helper()
	table, err := w.Engine.PropagateAll(anns, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	me := w.index(w.attacker)
	captured = make([]bool, w.g.Len())
	for i := range captured {
		hops, _ := walk(table, int32(i), addr)
		captured[i] = int32(i) != me && slices.Contains(hops, me)
	}
	if hops, ok := walk(table, me, addr); ok && len(hops) > 1 {
		way = hops
	}
	return captured, way
}

func count(of []bool) int {
	n := 0
	for _, b := range of {
		if b {
			n++
		}
	}
	return n
}

// The kept way is walked from the attacker, and from everybody whose packets it
// attracts.
func TestInterceptionKeepsAWay(t *testing.T) {
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(5, 1))
	viable, way := 0, 0
	for range 1500 {
		w := randomWorld(t, rng, 14, rng.IntN(2) == 0)
		a := attack.Attack{Kind: attack.Interception, Attacker: w.attacker, Victim: w.victim, Target: w.target, Type: rng.IntN(3), Communities: rng.IntN(2) == 0}
		if w.target.Bits() < 24 && rng.IntN(4) == 0 {
			a.Prefix = netip.PrefixFrom(w.target.Addr(), 24)
		}
		p, err := a.Plan(w.Setting)
		g.Expect(err).NotTo(HaveOccurred())
		if !p.Viable() {
			continue
		}
		viable++
		anns := p.At(0, w.Standing)
		captured, kept := w.outcome(t, anns, w.target.Addr())
		g.Expect(kept).NotTo(BeNil())
		g.Expect(w.g.ASN(kept[len(kept)-1])).To(Equal(w.victim))
		g.Expect(p.Attracted).To(Equal(count(captured)))
		for n, i := range kept[1:] {
			g.Expect(captured[i]).To(BeFalse())
			g.Expect(p.Kept[n+1]).To(Equal(w.g.ASN(i)))
		}
		table, err := w.Engine.PropagateAll(anns, w.Options)
		g.Expect(err).NotTo(HaveOccurred())
		for i, c := range captured {
			if c {
				hops, arrives := walk(table, int32(i), w.target.Addr())
				g.Expect(arrives).To(BeTrue())
				g.Expect(w.g.ASN(hops[len(hops)-1])).To(Equal(w.victim))
				way++
			}
		}
	}
	t.Logf("%d of 1500 viable, %d packets walked", viable, way)
	g.Expect(viable).To(BeNumerically(">", 300))
}

// Every set of the attacker's neighbours is tried.
func TestInterceptionFindsWhatExhaustiveTrialFinds(t *testing.T) {
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(5, 2))
	small, large, missed := 0, 0, 0
	got, most := 0, 0
	for range 1200 {
		w := randomWorld(t, rng, 16, false)
		a := attack.Attack{Kind: attack.Interception, Attacker: w.attacker, Victim: w.victim, Target: w.target, Type: 1}
		p, err := a.Plan(w.Setting)
		g.Expect(err).NotTo(HaveOccurred())
		_, best, degree := w.bestScope(t, route.Announcement{Prefix: w.target, Path: []topology.ASN{w.attacker, w.victim}, Attacker: true, Forwards: true})
		if degree > 10 { // too many sets to try here
			continue
		}
		if degree <= attack.MaxExhaustive {
			g.Expect(p.Attracted).To(Equal(best))
			small++
			continue
		}
		large++
		if p.Attracted < best {
			missed++
		}
		got, most = got+p.Attracted, most+best
		g.Expect(p.Viable()).To(Equal(best > 0), "%d neighbours", degree)
		g.Expect(p.Attracted).To(BeNumerically("<=", best))
	}
	t.Logf("%d attackers with up to %d neighbours; of %d with more, %d missed the best scope: %d of %d ASes attracted", small, attack.MaxExhaustive, large, missed, got, most)
	g.Expect(small).To(BeNumerically(">", 500))
	g.Expect(large).To(BeNumerically(">", 100))
}

// bestScope tries to announce to every set of neighbours and returns the one that
// attracts the most, how many, and how many neighbours there are.
func (w *world) bestScope(t *testing.T, ann route.Announcement) (to []topology.ASN, most, degree int) {
	t.Helper()
	me := w.index(w.attacker)
	var all []topology.ASN
	for _, rel := range []topology.Relationship{topology.Customer, topology.Peer, topology.Provider} {
		for _, i := range w.g.Neighbors(me, rel) {
			all = append(all, w.g.ASN(i))
		}
	}
	if len(all) > 10 {
		return nil, 0, len(all)
	}
	before, _ := w.outcome(t, w.Standing, w.target.Addr())
	for set := 1; set < 1<<len(all); set++ {
		ann.Export.To = nil
		for n, asn := range all {
			if set>>n&1 != 0 {
				ann.Export.To = append(ann.Export.To, asn)
			}
		}
		captured, way := w.outcome(t, append(slices.Clone(w.Standing), ann), w.target.Addr())
		if n := count(captured); way != nil && n > count(before) && n > most {
			to, most = ann.Export.To, n
		}
	}
	return to, most, len(all)
}

// Every prefix length, path and neighbour of the victim is tried.
func TestStrongestFindsWhatExhaustiveTrialFinds(t *testing.T) {
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(5, 3))
	kinds := map[attack.Kind]int{}
	for range 800 {
		w := randomWorld(t, rng, 12, rng.IntN(4) > 0)
		addr := w.target.Addr()
		trials, best, err := w.Strongest(attack.Search{Attacker: w.attacker, Victim: w.victim, Target: w.target})
		g.Expect(err).NotTo(HaveOccurred())
		most := -1
		for bits := w.target.Bits(); bits <= 24; bits++ {
			for _, path := range [][]topology.ASN{{w.attacker}, {w.attacker, w.victim}} {
				captured, _ := w.outcome(t, append(slices.Clone(w.Standing), route.Announcement{
					Prefix: netip.PrefixFrom(addr, bits), Path: path, Attacker: true,
				}), addr)
				most = max(most, count(captured))
			}
		}
		g.Expect(best).To(BeNumerically(">=", 0))
		g.Expect(trials[best].Score).To(Equal(float64(most)))
		for _, x := range trials {
			if x.Plan.Viable() {
				captured, _ := w.outcome(t, x.Plan.At(0, w.Standing), addr)
				g.Expect(x.Fooled).To(Equal(captured))
			}
		}
		kinds[trials[best].Plan.Attack.Kind]++
	}
	t.Log(kinds)
	for _, k := range attack.Launchable() {
		g.Expect(kinds[k]).To(BeNumerically(">", 0), "%s is never the strongest", k)
	}
}

// Whatever is planned, the engine takes it, and the path is what the fields say.
func TestPlansFitTheEngine(t *testing.T) {
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(5, 4))
	viable := map[attack.Kind]int{}
	obstacles := map[attack.Obstacle]int{}
	for range 6000 {
		w := randomWorld(t, rng, 10, rng.IntN(2) == 0)
		a := w.randomAttack(rng)
		p, err := a.Plan(w.Setting)
		g.Expect(err).NotTo(HaveOccurred(), "%+v", a)
		if !p.Viable() {
			obstacles[p.Obstacle]++
			g.Expect(p.Steps).To(BeEmpty())
			g.Expect(p.Why).NotTo(BeEmpty())
			continue
		}
		viable[a.Kind]++
		vrps, err := rpki.NewVRPs(w.vrps)
		g.Expect(err).NotTo(HaveOccurred())
		vrps, err = p.ApplyVRPs(vrps)
		g.Expect(err).NotTo(HaveOccurred())
		w.Options.Policies = w.compile(t, slices.Collect(vrps.All()))
		g.Expect(p.Steps[0].After).To(BeZero())
		for _, s := range p.Steps {
			_, err := w.Engine.PropagateAll(p.At(s.After, w.Standing), w.Options)
			g.Expect(err).NotTo(HaveOccurred())
			for _, ann := range s.Announce {
				if !ann.Attacker {
					continue
				}
				g.Expect(ann.Announcer()).To(Equal(w.attacker))
				g.Expect(ann.Forwards).To(Equal(p.Forwards))
				g.Expect(w.target.Contains(ann.Prefix.Addr())).To(BeTrue())
				for _, asn := range a.Poison {
					g.Expect(ann.Path).To(ContainElement(asn))
				}
			}
		}
	}
	t.Log(viable, obstacles)
	for _, k := range attack.Kinds() {
		g.Expect(viable[k]).To(BeNumerically(">", 50), string(k))
	}
	for _, o := range []attack.Obstacle{attack.NoLongerPrefix, attack.NoRoute, attack.NobodyToTell, attack.NoWorkingPath, attack.NoPlausiblePath} {
		g.Expect(obstacles[o]).To(BeNumerically(">", 0), string(o))
	}
}

// randomAttack sets some of the fields that a random kind takes.
func (w *world) randomAttack(rng *rand.Rand) attack.Attack {
	k := attack.Kinds()[rng.IntN(len(attack.Kinds()))]
	a := attack.Attack{Kind: k, Attacker: w.attacker, Victim: w.victim, Target: w.target}
	takes, needs := attack.Fields(k)
	neighbors := w.g.Neighbors(w.index(w.attacker), topology.Provider)
	for _, f := range takes {
		if rng.IntN(2) == 0 && !slices.Contains(needs, f) {
			continue
		}
		switch f {
		case "type":
			a.Type = 1 + rng.IntN(4)
		case "poison":
			a.Poison = []topology.ASN{topology.ASN(1+rng.IntN(20)) + 1000*topology.ASN(rng.IntN(2))}
			if a.Poison[0] == w.attacker {
				a.Poison[0]++
			}
		case "export":
			if len(neighbors) > 0 {
				a.Export.To = []topology.ASN{w.g.ASN(neighbors[rng.IntN(len(neighbors))])}
			}
			a.Export.Classes = route.ToProviders
		case "hold":
			a.Hold = time.Duration(1 + rng.Int64N(1000))
		case "gap":
			a.Gap = 1
		}
		a.Prepend += bump(f, "prepend")
		a.VictimPrepend += bump(f, "victim-prepend")
		a.Times += 2 * bump(f, "times")
		a.NoExport = a.NoExport || f == "no-export"
		a.RevokeROAs = a.RevokeROAs || f == "revoke-roas"
		a.Silent = a.Silent || f == "silent"
		a.Communities = a.Communities || f == "communities"
	}
	return a
}

func bump(f, name string) int {
	if f == name {
		return 1
	}
	return 0
}

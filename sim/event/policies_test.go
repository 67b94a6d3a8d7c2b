package event_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/event"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// randomPolicies mixes everything that package route knows.
func randomPolicies(rng *rand.Rand, g *topology.Graph) (*route.Policies, error) {
	often := func() bool { return rng.IntN(3) == 0 }
	asn := func() topology.ASN { return g.ASN(rng.Int32N(int32(g.Len()))) }
	o := route.PoliciesOptions{PerAS: map[topology.ASN]route.Policy{}}
	var vrps []rpki.VRP
	for range rng.IntN(3) {
		vrps = append(vrps, rpki.VRP{Prefix: prefix, MaxLength: 24, Origin: asn()})
	}
	var aspas []rpki.ASPA
	var ends []rpki.PathEnd
	for i := range int32(g.Len()) {
		if often() {
			a := rpki.ASPA{Customer: g.ASN(i), Providers: []topology.ASN{0}}
			for _, j := range g.Providers(i) {
				a.Providers = append(a.Providers, g.ASN(j))
			}
			if often() { // a wrong one
				a.Providers = a.Providers[:1+rng.IntN(len(a.Providers))]
			}
			aspas = append(aspas, a)
		}
		if often() {
			e := rpki.PathEnd{Origin: g.ASN(i)}
			for _, rel := range []topology.Relationship{topology.Customer, topology.Peer, topology.Provider} {
				for _, j := range g.Neighbors(i, rel) {
					if rng.IntN(5) > 0 {
						e.Neighbors = append(e.Neighbors, g.ASN(j))
					}
				}
			}
			ends = append(ends, e)
		}
		if rng.IntN(3) > 0 {
			o.PerAS[g.ASN(i)] = route.Policy{
				ROV: route.ROVs()[rng.IntN(len(route.ROVs()))], ASPA: often(), OTC: often(), PeerlockLite: often(), PathEnd: often(),
				FirstAS: often(), BGPsec: rng.IntN(2) == 0, ROVPP: rng.IntN(8) == 0, AcceptsLong: often(),
			}
		}
	}
	if rng.IntN(8) == 0 {
		o.LongestIPv4 = 23
	}
	for range rng.IntN(3) {
		o.Protected = append(o.Protected, asn())
	}
	var err error
	if o.VRPs, err = rpki.NewVRPs(vrps); err != nil {
		return nil, err
	}
	if o.ASPAs, err = rpki.NewASPAs(aspas); err != nil {
		return nil, err
	}
	if o.PathEnds, err = rpki.NewPathEnds(ends); err != nil {
		return nil, err
	}
	return route.NewPolicies(g, o)
}

// scoped draws one to three announcements of one AS with everything that an
// announcement can ask for.
func scoped(rng *rand.Rand, w world) []route.Announcement {
	by := w.pick(rng)
	rarely := func() bool { return rng.IntN(5) == 0 }
	neighbors := w.neighbors(by)
	some := func() []topology.ASN {
		if len(neighbors) == 0 {
			return nil
		}
		list := slices.Clone(neighbors)
		rng.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
		return list[:1+rng.IntN(len(list))]
	}
	anns := make([]route.Announcement, max(1, rng.IntN(5)-1))
	for n := range anns {
		a := route.Announcement{Prefix: prefix, Path: w.randomPath(rng, by), Attacker: rng.IntN(2) == 0}
		if rarely() {
			a.Path = w.chain(rng, by)
		}
		if rarely() && len(a.Path) > 1 { // without its own number in front
			a.By, a.Path = by, a.Path[1:]
		}
		if rarely() {
			a.Export.To = some()
		}
		if rarely() {
			a.Export.Except = some()
		}
		if rarely() {
			a.Export.Classes = route.Classes(rng.IntN(8))
		}
		a.NoExport, a.Forwards = rarely(), rng.IntN(3) == 0
		if rarely() {
			a.OTC = w.pick(rng)
		}
		for range max(0, rng.IntN(6)-3) {
			l := w.links[rng.IntN(max(1, len(w.links))):]
			if len(l) > 0 {
				a.Withhold = append(a.Withhold, route.Edge{AS: l[0].A, Neighbor: l[0].B}, route.Edge{AS: l[0].B, Neighbor: l[0].A})
				a.Withhold = a.Withhold[rng.IntN(2):]
			}
		}
		anns[n] = a
	}
	return anns
}

// chain returns a path of real links, as a leak has it.
func (w world) chain(rng *rand.Rand, from topology.ASN) []topology.ASN {
	path := []topology.ASN{from}
	for range 1 + rng.IntN(4) {
		next := w.neighbors(path[len(path)-1])
		next = slices.DeleteFunc(next, func(asn topology.ASN) bool { return slices.Contains(path, asn) })
		if len(next) == 0 {
			break
		}
		path = append(path, next[rng.IntN(len(next))])
	}
	return path
}

// census counts what took part.
type census map[string]int

func (c census) announcements(anns []route.Announcement) {
	for _, a := range anns {
		foreign := slices.ContainsFunc(a.Path, func(asn topology.ASN) bool { return asn != a.Announcer() })
		for what, is := range map[string]bool{
			"forged path": foreign, "forwards": a.Forwards, "forwards a forged path": foreign && a.Forwards, "without its own number": a.By != 0,
			"to some": len(a.Export.To) > 0, "except some": len(a.Export.Except) > 0, "to classes": a.Export.Classes != 0,
			"no-export": a.NoExport, "withheld": len(a.Withhold) > 0, "marked": a.OTC != 0,
		} {
			if is {
				c[what]++
			}
		}
	}
}

func (c census) policies(g *topology.Graph, p *route.Policies) {
	has := map[string]bool{}
	for i := range int32(g.Len()) {
		for _, d := range route.Defences() {
			if q := p.Of(i); q.Join(d.Policy) == q {
				has[d.Name] = true
			}
		}
	}
	for what := range has {
		c[what]++
	}
}

func (w world) neighbors(of topology.ASN) []topology.ASN {
	var out []topology.ASN
	for _, l := range w.links {
		switch of {
		case l.A:
			out = append(out, l.B)
		case l.B:
			out = append(out, l.A)
		}
	}
	return out
}

// TestSettlesWhereRouteDoesWithPolicies is TestSettlesWhereRouteDoes with random
// mixes of policies and scopes.
func TestSettlesWhereRouteDoesWithPolicies(t *testing.T) {
	g := NewWithT(t)
	methods, took := map[route.Method]int{}, census{}
	for seed := range uint64(10_000) {
		rng := rand.New(rand.NewPCG(seed, 6))
		w := randomWorld(rng)
		st := w.randomStory(rng, scoped, false)
		graph := w.graph()
		policies, err := randomPolicies(rng, graph)
		g.Expect(err).NotTo(HaveOccurred(), "seed %d", seed)
		routing := route.Options{TieBreak: route.TieBreaks()[seed%5], Seed: seed, Policies: policies}
		h, err := event.Run(graph, st.Schedule, event.Options{Routing: routing, Timers: randomTimers(rng), Seed: seed})
		g.Expect(err).NotTo(HaveOccurred(), "seed %d", seed)
		want, err := route.NewEngine(graph).Propagate(st.end, routing)
		g.Expect(err).NotTo(HaveOccurred(), "seed %d", seed)
		methods[want.Method()]++
		took.announcements(st.end)
		took.policies(graph, policies)
		expectSame(g, h, want, fmt.Sprintf("seed %d, %v: %+v", seed, routing.TieBreak, st.Schedule))
	}
	t.Log(methods, took)
	g.Expect(took).To(HaveLen(10 + len(route.Defences())))
	g.Expect(took).To(HaveEach(BeNumerically(">", 500)), "of 10,000 stories")
}

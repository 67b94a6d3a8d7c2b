package sweep_test

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/route"
	"mpicsim/sim/sweep"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
	"mpicsim/topology/synth"
)

// announced is the prefix of announcements.
var announced = netip.MustParsePrefix("203.0.113.0/24")

// payloads returns VRPs for announced: the victim's as a rule, at times others' in
// its place or beside it, or none.
func payloads(tb testing.TB, rng *rand.Rand, g *topology.Graph, victim topology.ASN) *rpki.VRPs {
	tb.Helper()
	var list []rpki.VRP
	add := func(origin topology.ASN) {
		list = append(list, rpki.VRP{Prefix: announced, MaxLength: 24, Origin: origin})
	}
	kind := rng.IntN(8)
	if kind > 1 { // 0: nothing is known; 1: somebody else's alone
		add(victim)
	}
	if kind > 0 && kind < 4 {
		add(g.ASN(rng.Int32N(int32(g.Len()))))
	}
	vrps, err := rpki.NewVRPs(list)
	if err != nil {
		tb.Fatal(err)
	}
	return vrps
}

// mix returns policies for announced in which about a share of ASes validates
// origins in one way or another; with others true some do more than that.
func mix(tb testing.TB, rng *rand.Rand, g *topology.Graph, vrps *rpki.VRPs, others bool) *route.Policies {
	tb.Helper()
	o := route.PoliciesOptions{VRPs: vrps, PerAS: map[topology.ASN]route.Policy{}}
	rovs := []route.ROV{route.ROVOn, route.ROVOn, route.ROVCustomersExempt, route.ROVPeers}
	if rng.IntN(2) == 0 {
		rovs = rovs[:1]
	}
	if others && rng.IntN(3) == 0 {
		rovs = append(rovs, route.ROVPreferValid)
	}
	share := rng.Float64()
	with := func(share float64) bool { return others && rng.Float64() < share }
	kinds := [4]float64{}
	if others {
		for range 1 + rng.IntN(len(kinds)) {
			kinds[rng.IntN(len(kinds))] = rng.Float64()
		}
	}
	for i := range int32(g.Len()) {
		p := route.Policy{
			ASPA: with(kinds[0]), PathEnd: with(kinds[1]), PeerlockLite: with(kinds[2]), BGPsec: with(kinds[3]),
			OTC: with(0.5), FirstAS: with(0.5), ROVPP: rng.IntN(20) == 0,
		}
		if rng.Float64() < share {
			p.ROV = rovs[rng.IntN(len(rovs))]
		}
		o.PerAS[g.ASN(i)] = p
	}
	if others {
		addRecords(tb, rng, g, &o)
	}
	policies, err := route.NewPolicies(g, o)
	if err != nil {
		tb.Fatal(err)
	}
	return policies
}

// addRecords adds what policies other than origin validation go by.
func addRecords(tb testing.TB, rng *rand.Rand, g *topology.Graph, o *route.PoliciesOptions) {
	tb.Helper()
	var aspas []rpki.ASPA
	var ends []rpki.PathEnd
	for i := range int32(g.Len()) {
		if rng.IntN(2) == 0 {
			a := rpki.ASPA{Customer: g.ASN(i), Providers: []topology.ASN{0}}
			for n, p := range g.Providers(i) {
				if n == 0 {
					a.Providers = nil
				}
				a.Providers = append(a.Providers, g.ASN(p))
			}
			aspas = append(aspas, a)
		}
		if rng.IntN(4) == 0 && len(g.Providers(i)) > 0 {
			ends = append(ends, rpki.PathEnd{Origin: g.ASN(i), Neighbors: []topology.ASN{g.ASN(g.Providers(i)[0])}})
		}
		if rng.IntN(4) == 0 {
			o.Protected = append(o.Protected, g.ASN(i))
		}
	}
	var err error
	if o.ASPAs, err = rpki.NewASPAs(aspas); err != nil {
		tb.Fatal(err)
	}
	if o.PathEnds, err = rpki.NewPathEnds(ends); err != nil {
		tb.Fatal(err)
	}
	if rng.IntN(6) == 0 {
		o.LongestIPv4 = 23 + rng.IntN(2)
	}
}

// TestSmallInternetsWithPolicies compares every pair of ASes at every AS of
// 10,000 small topologies with package route, under mixes of policies.
func TestSmallInternetsWithPolicies(t *testing.T) {
	const seed = 5
	rng := rand.New(rand.NewPCG(seed, 0))
	var pairs, cut, split, filtered, routed, estimated int
	for n := range 10_000 {
		g := random(t, rng)
		router := route.NewEngine(g)
		v := rng.Int32N(int32(g.Len()))
		policies := mix(t, rng, g, payloads(t, rng, g, g.ASN(v)), n%4 == 0 || n%4 == 3)
		viewpoints := all(g)
		if n%2 == 1 {
			rng.Shuffle(len(viewpoints), func(i, j int) { viewpoints[i], viewpoints[j] = viewpoints[j], viewpoints[i] })
			viewpoints = viewpoints[:1+rng.IntN(len(viewpoints))]
		}
		e, err := sweep.New(router, viewpoints, route.Options{TieBreak: picks()[n%3], Seed: rng.Uint64(), Policies: policies})
		if err != nil {
			t.Fatal(err)
		}
		s := e.NewSweeper(1 + n%3)
		h := []hijack{{1, 1}, {1, 1}, {1, 1}, {1, 2}, {1, 3}, {2, 1}, {3, 3}, {4, 2}, {28, 28}}[rng.IntN(9)]
		attackers, err := e.Attackers(all(g), h.shape(), 1)
		if err != nil {
			t.Fatal(err)
		}
		o := e.NewOutcomes(g.Len())
		for _, v := range []int32{v, rng.Int32N(int32(g.Len()))} {
			c := h.contest(v)
			c.Prefix = announced
			if err := s.Sweep(c, attackers, o); err != nil {
				t.Fatal(err)
			}
			if err := compare(router, []*sweep.Engine{e}, []*sweep.Outcomes{o}, v, all(g), h); err != nil {
				t.Fatalf("world %d: %v (%d filtered, %d routed)", n, err, o.Filtered, o.Routed)
			}
			pairs, cut, split = pairs+o.Len(), cut+o.Cut, split+o.Split
			filtered, routed, estimated = filtered+o.Filtered, routed+o.Routed, estimated+o.Estimated
		}
	}
	t.Logf("seed %d: %d pairs equal: %d filtered, %d routed, %d with estimates for bounds, %d with one announcer on the other's way, %d lanes for twins",
		seed, pairs, filtered, routed, estimated, cut, split)
	NewWithT(t).Expect([]int{cut, split, filtered, routed, pairs - filtered - routed}).To(HaveEach(BeNumerically(">", 100)))
}

// TestInternetWithROV compares random pairs on the real topology where 15 %, 50 %
// and all ASes validate origins.
func TestInternetWithROV(t *testing.T) {
	victims := 20
	if testing.Short() {
		victims = 2
	}
	sampleROV(t, internet(t), victims)
}

// TestSyntheticInternetWithROV is the same on a generated Internet.
func TestSyntheticInternetWithROV(t *testing.T) {
	internet, err := synth.Generate(synth.Options{ASes: 3000, Seed: 5})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	sampleROV(t, internet.Graph, 20)
}

func sampleROV(t *testing.T, g *topology.Graph, victims int) {
	t.Helper()
	const seed, attackers = 6, 60
	router := route.NewEngine(g)
	viewpoints := draw(rand.New(rand.NewPCG(seed, 0)), g, 200)
	var next, compared, filtered atomic.Int64
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for n := next.Add(1); n <= int64(victims) && !t.Failed(); n = next.Add(1) {
				rng := rand.New(rand.NewPCG(seed, uint64(n)))
				v, list := rng.Int32N(int32(g.Len())), draw(rng, g, attackers)
				vrps := payloads(t, rng, g, g.ASN(v))
				for _, share := range []float64{0.15, 0.5, 1} {
					asns, err := route.DeployFraction(g, share, uint64(n))
					if err != nil {
						t.Error(err)
						return
					}
					policies, err := route.NewPolicies(g, route.PoliciesOptions{
						VRPs: vrps, Deployments: []route.Deployment{{ASes: asns, Policy: route.Policy{ROV: route.ROVOn}}},
					})
					if err != nil {
						t.Error(err)
						return
					}
					e, err := sweep.New(router, viewpoints, route.Options{TieBreak: picks()[n%3], Seed: 11, Policies: policies})
					if err != nil {
						t.Error(err)
						return
					}
					h := []hijack{{1, 1}, {1, 1}, {1, 2}, {3, 1}}[rng.IntN(4)]
					set, err := e.Attackers(list, h.shape(), 1)
					if err != nil {
						t.Error(err)
						return
					}
					o := e.NewOutcomes(len(list))
					c := h.contest(v)
					c.Prefix = announced
					if err := e.NewSweeper(1).Sweep(c, set, o); err != nil {
						t.Error(err)
						return
					}
					if err := compare(router, []*sweep.Engine{e}, []*sweep.Outcomes{o}, v, list, h); err != nil {
						t.Errorf("share %v: %v", share, err)
						return
					}
					compared.Add(attackers)
					filtered.Add(int64(o.Filtered))
				}
			}
		})
	}
	group.Wait()
	t.Logf("seed %d: %d pairs equal at 200 viewpoints, %d of them filtered", seed, compared.Load(), filtered.Load())
}

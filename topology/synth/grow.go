package synth

import (
	"math/rand/v2"
	"slices"

	"mpicsim/topology"
	"mpicsim/topology/place"
)

// link is a link by order of joining; a is the provider of a transit link.
type link struct {
	a, b int32
	kind topology.LinkKind
}

// regionCount is one more than there are service regions, to index by place.RIR.
const regionCount = int(place.RIPE) + 1

// growth is an Internet in the making. ASes are numbered in the order of joining.
type growth struct {
	rng       *rand.Rand
	cities    []City
	kinds     []Kind
	home      []uint8     // into cities
	second    []place.RIR // another region that the AS is in, or Unknown
	customers []int32     // how many
	links     []link

	tier1 []int32              // one entry for each customer link of a T and a share to start with
	mids  [regionCount][]int32 // the same for M, by region that the M is in
	sold  [regionCount][]int32 // M with a customer, once each, by region
	idle  [regionCount][]int32 // M without a customer, in order of joining; others among them are stale
}

func newGrowth(n int, rng *rand.Rand) *growth {
	return &growth{
		rng: rng, cities: cities(), kinds: order(n, rng),
		home: make([]uint8, n), second: make([]place.RIR, n), customers: make([]int32, n),
	}
}

// order returns the kinds of n ASes in order of joining: the T, one M, then the
// others at random.
func order(n int, rng *rand.Rand) []Kind {
	kinds := make([]Kind, 0, n)
	for k, count := range counts(n) {
		kinds = append(kinds, slices.Repeat([]Kind{Kind(k)}, count)...)
	}
	rest := kinds[counts(n)[Tier1]+1:]
	rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return kinds
}

// grow lets all ASes join and buy transit.
func (g *growth) grow() {
	drawCity := g.cityDraw()
	for i := range int32(len(g.kinds)) {
		g.home[i] = drawCity()
		switch g.kinds[i] {
		case Tier1:
			g.joinClique(i)
		case MidLevel:
			g.joinSecondRegion(i, 0.2)
			g.buy(i, purchase{one: 0.225, more: 0.63, tier1: 0.25})
			for _, r := range g.regions(i) {
				g.idle[r] = append(g.idle[r], i)
			}
		case Content:
			g.joinSecondRegion(i, 0.05)
			g.buy(i, purchase{one: 0.29, more: 0.52, tier1: 0.16})
		case Customer:
			g.buy(i, purchase{one: 0.496, more: 0.29, tier1: 0.16})
		}
	}
	g.employ()
}

// cityDraw returns a function that draws a city, an index into g.cities.
func (g *growth) cityDraw() func() uint8 {
	var inRegion [regionCount]float64
	for _, c := range g.cities {
		inRegion[c.RIR] += float64(c.weight)
	}
	upTo := make([]float64, len(g.cities))
	total := 0.0
	for k, c := range g.cities {
		total += float64(regionWeight(c.RIR)) * float64(c.weight) / inRegion[c.RIR]
		upTo[k] = total
	}
	return func() uint8 {
		k, _ := slices.BinarySearch(upTo, g.rng.Float64()*total)
		return uint8(min(k, len(upTo)-1))
	}
}

// joinClique makes AS i a peer of all T before it. Its share to start with, which
// makes the first T the largest, follows Zipf's law.
func (g *growth) joinClique(i int32) {
	for j := range i {
		g.links = append(g.links, link{j, i, topology.Peering})
	}
	const share = 40
	g.tier1 = append(g.tier1, slices.Repeat([]int32{i}, max(1, share/int(i+1)))...)
}

func (g *growth) joinSecondRegion(i int32, probability float64) {
	if g.rng.Float64() >= probability {
		return
	}
	others := slices.DeleteFunc(place.RIRs(), func(r place.RIR) bool { return r == g.region(i) })
	g.second[i] = others[g.rng.IntN(len(others))]
}

// region returns AS i's home region.
func (g *growth) region(i int32) place.RIR { return g.cities[g.home[i]].RIR }

// regions returns the regions that AS i is in.
func (g *growth) regions(i int32) []place.RIR {
	if g.second[i] == place.Unknown {
		return []place.RIR{g.region(i)}
	}
	return []place.RIR{g.region(i), g.second[i]}
}

// purchase says how an AS buys transit: from one provider with probability one,
// otherwise from two, and while a draw stays below more from one more; each is a
// T with probability tier1.
type purchase struct{ one, more, tier1 float64 }

func (g *growth) buy(i int32, p purchase) {
	want := 1
	if g.rng.Float64() >= p.one {
		want = 2
		for g.rng.Float64() < p.more {
			want++
		}
	}
	regions := g.regions(i)
	var bought []int32
	const triesEach = 8 // a region may have fewer providers than are wanted
	for tries := want * triesEach; tries > 0 && len(bought) < want; tries-- {
		j := g.seller(regions[g.rng.IntN(len(regions))], p.tier1)
		if !slices.Contains(bought, j) {
			bought = append(bought, j)
			g.sell(j, i)
		}
	}
}

// seller draws a provider in a region: preferential attachment, where an M
// without customers gets its turn with probability idle.
func (g *growth) seller(r place.RIR, tier1 float64) int32 {
	const idle, uniform = 0.094, 0.18
	mids := g.mids[r]
	if g.rng.Float64() < tier1 {
		return g.tier1[g.rng.IntN(len(g.tier1))]
	}
	if len(mids) == 0 || g.rng.Float64() < idle {
		if j, ok := g.firstIdle(r); ok {
			return j
		}
	}
	if len(mids) == 0 {
		return g.tier1[g.rng.IntN(len(g.tier1))]
	}
	if g.rng.Float64() < uniform {
		return g.sold[r][g.rng.IntN(len(g.sold[r]))]
	}
	return mids[g.rng.IntN(len(mids))]
}

// firstIdle returns the M in a region that has waited longest for a customer.
func (g *growth) firstIdle(r place.RIR) (int32, bool) {
	for len(g.idle[r]) > 0 {
		if j := g.idle[r][0]; g.customers[j] == 0 {
			return j, true
		}
		g.idle[r] = g.idle[r][1:]
	}
	return 0, false
}

// sell makes j the provider of i.
func (g *growth) sell(j, i int32) {
	g.links = append(g.links, link{j, i, topology.Transit})
	g.customers[j]++
	if g.kinds[j] == Tier1 {
		g.tier1 = append(g.tier1, j)
		return
	}
	for _, r := range g.regions(j) {
		g.mids[r] = append(g.mids[r], j)
		if g.customers[j] == 1 {
			g.sold[r] = append(g.sold[r], j)
		}
	}
}

// employ finds a customer for each M that is still without: a C of its own
// region if there is one, which has no customers, so that no cycle can arise.
func (g *growth) employ() {
	var stubs [regionCount][]int32
	var all []int32
	for i, k := range g.kinds {
		if k == Customer {
			r := g.region(int32(i))
			stubs[r] = append(stubs[r], int32(i))
			all = append(all, int32(i))
		}
	}
	for i, k := range g.kinds {
		if k != MidLevel || g.customers[i] > 0 {
			continue
		}
		from := stubs[g.region(int32(i))]
		if len(from) == 0 {
			from = all
		}
		g.sell(int32(i), from[g.rng.IntN(len(from))])
	}
}

package synth

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"mpicsim/topology"
	"mpicsim/topology/place"
)

// market matches ASes that want to peer.
type market struct {
	rng    *rand.Rand
	want   []int32                  // AS -> peers that it still wants
	linked map[uint64]struct{}      // pairs that have a link
	offers [regionCount + 1][]int32 // by home region, the last of all: each AS as often as it wants peers; used-up ones are stale
}

// everywhere is the index of the offers of all regions.
const everywhere = regionCount

func pair(i, j int32) uint64 { return uint64(min(i, j))<<32 | uint64(max(i, j)) }

// peer adds the peer links of M and CP. The ASes that want most choose first,
// because they depend most on how many others are left.
func (g *growth) peer(rng *rand.Rand) {
	m := &market{rng: rng, want: make([]int32, len(g.kinds)), linked: make(map[uint64]struct{}, 8*len(g.kinds))}
	for _, l := range g.links {
		m.linked[pair(l.a, l.b)] = struct{}{}
	}
	var open []int32
	for i := range int32(len(g.kinds)) {
		m.want[i] = g.wanted(i, rng)
		if m.want[i] == 0 {
			continue
		}
		open = append(open, i)
	}
	for _, i := range open {
		m.want[i] = min(m.want[i], int32(len(open)-1))
		offers := slices.Repeat([]int32{i}, int(m.want[i]))
		m.offers[g.region(i)] = append(m.offers[g.region(i)], offers...)
		m.offers[everywhere] = append(m.offers[everywhere], offers...)
	}
	slices.SortStableFunc(open, func(i, j int32) int { return cmp.Compare(m.want[j], m.want[i]) })
	for _, i := range open {
		for ; m.want[i] > 0; m.want[i]-- {
			j, ok := m.partner(i, g.region(i))
			if !ok {
				break
			}
			m.want[j]--
			m.linked[pair(i, j)] = struct{}{}
			g.links = append(g.links, link{i, j, topology.Peering})
		}
		m.want[i] = 0
	}
}

// wanted draws how many peers AS i wants.
func (g *growth) wanted(i int32, rng *rand.Rand) int32 {
	const (
		closed, closedSlope = 0.58, 0.43 // an M with c customers does not peer: closed / c^closedSlope
		midMu, midSlope     = 1.7, 0.46  // the median is e^midMu c^midSlope
		midSigma            = 2.0
		contentMu           = 1.7
		contentSigma        = 1.95
	)
	var mu, sigma float64 // conversions below keep products from being fused, which would round differently elsewhere
	switch g.kinds[i] {
	case MidLevel:
		c := float64(g.customers[i])
		if rng.Float64() < closed/math.Pow(c, closedSlope) {
			return 0
		}
		mu, sigma = midMu+float64(midSlope*math.Log(c)), midSigma
	case Content:
		mu, sigma = contentMu, contentSigma
	case Tier1, Customer:
		return 0
	}
	peers := math.Exp(mu+float64(sigma*rng.NormFloat64())) * peeringScale(len(g.kinds))
	return int32(min(max(1, math.Round(peers)), float64(len(g.kinds))))
}

// peeringScale is how many peers an AS wants in an Internet of n ASes, in parts
// of what it wants in one of 78,643.
func peeringScale(n int) float64 {
	const fitted = 78_643
	grown := func(n int) float64 { return 1 + 2*float64(n)/10_000 }
	return min(1, grown(n)/grown(fitted))
}

// partner draws an AS that still wants peers and has no link to i, mostly in i's
// home region. It gives up after some draws: of a small market nobody may be left.
func (m *market) partner(i int32, home place.RIR) (int32, bool) {
	const local, draws = 0.62, 24
	for range draws {
		from := &m.offers[everywhere]
		if m.rng.Float64() < local {
			from = &m.offers[home]
		}
		for len(*from) > 0 {
			k := m.rng.IntN(len(*from))
			j := (*from)[k]
			if m.want[j] > 0 {
				if _, linked := m.linked[pair(i, j)]; j != i && !linked {
					return j, true
				}
				break
			}
			last := len(*from) - 1
			(*from)[k] = (*from)[last]
			*from = (*from)[:last]
		}
	}
	return 0, false
}

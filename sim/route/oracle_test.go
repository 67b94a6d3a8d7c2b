package route_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"

	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// oracle is a deliberately dumb second implementation: every AS keeps the last
// path that each neighbour sent, picks its best by the words of the package
// comment, and sends it on, round after round, until nothing changes. It shares
// nothing with the engine but the announcement type.
type oracle struct {
	rel   map[topology.ASN]map[topology.ASN]topology.Relationship // rel[x][n]: what n is to x
	at    map[topology.ASN]place.Location
	ribIn map[topology.ASN]map[topology.ASN]heard
	best  map[topology.ASN]heard
}

// heard is a route as an AS sees it, its own number first in path.
type heard struct {
	from         topology.ASN // 0: own
	rel          topology.Relationship
	path         []topology.ASN
	announcement int
	looped       bool
}

func (h heard) equal(o heard) bool {
	return h.from == o.from && h.announcement == o.announcement && slices.Equal(h.path, o.path)
}

// world is a random topology in the form that the oracle reads.
type world struct {
	asns  []topology.ASN
	links []topology.Link
	at    map[topology.ASN]place.Location
}

func randomWorld(rng *rand.Rand) world {
	w := world{at: map[topology.ASN]place.Location{}}
	n := 3 + rng.IntN(12)
	for len(w.asns) < n {
		asn := topology.ASN(1 + rng.IntN(60))
		if rng.IntN(8) == 0 {
			asn += 4_000_000_000
		}
		if !slices.Contains(w.asns, asn) {
			w.asns = append(w.asns, asn)
		}
	}
	transit, peering := 0.15+0.35*rng.Float64(), 0.3*rng.Float64()
	for hi, a := range w.asns { // providers come first: no cycles
		for _, b := range w.asns[hi+1:] {
			switch p := rng.Float64(); {
			case p < transit:
				w.links = append(w.links, topology.Link{A: a, B: b, Kind: topology.Transit})
			case p < transit+peering:
				w.links = append(w.links, topology.Link{A: b, B: a, Kind: topology.Peering})
			}
		}
		if rng.IntN(4) > 0 { // few distinct places, so that distances tie too
			w.at[a] = place.Location{Lat: float64(10 * rng.IntN(4)), Lon: float64(10 * rng.IntN(4))}
		}
	}
	return w
}

func (w world) graph() *topology.Graph {
	var b topology.Builder
	for _, asn := range w.asns {
		b.AddAS(asn)
	}
	for _, l := range w.links {
		b.AddLink(l)
	}
	for asn, at := range w.at {
		b.SetPlace(asn, at)
	}
	g, findings, err := b.Build()
	if err != nil || len(findings) > 0 {
		panic(fmt.Sprint("random world: ", findings, err))
	}
	return g
}

// randomAnnouncements returns one to four announcements for p: plain, prepended
// and forged ones, several at one AS now and then.
func randomAnnouncements(rng *rand.Rand, w world, p netip.Prefix) []route.Announcement {
	anns := make([]route.Announcement, 1+rng.IntN(4))
	for n := range anns {
		announcer := w.asns[rng.IntN(len(w.asns))]
		path := []topology.ASN{announcer}
		for range max(0, rng.IntN(6)-3) {
			path = append(path, announcer)
		}
		for range max(0, rng.IntN(6)-3) {
			foreign := w.asns[rng.IntN(len(w.asns))]
			if rng.IntN(3) == 0 {
				foreign = 64_500
			}
			path = append(path, foreign)
		}
		anns[n] = route.Announcement{Prefix: p, Path: path, Attacker: rng.IntN(2) == 0}
	}
	return anns
}

func newOracle(w world) *oracle {
	o := &oracle{rel: map[topology.ASN]map[topology.ASN]topology.Relationship{}, at: w.at}
	for _, asn := range w.asns {
		o.rel[asn] = map[topology.ASN]topology.Relationship{}
	}
	for _, l := range w.links {
		if l.Kind == topology.Transit {
			o.rel[l.A][l.B], o.rel[l.B][l.A] = topology.Customer, topology.Provider
		} else {
			o.rel[l.A][l.B], o.rel[l.B][l.A] = topology.Peer, topology.Peer
		}
	}
	return o
}

// run exchanges messages until nothing changes.
func (o *oracle) run(anns []route.Announcement, opt route.Options) {
	o.best = map[topology.ASN]heard{}
	for round := 0; ; round++ {
		if round > 1000 {
			panic("oracle does not converge")
		}
		o.exchange()
		next := map[topology.ASN]heard{}
		for x := range o.rel {
			if candidates := o.candidates(x, anns); len(candidates) > 0 {
				next[x] = o.choose(x, candidates, anns, opt)
			}
		}
		if maps.EqualFunc(o.best, next, heard.equal) {
			return
		}
		o.best = next
	}
}

// exchange fills every RIB-in with what the neighbours' best routes are now.
func (o *oracle) exchange() {
	o.ribIn = map[topology.ASN]map[topology.ASN]heard{}
	for x, neighbors := range o.rel {
		o.ribIn[x] = map[topology.ASN]heard{}
		for n, rel := range neighbors {
			sent, ok := o.best[n]
			if !ok {
				continue
			}
			iAmItsCustomer := o.rel[n][x] == topology.Customer
			itsOwnOrCustomers := sent.rel == topology.Own || sent.rel == topology.Customer
			if !iAmItsCustomer && !itsOwnOrCustomers {
				continue
			}
			o.ribIn[x][n] = heard{
				from: n, rel: rel, announcement: sent.announcement,
				path:   append([]topology.ASN{x}, sent.path...),
				looped: slices.Contains(sent.path, x),
			}
		}
	}
}

// candidates returns what x may choose from: its own announcements and what it
// did not reject.
func (o *oracle) candidates(x topology.ASN, anns []route.Announcement) []heard {
	var all []heard
	for n, a := range anns {
		if a.Path[0] == x {
			all = append(all, heard{rel: topology.Own, path: a.Path, announcement: n})
		}
	}
	for _, h := range o.ribIn[x] {
		if !h.looped {
			all = append(all, h)
		}
	}
	return all
}

// choose sorts candidates by everything that counts, as a list of numbers.
func (o *oracle) choose(x topology.ASN, candidates []heard, anns []route.Announcement, opt route.Options) heard {
	rank := func(h heard) []float64 {
		r := []float64{float64(h.rel), float64(len(h.path))}
		onSide := anns[h.announcement].Attacker == (opt.TieBreak == route.TieBreakAttacker)
		switch opt.TieBreak {
		case route.TieBreakAttacker, route.TieBreakVictim:
			r = append(r, map[bool]float64{true: 0, false: 1}[onSide])
		case route.TieBreakSeeded:
			if h.from != 0 {
				v := splitMix(splitMix(opt.Seed) ^ (uint64(x)*(1<<32) + uint64(h.from)))
				r = append(r, float64(v>>32), float64(v&0xffffffff))
			}
		case route.TieBreakNearest:
			if h.from != 0 {
				r = append(r, o.distance(x, h.from))
			}
		case route.TieBreakLowestNeighbor:
		}
		return append(r, float64(h.from), float64(h.announcement))
	}
	return slices.MinFunc(candidates, func(a, b heard) int { return slices.Compare(rank(a), rank(b)) })
}

func (o *oracle) distance(a, b topology.ASN) float64 {
	from, okFrom := o.at[a]
	to, okTo := o.at[b]
	if !okFrom || !okTo {
		return 1e9
	}
	return place.ArcKm(from, to)
}

// splitMix is SplitMix64 as published (Steele, Lea, Flood, OOPSLA 2014), one
// output for the given state.
func splitMix(state uint64) uint64 {
	z := state + 0x9e3779b97f4a7c15
	z ^= z >> 30
	z *= 0xbf58476d1ce4e5b9
	z ^= z >> 27
	z *= 0x94d049bb133111eb
	return z ^ (z >> 31)
}

package event_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/sim/event"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

var prefix = netip.MustParsePrefix("203.0.113.0/24")

// world is a random topology.
type world struct {
	asns  []topology.ASN
	links []topology.Link
	at    map[topology.ASN]place.Location
}

func randomWorld(rng *rand.Rand) world {
	w := world{at: map[topology.ASN]place.Location{}}
	n := 3 + rng.IntN(14)
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

// graph builds the world without the links to leave out.
func (w world) graph(without ...topology.Link) *topology.Graph {
	var b topology.Builder
	for _, asn := range w.asns {
		b.AddAS(asn)
	}
	for _, l := range w.links {
		if !slices.Contains(without, l) {
			b.AddLink(l)
		}
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

// pick returns one of the ASes.
func (w world) pick(rng *rand.Rand) topology.ASN { return w.asns[rng.IntN(len(w.asns))] }

// randomPath returns a plain, prepended or forged path.
func (w world) randomPath(rng *rand.Rand, announcer topology.ASN) []topology.ASN {
	path := []topology.ASN{announcer}
	for range max(0, rng.IntN(6)-3) {
		path = append(path, announcer)
	}
	for range max(0, rng.IntN(6)-3) {
		foreign := w.pick(rng)
		if rng.IntN(3) == 0 {
			foreign = 64_500
		}
		path = append(path, foreign)
	}
	return path
}

// story is a random schedule with what stands at its end.
type story struct {
	event.Schedule
	end     []route.Announcement
	without []topology.Link // whose sessions are down at the end
}

// randomStory returns a story of up to seven changes. An announcer draws what one
// AS says.
func (w world) randomStory(rng *rand.Rand, announcer func(*rand.Rand, world) []route.Announcement, breaks bool) story {
	var st story
	end := func(by topology.ASN) {
		st.end = slices.DeleteFunc(st.end, func(a route.Announcement) bool { return a.Announcer() == by })
	}
	for range rng.IntN(3) {
		anns := announcer(rng, w)
		if slices.ContainsFunc(st.end, func(a route.Announcement) bool { return a.Announcer() == anns[0].Announcer() }) {
			continue
		}
		st.Standing = append(st.Standing, anns...)
		st.end = append(st.end, anns...)
	}
	at := time.Duration(0)
	change := func(c event.Change) {
		at += time.Duration(rng.IntN(100_000)) * time.Millisecond / 2
		c.At = at
		st.Changes = append(st.Changes, c)
	}
	announce := func() {
		anns := announcer(rng, w)
		end(anns[0].Announcer())
		st.end = append(st.end, anns...)
		change(event.Change{Announce: anns})
	}
	for range rng.IntN(6) {
		switch k := rng.IntN(5); {
		case k == 0 && len(st.end) > 0:
			by := st.end[rng.IntN(len(st.end))].Announcer()
			end(by)
			change(event.Change{Withdraw: []event.Withdrawal{{Prefix: prefix, AS: by}}})
		case k == 1 && breaks && len(w.links) > 0:
			l := w.links[rng.IntN(len(w.links))]
			if slices.Contains(st.without, l) {
				st.without = slices.DeleteFunc(st.without, func(m topology.Link) bool { return l == m })
				change(event.Change{Up: []event.Session{{A: l.A, B: l.B}}})
			} else {
				st.without = append(st.without, l)
				change(event.Change{Down: []event.Session{{A: l.B, B: l.A}}})
			}
		default:
			announce()
		}
	}
	if len(st.end) == 0 {
		announce()
	}
	return st
}

// randomTimers returns timers with and without MRAI, jitter and processing time.
func randomTimers(rng *rand.Rand) event.Timers {
	t := event.DefaultTimers()
	switch rng.IntN(4) {
	case 0:
		t.MRAI = 0
	case 1:
		t.MRAI, t.JitterMin = 5*time.Second, 1
	case 2:
		t.ProcessingMax = time.Minute
	}
	t.ExemptWithdrawals = rng.IntN(2) == 0
	return t
}

// expectSame compares the state after everything with routes, at every AS.
func expectSame(g Gomega, h *event.History, want *route.Routes, what string) {
	tl := h.Of(want.Prefix())
	g.Expect(tl.Outcome()).To(Equal(event.Converged), what)
	state, graph := tl.End(), want.Graph()
	for i := range int32(graph.Len()) {
		r, ok := want.Route(i)
		got, has := state.Route(i)
		where := fmt.Sprintf("AS %v, %s", graph.ASN(i), what)
		g.Expect(has).To(Equal(ok), where)
		if !ok {
			continue
		}
		wanted, _ := want.Announcement(i)
		found, _ := state.Announcement(i)
		g.Expect(state.Path(i)).To(Equal(want.Path(i)), where)
		g.Expect(found).To(Equal(wanted), where)
		r.Announcement, got.Announcement = 0, 0 // counted differently
		g.Expect(got).To(Equal(r), where)
		otc, _ := state.OTC(i)
		wantOTC, _ := want.OTC(i)
		g.Expect(otc).To(Equal(wantOTC), where)
		next, own, _ := state.NextHop(i)
		wantNext, wantOwn, _ := want.NextHop(i)
		g.Expect([]any{next, own}).To(Equal([]any{wantNext, wantOwn}), where)
	}
}

// TestSettlesWhereRouteDoes holds the end of random stories against package
// route, which knows nothing of messages.
func TestSettlesWhereRouteDoes(t *testing.T) {
	g := NewWithT(t)
	plain := func(rng *rand.Rand, w world) []route.Announcement {
		return []route.Announcement{{Prefix: prefix, Path: w.randomPath(rng, w.pick(rng)), Attacker: rng.IntN(2) == 0}}
	}
	for seed := range uint64(10_000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		w := randomWorld(rng)
		st := w.randomStory(rng, plain, true)
		routing := route.Options{TieBreak: route.TieBreaks()[seed%5], Seed: seed}
		h, err := event.Run(w.graph(), st.Schedule, event.Options{Routing: routing, Timers: randomTimers(rng), Seed: seed})
		g.Expect(err).NotTo(HaveOccurred(), "seed %d", seed)
		want, err := route.NewEngine(w.graph(st.without...)).Propagate(st.end, routing)
		g.Expect(err).NotTo(HaveOccurred(), "seed %d", seed)
		expectSame(g, h, want, fmt.Sprintf("seed %d, %v: %+v", seed, routing.TieBreak, st.Schedule))
	}
}

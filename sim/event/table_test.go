package event_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/sim/event"
	"mpicsim/sim/route"
)

// covering holds prefix, and both hold inside.
var (
	covering = netip.MustParsePrefix("203.0.112.0/22")
	inside   = netip.MustParseAddr("203.0.113.7")
)

// TestTableIsRoutesTableInTheEnd compares where packets go when everything has
// settled, at every AS, with package route: two prefixes of which one holds the
// other, and policies, so that ROV++ drops packets.
func TestTableIsRoutesTableInTheEnd(t *testing.T) {
	g := NewWithT(t)
	fates := map[route.Fate]int{}
	for seed := range uint64(10_000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		w := randomWorld(rng)
		graph := w.graph()
		policies, err := randomPolicies(rng, graph)
		g.Expect(err).NotTo(HaveOccurred())
		var changes []event.Change
		var end []route.Announcement
		for n := range 2 + rng.IntN(4) {
			a := scoped(rng, w)[0]
			a.Prefix = []netip.Prefix{prefix, covering}[rng.IntN(2)]
			same := func(b route.Announcement) bool { return a.Announcer() == b.Announcer() && a.Prefix == b.Prefix }
			c := event.Change{At: time.Duration(n) * 20 * time.Second, Announce: []route.Announcement{a}}
			if had := slices.ContainsFunc(end, same); had && rng.IntN(2) == 0 {
				c = event.Change{At: c.At, Withdraw: []event.Withdrawal{{Prefix: a.Prefix, AS: a.Announcer()}}}
			}
			end = append(slices.DeleteFunc(end, same), c.Announce...)
			changes = append(changes, c)
		}
		routing := route.Options{TieBreak: route.TieBreaks()[seed%5], Seed: seed, Policies: policies}
		h, err := event.Run(graph, event.Schedule{Changes: changes}, event.Options{Routing: routing, Timers: randomTimers(rng), Seed: seed})
		g.Expect(err).NotTo(HaveOccurred(), "seed %d", seed)
		want, err := route.NewEngine(graph).PropagateAll(end, routing)
		g.Expect(err).NotTo(HaveOccurred(), "seed %d", seed)
		times := h.Times(0)
		got := h.At(times[len(times)-1] + time.Hour)
		for i := range int32(graph.Len()) {
			hole, drops := got.Blackhole(i, inside)
			wantHole, wantDrops := want.Blackhole(i, inside)
			g.Expect(drops).To(Equal(wantDrops), "seed %d, AS %v", seed, graph.ASN(i))
			if drops {
				g.Expect(hole.Prefix()).To(Equal(wantHole.Prefix()))
			}
			hops, fate := got.AppendTrace(nil, i, inside)
			wantHops, wantFate := want.AppendTrace(nil, i, inside)
			if wantFate == route.Looping { // of a loop package route tells one round or more
				wantHops = wantHops[:min(len(hops), len(wantHops))]
			}
			g.Expect(hops).To(Equal(wantHops), "seed %d, AS %v", seed, graph.ASN(i))
			g.Expect(fate).To(Equal(wantFate), "seed %d, AS %v", seed, graph.ASN(i))
			fates[fate]++
		}
	}
	t.Log(fates)
	g.Expect(fates).To(And(HaveLen(4), HaveEach(BeNumerically(">", 100))))
}

package route_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// TestSameResultWithAnyNumberOfWorkers runs the same announcements on 1 and on 8
// threads and compares everything that the table can say.
func TestSameResultWithAnyNumberOfWorkers(t *testing.T) {
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(5, 5))
	w := randomWorld(rng)
	e := route.NewEngine(w.graph())
	var anns []route.Announcement
	for n := range 64 {
		anns = append(anns, randomAnnouncements(rng, w, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n), 0, 0}), 16))...)
	}
	rng.Shuffle(len(anns), func(i, j int) { anns[i], anns[j] = anns[j], anns[i] })
	fingerprint := func(workers int) uint64 {
		before := runtime.GOMAXPROCS(workers)
		defer runtime.GOMAXPROCS(before)
		table, err := e.PropagateAll(anns, route.Options{TieBreak: route.TieBreakSeeded, Seed: 9})
		g.Expect(err).NotTo(HaveOccurred())
		h := fnv.New64a()
		for _, r := range table.Routes() {
			for i := range int32(e.Graph().Len()) {
				fmt.Fprintln(h, r.Prefix(), r.Path(i), r.Explain(i).Losers)
			}
		}
		return h.Sum64()
	}
	g.Expect(fingerprint(8)).To(Equal(fingerprint(1)))
}

// TestPropagateIntoAllocatesNothing once its memory has grown, for plain and
// forged announcements and every tie-break.
func TestPropagateIntoAllocatesNothing(t *testing.T) {
	g := NewWithT(t)
	e := route.NewEngine(chain(50))
	forged := []route.Announcement{announce(t, "50=203.0.113.0/24"), announce(t, "7 50 3=203.0.113.0/24")}
	for _, tb := range route.TieBreaks() {
		var r route.Routes
		g.Expect(testing.AllocsPerRun(100, func() {
			if err := e.PropagateInto(&r, forged, route.Options{TieBreak: tb, Seed: 1}); err != nil {
				t.Error(err)
			}
		})).To(BeZero(), tb.String())
		g.Expect(testing.AllocsPerRun(100, func() {
			for i := range int32(50) {
				r.NextHop(i)
				r.Route(i)
			}
		})).To(BeZero())
	}
}

// TestRoutesMoveBetweenEngines: one Routes serves engines of different size.
func TestRoutesMoveBetweenEngines(t *testing.T) {
	g := NewWithT(t)
	var r route.Routes
	for _, n := range []topology.ASN{40, 3, 41} {
		e := route.NewEngine(chain(n))
		g.Expect(e.PropagateInto(&r, []route.Announcement{announce(t, "1 2=203.0.113.0/24")}, route.Options{})).To(Succeed())
		_, ok := r.Route(1)
		g.Expect(ok).To(BeFalse(), "AS 2 rejects a path with its own number")
		g.Expect(r.Path(0)).To(Equal([]topology.ASN{1, 2}))
	}
}

func TestUnusableAnnouncementsAreRefused(t *testing.T) {
	e := route.NewEngine(chain(3))
	good := announce(t, "1=203.0.113.0/24")
	for name, c := range map[string]struct {
		anns []route.Announcement
		want string
	}{
		"none":          {nil, "no announcement"},
		"empty path":    {[]route.Announcement{{Prefix: good.Prefix}}, "announcement 1 (=203.0.113.0/24): AS path is empty"},
		"no prefix":     {[]route.Announcement{{Path: good.Path}}, "prefix is missing"},
		"AS 0":          {[]route.Announcement{good, {Prefix: good.Prefix, Path: []topology.ASN{1, 0}}}, "announcement 2 (1 0=203.0.113.0/24): AS path holds AS number 0"},
		"unknown AS":    {[]route.Announcement{good, announce(t, "4=203.0.113.0/24")}, "announcement 2 (4=203.0.113.0/24): AS 4 is not in the topology"},
		"two prefixes":  {[]route.Announcement{good, announce(t, "1=203.0.112.0/24")}, "prefix differs from 203.0.113.0/24"},
		"host bits":     {[]route.Announcement{{Prefix: netip.MustParsePrefix("203.0.113.1/24"), Path: good.Path}}, "want 203.0.113.0/24"},
		"too many":      {make([]route.Announcement, route.MaxAnnouncements+1), "want at most 16383"},
		"path too long": {[]route.Announcement{{Prefix: good.Prefix, Path: make([]topology.ASN, 256)}}, "want at most 255"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := e.Propagate(c.anns, route.Options{})
			g.Expect(err).To(MatchError(ContainSubstring(c.want)))
		})
	}
}

// TestErrorLeavesRoutesAlone: a failed call must not destroy an earlier result.
func TestErrorLeavesRoutesAlone(t *testing.T) {
	g := NewWithT(t)
	e := route.NewEngine(chain(3))
	r, err := e.Propagate([]route.Announcement{announce(t, "3=203.0.113.0/24")}, route.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	err = e.PropagateInto(r, []route.Announcement{announce(t, "1=203.0.112.0/24"), announce(t, "9=203.0.112.0/24")}, route.Options{})
	g.Expect(err).To(MatchError(route.ErrUnknownAS))
	g.Expect(r.Path(0)).To(Equal([]topology.ASN{1, 2, 3}))
	_, err = e.Propagate([]route.Announcement{announce(t, "3=203.0.113.0/24")}, route.Options{TieBreak: 5})
	g.Expect(err).To(MatchError(ContainSubstring("unknown tie-break")))
}

// TestPropagateAllNamesTheAnnouncement by its place in the whole list.
func TestPropagateAllNamesTheAnnouncement(t *testing.T) {
	g := NewWithT(t)
	_, err := route.NewEngine(chain(3)).PropagateAll([]route.Announcement{
		announce(t, "3=203.0.113.0/24"), announce(t, "2=203.0.112.0/24"), announce(t, "9=203.0.112.0/24"),
	}, route.Options{})
	g.Expect(err).To(MatchError(ContainSubstring("announcement 3 (9=203.0.112.0/24): AS 9 is not in the topology")))
	g.Expect(err).To(MatchError(route.ErrUnknownAS))
}

// TestLongestChain: lengths are counted up to the last hop that 16 bits hold,
// and a topology that could exceed them is refused instead of wrapping round.
func TestLongestChain(t *testing.T) {
	g := NewWithT(t)
	e := route.NewEngine(chain(32_700))
	r, err := e.Propagate([]route.Announcement{announce(t, "1=203.0.113.0/24")}, route.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	last, _ := r.Route(32_699)
	g.Expect(last.Length).To(Equal(32_700))
	_, err = route.NewEngine(chain(32_768)).Propagate(r.Announcements(), route.Options{})
	g.Expect(err).To(MatchError(ContainSubstring("chain of 32768 providers")))
}

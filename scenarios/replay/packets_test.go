package replay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/sim/fabric"
	"mpicsim/sim/route"
	"mpicsim/sim/web"
	"mpicsim/topology"
	"mpicsim/topology/asrel"
	"mpicsim/topology/synth"
)

// contest is one victim and one attacker who announce the same address space,
// and the ASes that a web page is fetched from.
type contest struct {
	kind             string // "equal-prefix", "forged-origin" or "sub-prefix"
	victim, attacker topology.ASN
	viewpoints       []topology.ASN

	announcements []route.Announcement
	address       netip.Addr
}

// contestKinds are in the order in which contests take them.
var contestKinds = []string{"equal-prefix", "forged-origin", "sub-prefix"}

// drawContests draws pairs and viewpoints, all ASes of one contest different.
func drawContests(g *topology.Graph, random *rand.Rand, pairs, viewpoints int) []contest {
	var out []contest
	for n := range pairs {
		ases := map[topology.ASN]bool{}
		draw := func() topology.ASN {
			for {
				if as := g.ASN(random.Int32N(int32(g.Len()))); !ases[as] {
					ases[as] = true
					return as
				}
			}
		}
		c := contest{kind: contestKinds[random.IntN(len(contestKinds))], victim: draw(), attacker: draw()}
		for range viewpoints {
			c.viewpoints = append(c.viewpoints, draw())
		}
		wide := netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(n), 0, 0}), 16)
		theirs := route.Announcement{Prefix: wide, Path: []topology.ASN{c.attacker}, Attacker: true}
		switch c.kind {
		case "forged-origin":
			theirs.Path = append(theirs.Path, c.victim)
		case "sub-prefix":
			theirs.Prefix = netip.PrefixFrom(wide.Addr(), 24)
		}
		c.announcements = []route.Announcement{{Prefix: wide, Path: []topology.ASN{c.victim}}, theirs}
		c.address = netip.AddrFrom4([4]byte{20, byte(n), 0, 80})
		out = append(out, c)
	}
	return out
}

// arena is a fabric in which all contests of a drawing take place at once, each
// about addresses of its own.
type arena struct {
	graph    *topology.Graph
	contests []contest
	table    *route.Table
	hosts    map[[2]topology.ASN]*fabric.Host // by victim and viewpoint
}

// newArena starts web servers at both sides of all contests and a host at each
// viewpoint.
func newArena(ctx context.Context, g *topology.Graph, o route.Options, contests []contest) *arena {
	GinkgoHelper()
	a := &arena{graph: g, contests: contests, hosts: map[[2]topology.ASN]*fabric.Host{}}
	var all []route.Announcement
	type stand struct {
		key  [2]topology.ASN
		as   topology.ASN
		addr netip.Addr
	}
	var stands []stand
	for _, c := range contests {
		all = append(all, c.announcements...)
		for _, as := range c.viewpoints {
			b := [4]byte{10, byte(len(stands) >> 8), byte(len(stands)), 0}
			all = append(all, route.Announcement{Prefix: netip.PrefixFrom(netip.AddrFrom4(b), 24), Path: []topology.ASN{as}})
			b[3] = 10
			stands = append(stands, stand{[2]topology.ASN{c.victim, as}, as, netip.AddrFrom4(b)})
		}
	}
	var err error
	a.table, err = route.NewEngine(g).PropagateAll(all, o)
	Expect(err).NotTo(HaveOccurred())
	epoch := fabric.Epoch{}
	for _, r := range a.table.Routes() {
		epoch.Routes = append(epoch.Routes, r)
	}
	f, err := fabric.New(fabric.Config{Graph: g, Epochs: []fabric.Epoch{epoch}, Start: time.Date(2026, 12, 15, 12, 0, 0, 0, time.UTC), Seed: o.Seed})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(f.Close)
	for n, c := range contests {
		for _, side := range []struct {
			owner string
			as    topology.ASN
		}{{"victim", c.victim}, {"attacker", c.attacker}} {
			h, err := f.AddHost(fabric.HostConfig{Name: fmt.Sprintf("%s-%d", side.owner, n), AS: side.as, Addrs: []netip.Addr{c.address}})
			Expect(err).NotTo(HaveOccurred())
			s, err := web.Serve(ctx, h, web.Config{
				HTTP: []netip.AddrPort{netip.AddrPortFrom(c.address, 80)}, DisableKeepAlives: true,
				Site: web.Site{Owner: side.owner, Pages: map[string]web.Page{"/": {Body: fmt.Sprint(side.as)}}},
			})
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(s.Close)
		}
	}
	for _, s := range stands {
		h, err := f.AddHost(fabric.HostConfig{Name: fmt.Sprintf("at-%v-of-%v", s.key[1], s.key[0]), AS: s.as, Addrs: []netip.Addr{s.addr}})
		Expect(err).NotTo(HaveOccurred())
		a.hosts[s.key] = h
	}
	return a
}

// seen is who answered a request, or would by the routes.
type seen struct {
	side string // "victim", "attacker", or "nobody"
	as   string // of the side
	path string // of the packets
}

// fetch asks for the contested page with net/http and says who answered.
func (a *arena) fetch(ctx context.Context, c contest, viewpoint topology.ASN) seen {
	GinkgoHelper()
	session := a.hosts[[2]topology.ASN{c.victim, viewpoint}].NewSession(0)
	transport := &http.Transport{DialContext: session.DialContext, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%v/", c.address), nil)
	Expect(err).NotTo(HaveOccurred())
	resp, err := transport.RoundTrip(req)
	if errors.Is(err, syscall.ENETUNREACH) {
		return seen{side: "nobody"}
	}
	Expect(err).NotTo(HaveOccurred())
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	Expect(err).NotTo(HaveOccurred())
	flows := session.Flows()
	Expect(flows).To(HaveLen(1))
	return seen{resp.Header.Get("Server"), string(body), route.FormatPath(flows[0].Path)}
}

// predict says the same from the routes.
func (a *arena) predict(c contest, viewpoint topology.ASN) seen {
	i, _ := a.graph.Index(viewpoint)
	routes, ok := a.table.Lookup(i, c.address)
	if !ok {
		return seen{side: "nobody"}
	}
	best, _ := routes.Announcement(i)
	path := routes.Path(i)
	path = path[:len(path)-len(best.Path)+1] // without what the announcer forged
	if best.Attacker {
		return seen{"attacker", c.attacker.String(), route.FormatPath(path)}
	}
	return seen{"victim", c.victim.String(), route.FormatPath(path)}
}

// play fetches every page and counts the triples that were compared.
func (a *arena) play(ctx context.Context, name string, tally map[string]int) (triples int) {
	GinkgoHelper()
	for _, c := range a.contests {
		for _, viewpoint := range c.viewpoints {
			inputs := fmt.Sprintf("%s: victim %v, attacker %v (%s), perspective %v", name, c.victim, c.attacker, c.kind, viewpoint)
			want := a.predict(c, viewpoint)
			fmt.Fprintf(GinkgoWriter, "%s -> %s by %s\n", inputs, want.side, want.path)
			Expect(a.fetch(ctx, c, viewpoint)).To(Equal(want), inputs)
			triples++
			tally[c.kind+" "+want.side]++
		}
	}
	return triples
}

var _ = Describe("Packets agree with routes", func() {
	It("for 500 triples on synthetic Internets of 300 ASes", func(ctx SpecContext) {
		triples, tally := 0, map[string]int{}
		for seed := range uint64(5) {
			net, err := synth.Generate(synth.Options{ASes: 300, Seed: seed})
			Expect(err).NotTo(HaveOccurred())
			for _, tie := range route.TieBreaks() {
				random := rand.New(rand.NewPCG(seed, uint64(tie)))
				a := newArena(ctx, net.Graph, route.Options{TieBreak: tie, Seed: seed}, drawContests(net.Graph, random, 4, 5))
				triples += a.play(ctx, fmt.Sprintf("300 ASes, seed %d, ties %v", seed, tie), tally)
			}
		}
		Expect(triples).To(Equal(500))
		AddReportEntry("triples by kind of hijack and side reached", fmt.Sprint(tally))
		for _, kind := range contestKinds {
			Expect(tally).To(HaveKeyWithValue(kind+" attacker", BeNumerically(">=", 20)), "both sides win often enough to tell them apart")
		}
		Expect(tally).To(HaveKeyWithValue("equal-prefix victim", BeNumerically(">=", 20)))
	}, SpecTimeout(5*time.Minute))

	It("for 100 triples on the real Internet", func(ctx SpecContext) {
		file, err := asrel.Open(realTopology())
		Expect(err).NotTo(HaveOccurred())
		triples, tally := 0, map[string]int{}
		for _, tie := range route.TieBreaks() {
			random := rand.New(rand.NewPCG(2025_09_01, uint64(tie)))
			a := newArena(ctx, file.Graph, route.Options{TieBreak: tie, Seed: 7}, drawContests(file.Graph, random, 4, 5))
			triples += a.play(ctx, fmt.Sprintf("CAIDA 2025-09-01, ties %v", tie), tally)
		}
		Expect(triples).To(Equal(100))
		AddReportEntry("triples by kind of hijack and side reached", fmt.Sprint(tally))
		Expect(slices.Sorted(func(yield func(string) bool) {
			for k := range tally {
				if !yield(k) {
					return
				}
			}
		})).To(ContainElements("equal-prefix attacker", "equal-prefix victim", "sub-prefix attacker"))
	}, SpecTimeout(5*time.Minute))
})

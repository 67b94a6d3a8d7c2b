package fabric_test

import (
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/sim/fabric"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// staticRoutes is a forwarding table written out by hand: AS -> next AS, or the
// AS itself where the prefix is its own.
type staticRoutes struct {
	prefix netip.Prefix
	graph  *topology.Graph
	next   map[topology.ASN]topology.ASN
}

func (r staticRoutes) Prefix() netip.Prefix { return r.prefix }

func (r staticRoutes) NextHop(i int32) (int32, bool, bool) {
	asn := r.graph.ASN(i)
	next, ok := r.next[asn]
	if !ok {
		return 0, false, false
	}
	n, _ := r.graph.Index(next)
	return n, next == asn, true
}

// line is AS 1 - 2 - 3 - 4 - 5 in a row, a client in AS 1, a server in AS 5 and
// an attacker in AS 3; all with an IPv4 and an IPv6 prefix.
type line struct {
	*fabric.Fabric
	graph                    *topology.Graph
	client, server, attacker *fabric.Host
}

var (
	clientPrefix = netip.MustParsePrefix("198.18.1.0/24")
	serverPrefix = netip.MustParsePrefix("203.0.113.0/24")
	clientV6     = netip.MustParsePrefix("2001:db8:1::/48")
	serverV6     = netip.MustParsePrefix("2001:db8:5::/48")
	clientAddr   = netip.MustParseAddr("198.18.1.10")
	serverAddr   = netip.MustParseAddr("203.0.113.80")
	clientAddr6  = netip.MustParseAddr("2001:db8:1::10")
	serverAddr6  = netip.MustParseAddr("2001:db8:5::80")
)

// equator puts AS n at the equator, n times 10 degrees east: 1111.95 km apart,
// which takes light in fibre 5.559754 ms.
func equator(n int) place.Location { return place.Location{Lat: 0, Lon: float64(10 * n)} }

const (
	tenDegrees = 5_560 * time.Microsecond // rounded to microseconds for each hop
	perHop     = 200 * time.Microsecond
	oneWay     = 4 * (tenDegrees + perHop)
)

// newLine builds the network; if hijackAt is positive, AS 3 takes over the
// server's prefixes at that virtual time, for the ASes 1 to 3. change changes what holds from 0.
func newLine(hijackAt time.Duration, capture bool, change ...func(*topology.Graph, *fabric.Epoch)) *line {
	GinkgoHelper()
	var b topology.Builder
	for n := 1; n <= 5; n++ {
		b.SetPlace(topology.ASN(n), equator(n))
		if n > 1 {
			b.AddLink(topology.Link{A: topology.ASN(n), B: topology.ASN(n - 1), Kind: topology.Peering})
		}
	}
	g, findings, err := b.Build()
	Expect(err).NotTo(HaveOccurred())
	Expect(findings).To(BeEmpty())
	type hops = map[topology.ASN]topology.ASN
	left := hops{1: 1, 2: 1, 3: 2, 4: 3, 5: 4}
	right := hops{1: 2, 2: 3, 3: 4, 4: 5, 5: 5}
	stolen := hops{1: 2, 2: 3, 3: 3, 4: 5, 5: 5}
	tables := func(server hops) []fabric.PrefixRoutes {
		return []fabric.PrefixRoutes{
			staticRoutes{clientPrefix, g, left},
			staticRoutes{clientV6, g, left},
			staticRoutes{serverPrefix, g, server},
			staticRoutes{serverV6, g, server},
		}
	}
	epochs := []fabric.Epoch{{From: 0, Routes: tables(right)}}
	for _, c := range change {
		c(g, &epochs[0])
	}
	if hijackAt > 0 {
		epochs = append(epochs, fabric.Epoch{From: hijackAt, Routes: tables(stolen)})
	}
	f, err := fabric.New(fabric.Config{
		Graph: g, Epochs: epochs, Start: time.Date(2026, 12, 15, 12, 0, 0, 0, time.UTC), Capture: capture, Seed: 1,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(f.Close)
	w := &line{Fabric: f, graph: g}
	add := func(name string, as topology.ASN, addrs ...netip.Addr) *fabric.Host {
		GinkgoHelper()
		h, err := f.AddHost(fabric.HostConfig{Name: name, AS: as, Addrs: addrs})
		Expect(err).NotTo(HaveOccurred())
		return h
	}
	w.client = add("client", 1, clientAddr, clientAddr6)
	w.server = add("server", 5, serverAddr, serverAddr6)
	w.attacker = add("attacker", 3, netip.MustParseAddr("198.18.3.10"), netip.MustParseAddr("2001:db8:3::10"), serverAddr, serverAddr6)
	return w
}

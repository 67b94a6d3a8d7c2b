package conformance

import (
	"fmt"
	"net/netip"
	"time"

	"mpicsim/perspectives"
	"mpicsim/sim/fabric"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// The ASes. Three transit providers peer with each other; everybody else is a
// customer of one of them.
const (
	transits      = 3
	firstTransit  = topology.ASN(64601)
	rootAS        = topology.ASN(64611)
	registryAS    = topology.ASN(64612)
	openMPICAS    = topology.ASN(64613)
	caaSuiteAS    = topology.ASN(64614)
	ourAS         = topology.ASN(64615)
	firstRegionAS = topology.ASN(64701) // of the perspectives, in their order
)

// The hosts with servers.
const (
	hostRoot      = "root-server"
	hostRegistry  = "registry-server"
	hostOpenMPIC  = "ns1.integration-testing.open-mpic.org"
	hostWeb       = "integration-testing.open-mpic.org"
	hostALPN      = "tls-alpn.integration-testing.open-mpic.org"
	hostCAASuite  = "ns0.caatestsuite.com"
	hostBlackhole = "nsblackhole.caatestsuite-dnssec.com"
	hostRefused   = "nsrefused.caatestsuite-dnssec.com"
	hostOurs      = "ns1.conformance.example"
	hostOurWeb    = "www.conformance.example"
	hostNoALPN    = "no-alpn.conformance.example"
)

// station is a host that servers run on.
type station struct {
	name  string
	as    topology.ASN
	addrs []string
}

func stations() []station {
	return []station{
		{hostRoot, rootAS, []string{"198.19.0.53"}},
		{hostRegistry, registryAS, []string{"198.19.1.53"}},
		{hostOpenMPIC, openMPICAS, []string{"192.0.2.53"}},
		{hostWeb, openMPICAS, []string{"192.0.2.80"}},
		{hostALPN, openMPICAS, []string{"192.0.2.43"}},
		{hostCAASuite, caaSuiteAS, []string{"198.51.100.53", "2001:db8:caa::53"}},
		{hostBlackhole, caaSuiteAS, []string{"198.51.100.66"}},
		{hostRefused, caaSuiteAS, []string{"198.51.100.67"}},
		{hostOurs, ourAS, []string{"203.0.113.53"}},
		{hostOurWeb, ourAS, []string{"203.0.113.80"}},
		{hostNoALPN, ourAS, []string{"203.0.113.43"}},
	}
}

// addrsOf returns the addresses of one of the stations, those of IPv6 alone if
// only6.
func addrsOf(name string, only6 bool) []netip.Addr {
	var out []netip.Addr
	for _, s := range stations() {
		for _, text := range s.addrs {
			if a := netip.MustParseAddr(text); s.name == name && a.Is6() == only6 {
				out = append(out, a)
			}
		}
	}
	return out
}

// regionAddrs returns the addresses of the n-th perspective.
func regionAddrs(n int) []netip.Addr {
	return []netip.Addr{
		netip.AddrFrom4([4]byte{10, 0, byte(n), 10}),
		netip.AddrFrom16([16]byte{0xfd, 0x10, 0, byte(n), 15: 0x10}),
	}
}

// prefixOf returns the prefix that an address is announced in.
func prefixOf(a netip.Addr) netip.Prefix {
	bits := 24
	if a.Is6() {
		bits = 48
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// newFabric builds the map, computes the routes and puts everybody's host in its
// place.
func newFabric(start time.Time, set []perspectives.Perspective) (*fabric.Fabric, map[string]*fabric.Host, error) {
	hosts := stations()
	placed := map[string]place.Location{}
	for n, p := range set {
		s := station{name: p.Name, as: firstRegionAS + topology.ASN(n)}
		for _, a := range regionAddrs(n) {
			s.addrs = append(s.addrs, a.String())
		}
		hosts, placed[p.Name] = append(hosts, s), p.Location
	}
	graph, err := newGraph(hosts, placed)
	if err != nil {
		return nil, nil, err
	}
	routes, err := newRoutes(graph, hosts)
	if err != nil {
		return nil, nil, err
	}
	f, err := fabric.New(fabric.Config{Graph: graph, Epochs: []fabric.Epoch{{Routes: routes}}, Start: start, Seed: 1})
	if err != nil {
		return nil, nil, err
	}
	byName := map[string]*fabric.Host{}
	for _, s := range hosts {
		c := fabric.HostConfig{Name: s.name, AS: s.as}
		for _, text := range s.addrs {
			c.Addrs = append(c.Addrs, netip.MustParseAddr(text))
		}
		if byName[s.name], err = f.AddHost(c); err != nil {
			f.Close()
			return nil, nil, err
		}
	}
	return f, byName, nil
}

func newGraph(hosts []station, placed map[string]place.Location) (*topology.Graph, error) {
	var b topology.Builder
	for n := range topology.ASN(transits) {
		b.AddLink(topology.Link{A: firstTransit + n, B: firstTransit + (n+1)%transits, Kind: topology.Peering})
	}
	seen := map[topology.ASN]bool{}
	for _, s := range hosts {
		if at, ok := placed[s.name]; ok {
			b.SetPlace(s.as, at)
		}
		if !seen[s.as] {
			seen[s.as] = true
			b.AddLink(topology.Link{A: firstTransit + s.as%transits, B: s.as, Kind: topology.Transit})
		}
	}
	graph, findings, err := b.Build()
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("the map: %v", findings[0])
	}
	return graph, err
}

func newRoutes(graph *topology.Graph, hosts []station) ([]fabric.PrefixRoutes, error) {
	engine := route.NewEngine(graph)
	done := map[netip.Prefix]bool{}
	var out []fabric.PrefixRoutes
	for _, s := range hosts {
		for _, text := range s.addrs {
			prefix := prefixOf(netip.MustParseAddr(text))
			if done[prefix] {
				continue
			}
			done[prefix] = true
			r, err := engine.Propagate([]route.Announcement{{Prefix: prefix, Path: []topology.ASN{s.as}}}, route.Options{})
			if err != nil {
				return nil, fmt.Errorf("routes for %v: %w", prefix, err)
			}
			out = append(out, r)
		}
	}
	return out, nil
}

package replay_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/policy"
	"mpicsim/perspectives/resolver"
	"mpicsim/sim/fabric"
	"mpicsim/sim/names"
	"mpicsim/sim/route"
	"mpicsim/sim/web"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// The machines of the small Internet that exists twice: on the operating
// system's loopback and on emulated hosts.
const (
	machineRoot = iota
	machineTLD
	machineDNS
	machineWeb
	machineEvil // what hijacked packets for machineWeb get to
	machines
)

// ground is where the machines are.
type ground struct {
	addrs     [machines]netip.Addr
	host      func(machine int) names.Host
	dns, http uint16 // ports
	// network returns a perspective's way into the world, and its clock;
	// hijacked says that its packets for machineWeb get to machineEvil.
	network func(name string, hijacked bool) (perspectives.Network, perspectives.Clock)
}

// site is what the victim and the attacker have up.
type site struct {
	records    string // of the domain, with WEB for the web server's address
	challenges bool   // the victim's web server answers the challenge
	down       bool   // there is no web server
}

const (
	socketToken = "abcdefghijklmnopqrstuvwxyz"
	socketKey   = socketToken + ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// serve starts the name space and the web servers.
func (g ground) serve(ctx context.Context, s site) []resolver.Root {
	GinkgoHelper()
	h, err := names.HierarchySpec{
		Root:            []names.NameServer{{Name: "a.root-servers.net", Addrs: []netip.Addr{g.addrs[machineRoot]}}},
		DefaultRegistry: []names.NameServer{{Name: "a.tld-servers.net", Addrs: []netip.Addr{g.addrs[machineTLD]}}},
		Zones: []names.ZoneSpec{{
			Origin: "shop.example", NameServers: []names.NameServer{{Name: "ns1.shop.example", Addrs: []netip.Addr{g.addrs[machineDNS]}}},
			Records: strings.ReplaceAll(s.records, "WEB", g.addrs[machineWeb].String()),
		}},
	}.Build()
	Expect(err).NotTo(HaveOccurred())
	for _, m := range []int{machineRoot, machineTLD, machineDNS} {
		server, err := names.Serve(ctx, g.host(m), names.Config{
			Addrs: []netip.AddrPort{netip.AddrPortFrom(g.addrs[m], g.dns)}, Zones: h.ZonesAt(g.addrs[m]),
		})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
	}
	for owner, m := range map[string]int{"victim": machineWeb, "attacker": machineEvil} {
		if s.down && m == machineWeb {
			continue
		}
		site := web.Site{Owner: owner, Challenges: map[string]string{}}
		if s.challenges || owner == "attacker" {
			site.Challenges[socketToken] = socketKey
		}
		server, err := web.Serve(ctx, g.host(m), web.Config{HTTP: []netip.AddrPort{netip.AddrPortFrom(g.addrs[m], g.http)}, Site: site, DisableKeepAlives: true})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
	}
	return []resolver.Root{{Name: h.RootHints[0].Name, Addrs: []netip.AddrPort{netip.AddrPortFrom(g.addrs[machineRoot], g.dns)}}}
}

// check has a primary and three remotes corroborate; it is the same code on
// either ground.
func (g ground) check(ctx context.Context, roots []resolver.Root, method perspectives.Method, hijacked []string) coordinator.Report {
	GinkgoHelper()
	config := coordinator.Config{Quorum: policy.QuorumAt(time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)), Workers: 1, Timeout: 20 * time.Second}
	for n, p := range []perspectives.Perspective{
		{Name: "primary", Location: place.Location{Lat: 40, Lon: -83}, RIR: place.ARIN},
		{Name: "west", Location: place.Location{Lat: 45, Lon: -122}, RIR: place.ARIN},
		{Name: "frankfurt", Location: place.Location{Lat: 50, Lon: 9}, RIR: place.RIPE},
		{Name: "tokyo", Location: place.Location{Lat: 36, Lon: 140}, RIR: place.APNIC},
	} {
		network, clock := g.network(p.Name, slices.Contains(hijacked, p.Name))
		l, err := local.New(local.Config{Perspective: p, Network: network, Clock: clock, Roots: roots, DNSPort: g.dns, HTTPPort: g.http})
		Expect(err).NotTo(HaveOccurred())
		if n == 0 {
			config.Primary, config.Clock = l, clock
		} else {
			config.Remotes = append(config.Remotes, l)
		}
	}
	co, err := coordinator.New(config)
	Expect(err).NotTo(HaveOccurred())
	report, err := co.Corroborate(ctx, perspectives.Check{
		Domain: "shop.example", Method: method, Token: socketToken, KeyAuthorization: socketKey, IssuerDomains: []string{"ca.example"},
	})
	Expect(err).NotTo(HaveOccurred())
	return report
}

// digest is what a report says apart from addresses and times.
func digest(r coordinator.Report) []string {
	outcome := func(o perspectives.Outcome) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%v %s (%s):", o.Verdict, o.Reason, o.Clause)
		for _, e := range o.Evidence {
			fmt.Fprintf(&b, " %s %s %s;", e.Kind, e.Query, e.Status)
		}
		return b.String()
	}
	var out []string
	for _, attempt := range r.Attempts {
		for _, a := range append([]coordinator.Answer{attempt.Primary}, attempt.Remotes...) {
			out = append(out, fmt.Sprintf("%s asked=%v fault=%q\n  dcv %s\n  caa %s\n  connected to %d", a.Perspective.Name, a.Attempted, a.Fault,
				outcome(a.Result.DCV), outcome(a.Result.CAA), len(a.Result.TargetAddresses)))
		}
	}
	return append(out, fmt.Sprintf("%+v", r.Decision))
}

// loopback is the ground of the operating system's sockets. Every machine has
// its own address in 127.0.0.0/8, and all of them the same two free ports.
func loopback(ctx context.Context) ground {
	GinkgoHelper()
	g := ground{host: func(int) names.Host { return new(net.ListenConfig) }}
	for m := range g.addrs {
		g.addrs[m] = netip.AddrFrom4([4]byte{127, 0, 77, byte(m + 1)})
	}
	g.dns, g.http = freePort(ctx, g.addrs[:], "udp", "tcp"), freePort(ctx, g.addrs[:], "tcp")
	g.network = func(_ string, hijacked bool) (perspectives.Network, perspectives.Clock) {
		var network perspectives.Network = &net.Dialer{}
		if hijacked {
			network = detour{network, g.addrs[machineWeb], g.addrs[machineEvil]}
		}
		var mu sync.Mutex
		now := time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)
		return network, func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(time.Millisecond)
			return now
		}
	}
	return g
}

// freePort returns a port that is free at all addresses.
func freePort(ctx context.Context, addrs []netip.Addr, networks ...string) uint16 {
	GinkgoHelper()
	var config net.ListenConfig
	try := func(network string, at netip.AddrPort) (uint16, error) {
		if network == "udp" {
			c, err := config.ListenPacket(ctx, network, at.String())
			if err != nil {
				return 0, err
			}
			defer c.Close()
			return netip.MustParseAddrPort(c.LocalAddr().String()).Port(), nil
		}
		l, err := config.Listen(ctx, network, at.String())
		if err != nil {
			return 0, err
		}
		defer l.Close()
		return netip.MustParseAddrPort(l.Addr().String()).Port(), nil
	}
search:
	for range 50 {
		port, err := try(networks[0], netip.AddrPortFrom(addrs[0], 0))
		Expect(err).NotTo(HaveOccurred(), "this machine has no loopback")
		for _, network := range networks {
			for _, a := range addrs {
				if _, err := try(network, netip.AddrPortFrom(a, port)); err != nil {
					continue search
				}
			}
		}
		return port
	}
	Fail("no port that is free at all addresses")
	return 0
}

// detour is a network in which connections to one address end at another, which
// is as near to a hijack as the loopback gets.
type detour struct {
	perspectives.Network
	from, to netip.Addr
}

func (d detour) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if at, err := netip.ParseAddrPort(address); err == nil && at.Addr() == d.from {
		address = netip.AddrPortFrom(d.to, at.Port()).String()
	}
	return d.Network.DialContext(ctx, network, address)
}

// emulated is the ground of emulated hosts. A hijack is one: the perspectives
// that it fools are customers of the attacker's provider (AS 10), the others of
// the victim's (AS 20).
func emulated(hijacked []string) ground {
	GinkgoHelper()
	g := ground{dns: 53, http: 80}
	ases := [machines]topology.ASN{10, 20, 30, 64500, 64666}
	for m := range g.addrs {
		g.addrs[m] = netip.AddrFrom4([4]byte{20, 0, byte(m), 1})
	}
	g.addrs[machineEvil] = g.addrs[machineWeb]
	var b topology.Builder
	for _, l := range []topology.Link{{A: 10, B: 20, Kind: topology.Peering}, {A: 20, B: 30}, {A: 20, B: 64500}, {A: 10, B: 64666}} {
		b.AddLink(l)
	}
	var anns []route.Announcement
	announce := func(a netip.Addr, as topology.ASN, attacker bool) {
		anns = append(anns, route.Announcement{Prefix: netip.PrefixFrom(a, 24).Masked(), Path: []topology.ASN{as}, Attacker: attacker})
	}
	for m := range machineEvil {
		announce(g.addrs[m], ases[m], false)
	}
	if len(hijacked) > 0 {
		announce(g.addrs[machineEvil], ases[machineEvil], true)
	}
	everyone := []string{"primary", "west", "frankfurt", "tokyo"}
	at := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n), 10}) }
	for n, name := range everyone {
		provider := topology.ASN(20)
		if slices.Contains(hijacked, name) {
			provider = 10
		}
		b.AddLink(topology.Link{A: provider, B: topology.ASN(100 + n)})
		announce(at(n), topology.ASN(100+n), false)
	}
	graph, findings, err := b.Build()
	Expect(err).NotTo(HaveOccurred())
	Expect(findings).To(BeEmpty())
	table, err := route.NewEngine(graph).PropagateAll(anns, route.Options{})
	Expect(err).NotTo(HaveOccurred())
	epoch := fabric.Epoch{}
	for _, r := range table.Routes() {
		epoch.Routes = append(epoch.Routes, r)
	}
	f, err := fabric.New(fabric.Config{Graph: graph, Epochs: []fabric.Epoch{epoch}, Start: time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(f.Close)
	add := func(name string, as topology.ASN, addr netip.Addr) *fabric.Host {
		h, err := f.AddHost(fabric.HostConfig{Name: name, AS: as, Addrs: []netip.Addr{addr}})
		Expect(err).NotTo(HaveOccurred())
		return h
	}
	var hosts [machines]*fabric.Host
	for m := range hosts {
		hosts[m] = add(fmt.Sprint("machine ", m), ases[m], g.addrs[m])
	}
	g.host = func(m int) names.Host { return hosts[m] }
	g.network = func(name string, _ bool) (perspectives.Network, perspectives.Clock) {
		n := slices.Index(everyone, name)
		session := add(name, topology.ASN(100+n), at(n)).NewSession(0)
		return session, session.Now
	}
	return g
}

// The code path of an MPIC check is the same on emulated and real sockets: one
// coordinator, one set of perspectives, zones and pages, on both grounds.
var _ = DescribeTable("An MPIC check says the same on the operating system's sockets and on emulated ones",
	func(ctx SpecContext, method perspectives.Method, s site, hijacked []string, reason, quorum string) {
		kernel := loopback(ctx)
		onReal := kernel.check(ctx, kernel.serve(ctx, s), method, hijacked)
		virtual := emulated(hijacked)
		onVirtual := virtual.check(ctx, virtual.serve(ctx, s), method, hijacked)
		Expect(digest(onVirtual)).To(Equal(digest(onReal)))
		Expect(onReal.Decision.Reason).To(Equal(reason), onReal.Decision.Detail)
		Expect(onReal.Decision.Quorum).To(Equal(quorum))
	},
	Entry("the owner's challenge is there", perspectives.HTTP01, site{records: "@ A WEB\n@ CAA 0 issue \"ca.example\"\n", challenges: true}, nil, policy.QuorumMet, "3/3"),
	Entry("by dns-01", perspectives.DNS01, site{records: "@ A WEB\n_acme-challenge TXT " + socketDigest}, nil, policy.QuorumMet, "3/3"),
	Entry("by dns-01 without the record", perspectives.DNS01, site{records: "@ A WEB"}, nil, policy.PrimaryDCVFailed, "0/0"),
	Entry("the challenge is not there", perspectives.HTTP01, site{records: "@ A WEB"}, nil, policy.PrimaryDCVFailed, "0/0"),
	Entry("there is no address", perspectives.HTTP01, site{records: "@ TXT x"}, nil, policy.PrimaryDCVFailed, "0/0"),
	Entry("an alias leads to the web server", perspectives.HTTP01, site{records: "@ CAA 0 issue \"ca.example\"\n@ A WEB\nwww CNAME @\n", challenges: true}, nil, policy.QuorumMet, "3/3"),
	Entry("nobody listens", perspectives.HTTP01, site{records: "@ A WEB", down: true}, nil, policy.PrimaryDCVError, "0/0"),
	Entry("CAA names another CA", perspectives.HTTP01, site{records: "@ A WEB\n@ CAA 0 issue \"other.example\"\n", challenges: true}, nil, policy.PrimaryCAAForbids, "0/0"),
	Entry("an answer is too long for a datagram", perspectives.DNS01, site{records: manyRecords() + "_acme-challenge TXT " + socketDigest}, nil, policy.QuorumMet, "3/3"),
	Entry("the primary is hijacked and no remote", perspectives.HTTP01, site{records: "@ A WEB"}, []string{"primary"}, policy.TooFewCorroborations, "0/3"),
	Entry("the primary and one remote are hijacked", perspectives.HTTP01, site{records: "@ A WEB"}, []string{"primary", "west"}, policy.TooFewCorroborations, "1/3"),
	Entry("all but one are hijacked", perspectives.HTTP01, site{records: "@ A WEB"}, []string{"primary", "frankfurt", "tokyo"}, policy.QuorumMet, "2/3"),
)

// socketDigest is base64url(SHA-256(socketKey)) (RFC 8555 8.4).
const socketDigest = "T6Ig6UaRqT_rp_QKUMoREXdAA2GvhpcEibs0e5S3du0"

// manyRecords makes the answer for _acme-challenge longer than 1232 octets.
func manyRecords() string {
	var b strings.Builder
	for n := range 12 {
		fmt.Fprintf(&b, "_acme-challenge TXT %s%d\n", strings.Repeat("x", 120), n)
	}
	return b.String()
}

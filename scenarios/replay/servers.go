package replay

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/perspectives/resolver"
	"mpicsim/scenarios"
	"mpicsim/sim/names"
	"mpicsim/sim/web"
	"mpicsim/topology"
)

// challenge is the ACME challenge of one check. A real CA draws the token; here
// it follows from the scenario, the seed and the check, so that a replay is
// repeatable.
type challenge struct {
	token, keyAuthorization string
}

// challengeFor returns the challenge of a check; the key authorization ends with
// the applicant's account key thumbprint (RFC 8555 8.1).
func (w *World) challengeFor(c scenarios.CheckEvent) challenge {
	hash := func(what, who string) string {
		sum := sha256.Sum256(fmt.Appendf(nil, "mpicsim/%s/%s/%d/%s", what, w.source.Name, w.routing.Seed, who))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	token := hash("token", c.Name)
	return challenge{token, token + "." + hash("account", c.Applicant)}
}

// messageIDs returns the random numbers that one perspective draws in one check,
// the same in every replay.
func (w *World) messageIDs(check, perspective string) io.Reader {
	return rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "mpicsim/message-ids/%d/%s/%s", w.routing.Seed, check, perspective)))
}

// challenges returns the challenges of all checks that a side applied for.
func (w *World) challenges(side string) []challenge {
	var out []challenge
	for _, e := range w.source.Timeline {
		if e.Check != nil && e.Check.Applicant == side {
			out = append(out, w.challengeFor(*e.Check))
		}
	}
	return out
}

// startServers starts the name space and both sides' web servers.
func (w *World) startServers(ctx context.Context) error {
	for _, start := range []func(context.Context) error{w.startNames, w.startVictimWeb, w.startAttacker, w.startControl} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func port(addrs []netip.Addr, port uint16) []netip.AddrPort {
	out := make([]netip.AddrPort, len(addrs))
	for n, a := range addrs {
		out[n] = netip.AddrPortFrom(a, port)
	}
	return out
}

// zone returns what a side publishes for the victim's domain: its own addresses,
// CAA records, and the answers to its dns-01 challenges.
func (w *World) zone(side string, addrs []netip.Addr, caa []string) string {
	var b strings.Builder
	b.WriteString(lasting(addrs, caa))
	for _, c := range w.challenges(side) {
		sum := sha256.Sum256([]byte(c.keyAuthorization))
		fmt.Fprintf(&b, "_acme-challenge IN TXT %q\n", base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	return b.String()
}

// lasting returns the records that do not depend on checks.
func lasting(addrs []netip.Addr, caa []string) string {
	var b strings.Builder
	for _, a := range addrs {
		kind := "A"
		if a.Is6() {
			kind = "AAAA"
		}
		fmt.Fprintf(&b, "@ IN %s %v\n", kind, a)
	}
	for _, record := range caa {
		fmt.Fprintf(&b, "@ IN CAA %s\n", record)
	}
	return b.String()
}

// nameServers returns the victim's name servers.
func nameServers(s *scenarios.Source) []names.NameServer {
	var out []names.NameServer
	for _, ns := range s.Victim.NameServers {
		out = append(out, names.NameServer{Name: ns.Name, Addrs: []netip.Addr{ns.Address}})
	}
	return out
}

// victimZones returns the domain's zone and, for name servers with names
// elsewhere, the zones of these names.
func victimZones(s *scenarios.Source, records string) []names.ZoneSpec {
	domain, servers := s.Victim.Domain, nameServers(s)
	zones := []names.ZoneSpec{{Origin: domain, NameServers: servers, Records: records, RecordsFile: s.File + ": victim.caa"}}
	seen := []string{domain}
	for _, ns := range s.Victim.NameServers {
		labels := strings.Split(ns.Name, ".")
		origin := strings.Join(labels[max(0, len(labels)-2):], ".")
		if ns.Name == domain || strings.HasSuffix(ns.Name, "."+domain) || slices.Contains(seen, origin) {
			continue
		}
		seen = append(seen, origin)
		zones = append(zones, names.ZoneSpec{Origin: origin, NameServers: servers})
	}
	return zones
}

// nameHost is a host that serves names.
type nameHost struct {
	name  string
	as    topology.ASN
	addr  netip.Addr
	zones []*names.Zone
}

// nameSpace builds the tree from the root to the victim's zones and says who
// serves what.
func (w *World) nameSpace() (*nameSpace, error) {
	s := w.source
	h, err := hierarchy(s, w.zone(scenarios.SideVictim, s.Victim.Web, s.Victim.CAA))
	if err != nil {
		return nil, err
	}
	hosts := []nameHost{{name: hostRoot, as: w.rootAS, addr: rootAddress}, {name: hostTLD, as: w.tldAS, addr: tldAddress}}
	for _, ns := range s.Victim.NameServers {
		hosts = append(hosts, nameHost{name: ns.Name, as: ns.AS, addr: ns.Address})
	}
	for n := range hosts {
		hosts[n].zones = h.ZonesAt(hosts[n].addr)
	}
	var roots []resolver.Root
	for _, r := range h.RootHints {
		roots = append(roots, resolver.Root{Name: r.Name, Addrs: port(r.Addrs, 53)})
	}
	return &nameSpace{hosts, roots, h.TrustAnchor.DS}, nil
}

// nameSpace is the tree from the root to the victim's zones: who serves what, and
// where resolvers begin.
type nameSpace struct {
	hosts   []nameHost
	roots   []resolver.Root
	anchors []string
}

// signing returns how zones are signed, nil if they are not.
func signing(s *scenarios.Source) (*names.SigningSpec, error) {
	if !s.DNS.Signed {
		return nil, nil //nolint:nilnil // what package names takes for unsigned
	}
	date, err := policy.ParseDate(s.CA.Date)
	if err != nil {
		return nil, err
	}
	start := storyStart(date)
	return &names.SigningSpec{
		Seed: fmt.Sprintf("mpicsim/%s/%d", s.Name, s.Routing.Seed), Inception: start.Add(-24 * time.Hour), Expiration: lastDay(start),
	}, nil
}

// hierarchy builds the name space with the records given in the domain's zone.
func hierarchy(s *scenarios.Source, records string) (*names.Hierarchy, error) {
	sign, err := signing(s)
	if err != nil {
		return nil, err
	}
	zones := victimZones(s, records)
	for n := range zones {
		zones[n].Sign = sign
	}
	h, err := names.HierarchySpec{
		Root:            []names.NameServer{{Name: "a.root-servers.net", Addrs: []netip.Addr{rootAddress}}},
		DefaultRegistry: []names.NameServer{{Name: "a.tld-servers.net", Addrs: []netip.Addr{tldAddress}}},
		Zones:           zones,
		Sign:            sign,
	}.Build()
	if err != nil {
		return nil, fmt.Errorf("building the name space: %w", err)
	}
	return h, nil
}

// startNames serves the root, the TLDs and the victim's zones.
func (w *World) startNames(ctx context.Context) error {
	n, err := w.nameSpace()
	if err != nil {
		return err
	}
	w.roots, w.anchors = n.roots, n.anchors
	for _, h := range n.hosts {
		if err := w.serveNames(ctx, h.name, []netip.Addr{h.addr}, h.zones); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) serveNames(ctx context.Context, host string, addrs []netip.Addr, zones []*names.Zone) error {
	server, err := names.Serve(ctx, w.host(host), names.Config{Addrs: port(addrs, 53), Zones: zones})
	if err != nil {
		return fmt.Errorf("name server %q: %w", host, err)
	}
	w.closers = append(w.closers, server.Close)
	return nil
}

func (w *World) startVictimWeb(ctx context.Context) error {
	return w.serveWeb(ctx, hostVictim, scenarios.SideVictim, w.source.Victim.Web)
}

func (w *World) serveWeb(ctx context.Context, host, side string, addrs []netip.Addr) error {
	site := web.Site{Owner: side, Challenges: map[string]string{}, Pages: map[string]web.Page{"/": {Body: "the " + side + "'s page\n"}}}
	for _, c := range w.challenges(side) {
		site.Challenges[c.token] = c.keyAuthorization
	}
	server, err := web.Serve(ctx, w.host(host), web.Config{HTTP: port(addrs, 80), Site: site, DisableKeepAlives: true})
	if err != nil {
		return fmt.Errorf("web server %q: %w", host, err)
	}
	w.closers = append(w.closers, server.Close)
	return nil
}

// startAttacker serves, at the attacker's own address and at every service
// address in a prefix that the attacker takes at some time, what the attacker
// wants to be believed. Packets get there only while routes lead there.
func (w *World) startAttacker(ctx context.Context) error {
	s := w.source
	webAddrs, dnsAddrs := w.services()
	own := []netip.Addr{s.Attacker.Address}
	if err := w.serveWeb(ctx, hostAttacker, scenarios.SideAttacker, append(own, webAddrs...)); err != nil {
		return err
	}
	if err := w.forgeUpper(ctx); err != nil {
		return err
	}
	if len(dnsAddrs) == 0 {
		return nil
	}
	var zones []*names.Zone
	for _, spec := range victimZones(s, w.zone(scenarios.SideAttacker, own, nil)) {
		z, err := spec.Build()
		if err != nil {
			return fmt.Errorf("the attacker's zone: %w", err)
		}
		zones = append(zones, z)
	}
	return w.serveNames(ctx, hostAttacker, dnsAddrs, zones)
}

// forgeUpper serves, at the addresses of upper name servers that the attacker
// takes, a name space of his own: it leads to his own address for everything.
func (w *World) forgeUpper(ctx context.Context) error {
	var addrs []netip.Addr
	for _, u := range w.takenUpper() {
		addrs = append(addrs, u.addr)
	}
	if len(addrs) == 0 {
		return nil
	}
	s := w.source
	own := []netip.Addr{s.Attacker.Address}
	h, err := names.HierarchySpec{
		Root:            []names.NameServer{{Name: "a.root-servers.net", Addrs: []netip.Addr{rootAddress}}},
		DefaultRegistry: []names.NameServer{{Name: "a.tld-servers.net", Addrs: own}},
		Zones: []names.ZoneSpec{{
			Origin: s.Victim.Domain, NameServers: []names.NameServer{{Name: "ns." + s.Victim.Domain, Addrs: own}}, Records: w.zone(scenarios.SideAttacker, own, nil),
		}},
	}.Build()
	if err != nil {
		return fmt.Errorf("the attacker's name space: %w", err)
	}
	if slices.Contains(addrs, rootAddress) {
		if err := w.serveNames(ctx, hostAttacker, []netip.Addr{rootAddress}, h.ZonesAt(rootAddress)); err != nil {
			return err
		}
	}
	at := own
	if slices.Contains(addrs, tldAddress) {
		at = append(at, tldAddress)
	}
	return w.serveNames(ctx, hostAttacker, at, h.ZonesAt(s.Attacker.Address))
}

// checkRequest is what the CA asks its perspectives.
func (w *World) checkRequest(c scenarios.CheckEvent) perspectives.Check {
	ch := w.challengeFor(c)
	return perspectives.Check{
		Domain: w.source.Victim.Domain, Method: perspectives.Method(w.source.CA.Method),
		Token: ch.token, KeyAuthorization: ch.keyAuthorization, IssuerDomains: []string{w.source.CA.Issuer},
		AccountURI: w.source.AccountURI(c.Applicant),
	}
}

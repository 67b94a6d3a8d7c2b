package names

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// HierarchySpec describes a whole name space: what each zone holds and who
// serves it. The delegations between the zones follow from it.
type HierarchySpec struct {
	// Root are the root zone's name servers. Each needs an address.
	Root []NameServer
	// Registries are the zones between the root and the registrants: TLDs, and
	// registries such as "co.uk" where one is wanted.
	Registries []ZoneSpec
	// DefaultRegistry serves the TLDs that Zones lie under and Registries does
	// not list. If it is empty, each TLD must be listed.
	DefaultRegistry []NameServer
	// Zones are the registrants' zones, in any order; one may lie below another.
	Zones []ZoneSpec
	// TTL is for zones that have none of their own; 0 means DefaultTTL.
	TTL time.Duration
	// Sign is for the root, and for registries without a Sign of their own; nil
	// leaves them unsigned. Registrants sign by their own Sign.
	Sign *SigningSpec
}

// Hierarchy is a name space that is ready to be put on hosts.
type Hierarchy struct {
	// RootHints are the root's name servers, for a resolver to start from.
	RootHints []NameServer
	// Placements say what each name server serves, ordered by name.
	Placements []Placement
	// TrustAnchor is the root's, empty if the root is not signed.
	TrustAnchor TrustAnchor

	zones map[string]*Zone // by key of the origin
}

// Placement is one name server and the zones that it has to answer for, the
// ones nearer to the root first.
type Placement struct {
	NameServer
	Zones []*Zone
}

// Zone returns the zone with the given origin, nil if there is none.
func (h *Hierarchy) Zone(origin string) *Zone { return h.zones[key(origin)] }

// ZonesAt returns the zones that the host with this address has to answer for:
// those of all name servers that have the address. The ones nearer to the root
// come first.
func (h *Hierarchy) ZonesAt(addr netip.Addr) []*Zone {
	var zones []*Zone
	for _, p := range h.Placements {
		if slices.Contains(p.Addrs, addr) {
			zones = append(zones, p.Zones...)
		}
	}
	slices.SortFunc(zones, compareZones)
	return slices.Compact(zones)
}

// Build derives the delegations and returns the name space. A zone is delegated
// by the closest zone above it: with an NS record for each of its name servers,
// and glue for those whose names lie below that closest zone. A name server's
// address records stand in the zone that its name lies in. Where the Records of
// the zone above hold NS records for the delegated name already, these stay and
// none are derived; so with address records.
//
// A signed zone gets DS records in the closest zone above it if that one has
// keys too, unless Records there hold DS records for it already.
//
// Build refuses a zone whose name servers nobody could find: one without a known
// address, or one whose name lies in a zone that is not part of the hierarchy.
func (s HierarchySpec) Build() (*Hierarchy, error) {
	b := &treeBuilder{servers: map[string]*serverEntry{}, zones: map[string]*zoneEntry{}, ttl: s.TTL, sign: s.Sign}
	steps := []func(HierarchySpec) error{b.collectZones, b.collectServers, b.settleServers, b.delegate}
	for _, step := range steps {
		if err := step(s); err != nil {
			return nil, fmt.Errorf("name space: %w", err)
		}
	}
	h, err := b.finish()
	if err != nil {
		return nil, fmt.Errorf("name space: %w", err)
	}
	return h, nil
}

// treeBuilder holds what is known so far of a name space.
type treeBuilder struct {
	zones   map[string]*zoneEntry
	order   []*zoneEntry // by origin, the root first
	servers map[string]*serverEntry
	names   []string // the keys of servers, in the order in which they turned up
	ttl     time.Duration
	sign    *SigningSpec // of registries
}

type zoneEntry struct {
	origin   string // as written
	apex     string
	registry bool // the root counts as one
	spec     ZoneSpec
	records  []record
	keys     *keyring // nil if the zone is not signed
	written  *Zone    // from the spec alone, unsigned
	servers  []string // keys
}

type serverEntry struct {
	name     string // as written
	addrs    []netip.Addr
	home     *zoneEntry // the zone that its name lies in
	registry bool       // serves the root or a registry
	zones    []*zoneEntry
}

// collectZones enters every zone, and the TLDs that nobody listed.
func (b *treeBuilder) collectZones(s HierarchySpec) error {
	if len(s.Root) == 0 {
		return errors.New("the root has no name server")
	}
	if err := b.addZone(ZoneSpec{Origin: ".", NameServers: s.Root}, true); err != nil {
		return err
	}
	for _, spec := range s.Registries {
		if err := b.addZone(spec, true); err != nil {
			return err
		}
	}
	for _, spec := range s.Zones {
		if err := b.addZone(spec, false); err != nil {
			return err
		}
	}
	for _, z := range slices.Clone(b.order) {
		tld := z.apex
		for up := tld; up != "" && up != "."; up = parent(up) {
			tld = up
		}
		if b.zones[tld] != nil {
			continue
		}
		if len(s.DefaultRegistry) == 0 {
			return fmt.Errorf("zone %s: nobody serves the top-level domain %s", z.origin, tld)
		}
		if err := b.addZone(ZoneSpec{Origin: tld, NameServers: s.DefaultRegistry}, true); err != nil {
			return err
		}
	}
	slices.SortFunc(b.order, func(x, y *zoneEntry) int { return compareNames(x.apex, y.apex) })
	return nil
}

func (b *treeBuilder) addZone(spec ZoneSpec, registry bool) error {
	origin, err := absolute(spec.Origin)
	if err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	z := &zoneEntry{origin: origin, apex: key(origin), spec: spec, registry: registry}
	if b.zones[z.apex] != nil {
		return fmt.Errorf("zone %s is listed twice", origin)
	}
	if spec.TTL == 0 {
		z.spec.TTL = b.ttl
	}
	if registry && spec.Sign == nil && !spec.Unsigned {
		z.spec.Sign = b.sign
	}
	if z.records, err = z.spec.records(); err != nil {
		return err
	}
	if z.keys, err = z.spec.keyring(); err != nil {
		return err
	}
	if z.written, err = newZone(origin, slices.Clone(z.records)); err != nil {
		return err
	}
	b.zones[z.apex] = z
	b.order = append(b.order, z)
	return nil
}

// collectServers enters the name servers of every zone, from the lists and from
// NS records at the apex, and the addresses that the lists give.
func (b *treeBuilder) collectServers(HierarchySpec) error {
	for _, z := range b.order {
		for _, rr := range z.written.nodes[z.apex].set(dns.TypeNS) {
			target := rr.(*dns.NS).Ns
			entry := b.servers[key(target)]
			if entry == nil {
				entry = &serverEntry{name: target}
				b.servers[key(target)] = entry
				b.names = append(b.names, key(target))
			}
			entry.registry = entry.registry || z.registry
			entry.zones = append(entry.zones, z)
			z.servers = append(z.servers, key(target))
		}
	}
	for _, z := range b.order {
		for _, ns := range z.spec.NameServers {
			name, _ := absolute(ns.Name) // it has become an NS record
			entry := b.servers[key(name)]
			addrs := slices.Clone(ns.Addrs)
			slices.SortFunc(addrs, netip.Addr.Compare)
			addrs = slices.Compact(addrs)
			switch {
			case len(addrs) == 0:
			case entry.addrs == nil:
				entry.addrs = addrs
			case !slices.Equal(entry.addrs, addrs):
				return fmt.Errorf("zone %s: name server %s has the addresses %v, but %v elsewhere", z.origin, name, addrs, entry.addrs)
			}
		}
	}
	return nil
}

// settleServers finds each name server's own zone, and the addresses that were
// not listed.
func (b *treeBuilder) settleServers(HierarchySpec) error {
	for _, name := range b.names {
		s := b.servers[name]
		s.home = b.closest(name)
		if !s.registry && s.home.registry {
			return fmt.Errorf("zone %s: name server %s lies in no registrant's zone; list the zone that it belongs to", s.zones[0].origin, s.name)
		}
		held := s.home.written.addrsOf(name)
		switch {
		case s.addrs == nil && held == nil:
			return fmt.Errorf("zone %s: no address is known for its name server %s", s.zones[0].origin, s.name)
		case s.addrs == nil:
			s.addrs = held
		case held != nil && !slices.Equal(held, s.addrs):
			return fmt.Errorf("zone %s: its records give %s the addresses %v, but it is listed with %v", s.home.origin, s.name, held, s.addrs)
		}
	}
	return nil
}

// addrsOf returns the addresses that the zone's records give a name, ascending.
func (z *Zone) addrsOf(name string) []netip.Addr {
	n := z.nodes[name]
	if n == nil {
		return nil
	}
	var addrs []netip.Addr
	for _, rr := range slices.Concat(n.set(dns.TypeA), n.set(dns.TypeAAAA)) {
		switch rr := rr.(type) {
		case *dns.A:
			if addr, ok := netip.AddrFromSlice(rr.A.To4()); ok {
				addrs = append(addrs, addr)
			}
		case *dns.AAAA:
			if addr, ok := netip.AddrFromSlice(rr.AAAA); ok {
				addrs = append(addrs, addr)
			}
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}

// closest returns the zone that name lies in. The root always is one.
func (b *treeBuilder) closest(name string) *zoneEntry {
	for ; ; name = parent(name) {
		if z := b.zones[name]; z != nil {
			return z
		}
	}
}

// delegate adds NS records and glue to the zone above each zone, and to each
// name server's own zone its addresses.
func (b *treeBuilder) delegate(HierarchySpec) error {
	derived := map[*zoneEntry]*deriver{}
	held := map[string]bool{} // "zone name" pairs that have their addresses
	for _, z := range b.order {
		ttl, _ := ttlSeconds(z.spec.TTL) // checked by addZone
		derived[z] = &deriver{file: "derived for zone " + z.origin, ttl: ttl}
	}
	give := func(z *zoneEntry, server string) error {
		if held[z.apex+" "+server] || !inside(server, z.apex) || z.written.addrsOf(server) != nil {
			return nil
		}
		held[z.apex+" "+server] = true
		return derived[z].addresses(b.servers[server].name, b.servers[server].addrs)
	}
	for _, name := range b.names {
		if err := give(b.servers[name].home, name); err != nil {
			return err
		}
	}
	for _, z := range b.order[1:] {
		above := b.closest(parent(z.apex))
		derived[above].vouch(above, z)
		if n := above.written.nodes[z.apex]; n != nil && n.set(dns.TypeNS) != nil {
			continue
		}
		for _, server := range z.servers {
			derived[above].add(&dns.NS{Hdr: derived[above].header(z.origin, dns.TypeNS), Ns: b.servers[server].name})
			if err := give(above, server); err != nil {
				return err
			}
		}
	}
	for _, z := range b.order {
		z.records = append(z.records, derived[z].records...)
	}
	return nil
}

// vouch adds the DS records of zone z to the zone above it.
func (d *deriver) vouch(above, z *zoneEntry) {
	if above.keys == nil || z.keys == nil || z.keys.spec.Island {
		return
	}
	if n := above.written.nodes[z.apex]; n != nil && n.set(dns.TypeDS) != nil {
		return
	}
	for _, ds := range z.keys.ds {
		ds := *ds
		ds.Hdr = d.header(z.origin, dns.TypeDS)
		d.add(&ds)
	}
}

// finish builds the zones with what was derived for them.
func (b *treeBuilder) finish() (*Hierarchy, error) {
	h := &Hierarchy{zones: map[string]*Zone{}}
	for _, z := range b.order {
		built, err := z.spec.build(z.records, z.keys)
		if err != nil {
			return nil, err
		}
		h.zones[z.apex] = built
	}
	h.TrustAnchor = h.zones["."].TrustAnchor()
	for _, name := range slices.Sorted(slices.Values(b.names)) {
		s := b.servers[name]
		p := Placement{NameServer: NameServer{Name: s.name, Addrs: s.addrs}}
		for _, z := range s.zones {
			p.Zones = append(p.Zones, h.zones[z.apex])
		}
		slices.SortFunc(p.Zones, compareZones)
		h.Placements = append(h.Placements, p)
	}
	for _, name := range b.zones["."].servers {
		s := b.servers[name]
		h.RootHints = append(h.RootHints, NameServer{Name: s.name, Addrs: s.addrs})
	}
	return h, nil
}

// compareZones orders zones by name, those nearer to the root first.
func compareZones(a, b *Zone) int {
	return cmp.Or(cmp.Compare(dns.CountLabel(a.apex), dns.CountLabel(b.apex)), compareNames(a.apex, b.apex))
}

package resolver

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// zone is what a session knows about one zone: its servers and its keys.
type zone struct {
	name      string
	parent    *zone // nil for the root
	endpoints []*endpoint
	// glueless are the address lookups that may still yield more endpoints.
	glueless []question
	// inside are names known to be no delegations of the zone.
	inside map[string]bool
	trust
}

// add adds an endpoint to those of the zone, once.
func (z *zone) add(e *endpoint) {
	if !slices.Contains(z.endpoints, e) {
		z.endpoints = append(z.endpoints, e)
	}
}

// delegation is a referral as received: bailiwick rules applied, limits not.
type delegation struct {
	zone    string
	servers []string // canonical, in the order of the NS records, no duplicates
	glue    []glue   // in the order of the additional section, for any host in bailiwick
	// parent and trust are the zone that delegates and what it makes of this one,
	// once judged.
	parent *zone
	trust  trust
}

type glue struct {
	server string
	addr   netip.Addr
}

// closest returns the deepest zone known that holds the answer to q: the root at
// worst. DS records belong to the zone above the name (RFC 4035 3.1.4.1).
func (s *Session) closest(q question) *zone {
	name := q.name
	if q.qtype == dns.TypeDS {
		name = parentOf(name)
	}
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		if z, ok := s.zones[name[off:]]; ok {
			return z
		}
	}
	return s.zones["."]
}

// learn remembers the servers that a referral names and returns their zone.
func (s *Session) learn(d *delegation) *zone {
	limits := s.r.limits
	z := &zone{name: d.zone, parent: d.parent, trust: d.trust}
	servers := d.servers[:min(len(d.servers), limits.NameServers)]
	addresses := make(map[string]int, len(servers))
	for _, g := range d.glue {
		if slices.Contains(servers, g.server) && addresses[g.server] < limits.Addresses {
			addresses[g.server]++
			z.add(s.endpoint(netip.AddrPortFrom(g.addr, s.r.port)))
		}
	}
	var glueless []string
	for _, name := range servers {
		if addresses[name] == 0 && len(glueless) < limits.Glueless {
			glueless = append(glueless, name)
		}
	}
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		for _, name := range glueless {
			z.glueless = append(z.glueless, question{name, qtype})
		}
	}
	s.zones[z.name] = z
	return z
}

// resolveGlueless looks up the next name server of z that came without glue. The
// entry is removed first, so that name servers that depend on each other come
// to an end.
func (l *lookup) resolveGlueless(ctx context.Context, z *zone, depth int) error {
	q := z.glueless[0]
	z.glueless = z.glueless[1:]
	if depth >= l.r.limits.Depth {
		return fmt.Errorf("name server %s: %w: nested more than %d deep", q.name, ErrLimit, l.r.limits.Depth)
	}
	a, err := l.follow(ctx, q, depth+1)
	if err != nil {
		return fmt.Errorf("name server %s %s: %w", q.name, typeName(q.qtype), err)
	}
	for _, rr := range a.Records[:min(len(a.Records), l.r.limits.Addresses)] {
		if addr, ok := addressOf(rr); ok {
			z.add(l.s.endpoint(netip.AddrPortFrom(addr, l.r.port)))
		}
	}
	return nil
}

// addressOf returns the address in an A or AAAA record.
func addressOf(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		addr, ok := netip.AddrFromSlice(rr.A)
		return addr.Unmap(), ok
	case *dns.AAAA:
		return netip.AddrFromSlice(rr.AAAA)
	}
	return netip.Addr{}, false
}

package resolver

import (
	"net/netip"

	"github.com/miekg/dns"
)

// zone is what a session knows about one zone: its servers and its keys.
type zone struct {
	name   string
	parent *zone // nil for the root
	serverSet
	// inside are names known to be no delegations of the zone.
	inside map[string]bool
	// fullNames is set if its servers did not cope with shortened names.
	fullNames bool
	trust
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
	z := &zone{name: d.zone, parent: d.parent, trust: d.trust}
	z.serverSet = s.serversOf(d)
	s.zones[z.name] = z
	return z
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

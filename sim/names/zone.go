package names

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Zone is the data of one zone. It comes from [ParseZone], [ZoneSpec.Build] or
// [HierarchySpec.Build]; the zero value is not usable.
type Zone struct {
	origin string // as written
	apex   string // key of origin
	soa    *dns.SOA
	nodes  map[string]*node // by key; holds empty non-terminals too
}

// node is one name's records, one RRset for each type, ascending by type. An
// empty non-terminal (RFC 8499) has none.
type node struct {
	sets []rrset
}

// rrset holds records that differ in their data only, in the order in which
// they were written.
type rrset struct {
	rtype uint16
	rrs   []dns.RR
}

// record is a record and where it was written. Line 0 means that it was
// derived, for the reason that file then gives.
type record struct {
	rr   dns.RR
	file string
	line int
}

// errorf returns an error that starts with where the record was written.
func (r record) errorf(format string, args ...any) error {
	h := r.rr.Header()
	at := r.file
	if r.line > 0 {
		at = fmt.Sprintf("%s:%d", r.file, r.line)
	}
	return fmt.Errorf("%s: %s %s: %w", at, h.Name, dns.Type(h.Rrtype), fmt.Errorf(format, args...))
}

// Origin returns the zone's absolute name.
func (z *Zone) Origin() string { return z.origin }

// Text returns the zone as zone-file text with absolute names and one record a
// line: the apex first, then by name from the right-most label on. Equal zones
// have equal texts.
func (z *Zone) Text() string {
	owners := make([]string, 0, len(z.nodes))
	for owner := range z.nodes {
		owners = append(owners, owner)
	}
	slices.SortFunc(owners, compareNames)
	var b strings.Builder
	b.WriteString(z.soa.String() + "\n")
	for _, owner := range owners {
		for _, set := range z.nodes[owner].sets {
			for _, rr := range set.rrs {
				if rr.Header().Rrtype != dns.TypeSOA {
					b.WriteString(rr.String() + "\n")
				}
			}
		}
	}
	return b.String()
}

// compareNames orders keys label by label from the right (RFC 4034 6.1, up to
// escapes).
func compareNames(a, b string) int {
	x, y := dns.SplitDomainName(a), dns.SplitDomainName(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.Compare(x, y)
}

// newZone returns the zone that holds records. Its errors say where the
// offending record was written.
func newZone(origin string, records []record) (*Zone, error) {
	origin, err := absolute(origin)
	if err != nil {
		return nil, fmt.Errorf("zone: %w", err)
	}
	z := &Zone{origin: origin, apex: key(origin), nodes: map[string]*node{}}
	z.nodes[z.apex] = &node{}
	for i, r := range records {
		if why := unservable(r.rr.Header().Rrtype); why != "" {
			return nil, r.errorf("%s", why)
		}
		if r, err = normalise(r); err != nil {
			return nil, err
		}
		if err := z.add(r); err != nil {
			return nil, err
		}
		records[i] = r
	}
	if z.soa == nil {
		return nil, fmt.Errorf("zone %s: no SOA record, want one at the apex", origin)
	}
	if z.nodes[z.apex].set(dns.TypeNS) == nil {
		return nil, fmt.Errorf("zone %s: no NS record at the apex, want at least one", origin)
	}
	targets := z.serverTargets()
	for _, r := range records {
		if err := z.checkPlace(r, targets); err != nil {
			return nil, err
		}
	}
	return z, nil
}

// normalise writes the record as a message and reads it back, so that a name
// has one spelling and everything in the zone is known to fit into a message.
// A record in the format for unknown types (RFC 3597) becomes one of its type.
func normalise(r record) (record, error) {
	buf := make([]byte, dns.MaxMsgSize)
	end, err := dns.PackRR(r.rr, buf, 0, nil, false)
	if err != nil {
		return r, r.errorf("cannot be sent: %w", err)
	}
	rr, _, err := dns.UnpackRR(buf[:end], 0)
	if err != nil {
		return r, r.errorf("cannot be read back: %w", err)
	}
	if rr.Header().Rdlength == 0 {
		return r, r.errorf("no data")
	}
	if _, err := absolute(rr.Header().Name); err != nil {
		return r, r.errorf("%w", err)
	}
	rr.Header().Rdlength = 0
	r.rr = rr
	return r, nil
}

// add checks the record by itself and puts it into its RRset. An exact
// repetition is dropped (RFC 2181 5).
func (z *Zone) add(r record) error {
	h := r.rr.Header()
	owner := key(h.Name)
	switch {
	case h.Class != dns.ClassINET:
		return r.errorf("class %s, want IN", dns.Class(h.Class))
	case !inside(owner, z.apex):
		return r.errorf("outside the zone %s", z.origin)
	case h.Rrtype == dns.TypeSOA && owner != z.apex:
		return r.errorf("SOA record below the apex of %s", z.origin)
	case h.Rrtype == dns.TypeNS && strings.HasPrefix(owner, "*."):
		return r.errorf("NS record at a wildcard has no meaning (RFC 4592 4.2)")
	}
	for up := owner; ; up = parent(up) { // the empty non-terminals above
		if z.nodes[up] == nil {
			z.nodes[up] = &node{}
		}
		if up == z.apex {
			break
		}
	}
	n := z.nodes[owner]
	at, found := slices.BinarySearchFunc(n.sets, h.Rrtype, func(s rrset, t uint16) int { return cmp.Compare(s.rtype, t) })
	if !found {
		n.sets = slices.Insert(n.sets, at, rrset{rtype: h.Rrtype})
	}
	set := &n.sets[at]
	for _, old := range set.rrs {
		if old.Header().Ttl != h.Ttl {
			return r.errorf("TTL %d, but its RRset has %d (RFC 2181 5.2)", h.Ttl, old.Header().Ttl)
		}
		if dns.IsDuplicate(old, r.rr) {
			return nil
		}
		if single(h.Rrtype) {
			return r.errorf("second %s record of this name", dns.Type(h.Rrtype))
		}
	}
	set.rrs = append(set.rrs, r.rr)
	if soa, ok := r.rr.(*dns.SOA); ok {
		z.soa = soa
	}
	return nil
}

// checkPlace refuses a record that contradicts others or that no query can
// ever be answered with. Targets are the keys of the zone's name servers.
func (z *Zone) checkPlace(r record, targets map[string]bool) error {
	h := r.rr.Header()
	owner := key(h.Name)
	n := z.nodes[owner]
	if h.Rrtype == dns.TypeCNAME {
		for _, other := range n.sets {
			if other.rtype != dns.TypeCNAME {
				return r.errorf("stands beside %s; a CNAME must stand alone (RFC 2181 10.1)", dns.Type(other.rtype))
			}
		}
	}
	cut := z.cutAbove(owner)
	switch {
	case cut == "":
		return nil
	case cut == owner && (h.Rrtype == dns.TypeNS || h.Rrtype == dns.TypeDS):
		return nil
	case (h.Rrtype == dns.TypeA || h.Rrtype == dns.TypeAAAA) && targets[owner]:
		return nil // glue
	default:
		return r.errorf("never answered: %s is delegated, and this is not the address of a name server", cut)
	}
}

// serverTargets returns the keys of all names that NS records point to.
func (z *Zone) serverTargets() map[string]bool {
	targets := map[string]bool{}
	for _, n := range z.nodes {
		for _, rr := range n.set(dns.TypeNS) {
			targets[key(rr.(*dns.NS).Ns)] = true
		}
	}
	return targets
}

// cutAbove returns the topmost zone cut at or above owner, "" if there is none:
// a name below the apex that has NS records (RFC 1034 4.2.1).
func (z *Zone) cutAbove(owner string) string {
	cut := ""
	for ; owner != z.apex; owner = parent(owner) {
		if n := z.nodes[owner]; n != nil && n.set(dns.TypeNS) != nil {
			cut = owner
		}
	}
	return cut
}

// set returns the records of one type, nil if there are none.
func (n *node) set(rtype uint16) []dns.RR {
	for _, s := range n.sets {
		if s.rtype == rtype {
			return s.rrs
		}
	}
	return nil
}

// single says whether an RRset of this type has at most one record.
func single(rtype uint16) bool { return rtype == dns.TypeSOA || rtype == dns.TypeCNAME }

// unservable says why records of a type cannot be in a zone, "" if they can.
func unservable(rtype uint16) string {
	switch rtype {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
		return "signed zones are not modelled"
	case dns.TypeDNAME:
		return "DNAME (RFC 6672) is not modelled"
	}
	if rtype == 0 || rtype == dns.TypeOPT || rtype >= 128 && rtype <= 255 {
		return "not a type of data (RFC 6895 3.1)"
	}
	return ""
}

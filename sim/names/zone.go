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

	negativeSOA rrset // as negative answers have it
	behaviour   Behaviour
	anchor      TrustAnchor // empty if the zone has no keys
	denial      denial      // nil if the zone is not signed
	silent      bool        // does not show its proofs
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
	sigs  []dns.RR // its RRSIG records, if it is signed
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

// TrustAnchor returns what a validator that starts at this zone has to know. It
// is empty if the zone is not signed.
func (z *Zone) TrustAnchor() TrustAnchor { return z.anchor }

// Text returns the zone as zone-file text with absolute names and one record a
// line: the apex first, then by name in canonical order, NSEC3 records last.
// Equal zones have equal texts.
func (z *Zone) Text() string {
	var b strings.Builder
	write := func(set *rrset) {
		for _, rr := range slices.Concat(set.rrs, set.sigs) {
			if rr.Header().Rrtype != dns.TypeSOA {
				b.WriteString(rr.String() + "\n")
			}
		}
	}
	b.WriteString(z.soa.String() + "\n")
	for _, owner := range z.owners() {
		for i := range z.nodes[owner].sets {
			write(&z.nodes[owner].sets[i])
		}
	}
	if z.denial != nil {
		for _, set := range z.denial.sets() {
			write(set)
		}
	}
	return b.String()
}

// owners returns the keys of all nodes in canonical order, the apex first.
func (z *Zone) owners() []string {
	owners := make([]string, 0, len(z.nodes))
	for owner := range z.nodes {
		owners = append(owners, owner)
	}
	slices.SortFunc(owners, compareNames)
	return owners
}

// compareNames orders keys canonically (RFC 4034 6.1).
func compareNames(a, b string) int { return strings.Compare(canonical(a), canonical(b)) }

// canonical returns octets that sort as the names do by RFC 4034 6.1: the labels
// from the right, each with an end that comes before all of its octets.
func canonical(name string) string {
	wire := make([]byte, 256)
	end, err := dns.PackDomainName(name, wire, 0, nil, false)
	if err != nil {
		return name // no key is like that
	}
	var labels [][]byte
	for rest := wire[:end]; len(rest) > 1; rest = rest[1+rest[0]:] {
		labels = append(labels, rest[1:1+rest[0]])
	}
	out := make([]byte, 0, end+8)
	for _, label := range slices.Backward(labels) {
		for _, b := range label {
			if b <= 1 { // 0 is the end, and 1 the sign of these two
				out = append(out, 1)
				b++
			}
			out = append(out, b)
		}
		out = append(out, 0)
	}
	return string(out)
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
	z.negativeSOA = z.makeNegativeSOA()
	return z, nil
}

// makeNegativeSOA returns the SOA record for negative answers. Its TTL is how
// long these may be cached (RFC 2308 3), that of its signatures the same (RFC
// 4034 3).
func (z *Zone) makeNegativeSOA() rrset {
	set := *z.nodes[z.apex].rrset(dns.TypeSOA)
	ttl := min(z.soa.Hdr.Ttl, z.soa.Minttl)
	for _, list := range []*[]dns.RR{&set.rrs, &set.sigs} {
		*list = slices.Clone(*list)
		for i, rr := range *list {
			(*list)[i] = dns.Copy(rr)
			(*list)[i].Header().Ttl = ttl
		}
	}
	return set
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
	case h.Rrtype == dns.TypeDNAME && strings.HasPrefix(owner, "*."):
		return r.errorf("DNAME record at a wildcard has no settled meaning (RFC 6672 3.3)")
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
	if above := z.redirectAbove(owner); above != "" {
		return r.errorf("never answered: %s has a DNAME record (RFC 6672 2.4)", above)
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

// redirectAbove returns a name inside the zone and above owner that has a DNAME
// record, "" if there is none.
func (z *Zone) redirectAbove(owner string) string {
	for owner != z.apex {
		owner = parent(owner)
		if n := z.nodes[owner]; n != nil && n.set(dns.TypeDNAME) != nil {
			return owner
		}
	}
	return ""
}

// rrset returns the RRset of one type, nil if there is none.
func (n *node) rrset(rtype uint16) *rrset {
	for i := range n.sets {
		if n.sets[i].rtype == rtype {
			return &n.sets[i]
		}
	}
	return nil
}

// set returns the records of one type, nil if there are none.
func (n *node) set(rtype uint16) []dns.RR {
	if s := n.rrset(rtype); s != nil {
		return s.rrs
	}
	return nil
}

// single says whether an RRset of this type has at most one record.
func single(rtype uint16) bool {
	return rtype == dns.TypeSOA || rtype == dns.TypeCNAME || rtype == dns.TypeDNAME
}

// unservable says why records of a type cannot be in a zone, "" if they can.
func unservable(rtype uint16) string {
	switch rtype {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
		return "is made by signing (ZoneSpec.Sign) and not read"
	}
	if rtype == 0 || rtype == dns.TypeOPT || rtype >= 128 && rtype <= 255 {
		return "not a type of data (RFC 6895 3.1)"
	}
	return ""
}

package names

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// Outcome says which kind of answer a query got.
type Outcome uint8

// The outcomes. An Alias is a CNAME chain whose last name the zone does not
// hold: the resolver asks elsewhere, or the chain is a loop.
const (
	Answered     Outcome = iota // records of the asked type
	Alias                       // CNAME records only
	NoData                      // the name exists, the type does not (RFC 2308 2.2)
	NameError                   // the name does not exist (RFC 2308 2.1)
	Referral                    // the name lies in a delegated zone (RFC 1034 4.3.1)
	Refused                     // outside the server's zones, or a kind of query that is not served
	Malformed                   // FORMERR, NOTIMP or BADVERS: the query itself
	ServerFailed                // SERVFAIL: the answer does not fit into 65535 octets
)

//nolint:gochecknoglobals // immutable table
var outcomeNames = [...]string{"answer", "alias", "nodata", "nxdomain", "referral", "refused", "malformed", "servfail"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// answer is what a zone says to one question, before it is a message.
type answer struct {
	outcome       Outcome
	rcode         int
	authoritative bool
	answer        []dns.RR
	authority     []dns.RR
	additional    []dns.RR
}

// lookup answers a question by RFC 1034 4.3.2, steps 3 and 4. Qname is as
// asked, and inside the zone. The records it returns are shared and must not be
// changed.
func (z *Zone) lookup(qname string, qtype uint16) answer {
	a := answer{authoritative: true}
	for seen := map[string]bool{}; ; {
		name := key(qname)
		if seen[name] {
			a.outcome = Alias
			return a
		}
		seen[name] = true
		at, n := z.find(name)
		switch {
		case n == nil:
			return z.negative(a, NameError)
		case z.isCut(at, n) && (qtype != dns.TypeDS || at != name):
			return z.refer(a, n)
		}
		if rrs := n.matching(qtype); rrs != nil {
			a.outcome = Answered
			a.answer = append(a.answer, z.owned(rrs, at, qname)...)
			if qtype == dns.TypeNS {
				a.additional = z.addresses(rrs)
			}
			return a
		}
		alias := n.set(dns.TypeCNAME)
		if alias == nil {
			return z.negative(a, NoData)
		}
		a.answer = append(a.answer, z.owned(alias, at, qname)...)
		qname = alias[0].(*dns.CNAME).Target
		if !inside(key(qname), z.apex) {
			a.outcome = Alias
			return a
		}
	}
}

// find walks from the apex down to name. It returns the topmost zone cut at or
// above name, else the node of the name itself, else that of the wildcard which
// covers it (RFC 4592 3.3.1), with the key under which the node stands; a nil
// node means that the name does not exist.
func (z *Zone) find(name string) (at string, n *node) {
	at, n = z.apex, z.nodes[z.apex]
	starts := dns.Split(name)
	for i := len(starts) - dns.CountLabel(z.apex) - 1; i >= 0; i-- {
		encloser := at
		at = name[starts[i]:]
		n = z.nodes[at]
		if n == nil {
			at = child("*", encloser)
			return at, z.nodes[at]
		}
		if z.isCut(at, n) {
			return at, n
		}
	}
	return at, n
}

// isCut says whether the node n at key at begins a delegated zone.
func (z *Zone) isCut(at string, n *node) bool { return at != z.apex && n.set(dns.TypeNS) != nil }

// matching returns the records that answer a question for qtype. ANY is
// answered with all of the name's records.
func (n *node) matching(qtype uint16) []dns.RR {
	if qtype != dns.TypeANY {
		return n.set(qtype)
	}
	var all []dns.RR
	for _, s := range n.sets {
		all = append(all, s.rrs...)
	}
	return all
}

// owned returns the records of the node at key at as the answer for qname: the
// zone's own records, or copies owned by qname if a wildcard made them.
func (z *Zone) owned(rrs []dns.RR, at, qname string) []dns.RR {
	if key(qname) == at {
		return rrs
	}
	out := make([]dns.RR, len(rrs))
	for i, rr := range rrs {
		out[i] = dns.Copy(rr)
		out[i].Header().Name = qname
	}
	return out
}

// negative completes an answer that ends at a name without records of the
// type. The SOA record's TTL is how long that may be cached (RFC 2308 3). The
// response code is that of the last name in the chain (RFC 6604 3).
func (z *Zone) negative(a answer, outcome Outcome) answer {
	a.outcome = outcome
	if outcome == NameError {
		a.rcode = dns.RcodeNameError
	}
	soa := dns.Copy(z.soa)
	soa.Header().Ttl = min(z.soa.Hdr.Ttl, z.soa.Minttl)
	a.authority = []dns.RR{soa}
	return a
}

// refer completes an answer with the name servers of the delegated zone cut
// and their addresses as far as this zone knows them: glue below the cut, glue
// of sibling zones, and the zone's own records (RFC 9471). The answer is
// authoritative only for the CNAME records that led here.
func (z *Zone) refer(a answer, cut *node) answer {
	a.outcome = Referral
	a.authoritative = len(a.answer) > 0
	a.authority = cut.set(dns.TypeNS)
	a.additional = z.addresses(a.authority)
	return a
}

// addresses returns the addresses that the zone holds for the targets of NS
// records, in their order.
func (z *Zone) addresses(servers []dns.RR) []dns.RR {
	var out []dns.RR
	for _, rr := range servers {
		target := rr.(*dns.NS).Ns
		if n := z.nodes[key(target)]; n != nil {
			out = slices.Concat(out, n.set(dns.TypeA), n.set(dns.TypeAAAA))
		}
	}
	return out
}

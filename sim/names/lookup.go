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
	ServerFailed                // SERVFAIL: the answer does not fit into 65535 octets, or a [ServFail]
	NameTooLong                 // YXDOMAIN: a DNAME record leads to no legal name (RFC 6672 2.2)
	Dropped                     // no reply: a [Drop]
)

//nolint:gochecknoglobals // immutable table
var outcomeNames = [...]string{"answer", "alias", "nodata", "nxdomain", "referral", "refused", "malformed", "servfail", "yxdomain", "dropped"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// question is what a query asks for. Name is as asked.
type question struct {
	name   string
	qtype  uint16
	dnssec bool // the DO bit (RFC 3225)
}

// answer is what a zone says to one question, before it is a message.
type answer struct {
	outcome       Outcome
	rcode         int
	authoritative bool
	dnssec        bool // with signatures and proofs
	answer        []dns.RR
	authority     []dns.RR
	additional    []dns.RR
	courtesy      []dns.RR // signatures of additional records, the first to be left out
	proofs        []*rrset // those in authority
}

// spot is where the way down from the apex to a name ends.
type spot struct {
	// At is the key under which the node stands.
	at string
	// N is the topmost zone cut at or above the name, or the topmost node above
	// it with a DNAME record, or the name's own node, or that of the wildcard
	// which covers it; nil if the name does not exist.
	n *node
	// Encloser is the closest ancestor that exists (RFC 4592 3.3.1), if the name
	// itself does not; else "".
	encloser string
}

// lookup answers a question inside the zone by RFC 1034 4.3.2, steps 3 and 4,
// and RFC 6672 3.2. The records it returns are shared and must not be changed.
func (z *Zone) lookup(q question) answer {
	a := answer{authoritative: true, dnssec: q.dnssec && z.denial != nil}
	qname := q.name
	for seen := map[string]bool{}; ; {
		name := key(qname)
		if seen[name] {
			a.outcome = Alias
			return a
		}
		seen[name] = true
		s := z.find(name)
		switch {
		case s.n == nil:
			return z.negative(a, NameError, name, s)
		case z.isCut(s.at, s.n) && (q.qtype != dns.TypeDS || s.at != name):
			return z.refer(a, s)
		case s.encloser != "":
			z.prove(&a, denial.noCloser, name, s.encloser)
		}
		var target string
		if redirect := s.n.rrset(dns.TypeDNAME); redirect != nil && s.at != name && s.encloser == "" {
			a.addAnswer(*redirect)
			alias, ok := synthesise(redirect.rrs[0].(*dns.DNAME), qname)
			if !ok {
				a.outcome, a.rcode = NameTooLong, dns.RcodeYXDomain
				return a
			}
			a.answer = append(a.answer, alias)
			target = alias.Target
		} else {
			if sets := s.n.matching(q.qtype); sets != nil {
				for _, set := range sets {
					a.addAnswer(set.ownedBy(qname, s.at))
				}
				a.outcome = Answered
				if q.qtype == dns.TypeNS {
					z.addAddresses(&a, s.n.set(dns.TypeNS))
				}
				return a
			}
			alias := s.n.rrset(dns.TypeCNAME)
			if alias == nil {
				return z.negative(a, NoData, name, s)
			}
			a.addAnswer(alias.ownedBy(qname, s.at))
			target = alias.rrs[0].(*dns.CNAME).Target
		}
		if qname = target; !inside(key(qname), z.apex) {
			a.outcome = Alias
			return a
		}
	}
}

// find walks from the apex down to name.
func (z *Zone) find(name string) spot {
	s := spot{at: z.apex, n: z.nodes[z.apex]}
	starts := dns.Split(name)
	for i := len(starts) - dns.CountLabel(z.apex) - 1; i >= 0; i-- {
		if s.n.rrset(dns.TypeDNAME) != nil {
			return s
		}
		above := s.at
		s.at = name[starts[i]:]
		s.n = z.nodes[s.at]
		if s.n == nil {
			wildcard := child("*", above)
			return spot{at: wildcard, n: z.nodes[wildcard], encloser: above}
		}
		if z.isCut(s.at, s.n) {
			return s
		}
	}
	return s
}

// isCut says whether the node n at key at begins a delegated zone.
func (z *Zone) isCut(at string, n *node) bool { return at != z.apex && n.set(dns.TypeNS) != nil }

// matching returns the RRsets that answer a question for qtype. ANY is answered
// with all that the name has; signatures are like other data then, and come with
// or without the DO bit (RFC 4035 3.1).
func (n *node) matching(qtype uint16) []rrset {
	if qtype != dns.TypeANY && qtype != dns.TypeRRSIG {
		if set := n.rrset(qtype); set != nil {
			return []rrset{*set}
		}
		return nil
	}
	var all []rrset
	for _, s := range n.sets {
		if qtype == dns.TypeANY {
			all = append(all, rrset{rtype: s.rtype, rrs: s.rrs})
		}
		if s.sigs != nil {
			all = append(all, rrset{rtype: dns.TypeRRSIG, rrs: s.sigs})
		}
	}
	return all
}

// ownedBy returns the RRset of the node at key at as the answer for qname: the
// zone's own records, or copies owned by qname if a wildcard made them. The
// signatures' label counts go on saying which (RFC 4035 5.3.2).
func (s rrset) ownedBy(qname, at string) rrset {
	if key(qname) == at {
		return s
	}
	for _, list := range []*[]dns.RR{&s.rrs, &s.sigs} {
		*list = slices.Clone(*list)
		for i, rr := range *list {
			(*list)[i] = dns.Copy(rr)
			(*list)[i].Header().Name = qname
		}
	}
	return s
}

// addAnswer puts an RRset into the answer section.
func (a *answer) addAnswer(set rrset) {
	a.answer = append(a.answer, set.rrs...)
	if a.dnssec {
		a.answer = append(a.answer, set.sigs...)
	}
}

// addAuthority puts an RRset into the authority section.
func (a *answer) addAuthority(set rrset) {
	a.authority = append(a.authority, set.rrs...)
	if a.dnssec {
		a.authority = append(a.authority, set.sigs...)
	}
}

// prove adds the records of a proof that are not there yet.
func (z *Zone) prove(a *answer, how func(d denial, name, encloser string) []*rrset, name, encloser string) {
	if !a.dnssec || z.silent {
		return
	}
	for _, set := range how(z.denial, name, encloser) {
		if !slices.Contains(a.proofs, set) {
			a.proofs = append(a.proofs, set)
			a.addAuthority(*set)
		}
	}
}

// negative completes an answer that ends at a name without records of the
// type. The response code is that of the last name in the chain (RFC 6604 3).
func (z *Zone) negative(a answer, outcome Outcome, name string, s spot) answer {
	a.outcome = outcome
	a.addAuthority(z.negativeSOA)
	switch {
	case outcome == NameError:
		a.rcode = dns.RcodeNameError
		z.prove(&a, denial.nameError, name, s.encloser)
	case s.encloser != "":
		z.prove(&a, denial.wildcardNoData, name, s.encloser)
	default:
		z.prove(&a, noData, name, "")
	}
	return a
}

// noData has the signature of the other proofs.
func noData(d denial, name, _ string) []*rrset { return d.noData(name) }

// refer completes an answer with the name servers of the delegated zone s
// and their addresses as far as this zone knows them: glue below the cut, glue
// of sibling zones, and the zone's own records (RFC 9471). The answer is
// authoritative only for the CNAME records that led here. How the child is
// signed, or that it is not, is authoritative too (RFC 4035 3.1.4).
func (z *Zone) refer(a answer, s spot) answer {
	a.outcome = Referral
	a.authoritative = len(a.answer) > 0
	a.addAuthority(rrset{rrs: s.n.set(dns.TypeNS)})
	if ds := s.n.rrset(dns.TypeDS); ds != nil && a.dnssec {
		a.addAuthority(*ds)
	} else {
		z.prove(&a, noData, s.at, "")
	}
	z.addAddresses(&a, s.n.set(dns.TypeNS))
	return a
}

// addAddresses adds the addresses that the zone holds for the targets of NS
// records, in their order.
func (z *Zone) addAddresses(a *answer, servers []dns.RR) {
	for _, rr := range servers {
		n := z.nodes[key(rr.(*dns.NS).Ns)]
		if n == nil {
			continue
		}
		for _, rtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
			if set := n.rrset(rtype); set != nil {
				a.additional = append(a.additional, set.rrs...)
				if a.dnssec {
					a.courtesy = append(a.courtesy, set.sigs...)
				}
			}
		}
	}
}

// synthesise returns the CNAME record that a DNAME record makes for a name below
// its own (RFC 6672 2.2, 3.1), false if the target is too long a name. Nobody
// signs it: it follows from the DNAME record.
func synthesise(d *dns.DNAME, qname string) (*dns.CNAME, bool) {
	starts := dns.Split(qname)
	prefix := qname[:starts[len(starts)-dns.CountLabel(d.Hdr.Name)]]
	if d.Hdr.Name == "." {
		prefix = qname
	}
	target := prefix + d.Target
	if d.Target == "." {
		target = prefix
	}
	target, err := absolute(target)
	if err != nil {
		return nil, false
	}
	return &dns.CNAME{
		Hdr:    dns.RR_Header{Name: qname, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: d.Hdr.Ttl},
		Target: target,
	}, true
}

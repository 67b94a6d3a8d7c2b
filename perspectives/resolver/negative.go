package resolver

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// negative judges m, the reply of a server of zone to q that has neither records
// nor aliases for q nor a referral towards it. It returns what m denies, or an error
// if m denies nothing. That there are no CAA records is permission, so a denial must
// come from the servers that the zone was delegated to, in the form in which they
// deny, or else from all of them alike:
//
//	what comes                                       what it is
//	AA, SOA of the zone or of one below it that      denial: of the name (NXDOMAIN) or of the
//	holds the name (RFC 2308 2.1, 2.2)               type (NODATA)
//	NSEC or NSEC3 records of a Secure zone that      denial, whatever else is missing; [lookup.judge]
//	prove it (RFC 4035 5.4, RFC 5155 8)              sees to it
//	AA, NXDOMAIN for the zone's own name, which      weak denial
//	exists, since it was delegated (RFC 4074 4.2)
//	AA, no SOA, authority section empty or with      weak denial (RFC 2308 2.1.1, 2.2: old servers
//	the zone's own NS records                        do so; load balancers for types they do not know)
//	no AA, no RA, SOA as above                       weak denial
//	no AA, RA                                        hearsay: lame unless it is proven as above
//	no AA, no SOA                                    lame (RFC 1034 4.3.2: denials are authoritative)
//	SOA of a zone above, or that does not hold the   lame: the server speaks for another zone than
//	name                                             the one that it was delegated
//	NS records of a zone above or beside             lame: a referral that leads away (RFC 1034 4.3.2)
//	NXDOMAIN with records at the name or below it    malformed: it contradicts itself
//	records in the zone of the type asked for, of    malformed: it contradicts itself. The server may
//	any name and class, if they are not glue or      have forgotten to expand a wildcard, say
//	proof of something else
//	no SOA, records of the zone about other names    malformed: an answer to another question
//	or types in the answer section
//	any other Rcode                                  failure: nothing is denied (RFC 2308 7.1)
//	anything in a reply that is truncated or ends    truncated, malformed: not an answer
//	early
//
// A weak denial is believed if all servers of the zone make it ([poll.settled]):
// resolvers that ask others first do so, too, and one broken server cannot hide the
// records that the others have. NXDOMAIN behind an alias is about the last name of
// the chain (RFC 6604 2), which is asked for by itself.
func negative(m *dns.Msg, zone string, q question) (reply, error) {
	rep := reply{kind: answered, rcode: m.Rcode}
	if m.Rcode == dns.RcodeNameError && slices.ContainsFunc(m.Answer, func(rr dns.RR) bool {
		return within(q.name, rr.Header().Name)
	}) {
		return reply{}, fmt.Errorf("%w: NXDOMAIN with records at %s", ErrMalformed, q.name)
	}
	if offers(m, zone, q.qtype) {
		return reply{}, fmt.Errorf("%w: a denial with %s records in it", ErrMalformed, typeName(q.qtype))
	}
	soa, ns := authorityOf(m, zone, q.name)
	switch {
	case !m.Authoritative && m.RecursionAvailable:
		rep.hearsay = true
	case soa == ours && !m.Authoritative:
		rep.weak = "a denial that is not authoritative"
	case soa == ours && m.Rcode == dns.RcodeNameError && q.name == zone:
		rep.weak = "NXDOMAIN for the name of the zone itself"
	case soa == ours:
	case soa == foreign:
		return reply{}, fmt.Errorf("%w: a denial with the SOA record of another zone than %s", ErrLame, zone)
	case !m.Authoritative:
		return reply{}, fmt.Errorf("%w: neither an authoritative answer nor a referral below %s", ErrLame, zone)
	case ns == foreign:
		return reply{}, fmt.Errorf("%w: a referral that leads away from %s", ErrLame, zone)
	case slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return within(zone, rr.Header().Name) }):
		return reply{}, fmt.Errorf("%w: an answer to another question", ErrMalformed)
	default:
		rep.weak = "a denial without SOA record"
	}
	return rep, nil
}

// errRecursive: the server looked it up, or has it in its cache. What it says is not
// what the zone's servers say to this perspective.
var errRecursive = fmt.Errorf("%w: the word of a recursive server (RA without AA)", ErrLame)

// whose says which zone the records of a type in an authority section belong to.
type whose uint8

const (
	nobodys whose = iota // there are none
	ours                 // the zone asked, or for SOA records one below it that holds the name
	foreign
)

// authorityOf says whose SOA and NS records the authority section has. One that is
// ours outweighs foreign SOA records, and a foreign one ours among NS records.
func authorityOf(m *dns.Msg, zone, name string) (soa, ns whose) {
	for _, rr := range m.Ns {
		h := rr.Header()
		if h.Class != dns.ClassINET {
			continue
		}
		switch h.Rrtype {
		case dns.TypeSOA:
			if within(zone, h.Name) && within(h.Name, name) {
				soa = ours
			} else if soa == nobodys {
				soa = foreign
			}
		case dns.TypeNS:
			if h.Name != zone {
				ns = foreign
			} else if ns == nobodys {
				ns = ours
			}
		}
	}
	return soa, ns
}

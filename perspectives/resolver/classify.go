package resolver

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

type replyKind uint8

const (
	answered replyKind = iota // records, NXDOMAIN or NODATA
	aliased                   // the question goes on at the last of cnames
	referral                  // the servers of a zone further down
)

// reply is what one message says, judged.
type reply struct {
	kind       replyKind
	records    []dns.RR
	cnames     []string
	rcode      int
	delegation *delegation
	server     netip.AddrPort
	zone       string
	// hearsay is set if a recursive server said it (RA without AA).
	hearsay bool
	// weak says why what the reply denies needs the agreement of all servers of the
	// zone, "" if it does not.
	weak string

	// sets are the record sets that cnames and records come from, in order.
	sets []rrset
	// status, ede and steps are what validation says.
	status Status
	ede    []EDE
	steps  []step
	// cut is what an answer about DS records makes of the name, nil if it is no
	// delegation.
	cut *trust
}

// classify judges m as the reply of a server of zone to q, which lies in zone.
// Data outside zone is ignored. It returns ErrServerFailure, ErrLame, ErrTruncated
// or ErrMalformed if another server should be asked.
//
// Records without AA are believed: there are servers of zones that forget the flag,
// and to tell the records of a server that was delegated the zone wrong takes
// signatures. If RA shows that a recursive server gave them, they are hearsay.
//
// It takes time in proportion to the size of m. More than aliases aliases are
// ErrLimit.
func classify(m *dns.Msg, zone string, q question, aliases int) (reply, error) {
	if err := whole(m); err != nil {
		return reply{}, err
	}
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return reply{}, fmt.Errorf("%w: %s", ErrServerFailure, rcodeName(m.Rcode))
	}
	rep, found, err := fromAnswer(m, zone, q, aliases)
	if err != nil {
		return reply{}, err
	}
	if found && rep.kind == answered && m.Rcode == dns.RcodeNameError {
		return reply{}, fmt.Errorf("%w: NXDOMAIN with records of %s %s", ErrMalformed, q.name, typeName(q.qtype))
	}
	if !found || !m.Authoritative { // what comes with a referral and without AA may be glue
		soa, _ := authorityOf(m, zone, q.name)
		d := referralIn(m, zone, q.name)
		switch {
		case d == nil, m.Rcode != dns.RcodeSuccess, m.Authoritative && soa == ours:
		case q.qtype == dns.TypeDS && d.zone == q.name: // RFC 4035 3.1.4.1
			return reply{}, fmt.Errorf("%w: the parent's server refers a question for DS to the child", ErrLame)
		default:
			return reply{kind: referral, delegation: d}, nil
		}
	}
	if !found {
		return negative(m, zone, q)
	}
	rep.hearsay = !m.Authoritative && m.RecursionAvailable
	return rep, nil
}

// fromAnswer follows the aliases in the answer section as far as they stay in
// zone, and no further than limit of them. found is false if the section has nothing
// about q.
func fromAnswer(m *dns.Msg, zone string, q question, limit int) (rep reply, found bool, err error) {
	answer := indexed(m.Answer)
	at := q.name
	for within(zone, at) {
		target, set, err := answer.dnameAbove(zone, at)
		if err != nil {
			return reply{}, false, err
		}
		if target != "" && q.qtype == dns.TypeCNAME { // the alias itself is wanted
			rep.kind, rep.sets = answered, append(rep.sets, set)
			rep.records = []dns.RR{synthesised(at, target, set.records[0].Header().Ttl)}
			return rep, true, nil
		}
		if target == "" {
			if sets := setsFor(answer.at(at), at, q.qtype); len(sets) > 0 {
				rep.kind, rep.rcode, rep.sets = answered, dns.RcodeSuccess, append(rep.sets, sets...)
				for _, s := range sets {
					rep.records = append(rep.records, s.records...)
				}
				return rep, true, nil
			}
			if target, set, err = cnameAt(answer.at(at), at); err != nil {
				return reply{}, false, err
			}
		}
		if target == "" {
			break
		}
		if slices.Contains(rep.cnames, target) || target == q.name {
			return reply{}, false, fmt.Errorf("%w: %s leads back to %s", ErrLoop, at, target)
		}
		if len(rep.cnames) == limit {
			return reply{}, false, &aliasError{limit, q.name}
		}
		rep.cnames, rep.sets = append(rep.cnames, target), append(rep.sets, set)
		at = target
	}
	rep.kind = aliased
	return rep, len(rep.cnames) > 0, nil
}

// setsFor returns the record set of type qtype at owner, or all but signatures
// for ANY (RFC 6840 4.2).
func setsFor(section []dns.RR, owner string, qtype uint16) []rrset {
	if qtype != dns.TypeANY {
		if set := setAt(section, owner, qtype); len(set.records) > 0 {
			return []rrset{set}
		}
		return nil
	}
	var sets []rrset
	place := make(map[uint16]int) // of each type in sets
	var sigs []*dns.RRSIG
	for _, rr := range section {
		h := rr.Header()
		if h.Name != owner || h.Class != dns.ClassINET {
			continue
		}
		if sig, ok := rr.(*dns.RRSIG); ok {
			sigs = append(sigs, sig)
			continue
		}
		i, known := place[h.Rrtype]
		if !known {
			i = len(sets)
			place[h.Rrtype] = i
			sets = append(sets, rrset{owner: owner, rrtype: h.Rrtype})
		}
		sets[i].records = append(sets[i].records, rr)
	}
	for _, sig := range sigs {
		if i, known := place[sig.TypeCovered]; known {
			sets[i].sigs = append(sets[i].sigs, sig)
		}
	}
	return sets
}

// cnameAt returns the target of the CNAME record at owner, "" if there is none.
func cnameAt(section []dns.RR, owner string) (target string, set rrset, err error) {
	set = setAt(section, owner, dns.TypeCNAME)
	if len(set.records) == 0 {
		return "", rrset{}, nil
	}
	target = aliasTarget(set.records[0])
	if slices.ContainsFunc(set.records, func(rr dns.RR) bool { return aliasTarget(rr) != target }) {
		return "", rrset{}, fmt.Errorf("%w: several different CNAME records at %s", ErrMalformed, owner)
	}
	return target, set, nil
}

func aliasTarget(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.CNAME:
		return dns.CanonicalName(rr.Target)
	case *dns.DNAME:
		return dns.CanonicalName(rr.Target)
	}
	return ""
}

// recordsAt returns the records of class IN with the owner and type given.
func recordsAt(section []dns.RR, owner string, rrtype uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range section {
		if h := rr.Header(); h.Class == dns.ClassINET && h.Rrtype == rrtype && h.Name == owner {
			out = append(out, rr)
		}
	}
	return out
}

// referralIn returns the delegation in m that leads from zone towards name, nil
// if there is none. Glue is believed only for name servers in zone; a server that is
// asked for the address of a name server gives it as the answer.
func referralIn(m *dns.Msg, zone, name string) *delegation {
	d := &delegation{}
	known := make(map[string]bool)
	for _, rr := range m.Ns {
		ns, ok := rr.(*dns.NS)
		if !ok || ns.Hdr.Class != dns.ClassINET {
			continue
		}
		owner := dns.CanonicalName(ns.Hdr.Name)
		if owner == zone || !within(zone, owner) || !within(owner, name) {
			continue
		}
		if d.zone == "" {
			d.zone = owner
		}
		server := dns.CanonicalName(ns.Ns)
		if owner == d.zone && !known[server] {
			known[server] = true
			d.servers = append(d.servers, server)
		}
	}
	if d.zone == "" {
		return nil
	}
	for _, rr := range slices.Concat(m.Extra, m.Answer) {
		addr, ok := addressOf(rr)
		owner := dns.CanonicalName(rr.Header().Name)
		if ok && rr.Header().Class == dns.ClassINET && within(zone, owner) {
			d.glue = append(d.glue, glue{owner, addr})
		}
	}
	return d
}

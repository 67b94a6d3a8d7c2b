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
}

// classify judges m as the reply of a server of zone to q, which lies in zone.
// Data outside zone is ignored. It returns ErrServerFailure, ErrLame or
// ErrMalformed if another server should be asked.
func classify(m *dns.Msg, zone string, q question) (reply, error) {
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return reply{}, fmt.Errorf("%w: %s", ErrServerFailure, rcodeName(m.Rcode))
	}
	if err := wellFormed(m); err != nil {
		return reply{}, err
	}
	rep, found, err := fromAnswer(m, zone, q)
	if err != nil {
		return reply{}, err
	}
	switch {
	case found && !m.Authoritative:
		return reply{}, fmt.Errorf("%w: the answer is not authoritative", ErrLame)
	case found:
		return rep, nil
	}
	soa := hasSOA(m, zone, q.name)
	if m.Rcode == dns.RcodeSuccess && !soa {
		if d := referralIn(m, zone, q.name); d != nil {
			return reply{kind: referral, delegation: d}, nil
		}
	}
	// RFC 2308 2.1, 2.2: there are negative answers without SOA.
	if m.Authoritative {
		return reply{kind: answered, rcode: m.Rcode}, nil
	}
	return reply{}, fmt.Errorf("%w: neither an authoritative answer nor a referral below %s", ErrLame, zone)
}

// wellFormed refuses records without RDATA of the types that cannot be empty:
// package dns reads them as records with zero values.
func wellFormed(m *dns.Msg) error {
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			switch h := rr.Header(); h.Rrtype {
			case dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeCNAME, dns.TypeDNAME, dns.TypeSOA, dns.TypeTXT, dns.TypeCAA:
				if h.Rdlength == 0 {
					return fmt.Errorf("%w: %s %s without data", ErrMalformed, h.Name, typeName(h.Rrtype))
				}
			}
		}
	}
	return nil
}

// fromAnswer follows the aliases in the answer section as far as they stay in
// zone. found is false if the section has nothing about q.
func fromAnswer(m *dns.Msg, zone string, q question) (rep reply, found bool, err error) {
	at := q.name
	for dns.IsSubDomain(zone, at) {
		if records := recordsAt(m.Answer, at, q.qtype); len(records) > 0 {
			rep.kind, rep.records, rep.rcode = answered, records, dns.RcodeSuccess
			return rep, true, nil
		}
		aliases := recordsAt(m.Answer, at, dns.TypeCNAME)
		if len(aliases) == 0 {
			break
		}
		target := aliasTarget(aliases[0])
		if slices.ContainsFunc(aliases, func(rr dns.RR) bool { return aliasTarget(rr) != target }) {
			return reply{}, false, fmt.Errorf("%w: several different CNAME records at %s", ErrMalformed, at)
		}
		if slices.Contains(rep.cnames, target) || target == q.name {
			return reply{}, false, fmt.Errorf("%w: %s leads back to %s", ErrLoop, at, target)
		}
		rep.cnames = append(rep.cnames, target)
		at = target
	}
	rep.kind = aliased
	return rep, len(rep.cnames) > 0, nil
}

func aliasTarget(rr dns.RR) string {
	if c, ok := rr.(*dns.CNAME); ok {
		return dns.CanonicalName(c.Target)
	}
	return ""
}

// recordsAt returns the records of class IN with the owner and type given.
func recordsAt(section []dns.RR, owner string, rrtype uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range section {
		h := rr.Header()
		if h.Class == dns.ClassINET && h.Rrtype == rrtype && dns.CanonicalName(h.Name) == owner {
			out = append(out, rr)
		}
	}
	return out
}

// hasSOA says whether the authority section proves authority for a negative
// answer about name: an SOA record between zone and name.
func hasSOA(m *dns.Msg, zone, name string) bool {
	return slices.ContainsFunc(m.Ns, func(rr dns.RR) bool {
		h := rr.Header()
		return h.Rrtype == dns.TypeSOA && h.Class == dns.ClassINET &&
			dns.IsSubDomain(zone, h.Name) && dns.IsSubDomain(h.Name, name)
	})
}

// referralIn returns the delegation in m that leads from zone towards name, nil
// if there is none. Glue is believed only for name servers in zone.
func referralIn(m *dns.Msg, zone, name string) *delegation {
	d := &delegation{}
	for _, rr := range m.Ns {
		ns, ok := rr.(*dns.NS)
		if !ok || ns.Hdr.Class != dns.ClassINET {
			continue
		}
		owner := dns.CanonicalName(ns.Hdr.Name)
		if owner == zone || !dns.IsSubDomain(zone, owner) || !dns.IsSubDomain(owner, name) {
			continue
		}
		if d.zone == "" {
			d.zone = owner
		}
		server := dns.CanonicalName(ns.Ns)
		if owner == d.zone && !slices.Contains(d.servers, server) {
			d.servers = append(d.servers, server)
		}
	}
	if d.zone == "" {
		return nil
	}
	for _, rr := range m.Extra {
		addr, ok := addressOf(rr)
		owner := dns.CanonicalName(rr.Header().Name)
		if ok && rr.Header().Class == dns.ClassINET && dns.IsSubDomain(zone, owner) {
			d.glue = append(d.glue, glue{owner, addr})
		}
	}
	return d
}

package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// section is the records of a section of a message, found by their owner.
type section struct {
	records []dns.RR
	// byOwner is nil if there are so few records that all are looked at.
	byOwner map[string][]dns.RR
	dnames  bool // whether there are DNAME records
}

// fewRecords is how many records of a section are looked at one after the other.
const fewRecords = 16

// indexed returns records as a section.
func indexed(records []dns.RR) section {
	s := section{records: records}
	if len(records) > fewRecords {
		s.byOwner = make(map[string][]dns.RR)
	}
	for _, rr := range records {
		h := rr.Header()
		s.dnames = s.dnames || h.Rrtype == dns.TypeDNAME
		if s.byOwner != nil {
			s.byOwner[h.Name] = append(s.byOwner[h.Name], rr)
		}
	}
	return s
}

// at returns the records among which all those at owner are.
func (s section) at(owner string) []dns.RR {
	if s.byOwner == nil {
		return s.records
	}
	return s.byOwner[owner]
}

// dnameAbove returns what the DNAME record at a name above owner, in zone, makes
// of owner (RFC 6672 2.2), with the set that it is in; target is "" if there is
// none. The CNAME record that the server made of it is not signed and not needed.
func (s section) dnameAbove(zone, owner string) (target string, set rrset, err error) {
	if !s.dnames {
		return "", rrset{}, nil
	}
	for at := owner; at != zone && at != "."; {
		at = parentOf(at)
		set = setAt(s.at(at), at, dns.TypeDNAME)
		if len(set.records) == 0 {
			continue
		}
		to := aliasTarget(set.records[0])
		if slices.ContainsFunc(set.records, func(rr dns.RR) bool { return aliasTarget(rr) != to }) {
			return "", rrset{}, fmt.Errorf("%w: several different DNAME records at %s", ErrMalformed, at)
		}
		prefix := owner
		if at != "." {
			prefix = strings.TrimSuffix(owner, at)
		}
		target, ok := canonical(prefix + strings.TrimPrefix(to, "."))
		if !ok {
			return "", rrset{}, fmt.Errorf("%w: the DNAME record at %s makes a name of more than 255 octets of %s", ErrMalformed, at, owner)
		}
		return target, set, nil
	}
	return "", rrset{}, nil
}

// synthesised returns the CNAME record that a DNAME record stands for.
func synthesised(owner, target string, ttl uint32) dns.RR {
	return &dns.CNAME{
		Hdr:    dns.RR_Header{Name: owner, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: ttl},
		Target: target,
	}
}

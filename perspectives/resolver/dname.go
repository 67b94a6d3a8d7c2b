package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// dnameAbove returns what the DNAME record at a name above owner, in zone, makes
// of owner (RFC 6672 2.2), with the set that it is in; target is "" if there is
// none. The CNAME record that the server made of it is not signed and not needed.
func dnameAbove(section []dns.RR, zone, owner string) (target string, set rrset, err error) {
	for at := owner; at != zone && at != "."; {
		at = parentOf(at)
		set = setAt(section, at, dns.TypeDNAME)
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

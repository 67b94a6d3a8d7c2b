package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
)

const (
	// wholeData is how long the data of a record is on the wire at most that is
	// written out as evidence whatever its type: package dns takes time in
	// proportion to the square of the length to write some types.
	wholeData = 64
	// wholeTypes is how many types of an NSEC or NSEC3 record are written out.
	wholeTypes = 64
)

// describe returns the records of m that matter as evidence: the answer, or
// else the referral with its glue or the SOA. cut says that there is more than is
// returned. Neither the time that it takes nor what it returns depends on how large
// m is, beyond a bound.
func describe(m *dns.Msg) (lines []string, cut bool) {
	sections := [][]dns.RR{m.Answer}
	if len(m.Answer) == 0 {
		sections = [][]dns.RR{m.Ns, m.Extra}
	}
	size := 0
	for _, section := range sections {
		for _, rr := range section {
			if rr.Header().Rrtype == dns.TypeOPT {
				continue
			}
			if len(lines) == maxEvidence || size >= perspectives.MaxExchange {
				return append(lines, "(more records)"), true
			}
			line, whole := written(rr, perspectives.MaxExchange-size)
			cut = cut || !whole
			size += len(line)
			lines = append(lines, line)
		}
	}
	if m.Truncated {
		lines = append(lines, "(truncated)")
	}
	return lines, cut
}

// written returns a record in presentation format; of one that is much longer than
// room only the beginning, which whole says.
func written(rr dns.RR, room int) (line string, whole bool) {
	whole = true
	size := int(rr.Header().Rdlength)
	switch r := rr.(type) {
	case *dns.TXT:
		if size > room {
			short := *r
			short.Txt, whole = firstTexts(r.Txt, room), false
			rr = &short
		}
	case *dns.NSEC:
		if len(r.TypeBitMap) > wholeTypes {
			short := *r
			short.TypeBitMap, whole = r.TypeBitMap[:wholeTypes], false
			rr = &short
		}
	case *dns.NSEC3:
		if len(r.TypeBitMap) > wholeTypes {
			short := *r
			short.TypeBitMap, whole = r.TypeBitMap[:wholeTypes], false
			rr = &short
		}
	case *dns.A, *dns.AAAA, *dns.NS, *dns.CNAME, *dns.DNAME, *dns.SOA, *dns.PTR, *dns.MX, *dns.DS, *dns.NSEC3PARAM:
	case *dns.CAA, *dns.DNSKEY, *dns.RRSIG, *dns.RFC3597:
		whole = size <= room
	default:
		whole = size <= wholeData
	}
	if _, partly := rr.(*dns.TXT); !whole && !partly && !hasTypes(rr) {
		return flat(rr.Header().String()) + fmt.Sprintf("(%d octets)", size), false
	}
	line = flat(exact(rr).String())
	if !whole {
		line += " (and more)"
	}
	return line, whole
}

func hasTypes(rr dns.RR) bool {
	t := rr.Header().Rrtype
	return t == dns.TypeNSEC || t == dns.TypeNSEC3
}

func flat(s string) string { return strings.ReplaceAll(s, "\t", " ") }

// firstTexts returns the first strings of a TXT record, of about room octets.
func firstTexts(all []string, room int) []string {
	size := 0
	for i, s := range all {
		if size += len(s) + 3; size > room {
			return slices.Clip(all[:i])
		}
	}
	return all
}

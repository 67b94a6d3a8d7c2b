package resolver

import (
	"encoding/binary"
	"fmt"

	"github.com/miekg/dns"
)

// headerSize is the length of a message's header (RFC 1035 4.1.1).
const headerSize = 12

// errGarbled marks a message with an answer section that cannot be read.
var errGarbled = fmt.Errorf("%w: the answer section cannot be read", ErrMalformed)

// errIncomplete marks a message that ends before what its header counts.
var errIncomplete = fmt.Errorf("%w: the message ends within a section", ErrMalformed)

// errUncounted marks a message that goes on with records after those that its header
// counts.
var errUncounted = fmt.Errorf("%w: records that the header does not count", ErrMalformed)

// errOPT marks a message with an OPT record that cannot be read.
var errOPT = fmt.Errorf("%w: OPT record", ErrMalformed)

// unpack reads a message, of which it always returns the header. Question, answer
// and authority sections must hold as many records as the header counts, each well
// formed: package dns passes over counts that are too high. In the additional
// section, which only helps, malformed records are left out and may be missing at
// the end; only the OPT record, which holds half of the response code, must be
// right. A message with the TC flag may be cut anywhere.
func unpack(wire []byte) (*dns.Msg, error) {
	m := new(dns.Msg)
	err := m.Unpack(wire)
	if m.Truncated {
		return m, nil
	}
	count := func(section int) int { return int(binary.BigEndian.Uint16(wire[4+2*section:])) }
	if len(m.Question) != count(0) || len(m.Answer) != count(1) || len(m.Ns) != count(2) {
		switch {
		case count(1) > 0 && len(m.Answer) != count(1):
			return m, errGarbled
		case err != nil:
			return m, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		return m, errIncomplete
	}
	if err == nil && len(m.Extra) == count(3) {
		m.Extra = nonEmpty(m.Extra)
		return m, nil
	}
	off, err := skip(wire, count(0), count(1)+count(2))
	if err == nil {
		m.Extra, err = additional(wire, off, count(3))
	}
	if opt := m.IsEdns0(); err == nil && opt != nil {
		m.Rcode = m.Rcode&0xf | opt.ExtendedRcode()
	}
	return m, err
}

// skip returns where the sections that are skipped end.
func skip(wire []byte, questions, records int) (int, error) {
	off := headerSize
	for range questions {
		_, end, err := dns.UnpackDomainName(wire, off)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		off = end + 4 // type and class
	}
	for range records {
		_, end, err := recordAt(wire, off)
		if err != nil {
			return 0, err
		}
		off = end
	}
	return off, nil
}

// recordAt returns the type of the record at off and where it ends.
func recordAt(wire []byte, off int) (rrtype uint16, end int, err error) {
	const fixed = 10 // type, class, TTL, length
	_, off, err = dns.UnpackDomainName(wire, off)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if off+fixed > len(wire) {
		return 0, 0, errIncomplete
	}
	end = off + fixed + int(binary.BigEndian.Uint16(wire[off+fixed-2:]))
	if end > len(wire) {
		return 0, 0, errIncomplete
	}
	return binary.BigEndian.Uint16(wire[off:]), end, nil
}

// goesOn reports whether a record begins at off, where the message should end. Other
// octets there, such as zeros, are passed over: there are servers that send some.
func goesOn(wire []byte, off int) bool {
	rrtype, _, err := recordAt(wire, off)
	return err == nil && rrtype != dns.TypeNone
}

// additional reads up to count records from off on, and leaves out those that are
// malformed.
func additional(wire []byte, off, count int) ([]dns.RR, error) {
	var out []dns.RR
	for ; count > 0 && off < len(wire); count-- {
		rrtype, end, err := recordAt(wire, off)
		if err != nil {
			return nil, err
		}
		rr, _, err := dns.UnpackRR(wire[:end], off)
		switch {
		case err == nil:
			out = append(out, rr)
		case rrtype == dns.TypeOPT:
			return nil, fmt.Errorf("%w: %w", errOPT, err)
		}
		off = end
	}
	return nonEmpty(out), nil
}

// nonEmpty leaves out records that are empty.
func nonEmpty(section []dns.RR) []dns.RR {
	for i, rr := range section {
		if empty(rr) != nil {
			out := append([]dns.RR(nil), section[:i]...)
			for _, rr := range section[i:] {
				if empty(rr) == nil {
					out = append(out, rr)
				}
			}
			return out
		}
	}
	return section
}

// whole refuses a message of which a part is missing: one that is truncated, and
// one with records that lack data in the answer or authority section.
func whole(m *dns.Msg) error {
	if m.Truncated {
		return ErrTruncated
	}
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			if err := empty(rr); err != nil {
				return err
			}
		}
	}
	return nil
}

// empty says what a record lacks, nil for nothing: package dns reads RDATA that end
// early as if the fields that are missing were zero, because such records are legal
// in dynamic updates (RFC 2136 2.4).
func empty(rr dns.RR) error {
	h := rr.Header()
	lacks := h.Rdlength == 0
	switch rr := rr.(type) {
	case *dns.OPT, *dns.NULL, *dns.APL, *dns.RFC3597:
		return nil
	case *dns.CAA:
		lacks = rr.Tag == "" // RFC 8659 4.1: the tag has at least one octet
	case *dns.SOA:
		lacks = h.Rdlength < 22 // two names and five numbers
	}
	if lacks {
		return fmt.Errorf("%w: %s %s without data", ErrMalformed, h.Name, typeName(h.Rrtype))
	}
	return nil
}

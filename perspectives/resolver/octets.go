package resolver

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Data returns the data of a record in presentation format, which reads back as the
// octets that were received.
func Data(rr dns.RR) string {
	rr = exact(rr)
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

// exact returns a record that is written, and packed, as it was received: rr itself,
// or a copy of a CAA or URI record.
//
// In the library's records a backslash begins an escape, as in zone files, and what
// is unpacked has its backslashes escaped; but not the octets of CAA values and URI
// targets. Packed again, "\059" becomes ";": a signature over one value would verify
// for another, in which ";" does not end a parameter.
func exact(rr dns.RR) dns.RR {
	switch r := rr.(type) {
	case *dns.CAA:
		if strings.Contains(r.Value, `\`) {
			c := *r
			c.Value = strings.ReplaceAll(r.Value, `\`, `\\`)
			return &c
		}
	case *dns.URI:
		if strings.Contains(r.Target, `\`) {
			c := *r
			c.Target = strings.ReplaceAll(r.Target, `\`, `\\`)
			return &c
		}
	}
	return rr
}

// exactly returns records as exact does.
func exactly(records []dns.RR) []dns.RR {
	out := records
	for i, rr := range records {
		e := exact(rr)
		if e == rr {
			continue
		}
		if &out[0] == &records[0] {
			out = slices.Clone(records)
		}
		out[i] = e
	}
	return out
}

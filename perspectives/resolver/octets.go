package resolver

import (
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

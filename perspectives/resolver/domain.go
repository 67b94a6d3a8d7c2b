package resolver

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// domain is a domain name as its labels, rightmost first, as raw octets with
// ASCII letters in lower case. The root has no labels.
type domain []string

// domainOf returns the labels of a name in presentation format. ok is false if
// it is not a domain name.
func domainOf(name string) (d domain, ok bool) {
	wire := make([]byte, maxName+1)
	end, err := dns.PackDomainName(dns.Fqdn(name), wire, 0, nil, false)
	if err != nil || end > maxName {
		return nil, false
	}
	for off := 0; wire[off] != 0; off += int(wire[off]) + 1 {
		d = append(d, lowerASCII(wire[off+1:off+1+int(wire[off])]))
	}
	slices.Reverse(d)
	return d, true
}

// maxName is how many octets a name has at most on the wire (RFC 1035 2.3.4).
const maxName = 255

func lowerASCII(label []byte) string {
	low := slices.Clone(label)
	for i, c := range low {
		if 'A' <= c && c <= 'Z' {
			low[i] = c + 'a' - 'A'
		}
	}
	return string(low)
}

// wire returns the name in canonical wire format (RFC 4034 6.2).
func (d domain) wire() []byte {
	var b []byte
	for _, label := range slices.Backward(d) {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}

// compare orders names canonically (RFC 4034 6.1).
func (d domain) compare(e domain) int { return slices.Compare(d, e) }

// common returns how many labels d and e share, counted from the root.
func (d domain) common(e domain) int {
	n := 0
	for n < len(d) && n < len(e) && d[n] == e[n] {
		n++
	}
	return n
}

// below says whether d is e or a name below it.
func (d domain) below(e domain) bool { return d.common(e) == len(e) }

// wildcard returns the name "*" directly below d.
func (d domain) wildcard() domain { return append(slices.Clone(d), "*") }

// labelCount returns the number of labels as the Labels field of an RRSIG counts
// them: without the root and without a leading asterisk (RFC 4034 3.1.3).
func (d domain) labelCount() int {
	if n := len(d); n > 0 && d[n-1] == "*" {
		return n - 1
	}
	return len(d)
}

// canonical returns name in lower case, with a trailing dot and with escapes in
// the form that package dns writes, so that equal names are equal strings.
func canonical(name string) (string, bool) {
	wire := make([]byte, maxName+1)
	end, err := dns.PackDomainName(dns.Fqdn(name), wire, 0, nil, false)
	if err != nil || end > maxName {
		return "", false
	}
	out, _, err := dns.UnpackDomainName(wire[:end], 0)
	if err != nil {
		return "", false
	}
	return dns.CanonicalName(out), true
}

// within reports whether name is zone or a name below it; both are fully qualified,
// in presentation format and in ASCII. It is dns.IsSubDomain without allocations.
func within(zone, name string) bool {
	if zone == "." {
		return true
	}
	dot := len(name) - len(zone) - 1
	if dot < -1 || !strings.EqualFold(name[dot+1:], zone) {
		return false
	}
	if dot < 0 {
		return true
	}
	escapes := 0
	for escapes < dot && name[dot-1-escapes] == '\\' {
		escapes++
	}
	return name[dot] == '.' && escapes%2 == 0
}

// parentOf returns the name one label up; that of the root is the root.
func parentOf(name string) string {
	off, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[off:]
}

// between returns the names below zone down to name, name included, the
// shortest first; none if name is zone or does not lie in it.
func between(zone, name string) []string {
	var out []string
	for name != zone && name != "." {
		out = append(out, name)
		name = parentOf(name)
	}
	if name != zone {
		return nil
	}
	slices.Reverse(out)
	return out
}

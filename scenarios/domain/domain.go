// Package domain says what a domain is to somebody who hijacks prefixes: the set
// of addresses whose hijack can fool a check of it. These are its web addresses
// and the addresses of every name server on the way to them, from the root down,
// at the ends of aliases, and for the name servers whose own addresses must be
// looked up.
//
// # What DNSSEC protects
//
// DNSSEC signs answers, not the way to them. An answer in a zone with an unbroken
// chain of DS records cannot be forged by whoever holds the addresses of name
// servers, of that zone or of one above. But NS records in a referral and glue are
// not signed: whoever holds a server of a signed top-level domain can send a
// validating resolver to servers of his own for every domain below that is not
// signed, with the true proof that it is not. So an address is [Address.Protected]
// if every answer that it could be used to forge is secure, whatever the zone that
// it serves; and web addresses never are, although the records that name them may
// be. Cimaszewski et al. (USENIX Security 2023) leave out the servers of every
// signed zone instead, and so all of a signed top-level domain.
//
// What it means for a name server to count is that in some case its hijack is
// enough: if the other servers of its zone do not answer, or are asked later.
//
// # What is not modelled
//
// An attacker who must also get past CAA records: they may forbid a certificate
// whose domain validation was fooled, so that what is said here is on the safe
// side. Servers that answer differently in different places, or to IPv6; the
// resolvers that a CA uses, and hosts that they depend on. The last resort of a
// resolver: if all glue of a zone fails, ours looks up its servers' own addresses,
// so that a hijack of those who serve these can do harm as well; only servers
// without glue are taken to be looked up. Records that expire while a check is
// under way. Zones of more labels than one are never called
// top-level: the servers of co.uk are name servers like others.
//
// A domain comes from a survey of the DNS ([FromSurvey]), real or emulated, from
// zones ([FromHierarchy]), or from a file of JSON lines ([NewReader]), which
// docs/domains.md describes. Values are plain data.
package domain

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// Domain is one domain with the addresses that it depends on. The zero value is
// not valid.
type Domain struct {
	// Name is in lower case, without a trailing dot.
	Name string
	// Weight is how much the domain counts among others; above 0.
	Weight float64
	// Addresses are in the order in which they were found, web addresses first.
	Addresses []Address
	// Gaps say what could not be found out: with gaps there may be more addresses.
	Gaps []string
}

// Role is what an address is to a domain.
type Role string

// The roles. A server of the root or of a top-level domain is not of the
// domain's own choosing.
const (
	Web        Role = "web"
	NameServer Role = "name-server"
	TLDServer  Role = "tld-server"
	RootServer Role = "root-server"
)

// Roles returns all roles.
func Roles() []Role { return []Role{Web, NameServer, TLDServer, RootServer} }

// Address is one address in one role. An address that serves several zones is
// there once for each.
type Address struct {
	Address netip.Addr
	Role    Role
	// Name is the host name that the address belongs to: for a web address the
	// name that has the A or AAAA record, which may be the end of aliases.
	Name string
	// Zone is the zone that the name server serves, "." for the root; empty for a
	// web address.
	Zone string
	// Why says why it counts, in a phrase for people.
	Why string
	// Protected says that DNSSEC keeps whoever holds the address from forging
	// anything that matters to the domain, from those who validate.
	Protected bool
}

// roleOf returns the role of a zone's servers.
func roleOf(zone string) Role {
	switch {
	case zone == ".":
		return RootServer
	case !strings.Contains(zone, "."):
		return TLDServer
	default:
		return NameServer
	}
}

// Surface is which of a domain's addresses are taken to matter to a check.
type Surface string

// The surfaces, each of which contains the one before.
const (
	// WebOnly has the web addresses.
	WebOnly Surface = "web"
	// WebDNSSEC has those and the name servers that DNSSEC does not protect: what
	// is left for a CA that validates.
	WebDNSSEC Surface = "dnssec"
	// WebDNS has all name servers, as if nobody validated.
	WebDNS Surface = "web+dns"
)

// Surfaces of a method that looks at the DNS alone: who takes a web address gains
// nothing.
const (
	// DNSOnlyDNSSEC has the name servers that DNSSEC does not protect; none, if the
	// chain is unbroken.
	DNSOnlyDNSSEC Surface = "dns-dnssec"
	// DNSOnly has all name servers.
	DNSOnly Surface = "dns"
)

// Surfaces returns all surfaces of a method that looks at the web, the smallest
// first.
func Surfaces() []Surface { return []Surface{WebOnly, WebDNSSEC, WebDNS} }

// DNSSurfaces returns those of a method that looks at the DNS alone.
func DNSSurfaces() []Surface { return []Surface{DNSOnlyDNSSEC, DNSOnly} }

// Upper says which of the servers above a domain's own zones count.
type Upper string

// The choices; each contains the one before.
const (
	// UpperNone counts neither: as if nobody could hijack a registry.
	UpperNone Upper = "none"
	// UpperTLD counts the servers of top-level domains, not those of the root,
	// which stand everywhere at once.
	UpperTLD Upper = "tld"
	// UpperRoot counts both.
	UpperRoot Upper = "root"
)

// Uppers returns all choices, the smallest first.
func Uppers() []Upper { return []Upper{UpperNone, UpperTLD, UpperRoot} }

// Scope is which of a domain's addresses to look at.
type Scope struct {
	Surface Surface
	Upper   Upper
}

// has says whether an address lies in the scope.
func (s Scope) has(a Address) bool {
	validates := s.Surface == WebDNSSEC || s.Surface == DNSOnlyDNSSEC
	switch {
	case a.Role == Web:
		return !slices.Contains(DNSSurfaces(), s.Surface)
	case s.Surface == WebOnly || validates && a.Protected:
		return false
	}
	return a.Role == NameServer || s.Upper == UpperRoot || s.Upper == UpperTLD && a.Role == TLDServer
}

// In returns the addresses of the domain that lie in a scope, each once, in
// ascending order.
func (d *Domain) In(s Scope) []netip.Addr {
	var out []netip.Addr
	for _, a := range d.Addresses {
		if s.has(a) {
			out = append(out, a.Address)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// HasWeb says whether the domain has a web address. One without is no target of a
// check over the web, and must not count as safe.
func (d *Domain) HasWeb() bool {
	return slices.ContainsFunc(d.Addresses, func(a Address) bool { return a.Role == Web })
}

// fieldError is what is wrong with one field.
type fieldError struct{ field, found, expected string }

func (e *fieldError) Error() string {
	return fmt.Sprintf("%s: found %s, expected %s", e.field, e.found, e.expected)
}

// Validate returns an error that names the first field that makes no sense.
func (d *Domain) Validate() error {
	if !isName(d.Name) || d.Name == "." {
		return &fieldError{"domain", quote(d.Name), nameForm}
	}
	if !(d.Weight > 0) || math.IsInf(d.Weight, 0) {
		return &fieldError{"weight", fmt.Sprint(d.Weight), "a number above 0"}
	}
	seen := map[Address]bool{}
	for n, a := range d.Addresses {
		field := fmt.Sprintf("addresses[%d]", n)
		if err := a.validate(field); err != nil {
			return err
		}
		at := Address{Address: a.Address, Role: a.Role, Name: a.Name, Zone: a.Zone}
		if seen[at] {
			return &fieldError{field, fmt.Sprintf("%v as %s %s a second time", a.Address, a.Role, a.Name), "each address once in each role, name and zone"}
		}
		seen[at] = true
	}
	for n, text := range d.Gaps {
		if text == "" || !printable(text) {
			return &fieldError{fmt.Sprintf("gaps[%d]", n), quote(text), "printable text"}
		}
	}
	return nil
}

func (a Address) validate(field string) error {
	fail := func(name, found, expected string) error { return &fieldError{field + "." + name, found, expected} }
	switch {
	case !a.Address.IsValid() || a.Address.Zone() != "" || a.Address.Is4In6():
		return fail("address", quote(a.Address.String()), addressForm)
	case !slices.Contains(Roles(), a.Role):
		return fail("role", quote(string(a.Role)), roleForm())
	case !isName(a.Name) || a.Name == ".":
		return fail("name", quote(a.Name), nameForm)
	case a.Role == Web && a.Zone != "":
		return fail("zone", quote(a.Zone), "none for a web address")
	case a.Role == Web && a.Protected:
		return fail("protected", "true", "false: DNSSEC protects no web address")
	case a.Role != Web && !isName(a.Zone):
		return fail("zone", quote(a.Zone), `the zone that the name server serves, "." for the root`)
	case a.Role != Web && roleOf(a.Zone) != a.Role:
		return fail("role", quote(string(a.Role)), fmt.Sprintf("%s, which the servers of %s are", roleOf(a.Zone), a.Zone))
	case !printable(a.Why):
		return fail("why", quote(a.Why), "printable text")
	}
	return nil
}

const (
	nameForm    = "a domain name in lower case and without a trailing dot"
	addressForm = "an IPv4 or IPv6 address"
	// maxNameText is how long a name of 255 octets can get with escapes.
	maxNameText = 1024
)

func roleForm() string { return "web, name-server, tld-server or root-server" }

// isName says whether text may be a name as package resolver writes it, without
// the trailing dot: printable ASCII without capitals, in labels that are not
// empty; or ".".
func isName(text string) bool {
	if text == "." {
		return true
	}
	if text == "" || len(text) > maxNameText {
		return false
	}
	dot := true
	for i := range len(text) {
		c := text[i]
		switch {
		case c <= ' ' || c >= 0x7f || 'A' <= c && c <= 'Z' || c == '.' && dot:
			return false
		}
		dot = c == '.' && text[i-1] != '\\'
	}
	return !dot
}

// printable says whether text is fit for one line.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError || 0x80 <= r && r < 0xa0 })
}

// quote quotes text that may be long.
func quote(text string) string {
	const most = 80
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return fmt.Sprintf("%q", text)
}

// ErrEmpty is wrapped by the error about a file without a domain.
var ErrEmpty = errors.New("no domain")

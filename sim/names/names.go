// Package names is the emulated DNS: zones, the authoritative servers that
// answer for them, and the tree of delegations from the root down that joins
// them. The victim's servers and a hijacker's are the same [Server] with other
// zones: whose answer a query gets is decided by where its packets go.
//
// Modelled: authoritative answers over UDP and TCP (RFC 1034 4.3.2), referrals
// with glue (RFC 9471), CNAME chains inside a zone, DNAME (RFC 6672), wildcards
// (RFC 4592), NXDOMAIN and NODATA with the SOA record (RFC 2308), EDNS(0) (RFC
// 6891), truncation. A server refuses what lies outside its zones.
//
// DNSSEC (RFC 4033 to 4035, NSEC3 by RFC 5155) is made from a [SigningSpec]:
// keys, signatures, denial and DS records, and the root's [TrustAnchor]. Who
// sets the DO bit gets signatures and proofs. No zone is re-signed as time goes
// by: validity is a matter of the dates in the spec. A [Fault] breaks a signed
// zone on purpose, a [Behaviour] a server.
//
// Not modelled: recursion, reading signed zones (RRSIG, NSEC and NSEC3 records
// are refused in zone-file text), several algorithms or a key rollover in one
// zone, ED448, CDS processing, zone transfer, dynamic update, NOTIFY, TSIG,
// cookies, CNAME chains that lead from one zone to another on the same server
// (the resolver asks again).
//
// Names are absolute domain names in presentation format. They are compared
// without regard to case; answers repeat the case in which the zone was
// written, the question section that of the query. TTLs are whole seconds.
//
// Zones and hierarchies are immutable once built and safe for concurrent use.
package names

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/miekg/dns"
)

// Host is the machine that a server runs on: an emulated host or the operating
// system. Address is a numeric IP address and port. Replies over UDP go to the
// very [net.Addr] that ReadFrom returned, so a host may carry more in it than
// an address.
type Host interface {
	ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error)
	Listen(ctx context.Context, network, address string) (net.Listener, error)
}

// NameServer is a name server's name and addresses. In a [HierarchySpec] the
// addresses may be left out where the same name is listed with addresses
// elsewhere, or where its own zone has address records for it.
type NameServer struct {
	Name  string
	Addrs []netip.Addr
}

// absolute returns name with a trailing dot and with escapes in one form, its
// case kept. It refuses what does not fit into a DNS message (RFC 1035 2.3.4).
func absolute(name string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("domain name is empty")
	}
	wire := make([]byte, 256)
	end, err := dns.PackDomainName(dns.Fqdn(name), wire, 0, nil, false)
	if err != nil {
		return "", fmt.Errorf("domain name %q: %w", name, err)
	}
	if end > 255 {
		return "", fmt.Errorf("domain name %q: %d octets, want at most 255 (RFC 1035 2.3.4)", name, end)
	}
	out, _, err := dns.UnpackDomainName(wire[:end], 0)
	if err != nil {
		return "", fmt.Errorf("domain name %q: %w", name, err)
	}
	return out, nil
}

// key returns the form of an absolute name that maps are indexed by.
func key(name string) string { return dns.CanonicalName(name) }

// parent returns the name without its first label, "" for the root.
func parent(name string) string {
	next, end := dns.NextLabel(name, 0)
	switch {
	case name == ".":
		return ""
	case end:
		return "."
	default:
		return name[next:]
	}
}

// child returns the name that label and a parent make.
func child(label, parent string) string {
	if parent == "." {
		return label + "."
	}
	return label + "." + parent
}

// inside says whether name is zone or lies below it. Both are keys.
func inside(name, zone string) bool {
	for ; name != ""; name = parent(name) {
		if name == zone {
			return true
		}
	}
	return false
}

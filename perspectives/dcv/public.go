package dcv

import (
	"fmt"
	"net/netip"
)

// PublicOnly returns an error for an address that is not one of the public
// Internet, so that nobody can aim a CA at itself: the blocks of the IANA IPv4
// and IPv6 Special-Purpose Address Registries that are not globally reachable,
// multicast, and IPv6 outside of 2000::/3. It is stricter than the registries in
// two points: it refuses their few globally reachable anycast and service blocks
// within 192.0.0.0/24 and 2001::/23 as well, and the prefixes that wrap an IPv4
// address (6to4, Teredo, NAT64), which would have to be judged themselves. An
// IPv4-mapped address is judged as the IPv4 address.
//
// It also refuses addresses of the unicast space that a cloud gives its own
// machines for the platform's services (metadata, agents, resolvers, mirrors) and
// does not announce to the Internet: who reaches them reaches the machine's own
// platform, never an applicant. Those of other clouds lie in the blocks above, such
// as 169.254.169.254 (most), 100.100.100.200 (Alibaba), 192.0.0.192 (Oracle),
// fd00:ec2::254 (AWS) and fd20:ce::254 (Google).
func PublicOnly(addr netip.Addr) error {
	if !addr.IsValid() || addr.Zone() != "" {
		return fmt.Errorf("address %q: expected an IP address without zone", addr)
	}
	addr = addr.Unmap()
	for _, b := range specialBlocks {
		if b.prefix.Contains(addr) {
			return fmt.Errorf("address %v: %s (%s) is not public", addr, b.name, b.prefix)
		}
	}
	if addr.Is6() && !globalUnicast.Contains(addr) {
		return fmt.Errorf("address %v: not in %s, the public IPv6 addresses", addr, globalUnicast)
	}
	return nil
}

type specialBlock struct {
	prefix netip.Prefix
	name   string
}

//nolint:gochecknoglobals // immutable
var globalUnicast = netip.MustParsePrefix("2000::/3") // RFC 4291 2.4

//nolint:gochecknoglobals // immutable table
var specialBlocks = [...]specialBlock{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network, RFC 791"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private use, RFC 1918"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared address space, RFC 6598"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback, RFC 1122"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link local, RFC 3927"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private use, RFC 1918"},
	{netip.MustParsePrefix("192.0.0.0/24"), "IETF protocol assignments, RFC 6890"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation, RFC 5737"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relay anycast, RFC 7526"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private use, RFC 1918"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking, RFC 2544"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation, RFC 5737"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation, RFC 5737"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast, RFC 5771"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved and broadcast, RFC 1112"},
	{netip.MustParsePrefix("2001::/23"), "IETF protocol assignments, RFC 2928"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation, RFC 3849"},
	{netip.MustParsePrefix("2002::/16"), "6to4, RFC 3056"},
	{netip.MustParsePrefix("3fff::/20"), "documentation, RFC 9637"},

	// Platform services of clouds, as of 2026-11.
	// Azure: learn.microsoft.com, "What is IP address 168.63.129.16?".
	{netip.MustParsePrefix("168.63.129.16/32"), "Azure's platform (WireServer, DNS, DHCP)"},
	// Equinix Metal, formerly Packet: its metadata service, metadata.packet.net.
	{netip.MustParsePrefix("192.80.8.124/32"), "Equinix Metal's metadata"},
	// Google: cloud.google.com/vpc, "Configure Private Google Access"; not
	// announced to the Internet.
	{netip.MustParsePrefix("199.36.153.4/30"), "restricted.googleapis.com, Google Cloud"},
	{netip.MustParsePrefix("199.36.153.8/30"), "private.googleapis.com, Google Cloud"},
	{netip.MustParsePrefix("2600:2d00:2:1000::/64"), "restricted.googleapis.com, Google Cloud"},
	{netip.MustParsePrefix("2600:2d00:2:2000::/64"), "private.googleapis.com, Google Cloud"},
	// IBM: cloud.ibm.com/docs/vpc, "Endpoints available": private endpoints of the
	// infrastructure (resolvers, mirrors, NTP) and of services.
	{netip.MustParsePrefix("161.26.0.0/16"), "IBM Cloud's infrastructure services"},
	{netip.MustParsePrefix("166.8.0.0/14"), "IBM Cloud's service endpoints"},
}

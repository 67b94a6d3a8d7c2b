package rpki

import (
	"fmt"
	"net/netip"
	"strconv"

	"mpicsim/topology"
)

// The functions here read one field each. They return what would have been right,
// "" if the field is.

const wantASN = "an AS number from 0 to 4294967295, with or without AS"

// parseASN reads an AS number, 0 included.
func parseASN(text string) (asn topology.ASN, want string) {
	if text == "0" || text == "AS0" {
		return 0, ""
	}
	asn, err := topology.ParseASN(text)
	if err != nil {
		return 0, wantASN
	}
	return asn, ""
}

// parsePrefix reads the prefix of a VRP.
func parsePrefix(text string) (p netip.Prefix, want string) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, "a prefix such as 192.0.2.0/24 or 2001:db8::/32"
	case p.Addr().Is4In6():
		return p, "IPv4 in its own notation, such as 192.0.2.0/24"
	case p != p.Masked():
		return p, p.Masked().String() + ", without host bits"
	}
	return p, ""
}

// parseMaxLength reads the maximum length of a VRP. It takes any if its prefix is
// not valid.
func parseMaxLength(text string, p netip.Prefix) (bits int, want string) {
	low, high := 0, 128
	if p.IsValid() {
		low, high = p.Bits(), p.Addr().BitLen()
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || int(n) < low || int(n) > high {
		return 0, fmt.Sprintf("a number from %d to %d", low, high)
	}
	return int(n), ""
}

package dcv

import (
	"context"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
)

// ipAddress looks for the IP address in the A or AAAA records of the domain
// (BR 3.2.2.4.8): the CA has validated that the applicant controls it. A value
// that is no address of the family matches no record.
func (v *validation) ipAddress(ctx context.Context) perspectives.Outcome {
	kind := v.check.DCV.DNSRecordType
	if kind == "" {
		kind = "A"
	}
	name := v.check.Domain
	a, end := v.records(ctx, name, dns.StringToType[kind])
	if end != nil {
		return *end
	}
	want, wantErr := netip.ParseAddr(v.check.DCV.ChallengeValue)
	found := 0
	for _, rr := range a.Records {
		var addr netip.Addr
		switch rr := rr.(type) {
		case *dns.A:
			addr, _ = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			addr, _ = netip.AddrFromSlice(rr.AAAA.To16())
		default:
			continue
		}
		if found++; wantErr == nil && addr == want {
			return v.passed(ReasonRecordMatches, "%s has the address %v", name, want)
		}
	}
	if found > 0 {
		return v.failed(ReasonRecordMismatch, "none of the %d %s records of %s is %q", found, kind, name, v.check.DCV.ChallengeValue)
	}
	return v.absent(ReasonNoRecord, name, a, kind)
}

// reverseAddressLookup looks for the FQDN in the PTR records of the IP address
// (BR 3.2.2.5.3): the CA has validated that the applicant controls it.
func (v *validation) reverseAddressLookup(ctx context.Context) perspectives.Outcome {
	addr, _ := v.check.Address()
	name := ReverseName(addr)
	a, end := v.records(ctx, name, dns.TypePTR)
	if end != nil {
		return *end
	}
	want := strings.TrimSuffix(v.check.DCV.ChallengeValue, ".")
	found := 0
	for _, rr := range a.Records {
		ptr, ok := rr.(*dns.PTR)
		if !ok {
			continue
		}
		if found++; perspectives.EqualFoldASCII(strings.TrimSuffix(ptr.Ptr, "."), want) {
			return v.passed(ReasonRecordMatches, "%v leads back to %s", addr, want)
		}
	}
	if found > 0 {
		return v.failed(ReasonRecordMismatch, "none of the %d PTR records at %s is %q", found, name, want)
	}
	return v.absent(ReasonNoRecord, name, a, "PTR")
}

// ReverseName returns the name of addr in the reverse zones in-addr.arpa
// (RFC 1035 3.5) and ip6.arpa (RFC 3596 2.5), in lower case without trailing
// dot; "" for the zero Addr.
func ReverseName(addr netip.Addr) string {
	name, err := dns.ReverseAddr(addr.WithZone("").String())
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(name, ".")
}

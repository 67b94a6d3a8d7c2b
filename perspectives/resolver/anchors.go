package resolver

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// RootAnchors returns the trust anchors of the public DNS: the DS records of the
// root's key signing keys KSK-2017 (tag 20326) and KSK-2024 (tag 38696). Source:
// IANA, https://data.iana.org/root-anchors/root-anchors.xml.
func RootAnchors() []string {
	return []string{
		". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
		". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
	}
}

// supportedAlgorithm says whether signatures of the algorithm are verified: those
// that RFC 8624 3.1 makes mandatory or recommended for validation, except the
// SHA-1 ones (5, 7). A zone signed with nothing else is Insecure (RFC 4035 5.2).
func supportedAlgorithm(a uint8) bool {
	switch a {
	case dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519:
		return true
	}
	return false
}

// supportedDigest says whether DS records with the digest type are used: SHA-256
// and SHA-384 (RFC 8624 3.3). SHA-1 is refused.
func supportedDigest(t uint8) bool { return t == dns.SHA256 || t == dns.SHA384 }

// parseAnchors reads trust anchors, DS or DNSKEY records in presentation format,
// and returns them as DS records by canonical zone name.
func parseAnchors(texts []string) (map[string][]*dns.DS, error) {
	anchors := make(map[string][]*dns.DS)
	for _, text := range texts {
		rr, err := dns.NewRR(text)
		if err != nil {
			return nil, fmt.Errorf("trust anchor %q: %w", text, err)
		}
		var ds *dns.DS
		switch rr := rr.(type) {
		case *dns.DS:
			ds = rr
		case *dns.DNSKEY:
			if !zoneKey(rr) {
				return nil, fmt.Errorf("trust anchor %q: found flags %d and protocol %d, expected a zone key that is not revoked", text, rr.Flags, rr.Protocol)
			}
			if _, err := publicKeyOf(rr); err != nil && supportedAlgorithm(rr.Algorithm) {
				return nil, fmt.Errorf("trust anchor %q: %w", text, err)
			}
			ds = rr.ToDS(dns.SHA256)
		}
		switch {
		case ds == nil:
			return nil, fmt.Errorf("trust anchor %q: expected a DS or DNSKEY record", text)
		case !supportedAlgorithm(ds.Algorithm):
			return nil, fmt.Errorf("trust anchor %q: found algorithm %d, expected 8, 10, 13, 14 or 15", text, ds.Algorithm)
		case !supportedDigest(ds.DigestType):
			return nil, fmt.Errorf("trust anchor %q: found digest type %d, expected 2 or 4", text, ds.DigestType)
		}
		zone, ok := canonical(ds.Hdr.Name)
		if !ok {
			return nil, fmt.Errorf("trust anchor %q: %w", text, ErrName)
		}
		if !slices.ContainsFunc(anchors[zone], func(have *dns.DS) bool { return dns.IsDuplicate(have, ds) }) {
			anchors[zone] = append(anchors[zone], ds)
		}
	}
	return anchors, nil
}

// zoneKey says whether a key may verify the records of its zone: the Zone Key
// flag is set (RFC 4034 2.1.1), the protocol is 3, and it is not revoked
// (RFC 5011 2.1).
func zoneKey(k *dns.DNSKEY) bool {
	return k.Flags&dns.ZONE != 0 && k.Flags&dns.REVOKE == 0 && k.Protocol == 3
}

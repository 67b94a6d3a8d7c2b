package resolver

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// signedSet is a record set in the form that signatures are made of (RFC 4034 6).
type signedSet struct {
	owner         domain
	rrtype, class uint16
	// rdata are the canonical data of the records in canonical order, each once
	// (6.2, 6.3).
	rdata [][]byte
}

// canonicalSet brings the records of one owner and type into canonical form.
func canonicalSet(set rrset) (*signedSet, error) {
	owner, ok := domainOf(set.owner)
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrName, set.owner)
	}
	s := &signedSet{owner: owner, rrtype: set.rrtype, class: dns.ClassINET, rdata: make([][]byte, len(set.records))}
	for i, rr := range set.records {
		data, err := canonicalData(rr)
		if err != nil {
			return nil, fmt.Errorf("%s record at %s: %w", typeName(set.rrtype), set.owner, err)
		}
		s.rdata[i] = data
	}
	slices.SortFunc(s.rdata, bytes.Compare)
	s.rdata = slices.CompactFunc(s.rdata, bytes.Equal)
	return s, nil
}

// signedBy returns what sig signs (RFC 4034 3.1.8.1): its own data without the
// signature, and the records under the name that they were signed at: the owner, or
// the wildcard that it was expanded from, if the signature has fewer labels
// (RFC 4035 5.3.2). That of a wildcard directly below the root is "*.".
func (s *signedSet) signedBy(sig *dns.RRSIG) ([]byte, error) {
	signer, ok := domainOf(sig.SignerName)
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrName, sig.SignerName)
	}
	var b []byte
	b = binary.BigEndian.AppendUint16(b, sig.TypeCovered)
	b = append(b, sig.Algorithm, sig.Labels)
	b = binary.BigEndian.AppendUint32(b, sig.OrigTtl)
	b = binary.BigEndian.AppendUint32(b, sig.Expiration)
	b = binary.BigEndian.AppendUint32(b, sig.Inception)
	b = binary.BigEndian.AppendUint16(b, sig.KeyTag)
	b = append(b, signer.wire()...)

	owner := s.owner
	if labels := int(sig.Labels); labels < owner.labelCount() {
		owner = owner[:labels].wildcard()
	}
	head := binary.BigEndian.AppendUint16(owner.wire(), s.rrtype)
	head = binary.BigEndian.AppendUint16(head, s.class)
	head = binary.BigEndian.AppendUint32(head, sig.OrigTtl)
	for _, data := range s.rdata {
		b = append(b, head...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(data))) //nolint:gosec // from a message
		b = append(b, data...)
	}
	return b, nil
}

// verifies reports whether sig is a signature of the set by the key.
func (s *signedSet) verifies(k publicKey, sig *dns.RRSIG) bool {
	signature, err := base64.StdEncoding.DecodeString(sig.Signature)
	if err != nil {
		return false
	}
	signed, err := s.signedBy(sig)
	return err == nil && k.verify(signed, signature)
}

// canonicalData returns the data of a record on the wire, names in full and, in the
// types of RFC 4034 6.2 as RFC 6840 5.1 mends it, in lower case.
//
// The octets at the end of CAA and URI records are taken as they were received:
// package dns reads backslashes in them as escapes, and packs no more than 1,025 of
// them.
func canonicalData(rr dns.RR) ([]byte, error) {
	rr = dns.Copy(rr)
	var tail string
	switch r := rr.(type) {
	case *dns.CAA:
		tail, r.Value = r.Value, ""
	case *dns.URI:
		tail, r.Target = r.Target, ""
	default:
		for _, name := range namesIn(rr) {
			*name = dns.CanonicalName(*name)
		}
	}
	const header = 1 + 2 + 2 + 4 + 2 // of a record at the root
	rr.Header().Name = "."
	wire := make([]byte, dns.Len(rr)+header)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return append(wire[header:end], tail...), nil
}

// namesIn returns the names in the data of a record that are put into lower case.
func namesIn(rr dns.RR) []*string {
	switch r := rr.(type) {
	case *dns.NS:
		return []*string{&r.Ns}
	case *dns.MD:
		return []*string{&r.Md}
	case *dns.MF:
		return []*string{&r.Mf}
	case *dns.CNAME:
		return []*string{&r.Target}
	case *dns.SOA:
		return []*string{&r.Ns, &r.Mbox}
	case *dns.MB:
		return []*string{&r.Mb}
	case *dns.MG:
		return []*string{&r.Mg}
	case *dns.MR:
		return []*string{&r.Mr}
	case *dns.PTR:
		return []*string{&r.Ptr}
	case *dns.MINFO:
		return []*string{&r.Rmail, &r.Email}
	case *dns.MX:
		return []*string{&r.Mx}
	case *dns.RP:
		return []*string{&r.Mbox, &r.Txt}
	case *dns.AFSDB:
		return []*string{&r.Hostname}
	case *dns.RT:
		return []*string{&r.Host}
	case *dns.SIG:
		return []*string{&r.SignerName}
	case *dns.RRSIG:
		return []*string{&r.SignerName}
	case *dns.PX:
		return []*string{&r.Map822, &r.Mapx400}
	case *dns.NXT:
		return []*string{&r.NextDomain}
	case *dns.NAPTR:
		return []*string{&r.Replacement}
	case *dns.KX:
		return []*string{&r.Exchanger}
	case *dns.SRV:
		return []*string{&r.Target}
	case *dns.DNAME:
		return []*string{&r.Target}
	}
	return nil
}

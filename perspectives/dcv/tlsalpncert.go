package dcv

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net/netip"
	"strings"

	"mpicsim/perspectives"
)

// Object identifiers as their text: asn1.ObjectIdentifier is no constant.
const (
	oidSubjectAltName = "2.5.29.17"
	oidACMEIdentifier = "1.3.6.1.5.5.7.1.31" // id-pe-acmeIdentifier, RFC 8737 3
)

// Tags of the choices of GeneralName (RFC 5280 4.2.1.6).
const (
	tagDNSName   = 2
	tagIPAddress = 7
)

// challengeCertificate is what the certificate of tls-alpn-01 must be
// (RFC 8737 3).
type challengeCertificate struct {
	name   string
	addr   netip.Addr // set for an IP address, in place of name
	digest []byte     // SHA-256 of the key authorization
}

// certificateFault is why a certificate is not the one wanted.
type certificateFault struct {
	reason, detail string
}

func fault(reason, format string, args ...any) *certificateFault {
	return &certificateFault{reason, fmt.Sprintf(format, args...)}
}

// judge returns why cert is not the certificate wanted, nil if it is. Extensions
// besides the two that count are ignored, as long as none is there twice.
func (w challengeCertificate) judge(cert *x509.Certificate) *certificateFault {
	seen := map[string][]byte{}
	critical := map[string]bool{}
	for _, e := range cert.Extensions {
		id := e.Id.String()
		if _, twice := seen[id]; twice {
			return fault(ReasonDuplicateExtension, "the extension %s is there twice", id)
		}
		seen[id], critical[id] = e.Value, e.Critical
	}
	if !bytes.Equal(cert.RawIssuer, cert.RawSubject) {
		return fault(ReasonNotSelfSigned, "issuer %q is not the subject %q", cert.Issuer, cert.Subject)
	}
	if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		return fault(ReasonNotSelfSigned, "its signature is not by its own key: %v", err)
	}
	san, ok := seen[oidSubjectAltName]
	if !ok {
		return fault(ReasonExtensionMissing, "no subjectAltName extension")
	}
	if f := w.judgeSAN(san); f != nil {
		return f
	}
	identifier, ok := seen[oidACMEIdentifier]
	switch {
	case !ok:
		return fault(ReasonExtensionMissing, "no acmeIdentifier extension")
	case !critical[oidACMEIdentifier]:
		return fault(ReasonExtensionNotCritical, "the acmeIdentifier extension is not critical")
	}
	return w.judgeIdentifier(identifier)
}

// judgeSAN wants a SEQUENCE of exactly one GeneralName, of the kind of the
// target, that is the target.
func (w challengeCertificate) judgeSAN(der []byte) *certificateFault {
	var names asn1.RawValue
	rest, err := asn1.Unmarshal(der, &names)
	if err != nil || len(rest) > 0 || names.Class != asn1.ClassUniversal || names.Tag != asn1.TagSequence || !names.IsCompound {
		return fault(ReasonNotOneSAN, "the subjectAltName is no sequence of names")
	}
	var name asn1.RawValue
	rest, err = asn1.Unmarshal(names.Bytes, &name)
	if err != nil || len(rest) > 0 {
		return fault(ReasonNotOneSAN, "the subjectAltName is not exactly one name")
	}
	tag, kind := tagDNSName, "dNSName"
	if w.addr.IsValid() {
		tag, kind = tagIPAddress, "iPAddress"
	}
	if name.Class != asn1.ClassContextSpecific || name.Tag != tag || name.IsCompound {
		return fault(ReasonSANType, "the subjectAltName is no %s", kind)
	}
	if w.addr.IsValid() {
		if !bytes.Equal(name.Bytes, w.addr.AsSlice()) {
			return fault(ReasonSANMismatch, "the subjectAltName is not %v", w.addr)
		}
		return nil
	}
	if !perspectives.EqualFoldASCII(string(name.Bytes), w.name) {
		return fault(ReasonSANMismatch, "the subjectAltName is %q, expected %q", name.Bytes, w.name)
	}
	return nil
}

// judgeIdentifier wants the DER encoding of an OCTET STRING with the digest, to
// the octet (RFC 8737 3).
func (w challengeCertificate) judgeIdentifier(der []byte) *certificateFault {
	const header = 2 // tag and length in one octet each
	if len(der) != header+len(w.digest) || der[0] != asn1.TagOctetString || int(der[1]) != len(w.digest) {
		return fault(ReasonExtensionMalformed, "the acmeIdentifier extension is %s, expected an OCTET STRING of %d octets",
			hexed(der), len(w.digest))
	}
	if !bytes.Equal(der[header:], w.digest) {
		return fault(ReasonDigestMismatch, "the acmeIdentifier extension has the digest %s, expected %s",
			hexed(der[header:]), hexed(w.digest))
	}
	return nil
}

// hexed returns the beginning of b in hexadecimal digits.
func hexed(b []byte) string {
	const most = 64
	if len(b) > most {
		return fmt.Sprintf("%x...", b[:most])
	}
	return strings.ToLower(fmt.Sprintf("%x", b))
}

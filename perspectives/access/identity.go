package access

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
)

// uriName is the context-specific tag of uniformResourceIdentifier in GeneralName
// (RFC 5280 4.2.1.6).
const uriName = 6

// identityOf returns the only URI name of a certificate, octet by octet as it was
// signed. x509.Certificate.URIs would not do: a URL that was parsed and written
// again has another scheme's case, and no empty fragment.
func identityOf(leaf *x509.Certificate) (string, *Denial) {
	names, err := uriNames(leaf)
	if err != nil {
		return "", deny(Unknown, "the names of the client certificate: %v", err)
	}
	if len(names) != 1 {
		return "", deny(Unknown, "the client certificate has %d URI names, expected one", len(names))
	}
	return names[0], nil
}

// uriNames returns the octets of all URI names of a certificate.
func uriNames(leaf *x509.Certificate) (names []string, err error) {
	subjectAltName := asn1.ObjectIdentifier{2, 5, 29, 17}
	for _, e := range leaf.Extensions {
		if !e.Id.Equal(subjectAltName) {
			continue
		}
		var all []asn1.RawValue
		if rest, err := asn1.Unmarshal(e.Value, &all); err != nil || len(rest) > 0 {
			return nil, errors.New("expected subjectAltName as a sequence of names")
		}
		for _, n := range all {
			if n.Class == asn1.ClassContextSpecific && n.Tag == uriName {
				names = append(names, string(n.Bytes))
			}
		}
	}
	return names, nil
}

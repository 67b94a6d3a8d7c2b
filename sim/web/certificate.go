package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"
)

// CertificateSpec describes a self-signed certificate.
type CertificateSpec struct {
	// Names are DNS names or IP addresses for the subject alternative name; the
	// first one is the subject's common name too.
	Names []string
	// NotBefore and Lifetime are the validity; 0 means 90 days.
	NotBefore time.Time
	Lifetime  time.Duration
	// Rand is where the key and the serial number come from, 32 octets and 8 as
	// a rule. The same octets give the same certificate.
	Rand io.Reader
}

// SelfSigned returns a certificate for an ECDSA key on P-256, signed by that key
// deterministically (RFC 6979).
func SelfSigned(spec CertificateSpec) (*tls.Certificate, error) {
	if len(spec.Names) == 0 || spec.Rand == nil || spec.NotBefore.IsZero() || spec.Lifetime < 0 {
		return nil, errors.New("self-signed certificate: want names, a start of validity, a lifetime that is not negative and a source of random octets")
	}
	if spec.Lifetime == 0 {
		spec.Lifetime = 90 * 24 * time.Hour
	}
	key, err := drawKey(spec.Rand)
	if err != nil {
		return nil, fmt.Errorf("self-signed certificate: %w", err)
	}
	serial := make([]byte, 8)
	if _, err := io.ReadFull(spec.Rand, serial); err != nil {
		return nil, fmt.Errorf("self-signed certificate: draw a serial number: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive and not zero (RFC 5280 4.1.2.2)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: spec.Names[0]},
		NotBefore:    spec.NotBefore,
		NotAfter:     spec.NotBefore.Add(spec.Lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range spec.Names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	// Without a source of random octets the signature is deterministic.
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("self-signed certificate for %s: %w", spec.Names[0], err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// drawKey draws a P-256 key by rejection: of 2^32 draws one is out of range.
// ecdsa.GenerateKey would not do, since it takes no notice of its source.
func drawKey(random io.Reader) (*ecdsa.PrivateKey, error) {
	const draws = 8
	raw := make([]byte, 32)
	for range draws {
		if _, err := io.ReadFull(random, raw); err != nil {
			return nil, fmt.Errorf("draw a key: %w", err)
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("draw a key: no usable one in %d draws; the source is not random", draws)
}

package remote

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"time"

	"mpicsim/perspectives/access"
)

// Authority is a small CA for the certificates of servers and partners: enough
// for tests and for one operator's own machines. It keeps no records: what it has
// revoked is what [Authority.Revoke] is told each time.
type Authority struct {
	Certificate *x509.Certificate
	key         crypto.Signer
}

// Leaf describes a certificate for a server, if it has hosts, or else for a
// client with an identity.
type Leaf struct {
	CommonName string
	// Identity is the URI name of a client; see [Partner].
	Identity string
	// Hosts are the names and IP addresses of a server.
	Hosts []string
	// NotBefore and NotAfter bound its validity.
	NotBefore, NotAfter time.Time
}

// KeyPair is a certificate with its private key, both in PEM.
type KeyPair struct {
	Certificate, Key []byte
}

// NewAuthority returns a new CA with a P-256 key that can issue end-entity
// certificates only.
func NewAuthority(name string, notBefore, notAfter time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", name, err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: notBefore, NotAfter: notAfter,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	certificate, err := create(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate of %s: %w", name, err)
	}
	return &Authority{certificate, key}, nil
}

// ReadAuthority reads a CA that [Authority.Files] was written from.
func ReadAuthority(certificate, key string, secrets access.Secrets) (*Authority, error) {
	certificates, err := ReadCertificates(certificate)
	if err != nil {
		return nil, err
	}
	data, err := secrets.Read(key)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s: expected a PEM block PRIVATE KEY", key)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, ok := private.(crypto.Signer)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s: expected a private key in PKCS #8", key)
	}
	return &Authority{certificates[0], signer}, nil
}

// Files returns the CA's certificate and key.
func (a *Authority) Files() (KeyPair, error) { return keyPair(a.Certificate, a.key) }

// Issue returns a new certificate with a new P-256 key.
func (a *Authority) Issue(l Leaf) (KeyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return KeyPair{}, fmt.Errorf("key of %s: %w", l.CommonName, err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: l.CommonName}, NotBefore: l.NotBefore, NotAfter: l.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if l.Identity != "" {
		// Not by Certificate.URIs: a URL that is parsed and written again may have
		// other octets, and identities are octets.
		names, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(l.Identity)}})
		if err != nil {
			return KeyPair{}, fmt.Errorf("identity of %s: %w", l.CommonName, err)
		}
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: names}}
	}
	for _, h := range l.Hosts {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if addr, err := netip.ParseAddr(h); err == nil {
			template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	certificate, err := create(template, a.Certificate, key.Public(), a.key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("certificate of %s: %w", l.CommonName, err)
	}
	return keyPair(certificate, key)
}

// Revoke returns a CRL in PEM, which lists the serial numbers given and no others.
func (a *Authority) Revoke(serials []*big.Int, thisUpdate, nextUpdate time.Time) ([]byte, error) {
	list := &x509.RevocationList{Number: big.NewInt(thisUpdate.Unix()), ThisUpdate: thisUpdate, NextUpdate: nextUpdate}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: s, RevocationTime: thisUpdate})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.Certificate, a.key)
	if err != nil {
		return nil, fmt.Errorf("CRL of %s: %w", a.Certificate.Subject, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}

func create(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func keyPair(certificate *x509.Certificate, key crypto.Signer) (KeyPair, error) {
	private, err := MarshalKey(key)
	return KeyPair{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}), private}, err
}

// MarshalKey returns a private key as PEM (PKCS #8).
func MarshalKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParseSigningKey reads an Ed25519 private key from PEM (PKCS #8), such as
// `openssl genpkey -algorithm ed25519` writes.
func ParseSigningKey(data []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("expected a PEM block PRIVATE KEY (PKCS #8)")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("expected a private key in PKCS #8")
	}
	signing, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("found a %T, expected an Ed25519 key", key)
	}
	return signing, nil
}

// ParseCertificates reads all certificates of a PEM file, at least one.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("found a PEM block %s, expected CERTIFICATE", block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(all)+1, err)
		}
		all = append(all, certificate)
	}
	if len(all) == 0 {
		return nil, errors.New("found no PEM block CERTIFICATE")
	}
	return all, nil
}

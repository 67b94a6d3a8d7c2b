package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
)

// challengeCertificate returns the certificate of tls-alpn-01 for www.plain.example
// (RFC 8737 3), changed as told.
func challengeCertificate(change ...func(*x509.Certificate)) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	digest := sha256.Sum256([]byte(keyAuthorization))
	value, err := asn1.Marshal(digest[:])
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "challenge"}, DNSNames: []string{"www.plain.example"},
		NotBefore: day().AddDate(0, 0, -1), NotAfter: day().AddDate(0, 0, 1),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}, Critical: true, Value: value}},
	}
	for _, f := range change {
		f(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serveChallenge makes one handshake.
func serveChallenge(cert tls.Certificate) func(net.Conn) {
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"acme-tls/1"}, MinVersion: tls.VersionTLS13}
	return func(conn net.Conn) {
		server := tls.Server(conn, config)
		_ = server.Handshake() // whoever asks may break it off
		_, _ = conn.Read(make([]byte, 1))
	}
}

package dcv

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"strings"

	"mpicsim/perspectives"
)

// acmeTLS1 is the protocol that a challenge server negotiates (RFC 8737 3).
const acmeTLS1 = "acme-tls/1"

// tlsALPN01 connects to port 443 of the domain or IP address, negotiates the
// protocol acme-tls/1 with TLS 1.2 or newer and judges the certificate
// (RFC 8737 3; for IP addresses, whose reverse name is sent as SNI, RFC 8738 6;
// BR 3.2.2.4.20, 3.2.2.5.7). Nothing is sent over the connection.
func (v *validation) tlsALPN01(ctx context.Context) perspectives.Outcome {
	sni := v.check.Domain
	addr, isAddress := v.check.Address()
	if isAddress {
		sni = ReverseName(addr)
	}
	conn, server, end := v.connect(ctx, peer{kind: "tls", query: sni, host: v.check.Domain, port: v.o.HTTPSPort})
	if end != nil {
		return *end
	}
	state, err := v.handshake(ctx, sni, server, conn)
	switch {
	case refusedALPN(err):
		return v.failed(ReasonALPN, "%s refused the protocol %s: %s", server, acmeTLS1, cause(err))
	case sentDuplicateExtension(err):
		return v.failed(ReasonDuplicateExtension, "%s: %s", server, cause(err))
	case sentNoCertificate(err):
		return v.failed(ReasonCertificateMalformed, "%s: %s", server, cause(err))
	case err != nil:
		return v.unreachable(err, "TLS handshake with %s for %s: %s", server, sni, cause(err))
	case state.NegotiatedProtocol != acmeTLS1:
		return v.failed(ReasonALPN, "%s negotiated the protocol %q, expected %q", server, state.NegotiatedProtocol, acmeTLS1)
	}
	digest, err := base64.RawURLEncoding.DecodeString(v.check.KeyHash())
	if err != nil {
		return v.broken(ReasonInvalidCheck, "key authorization hash: %v", err)
	}
	want := challengeCertificate{name: v.check.Domain, digest: digest}
	if isAddress {
		want.addr = addr
	}
	if fault := want.judge(state.PeerCertificates[0]); fault != nil {
		return v.failed(fault.reason, "the certificate of %s for %s: %s", server, sni, fault.detail)
	}
	return v.passed(ReasonCertificateMatches, "%s has the challenge certificate for %s", server, v.check.Domain)
}

// handshake makes a TLS handshake over conn, which it closes, and records it as
// evidence. A state without error has at least one certificate.
func (v *validation) handshake(ctx context.Context, sni string, server netip.AddrPort, conn net.Conn) (tls.ConnectionState, error) {
	defer conn.Close() //nolint:errcheck // the certificate has come or is given up
	ctx, cancel := context.WithTimeout(ctx, v.o.Timeout)
	defer cancel()
	client := tls.Client(conn, &tls.Config{
		ServerName: sni,
		NextProtos: []string{acmeTLS1},
		MinVersion: tls.VersionTLS12,
		// The certificate is self-signed; challengeCertificate judges it.
		InsecureSkipVerify: true, //nolint:gosec // see above
	})
	ev := perspectives.Evidence{Kind: "tls", Query: sni, Server: server.String(), Started: v.o.Clock()}
	err := client.HandshakeContext(ctx)
	ev.Took = v.o.Clock().Sub(ev.Started)
	state := client.ConnectionState()
	if err == nil && len(state.PeerCertificates) == 0 {
		err = errNoCertificate
	}
	if err != nil {
		ev.Answer = []string{cause(err)}
		v.keep(ev)
		return state, err
	}
	cert := state.PeerCertificates[0]
	fingerprint := sha256.Sum256(cert.Raw)
	ev.Answer = []string{
		tls.VersionName(state.Version), "ALPN " + state.NegotiatedProtocol,
		"certificate SHA-256 " + hex.EncodeToString(fingerprint[:]),
		"certificate " + base64.StdEncoding.EncodeToString(cert.Raw),
	}
	v.keep(ev)
	v.seen = &perspectives.Seen{TLS: &perspectives.SeenTLS{
		Version: tls.VersionName(state.Version), Protocol: state.NegotiatedProtocol,
		CommonName: cert.Subject.CommonName, Certificate: cert.Raw,
	}}
	return state, nil
}

var errNoCertificate = errors.New("the server sent no certificate")

// refusedALPN says whether the server broke the handshake off because it does
// not know the protocol (RFC 7301 3.2). Package crypto/tls has no exported error
// for a received alert.
func refusedALPN(err error) bool {
	opErr, ok := errors.AsType[*net.OpError](err)
	return ok && opErr.Op == "remote error" && strings.HasSuffix(opErr.Err.Error(), "no application protocol")
}

// sentNoCertificate says whether what the server sent as its certificate is
// none. That error has no type of its own either.
func sentNoCertificate(err error) bool {
	return err != nil && (errors.Is(err, errNoCertificate) ||
		strings.Contains(err.Error(), "failed to parse certificate from server"))
}

// sentDuplicateExtension says whether that was because of two extensions with the
// same object identifier (RFC 5280 4.2), which package crypto/x509 does not read.
func sentDuplicateExtension(err error) bool {
	return sentNoCertificate(err) && strings.Contains(err.Error(), "duplicate extension")
}

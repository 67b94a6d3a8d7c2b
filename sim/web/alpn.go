package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// ProtocolACME is the protocol by which a tls-alpn-01 challenge is asked for
// (RFC 8737 6.2).
const ProtocolACME = "acme-tls/1"

// ChallengeSpec describes the certificate of a tls-alpn-01 challenge.
type ChallengeSpec struct {
	// Name is the DNS name or IP address that is validated: the only subject
	// alternative name (RFC 8737 3, RFC 8738 5).
	Name string
	// Digest is the SHA-256 digest of the key authorization.
	Digest [32]byte
	// NotBefore and Lifetime are the validity; 0 means 90 days.
	NotBefore time.Time
	Lifetime  time.Duration
	// Rand is where the key and the serial number come from, as for [SelfSigned].
	Rand io.Reader
}

// ChallengeCertificate returns the self-signed certificate that RFC 8737 3
// describes: one subject alternative name, and the digest in a critical
// acmeIdentifier extension. The same octets from spec.Rand give the same
// certificate.
func ChallengeCertificate(spec ChallengeSpec) (*tls.Certificate, error) {
	if spec.Name == "" || spec.Rand == nil || spec.NotBefore.IsZero() || spec.Lifetime < 0 {
		return nil, errors.New("challenge certificate: want a name, a start of validity, a lifetime that is not negative and a source of random octets")
	}
	if spec.Lifetime == 0 {
		spec.Lifetime = 90 * 24 * time.Hour
	}
	key, err := drawKey(spec.Rand)
	if err != nil {
		return nil, fmt.Errorf("challenge certificate for %s: %w", spec.Name, err)
	}
	serial := make([]byte, 8)
	if _, err := io.ReadFull(spec.Rand, serial); err != nil {
		return nil, fmt.Errorf("challenge certificate for %s: draw a serial number: %w", spec.Name, err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive and not zero (RFC 5280 4.1.2.2)
	digest, err := asn1.Marshal(spec.Digest[:])
	if err != nil {
		return nil, fmt.Errorf("challenge certificate for %s: %w", spec.Name, err)
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: "ACME challenge"},
		NotBefore:    spec.NotBefore,
		NotAfter:     spec.NotBefore.Add(spec.Lifetime),
		ExtraExtensions: []pkix.Extension{{
			Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}, Critical: true, Value: digest, // id-pe-acmeIdentifier
		}},
	}
	if ip := net.ParseIP(spec.Name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{spec.Name}
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("challenge certificate for %s: %w", spec.Name, err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// ResponderConfig says what a [Responder] serves, and where.
type ResponderConfig struct {
	// Addrs are the addresses to answer at. Port 0 takes a free port.
	Addrs []netip.AddrPort
	// Certificates are presented by the name or IP address that they are for, in
	// lower case. For an IP address its reverse name must be asked for (RFC 8738
	// 6).
	Certificates map[string]*tls.Certificate
	// IgnoreALPN presents them to everybody and negotiates no protocol, as a
	// server does that has never heard of RFC 8737.
	IgnoreALPN bool
	// OnHandshake, if set, is called after each handshake with the server name
	// that was asked for and the error, nil if it succeeded. Calls run
	// concurrently.
	OnHandshake func(serverName string, err error)
}

// Responder answers tls-alpn-01 challenges and nothing else (RFC 8737 3): it
// finishes the handshake with who offers acme-tls/1 and no other protocol, and
// closes the connection. It is safe for concurrent use.
type Responder struct {
	config    ResponderConfig
	byName    map[string]*tls.Certificate // by server name
	listeners []net.Listener
	addrs     []netip.AddrPort
	running   sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	open    map[net.Conn]bool
	detach  func() bool
	failure error
}

// handshakeTimeout is how long, on the operating system's clock, a client may
// take for a handshake.
const handshakeTimeout = 10 * time.Second

// Respond starts a responder on host. When it returns connections are accepted.
// It runs until Close is called or ctx ends.
func Respond(ctx context.Context, host Host, config ResponderConfig) (*Responder, error) {
	r := &Responder{config: config, byName: map[string]*tls.Certificate{}, open: map[net.Conn]bool{}}
	if len(config.Addrs) == 0 || len(config.Certificates) == 0 {
		return nil, errors.New("challenge responder: want at least one address and one certificate")
	}
	for name, certificate := range config.Certificates {
		if certificate == nil || name == "" || name != strings.ToLower(name) {
			return nil, fmt.Errorf("challenge responder: certificate for %q: want one, and its name in lower case", name)
		}
		if addr, err := netip.ParseAddr(name); err == nil {
			name = reverseName(addr)
		}
		r.byName[name] = certificate
	}
	for _, addr := range config.Addrs {
		l, err := host.Listen(ctx, "tcp", addr.String())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("challenge responder at %v: listen: %w", addr, err), r.Close())
		}
		if tcp, ok := l.Addr().(*net.TCPAddr); ok && addr.Port() == 0 {
			addr = netip.AddrPortFrom(addr.Addr(), tcp.AddrPort().Port())
		}
		r.listeners, r.addrs = append(r.listeners, l), append(r.addrs, addr)
		r.running.Go(func() { r.accept(l, addr) })
	}
	r.mu.Lock() // Close, called by the context, waits for the assignment
	defer r.mu.Unlock()
	r.detach = context.AfterFunc(ctx, func() { _ = r.Close() })
	return r, nil
}

// Addrs returns the addresses that the responder answers at, with their ports,
// in the order of ResponderConfig.Addrs. The caller must not change the slice.
func (r *Responder) Addrs() []netip.AddrPort { return r.addrs }

// Close stops the responder, closes its connections and waits until all that it
// started has ended. It returns the error that a socket failed with before, if
// any. Calling it again is harmless.
func (r *Responder) Close() error {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	failure, detach := r.failure, r.detach
	for c := range r.open {
		_ = c.Close() // breaks off the handshake
	}
	r.mu.Unlock()
	if first {
		if detach != nil {
			detach()
		}
		for _, l := range r.listeners {
			_ = l.Close()
		}
	}
	r.running.Wait()
	return failure
}

func (r *Responder) accept(l net.Listener, at netip.AddrPort) {
	for {
		c, err := l.Accept()
		r.mu.Lock()
		switch {
		case err != nil && !r.closed && r.failure == nil:
			r.failure = fmt.Errorf("challenge responder at %v: %w", at, err)
		case err == nil && r.closed:
			_ = c.Close()
		case err == nil:
			r.open[c] = true
			r.running.Go(func() { r.serve(c) })
		}
		ended := err != nil || r.closed
		r.mu.Unlock()
		if ended {
			return
		}
	}
}

func (r *Responder) serve(c net.Conn) {
	defer func() {
		r.mu.Lock()
		delete(r.open, c)
		r.mu.Unlock()
		_ = c.Close()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	var asked string
	server := tls.Server(c, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			asked = strings.ToLower(hello.ServerName)
			return r.configFor(asked, hello.SupportedProtos)
		},
	})
	err := server.HandshakeContext(ctx)
	if err == nil {
		err = server.Close() // says so to the client
	}
	if r.config.OnHandshake != nil {
		r.config.OnHandshake(asked, err)
	}
}

// configFor returns the settings for a client that asks for a name and offers
// protocols.
func (r *Responder) configFor(name string, offered []string) (*tls.Config, error) {
	certificate := r.byName[name]
	if certificate == nil {
		return nil, fmt.Errorf("no challenge for %q", name)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}}
	if r.config.IgnoreALPN {
		return c, nil
	}
	if !slices.Equal(offered, []string{ProtocolACME}) {
		return nil, fmt.Errorf("the client offers %q, want %s alone (RFC 8737 3)", offered, ProtocolACME)
	}
	c.NextProtos = []string{ProtocolACME}
	return c, nil
}

// reverseName returns the name of addr in in-addr.arpa or ip6.arpa, without
// trailing dot.
func reverseName(addr netip.Addr) string {
	var labels []string
	suffix := "in-addr.arpa"
	if addr = addr.Unmap(); addr.Is4() {
		labels = strings.Split(addr.String(), ".")
	} else {
		labels, suffix = strings.Split(hex.EncodeToString(addr.AsSlice()), ""), "ip6.arpa"
	}
	slices.Reverse(labels)
	return strings.Join(append(labels, suffix), ".")
}

package web_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/sim/web"
)

// challenge returns the certificate for a name; the same one for the same name.
func challenge(name string) *tls.Certificate {
	GinkgoHelper()
	certificate, err := web.ChallengeCertificate(web.ChallengeSpec{
		Name: name, Digest: sha256.Sum256([]byte("token.thumbprint")),
		NotBefore: time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC), Rand: rand.NewChaCha8([32]byte{1}),
	})
	Expect(err).NotTo(HaveOccurred())
	return certificate
}

var _ = Describe("A responder for tls-alpn-01", func() {
	var (
		mu      sync.Mutex
		asked   []string
		respond func(web.ResponderConfig) netip.AddrPort
	)
	BeforeEach(func() {
		asked = nil
		respond = func(c web.ResponderConfig) netip.AddrPort {
			GinkgoHelper()
			c.Addrs = local()
			c.Certificates = map[string]*tls.Certificate{
				"www.victim.example": challenge("www.victim.example"),
				"192.0.2.80":         challenge("192.0.2.80"),
				"2001:db8::80":       challenge("2001:db8::80"),
			}
			c.OnHandshake = func(name string, _ error) {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, name)
			}
			r, err := web.Respond(context.Background(), &loopback{}, c)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(func() { Expect(r.Close()).To(Succeed()) })
			return r.Addrs()[0]
		}
	})
	handshake := func(at netip.AddrPort, name string, protocols ...string) (tls.ConnectionState, error) {
		d := tls.Dialer{Config: &tls.Config{ServerName: name, NextProtos: protocols, InsecureSkipVerify: true}}
		c, err := d.DialContext(context.Background(), "tcp", at.String())
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer func() { _ = c.Close() }()
		return c.(*tls.Conn).ConnectionState(), nil
	}

	DescribeTable("presents the certificate of RFC 8737 to who offers acme-tls/1", func(sni, subject string) {
		at := respond(web.ResponderConfig{})
		state, err := handshake(at, sni, web.ProtocolACME)
		Expect(err).NotTo(HaveOccurred())
		Expect(state.NegotiatedProtocol).To(Equal(web.ProtocolACME))
		cert := state.PeerCertificates[0]
		names := append([]string{}, cert.DNSNames...)
		for _, ip := range cert.IPAddresses {
			names = append(names, ip.String())
		}
		Expect(names).To(Equal([]string{subject}))
		Expect(cert.RawIssuer).To(Equal(cert.RawSubject))
		Expect(cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)).To(Succeed())
		digest := sha256.Sum256([]byte("token.thumbprint"))
		found := 0
		for _, e := range cert.Extensions {
			if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) {
				found++
				Expect(e.Critical).To(BeTrue())
				Expect(e.Value).To(Equal(append([]byte{4, 32}, digest[:]...)), "a DER OCTET STRING of 32 octets")
			}
		}
		Expect(found).To(Equal(1))
	},
		Entry("for a name", "www.victim.example", "www.victim.example"),
		Entry("for a name in another case", "WWW.Victim.example", "www.victim.example"),
		Entry("for an IPv4 address by its reverse name", "80.2.0.192.in-addr.arpa", "192.0.2.80"),
		Entry("for an IPv6 address by its reverse name", "0.8"+strings.Repeat(".0", 22)+".8.b.d.0.1.0.0.2.ip6.arpa", "2001:db8::80"),
	)

	DescribeTable("breaks the handshake off", func(sni string, protocols []string) {
		at := respond(web.ResponderConfig{})
		_, err := handshake(at, sni, protocols...)
		Expect(err).To(HaveOccurred())
	},
		Entry("with who offers no protocol", "www.victim.example", nil),
		Entry("with who offers another one", "www.victim.example", []string{"h2"}),
		Entry("with who offers another one as well", "www.victim.example", []string{web.ProtocolACME, "h2"}),
		Entry("with who asks for a name that has no challenge", "other.victim.example", []string{web.ProtocolACME}),
	)

	It("negotiates nothing where it has never heard of ALPN", func() {
		at := respond(web.ResponderConfig{IgnoreALPN: true})
		state, err := handshake(at, "www.victim.example", web.ProtocolACME)
		Expect(err).NotTo(HaveOccurred())
		Expect(state.NegotiatedProtocol).To(BeEmpty())
		Expect(state.PeerCertificates[0].DNSNames).To(Equal([]string{"www.victim.example"}))
	})

	It("tells who asked for what", func() {
		at := respond(web.ResponderConfig{})
		_, _ = handshake(at, "other.victim.example", web.ProtocolACME)
		Eventually(func() []string {
			mu.Lock()
			defer mu.Unlock()
			return append([]string{}, asked...)
		}).Should(Equal([]string{"other.victim.example"}))
	})

	It("makes the same certificate from the same octets", func() {
		Expect(challenge("www.victim.example").Certificate).To(Equal(challenge("www.victim.example").Certificate))
	})

	It("ends with its context, half-open connections included", func() {
		ctx, cancel := context.WithCancel(context.Background())
		r, err := web.Respond(ctx, &loopback{}, web.ResponderConfig{
			Addrs: local(), Certificates: map[string]*tls.Certificate{"a.example": challenge("a.example")},
		})
		Expect(err).NotTo(HaveOccurred())
		c, err := net.Dial("tcp", r.Addrs()[0].String())
		Expect(err).NotTo(HaveOccurred())
		defer func() { _ = c.Close() }()
		cancel()
		Expect(r.Close()).To(Succeed())
	})

	DescribeTable("is refused", func(c web.ResponderConfig, why string) {
		_, err := web.Respond(context.Background(), &loopback{}, c)
		Expect(err).To(MatchError(ContainSubstring(why)))
	},
		Entry("without an address", web.ResponderConfig{Certificates: map[string]*tls.Certificate{"a": {}}}, "at least one address"),
		Entry("without a certificate", web.ResponderConfig{Addrs: local()}, "one certificate"),
		Entry("with a name in upper case", web.ResponderConfig{Addrs: local(), Certificates: map[string]*tls.Certificate{"A": {}}}, "lower case"),
		Entry("with no certificate for a name", web.ResponderConfig{Addrs: local(), Certificates: map[string]*tls.Certificate{"a": nil}}, `"a"`),
	)

	DescribeTable("has no certificate", func(spec web.ChallengeSpec) {
		_, err := web.ChallengeCertificate(spec)
		Expect(err).To(HaveOccurred())
	},
		Entry("without a name", web.ChallengeSpec{NotBefore: time.Unix(1, 0), Rand: rand.NewChaCha8([32]byte{})}),
		Entry("without a date", web.ChallengeSpec{Name: "a", Rand: rand.NewChaCha8([32]byte{})}),
		Entry("without random octets", web.ChallengeSpec{Name: "a", NotBefore: time.Unix(1, 0)}),
		Entry("if these run out before the key", web.ChallengeSpec{Name: "a", NotBefore: time.Unix(1, 0), Rand: strings.NewReader("short")}),
		Entry("if these run out before the serial number", web.ChallengeSpec{Name: "a", NotBefore: time.Unix(1, 0), Rand: strings.NewReader(strings.Repeat("x", 33))}),
	)

	It("names what the certificate says", func() {
		cert, err := x509.ParseCertificate(challenge("www.victim.example").Certificate[0])
		Expect(err).NotTo(HaveOccurred())
		Expect(cert.NotAfter.Sub(cert.NotBefore)).To(Equal(90 * 24 * time.Hour))
	})
})

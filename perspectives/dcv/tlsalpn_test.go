package dcv_test

import (
	"context"
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
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
)

// challenge describes the certificate of a tls-alpn-01 server. The zero value
// with names is a right one.
type challenge struct {
	dns        []string
	ips        []string
	mail       []string
	identifier []byte   // value of acmeIdentifier, by default the right one
	bare       bool     // without acmeIdentifier
	uncritical bool     // acmeIdentifier is not critical
	oid        []int    // in place of acmeIdentifier's
	twice      bool     // acmeIdentifier is there twice
	more       []int    // another extension
	san        []byte   // value of subjectAltName in place of names
	issuer     string   // in place of the subject
	foreignKey bool     // signed by another key than its own
	protocols  []string // negotiated, by default acme-tls/1
	serial     string   // octets of the serial number, by default 1
	critical   bool     // the other extension is critical
	sha1       bool     // signed with SHA-1
	anonymous  bool     // without subject and issuer
	tls        func(*tls.Config)
}

var (
	oidACME = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}
	oidSAN  = asn1.ObjectIdentifier{2, 5, 29, 17}
)

func octets(digest []byte) []byte { return append([]byte{4, byte(len(digest))}, digest...) }

// certificate returns what c describes.
func (c challenge) certificate() tls.Certificate {
	GinkgoHelper()
	digest := sha256.Sum256([]byte(keyAuth))
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "challenge"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0), // long expired, which does not matter
		DNSNames: c.dns, EmailAddresses: c.mail,
	}
	for _, ip := range c.ips {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(ip))
	}
	if c.san != nil {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: oidSAN, Value: c.san})
	}
	identifier := pkix.Extension{Id: oidACME, Critical: !c.uncritical, Value: c.identifier}
	if c.identifier == nil {
		identifier.Value = octets(digest[:])
	}
	if c.oid != nil {
		identifier.Id = c.oid
	}
	if !c.bare {
		template.ExtraExtensions = append(template.ExtraExtensions, identifier)
	}
	if c.twice {
		template.ExtraExtensions = append(template.ExtraExtensions, identifier)
	}
	if c.more != nil {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: c.more, Critical: c.critical, Value: []byte{5, 0}})
	}
	if c.anonymous {
		template.Subject = pkix.Name{}
	}
	if c.sha1 {
		template.SignatureAlgorithm = x509.ECDSAWithSHA1
	}
	parent, signer := template, own
	if c.issuer != "" {
		parent = &x509.Certificate{Subject: pkix.Name{CommonName: c.issuer}}
	}
	if c.foreignKey {
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		Expect(err).NotTo(HaveOccurred())
		parent = &x509.Certificate{Subject: template.Subject}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &own.PublicKey, signer)
	Expect(err).NotTo(HaveOccurred())
	if c.serial != "" {
		der = reserial(der, c.serial, own)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: own}
}

// reserial gives a certificate another serial number, which package crypto/x509 does
// not write, and signs it anew.
func reserial(der []byte, serial string, key *ecdsa.PrivateKey) []byte {
	GinkgoHelper()
	var cert struct {
		TBS       asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	var tbs struct{ Version, Serial asn1.RawValue }
	_, err := asn1.Unmarshal(der, &cert)
	Expect(err).NotTo(HaveOccurred())
	rest, err := asn1.Unmarshal(cert.TBS.Bytes, &tbs.Version)
	Expect(err).NotTo(HaveOccurred())
	rest, err = asn1.Unmarshal(rest, &tbs.Serial)
	Expect(err).NotTo(HaveOccurred())
	number, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagInteger, Bytes: []byte(serial)})
	Expect(err).NotTo(HaveOccurred())
	content := slices.Concat(tbs.Version.FullBytes, number, rest)
	whole, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: content})
	Expect(err).NotTo(HaveOccurred())
	sum := sha256.Sum256(whole)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	Expect(err).NotTo(HaveOccurred())
	cert.TBS = asn1.RawValue{FullBytes: whole}
	cert.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	out, err := asn1.Marshal(cert)
	Expect(err).NotTo(HaveOccurred())
	return out
}

// answer serves the challenge at address and tells the server names that clients
// ask for.
func (w *world) answer(c challenge, address string) <-chan string {
	GinkgoHelper()
	names := make(chan string, 10)
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{c.certificate()}, NextProtos: []string{"acme-tls/1"},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			names <- hello.ServerName
			return nil, nil
		},
	}
	if c.protocols != nil {
		config.NextProtos = c.protocols
	}
	if c.tls != nil {
		c.tls(config)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(l.Close)
	w.listeners[address] = l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if tc, ok := conn.(*tls.Conn); ok {
				_ = tc.HandshakeContext(context.Background())
				_, _ = tc.Read(make([]byte, 1)) // until the client closes
			}
			_ = conn.Close()
		}
	}()
	return names
}

var _ = Describe("tls-alpn-01", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld()
		w.check.Method = perspectives.TLSALPN01
		w.names["www.example.test A"] = []string{"203.0.113.7"}
	})
	www := []string{"www.example.test"}
	short := octets(make([]byte, 31))
	digest := sha256.Sum256([]byte(keyAuth))

	It("passes with the certificate of RFC 8737, and says what was seen", func(ctx SpecContext) {
		names := w.answer(challenge{dns: www}, "203.0.113.7:443")
		w.run(ctx)
		Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Pass), HaveField("Reason", dcv.ReasonCertificateMatches),
			HaveField("Clause", "BR 3.2.2.4.20")), w.outcome.Detail)
		Expect(w.targets).To(Equal([]string{"203.0.113.7:443"}))
		Expect(names).To(Receive(Equal("www.example.test")))
		Expect(w.outcome.Seen.TLS).To(And(HaveField("Version", "TLS 1.3"), HaveField("Protocol", "acme-tls/1"),
			HaveField("CommonName", "challenge"), HaveField("Certificate", Not(BeEmpty()))))
		last := w.outcome.Evidence[len(w.outcome.Evidence)-1]
		Expect(last).To(And(HaveField("Kind", "tls"), HaveField("Query", "www.example.test"), HaveField("Server", "203.0.113.7:443")))
		Expect(last.Answer).To(ContainElements("TLS 1.3", "ALPN acme-tls/1", HavePrefix("certificate SHA-256 ")))
	})

	It("needs no more than the digest", func(ctx SpecContext) {
		w.check.Token, w.check.KeyAuthorization = "", ""
		w.check.DCV.KeyAuthorizationHash = perspectives.KeyAuthorizationHash(keyAuth)
		w.answer(challenge{dns: www}, "203.0.113.7:443")
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
	})

	DescribeTable("passes with",
		func(ctx SpecContext, c challenge) {
			w.answer(c, "203.0.113.7:443")
			w.run(ctx)
			Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
		},
		Entry("a name in other case", challenge{dns: []string{"WWW.example.Test"}}),
		Entry("another extension", challenge{dns: www, more: []int{1, 2, 3, 4}}),
		Entry("TLS 1.2", challenge{dns: www, tls: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }}),
		// RFC 5280 4.1.2.2: who uses certificates should handle such serial numbers.
		Entry("a negative serial number", challenge{dns: www, serial: "\x80"}),
		Entry("the serial number 0", challenge{dns: www, serial: "\x00"}),
		Entry("a serial number of 40 octets", challenge{dns: www, serial: "\x01" + strings.Repeat("x", 39)}),
		// RFC 8737 3 wants two extensions and no path: nothing else is judged.
		Entry("another critical extension that nobody knows", challenge{dns: www, more: []int{1, 2, 3, 4}, critical: true}),
		Entry("a signature with SHA-1", challenge{dns: www, sha1: true}),
		Entry("neither subject nor issuer", challenge{dns: www, anonymous: true}),
		Entry("other protocols that the server also knows", challenge{dns: www, protocols: []string{"h2", "acme-tls/1"}}),
	)

	DescribeTable("fails with",
		func(ctx SpecContext, c challenge, reason string) {
			w.answer(c, "203.0.113.7:443")
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Fail), HaveField("Reason", reason)), w.outcome.Detail)
			Expect(w.outcome.Evidence).To(HaveLen(3))
		},
		Entry("a server without ALPN", challenge{dns: www, protocols: []string{}}, dcv.ReasonALPN),
		Entry("a server of other protocols", challenge{dns: www, protocols: []string{"h2", "http/1.1"}}, dcv.ReasonALPN),
		Entry("a certificate of another issuer", challenge{dns: www, issuer: "ca.example"}, dcv.ReasonNotSelfSigned),
		Entry("a certificate signed by another key", challenge{dns: www, foreignKey: true}, dcv.ReasonNotSelfSigned),
		Entry("no subjectAltName", challenge{}, dcv.ReasonExtensionMissing),
		Entry("another name", challenge{dns: []string{"example.test"}}, dcv.ReasonSANMismatch),
		Entry("a wildcard that covers the name", challenge{dns: []string{"*.example.test"}}, dcv.ReasonSANMismatch),
		Entry("the name with a dot at the end", challenge{san: san(2, "www.example.test.")}, dcv.ReasonSANMismatch),
		Entry("two names", challenge{dns: []string{"www.example.test", "example.test"}}, dcv.ReasonNotOneSAN),
		Entry("the name twice", challenge{dns: []string{"www.example.test", "www.example.test"}}, dcv.ReasonNotOneSAN),
		Entry("a name and an address", challenge{dns: www, ips: []string{"203.0.113.7"}}, dcv.ReasonNotOneSAN),
		Entry("an address only", challenge{ips: []string{"203.0.113.7"}}, dcv.ReasonSANType),
		Entry("a mailbox only", challenge{mail: []string{"www@example.test"}}, dcv.ReasonSANType),
		Entry("no acmeIdentifier", challenge{dns: www, bare: true}, dcv.ReasonExtensionMissing),
		Entry("the identifier of the drafts", challenge{dns: www, oid: []int{1, 3, 6, 1, 5, 5, 7, 1, 30, 1}}, dcv.ReasonExtensionMissing),
		Entry("an acmeIdentifier that is not critical", challenge{dns: www, uncritical: true}, dcv.ReasonExtensionNotCritical),
		Entry("acmeIdentifier twice", challenge{dns: www, twice: true}, dcv.ReasonDuplicateExtension),
		Entry("another digest", challenge{dns: www, identifier: octets(make([]byte, 32))}, dcv.ReasonDigestMismatch),
		Entry("a short digest", challenge{dns: www, identifier: short}, dcv.ReasonExtensionMalformed),
		Entry("the digest without OCTET STRING", challenge{dns: www, identifier: digest[:]}, dcv.ReasonExtensionMalformed),
		Entry("an octet after it", challenge{dns: www, identifier: append(octets(digest[:]), 0)}, dcv.ReasonExtensionMalformed),
		Entry("its length in two octets", challenge{dns: www, identifier: append([]byte{4, 0x81, 32}, digest[:]...)}, dcv.ReasonExtensionMalformed),
		Entry("another type", challenge{dns: www, identifier: append([]byte{12, 32}, digest[:]...)}, dcv.ReasonExtensionMalformed),
		Entry("an empty extension", challenge{dns: www, identifier: []byte{}}, dcv.ReasonExtensionMalformed),
	)

	It("fails with a certificate that cannot be read", func(ctx SpecContext) {
		w.answer(challenge{dns: www, tls: func(c *tls.Config) {
			c.Certificates[0].Certificate = [][]byte{[]byte("not a certificate")}
		}}, "203.0.113.7:443")
		w.run(ctx)
		Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Fail), HaveField("Reason", dcv.ReasonCertificateMalformed)), w.outcome.Detail)
	})

	DescribeTable("validates an IP address, with the name in the reverse zone as SNI (RFC 8738 6)",
		func(ctx SpecContext, address, server, sni string, c challenge, verdict perspectives.Verdict, reason string) {
			w.check.Domain = address
			names := w.answer(c, server)
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason),
				HaveField("Clause", "BR 3.2.2.5.7")), w.outcome.Detail)
			Expect(names).To(Receive(Equal(sni)))
			Expect(w.asked).To(BeEmpty())
		},
		Entry("IPv4", "203.0.113.7", "203.0.113.7:443", "7.113.0.203.in-addr.arpa",
			challenge{ips: []string{"203.0.113.7"}}, perspectives.Pass, dcv.ReasonCertificateMatches),
		Entry("IPv6", "2001:db8::7", "[2001:db8::7]:443",
			"7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
			challenge{ips: []string{"2001:db8::7"}}, perspectives.Pass, dcv.ReasonCertificateMatches),
		Entry("another address", "203.0.113.7", "203.0.113.7:443", "7.113.0.203.in-addr.arpa",
			challenge{ips: []string{"203.0.113.8"}}, perspectives.Fail, dcv.ReasonSANMismatch),
		Entry("the address as IPv6", "203.0.113.7", "203.0.113.7:443", "7.113.0.203.in-addr.arpa",
			challenge{san: san(7, string(net.ParseIP("203.0.113.7").To16()))}, perspectives.Fail, dcv.ReasonSANMismatch),
		Entry("the address as a name", "203.0.113.7", "203.0.113.7:443", "7.113.0.203.in-addr.arpa",
			challenge{dns: []string{"203.0.113.7"}}, perspectives.Fail, dcv.ReasonSANType),
		Entry("the reverse name", "203.0.113.7", "203.0.113.7:443", "7.113.0.203.in-addr.arpa",
			challenge{dns: []string{"7.113.0.203.in-addr.arpa"}}, perspectives.Fail, dcv.ReasonSANType),
	)

	DescribeTable("has no answer from",
		func(ctx SpecContext, serve func(*world), reason string) {
			w.options = func(o *dcv.Options) { o.Timeout = 300 * time.Millisecond }
			serve(w)
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Error), HaveField("Reason", reason)), w.outcome.Detail)
		},
		Entry("nobody", func(*world) {}, dcv.ReasonConnectionFailed),
		Entry("a server without TLS", func(w *world) {
			w.web(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(200) }, "203.0.113.7:443")
		}, dcv.ReasonConnectionFailed),
		Entry("a server of TLS 1.1", func(w *world) {
			w.answer(challenge{dns: www, tls: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }}, "203.0.113.7:443")
		}, dcv.ReasonConnectionFailed),
		Entry("a server that closes at once", func(w *world) { w.raw("203.0.113.7:443") }, dcv.ReasonConnectionFailed),
		Entry("a server that stalls", func(w *world) { w.stall("203.0.113.7:443") }, dcv.ReasonTimeout),
	)

	It("cannot validate a wildcard", func(ctx SpecContext) {
		w.check.Domain = "*.example.test"
		w.run(ctx)
		Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Fail), HaveField("Reason", dcv.ReasonWildcard)))
	})

	It("goes to IPv6 first and falls back to IPv4 once", func(ctx SpecContext) {
		w.names["www.example.test AAAA"] = []string{"2001:db8::7"}
		w.answer(challenge{dns: www}, "203.0.113.7:443")
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
		Expect(w.dialled).To(Equal([]string{"[2001:db8::7]:443", "203.0.113.7:443"}))
	})
})

// san returns a subjectAltName of one name of the kind that tag says.
func san(tag byte, name string) []byte {
	inner := append([]byte{0x80 | tag, byte(len(name))}, name...)
	return append([]byte{0x30, byte(len(inner))}, inner...)
}

// stall accepts connections at address and says nothing.
func (w *world) stall(address string) {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // test
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(l.Close)
	w.listeners[address] = l.Addr().String()
}

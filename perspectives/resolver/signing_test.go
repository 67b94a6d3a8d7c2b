package resolver_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
)

// handSigner signs records octet by octet, without package dns, which cannot sign
// what it cannot verify.
type handSigner struct {
	key  *dns.DNSKEY
	sign func(data []byte) []byte
}

func handKey(zone string, algorithm uint8, octets []byte) *dns.DNSKEY {
	return &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300},
		Flags: 257, Protocol: 3, Algorithm: algorithm, PublicKey: base64.StdEncoding.EncodeToString(octets),
	}
}

// rsaHandSigner has a key of algorithm 8 with a modulus of the bits given and any
// odd exponent.
func rsaHandSigner(tb testing.TB, zone string, bits int, e *big.Int) handSigner {
	tb.Helper()
	one := big.NewInt(1)
	for {
		p, err := rand.Prime(rand.Reader, (bits+1)/2)
		if err != nil {
			tb.Fatal(err)
		}
		q, err := rand.Prime(rand.Reader, bits/2)
		if err != nil {
			tb.Fatal(err)
		}
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		n, d := new(big.Int).Mul(p, q), new(big.Int).ModInverse(e, phi)
		if d == nil {
			continue
		}
		octets := append(append([]byte{byte(len(e.Bytes()))}, e.Bytes()...), n.Bytes()...)
		return handSigner{handKey(zone, dns.RSASHA256, octets), func(data []byte) []byte {
			sum := sha256.Sum256(data)
			const info = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
			size := len(n.Bytes())
			em := "\x00\x01" + strings.Repeat("\xff", size-3-len(info)-len(sum)) + "\x00" + info + string(sum[:])
			return new(big.Int).Exp(new(big.Int).SetBytes([]byte(em)), d, n).FillBytes(make([]byte, size))
		}}
	}
}

func ed25519HandSigner(tb testing.TB, zone string) handSigner {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return handSigner{handKey(zone, dns.ED25519, public), func(data []byte) []byte { return ed25519.Sign(private, data) }}
}

// handSignedNow is when the signatures are valid.
func handSignedNow() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }

// rrsig signs records of one owner. signedAt is the name that they are signed at, the
// owner or a wildcard.
func (s handSigner) rrsig(tb testing.TB, signedAt string, records ...dns.RR) *dns.RRSIG {
	tb.Helper()
	h := records[0].Header()
	labels := dns.CountLabel(signedAt)
	if strings.HasPrefix(signedAt, "*.") {
		labels--
	}
	sig := &dns.RRSIG{
		Hdr:         dns.RR_Header{Name: h.Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: h.Ttl},
		TypeCovered: h.Rrtype, Algorithm: s.key.Algorithm, Labels: uint8(labels), OrigTtl: h.Ttl,
		KeyTag: s.key.KeyTag(), SignerName: s.key.Hdr.Name,
		Inception: uint32(handSignedNow().Unix() - 86400), Expiration: uint32(handSignedNow().Unix() + 86400),
	}
	name := func(n string) []byte {
		var b []byte
		for _, label := range dns.SplitDomainName(n) {
			b = append(append(b, byte(len(label))), label...)
		}
		return append(b, 0)
	}
	data := binary.BigEndian.AppendUint16(nil, sig.TypeCovered)
	data = append(data, sig.Algorithm, sig.Labels)
	for _, n := range []uint32{sig.OrigTtl, sig.Expiration, sig.Inception} {
		data = binary.BigEndian.AppendUint32(data, n)
	}
	data = append(binary.BigEndian.AppendUint16(data, sig.KeyTag), name(sig.SignerName)...)
	var rdata [][]byte
	for _, rr := range records {
		wire := make([]byte, dns.Len(rr)+64)
		end, err := dns.PackRR(dns.Copy(rr), wire, 0, nil, false) // which writes the record's length into it
		if err != nil {
			panic(err) // on a server's goroutine
		}
		rdata = append(rdata, wire[len(name(h.Name))+10:end])
	}
	slices.SortFunc(rdata, slices.Compare)
	for _, r := range rdata {
		data = append(data, name(signedAt)...)
		data = binary.BigEndian.AppendUint16(data, h.Rrtype)
		data = binary.BigEndian.AppendUint16(data, h.Class)
		data = binary.BigEndian.AppendUint32(data, sig.OrigTtl)
		data = append(binary.BigEndian.AppendUint16(data, uint16(len(r))), r...)
	}
	sig.Signature = base64.StdEncoding.EncodeToString(s.sign(data))
	return sig
}

// signedWorld is one zone, signed by hand, on the only server there is: what it says
// to a question for each type.
func signedWorld(tb testing.TB, s handSigner, answers map[uint16]func(m *dns.Msg)) *resolver.Resolver {
	tb.Helper()
	const server = "127.0.0.2"
	w := resolvertest.Start(tb, resolvertest.Server{Addr: server, Handler: func(rw dns.ResponseWriter, q *dns.Msg) {
		m := resolvertest.Reply(q)
		asked := q.Question[0]
		if say := answers[asked.Qtype]; say != nil {
			say(m)
		} else if asked.Qtype == dns.TypeDNSKEY {
			m.Answer = []dns.RR{s.key, s.rrsig(tb, s.key.Hdr.Name, s.key)}
		}
		if _, udp := rw.RemoteAddr().(*net.UDPAddr); udp {
			m.Truncate(1232)
		}
		_ = rw.WriteMsg(m)
	}})
	r, err := resolver.New(resolver.Options{
		Network: &net.Dialer{}, Clock: handSignedNow, Roots: w.Roots(server), Port: w.Port, FullNames: true,
		Limits: resolver.Limits{Timeout: 2 * time.Second}, TrustAnchors: []string{s.key.ToDS(dns.SHA256).String()},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

var _ = Describe("A zone that is signed by one RSA key", func() {
	DescribeTable("is",
		func(ctx SpecContext, bits int, exponent string, want types.GomegaMatcher) {
			e, ok := new(big.Int).SetString(exponent, 10)
			Expect(ok).To(BeTrue())
			s := rsaHandSigner(GinkgoTB(), ".", bits, e)
			r := signedWorld(GinkgoTB(), s, map[uint16]func(*dns.Msg){dns.TypeCAA: func(m *dns.Msg) {
				rr := resolvertest.RR(GinkgoTB(), `shop. 300 IN CAA 0 issue "ca.example"`)
				m.Answer = []dns.RR{rr, s.rrsig(GinkgoTB(), "shop.", rr)}
			}})
			a, err := r.Lookup(ctx, "shop", dns.TypeCAA)
			if err != nil {
				e, ok := errors.AsType[*resolver.Error](err)
				Expect(ok).To(BeTrue())
				Expect(e).To(want)
				return
			}
			Expect(a).To(want)
			Expect(a.Records).To(HaveLen(1))
		},
		Entry("secure with the exponent 65537", 1024, "65537", beSecure()),
		Entry("secure with the exponent 3", 1024, "3", beSecure()),
		Entry("secure with the exponent 2^31+1", 1024, "2147483649", beSecure()),
		Entry("secure with the exponent 2^32+1, as .lv has it", 1024, "4294967297", beSecure()),
		Entry("secure with an exponent of 64 bits", 1024, "18446744073709551557", beSecure()),
		Entry("secure with a modulus of 512 bits", 512, "65537", beSecure()),
		Entry("secure with a modulus of 1023 bits", 1023, "65537", beSecure()),
		// RFC 5702 2.1 allows no less.
		Entry("bogus with a modulus of 504 bits", 504, "65537", And(
			MatchError(resolver.ErrBogus), HaveField("Status", resolver.Bogus),
		)),
		Entry("neither bogus nor insecure with an exponent of 65 bits", 1024, "18446744073709551629", And(
			MatchError(resolver.ErrUnsupportedKey), Not(MatchError(resolver.ErrBogus)),
			HaveField("Status", resolver.Indeterminate),
			HaveField("EDE", ConsistOf(HaveField("Code", dns.ExtendedErrorCodeUnsupportedDNSKEYAlgorithm))),
		)),
	)

	It("is secure if one of its keys is supported and the other is not", func(ctx SpecContext) {
		wide, ok := new(big.Int).SetString("18446744073709551629", 10)
		Expect(ok).To(BeTrue())
		other := rsaHandSigner(GinkgoTB(), ".", 1024, wide)
		s := ed25519HandSigner(GinkgoTB(), ".")
		r := signedWorld(GinkgoTB(), s, map[uint16]func(*dns.Msg){
			dns.TypeDNSKEY: func(m *dns.Msg) {
				m.Answer = []dns.RR{s.key, other.key, other.rrsig(GinkgoTB(), ".", s.key, other.key), s.rrsig(GinkgoTB(), ".", s.key, other.key)}
			},
			dns.TypeCAA: func(m *dns.Msg) {
				rr := resolvertest.RR(GinkgoTB(), `shop. 300 IN CAA 0 issue "ca.example"`)
				m.Answer = []dns.RR{rr, other.rrsig(GinkgoTB(), "shop.", rr), s.rrsig(GinkgoTB(), "shop.", rr)}
			},
		})
		Expect(r.Lookup(ctx, "shop", dns.TypeCAA)).To(beSecure())
	})
})

func beSecure() types.GomegaMatcher { return HaveField("Status", resolver.Secure) }

var _ = Describe("Records that package dns cannot pack", func() {
	It("validate below a wildcard of the root", func(ctx SpecContext) {
		s := ed25519HandSigner(GinkgoTB(), ".")
		nsec := resolvertest.RR(GinkgoTB(), `*. 300 IN NSEC . RRSIG NSEC CAA`)
		rr := resolvertest.RR(GinkgoTB(), `shop. 300 IN CAA 0 issue "ca.example"`)
		answer := func(m *dns.Msg) {
			m.Answer = []dns.RR{rr, s.rrsig(GinkgoTB(), "*.", rr)}
			m.Ns = []dns.RR{nsec, s.rrsig(GinkgoTB(), "*.", nsec)}
		}
		r := signedWorld(GinkgoTB(), s, map[uint16]func(*dns.Msg){dns.TypeCAA: answer})
		Expect(r.Lookup(ctx, "shop", dns.TypeCAA)).To(beSecure())

		r = signedWorld(GinkgoTB(), s, map[uint16]func(*dns.Msg){dns.TypeCAA: func(m *dns.Msg) { answer(m); m.Ns = nil }})
		_, err := r.Lookup(ctx, "shop", dns.TypeCAA)
		Expect(err).To(MatchError(resolver.ErrBogus), "a wildcard needs the proof that there is nothing closer")
	})

	It("validate if a CAA value is longer than 1,025 octets", func(ctx SpecContext) {
		s := ed25519HandSigner(GinkgoTB(), ".")
		value := "ca.example; x=" + strings.Repeat(`\059`, 500)
		rr := &dns.RFC3597{
			Hdr:   dns.RR_Header{Name: "shop.", Rrtype: dns.TypeCAA, Class: dns.ClassINET, Ttl: 300},
			Rdata: hex.EncodeToString([]byte("\x00\x05issue" + value)),
		}
		r := signedWorld(GinkgoTB(), s, map[uint16]func(*dns.Msg){dns.TypeCAA: func(m *dns.Msg) {
			m.Answer = []dns.RR{rr, s.rrsig(GinkgoTB(), "shop.", rr)}
		}})
		a, err := r.Lookup(ctx, "shop", dns.TypeCAA)
		Expect(err).NotTo(HaveOccurred())
		Expect(a).To(beSecure())
		Expect(a.Records).To(ConsistOf(HaveField("Value", value)))
	})

	It("are refused if they are signed outside of the zone that signs", func(ctx SpecContext) {
		s := ed25519HandSigner(GinkgoTB(), "example.")
		rr := resolvertest.RR(GinkgoTB(), `shop.example. 300 IN CAA 0 issue "ca.example"`)
		nsec := resolvertest.RR(GinkgoTB(), `example. 300 IN NSEC example. NS SOA RRSIG NSEC DNSKEY`)
		r := signedWorld(GinkgoTB(), s, map[uint16]func(*dns.Msg){dns.TypeCAA: func(m *dns.Msg) {
			m.Answer = []dns.RR{rr, s.rrsig(GinkgoTB(), "*.", rr)}
			m.Ns = []dns.RR{nsec, s.rrsig(GinkgoTB(), "example.", nsec)}
		}})
		_, err := r.Lookup(ctx, "shop.example", dns.TypeCAA)
		Expect(err).To(MatchError(resolver.ErrBogus))
		Expect(err).To(MatchError(ContainSubstring("wildcard is not in the zone")))
	})
})

var _ = Describe("A zone with many keys of one tag", func() {
	It("is given up at the limit, also if the keys are none", func(ctx SpecContext) {
		s := ed25519HandSigner(GinkgoTB(), ".")
		var keys, sigs []dns.RR
		for i := range 100 {
			octets := make([]byte, 31)                   // one octet short
			octets[4], octets[2] = byte(1+i), byte(-1-i) // the sum, and so the tag, is the same
			keys = append(keys, handKey(".", dns.ED25519, octets))
		}
		tag := keys[0].(*dns.DNSKEY).KeyTag()
		for _, k := range keys {
			Expect(k.(*dns.DNSKEY).KeyTag()).To(Equal(tag))
		}
		rr := resolvertest.RR(GinkgoTB(), `shop. 300 IN CAA 0 issue "ca.example"`)
		for range 100 {
			sig := s.rrsig(GinkgoTB(), "shop.", rr)
			sig.KeyTag = tag
			sigs = append(sigs, sig)
		}
		set := append([]dns.RR{s.key}, keys...)
		r := signedWorld(GinkgoTB(), s, map[uint16]func(*dns.Msg){
			dns.TypeDNSKEY: func(m *dns.Msg) { m.Answer = append(slices.Clip(set), s.rrsig(GinkgoTB(), ".", set...)) },
			dns.TypeCAA:    func(m *dns.Msg) { m.Answer = append([]dns.RR{rr}, sigs...) },
		})
		_, err := r.Lookup(ctx, "shop", dns.TypeCAA)
		Expect(err).To(And(MatchError(resolver.ErrBogus), MatchError(resolver.ErrLimit)))
		Expect(err).To(MatchError(ContainSubstring("8 signatures tried in vain")))
	})
})

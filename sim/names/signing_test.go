package names

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/gomega"
)

// TestSignaturesAreReproducible pins the octets: another version of Go or
// another machine must not draw other keys or sign otherwise.
func TestSignaturesAreReproducible(t *testing.T) {
	g := NewWithT(t)
	got := map[Algorithm]string{}
	for _, a := range []Algorithm{RSASHA1, RSASHA256, RSASHA512, ECDSAP256SHA256, ECDSAP384SHA384, ED25519, Unassigned} {
		spec := signedFor(func(s *SigningSpec) { s.Algorithm, s.NSEC3 = a, &NSEC3Spec{Salt: []byte("salt")} })
		if a == RSASHA1 || a == RSASHA256 || a == RSASHA512 {
			spec.RSABits = 1024
		}
		z := signedZone(t, "example", signedText, spec)
		g.Expect(signedZone(t, "example", signedText, spec).Text()).To(Equal(z.Text()))
		got[a] = fmt.Sprintf("%x", sha256.Sum256([]byte(z.Text())))[:16]
	}
	g.Expect(got).To(Equal(map[Algorithm]string{
		RSASHA1:         "a1e98554e552cb39",
		RSASHA256:       "689272e3d8ced4ad",
		RSASHA512:       "dd1167373cb438a6",
		ECDSAP256SHA256: "68a2208c200f8e83",
		ECDSAP384SHA384: "8460750e3e68abfe",
		ED25519:         "0a8ca7bfba7bc8f6",
		Unassigned:      "81050bc819019d0e",
	}))
}

func TestKeysBelongToTheirZoneAndSeed(t *testing.T) {
	g := NewWithT(t)
	seen := map[string]string{}
	for _, origin := range []string{"example.", "a.example.", "."} {
		for _, seed := range []string{"", "test", "test2"} {
			for _, single := range []bool{true, false} {
				k, err := newKeyring(origin, signedFor(func(s *SigningSpec) { s.Seed, s.SingleKey = seed, single }), 300)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(k.ksk.record.Flags).To(BeEquivalentTo(257))
				if single {
					g.Expect(k.zsk).To(BeIdenticalTo(k.ksk))
					continue
				}
				g.Expect(k.zsk.record.Flags).To(BeEquivalentTo(256))
				g.Expect(k.zsk.tag()).NotTo(Equal(k.ksk.tag()))
				for role, key := range map[string]*signingKey{"KSK": k.ksk, "ZSK": k.zsk} {
					who := fmt.Sprintf("%s %q %s", origin, seed, role)
					g.Expect(seen).NotTo(HaveKey(key.record.PublicKey), who)
					seen[key.record.PublicKey] = who
				}
			}
		}
	}
	upper, err := newKeyring("EXAMPLE", signedFor(nil), 300)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(seen).To(HaveKeyWithValue(upper.ksk.record.PublicKey, `example. "test" KSK`), "case does not matter")
}

func TestTrustAnchor(t *testing.T) {
	g := NewWithT(t)
	z := signedZone(t, "example", "", signedFor(func(s *SigningSpec) { s.Digests = []Digest{SHA1Digest, SHA256Digest, SHA384Digest} }))
	anchor := z.TrustAnchor()
	g.Expect(anchor.Zone).To(Equal("example."))
	g.Expect(anchor.DNSKEY).To(HaveLen(1))
	rr, err := dns.NewRR(anchor.DNSKEY[0])
	g.Expect(err).NotTo(HaveOccurred())
	key := rr.(*dns.DNSKEY)
	g.Expect(anchor.DS).To(HaveLen(3))
	for i, digest := range []uint8{1, 2, 4} {
		rr, err := dns.NewRR(anchor.DS[i])
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(line(rr)).To(Equal(line(key.ToDS(digest))))
	}
	g.Expect(mustParse(t, apex).TrustAnchor()).To(BeZero())
}

func TestSigningRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*ZoneSpec)
		want   string
	}{
		"an algorithm without keys":   {func(z *ZoneSpec) { z.Sign.Algorithm = 16 }, "zone example.: sign: ED448, want 5, 8, 10, 13, 14, 15 or 200"},
		"a short RSA key":             {func(z *ZoneSpec) { z.Sign.Algorithm, z.Sign.RSABits = RSASHA256, 1008 }, "RSA modulus of 1008 bits, want 1024 to 4096"},
		"a long RSA key":              {func(z *ZoneSpec) { z.Sign.Algorithm, z.Sign.RSABits = RSASHA256, 4112 }, "RSA modulus of 4112 bits"},
		"an odd RSA key":              {func(z *ZoneSpec) { z.Sign.Algorithm, z.Sign.RSABits = RSASHA256, 1025 }, "RSA modulus of 1025 bits"},
		"RSA bits for a curve":        {func(z *ZoneSpec) { z.Sign.RSABits = 2048 }, "RSA modulus of 2048 bits for ECDSAP256SHA256"},
		"no dates":                    {func(z *ZoneSpec) { z.Sign.Inception = time.Time{} }, "want an Inception before an Expiration"},
		"dates in the wrong order":    {func(z *ZoneSpec) { z.Sign.Expiration = z.Sign.Inception }, "want an Inception before an Expiration"},
		"dates too far apart":         {func(z *ZoneSpec) { z.Sign.Expiration = z.Sign.Inception.Add(1 << 31 * time.Second) }, "less than 2^31 seconds apart"},
		"a date before 1970":          {func(z *ZoneSpec) { z.Sign.Inception = time.Unix(-1, 0) }, "both between 1970 and 2106"},
		"a date after 2106":           {func(z *ZoneSpec) { z.Sign.Inception, z.Sign.Expiration = time.Unix(1<<31, 0), time.Unix(1<<32, 0) }, "both between 1970 and 2106"},
		"a salt too long":             {func(z *ZoneSpec) { z.Sign.NSEC3 = &NSEC3Spec{Salt: make([]byte, 256)} }, "NSEC3 salt of 256 octets, want at most 255"},
		"a digest without a hash":     {func(z *ZoneSpec) { z.Sign.Digests = []Digest{2, 3} }, "DS digest type 3, want 1, 2, 4 or 200"},
		"a fault of no kind":          {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{}} }, "fault 1, FaultKind(0): no such kind"},
		"a fault of an unknown kind":  {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{Kind: KeyTrap + 1}} }, "no such kind"},
		"a fault outside":             {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{Kind: Expired, Name: "other."}} }, "fault 1, expired: other. lies outside the zone"},
		"a fault with a bad name":     {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{Kind: Expired, Name: "a..b"}} }, "domain name"},
		"a fault of an unknown type":  {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{Kind: Expired, Type: "caa"}} }, `type "caa" is not known`},
		"a fault that fits nothing":   {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{Kind: Expired, Type: "MX"}} }, "fault 1, expired: fits no RRset that is signed"},
		"a fault behind another":      {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{Kind: Expired}, {Kind: FlippedBit, Type: "SOA"}} }, "fault 2, flipped bit: fits no RRset"},
		"a fault of unsigned data":    {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{Kind: Expired, Name: "cut", Type: "NS"}} }, "fits no RRset that is signed"},
		"a zone's fault with a name":  {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{Kind: WrongDS, Name: "@"}} }, "concerns the whole zone"},
		"a fault with keys":           {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{Kind: WrongDS, Keys: 1}} }, "only a key trap has Keys and Signatures"},
		"a key trap of another curve": {func(z *ZoneSpec) { z.Sign.Faults = []Fault{{Kind: KeyTrap}} }, "is made of ED25519 keys, but the zone is signed with ECDSAP256SHA256"},
		"a key trap too large":        {func(z *ZoneSpec) { z.Sign.Algorithm, z.Sign.Faults = ED25519, []Fault{{Kind: KeyTrap, Keys: 257}} }, "257 keys and 0 signatures, want 1 to 256"},
		"no key trap":                 {func(z *ZoneSpec) { z.Sign.Algorithm, z.Sign.Faults = ED25519, []Fault{{Kind: KeyTrap, Signatures: -1}} }, "want 1 to 256"},
		"signed and unsigned":         {func(z *ZoneSpec) { z.Unsigned = true }, "Sign and Unsigned contradict each other"},
		"an unknown behaviour":        {func(z *ZoneSpec) { z.Behaviour = LameSelf + 1 }, "Behaviour(6) is not known"},
		"a key of another TTL": {func(z *ZoneSpec) {
			z.Records = "@ 60 IN DNSKEY 256 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n"
		}, "signing of zone example.: example. DNSKEY: TTL 300, but its RRset has 60"},
		"a name that NSEC3 overflows": {func(z *ZoneSpec) { z.Origin, z.Sign.NSEC3 = strings.Repeat("abcdefg.", 28)+"example", &NSEC3Spec{} }, "NSEC3 record: domain name"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := ZoneSpec{Origin: "example", NameServers: []NameServer{{Name: "ns1.other"}}, Records: "cut IN NS ns1.other.\n", Sign: signedFor(nil)}
			tc.change(&spec)
			_, err := spec.Build()
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

// Expired and early signatures are wrong at every moment at which the zone's
// other signatures are right, and last as long.
func TestFaultsMoveTheDates(t *testing.T) {
	g := NewWithT(t)
	spec := signedFor(func(s *SigningSpec) {
		s.Faults = []Fault{{Kind: Expired, Type: "SOA"}, {Kind: NotYetValid, Type: "NS"}}
	})
	z := signedZone(t, "example", "", spec)
	from, to := uint32(spec.Inception.Unix()), uint32(spec.Expiration.Unix())
	for rtype, want := range map[uint16][2]uint32{
		dns.TypeA:   {from, to},
		dns.TypeSOA: {from - 1 - (to - from), from - 1},
		dns.TypeNS:  {to + 1, to + 1 + (to - from)},
	} {
		owner := "example."
		if rtype == dns.TypeA {
			owner = "ns1.example."
		}
		sig := z.nodes[owner].rrset(rtype).sigs[0].(*dns.RRSIG)
		g.Expect([2]uint32{sig.Inception, sig.Expiration}).To(Equal(want), dns.Type(rtype).String())
	}
}

// A spec is not changed by its use, and may be used for several zones.
func TestSigningSpecIsNotChanged(t *testing.T) {
	g := NewWithT(t)
	spec := signedFor(func(s *SigningSpec) { s.Faults = []Fault{{Kind: Expired, Name: "@"}} })
	signedZone(t, "example", "", spec)
	g.Expect(spec).To(Equal(signedFor(func(s *SigningSpec) { s.Faults = []Fault{{Kind: Expired, Name: "@"}} })))
	signedZone(t, "other", "", spec)
}

func TestCanonicalOrder(t *testing.T) {
	g := NewWithT(t)
	sorted := []string{ // RFC 4034 6.1, with 0 and 1 more
		"example.", "a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.", "z.example.",
		`\000.example.`, `\000\000.example.`, `\001.example.`, `\001\000.example.`, `\002.example.`, "*.z.example.", `\200.z.example.`,
	}
	want := []string{
		"example.", `\000.example.`, `\000\000.example.`, `\001.example.`, `\001\000.example.`, `\002.example.`,
		"a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.", "z.example.", "*.z.example.", `\200.z.example.`,
	}
	slices.SortFunc(sorted, compareNames)
	g.Expect(sorted).To(Equal(want))
}

// types lists the types of a section, without repetitions.
func types(rrs []dns.RR) string {
	var out []string
	for _, rr := range rrs {
		if name := dns.Type(rr.Header().Rrtype).String(); name != "OPT" && (len(out) == 0 || out[len(out)-1] != name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

func TestServerHeedsTheDOBit(t *testing.T) {
	parent := buildSpec(t, guarded(signedFor(nil), signedFor(nil)))
	nsec3 := signedZone(t, "hashed", signedText, signedFor(func(s *SigningSpec) { s.NSEC3 = &NSEC3Spec{} }))
	at := serve(t, Config{
		Zones:   []*Zone{parent.Zone("example"), signedZone(t, "signed", signedText, signedFor(nil)), nsec3},
		UDPSize: 4096,
	})
	type sections struct{ answer, authority, additional string }
	for _, tc := range []struct {
		qname, qtype string
		with         sections
		without      sections
	}{
		{"www.signed.", "A", sections{"A RRSIG", "", ""}, sections{"A", "", ""}},
		{"alias.signed.", "A", sections{"CNAME RRSIG A RRSIG", "", ""}, sections{"CNAME A", "", ""}},
		{"a.moved.signed.", "A", sections{"DNAME RRSIG CNAME", "", ""}, sections{"DNAME CNAME", "", ""}},
		{"x.wild.signed.", "TXT", sections{"TXT RRSIG", "NSEC RRSIG", ""}, sections{"TXT", "", ""}},
		{"www.signed.", "CAA", sections{"", "SOA RRSIG NSEC RRSIG", ""}, sections{"", "SOA", ""}},
		{"nowhere.signed.", "A", sections{"", "SOA RRSIG NSEC RRSIG NSEC RRSIG", ""}, sections{"", "SOA", ""}},
		{"nowhere.hashed.", "A", sections{"", "SOA RRSIG NSEC3 RRSIG NSEC3 RRSIG NSEC3 RRSIG", ""}, sections{"", "SOA", ""}},
		{"signed.", "NS", sections{"NS RRSIG", "", "A RRSIG"}, sections{"NS", "", "A"}},
		{"x.safe.signed.", "A", sections{"", "NS DS RRSIG", "A"}, sections{"", "NS", "A"}},
		{"x.open.signed.", "A", sections{"", "NS NSEC RRSIG", "A"}, sections{"", "NS", "A"}},
		{"x.victim.example.", "A", sections{"", "NS DS RRSIG", "A"}, sections{"", "NS", "A"}},
		{"x.plain.example.", "A", sections{"", "NS NSEC RRSIG", "A"}, sections{"", "NS", "A"}},
		{"victim.example.", "DS", sections{"DS RRSIG", "", ""}, sections{"DS", "", ""}},
		{"plain.example.", "DS", sections{"", "SOA RRSIG NSEC RRSIG", ""}, sections{"", "SOA", ""}},
		// What is asked for comes in any case (RFC 4035 3.1).
		{"signed.", "DNSKEY", sections{"DNSKEY RRSIG", "", ""}, sections{"DNSKEY", "", ""}},
		{"www.signed.", "NSEC", sections{"NSEC RRSIG", "", ""}, sections{"NSEC", "", ""}},
		{"hashed.", "NSEC3PARAM", sections{"NSEC3PARAM RRSIG", "", ""}, sections{"NSEC3PARAM", "", ""}},
		{"*x.wild.signed.", "RRSIG", sections{"RRSIG", "", ""}, sections{"RRSIG", "", ""}},
		{"alias.signed.", "ANY", sections{"CNAME RRSIG NSEC RRSIG", "", ""}, sections{"CNAME RRSIG NSEC RRSIG", "", ""}},
		{"x.wild.signed.", "ANY", sections{"TXT RRSIG NSEC RRSIG", "NSEC RRSIG", ""}, sections{"TXT RRSIG NSEC RRSIG", "", ""}},
		{"alias.hashed.", "NSEC3", sections{"CNAME RRSIG", "SOA RRSIG NSEC3 RRSIG", ""}, sections{"CNAME", "SOA", ""}},
	} {
		t.Run(tc.qname+" "+tc.qtype, func(t *testing.T) {
			g := NewWithT(t)
			for do, want := range map[bool]sections{true: tc.with, false: tc.without} {
				m := ask(t, "udp", at, new(dns.Msg).SetQuestion(tc.qname, dns.StringToType[tc.qtype]).SetEdns0(4096, do))
				g.Expect(sections{types(m.Answer), types(m.Ns), types(m.Extra)}).To(Equal(want), "DO %v", do)
				g.Expect(m.AuthenticatedData).To(BeFalse(), "RFC 4035 3.1.6")
			}
			m := ask(t, "tcp", at, new(dns.Msg).SetQuestion(tc.qname, dns.StringToType[tc.qtype]))
			g.Expect(sections{types(m.Answer), types(m.Ns), types(m.Extra)}).To(Equal(tc.without), "no EDNS(0)")
		})
	}
}

// The owner of an NSEC3 record does not exist (RFC 5155 7.2.8).
func TestHashesAreNoNames(t *testing.T) {
	g := NewWithT(t)
	z := signedZone(t, "example", "", signedFor(func(s *SigningSpec) { s.NSEC3 = &NSEC3Spec{} }))
	owner := z.denial.sets()[0].rrs[0].Header().Name
	g.Expect(z.lookup(question{owner, dns.TypeNSEC3, true}).outcome).To(Equal(NameError))
}

func TestSignedSizes(t *testing.T) {
	g := NewWithT(t)
	z := signedZone(t, "example", generate(60, `big IN TXT "record $ of a set that no datagram carries"`)+generate(9, "@ IN NS n$\nn$ IN A 192.0.2.$"),
		signedFor(func(s *SigningSpec) { s.Algorithm = RSASHA256 }))
	at := serve(t, Config{Zones: []*Zone{z}})
	query := new(dns.Msg).SetQuestion("big.example.", dns.TypeTXT).SetEdns0(1232, true)
	udp := ask(t, "udp", at, query)
	g.Expect(udp.Truncated).To(BeTrue())
	g.Expect(udp.Answer).To(BeEmpty())
	tcp := ask(t, "tcp", at, query)
	g.Expect(tcp.Truncated).To(BeFalse())
	g.Expect(tcp.Answer).To(HaveLen(61))

	query = new(dns.Msg).SetQuestion("example.", dns.TypeNS).SetEdns0(1232, true)
	udp = ask(t, "udp", at, query)
	g.Expect(udp.Truncated).To(BeFalse())
	g.Expect([]string{types(udp.Answer), types(udp.Extra)}).To(Equal([]string{"NS RRSIG", "A"}), "without a word about the signatures of addresses (RFC 4035 3.1.1)")
	g.Expect(types(ask(t, "tcp", at, query).Extra)).To(Equal("A RRSIG"))
}

func TestKeyTrap(t *testing.T) {
	g := NewWithT(t)
	z := signedZone(t, "example", "www IN A 192.0.2.1\n", signedFor(func(s *SigningSpec) {
		s.Algorithm, s.Faults = ED25519, []Fault{{Kind: KeyTrap, Keys: 50, Signatures: 40}}
	}))
	keys := z.lookup(question{"example.", dns.TypeDNSKEY, true}).answer
	g.Expect(keys).To(HaveLen(2 + 50 + 1))
	sig := keys[52].(*dns.RRSIG)
	g.Expect(sig.Verify(keys[0].(*dns.DNSKEY), keys[:52])).To(Succeed(), "the way into the trap is sound")
	answer := z.lookup(question{"www.example.", dns.TypeA, true}).answer
	g.Expect(answer).To(HaveLen(1 + 40))
	seen := map[string]bool{}
	for _, k := range keys[2:52] {
		k := k.(*dns.DNSKEY)
		g.Expect(k.KeyTag()).To(Equal(keys[2].(*dns.DNSKEY).KeyTag()))
		public, err := base64.StdEncoding.DecodeString(k.PublicKey)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(onEdwards25519(public)).To(BeTrue(), "else refused without arithmetic")
		seen[k.PublicKey] = true
		for _, rr := range answer[1:] {
			sig := rr.(*dns.RRSIG)
			seen[sig.Signature] = true
			g.Expect(sig.KeyTag).To(Equal(k.KeyTag()))
			g.Expect(sig.Verify(k, answer[:1])).To(MatchError(dns.ErrSig))
			octets, err := base64.StdEncoding.DecodeString(sig.Signature)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(octets[63]).To(BeNumerically("<", 0x10), "else refused without arithmetic")
		}
	}
	g.Expect(seen).To(HaveLen(50+40), "no two alike")
	at := serve(t, Config{Zones: []*Zone{z}})
	g.Expect(ask(t, "tcp", at, new(dns.Msg).SetQuestion("www.example.", dns.TypeA).SetEdns0(1232, true)).Answer).To(HaveLen(41))
}

// The test for points of the curve agrees with keys that are known to be some.
func TestOnEdwards25519(t *testing.T) {
	g := NewWithT(t)
	for i := range 50 {
		k, err := drawKey(&SigningSpec{Algorithm: ED25519}, "example.", fmt.Sprint(i), 1)
		g.Expect(err).NotTo(HaveOccurred())
		public, err := base64.StdEncoding.DecodeString(k.record.PublicKey)
		g.Expect(err).NotTo(HaveOccurred())
		public[31] &= 0x7F
		g.Expect(onEdwards25519(public)).To(BeTrue())
	}
	points := 0
	for i := range 400 {
		public := noise("", "", fmt.Sprint(i), 32)
		public[31] &= 0x7F
		if onEdwards25519(public) {
			points++
		}
	}
	g.Expect(points).To(BeNumerically("~", 200, 60), "every other number is a y coordinate")
}

func TestLargestKeyTrapFitsTCP(t *testing.T) {
	for origin, most := range map[string]int{"example.": 256, strings.Repeat("abcdefg.", 30) + "example.": 176} {
		g := NewWithT(t)
		build := func(signatures int) (*Zone, error) {
			return ZoneSpec{
				Origin: origin, NameServers: []NameServer{{Name: "ns.other"}}, Records: "@ IN SOA a. b. 1 1 1 1 1\n",
				Sign: signedFor(func(s *SigningSpec) {
					s.Algorithm, s.Faults = ED25519, []Fault{{Kind: KeyTrap, Keys: 256, Signatures: signatures}}
				}),
			}.Build()
		}
		_, err := build(most + 1)
		g.Expect(err).To(HaveOccurred())
		z, err := build(most)
		g.Expect(err).NotTo(HaveOccurred())
		r := &responder{zones: map[string]*Zone{z.apex: z}, udpSize: defaultSize}
		for _, qtype := range []uint16{dns.TypeNS, dns.TypeDNSKEY} {
			_, event := r.respond(new(dns.Msg).SetQuestion(origin, qtype).SetEdns0(1232, true), false)
			g.Expect(event.Outcome).To(Equal(Answered), "%d octets", event.Size)
		}
	}
}

func TestFanOut(t *testing.T) {
	g := NewWithT(t)
	z := mustParse(t, apex+FanOut("trap", "victim.test", 100))
	a := z.lookup(question{"www.trap.example.", dns.TypeA, false})
	g.Expect(a.outcome).To(Equal(Referral))
	g.Expect(a.authority).To(HaveLen(100))
	g.Expect(a.additional).To(BeEmpty())
	g.Expect(lines(a.authority)[99]).To(Equal("trap.example. NS nxns100.victim.test."))
}

func TestDNAME(t *testing.T) {
	long := strings.Repeat("abcdefg.", 27) // 216 octets
	at := serve(t, Config{Zones: []*Zone{mustParse(t, apex+`moved 60 IN DNAME www.Example.
moved    IN A     192.0.2.9
www      IN A     192.0.2.80
*.www    IN TXT   "wild"
a.www    IN A     192.0.2.81
away     IN DNAME elsewhere.
up       IN DNAME .
loop     IN DNAME a.loop
swap1    IN DNAME swap2
swap2    IN DNAME swap1
into     IN DNAME sub
chain    IN CNAME a.moved
sub      IN NS    ns.elsewhere.
long     IN DNAME `+long+`example.
`)}})
	soa := []string{"example. SOA ns1.example. hostmaster.example. 1 7200 900 1209600 60"}
	moved := "moved.example. DNAME www.Example."
	for _, tc := range []struct {
		name, qname, qtype, rcode string
		answer, authority         []string
	}{
		{"a name below", "A.moved.example.", "A", "NOERROR", []string{moved, "A.moved.example. CNAME A.www.Example.", "a.www.example. A 192.0.2.81"}, nil},
		{"a name far below, at a wildcard", "x.y.moved.example.", "TXT", "NOERROR", []string{moved, "x.y.moved.example. CNAME x.y.www.Example.", `x.y.www.Example. TXT "wild"`}, nil},
		{"a target without the type", "a.moved.example.", "TXT", "NOERROR", []string{moved, "a.moved.example. CNAME a.www.Example."}, soa},
		{"a target that is missing", "a.loop2.moved.example.", "A", "NOERROR", []string{moved, "a.loop2.moved.example. CNAME a.loop2.www.Example."}, soa},
		{"its own name has its own data", "moved.example.", "A", "NOERROR", []string{"moved.example. A 192.0.2.9"}, nil},
		{"its own name and no such data", "moved.example.", "TXT", "NOERROR", nil, soa},
		{"the record itself", "moved.example.", "DNAME", "NOERROR", []string{moved}, nil},
		{"out of the zone", "a.b.away.example.", "A", "NOERROR", []string{"away.example. DNAME elsewhere.", "a.b.away.example. CNAME a.b.elsewhere."}, nil},
		{"to the root", "a.up.example.", "A", "NOERROR", []string{"up.example. DNAME .", "a.up.example. CNAME a."}, nil},
		{"from an alias", "chain.example.", "A", "NOERROR", []string{"chain.example. CNAME a.moved.example.", moved, "a.moved.example. CNAME a.www.Example.", "a.www.example. A 192.0.2.81"}, nil},
		{"into a delegated zone", "a.into.example.", "A", "NOERROR", []string{"into.example. DNAME sub.example.", "a.into.example. CNAME a.sub.example."}, []string{"sub.example. NS ns.elsewhere."}},
		{"in a ring", "a.swap1.example.", "A", "NOERROR", []string{
			"swap1.example. DNAME swap2.example.", "a.swap1.example. CNAME a.swap2.example.",
			"swap2.example. DNAME swap1.example.", "a.swap2.example. CNAME a.swap1.example.",
		}, nil},
		{"a name that just fits", "abcdefghijklmnopqrstuvwxyz.ab.long.example.", "A", "NXDOMAIN", []string{
			"long.example. DNAME " + long + "example.", "abcdefghijklmnopqrstuvwxyz.ab.long.example. CNAME abcdefghijklmnopqrstuvwxyz.ab." + long + "example.",
		}, soa},
		{"a name too long", "abcdefghijklmnopqrstuvwxyz.abc.long.example.", "A", "YXDOMAIN", []string{"long.example. DNAME " + long + "example."}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := NewWithT(t)
			m := ask(t, "tcp", at, new(dns.Msg).SetQuestion(tc.qname, dns.StringToType[tc.qtype]))
			g.Expect([]any{dns.RcodeToString[m.Rcode], lines(m.Answer), lines(m.Ns)}).To(Equal([]any{tc.rcode, tc.answer, tc.authority}))
			g.Expect(m.Authoritative).To(BeTrue())
			for i, rr := range m.Answer {
				if rr.Header().Rrtype == dns.TypeDNAME && i+1 < len(m.Answer) {
					g.Expect(m.Answer[i+1].Header().Ttl).To(Equal(rr.Header().Ttl), "RFC 6672 3.1")
				}
			}
		})
	}
	t.Run("a loop that grows ends", func(t *testing.T) {
		g := NewWithT(t)
		m := ask(t, "tcp", at, new(dns.Msg).SetQuestion("a.loop.example.", dns.TypeA))
		g.Expect(m.Rcode).To(Equal(dns.RcodeYXDomain))
		g.Expect(len(m.Answer)).To(BeNumerically("<", 256))
	})
	t.Run("at the apex", func(t *testing.T) {
		g := NewWithT(t)
		z, err := ZoneSpec{Origin: "example", NameServers: []NameServer{{Name: "ns.other"}}, Records: "@ IN DNAME other.\n"}.Build()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(lines(z.lookup(question{"a.example.", dns.TypeA, false}).answer)).To(Equal([]string{"example. DNAME other.", "a.example. CNAME a.other."}))
	})
}

func TestBehaviours(t *testing.T) {
	spec := ZoneSpec{Origin: "example", NameServers: []NameServer{{"ns.example", addrs("192.0.2.53")}}}
	build := func(b Behaviour) *Zone {
		spec.Behaviour = b
		z, err := spec.Build()
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	type reply struct {
		outcome    Outcome
		rcode      string
		aa         bool
		authority  []string
		additional []string
	}
	for b, want := range map[Behaviour]reply{
		Normal:     {Answered, "NOERROR", true, nil, nil},
		Drop:       {Dropped, "", false, nil, nil},
		Refuse:     {Refused, "REFUSED", false, nil, nil},
		ServFail:   {ServerFailed, "SERVFAIL", false, nil, nil},
		LameUpward: {Referral, "NOERROR", false, []string{". NS a.root-servers.net."}, nil},
		LameSelf:   {Referral, "NOERROR", false, []string{"example. NS ns.example."}, []string{"ns.example. A 192.0.2.53"}},
	} {
		t.Run(b.String(), func(t *testing.T) {
			query := new(dns.Msg).SetQuestion("ns.example.", dns.TypeA)
			for who, config := range map[string]Config{
				"the zone":   {Zones: []*Zone{build(b)}},
				"the server": {Zones: []*Zone{build(Normal)}, Behaviour: b},
			} {
				g := NewWithT(t)
				config.Addrs = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")}
				r, err := config.responder()
				g.Expect(err).NotTo(HaveOccurred())
				wire, event := r.respond(query, true)
				g.Expect([]any{event.Outcome, event.Rcode}).To(Equal([]any{want.outcome, want.rcode}), who)
				if b == Drop {
					g.Expect(wire).To(BeNil())
					continue
				}
				var m dns.Msg
				g.Expect(m.Unpack(wire)).To(Succeed())
				g.Expect(reply{event.Outcome, event.Rcode, m.Authoritative, lines(m.Ns), lines(m.Extra)}).To(Equal(want), who)
			}
		})
	}
	t.Run("of one zone leaves the others alone", func(t *testing.T) {
		g := NewWithT(t)
		r := &responder{zones: map[string]*Zone{"example.": build(Drop), "other.": signedZone(t, "other", "", nil)}, udpSize: defaultSize}
		_, event := r.respond(new(dns.Msg).SetQuestion("other.", dns.TypeSOA), true)
		g.Expect(event.Outcome).To(Equal(Answered))
	})
}

// A server that drops stays silent even to what no server likes.
func TestDroppingServerStaysSilent(t *testing.T) {
	g := NewWithT(t)
	conn := newMemoryConn()
	seen := make(chan Outcome, 4)
	s, err := Serve(t.Context(), &memoryHost{conn: conn}, Config{
		Addrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Zones: []*Zone{mustParse(t, apex)},
		Behaviour: Drop, OnQuery: func(e QueryEvent) { seen <- e.Outcome },
	})
	g.Expect(err).NotTo(HaveOccurred())
	for _, m := range []*dns.Msg{
		new(dns.Msg).SetQuestion("ns1.example.", dns.TypeA),
		new(dns.Msg).SetNotify("example."),
		new(dns.Msg).SetQuestion("ns1.example.", dns.TypeOPT),
		{},
	} {
		wire, err := m.Pack()
		g.Expect(err).NotTo(HaveOccurred())
		conn.in <- packet{wire, &stampedAddr{}}
	}
	g.Expect(s.Close()).To(Succeed())
	g.Expect(conn.out).To(BeEmpty())
	g.Expect(seen).To(HaveLen(2))
	g.Expect([]Outcome{<-seen, <-seen}).To(Equal([]Outcome{Dropped, Dropped}))
}

package resolver

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// received returns the records as they come out of a message.
func received(tb testing.TB, records ...dns.RR) []dns.RR {
	tb.Helper()
	m := &dns.Msg{MsgHdr: dns.MsgHdr{Response: true}, Answer: records}
	wire, err := m.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	out := new(dns.Msg)
	if err := out.Unpack(wire); err != nil {
		tb.Fatal(err)
	}
	for _, rr := range out.Answer {
		rr.Header().Name = dns.CanonicalName(rr.Header().Name)
	}
	return out.Answer
}

func zoneSigner(tb testing.TB, algorithm uint8, bits int) (*dns.DNSKEY, crypto.Signer) {
	tb.Helper()
	key := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: "example.test.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300},
		Flags: 257, Protocol: 3, Algorithm: algorithm,
	}
	private, err := key.Generate(bits)
	if err != nil {
		tb.Fatal(err)
	}
	return key, private.(crypto.Signer)
}

// TestSignedData holds the own form of signed data against that of package dns, by
// signatures that it makes: for records of all types with names in them, whose case
// counts or not, and for whatever else can be written in more than one way.
func TestSignedData(t *testing.T) {
	const owner = "Www.Example.test. 300 IN "
	key, signer := zoneSigner(t, dns.ED25519, 256)
	public, err := publicKeyOf(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{
		"A 192.0.2.1\nA 192.0.2.10\nA 10.0.0.1\nA 192.0.2.1", "AAAA 2001:db8::1\nAAAA ::ffff:192.0.2.1\nAAAA ::",
		"NS Ns.Example.TEST.\nNS .", "MD A.B.", "MF A.B.", "CNAME Target.Example.", "MB A.B.", "MG A.B.", "MR A.B.",
		"PTR Host.Example.", "MINFO A.B. C.D.", "MX 10 Mail.Example.\nMX 1 A.", "RP A.B. C.D.", "AFSDB 1 A.B.", "RT 1 A.B.",
		"SOA Ns.Example. Host\\.Master.Example. 1 2 3 4 5", "PX 1 A.B. C.D.", `NAPTR 1 2 "U" "E2U+sip" "!^.*$!sip:A@B.C!" Repl.Example.`,
		"KX 1 A.B.", "SRV 1 2 443 Target.Example.", "DNAME Target.Example.",
		`TXT "a" "" "B\"c\\d\000\255"` + "\n" + `TXT "` + strings.Repeat("x", 255) + `"` + "\n" + `TXT ""`, `SPF "V=spf1"`,
		`CAA 0 issue "Ca.Example"` + "\n" + `CAA 128 Issue ";"` + "\n" + `CAA 0 iodef ""`, `CAA 0 issue "a\\\\b\\\\059\255"`, `CAA 255 a "` + strings.Repeat("y", 255) + `"`,
		`URI 1 2 "HTTPS://A.b/\\\\c"`, "DS 1 8 2 " + strings.Repeat("0a", 32), "DNSKEY 257 3 8 AwEAAQ==", "CDS 0 0 0 00",
		"TLSA 3 1 1 " + strings.Repeat("0A", 32), "SSHFP 1 1 " + strings.Repeat("0b", 20), "OPENPGPKEY AwEAAQ==", "CERT 1 2 3 AwEAAQ==",
		"NSEC Next.Example.TEST. A RRSIG NSEC TYPE65280", "NSEC3 1 1 0 AB 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG", "NSEC3PARAM 1 0 0 -",
		`HINFO "Cpu" "Os"`, "LOC 51 30 12.748 N 00 07 39.612 W 0.00m 0.00m 0.00m 0.00m", `SVCB 1 Svc.Example. alpn="h2,h3" port="443" key65280="x"`,
		"HTTPS 0 .", "HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAQ== Rvs.Example.", "IPSECKEY 10 3 2 Gw.Example. AwEAAQ==", "DHCID AAIBY2/A",
		"NID 1 0014:4fff:ff20:ee64", "EUI48 00-00-5e-00-53-2a", "CSYNC 66 3 A NS AAAA", "APL 1:192.0.2.0/24 !2:2001:db8::/32", "ZONEMD 1 1 1 " + strings.Repeat("0c", 48),
		`TYPE65280 \# 5 0141026200`, `TYPE731 \# 3 abcdef`, "SMIMEA 3 1 1 " + strings.Repeat("0A", 32), "X25 311061700956",
		`ISDN "150862028003217" "004"`, "GPOS -32.6882 116.8652 10.0", "TALINK A.B. C.D.", "LP 10 L64.Example.", "AMTRELAY 10 0 3 Relay.Example.",
	} {
		t.Run(strings.Fields(set)[0], func(t *testing.T) {
			var records []dns.RR
			for line := range strings.Lines(set) {
				rr, err := dns.NewRR(owner + line)
				if err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				records = append(records, rr)
			}
			records = received(t, records...)
			exactly := make([]dns.RR, len(records))
			for i, rr := range records {
				exactly[i] = exact(rr)
			}
			sig := &dns.RRSIG{Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: "Example.test.", Inception: 1, Expiration: 2, OrigTtl: 7}
			if err := sig.Sign(signer, exactly); err != nil {
				t.Fatal(err)
			}
			h := records[0].Header()
			s, err := canonicalSet(rrset{owner: h.Name, rrtype: h.Rrtype, records: records})
			if err != nil {
				t.Fatal(err)
			}
			data, err := s.signedBy(sig)
			if err != nil {
				t.Fatal(err)
			}
			signature, err := base64.StdEncoding.DecodeString(sig.Signature)
			if err != nil {
				t.Fatal(err)
			}
			if !public.verify(data, signature) {
				t.Errorf("a right signature is refused, over %x", data)
			}
			for i := range data {
				if public.verify(changed(data, i, 1), signature) {
					t.Fatalf("octet %d does not count", i)
				}
			}
		})
	}
}

// TestEveryAlgorithm holds verification against that of package dns for keys of
// every supported algorithm, with signatures that are changed or of another length.
func TestEveryAlgorithm(t *testing.T) {
	rr, err := dns.NewRR(`a.example.test. CAA 0 issue "ca.example"`)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, bits := range map[uint8]int{
		dns.RSASHA256: 1024, dns.RSASHA512: 2048, dns.ECDSAP256SHA256: 256, dns.ECDSAP384SHA384: 384, dns.ED25519: 256,
	} {
		key, signer := zoneSigner(t, algorithm, bits)
		records := received(t, rr)
		sig := &dns.RRSIG{Algorithm: algorithm, KeyTag: key.KeyTag(), SignerName: "example.test.", Inception: 1, Expiration: 2, OrigTtl: 7}
		if err := sig.Sign(signer, records); err != nil {
			t.Fatal(err)
		}
		public, err := publicKeyOf(key)
		if err != nil {
			t.Fatal(err)
		}
		s, err := canonicalSet(rrset{owner: "a.example.test.", rrtype: dns.TypeCAA, records: records})
		if err != nil {
			t.Fatal(err)
		}
		data, err := s.signedBy(sig)
		if err != nil {
			t.Fatal(err)
		}
		good, err := base64.StdEncoding.DecodeString(sig.Signature)
		if err != nil {
			t.Fatal(err)
		}
		tries := [][]byte{good, good[:len(good)-1], append(slices.Clip(good), 0), make([]byte, len(good)), nil}
		for i := range good {
			tries = append(tries, changed(good, i, 0x80))
		}
		for i, try := range tries {
			sig.Signature = base64.StdEncoding.EncodeToString(try)
			want := i == 0
			if got := public.verify(data, try); got != want {
				t.Errorf("algorithm %d, try %d: %v, want %v", algorithm, i, got, want)
			}
			if len(try) > 0 && (sig.Verify(key, records) == nil) != want {
				t.Errorf("algorithm %d, try %d: package dns says %v", algorithm, i, !want)
			}
		}
	}
}

// TestSignedOwners: the name that records were signed at, which package dns gets
// wrong directly below the root.
func TestSignedOwners(t *testing.T) {
	for _, c := range []struct {
		owner  string
		labels uint8
		want   string
	}{
		{"a.b.test.", 3, "\x01a\x01b\x04test\x00"},
		{"A.B.Test.", 3, "\x01a\x01b\x04test\x00"},
		{"a.b.test.", 2, "\x01*\x01b\x04test\x00"},
		{"a.b.test.", 1, "\x01*\x04test\x00"},
		{"a.b.test.", 0, "\x01*\x00"},
		{"test.", 0, "\x01*\x00"},
		{"*.test.", 1, "\x01*\x04test\x00"},
		{"*.test.", 0, "\x01*\x00"},
		{"*.", 0, "\x01*\x00"},
		{"x.*.test.", 3, "\x01x\x01*\x04test\x00"},
		{"x.*.test.", 2, "\x01*\x01*\x04test\x00"},
		{`a\.b.c.test.`, 3, "\x03a.b\x01c\x04test\x00"},
		{`a\.b.c.test.`, 2, "\x01*\x01c\x04test\x00"},
		{`\000\*.test.`, 2, "\x02\x00*\x04test\x00"},
		{".", 0, "\x00"},
	} {
		rr := &dns.A{Hdr: dns.RR_Header{Name: c.owner, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: []byte{192, 0, 2, 1}}
		s, err := canonicalSet(rrset{owner: c.owner, rrtype: dns.TypeA, records: []dns.RR{rr}})
		if err != nil {
			t.Fatal(err)
		}
		data, err := s.signedBy(&dns.RRSIG{Labels: c.labels, SignerName: "."})
		if err != nil {
			t.Fatal(err)
		}
		const fields = 18 + 1 // of the signature, and the root as its signer
		got := string(data[fields : len(data)-2-2-4-2-4])
		if got != c.want {
			t.Errorf("%s with %d labels: %q, want %q", c.owner, c.labels, got, c.want)
		}
	}
}

// TestLongOctets: CAA and URI records longer than package dns packs, up to what a
// message holds.
func TestLongOctets(t *testing.T) {
	for _, n := range []int{0, 1, 1025, 1026, 65_000} {
		value := strings.Repeat(`\`, n)
		for _, rr := range []dns.RR{&dns.CAA{Flag: 1, Tag: "tag", Value: value}, &dns.URI{Priority: 1, Weight: 2, Target: value}} {
			data, err := canonicalData(rr)
			if err != nil || !strings.HasSuffix(string(data), value) || len(data) > n+5 {
				t.Errorf("%T of %d octets: %d octets, %v", rr, n, len(data), err)
			}
		}
	}
}

// TestTypeBitmaps: windows of an NSEC record that are out of order, there twice or empty
// (RFC 4034 4.1.2) make the message malformed.
func TestTypeBitmaps(t *testing.T) {
	for bitmap, ok := range map[string]bool{
		"\x00\x01\x40\x01\x01\x40": true, "": true,
		"\x01\x01\x40\x00\x01\x40": false, "\x00\x01\x40\x00\x01\x40": false, "\x00\x00": false, "\x00\x21" + strings.Repeat("x", 33): false, "\x00\x02\x40": false,
	} {
		m := &dns.Msg{MsgHdr: dns.MsgHdr{Response: true}, Question: []dns.Question{{Name: "a.test.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}}
		rr := &dns.RFC3597{Hdr: dns.RR_Header{Name: "test.", Rrtype: dns.TypeNSEC, Class: dns.ClassINET}, Rdata: hex.EncodeToString([]byte("\x04test\x00" + bitmap))}
		m.Ns = []dns.RR{rr}
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unpack(wire); (err == nil) != ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%x: %v", bitmap, err)
		}
	}
}

// FuzzCanonicalData: what signatures are verified over is what was received, to the
// octet, for records without names in their data; and no record makes a panic.
func FuzzCanonicalData(f *testing.F) {
	for _, rrtype := range []uint16{
		dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeCAA, dns.TypeURI, dns.TypeDS, dns.TypeDNSKEY, dns.TypeHINFO, dns.TypeTLSA, 65280,
		dns.TypeNS, dns.TypeSOA, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeSVCB, dns.TypeNAPTR, dns.TypeIPSECKEY, dns.TypeLOC, dns.TypeAPL, dns.TypeNULL,
	} {
		f.Add(rrtype, []byte("\x00\x05issue\\059\"\xff"))
		f.Add(rrtype, []byte("\x03\\\"\x00\x00\x01x"))
		f.Add(rrtype, []byte("\xc0\x00\x2e\x01\x02\x03"))
		f.Add(rrtype, []byte{192, 0, 2, 1})
	}
	f.Fuzz(func(t *testing.T, rrtype uint16, data []byte) {
		if len(data) > 2000 || rrtype == dns.TypeOPT {
			return
		}
		wire := append(binary.BigEndian.AppendUint16([]byte{0}, rrtype), 0, 1, 0, 0, 0, 7)
		wire = append(binary.BigEndian.AppendUint16(wire, uint16(len(data))), data...)
		rr, _, err := dns.UnpackRR(wire, 0)
		if err != nil || len(data) == 0 {
			return
		}
		got, err := canonicalData(rr)
		if err != nil {
			return // refused, as what cannot be verified is
		}
		switch rrtype {
		case dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeCAA, dns.TypeURI, dns.TypeDS, dns.TypeDNSKEY, dns.TypeHINFO, dns.TypeTLSA, 65280:
			// Fields that are missing at the end read as zero (RFC 2136 2.4): a signature over
			// the shorter data is then not verified.
			early := bytes.HasPrefix(got, data) && len(bytes.Trim(got[len(data):], "\x00")) == 0
			if !bytes.Equal(got, data) && !early {
				t.Fatalf("%T: %x became %x", rr, data, got)
			}
		}
	})
}

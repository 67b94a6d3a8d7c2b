package names

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

// BenchmarkSign makes a signed zone of 100 names with an A record each, by
// NSEC: keys, 204 signatures, chain.
func BenchmarkSign(b *testing.B) {
	for _, a := range []Algorithm{RSASHA256, ECDSAP256SHA256, ECDSAP384SHA384, ED25519} {
		b.Run(a.String(), func(b *testing.B) {
			spec := ZoneSpec{
				Origin: "example", NameServers: []NameServer{{Name: "ns.other"}},
				Records: generate(100, "host$ IN A 192.0.2.1"), Sign: signedFor(func(s *SigningSpec) { s.Algorithm = a }),
			}
			for b.Loop() {
				if _, err := spec.Build(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDrawKey draws the keys alone, a pair of them.
func BenchmarkDrawKey(b *testing.B) {
	for _, a := range []Algorithm{RSASHA256, ECDSAP256SHA256, ED25519} {
		b.Run(a.String(), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := newKeyring("example.", signedFor(func(s *SigningSpec) { s.Algorithm, s.Seed = a, fmt.Sprint(i) }), 300); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRespond answers one query, from the parsed message to the packed
// reply, in the zone of BenchmarkSign (ECDSA, P-256).
func BenchmarkRespond(b *testing.B) {
	for _, chain := range []struct {
		name  string
		nsec3 *NSEC3Spec
	}{{"NSEC", nil}, {"NSEC3", &NSEC3Spec{}}} {
		z := signedZone(b, "example", generate(100, "host$ IN A 192.0.2.1"), signedFor(func(s *SigningSpec) { s.NSEC3 = chain.nsec3 }))
		r := &responder{zones: map[string]*Zone{z.apex: z}, udpSize: defaultSize}
		for _, qname := range []string{"host50.example.", "nowhere.example."} {
			for _, do := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/%s/DO=%v", chain.name, qname, do), func(b *testing.B) {
					query := new(dns.Msg).SetQuestion(qname, dns.TypeA).SetEdns0(1232, do)
					b.ReportAllocs()
					for b.Loop() {
						if wire, _ := r.respond(query, true); wire == nil {
							b.Fatal("no reply")
						}
					}
				})
			}
		}
	}
}

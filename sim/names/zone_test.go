package names

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/gomega"
)

// apex is what every test zone needs; five lines.
const apex = `$ORIGIN example.
$TTL 300
@ IN SOA ns1 hostmaster 1 7200 900 1209600 60
@ IN NS ns1
ns1 IN A 192.0.2.53
`

func mustParse(t testing.TB, text string) *Zone {
	t.Helper()
	z, err := ParseZone(strings.NewReader(text), ParseOptions{Origin: "example.", File: "example.zone"})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestParseZoneRefuses(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"no SOA", "@ IN NS ns1\n", "no SOA record"},
		{"no NS at the apex", "@ IN SOA ns1 h 1 1 1 1 1\n", "no NS record at the apex"},
		{"a bad address", apex + "www IN A 192.0.2.256\n", "example.zone:6: dns: bad A A"},
		{"a bad line after a record of several lines", apex + "x IN TXT ( a\n b )\nwww IN A nonsense\n", "example.zone:8: "},
		{"the last line without newline", apex + "www IN A nonsense", "example.zone:6: "},
		{"$INCLUDE", apex + "$INCLUDE /etc/passwd\n", "example.zone:6: "},
		{"$GENERATE", apex + "$generate 1-3 h$ A 192.0.2.$\n", "example.zone:6: $GENERATE is not part"},
		{"a name outside", apex + "www.other. IN A 192.0.2.1\n", "example.zone:6: www.other. A: outside the zone example."},
		{"another class", apex + "x CH TXT a\n", "class CH, want IN"},
		{"a second SOA", apex + "@ IN SOA ns2 h 2 1 1 1 1\n", "second SOA record"},
		{"a SOA below the apex", apex + "x IN SOA ns2 h 2 1 1 1 1\n", "SOA record below the apex"},
		{"a second CNAME", apex + "x IN CNAME a\nx IN CNAME b\n", "example.zone:7: x.example. CNAME: second CNAME"},
		{"a CNAME beside others", apex + "x IN CNAME a\nx IN A 192.0.2.1\n", "example.zone:6: x.example. CNAME: stands beside A"},
		{"a CNAME at the apex", apex + "@ IN CNAME a\n", "a CNAME must stand alone (RFC 2181 10.1)"},
		{"two TTLs in an RRset", apex + "x 1 IN A 192.0.2.1\nx 2 IN A 192.0.2.2\n", "example.zone:7: x.example. A: TTL 2, but its RRset has 1"},
		{"data at a zone cut", apex + "sub IN NS ns1\nsub IN TXT a\n", "example.zone:7: sub.example. TXT: never answered: sub.example. is delegated"},
		{"data below a zone cut", apex + "sub IN NS ns1\nx.sub IN TXT a\n", "never answered"},
		{"an address below a zone cut that is no glue", apex + "sub IN NS ns1\nx.sub IN A 192.0.2.1\n", "not the address of a name server"},
		{"a cut below a cut", apex + "sub IN NS ns1\nx.sub IN NS ns1\n", "x.sub.example. NS: never answered"},
		{"a delegated wildcard", apex + "* IN NS ns1\n", "RFC 4592 4.2"},
		{"a DNAME at a wildcard", apex + "* IN DNAME y\n", "RFC 6672 3.3"},
		{"a second DNAME", apex + "x IN DNAME y\nx IN DNAME z\n", "second DNAME record"},
		{"a DNAME beside a CNAME", apex + "x IN DNAME y\nx IN CNAME y\n", "a CNAME must stand alone"},
		{"a DNAME beside a delegation", apex + "x IN DNAME y\nx IN NS ns1\n", "never answered: x.example. is delegated"},
		{"data below a DNAME", apex + "x IN DNAME y\na.b.x IN A 192.0.2.1\n", "example.zone:7: a.b.x.example. A: never answered: x.example. has a DNAME record"},
		{"a name server below a DNAME at the apex", apex + "@ IN DNAME y\n", "example.zone:5: ns1.example. A: never answered: example. has a DNAME record"},
		{"a delegation below a DNAME", apex + "x IN DNAME y\nz.x IN NS ns1\n", "never answered: x.example. has a DNAME record"},
		{"signatures", apex + "x IN NSEC y A\n", "is made by signing"},
		{"a type that is no data", apex + "x IN TYPE255 \\# 1 00\n", "not a type of data"},
		{"a record without data", apex + "x IN TYPE1 \\# 0\n", "x.example. A: "},
		{"an endless TTL", apex + "x 2147483648 IN A 192.0.2.1\n", "want at most 2147483647"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseZone(strings.NewReader(tc.text), ParseOptions{Origin: "example.", File: "example.zone"})
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

func TestParseZoneAccepts(t *testing.T) {
	for name, text := range map[string]string{
		"an exact repetition":                    apex + "x IN A 192.0.2.1\nx IN A 192.0.2.1\n",
		"a repetition in another spelling":       apex + "x IN A 192.0.2.1\n\\120 IN A 192.0.2.1\n",
		"glue below the cut":                     apex + "sub IN NS ns.sub\nns.sub IN A 192.0.2.1\n",
		"glue at the cut":                        apex + "sub IN NS sub\nsub IN AAAA 2001:db8::1\n",
		"glue of a sibling":                      apex + "a IN NS ns.b\nb IN NS ns.b\nns.b IN A 192.0.2.1\n",
		"a DS record at the cut":                 apex + "sub IN NS ns1\nsub IN DS 1 13 2 00\n",
		"a DNAME beside other data":              apex + "x IN DNAME y\nx IN A 192.0.2.1\n",
		"a wildcard, and a name below it":        apex + "* IN A 192.0.2.1\na.* IN A 192.0.2.1\n",
		"a type that nobody knows":               apex + "x IN TYPE65280 \\# 2 abcd\n",
		"an upper-case zone in another's case":   strings.ToUpper(apex),
		"the longest TTL":                        apex + "x 2147483647 IN A 192.0.2.1\n",
		"a name server that nobody has heard of": apex + "sub IN NS ns.elsewhere.\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			z := mustParse(t, text)
			again, err := ParseZone(strings.NewReader(z.Text()), ParseOptions{Origin: "example."})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(again.Text()).To(Equal(z.Text()))
		})
	}
}

func TestZoneSpec(t *testing.T) {
	g := NewWithT(t)
	z, err := ZoneSpec{
		Origin: "Victim.example",
		NameServers: []NameServer{
			{"ns1.victim.example", []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")}},
			{"ns.elsewhere", []netip.Addr{netip.MustParseAddr("198.51.100.53")}},
		},
		Records: "@ IN A 192.0.2.80\n@ IN CAA 0 issue \"ca.example\"\n",
		TTL:     time.Minute,
	}.Build()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(z.Origin()).To(Equal("Victim.example."))
	g.Expect(strings.Split(strings.TrimSpace(strings.ReplaceAll(z.Text(), "\t", " ")), "\n")).To(Equal([]string{
		"Victim.example. 60 IN SOA ns1.victim.example. hostmaster.Victim.example. 1 7200 900 1209600 60",
		"Victim.example. 60 IN A 192.0.2.80",
		"Victim.example. 60 IN NS ns1.victim.example.",
		"Victim.example. 60 IN NS ns.elsewhere.",
		`Victim.example. 60 IN CAA 0 issue "ca.example"`,
		"ns1.victim.example. 60 IN A 192.0.2.53",
		"ns1.victim.example. 60 IN AAAA 2001:db8::53",
	}))
}

func TestZoneSpecRefuses(t *testing.T) {
	ns := []NameServer{{Name: "ns1"}}
	long := strings.Repeat("a.", 124)
	for name, tc := range map[string]struct {
		spec ZoneSpec
		want string
	}{
		"no origin":               {ZoneSpec{NameServers: ns}, "domain name is empty"},
		"a label too long":        {ZoneSpec{Origin: strings.Repeat("a", 64) + ".example", NameServers: ns}, "domain name"},
		"a name too long":         {ZoneSpec{Origin: strings.Repeat("abcdefg.", 32), NameServers: ns}, "domain name"},
		"no room for the mailbox": {ZoneSpec{Origin: long, NameServers: ns}, "mailbox of the SOA record"},
		"no name server":          {ZoneSpec{Origin: "example"}, "zone example: no name server and no SOA record"},
		"a nameless name server":  {ZoneSpec{Origin: "example", NameServers: []NameServer{{}}}, "name server: domain name is empty"},
		"a bad record":            {ZoneSpec{Origin: "example", NameServers: ns, Records: "\nwww IN A x\n"}, "zone example:2: dns: bad A A"},
		"a bad record in a file":  {ZoneSpec{Origin: "example", NameServers: ns, Records: "www IN A x\n", RecordsFile: "a.yaml"}, "a.yaml:1: "},
		"half a second":           {ZoneSpec{Origin: "example", NameServers: ns, TTL: time.Second / 2}, "TTL 500ms: want whole seconds"},
		"a negative TTL":          {ZoneSpec{Origin: "example", NameServers: ns, TTL: -time.Second}, "TTL -1s: want"},
		"an address in disguise": {ZoneSpec{Origin: "example", NameServers: []NameServer{
			{"ns.example", []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.1")}},
		}}, "address ::ffff:192.0.2.1, want IPv4"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.spec.Build()
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

// FuzzParseZone feeds the loader with text. Whatever it accepts must be
// answerable: every name, asked for every type of interest, gives a message.
func FuzzParseZone(f *testing.F) {
	for _, seed := range []string{
		"", apex, apex + "x IN CNAME y\ny IN CNAME x\n", apex + "* IN CNAME a.*\n", apex + "sub IN NS ns.sub\nns.sub IN A 192.0.2.1\n",
		apex + "$GENERATE 1-3 h$ A 192.0.2.$\n", apex + "$INCLUDE x\n", apex + "x IN TYPE65280 \\# 2 abcd\n",
		apex + "x IN TXT ( a\n \"b;\\\"\\200\" )\n", apex + "a\\.b IN CAA 128 issue \";\"\n", "$TTL 1w\n@ SOA . . 1 1h 1 1 1\n NS .\n",
		apex + "x IN DNAME y\ny IN DNAME x\n", apex + "x IN DNAME .\nloop IN DNAME a.loop\n", apex + "*.a IN TXT x\n*b.a IN TXT x\n\\000.\\001 IN TXT x\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		z, err := ParseZone(strings.NewReader(text), ParseOptions{Origin: "example.", File: "f"})
		if err != nil {
			return
		}
		r := &responder{zones: map[string]*Zone{z.apex: z}, udpSize: defaultSize}
		asked := 0
		for owner := range z.nodes {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeNS, dns.TypeANY, dns.TypeDS} {
				reply, event := r.respond(new(dns.Msg).SetQuestion(owner, qtype), false)
				missing := event.Outcome == NameError && z.nodes[owner].set(dns.TypeCNAME) == nil
				if missing || event.Outcome == Refused || event.Outcome == Malformed {
					t.Fatalf("%s %s: %v", owner, dns.Type(qtype), event)
				}
				if err := new(dns.Msg).Unpack(reply); err != nil {
					t.Fatalf("%s %s: %v", owner, dns.Type(qtype), err)
				}
			}
			if asked++; asked == 100 {
				break
			}
		}
		signAndAsk(t, z, len(text)%2 == 0)
	})
}

// signAndAsk signs a zone with keys that cost nothing. Every name, and one below
// it, must still be answered.
func signAndAsk(t *testing.T, z *Zone, hashed bool) {
	t.Helper()
	spec := signedFor(func(s *SigningSpec) { s.Algorithm = Unassigned })
	if hashed {
		spec.NSEC3 = &NSEC3Spec{OptOut: true}
	}
	keys, err := newKeyring(z.origin, spec, z.soa.Hdr.Ttl)
	if err != nil {
		t.Fatal(err)
	}
	if err := z.sign(keys); err != nil {
		return // two TTLs in a set, a name too long
	}
	r := &responder{zones: map[string]*Zone{z.apex: z}, udpSize: defaultSize}
	for _, owner := range z.owners()[:min(100, len(z.nodes))] {
		for _, qname := range []string{owner, child("b", owner)} {
			if _, err := absolute(qname); err != nil {
				continue
			}
			for _, qtype := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeANY} {
				reply, event := r.respond(new(dns.Msg).SetQuestion(qname, qtype).SetEdns0(1232, true), false)
				if event.Outcome == Refused || event.Outcome == Malformed {
					t.Fatalf("%s %s: %v", qname, dns.Type(qtype), event)
				}
				if err := new(dns.Msg).Unpack(reply); err != nil {
					t.Fatalf("%s %s: %v", qname, dns.Type(qtype), err)
				}
			}
		}
	}
}

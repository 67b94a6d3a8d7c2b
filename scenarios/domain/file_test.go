package domain_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios/domain"
	"mpicsim/topology"
	"mpicsim/topology/unpack/unpacktest"
)

const shop = `{"domain":"shop.example","weight":2.5,"addresses":[` +
	`{"address":"203.0.113.80","role":"web","name":"shop.example","why":"address of the domain"},` +
	`{"address":"198.51.100.53","role":"name-server","name":"ns1.dns-host.example","zone":"shop.example","protected":true},` +
	`{"address":"2001:db8::53","role":"tld-server","name":"a.nic.example","zone":"example"},` +
	`{"address":"198.41.0.4","role":"root-server","name":"a.root-servers.net","zone":"."}],` +
	`"gaps":["ns2.example: A: no answer in time"]}`

func read(text string) ([]domain.Domain, error) {
	r, err := domain.NewReader(strings.NewReader(text), "d.jsonl")
	if err != nil {
		return nil, err
	}
	var all []domain.Domain
	for {
		d, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
}

func TestReadAndWrite(t *testing.T) {
	g := NewWithT(t)
	all, err := read(shop + "\n" + `{"domain":"bare.example","addresses":[]}`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all).To(HaveLen(2))
	g.Expect(all[0].Weight).To(Equal(2.5))
	g.Expect(all[1].Weight).To(Equal(1.0))
	g.Expect(all[0].Addresses[1]).To(Equal(domain.Address{
		Address: netip.MustParseAddr("198.51.100.53"), Role: domain.NameServer, Name: "ns1.dns-host.example", Zone: "shop.example", Protected: true,
	}))
	var out bytes.Buffer
	for _, d := range all {
		g.Expect(domain.Write(&out, d)).To(Succeed())
	}
	again, err := read(out.String())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).To(Equal(all))
}

// TestScopes: each surface contains the one before, and so does each choice of what
// is above a domain's own zones.
func TestScopes(t *testing.T) {
	g := NewWithT(t)
	all, err := read(shop)
	g.Expect(err).NotTo(HaveOccurred())
	d := all[0]
	in := func(s domain.Surface, u domain.Upper) string {
		var out []string
		for _, a := range d.In(domain.Scope{Surface: s, Upper: u}) {
			out = append(out, a.String())
		}
		return strings.Join(out, " ")
	}
	g.Expect(in(domain.WebOnly, domain.UpperRoot)).To(Equal("203.0.113.80"))
	g.Expect(in(domain.WebDNSSEC, domain.UpperNone)).To(Equal("203.0.113.80"))
	g.Expect(in(domain.WebDNSSEC, domain.UpperTLD)).To(Equal("203.0.113.80 2001:db8::53"))
	g.Expect(in(domain.WebDNS, domain.UpperNone)).To(Equal("198.51.100.53 203.0.113.80"))
	g.Expect(in(domain.WebDNS, domain.UpperTLD)).To(Equal("198.51.100.53 203.0.113.80 2001:db8::53"))
	g.Expect(in(domain.DNSOnlyDNSSEC, domain.UpperNone)).To(BeEmpty(), "DNSSEC leaves nothing to hijack")
	g.Expect(in(domain.DNSOnlyDNSSEC, domain.UpperTLD)).To(Equal("2001:db8::53"))
	g.Expect(in(domain.DNSOnly, domain.UpperNone)).To(Equal("198.51.100.53"))
	g.Expect(in(domain.DNSOnly, domain.UpperRoot)).To(Equal("198.41.0.4 198.51.100.53 2001:db8::53"))
	g.Expect(in(domain.WebDNS, domain.UpperRoot)).To(Equal("198.41.0.4 198.51.100.53 203.0.113.80 2001:db8::53"))
}

// badLines are lines that are refused, with what the error says.
func badLines() map[string]string {
	address := func(text string) string { return `{"domain":"a.example","addresses":[` + text + `]}` }
	return map[string]string{
		``:   `d.jsonl:1:1: found "", expected a JSON object with domain`,
		`[]`: `expected a JSON object`,
		`{`:  `expected a JSON object`,
		`{"domain":"a.example","addresses":[]} 1`:                                                                            `found more behind the object`,
		`{"domain":"a.example"}`:                                                                                             `addresses: found nothing, expected a list`,
		`{"addresses":[]}`:                                                                                                   `domain: found "", expected a domain name`,
		`{"domain":"A.example","addresses":[]}`:                                                                              `domain: found "A.example"`,
		`{"domain":"a.example.","addresses":[]}`:                                                                             `domain: found "a.example."`,
		`{"domain":"a..example","addresses":[]}`:                                                                             `domain: found "a..example"`,
		`{"domain":".","addresses":[]}`:                                                                                      `domain: found "."`,
		`{"domain":5,"addresses":[]}`:                                                                                        `domain: found "5", expected text`,
		`{"Domain":"a.example","addresses":[]}`:                                                                              `unknown field "Domain"`,
		`{"domain":"a.example","addresses":[],"color":1}`:                                                                    `unknown field "color", expected one of domain, weight, addresses, gaps`,
		`{"domain":"a.example","domain":"b.example","addresses":[]}`:                                                         `field "domain" a second time`,
		`{"domain":"a.example","weight":0,"addresses":[]}`:                                                                   `weight: found 0, expected a number above 0`,
		`{"domain":"a.example","weight":"1","addresses":[]}`:                                                                 `weight: found`,
		`{"domain":"a.example","weight":1e999,"addresses":[]}`:                                                               `weight: found`,
		`{"domain":"a.example","addresses":{}}`:                                                                              `addresses: found "{}", expected a list`,
		`{"domain":"a.example","addresses":[],"gaps":[""]}`:                                                                  `gaps[0]: found "", expected printable text`,
		`{"domain":"a.example","addresses":[],"gaps":["a\nb"]}`:                                                              `gaps[0]: found "a\nb"`,
		`{"domain":"a.example","addresses":[],"gaps":"a"}`:                                                                   `gaps: found`,
		address(`"192.0.2.1"`):                                                                                               `addresses[0]: found`,
		address(`{"address":"192.0.2.1","role":"web","name":"a","x":1}`):                                                     `addresses[0]: found unknown field "x"`,
		address(`{"address":"192.0.2.01","role":"web","name":"a"}`):                                                          `addresses[0].address: found "192.0.2.01"`,
		address(`{"address":"2001:DB8::1","role":"web","name":"a"}`):                                                         `addresses[0].address: found`,
		address(`{"address":"::ffff:192.0.2.1","role":"web","name":"a"}`):                                                    `addresses[0].address: found`,
		address(`{"address":"fe80::1%eth0","role":"web","name":"a"}`):                                                        `addresses[0].address: found`,
		address(`{"role":"web","name":"a"}`):                                                                                 `addresses[0].address: found`,
		address(`{"address":"192.0.2.1","role":"cdn","name":"a"}`):                                                           `addresses[0].role: found "cdn", expected web, name-server`,
		address(`{"address":"192.0.2.1","role":"web"}`):                                                                      `addresses[0].name: found ""`,
		address(`{"address":"192.0.2.1","role":"web","name":"a","zone":"b"}`):                                                `addresses[0].zone: found "b", expected none`,
		address(`{"address":"192.0.2.1","role":"web","name":"a","zone":""}`):                                                 `addresses[0].zone: found nothing`,
		address(`{"address":"192.0.2.1","role":"web","name":"a","protected":true}`):                                          `addresses[0].protected: found true`,
		address(`{"address":"192.0.2.1","role":"web","name":"a","protected":1}`):                                             `addresses[0].protected: found "1", expected true or false`,
		address(`{"address":"192.0.2.1","role":"name-server","name":"a"}`):                                                   `addresses[0].zone: found ""`,
		address(`{"address":"192.0.2.1","role":"name-server","name":"a","zone":"example"}`):                                  `addresses[0].role: found "name-server", expected tld-server`,
		address(`{"address":"192.0.2.1","role":"root-server","name":"a","zone":"b.c"}`):                                      `expected name-server, which the servers of b.c are`,
		address(`{"address":"192.0.2.1","role":"web","name":"a","why":"\u0007"}`):                                            `addresses[0].why: found`,
		address(`{"address":"192.0.2.1","role":"web","name":"a"},{"address":"192.0.2.1","role":"web","name":"a","why":"x"}`): `addresses[1]: found 192.0.2.1 as web a a second time`,
		"{\"domain\":\"\xff\",\"addresses\":[]}":                                                                             `octets that are no UTF-8`,
	}
}

func TestBadLines(t *testing.T) {
	for text, want := range badLines() {
		t.Run(text, func(t *testing.T) {
			g := NewWithT(t)
			_, err := read(text + "\n")
			g.Expect(err).To(MatchError(ContainSubstring(want)))
			g.Expect(err).To(MatchError(HavePrefix("d.jsonl:1:1: ")))
			_, err = read(shop + "\n" + text + "\n")
			g.Expect(err).To(MatchError(HavePrefix("d.jsonl:2:1: ")))
		})
	}
	g := NewWithT(t)
	_, err := read(shop + "\n" + shop)
	g.Expect(err).To(MatchError(`d.jsonl:2:1: domain: found "shop.example" a second time, expected each domain once`))
	_, err = read(`{"domain":"` + strings.Repeat("x", domain.MaxLineBytes) + `"}`)
	g.Expect(err).To(MatchError(ContainSubstring("a shorter line")))
}

func TestWriteRefusesWhatCannotBeRead(t *testing.T) {
	g := NewWithT(t)
	for _, d := range []domain.Domain{
		{},
		{Name: "a.example", Weight: math.NaN()},
		{Name: "a.example", Weight: 1, Addresses: []domain.Address{{}}},
		{Name: "a.example", Weight: 1, Gaps: []string{"\x00"}},
	} {
		var out bytes.Buffer
		g.Expect(domain.Write(&out, d)).NotTo(Succeed())
		g.Expect(out.Len()).To(BeZero())
	}
}

func TestReadFile(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(shop + "\n"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(z.Close()).To(Succeed())
	path := func(name string, data []byte) string {
		p := filepath.Join(dir, name)
		g.Expect(os.WriteFile(p, data, 0o600)).To(Succeed())
		return p
	}
	plain, sum, err := domain.ReadFile(path("a.jsonl", []byte(shop)))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sum).To(HaveLen(64))
	unpacked, other, err := domain.ReadFile(path("a.jsonl.gz", packed.Bytes()))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(unpacked).To(Equal(plain))
	g.Expect(other).NotTo(Equal(sum))
	_, _, err = domain.ReadFile(path("empty.jsonl", nil))
	g.Expect(err).To(MatchError(domain.ErrEmpty))
	_, _, err = domain.ReadFile(path("cut.gz", packed.Bytes()[:packed.Len()-4]))
	g.Expect(err).To(MatchError(ContainSubstring("unexpected EOF")))
	_, _, err = domain.ReadFile(filepath.Join(dir, "absent"))
	g.Expect(err).To(MatchError(os.ErrNotExist))
}

// FuzzReader: what is read can be written, and then reads as the same.
func FuzzReader(f *testing.F) {
	f.Add(shop)
	f.Add(shop + "\n" + `{"domain":"b.example","addresses":[]}`)
	for text := range badLines() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var all []domain.Domain
		var err error
		unpacktest.Within(t, len(text), func() { all, err = read(text) })
		if err != nil {
			return
		}
		var out bytes.Buffer
		for _, d := range all {
			if err := domain.Write(&out, d); err != nil {
				t.Fatal(err)
			}
		}
		again, err := read(out.String())
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		NewWithT(t).Expect(again).To(Equal(all))
	})
}

func TestOrigins(t *testing.T) {
	g := NewWithT(t)
	o, err := domain.ParseOrigins([]byte("asn,prefix,note\n64500,203.0.113.0/24,x\n64501,203.0.112.0/22,\n64502,203.0.113.0/24,\n64500,203.0.113.0/24,again\n1,2001:db8::/32,\n"), "o.csv")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(o.Len()).To(Equal(3))
	for text, want := range map[string][]topology.ASN{
		"203.0.113.80": {64500, 64502}, "203.0.112.1": {64501}, "203.0.116.1": nil, "2001:db8::1": {1}, "2001:db9::1": nil,
	} {
		_, ases := o.Lookup(netip.MustParseAddr(text))
		g.Expect(ases).To(Equal(want), text)
	}
	all, err := read(shop)
	g.Expect(err).NotTo(HaveOccurred())
	targets := o.Map(&all[0], domain.Scope{Surface: domain.WebDNS, Upper: domain.UpperTLD})
	g.Expect(targets.ASes).To(Equal([]topology.ASN{1, 64500, 64502}))
	g.Expect(targets.Unmapped).To(Equal([]netip.Addr{netip.MustParseAddr("198.51.100.53")}))
	for text, want := range badOrigins() {
		_, err := domain.ParseOrigins([]byte(text), "o.csv")
		g.Expect(err).To(MatchError(ContainSubstring(want)), text)
	}
}

func badOrigins() map[string]string {
	return map[string]string{
		"":                                 `o.csv: found no prefix`,
		"prefix,as\n":                      `o.csv:1:1: found the columns`,
		"prefix,asn\n":                     `found no prefix`,
		"prefix,asn\n192.0.2.0/24\n":       `o.csv:2:1: found wrong number of fields`,
		"prefix,asn\n192.0.2.1/24,1\n":     `o.csv:2:1: prefix: found "192.0.2.1/24"`,
		"prefix,asn\n192.0.2.0/24,0\n":     `o.csv:2:1: asn: found "0"`,
		"prefix,asn\n192.0.2.0/24,1_2\n":   `asn: found "1_2"`,
		"prefix,asn\n::ffff:1.0.0.0/104,1": `prefix: found`,
	}
}

// TestOriginsAgainstAllPrefixes: the longest prefix by looking at every one.
func TestOriginsAgainstAllPrefixes(t *testing.T) {
	g := NewWithT(t)
	r := rand.New(rand.NewPCG(1, 1))
	at := func() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, byte(r.IntN(4)), byte(r.IntN(256))}) }
	table := map[netip.Prefix]topology.ASN{}
	text := strings.Builder{}
	text.WriteString("prefix,asn\n")
	for n := range 200 {
		p, err := at().Prefix(8 + r.IntN(25))
		g.Expect(err).NotTo(HaveOccurred())
		if _, twice := table[p]; !twice {
			table[p] = topology.ASN(n + 1)
			text.WriteString(p.String() + "," + table[p].String() + "\n")
		}
	}
	o, err := domain.ParseOrigins([]byte(text.String()), "o.csv")
	g.Expect(err).NotTo(HaveOccurred())
	for range 1000 {
		a := at()
		var best netip.Prefix
		for p := range table {
			if p.Contains(a) && (!best.IsValid() || p.Bits() > best.Bits()) {
				best = p
			}
		}
		p, _ := o.Lookup(a)
		g.Expect(p).To(Equal(best), a.String())
	}
}

func FuzzOrigins(f *testing.F) {
	f.Add("prefix,asn\n192.0.2.0/24,64500\n2001:db8::/32,1\n")
	for text := range badOrigins() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var o *domain.Origins
		var err error
		unpacktest.Within(t, len(text), func() { o, err = domain.ParseOrigins([]byte(text), "o.csv") })
		if err == nil && o.Len() == 0 {
			t.Fatal("an empty table")
		}
		if err == nil {
			at := netip.MustParseAddr("192.0.2.1")
			if p, ases := o.Accepted(at); p.IsValid() && (p.Bits() > 24 || !p.Contains(at) || len(ases) == 0) {
				t.Fatalf("%v is said to be accepted", p)
			}
		}
	})
}

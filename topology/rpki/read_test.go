package rpki_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	. "github.com/onsi/gomega"

	"mpicsim/topology/rpki"
	"mpicsim/topology/unpack/unpacktest"
)

func read(text string) (*rpki.File, error) { return rpki.Read(strings.NewReader(text), "f") }

// zipped returns a text as gzip.
func zipped(tb testing.TB, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// anchored returns a payload with a trust anchor.
func anchored(v rpki.VRP, anchor string) rpki.VRP {
	v.TrustAnchor = anchor
	return v
}

// What the relying parties write, with everything that is skipped.
const (
	routinatorCSV = "ASN,IP Prefix,Max Length,Trust Anchor\nAS13335,1.0.0.0/24,24,apnic\nAS0,2001:db8::/32,48,ripe\n"
	compatCSV     = "\"ASN\",\"IP Prefix\",\"Max Length\",\"Trust Anchor\"\r\n\"13335\",\"1.0.0.0/24\",\"24\",\"apnic\"\r\n\"0\",\"2001:db8::/32\",\"48\",\"ripe\"\r\n"
	rpkiClientCSV = "ASN,IP Prefix,Max Length,Trust Anchor,Expires\nAS13335,1.0.0.0/24,24,apnic,1700000000\nAS0,2001:db8::/32,48,ripe,1700000000\n"
	extendedCSV   = "URI,ASN,IP Prefix,Max Length,Not Before,Not After\nrsync://x/y.roa,AS13335,1.0.0.0/24,24,2022-01-01 00:00:00,2023-01-01 00:00:00\nN/A,AS0,2001:db8::/32,48,,\n"

	rpkiClientJSON = `{
	"metadata": {
		"buildmachine": "example", "buildtime": "2023-11-14T22:13:20Z", "elapsedtime": "307", "roas": 2, "vrps": 2, "aspas": 2
	},

	"roas": [
		{ "asn": 13335, "prefix": "1.0.0.0/24", "maxLength": 24, "ta": "apnic", "expires": 1700000000 },
		{ "asn": 0, "prefix": "2001:db8::/32", "maxLength": 48, "ta": "ripe", "expires": 1700000000 }
	],

	"bgpsec_keys": [
		{ "asn": 64500, "ski": "00", "pubkey": "AA==", "ta": "ripe", "expires": 1700000000 }
	],

	"nonfunc_cas": [],
	"aspas": [
		{ "customer_asid": 64500, "expires": 1700000000, "providers": [64497, 64496] },
		{ "customer_asid": 970, "expires": 1700000000, "providers": [0] }
	]
}
`
	routinatorJSON = `{
  "metadata": { "generated": 1700000000, "generatedTime": "2023-11-14T22:13:20Z" },
  "roas": [
    { "asn": "AS13335", "prefix": "1.0.0.0/24", "maxLength": 24, "ta": "apnic" },
    { "asn": "AS0", "prefix": "2001:db8::/32", "maxLength": 48, "ta": "ripe" }
  ],
  "routerKeys": [
    { "asn": "AS64500", "SKI": "00", "routerPublicKey": "AA", "ta": "ripe" }
  ],
  "aspas": [
    { "customer": "AS64500", "providers": ["AS64496", "AS64497"], "ta": "ripe" },
    { "customer": "AS970", "providers": ["AS0"], "ta": "ripe" }
  ]
}`
	extendedJSON = `{ "roas": [
    { "asn": "AS13335", "prefix": "1.0.0.0/24", "maxLength": 24, "source": [ { "type": "roa", "uri": "rsync://x", "validity": { "notBefore": "x" } } ] },
    { "asn": "AS0", "prefix": "2001:db8::/32", "maxLength": 48, "source": [ { "type": "exception", "path": null } ] }
  ] }`
)

func TestReadWhatRelyingPartiesWrite(t *testing.T) {
	vrps := []rpki.VRP{anchored(vrp("1.0.0.0/24", 24, 13335), "apnic"), anchored(vrp("2001:db8::/32", 48, 0), "ripe")}
	bare := []rpki.VRP{vrp("1.0.0.0/24", 24, 13335), vrp("2001:db8::/32", 48, 0)}
	list := []rpki.ASPA{{Customer: 970, Providers: path(0)}, {Customer: 64500, Providers: path(64496, 64497)}}
	const made = "2023-11-14T22:13:20Z"
	for name, c := range map[string]struct {
		text      string
		vrps      []rpki.VRP
		aspas     []rpki.ASPA
		generated string
	}{
		"Routinator csv":       {routinatorCSV, vrps, nil, ""},
		"Routinator csvcompat": {compatCSV, vrps, nil, ""},
		"Routinator csvext":    {extendedCSV, bare, nil, ""},
		"rpki-client csv":      {rpkiClientCSV, vrps, nil, ""},
		"rpki-client json":     {rpkiClientJSON, vrps, list, made},
		"Routinator json":      {routinatorJSON, vrps, list, made},
		"Routinator jsonext":   {extendedJSON, bare, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			for _, text := range [][]byte{[]byte(c.text), zipped(t, c.text)} {
				f, err := rpki.Read(iotest.OneByteReader(bytes.NewReader(text)), "f")
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(f).To(Equal(&rpki.File{
					Name: "f", VRPs: c.vrps, ASPAs: c.aspas, Generated: c.generated, SHA256: sha256.Sum256(text),
				}))
			}
		})
	}
}

// TestReadWithoutMaxLength: a ROA need not have a maximum length (RFC 9582 4.3.2.2), and
// not everybody who lists VRPs fills it in.
func TestReadWithoutMaxLength(t *testing.T) {
	want := []rpki.VRP{vrp("203.0.113.0/24", 24, 64500), vrp("2001:db8::/32", 32, 64501)}
	for name, text := range map[string]string{
		"RIPE roas.csv": "URI,ASN,IP Prefix,Max Length,Not Before,Not After\nrsync://h/a.roa,AS64500,203.0.113.0/24,,2026-01-01 00:00:00,2027-01-01 00:00:00\n" +
			"rsync://h/b.roa,AS64501,2001:db8::/32,32,2026-01-01 00:00:00,2027-01-01 00:00:00\n",
		"quoted CSV":       "\"ASN\",\"IP Prefix\",\"Max Length\"\r\n\"64500\",\"203.0.113.0/24\",\"\"\r\n\"64501\",\"2001:db8::/32\",\"\"\r\n",
		"FORT csv":         "ASN,Prefix,Max prefix length\nAS64500,203.0.113.0/24,24\nAS64501,2001:db8::/32,32\n",
		"byte order mark":  "\ufeffASN,IP Prefix,Max Length\nAS64500,203.0.113.0/24,24\nAS64501,2001:db8::/32,\n",
		"JSON":             `{"roas":[{"asn":64500,"prefix":"203.0.113.0/24"},{"maxLength":null,"asn":"AS64501","prefix":"2001:db8::/32"}]}`,
		"JSON with a mark": "\ufeff" + `{"roas":[{"asn":64500,"prefix":"203.0.113.0/24"},{"asn":"AS64501","prefix":"2001:db8::/32"}],"aspas":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, text := range [][]byte{[]byte(text), zipped(t, text)} {
				f, err := rpki.Read(iotest.OneByteReader(bytes.NewReader(text)), "f")
				NewWithT(t).Expect(err).NotTo(HaveOccurred())
				NewWithT(t).Expect(f.VRPs).To(Equal(want))
			}
		})
	}
	for _, text := range []string{`{"roas":null}`, `{"aspas":null}`, `{"roas":null,"aspas":null}`} {
		f, err := read(text)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		NewWithT(t).Expect(len(f.VRPs) + len(f.ASPAs)).To(BeZero())
	}
}

func TestReadDropsDuplicates(t *testing.T) {
	g := NewWithT(t)
	f, err := read("ASN,IP Prefix,Max Length,Trust Anchor\n" +
		"AS2,10.0.0.0/8,8,arin\nAS1,10.0.0.0/8,8,arin\nAS2,10.0.0.0/8,8,arin\nAS2,10.0.0.0/8,8,ripe\nAS2,10.0.0.0/8,9,arin\n")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.VRPs).To(Equal([]rpki.VRP{
		anchored(vrp("10.0.0.0/8", 8, 1), "arin"), anchored(vrp("10.0.0.0/8", 8, 2), "arin"),
		anchored(vrp("10.0.0.0/8", 8, 2), "ripe"), anchored(vrp("10.0.0.0/8", 9, 2), "arin"),
	}))
	g.Expect(f.DuplicateVRPs).To(Equal(1))
	g.Expect(f.Summary()).To(Equal("f: 4 VRPs: 4 IPv4 (1 with a max length above the prefix's), 0 IPv6 (0), 0 of AS 0; 0 ASPAs; " +
		"dropped as duplicates: 1 VRPs, 0 ASPAs"))

	f, err = read(`{"aspas": [{"customer": "AS7", "providers": ["AS2", "AS1"]}, {"customer_asid": 7, "providers": [1, 2, 2]},
		{"customer": 7, "afi": "ipv6", "providers": [3]}]}`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.ASPAs).To(Equal([]rpki.ASPA{{Customer: 7, Providers: path(1, 2)}, {Customer: 7, Providers: path(3)}}))
	g.Expect(f.DuplicateASPAs).To(Equal(1))
	g.Expect(f.Summary()).To(HaveSuffix("; 2 ASPAs; dropped as duplicates: 0 VRPs, 1 ASPAs"))
}

// badTexts has one text for each thing that can be wrong, and its error.
func badTexts() map[string]string {
	const header = "ASN,IP Prefix,Max Length,Trust Anchor\n"
	roa := func(fields string) string {
		return "{\"roas\": [\n{\"prefix\": \"10.0.0.0/8\", \"maxLength\": 8, \"asn\": 1},\n{" + fields + "}]}"
	}
	aspa := func(fields string) string { return "{\"aspas\": [\n{" + fields + "}]}" }
	const wantASN = "want an AS number from 0 to 4294967295, with or without AS"
	return map[string]string{
		"":                                         `f:1: header: found "", want columns with the names ["ASN" "IP Prefix" "Max Length"]`,
		"AS1,10.0.0.0/8,8,arin\n":                  `f:1: header: found "AS1,10.0.0.0/8,8,arin", want columns`,
		"ASN,IP Prefix\n":                          `f:1: header: found "ASN,IP Prefix", want columns`,
		header + "AS1,10.0.0.0/8,8\n":              "f:2: row: found 3 fields, want 4 as in the header",
		header + "\nAS1,10.0.0.0/8,8,a,b\n":        "f:3: row: found 5 fields, want 4 as in the header",
		header + "ASX,10.0.0.0/8,8,a\n":            `f:2: ASN: found "ASX", ` + wantASN,
		header + "4294967296,10.0.0.0/8,8,a\n":     `f:2: ASN: found "4294967296", ` + wantASN,
		header + "-1,10.0.0.0/8,8,a\n":             `f:2: ASN: found "-1", ` + wantASN,
		header + "AS1,10.0.0.0,8,a\n":              `f:2: IP Prefix: found "10.0.0.0", want a prefix such as 192.0.2.0/24 or 2001:db8::/32`,
		header + "AS1,10.0.0.1/8,8,a\n":            `f:2: IP Prefix: found "10.0.0.1/8", want 10.0.0.0/8, without host bits`,
		header + "AS1,::ffff:10.0.0.0/104,104,a\n": `f:2: IP Prefix: found "::ffff:10.0.0.0/104", want IPv4 in its own notation`,
		header + "AS1,10.0.0.0/8,7,a\n":            `f:2: Max Length: found "7", want a number from 8 to 32`,
		header + "AS1,10.0.0.0/8,33,a\n":           `f:2: Max Length: found "33", want a number from 8 to 32`,
		header + "AS1,2001:db8::/32,129,a\n":       `f:2: Max Length: found "129", want a number from 32 to 128`,
		header + "AS1,10.0.0.0/8, ,a\n":            `f:2: Max Length: found " ", want a number from 8 to 32`,
		header + "AS1,10.0.0.1/8,,a\n":             `f:2: IP Prefix: found "10.0.0.1/8", want 10.0.0.0/8, without host bits`,
		"ASN,Prefix\nAS1,10.0.0.0/8\n":             `f:1: header: found "ASN,Prefix", want columns`,
		"\ufeff\ufeff" + header:                    "f:1: header: ",
		header + "AS1,bad,264,a\n":                 `f:2: Max Length: found "264", want a number from 0 to 128`,
		header + "AS1,\"10.0.0.0/8,8,a\n":          `f:2: CSV, column`,
		header + "AS1,10.0.0.0/8,8,a\"b\n":         `f:2: CSV, column`,
		"\x1f\x8b":                                 "f: gzip: unexpected EOF",
		"\x1f\x8b\x01":                             "f: gzip: ",

		"{}":                                     `f:1: JSON: found neither, want "roas" or "aspas"`,
		"[]":                                     `f:1: JSON: found an array, want an object with "roas" or "aspas"`,
		"{\"roas\": []} x":                       `f:1: JSON: found 'x', want the end of the text`,
		"{\"roas\": []\n":                        `f:2: JSON: found the end of the text, want the rest`,
		"{\"roas\": [],}":                        `f:1: JSON: found '}', want a member's name`,
		"{\"roas\" []}":                          `f:1: JSON: found '[', want a colon`,
		"{\"roas\": [] []}":                      `f:1: JSON: found '[', want a comma or '}'`,
		"{\"roas\": [{}":                         `f:1: JSON: found the end of the text, want the rest`,
		"{\"roas\": [,]}":                        `f:1: JSON: found ',', want a value`,
		"{\"roas\": nul}":                        `f:1: JSON: found "nul", want a value`,
		"{\"x\": 01, \"roas\": []}":              `f:1: JSON: found "01", want a value`,
		"{\"x\": \"\\q\", \"roas\": []}":         `f:1: JSON: found "\"\\q\"", want a string with valid escapes`,
		"{\"x\": \"\n\", \"roas\": []}":          `f:1: JSON: found control character 0xa in a string, want an escape`,
		"{\"roas\": [], \"roas\": []}":           `f:1: JSON: found a second "roas", want one`,
		"{\"roas\": {}}":                         `f:1: roas: found an object, want an array`,
		"{\"roas\": [1]}":                        `f:1: roas[0]: found 1, want an object`,
		"{\"roas\": [[]]}":                       `f:1: roas[0]: found an array, want an object`,
		`{"provider_authorizations": {}}`:        `f:1: JSON: found "provider_authorizations", ASPAs by address family as early drafts had them, want "aspas"`,
		`{"x": ` + strings.Repeat("[", 40):       `f:1: JSON: found more than 32 levels, want fewer`,
		`{"x": ` + strings.Repeat(`{"":`, 40):    `f:1: JSON: found more than 32 levels, want fewer`,
		`{"x": "` + strings.Repeat("x", 1<<20+1): `f:1: JSON: found a string of more than 1048576 bytes, want fewer`,
		`{"x": 1` + strings.Repeat("0", 1<<20):   `f:1: JSON: found a number of more than 1048576 bytes, want fewer`,

		roa(`"prefix": "10.0.0.0/8", "maxLength": 8`):                              "f:3: roas[1].asn: found nothing, " + wantASN,
		roa(`"maxLength": "", "prefix": "10.0.0.0/8", "asn": 1`):                   `f:3: roas[1].maxLength: found "", want a number from 8 to 32`,
		roa(`"maxLength": true, "prefix": "10.0.0.0/8", "asn": 1`):                 `f:3: roas[1].maxLength: found true, want a number from 8 to 32`,
		roa(`"maxLength": null, "maxLength": 9, "prefix": "10.0.0.0/8", "asn": 1`): "f:3: roas[1].maxLength: found it a second time, want it once",
		roa(`"maxLength": 8, "asn": 1`):                                            "f:3: roas[1].prefix: found nothing, want a prefix",
		roa(`"maxLength": 33, "prefix": "10.0.0.0/8", "asn": 1`):                   "f:3: roas[1].maxLength: found 33, want a number from 8 to 32",
		roa(`"maxLength": "8", "prefix": "10.0.0.0/8", "asn": 1`):                  `f:3: roas[1].maxLength: found "8", want a number from 8 to 32`,
		roa(`"maxLength": 8.0, "prefix": "10.0.0.0/8", "asn": 1`):                  `f:3: roas[1].maxLength: found 8.0, want a number from 8 to 32`,
		roa(`"maxLength": 8, "prefix": "10.9.0.0/8", "asn": 1`):                    `f:3: roas[1].prefix: found "10.9.0.0/8", want 10.0.0.0/8, without host bits`,
		roa(`"maxLength": 8, "prefix": 10, "asn": 1`):                              `f:3: roas[1].prefix: found 10, want a string`,
		roa(`"maxLength": 8, "prefix": "10.0.0.0/8", "asn": 4294967296`):           "f:3: roas[1].asn: found 4294967296, " + wantASN,
		roa(`"maxLength": 8, "prefix": "10.0.0.0/8", "asn": 1e3`):                  "f:3: roas[1].asn: found 1e3, " + wantASN,
		roa(`"maxLength": 8, "prefix": "10.0.0.0/8", "asn": null`):                 "f:3: roas[1].asn: found null, " + wantASN,
		roa(`"maxLength": 8, "prefix": "10.0.0.0/8", "asn": {"a": [1, true]}`):     "f:3: roas[1].asn: found an object, " + wantASN,
		roa(`"maxLength": 8, "prefix": "10.0.0.0/8", "asn": "x"`):                  `f:3: roas[1].asn: found "x", ` + wantASN,
		roa(`"maxLength": 8, "prefix": "10.0.0.0/8", "asn": 1, "ta": 1`):           "f:3: roas[1].ta: found 1, want a string",
		roa(`"maxLength": 8, "prefix": "10.0.0.0/8", "asn": 1, "asn": 1`):          "f:3: roas[1].asn: found it a second time, want it once",

		aspa(`"providers": [1]`):                                    "f:2: aspas[0].customer_asid: found nothing, " + wantASN,
		aspa(`"customer": 7`):                                       "f:2: aspas[0].providers: found nothing, want an array of AS numbers",
		aspa(`"customer": 7, "providers": 1`):                       "f:2: aspas[0].providers: found 1, want an array of AS numbers",
		aspa(`"customer": 7, "providers": [1, "x"]`):                `f:2: aspas[0].providers[1]: found "x", ` + wantASN,
		aspa(`"customer": 7, "providers": []`):                      "f:2: aspas[0]: found no providers, want at least one; AS 0 says that there are none, want an ASPA",
		aspa(`"customer": 7, "providers": [1, 7]`):                  "f:2: aspas[0]: found provider AS 7, want another AS than the customer",
		aspa(`"customer": 0, "providers": [1]`):                     "f:2: aspas[0]: found customer AS 0, want a number from 1",
		aspa(`"customer": 7, "customer_asid": 7, "providers": [1]`): "f:2: aspas[0].customer_asid: found it a second time, want it once",
	}
}

func TestReadRefuses(t *testing.T) {
	for text, want := range badTexts() {
		t.Run(want, func(t *testing.T) {
			_, err := read(text)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(want)))
		})
	}
}

func TestReadJoinsTheFirstErrors(t *testing.T) {
	g := NewWithT(t)
	_, err := read("ASN,IP Prefix,Max Length\nASX,10.0.0.1/8,99\n" + strings.Repeat("AS1,1,1\n", 30))
	g.Expect(err).To(HaveOccurred())
	lines := strings.Split(err.Error(), "\n")
	g.Expect(lines).To(HaveLen(21))
	g.Expect(lines[0]).To(HavePrefix("f:2: ASN: "))
	g.Expect(lines[1]).To(HavePrefix("f:2: IP Prefix: "))
	g.Expect(lines[2]).To(HavePrefix("f:2: Max Length: "))
	g.Expect(lines[3]).To(HavePrefix("f:3: IP Prefix: "))
	g.Expect(lines[20]).To(Equal("and 13 more bad fields"))

	_, err = read("ASN,IP Prefix,Max Length\nAS1," + strings.Repeat("é", 500) + ",8\n")
	g.Expect(err).To(MatchError(MatchRegexp(`^f:2: IP Prefix: found "é{10,}\.\.\., want a prefix`)))
	g.Expect(len(err.Error())).To(BeNumerically("<", 250))

	_, err = read("ASN,IP Prefix,Max Length\nASX,10.0.0.0/8,8\nAS1,\"10\n")
	g.Expect(err).To(MatchError(And(ContainSubstring("f:2: ASN: "), ContainSubstring(": CSV, column"))), "both kinds")
}

func TestReadIsBounded(t *testing.T) {
	g := NewWithT(t)
	for _, text := range []string{routinatorCSV, rpkiClientJSON} {
		for _, in := range []string{text, string(zipped(t, text))} {
			n := int64(len(text))
			_, err := rpki.ReadAtMost(strings.NewReader(in), "f", n, 2)
			g.Expect(err).NotTo(HaveOccurred())
			_, err = rpki.ReadAtMost(strings.NewReader(in), "f", n-1, 2)
			g.Expect(err).To(MatchError(ContainSubstring(fmt.Sprintf("more than %d octets of text", n-1))))
			_, err = rpki.ReadAtMost(strings.NewReader(in), "f", n, 1)
			g.Expect(err).To(MatchError(ContainSubstring("more than 1 ")))
		}
	}
}

func TestReadPassesErrorsOn(t *testing.T) {
	g := NewWithT(t)
	broken := errors.New("broken")
	for _, text := range []string{"", "A", routinatorCSV, "{", rpkiClientJSON[:200], `{"roas": []}`, `{"x": 1`} {
		_, err := rpki.Read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), "f")
		g.Expect(err).To(MatchError(broken), text)
	}
	whole := zipped(t, rpkiClientJSON)
	_, err := rpki.Read(bytes.NewReader(whole[:len(whole)-9]), "f")
	g.Expect(err).To(MatchError(io.ErrUnexpectedEOF))
	flipped := slices.Clone(whole)
	flipped[len(flipped)-5] ^= 1
	_, err = rpki.Read(bytes.NewReader(flipped), "f")
	g.Expect(err).To(MatchError(gzip.ErrChecksum))
	_, err = rpki.Open(filepath.Join(t.TempDir(), "absent"))
	g.Expect(err).To(MatchError(os.ErrNotExist))
}

// TestReadBrokenOff cuts texts off after every byte, by their end and by an error.
func TestReadBrokenOff(t *testing.T) {
	broken := errors.New("broken")
	bad := `{"roas": [1, {"asn": [1], "ta": 1, "maxLength": -1}], "aspas": 1, "metadata": [true], "x": {"y": ["\n"]}}`
	for _, text := range []string{rpkiClientJSON, extendedJSON, bad} {
		for i := range len(strings.TrimSpace(text)) {
			if _, err := read(text[:i]); err == nil {
				t.Fatalf("read %q", text[:i])
			}
			_, err := rpki.Read(io.MultiReader(strings.NewReader(text[:i]), iotest.ErrReader(broken)), "f")
			if !errors.Is(err, broken) {
				t.Fatalf("broken off after %q: %v", text[:i], err)
			}
		}
	}
	for i := range routinatorCSV {
		_, err := rpki.Read(io.MultiReader(strings.NewReader(routinatorCSV[:i]), iotest.ErrReader(broken)), "f")
		if !errors.Is(err, broken) {
			t.Fatalf("broken off after %q: %v", routinatorCSV[:i], err)
		}
	}
	f, err := read(`{"metadata": 1, "roas": []}`)
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.Generated).To(BeEmpty())
}

func TestOpen(t *testing.T) {
	g := NewWithT(t)
	name := filepath.Join(t.TempDir(), "vrps.txt")
	g.Expect(os.WriteFile(name, zipped(t, routinatorCSV), 0o600)).To(Succeed())
	f, err := rpki.Open(name)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.Name).To(Equal(name))
	g.Expect(f.VRPs).To(HaveLen(2))
}

func TestWriteCSV(t *testing.T) {
	g := NewWithT(t)
	vrps := []rpki.VRP{
		anchored(vrp("0.0.0.0/0", 0, 0), `a "name", quoted`), vrp("10.0.0.0/8", 24, 4294967295), vrp("2001:db8::/32", 128, 1),
	}
	var out bytes.Buffer
	g.Expect(rpki.WriteCSV(&out, vrps)).To(Succeed())
	g.Expect(out.String()).To(Equal("ASN,IP Prefix,Max Length,Trust Anchor\nAS0,0.0.0.0/0,0,\"a \"\"name\"\", quoted\"\n" +
		"AS4294967295,10.0.0.0/8,24,\nAS1,2001:db8::/32,128,\n"))
	f, err := rpki.Read(&out, "f")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.VRPs).To(Equal(vrps))

	g.Expect(rpki.WriteCSV(io.Discard, []rpki.VRP{vrp("10.0.0.0/8", 7, 1)})).To(MatchError(ContainSubstring("writing VRP 0 (AS 1): max length 7")))
	broken := errors.New("broken")
	g.Expect(rpki.WriteCSV(brokenWriter{broken}, vrps)).To(MatchError(broken))
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// FuzzRead checks that no input panics, that JSON is taken only if it is JSON, and
// that what is read makes sets and can be written and read back.
func FuzzRead(f *testing.F) {
	for text := range badTexts() {
		if len(text) < 1000 {
			f.Add([]byte(text))
		}
	}
	for _, text := range []string{routinatorCSV, compatCSV, rpkiClientCSV, extendedCSV, rpkiClientJSON, routinatorJSON, extendedJSON} {
		f.Add([]byte(text))
	}
	f.Add(zipped(f, routinatorCSV))
	f.Add([]byte(`{"\u0072oas": [{"prefix": "\ud83d\ude00", "ta": "\u00e9\\"}], "x": [-1.5e+3, true, false, null, "", {}]}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		var file *rpki.File
		var err error
		unpacktest.Within(t, len(input), func() { file, err = rpki.ReadAtMost(bytes.NewReader(input), "fuzz", 1<<20, 1<<12) })
		if err != nil {
			return
		}
		if start := bytes.TrimLeft(input, " \t\r\n"); len(start) > 0 && start[0] == '{' && !json.Valid(input) {
			t.Fatal("read what is not JSON")
		}
		set, err := rpki.NewVRPs(file.VRPs)
		if err != nil || !slices.Equal(slices.Collect(set.All()), file.VRPs) {
			t.Fatal("VRPs", err)
		}
		if _, err := rpki.NewASPAs(file.ASPAs); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := rpki.WriteCSV(&out, file.VRPs); err != nil {
			t.Fatal(err)
		}
		again, err := rpki.Read(&out, "again")
		if err != nil || !slices.Equal(again.VRPs, file.VRPs) {
			t.Fatal("read back:", err)
		}
	})
}

// FuzzJSON checks the reader of JSON against the standard library's: of texts whose
// payloads are fine, both take the same.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		"1", "-0.5e-7", "01", "1.", "+1", "true", "nulls", `"a\u00e9\n"`, `"\x"`, "\"\x01\"", `"\ud800"`, "[1, [2]]", "[1,]", "[,1]",
		`{"a": {"b": []}}`, `{"a" 1}`, `{1: 2}`, "", " ", "[", "{", "\"", "\\", "1 2", "\x00", "\"\xff\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		text := slices.Concat([]byte(`{"roas": [], "x": `), value, []byte("\n}"))
		_, err := rpki.Read(bytes.NewReader(text), "fuzz")
		valid := json.Valid(text)
		if err == nil && !valid {
			t.Fatalf("read %q", text)
		}
		if err != nil && valid && !bytes.Contains(text[10:], []byte(`as"`)) && !strings.Contains(err.Error(), "want fewer") &&
			!strings.Contains(err.Error(), "a second") && !strings.Contains(err.Error(), "provider_authorizations") {
			t.Fatalf("refused %q: %v", text, err)
		}
	})
}

package idn_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"mpicsim/perspectives/idn"
)

func TestToASCII(t *testing.T) {
	for name, want := range map[string]string{
		"example.com": "example.com", "Example.COM.": "example.com", "a": "a", "a-b.c--d.e-f-.example": "", "a-b.c--d.2--3.example": "a-b.c--d.2--3.example",
		// LDH labels that begin with a digit beside right-to-left ones.
		"1.xn--4dbrk0ce": "1.xn--4dbrk0ce", "0.xn--mgbaam7a8h": "0.xn--mgbaam7a8h", "mail.2go.xn--ngbc5azd": "mail.2go.xn--ngbc5azd",
		"1.\u05d9\u05e9\u05e8\u05d0\u05dc": "1.xn--4dbrk0ce", "xn--4dbrk0ce.1a": "xn--4dbrk0ce.1a",
		"123.xn--p1ai": "123.xn--p1ai", "x.\u05d0-1": "x.xn---1-uld", // ends in a digit, which RFC 5893 2 allows
		// P-Labels whose characters IDNA does not allow, or did not know yet.
		"xn--1ugz855p6kd.example": "xn--1ugz855p6kd.example", "xn--ls8h.la": "xn--ls8h.la", "xn--i-7iq.ws": "xn--i-7iq.ws",
		"xn--a.example": "xn--a.example", "XN--BCHER-KVA.example": "xn--bcher-kva.example",
		// U-labels.
		"b\u00fccher.example": "xn--bcher-kva.example", "B\u00dcCHER.example": "xn--bcher-kva.example",
		"fa\u00df.de": "xn--fa-hia.de", "\u4f8b\u3048\u3002\u30c6\u30b9\u30c8": "xn--r8jz45g.xn--zckzah",
		"\uff21\uff22.example": "ab.example", "a\uff0eb\uff61c": "a.b.c",
		"\u0643\u062a\u0627\u0628.example": "xn--mgbce3h.example", "bu\u0308cher.example": "xn--bcher-kva.example",
		// No labels of a certificate.
		"": "", ".": "", "a..b": "", ".a": "", "a..": "", "ab--cd.example": "", "xn--99999999.example": "", "xn--.example": "", "xn--abc-.example": "",
		"a_b.example": "", "*.example": "", "-a.example": "", "a-.example": "", "a b.example": "", "a\x00b.example": "", "a\\b": "",
		"XN--99999999.example": "", "xn--bcher-kvb9999999999.example": "", "\xff.example": "",
		"\u05d0b.example": "", "1\u05d0.example": "", // RFC 5893 2, within one label
		"a\u2024b.example": "", "\u2488com": "", "a\u200db.example": "", "ab--\u00fc.example": "", "xn--\u00fc.example": "", "\uff0dab.example": "",
		"\u00ad.example": "", "\u00ad": "", "a.\u200b": "", "e---f.example": "", "xn\uff0d\uff0d99999999.example": "",
	} {
		if got, err := idn.ToASCII(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestLengths(t *testing.T) {
	label := strings.Repeat("a", 63)
	long := strings.Join([]string{label, label, label, strings.Repeat("a", 61)}, ".")
	for name, ok := range map[string]bool{
		label + ".example": true, label + "a.example": false, long: true, long + ".": true, long + "a": false,
		strings.Repeat("\u00fc", 63) + ".example":  false,
		strings.Repeat("\u00fc", 100) + ".example": false,
	} {
		if _, err := idn.ToASCII(name); (err == nil) != ok {
			t.Errorf("%d octets: %v", len(name), err)
		}
	}
}

// FuzzToASCII: what comes out is an LDH name, goes in again unchanged, and a name in
// ASCII comes out as it is but for its case.
func FuzzToASCII(f *testing.F) {
	for _, s := range []string{"example.com.", "B\u00fccher.example", "1.xn--4dbrk0ce", "xn--99999999.example", "\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "a\u2024b", "\xff", "ab--cd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, err := idn.ToASCII(name)
		if err != nil {
			if got != "" {
				t.Fatalf("%q with an error", got)
			}
			return
		}
		if strings.Trim(got, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || len(got) > 253 || got == "" || strings.Contains("."+got+".", "..") {
			t.Fatalf("%q -> %q", name, got)
		}
		if again, err := idn.ToASCII(got); again != got || err != nil {
			t.Fatalf("%q -> %q -> %q, %v", name, got, again, err)
		}
		ascii := !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
		if ascii && !strings.EqualFold(strings.TrimSuffix(name, "."), got) {
			t.Fatalf("%q -> %q", name, got)
		}
	})
}

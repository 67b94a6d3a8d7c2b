package dcv

import (
	"bytes"
	"net/netip"
	"testing"
)

// FuzzACMEIdentifier: the only value that is accepted is the encoding of the
// digest.
func FuzzACMEIdentifier(f *testing.F) {
	digest := bytes.Repeat([]byte{7}, 32)
	right := append([]byte{4, 32}, digest...)
	for _, b := range [][]byte{nil, {4}, {4, 32}, right, right[:33], append(bytes.Clone(right), 0), append([]byte{4, 0x81, 32}, digest...), digest} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		got := challengeCertificate{digest: digest}.judgeIdentifier(der)
		if (got == nil) != bytes.Equal(der, right) {
			t.Fatalf("%x: %v", der, got)
		}
	})
}

// FuzzSubjectAltName: the only values that are accepted are a sequence of the one
// name, in any case, or of the one address.
func FuzzSubjectAltName(f *testing.F) {
	name := append([]byte{0x30, 8, 0x82, 6}, "a.test"...)
	address := []byte{0x30, 6, 0x87, 4, 192, 0, 2, 1}
	for _, b := range [][]byte{
		nil,
		{0x30, 0},
		name, address, append(bytes.Clone(name), 0),
		{0x30, 16, 0x82, 6, 'a', '.', 't', 'e', 's', 't', 0x82, 6, 'a', '.', 't', 'e', 's', 't'},
		{0x30, 0x80, 0, 0},
		{0x31, 0},
		{0x30, 8, 0xa2, 6},
		{0x30, 0x81, 8, 0x82, 6},
		{0x30, 6, 0xa7, 4, 192, 0, 2, 1},
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		got := challengeCertificate{name: "a.test"}.judgeSAN(der)
		if (got == nil) != (bytes.EqualFold(der, name) && der[0] == 0x30 && bytes.Equal(der[:4], name[:4])) {
			t.Fatalf("%x as a name: %v", der, got)
		}
		got = challengeCertificate{addr: netip.MustParseAddr("192.0.2.1")}.judgeSAN(der)
		if (got == nil) != bytes.Equal(der, address) {
			t.Fatalf("%x as an address: %v", der, got)
		}
	})
}

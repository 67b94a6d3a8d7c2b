package resolver

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// rsaOctets is a key in the form of RFC 3110 2.
func rsaOctets(e, n []byte) []byte {
	if len(e) > 255 {
		return append(append(binary.BigEndian.AppendUint16([]byte{0}, uint16(len(e))), e...), n...)
	}
	return append(append([]byte{byte(len(e))}, e...), n...)
}

// privateRSA is a key with any public exponent.
type privateRSA struct{ n, e, d *big.Int }

// newPrivateRSA makes a modulus of many small primes, which are found soon; for who
// verifies, it is like any other.
func newPrivateRSA(tb testing.TB, bits int, e *big.Int) privateRSA {
	tb.Helper()
	one := big.NewInt(1)
	for {
		n, phi := big.NewInt(1), big.NewInt(1)
		for left := bits; left > 8; left = bits - n.BitLen() {
			if left > 512 {
				left = 256
			}
			p, err := rand.Prime(rand.Reader, left)
			if err != nil {
				tb.Fatal(err)
			}
			less := new(big.Int).Sub(p, one)
			if new(big.Int).GCD(nil, nil, less, e).Cmp(one) == 0 {
				n.Mul(n, p)
				phi.Mul(phi, less)
			}
		}
		if d := new(big.Int).ModInverse(e, phi); d != nil && n.BitLen() == bits {
			return privateRSA{n, e, d}
		}
	}
}

func (k privateRSA) octets() []byte { return rsaOctets(k.e.Bytes(), k.n.Bytes()) }

// sign computes em^d mod n in full length.
func (k privateRSA) sign(em []byte) []byte {
	s := new(big.Int).Exp(new(big.Int).SetBytes(em), k.d, k.n)
	return s.FillBytes(make([]byte, (k.n.BitLen()+7)/8))
}

// TestTextbookRSA holds the own verification against crypto/rsa on keys that both
// take: on signatures, and on what is almost one.
func TestTextbookRSA(t *testing.T) {
	data := []byte("data")
	for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA512} {
		for _, bits := range []int{1024, 1027, 2048, 4096} {
			for _, e := range []int64{3, 65537, mostLibraryExponent} {
				k := newPrivateRSA(t, bits, big.NewInt(e))
				sum, size := digest(hash, data), (bits+7)/8
				em := encodePKCS1(hash, sum, size)
				own := &rsaKey{n: k.n, e: uint64(e), hash: hash}
				library := &rsa.PublicKey{N: k.n, E: int(e)}
				good := k.sign(em)
				tries := [][]byte{
					good, nil,
					{},
					good[1:], append([]byte{0}, good...), append(bytes.Clone(good), 0),
					make([]byte, size), bytes.Repeat([]byte{0xff}, size), k.n.FillBytes(make([]byte, size)),
					k.sign(changed(em, 0, 1)), k.sign(changed(em, 1, 2)), k.sign(changed(em, 2, 0)), k.sign(changed(em, size-len(sum)-20, 7)),
				}
				if sum := new(big.Int).Add(new(big.Int).SetBytes(good), k.n); sum.BitLen() <= size*8 {
					tries = append(tries, sum.FillBytes(make([]byte, size))) // s + n
				}
				// The digest behind less padding, with octets after it that nobody looks at
				// (Bleichenbacher 2006).
				short := bytes.Clone(em)
				copy(short[10:], em[len(em)-len(sum)-20:])
				tries = append(tries, k.sign(short))
				for i := range 8 {
					tries = append(tries, changed(good, i*(size-1)/7, 1<<i))
				}
				for i, s := range tries {
					want := rsa.VerifyPKCS1v15(library, hash, sum, s) == nil
					if got := own.textbook(sum, s); got != want {
						t.Errorf("%v, %d bits, exponent %d, try %d: %v, crypto/rsa says %v", hash, bits, e, i, got, want)
					}
					if want != (i == 0) {
						t.Errorf("%v, %d bits, exponent %d, try %d: crypto/rsa says %v", hash, bits, e, i, want)
					}
				}
			}
		}
	}
}

func changed(b []byte, at int, xor byte) []byte {
	b = bytes.Clone(b)
	b[at] ^= max(xor, 1)
	return b
}

// TestRSAKeysBeyondTheLibrary verifies with keys that crypto/rsa refuses.
func TestRSAKeysBeyondTheLibrary(t *testing.T) {
	data := []byte("data")
	for _, c := range []struct {
		algorithm uint8
		bits      int
		e         *big.Int
	}{
		{dns.RSASHA256, 512, big.NewInt(65537)},
		{dns.RSASHA256, 768, big.NewInt(3)},
		{dns.RSASHA256, 1023, big.NewInt(65537)},
		{dns.RSASHA512, 1023, big.NewInt(65537)}, // 128 octets
		{dns.RSASHA256, 2048, big.NewInt(1<<31 + 1)},
		{dns.RSASHA256, 2048, big.NewInt(1<<32 + 1)}, // .lv
		{dns.RSASHA512, 4096, big.NewInt(1<<32 + 1)},
		{dns.RSASHA512, 1024, new(big.Int).SetUint64(1<<64 - 1)},
	} {
		t.Run(fmt.Sprintf("%d-%d-%v", c.algorithm, c.bits, c.e), func(t *testing.T) {
			private := newPrivateRSA(t, c.bits, c.e)
			public, err := publicKeyOf(&dns.DNSKEY{Algorithm: c.algorithm, PublicKey: base64.StdEncoding.EncodeToString(private.octets())})
			if err != nil {
				t.Fatal(err)
			}
			hash := public.(*rsaKey).hash
			good := private.sign(encodePKCS1(hash, digest(hash, data), (c.bits+7)/8))
			if !public.verify(data, good) {
				t.Error("its signature is refused")
			}
			if public.verify([]byte("other data"), good) || public.verify(data, changed(good, len(good)-1, 1)) || public.verify(data, nil) {
				t.Error("what is not its signature is accepted")
			}
		})
	}
}

// TestKeysThatAreNone: keys that the standards do not allow verify nothing, and
// those that we do not compute with are told apart from them.
func TestKeysThatAreNone(t *testing.T) {
	modulus := bytes.Repeat([]byte{0xd5}, 128)
	f4 := []byte{1, 0, 1}
	zeros := func(n int) []byte { return make([]byte, n) }
	wide := append(append([]byte{1}, zeros(7)...), 1) // 2^64+1
	for name, c := range map[string]struct {
		algorithm uint8
		octets    []byte
		want      error
	}{
		"ordinary":                         {dns.RSASHA256, rsaOctets(f4, modulus), nil},
		"length in three octets":           {dns.RSASHA256, append(append([]byte{0, 0, 3}, f4...), modulus...), nil},
		"64 bits of exponent":              {dns.RSASHA256, rsaOctets(bytes.Repeat([]byte{0xff}, 8), modulus), nil},
		"65 bits of exponent":              {dns.RSASHA256, rsaOctets(wide, modulus), ErrUnsupportedKey},
		"1,024 bits of exponent":           {dns.RSASHA512, rsaOctets(modulus, modulus), ErrUnsupportedKey},
		"4,096 bits of exponent":           {dns.RSASHA512, rsaOctets(bytes.Repeat(modulus, 4), bytes.Repeat(modulus, 4)), ErrUnsupportedKey},
		"exponent 1":                       {dns.RSASHA256, rsaOctets([]byte{1}, modulus), errBadKey},
		"exponent 0":                       {dns.RSASHA256, rsaOctets([]byte{0}, modulus), errBadKey},
		"exponent 2":                       {dns.RSASHA256, rsaOctets([]byte{2}, modulus), errBadKey},
		"even exponent":                    {dns.RSASHA256, rsaOctets([]byte{1, 0, 0}, modulus), errBadKey},
		"even wide exponent":               {dns.RSASHA256, rsaOctets(append([]byte{1}, zeros(8)...), modulus), errBadKey},
		"exponent with a leading zero":     {dns.RSASHA256, rsaOctets([]byte{0, 1, 0, 1}, modulus), errBadKey},
		"no exponent":                      {dns.RSASHA256, append([]byte{0, 0, 0}, modulus...), errBadKey},
		"exponent longer than all":         {dns.RSASHA256, append([]byte{200}, modulus...), errBadKey},
		"exponent of 65535 octets":         {dns.RSASHA256, append([]byte{0, 0xff, 0xff}, modulus...), errBadKey},
		"exponent and no modulus":          {dns.RSASHA256, rsaOctets(f4, nil), errBadKey},
		"modulus 0":                        {dns.RSASHA256, rsaOctets(f4, zeros(128)), errBadKey},
		"modulus with a leading zero":      {dns.RSASHA256, rsaOctets(f4, append([]byte{0}, modulus...)), errBadKey},
		"even modulus":                     {dns.RSASHA256, rsaOctets(f4, append(bytes.Clone(modulus), 2)), errBadKey},
		"504 bits":                         {dns.RSASHA256, rsaOctets(f4, modulus[:63]), errBadKey},
		"512 bits":                         {dns.RSASHA256, rsaOctets(f4, modulus[:64]), nil},
		"512 bits, SHA-512":                {dns.RSASHA512, rsaOctets(f4, modulus[:64]), errBadKey},
		"1016 bits, SHA-512":               {dns.RSASHA512, rsaOctets(f4, modulus[:127]), errBadKey},
		"4,096 bits":                       {dns.RSASHA256, rsaOctets(f4, bytes.Repeat(modulus, 4)), nil},
		"4,104 bits":                       {dns.RSASHA256, rsaOctets(f4, append(bytes.Repeat(modulus, 4), 1)), errBadKey},
		"4,104 bits and a wide exponent":   {dns.RSASHA256, rsaOctets(wide, append(bytes.Repeat(modulus, 4), 1)), errBadKey},
		"empty":                            {dns.RSASHA256, nil, errBadKey},
		"one zero":                         {dns.RSASHA256, []byte{0}, errBadKey},
		"two octets":                       {dns.RSASHA256, []byte{0, 1}, errBadKey},
		"a point that is not on the curve": {dns.ECDSAP256SHA256, modulus[:64], errBadKey},
		"the point 0, 0":                   {dns.ECDSAP384SHA384, zeros(96), errBadKey},
		"P-256 of 63 octets":               {dns.ECDSAP256SHA256, modulus[:63], errBadKey},
		"P-384 of 64 octets":               {dns.ECDSAP384SHA384, modulus[:64], errBadKey},
		"no point":                         {dns.ECDSAP256SHA256, nil, errBadKey},
		"Ed25519 of 31 octets":             {dns.ED25519, modulus[:31], errBadKey},
		"Ed25519 of 57 octets":             {dns.ED25519, modulus[:57], errBadKey},
		"Ed448":                            {dns.ED448, modulus[:57], errBadKey},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := publicKeyOf(&dns.DNSKEY{Algorithm: c.algorithm, PublicKey: base64.StdEncoding.EncodeToString(c.octets)})
			if !errors.Is(err, c.want) || (k == nil) != (c.want != nil) {
				t.Fatalf("%v, %v; want %v", k, err, c.want)
			}
			if k == nil {
				return
			}
			for _, n := range []int{0, 1, 64, 128, 512, 513} {
				for _, fill := range []byte{0, 1, 0xff} {
					if k.verify([]byte("data"), bytes.Repeat([]byte{fill}, n)) {
						t.Errorf("%d octets %#x are a signature", n, fill)
					}
				}
			}
		})
	}
	if _, err := publicKeyOf(&dns.DNSKEY{Algorithm: dns.RSASHA256, PublicKey: "AQID#"}); !errors.Is(err, errBadKey) {
		t.Errorf("what is not base64: %v", err)
	}
}

// TestEd25519SmallOrder: a key of small order would make one signature right for
// many data. RFC 8032 5.1.7 lets it; package crypto/ed25519 decides. What matters is
// that nobody's records become somebody else's: the key is the zone's own choice,
// authenticated by its DS record.
func TestEd25519SmallOrder(t *testing.T) {
	key, err := publicKeyOf(&dns.DNSKEY{Algorithm: dns.ED25519, PublicKey: base64.StdEncoding.EncodeToString(make([]byte, 32))})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 63, 64, 65} { // no panic at any length
		key.verify([]byte("data"), make([]byte, n))
	}
}

// FuzzPublicKey: no octets make a panic, and no key accepts a signature of fixed
// octets.
func FuzzPublicKey(f *testing.F) {
	for _, a := range []uint8{dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519} {
		f.Add(a, []byte{0, 0, 3, 1, 0, 1, 0xff}, []byte{1})
		f.Add(a, bytes.Repeat([]byte{3}, 64), bytes.Repeat([]byte{1}, 64))
		f.Add(a, bytes.Repeat([]byte{3}, 96), bytes.Repeat([]byte{1}, 96))
		f.Add(a, rsaOctets([]byte{3}, bytes.Repeat([]byte{0xd5}, 512)), bytes.Repeat([]byte{1}, 512))
	}
	f.Fuzz(func(t *testing.T, algorithm uint8, octets, signature []byte) {
		k, err := publicKeyOf(&dns.DNSKEY{Algorithm: algorithm, PublicKey: base64.StdEncoding.EncodeToString(octets)})
		if (err == nil) != (k != nil) {
			t.Fatalf("%v, %v", k, err)
		}
		if err != nil {
			if !errors.Is(err, errBadKey) && !errors.Is(err, ErrUnsupportedKey) {
				t.Fatal(err)
			}
			return
		}
		if _, isRSA := k.(*rsaKey); isRSA && k.verify([]byte("data"), signature) && len(signature) < 64 {
			t.Errorf("%x is a signature", signature)
		}
		k.verify([]byte("data"), signature)
	})
}

// BenchmarkRSA gives what one signature costs by key.
func BenchmarkRSA(b *testing.B) {
	for _, c := range []struct {
		bits int
		e    uint64
	}{{2048, 65537}, {4096, 65537}, {1023, 65537}, {2048, 1<<32 + 1}, {4096, 1<<32 + 1}, {4096, 1<<64 - 1}} {
		n := newPrivateRSA(b, c.bits, new(big.Int).SetUint64(c.e)).n
		k := &rsaKey{n: n, e: c.e, hash: crypto.SHA256}
		signature := new(big.Int).Sub(n, big.NewInt(2)).FillBytes(make([]byte, (c.bits+7)/8))
		b.Run(strings.ReplaceAll(fmt.Sprintf("%d bits, exponent %d", c.bits, c.e), " ", "-"), func(b *testing.B) {
			for b.Loop() {
				k.verify([]byte("data"), signature)
			}
		})
	}
}

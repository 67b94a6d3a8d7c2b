package resolver

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // registers the hashes of algorithms 8, 10, 13 and 14
	_ "crypto/sha512"
	"encoding/binary"
	"fmt"
	"math/big"
)

const (
	// maxRSAModulus is how many octets a modulus has at most: 4096 bits
	// (RFC 5702 2.1, 2.2).
	maxRSAModulus = 512
	// maxRSAExponent is how many octets of public exponent are computed with.
	// RFC 3110 2 allows 4096 bits; the exponents in use are 3, 65537 and 2^32+1
	// (the key of .lv), and what a signature costs grows with them.
	maxRSAExponent = 8
	// leastLibraryModulus, in bits, and mostLibraryExponent are the bounds of package
	// crypto/rsa. Above mostLibraryModulus it works and is slow: 1.1 ms for 4,096
	// bits, where the textbook takes 0.1 ms (BenchmarkRSA, Go 1.26, 2026-11-28), and
	// a stranger chooses the key.
	leastLibraryModulus = 1024
	mostLibraryModulus  = 2048
	mostLibraryExponent = 1<<31 - 1
)

// rsaKey is a key of algorithm 8 or 10 (RFC 5702).
type rsaKey struct {
	n    *big.Int
	e    uint64
	hash crypto.Hash
}

// newRSAKey reads a key in the form of RFC 3110 2: the length of the exponent, the
// exponent, and the modulus, neither with leading zeros. least is how many bits the
// modulus must have; as a modulus may be generated a few bits short, whole octets
// count. Exponents of more than 64 bits are an [ErrUnsupportedKey].
//
// Exponents below 3 and even ones are no RSA exponents (RFC 8017 3.1), and an even
// modulus is not the product of odd primes: whoever chose them could sign anything.
func newRSAKey(octets []byte, hash crypto.Hash, least int) (publicKey, error) {
	bad := func(format string, args ...any) (publicKey, error) {
		return nil, fmt.Errorf("%w: RSA: %s", errBadKey, fmt.Sprintf(format, args...))
	}
	if len(octets) == 0 {
		return bad("no octets")
	}
	length, rest := int(octets[0]), octets[1:]
	if length == 0 {
		if len(rest) < 2 {
			return bad("no length of the exponent")
		}
		length, rest = int(binary.BigEndian.Uint16(rest)), rest[2:]
	}
	if length == 0 || length >= len(rest) {
		return bad("exponent of %d octets in %d", length, len(rest))
	}
	exponent, modulus := rest[:length], rest[length:]
	switch {
	case exponent[0] == 0 || modulus[0] == 0:
		return bad("leading zeros (RFC 3110 2)")
	case len(modulus)*8 < least || len(modulus) > maxRSAModulus:
		return bad("modulus of %d octets, expected %d to %d (RFC 5702 2)", len(modulus), least/8, maxRSAModulus)
	case modulus[len(modulus)-1]&1 == 0:
		return bad("even modulus")
	case exponent[length-1]&1 == 0 || length == 1 && exponent[0] == 1:
		return bad("exponent that is even or 1")
	case length > maxRSAExponent:
		return nil, fmt.Errorf("%w: RSA exponent of %d octets, at most %d are supported", ErrUnsupportedKey, length, maxRSAExponent)
	}
	k := &rsaKey{n: new(big.Int).SetBytes(modulus), hash: hash}
	for _, b := range exponent {
		k.e = k.e<<8 | uint64(b)
	}
	return k, nil
}

// verify is RSASSA-PKCS1-v1_5 (RFC 8017 8.2.2): by package crypto/rsa for keys that
// it is made for, else by textbook arithmetic, which needs no care about time, as all
// values are public.
func (k *rsaKey) verify(data, signature []byte) bool {
	sum := digest(k.hash, data)
	if !k.ordinary() {
		return k.textbook(sum, signature)
	}
	key := &rsa.PublicKey{N: k.n, E: int(k.e)} //nolint:gosec // below 2^31
	return rsa.VerifyPKCS1v15(key, k.hash, sum, signature) == nil
}

// ordinary reports whether package crypto/rsa is made for the key.
func (k *rsaKey) ordinary() bool {
	bits := k.n.BitLen()
	return k.e <= mostLibraryExponent && bits >= leastLibraryModulus && bits <= mostLibraryModulus
}

// textbook computes signature^e mod n and compares it with the only encoding that
// the digest has.
func (k *rsaKey) textbook(sum, signature []byte) bool {
	size := (k.n.BitLen() + 7) / 8
	s := new(big.Int).SetBytes(signature)
	if len(signature) != size || s.Cmp(k.n) >= 0 {
		return false
	}
	want := encodePKCS1(k.hash, sum, size)
	if want == nil {
		return false
	}
	got := s.Exp(s, new(big.Int).SetUint64(k.e), k.n)
	return bytes.Equal(got.FillBytes(make([]byte, size)), want)
}

// encodePKCS1 is EMSA-PKCS1-v1_5 (RFC 8017 9.2): the padding, the DER prefix of the
// hash (note 1 there) and the digest in size octets; nil if they do not fit.
func encodePKCS1(hash crypto.Hash, sum []byte, size int) []byte {
	var prefix []byte
	switch hash {
	case crypto.SHA256:
		prefix = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	case crypto.SHA512:
		prefix = []byte{0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}
	default:
		return nil
	}
	const least = 3 + 8 // 00 01, eight or more ff, 00
	pad := size - least - len(prefix) - len(sum)
	if pad < 0 {
		return nil
	}
	em := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, pad+8)...)
	em = append(em, 0)
	return append(append(em, prefix...), sum...)
}

package resolver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"

	"github.com/miekg/dns"
)

// publicKey is a key of a DNSKEY record that signatures can be verified with.
type publicKey interface {
	// verify reports whether signature is that of the key over data.
	verify(data, signature []byte) bool
}

// errBadKey is wrapped by the errors about keys that their algorithm's standard
// does not allow. They verify nothing.
var errBadKey = errors.New("malformed key")

// publicKeyOf reads the key of a record whose algorithm is supported. The error
// wraps errBadKey for a key that its standard does not allow, and
// [ErrUnsupportedKey] for one that is allowed and that we do not compute with.
func publicKeyOf(k *dns.DNSKEY) (publicKey, error) {
	octets, err := base64.StdEncoding.DecodeString(k.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadKey, err)
	}
	switch k.Algorithm {
	case dns.RSASHA256:
		return newRSAKey(octets, crypto.SHA256, 512)
	case dns.RSASHA512:
		return newRSAKey(octets, crypto.SHA512, 1024)
	case dns.ECDSAP256SHA256:
		return newECDSAKey(octets, elliptic.P256(), crypto.SHA256)
	case dns.ECDSAP384SHA384:
		return newECDSAKey(octets, elliptic.P384(), crypto.SHA384)
	case dns.ED25519:
		if len(octets) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%w: Ed25519 key of %d octets, expected %d (RFC 8080 3)", errBadKey, len(octets), ed25519.PublicKeySize)
		}
		return ed25519Key(octets), nil
	}
	return nil, fmt.Errorf("%w: algorithm %d", errBadKey, k.Algorithm)
}

// ecdsaKey is a key of algorithm 13 or 14 (RFC 6605).
type ecdsaKey struct {
	key  *ecdsa.PublicKey
	hash crypto.Hash
}

// newECDSAKey reads the two coordinates of a point, which must be on the curve.
func newECDSAKey(octets []byte, curve elliptic.Curve, hash crypto.Hash) (publicKey, error) {
	const uncompressed = 4 // SEC 1 2.3.3
	key, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{uncompressed}, octets...))
	if err != nil {
		return nil, fmt.Errorf("%w: %s key of %d octets: %w", errBadKey, curve.Params().Name, len(octets), err)
	}
	return ecdsaKey{key, hash}, nil
}

// verify takes a signature as the two numbers side by side, each as long as the
// curve's order (RFC 6605 4).
func (k ecdsaKey) verify(data, signature []byte) bool {
	size := (k.key.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(k.key, digest(k.hash, data), r, s)
}

// ed25519Key is a key of algorithm 15 (RFC 8080).
type ed25519Key ed25519.PublicKey

func (k ed25519Key) verify(data, signature []byte) bool {
	return ed25519.Verify(ed25519.PublicKey(k), data, signature)
}

func digest(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

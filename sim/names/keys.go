package names

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"

	"github.com/miekg/dns"
)

// signingKey is a key pair. Signer is nil if the algorithm is Unassigned.
type signingKey struct {
	record *dns.DNSKEY
	signer crypto.Signer
}

func (k *signingKey) tag() uint16 { return k.record.KeyTag() }

// foreign is the role of the key that a zone does not publish.
const foreign = "foreign"

// stream returns random octets that belong to a seed, a zone and a purpose.
// Equal arguments give equal streams, other arguments independent ones.
func stream(seed, origin, purpose string) io.Reader {
	h := sha256.New()
	for _, part := range []string{"names: DNSSEC", seed, key(origin), purpose} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return rand.NewChaCha8([32]byte(h.Sum(nil)))
}

// noise returns the first n octets of a stream.
func noise(seed, origin, purpose string, n int) []byte {
	out := make([]byte, n)
	_, _ = io.ReadFull(stream(seed, origin, purpose), out) // a stream has no end
	return out
}

// drawKey draws the key of a zone for a role: "KSK" for the key that DS records
// stand for. The generators of the standard library would not do, since they
// take no notice of the source that they are given.
func drawKey(spec *SigningSpec, origin, role string, ttl uint32) (*signingKey, error) {
	k := &signingKey{record: &dns.DNSKEY{
		Hdr:       dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: ttl},
		Flags:     dns.ZONE,
		Protocol:  3, // RFC 4034 2.1.2
		Algorithm: uint8(spec.Algorithm),
	}}
	if role == "KSK" {
		k.record.Flags |= dns.SEP
	}
	random := stream(spec.Seed, origin, fmt.Sprintf("%d bits of %v for %s", spec.RSABits, spec.Algorithm, role))
	for {
		public, err := k.draw(random, spec)
		if err != nil {
			return nil, fmt.Errorf("draw a key: %w", err)
		}
		k.record.PublicKey = base64.StdEncoding.EncodeToString(public)
		if k.tag() != 0 { // package dns takes 0 for none
			return k, nil
		}
	}
}

// draw sets the signer and returns the public key as a DNSKEY record has it.
func (k *signingKey) draw(random io.Reader, spec *SigningSpec) ([]byte, error) {
	switch spec.Algorithm {
	case RSASHA1, RSASHA256, RSASHA512:
		private, err := drawRSA(random, spec.RSABits)
		if err != nil {
			return nil, err
		}
		k.signer = private
		exponent := big.NewInt(int64(private.E)).Bytes()
		return append(append([]byte{byte(len(exponent))}, exponent...), private.N.Bytes()...), nil // RFC 3110 2
	case ECDSAP256SHA256, ECDSAP384SHA384:
		private, err := drawECDSA(random, spec.Algorithm)
		if err != nil {
			return nil, err
		}
		k.signer = private
		point, err := private.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		return point[1:], nil // x and y (RFC 6605 4)
	case ED25519:
		seed := make([]byte, ed25519.SeedSize)
		if _, err := io.ReadFull(random, seed); err != nil {
			return nil, err
		}
		private := ed25519.NewKeyFromSeed(seed)
		k.signer = private
		return private[ed25519.SeedSize:], nil // RFC 8080 3
	case Unassigned:
		public := make([]byte, 32)
		_, err := io.ReadFull(random, public)
		return public, err
	default:
		return nil, fmt.Errorf("no way to draw a key for %v", spec.Algorithm)
	}
}

// drawECDSA draws a scalar by rejection: of 2^32 draws one is out of range.
func drawECDSA(random io.Reader, algorithm Algorithm) (*ecdsa.PrivateKey, error) {
	curve, octets := elliptic.P256(), 32
	if algorithm == ECDSAP384SHA384 {
		curve, octets = elliptic.P384(), 48
	}
	raw := make([]byte, octets)
	for {
		if _, err := io.ReadFull(random, raw); err != nil {
			return nil, err
		}
		if private, err := ecdsa.ParseRawPrivateKey(curve, raw); err == nil {
			return private, nil
		}
	}
}

// drawRSA draws two primes for a modulus of exactly bits bits and the exponent
// 65537. It is meant for reproducible keys of zones that protect nothing.
func drawRSA(random io.Reader, bits int) (*rsa.PrivateKey, error) {
	one, e := big.NewInt(1), big.NewInt(65537)
	p, err := drawPrime(random, bits/2, e)
	if err != nil {
		return nil, err
	}
	q := p
	for q.Cmp(p) == 0 {
		if q, err = drawPrime(random, bits/2, e); err != nil {
			return nil, err
		}
	}
	totient := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	private := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: int(e.Int64())},
		D:         new(big.Int).ModInverse(e, totient),
		Primes:    []*big.Int{p, q},
	}
	private.Precompute()
	return private, private.Validate()
}

// drawPrime draws odd numbers with the two highest bits set, so that a product
// of two has all of its bits, until one is a prime p with gcd(p-1, e) = 1, for
// a prime e.
func drawPrime(random io.Reader, bits int, e *big.Int) (*big.Int, error) {
	raw := make([]byte, bits/8)
	for {
		if _, err := io.ReadFull(random, raw); err != nil {
			return nil, err
		}
		raw[0] |= 0xC0
		raw[len(raw)-1] |= 1
		p := new(big.Int).SetBytes(raw)
		rest := new(big.Int).Mod(new(big.Int).Sub(p, big.NewInt(1)), e)
		if rest.Sign() != 0 && p.ProbablyPrime(20) {
			return p, nil
		}
	}
}

// reproducible keeps the random octets from a key: without them ECDSA
// signatures are those of RFC 6979. RSA (PKCS #1 v1.5) and Ed25519 need none.
type reproducible struct{ crypto.Signer }

func (r reproducible) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	return r.Signer.Sign(nil, digest, options)
}

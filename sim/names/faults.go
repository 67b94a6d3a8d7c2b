package names

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// FaultKind is a way in which a signed zone can be broken.
type FaultKind uint8

// The kinds of faults. The first group spoils signatures, of all RRsets or of
// those that the fault names; a validator must find the data bogus.
const (
	// Expired signatures end a second before Inception, and last as long as
	// they would have.
	Expired FaultKind = iota + 1
	// NotYetValid signatures begin a second after Expiration.
	NotYetValid
	// MissingSignature leaves the RRset unsigned.
	MissingSignature
	// FlippedBit changes one bit in the middle of the signature.
	FlippedBit
	// WrongSigner is a correct signature in the name of a zone that the RRset is
	// not in: the parent, or "invalid." for the root (RFC 4035 5.3.1).
	WrongSigner
	// ForeignKey is a signature by a key that the zone does not publish, as
	// after a botched key rollover.
	ForeignKey

	// MissingDenial leaves all NSEC and NSEC3 records out of replies, unless
	// they are what is asked for.
	MissingDenial
	// Stripped serves the zone without anything of DNSSEC, while the parent has
	// DS records for it.
	Stripped
	// WrongDS puts DS records for a key that the zone does not publish into the
	// parent and the trust anchor.
	WrongDS
	// KeyTrap publishes many keys with the same key tag, and puts many wrong
	// signatures with that key tag in the place of each right one, except that
	// of the DNSKEY records. A validator that tries all pairs spends seconds on
	// one answer (CVE-2023-50387). Wants ED25519.
	KeyTrap
)

//nolint:gochecknoglobals // immutable table
var faultNames = [...]string{
	Expired: "expired", NotYetValid: "not yet valid", MissingSignature: "missing signature", FlippedBit: "flipped bit",
	WrongSigner: "wrong signer", ForeignKey: "foreign key", MissingDenial: "missing denial", Stripped: "stripped",
	WrongDS: "wrong DS", KeyTrap: "key trap",
}

func (k FaultKind) String() string {
	if k > 0 && int(k) < len(faultNames) {
		return faultNames[k]
	}
	return fmt.Sprintf("FaultKind(%d)", uint8(k))
}

// Fault is one thing that is wrong with a signed zone. Of several faults that
// fit an RRset, the first one counts.
type Fault struct {
	Kind FaultKind
	// Name and Type restrict a fault of signatures to an owner name, relative to
	// the zone unless it ends in a dot ("@" is the apex), and to a type such as
	// "CAA". Empty means all. A wildcard's name is "*.x", an NSEC3 record's
	// begins with its hash. A fault that fits nothing is refused.
	Name, Type string
	// Keys and Signatures are how many a KeyTrap has: up to 256 each, 0 means
	// 100, and no more than a message can carry.
	Keys, Signatures int
}

// spoilsSignatures says whether the kind is of the first group.
func (k FaultKind) spoilsSignatures() bool { return k >= Expired && k <= ForeignKey }

// check makes the fault's names absolute and fills in defaults.
func (f *Fault) check(spec *SigningSpec, origin string) error {
	if f.Kind < Expired || f.Kind > KeyTrap {
		return errors.New("no such kind")
	}
	if !f.Kind.spoilsSignatures() && (f.Name != "" || f.Type != "") {
		return errors.New("concerns the whole zone, want no Name and no Type")
	}
	if f.Name != "" {
		name, err := f.owner(origin)
		if err != nil {
			return err
		}
		f.Name = name
	}
	if _, known := dns.StringToType[f.Type]; f.Type != "" && !known {
		return fmt.Errorf("type %q is not known", f.Type)
	}
	if f.Kind != KeyTrap {
		if f.Keys != 0 || f.Signatures != 0 {
			return errors.New("only a key trap has Keys and Signatures")
		}
		return nil
	}
	if spec.Algorithm != ED25519 {
		return fmt.Errorf("is made of ED25519 keys, but the zone is signed with %v", spec.Algorithm)
	}
	for _, n := range []*int{&f.Keys, &f.Signatures} {
		if *n == 0 {
			*n = 100
		}
		if *n < 0 || *n > 256 {
			return fmt.Errorf("%d keys and %d signatures, want 1 to 256 of each", f.Keys, f.Signatures)
		}
	}
	// An RRSIG record has a compressed name, 10 octets, 18, the signer's name, 64
	// (RFC 4034 3.1); 5000 octets are for the records that it covers.
	if most := (dns.MaxMsgSize - 5000) / (94 + len(origin) + 1); f.Signatures > most {
		return fmt.Errorf("%d signatures, but a message holds only %d for this zone", f.Signatures, most)
	}
	return nil
}

// owner returns the key of the name that the fault is restricted to.
func (f *Fault) owner(origin string) (string, error) {
	name := f.Name
	switch {
	case name == "@":
		name = origin
	case !dns.IsFqdn(name):
		name = child(name, origin)
	}
	name, err := absolute(name)
	if err != nil {
		return "", err
	}
	if !inside(key(name), key(origin)) {
		return "", fmt.Errorf("%s lies outside the zone", name)
	}
	return key(name), nil
}

// fits says whether the fault concerns the signatures of an RRset.
func (f *Fault) fits(owner string, rtype uint16) bool {
	return (f.Name == "" || f.Name == owner) && (f.Type == "" || dns.StringToType[f.Type] == rtype)
}

// trapKeys returns the DNSKEY records of a key trap. All have the key tag of
// the first one, and all are points of the curve, so that none can be told from
// a good key without verifying.
func trapKeys(spec *SigningSpec, origin string, ttl uint32, n int) []*dns.DNSKEY {
	random := stream(spec.Seed, origin, "key trap")
	var out []*dns.DNSKEY
	for len(out) < n {
		k := &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: ttl},
			Flags: dns.ZONE, Protocol: 3, Algorithm: uint8(ED25519),
		}
		public := make([]byte, ed25519.PublicKeySize)
		_, _ = io.ReadFull(random, public) // a stream has no end
		public[31] &= 0x7F                 // the sign of x; what is left is y, least octet first
		if len(out) > 0 {
			adjustTag(k, public, out[0].KeyTag())
		}
		k.PublicKey = base64.StdEncoding.EncodeToString(public)
		distinct := !slices.ContainsFunc(out, func(o *dns.DNSKEY) bool { return o.PublicKey == k.PublicKey })
		if onEdwards25519(public) && distinct && (len(out) == 0 || k.KeyTag() == out[0].KeyTag()) {
			out = append(out, k)
		}
	}
	return out
}

// adjustTag changes the first two octets of the public key so that the key tag
// becomes want, or differs by one because of a carry: the tag is a sum of the
// record's 16-bit words (RFC 4034 B).
func adjustTag(k *dns.DNSKEY, public []byte, want uint16) {
	k.PublicKey = base64.StdEncoding.EncodeToString(public)
	word := uint16(public[0])<<8 | uint16(public[1])
	word += want - k.KeyTag()
	public[0], public[1] = byte(word>>8), byte(word)
}

// onEdwards25519 says whether a y coordinate belongs to a point: whether
// (y²-1)/(dy²+1) is a square (RFC 8032 5.1.3).
func onEdwards25519(public []byte) bool {
	reversed := slices.Clone(public)
	slices.Reverse(reversed)
	y := new(big.Int).SetBytes(reversed)
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	d := new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), p))
	square := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(square, big.NewInt(1))
	v := new(big.Int).Add(new(big.Int).Mul(d, square), big.NewInt(1))
	v.Mod(v, p)
	if y.Cmp(p) >= 0 || v.Sign() == 0 {
		return false
	}
	u.Mul(u, v.ModInverse(v, p))
	return big.Jacobi(u.Mod(u, p), p) >= 0
}

// trapSignatures returns the wrong signatures of a key trap for an RRset: well
// formed, and each another one. Like has all of their other fields.
func trapSignatures(spec *SigningSpec, like *dns.RRSIG, n int) []dns.RR {
	purpose := fmt.Sprintf("wrong signatures of %s %d", key(like.Hdr.Name), like.TypeCovered)
	octets := noise(spec.Seed, like.SignerName, purpose, n*ed25519.SignatureSize)
	var out []dns.RR
	for one := range slices.Chunk(octets, ed25519.SignatureSize) {
		one[31] &= 0x7F
		one[63] &= 0x0F // below the order of the group, else refused at a glance (RFC 8032 5.1.7)
		sig := *like
		sig.Signature = base64.StdEncoding.EncodeToString(one)
		out = append(out, &sig)
	}
	return out
}

// FanOut returns zone-file text that delegates label to n name servers without
// addresses, each with another name below target: the referral of an NXNS
// attack, which makes a resolver ask target's servers n times. Put it into
// [ZoneSpec.Records] of the zone that label is relative to.
func FanOut(label, target string, n int) string {
	var b strings.Builder
	for i := range n {
		_, _ = fmt.Fprintf(&b, "%s IN NS %s\n", label, child(fmt.Sprintf("nxns%d", i+1), dns.Fqdn(target)))
	}
	return b.String()
}

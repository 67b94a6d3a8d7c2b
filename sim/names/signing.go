package names

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Algorithm is a DNSSEC algorithm number (RFC 4034 A.1).
type Algorithm uint8

// The algorithms that zones can be signed with.
const (
	RSASHA1         Algorithm = 5 // real signatures, but validators must not trust SHA-1 any more (RFC 9905)
	RSASHA256       Algorithm = 8
	RSASHA512       Algorithm = 10
	ECDSAP256SHA256 Algorithm = 13
	ECDSAP384SHA384 Algorithm = 14
	ED25519         Algorithm = 15
	// Unassigned stands for an algorithm that no validator knows: keys and
	// signatures are random octets. A zone that has no other algorithm in its DS
	// records is to be treated as unsigned (RFC 4035 5.2).
	Unassigned Algorithm = 200
)

func (a Algorithm) String() string {
	if name := dns.AlgorithmToString[uint8(a)]; name != "" {
		return name
	}
	return fmt.Sprintf("algorithm %d", uint8(a))
}

// Digest is the digest type of a DS record (RFC 4034 A.2).
type Digest uint8

// The digest types that DS records can be made with. An UnassignedDigest is
// random octets that no validator can check (RFC 4035 5.2 as for algorithms).
const (
	SHA1Digest       Digest = 1
	SHA256Digest     Digest = 2
	SHA384Digest     Digest = 4
	UnassignedDigest Digest = 200
)

// SigningSpec says how a zone is signed. All signatures and keys follow from
// it, the zone's name and its records: the same input gives the same octets.
type SigningSpec struct {
	// Algorithm is that of all keys; 0 means ECDSAP256SHA256.
	Algorithm Algorithm
	// RSABits is the length of RSA moduli, from 1024 to 4096 and a multiple of
	// 16; 0 means 2048. Other algorithms take none.
	RSABits int
	// SingleKey signs everything with one key. Otherwise a key signing key signs
	// the DNSKEY records and a zone signing key the rest.
	SingleKey bool
	// Seed is what the keys are drawn from, together with the zone's name. They
	// protect nothing: whoever knows the seed knows the keys.
	Seed string
	// Inception and Expiration are when the signatures' validity begins and
	// ends, both inclusive (RFC 4034 3.1.5). Required; cut to whole seconds.
	Inception, Expiration time.Time
	// NSEC3 denies names by their hashes; nil means NSEC (RFC 4034 4).
	NSEC3 *NSEC3Spec
	// Digests are those of the DS records for the zone, one record each; none
	// means SHA256Digest.
	Digests []Digest
	// Island leaves out the DS records: the zone is signed, but nothing above
	// vouches for it (an island of security, RFC 4033 2).
	Island bool
	// Faults spoil the zone on purpose.
	Faults []Fault
}

// NSEC3Spec is the flavour of hashed denial (RFC 5155).
type NSEC3Spec struct {
	// Iterations is how often hashes are hashed again. RFC 9276 asks for 0;
	// validators may treat more as insecure, and a great many as bogus.
	Iterations uint16
	// Salt is hashed too; at most 255 octets. RFC 9276 asks for none.
	Salt []byte
	// OptOut leaves unsigned delegations out of the chain (RFC 5155 6). Empty
	// non-terminals above them stay in it.
	OptOut bool
}

// TrustAnchor is what a validator has to know about a zone in advance. Its
// lines are records in presentation format, such as
// "example. 300 IN DS 20326 8 2 E06D...".
type TrustAnchor struct {
	// Zone is the zone's name, "" if it is not signed.
	Zone string
	// DS are the DS records that a parent publishes.
	DS []string
	// DNSKEY is the key that they stand for.
	DNSKEY []string
}

// check returns the spec with defaults filled in. Origin is the zone's name.
func (s SigningSpec) check(origin string) (*SigningSpec, error) {
	if s.Algorithm == 0 {
		s.Algorithm = ECDSAP256SHA256
	}
	switch s.Algorithm {
	case RSASHA1, RSASHA256, RSASHA512:
		if s.RSABits == 0 {
			s.RSABits = 2048
		}
		if s.RSABits < 1024 || s.RSABits > 4096 || s.RSABits%16 != 0 {
			return nil, fmt.Errorf("RSA modulus of %d bits, want 1024 to 4096 and a multiple of 16", s.RSABits)
		}
	case ECDSAP256SHA256, ECDSAP384SHA384, ED25519, Unassigned:
		if s.RSABits != 0 {
			return nil, fmt.Errorf("RSA modulus of %d bits for %v", s.RSABits, s.Algorithm)
		}
	default:
		return nil, fmt.Errorf("%v, want 5, 8, 10, 13, 14, 15 or 200", s.Algorithm)
	}
	if err := s.checkTimes(); err != nil {
		return nil, err
	}
	if s.NSEC3 != nil && len(s.NSEC3.Salt) > math.MaxUint8 {
		return nil, fmt.Errorf("NSEC3 salt of %d octets, want at most 255 (RFC 5155 3.1.4)", len(s.NSEC3.Salt))
	}
	if len(s.Digests) == 0 {
		s.Digests = []Digest{SHA256Digest}
	}
	for _, d := range s.Digests {
		switch d {
		case SHA1Digest, SHA256Digest, SHA384Digest, UnassignedDigest:
		default:
			return nil, fmt.Errorf("DS digest type %d, want 1, 2, 4 or 200", d)
		}
	}
	s.Faults = slices.Clone(s.Faults)
	for i := range s.Faults {
		if err := s.Faults[i].check(&s, origin); err != nil {
			return nil, fmt.Errorf("fault %d, %v: %w", i+1, s.Faults[i].Kind, err)
		}
	}
	return &s, nil
}

var errTimes = errors.New("want an Inception before an Expiration, less than 2^31 seconds apart, both between 1970 and 2106 (RFC 4034 3.1.5)")

func (s SigningSpec) checkTimes() error {
	from, to := s.Inception.Unix(), s.Expiration.Unix()
	if s.Inception.IsZero() || s.Expiration.IsZero() || from < 0 || to > math.MaxUint32 || from >= to || to-from > math.MaxInt32 {
		return fmt.Errorf("signatures from %v to %v: %w", s.Inception, s.Expiration, errTimes)
	}
	return nil
}

// has says whether the zone has a fault of this kind.
func (s *SigningSpec) has(kind FaultKind) bool {
	return slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Kind == kind })
}

// keyring holds a zone's keys and what was asked for them.
type keyring struct {
	spec     *SigningSpec
	origin   string
	ksk, zsk *signingKey // the same one if there is only one
	ds       []*dns.DS   // as the parent should publish them
}

// newKeyring checks the spec and draws the keys, nil for no spec. Their records
// have the TTL of ttl seconds.
func newKeyring(origin string, spec *SigningSpec, ttl uint32) (*keyring, error) {
	if spec == nil {
		return nil, nil
	}
	origin, err := absolute(origin)
	if err != nil {
		return nil, err
	}
	checked, err := spec.check(origin)
	if err != nil {
		return nil, fmt.Errorf("zone %s: sign: %w", origin, err)
	}
	k := &keyring{spec: checked, origin: origin}
	if k.ksk, err = drawKey(checked, origin, "KSK", ttl); err != nil {
		return nil, fmt.Errorf("zone %s: sign: %w", origin, err)
	}
	k.zsk = k.ksk
	for turn := 0; !checked.SingleKey && k.zsk.tag() == k.ksk.tag(); turn++ {
		if k.zsk, err = drawKey(checked, origin, fmt.Sprintf("ZSK %d", turn), ttl); err != nil {
			return nil, fmt.Errorf("zone %s: sign: %w", origin, err)
		}
	}
	return k, k.makeDS(ttl)
}

// makeDS makes the DS records, of a key that the zone does not have if that is
// the fault.
func (k *keyring) makeDS(ttl uint32) error {
	anchor := k.ksk
	if k.spec.has(WrongDS) {
		var err error
		if anchor, err = drawKey(k.spec, k.origin, foreign, ttl); err != nil {
			return fmt.Errorf("zone %s: sign: %w", k.origin, err)
		}
	}
	for _, digest := range k.spec.Digests {
		ds := anchor.record.ToDS(uint8(digest))
		if ds == nil {
			ds = anchor.record.ToDS(uint8(SHA256Digest))
			ds.DigestType = uint8(digest)
			ds.Digest = fmt.Sprintf("%x", noise(k.spec.Seed, k.origin, "digest", 32))
		}
		k.ds = append(k.ds, ds)
	}
	return nil
}

// anchor returns the keys' trust anchor.
func (k *keyring) anchor() TrustAnchor {
	a := TrustAnchor{Zone: k.origin, DNSKEY: []string{line(k.ksk.record)}}
	for _, ds := range k.ds {
		a.DS = append(a.DS, line(ds))
	}
	return a
}

// line writes a record with blanks between its fields.
func line(rr dns.RR) string { return strings.ReplaceAll(rr.String(), "\t", " ") }

package resolver

import (
	"bytes"
	"crypto/sha1" // RFC 5155 5: NSEC3 knows no other hash
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives/budget"
)

const (
	// insecureIterations: above it NSEC3 records prove nothing and the answer
	// is Insecure (RFC 9276 3.2 item 2 lets a validator choose; the signatures are
	// verified first, as it demands). Names are never hashed more often.
	insecureIterations = 50
	// refusedIterations: above it the answer is refused (RFC 9276 3.2 item 3),
	// which is what SERVFAIL means to a client.
	refusedIterations = 150
)

// nsec3 is one NSEC3 record: no name of the zone hashes to a value between owner
// and next (RFC 5155 3).
type nsec3 struct {
	owner, next []byte
	optOut      bool
	types       []uint16
}

// nsec3Set is the NSEC3 records of one answer, all with the same parameters.
type nsec3Set struct {
	zone       domain
	records    []nsec3
	iterations uint16
	salt       []byte
	// hashes is the budget of names that may still be hashed.
	hashes *int
	budget *budget.Budget // of the check
	// known remembers what was hashed.
	known map[string][]byte
}

// add takes in a record of the set's zone. Records with an unknown hash algorithm
// or unknown flags are ignored (RFC 5155 8.1, 8.2), and so is one that is not
// directly below the apex. Records that differ in their parameters are an error.
func (s *nsec3Set) add(rr *dns.NSEC3) error {
	owner, ok := domainOf(rr.Hdr.Name)
	if !ok || len(owner) != len(s.zone)+1 || !owner.below(s.zone) || rr.Hash != dns.SHA1 || rr.Flags > 1 {
		return nil
	}
	own, errOwn := decodeHash(owner[len(owner)-1])
	next, errNext := decodeHash(rr.NextDomain)
	salt, errSalt := hex.DecodeString(strings.TrimSuffix(rr.Salt, "-"))
	if errOwn != nil || errNext != nil || errSalt != nil {
		return nil
	}
	if len(s.records) == 0 {
		s.iterations, s.salt = rr.Iterations, salt
	} else if s.iterations != rr.Iterations || !bytes.Equal(s.salt, salt) {
		return fmt.Errorf("%w: nsec3 records with different parameters", errUnproven)
	}
	s.records = append(s.records, nsec3{own, next, rr.Flags == 1, rr.TypeBitMap})
	return nil
}

func decodeHash(text string) ([]byte, error) {
	h, err := base32.HexEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(text))
	if err == nil && len(h) != sha1.Size {
		err = fmt.Errorf("found %d octets, expected %d", len(h), sha1.Size)
	}
	return h, err
}

// hash returns the hashed owner name (RFC 5155 5).
func (s *nsec3Set) hash(name domain) ([]byte, error) {
	wire := name.wire()
	if h, ok := s.known[string(wire)]; ok {
		return h, nil
	}
	if *s.hashes <= 0 {
		return nil, fmt.Errorf("%w: too many names to hash", ErrLimit)
	}
	*s.hashes--
	if err := given(s.budget.Spend(budget.Work, hashWork(len(wire)+len(s.salt), len(s.salt), int(s.iterations)))); err != nil {
		return nil, err
	}
	input := append(bytes.Clone(wire), s.salt...)
	sum := sha1.Sum(input)
	for range s.iterations {
		input = append(append(input[:0], sum[:]...), s.salt...)
		sum = sha1.Sum(input)
	}
	if s.known == nil {
		s.known = make(map[string][]byte)
	}
	s.known[string(wire)] = sum[:]
	return sum[:], nil
}

// usable says whether there are records and whether they may be computed with.
func (s *nsec3Set) usable() error {
	switch {
	case len(s.records) == 0:
		return fmt.Errorf("%w: no nsec or nsec3 record for it", errUnproven)
	case s.iterations > insecureIterations:
		return fmt.Errorf("%w: %d", errIterations, s.iterations)
	}
	return nil
}

// matching returns the record for name, nil if there is none.
func (s *nsec3Set) matching(name domain) (*nsec3, error) {
	h, err := s.hash(name)
	if err != nil {
		return nil, err
	}
	for i := range s.records {
		if bytes.Equal(s.records[i].owner, h) {
			return &s.records[i], nil
		}
	}
	return nil, nil
}

// covering returns the record that proves that name does not exist, nil if there
// is none.
func (s *nsec3Set) covering(name domain) (*nsec3, error) {
	h, err := s.hash(name)
	if err != nil {
		return nil, err
	}
	for i := range s.records {
		r := &s.records[i]
		after, before := bytes.Compare(r.owner, h) < 0, bytes.Compare(h, r.next) < 0
		if last := bytes.Compare(r.owner, r.next) >= 0; after && before || last && (after || before) {
			return r, nil
		}
	}
	return nil, nil
}

// encloser is a closest encloser proof (RFC 5155 8.3): the longest name above
// another that exists, and the record that covers the next closer name.
type encloser struct {
	labels int
	cover  *nsec3
}

// status of an answer that rests on the proof (RFC 5155 9.2).
func (e encloser) status() Status {
	if e.cover.optOut {
		return Insecure
	}
	return Secure
}

// closestEncloser proves that name does not exist and where the zone ends above
// it.
func (s *nsec3Set) closestEncloser(name domain) (encloser, error) {
	if !name.below(s.zone) {
		return encloser{}, fmt.Errorf("%w: the name is not in the zone", errUnproven)
	}
	for labels := len(name) - 1; labels >= len(s.zone); labels-- {
		match, err := s.matching(name[:labels])
		if err != nil {
			return encloser{}, err
		}
		if match == nil {
			continue
		}
		if hides(match.types) {
			return encloser{}, fmt.Errorf("%w: the closest encloser is a delegation or DNAME", errUnproven)
		}
		cover, err := s.covering(name[:labels+1])
		if err != nil {
			return encloser{}, err
		}
		if cover == nil {
			return encloser{}, fmt.Errorf("%w: no nsec3 record covers the next closer name", errUnproven)
		}
		return encloser{labels, cover}, nil
	}
	return encloser{}, fmt.Errorf("%w: no nsec3 record matches a closest encloser", errUnproven)
}

// nameError is RFC 5155 8.4.
func (s *nsec3Set) nameError(name domain) (Status, error) {
	if err := s.usable(); err != nil {
		return 0, err
	}
	ce, err := s.closestEncloser(name)
	if err != nil {
		return 0, err
	}
	cover, err := s.covering(name[:ce.labels].wildcard())
	if err != nil {
		return 0, err
	}
	if cover == nil {
		return 0, fmt.Errorf("%w: no nsec3 record covers the wildcard", errUnproven)
	}
	return ce.status(), nil
}

// noData is RFC 5155 8.5 to 8.7. An empty non-terminal that leads only to
// unsigned delegations may have no record of its own in an opt-out span.
func (s *nsec3Set) noData(name domain, qtype uint16) (Status, error) {
	if err := s.usable(); err != nil {
		return 0, err
	}
	match, err := s.matching(name)
	if err != nil {
		return 0, err
	}
	if match != nil {
		if lacks(match.types, name, qtype) {
			return Secure, nil
		}
		return 0, fmt.Errorf("%w: the nsec3 record at the name has the type", errUnproven)
	}
	ce, err := s.closestEncloser(name)
	if err != nil {
		return 0, err
	}
	wild := name[:ce.labels].wildcard()
	if match, err = s.matching(wild); err != nil {
		return 0, err
	}
	switch {
	case match != nil && lacks(match.types, wild, qtype):
		return ce.status(), nil
	case match == nil && ce.cover.optOut:
		return Insecure, nil
	}
	return 0, fmt.Errorf("%w: no nsec3 record denies the type at the wildcard", errUnproven)
}

// noDS is RFC 5155 8.6 and 8.9.
func (s *nsec3Set) noDS(name domain) (cutKind, error) {
	if err := s.usable(); err != nil {
		return 0, err
	}
	match, err := s.matching(name)
	if err != nil {
		return 0, err
	}
	if match != nil {
		return cutAt(match.types, name)
	}
	ce, err := s.closestEncloser(name)
	if err != nil {
		return 0, err
	}
	if ce.cover.optOut {
		return optOutSpan, nil
	}
	wild := name[:ce.labels].wildcard()
	if match, err = s.matching(wild); err != nil {
		return 0, err
	}
	if match != nil && lacks(match.types, wild, dns.TypeDS) {
		return noCut, nil
	}
	return 0, fmt.Errorf("%w: no nsec3 record denies DS", errUnproven)
}

// noCloser is RFC 5155 8.8.
func (s *nsec3Set) noCloser(name domain, labels int) (Status, error) {
	if err := s.usable(); err != nil {
		return 0, err
	}
	if labels >= len(name) || labels < len(s.zone) || !name.below(s.zone) {
		return 0, fmt.Errorf("%w: the wildcard is not above the name in the zone", errUnproven)
	}
	cover, err := s.covering(name[:labels+1])
	if err != nil {
		return 0, err
	}
	if cover == nil {
		return 0, fmt.Errorf("%w: no nsec3 record covers the next closer name", errUnproven)
	}
	return encloser{cover: cover}.status(), nil
}

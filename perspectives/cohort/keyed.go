// Package cohort chooses which remotes of a fleet corroborate for one
// identifier.
//
// Whoever knows the choice attacks only those perspectives, and whoever may draw
// again and again waits for a cohort that suits him. A choice must therefore be
// the same for the same identifier however it is spelled, unpredictable without a
// key, one of few, and, since a fleet changes, as stable as can be. [Keyed] is
// that. [OpenMPIC] is the algorithm of Open MPIC, for those who take over from
// it.
//
// Modelled: the RIR rule, the distances between perspectives, to the primary and
// between resolvers, as package policy judges them. Not modelled: load, health of
// perspectives, resilience against hijacks measured from routes.
//
// Distances are in kilometres. All values are immutable and safe for concurrent
// use.
package cohort

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"mpicsim/perspectives"
	"mpicsim/perspectives/idn"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

// ErrNone is wrapped by the errors that say that no cohort can be made.
var ErrNone = errors.New("no cohort")

const (
	minKey = 16 // octets
	// maxSteps bounds the search for one cohort. A fleet of 40 with no more than
	// a few neighbours each needs some hundreds.
	maxSteps = 100_000
)

// Options are what [NewKeyed] needs. All fields but Sets are required.
type Options struct {
	// Key makes the choice unpredictable: at least 16 secret octets. It is
	// copied.
	Key []byte
	// Quorum is the rule that every cohort must be able to meet.
	Quorum policy.Quorum
	// Primary is whom the remotes corroborate, and must be distant from.
	Primary perspectives.Perspective
	// Fleet are the remotes there are; the order does not matter. It is copied.
	Fleet []perspectives.Perspective
	// Sets is how many cohorts one identifier may get over all its attempts,
	// 0 for 1.
	Sets int
}

// Keyed chooses by rendezvous hashing: each (identifier, cohort number) ranks the
// whole fleet by HMAC-SHA-256, and its cohort is the first in lexicographic order
// of ranks that can meet the rule. A perspective that leaves the fleet therefore
// changes only the cohorts that held it, and one that joins only those that it
// enters.
type Keyed struct {
	o         Options
	conflicts map[[2]string]bool
}

// NewKeyed checks the options. It does not say whether there are cohorts of any
// size: [Keyed.Cohorts] does.
func NewKeyed(o Options) (*Keyed, error) {
	if len(o.Key) < minKey {
		return nil, fmt.Errorf("cohort key: found %d octets, expected at least %d", len(o.Key), minKey)
	}
	if err := o.Quorum.Validate(); err != nil {
		return nil, fmt.Errorf("cohort: %w", err)
	}
	if o.Sets < 0 {
		return nil, fmt.Errorf("cohort sets: found %d, expected 1 or more, or 0 for 1", o.Sets)
	}
	o.Key, o.Fleet = slices.Clone(o.Key), slices.Clone(o.Fleet)
	names := map[string]bool{o.Primary.Name: true}
	for _, p := range o.Fleet {
		if p.Name == "" || names[p.Name] {
			return nil, fmt.Errorf("cohort: %w: %q", policy.ErrDuplicate, p.Name)
		}
		names[p.Name] = true
	}
	k := &Keyed{o: o, conflicts: map[[2]string]bool{}}
	k.findConflicts()
	return k, nil
}

// findConflicts notes which two perspectives no cohort may hold together; a
// perspective in conflict with itself is in none, since it stands too near to the
// primary or its resolver in the wrong place.
func (k *Keyed) findConflicts() {
	pair := policy.Quorum{Name: "pair", Clause: "pair", MinRemotes: 1, MinDistanceKm: k.o.Quorum.MinDistanceKm, Enforced: true}
	bad := func(a, b perspectives.Perspective) bool {
		return len(policy.CheckSet(pair, perspectives.Set{Primary: a, Remotes: []perspectives.Perspective{b}})) > 0
	}
	for i, p := range k.o.Fleet {
		k.conflicts[[2]string{p.Name, p.Name}] = bad(k.o.Primary, p)
		for _, q := range k.o.Fleet[:i] {
			conflict := bad(p, q)
			k.conflicts[[2]string{p.Name, q.Name}], k.conflicts[[2]string{q.Name, p.Name}] = conflict, conflict
		}
	}
}

// Cohorts returns the names of the members of the cohorts of a target, highest
// rank first, in the order in which attempts use them; as many as Options.Sets,
// of which some may be the same. target is a name or an IP address as anybody may
// spell it: see [Identifier]. The error wraps [ErrNone] if the fleet has no size
// remotes that can meet the rule together.
func (k *Keyed) Cohorts(target string, size int) ([][]string, error) {
	identifier, err := Identifier(target)
	if err != nil {
		return nil, err
	}
	cohorts := make([][]string, max(1, k.o.Sets))
	for n := range cohorts {
		s := search{k: k, ranked: k.ranked(identifier, n), size: size}
		found, err := s.from(0)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("%w: no %d of %d remotes can meet %s together", ErrNone, size, len(k.o.Fleet), k.o.Quorum.Clause)
		}
		for _, p := range s.chosen {
			cohorts[n] = append(cohorts[n], p.Name)
		}
	}
	return cohorts, nil
}

// ranked returns the fleet by what the key says of each for one cohort.
func (k *Keyed) ranked(identifier string, number int) []perspectives.Perspective {
	type rank struct {
		perspectives.Perspective
		sum [sha256.Size]byte
	}
	ranks := make([]rank, len(k.o.Fleet))
	for i, p := range k.o.Fleet {
		mac := hmac.New(sha256.New, k.o.Key)
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(number)))
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(identifier))))
		mac.Write([]byte(identifier + p.Name))
		ranks[i].Perspective = p
		mac.Sum(ranks[i].sum[:0])
	}
	slices.SortFunc(ranks, func(a, b rank) int {
		return cmp.Or(slices.Compare(a.sum[:], b.sum[:]), cmp.Compare(a.Name, b.Name))
	})
	out := make([]perspectives.Perspective, len(ranks))
	for i, r := range ranks {
		out[i] = r.Perspective
	}
	return out
}

// search looks for the first cohort in lexicographic order.
type search struct {
	k      *Keyed
	ranked []perspectives.Perspective
	size   int
	chosen []perspectives.Perspective
	steps  int
}

// from completes the chosen with perspectives of rank at and later.
func (s *search) from(at int) (bool, error) {
	if s.steps++; s.steps > maxSteps {
		return false, fmt.Errorf("%w: not found in %d steps; the fleet has too many neighbours", ErrNone, maxSteps)
	}
	if len(s.chosen) == s.size {
		set := perspectives.Set{Primary: s.k.o.Primary, Remotes: s.chosen}
		return s.size > 0 && len(policy.CheckSet(s.k.o.Quorum, set)) == 0, nil
	}
	for i := at; i <= len(s.ranked)-(s.size-len(s.chosen)); i++ {
		if !s.fits(s.ranked[i]) {
			continue
		}
		s.chosen = append(s.chosen, s.ranked[i])
		if found, err := s.from(i + 1); found || err != nil {
			return found, err
		}
		s.chosen = s.chosen[:len(s.chosen)-1]
	}
	return false, nil
}

// fits says whether p can join the chosen so that there is still room for the
// regions that the rule asks for.
func (s *search) fits(p perspectives.Perspective) bool {
	if s.k.conflicts[[2]string{p.Name, p.Name}] {
		return false
	}
	regions := map[place.RIR]bool{p.RIR: true}
	for _, c := range s.chosen {
		if s.k.conflicts[[2]string{p.Name, c.Name}] {
			return false
		}
		regions[c.RIR] = true
	}
	return s.k.o.Quorum.MinRIRs-len(regions) <= s.size-len(s.chosen)-1
}

// Identifier returns what decides a target's cohorts: the registrable domain of a
// name, by the public suffix list, so that neither spelling (case, trailing dot,
// U-labels), nor a wildcard, nor yet another subdomain under the same control
// draws anew; the name itself if it has none; the text of an IP address without
// zone.
func Identifier(target string) (string, error) {
	if addr, err := netip.ParseAddr(strings.Trim(target, "[]")); err == nil {
		return addr.Unmap().WithZone("").String(), nil
	}
	name, err := idn.ToASCII(strings.TrimPrefix(target, "*."))
	if err != nil {
		// Names that no certificate may hold, such as those with underscores, are
		// for the check to refuse.
		name = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(target, "*."), "."))
	}
	if name == "" {
		return "", fmt.Errorf("target %q: expected a name or an IP address", target)
	}
	if registrable, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return registrable, nil
	}
	return name, nil
}

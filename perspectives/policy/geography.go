package policy

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/topology/place"
)

// The reasons of a [Violation] that are not also the reason of a decision.
const (
	// DuplicateName: two perspectives carry the same name, so that logs cannot
	// tell them apart (BR 5.4.1(2)(7)(i)).
	DuplicateName = "duplicate-name"
	// NearPrimary: a perspective is not distinct from the primary and so not a
	// remote.
	NearPrimary = "near-primary"
	// ResolverRegion: a resolver stands in another RIR region than its
	// perspective.
	ResolverRegion = "resolver-region"
	// ResolverDistance: two resolvers are too near to each other.
	ResolverDistance = "resolver-distance"
	// BadPlace: coordinates out of range or an unknown RIR region.
	BadPlace = "bad-place"
)

// Violation is one way in which a set breaks a rule.
type Violation struct {
	// Reason is a stable identifier.
	Reason string `json:"reason"`
	// Clause is the rule that is broken, with its phase.
	Clause string `json:"clause"`
	// A and B are the perspectives concerned; both empty for a violation of the
	// whole set, B empty for one of a single perspective.
	A string `json:"a,omitempty"`
	B string `json:"b,omitempty"`
	// DistanceKm is how far A and B, or their resolvers, are apart, if the
	// reason is a distance.
	DistanceKm float64 `json:"distance_km,omitempty"`
	// Detail is a sentence for people.
	Detail string `json:"detail"`
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: %s [%s]", v.Reason, v.Detail, v.Clause)
}

// CheckSet returns every way in which set cannot meet q, however its
// perspectives answer; nil if there is none. The order is: names, places,
// distances of perspectives, resolvers, numbers; within each by the order of the
// set, the primary first.
func CheckSet(q Quorum, set perspectives.Set) []Violation {
	all := append([]perspectives.Perspective{set.Primary}, set.Remotes...)
	found := slices.Concat(
		duplicateNames(all),
		q.badPlaces(all),
		q.nearPairs(all),
		q.resolverFaults(all),
		q.badNumbers(set),
	)
	for i := range found {
		if found[i].Clause == "" {
			found[i].Clause = q.Clause
		}
	}
	return found
}

// Distinct returns how many remotes of a set count: those too near to the primary
// do not, and those too near to each other count as one (BR 3.2.2.9).
func (q Quorum) Distinct(set perspectives.Set) int { return len(q.group(set.Primary, set.Remotes)) }

// Regions returns the RIR service regions that the remotes that count lie in, in
// the order of [place.RIRs].
func (q Quorum) Regions(set perspectives.Set) (list []place.RIR) {
	for _, r := range place.RIRs() {
		if slices.ContainsFunc(q.group(set.Primary, set.Remotes), func(g []perspectives.Perspective) bool { return regionOf(g) == r }) {
			list = append(list, r)
		}
	}
	return list
}

// apart says whether two points are distinct, and how far they are apart. A
// distance that is not a number is no distance.
func (q Quorum) apart(a, b place.Location) (float64, bool) {
	d := place.DistanceKm(a, b)
	return d, q.MinDistanceKm == 0 || d >= q.MinDistanceKm
}

func duplicateNames(all []perspectives.Perspective) []Violation {
	var found []Violation
	seen := make(map[string]bool, len(all))
	for _, p := range all {
		if seen[p.Name] {
			found = append(found, Violation{
				Reason: DuplicateName, Clause: "BR 5.4.1(2)(7)(i)", A: p.Name, B: p.Name,
				Detail: fmt.Sprintf("two perspectives are named %q", p.Name),
			})
		}
		seen[p.Name] = true
	}
	return found
}

func (q Quorum) badPlaces(all []perspectives.Perspective) []Violation {
	if q.MinDistanceKm == 0 && q.MinRIRs == 0 {
		return nil
	}
	var found []Violation
	report := func(name, what string, l place.Location, r place.RIR) {
		if err := l.Validate(); err != nil {
			found = append(found, Violation{Reason: BadPlace, A: name, Detail: fmt.Sprintf("%s: %s%v", name, what, err)})
		}
		if !slices.Contains(place.RIRs(), r) {
			found = append(found, Violation{Reason: BadPlace, A: name, Detail: fmt.Sprintf("%s: %sRIR region is %v", name, what, r)})
		}
	}
	for _, p := range all {
		report(p.Name, "", p.Location, p.RIR)
		if p.Resolver != nil {
			report(p.Name, "resolver: ", p.Resolver.Location, p.Resolver.RIR)
		}
	}
	return found
}

// nearPairs returns the pairs of perspectives that are not distinct
// (BR 3.2.2.9). The first of all is the primary.
func (q Quorum) nearPairs(all []perspectives.Perspective) []Violation {
	var found []Violation
	for i, a := range all {
		for _, b := range all[i+1:] {
			d, ok := q.apart(a.Location, b.Location)
			if ok {
				continue
			}
			v := Violation{Reason: NotDistinct, A: a.Name, B: b.Name, DistanceKm: d}
			v.Detail = fmt.Sprintf("%s and %s are %s km apart, %s needed", a.Name, b.Name, place.FormatKm(d), place.FormatKm(q.MinDistanceKm))
			if i == 0 {
				v.Reason = NearPrimary
				v.Detail = fmt.Sprintf("%s is %s km from the primary %s, %s needed: it is no remote",
					b.Name, place.FormatKm(d), a.Name, place.FormatKm(q.MinDistanceKm))
			}
			found = append(found, v)
		}
	}
	return found
}

// resolverFaults returns the resolvers that break BR 3.2.2.9: not in the RIR
// region of their perspective, or too near to another one. Two resolvers that
// are both co-located are as far apart as their perspectives, which nearPairs
// reports.
func (q Quorum) resolverFaults(all []perspectives.Perspective) []Violation {
	if q.MinDistanceKm == 0 {
		return nil
	}
	var found []Violation
	for i, a := range all {
		at, region := a.ResolverLocation()
		if region != a.RIR {
			found = append(found, Violation{
				Reason: ResolverRegion, A: a.Name,
				Detail: fmt.Sprintf("%s is in %v, its resolver in %v", a.Name, a.RIR, region),
			})
		}
		for _, b := range all[i+1:] {
			if a.Resolver == nil && b.Resolver == nil {
				continue
			}
			bt, _ := b.ResolverLocation()
			if d, ok := q.apart(at, bt); !ok {
				found = append(found, Violation{
					Reason: ResolverDistance, A: a.Name, B: b.Name, DistanceKm: d,
					Detail: fmt.Sprintf("the resolvers of %s and %s are %s km apart, %s needed", a.Name, b.Name, place.FormatKm(d), place.FormatKm(q.MinDistanceKm)),
				})
			}
		}
	}
	return found
}

func (q Quorum) badNumbers(set perspectives.Set) []Violation {
	var found []Violation
	groups := q.group(set.Primary, set.Remotes)
	switch n := len(groups); {
	case n < q.MinRemotes:
		found = append(found, Violation{
			Reason: TooFewRemotes,
			Detail: fmt.Sprintf("%d distinct remotes of %d, at least %d needed", n, len(set.Remotes), q.MinRemotes),
		})
	case q.MaxRemotes > 0 && n > q.MaxRemotes:
		found = append(found, Violation{
			Reason: TooManyRemotes,
			Detail: fmt.Sprintf("%d remotes, the rule is for %d", n, q.MaxRemotes),
		})
	}
	var regions regionSet
	for _, g := range groups {
		regions.add(regionOf(g))
	}
	if n := regions.count(); n < q.MinRIRs {
		found = append(found, Violation{
			Reason: TooFewRIRs,
			Detail: fmt.Sprintf("remotes in %d RIR regions, at least %d needed", n, q.MinRIRs),
		})
	}
	return found
}

// group sorts perspectives into countable remotes (BR 3.2.2.9: a remote is
// distinct from the primary and from the other perspectives of the quorum).
// Those too near to the primary fall out. Those too near to each other, directly
// or through others, share a group, which counts as one remote. Groups and their
// members are ordered by name; perspectives is not changed.
func (q Quorum) group(primary perspectives.Perspective, remotes []perspectives.Perspective) [][]perspectives.Perspective {
	left := slices.Clone(remotes)
	slices.SortFunc(left, func(a, b perspectives.Perspective) int { return strings.Compare(a.Name, b.Name) })
	left = slices.DeleteFunc(left, func(p perspectives.Perspective) bool {
		_, ok := q.apart(primary.Location, p.Location)
		return !ok
	})
	first := make([]int, len(left)) // the first member of each one's group
	for i, a := range left {
		first[i] = i
		for j, b := range left[:i] {
			if _, ok := q.apart(a.Location, b.Location); ok || first[i] == first[j] {
				continue
			}
			from, to := max(first[i], first[j]), min(first[i], first[j])
			for k := range i + 1 {
				if first[k] == from {
					first[k] = to
				}
			}
		}
	}
	groups := make([][]perspectives.Perspective, 0, len(left))
	at := make([]int, len(left)) // where the group of a first member is
	for i, p := range left {
		if first[i] == i {
			at[i] = len(groups)
			groups = append(groups, left[i:i+1:i+1])
		} else {
			g := &groups[at[first[i]]]
			*g = append(*g, p)
		}
	}
	return groups
}

// regionOf returns the RIR region that a group counts for: that of its members
// if they agree, else none.
func regionOf(group []perspectives.Perspective) place.RIR {
	for _, p := range group {
		if p.RIR != group[0].RIR {
			return place.Unknown
		}
	}
	return group[0].RIR
}

// regionSet is a set of RIR service regions. The zero value is empty.
type regionSet uint8

// add puts r into the set unless it is unknown.
func (s *regionSet) add(r place.RIR) {
	if r != place.Unknown {
		*s |= 1 << r
	}
}

func (s *regionSet) count() int { return bits.OnesCount8(uint8(*s)) }

package resilience

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/scenarios/result"
	"mpicsim/topology/place"
)

// Predicate says which attacks succeed under one policy. It is what
// [policy.Decide] says of an attempt in which the fooled perspectives, and only
// they, pass. It is immutable and safe for concurrent use.
type Predicate struct {
	// members are the viewpoints of the primary, if there is one, and the
	// remotes.
	members []int
	primary bool
	// alone says that the primary decides without remotes: no corroboration is
	// required, or its lack is only recorded.
	alone  bool
	groups []group
	// required of the groups must be fooled, in minRIRs regions.
	required, minRIRs int
}

// group is remotes that count as one, which is fooled if all of them are.
type group struct {
	members []int // into Predicate.members
	region  place.RIR
}

// Compile prepares a policy over the viewpoints of a study. The error wraps
// [ErrNeverIssues] if it would refuse everybody, and says why.
func Compile(viewpoints []result.Viewpoint, p Policy) (*Predicate, error) {
	c, err := compile(viewpoints, p)
	if err != nil {
		return nil, fmt.Errorf("deployment %q under rule %q: %w", p.Deployment.Name, p.Rule.Name, err)
	}
	return c, nil
}

func compile(viewpoints []result.Viewpoint, p Policy) (*Predicate, error) {
	c, set, err := prepare(viewpoints, p)
	if err != nil {
		return nil, err
	}
	return c, issues(p.Rule, set)
}

// prepare compiles a policy that may refuse everybody, and returns the set as the
// rule sees it.
func prepare(viewpoints []result.Viewpoint, p Policy) (*Predicate, perspectives.Set, error) {
	if err := p.Rule.Validate(); err != nil {
		return nil, perspectives.Set{}, err
	}
	set, err := p.Deployment.set(viewpoints, p.Rule)
	if err != nil {
		return nil, perspectives.Set{}, err
	}
	c := &Predicate{
		primary: p.Deployment.Primary != NoPrimary,
		alone:   p.Rule.MinRemotes == 0 || !p.Rule.Enforced,
		minRIRs: p.Rule.MinRIRs,
	}
	if c.primary {
		c.members = append(c.members, p.Deployment.Primary)
	} else {
		if c.alone {
			return nil, set, errors.New("the rule leaves the decision to a primary, and there is none")
		}
		if set.Primary, err = aside(set.Remotes, p.Rule); err != nil {
			return nil, set, err
		}
	}
	first := len(c.members)
	c.members = append(c.members, p.Deployment.Remotes...)
	c.groups = groups(p.Rule, set, first)
	c.required = p.Rule.Required(len(c.groups))
	return c, set, nil
}

// issues returns an error that wraps ErrNeverIssues if a unanimous set gets no
// certificate.
func issues(q policy.Quorum, set perspectives.Set) error {
	why, err := policy.NeverIssues(q, set)
	if err != nil {
		return err
	}
	if why != "" {
		return fmt.Errorf("%w: %s", ErrNeverIssues, why)
	}
	return nil
}

// aside returns a primary that stands as far from all remotes and their resolvers
// as the rule asks for, so that it takes none of them out of the count.
func aside(remotes []perspectives.Perspective, q policy.Quorum) (perspectives.Perspective, error) {
	const step = 5 // degrees
	for lat := -90.0; lat <= 90; lat += step {
		for lon := -180.0; lon < 180; lon += step {
			at := place.Location{Lat: lat, Lon: lon}
			if !slices.ContainsFunc(remotes, func(p perspectives.Perspective) bool {
				resolver, _ := p.ResolverLocation()
				return !apart(q, at, p.Location) || !apart(q, at, resolver)
			}) {
				return perspectives.Perspective{Location: at}, nil
			}
		}
	}
	return perspectives.Perspective{}, fmt.Errorf("no place on Earth is %s km from all %d remotes", place.FormatKm(q.MinDistanceKm), len(remotes))
}

func apart(q policy.Quorum, a, b place.Location) bool {
	return q.MinDistanceKm == 0 || place.DistanceKm(a, b) >= q.MinDistanceKm
}

// groups returns the remotes as the rule counts them: without those too near to
// the primary, and as one those too near to each other, be it through others. Its
// members are places in the set's remotes, plus first. A group counts for a region
// only if its members agree on it.
func groups(q policy.Quorum, set perspectives.Set, first int) []group {
	var out []group
	done := make([]bool, len(set.Remotes))
	for i, r := range set.Remotes {
		if done[i] || !apart(q, set.Primary.Location, r.Location) {
			continue
		}
		g := group{members: []int{i}, region: r.RIR}
		done[i] = true
		for n := 0; n < len(g.members); n++ { // grows as it goes
			for j, other := range set.Remotes {
				if done[j] || !apart(q, set.Primary.Location, other.Location) ||
					apart(q, set.Remotes[g.members[n]].Location, other.Location) {
					continue
				}
				done[j] = true
				g.members = append(g.members, j)
				if other.RIR != g.region {
					g.region = place.Unknown
				}
			}
		}
		out = append(out, g)
	}
	for _, g := range out {
		for n := range g.members {
			g.members[n] += first
		}
	}
	return out
}

// Succeeds says whether an attack succeeds that fools a set of viewpoints.
func (p *Predicate) Succeeds(fooled result.Set) bool {
	return (!p.primary || fooled.Has(p.members[0])) && (p.alone || p.remotesFooled(fooled))
}

// SucceedsWithoutPrimary is Succeeds as if the primary were fooled.
func (p *Predicate) SucceedsWithoutPrimary(fooled result.Set) bool {
	return p.alone || p.remotesFooled(fooled)
}

func (p *Predicate) remotesFooled(fooled result.Set) bool {
	count, regions := 0, uint(0)
	for _, g := range p.groups {
		if slices.ContainsFunc(g.members, func(m int) bool { return !fooled.Has(p.members[m]) }) {
			continue
		}
		count++
		if g.region != place.Unknown {
			regions |= 1 << g.region
		}
	}
	return count >= p.required && bits.OnesCount(regions) >= p.minRIRs
}

// String says what must be fooled, such as "primary and 4 of 5 remotes in 2 RIR
// regions".
func (p *Predicate) String() string {
	var parts []string
	if p.primary {
		parts = append(parts, "primary")
	}
	if !p.alone {
		remotes := fmt.Sprintf("%d of %d remotes", p.required, len(p.groups))
		if p.minRIRs > 0 {
			remotes += fmt.Sprintf(" in %d RIR regions", p.minRIRs)
		}
		parts = append(parts, remotes)
	}
	return strings.Join(parts, " and ")
}

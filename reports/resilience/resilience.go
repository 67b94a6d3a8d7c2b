// Package resilience says how many hijacks a CA's perspectives withstand. It
// applies quorum rules to the hijacks of a study: routing says whom every
// viewpoint reaches, a [Policy] says which of them are a CA's perspectives and
// what rule it follows, and neither needs the other, so that a rule can be changed
// without routing anything again.
//
// # What is computed
//
// For victim v and attacker a let f(p) be 1 if perspective p is fooled, that is if
// its packets reach the attacker. For a domain with several addresses f(p) is the
// maximum over them ([Surface]).
//
// An attack succeeds under a rule if the CA would issue to somebody for whom
// exactly the fooled perspectives vouch: [policy.Decide] with Pass from the fooled
// and no Pass from others. For distinct remotes R, m tolerated non-corroborations
// and r RIR regions that is
//
//	f(primary) = 1,  Σ f(p) over R ≥ |R| − m,  |{RIR of p : p ∈ R, f(p) = 1}| ≥ r
//
// with the primary (the rule of BR 3.2.2.9, and of Cimaszewski et al., "How
// Effective is Multiple-Vantage-Point Domain Control Validation?", USENIX Security
// 2023) and the same less its first term without (as in MPIC Labs' tables of best
// deployments, 2025-03-10). Both are reported. [Compile] turns a rule into this
// form, with remotes too near to each other counted as the rule counts them, and
// refuses a deployment under which nobody would get a certificate: it withstands
// everything and is of no use.
//
// The resilience of v is the weight of the attackers who fail over that of all:
//
//	Res(v) = 1 − Σ w(a)·success(v,a) / Σ w(a)
//
// and of a deployment the mean and the median of Res(v), each victim with its
// weight, and the CDF: the weight of victims with Res(v) ≤ x.
//
// Everything comes as [Bounds]: ties between equally good routes all falling to the
// attacker, falling as the study picked them, all falling to the victim. Rules are
// monotone in f, so for every hijack the bounds are in this order.
//
// A perspective without a route to either side corroborates nothing. That is not
// the same as being safe: hijacks which fail only because some perspective has no
// route are counted apart as [Outcome.Unreached]. Lower less Unreached.Lower is
// what is left if they had all been fooled.
//
// For single viewpoints see [Viewpoint] (pairwise resilience: Lad et al.,
// "Understanding Resiliency of Internet Topology Against Prefix Hijack Attacks",
// DSN 2007; Sun et al., "Counter-RAPTOR", IEEE S&P 2017), for the price of a strict
// rule [Failures], for the spread that sampling brings [Sampling], and for the best
// perspectives to add [Additions].
//
// # What is not
//
// What is said holds for the study's topology, its viewpoints' egress and its
// attackers, and no further. A sub-prefix hijack reaches everybody and is nothing
// that a quorum can stop. Retries, the reuse of CAA corroborations and attacks on
// parts of a check are not modelled: a fooled perspective vouches for the attacker.
//
// Weights are relative; resilience and all other shares are from 0 to 1. Sums are
// taken in the order in which hijacks are added, so that the same stream gives the
// same bytes. No type here is safe for concurrent use unless it says so.
package resilience

import (
	"errors"
	"fmt"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/scenarios/result"
	"mpicsim/topology/place"
)

// NoPrimary is the primary of a deployment whose perspectives all count alike.
const NoPrimary = -1

// maxRemotes is how many remotes a deployment may have. The counts of a rule fit
// six bits.
const maxRemotes = 63

// ErrNeverIssues is wrapped by the error of [Compile] for a policy under which no
// certificate is issued even if all perspectives corroborate.
var ErrNeverIssues = errors.New("never issues")

// Deployment is where a CA's perspectives stand: indexes into the viewpoints of a
// study.
type Deployment struct {
	Name string
	// Primary is NoPrimary if there is none.
	Primary int
	Remotes []int
	// Set, if not nil, is what the rule knows of the perspectives: Set.Primary
	// stands at viewpoint Primary, and Set.Remotes[i] at Remotes[i]. Two of them
	// may share a viewpoint. If nil, perspectives are as their viewpoints are.
	Set *perspectives.Set
}

// Policy is a deployment under a rule.
type Policy struct {
	Deployment Deployment
	Rule       policy.Quorum
}

// Bounds is one measure for three ways in which ties may fall.
type Bounds struct {
	Lower  float64 `json:"lower"`  // all to the attacker
	Picked float64 `json:"picked"` // as the study says
	Upper  float64 `json:"upper"`  // all to the victim
}

// set returns the deployment as the rule sees it. With NoPrimary the zero
// perspective takes the primary's place.
func (d Deployment) set(viewpoints []result.Viewpoint, q policy.Quorum) (perspectives.Set, error) {
	if d.Primary == NoPrimary && d.Set != nil && d.Set.Primary != (perspectives.Perspective{}) {
		return perspectives.Set{}, fmt.Errorf("primary %q without a viewpoint", d.Set.Primary.Name)
	}
	if d.Primary < NoPrimary || d.Primary >= len(viewpoints) {
		return perspectives.Set{}, fmt.Errorf("primary at viewpoint %d of %d", d.Primary, len(viewpoints))
	}
	if len(d.Remotes) > maxRemotes {
		return perspectives.Set{}, fmt.Errorf("%d remotes: at most %d", len(d.Remotes), maxRemotes)
	}
	for _, at := range d.Remotes {
		if at < 0 || at >= len(viewpoints) {
			return perspectives.Set{}, fmt.Errorf("remote at viewpoint %d of %d", at, len(viewpoints))
		}
	}
	if d.Set != nil {
		if len(d.Set.Remotes) != len(d.Remotes) {
			return perspectives.Set{}, fmt.Errorf("%d remotes at %d viewpoints", len(d.Set.Remotes), len(d.Remotes))
		}
		for _, r := range d.Set.Remotes {
			if r.RIR > place.RIPE {
				return perspectives.Set{}, fmt.Errorf("perspective %q has no RIR region but %v", r.Name, r.RIR)
			}
		}
		return *d.Set, nil
	}
	s := perspectives.Set{Name: d.Name, Remotes: make([]perspectives.Perspective, len(d.Remotes))}
	if d.Primary != NoPrimary {
		p, err := stand(viewpoints[d.Primary], q.MinDistanceKm > 0, false)
		if err != nil {
			return perspectives.Set{}, err
		}
		s.Primary = p
	}
	for i, at := range d.Remotes {
		p, err := stand(viewpoints[at], q.MinDistanceKm > 0, q.MinRIRs > 0)
		if err != nil {
			return perspectives.Set{}, err
		}
		s.Remotes[i] = p
	}
	return s, nil
}

// stand returns the perspective that a viewpoint is. What the rule asks for must
// be known: an unknown place would count as one.
func stand(v result.Viewpoint, location, region bool) (perspectives.Perspective, error) {
	p := perspectives.Perspective{Name: v.Name, City: v.City, RIR: v.RIR, ASN: uint32(v.ASN)}
	if v.Location != nil {
		p.Location = *v.Location
	} else if location {
		return p, fmt.Errorf("viewpoint %q has no location, which the rule asks for", v.Name)
	}
	if v.RIR > place.RIPE || region && v.RIR == place.Unknown {
		return p, fmt.Errorf("viewpoint %q has no RIR region, which the rule asks for", v.Name)
	}
	return p, nil
}

// names returns those of the primary, "" if there is none, and of the
// remotes.
func (d Deployment) names(viewpoints []result.Viewpoint) (primary string, remotes []string) {
	remotes = make([]string, len(d.Remotes))
	for i, at := range d.Remotes {
		if remotes[i] = viewpoints[at].Name; d.Set != nil {
			remotes[i] = d.Set.Remotes[i].Name
		}
	}
	if d.Primary != NoPrimary {
		if primary = viewpoints[d.Primary].Name; d.Set != nil {
			primary = d.Set.Primary.Name
		}
	}
	return primary, remotes
}

package resilience

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

// Failures are benign failures: how often a perspective does not corroborate a
// request that it should, for reasons such as firewalls, regional blocks or lost
// packets. Nobody has published rates; they are the caller's assumption, and are
// printed with what follows from them.
//
// Without correlation perspectives fail independently, and the number of failures
// is Poisson-binomial. Two kinds of correlation can be stated, not both:
//
// Shock is the probability of an event that makes all perspectives fail at once
// (the common shock of Marshall and Olkin, "A Multivariate Exponential
// Distribution", JASA 62, 1967), such as a site that blocks all clouds. Each
// perspective still fails as often as Rate says: p = s + (1−s)·p', with p' for
// what it does besides, independently. No quorum helps against a shock.
//
// Correlation is that of any two perspectives (ρ, 0 to less than 1), if all have
// one rate p: for each request a rate is drawn from the beta distribution with
// α = p(1−ρ)/ρ, β = (1−p)(1−ρ)/ρ, at which they fail independently, so that the
// number of failures is beta-binomial (Skellam, JRSS B 10, 1948).
type Failures struct {
	// Rate is how often each perspective fails, 0 to 1, Rates by viewpoint's index
	// where one differs.
	Rate        float64         `json:"rate"`
	Rates       map[int]float64 `json:"rates,omitempty"`
	Shock       float64         `json:"shock,omitempty"`
	Correlation float64         `json:"correlation,omitempty"`
}

// Validate returns an error that names the first number which makes no sense.
func (f Failures) Validate() error {
	ratio := func(x float64) bool { return x >= 0 && x <= 1 }
	if !ratio(f.Rate) || !ratio(f.Shock) {
		return fmt.Errorf("failure rate %v, shock %v: expected 0 to 1", f.Rate, f.Shock)
	}
	if !(f.Correlation >= 0 && f.Correlation < 1) {
		return fmt.Errorf("failure correlation %v: expected 0 to less than 1", f.Correlation)
	}
	if f.Correlation > 0 && (f.Shock > 0 || len(f.Rates) > 0) {
		return errors.New("failure correlation: with a shock, or with rates that differ, it is not defined")
	}
	if f.Rate < f.Shock {
		return fmt.Errorf("failure rate %v: less than the shock's %v, which is part of it", f.Rate, f.Shock)
	}
	for at, rate := range f.Rates {
		if !ratio(rate) || rate < f.Shock {
			return fmt.Errorf("failure rate %v of viewpoint %d: expected %v to 1", rate, at, f.Shock)
		}
	}
	return nil
}

func (f Failures) rate(viewpoint int) float64 {
	if rate, ok := f.Rates[viewpoint]; ok {
		return rate
	}
	return f.Rate
}

// Benign is what failures cost under one policy.
type Benign struct {
	// Refused is the share of honest requests that are refused, RefusedByRemotes
	// that of those the primary vouches for.
	Refused          float64 `json:"refused"`
	RefusedByRemotes float64 `json:"refused_by_remotes"`
	// NonCorroborations[n] is how often n of the distinct remotes do not
	// corroborate, whatever the primary says.
	NonCorroborations []float64 `json:"non_corroborations"`
}

// Benign returns how often a policy refuses honest requests. It is exact; of
// remotes that count as one, one that fails is enough. The error is that of
// [Failures.Validate].
func (p *Predicate) Benign(f Failures) (Benign, error) {
	if err := f.Validate(); err != nil {
		return Benign{}, err
	}
	if f.Correlation > 0 && f.Rate > 0 && f.Rate < 1 {
		return p.betaBinomial(f), nil
	}
	// What happens besides a shock.
	besides := make([]float64, len(p.members))
	for i, v := range p.members {
		if f.Shock < 1 {
			besides[i] = (f.rate(v) - f.Shock) / (1 - f.Shock)
		}
	}
	b := p.independent(besides)
	primary := 1.0 // vouches
	if p.primary {
		primary = 1 - besides[0]
	}
	b.Refused = 1 - (1-f.Shock)*primary*(1-b.RefusedByRemotes)
	// A shock takes the primary too, so that given its word there is none.
	n := len(b.NonCorroborations) - 1
	for k := range b.NonCorroborations {
		b.NonCorroborations[k] *= 1 - f.Shock
	}
	b.NonCorroborations[n] += f.Shock
	if !p.primary {
		b.RefusedByRemotes = b.Refused
	}
	return b, nil
}

// independent returns the distribution over remotes that fail independently, each
// member at its rate. Refused is left for the caller.
//
// The state is how many remotes corroborate, and in which regions.
func (p *Predicate) independent(rates []float64) Benign {
	state := make([][regionSets]float64, len(p.groups)+1)
	state[0][0] = 1
	for done, g := range p.groups {
		vouches := 1.0
		for _, m := range g.members {
			vouches *= 1 - rates[m]
		}
		next := make([][regionSets]float64, len(state))
		for k := range done + 1 {
			for in, probability := range state[k] {
				next[k][in] += probability * (1 - vouches)
				next[k+1][in|g.bit()] += probability * vouches
			}
		}
		state = next
	}
	b := Benign{NonCorroborations: make([]float64, len(state))}
	for k := range state {
		for in, probability := range state[k] {
			b.NonCorroborations[len(p.groups)-k] += probability
			if !p.alone && (k < p.required || bits.OnesCount(uint(in)) < p.minRIRs) {
				b.RefusedByRemotes += probability
			}
		}
	}
	return b
}

// betaBinomial is Benign for perspectives that share one rate, drawn from a beta
// distribution for each request.
//
// Of M members, a given subset of f fails with probability B(α+f, β+M−f)/B(α,β), so
// that it is enough to count subsets by how many members fail, how many groups
// vouch and in which regions. The counts are whole numbers below 2^63.
func (p *Predicate) betaBinomial(f Failures) Benign {
	alpha, beta := f.Rate*(1-f.Correlation)/f.Correlation, (1-f.Rate)*(1-f.Correlation)/f.Correlation
	members := 0
	for _, g := range p.groups {
		members += len(g.members)
	}
	probability := func(fail, of int) float64 {
		return math.Exp(lnBeta(alpha+float64(fail), beta+float64(of-fail)) - lnBeta(alpha, beta))
	}
	b := Benign{NonCorroborations: make([]float64, len(p.groups)+1)}
	var issued, vouched float64 // with the primary as one more member that does not fail
	for fail, states := range p.subsets(members) {
		for at, count := range states {
			if count == 0 {
				continue
			}
			k, in := at/regionSets, at%regionSets
			b.NonCorroborations[len(p.groups)-k] += count * probability(fail, members)
			extra := 0
			if p.primary {
				extra = 1
			}
			honest := count * probability(fail, members+extra)
			vouched += honest
			if p.alone || k >= p.required && bits.OnesCount(uint(in)) >= p.minRIRs {
				issued += honest
			}
		}
	}
	b.Refused, b.RefusedByRemotes = 1-issued, 1-issued/vouched
	return b
}

// regionSets is how many sets of RIR regions there are, unknown being none.
const regionSets = 1 << (place.RIPE + 1)

// subsets counts the subsets of members that may fail: by how many they are, and
// then by how many groups vouch times regionSets plus the regions these are in.
func (p *Predicate) subsets(members int) [][]float64 {
	state := make([][]float64, members+1)
	for fail := range state {
		state[fail] = make([]float64, (len(p.groups)+1)*regionSets)
	}
	state[0][0] = 1
	for _, g := range p.groups {
		next := make([][]float64, len(state))
		for fail := range next {
			next[fail] = make([]float64, len(state[fail]))
		}
		for fail, states := range state {
			for at, count := range states {
				if count == 0 {
					continue
				}
				next[fail][at+regionSets|g.bit()] += count
				choices := 1.0 // which of the group fail
				for n := 1; n <= len(g.members); n++ {
					choices = choices * float64(len(g.members)-n+1) / float64(n)
					next[fail+n][at] += count * choices
				}
			}
		}
		state = next
	}
	return state
}

// bit returns the group's region as a set.
func (g group) bit() int {
	if g.region == place.Unknown {
		return 0
	}
	return 1 << g.region
}

func lnBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}

// Ladder returns a rule for n remotes in all its steps: with 0, 1, ... and n−1
// tolerated non-corroborations, all else as it is. Together with [Failures] it shows
// what resilience costs.
func Ladder(q policy.Quorum, n int) []policy.Quorum {
	steps := make([]policy.Quorum, n)
	for m := range steps {
		steps[m] = q
		steps[m].Name = fmt.Sprintf("%s, %d of %d", q.Name, n-m, n)
		steps[m].Clause = fmt.Sprintf("%s, with %d of %d remotes", q.Clause, n-m, n)
		steps[m].MinRemotes, steps[m].MaxRemotes = n, 0
		steps[m].ByTable, steps[m].Allowed = false, m
	}
	return steps
}

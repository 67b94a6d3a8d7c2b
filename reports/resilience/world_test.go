package resilience_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// on returns the rule of the BR on a day.
func on(t testing.TB, date string) policy.Quorum {
	t.Helper()
	day, err := policy.ParseDate(date)
	if err != nil {
		t.Fatal(err)
	}
	return policy.QuorumAt(day)
}

// named returns the rule of a name.
func named(t testing.TB, name string) policy.Quorum {
	t.Helper()
	q, err := policy.ParseRule(name, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// onEquator returns a place so many kilometres east of 0°N 0°E.
func onEquator(km float64) *place.Location {
	return &place.Location{Lon: km / place.EarthRadiusKm * 180 / math.Pi}
}

// line returns viewpoints v0, v1, ... 600 km apart on the equator, in regions that
// go round.
func line(n int) []result.Viewpoint {
	out := make([]result.Viewpoint, n)
	for i := range out {
		out[i] = result.Viewpoint{
			Name: fmt.Sprintf("v%d", i), ASN: topology.ASN(64512 + i),
			RIR: place.RIRs()[i%5], Location: onEquator(float64(i%60) * 600),
		}
	}
	return out
}

// span returns a deployment of n remotes at the viewpoints from 1 on with the
// primary at 0.
func span(n int) resilience.Deployment {
	d := resilience.Deployment{Name: fmt.Sprintf("%d remotes", n)}
	for i := range n {
		d.Remotes = append(d.Remotes, i+1)
	}
	return d
}

// setOf returns the set with the given viewpoints of n.
func setOf(n int, has func(int) bool) result.Set {
	s := make(result.Set, (n+63)/64)
	for i := range n {
		if has(i) {
			s[i/64] |= 1 << (i % 64)
		}
	}
	return s
}

// decide is the oracle: what the rule says of an attempt in which the fooled
// perspectives pass, the others fail. withPrimary false makes the primary pass.
func decide(t testing.TB, viewpoints []result.Viewpoint, p resilience.Policy, withPrimary bool, fooled func(int) bool) bool {
	t.Helper()
	answer := func(at int, who perspectives.Perspective) policy.Answer {
		verdict := perspectives.Fail
		if fooled(at) {
			verdict = perspectives.Pass
		}
		return policy.Answer{Perspective: who, DCV: verdict, CAA: verdict}
	}
	who := func(at int) perspectives.Perspective {
		v := viewpoints[at]
		out := perspectives.Perspective{Name: v.Name, RIR: v.RIR}
		if v.Location != nil {
			out.Location = *v.Location
		}
		return out
	}
	d := p.Deployment
	primary := policy.Answer{DCV: perspectives.Pass, CAA: perspectives.Pass}
	switch {
	case d.Primary == resilience.NoPrimary:
		primary.Perspective.Location = place.Location{Lat: 90} // all else is on the equator
	case d.Set != nil:
		primary = answer(d.Primary, d.Set.Primary)
	default:
		primary = answer(d.Primary, who(d.Primary))
	}
	if !withPrimary {
		primary.DCV, primary.CAA = perspectives.Pass, perspectives.Pass
	}
	var remotes []policy.Answer
	for i, at := range d.Remotes {
		if d.Set != nil {
			remotes = append(remotes, answer(at, d.Set.Remotes[i]))
		} else {
			remotes = append(remotes, answer(at, who(at)))
		}
	}
	decision, err := policy.Decide(p.Rule, policy.SameSet(primary, remotes...))
	if err != nil {
		t.Fatal(err)
	}
	return decision.Issue
}

// study is hijacks drawn at random, all of one size.
type study struct {
	viewpoints         []result.Viewpoint
	hijacks            []result.Hijack
	victims, attackers int
}

// drawing says how a study is drawn.
type drawing struct {
	viewpoints, victims, attackers int
	seed                           uint64
	weights                        bool    // other than 1
	unreached                      float64 // share without a route
}

// draw returns a study in which every victim meets every attacker but itself,
// victims one after the other. How easy an attacker has it depends on both, so
// that viewpoints agree more often than chance.
func draw(d drawing) study {
	r := rand.New(rand.NewPCG(d.seed, 1))
	s := study{viewpoints: line(d.viewpoints), victims: d.victims, attackers: d.attackers}
	weight := func(i int) float64 {
		if d.weights {
			return float64(i*7%5) + 0.5
		}
		return 1
	}
	for v := range d.victims {
		for a := range d.attackers {
			if v == a {
				continue
			}
			ease := 0.2 + 0.6*r.Float64()
			draws := make([]float64, d.viewpoints)
			for i := range draws {
				if draws[i] = r.Float64(); r.Float64() < d.unreached {
					draws[i] = 2
				}
			}
			tie := 0.1
			s.hijacks = append(s.hijacks, result.Hijack{
				Victim: topology.ASN(v + 1), Attacker: topology.ASN(a + 1), Count: 1, Attack: "equal-prefix",
				VictimWeight: weight(v), AttackerWeight: weight(a + 1),
				Reached: setOf(d.viewpoints, func(i int) bool { return draws[i] < 2 }),
				Lower:   setOf(d.viewpoints, func(i int) bool { return draws[i] < ease+tie }),
				Picked:  setOf(d.viewpoints, func(i int) bool { return draws[i] < ease }),
				Upper:   setOf(d.viewpoints, func(i int) bool { return draws[i] < ease-tie }),
			})
		}
	}
	return s
}

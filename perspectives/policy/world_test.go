package policy_test

import (
	"fmt"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/topology/place"
)

const (
	pass = perspectives.Pass
	fail = perspectives.Fail
	none = perspectives.Unanswered
	errd = perspectives.Error

	arin  = place.ARIN
	ripe  = place.RIPE
	apnic = place.APNIC
)

// kmPerDegree is one degree of longitude on the equator, along the surface.
const kmPerDegree = place.EarthRadiusKm * 3.141592653589793 / 180

// primary stands at 0 degrees on the equator in ARIN, a region of its own in
// tests of the RIR rule that leave ARIN to it.
func primary() policy.Answer {
	return policy.Answer{
		Perspective: perspectives.Perspective{Name: "primary", RIR: arin},
		DCV:         pass, CAA: pass,
	}
}

// remoteAt returns a remote that stands km kilometres east of the primary along
// the equator and answers v to both questions.
func remoteAt(name string, km float64, r place.RIR, v perspectives.Verdict) policy.Answer {
	return policy.Answer{
		Perspective: perspectives.Perspective{
			Name: name, RIR: r, Location: place.Location{Lon: km / kmPerDegree},
		},
		DCV: v, CAA: v,
	}
}

// remotes returns one remote for each region given, named a, b, c, ..., 2000 km
// apart. The last fails of them do not corroborate.
func remotes(fails int, regions ...place.RIR) []policy.Answer {
	out := make([]policy.Answer, len(regions))
	for i, r := range regions {
		v := pass
		if i >= len(regions)-fails {
			v = fail
		}
		out[i] = remoteAt(string(rune('a'+i)), float64(i+1)*2000, r, v)
	}
	return out
}

func on(date string) policy.Quorum { return policy.QuorumAt(mustDate(date)) }

func mustDate(s string) time.Time {
	d, err := policy.ParseDate(s)
	if err != nil {
		panic(fmt.Sprintf("test data: %v", err))
	}
	return d
}

// setOf returns the deployment that gave the answers.
func setOf(a policy.Answer, answers ...policy.Answer) perspectives.Set {
	s := perspectives.Set{Name: "test", Primary: a.Perspective}
	for _, r := range answers {
		s.Remotes = append(s.Remotes, r.Perspective)
	}
	return s
}

package resilience_test

import (
	"math"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// TestViewpointsEqualOracle sums up each viewpoint by plain loops. Some viewpoints
// are in the AS of a victim and attacker, two of them in one.
func TestViewpointsEqualOracle(t *testing.T) {
	for _, d := range []drawing{
		{viewpoints: 7, victims: 5, attackers: 30, seed: 1},
		{viewpoints: 70, victims: 6, attackers: 30, seed: 2, weights: true, unreached: 0.2},
	} {
		g := NewWithT(t)
		s := draw(d)
		s.viewpoints[2].ASN, s.viewpoints[3].ASN, s.viewpoints[5].ASN = 3, 3, 20
		s.viewpoints[4].RIR = place.Unknown
		got := report(t, s, resilience.Options{Pairwise: true})
		g.Expect(got.Policies).To(BeEmpty())
		g.Expect(got.Viewpoints).To(HaveLen(d.viewpoints))
		regions := map[place.RIR][]resilience.Viewpoint{}
		for i, v := range got.Viewpoints {
			var sum [3]float64
			weight, lostSum, lostWeight, victims := 0.0, 0.0, 0.0, 0
			for victim := 1; victim <= d.victims; victim++ {
				if topology.ASN(victim) == v.ASN {
					continue
				}
				var fooled [3]float64
				routed, lost, w := 0.0, 0.0, 0.0
				for _, h := range s.hijacks {
					if h.Victim != topology.ASN(victim) || h.Attacker == v.ASN {
						continue
					}
					w = h.VictimWeight
					if !h.Reached.Has(i) {
						lost += h.AttackerWeight
						continue
					}
					routed += h.AttackerWeight
					for way, set := range []result.Set{h.Lower, h.Picked, h.Upper} {
						if set.Has(i) {
							fooled[way] += h.AttackerWeight
						}
					}
				}
				for way := range 3 {
					sum[way] += w * (1 - fooled[way]/routed)
				}
				victims++
				weight += w
				lostSum += w * lost / (lost + routed)
				lostWeight += w
			}
			g.Expect(v.Victims).To(Equal(victims))
			for way := range 3 {
				g.Expect(list(v.Resilience)[way]).To(BeNumerically("~", sum[way]/weight, 1e-9), v.Name)
			}
			g.Expect(v.Unreached).To(BeNumerically("~", lostSum/lostWeight, 1e-9))
			regions[v.RIR] = append(regions[v.RIR], v)
		}
		g.Expect(got.Viewpoints[2].Victims).To(Equal(d.victims - 1))
		for _, v := range got.Viewpoints {
			for _, w := range got.Viewpoints {
				same := math.Abs(v.Resilience.Lower-w.Resilience.Lower)+math.Abs(v.Resilience.Upper-w.Resilience.Upper)+math.Abs(v.Unreached-w.Unreached) < 1e-8
				if (v.Group == w.Group) != same {
					t.Errorf("%s and %s: groups %d and %d", v.Name, w.Name, v.Group, w.Group)
				}
				if v.Resilience.Lower < w.Resilience.Lower-1e-8 {
					g.Expect(v.Group).To(BeNumerically("<", w.Group))
				}
			}
		}
		delete(regions, place.Unknown)
		g.Expect(got.Regions).To(HaveLen(len(regions)))
		for _, r := range got.Regions {
			g.Expect(r.Viewpoints).To(Equal(len(regions[r.RIR])))
			sum := 0.0
			for _, v := range regions[r.RIR] {
				sum += v.Resilience.Picked
			}
			g.Expect(r.Resilience.Picked).To(BeNumerically("~", sum/float64(r.Viewpoints), 1e-9))
		}
	}
}

// TestPairwiseNeedsVictimsTogether: the sums of one victim only are kept.
func TestPairwiseNeedsVictimsTogether(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 3, victims: 2, attackers: 4, seed: 1})
	a := accumulate(t, s, resilience.Options{Viewpoints: s.viewpoints, Pairwise: true})
	g.Expect(a.Add(&s.hijacks[0])).To(MatchError(ContainSubstring("do not come together")))
}

func TestLad(t *testing.T) {
	for name, tc := range map[string]struct {
		paths     []resilience.Paths
		want      float64
		unreached int
	}{
		"prefers the victim":        {[]resilience.Paths{{Victim: 3}}, 1, 0},
		"prefers the attacker":      {[]resilience.Paths{{Attacker: 1}}, 0, 0},
		"a tie of one against two":  {[]resilience.Paths{{Victim: 1, Attacker: 2}}, 1. / 3, 0},
		"a term for every attacker": {[]resilience.Paths{{Victim: 1}, {Victim: 1, Attacker: 1}, {Attacker: 1}, {Victim: 3, Attacker: 1}}, 2.25 / 4, 0},
		"no paths are no win":       {[]resilience.Paths{{}, {Victim: 1, Attacker: 1}}, 0.5, 1},
		"nobody":                    {nil, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, unreached, err := resilience.Lad(tc.paths)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(BeNumerically("~", tc.want, 1e-12))
			g.Expect(unreached).To(Equal(tc.unreached))
		})
	}
	g := NewWithT(t)
	_, _, err := resilience.Lad([]resilience.Paths{{Victim: -1, Attacker: 1}})
	g.Expect(err).To(MatchError(ContainSubstring("-1 paths")))
}

func TestSurface(t *testing.T) {
	g := NewWithT(t)
	web := &result.Hijack{
		Victim: 1, Attacker: 9, Attack: "equal-prefix", VictimWeight: 3, AttackerWeight: 1, Count: 1,
		Reached: result.Set{0b01111}, Lower: result.Set{0b00011}, Picked: result.Set{0b00001}, Upper: result.Set{0b00001},
	}
	dns := &result.Hijack{
		Victim: 2, Attacker: 9, Attack: "equal-prefix", VictimWeight: 1, AttackerWeight: 1, Count: 1,
		Reached: result.Set{0b10110}, Lower: result.Set{0b10100}, Picked: result.Set{0b00100}, Upper: result.Set{0b00000},
	}
	got, err := resilience.Surface(web, dns)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(result.Hijack{
		Victim: 1, Attacker: 9, Attack: "equal-prefix", VictimWeight: 3, AttackerWeight: 1, Count: 1,
		// The first and the last are fooled at one target, the fourth has no route
		// to the name server and is fooled by nobody.
		Reached: result.Set{0b10111}, Lower: result.Set{0b10111}, Picked: result.Set{0b00101}, Upper: result.Set{0b00001},
	}))
	g.Expect(web.Reached).To(Equal(result.Set{0b01111}), "targets stay as they are")

	_, err = resilience.Surface()
	g.Expect(err).To(HaveOccurred())
	other := *dns
	other.Attacker = 8
	_, err = resilience.Surface(web, &other)
	g.Expect(err).To(MatchError(ContainSubstring("hijacked by AS 9 (equal-prefix) and AS 8")))
	other = *dns
	other.Lower = nil
	_, err = resilience.Surface(web, &other)
	g.Expect(err).To(MatchError(ContainSubstring("a set of 0 words")))
}

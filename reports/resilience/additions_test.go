package resilience_test

import (
	"cmp"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/policy"
	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// resilienceOf is the oracle of additions: perspectives without a route are fooled.
func resilienceOf(t *testing.T, s study, p resilience.Policy, way int) (mean, median float64) {
	success, total, weight := map[topology.ASN]float64{}, map[topology.ASN]float64{}, map[topology.ASN]float64{}
	for _, h := range s.hijacks {
		set := []result.Set{h.Lower, h.Picked, h.Upper}[way]
		total[h.Victim] += h.AttackerWeight
		weight[h.Victim] = h.VictimWeight
		if decide(t, s.viewpoints, p, true, func(i int) bool { return set.Has(i) || !h.Reached.Has(i) }) {
			success[h.Victim] += h.AttackerWeight
		}
	}
	var values, weights []float64
	sum, all := 0.0, 0.0
	for v := range total {
		values, weights = append(values, 1-success[v]/total[v]), append(weights, weight[v])
		sum += weight[v] * (1 - success[v]/total[v])
		all += weight[v]
	}
	return sum / all, plainMedian(values, weights)
}

// TestBestAdditionsEqualTryingAll compares the search with the oracle for one and
// two additions: to deployments that are lawful and that are not yet, within a row
// of the table and across, with weights and without.
func TestBestAdditionsEqualTryingAll(t *testing.T) {
	for name, tc := range map[string]struct {
		deployment resilience.Deployment
		rule       policy.Quorum
		draw       drawing
		unlawful   bool
	}{
		"four where five are needed": {span(4), on(t, "2026-12-15"), drawing{viewpoints: 10, victims: 5, attackers: 20, seed: 1}, false},
		"from five to six":           {span(5), on(t, "2026-12-15"), drawing{viewpoints: 10, victims: 5, attackers: 30, seed: 2, weights: true}, false},
		"three where four will do":   {span(3), on(t, "2026-06-15"), drawing{viewpoints: 9, victims: 4, attackers: 70, seed: 3, unreached: 0.1}, false},
		"no geography, all must":     {span(2), named(t, "all"), drawing{viewpoints: 8, victims: 5, attackers: 20, seed: 4}, false},
		"one region so far":          {resilience.Deployment{Primary: 0, Remotes: []int{1, 6, 11}}, named(t, "boulder"), drawing{viewpoints: 17, victims: 3, attackers: 30, seed: 5}, false},
		"any two, in two regions":    {span(3), policy.Quorum{Name: "two", Clause: "test", MinRemotes: 4, Allowed: 3, MinRIRs: 2, Enforced: true}, drawing{viewpoints: 11, victims: 3, attackers: 30, seed: 7}, false},
		"from fifteen on":            {span(15), named(t, "all"), drawing{viewpoints: 19, victims: 3, attackers: 20, seed: 8}, false},
		"too near to each other":     {span(3), on(t, "2026-06-15"), drawing{viewpoints: 9, victims: 3, attackers: 20, seed: 6}, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := draw(tc.draw)
			if tc.unlawful {
				s.viewpoints[6].Location = s.viewpoints[2].Location
				s.viewpoints[7].Location = s.viewpoints[8].Location
			}
			var candidates []int
			for i := range s.viewpoints {
				candidates = append(candidates, i) // those of the deployment count once
			}
			a, err := resilience.NewAdditions(resilience.AdditionOptions{
				Viewpoints: s.viewpoints, Policy: resilience.Policy{Deployment: tc.deployment, Rule: tc.rule},
				Candidates: candidates, Attack: "equal-prefix",
			})
			g.Expect(err).NotTo(HaveOccurred())
			for i := range s.hijacks {
				g.Expect(a.Add(&s.hijacks[i])).To(Succeed())
			}
			for k := 1; k <= 2; k++ {
				got, err := a.Best(k, 1000)
				g.Expect(err).NotTo(HaveOccurred())
				expectBest(t, s, resilience.Policy{Deployment: tc.deployment, Rule: tc.rule}, k, got)
				if tc.unlawful || k == 1 && name == "one region so far" {
					g.Expect(got.Unlawful).To(BeNumerically(">", 0))
				} else {
					g.Expect(got.Unlawful).To(BeZero())
				}
			}
		})
	}
}

func expectBest(t *testing.T, s study, p resilience.Policy, k int, got *resilience.Best) {
	t.Helper()
	g := NewWithT(t)
	if got.Now != nil {
		mean, median := resilienceOf(t, s, p, 1)
		g.Expect(got.Now.Mean.Picked).To(BeNumerically("~", mean, 1e-9))
		g.Expect(got.Now.Median.Picked).To(BeNumerically("~", median, 1e-9))
	}
	byName := map[string]int{}
	for i, v := range s.viewpoints {
		byName[v.Name] = i
	}
	free := len(s.viewpoints) - 1 - len(p.Deployment.Remotes)
	if k == 2 {
		free = free * (free - 1) / 2
	}
	g.Expect(got.Tried + got.Unlawful).To(Equal(free))
	g.Expect(got.Further + got.Unranked).To(BeZero())
	sets := 0
	for n, group := range got.Groups {
		sets += len(group.Sets)
		medians, means := []float64{}, []float64{}
		for _, added := range group.Sets {
			extended := p
			extended.Deployment.Remotes = slices.Clone(p.Deployment.Remotes)
			for _, name := range added {
				extended.Deployment.Remotes = append(extended.Deployment.Remotes, byName[name])
			}
			g.Expect(extended.Deployment.Remotes).To(HaveLen(len(p.Deployment.Remotes) + k))
			for way, want := range map[int][2]float64{0: {group.Mean.Lower, group.Median.Lower}, 2: {group.Mean.Upper, group.Median.Upper}} {
				mean, median := resilienceOf(t, s, extended, way)
				g.Expect(want[0]).To(BeNumerically("~", mean, 2e-9))
				g.Expect(want[1]).To(BeNumerically("~", median, 2e-9))
			}
			mean, median := resilienceOf(t, s, extended, 1)
			means, medians = append(means, mean), append(medians, median)
		}
		g.Expect(group.PickedMean.Least).To(BeNumerically("~", slices.Min(means), 1e-9))
		g.Expect(group.PickedMean.Most).To(BeNumerically("~", slices.Max(means), 1e-9))
		g.Expect(group.PickedMedian.Least).To(BeNumerically("~", slices.Min(medians), 1e-9))
		g.Expect(group.PickedMedian.Most).To(BeNumerically("~", slices.Max(medians), 1e-9))
		rank := 1
		for m, other := range got.Groups {
			below := group.Median.Lower <= other.Median.Lower && group.Median.Upper <= other.Median.Upper &&
				group.Mean.Lower <= other.Mean.Lower && group.Mean.Upper <= other.Mean.Upper
			if m == n || !below {
				continue
			}
			g.Expect(m).To(BeNumerically("<", n), "the better come first")
			rank = max(rank, other.Rank+1)
		}
		g.Expect(group.Rank).To(Equal(rank))
	}
	g.Expect(sets).To(Equal(got.Tried))
	g.Expect(slices.IsSortedFunc(got.Groups, func(x, y resilience.Alike) int {
		return cmp.Or(cmp.Compare(y.Median.Lower, x.Median.Lower), cmp.Compare(y.Mean.Lower, x.Mean.Lower))
	})).To(BeTrue())
}

// TestAlikeAreOneGroup: viewpoints that differ by picks alone are one group, whatever
// the seed that picked, and no ranking hangs on it.
func TestAlikeAreOneGroup(t *testing.T) {
	g := NewWithT(t)
	var first []resilience.Alike
	for seed := range uint64(3) {
		s := draw(drawing{viewpoints: 10, victims: 4, attackers: 50, seed: 9})
		for i := range s.hijacks {
			h := &s.hijacks[i]
			for v := 6; v < 9; v++ { // 6, 7 and 8 have the bounds of 5 and picks of their own
				for _, set := range []result.Set{h.Reached, h.Lower, h.Upper} {
					set[0] &^= 1 << v
					set[0] |= set[0] >> 5 & 1 << v
				}
				h.Picked[0] &^= 1 << v
				if pick := ((uint64(i)*31+uint64(v))*2654435761+seed*40503)>>16&1 == 1; h.Upper.Has(v) || h.Lower.Has(v) && pick {
					h.Picked[0] |= 1 << v
				}
			}
		}
		a, err := resilience.NewAdditions(resilience.AdditionOptions{
			Viewpoints: s.viewpoints, Policy: resilience.Policy{Deployment: span(4), Rule: policy.Quorum{Name: "two", Clause: "test", MinRemotes: 4, Allowed: 3, Enforced: true}},
			Candidates: []int{5, 6, 7, 8, 9}, Attack: "equal-prefix",
		})
		g.Expect(err).NotTo(HaveOccurred())
		for i := range s.hijacks {
			g.Expect(a.Add(&s.hijacks[i])).To(Succeed())
		}
		best, err := a.Best(1, -1)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(best.Groups).To(ContainElement(HaveField("Sets", [][]string{{"v5"}, {"v6"}, {"v7"}, {"v8"}})))
		for n := range best.Groups {
			if group := &best.Groups[n]; len(group.Sets) > 1 {
				g.Expect(group.PickedMean.Most).To(BeNumerically(">", group.PickedMean.Least))
			}
			best.Groups[n].PickedMean, best.Groups[n].PickedMedian = resilience.Picks{}, resilience.Picks{}
		}
		if seed == 0 {
			first = best.Groups
		}
		g.Expect(best.Groups).To(Equal(first), "seed %d", seed)
		one, err := a.Best(1, 1)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(one.Groups).To(HaveLen(1))
		g.Expect(one.Further).To(Equal(len(first) - 1))
	}
}

// TestDeadViewpointIsNoAddition: where nothing is reached nobody is fooled, and
// nobody validates.
func TestDeadViewpointIsNoAddition(t *testing.T) {
	g := NewWithT(t)
	s := draw(drawing{viewpoints: 6, victims: 3, attackers: 30, seed: 1})
	for i := range s.hijacks {
		for _, set := range []result.Set{s.hijacks[i].Reached, s.hijacks[i].Lower, s.hijacks[i].Picked, s.hijacks[i].Upper} {
			set[0] &^= 1 << 5
		}
	}
	a, err := resilience.NewAdditions(resilience.AdditionOptions{
		Viewpoints: s.viewpoints, Policy: resilience.Policy{Deployment: span(3), Rule: named(t, "all")},
		Candidates: []int{4, 5}, Attack: "equal-prefix",
	})
	g.Expect(err).NotTo(HaveOccurred())
	for i := range s.hijacks {
		g.Expect(a.Add(&s.hijacks[i])).To(Succeed())
	}
	best, err := a.Best(1, -1)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(best.Groups[0].Sets).To(Equal([][]string{{"v4"}}))
	g.Expect(best.Groups[1].Mean.Lower).To(BeNumerically("~", best.Now.Mean.Lower, 2e-9))
}

func TestAdditionsRefuse(t *testing.T) {
	viewpoints := line(8)
	for name, tc := range map[string]struct {
		change func(*resilience.AdditionOptions)
		want   string
	}{
		"a rule for the primary alone": {func(o *resilience.AdditionOptions) { o.Policy.Rule = named(t, "primary-only") }, "does not depend on remotes"},
		"a rule that only records":     {func(o *resilience.AdditionOptions) { o.Policy.Rule.Enforced = false }, "does not depend on remotes"},
		"a candidate beyond":           {func(o *resilience.AdditionOptions) { o.Candidates = []int{8} }, "candidate 8 of 8"},
		"a bad deployment":             {func(o *resilience.AdditionOptions) { o.Policy.Deployment.Primary = 9 }, "primary at viewpoint 9"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			o := resilience.AdditionOptions{
				Viewpoints: viewpoints, Policy: resilience.Policy{Deployment: span(4), Rule: on(t, "2026-12-15")}, Candidates: []int{5, 6},
			}
			a, err := resilience.NewAdditions(o)
			g.Expect(err).NotTo(HaveOccurred())
			_, err = a.Best(3, 1)
			g.Expect(err).To(MatchError("3 additions: expected 1 or 2"))
			tc.change(&o)
			_, err = resilience.NewAdditions(o)
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

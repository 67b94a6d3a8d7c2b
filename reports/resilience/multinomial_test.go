package resilience

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/onsi/gomega"
)

// TestBinomial compares numbers of successes with their probabilities, and with the
// mean and the variance where there are too many to list.
func TestBinomial(t *testing.T) {
	g := NewWithT(t)
	r := rand.New(rand.NewPCG(1, 1))
	g.Expect([]int64{binomial(r, 0, 0.5), binomial(r, 9, 0), binomial(r, 9, 1)}).To(Equal([]int64{0, 0, 9}))
	for _, c := range []struct {
		n int64
		p float64
	}{{1, 0.3}, {5, 0.5}, {9, 0.02}, {9, 0.97}, {12, 1. / 3}} {
		const trials = 40_000
		seen := make([]float64, c.n+1)
		for range trials {
			seen[binomial(r, c.n, c.p)]++
		}
		chi, choose := 0.0, 1.0
		for k := range c.n + 1 {
			want := trials * choose * math.Pow(c.p, float64(k)) * math.Pow(1-c.p, float64(c.n-k))
			choose *= float64(c.n-k) / float64(k+1)
			if want > 5 {
				chi += (seen[k] - want) * (seen[k] - want) / want
			}
		}
		g.Expect(chi).To(BeNumerically("<", 40), "chi squared of up to 12 degrees of freedom: n %d, p %v", c.n, c.p)
	}
	for _, c := range []struct {
		n int64
		p float64
	}{{300_000, 0.4}, {300_000, 1e-5}, {1 << 30, 1e-3}, {1000, 1 - 1e-4}} {
		const trials = 4000
		sum, squares, mean := 0.0, 0.0, float64(c.n)*c.p
		for range trials {
			x := float64(binomial(r, c.n, c.p)) - mean
			sum += x
			squares += x * x
		}
		variance := mean * (1 - c.p)
		g.Expect(sum/trials).To(BeNumerically("~", 0, 5*math.Sqrt(variance/trials)), "the mean: n %d, p %v", c.n, c.p)
		g.Expect(squares/trials).To(BeNumerically("~", variance, variance/6+0.05), "the variance: n %d, p %v", c.n, c.p)
	}
}

// TestMultinomialIsWhatDrawingEachDrawIs compares the joint distribution of three
// parties' numbers with that of expanded draws, drawn one by one.
func TestMultinomialIsWhatDrawingEachDrawIs(t *testing.T) {
	g := NewWithT(t)
	times := []int64{3, 1, 2}
	var each []int
	for party, n := range times {
		for range n {
			each = append(each, party)
		}
	}
	r := rand.New(rand.NewPCG(2, 2))
	const trials = 60_000
	got, want := map[[3]int64]float64{}, map[[3]int64]float64{}
	for range trials {
		got[[3]int64(multinomial(r, times))]++
		var again [3]int64
		for range each {
			again[each[r.IntN(len(each))]]++
		}
		want[again]++
	}
	g.Expect(want).To(HaveLen(28), "all ways to put six draws on three parties")
	for key, n := range want {
		g.Expect(got[key]).To(BeNumerically("~", n, 6*math.Sqrt(2*n)+2), "%v", key)
	}
	sum := int64(0)
	for _, n := range multinomial(r, []int64{1, 299_000, 0, 7, 1000}) {
		sum += n
	}
	g.Expect(sum).To(Equal(int64(300_008)))
	g.Expect(multinomial(r, []int64{5})).To(Equal([]int64{5}))
	g.Expect(multinomial(r, nil)).To(BeEmpty())
}

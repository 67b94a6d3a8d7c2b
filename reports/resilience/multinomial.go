package resilience

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// multinomial returns how often each of some parties is drawn in as many independent
// draws as times sums up to, if a party's chance is its share of times: what comes of
// writing down every draw of a sample, and drawing that many of them again. A number
// of draws is conditional on those before, for which reason each is binomial (Devroye,
// Non-Uniform Random Variate Generation, 1986, section XI.4.4).
func multinomial(r *rand.Rand, times []int64) []int64 {
	left, draws := int64(0), int64(0)
	for _, t := range times {
		left += t
	}
	draws = left
	out := make([]int64, len(times))
	for i, t := range times {
		if t == left { // the last one with a chance
			out[i] = draws
			break
		}
		out[i] = binomial(r, draws, float64(t)/float64(left))
		left -= t
		draws -= out[i]
	}
	return out
}

// binomial returns how many of n trials with probability p succeed. It goes through
// the numbers from the likeliest outwards until their probabilities come to a random
// number, in about as many steps as the standard deviation.
func binomial(r *rand.Rand, n int64, p float64) int64 {
	if n == 0 || p <= 0 {
		return 0
	}
	if p >= 1 {
		return n
	}
	gamma := func(x int64) float64 {
		y, _ := math.Lgamma(float64(x) + 1)
		return y
	}
	mode := min(int64(float64(n+1)*p), n)
	at := math.Exp(gamma(n) - gamma(mode) - gamma(n-mode) + float64(mode)*math.Log(p) + float64(n-mode)*math.Log1p(-p))
	odds, u := p/(1-p), r.Float64()-at
	if u < 0 {
		return mode
	}
	up, down := at, at
	for above, below := mode, mode; up > 1e-18 || down > 1e-18; { // the rest of u is what rounding has left
		if above == n {
			up = 0
		} else {
			up *= odds * float64(n-above) / float64(above+1)
			above++
			if u -= up; u < 0 {
				return above
			}
		}
		if below == 0 {
			down = 0
		} else {
			down *= float64(below) / (odds * float64(n-below+1))
			below--
			if u -= down; u < 0 {
				return below
			}
		}
	}
	return mode
}

// timesOf returns weights as the numbers of draws that they are.
func timesOf(weights []float64) ([]int64, error) {
	out := make([]int64, len(weights))
	for i, w := range weights {
		if out[i] = int64(w); w < 1 || w > 1<<52 || float64(out[i]) != w {
			return nil, fmt.Errorf("a party of a weighted sample: found weight %v, expected how often it was drawn", w)
		}
	}
	return out, nil
}

package resilience

import (
	"cmp"
	"slices"
)

// weighted is a value that counts as often as its weight says.
type weighted struct{ value, weight float64 }

// mean returns the weighted mean, 0 of nothing.
func mean(values []weighted) float64 {
	sum, total := 0.0, 0.0
	for _, v := range values {
		sum += v.value * v.weight
		total += v.weight
	}
	if total == 0 {
		return 0
	}
	return sum / total
}

// median sorts the values and returns the weighted median, 0 of nothing: the
// smallest value that half of the weight is not above, or, if exactly half of the
// weight is up to it, the middle between it and the next. With equal weights that
// is the usual median.
func median(values []weighted) float64 {
	slices.SortFunc(values, func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
	total := 0.0
	for _, v := range values {
		total += v.weight
	}
	below := 0.0
	for i, v := range values {
		below += v.weight
		switch {
		case v.weight == 0 || 2*below < total:
		case 2*below > total:
			return v.value
		default:
			next := slices.IndexFunc(values[i+1:], func(w weighted) bool { return w.weight > 0 })
			if next < 0 {
				return v.value
			}
			return (v.value + values[i+1+next].value) / 2
		}
	}
	return 0
}

// Step is a point of a distribution.
type Step struct {
	// Resilience is x, Share the weight of those whose resilience is x or less.
	Resilience float64 `json:"resilience"`
	Share      float64 `json:"share"`
}

// cdf sorts the values and returns the distribution's steps: one for each distinct
// value of some weight.
func cdf(values []weighted) []Step {
	slices.SortFunc(values, func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
	var steps []Step
	total := 0.0
	for _, v := range values {
		if v.weight == 0 {
			continue
		}
		total += v.weight
		if n := len(steps); n > 0 && steps[n-1].Resilience == v.value {
			steps[n-1].Share = total
		} else {
			steps = append(steps, Step{v.value, total})
		}
	}
	for i := range steps {
		steps[i].Share /= total
	}
	return steps
}

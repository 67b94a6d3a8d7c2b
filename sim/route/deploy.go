package route

import (
	"cmp"
	"fmt"
	"slices"

	"mpicsim/topology"
)

// DeployFraction draws a share of g's ASes, from 0 to 1, each one on its own: an
// AS is in if SeededHash(seed, AS, 0) is below share·2⁶⁴. So for one seed a larger
// share holds every smaller one, and an AS's luck does not depend on the
// topology. It returns them ascending, or an error if share is out of range.
func DeployFraction(g *topology.Graph, share float64, seed uint64) ([]topology.ASN, error) {
	if !(share >= 0 && share <= 1) {
		return nil, fmt.Errorf("share of ASes %v: want 0 to 1", share)
	}
	var in []topology.ASN
	for _, asn := range g.ASNs() {
		// 53 bits, as many as a float64 holds, compared exactly.
		if float64(SeededHash(seed, asn, 0)>>11) < share*(1<<53) {
			in = append(in, asn)
		}
	}
	return in, nil
}

// DeployLargest returns the n ASes with the largest customer cones, largest
// first, equal ones by AS number; all ASes if there are fewer.
func DeployLargest(g *topology.Graph, n int) []topology.ASN {
	cones := ConeSizes(g)
	order := make([]int32, g.Len())
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(cones[b], cones[a]) })
	in := make([]topology.ASN, 0, n)
	for _, i := range order[:max(0, min(n, len(order)))] {
		in = append(in, g.ASN(i))
	}
	return in
}

// DeployScores returns the ASes with at least the score, ascending.
func DeployScores(scores map[topology.ASN]float64, least float64) []topology.ASN {
	var in []topology.ASN
	for asn, s := range scores {
		if s >= least {
			in = append(in, asn)
		}
	}
	slices.Sort(in)
	return in
}

// ConeSizes returns, by graph index, the size of each AS's customer cone: itself,
// its customers, their customers and so on.
func ConeSizes(g *topology.Graph) []int32 {
	sizes, seen := make([]int32, g.Len()), make([]int32, g.Len())
	var stack []int32
	for i := range int32(g.Len()) {
		stack = append(stack[:0], i)
		seen[i] = i + 1
		for len(stack) > 0 {
			x := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			sizes[i]++
			for _, c := range g.Customers(x) {
				if seen[c] != i+1 {
					seen[c] = i + 1
					stack = append(stack, c)
				}
			}
		}
	}
	return sizes
}

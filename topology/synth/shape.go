package synth

import (
	"fmt"
	"slices"
	"strings"

	"mpicsim/topology"
)

// Shape is what a topology looks like in numbers, to compare two of them.
type Shape struct {
	ASes             int
	Transit, Peering int     // links
	StubShare        float64 // ASes without customers, 0..1
	MultihomedShare  float64 // ASes with two providers or more, 0..1
	PeeringShare     float64 // ASes with a peer, 0..1

	// For each AS, ascending.
	Providers, Customers, Peers, Degrees []int
}

// ShapeOf measures g.
func ShapeOf(g *topology.Graph) Shape {
	s := Shape{ASes: g.Len()}
	s.Transit, s.Peering = g.LinksOf()
	for i := range int32(g.Len()) {
		s.Providers = append(s.Providers, len(g.Providers(i)))
		s.Customers = append(s.Customers, len(g.Customers(i)))
		s.Peers = append(s.Peers, len(g.Peers(i)))
		s.Degrees = append(s.Degrees, g.Degree(i))
	}
	for _, values := range [][]int{s.Providers, s.Customers, s.Peers, s.Degrees} {
		slices.Sort(values)
	}
	s.StubShare = 1 - share(s.Customers, 1)
	s.MultihomedShare = share(s.Providers, 2)
	s.PeeringShare = share(s.Peers, 1)
	return s
}

// share returns which part of values, ascending, are at least least.
func share(values []int, least int) float64 {
	if len(values) == 0 {
		return 0
	}
	below, _ := slices.BinarySearch(values, least)
	return float64(len(values)-below) / float64(len(values))
}

// Distance holds the Kolmogorov-Smirnov distances of two shapes, 0..1.
type Distance struct{ Degrees, Providers, Customers, Peers float64 }

// Distance returns how far the distributions of s and t are from each other.
func (s Shape) Distance(t Shape) Distance {
	return Distance{
		Degrees:   kolmogorovSmirnov(s.Degrees, t.Degrees),
		Providers: kolmogorovSmirnov(s.Providers, t.Providers),
		Customers: kolmogorovSmirnov(s.Customers, t.Customers),
		Peers:     kolmogorovSmirnov(s.Peers, t.Peers),
	}
}

// String returns the four distances.
func (d Distance) String() string {
	return fmt.Sprintf("D of degrees %.3f, providers %.3f, customers %.3f, peers %.3f", d.Degrees, d.Providers, d.Customers, d.Peers)
}

// kolmogorovSmirnov returns the greatest difference between the distribution
// functions of a and b, which are ascending.
func kolmogorovSmirnov(a, b []int) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 1
	}
	greatest := 0.0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		d := float64(i)/float64(len(a)) - float64(j)/float64(len(b))
		greatest = max(greatest, d, -d)
	}
	return greatest
}

// String returns a table for people: shares, averages and the complementary
// distribution functions (which part of the ASes has at least so many).
func (s Shape) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d ASes, %d transit and %d peer links; %.1f %% stubs, %.1f %% multi-homed, %.1f %% with peers\n",
		s.ASes, s.Transit, s.Peering, 100*s.StubShare, 100*s.MultihomedShare, 100*s.PeeringShare)
	steps := []int{1, 2, 3, 5, 10, 30, 100, 300, 1000, 3000}
	fmt.Fprintf(&b, "%-10s %7s %6s", "at least", "average", "most")
	for _, n := range steps {
		fmt.Fprintf(&b, " %8d", n)
	}
	for _, row := range []struct {
		name   string
		values []int
	}{{"links", s.Degrees}, {"providers", s.Providers}, {"customers", s.Customers}, {"peers", s.Peers}} {
		sum, most := 0, 0
		for _, v := range row.values {
			sum, most = sum+v, max(most, v)
		}
		fmt.Fprintf(&b, "\n%-10s %7.2f %6d", row.name, float64(sum)/float64(max(1, len(row.values))), most)
		for _, n := range steps {
			fmt.Fprintf(&b, " %8.5f", share(row.values, n))
		}
	}
	return b.String()
}

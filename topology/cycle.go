package topology

import "slices"

// breakCycles drops transit links until no AS is an indirect provider of
// itself, and reports each cycle. A cycle loses the link added last among its
// own. Every round drops at least one link, so it ends.
func breakCycles(g *Graph, edges []edge) ([]edge, []Finding) {
	var findings []Finding
	for {
		live := inCycles(len(g.asns), edges)
		if live == nil {
			return edges, findings
		}
		cycle := findCycle(live, edges)
		last := slices.Max(cycle)
		at := slices.Index(cycle, last)
		f := Finding{Kind: Cycle, Dropped: edges[last].link}
		for k := range cycle { // the dropped link closes the cycle: start behind it
			f.ASes = append(f.ASes, g.asns[edges[cycle[(at+1+k)%len(cycle)]].a])
		}
		findings = append(findings, f)
		edges = slices.Delete(edges, last, last+1)
	}
}

// inCycles strips ASes without customers and ASes without providers, again and
// again (Kahn's algorithm from both ends). It returns which ASes are left, nil
// if none is: what is left lies on or between cycles.
func inCycles(n int, edges []edge) []bool {
	var up, down rows
	up.off, down.off = make([]int32, n+1), make([]int32, n+1)
	for _, e := range edges {
		if e.link.Kind == Transit {
			down.off[e.a+1]++
			up.off[e.b+1]++
		}
	}
	for i := range n {
		down.off[i+1] += down.off[i]
		up.off[i+1] += up.off[i]
	}
	down.to, up.to = make([]int32, down.off[n]), make([]int32, up.off[n])
	customers, providers := make([]int32, n), make([]int32, n)
	for _, e := range edges {
		if e.link.Kind == Transit {
			down.to[down.off[e.a]+customers[e.a]] = e.b
			customers[e.a]++
			up.to[up.off[e.b]+providers[e.b]] = e.a
			providers[e.b]++
		}
	}
	live := make([]bool, n)
	var queue []int32
	for i := range int32(n) {
		live[i] = true
		if customers[i] == 0 || providers[i] == 0 {
			live[i] = false
			queue = append(queue, i)
		}
	}
	left := n - len(queue)
	strip := func(i int32, count []int32) {
		count[i]--
		if live[i] && count[i] == 0 {
			live[i] = false
			left--
			queue = append(queue, i)
		}
	}
	for len(queue) > 0 {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, c := range down.row(i) {
			strip(c, providers)
		}
		for _, p := range up.row(i) {
			strip(p, customers)
		}
	}
	if left == 0 {
		return nil
	}
	return live
}

// findCycle walks from provider to customer inside live, where every AS has a
// customer, until it meets an AS again. It returns the positions in edges of
// the cycle's links, in order.
func findCycle(live []bool, edges []edge) []int {
	out := map[int32]int{} // AS -> the first link to a live customer
	start := int32(-1)
	for n, e := range edges {
		if e.link.Kind != Transit || !live[e.a] || !live[e.b] {
			continue
		}
		if _, ok := out[e.a]; !ok {
			out[e.a] = n
		}
		if start < 0 || e.a < start {
			start = e.a
		}
	}
	var walk []int
	seen := map[int32]int{}
	for at := start; ; at = edges[out[at]].b {
		if first, ok := seen[at]; ok {
			return walk[first:]
		}
		seen[at] = len(walk)
		walk = append(walk, out[at])
	}
}

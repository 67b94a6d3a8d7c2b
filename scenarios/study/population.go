package study

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sort"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// The streams of random numbers, one for each purpose.
const (
	streamVictims   = 0x76696374 // "vict"
	streamAttackers = 0x61747461 // "atta"
	streamDomains   = 0x646f6d61 // "doma"
)

// choose returns the ASes of a population. field is the study's field.
func (p *Plan) choose(m *scenarios.Map, field string, from scenarios.Population) (members, result.Selection, error) {
	s := p.options.Source
	var chosen members
	var how result.Selection
	switch {
	case from.All:
		how = result.Selection{How: "all"}
		for _, asn := range m.Graph.ASNs() {
			chosen.add(p.graph, asn, 1)
		}
	case from.ASes != nil:
		how = result.Selection{How: "list"}
		for n, asn := range from.ASes {
			if _, ok := m.Graph.Index(asn); !ok {
				return members{}, how, s.FieldError(fmt.Sprintf("%s[%d]", field, n), fmt.Sprintf("AS %v", asn),
					fmt.Sprintf("an AS of the topology (%d ASes)", m.Graph.Len()))
			}
			chosen.add(p.graph, asn, 1)
		}
		chosen.sort()
	case from.Domains != "":
		return p.chooseDomains(m, from)
	case from.Weights != "":
		var err error
		if chosen, how, err = p.weigh(m, field, from); err != nil {
			return members{}, how, err
		}
	default:
		how = result.Selection{How: "sample"}
		for _, asn := range m.Graph.ASNs() {
			chosen.add(p.graph, asn, 1)
		}
	}
	how.Population = len(chosen.index)
	if from.All || from.ASes != nil {
		how.Population = m.Graph.Len()
	}
	if from.Sample > 0 {
		stream := uint64(streamVictims)
		if field == "attackers" {
			stream = streamAttackers
		}
		how.Draws, how.Seed = from.Sample, from.Seed
		random := rand.New(rand.NewPCG(from.Seed, stream)) //nolint:gosec // reproducible, not secret
		if from.Weights != "" {
			chosen = chosen.draw(random, from.Sample)
		} else if from.Sample > len(chosen.index) {
			return members{}, how, s.FieldError(field+".sample", fmt.Sprint(from.Sample), fmt.Sprintf("at most the topology's %d ASes", m.Graph.Len()))
		} else {
			chosen = chosen.sample(random, from.Sample)
		}
	}
	how.Count = len(chosen.index)
	for _, w := range chosen.weight {
		how.Weight += w
	}
	return chosen, how, nil
}

// weigh reads a file of weights, and leaves out the ASes that the topology lacks.
func (p *Plan) weigh(m *scenarios.Map, field string, from scenarios.Population) (members, result.Selection, error) {
	s := p.options.Source
	how := result.Selection{How: "weights"}
	if from.Sample > 0 {
		how.How = "weighted-sample"
	}
	w, err := scenarios.ReadWeights(s.Path(from.Weights), from.Column)
	if err != nil {
		return members{}, how, err
	}
	p.draft.Inputs = append(p.draft.Inputs, result.Input{Role: field, Name: filepath.Base(from.Weights), SHA256: w.SHA256})
	how.Absent, how.AbsentWeight = w.Sets, w.SetsWeight
	var chosen members
	for n, asn := range w.ASes {
		if _, ok := m.Graph.Index(asn); !ok {
			how.Absent++
			how.AbsentWeight += w.Weight[n]
			continue
		}
		chosen.add(p.graph, asn, w.Weight[n])
	}
	if len(chosen.index) == 0 {
		return members{}, how, s.FieldError(field+".weights", fmt.Sprintf("%d ASes, none of them in the topology", len(w.ASes)), "ASes of the topology")
	}
	return chosen, how, nil
}

func (m *members) add(g *topology.Graph, asn topology.ASN, weight float64) {
	i, _ := g.Index(asn)
	m.index, m.weight = append(m.index, i), append(m.weight, weight)
}

// sort orders members whose weights are all the same.
func (m *members) sort() { slices.Sort(m.index) }

// sample returns n different members, all equally likely (the first steps of a
// Fisher-Yates shuffle).
func (m *members) sample(random *rand.Rand, n int) members {
	from := slices.Clone(m.index)
	for i := range n {
		j := i + random.IntN(len(from)-i)
		from[i], from[j] = from[j], from[i]
	}
	out := members{index: from[:n:n], weight: slices.Repeat([]float64{1}, n)}
	out.sort()
	return out
}

// draw draws n times, each member as likely as its weight says, and returns the
// members that were drawn with how often as their weights.
func (m *members) draw(random *rand.Rand, n int) members {
	sums := make([]float64, len(m.weight))
	total := 0.0
	for i, w := range m.weight {
		total += w
		sums[i] = total
	}
	times := make([]float64, len(m.weight))
	for range n {
		x := random.Float64() * total
		times[min(sort.Search(len(sums), func(i int) bool { return sums[i] > x }), len(sums)-1)]++
	}
	var out members
	for i, t := range times {
		if t > 0 {
			out.index, out.weight = append(out.index, m.index[i]), append(out.weight, t)
		}
	}
	return out
}

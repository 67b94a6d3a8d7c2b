package scenarios

import (
	"encoding/hex"
	"fmt"
	"path/filepath"

	"mpicsim/scenarios/result"
	"mpicsim/topology"
	"mpicsim/topology/asrel"
	"mpicsim/topology/synth"
)

// Map is a topology with where it came from.
type Map struct {
	Graph  *topology.Graph
	Source result.Topology
}

// maxRepairs is how many repairs a result lists one by one.
const maxRepairs = 20

// Map reads or generates the topology that the scenario names.
func (s *Source) Map() (*Map, error) {
	var m *Map
	var err error
	switch t := s.Topology; {
	case t.Synthetic != nil:
		m, err = s.generateMap()
	case t.File != "":
		m, err = s.readMap()
	default:
		m, err = s.inlineMap()
	}
	if err != nil {
		return nil, err
	}
	if len(s.Topology.Places) > 0 {
		if err := m.setPlaces(s); err != nil {
			return nil, err
		}
	}
	m.Source.ASes, m.Source.Placed = m.Graph.Len(), m.Graph.Placed()
	m.Source.Transit, m.Source.Peering = m.Graph.LinksOf()
	return m, nil
}

func (s *Source) generateMap() (*Map, error) {
	t := s.Topology.Synthetic
	net, err := synth.Generate(synth.Options{ASes: t.ASes, Seed: t.Seed})
	if err != nil {
		return nil, s.FieldError("topology.synthetic", fmt.Sprint(t.ASes), err.Error())
	}
	return &Map{Graph: net.Graph, Source: result.Topology{
		Kind: "synthetic", Source: fmt.Sprintf("synth: %d ASes, seed %d", t.ASes, t.Seed), Repairs: []string{},
	}}, nil
}

func (s *Source) readMap() (*Map, error) {
	path := s.Topology.File
	if !filepath.IsAbs(path) && !s.FromFlag("topology.file") && s.File != "" {
		path = filepath.Join(filepath.Dir(s.File), path)
	}
	f, err := asrel.Open(path)
	if err != nil {
		return nil, err
	}
	m := &Map{Graph: f.Graph, Source: result.Topology{
		Kind: "file", Source: filepath.Base(path), SHA256: hex.EncodeToString(f.SHA256[:]), Repairs: []string{},
	}}
	for n, finding := range f.Findings {
		if n == maxRepairs {
			m.Source.Repairs = append(m.Source.Repairs, fmt.Sprintf("and %d more", len(f.Findings)-n))
			break
		}
		m.Source.Repairs = append(m.Source.Repairs, finding.String())
	}
	return m, nil
}

// inlineMap builds the topology that the scenario lists.
func (s *Source) inlineMap() (*Map, error) {
	g, err := s.InlineGraph()
	if err != nil {
		return nil, err
	}
	return &Map{Graph: g, Source: result.Topology{Kind: "inline", Source: "the scenario", Repairs: []string{}}}, nil
}

func (m *Map) setPlaces(s *Source) error {
	b := topology.Extend(m.Graph)
	for n, p := range s.Topology.Places {
		if _, ok := m.Graph.Index(p.AS); !ok {
			return s.FieldError(fmt.Sprintf("topology.places[%d]", n), fmt.Sprintf("AS %v", p.AS), "an AS of the topology")
		}
		b.SetPlace(p.AS, p.Location())
	}
	g, _, err := b.Build()
	if err != nil {
		return fmt.Errorf("placing ASes: %w", err)
	}
	m.Graph = g
	return nil
}

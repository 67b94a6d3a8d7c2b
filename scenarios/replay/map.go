package replay

import "mpicsim/scenarios"

// Map is a topology with where it came from.
type Map = scenarios.Map

// Load reads or generates the topology that a scenario names.
func Load(s *scenarios.Source) (*Map, error) { return s.Map() }

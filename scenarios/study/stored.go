package study

import (
	"fmt"
	"path/filepath"
	"slices"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
)

// Open opens the results of a finished study as [result.Open] does, and compares the
// manifest with the study's text beside it, whose hash it has: the hash that stands for
// a result is that of the hijacks, and what makes numbers of them (who was drawn, how
// ties fell, which attacks there are) is in the manifest.
func Open(path string) (*result.Directory, error) {
	d, err := result.Open(path)
	if err != nil {
		return nil, err
	}
	m := &d.Manifest
	if !slices.ContainsFunc(m.Inputs, func(in result.Input) bool { return in.Role == "study" }) {
		return nil, fmt.Errorf("%s: inputs: found none with the role study, expected one", filepath.Join(path, result.ManifestName))
	}
	s, err := scenarios.ReadStudy(filepath.Join(path, result.StudyName))
	if err != nil {
		return nil, err
	}
	var attacks []string
	for _, a := range s.Attacks {
		attacks = append(attacks, a.String())
	}
	for _, f := range []struct {
		field           string
		found, expected any
	}{
		{"name", m.Name, s.Name},
		{"title", m.Title, s.Title},
		{"tie_break", m.TieBreak, s.Routing.TieBreak},
		{"seed", m.Seed, s.Routing.Seed},
		{"attacks", fmt.Sprint(m.Attacks), fmt.Sprint(attacks)},
		{"domains", m.Domains != nil, s.Victims.Domains != ""},
		{"victims", drawn(m.Victims), asked(s.Victims)},
		{"attackers", drawn(m.Attackers), asked(s.Attackers)},
		{"domains", drawnDomains(m.Domains), askedDomains(s.Victims)},
	} {
		if f.found != f.expected {
			return nil, fmt.Errorf("%s: %s: found %v, expected %v as in %s: %w",
				filepath.Join(path, result.ManifestName), f.field, f.found, f.expected, result.StudyName, result.ErrChanged)
		}
	}
	return d, nil
}

// draws is how a side was chosen, as far as a study's text says it.
type draws struct {
	how   string
	count int
	seed  uint64
}

func (d draws) String() string {
	if d.count == 0 {
		return d.how
	}
	return fmt.Sprintf("%s of %d with seed %d", d.how, d.count, d.seed)
}

func drawn(s result.Selection) draws { return draws{s.How, s.Draws, s.Seed} }

func asked(p scenarios.Population) draws {
	d := draws{count: p.Sample}
	if p.Sample > 0 {
		d.seed = p.Seed
	}
	switch {
	case p.All:
		d.how = "all"
	case p.ASes != nil:
		d.how = "list"
	case p.Domains != "":
		d = draws{how: "domains"}
	case p.Weights != "" && p.Sample > 0:
		d.how = "weighted-sample"
	case p.Weights != "":
		d.how = "weights"
	default:
		d.how = "sample"
	}
	return d
}

func drawnDomains(s *result.DomainSelection) draws {
	if s == nil {
		return draws{}
	}
	return draws{count: s.Draws, seed: s.Seed}
}

func askedDomains(p scenarios.Population) draws {
	if p.Domains == "" || p.Sample == 0 {
		return draws{}
	}
	return draws{count: p.Sample, seed: p.Seed}
}

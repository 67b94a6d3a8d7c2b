package rpki

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"mpicsim/topology"
)

// ROVScores says how much of the invalid routes that could reach it an AS was
// measured not to use: 0 none, 1 all of them. A score between the two has several
// causes, such as filtering at some borders, or a provider that filters.
//
// RoVista (Li et al., IMC 2023) measures reachability, so an AS behind filtering
// providers scores as if it filtered itself.
type ROVScores struct {
	scores map[topology.ASN]float64
	asns   []topology.ASN
}

// OpenROVScores reads the file at path. Errors name it as path.
func OpenROVScores(path string) (*ROVScores, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("ROV scores: %w", err)
	}
	defer f.Close() // opened for reading only
	return ReadROVScores(f, path)
}

// ReadROVScores reads CSV with the columns "ASN" and "rovista_score", plain or gzip,
// told apart by how it starts. Errors name it as name and are as [Read]'s; an AS with
// two scores is one.
func ReadROVScores(r io.Reader, name string) (*ROVScores, error) {
	const columnScore = "rovista_score"
	most := usualLimits()
	text, err := plain(r, most.text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t, at, err := openCSV(text, name, 0, columnASN, columnScore)
	if err != nil {
		return nil, err
	}
	s := &ROVScores{scores: map[topology.ASN]float64{}}
	var bad badFields
	err = t.rows(&bad, func(row []string, line int) error {
		asn, err := topology.ParseASN(row[at[0]])
		if err != nil {
			bad.add(name, line, columnASN, strconv.Quote(row[at[0]]), "an AS number from 1 to 4294967295")
			return nil
		}
		score, err := strconv.ParseFloat(row[at[1]], 64)
		if err != nil || math.IsNaN(score) || score < 0 || score > 1 {
			bad.add(name, line, columnScore, strconv.Quote(row[at[1]]), "a number from 0 to 1")
			return nil
		}
		if _, again := s.scores[asn]; again {
			bad.add(name, line, columnASN, fmt.Sprintf("AS %d a second time", asn), "one score for each AS")
			return nil
		}
		if len(s.asns) == most.rows {
			return fmt.Errorf("%s:%d: more than %d scores", name, line, most.rows)
		}
		s.scores[asn] = score
		s.asns = append(s.asns, asn)
		return nil
	})
	if err := errors.Join(bad.refusal(), err); err != nil {
		return nil, err
	}
	return s, nil
}

// Score returns the score of an AS, from 0 to 1, and whether it was measured.
func (s *ROVScores) Score(asn topology.ASN) (float64, bool) {
	if s == nil {
		return 0, false
	}
	score, ok := s.scores[asn]
	return score, ok
}

// Len returns the number of ASes that were measured.
func (s *ROVScores) Len() int {
	if s == nil {
		return 0
	}
	return len(s.asns)
}

// AtLeast returns the ASes whose score is at least threshold, in the order of the
// file. The analysis code of Cimaszewski et al. (USENIX Security 2023) takes an AS
// for filtering from 0.9 on.
func (s *ROVScores) AtLeast(threshold float64) []topology.ASN {
	if s == nil {
		return nil
	}
	var out []topology.ASN
	for _, asn := range s.asns {
		if s.scores[asn] >= threshold {
			out = append(out, asn)
		}
	}
	return out
}

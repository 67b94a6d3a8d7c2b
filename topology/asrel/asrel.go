// Package asrel reads and writes CAIDA AS-relationship files.
//
// Read: serial-1 (a|b|-1, a|b|0) and serial-2 (a|b|-1|source, a|b|0|source),
// where -1 makes a the provider of b and 0 makes them peers; plain, gzip or
// bzip2, told apart by their first bytes and never by a file's name. Lines that
// start with # are comments; of these the input clique and the IXP ASes are
// kept. The text is read as a stream; a bzip2 file is held in memory in its
// compressed form, so that its blocks can be decompressed side by side.
//
// Not modelled: the source field (dropped on reading, constant on writing),
// siblings, IPv6-only relationships, customer cones (the ppdc files).
//
// A line that cannot be understood refuses the file. Links that are understood
// but do not go together are repaired and reported as a [Finding].
//
// What reading costs is bounded by the length of the text, whatever is in it: a text
// of more than [MaxBytes], one that is more than a hundred times as long as
// its packed form, and one in which more than [topology.MaxFindings] links have to be
// dropped are refused. The error names the file and the bound.
//
// CAIDA's 2025-09-01 (78,643 ASes, 570,696 links) opens in 0.35 to 0.39 s from
// bzip2 and in 0.15 s from plain text, with 132 and 72 MB allocated on the way
// (five runs of each benchmark, 2026-11-23, two cores of an AMD EPYC at a load of
// about 2, Go 1.26; at a load of 3 to 5, single runs from bzip2 took up to 0.61 s).
//
// Everything here is safe for concurrent use.
package asrel

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"mpicsim/topology"
)

// File is what one file holds.
type File struct {
	// Name is how the findings name the file.
	Name string
	// Graph is the repaired topology. It has no places.
	Graph *topology.Graph
	// Findings are in the order of the lines that were dropped.
	Findings []Finding
	// Serial is 1 or 2, as the lines have three or four fields; 0 if the file
	// has no link.
	Serial int
	// Clique is the "# input clique:" comment: the ASes that CAIDA takes to be
	// at the top, in the order given; nil if there is none.
	Clique []topology.ASN
	// IXPs is the "# IXP ASes:" comment: route servers, which CAIDA removes
	// from the paths; nil if there is none.
	IXPs []topology.ASN
	// Lines and Links count the input: all lines, and the lines with a link
	// before repair.
	Lines, Links int
	// SHA256 is the hash of the input as it was given: of the compressed bytes
	// if it was compressed.
	SHA256 [sha256.Size]byte
}

// Open reads the file at path. Errors and findings name it as path.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("AS relationships: %w", err)
	}
	defer f.Close() // opened for reading only
	return Read(f, path)
}

// Read reads r to its end. Errors and findings name it as name. It returns an
// error that joins the first bad lines, each with file:line, field, what was
// found and what was expected, and says how many more there are.
func Read(r io.Reader, name string) (*File, error) {
	sum := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(r, sum), 1<<18)
	text, err := decompress(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := parser{file: &File{Name: name}}
	err = p.read(text)
	text.Close() // it stops workers; what was read has been checked
	if err != nil {
		return nil, err
	}
	// What a compressed format leaves unread belongs to the hash as well.
	if _, err := io.Copy(io.Discard, in); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	graph, findings, err := p.builder.Build()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.file.Graph = graph
	for _, f := range findings {
		p.file.Findings = append(p.file.Findings, Finding{Finding: f, File: name})
	}
	sum.Sum(p.file.SHA256[:0])
	return p.file, nil
}

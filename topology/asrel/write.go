package asrel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mpicsim/topology"
)

// ErrLonely is what Write returns for a graph with an AS that has no link: the
// format cannot express it.
var ErrLonely = errors.New("AS without a link cannot be written as AS relationships")

// Format says how to write a graph.
type Format struct {
	// Serial is 1 or 2.
	Serial int
	// Source is the fourth field of serial 2, such as "bgp". It must be empty
	// for serial 1, and for serial 2 neither empty nor with a bar or a line end.
	Source string
	// Comments are written first, each as a line behind "# "; none may hold a
	// line end.
	Comments []string
	// Clique and IXPs are written as the "# input clique:" and "# IXP ASes:"
	// comments, each if it is not empty.
	Clique, IXPs []topology.ASN
}

// Write writes the links of g, one line each, in ascending order of the first
// and then the second AS number; the first AS is the provider, or the lower one
// of two peers. The same graph and format give the same bytes. Places are not
// written.
func Write(w io.Writer, g *topology.Graph, f Format) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("write AS relationships: %w", err)
	}
	for i := range int32(g.Len()) {
		if g.Degree(i) == 0 {
			return fmt.Errorf("write AS relationships: AS %d: %w", g.ASN(i), ErrLonely)
		}
	}
	out := bufio.NewWriterSize(w, 1<<16)
	for _, c := range f.Comments {
		fmt.Fprintf(out, "# %s\n", c) // Flush returns it
	}
	writeASes(out, clique, f.Clique)
	writeASes(out, ixps, f.IXPs)
	f.links(out, g)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write AS relationships: %w", err)
	}
	return nil
}

// writeASes writes a comment that lists ASes, if there are any; out keeps the
// first error.
func writeASes(out *bufio.Writer, start string, asns []topology.ASN) {
	if len(asns) == 0 {
		return
	}
	out.WriteString(start)
	for _, asn := range asns {
		fmt.Fprintf(out, " %d", asn)
	}
	out.WriteByte('\n')
}

// links writes all links; out keeps the first error.
func (f Format) links(out *bufio.Writer, g *topology.Graph) {
	transit, peering := "|-1\n", "|0\n"
	if f.Serial == 2 {
		transit, peering = "|-1|"+f.Source+"\n", "|0|"+f.Source+"\n"
	}
	var line []byte
	put := func(a, b int32, rest string) {
		line = strconv.AppendUint(line[:0], uint64(g.ASN(a)), 10)
		line = append(line, '|')
		line = strconv.AppendUint(line, uint64(g.ASN(b)), 10)
		line = append(line, rest...)
		out.Write(line) // the caller's Flush returns it
	}
	for i := range int32(g.Len()) {
		customers, peers := g.Customers(i), g.Peers(i)
		for len(peers) > 0 && peers[0] < i {
			peers = peers[1:]
		}
		for len(customers) > 0 || len(peers) > 0 {
			if len(peers) == 0 || len(customers) > 0 && customers[0] < peers[0] {
				put(i, customers[0], transit)
				customers = customers[1:]
			} else {
				put(i, peers[0], peering)
				peers = peers[1:]
			}
		}
	}
}

func (f Format) validate() error {
	switch {
	case f.Serial != 1 && f.Serial != 2:
		return fmt.Errorf("serial %d: want 1 or 2", f.Serial)
	case f.Serial == 1 && f.Source != "":
		return fmt.Errorf("source %q: serial 1 has none", f.Source)
	case f.Serial == 2 && (f.Source == "" || strings.ContainsAny(f.Source, "|\r\n")):
		return fmt.Errorf("source %q: want a text without bar and line end, such as \"bgp\"", f.Source)
	}
	for _, c := range f.Comments {
		if strings.ContainsAny(c, "\r\n") {
			return fmt.Errorf("comment %q: want a single line", c)
		}
	}
	return nil
}

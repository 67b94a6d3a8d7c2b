package asrel

import (
	"fmt"
	"slices"
	"strings"

	"mpicsim/topology"
)

// Finding is an irregularity of the links in a file, and where it is.
type Finding struct {
	topology.Finding
	// File is the name that the file was read by.
	File string
}

// String returns "file:line: what was found; what was done", with the line of
// the link that was dropped.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %v", f.File, f.Dropped.Line, f.Finding)
}

// namedASes is how many ASes a summary names for each kind of finding.
const namedASes = 8

// Summary returns lines for people: what the file holds, how many findings of
// each kind there are, which ASes they are about and what was done. A kind
// without findings has no line.
func (f *File) Summary() string {
	var b strings.Builder
	format := "no links"
	if f.Serial > 0 {
		format = fmt.Sprintf("serial-%d", f.Serial)
	}
	fmt.Fprintf(&b, "%s: %s, %d lines, %d links: %v\n", f.Name, format, f.Lines, f.Links, f.Graph)
	for _, kind := range topology.FindingKinds() {
		var of []Finding
		for _, finding := range f.Findings {
			if finding.Kind == kind {
				of = append(of, finding)
			}
		}
		if len(of) > 0 {
			fmt.Fprintf(&b, "%s: %s: %d %s, first on line %d; ASes %s\n",
				f.Name, kind, len(of), remedy(kind), of[0].Dropped.Line, among(of))
		}
	}
	return b.String()
}

// remedy says what was done about findings of a kind.
func remedy(kind topology.FindingKind) string {
	switch kind {
	case topology.Duplicate:
		return "dropped, the first kept"
	case topology.Contradiction:
		return "dropped, the earlier relationship kept"
	case topology.SelfLink:
		return "dropped"
	case topology.Cycle:
		return "broken by dropping the last link of each"
	default:
		return "repaired"
	}
}

// among lists the ASes of findings, ascending, the first few by number.
func among(findings []Finding) string {
	var asns []topology.ASN
	for _, f := range findings {
		asns = append(asns, f.Dropped.A, f.Dropped.B)
		asns = append(asns, f.ASes...)
	}
	slices.Sort(asns)
	asns = slices.Compact(asns)
	var names []string
	for _, asn := range asns[:min(len(asns), namedASes)] {
		names = append(names, asn.String())
	}
	if more := len(asns) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

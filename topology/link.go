package topology

import (
	"fmt"
	"strings"
)

// LinkKind is the business relationship of a link.
type LinkKind uint8

// The kinds of link. With Transit the first AS is the provider of the second;
// with Peering the order means nothing.
const (
	Transit LinkKind = iota
	Peering
)

func (k LinkKind) String() string {
	if k == Transit {
		return "provider-to-customer"
	}
	return "peer-to-peer"
}

// Link is one link as it was added. Line is the line of the input that it came
// from, 0 if it came from none.
type Link struct {
	A, B ASN
	Kind LinkKind
	Line int32
}

func (l Link) String() string {
	if l.Kind == Transit {
		return fmt.Sprintf("%d provider of %d", l.A, l.B)
	}
	return fmt.Sprintf("%d peer of %d", l.A, l.B)
}

// FindingKind is what [Builder.Build] found wrong with its input.
type FindingKind uint8

// The findings. A Duplicate repeats a link exactly; a Contradiction gives a
// linked pair another relationship; a SelfLink joins an AS to itself; a Cycle
// makes an AS an indirect provider of itself, which Gao-Rexford excludes.
const (
	Duplicate FindingKind = iota
	Contradiction
	SelfLink
	Cycle
)

// FindingKinds returns all kinds in the order of their values.
func FindingKinds() []FindingKind { return []FindingKind{Duplicate, Contradiction, SelfLink, Cycle} }

func (k FindingKind) String() string {
	switch k {
	case Duplicate:
		return "duplicate link"
	case Contradiction:
		return "contradictory link"
	case SelfLink:
		return "self link"
	case Cycle:
		return "provider cycle"
	default:
		return fmt.Sprintf("FindingKind(%d)", uint8(k))
	}
}

// Finding is one irregularity that Build repaired by dropping Dropped.
// Kept is the earlier link that it repeats or contradicts; its line is 0 if it
// came from the graph that was extended. For a Cycle, ASes holds the cycle,
// each AS the provider of the next and the last of the first, and Dropped is
// the link from the last to the first.
type Finding struct {
	Kind    FindingKind
	Dropped Link
	Kept    Link
	ASes    []ASN
}

// String says what was found and what was done, without the file's name and the
// line of the dropped link.
func (f Finding) String() string {
	switch f.Kind {
	case Duplicate:
		return fmt.Sprintf("duplicate link: %v, already %s; dropped", f.Dropped, f.Kept.origin())
	case Contradiction:
		return fmt.Sprintf("contradictory link: %v, but %v %s; kept the earlier", f.Dropped, f.Kept, f.Kept.origin())
	case SelfLink:
		return fmt.Sprintf("self link: AS %d linked to itself; dropped", f.Dropped.A)
	case Cycle:
		var b strings.Builder
		for _, asn := range f.ASes {
			fmt.Fprintf(&b, "%d > ", asn)
		}
		return fmt.Sprintf("provider cycle: %s%d; dropped %v", b.String(), f.ASes[0], f.Dropped)
	default:
		return f.Kind.String()
	}
}

// origin says where a link was given.
func (l Link) origin() string {
	if l.Line > 0 {
		return fmt.Sprintf("on line %d", l.Line)
	}
	return "in the graph"
}

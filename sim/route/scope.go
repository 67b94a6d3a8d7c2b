package route

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mpicsim/topology"
)

// Classes is a set of relationships: what neighbours are to an AS. The zero
// value stands for all of them.
type Classes uint8

// The classes, to be joined with |.
const (
	ToCustomers Classes = 1 << iota
	ToPeers
	ToProviders

	allClasses = ToCustomers | ToPeers | ToProviders
)

// Has says whether neighbours of kind rel are in the set.
func (c Classes) Has(rel topology.Relationship) bool {
	if rel == topology.Own || rel > topology.Provider {
		return false
	}
	return c == 0 || c&(1<<(rel-topology.Customer)) != 0
}

// String returns the classes separated by commas: "customers,peers"; "all" for
// the zero value.
func (c Classes) String() string {
	if c == 0 {
		return "all"
	}
	var names []string
	for n, name := range [...]string{"customers", "peers", "providers"} {
		if c&(1<<n) != 0 {
			names = append(names, name)
		}
	}
	if c&^allClasses != 0 {
		names = append(names, fmt.Sprintf("Classes(%d)", uint8(c&^allClasses)))
	}
	return strings.Join(names, ",")
}

// Export says which neighbours of the announcer an announcement goes to: those
// that are in all of its three parts. The zero value is all neighbours.
type Export struct {
	// To names the only neighbours, empty for all.
	To []topology.ASN
	// Classes holds the only relationships, zero for all: with ToProviders the
	// providers of the announcer.
	Classes Classes
	// Except names neighbours that are left out.
	Except []topology.ASN
}

// Covers says whether the announcement goes to a neighbour, which is rel to the
// announcer.
func (e Export) Covers(neighbor topology.ASN, rel topology.Relationship) bool {
	return e.Classes.Has(rel) && (len(e.To) == 0 || slices.Contains(e.To, neighbor)) && !slices.Contains(e.Except, neighbor)
}

// all says whether the announcement goes to every neighbour.
func (e Export) all() bool {
	return len(e.To) == 0 && len(e.Except) == 0 && (e.Classes == 0 || e.Classes == allClasses)
}

func (e Export) equal(f Export) bool {
	return e.Classes == f.Classes && slices.Equal(e.To, f.To) && slices.Equal(e.Except, f.Except)
}

// Edge is one direction of a link: what AS says to Neighbor.
type Edge struct {
	AS, Neighbor topology.ASN
}

func (e Edge) String() string { return fmt.Sprintf("%d>%d", e.AS, e.Neighbor) }

// scoped says whether the announcement is anything but one to all neighbours,
// under the announcer's own number, that the announcer uses itself.
func (a *Announcement) scoped() bool {
	return !a.Export.all() || a.NoExport || len(a.Withhold) > 0 || a.Forwards || a.stripped()
}

// stripped says whether the announced path does not begin with the announcer.
func (a *Announcement) stripped() bool { return a.By != 0 && a.By != a.Path[0] }

// scope returns what [Announcement.String] appends, "" for a plain announcement.
func (a *Announcement) scope() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, " "+format, args...) }
	list := func(asns []topology.ASN) string { return strings.ReplaceAll(FormatPath(asns), " ", ",") }
	if a.By != 0 {
		say("by %d", a.By)
	}
	if len(a.Export.To) > 0 {
		say("to %s", list(a.Export.To))
	}
	if a.Export.Classes != 0 {
		say("to %v", a.Export.Classes)
	}
	if len(a.Export.Except) > 0 {
		say("except %s", list(a.Export.Except))
	}
	if a.NoExport {
		say("no-export")
	}
	for _, e := range a.Withhold {
		say("withhold %v", e)
	}
	if a.Forwards {
		say("forwards")
	}
	if a.OTC != 0 {
		say("otc %d", a.OTC)
	}
	return b.String()
}

// validateScope returns what is wrong with the fields beyond path and prefix.
func (a *Announcement) validateScope() error {
	switch {
	case a.Export.Classes&^allClasses != 0:
		return fmt.Errorf("export classes %v: want customers, peers, providers", a.Export.Classes)
	case slices.Contains(a.Export.To, 0), slices.Contains(a.Export.Except, 0):
		return errors.New("export names AS number 0, which is reserved (RFC 7607)")
	}
	for _, e := range a.Withhold {
		if e.AS == 0 || e.Neighbor == 0 {
			return fmt.Errorf("withhold %v names AS number 0, which is reserved (RFC 7607)", e)
		}
	}
	return nil
}

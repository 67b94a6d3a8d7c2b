package route

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mpicsim/topology"
)

// MaxAnnouncedPath is the greatest number of AS numbers in an announced path:
// as many as one AS_SEQUENCE segment holds (RFC 4271 4.3).
const MaxAnnouncedPath = 255

// MaxAnnouncements is the greatest number of announcements for one prefix.
const MaxAnnouncements = 1<<annBits - 1

// ErrUnknownAS is wrapped by the error for an announcer that the topology does
// not hold.
var ErrUnknownAS = errors.New("not in the topology")

// Announcement is one prefix announced by one AS: to all its neighbours, unless
// the fields from Export on say otherwise.
type Announcement struct {
	// Prefix has no bits set beyond its length and is not IPv4-mapped.
	Prefix netip.Prefix
	// Path is the AS path as announced: announcer first, origin last. A number
	// that is repeated is prepended, and {272133, 9916} is AS 272133 with the
	// forged origin 9916. Numbers behind the first need not be in the topology.
	Path []topology.ASN
	// By is the announcer if Path does not begin with it, so that neighbours see a
	// path without the number of the AS that they have it from (RFC 4271 6.3 lets
	// them refuse it, [Policy].FirstAS); else 0.
	By topology.ASN
	// Attacker says which side the announcement belongs to. It matters to
	// TieBreakAttacker and TieBreakVictim only.
	Attacker bool
	// Export says which neighbours hear of it. An AS may make several announcements
	// for one prefix; of those that go to a neighbour it says the best: the shortest,
	// then that of the preferred side, then the earliest.
	Export Export
	// NoExport tells the neighbours to keep the route to themselves (the community
	// NO_EXPORT, RFC 1997).
	NoExport bool
	// Withhold names ASes that hold the route and do not pass it to a neighbour,
	// which is what an action community asks of them.
	Withhold []Edge
	// Forwards: the announcer says so and does not mean itself. Its own best route
	// is what it would be without the announcement, with paths that hold its number
	// and routes that go back to the announcement rejected, and it sends on by that
	// what others send it: a route leak or an interception. Neighbours that the
	// announcement does not go to hear of its best route as usual.
	Forwards bool
	// OTC is the value of the Only to Customers attribute (RFC 9234) that the
	// announcement carries, 0 for none.
	OTC topology.ASN
}

// Announcer returns the AS that announces, 0 if the path is empty.
func (a Announcement) Announcer() topology.ASN {
	if a.By != 0 {
		return a.By
	}
	if len(a.Path) == 0 {
		return 0
	}
	return a.Path[0]
}

// Origin returns the AS that the path names as the origin, forged or not; 0 if
// the path is empty.
func (a Announcement) Origin() topology.ASN {
	if len(a.Path) == 0 {
		return 0
	}
	return a.Path[len(a.Path)-1]
}

// String returns the form that [ParseAnnouncement] reads, "272133 9916=203.0.113.0/24",
// followed, unless it is announced to all in the plain way, by what is special:
// "666 2 777=203.0.113.0/24 to peers,providers except 5 forwards otc 2".
func (a Announcement) String() string {
	return FormatPath(a.Path) + "=" + a.Prefix.String() + a.scope()
}

// FormatPath returns the AS numbers of a path separated by single spaces.
func FormatPath(path []topology.ASN) string { return string(AppendPath(nil, path)) }

// AppendPath appends what [FormatPath] returns to b.
func AppendPath(b []byte, path []topology.ASN) []byte {
	for n, asn := range path {
		if n > 0 {
			b = append(b, ' ')
		}
		b = append(b, asn.String()...)
	}
	return b
}

// Equal says whether all fields are equal, lists in the same order.
func (a Announcement) Equal(b Announcement) bool {
	return a.Prefix == b.Prefix && a.Attacker == b.Attacker && slices.Equal(a.Path, b.Path) && a.By == b.By &&
		a.Export.equal(b.Export) && a.NoExport == b.NoExport && slices.Equal(a.Withhold, b.Withhold) &&
		a.Forwards == b.Forwards && a.OTC == b.OTC
}

// Validate returns an error that says what is wrong with the announcement by
// itself. What does not fit the topology is found by [Engine.Propagate].
func (a Announcement) Validate() error {
	switch {
	case len(a.Path) == 0:
		return errors.New("AS path is empty: want the announcer first, the origin last")
	case len(a.Path) > MaxAnnouncedPath:
		return fmt.Errorf("AS path of %d numbers: want at most %d", len(a.Path), MaxAnnouncedPath)
	case slices.Contains(a.Path, 0):
		return errors.New("AS path holds AS number 0, which is reserved (RFC 7607)")
	case !a.Prefix.IsValid():
		return errors.New("prefix is missing or invalid")
	case a.Prefix.Addr().Is4In6():
		return fmt.Errorf("prefix %v is IPv4-mapped: want an IPv4 or an IPv6 prefix", a.Prefix)
	case a.Prefix != a.Prefix.Masked():
		return fmt.Errorf("prefix %v has bits set beyond its length: want %v", a.Prefix, a.Prefix.Masked())
	}
	return a.validateScope()
}

// ParseAnnouncement reads "PATH=PREFIX", where PATH is AS numbers separated by
// spaces, announcer first and origin last: "9916=203.0.113.0/24", or
// "272133 9916=203.0.113.0/24" for a forged origin. The result is valid and its
// Attacker is false.
func ParseAnnouncement(s string) (Announcement, error) {
	path, prefix, ok := strings.Cut(s, "=")
	if !ok {
		return Announcement{}, fmt.Errorf(`announcement %q: want "AS PATH=PREFIX", such as "9916=203.0.113.0/24"`, s)
	}
	var a Announcement
	for field := range strings.FieldsSeq(path) {
		asn, err := topology.ParseASN(field)
		if err != nil {
			return Announcement{}, fmt.Errorf("announcement %q: AS path: %w", s, err)
		}
		a.Path = append(a.Path, asn)
	}
	var err error
	if a.Prefix, err = netip.ParsePrefix(strings.TrimSpace(prefix)); err != nil {
		return Announcement{}, fmt.Errorf("announcement %q: prefix %q: want an address and a length, such as 203.0.113.0/24", s, prefix)
	}
	if err := a.Validate(); err != nil {
		return Announcement{}, fmt.Errorf("announcement %q: %w", s, err)
	}
	return a, nil
}

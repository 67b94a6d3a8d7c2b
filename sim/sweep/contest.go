package sweep

import (
	"fmt"
	"net/netip"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Contest is a victim's side of a sweep.
type Contest struct {
	// Victim is a graph index.
	Victim int32
	// Length is how many AS numbers the victim announces, all its own: 1 without
	// prepending.
	Length int
	// Prefix is what victim and attackers announce. It matters to policies only; the
	// zero value is a prefix that nothing is said about, 0.0.0.0/0.
	Prefix netip.Prefix
}

// Shape is what all attackers of a set announce.
type Shape struct {
	// Length is how many AS numbers the path has: 1 for the attacker alone, 2 for a
	// forged origin without prepending.
	Length int
	// ForgedOrigin says that the last number is the victim's and only the others are
	// the attacker's.
	ForgedOrigin bool
}

func (s Shape) check() error {
	least := 1
	if s.ForgedOrigin {
		least = 2
	}
	if s.Length < least || s.Length > route.MaxAnnouncedPath {
		return fmt.Errorf("sweep: attackers' path length %d: want %d to %d", s.Length, least, route.MaxAnnouncedPath)
	}
	return nil
}

// prefix returns the prefix to announce.
func (c *Contest) prefix() netip.Prefix {
	if c.Prefix.IsValid() {
		return c.Prefix
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

func (c *Contest) check(g *topology.Graph) error {
	switch {
	case c.Victim < 0 || int(c.Victim) >= g.Len():
		return fmt.Errorf("sweep: victim: index %d: want 0 to %d", c.Victim, g.Len()-1)
	case c.Length < 1 || c.Length > route.MaxAnnouncedPath:
		return fmt.Errorf("sweep: victim's path length %d: want 1 to %d", c.Length, route.MaxAnnouncedPath)
	case c.Prefix != netip.Prefix{} && (!c.Prefix.IsValid() || c.Prefix != c.Prefix.Masked() || c.Prefix.Addr().Is4In6()):
		return fmt.Errorf("sweep: prefix %v: want one without bits beyond its length", c.Prefix)
	}
	return nil
}

// announcements returns what victim and attacker announce.
func (c *Contest) announcements(g *topology.Graph, s Shape, attacker int32) []route.Announcement {
	v, a := g.ASN(c.Victim), g.ASN(attacker)
	forged := repeat(a, s.Length)
	if s.ForgedOrigin {
		forged[s.Length-1] = v
	}
	return []route.Announcement{
		{Prefix: c.prefix(), Path: repeat(v, c.Length)},
		{Prefix: c.prefix(), Path: forged, Attacker: true},
	}
}

func repeat(as topology.ASN, n int) []topology.ASN {
	path := make([]topology.ASN, n)
	for i := range path {
		path[i] = as
	}
	return path
}

// treatment is what policies make of a hijack.
type treatment struct {
	influence route.Influence
	// invalid are the sides whose announcements origin validation finds invalid; all
	// valid unless influence is InfluenceOrigin.
	victimInvalid, attackerInvalid bool
}

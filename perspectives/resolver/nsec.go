package resolver

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// nsec is one NSEC record: nothing lies between owner and next in the canonical
// order of names (RFC 4034 4).
type nsec struct {
	owner, next domain
	types       []uint16
}

// nsecOf reads a record of zone. ok is false if its names do not lie there, or if
// it claims the end of the zone without pointing back to the apex.
func nsecOf(rr *dns.NSEC, zone domain) (n nsec, ok bool) {
	owner, okOwner := domainOf(rr.Hdr.Name)
	next, okNext := domainOf(rr.NextDomain)
	if !okOwner || !okNext || !owner.below(zone) || !next.below(zone) {
		return nsec{}, false
	}
	if owner.compare(next) >= 0 && !slices.Equal(next, zone) {
		return nsec{}, false
	}
	return nsec{owner, next, rr.TypeBitMap}, true
}

// covers says whether the record proves that there are no records at name. name
// may still exist as an empty non-terminal.
func (n nsec) covers(name domain) bool {
	if n.owner.compare(name) >= 0 || name.below(n.owner) && hides(n.types) {
		return false
	}
	// The last record of the zone points back to its apex.
	return name.compare(n.next) < 0 || n.owner.compare(n.next) >= 0
}

// encloser returns how many labels the closest encloser of a covered name has:
// the longest name above it that exists, or the name itself if it is an empty
// non-terminal.
func (n nsec) encloser(name domain) int { return max(name.common(n.owner), name.common(n.next)) }

// covering returns the record that covers name, if it lies in the zone.
func (d *denial) covering(name domain) (nsec, bool) {
	if !name.below(d.zone) {
		return nsec{}, false
	}
	i := slices.IndexFunc(d.nsec, func(n nsec) bool { return n.covers(name) })
	if i < 0 {
		return nsec{}, false
	}
	return d.nsec[i], true
}

func (d *denial) nsecNameError(name domain) error {
	cover, ok := d.covering(name)
	if !ok {
		return fmt.Errorf("%w: no nsec record covers the name", errUnproven)
	}
	labels := cover.encloser(name)
	if labels == len(name) {
		return fmt.Errorf("%w: the name is an empty non-terminal", errUnproven)
	}
	wild := name[:labels].wildcard()
	cover, ok = d.covering(wild)
	if !ok || cover.encloser(wild) == len(wild) { // a wildcard can be an empty non-terminal, too
		return fmt.Errorf("%w: no nsec record denies the wildcard", errUnproven)
	}
	return nil
}

func (d *denial) nsecNoData(name domain, qtype uint16) error {
	for _, n := range d.nsec {
		if slices.Equal(n.owner, name) {
			if lacks(n.types, name, qtype) {
				return nil
			}
			return fmt.Errorf("%w: the nsec record at the name has the type", errUnproven)
		}
	}
	cover, ok := d.covering(name)
	if !ok {
		return fmt.Errorf("%w: no nsec record matches or covers the name", errUnproven)
	}
	labels := cover.encloser(name)
	if labels == len(name) {
		return nil // an empty non-terminal has no types
	}
	wild := name[:labels].wildcard()
	for _, n := range d.nsec {
		if slices.Equal(n.owner, wild) && lacks(n.types, wild, qtype) {
			return nil
		}
	}
	if cover, ok := d.covering(wild); ok && cover.encloser(wild) == len(wild) {
		return nil // the wildcard is an empty non-terminal
	}
	return fmt.Errorf("%w: no nsec record denies the type at the wildcard", errUnproven)
}

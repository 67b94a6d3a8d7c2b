package names

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// denial proves what a signed zone does not hold. Names are keys; the encloser
// is the closest ancestor of name that exists. The RRsets are NSEC or NSEC3
// with their signatures, some perhaps twice.
type denial interface {
	// noData proves that an existing name, perhaps an empty non-terminal, or one
	// that an opt-out leaves open, has no records of the type that was asked for.
	noData(name string) []*rrset
	// noCloser proves that neither the name nor anything between it and the
	// encloser exists: what a wildcard's answer needs beside it.
	noCloser(name, encloser string) []*rrset
	// nameError proves that neither name nor the encloser's wildcard exists.
	nameError(name, encloser string) []*rrset
	// wildcardNoData proves that the wildcard at encloser stands for name and
	// lacks the type.
	wildcardNoData(name, encloser string) []*rrset
	// sets returns the RRsets that are not at a node of the zone.
	sets() []*rrset
}

// link is one record of a chain. Links are sorted by position.
type link struct {
	position string
	set      *rrset
}

// covering returns the link at a position, or else the one before it; the chain
// is a ring.
func covering(chain []link, position string) (set *rrset, exact bool) {
	i, exact := slices.BinarySearchFunc(chain, position, func(l link, p string) int { return strings.Compare(l.position, p) })
	if !exact {
		i = (i + len(chain) - 1) % len(chain)
	}
	return chain[i].set, exact
}

// nsecChain is the ring of NSEC records (RFC 4034 4), sorted canonically.
type nsecChain struct{ links []link }

func (c *nsecChain) sets() []*rrset { return nil }

// at returns the record of name, or the one that covers it.
func (c *nsecChain) at(name string) *rrset {
	set, _ := covering(c.links, canonical(name))
	return set
}

// noData is RFC 4035 3.1.3.1. An empty non-terminal is covered by the record
// whose next name lies below it.
func (c *nsecChain) noData(name string) []*rrset { return []*rrset{c.at(name)} }

// noCloser is RFC 4035 3.1.3.3.
func (c *nsecChain) noCloser(name, _ string) []*rrset { return []*rrset{c.at(name)} }

// nameError is RFC 4035 3.1.3.2.
func (c *nsecChain) nameError(name, encloser string) []*rrset {
	return []*rrset{c.at(name), c.at(child("*", encloser))}
}

// wildcardNoData is RFC 4035 3.1.3.4.
func (c *nsecChain) wildcardNoData(name, encloser string) []*rrset {
	return []*rrset{c.at(name), c.at(child("*", encloser))}
}

// nsec adds an NSEC record to each name that has records of its own or is
// delegated. The function that it returns gives the chain once all is signed.
func (s *zoneSigner) nsec() (func() (denial, error), error) {
	z := s.zone
	var owners []string
	for _, owner := range z.owners() {
		if cut := z.cutAbove(owner); len(z.nodes[owner].sets) > 0 && (cut == "" || cut == owner) {
			owners = append(owners, owner)
		}
	}
	for i, owner := range owners {
		rr := &dns.NSEC{
			Hdr:        dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: s.denyTTL},
			NextDomain: owners[(i+1)%len(owners)],
			TypeBitMap: s.bitmap(owner, dns.TypeRRSIG, dns.TypeNSEC),
		}
		if err := z.add(record{rr: rr, file: "signing of zone " + z.origin}); err != nil {
			return nil, err
		}
	}
	return func() (denial, error) {
		c := &nsecChain{}
		for _, owner := range owners {
			c.links = append(c.links, link{canonical(owner), z.nodes[owner].rrset(dns.TypeNSEC)})
		}
		return c, nil
	}, nil
}

// bitmap returns the types that a denial record lists for a name: at a zone cut
// only those that the zone has the last word on, and NS (RFC 4035 2.3). The
// types of signing come on top.
func (s *zoneSigner) bitmap(owner string, signing ...uint16) []uint16 {
	atCut := s.zone.cutAbove(owner) == owner
	types := signing
	for _, set := range s.zone.nodes[owner].sets {
		if !atCut || set.rtype == dns.TypeNS || set.rtype == dns.TypeDS {
			types = append(types, set.rtype)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// nsec3Chain is the ring of NSEC3 records (RFC 5155), sorted by hash.
type nsec3Chain struct {
	links      []link
	iterations uint16
	salt       string // hexadecimal
	apex       string
}

func (c *nsec3Chain) sets() []*rrset {
	var out []*rrset
	for _, l := range c.links {
		out = append(out, l.set)
	}
	return out
}

func (c *nsec3Chain) hash(name string) string {
	return dns.HashName(name, dns.SHA1, c.iterations, c.salt)
}

// at returns the record that matches name, or else the one that covers it.
func (c *nsec3Chain) at(name string) (set *rrset, exact bool) { return covering(c.links, c.hash(name)) }

// noData is RFC 5155 7.2.3; a name without a record of its own is an unsigned
// delegation in an opt-out span (7.2.4, 7.2.7).
func (c *nsec3Chain) noData(name string) []*rrset {
	set, exact := c.at(name)
	if exact {
		return []*rrset{set}
	}
	encloser := parent(name)
	for {
		if _, exact := c.at(encloser); exact || encloser == c.apex {
			return c.closestEncloser(name, encloser)
		}
		encloser = parent(encloser)
	}
}

// closestEncloser is RFC 5155 7.2.1: the encloser exists, the next closer name
// does not.
func (c *nsec3Chain) closestEncloser(name, encloser string) []*rrset {
	set, _ := c.at(encloser)
	return append([]*rrset{set}, c.noCloser(name, encloser)...)
}

// noCloser is RFC 5155 7.2.6: the next closer name does not exist.
func (c *nsec3Chain) noCloser(name, encloser string) []*rrset {
	for up := parent(name); up != encloser; up = parent(name) {
		name = up
	}
	set, _ := c.at(name)
	return []*rrset{set}
}

// nameError is RFC 5155 7.2.2.
func (c *nsec3Chain) nameError(name, encloser string) []*rrset {
	return c.wildcardNoData(name, encloser)
}

// wildcardNoData is RFC 5155 7.2.5; the last record matches the wildcard, where
// that of a name error covers it.
func (c *nsec3Chain) wildcardNoData(name, encloser string) []*rrset {
	set, _ := c.at(child("*", encloser))
	return append(c.closestEncloser(name, encloser), set)
}

// nsec3 hashes the names. The function that it returns signs the records and
// gives the chain.
func (s *zoneSigner) nsec3() (func() (denial, error), error) {
	z, p := s.zone, s.keys.spec.NSEC3
	c := &nsec3Chain{iterations: p.Iterations, salt: strings.ToUpper(hex.EncodeToString(p.Salt)), apex: z.apex}
	var flags uint8
	if p.OptOut {
		flags = 1
	}
	for _, owner := range z.owners() {
		cut := z.cutAbove(owner)
		n := z.nodes[owner]
		if cut != "" && (cut != owner || p.OptOut && n.set(dns.TypeDS) == nil) {
			continue
		}
		var signing []uint16
		if len(n.sets) > 0 && (cut == "" || n.set(dns.TypeDS) != nil) {
			signing = append(signing, dns.TypeRRSIG)
		}
		hash := c.hash(owner)
		c.links = append(c.links, link{hash, &rrset{rtype: dns.TypeNSEC3, rrs: []dns.RR{&dns.NSEC3{
			Hdr:  dns.RR_Header{Name: child(strings.ToLower(hash), z.apex), Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: s.denyTTL},
			Hash: dns.SHA1, Flags: flags, Iterations: c.iterations, SaltLength: uint8(len(p.Salt)), Salt: c.salt,
			HashLength: 20, TypeBitMap: s.bitmap(owner, signing...),
		}}}})
	}
	slices.SortFunc(c.links, func(a, b link) int { return strings.Compare(a.position, b.position) })
	for i, l := range c.links {
		next := c.links[(i+1)%len(c.links)].position
		if next == l.position && len(c.links) > 1 {
			return nil, fmt.Errorf("two names have the NSEC3 hash %s; take another salt", next)
		}
		rr := l.set.rrs[0].(*dns.NSEC3)
		if _, err := absolute(rr.Hdr.Name); err != nil {
			return nil, fmt.Errorf("NSEC3 record: %w", err)
		}
		rr.NextDomain = next
	}
	return func() (denial, error) {
		for _, l := range c.links {
			if err := s.signSet(key(l.set.rrs[0].Header().Name), l.set); err != nil {
				return nil, err
			}
		}
		return c, nil
	}, nil
}

package resolver

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// serverSet is the name servers of a zone. Their addresses come from the first of
// these sources that has one that works:
//
//  1. the glue of the referral,
//  2. for servers without glue, their own A and AAAA records,
//  3. the glue that other referrals of the session had for them, and the own records
//     of servers with glue, since glue may be stale or of a family that does not work
//     here; last, the servers that only the zone itself names.
type serverSet struct {
	endpoints []*endpoint // no address twice
	names     []string    // as delegated, no more than the limit
	// glueless are the address lookups of servers without glue.
	glueless []question
	// spare are the lookups of the last resort; glue that was not used comes before.
	spare     []question
	glueTaken bool
	// useful is set if some server gave a usable reply.
	useful bool
	// located are the servers with an address, lost those for which a lookup failed.
	located, lost []string
	// left says that there are servers, or addresses of them, beyond a limit.
	left bool
}

// add adds an address of a server.
func (s *serverSet) add(name string, e *endpoint) {
	if !slices.Contains(s.located, name) {
		s.located = append(s.located, name)
	}
	if !slices.Contains(s.endpoints, e) {
		s.endpoints = append(s.endpoints, e)
	}
}

// serversOf returns the servers that a referral names, within the limits, and
// remembers their glue.
func (s *Session) serversOf(d *delegation) serverSet {
	limits := s.r.limits
	out := serverSet{names: d.servers[:min(len(d.servers), limits.NameServers)]}
	out.left = len(d.servers) > len(out.names)
	addresses := make(map[string]int, len(out.names))
	for _, g := range d.glue {
		switch {
		case !slices.Contains(out.names, g.server):
			continue
		case addresses[g.server] >= limits.Addresses:
			out.left = true
			continue
		}
		addresses[g.server]++
		out.add(g.server, s.endpoint(netip.AddrPortFrom(g.addr, s.r.port)))
		if known := s.glue[g.server]; len(known) < limits.Addresses && !slices.Contains(known, g.addr) {
			s.glue[g.server] = append(known, g.addr)
		}
	}
	var without, with []string
	for _, name := range out.names {
		switch {
		case addresses[name] > 0:
			with = append(with, name)
		case len(without) < limits.Glueless:
			without = append(without, name)
		default:
			out.left = true
		}
	}
	out.glueless = addressesOf(without)
	out.spare = addressesOf(with[:min(len(with), limits.Glueless)])
	return out
}

// addressesOf returns the questions for the addresses of names.
func addressesOf(names []string) []question {
	var out []question
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		for _, name := range names {
			out = append(out, question{name, qtype})
		}
	}
	return out
}

// hear takes in whom a reply of the zone itself, m, names as its servers.
func (z *zone) hear(m *dns.Msg, limits Limits) {
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			ns, ok := rr.(*dns.NS)
			if !ok || ns.Hdr.Name != z.name {
				continue
			}
			name := dns.CanonicalName(ns.Ns)
			if len(z.names) < limits.NameServers && len(z.spare) < 2*limits.Glueless && !slices.Contains(z.names, name) {
				z.names = append(z.names, name)
				z.spare = append(z.spare, addressesOf([]string{name})...)
			}
		}
	}
}

// next returns the server to ask after those that were tried, nil if there is none:
// first those believed up, then those whose address must be looked up, then those
// that were silent or unreachable earlier in the session, then those of the last
// resort.
func (l *lookup) next(ctx context.Context, p *poll, depth int) *endpoint {
	z := p.zone
	for {
		var down *endpoint
		for _, e := range z.endpoints {
			switch {
			case slices.Contains(p.tried, e):
			case !e.down:
				return e
			case down == nil && !l.lastResort:
				down = e
			}
		}
		switch {
		case l.fatal(ctx):
			return down
		case len(z.glueless) > 0:
			q := z.glueless[0]
			// Removed first, so that name servers that depend on each other come to an end.
			z.glueless = z.glueless[1:]
			if err := l.locate(ctx, z, q, depth); err != nil {
				p.failed.add(err)
				z.lose(q.name)
			}
		case down != nil:
			return down
		case !l.resort(ctx, p, depth):
			return nil
		}
	}
}

func (s *serverSet) lose(name string) {
	if !slices.Contains(s.lost, name) {
		s.lost = append(s.lost, name)
	}
}

// locate looks up a server of z.
func (l *lookup) locate(ctx context.Context, z *zone, q question, depth int) error {
	if depth >= l.r.limits.Depth {
		return fmt.Errorf("name server %s: %w: nested more than %d deep", q.name, ErrLimit, l.r.limits.Depth)
	}
	if within(z.name, q.name) && !z.useful && z.parent != nil {
		return l.locateAbove(ctx, z, q, depth)
	}
	a, err := l.follow(ctx, q, depth+1)
	if err != nil {
		return fmt.Errorf("name server %s %s: %w", q.name, typeName(q.qtype), err)
	}
	z.left = z.left || len(a.Records) > l.r.limits.Addresses
	for _, rr := range a.Records[:min(len(a.Records), l.r.limits.Addresses)] {
		if addr, ok := addressOf(rr); ok {
			z.add(q.name, l.s.endpoint(netip.AddrPortFrom(addr, l.r.port)))
		}
	}
	return nil
}

// locateAbove asks the servers of the zone above z, none of whose servers is known,
// for a server in z: for the glue that their referral lacked.
func (l *lookup) locateAbove(ctx context.Context, z *zone, q question, depth int) error {
	rep, err := l.askZone(ctx, z.parent, query{q, minimised}, depth+1)
	if err != nil {
		return fmt.Errorf("name server %s %s: %w", q.name, typeName(q.qtype), err)
	}
	var addrs []netip.Addr
	for _, rr := range rep.records {
		if addr, ok := addressOf(rr); ok {
			addrs = append(addrs, addr)
		}
	}
	if rep.kind == referral {
		for _, g := range rep.delegation.glue {
			if g.server == q.name {
				addrs = append(addrs, g.addr)
			}
		}
	}
	z.left = z.left || len(addrs) > l.r.limits.Addresses
	for _, addr := range addrs[:min(len(addrs), l.r.limits.Addresses)] {
		z.add(q.name, l.s.endpoint(netip.AddrPortFrom(addr, l.r.port)))
	}
	return nil
}

// resort takes the next step of the last resort. It returns false if there is none:
// it is for questions that matter, and not for those that it asks itself. What fails
// on the way is no reason of its own for the failure of the lookup.
func (l *lookup) resort(ctx context.Context, p *poll, depth int) bool {
	z := p.zone
	if l.lastResort || p.query.purpose == minimised || p.settled() || depth >= l.r.limits.Depth {
		return false
	}
	if !z.glueTaken {
		z.glueTaken = true
		for _, name := range z.names {
			for _, addr := range l.s.glue[name] {
				z.add(name, l.s.endpoint(netip.AddrPortFrom(addr, l.r.port)))
			}
		}
		return true
	}
	for len(z.spare) > 0 {
		q := z.spare[0]
		z.spare = z.spare[1:]
		if within(z.name, q.name) && !z.useful {
			continue // those that would know are those that failed
		}
		l.lastResort = true
		err := l.locate(ctx, z, q, depth)
		l.lastResort = false
		if err != nil {
			p.failed.add(fmt.Errorf("%w: %v", ErrNoServers, err)) //nolint:errorlint // see above
		}
		return true
	}
	return false
}

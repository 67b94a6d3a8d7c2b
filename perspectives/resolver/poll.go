package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
)

// poll is a question under way among the servers of a zone.
type poll struct {
	zone   *zone
	query  query
	failed *failures
	tried  []*endpoint
	// silent are those to ask once more.
	silent []*endpoint
	// missing is how many servers were silent or could not be reached so far.
	missing int
	// hearsay is the first word of a recursive server, nil if there is none.
	hearsay *reply
	// denial is a weak denial, nil if there is none.
	denial *reply
	// dissent is how many servers have given anything else so far, or nothing.
	dissent int
}

// askZone asks the servers of z one after the other until one gives a usable
// reply. Servers that stayed silent are asked again after all others. A weak denial
// is the reply if no server gives anything else.
func (l *lookup) askZone(ctx context.Context, z *zone, q query, depth int) (reply, error) {
	p := &poll{zone: z, query: q, failed: &failures{zone: z.name}}
	for e := l.next(ctx, p, depth); e != nil; e = l.next(ctx, p, depth) {
		p.tried = append(p.tried, e)
		rep, err := l.askServer(ctx, z, e, q, depth)
		switch {
		case err == nil && rep.hearsay:
			p.heard(e, rep)
			continue
		case err == nil && rep.weak == "":
			return rep, nil
		case err == nil:
			p.denied(e, rep)
			continue
		case e.down && errors.Is(err, ErrTimeout):
			p.silent = append(p.silent, e)
		}
		p.failed.add(err)
		if !l.unreachableFamily(e, err) {
			p.dissent++
			if e.down {
				p.missing++
			}
		}
		if l.hopeless(ctx, z, q, p.failed) {
			return reply{}, p.failed
		}
	}
	rounds := l.r.limits.Tries - 1
	switch {
	case q.purpose == minimised || l.lastResort:
		rounds = 0
	case q.purpose == again:
		rounds--
	}
	for range rounds {
		if rep, err, done := l.askSilent(ctx, p, depth); done {
			return rep, err
		}
	}
	switch {
	case l.fatal(ctx):
	case p.settled():
		return *p.denial, nil
	case p.hearsay != nil && p.missing == 0: // a server that is down may have something else to say
		return *p.hearsay, nil
	case z.left && q.purpose <= again:
		p.failed.add(fmt.Errorf("%w: more name servers or addresses than are asked", ErrLimit))
	}
	return reply{}, p.failed
}

// askSilent asks the servers that stayed silent once more.
func (l *lookup) askSilent(ctx context.Context, p *poll, depth int) (rep reply, err error, done bool) {
	for _, e := range slices.Clone(p.silent) {
		rep, err := l.askServer(ctx, p.zone, e, p.query, depth)
		switch {
		case err == nil && rep.hearsay:
			p.heard(e, rep)
			p.missing--
			p.silent = slices.DeleteFunc(p.silent, func(s *endpoint) bool { return s == e })
		case err == nil && rep.weak == "":
			return rep, nil, true
		case err == nil:
			p.denied(e, rep)
			p.dissent--
			p.missing--
			p.silent = slices.DeleteFunc(p.silent, func(s *endpoint) bool { return s == e })
		case l.fatal(ctx):
			p.failed.add(err)
			return reply{}, p.failed, true
		}
	}
	return reply{}, nil, false
}

// heard takes in the word of a recursive server.
func (p *poll) heard(e *endpoint, rep reply) {
	if p.hearsay == nil {
		p.hearsay = &rep
	}
	p.dissent++
	p.failed.add(fmt.Errorf("server %v: %w", e.addr, errRecursive))
}

// denied takes in a weak denial. Of NXDOMAIN and NODATA the latter says less.
func (p *poll) denied(e *endpoint, rep reply) {
	if p.denial == nil || rep.rcode < p.denial.rcode {
		p.denial = &rep
	}
	p.failed.add(fmt.Errorf("server %v: %w: %s", e.addr, ErrLame, rep.weak))
}

// settled reports whether the servers that were asked agree on a weak denial, and
// none is left out because of a limit or because its address could not be found.
func (p *poll) settled() bool {
	if p.denial == nil || p.dissent > 0 || p.zone.left {
		return false
	}
	return !slices.ContainsFunc(p.zone.lost, func(name string) bool { return !slices.Contains(p.zone.located, name) })
}

// unreachableFamily reports whether err says no more than that nothing of the family
// of e's address, IPv4 or IPv6, can be reached from here: a perspective without IPv6
// is not to be kept from agreeing with the servers that it can ask. A host that refuses
// was reached.
func (l *lookup) unreachableFamily(e *endpoint, err error) bool {
	return e.down && errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrTimeout) && !errors.Is(err, syscall.ECONNREFUSED) &&
		!l.s.reached[e.addr.Addr().Is4()]
}

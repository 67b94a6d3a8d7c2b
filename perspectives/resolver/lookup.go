package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
)

// question is what is asked, the name in canonical form.
type question struct {
	name  string
	qtype uint16
}

// lookup is one call of Session.Lookup with its budget, nested lookups of name
// servers' addresses included.
type lookup struct {
	s       *Session
	r       *Resolver
	queries int // messages that may still be sent
	trace   []perspectives.Evidence
}

func (l *lookup) start(ctx context.Context, name string, qtype uint16) (*Answer, error) {
	if _, ok := dns.IsDomainName(name); !ok {
		return nil, fmt.Errorf("%w: %q", ErrName, name)
	}
	return l.follow(ctx, question{dns.CanonicalName(name), qtype}, 0)
}

// fatal says whether no further query of this lookup can succeed.
func (l *lookup) fatal(ctx context.Context) bool { return l.queries <= 0 || ctx.Err() != nil }

// follow resolves q and the aliases that it leads to. depth counts how many
// lookups of name servers' addresses it is nested in.
func (l *lookup) follow(ctx context.Context, q question, depth int) (*Answer, error) {
	a := &Answer{}
	chain := []string{q.name}
	for {
		rep, err := l.iterate(ctx, q, depth)
		if err != nil {
			return nil, err
		}
		for _, target := range rep.cnames {
			if slices.Contains(chain, target) {
				return nil, fmt.Errorf("%w: %s leads back to %s", ErrLoop, chain[len(chain)-1], target)
			}
			chain = append(chain, target)
		}
		a.CNAMEs = chain[1:]
		if len(a.CNAMEs) > l.r.limits.CNAMEs {
			return nil, fmt.Errorf("%w: more than %d aliases from %s", ErrLimit, l.r.limits.CNAMEs, chain[0])
		}
		if rep.kind != aliased {
			a.Records, a.Rcode, a.Server, a.Zone = rep.records, rep.rcode, rep.server, rep.zone
			return a, nil
		}
		q.name = chain[len(chain)-1]
	}
}

// iterate asks for q from the deepest zone known downwards until a server says
// something other than "ask those".
func (l *lookup) iterate(ctx context.Context, q question, depth int) (reply, error) {
	z := l.s.closest(q.name)
	for range l.r.limits.Delegations + 1 {
		rep, err := l.askZone(ctx, z, q, depth)
		if err != nil || rep.kind != referral {
			return rep, err
		}
		z = l.s.learn(rep.delegation)
	}
	return reply{}, fmt.Errorf("%w: more than %d referrals for %s", ErrLimit, l.r.limits.Delegations, q.name)
}

// askZone asks the servers of z one after the other until one gives a usable
// reply. Servers that stayed silent are asked again after all others.
func (l *lookup) askZone(ctx context.Context, z *zone, q question, depth int) (reply, error) {
	failed := &failures{zone: z.name}
	var tried, silent []*endpoint
	for {
		e := l.next(ctx, z, tried, depth, failed)
		if e == nil {
			break
		}
		tried = append(tried, e)
		rep, err := l.askServer(ctx, z, e, q)
		if err == nil {
			return rep, nil
		}
		failed.add(err)
		if l.fatal(ctx) {
			return reply{}, failed
		}
		if errors.Is(err, ErrTimeout) {
			silent = append(silent, e)
		}
	}
	for range l.r.limits.Tries - 1 {
		for _, e := range silent {
			rep, err := l.askServer(ctx, z, e, q)
			if err == nil {
				return rep, nil
			}
			if l.fatal(ctx) {
				failed.add(err)
				return reply{}, failed
			}
		}
	}
	return reply{}, failed
}

// next returns the server of z to ask after those in tried, nil if there is
// none: first those believed up, then those whose address must be looked up,
// then those that were silent or unreachable earlier in the session.
func (l *lookup) next(ctx context.Context, z *zone, tried []*endpoint, depth int, failed *failures) *endpoint {
	for {
		var down *endpoint
		for _, e := range z.endpoints {
			switch {
			case slices.Contains(tried, e):
			case !e.down:
				return e
			case down == nil:
				down = e
			}
		}
		if len(z.glueless) == 0 || l.fatal(ctx) {
			return down
		}
		if err := l.resolveGlueless(ctx, z, depth); err != nil {
			failed.add(err)
		}
	}
}

// askServer asks one server and judges its reply as that of a server of z.
func (l *lookup) askServer(ctx context.Context, z *zone, e *endpoint, q question) (reply, error) {
	if l.r.allowed != nil {
		if err := l.r.allowed(e.addr.Addr()); err != nil {
			return reply{}, fmt.Errorf("server %v: %w: %w", e.addr, ErrRefusedAddress, err)
		}
	}
	m, err := l.exchange(ctx, e.addr, q)
	e.down = errors.Is(err, ErrTimeout) || errors.Is(err, ErrUnreachable)
	if err != nil {
		return reply{}, fmt.Errorf("server %v: %w", e.addr, err)
	}
	rep, err := classify(m, z.name, q)
	if err != nil {
		return reply{}, fmt.Errorf("server %v: %w", e.addr, err)
	}
	rep.server, rep.zone = e.addr, z.name
	return rep, nil
}

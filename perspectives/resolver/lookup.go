package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
)

// question is what is asked, the name in canonical form.
type question struct {
	name  string
	qtype uint16
}

// query is a question with what its answer is for.
type query struct {
	question
	purpose purpose
}

type purpose uint8

const (
	wanted    purpose = iota // the answer itself
	again                    // the answer itself, from servers that were silent to a shortened name
	minimised                // to learn whether there is a delegation (RFC 9156)
	forKeys                  // the DNSKEY records of the zone asked
	forCut                   // the DS records of a name in the zone asked
)

// maxBogus is how many servers of a zone may give bogus replies to a question
// before the others are not asked any more.
const maxBogus = 3

// lookup is one call of Session.Lookup with its budget, nested lookups of name
// servers' addresses included.
type lookup struct {
	s          *Session
	r          *Resolver
	budget     *budget.Budget // of the check; nil for none but the limits
	queries    int            // messages that may still be sent
	signatures int            // signatures that may still be verified
	hashes     int            // names and keys that may still be hashed
	trace      []perspectives.Evidence
	// lastResort is set while servers are sought because those known have failed.
	lastResort bool
	// qtype is the type that is looked up. received is set if a reply held records of
	// the type, or cannot be read as far as to tell.
	qtype    uint16
	received bool

	now   time.Time // when signatures must be valid
	chain []Link    // of the lookup itself, not of name servers' addresses
	// at is the zone that was asked last, and status that of the aliases that
	// led there, of the lookup itself.
	at     *zone
	status Status
}

func (l *lookup) start(ctx context.Context, name string, qtype uint16) (*Answer, error) {
	clean, ok := canonical(name)
	if _, valid := dns.IsDomainName(name); !valid || !ok {
		return nil, fmt.Errorf("%w: %q", ErrName, name)
	}
	l.status, l.qtype = Secure, qtype
	return l.follow(ctx, question{clean, qtype}, 0)
}

// failure is the error of a lookup that ended with err. A budget that was used up is
// among its reasons even if something else failed last: nobody knows what would have
// come.
func (l *lookup) failure(name string, qtype uint16, err error) *Error {
	spent := l.budget.Ended()
	switch {
	case errors.Is(err, ErrLimit):
	case spent != nil:
		err = fmt.Errorf("%w; %w", err, given(spent))
	case l.queries <= 0:
		err = fmt.Errorf("%w; %w: all of %d queries are used up", err, ErrLimit, l.r.limits.Queries)
	case l.signatures <= 0:
		err = fmt.Errorf("%w; %w: all of %d signatures are used up", err, ErrLimit, l.r.limits.Signatures)
	}
	e := &Error{Name: name, Type: qtype, Trace: l.trace, Err: err, Received: l.received || errors.Is(err, ErrTruncated)}
	var failed []Link
	e.EDE, failed = explain(err)
	if l.at != nil {
		l.chainTo(l.at)
		if l.at.status == Insecure {
			e.Status = l.status.weaker(Insecure)
		}
	}
	e.Chain = append(l.chain, failed...)
	if errors.Is(err, ErrBogus) {
		e.Status = Bogus
	}
	return e
}

// chainTo adds the steps that lead to the keys of z to the chain.
func (l *lookup) chainTo(z *zone) {
	if z.parent != nil {
		l.chainTo(z.parent)
	}
	for _, link := range []*Link{z.link, z.keysLink} {
		if link != nil && !slices.Contains(l.chain, *link) {
			l.chain = append(l.chain, *link)
		}
	}
}

// fatal says whether no further query of this lookup can succeed.
func (l *lookup) fatal(ctx context.Context) bool {
	return l.queries <= 0 || l.signatures <= 0 || ctx.Err() != nil || l.budget.Ended() != nil
}

// follow resolves q and the aliases that it leads to. depth counts how many
// lookups of name servers' addresses it is nested in.
func (l *lookup) follow(ctx context.Context, q question, depth int) (*Answer, error) {
	a := &Answer{Status: Secure}
	chain := []string{q.name}
	for {
		rep, err := l.iterate(ctx, q, depth)
		if err != nil {
			return nil, err
		}
		if err := l.budget.Spend(budget.Aliases, len(rep.cnames)); err != nil {
			return nil, given(err)
		}
		l.note(a, rep, depth)
		for _, target := range rep.cnames {
			if slices.Contains(chain, target) {
				return nil, fmt.Errorf("%w: %s leads back to %s", ErrLoop, chain[len(chain)-1], target)
			}
			chain = append(chain, target)
		}
		a.CNAMEs = chain[1:]
		if len(a.CNAMEs) > l.r.limits.CNAMEs {
			return nil, &aliasError{l.r.limits.CNAMEs, chain[0]}
		}
		if rep.kind != aliased {
			a.Records, a.Rcode, a.Server, a.Zone = rep.records, rep.rcode, rep.server, rep.zone
			return a, nil
		}
		q.name = chain[len(chain)-1]
	}
}

// note takes the status of a reply that is part of the answer into a.
func (l *lookup) note(a *Answer, rep reply, depth int) {
	a.Status = a.Status.weaker(rep.status)
	for _, ede := range rep.ede {
		if !slices.Contains(a.EDE, ede) {
			a.EDE = append(a.EDE, ede)
		}
	}
	if depth > 0 {
		return
	}
	l.status = a.Status
	for _, s := range rep.steps {
		l.chainTo(s.zone)
		if s.link.Zone != "" && !slices.Contains(l.chain, s.link) {
			l.chain = append(l.chain, s.link)
		}
	}
	if a.Reason == "" && rep.status != Secure {
		a.Reason = l.reason(rep)
	}
}

// reason says why a reply is not Secure.
func (l *lookup) reason(rep reply) string {
	if rep.status == Indeterminate {
		return fmt.Sprintf("no trust anchor covers %s", rep.zone)
	}
	for _, link := range slices.Backward(l.chain) {
		if link.Status == Insecure {
			return fmt.Sprintf("%s %s: %s", link.Owner, link.Type, link.Detail)
		}
	}
	if len(rep.ede) > 0 {
		return rep.ede[0].String()
	}
	return "not signed"
}

// iterate asks for q from the deepest zone known downwards until a server says
// something other than "ask those".
func (l *lookup) iterate(ctx context.Context, q question, depth int) (reply, error) {
	z := l.s.closest(q)
	for range l.r.limits.Delegations + 1 {
		if depth == 0 {
			l.at = z
		}
		rep, err := l.askDown(ctx, z, q, depth)
		if err != nil || rep.kind != referral {
			return rep, err
		}
		z = l.s.learn(rep.delegation)
	}
	return reply{}, fmt.Errorf("%w: more than %d referrals for %s", ErrLimit, l.r.limits.Delegations, q.name)
}

// hopeless says whether no other server of z would give a usable reply to q.
func (l *lookup) hopeless(ctx context.Context, z *zone, q query, failed *failures) bool {
	if l.fatal(ctx) || q.purpose != forKeys && l.keyless(z) {
		return true
	}
	n := 0
	for _, err := range failed.errs {
		if _, endless := errors.AsType[*aliasError](err); endless {
			return true
		}
		if unvalidated(err) {
			n++
		}
	}
	return n >= maxBogus
}

// attribute decides what the word of a recursive server is worth, once it is
// validated. Who brings signed records does not matter (RFC 4035 3.2.3). Others are
// kept for the case that no server of the zone gives any: resolvers that are kind to
// recursive servers do so, too. A denial is not.
func (r *reply) attribute(q query) error {
	proven := q.purpose == forKeys || q.purpose == forCut || r.status == Secure
	if r.hearsay = r.hearsay && !proven; r.hearsay && (q.purpose == minimised || r.kind == answered && len(r.records) == 0) {
		return errRecursive
	}
	return nil
}

// askServer asks one server and judges its reply as that of a server of z.
func (l *lookup) askServer(ctx context.Context, z *zone, e *endpoint, q query, depth int) (reply, error) {
	if l.r.allowed != nil {
		if err := l.r.allowed(e.addr.Addr()); err != nil {
			return reply{}, fmt.Errorf("server %v: %w: %w", e.addr, ErrRefusedAddress, err)
		}
	}
	m, err := l.exchange(ctx, e, q.question, l.r.validates() && z.status != Insecure)
	e.down = !errors.Is(err, ErrTruncated) && (errors.Is(err, ErrTimeout) || errors.Is(err, ErrUnreachable))
	if err != nil {
		return reply{}, fmt.Errorf("server %v: %w", e.addr, err)
	}
	rep, err := classify(m, z.name, q.question, l.r.limits.CNAMEs)
	if err == nil {
		err = l.judge(ctx, z, q, m, &rep, depth)
	}
	if err == nil {
		err = rep.attribute(q)
	}
	if err != nil {
		return reply{}, fmt.Errorf("server %v: %w", e.addr, err)
	}
	if z.useful = true; m.Authoritative {
		z.hear(m, l.r.limits)
	}
	if q.purpose > again || rep.status == Secure { // it does not matter, or it is proven
		rep.weak = ""
	}
	rep.server, rep.zone = e.addr, z.name
	return rep, nil
}

package resolver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
)

// StubOptions says which validating resolver a [Stub] asks.
type StubOptions struct {
	// Network carries the queries. Required.
	Network perspectives.Network
	// Clock stamps the evidence. Required.
	Clock perspectives.Clock
	// Server is the recursive resolver. Required.
	Server netip.AddrPort
	// Authenticated says that Network leads to Server over a channel that is
	// authenticated and protects integrity, such as IPsec or DNS over TLS. Its AD
	// flag is trusted then; otherwise only that of a server on the loopback is
	// (RFC 4035 4.9.3).
	Authenticated bool
	// Limits bounds the work for one lookup; Timeout, Tries, Queries and CNAMEs
	// count.
	Limits Limits
	// Rand and PlainCase are as in [Options].
	Rand      io.Reader
	PlainCase bool
}

// Stub looks names up at one recursive, validating resolver that belongs to the
// perspective, such as one on the same host. What that resolver caches is its
// own affair: it must serve one perspective only and keep nothing from attempt to
// attempt (BR 3.2.2.9). A Stub is safe for concurrent use, its sessions are not.
type Stub struct {
	r       *Resolver
	server  netip.AddrPort
	trusted bool
}

// NewStub returns a Stub, or an error that names the option that is missing or
// impossible. It contacts nobody.
func NewStub(o StubOptions) (*Stub, error) {
	if !o.Server.IsValid() || o.Server.Port() == 0 {
		return nil, fmt.Errorf("stub resolver: found server %v, expected an IP address and a port", o.Server)
	}
	r, err := New(Options{
		Network: o.Network, Clock: o.Clock, Limits: o.Limits, Rand: o.Rand, PlainCase: o.PlainCase,
		Roots: []Root{{Name: "stub", Addrs: []netip.AddrPort{o.Server}}},
	})
	if err != nil {
		return nil, fmt.Errorf("stub %w", err)
	}
	r.recursive = true
	return &Stub{r: r, server: o.Server, trusted: o.Authenticated || o.Server.Addr().IsLoopback()}, nil
}

// Lookup resolves in a session of its own.
func (s *Stub) Lookup(ctx context.Context, name string, qtype uint16) (*Answer, error) {
	return s.NewSession().Lookup(ctx, name, qtype)
}

// StubSession is one check's use of a [Stub]. It remembers whether the server
// validates and which manner of asking it does not understand, and nothing else. It is not safe for concurrent use.
type StubSession struct {
	stub   *Stub
	server *endpoint
	// validates is what the server's answer about the root showed, nil before it
	// was asked.
	validates *bool
}

// NewSession returns a session that knows nothing of the server.
func (s *Stub) NewSession() *StubSession {
	return &StubSession{stub: s, server: &endpoint{addr: s.server}}
}

// Lookup is like [Session.Lookup]. The status is Secure if the server sets the AD
// flag and the flag is trusted; Insecure if it does not although it sets it for
// the root, which shows that it validates; Bogus, as an error, if the server
// refuses with an extended error that says so; else Indeterminate, with the
// reason.
func (s *StubSession) Lookup(ctx context.Context, name string, qtype uint16) (*Answer, error) {
	l := &lookup{r: s.stub.r, budget: budget.From(ctx), queries: s.stub.r.limits.Queries, signatures: 1}
	a, err := s.answer(ctx, l, name, qtype)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		return nil, l.failure(name, qtype, err)
	}
	a.Trace = l.trace
	return a, nil
}

func (s *StubSession) answer(ctx context.Context, l *lookup, name string, qtype uint16) (*Answer, error) {
	clean, ok := canonical(name)
	if _, valid := dns.IsDomainName(name); !valid || !ok {
		return nil, fmt.Errorf("%w: %q", ErrName, name)
	}
	l.qtype = qtype
	a := &Answer{Status: Secure, Server: s.stub.server}
	names := []string{clean}
	for {
		last := names[len(names)-1]
		m, err := s.ask(ctx, l, question{last, qtype})
		if err != nil {
			return nil, err
		}
		rep, more, err := stubReply(m, question{last, qtype}, l.r.limits.CNAMEs)
		if err == nil {
			err = given(l.budget.Spend(budget.Aliases, len(rep.cnames)))
		}
		if err != nil {
			return nil, fmt.Errorf("server %v: %w", s.stub.server, err)
		}
		for _, target := range rep.cnames {
			if slices.Contains(names, target) {
				return nil, fmt.Errorf("server %v: %w: %s leads back to %s", s.stub.server, ErrLoop, names[len(names)-1], target)
			}
			names = append(names, target)
		}
		if len(names)-1 > l.r.limits.CNAMEs {
			return nil, fmt.Errorf("%w: more than %d aliases from %s", ErrLimit, l.r.limits.CNAMEs, clean)
		}
		a.CNAMEs, a.Records, a.Rcode, a.EDE = names[1:], rep.records, rep.rcode, append(a.EDE, edesOf(m)...)
		if status, reason := s.status(ctx, l, m); status != Secure {
			a.Status, a.Reason = a.Status.weaker(status), reason
		}
		if !more {
			break
		}
	}
	if a.Status != Indeterminate {
		a.Chain = []Link{{
			Owner: clean, Type: typeName(qtype), Status: a.Status, Detail: fmt.Sprintf("the word of the resolver %v", s.stub.server),
		}}
	}
	return a, nil
}

// stubReply judges a reply of the recursive resolver to q. more is set if it follows
// aliases and does not say what is at the end of them. A denial has the SOA record of
// the zone of the name (RFC 2308 2.1, 2.2, 5), says NXDOMAIN, or is empty: there is
// nobody else to ask. A referral or an answer to another question is none. More than
// aliases aliases are ErrLimit.
func stubReply(m *dns.Msg, q question, aliases int) (rep reply, more bool, err error) {
	rep, found, err := fromAnswer(m, ".", q, aliases)
	switch {
	case err != nil:
		return reply{}, false, err
	case found && rep.kind == answered && m.Rcode == dns.RcodeNameError:
		return reply{}, false, fmt.Errorf("%w: NXDOMAIN with records of %s %s", ErrMalformed, q.name, typeName(q.qtype))
	case found && rep.kind == answered:
		return rep, false, nil
	}
	rep.kind, rep.rcode = answered, m.Rcode
	last := q.name
	if found {
		last = rep.cnames[len(rep.cnames)-1]
	}
	soa, ns := authorityOf(m, ".", last)
	switch {
	case offers(m, ".", q.qtype):
		return reply{}, false, fmt.Errorf("%w: a denial with %s records in it", ErrMalformed, typeName(q.qtype))
	case soa == ours:
		return rep, false, nil
	case soa == foreign:
		return reply{}, false, fmt.Errorf("%w: a denial with the SOA record of a zone that does not hold %s", ErrMalformed, last)
	case m.Rcode == dns.RcodeNameError:
		return rep, false, nil
	case found:
		return rep, true, nil
	case ns != nobodys:
		return reply{}, false, fmt.Errorf("%w: a referral from a resolver that was asked to recurse", ErrLame)
	case len(m.Answer) > 0:
		return reply{}, false, fmt.Errorf("%w: an answer to another question", ErrMalformed)
	}
	return rep, false, nil
}

// ask puts a question to the server, again if it stays silent, and refuses
// replies that say nothing about the name.
func (s *StubSession) ask(ctx context.Context, l *lookup, q question) (*dns.Msg, error) {
	var m *dns.Msg
	var err error
	for range l.r.limits.Tries {
		m, err = l.exchange(ctx, s.server, q, false)
		if !errors.Is(err, ErrTimeout) || l.fatal(ctx) {
			break
		}
	}
	if err == nil {
		err = whole(m)
	}
	if err == nil && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		err = refusal(q, m)
	}
	if err == nil && !m.RecursionAvailable {
		err = fmt.Errorf("%w: no recursion available", ErrLame)
	}
	if err != nil {
		return nil, fmt.Errorf("server %v: %w", s.stub.server, err)
	}
	return m, nil
}

// refusal is the error that a response code other than NOERROR and NXDOMAIN
// stands for, with the extended errors that explain it.
func refusal(q question, m *dns.Msg) error {
	err := fmt.Errorf("%w: %s", ErrServerFailure, rcodeName(m.Rcode))
	for _, e := range edesOf(m) {
		if failsValidation(e.Code) {
			b := bogus("", q.name, q.qtype, e.Code, "%s", e.Text)
			b.also = ErrServerFailure
			return b
		}
		err = fmt.Errorf("%w: %v", err, e)
	}
	return err
}

// failsValidation says whether an extended error says that an answer is bogus
// (RFC 8914 4).
func failsValidation(code uint16) bool {
	switch code {
	case dns.ExtendedErrorCodeDNSBogus, dns.ExtendedErrorCodeSignatureExpired, dns.ExtendedErrorCodeSignatureNotYetValid,
		dns.ExtendedErrorCodeDNSKEYMissing, dns.ExtendedErrorCodeRRSIGsMissing, dns.ExtendedErrorCodeNoZoneKeyBitSet,
		dns.ExtendedErrorCodeNSECMissing, dns.ExtendedErrorCodeSignatureExpiredBeforeValid,
		dns.ExtendedErrorCodeUnsupportedNSEC3IterValue:
		return true
	}
	return false
}

// edesOf returns the extended errors in m.
func edesOf(m *dns.Msg) []EDE {
	opt := m.IsEdns0()
	if opt == nil {
		return nil
	}
	var out []EDE
	for _, o := range opt.Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok && len(out) < maxEvidence {
			out = append(out, EDE{Code: e.InfoCode, Text: e.ExtraText})
		}
	}
	return out
}

// status says what the AD flag of m is worth.
func (s *StubSession) status(ctx context.Context, l *lookup, m *dns.Msg) (Status, string) {
	switch {
	case !s.stub.trusted:
		return Indeterminate, fmt.Sprintf("the AD flag of %v counts only over the loopback or an authenticated channel", s.stub.server)
	case m.AuthenticatedData:
		return Secure, ""
	}
	if s.validates == nil {
		root, err := s.ask(ctx, l, question{".", dns.TypeSOA})
		if err != nil {
			return Indeterminate, fmt.Sprintf("whether the resolver validates could not be found out: %v", err)
		}
		s.validates = &root.AuthenticatedData
	}
	if !*s.validates {
		return Indeterminate, fmt.Sprintf("the resolver %v does not validate: it does not vouch for the root either", s.stub.server)
	}
	return Insecure, fmt.Sprintf("the resolver %v validates and does not vouch for the answer", s.stub.server)
}

package resolver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"
)

// endpoint is one address of name servers, with what a session has learnt about
// it. All names and zones that lead to the address share it.
type endpoint struct {
	addr netip.AddrPort
	// down is set if the last exchange of the session with it failed in the
	// network; it is then asked last.
	down bool
	// foldsCase is set if it did not echo the case of a question.
	foldsCase bool
	// noTCP is set if an exchange over TCP failed in the network.
	noTCP bool
	edns  ednsSupport
}

// ednsSupport is what a session knows about EDNS(0) at an endpoint.
type ednsSupport uint8

const (
	ednsUnknown ednsSupport = iota
	ednsWorks               // it has sent an OPT record
	// ednsSuspect: it stayed silent when it was asked with EDNS. That may be the
	// network; the next question goes without.
	ednsSuspect
	ednsIgnored // it stayed silent with EDNS and replied without
	ednsRefused // it refused a question with EDNS and accepted it without
)

// endpoint returns the endpoint at addr, the same one each time.
func (s *Session) endpoint(addr netip.AddrPort) *endpoint {
	e := s.endpoints[addr]
	if e == nil {
		e = &endpoint{addr: addr}
		s.endpoints[addr] = e
	}
	return e
}

// manner is how a question is put.
type manner struct {
	network string // "udp" or "tcp"
	edns    bool
	plain   bool // in lower case, and the reply's case does not matter
}

// attempt is an exchange under way. Each of its steps gives up one thing that the
// server has shown that it cannot do, so there are few.
type attempt struct {
	manner
	server *endpoint
	// oversized is set if a reply came truncated: it must come over TCP.
	oversized bool
	// refused is set if the question was refused with EDNS.
	refused bool
	// tcp is why TCP failed in this exchange, nil if it did not.
	tcp error
}

// begin returns an attempt in the fullest manner that e is not known to be unable
// to deal with. signed insists on EDNS: without signatures the answer would be of
// no use.
func (e *endpoint) begin(plainCase, signed bool) attempt {
	a := attempt{server: e, manner: manner{network: "udp", edns: signed || e.edns < ednsSuspect, plain: plainCase || e.foldsCase}}
	if e.foldsCase && !plainCase && !e.noTCP {
		a.network = "tcp"
	}
	return a
}

// next takes what came of the last question. It changes a to the manner of the
// next one and returns true, or returns what the exchange ends with.
//
//   - A server that does not echo the case of a question is asked over TCP, where
//     nobody can forge a reply without seeing the query, and only if that fails in
//     plain case over UDP.
//   - A server that refuses EDNS, or replies with an OPT record that cannot be read,
//     is asked without (RFC 6891 7). One that was silent is asked without the next
//     time.
//   - A reply that is truncated is fetched over TCP (RFC 7766 5). It is never what
//     the exchange ends with.
func (a *attempt) next(m *dns.Msg, err error) (more bool, reply *dns.Msg, failure error) {
	switch {
	case errors.Is(err, errCase):
		a.server.foldsCase, a.plain = true, true
		if a.hasTCP() {
			a.network = "tcp"
		}
		return true, nil, nil
	case a.edns && (errors.Is(err, errOPT) || err == nil && refusesEDNS(m)):
		a.edns, a.refused = false, true
		return true, nil, nil
	case err == nil && m.Truncated:
		a.learn(m)
		return a.fetchWhole()
	case err == nil:
		a.learn(m)
		return false, m, nil
	case a.network == "tcp":
		return a.leaveTCP(err)
	}
	a.suspect(err)
	return false, nil, err
}

// fetchWhole goes on after a truncated reply: to TCP, or else to a larger datagram.
func (a *attempt) fetchWhole() (more bool, reply *dns.Msg, failure error) {
	if a.network == "tcp" { // the length of a message leaves room for any reply
		return a.leaveTCP(fmt.Errorf("%w: truncated there, too", ErrMalformed))
	}
	a.oversized = true
	switch {
	case a.hasTCP():
		a.network, a.plain = "tcp", true
		return true, nil, nil
	case a.roomier():
		return true, nil, nil
	}
	return false, nil, a.truncated()
}

// hasTCP reports whether TCP has not failed yet.
func (a *attempt) hasTCP() bool { return a.tcp == nil && !a.server.noTCP }

// leaveTCP goes on after TCP failed with err: back to UDP, unless the reply does
// not fit there.
func (a *attempt) leaveTCP(err error) (more bool, reply *dns.Msg, failure error) {
	a.tcp = err
	if errors.Is(err, ErrTimeout) || errors.Is(err, ErrUnreachable) {
		a.server.noTCP = true
	}
	if a.oversized && !a.roomier() {
		return false, nil, a.truncated()
	}
	a.network, a.plain = "udp", true
	return true, nil, nil
}

// roomier turns EDNS on, which makes room for 1232 octets in a datagram, if it was
// left out on suspicion only.
func (a *attempt) roomier() bool {
	if a.edns || a.refused || a.server.edns != ednsIgnored && a.server.edns != ednsSuspect {
		return false
	}
	a.edns = true
	return true
}

// truncated is the error of an exchange whose reply came only in part.
func (a *attempt) truncated() error {
	if a.tcp != nil {
		return fmt.Errorf("%w, and over TCP: %w", ErrTruncated, a.tcp)
	}
	return fmt.Errorf("%w, and the server has no TCP", ErrTruncated)
}

// learn keeps what a reply shows about EDNS.
func (a *attempt) learn(m *dns.Msg) {
	switch {
	case m.IsEdns0() != nil:
		a.server.edns = ednsWorks
	case a.edns:
	case a.refused && !refusesEDNS(m):
		a.server.edns = ednsRefused
	case a.server.edns == ednsSuspect:
		a.server.edns = ednsIgnored
	}
}

// suspect takes notice of a server that is silent: at first it may be because of
// EDNS, unless it is silent without it as well.
func (a *attempt) suspect(err error) {
	switch {
	case !errors.Is(err, ErrTimeout):
	case a.edns && a.server.edns == ednsUnknown:
		a.server.edns = ednsSuspect
	case !a.edns && a.server.edns == ednsSuspect:
		a.server.edns = ednsUnknown
	}
}

// refusesEDNS reports whether m is how servers that do not know EDNS, or not our
// version of it, reply to it (RFC 6891 7, 6.1.3). NOTIMP with an OPT record is about
// something else.
func refusesEDNS(m *dns.Msg) bool {
	switch m.Rcode {
	case dns.RcodeFormatError, dns.RcodeBadVers:
		return true
	case dns.RcodeNotImplemented:
		return m.IsEdns0() == nil
	}
	return false
}

// exchange asks one server until it has understood the question or there is no
// plainer way to put it. It returns a reply that is whole, or an error.
func (l *lookup) exchange(ctx context.Context, e *endpoint, q question, signed bool) (*dns.Msg, error) {
	a := e.begin(l.r.plainCase, signed)
	for {
		m, err := l.roundTrip(ctx, e.addr, q, a.manner)
		if m != nil && l.s != nil {
			l.s.reached[e.addr.Addr().Is4()] = true
		}
		if err != nil && (errors.Is(err, ErrLimit) || ctx.Err() != nil) {
			return nil, err
		}
		if more, m, err := a.next(m, err); !more {
			return m, err
		}
	}
}

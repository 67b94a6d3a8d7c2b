package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
)

const (
	// udpSize is the EDNS(0) payload size that we offer: 1232 bytes fit into an
	// IPv6 packet of the minimum MTU.
	udpSize = 1232
	// readSize is how much of a datagram is read at most. A longer one, which nobody
	// asked for, is read over TCP.
	readSize = 4096
	// maxStray is how many datagrams that do not belong to the question are
	// skipped before the server is given up.
	maxStray = 16
	// maxEvidence is how many records of one message are kept as evidence.
	maxEvidence = 32
)

// roundTrip sends one query and records the exchange in the trace.
func (l *lookup) roundTrip(ctx context.Context, server netip.AddrPort, q question, how manner) (*dns.Msg, error) {
	if l.queries <= 0 {
		return nil, fmt.Errorf("%w: more than %d queries", ErrLimit, l.r.limits.Queries)
	}
	l.queries--
	ev := perspectives.Evidence{
		Kind:    "dns",
		Query:   strings.TrimSuffix(q.name, ".") + " " + typeName(q.qtype),
		Server:  server.String(),
		Started: l.r.clock(),
	}
	if q.name == "." {
		ev.Query = ". " + typeName(q.qtype)
	}
	m, err := l.r.ask(ctx, server, q, how)
	ev.Took = l.r.clock().Sub(ev.Started)
	l.received = l.received || q.qtype == l.qtype && holds(m, err, q.qtype)
	switch {
	case err != nil:
		ev.Answer = []string{err.Error()}
	default:
		ev.Status = rcodeName(m.Rcode)
		ev.Answer, ev.Cut = describe(m)
	}
	l.trace = append(l.trace, l.budget.Keep(ev))
	if err == nil {
		err = given(l.budget.Spend(budget.Work, messageWork(m)))
	}
	return m, err
}

// holds reports whether what came of a question for records of a type has some,
// or is cut or too broken to tell.
func holds(m *dns.Msg, err error, qtype uint16) bool {
	return errors.Is(err, errGarbled) || errors.Is(err, errUncounted) || m != nil && (m.Truncated || offers(m, ".", qtype))
}

// offers reports whether m has records of a type in zone, whatever their owner and
// class, in a section where they are no glue, referral or proof of something else.
func offers(m *dns.Msg, zone string, qtype uint16) bool {
	wanted := func(rr dns.RR) bool {
		return rr.Header().Rrtype == qtype && (zone == "." || within(zone, dns.CanonicalName(rr.Header().Name)))
	}
	if slices.ContainsFunc(m.Answer, wanted) {
		return true
	}
	switch qtype {
	case dns.TypeA, dns.TypeAAAA:
		return slices.ContainsFunc(m.Ns, wanted)
	case dns.TypeNS, dns.TypeSOA, dns.TypeDS, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeRRSIG:
		return false
	}
	return slices.ContainsFunc(m.Ns, wanted) || slices.ContainsFunc(m.Extra, wanted)
}

// ask puts the question to a server. A stub asks for recursion and, with AD, for
// the word of the server (RFC 6840 5.7); a resolver with trust anchors sets DO
// (RFC 4035 4.1).
func (r *Resolver) ask(ctx context.Context, server netip.AddrPort, q question, how manner) (*dns.Msg, error) {
	m := &dns.Msg{Question: []dns.Question{{Name: q.name, Qtype: q.qtype, Qclass: dns.ClassINET}}}
	if err := randomise(r.rand, m, how.plain); err != nil {
		return nil, err
	}
	m.RecursionDesired, m.AuthenticatedData = r.recursive, r.recursive
	if how.edns {
		m.SetEdns0(udpSize, r.recursive || r.validates())
	}
	ctx, cancel := context.WithTimeout(ctx, r.limits.Timeout)
	defer cancel()
	return send(ctx, r.network, how, server, m)
}

// randomise gives m a random ID and, unless plain, the letters of its question a
// random case, which makes a forged reply harder to guess
// (draft-vixie-dnsext-dns0x20).
func randomise(source io.Reader, m *dns.Msg, plain bool) error {
	name := []byte(m.Question[0].Name)
	varies := func(c byte) bool { return !plain && 'a' <= c && c <= 'z' }
	letters := 0
	for _, c := range name {
		if varies(c) {
			letters++
		}
	}
	random := make([]byte, 2+(letters+7)/8)
	if _, err := io.ReadFull(source, random); err != nil {
		return fmt.Errorf("drawing a message ID: %w", err)
	}
	m.Id = binary.BigEndian.Uint16(random)
	n := 0
	for i, c := range name {
		if !varies(c) {
			continue
		}
		if random[2+n/8]>>(n%8)&1 != 0 {
			name[i] -= 'a' - 'A'
		}
		n++
	}
	m.Question[0].Name = string(name)
	return nil
}

// send opens a connection, sends the query m and waits for the reply.
func send(ctx context.Context, via perspectives.Network, how manner, server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	wire, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrName, err)
	}
	conn, err := via.DialContext(ctx, how.network, server.String())
	if err != nil {
		return nil, transportError(how.network+" dial", err)
	}
	defer conn.Close() //nolint:errcheck // nothing is lost: the reply is read or given up
	// The connection has no deadline of its own: it would pass a moment before
	// the context's, and what happens next would depend on the race.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	if how.network == "tcp" {
		return overTCP(conn, wire, m)
	}
	reply, err := overUDP(conn, wire, m)
	if how.plain && errors.Is(err, errCase) {
		err = nil
	}
	return reply, err
}

// overUDP reads datagrams, one for each Read, until one belongs to query. If none
// does, it returns with the error the last one that has its ID.
func overUDP(conn net.Conn, wire []byte, query *dns.Msg) (*dns.Msg, error) {
	if _, err := conn.Write(wire); err != nil {
		return nil, transportError("udp write", err)
	}
	buf := make([]byte, readSize)
	var stray *dns.Msg
	for range maxStray {
		n, err := conn.Read(buf)
		if err != nil {
			return stray, transportError("udp read", err)
		}
		if n == len(buf) { // there may be more: a part of a message, as if TC said so
			buf[2] |= 1 << 1
		}
		m, err := parse(buf[:n], query)
		if errors.Is(err, errStray) {
			if m != nil && (stray == nil || holds(m, nil, query.Question[0].Qtype)) {
				stray = m
			}
			continue
		}
		return m, err
	}
	return stray, fmt.Errorf("%w: %d datagrams that answer another question", ErrMalformed, maxStray)
}

// overTCP exchanges one message with its two bytes of length (RFC 1035 4.2.2).
func overTCP(conn net.Conn, wire []byte, query *dns.Msg) (*dns.Msg, error) {
	framed := make([]byte, 0, len(wire)+2)
	framed = binary.BigEndian.AppendUint16(framed, uint16(len(wire))) //nolint:gosec // a query is shorter than 512 bytes
	if _, err := conn.Write(append(framed, wire...)); err != nil {
		return nil, transportError("tcp write", err)
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, transportError("tcp read", err)
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, transportError("tcp read", err)
	}
	m, err := parse(buf, query)
	switch {
	case errors.Is(err, errCase): // over TCP nobody can guess
		return m, nil
	case errors.Is(err, errStray):
		return m, fmt.Errorf("%w: a reply to another question", ErrMalformed)
	}
	return m, err
}

// errStray marks a message that is not a reply to our question: over UDP
// anybody can send one, so the true reply may still come.
var errStray = errors.New("not a reply to the question")

// errCase marks a reply that repeats the question in another case. It is the
// server's, if the server does not preserve case, or a forger's.
var errCase = fmt.Errorf("%w: the case of the question is not echoed", ErrMalformed)

// parse reads a reply to query and gives the owners of its records their canonical
// form. A truncated reply may have no readable records. With errCase there is a
// reply all the same. With another error there is a message if it has the ID of query:
// it is no reply, but what it holds has been received.
func parse(wire []byte, query *dns.Msg) (*dns.Msg, error) {
	if len(wire) < headerSize || binary.BigEndian.Uint16(wire) != query.Id {
		return nil, errStray
	}
	if err := weigh(wire); err != nil {
		return nil, err
	}
	m, err := unpack(wire)
	if !m.Response || m.Opcode != dns.OpcodeQuery {
		return m, errStray
	}
	if err != nil {
		return m, err
	}
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			rr.Header().Name = dns.CanonicalName(rr.Header().Name)
		}
	}
	asked := query.Question[0]
	switch {
	case len(m.Question) == 1:
		got := m.Question[0]
		if got.Qtype != asked.Qtype || got.Qclass != asked.Qclass || dns.CanonicalName(got.Name) != dns.CanonicalName(asked.Name) {
			return m, errStray
		}
		if got.Name != asked.Name {
			return m, errCase
		}
	case len(m.Question) == 0 && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		// Some servers leave the question out when they refuse it.
	default:
		return m, errStray
	}
	return m, nil
}

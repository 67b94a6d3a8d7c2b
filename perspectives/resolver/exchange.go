package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
)

const (
	// udpSize is the EDNS(0) payload size that we offer: 1232 bytes fit into an
	// IPv6 packet of the minimum MTU.
	udpSize = 1232
	// readSize is how much of a datagram is read at most.
	readSize = 4096
	// maxStray is how many datagrams that do not belong to the question are
	// skipped before the server is given up.
	maxStray = 16
	// maxEvidence is how many records of one message are kept as evidence.
	maxEvidence = 32
)

// exchange asks one server: over UDP, without EDNS if the server does not know
// it (RFC 6891 7), over TCP if the reply is truncated.
func (l *lookup) exchange(ctx context.Context, server netip.AddrPort, q question) (*dns.Msg, error) {
	m, err := l.roundTrip(ctx, "udp", server, q, true)
	edns := true
	if err == nil && m.Rcode == dns.RcodeFormatError && m.IsEdns0() == nil {
		edns = false
		m, err = l.roundTrip(ctx, "udp", server, q, edns)
	}
	if err == nil && m.Truncated {
		m, err = l.roundTrip(ctx, "tcp", server, q, edns)
	}
	return m, err
}

// roundTrip sends one query and records the exchange in the trace.
func (l *lookup) roundTrip(ctx context.Context, network string, server netip.AddrPort, q question, edns bool) (*dns.Msg, error) {
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
	m, err := l.r.send(ctx, network, server, q, edns)
	ev.Took = l.r.clock().Sub(ev.Started)
	switch {
	case err != nil:
		ev.Answer = []string{err.Error()}
	default:
		ev.Status, ev.Answer = rcodeName(m.Rcode), describe(m)
	}
	l.trace = append(l.trace, ev)
	return m, err
}

// send opens a connection, asks once and waits for the reply.
func (r *Resolver) send(ctx context.Context, network string, server netip.AddrPort, q question, edns bool) (*dns.Msg, error) {
	var id [2]byte
	if _, err := io.ReadFull(r.rand, id[:]); err != nil {
		return nil, fmt.Errorf("drawing a message ID: %w", err)
	}
	m := &dns.Msg{
		MsgHdr:   dns.MsgHdr{Id: binary.BigEndian.Uint16(id[:])},
		Question: []dns.Question{{Name: q.name, Qtype: q.qtype, Qclass: dns.ClassINET}},
	}
	if edns {
		m.SetEdns0(udpSize, false)
	}
	wire, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrName, err)
	}

	ctx, cancel := context.WithTimeout(ctx, r.limits.Timeout)
	defer cancel()
	conn, err := r.network.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, transportError(network+" dial", err)
	}
	defer conn.Close() //nolint:errcheck // nothing is lost: the reply is read or given up
	// The connection has no deadline of its own: it would pass a moment before
	// the context's, and what happens next would depend on the race.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	if network == "tcp" {
		return overTCP(conn, wire, m)
	}
	return overUDP(conn, wire, m)
}

// overUDP reads datagrams, one for each Read, until one belongs to query.
func overUDP(conn net.Conn, wire []byte, query *dns.Msg) (*dns.Msg, error) {
	if _, err := conn.Write(wire); err != nil {
		return nil, transportError("udp write", err)
	}
	buf := make([]byte, readSize)
	for range maxStray {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, transportError("udp read", err)
		}
		m, err := parse(buf[:n], query)
		if errors.Is(err, errStray) {
			continue
		}
		return m, err
	}
	return nil, fmt.Errorf("%w: %d datagrams that answer another question", ErrMalformed, maxStray)
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
	case errors.Is(err, errStray):
		return nil, fmt.Errorf("%w: a reply to another question", ErrMalformed)
	case err != nil:
		return nil, err
	case m.Truncated:
		return nil, fmt.Errorf("%w: truncated over TCP", ErrMalformed)
	}
	return m, nil
}

// errStray marks a message that is not a reply to our question: over UDP
// anybody can send one, so the true reply may still come.
var errStray = errors.New("not a reply to the question")

// parse reads a reply to query. A truncated reply may have no readable records.
func parse(wire []byte, query *dns.Msg) (*dns.Msg, error) {
	const header, flagTC = 12, 0x02
	if len(wire) < header || binary.BigEndian.Uint16(wire) != query.Id {
		return nil, errStray
	}
	m := new(dns.Msg)
	err := m.Unpack(wire)
	if !m.Response || m.Opcode != dns.OpcodeQuery {
		return nil, errStray
	}
	if err != nil && wire[2]&flagTC == 0 {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	asked := query.Question[0]
	switch {
	case len(m.Question) == 1:
		got := m.Question[0]
		if got.Qtype != asked.Qtype || got.Qclass != asked.Qclass || dns.CanonicalName(got.Name) != asked.Name {
			return nil, errStray
		}
	case len(m.Question) == 0 && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		// Some servers leave the question out when they refuse it.
	default:
		return nil, errStray
	}
	return m, nil
}

// describe returns the records of m that matter as evidence: the answer, or
// else the referral with its glue or the SOA.
func describe(m *dns.Msg) []string {
	sections := [][]dns.RR{m.Answer}
	if len(m.Answer) == 0 {
		sections = [][]dns.RR{m.Ns, m.Extra}
	}
	var out []string
	for _, section := range sections {
		for _, rr := range section {
			if rr.Header().Rrtype == dns.TypeOPT {
				continue
			}
			if len(out) == maxEvidence {
				return append(out, "(more records)")
			}
			out = append(out, strings.ReplaceAll(rr.String(), "\t", " "))
		}
	}
	if m.Truncated {
		out = append(out, "(truncated)")
	}
	return out
}

package resolver_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// rplNetwork implements perspectives.Network with the name servers of a scenario.
// Nobody waits: a server that has no reply to a question is silent, and its
// silence ends at once.
type rplNetwork struct{ play *rplPlay }

func (n rplNetwork) DialContext(_ context.Context, network, address string) (net.Conn, error) {
	server, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	c := n.play.scenario.config
	if server.Addr().Is4() && c.noIP4 || server.Addr().Is6() && c.noIP6 {
		return nil, errors.New("network is unreachable")
	}
	return &rplConn{play: n.play, tcp: strings.HasPrefix(network, "tcp"), server: server.Addr()}, nil
}

// rplConn is one connection to one server. Only one goroutine uses it.
type rplConn struct {
	net.Conn
	play   *rplPlay
	server netip.Addr
	tcp    bool
	out    []byte
}

func (c *rplConn) Write(b []byte) (int, error) {
	query := b
	if c.tcp {
		if len(b) < 2 || int(binary.BigEndian.Uint16(b)) != len(b)-2 {
			return 0, fmt.Errorf("found %d octets in one write, expected a whole framed message", len(b))
		}
		query = b[2:]
	}
	reply, err := c.play.reply(query, c.server, c.tcp)
	if err != nil {
		return 0, err
	}
	if reply != nil && c.tcp {
		c.out = binary.BigEndian.AppendUint16(c.out, uint16(len(reply)))
	}
	c.out = append(c.out, reply...)
	return len(b), nil
}

func (c *rplConn) Read(b []byte) (int, error) {
	if len(c.out) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, c.out)
	if c.out = c.out[n:]; !c.tcp { // a datagram's rest is lost
		c.out = nil
	}
	return n, nil
}

func (*rplConn) Close() error { return nil }

// SetDeadline has nothing to do: nothing waits.
func (*rplConn) SetDeadline(time.Time) error { return nil }

// reply is what the server says to a query; with neither reply nor error it is
// silent.
func (p *rplPlay) reply(wire []byte, server netip.Addr, tcp bool) ([]byte, error) {
	q := new(dns.Msg)
	if err := q.Unpack(wire); err != nil {
		return nil, err
	}
	if len(q.Question) != 1 {
		return nil, fmt.Errorf("found %d questions, expected 1", len(q.Question))
	}
	out := rplOut{msg: q, server: server, tcp: tcp}
	e, err := p.scripted(out)
	text := fmt.Sprintf("%v %s%s", server, q.Question[0].Name, dns.TypeToString[q.Question[0].Qtype])
	switch {
	case err != nil:
		p.log = append(p.log, text+": "+err.Error())
		return nil, err
	case e == nil || e.adjusts("do_not_answer"):
		p.log = append(p.log, text+": silent")
		return nil, nil
	}
	p.log = append(p.log, fmt.Sprintf("%s: line %d", text, e.line))
	p.now = p.now.Add(e.sleep)
	said, err := e.wire(q, p.scenario.deckard)
	if err == nil && p.spoil != nil {
		said = p.spoil(said, tcp)
	}
	return said, err
}

// rplOut is a query that the resolver sends.
type rplOut struct {
	msg    *dns.Msg
	server netip.Addr
	tcp    bool
}

// scripted returns the entry that answers a query, nil if it is left without an
// answer. A server of a range answers at once, except that the query may be one
// that the step to come is about. Steps that lose or answer the query are
// performed then, in order.
func (p *rplPlay) scripted(q rplOut) (*rplEntry, error) {
	if e := p.delegated(q); e != nil {
		return e, nil
	}
	if p.scenario.deckard {
		if e := p.ranged(q, p.asked); e != nil {
			return e, nil
		}
		return p.oneShot(q), nil
	}
	p.skipPriming()
	p.skipTimeouts(q)
	for p.at < len(p.scenario.steps) {
		s := &p.scenario.steps[p.at]
		if s.kind == "CHECK_OUT_QUERY" && (!s.addr.IsValid() || s.addr == q.server) && s.entry.answers(q) {
			p.at++
			if s.entry.adjusts("copy_id") {
				return s.entry, nil
			}
			continue
		}
		if e := p.ranged(q, s.number); e != nil {
			return e, nil
		}
		switch s.kind {
		case "TIMEOUT":
			p.at++
			return nil, nil
		case "ERROR":
			p.at++
			return nil, errors.New("connection closed")
		case "REPLY":
			p.at++
			return s.entry, nil
		case "NOTHING", "TRAFFIC", "TIME_PASSES", "ASSIGN", "FLUSH_MESSAGE", "EXPIRE_MESSAGE", "INFRA_RTT":
			if err := p.pass(s); err != nil {
				return nil, err
			}
			p.at++
		default:
			return nil, nil
		}
	}
	return nil, nil
}

// skipPriming passes over the steps in which the root's servers are asked for
// themselves (RFC 8109), which the resolver does not do.
func (p *rplPlay) skipPriming() {
	steps := p.scenario.steps
	if p.at >= len(steps) || steps[p.at].kind != "CHECK_OUT_QUERY" {
		return
	}
	asked := steps[p.at].entry.msg.Question
	if len(asked) != 1 || asked[0].Name != "." || asked[0].Qtype != dns.TypeNS {
		return
	}
	if p.at++; p.at < len(steps) && steps[p.at].kind == "REPLY" {
		p.at++
	}
}

// skipTimeouts passes over the rest of a run of TIMEOUT steps whose first were
// performed, if the query is the one that is expected after them: how often a
// silent server is asked is each resolver's own affair.
func (p *rplPlay) skipTimeouts(q rplOut) {
	steps := p.scenario.steps
	if p.at == 0 || steps[p.at-1].kind != "TIMEOUT" {
		return
	}
	at := p.at
	for at < len(steps) && steps[at].kind == "TIMEOUT" {
		at++
	}
	if expects := at < len(steps) && steps[at].kind == "CHECK_OUT_QUERY"; expects && steps[at].entry.answers(q) {
		p.at = at
	}
}

// ranged returns the entry of a range of the server that answers q at a step.
func (p *rplPlay) ranged(q rplOut, step int) *rplEntry {
	for _, r := range p.scenario.ranges {
		if step < r.from || r.to < step || len(r.addrs) > 0 && !slices.Contains(r.addrs, q.server) {
			continue
		}
		for _, e := range r.entries {
			if e.answers(q) {
				return e
			}
		}
	}
	return nil
}

// oneShot returns the first REPLY step after the query that answers q and has not
// been used.
func (p *rplPlay) oneShot(q rplOut) *rplEntry {
	for i := p.at; i < len(p.scenario.steps); i++ {
		if s := &p.scenario.steps[i]; s.kind == "REPLY" && !p.used[i] && s.entry.answers(q) {
			p.used[i] = true
			return s.entry
		}
	}
	return nil
}

// delegated stands for what a configured stub zone is to a resolver that has none:
// the root refers to its servers, and has nothing at the names between.
func (p *rplPlay) delegated(q rplOut) *rplEntry {
	if !slices.Contains(p.scenario.config.roots, q.server) {
		return nil
	}
	asked := q.msg.Question[0]
	e := &rplEntry{adjust: []string{"copy_id", "copy_query"}}
	e.msg.Response = true
	for _, stub := range p.scenario.config.stubs {
		name := dns.CanonicalName(asked.Name)
		h := dns.RR_Header{Name: stub.zone, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 3600}
		switch {
		case name != "." && name != stub.zone && dns.IsSubDomain(name, stub.zone), name == stub.zone && asked.Qtype == dns.TypeDS:
			h.Name, h.Rrtype = ".", dns.TypeSOA
			e.msg.Authoritative = true
			e.msg.Ns = append(e.msg.Ns, &dns.SOA{Hdr: h, Ns: "stub.invalid.", Mbox: "stub.invalid."})
			return e
		case dns.IsSubDomain(stub.zone, name):
			for i, addr := range stub.addrs {
				host := fmt.Sprintf("s%d.stub.invalid.", i)
				e.msg.Ns = append(e.msg.Ns, &dns.NS{Hdr: h, Ns: host})
				e.msg.Extra = append(e.msg.Extra, addressRecord(host, addr))
			}
			return e
		}
	}
	return nil
}

func addressRecord(host string, addr netip.Addr) dns.RR {
	h := dns.RR_Header{Name: host, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 3600}
	if addr.Is4() {
		return &dns.A{Hdr: h, A: addr.AsSlice()}
	}
	h.Rrtype = dns.TypeAAAA
	return &dns.AAAA{Hdr: h, AAAA: addr.AsSlice()}
}

// answers reports whether the entry's MATCH holds for a query. One without MATCH
// answers every query.
func (e *rplEntry) answers(q rplOut) bool {
	asked := q.msg.Question[0]
	var own dns.Question
	if len(e.msg.Question) > 0 {
		own = e.msg.Question[0]
	}
	opt := q.msg.IsEdns0()
	for _, element := range e.match {
		var ok bool
		switch element {
		case "opcode":
			ok = q.msg.Opcode == e.msg.Opcode
		case "qtype":
			ok = len(e.msg.Question) > 0 && asked.Qtype == own.Qtype
		case "qname":
			ok = len(e.msg.Question) > 0 && strings.EqualFold(asked.Name, own.Name)
		case "qcase":
			ok = asked.Name == own.Name
		case "question":
			ok = len(e.msg.Question) > 0 && asked.Qtype == own.Qtype && asked.Qclass == own.Qclass && strings.EqualFold(asked.Name, own.Name)
		case "subdomain":
			ok = len(e.msg.Question) == 0 || dns.IsSubDomain(own.Name, asked.Name)
		case "UDP":
			ok = !q.tcp
		case "TCP":
			ok = q.tcp
		case "DO":
			ok = opt != nil && opt.Do()
		case "noedns":
			ok = opt == nil
		case "flags":
			ok = !e.msg.Response && e.msg.RecursionDesired == q.msg.RecursionDesired && e.msg.CheckingDisabled == q.msg.CheckingDisabled && e.msg.AuthenticatedData == q.msg.AuthenticatedData
		case "rcode":
			ok = e.msg.Rcode == dns.RcodeSuccess
		case "answer":
			ok = len(e.msg.Answer) == 0
		default:
			ok = false
		}
		if !ok {
			return false
		}
	}
	return len(e.ede) == 0
}

// wire returns the entry's message as the reply to a query. The replies of Deckard
// have the EDNS of the query, those of Unbound their own.
func (e *rplEntry) wire(query *dns.Msg, deckard bool) ([]byte, error) {
	if e.hasRaw {
		raw := append([]byte(nil), e.raw...)
		if len(raw) >= 2 && (e.adjusts("raw_id") || e.adjusts("copy_id")) {
			binary.BigEndian.PutUint16(raw, query.Id)
		}
		return raw, nil
	}
	m := e.msg.Copy()
	// Unbound's queries carry no ID before they leave for the network, which
	// its tests stand in for.
	if e.adjusts("copy_id") || !deckard {
		m.Id = query.Id
	}
	if e.adjusts("copy_query") || e.adjusts("copy_id") && deckard && len(m.Question) > 0 {
		q := query.Question[0]
		if !e.adjusts("copy_query") {
			q = m.Question[0]
			if strings.EqualFold(q.Name, query.Question[0].Name) {
				q.Name = query.Question[0].Name
			}
		}
		m.Question = []dns.Question{q}
	}
	if opt := query.IsEdns0(); deckard && opt != nil {
		m.SetEdns0(opt.UDPSize(), opt.Do())
	} else if !deckard && e.do {
		m.SetEdns0(1232, true)
	}
	m.Compress = true
	wire, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("packing the entry of line %d: %w", e.line, err)
	}
	return wire, nil
}

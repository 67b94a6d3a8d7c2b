// Package resolvertest serves small DNS trees on the loopback for tests: real
// UDP and TCP sockets, one address of 127.0.0.0/8 for each name server, all on
// the same unprivileged port. As httptest does for HTTP, it lets a test run the
// production code against real servers.
//
// Served are referrals with glue, CNAMEs, NXDOMAIN, NODATA and truncation. Not
// served: DNSSEC, wildcards, dynamic updates. A test that needs a misbehaving
// server gives it a handler of its own.
package resolvertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"mpicsim/perspectives/resolver"
)

// Server is one name server.
type Server struct {
	// Addr is its address, in 127.0.0.0/8 but not 127.0.0.1.
	Addr string
	// Zones are the zones that it is authoritative for.
	Zones []Zone
	// Handler, if not nil, answers instead of Zones.
	Handler dns.HandlerFunc
}

// Zone is an authoritative zone.
type Zone struct {
	// Origin is its name.
	Origin string
	// Records is master file text relative to Origin, with a TTL of 300 s. An
	// SOA record is added.
	Records string
}

// World is a running set of name servers.
type World struct {
	// Port is the port that all of them listen on.
	Port uint16

	mu  sync.Mutex
	log []string
}

// Start runs the servers until the test ends.
func Start(tb testing.TB, servers ...Server) *World {
	tb.Helper()
	w := &World{}
	handlers := make([]dns.Handler, len(servers))
	for i, s := range servers {
		handlers[i] = w.logged(s.Addr, s.handler(tb))
	}
	udp, tcp := w.listen(tb, servers)
	for i := range servers {
		for _, srv := range []*dns.Server{
			{PacketConn: udp[i], Handler: handlers[i]},
			{Listener: tcp[i], Handler: handlers[i]},
		} {
			started := make(chan struct{})
			srv.NotifyStartedFunc = func() { close(started) }
			go srv.ActivateAndServe() //nolint:errcheck // ends with Shutdown
			<-started
			tb.Cleanup(func() { _ = srv.Shutdown() })
		}
	}
	return w
}

// listen binds every server to one port that is free at all their addresses.
func (w *World) listen(tb testing.TB, servers []Server) (udp []net.PacketConn, tcp []net.Listener) {
	tb.Helper()
	var err error
	for range 50 {
		if udp, tcp, err = w.tryListen(tb.Context(), servers); err == nil {
			return udp, tcp
		}
		for _, c := range udp {
			_ = c.Close()
		}
		for _, l := range tcp {
			_ = l.Close()
		}
	}
	tb.Fatalf("resolvertest: no port that is free at all addresses: %v", err)
	return nil, nil
}

func (w *World) tryListen(ctx context.Context, servers []Server) (udp []net.PacketConn, tcp []net.Listener, err error) {
	w.Port = 0
	var config net.ListenConfig
	for _, s := range servers {
		pc, err := config.ListenPacket(ctx, "udp", fmt.Sprintf("%s:%d", s.Addr, w.Port))
		if err != nil {
			return udp, tcp, err
		}
		udp = append(udp, pc)
		addr, ok := pc.LocalAddr().(*net.UDPAddr)
		if !ok {
			return udp, tcp, errors.New("not a UDP address")
		}
		w.Port = addr.AddrPort().Port()
		l, err := config.Listen(ctx, "tcp", fmt.Sprintf("%s:%d", s.Addr, w.Port))
		if err != nil {
			return udp, tcp, err
		}
		tcp = append(tcp, l)
	}
	return udp, tcp, nil
}

// Roots returns hints for the servers at addrs.
func (w *World) Roots(addrs ...string) []resolver.Root {
	var roots []resolver.Root
	for i, a := range addrs {
		roots = append(roots, resolver.Root{
			Name:  fmt.Sprintf("%c.root-servers.test", 'a'+i),
			Addrs: []netip.AddrPort{w.At(a)},
		})
	}
	return roots
}

// At returns the socket address of the server at addr.
func (w *World) At(addr string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), w.Port)
}

// Queries returns what was asked so far as "127.0.0.2 udp example.com. A", with
// names in lower case.
func (w *World) Queries() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

func (w *World) logged(addr string, h dns.Handler) dns.Handler {
	return dns.HandlerFunc(func(rw dns.ResponseWriter, q *dns.Msg) {
		w.mu.Lock()
		w.log = append(w.log, fmt.Sprintf("%s %s %s %s", addr, rw.LocalAddr().Network(),
			dns.CanonicalName(q.Question[0].Name), dns.TypeToString[q.Question[0].Qtype]))
		w.mu.Unlock()
		h.ServeDNS(rw, q)
	})
}

func (s Server) handler(tb testing.TB) dns.Handler {
	tb.Helper()
	if s.Handler != nil {
		return s.Handler
	}
	zones := make([]zone, len(s.Zones))
	for i, z := range s.Zones {
		zones[i] = z.parse(tb)
	}
	return dns.HandlerFunc(func(rw dns.ResponseWriter, q *dns.Msg) {
		m := Reply(q)
		answer(m, zones)
		if rw.LocalAddr().Network() == "udp" {
			size := dns.MinMsgSize
			if opt := q.IsEdns0(); opt != nil {
				m.SetEdns0(dns.DefaultMsgSize, false)
				size = int(opt.UDPSize())
			}
			m.Truncate(size)
		}
		_ = rw.WriteMsg(m)
	})
}

// Reply returns an empty authoritative answer to q for handlers to fill in.
func Reply(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative = true
	return m
}

// RR reads one record in master file format; a mistake fails the test.
func RR(tb testing.TB, text string) dns.RR {
	tb.Helper()
	rr, err := dns.NewRR(text)
	if err != nil || rr == nil {
		tb.Fatalf("resolvertest: record %q: %v", text, err)
	}
	return rr
}

type zone struct {
	origin  string
	records []dns.RR
}

func (z Zone) parse(tb testing.TB) zone {
	tb.Helper()
	out := zone{origin: dns.CanonicalName(z.Origin)}
	soa := "@ SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 300\n"
	p := dns.NewZoneParser(strings.NewReader("$TTL 300\n"+soa+z.Records+"\n"), out.origin, "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		rr.Header().Name = dns.CanonicalName(rr.Header().Name)
		out.records = append(out.records, rr)
	}
	if err := p.Err(); err != nil {
		tb.Fatalf("resolvertest: zone %s: %v", z.Origin, err)
	}
	return out
}

// answer fills in m from the deepest of zones that the question lies in.
func answer(m *dns.Msg, zones []zone) {
	name, qtype := dns.CanonicalName(m.Question[0].Name), m.Question[0].Qtype
	best := -1
	for i, z := range zones {
		if dns.IsSubDomain(z.origin, name) && (best < 0 || dns.CountLabel(z.origin) > dns.CountLabel(zones[best].origin)) {
			best = i
		}
	}
	if best < 0 {
		m.Authoritative, m.Rcode = false, dns.RcodeRefused
		return
	}
	z := zones[best]
	if z.refer(m, name) {
		return
	}
	for range 8 { // aliases within the zone
		if records := z.at(name, qtype); len(records) > 0 {
			m.Answer = append(m.Answer, records...)
			return
		}
		alias := z.at(name, dns.TypeCNAME)
		if len(alias) == 0 {
			break
		}
		m.Answer = append(m.Answer, alias...)
		if c, ok := alias[0].(*dns.CNAME); ok {
			name = dns.CanonicalName(c.Target)
		}
		if !dns.IsSubDomain(z.origin, name) {
			return
		}
	}
	m.Ns = z.at(z.origin, dns.TypeSOA)
	if !z.exists(name) {
		m.Rcode = dns.RcodeNameError
	}
}

// refer fills in m with the delegation that name lies below, if there is one.
func (z zone) refer(m *dns.Msg, name string) bool {
	for _, rr := range z.records {
		h := rr.Header()
		if h.Rrtype == dns.TypeNS && h.Name != z.origin && dns.IsSubDomain(h.Name, name) {
			m.Ns = append(m.Ns, rr)
		}
	}
	for _, rr := range m.Ns {
		if ns, ok := rr.(*dns.NS); ok {
			host := dns.CanonicalName(ns.Ns)
			m.Extra = append(m.Extra, z.at(host, dns.TypeA)...)
			m.Extra = append(m.Extra, z.at(host, dns.TypeAAAA)...)
		}
	}
	m.Authoritative = len(m.Ns) == 0
	return len(m.Ns) > 0
}

func (z zone) at(name string, rrtype uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range z.records {
		if h := rr.Header(); h.Name == name && h.Rrtype == rrtype {
			out = append(out, rr)
		}
	}
	return out
}

// exists says whether name or a name below it has records (RFC 8020).
func (z zone) exists(name string) bool {
	return slices.ContainsFunc(z.records, func(rr dns.RR) bool { return dns.IsSubDomain(name, rr.Header().Name) })
}

package names

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gleak"
)

// loopback is the operating system as a Host.
type loopback struct{ net.ListenConfig }

// serverText holds one of everything that a query can meet.
var serverText = apex + `www        IN A     192.0.2.80
www        IN A     192.0.2.79
Alias      IN CNAME www
far        IN CNAME www.elsewhere.
dangling   IN CNAME nowhere
loop1      IN CNAME loop2
loop2      IN CNAME loop1
into       IN CNAME www.inglue
*.wild     IN TXT   "any"
a.b.deep   IN TXT   "deep"
inglue     IN NS    ns1.inglue
inglue     IN NS    ns.elsewhere.
ns1.inglue IN A     192.0.2.1
ns1.inglue IN AAAA  2001:db8::1
sibling    IN NS    ns1.inglue
sibling    IN DS    1 13 2 00
glueless   IN NS    ns.elsewhere.
` + generate(40, `big IN TXT "record $ of a set that no datagram of 512 octets can carry"`) +
	generate(9, `mid IN TXT "record $ that fits into 1232 octets but not into 512 octets"`) +
	generate(20, "manyns IN NS ns$.manyns\nns$.manyns IN A 192.0.2.$")

// generate writes lines n times, with the numbers from 1 on for "$".
func generate(n int, lines string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(lines, "$", strconv.Itoa(i+1)) + "\n")
	}
	return b.String()
}

func serve(t testing.TB, config Config) netip.AddrPort {
	t.Helper()
	if config.Addrs == nil {
		config.Addrs = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	}
	for range 10 { // a port that TCP has free may be taken over UDP
		s, err := Serve(t.Context(), &loopback{}, config)
		if err != nil {
			t.Log(err)
			continue
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s.Addrs()[0]
	}
	t.Fatal("no port is free over both UDP and TCP")
	return netip.AddrPort{}
}

func ask(t testing.TB, network string, at netip.AddrPort, query *dns.Msg) *dns.Msg {
	t.Helper()
	client := &dns.Client{Net: network, Timeout: 5 * time.Second}
	reply, _, err := client.Exchange(query, at.String())
	if err != nil {
		t.Fatalf("%s %v: %v", network, query.Question, err)
	}
	return reply
}

// lines writes records as "name type data", without TTL and class.
func lines(rrs []dns.RR) []string {
	var out []string
	for _, rr := range rrs {
		if h := rr.Header(); h.Rrtype != dns.TypeOPT {
			out = append(out, fmt.Sprintf("%s %s %s", h.Name, dns.Type(h.Rrtype), strings.TrimPrefix(rr.String(), h.String())))
		}
	}
	return out
}

func TestServerAnswers(t *testing.T) {
	sub, err := ZoneSpec{Origin: "child.other", NameServers: []NameServer{{Name: "ns1.example"}}}.Build()
	if err != nil {
		t.Fatal(err)
	}
	other, err := ZoneSpec{
		Origin: "other", NameServers: []NameServer{{Name: "ns1.example"}},
		Records: "child IN NS ns1.example.\nchild IN DS 2 13 2 00\n",
	}.Build()
	if err != nil {
		t.Fatal(err)
	}
	at := serve(t, Config{Zones: []*Zone{mustParse(t, serverText), other, sub}})
	soa := []string{"example. SOA ns1.example. hostmaster.example. 1 7200 900 1209600 60"}
	type reply struct {
		rcode                         string
		aa                            bool
		answer, authority, additional []string
	}
	www := []string{"www.example. A 192.0.2.80", "www.example. A 192.0.2.79"}
	for _, tc := range []struct {
		name, qname string
		qtype       uint16
		want        reply
	}{
		{"the records, in the order of the zone", "www.example.", dns.TypeA, reply{"NOERROR", true, www, nil, nil}},
		{"a question in another case", "wWw.eXample.", dns.TypeA, reply{"NOERROR", true, www, nil, nil}},
		{"the apex's name servers with addresses", "example.", dns.TypeNS, reply{
			"NOERROR", true,
			[]string{"example. NS ns1.example."},
			nil,
			[]string{"ns1.example. A 192.0.2.53"},
		}},
		{"an alias and its target", "alias.example.", dns.TypeA, reply{"NOERROR", true, append([]string{"Alias.example. CNAME www.example."}, www...), nil, nil}},
		{"the alias itself", "alias.example.", dns.TypeCNAME, reply{"NOERROR", true, []string{"Alias.example. CNAME www.example."}, nil, nil}},
		{"an alias out of the zone", "far.example.", dns.TypeA, reply{"NOERROR", true, []string{"far.example. CNAME www.elsewhere."}, nil, nil}},
		{"an alias to nothing", "dangling.example.", dns.TypeA, reply{"NXDOMAIN", true, []string{"dangling.example. CNAME nowhere.example."}, soa, nil}},
		{"an alias whose target lacks the type", "alias.example.", dns.TypeTXT, reply{"NOERROR", true, []string{"Alias.example. CNAME www.example."}, soa, nil}},
		{"an alias into a delegated zone", "into.example.", dns.TypeA, reply{
			"NOERROR", true,
			[]string{"into.example. CNAME www.inglue.example."},
			[]string{"inglue.example. NS ns1.inglue.example.", "inglue.example. NS ns.elsewhere."},
			[]string{"ns1.inglue.example. A 192.0.2.1", "ns1.inglue.example. AAAA 2001:db8::1"},
		}},
		{"aliases in a ring", "loop1.example.", dns.TypeA, reply{"NOERROR", true, []string{"loop1.example. CNAME loop2.example.", "loop2.example. CNAME loop1.example."}, nil, nil}},
		{"a name that a wildcard makes", "x.Y.wild.example.", dns.TypeTXT, reply{"NOERROR", true, []string{"x.Y.wild.example. TXT \"any\""}, nil, nil}},
		{"a type that the wildcard lacks", "x.wild.example.", dns.TypeA, reply{"NOERROR", true, nil, soa, nil}},
		{"a wildcard does not stand for its parent", "wild.example.", dns.TypeTXT, reply{"NOERROR", true, nil, soa, nil}},
		{"NODATA", "www.example.", dns.TypeTXT, reply{"NOERROR", true, nil, soa, nil}},
		{"an empty non-terminal is NODATA", "b.deep.example.", dns.TypeTXT, reply{"NOERROR", true, nil, soa, nil}},
		{"NXDOMAIN", "nowhere.example.", dns.TypeA, reply{"NXDOMAIN", true, nil, soa, nil}},
		{"NXDOMAIN below a name", "x.www.example.", dns.TypeA, reply{"NXDOMAIN", true, nil, soa, nil}},
		{"a referral with glue", "www.inglue.example.", dns.TypeA, reply{
			"NOERROR", false, nil,
			[]string{"inglue.example. NS ns1.inglue.example.", "inglue.example. NS ns.elsewhere."},
			[]string{"ns1.inglue.example. A 192.0.2.1", "ns1.inglue.example. AAAA 2001:db8::1"},
		}},
		{"glue is not answered as data", "ns1.inglue.example.", dns.TypeA, reply{
			"NOERROR", false, nil,
			[]string{"inglue.example. NS ns1.inglue.example.", "inglue.example. NS ns.elsewhere."},
			[]string{"ns1.inglue.example. A 192.0.2.1", "ns1.inglue.example. AAAA 2001:db8::1"},
		}},
		{"a referral with a sibling's glue", "sibling.example.", dns.TypeSOA, reply{
			"NOERROR", false, nil,
			[]string{"sibling.example. NS ns1.inglue.example."},
			[]string{"ns1.inglue.example. A 192.0.2.1", "ns1.inglue.example. AAAA 2001:db8::1"},
		}},
		{"a referral without glue", "x.glueless.example.", dns.TypeMX, reply{"NOERROR", false, nil, []string{"glueless.example. NS ns.elsewhere."}, nil}},
		{"DS at a cut", "sibling.example.", dns.TypeDS, reply{"NOERROR", true, []string{"sibling.example. DS 1 13 2 00"}, nil, nil}},
		{"no DS at a cut", "inglue.example.", dns.TypeDS, reply{"NOERROR", true, nil, soa, nil}},
		{"DS of a child served here too comes from above", "child.other.", dns.TypeDS, reply{"NOERROR", true, []string{"child.other. DS 2 13 2 00"}, nil, nil}},
		{"of two zones the closer one answers", "child.other.", dns.TypeNS, reply{"NOERROR", true, []string{"child.other. NS ns1.example."}, nil, nil}},
		{"DS of a zone whose parent is elsewhere", "example.", dns.TypeDS, reply{"NOERROR", true, nil, soa, nil}},
		{"ANY", "ns1.example.", dns.TypeANY, reply{"NOERROR", true, []string{"ns1.example. A 192.0.2.53"}, nil, nil}},
		{"a zone that is not served", "www.elsewhere.", dns.TypeA, reply{"REFUSED", false, nil, nil, nil}},
		{"the root", ".", dns.TypeNS, reply{"REFUSED", false, nil, nil, nil}},
		{"a zone transfer", "example.", dns.TypeAXFR, reply{"REFUSED", false, nil, nil, nil}},
		{"MAILB", "example.", dns.TypeMAILB, reply{"NOTIMP", false, nil, nil, nil}},
		{"a question for OPT", "example.", dns.TypeOPT, reply{"FORMERR", false, nil, nil, nil}},
	} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(tc.name+" over "+network, func(t *testing.T) {
				g := NewWithT(t)
				query := new(dns.Msg).SetQuestion(tc.qname, tc.qtype)
				m := ask(t, network, at, query)
				got := reply{dns.RcodeToString[m.Rcode], m.Authoritative, lines(m.Answer), lines(m.Ns), lines(m.Extra)}
				g.Expect(got).To(Equal(tc.want))
				g.Expect(m.Question).To(Equal(query.Question), "the question comes back as asked")
				g.Expect(m.RecursionDesired).To(BeTrue())
				g.Expect(m.RecursionAvailable).To(BeFalse())
				g.Expect(m.Truncated).To(BeFalse())
				g.Expect(m.IsEdns0()).To(BeNil(), "no OPT record that nobody asked for")
				for _, rr := range m.Ns {
					if rr.Header().Rrtype == dns.TypeSOA {
						g.Expect(rr.Header().Ttl).To(BeEquivalentTo(60), "the SOA record's MINIMUM (RFC 2308 3)")
					}
				}
			})
		}
	}
}

func TestServerSizes(t *testing.T) {
	at := serve(t, Config{Zones: []*Zone{mustParse(t, serverText)}})
	large := serve(t, Config{Zones: []*Zone{mustParse(t, serverText)}, UDPSize: 4096})
	for _, tc := range []struct {
		name      string
		at        netip.AddrPort
		qname     string
		qtype     uint16
		edns      uint16 // the client's size, 0: no EDNS(0)
		truncated bool
		records   int // over TCP, and over UDP if not truncated
	}{
		{"512 octets without EDNS(0)", at, "mid.example.", dns.TypeTXT, 0, true, 9},
		{"1232 octets if the client takes them", at, "mid.example.", dns.TypeTXT, 1232, false, 9},
		{"less than 512 is 512", at, "mid.example.", dns.TypeTXT, 100, true, 9},
		{"no more than the server's own size", at, "big.example.", dns.TypeTXT, 4096, true, 40},
		{"as much as both take", large, "big.example.", dns.TypeTXT, 4096, false, 40},
		{"no more than the client takes", large, "big.example.", dns.TypeTXT, 1232, true, 40},
		{"a referral without all of its glue is truncated", at, "x.manyns.example.", dns.TypeA, 0, true, 20},
		{"a referral with all of its glue", at, "x.manyns.example.", dns.TypeA, 1232, false, 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := NewWithT(t)
			query := new(dns.Msg).SetQuestion(tc.qname, tc.qtype)
			if tc.edns > 0 {
				query.SetEdns0(tc.edns, false)
			}
			for network, truncated := range map[string]bool{"udp": tc.truncated, "tcp": false} {
				m := ask(t, network, tc.at, query)
				g.Expect(m.Truncated).To(Equal(truncated), network)
				if truncated {
					g.Expect(lines(slices.Concat(m.Answer, m.Ns, m.Extra))).To(BeEmpty())
				} else {
					g.Expect(max(len(m.Answer), len(m.Ns))).To(Equal(tc.records), network)
				}
				g.Expect(m.IsEdns0() != nil).To(Equal(tc.edns > 0), "EDNS(0) answers EDNS(0)")
			}
		})
	}
}

// An additional section that is only a courtesy is left out, not truncated.
func TestServerDropsCourtesyAddresses(t *testing.T) {
	g := NewWithT(t)
	z := mustParse(t, apex+generate(25, "@ IN NS n$\nn$ IN A 192.0.2.$"))
	at := serve(t, Config{Zones: []*Zone{z}})
	m := ask(t, "udp", at, new(dns.Msg).SetQuestion("example.", dns.TypeNS))
	g.Expect(m.Truncated).To(BeFalse())
	g.Expect(m.Answer).To(HaveLen(26))
	g.Expect(m.Extra).To(BeEmpty())
	g.Expect(ask(t, "tcp", at, new(dns.Msg).SetQuestion("example.", dns.TypeNS)).Extra).To(HaveLen(26))
}

func TestServerEDNS(t *testing.T) {
	at := serve(t, Config{Zones: []*Zone{mustParse(t, serverText)}})
	query := func(change func(*dns.Msg, *dns.OPT)) *dns.Msg {
		m := new(dns.Msg).SetQuestion("www.example.", dns.TypeA).SetEdns0(4096, false)
		change(m, m.IsEdns0())
		return m
	}
	for name, tc := range map[string]struct {
		query *dns.Msg
		rcode int
		do    bool
	}{
		"plain":              {query(func(*dns.Msg, *dns.OPT) {}), dns.RcodeSuccess, false},
		"the DO bit":         {query(func(_ *dns.Msg, o *dns.OPT) { o.SetDo() }), dns.RcodeSuccess, true},
		"an unknown option":  {query(func(_ *dns.Msg, o *dns.OPT) { o.Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001, Data: []byte{1}}} }), dns.RcodeSuccess, false},
		"an unknown version": {query(func(_ *dns.Msg, o *dns.OPT) { o.SetVersion(1) }), dns.RcodeBadVers, false},
		"two OPT records":    {query(func(m *dns.Msg, o *dns.OPT) { m.Extra = append(m.Extra, o) }), dns.RcodeFormatError, false},
		"an OPT with a name": {query(func(_ *dns.Msg, o *dns.OPT) { o.Hdr.Name = "x." }), dns.RcodeFormatError, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := ask(t, "udp", at, tc.query)
			g.Expect(m.Rcode).To(Equal(tc.rcode))
			g.Expect(m.Answer).To(HaveLen(map[bool]int{true: 2}[tc.rcode == dns.RcodeSuccess]))
			opt := m.IsEdns0()
			g.Expect(opt).NotTo(BeNil())
			g.Expect(opt.Version()).To(BeZero())
			g.Expect(opt.UDPSize()).To(BeEquivalentTo(1232))
			g.Expect(opt.Do()).To(Equal(tc.do))
			g.Expect(opt.Option).To(BeEmpty())
		})
	}
}

func TestServerRejectsOddMessages(t *testing.T) {
	at := serve(t, Config{Zones: []*Zone{mustParse(t, serverText)}})
	question := func() *dns.Msg { return new(dns.Msg).SetQuestion("www.example.", dns.TypeA) }
	for name, tc := range map[string]struct {
		change func(*dns.Msg)
		rcode  int
	}{
		"NOTIFY":              {func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }, dns.RcodeNotImplemented},
		"an update":           {func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
		"an unknown opcode":   {func(m *dns.Msg) { m.Opcode = 15 }, dns.RcodeNotImplemented},
		"no question":         {func(m *dns.Msg) { m.Question = nil }, dns.RcodeFormatError},
		"two questions":       {func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }, dns.RcodeFormatError},
		"an answer inside":    {func(m *dns.Msg) { m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeA}}} }, dns.RcodeFormatError},
		"an authority inside": {func(m *dns.Msg) { m.Ns = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeA}}} }, dns.RcodeFormatError},
		"class CH":            {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		"class ANY":           {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY }, dns.RcodeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			query := question()
			tc.change(query)
			wire, err := query.Pack()
			g.Expect(err).NotTo(HaveOccurred())
			conn, err := net.Dial("udp", at.String())
			g.Expect(err).NotTo(HaveOccurred())
			defer func() { _ = conn.Close() }()
			_, err = conn.Write(wire)
			g.Expect(err).NotTo(HaveOccurred())
			buf := make([]byte, 512)
			n, err := conn.Read(buf)
			g.Expect(err).NotTo(HaveOccurred())
			var m dns.Msg
			g.Expect(m.Unpack(buf[:n])).To(Succeed())
			g.Expect(m.Rcode).To(Equal(tc.rcode), dns.RcodeToString[m.Rcode])
			g.Expect(m.Id).To(Equal(query.Id))
			g.Expect(m.Response).To(BeTrue())
			g.Expect(m.Authoritative).To(BeFalse())
		})
	}
}

// memoryConn is a packet socket in memory. Its addresses are objects of their
// own type, as an emulated host's are.
type memoryConn struct {
	net.PacketConn // what the server does not use

	in      chan packet
	out     chan packet
	closing sync.Once
	closed  chan struct{}
}

type packet struct {
	wire []byte
	addr net.Addr
}

type stampedAddr struct {
	net.UDPAddr

	at time.Duration
}

func newMemoryConn() *memoryConn {
	return &memoryConn{in: make(chan packet), out: make(chan packet, 1024), closed: make(chan struct{})}
}

func (c *memoryConn) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case in := <-c.in:
		return copy(p, in.wire), in.addr, nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

func (c *memoryConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	c.out <- packet{slices.Clone(p), addr}
	return len(p), nil
}

func (c *memoryConn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return nil
}

func (c *memoryConn) LocalAddr() net.Addr             { return &net.UDPAddr{Port: 53} }
func (c *memoryConn) SetReadDeadline(time.Time) error { return errors.ErrUnsupported }

// memoryHost gives out one memoryConn, and TCP listeners of the loopback.
type memoryHost struct {
	loopback
	conn *memoryConn
}

func (h *memoryHost) ListenPacket(context.Context, string, string) (net.PacketConn, error) {
	return h.conn, nil
}

func TestReplyGoesToTheAddressObject(t *testing.T) {
	g := NewWithT(t)
	conn := newMemoryConn()
	var seen []QueryEvent
	s, err := Serve(t.Context(), &memoryHost{conn: conn}, Config{
		Addrs:   []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
		Zones:   []*Zone{mustParse(t, serverText)},
		OnQuery: func(e QueryEvent) { seen = append(seen, e) },
	})
	g.Expect(err).NotTo(HaveOccurred())
	for i := range 3 {
		wire, err := new(dns.Msg).SetQuestion("WWW.example.", dns.TypeCAA).Pack()
		g.Expect(err).NotTo(HaveOccurred())
		from := &stampedAddr{at: time.Duration(i)}
		conn.in <- packet{wire, from}
		reply := <-conn.out
		g.Expect(reply.addr).To(BeIdenticalTo(net.Addr(from)))
		g.Expect(seen).To(HaveLen(i + 1))
		g.Expect(seen[i].Remote).To(BeIdenticalTo(net.Addr(from)))
		seen[i].Remote, seen[i].Local = nil, nil
		g.Expect(seen[i]).To(Equal(QueryEvent{
			Network: "udp", Name: "WWW.example.", Type: "CAA", Zone: "example.",
			Outcome: NoData, Rcode: "NOERROR", Size: len(reply.wire),
		}))
	}
	g.Expect(s.Close()).To(Succeed(), "although the socket knows no deadlines")
}

func TestServeRefuses(t *testing.T) {
	z := mustParse(t, apex)
	local := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	for name, tc := range map[string]struct {
		config Config
		want   string
	}{
		"no address":               {Config{Zones: []*Zone{z}}, "no address to listen at"},
		"an empty address":         {Config{Addrs: []netip.AddrPort{{}}}, "want a specific IP address"},
		"an unspecified address":   {Config{Addrs: []netip.AddrPort{netip.MustParseAddrPort("[::]:53")}}, "address [::]:53: want a specific IP address"},
		"a zone twice":             {Config{Addrs: local, Zones: []*Zone{z, z}}, "two zones are called example."},
		"a UDP size too small":     {Config{Addrs: local, UDPSize: 511}, "UDP size 511, want at least 512"},
		"an address of a stranger": {Config{Addrs: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:0")}}, "listen on TCP"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Serve(t.Context(), &loopback{}, tc.config)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

func TestServerStopsCleanly(t *testing.T) {
	for _, how := range []string{"Close", "the context"} {
		t.Run(how, func(t *testing.T) {
			g := NewWithT(t)
			before := gleak.Goroutines()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			s, err := Serve(ctx, &memoryHost{conn: newMemoryConn()}, Config{
				Addrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Zones: []*Zone{mustParse(t, apex)},
			})
			g.Expect(err).NotTo(HaveOccurred())
			idle, err := net.Dial("tcp", s.Addrs()[0].String()) // must not hold up the server
			g.Expect(err).NotTo(HaveOccurred())
			defer func() { _ = idle.Close() }()
			if how == "Close" {
				g.Expect(s.Close()).To(Succeed())
			} else {
				cancel()
			}
			g.Eventually(gleak.Goroutines).ShouldNot(gleak.HaveLeaked(before))
			g.Expect(s.Close()).To(Succeed(), "again")
			_, err = net.Dial("tcp", s.Addrs()[0].String())
			g.Expect(err).To(HaveOccurred())
		})
	}
}

// FuzzServer sends arbitrary datagrams to a running server. Whatever comes back
// must be a response to that message, of a size that anybody can take.
func FuzzServer(f *testing.F) {
	for _, m := range []*dns.Msg{
		new(dns.Msg).SetQuestion("www.example.", dns.TypeA),
		new(dns.Msg).SetQuestion("big.example.", dns.TypeTXT),
		new(dns.Msg).SetQuestion("x.wild.example.", dns.TypeANY).SetEdns0(4096, true),
		new(dns.Msg).SetQuestion("x.inglue.example.", dns.TypeDS),
		new(dns.Msg).SetQuestion("loop1.example.", dns.TypeA),
		new(dns.Msg).SetNotify("example."),
		new(dns.Msg).SetUpdate("example."),
		new(dns.Msg).SetAxfr("example."),
		{MsgHdr: dns.MsgHdr{Response: true}},
	} {
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Add([]byte{})
	f.Add([]byte{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1}) // a name that points to itself
	conn := newMemoryConn()
	s, err := Serve(context.Background(), &memoryHost{conn: conn}, Config{
		Addrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Zones: []*Zone{mustParse(f, serverText)},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	good, err := new(dns.Msg).SetQuestion("www.example.", dns.TypeA).Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		odd, even := &stampedAddr{at: 1}, &stampedAddr{at: 2}
		conn.in <- packet{wire, odd}
		conn.in <- packet{good, even}
		for reply := range conn.out { // the server is alive if the good one is answered
			if reply.addr == net.Addr(even) {
				break
			}
			if reply.addr != net.Addr(odd) {
				continue // of an earlier message
			}
			switch {
			case len(reply.wire) > defaultSize:
				t.Fatalf("%d octets", len(reply.wire))
			case reply.wire[2]>>7 != 1:
				t.Fatal("the reply is no response")
			case binary.BigEndian.Uint16(reply.wire) != binary.BigEndian.Uint16(wire):
				t.Fatal("the reply has another ID")
			}
		}
	})
}

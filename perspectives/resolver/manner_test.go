package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/gomega"
)

// crippled is a name server, and a recursive resolver, with one way of each kind to
// deal with questions. It serves one set of records that needs EDNS to fit into a
// datagram.
type crippled struct {
	folds  bool   // the case of the question
	tcp    string // "works", "refused", "silent", "cut", "truncates"
	edns   string // "works", "ignores", "boasts", "drops", or what it says: "FORMERR", "FORMERR with OPT", "BADVERS", "NOTIMP", or "garbles"
	udp    string // "fits", "empty", "partial", "torn": what comes over UDP
	loses  int    // how many datagrams are lost at first
	asked  int
	plenty []dns.RR
}

const crippledName = "shop."

func (c *crippled) String() string {
	return fmt.Sprintf("folds=%v tcp=%s edns=%s udp=%s loses=%d", c.folds, c.tcp, c.edns, c.udp, c.loses)
}

func (c *crippled) DialContext(_ context.Context, network, _ string) (net.Conn, error) {
	if network == "tcp" && c.tcp == "refused" {
		c.asked++
		return nil, errors.New("connection refused")
	}
	return &crippledConn{c: c, tcp: network == "tcp"}, nil
}

type crippledConn struct {
	net.Conn
	c   *crippled
	tcp bool
	out []byte
	err error
}

func (*crippledConn) Close() error                { return nil }
func (*crippledConn) SetDeadline(time.Time) error { return nil }

func (c *crippledConn) Read(b []byte) (int, error) {
	if len(c.out) == 0 {
		return 0, c.err
	}
	n := copy(b, c.out)
	c.out = c.out[n:]
	return n, nil
}

func (c *crippledConn) Write(wire []byte) (int, error) {
	n := len(wire)
	if c.tcp {
		wire = wire[2:]
	}
	c.err = os.ErrDeadlineExceeded
	c.c.asked++
	if c.out = c.c.reply(wire, c.tcp); c.tcp && c.out != nil {
		c.out = append(binary.BigEndian.AppendUint16(nil, uint16(len(c.out))), c.out...)
		if c.c.tcp == "cut" {
			c.out, c.err = c.out[:len(c.out)/2], io.EOF
		}
	}
	return n, nil
}

// reply is what the server sends, nil if it is silent.
func (c *crippled) reply(wire []byte, tcp bool) []byte {
	q := new(dns.Msg)
	if err := q.Unpack(wire); err != nil {
		panic(err)
	}
	if tcp && c.tcp == "silent" {
		return nil
	}
	if !tcp && c.loses > 0 {
		c.loses--
		return nil
	}
	m := new(dns.Msg).SetReply(q)
	m.Authoritative, m.RecursionAvailable = !q.RecursionDesired, q.RecursionDesired
	if c.folds {
		m.Question[0].Name = strings.ToLower(q.Question[0].Name)
	}
	size := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		switch c.edns {
		case "works":
			size = int(opt.UDPSize())
			m.SetEdns0(1232, false)
		case "ignores":
		case "boasts": // sends whatever the question allows for
			size = dns.MaxMsgSize
		case "drops":
			return nil
		case "garbles": // an option that is longer than the record
			m.Answer = c.plenty
			out := pack(m)
			out[11]++
			return append(out, 0, 0, byte(dns.TypeOPT), 4, 208, 0, 0, 0, 0, 0, 4, 0, 10, 0, 8)
		default:
			code, with, _ := strings.Cut(c.edns, " ")
			if code == "BADVERS" || with != "" {
				m.SetEdns0(1232, false)
			}
			m.Rcode = map[string]int{"FORMERR": dns.RcodeFormatError, "BADVERS": dns.RcodeBadVers, "NOTIMP": dns.RcodeNotImplemented}[code]
			return pack(m)
		}
	}
	m.Answer = c.plenty
	whole := pack(m)
	switch {
	case tcp && c.tcp == "truncates":
		m.Truncated, m.Answer = true, c.plenty[:1]
	case tcp:
	case c.udp == "torn":
		m.Truncated = true
		return pack(m)[:len(whole)*2/3]
	case c.udp == "empty" || c.udp == "partial" || len(whole) > size:
		m.Truncated, m.Answer = true, c.plenty[:1]
		if c.udp == "empty" {
			m.Answer = nil
		}
	}
	return pack(m)
}

func pack(m *dns.Msg) []byte {
	wire, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return wire
}

// can reports whether there is any manner of asking in which the server sends all
// of the records.
func (c *crippled) can() bool {
	return c.tcp == "works" || c.udp == "fits" && c.edns == "works"
}

// everyCripple calls f with each combination.
func everyCripple(f func(crippled)) {
	for _, folds := range []bool{false, true} {
		for _, tcp := range []string{"works", "refused", "silent", "cut", "truncates"} {
			for _, edns := range []string{"works", "ignores", "drops", "FORMERR", "FORMERR with OPT", "BADVERS", "NOTIMP", "garbles"} {
				for _, udp := range []string{"fits", "empty", "partial", "torn"} {
					for loses := range 3 {
						f(crippled{folds: folds, tcp: tcp, edns: edns, udp: udp, loses: loses})
					}
				}
			}
		}
	}
}

// TestWholeOrNothing asks servers with every combination of faults, as a resolver
// and as a stub, twice in a session. What comes is all records or an error, and an
// error only if the server cannot be brought to send all of them.
func TestWholeOrNothing(t *testing.T) {
	records := make([]dns.RR, 6)
	for i := range records {
		rr, err := dns.NewRR(fmt.Sprintf(`%s 300 IN CAA 0 issue "ca%d.example; x=%s"`, crippledName, i, strings.Repeat("y", 120)))
		if err != nil {
			t.Fatal(err)
		}
		records[i] = rr
	}
	type session interface {
		Lookup(ctx context.Context, name string, qtype uint16) (*Answer, error)
	}
	at := netip.MustParseAddrPort("127.0.0.1:53")
	clock := func() time.Time { return time.Time{} }
	kinds := map[string]func(c *crippled) session{
		"resolver": func(c *crippled) session {
			r, err := New(Options{Network: c, Clock: clock, Roots: []Root{{Name: "a", Addrs: []netip.AddrPort{at}}}, Rand: upper{}})
			if err != nil {
				t.Fatal(err)
			}
			return r.NewSession()
		},
		"stub": func(c *crippled) session {
			s, err := NewStub(StubOptions{Network: c, Clock: clock, Server: at, Rand: upper{}})
			if err != nil {
				t.Fatal(err)
			}
			return s.NewSession()
		},
	}
	for kind, open := range kinds {
		n, failed := 0, 0
		everyCripple(func(c crippled) {
			c.plenty = records
			s := open(&c)
			for turn := range 2 {
				if turn == 0 && c.loses > 1 { // as many as there are tries
					_, _ = s.Lookup(t.Context(), crippledName, dns.TypeCAA)
				}
				n++
				before := c.asked
				a, err := s.Lookup(t.Context(), crippledName, dns.TypeCAA)
				switch {
				case err == nil && len(a.Records) != len(records):
					t.Errorf("%s of %v: %d of %d records", kind, &c, len(a.Records), len(records))
				case err != nil && c.can():
					t.Errorf("%s of %v, lookup %d: %v", kind, &c, turn, err)
				case err != nil:
					failed++
				}
				if got := c.asked - before; got > 10 {
					t.Errorf("%s of %v: %d messages", kind, &c, got)
				}
			}
		})
		if failed == 0 || failed == n {
			t.Errorf("%s: %d of %d lookups fail: the test does not test", kind, failed, n)
		}
	}
}

// TestLargeDatagram: a server that sends a datagram of more octets than are read has
// not sent them all as far as we know. TCP has the rest, or nothing has.
func TestLargeDatagram(t *testing.T) {
	c := crippled{edns: "boasts", udp: "fits", tcp: "works"}
	for i := range 40 {
		rr, err := dns.NewRR(fmt.Sprintf(`%s 300 IN CAA 0 issue "ca%d.example; x=%s"`, crippledName, i, strings.Repeat("y", 120)))
		if err != nil {
			t.Fatal(err)
		}
		c.plenty = append(c.plenty, rr)
	}
	lookup := func() (*Answer, error) {
		r, err := New(Options{Network: &c, Clock: func() time.Time { return time.Time{} }, Roots: []Root{{Name: "a", Addrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")}}}})
		if err != nil {
			t.Fatal(err)
		}
		return r.Lookup(t.Context(), crippledName, dns.TypeCAA)
	}
	if a, err := lookup(); err != nil || len(a.Records) != len(c.plenty) {
		t.Errorf("with TCP: %v, found %v records, expected all", err, a)
	}
	c.tcp = "refused"
	if _, err := lookup(); !errors.Is(err, ErrTruncated) {
		t.Errorf("without TCP: found %v, expected %v", err, ErrTruncated)
	}
}

// upper makes every letter of a question upper case.
type upper struct{}

func (upper) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0xff
	}
	return len(p), nil
}

// A server that can do everything is asked once.
func TestHealthyServerIsAskedOnce(t *testing.T) {
	g := NewWithT(t)
	rr, err := dns.NewRR(crippledName + ` 300 IN CAA 0 issue "ca.example"`)
	g.Expect(err).NotTo(HaveOccurred())
	c := &crippled{tcp: "works", edns: "works", udp: "fits", plenty: []dns.RR{rr}}
	r, err := New(Options{Network: c, Clock: func() time.Time { return time.Time{} }, Roots: []Root{{Name: "a", Addrs: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}}}})
	g.Expect(err).NotTo(HaveOccurred())
	s := r.NewSession()
	for n := range 3 {
		_, err := s.Lookup(t.Context(), crippledName, dns.TypeCAA)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(c.asked).To(Equal(n + 1))
	}
}

// What a server cannot do is found out once in a session.
func TestWhatAServerCannotDoIsRemembered(t *testing.T) {
	for _, row := range []struct {
		c           crippled
		first, next int
	}{
		{crippled{folds: true, tcp: "works", edns: "works"}, 2, 1},               // udp, tcp
		{crippled{folds: true, tcp: "refused", edns: "works"}, 3, 1},             // udp, tcp, plain udp
		{crippled{folds: true, tcp: "refused", edns: "FORMERR"}, 4, 1},           // udp, no EDNS, tcp, plain udp
		{crippled{tcp: "works", edns: "BADVERS"}, 2, 1},                          // udp, no EDNS
		{crippled{tcp: "works", edns: "drops"}, 2, 1},                            // udp, udp without EDNS
		{crippled{folds: true, tcp: "silent", edns: "drops", udp: "fits"}, 4, 1}, // udp, no EDNS, tcp, plain udp
	} {
		t.Run(row.c.String(), func(t *testing.T) {
			g := NewWithT(t)
			rr, err := dns.NewRR(crippledName + ` 300 IN CAA 0 issue "ca.example"`)
			g.Expect(err).NotTo(HaveOccurred())
			row.c.plenty = []dns.RR{rr}
			r, err := New(Options{
				Network: &row.c, Clock: func() time.Time { return time.Time{} }, Rand: upper{},
				Roots: []Root{{Name: "a", Addrs: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}}},
			})
			g.Expect(err).NotTo(HaveOccurred())
			s := r.NewSession()
			for _, want := range []int{row.first, row.next, row.next} {
				before := row.c.asked
				a, err := s.Lookup(t.Context(), crippledName, dns.TypeCAA)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(a.Records).To(HaveLen(1))
				g.Expect(row.c.asked - before).To(Equal(want))
			}
		})
	}
}

// classify is the second line: a message of which a part is missing is no answer.
func TestClassifyRefusesPartOfAMessage(t *testing.T) {
	rr, err := dns.NewRR(`www.example.test. 300 IN CAA 0 issue "ca.example"`)
	if err != nil {
		t.Fatal(err)
	}
	rr.Header().Rdlength = 20
	q := question{"www.example.test.", dns.TypeCAA}
	for name, answer := range map[string][]dns.RR{"empty": nil, "in part": {rr}} {
		for _, rcode := range []int{dns.RcodeSuccess, dns.RcodeNameError} {
			m := new(dns.Msg).SetQuestion(q.name, q.qtype)
			m.Response, m.Authoritative, m.Truncated, m.Answer, m.Rcode = true, true, true, answer, rcode
			if rep, err := classify(m, "test.", q, 12); !errors.Is(err, ErrTruncated) {
				t.Errorf("%s, %s: found %v, %v, expected ErrTruncated", name, dns.RcodeToString[rcode], rep, err)
			}
		}
	}
}

// A message must hold as many records as its header counts, except in the
// additional section.
// TestRecordsBeyondTheCounts: a header that counts too few records makes no denial, and
// no part, of a message that has more; octets that are no record are passed over.
func TestRecordsBeyondTheCounts(t *testing.T) {
	query := new(dns.Msg).SetQuestion("a.test.", dns.TypeCAA)
	reply := new(dns.Msg).SetReply(query)
	reply.Authoritative = true
	for _, text := range []string{`a.test. 300 IN CAA 0 issue "ca.example"`, `a.test. 300 IN CAA 128 unknown "x"`} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		reply.Answer = append(reply.Answer, rr)
	}
	counting := func(answers byte, behind ...byte) []byte {
		wire := append(pack(reply), behind...)
		wire[7] = answers
		return wire
	}
	for name, row := range map[string]struct {
		wire []byte
		want error
	}{
		"all":                   {counting(2), nil},
		"none of two":           {counting(0), errUncounted},
		"one of two":            {counting(1), errUncounted},
		"three of two":          {counting(3), errGarbled},
		"zeros behind":          {counting(2, make([]byte, 11)...), nil},
		"octets that are none":  {counting(2, 0xff, 0xff, 0xff), nil},
		"a record of no length": {counting(2, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0), errUncounted},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m, err := parse(row.wire, query)
			if row.want == nil {
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(m.Answer).To(HaveLen(2))
				return
			}
			g.Expect(err).To(MatchError(row.want))
			g.Expect(holds(m, err, dns.TypeCAA)).To(BeTrue())
		})
	}
}

func TestUnpackCounts(t *testing.T) {
	rrs := func(text string) []dns.RR {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		return []dns.RR{rr}
	}
	base := func() *dns.Msg {
		m := new(dns.Msg).SetQuestion("a.test.", dns.TypeCAA)
		m.Response, m.Authoritative = true, true
		m.Answer = rrs(`a.test. 300 IN CAA 0 issue "ca.example"`)
		m.Ns = rrs(`test. 300 IN NS ns.test.`)
		m.Extra = append(rrs(`ns.test. 300 IN A 192.0.2.1`), rrs(`ns.test. 300 IN AAAA 2001:db8::1`)...)
		m.SetEdns0(1232, false)
		return m
	}
	whole := pack(base())
	more := func(section, by int) []byte {
		wire := append([]byte(nil), whole...)
		wire[4+2*section+1] += byte(by)
		return wire
	}
	broken := func(change func(m *dns.Msg)) []byte {
		m := base()
		change(m)
		return pack(m)
	}
	// An address of three octets.
	short := &dns.RFC3597{Hdr: dns.RR_Header{Name: "ns.test.", Rrtype: dns.TypeA, Class: dns.ClassINET}, Rdata: "010203"}
	// BADVERS in an OPT record with an option that is cut short.
	badOPT := base()
	badOPT.Extra = badOPT.Extra[:2]
	cutOPT := append(pack(badOPT), 0, 0, byte(dns.TypeOPT), 4, 208, 1, 0, 0, 0, 0, 3, 0, 1, 0)
	cutOPT[11]++
	for name, row := range map[string]struct {
		wire  []byte
		extra int // -1 for an error
		rcode int
	}{
		"whole":                             {whole, 3, 0},
		"octets behind":                     {append(append([]byte(nil), whole...), make([]byte, 11)...), 3, 0},
		"a question too many":               {more(0, 1), -1, 0},
		"answers too many":                  {more(1, 9), -1, 0},
		"an authority record too many":      {more(2, 9), -1, 0},
		"an additional record too many":     {more(3, 1), 3, 0},
		"cut in the additional section":     {whole[:len(whole)-13], -1, 0},
		"cut between additional records":    {whole[:len(whole)-11], 2, 0},
		"malformed additional, before OPT":  {broken(func(m *dns.Msg) { m.Extra[0] = short }), 2, 0},
		"malformed additional, behind OPT":  {broken(func(m *dns.Msg) { m.Extra = append(m.Extra, short) }), 3, 0},
		"BADVERS behind malformed":          {broken(func(m *dns.Msg) { m.Extra[0] = short; m.Rcode = dns.RcodeBadVers }), 2, dns.RcodeBadVers},
		"malformed OPT, BADVERS":            {cutOPT, -1, 0},
		"malformed answer":                  {broken(func(m *dns.Msg) { m.Answer = append(m.Answer, short) }), -1, 0},
		"malformed authority":               {broken(func(m *dns.Msg) { m.Ns = append(m.Ns, short) }), -1, 0},
		"an additional record without data": {broken(func(m *dns.Msg) { m.Extra[0] = &dns.ANY{Hdr: *m.Extra[0].Header()} }), 2, 0},
	} {
		m, err := unpack(row.wire)
		switch {
		case row.extra < 0 && err == nil:
			t.Errorf("%s: accepted: %v", name, m)
		case row.extra >= 0 && (err != nil || len(m.Extra) != row.extra || m.Rcode != row.rcode):
			t.Errorf("%s: found %d additional records, %s, %v, expected %d, %s",
				name, len(m.Extra), rcodeName(m.Rcode), err, row.extra, rcodeName(row.rcode))
		case row.extra >= 0 && (len(m.Answer) != 1 || len(m.Ns) != 1):
			t.Errorf("%s: %v", name, m)
		}
	}
}

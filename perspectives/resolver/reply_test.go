package resolver

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/onsi/gomega"

	"mpicsim/perspectives/budget"
	"mpicsim/perspectives/costtest"
)

// parrot is a network in which every server gives the same reply, with the ID
// of the query filled in. Over TCP it is framed.
type parrot struct{ reply []byte }

func (p parrot) DialContext(_ context.Context, network, _ string) (net.Conn, error) {
	return &parrotConn{reply: p.reply, tcp: network == "tcp"}, nil
}

type parrotConn struct {
	net.Conn
	reply []byte
	tcp   bool
	out   []byte
}

func (c *parrotConn) Write(query []byte) (int, error) {
	id := query
	if c.tcp {
		id = query[2:]
	}
	reply := append([]byte(nil), c.reply...)
	copy(reply, id[:2])
	if c.tcp {
		reply = append([]byte{byte(len(reply) >> 8), byte(len(reply))}, reply...)
	}
	c.out = reply
	return len(query), nil
}

func (c *parrotConn) Read(b []byte) (int, error) {
	if len(c.out) == 0 {
		if c.tcp {
			return 0, io.EOF
		}
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, c.out)
	c.out = c.out[n:]
	if !c.tcp {
		c.out = nil
	}
	return n, nil
}

func (*parrotConn) Close() error                { return nil }
func (*parrotConn) SetDeadline(time.Time) error { return nil }

// seeds has one reply for each branch of parse and classify.
func seeds(tb testing.TB) [][]byte {
	tb.Helper()
	rrs := func(texts ...string) (out []dns.RR) {
		for _, t := range texts {
			rr, err := dns.NewRR(t)
			if err != nil {
				tb.Fatal(err)
			}
			out = append(out, rr)
		}
		return out
	}
	base := func() *dns.Msg {
		m := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeCAA)
		m.Response, m.Authoritative = true, true
		return m
	}
	var out [][]byte
	add := func(change func(m *dns.Msg)) {
		m := base()
		change(m)
		wire, err := m.Pack()
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, wire)
	}
	add(func(m *dns.Msg) { m.Answer = rrs(`www.example.test. CAA 128 issue "ca.example"`) })
	add(func(m *dns.Msg) {
		m.Answer = rrs("www.example.test. CNAME a.test.", "a.test. CNAME b.elsewhere.", `b.elsewhere. CAA 0 issue ";"`)
	})
	add(func(m *dns.Msg) { m.Answer = rrs("www.example.test. CNAME www.example.test.") })
	add(func(m *dns.Msg) { m.Answer = rrs("www.example.test. CNAME a.", "www.example.test. CNAME b.") })
	add(func(m *dns.Msg) { m.Ns = rrs("test. SOA a. b. 1 2 3 4 5"); m.Rcode = dns.RcodeNameError })
	add(func(m *dns.Msg) {
		m.Authoritative = false
		m.Ns = rrs("test. NS ns.test.", "test. NS ns.elsewhere.")
		m.Extra = rrs("ns.test. A 192.0.2.1", "ns.test. AAAA 2001:db8::1")
		m.SetEdns0(1232, false)
	})
	add(func(m *dns.Msg) { m.Authoritative = false })
	add(func(m *dns.Msg) { m.Truncated = true })
	add(func(m *dns.Msg) { m.Rcode = dns.RcodeFormatError })
	add(func(m *dns.Msg) { m.Rcode = dns.RcodeRefused; m.Question = nil })
	add(func(m *dns.Msg) { m.Response = false })
	add(func(m *dns.Msg) { m.Question[0].Name = "other." })
	add(func(m *dns.Msg) {
		m.Answer = []dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: "www.example.test.", Rrtype: dns.TypeCAA, Class: 1}}}
	})
	add(func(m *dns.Msg) {
		m.Answer = rrs("example.test. DNAME a.test.", "www.example.test. CNAME www.a.test.", `www.a.test. CAA 0 issue ";"`)
	})
	add(func(m *dns.Msg) { m.Answer = rrs("test. DNAME a.test.") })
	out = append(out, nil, []byte{0, 0, 0x80}, out[0][:len(out[0])-3])
	return out
}

func newParrot(tb testing.TB, reply []byte) *Resolver {
	tb.Helper()
	r, err := New(Options{
		Network: parrot{reply},
		Clock:   func() time.Time { return time.Time{} },
		Roots:   []Root{{Name: "a.test", Addrs: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")}}},
		Limits:  Limits{Queries: 40},
		// The parrot knows one question only.
		FullNames: true, PlainCase: true,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// FuzzReply checks that no reply makes the resolver panic, exceed its budget or cost
// more than bombs may, and that what it returns belongs to the question.
func FuzzReply(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	for _, b := range bombs(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		if len(reply) > 0xffff {
			t.Skip("longer than a DNS message can be")
		}
		var a *Answer
		var err error
		costtest.AtMost(t, most(), func() {
			ctx, cancel := budget.With(t.Context(), budget.New(budget.Limits{}))
			defer cancel()
			a, err = newParrot(t, reply).Lookup(ctx, "www.example.test", dns.TypeCAA)
		})
		if err != nil {
			if n := len(TraceOf(err)); n > 40 {
				t.Fatalf("%d queries, limit 40", n)
			}
			return
		}
		if reply[2]&2 != 0 {
			t.Fatalf("a truncated reply is taken for the answer %v", a.Records)
		}
		for _, rr := range a.Records {
			h := rr.Header()
			owner := "www.example.test."
			if n := len(a.CNAMEs); n > 0 {
				owner = a.CNAMEs[n-1]
			}
			if h.Rrtype != dns.TypeCAA || dns.CanonicalName(h.Name) != owner {
				t.Fatalf("record %v is not CAA at %s", rr, owner)
			}
		}
	})
}

// A reply without question may say that it refuses, as some servers do, but not
// that a name has no records: it could answer any question.
func TestReplyWithoutQuestion(t *testing.T) {
	for rcode, want := range map[int]error{
		dns.RcodeRefused: ErrServerFailure, dns.RcodeSuccess: ErrTimeout, dns.RcodeNameError: ErrTimeout,
	} {
		t.Run(dns.RcodeToString[rcode], func(t *testing.T) {
			g := gomega.NewWithT(t)
			m := new(dns.Msg)
			m.Response, m.Authoritative, m.Rcode = true, true, rcode
			wire, err := m.Pack()
			g.Expect(err).NotTo(gomega.HaveOccurred())
			_, err = newParrot(t, wire).Lookup(t.Context(), "www.example.test", dns.TypeCAA)
			g.Expect(err).To(gomega.MatchError(want))
		})
	}
}

// A record without RDATA is legal in dynamic updates only: as an answer it must
// not be read as an empty, permissive record.
func TestRecordWithoutDataIsMalformed(t *testing.T) {
	g := gomega.NewWithT(t)
	all := seeds(t)
	_, err := newParrot(t, all[12]).Lookup(t.Context(), "www.example.test", dns.TypeCAA)
	g.Expect(err).To(gomega.MatchError(ErrMalformed))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("CAA without data")))
}

// Evidence must not grow with what a hostile server sends.
func TestEvidenceIsBounded(t *testing.T) {
	g := gomega.NewWithT(t)
	m := new(dns.Msg)
	for range maxEvidence + 1 {
		m.Answer = append(m.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: "a.", Rrtype: dns.TypeTXT, Class: 1}, Txt: []string{"x"}})
	}
	lines, _ := describe(m)
	g.Expect(lines).To(gomega.HaveLen(maxEvidence + 1))
	g.Expect(lines[maxEvidence]).To(gomega.Equal("(more records)"))
	m.Answer = m.Answer[:maxEvidence]
	lines, cut := describe(m)
	g.Expect(lines).To(gomega.HaveLen(maxEvidence))
	g.Expect(cut).To(gomega.BeFalse())
}

// An ephemeral port in an error would make two runs differ.
func TestErrorsHideLocalAddresses(t *testing.T) {
	g := gomega.NewWithT(t)
	local := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 54321}
	err := transportError("udp read", &net.OpError{Op: "read", Net: "udp", Source: local, Err: os.ErrPermission})
	g.Expect(err).To(gomega.MatchError(ErrUnreachable))
	g.Expect(strings.Contains(err.Error(), "54321")).To(gomega.BeFalse())
}

package resolver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives/budget"
	"mpicsim/perspectives/costtest"
)

// FuzzStubReply checks that no reply of the recursive resolver makes a stub panic, ask
// on and on or cost more than bombs may, that what it returns belongs to the question, and that nothing is
// Secure without the AD flag of a server that is trusted.
func FuzzStubReply(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, true)
		var m dns.Msg
		if m.Unpack(s) != nil {
			continue
		}
		m.RecursionAvailable = true
		for _, ad := range []bool{false, true} {
			m.AuthenticatedData = ad
			if again, err := m.Pack(); err == nil {
				f.Add(again, true)
				f.Add(again, false)
			}
		}
		for _, code := range []uint16{dns.ExtendedErrorCodeDNSBogus, dns.ExtendedErrorCodeNetworkError} {
			broken := m.Copy()
			broken.Rcode = dns.RcodeServerFailure
			broken.SetEdns0(1232, true)
			opt := broken.IsEdns0()
			opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: code, ExtraText: "because"})
			if again, err := broken.Pack(); err == nil {
				f.Add(again, true)
			}
		}
	}
	for _, b := range bombs(f) {
		f.Add(b, true)
	}
	f.Fuzz(func(t *testing.T, reply []byte, loopback bool) {
		if len(reply) > 0xffff {
			t.Skip("longer than a DNS message can be")
		}
		server := "192.0.2.53:53"
		if loopback {
			server = "127.0.0.1:53"
		}
		s, err := NewStub(StubOptions{
			Network: parrot{reply}, Clock: func() time.Time { return time.Time{} }, Server: netip.MustParseAddrPort(server),
			Limits: Limits{Queries: 10}, PlainCase: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		var a *Answer
		costtest.AtMost(t, most(), func() {
			ctx, cancel := budget.With(t.Context(), budget.New(budget.Limits{}))
			defer cancel()
			a, err = s.Lookup(ctx, "www.example.test", dns.TypeCAA)
		})
		if err != nil {
			if n := len(TraceOf(err)); n > 10 {
				t.Fatalf("%d queries, limit 10", n)
			}
			return
		}
		if reply[2]&2 != 0 {
			t.Fatalf("a truncated reply is taken for the answer %v", a.Records)
		}
		const flags, ad = 3, 1 << 5
		if a.Status == Secure && (!loopback || reply[flags]&ad == 0) {
			t.Fatalf("secure by the word of %s with flags %x", server, reply[flags])
		}
		owner := "www.example.test."
		if n := len(a.CNAMEs); n > 0 {
			owner = a.CNAMEs[n-1]
		}
		for _, rr := range a.Records {
			if h := rr.Header(); h.Rrtype != dns.TypeCAA || dns.CanonicalName(h.Name) != owner {
				t.Fatalf("record %v is not CAA at %s", rr, owner)
			}
		}
	})
}

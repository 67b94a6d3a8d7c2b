package resolver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/onsi/gomega"

	"mpicsim/perspectives/budget"
	"mpicsim/perspectives/costtest"
)

// bombs are replies of up to 64 kB that are built to be dear, to a question for CAA at
// www.example.test.
func bombs(tb testing.TB) map[string][]byte {
	tb.Helper()
	const asked = "www.example.test."
	deep := strings.Repeat("a.", 115) + "test."
	long := strings.Repeat(strings.Repeat(`\255`, 62)+".", 3) + strings.Repeat(`\255`, 50) + "."
	head := func(name string, rrtype uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: 60}
	}
	var types []uint16
	for t := range 0xffff {
		types = append(types, uint16(t))
	}
	out := map[string][]byte{}
	add := func(name string, n int, change func(m *dns.Msg, i int)) {
		m := new(dns.Msg).SetQuestion(asked, dns.TypeCAA)
		m.Response, m.Authoritative, m.Compress = true, true, true
		for i := range n {
			change(m, i)
		}
		wire, err := m.Pack()
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		if len(wire) > 0xffff {
			tb.Fatalf("%s: %d octets", name, len(wire))
		}
		out[name] = wire
	}
	link := func(i int) string {
		if i == 0 {
			return asked
		}
		return fmt.Sprintf("%05d.%s", i, deep)
	}
	add("aliases below 115 labels", 2300, func(m *dns.Msg, i int) {
		m.Answer = append(m.Answer, &dns.CNAME{Hdr: head(link(i), dns.TypeCNAME), Target: link(i + 1)})
	})
	add("DNAME records below 115 labels", 2000, func(m *dns.Msg, i int) {
		m.Answer = append(m.Answer, &dns.DNAME{Hdr: head(link(i+1), dns.TypeDNAME), Target: fmt.Sprintf("%05d.", i)})
		if i == 0 {
			m.Answer = append(m.Answer, &dns.CNAME{Hdr: head(asked, dns.TypeCNAME), Target: "x." + link(1)})
		}
	})
	add("names that unpack to 4 MB", 2000, func(m *dns.Msg, _ int) {
		m.Ns = append(m.Ns, &dns.NS{Hdr: head(long, dns.TypeNS), Ns: long})
	})
	add("NSEC records of all types", 6, func(m *dns.Msg, _ int) {
		m.Ns = append(m.Ns, &dns.NSEC{Hdr: head(asked, dns.TypeNSEC), NextDomain: asked, TypeBitMap: types})
	})
	add("name servers", 3000, func(m *dns.Msg, i int) {
		m.Authoritative = false
		m.Ns = append(m.Ns, &dns.NS{Hdr: head("test.", dns.TypeNS), Ns: fmt.Sprintf("%04d.", i)})
	})
	add("TXT with escapes", 250, func(m *dns.Msg, _ int) {
		m.Rcode = dns.RcodeServerFailure
		m.Answer = append(m.Answer, &dns.TXT{Hdr: head(asked, dns.TypeTXT), Txt: []string{strings.Repeat(`\255`, 240)}})
	})
	add("CAA records", 2000, func(m *dns.Msg, i int) {
		m.Answer = append(m.Answer, &dns.CAA{Hdr: head(asked, dns.TypeCAA), Tag: "issue", Value: fmt.Sprint(i)})
	})
	add("types of records at one name", 3000, func(m *dns.Msg, i int) {
		m.Answer = append(m.Answer, &dns.RFC3597{Hdr: head(asked, uint16(1000+i)), Rdata: "00"})
	})
	// Package dns does not compress the names of HIP records.
	hip := append([]byte(nil), out["CAA records"][:12+len(asked)+1+4]...)
	copy(hip[6:], []byte{0, 1, 0, 0, 0, 0})
	hip = append(hip, 0xc0, 12, 0, 55, 0, 1, 0, 0, 0, 60, 0xea, 0x60, 0, 1, 0, 0)
	for range (0xea60 - 4) / 2 {
		hip = append(hip, 0xc0, 12)
	}
	out["HIP record of 30,000 names"] = hip
	return out
}

// most is what one lookup may cost when the servers say nothing but bombs: ten times
// and more what it does on an idle machine, where it was seconds and gigabytes.
func most() costtest.Cost { return costtest.Cost{CPU: 500 * time.Millisecond, Allocated: 96 << 20} }

// TestBombsAreBounded asks servers that have nothing else to say, with a budget.
func TestBombsAreBounded(t *testing.T) {
	for name, wire := range bombs(t) {
		t.Run(name, func(t *testing.T) {
			costtest.AtMost(t, most(), func() {
				ctx, cancel := budget.With(t.Context(), budget.New(budget.Limits{}))
				defer cancel()
				_, _ = newParrot(t, wire).Lookup(ctx, "www.example.test", dns.TypeCAA)
			})
		})
	}
}

// TestOneMessageIsBounded reads, classifies and describes one message of each kind,
// without a budget: that alone must be cheap, and bounded in memory.
func TestOneMessageIsBounded(t *testing.T) {
	for name, wire := range bombs(t) {
		t.Run(name, func(t *testing.T) {
			query := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeCAA)
			copy(wire, []byte{byte(query.Id >> 8), byte(query.Id)})
			costtest.AtMost(t, costtest.Cost{CPU: 150 * time.Millisecond, Allocated: 12 << 20}, func() {
				m, err := parse(wire, query)
				if err != nil {
					return
				}
				for _, qtype := range []uint16{dns.TypeCAA, dns.TypeANY, dns.TypeCNAME} {
					_, _ = classify(m, ".", question{"www.example.test.", qtype}, 12)
				}
				lines, _ := describe(m)
				if n := len(strings.Join(lines, "")); n > 40<<10 {
					t.Errorf("%d octets of evidence", n)
				}
			})
		})
	}
}

// TestAliasesEndAtTheLimit: aliases beyond the limit are not followed, those within
// are.
func TestAliasesEndAtTheLimit(t *testing.T) {
	g := gomega.NewWithT(t)
	m := new(dns.Msg).SetQuestion("n0.test.", dns.TypeCAA)
	m.Response, m.Authoritative = true, true
	for i := range 40 {
		m.Answer = append(m.Answer, &dns.CNAME{
			Hdr:    dns.RR_Header{Name: fmt.Sprintf("n%d.test.", i), Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Rdlength: 10},
			Target: fmt.Sprintf("n%d.test.", i+1),
		})
	}
	for _, limit := range []int{39, 40, 41} {
		rep, err := classify(m, "test.", question{"n0.test.", dns.TypeCAA}, limit)
		if limit < 40 {
			g.Expect(err).To(gomega.MatchError(ErrLimit))
			continue
		}
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(rep.cnames).To(gomega.HaveLen(40))
	}
}

// TestIndexedSections: a section that is indexed says what one that is scanned says.
func TestIndexedSections(t *testing.T) {
	g := gomega.NewWithT(t)
	for n := range 3 * fewRecords {
		m := new(dns.Msg).SetQuestion("x.b.test.", dns.TypeCAA)
		m.Response, m.Authoritative = true, true
		for i := range n {
			m.Answer = append(m.Answer, &dns.CAA{
				Hdr: dns.RR_Header{Name: fmt.Sprintf("n%d.test.", i), Rrtype: dns.TypeCAA, Class: dns.ClassINET, Rdlength: 10}, Tag: "issue",
			})
		}
		m.Answer = append(m.Answer,
			&dns.DNAME{Hdr: dns.RR_Header{Name: "b.test.", Rrtype: dns.TypeDNAME, Class: dns.ClassINET, Rdlength: 10}, Target: "c.test."},
			&dns.CAA{Hdr: dns.RR_Header{Name: "x.c.test.", Rrtype: dns.TypeCAA, Class: dns.ClassINET, Rdlength: 10}, Tag: "issue", Value: "ca.example"},
		)
		rep, err := classify(m, "test.", question{"x.b.test.", dns.TypeCAA}, 12)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(rep.cnames).To(gomega.Equal([]string{"x.c.test."}))
		g.Expect(rep.records).To(gomega.HaveLen(1))
		g.Expect(rep.sets).To(gomega.HaveLen(2))
	}
}

// TestDescribeSaysWhatIsMissing: what does not fit is left out and said to be.
func TestDescribeSaysWhatIsMissing(t *testing.T) {
	for name, wire := range bombs(t) {
		m := new(dns.Msg)
		if m.Unpack(wire) != nil || strings.Contains(name, "names") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			lines, cut := describe(m)
			g.Expect(cut).To(gomega.BeTrue())
			g.Expect(lines[len(lines)-1]).To(gomega.Or(gomega.Equal("(more records)"), gomega.HaveSuffix("(and more)"), gomega.HaveSuffix("octets)")))
		})
	}
}

// TestWeighTakesWhatIsUsual: honest replies are not too heavy, however they are cut.
func TestWeighTakesWhatIsUsual(t *testing.T) {
	for _, wire := range seeds(t) {
		for n := headerSize; n <= len(wire); n++ {
			if err := weigh(wire[:n]); err != nil {
				t.Errorf("%x: %v", wire[:n], err)
			}
		}
	}
}

// TestVerifyWork: keys that are dearer to compute with cost more of the budget.
func TestVerifyWork(t *testing.T) {
	g := gomega.NewWithT(t)
	var set rrset
	work := func(k publicKey) int { return verifyWork(k, set) }
	rsa := func(bits int, e uint64) publicKey { return &rsaKey{n: oneShifted(bits), e: e} }
	g.Expect(work(rsa(1024, 3))).To(gomega.BeNumerically("<", work(rsa(2048, 65537))))
	g.Expect(work(rsa(2048, 65537))).To(gomega.BeNumerically("<", work(rsa(4096, 65537))))
	g.Expect(work(rsa(4096, 65537))).To(gomega.BeNumerically("<", work(rsa(4096, 1<<64-1))))
	p256, p384 := work(ecdsaOf(t, false)), work(ecdsaOf(t, true))
	g.Expect(work(ed25519Key(make([]byte, 32)))).To(gomega.BeNumerically("<", p256))
	g.Expect(p384).To(gomega.BeNumerically(">", 5*p256))
}

func oneShifted(bits int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(bits-1)) }

func ecdsaOf(tb testing.TB, large bool) publicKey {
	tb.Helper()
	curve := elliptic.P256()
	if large {
		curve = elliptic.P384()
	}
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return ecdsaKey{key: &key.PublicKey}
}

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"mpicsim/perspectives"
)

// zone is what the hostile name server of plain.example says to a question.
type zone func(network string, q query) []byte

// dnsRows are what a name server of an unsigned zone can send.
func dnsRows(ctx context.Context, use func(*space, error) *space) []row {
	s := use(newSpace(ctx, ""))
	if s == nil {
		return nil
	}
	byDNS, byWeb := deed{domain: "plain.example", method: perspectives.DNS01}, deed{domain: "www.plain.example", method: perspectives.HTTP01}
	excused := func(c *perspectives.Check) { c.CAA.AllowLookupFailure = true }
	deep := strings.Repeat("a.", 118) + "plain.example"
	var rows []row
	for _, r := range []struct {
		name string
		deed deed
		zone zone
	}{
		{"2,900 CNAME records below 115 labels in one message", byDNS, aliasBomb(typeCNAME)},
		{"2,900 DNAME records below 115 labels in one message", byDNS, aliasBomb(typeDNAME)},
		{"a DNAME record at each of 110 labels", deed{domain: deep, method: perspectives.DNS01}, dnameLadder},
		{"an alias in each message, without end", byDNS, endlessAlias},
		{"SERVFAIL with 64 kB of TXT", byDNS, full(servfail, typeTXT, texts(65000, 'x'))},
		{"SERVFAIL with 64 kB of TXT that needs escapes", byDNS, full(servfail, typeTXT, texts(65000, 0xff))},
		{"the same, and lookup failures are excused", deed{"plain.example", perspectives.DNS01, excused}, full(servfail, typeTXT, texts(65000, 0xff))},
		{"TXT of 64 kB in one record", byDNS, full(0, typeTXT, texts(65000, '"'))},
		{"4,000 TXT records", byDNS, many(typeTXT, func(i int) []byte { return fmt.Appendf([]byte{5}, "%05d", i) })},
		{"1,000 A records", byWeb, thousandAddresses},
		{"4,000 CAA records", byDNS, many(typeCAA, func(i int) []byte { return caa(0, "issue", fmt.Sprintf("c%d.example", i)) })},
		{"CAA of 64 kB in one record", byDNS, full(0, typeCAA, caa(0, "issue", strings.Repeat("a=b;", 16000)))},
		{"names of 32 MB in one HIP record", byDNS, hipBomb},
		{"names of 9 MB in 4,600 records", byDNS, nameBomb},
		{"an NSEC record of all types", byDNS, allTypes},
		{"4,000 name servers in one referral", byDNS, manyServers},
		{"name servers in chains of referrals without addresses (NXNS)", byDNS, nxns},
		{"referrals without end", deed{domain: deep, method: perspectives.DNS01}, endlessReferral},
		{"a CAA climb of 120 labels", deed{domain: deep}, nothing},
		{"a CAA climb of 120 labels, each with 64 kB of TXT beside", deed{domain: deep}, nothingAtLength},
		{"10,000 questions in one message", byDNS, manyQuestions},
		{"silence", byDNS, func(string, query) []byte { return nil }},
	} {
		honest := r.deed
		honest.domain = strings.TrimPrefix(honest.domain, strings.Repeat("a.", 118))
		w := s.world()
		w.names[netip.MustParseAddr(plainIP)] = r.zone
		if r.deed.method == perspectives.HTTP01 { // CAA is the honest server's
			w.names[netip.MustParseAddr(plainIP)] = s.except(typeA, r.zone)
		}
		rows = append(rows, row{name: r.name, honest: honest.in(ctx, s, s.world()), hostile: r.deed.in(ctx, s, w)})
	}
	return rows
}

// except is the honest server of plain.example but for questions of a type.
func (s *space) except(qtype uint16, z zone) zone {
	at := netip.MustParseAddr(plainIP)
	return func(network string, q query) []byte {
		if q.qtype == qtype {
			return z(network, q)
		}
		return s.reply(network, at, q)
	}
}

// full answers with one record at the name asked.
func full(rcode int, rrtype uint16, data []byte) zone {
	m := &message{flags: flagAA, rcode: rcode}
	m.sections[0] = [][]byte{record(asked(), rrtype, data)}
	return m.to
}

// many answers with as many records at the name asked as fit.
func many(rrtype uint16, data func(i int) []byte) zone {
	m := (&message{flags: flagAA}).fill(0, largest, func(i int) []byte { return record(asked(), rrtype, data(i)) })
	return m.to
}

// aliasBomb answers with a chain of CNAME or DNAME records, each below the same 115
// labels, which are written once. A CNAME record at the name asked leads into it.
func aliasBomb(rrtype uint16) zone {
	labels := name(strings.Repeat("a.", 115) + "plain.example")
	return func(network string, q query) []byte {
		first := below("00000", labels)
		start := q.end + len(asked()) + 10 + len(first) - len(labels)
		if rrtype == typeDNAME {
			first = below("x", first)
			start += 2
		}
		m := &message{flags: flagAA}
		m.sections[0] = [][]byte{record(asked(), typeCNAME, first)}
		m.fill(0, 2900, func(i int) []byte {
			return record(below(fmt.Sprintf("%05d", i), at(start)), rrtype, below(fmt.Sprintf("%05d", i+1), at(start)))
		})
		return m.to(network, q)
	}
}

// dnameLadder has a DNAME record at each name above the one asked, each to itself.
func dnameLadder(network string, q query) []byte {
	m := &message{flags: flagAA}
	off := header
	m.fill(0, strings.Count(q.name, ".")-3, func(int) []byte {
		off += int(q.raw[off]) + 1
		return record(at(off), typeDNAME, below("b", at(off)))
	})
	return m.to(network, q)
}

// endlessAlias answers each question with an alias to another name.
func endlessAlias(network string, q query) []byte {
	m := &message{flags: flagAA}
	m.sections[0] = [][]byte{record(asked(), typeCNAME, below(fmt.Sprintf("n%d", len(q.name)), asked()))}
	if len(q.name) > 200 {
		m.sections[0] = [][]byte{record(asked(), typeCNAME, name("again.plain.example"))}
	}
	return m.to(network, q)
}

// thousandAddresses answers with addresses of which the first leads to the web server.
func thousandAddresses(network string, q query) []byte {
	m := (&message{flags: flagAA}).fill(0, 1000, func(i int) []byte {
		return record(asked(), typeA, []byte{192, 0, byte(2 + i>>8), byte(i)})
	})
	return m.to(network, q)
}

// hipBomb puts a record into the message whose data are pointers to a long name.
func hipBomb(network string, q query) []byte {
	m := &message{flags: flagAA}
	long := name(strings.Repeat(strings.Repeat("\xff", 62)+".", 3) + strings.Repeat("\xff", 50))
	m.sections[0] = [][]byte{record(asked(), typeCNAME, long)}
	data := []byte{0, 1, 0, 0} // no identity, no key
	for len(data) < 60000 {
		data = append(data, at(q.end+2+10)...)
	}
	m.sections[1] = [][]byte{record(asked(), typeHIP, data)}
	return m.to(network, q)
}

// nameBomb fills the message with records whose names are pointers to a long name.
func nameBomb(network string, q query) []byte {
	m := &message{flags: flagAA}
	long := name(strings.Repeat(strings.Repeat("\xff", 62)+".", 3) + strings.Repeat("\xff", 50))
	m.sections[0] = [][]byte{record(asked(), typeCNAME, long)}
	target := at(q.end + 2 + 10)
	m.fill(1, largest, func(int) []byte { return record(target, typeNS, target) })
	return m.to(network, q)
}

// allTypes denies with an NSEC record that lists 65,536 types in 8.7 kB.
func allTypes(network string, q query) []byte {
	m := &message{flags: flagAA}
	data := asked()
	for window := range 256 {
		data = append(data, byte(window), 32)
		for range 32 {
			data = append(data, 0xff)
		}
	}
	m.sections[1] = [][]byte{record(name("plain.example"), typeSOA, soa()), record(asked(), typeNSEC, data)}
	m.fill(1, 6, func(int) []byte { return record(asked(), typeNSEC, data) })
	return m.to(network, q)
}

// manyServers refers to as many name servers as fit, without addresses.
func manyServers(network string, q query) []byte {
	m := (&message{}).fill(1, largest, func(i int) []byte {
		return record(asked(), typeNS, fmt.Appendf([]byte{4}, "%04x\x00", i))
	})
	return m.to(network, q)
}

// nxns refers each name to ten name servers below other names of the zone.
func nxns(network string, q query) []byte {
	m := &message{}
	m.fill(1, 10, func(i int) []byte {
		return record(asked(), typeNS, name(fmt.Sprintf("n%d.s%d-%d.plain.example", i, i, len(q.name))))
	})
	return m.to(network, q)
}

// endlessReferral refers each question to itself, one label further down.
func endlessReferral(network string, q query) []byte {
	m := &message{}
	m.sections[1] = [][]byte{record(asked(), typeNS, below("ns", asked()))}
	m.sections[2] = [][]byte{record(below("ns", asked()), typeA, netip.MustParseAddr(plainIP).AsSlice())}
	return m.to(network, q)
}

func nothing(network string, q query) []byte {
	m := &message{flags: flagAA}
	m.sections[1] = [][]byte{record(name("plain.example"), typeSOA, soa())}
	return m.to(network, q)
}

func nothingAtLength(network string, q query) []byte {
	m := &message{flags: flagAA}
	m.sections[1] = [][]byte{record(name("plain.example"), typeSOA, soa())}
	m.sections[2] = [][]byte{record(asked(), typeTXT, texts(64000, 0xff))}
	return m.to(network, q)
}

// manyQuestions repeats the question.
func manyQuestions(network string, q query) []byte {
	m := &message{flags: flagAA}
	out := m.to(network, q)
	for range 10_000 {
		out = append(out, 0xc0, header, 0, 1, 0, 1)
	}
	binary.BigEndian.PutUint16(out[4:], 10_001)
	if network == "udp" {
		out = out[:4000]
	}
	return out
}

package resolver_test

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// rplDuel is a scenario: the root delegates test. to the servers ns1.test and
// ns2.test, which say what a test tells them to about the CAA records of www.test.
type rplDuel struct {
	about string
	// one and two are the entries of the servers, each "MATCH: FLAGS: RECORDS"; a
	// record is for the answer unless "/" (authority) or "+" (additional) stands
	// before it. With none, a server is silent.
	one, two []string
	// referral is what the root says, glue for both servers by default.
	referral []string
	// want is the rcode, and the records of www.test separated by "; ".
	rcode, want string
}

// rplEntryOf writes an entry about the CAA records of www.test, or, if a question
// stands before the elements of MATCH, about that.
func rplEntryOf(spec string) string {
	question := "www.test. IN CAA"
	if before, after, ok := strings.Cut(spec, "|"); ok {
		question, spec = before, after
	}
	parts := append(strings.SplitN(spec, ":", 3), "", "")
	var sections [3]strings.Builder
	for r := range strings.SplitSeq(parts[2], ";") {
		r = strings.TrimSpace(r)
		section := 0
		if r != "" && r[0] == '/' {
			section = 1
		} else if r != "" && r[0] == '+' {
			section = 2
		}
		sections[section].WriteString(strings.TrimLeft(r, "/+ ") + "\n")
	}
	return fmt.Sprintf("ENTRY_BEGIN\nMATCH opcode %s\nADJUST copy_id copy_query\nREPLY QR %s\nSECTION QUESTION\n%s\nSECTION ANSWER\n%sSECTION AUTHORITY\n%sSECTION ADDITIONAL\n%sENTRY_END\n",
		parts[0], parts[1], question, sections[0].String(), sections[1].String(), sections[2].String())
}

func (d rplDuel) text() string {
	var b strings.Builder
	server := func(addr string, entries []string) {
		fmt.Fprintf(&b, "RANGE_BEGIN 0 100\nADDRESS %s\n", addr)
		for _, e := range entries {
			b.WriteString(rplEntryOf(e))
		}
		b.WriteString("RANGE_END\n")
	}
	b.WriteString("server:\nqname-minimisation: no\nstub-zone:\nname: .\nstub-addr: 192.0.2.1\nCONFIG_END\nSCENARIO_BEGIN duel\n")
	referral := d.referral
	if referral == nil {
		referral = []string{"test. IN A|subdomain:NOERROR:/test. NS ns1.test.; /test. NS ns2.test.; +ns1.test. A 192.0.2.2; +ns2.test. A 192.0.2.3"}
	}
	server("192.0.2.1", referral)
	server("192.0.2.2", d.one)
	server("192.0.2.3", d.two)
	b.WriteString("STEP 1 QUERY\nENTRY_BEGIN\nREPLY RD\nSECTION QUESTION\nwww.test. IN CAA\nENTRY_END\n")
	fmt.Fprintf(&b, "STEP 2 CHECK_ANSWER\nENTRY_BEGIN\nMATCH rcode question answer\nREPLY QR RD RA %s\nSECTION QUESTION\nwww.test. IN CAA\nSECTION ANSWER\n", d.rcode)
	for r := range strings.SplitSeq(d.want, ";") {
		if r = strings.TrimSpace(r); r != "" {
			fmt.Fprintf(&b, "%s\n", r)
		}
	}
	b.WriteString("ENTRY_END\nSCENARIO_END\n")
	return b.String()
}

// A CAA record that is missed is permission, so what counts as a denial matters more
// than what counts as an answer.
func TestRPLHostileServers(t *testing.T) {
	const (
		q    = "qname qtype"
		udp  = "qname qtype UDP"
		tcp  = "qname qtype TCP"
		none = `www.test. CAA 0 issue "nobody.example"`
		some = `www.test. CAA 0 issue "ca.example"`
		soa  = "/test. SOA ns1.test. host.test. 1 2 3 4 5"
		// good is what an honest server says.
		good = q + ":AA NOERROR:" + none
		deny = q + ":AA NOERROR:" + soa
	)
	is := func(entries ...string) []string { return entries }
	for _, d := range []rplDuel{
		{about: "an honest answer", one: is(good), rcode: "NOERROR", want: none},
		{about: "an honest denial", one: is(deny), rcode: "NOERROR"},

		// Truncated replies are no replies (RFC 2181 9).
		{about: "a part over UDP, nothing over TCP", one: is(udp + ":AA TC NOERROR:" + some), rcode: "SERVFAIL"},
		{about: "an empty part over UDP, nothing over TCP", one: is(udp + ":AA TC NOERROR:"), rcode: "SERVFAIL"},
		{about: "a part with the SOA record, nothing over TCP", one: is(udp + ":AA TC NOERROR:" + soa), rcode: "SERVFAIL"},
		{about: "a part with NXDOMAIN, nothing over TCP", one: is(udp + ":AA TC NXDOMAIN:" + soa), rcode: "SERVFAIL"},
		{about: "a part over UDP, the whole over TCP", one: is(udp+":AA TC NOERROR:"+some, tcp+":AA NOERROR:"+some+";"+none), rcode: "NOERROR", want: some + ";" + none},
		{about: "a part over UDP, a part over TCP", one: is(udp+":AA TC NOERROR:"+some, tcp+":AA TC NOERROR:"+some), rcode: "SERVFAIL"},
		{about: "a part over UDP, a failure over TCP", one: is(udp+":AA TC NOERROR:"+some, tcp+":SERVFAIL:"), rcode: "SERVFAIL"},
		{about: "a part from one, the whole from the other", one: is(udp + ":AA TC NOERROR:" + some), two: is(good), rcode: "NOERROR", want: none},
		{about: "a part that holds a referral, nothing over TCP", one: is(udp + ":TC NOERROR:/sub.test. NS ns1.test."), rcode: "SERVFAIL"},

		// AA is forgotten by some servers of zones; RA shows a recursive server.
		{about: "records without AA", one: is(q + ":NOERROR:" + none), rcode: "NOERROR", want: none},
		{about: "a denial without AA, with the SOA record, from both", one: is(q + ":NOERROR:" + soa), two: is(q + ":NOERROR:" + soa), rcode: "NOERROR"},
		{about: "a denial without AA, with the SOA record, from one", one: is(q + ":NOERROR:" + soa), rcode: "SERVFAIL"},
		{about: "a denial without AA, and a server that knows", one: is(q + ":NOERROR:" + soa), two: is(good), rcode: "NOERROR", want: none},
		{about: "NXDOMAIN without AA, with the SOA record, from both", one: is(q + ":NXDOMAIN:" + soa), two: is(q + ":NXDOMAIN:" + soa), rcode: "NXDOMAIN"},
		{about: "NXDOMAIN without AA, with the SOA record, from one", one: is(q + ":NXDOMAIN:" + soa), two: is(q + ":REFUSED:"), rcode: "SERVFAIL"},
		{about: "a denial with neither AA nor the SOA record", one: is(q + ":NOERROR:"), rcode: "SERVFAIL"},
		{about: "NXDOMAIN with neither AA nor the SOA record", one: is(q + ":NXDOMAIN:"), rcode: "SERVFAIL"},
		{about: "a denial with neither, and a server that knows", one: is(q + ":NOERROR:"), two: is(good), rcode: "NOERROR", want: none},
		{about: "an alias without AA", one: is(q+":NOERROR:www.test. CNAME web.test.", `web.test. IN CAA|qname qtype:NOERROR:web.test. CAA 0 issue "nobody.example"`), rcode: "NOERROR", want: `www.test. CNAME web.test.; web.test. CAA 0 issue "nobody.example"`},
		{about: "a recursive server's records, and one that knows", one: is(q + ":RA NOERROR:" + some), two: is(good), rcode: "NOERROR", want: none},
		{about: "a recursive server's records, and one that refuses", one: is(q + ":RA NOERROR:" + some), two: is(q + ":REFUSED:"), rcode: "NOERROR", want: some},
		{about: "a recursive server's records, and one that is silent", one: is(q + ":RA NOERROR:" + some), rcode: "SERVFAIL"},
		{about: "a recursive server's records, and an empty reply with AA", one: is(q + ":AA NOERROR:"), two: is(q + ":RA NOERROR:" + none), rcode: "NOERROR", want: none},
		{about: "a recursive server's records, and an honest denial", one: is(q + ":RA NOERROR:" + some), two: is(deny), rcode: "NOERROR"},
		{about: "a recursive server's denial from both", one: is(q + ":RA NOERROR:" + soa), two: is(q + ":RA NOERROR:" + soa), rcode: "SERVFAIL"},
		{about: "a recursive server's alias, and one that knows", one: is(q + ":RA NOERROR:www.test. CNAME web.test."), two: is(good), rcode: "NOERROR", want: none},
		{about: "a recursive server's denial, and one that knows", one: is(q + ":RA NOERROR:" + soa), two: is(good), rcode: "NOERROR", want: none},
		{about: "a recursive server's denial alone", one: is(q + ":RA NOERROR:" + soa), rcode: "SERVFAIL"},
		{about: "a recursive server's NXDOMAIN alone", one: is(q + ":RA NXDOMAIN:" + soa), rcode: "SERVFAIL"},

		// Referrals that lead nowhere.
		{about: "an upward referral with AA", one: is(q + ":AA NOERROR:/. NS root.invalid."), rcode: "SERVFAIL"},
		{about: "an upward referral without AA", one: is(q + ":NOERROR:/. NS root.invalid."), rcode: "SERVFAIL"},
		{about: "an upward referral with AA and glue", one: is(q + ":AA NOERROR:/. NS root.invalid.; +root.invalid. A 192.0.2.1"), rcode: "SERVFAIL"},
		{about: "an upward referral from one, an answer from the other", one: is(q + ":AA NOERROR:/. NS root.invalid."), two: is(good), rcode: "NOERROR", want: none},
		{about: "a referral to a zone beside this one", one: is(q + ":AA NOERROR:/other. NS ns1.test."), rcode: "SERVFAIL"},
		{about: "a referral to a zone beside this one, from one", one: is(q + ":AA NOERROR:/other. NS ns1.test."), two: is(good), rcode: "NOERROR", want: none},
		{about: "a referral to a name beside the one asked for", one: is(q + ":NOERROR:/web.test. NS ns1.test."), rcode: "SERVFAIL"},
		{about: "a referral to itself", one: is(q + ":NOERROR:/test. NS ns1.test."), rcode: "SERVFAIL"},
		{about: "a referral to itself from one, an answer from the other", one: is(q + ":NOERROR:/test. NS ns1.test."), two: is(good), rcode: "NOERROR", want: none},
		{about: "NXDOMAIN with an upward referral", one: is(q + ":AA NXDOMAIN:/. NS root.invalid."), rcode: "SERVFAIL"},

		// SOA records that are about something else.
		{about: "a denial with the SOA record of the zone above", one: is(q + ":AA NOERROR:/. SOA ns1.test. host.test. 1 2 3 4 5"), rcode: "SERVFAIL"},
		{about: "a denial with the SOA record of a zone beside", one: is(q + ":AA NOERROR:/other. SOA ns1.test. host.test. 1 2 3 4 5"), rcode: "SERVFAIL"},
		{about: "a denial with the SOA record below the name", one: is(q + ":AA NOERROR:/a.www.test. SOA ns1.test. host.test. 1 2 3 4 5"), rcode: "SERVFAIL"},
		{about: "a denial with a wrong SOA record from one, an answer from the other", one: is(q + ":AA NOERROR:/other. SOA ns1.test. host.test. 1 2 3 4 5"), two: is(good), rcode: "NOERROR", want: none},

		// Empty replies: one server of two must not hide what the other has.
		{about: "an empty reply with AA from one, an answer from the other", one: is(q + ":AA NOERROR:"), two: is(good), rcode: "NOERROR", want: none},
		{about: "an empty NXDOMAIN with AA from one, an answer from the other", one: is(q + ":AA NXDOMAIN:"), two: is(good), rcode: "NOERROR", want: none},
		{about: "an answer about another type from one, an answer from the other", one: is(q + ":AA NOERROR:www.test. TXT x"), two: is(good), rcode: "NOERROR", want: none},
		{about: "an answer about another name from one, an answer from the other", one: is(q + `:AA NOERROR:web.test. CAA 0 issue "ca.example"`), two: is(good), rcode: "NOERROR", want: none},
		{about: "an empty reply with AA from both", one: is(q + ":AA NOERROR:"), two: is(q + ":AA NOERROR:"), rcode: "NOERROR"},
		{about: "an empty reply with AA from one, silence from the other", one: is(q + ":AA NOERROR:"), rcode: "SERVFAIL"},
		{about: "an empty reply with AA from one, a failure from the other", one: is(q + ":AA NOERROR:"), two: is(q + ":SERVFAIL:"), rcode: "SERVFAIL"},
		{about: "an empty reply from one, a denial from the other", one: is(q + ":AA NOERROR:"), two: is(deny), rcode: "NOERROR"},

		// Failures.
		{about: "a failure from one, an answer from the other", one: is(q + ":SERVFAIL:"), two: is(good), rcode: "NOERROR", want: none},
		{about: "REFUSED with records", one: is(q + ":AA REFUSED:" + some), rcode: "SERVFAIL"},
		{about: "SERVFAIL with the SOA record", one: is(q + ":AA SERVFAIL:" + soa), rcode: "SERVFAIL"},
		{about: "NOTAUTH from both", one: is(q + ":NOTAUTH:"), two: is(q + ":NOTAUTH:"), rcode: "SERVFAIL"},
		{about: "YXDOMAIN", one: is(q + ":AA YXDOMAIN:"), rcode: "SERVFAIL"},
		{about: "NXDOMAIN with the records asked for", one: is(q + ":AA NXDOMAIN:" + none), rcode: "SERVFAIL"},
		{about: "silence", rcode: "SERVFAIL"},

		// Addresses.
		{
			about:    "glue for a host that has moved",
			referral: is("test. IN A|subdomain:NOERROR:/test. NS ns1.test.; +ns1.test. A 192.0.2.9"),
			rcode:    "SERVFAIL",
		},
		{
			about:    "glue of the family that fails, records of the other",
			referral: is("test. IN A|subdomain:NOERROR:/test. NS ns1.other.; +ns1.other. AAAA 2001:db8::1", "ns1.other. IN A|qname qtype:AA NOERROR:ns1.other. A 192.0.2.2"),
			one:      is(good), rcode: "NOERROR", want: none,
		},
		{
			about:    "glue that is lame, records that are not",
			referral: is("test. IN A|subdomain:NOERROR:/test. NS ns1.other.; +ns1.other. A 192.0.2.3", "ns1.other. IN A|qname qtype:AA NOERROR:ns1.other. A 192.0.2.2"),
			one:      is(good), two: is(q + ":REFUSED:"), rcode: "NOERROR", want: none,
		},
		{
			about:    "no glue for a server within the zone, which the parent knows when asked",
			referral: is("ns1.test. IN A|qname qtype:NOERROR:ns1.test. A 192.0.2.2", "test. IN A|subdomain:NOERROR:/test. NS ns1.test."),
			one:      is(good), rcode: "NOERROR", want: none,
		},
		{
			about:    "no glue for a server within the zone, and no way to it",
			referral: is("test. IN A|subdomain:NOERROR:/test. NS ns1.test."),
			one:      is(good), rcode: "SERVFAIL",
		},
		{
			about:    "glue for a host outside the parent's say",
			referral: is("test. IN A|subdomain:NOERROR:/test. NS ns1.test.; /test. NS ns2.test.; +ns1.test. A 192.0.2.2; +ns2.test. A 192.0.2.3; +ns9.test. A 192.0.2.66"),
			one:      is(good), rcode: "NOERROR", want: none,
		},
	} {
		t.Run(d.about, func(t *testing.T) {
			g := NewWithT(t)
			text := d.text()
			s, err := parseRPL("duel.rpl", text, false)
			g.Expect(err).NotTo(HaveOccurred(), text)
			for _, shared := range []bool{false, true} {
				_, err = playRPL(t.Context(), s, rplHow{shared: shared})
				g.Expect(err).NotTo(HaveOccurred())
			}
		})
	}
}

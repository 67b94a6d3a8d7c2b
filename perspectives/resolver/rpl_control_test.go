package resolver_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// rplControl is a scenario in Unbound's dialect: a chain of an alias and two
// addresses, a name that does not exist, and one whose servers fail.
const rplControl = `
server:
	qname-minimisation: no   # full names
stub-zone:
	name: "."
	stub-addr: 192.0.2.1
CONFIG_END
SCENARIO_BEGIN control
RANGE_BEGIN 0 100
	ADDRESS 192.0.2.1
ENTRY_BEGIN
MATCH opcode subdomain
ADJUST copy_id copy_query
REPLY QR NOERROR
SECTION QUESTION
test. IN A
SECTION AUTHORITY
test. IN NS ns.test.
SECTION ADDITIONAL
ns.test. IN A 192.0.2.2
ENTRY_END
RANGE_END
RANGE_BEGIN 0 100
	ADDRESS 192.0.2.2
ENTRY_BEGIN
MATCH opcode question UDP
ADJUST copy_id
REPLY QR AA NOERROR
SECTION QUESTION
www.test. IN A
SECTION ANSWER
www.test. 60 IN CNAME web.test.
web.test. 60 IN A 203.0.113.1
web.test. 60 IN A 203.0.113.2
ENTRY_END
ENTRY_BEGIN
MATCH opcode qtype qname
ADJUST copy_id
REPLY QR AA NXDOMAIN
SECTION QUESTION
none.test. IN A
SECTION AUTHORITY
test. IN SOA ns.test. host.test. 1 2 3 4 5
ENTRY_END
ENTRY_BEGIN
MATCH opcode qname
ADJUST copy_id copy_query
REPLY QR AA SERVFAIL
SECTION QUESTION
broken.test. IN A
ENTRY_END
RANGE_END

STEP 1 QUERY
ENTRY_BEGIN
REPLY RD
SECTION QUESTION
www.test. IN A
ENTRY_END
STEP 2 CHECK_OUT_QUERY ADDRESS 192.0.2.2
ENTRY_BEGIN
MATCH qname qtype
SECTION QUESTION
www.test. IN A
ENTRY_END
STEP 10 CHECK_ANSWER
ENTRY_BEGIN
MATCH all
REPLY QR RD RA NOERROR
SECTION QUESTION
www.test. IN A
SECTION ANSWER
www.test. IN CNAME web.test.
web.test. IN A 203.0.113.2
web.test. IN A 203.0.113.1
ENTRY_END

STEP 20 QUERY
ENTRY_BEGIN
REPLY RD
SECTION QUESTION
none.test. IN A
ENTRY_END
STEP 30 CHECK_ANSWER
ENTRY_BEGIN
MATCH all
REPLY QR RD RA NXDOMAIN
SECTION QUESTION
none.test. IN A
ENTRY_END

STEP 40 QUERY
ENTRY_BEGIN
REPLY RD
SECTION QUESTION
broken.test. IN A
ENTRY_END
STEP 50 CHECK_ANSWER
ENTRY_BEGIN
MATCH rcode
REPLY QR RD RA SERVFAIL
SECTION QUESTION
broken.test. IN A
ENTRY_END
SCENARIO_END
`

// A runner that finds no fault would be worth nothing: whatever one changes in a
// scenario that holds must break it.
func TestRPLRunnerFails(t *testing.T) {
	for _, c := range []struct{ about, old, change, why string }{
		{"nothing changed", "", "", ""},
		{"another address", "SECTION ANSWER\nwww.test. IN CNAME web.test.\nweb.test. IN A 203.0.113.2", "SECTION ANSWER\nwww.test. IN CNAME web.test.\nweb.test. IN A 203.0.113.3", "STEP 10 CHECK_ANSWER: answer: found"},
		{"one address fewer", "web.test. IN A 203.0.113.2\n", "", "answer: found"},
		{"an address twice", "web.test. IN A 203.0.113.2\n", "web.test. IN A 203.0.113.2\nweb.test. IN A 203.0.113.2\n", "answer: found"},
		{"another alias", "www.test. IN CNAME web.test.", "www.test. IN CNAME other.test.", "answer: found"},
		{"no alias", "www.test. IN CNAME web.test.\n", "", "answer: found"},
		{"another question", "NOERROR\nSECTION QUESTION\nwww.test. IN A\nSECTION ANSWER\nwww.test. IN CNAME", "NOERROR\nSECTION QUESTION\nwww.test. IN AAAA\nSECTION ANSWER\nwww.test. IN CNAME", "question: found"},
		{"a secure answer", "REPLY QR RD RA NOERROR", "REPLY QR RD RA AD NOERROR", "AD: found false, expected true"},
		{"a failure instead of an answer", "REPLY QR RD RA NOERROR", "REPLY QR RD RA SERVFAIL", "rcode: found NOERROR, expected SERVFAIL"},
		{"no records instead of no name", "REPLY QR RD RA NXDOMAIN", "REPLY QR RD RA NOERROR", "STEP 30 CHECK_ANSWER: rcode: found NXDOMAIN, expected NOERROR"},
		{"an answer instead of a failure", "REPLY QR RD RA SERVFAIL", "REPLY QR RD RA NOERROR", "STEP 50 CHECK_ANSWER: rcode: found SERVFAIL, expected NOERROR (looking up broken.test. A"},
		{"no name instead of a failure", "REPLY QR RD RA SERVFAIL", "REPLY QR RD RA NXDOMAIN", "rcode: found SERVFAIL, expected NXDOMAIN"},
		{"an explanation", "MATCH rcode", "MATCH rcode ede=9", "EDE: found [], expected 9"},
		{"another query sent", "SECTION QUESTION\nwww.test. IN A\nENTRY_END\nSTEP 10", "SECTION QUESTION\nwww.test. IN MX\nENTRY_END\nSTEP 10", "STEP 2 CHECK_OUT_QUERY: found no such query"},
		{"a query to another server", "ADDRESS 192.0.2.2\nENTRY_BEGIN\nMATCH qname qtype", "ADDRESS 192.0.2.3\nENTRY_BEGIN\nMATCH qname qtype", "STEP 2 CHECK_OUT_QUERY: found no such query"},
		{"a server that answers over TCP only", "MATCH opcode question UDP", "MATCH opcode question TCP", "no answer in time"},
		{"a range that has ended", "RANGE_BEGIN 0 100\n\tADDRESS 192.0.2.2", "RANGE_BEGIN 11 100\n\tADDRESS 192.0.2.2", "no answer in time"},
		{"a server elsewhere", "RANGE_BEGIN 0 100\n\tADDRESS 192.0.2.2", "RANGE_BEGIN 0 100\n\tADDRESS 192.0.2.9", "no answer in time"},
		{"a network without IPv4", "server:\n", "server:\n\tdo-ip4: no\n", "found no such query among []"},
		{"an answer that is not checked", rplControl[strings.Index(rplControl, "STEP 50"):strings.Index(rplControl, "SCENARIO_END")], "", "found 1 answers that no step checks"},
		{"a trust anchor that nothing is signed by", "server:\n", "server:\n\ttrust-anchor: \"test. DS 1 8 2 " + strings.Repeat("AB", 32) + "\"\n", "no signature, looking for the zone of www.test."},
	} {
		t.Run(c.about, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(strings.Count(rplControl, c.old)).To(BeNumerically(">=", 1))
			s, err := parseRPL("control.rpl", strings.Replace(rplControl, c.old, c.change, 1), false)
			g.Expect(err).NotTo(HaveOccurred())
			_, err = playRPL(t.Context(), s, rplHow{})
			if c.why == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(And(HavePrefix("control.rpl"), ContainSubstring(c.why))))
		})
	}
}

// The table of differences holds in both directions.
func TestRPLDesign(t *testing.T) {
	failed := errors.New("STEP 10")
	run := func(steps ...int) *rplPlay {
		p := &rplPlay{ended: true}
		for _, s := range steps {
			p.wrong = append(p.wrong, rplWrong{s, failed})
		}
		return p
	}
	for _, c := range []struct {
		about  string
		design rplDesign
		p      *rplPlay
		err    error
		why    string
	}{
		{"no difference, none listed", rplDesign{}, run(), nil, ""},
		{"the difference that is listed", rplDesign{[]int{10}, "reason"}, run(10), failed, ""},
		{"a difference, none listed", rplDesign{}, run(10), failed, "found a difference in the steps [10], expected []: STEP 10"},
		{"no difference, one listed", rplDesign{[]int{10}, "reason"}, run(), nil, "found no difference, expected the steps [10] to differ: reason"},
		{"a difference in another step", rplDesign{[]int{10}, "reason"}, run(20), failed, "found a difference in the steps [20], expected [10]"},
		{"one difference more", rplDesign{[]int{10}, "reason"}, run(10, 20), failed, "found a difference in the steps [10 20], expected [10]"},
		{"one difference fewer", rplDesign{[]int{10, 20}, "reason"}, run(10), failed, "found a difference in the steps [10], expected [10 20]"},
		{"a run that breaks off", rplDesign{}, &rplPlay{}, failed, "found a run that breaks off, expected one to the end: STEP 10"},
		{"a run that breaks off after the difference listed", rplDesign{[]int{10}, "reason"}, &rplPlay{wrong: run(10).wrong}, failed, "found a run that breaks off, expected one to the end: STEP 10"},
	} {
		t.Run(c.about, func(t *testing.T) {
			g := NewWithT(t)
			err := c.design.complaint(c.p, c.err)
			if c.why == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(HavePrefix(c.why)))
		})
	}
}

// Nothing that the runner does not know is passed over.
func TestRPLParserRefuses(t *testing.T) {
	for _, c := range []struct{ old, change, why string }{
		{"qname-minimisation: no", "qname-maximisation: no", `control.rpl:3: configuration: found "qname-maximisation"`},
		{"qname-minimisation: no", "qname-minimisation: perhaps", `qname-minimisation: found "perhaps", expected yes or no`},
		{"stub-addr: 192.0.2.1", "stub-addr: 192.0.2.256", `stub-addr: found "192.0.2.256", expected an address`},
		{"CONFIG_END", "", "expected KEY: VALUE"},
		{"SCENARIO_BEGIN", "SCENARIO", `found ["SCENARIO" "control"], expected SCENARIO_BEGIN`},
		{"SCENARIO_END", "", "found the end of the file, expected SCENARIO_END"},
		{"RANGE_BEGIN 0 100", "RANGE_BEGIN 0", "RANGE_BEGIN: found"},
		{"RANGE_BEGIN 0 100", "RANGE_BEGIN 0 many", `RANGE_BEGIN: found "many", expected a number`},
		{"ADDRESS 192.0.2.1", "PORT 53", `found ["PORT" "53"] in a range`},
		{"MATCH opcode subdomain", "MATCH opcode superdomain", `control.rpl:12: MATCH: found "superdomain"`},
		{"MATCH opcode subdomain", "MATCH opcode=2", `MATCH: found "opcode=2", expected no value`},
		{"MATCH opcode subdomain", "MATCH ede=some", `MATCH: found "ede=some"`},
		{"ADJUST copy_id copy_query", "ADJUST copy_id copy_answer", `ADJUST: found "copy_answer"`},
		{"ADJUST copy_id copy_query", "ADJUST sleep=long", `ADJUST: found "sleep=long", expected seconds`},
		{"REPLY QR NOERROR", "REPLY QR FINE", `REPLY: found "FINE"`},
		{"SECTION AUTHORITY", "SECTION NAMES", `SECTION: found "NAMES"`},
		{"test. IN NS ns.test.", "test. IN NSS ns.test.", "expected a record"},
		{"ns.test. IN A 192.0.2.2", `ns.test. IN A \# 3 0102`, "expected a record"},
		{"www.test. IN A\n", "www.test. IN\n", "QUESTION: found"},
		{"www.test. IN A\n", "www.test. IN ADDR\n", "QUESTION: found"},
		{"STEP 1 QUERY", "STEP one QUERY", `STEP: found "one", expected a number`},
		{"STEP 1 QUERY", "STEP 1 INQUIRE", `STEP: found "INQUIRE", expected a kind that is known`},
		{"STEP 1 QUERY", "STEP 1 QUERY TWICE", `STEP QUERY: found ["TWICE"], expected the end of the line`},
		{"STEP 2 CHECK_OUT", "STEP 1 CHECK_OUT", "STEP: found 1 after 1, expected a larger number"},
		{"STEP 1 QUERY\nENTRY_BEGIN\n", "STEP 1 QUERY\n", `STEP QUERY: found ["REPLY" "RD"], expected ENTRY_BEGIN`},
		{"STEP 1 QUERY", "STEP 0 TIME_PASSES 5\nSTEP 1 QUERY", "TIME_PASSES: found"},
		{"STEP 1 QUERY", "STEP 0 ASSIGN t 5\nSTEP 1 QUERY", "ASSIGN: found"},
		{"STEP 1 QUERY", "STEP 0 CHECK_AUTOTRUST a\nSTEP 1 QUERY", `STEP: found "CHECK_AUTOTRUST"`},
		{"REPLY RD\n", "REPLY RD\nRAW\n0g\n", "expected hexadecimal digits"},
		{"REPLY RD\n", "REPLY RD\nEXTRA_PACKET\n", "outside a section"},
	} {
		t.Run(c.change, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(rplControl).To(ContainSubstring(c.old))
			_, err := parseRPL("control.rpl", strings.Replace(rplControl, c.old, c.change, 1), false)
			g.Expect(err).To(MatchError(ContainSubstring(c.why)))
		})
	}
}

// Steps that lose, answer and delay what the resolver sends.
func TestRPLSteps(t *testing.T) {
	const question = "STEP 1 QUERY\nENTRY_BEGIN\nREPLY RD\nSECTION QUESTION\ntest. IN A\nENTRY_END\n"
	reply := func(n, address string) string {
		return "STEP " + n + " REPLY\nENTRY_BEGIN\nMATCH opcode qtype qname\nADJUST copy_id\nREPLY QR AA NOERROR\nSECTION QUESTION\ntest. IN A\nSECTION ANSWER\ntest. IN A " + address + "\nENTRY_END\n"
	}
	sent := func(n, name string) string {
		return "STEP " + n + " CHECK_OUT_QUERY\nENTRY_BEGIN\nMATCH qname qtype\nSECTION QUESTION\n" + name + "\nENTRY_END\n"
	}
	check := func(n, rcode, answer string) string {
		return "STEP " + n + " CHECK_ANSWER\nENTRY_BEGIN\nMATCH rcode answer\nREPLY QR RD RA " + rcode + "\nSECTION QUESTION\ntest. IN A\nSECTION ANSWER\n" + answer + "\nENTRY_END\n"
	}
	for _, c := range []struct {
		about   string
		steps   []string
		deckard bool
		fails   string
	}{
		{"silence, then a reply", []string{question, "STEP 2 TIMEOUT\n", reply("3", "203.0.113.1"), check("9", "NOERROR", "test. IN A 203.0.113.1")}, false, ""},
		{"silence for good", []string{question, check("9", "SERVFAIL", "")}, false, ""},
		{"a connection that breaks", []string{question, "STEP 2 ERROR\n", check("9", "SERVFAIL", "")}, false, ""},
		{"more silence than there are questions", []string{question, "STEP 2 TIMEOUT\nSTEP 3 TIMEOUT\nSTEP 4 TIMEOUT\nSTEP 5 TIMEOUT\n", check("9", "SERVFAIL", "")}, false, ""},
		{"a reply that comes too late", []string{question, "STEP 2 TIMEOUT\nSTEP 3 TIMEOUT\nSTEP 4 TIMEOUT\n", reply("5", "203.0.113.1"), check("9", "NOERROR", "test. IN A 203.0.113.1")}, false, "rcode: found SERVFAIL"},
		{"the root asked for itself, which is not done", []string{question, sent("2", ". IN NS"), reply("3", "203.0.113.9"), sent("4", "test. IN A"), reply("5", "203.0.113.1"), check("9", "NOERROR", "test. IN A 203.0.113.1")}, false, ""},
		{"a query that is not sent", []string{question, sent("2", "other. IN A"), reply("3", "203.0.113.1"), check("9", "NOERROR", "test. IN A 203.0.113.1")}, false, "STEP 2 CHECK_OUT_QUERY: found no such query"},
		{"the same where such queries are not checked", []string{question, sent("2", "other. IN A"), reply("3", "203.0.113.1"), check("9", "NOERROR", "test. IN A 203.0.113.1")}, true, ""},
		{"a reply to another question is kept back", []string{question, strings.ReplaceAll(reply("2", "203.0.113.9"), "test.", "other."), reply("3", "203.0.113.1"), check("9", "NOERROR", "test. IN A 203.0.113.1")}, true, ""},
		{"a reply is used once", []string{question, reply("2", "203.0.113.1"), check("3", "NOERROR", "test. IN A 203.0.113.1"), strings.Replace(question, "1 QUERY", "4 QUERY", 1), check("5", "NOERROR", "test. IN A 203.0.113.1")}, true, "STEP 5 CHECK_ANSWER: rcode: found SERVFAIL"},
		{"a reply in octets", []string{question, "STEP 2 REPLY\nENTRY_BEGIN\nADJUST copy_id\nHEX_ANSWER_BEGIN\n0000 8400 0001 0001 0000 0000\n0474657374 00 0001 0001 ; the question\nc00c 0001 0001 0000003c 0004 cb007101\nHEX_ANSWER_END\nENTRY_END\n", check("9", "NOERROR", "test. IN A 203.0.113.1")}, false, ""},
		{"octets that end too early", []string{question, "STEP 2 REPLY\nENTRY_BEGIN\nADJUST raw_id\nRAW\n00008400000100010000000004746573740000010001c00c00010001\nENTRY_END\n", check("9", "SERVFAIL", "")}, false, ""},
		{"octets that end where a record would begin", []string{question, "STEP 2 REPLY\nENTRY_BEGIN\nADJUST raw_id\nRAW\n00008400000100010000000004746573740000010001\nENTRY_END\n", check("9", "SERVFAIL", "")}, false, ""},
		{"a record that its type does not have", []string{question, strings.Replace(reply("2", "x"), "IN A x", `IN A \# 3 010203`, 1), check("9", "SERVFAIL", "")}, false, ""},
		{"time and variables", []string{"STEP 0 ASSIGN t = ${2 + 3 * 4}\n", question, reply("2", "203.0.113.1"), check("3", "NOERROR", "test. IN A 203.0.113.1"), "STEP 4 TIME_PASSES EVAL ${$t - 19.5}\n"}, false, ""},
		{"time that runs backwards", []string{"STEP 0 TIME_PASSES ELAPSE ${1 - 2}\n"}, false, "expected seconds"},
		{"a variable that is not assigned", []string{"STEP 0 TIME_PASSES EVAL $t\n"}, false, "expected a variable that is assigned"},
		{"an answer to no question", []string{check("1", "NOERROR", "")}, false, "found no answer, expected one"},
	} {
		t.Run(c.about, func(t *testing.T) {
			g := NewWithT(t)
			text := slices.Concat([]string{"stub-addr: 192.0.2.1\nCONFIG_END\nSCENARIO_BEGIN steps\n"}, c.steps, []string{"SCENARIO_END\n"})
			s, err := parseRPL("steps.rpl", strings.Join(text, ""), c.deckard)
			g.Expect(err).NotTo(HaveOccurred())
			_, err = playRPL(t.Context(), s, rplHow{})
			if c.fails == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(c.fails)))
		})
	}
}

package resolver_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// The .rpl format is that of Unbound's testbound and of Deckard: a configuration,
// ranges of steps in which name servers give canned replies, and steps that ask
// the resolver and check its answer. This file reads it. Whatever it does not know
// is an error: nothing is skipped in silence.

// rplScenario is one file.
type rplScenario struct {
	file   string
	title  string
	config rplConfig
	ranges []rplRange
	steps  []rplStep
	// deckard is set for files of Deckard's dialect, whose configuration has no
	// sections and whose REPLY steps answer the first query that matches them.
	deckard bool
}

// rplRange has the replies of one name server during some steps.
type rplRange struct {
	from, to int
	// addrs are the server's; with none, every server replies so.
	addrs   []netip.Addr
	entries []*rplEntry
}

// rplStep is one step; what there is besides kind and number depends on kind.
type rplStep struct {
	line, number int
	kind         string
	addr         netip.Addr
	entry        *rplEntry
	elapse       string // TIME_PASSES: seconds, or an expression
	variable     string // ASSIGN
	value        string // ASSIGN
}

// rplEntry is a message with what to do with it.
type rplEntry struct {
	line   int
	match  []string // elements, "all" taken apart
	ede    []string // codes, or "any"
	adjust []string
	sleep  time.Duration
	msg    dns.Msg
	do     bool
	raw    []byte // replaces msg on the wire
	hasRaw bool
}

func (e *rplEntry) adjusts(element string) bool { return slices.Contains(e.adjust, element) }

// rplParser reads a file line by line.
type rplParser struct {
	file   string
	lines  []string
	at     int // of the line read last, from 1
	origin string
	ttl    uint32
}

func (p *rplParser) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", p.file, p.at, fmt.Sprintf(format, args...))
}

// next returns the next line that is more than a comment, as it stands and in
// words; ok is false at the end of the file.
func (p *rplParser) next() (line string, words []string, ok bool) {
	for p.at < len(p.lines) {
		line := strings.TrimSpace(p.lines[p.at])
		p.at++
		if line != "" && line[0] != ';' && line[0] != '#' {
			return line, strings.Fields(uncommented(line)), true
		}
	}
	return "", nil, false
}

// uncommented returns line without the comment that a semicolon, or a # after
// white space that begins no RDATA (RFC 3597 5), starts outside quotes.
func uncommented(line string) string {
	quoted, escaped := false, false
	for i := range len(line) {
		switch c := line[i]; {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ';' || c == '#' && i > 0 && (line[i-1] == ' ' || line[i-1] == '\t')):
			return strings.TrimSpace(line[:i])
		}
	}
	return line
}

// parseRPL reads a scenario. Its errors have the form "file:line: directive: found
// X, expected Y".
func parseRPL(file, text string, deckard bool) (*rplScenario, error) {
	p := &rplParser{file: file, lines: strings.Split(text, "\n"), origin: ".", ttl: 3600}
	s := &rplScenario{file: file, deckard: deckard}
	if err := p.config(&s.config); err != nil {
		return nil, err
	}
	_, words, ok := p.next()
	if !ok || words[0] != "SCENARIO_BEGIN" {
		return nil, p.errorf("found %q, expected SCENARIO_BEGIN", words)
	}
	s.title = strings.Join(words[1:], " ")
	for {
		_, words, ok := p.next()
		if !ok {
			return nil, p.errorf("found the end of the file, expected SCENARIO_END")
		}
		switch words[0] {
		case "RANGE_BEGIN":
			r, err := p.readRange(words[1:])
			if err != nil {
				return nil, err
			}
			s.ranges = append(s.ranges, r)
		case "RANGE_END": // Unbound accepts one too many, and a file has it
		case "STEP":
			step, err := p.step(words[1:])
			if err != nil {
				return nil, err
			}
			if n := len(s.steps); n > 0 && s.steps[n-1].number >= step.number {
				return nil, p.errorf("STEP: found %d after %d, expected a larger number", step.number, s.steps[n-1].number)
			}
			s.steps = append(s.steps, step)
		case "SCENARIO_END":
			return s, nil
		default:
			return nil, p.errorf("found %q, expected RANGE_BEGIN, STEP or SCENARIO_END", words[0])
		}
	}
}

func (p *rplParser) readRange(words []string) (rplRange, error) {
	var r rplRange
	bounds := words[:min(len(words), 2)]
	if len(words) == 3 { // Deckard accepts the address here
		addr, err := netip.ParseAddr(words[2])
		if err != nil {
			return r, p.errorf("RANGE_BEGIN: found %q, expected an address", words[2])
		}
		r.addrs = append(r.addrs, addr)
	}
	if len(words) < 2 || len(words) > 3 {
		return r, p.errorf("RANGE_BEGIN: found %q, expected two numbers", words)
	}
	for i, to := range []*int{&r.from, &r.to} {
		n, err := strconv.Atoi(bounds[i])
		if err != nil {
			return r, p.errorf("RANGE_BEGIN: found %q, expected a number", bounds[i])
		}
		*to = n
	}
	for {
		_, words, ok := p.next()
		if !ok {
			return r, p.errorf("found the end of the file, expected RANGE_END")
		}
		switch {
		case words[0] == "RANGE_END":
			return r, nil
		case words[0] == "ADDRESS" && len(words) == 2:
			addr, err := netip.ParseAddr(words[1])
			if err != nil {
				return r, p.errorf("ADDRESS: found %q, expected an address", words[1])
			}
			r.addrs = append(r.addrs, addr)
		case words[0] == "ENTRY_BEGIN":
			e, err := p.entry()
			if err != nil {
				return r, err
			}
			r.entries = append(r.entries, e)
		default:
			return r, p.errorf("found %q in a range, expected ADDRESS, ENTRY_BEGIN or RANGE_END", words)
		}
	}
}

// step reads what follows STEP. The kinds that speak of files of Unbound are
// unknown here.
func (p *rplParser) step(words []string) (rplStep, error) {
	s := rplStep{line: p.at}
	if len(words) < 2 {
		return s, p.errorf("STEP: found %q, expected a number and a kind", words)
	}
	n, err := strconv.Atoi(words[0])
	if err != nil {
		return s, p.errorf("STEP: found %q, expected a number", words[0])
	}
	s.number, s.kind = n, words[1]
	rest := words[2:]
	if len(rest) == 2 && rest[0] == "ADDRESS" {
		if s.addr, err = netip.ParseAddr(rest[1]); err != nil {
			return s, p.errorf("ADDRESS: found %q, expected an address", rest[1])
		}
		rest = nil
	}
	withEntry := false
	switch s.kind {
	case "QUERY", "CHECK_ANSWER", "CHECK_OUT_QUERY", "REPLY":
		withEntry = true
	case "NOTHING", "TIMEOUT", "ERROR", "TRAFFIC":
	// What these change is a cache of messages or of round trip times, and there
	// is none here.
	case "FLUSH_MESSAGE", "EXPIRE_MESSAGE", "INFRA_RTT":
		if len(rest) == 0 {
			return s, p.errorf("%s: found nothing, expected what", s.kind)
		}
		rest = nil
	case "TIME_PASSES":
		if len(rest) < 2 || rest[0] != "ELAPSE" && rest[0] != "EVAL" {
			return s, p.errorf("TIME_PASSES: found %q, expected ELAPSE or EVAL", rest)
		}
		s.elapse, rest = strings.Join(rest[1:], " "), nil
	case "ASSIGN":
		if len(rest) < 3 || rest[1] != "=" {
			return s, p.errorf("ASSIGN: found %q, expected NAME = VALUE", rest)
		}
		s.variable, s.value, rest = rest[0], strings.Join(rest[2:], " "), nil
	default:
		return s, p.errorf("STEP: found %q, expected a kind that is known", s.kind)
	}
	if len(rest) > 0 {
		return s, p.errorf("STEP %s: found %q, expected the end of the line", s.kind, rest)
	}
	if withEntry {
		if _, words, ok := p.next(); !ok || words[0] != "ENTRY_BEGIN" {
			return s, p.errorf("STEP %s: found %q, expected ENTRY_BEGIN", s.kind, words)
		}
		s.entry, err = p.entry()
	}
	return s, err
}

// entry reads up to ENTRY_END.
func (p *rplParser) entry() (*rplEntry, error) {
	e := &rplEntry{line: p.at}
	section := ""
	for {
		line, words, ok := p.next()
		if !ok {
			return nil, p.errorf("found the end of the file, expected ENTRY_END")
		}
		var err error
		switch words[0] {
		case "ENTRY_END":
			return e, nil
		case "MATCH":
			err = p.matchLine(e, words[1:])
		case "ADJUST":
			err = p.adjustLine(e, words[1:])
		case "REPLY", "FLAGS": // Deckard has a second word for it
			err = p.replyLine(e, words[1:])
		case "SECTION":
			section = strings.Join(words[1:], " ")
			if !slices.Contains([]string{"QUESTION", "ANSWER", "AUTHORITY", "ADDITIONAL"}, section) {
				err = p.errorf("SECTION: found %q, expected QUESTION, ANSWER, AUTHORITY or ADDITIONAL", section)
			}
		case "HEX_ANSWER_BEGIN":
			err = p.hexLines(e, "HEX_ANSWER_END")
		case "RAW":
			err = p.hexLines(e, "")
		case "$ORIGIN", "$TTL":
			err = p.zoneDirective(words)
		default:
			err = p.record(e, section, line, words)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *rplParser) zoneDirective(words []string) error {
	if len(words) != 2 {
		return p.errorf("%s: found %q, expected one value", words[0], words[1:])
	}
	if words[0] == "$ORIGIN" {
		p.origin = dns.Fqdn(words[1])
		return nil
	}
	ttl, err := strconv.ParseUint(words[1], 10, 32)
	if err != nil {
		return p.errorf("$TTL: found %q, expected seconds", words[1])
	}
	p.ttl = uint32(ttl)
	return nil
}

func (p *rplParser) matchLine(e *rplEntry, words []string) error {
	for _, w := range words {
		key, value, valued := strings.Cut(w, "=")
		switch key {
		case "all":
			e.match = append(e.match, "opcode", "question", "flags", "rcode", "answer")
		case "opcode", "qtype", "qname", "qcase", "subdomain", "question", "flags", "rcode", "answer", "answertypes", "UDP", "TCP", "DO", "noedns":
			e.match = append(e.match, key)
		// A library's answer has neither section, and replies are given to queries.
		case "authority", "additional":
		case "ede":
			if _, err := strconv.Atoi(value); !valued || err != nil && value != "any" {
				return p.errorf("MATCH: found %q, expected ede= and a number or any", w)
			}
			e.ede = append(e.ede, value)
			continue
		default:
			return p.errorf("MATCH: found %q, expected an element that is known", w)
		}
		if valued {
			return p.errorf("MATCH: found %q, expected no value", w)
		}
	}
	return nil
}

func (p *rplParser) adjustLine(e *rplEntry, words []string) error {
	for _, w := range words {
		key, value, valued := strings.Cut(w, "=")
		switch {
		case valued && (key == "sleep" || key == "packet_sleep"):
			n, err := strconv.ParseUint(value, 10, 16)
			if err != nil {
				return p.errorf("ADJUST: found %q, expected seconds", w)
			}
			e.sleep += time.Duration(n) * time.Second
		case slices.Contains([]string{"copy_id", "copy_query", "do_not_answer", "raw_id", "raw_data"}, w):
			e.adjust = append(e.adjust, w)
		default:
			return p.errorf("ADJUST: found %q, expected an element that is known", w)
		}
	}
	return nil
}

func (p *rplParser) replyLine(e *rplEntry, words []string) error {
	h := &e.msg.MsgHdr
	flags := map[string]*bool{
		"QR": &h.Response, "AA": &h.Authoritative, "TC": &h.Truncated, "RD": &h.RecursionDesired,
		"RA": &h.RecursionAvailable, "AD": &h.AuthenticatedData, "CD": &h.CheckingDisabled, "DO": &e.do,
	}
	for _, w := range words {
		if flag, ok := flags[w]; ok {
			*flag = true
		} else if rcode, ok := dns.StringToRcode[strings.Replace(w, "NOTIMPL", "NOTIMP", 1)]; ok {
			h.Rcode = rcode
		} else if opcode, ok := dns.StringToOpcode[w]; ok {
			h.Opcode = opcode
		} else {
			return p.errorf("REPLY: found %q, expected a flag, an rcode or an opcode", w)
		}
	}
	return nil
}

// hexLines reads a message in hexadecimal digits: up to the line end, or, with
// none, the one line that follows.
func (p *rplParser) hexLines(e *rplEntry, end string) error {
	var digits strings.Builder
	for {
		_, words, ok := p.next()
		if !ok {
			return p.errorf("found the end of the file, expected hexadecimal digits")
		}
		if words[0] == end {
			break
		}
		digits.WriteString(strings.Join(words, ""))
		if end == "" {
			break
		}
	}
	raw, err := hex.DecodeString(digits.String())
	if err != nil {
		return p.errorf("found %q, expected hexadecimal digits: %v", digits.String(), err)
	}
	e.raw, e.hasRaw = raw, true
	return nil
}

func (p *rplParser) record(e *rplEntry, section, line string, words []string) error {
	if section == "QUESTION" {
		return p.question(e, words)
	}
	to := map[string]*[]dns.RR{"ANSWER": &e.msg.Answer, "AUTHORITY": &e.msg.Ns, "ADDITIONAL": &e.msg.Extra}[section]
	if to == nil {
		return p.errorf("found %q outside a section, expected a directive that is known", words)
	}
	rr, err := readRecord(line, p.origin, p.ttl)
	if err != nil {
		return p.errorf("found %q, expected a record: %v", line, err)
	}
	*to = append(*to, rr)
	return nil
}

// readRecord reads a record in presentation format. RDATA in the form of RFC 3597 5
// stay as they are, even if the type is known and has others.
func readRecord(line, origin string, ttl uint32) (dns.RR, error) {
	read := func(line string) (dns.RR, error) {
		zp := dns.NewZoneParser(strings.NewReader(line+"\n"), origin, "")
		zp.SetDefaultTTL(ttl)
		rr, ok := zp.Next()
		if !ok && zp.Err() == nil {
			return nil, errors.New("no record")
		}
		switch rr := rr.(type) { // the peers accept the types in any order
		case *dns.NSEC:
			slices.Sort(rr.TypeBitMap)
		case *dns.NSEC3:
			slices.Sort(rr.TypeBitMap)
		}
		return rr, zp.Err()
	}
	head, data, found := strings.Cut(line, `\#`)
	words := strings.Fields(head)
	if !found || len(words) < 2 {
		return read(line)
	}
	rrtype, known := dns.StringToType[words[len(words)-1]]
	if !known {
		return read(line)
	}
	words[len(words)-1] = "TYPE65280"
	rr, err := read(strings.Join(words, " ") + ` \#` + data)
	if err == nil {
		rr.Header().Rrtype = rrtype
	}
	return rr, err
}

// question reads "NAME [TTL] [CLASS] TYPE".
func (p *rplParser) question(e *rplEntry, words []string) error {
	q := dns.Question{Qclass: dns.ClassINET}
	name := words[0]
	if !dns.IsFqdn(name) {
		name = dns.Fqdn(name) + strings.TrimPrefix(p.origin, ".")
	}
	q.Name = name
	for _, w := range words[1:] {
		if _, err := strconv.Atoi(w); err == nil {
			continue
		}
		if class, ok := dns.StringToClass[w]; ok && w != "ANY" {
			q.Qclass = class
			continue
		}
		qtype, ok := dns.StringToType[w]
		if n, found := strings.CutPrefix(w, "TYPE"); !ok && found {
			v, err := strconv.ParseUint(n, 10, 16)
			qtype, ok = uint16(v), err == nil
		}
		if !ok || q.Qtype != 0 {
			return p.errorf("QUESTION: found %q, expected NAME CLASS TYPE", words)
		}
		q.Qtype = qtype
	}
	if q.Qtype == 0 {
		return p.errorf("QUESTION: found %q, expected a type", words)
	}
	e.msg.Question = append(e.msg.Question, q)
	return nil
}

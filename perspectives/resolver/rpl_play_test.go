package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives/resolver"
)

// rplPlay is one run of a scenario.
type rplPlay struct {
	scenario *rplScenario
	r        *resolver.Resolver
	session  *resolver.Session

	at    int // index of the step to come
	asked int // number of the QUERY step under way
	used  []bool
	now   time.Time
	vars  map[string]string

	answers []*rplAnswer // that no step has checked
	wrong   []rplWrong
	ended   bool     // at the end of the scenario, and not before
	log     []string // of the last lookup: "SERVER NAME TYPE: what it said"
	most    int      // messages that a lookup sent
	rplHow
}

// rplHow says how a scenario is played.
type rplHow struct {
	// shared makes all lookups in one session.
	shared bool
	// spoil changes what a server says, nil for silence. It is called with the
	// transport of the query.
	spoil func(wire []byte, tcp bool) []byte
	// late is how much later than it should the scenario happens.
	late time.Duration
	// watch gets each answer, in place of the steps that check them.
	watch func(*rplAnswer)
}

// rplWrong is a step whose expectation was not met.
type rplWrong struct {
	step int
	err  error
}

// playRPL runs a scenario to its end. The error says in which lines which
// expectations were not met.
func playRPL(ctx context.Context, s *rplScenario, how rplHow) (*rplPlay, error) {
	p := &rplPlay{scenario: s, used: make([]bool, len(s.steps)), now: s.start().Add(how.late), vars: map[string]string{}, rplHow: how}
	// Without root hints in the file those of the public DNS hold; stub zones alone
	// hang from a root that knows them.
	if len(s.config.roots) == 0 && len(s.config.stubs) > 0 {
		s.config.roots = []netip.Addr{netip.MustParseAddr("192.0.2.53")}
	}
	c := s.config
	roots := resolver.RealRoots()
	if len(c.roots) > 0 {
		roots = []resolver.Root{{Name: "root.invalid"}}
	}
	for _, a := range c.roots {
		roots[0].Addrs = append(roots[0].Addrs, netip.AddrPortFrom(a, 53))
	}
	o := resolver.Options{
		Network: rplNetwork{p}, Clock: func() time.Time { return p.now }, Roots: roots,
		FullNames: !c.minimise,
		// Entries repeat their own question, whatever case the query had.
		PlainCase: true,
		Limits:    resolver.Limits{CNAMEs: c.aliases, Queries: c.queries},
	}
	if !c.iterator {
		o.TrustAnchors = c.anchors
	}
	var err error
	if p.r, err = resolver.New(o); err != nil {
		return p, fmt.Errorf("%s: %w", s.file, err)
	}
	p.session = p.r.NewSession()
	for p.at < len(s.steps) {
		step := &s.steps[p.at]
		p.at++
		if err := p.perform(ctx, step); err != nil {
			err = fmt.Errorf("%s:%d: STEP %d %s: %w", s.file, step.line, step.number, step.kind, err)
			if !strings.HasPrefix(step.kind, "CHECK_") {
				return p, err
			}
			p.wrong = append(p.wrong, rplWrong{step.number, err})
		}
	}
	if len(p.answers) > 0 && !s.deckard {
		return p, fmt.Errorf("%s: found %d answers that no step checks, expected none", s.file, len(p.answers))
	}
	p.ended = true
	var errs []error
	for _, w := range p.wrong {
		errs = append(errs, w.err)
	}
	return p, errors.Join(errs...)
}

// start is when the scenario begins. If signatures are to be taken whatever their
// dates, that is the last inception in the file.
func (s *rplScenario) start() time.Time {
	if !s.config.anyTime {
		if s.config.now.IsZero() {
			return time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)
		}
		return s.config.now
	}
	var last uint32
	for _, r := range s.ranges {
		for _, e := range r.entries {
			for _, rr := range slices.Concat(e.msg.Answer, e.msg.Ns, e.msg.Extra) {
				if sig, ok := rr.(*dns.RRSIG); ok {
					last = max(last, sig.Inception)
				}
			}
		}
	}
	return time.Unix(int64(last), 0).UTC()
}

func (p *rplPlay) perform(ctx context.Context, s *rplStep) error {
	if p.watch != nil && strings.HasPrefix(s.kind, "CHECK_") {
		return nil
	}
	switch s.kind {
	case "QUERY":
		return p.query(ctx, s)
	case "CHECK_ANSWER":
		return p.check(s)
	case "CHECK_OUT_QUERY":
		if p.scenario.deckard { // which checks none
			return nil
		}
		return fmt.Errorf("found no such query among %q, expected %v", p.log, s.entry.msg.Question)
	case "REPLY", "TIMEOUT", "ERROR":
		return nil // that many queries were not needed
	default:
		return p.pass(s)
	}
}

// pass performs a step that is about nothing but time.
func (p *rplPlay) pass(s *rplStep) error {
	switch s.kind {
	case "TIME_PASSES":
		text, err := p.expand(s.elapse)
		if err != nil {
			return err
		}
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || seconds < 0 {
			return fmt.Errorf("found %q, expected seconds", text)
		}
		p.now = p.now.Add(time.Duration(seconds * float64(time.Second)))
	case "ASSIGN":
		value, err := p.expand(s.value)
		if err != nil {
			return err
		}
		p.vars[s.variable] = value
	default:
	}
	return nil
}

// query makes the lookup that a QUERY step asks for.
func (p *rplPlay) query(ctx context.Context, s *rplStep) error {
	m := &s.entry.msg
	if s.entry.hasRaw || len(m.Question) != 1 || m.Question[0].Qclass != dns.ClassINET {
		return errors.New("found a message that a library cannot be asked, expected one question of class IN")
	}
	p.asked, p.log = s.number, nil
	q := m.Question[0]
	if !p.shared {
		p.session = p.r.NewSession()
	}
	a, err := p.session.Lookup(ctx, q.Name, q.Qtype)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.most = max(p.most, len(p.log))
	// AD is for those who ask for it (RFC 6840 5.8).
	answer := answerOf(q, a, err, s.entry.do || m.AuthenticatedData)
	if p.watch != nil {
		p.watch(answer)
		return nil
	}
	p.answers = append(p.answers, answer)
	return nil
}

// check compares the oldest answer that matches, or says what the last one lacks.
// Deckard knows the last answer only.
func (p *rplPlay) check(s *rplStep) error {
	if len(p.answers) == 0 {
		return errors.New("found no answer, expected one")
	}
	if s.entry.hasRaw {
		return errors.New("found an answer in octets, expected a message")
	}
	var err error
	for i, a := range p.answers {
		if p.scenario.deckard {
			i = len(p.answers) - 1
			a = p.answers[i]
		}
		if err = s.entry.expects(a); err == nil {
			if !p.scenario.deckard { // there, an answer can be checked again
				p.answers = slices.Delete(p.answers, i, i+1)
			}
			return nil
		}
	}
	if !p.scenario.deckard {
		p.answers = p.answers[:len(p.answers)-1] // it has been checked
	}
	return fmt.Errorf("%w; servers: %s", err, strings.Join(p.log, ", "))
}

// expand evaluates the ${...} in text and, in text that is nothing else, $var: the
// operators + - * / apply from left to right.
func (p *rplPlay) expand(text string) (string, error) {
	for {
		open := strings.LastIndex(text, "${")
		if open < 0 {
			break
		}
		length := strings.IndexByte(text[open:], '}')
		if length < 0 {
			return "", fmt.Errorf("found %q, expected a closing brace", text)
		}
		value, err := p.evaluate(text[open+2 : open+length])
		if err != nil {
			return "", err
		}
		text = text[:open] + value + text[open+length+1:]
	}
	if strings.HasPrefix(text, "$") {
		return p.evaluate(text)
	}
	return text, nil
}

func (p *rplPlay) evaluate(expression string) (string, error) {
	for _, op := range "+-*/" {
		expression = strings.ReplaceAll(expression, string(op), " "+string(op)+" ")
	}
	words := strings.Fields(expression)
	total, op := 0.0, "+"
	for i, w := range words {
		if i%2 == 1 {
			op = w
			continue
		}
		if name, ok := strings.CutPrefix(w, "$"); ok {
			if w, ok = p.vars[name]; !ok {
				return "", fmt.Errorf("found $%s, expected a variable that is assigned", name)
			}
		} else if w == "time" {
			w = strconv.FormatInt(p.now.Unix(), 10)
		}
		v, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return "", fmt.Errorf("found %q in an expression, expected a number, a variable or time", w)
		}
		switch op {
		case "+":
			total += v
		case "-":
			total -= v
		case "*":
			total *= v
		case "/":
			total /= v
		default:
			return "", fmt.Errorf("found %q in an expression, expected + - * or /", op)
		}
	}
	if len(words)%2 == 0 {
		return "", fmt.Errorf("found %q, expected an expression", expression)
	}
	return strconv.FormatFloat(total, 'f', -1, 64), nil
}

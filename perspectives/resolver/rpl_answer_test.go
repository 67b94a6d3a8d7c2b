package resolver_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives/resolver"
)

// rplAnswer is what a lookup returned, in the words of a message.
type rplAnswer struct {
	question dns.Question
	// rcode is SERVFAIL for every error.
	rcode  int
	secure bool
	ad     bool // secure, for those who asked
	// records are the aliases, as CNAME records, and what they lead to.
	records []string
	edes    []uint16
	err     error
}

// answerOf turns the outcome of a lookup into an answer. AD stands for Secure.
func answerOf(q dns.Question, a *resolver.Answer, err error, wantsAD bool) *rplAnswer {
	out := &rplAnswer{question: q, err: err}
	if err != nil {
		out.rcode = dns.RcodeServerFailure
		if e, ok := errors.AsType[*resolver.Error](err); ok {
			out.note(e.EDE)
		}
		return out
	}
	out.rcode, out.secure = a.Rcode, a.Status == resolver.Secure
	out.ad = out.secure && wantsAD
	out.note(a.EDE)
	at := dns.CanonicalName(q.Name)
	for _, target := range a.CNAMEs {
		out.records = append(out.records, comparable(&dns.CNAME{
			Hdr:    dns.RR_Header{Name: at, Rrtype: dns.TypeCNAME, Class: dns.ClassINET},
			Target: target,
		}))
		at = target
	}
	for _, rr := range a.Records {
		out.records = append(out.records, comparable(rr))
	}
	slices.Sort(out.records)
	return out
}

func (a *rplAnswer) note(edes []resolver.EDE) {
	for _, e := range edes {
		a.edes = append(a.edes, e.Code)
	}
}

// comparable returns a record without its TTL and with its names in canonical
// form, in hexadecimal if it is one of the types that package dns knows nothing
// of.
func comparable(rr dns.RR) string {
	rr = dns.Copy(rr)
	h := rr.Header()
	h.Ttl, h.Name = 0, dns.CanonicalName(h.Name)
	switch rr := rr.(type) {
	case *dns.CNAME:
		rr.Target = dns.CanonicalName(rr.Target)
	case *dns.NS:
		rr.Ns = dns.CanonicalName(rr.Ns)
	case *dns.PTR:
		rr.Ptr = dns.CanonicalName(rr.Ptr)
	case *dns.MX:
		rr.Mx = dns.CanonicalName(rr.Mx)
	case *dns.SOA:
		rr.Ns, rr.Mbox = dns.CanonicalName(rr.Ns), dns.CanonicalName(rr.Mbox)
	}
	return strings.ReplaceAll(rr.String(), "\t", " ")
}

// expects returns an error that says where the answer differs from what the entry
// asks for, nil if it does not. Of the flags only AD can be compared, and of the
// records the answer section without signatures and without the DNAME records that
// CNAME records were made of; an answer that was too large for the client of a
// server has none. A server passes an rcode on that says nothing about the name,
// where the library returns an error.
func (e *rplEntry) expects(a *rplAnswer) error {
	var wrong []string
	differ := func(what string, found, expected any) {
		wrong = append(wrong, fmt.Sprintf("%s: found %v, expected %v", what, found, expected))
	}
	m := &e.msg
	for _, element := range e.match {
		switch element {
		case "question", "qname", "qtype", "qcase":
			if len(m.Question) == 0 {
				continue
			}
			q := m.Question[0]
			named := strings.EqualFold(q.Name, a.question.Name)
			typed := q.Qtype == a.question.Qtype
			if !named && element != "qtype" || !typed && (element == "qtype" || element == "question") {
				differ(element, a.question.String(), q.String())
			}
		case "rcode":
			expected := m.Rcode
			if expected != dns.RcodeSuccess && expected != dns.RcodeNameError {
				expected = dns.RcodeServerFailure
			}
			if a.rcode != expected {
				differ("rcode", dns.RcodeToString[a.rcode], dns.RcodeToString[m.Rcode])
			}
		case "flags":
			if a.ad != m.AuthenticatedData {
				differ("AD", a.ad, m.AuthenticatedData)
			}
		case "answer":
			if want := e.expectedRecords(a.question); !m.Truncated && !slices.Equal(a.records, want) {
				differ("answer", a.records, want)
			}
		case "answertypes":
			want := typesOf(e.expectedRecords(a.question))
			if found := typesOf(a.records); !slices.Equal(found, want) {
				differ("answertypes", found, want)
			}
		case "opcode": // there is but one
		default:
			differ("MATCH", element, "an element that an answer can be compared in")
		}
	}
	for _, want := range e.ede {
		code, _ := strconv.ParseUint(want, 10, 16)
		if len(a.edes) == 0 || want != "any" && !slices.Contains(a.edes, uint16(code)) {
			differ("EDE", a.edes, want)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	text := strings.Join(wrong, "; ")
	if a.err != nil {
		text += fmt.Sprintf(" (%v)", a.err)
	}
	return errors.New(text)
}

// expectedRecords are those of the answer section that can be compared.
func (e *rplEntry) expectedRecords(q dns.Question) []string {
	out := []string{}
	for _, rr := range e.msg.Answer {
		t := rr.Header().Rrtype
		made := t == dns.TypeRRSIG || t == dns.TypeDNAME
		if made && q.Qtype != t && q.Qtype != dns.TypeANY {
			continue
		}
		out = append(out, comparable(rr))
	}
	slices.Sort(out)
	return out
}

// typesOf returns the types of records, each once.
func typesOf(records []string) []string {
	var out []string
	for _, r := range records {
		out = append(out, strings.Fields(r)[3])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

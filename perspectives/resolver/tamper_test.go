package resolver_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives/costtest"
	"mpicsim/perspectives/resolver"
	"mpicsim/sim/names"
)

// content is what an answer says, without TTLs and the order of records.
func content(a *resolver.Answer) string {
	var lines []string
	for _, rr := range a.Records {
		// Names in data may change their case: they mean the same (RFC 4343).
		text := resolver.Data(rr)
		switch rr.(type) {
		case *dns.CNAME, *dns.DNAME, *dns.NS:
			text = strings.ToLower(text)
		}
		lines = append(lines, rr.Header().Name+" "+dns.TypeToString[rr.Header().Rrtype]+" "+text)
	}
	slices.Sort(lines)
	return fmt.Sprintf("%s %v %s", dns.RcodeToString[a.Rcode], a.CNAMEs, strings.Join(slices.Compact(lines), "; "))
}

// stride is how far apart the bytes are that TestNoFlippedByteIsBelieved changes:
// 1 takes more than a minute.
const stride = 31

// TestNoFlippedByteIsBelieved changes bytes of each reply of lookups of all
// shapes, one at a time. Whatever comes of it, an answer that is called secure says what the
// zone says, and what is not signed is never called secure.
func TestNoFlippedByteIsBelieved(t *testing.T) {
	questions := []string{
		"www.victim.example A", "victim.example CAA", "alias.victim.example A", "www.moved.victim.example A",
		"www.moved.victim.example CNAME", "x.wild.victim.example TXT", "x.wild.victim.example MX", "www.victim.example CAA",
		"b.deep.victim.example TXT", "nowhere.victim.example A", "www.open.victim.example A", "www.child.victim.example A",
		"plain.example CAA", "toplain.victim.example A", "tonowhere.victim.example A",
	}
	for flavour, spec := range map[string]*names.SigningSpec{
		"NSEC":    signed(algorithm(names.ED25519)),
		"NSEC3":   signed(algorithm(names.ED25519), nsec3(1, "\xAB", false)),
		"opt-out": signed(algorithm(names.ED25519), nsec3(0, "", true)),
	} {
		t.Run(flavour, func(t *testing.T) {
			w := launch(t, guarded(spec, spec))
			r := w.resolver(t, func(o *resolver.Options) { o.PlainCase = true })
			for _, question := range questions {
				whole, err := ask(t.Context(), r, question)
				if err != nil {
					t.Fatalf("%s: %v", question, err)
				}
				lookups, secure := 0, 0
				for n := range len(w.queries()) {
					for at, more := n%stride, true; more; at += stride {
						more = false
						w.spoil = func(i int, reply []byte) []byte {
							if i == n && at < len(reply) {
								more = true
								reply[at] ^= byte(1 << (at % 8))
							}
							return reply
						}
						a, err := ask(t.Context(), r, question)
						w.spoil = nil
						w.queries()
						lookups++
						if err != nil || a.Status != resolver.Secure {
							continue
						}
						secure++
						if whole.Status != resolver.Secure {
							t.Errorf("%s: byte %d of reply %d makes secure what is %v", question, at, n, whole.Status)
						}
						if content(a) != content(whole) {
							t.Errorf("%s: byte %d of reply %d: secure, but %s instead of %s", question, at, n, content(a), content(whole))
						}
					}
				}
				if lookups < 1000/stride/2 || whole.Status == resolver.Secure && secure == 0 {
					t.Errorf("%s: %d lookups, %d secure: the test does not test", question, lookups, secure)
				}
			}
		})
	}
}

// FuzzChangedReplies changes several bytes anywhere, or cuts replies short.
func FuzzChangedReplies(f *testing.F) {
	w := launch(f, guarded(signed(), signed()))
	r := w.resolver(f, func(o *resolver.Options) { o.PlainCase = true })
	questions := []string{"www.victim.example A", "x.wild.victim.example TXT", "nowhere.victim.example A", "www.moved.victim.example A"}
	whole := map[string]string{}
	for _, q := range questions {
		a, err := ask(context.Background(), r, q)
		if err != nil {
			f.Fatal(err)
		}
		whole[q] = content(a)
	}
	for n := range uint8(8) {
		f.Add(n%4, n, uint16(100), []byte{0xff})
		f.Add(n%4, n, uint16(12), []byte{0, 0, 1})
		f.Add(n%4, n, uint16(40), []byte(nil)) // cut
	}
	f.Fuzz(func(t *testing.T, which, n uint8, at uint16, xor []byte) {
		question := questions[int(which)%len(questions)]
		w.queries()
		w.spoil = func(i int, reply []byte) []byte {
			if i != int(n) || int(at) >= len(reply) {
				return reply
			}
			if len(xor) == 0 {
				return reply[:at]
			}
			for j, b := range xor {
				if k := int(at) + j; k < len(reply) {
					reply[k] ^= b
				}
			}
			return reply
		}
		var a *resolver.Answer
		var err error
		costtest.AtMost(t, costtest.Cost{CPU: time.Second, Allocated: 64 << 20}, func() { a, err = ask(t.Context(), r, question) })
		w.spoil = nil
		if err == nil && a.Status == resolver.Secure && content(a) != whole[question] {
			t.Fatalf("%s: secure, but %s", question, content(a))
		}
	})
}

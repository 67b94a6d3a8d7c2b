package scenarios_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
)

// base is a valid scenario that tests change one place of.
const base = `name: base
title: A title
claim: A claim
sources: [one]
drawing: "A - B"
topology:
  links:
    - 10 - 20
    - 10 > 11
    - 20 > 21
    - 20 > 64500
    - 10 > 64666
    - 20 > 64510
  places:
    - {as: 10, lat: 41.88, lon: -87.63}
routing:
  tie-break: lowest-neighbor
  seed: 3
victim:
  as: 64500
  prefixes: [203.0.113.0/24, 192.0.2.0/24]
  domain: shop.example
  web: [203.0.113.80]
  caa: ['0 issue "ca.example"']
  name-servers:
    - {name: ns1.shop.example, as: 64510, prefix: 198.51.100.0/24, address: 198.51.100.53}
attacker:
  as: 64666
  prefix: 198.18.66.0/24
  address: 198.18.66.66
dns:
  root-as: 10
  tld-as: 20
ca:
  date: 2026-12-15
  rule: br
  method: acme-http-01
  issuer: ca.example
  egress: auto
  perspectives:
    primary: {region: aws/us-east-2, as: 11}
    remotes:
      - {name: there, city: There, lat: 1.5, lon: 2.5, rir: RIPE NCC, as: 21}
timeline:
  - {at: 0s, announce: {}}
  - {at: 60s, hijack: {prefixes: [203.0.113.0/24]}}
  - {at: 90s, check: {name: during}}
  - {at: 120s, withdraw: {by: attacker}}
expect:
  - {check: during, issue: false, reason: quorum-met, quorum: 1/1, fooled: [there]}
`

// change replaces old, which must occur once in text, by new.
func change(tb testing.TB, text, old, new string) string {
	tb.Helper()
	if n := strings.Count(text, old); n != 1 {
		tb.Fatalf("%q occurs %d times in the base, want once", old, n)
	}
	return strings.Replace(text, old, new, 1)
}

// mark stands where an error is expected; in messages, "@1" stands for the first
// mark's line and column, "@2" for the second's and so on.
const mark = "«"

// locate takes the marks out of a text and returns the messages with their
// positions filled in.
func locate(text string, messages []string) (string, []string) {
	messages = slices.Clone(messages)
	for n := 1; ; n++ {
		before, after, found := strings.Cut(text, mark)
		if !found {
			return text, messages
		}
		line := strings.Count(before, "\n") + 1
		column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
		for i, m := range messages {
			messages[i] = strings.ReplaceAll(m, fmt.Sprintf("@%d", n), fmt.Sprintf("s.yaml:%d:%d", line, column))
		}
		text = before + after
	}
}

// messages takes a joined error apart.
func messages(err error) []string {
	if err == nil {
		return nil
	}
	var list interface{ Unwrap() []error }
	if fe := (*scenarios.FieldError)(nil); !errors.As(err, &fe) || !errors.As(err, &list) {
		return []string{err.Error()}
	}
	var out []string
	for _, e := range list.Unwrap() {
		out = append(out, messages(e)...)
	}
	return out
}

func parse(tb testing.TB, text string) *scenarios.Source {
	tb.Helper()
	s, err := scenarios.Parse([]byte(text), "s.yaml")
	NewWithT(tb).Expect(err).NotTo(HaveOccurred())
	return s
}

// badCase is one way to break the base.
type badCase struct {
	old, new string   // a change of the base
	want     []string // all messages, in order
}

func (c badCase) run(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	text, want := locate(change(t, base, c.old, c.new), c.want)
	s, err := scenarios.Parse([]byte(text), "s.yaml")
	g.Expect(messages(err)).To(Equal(want))
	g.Expect(s).To(BeNil())
}

func TestTheBaseIsValid(t *testing.T) {
	g := NewWithT(t)
	s := parse(t, base)
	g.Expect(s.Victim.NameServers).To(HaveLen(1))
	g.Expect(s.Timeline).To(HaveLen(4))
	g.Expect(s.File).To(Equal("s.yaml"))
}

package ijson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const maxInteger = 1<<53 - 1 // I-JSON, RFC 7493 2.2

// Canonical returns the canonical form of a JSON object: that of the JSON
// Canonicalization Scheme (RFC 8785), for objects whose numbers are integers that
// IEEE 754 doubles hold exactly. Members of the outermost object that are named
// in without are left out.
//
// It refuses what two programs could read in two ways: text that is not UTF-8,
// surrogates that are no pair (RFC 8785 3.2.2.2, RFC 7493 2.1), two members of an
// object whose names differ in nothing but case, fractions, exponents, integers
// beyond ±(2^53-1), more than 32 levels, and anything after the object.
func Canonical(data []byte, without ...string) ([]byte, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	if !json.Valid(data) {
		return nil, syntaxError(data)
	}
	c := canonicalizer{rest: data, without: without}
	if c.next() != '{' {
		return nil, fmt.Errorf("found %.20q, expected an object", c.rest)
	}
	out, err := c.value(make([]byte, 0, len(data)), 0)
	if err != nil {
		return nil, fmt.Errorf("at octet %d: %w", len(data)-len(c.rest), err)
	}
	return out, nil
}

// canonicalizer walks over one JSON value whose syntax has been checked.
type canonicalizer struct {
	rest    []byte
	without []string
	sorted  []byte // scratch of object
}

// next skips white space and returns the octet after it.
func (c *canonicalizer) next() byte {
	for i, octet := range c.rest {
		switch octet {
		case ' ', '\t', '\r', '\n':
		default:
			c.rest = c.rest[i:]
			return octet
		}
	}
	c.rest = nil
	return 0
}

// skip skips the next octet that is no white space, if it is the one given.
func (c *canonicalizer) skip(octet byte) bool {
	if c.next() != octet {
		return false
	}
	c.rest = c.rest[1:]
	return true
}

// member is a name with where its canonical form, and the value's, begins and ends
// in the output.
type member struct {
	name     []byte
	from, to int
}

// fewMembers is how many members objects usually have at most.
const fewMembers = 16

// object appends the object that comes next, depth levels deep.
func (c *canonicalizer) object(out []byte, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("more than %d levels", MaxDepth)
	}
	few := [fewMembers]member{}
	members := few[:0]
	start := len(out)
	for c.skip('{'); !c.skip('}'); c.skip(',') {
		c.next()
		m := member{from: len(out)}
		var err error
		if m.name, out, err = c.text(out); err != nil {
			return nil, err
		}
		c.skip(':')
		if out, err = c.value(append(out, ':'), depth); err != nil {
			return nil, err
		}
		m.to = len(out)
		members = append(members, m)
	}
	if err := unambiguous(members); err != nil {
		return nil, err
	}
	slices.SortFunc(members, func(a, b member) int { return compareUTF16(a.name, b.name) })
	sorted := append(c.sorted[:0], '{')
	for _, m := range members {
		if depth == 1 && slices.Contains(c.without, string(m.name)) {
			continue
		}
		if len(sorted) > 1 {
			sorted = append(sorted, ',')
		}
		sorted = append(sorted, out[m.from:m.to]...)
	}
	sorted = append(sorted, '}')
	c.sorted = sorted
	return append(out[:start], sorted...), nil
}

// unambiguous wants names that differ in more than case.
func unambiguous(members []member) error {
	if a, b, double := ambiguous(members); double {
		return sameNames(a, b)
	}
	return nil
}

func sameNames(a, b member) error {
	return fmt.Errorf("names %.*q and %.*q differ in nothing but case", maxName, a.name, maxName, b.name)
}

// ambiguous returns the first two members whose names do not differ in more than
// case, as encoding/json reads them.
func ambiguous(members []member) (a, b member, found bool) {
	if len(members) <= fewMembers {
		for i, m := range members {
			for _, other := range members[:i] {
				if bytes.EqualFold(other.name, m.name) {
					return other, m, true
				}
			}
		}
		return member{}, member{}, false
	}
	seen := make(map[string]int, len(members))
	for i, m := range members {
		key := folded(string(m.name))
		if other, double := seen[key]; double {
			return members[other], m, true
		}
		seen[key] = i
	}
	return member{}, member{}, false
}

// compareUTF16 compares names as RFC 8785 3.2.3 sorts them: by UTF-16 code units.
// Without surrogates that is the order of the octets of UTF-8.
func compareUTF16(a, b []byte) int {
	beyond := func(r rune) bool { return r >= 0xd800 }
	if bytes.ContainsFunc(a, beyond) || bytes.ContainsFunc(b, beyond) {
		return slices.Compare(utf16.Encode([]rune(string(a))), utf16.Encode([]rune(string(b))))
	}
	return bytes.Compare(a, b)
}

// array appends the array that comes next.
func (c *canonicalizer) array(out []byte, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("more than %d levels", MaxDepth)
	}
	out = append(out, '[')
	first := true
	for c.skip('['); !c.skip(']'); c.skip(',') {
		if !first {
			out = append(out, ',')
		}
		first = false
		var err error
		if out, err = c.value(out, depth); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

// value appends the value that comes next, which lies depth levels deep.
func (c *canonicalizer) value(out []byte, depth int) ([]byte, error) {
	switch c.next() {
	case '{':
		return c.object(out, depth+1)
	case '[':
		return c.array(out, depth+1)
	case '"':
		_, out, err := c.text(out)
		return out, err
	}
	end := bytes.IndexAny(c.rest, ",]} \t\r\n")
	if end < 0 {
		end = len(c.rest)
	}
	token := string(c.rest[:end])
	c.rest = c.rest[end:]
	if token == "true" || token == "false" || token == "null" {
		return append(out, token...), nil
	}
	n, err := strconv.ParseInt(token, 10, 64)
	if err != nil || n > maxInteger || n < -maxInteger || token == "-0" {
		return nil, fmt.Errorf("number %.40s: expected an integer within ±(2^53-1)", token)
	}
	return strconv.AppendInt(out, n, 10), nil
}

// text appends the string that comes next, and returns what it says too.
func (c *canonicalizer) text(out []byte) (says, longer []byte, err error) {
	end, escaped := 1, false
	for c.rest[end] != '"' {
		if c.rest[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	raw := c.rest[:end+1]
	c.rest = c.rest[end+1:]
	if !escaped { // then nothing in it needs an escape
		return raw[1:end], append(out, raw...), nil
	}
	if err := paired(raw); err != nil {
		return nil, nil, err
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, nil, err
	}
	return []byte(s), appendString(out, s), nil
}

// appendString appends a string with as few escapes as JSON allows (RFC 8785
// 3.2.2.2).
func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r >= ' ':
			out = utf8.AppendRune(out, r)
		case strings.ContainsRune("\b\t\n\f\r", r):
			out = append(out, '\\', "btn.fr"[r-'\b'])
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return append(out, '"')
}

// folded returns a name such that names are equal if they differ only in case, as
// encoding/json reads them.
func folded(name string) string {
	plain := func(r rune) bool { return (r < 'a' || r > 'z') && r < utf8.RuneSelf }
	if strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return strings.Map(func(r rune) rune {
		lowest := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			lowest = min(lowest, f)
		}
		return lowest
	}, name)
}

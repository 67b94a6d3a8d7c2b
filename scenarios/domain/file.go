package domain

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mpicsim/scenarios"
	"mpicsim/topology/unpack"
)

// MaxLineBytes is the length above which a line is refused, MaxBytes that of a whole
// file, packed or not.
const (
	MaxLineBytes = 1 << 20
	MaxBytes     = 1 << 30
)

// Reader reads domains from JSON lines: one object a line, as [Write] writes them.
// docs/domains.md has the fields. Create it with [NewReader].
type Reader struct {
	lines *bufio.Reader
	file  string
	line  int
	seen  map[string]bool
}

// NewReader returns a reader of JSON lines, plain or gzip as their first bytes say.
// Errors call the file by the name given.
func NewReader(r io.Reader, file string) (*Reader, error) {
	lines, err := unpack.Text(r, MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &Reader{lines: lines, file: file, seen: map[string]bool{}}, nil
}

// Next returns the next domain, or io.EOF behind the last. Other errors are
// [*scenarios.FieldError] with file, line and field, or the reader's own.
func (r *Reader) Next() (Domain, error) {
	text, err := r.next()
	if err != nil {
		return Domain{}, err
	}
	d, err := parse(text)
	if err == nil {
		err = d.Validate()
	}
	if err == nil && r.seen[d.Name] {
		err = &fieldError{"domain", quote(d.Name) + " a second time", "each domain once"}
	}
	if e, ok := errors.AsType[*fieldError](err); ok {
		return Domain{}, r.fail(e.field, e.found, e.expected)
	}
	r.seen[d.Name] = true
	return d, err
}

func (r *Reader) fail(field, found, expected string) error {
	return &scenarios.FieldError{File: r.file, Line: r.line, Column: 1, Field: field, Found: found, Expected: expected}
}

// next returns the next line without its end.
func (r *Reader) next() ([]byte, error) {
	r.line++
	var text []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > MaxLineBytes:
			return nil, r.fail("", fmt.Sprintf("more than %d bytes", MaxLineBytes), "a shorter line")
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(text) == 0:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%s:%d: %w", r.file, r.line, err)
		}
		break
	}
	text = bytes.TrimRight(text, "\r\n")
	if !utf8.Valid(text) {
		return nil, r.fail("", "octets that are no UTF-8", "JSON")
	}
	return text, nil
}

// ReadFile reads all domains of a file, and returns its SHA-256 in hexadecimal. A
// file without any is an error that wraps [ErrEmpty].
func ReadFile(path string) (domains []Domain, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("reading domains: %w", err)
	}
	defer f.Close()
	hash := sha256.New()
	tee := io.TeeReader(f, hash)
	r, err := NewReader(tee, path)
	if err != nil {
		return nil, "", err
	}
	for {
		d, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", err
		}
		domains = append(domains, d)
	}
	if _, err := io.Copy(io.Discard, tee); err != nil { // what a packed file has behind its end
		return nil, "", fmt.Errorf("reading domains: %w", err)
	}
	if len(domains) == 0 {
		return nil, "", fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	return domains, hex.EncodeToString(hash.Sum(nil)), nil
}

// line is the form of one line, with the fields in their order.
type line struct {
	Domain    string    `json:"domain"`
	Weight    float64   `json:"weight,omitempty"` // 1 if absent
	Addresses []written `json:"addresses"`
	Gaps      []string  `json:"gaps,omitempty"`
}

type written struct {
	Address   netip.Addr `json:"address"`
	Role      Role       `json:"role"`
	Name      string     `json:"name"`
	Zone      string     `json:"zone,omitempty"`
	Protected bool       `json:"protected,omitempty"`
	Why       string     `json:"why,omitempty"`
}

// Write writes a domain as one JSON line, the same bytes for the same domain. It
// refuses one that is not valid.
func Write(w io.Writer, d Domain) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("domain %s: %w", d.Name, err)
	}
	l := line{Domain: d.Name, Addresses: []written{}, Gaps: d.Gaps}
	if d.Weight != 1 {
		l.Weight = d.Weight
	}
	for _, a := range d.Addresses {
		l.Addresses = append(l.Addresses, written{a.Address, a.Role, a.Name, a.Zone, a.Protected, a.Why})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil {
		return fmt.Errorf("writing domain %s: %w", d.Name, err)
	}
	return nil
}

// member is one field of an object, in the order of the file.
type member struct {
	name  string
	value json.RawMessage
}

// object reads a JSON object. Unlike package json it tells capitals, and refuses a
// field that is there twice.
func object(text []byte, field string, known ...string) ([]member, error) {
	fail := func(found, expected string) error { return &fieldError{field, found, expected} }
	d := json.NewDecoder(bytes.NewReader(text))
	expected := "a JSON object with " + strings.Join(known, ", ")
	open, err := d.Token()
	if err != nil || open != json.Delim('{') {
		return nil, fail(quote(string(text)), expected)
	}
	var out []member
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fail(err.Error(), expected)
		}
		name, _ := key.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fail(err.Error(), expected)
		}
		switch {
		case !slices.Contains(known, name):
			return nil, fail("unknown field "+quote(name), "one of "+strings.Join(known, ", "))
		case seen[name]:
			return nil, fail("field "+quote(name)+" a second time", "each field once")
		}
		seen[name] = true
		out = append(out, member{name, value})
	}
	if _, err := d.Token(); err != nil {
		return nil, fail(err.Error(), expected)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fail("more behind the object", "one object a line")
	}
	return out, nil
}

// parse reads one line.
func parse(text []byte) (Domain, error) {
	d := Domain{Weight: 1}
	members, err := object(text, "", "domain", "weight", "addresses", "gaps")
	if err != nil {
		return d, err
	}
	addresses := false
	for _, m := range members {
		switch m.name {
		case "domain":
			d.Name, err = stringOf(m, "domain")
		case "weight":
			d.Weight, err = numberOf(m, "weight")
		case "addresses":
			addresses = true
			err = list(m, "addresses", func(value json.RawMessage, field string) error {
				a, err := parseAddress(value, field)
				d.Addresses = append(d.Addresses, a)
				return err
			})
		case "gaps":
			err = list(m, "gaps", func(value json.RawMessage, field string) error {
				gap, err := stringOf(member{value: value}, field)
				d.Gaps = append(d.Gaps, gap)
				return err
			})
		}
		if err != nil {
			return d, err
		}
	}
	if !addresses {
		return d, &fieldError{"addresses", "nothing", "a list of addresses, which may be empty"}
	}
	return d, nil
}

func parseAddress(value json.RawMessage, field string) (Address, error) {
	var a Address
	members, err := object(value, field, "address", "role", "name", "zone", "protected", "why")
	if err != nil {
		return a, err
	}
	for _, m := range members {
		at, text := field+"."+m.name, ""
		if m.name == "protected" {
			if a.Protected, err = strconv.ParseBool(string(m.value)); err != nil || len(m.value) < 4 {
				return a, &fieldError{at, quote(string(m.value)), "true or false"}
			}
			continue
		}
		if text, err = stringOf(m, at); err != nil {
			return a, err
		}
		switch m.name {
		case "address":
			if a.Address, err = netip.ParseAddr(text); err != nil || a.Address.String() != text {
				return a, &fieldError{at, quote(text), addressForm + " in its shortest form"}
			}
		case "role":
			a.Role = Role(text)
		case "name":
			a.Name = text
		case "zone":
			if a.Zone = text; text == "" {
				return a, &fieldError{at, "nothing", "a zone, or no such field"}
			}
		case "why":
			a.Why = text
		}
	}
	return a, nil
}

func stringOf(m member, field string) (string, error) {
	var text string
	if len(m.value) == 0 || m.value[0] != '"' || json.Unmarshal(m.value, &text) != nil {
		return "", &fieldError{field, quote(string(m.value)), "text"}
	}
	return text, nil
}

func numberOf(m member, field string) (float64, error) {
	x, err := strconv.ParseFloat(string(m.value), 64)
	if err != nil || m.value[0] == '"' {
		return 0, &fieldError{field, quote(string(m.value)), "a number above 0"}
	}
	return x, nil
}

// list reads an array, and calls each with every item.
func list(m member, field string, each func(value json.RawMessage, field string) error) error {
	var items []json.RawMessage
	if m.value[0] != '[' || json.Unmarshal(m.value, &items) != nil {
		return &fieldError{field, quote(string(m.value)), "a list"}
	}
	for n, value := range items {
		if err := each(value, fmt.Sprintf("%s[%d]", field, n)); err != nil {
			return err
		}
	}
	return nil
}

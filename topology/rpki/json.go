package rpki

import (
	"bufio"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mpicsim/topology"
)

// readJSON reads VRPs and ASPAs.
func (p *parser) readJSON(text *bufio.Reader) error {
	t := &jsonText{r: text, name: p.file.Name, line: 1}
	c, err := t.next()
	if err != nil {
		return err
	}
	if c != '{' {
		return t.fail("an array", `an object with "roas" or "aspas"`)
	}
	var seen []string
	err = t.object(func(name []byte) error {
		member := string(name)
		if slices.Contains(seen, member) {
			return t.fail(fmt.Sprintf("a second %q", member), "one")
		}
		switch member {
		case "roas":
			seen = append(seen, member)
			return p.array(t, member, p.roa)
		case "aspas":
			seen = append(seen, member)
			return p.array(t, member, p.aspa)
		case "metadata":
			seen = append(seen, member)
			return p.metadata(t)
		case "provider_authorizations":
			return t.fail(`"provider_authorizations", ASPAs by address family as early drafts had them`, `"aspas"`)
		default:
			_, err := t.value()
			return err
		}
	})
	if err != nil {
		return err
	}
	if !slices.Contains(seen, "roas") && !slices.Contains(seen, "aspas") {
		return t.fail("neither", `"roas" or "aspas"`)
	}
	return t.end()
}

// array reads an array of objects, or null for an empty one, which is how Go's
// encoding/json writes it. element reads one, whose "{" has been read.
func (p *parser) array(t *jsonText, name string, element func(t *jsonText, i int) error) error {
	c, err := t.next()
	if err != nil {
		return err
	}
	if c != '[' {
		v, err := t.valueAt(c)
		if err == nil && v.kind != 'n' {
			p.bad.add(t.name, t.line, name, v.String(), "an array")
		}
		return err
	}
	return t.array(func(i int) error {
		if err := p.bad.full(); err != nil {
			return fmt.Errorf("%s:%d: %w", t.name, t.line, err)
		}
		if i == p.most.rows {
			return fmt.Errorf("%s:%d: more than %d elements in %q", t.name, t.line, i, name)
		}
		c, err := t.next()
		if err != nil {
			return err
		}
		if c == '{' {
			return element(t, i)
		}
		v, err := t.valueAt(c)
		if err == nil {
			p.bad.add(t.name, t.line, fmt.Sprintf("%s[%d]", name, i), v.String(), "an object")
		}
		return err
	})
}

// entry is one object of an array: it finds members that are missing or there twice.
type entry struct {
	p     *parser
	t     *jsonText
	array string
	i     int
	seen  uint
	good  bool
}

func (e *entry) refuse(field, found, want string) {
	e.good = false
	e.p.bad.add(e.t.name, e.t.line, fmt.Sprintf("%s[%d]%s", e.array, e.i, field), found, want)
}

// first notes that member number n has been found, and refuses a second one.
func (e *entry) first(n uint, field string) {
	if e.seen&(1<<n) != 0 {
		e.refuse(field, "it a second time", "it once")
	}
	e.seen |= 1 << n
}

// need refuses the entry if member number n is missing.
func (e *entry) need(n uint, field, want string) {
	if e.seen&(1<<n) == 0 {
		e.refuse(field, "nothing", want)
	}
}

// asn reads an AS number. field names it, with the place in a list, -1 if it is in
// none: the name is only made for an error.
func (e *entry) asn(field string, place int) (topology.ASN, error) {
	v, err := e.t.value()
	if err != nil {
		return 0, err
	}
	want := wantASN
	var asn topology.ASN
	if v.kind == '0' || v.kind == '"' {
		asn, want = parseASN(string(v.text))
	}
	if want != "" {
		if place >= 0 {
			field = fmt.Sprintf("%s[%d]", field, place)
		}
		e.refuse(field, v.String(), want)
	}
	return asn, nil
}

// roa reads one VRP.
func (p *parser) roa(t *jsonText, i int) error {
	const prefix, maxLength, origin, anchor = 0, 1, 2, 3
	e := &entry{p: p, t: t, array: "roas", i: i, good: true}
	var v VRP
	// The prefix, which bounds the length, may come after it.
	var length jsonValue
	var digits [8]byte
	err := t.object(func(name []byte) (err error) {
		var value jsonValue
		switch string(name) {
		case "prefix":
			e.first(prefix, ".prefix")
			if value, err = t.value(); err != nil {
				return err
			}
			v.Prefix = e.prefix(value)
		case "maxLength":
			e.first(maxLength, ".maxLength")
			if length, err = t.value(); err != nil {
				return err
			}
			length.text = append(digits[:0], length.text...)
		case "asn":
			e.first(origin, ".asn")
			v.Origin, err = e.asn(".asn", -1)
		case "ta":
			e.first(anchor, ".ta")
			if value, err = t.value(); err != nil {
				return err
			}
			if value.kind != '"' {
				e.refuse(".ta", value.String(), "a string")
			}
			v.TrustAnchor = p.anchor(value.text)
		default:
			_, err = t.value()
		}
		return err
	})
	if err != nil {
		return err
	}
	e.need(prefix, ".prefix", "a prefix")
	e.need(origin, ".asn", wantASN)
	v.MaxLength = e.maxLength(length, v.Prefix)
	if e.good {
		p.file.VRPs = append(p.file.VRPs, v)
	}
	return nil
}

// prefix reads the prefix of a VRP.
func (e *entry) prefix(v jsonValue) netip.Prefix {
	if v.kind != '"' {
		e.refuse(".prefix", v.String(), "a string")
		return netip.Prefix{}
	}
	prefix, want := parsePrefix(string(v.text))
	if want != "" {
		e.refuse(".prefix", v.String(), want)
	}
	return prefix
}

// maxLength reads the maximum length of a VRP. Without one, or with null, it is the
// length of the prefix, as in a ROA (RFC 9582 4.3.2.2).
func (e *entry) maxLength(v jsonValue, p netip.Prefix) int {
	text := string(v.text)
	switch v.kind {
	case 0, 'n':
		return p.Bits()
	case '0':
	default:
		text = ""
	}
	bits, want := parseMaxLength(text, p)
	if want != "" {
		e.refuse(".maxLength", v.String(), want)
	}
	return bits
}

// aspa reads one ASPA. An "afi" beside it, which Routinator wrote for early drafts,
// is skipped: the providers of both address families count together.
func (p *parser) aspa(t *jsonText, i int) error {
	const customer, providers = 0, 1
	e := &entry{p: p, t: t, array: "aspas", i: i, good: true}
	var a ASPA
	err := t.object(func(name []byte) (err error) {
		switch string(name) {
		case "customer_asid", "customer":
			field := "." + string(name)
			e.first(customer, field)
			a.Customer, err = e.asn(field, -1)
		case "providers":
			e.first(providers, ".providers")
			a.Providers, err = e.providers()
		default:
			_, err = t.value()
		}
		return err
	})
	if err != nil {
		return err
	}
	e.need(customer, ".customer_asid", wantASN)
	e.need(providers, ".providers", "an array of AS numbers")
	if !e.good {
		return nil
	}
	if err := a.check(); err != nil {
		e.refuse("", strings.Replace(err.Error(), ": want ", ", want ", 1), "an ASPA")
		return nil
	}
	p.file.ASPAs = append(p.file.ASPAs, a)
	return nil
}

// providers reads an array of AS numbers.
func (e *entry) providers() ([]topology.ASN, error) {
	c, err := e.t.next()
	if err != nil {
		return nil, err
	}
	if c != '[' {
		v, err := e.t.valueAt(c)
		if err == nil {
			e.refuse(".providers", v.String(), "an array of AS numbers")
		}
		return nil, err
	}
	var out []topology.ASN
	err = e.t.array(func(i int) error {
		if err := e.p.bad.full(); err != nil {
			return fmt.Errorf("%s:%d: %w", e.t.name, e.t.line, err)
		}
		asn, err := e.asn(".providers", i)
		out = append(out, asn)
		return err
	})
	return out, err
}

// metadata keeps when the file was made.
func (p *parser) metadata(t *jsonText) error {
	c, err := t.next()
	if err != nil {
		return err
	}
	if c != '{' {
		_, err := t.valueAt(c)
		return err
	}
	return t.object(func(name []byte) error {
		keep := string(name) == "buildtime" || string(name) == "generatedTime"
		v, err := t.value()
		if keep && err == nil && v.kind == '"' {
			p.file.Generated = string(v.text)
		}
		return err
	})
}

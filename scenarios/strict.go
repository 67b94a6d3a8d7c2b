package scenarios

import (
	"encoding"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// FieldError is one thing that is wrong with a file.
type FieldError struct {
	File         string
	Line, Column int
	// Field is the path to the field, such as "timeline[2].check.name".
	Field string
	// Found is what the file says, Expected what it should say.
	Found, Expected string
}

func (e *FieldError) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
	if e.Field == "" {
		return fmt.Sprintf("%s: found %s, expected %s", where, e.Found, e.Expected)
	}
	return fmt.Sprintf("%s: %s: found %s, expected %s", where, e.Field, e.Found, e.Expected)
}

// position is where a field's value starts.
type position struct{ line, column int }

// decoder reads a YAML tree into a struct. It reports every problem and goes on.
type decoder struct {
	file string
	at   map[string]position // by field path
	errs []error
}

// problems returns what was found wrong, nil if nothing was.
func (d *decoder) problems() error {
	if d.full() {
		return errors.Join(append(d.errs, fmt.Errorf("%s: found %d problems, expected none: the rest was not read", d.file, maxProblems))...)
	}
	return errors.Join(d.errs...)
}

// maxDepth bounds how deep a file may nest; no type here nests deeper.
const maxDepth = 16

// maxProblems is how many problems of one file are reported. Then it is not read on.
const maxProblems = 100

// full reports whether nothing more is looked at.
func (d *decoder) full() bool { return len(d.errs) >= maxProblems }

func (d *decoder) fail(n *yaml.Node, field, found, expected string) {
	if d.full() {
		return
	}
	d.errs = append(d.errs, &FieldError{File: d.file, Line: n.Line, Column: n.Column, Field: field, Found: found, Expected: expected})
}

// describe says what a node is, for error messages.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "nothing"
		}
		if len(n.Value) > 80 {
			return strconv.Quote(n.Value[:80]) + "..."
		}
		return strconv.Quote(n.Value)
	default:
		return "no value"
	}
}

// decode reads n into v, which must be settable.
func (d *decoder) decode(n *yaml.Node, v reflect.Value, field string, depth int) {
	if d.full() {
		return
	}
	d.at[field] = position{n.Line, n.Column}
	if depth > maxDepth {
		d.fail(n, field, "deep nesting", fmt.Sprintf("at most %d levels", maxDepth))
		return
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.fail(n, field, "an anchor or alias", "the value written out")
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		d.fail(n, field, "the tag "+n.Tag, "the value alone")
		return
	}
	if d.special(n, v, field, depth) || d.scalar(n, v, field) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
			if v.Type().Elem().Kind() != reflect.Struct || !allOptional(v.Type().Elem()) {
				d.fail(n, field, "nothing", expected(v.Type().Elem()))
				return
			}
			v.Set(reflect.New(v.Type().Elem()))
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), field, depth)
	case reflect.Struct:
		d.mapping(n, v, field, depth)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.fail(n, field, describe(n), expected(v.Type()))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			d.decode(item, v.Index(i), fmt.Sprintf("%s[%d]", field, i), depth+1)
		}
	default:
		panic("scenarios: no decoder for " + v.Type().String())
	}
}

// allOptional says whether a mapping of this type may be left empty, as in
// "announce:" on a line of its own.
func allOptional(t reflect.Type) bool { return t == reflect.TypeFor[Announce]() }

// mapping reads a struct; unknown and repeated keys are errors.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, field string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, field, describe(n), expected(v.Type()))
		return
	}
	fields := map[string]int{}
	var names []string
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			fields[name] = i
			names = append(names, name)
		}
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content) && !d.full(); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at, known := fields[key.Value]
		switch {
		case key.Anchor != "" || key.Style&yaml.TaggedStyle != 0:
			d.fail(key, field, "an anchor or tag at a field's name", "the name alone")
		case key.Kind != yaml.ScalarNode || !known:
			d.fail(key, field, "unknown field "+describe(key), "one of "+strings.Join(names, ", "))
		case seen[key.Value]:
			d.fail(key, field, "field "+describe(key)+" a second time", "each field once")
		default:
			seen[key.Value] = true
			d.decode(value, v.Field(at), join(field, key.Value), depth+1)
		}
	}
}

func join(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// scalar reads a single value; it returns false if v's type is not one.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, field string) bool {
	parse := scalarParser(v)
	if parse == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.fail(n, field, describe(n), expected(v.Type()))
		return true
	}
	if err := parse(n.Value); err != nil {
		d.fail(n, field, describe(n), expected(v.Type()))
	}
	return true
}

// scalarParser returns how to read a value of v's type, nil if it is no scalar.
func scalarParser(v reflect.Value) func(string) error {
	switch p := v.Addr().Interface().(type) {
	case *topology.ASN:
		return func(s string) (err error) { *p, err = topology.ParseASN(s); return err }
	case *time.Duration:
		return func(s string) (err error) {
			if *p, err = time.ParseDuration(s); err == nil && *p < 0 {
				err = errors.New("negative")
			}
			return err
		}
	case *netip.Prefix:
		return func(s string) (err error) { *p, err = parsePrefix(s); return err }
	case *netip.Addr:
		return func(s string) (err error) {
			if *p, err = netip.ParseAddr(s); err == nil && (p.Zone() != "" || p.Is4In6()) {
				err = errors.New("not a plain address")
			}
			return err
		}
	case *place.RIR: // which reads "unknown" as well
		return func(s string) (err error) { *p, err = place.ParseRIR(s); return err }
	case encoding.TextUnmarshaler:
		return func(s string) error { return p.UnmarshalText([]byte(s)) }
	}
	switch v.Kind() { //nolint:exhaustive // the kinds that scenarios use
	case reflect.String:
		return func(s string) error { v.SetString(s); return nil }
	case reflect.Bool:
		return func(s string) error {
			i := slices.Index([]string{"false", "true"}, s)
			if i < 0 {
				return errors.New("not a boolean")
			}
			v.SetBool(i == 1)
			return nil
		}
	case reflect.Int:
		return func(s string) error {
			x, err := strconv.Atoi(s)
			v.SetInt(int64(x))
			return err
		}
	case reflect.Uint64:
		return func(s string) error {
			x, err := strconv.ParseUint(s, 10, 64)
			v.SetUint(x)
			return err
		}
	case reflect.Float64:
		return func(s string) error {
			x, err := strconv.ParseFloat(s, 64)
			v.SetFloat(x)
			return err
		}
	}
	return nil
}

// parsePrefix reads a prefix without host bits.
func parsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err == nil && p != p.Masked() {
		err = errors.New("host bits set")
	}
	return p, err
}

// expected describes a type for error messages.
func expected(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[topology.ASN]():
		return "an AS number from 1 to 4294967295"
	case reflect.TypeFor[time.Duration]():
		return "a time of 0 or more with a unit, such as 90s or 2m30s"
	case reflect.TypeFor[netip.Prefix]():
		return "a prefix without host bits, such as 203.0.113.0/24"
	case reflect.TypeFor[netip.Addr]():
		return "an IPv4 or IPv6 address"
	case reflect.TypeFor[Link]():
		return `a link, "10 > 20" (provider of) or "10 - 20" (peers)`
	case reflect.TypeFor[Edge]():
		return edgeForm
	case reflect.TypeFor[attack.Kind]():
		return attackKinds()
	case reflect.TypeFor[VRP]():
		return vrpForm
	case reflect.TypeFor[ASPA]():
		return aspaForm
	case reflect.TypeFor[PathEnd]():
		return pathEndForm
	case reflect.TypeFor[route.ROV]():
		return "one of " + strings.Join(rovNames(), ", ")
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "one of AFRINIC, APNIC, ARIN, LACNIC, RIPE NCC"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number of 0 or more"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list, each item " + expected(t.Elem())
	case reflect.Pointer:
		return expected(t.Elem())
	default:
		return "a mapping"
	}
}

// UnmarshalText reads "10 > 20" or "10 - 20".
func (l *Link) UnmarshalText(text []byte) error {
	fields := strings.Fields(string(text))
	if len(fields) != 3 || (fields[1] != ">" && fields[1] != "-") {
		return errors.New("not a link")
	}
	a, errA := topology.ParseASN(fields[0])
	b, errB := topology.ParseASN(fields[2])
	l.A, l.B, l.Kind = a, b, topology.Transit
	if fields[1] == "-" {
		l.Kind = topology.Peering
	}
	return errors.Join(errA, errB)
}

// String returns what UnmarshalText reads.
func (l Link) String() string {
	sign := ">"
	if l.Kind == topology.Peering {
		sign = "-"
	}
	return fmt.Sprintf("%d %s %d", l.A, sign, l.B)
}

// MarshalText writes what UnmarshalText reads.
func (l Link) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

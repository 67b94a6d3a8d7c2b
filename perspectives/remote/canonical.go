package remote

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxDepth   = 32
	maxInteger = 1<<53 - 1 // I-JSON, RFC 7493 2.2
)

// Canonical returns the canonical form of a JSON object: that of the JSON
// Canonicalization Scheme (RFC 8785), for objects whose numbers are integers that
// IEEE 754 doubles hold exactly. Members of the outermost object that are named
// in without are left out.
//
// It refuses what two programs could read in two ways: text that is not UTF-8,
// two members of an object whose names differ in nothing but case, fractions,
// exponents, integers beyond ±(2^53-1), more than 32 levels, and anything after
// the object.
func Canonical(data []byte, without ...string) ([]byte, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	c := canonicalizer{tokens: json.NewDecoder(bytes.NewReader(data)), without: without}
	c.tokens.UseNumber()
	token, err := c.tokens.Token()
	if err != nil {
		return nil, truncated(err)
	}
	if token != json.Delim('{') {
		return nil, fmt.Errorf("found %v, expected an object", token)
	}
	out, err := c.object(nil, 1)
	if err != nil {
		return nil, fmt.Errorf("at octet %d: %w", c.tokens.InputOffset(), truncated(err))
	}
	if _, err := c.tokens.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("at octet %d: expected nothing after the object", c.tokens.InputOffset())
	}
	return out, nil
}

// truncated gives the end of the input, where more was expected, its name.
func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

type canonicalizer struct {
	tokens  *json.Decoder
	without []string
}

// member is a name with its value in canonical form.
type member struct {
	name  string
	units []uint16 // the name, to sort by (RFC 8785 3.2.3)
	value []byte
}

// object appends the object whose brace has been read.
func (c *canonicalizer) object(out []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("more than %d levels", maxDepth)
	}
	var members []member
	seen := map[string]string{}
	for c.tokens.More() {
		token, err := c.tokens.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("found %v, expected a name", token)
		}
		if other, double := seen[folded(name)]; double {
			return nil, fmt.Errorf("names %q and %q differ in nothing but case", other, name)
		}
		seen[folded(name)] = name
		value, err := c.value(nil, depth)
		if err != nil {
			return nil, err
		}
		if depth > 1 || !slices.Contains(c.without, name) {
			members = append(members, member{name, utf16.Encode([]rune(name)), value})
		}
	}
	if _, err := c.tokens.Token(); err != nil {
		return nil, err
	}
	slices.SortFunc(members, func(a, b member) int { return slices.Compare(a.units, b.units) })
	out = append(out, '{')
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, m.name), ':')
		out = append(out, m.value...)
	}
	return append(out, '}'), nil
}

// array appends the array whose bracket has been read.
func (c *canonicalizer) array(out []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("more than %d levels", maxDepth)
	}
	out = append(out, '[')
	for first := true; c.tokens.More(); first = false {
		if !first {
			out = append(out, ',')
		}
		var err error
		if out, err = c.value(out, depth); err != nil {
			return nil, err
		}
	}
	_, err := c.tokens.Token()
	return append(out, ']'), err
}

// value reads and appends one value.
func (c *canonicalizer) value(out []byte, depth int) ([]byte, error) {
	token, err := c.tokens.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return c.object(out, depth+1)
		}
		return c.array(out, depth+1)
	case string:
		return appendString(out, v), nil
	case bool:
		return strconv.AppendBool(out, v), nil
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil || n > maxInteger || n < -maxInteger || v == "-0" {
			return nil, fmt.Errorf("number %s: expected an integer within ±(2^53-1)", v)
		}
		return strconv.AppendInt(out, n, 10), nil
	default:
		return append(out, "null"...), nil
	}
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
	return strings.Map(func(r rune) rune {
		lowest := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			lowest = min(lowest, f)
		}
		return lowest
	}, name)
}

// decode reads one JSON object into v, under the rules of [Canonical], which it
// returns without the members named. Unknown members are refused if strict.
func decode(data []byte, v any, strict bool, without ...string) ([]byte, error) {
	canonical, err := Canonical(data, without...)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if strict {
		d.DisallowUnknownFields()
	}
	if err := d.Decode(v); err != nil {
		return nil, wellPut(err)
	}
	return canonical, nil
}

// wellPut words an error of encoding/json without Go's types.
func wellPut(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("field %s: found a %s at octet %d, expected %s",
			cmp.Or(wrong.Field, "(all)"), wrong.Value, wrong.Offset, kindOf(wrong.Type.Kind().String()))
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

func kindOf(kind string) string {
	switch kind {
	case "struct", "map":
		return "an object"
	case "slice", "array":
		return "an array"
	case "bool":
		return "true or false"
	case "string":
		return "a string"
	default:
		return "a number"
	}
}

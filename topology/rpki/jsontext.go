package rpki

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	// maxDepth bounds how deep objects and arrays are nested; relying parties need 5.
	maxDepth = 32
	// maxScalar bounds the bytes of a string or a number.
	maxScalar = 1 << 20
)

// jsonText reads JSON (RFC 8259) value by value and counts lines, which
// [json.Decoder] does not. Its errors have file:line and are final.
type jsonText struct {
	r     *bufio.Reader
	name  string
	line  int // from 1
	depth int
	token []byte // the last string or number
}

// jsonValue is a value that stands where a string or a number may be expected. kind
// is its first byte, '0' for any number; text is what is in a string, or the number
// or literal itself, and valid until the next read; it is empty for objects and
// arrays, which have been skipped.
type jsonValue struct {
	kind byte
	text []byte
}

// String returns the value as errors show it.
func (v jsonValue) String() string {
	switch v.kind {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return strconv.Quote(string(v.text[:min(len(v.text), shown)]))
	case 0:
		return "nothing"
	default:
		return string(v.text)
	}
}

// fail returns an error about the present line.
func (t *jsonText) fail(found, want string) error {
	return fmt.Errorf("%s:%d: JSON: found %s, want %s", t.name, t.line, found, want)
}

// read returns the next byte.
func (t *jsonText) read() (byte, error) {
	c, err := t.r.ReadByte()
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, io.EOF):
		return 0, t.fail("the end of the text", "the rest")
	default:
		return 0, fmt.Errorf("%s:%d: %w", t.name, t.line, err)
	}
}

// next returns the next byte that is not white space.
func (t *jsonText) next() (byte, error) {
	for {
		c, err := t.read()
		switch {
		case err != nil:
			return 0, err
		case c == '\n':
			t.line++
		case c == ' ', c == '\t', c == '\r':
		default:
			return c, nil
		}
	}
}

// end returns an error unless only white space is left.
func (t *jsonText) end() error {
	for {
		c, err := t.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s:%d: %w", t.name, t.line, err)
		case c == '\n':
			t.line++
		case c == ' ', c == '\t', c == '\r':
		default:
			return t.fail(strconv.QuoteRune(rune(c)), "the end of the text")
		}
	}
}

// deeper counts a level of nesting.
func (t *jsonText) deeper() error {
	if t.depth == maxDepth {
		return t.fail(fmt.Sprintf("more than %d levels", maxDepth), "fewer")
	}
	t.depth++
	return nil
}

// object reads the rest of an object whose "{" has been read. member is called for
// each of its members and reads the value; name is valid until then.
func (t *jsonText) object(member func(name []byte) error) error {
	if err := t.deeper(); err != nil {
		return err
	}
	defer func() { t.depth-- }()
	c, err := t.next()
	if err != nil || c == '}' {
		return err
	}
	for {
		if c != '"' {
			return t.fail(strconv.QuoteRune(rune(c)), "a member's name")
		}
		if err := t.string(); err != nil {
			return err
		}
		name := t.token
		if c, err = t.next(); err != nil {
			return err
		} else if c != ':' {
			return t.fail(strconv.QuoteRune(rune(c)), "a colon")
		}
		if err := member(name); err != nil {
			return err
		}
		if more, err := t.more('}'); err != nil || !more {
			return err
		}
		if c, err = t.next(); err != nil {
			return err
		}
	}
}

// array reads the rest of an array whose "[" has been read. element is called before
// each of its elements and reads it; i counts from 0.
func (t *jsonText) array(element func(i int) error) error {
	if err := t.deeper(); err != nil {
		return err
	}
	defer func() { t.depth-- }()
	c, err := t.next()
	if err != nil || c == ']' {
		return err
	}
	if err := t.r.UnreadByte(); err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		if more, err := t.more(']'); err != nil || !more {
			return err
		}
	}
}

// more says whether a comma follows, not the byte that closes an object or array.
func (t *jsonText) more(closing byte) (bool, error) {
	c, err := t.next()
	if err == nil && c != ',' && c != closing {
		err = t.fail(strconv.QuoteRune(rune(c)), fmt.Sprintf("a comma or %q", closing))
	}
	return c == ',', err
}

// value reads any value.
func (t *jsonText) value() (jsonValue, error) {
	c, err := t.next()
	if err != nil {
		return jsonValue{}, err
	}
	return t.valueAt(c)
}

// valueAt reads the rest of a value whose first byte has been read.
func (t *jsonText) valueAt(c byte) (jsonValue, error) {
	skip := func() error {
		_, err := t.value()
		return err
	}
	switch {
	case c == '{':
		return jsonValue{kind: c}, t.object(func([]byte) error { return skip() })
	case c == '[':
		return jsonValue{kind: c}, t.array(func(int) error { return skip() })
	case c == '"':
		err := t.string()
		return jsonValue{kind: c, text: t.token}, err
	case c == '-', '0' <= c && c <= '9', 'a' <= c && c <= 'z':
		if err := t.bare(c); err != nil {
			return jsonValue{}, err
		}
		if c < 'a' {
			c = '0'
		}
		return jsonValue{kind: c, text: t.token}, nil
	default:
		return jsonValue{}, t.fail(strconv.QuoteRune(rune(c)), "a value")
	}
}

// bare reads the rest of a number or literal, which starts with c, into the token.
func (t *jsonText) bare(c byte) error {
	t.token = t.token[:0]
	for isBare(c) {
		if len(t.token) == maxScalar {
			return t.fail(fmt.Sprintf("a number of more than %d bytes", maxScalar), "fewer")
		}
		t.token = append(t.token, c)
		var err error
		if c, err = t.r.ReadByte(); errors.Is(err, io.EOF) {
			break // whoever reads on will notice
		} else if err != nil {
			return fmt.Errorf("%s:%d: %w", t.name, t.line, err)
		}
		if !isBare(c) {
			if err := t.r.UnreadByte(); err != nil {
				return err
			}
		}
	}
	if !isCount(t.token) && !json.Valid(t.token) {
		return t.fail(strconv.Quote(string(t.token[:min(len(t.token), shown)])), "a value")
	}
	return nil
}

// isCount says whether a token is a number of digits alone, as nearly all are.
func isCount(token []byte) bool {
	for _, c := range token {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(token) == 1 || token[0] != '0'
}

// isBare says whether a byte can stand in a number or literal.
func isBare(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// string reads the rest of a string whose opening quote has been read into the
// token, escapes resolved.
func (t *jsonText) string() error {
	t.token = append(t.token[:0], '"')
	escaped := false
	for {
		c, err := t.read()
		if err != nil {
			return err
		}
		if c < ' ' {
			return t.fail(fmt.Sprintf("control character %#x in a string", c), "an escape")
		}
		if len(t.token) > maxScalar {
			return t.fail(fmt.Sprintf("a string of more than %d bytes", maxScalar), "fewer")
		}
		t.token = append(t.token, c)
		if c == '"' {
			break
		}
		if c == '\\' {
			escaped = true
			if c, err = t.read(); err != nil {
				return err
			}
			t.token = append(t.token, c)
		}
	}
	if !escaped {
		t.token = t.token[1 : len(t.token)-1]
		return nil
	}
	var s string
	if err := json.Unmarshal(t.token, &s); err != nil {
		return t.fail(strconv.Quote(string(t.token[:min(len(t.token), shown)])), "a string with valid escapes")
	}
	t.token = append(t.token[:0], s...)
	return nil
}

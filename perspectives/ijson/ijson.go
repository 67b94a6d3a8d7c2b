// Package ijson reads JSON that decides something: requests, answers, and files
// with keys and rights. encoding/json takes the last of two members with one name,
// matches names without regard to case, and puts U+FFFD where there is no
// character. Two programs can so read one text in two ways, and one of them may be
// the one that was to refuse it. Here such a text is an error.
//
// [Check] accepts I-JSON (RFC 7493) with bounds, for a Go type. [Canonical] returns
// the form that is signed (RFC 8785). Neither keeps what it is given; both cost
// time and memory in proportion to the text.
package ijson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// The bounds of [Check], which [Canonical] shares as far as levels are concerned.
const (
	// MaxDepth is how many levels of objects and arrays there may be.
	MaxDepth = 32
	// MaxMembers is how many members an object may have.
	MaxMembers = 1000
	// MaxNumber is how many octets a number may have.
	MaxNumber = 64
	// maxName bounds a name in an error message, in octets.
	maxName = 60
)

// Error says what keeps a text from being read.
type Error struct {
	// Offset is how many octets come before what is wrong.
	Offset int
	// Err says what was found and what was expected.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("at octet %d: %v", e.Offset, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Unknown says what becomes of members that the Go type has no field for.
type Unknown bool

// The two ways.
const (
	RefuseUnknown Unknown = false
	IgnoreUnknown Unknown = true
)

// Check returns an [*Error] unless data is one JSON object, and nothing after it,
// that every program reads in the same way as [json.Unmarshal] reads it into v, a
// pointer, or nil to look at no names but for duplicates. It wants
//
//   - UTF-8, and escapes of surrogates in pairs only,
//   - in each object names that differ in more than case, at most [MaxMembers],
//   - the names of v's fields in their own case,
//   - at most [MaxDepth] levels, and numbers of at most [MaxNumber] octets.
//
// Whether values have the types of v is left to json.Unmarshal.
func Check(data []byte, v any, unknown Unknown) error {
	if !utf8.Valid(data) {
		return &Error{invalidAt(data), errors.New("not valid UTF-8")}
	}
	if !json.Valid(data) {
		return syntaxError(data)
	}
	return walk(data, v, unknown)
}

// walk is Check for a text that is UTF-8 and one JSON value.
func walk(data []byte, v any, unknown Unknown) error {
	w := walker{data: data, ignore: unknown == IgnoreUnknown}
	if w.next() != '{' {
		return &Error{w.pos, fmt.Errorf("found %.20q, expected an object", data[w.pos:])}
	}
	var into reflect.Type
	if v != nil {
		into = reflect.TypeOf(v)
	}
	if err := w.value(into, 1); err != nil {
		return err
	}
	return nil
}

// DecodeCanonical is [Decode] for a text that has a canonical form, which it
// returns as [Canonical] does.
func DecodeCanonical(data []byte, v any, unknown Unknown, without ...string) ([]byte, error) {
	canonical, err := Canonical(data, without...)
	if err != nil {
		return nil, err
	}
	if err := walk(data, v, unknown); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return nil, err
	}
	return canonical, nil
}

// Decode reads data into v after [Check].
func Decode(data []byte, v any, unknown Unknown) error {
	if err := Check(data, v, unknown); err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// invalidAt returns the offset of the first octet that is not UTF-8.
func invalidAt(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// syntaxError returns why data, which is no JSON value, is none.
func syntaxError(data []byte) error {
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw)
	if broken, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &Error{int(broken.Offset), broken}
	}
	return &Error{0, errors.New("no JSON")}
}

// walker walks over one JSON value whose syntax has been checked.
type walker struct {
	data   []byte
	pos    int
	ignore bool
	none   shape // of what nobody knows
}

func (w *walker) errorf(at int, format string, args ...any) *Error {
	return &Error{at, fmt.Errorf(format, args...)}
}

// next skips white space and returns the octet after it, 0 at the end.
func (w *walker) next() byte {
	for ; w.pos < len(w.data); w.pos++ {
		switch c := w.data[w.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// skip skips the next octet that is no white space, if it is the one given.
func (w *walker) skip(octet byte) bool {
	if w.next() != octet {
		return false
	}
	w.pos++
	return true
}

// value walks over the value that comes next, depth levels deep if it has levels.
// Its type is nil if nobody knows its names.
func (w *walker) value(into reflect.Type, depth int) *Error {
	switch w.next() {
	case '{':
		return w.object(into, depth)
	case '[':
		return w.array(into, depth)
	case '"':
		_, err := w.raw()
		return err
	}
	begin := w.pos
	for w.pos < len(w.data) && !strings.ContainsRune(",]} \t\r\n", rune(w.data[w.pos])) {
		w.pos++
	}
	if w.pos-begin > MaxNumber {
		return w.errorf(begin, "found a number of %d octets, expected at most %d", w.pos-begin, MaxNumber)
	}
	return nil
}

func (w *walker) array(into reflect.Type, depth int) *Error {
	if depth > MaxDepth {
		return w.errorf(w.pos, "more than %d levels", MaxDepth)
	}
	var element reflect.Type
	if s := w.shapeOf(into); s.isList {
		element = s.element
	}
	for w.skip('['); !w.skip(']'); w.skip(',') {
		if err := w.value(element, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) object(into reflect.Type, depth int) *Error {
	if depth > MaxDepth {
		return w.errorf(w.pos, "more than %d levels", MaxDepth)
	}
	s := w.shapeOf(into)
	few := [fewMembers]member{}
	members := few[:0]
	for w.skip('{'); !w.skip('}'); w.skip(',') {
		w.next()
		begin := w.pos
		name, err := w.text()
		if err != nil {
			return err
		}
		if len(members) == MaxMembers {
			return w.errorf(begin, "more than %d members in an object", MaxMembers)
		}
		members = append(members, member{name: name, from: begin})
		var value reflect.Type
		switch {
		case s.isStruct:
			if value, err = w.field(s, name, begin); err != nil {
				return err
			}
		case s.isMap:
			value = s.element
		}
		w.skip(':')
		if err := w.value(value, depth+1); err != nil {
			return err
		}
	}
	if a, b, double := ambiguous(members); double {
		return w.errorf(b.from, "%w", sameNames(a, b))
	}
	return nil
}

// field returns the type of the member of a struct, nil if it is unknown.
func (w *walker) field(s *shape, name []byte, at int) (reflect.Type, *Error) {
	for i, known := range s.names {
		if string(name) == known {
			return s.types[i], nil
		}
	}
	for _, known := range s.names {
		if bytes.EqualFold(name, []byte(known)) { // encoding/json would take it
			return nil, w.errorf(at, "found field %.*q, expected %q", maxName, name, known)
		}
	}
	if w.ignore {
		return nil, nil
	}
	return nil, w.errorf(at, "field %.*q is unknown", maxName, name)
}

// text walks over the string that comes next and returns what it says.
func (w *walker) text() ([]byte, *Error) {
	begin := w.pos
	raw, err := w.raw()
	if err != nil || bytes.IndexByte(raw, '\\') < 0 {
		return raw[min(1, len(raw)):max(0, len(raw)-1)], err
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil { // its syntax has been checked
		return nil, &Error{begin, err}
	}
	return []byte(s), nil
}

// raw walks over the string that comes next and returns it with its quotes.
func (w *walker) raw() ([]byte, *Error) {
	begin, escaped := w.pos, false
	for w.pos++; w.data[w.pos] != '"'; w.pos++ {
		if w.data[w.pos] == '\\' {
			escaped = true
			w.pos++
		}
	}
	w.pos++
	raw := w.data[begin:w.pos]
	if !escaped {
		return raw, nil
	}
	if err := paired(raw); err != nil {
		return nil, &Error{begin, err}
	}
	return raw, nil
}

// paired returns an error if a JSON string escapes a surrogate that is not one of
// a pair: it stands for no character (RFC 7493 2.1).
func paired(raw []byte) error {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if raw[i] != 'u' {
			continue
		}
		unit := codeUnit(raw[i+1:])
		i += 4
		if unit < 0xd800 || unit > 0xdfff {
			continue
		}
		low := uint64(0)
		if rest := raw[i+1:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
			low = codeUnit(rest[2:])
		}
		if unit >= 0xdc00 || low < 0xdc00 || low > 0xdfff {
			return fmt.Errorf(`found the lone surrogate \u%04x, expected a character`, unit)
		}
		i += 6
	}
	return nil
}

// codeUnit reads four hexadecimal digits.
func codeUnit(digits []byte) uint64 {
	n, err := strconv.ParseUint(string(digits[:4]), 16, 16)
	if err != nil { // the syntax has been checked
		return 0
	}
	return n
}

// shape is what is known about the JSON that is read into a type.
type shape struct {
	// names are those of a struct's members, types what their values are read into.
	names []string
	types []reflect.Type
	// element is what those of a list or a map are read into; nil if nobody knows.
	element reflect.Type
	// isStruct, isList and isMap: none of them for a type that reads itself.
	isStruct, isList, isMap bool
}

// shapes holds a *shape for each reflect.Type that was asked for.
//
//nolint:gochecknoglobals // a cache of what types say, as encoding/json has one
var shapes sync.Map

// shapeOf returns the shape of a type, that of nothing for nil.
func (w *walker) shapeOf(t reflect.Type) *shape {
	if t == nil {
		return &w.none
	}
	if known, ok := shapes.Load(t); ok {
		if s, ok := known.(*shape); ok {
			return s
		}
	}
	s := &shape{}
	switch p := plain(t); {
	case p == nil:
	case p.Kind() == reflect.Struct:
		s.isStruct = true
		s.add(p)
	case p.Kind() == reflect.Slice || p.Kind() == reflect.Array:
		s.isList, s.element = true, p.Elem()
	case p.Kind() == reflect.Map:
		s.isMap, s.element = true, p.Elem()
	}
	shapes.Store(t, s)
	return s
}

// add adds the names that encoding/json reads into a struct.
func (s *shape) add(t reflect.Type) {
	for field := range t.Fields() {
		tag := field.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		switch embedded := plain(field.Type); {
		case tag == "-":
		case field.Anonymous && name == "" && embedded != nil && embedded.Kind() == reflect.Struct:
			s.add(embedded)
		case field.IsExported():
			if name == "" {
				name = field.Name
			}
			s.names, s.types = append(s.names, name), append(s.types, field.Type)
		}
	}
}

// plain returns the type that a value is read into: what pointers point to; nil if
// the type reads itself.
func plain(t reflect.Type) reflect.Type {
	for {
		if pointer := reflect.PointerTo(t); pointer.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
			pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			return nil
		}
		if t.Kind() != reflect.Pointer {
			return t
		}
		t = t.Elem()
	}
}

package scenarios

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// MaxFileBytes is the size above which a scenario file is refused.
const MaxFileBytes = 1 << 20

// Source is a scenario with where its fields stand in the file, so that what is
// found wrong later, when the topology is known, can still be located.
type Source struct {
	Scenario
	at    map[string]position
	flags map[string]string // field -> command-line flag that set it
}

// ReadFile reads and validates a scenario file.
func ReadFile(path string) (*Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a scenario: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading a scenario: %w", err)
	}
	return Parse(data, path)
}

// Parse reads and validates a scenario from YAML text. file is what errors call
// it. The error joins one [FieldError] for each problem.
func Parse(data []byte, file string) (*Source, error) {
	s := &Source{}
	at, err := decodeFile(data, file, "a scenario", reflect.ValueOf(&s.Scenario).Elem())
	if err != nil {
		return nil, err
	}
	s.at, s.File = at, file
	s.fillDefaults()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// decodeFile reads YAML text into a struct, and returns where its fields are.
// what is what the file should hold.
func decodeFile(data []byte, file, what string, v reflect.Value) (map[string]position, error) {
	if len(data) > MaxFileBytes {
		return nil, &FieldError{File: file, Found: fmt.Sprintf("more than %d bytes", MaxFileBytes), Expected: "a shorter file"}
	}
	if n := marks(data); n > maxMarks {
		return nil, &FieldError{File: file, Found: fmt.Sprintf("%d lines and items", n), Expected: fmt.Sprintf("at most %d", maxMarks)}
	}
	if err := checkText(data, file); err != nil {
		return nil, err
	}
	root, err := document(data, file, what)
	if err != nil {
		return nil, err
	}
	d := &decoder{file: file, at: map[string]position{}}
	d.decode(root, v, "", 0)
	return d.at, d.problems()
}

// maxMarks bounds the values in a file, each of which takes the YAML library some 250
// octets: a list of a hundred thousand AS numbers has as many.
const maxMarks = 1 << 18

// marks returns how many of the characters there are that may end a value.
func marks(data []byte) (n int) {
	for _, c := range data {
		switch c {
		case '\n', ',', '[', '{', ':':
			n++
		}
	}
	return n
}

// document parses YAML and returns the only document's root.
func document(data []byte, file, what string) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var doc yaml.Node
	if err := loader.Load(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &FieldError{File: file, Found: "nothing", Expected: what}
		}
		return nil, syntaxError(file, err)
	}
	root := &doc
	if doc.Kind == yaml.DocumentNode {
		if len(doc.Content) == 0 {
			return nil, &FieldError{File: file, Found: "nothing", Expected: what}
		}
		root = doc.Content[0]
	}
	var more yaml.Node
	if err := loader.Load(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, syntaxError(file, err)
		}
		return nil, &FieldError{File: file, Line: more.Line, Column: more.Column, Found: "a second document", Expected: "one"}
	}
	return root, nil
}

// markPattern finds the position in the YAML library's message: "L2.C7: what",
// or "L2.C7-C8: what" where something that starts at C7 goes wrong at C8.
var markPattern = regexp.MustCompile(`\bL(\d+)\.C(\d+)(?:-(?:L(\d+)\.)?C(\d+))?: (.*)`)

func syntaxError(file string, err error) error {
	e := &FieldError{File: file, Found: strings.TrimPrefix(err.Error(), "go-yaml "), Expected: "well-formed YAML"}
	if m := markPattern.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(cmp.Or(m[3], m[1]))
		e.Column, _ = strconv.Atoi(cmp.Or(m[4], m[2]))
		e.Found = strings.TrimPrefix(m[5], "found ")
	}
	return e
}

// checkText refuses what is not UTF-8 text.
func checkText(data []byte, file string) error {
	line, start := 1, 0
	for n := 0; n < len(data); {
		r, size := utf8.DecodeRune(data[n:])
		switch {
		case r == '\n':
			line, start = line+1, n+1
		case r == utf8.RuneError && size == 1:
			return &FieldError{File: file, Line: line, Column: utf8.RuneCount(data[start:n]) + 1, Found: fmt.Sprintf("the byte %#x", data[n]), Expected: "text in UTF-8"}
		case unicode.IsControl(r) && r != '\t' && r != '\r':
			return &FieldError{File: file, Line: line, Column: utf8.RuneCount(data[start:n]) + 1, Found: fmt.Sprintf("the character %U", r), Expected: "printable text"}
		}
		n += size
	}
	return nil
}

// FieldError returns an error about a field, located in the file, or at the
// command-line flag that set the field or what it is part of. A field that is
// not there is located where it is missing: at what it would be part of.
func (s *Source) FieldError(field, found, expected string) error {
	for f := field; f != ""; f = parent(f) {
		if flag, ok := s.flags[f]; ok {
			e := &FieldError{File: "flag --" + flag, Found: found, Expected: expected}
			if strings.HasSuffix(f, ".attack") { // a flag that is a kind: its fields are others' business
				e.Field = strings.TrimPrefix(field[len(f):], ".")
			}
			return e
		}
	}
	e := &FieldError{File: s.File, Field: field, Found: found, Expected: expected}
	for f := field; ; f = parent(f) {
		if at, ok := s.at[f]; ok {
			e.Line, e.Column = at.line, at.column
			return e
		}
		if f == "" {
			return e
		}
	}
}

// parent returns the path of what a field is part of, "" for the whole.
func parent(field string) string {
	return field[:max(0, strings.LastIndexAny(field, ".["))]
}

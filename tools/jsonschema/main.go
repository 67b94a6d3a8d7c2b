// Command jsonschema holds JSON values against JSON Schemas, with a validator
// that shares no code with this project. It lives in the tools' module, so that
// the validator is no dependency of the program.
//
//	jsonschema FILE... < questions > answers
//
// Each line of its input is a question, {"schema": FILE, "value": ...}, where
// FILE is one of the arguments; each line of its output answers one, in order:
// {"refused": ""}, or why the value does not fit. Schemas are validated against
// their metaschema before the first question.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "jsonschema:", err)
		os.Exit(1)
	}
}

type question struct {
	Schema string `json:"schema"`
	Value  any    `json:"value"`
}

type answer struct {
	Refused string `json:"refused"`
}

func run(files []string, in io.Reader, out io.Writer) error {
	schemas := map[string]*jsonschema.Schema{}
	for _, file := range files {
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft2020)
		c.UseRegexpEngine(ecma)
		s, err := c.Compile(file)
		if err != nil {
			return err
		}
		schemas[file] = s
	}
	questions := json.NewDecoder(bufio.NewReader(in))
	questions.UseNumber()
	w := bufio.NewWriter(out)
	answers := json.NewEncoder(w)
	for {
		var q question
		if err := questions.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a question: %w", err)
		}
		s := schemas[q.Schema]
		if s == nil {
			return fmt.Errorf("schema %q: want one of %s", q.Schema, strings.Join(files, ", "))
		}
		var a answer
		if err := s.Validate(q.Value); err != nil {
			a.Refused = err.Error()
		}
		if err := errors.Join(answers.Encode(a), w.Flush()); err != nil {
			return fmt.Errorf("writing an answer: %w", err)
		}
	}
}

// pattern is a regular expression under the text that it was made from.
type pattern struct {
	*regexp.Regexp
	text string
}

func (p pattern) String() string { return p.text }

// ecma compiles a regular expression of ECMA-262, which JSON Schema means: there
// \s is any white space of Unicode, in Go that of ASCII alone.
func ecma(text string) (jsonschema.Regexp, error) {
	r, err := regexp.Compile(strings.ReplaceAll(text, `\s`, `[\s\v\p{Z}\x{feff}]`))
	if err != nil {
		return nil, err
	}
	return pattern{r, text}, nil
}

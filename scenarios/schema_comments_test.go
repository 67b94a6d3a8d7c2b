package scenarios

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// comments are the doc comments of Go types, read from source.
type comments struct {
	packages map[string]*packageComments // by import path
}

type packageComments struct {
	types     map[string]string            // type -> comment
	fields    map[string]map[string]string // type -> field -> comment
	constants map[string]string            // of text: name -> value
	choices   map[string][]string          // type -> values of its constants, in order
}

// of returns the comments of a package of this project.
func (c *comments) of(path string) (*packageComments, error) {
	if p, ok := c.packages[path]; ok {
		return p, nil
	}
	name, ours := strings.CutPrefix(path, "mpicsim/")
	if !ours {
		return nil, fmt.Errorf("package %s is not of this project: its types need a rule", path)
	}
	p := &packageComments{map[string]string{}, map[string]map[string]string{}, map[string]string{}, map[string][]string{}}
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(name), "*.go"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(fmt.Errorf("package %s: %w", path, fs.ErrNotExist), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range parsed.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				p.declaration(g)
			}
		}
	}
	c.packages[path] = p
	return p, nil
}

func (p *packageComments) declaration(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			doc := s.Doc
			if doc == nil {
				doc = g.Doc
			}
			p.types[s.Name.Name] = doc.Text()
			if t, ok := s.Type.(*ast.StructType); ok {
				p.fields[s.Name.Name] = fieldComments(t)
			}
		case *ast.ValueSpec:
			for n, name := range s.Names {
				if n < len(s.Values) {
					if lit, ok := s.Values[n].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						value, _ := strconv.Unquote(lit.Value) // the compiler has read it
						p.constants[name.Name] = value
						if of, ok := s.Type.(*ast.Ident); ok {
							p.choices[of.Name] = append(p.choices[of.Name], value)
						}
					}
				}
			}
		}
	}
}

// fieldComments returns the comments above or behind the fields of a struct. A
// field without one shares the comment above it if that names it, as in "Prefix
// and Address are ...".
func fieldComments(t *ast.StructType) map[string]string {
	out := map[string]string{}
	above := ""
	for _, f := range t.Fields.List {
		text := f.Doc.Text()
		if text == "" {
			text = f.Comment.Text()
		}
		for _, name := range f.Names {
			switch {
			case text != "":
				out[name.Name] = text
			case regexp.MustCompile(`\b` + name.Name + `\b`).MatchString(above):
				out[name.Name] = above
			}
		}
		if f.Doc != nil {
			above = text
		}
	}
	return out
}

var (
	// readBy is how comments say which function reads a text: nothing that an
	// editor can follow.
	readBy = regexp.MustCompile(`(; see|, as|; as) (\[[\w.]+\]|\w+\.\w+)( reads (it|them))?`)
	link   = regexp.MustCompile(`\[([\w.]+)\]`)
	// word matches what may be a field's name, with what follows if that makes it
	// part of a proper name, such as an Issuer Domain Name.
	word = regexp.MustCompile(`\b[A-Z]\w*\b( [A-Z]\w*\b)*`)
	// optionalPattern is how comments say that a field need not be given.
	optionalPattern = regexp.MustCompile(`(?i)\boptional\b|by default|if not given|if empty|may be left out`)
)

// describe makes a comment a description: one line, with constants' values for
// their names, and fields as they are called in a file.
func (p *packageComments) describe(comment string, fields map[string]string) string {
	text := strings.Join(strings.Fields(comment), " ")
	text = readBy.ReplaceAllString(text, "")
	text = link.ReplaceAllStringFunc(text, func(name string) string {
		name = strings.Trim(name, "[]")
		if value, ok := p.constants[name]; ok {
			return strconv.Quote(value)
		}
		return name
	})
	if len(fields) > 0 {
		text = word.ReplaceAllStringFunc(text, func(words string) string {
			first, rest, _ := strings.Cut(words, " ")
			if name, ok := fields[first]; ok && rest == "" {
				return "`" + name + "`" + words[len(first):]
			}
			return words
		})
	}
	if text != "" && text[0] >= 'a' && text[0] <= 'z' {
		text = strings.ToUpper(text[:1]) + text[1:] + "."
	}
	return text
}

// fieldNames returns what the fields of a struct are called in a file.
func fieldNames(t reflect.Type) map[string]string {
	names := map[string]string{}
	for f := range t.Fields() {
		if name := f.Tag.Get("yaml"); name != "" && name != "-" {
			names[f.Name] = name
		}
	}
	return names
}

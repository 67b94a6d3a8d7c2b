package caa

import (
	"fmt"
	"strings"
)

// Parameter is one "tag=value" of an issue value.
type Parameter struct {
	Tag, Value string
}

// ParseIssueValue reads the value of an issue or issuewild property by the
// grammar of RFC 8659 4.2:
//
//	issue-value = *WSP [issuer-domain-name *WSP] [";" *WSP [parameters *WSP]]
//	issuer-domain-name = label *("." label)
//	label = (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT))
//	parameters = (parameter *WSP ";" *WSP parameters) / parameter
//	parameter = tag *WSP "=" *WSP value
//	tag = (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT))
//	value = *(%x21-3A / %x3C-7E)
//
// domain is as written, empty if the value names nobody. The parameters are in
// the order written, duplicates included. An error says what was found where
// (octets counted from 1) and what was expected.
func ParseIssueValue(s string) (domain string, params []Parameter, err error) {
	p := parser{s: s}
	p.whitespace()
	if p.at(isAlphanumeric) {
		if domain, err = p.domain(); err != nil {
			return "", nil, err
		}
		p.whitespace()
	}
	if p.done() {
		return domain, nil, nil
	}
	if !p.accept(';') {
		return "", nil, p.expected(`an issuer domain name or ";"`)
	}
	p.whitespace()
	if p.done() {
		return domain, nil, nil
	}
	for {
		param, err := p.parameter()
		if err != nil {
			return "", nil, err
		}
		params = append(params, param)
		p.whitespace()
		if p.done() {
			return domain, params, nil
		}
		if !p.accept(';') {
			return "", nil, p.expected(`";"`)
		}
		p.whitespace()
	}
}

// parser stands at octet i of s.
type parser struct {
	s string
	i int
}

func (p *parser) done() bool { return p.i == len(p.s) }

func (p *parser) at(class func(byte) bool) bool { return !p.done() && class(p.s[p.i]) }

func (p *parser) accept(c byte) bool {
	if p.done() || p.s[p.i] != c {
		return false
	}
	p.i++
	return true
}

// run takes as many octets of class as there are.
func (p *parser) run(class func(byte) bool) string {
	start := p.i
	for p.at(class) {
		p.i++
	}
	return p.s[start:p.i]
}

func (p *parser) whitespace() { p.run(func(c byte) bool { return c == ' ' || c == '\t' }) }

func (p *parser) domain() (string, error) {
	start := p.i
	for {
		if _, err := p.label("a label"); err != nil {
			return "", err
		}
		if !p.accept('.') {
			return p.s[start:p.i], nil
		}
	}
}

func (p *parser) parameter() (Parameter, error) {
	tag, err := p.label("a parameter tag")
	if err != nil {
		return Parameter{}, err
	}
	p.whitespace()
	if !p.accept('=') {
		return Parameter{}, p.expected(`"="`)
	}
	p.whitespace()
	return Parameter{Tag: tag, Value: p.run(func(c byte) bool { return c >= 0x21 && c <= 0x7E && c != ';' })}, nil
}

// label takes letters, digits and inner hyphens.
func (p *parser) label(what string) (string, error) {
	if !p.at(isAlphanumeric) {
		return "", p.expected(what + " that starts with a letter or digit")
	}
	label := p.run(func(c byte) bool { return isAlphanumeric(c) || c == '-' })
	if strings.HasSuffix(label, "-") {
		return "", p.expected(what + " that ends in a letter or digit")
	}
	return label, nil
}

func (p *parser) expected(what string) error {
	found := "the end"
	if !p.done() {
		found = fmt.Sprintf("%q", p.s[p.i:p.i+1])
	}
	return fmt.Errorf("octet %d: found %s, expected %s", p.i+1, found, what)
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

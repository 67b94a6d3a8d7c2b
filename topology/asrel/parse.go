package asrel

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"mpicsim/topology"
)

const (
	// maxBadLines is how many bad lines an error describes, maxCounted how many are
	// counted before reading ends.
	maxBadLines = 20
	maxCounted  = 100_000
	// maxLineBytes bounds a line; the longest in CAIDA's files, a comment that
	// lists ASes, has under 1 kB.
	maxLineBytes = 1 << 20
	// firstGrowth is the number of links from which room is doubled, a power of 2.
	firstGrowth = 1 << 12
)

// parser reads the text of one file, line by line.
type parser struct {
	file      *File
	builder   topology.Builder
	firstLink int // its line
	bad       []error
	more      int // bad lines beyond those in bad
}

// read reads all lines. It returns an error for bad lines and for a text that
// breaks off.
func (p *parser) read(text io.Reader) error {
	lines := bufio.NewReaderSize(text, maxLineBytes)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return errors.Join(p.refusal(), fmt.Errorf("%s:%d: a line longer than %d bytes: want AS relationships",
				p.file.Name, p.file.Lines+1, maxLineBytes))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(p.refusal(), fmt.Errorf("%s: after line %d: %w", p.file.Name, p.file.Lines, err))
		}
		if len(line) > 0 {
			if p.file.Lines == math.MaxInt32 {
				return fmt.Errorf("%s: more than %d lines", p.file.Name, math.MaxInt32)
			}
			p.file.Lines++
			if p.line(bytes.TrimRight(line, "\r\n")); p.more == maxCounted {
				return p.refusal()
			}
		}
		if err != nil {
			return p.refusal()
		}
	}
}

// refusal joins the bad lines, nil if there are none.
func (p *parser) refusal() error {
	if len(p.bad) == 0 {
		return nil
	}
	switch {
	case p.more == maxCounted:
		p.bad = append(p.bad, fmt.Errorf("%s: and %d more bad lines up to line %d: the rest was not read", p.file.Name, p.more, p.file.Lines))
	case p.more > 0:
		p.bad = append(p.bad, fmt.Errorf("%s: and %d more bad lines", p.file.Name, p.more))
	}
	return errors.Join(p.bad...)
}

// line takes one line without its end.
func (p *parser) line(line []byte) {
	if len(line) == 0 {
		return
	}
	if line[0] == '#' {
		p.comment(line)
		return
	}
	link, serial, bad := parseLink(line)
	if bad == nil && p.file.Serial != 0 && serial != p.file.Serial {
		bad = &badField{"line", short(line), fmt.Sprintf("%d fields as on line %d", p.file.Serial+2, p.firstLink)}
	}
	if bad != nil {
		p.refuse(bad)
		return
	}
	if p.file.Serial == 0 {
		p.file.Serial, p.firstLink = serial, p.file.Lines
	}
	if p.file.Links >= firstGrowth && p.file.Links&(p.file.Links-1) == 0 {
		p.builder.Grow(p.file.Links) // doubling copies less than append, which grows by a quarter
	}
	p.file.Links++
	link.Line = int32(p.file.Lines)
	p.builder.AddLink(link)
}

// refuse records that the present line is bad.
func (p *parser) refuse(bad *badField) {
	if len(p.bad) == maxBadLines {
		p.more++
		return
	}
	p.bad = append(p.bad, fmt.Errorf("%s:%d: %w", p.file.Name, p.file.Lines, bad))
}

// shown is how many octets of a field an error shows.
const shown = 80

// badField is a field that is not what the format wants.
type badField struct{ field, found, want string }

func (b *badField) Error() string {
	found := b.found
	if len(found) > shown {
		found = found[:shown] + "..."
	}
	return fmt.Sprintf("%s: found %q, want %s", b.field, found, b.want)
}

// short returns the start of a text, which is all that errors show of it.
func short(text []byte) string { return string(text[:min(len(text), shown+1)]) }

// parseLink reads "a|b|rel" (serial 1) or "a|b|rel|source" (serial 2).
func parseLink(line []byte) (l topology.Link, serial int, bad *badField) {
	a, rest := cutASN(line)
	b, rest := cutASN(rest)
	var kind, source []byte
	serial = 1
	if bar := bytes.IndexByte(rest, '|'); bar >= 0 {
		serial, kind, source = 2, rest[:bar], rest[bar+1:]
	} else {
		kind = rest
	}
	switch {
	case a == 0 || b == 0:
		return l, 0, explainASNs(line)
	case serial == 2 && (len(source) == 0 || bytes.IndexByte(source, '|') >= 0):
		return l, 0, &badField{"source", short(source), `one field that is not empty, such as "bgp"`}
	case string(kind) == "-1":
		return topology.Link{A: a, B: b, Kind: topology.Transit}, serial, nil
	case string(kind) == "0":
		return topology.Link{A: a, B: b, Kind: topology.Peering}, serial, nil
	default:
		return l, 0, &badField{"relationship", short(kind), "-1 (provider of) or 0 (peer of)"}
	}
}

// cutASN reads an AS number in asplain notation up to the first bar, and returns
// what follows the bar; 0, which is reserved (RFC 7607), stands for failure.
func cutASN(line []byte) (topology.ASN, []byte) {
	n := uint64(0)
	for i, c := range line {
		switch {
		case '0' <= c && c <= '9' && i < len("4294967295"):
			n = n*10 + uint64(c-'0')
		case c == '|' && n <= math.MaxUint32:
			return topology.ASN(n), line[i+1:]
		default:
			return 0, nil
		}
	}
	return 0, nil
}

// explainASNs says what is wrong with a line whose ASes cannot be read.
func explainASNs(line []byte) *badField {
	fields := bytes.SplitN(line, []byte{'|'}, 4)
	if len(fields) < 3 {
		return &badField{"line", short(line), "AS|AS|relationship or AS|AS|relationship|source"}
	}
	if asn, _ := cutASN(line); asn == 0 {
		return &badField{"first AS", short(fields[0]), wantASN}
	}
	return &badField{"second AS", short(fields[1]), wantASN}
}

const wantASN = "a number from 1 to 4294967295"

// How the comments start in which CAIDA lists ASes.
const clique, ixps = "# input clique:", "# IXP ASes:"

// comment keeps the lists of ASes that CAIDA puts into comments.
func (p *parser) comment(line []byte) {
	var into *[]topology.ASN
	var prefix string
	switch {
	case bytes.HasPrefix(line, []byte(clique)):
		prefix, into = clique, &p.file.Clique
	case bytes.HasPrefix(line, []byte(ixps)):
		prefix, into = ixps, &p.file.IXPs
	default:
		return
	}
	for field := range bytes.FieldsSeq(line[len(prefix):]) {
		asn, _ := cutASN(append(slices.Clip(field), '|'))
		if asn == 0 {
			p.refuse(&badField{prefix[len("# ") : len(prefix)-1], short(field), wantASN})
			return
		}
		*into = append(*into, asn)
	}
}

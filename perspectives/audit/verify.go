package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Report is what [Verify] found.
type Report struct {
	// Files and Lines are how many were read.
	Files int `json:"files"`
	Lines int `json:"lines"`
	// First is the number of the first line: 1 if the chain is there from its
	// beginning.
	First uint64 `json:"first"`
	// Head is the last line.
	Head Head `json:"head"`
	// Faults are all that is wrong, in order; none if the chain holds.
	Faults []Fault `json:"faults"`
}

// Fault is one place where the chain does not hold.
type Fault struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // in the file, from 1
	Reason string `json:"reason"`
	// Torn is a last line without its end.
	Torn []byte `json:"-"`
}

// Error says where and why, as "FILE:LINE: REASON".
func (f Fault) Error() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Reason) }

// Verify reads the files of one log, oldest first, and checks that every line is
// whole, has the hash that it says, and follows the one before it, also from one
// file to the next. Files before the first given one are not asked for: see
// [Report.First]. It goes on behind a fault with what the line itself says. The
// error is that of reading a file.
func Verify(files []string) (Report, error) {
	r := Report{Head: noHead(), Faults: []Fault{}}
	for _, path := range files {
		file, err := os.Open(path)
		if err != nil {
			return r, fmt.Errorf("audit log: %w", err)
		}
		err = errors.Join(r.verifyFile(path, file), file.Close())
		if err != nil {
			return r, fmt.Errorf("audit log: %w", err)
		}
		r.Files++
	}
	return r, nil
}

// verifyFile checks the lines of one file.
func (r *Report) verifyFile(path string, from io.Reader) error {
	in := bufio.NewReaderSize(from, 1<<16)
	for number := 1; ; number++ {
		line, whole, err := readLine(in)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, number, err)
		}
		if len(line) == 0 && !whole {
			return nil
		}
		fault := func(reason string, torn []byte) {
			r.Faults = append(r.Faults, Fault{File: path, Line: number, Reason: reason, Torn: torn})
		}
		if !whole {
			fault("torn: the last line has no end, as after a crash", line)
			return nil
		}
		r.Lines++
		head, prev, reason := parseLine(line)
		switch {
		case reason != "":
		case r.Head.Seq == 0 && r.Lines == 1 && head.Seq != 1: // an older file is elsewhere
		case head.Seq != r.Head.Seq+1:
			reason = fmt.Sprintf("seq %d follows %d: lines were removed, inserted or moved", head.Seq, r.Head.Seq)
		case prev != r.Head.Hash:
			reason = fmt.Sprintf("prev is not the hash of line seq %d: it was changed", r.Head.Seq)
		}
		if reason != "" {
			fault(reason, nil)
		}
		if head.Seq != 0 {
			r.Head = head
		} else {
			r.Head.Seq++ // no telling what it was
		}
		if r.Lines == 1 {
			r.First = r.Head.Seq
		}
	}
}

// readLine returns a line without its line feed, and whether there was one.
func readLine(in *bufio.Reader) (line []byte, whole bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], true, nil
		case errors.Is(err, io.EOF):
			return line, false, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, err
		case len(line) > maxLine:
			return nil, false, fmt.Errorf("a line of more than %d octets", maxLine)
		}
	}
}

// parseLine returns what a line says about its place in the chain, and what is
// wrong with the line itself. The zero head means that it says nothing.
func parseLine(line []byte) (head Head, prev, reason string) {
	var fields struct {
		Seq    uint64          `json:"seq"`
		Prev   string          `json:"prev"`
		Record json.RawMessage `json:"record"`
		Hash   string          `json:"hash"`
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&fields); err != nil || decoder.More() {
		return Head{}, "", "not one JSON object with seq, prev, record and hash"
	}
	if fields.Seq == 0 || !isHash(fields.Prev) || !isHash(fields.Hash) || len(fields.Record) == 0 {
		return Head{}, "", "seq, prev, record or hash is missing or not what it should be"
	}
	head = Head{Seq: fields.Seq, Hash: fields.Hash}
	hashed, isLast := bytes.CutSuffix(line, []byte(hashKey+fields.Hash+`"}`))
	if sum := sha256.Sum256(hashed); !isLast || hex.EncodeToString(sum[:]) != fields.Hash {
		return head, fields.Prev, "the line has another hash than it says: it was changed"
	}
	return head, fields.Prev, ""
}

func isHash(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

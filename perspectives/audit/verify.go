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
	"path/filepath"
	"slices"
	"strings"
)

// Report is what [Verify] found.
type Report struct {
	// Files and Lines are how many were read.
	Files int `json:"files"`
	Lines int `json:"lines"`
	// First is the number of the first line: 1 if the chain is there from its
	// beginning. After is the hash of the line before it, 64 zeros for none.
	First uint64 `json:"first"`
	After string `json:"after"`
	// Head is the last line.
	Head Head `json:"head"`
	// Faults are what is wrong, in order, the first 1,000; none if the chain holds.
	// MoreFaults is how many others there are.
	Faults     []Fault `json:"faults"`
	MoreFaults int     `json:"more_faults,omitempty"`

	holds []string // those of Expected that were not found yet
}

// maxFaults is how many faults a report has.
const maxFaults = 1000

// Fault is one place where the chain does not hold.
type Fault struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // in the file, from 1; 0 for the file as a whole
	Reason string `json:"reason"`
	// Torn is a last line without its end.
	Torn []byte `json:"-"`
}

// Error says where and why, as "FILE:LINE: REASON".
func (f Fault) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.File, f.Reason)
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Reason)
}

// Expected is what is known about a log from another place than its folder. The
// zero value expects a log from its first line on.
type Expected struct {
	// After is the hash of the line before the first one: that with which an older
	// file ends, which has gone to an archive. Empty for a log from its beginning.
	After string
	// Head is the hash of the last line, empty if it is not known: then lines may
	// be missing at the end.
	Head string
	// Holds are hashes of lines that the log must have somewhere: heads that were
	// noted before it grew.
	Holds []string
}

// Verify is [Expected.Verify] for a log from its beginning of which nothing else is
// known.
func Verify(files []string) (Report, error) { return Expected{}.Verify(files) }

// Verify reads the files of one log, oldest first, and checks that there is a line,
// that the first one begins the chain or follows e.After, that every line is whole,
// has the form and the hash that it should, and follows the one before it, also from
// one file to the next; that files which are numbered are numbered without a gap;
// and that the lines which e names are there. It goes on behind a fault with what
// the line itself says. The error is that of reading a file.
//
// Not shown by that: lines that are missing at the end, unless e.Head is known, and
// a chain that somebody wrote anew from some line on, unless e has the hash of that
// line or of a later one.
func (e Expected) Verify(files []string) (Report, error) {
	r, err := e.verify(files, false)
	if err != nil {
		return r, err
	}
	last := ""
	if len(files) > 0 {
		last = files[len(files)-1]
	}
	if r.Lines == 0 {
		r.fault(Fault{File: last, Reason: "the log has no line: nothing is shown"})
	}
	if e.Head != "" && e.Head != r.Head.Hash {
		r.fault(Fault{File: last, Reason: fmt.Sprintf("the chain ends with %s, expected %s: lines are missing at the end, or were written since",
			r.Head.Hash, e.Head)})
	}
	for _, missing := range r.holds {
		r.fault(Fault{File: last, Reason: fmt.Sprintf("no line has the hash %s: it was removed, or the chain was written anew", missing)})
	}
	return r, nil
}

// verify reads the files. anywhere lets the chain begin with any line.
func (e Expected) verify(files []string, anywhere bool) (Report, error) {
	r := Report{Head: noHead(), Faults: []Fault{}, holds: slices.Clone(e.Holds)}
	after := e.After
	if after == "" && !anywhere {
		after = noHead().Hash
	}
	for i, path := range files {
		if i > 0 {
			r.checkNumbers(files[i-1], path)
		}
		file, err := openRegular(path)
		if err != nil {
			return r, fmt.Errorf("audit log: %w", err)
		}
		err = errors.Join(r.verifyFile(path, file, after), file.Close())
		if err != nil {
			return r, fmt.Errorf("audit log: %w", err)
		}
		r.Files++
	}
	return r, nil
}

// openRegular opens a file; one that is no regular file could be waited for without
// end.
func openRegular(path string) (*os.File, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: found %v, expected a regular file", path, stat.Mode().Type())
	}
	return os.Open(path)
}

// checkNumbers wants two files that the log has named in one folder to be named one
// after the other.
func (r *Report) checkNumbers(before, path string) {
	a, first := numberOf(before)
	b, second := numberOf(path)
	if first == "" || first != second || filepath.Dir(before) != filepath.Dir(path) || b == a+1 {
		return
	}
	r.fault(Fault{File: path, Reason: fmt.Sprintf("file number %d follows %d: files were removed, renamed or swapped", b, a)})
}

func (r *Report) fault(f Fault) {
	if len(r.Faults) == maxFaults {
		r.MoreFaults++
		return
	}
	r.Faults = append(r.Faults, f)
}

// verifyFile checks the lines of one file. The first line of the log must follow
// the hash after, any if it is empty.
func (r *Report) verifyFile(path string, from io.Reader, after string) error {
	in := bufio.NewReaderSize(from, 1<<16)
	for number := 1; ; number++ {
		line, whole, err := readLine(in)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, number, err)
		}
		if len(line) == 0 && !whole {
			return nil
		}
		if !whole {
			r.fault(Fault{File: path, Line: number, Reason: "torn: the last line has no end, as after a crash", Torn: line})
			return nil
		}
		r.Lines++
		head, prev, reason := parseLine(line)
		switch {
		case reason != "":
		case r.Lines == 1:
			reason = judgeFirst(head, prev, after)
		case head.Seq != r.Head.Seq+1:
			reason = fmt.Sprintf("seq %d follows %d: lines were removed, inserted or moved", head.Seq, r.Head.Seq)
		case prev != r.Head.Hash:
			reason = fmt.Sprintf("prev is not the hash of line seq %d: it was changed", r.Head.Seq)
		}
		if reason != "" {
			r.fault(Fault{File: path, Line: number, Reason: reason})
		}
		if head.Seq != 0 {
			r.Head = head
		} else {
			r.Head.Seq++ // no telling what it was
		}
		if r.Lines == 1 {
			r.First, r.After = r.Head.Seq, prev
		}
		r.holds = slices.DeleteFunc(r.holds, func(hash string) bool { return hash == head.Hash })
	}
}

// judgeFirst says what is wrong with the place of the first line.
func judgeFirst(head Head, prev, after string) string {
	begins := noHead().Hash
	switch {
	case head.Seq == 1 && prev != begins:
		return "seq 1 has a prev, expected 64 zeros: the beginning was changed"
	case head.Seq != 1 && prev == begins:
		return fmt.Sprintf("seq %d has no prev: the beginning was changed", head.Seq)
	case after == "" || prev == after:
		return ""
	case after == begins:
		return fmt.Sprintf("the log begins with seq %d: lines were removed, or older files are elsewhere; then say the hash that they end with", head.Seq)
	}
	return fmt.Sprintf("seq %d follows the hash %s, expected %s: lines were removed", head.Seq, prev, after)
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
	// A line has one form, so that no program can read another seq, or another
	// record, out of it.
	if written, _ := chain(Head{Seq: fields.Seq - 1, Hash: fields.Prev}, fields.Record); !bytes.Equal(written[:len(written)-1], line) {
		return head, fields.Prev, "the line does not have the form that the log writes"
	}
	return head, fields.Prev, ""
}

func isHash(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

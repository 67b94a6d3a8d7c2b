// Package audit keeps the records that BR 5.4.1(2)(7) and (8) ask for in files
// that show whether anybody changed them since: one JSON object on each line,
// chained by SHA-256, one file after the other.
//
// A line is
//
//	{"seq":7,"prev":"<hash of line 6>","record":{...},"hash":"<64 hex digits>"}
//
// where hash is the SHA-256 of the line's octets before `,"hash"`. What is hashed
// is what is stored, so that nobody needs to agree on how to write JSON. Line 1
// has 64 zeros for prev. Files are named NAME-000001.jsonl and so on; the chain
// goes on across them.
//
// What the chain shows: a line that was changed, removed, inserted or moved, at the
// beginning too, and files that are missing, renamed or swapped. What it cannot
// show: that lines are missing at the end, or that somebody wrote the chain anew
// from some line on. For that, keep the head ([Log.Head]) in another place from time
// to time, and give it to [Expected.Verify]. Where a file ends is not part of the
// chain. Older files may go to an archive, each with the hash that it ends with; the
// newest must stay, since the log goes on from it.
//
// With [Options.Sync] a record is on the disk, and its file in the folder, when
// [Log.Append] returns.
//
// Not here: signatures, encryption, deletion after the retention period (two
// years, BR 5.4.3), several writers to one directory.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	defaultName     = "audit"
	defaultMaxBytes = 64 << 20
	maxLine         = 8 << 20 // octets of one line
	extension       = ".jsonl"
)

var (
	// ErrClosed is wrapped by the errors of a closed [Log].
	ErrClosed = errors.New("audit log is closed")
	// ErrForeign is wrapped by the error of an append to a file that somebody else
	// has changed since it was opened.
	ErrForeign = errors.New("somebody else has written to the audit log")
)

// Options are how to keep a log. Dir and Clock are required.
type Options struct {
	// Dir holds the files; it is made if it does not exist.
	Dir string
	// Name begins the files' names, "audit" if empty.
	Name string
	// MaxBytes is the size at which a file is closed and the next begun, 64 MiB if
	// 0. A file has at least one line.
	MaxBytes int64
	// Sync has every record reach the disk (fsync) before Append returns, and the
	// folder's entry of a new file too.
	Sync bool
	// Clock dates the records that the log writes about itself.
	Clock func() time.Time
}

// Log appends to the newest file. It is safe for concurrent use by one process.
type Log struct {
	options Options

	mu     sync.Mutex
	file   *os.File
	number int   // of the file
	size   int64 // of the file
	head   Head
	err    error // why the last append failed
	lost   Lost  // what could not be kept since the last record that was
	closed bool

	waiting struct {
		mu      sync.Mutex // taken after that of the log
		entries []*entry   // in the order of their lines to be
	}
}

// Head is the last line of a chain: how many lines there are and the hash of the
// last, 0 and 64 zeros for none.
type Head struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

func noHead() Head { return Head{Hash: strings.Repeat("0", 2*sha256.Size)} }

// Open goes on where the files in the directory end, or begins the first. It
// verifies the newest file and refuses to go on behind a broken chain. A last line
// that was torn by a crash is no line: it is moved aside to a file that ends in
// ".torn", and the log's next record says so.
func Open(o Options) (*Log, error) {
	if o.Dir == "" || o.Clock == nil {
		return nil, errors.New("audit log: Dir and Clock are required")
	}
	if o.Name == "" {
		o.Name = defaultName
	}
	if strings.ContainsAny(o.Name, `/\*?[`) {
		return nil, fmt.Errorf("audit log name %q: expected no path and no pattern", o.Name)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxBytes < 0 {
		return nil, fmt.Errorf("audit log: MaxBytes %d: want 0 or more", o.MaxBytes)
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	l := &Log{options: o, number: 1, head: noHead()}
	torn, err := l.resume()
	if err != nil {
		return nil, err
	}
	if err := l.openFile(); err != nil {
		return nil, err
	}
	if torn != nil {
		if err := l.Append(torn); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

// Torn is the record that tells of a line which a crash has cut off.
type Torn struct {
	Time   time.Time `json:"time"`
	Msg    string    `json:"msg"` // "torn line"
	File   string    `json:"file"`
	Octets int       `json:"octets"`
	SHA256 string    `json:"sha256"`
	Kept   string    `json:"kept"` // where the octets are
}

// resume finds the newest file and the head of the chain, and cuts off a torn
// line.
func (l *Log) resume() (torn *Torn, err error) {
	newest, report, err := end(l.options.Dir, l.options.Name)
	if err != nil || newest == "" {
		return nil, err
	}
	l.number, _ = numberOf(newest)
	var rest []byte
	for _, f := range report.Faults { // but for a torn line there is none
		rest = f.Torn
	}
	l.head = report.Head
	if rest == nil {
		return nil, nil
	}
	sum := sha256.Sum256(rest)
	torn = &Torn{
		Time: l.options.Clock().UTC(), Msg: "torn line", File: filepath.Base(newest), Octets: len(rest),
		SHA256: hex.EncodeToString(sum[:]), Kept: fmt.Sprintf("%s.%d.torn", filepath.Base(newest), l.head.Seq+1),
	}
	stat, err := os.Stat(newest)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	if err := os.WriteFile(filepath.Join(l.options.Dir, torn.Kept), rest, 0o640); err != nil {
		return nil, fmt.Errorf("audit log: keeping a torn line: %w", err)
	}
	if err := os.Truncate(newest, stat.Size()-int64(len(rest))); err != nil {
		return nil, fmt.Errorf("audit log: cutting off a torn line: %w", err)
	}
	return torn, nil
}

func (l *Log) openFile() error {
	path := filepath.Join(l.options.Dir, fmt.Sprintf("%s-%06d%s", l.options.Name, l.number, extension))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	stat, err := file.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("audit log: %w", err), file.Close())
	}
	if l.options.Sync && stat.Size() == 0 {
		// A record is durable only if the folder knows its file.
		if err := syncDir(l.options.Dir); err != nil {
			return errors.Join(fmt.Errorf("audit log: %w", err), file.Close())
		}
	}
	l.file, l.size = file, stat.Size()
	return nil
}

// Append adds a record, anything that encoding/json can write, and returns when it
// is written, and with Options.Sync on the disk. Records that come while others
// are being written go to the disk together. After an error nothing of the record
// is in the log and the next Append tries again; Err remembers it until one
// succeeds.
func (l *Log) Append(record any) error {
	text, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	e := &entry{record: text}
	l.waiting.mu.Lock()
	l.waiting.entries = append(l.waiting.entries, e)
	l.waiting.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !e.done { // nobody has taken it while this waited for the lock
		l.waiting.mu.Lock()
		all := l.waiting.entries
		l.waiting.entries = nil
		l.waiting.mu.Unlock()
		l.appendAll(all)
	}
	return e.err
}

// entry is a record that waits to be written. err and done belong to who holds
// the lock of the log.
type entry struct {
	record []byte
	err    error
	done   bool
}

func (l *Log) appendAll(entries []*entry) {
	var note *entry
	if l.lost.Records > 0 && !l.closed {
		if text, err := json.Marshal(l.lost); err == nil {
			note = &entry{record: text}
			entries = append([]*entry{note}, entries...)
		}
	}
	for len(entries) > 0 {
		n, err := l.appendFirst(entries)
		for _, e := range entries[:n] {
			e.err, e.done = err, true
			switch {
			case e == note && err == nil:
				l.lost = Lost{}
			case e != note && err != nil:
				l.lose(err)
			}
		}
		l.err = err
		entries = entries[n:]
	}
}

// Lost is the record that tells of records before it which could not be kept. What
// they were about had no answer.
type Lost struct {
	Time    time.Time `json:"time"` // of the first
	Msg     string    `json:"msg"`  // "records lost"
	Records int       `json:"records"`
	Error   string    `json:"error"` // why the first was not kept
}

// maxLostError bounds an error in a record, in octets.
const maxLostError = 500

func (l *Log) lose(err error) {
	if l.lost.Records == 0 {
		text := err.Error()
		l.lost = Lost{Time: l.options.Clock().UTC(), Msg: "records lost", Error: text[:min(len(text), maxLostError)]}
	}
	l.lost.Records++
}

// appendFirst appends the first entries, as many as go into one file, and returns
// how many. With an error that is how many have failed: nothing of them is in the
// log.
func (l *Log) appendFirst(entries []*entry) (n int, err error) {
	if l.closed {
		return len(entries), ErrClosed
	}
	var lines []byte
	head := l.head
	for _, e := range entries {
		line, next := chain(head, e.record)
		after := l.size + int64(len(lines)) + int64(len(line))
		full := after > int64(len(line)) && after > l.options.MaxBytes
		if n > 0 && (full || len(line) > maxLine) {
			break
		}
		if len(line) > maxLine {
			return 1, fmt.Errorf("audit log: a record of %d octets, expected at most %d", len(line), maxLine)
		}
		if full {
			if err := l.rotate(); err != nil {
				return 1, err
			}
		}
		lines, head = append(lines, line...), next
		n++
	}
	if err := l.write(lines); err != nil {
		return n, err
	}
	l.size += int64(len(lines))
	l.head = head
	return n, nil
}

// write appends to the file, or leaves it as it was.
func (l *Log) write(lines []byte) error {
	stat, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	if stat.Size() != l.size {
		return fmt.Errorf("%w: %s has %d octets, expected %d", ErrForeign, l.file.Name(), stat.Size(), l.size)
	}
	_, err = l.file.Write(lines)
	if err == nil && l.options.Sync {
		err = l.file.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("audit log: %w", err), l.file.Truncate(l.size))
	}
	return nil
}

func (l *Log) rotate() error {
	old := l.file
	l.number++
	if err := l.openFile(); err != nil {
		l.number--
		return err
	}
	if err := errors.Join(old.Sync(), old.Close()); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

// chain returns the next line, with its line feed, and the head that it makes.
func chain(head Head, record []byte) (line []byte, next Head) {
	next.Seq = head.Seq + 1
	line = fmt.Appendf(nil, `{"seq":%d,"prev":"%s","record":%s`, next.Seq, head.Hash, record)
	sum := sha256.Sum256(line)
	next.Hash = hex.EncodeToString(sum[:])
	return fmt.Appendf(line, "%s%s\"}\n", hashKey, next.Hash), next
}

const hashKey = `,"hash":"`

// Head returns the last line written.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Err returns why the last record could not be kept, nil if it was: a service that
// must log cannot go on with an error here.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Healthy is Err, after another try if the last record could not be kept: the first
// record that can be kept again says how many could not be ([Lost]).
func (l *Log) Healthy() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		l.appendAll(nil)
	}
	return l.err
}

// Close makes what was written durable and ends the log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	if err := errors.Join(l.file.Sync(), l.file.Close()); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

// Package unpack reads files that others wrote, plain or packed, within bounds: on
// the octets of text, on how many of them one packed octet may stand for, and on the
// length of a CSV record. A reader that keeps what it reads then needs no more memory
// than for an honest file of the same length.
//
// Errors say which bound was met. They do not name the file: the caller does.
package unpack

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

const (
	// MaxRatio is how many octets of text an octet of a packed file may stand for, on
	// average from its start. The files read here pack to between a third and a
	// twentieth of their text; gzip reaches 1,032, bzip2 more than 100,000.
	MaxRatio = 100
	// Free is how much text is read before the ratio counts: short files of repeated
	// lines pack better.
	Free = 1 << 20
)

// ErrBound is wrapped by the errors about a bound.
var ErrBound = errors.New("out of bounds")

// boundError says what was found and expected.
type boundError struct{ found, expected string }

func (e *boundError) Error() string { return "found " + e.found + ", expected " + e.expected }

func (e *boundError) Unwrap() error { return ErrBound }

// IsGzip reports whether a file that starts like this is gzip (RFC 1952, 2.3.1).
func IsGzip(start []byte) bool { return bytes.HasPrefix(start, []byte{0x1f, 0x8b}) }

// Text returns the text in r, decompressed if it starts like gzip. Reading it fails
// behind most octets of text, and where the text outgrows [MaxRatio].
func Text(r io.Reader, most int64) (*bufio.Reader, error) {
	packed := &counter{r: r}
	in := bufio.NewReaderSize(packed, 1<<16)
	start, err := in.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !IsGzip(start) {
		return bufio.NewReaderSize(Bound(in, most, nil), 1<<16), nil
	}
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return bufio.NewReaderSize(Bound(named{unzipped, "gzip"}, most, func() int64 { return packed.n }), 1<<16), nil
}

// Bytes returns all of what [Text] reads of data, without a copy if it is plain.
func Bytes(data []byte, most int64) ([]byte, error) {
	if !IsGzip(data) {
		if int64(len(data)) > most {
			return nil, tooLong(most)
		}
		return data, nil
	}
	text, err := Text(bytes.NewReader(data), most)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(text)
}

// Bound returns a reader of text that fails where [io.LimitedReader] would end:
// behind most octets; and, if packed is not nil, behind [Free] octets where the text
// is more than [MaxRatio] times as long as the packed octets read so far.
func Bound(text io.Reader, most int64, packed func() int64) io.Reader {
	return &bounded{r: text, most: most, packed: packed}
}

type bounded struct {
	r       io.Reader
	n, most int64
	packed  func() int64
	err     error // once out of bounds
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if room := b.most - b.n + 1; int64(len(p)) > room {
		p = p[:room]
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	switch {
	case b.n > b.most:
		b.err = tooLong(b.most)
	case b.packed != nil && b.n > Free && b.n/MaxRatio > b.packed():
		b.err = &boundError{
			fmt.Sprintf("%d octets of text from %d packed ones", b.n, b.packed()),
			fmt.Sprintf("at most %d for each", MaxRatio),
		}
	default:
		return n, err
	}
	return 0, b.err
}

func tooLong(most int64) error {
	return &boundError{fmt.Sprintf("more than %d octets of text", most), "a shorter file"}
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// named says in errors which format was read.
type named struct {
	r      io.Reader
	format string
}

func (z named) Read(p []byte) (int, error) {
	n, err := z.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: %w", z.format, err)
	}
	return n, err
}

package asrel

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"mpicsim/topology/unpack"
)

// MaxBytes is the length of text above which a file is refused, packed or not: twelve
// times that of CAIDA's file of 2025-09-01.
const MaxBytes = 1 << 27

// decompress returns the text in r, which it takes for gzip or bzip2 if it starts
// like them, within the bounds of package unpack. The caller closes the text before
// it drops it.
func decompress(r *bufio.Reader) (io.ReadCloser, error) {
	start, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case unpack.IsGzip(start):
		text, err := unpack.Text(r, MaxBytes)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(text), nil
	case bytes.HasPrefix(start, []byte("BZh")):
		packed, err := io.ReadAll(unpack.Bound(r, MaxBytes, nil))
		if err != nil {
			return nil, err
		}
		z := newBunzip(packed)
		return bounded{unpack.Bound(z, MaxBytes, func() int64 { return int64(len(packed)) }), z}, nil
	default:
		return io.NopCloser(unpack.Bound(r, MaxBytes, nil)), nil
	}
}

// bounded is a text with its bounds, and what to close.
type bounded struct {
	io.Reader
	io.Closer
}

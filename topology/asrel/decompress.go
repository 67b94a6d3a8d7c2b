package asrel

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// decompress returns the text in r, which it takes for gzip or bzip2 if it
// starts like them. The caller closes the text before it drops it.
func decompress(r *bufio.Reader) (io.ReadCloser, error) {
	start, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		text, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return text, nil
	case bytes.HasPrefix(start, []byte("BZh")):
		packed, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		return newBunzip(packed), nil
	default:
		return io.NopCloser(r), nil
	}
}

package result

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// HashWriter counts and hashes what is written through it. Create it with
// [NewHashWriter].
type HashWriter struct {
	to    io.Writer
	sum   hash.Hash
	bytes int64
}

// NewHashWriter returns a writer to w.
func NewHashWriter(w io.Writer) *HashWriter { return &HashWriter{to: w, sum: sha256.New()} }

// Write implements [io.Writer].
func (h *HashWriter) Write(b []byte) (int, error) {
	n, err := h.to.Write(b)
	h.sum.Write(b[:n])
	h.bytes += int64(n)
	return n, err
}

// File returns the size and hash of what was written.
func (h *HashWriter) File() File {
	return File{Bytes: h.bytes, SHA256: hex.EncodeToString(h.sum.Sum(nil))}
}

func sumHex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

package rpki

import "io"

// ReadAtMost is Read with other bounds.
func ReadAtMost(r io.Reader, name string, bytes int64, rows int) (*File, error) {
	return read(r, name, limits{text: bytes, rows: rows})
}

//go:build !unix

package study

import (
	"io"
	"os"
)

// lockFile holds nothing: here it is for the user to run one study at a time in
// a directory.
func lockFile(path string) (io.Closer, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
}

// syncFolder does nothing: entries of folders cannot be synchronised here.
func syncFolder(string) error { return nil }

//go:build unix

package study

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// errBusy is returned if another process writes to the directory.
var errBusy = errors.New("another run is writing to it")

// lockFile takes a lock that ends with the process, however that ends.
func lockFile(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errBusy
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// syncFolder waits until the disk has the folder's entries.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

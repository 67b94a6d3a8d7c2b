//go:build unix

package main

import (
	"math"
	"syscall"
)

// descriptors returns how many files and connections this process may have open: the
// soft limit, which the runtime has raised to the hard one.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt32
	}
	return int(min(uint64(limit.Cur), math.MaxInt32)) //nolint:unconvert // a signed number on some systems
}

// writable returns an error if this process may not make files in a folder.
func writable(dir string) error {
	const write, search = 2, 1 // W_OK, X_OK
	return syscall.Access(dir, write|search)
}

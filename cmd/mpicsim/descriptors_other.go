//go:build !unix

package main

import "math"

// descriptors returns how many files and connections this process may have open,
// where there is no limit to ask for.
func descriptors() int { return math.MaxInt32 }

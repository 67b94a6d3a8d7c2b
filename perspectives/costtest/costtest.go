// Package costtest measures what a call costs, for tests and fuzz targets of
// whatever a stranger can send: processor time and allocated memory, not how long
// it took, so that a busy machine does not fail a test. Processor time is that of
// the whole process: nothing else should run in it meanwhile.
package costtest

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Cost is what a call costs.
type Cost struct {
	// CPU is processor time, that of the garbage collector included.
	CPU time.Duration
	// Allocated is how many octets were allocated, also those that were freed.
	Allocated uint64
}

// tries is how often a call that exceeds its bound is repeated: the least counts,
// since a collection that began before the call is no cost of it.
const tries = 3

// Of returns the cost of one call.
func Of(call func()) Cost {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := used()
	call()
	cpu := used() - began
	runtime.ReadMemStats(&after)
	return Cost{cpu, after.TotalAlloc - before.TotalAlloc}
}

// AtMost fails the test unless the call stays within most, under the race detector
// within a multiple of it. The call must be one that can be repeated.
func AtMost(t testing.TB, most Cost, call func()) {
	t.Helper()
	most.CPU, most.Allocated = most.CPU*cpuSlack, most.Allocated*allocationSlack
	var least Cost
	for i := range tries {
		c := Of(call)
		if i == 0 {
			least = c
		}
		least.CPU, least.Allocated = min(least.CPU, c.CPU), min(least.Allocated, c.Allocated)
		if least.CPU <= most.CPU && least.Allocated <= most.Allocated {
			return
		}
	}
	t.Errorf("found %v of processor time and %d octets allocated, expected at most %v and %d",
		least.CPU, least.Allocated, most.CPU, most.Allocated)
}

// used returns the processor time that the process has used.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil { // no such thing: nothing is measured
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

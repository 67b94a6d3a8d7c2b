// Package unpacktest measures in tests what reading a file costs.
package unpacktest

import (
	"runtime"
	"testing"
	"time"
)

// Cost returns what f takes: allocated octets, which is no less than the most that was
// held at a time, and CPU time of the whole process, 0 where the system does not say.
// Nothing else may run beside it.
func Cost(tb testing.TB, f func()) (allocated uint64, cpu time.Duration) {
	tb.Helper()
	var before, after runtime.MemStats
	start := used(tb)
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, used(tb) - start
}

// Within fails a fuzz target whose f costs more than an input of so many octets may:
// 64 MiB and 4 KiB for each octet (of which a packed one stands for up to a hundred of
// text), and ten seconds.
func Within(tb testing.TB, octets int, f func()) {
	tb.Helper()
	memory, cpu := Cost(tb, f)
	if memory > 64<<20+4<<10*uint64(octets) || cpu > 10*time.Second {
		tb.Fatalf("%d octets allocated and %v of CPU time for an input of %d octets", memory, cpu, octets)
	}
}

package main

import (
	"runtime"
	"runtime/metrics"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// cost is what one run took.
type cost struct {
	cpu  time.Duration // of the whole process, its servers included
	peak uint64        // octets of heap above what there was before
}

// measure runs f several times and returns the medians. Processor time and heap are
// taken in runs of their own: watching the heap takes time, too.
func measure(runs int, f func()) cost {
	f() // whatever is made once
	cpu := make([]time.Duration, runs)
	for i := range cpu {
		runtime.GC()
		before := processTime()
		f()
		cpu[i] = processTime() - before
	}
	peaks := make([]uint64, runs)
	for i := range peaks {
		peaks[i] = peakOf(f)
	}
	slices.Sort(cpu)
	slices.Sort(peaks)
	return cost{cpu[runs/2], peaks[runs/2]}
}

func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // there is no measuring without
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakOf returns how much larger the heap became while f ran, garbage included.
func peakOf(f func()) uint64 {
	runtime.GC()
	runtime.GC() // what the first one finalised
	before := heap()
	var done atomic.Bool
	peak := make(chan uint64)
	go func() {
		most := before
		for !done.Load() {
			most = max(most, heap())
			time.Sleep(50 * time.Microsecond)
		}
		peak <- most
	}()
	f()
	after := heap()
	done.Store(true)
	return max(<-peak, after) - before
}

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// fileState is what changes if a file does.
type fileState struct {
	modified time.Time
	size     int64
}

// statesOf looks at files. One that is not there has no state.
func statesOf(paths []string) map[string]fileState {
	states := map[string]fileState{}
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			states[p] = fileState{info.ModTime(), info.Size()}
		}
	}
	return states
}

func sameStates(a, b map[string]fileState) bool {
	if len(a) != len(b) {
		return false
	}
	for path, state := range a {
		other, ok := b[path]
		if !ok || !other.modified.Equal(state.modified) || other.size != state.size {
			return false
		}
	}
	return true
}

// hangups returns a channel of SIGHUPs, which end the process until this is
// called, and a function that ends it.
func hangups() (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}

// reloader is a service that can read its files again while it serves.
type reloader interface {
	// changed says whether a file is another one than when it was read last.
	changed() bool
	// reload reads all files again; hangup says that somebody has asked for it.
	reload(ctx context.Context, hangup bool)
}

// watch reloads after SIGHUP, or after a change of a file if an interval to look
// at them is given, until ctx ends.
func watch(ctx context.Context, r reloader, signals <-chan os.Signal, interval time.Duration) {
	var ticks <-chan time.Time
	if interval > 0 {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			r.reload(ctx, true)
		case <-ticks:
			if r.changed() {
				r.reload(ctx, false)
			}
		}
	}
}

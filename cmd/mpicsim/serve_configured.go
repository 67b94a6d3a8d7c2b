package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"mpicsim/perspectives/openmpic"
	"mpicsim/perspectives/remote"
)

// configured is a coordinator with perspectives on the real network. What its file
// says, and the files that this one names, can change while it serves.
type configured struct {
	path string
	// options are those that no file changes.
	options openmpic.Options
	records *slog.Logger // may be nil

	current *atomic.Pointer[openmpic.Server]
	clients []*remote.Client // of the current server
	paths   []string         // of the file and those that it names
	seen    map[string]fileState
}

// serveConfigured serves c until ctx ends and what has begun is answered.
func serveConfigured(ctx context.Context, s streams, f coordinatorFlags, c configured) error {
	c.path, c.paths, c.current = f.config, []string{f.config}, &atomic.Pointer[openmpic.Server]{}
	file, err := c.read()
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	h := c.current.Load().HTTPServer() // its bounds are the same in all of them
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.current.Load().ServeHTTP(w, r) })
	signals, ignore := hangups()
	defer ignore()
	watched, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { watch(watched, &c, signals, time.Duration(file.ReloadInterval)) })
	defer watching.Wait()
	defer stop()
	return serveUntilDone(ctx, s, f, h, "", c.options.Registry)
}

// read puts in place what the files say, or returns why it cannot: then nothing
// has changed.
func (c *configured) read() (coordinatorFile, error) {
	// Looked at before they are read: a change in between is then noticed, and
	// what cannot be read is not tried again before the next.
	c.seen = statesOf(c.paths)
	file, err := readCoordinatorFile(c.path)
	if err != nil {
		return file, err
	}
	c.paths = file.paths(c.path)
	c.seen = statesOf(c.paths)
	o := c.options
	clients, err := file.build(filepath.Dir(c.path), c.records, &o)
	if err != nil {
		return file, fmt.Errorf("%s: %w", c.path, err)
	}
	var next *openmpic.Server
	if old := c.current.Load(); old == nil {
		next, err = openmpic.New(o)
	} else {
		next, err = old.Renewed(o)
	}
	if err != nil {
		return file, err
	}
	c.current.Store(next)
	for _, old := range c.clients {
		old.Close() // what they are asked just now they will answer
	}
	c.clients = clients
	return file, nil
}

// changed implements [reloader].
func (c *configured) changed() bool { return !sameStates(c.seen, statesOf(c.paths)) }

// reload implements [reloader].
func (c *configured) reload(ctx context.Context, _ bool) {
	file, err := c.read()
	if err != nil {
		c.options.Log.LogAttrs(ctx, slog.LevelError, "reload failed, the old configuration stays", slog.String("error", err.Error()))
		return
	}
	c.options.Log.LogAttrs(ctx, slog.LevelInfo, "reloaded", slog.String("remotes_file", file.Remotes), slog.Int("remotes", len(c.clients)))
}

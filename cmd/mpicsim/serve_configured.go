package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mpicsim/perspectives/access"
	"mpicsim/perspectives/openmpic"
	"mpicsim/perspectives/policy"
	"mpicsim/perspectives/remote"
)

// configured is a coordinator with perspectives on the real network. What its file
// says, and the files that this one names, can change while it serves.
type configured struct {
	path     string
	loopback bool // only this machine can reach it
	anyone   bool // --insecure-allow-anyone
	// options are those that no file changes.
	options openmpic.Options
	records *slog.Logger // may be nil

	current *atomic.Pointer[openmpic.Server]
	tls     *atomic.Pointer[tls.Config] // nil for plain HTTP, always or never
	bounds  access.Bounds               // of the start
	clients []*remote.Client            // of the current server
	strays  []string                    // names that have API keys, but are no clients
	paths   []string                    // of the file and those that it names
	seen    map[string]fileState
}

// newConfigured reads the configuration and all that it names. It serves nothing
// yet.
func newConfigured(f coordinatorFlags, o openmpic.Options, records *slog.Logger) (*configured, coordinatorFile, error) {
	c := &configured{
		path: f.config, loopback: mayBeLoopback(f.listen), anyone: f.anyone, options: o, records: records,
		current: &atomic.Pointer[openmpic.Server]{}, tls: &atomic.Pointer[tls.Config]{}, paths: []string{f.config},
	}
	file, err := c.read()
	if err != nil {
		return nil, file, fmt.Errorf("--config: %w", err)
	}
	return c, file, nil
}

// serve serves until ctx ends and what has begun is answered.
func (c *configured) serve(ctx context.Context, s streams, f coordinatorFlags, file coordinatorFile) error {
	h := c.current.Load().HTTPServer() // its bounds are the same in all of them
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.current.Load().ServeHTTP(w, r) })
	signals, ignore := hangups()
	defer ignore()
	watched, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { watch(watched, c, signals, time.Duration(file.ReloadInterval)) })
	defer watching.Wait()
	defer stop()
	front := front{http: h, bounds: c.bounds, registry: c.options.Registry, loopbackOnly: c.loopback, healthListen: file.HealthListen}
	front.health = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.current.Load().Local().ServeHTTP(w, r) })
	if c.tls.Load() != nil {
		front.tls = &tls.Config{
			MinVersion:         tls.VersionTLS13,
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.tls.Load(), nil },
		}
	}
	c.warn(ctx, file)
	return serveUntilDone(ctx, s, f, front)
}

// warn says what is no mistake, but will not be what the operator wants.
func (c *configured) warn(ctx context.Context, file coordinatorFile) {
	if len(c.strays) > 0 {
		c.options.Log.LogAttrs(ctx, slog.LevelWarn, "api_keys_file has keys of nobody in clients", slog.Any("names", c.strays))
	}
	primary, fleet, _ := c.current.Load().Describe()
	for _, rule := range policy.Phases() {
		if file.Rule != "" && file.Rule != "br" || rule.Effective.Before(time.Now()) {
			continue
		}
		if err := canMeet(rule, primary, fleet, max(file.DefaultCount, rule.MinRemotes)); err != nil {
			c.options.Log.LogAttrs(ctx, slog.LevelWarn, "the remotes will not do from a coming day on",
				slog.String("day", rule.Effective.Format(time.DateOnly)), slog.String("error", err.Error()))
		}
	}
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
	clients, secure, err := c.build(file, &o)
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
	c.tls.Store(secure)
	for _, old := range c.clients {
		old.Close() // what they are asked just now they will answer
	}
	c.clients = clients
	return file, nil
}

// build fills in what the file says. The first time it also sets the bounds, which
// stay.
func (c *configured) build(file coordinatorFile, o *openmpic.Options) ([]*remote.Client, *tls.Config, error) {
	dir := filepath.Dir(c.path)
	callers, err := file.callersFile.read(dir, time.Now())
	if err != nil {
		return nil, nil, err
	}
	if err := callers.judge(c.loopback, c.anyone); err != nil {
		return nil, nil, fmt.Errorf("--listen: %w", err)
	}
	first := c.current.Load() == nil
	if !first && (callers.tls == nil) != (c.tls.Load() == nil) {
		return nil, nil, errors.New("tls: expected no change between plain HTTP and TLS without a restart")
	}
	clients, err := file.build(dir, c.records, o)
	if err != nil {
		return nil, nil, err
	}
	if first {
		// Each check holds a connection to each remote.
		c.bounds, err = access.Bounds{Connections: file.MaxConnections, Checks: file.MaxChecks}.Within(descriptors(), descriptorsOfCheck+len(clients))
		if err != nil {
			return nil, nil, err
		}
		c.options.Slots = access.NewSlots(c.bounds.Checks)
		o.Slots = c.options.Slots
	}
	o.Clients, c.strays = callers.list, callers.keysOfNobody
	o.Browser.Hosts = append(slices.Clone(o.Browser.Hosts), callers.browser.Hosts...)
	return clients, callers.tls, nil
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
	c.warn(ctx, file)
}

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mpicsim/perspectives/access"
	"mpicsim/perspectives/remote"
)

// front is what stands between the network and a coordinator.
type front struct {
	http *http.Server
	// tls is nil for plain HTTP.
	tls *tls.Config
	// health is served at healthListen, in plain HTTP; nowhere if that is empty.
	health       http.Handler
	healthListen string
	bounds       access.Bounds
	// loopbackOnly refuses to serve if the address listened on is another.
	loopbackOnly bool
	// registry counts connections and their errors.
	registry prometheus.Registerer
	// hint is for the user, with a verb for the URL; empty for none.
	hint string
}

// mayBeLoopback reports whether an address to listen on is this machine's alone, or
// localhost, which is looked up later.
func mayBeLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && (host == "localhost" || isLoopback(net.JoinHostPort(host, "0")))
}

// checkFiles returns an error if what the flags name cannot be written to.
func (f coordinatorFlags) checkFiles() error {
	if f.audit != "" {
		if err := checkAudit(f.audit); err != nil {
			return fmt.Errorf("--audit: %w", err)
		}
	}
	if f.addressFile != "" {
		if err := checkFolder(filepath.Dir(f.addressFile)); err != nil {
			return fmt.Errorf("--address-file: %w", err)
		}
	}
	return nil
}

// serveUntilDone listens until the context ends.
func serveUntilDone(ctx context.Context, s streams, f coordinatorFlags, front front) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if front.loopbackOnly && !isLoopback(listener.Addr().String()) {
		return errors.Join(fmt.Errorf("--listen: %s leads to %v, expected a loopback address", f.listen, listener.Addr()), listener.Close())
	}
	stopHealth, err := front.serveHealth(ctx, s)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer stopHealth()
	h := front.http
	accepted, err := front.admit(h, listener, s)
	if err != nil {
		return fault(errors.Join(err, listener.Close()))
	}
	h.BaseContext = func(net.Listener) context.Context { return context.WithoutCancel(ctx) }
	served := make(chan error, 1)
	go func() { served <- h.Serve(accepted) }()
	address := "http://" + listener.Addr().String()
	if front.tls != nil {
		address = "https://" + listener.Addr().String()
	}
	if _, err := fmt.Fprintf(s.out, "listening on %s\n", address); err != nil {
		return errors.Join(fault(err), h.Close())
	}
	if front.hint != "" {
		s.notef(front.hint, address)
	}
	if f.addressFile != "" {
		if err := os.WriteFile(f.addressFile, []byte(address+"\n"), 0o644); err != nil {
			return errors.Join(fmt.Errorf("--address-file: %w", err), h.Close())
		}
	}
	select {
	case err := <-served:
		return fault(err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := h.Shutdown(drain); err != nil {
		return fault(fmt.Errorf("requests did not end within %v: %w", drainTime, err))
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fault(err)
	}
	return nil
}

// admit bounds the connections of a listener, and counts them.
func (f front) admit(h *http.Server, listener net.Listener, s streams) (net.Listener, error) {
	admission, err := access.NewAdmission(f.bounds.Connections)
	if err != nil {
		return nil, err
	}
	for _, c := range access.Collectors("mpic", admission.Connections) {
		if err := f.registry.Register(c); err != nil {
			return nil, err
		}
	}
	h.ErrorLog, err = remote.ConnectionLog("mpic_connection_errors_total", slog.New(slog.NewTextHandler(s.err, nil)), time.Now, f.registry)
	if err != nil {
		return nil, err
	}
	admission.Attach(h)
	accepted := admission.Listen(listener)
	if f.tls != nil {
		accepted = tls.NewListener(accepted, f.tls)
	}
	return accepted, nil
}

// maxHealthConnections is how many there may be of this machine's own questions.
const maxHealthConnections = 32

// serveHealth serves health and metrics to this machine, until the function returned
// is called.
func (f front) serveHealth(ctx context.Context, s streams) (stop func(), err error) {
	if f.healthListen == "" {
		return func() {}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.healthListen)
	if err != nil {
		return nil, fmt.Errorf("health_listen: %w", err)
	}
	admission, err := access.NewAdmission(maxHealthConnections)
	if err != nil {
		return nil, fault(errors.Join(err, listener.Close()))
	}
	h := &http.Server{
		Handler: f.health, ReadHeaderTimeout: f.http.ReadHeaderTimeout, ReadTimeout: f.http.ReadTimeout, WriteTimeout: f.http.ReadTimeout,
		IdleTimeout: f.http.IdleTimeout, MaxHeaderBytes: f.http.MaxHeaderBytes, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	}
	admission.Attach(h)
	done := make(chan error, 1)
	go func() { done <- h.Serve(admission.Listen(listener)) }()
	s.notef("health and metrics on http://%s\n", listener.Addr())
	return func() {
		_ = h.Close()
		<-done
	}, nil
}

// complete says that a configuration is.
func (c *configured) complete(s streams, file coordinatorFile) error {
	who := "anyone who can connect"
	if n := len(file.Clients); n > 0 {
		who = fmt.Sprintf("%d clients", n)
	}
	_, err := fmt.Fprintf(s.out, "%s: coordinator with %d remotes, for %s, is complete\n", c.path, len(c.clients), who)
	return fault(err)
}

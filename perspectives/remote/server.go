package remote

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
)

// ServerConfig is one perspective as it is offered to partners.
type ServerConfig struct {
	// Runner makes the checks. Required; its description is the perspective's.
	Runner Runner
	// Clock judges expiry, rates, quotas and certificates, and stamps answers.
	// Required.
	Clock perspectives.Clock
	// Software is what Info says, such as "mpicsim 1.2".
	Software string
	// EgressAddresses are what Info says about where checks come from.
	EgressAddresses []netip.Addr
	// CheckTimeout bounds one check, 30 s if 0.
	CheckTimeout time.Duration
	// DrainTimeout is how long running checks are waited for, CheckTimeout and 5 s
	// if 0.
	DrainTimeout time.Duration
	// Bounds are how many connections are taken and how many checks run at a time,
	// those of all partners together; 0 for 1024 and 256.
	Bounds access.Bounds
	// MaxNonces is how many unexpired nonces are kept for each partner, 100,000 if
	// 0. Requests beyond that are refused as busy.
	MaxNonces int
	// Log gets what concerns the operator rather than a partner; nil for none.
	Log *slog.Logger
	// Credentials are the keys and the partners to begin with.
	Credentials Credentials
}

// Credentials are what a server can be given anew while it runs.
type Credentials struct {
	// Certificate is the server's, with its chain.
	Certificate tls.Certificate
	// SigningKey signs answers.
	SigningKey ed25519.PrivateKey
	// Partners are who may ask.
	Partners []Partner
}

// Server serves one perspective. Create it with [NewServer].
type Server struct {
	config   ServerConfig
	handler  http.Handler
	metrics  *metrics
	draining atomic.Bool
	current  atomic.Pointer[credentials]
	slots    *access.Slots
	// connections are those of the partners' listener; nil before it serves.
	connections atomic.Pointer[access.Admission]
	usages      access.Usages
	refusals    rarely // lines about them, by partner and code

	mu       sync.Mutex
	memories map[string]*memory // by partner's name; never deleted
}

// credentials are Credentials ready for use.
type credentials struct {
	Credentials
	partners partners
	tls      *tls.Config
	public   ed25519.PublicKey
	keyID    Base64
}

const (
	defaultCheckTimeout = 30 * time.Second
	defaultMaxNonces    = 100_000
	drainMargin         = 5 * time.Second
	// A client must have sent a request within requestTimeout, and a response can
	// take as long after the check.
	requestTimeout = 10 * time.Second
	// idleTimeout is longer than the client's, so that it is the client who closes
	// a connection: a request never meets a closing one.
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
)

// NewServer returns a server that serves nothing yet, or an error that names what
// is missing or impossible.
func NewServer(c ServerConfig) (*Server, error) {
	if c.Runner == nil || c.Clock == nil {
		return nil, errors.New("perspective server: Runner and Clock are required")
	}
	if c.CheckTimeout < 0 || c.DrainTimeout < 0 || c.MaxNonces < 0 {
		return nil, fmt.Errorf("perspective server: check timeout %v, drain timeout %v, nonces %d: expected 0 or more",
			c.CheckTimeout, c.DrainTimeout, c.MaxNonces)
	}
	if c.CheckTimeout == 0 {
		c.CheckTimeout = defaultCheckTimeout
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = c.CheckTimeout + drainMargin
	}
	if c.MaxNonces == 0 {
		c.MaxNonces = defaultMaxNonces
	}
	var err error
	if c.Bounds, err = c.Bounds.Within(math.MaxInt32, 1); err != nil {
		return nil, fmt.Errorf("perspective server: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c, memories: map[string]*memory{}, refusals: rarely{clock: c.Clock, every: refusalLogEvery}}
	s.metrics = newMetrics(c.Log, c.Clock, s.admitted)
	if err := s.Reload(c.Credentials); err != nil {
		return nil, err
	}
	s.slots = access.NewSlots(c.Bounds.Checks)
	s.handler = s.routes()
	return s, nil
}

// Reload puts other keys and partners in place, for the next handshake and, as
// to partners, for the next request on any connection. What partners have used
// up stays used up. If c is not complete Reload returns an error that says why,
// and nothing changes.
func (s *Server) Reload(c Credentials) error {
	if len(c.Certificate.Certificate) == 0 || c.Certificate.PrivateKey == nil {
		return errors.New("perspective server: no certificate or no key for it")
	}
	if len(c.SigningKey) != ed25519.PrivateKeySize {
		return errors.New("perspective server: signing key: expected an Ed25519 key")
	}
	all, err := newPartners(c.Partners)
	if err != nil {
		return fmt.Errorf("perspective server: %w", err)
	}
	next := &credentials{Credentials: c, partners: all}
	next.public, _ = c.SigningKey.Public().(ed25519.PublicKey)
	next.keyID = KeyID(next.public)
	next.tls = access.TLSConfig(all.list, c.Certificate, s.config.Clock)
	s.current.Store(next)
	return nil
}

// TLSConfig returns the configuration of a listener, which follows reloads.
func (s *Server) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.current.Load().tls, nil },
	}
}

// Handler returns what Serve serves. It wants requests whose TLS state holds a
// verified client certificate.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve serves partners at a TCP listener, over TLS, until ctx ends. Then it
// drains: no new connection, no new request, but running checks are answered
// within the drain timeout. It returns nil after a full drain, and closes the
// listener in any case.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	return s.serve(ctx, listener, s.TLSConfig(), s.handler)
}

// ServeHealth serves health and metrics in plain HTTP, for the machine that the
// server runs on, in the same way.
func (s *Server) ServeHealth(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+PathHealth, s.health)
	mux.Handle("GET "+PathMetrics, s.metrics.handler())
	browser := access.Browser{}
	return s.serve(ctx, listener, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := browser.Judge(r); status != nil {
			http.Error(w, status.Detail, status.Code)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

// serve serves until ctx ends, over TLS if that is not nil.
func (s *Server) serve(ctx context.Context, listener net.Listener, secure *tls.Config, handler http.Handler) error {
	admission, err := s.admission(secure != nil)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: requestTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      s.config.CheckTimeout + 2*requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          s.metrics.connections,
	}
	admission.Attach(server)
	accepted := admission.Listen(listener)
	if secure != nil {
		accepted = tls.NewListener(accepted, secure)
	}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.draining.Store(true)
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.DrainTimeout)
		defer cancel()
		drained <- server.Shutdown(patience)
	})
	err = server.Serve(accepted)
	if stop() { // it was not the context
		return errors.Join(fmt.Errorf("serve at %v: %w", listener.Addr(), err), server.Close())
	}
	if err := <-drained; err != nil {
		return errors.Join(fmt.Errorf("drain %v: %w", listener.Addr(), err), server.Close())
	}
	return nil
}

// maxHealthConnections is how many there may be of this machine's own questions.
const maxHealthConnections = 32

// admission bounds the connections of a listener: the partners' shows in the metrics.
func (s *Server) admission(partners bool) (*access.Admission, error) {
	if !partners {
		return access.NewAdmission(maxHealthConnections)
	}
	a, err := access.NewAdmission(s.config.Bounds.Connections)
	if err == nil {
		s.connections.Store(a)
	}
	return a, err
}

// admitted returns the connections there are, and what was closed to make room.
func (s *Server) admitted() (open, strangers int, closed access.Closed) {
	if a := s.connections.Load(); a != nil {
		return a.Connections()
	}
	return 0, 0, access.Closed{}
}

// memoryOf returns the nonces of a partner.
func (s *Server) memoryOf(name string) *memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.memories[name]
	if m == nil {
		m = &memory{}
		s.memories[name] = m
	}
	return m
}

package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Config says what a [Server] serves, and where.
type Config struct {
	// HTTP and HTTPS are the addresses to answer at. Port 0 takes a free port.
	HTTP, HTTPS []netip.AddrPort
	// Certificate is presented at the HTTPS addresses; [SelfSigned] makes one.
	Certificate *tls.Certificate
	// Site is what every address serves.
	Site Site
	// Clock, if set, gives the Date header; without it there is none.
	Clock func() time.Time
	// DisableKeepAlives closes each connection after one response.
	DisableKeepAlives bool
	// OnRequest, if set, is called for each request before the response is sent.
	// Calls run concurrently.
	OnRequest func(RequestEvent)
}

// RequestEvent is one request and the status that it got.
type RequestEvent struct {
	// Local is the address of the socket.
	Local net.Addr
	// Remote is the client's address, "ip:port".
	Remote string
	// Scheme is "http" or "https".
	Scheme string
	// Method, Host, Path and UserAgent are as the client sent them; Path comes
	// without the query.
	Method, Host, Path, UserAgent string
	Status                        int
}

// Server is a running web server. It is safe for concurrent use.
type Server struct {
	http        http.Server
	plain, sure []netip.AddrPort // HTTP, HTTPS
	listeners   []net.Listener
	running     sync.WaitGroup // accept loops
	connections sync.WaitGroup

	mu      sync.Mutex
	detach  func() bool // from the context
	closed  bool
	failure error
}

// headerTimeout is how long, on the operating system's clock, a client may take
// to send a request's header, and how long a connection may be idle.
const headerTimeout = 30 * time.Second

// Serve starts a server on host. When it returns the server accepts
// connections. The server runs until Close is called or ctx ends.
func Serve(ctx context.Context, host Host, config Config) (*Server, error) {
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("web server: %w", err)
	}
	s := &Server{}
	s.http = http.Server{
		Handler:           &handler{site: config.Site, clock: config.Clock, onRequest: config.OnRequest},
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       headerTimeout,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // a client's broken handshake is not news
		ConnState:         s.track,
	}
	s.http.SetKeepAlivesEnabled(!config.DisableKeepAlives)
	for _, addr := range config.HTTP {
		at, err := s.listen(ctx, host, addr, nil)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.plain = append(s.plain, at)
	}
	for _, addr := range config.HTTPS {
		at, err := s.listen(ctx, host, addr, config.Certificate)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.sure = append(s.sure, at)
	}
	s.mu.Lock() // Close, called by the context, waits for the assignment
	defer s.mu.Unlock()
	s.detach = context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

func (c Config) validate() error {
	if len(c.HTTP)+len(c.HTTPS) == 0 {
		return errors.New("no address to listen at")
	}
	if len(c.HTTPS) > 0 && c.Certificate == nil {
		return errors.New("HTTPS without a certificate")
	}
	for _, addrs := range [][]netip.AddrPort{c.HTTP, c.HTTPS} {
		for _, addr := range addrs {
			if !addr.IsValid() {
				return fmt.Errorf("address %v: want an IP address and a port", addr)
			}
		}
	}
	return c.Site.Validate()
}

// listen opens a socket and starts to accept connections. It returns the
// socket's address with its port.
func (s *Server) listen(ctx context.Context, host Host, addr netip.AddrPort, certificate *tls.Certificate) (netip.AddrPort, error) {
	listener, err := host.Listen(ctx, "tcp", addr.String())
	if err != nil {
		return addr, fmt.Errorf("web server at %v: listen: %w", addr, err)
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && addr.Port() == 0 {
		addr = netip.AddrPortFrom(addr.Addr(), tcp.AddrPort().Port())
	}
	if certificate != nil {
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{*certificate},
			MinVersion:   tls.VersionTLS12,
			NextProtos:   []string{"http/1.1"},
		})
	}
	s.listeners = append(s.listeners, listener)
	s.running.Go(func() {
		err := s.http.Serve(listener)
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed && s.failure == nil {
			s.failure = fmt.Errorf("web server at %v: %w", addr, err)
		}
	})
	return addr, nil
}

// track counts connections, so that Close can wait for them.
func (s *Server) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.connections.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.connections.Done()
	case http.StateActive, http.StateIdle:
	}
}

// HTTPAddrs returns the addresses that answer HTTP, with their ports, in the
// order of Config.HTTP. The caller must not change the slice.
func (s *Server) HTTPAddrs() []netip.AddrPort { return s.plain }

// HTTPSAddrs returns the addresses that answer HTTPS, with their ports, in the
// order of Config.HTTPS. The caller must not change the slice.
func (s *Server) HTTPSAddrs() []netip.AddrPort { return s.sure }

// Close stops the server, closes its sockets and connections and waits until
// all that it started has ended; a response under way may be cut short. It
// returns the error that a socket failed with before, if any. Calling it again
// is harmless.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	failure, detach := s.failure, s.detach
	s.mu.Unlock()
	if first {
		if detach != nil {
			detach()
		}
		for _, l := range s.listeners { // Close knows only those that Serve has got to
			_ = l.Close()
		}
		_ = s.http.Close()
	}
	s.running.Wait()
	s.connections.Wait()
	return failure
}

// handler answers requests from a site. It is immutable.
type handler struct {
	site      Site
	clock     func() time.Time
	onRequest func(RequestEvent)
}

// ServeHTTP implements [http.Handler]. What the site does not have is 404,
// methods other than GET and HEAD are 405.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	page, ok := h.site.find(scheme, r.Host, r.URL.Path)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		page = Page{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {"GET, HEAD"}}}
	case !ok:
		page = Page{Status: http.StatusNotFound, Body: "not found\n"}
	}
	if h.onRequest != nil {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		h.onRequest(RequestEvent{
			Local: local, Remote: r.RemoteAddr, Scheme: scheme, Method: r.Method, Host: r.Host,
			Path: r.URL.Path, UserAgent: r.UserAgent(), Status: page.status(),
		})
	}
	h.write(w, page)
}

func (h *handler) write(w http.ResponseWriter, page Page) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	for name, values := range page.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	header.Set("Server", h.site.Owner)
	header["Date"] = nil // no header at all
	if h.clock != nil {
		header.Set("Date", h.clock().UTC().Format(http.TimeFormat))
	}
	if page.Redirect != "" {
		header.Set("Location", page.Redirect)
	}
	w.WriteHeader(page.status())
	_, _ = io.WriteString(w, page.Body) // a client that has gone is no failure
}

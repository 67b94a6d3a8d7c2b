package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Config says what a [Server] serves, and where.
type Config struct {
	// Addrs are the addresses to answer at, over UDP and TCP. They must be
	// specific ones: a reply must leave from the address that was asked. Port 0
	// takes a free port, the same one for UDP and TCP.
	Addrs []netip.AddrPort
	// Zones are the zones to answer for; no two may have the same origin.
	Zones []*Zone
	// UDPSize is the most octets that the server sends over UDP, 0 means 1232.
	// A client gets no more than it asks for, and 512 without EDNS(0).
	UDPSize uint16
	// Behaviour is how the server treats all queries, the zones' own comes after
	// it.
	Behaviour Behaviour
	// OnQuery, if set, is called for each query that is well-formed enough to be
	// parsed, before the reply is sent. Calls run concurrently.
	OnQuery func(QueryEvent)
}

// Server is a running authoritative name server. It is safe for concurrent use.
type Server struct {
	addrs   []netip.AddrPort
	servers []*dns.Server
	running sync.WaitGroup

	mu      sync.Mutex
	detach  func() bool // from the context
	closed  bool
	failure error
}

// streamTimeout is how long, on the operating system's clock, a TCP connection
// may be idle. datagramTimeout only says how often the UDP loop wakes up.
const (
	streamTimeout   = 30 * time.Second
	datagramTimeout = time.Hour
)

// Serve starts a server on host. When it returns the server answers. The server
// runs until Close is called or ctx ends.
func Serve(ctx context.Context, host Host, config Config) (*Server, error) {
	respond, err := config.responder()
	if err != nil {
		return nil, fmt.Errorf("name server: %w", err)
	}
	s := &Server{}
	for _, addr := range config.Addrs {
		if err := s.listen(ctx, host, addr, respond, config.OnQuery); err != nil {
			return nil, errors.Join(fmt.Errorf("name server at %v: %w", addr, err), s.Close())
		}
	}
	s.mu.Lock() // Close, called by the context, waits for the assignment
	defer s.mu.Unlock()
	s.detach = context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

// responder checks the configuration.
func (c Config) responder() (*responder, error) {
	if len(c.Addrs) == 0 {
		return nil, errors.New("no address to listen at")
	}
	for _, addr := range c.Addrs {
		if !addr.IsValid() || addr.Addr().IsUnspecified() {
			return nil, fmt.Errorf("address %v: want a specific IP address and a port", addr)
		}
	}
	r := &responder{zones: map[string]*Zone{}, udpSize: int(c.UDPSize), behaviour: c.Behaviour}
	switch {
	case c.Behaviour > LameSelf:
		return nil, fmt.Errorf("%v is not known", c.Behaviour)
	case r.udpSize == 0:
		r.udpSize = defaultSize
	case r.udpSize < plainSize:
		return nil, fmt.Errorf("UDP size %d, want at least %d (RFC 6891 6.2.3)", r.udpSize, plainSize)
	}
	for _, z := range c.Zones {
		if r.zones[z.apex] != nil {
			return nil, fmt.Errorf("two zones are called %s", z.origin)
		}
		r.zones[z.apex] = z
	}
	return r, nil
}

// listen opens both sockets of one address and starts to serve them.
func (s *Server) listen(ctx context.Context, host Host, addr netip.AddrPort, r *responder, onQuery func(QueryEvent)) error {
	stream, err := host.Listen(ctx, "tcp", addr.String())
	if err != nil {
		return fmt.Errorf("listen on TCP: %w", err)
	}
	if tcp, ok := stream.Addr().(*net.TCPAddr); ok && addr.Port() == 0 {
		addr = netip.AddrPortFrom(addr.Addr(), tcp.AddrPort().Port())
	}
	packets, err := host.ListenPacket(ctx, "udp", addr.String())
	if err != nil {
		return errors.Join(fmt.Errorf("listen on UDP: %w", err), stream.Close())
	}
	s.addrs = append(s.addrs, addr)
	s.start(&dns.Server{
		Listener:      stream,
		ReadTimeout:   streamTimeout,
		IdleTimeout:   func() time.Duration { return streamTimeout },
		MaxTCPQueries: -1,
		MsgAcceptFunc: r.accept,
		Handler:       &handler{responder: r, network: "tcp", onQuery: onQuery},
	})
	s.start(&dns.Server{
		PacketConn:    plainPacketConn{packets},
		ReadTimeout:   datagramTimeout,
		UDPSize:       4096,
		MsgAcceptFunc: r.accept,
		Handler:       &handler{responder: r, network: "udp", onQuery: onQuery},
	})
	return nil
}

// plainPacketConn hides the type of a socket from package dns, which treats the
// operating system's in a way of its own: every socket takes the path that
// hands the address object of ReadFrom back to WriteTo.
type plainPacketConn struct{ net.PacketConn }

// start runs one socket's loop and waits until the loop can be stopped.
func (s *Server) start(d *dns.Server) {
	started := make(chan struct{})
	d.NotifyStartedFunc = sync.OnceFunc(func() { close(started) })
	s.servers = append(s.servers, d)
	s.running.Go(func() {
		defer d.NotifyStartedFunc() // should it fail before
		err := d.ActivateAndServe()
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil && !s.closed && s.failure == nil {
			s.failure = fmt.Errorf("name server: %w", err)
		}
	})
	<-started
}

// Addrs returns the addresses that the server answers at, with their ports, in
// the order of Config.Addrs. The caller must not change the slice.
func (s *Server) Addrs() []netip.AddrPort { return s.addrs }

// Close stops the server, closes its sockets and waits until all that it
// started has ended; a reply under way may be lost. It returns the error that a
// socket failed with before, if any. Calling it again is harmless.
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
		gone, cancel := context.WithCancel(context.Background())
		cancel() // do not wait here: closing the socket is what ends its loop
		for _, d := range s.servers {
			_ = d.ShutdownContext(gone)
		}
	}
	s.running.Wait()
	return failure
}

// handler answers the queries of one socket.
type handler struct {
	responder *responder
	network   string
	onQuery   func(QueryEvent)
}

// ServeDNS implements [dns.Handler]. A reply that cannot be written is lost,
// like any packet.
func (h *handler) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	reply, event := h.responder.respond(query, h.network == "udp")
	if h.onQuery != nil {
		event.Network, event.Local, event.Remote = h.network, w.LocalAddr(), w.RemoteAddr()
		h.onQuery(event)
	}
	if reply != nil {
		_, _ = w.Write(reply)
	}
}

package fabric

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// receiveBuffer keeps a server from losing datagrams while it is busy: the
// arrival times are matched to datagrams by their order, and a lost query would
// cost its client a timeout of real time.
const receiveBuffer = 4 << 20

// udpAddr is a datagram's sender with the virtual time of its arrival. A server
// that answers to the very address that ReadFrom returned answers at that time.
type udpAddr struct {
	*net.UDPAddr
	at time.Duration
}

// udpSocket is a UDP socket, connected (remote is valid) or not.
type udpSocket struct {
	inner  *gonet.UDPConn
	host   *Host
	local  netip.AddrPort
	remote netip.AddrPort
	clock  *clock
	sendAt atomic.Int64 // virtual time of the datagram being sent, under sending
	reads  alarm
	trace  atomic.Pointer[func([]int32, *Host)]

	sending sync.Mutex

	mu       sync.Mutex
	queue    []time.Duration                    // of a client: arrivals, oldest first
	arrivals map[netip.AddrPort][]time.Duration // of a server: the same by sender
	failed   error                              // from ICMP, for the next Read
	failedAt time.Duration
	lost     bool      // the answer to the latest datagram went astray
	deadline time.Time // as the application set it

	// Only of a client:
	strayed  func(*Host)   // told that an answer went astray
	patience time.Duration // what the dial's context allowed, 0 for no bound
}

func (h *Host) openUDP(local, remote netip.AddrPort, c *clock) (*udpSocket, error) {
	s := &udpSocket{host: h, local: local, remote: remote, clock: c}
	h.mu.Lock()
	if h.udp[local] != nil {
		h.mu.Unlock()
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(local), Err: syscall.EADDRINUSE}
	}
	h.udp[local] = s
	h.mu.Unlock()
	if err := s.open(); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// open makes the stack's socket, bound and, for a client, connected.
func (s *udpSocket) open() error {
	fail := func(op string, err tcpip.Error) error {
		return &net.OpError{Op: op, Net: "udp", Source: s.LocalAddr(), Err: errors.New(err.String())}
	}
	wq := new(waiter.Queue)
	ep, err := s.host.stack.NewEndpoint(udp.ProtocolNumber, protocol(s.local.Addr()), wq)
	if err != nil {
		return fail("socket", err)
	}
	if err := ep.Bind(full(s.local)); err != nil {
		ep.Close()
		return fail("bind", err)
	}
	if s.remote.IsValid() {
		if err := ep.Connect(full(s.remote)); err != nil {
			ep.Close()
			return fail("connect", err)
		}
	} else {
		ep.SocketOptions().SetReceiveBufferSize(receiveBuffer, true)
	}
	s.inner = gonet.NewUDPConn(wq, ep)
	return nil
}

func (s *udpSocket) release() {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	if s.host.udp[s.local] == s {
		delete(s.host.udp, s.local)
	}
}

// dialUDP opens a connected socket.
func (s *Session) dialUDP(ctx context.Context, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	var limit alarm
	if deadline, ok := ctx.Deadline(); ok {
		limit.set(s.clock, deadline)
	}
	for range lastPort - firstPort {
		local := netip.AddrPortFrom(source, s.host.takePort())
		c, err := s.host.openUDP(local, remote, s.clock)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sent, strayed := s.trace("udp", local, remote)
		c.trace.Store(&sent)
		c.strayed, c.patience = strayed, limit.left(s.clock)
		return udpConn{c}, nil
	}
	return nil, &net.OpError{Op: "dial", Net: "udp", Addr: net.UDPAddrFromAddrPort(remote), Err: syscall.EADDRNOTAVAIL}
}

// ListenPacket opens a UDP socket. address is one of the host's addresses and a
// port. A datagram that is sent to the address that ReadFrom returned leaves at
// the arrival of the datagram which that call returned; one sent to any other
// address leaves at the latest arrival that the socket has read.
func (h *Host) ListenPacket(_ context.Context, network, address string) (net.PacketConn, error) {
	local, err := h.localAddr(network, "udp", address)
	if err != nil {
		return nil, err
	}
	return h.openUDP(local, netip.AddrPort{}, new(clock))
}

// firstTrace returns whom to tell the way of the socket's first datagram.
func (s *udpSocket) firstTrace() func([]int32, *Host) {
	if f := s.trace.Swap(nil); f != nil {
		return *f
	}
	return nil
}

// arrive notes a datagram before the stack gets it.
func (s *udpSocket) arrive(from netip.AddrPort, at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remote.IsValid() {
		if from == s.remote { // the stack drops others
			s.queue = append(s.queue, at)
		}
		return
	}
	if s.arrivals == nil {
		s.arrivals = map[netip.AddrPort][]time.Duration{}
	}
	s.arrivals[from] = append(s.arrivals[from], at)
}

// arrived returns when the datagram that was just read had arrived.
func (s *udpSocket) arrived(from netip.AddrPort) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := s.queue
	if !s.remote.IsValid() {
		queue = s.arrivals[from]
	}
	if len(queue) == 0 {
		return s.clock.now()
	}
	at := queue[0]
	switch {
	case s.remote.IsValid():
		s.queue = queue[1:]
		s.interrupt()
	case len(queue) == 1:
		delete(s.arrivals, from)
	default:
		s.arrivals[from] = queue[1:]
	}
	return at
}

// fail reports an ICMP error to a connected socket: it ends a Read that waits.
func (s *udpSocket) fail(remote netip.AddrPort, err error, at time.Duration) {
	if s.remote != remote {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed, s.failedAt = err, at
	_ = s.inner.SetReadDeadline(longPast()) // it returns nil always
}

// takeFailure returns the ICMP error that ended a Read, if one did.
func (s *udpSocket) takeFailure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.failed
	if err != nil {
		s.failed = nil
		s.clock.advance(s.failedAt)
		_ = s.inner.SetReadDeadline(s.deadline)
	}
	return err
}

// ReadFrom implements [net.PacketConn].
func (s *udpSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.inner.ReadFrom(b)
	if err != nil {
		if cause := s.takeFailure(); cause != nil {
			return n, nil, &net.OpError{Op: "read", Net: "udp", Source: s.LocalAddr(), Addr: net.UDPAddrFromAddrPort(s.remote), Err: cause}
		}
		if isTimeout(err) && !s.giveUp() {
			s.reads.fire(s.clock)
		}
		return n, nil, err
	}
	at := s.arrived(addrPort(from))
	s.clock.advance(at)
	return n, &udpAddr{UDPAddr: from.(*net.UDPAddr), at: at}, nil
}

// WriteTo implements [net.PacketConn].
func (s *udpSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	at := s.clock.now()
	if a, ok := to.(*udpAddr); ok {
		to, at = a.UDPAddr, a.at
	}
	growStack(len(b))
	s.sending.Lock()
	defer s.sending.Unlock()
	s.sendAt.Store(int64(at))
	return s.inner.WriteTo(b, to)
}

// LocalAddr implements [net.PacketConn].
func (s *udpSocket) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(s.local) }

// Close implements [net.PacketConn].
func (s *udpSocket) Close() error {
	s.release()
	return s.inner.Close()
}

// SetDeadline implements [net.PacketConn].
func (s *udpSocket) SetDeadline(t time.Time) error {
	if err := s.SetReadDeadline(t); err != nil {
		return err
	}
	return s.inner.SetWriteDeadline(t)
}

// SetReadDeadline implements [net.PacketConn].
func (s *udpSocket) SetReadDeadline(t time.Time) error {
	s.reads.set(s.clock, t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	if s.failed != nil {
		return nil // the next Read reports the failure first
	}
	if err := s.inner.SetReadDeadline(t); err != nil {
		return err
	}
	s.interrupt()
	return nil
}

// SetWriteDeadline implements [net.PacketConn].
func (s *udpSocket) SetWriteDeadline(t time.Time) error { return s.inner.SetWriteDeadline(t) }

// udpConn is a connected socket as a net.Conn: a Read returns one datagram.
type udpConn struct{ *udpSocket }

// Read implements [net.Conn].
func (c udpConn) Read(b []byte) (int, error) {
	n, _, err := c.ReadFrom(b)
	return n, err
}

// Write implements [net.Conn].
func (c udpConn) Write(b []byte) (int, error) {
	growStack(len(b))
	c.sending.Lock()
	defer c.sending.Unlock()
	c.askAgain()
	c.sendAt.Store(int64(c.clock.now()))
	return c.inner.Write(b)
}

// RemoteAddr implements [net.Conn].
func (c udpConn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.remote) }

package fabric

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// backlog is how many connections a listener keeps until they are accepted.
const backlog = 4096

// dialTCP connects from source to remote.
func (s *Session) dialTCP(ctx context.Context, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var limit alarm
	if deadline, ok := ctx.Deadline(); ok {
		limit.set(s.clock, deadline)
	}
	opErr := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(remote), Err: err}
	}
	growStack(0)
	for range lastPort - firstPort {
		local := netip.AddrPortFrom(source, s.host.takePort())
		f := &tcpFlow{clock: s.clock, opened: s.clock.now(), dial: cancel, patience: limit.left(s.clock)}
		f.trace, f.strayed = s.trace("tcp", local, remote)
		s.host.remember(flowKey{protoTCP, local, remote}, f)
		inner, err := gonet.DialTCPWithBind(ctx, s.host.stack, full(local), full(remote), protocol(source))
		if err == nil {
			s.clock.advance(f.syn)
			c := &tcpConn{TCPConn: inner, host: s.host, flow: f}
			f.connected(c)
			return c, nil
		}
		f.connected(nil)
		f.finish(true)
		cause := context.Cause(ctx)
		if cause == nil && !isOpError(err) && s.host.portInUse(local) {
			s.forget()
			continue
		}
		switch {
		case errors.Is(cause, errAstray):
			s.clock.advance(f.giveUp(0))
			return nil, opErr(os.ErrDeadlineExceeded)
		case cause == nil: // the peer answered with a reset
			f.broken()
			return nil, opErr(refused(err))
		case ctx.Err() != nil && errors.Is(cause, context.DeadlineExceeded):
			limit.fire(s.clock)
			return nil, opErr(os.ErrDeadlineExceeded)
		default:
			f.broken()
			return nil, opErr(cause)
		}
	}
	return nil, opErr(syscall.EADDRNOTAVAIL)
}

// isOpError says whether gonet's error is about the connection, not about the
// local port.
func isOpError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// portInUse says whether a local port is taken, by trying to bind it.
func (h *Host) portInUse(local netip.AddrPort) bool {
	var wq waiter.Queue
	ep, err := h.stack.NewEndpoint(tcp.ProtocolNumber, protocol(local.Addr()), &wq)
	if err != nil {
		return false
	}
	defer ep.Close()
	_, busy := ep.Bind(full(local)).(*tcpip.ErrPortInUse)
	return busy
}

// forget drops the record of the latest flow, which never sent a packet.
func (s *Session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flows = s.flows[:len(s.flows)-1]
}

// refused turns the stack's words for a reset into the usual error.
func refused(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err.Error() == (&tcpip.ErrConnectionRefused{}).String() {
		return syscall.ECONNREFUSED
	}
	return err
}

func full(a netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: nicID, Addr: tcpip.AddrFromSlice(a.Addr().AsSlice()), Port: a.Port()}
}

// Listen listens for TCP connections. address is one of the host's addresses and
// a port; wildcards are refused, so that every server says whom it speaks for.
func (h *Host) Listen(_ context.Context, network, address string) (net.Listener, error) {
	local, err := h.localAddr(network, "tcp", address)
	if err != nil {
		return nil, err
	}
	opErr := func(err tcpip.Error) error {
		return &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(local), Err: errors.New(err.String())}
	}
	wq := new(waiter.Queue)
	ep, terr := h.stack.NewEndpoint(tcp.ProtocolNumber, protocol(local.Addr()), wq)
	if terr != nil {
		return nil, opErr(terr)
	}
	if terr := ep.Bind(full(local)); terr != nil {
		ep.Close()
		return nil, opErr(terr)
	}
	if terr := ep.Listen(backlog); terr != nil {
		ep.Close()
		return nil, opErr(terr)
	}
	return &listener{TCPListener: gonet.NewTCPListener(h.stack, wq, ep), host: h}, nil
}

// localAddr checks the address of a server on this host.
func (h *Host) localAddr(network, want, address string) (netip.AddrPort, error) {
	fail := func(err error) (netip.AddrPort, error) {
		return netip.AddrPort{}, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	local, err := netip.ParseAddrPort(address)
	if err != nil {
		return fail(fmt.Errorf("address %q: want IP:PORT", address))
	}
	kind, err := transport(network, local.Addr())
	if err != nil {
		return fail(err)
	}
	if kind != want {
		return fail(net.UnknownNetworkError(network))
	}
	if !h.owns(local.Addr()) {
		return fail(fmt.Errorf("address %v: want one of host %q's: %v", local.Addr(), h.name, h.addrs))
	}
	return local, nil
}

// listener gives out connections that answer at their own virtual time.
type listener struct {
	*gonet.TCPListener
	host *Host
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.TCPListener.Accept()
	if err != nil {
		return nil, err
	}
	inner := c.(*gonet.TCPConn)
	k := flowKey{protoTCP, addrPort(inner.LocalAddr()), addrPort(inner.RemoteAddr())}
	f := l.host.tcpFlow(k)
	if f == nil { // forgotten before it was accepted; it starts anew
		f = &tcpFlow{clock: new(clock)}
		l.host.remember(k, f)
	}
	f.clock.advance(f.syn)
	return &tcpConn{TCPConn: inner, host: l.host, flow: f}, nil
}

func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *udpAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// tcpConn is a TCP connection that keeps the virtual time of its application.
type tcpConn struct {
	*gonet.TCPConn
	host          *Host
	flow          *tcpFlow
	reads, writes alarm
	setting       sync.Mutex // of read deadlines
}

// Read implements [net.Conn]; it moves the clock to the arrival of the last byte
// that it returns.
func (c *tcpConn) Read(b []byte) (int, error) {
	growStack(len(b))
	n, err := c.TCPConn.Read(b)
	switch {
	case n > 0:
		c.flow.consumed(n)
		if reset := c.flow.release(); reset != nil {
			if p, ok := parse(reset); ok {
				c.host.link.deliver(p)
			}
		}
		c.interrupt()
	case errors.Is(err, io.EOF):
		c.flow.ended()
	case isTimeout(err) && c.flow.forsaken():
		c.flow.clock.advance(c.flow.giveUp(c.reads.due()))
	case isTimeout(err):
		c.reads.fire(c.flow.clock)
	case err != nil && !errors.Is(err, net.ErrClosed):
		c.flow.broken()
	}
	return n, err
}

// Write implements [net.Conn]; its bytes leave at the clock's time.
func (c *tcpConn) Write(b []byte) (int, error) {
	growStack(len(b))
	c.flow.wrote(len(b))
	n, err := c.TCPConn.Write(b)
	if isTimeout(err) {
		c.writes.fire(c.flow.clock)
	}
	return n, err
}

// CloseWrite ends this side of the stream.
func (c *tcpConn) CloseWrite() error {
	c.flow.finish(false)
	return c.TCPConn.CloseWrite()
}

// Close implements [net.Conn].
func (c *tcpConn) Close() error {
	c.flow.finish(true)
	return c.TCPConn.Close()
}

// SetDeadline implements [net.Conn].
func (c *tcpConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements [net.Conn].
func (c *tcpConn) SetReadDeadline(t time.Time) error {
	c.setting.Lock()
	defer c.setting.Unlock()
	c.reads.set(c.flow.clock, t)
	if c.flow.forsaken() && !t.IsZero() {
		t = longPast()
	}
	return c.TCPConn.SetReadDeadline(t)
}

// SetWriteDeadline implements [net.Conn].
func (c *tcpConn) SetWriteDeadline(t time.Time) error {
	c.writes.set(c.flow.clock, t)
	return c.TCPConn.SetWriteDeadline(t)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return err != nil && errors.As(err, &t) && t.Timeout()
}

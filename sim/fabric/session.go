package fabric

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"mpicsim/topology"
)

// Session is one client program on a host with a virtual clock of its own: the
// time at which its next packet leaves. Everything that the program does one
// after the other belongs into one session; what it does at the same time should
// have sessions of its own, or the clock shows the latest of them all. Create it
// with [Host.NewSession].
type Session struct {
	host  *Host
	clock *clock

	mu    sync.Mutex
	flows []*Flow
}

// Flow is a connection that a session opened, with the way that its first
// packet took.
type Flow struct {
	Network string // "tcp" or "udp"
	Local   netip.AddrPort
	Remote  netip.AddrPort
	// SentAt is the virtual time at which the first packet left.
	SentAt time.Duration
	// Path is the ASes that forwarded it, the host's own first.
	Path []topology.ASN
	// To is the name of the host that got it, empty if nobody did.
	To string
	// Astray is true if an answer ended elsewhere than at the host that opened the
	// connection; AstrayTo is the name of the host that got it, empty if nobody did.
	Astray   bool
	AstrayTo string
}

// NewSession starts a session at a virtual time.
func (h *Host) NewSession(at time.Duration) *Session {
	s := &Session{host: h, clock: new(clock)}
	s.clock.advance(at)
	return s
}

// SessionFor starts a session for what a server does on behalf of a connection
// that one of the host's listeners gave out. Both have one clock: the session
// begins when what the server has read had arrived, and what the server writes
// to the connection leaves when the session has seen its latest arrival. The
// error says that c is not such a connection.
func (h *Host) SessionFor(c net.Conn) (*Session, error) {
	own, ok := c.(*tcpConn)
	if !ok || own.host != h {
		return nil, fmt.Errorf("host %q: a session for a %T: want a connection of one of its listeners", h.name, c)
	}
	return &Session{host: h, clock: own.flow.clock}, nil
}

// Now returns the session's virtual time as a date.
func (s *Session) Now() time.Time { return s.host.fabric.start.Add(s.clock.now()) }

// Elapsed returns the session's virtual time since the fabric's start.
func (s *Session) Elapsed() time.Duration { return s.clock.now() }

// Wait moves the session's virtual time on by d, as if the program had done nothing
// for so long. Nobody really waits.
func (s *Session) Wait(d time.Duration) { s.clock.advance(s.clock.now() + d) }

// Flows returns the connections that the session has opened, in order.
func (s *Session) Flows() []Flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	flows := make([]Flow, len(s.flows))
	for n, f := range s.flows {
		flows[n] = *f
	}
	return flows
}

// DialContext opens a TCP connection or a connected UDP socket. network is
// "tcp" or "udp", or one of these with 4 or 6; address is a numeric IP address
// and port. An ICMP error ends a TCP dial at once.
func (s *Session) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	remote, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("address %q: want IP:PORT, names are not resolved here", address)}
	}
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	kind, err := transport(network, remote.Addr())
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	source, err := s.host.source(remote.Addr())
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: tcpOrUDP(kind, remote), Err: err}
	}
	if kind == "udp" {
		return s.dialUDP(ctx, source, remote)
	}
	return s.dialTCP(ctx, source, remote)
}

// transport checks a network's name against an address and returns "tcp" or
// "udp".
func transport(network string, addr netip.Addr) (string, error) {
	switch network {
	case "tcp", "udp":
		return network, nil
	case "tcp4", "udp4":
		if addr.Is4() {
			return network[:3], nil
		}
		return "", fmt.Errorf("address %v is not IPv4", addr)
	case "tcp6", "udp6":
		if addr.Is6() {
			return network[:3], nil
		}
		return "", fmt.Errorf("address %v is not IPv6", addr)
	}
	return "", net.UnknownNetworkError(network)
}

func tcpOrUDP(kind string, a netip.AddrPort) net.Addr {
	if kind == "udp" {
		return net.UDPAddrFromAddrPort(a)
	}
	return net.TCPAddrFromAddrPort(a)
}

// trace starts a flow's record and returns the functions that complete it: one
// for the way of its first packet, one for an answer that went astray.
func (s *Session) trace(network string, local, remote netip.AddrPort) (sent func([]int32, *Host), strayed func(*Host)) {
	f := &Flow{Network: network, Local: local, Remote: remote, SentAt: s.clock.now()}
	s.mu.Lock()
	s.flows = append(s.flows, f)
	s.mu.Unlock()
	sent = func(path []int32, to *Host) {
		s.mu.Lock()
		defer s.mu.Unlock()
		f.Path, f.To = s.host.fabric.asns(path), to.nameOrNone()
	}
	strayed = func(to *Host) {
		s.mu.Lock()
		defer s.mu.Unlock()
		f.Astray, f.AstrayTo = true, to.nameOrNone()
	}
	return sent, strayed
}

// asns turns indexes into AS numbers.
func (f *Fabric) asns(path []int32) []topology.ASN {
	asns := make([]topology.ASN, len(path))
	for n, as := range path {
		asns[n] = f.graph.ASN(as)
	}
	return asns
}

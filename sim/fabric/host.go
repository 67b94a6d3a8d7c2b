package fabric

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"mpicsim/topology"
	"mpicsim/topology/place"
)

const (
	nicID = 1
	mtu   = 1500
	// timeWait is short, because sequence numbers and ports do not wander in a
	// network without delayed duplicates.
	timeWait = 100 * time.Millisecond
	// Ephemeral ports, as Linux has them by default.
	firstPort, lastPort = 32768, 60999
	// flowMemory is how many TCP connections a host remembers before it forgets
	// the oldest closed ones.
	flowMemory = 1024
)

// HostConfig describes one host.
type HostConfig struct {
	// Name names the host in traces and captures; unique within the fabric.
	Name string
	// AS is the autonomous system that the host stands in.
	AS topology.ASN
	// Addrs are the host's addresses; the first of each family is the source of
	// its own connections. The same address may belong to hosts in several ASes:
	// the routes decide which of them gets a packet.
	Addrs []netip.Addr
	// Place is where the host is, nil for the place of its AS.
	Place *place.Location
}

// Host is one machine with a TCP/IP stack of its own.
type Host struct {
	fabric *Fabric
	name   string
	number int // position in the fabric, the interface number in captures
	as     int32
	addrs  []netip.Addr
	place  place.Location
	placed bool

	stack *stack.Stack
	link  *link

	mu       sync.RWMutex
	tcp      map[flowKey]*tcpFlow
	order    []flowKey // of tcp, oldest first
	udp      map[netip.AddrPort]*udpSocket
	strays   map[netip.Addr]time.Duration // arrival of the latest packet that belongs to no flow
	traces   map[uint16]chan traceReply
	nextPort uint16
}

// AddHost adds a host and starts its stack. It returns an error that wraps
// [ErrAddressTaken] if another host in the same AS has one of its addresses.
func (f *Fabric) AddHost(c HostConfig) (*Host, error) {
	fail := func(err error) (*Host, error) { return nil, fmt.Errorf("host %q: %w", c.Name, err) }
	as, ok := f.graph.Index(c.AS)
	if !ok {
		return fail(fmt.Errorf("AS %v is not in the topology", c.AS))
	}
	if len(c.Addrs) == 0 {
		return fail(errors.New("no addresses, want at least one"))
	}
	h := &Host{
		fabric: f, name: c.Name, as: as, addrs: append([]netip.Addr(nil), c.Addrs...), nextPort: firstPort,
		tcp: map[flowKey]*tcpFlow{}, udp: map[netip.AddrPort]*udpSocket{},
		strays: map[netip.Addr]time.Duration{}, traces: map[uint16]chan traceReply{},
	}
	h.place, h.placed = f.graph.Place(as)
	if c.Place != nil {
		h.place, h.placed = *c.Place, true
	}
	if err := f.attach(h); err != nil {
		return fail(err)
	}
	if err := h.startStack(); err != nil {
		return fail(err)
	}
	return h, nil
}

// attach enters the host's addresses at its AS's router.
func (f *Fabric) attach(h *Host) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Load() {
		return ErrClosed
	}
	for _, other := range f.hosts {
		if other.name == h.name {
			return errors.New("another host has this name")
		}
	}
	for n, addr := range h.addrs {
		if !addr.IsValid() || addr.Is4In6() || addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() {
			return fmt.Errorf("address %v: want a plain unicast IPv4 or IPv6 address", addr)
		}
		if other := f.local[attachment{h.as, addr}]; other != nil {
			for _, mine := range h.addrs[:n] {
				delete(f.local, attachment{h.as, mine})
			}
			return fmt.Errorf("address %v of host %q in AS %v: %w", addr, other.name, f.graph.ASN(h.as), ErrAddressTaken)
		}
		f.local[attachment{h.as, addr}] = h
	}
	h.number = len(f.hosts)
	f.hosts = append(f.hosts, h)
	return nil
}

// lockedSource makes a seeded source safe for the stack's goroutines.
type lockedSource struct {
	mu  sync.Mutex
	src rand.Source
}

func (s *lockedSource) Int63() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src.Int63()
}

func (s *lockedSource) Seed(int64) {} // the seed is fixed at construction

func (h *Host) startStack() error {
	id := fnv.New64a()
	fmt.Fprintf(id, "%d/%s", h.fabric.seed, h.name)
	h.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
		RandSource:         &lockedSource{src: rand.NewSource(int64(id.Sum64()))},
	})
	h.link = &link{host: h}
	if err := h.stack.CreateNIC(nicID, h.link); err != nil {
		return fmt.Errorf("creating the interface: %v", err)
	}
	wait := tcpip.TCPTimeWaitTimeoutOption(timeWait)
	nagle := tcpip.TCPDelayEnabled(false)
	for _, option := range []tcpip.SettableTransportProtocolOption{&wait, &nagle} {
		if err := h.stack.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			return fmt.Errorf("setting a TCP option: %v", err)
		}
	}
	for _, addr := range h.addrs {
		a := tcpip.ProtocolAddress{Protocol: protocol(addr), AddressWithPrefix: tcpip.AddrFromSlice(addr.AsSlice()).WithPrefix()}
		if err := h.stack.AddProtocolAddress(nicID, a, stack.AddressProperties{}); err != nil {
			return fmt.Errorf("address %v: %v", addr, err)
		}
	}
	h.stack.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: nicID},
		{Destination: header.IPv6EmptySubnet, NIC: nicID},
	})
	return nil
}

func (h *Host) close() {
	h.stack.Close()
	h.stack.Wait()
}

// Name returns the host's name.
func (h *Host) Name() string { return h.name }

// nameOrNone returns the host's name, empty for nil.
func (h *Host) nameOrNone() string {
	if h == nil {
		return ""
	}
	return h.name
}

// ASN returns the AS that the host stands in.
func (h *Host) ASN() topology.ASN { return h.fabric.graph.ASN(h.as) }

// Addrs returns the host's addresses.
func (h *Host) Addrs() []netip.Addr { return append([]netip.Addr(nil), h.addrs...) }

// source returns the address that the host's connections to dst come from.
func (h *Host) source(dst netip.Addr) (netip.Addr, error) {
	for _, a := range h.addrs {
		if a.Is4() == dst.Is4() {
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("host %q has no address of the family of %v: %w", h.name, dst, syscall.EADDRNOTAVAIL)
}

// owns says whether addr is one of the host's addresses.
func (h *Host) owns(addr netip.Addr) bool { return slices.Contains(h.addrs, addr) }

// takePort returns the next ephemeral port, round and round.
func (h *Host) takePort() uint16 {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.nextPort
	if h.nextPort++; h.nextPort > lastPort {
		h.nextPort = firstPort
	}
	return p
}

// remember enters a TCP connection, in place of an older one with the same ends.
func (h *Host) remember(k flowKey, f *tcpFlow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, again := h.tcp[k]; !again {
		h.order = append(h.order, k)
	}
	h.tcp[k] = f
	for n := len(h.order); len(h.tcp) > flowMemory && n > 0; n-- {
		oldest := h.order[0]
		h.order = h.order[1:]
		if h.tcp[oldest].done() {
			delete(h.tcp, oldest)
			return
		}
		h.order = append(h.order, oldest)
	}
}

func (h *Host) tcpFlow(k flowKey) *tcpFlow {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.tcp[k]
}

func (h *Host) udpSocket(local netip.AddrPort) *udpSocket {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.udp[local]
}

// stray notes the arrival of a packet that belongs to no flow, so that the
// stack's answer (a reset, an ICMP message) leaves at that time.
func (h *Host) stray(from netip.Addr, at time.Duration) {
	const enough = 4096
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.strays) >= enough {
		clear(h.strays)
	}
	h.strays[from] = at
}

// emit sends a packet that the host's stack has made. raw belongs to emit.
func (h *Host) emit(raw []byte) {
	p, ok := parse(raw)
	if !ok {
		return
	}
	at, trace := h.departure(p)
	h.fabric.capture.record(h, p.raw, at, true)
	h.fabric.forward(forwarding{as: h.as, from: h, raw: raw, at: at, trace: trace})
}

// departure returns the virtual time at which p leaves, and whom to tell its
// path if it is the first of its flow.
func (h *Host) departure(p packet) (time.Duration, func([]int32, *Host)) {
	k := p.flow()
	switch p.proto {
	case protoTCP:
		if s, ok := p.tcp(); ok {
			if f := h.tcpFlow(k); f != nil {
				if s.flags&flagSYN != 0 && s.flags&flagACK == 0 {
					return f.outgoing(s), f.trace
				}
				return f.outgoing(s), nil
			}
		}
	case protoUDP:
		if s := h.udpSocket(k.local); s != nil {
			return time.Duration(s.sendAt.Load()), s.firstTrace()
		}
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.strays[p.dst], nil
}

// receive takes a packet that has arrived for one of the host's addresses. The
// fabric's own bookkeeping comes first; then the stack gets it, except for ICMP
// errors, which sockets get from here.
func (h *Host) receive(p packet, at time.Duration) {
	h.fabric.capture.record(h, p.raw, at, false)
	if p.isICMPError() {
		h.receiveError(p, at)
		return
	}
	k := p.flow().reverse()
	switch p.proto {
	case protoTCP:
		s, ok := p.tcp()
		if !ok {
			return
		}
		f := h.tcpFlow(k)
		opening := s.flags&(flagSYN|flagACK) == flagSYN
		if opening && (f == nil || f.done()) {
			f = &tcpFlow{clock: new(clock)}
			h.remember(k, f)
		}
		if f == nil {
			h.stray(p.src, at)
			h.fabric.astray(p, h)
		} else {
			f.incoming(s, at)
			if s.flags&flagRST != 0 && f.hold(p.raw) {
				return
			}
		}
	case protoUDP:
		if s := h.udpSocket(k.local); s != nil {
			s.arrive(k.remote, at)
		} else {
			h.stray(p.src, at)
			h.fabric.astray(p, h)
		}
	default:
		h.stray(p.src, at)
	}
	h.link.deliver(p)
}

// receiveError hands an ICMP error to the socket or trace that it is about.
func (h *Host) receiveError(p packet, at time.Duration) {
	k, ok := p.quoted()
	if !ok {
		return
	}
	h.mu.RLock()
	trace := h.traces[k.local.Port()]
	h.mu.RUnlock()
	if k.proto == protoUDP && trace != nil {
		select {
		case trace <- traceReply{from: p.src, at: at, kind: p.payload[0], code: p.payload[1], is4: p.is4()}:
		default: // nobody waits for a second answer to one probe
		}
		return
	}
	err := icmpErrno(p)
	switch k.proto {
	case protoTCP:
		if f := h.tcpFlow(k); f != nil {
			f.failDial(err, at)
			return
		}
	case protoUDP:
		if s := h.udpSocket(k.local); s != nil {
			s.fail(k.remote, err, at)
			return
		}
	}
	h.fabric.astray(p, h)
}

// icmpErrno returns the error that a socket reports for an ICMP error, as Linux
// maps them.
func icmpErrno(p packet) error {
	typ, code := p.payload[0], p.payload[1]
	if p.is4() {
		switch {
		case typ == icmpUnreachable && code == icmpCodeNet:
			return syscall.ENETUNREACH
		case typ == icmpUnreachable && code == 3:
			return syscall.ECONNREFUSED
		}
		return syscall.EHOSTUNREACH
	}
	switch {
	case typ == icmp6Unreachable && code == icmp6CodeNoRoute:
		return syscall.ENETUNREACH
	case typ == icmp6Unreachable && code == 4:
		return syscall.ECONNREFUSED
	}
	return syscall.EHOSTUNREACH
}

func protocol(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

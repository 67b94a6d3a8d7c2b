// Package fabric is an emulated Internet that carries real packets: every AS is
// a router that forwards hop by hop by longest-prefix match on the routes it is
// given, and hosts have a real TCP/IP stack (gVisor netstack) that gives out
// ordinary net.Conn, net.Listener and net.PacketConn values, so that unmodified
// net/http, crypto/tls and miekg/dns run on them.
//
// # Time
//
// Nobody waits for an emulated ocean: virtual time is carried by the packets.
// A packet leaves at its sender's virtual time and arrives one path delay later,
// while really it is delivered at once. Who sends at which time follows from
// what the application has seen, not from when a goroutine ran:
//
//   - A [Session] (one client, such as one check of one perspective) has a
//     clock, the latest arrival among the bytes that it has read.
//   - A server answers each TCP connection at that connection's own time, and
//     each datagram at the arrival of the datagram that it answers, so that a
//     slow client does not slow another. What it must find out first it does in
//     a session with the connection's clock ([Host.SessionFor]).
//   - The bytes of a TCP stream carry the time at which they were written, also
//     when the stack sends them again; an acknowledgement carries the arrival of
//     what it acknowledges; bytes beyond the initial window of ten segments
//     (RFC 6928) leave no earlier than the latest acknowledgement.
//
// So times do not depend on the machine's load. Timeouts do: deadlines run on
// the operating system's clock, and one that fires moves the session's clock by
// the time it was set for. The fabric therefore never drops a packet in silence:
// what cannot be delivered is answered with an ICMP error at once, and if an
// answer does not come back to who asked, because its prefix is hijacked, the
// asker's deadline passes at once.
//
// Forwarding tables are functions of virtual time ([Epoch]). A packet is
// forwarded, all the way, by the tables in force when it was sent. An AS can drop
// packets on purpose, and a host can take some that cross its AS ([Divert]).
//
// # What is not modelled
//
// Routers inside an AS, queues, bandwidth, loss, reordering, MTUs other than
// 1500, ICMP rate limits, fragmentation by routers, and asymmetry of delay
// between the two directions of a link. A path's delay is the sum over its
// hops of a per-hop time and of light in fibre over the great circle between
// successive ASes whose places are known ([Delays]).
//
// Memory: an idle host costs about 50 KB; an AS costs nothing until a packet
// crosses it.
//
// All exported methods are safe for concurrent use.
package fabric

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"mpicsim/topology"
)

// Config describes a network before its hosts are added.
type Config struct {
	// Graph is the map that packets travel on.
	Graph *topology.Graph
	// Epochs are the forwarding tables in ascending order of From; the first
	// must start at 0.
	Epochs []Epoch
	// Start is the wall-clock date that virtual time 0 stands for.
	Start time.Time
	// Delays turns hops into time; the zero value means [DefaultDelays].
	Delays Delays
	// Capture records every packet at every host, for [Fabric.WriteCapture].
	Capture bool
	// Seed makes ports and sequence numbers repeatable.
	Seed uint64
}

// Fabric is a running network. Create it with [New] and end it with Close.
type Fabric struct {
	graph   *topology.Graph
	fib     *fib
	start   time.Time
	delays  Delays
	seed    uint64
	capture *capture

	mu    sync.RWMutex
	hosts []*Host
	local map[attachment]*Host

	routers sync.Map // AS index (int32) -> *router, for ASes that saw traffic
	closed  atomic.Bool
}

// attachment is an address as seen by one AS's router: the same address may be
// attached in several ASes, which is what a hijack is.
type attachment struct {
	as   int32
	addr netip.Addr
}

// router counts what crossed one AS.
type router struct {
	forwarded atomic.Int64
}

// Errors that callers can test for.
var (
	ErrAddressTaken = errors.New("address already belongs to a host in this AS")
	ErrClosed       = errors.New("fabric is closed")
)

// New builds a network without hosts. It returns an error if the epochs are not
// in order or start after 0.
func New(c Config) (*Fabric, error) {
	if c.Graph == nil {
		return nil, errors.New("fabric: no graph")
	}
	table, err := newFIB(c.Epochs)
	if err != nil {
		return nil, fmt.Errorf("fabric: %w", err)
	}
	f := &Fabric{
		graph: c.Graph, fib: table, start: c.Start, delays: c.Delays, seed: c.Seed,
		local: map[attachment]*Host{},
	}
	if f.delays == (Delays{}) {
		f.delays = DefaultDelays()
	}
	if c.Capture {
		f.capture = &capture{}
	}
	return f, nil
}

// Start returns the date that virtual time 0 stands for.
func (f *Fabric) Start() time.Time { return f.start }

// Close ends all hosts and their connections. It is idempotent.
func (f *Fabric) Close() {
	if f.closed.Swap(true) {
		return
	}
	f.mu.Lock()
	hosts := f.hosts
	f.mu.Unlock()
	for _, h := range hosts {
		h.close()
	}
}

// Hosts returns the hosts in the order in which they were added.
func (f *Fabric) Hosts() []*Host {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return append([]*Host(nil), f.hosts...)
}

// TouchedASes returns how many ASes a packet has crossed, and how many packets
// all of them have forwarded.
func (f *Fabric) TouchedASes() (ases int, packets int64) {
	f.routers.Range(func(_, r any) bool {
		ases++
		packets += r.(*router).forwarded.Load()
		return true
	})
	return ases, packets
}

// attached returns the host that owns addr in AS as, nil if none does.
func (f *Fabric) attached(as int32, addr netip.Addr) *Host {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.local[attachment{as, addr}]
}

func (f *Fabric) router(as int32) *router {
	if r, ok := f.routers.Load(as); ok {
		return r.(*router)
	}
	r, _ := f.routers.LoadOrStore(as, new(router))
	return r.(*router)
}

package access

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Admission bounds the connections of a server before it reads an octet of them, so
// that strangers cannot take the descriptors that checks need. Create it with
// [NewAdmission], wrap listeners with [Admission.Listen] and put [Admission.Attach]
// on the server; handlers say by [Admit] whom a connection belongs to.
//
// A connection is a stranger's until a handler has found out who it is. Strangers
// have a quarter of the places. If these are taken, a new one takes the place of the
// oldest of those from the address (of IPv6: the /64) that has most: a client, who
// says who it is within a few packets, is not kept out by those who say nothing. One
// client may have half of all places. If all are taken, the known connection that
// has been idle for longest makes room, or else a stranger's; with neither, the new
// one is closed.
type Admission struct {
	max int

	mu        sync.Mutex
	conns     map[*admitted]struct{}
	strangers map[netip.Prefix]int // how many, by origin
	unknown   int                  // sum of strangers
	clients   map[string]int       // known connections, by client
	clock     uint64               // counts changes of state, which it orders
	closed    Closed
}

// Closed counts the connections that an [Admission] has closed.
type Closed struct {
	// Strangers made room for others, Idle were clients' between two requests, and
	// Refused came when there was no room at all.
	Strangers, Idle, Refused uint64
}

// MinConnections is the least that an [Admission] can be limited to.
const MinConnections = 8

// NewAdmission returns an Admission of so many connections, [MinConnections] at
// least.
func NewAdmission(connections int) (*Admission, error) {
	if connections < MinConnections {
		return nil, fmt.Errorf("connections %d: expected %d or more", connections, MinConnections)
	}
	return &Admission{
		max: connections, conns: map[*admitted]struct{}{}, strangers: map[netip.Prefix]int{}, clients: map[string]int{},
	}, nil
}

// Listen returns l with the connections bounded. TLS goes on top of it.
func (a *Admission) Listen(l net.Listener) net.Listener { return &admissionListener{l, a} }

// Attach has a server tell a about its connections. It replaces the server's
// ConnState and ConnContext.
func (a *Admission) Attach(server *http.Server) {
	server.ConnState = func(c net.Conn, state http.ConnState) {
		if c := admittedOf(c); c != nil {
			a.turn(c, state == http.StateIdle)
		}
	}
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if c := admittedOf(c); c != nil {
			return context.WithValue(ctx, admittedKey{}, c)
		}
		return ctx
	}
}

// Admit notes that a request's connection is a client's, or denies it if the client
// has too many connections already; the caller answers that and closes the
// connection. A connection that no Admission knows is always admitted.
func Admit(ctx context.Context, client string) *Denial {
	c, ok := ctx.Value(admittedKey{}).(*admitted)
	if !ok {
		return nil
	}
	a := c.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, open := a.conns[c]; !open || c.client == client {
		return nil
	}
	if most := a.max / 2; a.clients[client] >= most {
		return deny(Busy, "more than %d connections of %q", most, client).after(time.Second)
	}
	a.forget(c)
	c.client = client
	a.clients[client]++
	return nil
}

// Connections returns how many there are now, how many of them are strangers', and
// what was closed.
func (a *Admission) Connections() (open, strangers int, closed Closed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.conns), a.unknown, a.closed
}

// admit takes a connection in and returns it, or nil if there is no room.
func (a *Admission) admit(conn net.Conn) *admitted {
	c := &admitted{Conn: conn, admission: a, origin: originOf(conn)}
	victim, room := a.place(c)
	if victim != nil {
		_ = victim.Conn.Close() // its reader finds out, and closes it properly
	}
	if !room {
		_ = conn.Close()
		return nil
	}
	return c
}

// place makes room for c and puts it there.
func (a *Admission) place(c *admitted) (victim *admitted, room bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.unknown >= max(1, a.max/4):
		victim = a.oldest(func(c *admitted) bool { return c.client == "" })
		a.closed.Strangers++
	case len(a.conns) >= a.max:
		if victim = a.oldest(func(c *admitted) bool { return c.client != "" && c.idle }); victim != nil {
			a.closed.Idle++
			break
		}
		if victim = a.oldest(func(c *admitted) bool { return c.client == "" }); victim == nil {
			a.closed.Refused++
			return nil, false
		}
		a.closed.Strangers++
	}
	if victim != nil {
		a.remove(victim)
	}
	a.clock++
	c.since = a.clock
	a.conns[c] = struct{}{}
	a.strangers[c.origin]++
	a.unknown++
	return victim, true
}

// oldest returns the oldest of the connections that match: of strangers, that from
// the origin with most of them.
func (a *Admission) oldest(match func(*admitted) bool) (found *admitted) {
	for c := range a.conns {
		if !match(c) {
			continue
		}
		if found == nil {
			found = c
			continue
		}
		mine, best := 0, 0
		if c.client == "" {
			mine, best = a.strangers[c.origin], a.strangers[found.origin]
		}
		if mine > best || mine == best && c.since < found.since {
			found = c
		}
	}
	return found
}

// turn notes whether a connection is between two requests.
func (a *Admission) turn(c *admitted, idle bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.idle != idle {
		a.clock++
		c.idle = idle
		if c.client != "" {
			c.since = a.clock
		}
	}
}

// remove takes a connection out. The caller holds the lock.
func (a *Admission) remove(c *admitted) {
	if _, open := a.conns[c]; !open {
		return
	}
	delete(a.conns, c)
	a.forget(c)
}

// forget takes a connection out of the counts of its owner.
func (a *Admission) forget(c *admitted) {
	if c.client != "" {
		if a.clients[c.client]--; a.clients[c.client] == 0 {
			delete(a.clients, c.client)
		}
		return
	}
	a.unknown--
	if a.strangers[c.origin]--; a.strangers[c.origin] == 0 {
		delete(a.strangers, c.origin)
	}
}

// admitted is a connection that has a place. All but Conn, admission and origin
// belong to the admission's lock.
type admitted struct {
	net.Conn
	admission *Admission
	origin    netip.Prefix
	client    string // empty for a stranger
	idle      bool
	since     uint64
}

// Close implements [net.Conn].
func (c *admitted) Close() error {
	c.admission.mu.Lock()
	c.admission.remove(c)
	c.admission.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite ends the direction to the client, where a connection can do that: the
// HTTP server does so before it closes one with an unread request.
func (c *admitted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// admittedKey is that of the context of a connection's requests.
type admittedKey struct{}

// admittedOf finds the connection below TLS, nil if there is none of an Admission.
func admittedOf(c net.Conn) *admitted {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	a, _ := c.(*admitted)
	return a
}

// originOf returns whose connections are counted together.
func originOf(c net.Conn) netip.Prefix {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}
	}
	addr, bits := at.Addr().Unmap().WithZone(""), 32
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

type admissionListener struct {
	net.Listener
	admission *Admission
}

// Accept implements [net.Listener].
func (l *admissionListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admission.admit(conn); c != nil {
			return c, nil
		}
	}
}

package replay

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/remote"
	"mpicsim/scenarios"
	"mpicsim/sim/fabric"
)

// served is a remote perspective as its server runs it for one connection: its
// session has the connection's clock, so that the check starts when the request
// has arrived and the answer leaves when the check has ended.
type served struct {
	world   *World
	station *station
	session *fabric.Session
	from    net.Addr // the coordinator's end
}

// Describe implements [remote.Runner].
func (s *served) Describe() perspectives.Perspective { return s.station.attachment.Site.Perspective }

// Run implements [remote.Runner].
func (s *served) Run(ctx context.Context, c perspectives.Check) perspectives.Result {
	p := s.Describe()
	if from, ok := s.from.(*net.TCPAddr); ok {
		s.world.control.begun(call{p.Name, from.AddrPort()}, s.session)
	}
	s.session.Wait(s.station.attachment.Site.Delay)
	check, err := local.New(local.Config{
		Perspective: p, Network: s.session, Clock: s.session.Now, Roots: s.world.roots, TrustAnchors: s.world.anchors,
		Rand: s.world.messageIDs(fmt.Sprintf("%s at %v", c.Token, s.session.Elapsed()), p.Name),
	})
	if err != nil {
		panic(fmt.Sprintf("replay: perspective %q: %v", p.Name, err)) // our own configuration
	}
	return check.Run(ctx, c)
}

// servePerspective starts a remote perspective's server on its host.
func (w *World) servePerspective(ctx context.Context, name string) error {
	st := w.sites[name]
	credentials, err := w.credentials(w.control.authority, "ca", name)
	if err != nil {
		return err
	}
	return w.control.serve(ctx, st.host, w.controlAddress(name), func(s *fabric.Session, from net.Addr) remote.ServerConfig {
		return remote.ServerConfig{
			Runner: &served{w, st, s, from}, Clock: s.Now, Software: "mpicsim", EgressAddresses: st.addrs, Credentials: credentials,
		}
	})
}

// yesMan is what the attacker runs in a perspective's place: whatever is asked, it
// passes.
type yesMan struct {
	perspectives.Perspective
	clock perspectives.Clock
}

// Describe implements [remote.Runner].
func (y yesMan) Describe() perspectives.Perspective { return y.Perspective }

// Run implements [remote.Runner].
func (y yesMan) Run(_ context.Context, c perspectives.Check) perspectives.Result {
	out := perspectives.Result{
		Perspective: y.Name, RIR: y.RIR, Questions: c.Questions, TargetAddresses: []string{}, Started: y.clock(), Finished: y.clock(),
	}
	pass := perspectives.Outcome{Verdict: perspectives.Pass, Reason: "says-the-attacker"}
	if c.Questions.DCV() {
		out.DCV = pass
	}
	if c.Questions.CAA() {
		out.CAA = pass
	}
	return out
}

// impersonate starts the attacker's server at a perspective's address: the same
// protocol, with certificates of the attacker's own CA and a key of his own.
func (w *World) impersonate(ctx context.Context, name string) error {
	authority, err := w.newAuthority("the attacker's own")
	if err != nil {
		return err
	}
	credentials, err := w.credentials(authority, scenarios.SideAttacker, name)
	if err != nil {
		return err
	}
	p := w.sites[name].attachment.Site.Perspective
	return w.control.serve(ctx, w.host(hostAttacker), w.controlAddress(name), func(s *fabric.Session, _ net.Addr) remote.ServerConfig {
		return remote.ServerConfig{Runner: yesMan{p, s.Now}, Clock: s.Now, Software: "mpicsim", Credentials: credentials}
	})
}

// credentials are what a server of a perspective has, be it the CA's or the
// attacker's. Both know the CA's root, which is no secret.
func (w *World) credentials(authority *remote.Authority, owner, perspective string) (remote.Credentials, error) {
	certificate, err := w.issue(authority, remote.Leaf{CommonName: perspective, Hosts: []string{w.controlAddress(perspective).Addr().String()}})
	if err != nil {
		return remote.Credentials{}, err
	}
	return remote.Credentials{
		Certificate: certificate, SigningKey: w.signingKey(owner, perspective),
		Partners: []remote.Partner{{Client: access.Client{
			Name: "ca", Identity: caIdentity, Roots: []*x509.Certificate{w.control.authority.Certificate},
			Methods: perspectives.Methods(), IssuerDomains: []string{w.source.CA.Issuer},
		}}},
	}, nil
}

// serve answers connections at an address, each by a server of its own with the
// connection's clock: connections of different checks may be at very different
// times, and what one uses up must not show in another.
func (k *control) serve(ctx context.Context, host *fabric.Host, at netip.AddrPort, config func(*fabric.Session, net.Addr) remote.ServerConfig) error {
	if _, err := remote.NewServer(config(host.NewSession(0), &net.TCPAddr{})); err != nil {
		return err // of every connection
	}
	listener, err := host.Listen(ctx, "tcp", at.String())
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return errors.Join(net.ErrClosed, listener.Close())
	}
	k.running.Go(func() {
		stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
		defer stop()
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			k.connection(ctx, host, conn, config)
		}
	})
	k.listeners = append(k.listeners, listener)
	return nil
}

// connection serves one connection until it ends.
func (k *control) connection(ctx context.Context, host *fabric.Host, conn net.Conn, config func(*fabric.Session, net.Addr) remote.ServerConfig) {
	k.mu.Lock()
	defer k.mu.Unlock()
	session, err := host.SessionFor(conn)
	if err != nil || k.closed {
		_ = conn.Close()
		return
	}
	k.open[conn] = struct{}{}
	k.running.Go(func() {
		defer func() {
			_ = conn.Close()
			k.mu.Lock()
			defer k.mu.Unlock()
			delete(k.open, conn)
		}()
		server, err := remote.NewServer(config(session, conn.RemoteAddr()))
		if err != nil {
			return // it was made before without one
		}
		_ = server.Serve(ctx, newSingle(conn)) // it ends with the connection
	})
}

// begun notes that a perspective has begun to check.
func (k *control) begun(c call, s *fabric.Session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.checks[c] = s
}

// take returns the session of the check that a call has led to, nil if it has led
// to none, and forgets it.
func (k *control) take(c call) *fabric.Session {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.checks[c]
	delete(k.checks, c)
	return s
}

// close ends all servers and waits for them.
func (k *control) close() error {
	k.mu.Lock()
	k.closed = true
	for _, l := range k.listeners {
		_ = l.Close()
	}
	for conn := range k.open {
		_ = conn.Close()
	}
	k.mu.Unlock()
	k.running.Wait()
	return nil
}

// single is a listener of one connection. It ends when that ends.
type single struct {
	conns chan net.Conn
	addr  net.Addr
	ended chan struct{}
	end   func()
}

func newSingle(conn net.Conn) *single {
	l := &single{conns: make(chan net.Conn, 1), addr: conn.LocalAddr(), ended: make(chan struct{})}
	l.end = sync.OnceFunc(func() { close(l.ended) })
	l.conns <- &onlyConn{conn, l.end}
	return l
}

// Accept implements [net.Listener].
func (l *single) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *single) Close() error {
	l.end()
	return nil
}

// Addr implements [net.Listener].
func (l *single) Addr() net.Addr { return l.addr }

// onlyConn tells its listener of its end.
type onlyConn struct {
	net.Conn
	end func()
}

// Close implements [net.Conn].
func (c *onlyConn) Close() error {
	defer c.end()
	return c.Conn.Close()
}

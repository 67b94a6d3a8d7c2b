package fabric

import (
	"errors"
	"net/netip"
	"time"
)

// An answer goes astray if it does not come back to who asked: the asker's own
// prefix is announced by somebody else, so that routes lead from the server to
// another host with the asker's address, or to nobody. Really nothing tells the
// asker, who waits until his patience ends. Here he is told that waiting is in
// vain, and his virtual clock moves to that end at once. Nobody learns anything
// that he would not learn by waiting.

// errAstray ends a dial whose answer went astray.
var errAstray = errors.New("the answer went astray")

// patienceOfTCP is when a dial without a deadline is given up: after Linux's six
// retransmissions of the SYN.
const patienceOfTCP = 127 * time.Second

// longPast is a deadline that interrupts a Read.
func longPast() time.Time { return time.Unix(1, 0) }

// astray tells whoever waits for p that it has ended at another host, or at
// nobody if at is nil. Other packets than answers concern nobody.
func (f *Fabric) astray(p packet, at *Host) {
	k := p.flow().reverse()
	if p.isICMPError() {
		var ok bool
		if k, ok = p.quoted(); !ok {
			return
		}
	} else if s, ok := p.tcp(); ok && s.length == 0 && s.flags&(flagSYN|flagFIN|flagRST) == 0 {
		return // a mere acknowledgement is not waited for
	}
	for _, h := range f.Hosts() {
		if h == at || !h.owns(p.dst) {
			continue
		}
		switch k.proto {
		case protoTCP:
			if flow := h.tcpFlow(k); flow != nil {
				flow.lose(at)
			}
		case protoUDP:
			if s := h.udpSocket(k.local); s != nil {
				s.lose(k.remote, at)
			}
		}
	}
}

// connected notes that a dial has ended, with a connection or with nil.
func (f *tcpFlow) connected(c *tcpConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dial, f.conn = nil, c
}

// lose notes that an answer went astray to a host, and ends the dial or Read that
// waits for it.
func (f *tcpFlow) lose(to *Host) {
	f.mu.Lock()
	if f.strayed == nil || f.closed {
		f.mu.Unlock()
		return
	}
	f.lost = true
	dial, conn, strayed := f.dial, f.conn, f.strayed
	f.mu.Unlock()
	strayed(to)
	switch {
	case dial != nil:
		dial(errAstray)
	case conn != nil:
		conn.interrupt()
	}
}

// forsaken says whether nothing more will come: an answer went astray, and all
// that arrived before it has been read.
func (f *tcpFlow) forsaken() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost && f.read >= f.got
}

// giveUp returns when an application that waits in vain stops waiting: at the
// deadline of its reads, if there is one, or when the time that the dial was
// given has passed since it last wrote.
func (f *tcpFlow) giveUp(deadline time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	patience := f.patience
	if patience == 0 && f.conn == nil {
		patience = patienceOfTCP
	}
	return earlier(deadline, max(f.opened, f.lastWrite), patience)
}

// earlier returns the earlier of a deadline, 0 for none, and the time when a
// patience that began at from ends, 0 for endless.
func earlier(deadline, from, patience time.Duration) time.Duration {
	if patience > 0 && (deadline == 0 || from+patience < deadline) {
		return from + patience
	}
	return deadline
}

// interrupt ends a Read that waits for what went astray. Without deadline or
// patience the application wants to wait for ever, and may.
func (c *tcpConn) interrupt() {
	c.setting.Lock()
	defer c.setting.Unlock()
	if c.flow.forsaken() && (c.flow.patience > 0 || c.reads.due() > 0) {
		_ = c.TCPConn.SetReadDeadline(longPast()) // it returns nil always
	}
}

// lose is that of tcpFlow for the answer to a datagram.
func (s *udpSocket) lose(remote netip.AddrPort, to *Host) {
	if !s.remote.IsValid() || s.remote != remote {
		return
	}
	s.strayed(to)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = true
	s.interrupt()
}

// interrupt ends a Read that waits for what went astray. The caller holds s.mu.
func (s *udpSocket) interrupt() {
	if s.lost && len(s.queue) == 0 && (s.patience > 0 || !s.deadline.IsZero()) {
		_ = s.inner.SetReadDeadline(longPast()) // it returns nil always
	}
}

// giveUp moves the clock to when an application that waits in vain stops waiting;
// false if an answer may still come.
func (s *udpSocket) giveUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lost {
		return false
	}
	s.clock.advance(earlier(s.reads.due(), time.Duration(s.sendAt.Load()), s.patience))
	return true
}

// askAgain forgets that the answer to an earlier datagram went astray.
func (s *udpSocket) askAgain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost {
		s.lost = false
		_ = s.inner.SetReadDeadline(s.deadline)
	}
}

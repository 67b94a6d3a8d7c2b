package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// world is the network of one check: name servers and web servers that answer from
// memory, so that what is measured is what the perspective does with what they say.
type world struct {
	// names are name servers by address: they take a query and return the reply, nil
	// for silence.
	names map[netip.Addr]func(network string, q query) []byte
	// web and tls are what listens at ports 80 and 443, whatever the address.
	web func(request []byte) io.Reader
	tls func(conn net.Conn)

	dialled atomic.Int64
}

// DialContext implements perspectives.Network.
func (w *world) DialContext(_ context.Context, network, address string) (net.Conn, error) {
	w.dialled.Add(1)
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	serve := w.names[at.Addr()]
	switch {
	case at.Port() == 53 && serve != nil:
		return &answered{network: network, serve: serve}, nil
	case at.Port() == 80 && w.web != nil:
		return newStream(w.web), nil
	case at.Port() == 443 && w.tls != nil:
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			w.tls(server)
		}()
		return client, nil
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
}

// answered is a connection to a name server: the reply is there once the query has
// been written.
type answered struct {
	net.Conn
	network string
	serve   func(network string, q query) []byte
	out     []byte
}

func (c *answered) Write(octets []byte) (int, error) {
	raw := octets
	if c.network == "tcp" {
		raw = raw[2:]
	}
	q, err := readQuery(raw)
	if err != nil {
		return 0, err
	}
	if c.out = c.serve(c.network, q); c.out == nil {
		return len(octets), nil
	}
	if c.network == "tcp" {
		c.out = append(binary.BigEndian.AppendUint16(nil, uint16(len(c.out))), c.out...)
	}
	return len(octets), nil
}

func (c *answered) Read(b []byte) (int, error) {
	if len(c.out) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, c.out)
	c.out = c.out[n:]
	if c.network != "tcp" {
		c.out = nil
	}
	return n, nil
}

func (*answered) Close() error                { return nil }
func (*answered) SetDeadline(time.Time) error { return nil }

// stream is a connection to a web server: the response begins once a request has
// been written.
type stream struct {
	net.Conn
	serve func(request []byte) io.Reader
	asked chan io.Reader
	ended chan struct{}
	end   func()

	request bytes.Buffer
	body    io.Reader
}

func newStream(serve func([]byte) io.Reader) *stream {
	ended := make(chan struct{})
	return &stream{serve: serve, asked: make(chan io.Reader, 1), ended: ended, end: sync.OnceFunc(func() { close(ended) })}
}

func (s *stream) Write(b []byte) (int, error) {
	s.request.Write(b)
	if bytes.HasSuffix(s.request.Bytes(), []byte("\r\n\r\n")) {
		s.asked <- s.serve(s.request.Bytes())
	}
	return len(b), nil
}

func (s *stream) Read(b []byte) (int, error) {
	if s.body == nil {
		select {
		case s.body = <-s.asked:
		case <-s.ended:
			return 0, net.ErrClosed
		}
	}
	select {
	case <-s.ended:
		return 0, net.ErrClosed
	default:
	}
	return s.body.Read(b)
}

func (s *stream) Close() error { s.end(); return nil }

func (*stream) LocalAddr() net.Addr                { return &net.TCPAddr{} }
func (*stream) RemoteAddr() net.Addr               { return &net.TCPAddr{} }
func (*stream) SetDeadline(time.Time) error        { return nil }
func (*stream) SetReadDeadline(time.Time) error    { return nil }
func (*stream) SetWriteDeadline(_ time.Time) error { return nil }

// query is a question as it came.
type query struct {
	raw   []byte
	name  string // in lower case, with trailing dot
	qtype uint16
	end   int // of the question section
	do    bool
}

var errQuery = errors.New("not a query")

func readQuery(raw []byte) (query, error) {
	q := query{raw: raw}
	off := header
	var name []byte
	for off < len(raw) && raw[off] != 0 {
		n := int(raw[off])
		if off+1+n >= len(raw) {
			return q, errQuery
		}
		name = append(append(name, bytes.ToLower(raw[off+1:off+1+n])...), '.')
		off += 1 + n
	}
	if off+5 > len(raw) {
		return q, errQuery
	}
	if q.name = string(name); q.name == "" {
		q.name = "."
	}
	q.qtype = binary.BigEndian.Uint16(raw[off+1:])
	q.end = off + 5
	q.do = len(raw) > q.end+8 && raw[q.end+7]&0x80 != 0
	return q, nil
}

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/resolver"
	"mpicsim/sim/names"
	"mpicsim/topology/place"
)

// Addresses of the name servers and the web server.
const (
	rootIP   = "198.41.0.4"
	tldIP    = "192.0.2.1"
	victimIP = "192.0.2.2"
	plainIP  = "192.0.2.3"
	webIP    = "192.0.2.80"

	keyAuthorization = "token.thumbprint"
)

// day is when all checks are made; the zones' signatures hold then.
func day() time.Time { return time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC) }

func signing(change ...func(*names.SigningSpec)) *names.SigningSpec {
	s := &names.SigningSpec{Seed: "hostile", Inception: day().AddDate(0, 0, -14), Expiration: day().AddDate(0, 0, 14)}
	for _, f := range change {
		f(s)
	}
	return s
}

// records is what both zones have.
func records() string {
	return fmt.Sprintf("@ IN A %s\n@ IN CAA 0 issue \"ca.example\"\nwww IN A %s\n_acme-challenge IN TXT \"%s\"\n", webIP, webIP,
		perspectives.KeyAuthorizationHash(keyAuthorization))
}

// space is an honest name space: a signed root and top-level domain, the signed zone
// victim.example and the unsigned one plain.example. What its servers have said they
// say again from memory.
type space struct {
	hierarchy *names.Hierarchy
	servers   map[netip.Addr]netip.AddrPort
	close     []func()

	mu   sync.Mutex
	tape map[string][]byte
}

// newSpace builds and serves a name space. change changes how victim.example is
// signed, more adds records to it.
func newSpace(ctx context.Context, more string, change ...func(*names.SigningSpec)) (*space, error) {
	addrs := func(text string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(text)} }
	h, err := names.HierarchySpec{
		Root: []names.NameServer{{Name: "a.root-servers.example", Addrs: addrs(rootIP)}},
		Registries: []names.ZoneSpec{{
			Origin: "example", NameServers: []names.NameServer{{Name: "a.nic.example", Addrs: addrs(tldIP)}},
			Records: "a.root-servers IN A " + rootIP,
		}},
		Sign: signing(),
		Zones: []names.ZoneSpec{
			{
				Origin: "victim.example", NameServers: []names.NameServer{{Name: "ns.victim.example", Addrs: addrs(victimIP)}},
				Records: records() + more, Sign: signing(change...),
			},
			{Origin: "plain.example", NameServers: []names.NameServer{{Name: "ns.plain.example", Addrs: addrs(plainIP)}}, Records: records()},
		},
	}.Build()
	if err != nil {
		return nil, err
	}
	s := &space{hierarchy: h, servers: map[netip.Addr]netip.AddrPort{}, tape: map[string][]byte{}}
	for _, p := range h.Placements {
		for _, a := range p.Addrs {
			if _, served := s.servers[a]; served {
				continue
			}
			server, err := names.Serve(ctx, &net.ListenConfig{}, names.Config{
				Zones: h.ZonesAt(a), Addrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
			})
			if err != nil {
				return nil, errors.Join(err, s.Close())
			}
			s.servers[a] = server.Addrs()[0]
			s.close = append(s.close, func() { _ = server.Close() })
		}
	}
	return s, nil
}

// Close stops the servers.
func (s *space) Close() error {
	for _, f := range s.close {
		f()
	}
	return nil
}

// world returns a world of the honest name servers and an honest web server.
func (s *space) world() *world {
	w := &world{names: map[netip.Addr]func(string, query) []byte{}, web: says("200 OK", keyAuthorization+"\n"), tls: serveChallenge(challengeCertificate())}
	for addr := range s.servers {
		w.names[addr] = func(network string, q query) []byte { return s.reply(network, addr, q) }
	}
	return w
}

// reply returns what a server says to q.
func (s *space) reply(network string, server netip.Addr, q query) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(network, server, q.name, q.qtype, q.do)
	wire, known := s.tape[key]
	if !known {
		wire = exchange(network, s.servers[server], q.raw)
		s.tape[key] = wire
	}
	if len(wire) < q.end {
		return nil
	}
	wire = bytes.Clone(wire)
	copy(wire, q.raw[:2])
	copy(wire[header:q.end], q.raw[header:q.end])
	return wire
}

// exchange asks a server on the loopback, nil if it is silent.
func exchange(network string, server netip.AddrPort, raw []byte) []byte {
	conn, err := net.Dial(network, server.String()) //nolint:noctx // to this process
	if err != nil {
		return nil
	}
	defer conn.Close() //nolint:errcheck // read
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if network == "tcp" {
		raw = append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
	}
	if _, err := conn.Write(raw); err != nil {
		return nil
	}
	buf := make([]byte, largest+2)
	if network != "tcp" {
		n, err := conn.Read(buf)
		if err != nil {
			return nil
		}
		return bytes.Clone(buf[:n])
	}
	if _, err := io.ReadFull(conn, buf[:2]); err != nil {
		return nil
	}
	n := int(binary.BigEndian.Uint16(buf))
	if _, err := io.ReadFull(conn, buf[:n]); err != nil {
		return nil
	}
	return bytes.Clone(buf[:n])
}

// perspective returns a perspective in w, as production configures it but for
// timeouts, which are short.
func (s *space) perspective(w *world) (*local.Local, error) {
	var roots []resolver.Root
	for _, ns := range s.hierarchy.RootHints {
		r := resolver.Root{Name: ns.Name}
		for _, a := range ns.Addrs {
			r.Addrs = append(r.Addrs, netip.AddrPortFrom(a, 53))
		}
		roots = append(roots, r)
	}
	return local.New(local.Config{
		Perspective: perspectives.Perspective{Name: "hostile", RIR: place.RIPE},
		Network:     w, Clock: day, Roots: roots, TrustAnchors: s.hierarchy.TrustAnchor.DS,
		Limits: resolver.Limits{Timeout: 200 * time.Millisecond}, Timeout: 500 * time.Millisecond,
	})
}

// says is a web server that answers with status and body.
func says(status, body string) func([]byte) io.Reader {
	return func([]byte) io.Reader {
		return strings.NewReader(fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body))
	}
}

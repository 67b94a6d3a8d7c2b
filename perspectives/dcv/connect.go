package dcv

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
)

// peer is a server to connect to.
type peer struct {
	kind  string // of evidence: "http" or "tls"
	query string // of evidence
	host  string // a name, or an IP address without brackets
	port  uint16 // that is really connected to
}

// connect resolves the host and connects to the first address that accepts. The
// outcome is set if there is no connection.
func (v *validation) connect(ctx context.Context, p peer) (net.Conn, netip.AddrPort, *perspectives.Outcome) {
	addrs, end := v.addresses(ctx, p.host)
	if end != nil {
		return nil, netip.AddrPort{}, end
	}
	var server netip.AddrPort
	var err error
	for _, addr := range addrs {
		server = netip.AddrPortFrom(addr, p.port)
		var conn net.Conn
		if conn, err = v.dial(ctx, p, server); err == nil {
			v.targets = append(v.targets, server.String())
			return conn, server, nil
		}
	}
	return nil, server, new(v.unreachable(err, "connecting to %s for %s: %s", server, p.query, cause(err)))
}

// dial opens a connection; a failure is recorded as evidence.
func (v *validation) dial(ctx context.Context, p peer, server netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, v.o.Timeout)
	defer cancel()
	started := v.o.Clock()
	conn, err := v.o.Network.DialContext(ctx, "tcp", server.String())
	if err != nil {
		v.keep(perspectives.Evidence{
			Kind: p.kind, Query: p.query, Server: server.String(), Answer: []string{"connecting: " + cause(err)},
			Started: started, Took: v.o.Clock().Sub(started),
		})
		return nil, err
	}
	return conn, nil
}

// addresses looks up AAAA and A and returns the first allowed address of each:
// IPv6 first, IPv4 as the fallback. That the lookup of one of the two fails does
// not matter if the other has an address, nor that it says that the name does not
// exist: there are servers that say so of every type but A (RFC 4074 4.2).
func (v *validation) addresses(ctx context.Context, host string) ([]netip.Addr, *perspectives.Outcome) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil // judged with the target or the redirect
	}
	var addrs []netip.Addr
	var lookup, refused error
	denials := 0
	for _, qtype := range []uint16{dns.TypeAAAA, dns.TypeA} {
		a, err := v.lookup(ctx, host, qtype)
		if err != nil {
			lookup = err
			continue
		}
		if a.Rcode == dns.RcodeNameError {
			denials++
		}
		addr, err := v.firstAllowed(a.Records)
		switch {
		case err != nil:
			refused = err
		case addr.IsValid():
			addrs = append(addrs, addr)
		}
	}
	switch {
	case len(addrs) > 0:
		return addrs, nil
	case denials == 2:
		return nil, new(v.failed(ReasonNameNotFound, "%s does not exist", host))
	case lookup != nil:
		return nil, new(v.lookupFailed(lookup))
	case refused != nil:
		return nil, new(v.failed(ReasonAddressForbidden, "%s leads to %v", host, refused))
	}
	return nil, new(v.failed(ReasonNoAddress, "%s has neither AAAA nor A records", host))
}

// firstAllowed returns the first address in records that the address policy
// allows; the zero Addr if there is no address, and an error if all are refused.
func (v *validation) firstAllowed(records []dns.RR) (netip.Addr, error) {
	var refused error
	for _, rr := range records {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		addr, ok := netip.AddrFromSlice(ip)
		if !ok {
			continue
		}
		if addr = addr.Unmap(); v.o.Allowed == nil {
			return addr, nil
		}
		err := v.o.Allowed(addr)
		if err == nil {
			return addr, nil
		}
		refused = err
	}
	return netip.Addr{}, refused
}

// unreachable is the outcome if err kept an answer from coming.
func (v *validation) unreachable(err error, format string, args ...any) perspectives.Outcome {
	if isTimeout(err) {
		return v.broken(ReasonTimeout, format, args...)
	}
	return v.broken(ReasonConnectionFailed, format, args...)
}

func isTimeout(err error) bool {
	netErr, ok := errors.AsType[net.Error](err)
	return ok && netErr.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// cause returns what err says without local addresses: ephemeral ports differ
// from run to run.
func cause(err error) string {
	if isTimeout(err) {
		return "no answer in time"
	}
	if opErr, ok := errors.AsType[*net.OpError](err); ok && opErr.Err != nil {
		return opErr.Op + ": " + opErr.Err.Error()
	}
	return strings.TrimSpace(err.Error())
}

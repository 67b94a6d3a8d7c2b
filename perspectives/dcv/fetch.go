package dcv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/resolver"
)

// maxHeader is how many octets of response header are read.
const maxHeader = 16 << 10

// response is what one request brought.
type response struct {
	code     int
	proto    string // such as "HTTP/1.1"
	status   string // such as "404 Not Found"
	location string
	body     string // the first octets, empty for a redirect
	cut      bool   // there was more than body
}

// quoted returns the body for people, safe to print.
func (r *response) quoted() string {
	if r.cut {
		return strconv.QuoteToASCII(r.body) + " and more"
	}
	return strconv.QuoteToASCII(r.body)
}

// get resolves the host of at, connects and makes one request. An outcome is
// returned if there is no response to judge.
func (h *http01) get(ctx context.Context, at *url.URL) (*response, *perspectives.Outcome) {
	addrs, end := h.addresses(ctx, at.Hostname())
	if end != nil {
		return nil, end
	}
	port := h.o.HTTPPort
	if at.Port() == "443" || at.Port() == "" && at.Scheme == "https" {
		port = h.o.HTTPSPort
	}
	var conn net.Conn
	var server netip.AddrPort
	var err error
	for _, addr := range addrs {
		server = netip.AddrPortFrom(addr, port)
		if conn, err = h.dial(ctx, at, server); err == nil {
			break
		}
	}
	if err != nil {
		return nil, unreachable(err, "connecting to %s for %s: %s", server, at, cause(err))
	}
	h.targets = append(h.targets, server.String())
	resp, err := h.exchange(ctx, at, server, conn)
	if err != nil {
		return nil, unreachable(err, "fetching %s from %s: %s", at, server, cause(err))
	}
	return resp, nil
}

// addresses looks up AAAA and A and returns the first allowed address of each:
// IPv6 first, IPv4 as the fallback. That the lookup of one of the two fails does
// not matter if the other has an address.
func (h *http01) addresses(ctx context.Context, host string) ([]netip.Addr, *perspectives.Outcome) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil // judged with the redirect
	}
	var addrs []netip.Addr
	var lookup, refused error
	exists := true
	for _, qtype := range []uint16{dns.TypeAAAA, dns.TypeA} {
		a, err := h.resolver.Lookup(ctx, host, qtype)
		if err != nil {
			h.evidence = append(h.evidence, resolver.TraceOf(err)...)
			lookup = err
			continue
		}
		h.evidence = append(h.evidence, a.Trace...)
		if a.Rcode == dns.RcodeNameError {
			exists = false
			break
		}
		addr, err := h.firstAllowed(a.Records)
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
	case !exists:
		return nil, new(failed(ReasonNameNotFound, "%s does not exist", host))
	case lookup != nil:
		return nil, &perspectives.Outcome{
			Verdict: perspectives.Error, Reason: ReasonLookupFailed, Clause: clauseHTTP01, Detail: lookup.Error(),
		}
	case refused != nil:
		return nil, new(failed(ReasonAddressForbidden, "%s leads to %v", host, refused))
	}
	return nil, new(failed(ReasonNoAddress, "%s has neither AAAA nor A records", host))
}

// firstAllowed returns the first address in records that the address policy
// allows; the zero Addr if there is no address, and an error if all are refused.
func (h *http01) firstAllowed(records []dns.RR) (netip.Addr, error) {
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
		if addr = addr.Unmap(); h.o.Allowed == nil {
			return addr, nil
		}
		err := h.o.Allowed(addr)
		if err == nil {
			return addr, nil
		}
		refused = err
	}
	return netip.Addr{}, refused
}

// dial opens a connection; a failure is recorded as evidence.
func (h *http01) dial(ctx context.Context, at *url.URL, server netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, h.o.Timeout)
	defer cancel()
	started := h.o.Clock()
	conn, err := h.o.Network.DialContext(ctx, "tcp", server.String())
	if err != nil {
		h.evidence = append(h.evidence, perspectives.Evidence{
			Kind: "http", Query: at.String(), Server: server.String(), Answer: []string{"connecting: " + cause(err)},
			Started: started, Took: h.o.Clock().Sub(started),
		})
		return nil, err
	}
	return conn, nil
}

// exchange makes one request over conn, which it closes, and records it as
// evidence. The time to connect is not counted, a TLS handshake is.
func (h *http01) exchange(ctx context.Context, at *url.URL, server netip.AddrPort, conn net.Conn) (*response, error) {
	ev := perspectives.Evidence{Kind: "http", Query: at.String(), Server: server.String(), Started: h.o.Clock()}
	resp, err := h.request(ctx, at, conn)
	ev.Took = h.o.Clock().Sub(ev.Started)
	switch {
	case err != nil:
		ev.Answer = []string{cause(err)}
	default:
		ev.Status = strconv.Itoa(resp.code)
		ev.Answer = []string{resp.proto + " " + resp.status}
		if resp.location != "" {
			ev.Answer = append(ev.Answer, "Location: "+strconv.QuoteToASCII(resp.location))
		}
		if !resp.isRedirect() {
			ev.Answer = append(ev.Answer, resp.quoted())
		}
	}
	h.evidence = append(h.evidence, ev)
	return resp, err
}

func (h *http01) request(ctx context.Context, at *url.URL, conn net.Conn) (*response, error) {
	defer conn.Close() //nolint:errcheck // the response is complete or given up
	ctx, cancel := context.WithTimeout(ctx, h.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", h.o.UserAgent)
	req.Header.Set("Accept", "*/*")

	transport := overConn(conn)
	defer transport.CloseIdleConnections()
	// RoundTrip rather than a Client: it follows no redirects and knows no
	// cookies.
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // as above
	out := &response{
		code: resp.StatusCode, proto: resp.Proto, status: resp.Status, location: resp.Header.Get("Location"),
	}
	if out.isRedirect() {
		return out, nil
	}
	limit := len(h.check.KeyAuthorization) + slack
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if len(body) > limit {
		out.cut, body = true, body[:limit]
	}
	out.body = string(body)
	return out, nil
}

// overConn returns a transport that makes one request over conn, whatever host
// the request names: which address is contacted has been decided before.
//
// Certificates are not verified: the applicant may be here to get the first one,
// and the proof is the key authorization, not the channel. TLS must be 1.2 or
// newer all the same.
func overConn(conn net.Conn) *http.Transport {
	only := make(chan net.Conn, 1)
	only <- conn
	return &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			select {
			case c := <-only:
				return c, nil
			default:
				return nil, errors.New("the connection was used up")
			}
		},
		TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true, //nolint:gosec // see above
			MinVersion:         tls.VersionTLS12,
		},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// unreachable is the outcome if err kept a response from coming.
func unreachable(err error, format string, args ...any) *perspectives.Outcome {
	reason := ReasonConnectionFailed
	if isTimeout(err) {
		reason = ReasonTimeout
	}
	return &perspectives.Outcome{
		Verdict: perspectives.Error, Reason: reason, Clause: clauseHTTP01, Detail: fmt.Sprintf(format, args...),
	}
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

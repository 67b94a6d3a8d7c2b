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
	"slices"
	"strconv"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
)

const (
	// maxHeader is how many octets of response header are read, those of interim
	// responses among them. RFC 9110 5.4 sets no bound. Servers with many cookies and
	// policies send some 20 KiB, and browsers take 256 KiB; a header of empty fields
	// costs 28 times its size in memory, so that this much is 3.5 MiB.
	maxHeader = 128 << 10
	// maxPage is how many octets of a body are kept with an outcome, and
	// maxQuoted how many as evidence.
	maxPage   = 4 << 10
	maxQuoted = 512
)

// fetch is what the methods that look at a page want of it.
type fetch struct {
	// limit is how many octets of the body are read.
	limit int
	// enough says that the body so far will do, nil if it is wanted up to limit
	// or its end. It is called with more each time, of which it has seen the first
	// octets before: a body that comes octet by octet must not be searched from its
	// beginning for each.
	enough func(body []byte, seen int) bool
	// refuse returns why a redirect must not be followed to the URL, although the
	// rules for redirects allow it.
	refuse func(target *url.URL) error
	// headers are the caller's, and replace others. They are for the first
	// request: what answers after a redirect, even at the same name, was chosen by
	// whoever redirected, and found by another lookup.
	headers map[string]string
}

// response is what one request brought.
type response struct {
	code     int
	proto    string // such as "HTTP/1.1"
	status   string // such as "404 Not Found"
	location string
	// locations is how many Location fields there are that differ.
	locations int
	// coding is a content coding that was not undone, "" if there is none.
	coding string
	body   string // the first octets, empty for a redirect
	cut    bool   // there was more than body
	// part is the range of the file that body is, if it is not all of it.
	part string
}

// quoted returns the beginning of the body for people, safe to print.
func (r *response) quoted() string {
	said := ""
	if r.coding != "" {
		said = fmt.Sprintf(" (with the content coding %q)", r.coding)
	}
	if len(r.body) > maxQuoted {
		return strconv.QuoteToASCII(r.body[:maxQuoted]) + " and more" + said
	}
	if r.cut {
		return strconv.QuoteToASCII(r.body) + " and more" + said
	}
	return strconv.QuoteToASCII(r.body) + said
}

// follow fetches at and goes on where redirects lead, as far as they are
// allowed. It returns the first response that is no redirect, with its URL; or
// an outcome if there is none to judge.
func (v *validation) follow(ctx context.Context, at *url.URL, f fetch) (*response, *url.URL, *perspectives.Outcome) {
	web := &perspectives.SeenWeb{Page: []byte{}}
	visited := []string{at.String()}
	f.headers = v.check.DCV.HTTPHeaders
	for {
		resp, end := v.get(ctx, at, f)
		if end != nil {
			return nil, nil, end
		}
		web.URL, web.Status, web.Address = at.String(), resp.code, v.targets[len(v.targets)-1]
		v.seen = &perspectives.Seen{Web: web}
		if !resp.isRedirect() {
			web.Page = append(web.Page, resp.body[:min(len(resp.body), maxPage)]...)
			return resp, at, nil
		}
		web.Hops = append(web.Hops, perspectives.Hop{URL: at.String(), Status: resp.code, Location: resp.location})
		next, end := v.next(at, resp, f, visited)
		if end != nil {
			return nil, nil, end
		}
		visited = append(visited, next.String())
		at, f.headers = next, nil
	}
}

// next returns where to go after resp, or the outcome if the way ends there.
// Nothing about the target has been looked up or contacted then.
func (v *validation) next(at *url.URL, resp *response, f fetch, visited []string) (*url.URL, *perspectives.Outcome) {
	target, err := v.judgeRedirect(at, resp)
	switch {
	case err != nil:
		return nil, new(v.failed(ReasonRedirectForbidden, "%s redirects with %s: %v", at, resp.status, err))
	case slices.Contains(visited, target.String()):
		return nil, new(v.failed(ReasonRedirectLoop, "%s redirects back to %s", at, target))
	case len(visited) > v.o.MaxRedirects:
		return nil, new(v.failed(ReasonTooManyRedirects, "more than %d redirects, the last one to %s", v.o.MaxRedirects, target))
	}
	if f.refuse != nil {
		if err := f.refuse(target); err != nil {
			return nil, new(v.failed(ReasonValueInRequest, "%s redirects to %s: %v", at, target, err))
		}
	}
	return target, nil
}

// judgeStatus returns the outcome if the status of the last response is not one
// that the BR accept: any 2xx (3.2.2.4.18, 3.2.2.4.19), but not a part of a file, which
// nobody asked for.
func (v *validation) judgeStatus(at *url.URL, resp *response) *perspectives.Outcome {
	if v.o.Only200 && resp.code != http.StatusOK {
		return new(v.failed(ReasonStatus, "%s answered %s, expected 200", at, resp.status))
	}
	if resp.part != "" {
		return new(v.failed(ReasonStatus, "%s answered %s with a part of the file, %q", at, resp.status, resp.part))
	}
	if resp.code < 200 || resp.code > 299 {
		return new(v.failed(ReasonStatus, "%s answered %s, expected 2xx", at, resp.status))
	}
	return nil
}

// get resolves the host of at, connects and makes one request. An outcome is
// returned if there is no response to judge.
func (v *validation) get(ctx context.Context, at *url.URL, f fetch) (*response, *perspectives.Outcome) {
	port := v.o.HTTPPort
	if at.Port() == "443" || at.Port() == "" && at.Scheme == "https" {
		port = v.o.HTTPSPort
	}
	conn, server, end := v.connect(ctx, peer{kind: "http", query: at.String(), host: at.Hostname(), port: port})
	if end != nil {
		return nil, end
	}
	resp, err := v.exchange(ctx, at, server, conn, f)
	if err != nil {
		return nil, new(v.unreachable(err, "fetching %s from %s: %s", at, server, cause(err)))
	}
	return resp, nil
}

// exchange makes one request over conn, which it closes, and records it as
// evidence. The time to connect is not counted, a TLS handshake is.
func (v *validation) exchange(ctx context.Context, at *url.URL, server netip.AddrPort, conn net.Conn, f fetch) (*response, error) {
	ev := perspectives.Evidence{Kind: "http", Query: at.String(), Server: server.String(), Started: v.o.Clock()}
	resp, err := v.request(ctx, at, conn, f)
	ev.Took = v.o.Clock().Sub(ev.Started)
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
	v.keep(ev)
	return resp, err
}

func (v *validation) request(ctx context.Context, at *url.URL, conn net.Conn, f fetch) (*response, error) {
	defer conn.Close() //nolint:errcheck // the response is complete or given up
	ctx, cancel := context.WithTimeout(ctx, v.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", v.o.UserAgent)
	req.Header.Set("Accept", "*/*")
	// Without the field any coding would be acceptable (RFC 9110 12.5.3).
	req.Header.Set("Accept-Encoding", "identity")
	for name, value := range f.headers {
		req.Header.Set(name, value)
	}

	transport := overConn(conn)
	defer transport.CloseIdleConnections()
	// RoundTrip rather than a Client: it follows no redirects and knows no
	// cookies.
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // as above
	if err := v.budget.Spend(budget.Work, fieldWork*fields(resp.Header)); err != nil {
		return nil, err
	}
	out := &response{
		code: resp.StatusCode, proto: resp.Proto, status: resp.Status, location: resp.Header.Get("Location"),
		locations: distinct(resp.Header.Values("Location")),
	}
	if out.isRedirect() {
		return out, nil
	}
	out.part = partial(resp)
	text, coding, err := decoded(resp.Header, resp.Body, f.limit)
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	body, cut, err := readBody(text, f)
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	out.body, out.cut, out.coding = string(body), cut, coding
	return out, nil
}

// fieldWork is what reading one field of a header costs besides its octets: fields
// that are empty take thirty times their size in memory.
const fieldWork = 60

func fields(h http.Header) (n int) {
	for _, values := range h {
		n += len(values)
	}
	return n
}

// partial returns the range that the body of a response with status 206 is of the whole
// file (RFC 9110 14.4, 15.3.7.2), "" if it is all of it or if there is none given.
func partial(resp *http.Response) string {
	if resp.StatusCode != http.StatusPartialContent {
		return ""
	}
	kind := resp.Header.Get("Content-Type")
	if strings.HasPrefix(strings.ToLower(kind), "multipart/byteranges") {
		return kind
	}
	ranges := resp.Header.Values("Content-Range")
	if len(ranges) == 0 {
		return ""
	}
	var last, size int64
	if n, err := fmt.Sscanf(ranges[0], "bytes 0-%d/%d", &last, &size); n == 2 && err == nil && len(ranges) == 1 && last+1 == size {
		return ""
	}
	return strings.Join(ranges, ", ")
}

func distinct(values []string) int {
	return len(slices.Compact(slices.Sorted(slices.Values(values))))
}

// readBody reads until there is enough, the limit is passed or the body ends,
// however it is split into packets. cut says that there is or may be more.
func readBody(r io.Reader, f fetch) (body []byte, cut bool, err error) {
	body = make([]byte, 0, min(f.limit+1, maxPage))
	for {
		if len(body) == cap(body) {
			body = slices.Grow(body, len(body))
		}
		seen := len(body)
		n, err := r.Read(body[seen:min(cap(body), f.limit+1)])
		body = body[:seen+n]
		switch {
		case len(body) > f.limit:
			return body[:f.limit], true, nil
		case n > 0 && f.enough != nil && f.enough(body, seen):
			return body, true, nil
		case errors.Is(err, io.EOF):
			return body, false, nil
		case err != nil:
			return nil, false, err
		}
	}
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

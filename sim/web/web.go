// Package web is the emulated web: HTTP and HTTPS servers, the victim's and the
// attacker's. Both are the same [Server] with another [Site]: whose page a
// request gets is decided by where its packets go. A page names its owner in the
// Server header, so that whatever fetched it can show who answered.
//
// An attacker who asks for the certificate knows the token and the key
// authorization of the challenge (RFC 8555 8.1), because the CA told him. His
// site serves the challenge like the victim's own would.
//
// Modelled: HTTP/1.1 pages, redirects and http-01 challenges (RFC 8555 8.3) by
// path, host and scheme; TLS with a self-signed certificate, which no step of
// http-01 verifies; tls-alpn-01 challenges (RFC 8737), by a [Responder]. Not
// modelled: HTTP/2 and 3, bodies that change between requests, caches.
//
// Replies are the same bytes for the same request: there is no Date header
// unless a clock is injected. Timeouts run on the operating system's clock.
package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ChallengePrefix is the path that http-01 tokens stand under (RFC 8555 8.3).
const ChallengePrefix = "/.well-known/acme-challenge/"

// Host is the machine that a server runs on: an emulated host or the operating
// system. Address is a numeric IP address and port.
type Host interface {
	Listen(ctx context.Context, network, address string) (net.Listener, error)
}

// Page is one response. The zero value is an empty page with status 200.
type Page struct {
	// Status is the HTTP status; 0 means 200, or 302 if Redirect is set.
	Status int
	// Header is added to the response. Server and Date are not for it to set.
	Header http.Header
	// Body is sent as it is, as text/plain unless Header says otherwise.
	Body string
	// Redirect, if set, is the Location header: an absolute or relative URL.
	Redirect string
}

// Site is what a server serves. It must not be changed while a server uses it.
type Site struct {
	// Owner is sent in the Server header, such as "victim".
	Owner string
	// Pages holds the responses. A key is a path ("/a"), a path on one host
	// ("www.victim.example/a") or a URL ("https://www.victim.example/a"); the
	// more specific one wins. Hosts are in lower case without port. The query of
	// a request does not matter.
	Pages map[string]Page
	// Challenges are key authorizations by token; each is served under
	// ChallengePrefix on every host. A page with the same path wins.
	Challenges map[string]string
}

// Validate returns an error that names what cannot be served, the first in the
// order of keys.
func (s Site) Validate() error {
	if s.Owner == "" || !validValue(s.Owner) {
		return fmt.Errorf("owner %q: want a name that fits into a Server header", s.Owner)
	}
	for _, k := range slices.Sorted(maps.Keys(s.Pages)) {
		if err := validateKey(k); err != nil {
			return fmt.Errorf("page %q: %w", k, err)
		}
		if err := s.Pages[k].validate(); err != nil {
			return fmt.Errorf("page %q: %w", k, err)
		}
	}
	for _, token := range slices.Sorted(maps.Keys(s.Challenges)) {
		if !isBase64URL(token) {
			return fmt.Errorf("token %q: want base64url characters (RFC 8555 8.1)", token)
		}
		if s.Challenges[token] == "" {
			return fmt.Errorf("token %q: the key authorization is empty", token)
		}
	}
	return nil
}

// validateKey refuses keys that no request can ever match.
func validateKey(k string) error {
	rest := k
	if scheme, after, ok := strings.Cut(k, "://"); ok {
		if scheme != "http" && scheme != "https" {
			return fmt.Errorf("scheme %q, want http or https", scheme)
		}
		rest = after
	}
	host, path, ok := strings.Cut(rest, "/")
	switch {
	case !ok:
		return errors.New("no path, want one that begins with a slash")
	case rest != k && host == "":
		return errors.New("no host behind the scheme")
	case host != strings.ToLower(host):
		return fmt.Errorf("host %q, want lower case", host)
	case host != hostOf(host):
		return fmt.Errorf("host %q, want no port and no trailing dot", host)
	case strings.ContainsAny(path, "?#"):
		return errors.New("want a path without query and fragment")
	}
	return nil
}

func (p Page) validate() error {
	if p.Status != 0 && (p.Status < 200 || p.Status > 599) {
		return fmt.Errorf("status %d, want 200 to 599", p.Status)
	}
	if p.Redirect != "" && p.status()/100 != 3 {
		return fmt.Errorf("status %d with a redirect, want 300 to 399", p.Status)
	}
	if _, err := url.Parse(p.Redirect); err != nil || !validValue(p.Redirect) {
		return fmt.Errorf("redirect %q: want a URL", p.Redirect)
	}
	if p.Body != "" && (p.Status == http.StatusNoContent || p.Status == http.StatusNotModified) {
		return fmt.Errorf("status %d with a body; HTTP allows none (RFC 9110 6.4.1)", p.Status)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Header)) {
		switch canonical := http.CanonicalHeaderKey(name); {
		case canonical == "Server" || canonical == "Date" || canonical == "Location":
			return fmt.Errorf("header %s is not for a page to set", canonical)
		case canonical == "Content-Length" || canonical == "Transfer-Encoding":
			return fmt.Errorf("header %s follows from the body", canonical)
		case !validName(name):
			return fmt.Errorf("header name %q is not valid", name)
		}
		for _, value := range p.Header[name] {
			if !validValue(value) {
				return fmt.Errorf("header %s: value %q is not valid", name, value)
			}
		}
	}
	return nil
}

func (p Page) status() int {
	switch {
	case p.Status != 0:
		return p.Status
	case p.Redirect != "":
		return http.StatusFound
	default:
		return http.StatusOK
	}
}

// find returns the page for a request, and whether there is one.
func (s Site) find(scheme, host, path string) (Page, bool) {
	host = hostOf(host)
	for _, k := range []string{scheme + "://" + host + path, host + path, path} {
		if p, ok := s.Pages[k]; ok {
			return p, true
		}
	}
	token, ok := strings.CutPrefix(path, ChallengePrefix)
	if !ok {
		return Page{}, false
	}
	authorization, ok := s.Challenges[token]
	return Page{
		Header: http.Header{"Content-Type": {"application/octet-stream"}}, // RFC 8555 8.3
		Body:   authorization,
	}, ok
}

// hostOf returns the host of a Host header in lower case, without port and
// trailing dot. An IPv6 address keeps its brackets.
func hostOf(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// validName says whether s is a header name (RFC 9110 5.6.2).
func validName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", c)
	})
}

// validValue says whether s can be a header's value (RFC 9110 5.5).
func validValue(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

func isBase64URL(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}

package access

import (
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Browser refuses requests that a web page may have had somebody's browser send to a
// service which that browser can reach: by a name of its own that leads to the
// service's address (DNS rebinding), or across origins.
type Browser struct {
	// Hosts are the names, in lower case, under which the service may be asked
	// besides IP addresses and localhost.
	Hosts []string
}

// Status is a response that is not 200.
type Status struct {
	// Code is the HTTP status, Detail a sentence for people.
	Code   int
	Detail string
}

// Judge returns why a request is refused, nil if it is not.
//
// No page can make a browser send a Host that is an IP address other than the one it
// connects to. It can have one send a POST elsewhere with the media types of forms,
// but none of application/json without the service's consent (CORS), which is never
// given; current browsers say besides where a request comes from.
func (b Browser) Judge(r *http.Request) *Status {
	if !b.named(r.Host) {
		return &Status{http.StatusMisdirectedRequest, fmt.Sprintf(
			"Host: found %.100q, expected an IP address, localhost or a name that is configured", r.Host)}
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return &Status{http.StatusForbidden, fmt.Sprintf("Sec-Fetch-Site: found %.100q: pages of others may not ask", site)}
		}
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return &Status{http.StatusForbidden, fmt.Sprintf("Origin: found %.100q: pages of others may not ask", origin)}
		}
	}
	if r.Method != http.MethodPost {
		return nil
	}
	types := r.Header.Values("Content-Type")
	kind := ""
	if len(types) == 1 {
		kind, _, _ = mime.ParseMediaType(types[0])
	}
	if kind != "application/json" {
		return &Status{http.StatusUnsupportedMediaType, fmt.Sprintf(
			"Content-Type: found %.100q, expected application/json", strings.Join(types, ", "))}
	}
	return nil
}

// named reports whether a Host is one of the service's.
func (b Browser) named(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"), "."))
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || slices.Contains(b.Hosts, name)
}

package dcv

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"mpicsim/perspectives"
)

// isRedirect says whether the response asks to go elsewhere: a 3xx status with
// a Location. Whether it may be followed is for judgeRedirect.
func (r *response) isRedirect() bool {
	return r.code >= 300 && r.code <= 399 && (r.location != "" || followable(r.code))
}

// followable says whether a redirect with this status may be followed
// (BR 3.2.2.4.18, 3.2.2.4.19).
func followable(code int) bool {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// maxLocation is how long the target of a redirect may be: RFC 9110 4.1 asks that
// URLs of 8,000 octets be supported. The BR set no limit.
const maxLocation = 8000

// judgeRedirect returns where resp, fetched from at, leads, or an error if that
// may not be followed: BR 3.2.2.4.19 allows the schemes http and https and the
// Authorized Ports, of which 80 and 443 are those of the web. It is called
// before anything about the target is looked up or contacted.
func (v *validation) judgeRedirect(at *url.URL, resp *response) (*url.URL, error) {
	if !followable(resp.code) {
		return nil, errors.New("expected status 301, 302, 307 or 308")
	}
	if resp.location == "" {
		return nil, errors.New("no Location")
	}
	if resp.locations > 1 { // which one is meant is anybody's guess (RFC 9110 5.3, 10.2.2)
		return nil, fmt.Errorf("with %d different Location fields", resp.locations)
	}
	if len(resp.location) > maxLocation {
		return nil, fmt.Errorf("to a URL of %d octets, expected at most %d", len(resp.location), maxLocation)
	}
	target, err := at.Parse(resp.location)
	if err != nil {
		return nil, fmt.Errorf("to %q, which is not a URL", resp.location)
	}
	if target.Scheme != "http" && target.Scheme != "https" {
		return nil, fmt.Errorf("to scheme %q, expected http or https", target.Scheme)
	}
	if port := target.Port(); port != "" && port != "80" && port != "443" {
		return nil, fmt.Errorf("to port %s, expected 80 or 443", port)
	}
	host, err := v.judgeHost(target.Hostname())
	if err != nil {
		return nil, fmt.Errorf("to host %q: %w", target.Hostname(), err)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := target.Port(); port != "" {
		host += ":" + port
	}
	target.Host = host
	// A fragment is never sent, and credentials must not be.
	target.User, target.Fragment, target.RawFragment = nil, "", ""
	return target, nil
}

// judgeHost returns the host of a redirect's target in lower case without
// trailing dot. An IP address is judged by the address policy here; those that a
// name leads to are judged after the lookup.
func (v *validation) judgeHost(host string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return "", errors.New("an address with a zone")
		}
		if v.o.Allowed != nil {
			if err := v.o.Allowed(addr); err != nil {
				return "", err
			}
		}
		return addr.String(), nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if err := perspectives.CheckHost(host); err != nil {
		return "", err
	}
	return host, nil
}

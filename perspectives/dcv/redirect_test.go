package dcv

import (
	"errors"
	"net/netip"
	"net/url"
	"testing"

	"mpicsim/perspectives"
	"mpicsim/perspectives/costtest"
)

// FuzzRedirect checks that whatever a Location says, a target that may be
// followed has a scheme, port and host that the rules allow.
func FuzzRedirect(f *testing.F) {
	for _, s := range []string{
		"", "/x", "//a.test/x", "?q", "#f", "http://a.test", "https://a.test:443/", "http://a.test:80", "http://a.test:8080",
		"ftp://a.test", "http://u:p@a.test./#f", "http://192.0.2.1/", "http://[2001:db8::1]:80/", "http://[fe80::1%25e]/",
		"http://[::ffff:192.0.2.1]/", "http://a..test", "http:x", "http:///", "http://%zz", "http://a.test:", "http://A.TEST:080/",
		"http://10.0.0.1/", "http://0x7f.1/", "http://ä.test/", "\x00", "http://a_b.test/", "http://-a.test/",
	} {
		f.Add(s)
	}
	reserved := netip.MustParsePrefix("10.0.0.0/8")
	v := &validation{Validator: &Validator{Options{Allowed: func(a netip.Addr) error {
		if reserved.Contains(a.Unmap()) {
			return errors.New("reserved")
		}
		return nil
	}}}}
	at := &url.URL{Scheme: "http", Host: "www.example.test", Path: "/.well-known/acme-challenge/token"}
	f.Fuzz(func(t *testing.T, location string) {
		var target *url.URL
		var err error
		costtest.AtMost(t, costFor(len(location)), func() { target, err = v.judgeRedirect(at, &response{code: 302, location: location}) })
		if err != nil {
			return
		}
		again, err := url.Parse(target.String())
		if err != nil || again.Host != target.Host || again.Scheme != target.Scheme {
			t.Fatalf("%q: %s reads back as %v, %v", location, target, again, err)
		}
		if target.Scheme != "http" && target.Scheme != "https" {
			t.Fatalf("%q: scheme %q", location, target.Scheme)
		}
		if p := target.Port(); p != "" && p != "80" && p != "443" {
			t.Fatalf("%q: port %q", location, p)
		}
		if target.User != nil || target.Fragment != "" {
			t.Fatalf("%q: %s has credentials or a fragment", location, target)
		}
		addr, err := netip.ParseAddr(target.Hostname())
		switch {
		case err == nil && (reserved.Contains(addr.Unmap()) || addr.Zone() != ""):
			t.Fatalf("%q: address %v is refused", location, addr)
		case err != nil && perspectives.CheckHost(target.Hostname()) != nil:
			t.Fatalf("%q: host %q", location, target.Hostname())
		}
	})
}

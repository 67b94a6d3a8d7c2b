package access_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/access"
)

// TestBrowser: a page cannot ask through somebody's browser, programs can.
func TestBrowser(t *testing.T) {
	b := access.Browser{Hosts: []string{"mpic.example"}}
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	json := []string{"Content-Type", "application/json"}
	with := func(pairs ...string) http.Header { return header(append(json, pairs...)...) }
	for name, tc := range map[string]struct {
		method, host string
		header       http.Header
		want         int
	}{
		"a program":                    {"POST", "127.0.0.1:8000", with(), 0},
		"a program with a charset":     {"POST", "127.0.0.1:8000", header("Content-Type", "application/json; charset=utf-8"), 0},
		"localhost":                    {"POST", "localhost:8000", with(), 0},
		"localhost in capitals":        {"POST", "LocalHost.:8000", with(), 0},
		"an IPv6 address":              {"POST", "[::1]:8000", with(), 0},
		"an address without port":      {"POST", "[::1]", with(), 0},
		"a configured name":            {"POST", "mpic.example", with(), 0},
		"a configured name with port":  {"POST", "MPIC.example:443", with(), 0},
		"its own page":                 {"POST", "127.0.0.1:8000", with("Origin", "http://127.0.0.1:8000", "Sec-Fetch-Site", "same-origin"), 0},
		"a reader":                     {"GET", "127.0.0.1:8000", header(), 0},
		"a user who typed the address": {"GET", "127.0.0.1:8000", header("Sec-Fetch-Site", "none"), 0},

		"a name that was bound anew":        {"POST", "evil.example:8000", with(), 421},
		"a name that begins like localhost": {"POST", "localhost.evil.example:8000", with(), 421},
		"a name below a configured one":     {"POST", "x.mpic.example", with(), 421},
		"an address as a name":              {"POST", "127.0.0.1.evil.example", with(), 421},
		"a reader by a name of others":      {"GET", "evil.example:8000", header(), 421},
		"no host":                           {"POST", "", with(), 421},
		"a page of others":                  {"POST", "127.0.0.1:8000", with("Origin", "https://evil.example"), 403},
		"a page of another port":            {"POST", "127.0.0.1:8000", with("Origin", "http://127.0.0.1:3000"), 403},
		"a page without origin":             {"POST", "127.0.0.1:8000", with("Origin", "null"), 403},
		"two origins":                       {"POST", "127.0.0.1:8000", with("Origin", "http://127.0.0.1:8000", "Origin", "https://evil.example"), 403},
		"across sites":                      {"POST", "127.0.0.1:8000", with("Sec-Fetch-Site", "cross-site"), 403},
		"within a site":                     {"POST", "127.0.0.1:8000", with("Sec-Fetch-Site", "same-site"), 403},
		"a reader across sites":             {"GET", "127.0.0.1:8000", header("Sec-Fetch-Site", "cross-site"), 403},
		"a form":                            {"POST", "127.0.0.1:8000", header("Content-Type", "text/plain"), 415},
		"a form that looks like JSON":       {"POST", "127.0.0.1:8000", header("Content-Type", "text/plain; application/json"), 415},
		"no type":                           {"POST", "127.0.0.1:8000", header(), 415},
		"two types":                         {"POST", "127.0.0.1:8000", with("Content-Type", "text/plain"), 415},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := httptest.NewRequest(tc.method, "http://127.0.0.1/mpic", nil)
			r.Host, r.Header = tc.host, tc.header
			got := b.Judge(r)
			if tc.want == 0 {
				g.Expect(got).To(BeNil())
				return
			}
			g.Expect(got).NotTo(BeNil())
			g.Expect(got.Code).To(Equal(tc.want))
		})
	}
}

// TestSecrets: every mode with which others can use a file is refused.
func TestSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	g := NewWithT(t)
	g.Expect(os.WriteFile(path, []byte("secret"), 0o600)).To(Succeed())
	for mode := range os.FileMode(0o1000) {
		g.Expect(os.Chmod(path, mode|0o400)).To(Succeed())
		mode |= 0o400
		for group, forbidden := range map[bool]os.FileMode{false: 0o077, true: 0o027} {
			data, err := access.Secrets{GroupReadable: group}.Read(path)
			if mode&forbidden == 0 {
				g.Expect(err).NotTo(HaveOccurred(), "mode %o", mode)
				g.Expect(string(data)).To(Equal("secret"))
			} else {
				g.Expect(err).To(MatchError(ContainSubstring("key.pem: mode: found 0")), "mode %o", mode)
			}
		}
	}
	g.Expect(os.Chmod(path, 0o640)).To(Succeed())
	_, err := access.Secrets{}.Read(path)
	g.Expect(err).To(MatchError(HaveSuffix("mode: found 0640, which its group can use, expected 0600 at most, or secrets_group_readable in the configuration")))
	g.Expect(os.Chmod(path, 0o644)).To(Succeed())
	link := path + ".link"
	g.Expect(os.Symlink(path, link)).To(Succeed())
	_, err = access.Secrets{}.Read(link)
	g.Expect(err).To(MatchError(HaveSuffix("mode: found 0644, which others can use, expected 0600 at most")), "what the link leads to")
	_, err = access.Secrets{}.Read(filepath.Dir(path))
	g.Expect(err).To(MatchError(ContainSubstring("expected a regular file")))
	big := filepath.Join(t.TempDir(), "big")
	g.Expect(os.WriteFile(big, make([]byte, 1<<20+1), 0o600)).To(Succeed())
	_, err = access.Secrets{}.Read(big)
	g.Expect(err).To(MatchError(ContainSubstring("expected at most")))
}

// TestUsage: rates, quotas and checks at a time, at n-1, n and n+1.
func TestUsage(t *testing.T) {
	g := NewWithT(t)
	c := access.Client{Name: "ca", ChecksPerSecond: 2, Burst: 2, DailyQuota: 2, Concurrent: 2}
	var all access.Usages
	u, at := all.Of("ca"), now()
	g.Expect(all.Of("ca")).To(BeIdenticalTo(u))
	g.Expect(u.TakeToken(c, at)).To(BeNil())
	g.Expect(u.TakeToken(c, at)).To(BeNil())
	g.Expect(u.TakeToken(c, at)).To(And(HaveField("Cause", access.RateLimited), HaveField("RetryAfter", 500*time.Millisecond)))
	g.Expect(u.TakeToken(c, at.Add(-time.Hour))).NotTo(BeNil(), "a clock that goes back")
	g.Expect(u.TakeToken(c, at.Add(500*time.Millisecond))).To(BeNil())
	g.Expect(u.TakeQuota(c, at)).To(BeNil())
	g.Expect(u.TakeQuota(c, at)).To(BeNil())
	g.Expect(u.TakeQuota(c, at)).To(And(HaveField("Cause", access.OverQuota), HaveField("RetryAfter", 12*time.Hour)))
	g.Expect(u.UsedOn(at)).To(Equal(2))
	g.Expect(u.TakeQuota(c, at.Add(12*time.Hour))).To(BeNil())
	g.Expect(u.TakeQuota(c, at)).To(BeNil(), "a clock that goes back neither begins a day nor ends one")
	g.Expect(u.Enter(c)).To(BeNil())
	g.Expect(u.Enter(c)).To(BeNil())
	g.Expect(u.Enter(c)).To(HaveField("Cause", access.Busy))
	u.Leave()
	g.Expect(u.Enter(c)).To(BeNil())
	free := access.Client{Name: "free"}
	for range 1000 {
		g.Expect([]any{all.Of("free").TakeToken(free, at), all.Of("free").TakeQuota(free, at), all.Of("free").Enter(free)}).To(HaveEach(BeNil()))
	}
}

func TestSlots(t *testing.T) {
	g := NewWithT(t)
	var none *access.Slots
	g.Expect(none.Enter()).To(BeNil())
	none.Leave()
	s := access.NewSlots(2)
	g.Expect(s.Enter()).To(BeNil())
	g.Expect(s.Enter()).To(BeNil())
	g.Expect(s.Enter()).To(And(HaveField("Cause", access.Busy), HaveField("RetryAfter", time.Second)))
	s.Leave()
	g.Expect(s.Enter()).To(BeNil())
}

// TestBounds: what is left to default fits into the descriptors there are; what is
// asked for must.
func TestBounds(t *testing.T) {
	for _, tc := range []struct {
		asked                 access.Bounds
		descriptors, perCheck int
		want                  access.Bounds
		fault                 string
	}{
		{access.Bounds{}, 1 << 20, 4, access.Bounds{Connections: 1024, Checks: 256}, ""},
		{access.Bounds{}, 1024, 4, access.Bounds{Connections: 480, Checks: 120}, ""},
		{access.Bounds{}, 1024, 10, access.Bounds{Connections: 480, Checks: 48}, ""},
		{access.Bounds{}, 64 + 12, 4, access.Bounds{Connections: 8, Checks: 1}, ""},
		{access.Bounds{}, 64 + 11, 4, access.Bounds{}, "found a limit of 75 open files, expected 76 or more"},
		{access.Bounds{Connections: 560}, 1024, 4, access.Bounds{Connections: 560, Checks: 100}, ""},
		{access.Bounds{Checks: 100}, 1024, 4, access.Bounds{Connections: 560, Checks: 100}, ""},
		{access.Bounds{Connections: 560, Checks: 100}, 1024, 4, access.Bounds{Connections: 560, Checks: 100}, ""},
		{access.Bounds{Connections: 561, Checks: 100}, 1024, 4, access.Bounds{}, "found a limit of 1024 open files, expected 1025 or more"},
		{access.Bounds{Connections: 2000}, 1024, 4, access.Bounds{}, "max_connections 2000, max_checks 1: found a limit of 1024"},
		{access.Bounds{Checks: 1000}, 1024, 4, access.Bounds{}, "max_connections 8, max_checks 1000: found a limit of 1024"},
		{access.Bounds{Connections: 7}, 1024, 4, access.Bounds{}, "max_connections: found 7, expected 8 or more"},
		{access.Bounds{Checks: -1}, 1024, 4, access.Bounds{}, "max_checks: found -1, expected 1 or more"},
	} {
		g := NewWithT(t)
		got, err := tc.asked.Within(tc.descriptors, tc.perCheck)
		if tc.fault != "" {
			g.Expect(err).To(MatchError(ContainSubstring(tc.fault)))
			continue
		}
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(Equal(tc.want), "%+v", tc)
		g.Expect(got.Connections + got.Checks*tc.perCheck + 64).To(BeNumerically("<=", tc.descriptors))
	}
}

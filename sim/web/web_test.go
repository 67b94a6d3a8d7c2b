package web_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gleak"

	"mpicsim/sim/web"
)

// loopback is the operating system as a Host.
type loopback struct{ net.ListenConfig }

func local() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")} }

func start(config web.Config) *web.Server {
	GinkgoHelper()
	s, err := web.Serve(context.Background(), &loopback{}, config)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(s.Close()).To(Succeed()) })
	return s
}

// ask sends a request with exactly this text and returns the whole response.
func ask(at netip.AddrPort, request string) string {
	GinkgoHelper()
	conn, err := net.Dial("tcp", at.String())
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n"))
	Expect(err).NotTo(HaveOccurred())
	response, err := io.ReadAll(conn)
	Expect(err).NotTo(HaveOccurred())
	return strings.ReplaceAll(string(response), "\r\n", "\n")
}

func get(at netip.AddrPort, host, path string) string {
	GinkgoHelper()
	return ask(at, fmt.Sprintf("GET %s HTTP/1.1\nHost: %s\nUser-Agent: spec\nConnection: close\n\n", path, host))
}

var _ = Describe("A web server", func() {
	site := web.Site{
		Owner: "victim",
		Pages: map[string]web.Page{
			"/":                                {Body: "welcome"},
			"/html":                            {Header: http.Header{"Content-Type": {"text/html"}, "X-Two": {"a", "b"}}, Body: "<p>"},
			"/gone":                            {Status: 410, Body: "gone"},
			"/empty":                           {Status: 204},
			"/moved":                           {Status: 301, Redirect: "http://www.victim.example/"},
			"/found":                           {Redirect: "/"},
			"www.victim.example/":              {Body: "www"},
			"[2001:db8::1]/":                   {Body: "six"},
			"https://www.victim.example/":      {Body: "secret"},
			web.ChallengePrefix + "overridden": {Status: 301, Redirect: "https://elsewhere.example/"},
		},
		Challenges: map[string]string{"tok-EN_1": "tok-EN_1.thumb", "overridden": "overridden.thumb"},
	}

	It("says who it is, and the same bytes each time", func() {
		at := start(web.Config{HTTP: local(), Site: site}).HTTPAddrs()[0]
		for range 2 {
			Expect(get(at, "victim.example", "/")).To(Equal(
				"HTTP/1.1 200 OK\nContent-Type: text/plain; charset=utf-8\nServer: victim\nContent-Length: 7\nConnection: close\n\nwelcome"))
		}
	})

	It("sends a Date header only from the clock that it is given", func() {
		clock := func() time.Time { return time.Date(2026, 12, 15, 1, 0, 0, 0, time.FixedZone("CET", 3600)) }
		Expect(get(start(web.Config{HTTP: local(), Site: site}).HTTPAddrs()[0], "x", "/")).NotTo(ContainSubstring("Date:"))
		Expect(get(start(web.Config{HTTP: local(), Site: site, Clock: clock}).HTTPAddrs()[0], "x", "/")).To(
			ContainSubstring("\nDate: Tue, 15 Dec 2026 00:00:00 GMT\n"))
	})

	DescribeTable("answers",
		func(host, path string, want ...string) {
			at := start(web.Config{HTTP: local(), Site: site}).HTTPAddrs()[0]
			response := get(at, host, path)
			Expect(response).To(ContainSubstring("\nServer: victim\n"))
			for _, part := range want {
				Expect(response).To(ContainSubstring(part))
			}
		},
		Entry("an http-01 challenge, on any host", "any.example", "/.well-known/acme-challenge/tok-EN_1",
			"HTTP/1.1 200 OK\n", "Content-Type: application/octet-stream\n", "\n\ntok-EN_1.thumb"),
		Entry("a challenge that a page overrides", "any.example", "/.well-known/acme-challenge/overridden",
			"HTTP/1.1 301 ", "\nLocation: https://elsewhere.example/\n"),
		Entry("an unknown token with 404", "any.example", "/.well-known/acme-challenge/other", "HTTP/1.1 404 Not Found\n", "\n\nnot found\n"),
		Entry("a token in another case with 404", "any.example", "/.well-known/acme-challenge/tok-en_1", "HTTP/1.1 404 "),
		Entry("the challenge directory with 404", "any.example", "/.well-known/acme-challenge/", "HTTP/1.1 404 "),
		Entry("an unknown path with 404", "victim.example", "/nowhere", "HTTP/1.1 404 "),
		Entry("a page of its own status", "victim.example", "/gone", "HTTP/1.1 410 Gone\n", "\n\ngone"),
		Entry("a page without body", "victim.example", "/empty", "HTTP/1.1 204 No Content\n"),
		Entry("a page with headers", "victim.example", "/html", "Content-Type: text/html\n", "X-Two: a\nX-Two: b\n"),
		Entry("a redirect with its status", "victim.example", "/moved", "HTTP/1.1 301 Moved Permanently\n", "\nLocation: http://www.victim.example/\n"),
		Entry("a redirect with 302 unless told otherwise", "victim.example", "/found", "HTTP/1.1 302 Found\n", "\nLocation: /\n"),
		Entry("the host's own page before the common one", "www.victim.example", "/", "\n\nwww"),
		Entry("a host in another case, with port and dot", "WWW.Victim.example.:80", "/", "\n\nwww"),
		Entry("a host that is an address", "[2001:db8::1]:80", "/", "\n\nsix"),
		Entry("a path with a query like the path", "victim.example", "/gone?x=1", "HTTP/1.1 410 "),
	)

	It("refuses methods that change things, and answers HEAD without a body", func() {
		at := start(web.Config{HTTP: local(), Site: site}).HTTPAddrs()[0]
		Expect(ask(at, "POST / HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 0\n\n")).To(
			And(HavePrefix("HTTP/1.1 405 "), ContainSubstring("\nAllow: GET, HEAD\n")))
		Expect(ask(at, "HEAD / HTTP/1.1\nHost: x\nConnection: close\n\n")).To(
			And(HavePrefix("HTTP/1.1 200 "), ContainSubstring("Content-Length: 7\n"), HaveSuffix("\n\n")))
	})

	It("tells who asked for what, before the answer is out", func() {
		var mu sync.Mutex
		var seen []web.RequestEvent
		s := start(web.Config{HTTP: local(), Site: site, OnRequest: func(e web.RequestEvent) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, e)
		}})
		get(s.HTTPAddrs()[0], "Victim.example", "/nowhere?q=1")
		mu.Lock()
		defer mu.Unlock()
		Expect(seen).To(HaveLen(1))
		Expect(seen[0].Local.String()).To(Equal(s.HTTPAddrs()[0].String()))
		Expect(seen[0].Remote).To(HavePrefix("127.0.0.1:"))
		seen[0].Local, seen[0].Remote = nil, ""
		Expect(seen[0]).To(Equal(web.RequestEvent{
			Scheme: "http", Method: "GET", Host: "Victim.example", Path: "/nowhere", UserAgent: "spec", Status: 404,
		}))
	})

	DescribeTable("keeps a connection for the next request",
		func(disable bool, responses int) {
			at := start(web.Config{HTTP: local(), Site: site, DisableKeepAlives: disable}).HTTPAddrs()[0]
			request := "GET / HTTP/1.1\nHost: x\n\n"
			last := strings.Replace(request, "\n\n", "\nConnection: close\n\n", 1)
			Expect(strings.Count(ask(at, request+last), "HTTP/1.1 200 OK\n")).To(Equal(responses))
		},
		Entry("as HTTP/1.1 does", false, 2),
		Entry("but not if keep-alives are disabled", true, 1),
	)

	It("serves the same site over TLS, and pages for TLS alone", func() {
		certificate := selfSigned(1)
		s := start(web.Config{HTTP: local(), HTTPS: local(), Site: site, Certificate: certificate})
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a self-signed certificate is what is tested
			DisableKeepAlives: true,
		}}
		for host, want := range map[string]string{"victim.example": "welcome", "www.victim.example": "secret"} {
			request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://"+s.HTTPSAddrs()[0].String()+"/", nil)
			Expect(err).NotTo(HaveOccurred())
			request.Host = host
			response, err := client.Do(request)
			Expect(err).NotTo(HaveOccurred())
			body, err := io.ReadAll(response.Body)
			Expect(err).NotTo(HaveOccurred())
			Expect(response.Body.Close()).To(Succeed())
			Expect(string(body)).To(Equal(want))
			Expect(response.TLS.PeerCertificates[0].Raw).To(Equal(certificate.Certificate[0]))
			Expect(response.Proto).To(Equal("HTTP/1.1"))
		}
		Expect(get(s.HTTPAddrs()[0], "www.victim.example", "/")).To(HaveSuffix("\n\nwww"))
		Expect(get(s.HTTPSAddrs()[0], "x", "/")).To(ContainSubstring("HTTP request to an HTTPS server"))
	})

	DescribeTable("ends with everything it started",
		func(stop func(*web.Server, context.CancelFunc)) {
			before := gleak.Goroutines()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			s, err := web.Serve(ctx, &loopback{}, web.Config{HTTP: local(), HTTPS: local(), Site: site, Certificate: selfSigned(1)})
			Expect(err).NotTo(HaveOccurred())
			for _, at := range []netip.AddrPort{s.HTTPAddrs()[0], s.HTTPSAddrs()[0]} { // idle: must not hold it up
				idle, err := net.Dial("tcp", at.String())
				Expect(err).NotTo(HaveOccurred())
				defer func() { _ = idle.Close() }()
			}
			busy, err := net.Dial("tcp", s.HTTPAddrs()[0].String())
			Expect(err).NotTo(HaveOccurred())
			defer func() { _ = busy.Close() }()
			_, err = io.WriteString(busy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			Expect(err).NotTo(HaveOccurred())
			_, err = bufio.NewReader(busy).ReadString('\n')
			Expect(err).NotTo(HaveOccurred())
			stop(s, cancel)
			Eventually(gleak.Goroutines).ShouldNot(gleak.HaveLeaked(before))
			Expect(s.Close()).To(Succeed(), "again")
			_, err = net.Dial("tcp", s.HTTPAddrs()[0].String())
			Expect(err).To(HaveOccurred())
		},
		Entry("when it is closed", func(s *web.Server, _ context.CancelFunc) { Expect(s.Close()).To(Succeed()) }),
		Entry("when its context ends", func(_ *web.Server, cancel context.CancelFunc) { cancel() }),
	)

	DescribeTable("is refused",
		func(config web.Config, want string) {
			_, err := web.Serve(context.Background(), &loopback{}, config)
			Expect(err).To(MatchError(ContainSubstring(want)))
		},
		Entry("without an address", web.Config{Site: site}, "no address to listen at"),
		Entry("with an empty address", web.Config{HTTP: make([]netip.AddrPort, 1), Site: site}, "want an IP address and a port"),
		Entry("for HTTPS without a certificate", web.Config{HTTPS: local(), Site: site}, "HTTPS without a certificate"),
		Entry("at the address of a stranger", web.Config{HTTP: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:0")}, Site: site}, "web server at 192.0.2.1:0: listen"),
		Entry("for a site without owner", web.Config{HTTP: local()}, `owner ""`),
	)
})

var _ = Describe("A site", func() {
	page := func(key string, p web.Page) web.Site {
		return web.Site{Owner: "victim", Pages: map[string]web.Page{key: p}}
	}
	DescribeTable("is refused with",
		func(site web.Site, want string) {
			Expect(site.Validate()).To(MatchError(ContainSubstring(want)))
		},
		Entry("an owner on two lines", web.Site{Owner: "a\r\nX: y"}, "fits into a Server header"),
		Entry("a page without path", page("www.victim.example", web.Page{}), `page "www.victim.example": no path`),
		Entry("a page for another scheme", page("ftp://a/", web.Page{}), `scheme "ftp", want http or https`),
		Entry("a URL without host", page("http:///a", web.Page{}), "no host"),
		Entry("a host in upper case", page("WWW.example/", web.Page{}), "want lower case"),
		Entry("a host with a port", page("www.example:80/", web.Page{}), "want no port"),
		Entry("a host with a trailing dot", page("www.example./", web.Page{}), "no trailing dot"),
		Entry("a query in a path", page("/a?b", web.Page{}), "without query"),
		Entry("an interim status", page("/", web.Page{Status: 103}), "status 103, want 200 to 599"),
		Entry("a status beyond HTTP", page("/", web.Page{Status: 600}), "status 600"),
		Entry("a redirect with 200", page("/", web.Page{Status: 200, Redirect: "/a"}), "status 200 with a redirect"),
		Entry("a redirect to no URL", page("/", web.Page{Redirect: "http://a b/"}), "want a URL"),
		Entry("a body where HTTP has none", page("/", web.Page{Status: 204, Body: "x"}), "status 204 with a body"),
		Entry("a header that the server sets", page("/", web.Page{Header: http.Header{"server": {"x"}}}), "header Server is not for a page to set"),
		Entry("a length that may be wrong", page("/", web.Page{Header: http.Header{"Content-Length": {"1"}}}), "follows from the body"),
		Entry("a header name with a space", page("/", web.Page{Header: http.Header{"a b": {"x"}}}), `header name "a b"`),
		Entry("a header value on two lines", page("/", web.Page{Header: http.Header{"A": {"x\ny"}}}), "header A: value"),
		Entry("a token that is a path", web.Site{Owner: "a", Challenges: map[string]string{"../x": "y"}}, "want base64url characters"),
		Entry("an empty token", web.Site{Owner: "a", Challenges: map[string]string{"": "y"}}, `token ""`),
		Entry("an empty key authorization", web.Site{Owner: "a", Challenges: map[string]string{"t": ""}}, "the key authorization is empty"),
	)
	DescribeTable("may have",
		func(site web.Site) { Expect(site.Validate()).To(Succeed()) },
		Entry("nothing but an owner", web.Site{Owner: "nobody"}),
		Entry("the first final status", page("/", web.Page{Status: 200})),
		Entry("the last status", page("/", web.Page{Status: 599})),
		Entry("a redirect with each status of its class", page("/", web.Page{Status: 399, Redirect: "//other/"})),
		Entry("a page on an IPv6 address", page("http://[2001:db8::1]/", web.Page{})),
	)
})

func selfSigned(seed byte) *tls.Certificate {
	GinkgoHelper()
	certificate, err := web.SelfSigned(web.CertificateSpec{
		Names: []string{"victim.example", "192.0.2.80"}, NotBefore: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
		Rand: rand.NewChaCha8([32]byte{seed}),
	})
	Expect(err).NotTo(HaveOccurred())
	return certificate
}

var _ = Describe("A self-signed certificate", func() {
	It("is good for its names and its time, and signs itself", func() {
		leaf, err := x509.ParseCertificate(selfSigned(1).Certificate[0])
		Expect(err).NotTo(HaveOccurred())
		Expect(leaf.VerifyHostname("victim.example")).To(Succeed())
		Expect(leaf.VerifyHostname("192.0.2.80")).To(Succeed())
		Expect(leaf.VerifyHostname("attacker.example")).NotTo(Succeed())
		Expect(leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature)).To(Succeed())
		Expect(leaf.PublicKeyAlgorithm).To(Equal(x509.ECDSA))
		Expect(leaf.NotAfter.Sub(leaf.NotBefore)).To(Equal(90 * 24 * time.Hour))
	})
	It("is the same for the same random octets and another for others", func() {
		Expect(selfSigned(1).Certificate).To(Equal(selfSigned(1).Certificate))
		Expect(selfSigned(1).Certificate).NotTo(Equal(selfSigned(2).Certificate))
	})
	DescribeTable("is refused",
		func(spoil func(*web.CertificateSpec), want string) {
			spec := web.CertificateSpec{Names: []string{"a.example"}, NotBefore: time.Unix(1, 0), Rand: rand.NewChaCha8([32]byte{})}
			spoil(&spec)
			_, err := web.SelfSigned(spec)
			Expect(err).To(MatchError(ContainSubstring(want)))
		},
		Entry("without a name", func(s *web.CertificateSpec) { s.Names = nil }, "want names"),
		Entry("without a start", func(s *web.CertificateSpec) { s.NotBefore = time.Time{} }, "want names"),
		Entry("without random octets", func(s *web.CertificateSpec) { s.Rand = nil }, "want names"),
		Entry("with a negative lifetime", func(s *web.CertificateSpec) { s.Lifetime = -1 }, "want names"),
		Entry("with too few random octets for a key", func(s *web.CertificateSpec) { s.Rand = strings.NewReader("x") }, "draw a key"),
		Entry("with too few random octets for a serial number", func(s *web.CertificateSpec) { s.Rand = strings.NewReader(strings.Repeat("x", 33)) }, "draw a serial number"),
		Entry("with zeros for random octets", func(s *web.CertificateSpec) { s.Rand = zeros{} }, "the source is not random"),
		Entry("with a name that is no DNS name", func(s *web.CertificateSpec) { s.Names = []string{"é.example"} }, "self-signed certificate for"),
	)
})

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

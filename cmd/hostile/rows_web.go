package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"mpicsim/perspectives"
)

// webRows are what a web server of the target can send.
func webRows(ctx context.Context, use func(*space, error) *space) []row {
	s := use(newSpace(ctx, ""))
	if s == nil {
		return nil
	}
	const ok = "HTTP/1.1 200 OK\r\n"
	fetch := deed{domain: "www.plain.example", method: perspectives.HTTP01}
	page := deed{domain: "www.plain.example", method: perspectives.WebsiteChange}
	foldedCase := deed{"www.plain.example", perspectives.WebsiteChange, func(c *perspectives.Check) { c.DCV.IgnoreCase = true }}
	var rows []row
	add := func(name string, d deed, web func([]byte) io.Reader) {
		w := s.world()
		w.web = web
		rows = append(rows, row{name: name, honest: d.in(ctx, s, s.world()), hostile: d.in(ctx, s, w)})
	}
	add("redirects without end", fetch, redirects("x", ""))
	add("redirects without end, to URLs of 7 kB", fetch, redirects(strings.Repeat("x", 7000), ""))
	add("redirects without end, with 120 kB of empty fields", fetch, redirects("x", strings.Repeat("a:\r\n", 30_000)))
	add("a redirect to a URL of 60 kB", fetch, redirects(strings.Repeat("x", 60_000), ""))
	add("a body without end", page, always(ok+"\r\n", endless{'x'}))
	add("a body without end, in chunks", page, again(ok+"Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"))
	add("a body of 64 kB, octet by octet", foldedCase, always(ok+"\r\n", single{endless{'x'}}))
	add("a slow body, an octet each millisecond", page, always(ok+"\r\n", slow{endless{'x'}}))
	add("a header without end", fetch, always(ok+"X: ", endless{'x'}))
	add("headers without end", fetch, again(ok, "X: y\r\n"))
	add("interim responses without end", fetch, again("", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"))
	add("a status line without end", fetch, always("HTTP/1.1 200 ", endless{'x'}))
	add("a body that is gzipped, 16 MB of zeros in 16 kB", page, says("200 OK\r\nContent-Encoding: gzip", string(packed(make([]byte, 16<<20)))))
	add("a trailer without end", page, always(ok+"Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\nX: ", endless{'x'}))

	matching := func(name, expression string) {
		w := s.world()
		w.web = says("200 OK", strings.Repeat("a", 64<<10))
		d := deed{"www.plain.example", perspectives.WebsiteChange, func(c *perspectives.Check) {
			c.DCV.ChallengeValue, c.DCV.MatchRegex = "", expression
		}}
		rows = append(rows, row{name: name, honest: page.in(ctx, s, s.world()), hostile: d.in(ctx, s, w)})
	}
	matching("an expression of 200 octets that expands to 18,000 instructions", strings.Repeat("[a-z]{900}", 20))
	matching("an expression of 900 instructions, and 64 kB that match it in part", "[a-z]{890}b")
	matching("an expression of 1,000 octets of classes", "(?i)"+strings.Repeat(`\pL\PL`, 160))

	alpn := deed{domain: "www.plain.example", method: perspectives.TLSALPN01}
	shake := func(name string, serve func(net.Conn)) {
		w := s.world()
		w.tls = serve
		rows = append(rows, row{name: name, honest: alpn.in(ctx, s, s.world()), hostile: alpn.in(ctx, s, w)})
	}
	shake("tls-alpn-01 with a chain of 500 certificates", serveChallenge(longChain(500)))
	shake("tls-alpn-01 with 9,000 names in the certificate", serveChallenge(challengeCertificate(func(c *x509.Certificate) {
		c.DNSNames = nil
		for i := range 9000 {
			c.DNSNames = append(c.DNSNames, fmt.Sprintf("n%d.example", i))
		}
	})))
	shake("tls-alpn-01 with records without end", func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.Copy(conn, &repeated{text: "\x14\x03\x03\x00\x01\x01"})
	})
	return rows
}

// always answers every request with head, then what body brings.
func always(head string, body io.Reader) func([]byte) io.Reader {
	return func([]byte) io.Reader { return io.MultiReader(strings.NewReader(head), body) }
}

// again answers every request with head, then a text without end.
func again(head, text string) func([]byte) io.Reader {
	return func([]byte) io.Reader { return io.MultiReader(strings.NewReader(head), &repeated{text: text}) }
}

// redirects leads each request to another URL of the same host, with more fields in
// the header.
func redirects(path, fields string) func([]byte) io.Reader {
	n := 0
	return func([]byte) io.Reader {
		n++
		return strings.NewReader(fmt.Sprintf("HTTP/1.1 302 Found\r\nLocation: /%s%d\r\nContent-Length: 0\r\n%s\r\n", path, n, fields))
	}
}

// endless is an octet without end.
type endless struct{ octet byte }

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.octet
	}
	return len(b), nil
}

// repeated is a text without end.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = r.text[r.at]
		r.at = (r.at + 1) % len(r.text)
	}
	return len(b), nil
}

// single gives one octet at a time.
type single struct{ of io.Reader }

func (s single) Read(b []byte) (int, error) { return s.of.Read(b[:min(1, len(b))]) }

// slow gives one octet at a time, a millisecond apart.
type slow struct{ of io.Reader }

func (s slow) Read(b []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.of.Read(b[:min(1, len(b))])
}

// longChain is the challenge certificate followed by n more.
func longChain(n int) tls.Certificate {
	cert := challengeCertificate()
	for range n - 1 {
		cert.Certificate = append(cert.Certificate, cert.Certificate[0])
	}
	return cert
}

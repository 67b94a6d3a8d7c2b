package dcv_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
)

const path = "/.well-known/acme-challenge/" + token

var _ = Describe("http-01", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld()
		w.names["www.example.test A"] = []string{"203.0.113.7"}
	})

	It("passes if port 80 of the domain serves the key authorization", func(ctx SpecContext) {
		w.web(serve(200, keyAuth), "203.0.113.7:80")
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
		Expect(w.outcome.Reason).To(Equal(dcv.ReasonMatches))
		Expect(w.targets).To(Equal([]string{"203.0.113.7:80"}))
	})

	It("asks for the challenge with a plain request", func(ctx SpecContext) {
		w.options = func(o *dcv.Options) { o.UserAgent = "ca.example validation" }
		w.web(serve(200, keyAuth), "203.0.113.7:80")
		w.run(ctx)
		Expect(w.requests).To(HaveLen(1))
		req := w.requests[0]
		Expect(req.Method).To(Equal(http.MethodGet))
		Expect(req.Host).To(Equal("www.example.test"))
		Expect(req.URL.String()).To(Equal(path))
		Expect(req.Header).To(Equal(http.Header{
			"Accept": {"*/*"}, "Accept-Encoding": {"identity"}, "User-Agent": {"ca.example validation"}, "Connection": {"close"},
		}))
	})

	It("keeps the lookups and the exchange as evidence, stamped by the perspective's clock", func(ctx SpecContext) {
		w.web(serve(200, keyAuth), "203.0.113.7:80")
		w.run(ctx)
		Expect(w.outcome.Evidence).To(HaveLen(3))
		Expect(w.outcome.Evidence[0].Query).To(Equal("www.example.test AAAA"))
		Expect(w.outcome.Evidence[1].Query).To(Equal("www.example.test A"))
		Expect(w.outcome.Evidence[2]).To(Equal(perspectives.Evidence{
			Kind: "http", Query: "http://www.example.test" + path, Server: "203.0.113.7:80",
			Answer: []string{"HTTP/1.1 200 OK", `"` + keyAuth + `"`}, Status: "200",
			Started: time.Date(2026, 12, 15, 0, 0, 2, 0, time.UTC), Took: time.Second,
		}))
	})

	DescribeTable("judges the status",
		func(ctx SpecContext, status int, verdict perspectives.Verdict, reason string) {
			w.web(serve(status, keyAuth), "203.0.113.7:80")
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason)))
		},
		Entry("200", 200, perspectives.Pass, dcv.ReasonMatches),
		Entry("201: the BR ask for any 2xx", 201, perspectives.Pass, dcv.ReasonMatches),
		Entry("203", 203, perspectives.Pass, dcv.ReasonMatches),
		Entry("206", 206, perspectives.Pass, dcv.ReasonMatches),
		Entry("299", 299, perspectives.Pass, dcv.ReasonMatches),
		Entry("204, which has no body", 204, perspectives.Fail, dcv.ReasonMismatch),
		Entry("300 without Location", 300, perspectives.Fail, dcv.ReasonStatus),
		Entry("304", 304, perspectives.Fail, dcv.ReasonStatus),
		Entry("400", 400, perspectives.Fail, dcv.ReasonStatus),
		Entry("404 with the right body", 404, perspectives.Fail, dcv.ReasonStatus),
		Entry("500", 500, perspectives.Fail, dcv.ReasonStatus),
		Entry("999", 999, perspectives.Fail, dcv.ReasonStatus),
	)

	DescribeTable("compares the body",
		func(ctx SpecContext, body string, verdict perspectives.Verdict) {
			w.web(serve(200, body), "203.0.113.7:80")
			w.run(ctx)
			Expect(w.outcome.Verdict).To(Equal(verdict), w.outcome.Detail)
			if verdict == perspectives.Fail {
				Expect(w.outcome.Reason).To(Equal(dcv.ReasonMismatch))
			}
		},
		Entry("exact", keyAuth, perspectives.Pass),
		Entry("line feed at the end", keyAuth+"\n", perspectives.Pass),
		Entry("all kinds of white space at the end", keyAuth+" \t\v\f\r\n\n", perspectives.Pass),
		Entry("as much white space as is read", keyAuth+strings.Repeat(" ", 128), perspectives.Pass),
		Entry("more white space than is read", keyAuth+strings.Repeat(" ", 129), perspectives.Fail),
		Entry("white space in front", " "+keyAuth, perspectives.Fail),
		Entry("byte order mark in front", "\ufeff"+keyAuth, perspectives.Fail),
		Entry("NUL at the end", keyAuth+"\x00", perspectives.Fail),
		Entry("no-break space at the end", keyAuth+"\u00a0", perspectives.Fail),
		Entry("empty", "", perspectives.Fail),
		Entry("token only", token, perspectives.Fail),
		Entry("one octet short", keyAuth[:len(keyAuth)-1], perspectives.Fail),
		Entry("one octet more", keyAuth+"x", perspectives.Fail),
		Entry("other case", strings.ToUpper(keyAuth), perspectives.Fail),
		Entry("within a page", "<html>"+keyAuth+"</html>", perspectives.Fail),
		Entry("followed by a megabyte", keyAuth+strings.Repeat("x", 1<<20), perspectives.Fail),
	)

	It("reads a body that comes in pieces", func(ctx SpecContext) {
		pieces := []string{fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(keyAuth))}
		for _, c := range keyAuth {
			pieces = append(pieces, string(c))
		}
		w.raw("203.0.113.7:80", pieces...)
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
	})

	It("reads a body without length up to the end of the connection", func(ctx SpecContext) {
		w.raw("203.0.113.7:80", "HTTP/1.0 200 OK\r\n\r\n", keyAuth[:10], keyAuth[10:])
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
	})

	DescribeTable("has no answer if the server",
		func(ctx SpecContext, pieces []string) {
			w.raw("203.0.113.7:80", pieces...)
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Error), HaveField("Reason", dcv.ReasonConnectionFailed)))
			Expect(w.targets).To(Equal([]string{"203.0.113.7:80"}), "it was connected to")
		},
		Entry("closes at once", nil),
		Entry("breaks off in the header", []string{"HTTP/1.1 200 OK\r\nContent-"}),
		Entry("breaks off in the body", []string{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + keyAuth}),
		Entry("speaks something else", []string{"SSH-2.0-OpenSSH_9.2p1\r\n"}),
		Entry("sends an endless header", []string{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n" + keyAuth}),
	)

	DescribeTable("gives up after the timeout on a server that",
		func(ctx SpecContext, h http.HandlerFunc) {
			w.options = func(o *dcv.Options) { o.Timeout = 50 * time.Millisecond }
			w.web(h, "203.0.113.7:80")
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Error), HaveField("Reason", dcv.ReasonTimeout)))
		},
		Entry("never answers", http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })),
		Entry("stops within the body", http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			rw.Header().Set("Content-Length", "1000")
			_, _ = rw.Write([]byte(keyAuth))
			_ = http.NewResponseController(rw).Flush()
			<-req.Context().Done()
		})),
	)

	It("cannot validate a wildcard name", func(ctx SpecContext) {
		w.check.Domain = "*.example.test"
		w.run(ctx)
		Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Fail), HaveField("Reason", dcv.ReasonWildcard)))
		Expect(w.asked).To(BeEmpty())
	})
})

var _ = Describe("http-01 addresses", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld()
		w.web(serve(200, keyAuth), "203.0.113.7:80", "[2001:db8::7]:80")
	})

	It("prefer IPv6", func(ctx SpecContext) {
		w.names["www.example.test A"] = []string{"203.0.113.7"}
		w.names["www.example.test AAAA"] = []string{"2001:db8::7"}
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass))
		Expect(w.dialled).To(Equal([]string{"[2001:db8::7]:80"}))
	})

	It("fall back to IPv4 once if IPv6 cannot be connected to", func(ctx SpecContext) {
		w.names["www.example.test A"] = []string{"203.0.113.7", "203.0.113.8"}
		w.names["www.example.test AAAA"] = []string{"2001:db8::8", "2001:db8::7"}
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass))
		Expect(w.dialled).To(Equal([]string{"[2001:db8::8]:80", "203.0.113.7:80"}))
		Expect(w.targets).To(Equal([]string{"203.0.113.7:80"}))
		Expect(w.outcome.Evidence).To(ContainElement(HaveField("Answer", ContainElement(ContainSubstring("connection refused")))))
	})

	It("do not fall back if IPv6 answers wrongly", func(ctx SpecContext) {
		w.web(serve(404, ""), "[2001:db8::9]:80")
		w.names["www.example.test A"] = []string{"203.0.113.7"}
		w.names["www.example.test AAAA"] = []string{"2001:db8::9"}
		w.run(ctx)
		Expect(w.outcome.Reason).To(Equal(dcv.ReasonStatus))
		Expect(w.dialled).To(Equal([]string{"[2001:db8::9]:80"}))
	})

	DescribeTable("may be missing",
		func(ctx SpecContext, a, aaaa any, verdict perspectives.Verdict, reason string) {
			if a != nil {
				w.names["www.example.test A"] = a
			}
			if aaaa != nil {
				w.names["www.example.test AAAA"] = aaaa
			}
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason)))
			Expect(w.outcome.Evidence).NotTo(BeEmpty())
		},
		Entry("the name does not exist", nil, nil, perspectives.Fail, dcv.ReasonNameNotFound),
		Entry("AAAA says that the name does not exist, A is there", []string{"203.0.113.7"}, errNameError, perspectives.Pass, dcv.ReasonMatches),
		Entry("A says that the name does not exist, AAAA is there", errNameError, []string{"2001:db8::7"}, perspectives.Pass, dcv.ReasonMatches),
		Entry("AAAA says that the name does not exist, there is no A", []string{}, errNameError, perspectives.Fail, dcv.ReasonNoAddress),
		Entry("AAAA says that the name does not exist, A fails", errServerFailure, errNameError, perspectives.Error, dcv.ReasonLookupFailed),
		Entry("it has no address", []string{}, []string{}, perspectives.Fail, dcv.ReasonNoAddress),
		Entry("both lookups fail", errServerFailure, errServerFailure, perspectives.Error, dcv.ReasonLookupFailed),
		Entry("AAAA fails, A is there", []string{"203.0.113.7"}, errServerFailure, perspectives.Pass, dcv.ReasonMatches),
		Entry("A fails, AAAA is there", errServerFailure, []string{"2001:db8::7"}, perspectives.Pass, dcv.ReasonMatches),
		Entry("AAAA fails, there is no A", []string{}, errServerFailure, perspectives.Error, dcv.ReasonLookupFailed),
		Entry("nothing listens", []string{"203.0.113.99"}, nil, perspectives.Error, dcv.ReasonConnectionFailed),
	)

	It("time out as such", func(ctx SpecContext) {
		w.names["www.example.test A"] = []string{"203.0.113.66"}
		w.refusals["203.0.113.66:80"] = context.DeadlineExceeded
		w.run(ctx)
		Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Error), HaveField("Reason", dcv.ReasonTimeout)))
	})

	It("are not contacted if the policy refuses them", func(ctx SpecContext) {
		w.names["www.example.test A"] = []string{"203.0.113.7"}
		w.names["www.example.test AAAA"] = []string{"2001:db8::7"}
		w.options = refusing("203.0.113.7", "2001:db8::7")
		w.run(ctx)
		Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Fail), HaveField("Reason", dcv.ReasonAddressForbidden)))
		Expect(w.dialled).To(BeEmpty())
	})

	It("are passed over for the next of the same family if the policy refuses them", func(ctx SpecContext) {
		w.names["www.example.test A"] = []string{"203.0.113.1", "203.0.113.7"}
		w.options = refusing("203.0.113.1")
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass))
		Expect(w.dialled).To(Equal([]string{"203.0.113.7:80"}))
	})
})

var _ = Describe("http-01 redirects", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld()
		w.names["www.example.test A"] = []string{"203.0.113.7"}
		w.names["other.example.test A"] = []string{"203.0.113.8"}
		w.web(serve(200, keyAuth), "203.0.113.8:80")
		w.listeners["203.0.113.8:443"] = w.listeners["203.0.113.8:80"]
		w.listeners["203.0.113.8:8080"] = w.listeners["203.0.113.8:80"]
		w.listeners["203.0.113.8:22"] = w.listeners["203.0.113.8:80"]
		w.listeners["203.0.113.9:80"] = w.listeners["203.0.113.8:80"]
		w.listeners["[2001:db8::9]:80"] = w.listeners["203.0.113.8:80"]
	})

	DescribeTable("are followed",
		func(ctx SpecContext, status int, location, lands string) {
			w.web(redirect(status, location), "203.0.113.7:80")
			w.run(ctx)
			Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
			Expect(w.targets).To(HaveExactElements("203.0.113.7:80", lands))
		},
		Entry("301", 301, "http://other.example.test/x", "203.0.113.8:80"),
		Entry("302", 302, "http://other.example.test/x", "203.0.113.8:80"),
		Entry("307", 307, "http://other.example.test/x", "203.0.113.8:80"),
		Entry("308", 308, "http://other.example.test/x", "203.0.113.8:80"),
		Entry("with the port written out", 302, "http://other.example.test:80/x", "203.0.113.8:80"),
		Entry("to the other Authorized Port", 302, "http://other.example.test:443/x", "203.0.113.8:443"),
		Entry("with scheme and host in other case", 302, "HTTP://Other.Example.TEST/x", "203.0.113.8:80"),
		Entry("with a trailing dot", 302, "http://other.example.test./x", "203.0.113.8:80"),
		Entry("without scheme", 302, "//other.example.test/x", "203.0.113.8:80"),
		Entry("with credentials, which are not sent", 302, "http://user:secret@other.example.test/x", "203.0.113.8:80"),
		Entry("to an IPv4 address that the policy allows", 302, "http://203.0.113.9/x", "203.0.113.9:80"),
		Entry("to an IPv6 address that the policy allows", 302, "http://[2001:DB8::9]/x", "[2001:db8::9]:80"),
	)

	It("send neither credentials nor fragment nor cookies nor a referrer", func(ctx SpecContext) {
		w.web(func(rw http.ResponseWriter, req *http.Request) {
			http.SetCookie(rw, &http.Cookie{Name: "a", Value: "b"})
			redirect(302, "http://user:secret@other.example.test/x?q=1#fragment")(rw, req)
		}, "203.0.113.7:80")
		w.run(ctx)
		Expect(w.requests).To(HaveLen(2))
		Expect(w.requests[1].RequestURI).To(Equal("/x?q=1"))
		Expect(w.requests[1].Host).To(Equal("other.example.test"))
		Expect(w.requests[1].Header).To(And(HaveLen(4), HaveKey("Accept"), HaveKey("Accept-Encoding"), HaveKey("User-Agent"), HaveKey("Connection")))
	})

	It("may be relative", func(ctx SpecContext) {
		w.web(func(rw http.ResponseWriter, req *http.Request) {
			if req.URL.Path == path {
				redirect(302, "../elsewhere")(rw, req)
				return
			}
			serve(200, keyAuth)(rw, req)
		}, "203.0.113.7:80")
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
		Expect(w.requests[1].RequestURI).To(Equal("/.well-known/elsewhere"))
	})

	DescribeTable("are refused before anything is looked up or contacted",
		func(ctx SpecContext, status int, location string, detail string) {
			w.options = refusing("203.0.113.9", "2001:db8::9")
			w.web(redirect(status, location), "203.0.113.7:80")
			w.run(ctx)
			Expect(w.outcome).To(And(
				HaveField("Verdict", perspectives.Fail),
				HaveField("Reason", dcv.ReasonRedirectForbidden),
				HaveField("Detail", ContainSubstring(detail)),
			))
			Expect(w.dialled).To(Equal([]string{"203.0.113.7:80"}))
			Expect(w.asked).To(Equal([]string{"www.example.test AAAA", "www.example.test A"}))
		},
		Entry("300", 300, "http://other.example.test/x", "expected status 301, 302, 307 or 308"),
		Entry("303", 303, "http://other.example.test/x", "expected status 301, 302, 307 or 308"),
		Entry("305", 305, "http://other.example.test/x", "expected status 301, 302, 307 or 308"),
		Entry("309", 309, "http://other.example.test/x", "expected status 301, 302, 307 or 308"),
		Entry("no Location", 302, "", "no Location"),
		Entry("not a URL", 302, "http://%zz/", "not a URL"),
		Entry("port 8080", 302, "http://other.example.test:8080/x", "port 8080"),
		Entry("port 22", 302, "http://other.example.test:22/x", "port 22"),
		Entry("port 080", 302, "http://other.example.test:080/x", "port 080"),
		Entry("ftp", 302, "ftp://other.example.test/x", `scheme "ftp"`),
		Entry("file", 302, "file:///etc/passwd", `scheme "file"`),
		Entry("javascript", 302, "javascript:alert(1)", `scheme "javascript"`),
		Entry("no host", 302, "http:///x", "expected 1 to 63 octets"),
		Entry("opaque", 302, "http:x", "expected 1 to 63 octets"),
		Entry("no host name", 302, "http://ex+ample.test/x", "letters, digits and hyphens"),
		Entry("Unicode host", 302, "http://exämple.test/x", "letters, digits and hyphens"),
		Entry("a number as host", 302, "http://3405803785/x", "expected a name, not a number"),
		Entry("IPv4 address that is refused", 302, "http://203.0.113.9/x", "203.0.113.9 is reserved"),
		Entry("IPv6 address that is refused", 302, "http://[2001:db8::9]/x", "2001:db8::9 is reserved"),
		Entry("IPv6 address with zone", 302, "http://[fe80::1%25eth0]/x", "zone"),
	)

	It("to a name with a refused address are not contacted", func(ctx SpecContext) {
		w.options = refusing("203.0.113.8")
		w.web(redirect(302, "http://other.example.test/x"), "203.0.113.7:80")
		w.run(ctx)
		Expect(w.outcome.Reason).To(Equal(dcv.ReasonAddressForbidden))
		Expect(w.dialled).To(Equal([]string{"203.0.113.7:80"}))
	})

	It("are looked up anew, even to the same host", func(ctx SpecContext) {
		w.web(func(rw http.ResponseWriter, req *http.Request) {
			w.names["www.example.test A"] = []string{"203.0.113.8"}
			redirect(302, "/x")(rw, req)
		}, "203.0.113.7:80")
		w.run(ctx)
		Expect(w.targets).To(Equal([]string{"203.0.113.7:80", "203.0.113.8:80"}))
	})

	DescribeTable("are counted",
		func(ctx SpecContext, redirects int, verdict perspectives.Verdict, reason string) {
			hop := 0
			w.web(func(rw http.ResponseWriter, req *http.Request) {
				if hop == redirects {
					serve(200, keyAuth)(rw, req)
					return
				}
				hop++
				redirect(302, fmt.Sprintf("/hop/%d", hop))(rw, req)
			}, "203.0.113.7:80")
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason)))
			Expect(len(w.requests)).To(BeNumerically("<=", 13))
		},
		Entry("11", 11, perspectives.Pass, dcv.ReasonMatches),
		Entry("12, the default limit", 12, perspectives.Pass, dcv.ReasonMatches),
		Entry("13", 13, perspectives.Fail, dcv.ReasonTooManyRedirects),
	)

	DescribeTable("back to a URL already fetched end the check",
		func(ctx SpecContext, location string) {
			w.web(func(rw http.ResponseWriter, req *http.Request) {
				if req.URL.Path == "/second" {
					redirect(302, path)(rw, req)
					return
				}
				redirect(302, location)(rw, req)
			}, "203.0.113.7:80")
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Fail), HaveField("Reason", dcv.ReasonRedirectLoop)))
		},
		Entry("at once", path),
		Entry("by another spelling", "HTTP://WWW.example.test."+path+"#again"),
		Entry("over a second one", "/second"),
	)
})

var _ = Describe("http-01 over TLS after a redirect", func() {
	var w *world
	var srv *httptest.Server
	BeforeEach(func() {
		w = newWorld()
		w.names["www.example.test A"] = []string{"203.0.113.7"}
		w.web(redirect(301, "https://www.example.test/x"), "203.0.113.7:80")
		srv = httptest.NewUnstartedServer(w.recorded(serve(200, keyAuth)))
		srv.Config.ErrorLog = nil
		DeferCleanup(func() { srv.Close() })
	})

	It("passes with any certificate, and says the name in SNI", func(ctx SpecContext) {
		srv.StartTLS()
		w.listeners["203.0.113.7:443"] = srv.Listener.Addr().String()
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
		Expect(w.requests[1].TLS.ServerName).To(Equal("www.example.test"))
		Expect(w.requests[1].ProtoMajor).To(Equal(1))
	})

	DescribeTable("needs a version from 1.2 on",
		func(ctx SpecContext, version uint16, verdict perspectives.Verdict) {
			srv.TLS = &tls.Config{MinVersion: version, MaxVersion: version} //nolint:gosec // old versions must be refused
			srv.StartTLS()
			w.listeners["203.0.113.7:443"] = srv.Listener.Addr().String()
			w.run(ctx)
			Expect(w.outcome.Verdict).To(Equal(verdict), w.outcome.Detail)
		},
		Entry("1.1", uint16(tls.VersionTLS11), perspectives.Error),
		Entry("1.2", uint16(tls.VersionTLS12), perspectives.Pass),
		Entry("1.3", uint16(tls.VersionTLS13), perspectives.Pass),
	)

	It("has no answer from a server that knows only static RSA", func(ctx SpecContext) {
		srv.TLS = &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}} //nolint:gosec // must be refused
		srv.StartTLS()
		w.listeners["203.0.113.7:443"] = srv.Listener.Addr().String()
		w.run(ctx)
		Expect(w.outcome.Reason).To(Equal(dcv.ReasonConnectionFailed), w.outcome.Detail)
		Expect(w.outcome.Detail).To(ContainSubstring("handshake failure"))
	})

	It("has no answer from a server without TLS", func(ctx SpecContext) {
		srv.Start()
		w.listeners["203.0.113.7:443"] = srv.Listener.Addr().String()
		w.run(ctx)
		Expect(w.outcome.Reason).To(Equal(dcv.ReasonConnectionFailed))
	})
})

var _ = Describe("dcv.New", func() {
	DescribeTable("refuses",
		func(change func(*dcv.Options), text string) {
			o := dcv.Options{Network: &net.Dialer{}, Clock: func() time.Time { return time.Time{} }}
			change(&o)
			_, err := dcv.New(o)
			Expect(err).To(MatchError(ContainSubstring(text)))
		},
		Entry("no network", func(o *dcv.Options) { o.Network = nil }, "Network and Clock are required"),
		Entry("no clock", func(o *dcv.Options) { o.Clock = nil }, "Network and Clock are required"),
		Entry("negative timeout", func(o *dcv.Options) { o.Timeout = -1 }, "Timeout"),
		Entry("negative redirects", func(o *dcv.Options) { o.MaxRedirects = -1 }, "MaxRedirects: found -1"),
	)
})

package dcv_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
)

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func deflated(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// coded is a response with a body and header fields.
func coded(body string, fields ...string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", strings.Join(append(fields, ""), "\r\n"), len(body), body)
}

var _ = Describe("A response on the wire", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld()
		w.names["www.example.test A"] = []string{"203.0.113.7"}
	})

	part := func(fields ...string) string {
		return strings.Replace(coded(keyAuth, fields...), "200 OK", "206 Partial Content", 1)
	}
	DescribeTable("is no file if it says that it is a part of one, which was not asked for:",
		func(ctx SpecContext, response string, verdict perspectives.Verdict, reason string) {
			w.raw("203.0.113.7:80", response)
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", verdict), HaveField("Reason", reason)), w.outcome.Detail)
		},
		Entry("no range", part(), perspectives.Pass, dcv.ReasonMatches),
		Entry("all of it", part(fmt.Sprintf("Content-Range: bytes 0-%d/%d", len(keyAuth)-1, len(keyAuth))), perspectives.Pass, dcv.ReasonMatches),
		Entry("the beginning", part(fmt.Sprintf("Content-Range: bytes 0-%d/%d", len(keyAuth)-1, len(keyAuth)+1)), perspectives.Fail, dcv.ReasonStatus),
		Entry("the end", part(fmt.Sprintf("Content-Range: bytes 1-%d/%d", len(keyAuth), len(keyAuth)+1)), perspectives.Fail, dcv.ReasonStatus),
		Entry("of unknown length", part(fmt.Sprintf("Content-Range: bytes 0-%d/*", len(keyAuth)-1)), perspectives.Fail, dcv.ReasonStatus),
		Entry("several", part("Content-Type: multipart/byteranges; boundary=x"), perspectives.Fail, dcv.ReasonStatus),
	)

	// What package net/http makes of responses, in both directions: a rule that it
	// changes shows here.
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	hex := fmt.Sprintf("%x", len(keyAuth))
	DescribeTable("is understood with",
		func(ctx SpecContext, response string) {
			w.raw("203.0.113.7:80", response)
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Pass), HaveField("Reason", dcv.ReasonMatches)), w.outcome.Detail)
		},
		Entry("an interim response", "HTTP/1.1 100 Continue\r\n\r\n"+coded(keyAuth)),
		Entry("many interim responses", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 50)+coded(keyAuth)),
		Entry("a header of 20 KiB", coded(keyAuth, "X: "+strings.Repeat("x", 20<<10))),
		Entry("a header of 100 KiB in many fields", coded(keyAuth, strings.Repeat("Set-Cookie: a="+strings.Repeat("x", 1000)+"\r\n", 100)+"X: y")),
		Entry("a folded field (RFC 9112 5.2)", coded(keyAuth, "X: a\r\n b")),
		Entry("white space before the colon", coded(keyAuth, "X : a")),
		Entry("octets that are not ASCII in a field", coded(keyAuth, "X: caf\xe9")),
		Entry("the same length twice (RFC 9110 8.6)", coded(keyAuth, fmt.Sprintf("Content-Length: %d", len(keyAuth)))),
		Entry("more body than its length", coded(keyAuth)+"more"),
		Entry("no reason phrase", "HTTP/1.1 200\r\n\r\n"+keyAuth),
		Entry("bare line feeds", "HTTP/1.1 200 OK\n\n"+keyAuth),
		Entry("chunks", chunked+"2\r\n"+keyAuth[:2]+"\r\n"+fmt.Sprintf("%x", len(keyAuth)-2)+"; ext=\"1\"\r\n"+keyAuth[2:]+"\r\n0\r\n\r\n"),
		Entry("chunks and a length (RFC 9112 6.3)", strings.Replace(chunked, "\r\n\r\n", "\r\nContent-Length: 3\r\n\r\n", 1)+hex+"\r\n"+keyAuth+"\r\n0\r\n\r\n"),
		Entry("a trailer behind its chunks", chunked+hex+"\r\n"+keyAuth+"\r\n0\r\nExpires: never\r\n\r\n"),
		Entry("gzip that nobody asked for", coded(gzipped(keyAuth+"\n"), "Content-Encoding: gzip")),
		Entry("x-gzip, which means the same", coded(gzipped(keyAuth), "content-encoding: X-GZIP")),
		Entry("gzip beside identity", coded(gzipped(keyAuth), "Content-Encoding: identity", "Content-Encoding: gzip,")),
		Entry("gzip in two members", coded(gzipped(keyAuth[:7])+gzipped(keyAuth[7:]), "Content-Encoding: gzip")),
		Entry("gzip in chunks", strings.Replace(chunked, "\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n", 1)+
			fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(gzipped(keyAuth)), gzipped(keyAuth))),
		Entry("deflate that nobody asked for", coded(deflated(keyAuth), "Content-Encoding: deflate")),
		Entry("deflate in name only", coded(keyAuth, "Content-Encoding: deflate")),
		Entry("the name of a coding that it does not have", coded(keyAuth, "Content-Encoding: gzip")),
		Entry("what is no coding as its coding", coded(keyAuth, "Content-Encoding: utf-8")),
	)

	DescribeTable("is no answer with",
		func(ctx SpecContext, response string) {
			w.raw("203.0.113.7:80", response)
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Error), HaveField("Reason", dcv.ReasonConnectionFailed)), w.outcome.Detail)
		},
		Entry("a header of more than 128 KiB", coded(keyAuth, "X: "+strings.Repeat("x", 128<<10))),
		Entry("interim responses of more than that", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+strings.Repeat("x", 1000)+"\r\n\r\n", 200)+coded(keyAuth)),
		Entry("no header at all (HTTP/0.9)", keyAuth),
		Entry("two lengths", coded(keyAuth, "Content-Length: 3")),
		Entry("a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n"+keyAuth),
		Entry("a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"+keyAuth),
		Entry("less body than its length", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"+keyAuth),
		Entry("a field without colon", coded(keyAuth, "X")),
		Entry("NUL in a field", coded(keyAuth, "X: a\x00b")),
		Entry("another transfer coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"+hex+"\r\n"+keyAuth+"\r\n0\r\n\r\n"),
		Entry("chunks that do not end", chunked+hex+"\r\n"+keyAuth+"\r\n"),
		Entry("a trailer of more than 4 KiB", chunked+hex+"\r\n"+keyAuth+"\r\n0\r\nX: "+strings.Repeat("x", 5000)+"\r\n\r\n"),
		Entry("gzip that is cut off", coded(gzipped(keyAuth)[:40], "Content-Encoding: gzip")),
		Entry("deflate that is cut off", coded(deflated(keyAuth)[:40], "Content-Encoding: deflate")),
		Entry("gzip with a wrong checksum", coded(gzipped(keyAuth)[:len(gzipped(keyAuth))-8]+"\x00\x00\x00\x00\x00\x00\x00\x00", "Content-Encoding: gzip")),
		Entry("gzip of empty blocks without end", coded("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"+strings.Repeat("\x00\x00\x00\xff\xff", 1<<18), "Content-Encoding: gzip")),
	)

	DescribeTable("is not the one wanted with",
		func(ctx SpecContext, response string, detail string) {
			w.raw("203.0.113.7:80", response)
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Fail), HaveField("Detail", ContainSubstring(detail))))
		},
		Entry("a coding that is not undone", coded("\x0b\x02\x80", "Content-Encoding: br"), `(with the content coding "br")`),
		Entry("two codings", coded(gzipped(gzipped(keyAuth)), "Content-Encoding: gzip, gzip"), `(with the content coding "gzip, gzip")`),
		Entry("gzip in gzip", coded(gzipped(gzipped(keyAuth)), "Content-Encoding: gzip"), `\x1f`),
		Entry("nothing in gzip", coded("", "Content-Encoding: gzip"), "expected the key authorization"),
		Entry("a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n"+keyAuth, "101"),
		Entry("another HTTP/1.0 body that looks like chunks", strings.Replace(chunked, "1.1", "1.0", 1)+hex+"\r\n"+keyAuth+"\r\n0\r\n\r\n", "expected the key authorization"),
		Entry("two redirects in one", "HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", "2 different Location fields"),
	)

	It("may say twice where it leads", func(ctx SpecContext) {
		w.web(func(rw http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/x" {
				_, _ = io.WriteString(rw, keyAuth)
				return
			}
			rw.Header()["Location"] = []string{"/x", "/x"}
			rw.WriteHeader(http.StatusFound)
		}, "203.0.113.7:80")
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
	})

	It("is asked for without coding, unless the caller says otherwise", func(ctx SpecContext) {
		w.web(func(rw http.ResponseWriter, req *http.Request) {
			if strings.Contains(strings.Join(req.Header.Values("Accept-Encoding"), ","), "gzip") {
				rw.Header().Set("Content-Encoding", "gzip")
				_, _ = io.WriteString(rw, gzipped(keyAuth))
				return
			}
			_, _ = io.WriteString(rw, keyAuth)
		}, "203.0.113.7:80")
		w.run(ctx)
		Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
		Expect(w.requests).To(HaveEach(HaveField("Header", HaveKeyWithValue("Accept-Encoding", []string{"identity"}))))
	})

	DescribeTable("costs little memory with",
		func(ctx SpecContext, response string) {
			w.raw("203.0.113.7:80", response)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w.run(ctx)
			runtime.ReadMemStats(&after)
			Expect(w.outcome.Verdict).NotTo(Equal(perspectives.Pass))
			Expect((after.TotalAlloc-before.TotalAlloc)>>20).To(BeNumerically("<", 8), "MiB allocated in all")
		},
		Entry("16 MiB of zeros as 16 KiB of gzip", coded(gzipped(strings.Repeat("\x00", 16<<20)), "Content-Encoding: gzip")),
		Entry("16 MiB of zeros as 16 KiB of deflate", coded(deflated(strings.Repeat("\x00", 16<<20)), "Content-Encoding: deflate")),
		Entry("30,000 empty fields", "HTTP/1.1 200 OK\r\n"+emptyFields(30_000)+"\r\n"),
		Entry("empty blocks of gzip", coded("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"+strings.Repeat("\x00\x00\x00\xff\xff", 1<<20), "Content-Encoding: gzip")),
	)
})

func emptyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%x:\r\n", i)
	}
	return b.String()
}

package dcv_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
)

const (
	value    = "Kq8vC2-random-value-Zz9"
	filePath = "/.well-known/pki-validation/dir/file.txt"
)

var _ = Describe("website-change", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld()
		w.names["www.example.test A"] = []string{"203.0.113.7"}
		w.check = perspectives.Check{
			Domain: "www.example.test", Method: perspectives.WebsiteChange,
			DCV: perspectives.DCVParameters{ChallengeValue: value, HTTPTokenPath: "dir/file.txt"},
		}
	})
	expect := func(v perspectives.Verdict, reason string) {
		GinkgoHelper()
		Expect(w.outcome).To(And(HaveField("Verdict", v), HaveField("Reason", reason),
			HaveField("Clause", "BR 3.2.2.4.18")), w.outcome.Detail)
	}

	It("passes if the file has the value, and says what was seen", func(ctx SpecContext) {
		w.web(serve(200, "x"+value+"y"), "203.0.113.7:80")
		w.run(ctx)
		expect(perspectives.Pass, dcv.ReasonValueFound)
		Expect(w.requests[0].URL.String()).To(Equal(filePath))
		Expect(w.outcome.Seen.Web).To(Equal(&perspectives.SeenWeb{
			URL: "http://www.example.test" + filePath, Status: 200, Address: "203.0.113.7:80", Page: []byte("x" + value + "y"),
		}))
		Expect(w.outcome.Evidence[2].Answer).To(ContainElement(`octet 2: "` + value + `"`))
	})

	It("asks by https if told to", func(ctx SpecContext) {
		w.check.DCV.URLScheme = "https"
		w.secure(serve(200, value), "203.0.113.7:443")
		w.run(ctx)
		expect(perspectives.Pass, dcv.ReasonValueFound)
		Expect(w.targets).To(Equal([]string{"203.0.113.7:443"}))
	})

	DescribeTable("takes any 2xx status",
		func(ctx SpecContext, status int, only200 bool, verdict perspectives.Verdict, reason string) {
			w.options = func(o *dcv.Options) { o.Only200 = only200 }
			w.web(serve(status, value), "203.0.113.7:80")
			w.run(ctx)
			expect(verdict, reason)
		},
		Entry("200", 200, false, perspectives.Pass, dcv.ReasonValueFound),
		Entry("201", 201, false, perspectives.Pass, dcv.ReasonValueFound),
		Entry("206", 206, false, perspectives.Pass, dcv.ReasonValueFound),
		Entry("299", 299, false, perspectives.Pass, dcv.ReasonValueFound),
		Entry("300", 300, false, perspectives.Fail, dcv.ReasonStatus),
		Entry("404", 404, false, perspectives.Fail, dcv.ReasonStatus),
		Entry("200 where only that will do", 200, true, perspectives.Pass, dcv.ReasonValueFound),
		Entry("201 where only 200 will do", 201, true, perspectives.Fail, dcv.ReasonStatus),
	)

	DescribeTable("searches the body",
		func(ctx SpecContext, body string, change func(*perspectives.DCVParameters), pass bool) {
			change(&w.check.DCV)
			w.web(serve(200, body), "203.0.113.7:80")
			w.run(ctx)
			if pass {
				expect(perspectives.Pass, dcv.ReasonValueFound)
			} else {
				expect(perspectives.Fail, dcv.ReasonValueNotFound)
			}
		},
		Entry("the value alone", value, none, true),
		Entry("in a page", "<html>\n"+value+"</html>", none, true),
		Entry("after a NUL and octets that are no UTF-8", "\x00\xff"+value, none, true),
		Entry("at the end of what is read", strings.Repeat("x", 64<<10-len(value))+value, none, true),
		Entry("one octet beyond", strings.Repeat("x", 64<<10-len(value)+1)+value, none, false),
		Entry("cut off", value[:len(value)-1], none, false),
		Entry("split by a newline", value[:5]+"\n"+value[5:], none, false),
		Entry("empty", "", none, false),
		Entry("in other case", strings.ToUpper(value), none, false),
		Entry("in other case, which does not matter", strings.ToUpper(value), ignoreCase, true),
		Entry("an expression that matches, too", "id="+value, regex("^id=[A-Z]"), true),
		Entry("an expression that does not match", "di="+value, regex("^id="), false),
		Entry("an expression that matches without the value", "id=", regex("^id="), false),
		Entry("an expression in place of a value", "id=1234567", onlyRegex("id=[0-9]{7}$"), true),
		Entry("an expression in place of a value that does not match", "id=123456", onlyRegex("id=[0-9]{7}$"), false),
		Entry("an expression that matches anything", "", onlyRegex(".*"), true),
	)

	It("reads a body in pieces, and no more than it needs", func(ctx SpecContext) {
		pieces := []string{"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"}
		for _, c := range value {
			pieces = append(pieces, string(c))
		}
		// The ten gigabytes never come, and nobody waits for them.
		w.raw("203.0.113.7:80", pieces...)
		w.run(ctx)
		expect(perspectives.Pass, dcv.ReasonValueFound)
	})

	It("ends a body of ten gigabytes early", func(ctx SpecContext) {
		sent := make(chan int64, 1)
		w.web(func(rw http.ResponseWriter, _ *http.Request) {
			n, _ := io.CopyN(rw, endless{}, 10<<30)
			sent <- n
		}, "203.0.113.7:80")
		w.run(ctx)
		expect(perspectives.Fail, dcv.ReasonValueNotFound)
		Expect(w.outcome.Detail).To(HaveSuffix(` and more, expected the value "` + value + `"`))
		Expect(len(w.outcome.Detail)).To(BeNumerically("<", 2000))
		Expect(w.outcome.Seen.Web.Page).To(HaveLen(4096))
		// What the sockets between buffer is gone, and not much more.
		Eventually(sent).WithContext(ctx).Should(Receive(BeNumerically("<", 64<<20)))
	})

	It("follows a redirect and keeps the hops", func(ctx SpecContext) {
		w.web(func(rw http.ResponseWriter, req *http.Request) {
			if req.URL.Path == filePath {
				redirect(308, "/elsewhere")(rw, req)
				return
			}
			serve(202, value)(rw, req)
		}, "203.0.113.7:80")
		w.run(ctx)
		expect(perspectives.Pass, dcv.ReasonValueFound)
		Expect(w.outcome.Seen.Web.Hops).To(Equal([]perspectives.Hop{
			{URL: "http://www.example.test" + filePath, Status: 308, Location: "/elsewhere"},
		}))
		Expect(w.outcome.Seen.Web.URL).To(Equal("http://www.example.test/elsewhere"))
	})

	DescribeTable("never follows a redirect",
		func(ctx SpecContext, status int, location, reason string) {
			w.web(redirect(status, location), "203.0.113.7:80")
			w.run(ctx)
			expect(perspectives.Fail, reason)
			Expect(w.requests).To(HaveLen(1))
			start := "http://www.example.test" + filePath
			Expect(w.outcome.Seen.Web).To(Equal(&perspectives.SeenWeb{
				URL: start, Status: status, Address: "203.0.113.7:80", Page: []byte{},
				Hops: []perspectives.Hop{{URL: start, Status: status, Location: location}},
			}), "what was refused is known")
		},
		Entry("303", 303, "/x", dcv.ReasonRedirectForbidden),
		Entry("to another port", 302, "http://www.example.test:8080/", dcv.ReasonRedirectForbidden),
		Entry("to where the value is in the path", 302, "/echo/"+value, dcv.ReasonValueInRequest),
		Entry("to where it is in the query", 302, "/echo?v="+value, dcv.ReasonValueInRequest),
		Entry("to where it is escaped", 302, "/echo?v="+strings.ReplaceAll(value, "-", "%2D"), dcv.ReasonValueInRequest),
		Entry("to where it is escaped in the path", 302, "/"+strings.ReplaceAll(value, "K", "%4B"), dcv.ReasonValueInRequest),
	)

	It("does not take what the request itself said", func(ctx SpecContext) {
		w.check.DCV.ChallengeValue, w.check.DCV.MatchRegex = "", "dir/[a-z]+"
		w.web(func(rw http.ResponseWriter, req *http.Request) { _, _ = fmt.Fprint(rw, "404: "+req.URL.Path) }, "203.0.113.7:80")
		w.run(ctx)
		expect(perspectives.Fail, dcv.ReasonValueInRequest)
	})

	DescribeTable("sends the caller's headers with the first request only",
		func(ctx SpecContext, location string) {
			w.check.DCV.HTTPHeaders = map[string]string{"X-Ca": "1", "User-Agent": "other"}
			w.names["b.example.test A"] = []string{"203.0.113.8"}
			w.web(func(rw http.ResponseWriter, req *http.Request) {
				if req.URL.Path != filePath {
					serve(200, value)(rw, req)
					return
				}
				// Whoever redirects can have the name lead elsewhere by now.
				w.names["www.example.test A"] = []string{"203.0.113.8"}
				redirect(301, location)(rw, req)
			}, "203.0.113.7:80")
			w.web(serve(200, value), "203.0.113.8:80")
			w.secure(serve(200, value), "203.0.113.8:443")
			w.run(ctx)
			expect(perspectives.Pass, dcv.ReasonValueFound)
			Expect(w.requests).To(HaveLen(2))
			Expect(w.requests[0].Header).To(And(HaveKeyWithValue("X-Ca", []string{"1"}), HaveKeyWithValue("User-Agent", []string{"other"})))
			Expect(w.requests[1].Header).To(And(Not(HaveKey("X-Ca")), HaveKeyWithValue("User-Agent", []string{"mpicsim"})))
		},
		Entry("not to another name", "http://b.example.test/"),
		Entry("not to the same name, which has another address now", "http://www.example.test/"),
		Entry("not to the same name by https", "https://www.example.test/"),
		Entry("not to the same name spelled otherwise", "http://WWW.example.test./"),
		Entry("not to another path", "/elsewhere"),
	)

	DescribeTable("contacts no platform address of a cloud",
		func(ctx SpecContext, record, location string) {
			w.options = func(o *dcv.Options) { o.Allowed = dcv.PublicOnly }
			w.names["www.example.test A"], w.names["meta.example.test A"] = []string{"1.0.0.1"}, []string{"192.80.8.124"}
			reason := dcv.ReasonRedirectForbidden
			switch {
			case record != "":
				w.names["www.example.test A"], reason = []string{record}, dcv.ReasonAddressForbidden
			case location == "http://meta.example.test/":
				reason = dcv.ReasonAddressForbidden
			}
			w.web(redirect(302, location), "1.0.0.1:80")
			w.web(serve(200, value), "168.63.129.16:80", "192.80.8.124:80", "169.254.169.254:80", "[64:ff9b::a83f:8110]:80", "[2002:a83f:8110::1]:80")
			w.run(ctx)
			expect(perspectives.Fail, reason)
			Expect(w.dialled).NotTo(ContainElement(Not(Equal("1.0.0.1:80"))))
		},
		Entry("that the name leads to", "168.63.129.16", ""),
		Entry("that a redirect names", "", "http://168.63.129.16/"),
		Entry("that a redirect names as IPv4-mapped", "", "http://[::ffff:168.63.129.16]/"),
		Entry("that a redirect names as NAT64", "", "http://[64:ff9b::168.63.129.16]/"),
		Entry("that a redirect names as 6to4", "", "http://[2002:a83f:8110::1]/"),
		Entry("that a redirect leads to by a name", "", "http://meta.example.test/"),
	)

	It("cannot validate a wildcard", func(ctx SpecContext) {
		w.check.Domain = "*.example.test"
		w.run(ctx)
		expect(perspectives.Fail, dcv.ReasonWildcard)
		Expect(w.asked).To(BeEmpty())
	})

	DescribeTable("validates an IP address",
		func(ctx SpecContext, address, server, host string) {
			w.check.Domain = address
			w.web(serve(200, value), server)
			w.run(ctx)
			Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Pass), HaveField("Clause", "BR 3.2.2.5.1")), w.outcome.Detail)
			Expect(w.requests[0].Host).To(Equal(host))
			Expect(w.asked).To(BeEmpty())
		},
		Entry("IPv4", "203.0.113.7", "203.0.113.7:80", "203.0.113.7"),
		Entry("IPv6", "2001:db8::7", "[2001:db8::7]:80", "[2001:db8::7]"),
	)

	It("contacts no IP address that its policy refuses", func(ctx SpecContext) {
		w.check.Domain = "203.0.113.7"
		w.options = refusing("203.0.113.7")
		w.run(ctx)
		Expect(w.outcome).To(And(HaveField("Verdict", perspectives.Fail), HaveField("Reason", dcv.ReasonAddressForbidden)))
		Expect(w.dialled).To(BeEmpty())
	})
})

// Changes of parameters.
func none(*perspectives.DCVParameters)         {}
func ignoreCase(d *perspectives.DCVParameters) { d.IgnoreCase = true }

func regex(r string) func(*perspectives.DCVParameters) {
	return func(d *perspectives.DCVParameters) { d.MatchRegex = r }
}

func onlyRegex(r string) func(*perspectives.DCVParameters) {
	return func(d *perspectives.DCVParameters) { d.ChallengeValue, d.MatchRegex = "", r }
}

// endless reads as the same octet for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

var _ = Describe("http-01 for an IP address", func() {
	DescribeTable("asks it by its own name (RFC 8738 4)",
		func(ctx SpecContext, address, server, host string) {
			w := newWorld()
			w.check.Domain = address
			w.web(serve(200, keyAuth), server)
			w.run(ctx)
			Expect(w.outcome.Verdict).To(Equal(perspectives.Pass), w.outcome.Detail)
			Expect(w.requests[0].Host).To(Equal(host))
		},
		Entry("IPv4", "203.0.113.7", "203.0.113.7:80", "203.0.113.7"),
		Entry("IPv6", "2001:db8::7", "[2001:db8::7]:80", "[2001:db8::7]"),
	)

	It("rests on the section for IP addresses", func(ctx SpecContext) {
		w := newWorld()
		w.check.Domain = "203.0.113.7"
		w.web(serve(404, keyAuth), "203.0.113.7:80")
		w.run(ctx)
		Expect(w.outcome.Clause).To(Equal("BR 3.2.2.5.6"))
	})
})

package local_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/caa"
	"mpicsim/perspectives/dcv"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/resolver/resolvertest"
	"mpicsim/topology/place"
)

func TestLocal(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Local")
}

const (
	rootAddr   = "127.0.0.2"
	tldAddr    = "127.0.0.3"
	victimAddr = "127.0.0.4"
	brokenAddr = "127.0.0.5"
	webAddr    = "127.0.0.1"

	keyAuth = "token.thumbprint"
	// digest is base64url(SHA-256(keyAuth)).
	digest = "61rBZ_4knHblO0MNoxFsXZ_eTFUHum0B6IVRbhvUn5I"
)

// victim is the zone of the domain under validation.
const victim = `
@                NS   ns1
ns1              A    127.0.0.4
www              A    127.0.0.1
@                CAA  0 issue "ca.example"
_acme-challenge  TXT  "` + digest + `"
closed           CAA  0 issue ";"
closed           A    127.0.0.1
`

func start(tb testing.TB) (*resolvertest.World, uint16) {
	tb.Helper()
	w := resolvertest.Start(tb,
		resolvertest.Server{Addr: rootAddr, Zones: []resolvertest.Zone{{Origin: ".", Records: "test. NS a.nic.test.\na.nic.test. A " + tldAddr}}},
		resolvertest.Server{Addr: tldAddr, Zones: []resolvertest.Zone{{Origin: "test.", Records: "example NS ns1.example\nns1.example A " + victimAddr + "\nbroken NS ns1.broken\nns1.broken A " + brokenAddr}}},
		resolvertest.Server{Addr: brokenAddr, Handler: func(rw dns.ResponseWriter, q *dns.Msg) {
			_ = rw.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
		}},
		resolvertest.Server{Addr: victimAddr, Zones: []resolvertest.Zone{{Origin: "example.test.", Records: victim}}},
	)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.Host == "www.example.test" && req.URL.Path == "/.well-known/acme-challenge/token" {
			_, _ = fmt.Fprintln(rw, keyAuth)
			return
		}
		if strings.HasPrefix(req.Host, webAddr) && req.URL.Path == "/.well-known/pki-validation/file.txt" {
			_, _ = fmt.Fprintln(rw, "by its address")
			return
		}
		http.NotFound(rw, req)
	}))
	tb.Cleanup(srv.Close)
	return w, netip.MustParseAddrPort(srv.Listener.Addr().String()).Port()
}

func config(w *resolvertest.World, httpPort uint16) local.Config {
	var seconds atomic.Int64
	return local.Config{
		Perspective: perspectives.Perspective{Name: "test/one", City: "Bern", RIR: place.RIPE, ASN: 64500},
		Network:     &net.Dialer{},
		Clock:       func() time.Time { return time.Unix(seconds.Add(1), 0).UTC() },
		Roots:       w.Roots(rootAddr),
		DNSPort:     w.Port,
		HTTPPort:    httpPort,
	}
}

func check(domain string, method perspectives.Method) perspectives.Check {
	return perspectives.Check{
		Domain: domain, Method: method, Token: "token", KeyAuthorization: keyAuth, IssuerDomains: []string{"ca.example"},
	}
}

var _ = Describe("A perspective on real sockets", func() {
	var (
		w        *resolvertest.World
		httpPort uint16
		c        local.Config
	)
	BeforeEach(func() {
		w, httpPort = start(GinkgoTB())
		c = config(w, httpPort)
	})
	run := func(ctx SpecContext, check perspectives.Check) perspectives.Result {
		GinkgoHelper()
		l, err := local.New(c)
		Expect(err).NotTo(HaveOccurred())
		return l.Run(ctx, check)
	}

	It("corroborates by http-01 what it sees from the root down to the web server", func(ctx SpecContext) {
		r := run(ctx, check("www.example.test", perspectives.HTTP01))
		Expect(r.Corroborates()).To(BeTrue(), "%s; %s", r.DCV.Detail, r.CAA.Detail)
		Expect(r.DCV.Reason).To(Equal(dcv.ReasonMatches))
		Expect(r.CAA.Reason).To(Equal(caa.ReasonAuthorized))
		Expect(r.Perspective).To(Equal("test/one"))
		Expect(r.RIR).To(Equal(place.RIPE))
		Expect(r.TargetAddresses).To(Equal([]string{fmt.Sprintf("%s:%d", webAddr, httpPort)}))
		Expect(r.Finished).To(BeTemporally(">", r.Started))
	})

	It("corroborates by dns-01 and names the name server that answered", func(ctx SpecContext) {
		r := run(ctx, check("*.example.test", perspectives.DNS01))
		Expect(r.Corroborates()).To(BeTrue(), "%s; %s", r.DCV.Detail, r.CAA.Detail)
		Expect(r.TargetAddresses).To(Equal([]string{w.At(victimAddr).String()}))
	})

	It("asks the root once for both questions, and again in every attempt", func(ctx SpecContext) {
		l, err := local.New(c)
		Expect(err).NotTo(HaveOccurred())
		asked := func(questions perspectives.Questions) int {
			before := len(w.Queries())
			one := check("www.example.test", perspectives.HTTP01)
			one.Questions = questions
			Expect(l.Run(ctx, one).Corroborates()).To(BeTrue())
			root := 0
			for _, q := range w.Queries()[before:] {
				if strings.HasPrefix(q, rootAddr+" ") {
					root++
				}
			}
			return root
		}
		dcvOnly, caaOnly := asked(perspectives.OnlyDCV), asked(perspectives.OnlyCAA)
		Expect(dcvOnly).To(BeNumerically(">", 0))
		Expect(caaOnly).To(BeNumerically(">", 0))
		for range 2 {
			Expect(asked(perspectives.Both)).To(Equal(dcvOnly), "delegations serve both questions, and no later attempt")
		}
	})

	It("says what CAA says even if domain control is not shown", func(ctx SpecContext) {
		r := run(ctx, check("closed.example.test", perspectives.HTTP01))
		Expect(r.DCV.Verdict).To(Equal(perspectives.Fail))
		Expect(r.DCV.Reason).To(Equal(dcv.ReasonStatus))
		Expect(r.CAA.Verdict).To(Equal(perspectives.Fail))
		Expect(r.CAA.Reason).To(Equal(caa.ReasonForbidden))
	})

	DescribeTable("answers what it is asked",
		func(ctx SpecContext, questions perspectives.Questions, dcvVerdict, caaVerdict perspectives.Verdict, corroborates bool) {
			one := check("closed.example.test", perspectives.DNS01) // no TXT record there, and CAA forbids
			one.Questions = questions
			r := run(ctx, one)
			Expect(r.Questions).To(Equal(questions))
			Expect([]perspectives.Verdict{r.DCV.Verdict, r.CAA.Verdict}).To(Equal([]perspectives.Verdict{dcvVerdict, caaVerdict}))
			one.Domain = "example.test" // both pass
			Expect(run(ctx, one).Corroborates()).To(Equal(corroborates))
		},
		Entry("both", perspectives.Both, perspectives.Fail, perspectives.Fail, true),
		Entry("domain control", perspectives.OnlyDCV, perspectives.Fail, perspectives.Unanswered, true),
		Entry("CAA", perspectives.OnlyCAA, perspectives.Unanswered, perspectives.Fail, true),
		Entry("nothing that it knows", perspectives.Questions("x"), perspectives.Unanswered, perspectives.Unanswered, false),
	)

	It("validates an IP address, to which CAA does not apply", func(ctx SpecContext) {
		r := run(ctx, perspectives.Check{
			Domain: webAddr, Method: perspectives.WebsiteChange,
			DCV: perspectives.DCVParameters{ChallengeValue: "by its address", HTTPTokenPath: "file.txt"},
		})
		Expect(r.Corroborates()).To(BeTrue(), "%s; %s", r.DCV.Detail, r.CAA.Detail)
		Expect(r.CAA.Reason).To(Equal(caa.ReasonNotApplicable))
		Expect(w.Queries()).To(BeEmpty())
	})

	It("takes no failed CAA lookup for permission where nothing is validated", func(ctx SpecContext) {
		one := check("x.broken.test", perspectives.DNS01)
		one.Questions, one.CAA.AllowLookupFailure = perspectives.OnlyCAA, true
		r := run(ctx, one)
		Expect(r.CAA.Verdict).To(Equal(perspectives.Error), r.CAA.Detail)
		Expect(r.CAA.DNSSEC).To(Equal(perspectives.Indeterminate))
		Expect(r.CAA.LookupFailure.Missing).To(Equal([]string{"insecure"}), r.CAA.Detail)
		Expect(r.CAA.LookupFailure.Attempts).To(HaveLen(2), "it tried again in a new session")
	})

	It("does not corroborate if its network reaches nobody", func(ctx SpecContext) {
		c.DNSPort = 1
		c.Roots[0].Addrs[0] = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.99"), 1)
		r := run(ctx, check("www.example.test", perspectives.HTTP01))
		Expect(r.DCV.Verdict).To(Equal(perspectives.Error))
		Expect(r.CAA.Verdict).To(Equal(perspectives.Error))
		Expect(r.TargetAddresses).To(BeEmpty())
		Expect(r.TargetAddresses).NotTo(BeNil(), "JSON wants a list")
	})

	It("contacts nobody that its address policy refuses", func(ctx SpecContext) {
		c.Allowed = dcv.PublicOnly
		r := run(ctx, check("www.example.test", perspectives.HTTP01))
		Expect(r.DCV.Reason).To(Equal(dcv.ReasonLookupFailed))
		Expect(r.DCV.Detail).To(ContainSubstring("loopback, RFC 1122"))
		Expect(w.Queries()).To(BeEmpty())
	})

	It("gives the same answer for the same packets", func(ctx SpecContext) {
		first := run(ctx, check("www.example.test", perspectives.HTTP01))
		c.Clock = config(w, httpPort).Clock
		Expect(run(ctx, check("www.example.test", perspectives.HTTP01))).To(Equal(first))
	})

	It("describes itself as configured", func() {
		l, err := local.New(c)
		Expect(err).NotTo(HaveOccurred())
		Expect(l.Describe()).To(Equal(c.Perspective))
	})

	DescribeTable("refuses a configuration",
		func(change func(*local.Config), text string) {
			change(&c)
			_, err := local.New(c)
			Expect(err).To(MatchError(ContainSubstring(text)))
		},
		Entry("without name", func(c *local.Config) { c.Perspective.Name = "" }, `perspective in "Bern": Name is required`),
		Entry("without network", func(c *local.Config) { c.Network = nil }, `perspective "test/one": resolver: Network`),
		Entry("without roots", func(c *local.Config) { c.Roots = nil }, "no root hints"),
		Entry("with a negative limit", func(c *local.Config) { c.Limits.Queries = -1 }, "limit Queries"),
		Entry("with a negative timeout", func(c *local.Config) { c.Timeout = -1 }, "dcv: Timeout"),
	)
})

// Many checks at once must not disturb each other.
func TestConcurrentRuns(t *testing.T) {
	g := NewWithT(t)
	w, httpPort := start(t)
	l, err := local.New(config(w, httpPort))
	g.Expect(err).NotTo(HaveOccurred())
	results := make(chan perspectives.Result)
	const runs = 20
	for range runs {
		go func() { results <- l.Run(t.Context(), check("www.example.test", perspectives.HTTP01)) }()
	}
	for range runs {
		r := <-results
		g.Expect(r.Corroborates()).To(BeTrue(), "%s; %s", r.DCV.Detail, r.CAA.Detail)
	}
}

// BenchmarkRun is one http-01 check with CAA over the loopback, from the root:
// 8 DNS exchanges and one HTTP request, servers included.
func BenchmarkRun(b *testing.B) {
	w, httpPort := start(b)
	l, err := local.New(config(w, httpPort))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := l.Run(b.Context(), check("www.example.test", perspectives.HTTP01)); !r.Corroborates() {
			b.Fatal(r.DCV.Detail, r.CAA.Detail)
		}
	}
}

package caa_test

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"mpicsim/perspectives"
	"mpicsim/perspectives/caa"
	"mpicsim/perspectives/resolver"
	"mpicsim/perspectives/resolver/resolvertest"
)

// The root delegates test. to one server, which holds everything below it, and
// broken.test. to one that fails.
const (
	rootAddr   = "127.0.0.2"
	zoneAddr   = "127.0.0.3"
	brokenAddr = "127.0.0.4"
)

const zones = `
broken            NS    ns.broken
ns.broken         A     127.0.0.4

none              A     203.0.113.1
ours              CAA   0 issue "ca.example"
deep.ours         A     203.0.113.1
upper             CAA   0 ISSUE "CA.Example"
second            CAA   0 issue "other.example"
second            CAA   0 issue "CA2.example"
params            CAA   0 issue "ca.example; accounturi=https://other.example/1; validationmethods=dns-01"
others            CAA   0 issue "other.example"
theirs.ours       CAA   0 issue "other.example"
mine.others       CAA   0 issue "ca.example"
nobody            CAA   0 issue ";"
empty             CAA   0 issue ""
policyonly        CAA   0 issue ";policy=ev"
nobodybutus       CAA   0 issue ";"
nobodybutus       CAA   0 issue "ca.example"
nobodyandother    CAA   0 issue ";"
nobodyandother    CAA   0 issue "other.example"
prefix            CAA   0 issue "a.ca.example"
suffix            CAA   0 issue "ca.example.org"
malformed         CAA   0 issue "ca.example;;"
malformedandours  CAA   0 issue "%%%"
malformedandours  CAA   0 issue "ca.example"

iodefonly         CAA   0 iodef "mailto:security@example.test"
critiodef         CAA   128 iodef "mailto:security@example.test"
critissue         CAA   128 issue "ca.example"
critupper         CAA   128 ISSUE "ca.example"
critmail          CAA   128 issuemail ";"
critcontact       CAA   128 contactemail "admin@example.test"
critphone         CAA   128 ContactPhone "+1 555 0100"
critvmc           CAA   128 issuevmc "other.example"
critvmcours       CAA   128 IssueVMC ";"
critvmcours       CAA   0 issue "ca.example"
critvmctheirs     CAA   128 issuevmc "ca.example"
critvmctheirs     CAA   0 issue "other.example"
critauth          CAA   128 auth "x"
critpath          CAA   128 path "x"
critpolicy        CAA   128 policy "x"
unknown           CAA   0 tbs "x"
critunknown       CAA   128 tbs "x"
critunknownours   CAA   0 issue "ca.example"
critunknownours   CAA   129 tbs "x"
flagone           CAA   1 tbs "x"
flagbutone        CAA   127 tbs "x"

wildours          CAA   0 issue "other.example"
wildours          CAA   0 issuewild "ca.example"
wildothers        CAA   0 issue "ca.example"
wildothers        CAA   0 issuewild "other.example"
wildnobody        CAA   0 issue "ca.example"
wildnobody        CAA   0 IssueWild ";"
wildonly          CAA   0 issuewild "other.example"
wildmalformed     CAA   0 issue "ca.example"
wildmalformed     CAA   0 issuewild "ca.example;;"

alias             CNAME others
aliasnone         CNAME none
under.aliasnone   A     203.0.113.1
parentalias.ours  CNAME none
loop              CNAME loop
`

func startDNS() resolver.Options {
	GinkgoHelper()
	w := resolvertest.Start(GinkgoTB(),
		resolvertest.Server{Addr: rootAddr, Zones: []resolvertest.Zone{{Origin: ".", Records: `
test.       NS   ns.test.
ns.test.    A    127.0.0.3
restricted. CAA  0 issue "other.example"`}}},
		resolvertest.Server{Addr: zoneAddr, Zones: []resolvertest.Zone{{Origin: "test.", Records: zones}}},
		resolvertest.Server{Addr: brokenAddr, Handler: func(w dns.ResponseWriter, q *dns.Msg) {
			// Names come in any case (0x20), and parts of them first (RFC 9156).
			if name := strings.ToLower(q.Question[0].Name); strings.HasPrefix(name, "ok.") {
				m := resolvertest.Reply(q)
				if q.Question[0].Qtype != dns.TypeCAA {
					_ = w.WriteMsg(m)
					return
				}
				m.Answer = []dns.RR{&dns.CAA{
					Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeCAA, Class: dns.ClassINET},
					Tag: "issue", Value: "ca.example",
				}}
				_ = w.WriteMsg(m)
				return
			}
			_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
		}})
	return resolver.Options{
		Network: &net.Dialer{},
		Clock:   func() time.Time { return time.Time{} },
		Roots:   w.Roots(rootAddr),
		Port:    w.Port,
		Limits:  resolver.Limits{Timeout: 500 * time.Millisecond},
	}
}

// be matches an outcome by verdict, reason and the name in its detail.
func be(v perspectives.Verdict, reason, foundAt string) types.GomegaMatcher {
	return And(
		HaveField("Verdict", v),
		HaveField("Reason", reason),
		HaveField("Detail", ContainSubstring(foundAt)),
		HaveField("Clause", Not(BeEmpty())),
	)
}

func permitted(reason, at string) types.GomegaMatcher { return be(perspectives.Pass, reason, at) }
func forbidden(reason, at string) types.GomegaMatcher { return be(perspectives.Fail, reason, at) }

var _ = Describe("A CA that goes by ca.example and ca2.example", Ordered, func() {
	// Ordered only to start the name servers once: no entry depends on another.
	var r *resolver.Resolver
	BeforeAll(func() {
		var err error
		r, err = resolver.New(startDNS())
		Expect(err).NotTo(HaveOccurred())
	})

	DescribeTable("asks for",
		func(ctx SpecContext, domain string, want types.GomegaMatcher) {
			o := caa.Check(ctx, r.NewSession(), perspectives.Check{
				Domain: domain, IssuerDomains: []string{"ca.example", "ca2.example"},
			})
			Expect(o).To(want)
			Expect(o.Evidence).NotTo(BeEmpty())
		},
		Entry("a domain without records", "none.test", permitted(caa.ReasonNoRecords, "none.test")),
		Entry("a domain that does not exist", "a.b.c.nope.test", permitted(caa.ReasonNoRecords, "a.b.c.nope.test")),
		Entry("a domain that names it", "ours.test", permitted(caa.ReasonAuthorized, "at ours.test")),
		Entry("a name below, which inherits", "deep.ours.test", permitted(caa.ReasonAuthorized, "at ours.test")),
		Entry("a name far below, which inherits", "x.y.z.ours.test", permitted(caa.ReasonAuthorized, "at ours.test")),
		Entry("tag and domain in other case", "upper.test", permitted(caa.ReasonAuthorized, "at upper.test")),
		Entry("its second name in the second record", "second.test", permitted(caa.ReasonAuthorized, "at second.test")),
		Entry("an account and a method that are others", "params.test", forbidden(caa.ReasonAccount, "at params.test")),
		Entry("a domain that names another", "others.test", forbidden(caa.ReasonNotAuthorized, "other.example")),
		Entry("a name that overrides its parent with another", "theirs.ours.test", forbidden(caa.ReasonNotAuthorized, "at theirs.ours.test")),
		Entry("a name that overrides its parent with it", "mine.others.test", permitted(caa.ReasonAuthorized, "at mine.others.test")),
		Entry("a domain that forbids all", "nobody.test", forbidden(caa.ReasonForbidden, "nobody")),
		Entry("an empty value", "empty.test", forbidden(caa.ReasonForbidden, "nobody")),
		Entry("parameters without a domain", "policyonly.test", forbidden(caa.ReasonForbidden, "nobody")),
		Entry("nobody, and it", "nobodybutus.test", permitted(caa.ReasonAuthorized, "ca.example")),
		Entry("nobody, and another", "nobodyandother.test", forbidden(caa.ReasonNotAuthorized, "other.example")),
		Entry("a subdomain of its name", "prefix.test", forbidden(caa.ReasonNotAuthorized, "a.ca.example")),
		Entry("a name that starts with its name", "suffix.test", forbidden(caa.ReasonNotAuthorized, "ca.example.org")),
		Entry("a malformed record that would name it", "malformed.test", forbidden(caa.ReasonNotAuthorized, "malformed")),
		Entry("a malformed record beside one that names it", "malformedandours.test", permitted(caa.ReasonAuthorized, "ca.example")),

		Entry("iodef only", "iodefonly.test", permitted(caa.ReasonNoRestriction, "iodefonly.test")),
		Entry("critical iodef", "critiodef.test", permitted(caa.ReasonNoRestriction, "critiodef.test")),
		Entry("critical issue", "critissue.test", permitted(caa.ReasonAuthorized, "critissue.test")),
		Entry("critical issue in other case", "critupper.test", permitted(caa.ReasonAuthorized, "critupper.test")),
		Entry("critical issuemail, which is about S/MIME", "critmail.test", permitted(caa.ReasonNoRestriction, "critmail.test")),
		Entry("critical contactemail", "critcontact.test", permitted(caa.ReasonNoRestriction, "critcontact.test")),
		Entry("critical contactphone", "critphone.test", permitted(caa.ReasonNoRestriction, "critphone.test")),
		Entry("critical issuevmc, for another kind of certificate", "critvmc.test", permitted(caa.ReasonNoRestriction, "critvmc.test")),
		Entry("critical issuevmc that forbids, beside its name", "critvmcours.test", permitted(caa.ReasonAuthorized, "critvmcours.test")),
		Entry("critical issuevmc for it, which is no permission", "critvmctheirs.test", forbidden(caa.ReasonNotAuthorized, "other.example")),
		Entry("critical auth, which is reserved only", "critauth.test", forbidden(caa.ReasonCritical, `"auth"`)),
		Entry("critical path, which is reserved only", "critpath.test", forbidden(caa.ReasonCritical, `"path"`)),
		Entry("critical policy, which is reserved only", "critpolicy.test", forbidden(caa.ReasonCritical, `"policy"`)),
		Entry("an unknown property", "unknown.test", permitted(caa.ReasonNoRestriction, "unknown.test")),
		Entry("an unknown critical property", "critunknown.test", forbidden(caa.ReasonCritical, `"tbs"`)),
		Entry("an unknown critical property beside its name", "critunknownours.test", forbidden(caa.ReasonCritical, `"tbs"`)),
		Entry("all flags but the critical one", "flagbutone.test", permitted(caa.ReasonNoRestriction, "flagbutone.test")),
		Entry("flag 1, which is not the critical flag", "flagone.test", permitted(caa.ReasonNoRestriction, "flagone.test")),

		Entry("a wildcard where issue names it", "*.ours.test", permitted(caa.ReasonAuthorized, "at ours.test")),
		Entry("a wildcard where issue names another", "*.others.test", forbidden(caa.ReasonNotAuthorized, "at others.test")),
		Entry("a wildcard where issuewild names it", "*.wildours.test", permitted(caa.ReasonAuthorized, "issuewild")),
		Entry("the name itself there", "wildours.test", forbidden(caa.ReasonNotAuthorized, "issue authorizes other.example")),
		Entry("a wildcard where issuewild names another", "*.wildothers.test", forbidden(caa.ReasonNotAuthorized, "issuewild authorizes other.example")),
		Entry("the name itself there, where issuewild does not count", "wildothers.test", permitted(caa.ReasonAuthorized, "at wildothers.test")),
		Entry("a wildcard where issuewild forbids all", "*.wildnobody.test", forbidden(caa.ReasonForbidden, "nobody")),
		Entry("a wildcard where issuewild is malformed", "*.wildmalformed.test", forbidden(caa.ReasonNotAuthorized, "malformed")),
		Entry("a name where there is issuewild only", "wildonly.test", permitted(caa.ReasonNoRestriction, "wildonly.test")),
		Entry("a wildcard where there is issuewild only", "*.wildonly.test", forbidden(caa.ReasonNotAuthorized, "wildonly.test")),

		Entry("an alias to a name with records", "alias.test", forbidden(caa.ReasonNotAuthorized, "at alias.test")),
		Entry("an alias to a name without", "aliasnone.test", permitted(caa.ReasonNoRecords, "aliasnone.test")),
		Entry("an alias below a name with records: the climb goes on from the alias", "parentalias.ours.test", permitted(caa.ReasonAuthorized, "at ours.test")),
		Entry("a name below a top-level domain with records", "www.restricted", forbidden(caa.ReasonNotAuthorized, "at restricted")),

		Entry("a zone that answers SERVFAIL", "www.broken.test", be(perspectives.Error, caa.ReasonLookupFailed, "SERVFAIL")),
		Entry("a name with records in that zone", "ok.broken.test", permitted(caa.ReasonAuthorized, "at ok.broken.test")),
		Entry("a name below it, whose own lookup fails", "x.ok.broken.test", be(perspectives.Error, caa.ReasonLookupFailed, "x.ok.broken.test")),
		Entry("an alias loop", "loop.test", be(perspectives.Error, caa.ReasonLookupFailed, "loop")),
	)

	It("takes no alias loop for a failure that may be permission, where SERVFAIL is tried again", func(ctx SpecContext) {
		k := caa.Checker{Retry: func() caa.Resolver { return r.NewSession() }}
		c := perspectives.Check{Domain: "loop.test", IssuerDomains: []string{"ca.example"}, CAA: perspectives.CAAParameters{AllowLookupFailure: true}}
		Expect(k.Check(ctx, r.NewSession(), c)).To(And(
			be(perspectives.Error, caa.ReasonLookupFailed, "leads back to"), HaveField("LookupFailure", BeNil())))
		c.Domain = "www.broken.test"
		Expect(k.Check(ctx, r.NewSession(), c)).To(HaveField("LookupFailure.Attempts", HaveLen(2)))
	})

	It("climbs to the top-level domain and does not ask the root", func(ctx SpecContext) {
		var asked []string
		_, err := caa.Find(ctx, recorder{r.NewSession(), &asked}, "*.a.none.test")
		Expect(err).NotTo(HaveOccurred())
		Expect(asked).To(Equal([]string{"a.none.test", "none.test", "test"}))
	})

	It("is never permitted to issue if it has no name", func(ctx SpecContext) {
		o := caa.Check(ctx, r.NewSession(), perspectives.Check{Domain: "ours.test"})
		Expect(o).To(forbidden(caa.ReasonNotAuthorized, "without issuer domains"))
		o = caa.Check(ctx, r.NewSession(), perspectives.Check{Domain: "empty.test", IssuerDomains: []string{""}})
		Expect(o).To(forbidden(caa.ReasonForbidden, "nobody"))
	})

	It("gets no permission for something that is not a name", func(ctx SpecContext) {
		o := caa.Check(ctx, r.NewSession(), perspectives.Check{Domain: "a..test", IssuerDomains: []string{"ca.example"}})
		Expect(o).To(be(perspectives.Error, caa.ReasonLookupFailed, "not a domain name"))
	})

	It("is refused when the context ends", func(ctx SpecContext) {
		done, cancel := context.WithCancel(ctx)
		cancel()
		o := caa.Check(done, r.NewSession(), perspectives.Check{Domain: "none.test", IssuerDomains: []string{"ca.example"}})
		Expect(o).To(be(perspectives.Error, caa.ReasonLookupFailed, "canceled"))
	})
})

// recorder notes which names are looked up.
type recorder struct {
	caa.Resolver
	asked *[]string
}

func (r recorder) Lookup(ctx context.Context, name string, qtype uint16) (*resolver.Answer, error) {
	*r.asked = append(*r.asked, name)
	return r.Resolver.Lookup(ctx, name, qtype)
}

package caa_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/caa"
)

const (
	account = "https://ca.example/acct/1"
	other   = "https://ca.example/acct/2"
)

// records returns a set of CAA records at example.test, each given as
// "tag value" or "flags tag value".
func records(lines ...string) caa.Set {
	set := caa.Set{Name: "example.test"}
	for _, l := range lines {
		tag, value, _ := strings.Cut(l, " ")
		r := &dns.CAA{Tag: tag, Value: value}
		if tag == "128" {
			r.Flag = 128
			r.Tag, r.Value, _ = strings.Cut(value, " ")
		}
		set.Records = append(set.Records, r)
	}
	return set
}

// TestParameters is RFC 8657, sentence by sentence.
func TestParameters(t *testing.T) {
	for name, c := range map[string]struct {
		records []string
		reason  string
		clause  string
	}{
		"no parameter": {[]string{"issue ca.example"}, caa.ReasonAuthorized, "RFC 8659 4.2"},
		"the account":  {[]string{"issue ca.example; accounturi=" + account}, caa.ReasonAuthorized, "RFC 8659 4.2"},
		"tag in other case": {
			[]string{"issue ca.example; AccountURI=" + account}, caa.ReasonAuthorized, "RFC 8659 4.2",
		},
		"another account": {[]string{"issue ca.example; accounturi=" + other}, caa.ReasonAccount, "RFC 8657 3"},
		"the account in other case": {
			[]string{"issue ca.example; accounturi=https://CA.example/acct/1"}, caa.ReasonAccount, "RFC 8657 3",
		},
		"an empty account": {[]string{"issue ca.example; accounturi="}, caa.ReasonAccount, "RFC 8657 3"},
		"the account twice": {
			[]string{"issue ca.example; accounturi=" + account + "; accounturi=" + account}, caa.ReasonAccount, "RFC 8657 3",
		},
		"another account in one record, the account in the next": {
			[]string{"issue ca.example; accounturi=" + other, "issue ca.example; accounturi=" + account}, caa.ReasonAuthorized, "RFC 8659 4.2",
		},
		"the account at another CA": {[]string{"issue other.example; accounturi=" + account}, caa.ReasonNotAuthorized, "RFC 8659 4.2"},
		"the method":                {[]string{"issue ca.example; validationmethods=dns-01"}, caa.ReasonAuthorized, "RFC 8659 4.2"},
		"the method among others":   {[]string{"issue ca.example; validationmethods=http-01,dns-01,ca-x"}, caa.ReasonAuthorized, "RFC 8659 4.2"},
		"another method":            {[]string{"issue ca.example; validationmethods=http-01"}, caa.ReasonMethod, "RFC 8657 4"},
		"the method in other case":  {[]string{"issue ca.example; validationmethods=DNS-01"}, caa.ReasonMethod, "RFC 8657 4"},
		"a label that contains it":  {[]string{"issue ca.example; validationmethods=dns-01x"}, caa.ReasonMethod, "RFC 8657 4"},
		"no method":                 {[]string{"issue ca.example; validationmethods="}, caa.ReasonMethod, "RFC 8657 4"},
		"an empty label":            {[]string{"issue ca.example; validationmethods=dns-01,"}, caa.ReasonMethod, "RFC 8657 4"},
		"a label outside of the grammar": {
			[]string{"issue ca.example; validationmethods=dns-01,a_b"}, caa.ReasonMethod, "RFC 8657 4",
		},
		"methods twice": {
			[]string{"issue ca.example; validationmethods=dns-01; validationmethods=dns-01"}, caa.ReasonMethod, "RFC 8657 4",
		},
		"account and method": {
			[]string{"issue ca.example; validationmethods=dns-01; accounturi=" + account}, caa.ReasonAuthorized, "RFC 8659 4.2",
		},
		"account, another method": {
			[]string{"issue ca.example; validationmethods=http-01; accounturi=" + account}, caa.ReasonMethod, "RFC 8657 4",
		},
		"account here, method there": {
			[]string{"issue ca.example; validationmethods=http-01; accounturi=" + account, "issue ca.example; validationmethods=dns-01; accounturi=" + other},
			caa.ReasonMethod, "RFC 8657 4",
		},
		"other parameters": {[]string{"issue ca.example; policy=ev; policy=ov; x="}, caa.ReasonAuthorized, "RFC 8659 4.2"},
		"malformed, for the CA": {
			[]string{"issue ca.example; accounturi"}, caa.ReasonNotAuthorized, "RFC 8659 4.2",
		},
		"nobody": {[]string{"issue ;", "issue ", "issue ;policy=ev"}, caa.ReasonForbidden, "RFC 8659 4.2"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			q := caa.Query{Issuers: []string{"ca.example"}, AccountURI: account, Methods: []string{"dns-01"}}
			o := caa.Evaluate(records(c.records...), q)
			g.Expect(o.Reason).To(Equal(c.reason), o.Detail)
			g.Expect(o.Clause).To(Equal(c.clause))
			verdict := perspectives.Fail
			if c.reason == caa.ReasonAuthorized {
				verdict = perspectives.Pass
			}
			g.Expect(o.Verdict).To(Equal(verdict))

			// Without processing them, every well-formed record of the CA will do.
			q.IgnoreParameters = true
			want := perspectives.Fail
			for _, r := range c.records {
				domain, _, err := caa.ParseIssueValue(strings.TrimPrefix(r, "issue "))
				if err == nil && domain == "ca.example" {
					want = perspectives.Pass
				}
			}
			g.Expect(caa.Evaluate(records(c.records...), q).Verdict).To(Equal(want))
		})
	}
}

// TestNoAccountAndNoMethod: who has none satisfies no record that asks for one.
func TestNoAccountAndNoMethod(t *testing.T) {
	g := NewWithT(t)
	q := caa.Query{Issuers: []string{"ca.example"}}
	g.Expect(caa.Evaluate(records("issue ca.example; accounturi="), q).Reason).To(Equal(caa.ReasonAccount))
	g.Expect(caa.Evaluate(records("issue ca.example; accounturi="+account), q).Reason).To(Equal(caa.ReasonAccount))
	g.Expect(caa.Evaluate(records("issue ca.example; validationmethods="), q).Reason).To(Equal(caa.ReasonMethod))
	g.Expect(caa.Evaluate(records("issue ca.example"), q).Reason).To(Equal(caa.ReasonAuthorized))
}

// TestSMIME: for mailboxes only issuemail restricts (RFC 9495 4), and issuemail
// restricts nothing else. The sets of the S/MIME cases of the Open MPIC suite are
// among them.
func TestSMIME(t *testing.T) {
	for name, c := range map[string]struct {
		records    []string
		smime, tls string // reasons
		wildcard   string // for a wildcard TLS certificate
	}{
		"nothing":            {nil, caa.ReasonNoRecords, caa.ReasonNoRecords, caa.ReasonNoRecords},
		"issuemail":          {[]string{"128 issuemail ca.example"}, caa.ReasonAuthorized, caa.ReasonNoRestriction, caa.ReasonNoRestriction},
		"issuemail of other": {[]string{"issuemail other.example"}, caa.ReasonNotAuthorized, caa.ReasonNoRestriction, caa.ReasonNoRestriction},
		"issuemail of nobody": {
			[]string{"IssueMail ;"}, caa.ReasonForbidden, caa.ReasonNoRestriction, caa.ReasonNoRestriction,
		},
		"issue only":      {[]string{"issue other.example"}, caa.ReasonNoRestriction, caa.ReasonNotAuthorized, caa.ReasonNotAuthorized},
		"issuewild only":  {[]string{"issuewild other.example"}, caa.ReasonNoRestriction, caa.ReasonNoRestriction, caa.ReasonNotAuthorized},
		"contact only":    {[]string{"contactphone +1-123"}, caa.ReasonNoRestriction, caa.ReasonNoRestriction, caa.ReasonNoRestriction},
		"unknown, urgent": {[]string{"128 tbs x", "issuemail ca.example"}, caa.ReasonCritical, caa.ReasonCritical, caa.ReasonCritical},
		"for an account":  {[]string{"issuemail ca.example; accounturi=x:1"}, caa.ReasonAccount, caa.ReasonNoRestriction, caa.ReasonNoRestriction},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			q := caa.Query{Issuers: []string{"ca.example"}}
			g.Expect(caa.Evaluate(records(c.records...), q).Reason).To(Equal(c.tls))
			q.Wildcard = true
			g.Expect(caa.Evaluate(records(c.records...), q).Reason).To(Equal(c.wildcard))
			q.SMIME = true
			o := caa.Evaluate(records(c.records...), q)
			g.Expect(o.Reason).To(Equal(c.smime), o.Detail)
			if c.smime == caa.ReasonForbidden {
				g.Expect(o.Clause).To(Equal("RFC 9495 4"))
			}
		})
	}
}

func TestMethodLabels(t *testing.T) {
	g := NewWithT(t)
	for _, m := range perspectives.Methods() {
		acme, all := caa.MethodLabels(m, false), caa.MethodLabels(m, true)
		g.Expect(all).To(ContainElements(acme), "%s", m)
		for _, l := range all {
			g.Expect(slices.Contains(acme, l)).To(Equal(!strings.HasPrefix(l, "ca-tbr-")), "%s: %s", m, l)
		}
	}
	g.Expect(caa.MethodLabels(perspectives.HTTP01, true)).To(Equal([]string{"http-01", "ca-tbr-19"}))
	g.Expect(caa.MethodLabels(perspectives.DNSChange, true)).To(Equal([]string{"ca-tbr-7"}))
	g.Expect(caa.MethodLabels(perspectives.DNSChange, false)).To(BeEmpty())
	g.Expect(caa.MethodLabels(perspectives.DNSPersistent, false)).To(Equal([]string{"dns-persist-01"}))
	g.Expect(caa.MethodLabels(perspectives.IPPersistent, true)).To(BeEmpty())
	g.Expect(caa.MethodLabels("", true)).To(BeEmpty())
}

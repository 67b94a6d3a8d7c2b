package caa_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/caa"
	"mpicsim/perspectives/costtest"
)

// costFor is what it may cost to judge records of so much text: in proportion to it.
func costFor(text string) costtest.Cost {
	n := len(text)
	return costtest.Cost{CPU: 100*time.Millisecond + time.Duration(n)*5*time.Microsecond, Allocated: 1<<20 + 128*uint64(n)}
}

// TestLargeSetsCostInProportion: what a message can hold is judged in milliseconds.
func TestLargeSetsCostInProportion(t *testing.T) {
	q := caa.Query{Issuers: []string{"ca.example"}, AccountURI: account, Methods: []string{"dns-01"}}
	for name, lines := range map[string][]string{
		"many records":      slices.Repeat([]string{"issue other.example"}, 5000),
		"many for the CA":   slices.Repeat([]string{"issue ca.example; accounturi=" + other}, 2000),
		"many parameters":   {"issue ca.example; accounturi=" + other + strings.Repeat("; a=b", 15_000)},
		"many labels":       {"issue ca.example; validationmethods=" + strings.Repeat("a,", 30_000) + "a"},
		"a long domain":     {"issue " + strings.Repeat("a.", 30_000) + "a"},
		"a long tag":        {"issue ca.example; " + strings.Repeat("a-", 30_000) + "a"},
		"white space":       {"issue " + strings.Repeat(" ", 60_000)},
		"no issue-value":    {"issue " + strings.Repeat("\x00", 60_000)},
		"unknown, critical": append(slices.Repeat([]string{"tbs x"}, 5000), "128 tbs x"),
	} {
		t.Run(name, func(t *testing.T) {
			set := records(lines...)
			costtest.AtMost(t, costFor(strings.Join(lines, "\n")), func() {
				if o := caa.Evaluate(set, q); o.Verdict != perspectives.Fail {
					t.Errorf("%v %s", o.Verdict, o.Reason)
				}
			})
		})
	}
}

// FuzzEvaluate holds the judgement of a whole set, one record a line as "tag value"
// or "128 tag value", to what must be true of any: it is Pass or Fail, whatever the
// order; it authorizes by name only who is named in a well-formed value; a critical
// property that is unknown forbids; a further record for nobody takes permission
// from a set that did not restrict and from no other; and whoever ignores parameters
// permits no less.
func FuzzEvaluate(f *testing.F) {
	for _, set := range []string{
		"", "issue ca.example", "issue other.example", "issue ;", "issue", "ISSUE CA.EXAMPLE", "issuewild ca.example\nissue other.example",
		"issue ca.example; accounturi=" + account, "issue ca.example; accounturi=" + other + "\nissue ca.example; validationmethods=dns-01",
		"issue ca.example; validationmethods=http-01,dns-01", "issue ca.example; validationmethods=", "issue ca.example; accounturi=a; accounturi=a",
		"128 tbs x", "128 tbs x\nissue ca.example", "tbs x", "128 issue ca.example", "issuemail ca.example\nissue ;", "iodef mailto:a@b.example",
		"issue ca.example;;", "issue ca.example; a", "issue ca.example.", "issue \x00", "issue ca.example; accounturi=" + account + "\nissuewild ;",
		`issue ca.example; x=1\059accounturi=` + other,
	} {
		for mode := range uint8(4) {
			f.Add(set, mode)
		}
	}
	f.Fuzz(func(t *testing.T, text string, mode uint8) {
		var lines []string
		if text != "" {
			lines = strings.Split(text, "\n")
		}
		q := caa.Query{
			Wildcard: mode&1 != 0, SMIME: mode&2 != 0, Issuers: []string{"ca.example"}, AccountURI: account, Methods: []string{"dns-01"},
		}
		set := records(lines...)
		var o perspectives.Outcome
		costtest.AtMost(t, costFor(text), func() { o = caa.Evaluate(set, q) })
		if o.Verdict != perspectives.Pass && o.Verdict != perspectives.Fail || o.Reason == "" || o.Clause == "" {
			t.Fatalf("%q: %+v", lines, o)
		}
		reversed := caa.Set{Name: set.Name, Records: slices.Clone(set.Records)}
		slices.Reverse(reversed.Records)
		if r := caa.Evaluate(reversed, q); r.Verdict != o.Verdict {
			t.Fatalf("%q: %v, in reverse %v", lines, o.Verdict, r.Verdict)
		}
		named := slices.ContainsFunc(set.Records, func(r *dns.CAA) bool {
			domain, _, err := caa.ParseIssueValue(r.Value)
			return err == nil && strings.EqualFold(domain, "ca.example") && strings.HasPrefix(strings.ToLower(r.Tag), "issue")
		})
		if o.Reason == caa.ReasonAuthorized && !named {
			t.Fatalf("%q: authorized by nobody", lines)
		}
		if r := caa.Evaluate(records(append(lines, "128 tbs x")...), q); r.Reason != caa.ReasonCritical {
			t.Fatalf("%q with a critical property: %+v", lines, r)
		}
		tag := "issue"
		switch {
		case q.SMIME:
			tag = "issuemail"
		case q.Wildcard && slices.ContainsFunc(set.Records, func(r *dns.CAA) bool { return strings.EqualFold(r.Tag, "issuewild") }):
			tag = "issuewild"
		}
		closed := caa.Evaluate(records(append(lines, tag+" ;")...), q)
		if want := o.Reason == caa.ReasonAuthorized; (closed.Verdict == perspectives.Pass) != want {
			t.Fatalf("%q is %s; closed to all others it is %+v", lines, o.Reason, closed)
		}
		lax := q
		lax.IgnoreParameters = true
		if o.Verdict == perspectives.Pass && caa.Evaluate(set, lax).Verdict != perspectives.Pass {
			t.Fatalf("%q: parameters permit what the record does not", lines)
		}
	})
}

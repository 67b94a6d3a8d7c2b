package dcv

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"mpicsim/perspectives/costtest"
)

// FuzzPersistentRecord holds judge to a second reading of BR 3.2.2.4.22 by
// regular expressions: a record passes if and only if that says so.
func FuzzPersistentRecord(f *testing.F) {
	const account = "x:1"
	for _, s := range []string{
		"", ";", ";;;", "ca.test", "ca.test;", "ca.test; =v", "ca.test; accounturi", "ca.test; accounturi=x:1",
		"CA.TEST ;\tAccountURI = x:1 ; persistUntil=100", "ca.test; accounturi=x:1; persistuntil=99", "ca.test; accounturi=x:1;",
		"ca.test; accounturi=x:1; a=b; a=c", "ca.test; accounturi=x:1; accounturi=x:1", "ca.test; accounturi=x:1; persistUntil=1e3",
		"ca.test; accounturi=x:1; persistUntil=99999999999999999999", "ca.test.; accounturi=x:1", "b.test; accounturi=x:1",
		"ca.test; accounturi=x:1; persistUntil=+100", "ca.test; accounturi=x:1; persistUntil=000100", "ca.test\x00; accounturi=x:1",
	} {
		f.Add(s)
	}
	record := regexp.MustCompile(`^[ \t]*ca\.test[ \t]*;[ \t]*(.*)$`)
	parameter := regexp.MustCompile(`^[ \t]*([a-zX0-9]+(?:-+[a-zX0-9]+)*)[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)[ \t]*$`)
	oracle := func(s string) bool {
		m := record.FindStringSubmatch(lowerTags(s))
		if m == nil {
			return false
		}
		seen := map[string]string{}
		for part := range strings.SplitSeq(m[1], ";") {
			p := parameter.FindStringSubmatch(part)
			if p == nil {
				return false
			}
			if _, twice := seen[p[1]]; twice && (p[1] == "accounturi" || p[1] == "persistuntil") {
				return false
			}
			seen[p[1]] = p[2]
		}
		if until, ok := seen["persistuntil"]; ok {
			if !regexp.MustCompile(`^[0-9]+$`).MatchString(until) {
				return false
			}
			if n, err := strconv.ParseUint(until, 10, 64); err == nil && n < 100 {
				return false
			}
		}
		return seen["accounturi"] == account
	}
	p := persistence{issuers: []string{"ca.test"}, account: account, now: time.Unix(100, 0)}
	f.Fuzz(func(t *testing.T, s string) {
		var got persistentVerdict
		costtest.AtMost(t, costFor(len(s)), func() { got = p.judge(s) })
		if pass := got.reason == ReasonPersistentMatches; pass != oracle(s) {
			t.Fatalf("%q: %s (%s), the oracle says %v", s, got.reason, got.detail, oracle(s))
		}
		if got.rank() < 0 {
			t.Fatalf("%q: reason %q has no rank", s, got.reason)
		}
	})
}

// lowerTags puts everything into lower case: the account and the issuer of the
// fuzz target have none but one letter, which is in lower case already.
func lowerTags(s string) string {
	// An account in other case must not pass.
	return regexp.MustCompile(`[A-WYZ]`).ReplaceAllStringFunc(s, strings.ToLower)
}

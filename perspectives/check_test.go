package perspectives_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
)

// TestResultCorroborates enumerates every pair of verdicts for every set of
// questions: what was asked must have passed, and what was not asked does not
// matter.
func TestResultCorroborates(t *testing.T) {
	g := NewWithT(t)
	for _, questions := range []perspectives.Questions{"", "dcv", "caa", "none", "DCV"} {
		for _, dcv := range perspectives.Verdicts() {
			for _, caa := range perspectives.Verdicts() {
				var want bool
				switch questions {
				case "":
					want = dcv == perspectives.Pass && caa == perspectives.Pass
				case "dcv":
					want = dcv == perspectives.Pass
				case "caa":
					want = caa == perspectives.Pass
				default: // nobody asks this
				}
				r := perspectives.Result{
					Questions: questions,
					DCV:       perspectives.Outcome{Verdict: dcv}, CAA: perspectives.Outcome{Verdict: caa},
				}
				g.Expect(r.Corroborates()).To(Equal(want), "%q: %v, %v", questions, dcv, caa)
			}
		}
	}
}

// TestCheckJSON: a check of the first days is written as it was then.
func TestCheckJSON(t *testing.T) {
	g := NewWithT(t)
	text, err := json.Marshal(perspectives.Check{
		Domain: "example.com", Method: perspectives.HTTP01, Token: "t", KeyAuthorization: "t.k", IssuerDomains: []string{"ca.example"},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(Equal(`{"domain":"example.com","method":"acme-http-01","token":"t",` +
		`"key_authorization":"t.k","issuer_domains":["ca.example"]}`))
}

func TestCheckTarget(t *testing.T) {
	g := NewWithT(t)
	for domain, want := range map[string]struct {
		name     string
		wildcard bool
		addr     netip.Addr
	}{
		"example.com":   {"example.com", false, netip.Addr{}},
		"*.example.com": {"example.com", true, netip.Addr{}},
		"192.0.2.1":     {"192.0.2.1", false, netip.MustParseAddr("192.0.2.1")},
		"2001:db8::1":   {"2001:db8::1", false, netip.MustParseAddr("2001:db8::1")},
	} {
		c := perspectives.Check{Domain: domain}
		addr, isAddress := c.Address()
		g.Expect(c.Name()).To(Equal(want.name))
		g.Expect(c.Wildcard()).To(Equal(want.wildcard))
		g.Expect(addr).To(Equal(want.addr))
		g.Expect(isAddress).To(Equal(want.addr.IsValid()))
	}
}

func TestMethodNames(t *testing.T) {
	g := NewWithT(t)
	seen := map[perspectives.Method]bool{}
	for _, m := range perspectives.Methods() {
		g.Expect(m.Known()).To(BeTrue())
		g.Expect(seen[m]).To(BeFalse(), "%s twice", m)
		seen[m] = true
	}
	g.Expect(seen).To(HaveLen(14))
	g.Expect(perspectives.Method("").Known()).To(BeFalse())
	g.Expect(perspectives.Method("ACME-HTTP-01").Known()).To(BeFalse())
}

// TestLookupFailureIsCompleteOnlyWithAllProofs takes each proof away.
func TestLookupFailureIsCompleteOnlyWithAllProofs(t *testing.T) {
	g := NewWithT(t)
	whole := func() perspectives.LookupFailure {
		return perspectives.LookupFailure{
			Attempts: make([]perspectives.FailedLookup, 2), Outside: "the root answered", DNSSEC: perspectives.Insecure,
		}
	}
	g.Expect(whole().Complete()).To(BeTrue())
	for name, without := range map[string]func(*perspectives.LookupFailure){
		"retry":         func(f *perspectives.LookupFailure) { f.Attempts = f.Attempts[:1] },
		"outside":       func(f *perspectives.LookupFailure) { f.Outside = "" },
		"not validated": func(f *perspectives.LookupFailure) { f.DNSSEC = perspectives.NotValidated },
		"secure":        func(f *perspectives.LookupFailure) { f.DNSSEC = perspectives.Secure },
		"bogus":         func(f *perspectives.LookupFailure) { f.DNSSEC = perspectives.Bogus },
		"indeterminate": func(f *perspectives.LookupFailure) { f.DNSSEC = perspectives.Indeterminate },
		"stated":        func(f *perspectives.LookupFailure) { f.Missing = []string{"retry"} },
	} {
		f := whole()
		without(&f)
		g.Expect(f.Complete()).To(BeFalse(), name)
	}
}

// Package caa asks whether the CAA records of a domain permit a CA to issue
// (RFC 8659, BR 3.2.2.8), as one perspective sees them.
//
// Done: the climb from the name up to the top-level domain (RFC 8659 3) with
// aliases followed at each step, issue and issuewild with their precedence
// (4.2, 4.3), the issue-value grammar to the letter (4.2), and the critical flag
// (4.1).
//
// Not done: the RFC 8657 parameters accounturi and validationmethods, which are
// parsed and then ignored, as are all parameters; issuemail (RFC 9495), which
// says nothing about TLS server certificates; reports to iodef; the BR's
// exception for lookup failures in provably insecure zones: a failed lookup is
// never permission here.
//
// Nothing here has state; everything is safe for concurrent use as far as the
// [Resolver] is.
package caa

import (
	"context"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/resolver"
)

// The reasons of an outcome.
const (
	// ReasonNoRecords: no name from the domain to its top-level domain has CAA
	// records. Pass.
	ReasonNoRecords = "no-caa-records"
	// ReasonNoRestriction: the record set found has no property that restricts
	// this kind of certificate. Pass.
	ReasonNoRestriction = "no-issue-property"
	// ReasonAuthorized: a record names one of the CA's issuer domains. Pass.
	ReasonAuthorized = "issuer-authorized"
	// ReasonNotAuthorized: the records name other issuers, or are malformed.
	// Fail.
	ReasonNotAuthorized = "issuer-not-authorized"
	// ReasonForbidden: the records forbid everybody to issue (";"). Fail.
	ReasonForbidden = "issuance-forbidden"
	// ReasonCritical: a record with the critical flag has a property that is
	// not understood. Fail.
	ReasonCritical = "critical-unknown-property"
	// ReasonLookupFailed: no usable answer for one of the names. Error.
	ReasonLookupFailed = "lookup-failed"
)

// Clauses that outcomes rest on.
const (
	clauseClimb    = "RFC 8659 3"
	clauseCritical = "RFC 8659 4.1"
	clauseIssue    = "RFC 8659 4.2"
	clauseWild     = "RFC 8659 4.3"
	clauseLookup   = "BR 3.2.2.8"
)

// Resolver looks up records, aliases included: a fresh session of package
// resolver, used by one check only.
type Resolver interface {
	Lookup(ctx context.Context, name string, qtype uint16) (*resolver.Answer, error)
}

// Check says whether the CAA records of c.Domain permit a CA that goes by
// c.IssuerDomains to issue. Every lookup is in the outcome's evidence.
func Check(ctx context.Context, r Resolver, c perspectives.Check) perspectives.Outcome {
	set, err := Find(ctx, r, c.Domain)
	if err != nil {
		return perspectives.Outcome{
			Verdict: perspectives.Error, Reason: ReasonLookupFailed, Clause: clauseLookup,
			Detail: err.Error(), Evidence: set.Trace,
		}
	}
	o := Evaluate(set, strings.HasPrefix(c.Domain, "*."), c.IssuerDomains)
	o.Evidence = set.Trace
	return o
}

// Set is the relevant CAA record set of a domain (RFC 8659 3).
type Set struct {
	// Name is where the set was found, without trailing dot; if there is none,
	// the domain that the search started from.
	Name string
	// Records is empty if there is none.
	Records []*dns.CAA
	// Trace has every exchange of the search.
	Trace []perspectives.Evidence
}

// Find climbs from domain, without a leading "*.", to its top-level domain and
// returns the first CAA record set that is not empty. Aliases are followed at
// each step, but the climb goes on from the alias, not from its target
// (RFC 8659 3). On an error, which wraps that of r, only Trace is set: a name
// that cannot be looked up could have had records.
func Find(ctx context.Context, r Resolver, domain string) (Set, error) {
	start := strings.TrimSuffix(strings.TrimPrefix(domain, "*."), ".")
	set := Set{Name: start}
	for name, more := start, true; more; _, name, more = strings.Cut(name, ".") {
		a, err := r.Lookup(ctx, name, dns.TypeCAA)
		if err != nil {
			return Set{Trace: append(set.Trace, resolver.TraceOf(err)...)}, fmt.Errorf("CAA records of %s: %w", name, err)
		}
		set.Trace = append(set.Trace, a.Trace...)
		for _, rr := range a.Records {
			if record, ok := rr.(*dns.CAA); ok {
				set.Records = append(set.Records, record)
			}
		}
		if len(set.Records) > 0 {
			set.Name = name
			return set, nil
		}
	}
	return set, nil
}

// criticalFlag is bit 0 of the flags, the most significant one (RFC 8659 4.1).
// No other bit is defined; 1, which some zones carry, is not the critical flag.
const criticalFlag = 1 << 7

// understood says whether a property tag in lower case is one whose meaning for
// TLS server certificates is known.
func understood(tag string) bool {
	switch tag {
	case "issue", "issuewild", "iodef": // RFC 8659
		return true
	case "issuemail": // RFC 9495: S/MIME only
		return true
	case "contactemail", "contactphone": // BR appendix A.1: no restriction
		return true
	}
	return false
}

// Evaluate says whether set permits the issuance of a certificate for the name
// that it belongs to by a CA that goes by issuers; wildcard says that the
// certificate is for "*." and that name. Issuers are compared without regard to
// case.
func Evaluate(set Set, wildcard bool, issuers []string) perspectives.Outcome {
	if len(set.Records) == 0 {
		return perspectives.Outcome{
			Verdict: perspectives.Pass, Reason: ReasonNoRecords, Clause: clauseClimb,
			Detail: fmt.Sprintf("no CAA records from %s up to its top-level domain", set.Name),
		}
	}
	for _, r := range set.Records {
		if r.Flag&criticalFlag != 0 && !understood(strings.ToLower(r.Tag)) {
			return perspectives.Outcome{
				Verdict: perspectives.Fail, Reason: ReasonCritical, Clause: clauseCritical,
				Detail: fmt.Sprintf("the CAA records at %s have the critical property %q, which is not understood", set.Name, r.Tag),
			}
		}
	}
	tag, clause := "issue", clauseIssue
	if wildcard && len(withTag(set.Records, "issuewild")) > 0 {
		tag, clause = "issuewild", clauseWild
	}
	o := judge(withTag(set.Records, tag), issuers)
	o.Clause = clause
	o.Detail = fmt.Sprintf("CAA records at %s: %s", set.Name, o.Detail)
	return o
}

// withTag returns the records with the tag given in lower case.
func withTag(records []*dns.CAA, tag string) []*dns.CAA {
	var out []*dns.CAA
	for _, r := range records {
		if strings.EqualFold(r.Tag, tag) {
			out = append(out, r)
		}
	}
	return out
}

// judge looks for one of issuers among records of one tag. A malformed record
// authorises nobody and restricts like any other (RFC 8659 4.2).
func judge(records []*dns.CAA, issuers []string) perspectives.Outcome {
	if len(records) == 0 {
		return perspectives.Outcome{
			Verdict: perspectives.Pass, Reason: ReasonNoRestriction, Detail: "no property restricts this certificate",
		}
	}
	var named []string
	forbidden := true
	for _, r := range records {
		domain, _, err := ParseIssueValue(r.Value)
		switch {
		case err != nil:
			forbidden = false
			named = append(named, fmt.Sprintf("%q (malformed: %v)", r.Value, err))
		case domain == "":
			named = append(named, "nobody")
		default:
			forbidden = false
			named = append(named, domain)
			for _, issuer := range issuers {
				if strings.EqualFold(domain, issuer) {
					return perspectives.Outcome{
						Verdict: perspectives.Pass, Reason: ReasonAuthorized,
						Detail: fmt.Sprintf("%s %q authorizes the CA", r.Tag, domain),
					}
				}
			}
		}
	}
	o := perspectives.Outcome{Verdict: perspectives.Fail, Reason: ReasonNotAuthorized}
	if forbidden {
		o.Reason = ReasonForbidden
	}
	o.Detail = fmt.Sprintf("%s authorizes %s, not %s", strings.ToLower(records[0].Tag),
		strings.Join(named, ", "), orNobody(issuers))
	return o
}

func orNobody(issuers []string) string {
	if len(issuers) == 0 {
		return "a CA without issuer domains"
	}
	return strings.Join(issuers, " or ")
}

// Package caa asks whether the CAA records of a domain permit a CA to issue
// (RFC 8659, BR 3.2.2.8), as one perspective sees them.
//
// Done: the climb from the name up to the top-level domain (RFC 8659 3) with
// aliases followed at each step, issue and issuewild with their precedence
// (4.2, 4.3), issuemail for S/MIME (RFC 9495), the issue-value grammar to the
// letter (4.2), the critical flag (4.1), the parameters accounturi and
// validationmethods (RFC 8657), and the exception for lookup failures of
// BR 3.2.2.8, which is made only with its three proofs.
//
// Not done: reports to iodef; the exceptions for certificates whose
// precertificate is logged and for technically constrained subordinate CAs; the
// reuse of permission within the records' TTL.
//
// Nothing here has state; everything is safe for concurrent use as far as the
// [Resolver] is.
package caa

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
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
	// ReasonAuthorized: a record names one of the CA's issuer domains, and its
	// parameters are satisfied. Pass.
	ReasonAuthorized = "issuer-authorized"
	// ReasonNotApplicable: the check is about an IP address, to which CAA does
	// not apply (BR 3.2.2.8: each dNSName). Pass.
	ReasonNotApplicable = "not-a-name"
	// ReasonLookupFailurePermitted: the lookup failed, and the three proofs of
	// BR 3.2.2.8 allow to take that as permission. Pass.
	ReasonLookupFailurePermitted = "lookup-failure-permitted"
	// ReasonNotAuthorized: the records name other issuers, or are malformed.
	// Fail.
	ReasonNotAuthorized = "issuer-not-authorized"
	// ReasonAccount: records name the CA for other accounts only (RFC 8657 3).
	// Fail.
	ReasonAccount = "account-not-authorized"
	// ReasonMethod: records name the CA for other validation methods only
	// (RFC 8657 4). Fail.
	ReasonMethod = "method-not-authorized"
	// ReasonForbidden: the records forbid everybody to issue (";"). Fail.
	ReasonForbidden = "issuance-forbidden"
	// ReasonCritical: a record with the critical flag has a property that is
	// not understood. Fail.
	ReasonCritical = "critical-unknown-property"
	// ReasonInvalidCheck: the check is for a type of certificate that is not
	// known. Nothing was looked up. Error.
	ReasonInvalidCheck = "invalid-check"
	// ReasonLookupFailed: no usable answer for one of the names. Error.
	ReasonLookupFailed = "lookup-failed"
	// ReasonBogus: an answer fails DNSSEC validation, which is never permission
	// (BR 3.2.2.8.1). Error.
	ReasonBogus = "dnssec-bogus"
)

// Clauses that outcomes rest on.
const (
	clauseClimb    = "RFC 8659 3"
	clauseCritical = "RFC 8659 4.1"
	clauseIssue    = "RFC 8659 4.2"
	clauseWild     = "RFC 8659 4.3"
	clauseMail     = "RFC 9495 4"
	clauseAccount  = "RFC 8657 3"
	clauseMethod   = "RFC 8657 4"
	clauseLookup   = "BR 3.2.2.8"
	clauseDNSSEC   = "BR 3.2.2.8.1"
)

// Resolver looks up records, aliases included: a fresh session of package
// resolver, used by one check only.
type Resolver interface {
	Lookup(ctx context.Context, name string, qtype uint16) (*resolver.Answer, error)
}

// Checker makes CAA checks. The zero value follows the RFCs and never takes a
// failed lookup for permission.
type Checker struct {
	// Retry returns a fresh session for looking up again what failed. Without it
	// the exception of BR 3.2.2.8 for lookup failures can never be proved.
	Retry func() Resolver
	// IgnoreParameters leaves accounturi and validationmethods (RFC 8657)
	// unprocessed, as the BR allow up to 2027-03-14 (ballot SC-098: SHOULD before,
	// MUST after). The zero value processes them.
	IgnoreParameters bool
	// BRLabels lets the labels "ca-tbr-<n>" stand for the methods of
	// BR 3.2.2.4.<n> in validationmethods (ballot SC-098).
	BRLabels bool
}

// Check is [Checker.Check] of the zero Checker.
func Check(ctx context.Context, r Resolver, c perspectives.Check) perspectives.Outcome {
	return Checker{}.Check(ctx, r, c)
}

// Check says whether the CAA records of c.Domain permit a CA that goes by
// c.IssuerDomains to issue to c.AccountURI after validation by c.Method. Every
// lookup is in the outcome's evidence.
//
// If the budget that ctx carries is used up, the outcome is an error with the
// resource's reason, whatever c allows.
func (k Checker) Check(ctx context.Context, r Resolver, c perspectives.Check) perspectives.Outcome {
	o := k.check(ctx, r, c)
	budget.Settle(ctx, &o)
	return o
}

func (k Checker) check(ctx context.Context, r Resolver, c perspectives.Check) perspectives.Outcome {
	if addr, isAddress := c.Address(); isAddress {
		return perspectives.Outcome{
			Verdict: perspectives.Pass, Reason: ReasonNotApplicable, Clause: clauseLookup,
			Detail: fmt.Sprintf("CAA does not apply to IP addresses such as %v", addr),
		}
	}
	if t := c.CAA.CertificateType; t != "" && t != perspectives.TLSServer && t != perspectives.SMIME {
		return perspectives.Outcome{
			Verdict: perspectives.Error, Reason: ReasonInvalidCheck, Clause: clauseLookup,
			Detail: fmt.Sprintf("certificate type %q: expected %s or %s", t, perspectives.TLSServer, perspectives.SMIME),
		}
	}
	set, err := Find(ctx, r, c.Domain)
	if err != nil {
		if c.CAA.AllowLookupFailure {
			return k.retry(ctx, c, set, err)
		}
		return failedLookup(set, err)
	}
	return k.judge(set, c)
}

// judge evaluates a set that was found for c.
func (k Checker) judge(set Set, c perspectives.Check) perspectives.Outcome {
	o := Evaluate(set, k.query(c))
	o.Evidence, o.DNSSEC, o.Chain = set.Trace, set.Status.DNSSEC(), set.Chain
	o.Seen = &perspectives.Seen{DNS: set.Seen()}
	return o
}

// failedLookup is the outcome if the search for the set ended with err.
func failedLookup(set Set, err error) perspectives.Outcome {
	o := perspectives.Outcome{
		Verdict: perspectives.Error, Reason: ReasonLookupFailed, Clause: clauseLookup, Detail: err.Error(),
		Evidence: set.Trace, DNSSEC: set.Status.DNSSEC(), Chain: set.Chain,
	}
	if errors.Is(err, resolver.ErrBogus) {
		o.Reason, o.Clause = ReasonBogus, clauseDNSSEC
	}
	return o
}

// Set is the relevant CAA record set of a domain (RFC 8659 3).
type Set struct {
	// Name is where the set was found, without trailing dot; if there is none,
	// the domain that the search started from.
	Name string
	// Records is empty if there is none.
	Records []*dns.CAA
	// CNAMEs are the aliases that lead from Name to the records.
	CNAMEs []string
	// Rcode is that of the answer with the records, or of the last one.
	Rcode int
	// Server gave that answer.
	Server netip.AddrPort
	// Trace has every exchange of the search.
	Trace []perspectives.Evidence
	// Status is the weakest DNSSEC status among the answers of the search, Chain
	// their chains of trust.
	Status resolver.Status
	Chain  []perspectives.ChainLink
}

// maxSeen is about how many octets of records are reported with an outcome. All of
// them are judged.
const maxSeen = 64 << 10

// Seen returns what was found in the form that interfaces report.
func (s Set) Seen() *perspectives.SeenDNS {
	seen := &perspectives.SeenDNS{
		Name: s.Name, FoundAt: s.Name, Records: []string{}, Rcode: s.Rcode, CNAMEs: s.CNAMEs, DNSSEC: s.Status.DNSSEC(),
	}
	if n := len(s.CNAMEs); n > 0 {
		seen.FoundAt = strings.TrimSuffix(s.CNAMEs[n-1], ".")
	}
	size := 0
	for _, r := range s.Records {
		if size >= maxSeen {
			seen.Cut = true
			break
		}
		seen.Records = append(seen.Records, resolver.Data(r))
		size += len(r.Value)
	}
	return seen
}

// Find climbs from domain, without a leading "*.", to its top-level domain and
// returns the first CAA record set that is not empty. Aliases are followed at
// each step, but the climb goes on from the alias, not from its target
// (RFC 8659 3). On an error, which wraps that of r, there are no Records, and
// Name is the one that could not be looked up: it could have had records.
func Find(ctx context.Context, r Resolver, domain string) (Set, error) {
	start := strings.TrimSuffix(strings.TrimPrefix(domain, "*."), ".")
	set := Set{Name: start, Status: resolver.Secure}
	for name, more := start, true; more; _, name, more = strings.Cut(name, ".") {
		a, err := r.Lookup(ctx, name, dns.TypeCAA)
		if err != nil {
			set.Name = name
			set.addFailure(err)
			return set, fmt.Errorf("CAA records of %s: %w", name, err)
		}
		set.add(a)
		for _, rr := range a.Records {
			if record, ok := rr.(*dns.CAA); ok {
				set.Records = append(set.Records, record)
			}
		}
		if len(set.Records) > 0 {
			set.Name, set.CNAMEs = name, a.CNAMEs
			return set, nil
		}
	}
	return set, nil
}

func (s *Set) add(a *resolver.Answer) {
	s.Trace = append(s.Trace, a.Trace...)
	s.Rcode, s.Server = a.Rcode, a.Server
	s.Status = resolver.Weakest(s.Status, a.Status)
	s.Chain = resolver.AppendChain(s.Chain, a.Chain)
}

func (s *Set) addFailure(err error) {
	s.Trace = append(s.Trace, resolver.TraceOf(err)...)
	s.Status = resolver.Weakest(s.Status, resolver.StatusOf(err))
	if e, ok := errors.AsType[*resolver.Error](err); ok {
		s.Chain = resolver.AppendChain(s.Chain, e.Chain)
	}
}

package caa

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
)

// Query is what a certificate needs permission for.
type Query struct {
	// Wildcard says that the certificate is for "*." and the name, SMIME that it
	// is for mailboxes there.
	Wildcard, SMIME bool
	// Issuers are the names that the CA goes by, compared without regard to case.
	Issuers []string
	// AccountURI is the applicant's account, compared to the octet, and Methods
	// are the labels of the validation method used: for records with the
	// parameters of RFC 8657, which IgnoreParameters leaves unprocessed.
	AccountURI       string
	Methods          []string
	IgnoreParameters bool
}

// query returns what c asks.
func (k Checker) query(c perspectives.Check) Query {
	q := Query{
		Wildcard: c.Wildcard(), SMIME: c.CAA.CertificateType == perspectives.SMIME,
		Issuers: c.IssuerDomains, AccountURI: c.AccountURI, Methods: c.CAA.ValidationMethods,
		IgnoreParameters: k.IgnoreParameters,
	}
	if len(q.Methods) == 0 {
		q.Methods = MethodLabels(c.Method, k.BRLabels)
	}
	return q
}

// criticalFlag is bit 0 of the flags, the most significant one (RFC 8659 4.1).
// No other bit is defined; 1, which some zones carry, is not the critical flag.
const criticalFlag = 1 << 7

// understood reports whether a property tag in lower case is one whose meaning for
// TLS server and S/MIME certificates is known: all those of IANA's registry of CAA
// properties but auth, path and policy, which are reserved and have no meaning.
func understood(tag string) bool {
	switch tag {
	case "issue", "issuewild", "iodef": // RFC 8659
		return true
	case "issuemail": // RFC 9495: S/MIME only
		return true
	case "issuevmc": // Verified Mark Certificates only
		return true
	case "contactemail", "contactphone": // BR appendix A.1: no restriction
		return true
	}
	return false
}

// Evaluate says whether set permits to issue what q describes for the name that
// set belongs to.
func Evaluate(set Set, q Query) perspectives.Outcome {
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
	switch {
	case q.SMIME:
		tag, clause = "issuemail", clauseMail
	case q.Wildcard && len(withTag(set.Records, "issuewild")) > 0:
		tag, clause = "issuewild", clauseWild
	}
	o := q.judge(withTag(set.Records, tag))
	if o.Clause == "" {
		o.Clause = clause
	}
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

// judge looks for a record that authorizes the CA among records of one tag. A
// malformed record authorizes nobody and restricts like any other (RFC 8659 4.2),
// and so does one whose parameters are not satisfied (RFC 8657). If none
// authorizes, the reason is that of the record which came nearest to it.
func (q Query) judge(records []*dns.CAA) perspectives.Outcome {
	if len(records) == 0 {
		return perspectives.Outcome{
			Verdict: perspectives.Pass, Reason: ReasonNoRestriction, Detail: "no property restricts this certificate",
		}
	}
	var named []string
	nearest := refusal{nearness: -1}
	for _, r := range records {
		who, no := q.refuse(r.Value)
		if no == nil {
			return perspectives.Outcome{
				Verdict: perspectives.Pass, Reason: ReasonAuthorized, Detail: fmt.Sprintf("%s %q authorizes the CA", r.Tag, who),
			}
		}
		named = append(named, who)
		if no.nearness > nearest.nearness {
			nearest = *no
		}
	}
	return perspectives.Outcome{
		Verdict: perspectives.Fail, Reason: nearest.reason, Clause: nearest.clause,
		Detail: fmt.Sprintf("%s authorizes %s, not %s", strings.ToLower(records[0].Tag), strings.Join(named, ", "), q.applicant()),
	}
}

// refusal is why one record does not authorize the CA.
type refusal struct {
	nearness int // greater is nearer to authorizing
	reason   string
	clause   string // "" for that of the tag
}

// refuse returns whom an issue value authorizes, for people, and why that is not
// what q asks for, nil if it is.
func (q Query) refuse(value string) (who string, no *refusal) {
	domain, params, err := ParseIssueValue(value)
	switch {
	case err != nil:
		return fmt.Sprintf("%q (malformed: %v)", value, err), &refusal{1, ReasonNotAuthorized, ""}
	case domain == "":
		return "nobody", &refusal{0, ReasonForbidden, ""}
	case !q.isIssuer(domain):
		return domain, &refusal{1, ReasonNotAuthorized, ""}
	case q.IgnoreParameters:
		return domain, nil
	}
	if fault := q.accountFault(params); fault != "" {
		return domain + " (" + fault + ")", &refusal{2, ReasonAccount, clauseAccount}
	}
	if fault := q.methodFault(params); fault != "" {
		return domain + " (" + fault + ")", &refusal{3, ReasonMethod, clauseMethod}
	}
	return domain, nil
}

func (q Query) isIssuer(domain string) bool {
	for _, issuer := range q.Issuers {
		if strings.EqualFold(domain, issuer) {
			return true
		}
	}
	return false
}

// applicant says for people who asks.
func (q Query) applicant() string {
	if len(q.Issuers) == 0 {
		return "a CA without issuer domains"
	}
	who := strings.Join(q.Issuers, " or ")
	if q.AccountURI != "" {
		who += " for " + q.AccountURI
	}
	if len(q.Methods) > 0 {
		who += " by " + strings.Join(q.Methods, ", ")
	}
	return who
}

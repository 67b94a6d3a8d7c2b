package dcv

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
	"mpicsim/perspectives/resolver"
)

// maxSeen is about how many octets of records are reported with an outcome. All of
// them are judged.
const maxSeen = 64 << 10

// validation is one check under way.
type validation struct {
	*Validator
	resolver Resolver
	budget   *budget.Budget // of the check
	check    perspectives.Check
	clause   string // that outcomes rest on unless they say otherwise

	evidence []perspectives.Evidence
	targets  []string
	seen     *perspectives.Seen
	statuses []resolver.Status
	chain    []perspectives.ChainLink
}

// keep adds one exchange to the evidence, as much of it as the budget has room for.
func (v *validation) keep(ev perspectives.Evidence) {
	v.evidence = append(v.evidence, v.budget.Keep(ev))
}

// run makes the check by its method.
func (v *validation) run(ctx context.Context) perspectives.Outcome {
	if v.check.Wildcard() && !suitsWildcards(v.check.Method) {
		return v.failed(ReasonWildcard, "%s cannot validate the wildcard name %s", v.check.Method, v.check.Domain)
	}
	if addr, ok := v.check.Address(); ok && v.o.Allowed != nil {
		if err := v.o.Allowed(addr); err != nil {
			return v.failed(ReasonAddressForbidden, "%v", err)
		}
	}
	switch v.check.Method {
	case perspectives.WebsiteChange:
		return v.websiteChange(ctx)
	case perspectives.HTTP01:
		return v.http01(ctx)
	case perspectives.DNS01:
		return v.dns01(ctx)
	case perspectives.DNSAccount01:
		return v.dnsAccount01(ctx)
	case perspectives.DNSChange:
		return v.dnsChange(ctx)
	case perspectives.TLSALPN01:
		return v.tlsALPN01(ctx)
	case perspectives.DNSPersistent:
		return v.dnsPersistent(ctx)
	case perspectives.IPPersistent:
		return v.ipPersistent(ctx)
	case perspectives.ContactEmailTXT, perspectives.ContactPhoneTXT:
		return v.contactTXT(ctx)
	case perspectives.ContactEmailCAA, perspectives.ContactPhoneCAA:
		return v.contactCAA(ctx)
	case perspectives.IPAddress:
		return v.ipAddress(ctx)
	case perspectives.ReverseAddressLookup:
		return v.reverseAddressLookup(ctx)
	}
	return v.failed(ReasonInvalidCheck, "method %q is not known", v.check.Method)
}

// suitsWildcards says whether a method may validate wildcard names: the BR say
// so section by section.
func suitsWildcards(m perspectives.Method) bool {
	switch m {
	case perspectives.WebsiteChange, perspectives.HTTP01, perspectives.TLSALPN01, perspectives.IPAddress:
		return false
	default:
		return true
	}
}

func (v *validation) passed(reason, format string, args ...any) perspectives.Outcome {
	return perspectives.Outcome{
		Verdict: perspectives.Pass, Reason: reason, Clause: v.clause, Detail: fmt.Sprintf(format, args...),
	}
}

func (v *validation) failed(reason, format string, args ...any) perspectives.Outcome {
	return perspectives.Outcome{
		Verdict: perspectives.Fail, Reason: reason, Clause: v.clause, Detail: fmt.Sprintf(format, args...),
	}
}

func (v *validation) broken(reason, format string, args ...any) perspectives.Outcome {
	return perspectives.Outcome{
		Verdict: perspectives.Error, Reason: reason, Clause: v.clause, Detail: fmt.Sprintf(format, args...),
	}
}

// clauseDNSSEC forbids to use an answer that fails validation: the primary
// validates all queries of domain control, and an error is never a result
// (BR 3.2.2.4 since ballot SC-085).
const clauseDNSSEC = "BR 3.2.2.4 (DNSSEC)"

// lookup resolves and keeps everything about it as evidence.
func (v *validation) lookup(ctx context.Context, name string, qtype uint16) (*resolver.Answer, error) {
	a, err := v.resolver.Lookup(ctx, name, qtype)
	if err != nil {
		v.evidence = append(v.evidence, resolver.TraceOf(err)...)
		if e, ok := errors.AsType[*resolver.Error](err); ok {
			v.chain = resolver.AppendChain(v.chain, e.Chain)
		}
		return nil, err
	}
	v.evidence = append(v.evidence, a.Trace...)
	v.statuses = append(v.statuses, a.Status)
	v.chain = resolver.AppendChain(v.chain, a.Chain)
	return a, nil
}

// status is the weakest of the lookups that the outcome rests on, nothing if
// there were none. A failed one counts if the check ended with it.
func (v *validation) status() perspectives.DNSSEC {
	if len(v.statuses) == 0 {
		return perspectives.NotValidated
	}
	return resolver.Weakest(v.statuses...).DNSSEC()
}

// lookupFailed is the outcome if the DNS gave no usable answer.
func (v *validation) lookupFailed(err error) perspectives.Outcome {
	v.statuses = append(v.statuses, resolver.StatusOf(err))
	if errors.Is(err, resolver.ErrBogus) {
		o := v.broken(ReasonBogus, "%v", err)
		o.Clause = clauseDNSSEC
		return o
	}
	return v.broken(ReasonLookupFailed, "%v", err)
}

// records looks up the record set that a method judges. The outcome is set if
// there is no answer at all.
func (v *validation) records(ctx context.Context, name string, qtype uint16) (*resolver.Answer, *perspectives.Outcome) {
	a, err := v.lookup(ctx, name, qtype)
	if err != nil {
		return nil, new(v.lookupFailed(err))
	}
	v.targets = append(v.targets, a.Server.String())
	seen := &perspectives.SeenDNS{
		Name: name, FoundAt: name, Records: []string{}, Rcode: a.Rcode, CNAMEs: a.CNAMEs, DNSSEC: a.Status.DNSSEC(),
	}
	if n := len(a.CNAMEs); n > 0 {
		seen.FoundAt = strings.TrimSuffix(a.CNAMEs[n-1], ".")
	}
	size := 0
	for _, rr := range a.Records {
		if size >= maxSeen {
			seen.Cut = true
			break
		}
		seen.Records = append(seen.Records, data(rr))
		size += int(rr.Header().Rdlength)
	}
	v.seen = &perspectives.Seen{DNS: seen}
	return a, nil
}

// absent is the outcome if there is no record of the type wanted at name.
func (v *validation) absent(reason, name string, a *resolver.Answer, what string) perspectives.Outcome {
	if a.Rcode == dns.RcodeNameError {
		return v.failed(reason, "%s does not exist", name)
	}
	return v.failed(reason, "%s has no %s record", name, what)
}

// texts returns the data of the TXT records: the strings of each joined, escapes
// undone.
func texts(a *resolver.Answer) []string {
	var out []string
	for _, rr := range a.Records {
		if txt, ok := rr.(*dns.TXT); ok {
			out = append(out, text(txt))
		}
	}
	return out
}

func text(txt *dns.TXT) string {
	var b strings.Builder
	for _, s := range txt.Txt {
		b.WriteString(unescape(s))
	}
	return b.String()
}

// unescape undoes the escapes that package dns puts into character strings:
// \DDD for an octet and \c for a character (RFC 1035 5.1).
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]) {
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + (s[i+3] - '0'))
			i += 3
			continue
		}
		i++
		b.WriteByte(s[i])
	}
	return b.String()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// data returns the data of a record as [perspectives.SeenDNS] wants it.
func data(rr dns.RR) string {
	if txt, ok := rr.(*dns.TXT); ok {
		return text(txt)
	}
	return resolver.Data(rr)
}

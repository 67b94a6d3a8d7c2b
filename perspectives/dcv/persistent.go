package dcv

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/caa"
)

// dnsPersistent looks for a persistent TXT record at _validation-persist under
// the domain, or where an alias there leads (BR 3.2.2.4.22). A wildcard is
// validated at the name below it.
func (v *validation) dnsPersistent(ctx context.Context) perspectives.Outcome {
	return v.persistent(ctx, "_validation-persist."+v.check.Name())
}

// ipPersistent looks for one at _ip-validation-persist under the name of the IP
// address in its reverse zone (BR 3.2.2.5.8).
func (v *validation) ipPersistent(ctx context.Context) perspectives.Outcome {
	addr, _ := v.check.Address()
	return v.persistent(ctx, "_ip-validation-persist."+ReverseName(addr))
}

// persistent passes if one of the TXT records at name authorizes the account at
// the CA, whatever the others say.
func (v *validation) persistent(ctx context.Context, name string) perspectives.Outcome {
	a, end := v.records(ctx, name, dns.TypeTXT)
	if end != nil {
		return *end
	}
	found := texts(a)
	if len(found) == 0 {
		return v.absent(ReasonNoTXT, name, a, "TXT")
	}
	p := persistence{
		issuers: v.check.IssuerDomains, account: v.check.AccountURI, now: v.o.Clock(),
		wildcard: v.check.Wildcard() && v.o.PersistentWildcardPolicy,
	}
	var nearest persistentVerdict
	for i, value := range found {
		j := p.judge(value)
		if j.reason == ReasonPersistentMatches {
			return v.passed(j.reason, "a TXT record at %s authorizes %s at %s", name, v.check.AccountURI, j.detail)
		}
		if i == 0 || j.rank() > nearest.rank() {
			nearest = j
		}
	}
	return v.failed(nearest.reason, "none of the %d TXT records at %s will do: %s", len(found), name, nearest.detail)
}

// persistence is what a persistent TXT record must say.
type persistence struct {
	issuers  []string
	account  string
	now      time.Time
	wildcard bool // whether policy=wildcard is needed
}

// persistentVerdict is the judgement on one record.
type persistentVerdict struct {
	reason, detail string
}

// rank orders reasons by how near to passing they are.
func (j persistentVerdict) rank() int {
	return slices.Index([]string{
		ReasonPersistentIssuer, ReasonPersistentMalformed, ReasonPersistentNoAccount, ReasonPersistentAccount,
		ReasonPersistentWildcard, ReasonPersistentExpired, ReasonPersistentMatches,
	}, j.reason)
}

// judge reads one record: the issue-value of RFC 8659 4.2 with an issuer domain
// name of the CA and an accounturi that is the account's to the octet, and
// optionally a time until which it holds (BR 3.2.2.4.22). Tags are compared
// without regard to case. Parameters that are not known are ignored, even twice;
// a known one that is there twice makes the record malformed. On
// ReasonPersistentMatches the detail is the issuer.
func (p persistence) judge(value string) persistentVerdict {
	domain, params, err := caa.ParseIssueValue(value)
	if err != nil {
		return p.malformed(value, err)
	}
	if !p.isIssuer(domain) {
		return persistentVerdict{ReasonPersistentIssuer, fmt.Sprintf("%q is not for %s", value, strings.Join(p.issuers, " or "))}
	}
	known := map[string]string{}
	for _, param := range params {
		tag := strings.ToLower(param.Tag)
		if tag != "accounturi" && tag != "persistuntil" && (tag != "policy" || !p.wildcard) {
			continue
		}
		if _, twice := known[tag]; twice {
			return persistentVerdict{ReasonPersistentMalformed, fmt.Sprintf("%q has %s twice", value, tag)}
		}
		known[tag] = param.Value
	}
	account, hasAccount := known["accounturi"]
	until, hasUntil := known["persistuntil"]
	expired := false
	if hasUntil {
		if expired, err = p.expired(until); err != nil {
			return persistentVerdict{ReasonPersistentMalformed, fmt.Sprintf("%q: persistUntil: %v", value, err)}
		}
	}
	switch {
	case !hasAccount:
		return persistentVerdict{ReasonPersistentNoAccount, fmt.Sprintf("%q has no accounturi", value)}
	case account != p.account:
		return persistentVerdict{ReasonPersistentAccount, fmt.Sprintf("%q is not for the account %s", value, p.account)}
	case p.wildcard && !strings.EqualFold(known["policy"], "wildcard"):
		return persistentVerdict{ReasonPersistentWildcard, fmt.Sprintf("%q has no policy=wildcard", value)}
	case expired:
		return persistentVerdict{ReasonPersistentExpired, fmt.Sprintf("%q has expired", value)}
	}
	return persistentVerdict{ReasonPersistentMatches, domain}
}

// malformed judges a record outside of the grammar: whom it was meant for shows
// in what comes before the first semicolon.
func (p persistence) malformed(value string, err error) persistentVerdict {
	domain, _, _ := strings.Cut(value, ";")
	if !p.isIssuer(strings.Trim(domain, " \t")) {
		return persistentVerdict{ReasonPersistentIssuer, fmt.Sprintf("%q is no issue-value: %v", value, err)}
	}
	return persistentVerdict{ReasonPersistentMalformed, fmt.Sprintf("%q: %v", value, err)}
}

func (p persistence) isIssuer(domain string) bool {
	return domain != "" && slices.ContainsFunc(p.issuers, func(i string) bool { return perspectives.EqualFoldASCII(i, domain) })
}

// expired says whether the time is after until, in seconds since 1970 and
// written in digits only. A record still holds at the very time that it names. More
// than 15 digits lie beyond any calendar.
func (p persistence) expired(until string) (bool, error) {
	if until == "" || strings.Trim(until, "0123456789") != "" {
		return false, fmt.Errorf("found %q, expected decimal digits", until)
	}
	digits := strings.TrimLeft(until, "0")
	if len(digits) > 15 {
		return false, nil
	}
	var seconds int64
	for _, d := range digits {
		seconds = seconds*10 + int64(d-'0')
	}
	return p.now.After(time.Unix(seconds, 0)), nil
}

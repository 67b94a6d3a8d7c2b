// Package dcv validates the control of a domain or an IP address as one
// perspective sees it, one file for each method of BR 3.2.2.4 and 3.2.2.5 that
// needs corroboration (BR 3.2.2.9). [Clause] says which section each rests on.
//
// Names are resolved by the resolver given, connections are made through the
// network given, and nothing else of the host is used: no proxy, no cookie, no
// kept connection, no cache. Requests are made one after the other. A name that
// fails DNSSEC validation is never used.
//
// Not modelled: ACME orders, the age of a Random Value, the choice of an
// Authorization Domain Name (a check names the one to look at), the mail or the
// call to a contact, data reuse, onion names. Which methods are allowed on a day
// is for package policy.
//
// A context that carries a [budget.Budget] bounds all that a validation costs; if it
// is used up, the outcome is an error with the reason of the resource.
//
// Timeouts run on the operating system's clock, time stamps and the expiry of
// records on the perspective's. A [Validator] is immutable and safe for
// concurrent use.
package dcv

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
	"mpicsim/perspectives/resolver"
)

// Resolver looks up records, aliases included: a fresh session of package
// resolver, used by one check only.
type Resolver interface {
	Lookup(ctx context.Context, name string, qtype uint16) (*resolver.Answer, error)
}

// Options says how a [Validator] reaches the target, and where the rules leave a
// choice.
type Options struct {
	// Network carries the connections. Required.
	Network perspectives.Network
	// Clock stamps the evidence and says whether a persistent record has expired.
	// Required.
	Clock perspectives.Clock
	// Allowed refuses addresses of servers, and IP addresses to validate, by
	// returning an error; they are then not contacted. Production uses
	// [PublicOnly]; nil allows all.
	Allowed func(netip.Addr) error
	// UserAgent is sent with every request, "mpicsim" by default.
	UserAgent string
	// Timeout is how long each step may take: one connection, or one request
	// with its response, or one handshake. Default 10 s. DNS lookups have the
	// resolver's limits, and the whole check that of its context.
	Timeout time.Duration
	// MaxRedirects is how many redirects are followed, default 12. The BR set no
	// limit.
	MaxRedirects int
	// MaxBody is how many octets of a body website-change searches, default
	// 64 KiB; what comes later counts as absent. The BR set no limit.
	MaxBody int
	// Only200 takes no status but 200, as some implementations do. The BR ask for
	// any 2xx (3.2.2.4.18, 3.2.2.4.19).
	Only200 bool
	// PersistentWildcardPolicy asks the persistent records of wildcard names for
	// the parameter "policy=wildcard" of the ACME draft. The BR do not
	// (3.2.2.4.22).
	PersistentWildcardPolicy bool
	// HTTPPort and HTTPSPort are where ports 80 and 443 are really connected
	// to: those two by default. Anything else is for tests on the loopback; URLs
	// and rules go on speaking of 80 and 443.
	HTTPPort, HTTPSPort uint16
}

// Validator makes the checks of one perspective. Create it with [New].
type Validator struct {
	o Options
}

// New returns a Validator, or an error that names the option that is missing or
// impossible.
func New(o Options) (*Validator, error) {
	switch {
	case o.Network == nil || o.Clock == nil:
		return nil, errors.New("dcv: Network and Clock are required")
	case o.Timeout < 0:
		return nil, fmt.Errorf("dcv: Timeout: found %v, expected a positive duration or 0 for the default", o.Timeout)
	case o.MaxRedirects < 0:
		return nil, fmt.Errorf("dcv: MaxRedirects: found %d, expected a positive number or 0 for the default", o.MaxRedirects)
	case o.MaxBody < 0:
		return nil, fmt.Errorf("dcv: MaxBody: found %d, expected a positive number or 0 for the default", o.MaxBody)
	}
	if o.UserAgent == "" {
		o.UserAgent = "mpicsim"
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxRedirects == 0 {
		o.MaxRedirects = 12
	}
	if o.MaxBody == 0 {
		o.MaxBody = 64 << 10
	}
	if o.HTTPPort == 0 {
		o.HTTPPort = 80
	}
	if o.HTTPSPort == 0 {
		o.HTTPSPort = 443
	}
	o.Network = budget.Network(o.Network)
	return &Validator{o}, nil
}

// Validate makes the check by the method that it names, whatever its Questions.
// It returns the outcome with its evidence, and the addresses "ip:port" that
// were connected to, in order; for methods that only ask the DNS that of the
// name server that gave the answer.
func (v *Validator) Validate(ctx context.Context, r Resolver, c perspectives.Check) (perspectives.Outcome, []string) {
	if err := Acceptable(c); err != nil {
		return perspectives.Outcome{
			Verdict: perspectives.Error, Reason: ReasonInvalidCheck, Clause: invalidClause(c), Detail: err.Error(),
		}, nil
	}
	val := &validation{Validator: v, resolver: r, budget: budget.From(ctx), check: c, clause: Clause(c)}
	o := val.run(ctx)
	o.Evidence, o.DNSSEC, o.Chain, o.Seen = val.evidence, val.status(), val.chain, val.seen
	budget.Settle(ctx, &o)
	return o, val.targets
}

// Acceptable returns an error that names the field that makes c no check that
// package dcv can make, see [perspectives.Check.Acceptable].
func Acceptable(c perspectives.Check) error {
	if !c.Questions.DCV() {
		return fmt.Errorf("questions %q: expected domain control among them", c.Questions)
	}
	return c.Acceptable()
}

// Clause returns the section of the BR that the method of c rests on, such as
// "BR 3.2.2.4.19": that of the method for IP addresses if c is about one.
func Clause(c perspectives.Check) string {
	_, isAddress := c.Address()
	switch c.Method {
	case perspectives.WebsiteChange:
		return either(isAddress, "BR 3.2.2.5.1", "BR 3.2.2.4.18")
	case perspectives.HTTP01:
		return either(isAddress, "BR 3.2.2.5.6", "BR 3.2.2.4.19")
	case perspectives.TLSALPN01:
		return either(isAddress, "BR 3.2.2.5.7", "BR 3.2.2.4.20")
	case perspectives.DNS01, perspectives.DNSChange:
		return "BR 3.2.2.4.7"
	case perspectives.DNSAccount01:
		return "BR 3.2.2.4.21"
	case perspectives.DNSPersistent:
		return "BR 3.2.2.4.22"
	case perspectives.ContactEmailCAA:
		return "BR 3.2.2.4.13"
	case perspectives.ContactEmailTXT:
		return "BR 3.2.2.4.14"
	case perspectives.ContactPhoneTXT:
		return "BR 3.2.2.4.16"
	case perspectives.ContactPhoneCAA:
		return "BR 3.2.2.4.17"
	case perspectives.IPAddress:
		return "BR 3.2.2.4.8"
	case perspectives.ReverseAddressLookup:
		return "BR 3.2.2.5.3"
	case perspectives.IPPersistent:
		return "BR 3.2.2.5.8"
	}
	return "BR 3.2.2.4"
}

func either(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// Clauses of other standards that outcomes rest on.
const (
	clauseBody = "RFC 8555 8.3"
	clauseKey  = "RFC 8555 8.1"
)

// invalidClause is what a check that cannot be made does not satisfy.
func invalidClause(c perspectives.Check) string {
	if c.Method == perspectives.HTTP01 || c.Method == perspectives.DNS01 {
		return clauseKey
	}
	return Clause(c)
}

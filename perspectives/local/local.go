// Package local runs one perspective: resolver, domain control validation and
// CAA check over one network, be it that of the operating system or that of one
// emulated host.
//
// Domain control comes first, then CAA, one query after the other; both are
// always made if both are asked for, so that the answer says everything that the
// perspective saw. Each has a resolver session of its own, which ends with it:
// nothing is carried from one to the other, to another attempt or to another
// perspective (BR 3.2.2.9).
//
// What one check may cost is bounded ([budget.Limits]). Not modelled: limits on load. A [Local] is immutable and safe for
// concurrent use if its network, clock and source of randomness are.
package local

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
	"mpicsim/perspectives/caa"
	"mpicsim/perspectives/dcv"
	"mpicsim/perspectives/resolver"
)

// Config describes one perspective and how it reaches the world.
type Config struct {
	// Perspective is what the perspective says about itself. Name is required.
	Perspective perspectives.Perspective
	// Network carries all its packets. Required.
	Network perspectives.Network
	// Clock stamps its results. Required.
	Clock perspectives.Clock
	// Roots are the root hints. Required; resolver.RealRoots has those of the
	// public DNS.
	Roots []resolver.Root
	// Allowed refuses addresses of name servers and web servers. Production uses
	// dcv.PublicOnly; nil allows all.
	Allowed func(netip.Addr) error
	// TrustAnchors, FullNames and PlainCase are those of resolver.Options:
	// without anchors nothing is validated, which is lawful for remotes only
	// (BR 3.2.2.8.1); resolver.RootAnchors has those of the public DNS.
	TrustAnchors         []string
	FullNames, PlainCase bool
	// Limits bounds each DNS lookup; zero fields stand for defaults.
	Limits resolver.Limits
	// Budget bounds each check as a whole, both of its questions together; zero
	// fields stand for defaults.
	Budget budget.Limits
	// Rand gives DNS message IDs, crypto/rand by default.
	Rand io.Reader
	// UserAgent, Timeout, MaxRedirects, MaxBody, Only200 and
	// PersistentWildcardPolicy are those of dcv.Options.
	UserAgent                string
	Timeout                  time.Duration
	MaxRedirects             int
	MaxBody                  int
	Only200                  bool
	PersistentWildcardPolicy bool
	// IgnoreCAAParameters and CAALabelsOfBR are IgnoreParameters and BRLabels of
	// caa.Checker.
	IgnoreCAAParameters bool
	CAALabelsOfBR       bool
	// DNSPort, HTTPPort and HTTPSPort stand in for 53, 80 and 443 in tests on
	// the loopback; 0 means those three.
	DNSPort, HTTPPort, HTTPSPort uint16
}

// Local is one running perspective. Create it with [New].
type Local struct {
	perspective perspectives.Perspective
	clock       perspectives.Clock
	budget      budget.Limits
	resolver    *resolver.Resolver
	validator   *dcv.Validator
	caa         caa.Checker
}

// New returns a Local, or an error that names the perspective and the field that
// is missing or impossible. It contacts nobody.
func New(c Config) (*Local, error) {
	if c.Perspective.Name == "" {
		return nil, fmt.Errorf("perspective in %q: Name is required", c.Perspective.City)
	}
	limits, err := c.Budget.WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("perspective %q: %w", c.Perspective.Name, err)
	}
	network := budget.Network(c.Network)
	r, err := resolver.New(resolver.Options{
		Network: network, Clock: c.Clock, Roots: c.Roots, Limits: c.Limits, Rand: c.Rand,
		Port: c.DNSPort, Allowed: c.Allowed,
		TrustAnchors: c.TrustAnchors, FullNames: c.FullNames, PlainCase: c.PlainCase,
	})
	if err != nil {
		return nil, fmt.Errorf("perspective %q: %w", c.Perspective.Name, err)
	}
	v, err := dcv.New(dcv.Options{
		Network: network, Clock: c.Clock, Allowed: c.Allowed, UserAgent: c.UserAgent,
		Timeout: c.Timeout, MaxRedirects: c.MaxRedirects, MaxBody: c.MaxBody, Only200: c.Only200,
		PersistentWildcardPolicy: c.PersistentWildcardPolicy, HTTPPort: c.HTTPPort, HTTPSPort: c.HTTPSPort,
	})
	if err != nil {
		return nil, fmt.Errorf("perspective %q: %w", c.Perspective.Name, err)
	}
	checker := caa.Checker{
		Retry:            func() caa.Resolver { return r.NewSession() },
		IgnoreParameters: c.IgnoreCAAParameters, BRLabels: c.CAALabelsOfBR,
	}
	return &Local{perspective: c.Perspective, clock: c.Clock, budget: limits, resolver: r, validator: v, caa: checker}, nil
}

// Describe returns the perspective's description.
func (l *Local) Describe() perspectives.Perspective { return l.perspective }

// Run answers the questions of c and returns what was seen. Both are asked through
// one resolver session, as one recursive resolver would: what the first question
// taught it about delegations serves the second, answers are never reused, and
// nothing outlives the run. They share one budget; if it is used up, what is not yet
// answered is an error with the reason of the resource. The result is cut to the
// evidence that the budget allows and says where. Run does not fail:
// that something could not be asked is an outcome with the verdict Error. The
// outcome of a question that is not asked stays Unanswered; of a check whose
// Questions mean nothing that is both.
func (l *Local) Run(ctx context.Context, c perspectives.Check) perspectives.Result {
	res := perspectives.Result{
		Perspective: l.perspective.Name, RIR: l.perspective.RIR, Questions: c.Questions,
		TargetAddresses: []string{}, Started: l.clock(),
	}
	b := budget.New(l.budget)
	ctx, cancel := budget.With(ctx, b)
	defer cancel()
	session := l.resolver.NewSession()
	if c.Questions.Known() && c.Questions.DCV() {
		forCAA := 0
		if c.Questions.CAA() {
			forCAA = l.budget.Evidence / 2
		}
		var targets []string
		b.Hold(forCAA)
		res.DCV, targets = l.validator.Validate(ctx, session, c)
		b.Release(forCAA)
		res.TargetAddresses = append(res.TargetAddresses, targets...)
	}
	if c.Questions.Known() && c.Questions.CAA() {
		res.CAA = l.caa.Check(ctx, session, c)
	}
	res.Finished = l.clock()
	res.Bound(l.budget.Evidence)
	return res
}

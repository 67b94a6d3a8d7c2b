package caa

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
	"mpicsim/perspectives/resolver"
)

// The proofs of BR 3.2.2.8, as [perspectives.LookupFailure] names those that are
// missing.
const (
	proofRetry    = "retry"
	proofOutside  = "outside-infrastructure"
	proofInsecure = "insecure"
)

// maxProof is how many exchanges are kept to show that the perspective's own
// network works.
const maxProof = 8

// maxRetries is how often the search for the records is made again until one name has
// failed twice.
const maxRetries = 2

// retry looks up again what failed with cause, and judges by BR 3.2.2.8 if it
// fails again: a failure may count as permission if it lies outside of the CA's
// infrastructure, was tried again at least once, and the domain is Insecure
// (RFC 4035 4.3). That an answer is bogus or cannot be validated, and that the
// perspective gave up by itself, is never such a failure.
func (k Checker) retry(ctx context.Context, c perspectives.Check, first Set, cause error) perspectives.Outcome {
	if !excusable(ctx, cause) {
		return failedLookup(first, cause)
	}
	f := &perspectives.LookupFailure{Name: first.Name, Attempts: []perspectives.FailedLookup{failure(cause)}}
	set, err, again, names := first, cause, false, []string{first.Name}
	for range maxRetries {
		if k.Retry == nil || again {
			break
		}
		trace := set.Trace
		set, err = Find(ctx, k.Retry(), c.Domain)
		set.Trace = append(slices.Clone(trace), set.Trace...)
		if err == nil {
			return k.judge(set, c)
		}
		if !excusable(ctx, err) {
			return failedLookup(set, err)
		}
		// If it is another name that failed this time, its lookup is not tried again yet.
		again = slices.Contains(names, set.Name)
		f.Name, names = set.Name, append(names, set.Name)
		f.Attempts = append(f.Attempts, failure(err))
	}
	prove(f, err, again)
	o := failedLookup(set, err)
	o.LookupFailure = f
	if !f.Complete() {
		o.Detail += "; no permission by BR 3.2.2.8 without proof of: " + strings.Join(f.Missing, ", ")
		return o
	}
	o.Verdict, o.Reason = perspectives.Pass, ReasonLookupFailurePermitted
	o.Detail += "; permission by BR 3.2.2.8: tried again, " + f.Outside + ", the zone is Insecure"
	return o
}

// excusable says whether err may be a failure outside of the CA's
// infrastructure: not one that the perspective decided on itself, by its limits,
// the keys that it computes with, its address policy or the end of ctx, and not an
// answer. Aliases that lead back
// to themselves are an answer: the zone's servers gave it, and nobody failed whose
// failure could be proved to lie outside. So are CAA records that came in a reply
// which is no answer for another reason: what they forbid is known.
func excusable(ctx context.Context, err error) bool {
	for _, own := range []error{
		resolver.ErrBogus, resolver.ErrUnsupportedKey, resolver.ErrLimit, budget.ErrExhausted,
		resolver.ErrRefusedAddress, resolver.ErrName, resolver.ErrLoop,
		context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, own) {
			return false
		}
	}
	if ctx.Err() != nil || budget.Ended(ctx) != nil {
		return false
	}
	if e, ok := errors.AsType[*resolver.Error](err); ok && e.Received {
		return false
	}
	return !slices.ContainsFunc(resolver.TraceOf(err), func(ev perspectives.Evidence) bool {
		return ev.Status == dns.RcodeToString[dns.RcodeYXDomain] // a DNAME that leads nowhere (RFC 6672 2.2)
	})
}

// failure records one failed lookup, dated by its first and last exchange.
func failure(err error) perspectives.FailedLookup {
	l := perspectives.FailedLookup{
		Error: err.Error(), DNSSEC: resolver.StatusOf(err).DNSSEC(), Evidence: resolver.TraceOf(err),
	}
	if n := len(l.Evidence); n > 0 {
		l.Started = l.Evidence[0].Started
		last := l.Evidence[n-1]
		l.Took = last.Started.Add(last.Took).Sub(l.Started)
	}
	return l
}

// prove fills in the proofs that the failed lookups give, the last of which
// ended with err, and names those that are missing. again says that one before it failed
// at the same name.
func prove(f *perspectives.LookupFailure, err error, again bool) {
	f.DNSSEC = resolver.StatusOf(err).DNSSEC()
	if e, ok := errors.AsType[*resolver.Error](err); ok {
		f.Chain = resolver.AppendChain(nil, e.Chain)
	}
	f.Outside, f.OutsideEvidence = outside(f.Attempts)
	if !again {
		f.Missing = append(f.Missing, proofRetry)
	}
	if f.Outside == "" {
		f.Missing = append(f.Missing, proofOutside)
	}
	if f.DNSSEC != perspectives.Insecure {
		f.Missing = append(f.Missing, proofInsecure)
	}
}

// outside says why the failures are not the perspective's own: in each attempt
// other servers gave it good answers, so that its network and resolver worked,
// while those that it needed did not. It returns "" if in some attempt nobody
// did, which an outage of its own would look like.
func outside(attempts []perspectives.FailedLookup) (why string, answered []perspectives.Evidence) {
	var good, bad []string
	for _, a := range attempts {
		before := len(good)
		for _, ev := range a.Evidence {
			switch ev.Status {
			case dns.RcodeToString[dns.RcodeSuccess], dns.RcodeToString[dns.RcodeNameError]:
				good = append(good, ev.Server)
				answered = append(answered, ev)
			default:
				bad = append(bad, ev.Server)
			}
		}
		if len(good) == before {
			return "", nil
		}
	}
	why = strings.Join(unique(good), ", ") + " answered"
	if len(bad) > 0 {
		why = fmt.Sprintf("%s gave no usable answer while %s", strings.Join(unique(bad), ", "), why)
	}
	return why, answered[:min(len(answered), maxProof)]
}

func unique(in []string) []string {
	var out []string
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

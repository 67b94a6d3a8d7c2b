// Package budget bounds what one check may cost a perspective, whatever a
// stranger's servers send: how many messages it sends, how many octets it takes
// in and keeps, how many aliases it follows, signatures it verifies and servers it
// contacts, how much it computes, and how long it runs.
//
// [New] makes the [Budget] of a check, [With] puts it in the context that the
// check runs in, and packages resolver, dcv and caa charge it. Domain control and
// CAA of one check share it; each perspective and each attempt has its own. The
// limits of a single lookup (resolver.Limits) and of a single request
// (dcv.Options) are inner bounds.
//
// The first resource that is used up ends the check for good: whatever is asked of
// the budget afterwards fails with an [*Exhausted], and the outcome is an error
// with the reason that [Resource.Reason] names, never permission. Evidence is the
// exception: what does not fit is left out, and the outcome says so.
//
// A nil *Budget has no limits. A Budget is safe for concurrent use.
package budget

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mpicsim/perspectives"
)

// Resource is what a check uses up.
type Resource uint8

// The resources.
const (
	// Messages are DNS queries, HTTP requests and TLS handshakes: each has a
	// connection of its own.
	Messages Resource = iota
	// Octets are those received, from name servers and the target's servers.
	Octets
	// Evidence are octets kept as evidence, as they are written in JSON.
	Evidence
	// Aliases are CNAME and DNAME records that are followed.
	Aliases
	// Signatures are pairs of key and signature that are tried (RFC 4035 5.3.3).
	Signatures
	// Endpoints are distinct addresses and ports that are contacted.
	Endpoints
	// Work stands for processor time: one unit is about 10 ns of it. It is counted,
	// not measured, so that the same check ends in the same place on any machine.
	Work
	// Time is wall-clock time, in nanoseconds.
	Time
	resources // how many there are
)

// Resources returns all resources in the order of their values.
func Resources() []Resource {
	all := make([]Resource, resources)
	for i := range all {
		all[i] = Resource(i)
	}
	return all
}

// String returns the name of the limit in configurations, such as "messages".
func (r Resource) String() string {
	switch r {
	case Messages:
		return "messages"
	case Octets:
		return "octets"
	case Evidence:
		return "evidence"
	case Aliases:
		return "aliases"
	case Signatures:
		return "signatures"
	case Endpoints:
		return "endpoints"
	case Work:
		return "work"
	case Time:
		return "time"
	case resources:
	}
	return fmt.Sprintf("Resource(%d)", uint8(r))
}

// Reason returns the reason of an outcome that ended because r was used up, such
// as "budget-messages".
func (r Resource) Reason() string { return "budget-" + r.String() }

// Limits are what one check may use. A zero field stands for its default.
type Limits struct {
	Messages   int           // default 300
	Octets     int           // default 1 MiB
	Evidence   int           // default 256 KiB
	Aliases    int           // default 100
	Signatures int           // default 256
	Endpoints  int           // default 100
	Work       int           // default 3,000,000, about 30 ms of one processor
	Time       time.Duration // default 1 min
}

// WithDefaults returns l with its zero fields filled in, or an error that names a
// negative one.
func (l Limits) WithDefaults() (Limits, error) {
	for r, f := range map[Resource]struct {
		value *int
		def   int
	}{
		Messages:   {&l.Messages, 300},
		Octets:     {&l.Octets, 1 << 20},
		Evidence:   {&l.Evidence, perspectives.MaxEvidence},
		Aliases:    {&l.Aliases, 100},
		Signatures: {&l.Signatures, 256},
		Endpoints:  {&l.Endpoints, 100},
		Work:       {&l.Work, 3_000_000},
	} {
		if *f.value < 0 {
			return l, fmt.Errorf("budget %v: found %d, expected a positive number or 0 for the default", r, *f.value)
		}
		if *f.value == 0 {
			*f.value = f.def
		}
	}
	if l.Time < 0 {
		return l, fmt.Errorf("budget %v: found %v, expected a positive duration or 0 for the default", Time, l.Time)
	}
	if l.Time == 0 {
		l.Time = time.Minute
	}
	return l, nil
}

// of returns the limit of r.
func (l Limits) of(r Resource) int {
	switch r {
	case Messages:
		return l.Messages
	case Octets:
		return l.Octets
	case Evidence:
		return l.Evidence
	case Aliases:
		return l.Aliases
	case Signatures:
		return l.Signatures
	case Endpoints:
		return l.Endpoints
	case Work:
		return l.Work
	case Time:
		return int(l.Time)
	case resources:
	}
	return 0
}

// ErrExhausted is what every [*Exhausted] is.
var ErrExhausted = errors.New("budget exhausted")

// Exhausted says which resource of a check is used up.
type Exhausted struct {
	Resource Resource
	// Limit is how much of it there was.
	Limit int
}

func (e *Exhausted) Error() string {
	if e.Resource == Time {
		return fmt.Sprintf("%v: the check took more than %v", ErrExhausted, time.Duration(e.Limit))
	}
	return fmt.Sprintf("%v: more than %d %v for one check", ErrExhausted, e.Limit, e.Resource)
}

// Is reports whether target is [ErrExhausted].
func (e *Exhausted) Is(target error) bool { return target == ErrExhausted }

// Budget is what one check may still use. Create it with [New].
type Budget struct {
	limits Limits

	mu        sync.Mutex
	spent     [resources]int
	endpoints map[string]struct{}
	ended     *Exhausted
}

// New returns the budget of one check. Zero limits stand for defaults; negative
// ones, which [Limits.WithDefaults] refuses, allow nothing.
func New(l Limits) *Budget {
	l, _ = l.WithDefaults() // who cares about the error has asked for it
	return &Budget{limits: l, endpoints: make(map[string]struct{})}
}

// Limits returns the limits, zero for a nil Budget.
func (b *Budget) Limits() Limits {
	if b == nil {
		return Limits{}
	}
	return b.limits
}

// Spend uses up n of r. It returns an [*Exhausted] if there is not so much left, or
// if the check has already been ended.
func (b *Budget) Spend(r Resource, n int) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spend(r, n)
}

func (b *Budget) spend(r Resource, n int) error {
	if b.ended != nil {
		return b.ended
	}
	b.spent[r] += n
	if limit := b.limits.of(r); b.spent[r] > limit {
		b.ended = &Exhausted{Resource: r, Limit: limit}
		return b.ended
	}
	return nil
}

// contact uses up a message to a server, and an endpoint if it is a new one.
func (b *Budget) contact(address string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.spend(Messages, 1); err != nil {
		return err
	}
	if _, known := b.endpoints[address]; known {
		return nil
	}
	b.endpoints[address] = struct{}{}
	return b.spend(Endpoints, 1)
}

// Spent returns how much of r has been used, Time excepted.
func (b *Budget) Spent(r Resource) int {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent[r]
}

// Ended returns the [*Exhausted] that ended the check, nil if none did.
func (b *Budget) Ended() error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended == nil {
		return nil
	}
	return b.ended
}

// Keep bounds one exchange ([perspectives.Evidence.Bound]) and charges what is left
// of it. If there is no room for its answer, the answer is left out, and the
// exchange says so.
func (b *Budget) Keep(ev perspectives.Evidence) perspectives.Evidence {
	ev = ev.Bound()
	if b == nil {
		return ev
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	size := ev.Size()
	if b.spent[Evidence]+size > b.limits.Evidence && len(ev.Answer) > 0 {
		ev.Answer, ev.Cut = nil, true
		size = ev.Size()
	}
	b.spent[Evidence] += size
	return ev
}

// Hold takes n octets of evidence out of the budget, which [Budget.Release] gives
// back: they are kept for the question that is asked next.
func (b *Budget) Hold(n int) { b.hold(n) }

// Release gives back what Hold took.
func (b *Budget) Release(n int) { b.hold(-n) }

func (b *Budget) hold(n int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent[Evidence] += n
}

type key struct{}

// With returns a context that carries b and ends when b's time is up, and a
// function that releases what it holds.
func With(ctx context.Context, b *Budget) (context.Context, context.CancelFunc) {
	ctx = context.WithValue(ctx, key{}, b)
	if b == nil {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, b.limits.Time, &Exhausted{Resource: Time, Limit: int(b.limits.Time)})
}

// From returns the budget that ctx carries, nil if it carries none.
func From(ctx context.Context) *Budget {
	b, _ := ctx.Value(key{}).(*Budget)
	return b
}

// Ended returns the [*Exhausted] that ended the check of ctx, nil if none did.
func Ended(ctx context.Context) error {
	if ended := endOf(ctx); ended != nil {
		return ended
	}
	return nil
}

func endOf(ctx context.Context) *Exhausted {
	b := From(ctx)
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended == nil && ctx.Err() != nil {
		if late, ok := errors.AsType[*Exhausted](context.Cause(ctx)); ok {
			b.ended = late
		}
	}
	return b.ended
}

// Settle makes an error of an outcome if the budget that ctx carries was used up
// before it was reached, whatever it says: what was not looked at to the end is
// neither permission nor its refusal.
func Settle(ctx context.Context, o *perspectives.Outcome) {
	ended := endOf(ctx)
	if ended == nil {
		return
	}
	o.Verdict, o.Reason = perspectives.Error, ended.Resource.Reason()
	o.Detail = ended.Error() + "; before that: " + o.Detail
}

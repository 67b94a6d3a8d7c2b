// Package coordinator runs Multi-Perspective Issuance Corroboration: it asks the
// primary, then the remotes, keeps what each one saw, and decides by a rule of
// package policy.
//
// Modelled: primary first, remotes only if it passes and then concurrently; a
// timeout for each; identity and RIR region of every reply checked against the
// configuration; stragglers cancelled, if wanted, once the decision is certain;
// retries that never reuse an earlier corroboration; the records of
// BR 5.4.1(2)(7) and (8). Not modelled: choosing a cohort out of a larger pool
// (packages cohort and openmpic do), reuse of CAA corroborations for 398 days,
// different remotes for domain validation and CAA.
//
// A refusal is a value, a [perspectives.Decision] with its reason. An error is
// somebody's mistake: a bad configuration, a check that makes no sense, a
// cancelled context.
package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
)

// Runner is one perspective as the coordinator reaches it: in this process, or
// a client of a remote one.
type Runner interface {
	// Describe returns the perspective's configuration, always the same.
	Describe() perspectives.Perspective
	// Run carries out both questions of c from scratch, sharing nothing with
	// another perspective or an earlier run, and says what it saw. What goes
	// wrong on the way is an Outcome with verdict Error, not a reason to panic.
	// Run must return soon after ctx ends: the coordinator waits for it. It is
	// called by several goroutines at once if checks are.
	Run(ctx context.Context, c perspectives.Check) perspectives.Result
}

// Config is one CA's deployment.
type Config struct {
	// Primary makes the determination that the remotes corroborate.
	Primary Runner
	// Remotes are asked if the primary passes, and reported in this order.
	Remotes []Runner
	// Quorum is the rule to decide by.
	Quorum policy.Quorum
	// ReportOnly accepts a set that violates the rule: New succeeds and
	// [Coordinator.Violations] lists what is wrong. For replaying sets that are
	// history. The rule still decides, so most such sets can only be refused
	// under it. Names must be unique all the same.
	ReportOnly bool
	// Clock is what reports and log records are dated by. Required.
	Clock perspectives.Clock
	// RuleDate tells the day whose rules on validation methods and names hold
	// (policy.Refuse): a check that they forbid is refused before anybody is
	// asked. Production gives Clock; nil for no such rules, whatever the date of
	// Quorum.
	RuleDate perspectives.Clock
	// Timeout bounds one perspective's answer, on the operating system's clock.
	// 0 means no bound but that of the caller's context.
	Timeout time.Duration
	// Workers is how many remotes are asked at a time; 0 means all at once. It
	// changes no decision, only how long it takes.
	Workers int
	// CancelStragglers ends the asking of remotes whose answers cannot change the
	// decision any more (policy.Certain). Their answers have the fault [Cancelled]
	// and do not count. Decision.Issue, Monitoring, Required and Clause are those of
	// an attempt that waits for everybody; Quorum may have fewer corroborations, a
	// refusal may be for too few corroborations where the full one is for too few
	// RIR regions, and Detail says who was cancelled.
	//
	// All remotes must be asked at once, since those that were not asked would not
	// count as used (BR 3.2.2.9): Workers must be 0, or no fewer than the remotes.
	// Of a set that is unlawful under the rule, and if it asks for no corroboration,
	// only the first answer is waited for.
	CancelStragglers bool
	// MaxAttempts is how often an attempt is made before a refusal stands; 0
	// means 1. BR 3.2.2.9 sets no limit.
	MaxAttempts int
	// Log gets the records of BR 5.4.1(2)(7) and (8): one for each perspective
	// that was asked, one for each quorum. nil for none. A check whose record its
	// handler does not take has no decision.
	Log *slog.Logger
}

// Coordinator is a deployment ready to corroborate. It is safe for concurrent
// use if its Runners are.
type Coordinator struct {
	config     Config
	primary    perspective
	remotes    []perspective
	violations []policy.Violation
}

// perspective is a Runner with its configuration, read once.
type perspective struct {
	perspectives.Perspective
	runner Runner
}

// New checks the configuration. It returns an error that lists every violation
// if the set cannot meet the rule, unless ReportOnly is set.
func New(c Config) (*Coordinator, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("coordinator: %w", err)
	}
	co := &Coordinator{config: c, primary: perspective{c.Primary.Describe(), c.Primary}}
	set := perspectives.Set{Primary: co.primary.Perspective}
	names := map[string]bool{}
	for _, r := range append([]Runner{c.Primary}, c.Remotes...) {
		p := r.Describe()
		if p.Name == "" {
			return nil, errors.New("coordinator: a perspective without a name")
		}
		if names[p.Name] {
			return nil, fmt.Errorf("coordinator: %w: two perspectives are named %q", policy.ErrDuplicate, p.Name)
		}
		names[p.Name] = true
	}
	for _, r := range c.Remotes {
		p := r.Describe()
		co.remotes = append(co.remotes, perspective{p, r})
		set.Remotes = append(set.Remotes, p)
	}
	co.violations = policy.CheckSet(c.Quorum, set)
	if len(co.violations) > 0 && !c.ReportOnly {
		lines := make([]string, len(co.violations))
		for i, v := range co.violations {
			lines[i] = v.String()
		}
		return nil, fmt.Errorf("coordinator: the set cannot meet %s:\n  %s", c.Quorum.Clause, strings.Join(lines, "\n  "))
	}
	return co, nil
}

// validate checks all but the set.
func (c Config) validate() error {
	if c.Primary == nil {
		return errors.New("no primary")
	}
	for i, r := range c.Remotes {
		if r == nil {
			return fmt.Errorf("remote %d is nil", i)
		}
	}
	if c.Clock == nil {
		return errors.New("no clock")
	}
	switch {
	case c.Timeout < 0:
		return fmt.Errorf("timeout %v: want 0 or more", c.Timeout)
	case c.Workers < 0:
		return fmt.Errorf("workers %d: want 0 or more", c.Workers)
	case c.MaxAttempts < 0:
		return fmt.Errorf("max attempts %d: want 0 or more", c.MaxAttempts)
	case c.CancelStragglers && c.Workers > 0 && c.Workers < len(c.Remotes):
		return fmt.Errorf("workers %d: want %d, the number of remotes, or 0 to cancel stragglers: who was never asked is not used", c.Workers, len(c.Remotes))
	}
	return c.Quorum.Validate()
}

// Violations returns what is wrong with the set under the rule, nil if nothing
// is. Only a Coordinator made with ReportOnly has any.
func (co *Coordinator) Violations() []policy.Violation { return co.violations }

// Report is everything about one request.
type Report struct {
	// Check is what the perspectives were asked, normalized.
	Check perspectives.Check `json:"check"`
	// Rule is what was decided by.
	Rule policy.Quorum `json:"rule"`
	// Violations are what is wrong with the set under the rule.
	Violations []policy.Violation `json:"violations,omitempty"`
	// Decision is that of the last attempt.
	Decision perspectives.Decision `json:"decision"`
	// Attempts are all of them, in order; each was made from scratch. None if
	// the check was refused before anybody was asked.
	Attempts []Attempt `json:"attempts"`
}

// Attempt is one round of asking everybody.
type Attempt struct {
	Started  time.Time             `json:"started"`
	Finished time.Time             `json:"finished"`
	Primary  Answer                `json:"primary"`
	Remotes  []Answer              `json:"remotes"` // in the order of the configuration
	Decision perspectives.Decision `json:"decision"`
}

// Answer is what came of asking one perspective.
type Answer struct {
	Perspective perspectives.Perspective `json:"perspective"`
	// Attempted is false for a remote that was not asked, because the primary
	// had failed.
	Attempted bool `json:"attempted"`
	// Fault says why the reply does not count, "" if it does: [Misconfigured],
	// [TimedOut] or [Cancelled].
	Fault string `json:"fault,omitempty"`
	// Result is the reply as it came, kept as evidence even if it does not
	// count.
	Result perspectives.Result `json:"result"`
}

// The faults of an [Answer].
const (
	// Misconfigured: the reply names another perspective or RIR region than the
	// configuration, or answers other questions than were asked.
	Misconfigured = "misconfigured"
	// TimedOut: the reply came after the timeout, if at all.
	TimedOut = "timed-out"
	// Cancelled: the decision was certain before the reply came, if it came at all
	// (Config.CancelStragglers).
	Cancelled = "cancelled"
)

// Count is how many of the remotes of an attempt were asked, how many of those
// replied in time (with anything: that there is no connection is a reply of the
// Runner), and how many were not waited for.
type Count struct {
	Asked, Answered, Cancelled int
}

// Count counts the remotes.
func (a Attempt) Count() Count {
	var n Count
	for _, r := range a.Remotes {
		if r.Attempted {
			n.Asked++
		}
		switch {
		case r.Fault == Cancelled:
			n.Cancelled++
		case r.Attempted && r.Fault != TimedOut:
			n.Answered++
		}
	}
	return n
}

// Verdicts returns the answers that count, Unanswered if the reply does not.
func (a Answer) Verdicts() (dcv, caa perspectives.Verdict) {
	if !a.Attempted || a.Fault != "" {
		return perspectives.Unanswered, perspectives.Unanswered
	}
	return a.Result.DCV.Verdict, a.Result.CAA.Verdict
}

// Corroborates says whether the perspective passed what it was asked.
func (a Answer) Corroborates() bool {
	return a.Attempted && a.Fault == "" && a.Result.Corroborates()
}

func (a Answer) vote() policy.Answer {
	dcv, caa := a.Verdicts()
	return policy.Answer{Perspective: a.Perspective, DCV: dcv, CAA: caa}
}

// Corroborate carries out one request: normalize the check, then attempts until
// one allows issuance, MaxAttempts are made, or trying again cannot help. If a
// rule on methods or names forbids issuance on RuleDate, the decision says so and
// there is no attempt.
//
// The error wraps [ErrBadCheck] if the check makes no sense, the context's error if
// it ended first, and [ErrNotRecorded] if a record could not be written; the report
// then holds the attempts that were finished and recorded, and no decision unless
// one of them made it. A Runner that panics makes Corroborate panic with a [RunnerPanic],
// once the others have returned.
func (co *Coordinator) Corroborate(ctx context.Context, check perspectives.Check) (Report, error) {
	report := Report{Rule: co.config.Quorum, Violations: co.violations}
	check, err := NormalizeCheck(check)
	if err != nil {
		return report, err
	}
	report.Check = check
	if co.config.RuleDate != nil {
		refusal, forbidden, err := policy.Refuse(check, co.config.RuleDate())
		if err != nil {
			return report, fmt.Errorf("%w: %w", ErrBadCheck, err)
		}
		if forbidden {
			if err := co.logRefusal(ctx, check, refusal); err != nil {
				return report, err
			}
			report.Decision = refusal
			return report, nil
		}
	}
	for n := range max(1, co.config.MaxAttempts) {
		a, err := co.attempt(ctx, check)
		if err != nil {
			return report, fmt.Errorf("corroborate %s: attempt %d: %w", check.Domain, n+1, err)
		}
		if err := co.log(ctx, n+1, check, a); err != nil {
			return report, fmt.Errorf("corroborate %s: attempt %d: %w", check.Domain, n+1, err)
		}
		report.Attempts = append(report.Attempts, a)
		report.Decision = a.Decision
		if a.Decision.Issue || !mayChange(a.Decision.Reason) {
			break
		}
	}
	return report, nil
}

// mayChange says whether another attempt with the same set can end differently
// than by this reason.
func mayChange(reason string) bool {
	switch reason {
	case policy.TooFewRemotes, policy.TooManyRemotes, policy.NotDistinct, policy.ResolverRule:
		return false
	}
	return true
}

// attempt asks the primary and, if it passes, the remotes, and decides.
func (co *Coordinator) attempt(ctx context.Context, check perspectives.Check) (Attempt, error) {
	a := Attempt{Started: co.config.Clock(), Remotes: make([]Answer, len(co.remotes))}
	for i, p := range co.remotes {
		a.Remotes[i].Perspective = p.Perspective
	}
	primary := make([]Answer, 1)
	co.ask(ctx, []perspective{co.primary}, check, primary, nil)
	a.Primary = primary[0]
	var remotes []Answer
	if a.Primary.Corroborates() {
		remotes = a.Remotes
		co.ask(ctx, co.remotes, check, a.Remotes, co.certain(check, a.Primary))
	}
	a.Finished = co.config.Clock()
	if err := ctx.Err(); err != nil {
		return Attempt{}, err
	}
	var err error
	a.Decision, err = policy.Decide(co.config.Quorum, votesOf(check, a.Primary, remotes))
	if names := cancelled(remotes); len(names) > 0 {
		a.Decision.Detail += "; certain without " + strings.Join(names, ", ")
	}
	return a, err
}

// certain returns what ask calls after each answer, nil to wait for all of them.
func (co *Coordinator) certain(check perspectives.Check, primary Answer) func([]Answer, []bool) bool {
	if !co.config.CancelStragglers {
		return nil
	}
	return func(answers []Answer, open []bool) bool {
		pending := make(map[string]bool, len(open))
		seen := slices.Clone(answers)
		for i, p := range co.remotes {
			seen[i].Perspective, pending[p.Name] = p.Perspective, open[i]
		}
		certain, err := policy.Certain(co.config.Quorum, votesOf(check, primary, seen), func(name string) bool { return pending[name] })
		return err == nil && certain // Decide will say what the error is
	}
}

// votesOf returns what the answers say in the words of package policy.
func votesOf(check perspectives.Check, primary Answer, remotes []Answer) policy.Attempt {
	votes := make([]policy.Answer, len(remotes))
	for i, r := range remotes {
		votes[i] = r.vote()
	}
	a := policy.SameSet(primary.vote(), votes...)
	a.Questions = check.Questions
	return a
}

// cancelled returns the names of those that were not waited for.
func cancelled(remotes []Answer) (names []string) {
	for _, r := range remotes {
		if r.Fault == Cancelled {
			names = append(names, r.Perspective.Name)
		}
	}
	return names
}

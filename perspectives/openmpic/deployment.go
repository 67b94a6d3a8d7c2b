package openmpic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
)

// Deployment is a [Fleet] of Runners: in this process, or clients of remote
// perspectives.
type Deployment struct {
	c       DeploymentConfig
	primary coordinator.Runner
	mode    Primary
	byName  map[string]coordinator.Runner
	remotes []perspectives.Perspective
}

// DeploymentConfig is what [NewDeployment] needs. Remotes, Quorum and Clock are
// required, and either Primary or Caller.
type DeploymentConfig struct {
	// Primary is asked first, if the service has it.
	Primary coordinator.Runner
	// Caller is the primary that callers ask themselves: name, location and RIR
	// region.
	Caller *perspectives.Perspective
	// Remotes are all there are.
	Remotes []coordinator.Runner
	// Quorum returns the rule in force now.
	Quorum func() policy.Quorum
	// Clock, RuleDate, Timeout and Log are those of coordinator.Config. Records
	// have the request's trace_identifier and the number of its attempt besides.
	Clock, RuleDate perspectives.Clock
	Timeout         time.Duration
	Log             *slog.Logger
	// CancelStragglers is that of coordinator.Config. Requests for monitoring wait
	// for everybody all the same.
	CancelStragglers bool
}

// NewDeployment checks the configuration. That some remotes are too near to each
// other is no error: the cohorts are chosen so that no two of them meet.
func NewDeployment(c DeploymentConfig) (*Deployment, error) {
	d := &Deployment{c: c, primary: c.Primary, mode: PrimaryIncluded, byName: map[string]coordinator.Runner{}}
	switch {
	case c.Quorum == nil || c.Clock == nil || len(c.Remotes) == 0:
		return nil, errors.New("deployment: Remotes, Quorum and Clock are required")
	case (c.Primary == nil) == (c.Caller == nil):
		return nil, errors.New("deployment: want either Primary or Caller")
	case c.Caller != nil:
		d.primary, d.mode = callersPrimary{*c.Caller, c.Clock}, PrimaryAtCaller
	}
	name := d.primary.Describe().Name
	for _, r := range c.Remotes {
		p := r.Describe()
		if p.Name == "" || p.Name == name || d.byName[p.Name] != nil {
			return nil, fmt.Errorf("deployment: %w: %q", policy.ErrDuplicate, p.Name)
		}
		d.byName[p.Name] = r
		d.remotes = append(d.remotes, p)
	}
	return d, nil
}

// Describe implements [Fleet].
func (d *Deployment) Describe() (perspectives.Perspective, []perspectives.Perspective, Primary) {
	return d.primary.Describe(), append([]perspectives.Perspective{}, d.remotes...), d.mode
}

// Rule implements [Fleet].
func (d *Deployment) Rule() policy.Quorum { return d.c.Quorum() }

// Attempt implements [Fleet].
func (d *Deployment) Attempt(ctx context.Context, a Attempt) (coordinator.Report, error) {
	config := coordinator.Config{
		Primary: d.primary, Quorum: a.Quorum, ReportOnly: true,
		Clock: d.c.Clock, RuleDate: d.c.RuleDate, Timeout: d.c.Timeout,
		CancelStragglers: d.c.CancelStragglers && !a.Monitoring,
	}
	if d.c.Log != nil {
		config.Log = d.c.Log.With(a.RecordAttrs()...)
	}
	for _, name := range a.Remotes {
		r := d.byName[name]
		if r == nil {
			return coordinator.Report{}, fmt.Errorf("there is no perspective %q", name)
		}
		config.Remotes = append(config.Remotes, r)
	}
	co, err := coordinator.New(config)
	if err != nil {
		return coordinator.Report{}, err
	}
	return co.Corroborate(ctx, a.Check)
}

// callersPrimary stands for the determination that the caller has made before it
// asks for corroboration.
type callersPrimary struct {
	perspectives.Perspective
	clock perspectives.Clock
}

// Describe implements [coordinator.Runner].
func (p callersPrimary) Describe() perspectives.Perspective { return p.Perspective }

// Run implements [coordinator.Runner].
func (p callersPrimary) Run(_ context.Context, c perspectives.Check) perspectives.Result {
	r := perspectives.Result{
		Perspective: p.Name, RIR: p.RIR, Questions: c.Questions, TargetAddresses: []string{}, Started: p.clock(), Finished: p.clock(),
	}
	held := perspectives.Outcome{
		Verdict: perspectives.Pass, Reason: "determined-by-caller", Clause: "BR 3.2.2.9",
		Detail: "the caller holds the primary's result, which is not known here",
	}
	if c.Questions.DCV() {
		r.DCV = held
	}
	if c.Questions.CAA() {
		r.CAA = held
	}
	return r
}

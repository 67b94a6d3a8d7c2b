package replay

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
	"mpicsim/scenarios"
)

// Corroboration is any check, put to the perspectives of one of the timeline's
// checks.
type Corroboration struct {
	// Event is the name of a check in the timeline: its perspectives are asked.
	Event string
	// At is the virtual time, of the whole timeline and before or after any of
	// its events.
	At time.Duration
	// Check is what is asked. It need not be about the victim.
	Check perspectives.Check
	// Remotes are the names of those to ask, in order; nil for all.
	Remotes []string
	// Quorum is the rule to decide by; the zero value stands for the event's.
	Quorum policy.Quorum
	// Log is that of coordinator.Config.
	Log *slog.Logger
}

// CheckEvents returns the checks of the timeline, in order, with when they are
// made.
func (w *World) CheckEvents() []scenarios.Event {
	var out []scenarios.Event
	for _, e := range w.source.Timeline {
		if e.Check != nil {
			out = append(out, e)
		}
	}
	return out
}

// Deployment returns the perspectives and the rule of a check in the timeline.
func (w *World) Deployment(event string) (perspectives.Set, policy.Quorum, error) {
	e, err := w.event(event)
	if err != nil {
		return perspectives.Set{}, policy.Quorum{}, err
	}
	date, rule := w.source.DateAndRule(e)
	day, err := policy.ParseDate(date)
	if err != nil {
		return perspectives.Set{}, policy.Quorum{}, err
	}
	quorum, err := policy.ParseRule(rule, day)
	if err != nil {
		return perspectives.Set{}, policy.Quorum{}, err
	}
	set := perspectives.Set{Name: w.source.Name}
	for _, site := range w.sets[event] {
		if site.Primary {
			set.Primary = site.Perspective
		} else {
			set.Remotes = append(set.Remotes, site.Perspective)
		}
	}
	return set, quorum, nil
}

// Request returns what the CA asks its perspectives in a check of the timeline:
// its challenge is met by the side that applies for it.
func (w *World) Request(event string) (perspectives.Check, error) {
	e, err := w.event(event)
	if err != nil {
		return perspectives.Check{}, err
	}
	return w.checkRequest(e), nil
}

// Start is the date of virtual time 0.
func (w *World) Start() time.Time { return w.start }

func (w *World) event(name string) (scenarios.CheckEvent, error) {
	var names []string
	for _, e := range w.CheckEvents() {
		if e.Check.Name == name {
			return *e.Check, nil
		}
		names = append(names, e.Check.Name)
	}
	return scenarios.CheckEvent{}, fmt.Errorf("check %q: want one of the timeline: %s", name, strings.Join(names, ", "))
}

// Corroborate makes one attempt. The primary checks at the time that is asked for,
// the remotes when its word has reached them, as in [World.Check]. It is safe for
// concurrent use, and the same request has the same result however many are made.
func (w *World) Corroborate(ctx context.Context, c Corroboration) (coordinator.Report, error) {
	if c.At < 0 {
		return coordinator.Report{}, fmt.Errorf("virtual time %v: want 0 or later", c.At)
	}
	set, quorum, err := w.Deployment(c.Event)
	if err != nil {
		return coordinator.Report{}, err
	}
	if c.Quorum != (policy.Quorum{}) {
		quorum = c.Quorum
	}
	if c.Remotes == nil {
		for _, r := range set.Remotes {
			c.Remotes = append(c.Remotes, r.Name)
		}
	}
	desk := &desk{world: w, check: c.Event, at: c.At, primary: set.Primary.Name, place: set.Primary.Location}
	config := coordinator.Config{
		Primary: &runner{desk: desk, station: w.sites[set.Primary.Name], primary: true},
		Quorum:  quorum, ReportOnly: true, Clock: desk.now, Timeout: answerTimeout, Workers: w.options.Workers,
		Log: c.Log,
	}
	for _, name := range c.Remotes {
		if !slices.ContainsFunc(set.Remotes, func(p perspectives.Perspective) bool { return p.Name == name }) {
			return coordinator.Report{}, fmt.Errorf("remote %q is not among the perspectives of check %q", name, c.Event)
		}
		config.Remotes = append(config.Remotes, &runner{desk: desk, station: w.sites[name]})
	}
	co, err := coordinator.New(config)
	if err != nil {
		return coordinator.Report{}, err
	}
	return co.Corroborate(ctx, c.Check)
}

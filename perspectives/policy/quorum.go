// Package policy holds the quorum rules of Multi-Perspective Issuance
// Corroboration: those of BR 3.2.2.9 by effective date, those that CAs used
// before them, and any that a study wants to try.
//
// [QuorumAt] gives the rule in force on a day, [ParseRule] one by name,
// [Decide] applies a rule to the answers of one attempt, [Certain] says whether
// those still to come matter, and [CheckSet] says before any attempt what is wrong
// with a deployment. [Counterexample] finds an attempt that one rule accepts and
// another refuses, and [NeverIssues] says why a set can never meet a rule.
//
// Modelled: the number of remotes, the non-corroborations table, the RIR rule,
// the 500 km rules for perspectives and for their resolvers, the monitoring
// phase, and different sets for domain validation and for CAA. Not modelled:
// the hosting requirements of BR 3.2.2.9 (audits, patching, SIDR), the reuse of
// CAA corroborations for 398 days, and the CAA lookup-failure exception of
// BR 3.2.2.8, which is for the CAA check to judge and to prove: policy sees only
// its verdict.
//
// Distances are in kilometres. Everything here is a pure function of its
// arguments and safe for concurrent use.
package policy

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"mpicsim/topology/place"
)

// Quorum is one rule: what the remotes of an attempt must satisfy before the CA
// may issue. It is plain data and comparable. The zero value is not a rule;
// [Quorum.Validate] refuses it.
type Quorum struct {
	// Name is what [ParseRule] calls the rule, such as "br@2026-12-15".
	Name string `json:"name"`
	// Clause is the text that decisions quote, such as
	// "BR 3.2.2.9 (effective 2026-12-15)".
	Clause string `json:"clause"`
	// Source says where the rule is published.
	Source string `json:"source"`
	// Effective is the first day (UTC) of a phase of the BR, zero for rules
	// that have no date.
	Effective time.Time `json:"effective,omitzero"`
	// MinRemotes is how many distinct remotes must be used; 0 means that no
	// corroboration is required and the primary decides alone.
	MinRemotes int `json:"min_remotes"`
	// MaxRemotes is how many may be used, 0 for any number. A rule "2 of 3" is
	// no rule for four.
	MaxRemotes int `json:"max_remotes,omitempty"`
	// ByTable takes the tolerated non-corroborations from the table of
	// BR 3.2.2.9 ([AllowedNonCorroborations]); otherwise Allowed holds.
	ByTable bool `json:"by_table"`
	// Allowed is how many remotes may fail to corroborate, 0 if ByTable.
	Allowed int `json:"allowed"`
	// MinRIRs is how many RIR service regions the corroborating remotes must
	// lie in; the primary's does not count. 0 for no such rule.
	MinRIRs int `json:"min_rirs"`
	// MinDistanceKm is the straight-line distance at which two perspectives,
	// and two resolvers, are distinct. 0 turns the geographic rules off, that
	// of the resolver's RIR region included.
	MinDistanceKm float64 `json:"min_distance_km"`
	// Enforced says that a missed quorum forbids issuance. If false it is only
	// recorded (the monitoring phase of the BR); a set that is no lawful set is
	// refused all the same.
	Enforced bool `json:"enforced"`
}

// Validate returns an error that names the first field which makes no sense.
func (q Quorum) Validate() error {
	switch {
	case q.Name == "" || q.Clause == "":
		return errors.New("quorum rule without name or clause")
	case q.MinRemotes < 0 || q.Allowed < 0 || q.MaxRemotes < 0:
		return fmt.Errorf("quorum rule %q: negative count", q.Name)
	case q.MaxRemotes > 0 && q.MaxRemotes < q.MinRemotes:
		return fmt.Errorf("quorum rule %q: at most %d remotes, at least %d", q.Name, q.MaxRemotes, q.MinRemotes)
	case q.ByTable && q.Allowed != 0:
		return fmt.Errorf("quorum rule %q: non-corroborations both by table and fixed at %d", q.Name, q.Allowed)
	case q.MinRemotes > 0 && q.Required(q.MinRemotes) < 1:
		return fmt.Errorf("quorum rule %q: tolerates %d non-corroborations of %d remotes, so that nobody need corroborate",
			q.Name, q.MinRemotes, q.MinRemotes)
	case q.MinRIRs < 0 || q.MinRIRs > len(place.RIRs()):
		return fmt.Errorf("quorum rule %q: %d RIR regions: want 0 to %d", q.Name, q.MinRIRs, len(place.RIRs()))
	case !(q.MinDistanceKm >= 0) || math.IsInf(q.MinDistanceKm, 0):
		return fmt.Errorf("quorum rule %q: distance %v km: want 0 or more", q.Name, q.MinDistanceKm)
	}
	return nil
}

// Required returns how many of n remotes must corroborate. It says nothing about
// whether n remotes are enough.
func (q Quorum) Required(n int) int {
	allowed := q.Allowed
	if q.ByTable {
		allowed = AllowedNonCorroborations(n)
	}
	return max(0, n-allowed)
}

// AllowedNonCorroborations returns how many of n distinct remotes may fail to
// corroborate by the table of BR 3.2.2.9: 1 of 2 to 5, 2 of 6 or more, and 0
// below the table.
func AllowedNonCorroborations(n int) int {
	switch {
	case n < 2:
		return 0
	case n < 6:
		return 1
	default:
		return 2
	}
}

// phase is one row of the timeline in BR 3.2.2.9.
type phase struct {
	effective  time.Time
	minRemotes int
	minRIRs    int
	enforced   bool
}

// phases returns the timeline of BR 3.2.2.9 (introduced by ballot SC-067), the
// newest phase first.
func phases() [5]phase {
	return [5]phase{
		{day(2026, time.December, 15), 5, 2, true},
		{day(2026, time.June, 15), 4, 2, true},
		{day(2026, time.March, 15), 3, 2, true},
		{day(2025, time.September, 15), 2, 0, true},
		{day(2025, time.March, 15), 2, 0, false}, // MAY issue without quorum
	}
}

// QuorumAt returns the rule of BR 3.2.2.9 in force on date, which is read as a
// calendar day in UTC. Before 2025-03-15 no corroboration is required.
func QuorumAt(date time.Time) Quorum {
	u := date.UTC()
	today := day(u.Year(), u.Month(), u.Day())
	const source = "CA/Browser Forum TLS Baseline Requirements 2.2.6, section 3.2.2.9"
	for _, p := range phases() {
		if today.Before(p.effective) {
			continue
		}
		from := p.effective.Format(time.DateOnly)
		return Quorum{
			Name:          "br@" + from,
			Clause:        "BR 3.2.2.9 (effective " + from + ")",
			Source:        source,
			Effective:     p.effective,
			MinRemotes:    p.minRemotes,
			ByTable:       true,
			MinRIRs:       p.minRIRs,
			MinDistanceKm: place.MinDistinctKm,
			Enforced:      p.enforced,
		}
	}
	return Quorum{
		Name:    "br@" + today.Format(time.DateOnly),
		Clause:  "BR 3.2.2.9 (required from 2025-03-15)",
		Source:  source,
		ByTable: true,
	}
}

// Phases returns the rules of BR 3.2.2.9 that ask for remotes, the oldest first;
// each is [QuorumAt] of its Effective.
func Phases() []Quorum {
	var list []Quorum
	all := phases()
	for _, p := range slices.Backward(all[:]) {
		list = append(list, QuorumAt(p.effective))
	}
	return list
}

// ParseDate reads a day such as "2026-12-15" as midnight UTC.
func ParseDate(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("date %q: want a day as YYYY-MM-DD, such as 2026-12-15", s)
	}
	return t, nil
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

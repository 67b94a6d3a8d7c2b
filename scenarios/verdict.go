package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives/policy"
)

// Verdict says whether MPIC stops what the story tells, so that nobody has to
// gather it from the checks. The library's tests hold it to what replays decide.
type Verdict struct {
	// Stopped is true if none of the checks ends with a certificate, false if all of
	// them do.
	Stopped *bool `yaml:"stopped"`
	// Under is the quorum rule of the checks, such as br@2026-12-15 or 4/5.
	Under string `yaml:"under"`
	// Checks names those of the attacker's checks that the verdict is about.
	Checks []string `yaml:"checks"`
	// Why is a sentence or two: why not, where not.
	Why string `yaml:"why"`
}

// verdict checks what the story says about itself.
func (v *validation) verdict() {
	if f := v.s.Family; f != "" && !slices.Contains(Families(), f) {
		var names []string
		for _, known := range Families() {
			names = append(names, string(known))
		}
		v.fail("family", quote(string(f)), "one of "+strings.Join(names, ", "))
	}
	d := v.s.Verdict
	if d == nil {
		return
	}
	v.check(d.Stopped != nil, "verdict.stopped", "nothing", "true or false")
	v.check(d.Why != "", "verdict.why", "nothing", "why, or why not")
	v.printable("verdict.why", d.Why, true)
	_, err := policy.ParseRule(d.Under, time.Time{})
	v.check(d.Under != "" && err == nil, "verdict.under", quote(d.Under), "a quorum rule, such as br@2026-12-15 or 4/5")
	v.check(len(d.Checks) > 0, "verdict.checks", "nothing", "the names of the attacker's checks that it is about")
	for n, name := range d.Checks {
		field := fmt.Sprintf("verdict.checks[%d]", n)
		c := v.s.checkNamed(name)
		if c == nil {
			v.fail(field, quote(name), "the name of a check in the timeline")
			continue
		}
		v.check(c.Applicant == SideAttacker, field, quote(name)+", which the "+c.Applicant+" applies for", "a check that the attacker applies for")
		v.check(!slices.Contains(d.Checks[:n], name), field, quote(name)+" a second time", "each check once")
	}
}

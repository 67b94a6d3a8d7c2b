package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives/policy"
)

// Family is what kind of story a scenario is; lists and docs group by it.
type Family string

// The families, in the order of lists.
const (
	// FamilyEqualPrefix is two announcements of one prefix: perspectives divide, and
	// MPIC was made for it.
	FamilyEqualPrefix Family = "equal-prefix"
	// FamilySubPrefix is an announcement of a part of a prefix: everybody follows it.
	FamilySubPrefix Family = "sub-prefix"
	// FamilyDNS is an attack on the name servers that a check depends on.
	FamilyDNS Family = "dns"
	// FamilyLeaksAndRPKI is route leaks, and the RPKI passed by or turned against
	// the owner.
	FamilyLeaksAndRPKI Family = "leaks-and-rpki"
	// FamilyNotBGP is interception without any change of routes between ASes.
	FamilyNotBGP Family = "not-bgp"
	// FamilyCA is aimed at the CA: near its primary, at the ways between its
	// perspectives, at its choice of remotes.
	FamilyCA Family = "ca"
)

// Families returns all families, in the order of lists.
func Families() []Family {
	return []Family{FamilyEqualPrefix, FamilySubPrefix, FamilyDNS, FamilyLeaksAndRPKI, FamilyNotBGP, FamilyCA}
}

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

package scenarios

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/sim/route"
	"mpicsim/topology/synth"
)

// Limits of one scenario. Larger experiments are studies, which do without
// packets.
const (
	// MaxPerspectives counts those of all checks together; each is a host with a
	// prefix of its own that every AS has a route for.
	MaxPerspectives = 256
	MaxEvents       = 1000
	MaxChecks       = 100
	// MaxPrefixes, MaxWebAddresses and MaxNameServers are for the victim. A
	// resolver looks at no more name servers.
	MaxPrefixes     = 64
	MaxWebAddresses = 16
	MaxNameServers  = 13
	// MaxPath is the longest announced AS path, MaxPrepend the most repetitions.
	MaxPath    = 32
	MaxPrepend = 64
	// MaxDelay is the slowest perspective.
	MaxDelay = time.Hour
	// MaxTime is the longest story, a leap year.
	MaxTime = 366 * 24 * time.Hour
	// FirstYear is that of the earliest policy date: captures date packets by
	// nanoseconds since 1970.
	FirstYear = 1970
	// LastYear is that of the latest policy date, well within 64 bits of
	// nanoseconds.
	LastYear = 2200
)

// validation collects what is wrong with a scenario.
type validation struct {
	s    *Source
	errs []error
}

func (v *validation) fail(field, found, expected string) {
	v.errs = append(v.errs, v.s.FieldError(field, found, expected))
}

// check reports the field unless ok.
func (v *validation) check(ok bool, field, found, expected string) {
	if !ok {
		v.fail(field, found, expected)
	}
}

// Validate reports everything that is impossible in the scenario, as far as it
// can be told without reading or generating a topology; an inline one is looked
// at. Parse and With call it.
func (s *Source) Validate() error {
	v := &validation{s: s}
	v.check(namePattern.MatchString(s.Name), "name", quote(s.Name), "lower-case letters, digits and hyphens")
	v.texts()
	v.topology()
	if _, err := route.ParseTieBreak(s.Routing.TieBreak); err != nil {
		v.fail("routing.tie-break", quote(s.Routing.TieBreak), "lowest-neighbor, seeded, nearest, attacker or victim")
	}
	v.policies()
	v.rpki()
	v.victim()
	v.attacker()
	v.ca()
	v.timeline()
	v.convergence()
	v.attachments()
	v.expectations()
	v.verdict()
	if len(v.errs) == 0 && len(s.Topology.Links) > 0 {
		v.inline()
	}
	return errors.Join(v.errs...)
}

var (
	namePattern   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	domainPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)
	quorumPattern = regexp.MustCompile(`^\d+/\d+$`)
)

func quote(s string) string {
	if s == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", s)
}

// texts checks what is printed as it stands: it must not steer a terminal.
func (v *validation) texts() {
	s := v.s
	v.check(s.Title != "", "title", "nothing", "one line")
	v.check(s.Claim != "", "claim", "nothing", "what the scenario shows")
	v.printable("title", s.Title, false)
	v.printable("claim", s.Claim, true)
	v.printable("drawing", s.Drawing, true)
	for n, source := range s.Sources {
		v.printable(fmt.Sprintf("sources[%d]", n), source, true)
	}
}

func (v *validation) printable(field, text string, lines bool) {
	for _, r := range text {
		if !unicode.IsPrint(r) && (r != '\n' || !lines) {
			v.fail(field, fmt.Sprintf("the character %U", r), "printable text")
			return
		}
	}
}

// printable says whether text is one line that leaves a terminal alone.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

func (v *validation) topology() {
	t := v.s.Topology
	given := 0
	if t.Synthetic != nil {
		given++
		v.check(t.Synthetic.ASes >= synth.MinASes && t.Synthetic.ASes <= synth.MaxASes, "topology.synthetic.ases", fmt.Sprint(t.Synthetic.ASes),
			fmt.Sprintf("a number of ASes from %d to %d", synth.MinASes, synth.MaxASes))
	}
	if t.File != "" {
		given++
	}
	if len(t.Links) > 0 {
		given++
	}
	v.check(given == 1, "topology", fmt.Sprintf("%d of synthetic, file and links", given), "exactly one")
	seen := map[uint32]bool{}
	for n, p := range t.Places {
		field := fmt.Sprintf("topology.places[%d]", n)
		v.check(p.AS != 0, field, "no AS", "an AS number")
		v.check(p.AS == 0 || !seen[uint32(p.AS)], field, fmt.Sprintf("AS %v a second time", p.AS), "each AS once")
		seen[uint32(p.AS)] = true
		if err := p.Location().Validate(); err != nil {
			v.fail(field, err.Error(), "degrees")
		}
	}
}

func (v *validation) ca() {
	ca := v.s.CA
	v.perspectives("ca.perspectives", ca.Perspectives)
	if day, ok := v.date("ca.date", ca.Date); ok {
		v.rule("ca.rule", ca.Rule, day)
	}
	if m := perspectives.Method(ca.Method); m != perspectives.HTTP01 && m != perspectives.DNS01 {
		v.fail("ca.method", quote(ca.Method), fmt.Sprintf("%s or %s", perspectives.HTTP01, perspectives.DNS01))
	}
	v.name("ca.issuer", ca.Issuer, "a domain name")
	if _, err := ParseEgress(ca.Egress); err != nil {
		v.fail("ca.egress", quote(ca.Egress), egressForms)
	}
	v.check(ca.ControlPlane == ControlOutOfBand || ca.ControlPlane == ControlEmulated, "ca.control-plane", quote(ca.ControlPlane),
		ControlOutOfBand+" or "+ControlEmulated)
}

func (v *validation) date(field, date string) (time.Time, bool) {
	day, err := policy.ParseDate(date)
	ok := err == nil && day.Year() >= FirstYear && day.Year() <= LastYear
	v.check(ok, field, quote(date), fmt.Sprintf("a date such as 2026-12-15, from %d to %d", FirstYear, LastYear))
	return day, ok
}

func (v *validation) rule(field, rule string, day time.Time) {
	if _, err := policy.ParseRule(rule, day); err != nil {
		v.fail(field, quote(rule), "a quorum rule: "+err.Error())
	}
}

func (v *validation) expectations() {
	for n, e := range v.s.Expect {
		field := fmt.Sprintf("expect[%d]", n)
		check := v.s.checkNamed(e.Check)
		if check == nil {
			v.fail(field+".check", quote(e.Check), "the name of a check in the timeline")
			continue
		}
		v.check(e.Quorum == "" || quorumPattern.MatchString(e.Quorum), field+".quorum", quote(e.Quorum), `corroborating and attempted remotes, such as "3/5"`)
		v.check(e.Reason == "" || slices.Contains(decisionReasons(), e.Reason), field+".reason", quote(e.Reason), "one of "+strings.Join(decisionReasons(), ", "))
		v.check(e.Issue != nil || e.Reason != "" || e.Quorum != "" || e.Fooled != nil || e.CutOff != nil, field, "nothing to expect", "issue, reason, quorum, fooled or cut-off")
		if e.Fooled != nil {
			v.named(field+".fooled", *e.Fooled, *check, func(ResolvedSite) bool { return true }, "a perspective of this check")
		}
		if e.CutOff != nil {
			v.check(len(*e.CutOff) == 0 || v.s.CA.ControlPlane == ControlEmulated, field+".cut-off", "names with the control plane "+quote(v.s.CA.ControlPlane),
				"none, or control-plane: "+ControlEmulated)
			v.named(field+".cut-off", *e.CutOff, *check, func(s ResolvedSite) bool { return !s.Primary }, "a remote of this check")
		}
	}
}

// named checks names of perspectives of one check, of which some will do.
func (v *validation) named(field string, names []string, c CheckEvent, will func(ResolvedSite) bool, expected string) {
	sites, problems := v.s.perspectivesOf(c).resolve()
	if len(problems) > 0 {
		return // reported elsewhere
	}
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", field, i)
		ok := slices.ContainsFunc(sites, func(s ResolvedSite) bool { return s.Perspective.Name == name && will(s) })
		v.check(ok, at, quote(name), expected)
		v.check(!slices.Contains(names[:i], name), at, quote(name)+" a second time", "each perspective once")
	}
}

// decisionReasons are those that package policy gives decisions.
func decisionReasons() []string {
	return []string{
		policy.QuorumMet, policy.Monitoring, policy.NotRequired,
		policy.PrimaryDCVFailed, policy.PrimaryDCVError, policy.PrimaryCAAForbids, policy.PrimaryCAAError,
		policy.TooFewRemotes, policy.TooManyRemotes, policy.NotDistinct, policy.ResolverRule,
		policy.TooFewCorroborations, policy.TooFewRIRs,
	}
}

func (s *Source) checkNamed(name string) *CheckEvent {
	for _, e := range s.Timeline {
		if e.Check != nil && e.Check.Name == name {
			return e.Check
		}
	}
	return nil
}

func (s *Source) perspectivesOf(c CheckEvent) Perspectives {
	if c.Perspectives != nil {
		return *c.Perspectives
	}
	return s.CA.Perspectives
}

// DateAndRule returns a check's policy date and rule.
func (s *Source) DateAndRule(c CheckEvent) (date, rule string) {
	date, rule = s.CA.Date, s.CA.Rule
	if c.Date != "" {
		date = c.Date
	}
	if c.Rule != "" {
		rule = c.Rule
	}
	return date, rule
}

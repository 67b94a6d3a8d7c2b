package scenarios

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Address blocks that the emulated Internet uses for itself: perspectives, and
// the root's and the TLDs' name servers (see package replay).
var reservedBlocks = []netip.Prefix{ //nolint:gochecknoglobals // immutable
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("198.19.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fd00::/8"),
}

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
// can be told without the topology. Parse and With call it.
func (s *Source) Validate() error {
	v := &validation{s: s}
	v.check(namePattern.MatchString(s.Name), "name", quote(s.Name), "lower-case letters, digits and hyphens")
	v.check(s.Title != "", "title", "nothing", "one line")
	v.check(s.Claim != "", "claim", "nothing", "what the scenario shows")
	v.topology()
	if _, err := route.ParseTieBreak(s.Routing.TieBreak); err != nil {
		v.fail("routing.tie-break", quote(s.Routing.TieBreak), "lowest-neighbor, seeded, nearest, attacker or victim")
	}
	v.victim()
	v.attacker()
	v.ca()
	v.timeline()
	v.expectations()
	return errors.Join(v.errs...)
}

var (
	namePattern   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)                                 //nolint:gochecknoglobals // immutable
	domainPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`) //nolint:gochecknoglobals // immutable
	quorumPattern = regexp.MustCompile(`^\d+/\d+$`)                                                //nolint:gochecknoglobals // immutable
)

func quote(s string) string {
	if s == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", s)
}

func (v *validation) topology() {
	t := v.s.Topology
	given := 0
	if t.Synthetic != nil {
		given++
		v.check(t.Synthetic.ASes > 0, "topology.synthetic.ases", fmt.Sprint(t.Synthetic.ASes), "a number of ASes")
	}
	if t.File != "" {
		given++
	}
	if len(t.Links) > 0 {
		given++
	}
	v.check(given == 1, "topology", fmt.Sprintf("%d of synthetic, file and links", given), "exactly one")
	for n, p := range t.Places {
		field := fmt.Sprintf("topology.places[%d]", n)
		v.check(p.AS != 0, field, "no AS", "an AS number")
		if err := p.Location().Validate(); err != nil {
			v.fail(field, err.Error(), "degrees")
		}
	}
}

func (v *validation) victim() {
	s := v.s
	v.check(s.Victim.AS != 0, "victim.as", "nothing", "an AS number")
	v.check(domainPattern.MatchString(s.Victim.Domain) && len(s.Victim.Domain) <= 200, "victim.domain", quote(s.Victim.Domain),
		"a domain name of at least two labels, in lower case and without a trailing dot")
	v.check(len(s.Victim.Prefixes) > 0, "victim.prefixes", "nothing", "at least one prefix")
	v.check(len(s.Victim.Web) > 0, "victim.web", "nothing", "at least one address")
	for n, p := range s.Victim.Prefixes {
		v.prefix(fmt.Sprintf("victim.prefixes[%d]", n), p)
	}
	for n, a := range s.Victim.Web {
		inside := slices.ContainsFunc(s.Victim.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
		v.check(inside, fmt.Sprintf("victim.web[%d]", n), a.String(), "an address in one of victim.prefixes")
	}
	v.check(len(s.Victim.NameServers) > 0, "victim.name-servers", "nothing", "at least one name server")
	holder := map[netip.Prefix]topology.ASN{}
	for _, p := range s.Victim.Prefixes {
		holder[p] = s.Victim.AS
	}
	seen := map[netip.Addr]bool{}
	for n, ns := range s.Victim.NameServers {
		field := fmt.Sprintf("victim.name-servers[%d]", n)
		v.check(domainPattern.MatchString(ns.Name), field+".name", quote(ns.Name), "a host name in lower case and without a trailing dot")
		v.prefix(field+".prefix", ns.Prefix)
		v.check(ns.Prefix.IsValid() && ns.Prefix.Contains(ns.Address), field+".address", ns.Address.String(), "an address in the name server's prefix")
		v.check(!seen[ns.Address], field+".address", ns.Address.String(), "an address of its own")
		seen[ns.Address] = true
		if as, taken := holder[ns.Prefix]; taken && as != ns.AS {
			v.fail(field+".as", fmt.Sprintf("AS %v", ns.AS), fmt.Sprintf("AS %v, which announces %v already", as, ns.Prefix))
		}
		holder[ns.Prefix] = ns.AS
	}
}

// prefix checks a prefix that somebody in the story announces.
func (v *validation) prefix(field string, p netip.Prefix) {
	if !p.IsValid() {
		v.fail(field, "nothing", "a prefix")
		return
	}
	for _, block := range reservedBlocks {
		v.check(!block.Overlaps(p), field, p.String(), fmt.Sprintf("a prefix outside %v, which the emulated Internet uses itself", block))
	}
	longest := 24
	if p.Addr().Is6() {
		longest = 48
	}
	v.check(p.Bits() > 0 && p.Bits() <= longest, field, p.String(), fmt.Sprintf("a length from 1 to %d", longest))
}

func (v *validation) attacker() {
	a := v.s.Attacker
	v.check(a.AS != 0, "attacker.as", "nothing", "an AS number")
	v.check(a.AS == 0 || a.AS != v.s.Victim.AS, "attacker.as", fmt.Sprintf("AS %v", a.AS), "another AS than the victim's")
	v.prefix("attacker.prefix", a.Prefix)
	v.check(a.Prefix.IsValid() && a.Prefix.Contains(a.Address), "attacker.address", a.Address.String(), "an address in attacker.prefix")
	for _, o := range v.s.Owned() {
		v.check(!a.Prefix.IsValid() || !a.Prefix.Overlaps(o.Prefix), "attacker.prefix", a.Prefix.String(), fmt.Sprintf("a prefix apart from %v", o.Prefix))
	}
}

func (v *validation) ca() {
	ca := v.s.CA
	v.perspectives("ca.perspectives", ca.Perspectives)
	v.dateAndRule("ca", ca.Date, ca.Rule)
	if m := perspectives.Method(ca.Method); m != perspectives.HTTP01 && m != perspectives.DNS01 {
		v.fail("ca.method", quote(ca.Method), fmt.Sprintf("%s or %s", perspectives.HTTP01, perspectives.DNS01))
	}
	v.check(domainPattern.MatchString(ca.Issuer), "ca.issuer", quote(ca.Issuer), "a domain name")
	if _, err := ParseEgress(ca.Egress); err != nil {
		v.fail("ca.egress", quote(ca.Egress), egressForms)
	}
}

func (v *validation) dateAndRule(field, date, rule string) {
	day, err := policy.ParseDate(date)
	if err != nil {
		v.fail(field+".date", quote(date), "a date such as 2026-12-15")
		return
	}
	if _, err := policy.ParseRule(rule, day); err != nil {
		v.fail(field+".rule", quote(rule), "a quorum rule: "+err.Error())
	}
}

func (v *validation) perspectives(field string, p Perspectives) {
	if (p.Set != "") == (p.Primary != nil || len(p.Remotes) > 0) {
		v.fail(field, "not exactly one form", "either set, or primary and remotes")
		return
	}
	set, err := p.resolve()
	if err != nil {
		var fe *siteError
		if errors.As(err, &fe) {
			v.fail(join(field, fe.field), fe.found, fe.expected)
			return
		}
		v.fail(join(field, "set"), quote(p.Set), err.Error())
		return
	}
	seen := map[string]bool{}
	for _, s := range set {
		v.check(!seen[s.Perspective.Name], field, fmt.Sprintf("perspective %q twice", s.Perspective.Name), "each perspective once")
		seen[s.Perspective.Name] = true
	}
}

func (v *validation) timeline() {
	s := v.s
	v.check(len(s.Timeline) > 0, "timeline", "nothing", "at least one check")
	names := map[string]bool{}
	announced := false
	for n, e := range s.Timeline {
		field := fmt.Sprintf("timeline[%d]", n)
		actions := 0
		for _, given := range []bool{e.Announce != nil, e.Hijack != nil, e.Withdraw != nil, e.Check != nil} {
			if given {
				actions++
			}
		}
		v.check(actions == 1, field, fmt.Sprintf("%d of announce, hijack, withdraw and check", actions), "exactly one")
		v.check(n == 0 || e.At >= s.Timeline[n-1].At, field+".at", e.At.String(), "no earlier than the event before it")
		switch {
		case e.Announce != nil:
			announced = true
			v.known(field+".announce.prefixes", e.Announce.Prefixes, false)
		case e.Hijack != nil:
			v.check(len(e.Hijack.Prefixes) > 0, field+".hijack.prefixes", "nothing", "at least one prefix")
			v.known(field+".hijack.prefixes", e.Hijack.Prefixes, true)
		case e.Withdraw != nil:
			v.check(e.Withdraw.By == SideVictim || e.Withdraw.By == SideAttacker, field+".withdraw.by", quote(e.Withdraw.By), "victim or attacker")
			v.known(field+".withdraw.prefixes", e.Withdraw.Prefixes, e.Withdraw.By == SideAttacker)
		case e.Check != nil:
			v.checkEvent(field+".check", *e.Check, names)
		}
	}
	v.check(len(names) > 0, "timeline", "no check", "at least one check")
	v.check(announced, "timeline", "no announce", "the victim announcing its prefixes")
}

// known checks that prefixes are the victim's or its name servers', or lie in
// one of these if inside is true.
func (v *validation) known(field string, prefixes []netip.Prefix, inside bool) {
	owned := v.s.Owned()
	for n, p := range prefixes {
		ok := slices.ContainsFunc(owned, func(o Owned) bool {
			return o.Prefix == p || inside && p.IsValid() && o.Prefix.Bits() <= p.Bits() && o.Prefix.Contains(p.Addr())
		})
		var want []string
		for _, o := range owned {
			want = append(want, o.Prefix.String())
		}
		v.check(ok, fmt.Sprintf("%s[%d]", field, n), p.String(), "one of "+strings.Join(want, ", "))
	}
}

func (v *validation) checkEvent(field string, c CheckEvent, names map[string]bool) {
	v.check(namePattern.MatchString(c.Name), field+".name", quote(c.Name), "lower-case letters, digits and hyphens")
	v.check(!names[c.Name], field+".name", quote(c.Name), "a name of its own")
	names[c.Name] = true
	v.check(c.Applicant == SideVictim || c.Applicant == SideAttacker, field+".applicant", quote(c.Applicant), "victim or attacker")
	if c.Perspectives != nil {
		v.perspectives(field+".perspectives", *c.Perspectives)
	}
	date, rule := v.s.DateAndRule(c)
	if c.Date != "" || c.Rule != "" {
		v.dateAndRule(field, date, rule)
	}
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

func (v *validation) expectations() {
	for n, e := range v.s.Expect {
		field := fmt.Sprintf("expect[%d]", n)
		check := v.s.checkNamed(e.Check)
		if check == nil {
			v.fail(field+".check", quote(e.Check), "the name of a check in the timeline")
			continue
		}
		v.check(e.Quorum == "" || quorumPattern.MatchString(e.Quorum), field+".quorum", quote(e.Quorum), `corroborating and attempted remotes, such as "3/5"`)
		v.check(e.Issue != nil || e.Reason != "" || e.Quorum != "" || e.Fooled != nil, field, "nothing to expect", "issue, reason, quorum or fooled")
		if e.Fooled == nil {
			continue
		}
		sites, err := v.s.perspectivesOf(*check).resolve()
		if err != nil {
			continue // reported above
		}
		for i, name := range *e.Fooled {
			ok := slices.ContainsFunc(sites, func(s ResolvedSite) bool { return s.Perspective.Name == name })
			v.check(ok, fmt.Sprintf("%s.fooled[%d]", field, i), quote(name), "a perspective of this check")
		}
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

package scenarios

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpicsim/topology"
)

// chronicle is what a timeline has come to so far.
type chronicle struct {
	checks    map[string]bool
	lastCheck *Event // the latest check, nil before the first
	// standing are the prefixes that each side announces.
	standing map[string]map[netip.Prefix]bool
	// taken are the names of those whose prefixes the attacker announces.
	taken map[string]bool
}

func (v *validation) timeline() {
	s := v.s
	v.check(len(s.Timeline) > 0, "timeline", "nothing", "at least one check")
	v.check(len(s.Timeline) <= MaxEvents, "timeline", fmt.Sprintf("%d events", len(s.Timeline)), fmt.Sprintf("at most %d", MaxEvents))
	c := &chronicle{
		checks:   map[string]bool{},
		standing: map[string]map[netip.Prefix]bool{SideVictim: {}, SideAttacker: {}},
		taken:    map[string]bool{},
	}
	announced := false
	for n := range s.Timeline {
		field := fmt.Sprintf("timeline[%d]", n)
		v.moment(n, field, c)
		v.event(&s.Timeline[n], field, c)
		announced = announced || s.Timeline[n].Announce != nil
	}
	v.check(len(s.Timeline) == 0 || len(c.checks) > 0, "timeline", "no check", "at least one check")
	v.check(len(s.Timeline) == 0 || announced, "timeline", "no announce", "the victim announcing its prefixes")
	v.check(len(c.checks) <= MaxChecks, "timeline", fmt.Sprintf("%d checks", len(c.checks)), fmt.Sprintf("at most %d", MaxChecks))
}

// moment checks an event's time. A check sees all routes of its moment, so none
// of them may change behind it.
func (v *validation) moment(n int, field string, c *chronicle) {
	e := v.s.Timeline[n]
	switch {
	case e.At > MaxTime:
		v.fail(field+".at", e.At.String(), fmt.Sprintf("at most %v", MaxTime))
	case n > 0 && e.At < v.s.Timeline[n-1].At:
		v.fail(field+".at", e.At.String(), fmt.Sprintf("no earlier than the event before it, at %v", v.s.Timeline[n-1].At))
	case e.Check == nil && c.lastCheck != nil && c.lastCheck.At == e.At:
		v.fail(field+".at", e.At.String(), fmt.Sprintf("a later time than that of check %q before it, which would see this", c.lastCheck.Check.Name))
	}
}

func (v *validation) event(e *Event, field string, c *chronicle) {
	actions := 0
	for _, given := range []bool{e.Announce != nil, e.Hijack != nil, e.Withdraw != nil, e.Check != nil, e.Attack != nil, e.RPKI != nil} {
		if given {
			actions++
		}
	}
	v.check(actions == 1, field, fmt.Sprintf("%d of announce, hijack, attack, withdraw, rpki and check", actions), "exactly one")
	switch {
	case e.Announce != nil:
		v.known(field+".announce.prefixes", e.Announce.Prefixes, false)
		for _, o := range v.s.Owned() {
			if len(e.Announce.Prefixes) == 0 || slices.Contains(e.Announce.Prefixes, o.Prefix) {
				c.standing[SideVictim][o.Prefix] = true
			}
		}
	case e.Hijack != nil:
		v.check(len(e.Hijack.Prefixes)+len(e.Hijack.PrefixesOf) > 0, field+".hijack.prefixes", "nothing", "at least one prefix, or prefixes-of")
		v.check(len(e.Hijack.Prefixes) <= MaxPrefixes, field+".hijack.prefixes", fmt.Sprintf("%d prefixes", len(e.Hijack.Prefixes)), fmt.Sprintf("at most %d", MaxPrefixes))
		v.known(field+".hijack.prefixes", e.Hijack.Prefixes, true)
		for _, p := range e.Hijack.Prefixes {
			c.standing[SideAttacker][p] = true
		}
		v.targets(field+".hijack.prefixes-of", e.Hijack.PrefixesOf)
		v.announced(field+".hijack", *e.Hijack)
		for _, name := range e.Hijack.PrefixesOf {
			c.taken[name] = true
		}
	case e.Withdraw != nil:
		v.withdraw(field+".withdraw", *e.Withdraw, c)
	case e.Attack != nil:
		v.attack(field+".attack", *e.Attack, c)
	case e.RPKI != nil:
		v.rpkiChange(field+".rpki", *e.RPKI)
	case e.Check != nil:
		v.checkEvent(field+".check", *e.Check, c)
		c.lastCheck = e
	}
}

// announced checks how a hijack is announced.
func (v *validation) announced(field string, h Hijack) {
	if len(h.Path) > 0 {
		v.check(h.Path[0] == v.s.Attacker.AS, field+".path[0]", fmt.Sprintf("AS %v", h.Path[0]), fmt.Sprintf("the attacker's AS %v", v.s.Attacker.AS))
		v.check(len(h.Path) <= MaxPath, field+".path", fmt.Sprintf("%d ASes", len(h.Path)), fmt.Sprintf("at most %d", MaxPath))
		v.check(!h.ForgedOrigin, field+".forged-origin", "true beside path", "one or the other")
	}
	v.check(h.Prepend >= 0 && h.Prepend <= MaxPrepend, field+".prepend", fmt.Sprint(h.Prepend), fmt.Sprintf("a number from 0 to %d", MaxPrepend))
	v.export(field+".export", h.Export)
}

// withdraw checks that what is withdrawn is announced.
func (v *validation) withdraw(field string, w Withdraw, c *chronicle) {
	standing := c.standing[w.By]
	if standing == nil {
		v.fail(field+".by", quote(w.By), "victim or attacker")
		return
	}
	if len(w.Prefixes)+len(w.PrefixesOf) == 0 {
		attacker := w.By == SideAttacker
		v.check(len(standing) > 0 || attacker && len(c.taken) > 0, field, "nothing that the "+w.By+" announces at this time", "announcements to withdraw")
		clear(standing)
		if attacker {
			clear(c.taken)
		}
	}
	for n, name := range w.PrefixesOf {
		v.check(w.By == SideAttacker && c.taken[name], fmt.Sprintf("%s.prefixes-of[%d]", field, n), quote(name), "one whose prefixes the attacker announces at this time, and by: "+SideAttacker)
		delete(c.taken, name)
	}
	for n, p := range w.Prefixes {
		v.check(standing[p], fmt.Sprintf("%s.prefixes[%d]", field, n), p.String(), "a prefix that the "+w.By+" announces at this time")
		delete(standing, p)
	}
}

// targets checks the names of those whose own prefixes are hijacked.
func (v *validation) targets(field string, names []string) {
	known := v.namable()
	for n, name := range names {
		at := fmt.Sprintf("%s[%d]", field, n)
		v.target(at, name, known)
		v.check(!slices.Contains(names[:n], name), at, quote(name)+" a second time", "each name once")
	}
}

// namable are the hosts whose own prefixes can be hijacked, in order, with their
// ASes, 0 where that is not known yet.
type namable struct {
	names []string
	as    map[string]topology.ASN
}

func (v *validation) namable() namable {
	k := namable{as: map[string]topology.ASN{}}
	add := func(name string, as topology.ASN) {
		if _, again := k.as[name]; !again {
			k.names = append(k.names, name)
		}
		if k.as[name] != v.s.Attacker.AS {
			k.as[name] = as
		}
	}
	v.s.eachSite(func(_ string, site ResolvedSite) { add(site.Perspective.Name, site.AS) })
	if v.s.CA.ControlPlane == ControlEmulated {
		v.s.eachSite(func(_ string, site ResolvedSite) {
			if site.Primary {
				add(Coordinator, site.AS)
			}
		})
	}
	add(RootServer, v.s.DNS.RootAS)
	add(TLDServer, v.s.DNS.TLDAS)
	return k
}

// target checks one name.
func (v *validation) target(at, name string, k namable) {
	as, ok := k.as[name]
	expected := "one of " + strings.Join(k.names, ", ")
	if name == Coordinator && !ok {
		expected += "; the coordinator's host only with control-plane: " + ControlEmulated
	}
	v.check(ok, at, quote(name), expected)
	v.check(!ok || as == 0 || as != v.s.Attacker.AS, at, fmt.Sprintf("%s in the attacker's AS %v", quote(name), as), "somebody in another AS")
}

// known checks that prefixes are the victim's or its name servers', or lie in
// one of these if inside is true.
func (v *validation) known(field string, prefixes []netip.Prefix, inside bool) {
	for n, p := range prefixes {
		at := fmt.Sprintf("%s[%d]", field, n)
		ok := v.owned(at, p, inside)
		v.check(!slices.Contains(prefixes[:n], p), at, p.String()+" a second time", "each prefix once")
		if ok {
			v.acceptable(at, p)
		}
	}
}

// owned checks one prefix.
func (v *validation) owned(at string, p netip.Prefix, inside bool) bool {
	owned := v.s.Owned()
	ok := slices.ContainsFunc(owned, func(o Owned) bool {
		return o.Prefix == p || inside && o.holds(p)
	})
	var want []string
	for _, o := range owned {
		want = append(want, text(o.Prefix))
	}
	expected := "one of " + strings.Join(want, ", ")
	if inside {
		expected += ", or a prefix in one of them"
	}
	v.check(ok, at, p.String(), expected)
	return ok
}

func (v *validation) checkEvent(field string, e CheckEvent, c *chronicle) {
	v.check(namePattern.MatchString(e.Name), field+".name", quote(e.Name), "lower-case letters, digits and hyphens")
	v.check(e.Name == "" || !c.checks[e.Name], field+".name", quote(e.Name), "a name of its own")
	c.checks[e.Name] = true
	v.check(e.Applicant == SideVictim || e.Applicant == SideAttacker, field+".applicant", quote(e.Applicant), "victim or attacker")
	if e.Perspectives != nil {
		v.perspectives(field+".perspectives", *e.Perspectives)
	}
	v.checkRule(field, e)
}

// checkRule checks a check's own date and rule.
func (v *validation) checkRule(field string, e CheckEvent) {
	day, ok := time.Time{}, true
	if e.Date != "" {
		day, ok = v.date(field+".date", e.Date)
	}
	if e.Rule != "" && ok {
		v.rule(field+".rule", e.Rule, day) // whether a rule can be read does not depend on the day
	}
}

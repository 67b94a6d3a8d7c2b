package replay

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// moment is what holds from one time of the story to the next.
type moment struct {
	from     time.Duration
	anns     announcements
	policies *route.Policies
	// handled are the prefixes whose packets the attacker's AS hands on, while the
	// attacker answers those of the CA himself.
	handled []netip.Prefix
}

// teller walks through the timeline in time.
type teller struct {
	*World
	now  time.Duration
	anns announcements
	vrps *rpki.VRPs
	// policies are compiled with the vrps.
	policies *route.Policies
	handled  []netip.Prefix
	// rightful is what is announced by right.
	rightful map[netip.Prefix]bool
	pending  []pending
}

// pending is a later step of an attack.
type pending struct {
	at   time.Duration
	step attack.Step
	kind attack.Kind
}

// tell turns the timeline into moments and into a list of what happens, in words.
func (w *World) tell() error {
	t := &teller{World: w, anns: w.standing(), rightful: map[netip.Prefix]bool{}}
	vrps, err := rpki.NewVRPs(w.defences.Payloads.VRPs)
	if err != nil {
		return fmt.Errorf("rpki: %w", err)
	}
	if err := t.judgeBy(vrps); err != nil {
		return err
	}
	t.mark()
	for n, e := range w.source.Timeline {
		t.catchUp(e.At)
		t.now = e.At
		if err := t.happen(n, e); err != nil {
			return err
		}
	}
	t.catchUp(scenarios.MaxTime)
	return nil
}

// judgeBy makes payloads those of the RPKI from now on, and the policies fit them.
// Where nobody follows any they are left out: routes are then found the fastest way.
func (t *teller) judgeBy(vrps *rpki.VRPs) (err error) {
	t.vrps = vrps
	if s := t.source; len(s.Routing.Policies) > 0 || s.RPKI != nil {
		t.policies, err = t.defences.Compile(vrps)
	}
	return err
}

// mark makes what holds now a moment.
func (t *teller) mark() {
	m := moment{from: t.now, anns: t.anns.clone(), policies: t.policies, handled: slices.Clone(t.handled)}
	if last := len(t.moments) - 1; last >= 0 && t.moments[last].from == t.now {
		t.moments[last] = m
		return
	}
	t.moments = append(t.moments, m)
}

// say adds to the list of what happens.
func (t *teller) say(e result.Event) {
	e.At = t.now
	if e.Prefixes == nil {
		e.Prefixes = []string{}
	}
	t.told = append(t.told, e)
}

// catchUp takes the steps of attacks that are due until a time.
func (t *teller) catchUp(until time.Duration) {
	for len(t.pending) > 0 && t.pending[0].at <= until {
		p := t.pending[0]
		t.pending = t.pending[1:]
		t.now = p.at
		t.take(p.step)
		e := result.Event{Kind: "withdraw", By: scenarios.SideAttacker, Attack: string(p.kind), Prefixes: text(prefixesOf(p.step))}
		if len(p.step.Announce) > 0 {
			e.Kind = "attack"
		}
		t.say(e)
		t.mark()
	}
}

func prefixesOf(s attack.Step) []netip.Prefix {
	var out []netip.Prefix
	add := func(p netip.Prefix) {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, a := range s.Announce {
		if a.Attacker {
			add(a.Prefix)
		}
	}
	for _, d := range s.Withdraw {
		add(d.Prefix)
	}
	return out
}

// take carries out a step of an attack.
func (t *teller) take(s attack.Step) {
	for _, d := range s.Withdraw {
		t.anns.end(d.AS, d.Prefix)
	}
	t.anns.begin(s.Announce...)
	for _, a := range s.Announce {
		if a.Attacker {
			t.steal(a.Prefix)
		}
	}
}

// steal notes that the attacker takes a prefix at some time.
func (t *teller) steal(p netip.Prefix) {
	if !slices.Contains(t.hijacked, p) {
		t.hijacked = append(t.hijacked, p)
	}
}

// happen carries out the n-th event.
func (t *teller) happen(n int, e scenarios.Event) error {
	switch {
	case e.Announce != nil:
		t.announce(*e.Announce)
	case e.Hijack != nil:
		t.hijack(*e.Hijack)
	case e.Withdraw != nil:
		t.withdraw(*e.Withdraw)
	case e.Check != nil:
		t.say(result.Event{Kind: "check", By: e.Check.Applicant, Check: e.Check.Name})
		return nil
	case e.Attack != nil:
		if err := t.attack(*e.Attack); err != nil {
			return fmt.Errorf("timeline[%d]: %w", n, err)
		}
	case e.RPKI != nil:
		if err := t.change(fmt.Sprintf("timeline[%d].rpki", n), *e.RPKI); err != nil {
			return err
		}
	}
	t.mark()
	return nil
}

func (t *teller) announce(a scenarios.Announce) {
	e := result.Event{Kind: "announce", By: scenarios.SideVictim}
	for _, o := range t.source.Owned() {
		if len(a.Prefixes) == 0 || slices.Contains(a.Prefixes, o.Prefix) {
			t.anns.begin(route.Announcement{Prefix: o.Prefix, Path: []topology.ASN{o.AS}})
			t.rightful[o.Prefix] = true
			e.Prefixes = append(e.Prefixes, o.Prefix.String())
		}
	}
	t.say(e)
}

func (t *teller) hijack(h scenarios.Hijack) {
	stolen := t.stolen(h.Prefixes, h.PrefixesOf)
	for _, o := range stolen {
		t.anns.begin(route.Announcement{
			Prefix: o.Prefix, Path: t.announcedPath(h, o.AS), Attacker: true, NoExport: h.NoExport, Export: h.Scope(),
		})
		t.steal(o.Prefix)
	}
	e := result.Event{
		Kind: "hijack", By: scenarios.SideAttacker, Prefixes: owned(stolen), Hosts: h.PrefixesOf,
		Attack: attackName(h, t.rightful), NoExport: h.NoExport,
	}
	if x := h.Export; x != nil {
		e.To, e.Except = x.To, x.Except
		for _, c := range x.Classes {
			e.Classes = append(e.Classes, string(c))
		}
	}
	if len(h.Path) > 0 || h.Prepend > 0 {
		e.Path = t.announcedPath(h, t.source.Victim.AS)
	}
	t.say(e)
}

// announcedPath returns the path of a hijack of a prefix with this rightful origin.
func (w *World) announcedPath(h scenarios.Hijack, rightful topology.ASN) []topology.ASN {
	path := slices.Repeat([]topology.ASN{w.source.Attacker.AS}, 1+h.Prepend)
	switch {
	case len(h.Path) > 0:
		return append(path, h.Path[1:]...)
	case h.ForgedOrigin:
		return append(path, rightful)
	}
	return path
}

// withdraw ends announcements of one side, and what the attacker had in mind for
// the same prefixes.
func (t *teller) withdraw(d scenarios.Withdraw) {
	attacker := d.By == scenarios.SideAttacker
	some := t.stolen(d.Prefixes, d.PrefixesOf)
	concerns := func(p netip.Prefix) bool {
		return len(some) == 0 || slices.ContainsFunc(some, func(o scenarios.Owned) bool { return o.Prefix == p })
	}
	owner := map[netip.Prefix]bool{}
	for _, o := range t.source.Owned() {
		owner[o.Prefix] = true
	}
	for p, list := range t.anns {
		// standing announcements are not withdrawn
		if (owner[p] || attacker && slices.Contains(t.hijacked, p)) && concerns(p) {
			t.anns[p] = slices.DeleteFunc(list, func(a route.Announcement) bool { return a.Attacker == attacker })
		}
	}
	if attacker {
		t.handled = slices.DeleteFunc(t.handled, concerns)
		t.pending = slices.DeleteFunc(t.pending, func(p pending) bool { return slices.ContainsFunc(prefixesOf(p.step), concerns) })
	} else {
		maps.DeleteFunc(t.rightful, func(p netip.Prefix, _ bool) bool { return len(d.Prefixes) == 0 || concerns(p) })
	}
	t.say(result.Event{Kind: "withdraw", By: d.By, Prefixes: owned(some), Hosts: d.PrefixesOf})
}

// stolen returns the prefixes of a hijack, or of its end, with their rightful
// origins.
func (w *World) stolen(prefixes []netip.Prefix, of []string) []scenarios.Owned {
	var out []scenarios.Owned
	for _, p := range prefixes {
		out = append(out, scenarios.Owned{Prefix: p, AS: w.source.Rightful(p)})
	}
	for _, name := range of {
		prefixes, _ := w.namedHosts(name)
		out = append(out, prefixes...)
	}
	return out
}

// owned returns prefixes as text.
func owned(list []scenarios.Owned) []string {
	out := []string{}
	for _, o := range list {
		out = append(out, o.Prefix.String())
	}
	return out
}

// change adds and removes payloads. What is removed must be there.
func (t *teller) change(field string, r scenarios.RPKIChange) error {
	var all []rpki.VRP
	removed := make([]bool, len(r.Remove))
	for v := range t.vrps.All() {
		n := slices.IndexFunc(r.Remove, func(x scenarios.VRP) bool {
			return x.Prefix == v.Prefix && x.MaxLength == v.MaxLength && x.Origin == v.Origin
		})
		if n < 0 {
			all = append(all, v)
		} else {
			removed[n] = true
		}
	}
	if n := slices.Index(removed, false); n >= 0 {
		return t.source.FieldError(fmt.Sprintf("%s.remove[%d]", field, n), r.Remove[n].String(), "a VRP that is there at this time")
	}
	e := result.Event{Kind: "rpki", By: scenarios.SideVictim}
	for _, v := range r.Add {
		all = append(all, v.VRP)
		e.Added = append(e.Added, v.String())
	}
	for _, v := range r.Remove {
		e.Removed = append(e.Removed, v.String())
	}
	t.say(e)
	vrps, err := rpki.NewVRPs(all)
	if err != nil {
		return err
	}
	return t.judgeBy(vrps)
}

// attackName says what kind of hijack it is, given what is announced by right.
func attackName(h scenarios.Hijack, rightful map[netip.Prefix]bool) string {
	name := "equal-prefix"
	for _, p := range h.Prefixes {
		for r := range rightful {
			if !rightful[p] && r.Bits() < p.Bits() && r.Contains(p.Addr()) {
				name = "sub-prefix"
			}
		}
	}
	if h.ForgedOrigin || len(h.Path) > 0 && h.Path[len(h.Path)-1] != h.Path[0] {
		name = "forged-origin " + name
	}
	return name
}

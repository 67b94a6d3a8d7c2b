package replay

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/fabric"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// epoch is the routes from one moment of the timeline to the next.
type epoch struct {
	from   time.Duration
	anns   map[netip.Prefix][]route.Announcement
	routes map[netip.Prefix]*route.Routes
}

// standing are the announcements that hold for the whole story: those of the
// perspectives and coordinators, the attacker's own prefix and the upper name servers.
func (w *World) standing() map[netip.Prefix][]route.Announcement {
	anns := map[netip.Prefix][]route.Announcement{}
	add := func(p netip.Prefix, as topology.ASN, attacker bool) {
		anns[p] = append(anns[p], route.Announcement{Prefix: p, Path: []topology.ASN{as}, Attacker: attacker})
	}
	add(rootPrefix, w.rootAS, false)
	add(tldPrefix, w.tldAS, false)
	add(w.source.Attacker.Prefix, w.source.Attacker.AS, true)
	for _, name := range w.order {
		st := w.sites[name]
		for _, p := range st.prefixes {
			add(p, st.attachment.ASN, false)
		}
	}
	owned, _ := w.hostsOfCA(scenarios.Coordinator)
	for _, o := range owned {
		add(o.Prefix, o.AS, false)
	}
	return anns
}

// computeRoutes turns the timeline into epochs and propagates what each of them
// announces. A prefix whose announcements do not change is propagated once.
func (w *World) computeRoutes() error {
	w.engine = route.NewEngine(w.graph)
	anns := w.standing()
	w.epochs = []epoch{{anns: clone(anns)}}
	for _, e := range w.source.Timeline {
		if e.Check != nil {
			continue
		}
		w.apply(e, anns)
		if last := &w.epochs[len(w.epochs)-1]; last.from == e.At {
			last.anns = clone(anns)
			continue
		}
		w.epochs = append(w.epochs, epoch{from: e.At, anns: clone(anns)})
	}
	done := map[string]*route.Routes{}
	for n := range w.epochs {
		if err := w.propagate(&w.epochs[n], done, w.routing); err != nil {
			return err
		}
	}
	return nil
}

func clone(anns map[netip.Prefix][]route.Announcement) map[netip.Prefix][]route.Announcement {
	out := make(map[netip.Prefix][]route.Announcement, len(anns))
	for p, list := range anns {
		if len(list) > 0 {
			out[p] = slices.Clone(list)
		}
	}
	return out
}

// apply changes the announcements as an event says.
func (w *World) apply(e scenarios.Event, anns map[netip.Prefix][]route.Announcement) {
	s := w.source
	owner := map[netip.Prefix]topology.ASN{}
	for _, o := range s.Owned() {
		owner[o.Prefix] = o.AS
	}
	// An AS announces one route for a prefix: a new one replaces the one before
	// (RFC 4271 3.1).
	put := func(a route.Announcement) {
		for n, before := range anns[a.Prefix] {
			if before.Announcer() == a.Announcer() {
				anns[a.Prefix][n] = a
				return
			}
		}
		anns[a.Prefix] = append(anns[a.Prefix], a)
	}
	switch {
	case e.Announce != nil:
		for _, o := range s.Owned() {
			if len(e.Announce.Prefixes) == 0 || slices.Contains(e.Announce.Prefixes, o.Prefix) {
				put(route.Announcement{Prefix: o.Prefix, Path: []topology.ASN{o.AS}})
			}
		}
	case e.Hijack != nil:
		for _, o := range w.stolen(e.Hijack.Prefixes, e.Hijack.PrefixesOf) {
			put(w.hijack(*e.Hijack, o))
			if !slices.Contains(w.hijacked, o.Prefix) {
				w.hijacked = append(w.hijacked, o.Prefix)
			}
		}
	case e.Withdraw != nil:
		attacker := e.Withdraw.By == scenarios.SideAttacker
		some := w.stolen(e.Withdraw.Prefixes, e.Withdraw.PrefixesOf)
		for p, list := range anns {
			_, owned := owner[p]
			if !owned && (!attacker || !slices.Contains(w.hijacked, p)) {
				continue // standing announcements are not withdrawn
			}
			if len(some) > 0 && !slices.ContainsFunc(some, func(o scenarios.Owned) bool { return o.Prefix == p }) {
				continue
			}
			anns[p] = slices.DeleteFunc(list, func(a route.Announcement) bool { return a.Attacker == attacker })
		}
	}
}

// hijack returns what the attacker announces for one prefix.
func (w *World) hijack(h scenarios.Hijack, o scenarios.Owned) route.Announcement {
	a := route.Announcement{Prefix: o.Prefix, Path: w.announcedPath(h, o.AS), Attacker: true, NoExport: h.NoExport}
	if h.Export != nil {
		a.Export.To = h.Export.To
	}
	return a
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

// stolen returns the prefixes of a hijack, or of its end, with their rightful
// origins.
func (w *World) stolen(prefixes []netip.Prefix, of []string) []scenarios.Owned {
	var out []scenarios.Owned
	for _, p := range prefixes {
		out = append(out, scenarios.Owned{Prefix: p, AS: w.source.Rightful(p)})
	}
	for _, name := range of {
		owned, _ := w.hostsOfCA(name)
		out = append(out, owned...)
	}
	return out
}

// prefixesOf returns the same as text.
func (w *World) prefixesOf(prefixes []netip.Prefix, of []string) []string {
	out := []string{}
	for _, o := range w.stolen(prefixes, of) {
		out = append(out, o.Prefix.String())
	}
	return out
}

// propagate fills in an epoch's routes.
func (w *World) propagate(e *epoch, done map[string]*route.Routes, o route.Options) error {
	e.routes = make(map[netip.Prefix]*route.Routes, len(e.anns))
	for _, p := range prefixes(e.anns) {
		var key strings.Builder
		for _, a := range e.anns[p] {
			fmt.Fprintf(&key, "%v/%v;", a, a.Attacker)
		}
		r := done[key.String()]
		if r == nil {
			var err error
			if r, err = w.engine.Propagate(e.anns[p], o); err != nil {
				return fmt.Errorf("routes for %v: %w", p, err)
			}
			done[key.String()] = r
		}
		e.routes[p] = r
	}
	return nil
}

// prefixes returns the announced prefixes in order.
func prefixes(anns map[netip.Prefix][]route.Announcement) []netip.Prefix {
	var out []netip.Prefix
	for p, list := range anns {
		if len(list) > 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return out
}

func (w *World) fabricEpochs() []fabric.Epoch {
	out := make([]fabric.Epoch, len(w.epochs))
	for n, e := range w.epochs {
		out[n].From = e.from
		for _, p := range prefixes(e.anns) {
			out[n].Routes = append(out[n].Routes, e.routes[p])
		}
	}
	return out
}

// epochAt returns the index of the epoch in force at a time.
func (w *World) epochAt(at time.Duration) int {
	n := 0
	for n+1 < len(w.epochs) && w.epochs[n+1].from <= at {
		n++
	}
	return n
}

// describeTimeline lists the events in words.
func (w *World) describeTimeline() []result.Event {
	s := w.source
	var out []result.Event
	rightful := map[netip.Prefix]bool{} // what is announced by right at the time
	for _, e := range s.Timeline {
		r := result.Event{At: e.At, By: scenarios.SideVictim, Prefixes: []string{}}
		switch {
		case e.Announce != nil:
			r.Kind = "announce"
			for _, o := range s.Owned() {
				if len(e.Announce.Prefixes) == 0 || slices.Contains(e.Announce.Prefixes, o.Prefix) {
					r.Prefixes = append(r.Prefixes, o.Prefix.String())
					rightful[o.Prefix] = true
				}
			}
		case e.Hijack != nil:
			r.Kind, r.By = "hijack", scenarios.SideAttacker
			r.Prefixes, r.Hosts = w.prefixesOf(e.Hijack.Prefixes, e.Hijack.PrefixesOf), e.Hijack.PrefixesOf
			r.Attack = attackName(*e.Hijack, rightful)
			r.NoExport = e.Hijack.NoExport
			if e.Hijack.Export != nil {
				r.To = e.Hijack.Export.To
			}
			if len(e.Hijack.Path) > 0 || e.Hijack.Prepend > 0 {
				r.Path = w.announcedPath(*e.Hijack, s.Victim.AS)
			}
		case e.Withdraw != nil:
			r.Kind, r.By = "withdraw", e.Withdraw.By
			r.Prefixes, r.Hosts = w.prefixesOf(e.Withdraw.Prefixes, e.Withdraw.PrefixesOf), e.Withdraw.PrefixesOf
			if e.Withdraw.By == scenarios.SideVictim {
				maps.DeleteFunc(rightful, func(p netip.Prefix, _ bool) bool {
					return len(e.Withdraw.Prefixes) == 0 || slices.Contains(e.Withdraw.Prefixes, p)
				})
			}
		case e.Check != nil:
			r.Kind, r.By, r.Check = "check", e.Check.Applicant, e.Check.Name
		}
		out = append(out, r)
	}
	return out
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

package study

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"mpicsim/scenarios/result"
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// tracer computes attacks by what they announce: full propagation for each of
// three ways in which ties fall, and packets followed from every viewpoint.
type tracer struct {
	*Plan
	words int
	// rows has for each attacker whom is reached, lower, picked and upper.
	rows  []uint64
	lanes []*lane
	// standing is what the victim at place victim announces by itself, and its routes.
	victim   int
	standing []route.Announcement
	alone    [traces]route.Routes
}

// lane is what one goroutine needs.
type lane struct {
	routes  [traces][]*route.Routes
	engine  result.Engine
	fooled  [traces]result.Set
	reached result.Set
	hops    []int32
}

// The ways in which ties fall.
const (
	toAttacker = iota
	asPicked
	toVictim
	traces
)

// nobody is the index of an attacker who announces nothing.
const nobody = -1

// traced is what to trace: all attackers of one victim in one way, or every n-th.
// done is called with 1 after each, by several goroutines.
type traced struct {
	victim int
	way    *way
	every  int
	done   func(hijacks int64)
}

func newTracer(p *Plan, goroutines int) *tracer {
	t := &tracer{Plan: p, words: (len(p.viewpoints) + 63) / 64, victim: -1}
	t.rows = make([]uint64, len(p.attackers.index)*4*t.words)
	for range goroutines {
		l := &lane{reached: make(result.Set, t.words)}
		for n := range l.fooled {
			l.fooled[n] = make(result.Set, t.words)
		}
		t.lanes = append(t.lanes, l)
	}
	return t
}

// sets returns whom the n-th attacker's hijack leaves reached, lower, picked and
// upper.
func (t *tracer) sets(n int) (sets [4]result.Set) {
	for k := range sets {
		sets[k] = t.rows[(n*4+k)*t.words:][:t.words:t.words]
	}
	return sets
}

// options returns how ties fall in one of the ways.
func (t *tracer) options(trace int, policies *route.Policies) route.Options {
	o := t.engine.Options()
	switch trace {
	case toAttacker:
		o = route.Options{TieBreak: route.TieBreakAttacker}
	case toVictim:
		o = route.Options{TieBreak: route.TieBreakVictim}
	}
	o.Policies = policies
	return o
}

// trace fills the rows of attackers.
func (t *tracer) trace(ctx context.Context, e *result.Engine, j traced) error {
	if err := t.prepare(j.victim); err != nil {
		return err
	}
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for _, l := range t.lanes {
		l.engine = result.Engine{}
		group.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(t.attackers.index) && failed.Load() == nil; n = int(next.Add(1)) - 1 {
				if n%j.every != 0 || t.attackers.index[n] == t.victims.index[j.victim] {
					continue
				}
				err := ctx.Err()
				if err != nil {
					err = context.Cause(ctx)
				} else {
					err = t.one(l, j, n)
				}
				if err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				j.done(1)
			}
		})
	}
	group.Wait()
	for _, l := range t.lanes {
		e.Add(l.engine)
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// prepare propagates what a victim announces by itself.
func (t *tracer) prepare(victim int) error {
	if t.victim == victim {
		return nil
	}
	t.victim = -1
	t.standing = []route.Announcement{{Prefix: t.targets[victim].prefix, Path: []topology.ASN{t.graph.ASN(t.victims.index[victim])}}}
	for n := range t.alone {
		if err := t.router.PropagateInto(&t.alone[n], t.standing, t.options(n, t.policies)); err != nil {
			return fmt.Errorf("routes of the victim: %w", err)
		}
	}
	t.victim = victim
	return nil
}

// one computes one hijack.
func (t *tracer) one(l *lane, j traced, n int) error {
	asn, victim, target := t.graph.ASN(t.attackers.index[n]), t.graph.ASN(t.victims.index[j.victim]), t.targets[j.victim]
	l.engine.Traced++
	anns, policies, err := t.launch(j.way, asn, victim, target)
	if err != nil {
		return fmt.Errorf("%s by AS %v against %v of AS %v: %w", j.way.name, asn, target.prefix, victim, err)
	}
	attacker := t.attackers.index[n]
	if anns == nil {
		l.engine.Obstructed++
		anns, attacker = t.standing, nobody
	} else {
		l.engine.Estimated++
	}
	clear(l.reached)
	for trace := range traces {
		table, err := t.table(l, trace, anns, policies, target.address)
		if err != nil {
			return err
		}
		t.follow(l, trace, table, attacker, target.address)
	}
	sets := t.sets(n)
	for i := range t.words {
		a, p, v := l.fooled[toAttacker][i], l.fooled[asPicked][i], l.fooled[toVictim][i]
		sets[1][i], sets[2][i], sets[3][i] = a|p|v, p, a&p&v
		sets[0][i] = l.reached[i] | sets[1][i]
	}
	return nil
}

// launch returns all that is announced under the attack, and the policies with
// what it changes of the RPKI; nil if it cannot be launched.
func (t *tracer) launch(w *way, attacker, victim topology.ASN, target target) ([]route.Announcement, *route.Policies, error) {
	if slices.Contains(w.Poison, attacker) { // who rejects its own path
		return nil, t.policies, nil
	}
	plan, err := w.Of(attacker, victim, target.prefix, target.address).Plan(attack.Setting{
		Engine: t.router, Options: t.options(asPicked, t.policies), Standing: t.standing,
	})
	if err != nil {
		return nil, nil, err
	}
	if !plan.Viable() {
		return nil, t.policies, nil
	}
	anns := plan.At(0, t.standing)
	policies := t.policies
	if plan.ChangesVRPs() && policies != nil {
		vrps, err := t.changed(plan, anns)
		if err != nil {
			return nil, nil, err
		}
		policies = policies.WithVRPs(vrps)
	}
	return anns, policies, nil
}

// changed returns the VRPs that matter to announcements under an attack that
// changes some.
func (t *tracer) changed(plan *attack.Plan, anns []route.Announcement) (*rpki.VRPs, error) {
	var covering []rpki.VRP
	for _, a := range anns {
		for _, v := range t.policies.VRPs().Covering(a.Prefix) {
			if !slices.Contains(covering, v) {
				covering = append(covering, v)
			}
		}
	}
	before, err := rpki.NewVRPs(covering)
	if err != nil {
		return nil, err
	}
	return plan.ApplyVRPs(before)
}

// table returns the routes of every announced prefix that holds an address. The
// victim's own are not computed again where nothing is announced beside them.
func (t *tracer) table(l *lane, trace int, anns []route.Announcement, policies *route.Policies, address netip.Addr) (*route.Table, error) {
	table, used := &route.Table{}, 0
	var done []netip.Prefix
	for _, a := range anns {
		if !a.Prefix.Contains(address) || slices.Contains(done, a.Prefix) {
			continue
		}
		done = append(done, a.Prefix)
		group := slices.DeleteFunc(slices.Clone(anns), func(b route.Announcement) bool { return b.Prefix != a.Prefix })
		if policies == t.policies && len(group) == 1 && group[0].Equal(t.standing[0]) {
			table.Add(&t.alone[trace])
			continue
		}
		if used == len(l.routes[trace]) {
			l.routes[trace] = append(l.routes[trace], &route.Routes{})
		}
		routes := l.routes[trace][used]
		used++
		if err := t.router.PropagateInto(routes, group, t.options(trace, policies)); err != nil {
			return nil, err
		}
		table.Add(routes)
	}
	return table, nil
}

// follow follows packets from every viewpoint. Under an attack that was launched,
// who has packets pass the attacker is fooled, be they handed on or not.
func (t *tracer) follow(l *lane, trace int, table *route.Table, attacker int32, address netip.Addr) {
	clear(l.fooled[trace])
	for n, i := range t.engine.Viewpoints() {
		var fate route.Fate
		l.hops, fate = table.AppendTrace(l.hops[:0], i, address)
		fooled := attacker >= 0 && slices.Contains(l.hops, attacker)
		if fooled {
			l.fooled[trace][n/64] |= 1 << (n % 64)
		}
		if trace == asPicked && (fooled || fate == route.Delivered) {
			l.reached[n/64] |= 1 << (n % 64)
		}
	}
}

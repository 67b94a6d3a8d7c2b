package replay

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// nobody is who packets reach that get nowhere.
const nobody = "nobody"

// maxHops is the TTL that hosts send with: packets do not get further.
const maxHops = 64

// forecast says from routes alone what checks would see under other tie-breaks.
type forecast struct {
	mu      sync.Mutex
	courses map[route.TieBreak]*course
	caa     map[string]perspectives.Verdict // what the victim's zone says to each applicant that was asked for
}

// bounds decides the check again from routes alone, with all ties given to the
// attacker and to the victim. Where routes change while a perspective checks,
// the worse and the better moment counts.
func (w *World) bounds(ctx context.Context, c *result.Check, runners []*runner, q policy.Quorum) error {
	caa, err := w.honestCAA(ctx, c.Applicant)
	if err != nil {
		return err
	}
	c.Bounds.Exact = w.exact(c)
	var fooled, cut [2][]bool
	for n, bound := range []struct {
		extreme
		out *result.Bound
	}{{extreme{route.TieBreakAttacker, true}, &c.Bounds.Lower}, {extreme{route.TieBreakVictim, false}, &c.Bounds.Upper}} {
		answers := make([]policy.Answer, len(runners))
		fooled[n], cut[n] = make([]bool, len(runners)), make([]bool, len(runners))
		spared := false // remotes are, if the primary fails
		for i, r := range runners {
			if cut[n][i], err = w.cutOff(c.Rows[i].Control, r, bound.tie); err != nil {
				return err
			}
			s, err := w.sightDuring(c.Rows[i], r.station, bound.extreme, spared || cut[n][i])
			if err != nil {
				return err
			}
			if fooled[n][i] = s.fooled; s.fooled {
				bound.out.Fooled++
			}
			answers[i] = policy.Answer{Perspective: r.Describe(), DCV: perspectives.Error, CAA: perspectives.Error}
			if !cut[n][i] {
				answers[i].DCV, answers[i].CAA = s.verdicts(perspectives.Method(c.Method), c.Applicant, caa)
			}
			spared = spared || i == 0 && (answers[i].DCV != perspectives.Pass || answers[i].CAA != perspectives.Pass)
		}
		d, err := policy.Decide(q, policy.SameSet(answers[0], answers[1:]...))
		if err != nil {
			return err
		}
		bound.out.Issue, bound.out.Reason = d.Issue, d.Reason
	}
	for i := range c.Rows {
		row := &c.Rows[i]
		if fooled[0][i] != fooled[1][i] {
			row.Tie = otherSide(row.Reached == scenarios.SideAttacker)
		}
		if row.Control != nil && cut[0][i] != cut[1][i] {
			row.Control.Tie = otherSide(!row.Control.Answered)
		}
	}
	return nil
}

// exact says whether no pick among equally good routes goes beyond the extremes
// during a check: see package route, Bounds. Routes that converge may be those of
// any time before.
func (w *World) exact(c *result.Check) bool {
	for n, m := range w.moments {
		over := n+1 < len(w.moments) && w.moments[n+1].from <= c.At && w.source.Routing.Convergence == nil
		if over || m.from > c.Finished {
			continue
		}
		if m.policies != nil {
			return false
		}
		for _, list := range m.anns {
			for _, a := range list {
				named := func(as topology.ASN) bool {
					return as == a.Announcer() || slices.ContainsFunc(list, func(b route.Announcement) bool { return b.Announcer() == as })
				}
				if a.NoExport || a.Forwards || len(a.Withhold) > 0 || slices.ContainsFunc(a.Path, func(as topology.ASN) bool { return !named(as) }) {
					return false
				}
			}
		}
	}
	return true
}

// extreme is all ties given to one side, and of moments the worst or the best.
type extreme struct {
	tie   route.TieBreak
	worst bool
}

// otherSide is whom ties could turn to what is the attacker's, or is not.
func otherSide(attackers bool) string {
	if attackers {
		return scenarios.SideVictim
	}
	return scenarios.SideAttacker
}

// sightDuring returns the worst or best sight of the epochs during a
// perspective's check; of a check that never begins (probed), the sight of its
// probes.
func (w *World) sightDuring(row result.Row, st *station, e extreme, probed bool) (sight, error) {
	c, err := w.serviceCourse(e.tie)
	if err != nil {
		return sight{}, err
	}
	first := c.at(row.Started)
	last := max(first, c.at(row.Finished))
	if probed {
		last = first
	}
	var out sight
	for n := first; n <= last; n++ {
		t := w.scene(c, n)
		s := w.look(t, st)
		if probed {
			s = w.probe(t, st)
		}
		if n == first || s.fooled == e.worst {
			out = s
		}
	}
	return out, nil
}

// serviceCourse returns how the routes for the victim's services, and for whatever
// else is hijacked, go under a tie-break.
func (w *World) serviceCourse(tie route.TieBreak) (*course, error) {
	f := &w.forecast
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.courses[tie]; c != nil {
		return c, nil
	}
	c, err := w.courseOf(route.Options{TieBreak: tie}, func(p netip.Prefix) bool {
		return slices.Contains(w.hijacked, p) || slices.ContainsFunc(w.serviceAddrs(), p.Contains)
	})
	if err != nil {
		return nil, err
	}
	if f.courses == nil {
		f.courses = map[route.TieBreak]*course{}
	}
	f.courses[tie] = c
	return c, nil
}

// serviceAddrs are the addresses of the victim's services.
func (w *World) serviceAddrs() []netip.Addr {
	addrs := slices.Clone(w.source.Victim.Web)
	for _, ns := range w.source.Victim.NameServers {
		addrs = append(addrs, ns.Address)
	}
	return addrs
}

package attack

import (
	"cmp"
	"fmt"
	"slices"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// The limits of the search for an interception's scope.
const (
	// MaxExhaustive is up to how many neighbours every set of them is tried.
	MaxExhaustive = 6
	// MaxKept is how many of the attacker's routes are tried to be kept, best first,
	// and how many single neighbours are tried as the only ones that hear of it.
	MaxKept = 16
	// maxRounds is how often a scope is narrowed before it is given up.
	maxRounds = 48
)

// interception: the attacker attracts packets and hands them on to the victim.
func interception() spec {
	return spec{
		kind:  Interception,
		takes: shape | fieldCommunities,
		types: [2]int{1, MaxType},
		describe: func() Description {
			return Description{
				Title: "Interception",
				Source: "Ballani, Francis, Zhang: A Study of Prefix Hijacking and Interception in the Internet, SIGCOMM 2007; Pilosov, Kapela: Stealing the Internet, DEF CON 16, 2008 " +
					"(the path names the networks on the way back); Birge-Lee, Wang, Rexford, Mittal: SICO, CCS 2019 (communities).",
				What: "The attacker announces so that it keeps a route of its own to the victim, and hands on what it attracts. Which neighbours hear of it is chosen: of the scopes that " +
					"were tried and leave a working way, the one that attracts the most. Up to 6 neighbours every set is tried; with more, the neighbours through which the way gets lost are " +
					"left out one by one, for up to 16 routes. Unless the path is ordered, paths that name the networks on the way back are tried too; with communities, neighbours are asked " +
					"to withhold it from these before they are left out.",
				Needs: "Two neighbours at least: one whose route still leads to the victim, and one to announce to.",
				StoppedBy: "MPIC as an equal-prefix hijack, whose reach it does not exceed: for domain control it is a hijack whose victim notices nothing. " +
					"Origin validation, ASPA and peerlock by what is in the announcement.",
			}
		},
		announce: announceInterception,
	}
}

// interceptor is the search for a scope.
type interceptor struct {
	*planning
	base   route.Announcement // the announcement without a scope
	ways   [][]int32          // the ways to keep, without the attacker, best first
	before int                // how many ASes' packets pass the attacker without the attack
	best   *trial
	tried  int
}

// trial is an announcement that was tried.
type trial struct {
	ann     route.Announcement
	outcome *Outcome
	count   int
	how     string
}

func announceInterception(p *planning) error {
	own, err := p.ownRoute()
	if err != nil || !p.Viable() {
		return err
	}
	base, ok := p.shaped()
	if !ok {
		return nil
	}
	base.Forwards = true
	s := &interceptor{planning: p, base: base, ways: p.ways(own)}
	o, err := p.in.Outcome(p.in.Standing, p.attacker, s.address())
	if err != nil {
		return fmt.Errorf("routes without the attack: %w", err)
	}
	s.before = o.Count()
	if err := s.search(); err != nil {
		return fmt.Errorf("scope of an interception: %w", err)
	}
	if s.best == nil {
		p.refuse(NoWorkingPath, "none of %d announcements tried leaves AS %d a way to the victim and attracts anybody", s.tried, p.Attack.Attacker)
		return nil
	}
	p.Forwards, p.Kept, p.Attracted = true, p.numbers(s.best.outcome.Kept), s.best.count
	p.assume("%s, the best of %d announcements tried", s.best.how, s.tried)
	if len(s.best.ann.Withhold) > 0 {
		p.assume("the attacker's neighbours obey action communities")
	}
	p.launch(s.best.ann)
	return nil
}

// ways returns the AS paths by which the attacker could reach the victim without
// the attack, the best first, by graph index and without the attacker.
func (p *planning) ways(o own) [][]int32 {
	x := o.routes.Explain(p.attacker)
	candidates := []route.Candidate{*x.Winner}
	if p.Attack.Prefix == p.Attack.Target { // else packets go by the best route to the target only
		candidates = append(candidates, x.Losers...)
	}
	g := o.routes.Graph()
	var ways [][]int32
	for _, c := range candidates {
		if len(ways) == MaxKept {
			break
		}
		switch c.Reason {
		case route.ReasonOnlyRoute, route.ReasonRelationship, route.ReasonValidity, route.ReasonPathLength, route.ReasonPathSecurity, route.ReasonTieBreak:
		default:
			continue // not a route that it would take
		}
		var way []int32
		for i, _ := g.Index(c.Neighbor); i >= 0; i, _, _ = o.routes.NextHop(i) {
			way = append(way, i)
		}
		ways = append(ways, way)
	}
	return ways
}

// search tries announcements.
func (s *interceptor) search() error {
	a := &s.Attack
	if a.fields()&scope != 0 { // ordered
		return s.try(s.base, "the scope as ordered")
	}
	if err := s.scopes(); err != nil {
		return err
	}
	if a.Type > 0 || len(a.Poison) > 0 {
		return nil
	}
	return s.named()
}

// scopes tries who may hear of the announcement.
func (s *interceptor) scopes() error {
	all := s.neighbors()
	if len(all) <= MaxExhaustive {
		for set := 1; set < 1<<len(all); set++ {
			var to []topology.ASN
			for n, x := range all {
				if set>>n&1 != 0 {
					to = append(to, x.asn)
				}
			}
			if err := s.try(s.to(to), "told to "+route.FormatPath(to)); err != nil {
				return err
			}
		}
	} else if err := s.classes(all); err != nil {
		return err
	}
	if len(all) <= MaxExhaustive && !s.Attack.Communities {
		return nil
	}
	for _, way := range s.ways {
		if err := s.narrow(way); err != nil {
			return err
		}
	}
	return nil
}

// classes tries the classes of neighbours, and some neighbours alone.
func (s *interceptor) classes(all []neighbor) error {
	for _, c := range [...]route.Classes{route.ToCustomers, route.ToPeers, route.ToProviders} {
		if err := s.try(s.scoped(route.Export{Classes: c}), "told to "+c.String()); err != nil {
			return err
		}
	}
	for n := range min(len(all), MaxKept) {
		x := all[len(all)-1-n] // providers first: they tell everybody
		if err := s.try(s.to([]topology.ASN{x.asn}), "told to "+x.asn.String()); err != nil {
			return err
		}
	}
	return nil
}

// named tries paths that name the ASes on the way to be kept, which reject them.
func (s *interceptor) named() error {
	for _, way := range s.ways {
		ann := s.base
		ann.Path = slices.Concat(s.base.Path, s.numbers(way))
		if last := ann.Origin(); last != s.Attack.Victim {
			ann.Path = append(ann.Path, s.Attack.Victim) // another rightful origin: the number stays the victim's
		}
		if len(ann.Path) > route.MaxAnnouncedPath {
			continue
		}
		if err := s.try(ann, "told to everybody with the way back in the path"); err != nil {
			return err
		}
	}
	return nil
}

// narrow begins with everybody and leaves out, or has withhold it, those through
// whom an AS on the way is captured, until the way works.
func (s *interceptor) narrow(way []int32) error {
	ann := s.base
	how := "told to everybody"
	for range maxRounds {
		o, err := s.outcome(ann)
		if err != nil {
			return err
		}
		if s.judge(ann, o, how) {
			return nil
		}
		x, ok := s.lost(o, way)
		if !ok {
			return nil
		}
		g := s.in.Engine.Graph()
		path := o.Table.Get(ann.Prefix).Path(x)
		through := path[len(path)-len(ann.Path)-1] // the last before the announcement
		if edge := (route.Edge{AS: through, Neighbor: g.ASN(x)}); s.Attack.Communities && len(path) == len(ann.Path)+2 && !slices.Contains(ann.Withhold, edge) {
			ann.Withhold = append(slices.Clone(ann.Withhold), edge)
		} else {
			ann.Export.Except = append(slices.Clone(ann.Export.Except), through)
		}
		if !s.hears(ann.Export) {
			return nil
		}
		how = "told to everybody but " + cmp.Or(route.FormatPath(ann.Export.Except), "none")
		if len(ann.Withhold) > 0 {
			how += fmt.Sprintf(", withheld at %d links", len(ann.Withhold))
		}
	}
	return nil
}

// lost returns the AS on the way, nearest to its end, that took the announcement.
func (s *interceptor) lost(o *Outcome, way []int32) (int32, bool) {
	r := o.Table.Get(s.base.Prefix)
	for _, x := range slices.Backward(way) {
		if a, ok := r.Announcement(x); ok && a.Announcer() == s.Attack.Attacker {
			return x, true
		}
	}
	return -1, false
}

func (s *interceptor) to(asns []topology.ASN) route.Announcement {
	return s.scoped(route.Export{To: asns})
}

func (s *interceptor) scoped(e route.Export) route.Announcement {
	ann := s.base
	ann.Export = e
	return ann
}

func (s *interceptor) try(ann route.Announcement, how string) error {
	if !s.hears(ann.Export) {
		return nil
	}
	o, err := s.outcome(ann)
	if err != nil {
		return err
	}
	s.judge(ann, o, how)
	return nil
}

func (s *interceptor) outcome(ann route.Announcement) (*Outcome, error) {
	s.tried++
	return s.in.Outcome(Step{Announce: []route.Announcement{ann}}.Apply(s.in.Standing), s.attacker, s.address())
}

// judge says whether the attacker's own way works, and keeps the trial if it
// attracts more than the best so far, and more than pass the attacker anyway.
func (s *interceptor) judge(ann route.Announcement, o *Outcome, how string) bool {
	if o.Kept == nil {
		return false
	}
	end := o.Kept[len(o.Kept)-1]
	r, _ := o.Table.Lookup(end, o.Address)
	if a, _ := r.Announcement(end); a.Attacker { // somebody else's attack
		return false
	}
	if count := o.Count(); count > s.before && (s.best == nil || count > s.best.count) {
		s.best = &trial{ann, o, count, how}
	}
	return true
}

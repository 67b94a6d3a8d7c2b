package sweep

import (
	"fmt"
	"slices"

	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// judge finds out what the policies make of one attacker.
func (s *Sweeper) judge(attackers *Attackers, attacker int32) (treatment, error) {
	e, policies := s.engine, s.engine.options.Policies
	anns := s.contest.announcements(e.graph, attackers.shape, attacker)
	influence, err := e.router.Influence(anns, policies)
	if err != nil {
		return treatment{}, fmt.Errorf("sweep: %w", err)
	}
	t := treatment{influence: influence}
	if influence == route.InfluenceOrigin {
		t.victimInvalid = policies.Validity(anns[0].Prefix, anns[0].Origin()) == rpki.Invalid
		t.attackerInvalid = policies.Validity(anns[1].Prefix, anns[1].Origin()) == rpki.Invalid
	}
	return t, nil
}

// judgeAll finds out what the policies make of the attackers: of nearly all the
// same, which is returned, and of the rest, who are set apart and added to the
// groups. If all are set apart, what is returned means nothing.
func (s *Sweeper) judgeAll(attackers *Attackers) (usual treatment, err error) {
	e := s.engine
	if e.options.Policies == nil {
		return treatment{}, nil
	}
	unusual := attackers.unusual
	if !attackers.shape.ForgedOrigin {
		unusual = slices.Concat(unusual, attackers.among(e.options.Policies.VRPs().Covering(s.contest.prefix())))
	}
	for _, n := range unusual {
		s.setApart(attackers.column[attackers.list[n]])
	}
	at := slices.IndexFunc(attackers.list, func(i int32) bool { return i != s.contest.Victim && !s.special[attackers.column[i]] })
	if at >= 0 {
		if usual, err = s.judge(attackers, attackers.list[at]); err != nil {
			return usual, err
		}
	}
	for _, c := range s.specials { // twins of the unusual may be usual, but are few
		for _, n := range attackers.members.row(c) {
			if i := attackers.list[n]; i != s.contest.Victim {
				t, err := s.judge(attackers, i)
				if err != nil {
					return usual, err
				}
				s.addAlone(t, i, n)
			}
		}
	}
	return usual, nil
}

// among returns the places of the attackers who are the origin of some payload.
func (s *Attackers) among(payloads []rpki.VRP) (places []int32) {
	for n, p := range payloads {
		if slices.ContainsFunc(payloads[:n], func(q rpki.VRP) bool { return q.Origin == p.Origin }) {
			continue
		}
		i, ok := s.engine.graph.Index(p.Origin)
		if !ok || s.column[i] < 0 {
			continue
		}
		for _, n := range s.members.row(s.column[i]) {
			if s.list[n] == i {
				places = append(places, n)
			}
		}
	}
	return places
}

// findUnusual finds the attackers about whose own number policies have something
// to say that others' lack: path-end records, or signatures.
func (s *Attackers) findUnusual() error {
	policies := s.engine.options.Policies
	if policies == nil || s.shape.ForgedOrigin {
		return nil
	}
	c := Contest{}
	ann := route.Announcement{Prefix: c.prefix(), Path: make([]topology.ASN, s.shape.Length)}
	for n, i := range s.list {
		for k := range ann.Path {
			ann.Path[k] = s.engine.graph.ASN(i)
		}
		influence, err := s.engine.router.Influence([]route.Announcement{ann}, policies)
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		if influence == route.InfluencePath {
			s.unusual = append(s.unusual, int32(n))
		}
	}
	return nil
}

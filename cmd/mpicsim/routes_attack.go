package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// routable returns the kinds of attack that need nothing but an attacker: no fields
// that must be set, and no RPKI, which nobody looks at here.
func routable() (kinds []attack.Kind) {
	for _, k := range attack.Kinds() {
		if _, needs := attack.Fields(k); len(needs) == 0 && k != attack.MaliciousROA && k != attack.LooseROA {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// parseAttack reads the flags of an attack on the first announcement.
func (f *routesFlags) parseAttack(anns []route.Announcement) (*attack.Attack, error) {
	a := &attack.Attack{Kind: attack.Kind(f.attack), Type: f.attackType, Victim: anns[0].Announcer(), Target: anns[0].Prefix}
	if !slices.Contains(routable(), a.Kind) {
		return nil, fmt.Errorf("--attack: found %q, want one of %s (others need more than flags: write a scenario)", f.attack, attack.JoinKinds(routable()))
	}
	if len(f.attackers) != 1 {
		return nil, errors.New("--attacker: want one AS, who attacks the first announcement's prefix")
	}
	var err error
	if a.Attacker, err = topology.ParseASN(f.attackers[0]); err != nil {
		return nil, fmt.Errorf("--attacker: %w", err)
	}
	if err := a.Validate(); err != nil {
		return nil, fmt.Errorf("--attack: %w", err)
	}
	return a, nil
}

// launch adds what the attack announces, and says what it is. That it cannot be
// launched is an answer.
func (r *routesResult) launch(s streams, engine *route.Engine) error {
	plan, err := r.attack.Plan(attack.Setting{Engine: engine, Options: r.options, Standing: r.anns})
	if err != nil {
		return fmt.Errorf("--attack: %w", err)
	}
	if !plan.Viable() {
		return &exitError{exitNo, fmt.Errorf("%v: cannot be launched (%s): %s", *r.attack, plan.Obstacle, plan.Why)}
	}
	r.anns = plan.At(0, r.anns)
	var said []string
	for _, ann := range plan.Announcements() {
		said = append(said, ann.String())
	}
	s.notef("%v: announces %s\n", plan.Attack, strings.Join(said, "; "))
	for _, what := range plan.Assumptions {
		s.notef("assumed: %s\n", strings.TrimSuffix(what, "."))
	}
	return nil
}

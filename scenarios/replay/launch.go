package replay

import (
	"cmp"
	"slices"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology/rpki"
)

// attack plans an attack for what holds now, and begins it.
func (t *teller) attack(a scenarios.Attack) error {
	for _, target := range t.targets(a) {
		if err := t.launch(a, target); err != nil {
			return err
		}
	}
	return nil
}

// targets returns the prefixes that an attack is against: of the CA's, one of each
// address family.
func (w *World) targets(a scenarios.Attack) []scenarios.Owned {
	if a.Of == "" {
		return []scenarios.Owned{w.source.TargetOf(a)}
	}
	prefixes, _ := w.namedHosts(a.Of)
	return prefixes
}

func (t *teller) launch(a scenarios.Attack, target scenarios.Owned) error {
	s := t.source
	order := a.Order(s.Attacker.AS, target, s.MattersTo(target.Prefix))
	if err := order.Validate(); err != nil {
		return err
	}
	plan, err := order.Plan(attack.Setting{
		Engine: t.engine, Options: route.Options{TieBreak: t.routing.TieBreak, Seed: t.routing.Seed, Policies: t.policies}, Standing: t.anns.all(),
		LongestIPv4: scenarios.LongestIPv4, LongestIPv6: scenarios.LongestIPv6,
	})
	if err != nil {
		return err
	}
	e := result.Event{Kind: "attack", By: scenarios.SideAttacker, Attack: string(a.Kind), Plan: &result.Plan{
		Target: target.Prefix.String(), Obstacle: string(plan.Obstacle), Why: plan.Why, Announced: []string{},
		Forwards: plan.Forwards && plan.Viable(), Kept: plan.Kept, Attracted: plan.Attracted, Assumptions: append([]string{}, plan.Assumptions...),
	}}
	if a.Of != "" {
		e.Hosts = []string{a.Of}
	}
	if plan.ChangesVRPs() {
		after, err := plan.ApplyVRPs(t.vrps)
		if err != nil {
			return err
		}
		e.Added, e.Removed = missing(after, t.vrps), missing(t.vrps, after)
		if err := t.judgeBy(after); err != nil {
			return err
		}
	}
	for _, step := range plan.Steps {
		if step.After > 0 {
			t.pending = append(t.pending, pending{t.now + step.After, step, a.Kind})
			continue
		}
		t.take(step)
		e.Prefixes = append(e.Prefixes, text(prefixesOf(step))...)
		for _, ann := range step.Announce {
			e.Plan.Announced = append(e.Plan.Announced, ann.String())
		}
	}
	slices.SortStableFunc(t.pending, func(a, b pending) int { return cmp.Compare(a.at, b.at) })
	if e.Plan.Forwards {
		if e.Plan.Answers = a.Kind == attack.Interception; a.Answers != nil {
			e.Plan.Answers = *a.Answers
		}
		if e.Plan.Answers {
			t.handled = append(t.handled, plan.Attack.Prefix)
		}
	}
	t.say(e)
	return nil
}

// missing returns the payloads of one set that another lacks, as text, whatever
// their trust anchors. Sets can be those of the whole Internet.
func missing(of, from *rpki.VRPs) (out []string) {
	bare := func(v rpki.VRP) rpki.VRP { v.TrustAnchor = ""; return v }
	there := make(map[rpki.VRP]bool, from.Len())
	for v := range from.All() {
		there[bare(v)] = true
	}
	for v := range of.All() {
		if !there[bare(v)] {
			out = append(out, scenarios.VRP{VRP: v}.String())
		}
	}
	return out
}

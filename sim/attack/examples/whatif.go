package examples

import (
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
)

// whatIfs are attacks where networks do what hardly any does today.
func whatIfs() []Example {
	return []Example{
		{
			Title:     "An equal-prefix hijack takes AS 10 too if ties fall to the attacker",
			Attack:    attack.Attack{Kind: attack.EqualPrefix},
			TieBreak:  route.TieBreakAttacker,
			Announced: []string{"4"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 !
				3: /22 3 60 50 4 !
				4: /22 4 !
				10: /22 10 40 4 !
				20: /22 20 50 4 !
				30: /22 30 1
				40: /22 40 4 !
				50: /22 50 4 !
				60: /22 60 50 4 !
			`,
		},
		{
			Title:     "An equal-prefix hijack loses the tie where the victim's path is signed",
			Attack:    attack.Attack{Kind: attack.EqualPrefix},
			Policies:  at(route.Policy{BGPsec: true}, 1, 10, 30),
			TieBreak:  route.TieBreakAttacker,
			Announced: []string{"4"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 !
				3: /22 3 60 50 4 !
				4: /22 4 !
				10: /22 10 30 1
				20: /22 20 50 4 !
				30: /22 30 1
				40: /22 40 4 !
				50: /22 50 4 !
				60: /22 60 50 4 !
			`,
		},
		{
			Title:     "A forged origin wins by relationship where everybody signs but the attacker",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin},
			Policies:  everybody(route.Policy{BGPsec: true}),
			Announced: []string{"4 1"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 1 !
				3: /22 3 60 50 4 1 !
				4: /22 4 1 !
				10: /22 10 30 1
				20: /22 20 50 4 1 !
				30: /22 30 1
				40: /22 40 4 1 !
				50: /22 50 4 1 !
				60: /22 60 50 4 1 !
			`,
		},
		{
			Title:     "An equal-prefix hijack is dropped by ROV++ as by ROV",
			Attack:    attack.Attack{Kind: attack.EqualPrefix},
			Policies:  at(route.Policy{ROVPP: true}, 50),
			VRPs:      tight(),
			Announced: []string{"4"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 !
				3: /22 3 60 20 10 30 1
				4: /22 4 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 4 !
				50: /22 50 20 10 30 1
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "A sub-prefix hijack's packets are dropped by ROV++ where they would go to who announced it",
			Attack:    attack.Attack{Kind: attack.SubPrefix, Address: Address()},
			Policies:  at(route.Policy{ROVPP: true}, 2, 3),
			VRPs:      tight(),
			Announced: []string{"4=203.0.113.0/24"},
			Routes: `
				1: /24 1 30 10 40 4 !
				2: drops
				3: drops
				4: /24 4 !
				10: /24 10 40 4 !
				20: /24 20 50 4 !
				30: /24 30 10 40 4 !
				40: /24 40 4 !
				50: /24 50 4 !
				60: /24 60 50 4 !
			`,
		},
	}
}

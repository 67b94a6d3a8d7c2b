package examples

import (
	"mpicsim/sim/attack"
	"mpicsim/topology"
)

// hijacks are contests for a prefix or a part of it.
func hijacks() []Example {
	return []Example{
		{
			Title:     "An equal-prefix hijack splits the Internet by relationship and length",
			Attack:    attack.Attack{Kind: attack.EqualPrefix},
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
			Title:     "An equal-prefix hijack is dropped where origins are validated, and behind there",
			Attack:    attack.Attack{Kind: attack.EqualPrefix},
			VRPs:      tight(),
			Policies:  rov(50),
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
			Title:     "A sub-prefix hijack takes everybody, the victim's own network included",
			Attack:    attack.Attack{Kind: attack.SubPrefix, Address: Address()},
			Announced: []string{"4=203.0.113.0/24"},
			Routes: `
				1: /24 1 30 10 40 4 !
				2: /24 2 40 4 !
				3: /24 3 60 50 4 !
				4: /24 4 !
				10: /24 10 40 4 !
				20: /24 20 50 4 !
				30: /24 30 10 40 4 !
				40: /24 40 4 !
				50: /24 50 4 !
				60: /24 60 50 4 !
			`,
		},
		{
			Title:     "A sub-prefix hijack goes no further than the networks that filter",
			Attack:    attack.Attack{Kind: attack.SubPrefix, Address: Address()},
			VRPs:      tight(),
			Policies:  rov(10, 20),
			Announced: []string{"4=203.0.113.0/24"},
			Routes: `
				1: /22 1
				2: /24 2 40 4 !
				3: /24 3 60 50 4 !
				4: /24 4 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /24 40 4 !
				50: /24 50 4 !
				60: /24 60 50 4 !
			`,
		},
		{
			Title:     "A forged origin takes as many as a plain hijack where customers' routes win at any length",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin},
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
			Title:     "A forged origin of type 2 names the victim's provider",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin, Type: 2},
			Announced: []string{"4 30 1"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 30 1 !
				3: /22 3 60 50 4 30 1 !
				4: /22 4 30 1 !
				10: /22 10 30 1
				20: /22 20 50 4 30 1 !
				30: /22 30 1
				40: /22 40 4 30 1 !
				50: /22 50 4 30 1 !
				60: /22 60 50 4 30 1 !
			`,
		},
		{
			Title:     "A forged origin of type 3 names the whole way down to the victim",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin, Type: 3},
			Announced: []string{"4 10 30 1"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 10 30 1 !
				3: /22 3 60 50 4 10 30 1 !
				4: /22 4 10 30 1 !
				10: /22 10 30 1
				20: /22 20 50 4 10 30 1 !
				30: /22 30 1
				40: /22 40 4 10 30 1 !
				50: /22 50 4 10 30 1 !
				60: /22 60 50 4 10 30 1 !
			`,
		},
		{
			Title:     "A forged-origin sub-prefix hijack takes everybody but the victim, who finds its own number",
			Attack:    attack.Attack{Kind: attack.ForgedOriginSubPrefix, Address: Address()},
			Announced: []string{"4 1=203.0.113.0/24"},
			Routes: `
				1: /22 1
				2: /24 2 40 4 1 !
				3: /24 3 60 50 4 1 !
				4: /24 4 1 !
				10: /24 10 40 4 1 !
				20: /24 20 50 4 1 !
				30: /24 30 10 40 4 1 !
				40: /24 40 4 1 !
				50: /24 50 4 1 !
				60: /24 60 50 4 1 !
			`,
		},
		{
			Title:     "A forged-origin sub-prefix hijack is as invalid as any sub-prefix where the ROA is tight",
			Attack:    attack.Attack{Kind: attack.ForgedOriginSubPrefix, Address: Address()},
			VRPs:      tight(),
			Policies:  rov(10, 20),
			Announced: []string{"4 1=203.0.113.0/24"},
			Routes: `
				1: /22 1
				2: /24 2 40 4 1 !
				3: /24 3 60 50 4 1 !
				4: /24 4 1 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /24 40 4 1 !
				50: /24 50 4 1 !
				60: /24 60 50 4 1 !
			`,
		},
		{
			Title:     "The attacker's prepending changes nothing where there is one route of each kind",
			Attack:    attack.Attack{Kind: attack.Prepended, Prepend: 2},
			Announced: []string{"4 4 4"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 4 4 !
				3: /22 3 60 50 4 4 4 !
				4: /22 4 4 4 !
				10: /22 10 30 1
				20: /22 20 50 4 4 4 !
				30: /22 30 1
				40: /22 40 4 4 4 !
				50: /22 50 4 4 4 !
				60: /22 60 50 4 4 4 !
			`,
		},
		{
			Title:     "The victim's prepending adds AS 10 to the captured, which chose by length",
			Attack:    attack.Attack{Kind: attack.Prepended, VictimPrepend: 2},
			Announced: []string{"1 1 1", "4"},
			Routes: `
				1: /22 1 1 1
				2: /22 2 40 4 !
				3: /22 3 60 50 4 !
				4: /22 4 !
				10: /22 10 40 4 !
				20: /22 20 50 4 !
				30: /22 30 1 1 1
				40: /22 40 4 !
				50: /22 50 4 !
				60: /22 60 50 4 !
			`,
		},
		{
			Title:     "A poisoned path spares whom it names, and whoever hears it from there",
			Attack:    attack.Attack{Kind: attack.Poisoned, Poison: []topology.ASN{20}},
			Announced: []string{"4 20 4"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 20 4 !
				3: /22 3 60 50 4 20 4 !
				4: /22 4 20 4 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 4 20 4 !
				50: /22 50 4 20 4 !
				60: /22 60 50 4 20 4 !
			`,
		},
		{
			Title:     "A poisoned path with a forged origin spares the provider that it names",
			Attack:    attack.Attack{Kind: attack.Poisoned, Type: 1, Poison: []topology.ASN{40}},
			Announced: []string{"4 40 1"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 50 4 40 1 !
				4: /22 4 40 1 !
				10: /22 10 30 1
				20: /22 20 50 4 40 1 !
				30: /22 30 1
				40: /22 40 10 30 1
				50: /22 50 4 40 1 !
				60: /22 60 50 4 40 1 !
			`,
		},
	}
}

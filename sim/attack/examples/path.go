package examples

import (
	"slices"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// paths are attacks where AS paths are judged.
func paths() []Example {
	return []Example{
		{
			Title:     "An equal-prefix hijack has no forged hop for ASPA to find",
			Attack:    attack.Attack{Kind: attack.EqualPrefix},
			Policies:  everybody(route.Policy{ASPA: true}),
			ASPAs:     attests(Victim, 30),
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
			Title:     "A forged origin is dropped where the victim's ASPA names its providers",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin},
			Policies:  at(route.Policy{ASPA: true}, 50),
			ASPAs:     attests(Victim, 30),
			Announced: []string{"4 1"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 1 !
				3: /22 3 60 20 10 30 1
				4: /22 4 1 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 4 1 !
				50: /22 50 20 10 30 1
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "A forged origin of type 2 passes where only the victim has an ASPA",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin, Type: 2},
			Policies:  everybody(route.Policy{ASPA: true}),
			ASPAs:     attests(Victim, 30),
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
			Title:     "A forged origin of type 2 is dropped where the victim's provider has an ASPA too",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin, Type: 2},
			Policies:  at(route.Policy{ASPA: true}, 50),
			ASPAs:     slices.Concat(attests(Victim, 30), attests(30, 10)),
			Announced: []string{"4 30 1"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 30 1 !
				3: /22 3 60 20 10 30 1
				4: /22 4 30 1 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 4 30 1 !
				50: /22 50 20 10 30 1
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "A forged-origin sub-prefix hijack goes no further than the networks that verify paths",
			Attack:    attack.Attack{Kind: attack.ForgedOriginSubPrefix, Address: Address()},
			Policies:  at(route.Policy{ASPA: true}, 10, 20),
			ASPAs:     attests(Victim, 30),
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
			Title:     "A poisoned path with a forged origin names a provider that the victim's ASPA does not",
			Attack:    attack.Attack{Kind: attack.Poisoned, Type: 1, Poison: []topology.ASN{40}},
			Policies:  at(route.Policy{ASPA: true}, 50),
			ASPAs:     attests(Victim, 30),
			Announced: []string{"4 40 1"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 20 10 30 1
				4: /22 4 40 1 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 10 30 1
				50: /22 50 20 10 30 1
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "A leak that goes down and up again is dropped where AS 10 attests that it has no providers",
			Attack:    attack.Attack{Kind: attack.RouteLeak},
			Policies:  at(route.Policy{ASPA: true}, 50),
			ASPAs:     attests(10, 0),
			Announced: []string{"4 40 10 30 1 to peers,providers except 40 forwards"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 20 10 30 1
				4: /22 4 40 10 30 1 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 10 30 1
				50: /22 50 20 10 30 1
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "A leak of type 5 carries no mark for RFC 9234 to find",
			Attack:    attack.Attack{Kind: attack.RouteLeak, Type: 5},
			Policies:  everybody(route.Policy{OTC: true}),
			Announced: []string{"4 to peers,providers except 40 forwards"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 50 4 !
				4: /22 4 40 10 30 1 !
				10: /22 10 30 1
				20: /22 20 50 4 !
				30: /22 30 1
				40: /22 40 10 30 1
				50: /22 50 4 !
				60: /22 60 50 4 !
			`,
		},
		{
			Title:     "A leak with the number of a protected AS is dropped from a customer",
			Attack:    attack.Attack{Kind: attack.RouteLeak},
			Policies:  at(route.Policy{PeerlockLite: true}, 50),
			Protected: tops(),
			Announced: []string{"4 40 10 30 1 to peers,providers except 40 forwards"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 20 10 30 1
				4: /22 4 40 10 30 1 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 10 30 1
				50: /22 50 20 10 30 1
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "A forged origin of type 3 runs into peerlock by the number of AS 10",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin, Type: 3},
			Policies:  at(route.Policy{PeerlockLite: true}, 40, 50),
			Protected: tops(),
			Announced: []string{"4 10 30 1"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 20 10 30 1
				4: /22 4 10 30 1 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 10 30 1
				50: /22 50 20 10 30 1
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "A path poisoned for a protected AS is dropped for everybody by its neighbours' peerlock",
			Attack:    attack.Attack{Kind: attack.Poisoned, Poison: []topology.ASN{20}},
			Policies:  at(route.Policy{PeerlockLite: true}, 40, 50),
			Protected: tops(),
			Announced: []string{"4 20 4"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 20 10 30 1
				4: /22 4 20 4 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 10 30 1
				50: /22 50 20 10 30 1
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "An equal-prefix hijack names no protected AS",
			Attack:    attack.Attack{Kind: attack.EqualPrefix},
			Policies:  everybody(route.Policy{PeerlockLite: true}),
			Protected: tops(),
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
			Title:     "A forged origin is dropped where the victim's path-end record names its neighbours",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin},
			Policies:  at(route.Policy{PathEnd: true}, 50),
			PathEnds:  ends(Victim, 30),
			Announced: []string{"4 1"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 1 !
				3: /22 3 60 20 10 30 1
				4: /22 4 1 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 4 1 !
				50: /22 50 20 10 30 1
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "A forged origin of type 2 has the last hop right",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin, Type: 2},
			Policies:  everybody(route.Policy{PathEnd: true}),
			PathEnds:  ends(Victim, 30),
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
			Title:     "A loose ROA is of no use where path ends are validated too",
			Attack:    attack.Attack{Kind: attack.LooseROA, Address: Address()},
			Policies:  at(route.Policy{ROV: route.ROVOn, PathEnd: true}, 10, 20),
			PathEnds:  ends(Victim, 30),
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
			Title:     "A leak has the last hop right",
			Attack:    attack.Attack{Kind: attack.RouteLeak},
			Policies:  everybody(route.Policy{PathEnd: true}),
			PathEnds:  ends(Victim, 30),
			Announced: []string{"4 40 10 30 1 to peers,providers except 40 forwards"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 50 4 40 10 30 1 !
				4: /22 4 40 10 30 1 !
				10: /22 10 30 1
				20: /22 20 50 4 40 10 30 1 !
				30: /22 30 1
				40: /22 40 10 30 1
				50: /22 50 4 40 10 30 1 !
				60: /22 60 50 4 40 10 30 1 !
			`,
		},
		{
			Title:     "A leak is dropped where the leaker has said that it forwards for nobody",
			Attack:    attack.Attack{Kind: attack.RouteLeak},
			Policies:  at(route.Policy{PathEnd: true}, 50),
			PathEnds:  []rpki.PathEnd{{Origin: Attacker, Neighbors: []topology.ASN{40, 50}, NonTransit: true}},
			Announced: []string{"4 40 10 30 1 to peers,providers except 40 forwards"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 20 10 30 1
				4: /22 4 40 10 30 1 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 10 30 1
				50: /22 50 20 10 30 1
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "A forged origin begins with the attacker's own number, as the first-AS check wants it",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin},
			Policies:  everybody(route.Policy{FirstAS: true}),
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
	}
}

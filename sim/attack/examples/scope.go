package examples

import (
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// scopes are announcements that do not go to everybody.
func scopes() []Example {
	return []Example{
		{
			Title:     "An announcement to AS 40 alone captures one side only",
			Attack:    attack.Attack{Kind: attack.Scoped, Export: route.Export{To: []topology.ASN{40}}},
			Announced: []string{"4 to 40"},
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
			Title:     "A sub-prefix with no-export takes the providers, and the packets of others that pass them",
			Attack:    attack.Attack{Kind: attack.Scoped, NoExport: true, Prefix: part()},
			Announced: []string{"4=203.0.113.0/24 no-export"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1 !
				3: /22 3 60 20 10 30 1
				4: /24 4 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /24 40 4 !
				50: /24 50 4 !
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "An announcement that a community withholds from AS 20 stops before it",
			Attack:    attack.Attack{Kind: attack.Scoped, Withhold: []route.Edge{{AS: 50, Neighbor: 20}}},
			Announced: []string{"4 withhold 50>20"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 !
				3: /22 3 60 50 4 !
				4: /22 4 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 4 !
				50: /22 50 4 !
				60: /22 60 50 4 !
			`,
		},
		{
			Title:     "An interception keeps the way by AS 40 and tells AS 50",
			Attack:    attack.Attack{Kind: attack.Interception},
			Announced: []string{"4 to 50 forwards"},
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
			Title:     "An interception of type 1 keeps the same way with a forged origin",
			Attack:    attack.Attack{Kind: attack.Interception, Type: 1},
			Announced: []string{"4 1 to 50 forwards"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 50 4 1 !
				4: /22 4 40 10 30 1 !
				10: /22 10 30 1
				20: /22 20 50 4 1 !
				30: /22 30 1
				40: /22 40 10 30 1
				50: /22 50 4 1 !
				60: /22 60 50 4 1 !
			`,
		},
		{
			Title:     "A leak from a provider to another makes a valley of the attacker",
			Attack:    attack.Attack{Kind: attack.RouteLeak},
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
			Title:     "A leak of type 5 does the same on a shorter path",
			Attack:    attack.Attack{Kind: attack.RouteLeak, Type: 5},
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
			Title:     "A leak of type 6 attracts even the way back, so that packets go round in circles",
			Attack:    attack.Attack{Kind: attack.RouteLeak, Type: 6, Address: Address()},
			Announced: []string{"4=203.0.113.0/24 to peers,providers forwards"},
			Routes: `
				1: /24 1 30 10 40 4 !
				2: /24 2 40 4 !
				3: /24 3 60 50 4 !
				4: /22 4 40 10 30 1 !
				10: /24 10 40 4 !
				20: /24 20 50 4 !
				30: /24 30 10 40 4 !
				40: /24 40 4 !
				50: /24 50 4 !
				60: /24 60 50 4 !
			`,
		},
		{
			Title:     "A leak is recognized by its mark where AS 4, AS 40 and AS 50 follow RFC 9234",
			Attack:    attack.Attack{Kind: attack.RouteLeak},
			Policies:  at(route.Policy{OTC: true}, 4, 40, 50),
			Announced: []string{"4 40 10 30 1 to peers,providers except 40 forwards otc 10"},
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
	}
}

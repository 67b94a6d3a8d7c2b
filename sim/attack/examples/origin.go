package examples

import (
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
)

// origins are attacks where origins are validated in one way or another, beyond those
// that come with the kinds.
func origins() []Example {
	return []Example{
		{
			Title:     "An equal-prefix hijack passes where customers are exempt from validation, and cuts off those behind who are not",
			Attack:    attack.Attack{Kind: attack.EqualPrefix},
			Policies:  at(route.Policy{ROV: route.ROVCustomersExempt}, 50, 60),
			VRPs:      tight(),
			Announced: []string{"4"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 !
				3: none
				4: /22 4 !
				10: /22 10 30 1
				20: /22 20 50 4 !
				30: /22 30 1
				40: /22 40 4 !
				50: /22 50 4 !
				60: none
			`,
		},
		{
			Title:     "An equal-prefix hijack comes by the provider instead where validation is for peers only",
			Attack:    attack.Attack{Kind: attack.EqualPrefix},
			Policies:  at(route.Policy{ROV: route.ROVPeers}, 60),
			VRPs:      tight(),
			Announced: []string{"4"},
			Routes: `
				1: /22 1
				2: /22 2 40 4 !
				3: /22 3 60 20 50 4 !
				4: /22 4 !
				10: /22 10 30 1
				20: /22 20 50 4 !
				30: /22 30 1
				40: /22 40 4 !
				50: /22 50 4 !
				60: /22 60 20 50 4 !
			`,
		},
		{
			Title:     "A sub-prefix hijack still captures the packets of those who filter behind networks that do not",
			Attack:    attack.Attack{Kind: attack.SubPrefix, Address: Address()},
			Policies:  rov(2, 3),
			VRPs:      tight(),
			Announced: []string{"4=203.0.113.0/24"},
			Routes: `
				1: /24 1 30 10 40 4 !
				2: /22 2 40 10 30 1 !
				3: /22 3 60 20 10 30 1 !
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
			Title:     "A sub-prefix hijack has no valid route beside it where invalid ones are only ranked last",
			Attack:    attack.Attack{Kind: attack.SubPrefix, Address: Address()},
			Policies:  everybody(route.Policy{ROV: route.ROVPreferValid}),
			VRPs:      tight(),
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
			Title:     "A sub-prefix hijack goes round by customers where they are exempt from validation",
			Attack:    attack.Attack{Kind: attack.SubPrefix, Address: Address()},
			Policies:  everybody(route.Policy{ROV: route.ROVCustomersExempt}),
			VRPs:      tight(),
			Announced: []string{"4=203.0.113.0/24"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1 !
				3: /22 3 60 20 10 30 1 !
				4: /24 4 !
				10: /24 10 40 4 !
				20: /24 20 50 4 !
				30: /22 30 1
				40: /24 40 4 !
				50: /24 50 4 !
				60: /22 60 20 10 30 1 !
			`,
		},
		{
			Title:     "A forged origin is valid where everybody validates",
			Attack:    attack.Attack{Kind: attack.ForgedOrigin},
			Policies:  everybody(route.Policy{ROV: route.ROVOn}),
			VRPs:      tight(),
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
			Title:     "A longer but valid route is kept where invalid ones are ranked last, though the victim prepends",
			Attack:    attack.Attack{Kind: attack.Prepended, VictimPrepend: 2},
			Policies:  at(route.Policy{ROV: route.ROVPreferValid}, 10),
			VRPs:      tight(),
			Announced: []string{"1 1 1", "4"},
			Routes: `
				1: /22 1 1 1
				2: /22 2 40 4 !
				3: /22 3 60 50 4 !
				4: /22 4 !
				10: /22 10 30 1 1 1
				20: /22 20 50 4 !
				30: /22 30 1 1 1
				40: /22 40 4 !
				50: /22 50 4 !
				60: /22 60 50 4 !
			`,
		},
		{
			Title:     "A sub-prefix with no-export is told to no one else who could filter for AS 40",
			Attack:    attack.Attack{Kind: attack.Scoped, NoExport: true, Prefix: part()},
			Policies:  rov(40),
			VRPs:      tight(),
			Announced: []string{"4=203.0.113.0/24 no-export"},
			Routes: `
				1: /22 1
				2: /22 2 40 10 30 1
				3: /22 3 60 20 10 30 1
				4: /24 4 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /22 40 10 30 1
				50: /24 50 4 !
				60: /22 60 20 10 30 1
			`,
		},
		{
			Title:     "An interception forges the path of a leak, which is valid, where AS 50 validates",
			Attack:    attack.Attack{Kind: attack.Interception},
			Policies:  rov(50),
			VRPs:      tight(),
			Announced: []string{"4 40 10 30 1 forwards"},
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
			Title:     "A malicious ROA is as good as none where nobody filters",
			Attack:    attack.Attack{Kind: attack.MaliciousROA},
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
			Title:     "A loose ROA is as good as none where nobody filters",
			Attack:    attack.Attack{Kind: attack.LooseROA, Address: Address()},
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
			Title:     "A leak keeps its valid origin where everybody validates",
			Attack:    attack.Attack{Kind: attack.RouteLeak},
			Policies:  everybody(route.Policy{ROV: route.ROVOn}),
			VRPs:      tight(),
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
			Title:     "A leak of type 5 is dropped where AS 50 validates",
			Attack:    attack.Attack{Kind: attack.RouteLeak, Type: 5},
			Policies:  rov(50),
			VRPs:      tight(),
			Announced: []string{"4 to peers,providers except 40 forwards"},
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
			Title:     "A leak of type 6 goes no further than the networks that filter",
			Attack:    attack.Attack{Kind: attack.RouteLeak, Type: 6, Address: Address()},
			Policies:  rov(10, 20),
			VRPs:      tight(),
			Announced: []string{"4=203.0.113.0/24 to peers,providers forwards"},
			Routes: `
				1: /22 1
				2: /24 2 40 4 !
				3: /24 3 60 50 4 !
				4: /22 4 40 10 30 1 !
				10: /22 10 30 1
				20: /22 20 10 30 1
				30: /22 30 1
				40: /24 40 4 !
				50: /24 50 4 !
				60: /24 60 50 4 !
			`,
		},
	}
}

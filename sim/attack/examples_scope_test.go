package attack_test

import (
	. "github.com/onsi/ginkgo/v2"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// See examples_test.go for the drawing.
var _ = DescribeTable("On the small Internet", holds,
	Entry("captures one side only: told to AS 40 alone", example{
		attack:    attack.Attack{Kind: attack.Scoped, Export: route.Export{To: []topology.ASN{40}}},
		announced: []string{"4 to 40"},
		routes: `
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
	}),
	Entry("takes the providers, and the packets of others that pass them: a sub-prefix with no-export", example{
		attack:    attack.Attack{Kind: attack.Scoped, NoExport: true, Prefix: part},
		announced: []string{"4=203.0.113.0/24 no-export"},
		routes: `
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
	}),
	Entry("stops before AS 20: withheld there by a community", example{
		attack:    attack.Attack{Kind: attack.Scoped, Withhold: []route.Edge{{AS: 50, Neighbor: 20}}},
		announced: []string{"4 withhold 50>20"},
		routes: `
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
	}),
	Entry("keeps the way by AS 40 and tells AS 50: an interception", example{
		attack:    attack.Attack{Kind: attack.Interception},
		announced: []string{"4 to 50 forwards"},
		routes: `
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
	}),
	Entry("keeps the way just so with a forged origin: an interception of type 1", example{
		attack:    attack.Attack{Kind: attack.Interception, Type: 1},
		announced: []string{"4 1 to 50 forwards"},
		routes: `
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
	}),
	Entry("makes a valley of the attacker: a leak from a provider to another", example{
		attack:    attack.Attack{Kind: attack.RouteLeak},
		announced: []string{"4 40 10 30 1 to peers,providers except 40 forwards"},
		routes: `
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
	}),
	Entry("does the same on a shorter path: a leak of type 5", example{
		attack:    attack.Attack{Kind: attack.RouteLeak, Type: 5},
		announced: []string{"4 to peers,providers except 40 forwards"},
		routes: `
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
	}),
	Entry("attracts even the way back, so that packets go round in circles: a leak of type 6", example{
		attack:    attack.Attack{Kind: attack.RouteLeak, Type: 6, Address: at},
		announced: []string{"4=203.0.113.0/24 to peers,providers forwards"},
		routes: `
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
	}),
	Entry("is recognized by its mark: a leak where AS 4, AS 40 and AS 50 follow RFC 9234", example{
		attack:    attack.Attack{Kind: attack.RouteLeak},
		policies:  policyAt(route.Policy{OTC: true}, 4, 40, 50),
		announced: []string{"4 40 10 30 1 to peers,providers except 40 forwards otc 10"},
		routes: `
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
	}),
)

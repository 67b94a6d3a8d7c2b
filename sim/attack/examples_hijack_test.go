package attack_test

import (
	. "github.com/onsi/ginkgo/v2"

	"mpicsim/sim/attack"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// See examples_test.go for the drawing.
var _ = DescribeTable("On the small Internet", holds,
	Entry("splits it by relationship and length: an equal-prefix hijack", example{
		attack:    attack.Attack{Kind: attack.EqualPrefix},
		announced: []string{"4"},
		routes: `
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
	}),
	Entry("is dropped where origins are validated, and behind there: an equal-prefix hijack, AS 50 filters", example{
		attack:    attack.Attack{Kind: attack.EqualPrefix},
		payloads:  []rpki.VRP{payload(target, 22, 1)},
		policies:  rov(50),
		announced: []string{"4"},
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
	Entry("takes everybody, the victim's own network included: a sub-prefix hijack", example{
		attack:    attack.Attack{Kind: attack.SubPrefix, Address: at},
		announced: []string{"4=203.0.113.0/24"},
		routes: `
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
	}),
	Entry("goes no further than the networks that filter: a sub-prefix hijack, AS 10 and AS 20 validate", example{
		attack:    attack.Attack{Kind: attack.SubPrefix, Address: at},
		payloads:  []rpki.VRP{payload(target, 22, 1)},
		policies:  rov(10, 20),
		announced: []string{"4=203.0.113.0/24"},
		routes: `
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
	}),
	Entry("takes as many as the plain one where customers' routes win at any length: a forged origin", example{
		attack:    attack.Attack{Kind: attack.ForgedOrigin},
		announced: []string{"4 1"},
		routes: `
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
	}),
	Entry("names the victim's provider: a forged origin of type 2", example{
		attack:    attack.Attack{Kind: attack.ForgedOrigin, Type: 2},
		announced: []string{"4 30 1"},
		routes: `
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
	}),
	Entry("names the whole way down to the victim: a forged origin of type 3", example{
		attack:    attack.Attack{Kind: attack.ForgedOrigin, Type: 3},
		announced: []string{"4 10 30 1"},
		routes: `
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
	}),
	Entry("takes everybody but the victim, who finds its own number: a forged-origin sub-prefix hijack", example{
		attack:    attack.Attack{Kind: attack.ForgedOriginSubPrefix, Address: at},
		announced: []string{"4 1=203.0.113.0/24"},
		routes: `
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
	}),
	Entry("is as invalid as any sub-prefix where the ROA is tight: a forged-origin sub-prefix hijack, AS 10 and AS 20 validate", example{
		attack:    attack.Attack{Kind: attack.ForgedOriginSubPrefix, Address: at},
		payloads:  []rpki.VRP{payload(target, 22, 1)},
		policies:  rov(10, 20),
		announced: []string{"4 1=203.0.113.0/24"},
		routes: `
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
	}),
	Entry("changes nothing where there is one route of each kind: the attacker prepends", example{
		attack:    attack.Attack{Kind: attack.Prepended, Prepend: 2},
		announced: []string{"4 4 4"},
		routes: `
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
	}),
	Entry("adds AS 10 to the captured, which chose by length: the victim prepends", example{
		attack:    attack.Attack{Kind: attack.Prepended, VictimPrepend: 2},
		announced: []string{"1 1 1", "4"},
		routes: `
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
	}),
	Entry("spares whom it names and whoever hears it from there: a path poisoned for AS 20", example{
		attack:    attack.Attack{Kind: attack.Poisoned, Poison: []topology.ASN{20}},
		announced: []string{"4 20 4"},
		routes: `
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
	}),
	Entry("spares the provider that it names: a poisoned path with a forged origin", example{
		attack:    attack.Attack{Kind: attack.Poisoned, Type: 1, Poison: []topology.ASN{40}},
		announced: []string{"4 40 1"},
		routes: `
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
	}),
)

package attack_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"

	"mpicsim/sim/attack"
	"mpicsim/topology/rpki"
)

// See examples_test.go for the drawing.
var _ = DescribeTable("On the small Internet", holds,
	Entry("turns validation against the owner: a malicious ROA, AS 10 and AS 20 validate", example{
		attack:    attack.Attack{Kind: attack.MaliciousROA},
		policies:  rov(10, 20),
		announced: []string{"4"},
		routes: `
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
	}),
	Entry("takes the owner off the map behind those who validate: a malicious ROA and silence", example{
		attack:    attack.Attack{Kind: attack.MaliciousROA, Silent: true},
		policies:  rov(10, 20),
		announced: nil,
		routes: `
			1: /22 1
			2: none
			3: none
			4: none !
			10: none
			20: none
			30: /22 30 1
			40: none
			50: none
			60: none
		`,
	}),
	Entry("only makes the hijack valid: a malicious ROA beside the owner's own", example{
		attack:    attack.Attack{Kind: attack.MaliciousROA},
		policies:  rov(10, 20),
		payloads:  []rpki.VRP{payload(target, 22, 1)},
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
	Entry("does all its harm again: a malicious ROA in place of the owner's own", example{
		attack:    attack.Attack{Kind: attack.MaliciousROA, RevokeROAs: true},
		policies:  rov(10, 20),
		payloads:  []rpki.VRP{payload(target, 22, 1)},
		announced: []string{"4"},
		routes: `
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
	}),
	Entry("is valid at its length: a loose ROA, everybody on the way validates", example{
		attack:    attack.Attack{Kind: attack.LooseROA, Address: at},
		policies:  rov(10, 20, 40, 50),
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
	Entry("leaves nothing behind: after a short-lived hijack", example{
		attack:    attack.Attack{Kind: attack.Withdrawal, Hold: time.Minute},
		after:     time.Minute,
		announced: []string{"4"},
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
	Entry("is there again: in the second round of flapping", example{
		attack:    attack.Attack{Kind: attack.Flapping, Hold: time.Minute, Gap: time.Minute, Times: 2},
		after:     2 * time.Minute,
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
)

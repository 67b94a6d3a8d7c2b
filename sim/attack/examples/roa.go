package examples

import (
	"time"

	"mpicsim/sim/attack"
)

// roas are attacks with ROAs, and in time.
func roas() []Example {
	return []Example{
		{
			Title:     "A malicious ROA turns validation against the owner",
			Attack:    attack.Attack{Kind: attack.MaliciousROA},
			Policies:  rov(10, 20),
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
			Title:     "A malicious ROA and silence take the owner off the map behind those who validate",
			Attack:    attack.Attack{Kind: attack.MaliciousROA, Silent: true},
			Policies:  rov(10, 20),
			Announced: nil,
			Routes: `
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
		},
		{
			Title:     "A malicious ROA beside the owner's own only makes the hijack valid",
			Attack:    attack.Attack{Kind: attack.MaliciousROA},
			Policies:  rov(10, 20),
			VRPs:      tight(),
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
			Title:     "A malicious ROA in place of the owner's own does all its harm",
			Attack:    attack.Attack{Kind: attack.MaliciousROA, RevokeROAs: true},
			Policies:  rov(10, 20),
			VRPs:      tight(),
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
			Title:     "A loose ROA lets a part of the prefix pass where everybody on the way validates",
			Attack:    attack.Attack{Kind: attack.LooseROA, Address: Address()},
			Policies:  rov(10, 20, 40, 50),
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
			Title:     "A short-lived hijack leaves nothing behind",
			Attack:    attack.Attack{Kind: attack.Withdrawal, Hold: time.Minute},
			After:     time.Minute,
			Announced: []string{"4"},
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
			Title:     "Flapping is there again in its second round",
			Attack:    attack.Attack{Kind: attack.Flapping, Hold: time.Minute, Gap: time.Minute, Times: 2},
			After:     2 * time.Minute,
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
	}
}

package attack

// withdrawal: the announcement ends after a while.
func withdrawal() spec {
	return spec{
		kind:  Withdrawal,
		takes: shape | fieldHold,
		needs: fieldHold,
		types: [2]int{1, MaxType},
		describe: func() Description {
			return Description{
				Title: "Short-lived hijack",
				Source: "Birge-Lee, Sun, Edmundson, Rexford, Mittal: Bamboozling Certificate Authorities with BGP, USENIX Security 2018; KLAYswap 2022 and Celer Bridge 2022 (hours); " +
					"RIPE NCC: YouTube Hijacking, 2008 (withdrawn 21:01 UTC).",
				What:      "The attacker announces, and withdraws after hold. A check that falls into convergence sees perspectives one after the other change sides.",
				Needs:     "To know when the check runs: the attacker asks for it.",
				StoppedBy: "As the announcement. Checks of all perspectives at one moment, or spread out on purpose, decide how short is too short.",
			}
		},
		announce: func(p *planning) error {
			return p.repeat(1)
		},
	}
}

// repeat announces and withdraws n times.
func (p *planning) repeat(n int) error {
	a, ok := p.shaped()
	if !ok {
		return nil
	}
	p.Steps = p.schedule(n, a)
	return nil
}

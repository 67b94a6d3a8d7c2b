package attack

// interception: the attacker attracts packets and hands them on to the victim.
func interception() spec {
	return spec{
		kind:  Interception,
		takes: shape | fieldCommunities,
		types: [2]int{1, MaxType},
		describe: func() Description {
			return Description{
				Title: "Interception",
			}
		},
		announce: announceInterception,
	}
}

func announceInterception(p *planning) error {
	p.refuse(NoWorkingPath, "not built yet")
	return nil
}

package attack

// scoped: only some hear of the announcement.
func scoped() spec {
	return spec{
		kind:  Scoped,
		takes: shape,
		needs: scope,
		types: [2]int{1, MaxType},
		describe: func() Description {
			return Description{
				Title: "Export-scoped announcement",
				Source: "Birge-Lee, Apostolaki, Rexford: Global BGP Attacks that Evade Route Monitoring, PAM 2025 (sub-prefix with NO_EXPORT, RFC 1997); " +
					"Birge-Lee, Wang, Rexford, Mittal: SICO, CCS 2019 (action communities); Stealthy Hijacking in the ROV Era, NDSS 2026.",
				What: "The announcement goes to chosen neighbours or classes of neighbours, or is not passed on by them (no-export), or not to some of their neighbours " +
					"(withhold, an action community). Route collectors elsewhere see nothing.",
				Needs:     "For withhold, networks that obey such communities from others than their customers, or are the attacker's providers.",
				StoppedBy: "MPIC, unless all perspectives needed sit where it is heard, such as customers of one network. Not by monitoring. Origin validation as for the announcement without scope.",
			}
		},
		announce: func(p *planning) error {
			if len(p.Attack.Withhold) > 0 {
				p.assume("the networks named in withhold obey the action community, and others pass it on to them")
			}
			return announceShaped(p)
		},
	}
}

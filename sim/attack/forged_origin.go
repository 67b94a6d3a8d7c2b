package attack

// forgedOrigin: the announced path ends with the victim's number.
func forgedOrigin() spec {
	return spec{
		kind:        ForgedOrigin,
		takes:       fieldType | fieldVia,
		types:       [2]int{1, MaxType},
		defaultType: 1,
		describe: func() Description {
			return Description{
				Title: "Forged origin, type 1 to N",
				Source: "Lychev, Goldberg, Schapira: BGP Security in Partial Deployment, SIGCOMM 2013 (the \"next-AS\" attack); Cohen, Gilad, Herzberg, Schapira: " +
					"Jumpstarting BGP Security with Path-End Validation, SIGCOMM 2016 (k-hop attacks); RFC 9319 section 3.",
				What: "The attacker announces the victim's prefix as if it had it from the victim (type 1: the path is attacker, victim), or from a neighbour of the victim's " +
					"(type 2), and so on. The origin is right, the path one number longer with each type.",
				Needs:     "Neighbours that take the announcement. With type 2 and above, real links to name; the default path prefers the victim's providers with few links.",
				StoppedBy: "MPIC. Not by origin validation, but the extra length costs reach. Path-end validation stops type 1, ASPA what its records contradict, BGPsec everything where all sign.",
			}
		},
		announce: announceShaped,
	}
}

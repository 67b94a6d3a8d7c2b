package attack

// poisoned: the path names ASes so that they reject it.
func poisoned() spec {
	return spec{
		kind:  Poisoned,
		takes: shape,
		needs: fieldPoison,
		types: [2]int{1, MaxType},
		describe: func() Description {
			return Description{
				Title: "Path poisoning",
				Source: "Katz-Bassett et al.: LIFEGUARD: Practical Repair of Persistent Route Failures, SIGCOMM 2012; Smith, Schuchard: Routing Around Congestion, " +
					"IEEE S&P 2018; loop detection: RFC 4271 section 9.1.2.",
				What: "The announced path names certain networks, which take it for a loop and reject it: the attacker hides from them, or keeps its own way through them clean. " +
					"The origin stays what it would be without.",
				Needs: "Neighbours that take a path with others' numbers in it.",
				StoppedBy: "Networks that filter paths from customers with a Tier 1 in them (peerlock) drop it together with those that it names; ASPA finds the forged hops. " +
					"It costs one in length for each name.",
			}
		},
		announce: func(p *planning) error {
			p.assume("the networks that the path names detect loops by their own number, once")
			return announceShaped(p)
		},
	}
}

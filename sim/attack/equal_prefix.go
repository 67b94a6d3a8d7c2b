package attack

// equalPrefix: the attacker announces the victim's prefix as its own.
func equalPrefix() spec {
	return spec{
		kind: EqualPrefix,
		describe: func() Description {
			return Description{
				Title:  "Equal-prefix origin hijack",
				Source: "Ballani, Francis, Zhang: A Study of Prefix Hijacking and Interception in the Internet, SIGCOMM 2007; YouTube 2008 between 20:07 and 20:18 UTC.",
				What:   "The attacker announces the victim's prefix with itself as the origin. Every network picks one of the two, so that each perspective reaches one or the other.",
				Needs:  "Neighbours that take the announcement.",
				StoppedBy: "MPIC, where perspectives lie on both sides. Origin validation, where a ROA covers the prefix: networks that filter drop it, " +
					"and so does everybody behind them.",
			}
		},
		announce: announceShaped,
	}
}

// announceShaped announces what the fields of the attack say, to stay.
func announceShaped(p *planning) error {
	if a, ok := p.shaped(); ok {
		p.launch(a)
	}
	return nil
}

package attack

// subPrefix: the attacker announces a part of the victim's prefix as its own.
func subPrefix() spec {
	return spec{
		kind:      SubPrefix,
		takes:     fieldPrefix | fieldAddress,
		subPrefix: true,
		describe: func() Description {
			return Description{
				Title: "Sub-prefix origin hijack",
				Source: "RIPE NCC: YouTube Hijacking, 2008 (208.65.153.0/24 inside 208.65.152.0/22); MyEtherWallet 2018; KLAYswap 2022. " +
					"Limits of acceptance: RFC 7454 section 6.1.3.",
				What: "The attacker announces a longer prefix inside the victim's. Packets follow the longest match, so it takes everybody who hears of it.",
				Needs: "A prefix shorter than /24 (IPv6: /48), the longest that is accepted everywhere. " +
					"The default is one of that length, which also beats parts that the victim may announce.",
				StoppedBy: "Not by MPIC where it spreads everywhere. By origin validation where a ROA covers the prefix, by announcing /24s (the attack is then an equal-prefix one), " +
					"by DNSSEC and CAA only as far as they do not depend on the address.",
			}
		},
		announce: announceShaped,
	}
}

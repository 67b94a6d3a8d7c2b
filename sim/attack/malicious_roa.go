package attack

import (
	"mpicsim/topology/rpki"
)

// maliciousROA: a ROA that the owner has not wanted.
func maliciousROA() spec {
	return spec{
		kind:  MaliciousROA,
		takes: shape | fieldROAOrigin | fieldMaxLength | fieldRevokeROAs | fieldSilent,
		types: [2]int{1, MaxType},
		describe: func() Description {
			return Description{
				Title: "Malicious ROA",
				Source: "Orange Spain, 3 January 2024 (AS 12479: ROAs made in its account turned its own routes invalid); Cooper, Heilman, Brogle, Reyzin, Goldberg: " +
					"On the Risk of Misbehaving RPKI Authorities, HotNets 2013; RFC 8211.",
				What: "A ROA for the victim's prefix authorizes the attacker (or roa-origin). Networks that filter then drop the victim's routes, if it has no ROA of its own or they were " +
					"revoked, and take the attacker's. With silent nothing is announced: the victim only disappears.",
				Needs:     "The owner's account at its registry, or the registry.",
				StoppedBy: "Not by origin validation, which carries it out. MPIC: perspectives in networks that do not filter still reach the victim; with fewer of them left it fails closed.",
			}
		},
		announce: func(p *planning) error {
			a := &p.Attack
			if a.ROAOrigin == 0 {
				a.ROAOrigin = a.Attacker
			}
			if a.MaxLength == 0 {
				a.MaxLength = a.Prefix.Bits()
			}
			p.VRPs = []rpki.VRP{{Prefix: a.Target, MaxLength: a.MaxLength, Origin: a.ROAOrigin}}
			if a.RevokeROAs {
				p.Revoked = append(p.Revoked, a.Target)
			}
			p.assume("all networks that validate have the new payloads when the attack begins")
			if a.Silent {
				p.launch()
				return nil
			}
			return announceShaped(p)
		},
	}
}

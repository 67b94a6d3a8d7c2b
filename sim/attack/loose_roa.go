package attack

import (
	"mpicsim/topology/rpki"
)

// looseROA: the owner's own ROA allows more than the owner announces.
func looseROA() spec {
	return spec{
		kind:        LooseROA,
		takes:       fieldPrefix | fieldAddress | fieldType | fieldVia | fieldMaxLength,
		types:       [2]int{1, MaxType},
		defaultType: 1,
		subPrefix:   true,
		describe: func() Description {
			return Description{
				Title:  "Loose ROA",
				Source: "Gilad, Sagga, Goldberg: MaxLength Considered Harmful to the RPKI, CoNEXT 2017; RFC 9319.",
				What: "The victim's ROA has a maxLength beyond what it announces, so a forged-origin sub-prefix is valid: a forged-origin-sub-prefix attack that brings the ROA along " +
					"that it lives by.",
				Needs:     "A ROA with slack. The default maxLength is the length of the announced prefix.",
				StoppedBy: "Not by origin validation, and not by MPIC where it spreads everywhere. By a tight maxLength (RFC 9319), path-end validation, ASPA.",
			}
		},
		announce: func(p *planning) error {
			a := &p.Attack
			if a.MaxLength == 0 {
				a.MaxLength = a.Prefix.Bits()
			}
			p.VRPs = []rpki.VRP{{Prefix: a.Target, MaxLength: a.MaxLength, Origin: a.Victim}}
			if a.MaxLength < a.Prefix.Bits() {
				p.assume("the ROA's maxLength /%d does not reach the announced /%d: the announcement is invalid", a.MaxLength, a.Prefix.Bits())
			}
			return announceShaped(p)
		},
	}
}

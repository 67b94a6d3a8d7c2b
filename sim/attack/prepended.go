package attack

import (
	"slices"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// prepended: one side or both repeat their numbers.
func prepended() spec {
	return spec{
		kind:  Prepended,
		takes: shape | fieldVictimPrepend,
		needs: fieldPrepend | fieldVictimPrepend,
		types: [2]int{1, MaxType},
		describe: func() Description {
			return Description{
				Title: "Prepending by either side",
				Source: "Zhang, Pourzandi: Studying Impacts of Prefix Interception Attack by Exploring BGP AS-PATH Prepending, ICDCS 2012; " +
					"RIPE NCC: YouTube Hijacking, 2008 (20:51 UTC, AS 17557 repeated).",
				What: "The attacker repeats its own number, which makes its routes longer: fewer networks are captured, and fewer look. Or the victim does it, to steer traffic, " +
					"which makes every hijack stronger: the attacker's path has no repetitions.",
				Needs:     "Nothing for the attacker's side. The victim's prepending is the victim's choice.",
				StoppedBy: "As the announcement that is prepended. Length decides only between routes from equal neighbours: a customer's route wins at any length.",
			}
		},
		announce: func(p *planning) error {
			a, ok := p.shaped()
			if !ok {
				return nil
			}
			anns := []route.Announcement{a}
			if n := p.Attack.VictimPrepend; n > 0 {
				anns = append(p.prependVictim(n), a)
			}
			p.launch(anns...)
			return nil
		},
	}
}

// prependVictim returns the victim's standing announcements of the target, or a
// plain one if there are none, with its number repeated n more times.
func (p *planning) prependVictim(n int) []route.Announcement {
	victim := p.Attack.Victim
	var anns []route.Announcement
	for _, s := range p.in.Standing {
		if s.Announcer() == victim && s.Prefix == p.Attack.Target {
			s.Path = slices.Concat(slices.Repeat([]topology.ASN{victim}, n), s.Path)
			anns = append(anns, s)
		}
	}
	if anns == nil {
		anns = append(anns, route.Announcement{Prefix: p.Attack.Target, Path: slices.Repeat([]topology.ASN{victim}, n+1)})
	}
	return anns
}

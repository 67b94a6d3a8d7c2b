package attack

import (
	"fmt"
	"net/netip"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// leakInternal is the type of RFC 7908 that is about other prefixes.
const (
	leakReorigination = 5
	leakInternal      = 6
)

// routeLeak: the attacker passes its best route on to those it must not go to.
func routeLeak() spec {
	return spec{
		kind:  RouteLeak,
		takes: fieldType | fieldPrefix | fieldAddress,
		types: [2]int{1, leakInternal},
		describe: func() Description {
			return Description{
				Title:  "Route leak, types 1 to 6",
				Source: "RFC 7908 sections 3.1 to 3.6; Cloudflare on 1.1.1.1, 27 June 2024 (1.1.1.0/24 leaked by AS 262504).",
				What: "The attacker announces its best route to the target, path and all, where Gao-Rexford forbids it: from a provider to other providers (1), from a peer to other " +
					"peers (2), from a provider to peers (3), from a peer to providers (4). Type 5 announces it as its own, type 6 a part of the target that was meant for inside, " +
					"both to providers and peers. Packets go on to the victim by the attacker's own route.",
				Needs: "A route from a provider or peer, and another provider or peer to leak it to.",
				StoppedBy: "OTC (RFC 9234), ASPA and peerlock stop types 1 to 4; the networks on the leaked path reject it. Origin validation stops types 5 and 6 only. " +
					"MPIC sees nothing wrong: packets arrive at the victim unless the attacker answers them.",
			}
		},
		announce: announceLeak,
	}
}

func announceLeak(p *planning) error {
	own, err := p.ownRoute()
	if err != nil || !p.Viable() {
		return err
	}
	a := &p.Attack
	ann := route.Announcement{Prefix: a.Prefix, Attacker: true, Forwards: true}
	if a.Type >= leakReorigination {
		ann.Path = []topology.ASN{a.Attacker}
		ann.Export.Classes = route.ToProviders | route.ToPeers
	} else {
		ann.Path = own.routes.Path(p.attacker)
		ann.OTC, _ = own.routes.OTC(p.attacker)
		ann.Export.Classes = leakTo(a.Type, own.Relationship)
		if ann.Export.Classes == 0 {
			p.refuse(NoRoute, "a leak of type %d needs another route than the attacker's best, which is from a %v", a.Type, own.Relationship)
			return nil
		}
	}
	if a.Type != leakInternal {
		ann.Export.Except = []topology.ASN{p.in.Engine.Graph().ASN(own.NextHop)}
	}
	if !p.hears(ann.Export) {
		p.refuse(NobodyToTell, "AS %d has none of its %v to leak the route to, beside where it has it from", a.Attacker, ann.Export.Classes)
		return nil
	}
	if a.Type == leakInternal {
		p.assume("the part of the target exists inside AS %d only, which sends its packets on as those of the target", a.Attacker)
	}
	p.Forwards = true
	p.launch(ann)
	return p.follow()
}

// follow finds out what becomes of the packets that an announcement attracts.
func (p *planning) follow() error {
	o, err := p.in.Outcome(p.At(0, p.in.Standing), p.attacker, p.address())
	if err != nil {
		return err
	}
	p.Attracted = o.Count()
	if o.Kept == nil {
		p.assume("what AS %d attracts does not arrive: its own way is captured too", p.Attack.Attacker)
		return nil
	}
	p.Kept = p.numbers(o.Kept)
	return nil
}

// leakTo returns whom a leak of types 1 to 4, or 0 for any of them, goes to; 0 if
// the route is of another kind.
func leakTo(leak int, from topology.Relationship) route.Classes {
	switch [2]int{leak, int(from)} {
	case [2]int{1, int(topology.Provider)}, [2]int{4, int(topology.Peer)}:
		return route.ToProviders
	case [2]int{3, int(topology.Provider)}, [2]int{2, int(topology.Peer)}:
		return route.ToPeers
	case [2]int{0, int(topology.Provider)}, [2]int{0, int(topology.Peer)}:
		return route.ToProviders | route.ToPeers
	}
	return 0
}

// own is the attacker's route to the target without the attack.
type own struct {
	route.Route
	routes *route.Routes
}

// ownRoute returns the attacker's own route to the target, which it has from a
// neighbour, or refuses.
func (p *planning) ownRoute() (own, error) {
	target := p.Attack.Target
	anns := p.standing(target)
	if len(anns) == 0 {
		p.refuse(NoRoute, "nobody announces %v", target)
		return own{}, nil
	}
	routes, err := p.in.Engine.Propagate(anns, p.in.Options)
	if err != nil {
		return own{}, fmt.Errorf("routes without the attack: %w", err)
	}
	r, ok := routes.Route(p.attacker)
	if !ok || r.Relationship == topology.Own {
		p.refuse(NoRoute, "AS %d has no route to %v from a neighbour", p.Attack.Attacker, target)
		return own{}, nil
	}
	return own{r, routes}, nil
}

// hears says whether an announcement of the attacker's goes to anybody.
func (p *planning) hears(e route.Export) bool {
	for _, n := range p.neighbors() {
		if e.Covers(n.asn, n.Relationship) {
			return true
		}
	}
	return false
}

// neighbor is one of the attacker's.
type neighbor struct {
	topology.Relationship
	asn topology.ASN
	i   int32
}

// neighbors returns the attacker's, customers first.
func (p *planning) neighbors() []neighbor {
	g := p.in.Engine.Graph()
	var all []neighbor
	for _, rel := range [...]topology.Relationship{topology.Customer, topology.Peer, topology.Provider} {
		for _, i := range g.Neighbors(p.attacker, rel) {
			all = append(all, neighbor{rel, g.ASN(i), i})
		}
	}
	return all
}

// standing returns what is announced of a prefix without the attack.
func (p *planning) standing(prefix netip.Prefix) []route.Announcement {
	var anns []route.Announcement
	for _, s := range p.in.Standing {
		if s.Prefix == prefix && s.Announcer() != p.Attack.Attacker {
			anns = append(anns, s)
		}
	}
	return anns
}

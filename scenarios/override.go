package scenarios

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// Overrides replace parts of a scenario from the command line; zero values
// replace nothing.
type Overrides struct {
	TopologyFile  string
	SyntheticASes int
	SyntheticSeed *uint64 // the scenario's own by default
	Victim        topology.ASN
	Attacker      topology.ASN
	Perspectives  string // as catalog.ParseSet reads it
	Egress        string
	Date          string
	Rule          string
	Method        string
	ControlPlane  string
	TieBreak      string
	Seed          *uint64
	// Attack takes the place of every hijack of the victim's side, against the same
	// prefixes.
	Attack attack.Kind
	// VRPs is a file of validated ROA payloads, in the place of the scenario's RPKI.
	VRPs string
	// ROV has that share of the ASes, drawn with the routing seed, validate origins, in
	// addition to the scenario's policies. If there is no RPKI, everybody's rightful
	// prefixes get ROAs without slack.
	ROV *float64
}

// With returns the scenario with overrides applied, validated again. Where one
// changes what the story is about its expectations and its verdict are dropped:
// changed says so.
// Name servers in the old victim's AS move to the new one's, and so do VRPs;
// perspectives that are named replace those of single checks as well.
func (s *Source) With(o Overrides) (out *Source, changed bool, err error) {
	c := *s
	c.flags = maps.Clone(s.flags)
	if c.flags == nil {
		c.flags = map[string]string{}
	}
	mark := func(field, flag string) {
		c.flags[field] = flag
		changed = true
	}
	c.Timeline = append([]Event(nil), s.Timeline...)
	c.Victim.NameServers = append([]NameServer(nil), s.Victim.NameServers...)
	if o.TopologyFile != "" {
		c.Topology = Topology{File: o.TopologyFile}
		mark("topology.file", "topology")
		mark("topology", "topology")
	}
	if o.SyntheticASes != 0 {
		seed := uint64(0)
		if s.Topology.Synthetic != nil {
			seed = s.Topology.Synthetic.Seed
		}
		if o.SyntheticSeed != nil {
			seed = *o.SyntheticSeed
		}
		c.Topology = Topology{File: o.TopologyFile, Synthetic: &Synthetic{ASes: o.SyntheticASes, Seed: seed}}
		mark("topology.synthetic", "synthetic")
		mark("topology", "synthetic")
	}
	c.moveOrigins(map[topology.ASN]topology.ASN{s.Victim.AS: cmp.Or(o.Victim, s.Victim.AS), s.Attacker.AS: cmp.Or(o.Attacker, s.Attacker.AS)})
	if o.Victim != 0 {
		for n := range c.Victim.NameServers {
			if c.Victim.NameServers[n].AS == s.Victim.AS {
				c.Victim.NameServers[n].AS = o.Victim
			}
		}
		c.Victim.AS = o.Victim
		mark("victim.as", "victim")
	}
	if o.Attacker != 0 {
		c.Attacker.AS = o.Attacker
		mark("attacker.as", "attacker")
	}
	set := func(value string, to *string, field, flag string) {
		if value != "" {
			*to = value
			mark(field, flag)
		}
	}
	set(o.Egress, &c.CA.Egress, "ca.egress", "egress")
	set(o.Date, &c.CA.Date, "ca.date", "date")
	set(o.Rule, &c.CA.Rule, "ca.rule", "rule")
	set(o.Method, &c.CA.Method, "ca.method", "method")
	set(o.ControlPlane, &c.CA.ControlPlane, "ca.control-plane", "control-plane")
	set(o.TieBreak, &c.Routing.TieBreak, "routing.tie-break", "tie-break")
	if o.Perspectives != "" {
		c.CA.Perspectives = Perspectives{Set: o.Perspectives}
		mark("ca.perspectives", "perspectives")
	}
	if o.Seed != nil {
		c.Routing.Seed = *o.Seed
		mark("routing.seed", "seed")
	}
	if o.Attack != "" {
		c.overrideAttacks(o.Attack, mark)
	}
	c.overrideDefences(o, mark)
	c.overrideChecks(o)
	if changed {
		c.Expect, c.Verdict = nil, nil
	}
	if err := c.Validate(); err != nil {
		return nil, false, err
	}
	return &c, changed, nil
}

// moveOrigins has the RPKI speak of the new victim and attacker where it spoke of
// the old ones.
func (s *Source) moveOrigins(to map[topology.ASN]topology.ASN) {
	move := func(from []VRP) []VRP {
		out := slices.Clone(from)
		for n, v := range out {
			if as, ok := to[v.Origin]; ok {
				out[n].Origin = as
			}
		}
		return out
	}
	if s.RPKI != nil {
		r := *s.RPKI
		r.VRPs = move(r.VRPs)
		s.RPKI = &r
	}
	for n, e := range s.Timeline {
		if e.RPKI != nil {
			s.Timeline[n].RPKI = &RPKIChange{Add: move(e.RPKI.Add), Remove: move(e.RPKI.Remove)}
		}
	}
}

// overrideAttacks puts a kind of attack in the place of each hijack and attack that
// is not against the CA or the upper name servers.
func (s *Source) overrideAttacks(kind attack.Kind, mark func(field, flag string)) {
	for n, e := range s.Timeline {
		var target netip.Prefix
		switch {
		case e.Hijack != nil && len(e.Hijack.Prefixes) > 0:
			o, _ := s.covering(e.Hijack.Prefixes[0])
			target = o.Prefix
		case e.Attack != nil && e.Attack.Of == "":
			target = e.Attack.Target
		default:
			continue
		}
		s.Timeline[n] = Event{At: e.At, Attack: &Attack{Kind: kind, Target: target}}
		mark(fmt.Sprintf("timeline[%d].attack", n), "attack")
	}
}

// overrideDefences replaces what ASes judge by, and adds those who do.
func (s *Source) overrideDefences(o Overrides, mark func(field, flag string)) {
	if o.VRPs != "" {
		s.RPKI = &RPKI{File: o.VRPs}
		mark("rpki.file", "vrps")
		mark("rpki", "vrps")
	}
	if o.ROV == nil {
		return
	}
	n := len(s.Routing.Policies)
	s.Routing.Policies = append(slices.Clone(s.Routing.Policies), RoutingPolicy{ROV: route.ROVOn, Fraction: o.ROV, Seed: s.Routing.Seed})
	mark(fmt.Sprintf("routing.policies[%d]", n), "rov")
	if s.RPKI != nil {
		return
	}
	s.RPKI = &RPKI{}
	for _, w := range s.Owned() {
		s.RPKI.VRPs = append(s.RPKI.VRPs, VRP{rpki.VRP{Prefix: w.Prefix, MaxLength: w.Prefix.Bits(), Origin: w.AS}})
	}
}

// overrideChecks takes out of single checks what the command line replaces for
// all of them.
func (s *Source) overrideChecks(o Overrides) {
	for n, e := range s.Timeline {
		if e.Check == nil {
			continue
		}
		check := *e.Check
		if o.Perspectives != "" {
			check.Perspectives = nil
		}
		if o.Date != "" {
			check.Date = ""
		}
		if o.Rule != "" {
			check.Rule = ""
		}
		s.Timeline[n].Check = &check
	}
}

// FromFlag says whether exactly this field was set on the command line.
func (s *Source) FromFlag(field string) bool {
	_, ok := s.flags[field]
	return ok
}

package scenarios

import (
	"maps"

	"mpicsim/topology"
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
}

// With returns the scenario with overrides applied, validated again. Where one
// changes what the story is about its expectations and its verdict are dropped:
// changed says so.
// Name servers in the old victim's AS move to the new one's; perspectives that
// are named replace those of single checks as well.
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
	c.overrideChecks(o)
	if changed {
		c.Expect, c.Verdict = nil, nil
	}
	if err := c.Validate(); err != nil {
		return nil, false, err
	}
	return &c, changed, nil
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

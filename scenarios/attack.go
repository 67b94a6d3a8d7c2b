package scenarios

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Attack starts one of the kinds of attacks of package attack, by the attacker's
// AS. Which fields a kind takes is in docs/attacks.md.
type Attack struct {
	// Kind is one of package attack's names.
	Kind attack.Kind `yaml:"kind"`
	// Target, optional, is the prefix as it is announced by right; by default the
	// longest that holds the domain's first web address.
	Target netip.Prefix `yaml:"target"`
	// Of, optional, names a perspective whose own prefix is the target, root-server or
	// tld-server for that of the name server, or coordinator with an emulated control
	// plane.
	Of string `yaml:"of"`
	// Prefix, optional, is what the attacker announces: the target or a part of it; by
	// default the target, or for kinds that announce a part, the part that holds the
	// first web address, as long as is accepted everywhere.
	Prefix netip.Prefix `yaml:"prefix"`
	// Type, optional, is how many ASes the announced path names behind the attacker,
	// or the type of a route leak (RFC 7908).
	Type int `yaml:"type"`
	// Via, optional, are the forged hops between attacker and victim.
	Via []topology.ASN `yaml:"via"`
	// Prepend and VictimPrepend, optional, are how often each side repeats its number.
	Prepend       int `yaml:"prepend"`
	VictimPrepend int `yaml:"victim-prepend"`
	// Poison, optional, are ASes that the path names so that they reject it.
	Poison []topology.ASN `yaml:"poison"`
	// Export, optional, limits whom the attacker announces to.
	Export *Export `yaml:"export"`
	// NoExport, optional, asks the neighbours to tell nobody (RFC 1997).
	NoExport bool `yaml:"no-export"`
	// Withhold, optional, asks ASes not to tell neighbours of theirs, by communities.
	Withhold []Edge `yaml:"withhold"`
	// Communities, optional, lets an interception do so.
	Communities bool `yaml:"communities"`
	// ROAOrigin, optional, is whom a malicious ROA authorizes, by default the attacker;
	// MaxLength, optional, is that of the ROA.
	ROAOrigin topology.ASN `yaml:"roa-origin"`
	MaxLength int          `yaml:"max-length"`
	// RevokeROAs, optional: all ROAs of the target go away first.
	RevokeROAs bool `yaml:"revoke-roas"`
	// Silent, optional: nothing is announced.
	Silent bool `yaml:"silent"`
	// Hold, Gap and Times, optional, are how long the announcement stays and how long
	// it is gone between flaps, and how many flaps there are.
	Hold  time.Duration `yaml:"hold"`
	Gap   time.Duration `yaml:"gap"`
	Times int           `yaml:"times"`
	// Answers, optional, says of an attacker who hands packets on whether he answers
	// those of the CA himself: true by default for an interception, false for a leak.
	Answers *bool `yaml:"answers"`
}

// Edge is two neighbours: what AS says to Neighbor.
type Edge struct{ AS, Neighbor topology.ASN }

const edgeForm = `two neighbours, "10 > 20" for what AS 10 says to AS 20`

// UnmarshalText reads "10 > 20".
func (e *Edge) UnmarshalText(text []byte) error {
	fields := strings.Fields(string(text))
	if len(fields) != 3 || fields[1] != ">" {
		return errors.New("not two neighbours")
	}
	var errs [2]error
	e.AS, errs[0] = topology.ParseASN(fields[0])
	e.Neighbor, errs[1] = topology.ParseASN(fields[2])
	return errors.Join(errs[:]...)
}

// String returns what UnmarshalText reads.
func (e Edge) String() string { return fmt.Sprintf("%d > %d", e.AS, e.Neighbor) }

// MarshalText writes what UnmarshalText reads.
func (e Edge) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// scope returns whom an announcement goes to. A nil Export is all.
func (e *Export) scope() route.Export {
	if e == nil {
		return route.Export{}
	}
	return route.Export{To: e.To, Except: e.Except, Classes: classes(e.Classes)}
}

// classes returns some kinds of neighbours as a set; none is all.
func classes(list []Class) (set route.Classes) {
	for _, c := range list {
		set |= c.set()
	}
	return set
}

// Scope returns whom a hijack is announced to.
func (h Hijack) Scope() route.Export { return h.Export.scope() }

// Class is a kind of neighbours.
type Class string

// The classes.
const (
	Customers Class = "customers"
	Peers     Class = "peers"
	Providers Class = "providers"
)

func (c Class) set() route.Classes {
	switch c {
	case Customers:
		return route.ToCustomers
	case Peers:
		return route.ToPeers
	case Providers:
		return route.ToProviders
	}
	return 0
}

// Order returns the attack as package attack takes it, for a target with its
// rightful origin. address is one of the target's that matters.
func (a Attack) Order(attacker topology.ASN, target Owned, address netip.Addr) attack.Attack {
	o := attack.Attack{
		Kind: a.Kind, Attacker: attacker, Victim: target.AS, Target: target.Prefix, Prefix: a.Prefix, Type: a.Type, Via: a.Via,
		Prepend: a.Prepend, VictimPrepend: a.VictimPrepend, Poison: a.Poison, Export: a.Export.scope(), NoExport: a.NoExport,
		Communities: a.Communities, ROAOrigin: a.ROAOrigin, MaxLength: a.MaxLength, RevokeROAs: a.RevokeROAs, Silent: a.Silent,
		Hold: a.Hold, Gap: a.Gap, Times: a.Times,
	}
	for _, e := range a.Withhold {
		o.Withhold = append(o.Withhold, route.Edge{AS: e.AS, Neighbor: e.Neighbor})
	}
	takes, _ := attack.Fields(a.Kind)
	if a.Kind == attack.RouteLeak && !o.Part() {
		return o
	}
	inside := !a.Prefix.IsValid() || a.Prefix.Contains(address)
	if slices.Contains(takes, "address") && inside && target.Prefix.Contains(address) {
		o.Address = address
	}
	return o
}

// TargetOf returns the prefix that an attack on the victim's side is against, with
// its rightful origin: what Target says, else the longest that holds the first web
// address. For attacks on the CA's own prefixes see [Attack].Of.
func (s *Scenario) TargetOf(a Attack) Owned {
	if a.Target.IsValid() {
		return Owned{a.Target, s.Rightful(a.Target)}
	}
	if len(s.Victim.Web) == 0 {
		return Owned{}
	}
	o, _ := s.holderOf(s.Victim.Web[0])
	return o
}

// MattersTo returns the address of the victim's services that lies in a prefix,
// the first web address first; the zero address if none does.
func (s *Scenario) MattersTo(p netip.Prefix) netip.Addr {
	for _, a := range s.Victim.Web {
		if p.Contains(a) {
			return a
		}
	}
	for _, ns := range s.Victim.NameServers {
		if p.Contains(ns.Address) {
			return ns.Address
		}
	}
	return netip.Addr{}
}

// attack checks what can be told without the topology.
func (v *validation) attack(field string, a Attack, c *chronicle) {
	s := v.s
	if a.Kind == "" {
		v.fail(field+".kind", "nothing", attackKinds())
		return
	}
	v.check(!a.Target.IsValid() || a.Of == "", field+".target", "target beside of", "one or the other")
	v.check(a.Answers == nil || a.Kind == attack.Interception || a.Kind == attack.RouteLeak, field+".answers", "a value", "none: only who intercepts or leaks hands packets on")
	v.export(field+".export", a.Export)
	target := s.TargetOf(a)
	switch {
	case a.Of != "":
		v.target(field+".of", a.Of, v.namable())
		target = Owned{netip.MustParsePrefix("10.0.0.0/24"), s.Victim.AS} // in its place, until the perspectives have theirs
		v.check(!a.Prefix.IsValid(), field+".prefix", a.Prefix.String(), "none: the prefix of a perspective is announced as it is")
		c.taken[a.Of] = true
	case a.Target.IsValid():
		v.owned(field+".target", a.Target, false)
		c.standing[SideAttacker][a.Target] = true
	case target.Prefix.IsValid():
		c.standing[SideAttacker][target.Prefix] = true
	default:
		return // without a web address, which is reported elsewhere
	}
	v.order(field, a, target)
	if a.Prefix.IsValid() {
		v.acceptable(field+".prefix", a.Prefix)
		c.standing[SideAttacker][a.Prefix] = true
	}
}

// order has package attack check the fields.
func (v *validation) order(field string, a Attack, target Owned) {
	s := v.s
	err := a.Order(s.Attacker.AS, target, s.MattersTo(target.Prefix)).Validate()
	for _, err := range joined(err) {
		e, ok := errors.AsType[*attack.FieldError](err)
		if !ok || e.Field == "attacker" || e.Field == "victim" { // reported elsewhere
			continue
		}
		v.fail(field+"."+e.Field, e.Found, e.Expected)
	}
}

func attackKinds() string { return "one of " + attack.JoinKinds(attack.Kinds()) }

// export checks whom the attacker announces to.
func (v *validation) export(field string, e *Export) {
	if e == nil {
		return
	}
	v.check(len(e.To)+len(e.Classes)+len(e.Except) > 0, field, "nothing", "to, classes or except")
	once := func(name string, list []topology.ASN) {
		for n, as := range list {
			v.check(!slices.Contains(list[:n], as), fmt.Sprintf("%s.%s[%d]", field, name, n), fmt.Sprintf("AS %v a second time", as), "each neighbour once")
		}
	}
	once("to", e.To)
	once("except", e.Except)
	v.classes(field+".classes", e.Classes)
}

// classes checks kinds of neighbours.
func (v *validation) classes(field string, list []Class) {
	for n, c := range list {
		at := fmt.Sprintf("%s[%d]", field, n)
		v.check(c.set() != 0, at, quote(string(c)), "customers, peers or providers")
		v.check(!slices.Contains(list[:n], c), at, quote(string(c))+" a second time", "each class once")
	}
}

// changesRPKI says whether ROAs are part of the attack.
func (a Attack) changesRPKI() bool { return a.Kind == attack.MaliciousROA || a.Kind == attack.LooseROA }

// RPKIChange is what happens to the RPKI at a moment: whoever validates knows at
// once.
type RPKIChange struct {
	// Add and Remove, optional, are VRPs; one of them has to be there.
	Add    []VRP `yaml:"add"`
	Remove []VRP `yaml:"remove"`
}

func (v *validation) rpkiChange(field string, r RPKIChange) {
	v.check(len(r.Add)+len(r.Remove) > 0, field, "nothing", "add or remove")
	for n, p := range r.Add {
		v.check(!slices.Contains(r.Add[:n], p), fmt.Sprintf("%s.add[%d]", field, n), p.String()+" a second time", "each VRP once")
	}
	for n, p := range r.Remove {
		at := fmt.Sprintf("%s.remove[%d]", field, n)
		v.check(!slices.Contains(r.Remove[:n], p), at, p.String()+" a second time", "each VRP once")
		v.check(!slices.Contains(r.Add, p), at, p.String()+", which is added", "another VRP")
	}
}

package attack

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// The greatest values of fields.
const (
	// MaxType is the greatest number of forged hops behind the attacker.
	MaxType = 16
	// MaxPrepend is the greatest number of repetitions of an AS number.
	MaxPrepend = 64
	// MaxTimes is the greatest number of flaps.
	MaxTimes = 1000
)

// Attack is one attack, as somebody orders it. Kind, Attacker, Victim and Target
// are always needed; what else a kind takes, and needs, is said by [Fields]. A
// field that the kind does not take must be zero.
type Attack struct {
	Kind     Kind
	Attacker topology.ASN
	// Victim is the rightful origin of Target.
	Victim topology.ASN
	// Target is the prefix as the victim announces it.
	Target netip.Prefix
	// Prefix is what the attacker announces: Target or a part of it. The default is
	// Target; for kinds that announce a part, the part that holds Address, as long as
	// is accepted everywhere (see [Setting]).
	Prefix netip.Prefix
	// Address is an address of Target that a default Prefix holds; the default is the
	// first one.
	Address netip.Addr
	// Type is how many ASes the announced path names behind the attacker: 0 for an
	// origin of its own, 1 for the victim's number, 2 for a neighbour of the victim's
	// and the victim, and so on. For route-leak it is the type of RFC 7908, 1 to 6,
	// and 0 for whatever of 1 to 4 the attacker's route allows.
	Type int
	// Via are the forged hops between attacker and victim, Type-1 of them, nearest to
	// the attacker first. The default is a path of real links that ends at the victim.
	Via []topology.ASN
	// Prepend is how often the attacker repeats its number, VictimPrepend how often
	// the victim repeats its own, beyond the first.
	Prepend, VictimPrepend int
	// Poison are ASes that the path names so that they reject it as a loop.
	Poison []topology.ASN
	// Export, NoExport and Withhold are those of [route.Announcement].
	Export   route.Export
	NoExport bool
	Withhold []route.Edge
	// Communities lets an interception ask neighbours to withhold the announcement
	// from some of their own (SICO), where otherwise they would not hear of it.
	Communities bool
	// ROAOrigin is whom a malicious ROA authorizes, the attacker by default.
	ROAOrigin topology.ASN
	// MaxLength is that of the ROA, by default the length of the announced prefix.
	MaxLength int
	// RevokeROAs: all ROAs that cover the target go away first, as the account of the
	// owner allows.
	RevokeROAs bool
	// Silent: the ROA alone, nothing is announced.
	Silent bool
	// Hold is how long the announcement stays, Gap how long it is gone between two
	// flaps, Times how many flaps there are.
	Hold, Gap time.Duration
	Times     int
}

// FieldError is one thing that is wrong with an [Attack]. Field has the spelling
// of [Fields]; lists have the element at fault in brackets.
type FieldError struct {
	Kind                   Kind
	Field, Found, Expected string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("attack %s: %s: found %s, want %s", e.Kind, e.Field, e.Found, e.Expected)
}

// Validate returns everything that is wrong with the attack by itself, as joined
// [FieldError]s in the order of fields. What does not fit the topology is found
// by [Attack.Plan].
func (a Attack) Validate() error {
	v := &validation{a: a}
	v.run()
	return errors.Join(v.errs...)
}

type validation struct {
	a    Attack
	errs []error
}

func (v *validation) check(ok bool, field string, found any, expected string) bool {
	if !ok {
		v.errs = append(v.errs, &FieldError{Kind: v.a.Kind, Field: field, Found: fmt.Sprint(found), Expected: expected})
	}
	return ok
}

func (v *validation) run() {
	a := v.a
	s, known := specOf(a.Kind)
	if !v.check(known, "kind", fmt.Sprintf("%q", string(a.Kind)), "one of "+JoinKinds(Kinds())) {
		return
	}
	set := a.fields()
	v.check(a.Attacker != 0, "attacker", 0, "an AS number other than 0 (RFC 7607)")
	v.check(a.Victim != 0, "victim", 0, "an AS number other than 0 (RFC 7607)")
	v.check(a.Attacker == 0 || a.Attacker != a.Victim, "attacker", a.Attacker, "another AS than the victim")
	whole := v.prefix("target", a.Target)
	for _, f := range fieldNames() {
		v.check(set&f.field&^s.takes == 0, f.name, "a value", "none: the kind does not take it")
	}
	v.check(s.needs == 0 || set&s.needs != 0, s.needs.String(), "nothing", "a value, of one of them at least")
	if set&fieldPrefix&s.takes != 0 && v.prefix("prefix", a.Prefix) && whole {
		inside := a.Prefix.Bits() >= a.Target.Bits() && a.Target.Contains(a.Prefix.Addr())
		v.check(inside, "prefix", a.Prefix, "the target "+a.Target.String()+" or a part of it")
		v.check(!inside || !a.Part() || a.Prefix != a.Target, "prefix", a.Prefix, "a part of the target, not all of it")
	}
	if set&fieldAddress&s.takes != 0 && whole {
		v.check(a.Target.Contains(a.Address), "address", a.Address, "an address of the target "+a.Target.String())
		v.check(!a.Prefix.IsValid() || a.Prefix.Contains(a.Address), "address", a.Address, "an address of the prefix "+a.Prefix.String())
	}
	v.path(s)
	v.rest(s)
}

func (v *validation) prefix(field string, p netip.Prefix) bool {
	return v.check(p.IsValid() && !p.Addr().Is4In6() && p == p.Masked(), field, p, "an IPv4 or IPv6 prefix without bits beyond its length")
}

func (v *validation) path(s spec) {
	a := v.a
	if s.takes&fieldType != 0 {
		v.check(a.Type == 0 || a.Type >= s.types[0] && a.Type <= s.types[1], "type", a.Type, fmt.Sprintf("%d to %d", s.types[0], s.types[1]))
	}
	if len(a.Via) > 0 && s.takes&fieldVia != 0 {
		hops := a.hops(s)
		v.check(len(a.Via) == hops-1, "via", route.FormatPath(a.Via), fmt.Sprintf("%d ASes, as type %d has", max(0, hops-1), hops))
		v.asns("via", a.Via)
	}
	v.asns("poison", a.Poison)
	v.check(!slices.Contains(a.Poison, a.Attacker) || a.Attacker == 0, "poison", a.Attacker, "another AS than the attacker")
	v.check(a.Prepend >= 0 && a.Prepend <= MaxPrepend, "prepend", a.Prepend, fmt.Sprintf("0 to %d", MaxPrepend))
	v.check(a.VictimPrepend >= 0 && a.VictimPrepend <= MaxPrepend, "victim-prepend", a.VictimPrepend, fmt.Sprintf("0 to %d", MaxPrepend))
	length := 3 + a.Prepend + len(a.Poison) + a.hops(s)
	v.check(length <= route.MaxAnnouncedPath, "poison", fmt.Sprintf("a path of %d numbers", length), fmt.Sprintf("at most %d", route.MaxAnnouncedPath))
}

func (v *validation) asns(field string, asns []topology.ASN) {
	for n, asn := range asns {
		v.check(asn != 0, fmt.Sprintf("%s[%d]", field, n), 0, "an AS number other than 0 (RFC 7607)")
	}
}

func (v *validation) rest(s spec) {
	a := v.a
	if s.takes&fieldMaxLength != 0 && a.MaxLength != 0 && a.Target.IsValid() {
		low, high := a.Target.Bits(), a.Target.Addr().BitLen()
		v.check(a.MaxLength >= low && a.MaxLength <= high, "max-length", a.MaxLength, fmt.Sprintf("%d to %d", low, high))
	}
	v.check(a.Hold >= 0, "hold", a.Hold, "no negative time")
	v.check(a.Gap >= 0, "gap", a.Gap, "no negative time")
	v.check(a.Times >= 0 && a.Times <= MaxTimes, "times", a.Times, fmt.Sprintf("at most %d", MaxTimes))
	switch a.Kind {
	case Withdrawal:
		v.check(a.Hold > 0, "hold", a.Hold, "more than 0")
	case RouteLeak:
		v.check(a.Type == leakInternal || a.fields()&(fieldPrefix|fieldAddress) == 0, "prefix", "a value", "none, but for type 6")
	case Flapping:
		v.check(a.Hold > 0, "hold", a.Hold, "more than 0")
		v.check(a.Gap > 0, "gap", a.Gap, "more than 0")
		v.check(a.Times > 1, "times", a.Times, "at least 2")
	default:
	}
}

// hops returns how many numbers the path has behind the attacker's, without
// poison.
func (a Attack) hops(s spec) int {
	switch {
	case a.Kind == RouteLeak:
		return 0
	case a.Type == 0:
		return s.defaultType
	}
	return a.Type
}

// String returns one line for people: "sub-prefix: AS 17557 against
// 208.65.152.0/22 of AS 36561".
func (a Attack) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: AS %d against %v of AS %d", a.Kind, a.Attacker, a.Target, a.Victim)
	if a.Prefix.IsValid() && a.Prefix != a.Target {
		fmt.Fprintf(&b, " by %v", a.Prefix)
	}
	if a.Type != 0 {
		fmt.Fprintf(&b, ", type %d", a.Type)
	}
	return b.String()
}

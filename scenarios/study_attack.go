package scenarios

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// StudyAttack is one way in which every attacker attacks every victim. In a file
// it is the name of a kind, perhaps with a type behind it ("forged-origin-2"), or a
// mapping with the other fields, each of them for the kinds that take it.
type StudyAttack struct {
	// Kind is that of the attack: "equal-prefix", "sub-prefix", "forged-origin" and
	// so on.
	Kind string `yaml:"kind"`
	// Name, optional, is what results call the attack: by default the kind, with its
	// type if that is given. It is needed beside fields other than kind and type.
	Name string `yaml:"name"`
	// Type, optional, is how many ASes the announced path names behind the attacker;
	// for route-leak the type of RFC 7908.
	Type int `yaml:"type"`
	// Via, optional, are the forged hops between attacker and victim, nearest to the
	// attacker first; a path of real links by default.
	Via []topology.ASN `yaml:"via"`
	// Prepend, optional, is how often the attacker repeats its number, VictimPrepend
	// how often the victim repeats its own, beyond the first.
	Prepend       int `yaml:"prepend"`
	VictimPrepend int `yaml:"victim-prepend"` // optional, see Prepend
	// Poison, optional, are ASes that the path names so that they reject it as a loop.
	Poison []topology.ASN `yaml:"poison"`
	// To, optional, are the only neighbours that hear of it: "customers", "peers",
	// "providers".
	To []Class `yaml:"to"`
	// NoExport, optional, asks neighbours to keep the route to themselves.
	NoExport bool `yaml:"no-export"`
	// Communities, optional, lets an interception ask neighbours to withhold the
	// announcement from some of their own.
	Communities bool `yaml:"communities"`
	// ROAOrigin, optional, is whom a malicious ROA authorizes; the attacker by default.
	ROAOrigin topology.ASN `yaml:"roa-origin"`
	// RevokeROAs, optional, takes all ROAs for the prefix away first.
	RevokeROAs bool `yaml:"revoke-roas"`
}

// strongest is what reports call the best attack of each attacker.
const strongest = "strongest"

// StudyKinds returns the kinds that a study can have: those that need no
// timeline.
func StudyKinds() []attack.Kind {
	return slices.DeleteFunc(attack.Kinds(), func(k attack.Kind) bool { return k == attack.Withdrawal || k == attack.Flapping })
}

// studyAttackForms says what an attack of a study may be.
func studyAttackForms() string {
	return "one of " + attack.JoinKinds(StudyKinds()) + ", perhaps with a type behind it, such as forged-origin-2, or a mapping with kind"
}

// parseStudyAttack reads the short form: a kind, or a kind and a type.
func parseStudyAttack(text string) StudyAttack {
	if at := strings.LastIndexByte(text, '-'); at > 0 {
		kind, digits := text[:at], text[at+1:]
		if n, err := strconv.Atoi(digits); err == nil && n > 0 && strconv.Itoa(n) == digits {
			return StudyAttack{Kind: kind, Type: n}
		}
	}
	return StudyAttack{Kind: text}
}

// String returns what results call the attack.
func (a StudyAttack) String() string {
	switch {
	case a.Name != "":
		return a.Name
	case a.Type != 0:
		return fmt.Sprintf("%s-%d", a.Kind, a.Type)
	}
	return a.Kind
}

// plain says whether kind and type are all that is special about it.
func (a StudyAttack) plain() bool {
	return len(a.Via) == 0 && a.Prepend == 0 && a.VictimPrepend == 0 && len(a.Poison) == 0 && len(a.To) == 0 &&
		!a.NoExport && !a.Communities && a.ROAOrigin == 0 && !a.RevokeROAs
}

// Of returns the attack of one attacker on one victim's prefix. An attack on a
// part of the prefix takes the part that holds address.
func (a StudyAttack) Of(attacker, victim topology.ASN, target netip.Prefix, address netip.Addr) attack.Attack {
	out := attack.Attack{
		Kind: attack.Kind(a.Kind), Attacker: attacker, Victim: victim, Target: target, Type: a.Type, Via: a.Via, Prepend: a.Prepend,
		VictimPrepend: a.VictimPrepend, Poison: a.Poison, Export: route.Export{Classes: classes(a.To)}, NoExport: a.NoExport,
		Communities: a.Communities, ROAOrigin: a.ROAOrigin, RevokeROAs: a.RevokeROAs,
	}
	if out.Part() {
		out.Address = address
	}
	return out
}

// attacks checks the attacks of a study.
func (v *validation) attacks(attacks []StudyAttack) {
	v.check(len(attacks) > 0, "attacks", "nothing", "a list of attacks, each "+studyAttackForms())
	seen := map[string]bool{}
	for n, a := range attacks {
		field := fmt.Sprintf("attacks[%d]", n)
		if !slices.Contains(StudyKinds(), attack.Kind(a.Kind)) {
			at, found := field, a.String()
			if _, mapping := v.s.at[field+".kind"]; mapping {
				at, found = field+".kind", a.Kind
			}
			v.fail(at, quote(found), studyAttackForms())
			continue
		}
		v.check(!seen[a.String()], field, quote(a.String())+" a second time", "each attack once, by name")
		seen[a.String()] = true
		_, named := v.s.at[field+".name"]
		v.check(!named || namePattern.MatchString(a.Name), field+".name", quote(a.Name), "lower-case letters, digits and hyphens")
		v.check(a.Name != strongest, field+".name", quote(a.Name), "another name: this is that of the best of all attacks")
		v.check(named || a.plain(), field+".name", "nothing", "a name, because there is more than a kind and a type")
		v.studyAttack(field, a)
	}
}

// studyAttack checks the fields of one attack.
func (v *validation) studyAttack(field string, a StudyAttack) {
	given := func(name string) bool { _, ok := v.s.at[field+"."+name]; return ok }
	v.check(!given("type") || a.Type > 0, field+".type", fmt.Sprint(a.Type), "1 or more, or nothing for the usual type")
	v.check(!given("to") || len(a.To) > 0, field+".to", "nothing", "at least one of customers, peers, providers")
	v.classes(field+".to", a.To)
	// Whoever they are, the fields must be right by themselves.
	const attacker, victim = 4294967293, 4294967294
	err := a.Of(attacker, victim, netip.MustParsePrefix("198.18.0.0/22"), netip.MustParseAddr("198.18.0.1")).Validate()
	for _, e := range joined(err) {
		wrong, ok := errors.AsType[*attack.FieldError](e)
		if !ok {
			v.errs = append(v.errs, e)
			continue
		}
		name := wrong.Field
		if name == "export" {
			name = "to"
		}
		if !given(strings.TrimSuffix(name, "[0]")) {
			name = ""
		}
		v.check(false, strings.TrimSuffix(field+"."+name, "."), wrong.Found, wrong.Expected)
	}
}

// joined returns the errors that errors.Join has put together.
func joined(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

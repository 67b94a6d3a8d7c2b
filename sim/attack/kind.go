package attack

import (
	"fmt"
	"slices"
	"strings"
)

// Kind names a kind of attack.
type Kind string

// The kinds. Each has a file of its own.
const (
	EqualPrefix           Kind = "equal-prefix"
	SubPrefix             Kind = "sub-prefix"
	ForgedOrigin          Kind = "forged-origin"
	ForgedOriginSubPrefix Kind = "forged-origin-sub-prefix"
	Prepended             Kind = "prepended"
	Poisoned              Kind = "poisoned"
	Scoped                Kind = "scoped"
	Interception          Kind = "interception"
	RouteLeak             Kind = "route-leak"
	MaliciousROA          Kind = "malicious-roa"
	LooseROA              Kind = "loose-roa"
	Withdrawal            Kind = "withdrawal"
	Flapping              Kind = "flapping"
)

// spec is one kind.
type spec struct {
	kind Kind
	// takes are the fields of Attack that it knows, beside attacker, victim and
	// target; needs are those of takes of which one at least must be set.
	takes, needs fields
	types        [2]int // the range of Type, if it takes one
	// subPrefix: the announced prefix is longer than the target.
	subPrefix   bool
	describe    func() Description
	announce    func(*planning) error
	defaultType int
}

func specs() []spec {
	return []spec{
		equalPrefix(), subPrefix(), forgedOrigin(), forgedOriginSubPrefix(), prepended(), poisoned(), scoped(),
		interception(), routeLeak(), maliciousROA(), looseROA(), withdrawal(), flapping(),
	}
}

func specOf(k Kind) (spec, bool) {
	all := specs()
	n := slices.IndexFunc(all, func(s spec) bool { return s.kind == k })
	if n < 0 {
		return spec{}, false
	}
	return all[n], true
}

// Kinds returns all kinds, the simpler ones first.
func Kinds() []Kind {
	var kinds []Kind
	for _, s := range specs() {
		kinds = append(kinds, s.kind)
	}
	return kinds
}

// ParseKind reads the name of a kind.
func ParseKind(s string) (Kind, error) {
	if _, ok := specOf(Kind(s)); ok {
		return Kind(s), nil
	}
	return "", fmt.Errorf("kind of attack %q: want one of %s", s, JoinKinds(Kinds()))
}

// JoinKinds returns the names of kinds as a list for people.
func JoinKinds(kinds []Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// UnmarshalText implements [encoding.TextUnmarshaler] with [ParseKind].
func (k *Kind) UnmarshalText(text []byte) error {
	kind, err := ParseKind(string(text))
	if err != nil {
		return err
	}
	*k = kind
	return nil
}

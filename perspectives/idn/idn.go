// Package idn brings domain names, however somebody writes them, into the form that
// certificates hold: lower-case LDH labels, of which those with "xn--" are Punycode
// (BR 7.1.2.7.12).
//
// A label in ASCII is taken as it is. The BR ask two things of it: that it is a
// Non-Reserved LDH label or a P-Label (RFC 5890 2.3.1), whose octets from the fifth
// on are output of the Punycode algorithm (RFC 3492 6.3). Whether what it stands for
// is an assigned code point, or fits the letters beside it, is the registry's matter:
// 1.xn--4dbrk0ce exists, although RFC 5893 2 wants no label of a name with
// right-to-left letters to begin with a digit, and a perspective that refused it would
// not be validating the domain but judging its registry.
//
// A label with other characters is mapped, checked and encoded by the Lookup profile
// of UTS 46 (non-transitional), by itself.
//
// Nothing here has state.
package idn

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	maxNameLength  = 253 // RFC 1035 2.3.4, in presentation form without trailing dot
	maxLabelLength = 63
	// maxInput is how many octets are looked at: each character of a name takes at
	// least one of its 253, and four at most here.
	maxInput  = 4 * (maxNameLength + 1)
	acePrefix = "xn--"
)

// ToASCII returns a domain name in lower case without trailing dot. The error says
// which label is none that a certificate may hold, and why. "*" is no label here, and
// underscores are none of the characters.
func ToASCII(name string) (string, error) {
	if len(name) > maxInput {
		return "", fmt.Errorf("%d octets, at most %d allowed", len(name), maxInput)
	}
	if !utf8.ValidString(name) {
		return "", errors.New("not valid UTF-8")
	}
	name = strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".").Replace(name) // UTS 46 4: dots, too
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for i, l := range labels {
		ascii, err := label(l)
		if err != nil {
			return "", err
		}
		labels[i] = ascii
	}
	ascii := strings.Join(labels, ".")
	if len(ascii) > maxNameLength {
		return "", fmt.Errorf("%d characters, at most %d allowed", len(ascii), maxNameLength)
	}
	return ascii, nil
}

// label returns one label in lower case.
func label(l string) (string, error) {
	ascii := lower(l)
	if strings.ContainsFunc(l, func(r rune) bool { return r >= utf8.RuneSelf }) {
		mapped, err := idna.Lookup.ToASCII(l)
		if err != nil {
			return "", fmt.Errorf("label %q: want letters, digits and hyphens, or an internationalized label: %w", l, err)
		}
		ascii = mapped
	}
	if ascii == "" { // also if nothing is left of l, such as a soft hyphen
		return "", errors.New("an empty label")
	}
	if err := check(ascii); err != nil {
		return "", fmt.Errorf("label %q: %w", l, err)
	}
	return ascii, nil
}

// check returns what keeps l, in lower case and not empty, from being a Non-Reserved LDH label or a
// P-Label.
func check(l string) error {
	switch {
	case len(l) > maxLabelLength:
		return fmt.Errorf("%d characters, at most %d allowed", len(l), maxLabelLength)
	case l[0] == '-' || l[len(l)-1] == '-':
		return errors.New("a hyphen at its edge")
	}
	for _, r := range l {
		if r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
			return fmt.Errorf("found %q, want letters, digits and hyphens", r)
		}
	}
	if len(l) < len(acePrefix) || l[2:4] != "--" {
		return nil
	}
	if !strings.HasPrefix(l, acePrefix) {
		return errors.New("hyphens in the third and fourth position, which are reserved (RFC 5890 2.3.1)")
	}
	// Punycode is the profile that only decodes and encodes. What has no other
	// characters, or would be encoded in another way, is not output of the algorithm.
	decoded, err := idna.Punycode.ToUnicode(l)
	if err != nil {
		return fmt.Errorf("not Punycode: %w", err)
	}
	if again, err := idna.Punycode.ToASCII(decoded); err != nil || again != l {
		return errors.New("not Punycode: its characters are encoded otherwise")
	}
	return nil
}

// lower puts ASCII letters into lower case, and no other.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/sim/names"
)

// dnssecRows are what the name server of a signed zone can send.
func dnssecRows(ctx context.Context, use func(*space, error) *space) []row {
	honest := use(newSpace(ctx, ""))
	if honest == nil {
		return nil
	}
	trap := func(keys, signatures int) func(*names.SigningSpec) {
		return func(z *names.SigningSpec) {
			z.Algorithm, z.Faults = names.ED25519, []names.Fault{{Kind: names.KeyTrap, Keys: keys, Signatures: signatures}}
		}
	}
	hashed := func(z *names.SigningSpec) {
		z.NSEC3 = &names.NSEC3Spec{Iterations: 50, Salt: []byte(strings.Repeat("s", 255))}
	}
	unsigned := func(z *names.SigningSpec) { z.Faults = []names.Fault{{Kind: names.MissingSignature}} }
	p384 := func(z *names.SigningSpec) { z.Algorithm = names.ECDSAP384SHA384 }
	byDNS := deed{domain: "victim.example", method: perspectives.DNS01}
	deep := strings.Repeat("a.", 115) + "victim.example"
	var rows []row
	for _, r := range []struct {
		name    string
		deed    deed
		more    string
		signing func(*names.SigningSpec)
		spoil   func(s *space, q query, reply []byte) []byte
	}{
		{"256 keys of one tag, 150 signatures of each set (KeyTrap)", byDNS, "", trap(256, 150), nil},
		{"the same, and 400 records to verify with each of them", byDNS, manyTexts(400), trap(64, 100), nil},
		{"a CAA climb of 115 labels, denied by NSEC3 of 50 iterations and 255 octets of salt", deed{domain: deep}, "", hashed, nil},
		{"a CAA climb of 115 labels in a zone signed with P-384", deed{domain: deep}, "", p384, nil},
		{"aliases in a chain, each signed with P-384", byDNS, chain(11), p384, nil},
		{"a name of 115 labels without signatures, each a possible delegation", deed{domain: deep, method: perspectives.DNS01}, "", unsigned, nil},
	} {
		s := use(newSpace(ctx, r.more, r.signing))
		if s == nil {
			continue
		}
		w := s.world()
		if r.spoil != nil {
			at := netip.MustParseAddr(victimIP)
			w.names[at] = func(network string, q query) []byte { return r.spoil(s, q, s.reply(network, at, q)) }
		}
		rows = append(rows, row{name: r.name, honest: deed{domain: "victim.example", method: r.deed.method}.in(ctx, honest, honest.world()), hostile: r.deed.in(ctx, s, w)})
	}
	return rows
}

// manyTexts is n more records at the challenge of victim.example.
func manyTexts(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "_acme-challenge IN TXT \"%0100d\"\n", i)
	}
	return b.String()
}

// chain is records in which the challenge of victim.example is at the end of n aliases.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("c" + string(rune('a'+i)) + " IN CNAME c" + string(rune('b'+i)) + "\n")
	}
	return b.String()
}

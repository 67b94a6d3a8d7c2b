package scenarios_test

import (
	"encoding"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
)

// FuzzPayloads reads any text as each of the payloads that scenarios write: what is
// read is written in a form that is read again as the same, and written the same.
func FuzzPayloads(f *testing.F) {
	for _, seed := range []string{
		// A VRP, with and without a maximum length, of either family; each refusal.
		"203.0.113.0/24 AS64500", "198.51.100.0/22-24 64510", "2001:db8::/32-48 AS0", "203.0.113.0/24\tas4294967295", "0.0.0.0/0-0 0",
		"", "203.0.113.0/24", "203.0.113.0/24 AS1 AS2", "203.0.113.0 AS1", "203.0.113.1/24 AS1", "::ffff:203.0.113.0/120 AS1", "fe80::%a/64 AS1",
		"203.0.113.0/24- AS1", "203.0.113.0/24-x AS1", "203.0.113.0/24-+25 AS1", "203.0.113.0/24-23 AS1", "203.0.113.0/24-33 AS1", "203.0.113.0/24 me", "203.0.113.0/24 AS4294967296",
		// An ASPA.
		"AS64500: 21 22", "10: AS0", "AS10: 0 0 11", " AS7 :8", "AS1", "AS1:", "AS0: 1", "me: 1", "AS1: x", "AS1: 1", ":",
		// A path-end record.
		"AS64500: 21 non-transit", "64500:", "AS1: non-transit", "AS1: non-transit 2", "AS1: 2 non-transit non-transit", "AS1: 0", "AS1: 2 2 NON-TRANSIT",
	} {
		f.Add(seed)
	}
	type text interface {
		encoding.TextMarshaler
		encoding.TextUnmarshaler
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, pair := range [][2]text{
			{new(scenarios.VRP), new(scenarios.VRP)}, {new(scenarios.ASPA), new(scenarios.ASPA)}, {new(scenarios.PathEnd), new(scenarios.PathEnd)},
		} {
			g := NewWithT(t)
			if pair[0].UnmarshalText([]byte(in)) != nil {
				continue
			}
			written, err := pair[0].MarshalText()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(pair[1].UnmarshalText(written)).To(Succeed(), "%q", written)
			g.Expect(pair[1]).To(Equal(pair[0]), "%q", written)
			g.Expect(pair[1].MarshalText()).To(Equal(written))
		}
	})
}

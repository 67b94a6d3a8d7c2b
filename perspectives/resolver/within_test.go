package resolver

import (
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"
)

// TestWithin holds within to dns.IsSubDomain, on names of few letters, dots and
// escapes.
func TestWithin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "b", "A", ".", ".", `\.`, `\\`, `\046`, "ab"}
	random := func() string {
		for {
			name := ""
			for range r.IntN(6) {
				name += pieces[r.IntN(len(pieces))]
			}
			name = dns.Fqdn(name)
			if _, ok := dns.IsDomainName(name); ok {
				return name
			}
		}
	}
	inside := 0
	for range 200_000 {
		zone, name := random(), random()
		if r.IntN(3) == 0 && zone != "." {
			name = dns.Fqdn(name + zone)
		}
		if _, ok := dns.IsDomainName(name); !ok {
			continue
		}
		want := dns.IsSubDomain(zone, name)
		if got := within(zone, name); got != want {
			t.Fatalf("within(%q, %q): found %v, expected %v", zone, name, got, want)
		}
		if want && zone != "." && zone != name {
			inside++
		}
	}
	if inside < 1000 {
		t.Errorf("found %d names below a zone, expected more", inside)
	}
	if n := testing.AllocsPerRun(100, func() { within("test.", "a.test.") }); n > 0 {
		t.Errorf("found %v allocations, expected none", n)
	}
}

package resolver_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
	"mpicsim/sim/names"
)

// grown is a random name space in which each zone's status is known from how it
// was made: the oracle that the resolver is held to.
type grown struct {
	spec  names.HierarchySpec
	zones []grownZone
}

type grownZone struct {
	origin string
	status resolver.Status // of what the zone holds
	optOut bool
}

// ways to make a zone, with what becomes of it under a parent that is secure.
func waysToSign() []struct {
	sign   func() *names.SigningSpec
	status resolver.Status
} {
	fault := func(kind names.FaultKind) func() *names.SigningSpec {
		return func() *names.SigningSpec { return lasting(faulty(names.Fault{Kind: kind})) }
	}
	with := func(change ...func(*names.SigningSpec)) func() *names.SigningSpec {
		return func() *names.SigningSpec { return lasting(change...) }
	}
	return []struct {
		sign   func() *names.SigningSpec
		status resolver.Status
	}{
		{with(), resolver.Secure},
		{with(algorithm(names.ED25519)), resolver.Secure},
		{with(algorithm(names.ECDSAP384SHA384), nsec3(0, "", false)), resolver.Secure},
		{with(nsec3(3, "\x01", true)), resolver.Secure},
		{with(nsec3(0, "", true)), resolver.Secure},
		{func() *names.SigningSpec { return nil }, resolver.Insecure},
		{with(func(s *names.SigningSpec) { s.Island = true }), resolver.Insecure},
		{with(algorithm(names.Unassigned)), resolver.Insecure},
		{with(func(s *names.SigningSpec) { s.Digests = []names.Digest{names.UnassignedDigest} }), resolver.Insecure},
		{fault(names.Expired), resolver.Bogus},
		{fault(names.NotYetValid), resolver.Bogus},
		{fault(names.FlippedBit), resolver.Bogus},
		{fault(names.Stripped), resolver.Bogus},
		{fault(names.WrongDS), resolver.Bogus},
	}
}

// lasting is signed for as long as outside judges can read clocks: they look at
// the operating system's.
func lasting(change ...func(*names.SigningSpec)) *names.SigningSpec {
	s := signed(change...)
	s.Inception, s.Expiration = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2037, 1, 1, 0, 0, 0, 0, time.UTC)
	return s
}

// grow makes a name space of n zones below a signed top-level domain. A zone may
// share its parent's server, which then never refers to it.
func grow(r *rand.Rand, n int) grown {
	g := grown{spec: names.HierarchySpec{
		Root:       []names.NameServer{{Name: "a.root-servers.example", Addrs: addr(rootIP)}},
		Registries: []names.ZoneSpec{{Origin: "example", NameServers: []names.NameServer{{Name: "a.nic.example", Addrs: addr(tldIP)}}, Records: "a.root-servers IN A " + rootIP}},
		Sign:       lasting(),
		Zones: []names.ZoneSpec{{
			Origin: "servers.example", NameServers: []names.NameServer{{Name: "ns.servers.example", Addrs: addr("192.0.2.9")}}, Sign: lasting(),
		}},
	}}
	all := []grownZone{{origin: "example", status: resolver.Secure}}
	ways := waysToSign()
	for i := range n {
		parent := all[r.IntN(len(all))]
		z := grownZone{origin: fmt.Sprintf("z%d.%s", i, parent.origin)}
		if r.IntN(4) == 0 { // below an empty non-terminal
			z.origin = fmt.Sprintf("z%d.ent.%s", i, parent.origin)
		}
		way := ways[r.IntN(len(ways))]
		sign := way.sign()
		if z.status = parent.status; parent.status == resolver.Secure {
			z.status = way.status
		}
		z.optOut = sign != nil && sign.NSEC3 != nil && sign.NSEC3.OptOut
		// Some host of another zone serves this one, too; or one of its own.
		host := r.IntN(i + 1)
		server := names.NameServer{Name: fmt.Sprintf("ns%d.servers.example", host), Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + host)})}}
		target := all[r.IntN(len(all))]
		g.spec.Zones = append(g.spec.Zones, names.ZoneSpec{
			Origin: z.origin, NameServers: []names.NameServer{server}, Sign: sign,
			Records: fmt.Sprintf("www IN A 192.0.2.200\nacross IN CNAME www.%s.\n*.wild IN TXT \"w\"\nmoved IN DNAME %s.\n", target.origin, target.origin),
		})
		z.origin += "."
		all = append(all, grownZone{strings.TrimSuffix(z.origin, "."), z.status, z.optOut})
		g.zones = append(g.zones, z)
	}
	return g
}

// TestRandomHierarchies asks each zone of random name spaces for each shape of
// answer and compares the status with how the zone was made.
func TestRandomHierarchies(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			g := grow(rand.New(rand.NewPCG(seed, 2)), 12)
			w := launch(t, g.spec)
			r := w.resolver(t)
			want, got := map[string]resolver.Status{}, map[string]resolver.Status{}
			said := ""
			for question, status := range g.expectations() {
				a, err := ask(t.Context(), r, question)
				want[question] = status
				if got[question] = resolver.StatusOf(err); err == nil {
					got[question] = a.Status
				}
				if got[question] != status && err != nil {
					said += err.Error() + "\n"
				}
			}
			NewWithT(t).Expect(got).To(Equal(want), said)
		})
	}
}

// expectations returns the questions that tell most, with the status of the
// answers.
func (g grown) expectations() map[string]resolver.Status {
	statusOf := map[string]grownZone{"example.": {origin: "example.", status: resolver.Secure}}
	for _, z := range g.zones {
		statusOf[z.origin] = z
	}
	want := map[string]resolver.Status{}
	for i, z := range g.zones {
		absent := z.status
		if z.status == resolver.Secure && z.optOut {
			absent = resolver.Insecure // RFC 5155 9.2
		}
		want["www."+z.origin+" A"] = z.status
		want["www."+z.origin+" CAA"] = z.status
		want["nowhere."+z.origin+" A"] = absent
		want["x.wild."+z.origin+" TXT"] = absent
		want["x.wild."+z.origin+" MX"] = absent
		want[z.origin+" DNSKEY"] = z.status
		// www in the target, or nothing there: the top-level domain has no www.
		_, rest, _ := strings.Cut(g.spec.Zones[i+1].Records, "CNAME www.")
		target := statusOf[strings.Fields(rest)[0]]
		want["across."+z.origin+" A"] = resolver.Weakest(z.status, target.status)
		want["www.moved."+z.origin+" A"] = resolver.Weakest(z.status, target.status)
	}
	return want
}

// TestUnboundAgrees puts the questions of random name spaces to unbound and
// compares its verdicts with ours.
func TestUnboundAgrees(t *testing.T) {
	host, err := exec.LookPath("unbound-host")
	if err != nil {
		t.Skipf("no unbound-host here (Debian package unbound-host): %v", err)
	}
	for seed := range uint64(1) {
		g := grow(rand.New(rand.NewPCG(seed, 3)), 7)
		w := launch(t, g.spec)
		r := w.resolver(t)
		conf := unboundConfig(t, w)
		want, got := map[string]string{}, map[string]string{}
		for question := range g.expectations() {
			a, err := ask(t.Context(), r, question)
			got[question], _, _ = strings.Cut(seen(a, err), " ")
			want[question] = unboundSays(t, host, conf, question)
		}
		NewWithT(t).Expect(got).To(Equal(want), "seed %d", seed)
	}
}

// unboundConfig makes unbound validate what one server says that serves all of
// the name space.
func unboundConfig(t *testing.T, w *world) string {
	t.Helper()
	zones := map[*names.Zone]bool{}
	for _, p := range w.hierarchy.Placements {
		for _, z := range p.Zones {
			zones[z] = true
		}
	}
	everything := netip.MustParseAddr("192.0.2.254")
	w.serve(t, everything, names.Config{Zones: slices.Collect(maps.Keys(zones))})
	at := w.servers[everything]
	conf := filepath.Join(t.TempDir(), "unbound.conf")
	text := fmt.Sprintf(`server:
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor: "%s"
forward-zone:
  name: "."
  forward-addr: %s@%d
`, w.hierarchy.TrustAnchor.DS[0], at.Addr(), at.Port())
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return conf
}

func unboundSays(t *testing.T, host, conf, question string) string {
	t.Helper()
	name, qtype, _ := strings.Cut(question, " ")
	out, _ := exec.CommandContext(t.Context(), host, "-C", conf, "-v", "-t", qtype, name).CombinedOutput()
	verdicts := map[string]bool{}
	for _, v := range []string{"secure", "insecure", "BOGUS"} {
		if strings.Contains(string(out), "("+v) {
			verdicts[strings.ToLower(v)] = true
		}
	}
	if len(verdicts) != 1 {
		return strings.TrimSpace(string(out))
	}
	for v := range verdicts {
		return v
	}
	return ""
}

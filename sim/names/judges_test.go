package names

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// tool returns the path of a program that judges from outside, or skips.
func tool(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s here (Debian package %s): %v", name, pkg, err)
	}
	return path
}

// run runs a program and returns its output and whether it succeeded.
func run(t testing.TB, path string, args ...string) (string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	return fmt.Sprintf("%s %s: %v\n%s", path, strings.Join(args, " "), err, out), err == nil
}

// signedFor returns a spec whose signatures are valid whenever the tests run:
// the outside judges look at the clock, and ldns takes times from 2038 on for
// negative.
func signedFor(change func(*SigningSpec)) *SigningSpec {
	spec := &SigningSpec{
		Seed:       "test",
		Inception:  time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		Expiration: time.Date(2037, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if change != nil {
		change(spec)
	}
	return spec
}

// signedText has one of everything that a chain has to get right.
const signedText = `@          IN A     192.0.2.1
www        IN A     192.0.2.80
www        IN AAAA  2001:db8::80
WWW        IN TXT   "other case, other type"
alias      IN CNAME www
moved      IN DNAME elsewhere.example.
*.wild     IN TXT   "any"
a.b.*.wild IN TXT   "below a wildcard"
*x.wild    IN TXT   "no wildcard at all"
a.b.deep   IN TXT   "below empty non-terminals"
Upper      IN MX    10 Mail.Upper
\000       IN TXT   "least label"
\001       IN TXT   "next to least label"
\200       IN TXT   "great label"
a\.b       IN TXT   "a dot inside"
safe       IN NS    ns.safe
safe       IN DS    1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.safe    IN A     192.0.2.2
open       IN NS    ns.open
open       IN NS    open
open       IN A     192.0.2.3
ns.open    IN A     192.0.2.3
ent.open2  IN NS    ns.elsewhere.
odd        IN TYPE65280 \# 2 abcd
`

// flavours are the ways to sign that outside judges know all of.
func flavours() map[string]*SigningSpec {
	nsec3 := func(iterations uint16, salt string, optOut bool) func(*SigningSpec) {
		return func(s *SigningSpec) { s.NSEC3 = &NSEC3Spec{iterations, []byte(salt), optOut} }
	}
	return map[string]*SigningSpec{
		"RSASHA256":       signedFor(func(s *SigningSpec) { s.Algorithm, s.RSABits = RSASHA256, 1024 }),
		"RSASHA512":       signedFor(func(s *SigningSpec) { s.Algorithm, s.RSABits = RSASHA512, 1040 }),
		"ECDSAP256SHA256": signedFor(nil),
		"ECDSAP384SHA384": signedFor(func(s *SigningSpec) { s.Algorithm = ECDSAP384SHA384 }),
		"ED25519":         signedFor(func(s *SigningSpec) { s.Algorithm = ED25519 }),
		"one key":         signedFor(func(s *SigningSpec) { s.SingleKey = true }),
		"NSEC3":           signedFor(nsec3(0, "", false)),
		"NSEC3, salted":   signedFor(nsec3(5, "\xAB\xCD", false)),
		"NSEC3, opt-out":  signedFor(nsec3(1, "salt", true)),
		"NSEC3, one RSA key": signedFor(func(s *SigningSpec) {
			s.Algorithm, s.RSABits, s.SingleKey, s.NSEC3 = RSASHA256, 2048, true, &NSEC3Spec{}
		}),
		"several digest types": signedFor(func(s *SigningSpec) { s.Digests = []Digest{SHA256Digest, SHA384Digest} }),
	}
}

func signedZone(t testing.TB, origin, text string, sign *SigningSpec) *Zone {
	t.Helper()
	z, err := ZoneSpec{
		Origin: origin, NameServers: []NameServer{{"ns1." + origin, addrs("192.0.2.53")}},
		Records: text, Sign: sign,
	}.Build()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// zoneJudges are programs that accept or refuse a signed zone file.
func zoneJudges(t testing.TB) map[string]func(path string, single bool) (string, bool) {
	return map[string]func(string, bool) (string, bool){
		"dnssec-verify of BIND": func(path string, single bool) (string, bool) {
			flag := "-x" // DNSKEY is signed by the key signing key only
			if single {
				flag = "-z"
			}
			return run(t, tool(t, "dnssec-verify", "bind9-utils"), flag, "-o", "example.", path)
		},
		"ldns-verify-zone": func(path string, _ bool) (string, bool) {
			return run(t, tool(t, "ldns-verify-zone", "ldnsutils"), path)
		},
	}
}

func TestSignedZonesPleaseOutsideJudges(t *testing.T) {
	for name, spec := range flavours() {
		text := signedZone(t, "example", signedText, spec).Text()
		path := filepath.Join(t.TempDir(), "zone")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for judge := range zoneJudges(t) {
			t.Run(name+"/"+judge, func(t *testing.T) {
				if out, ok := zoneJudges(t)[judge](path, spec.SingleKey); !ok {
					t.Error(out)
				}
			})
		}
	}
}

// TestOutsideJudgesAreAwake spoils signed zones. A judge that accepted these
// would prove nothing.
func TestOutsideJudgesAreAwake(t *testing.T) {
	nsec3 := func(s *SigningSpec) { s.NSEC3 = &NSEC3Spec{} }
	edit := func(from, to string) func(string) string {
		return func(text string) string { return strings.Replace(text, from, to, 1) }
	}
	drop := func(part string) func(string) string {
		return func(text string) string {
			all := strings.SplitAfter(text, "\n")
			i := slices.IndexFunc(all, func(l string) bool { return strings.Contains(l, part) })
			return strings.Join(slices.Delete(all, i, i+1), "")
		}
	}
	for name, tc := range map[string]struct {
		sign  func(*SigningSpec)
		spoil func(string) string
		lax   string // the judge that is known to overlook this
	}{
		"one octet of data":        {nil, edit("192.0.2.80", "192.0.2.81"), ""},
		"an octet of text":         {nil, edit(`"any"`, `"Any"`), ""},
		"a type in an NSEC":        {nil, edit("NSEC\t*x.wild.example. TXT", "NSEC\t*x.wild.example. A TXT"), ""},
		"an NSEC less":             {nil, drop("www.example.\t300\tIN\tNSEC"), ""},
		"an NSEC3 less":            {nsec3, drop("\tIN\tNSEC3\t"), ""},
		"an expired signature":     {func(s *SigningSpec) { s.Faults = []Fault{{Kind: Expired, Name: "www", Type: "A"}} }, nil, ""},
		"a signature of tomorrow":  {func(s *SigningSpec) { s.Faults = []Fault{{Kind: NotYetValid, Name: "www", Type: "A"}} }, nil, ""},
		"a flipped bit":            {func(s *SigningSpec) { s.Faults = []Fault{{Kind: FlippedBit, Name: "*.wild", Type: "TXT"}} }, nil, ""},
		"a missing signature":      {func(s *SigningSpec) { s.Faults = []Fault{{Kind: MissingSignature, Name: "@", Type: "SOA"}} }, nil, ""},
		"another zone's signature": {func(s *SigningSpec) { s.Faults = []Fault{{Kind: WrongSigner, Type: "MX"}} }, nil, "ldns-verify-zone"},
		"an unpublished key":       {func(s *SigningSpec) { s.Faults = []Fault{{Kind: ForeignKey, Type: "MX"}} }, nil, ""},
	} {
		good := signedZone(t, "example", signedText, signedFor(tc.sign)).Text()
		text := good
		if tc.spoil != nil {
			if text = tc.spoil(good); text == good {
				t.Fatalf("%s: nothing was spoilt in\n%s", name, good)
			}
		}
		path := filepath.Join(t.TempDir(), "zone")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for judge := range zoneJudges(t) {
			t.Run(name+"/"+judge, func(t *testing.T) {
				if out, ok := zoneJudges(t)[judge](path, false); ok != (judge == tc.lax) {
					t.Errorf("accepted: %v\n%s", ok, out)
				}
			})
		}
	}
}

// unbound is a validating resolver that puts its questions to one server, which
// serves all of a name space.
type unbound struct{ host, conf string }

func startUnbound(t testing.TB, h *Hierarchy) unbound {
	t.Helper()
	u := unbound{tool(t, "unbound-host", "unbound-host"), filepath.Join(t.TempDir(), "unbound.conf")}
	at := serve(t, Config{Zones: slices.Collect(maps.Values(h.zones))})
	text := fmt.Sprintf(`server:
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor: "%s"
  val-log-level: 2
forward-zone:
  name: "."
  forward-addr: %s@%d
`, h.TrustAnchor.DS[0], at.Addr(), at.Port())
	if err := os.WriteFile(u.conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return u
}

// ask returns unbound's verdict, "" if it has none, and all that it said.
func (u unbound) ask(t testing.TB, qname, qtype string) (verdict, said string) {
	t.Helper()
	said, _ = run(t, u.host, "-C", u.conf, "-v", "-t", qtype, qname)
	for _, v := range []string{"secure", "insecure", "BOGUS"} {
		if strings.Contains(said, "("+v) {
			verdict += v
		}
	}
	return verdict, said
}

// expect asks all questions, "NAME TYPE", and compares the verdicts.
func (u unbound) expect(t *testing.T, want map[string]string) {
	t.Helper()
	got, all := map[string]string{}, ""
	for q := range want {
		qname, qtype, _ := strings.Cut(q, " ")
		verdict, said := u.ask(t, qname, qtype)
		got[q] = verdict
		if verdict != want[q] {
			all += said
		}
	}
	NewWithT(t).Expect(got).To(Equal(want), all)
}

// guarded returns a name space with a signed root and top level, whose victim
// is signed as told.
func guarded(registry, victim *SigningSpec) HierarchySpec {
	return HierarchySpec{
		Root:            []NameServer{{"a.root-servers.net", addrs("198.41.0.4")}},
		DefaultRegistry: []NameServer{{"a.tld-servers.net", addrs("192.0.2.1")}},
		Sign:            registry,
		Zones: []ZoneSpec{
			{Origin: "victim.example", NameServers: []NameServer{{"ns.victim.example", addrs("192.0.2.2")}}, Records: signedText, Sign: victim},
			{Origin: "plain.example", NameServers: []NameServer{{Name: "ns.victim.example"}}, Records: "@ IN A 192.0.2.4\n* IN A 192.0.2.5\n"},
			{Origin: "tld-servers.net", NameServers: []NameServer{{"a.tld-servers.net", addrs("192.0.2.1")}}},
			{Origin: "root-servers.net", NameServers: []NameServer{{"a.root-servers.net", addrs("198.41.0.4")}}},
		},
	}
}

func buildSpec(t testing.TB, spec HierarchySpec) *Hierarchy {
	t.Helper()
	h, err := spec.Build()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestUnboundValidatesAnswers(t *testing.T) {
	for flavour, spec := range flavours() {
		t.Run(flavour, func(t *testing.T) {
			byOptOut := "secure" // RFC 5155 9.2: an opt-out span proves nothing about what may lie in it
			if spec.NSEC3 != nil && spec.NSEC3.OptOut {
				byOptOut = "insecure"
			}
			startUnbound(t, buildSpec(t, guarded(spec, spec))).expect(t, map[string]string{
				"victim.example A":              "secure",
				"WWW.victim.example AAAA":       "secure",
				"alias.victim.example A":        "secure",
				"x.wild.victim.example TXT":     byOptOut, // wildcard answer
				"y.x.wild.victim.example TXT":   byOptOut, // over two labels
				"x.wild.victim.example MX":      byOptOut, // wildcard NODATA
				"c.b.*.wild.victim.example TXT": byOptOut,
				"*x.wild.victim.example TXT":    "secure",
				"www.victim.example CAA":        "secure", // NODATA
				"b.deep.victim.example TXT":     "secure", // empty non-terminal
				"nowhere.victim.example A":      byOptOut, // NXDOMAIN
				"a.a.b.deep.victim.example A":   byOptOut,
				"a.moved.victim.example A":      byOptOut, // synthesised CNAME, then NXDOMAIN
				"open.victim.example DS":        byOptOut,
				"safe.victim.example DS":        "secure",
				"victim.example DNSKEY":         "secure",
				"example DS":                    "secure",
				"plain.example A":               "insecure",
				"x.plain.example CAA":           "insecure",
				"nowhere A":                     byOptOut,
			})
		})
	}
}

// TestUnboundSeesFaults breaks the victim's zone in each way.
func TestUnboundSeesFaults(t *testing.T) {
	const answer, wildcard, nodata, plain = "www.victim.example A", "x.wild.victim.example TXT", "www.victim.example CAA", "plain.example A"
	all := func(verdict string) map[string]string {
		return map[string]string{answer: verdict, wildcard: verdict, nodata: verdict, plain: "insecure"}
	}
	onlyA := func(kind FaultKind) func(*SigningSpec) {
		return func(s *SigningSpec) { s.Faults = []Fault{{Kind: kind, Name: "www", Type: "A"}} }
	}
	rest := map[string]string{answer: "BOGUS", wildcard: "secure", nodata: "secure", plain: "insecure"}
	fault := func(kind FaultKind) func(*SigningSpec) {
		return func(s *SigningSpec) { s.Faults = []Fault{{Kind: kind}} }
	}
	for name, tc := range map[string]struct {
		sign func(*SigningSpec)
		want map[string]string
	}{
		"nothing":                      {nil, all("secure")},
		"expired":                      {fault(Expired), all("BOGUS")},
		"expired, one RRset":           {onlyA(Expired), rest},
		"not yet valid, one RRset":     {onlyA(NotYetValid), rest},
		"missing signature, one RRset": {onlyA(MissingSignature), rest},
		"flipped bit, one RRset":       {onlyA(FlippedBit), rest},
		"wrong signer, one RRset":      {onlyA(WrongSigner), rest},
		"foreign key, one RRset":       {onlyA(ForeignKey), rest},
		"missing denial":               {fault(MissingDenial), map[string]string{answer: "secure", wildcard: "BOGUS", nodata: "BOGUS", plain: "insecure"}},
		"stripped":                     {fault(Stripped), all("BOGUS")},
		"wrong DS":                     {fault(WrongDS), all("BOGUS")},
		"key trap": {
			func(s *SigningSpec) { s.Algorithm, s.Faults = ED25519, []Fault{{Kind: KeyTrap}} }, all("BOGUS"),
		},
		"an island":                     {func(s *SigningSpec) { s.Island = true }, all("insecure")},
		"an algorithm nobody knows":     {func(s *SigningSpec) { s.Algorithm = Unassigned }, all("insecure")},
		"a digest nobody knows":         {func(s *SigningSpec) { s.Digests = []Digest{UnassignedDigest} }, all("insecure")},
		"a digest nobody knows and one": {func(s *SigningSpec) { s.Digests = []Digest{UnassignedDigest, SHA384Digest} }, all("secure")},
		"too many iterations": {func(s *SigningSpec) { s.NSEC3 = &NSEC3Spec{Iterations: 500} }, map[string]string{
			answer: "secure", wildcard: "insecure", nodata: "insecure", plain: "insecure", // RFC 9276 3.2
		}},
	} {
		t.Run(name, func(t *testing.T) {
			startUnbound(t, buildSpec(t, guarded(signedFor(nil), signedFor(tc.sign)))).expect(t, tc.want)
		})
	}
}

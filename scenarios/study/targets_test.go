package study_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
)

// town is three domains: one whose web server has two origins, one with a name
// server that nobody is known to originate, one that is signed.
const town = `{"domain":"a.example","addresses":[` +
	`{"address":"10.1.0.80","role":"web","name":"a.example"},{"address":"10.1.0.81","role":"web","name":"a.example"},` +
	`{"address":"10.2.0.53","role":"name-server","name":"ns.a.example","zone":"a.example"},` +
	`{"address":"10.3.0.53","role":"tld-server","name":"a.nic.example","zone":"example"},` +
	`{"address":"10.4.0.53","role":"root-server","name":"a.root.example","zone":"."}]}
{"domain":"b.example","weight":3,"addresses":[` +
	`{"address":"10.2.0.80","role":"web","name":"b.example"},` +
	`{"address":"192.0.2.53","role":"name-server","name":"ns.b.example","zone":"b.example"}],"gaps":["ns2"]}
{"domain":"c.example","addresses":[` +
	`{"address":"10.5.0.80","role":"web","name":"c.example"},{"address":"10.9.0.80","role":"web","name":"c.example"},` +
	`{"address":"10.2.9.53","role":"name-server","name":"ns.c.example","zone":"c.example","protected":true}]}
{"domain":"d.example","addresses":[]}
`

const townOrigins = `prefix,asn
10.1.0.0/16,7
10.1.0.0/16,12
10.1.0.0/25,9
10.2.0.0/16,20
10.3.0.0/16,20
10.4.0.0/16,30
10.5.0.0/24,7
10.9.0.0/24,7
10.9.0.0/24,4294967290
`

const townStudy = `name: town
topology: {synthetic: {ases: 100, seed: 4}}
victims: {domains: d.jsonl, origins: o.csv}
attackers: [7, 40, 50]
attacks: [equal-prefix, sub-prefix]
viewpoints: [aws/us-*, AS12]
`

// inTown parses a study with the town's files beside it.
func inTown(t *testing.T, text string) *scenarios.StudySource {
	t.Helper()
	src := parse(t, text)
	for name, text := range map[string]string{"d.jsonl": town, "o.csv": townOrigins} {
		NewWithT(t).Expect(os.WriteFile(src.Path(name), []byte(text), 0o600)).To(Succeed())
	}
	return src
}

// TestDomainsHaveTargets: which prefixes and origins a domain depends on, by
// surface, and what is not known.
func TestDomainsHaveTargets(t *testing.T) {
	g := NewWithT(t)
	p, err := study.Prepare(t.Context(), study.Options{Source: inTown(t, townStudy), Version: "test"})
	g.Expect(err).NotTo(HaveOccurred())
	d := p.Domains()
	var targets []string
	for _, x := range d.Targets {
		targets = append(targets, fmt.Sprint(x.Prefix, " ", x.Victim))
	}
	g.Expect(targets).To(Equal([]string{"10.1.0.0/16 7", "10.5.0.0/24 7", "10.9.0.0/24 7", "10.1.0.0/16 12", "10.2.0.0/16 20", "10.3.0.0/16 20"}), "the root is not looked at")
	surfaces := func(n int) (out []string) {
		for _, s := range d.Domains[n].Surfaces {
			out = append(out, fmt.Sprintf("%s %v %d", s.Surface, s.Targets, s.Unmapped))
		}
		return out
	}
	g.Expect(surfaces(0)).To(Equal([]string{"web [[0 3]] 0", "dnssec [[0 3] [4] [5]] 0", "web+dns [[0 3] [4] [5]] 0"}), "a /25 is not accepted; two origins of one prefix stand together")
	g.Expect(surfaces(1)).To(Equal([]string{"web [[4]] 0", "dnssec [[4]] 1", "web+dns [[4]] 1"}))
	g.Expect(surfaces(2)).To(Equal([]string{"web [[1] [2]] 0", "dnssec [[1] [2]] 0", "web+dns [[1] [2] [4]] 0"}), "an origin that the topology lacks does not count beside one that it has")
	g.Expect([]bool{d.Domains[0].Complete(), d.Domains[1].Complete(), d.Domains[2].Complete(), d.Domains[3].Complete()}).To(Equal([]bool{true, false, true, false}))
	m := p.Manifest()
	g.Expect(*m.Domains).To(Equal(result.DomainSelection{Count: 4, Weight: 6, Population: 4, Upper: "tld", Incomplete: 2, Addresses: 9, SeveralOrigins: 2, Unmapped: 1}))
	g.Expect(m.Victims).To(Equal(result.Selection{How: "domains", Count: 6, Weight: 6, Population: 6}))
	g.Expect(p.Hijacks()).To(Equal(int64((6*3-3)*2)), "AS 7 does not attack itself")

	dir := t.TempDir()
	run(t, p, dir)
	stored, err := result.Open(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(stored.Domains).To(Equal(d))
	seen := map[netip.Prefix]int{}
	for h, err := range stored.Hijacks() {
		g.Expect(err).NotTo(HaveOccurred())
		seen[h.Prefix]++
	}
	g.Expect(seen).To(HaveLen(5))
	g.Expect(p.Verify(t.Context(), stored, nil)).To(Succeed())
	g.Expect(os.WriteFile(dir+"/domains.json", []byte("{}"), 0o600)).To(Succeed())
	_, err = result.Open(dir)
	g.Expect(err).To(MatchError(ContainSubstring("domains.json: found 2 bytes, expected")))
}

// TestDomainsChoice: samples, servers above, and what is refused.
func TestDomainsChoice(t *testing.T) {
	g := NewWithT(t)
	with := func(victims string) (*study.Plan, error) {
		return study.Prepare(t.Context(), study.Options{Source: inTown(t, strings.Replace(townStudy, "{domains: d.jsonl, origins: o.csv}", victims, 1)), Version: "test"})
	}
	p, err := with("{domains: d.jsonl, origins: o.csv, upper: root}")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.Manifest().Victims.Count).To(Equal(7))
	p, err = with("{domains: d.jsonl, origins: o.csv, upper: none}")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.Manifest().Victims.Count).To(Equal(5))
	p, err = with("{domains: d.jsonl, origins: o.csv, method: dns-persistent}")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.Manifest().Domains.Method).To(Equal("dns-persistent"))
	var surfaces []string
	for _, s := range p.Domains().Domains[0].Surfaces {
		surfaces = append(surfaces, fmt.Sprint(s.Surface, " ", len(s.Targets)))
	}
	g.Expect(surfaces).To(Equal([]string{"dns-dnssec 2", "dns 2"}), "web addresses do not count")
	p, err = with("{domains: d.jsonl, origins: o.csv, method: acme-tls-alpn-01}")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.Domains().Domains[0].Surfaces).To(HaveLen(3))
	p, err = with("{domains: d.jsonl, origins: o.csv, sample: 3, seed: 2}")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.Domains().Domains).To(HaveLen(3))
	g.Expect(p.Manifest().Domains.Draws).To(Equal(3))
	_, err = with("{domains: d.jsonl, origins: o.csv, sample: 5, seed: 2}")
	g.Expect(err).To(MatchError(ContainSubstring("victims.sample: found 5, expected at most the file's 4 domains")))
	_, err = with("{domains: nowhere.jsonl, origins: o.csv}")
	g.Expect(err).To(MatchError(ContainSubstring("reading domains: open")))
	_, err = with("{domains: d.jsonl, origins: nowhere.csv}")
	g.Expect(err).To(MatchError(ContainSubstring("reading origins: open")))
	_, err = with("{domains: o.csv, origins: o.csv}")
	g.Expect(err).To(MatchError(MatchRegexp(`o\.csv:1:1: .*found "prefix,asn", expected a JSON object`)))
	src := inTown(t, townStudy)
	_, err = study.Prepare(t.Context(), study.Options{Source: src, Aggregate: true})
	g.Expect(err).To(MatchError(ContainSubstring("victims.domains: found a study that is aggregated, expected one that is not")))
	g.Expect(os.WriteFile(src.Path("o.csv"), []byte("prefix,asn\n10.0.0.0/8,4294967290\n"), 0o600)).To(Succeed())
	_, err = study.Prepare(t.Context(), study.Options{Source: src})
	g.Expect(err).To(MatchError(ContainSubstring("victims.domains: found 9 addresses, none with an origin in the topology")))
}

package study_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/catalog"
	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
	"mpicsim/topology"
)

// internetFile returns the real topology of a day, or skips where it is not there.
func internetFile(t *testing.T, day string) string {
	t.Helper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	path, err := filepath.Abs(filepath.Join(dir, day+".as-rel2.txt.bz2"))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Skipf("SKIPPED: no real topology: %v; set MPICSIM_DATA to the folder that holds it", err)
	}
	return path
}

// TestCloudReachesItself: on the real topology no outsider's announcement of a
// prefix of a cloud fools the cloud's own regions, whatever the egress model and
// whoever breaks ties; and whom they reach of others is as it is without the links
// inside.
func TestCloudReachesItself(t *testing.T) {
	file := internetFile(t, "20250901")
	clouds := map[string][]topology.ASN{"aws/": {16509, 14618, 8987}, "gcp/": {15169, 396982}, "azure/": {8075}, "hetzner/": {24940, 213230}}
	const text = `name: cloud
topology: {file: FILE}
routing: {seed: 7}
egress: MODEL
victims: [16509, 14618, 8987, 15169, 396982, 8075, 24940, 213230, 9916, 272133]
attackers: {sample: 400, seed: 2}
attacks: [equal-prefix, forged-origin]
viewpoints: [aws/us-*, aws/eu-*, gcp/us-*, azure/west*, 'hetzner/*']
`
	for _, model := range []string{"auto", "backbone"} {
		t.Run(model, func(t *testing.T) {
			g := NewWithT(t)
			src := parse(t, strings.NewReplacer("FILE", file, "MODEL", model).Replace(text))
			p, err := study.Prepare(t.Context(), study.Options{Source: src, Workers: 2, Version: "test"})
			g.Expect(err).NotTo(HaveOccurred())
			after := rowsOf(t, p)
			before := rowsOf(t, withoutInside(t, src, p))
			g.Expect(after).To(HaveLen(len(before)))
			m, err := src.Map()
			g.Expect(err).NotTo(HaveOccurred())
			under := map[string]map[topology.ASN]bool{} // the ASes below each cloud
			for cloud, own := range clouds {
				under[cloud] = map[topology.ASN]bool{}
				for _, h := range after {
					under[cloud][h.Victim] = below(m.Graph, own, h.Victim)
					under[cloud][h.Attacker] = below(m.Graph, own, h.Attacker)
				}
			}
			fooled := map[string][2]int{} // before, of how many
			for key, h := range after {
				old := before[key]
				for n, v := range p.Viewpoints() {
					cloud := v.Name[:strings.Index(v.Name, "/")+1]
					switch under := under[cloud]; {
					case under[h.Attacker]:
					case slices.Contains(clouds[cloud], h.Victim):
						if !h.Reached.Has(n) || h.Lower.Has(n) {
							t.Fatalf("%s fooled by AS %v about AS %v (%s)", v.Name, h.Attacker, h.Victim, h.Attack)
						}
						count := fooled[cloud]
						if old.Picked.Has(n) {
							count[0]++
						}
						count[1]++
						fooled[cloud] = count
					case !under[h.Victim]:
						for _, sets := range [][2]result.Set{{h.Reached, old.Reached}, {h.Lower, old.Lower}, {h.Picked, old.Picked}, {h.Upper, old.Upper}} {
							if sets[0].Has(n) != sets[1].Has(n) {
								t.Fatalf("%s, AS %v by AS %v (%s): not as without the links inside", v.Name, h.Victim, h.Attacker, h.Attack)
							}
						}
					}
				}
			}
			g.Expect(fooled).To(HaveLen(len(clouds)))
			for cloud, n := range fooled {
				t.Logf("%s: %s regions fooled about their own cloud in %.1f %% of %d hijacks without the links inside, in none with them", model, cloud, 100*float64(n[0])/float64(n[1]), n[1])
			}
		})
	}
}

// below reports whether an AS is one of some or has one of them as an indirect
// provider: what it announces, they hear as its provider.
func below(g *topology.Graph, some []topology.ASN, asn topology.ASN) bool {
	i, _ := g.Index(asn)
	seen := map[int32]bool{i: true}
	for queue := []int32{i}; len(queue) > 0; queue = queue[1:] {
		if slices.Contains(some, g.ASN(queue[0])) {
			return true
		}
		for _, p := range g.Providers(queue[0]) {
			if !seen[p] {
				seen[p] = true
				queue = append(queue, p)
			}
		}
	}
	return false
}

// withoutInside returns the study with its regions attached as the model says but
// for the links inside.
func withoutInside(t *testing.T, src *scenarios.StudySource, p *study.Plan) *study.Plan {
	t.Helper()
	g := NewWithT(t)
	m, err := src.Map()
	g.Expect(err).NotTo(HaveOccurred())
	sites, err := src.Sites()
	g.Expect(err).NotTo(HaveOccurred())
	egress, err := src.ResolveEgress("file")
	g.Expect(err).NotTo(HaveOccurred())
	_, attached, err := scenarios.Attach(m.Graph, sites, egress)
	g.Expect(err).NotTo(HaveOccurred())
	for n, a := range attached {
		g.Expect(a.Inside).To(Equal(p.Viewpoints()[n].Inside))
		sites[n].Providers, sites[n].Peers = a.Providers, a.Peers
	}
	plain, err := study.Prepare(t.Context(), study.Options{Source: src, Sites: sites, Workers: 2, Version: "test"})
	g.Expect(err).NotTo(HaveOccurred())
	return plain
}

// TestSetsOnTopologies: every built-in set can be computed on the real topologies
// and on a synthetic one.
func TestSetsOnTopologies(t *testing.T) {
	for _, name := range []string{"synthetic", "20191201", "20250901"} {
		t.Run(name, func(t *testing.T) {
			where := "{synthetic: {ases: 300, seed: 1}}"
			if name != "synthetic" {
				where = fmt.Sprintf("{file: %s}", internetFile(t, name))
			}
			g := NewWithT(t)
			for _, set := range catalog.Sets() {
				d, err := scenarios.ParseDeployment([]byte(fmt.Sprintf(
					"name: built-in\nperspectives: {set: %s}\ntopology: %s\nvictims: [13, 17]\nattackers: {sample: 20, seed: 1}\n", set.Name, where)), "ca.yaml")
				g.Expect(err).NotTo(HaveOccurred(), set.Name)
				p, err := study.Prepare(t.Context(), study.Options{Source: d.Study, Sites: d.Sites(), Workers: 1, Version: "test"})
				g.Expect(err).NotTo(HaveOccurred(), set.Name)
				rows, reached := 0, make([]int, len(p.Viewpoints()))
				g.Expect(p.Compute(t.Context(), func(h *result.Hijack) error {
					rows++
					for n := range reached {
						if h.Reached.Has(n) {
							reached[n]++
						}
					}
					return nil
				})).To(Succeed(), set.Name)
				g.Expect(rows).To(BeNumerically(">", 30), set.Name)
				g.Expect(reached[:1+len(set.Remotes)]).To(HaveEach(rows), "%s: every perspective has a route", set.Name)
			}
		})
	}
}

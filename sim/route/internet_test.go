package route_test

import (
	"bufio"
	"compress/bzip2"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// dataDir returns where the real data is, or skips the test.
func dataDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		for !exists(filepath.Join(root, "go.mod")) {
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "data")
	}
	if !exists(dir) {
		t.Skipf("SKIPPED: no data at %s; set MPICSIM_DATA to a folder with 20250901.as-rel2.txt.bz2 and bgpy-cases", dir)
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// internet returns the engine over the CAIDA topology of 2025-09-01, or skips.
// The few lines of parsing here keep this package's tests apart from package
// asrel's.
func internet(t testing.TB) *route.Engine {
	t.Helper()
	f, err := os.Open(filepath.Join(dataDir(t), "20250901.as-rel2.txt.bz2"))
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	defer f.Close()
	var b topology.Builder
	lines := bufio.NewScanner(bzip2.NewReader(f))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		fields := strings.Split(lines.Text(), "|")
		l := topology.Link{A: mustASN(t, fields[0]), B: mustASN(t, fields[1]), Kind: topology.Peering}
		if fields[2] == "-1" {
			l.Kind = topology.Transit
		}
		b.AddLink(l)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	g, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return route.NewEngine(g)
}

func mustASN(t testing.TB, s string) topology.ASN {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return topology.ASN(n)
}

func hijack(victim, attacker topology.ASN) []route.Announcement {
	prefix := netip.MustParsePrefix("203.0.113.0/24")
	return []route.Announcement{
		{Prefix: prefix, Path: []topology.ASN{victim}},
		{Prefix: prefix, Path: []topology.ASN{attacker}, Attacker: true},
	}
}

// TestKnownHijack compares with BGPy 13.0.11, which counts 18,998 ASes captured
// by AS 272133 when it and AS 9916 announce the same prefix, ties to the lowest
// neighbour.
func TestKnownHijack(t *testing.T) {
	g := NewWithT(t)
	e := internet(t)
	r, err := e.Propagate(hijack(9916, 272133), route.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	captured := map[topology.ASN]int{}
	for i := range int32(e.Graph().Len()) {
		who, _ := r.Announcer(i)
		captured[who]++
	}
	t.Logf("9916: %d, 272133: %d, neither: %d of %d ASes", captured[9916], captured[272133], captured[0], e.Graph().Len())
	g.Expect(captured[272133]).To(Equal(18998))
}

// pairs returns n seeded random pairs of distinct ASes.
func pairs(g *topology.Graph, n int, seed uint64) [][2]topology.ASN {
	rng := rand.New(rand.NewPCG(seed, 0))
	var all [][2]topology.ASN
	for len(all) < n {
		v, a := g.ASN(rng.Int32N(int32(g.Len()))), g.ASN(rng.Int32N(int32(g.Len())))
		if v != a {
			all = append(all, [2]topology.ASN{v, a})
		}
	}
	return all
}

// BenchmarkPropagateFull measures one equally-specific hijack over the whole
// topology on one core: a sequence of random pairs, memory reused.
func BenchmarkPropagateFull(b *testing.B) {
	e := internet(b)
	const seed, count = 1, 1000
	list := pairs(e.Graph(), count, seed)
	for _, tb := range route.TieBreaks() {
		b.Run(tb.String(), func(b *testing.B) {
			transit, peering := e.Graph().LinksOf()
			b.Logf("inputs: CAIDA as-rel2 2025-09-01, %d ASes, %d transit and %d peering links; %d random (victim, attacker) pairs, seed %d; tie-break %v",
				e.Graph().Len(), transit, peering, count, seed, tb)
			var r route.Routes
			anns := hijack(1, 1)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				anns[0].Path[0], anns[1].Path[0] = list[n%count][0], list[n%count][1]
				if err := e.PropagateInto(&r, anns, route.Options{TieBreak: tb, Seed: 7}); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

// BenchmarkNewEngine measures compiling the real topology.
func BenchmarkNewEngine(b *testing.B) {
	g := internet(b).Graph()
	b.ReportAllocs()
	for b.Loop() {
		route.NewEngine(g)
	}
}

package study_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// base is a study of 20 shards if cut into single victims.
const base = `name: base
topology: {synthetic: {ases: 300, seed: 4}}
routing: {tie-break: seeded, seed: 7}
victims: {sample: 20, seed: 3}
attackers: all
attacks: [equal-prefix, forged-origin]
viewpoints: [aws/us-*, 'gcp/*', AS12, 'aws/us-east-2']
`

func parse(t *testing.T, text string) *scenarios.StudySource {
	t.Helper()
	src, err := scenarios.ParseStudy([]byte(text), filepath.Join(t.TempDir(), "study.yaml"))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return src
}

func prepare(t *testing.T, text string, o study.Options) *study.Plan {
	t.Helper()
	o.Source, o.Version = parse(t, text), "test"
	p, err := study.Prepare(t.Context(), o)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	p.CutInto(1)
	return p
}

func run(t *testing.T, p *study.Plan, dir string) *result.Manifest {
	t.Helper()
	m, err := p.Run(t.Context(), study.RunOptions{Directory: dir})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return m
}

// contents returns all files below a directory.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir)] = string(data)
		return err
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return files
}

// expectSame compares two directories byte for byte, and says which files differ.
func expectSame(t *testing.T, got, want map[string]string) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(slices.Sorted(maps.Keys(got))).To(Equal(slices.Sorted(maps.Keys(want))))
	for name := range want {
		if got[name] != want[name] { // too long to print
			t.Errorf("%s differs", name)
		}
	}
}

// TestWorkersDoNotMatter: the same bytes for 1, 2 and 8 workers.
func TestWorkersDoNotMatter(t *testing.T) {
	for _, aggregate := range []bool{false, true} {
		t.Run(fmt.Sprintf("aggregate %v", aggregate), func(t *testing.T) {
			g := NewWithT(t)
			var want map[string]string
			for _, workers := range []int{1, 2, 8} {
				dir := t.TempDir()
				m := run(t, prepare(t, base, study.Options{Workers: workers, Aggregate: aggregate}), dir)
				g.Expect(m.Files).To(HaveLen(21))
				g.Expect(m.Counts.Hijacks).To(Equal(int64(20 * 299 * 2)))
				if want == nil {
					want = contents(t, dir)
					g.Expect(want).NotTo(HaveKey(ContainSubstring("checkpoint")))
				}
				expectSame(t, contents(t, dir), want)
			}
		})
	}
}

// pair is a hijack's name.
type pair struct {
	victim, attacker topology.ASN
	attack           string
}

// TestRowsAreWhatRoutingSays compares every row with a full propagation for each
// tie-break.
func TestRowsAreWhatRoutingSays(t *testing.T) {
	g := NewWithT(t)
	p := prepare(t, strings.Replace(base, "sample: 20", "sample: 5", 1), study.Options{Workers: 2})
	dir := t.TempDir()
	run(t, p, dir)
	d, err := result.Open(dir)
	g.Expect(err).NotTo(HaveOccurred())
	src := parse(t, base)
	m, err := src.Map()
	g.Expect(err).NotTo(HaveOccurred())
	sites, err := src.Sites()
	g.Expect(err).NotTo(HaveOccurred())
	graph, attached, err := scenarios.Attach(m.Graph, sites, scenarios.Egress{Model: scenarios.EgressNearest, Providers: 2})
	g.Expect(err).NotTo(HaveOccurred())
	engine := route.NewEngine(graph)
	seen := map[pair]bool{}
	for h, err := range d.Hijacks() {
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(h.Count).To(Equal(int64(1)))
		seen[pair{h.Victim, h.Attacker, h.Attack}] = true
		path := []topology.ASN{h.Attacker}
		if h.Attack == scenarios.ForgedOrigin {
			path = append(path, h.Victim)
		}
		for set, o := range map[*result.Set]route.Options{
			&h.Lower:  {TieBreak: route.TieBreakAttacker},
			&h.Picked: {TieBreak: route.TieBreakSeeded, Seed: 7},
			&h.Upper:  {TieBreak: route.TieBreakVictim},
		} {
			routes, err := engine.Propagate([]route.Announcement{
				{Prefix: prefix, Path: []topology.ASN{h.Victim}}, {Prefix: prefix, Path: path, Attacker: true},
			}, o)
			g.Expect(err).NotTo(HaveOccurred())
			for n, a := range attached {
				i, _ := graph.Index(a.ASN)
				who, ok := routes.Announcer(i)
				if h.Reached.Has(n) != ok || set.Has(n) != (ok && who == h.Attacker) {
					t.Fatalf("AS %v by AS %v, %s: viewpoint %s", h.Victim, h.Attacker, h.Attack, d.Viewpoints[n].Name)
				}
			}
		}
	}
	g.Expect(seen).To(HaveLen(5 * 299 * 2))
}

// TestAggregatedIsTheSame: expanding the rows by victim, attack and sets gives
// the same counts and weights as the aggregated rows.
func TestAggregatedIsTheSame(t *testing.T) {
	g := NewWithT(t)
	text := strings.Replace(base, "attackers: all", "attackers: {weights: w.csv}", 1)
	src := parse(t, text)
	var w strings.Builder
	w.WriteString("asn,weight\n")
	for n := range 200 {
		fmt.Fprintf(&w, "%d,%d\n", n+1, n%7+1)
	}
	g.Expect(os.WriteFile(src.Path("w.csv"), []byte(w.String()), 0o600)).To(Succeed())
	type sum struct {
		count  int64
		weight float64
	}
	var sums [2]map[string]sum
	rows := [2]int{}
	for n, aggregate := range []bool{false, true} {
		p, err := study.Prepare(t.Context(), study.Options{Source: src, Version: "test", Aggregate: aggregate, Workers: 2})
		g.Expect(err).NotTo(HaveOccurred())
		dir := t.TempDir()
		m := run(t, p, dir)
		g.Expect(m.Attackers.How).To(Equal("weights"))
		g.Expect(m.Counts.Rows).To(BeNumerically("<=", m.Counts.Hijacks))
		d, err := result.Open(dir)
		g.Expect(err).NotTo(HaveOccurred())
		sums[n] = map[string]sum{}
		hosts := map[topology.ASN]bool{}
		for _, v := range d.Viewpoints {
			hosts[v.ASN] = true
		}
		for h, err := range d.Hijacks() {
			g.Expect(err).NotTo(HaveOccurred())
			attacker := topology.ASN(0)
			if hosts[h.Attacker] {
				attacker = h.Attacker
			}
			key := fmt.Sprint(h.Victim, attacker, h.Attack, h.VictimWeight, h.Reached, h.Lower, h.Picked, h.Upper)
			s := sums[n][key]
			sums[n][key] = sum{s.count + h.Count, s.weight + h.AttackerWeight}
			rows[n]++
		}
	}
	g.Expect(sums[1]).To(Equal(sums[0]))
	g.Expect(rows[1]).To(Equal(len(sums[0])), "each outcome once, and those of the viewpoints' own ASes apart")
	g.Expect(rows[1]).To(BeNumerically("<", rows[0]))
}

// TestComputeIsWhatIsStored: without a directory, the same hijacks in the same
// order.
func TestComputeIsWhatIsStored(t *testing.T) {
	g := NewWithT(t)
	p := prepare(t, base, study.Options{Workers: 2})
	dir := t.TempDir()
	run(t, p, dir)
	var computed, stored bytes.Buffer
	g.Expect(p.Compute(t.Context(), func(h *result.Hijack) error {
		fmt.Fprintln(&computed, *h)
		return nil
	})).To(Succeed())
	d, err := result.Open(dir)
	g.Expect(err).NotTo(HaveOccurred())
	for h, err := range d.Hijacks() {
		g.Expect(err).NotTo(HaveOccurred())
		fmt.Fprintln(&stored, *h)
	}
	g.Expect(sha256.Sum256(computed.Bytes())).To(Equal(sha256.Sum256(stored.Bytes())))
	stop := fmt.Errorf("enough")
	g.Expect(p.Compute(t.Context(), func(*result.Hijack) error { return stop })).To(MatchError(stop))
}

func TestEstimate(t *testing.T) {
	g := NewWithT(t)
	p := prepare(t, strings.Replace(base, "sample: 20", "sample: 200", 1), study.Options{Workers: 2})
	clock := stepClock()
	e, err := p.Estimate(t.Context(), clock)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Measured).To(Equal(int64(6*299*2)), "after five steps of 0.2 s there is time for another, after six there is none")
	g.Expect(e.Duration.Seconds()).To(BeNumerically("~", 1.4*200/6/2, 0.1))
	p.CutInto(200)
	m := run(t, p, t.TempDir())
	g.Expect(float64(e.Disk)/float64(m.Files[1].Bytes)).To(BeNumerically("~", 1.25, 0.75), "dictionaries weigh more in a small file")
	g.Expect(e.Memory).To(BeNumerically(">", 1<<20))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Estimate(ctx, clock)
	g.Expect(err).To(MatchError(context.Canceled))
}

// prefix is what everybody announces.
var prefix = netip.MustParsePrefix("203.0.113.0/24")

// stepClock returns a clock that goes on by 0.2 s whenever it is looked at.
func stepClock() func() time.Time {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(200 * time.Millisecond)
		return now
	}
}

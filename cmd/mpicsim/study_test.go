package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
)

// TestDocumentedStudy runs the study that docs/studies.md shows, and holds it to
// what the page says of hashes and bits.
func TestDocumentedStudy(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "studies.md"))
	g.Expect(err).NotTo(HaveOccurred())
	_, after, ok := strings.Cut(string(page), "```yaml\n")
	g.Expect(ok).To(BeTrue())
	text, _, _ := strings.Cut(after, "```\n")
	file, dir := filepath.Join("..", "..", "docs", "study.yaml"), t.TempDir()
	g.Expect(os.ReadFile(file)).To(BeEquivalentTo(text), "the file that the page shows")
	var stderr bytes.Buffer
	g.Expect(run([]string{"study", "run", file, "-o", dir}, testStreams(io.Discard, &stderr))).To(Equal(exitDone), stderr.String())

	d, err := result.Open(dir)
	g.Expect(err).NotTo(HaveOccurred())
	var lines strings.Builder
	for _, name := range []string{"viewpoints.json", "hijacks/00000.parquet"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		g.Expect(err).NotTo(HaveOccurred())
		fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(data), name)
	}
	sum := sha256.Sum256([]byte(lines.String()))
	g.Expect(d.Manifest.SHA256).To(Equal(hex.EncodeToString(sum[:])), "as sha256sum prints it")
	g.Expect(d.Manifest.Counts.Hijacks).To(Equal(int64(2 * 20 * 999)))
	for _, word := range []string{"victim", "attacker", "attack", "victim_weight", "attacker_weight", "count", "reached", "lower", "picked", "upper", "prefix"} {
		g.Expect(string(page)).To(ContainSubstring("| `" + word + "` |"))
	}
}

// TestAggregatedStudyHasTheSameResilience applies rules to a study stored as rows
// and as distinct outcomes: every number that does not need attackers told apart
// is the same.
func TestAggregatedStudyHasTheSameResilience(t *testing.T) {
	g := NewWithT(t)
	folder := t.TempDir()
	study := filepath.Join(folder, "study.yaml")
	g.Expect(os.WriteFile(filepath.Join(folder, "weights.csv"), []byte("asn,weight\n1,2\n150,0.5\n200,1\n299,4\n33,3.25\n"), 0o600)).To(Succeed())
	g.Expect(os.WriteFile(study, []byte(`name: a
topology: {synthetic: {ases: 400, seed: 2}}
victims: {weights: weights.csv}
attackers: all
attacks: [equal-prefix, forged-origin]
viewpoints: [AS12, "aws/*"]
`), 0o600)).To(Succeed())
	resilienceOf := func(name string, flags ...string) resilience.Report {
		dir := filepath.Join(folder, name)
		var stdout, stderr bytes.Buffer
		s := testStreams(&stdout, &stderr)
		g.Expect(run(append([]string{"study", "run", study, "-o", dir}, flags...), s)).To(Equal(exitDone), stderr.String())
		stdout.Reset()
		g.Expect(run([]string{
			"study", "resilience", dir, "--json", "--pairwise", "--failure-rate", "0.02", "--date", "2026-12-15",
			"--perspectives", "openmpic-default", "--perspectives", "AS12:aws/us-west-2,aws/eu-central-1,aws/ap-south-1", "--rule", "boulder", "--rule", "br@2025-09-15",
		}, s)).To(Equal(exitDone), stderr.String())
		var r resilience.Report
		g.Expect(json.Unmarshal(stdout.Bytes(), &r)).To(Succeed())
		return r
	}
	rows, patterns := resilienceOf("rows"), resilienceOf("patterns", "--aggregate")
	g.Expect(rows.Attacks).To(HaveLen(3))
	g.Expect(rows.Attacks[2].Attack).To(Equal(resilience.Strongest))
	rows.Attacks = rows.Attacks[:2] // attackers that are not told apart choose nothing
	for n := range rows.Attacks {
		a := &rows.Attacks[n]
		g.Expect(a.Policies).To(HaveLen(4))
		g.Expect(a.Policies[0].WithPrimary.Mean.Picked).To(And(BeNumerically(">", 0), BeNumerically("<", 1)))
		g.Expect(a.Attackers).To(Equal(400))
		a.Attackers = 0
		for i := range a.Policies {
			a.Policies[i].WithPrimary.Attackers, a.Policies[i].WithoutPrimary.Attackers = nil, nil
		}
	}
	g.Expect(rounded(t, patterns)).To(Equal(rounded(t, rows)), "but for the order in which sums are taken")
}

// rounded returns the JSON form of v with numbers of twelve decimals.
func rounded(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`\d+\.\d+(e-?\d+)?`).ReplaceAllStringFunc(string(text), func(number string) string {
		x, err := strconv.ParseFloat(number, 64)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatFloat(math.Round(x*1e12)/1e12, 'f', -1, 64)
	})
}

// TestStudyInterrupted: what is finished is kept, and the exit code is a fault's.
func TestStudyInterrupted(t *testing.T) {
	g := NewWithT(t)
	file, dir := filepath.Join(t.TempDir(), "study.yaml"), t.TempDir()
	g.Expect(os.WriteFile(file, []byte("name: a\ntopology: {synthetic: {ases: 300}}\nvictims: all\nattackers: all\nattacks: [equal-prefix]\nviewpoints: [1]\n"), 0o600)).To(Succeed())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cmd := newRootCommand(testStreams(io.Discard, io.Discard))
	cmd.SetArgs([]string{"study", "run", file, "-o", dir})
	g.Expect(codeOf(cmd.ExecuteContext(ctx))).To(Equal(exitFault))
}

func TestStudyProgress(t *testing.T) {
	g := NewWithT(t)
	g.Expect(progressLine(study.Progress{Done: 500, Kept: 100, Total: 2000}, 2*time.Second)).
		To(Equal("Computed    25.0 %: 500 of 2,000 hijacks, 200/s, 8 s left"))
	g.Expect(progressLine(study.Progress{Total: 2000}, 0)).To(Equal("Computed    0.0 %: 0 of 2,000 hijacks, 0/s, unknown left"))

	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var log bytes.Buffer
	p := newStudyProgress(testStreams(io.Discard, &log), func() time.Time { return now })
	for n := range 31 {
		now = now.Add(time.Second)
		p.show(study.Progress{Done: int64(n + 1), Total: 100})
	}
	p.end()
	g.Expect(log.String()).To(Equal(`Computed    10.0 %: 10 of 100 hijacks, 1/s, 1 min 30 s left
Computed    20.0 %: 20 of 100 hijacks, 1/s, 1 min 20 s left
Computed    30.0 %: 30 of 100 hijacks, 1/s, 1 min 10 s left
`), "a line now and then, and nothing to move a cursor")
}

func TestSizesAndTimes(t *testing.T) {
	g := NewWithT(t)
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 12_345: "12 kB", 999_600: "1.0 MB", 5_400_000_000: "5.4 GB", 1 << 62: "4.6 EB"} {
		g.Expect(bytesOf(n)).To(Equal(want))
	}
	for d, want := range map[time.Duration]string{
		0: "less than a second", 59 * time.Second: "59 s", 90 * time.Second: "1 min 30 s", 61 * time.Minute: "1 h 01 min", 60 * time.Hour: "2.5 days",
	} {
		g.Expect(lasting(d)).To(Equal(want))
	}
	g.Expect([]string{grouped(0), grouped(999), grouped(1000), grouped(1234567)}).To(Equal([]string{"0", "999", "1,000", "1,234,567"}))
	g.Expect([]string{counted(1, "row"), counted(0, "row"), counted(2000, "row")}).To(Equal([]string{"1 row", "0 rows", "2,000 rows"}))
}

// TestDocumentedComparison runs the command of docs/studies.md, which prints what the
// page says, but for the time; and the page's domains are what it says they are.
func TestDocumentedComparison(t *testing.T) {
	g := NewWithT(t)
	folder := filepath.Join("..", "..", "docs", "defended")
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "studies.md"))
	g.Expect(err).NotTo(HaveOccurred())
	study, err := os.ReadFile(filepath.Join(folder, "study.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(page)).To(ContainSubstring("```yaml\n" + string(study) + "```\n"))
	took := regexp.MustCompile(`(?m)^Took .*\n`)
	var stdout, stderr bytes.Buffer
	g.Expect(run([]string{"study", "compare", filepath.Join(folder, "study.yaml"), "--rule", "br@2026-12-15"}, testStreams(&stdout, &stderr))).To(Equal(exitDone), stderr.String())
	g.Expect(took.ReplaceAllString(string(page), "")).To(ContainSubstring("```text\n" + took.ReplaceAllString(stdout.String(), "") + "```\n"))

	stdout.Reset()
	g.Expect(run([]string{"domain", "synth", "--origins", filepath.Join(folder, "origins.csv"), "--count", "40", "--seed", "1"}, testStreams(&stdout, &stderr))).To(Equal(exitDone), stderr.String())
	g.Expect(os.ReadFile(filepath.Join(folder, "domains.jsonl"))).To(BeEquivalentTo(stdout.String()))
}

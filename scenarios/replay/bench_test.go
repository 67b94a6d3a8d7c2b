package replay_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mpicsim/scenarios"
	"mpicsim/scenarios/library"
	"mpicsim/scenarios/replay"
)

// heapMB returns the live heap in megabytes.
func heapMB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

// benchData returns the real topology's file, and skips the benchmark where it is
// absent.
func benchData(b *testing.B) string {
	b.Helper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	file := filepath.Join(dir, "20250901.as-rel2.txt.bz2")
	if _, err := os.Stat(file); err != nil {
		b.Skipf("SKIPPED: no real topology: %v; set MPICSIM_DATA to the folder that holds it", err)
	}
	file, err := filepath.Abs(file)
	if err != nil {
		b.Fatal(err)
	}
	return file
}

// BenchmarkReplayReal is one replay from the command line's start to its last
// decision: the file is read, perspectives are attached, all prefixes are
// propagated, hosts and servers started, and both checks made.
func BenchmarkReplayReal(b *testing.B) {
	file := benchData(b)
	data, name, err := library.Text(library.Default)
	if err != nil {
		b.Fatal(err)
	}
	src, err := scenarios.Parse(data, name)
	if err != nil {
		b.Fatal(err)
	}
	src, _, err = src.With(scenarios.Overrides{
		TopologyFile: file, Victim: 272133, Attacker: 9916, Perspectives: "example-five-remotes", Date: "2026-12-15",
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("inputs: %s; victim AS 272133, attacker AS 9916; example-five-remotes (1 primary, 5 remotes); 2 checks", filepath.Base(file))
	run := func(b *testing.B, load func(*scenarios.Source) (*replay.Map, error)) {
		before := heapMB()
		var held float64
		for b.Loop() {
			w, err := replay.Build(context.Background(), replay.Options{Source: src, Loader: load})
			if err != nil {
				b.Fatal(err)
			}
			r, err := w.Replay(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			if !r.Checks[1].Rows[5].Asked {
				b.Fatal("the primary was not fooled: the benchmark would measure half a check")
			}
			if held == 0 {
				b.StopTimer()
				held = heapMB() - before
				b.StartTimer()
			}
			w.Close()
		}
		b.ReportMetric(held, "heap-MB")
	}
	b.Run("with-loading", func(b *testing.B) { run(b, nil) })
	m, err := replay.Load(src)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("topology-in-memory", func(b *testing.B) {
		run(b, func(*scenarios.Source) (*replay.Map, error) { return m, nil })
	})
}

// gcPercent is what the command sets.
const gcPercent = 400

// ladder is a scenario in which every packet crosses 5 ASes: six perspectives on
// one side, the root, the TLD, the victim's name server and web server on the
// other.
func ladder(tb testing.TB) *scenarios.Source {
	tb.Helper()
	regions := []string{"aws/us-east-2", "aws/us-west-2", "aws/eu-central-1", "aws/ap-northeast-1", "aws/sa-east-1", "aws/af-south-1"}
	var links, remotes strings.Builder
	for n, region := range regions {
		fmt.Fprintf(&links, "    - %d > %d\n    - %d > %d\n", 10+n, 20+n, 1, 10+n)
		if n > 0 {
			fmt.Fprintf(&remotes, "      - {region: %s, as: %d}\n", region, 20+n)
		}
	}
	text := `name: ladder
title: Five AS hops for every packet
claim: For benchmarks.
topology:
  links:
    - 1 > 30
    - 30 > 40
    - 30 > 41
    - 30 > 42
    - 30 > 43
    - 1 > 50
` + links.String() + `victim:
  as: 40
  prefixes: [203.0.113.0/24]
  domain: shop.example
  web: [203.0.113.80]
  caa: ['0 issue "ca.example"']
  name-servers:
    - {name: ns1.shop.example, as: 41, prefix: 198.51.100.0/24, address: 198.51.100.53}
attacker: {as: 50}
dns: {root-as: 42, tld-as: 43}
ca:
  date: 2026-12-15
  method: acme-http-01
  perspectives:
    primary: {region: aws/us-east-2, as: 20}
    remotes:
` + remotes.String() + `timeline:
  - {at: 0s, announce: {}}
  - {at: 1s, check: {name: owner, applicant: victim}}
`
	src, err := scenarios.Parse([]byte(text), "ladder.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return src
}

// BenchmarkCorroborations measures whole checks on a network that is up: the
// primary and five remotes, each resolving from the root (DCV and CAA) and
// fetching the challenge, over 5 AS hops.
func BenchmarkCorroborations(b *testing.B) {
	src := ladder(b)
	before := heapMB()
	w, err := replay.Build(context.Background(), replay.Options{Source: src})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	up := heapMB() - before
	event := *src.Timeline[1].Check
	first, err := w.Check(context.Background(), event, time.Second)
	if err != nil {
		b.Fatal(err)
	}
	hops := map[int]bool{}
	exchanges := 0
	for _, row := range first.Rows {
		exchanges += len(row.Flows)
		for _, f := range row.Flows {
			hops[len(f.Path)] = true
		}
	}
	if !first.Decision.Issue || first.Decision.Quorum != "5/5" || len(hops) != 1 || !hops[5] {
		b.Fatalf("decision %+v, path lengths %v: want 5/5 over 5 ASes", first.Decision, hops)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	b.Logf("inputs: 1 primary and 5 remotes, %d connections a check, 5 ASes on each path, GOMAXPROCS %d, GC percent %d",
		exchanges, runtime.GOMAXPROCS(0), gcPercent)
	var at atomic.Int64
	at.Store(int64(time.Second))
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c, err := w.Check(context.Background(), event, time.Duration(at.Add(int64(time.Second))))
			if err != nil || !c.Decision.Issue {
				b.Errorf("check failed: %v %+v", err, c)
				return
			}
		}
	})
	b.StopTimer()
	checks := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(checks, "checks/s")
	b.ReportMetric(checks*float64(len(first.Rows)), "corroborations/s") // the primary's among them
	b.ReportMetric(up, "network-heap-MB")
	b.ReportMetric(heapMB()-before, "heap-MB")
}

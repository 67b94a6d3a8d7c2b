package event_test

import (
	"bufio"
	"compress/bzip2"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mpicsim/sim/event"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// internet returns the CAIDA topology of 2025-09-01, or skips. The few lines of
// parsing here keep this package's tests apart from package asrel's.
func internet(tb testing.TB) *topology.Graph {
	tb.Helper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			tb.Fatal(err)
		}
		for !exists(filepath.Join(root, "go.mod")) {
			if root == filepath.Dir(root) {
				tb.Fatal("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, "20250901.as-rel2.txt.bz2"))
	if err != nil {
		tb.Skipf("SKIPPED: no topology: %v; set MPICSIM_DATA to a folder with 20250901.as-rel2.txt.bz2", err)
	}
	defer f.Close()
	var b topology.Builder
	lines := bufio.NewScanner(bzip2.NewReader(f))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		fields := strings.Split(lines.Text(), "|")
		l := topology.Link{A: mustASN(tb, fields[0]), B: mustASN(tb, fields[1]), Kind: topology.Peering}
		if fields[2] == "-1" {
			l.Kind = topology.Transit
		}
		b.AddLink(l)
	}
	g, _, err := b.Build()
	if err != nil || lines.Err() != nil {
		tb.Fatal(err, lines.Err())
	}
	return g
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func mustASN(tb testing.TB, s string) topology.ASN {
	tb.Helper()
	asn, err := topology.ParseASN(s)
	if err != nil {
		tb.Fatal(err)
	}
	return asn
}

// BenchmarkHijack has a random victim announced long ago, a random attacker that
// announces the same prefix at 0 and withdraws it 10 minutes later, on the whole
// Internet. It prints the inputs and what it took in virtual time.
func BenchmarkHijack(b *testing.B) {
	g := internet(b)
	for _, bench := range []struct {
		name string
		set  func(*event.Options)
	}{
		{"MRAI=30s", func(*event.Options) {}},
		{"MRAI=30s,withdrawals-exempt", func(o *event.Options) { o.Timers.ExemptWithdrawals = true }},
		{"MRAI=5s", func(o *event.Options) { o.Timers.MRAI = 5 * time.Second }},
		{"MRAI=0", func(o *event.Options) { o.Timers.MRAI = 0 }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			o := event.Options{Timers: event.DefaultTimers(), Routing: route.Options{TieBreak: route.TieBreakSeeded, Seed: 1}}
			bench.set(&o)
			b.Logf("%v; seed 1, victim and attacker drawn by PCG(1, run)", g)
			var sum [3]event.Phase
			run := uint64(0)
			for b.Loop() {
				rng := rand.New(rand.NewPCG(1, run))
				run++
				victim, attacker := g.ASN(rng.Int32N(int32(g.Len()))), g.ASN(rng.Int32N(int32(g.Len())))
				h, err := event.Run(g, event.Schedule{
					Standing: []route.Announcement{{Prefix: prefix, Path: []topology.ASN{victim}}},
					Changes: []event.Change{
						{Announce: []route.Announcement{{Prefix: prefix, Path: []topology.ASN{attacker}, Attacker: true}}},
						{At: 10 * time.Minute, Withdraw: []event.Withdrawal{{Prefix: prefix, AS: attacker}}},
					},
				}, o)
				if err != nil {
					b.Fatal(err)
				}
				tl := h.Of(prefix)
				if tl.Outcome() != event.Converged {
					b.Fatal(tl.Outcome())
				}
				for n, p := range append([]event.Phase{tl.Standing()}, tl.Phases()...) {
					sum[n].Announcements += p.Announcements
					sum[n].Withdrawals += p.Withdrawals
					sum[n].Decisions += p.Decisions
					sum[n].Settled += p.Settled - p.At
				}
			}
			for n, name := range []string{"announce", "hijack", "withdraw"} {
				p, k := sum[n], float64(run)
				b.ReportMetric(float64(p.Announcements+p.Withdrawals)/k, name+"-messages")
				b.ReportMetric(p.Settled.Seconds()/k, name+"-virtual-s")
			}
			var mem runtime.MemStats
			runtime.ReadMemStats(&mem)
			b.ReportMetric(float64(mem.Sys)/1e6, "sys-MB")
		})
	}
}

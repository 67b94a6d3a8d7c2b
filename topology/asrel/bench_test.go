package asrel_test

import (
	"compress/bzip2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"mpicsim/topology"
	"mpicsim/topology/asrel"
	"mpicsim/topology/place"
)

// describe prints what a benchmark runs on.
func describe(b *testing.B, path string, f *asrel.File) {
	b.Helper()
	size := int64(0)
	if at, err := os.Stat(path); err == nil {
		size = at.Size()
	}
	b.Logf("input: %s, %d bytes, SHA-256 %x: %v; GOMAXPROCS %d, %s",
		filepath.Base(path), size, f.SHA256[:8], f.Graph, runtime.GOMAXPROCS(0), runtime.Version())
}

func benchmarkOpen(b *testing.B, path string) {
	b.Helper()
	f, err := asrel.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	describe(b, path, f)
	f = nil
	before := heapMB()
	b.ReportAllocs()
	for b.Loop() {
		if f, err = asrel.Open(path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(heapMB()-before, "file-heap-MB")
	runtime.KeepAlive(f)
}

// heapMB returns what is alive on the heap.
func heapMB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

// plainFile returns the path of the real topology as plain text.
func plainFile(tb testing.TB) string {
	tb.Helper()
	packed, err := os.Open(realFile(tb))
	if err != nil {
		tb.Fatal(err)
	}
	defer packed.Close() // opened for reading only
	path := filepath.Join(tb.TempDir(), "as-rel2.txt")
	out, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := out.ReadFrom(bzip2.NewReader(packed)); err != nil {
		tb.Fatal(err)
	}
	if err := out.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

func BenchmarkOpenBzip2(b *testing.B) { benchmarkOpen(b, realFile(b)) }

func BenchmarkOpenPlain(b *testing.B) { benchmarkOpen(b, plainFile(b)) }

// BenchmarkExtend attaches ten cloud regions, two providers and two peers each,
// to the real topology.
func BenchmarkExtend(b *testing.B) {
	path := realFile(b)
	f, err := asrel.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	describe(b, path, f)
	const regions, base = 10, 4_200_000_000
	b.Logf("added: %d placed ASes with 2 providers and 2 peers each", regions)
	b.ReportAllocs()
	for b.Loop() {
		more := topology.Extend(f.Graph)
		for r := range topology.ASN(regions) {
			region := base + r
			more.SetPlace(region, place.Location{Lat: float64(r), Lon: float64(r)})
			more.AddLink(topology.Link{A: 174, B: region, Kind: topology.Transit})
			more.AddLink(topology.Link{A: 3356, B: region, Kind: topology.Transit})
			more.AddLink(topology.Link{A: 6939, B: region, Kind: topology.Peering})
			more.AddLink(topology.Link{A: region, B: 24482, Kind: topology.Peering})
		}
		g, findings, err := more.Build()
		if err != nil || len(findings) > 0 || g.Len() != f.Graph.Len()+regions {
			b.Fatal(g.Len(), findings, err)
		}
	}
}

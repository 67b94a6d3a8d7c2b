package rpki_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"
	"testing"

	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

func describe(b *testing.B, f *rpki.File) {
	b.Helper()
	b.Logf("input: %s, SHA-256 %x: %d VRPs, %d ASPAs; GOMAXPROCS %d, %s",
		filepath.Base(f.Name), f.SHA256[:8], len(f.VRPs), len(f.ASPAs), runtime.GOMAXPROCS(0), runtime.Version())
}

func realVRPFile(b *testing.B) *rpki.File {
	b.Helper()
	f, err := rpki.Open(realFile(b, realVRPs))
	if err != nil {
		b.Fatal(err)
	}
	describe(b, f)
	return f
}

func BenchmarkOpen(b *testing.B) {
	path := realVRPFile(b).Name
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rpki.Open(path); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadJSON reads the same payloads as rpki-client writes them.
func BenchmarkReadJSON(b *testing.B) {
	var text bytes.Buffer
	text.WriteString("{\n\t\"metadata\": {},\n\n\t\"roas\": [")
	for i, v := range realVRPFile(b).VRPs {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, "\n\t\t{ \"asn\": %d, \"prefix\": %q, \"maxLength\": %d, \"ta\": %q, \"expires\": 1663250000 }",
			v.Origin, v.Prefix, v.MaxLength, v.TrustAnchor)
	}
	text.WriteString("\n\t]\n}\n")
	if !json.Valid(text.Bytes()) {
		b.Fatal("not JSON")
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rpki.Read(bytes.NewReader(text.Bytes()), "bench"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewVRPs(b *testing.B) {
	f := realVRPFile(b)
	var set *rpki.VRPs
	before := heapMB()
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if set, err = rpki.NewVRPs(f.VRPs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(heapMB()-before, "live-MB")
	runtime.KeepAlive(f)
	runtime.KeepAlive(set)
}

func heapMB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

// BenchmarkValidate validates the prefixes of the VRPs in a scattered order, half of
// them with their origin; in another benchmark prefixes that few VRPs cover.
func BenchmarkValidate(b *testing.B) {
	f := realVRPFile(b)
	set, err := rpki.NewVRPs(f.VRPs)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("covered", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i = (i + 7919) % len(f.VRPs)
			set.Validate(f.VRPs[i].Prefix, f.VRPs[i].Origin+topology.ASN(i&1))
		}
	})
	b.Run("scattered", func(b *testing.B) {
		b.ReportAllocs()
		n := uint32(1)
		for b.Loop() {
			n = n*1664525 + 1013904223
			set.Validate(netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), 0}), 24), 1)
		}
	})
}

func BenchmarkVerifyDownstream(b *testing.B) {
	set := exampleASPAs(b)
	p := path(exE, exG, exF, exC, exA)
	b.ReportAllocs()
	for b.Loop() {
		set.VerifyDownstream(p)
	}
}

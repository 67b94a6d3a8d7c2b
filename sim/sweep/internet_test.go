package sweep_test

import (
	"os"
	"path/filepath"
	"testing"

	"mpicsim/topology"
	"mpicsim/topology/asrel"
	"mpicsim/topology/synth"
)

// internetFile returns where the real topology should be.
func internetFile() string {
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	return filepath.Join(dir, "20250901.as-rel2.txt.bz2")
}

// internet returns the real topology, or skips where its file is not there.
func internet(tb testing.TB) *topology.Graph {
	tb.Helper()
	path := internetFile()
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("no real topology: %v; set MPICSIM_DATA to the folder that holds it", err)
	}
	f, err := asrel.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	return f.Graph
}

// internetOrSynthetic returns the real topology, or one of that size where its file is
// not there.
func internetOrSynthetic(tb testing.TB) *topology.Graph {
	tb.Helper()
	if _, err := os.Stat(internetFile()); err == nil {
		return internet(tb)
	}
	made, err := synth.Generate(synth.Options{ASes: 80_000, Seed: 1})
	if err != nil {
		tb.Fatal(err)
	}
	return made.Graph
}

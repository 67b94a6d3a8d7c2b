package sweep_test

import (
	"os"
	"path/filepath"
	"testing"

	"mpicsim/topology"
	"mpicsim/topology/asrel"
)

// internet returns the real topology, or skips where its file is not there.
func internet(tb testing.TB) *topology.Graph {
	tb.Helper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(dir, "20250901.as-rel2.txt.bz2")
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("no real topology: %v; set MPICSIM_DATA to the folder that holds it", err)
	}
	f, err := asrel.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	return f.Graph
}

package synth_test

import (
	"os"
	"path/filepath"
	"testing"
)

const realName = "20250901.as-rel2.txt.bz2"

// dataDir returns where real data is: $MPICSIM_DATA or ../shared/data beside
// the repository.
func dataDir(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv("MPICSIM_DATA"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared", "data")
		}
		if dir == filepath.Dir(dir) {
			tb.Fatal("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// realFile returns the path of the real topology, or skips.
func realFile(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(dataDir(tb), realName)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("SKIPPED: the real topology is not here (set MPICSIM_DATA to the directory that holds it): %v", err)
	}
	return path
}

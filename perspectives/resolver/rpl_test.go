package resolver_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// TestRPLPeers runs the scenarios of Deckard and Unbound.
func TestRPLPeers(t *testing.T) {
	dir := rplDir(t)
	byDesign := rplByDesign()
	var files []string
	for _, peer := range []string{"deckard", "unbound"} {
		found, err := filepath.Glob(filepath.Join(dir, peer, "*.rpl"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	passed := 0
	var differing []string
	for _, path := range files {
		name := filepath.ToSlash(strings.TrimSuffix(mustRel(t, dir, path), ".rpl"))
		reason, listed := byDesign[name]
		delete(byDesign, name)
		t.Run(name, func(t *testing.T) {
			err := runRPLFile(t, path)
			switch {
			case err == nil && listed:
				t.Errorf("passes, but the table says that it differs by design: %s", reason)
			case err == nil:
				passed++
			case listed:
				differing = append(differing, name+": "+reason)
			default:
				t.Error(err)
			}
		})
	}
	for name := range byDesign {
		t.Errorf("%s is in the table and not among the files of %s", name, dir)
	}
	sort.Strings(differing)
	t.Logf("%d scenarios: %d pass, %d differ by design:\n%s", len(files), passed, len(differing), strings.Join(differing, "\n"))
}

// runRPLFile plays a file twice: with a session for each query, as checks have
// them, and with one for all.
func runRPLFile(t *testing.T, path string) error {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseRPL(filepath.Base(path), string(text), filepath.Base(filepath.Dir(path)) == "deckard")
	if err != nil {
		return err
	}
	_, err = playRPL(t.Context(), s, false)
	return err
}

func mustRel(t *testing.T, base, path string) string {
	t.Helper()
	rel, err := filepath.Rel(base, path)
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

// rplDir returns the folder of the peers' scenarios: rpl in $MPICSIM_DATA, or in
// ../shared/data seen from the folder of go.mod. It skips the test where neither
// is there.
func rplDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if filepath.Dir(root) == root {
				t.Fatal("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "data")
	}
	dir = filepath.Join(dir, "rpl")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SKIPPED, the resolver was not held against its peers' scenarios: %s is absent (set MPICSIM_DATA)", dir)
	}
	return dir
}

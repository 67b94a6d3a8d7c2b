package resolver_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// TestRPLPeers runs the scenarios of Deckard and Unbound, each twice: with a session
// for each lookup, as checks have them, and with one for all.
func TestRPLPeers(t *testing.T) {
	dir := rplDir(t)
	byDesign := rplByDesign()
	files := rplFiles(t, dir)
	passed, most := 0, 0
	var differing []string
	for _, path := range files {
		name := filepath.ToSlash(strings.TrimSuffix(mustRel(t, dir, path), ".rpl"))
		design, listed := byDesign[name]
		delete(byDesign, name)
		t.Run(name, func(t *testing.T) {
			for _, how := range []rplHow{{}, {shared: true}} {
				p, err := playRPL(t.Context(), readRPL(t, path), how)
				most = max(most, p.most)
				if complaint := design.complaint(p, err); complaint != nil {
					t.Errorf("shared session %v: %v", how.shared, complaint)
				}
			}
			if listed {
				differing = append(differing, fmt.Sprintf("%s %v: %s", name, design.steps, design.reason))
			} else if !t.Failed() {
				passed++
			}
		})
	}
	for name := range byDesign {
		t.Errorf("%s is in the table and not among the files of %s", name, dir)
	}
	sort.Strings(differing)
	t.Logf("%d scenarios: %d pass, at most %d messages for one lookup; %d differ by design, in the steps named:\n%s",
		len(files), passed, most, len(differing), strings.Join(differing, "\n"))
}

// readRPL reads a file. One that the parser does not understand fails the test.
func readRPL(t *testing.T, path string) *rplScenario {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseRPL(filepath.Base(path), string(text), filepath.Base(filepath.Dir(path)) == "deckard")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rplFiles returns the peers' scenarios in dir.
func rplFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	for _, peer := range []string{"deckard", "unbound"} {
		found, err := filepath.Glob(filepath.Join(dir, peer, "*.rpl"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return files
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

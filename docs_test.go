package mpicsim_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestLibrariesPage: docs/libraries.md names a test for each row, by its file and a
// text in it; both must exist.
func TestLibrariesPage(t *testing.T) {
	const page = "docs/libraries.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	held := regexp.MustCompile("\\| `([a-z0-9_/]+_test\\.go)` ([^|]+) \\|$")
	rows := 0
	for i, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| what |") || strings.HasPrefix(line, "|--") {
			continue
		}
		rows++
		at := held.FindStringSubmatch(line)
		if at == nil {
			t.Errorf("%s:%d: held by: found no test, expected `file_test.go` and its name", page, i+1)
			continue
		}
		if cells := strings.Count(line, "|") - 1; cells != 5 {
			t.Errorf("%s:%d: found %d cells, expected 5", page, i+1, cells)
		}
		source, err := os.ReadFile(at[1])
		if err != nil {
			t.Errorf("%s:%d: held by: %v", page, i+1, err)
		} else if !strings.Contains(string(source), at[2]) {
			t.Errorf("%s:%d: held by: found no %q in %s", page, i+1, at[2], at[1])
		}
	}
	if rows < 40 {
		t.Errorf("%s: found %d rows, expected more: the test does not read them", page, rows)
	}
}

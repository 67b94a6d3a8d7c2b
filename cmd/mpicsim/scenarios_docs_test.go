package main

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

// docs/incidents is what the library's replays print today, no page more or less.
func TestIncidentDocsAreGenerated(t *testing.T) {
	g := NewWithT(t)
	const again = "run `make incidents` and look at the difference"
	pages, err := incidentPages(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	files, err := incidentFiles(pages)
	g.Expect(err).NotTo(HaveOccurred())
	dir := filepath.Join("..", "..", "docs", "incidents")
	var want []string
	for _, f := range files {
		want = append(want, f.name)
		got, err := os.ReadFile(filepath.Join(dir, f.name))
		g.Expect(err).NotTo(HaveOccurred(), again)
		if string(got) != string(f.text) {
			t.Errorf("docs/incidents/%s has drifted from the library; %s", f.name, again)
		}
	}
	entries, err := os.ReadDir(dir)
	g.Expect(err).NotTo(HaveOccurred())
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	g.Expect(found).To(ConsistOf(want), again)
	list, err := listScenarios()
	g.Expect(err).NotTo(HaveOccurred())
	stories := 0
	for _, p := range pages {
		stories += len(p.Stories)
	}
	g.Expect(stories).To(Equal(len(list)), "each story is on one page")
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// Examples in pages are what the commands print.
func TestPagesShowRealOutput(t *testing.T) {
	for _, c := range []struct {
		page, example string
		args          []string
	}{
		{"README.md", "replay", []string{"replay"}},
		{"docs/domains.md", "domain trace", []string{"domain", "trace", "--scenario", "name-server"}},
		{"docs/domains.md", "domain trace json", []string{"domain", "trace", "--scenario", "name-server", "--json"}},
	} {
		t.Run(c.page+" "+c.example, func(t *testing.T) {
			g := NewWithT(t)
			page, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(c.page)))
			g.Expect(err).NotTo(HaveOccurred())
			_, after, ok := strings.Cut(string(page), "<!-- example: "+c.example+" -->\n```")
			g.Expect(ok).To(BeTrue(), "the page has lost its example")
			_, after, _ = strings.Cut(after, "\n") // the language
			example, _, ok := strings.Cut(after, "\n```\n")
			g.Expect(ok).To(BeTrue())
			var out, errs bytes.Buffer
			code := run(c.args, streams{in: strings.NewReader(""), out: &out, err: &errs, env: func(string) string { return "" }})
			g.Expect(code).To(Equal(exitDone), errs.String())
			g.Expect(out.String()).To(ContainSubstring(example))
		})
	}
}

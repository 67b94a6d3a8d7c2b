package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// The README's example is what the command prints.
func TestReadmeShowsRealOutput(t *testing.T) {
	g := NewWithT(t)
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	g.Expect(err).NotTo(HaveOccurred())
	_, after, ok := strings.Cut(string(readme), "<!-- example: replay -->\n```\n")
	g.Expect(ok).To(BeTrue(), "the README has lost its example")
	example, _, ok := strings.Cut(after, "\n```\n")
	g.Expect(ok).To(BeTrue())
	var out, errs bytes.Buffer
	code := run([]string{"replay"}, streams{in: strings.NewReader(""), out: &out, err: &errs, env: func(string) string { return "" }})
	g.Expect(code).To(Equal(exitDone), errs.String())
	g.Expect(out.String()).To(ContainSubstring(example))
}
